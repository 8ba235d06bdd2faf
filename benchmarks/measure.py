"""Run one program and measure what it cost, whole process: its start and its imports included."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Command", "CommandFailed", "Usage", "memory_together", "run"]

# With this set, as it is in many containers, a Python program compiles its modules anew each time it starts, which no
# user's does after the first time.
_NOT_PASSED_ON = frozenset({"PYTHONDONTWRITEBYTECODE"})


@dataclass(frozen=True)
class Command:
    """A program with its arguments, where it runs, and what is added to the environment."""

    arguments: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Usage:
    """What one process cost, with all the processes it started and waited for."""

    wall: float
    """Seconds from before its start to after its end."""

    cpu: float
    """Seconds of processor time, user and system, of all its threads and children."""

    peak: int
    """Resident bytes at the highest, of whichever of its processes had the most."""

    output: str
    """What it printed."""


class CommandFailed(RuntimeError):
    """A program that is measured ended with an error; the message ends with the last lines it printed."""

    def __init__(self, command: Command, status: int, output: str) -> None:
        self.command = command
        self.status = status
        last = "\n".join(output.splitlines()[-20:])
        super().__init__(f"{command.arguments[0]} ended with status {status}; it printed:\n{last}")


def run(command: Command, *, accept: tuple[int, ...] = (0,)) -> Usage:
    """Run `command` to its end.

    The kernel counts a program's peak memory from before it replaced its parent's image, so no figure can be lower
    than this process's own: nothing here or in the modules that use it imports anything large.

    Raises:
        CommandFailed: its exit status is not among `accept`.
    """
    # A file, not a pipe: a pipe would have to be emptied while the program runs, by the processor it is measured on.
    with tempfile.TemporaryFile() as printed:
        begin = time.perf_counter()
        process = _start(command, printed)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        output = printed.read().decode(errors="replace")
    if process.returncode not in accept:
        raise CommandFailed(command, process.returncode, output)
    # Linux counts in KiB.
    return Usage(wall=wall, cpu=used.ru_utime + used.ru_stime, peak=used.ru_maxrss * 1024, output=output)


def _start(command: Command, printed: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command.arguments,
        cwd=command.folder,
        env={name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
        | dict(command.environment),
        stdin=subprocess.DEVNULL,
        stdout=printed,
        stderr=subprocess.STDOUT,
    )


def memory_together(command: Command, *, every: float = 0.03) -> int:
    """Run `command` to its end; returns the most memory, in bytes, that it and its processes had together.

    What several of them share is counted once: of each page, a process is charged with its share (Linux's "Pss").
    Looking takes time from what is looked at, so this is no run to take the time of.

    Raises:
        CommandFailed: it ended with an error.
    """
    most = 0
    with tempfile.TemporaryFile() as printed:
        process = _start(command, printed)
        while process.poll() is None:
            most = max(most, sum(map(_share, _family(process.pid))))
            time.sleep(every)
        printed.seek(0)
        if process.returncode:
            raise CommandFailed(command, process.returncode, printed.read().decode(errors="replace"))
    return most


def _family(process: int) -> Iterator[int]:
    """A process and all that it, or one of those, started and that are still there."""
    yield process
    for thread in Path(f"/proc/{process}/task").glob("*"):
        try:
            started = (thread / "children").read_text().split()
        except OSError:  # it ended
            continue
        for each in started:
            yield from _family(int(each))


def _share(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:  # it ended
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024
