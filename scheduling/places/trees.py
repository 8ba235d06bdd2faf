"""Trees: all that runs of a job, what memory it has, and how it is ended."""

from __future__ import annotations

import contextlib
import os
import signal
from abc import ABC, abstractmethod
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING

from .identity import processes
from .traces import MARK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import psutil

    from .identity import Identity

__all__ = ["Adopted", "Marked", "Tree", "end_marked"]

# How often it is looked whether what was made to end has.
_TRIES = 100


class Tree(ABC):
    """The processes of one job."""

    @abstractmethod
    def members(self) -> set[int]:
        """Those that run, by their numbers."""

    @abstractmethod
    def memory(self, *, beyond: int) -> int:
        """Bytes that they have together.  What they share counts once, where it would be more than ``beyond``: to find
        that out takes longer.
        """

    @abstractmethod
    def traffic(self) -> tuple[int, int] | None:
        """Bytes that they have read and written since this was asked last, those that are over too; ``None`` where
        nobody counts them.
        """

    @abstractmethod
    def end(self, pid: int, *, force: bool) -> None:
        """End one that may be gone."""


class Adopted(Tree):
    """All that is below this process, which adopts what it leaves behind; from ``/proc``."""

    def __init__(self) -> None:
        self._read = self._written = 0

    def members(self) -> set[int]:
        found: set[int] = set()
        look = [os.getpid()]
        below = _children if _tells_children() else _by_parents().__getitem__
        while look:
            children = below(look.pop()) - found
            found |= children
            look += children
        return {pid for pid in found if _runs(pid)}

    def memory(self, *, beyond: int) -> int:
        members = self.members()
        quick = sum(_each(_resident, members))
        return sum(_each(_fair_share, members)) if quick > beyond and len(members) > 1 else quick

    def traffic(self) -> tuple[int, int] | None:
        # A process answers for its own threads and for the children that it has waited for; this one's own thread
        # apart, that leaves those of the job.  What still runs is not among them.
        try:
            all_of_it, own = _io("/proc/self/io"), _io("/proc/thread-self/io")
        except (OSError, ValueError):
            return None
        read, written = all_of_it[0] - own[0], all_of_it[1] - own[1]
        since = max(0, read - self._read), max(0, written - self._written)
        self._read, self._written = read, written
        return since

    def end(self, pid: int, *, force: bool) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL if force else signal.SIGTERM)
            os.kill(pid, signal.SIGCONT)  # one that was stopped cannot end


class Marked(Tree):
    """What is below a process, and what has its mark, wherever it is; from psutil, where there is no other way."""

    def __init__(self, mark: str) -> None:
        self._mark = mark

    def members(self) -> set[int]:
        psutil = processes()
        found = {each.pid for each in psutil.Process().children(recursive=True) if _unfinished(each)}
        return found | {each.pid for each in _marked(self._mark)}

    def memory(self, *, beyond: int) -> int:
        psutil = processes()
        total = 0
        for pid in self.members():
            with contextlib.suppress(psutil.Error):
                total += psutil.Process(pid).memory_info().rss
        return total

    def traffic(self) -> tuple[int, int] | None:
        return None

    def end(self, pid: int, *, force: bool) -> None:
        psutil = processes()
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            if force:
                process.kill()
            else:
                process.terminate()


def end_marked(mark: str, first: Identity | None) -> bool:
    """End what has a mark, the ``first`` process of a job, and what is below them, at once; whether nothing is left.

    They are what a job has left behind whose guard is gone.
    """
    psutil = processes()
    for _ in range(_TRIES):
        found = {each.pid: each for each in _marked(mark)}
        if first is not None and first.lives():
            with contextlib.suppress(psutil.Error):
                found[first.pid] = psutil.Process(first.pid)
        for each in [*found.values()]:
            with contextlib.suppress(psutil.Error):
                found |= {child.pid: child for child in each.children(recursive=True) if _unfinished(child)}
        if not found:
            return True
        for each in found.values():
            with contextlib.suppress(psutil.Error):
                each.kill()
        psutil.wait_procs(found.values(), timeout=0.1)
    return False


def _marked(mark: str) -> Iterator[psutil.Process]:
    psutil = processes()
    looked_at = {os.getpid()}
    # Who was looked at may have started another meanwhile, and be gone: until no list has anybody new.
    for _ in range(_TRIES):
        new = set(psutil.pids()) - looked_at
        looked_at |= new
        for pid in sorted(new):
            try:
                process = psutil.Process(pid)
                if process.environ().get(MARK) == mark and _unfinished(process):
                    yield process
            except (psutil.Error, OSError):
                continue  # another user's, or gone
        if not new:
            return


def _unfinished(process: psutil.Process) -> bool:
    psutil = processes()
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _children(pid: int) -> set[int]:
    found: set[int] = set()
    with contextlib.suppress(OSError):  # it is gone
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found |= {int(each) for each in file.read().split()}
    return found


@cache
def _tells_children() -> bool:
    """Whether the kernel was made with ``CONFIG_PROC_CHILDREN``."""
    return os.path.exists(f"/proc/self/task/{os.getpid()}/children")


def _by_parents() -> dict[int, set[int]]:
    found: defaultdict[int, set[int]] = defaultdict(set)
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with contextlib.suppress(OSError, IndexError):
                found[int(_stat(int(name))[1])].add(int(name))
    return found


def _stat(pid: int) -> list[bytes]:
    """proc_pid_stat(5) from the third field on: the state, the parent, …"""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b") ")[2].split()


def _runs(pid: int) -> bool:
    try:
        return _stat(pid)[0] not in (b"Z", b"X")
    except (OSError, IndexError):
        return False


def _each(count: Callable[[int], int], members: Iterable[int]) -> Iterator[int]:
    for pid in members:
        with contextlib.suppress(OSError, ValueError, IndexError):  # gone meanwhile
            yield count(pid)


def _resident(pid: int) -> int:
    """Bytes that it has in memory."""
    with open(f"/proc/{pid}/statm", "rb") as file:
        return int(file.read().split()[1]) * _page()


@cache
def _page() -> int:
    return os.sysconf("SC_PAGE_SIZE")


def _fair_share(pid: int) -> int:
    """Bytes that it has in memory, of what several have the part that is left for each."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            return next((int(line.split()[1]) for line in file if line.startswith(b"Pss:")), 0) * 1024
    except PermissionError:  # of another user's it may not be seen
        return _resident(pid)


def _io(path: str) -> tuple[int, int]:
    with open(path, "rb") as file:
        said = dict(line.split(b": ") for line in file.read().splitlines())
    return int(said[b"rchar"]), int(said[b"wchar"])
