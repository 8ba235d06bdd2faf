"""Reading in a process of its own, where a library that is brought down by a file brings down nothing else.

One child serves many files, one after the other; it is started when it is first needed, and again when it has died.
A child that waits may be ended by others, as a terminal's interrupt or a system that lacks memory does: what has ended
one is asked of another, and only what has ended two of them is told to have done so.

The child imports from where this process does, and never from the current folder, which may be one of data.  Where
none can be started nothing is said of a file, but that it could not be looked at.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from typing import Any

from ..errors import LibraryMissing

__all__ = ["Died", "ask"]

# What a child runs; it is told first where the modules are.
_BEGIN = """
import json, sys
sys.path[:] = json.loads(sys.stdin.readline())
from holotype.validators.arrays.child import serve
serve()
"""
# For an interpreter that has to be started on a machine with other work.
_PATIENCE = 120.0
# Children that are kept for who asks next; where many threads ask at once there are more of them for a while.
_KEPT = 4


class Died:
    """What is answered when the child did not live to answer: ``how`` it ended, and whether that was for it was
    ``late``.
    """

    def __init__(self, how: str, *, late: bool = False) -> None:
        self.how, self.late = how, late


class _Child:
    """One child process, which is ready.  Raises ``LibraryMissing`` where there can be none."""

    def __init__(self) -> None:
        try:
            self._process = subprocess.Popen(
                [_interpreter(), "-I" if sys.flags.isolated else "-P", "-c", _BEGIN],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
            )
        except OSError as error:
            raise _none(str(error)) from error
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self.owner = os.getpid()
        try:
            self._reader.start()
        except RuntimeError as error:  # there may be no more threads
            self._process.kill()
            self._process.communicate()
            raise _none(str(error)) from error
        began = self.ask(json.dumps([path for path in sys.path if path]), _PATIENCE)
        if isinstance(began, Died):
            raise _none(f"one that was started {began.how}")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")

    def ask(self, question: str, seconds: float) -> str | Died:
        """Its answer to one line; without one it is ended."""
        assert self._process.stdin is not None
        answer = ""
        try:
            with contextlib.suppress(OSError):  # it does not listen any more
                self._process.stdin.write(question + "\n")
                self._process.stdin.flush()
                answer = self._answers.get(timeout=seconds)
        except queue.Empty:
            return Died(f"had not answered after {seconds:g} seconds", late=True)
        finally:
            if not answer:  # whoever waits may have been interrupted
                self.end()
        return answer or Died(f"ended with status {self._process.returncode}")

    def end(self) -> None:
        """End it, and let go of what it holds."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # of what could not be written any more
                    pipe.close()


# Children that wait for somebody to ask them, and those of the process that this one was forked from, which are not
# its own to ask or to end.  No lock guards them, which a fork could find held for ever: taking one is a single step.
_idle: list[_Child] = []
_others: list[_Child] = []


def _waiting() -> _Child | None:
    """A child that nobody asks, if there is one."""
    while _idle:
        try:
            child = _idle.pop()
        except IndexError:  # another thread has taken it
            return None
        if child.owner == os.getpid():
            return child
        _others.append(child)
    return None


def _end_all() -> None:
    while (child := _waiting()) is not None:
        child.end()


atexit.register(_end_all)


def ask(module: str, function: str, about: dict[str, Any], *, seconds: float) -> dict[str, Any] | Died:
    """What ``function`` of a module answers in a child, as JSON can say it: ``{"told"}``, or why there is no answer.

    Raises ``LibraryMissing`` where no child can be started.
    """
    question = json.dumps({"module": module, "function": function, "about": about})
    child = _waiting() or _Child()
    answer = child.ask(question, seconds)
    if isinstance(answer, Died) and not answer.late:
        child = _Child()
        answer = child.ask(question, seconds)
    if isinstance(answer, Died):
        return answer
    if len(_idle) < _KEPT:
        _idle.append(child)
    else:
        child.end()
    told: dict[str, Any] = json.loads(answer)
    return told


def _interpreter() -> str:
    """What runs Python here.  A program that has Python inside may call itself the interpreter, and would be begun a
    second time.
    """
    name = os.path.basename(sys.executable or "")
    if not name.lower().startswith(("python", "pypy", "graalpy")):
        raise _none(f"{name or 'nothing'} is no interpreter of Python")
    return sys.executable


def _none(why: str) -> LibraryMissing:
    return LibraryMissing(f"what damaged files bring down is read in a process of its own, and there is none: {why}")
