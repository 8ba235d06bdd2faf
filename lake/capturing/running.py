"""A command run to its end: what it says passed on, its time and memory counted, nothing of it left behind by accident.

It gets a session of its own, so that it can be ended with all its children, and has no terminal to wait for: it reads
from a file, or nothing.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from holotype.catalog import InvalidOption, ProgramNotFound

from .processes import end, members

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    Passing = Callable[[Literal["stdout", "stderr"], bytes], None]

__all__ = ["Ended", "Running"]

_TAIL = 1 << 16  # bytes of each stream that are kept: the last ones, where programs say what went wrong
_AT_ONCE = 1 << 16
_PAUSE = 0.01  # seconds between two looks at whether a command has ended, where nothing tells
_INTERRUPTED = 2.0  # seconds for a command to end when whoever waits is interrupted, and is impatient


@dataclass(frozen=True)
class Ended:
    """How a command ended.  ``max_rss``: bytes of memory that the largest of its processes had, or 0 where that was
    less than this process ever had, behind which it cannot be seen.
    """

    returncode: int
    began: datetime
    ended: datetime
    user_seconds: float
    system_seconds: float
    max_rss: int


class _Pump:
    """Takes what comes through a pipe, passes it on, and keeps its end."""

    def __init__(self, stream: Literal["stdout", "stderr"], passing: Passing | None) -> None:
        self._stream: Literal["stdout", "stderr"] = stream
        self._passing = passing
        self._kept: deque[bytes] = deque()
        self._size = 0
        self._lock = threading.Lock()
        self.error: BaseException | None = None
        self._reading, self.writing = os.pipe()
        # A process that outlives the command may hold the other end for ever.
        self._thread = threading.Thread(target=self._run, name=f"holotype-{stream}", daemon=True)

    def start(self) -> None:
        os.close(self.writing)
        self._thread.start()

    def drop(self) -> None:
        os.close(self.writing)
        os.close(self._reading)

    def tail(self, timeout: float) -> bytes:
        self._thread.join(timeout)
        with self._lock:
            self._passing = None
            return b"".join(self._kept)[-_TAIL:]

    def _run(self) -> None:
        while data := os.read(self._reading, _AT_ONCE):
            with self._lock:
                self._kept.append(data)
                self._size += len(data)
                while self._size - len(self._kept[0]) >= _TAIL:
                    self._size -= len(self._kept.popleft())
                passing = self._passing
            if passing is not None and self.error is None:
                try:
                    passing(self._stream, data)
                except BaseException as error:  # the command goes on; said when it has ended
                    self.error = error
                    if not isinstance(error, Exception):
                        raise
        os.close(self._reading)


def _await(pid: int) -> None:
    """Return when a child has ended, or soon; a signal that comes meanwhile is handled at once.

    To wait for the child itself is no such way: Polars has the system go on with what a signal broke off.
    """
    if not hasattr(os, "pidfd_open"):
        time.sleep(_PAUSE)
        return
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:  # an old kernel, or a sandbox
        time.sleep(_PAUSE)
        return
    try:
        ready = select.poll()
        ready.register(descriptor, select.POLLIN)
        ready.poll()
    finally:
        os.close(descriptor)


def _own_peak() -> int:
    """The most memory that this program ever had, in kibibytes; 0 where nothing says so."""
    try:
        with open("/proc/self/status", "rb") as status:
            return next((int(line.split()[1]) for line in status if line.startswith(b"VmHWM:")), 0)
    except OSError:
        return 0


class Running:
    """A command that was started; ``wait`` for it, once.

    ``stdin``, ``stdout``, ``stderr``: files instead of nothing to read, and of streams to pass on.  Raises
    ``ProgramNotFound``, ``InvalidOption``, ``OSError`` for a file that cannot be opened.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        program: str,
        cwd: str,
        env: Mapping[str, str] | None,
        stdin: str | None,
        stdout: str | None,
        stderr: str | None,
        passing: Passing | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._clock = clock
        self._timed_out = threading.Event()
        self._done = threading.Event()
        self._pumps: dict[str, _Pump] = {}
        self.others: Callable[[], Iterable[int]] = tuple
        with ExitStack() as files:
            reading = subprocess.DEVNULL if stdin is None else files.enter_context(open(stdin, "rb")).fileno()
            writing: list[int] = []
            for stream, path in (("stdout", stdout), ("stderr", stderr)):
                if path is not None:
                    writing.append(files.enter_context(open(path, "wb")).fileno())
                else:
                    pump = self._pumps[stream] = _Pump("stdout" if stream == "stdout" else "stderr", passing)
                    writing.append(pump.writing)
            # Linux counts what this program ever had to the children it starts, so less than that cannot be told.
            self._hidden = _own_peak()
            self.began = clock()
            try:
                self._process = subprocess.Popen(
                    command,
                    cwd=cwd,
                    env=env,
                    stdin=reading,
                    stdout=writing[0],
                    stderr=writing[1],
                    start_new_session=True,
                )
            except OSError as error:
                for pump in self._pumps.values():
                    pump.drop()
                if not os.path.isdir(cwd):
                    raise InvalidOption(f"cwd is {cwd!r}, which is no folder", option="cwd") from error
                raise ProgramNotFound(f"{program} cannot be run: {error.strerror}", program=program) from error
        for pump in self._pumps.values():
            pump.start()
        self.pid = self._process.pid

    def wait(self, timeout: float | None, grace: float) -> Ended:
        """Wait until the command itself has ended; after ``timeout`` seconds end it, and all that it started.

        Should the waiting be interrupted, everything is ended first.
        """
        timer = None if timeout is None else threading.Timer(timeout, self._too_long, (grace,))
        if timer is not None:
            timer.daemon = True
            timer.start()
        try:
            returncode, user, system, memory = self._reaped()
        except BaseException:
            self.end(min(grace, _INTERRUPTED))
            raise
        finally:
            if timer is not None:
                timer.cancel()
        # A clock may have been put back meanwhile; nothing ends before it began.
        return Ended(returncode, self.began, max(self.began, self._clock()), user, system, memory)

    @contextmanager
    def looked_after(self, grace: float) -> Iterator[None]:
        """Whatever is raised meanwhile, as by Ctrl-C, the command does not outlive it."""
        try:
            yield
        except BaseException:
            if not self._done.is_set():
                self.end(min(grace, _INTERRUPTED))
            raise

    @property
    def timed_out(self) -> bool:
        """Whether the command was ended because it took too long."""
        return self._timed_out.is_set()

    def end(self, grace: float) -> None:
        """End the command and all that it started, as far as that is known."""

        def ended() -> bool:
            if not self._done.is_set() and self._process.poll() is not None:
                self._done.set()
            return self._done.is_set() and not self.left() and not any(True for _ in self.others())

        end(self.pid, self.others, grace=grace, ended=ended)
        if not self._done.is_set():
            self._process.wait()

    def left(self) -> tuple[tuple[int, int, tuple[str, ...]], ...]:
        """What is left of the command's session, as numbers, parents and arguments."""
        return tuple(each for each in members(self.pid) if each[0] != self.pid or not self._done.is_set())

    def tails(self, timeout: float) -> tuple[bytes, bytes]:
        """The ends of what it said, waiting for at most so many seconds for the rest of it.

        Raises whatever was raised by the function that it was passed on to.
        """
        limit = time.monotonic() + timeout
        said = {stream: pump.tail(max(0.0, limit - time.monotonic())) for stream, pump in self._pumps.items()}
        for pump in self._pumps.values():
            if pump.error is not None:
                raise pump.error
        return said.get("stdout", b""), said.get("stderr", b"")

    def _reaped(self) -> tuple[int, float, float, int]:
        if not hasattr(os, "wait4"):
            returncode = self._process.wait()
            self._done.set()
            return returncode, 0.0, 0.0, 0
        while True:
            _await(self.pid)
            ended, status, used = os.wait4(self.pid, os.WNOHANG)
            if ended:
                break
        self._done.set()
        self._process.returncode = os.waitstatus_to_exitcode(status)
        # Linux counts kibibytes, macOS bytes.
        unit = 1 if sys.platform == "darwin" else 1024
        memory = used.ru_maxrss if used.ru_maxrss > self._hidden else 0
        return self._process.returncode, used.ru_utime, used.ru_stime, memory * unit

    def _too_long(self, grace: float) -> None:
        if not self._done.is_set():
            self._timed_out.set()
            # Not ``self.end``, which would take the command's return code from whoever waits for it.
            end(self.pid, self.others, grace=grace, ended=self._done.is_set)
