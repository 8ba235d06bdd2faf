"""The contract of chunkers: how a file becomes chunks, and what a recogniser may say about it.

A recogniser looks at the beginning of a file and says which *regions* of it are numbers.  These are cut at fixed
blocks, everything else by content.  For an array of 3 million ``float32`` behind a header of 128 bytes::

    offset      0        128                                   11 534 464      12 000 128
    cut as      bytes    numbers, 11 blocks of 1 MiB           bytes
    chunker     FastCDC  FixedBlocks                           FastCDC

The rules, and why:

1. **Chunks cover the file**, in order, without gaps or overlaps, whatever a recogniser found: concatenating them gives
   the file back byte for byte, header and tail included.
2. **A chunker is a pure function of the bytes of its stretch** of the file.  The buffers the caller happened to read do
   not show in the cuts: equal bytes give equal chunks, on any machine, and that is what deduplication rests on.
3. **A recogniser never fails.**  Garbage where a header should be is ``None``, not an exception; a header that claims
   more than the file holds is garbage.
4. **A chunker keeps no state between calls** and releases the GIL while it looks at bytes: one instance serves all
   threads.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    Read = Callable[[int, int], bytes]

__all__ = ["HEAD", "Chunker", "Layout", "Region", "Source"]

# Enough for the headers of all formats but long NetCDF ones, and one read of a disk or a network file system.
HEAD = 64 << 10


class Chunker(ABC):
    """Cuts one stretch of a file into chunks."""

    @property
    @abstractmethod
    def maximum(self) -> int:
        """The longest chunk it makes, in bytes."""

    @abstractmethod
    def cuts(self, data: Buffer, *, final: bool) -> list[int]:
        """Where the chunks end that lie whole in ``data``, in bytes from its start, ascending.

        ``data`` starts where a chunk starts.  What follows the last cut is to be given again at the start of the next
        call, with more behind it; a call with at least ``maximum`` bytes always cuts.  With ``final`` the stretch ends
        where ``data`` ends, so the last cut is its length (and there is none when it is empty).
        """


@dataclass(frozen=True, slots=True)
class Region:
    """A run of numbers in a file, to be cut at fixed blocks.

    ``offset``, ``length``: where, in bytes.  ``dtype``: the element type in NumPy's notation, such as ``<f4`` (``|V12``
    for elements that are not one number).  ``row_bytes``: the size of one row, a slice along the slowest axis that is
    small enough to be cut between.  ``block_bytes``: the size of the blocks, a number of whole rows; what is left of
    the region behind its last whole block is cut as bytes.  ``filter``: how blocks are stored, one of
    ``packs.FILTERS``.
    """

    offset: int
    length: int
    dtype: str
    row_bytes: int
    block_bytes: int
    filter: str = "bitshuffle"


@dataclass(frozen=True, slots=True)
class Layout:
    """What a recogniser found in a file.

    ``format``: its name in lower case.  ``regions``: its runs of numbers, in order, none overlapping, all inside the
    file.  ``dtype``, ``shape``, ``data_offset`` and ``fortran_order`` describe the one array, where the file holds just
    one, so that it can be opened as an array without knowing the format: ``shape`` as the format's own libraries give
    it, ``fortran_order`` when its first axis is the fastest.  Otherwise they are ``None`` (and ``False``).
    """

    format: str
    regions: tuple[Region, ...]
    dtype: str | None = None
    shape: tuple[int, ...] | None = None
    data_offset: int | None = None
    fortran_order: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A file as a recogniser sees it.

    ``name``: its path or the end of it.  ``size``: in bytes.  ``head``: its first bytes, ``HEAD`` of them where there
    are so many.  ``read(offset, length)``: more of it, fewer bytes where it ends.  ``target``: the block size asked
    for.
    """

    name: bytes
    size: int
    head: bytes
    read: Read
    target: int
