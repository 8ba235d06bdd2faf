"""Which process this is, so that another can tell later whether it still runs.

A number alone says little: it is given away again when its process is gone, every start of the machine begins anew, and
each container counts for itself.  So it comes with the machine's name, what tells one start of the machine from the
next, the container's namespace, and the moment at which the process began.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from functools import lru_cache

from ..context import host_here

__all__ = ["Process", "still_runs", "this_process"]

_ENDED = (b"Z", b"X", b"")  # over, though nobody has asked how it ended
_STILL_ACTIVE, _MAY_ASK = 259, 0x1000  # of Windows
_SLACK = 2.0  # seconds that ``ps`` may round by


@dataclass(frozen=True)
class Process:
    """A process.  ``boot``, ``namespace`` and ``began`` (in the system's own notation) are missing where nothing tells
    them; ``noted`` is when this was written down, in seconds since 1970.
    """

    host: str
    boot: str | None
    namespace: str | None
    number: int
    began: str | None
    noted: float


def this_process() -> Process:
    """The process that runs this."""
    number = os.getpid()  # a forked child is another
    return Process(host_here(), _boot(), _namespace(), number, _began(number), time.time())


def still_runs(process: Process) -> bool | None:
    """Whether a process still runs; ``None`` where that cannot be told from here: on another machine, or in another
    container of this one.
    """
    boot, here = _boot(), process.host == host_here()
    if boot is not None and process.boot is not None and boot != process.boot:
        return False if here else None
    if process.namespace != _namespace() or not (here or boot == process.boot is not None):
        return None
    if sys.platform == "win32" or os.path.isdir("/proc/self"):
        return None if process.began is None else _began(process.number) == process.began
    return _by_ps(process)


@lru_cache(maxsize=1)
def _boot() -> str | None:
    """What tells this start of the machine from all others."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:  # only Linux has it
        return None


def _namespace() -> str | None:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return None


def _began(number: int) -> str | None:
    """When a process began; nothing of one that ended, or where the system tells it in another way."""
    if sys.platform == "win32":
        return _began_on_windows(number)
    try:
        with open(f"/proc/{number}/stat", "rb") as file:
            fields = file.read().rpartition(b") ")[2].split()
    except OSError:
        return None
    # In ticks since the machine was started: the 22nd of all, the 20th behind the name.
    return fields[19].decode() if len(fields) > 19 and fields[0] not in _ENDED else None


def _by_ps(process: Process) -> bool | None:
    """Whether a process runs where there is no ``/proc``: it may not have begun after it was written down."""
    import subprocess  # who looks only whether something waits has no use for it

    question = ["ps", "-o", "lstart=", "-p", str(process.number)]
    try:
        asked = subprocess.run(question, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True, check=False)
        said = asked.stdout.strip()
        if not said:
            return False if asked.returncode == 1 else None
        return time.mktime(time.strptime(said, "%a %b %d %H:%M:%S %Y")) <= process.noted + _SLACK
    except (OSError, ValueError):  # there is none, or it says something else
        return None


if sys.platform == "win32":
    import ctypes

    def _began_on_windows(number: int) -> str | None:
        kernel = ctypes.WinDLL("kernel32")
        kernel.OpenProcess.restype = ctypes.c_void_p
        # A process of this user can always be asked.
        handle = ctypes.c_void_p(kernel.OpenProcess(_MAY_ASK, False, number))
        if not handle.value:
            return None
        try:
            times = [ctypes.c_uint64() for _ in range(4)]
            code = ctypes.c_uint32()
            kernel.GetExitCodeProcess(handle, ctypes.byref(code))
            known = kernel.GetProcessTimes(handle, *map(ctypes.byref, times))
            return str(times[0].value) if known and code.value == _STILL_ACTIVE else None
        finally:
            kernel.CloseHandle(handle)
