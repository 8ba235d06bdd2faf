"""An archive's files are looked at where they lie, as a folder's are, without a request for each."""

from __future__ import annotations

import gzip
import os
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import pytest

from holotype import lake
from holotype.catalog import ObjectDamaged, SnapshotNotFound, StorageFailed
from holotype.lake.reading.series import Series
from holotype.lake.validate import validate
from holotype.validators import Check, validate_folder

from ..archive.trees import fill
from ..reading.watching import new_archive, watch

if TYPE_CHECKING:
    from holotype.lake import Archive
    from holotype.validators import Found, Subject

READS = "".join(f"@read{number}/1\nACGT\n+\nIIII\n" for number in range(4000)).encode()
MIXED = {
    "empty.csv": b"",
    "one.csv": b"a,b\n1,2\n",
    "unsound.csv": b"a,b\n1\n",
    "below/packed.csv.gz": gzip.compress(b"a,b\n1,2\n" * 500, mtime=0),
    "run_R1.fastq": READS,
    "run_R2.fastq": READS.replace(b"/1\n", b"/2\n")[: -len("@read3999/2\nACGT\n+\nIIII\n")],
    "bytes.bin": bytes(range(256)) * 300,
}


def _told(table: pa.Table, *, but: str) -> list[dict[str, Any]]:
    columns = [name for name in table.column_names if name not in ("seconds", "checked", "time")]
    rows: list[dict[str, Any]] = table.select(columns).filter(pa.compute.not_equal(table["path"], but)).to_pylist()
    return sorted(rows, key=repr)


@pytest.fixture
def archive() -> Archive:
    """An archive in memory, whose chunks are of a kilobyte."""
    return new_archive()


def test_what_is_found_in_an_archive_is_what_is_found_in_the_folder(archive: Archive, tmp_path: Path) -> None:
    folder = fill(tmp_path / "folder", MIXED)
    archive.backup(folder, dataset="run")
    inside, outside = archive.validate("run").report, validate_folder(folder)
    assert _told(inside.findings, but="run@1") == _told(outside.findings, but=str(folder))
    assert _told(inside.metrics, but="run@1") == _told(outside.metrics, but=str(folder))
    pairs = [
        rows.filter(pa.compute.equal(rows["check"], "fastq.pairs")) for rows in (inside.findings, outside.findings)
    ]
    assert [rows["code"].to_pylist() for rows in pairs] == [["fastq.pair.count"]] * 2


def test_a_thousand_small_files_cost_a_few_requests(archive: Archive, tmp_path: Path) -> None:
    archive.backup(fill(tmp_path / "few", {"0.csv": b"a,b\n0,0\n"}), dataset="few")
    names = {f"{number}.csv": f"a,b\n{number},2\n".encode() for number in range(1000)}
    archive.backup(fill(tmp_path / "many", names), dataset="many")
    requests: list[int] = []
    for dataset in ("few", "many"):
        context, store = watch(archive)
        before = len(store.reads)
        assert validate(context, dataset).ok
        requests.append(len(store.reads) - before)
    assert requests[1] < requests[0] + 20


def test_damage_in_a_small_file_is_told_by_whoever_looks_at_it_and_by_nobody_else(tmp_path: Path) -> None:
    archive = lake.create(tmp_path / "archive")
    source = tmp_path / "source"
    for number in range(2):  # each in a pack of its own
        archive.backup(fill(source, {f"{number}.csv": f"a,b\n{number},2\n".encode()}), dataset="run")
    chunk = archive.sql(
        "SELECT p.object FROM chunks c JOIN packs p USING (pack) JOIN files f ON list_contains(f.chunks, c.chunk)"
        " WHERE f.path = '1.csv' AND f.number = 2"
    ).fetchall()
    path = tmp_path / "archive" / chunk[0][0]
    data = bytearray(path.read_bytes())
    at = data.index(b"a,b\n1,2\n") if b"a,b\n1,2\n" in data else len(data) // 3
    data[at] ^= 1
    os.chmod(path, 0o644)
    path.write_bytes(data)
    with pytest.raises(ObjectDamaged):
        archive.open("run", "1.csv").read()
    found = archive.validate("run")
    errors = [row for row in found.report.findings.to_pylist() if row["severity"] == "error"]
    assert [(row["path"], row["code"]) for row in errors] == [("1.csv", "file.unreadable")]
    assert found.damage.rows() == [("run@2", "1.csv")]
    assert found.action == "quarantine"
    assert archive.validate("run@2", paths=["0.csv"]).ok


