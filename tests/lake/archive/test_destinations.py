"""Destinations that fail, and work that is broken off: nothing half done is ever seen, and the next backup works."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from holotype import lake
from holotype.catalog import (
    HolotypeError,
    MemoryStore,
    StorageDenied,
    StorageFailed,
    StorageFull,
)

from ...catalog.faults import Crash, FaultyStore, with_error
from .trees import SMALL, assert_sound, files, fill, look, new_archive, outcome, refused, reopened, restored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from holotype.lake import Progress


@pytest.fixture
def source(tmp_path: Path) -> Path:
    noise = random.Random(5)
    return fill(tmp_path / "source", {f"folder{n % 3}/file{n}": noise.randbytes(n * 700) for n in range(12)})


def change(source: Path) -> None:
    noise = random.Random(6)
    fill(source, {f"folder1/file{n}": noise.randbytes(5000) for n in range(10, 14)})


def no_threads_left() -> bool:
    for thread in threading.enumerate():
        if thread.name.startswith("holotype"):
            thread.join(5)  # one that was being started when the interrupt came has nothing to do, and ends
    return not [thread.name for thread in threading.enumerate() if thread.name.startswith("holotype")]


class TestNoRoom:
    @pytest.mark.parametrize(
        ("room", "number", "error"),
        [
            (0, errno.ENOSPC, StorageFull),
            (3, errno.ENOSPC, StorageFull),
            (20, errno.ENOSPC, StorageFull),
            (3, errno.EDQUOT, StorageFull),
            (0, errno.EACCES, StorageDenied),
            (3, errno.EROFS, StorageDenied),
            (3, errno.EIO, StorageFailed),
        ],
        ids=["full", "nearly full", "just enough", "quota", "denied", "read-only", "broken"],
    )
    def test_a_disk_that_takes_no_more(
        self,
        room: int,
        number: int,
        error: type[HolotypeError],
        source: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        archive = new_archive(tmp_path / "archive")
        kept = look(source)
        archive.backup(source, dataset="run")
        change(source)
        lock, left = threading.Lock(), [room]
        write = os.writev

        def failing(fd: int, parts: Any) -> int:
            with lock:
                left[0] -= 1
                if left[0] < 0:
                    raise refused(number)
            return write(fd, parts)

        monkeypatch.setattr(os, "writev", failing)
        if room < 20:
            with pytest.raises(error) as caught:
                archive.backup(source, dataset="run")
            assert str(caught.value.about["key"]) in str(caught.value)
            assert os.strerror(number) in str(caught.value)
        else:
            archive.backup(source, dataset="run")
        monkeypatch.undo()
        assert no_threads_left()
        made = 1 if room < 20 else 2
        assert reopened(archive).snapshots().height == made
        assert_sound(archive)
        assert restored(archive, "run@1", tmp_path / "first") == kept
        again = archive.backup(source, dataset="run")
        assert again.number == made + 1
        assert restored(archive, again.name, tmp_path / "again") == look(source)
        assert not [name for _, _, names in os.walk(tmp_path / "archive") for name in names if "~" in name]
        assert_sound(archive)

    def test_a_real_limit(self, source: Path, tmp_path: Path) -> None:
        """The system itself refuses to make a file larger, as it does when a disk or a quota is full."""
        big = fill(tmp_path / "big", {"noise": random.Random(1).randbytes(2 << 20)})
        printed = run(
            f"""
            import resource
            from holotype import lake
            from holotype.catalog import StorageFull
            archive = lake.create({str(tmp_path / "archive")!r})
            archive.backup({str(source)!r}, dataset="run")
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
            try:
                archive.backup({str(big)!r}, dataset="big")
            except StorageFull as error:
                print("full:", error)
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            print("datasets:", archive.snapshots()["dataset"].to_list())
            """
        )
        assert printed[0].startswith("full: no room for packs/")
        assert printed[1] == "datasets: ['run']"
        archive = lake.open(tmp_path / "archive")
        assert_sound(archive)
        archive.backup(big, dataset="big")
        assert restored(archive, "big@1", tmp_path / "back") == look(big)

    def test_creating_where_nothing_may_be_written(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "makedirs", lambda *_, **__: (_ for _ in ()).throw(refused(errno.EACCES)))
        with pytest.raises(StorageDenied, match="does not allow creating"):
            new_archive(tmp_path / "no" / "archive")

    def test_reading_an_archive_that_may_not_be_read(
        self, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        archive = new_archive(tmp_path / "archive")
        archive.backup(source, dataset="run")
        packs = os.fspath(tmp_path / "archive" / "packs")
        opening = os.open

        def refusing(path: Any, *arguments: Any, **options: Any) -> int:
            if os.fsdecode(path).startswith(packs):
                raise refused(errno.EACCES)
            return opening(path, *arguments, **options)

        monkeypatch.setattr(os, "open", refusing)
        with pytest.raises(StorageDenied):
            archive.restore("run", tmp_path / "back")
        with pytest.raises(StorageDenied):
            archive.verify()
        monkeypatch.undo()
        assert no_threads_left()
        assert_sound(archive)

    @pytest.mark.parametrize(
        ("number", "error"), [(errno.ENOSPC, StorageFull), (errno.EACCES, StorageDenied), (errno.EIO, StorageFailed)]
    )
    def test_a_restore_that_runs_out_of_room(
        self, number: int, error: type[HolotypeError], source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        archive = new_archive()
        archive.backup(source, dataset="run")

        def failing(*_: object) -> int:
            raise refused(number)

        monkeypatch.setattr(os, "write", failing)
        monkeypatch.setattr(os, "pwrite", failing)
        with pytest.raises(error):
            archive.restore("run", tmp_path / "back")
        monkeypatch.undo()
        assert no_threads_left()
        assert not any(files(look(tmp_path / "back")).values()), "half a file is left"
        assert restored(archive, "run", tmp_path / "other") == look(source)


class Flaky:
    """An archive in memory whose storage fails at a chosen call."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.archive = new_archive()
        self.store = FaultyStore(MemoryStore(self.archive.url))
        with monkeypatch.context() as patch:
            patch.setattr("holotype.lake.reopening.open_store", lambda *_, **__: self.store)
            self.flaky = lake.open(self.archive.url, author="bob@ward")

    def calls(self, work: Callable[[], object]) -> int:
        self.store.calls.clear()
        self.store.fail_at = 0
        work()
        return len(self.store.calls)

    def fail(self, at: int, error: Callable[[], BaseException], **how: bool) -> None:
        self.store.calls.clear()
        self.store.fail_at, self.store.error = at, error
        self.store.answer_lost, self.store.lasting = how.get("answer_lost", False), how.get("lasting", False)


