"""A backup whose files are read by the workers of an executor is the backup that this process would have made."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from holotype import lake
from holotype.catalog import InvalidOption, SourceProblem, StorageFailed
from holotype.lake.executing import Handed, Inline, in_order

from .executors import EVERY_KIND, KilledWorker, Mortal, kill, list_a_ghost, processes
from .trees import assert_sound, look, restored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor
    from pathlib import Path

    from holotype.lake import Archive


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Many small files, one large one, a hole, an empty file, a link, two names of one file."""
    folder = tmp_path / "run"
    for n in range(300):
        path = folder / f"d{n % 7}" / f"{n}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"{n},".encode() * (n * 20))
    (folder / "large").write_bytes(os.urandom(3 << 20) * 4)
    with (folder / "sparse").open("wb") as file:
        file.seek(2 << 20)
        file.write(b"end" * 100_000)
    (folder / "empty").touch()
    (folder / "link").symlink_to("large")
    os.link(folder / "large", folder / "other name")
    return folder


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return lake.create(tmp_path / "archive")


def rows(archive: Archive, reference: str) -> list[dict[str, Any]]:
    """A snapshot's rows without what differs from one scan to the next."""
    return archive.files(reference).to_dicts()


@EVERY_KIND
def test_it_is_the_backup_that_this_process_makes(
    make: Callable[[], Executor], archive: Archive, source: Path, tmp_path: Path
) -> None:
    archive.backup(source, dataset="here")
    with make() as executor:
        there = archive.backup(source, dataset="there", executor=executor)
        assert there.new_bytes == 0  # every chunk was known
        assert rows(archive, "there@1") == rows(archive, "here@1")
        (source / "d1" / "1.csv").write_bytes(b"changed")
        (source / "new").write_bytes(os.urandom(2 << 20))
        (source / "d2" / "2.csv").unlink()
        second = archive.backup(source, dataset="there", executor=executor)
    assert second.new_bytes == (2 << 20) + len(b"changed")
    assert restored(archive, "there@2", tmp_path / "back") == look(source)
    assert_sound(archive)


@pytest.mark.parametrize("make", [Inline, processes], ids=["inline", "processes"])
def test_a_first_backup_by_workers(
    make: Callable[[], Executor], archive: Archive, source: Path, tmp_path: Path
) -> None:
    told: list[lake.Progress] = []
    with make() as executor:
        snapshot = archive.backup(source, dataset="run", executor=executor, progress=told.append)
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert told[-1].done
    assert told[-1].files == snapshot.files - 1  # the other name is no file to read
    assert told[-1].stored > 0
    assert_sound(archive)


@pytest.mark.parametrize("deaths", [1, 2, 50])
@pytest.mark.parametrize("error", [KilledWorker, EOFError])
def test_a_batch_whose_worker_died_is_done_again(
    deaths: int, error: type[Exception], archive: Archive, source: Path, tmp_path: Path
) -> None:
    archive.backup(source, dataset="run", executor=Mortal(deaths, error))
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert_sound(archive)


def test_workers_that_are_killed(archive: Archive, source: Path, tmp_path: Path) -> None:
    with processes() as executor:
        kill(executor)
        archive.backup(source, dataset="run", executor=executor)
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert_sound(archive)


