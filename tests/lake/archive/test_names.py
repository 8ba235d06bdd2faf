"""What an archive holds, found by name: datasets, snapshots, files; and what is said when there is none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from holotype import lake
from holotype.catalog import (
    ArchiveExists,
    ArchiveReadOnly,
    DatasetNotFound,
    EntryNotFound,
    InvalidName,
    InvalidOption,
    SnapshotNotFound,
)

from ..making import Clock
from .trees import assert_sound, fill, look, new_archive, reopened, restored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from holotype.lake import Archive


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return fill(tmp_path / "source", {"a": b"1", "b/c": b"22"})


@pytest.fixture
def archive(source: Path) -> Archive:
    archive = new_archive(name="Rivera lab", clock=Clock(datetime(2031, 1, 2, tzinfo=UTC)))
    for number, dataset in enumerate(["rnaseq/liver", "rnaseq/liver", "imaging", "rnaseq/kidney", "rnaseq/liver"]):
        fill(source, {"b/c": b"x" * number})
        archive.backup(source, dataset=dataset, message=f"message {number}")
    return archive


class TestSnapshots:
    def test_by_number_latest_and_digest(self, archive: Archive) -> None:
        third = archive.snapshot("rnaseq/liver@3")
        for name in (
            "rnaseq/liver",
            "rnaseq/liver@latest",
            third.id,
            f"rnaseq/liver@{third.id}",
            f"rnaseq/liver@{third.id[:7]}",
        ):
            assert archive.snapshot(name) == third
        assert archive.snapshot("rnaseq/liver@1").number == 1
        assert third.parent == archive.snapshot("rnaseq/liver@2").id

    def test_a_digest_may_begin_with_decimal_digits(self, archive: Archive, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        made = archive.snapshot("imaging")
        for n in range(2000):
            made = archive.backup(tmp_path / "empty", dataset="d", message=str(n))
            if made.id[:7].isdecimal() and made.id[0] != "0":
                break
        assert archive.snapshot(f"d@{made.id[:7]}") == made
        with pytest.raises(SnapshotNotFound):
            archive.snapshot("d@9999999")

    def test_every_verb_takes_any_of_these_names(self, archive: Archive, tmp_path: Path) -> None:
        digest = archive.snapshot("rnaseq/liver@2").id
        for number, name in enumerate((digest, "rnaseq/liver@2", f"rnaseq/liver@{digest[:12]}")):
            assert restored(archive, name, tmp_path / str(number))[b"b/c"].content == b"x"
            assert archive.verify(name).scope == "rnaseq/liver@2"
            assert archive.files(name, paths=["b/c"])["size"].item() == 1
            assert archive.problems(name).is_empty()
            assert archive.diff(name, "rnaseq/liver@2").is_empty()

    def test_a_dataset_that_does_not_exist(self, archive: Archive, tmp_path: Path) -> None:
        calls: list[Callable[[str], object]] = [
            archive.snapshot,
            archive.files,
            archive.verify,
            archive.problems,
            lambda name: archive.restore(name, tmp_path / "back"),
            lambda name: archive.diff("imaging", name),
            lambda name: archive.open(name, "a"),
        ]
        for call in calls:
            with pytest.raises(DatasetNotFound, match="the nearest are rnaseq/liver") as caught:
                call("rnaseq/lever@1")
            assert "rnaseq/liver" in caught.value.about["near"]  # type: ignore[operator]
            assert isinstance(caught.value, KeyError)
        with pytest.raises(DatasetNotFound, match="the nearest are rnaseq/liver"):
            archive.snapshots("rnaseq/lever")
        assert not (tmp_path / "back").exists()

    def test_a_snapshot_that_does_not_exist(self, archive: Archive, tmp_path: Path) -> None:
        for call in (
            archive.snapshot,
            archive.files,
            archive.verify,
            lambda name: archive.restore(name, tmp_path / "back"),
        ):
            with pytest.raises(SnapshotNotFound, match=r"there are rnaseq/liver@3, rnaseq/liver@2") as caught:
                call("rnaseq/liver@9")
            assert caught.value.about["near"] == ("rnaseq/liver@3", "rnaseq/liver@2", "rnaseq/liver@1")
        for name in ("f" * 64, "rnaseq/liver@abcdef0"):
            with pytest.raises(SnapshotNotFound):
                archive.snapshot(name)

    def test_names_that_cannot_be(self, archive: Archive) -> None:
        for name in ("", "@1", "imaging@0", "imaging@-1", "imaging@first", "imaging@1@2", "../imaging@1"):
            with pytest.raises(InvalidName):
                archive.snapshot(name)
        with pytest.raises(InvalidName):
            archive.snapshots("imaging@1")

    def test_in_an_archive_without_any(self) -> None:
        empty = new_archive()
        with pytest.raises(DatasetNotFound, match="no datasets yet"):
            empty.snapshot("run")
        assert empty.snapshots().is_empty()
        assert empty.datasets().is_empty()
        assert empty.verify().ok
        assert empty.sql("SELECT count(*) FROM snapshots").fetchall() == [(0,)]

    def test_one_that_was_forgotten(self, archive: Archive, tmp_path: Path) -> None:
        archive.forget("rnaseq/liver@2")
        with pytest.raises(SnapshotNotFound, match="it is forgotten"):
            archive.restore("rnaseq/liver@2", tmp_path / "back")
        assert archive.snapshots("rnaseq/liver")["number"].to_list() == [1, 3]
        every = archive.snapshots("rnaseq/liver", forgotten=True)
        assert dict(zip(every["number"], every["state"], strict=True)) == {1: "live", 2: "forgotten", 3: "live"}

    def test_numbers_are_never_used_again(self, archive: Archive, source: Path) -> None:
        archive.forget("imaging@1")
        archive.collect()
        assert archive.snapshots("imaging").is_empty()
        assert archive.snapshots("imaging", forgotten=True)["state"].to_list() == ["purged"]
        assert "imaging" not in archive.datasets()["dataset"].to_list()
        again = archive.backup(source, dataset="imaging")
        assert (again.number, again.parent) == (2, None)


class TestListings:
    def test_snapshots(self, archive: Archive) -> None:
        rows = archive.snapshots()
        assert rows.select("dataset", "number").rows() == [
            ("imaging", 1),
            ("rnaseq/kidney", 1),
            ("rnaseq/liver", 1),
            ("rnaseq/liver", 2),
            ("rnaseq/liver", 3),
        ]
        assert set(rows["state"]) == {"live"}
        assert rows.filter(dataset="imaging")["message"].item() == "message 2"

    def test_datasets(self, archive: Archive) -> None:
        rows = archive.datasets()
        assert rows.select("dataset", "snapshots", "latest", "files", "bytes").rows() == [
            ("imaging", 1, 1, 2, 3),
            ("rnaseq/kidney", 1, 1, 2, 4),
            ("rnaseq/liver", 3, 3, 2, 5),
        ]

    def test_files(self, archive: Archive, source: Path) -> None:
        rows = archive.files("rnaseq/liver@3")
        assert rows["path"].to_list() == ["", "a", "b", "b/c"]
        assert rows["kind"].to_list() == ["directory", "file", "directory", "file"]
        assert rows["size"].to_list() == [0, 1, 0, 4]
        assert rows["mtime_ns"].to_list() == [look(source)[path].mtime_ns for path in (b"", b"a", b"b", b"b/c")]
        # As sha256sum prints it.
        assert rows["sha256"][1] == "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
        assert rows["modified"].dtype.is_temporal()
        assert archive.files("rnaseq/liver@3", paths=["nothing"]).is_empty()

    def test_sql(self, archive: Archive) -> None:
        assert archive.sql("SELECT dataset, count(*) AS n FROM snapshots GROUP BY 1 ORDER BY 1").fetchall() == [
            ("imaging", 1),
            ("rnaseq/kidney", 1),
            ("rnaseq/liver", 3),
        ]
        found = archive.sql(
            "SELECT path FROM files WHERE dataset = ? AND number = 3 AND kind = 'file' ORDER BY 1",
            parameters=["rnaseq/liver"],
        )
        assert found.fetchall() == [("a",), ("b/c",)]
        assert archive.scan("snapshots").collect().height == archive.read("snapshots").num_rows == 5

    def test_a_file_that_is_not_there(self, archive: Archive) -> None:
        with pytest.raises(EntryNotFound):
            archive.open("imaging@1", "b/d")


class TestTheArchive:
    def test_what_it_is(self, tmp_path: Path) -> None:
        archive = lake.create(tmp_path / "archive", name="Rivera lab", author="ada@lab")
        assert archive.name == "Rivera lab"
        assert archive.url == f"file://{tmp_path}/archive"
        assert repr(archive) == f"<Archive 'Rivera lab' at file://{tmp_path}/archive>"
        again = lake.open(archive.url)
        assert (again.id, again.name) == (archive.id, archive.name)

    def test_there_is_one_already(self, tmp_path: Path) -> None:
        new_archive(tmp_path / "archive")
        with pytest.raises(ArchiveExists):
            lake.create(tmp_path / "archive")

    def test_a_url_that_no_store_knows(self) -> None:
        with pytest.raises(InvalidOption, match="nfs4"):
            lake.create("nfs4://somewhere/archive")

    def test_read_only(self, archive: Archive, source: Path) -> None:
        reader = lake.open(archive.url, read_only=True)
        with pytest.raises(ArchiveReadOnly):
            reader.backup(source, dataset="run")
        assert reader.snapshots().height == 5
        assert reader.verify().ok
        assert_sound(archive)

    def test_what_others_commit_is_seen_at_once(self, archive: Archive, source: Path) -> None:
        other = reopened(archive)
        other.backup(source, dataset="theirs")
        assert archive.snapshot("theirs").author == "bob@ward"
        assert archive.files("theirs").height == 4
        assert archive.verify("theirs").ok