def test_files_of_a_series_are_read_where_they_stand_however_often(archive: Archive, tmp_path: Path) -> None:
    archive.backup(fill(tmp_path / "folder", MIXED), dataset="run")
    context, _ = watch(archive)
    series = Series(context, archive.snapshot("run").id, state=context.catalog.state)
    files = []
    for file in series.files():
        assert file.read(3) == MIXED[file.path.decode()][:3]
        files.append(file)
    assert {file.path.decode() for file in files} == set(MIXED)
    for file in reversed(files):
        whole = MIXED[file.path.decode()]
        assert file.tell() == min(3, len(whole))
        assert file.read() == whole[3:]
        assert file.seek(-2, os.SEEK_END) == len(whole) - 2 if whole else file.seek(0, os.SEEK_END) == 0
        assert file.read() == whole[-2:]
        with pytest.raises(ValueError, match="cannot seek"):
            file.seek(-1)


class Forgetting(Check):
    """Has the snapshot forgotten and collected when the first of its files is looked at."""

    name: ClassVar[str] = "test.forgetting"

    def __init__(self, archive: Archive) -> None:
        self._archive: Archive | None = archive

    def look(self, subject: Subject, found: Found) -> None:
        if (archive := self._archive) is not None:
            self._archive = None
            archive.forget("study@3")
            archive.collect()


NOISE = random.Random(7).randbytes(3 << 20)


@pytest.fixture
def study(tmp_path: Path) -> Archive:
    """An archive on a disk, with a small file and a large one, which have packs of their own."""
    archive = lake.create(tmp_path / "archive")
    archive.backup(fill(tmp_path / "first", {"large.bin": NOISE}), dataset="study")
    archive.backup(
        fill(tmp_path / "second", {"large.bin": NOISE, "small.txt": b"1\n2\n", "z.txt": b"3\n"}), dataset="study"
    )
    return archive


def test_a_file_whose_bytes_are_damaged_is_a_finding_and_the_others_are_looked_at(study: Archive) -> None:
    (pack,) = study.sql("SELECT object FROM packs ORDER BY bytes DESC LIMIT 1").fetchall()[0]
    path = Path(study.url.removeprefix("file://")) / pack
    content = bytearray(path.read_bytes())
    for place in range(len(content) // 4, len(content), len(content) // 8):
        content[place] ^= 1
    path.write_bytes(content)
    found = study.validate("study@2")
    assert {(row["path"], row["code"]) for row in found.report.findings.to_pylist() if row["severity"] == "error"} == {
        ("large.bin", "file.unreadable")
    }
    assert {"small.txt", "z.txt"} <= set(found.report.checked["path"].to_pylist())
    assert found.damage.rows() == [("study@2", "large.bin")]
    assert "large.bin" in study.provenance.impact(found.damage)["path"].to_list()


def test_a_snapshot_that_is_collected_meanwhile_is_gone_and_not_damaged(study: Archive, tmp_path: Path) -> None:
    many = {f"{number}.bin": random.Random(number).randbytes(3 << 20) for number in range(4)}
    study.backup(fill(tmp_path / "third", many), dataset="study")
    with pytest.raises(SnapshotNotFound, match="collected while"):
        study.validate("study@3", validation=lake.Validation(also=(Forgetting(study),)))
    assert study.reports().is_empty()
    assert study.quarantined().is_empty()


def test_a_storage_that_is_not_to_be_reached_says_nothing_about_the_data(
    study: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*asked: object, **named: object) -> None:
        raise StorageFailed("the server is away")

    monkeypatch.setattr("holotype.lake.reading.series.open_row", gone)
    with pytest.raises(StorageFailed, match="the server is away"):
        study.validate("study@2")
    assert study.reports().is_empty()
    assert study.quarantined().is_empty()
