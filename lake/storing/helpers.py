"""Processes that help this one with work that Python does one step at a time, however many threads there are.

A helper is another interpreter of the same kind, which takes one piece of work at a time through a pipe::

    us ── work ──▶ helper
       ◀─ question ──         as often as it needs an answer
       ── answer ──▶
       ◀─ result ──

It has nothing of this process but the paths of its modules: it is no fork, which threads do not survive, and runs no
main module a second time.  It ends when its pipe does, however this process ended.

Where none can be started, its work is done by a thread of this process instead.  One that ends in the middle takes with
it what it was told, and what others may rely on: all that was begun with it is to be begun anew.
"""

from __future__ import annotations

import gc
import os
import pickle
import queue
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from holotype.catalog import Conflict

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Helpers", "ask", "helper_count", "serve"]

# With more of them it is this process that they wait for.
_MOST = 4
_PATIENCE = 10.0  # seconds in which one goes home, before it is made to
# NumPy starts a thread for each processor, and these look for work for a while: there is no algebra to do.
_ALONE = {"OPENBLAS_NUM_THREADS": "1"}
# What a helper runs; it is told first where the modules are.
_BEGIN = """
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
from holotype.lake.storing import deputies, helpers
helpers.serve()
"""


def helper_count() -> int:
    """How many helpers are of use here: one more than there are processors, for one or another waits for the disk.

    None where there is one processor, or no interpreter to start.
    """
    # A program that has Python inside may name itself as the interpreter.
    usable = re.match(r"(python|pypy)[\d.]*(\.exe)?$", os.path.basename(sys.executable or "")) is not None
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(count + 1, _MOST) if usable and count > 1 else 0


@dataclass
class _Task:
    future: Future[Any]
    work: Callable[..., Any]
    arguments: tuple[Any, ...]

    def do(self) -> None:
        """Do it here."""
        try:
            result = self.work(*self.arguments)
        except BaseException as error:  # noqa: BLE001 - whoever asks for the result raises it
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


class Helpers:
    """Up to so many of them, each started when there is work for it: an executor.  ``answer`` is asked what they ask.

    A future of work that was lost has a ``Conflict`` about ``helpers`` as its error, and so has every one after it.
    """

    def __init__(self, count: int, *, answer: Callable[[Any], Any]) -> None:
        self._max_workers = count  # where it is looked for (see worker_count)
        self._answer = answer
        self._tasks: queue.Queue[_Task | None] = queue.Queue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._over = self._lost = False

    def submit(self, work: Callable[..., Any], /, *arguments: Any) -> Future[Any]:
        """Have ``work(*arguments)`` done; both, and what comes of it, have to be picklable."""
        future: Future[Any] = Future()
        with self._lock:
            if self._over:
                raise RuntimeError("the helpers were sent home")
            self._tasks.put(_Task(future, work, arguments))
            if len(self._threads) < self._max_workers:
                name = f"holotype-help-{len(self._threads)}"
                self._threads.append(threading.Thread(target=self._work, name=name, daemon=True))
                self._threads[-1].start()
        return future

    def close(self, *, at_once: bool = False) -> None:
        """Send them home when they have done what they were given, or at once; then they are gone."""
        with self._lock:
            self._over = True
            if at_once:
                self._lost = True
                for process in self._processes:
                    process.kill()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        """Give work to one helper after starting it."""
        helper = self._helper()
        try:
            while (task := self._tasks.get()) is not None:
                if not task.future.set_running_or_notify_cancel():
                    continue
                if self._lost:
                    task.future.set_exception(_lost())
                elif helper is None:
                    task.do()
                else:
                    self._have_done(helper, task)
        finally:
            if helper is not None:
                _end(helper)

    def _helper(self) -> subprocess.Popen[bytes] | None:
        """A new helper; ``None`` where there can be none."""
        try:
            with self._lock:
                if self._over:
                    return None
                helper = subprocess.Popen(
                    # Nothing is imported from the current folder, which may be one of data.
                    [sys.executable, "-I" if sys.flags.isolated else "-P", "-c", _BEGIN],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env={**os.environ, **_ALONE},
                )
                self._processes.append(helper)
        except OSError:
            return None
        try:
            _send(_its(helper.stdin), [path for path in sys.path if path])
            _receive(_its(helper.stdout))  # that it is ready
        except Exception:  # noqa: BLE001 - what came of it was no helper
            helper.kill()
            _end(helper)
            return None
        return helper

    def _have_done(self, helper: subprocess.Popen[bytes], task: _Task) -> None:
        to, back = _its(helper.stdin), _its(helper.stdout)
        try:
            _send(to, (task.work, task.arguments))
            while True:
                kind, said = _receive(back)
                if kind != "question":
                    break
                _send(to, self._reply(said))
        except Exception as error:  # noqa: BLE001 - it ended, or what was said could not be pickled: nobody knows how far it came
            self._lost = True
            lost = _lost()
            lost.__cause__ = error
            task.future.set_exception(lost)
        else:
            if kind == "result":
                task.future.set_result(said)
            else:
                task.future.set_exception(said)

    def _reply(self, question: Any) -> tuple[Any, Exception | None]:
        try:
            return self._answer(question), None
        except Exception as error:  # noqa: BLE001 - whoever asked raises it
            return None, error


def _lost() -> Conflict:
    return Conflict("a process that helped ended before its work did: start again", helpers=True)


def _its(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _send(to: IO[bytes], what: object) -> None:
    pickle.dump(what, to, protocol=pickle.HIGHEST_PROTOCOL)
    to.flush()


def _receive(back: IO[bytes]) -> Any:
    return pickle.load(back)


def _end(helper: subprocess.Popen[bytes]) -> None:
    # Told so in words: a process that was forked off meanwhile may hold the pipe open.
    with suppress(OSError):
        _send(_its(helper.stdin), None)
    for pipe in (helper.stdin, helper.stdout):
        with suppress(OSError):  # what was not sent, nobody wants
            _its(pipe).close()
    try:
        helper.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        helper.kill()
        helper.wait()


# -- in a helper


@dataclass(frozen=True)
class _Line:
    """To whom a helper speaks."""

    back: IO[bytes]
    to: IO[bytes]


_lines: list[_Line] = []


def serve() -> None:
    """What a helper does, until its pipe ends."""
    # An interrupt is for whoever it helps, who then ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = _Line(sys.stdin.buffer, os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)  # what is printed must not come between
    _lines.append(line)
    gc.freeze()  # what was imported stays, and need not be looked at again and again
    _send(line.to, "ready")
    with suppress(EOFError):
        while (told := _receive(line.back)) is not None:
            work, arguments = told
            try:
                said = "result", work(*arguments)
            except Exception as error:  # noqa: BLE001 - whoever handed it out raises it
                said = "error", error
            _send(line.to, said)


def ask(question: object) -> Any:
    """In a helper: what those it helps answer.  Raises what their answer raises."""
    (line,) = _lines
    _send(line.to, ("question", question))
    answer, error = _receive(line.back)
    if error is not None:
        raise error
    return answer
