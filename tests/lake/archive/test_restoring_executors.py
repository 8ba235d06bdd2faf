"""What the workers of an executor restore is what this process would have restored, whoever dies over it."""

from __future__ import annotations

import errno
import os
import pickle
import threading
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import DamageError, InvalidOption, SourceProblem, StorageFull, TargetRefused, open_store
from holotype.lake.executing import Inline, in_order

from .executors import EVERY_KIND, KilledWorker, Mortal, kill, processes
from .trees import LARGE, fill, look, new_archive, refused, restored

placing: Any = import_module("holotype.lake.restoring.placing")
Small: Any = import_module("holotype.lake.restoring.remaking").Small

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from pathlib import Path

    from holotype import lake
    from holotype.lake import Archive, Restored


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Small files, some of them alike, large ones, a hole, an empty file, links, a folder that is read-only."""
    small = {f"d{n % 5}/{n}": f"{n % 90},".encode() * (n % 90) for n in range(200)}
    folder = fill(tmp_path / "run", {**small, "large": LARGE, "d1/other": LARGE[::-1], "empty": b"", "folder": None})
    with (folder / "sparse").open("wb") as file:
        file.seek(2 << 20)
        file.write(b"end" * 5000)
    (folder / "link").symlink_to("large")
    os.link(folder / "large", folder / "z other name")
    os.mkfifo(folder / "pipe")
    (folder / "d1" / "1").chmod(0o400)
    (folder / "d2").chmod(0o500)
    return folder


@pytest.fixture
def archive(tmp_path: Path, source: Path) -> Archive:
    archive = new_archive(tmp_path / "archive")
    archive.backup(source, dataset="run")
    return archive


def told(result: Restored) -> tuple[object, ...]:
    """All that a restore says, but where it was."""
    return result.snapshot, result.files, result.bytes, sorted(result.problems, key=repr)


@pytest.fixture
def _little_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holotype.lake.restoring.restorers._BATCH_BYTES", 4000)
    monkeypatch.setattr("holotype.lake.restore._TASK_BYTES", 1000)
    monkeypatch.setattr("holotype.lake.restore._LOOKUP", 2)


little_at_a_time = pytest.mark.usefixtures("_little_at_a_time")


@EVERY_KIND
@little_at_a_time
def test_it_is_the_restore_that_this_process_makes(
    make: Callable[[], Executor], archive: Archive, source: Path, tmp_path: Path
) -> None:
    here = archive.restore("run@1", tmp_path / "here")
    with make() as executor:
        there = archive.restore("run@1", tmp_path / "there", executor=executor)
        assert told(there) == told(here)
        assert look(tmp_path / "there") == look(tmp_path / "here") == look(source)
        part = {"paths": ["d1/**", "z other name"], "owners": "none"}
        assert restored(archive, "run@1", tmp_path / "one", executor=executor, **part) == restored(
            archive, "run@1", tmp_path / "two", **part
        )


@little_at_a_time
def test_it_tells_of_all_it_does(archive: Archive, tmp_path: Path) -> None:
    progress: list[lake.Progress] = []
    result = archive.restore("run@1", tmp_path / "back", executor=Inline(), progress=progress.append)
    assert progress[-1].done
    assert (progress[-1].files, progress[-1].bytes) == (progress[-1].total_files, progress[-1].total_bytes)
    assert result.files == progress[-1].files - 1, "the other name is no file that was written"


def test_a_batch_takes_along_only_its_own(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is pickled for a few files must not grow with the snapshot."""
    monkeypatch.setattr("holotype.lake.restoring.restorers._BATCH_BYTES", 1)
    monkeypatch.setattr("holotype.lake.restore._TASK_BYTES", 1)
    batches: list[Any] = []

    class Watched(Inline):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            batches.append(args[1])
            return super().submit(fn, *args, **kwargs)

    archive.restore("run@1", tmp_path / "back", executor=Watched())
    small = [task for batch in batches for task in batch.tasks if isinstance(task, Small)]
    assert len(small) > 1
    assert sum(len(task.entries) for task in small) == sum(
        len(rows) for task in small for rows in task.rows_of.values()
    )
    whole = len(pickle.dumps(batches))
    assert sum(len(pickle.dumps(batch)) for batch in batches) < 2 * whole


