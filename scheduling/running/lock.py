"""A run belongs to one process at a time; when that is gone, however it went, to whoever takes it next."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from holotype.catalog import Conflict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Lock", "waited_for"]

# Seconds between two tries.
_AGAIN = 0.05


class Lock:
    """A file that is locked as long as this is.  Raises ``Conflict`` when somebody else has it."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "a+b")  # noqa: SIM115 - it stays open as long as it is locked
        try:
            _lock(self._file.fileno())
        except OSError as error:
            self._file.close()
            raise Conflict(f"another process has {path.parent.name} in hand") from error

    def release(self) -> None:
        """Let go of it."""
        self._file.close()


@contextmanager
def waited_for(path: Path, *, patience: float = 600) -> Iterator[None]:
    """A ``with`` block that only one process is in at a time.  Raises ``Conflict`` after so many seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + patience
    while True:
        try:
            lock = Lock(path)
            break
        except Conflict:
            if time.monotonic() > deadline:
                raise
            time.sleep(_AGAIN)
    try:
        yield
    finally:
        lock.release()


def _lock(file: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(file, 0, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
