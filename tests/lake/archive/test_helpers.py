"""Processes that help with very many small files: what comes of it is what one process makes, whatever becomes of
them."""

from __future__ import annotations

import operator
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from holotype import lake
from holotype.catalog import Conflict, SourceProblem, StorageFailed
from holotype.lake.storing import helpers as helping
from holotype.lake.storing.helpers import Helpers, ask, helper_count

from .executors import list_a_ghost
from .trees import assert_sound, look, restored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from holotype.lake import Archive

FILES = 400


def answer(question: Any) -> Any:
    if question == "wrong":
        raise StorageFailed("no answer")
    return [question, os.getpid()]


@pytest.fixture
def helpers() -> Iterator[Helpers]:
    made = Helpers(2, answer=answer)
    yield made
    made.close(at_once=True)
    assert not of_helpers()


def of_helpers() -> list[str]:
    """The threads that still wait for helpers."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("holotype-help")]


def ended(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def until(so: Callable[[], bool], *, seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_work_is_done_elsewhere(helpers: Helpers) -> None:
    found = [helpers.submit(operator.mul, n, "x") for n in range(20)]
    assert [future.result(30) for future in found] == ["x" * n for n in range(20)]
    processes = {helpers.submit(os.getpid).result(30) for _ in range(4)}
    assert os.getpid() not in processes


def test_an_error_of_the_work_is_told_and_nothing_is_lost(helpers: Helpers) -> None:
    with pytest.raises(ZeroDivisionError):
        helpers.submit(operator.truediv, 1, 0).result(30)
    assert helpers.submit(operator.add, 1, 1).result(30) == 2


def test_what_a_helper_asks_is_answered_here(helpers: Helpers) -> None:
    assert helpers.submit(ask, {"a": 1}).result(30) == [{"a": 1}, os.getpid()]
    with pytest.raises(StorageFailed, match="no answer"):
        helpers.submit(ask, "wrong").result(30)
    assert helpers.submit(ask, 5).result(30) == [5, os.getpid()]


def test_what_is_printed_comes_not_between(helpers: Helpers) -> None:
    assert helpers.submit(print, "a word").result(30) is None
    assert helpers.submit(os.system, "echo a word").result(30) == 0


def test_with_a_helper_all_is_lost_that_was_begun(helpers: Helpers) -> None:
    with pytest.raises(Conflict, match="a process that helped"):
        helpers.submit(os._exit, 3).result(30)
    with pytest.raises(Conflict, match="a process that helped"):
        helpers.submit(operator.add, 1, 1).result(30)


@pytest.mark.parametrize("what", [(threading.Lock,), (lambda: 1,)], ids=["what comes of it", "the work"])
def test_what_cannot_be_pickled_is_lost_and_nobody_waits(helpers: Helpers, what: tuple[Any, ...]) -> None:
    with pytest.raises(Conflict, match="a process that helped"):
        helpers.submit(*what).result(30)


def test_as_many_are_started_as_there_is_work(helpers: Helpers) -> None:
    assert not of_helpers()
    helpers.submit(os.getpid).result(30)
    assert len(of_helpers()) == 1
    for _ in range(5):
        helpers.submit(os.getpid).result(30)
    assert len(of_helpers()) == 2


def test_where_none_can_be_started_it_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    helpers = Helpers(2, answer=answer)
    assert helpers.submit(os.getpid).result(30) == os.getpid()
    with pytest.raises(ZeroDivisionError):
        helpers.submit(operator.truediv, 1, 0).result(30)
    helpers.close()
    assert not of_helpers()


def test_where_it_does_not_become_one_it_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helping, "_BEGIN", "raise SystemExit(1)")
    helpers = Helpers(2, answer=answer)
    assert helpers.submit(os.getpid).result(30) == os.getpid()
    helpers.close()
    assert not of_helpers()


def test_they_go_home_when_all_is_done() -> None:
    helpers = Helpers(1, answer=answer)
    assert helpers.submit(os.getpid).result(30) != os.getpid()
    found = [helpers.submit(time.sleep, 0.1) for _ in range(4)] + [helpers.submit(os.getpid)]
    helpers.close()
    assert [future.result(0) for future in found[:-1]] == [None] * 4
    assert ended(found[-1].result(0))
    with pytest.raises(RuntimeError):
        helpers.submit(os.getpid)


def test_they_go_home_at_once() -> None:
    helpers = Helpers(1, answer=answer)
    process = helpers.submit(os.getpid).result(30)
    long, waiting = helpers.submit(time.sleep, 600), helpers.submit(os.getpid)
    assert until(long.running)
    helpers.close(at_once=True)
    assert ended(process)
    for future in (long, waiting):
        with pytest.raises(Conflict, match="a process that helped"):
            future.result(0)


@pytest.mark.parametrize(
    ("interpreter", "usable"),
    [
        ("/usr/bin/python3.11", True),
        (r"C:\Python\python.exe".replace("\\", "/"), True),
        ("/opt/pypy3", True),
        ("/usr/bin/blender", False),
        ("/usr/bin/python-config", False),
        ("", False),
        (None, False),
    ],
)
def test_only_an_interpreter_is_started(
    interpreter: str | None, monkeypatch: pytest.MonkeyPatch, *, usable: bool
) -> None:
    monkeypatch.setattr(sys, "executable", interpreter)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2}, raising=False)
    assert helper_count() == (4 if usable else 0)


def test_one_processor_has_no_helpers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {7}, raising=False)
    assert helper_count() == 0


# -- backups


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Small files, most of them twice, in folders that different helpers read; and some large ones."""
    folder = tmp_path / "run"
    for name in ("first", "second"):
        (folder / name).mkdir(parents=True)
        for n in range(FILES // 2):
            (folder / name / f"{n:04}.csv").write_bytes(f"{n},".encode() * (n + 1))
    (folder / "first" / "large").write_bytes(os.urandom(1 << 20))
    (folder / "second" / "larger").write_bytes(os.urandom(3 << 20))
    (folder / "second" / "empty").touch()
    os.link(folder / "first" / "0007.csv", folder / "second" / "other name")
    return folder


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """One for whose backups there are always two helpers, who take fifty files at a time."""
    monkeypatch.setattr("holotype.lake.storing.assisted.MANY", 1)
    monkeypatch.setattr("holotype.lake.storing.assisted.ENOUGH", 1)
    monkeypatch.setattr("holotype.lake.backup.helper_count", lambda: 2)
    monkeypatch.setattr("holotype.lake.storing.deputies._BATCH_FILES", 50)
    return lake.create(tmp_path / "archive")


class Watched(Helpers):
    """Keeps what was handed out."""

    handed: int

    def __init__(self, count: int, *, answer: Callable[[Any], Any]) -> None:
        super().__init__(count, answer=answer)
        Watched.handed = 0

    def submit(self, work: Callable[..., Any], /, *arguments: Any) -> Any:
        Watched.handed += 1
        self.before()
        return super().submit(work, *arguments)

    def before(self) -> None:
        """When more is to be handed out."""


def test_it_is_the_backup_that_one_process_makes(
    archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holotype.lake.backup.Helpers", Watched)
    told: list[lake.Progress] = []
    with_help = archive.backup(source, dataset="run", progress=told.append)
    assert Watched.handed >= FILES // 50
    alone = lake.create(tmp_path / "another").backup(source, dataset="run", workers=2)
    # What several helpers find is stored once, as always.
    assert with_help.new_bytes == alone.new_bytes
    assert told[-1].files == with_help.files - 1
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert archive.backup(source, dataset="again").new_bytes == 0
    assert_sound(archive)


def test_large_files_are_read_here(archive: Archive, source: Path, tmp_path: Path) -> None:
    for n in range(900):
        (source / f"large{n:03}").write_bytes(os.urandom(200 << 10)[: 130 << 10])
    archive.backup(source, dataset="run")
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert_sound(archive)


def test_a_few_at_a_time_are_read_here(
    archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many it were before: each batch makes packs of its own."""
    monkeypatch.setattr("holotype.lake.backup.Helpers", Watched)
    monkeypatch.setattr("holotype.lake.storing.assisted.ENOUGH", FILES + 10)
    archive.backup(source, dataset="run")
    assert Watched.handed == 0
    assert restored(archive, "run@1", tmp_path / "back") == look(source)


class OutOfInput(Watched):
    """Of whose work some fails as if the worker had died."""

    def submit(self, work: Callable[..., Any], /, *arguments: Any) -> Any:
        if Watched.handed == 3:
            return super().submit(pickle.loads, b"")
        return super().submit(work, *arguments)


def test_what_others_may_rely_on_is_not_done_again(
    archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a batch claimed counts as stored: done again, it would not be stored by anybody."""
    with monkeypatch.context() as patch:
        patch.setattr("holotype.lake.backup.Helpers", OutOfInput)
        with pytest.raises(EOFError):
            archive.backup(source, dataset="run")
    assert len(archive.snapshots()) == 0
    assert not of_helpers()
    archive.backup(source, dataset="run")
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert_sound(archive)


class Killed(Watched):
    """Of whom one dies while it works."""

    def before(self) -> None:
        if Watched.handed == 4:
            with pytest.raises(Conflict, match="a process that helped"):
                Helpers.submit(self, os._exit, 9).result(30)


def test_a_helper_that_dies_costs_time(
    archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holotype.lake.backup.Helpers", Killed)
    archive.backup(source, dataset="run")
    assert Watched.handed >= 4
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    archive.collect()
    assert restored(archive, "run@1", tmp_path / "again") == look(source)
    assert_sound(archive)


def test_a_problem_is_the_same_problem(archive: Archive, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    list_a_ghost(monkeypatch, beside="0001.csv")
    with pytest.raises(SourceProblem):
        archive.backup(source, dataset="run", on_problem="raise")
    assert not of_helpers()
    assert archive.backup(source, dataset="run").problems == 2


def test_an_interrupt_leaves_nobody_behind(archive: Archive, source: Path, tmp_path: Path) -> None:
    def interrupt(seen: lake.Progress) -> None:
        if seen.files:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        archive.backup(source, dataset="run", progress=interrupt)
    assert not of_helpers()
    archive.backup(source, dataset="run")
    assert restored(archive, "run@1", tmp_path / "back") == look(source)


def test_helpers_end_with_a_process_that_is_killed() -> None:
    script = """
        import os, sys, time
        from holotype.lake.storing.helpers import Helpers
        helpers = Helpers(2, answer=print)
        for pid in {helpers.submit(os.getpid).result() for _ in range(20)}:
            print(pid)
        print("ready", flush=True)
        time.sleep(600)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        pids = [int(line) for line in iter(driver.stdout.readline, "ready\n")]
        assert pids
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        assert until(lambda: all(ended(pid) for pid in pids))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform does not fork")
def test_they_go_home_though_a_fork_holds_their_pipes() -> None:
    script = """
        import os, signal, time
        from holotype.lake.storing.helpers import Helpers
        helpers = Helpers(1, answer=print)
        helpers.submit(os.getpid).result()
        fork = os.fork()
        if not fork:
            time.sleep(600)
        began = time.monotonic()
        helpers.close()
        took = time.monotonic() - began
        os.kill(fork, signal.SIGKILL)
        print(took < 8)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_nothing_is_imported_from_the_current_folder(tmp_path: Path) -> None:
    """It may be one that came from anywhere, and is to be archived."""
    for name in ("pickle", "struct", "random", "numpy"):
        (tmp_path / f"{name}.py").write_text("open('imported', 'w')")
    script = """
        import os, sys
        from holotype.lake.storing.helpers import Helpers
        os.chdir(sys.argv[1])
        helpers = Helpers(1, answer=print)
        print(helpers.submit(os.getpid).result() != os.getpid())
        helpers.close()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), tmp_path], capture_output=True, text=True, check=True
    )
    assert done.stdout == "True\n"
    assert not (tmp_path / "imported").exists()


def test_a_script_without_a_guard_is_not_run_again(tmp_path: Path, source: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
            print("begins")
            from holotype import lake
            from holotype.lake.storing import assisted
            from importlib import import_module
            backup = import_module("holotype.lake.backup")
            assisted.MANY, assisted.ENOUGH, backup.helper_count = 1, 1, lambda: 2
            archive = lake.create({os.fspath(tmp_path / "archive")!r})
            print(archive.backup({os.fspath(source)!r}, dataset="run").files)
        """)
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["begins", str(FILES + 4)]
    assert not done.stderr
