"""How alignments lie in BAM: the header, and where records and their parts are (SAM 1.6, 4.2)."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..findings import Code, Severity
from .samheader import judge_header, text_lines
from .samlines import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from ..found import Found
    from ..limits import Limits
    from .samheader import Header

__all__ = ["FIXED", "LAYOUT_CODES", "MAGIC", "Stream", "read_header", "record_blocks"]

ERROR, SOURCE = Severity.ERROR, "SAM 1.6, 4.2"

MAGIC_CODE = Code("bam.magic", ERROR, "A BAM file begins with BAM and 1.", SOURCE)
HEADER_END = Code("bam.header.truncated", ERROR, "The header goes on to its end.", SOURCE)
HEADER_TEXT = Code("bam.header.text", ERROR, "Nothing but zeros follows the first zero of the header's text.", SOURCE)
REFERENCE = Code("bam.header.reference", ERROR, "A reference has a name that a zero ends, and a length.", SOURCE)
AGREES = Code("bam.header.references", ERROR, "The references are those of the @SQ lines, in their order.", SOURCE)
RECORD_SIZE = Code("bam.record.size", ERROR, "A record has a size that a record can have.", SOURCE)
RECORD_END = Code("bam.record.truncated", ERROR, "The last record goes on to its end.", SOURCE)

LAYOUT_CODES = (MAGIC_CODE, HEADER_END, HEADER_TEXT, REFERENCE, AGREES, RECORD_SIZE, RECORD_END)
"""The rules of what is around records."""

MAGIC = b"BAM\x01"

FIXED = np.dtype(
    [
        ("reference", "<i4"), ("position", "<i4"), ("name", "u1"), ("mapq", "u1"), ("bin", "<u2"),
        ("operations", "<u2"), ("flag", "<u2"), ("bases", "<u4"), ("next_reference", "<i4"), ("next_position", "<i4"),
        ("template", "<i4"),
    ]
)  # fmt: skip
"""The part of a record that is always there, behind its size."""

# The fixed part, and a name that is only its zero.
_LEAST = FIXED.itemsize + 1
_SIZE = struct.Struct("<I")
_TOO_MANY = "it says {} references, which is more than fit into {:,} bytes"


class Stream:
    """Blocks of bytes as one run, of which as much is held as is asked for at once."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self.data = b""
        self.at = 0
        self.offset = 0

    @property
    def place(self) -> int:
        """How far into the file it is."""
        return self.offset + self.at

    def has(self, size: int) -> bool:
        """Whether so many bytes follow; they are then held."""
        if len(self.data) - self.at >= size:
            return True
        parts, there = [self.data[self.at :]], len(self.data) - self.at
        while there < size:
            block = next(self._blocks, None)
            if block is None:
                break
            parts.append(block)
            there += len(block)
        self.offset += self.at
        self.data, self.at = b"".join(parts), 0
        return there >= size

    def take(self, size: int) -> bytes:
        """The next bytes, which are there."""
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self) -> int | None:
        """An unsigned number of 32 bits, ``None`` at the end."""
        return int(_SIZE.unpack(self.take(4))[0]) if self.has(4) else None

    def more(self) -> bool:
        """Hold one block more behind what is left; whether there was one."""
        return self.has(len(self.data) - self.at + 1)


def read_header(stream: Stream, found: Found, limits: Limits) -> Header | None:
    """The header, held against its rules; ``None`` where nothing behind it can be understood."""
    if not stream.has(4) or stream.take(4) != MAGIC:
        found.add(MAGIC_CODE, "it does not begin as BAM does", offset=0, seen=stream.data[:4].hex(" "))
        return None
    size = stream.number()
    if size is None or size > limits.memory or not stream.has(size):
        what = "its text is longer than the file or the limits" if size is not None else "it ends within the header"
        _ended(found, stream, what, size)
        return None
    start = stream.place
    text, _, padding = stream.take(size).partition(b"\0")
    if padding.strip(b"\0"):
        found.add(HEADER_TEXT, "something follows the zero that ends the text", offset=start + len(text))
    header = judge_header(text_lines(text, offset=start), found)
    names = _references(stream, found, limits)
    return None if names is None else _agreed(header, names, found)