class TestDeaths:
    @pytest.mark.parametrize("deaths", [1, 2, 50])
    @pytest.mark.parametrize("error", [KilledWorker, EOFError])
    @little_at_a_time
    def test_a_batch_that_was_done_and_not_told_is_done_again(
        self, deaths: int, error: type[Exception], archive: Archive, source: Path, tmp_path: Path
    ) -> None:
        assert restored(archive, "run@1", tmp_path / "back", executor=Mortal(deaths, error)) == look(source)

    @pytest.mark.parametrize("writes", [0, 1, 7, 40])
    @pytest.mark.parametrize("call", ["_write", "_write_at"])
    def test_a_worker_that_dies_half_way(
        self, call: str, writes: int, archive: Archive, source: Path, tmp_path: Path
    ) -> None:
        """Whole files, a half one, and one that was made and not yet written are there when it is done again."""

        class Halfway(Inline):
            died = False

            def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
                if self.died:
                    return super().submit(fn, *args, **kwargs)
                self.died = True
                left = iter(range(writes))
                with pytest.MonkeyPatch.context() as patch:
                    real = getattr(placing, call)

                    def dying(fd: int, data: Any, *rest: Any) -> None:
                        if next(left, None) is None:
                            os.write(fd, bytes(data)[: len(data) // 2])
                            raise KilledWorker
                        real(fd, data, *rest)

                    patch.setattr(f"holotype.lake.restoring.placing.{call}", dying)
                    # The dead take nothing away.
                    patch.setattr("holotype.lake.restoring.placing._unlink", lambda *_: None)
                    future = super().submit(fn, *args, **kwargs)
                assert isinstance(future.exception(), KilledWorker) or writes
                return future

        assert restored(archive, "run@1", tmp_path / "back", executor=Halfway()) == look(source)

    @little_at_a_time
    def test_workers_that_are_killed_while_they_write(self, archive: Archive, source: Path, tmp_path: Path) -> None:
        dying = """
import os, signal
from holotype.lake.restoring import placing
real, left = os.write, iter(range(30))
def write(fd, data):
    if next(left, None) is None:
        real(fd, bytes(data)[:len(data) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    return real(fd, data)
placing.os.write = write
"""
        executor = ProcessPoolExecutor(2, mp_context=get_context("spawn"), initializer=exec, initargs=(dying, {}))
        with executor:
            assert restored(archive, "run@1", tmp_path / "back", executor=executor) == look(source)

    def test_workers_that_are_killed_before(self, archive: Archive, source: Path, tmp_path: Path) -> None:
        with processes() as executor:
            kill(executor)
            assert restored(archive, "run@1", tmp_path / "back", executor=executor) == look(source)


class TestProblems:
    @EVERY_KIND
    @little_at_a_time
    def test_damage_is_the_same_damage(self, make: Callable[[], Executor], archive: Archive, tmp_path: Path) -> None:
        store = open_store(archive.url)
        for info in list(store.list("packs/")):
            path = tmp_path / "archive" / info.key
            data = bytearray(path.read_bytes())
            for at in range(500, len(data), 4000):
                data[at] ^= 1
            path.write_bytes(data)
        here = archive.restore("run@1", tmp_path / "here")
        assert {problem.problem for problem in here.problems} >= {"damaged"}
        with make() as executor:
            there = archive.restore("run@1", tmp_path / "there", executor=executor)
            assert told(there) == told(here)
            assert look(tmp_path / "there") == look(tmp_path / "here")
            with pytest.raises(DamageError):
                archive.restore("run@1", tmp_path / "strict", executor=executor, on_problem="raise")
        assert not [name for name in os.listdir(tmp_path / "strict") if name.startswith(".holotype")]

    def test_what_cannot_be_set_is_told(
        self, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise refused(errno.EPERM)

        monkeypatch.setattr("holotype.lake.tree.attributes.os.utime", refuse)
        os.supports_fd.add(refuse)
        here = archive.restore("run@1", tmp_path / "here")
        there = archive.restore("run@1", tmp_path / "there", executor=Inline())
        assert there.problems
        assert told(there) == told(here)
        with pytest.raises(SourceProblem):
            archive.restore("run@1", tmp_path / "strict", executor=Inline(), on_problem="raise")

    def test_a_full_disk_stops_it(self, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object) -> None:
            raise refused(errno.ENOSPC)

        monkeypatch.setattr("holotype.lake.restoring.placing._write", full)
        with pytest.raises(StorageFull):
            archive.restore("run@1", tmp_path / "back", executor=Inline())
        assert not [name for name in os.listdir(tmp_path / "back") if name.startswith(".holotype")]

    def test_storage_that_workers_cannot_see_is_refused(self, source: Path, tmp_path: Path) -> None:
        archive = new_archive()
        archive.backup(source, dataset="run")
        with processes(1) as executor, pytest.raises(InvalidOption, match="memory of one process"):
            archive.restore("run@1", tmp_path / "back", executor=executor)
        with ThreadPoolExecutor() as threads:
            assert restored(archive, "run@1", tmp_path / "other", executor=threads) == look(source)

    def test_a_target_that_workers_cannot_see_is_refused(self, archive: Archive, tmp_path: Path) -> None:
        """A folder of the same path on another machine is not the same folder."""

        class Elsewhere(Inline):
            def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
                work, batch, tries = args
                there = replace(batch, workshop=replace(batch.workshop, target=os.fsencode(tmp_path / "elsewhere")))
                return super().submit(fn, work, there, tries, **kwargs)

        for made in (False, True):
            if made:
                (tmp_path / "elsewhere").mkdir()
            with pytest.raises(TargetRefused, match="does not see the folder"):
                archive.restore("run@1", tmp_path / f"back{made}", executor=Elsewhere())
        assert os.listdir(tmp_path / "elsewhere") == []


def test_nobody_is_at_work_after_an_error() -> None:
    stop, begun, ended = threading.Event(), threading.Semaphore(0), list[int]()

    def work(number: int) -> None:
        if number == 0:
            begun.acquire(timeout=30)
            raise ZeroDivisionError
        begun.release()
        stop.wait(30)
        ended.append(number)

    with ThreadPoolExecutor(2) as executor:
        with pytest.raises(ZeroDivisionError):
            list(in_order(executor, work, range(9), stop=stop.set))
        assert ended
        assert executor.submit(len, ended).result() == len(ended)


def test_a_large_file_is_stopped_half_way(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes it sees that it is not wanted any more, and takes it away."""
    monkeypatch.setattr("holotype.lake.restoring.restorers._BATCH_BYTES", 1)
    real = placing.Writer.write

    def write(self: Any, data: Any) -> None:
        real(self, data)
        for name in os.listdir(tmp_path / "back"):
            if name.startswith(".holotype"):
                last = max(os.listdir(tmp_path / "back" / name), key=int)
                (tmp_path / "back" / name / last).unlink()

    monkeypatch.setattr("holotype.lake.restoring.placing.Writer.write", write)
    with pytest.raises(TargetRefused, match="goes on without this"):
        archive.restore("run@1", tmp_path / "back", executor=Inline())
    assert not (tmp_path / "back" / "large").exists()