def test_a_problem_is_the_same_problem(archive: Archive, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    list_a_ghost(monkeypatch, beside="1.csv")
    with pytest.raises(SourceProblem):
        archive.backup(source, dataset="run", executor=Inline(), on_problem="raise")
    snapshot = archive.backup(source, dataset="run", executor=Inline())
    assert snapshot.problems == 1


def test_an_error_of_the_storage_comes_through(archive: Archive, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*args: object) -> int:
        raise StorageFailed("no answer")

    archive.backup(source / "d1", dataset="run")
    monkeypatch.setattr("holotype.catalog.LocalStore.put", failing)
    with pytest.raises(StorageFailed, match="no answer"):
        archive.backup(source, dataset="run", executor=Inline())
    monkeypatch.undo()
    assert_sound(archive)


def test_storage_that_workers_cannot_see_is_refused(source: Path) -> None:
    archive = lake.create("memory://executors")
    with processes(1) as executor, pytest.raises(InvalidOption, match="memory of one process"):
        archive.backup(source, dataset="run", executor=executor)
    with ThreadPoolExecutor() as threads:
        assert archive.backup(source, dataset="run", executor=threads).files
    assert_sound(archive)


def test_an_executor_that_was_shut_down_is_refused(archive: Archive, source: Path) -> None:
    executor = ThreadPoolExecutor()
    executor.shutdown()
    with pytest.raises(InvalidOption, match="takes no work"):
        archive.backup(source, dataset="run", executor=executor)


def test_results_come_in_order_and_a_few_at_a_time() -> None:
    begun: list[int] = []

    def batches() -> Iterator[int]:
        for n in range(20):
            begun.append(n)
            yield n

    with ThreadPoolExecutor(2) as executor:
        results = in_order(executor, str, batches())
        assert next(results) == "0"
        assert len(begun) <= 5
        assert list(results) == [str(n) for n in range(1, 20)]


def test_an_error_of_the_work_itself_is_not_tried_again() -> None:
    tried: list[int] = []

    def work(number: int) -> None:
        tried.append(number)
        raise ZeroDivisionError

    handed = Handed(Inline(), work, 7)
    assert handed.done
    with pytest.raises(ZeroDivisionError):
        handed.result()
    handed.cancel()
    assert tried == [7]


def test_what_a_repeated_batch_left_behind_is_swept(archive: Archive, source: Path, tmp_path: Path) -> None:
    """A file changed between the two tries, so that the packs of the first are no part of the snapshot."""

    class Changing(Mortal):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            dies = bool(self.deaths)
            future = super().submit(fn, *args, **kwargs)
            if dies:
                (source / "large").write_bytes(os.urandom(5 << 20))
            return future

    archive.backup(source, dataset="run", executor=Changing(1, EOFError))
    named = set(archive.sql("SELECT object FROM packs").pl()["object"])
    assert packs(tmp_path) > named
    archive.collect()
    assert packs(tmp_path) == named
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert_sound(archive)


def packs(tmp_path: Path) -> set[str]:
    """The keys of all packs in the archive's folder."""
    top = tmp_path / "archive"
    files = (path for path in (top / "packs").rglob("*") if path.is_file() and path.suffix != ".json")
    return {path.relative_to(top).as_posix() for path in files}


def test_a_worker_elsewhere_that_sees_other_files_reads_none_of_them(
    archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own folder has the same path, and the same number, as roots of disks have."""
    other = tmp_path / "other"
    shutil.copytree(source, other, symlinks=True)  # the same names, written at another time
    for path in other.rglob("*.csv"):
        path.write_bytes(b"of another machine")

    class Elsewhere(Inline):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            work, batch, tries = args
            there = replace(batch, source=str(other), identity=other.stat().st_ino)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("holotype.lake.storing.deputies.host_here", lambda: "another machine")
                return super().submit(fn, work, there, tries, **kwargs)

    archive.backup(source, dataset="run", executor=Elsewhere())
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert_sound(archive)


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_worker_elsewhere_that_sees_the_same_files_reads_them(
    kind: str, archive: Archive, source: Path, tmp_path: Path
) -> None:
    given: list[object] = []

    class Elsewhere(Inline):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("holotype.lake.storing.deputies.host_here", lambda: "another machine")
                future = super().submit(fn, *args, **kwargs)
            given.append(future.result())
            return future

    archive.backup(source if kind == "folder" else source / "large", dataset="run", executor=Elsewhere())
    assert given
    assert None not in given
    assert_sound(archive)


def test_what_is_not_begun_when_it_fails_is_not_begun_after_it(
    archive: Archive, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holotype.lake.storing.deputies._BATCH_FILES", 10)
    waiting: list[Future[Any]] = []

    class Failing(Inline):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = Future()
            if waiting:
                waiting.append(future)
                return future
            future.set_exception(StorageFailed("no answer"))
            waiting.append(future)
            return future

    with pytest.raises(StorageFailed, match="no answer"):
        archive.backup(source, dataset="run", executor=Failing())
    assert len(waiting) > 10
    assert all(future.cancelled() for future in waiting[1:])


@pytest.mark.parametrize("workers", [-1, -16])
def test_a_number_of_threads_that_cannot_be_is_refused(
    workers: int, archive: Archive, source: Path, tmp_path: Path
) -> None:
    archive.backup(source, dataset="run", workers=0)
    for call in (
        lambda: archive.backup(source, dataset="run", workers=workers),
        lambda: archive.verify(workers=workers),
        lambda: archive.restore("run@1", tmp_path / "back", workers=workers),
    ):
        with pytest.raises(InvalidOption, match="workers is"):
            call()
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_a_thread_that_fails_where_nobody_expects_it_fails_the_backup(
    workers: int, archive: Archive, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must not leave the others waiting for ever."""

    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("holotype.lake.storing.filehash.FileHash.add", full)
    with pytest.raises(MemoryError):
        archive.backup(source, dataset="run", workers=workers)
    monkeypatch.undo()
    assert_sound(archive)