@pytest.fixture
def flaky(monkeypatch: pytest.MonkeyPatch) -> Flaky:
    return Flaky(monkeypatch)


class TestEveryCall:
    """Whichever call to the storage fails, in whatever way."""

    @pytest.mark.parametrize(
        ("error", "how"),
        [
            (with_error(StorageFull), {"lasting": True}),
            (with_error(StorageFailed), {"answer_lost": True}),
            (KeyboardInterrupt, {}),
            (Crash, {"lasting": True}),
        ],
        ids=["full", "answer lost", "interrupted", "crashed"],
    )
    def test_of_a_backup(
        self, error: Callable[[], BaseException], how: dict[str, bool], flaky: Flaky, source: Path, tmp_path: Path
    ) -> None:
        first = look(source)
        flaky.archive.backup(source, dataset="run")
        change(source)
        calls = flaky.calls(lambda: flaky.flaky.backup(source, dataset="other"))
        for at in range(1, calls + 1):
            fill(source, {"counter": random.Random(at).randbytes(3000)})
            flaky.fail(at, error, **how)
            result = outcome(partial(flaky.flaky.backup, source, dataset="run"))
            assert not isinstance(result, BaseException) or type(result) is type(error())
            assert no_threads_left()
            flaky.store.fail_at = 0
        assert_sound(flaky.archive)
        now = look(source)
        for row in flaky.archive.snapshots("run").to_dicts():
            assert row["entries"] in (len(first), len(now))
        snapshot = flaky.flaky.backup(source, dataset="run")
        assert restored(flaky.archive, snapshot.name, tmp_path / "now") == now
        assert restored(flaky.archive, "run@1", tmp_path / "first") == first

    @pytest.mark.parametrize("error", [with_error(StorageFailed), KeyboardInterrupt], ids=["failed", "interrupted"])
    def test_of_a_restore_and_a_verification(
        self, error: Callable[[], BaseException], flaky: Flaky, source: Path, tmp_path: Path
    ) -> None:
        flaky.archive.backup(source, dataset="run")

        def restore(target: Path) -> object:
            return flaky.flaky.restore("run", target)

        def verify(target: Path) -> object:
            del target
            return flaky.flaky.verify()

        for name, work in {"restore": restore, "verify": verify}.items():
            calls = flaky.calls(partial(work, tmp_path / f"{name}-whole"))
            for at in range(1, calls + 1):
                flaky.fail(at, error)
                target = tmp_path / f"{name}{at}"
                result = outcome(partial(work, target))
                assert not isinstance(result, BaseException) or type(result) is type(error())
                assert no_threads_left()
                if target.exists():
                    assert all(
                        data == b"" or (source / os.fsdecode(path)).read_bytes() == data
                        for path, data in files(look(target)).items()
                    )
            flaky.store.fail_at = 0
        assert_sound(flaky.archive)


