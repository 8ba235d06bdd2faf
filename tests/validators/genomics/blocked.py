"""Blocked gzip, as ``bgzip`` writes it."""

from __future__ import annotations

import gzip
import struct

__all__ = ["bgzip"]

_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def bgzip(data: bytes, *, size: int = 60_000) -> bytes:
    """These bytes in blocks of ``size`` or fewer, and the empty one that ends a file."""
    blocks: list[bytes] = []
    for at in range(0, len(data), size):
        packed = gzip.compress(data[at : at + size], mtime=0)
        total = struct.pack("<H", len(packed) - 18 + 25)
        head = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0" + total
        blocks.append(head + packed[10:])
    return b"".join(blocks) + _END
