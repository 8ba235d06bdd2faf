"""What the workers of an executor carry is what this process would have carried, also when they die."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor, Executor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from holotype import lake
from holotype.catalog import InvalidOption
from holotype.lake.executing import Inline

from ..archive.executors import EVERY_KIND, KilledWorker, Mortal, kill, processes
from ..archive.trees import LARGE, assert_sound, fill, look, new_archive, restored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from holotype.lake import Archive

QUICK = {"durable": False}


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """Some packs of either kind, some of which will be partly there; handed out one by one."""
    monkeypatch.setattr("holotype.lake.moving.carrying._BATCH_BYTES", 1)
    archive = new_archive(tmp_path / "archive")
    tree = {f"d{n % 5}/{n}": f"{n},".encode() * n for n in range(200)}
    archive.backup(fill(tmp_path / "source", {"large": LARGE, **tree}), dataset="run")
    archive.backup(fill(tmp_path / "source", {"more": LARGE[::-1], "d1/1": b"changed"}), dataset="run")
    archive.write_array("numbers", np.arange(9000, dtype="<f8"))
    return archive


@pytest.fixture
def copy(tmp_path: Path) -> Archive:
    """One that has some of it."""
    copy = new_archive(tmp_path / "copy")
    copy.backup(fill(tmp_path / "half", {"large": LARGE}), dataset="half")
    return copy


def assert_arrived(archive: Archive, copy: Archive, tmp_path: Path) -> None:
    """All of the archive is in the other, and comes back."""
    assert copy.sync(archive, executor=Inline()).snapshots == ("half@1",)
    assert archive.compare(copy, full=True).equal
    assert restored(copy, "run@2", tmp_path / "back") == look(tmp_path / "source")
    assert_sound(copy)


@EVERY_KIND
def test_it_is_what_this_process_brings(
    make: Callable[[], Executor], archive: Archive, copy: Archive, tmp_path: Path
) -> None:
    other = new_archive()
    other.backup(tmp_path / "half", dataset="half")
    with make() as executor:
        moved, expected = archive.sync(copy, executor=executor), archive.sync(other)
    assert (moved.snapshots, moved.packs, moved.bytes) == (expected.snapshots, expected.packs, expected.bytes)
    assert_arrived(archive, copy, tmp_path)


def test_a_copy_by_processes_from_one_storage_to_another(archive: Archive, tmp_path: Path) -> None:
    with processes() as executor:
        archive.copy(tmp_path / "elsewhere", storage_options=QUICK, executor=executor)
        assert archive.compare(tmp_path / "elsewhere", full=True, executor=executor).equal


@pytest.mark.parametrize("error", [BrokenExecutor, KilledWorker])
@pytest.mark.parametrize("deaths", [1, 4, 1000])
def test_a_batch_whose_worker_died_is_carried_again(
    error: type[Exception], deaths: int, archive: Archive, copy: Archive, tmp_path: Path
) -> None:
    archive.sync(copy, executor=Mortal(deaths, error))
    assert_arrived(archive, copy, tmp_path)
    stored = {str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy" / "packs").rglob("*.parquet")}
    named = {row["object"] for row in copy.read("packs").to_pylist() if row["kind"] == "parquet"}
    assert named <= stored
    copy.collect(repack_below=0)
    left = {str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy" / "packs").rglob("*.parquet")}
    assert left == named, "what was put twice under other names goes"


def test_workers_that_are_killed(archive: Archive, copy: Archive, tmp_path: Path) -> None:
    with processes() as executor:
        kill(executor)
        archive.sync(copy, executor=executor)
    assert_arrived(archive, copy, tmp_path)


def test_storage_that_workers_cannot_see_is_refused(archive: Archive) -> None:
    copy = new_archive()
    copy.write_array("other", [1, 2, 3])
    with processes(1) as executor:
        for one, other in ((archive, copy), (copy, archive)):
            with pytest.raises(InvalidOption, match="memory of one process"):
                one.sync(other, executor=executor)
    assert copy.snapshots()["dataset"].to_list() == ["other"]
    assert archive.sync(copy).snapshots == ("numbers@1", "run@1", "run@2")


def test_threads_of_its_own(archive: Archive, tmp_path: Path) -> None:
    for workers in (1, 5):
        archive.copy(tmp_path / f"by {workers}", storage_options=QUICK, workers=workers)
        assert archive.compare(lake.open(tmp_path / f"by {workers}"), full=True, workers=workers).equal
    with pytest.raises(InvalidOption, match="workers"):
        archive.copy(tmp_path / "by none", workers=0)
    assert not (tmp_path / "by none").exists()
