"""Fixed blocks of whole rows, for runs of numbers.

Numbers are edited in place and appended to, seldom shifted, and they compress best in blocks of equal elements.  So a
run of them is cut every ``block_bytes``: a whole number of rows, near the block size the archive asks for.  The block
depends on the row and that size alone, never on how long the file is: appending rows leaves all earlier blocks as they
were.  What is left at the end, less than a block, is cut as bytes.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from .base import Chunker, Region

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["BLOCK", "FixedBlocks", "region_of"]

# About 1 MiB, like the chunks that content decides; it is also what Blosc compresses best at once.
BLOCK = 1 << 20

_NUMBER = re.compile(r"([<>|])([biufcmMUV])([0-9]+)(?:\[.*\])?")
# Blosc groups the bytes of elements up to this size.
_LARGEST_ELEMENT = 255


class FixedBlocks(Chunker):
    """Cuts every ``block_bytes``."""

    def __init__(self, block_bytes: int) -> None:
        self._block = block_bytes

    @property
    def maximum(self) -> int:
        """The length of a block in bytes."""
        return self._block

    def cuts(self, data: Buffer, *, final: bool) -> list[int]:
        """Where the blocks end (see ``Chunker.cuts``)."""
        size = memoryview(data).nbytes
        ends = list(range(self._block, size + 1, self._block))
        if final and size % self._block:
            ends.append(size)
        return ends


def region_of(
    offset: int, shape: tuple[int, ...], dtype: str, *, target: int = BLOCK, fortran_order: bool = False
) -> Region | None:
    """The region of an array of ``shape`` whose elements of ``dtype`` begin at ``offset``.

    ``dtype`` in NumPy's notation.  ``None`` where blocks would not pay: elements that are text or longer than Blosc
    can group, or an array of less than a block.
    """
    element = _element(dtype)
    if element is None:
        return None
    dtype, itemsize = element
    length = math.prod(shape) * itemsize
    row = _row_bytes(tuple(reversed(shape)) if fortran_order else shape, itemsize, target)
    block = row * max(1, target // row)
    return Region(offset, length, dtype, row, block) if length >= block else None


def _element(dtype: str) -> tuple[str, int] | None:
    """The number that an element is stored as, and its size in bytes."""
    match = _NUMBER.fullmatch(dtype)
    if match is None:
        return None
    order, kind, itemsize = match[1], match[2], int(match[3])
    if kind in "mM":  # a date is a count of units
        kind = "i"
    elif kind == "U":  # text of so many code points, four bytes each
        kind, itemsize = "u", 4
    if kind == "V" or (kind == "f" and itemsize > 8) or (kind == "c" and itemsize > 16):
        kind, order = "V", "|"
    return (f"{order}{kind}{itemsize}", itemsize) if 0 < itemsize <= _LARGEST_ELEMENT else None


def _row_bytes(shape: tuple[int, ...], itemsize: int, target: int) -> int:
    """The size in bytes of the rows to cut between; ``shape`` has the slowest axis first.

    It is the largest slice of at most ``2 * target`` bytes: an image of a stack where images are small enough to be
    blocks themselves, a line of an image where they are not.
    """
    row = itemsize
    for extent in reversed(shape[1:]):
        if row * extent > 2 * target:
            break
        row *= max(extent, 1)
    return row
