"""Progress of long work, as values handed to a callback."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

__all__ = ["OnProgress", "Progress", "Ticker"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a piece of work is.

    ``work``: the verb.  ``files`` and ``bytes``: done so far.  ``total_files`` and ``total_bytes``: to do, where it is
    known. ``stored``: bytes written to storage so far.  ``path``: what was touched last.  ``seconds``: since the work
    began. ``done``: whether this is the last call.
    """

    work: str
    files: int = 0
    bytes: int = 0
    total_files: int | None = None
    total_bytes: int | None = None
    stored: int = 0
    path: str = ""
    seconds: float = 0.0
    done: bool = False


OnProgress = Callable[[Progress], None]


class Ticker:
    """Calls back at most every ``every`` seconds, so that a bar costs nothing; used from one thread."""

    def __init__(
        self,
        work: str,
        callback: OnProgress | None,
        *,
        every: float = 0.1,
        total_files: int | None = None,
        total_bytes: int | None = None,
    ) -> None:
        self._now = Progress(work, total_files=total_files, total_bytes=total_bytes)
        self._callback, self._every = callback, every
        self._began = self._last = time.monotonic()

    def expect(self, *, files: int, bytes: int) -> None:
        """Say how much there is to do, now that it is known."""
        self._now = replace(self._now, total_files=files, total_bytes=bytes)

    def add(self, *, files: int = 0, bytes: int = 0, stored: int = 0, path: str = "") -> None:
        """Count what was done."""
        if self._callback is None:
            return
        now = self._now
        self._now = replace(
            now, files=now.files + files, bytes=now.bytes + bytes, stored=now.stored + stored, path=path or now.path
        )
        moment = time.monotonic()
        if moment - self._last >= self._every:
            self._last = moment
            self._callback(replace(self._now, seconds=moment - self._began))

    def finish(self) -> None:
        """Say that all is done."""
        if self._callback is not None:
            self._callback(replace(self._now, seconds=time.monotonic() - self._began, done=True))
