"""A backup that is asked to look at what it keeps: the report is kept with it, and the policy is followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from holotype import lake
from holotype.catalog import DataRefused, DatasetNotFound, InvalidOption, SnapshotNotFound
from holotype.validators import Action, Policy, Severity, Threshold

from ..archive.trees import fill
from .digits import RECORDED, REFUSED, STRICT, Digits, codes_of

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with sound files."""
    return fill(tmp_path / "source", {"a.txt": b"123\n", "below/b.txt": b"4\n5\n"})


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """An archive without anything in it."""
    return lake.create(tmp_path / "archive", author="ada")


def test_a_sound_folder_has_a_report_that_says_so(archive: Archive, source: Path) -> None:
    snapshot = archive.backup(source, dataset="run", validation=STRICT)
    row = archive.reports("run@1").row(0, named=True)
    assert (row["dataset"], row["version"], row["snapshot"]) == ("run", 1, snapshot.id)
    assert (row["occasion"], row["action"], row["author"], row["files"]) == ("backup", "record", "ada", 2)
    assert (row["notes"], row["warnings"], row["errors"], row["complete"]) == (0, 0, 0, True)
    report = archive.report("run@1")
    assert report.ok
    assert report.metric("test.digits.bytes", path="below/b.txt") == 2
    assert set(report.checked["path"].to_pylist()) == {"a.txt", "below/b.txt"}


def test_a_snapshot_with_errors_is_kept_and_not_taken_for_the_latest(archive: Archive, source: Path) -> None:
    archive.backup(source, dataset="run", validation=STRICT)
    fill(source, {"a.txt": b"12\nx3\n"})
    snapshot = archive.backup(source, dataset="run", validation=STRICT)
    assert snapshot.name == "run@2"
    assert archive.snapshot("run").name == archive.snapshot("run@latest").name == "run@1"
    with archive.open("run", "a.txt") as file:
        assert file.read() == b"123\n"
    with archive.open("run@2", "a.txt") as file:
        assert file.read() == b"12\nx3\n", "it is kept as it is"
    row = archive.quarantined().row(0, named=True)
    assert (row["dataset"], row["number"], row["author"]) == ("run", 2, "ada")
    findings = archive.report(row["report"]).findings.to_pylist()
    assert codes_of(findings) == [("a.txt", "test.digits.letters")]
    assert (findings[0]["line"], findings[0]["seen"]) == (2, "x3")


def test_a_file_that_stays_unsound_keeps_every_later_snapshot_in_quarantine(archive: Archive, source: Path) -> None:
    fill(source, {"a.txt": b"x\n"})
    archive.backup(source, dataset="run", validation=STRICT)
    fill(source, {"below/b.txt": b"6\n"})
    archive.backup(source, dataset="run", validation=STRICT)
    assert archive.quarantined()["number"].to_list() == [1, 2]
    assert codes_of(archive.report("run@2").findings.to_pylist()) == [("a.txt", "test.digits.letters")]
    assert set(archive.report("run@2").checked["path"].to_pylist()) == {"a.txt", "below/b.txt"}
    with pytest.raises(SnapshotNotFound, match="every snapshot of run is in quarantine: name one, as run@2"):
        archive.snapshot("run")
    fill(source, {"a.txt": b"7\n"})
    archive.backup(source, dataset="run", validation=STRICT)
    assert archive.snapshot("run").name == "run@3"
    assert archive.report("run@3").ok


def test_a_file_that_is_gone_is_no_more_found(archive: Archive, source: Path) -> None:
    fill(source, {"bad.txt": b"x\n"})
    archive.backup(source, dataset="run", validation=STRICT)
    (source / "bad.txt").unlink()
    archive.backup(source, dataset="run", validation=STRICT)
    assert archive.report("run@2").ok
    assert archive.snapshot("run").name == "run@2"


def test_refused_data_are_not_kept_and_the_report_on_them_is(archive: Archive, source: Path) -> None:
    archive.backup(source, dataset="run", validation=REFUSED)
    fill(source, {"a.txt": b"x\ny\n"})
    with pytest.raises(
        DataRefused, match=r"run was refused: 2 errors in it; the first: a\.txt: there are letters"
    ) as told:
        archive.backup(source, dataset="run", validation=REFUSED)
    assert archive.snapshots("run")["number"].to_list() == [1]
    row = archive.reports("run").row(1, named=True)
    assert (row["report"], row["snapshot"], row["action"], row["errors"]) == (told.value.report, None, "refuse", 2)
    assert codes_of(archive.report(row["report"][:8]).findings.to_pylist()) == [("a.txt", "test.digits.letters")] * 2
    assert archive.verify().ok
    archive.backup(source, dataset="run")
    assert archive.snapshot("run").name == "run@2", "whoever does not ask is not refused"


def test_a_first_backup_that_is_refused_leaves_no_dataset(archive: Archive, source: Path) -> None:
    fill(source, {"a.txt": b"x\n"})
    with pytest.raises(DataRefused):
        archive.backup(source, dataset="run", validation=REFUSED)
    with pytest.raises(DatasetNotFound):
        archive.snapshot("run")