class TestCtrlC:
    """Ctrl-C at any moment: the archive is sound, the threads are gone, the next try works."""

    @staticmethod
    def at_call(number: int) -> Callable[[Progress], None]:
        calls: list[Progress] = []

        def interrupt(progress: Progress) -> None:
            calls.append(progress)
            if len(calls) == number:
                raise KeyboardInterrupt

        return interrupt

    @pytest.fixture(autouse=True)
    def _every_tick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have progress told at every step instead of a few times a second."""
        clock = iter(range(0, 1_000_000_000, 10))
        monkeypatch.setattr("holotype.lake.progress.time.monotonic", lambda: float(next(clock)))

    @pytest.mark.parametrize("number", [1, 5, 12])
    def test_while_telling_of_progress(self, number: int, source: Path, tmp_path: Path) -> None:
        archive = new_archive()
        with pytest.raises(KeyboardInterrupt):
            archive.backup(source, dataset="run", progress=self.at_call(number))
        assert no_threads_left()
        assert archive.snapshots().is_empty()
        assert_sound(archive)
        archive.backup(source, dataset="run")
        with pytest.raises(KeyboardInterrupt):
            archive.restore("run", tmp_path / "back", progress=self.at_call(min(number, 10)))
        assert no_threads_left()
        with pytest.raises(KeyboardInterrupt):
            archive.verify(progress=self.at_call(1))
        assert no_threads_left()
        assert restored(archive, "run@1", tmp_path / "whole") == look(source)
        assert_sound(archive)

    def test_verification_stops_soon(self, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What was not begun is not done any more."""
        archive = new_archive()
        for number in range(12):
            (source / "folder0" / "more").write_bytes(random.Random(number).randbytes(2000))
            archive.backup(source, dataset=f"run{number}")
        reads: list[str] = []
        get = MemoryStore.get

        def counting(self: MemoryStore, key: str, *arguments: Any) -> Any:
            if key.startswith("packs/"):
                reads.append(key)
                time.sleep(0.05)  # as long as a pack takes: the interrupt is not to come after the last of them
            return get(self, key, *arguments)

        monkeypatch.setattr(MemoryStore, "get", counting)
        with pytest.raises(KeyboardInterrupt):
            archive.verify(progress=self.at_call(1), workers=1)
        assert len(set(reads)) < 10


def run(script: str) -> list[str]:
    """Run Python in a process of its own; gives the lines it printed."""
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout.splitlines()


def test_a_real_signal_in_the_middle_of_everything(source: Path, tmp_path: Path) -> None:
    """SIGINT while packs are stored, files are written, chunks are hashed: each time it is over at once."""
    archive = tmp_path / "archive"
    printed = run(
        f"""
        import os, signal, threading, time
        from holotype import lake
        from holotype.catalog import LocalStore

        archive = lake.create({os.fspath(archive)!r}, chunking={SMALL!r})
        armed = []

        def interrupted(call):
            def wrapper(self, key, *arguments):
                if armed and key.startswith("packs/"):
                    armed.clear()
                    os.kill(os.getpid(), {int(signal.SIGINT)})
                    time.sleep(0.2)
                return call(self, key, *arguments)
            return wrapper

        LocalStore.put, LocalStore.get = interrupted(LocalStore.put), interrupted(LocalStore.get)

        def broken_off(work):
            armed.append(True)
            try:
                work()
                time.sleep(1)
            except KeyboardInterrupt:
                for thread in set(threading.enumerate()) - {{threading.main_thread()}}:
                    thread.join(5)
                print("interrupted", [t.name for t in threading.enumerate() if t is not threading.main_thread()])
            else:
                print("went on")

        broken_off(lambda: archive.backup({os.fspath(source)!r}, dataset="run"))
        print("snapshots", archive.snapshots().height)
        archive.backup({os.fspath(source)!r}, dataset="run")
        broken_off(lambda: archive.restore("run", {os.fspath(tmp_path / "broken")!r}))
        broken_off(lambda: archive.verify())
        print("ok", archive.verify().ok, archive.restore("run", {os.fspath(tmp_path / "back")!r}).ok)
        """
    )
    assert printed == ["interrupted []", "snapshots 0", "interrupted []", "interrupted []", "ok True True"]
    assert look(tmp_path / "back") == look(source)


def test_an_interrupted_backup_says_that_its_session_is_over(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the next collection removes what it stored in vain without guessing."""
    flaky = Flaky(monkeypatch)
    put = flaky.store.put

    def interrupted(key: str, parts: Any) -> int:
        size = put(key, parts)
        if key.startswith("packs/"):
            raise KeyboardInterrupt
        return size

    monkeypatch.setattr(flaky.store, "put", interrupted)
    with pytest.raises(KeyboardInterrupt):
        flaky.flaky.backup(source, dataset="run")
    assert flaky.archive.sql("SELECT event FROM sessions ORDER BY event").fetchall() == [("aborted",), ("opened",)]
    assert list(flaky.store.list("packs/"))
    flaky.archive.collect()
    assert not list(flaky.store.list("packs/"))
    assert_sound(flaky.archive)
