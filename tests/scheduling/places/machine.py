"""What the tests of this machine as a place have in common: jobs in shell, and which processes are there."""

from __future__ import annotations

import itertools
import os
import time
from typing import TYPE_CHECKING, Any

import psutil

from holotype.scheduling import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["eventually", "guard_of", "job_of", "naps", "shell"]

_numbers = itertools.count()


def job_of(there: Path, id: str, /, *command: str, **more: Any) -> Job:
    """A job that works in a folder, and keeps what it says there."""
    given: dict[str, Any] = {
        "folder": str(there),
        "stdout": str(there / f"{id}.out"),
        "stderr": str(there / f"{id}.err"),
        "environment": {"PATH": os.environ["PATH"]},
    }
    return Job(id=id, command=command, **(given | more))


def shell(there: Path, id: str, script: str, /, *arguments: str, **more: Any) -> Job:
    """A job of a shell; ``arguments`` are its ``$1`` and so on."""
    return job_of(there, id, "sh", "-c", script, "sh", *arguments, **more)


def naps() -> tuple[str, Callable[[], list[psutil.Process]]]:
    """A number of seconds that nobody else sleeps for, and who does."""
    seconds = f"{900 + next(_numbers)}.{os.getpid()}{time.time_ns() % 1_000_000:06}"

    def who() -> list[psutil.Process]:
        found: list[psutil.Process] = []
        for each in psutil.process_iter():
            try:
                if each.cmdline()[:2] == ["sleep", seconds] and each.status() != psutil.STATUS_ZOMBIE:
                    found.append(each)
            except psutil.Error:
                continue
        return found

    return seconds, who


def eventually(holds: Callable[[], object], *, patience: float = 60.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def guard_of(begun: Mapping[str, Any]) -> psutil.Process:
    """Who looks after a job, by what was written down as it began."""
    return psutil.Process(begun["guard"]["pid"])