def _ended(found: Found, stream: Stream, message: str, seen: int | None = None) -> None:
    found.add(HEADER_END, message, offset=stream.place, seen=seen)


def _references(stream: Stream, found: Found, limits: Limits) -> list[tuple[bytes, int]] | None:
    count = stream.number()
    if count is None:
        _ended(found, stream, "it ends before the references")
        return None
    if count > limits.memory // 64:
        _ended(found, stream, _TOO_MANY.format(count, limits.memory), count)
        return None
    references: list[tuple[bytes, int]] = []
    for number in range(count):
        place = stream.place
        size = stream.number()
        if size is None or size > limits.line or not stream.has(size + 4):
            _ended(found, stream, f"it ends within the {number + 1}. of {count} references", size)
            return None
        name = stream.take(size)
        length = stream.number() or 0
        if name[-1:] != b"\0" or b"\0" in name[:-1] or not 0 < length < 1 << 31:
            what = "its name does not end with a zero, or it has no length"
            found.add(REFERENCE, what, offset=place, seen=f"{name[:100]!r}, {length}", row=number)
        references.append((name.rstrip(b"\0"), length))
    return references


def _agreed(header: Header, references: list[tuple[bytes, int]], found: Found) -> Header:
    """What the header says, with the references that records speak of."""
    lengths = np.array([length for _, length in references], np.int64)
    names = {name: number for number, (name, _) in reversed(list(enumerate(references)))}
    if len(header.lengths):
        told = list(zip(header.names, header.lengths.tolist(), strict=True))
        if len(told) != len(references):
            what = "there are not as many references as @SQ lines"
            found.add(AGREES, what, seen=len(references), expected=len(told))
        for number, (one, other) in enumerate(zip(references, told, strict=False)):
            if one != other:
                found.add(
                    AGREES, "a reference is another one in its @SQ line", row=number,
                    seen=f"{one[0].decode('latin-1')}, {one[1]}", expected=f"{other[0].decode('latin-1')}, {other[1]}",
                )  # fmt: skip
    else:
        for number, (name, _) in enumerate(references):
            if not re.fullmatch(NAME, name):
                found.add(REFERENCE, "it is no name of a reference", row=number, seen=name)
    circular = np.zeros(len(references), np.bool_)
    for name, number in header.names.items():
        if name in names:
            circular[names[name]] = header.circular[number]
    return replace(header, names=names, lengths=lengths, circular=circular)


@dataclass(frozen=True, eq=False)
class Block:
    """Whole records: their bytes, where each begins with its size, those sizes, and where the bytes are in the file."""

    data: bytes
    starts: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    offset: int


def record_blocks(stream: Stream, found: Found, limits: Limits) -> Iterator[Block]:
    """The records behind the header, many at a time."""
    unpack = _SIZE.unpack_from
    while stream.has(1):
        data, at, starts = stream.data, stream.at, list[int]()
        add = starts.append
        end, size = len(data), 0
        while at + 4 <= end:
            size = unpack(data, at)[0]
            after = at + 4 + size
            if size < _LEAST or after > end:
                break
            add(at)
            at = after
        stream.at = at
        if starts:
            places = np.array(starts, np.int64)
            yield Block(data, places, np.diff(places, append=at) - 4, stream.offset)
        if end - at >= 4 and not _LEAST <= size <= limits.memory:
            found.add(
                RECORD_SIZE, "no record has this size, and nothing behind it can be understood", offset=stream.place,
                seen=size, expected=f"{_LEAST} or more",
            )  # fmt: skip
            found.partly()
            return
        if at < end and not stream.more():
            if found.complete:
                found.add(RECORD_END, "the last record is cut off", offset=stream.place, seen=end - at)
            return
