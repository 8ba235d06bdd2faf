"""What is archived is looked at where it lies, people decide about quarantine, and reports travel with snapshots."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import pytest

from holotype import lake
from holotype.catalog import (
    ArchiveReadOnly,
    DataRefused,
    DatasetNotFound,
    EntryNotFound,
    InvalidName,
    InvalidOption,
    SnapshotNotFound,
)

from ..archive.trees import fill
from .digits import RECORDED, REFUSED, STRICT, codes_of

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """An archive with a sound snapshot, and one with a file that is not; nobody has looked at either."""
    archive = lake.create(tmp_path / "archive", author="ada")
    source = fill(tmp_path / "source", {"a.txt": b"123\n", "below/b.txt": b"4\n5\n"})
    archive.backup(source, dataset="run")
    fill(source, {"below/b.txt": b"4\nfive\n"})
    archive.backup(source, dataset="run")
    return archive


def test_an_archived_snapshot_is_looked_at_and_the_report_kept(archive: Archive) -> None:
    sound, unsound = (archive.validate(f"run@{number}", validation=STRICT) for number in (1, 2))
    assert (sound.snapshot, sound.ok, sound.action.value) == ("run@1", True, "record")
    assert (unsound.snapshot, unsound.ok, unsound.action.value) == ("run@2", False, "quarantine")
    assert codes_of(unsound.report.findings.to_pylist()) == [("below/b.txt", "test.digits.letters")]
    assert archive.snapshot("run").name == "run@1"
    kept = archive.report("run@2")
    assert kept.findings.equals(unsound.report.findings)
    assert kept.metrics.equals(unsound.report.metrics)
    assert kept.checked.equals(unsound.report.checked)
    assert kept.counts == unsound.report.counts
    assert archive.reports()["occasion"].to_list() == ["validate", "validate"]


def test_reports_on_a_dataset_that_there_is_not_are_refused_with_the_nearest_names(archive: Archive) -> None:
    assert archive.reports("run").is_empty()
    with pytest.raises(DatasetNotFound, match="the nearest are run"):
        archive.reports("ruin")
    nothing: Any = 3
    with pytest.raises(InvalidName, match="a name is text"):
        archive.validate(nothing)


def test_reports_on_a_dataset_whose_only_snapshot_was_refused_are_there(tmp_path: Path) -> None:
    archive = lake.create(tmp_path / "archive")
    with pytest.raises(DataRefused):
        archive.backup(fill(tmp_path / "source", {"a.txt": b"five\n"}), dataset="run", validation=REFUSED)
    assert archive.reports("run").height == 1


@pytest.mark.parametrize("dataset", [PurePath("run"), 3, None])
def test_a_dataset_is_named_by_text(archive: Archive, tmp_path: Path, dataset: Any) -> None:
    with pytest.raises(InvalidName, match="a name is text"):
        archive.backup(tmp_path / "source", dataset=dataset)


def test_a_part_of_a_snapshot_may_be_looked_at(archive: Archive) -> None:
    assert archive.validate("run@2", validation=STRICT, paths=["a.txt"]).ok
    one: Any = "a.txt"
    with pytest.raises(InvalidOption, match="as a list"):
        archive.validate("run@2", validation=STRICT, paths=one)
    with pytest.raises(EntryNotFound, match="run@2 has no file that"):
        archive.validate("run@2", validation=STRICT, paths=["*.bam"])


def test_looking_needs_no_permission_to_write_and_keeps_nothing_then(archive: Archive) -> None:
    reader = lake.open(archive.url, read_only=True)
    found = reader.validate("run@2", validation=STRICT)
    assert (found.id, found.ok) == (None, False)
    assert reader.reports().is_empty()
    with pytest.raises(ArchiveReadOnly):
        reader.quarantine("run@1", reason="doubts")


def test_what_is_archived_cannot_be_refused_but_is_quarantined(archive: Archive) -> None:
    assert archive.validate("run@2", validation=REFUSED).action == "quarantine"
    assert archive.snapshot("run").name == "run@1"


def test_people_put_snapshots_into_quarantine_and_let_them_out(archive: Archive) -> None:
    archive.quarantine("run@2", reason="the sequencer was out of order")
    archive.quarantine("run@2", reason="once more")
    assert archive.quarantined()["reason"].to_list() == ["the sequencer was out of order"]
    assert archive.snapshot("run").name == "run@1"
    assert archive.snapshot("run@2").number == 2
    archive.release("run@2", reason="it was not")
    assert archive.quarantined().is_empty()
    assert archive.snapshot("run").name == "run@2"
    archive.quarantine("run@2", reason="it was after all")
    assert archive.snapshot("run").name == "run@1"


def test_quarantine_needs_a_reason_and_a_snapshot(archive: Archive) -> None:
    with pytest.raises(InvalidOption, match="say why"):
        archive.quarantine("run@2", reason=" ")
    with pytest.raises(InvalidOption, match="does not say which snapshot"):
        archive.quarantine("run", reason="doubts")
    with pytest.raises(SnapshotNotFound):
        archive.release("run@7", reason="never there")


def test_the_next_backup_builds_on_what_is_in_quarantine(archive: Archive, tmp_path: Path) -> None:
    archive.quarantine("run@2", reason="doubts")
    snapshot = archive.backup(tmp_path / "source", dataset="run")
    assert (snapshot.number, snapshot.new_bytes) == (3, 0)
    assert archive.snapshot("run").name == "run@3"


def test_a_restore_refuses_what_is_known_to_be_unsound_before_it_writes(archive: Archive, tmp_path: Path) -> None:
    target = tmp_path / "target"
    archive.validate("run@2", validation=STRICT)
    with pytest.raises(DataRefused, match="run@2 is in quarantine"):
        archive.restore("run@2", target, validation=REFUSED)
    archive.release("run@2", reason="to be looked at")
    with pytest.raises(DataRefused, match="run@2 is refused for what was found in it"):
        archive.restore("run@2", target, validation=REFUSED)
    assert not target.exists()
    assert archive.restore("run@2", target).ok, "whoever does not ask is not refused"


def test_what_was_restored_is_looked_at(archive: Archive, tmp_path: Path) -> None:
    restored = archive.restore("run@2", tmp_path / "target", validation=RECORDED)
    assert restored.ok
    assert restored.report is not None
    assert codes_of(restored.report.findings.to_pylist()) == [("below/b.txt", "test.digits.letters")]
    assert archive.reports("run@2")["occasion"].to_list() == ["restore"]
    with pytest.raises(DataRefused, match=r"was restored to .* and is refused"):
        archive.restore("run@2", tmp_path / "strict", validation=REFUSED)
    assert (tmp_path / "strict" / "a.txt").read_bytes() == b"123\n", "what was restored stays"
    assert archive.quarantined().is_empty(), "a restore says nothing of what is archived"


def test_reports_and_quarantine_travel_with_snapshots(archive: Archive, tmp_path: Path) -> None:
    archive.validate("run@1", validation=STRICT)
    archive.validate("run@2", validation=STRICT)
    archive.copy(tmp_path / "copy")
    copy = lake.open(tmp_path / "copy")
    assert copy.reports().equals(archive.reports())
    assert copy.report("run@2").findings.equals(archive.report("run@2").findings)
    assert copy.snapshot("run").name == "run@1"
    assert archive.compare(copy).equal
    archive.release("run@2", reason="looked at")
    found = archive.compare(copy).differences
    assert found.select("what", "where", "object").rows() == [("report", "there", "quarantine")]
    archive.sync(copy)
    assert copy.snapshot("run").name == "run@2"
    archive.sync(copy)
    assert archive.compare(copy).equal
    assert copy.reports().equals(archive.reports())


def test_sql_knows_what_was_found_and_what_is_in_quarantine(archive: Archive) -> None:
    archive.validate("run@1", validation=STRICT)
    archive.validate("run@2", validation=STRICT)
    rows = archive.sql("SELECT dataset, number, path, code, line FROM findings").fetchall()
    assert rows == [("run", 2, "below/b.txt", "test.digits.letters", 2)]
    assert archive.sql("SELECT dataset, number, author FROM quarantined").fetchall() == [("run", 2, "ada")]
    slow = archive.sql("SELECT sum(value) FROM report_metrics WHERE name = 'test.digits.bytes'").fetchall()
    assert slow == [(3 + 2 + 3 + 5,)]


def test_a_report_that_there_is_not_is_said_not_to_be_there(archive: Archive) -> None:
    with pytest.raises(EntryNotFound, match=r"archive\.validate makes one"):
        archive.report("run@1")
    with pytest.raises(EntryNotFound, match="0 reports have an identifier"):
        archive.report("abc")
