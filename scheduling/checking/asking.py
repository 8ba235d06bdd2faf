"""Asking a program for its version: it may hang, never stop talking, or leave others behind that hold its output."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["answer_of"]

# Bytes that are looked at: Java programs say much before it.
_SAID = 100_000
# Seconds between two looks at how much it has said.
_LOOK = 0.05


def answer_of(command: Sequence[str], *, patience: float = 60) -> str:
    """What a program says, on its output and its error, within so many seconds; then it is ended, with what it started.

    What keeps it from being started is the answer as well.
    """
    with tempfile.TemporaryFile() as said:
        try:
            # Into a file: through a pipe, whoever it leaves behind could keep us waiting.
            process = subprocess.Popen(
                list(command), stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
            )
        except OSError as error:
            return f"({error})"
        deadline = time.monotonic() + patience
        try:
            while not _is_over(process) and time.monotonic() < deadline and os.fstat(said.fileno()).st_size < _SAID:
                time.sleep(_LOOK if deadline - time.monotonic() < patience - 1 else _LOOK / 10)
        finally:
            _end(process)
        said.seek(0)
        return said.read(_SAID).decode("utf-8", "replace")


def _is_over(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has ended.  Where that can be seen without taking note of it, its number stays its own meanwhile."""
    if hasattr(os, "waitid"):
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    return process.poll() is not None


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:  # else its number, which is its group's, may be another's by now
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
