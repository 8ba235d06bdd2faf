"""Small files of CRAM, made here: a header, and containers whose slices have no records that could be decoded."""

from __future__ import annotations

import gzip
import struct
import zlib

from .alignments import HEAD

__all__ = ["END", "block", "container", "cram", "data_blocks", "definition", "header_container", "itf8", "slice_block"]

END = {
    2: bytes.fromhex("0b000000ffffffff0fe0454f460000000001000001000606010001000100"),
    3: bytes.fromhex("0f000000ffffffff0fe0454f4600000000010005bdd94f0001000606010001000100ee63014b"),
}


def itf8(value: int) -> bytes:
    """A number in one to five bytes."""
    value &= 0xFFFFFFFF
    if value < 0x80:
        return bytes([value])
    if value < 0x4000:
        return bytes([value >> 8 | 0x80, value & 0xFF])
    if value < 0x200000:
        return bytes([value >> 16 | 0xC0]) + (value & 0xFFFF).to_bytes(2, "big")
    if value < 0x10000000:
        return bytes([value >> 24 | 0xE0]) + (value & 0xFFFFFF).to_bytes(3, "big")
    return bytes([value >> 28 | 0xF0]) + (value >> 4 & 0xFFFFFF).to_bytes(3, "big") + bytes([value & 0x0F])


def _summed(data: bytes, major: int) -> bytes:
    return data + (struct.pack("<I", zlib.crc32(data)) if major >= 3 else b"")


def block(
    kind: int, content: bytes, *, number: int = 0, method: int = 0, size: int | None = None, major: int = 3
) -> bytes:
    """A block; with method 1 it is packed."""
    packed = gzip.compress(content, mtime=0) if method == 1 else content
    head = bytes([method, kind]) + itf8(number) + itf8(len(packed)) + itf8(len(content) if size is None else size)
    return _summed(head + packed, major)


def container(
    *blocks: bytes, reference: int = 0, start: int = 1, span: int = 100, records: int = 0, counter: int = 0,
    landmarks: tuple[int, ...] | None = None, count: int | None = None, length: int | None = None, major: int = 3,
) -> bytes:  # fmt: skip
    """A container of blocks, the second of which is a slice's header unless said otherwise."""
    content = b"".join(blocks)
    places = (len(blocks[0]),) if landmarks is None else landmarks
    head = struct.pack("<i", len(content) if length is None else length)
    for value in (reference, start, span, records, counter, 0, len(blocks) if count is None else count, len(places)):
        head += itf8(value)
    head += b"".join(map(itf8, places))
    return _summed(head, major) + content


def slice_block(
    *, reference: int = 0, start: int = 1, span: int = 100, records: int = 0, blocks: int = 2,
    numbers: tuple[int, ...] = (0, 7), embedded: int = -1, method: int = 0, major: int = 3,
) -> bytes:  # fmt: skip
    """A slice's header."""
    values = (reference, start, span, records, 0, blocks, len(numbers), *numbers, embedded)
    return block(2, b"".join(map(itf8, values)) + bytes(16), method=method, major=major)


def data_blocks(slice_header: bytes | None = None, *, major: int = 3) -> tuple[bytes, ...]:
    """A compression header, a slice's header, its core, and one external block."""
    empty = bytes([1, 0]) * 3
    head = slice_block(major=major) if slice_header is None else slice_header
    return (
        block(1, empty, major=major), head, block(5, b"", major=major),
        block(4, b"external data " * 9, number=7, method=1, major=major),
    )  # fmt: skip


def definition(major: int = 3, minor: int = 0) -> bytes:
    """The first bytes."""
    return b"CRAM" + bytes([major, minor]) + b"a small file".ljust(20, b"\0")


def header_container(head: tuple[str, ...] = HEAD, *, major: int = 3, padding: bytes = b"") -> bytes:
    """The first container."""
    text = "".join(f"{line}\n" for line in head).encode()
    first = block(0, struct.pack("<i", len(text)) + text, method=1, major=major)
    more = (block(0, padding, major=major),) if padding else ()
    return container(first, *more, landmarks=(), span=0, start=0, major=major)


def cram(*containers: bytes, major: int = 3, minor: int = 0) -> bytes:
    """A whole file."""
    return definition(major, minor) + header_container(major=major) + b"".join(containers) + END[major]
