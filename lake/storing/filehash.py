"""The SHA-256 of a file whose pieces are hashed by whichever thread comes by, in the file's order.

SHA-256 has to see a file from its beginning to its end, and takes longer than reading, cutting or looking up its
chunks.  So a thread that has hashed its piece goes on with those that came meanwhile, and no thread waits for another.
"""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FileHash"]

_ZEROS = bytes(1 << 20)


class FileHash:
    """A hash under way: pieces take their turns in the file's order, and are added in any."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._turns = 0  # given out
        self._next = 0  # the turn that is due
        self._busy = False
        self._waiting: dict[int, tuple[memoryview | int, Callable[[], object]]] = {}
        self._lock = threading.Lock()

    def turn(self) -> int:
        """The place of the next piece; asked by one thread, in the file's order."""
        self._turns += 1
        return self._turns - 1

    def add(self, turn: int, piece: memoryview | int, done: Callable[[], object]) -> None:
        """Hash a piece, or so many zeros, as soon as its turn comes, by this call or by one for an earlier piece.

        ``done`` is called when the bytes of the piece are not needed any more.
        """
        with self._lock:
            self._waiting[turn] = piece, done
            if self._busy:
                return
            self._busy = True
        while True:
            with self._lock:
                due = self._waiting.pop(self._next, None)
                if due is None:
                    self._busy = False
                    return
                self._next += 1
            piece, done = due
            if isinstance(piece, int):
                self._zeros(piece)
            else:
                self._hash.update(piece)
            done()

    def skip(self, count: int) -> None:
        """Count a hole of ``count`` bytes, which are zeros; called where ``turn`` is."""
        if count:
            self.add(self.turn(), count, lambda: None)

    def digest(self) -> bytes:
        """The digest, once every piece was added."""
        return self._hash.digest()

    def _zeros(self, count: int) -> None:
        while count > 0:
            part = min(count, len(_ZEROS))
            self._hash.update(_ZEROS[:part] if part < len(_ZEROS) else _ZEROS)
            count -= part
