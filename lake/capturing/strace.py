"""A command run under strace: how it is called, whether it can be used here, and how its log is read as it is written.

The kernel stops the command only at the calls that are asked for (``--seccomp-bpf``), so that reading and computing
cost nothing.  strace stands aside (``-DDD``): the command is this process's own child, with its own return code,
signals and use of the processor, and what ends the command's session does not end strace before it has told how.

The log comes through a named pipe.  Processes that outlive the command keep strace, for the kernel refuses every
filtered call when nobody is there to be asked; from then on nobody listens, and a ``cat`` reads what it says.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from .tracelog import CALLS, SIGNALS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .tracelog import TraceLog

__all__ = ["Tracing", "refusal"]

_LONGEST = 4096  # characters of an argument, and arguments of a command, that are logged
_AT_ONCE = 1 << 18  # bytes of the log read at a time
_PAUSE = 0.004  # seconds that calls may gather, so that one waking serves many; a pipe holds those of 8 ms at least
_LOOK = 0.1  # seconds between two looks whether to leave, when nothing is said
_PATIENCE = 20.0  # seconds that a trial may take on a machine that is busy


def _command(program: str, log: str, command: Sequence[str]) -> list[str]:
    return [
        program,
        *("-DDD", "-f", "--seccomp-bpf", "-q", "-y", "-ttt", "-s", str(_LONGEST)),
        *("-e", f"signal={SIGNALS}", "-e", f"trace={CALLS}", "-o", log, "--", *command),
    ]


def refusal(program: str = "strace") -> str | None:
    """Why commands cannot be watched with ``program`` here, in words; ``None`` when they can.

    It is tried once in a process, on a command that does nothing.
    """
    found = shutil.which(program)
    if found is None:
        return f"{program} is not installed"
    if not hasattr(os, "mkfifo"):
        return "this platform has no named pipes"
    return _refusal(found, os.stat(found).st_mtime_ns)


@lru_cache(maxsize=16)
def _refusal(program: str, changed: int) -> str | None:
    del changed  # another program by now
    with tempfile.TemporaryDirectory(prefix="holotype-") as folder:
        log = os.path.join(folder, "log")
        try:
            command = _command(program, log, ["cat", "/proc/self/status"])
            trial = subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{program} cannot be used: {error}"
        said = b"" if trial.returncode else _wait_for_end(log)
    if trial.returncode or b"execve(" not in said or b"+++ exited with 0" not in said:
        reason = (trial.stderr.decode("utf-8", "replace").strip().splitlines() or ["it gave no reason"])[-1]
        return f"{program} may not watch here: {reason}"
    if not _filtered(trial.stdout, _own_status()):
        return f"{program} cannot filter calls with seccomp here, and without that would slow commands down"
    return None


def _wait_for_end(log: str) -> bytes:
    """The log of a trial, which strace may still be writing when the command has ended."""
    said = b""
    limit = time.monotonic() + 1
    while b"+++ exited" not in said and time.monotonic() < limit:
        with suppress(FileNotFoundError), open(log, "rb") as file:
            said = file.read()
        if b"+++ exited" not in said:
            time.sleep(0.002)
    return said


def _filtered(status: bytes, own: bytes) -> bool:
    """Whether a process has more filters than this one, as the kernel says of both."""
    there, here = _fields(status), _fields(own)
    counted = b"Seccomp_filters"  # since Linux 5.9; before, it is only known that there are some
    if counted in there and counted in here:
        return int(there[counted]) > int(here[counted])
    return there.get(b"Seccomp") == b"2"


def _fields(status: bytes) -> dict[bytes, bytes]:
    return dict(line.split(b":\t", 1) for line in status.splitlines() if b":\t" in line)


def _own_status() -> bytes:
    try:
        with open("/proc/self/status", "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


class Tracing:
    """One command's log, read in a thread of its own until strace has ended, or ``leave`` is called."""

    def __init__(self, program: str, log: TraceLog) -> None:
        self._log = log
        self._program = program
        self._folder = tempfile.mkdtemp(prefix="holotype-")
        self._pipe = os.path.join(self._folder, "log")
        os.mkfifo(self._pipe, 0o600)
        # Opened before strace opens its end, without which that would wait.
        self._end: int | None = os.open(self._pipe, os.O_RDONLY | os.O_NONBLOCK)
        self._hurry, self._leaving = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read, name="holotype-strace", daemon=True)

    def command(self, command: Sequence[str]) -> list[str]:
        """The command line that runs ``command`` under strace."""
        return _command(self._program, self._pipe, command)

    def start(self) -> None:
        """Begin to read; to be called when the command was started."""
        self._thread.start()

    def left(self) -> tuple[int, ...]:
        """The processes that are not known to have ended."""
        with self._lock:
            return self._log.left()

    def wait(self, timeout: float) -> bool:
        """Wait until every process has ended, and strace after them; whether they have, within ``timeout`` seconds."""
        self._hurry.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def leave(self) -> None:
        """Stop listening, and let whoever still runs go on.

        Raises whatever went wrong while the log was read.
        """
        self._leaving.set()
        self._hurry.set()
        if self._thread.ident is not None:
            self._thread.join()
        with self._lock:
            self._log.finish()
        try:
            if self._end is not None:
                _listen(self._end)
                os.close(self._end)
                self._end = None
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
        if self._error is not None:
            raise self._error

    def _read(self) -> None:
        assert self._end is not None
        waiting = select.poll()
        waiting.register(self._end, select.POLLIN)
        while not self._leaving.is_set():
            if not waiting.poll(_LOOK * 1000):
                continue
            self._hurry.wait(_PAUSE)
            data = os.read(self._end, _AT_ONCE)
            if not data:
                os.close(self._end)
                self._end = None
                return
            self._take(data)

    def _take(self, data: bytes) -> None:
        if self._error is None:
            try:
                with self._lock:
                    self._log.feed(data)
            except BaseException as error:  # the command must not be held up by what nobody reads; said by leave()
                self._error = error
                if not isinstance(error, Exception):
                    raise


def _listen(pipe: int) -> None:
    """Have somebody else read the rest of a pipe, for as long as anybody writes into it."""
    os.set_blocking(pipe, True)
    subprocess.run(
        ["sh", "-c", "exec 3<&0; cat <&3 >/dev/null 3<&- &"],
        stdin=pipe,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        check=False,
    )
