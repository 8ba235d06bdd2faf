"""Slabs: the bytes of packs under way, in pieces of one size that are used again and again.

Encoded blocks come in all sizes and stay until their pack is stored.  Kept as they come they leave the heap full of
holes, and a backup takes twice the memory it uses; copied into slabs, which costs next to nothing beside compressing
them, they leave none.
"""

from __future__ import annotations

import mmap
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["Slabs"]

_SLAB = 1 << 20
_KEPT = 64  # free slabs that are kept for the next pack
_free: deque[mmap.mmap] = deque()


def _take() -> mmap.mmap:
    try:
        return _free.pop()
    except IndexError:
        # not from the heap: what lies in it that long keeps all around it from being given back
        return mmap.mmap(-1, _SLAB)


class Slabs:
    """A growing run of bytes; used by one thread."""

    def __init__(self) -> None:
        self._slabs: list[mmap.mmap] = []
        self.size = 0

    def write(self, data: Buffer) -> None:
        """Copy ``data`` behind what is there."""
        view = memoryview(data).cast("B")
        done = 0
        while done < len(view):
            at = self.size % _SLAB
            if not at:
                self._slabs.append(_take())
            count = min(_SLAB - at, len(view) - done)
            memoryview(self._slabs[-1])[at : at + count] = view[done : done + count]
            done += count
            self.size += count

    def parts(self) -> list[memoryview]:
        """All of the bytes, in parts, until ``release``."""
        last = len(self._slabs) - 1
        return [
            memoryview(slab)[: self.size - at * _SLAB] if at == last else memoryview(slab)
            for at, slab in enumerate(self._slabs)
        ]

    def release(self) -> None:
        """Give the slabs back: nothing may look at the bytes any more."""
        slabs, self._slabs, self.size = self._slabs, [], 0
        for slab in slabs:
            if len(_free) < _KEPT:
                _free.append(slab)