def test_what_is_only_recorded_is_the_latest_all_the_same(archive: Archive, source: Path) -> None:
    fill(source, {"a.txt": b"x\n"})
    archive.backup(source, dataset="run", validation=RECORDED)
    assert archive.snapshot("run").name == "run@1"
    assert archive.quarantined().is_empty()
    assert archive.reports("run")["errors"].to_list() == [1]


def test_a_policy_may_be_strict_about_warnings(archive: Archive, source: Path) -> None:
    fill(source, {"a.txt": b"1" * 2000})
    asked = lake.Validation(checks=(Digits(),), policy=Policy(warning=Action.QUARANTINE))
    archive.backup(source, dataset="run", validation=asked)
    assert archive.quarantined()["number"].to_list() == [1]
    assert asked.policy.of(Severity.NOTE) is Action.RECORD


def test_only_files_that_patterns_choose_are_looked_at(archive: Archive, source: Path) -> None:
    fill(source, {"a.txt": b"x\n"})
    asked = lake.Validation(checks=(Digits(),), patterns=("below/*",))
    archive.backup(source, dataset="run", validation=asked)
    assert archive.report("run@1").ok
    assert set(archive.report("run@1").checked["path"].to_pylist()) == {"below/b.txt"}


def test_a_single_file_is_looked_at_as_well(archive: Archive, source: Path) -> None:
    archive.backup(source / "a.txt", dataset="one", validation=STRICT)
    assert archive.report("one@1").checked["path"].to_pylist()[0] == "a.txt"


def test_only_new_and_changed_files_are_looked_at_again(archive: Archive, source: Path) -> None:
    seen: list[str] = []

    class Counting(Digits):
        def look(self, subject, found):  # type: ignore[no-untyped-def]
            seen.append(subject.name)

    asked = lake.Validation(checks=(Counting(),))
    archive.backup(source, dataset="run", validation=asked)
    fill(source, {"c.txt": b"9\n"})
    archive.backup(source, dataset="run", validation=asked)
    assert seen == ["a.txt", "below/b.txt", "c.txt"]


def test_a_check_that_falls_over_is_a_finding_and_the_backup_is_made(archive: Archive, source: Path) -> None:
    class Falls(Digits):
        def look(self, subject, found):  # type: ignore[no-untyped-def]
            raise RuntimeError("oh")

    snapshot = archive.backup(source, dataset="run", validation=lake.Validation(checks=(Falls(),)))
    assert set(archive.report(snapshot.name).counts) == {"check.crashed"}
    assert archive.quarantined()["snapshot"].to_list() == [snapshot.id]


@pytest.mark.parametrize("given", [True, Policy(), "full"])
def test_what_is_no_validation_is_refused(archive: Archive, source: Path, given: Any) -> None:
    with pytest.raises(InvalidOption, match=r"lake\.Validation"):
        archive.backup(source, dataset="run", validation=given)
    assert archive.snapshots().is_empty()


def test_how_much_to_look_at_may_be_given_by_its_name(archive: Archive, source: Path) -> None:
    given: Any = "header"
    archive.backup(source, dataset="run", validation=lake.Validation(cost=given))
    assert archive.reports("run@1")["cost"].to_list() == ["header"]


READ = b"@r\nACGT\n+\nIIII\n"
GOOD_READS = lake.Validation(thresholds=(Threshold("fastq.q30", least=0.5),))


def test_thresholds_are_for_files_that_could_have_the_figure(archive: Archive, source: Path) -> None:
    fill(source, {"a.fastq": READ, "a.csv": b"a\n1\n"})
    archive.backup(source, dataset="run", validation=GOOD_READS)
    assert not archive.report("run@1").counts
    assert archive.snapshot("run").name == "run@1"
    assert archive.validate("run@1", validation=GOOD_READS).ok
    fill(source, {"b.txt": b"7\n"})
    archive.backup(source, dataset="run", validation=GOOD_READS)
    assert not archive.report("run@2").counts, "the reads stayed as they are, and so do their figures"


def test_a_figure_that_nothing_in_a_backup_has_is_told_once_on_the_dataset(archive: Archive, source: Path) -> None:
    archive.backup(source, dataset="run", validation=GOOD_READS)
    fill(source, {"c.txt": b"7\n"})
    archive.backup(source, dataset="run", validation=GOOD_READS)
    for name in ("run@1", "run@2"):
        assert codes_of(archive.report(name).findings.to_pylist()) == [("run", "metric.threshold")]
    validated = archive.validate("run@2", validation=GOOD_READS)
    assert codes_of(validated.report.findings.to_pylist()) == [("run@2", "metric.threshold")]
    assert validated.damage.is_empty()


def test_figures_of_files_that_nobody_looked_at_are_not_missed(archive: Archive, source: Path) -> None:
    fill(source, {"a.fastq": READ})
    archive.backup(source, dataset="run")
    fill(source, {"c.txt": b"7\n"})
    archive.backup(source, dataset="run", validation=GOOD_READS)
    assert not archive.report("run@2").counts
