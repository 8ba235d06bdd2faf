"""A file as pyarrow reads one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .held import Held

__all__ = ["AsArrowFile"]


class AsArrowFile:
    """The bytes of a ``Held``: reading stops at its end, so that a length that lies allocates nothing."""

    closed = False
    mode = "rb"

    def __init__(self, held: Held) -> None:
        self._held = held
        self._place = 0

    def read(self, size: int | None = -1) -> bytes:
        """So many bytes, fewer at the end."""
        left = max(0, self._held.size - self._place)
        size = left if size is None or size < 0 else min(size, left)
        data = self._held.take(self._place, size)
        self._place += size
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        self._place = offset + (0, self._place, self._held.size)[whence]
        return self._place

    def tell(self) -> int:
        """Where it is."""
        return self._place

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def writable(self) -> bool:
        """It is not."""
        return False

    def flush(self) -> None:
        """There is nothing to do."""

    def close(self) -> None:
        """There is nothing to do: whoever opened the file closes it."""
