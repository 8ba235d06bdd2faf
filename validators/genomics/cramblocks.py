"""Blocks of CRAM: what they are packed with, and whether they unpack (CRAM 3.1, 8)."""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import TYPE_CHECKING, Any

from ..findings import Code, Severity

if TYPE_CHECKING:
    from ..found import Found
    from ..limits import Limits
    from .cramlayout import Block

__all__ = ["BLOCK_CODES", "COMPRESSION_HEADER", "CORE", "EXTERNAL", "SLICE_HEADER", "judge_block", "unpacked_header"]

ERROR, SOURCE = Severity.ERROR, "CRAM 3.1, 8"

CHECKSUM = Code("cram.block.checksum", ERROR, "A block has its checksum.", SOURCE)
METHOD = Code("cram.block.method", ERROR, "A block is packed with a method that its version of CRAM has.", SOURCE)
KIND = Code("cram.block.kind", ERROR, "A block is a header, a slice's header, or data.", "CRAM 3.1, 8.1")
NUMBER = Code("cram.block.number", ERROR, "Only external data have a number.", "CRAM 3.1, 8.2")
SIZE = Code("cram.block.size", ERROR, "A block unpacks to as many bytes as it says.", SOURCE)

BLOCK_CODES = (CHECKSUM, METHOD, KIND, NUMBER, SIZE)
"""The rules of blocks."""

FILE_HEADER, COMPRESSION_HEADER, SLICE_HEADER, _, EXTERNAL, CORE = range(6)
# The version from which on there is a method: nothing, gzip, bzip2, lzma, rANS 4x8, rANS Nx16, arithmetic, fqzcomp,
# names.
_SINCE = ((2, 0), (2, 0), (2, 0), (3, 0), (3, 0), (3, 1), (3, 1), (3, 1), (3, 1))
_MAKERS: dict[int, Any] = {
    1: lambda: zlib.decompressobj(47),
    2: bz2.BZ2Decompressor,
    3: lzma.LZMADecompressor,
}


def judge_block(block: Block, place: int, version: tuple[int, int], limits: Limits, found: Found) -> None:
    """Hold a block against its rules; ``place``: where its container's content begins in the file."""
    offset = place + block.at
    if not block.checked:
        found.add(CHECKSUM, "the checksum is wrong", offset=offset)
        return
    if block.method >= len(_SINCE) or _SINCE[block.method] > version:
        found.add(METHOD, f"CRAM {version[0]}.{version[1]} has no such method", offset=offset, seen=block.method)
        return
    if block.kind not in (FILE_HEADER, COMPRESSION_HEADER, SLICE_HEADER, EXTERNAL, CORE):
        found.add(KIND, "there is no such kind of block", offset=offset, seen=block.kind)
    elif block.kind == CORE and block.number != 0:
        found.add(NUMBER, "it has a number", offset=offset, seen=block.number, expected=0)
    if block.size < 0:
        found.add(SIZE, "its size is negative", offset=offset, seen=block.size)
        return
    if block.size and block.size <= limits.memory:
        _unpacks(block, offset, found)


def _unpacks(block: Block, offset: int, found: Found) -> None:
    if block.method == 0:
        size: int | None = len(block.data)
    elif block.method in _MAKERS:
        content = _unpacked(block, block.size + 1)
        if content is None:
            found.add(SIZE, "it cannot be unpacked", offset=offset)
            return
        size = len(content)
    else:
        return  # a checksum covers it, and records are not decoded
    if size != block.size:
        found.add(SIZE, "it unpacks to another size", offset=offset, seen=size, expected=block.size)


def _unpacked(block: Block, most: int) -> bytes | None:
    unpacking = _MAKERS[block.method]()
    try:
        content: bytes = unpacking.decompress(block.data, most)
    except (zlib.error, OSError, lzma.LZMAError, EOFError):
        return None
    return content if unpacking.eof or len(content) == most else None


def unpacked_header(block: Block, limits: Limits) -> bytes | None:
    """What the block with the file's header holds, if it can be unpacked as such."""
    if block.kind != FILE_HEADER or not 0 <= block.size <= limits.memory or not block.checked:
        return None
    if block.method == 0:
        return block.data
    return _unpacked(block, block.size + 1) if block.method == 1 else None
