"""The processes of a command: who they are, who is left of them, and how all of them are ended."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

__all__ = ["Process", "alive", "end", "members", "script_of", "signal_name"]

_PAUSE = 0.02  # seconds between two looks at whether processes are gone
# Interpreters, and which of their options take the next argument with them.
_INTERPRETERS = {
    "python": ("-W", "-X", "--check-hash-based-pycs"),
    "pypy": ("-W", "-X"),
    "perl": ("-I",),
    "ruby": ("-I", "-r"),
    "node": ("-r", "--require", "--import", "--loader"),
    "Rscript": ("--default-packages",),
    "julia": ("-L", "-t", "-p", "-J", "-H"),
    "lua": ("-l",),
    "php": ("-d", "-c"),
    "octave": (),
    "tclsh": (),
    "groovy": (),
    "snakemake": (),
} | dict.fromkeys(("sh", "bash", "dash", "zsh", "ksh", "ash"), ("-o", "+o", "-O", "+O", "--rcfile", "--init-file"))
# An option that is followed by the program itself, or by a module's name: alone, or last of several letters.
_INLINE = {"python": "cm", "pypy": "cm", "perl": "eE", "ruby": "e", "node": "ep", "Rscript": "e", "julia": "eE"}
_INLINE |= {"lua": "e", "php": "r", "octave": "", "tclsh": "", "groovy": "e", "snakemake": ""}


@dataclass(frozen=True)
class Process:
    """One process: its number and its parent's, what it last ran, when, and how it ended.

    ``parent``: ``None`` where it is not known.  ``argv``: as it was given; an argument beyond 4,096 characters, and
    the arguments beyond as many, are cut short with ``…``.  ``ended`` and ``returncode`` are ``None`` for one that
    still ran when watching ended; ``returncode`` is negative for one that a signal ended.
    """

    pid: int
    parent: int | None
    argv: tuple[str, ...]
    began: datetime
    ended: datetime | None = None
    returncode: int | None = None


def script_of(argv: tuple[str, ...]) -> str | None:
    """The script that an interpreter is told to run, as the argument says it; ``None`` for anything else."""
    name = os.path.basename(argv[0]).lstrip("-") if argv else ""
    plain = name.removesuffix(".exe").rstrip("0123456789.")
    if plain not in _INTERPRETERS:
        return None
    arguments = iter(argv[1:])
    for argument in arguments:
        if argument == "--":
            return next(arguments, None)
        if argument in _INTERPRETERS[plain]:
            next(arguments, None)
        elif argument.startswith("--"):
            if argument in ("--eval", "--print", "--execute"):
                return None
        elif argument.startswith("-"):
            if argument == "-" or (argument[-1] in _INLINE.get(plain, "cs") and argument[1:].isalpha()):
                return None
        elif not argument.startswith("+"):
            return argument
    return None


def signal_name(returncode: int) -> str | None:
    """The name of the signal that ended a process, by its negative return code; ``None`` for one that exited."""
    if returncode >= 0:
        return None
    try:
        return signal.Signals(-returncode).name
    except ValueError:  # one of the real-time signals, which have no names of their own
        return f"SIG{-returncode}"


def members(session: int) -> tuple[tuple[int, int, tuple[str, ...]], ...]:
    """The processes of a session that still run: numbers, parents and arguments; none where there is no ``/proc``."""
    found: list[tuple[int, int, tuple[str, ...]]] = []
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        if not name.isdecimal():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                state, parent, _, its_session = file.read().rpartition(b") ")[2].split(maxsplit=4)[:4]
            if int(its_session) != session or state in (b"Z", b"X"):
                continue
            with open(f"/proc/{name}/cmdline", "rb") as file:
                argv = tuple(os.fsdecode(each) for each in file.read().removesuffix(b"\0").split(b"\0"))
        except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            continue
        found.append((int(name), int(parent), argv))
    return tuple(found)


def alive(pid: int) -> bool:
    """Whether a process still runs; one that ended and was not yet asked for does not."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1] not in (b"Z", b"X", b"")
    except (FileNotFoundError, ProcessLookupError):
        return False


def end(group: int, others: Callable[[], Iterable[int]], *, grace: float, ended: Callable[[], bool]) -> None:
    """End a group of processes and ``others``: ask, wait up to ``grace`` seconds until ``ended``, then force.

    A process that is gone already is no error, and neither is one that changed into another user's.
    """
    _signal(group, others(), force=False)
    limit = time.monotonic() + grace
    while time.monotonic() < limit:
        if ended():
            return
        time.sleep(_PAUSE)
    _signal(group, others(), force=True)


def _signal(group: int, others: Iterable[int], *, force: bool) -> None:
    if not hasattr(os, "killpg"):
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(group)], capture_output=True, check=False)
        return
    number = signal.SIGKILL if force else signal.SIGTERM
    for send, target in [(os.killpg, group), *((os.kill, pid) for pid in others)]:
        try:
            send(target, number)
        except (ProcessLookupError, PermissionError):
            continue
