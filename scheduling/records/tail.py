"""Reading on in a journal that somebody else writes: each line once, as soon as it is whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from holotype.catalog import Conflict, ObjectDamaged

from ..running.journal import read_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from ..running.journal import Event

__all__ = ["Tail", "last_line"]

# No event is longer than this, or it is read in several steps.
_STEP = 1 << 16


class Tail:
    """A journal, and how far it was read: ``offset`` bytes, up to the end of the line ``last``.

    A last line that is not whole yet is left for later, also where it will be taken away because it was cut off.
    """

    def __init__(self, path: Path, *, offset: int = 0, last: bytes = b"") -> None:
        self._path = path
        self.offset, self.last = offset, last
        self._seen: tuple[int, int] | None = None

    def lines(self, *, until: int | None = None) -> Iterator[tuple[Event, str]]:
        """Events that are new, each with its text; none where there is no journal.  ``until``: an offset.

        Raises ``Conflict`` where lines that were read were taken back, and ``ObjectDamaged`` where one is not as it
        was written.
        """
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            if self.offset:
                raise self._taken_back() from None
            return
        seen = status.st_size, status.st_mtime_ns
        if seen == self._seen or self.offset == until:
            return
        with self._path.open("rb") as file:
            self._check(file)
            while until is None or self.offset < until:
                line = file.readline()
                if not line.endswith(b"\n"):
                    break
                event = read_line(line) or self._again()
                self.offset, self.last = self.offset + len(line), line
                yield event, line[9:-1].decode("ascii")
        if until is None:
            self._seen = seen

    def _check(self, file: BinaryIO) -> None:
        """See that what was read last is still there, and go on behind it."""
        file.seek(self.offset - len(self.last))
        if file.read(len(self.last)) != self.last:
            raise self._taken_back()

    def _taken_back(self) -> Conflict:
        return Conflict(f"what was read of {self._path} is not there any more: read it anew", key=str(self._path))

    def _again(self) -> Event:
        """A line that was read while it was cut off and written anew is whole when it is read once more."""
        with self._path.open("rb") as file:
            self._check(file)
            line = file.readline()
        event = read_line(line)
        if event is None:
            raise ObjectDamaged(f"{self._path} is not as it was written, from byte {self.offset}", key=str(self._path))
        return event


def last_line(path: Path) -> tuple[int, bytes]:
    """The size of a journal, and its last line where that is whole; else nothing.  Raises ``OSError``."""
    with path.open("rb") as file:
        size = at = file.seek(0, os.SEEK_END)
        end = b""
        while at and end.count(b"\n") < 2:
            step = min(at, _STEP)
            at -= step
            file.seek(at)
            end = file.read(step) + end
    line = end.rstrip(b"\n").rpartition(b"\n")[2] + b"\n" if end.endswith(b"\n") else b""
    return size, line if read_line(line) is not None else b""
