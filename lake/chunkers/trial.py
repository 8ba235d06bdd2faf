"""Trying what pays, on samples: numbers or bytes, which filter, compression at all.

A header seldom says how its numbers are best stored, and many instruments write files with no header that anyone knows.
So a few pieces, spread over the file, are compressed in each way that might be best, and the smallest wins.  All of it
takes some milliseconds for a file of any size.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pyarrow as pa

from ..packs import TypedCodec
from .base import Layout, Region
from .typed import BLOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from typing_extensions import Buffer

__all__ = ["best_filter", "compressible", "numbers_in"]

# A few short pieces tell which ways are hopeless.  What is close is decided on a piece as long as a block: how well
# planes of bits compress changes with their length.
_SHORT, _PIECES = 16 << 10, 4
_LONG = 1 << 20
_FINALISTS = 5
# With the wrong end first, differences carry from the high byte into the low one, and the high bytes stay near zero on
# both sides of it: often the smallest.  Without differences the order of bytes makes no difference.
_TRIED, _TRIED_DIFFERENCES = ("|u1", "<u2", "<u4", "<u8"), (">u2", ">u4", ">u8")
# A file without a header is tried from this size on: numbers are cut at fixed blocks, and small files are not worth it.
_LARGE = 4 << 20
# Numbers must be this much smaller than bytes: cutting at fixed blocks gives up finding shifted content again.
_CLEARLY = 0.9
# The short pieces alone tell most files that are not numbers.
_HOPELESS = 0.97

_SMALL_SAMPLE = 4 << 10
# Saving less is not worth decompressing: stored as it is, a chunk costs one exact read and no decoder.
_PAYS = 0.95


def compressible(data: Buffer) -> bool:
    """Whether Zstandard would make ``data`` clearly smaller, judged by four pieces of 4 KiB."""
    view = memoryview(data).cast("B")
    if len(view) > _PIECES * _SMALL_SAMPLE:
        stride = (len(view) - _SMALL_SAMPLE) // (_PIECES - 1)
        view = memoryview(b"".join(view[at * stride : at * stride + _SMALL_SAMPLE] for at in range(_PIECES)))
    return _plain([view]) < _PAYS * len(view)


def best_filter(region: Region, read: Callable[[int, int], bytes]) -> str:
    """The filter that makes a piece of ``region`` smallest, out of its middle."""
    codecs: Sequence[TypedCodec] = _codecs(region.dtype)
    if region.length >= _LARGE:
        sizes = _sizes(codecs, _short_pieces(region.offset, region.length, read))
        codecs = sorted(sizes, key=sizes.__getitem__)[: _FINALISTS // 2 + 1]
    sizes = _sizes(codecs, [_long_piece(region.offset, region.length, read)])
    return min(sizes, key=sizes.__getitem__).filter


def numbers_in(size: int, read: Callable[[int, int], bytes], *, block_bytes: int = BLOCK) -> Layout | None:
    """A layout for a file of ``size`` bytes that no recogniser knows, if it consists of numbers; else ``None``."""
    if size < _LARGE:
        return None
    pieces = _short_pieces(0, size, read)
    codecs = [codec for dtype in _TRIED for codec in _codecs(dtype) if codec.filter != "none"]
    codecs += [codec for dtype in _TRIED_DIFFERENCES for codec in _codecs(dtype) if codec.delta]
    sizes, plain = _sizes(codecs, pieces), _plain(pieces)
    finalists = sorted(sizes, key=sizes.__getitem__)[:_FINALISTS]
    if sizes[finalists[0]] > _HOPELESS * plain:
        return None
    piece = [_long_piece(0, size, read)]
    longer = _sizes(finalists, piece)
    codec = min(finalists, key=lambda codec: sizes[codec] + longer[codec])
    if sizes[codec] + longer[codec] > _CLEARLY * (plain + _plain(piece)):
        return None
    block = max(1, block_bytes // codec.itemsize) * codec.itemsize
    return Layout("numbers", (Region(0, size, codec.dtype, codec.itemsize, block, codec.filter),))


@cache
def _codecs(dtype: str) -> tuple[TypedCodec, ...]:
    """The codecs that may be best for elements of ``dtype``."""
    filters: Sequence[str] = ("bitshuffle", "shuffle", "none")
    if (itemsize := TypedCodec(dtype).itemsize) in (1, 2, 4, 8):
        filters = ("bitshuffle", "shuffle", "none", "delta+bitshuffle", "delta+shuffle", "delta+none")
    if itemsize == 1:  # single bytes are grouped already
        filters = [filter for filter in filters if filter.rpartition("+")[2] != "shuffle"]
    return tuple(TypedCodec(dtype, filter) for filter in filters)


def _short_pieces(offset: int, length: int, read: Callable[[int, int], bytes]) -> list[bytes]:
    """Pieces spread over a part of a file, the first at its begin, aligned with that like blocks."""
    stride = (length - _SHORT) // (_PIECES - 1) & -4096
    return [read(offset + at * stride, _SHORT) for at in range(_PIECES)]


def _long_piece(offset: int, length: int, read: Callable[[int, int], bytes]) -> bytes:
    """A piece from the middle of a part of a file; at most a 32nd of it, so that trying costs little beside storing."""
    size = min(_LONG, length, max(2 * _SHORT, length // 32))
    return read(offset + (length - size) // 2 // _LONG * _LONG, size)


def _sizes(codecs: Sequence[TypedCodec], pieces: Sequence[bytes]) -> dict[TypedCodec, int]:
    """How large each codec makes the pieces, what is less than an element left out."""
    return {
        codec: sum(
            len(codec.encode(memoryview(piece)[: len(piece) // codec.itemsize * codec.itemsize])) for piece in pieces
        )
        for codec in codecs
    }


def _plain(pieces: Sequence[Buffer]) -> int:
    """The size of pieces compressed as bytes."""
    return sum(len(_zstd().compress(piece, asbytes=True)) for piece in pieces)


@cache
def _zstd() -> pa.Codec:
    return pa.Codec("zstd", compression_level=1)
