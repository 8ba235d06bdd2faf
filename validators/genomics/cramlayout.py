"""How CRAM lies in a file: numbers, containers and blocks (CRAM 2.1 and 3.1, 2 and 6 to 8)."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = [
    "DEFINITION",
    "ENDS",
    "Block",
    "Container",
    "Cursor",
    "blocks_of",
    "read_container",
    "read_exactly",
]

DEFINITION = 26
"""Bytes before the first container."""

ENDS = {
    2: bytes.fromhex("0b000000ffffffff0fe0454f460000000001000001000606010001000100"),
    3: bytes.fromhex("0f000000ffffffff0fe0454f4600000000010005bdd94f0001000606010001000100ee63014b"),
}
"""The container that ends a file, by the major version."""


class Cursor:
    """Numbers out of bytes, one after the other.  Raises ``EOFError``."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at

    def take(self, size: int) -> bytes:
        """The next bytes."""
        if size < 0 or self.at + size > len(self.data):
            raise EOFError
        self.at += size
        return self.data[self.at - size : self.at]

    def int32(self) -> int:
        """Four bytes, signed."""
        return int(struct.unpack("<i", self.take(4))[0])

    def itf8(self) -> int:
        """A signed number of 32 bits, in one to five bytes."""
        first = self.take(1)[0]
        if first < 0x80:
            return first
        if first >= 0xF0:
            rest = self.take(4)
            value = (first & 0x0F) << 28 | rest[0] << 20 | rest[1] << 12 | rest[2] << 4 | (rest[3] & 0x0F)
            return value - (1 << 32) if value >= 1 << 31 else value
        more = 1 if first < 0xC0 else 2 if first < 0xE0 else 3
        return (first & (0x7F >> more)) << (8 * more) | int.from_bytes(self.take(more), "big")

    def ltf8(self) -> int:
        """A signed number of 64 bits, in one to nine bytes."""
        first = self.take(1)[0]
        more = 8 - (first ^ 0xFF).bit_length()
        value = (first & (0x7F >> more)) << (8 * more) | int.from_bytes(self.take(more), "big")
        return value - (1 << 64) if value >= 1 << 63 else value

    def array(self) -> list[int]:
        """A count, and as many numbers."""
        count = self.itf8()
        if not 0 <= count <= len(self.data) - self.at:  # each takes a byte at least
            raise EOFError
        return [self.itf8() for _ in range(count)]


@dataclass(frozen=True)
class Container:
    """A container's header.

    ``offset``: where it begins in the file; ``head``: the header's bytes; ``length``: those of what is in it.
    ``reference``: -1 for none, -2 for several.  ``landmarks``: where slices begin in what is in it.  ``checked``:
    whether its checksum is right, as it is where there is none.
    """

    offset: int
    head: int
    length: int
    reference: int
    start: int
    span: int
    records: int
    counter: int
    bases: int
    blocks: int
    landmarks: tuple[int, ...]
    checked: bool


@dataclass(frozen=True)
class Block:
    """A block: where it begins and ends in its container, how it is packed, what kind it is, what number it has, how
    many bytes it says it unpacks to, its bytes as they lie, and whether its checksum is right.
    """

    at: int
    end: int
    method: int
    kind: int
    number: int
    size: int
    data: bytes
    checked: bool


def read_exactly(file: BinaryIO, size: int) -> bytes:
    """So many bytes.  Raises ``EOFError``."""
    parts: list[bytes] = []
    while size:
        part = file.read(min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


# The longest header of a container that is read at once; one with more landmarks is read again, with more.
_HEAD = 256


def read_container(file: BinaryIO, offset: int, major: int, most: int) -> Container | None:
    """The header of the container at a place, ``None`` at the end of the file.  ``most``: bytes that a header may have.
    Raises ``EOFError``.
    """
    size = _HEAD
    while True:
        file.seek(offset)
        data = b""
        while len(data) < size and (part := file.read(size - len(data))):
            data += part
        if not data:
            return None
        try:
            return _container(data, offset, major)
        except EOFError:
            if len(data) < size or size >= most:
                raise
        size *= 16


def _container(data: bytes, offset: int, major: int) -> Container:
    cursor = Cursor(data)
    length, reference, start, span, records = cursor.int32(), *(cursor.itf8() for _ in range(4))
    counter = cursor.ltf8() if major >= 3 else cursor.itf8()
    bases, blocks, landmarks = cursor.ltf8(), cursor.itf8(), cursor.array()
    checked = True
    if major >= 3:
        whole = data[: cursor.at]
        checked = zlib.crc32(whole) == struct.unpack("<I", cursor.take(4))[0]
    return Container(
        offset, cursor.at, length, reference, start, span, records, counter, bases, blocks, tuple(landmarks), checked
    )


def blocks_of(data: bytes, count: int, major: int) -> list[Block]:
    """The first ``count`` blocks of a container.  Raises ``EOFError``."""
    cursor, found = Cursor(data), list[Block]()
    for _ in range(count):
        at = cursor.at
        method, kind = cursor.take(2)
        number, packed, size = cursor.itf8(), cursor.itf8(), cursor.itf8()
        content = cursor.take(packed)
        checked = True
        if major >= 3:
            crc = zlib.crc32(memoryview(data)[at : cursor.at])
            checked = crc == struct.unpack("<I", cursor.take(4))[0]
        found.append(Block(at, cursor.at, method, kind, number, size, content, checked))
    return found
