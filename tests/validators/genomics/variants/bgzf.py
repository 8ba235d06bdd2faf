"""Blocks of BGZF, as the specification has them."""

from __future__ import annotations

import struct
import zlib

__all__ = ["bgzip", "unprotected"]

_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def _block(data: bytes) -> bytes:
    packer = zlib.compressobj(0, zlib.DEFLATED, -15)  # what is not stored can be written in several ways
    body = packer.compress(data) + packer.flush()
    head = bytes.fromhex("1f8b08040000000000ff060042430200") + struct.pack("<H", len(body) + 25)
    return head + body + struct.pack("<II", zlib.crc32(data), len(data))


def bgzip(data: bytes, *, size: int = 60_000) -> bytes:
    """Packed, in blocks of ``size`` bytes."""
    return b"".join(_block(data[at : at + size]) for at in range(0, len(data), size)) + _END


def unprotected(data: bytes) -> set[int]:
    """The bytes of blocks that mean nothing: a time, hints, the system it was made on, and what fills up a byte."""
    found: set[int] = set()
    place = 0
    while place < len(data):
        found |= {*range(place + 4, place + 10), place + 18}
        place += int(struct.unpack_from("<H", data, place + 16)[0]) + 1
    return found
