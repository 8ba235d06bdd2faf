"""Reading in a process of its own, where a library that is brought down by a file brings down nothing else.

One child serves many files, one after the other; it is started when it is first needed, and again when it has died.
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

__all__ = ["Died", "ask"]

_CHILD = "holotype.validators.arrays.child"


class Died:
    """What is answered when the child did not live to answer: ``how`` it ended."""

    def __init__(self, how: str) -> None:
        self.how = how


class _Child:
    """One child process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.owner = os.getpid()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")

    def ask(self, question: str, seconds: float) -> str | Died:
        """Its answer to one line."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(question + "\n")
            self._process.stdin.flush()
            answer = self._answers.get(timeout=seconds)
        except queue.Empty:
            self.end()
            return Died(f"had not answered after {seconds:g} seconds")
        except OSError:
            answer = ""
        if answer:
            return answer
        self.end()
        return Died(f"ended with status {self._process.returncode}")

    def end(self) -> None:
        """End it, and let go of what it holds."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # of what could not be written any more
                    pipe.close()


# Children that wait for somebody to ask them.
_idle: list[_Child] = []
_lock = threading.Lock()


def _end_all() -> None:
    with _lock:
        while _idle:
            child = _idle.pop()
            if child.owner == os.getpid():  # a fork has its parent's list, and not its children
                child.end()


atexit.register(_end_all)


def ask(module: str, function: str, about: dict[str, Any], *, seconds: float) -> dict[str, Any] | Died:
    """What ``function`` of a module answers in a child, as JSON can say it: ``{"told"}``, or why there is no answer."""
    with _lock:
        child = next((_idle.pop(at) for at, each in enumerate(_idle) if each.owner == os.getpid()), None)
    child = child or _Child()
    answer = child.ask(json.dumps({"module": module, "function": function, "about": about}), seconds)
    if isinstance(answer, Died):
        return answer
    with _lock:
        _idle.append(child)
    told: dict[str, Any] = json.loads(answer)
    return told
