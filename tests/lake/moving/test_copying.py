"""A copy is the archive: the same snapshots under the same names, provably whole, wherever it lies."""

from __future__ import annotations

import errno
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from holotype import lake
from holotype.catalog import (
    ArchiveExists,
    ArchiveReadOnly,
    DatasetNotFound,
    InvalidName,
    InvalidOption,
    StorageDenied,
    StorageFull,
)

from ..archive.trees import LARGE, SMALL, Meddler, assert_sound, fill, look, new_archive, refused, restored
from ..crashes.promise import alike

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive, Progress

QUICK = {"durable": False}


def refuse_secrets(path: bytes) -> None:
    """Let nobody open it."""
    if path == b"secret":
        raise refused()


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Two datasets of files and one of numbers, with problems, annotations, and a snapshot that was forgotten."""
    archive = new_archive(tmp_path / "archive", name="Rivera lab")
    run = fill(tmp_path / "run", {"a": b"first", "large": LARGE, "sub/b": b"second"})
    archive.backup(run, dataset="run")
    (run / "a").write_bytes(b"changed")
    (run / "secret").write_bytes(b"nobody may read this")
    with pytest.MonkeyPatch.context() as patch:
        Meddler(patch, run).on_open = refuse_secrets
        assert archive.backup(run, dataset="run", message="a day later").problems == 1
    (run / "secret").unlink()
    archive.backup(fill(tmp_path / "other", {"c": LARGE[::-1], "shared": LARGE}), dataset="other")
    archive.write_array("numbers", np.arange(5000, dtype="<i4"))
    archive.annotate("run@2", {"instrument": "NovaSeq", "lanes": 4}, tags=["published"])
    archive.annotate("run", {"owner": "Rivera"})
    archive.annotate("run@2", {"rows": 7}, path="a")
    archive.annotate("other@1", {"private": True})
    archive.backup(run, dataset="run")
    archive.forget("run@1", reason="too old")
    return archive


def commits(folder: Path) -> list[dict[str, str]]:
    """The log of an archive on a disk."""
    return [json.loads(entry.read_bytes()) for entry in sorted((folder / "log").iterdir())]


@pytest.mark.parametrize("there", ["local", "memory"])
def test_all_of_it_goes(archive: Archive, there: str, tmp_path: Path) -> None:
    url, options = (tmp_path / "copy", QUICK) if there == "local" else (f"memory://{tmp_path}/copy", None)
    moved = archive.copy(url, storage_options=options)
    copy = lake.open(url, storage_options=options)
    assert moved.snapshots == ("numbers@1", "other@1", "run@2", "run@3")
    assert (moved.url, moved.present, moved.left) == (copy.url, 0, ())
    assert moved.packs == copy.read("packs").num_rows
    assert moved.bytes == sum(copy.read("packs")["bytes"].to_pylist())
    assert copy.snapshots().equals(archive.snapshots())
    assert copy.annotations().equals(archive.annotations())
    assert moved.annotations == archive.annotations(history=True).height
    assert copy.search(tags=["published"]).equals(archive.search(tags=["published"]))
    for name in moved.snapshots:
        assert copy.problems(name).equals(archive.problems(name))
        assert copy.files(name).equals(archive.files(name))
        assert alike(restored(copy, name, tmp_path / "there" / name), restored(archive, name, tmp_path / "here" / name))
    assert np.array_equal(np.asarray(copy.array("numbers")), np.arange(5000))
    assert_sound(archive)
    found = archive.compare(copy, full=True)
    assert found.equal
    assert found.snapshots == 4
    assert found.differences.is_empty()


def test_it_is_an_archive_of_its_own(archive: Archive, tmp_path: Path) -> None:
    archive.copy(tmp_path / "copy", storage_options=QUICK)
    copy = lake.open(tmp_path / "copy", storage_options=QUICK)
    assert copy.id != archive.id
    assert copy.name == "Rivera lab"
    (last,) = (entry for entry in commits(tmp_path / "copy") if entry["operation"] == "copy")
    assert last["message"] == f"from {archive.url}, archive {archive.id}"
    fourth = copy.backup(tmp_path / "run", dataset="run")
    assert fourth.name == "run@4"
    assert fourth.new_bytes == 0, "files are cut as they were"
    assert archive.snapshots("run").height == 2, "this one knows nothing of it"
    assert copy.diff("run@3", "run@4").is_empty()


def test_it_can_have_another_name(archive: Archive, tmp_path: Path) -> None:
    archive.copy(tmp_path / "copy", name="the vault", storage_options=QUICK)
    assert lake.open(tmp_path / "copy").name == "the vault"


def test_numbers_stay_and_what_was_forgotten_does_not_go(archive: Archive, tmp_path: Path) -> None:
    archive.copy(tmp_path / "copy", storage_options=QUICK)
    copy = lake.open(tmp_path / "copy", storage_options=QUICK)
    assert copy.snapshots("run", forgotten=True)["number"].to_list() == [2, 3]
    assert copy.snapshot("run@3").id == archive.snapshot("run@3").id
    assert archive.trash().height == 1
    assert copy.trash().is_empty()


def test_some_datasets_go_with_nothing_of_the_others(archive: Archive, tmp_path: Path) -> None:
    archive.copy(tmp_path / "copy", datasets=["run"], storage_options=QUICK)
    copy = lake.open(tmp_path / "copy", storage_options=QUICK)
    assert copy.datasets()["dataset"].to_list() == ["run"]
    assert set(copy.annotations()["dataset"]) == {"run"}
    chunks = {row["chunk"] for row in copy.read("chunks").to_pylist()}
    assert chunks == {chunk for row in copy.read("entries").to_pylist() for chunk in row["chunks"] or ()}
    assert archive.compare(copy, datasets=["run"], full=True).equal
    assert not archive.compare(copy).equal
    archive.copy(tmp_path / "copy", datasets="other", storage_options=QUICK)
    archive.copy(tmp_path / "copy", storage_options=QUICK)
    assert archive.compare(lake.open(tmp_path / "copy"), full=True).equal


def test_what_came_since_goes_when_it_is_done_again(archive: Archive, tmp_path: Path) -> None:
    archive.copy(tmp_path / "copy", storage_options=QUICK)
    before = commits(tmp_path / "copy")
    again = archive.copy(tmp_path / "copy", storage_options=QUICK)
    assert (again.snapshots, again.present, again.packs, again.bytes, again.annotations) == ((), 4, 0, 0, 0)
    assert commits(tmp_path / "copy") == before, "where there is nothing to say nothing is committed"
    (tmp_path / "run" / "new").write_bytes(b"a new file")
    archive.backup(tmp_path / "run", dataset="run")
    archive.annotate("run@3", tags=["checked"])
    later = archive.copy(tmp_path / "copy", storage_options=QUICK)
    assert (later.snapshots, later.annotations, later.packs) == (("run@4",), 1, 1)
    assert later.bytes < 1000
    assert archive.compare(lake.open(tmp_path / "copy"), full=True).equal


def test_a_copy_can_be_copied(archive: Archive, tmp_path: Path) -> None:
    archive.copy(tmp_path / "first", storage_options=QUICK)
    lake.open(tmp_path / "first").copy(tmp_path / "second", storage_options=QUICK)
    assert archive.compare(tmp_path / "second", full=True).equal
    with pytest.raises(ArchiveExists, match="no copy of this one"):
        archive.copy(tmp_path / "second", storage_options=QUICK)


def test_a_strangers_archive_is_left_alone(archive: Archive, tmp_path: Path) -> None:
    other = new_archive(tmp_path / "theirs")
    other.write_array("mine", [1, 2, 3])
    before = look(tmp_path / "theirs")
    with pytest.raises(ArchiveExists, match="no copy of this one") as caught:
        archive.copy(tmp_path / "theirs")
    assert caught.value.about["url"] == other.url
    assert look(tmp_path / "theirs") == before


@pytest.mark.parametrize("where", ["archive", "archive/copy", ".", "link"])
def test_neither_itself_nor_a_place_inside_or_around_it(archive: Archive, tmp_path: Path, where: str) -> None:
    (tmp_path / "link").symlink_to("archive", target_is_directory=True)
    before = look(tmp_path)
    with pytest.raises(InvalidOption, match=r"itself|inside") as caught:
        archive.copy(tmp_path / where)
    assert "url" in caught.value.about
    assert look(tmp_path) == before


@pytest.mark.parametrize(
    ("datasets", "error"), [(["run", "rum"], DatasetNotFound), (["run@2"], InvalidName), ("", InvalidName)]
)
def test_a_dataset_that_is_not_there_is_told_before_anything_is_made(
    archive: Archive, tmp_path: Path, datasets: list[str] | str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        archive.copy(tmp_path / "copy", datasets=datasets)
    assert not (tmp_path / "copy").exists()


def test_who_may_only_read_an_archive_may_copy_it(archive: Archive, tmp_path: Path) -> None:
    reader = lake.open(archive.url, read_only=True)
    assert len(reader.copy(tmp_path / "copy", storage_options=QUICK).snapshots) == 4
    assert reader.compare(tmp_path / "copy").equal
    with pytest.raises(ArchiveReadOnly):
        archive.sync(lake.open(tmp_path / "copy", read_only=True))


def test_a_place_where_nothing_may_be_written(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> int:
        raise StorageDenied("no writing here")

    monkeypatch.setattr("holotype.catalog.MemoryStore.put", denied)
    monkeypatch.setattr("holotype.catalog.MemoryStore.create", denied)
    with pytest.raises(StorageDenied):
        archive.copy("memory://denied/copy")


def test_progress_is_told(archive: Archive, tmp_path: Path) -> None:
    told: list[Progress] = []
    moved = archive.copy(tmp_path / "copy", storage_options=QUICK, progress=told.append)
    last = told[-1]
    assert (last.work, last.done, last.stored) == ("copy", True, moved.bytes)
    assert last.files == last.total_files
    assert last.bytes == last.total_bytes
    assert last.bytes == pytest.approx(moved.bytes, rel=0.1)
    archive.sync(tmp_path / "copy", storage_options=QUICK, progress=told.append)
    assert (told[-1].work, told[-1].bytes, told[-1].done) == ("sync", 0, True)


def test_an_archive_without_snapshots(tmp_path: Path) -> None:
    empty = lake.create(tmp_path / "empty", chunking=SMALL)
    assert empty.copy(tmp_path / "copy").snapshots == ()
    assert empty.compare(tmp_path / "copy", full=True).equal


def test_two_copies_to_one_place_at_once(archive: Archive, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        opened = [lake.open(archive.url) for _ in range(2)]
        both = list(pool.map(lambda one: one.copy(tmp_path / "copy", storage_options=QUICK), opened))
    assert sorted(len(moved.snapshots) for moved in both) == [0, 4]
    assert archive.compare(tmp_path / "copy", full=True).equal
    copy = lake.open(tmp_path / "copy", storage_options=QUICK)
    copy.collect()
    assert archive.compare(copy, full=True).equal


def test_an_archive_that_is_made_there_meanwhile(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    for copied in (True, False):
        url = f"memory://meanwhile-{copied}"
        _ = archive.copy(url) if copied else lake.create(url)
        with monkeypatch.context() as patch:
            patch.setattr("holotype.lake.copying._existing", lambda *_: None)
            if copied:
                assert archive.copy(url).present == 4
            else:
                with pytest.raises(ArchiveExists, match="no copy of this one"):
                    archive.copy(url)


@pytest.mark.parametrize("what", ["a folder", "memory"])
def test_without_room_for_temporary_files(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def none(**_: object) -> None:
        raise refused(errno.ENOSPC)

    with monkeypatch.context() as patch:
        if what == "a folder":
            patch.setattr("tempfile.TemporaryDirectory", none)
        else:
            patch.setattr("holotype.lake.moving.inventory._MEMORY", "1KB")
        with pytest.raises(StorageFull, match="TMPDIR"):
            archive.copy(tmp_path / "copy", storage_options=QUICK)
    archive.copy(tmp_path / "copy", storage_options=QUICK)
    assert archive.compare(tmp_path / "copy", full=True).equal
