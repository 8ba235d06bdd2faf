"""The guards of a keeper: each is given one job after the other, and forked when none is free.

A fork, with all that a process has to find out first, costs as much as a small job.  What connects a guard to its
keeper is a socket each: the keeper sends jobs in lines, and the guard a byte when it may have another, or another byte
when it will not.  A guard that goes without a byte was ended, and its job given to another, who sees whether it was
begun: then it is lost, else it is done.
"""

from __future__ import annotations

import json
import os
import select
import socket
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .guard import Guard, job_from, tell
from .identity import Identity
from .place import Ended

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .traces import Traces

__all__ = ["Guards"]

# What a guard says: another job may come, or it goes.
_FREE, _GONE = b"+", b"-"
# Guards that wait for jobs, though none comes.
_WAITING = 16
# Guards that may be ended with a job that they have not begun, before it is given up.
_TRIES = 3
# Seconds for those that wait to go.
_LEAVING = 5.0


@dataclass
class _Told:
    """A guard as its keeper knows it; ``job``: the line that it was told and has not said to be done with."""

    socket: socket.socket
    pid: int
    job: bytes | None = None
    tries: int = 0


class Guards:
    """Those that were forked by this process, and ``listener``, the descriptor that they tell what becomes of jobs."""

    def __init__(self, traces: Traces, listener: int) -> None:
        self._traces, self._listener = traces, listener
        self._all: dict[int, _Told] = {}
        # The one that was free last is taken first: its memory is at hand, and the others may go.
        self._free: list[_Told] = []

    def look_after(self, line: bytes, *, tries: int = 0) -> None:
        """Have a guard look after a job, told in a line of JSON."""
        if tries >= _TRIES:
            self._give_up(line, f"who would look after it was ended, {tries} times")
            return
        while self._free:
            guard = self._free.pop()
            guard.job, guard.tries = line, tries
            with suppress(OSError):  # it was ended while it waited; that it is gone is yet to be heard
                guard.socket.sendall(line)
                return
            guard.job = None
        try:
            self._fork(line, tries)
        except OSError as error:  # no more processes, or no memory for one
            self._give_up(line, f"no process can be started: {error.strerror}")

    def sockets(self) -> Iterator[int]:
        """The descriptors that they say something by."""
        return iter([*self._all])

    def hear(self, descriptor: int) -> None:
        """Take note of what one says."""
        guard = self._all[descriptor]
        try:
            said = guard.socket.recv(1)
        except OSError:  # it was ended with a job that it had not read
            said = b""
        if said == _FREE and len(self._free) < _WAITING:
            guard.job = None
            self._free.append(guard)
            return
        self._drop(guard)
        if said == b"" and guard.job is not None:
            self.look_after(guard.job, tries=guard.tries + 1)

    def leave(self) -> None:
        """Have those that wait go, and those that look after jobs go when these are over."""
        deadline = time.monotonic() + _LEAVING
        for each in self._free:
            with suppress(OSError):
                each.socket.shutdown(socket.SHUT_WR)
        while self._free and (left := deadline - time.monotonic()) > 0:
            poll = select.poll()
            for each in self._free:
                poll.register(each.socket, select.POLLIN)
            poll.poll(left * 1000)
            for each in [each for each in self._free if _is_gone(each.socket)]:
                self._drop(each)

    def _drop(self, guard: _Told) -> None:
        del self._all[guard.socket.fileno()]
        if guard in self._free:
            self._free.remove(guard)
        guard.socket.close()
        # It ends where it closes its own, so this takes no time; what it took is then told with what the keeper did.
        with suppress(ChildProcessError):
            os.waitpid(guard.pid, 0)

    def _fork(self, line: bytes, tries: int) -> None:
        """Have a new guard look after a job.  Raises ``OSError``."""
        ours, its = socket.socketpair()
        try:
            if pid := os.fork():
                its.close()
                self._all[ours.fileno()] = _Told(ours, pid, line, tries)
                return
        except OSError:
            ours.close()
            its.close()
            raise
        # From here on this is the guard, which whatever happens never goes on as a second keeper.
        status = 1
        try:
            ours.close()
            for other in self._all.values():
                other.socket.close()  # else it would keep the others from going
            _serve(self._traces, self._listener, its, line)
            status = 0
        except Exception:  # noqa: BLE001 - it is in the keeper's log, and whoever waits finds the job lost
            traceback.print_exc()
        finally:
            # At once: to take down what was taken over from the keeper costs more than the rest of a guard's life.
            os._exit(status)

    def _give_up(self, line: bytes, why: str) -> None:
        id, now = job_from(json.loads(line)).id, time.time()
        ended = Ended(began=now, ended=now, cause="start", message=why)
        with suppress(OSError):
            self._traces.begin(id, now, Identity.of(os.getpid()), ended=ended)
        tell(self._listener, id)


def _serve(traces: Traces, listener: int, keeper: socket.socket, line: bytes) -> None:
    """Be a guard, for the job of a line and those that come."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)  # else who tells the keeper would tell its guards too
    os.close(nothing)
    guard = Guard(traces, listener)
    with keeper.makefile("rb") as lines:
        # Not a whole line: the keeper was ended.
        while line.endswith(b"\n"):
            if not guard.look_after(job_from(json.loads(line)), free=lambda: _say(keeper, _FREE)):
                _say(keeper, _GONE)
                break
            try:
                line = lines.readline()
            except OSError:  # the keeper was ended before it had heard what was said last
                break
    guard.leave()


def _say(keeper: socket.socket, what: bytes) -> None:
    with suppress(OSError):  # it was ended, and who waits for it then sees that
        keeper.send(what)


def _is_gone(guard: socket.socket) -> bool:
    try:
        return guard.recv(1, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
