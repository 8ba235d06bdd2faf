"""Who a process is: its number alone does not say, for numbers come again.

With when it began and which start of the machine that was in, it is one process for ever.  Other machines' processes,
and those of other containers, cannot be seen from here; the file that one keeps fresh speaks for it instead.
"""

from __future__ import annotations

import os
import platform
import signal
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from holotype.catalog import ExtraMissing

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["BEAT", "Identity", "processes", "this_start"]

BEAT = 5.0
"""Seconds between two signs of life."""

# Beats that a process of another machine may miss: file systems that are shared tell of a change late.
_MISSED = 12


def processes() -> ModuleType:
    """psutil, which tells of processes where there is no ``/proc``.  Raises ``ExtraMissing``."""
    try:
        import psutil
    except ImportError as error:
        what = "what runs on this machine, psutil tells: pip install 'holotype[workflows]'"
        raise ExtraMissing(what, extra="workflows") from error
    return psutil


@dataclass(frozen=True)
class Identity:
    """A process.  ``since``: when it began, as the system says it; ``boot``: which start of ``machine`` that was in."""

    pid: int
    since: str
    boot: str
    machine: str

    @classmethod
    def of(cls, pid: int) -> Identity:
        """Who has a number now."""
        return cls(pid, _since(pid) or "", _boot(), _machine())

    def lives(self, sign: str | None = None) -> bool:
        """Whether it runs.  ``sign``: a file that it touches every ``BEAT`` seconds, for those who cannot see it."""
        if self.machine != _machine():
            if sign is None:
                return False
            try:
                return time.time() - os.stat(sign).st_mtime < BEAT * _MISSED
            except FileNotFoundError:
                return False
        return self.boot == _boot() and self.since == _since(self.pid)

    @property
    def here(self) -> bool:
        """Whether it was on this machine, since this machine was started last."""
        return self.machine == _machine() and self.boot == _boot()

    def wake(self) -> None:
        """Have it look at what it was told in a file, at once; else it does so soon."""
        if not self.here or not hasattr(os, "fork"):  # elsewhere a signal would end it
            return
        try:
            if hasattr(os, "pidfd_open"):
                descriptor = os.pidfd_open(self.pid)
                try:
                    # Whatever the number is reused for, the descriptor stays with whom it was opened for.
                    if self.since == _since(self.pid):
                        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
                finally:
                    os.close(descriptor)
            elif self.since == _since(self.pid):
                os.kill(self.pid, signal.SIGTERM)
        except OSError:  # gone, another user's, or a system that has no such descriptors: it looks by itself
            return


def _since(pid: int) -> str | None:
    """When a process began; ``None`` when there is none, or one that has ended and was not yet asked how."""
    if os.path.exists("/proc/self/stat"):
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                fields = file.read().rpartition(b") ")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        # proc_pid_stat(5): these begin with the third field, the state; the 22nd is when it began, in ticks since boot.
        return None if fields[0] in (b"Z", b"X") else fields[19].decode()
    psutil = processes()
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return None


@cache
def _boot() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""  # when a process began is then told by the calendar, and no two starts share that


@cache
def this_start() -> str:
    """Which start of the machine this is."""
    # A calendar that was set meanwhile makes it another, which only makes who asks more careful.
    return _boot() or f"{processes().boot_time():.0f}"


@cache
def _machine() -> str:
    try:
        # Containers of one machine, each with numbers of its own, may bear one name.
        return f"{platform.node()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return platform.node()
