"""The journal of a run: what was decided and what happened, written down before anything is done about it.

A line is an event as JSON, and before it the checksum of that.  A last line that is cut off was never acted upon, and
is taken away; anything else that is not as it was written is damage.
"""

from __future__ import annotations

import errno
import json
import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holotype.catalog import ObjectDamaged, StorageFailed, StorageFull

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Event", "Journal", "read_events", "read_line"]

Event = dict[str, Any]
"""``what`` happened, and what is to be known of it."""


class Journal:
    """One run's.  Only one process writes it at a time: see ``lock``."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._file = open(self._path, "a+b", buffering=0)  # noqa: SIM115 - it stays open as long as the run does
        self._loose = b""  # written since it was last on disk for good
        self._held = b""  # and of that what has to be written again

    def events(self) -> Iterator[Event]:
        """All of it so far, also when it was left.  Raises ``ObjectDamaged``."""
        whole = 0
        for event, size in _lines(self._path):
            whole += size
            yield event
        if not self.closed and whole < os.fstat(self._file.fileno()).st_size:
            self._file.truncate(whole)  # the power went, or the process, while it was written

    @property
    def closed(self) -> bool:
        """Whether it was left."""
        return self._file.closed

    @property
    def loose(self) -> bool:
        """Whether there is something in it that a power cut would take back."""
        return bool(self._loose or self._held)

    def write(self, events: Iterable[Event], *, lasting: bool = True) -> None:
        """Add events; they are there, whatever happens next, when this returns, with all that came before.  If they
        need not be ``lasting``, whatever happens but that power is cut.

        Raises ``StorageFull`` or ``StorageFailed``; then they are not, and may be written again.
        """
        said = self._held + b"".join(map(_written, events))
        if not said and not self._loose:
            return
        file = self._file.fileno()
        whole = os.fstat(file).st_size
        try:
            rest = memoryview(said)
            while rest:
                rest = rest[os.write(file, rest) :]
            if lasting:
                os.fsync(file)
            self._loose, self._held = b"" if lasting else self._loose + said, b""
        except OSError as error:
            with suppress(OSError):  # else the next reader takes it away
                # A disk that has failed once may say next time that all is well, and have dropped what came before.
                os.ftruncate(file, whole - len(self._loose))
                self._loose, self._held = b"", self._held + self._loose
            kind = (
                StorageFull if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)) else StorageFailed
            )
            raise kind(f"{self._path} cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """Leave it."""
        self._file.close()


def _written(event: Event) -> bytes:
    text = json.dumps(event, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def read_line(line: bytes) -> Event | None:
    """What a line says; ``None`` where it is not whole, or not as it was written."""
    checksum, _, text = line.rstrip(b"\n").partition(b" ")
    if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(text):
        return None
    event: Event = json.loads(str(text, "utf-8"))
    return event


def read_events(path: Path) -> Iterator[Event]:
    """What a journal says so far, whoever has it in hand.  Raises ``ObjectDamaged``."""
    return (event for event, _ in _lines(path))


def _lines(path: Path) -> Iterator[tuple[Event, int]]:
    """Events, with the bytes that they take, up to a last line that is cut off."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            event = read_line(line)
            if event is not None:
                yield event, len(line)
            elif line.endswith(b"\n"):
                raise ObjectDamaged(f"line {number} of {path} is not as it was written", key=str(path))
            else:
                return  # what comes after it now was written by somebody meanwhile
