"""MATLAB 5: elements one after the other, of which most are packed."""

from __future__ import annotations

import math
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from ..check import Cost
from ..findings import Code, Severity
from ..streams.codes import PACKING_BOMB
from .base import ArrayCheck
from .held import BLOCK, broken, telling
from .values import VALUE_CODES, Fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..found import Found
    from ..limits import Limits
    from ..subjects import Subject
    from .held import Held

__all__ = ["CHECKS", "Mat5"]

_SOURCE = "MAT-File Format, R2023a, 1"
HEADER = Code(
    "mat5.header",
    Severity.ERROR,
    "The first 128 bytes say MATLAB 5.0, version 0x0100 and the byte order.",
    _SOURCE,
)
ELEMENT = Code(
    "mat5.element", Severity.ERROR, "An element has a type that there is, and a size within what it lies in.", _SOURCE
)
PACKED = Code(
    "mat5.compressed", Severity.ERROR, "A packed element unpacks to one element, and has its checksum.", _SOURCE
)
ARRAY = Code(
    "mat5.array", Severity.ERROR, "An array is its flags, dimensions, name and values, in that order.", _SOURCE
)
SIZE = Code("mat5.size", Severity.ERROR, "An array has as many values as its dimensions say.", _SOURCE)
SPARSE = Code(
    "mat5.sparse", Severity.ERROR, "Indices of a sparse array ascend, and are within its dimensions.", _SOURCE
)
DEEP = Code("mat5.depth", Severity.ERROR, "Cells and structures are no deeper than the limits allow.")
TRUNCATED = Code("mat5.truncated", Severity.ERROR, "Elements are as long as they say.", _SOURCE)

_KINDS = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
    16: "u1",
    17: "u2",
    18: "u4",
}
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCT, _OBJECT, _CHAR, _SPARSE = 1, 2, 3, 4, 5


class _Source:
    """Bytes one after the other, of a file or of what is unpacked from it: never more than were said to come."""

    def __init__(self, blocks: Iterator[bytes], order: str, *, packed: bool) -> None:
        self._blocks, self._rest = blocks, b""
        self.place, self.order, self.packed = 0, order, packed

    def take(self, size: int) -> bytes:
        """So many bytes; ``size`` is small, or was held against what there is."""
        parts, left = [], size
        while left:
            if not self._rest:
                self._rest = next(self._blocks, b"")
                if not self._rest:
                    broken(
                        PACKED if self.packed else TRUNCATED,
                        "an element ends too early",
                        seen=size - left,
                        expected=size,
                    )
            part = self._rest[:left]
            self._rest = self._rest[len(part) :]
            left -= len(part)
            parts.append(part)
        self.place += size
        return b"".join(parts)

    def parts(self, size: int, each: int) -> Iterator[bytes]:
        """So many bytes, some whole values at a time."""
        step = max(1, BLOCK // each) * each
        while size:
            yield (part := self.take(min(step, size)))
            size -= len(part)

    def skip(self, size: int) -> None:
        """Leave so many bytes out."""
        for _ in self.parts(size, 1):
            pass

    def ended(self) -> bool:
        """Whether nothing follows."""
        if not self._rest:
            self._rest = next(self._blocks, b"")
        return not self._rest


class Mat5(ArrayCheck):
    """The header, each element, and what arrays hold."""

    name = "mat5"
    formats = frozenset({"mat5"})
    codes = (HEADER, ELEMENT, PACKED, ARRAY, SIZE, SPARSE, DEEP, TRUNCATED, *VALUE_CODES)
    truncated = TRUNCATED

    def read(self, file: Held, subject: Subject, found: Found) -> None:
        """Read it."""
        head = file.take(0, 128, "the header")
        order = {b"IM": "<", b"MI": ">"}.get(head[126:128])
        if order is None or struct.unpack(order + "H", head[124:126])[0] != 0x0100:
            broken(
                HEADER,
                "version and order of bytes are none",
                offset=124,
                seen=head[124:].hex(" "),
                expected="00 01 49 4d",
            )
        if not head.startswith(b"MATLAB 5.0 MAT-file"):
            found.add(HEADER, "the text is not MATLAB's", offset=0, seen=head[:20], expected="MATLAB 5.0 MAT-file")
        place, number = 128, 0
        while place < file.size:
            if subject.cost is not Cost.FULL and (subject.cost is Cost.HEADER or place > subject.limits.sample):
                found.partly()
                return
            kind, size = file.numbers(order + "II", place, "an element")
            if kind not in (_MATRIX, _COMPRESSED, *_KINDS):
                broken(ELEMENT, "there is no such type", offset=place, record=f"element {number}", seen=kind)
            file.need(place + 8, size, "an element", offset=place)
            with telling(found, offset=place, record=f"element {number}"):
                self._element(file, place + 8, kind, size, order, subject.limits, found)
            place, number = place + 8 + size + (0 if kind == _COMPRESSED else -size % 8), number + 1

    def _element(self, file: Held, place: int, kind: int, size: int, order: str, limits: Limits, found: Found) -> None:
        blocks = file.blocks(place, size, "an element")
        if kind == _MATRIX:
            _Arrays(_Source(blocks, order, packed=False), limits, found, self).array(size, "", 0)
        elif kind == _COMPRESSED:
            source = _Source(_inflated(blocks, limits), order, packed=True)
            inner, length = struct.unpack(order + "II", source.take(8))
            if inner != _MATRIX:
                broken(PACKED, "what is packed is no array", seen=inner, expected=_MATRIX)
            _Arrays(source, limits, found, self).array(length, "", 0)
            if not source.ended():
                broken(PACKED, "more is packed than one element")


def _inflated(blocks: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
    stream = zlib.decompressobj()
    taken = given = 0
    try:
        for block in blocks:
            taken += len(block)
            while block and not stream.eof:
                part = stream.decompress(block, BLOCK)
                given += len(part)
                if given > limits.unpacked or (given > limits.unpacked_free and given > limits.ratio * taken):
                    broken(PACKING_BOMB, f"{taken:,} bytes have become more than {given:,}")
                yield part
                block = stream.unconsumed_tail
    except zlib.error as error:
        broken(PACKED, f"it does not unpack: {error}")
    yield stream.flush()
    if not stream.eof or stream.unused_data:
        broken(PACKED, "what is packed does not end where it should")


class _Arrays:
    """Reads arrays, those within arrays included."""

    def __init__(self, source: _Source, limits: Limits, found: Found, check: Mat5) -> None:
        self.source, self.limits, self.found, self.check = source, limits, found, check

    def tag(self, left: int) -> tuple[int, int, int]:
        """A type, the size of its data, and what fills them up; ``left``: bytes of what it lies in."""
        first, second = struct.unpack(self.source.order + "II", self._within(8, left))
        if first >> 16:  # small: type and size share four bytes, and the data are in the other four
            if first >> 16 > 4:
                broken(ELEMENT, "a small element has more than 4 bytes", seen=first >> 16)
            self._small = struct.pack(self.source.order + "I", second)
            return first & 0xFFFF, first >> 16, -1
        if second > left - 8:
            broken(ELEMENT, "an element is longer than what it lies in", seen=second, expected=f"at most {left - 8}")
        return first, second, min(-second % 8, left - 8 - second)

    def _within(self, size: int, left: int) -> bytes:
        if size > left:
            broken(ELEMENT, "an element is longer than what it lies in", seen=size, expected=f"at most {left}")
        return self.source.take(size)

    def data(self, left: int, *, most: int = 1 << 16) -> tuple[int, bytes, int]:
        """A short element: its type, its data, and what is left after it."""
        kind, size, fill = self.tag(left)
        if fill < 0:
            return kind, self._small[:size], left - 8
        if size > most:
            broken(ARRAY, "a name or another description is longer than any is", seen=size)
        data = self.source.take(size)
        self.source.skip(fill)
        return kind, data, left - 8 - size - fill

    def array(self, left: int, path: str, depth: int) -> None:
        """One array of so many bytes, called by its path."""
        if depth > self.limits.depth:
            broken(DEEP, "cells and structures are deeper than the limits allow", column=path)
        if not left:
            return  # an empty cell
        kind, flags, left = self.data(left)
        if kind != 6 or len(flags) != 8:
            broken(ARRAY, "an array does not begin with its flags", column=path or None, seen=kind)
        flag, _ = struct.unpack(self.source.order + "II", flags)
        what = flag & 0xFF
        if what == 17:  # opaque: of MATLAB alone
            self.source.skip(left)
            self.found.partly()
            return
        kind, raw, left = self.data(left)
        if kind != 5 or len(raw) % 4 or len(raw) < 8:
            broken(ARRAY, "an array has no dimensions", column=path or None, seen=kind)
        shape = struct.unpack(f"{self.source.order}{len(raw) // 4}i", raw)
        if any(each < 0 for each in shape):
            broken(ARRAY, "a dimension is negative", column=path or None, seen=shape)
        kind, name, left = self.data(left)
        path = path or name.decode("latin-1")
        if kind not in (1, 16) or not path.isprintable():
            broken(ARRAY, "an array has no name", column=path, seen=kind)
        count = math.prod(shape)
        if what == _CELL:
            left = self.several(count, left, path, depth)
        elif what in (_STRUCT, _OBJECT):
            left = self.structure(count, left, path, depth, named=what == _OBJECT)
        elif what == _SPARSE:
            left = self.sparse(shape, flag, left, path)
        elif 4 <= what <= 15:
            for part in ("", ".imaginary")[: 2 if flag & 0x800 else 1]:
                left = self.values(count, left, path + part, text=what == _CHAR)
        elif what == 16:
            self.source.skip(left)
            left = 0
        else:
            broken(ARRAY, "there is no such class of arrays", column=path, seen=what)
        if left:
            broken(ARRAY, "an array has more bytes than parts", column=path, seen=left, expected=0)

    def several(self, count: int, left: int, path: str, depth: int) -> int:
        """Arrays within an array."""
        if 8 * count > left:
            broken(
                SIZE, "there are not as many cells as the dimensions say", column=path, seen=left // 8, expected=count
            )
        for number in range(count):
            left = self.inner(left, f"{path}{{{number}}}", depth)
        return left

    def inner(self, left: int, path: str, depth: int) -> int:
        """An array within an array, and what is left after it."""
        kind, size, fill = self.tag(left)
        if kind != _MATRIX or fill < 0:
            broken(ARRAY, "what lies in an array is none", column=path, seen=kind)
        self.array(size, path, depth + 1)
        self.source.skip(fill)
        return left - 8 - size - fill

    def structure(self, count: int, left: int, path: str, depth: int, *, named: bool) -> int:
        """A structure: the names of its fields, and then an array for each."""
        if named:
            _, _, left = self.data(left)
        kind, raw, left = self.data(left)
        length = int.from_bytes(raw, "little" if self.source.order == "<" else "big", signed=True) if raw else 0
        if kind != 5 or not 1 <= length <= 1 << 12:
            broken(ARRAY, "names of fields have no length", column=path, seen=length)
        kind, raw, left = self.data(left, most=1 << 22)
        if kind not in (1, 16) or len(raw) % length:
            broken(ARRAY, "a structure has no names of fields", column=path, seen=kind)
        names = [raw[at : at + length].split(b"\0")[0].decode("latin-1") for at in range(0, len(raw), length)]
        if 8 * count * len(names) > left:
            broken(
                SIZE,
                "there are not as many fields as the dimensions say",
                column=path,
                seen=left // 8,
                expected=count * len(names),
            )
        for number in range(count):
            for name in names:
                left = self.inner(left, f"{path}.{name}" if count == 1 else f"{path}({number}).{name}", depth)
        return left

    def values(self, count: int, left: int, path: str, *, text: bool = False, tell: bool = True) -> int:
        """Numbers, or characters, and what is left after them."""
        kind, size, fill = self.tag(left)
        if kind not in _KINDS:
            broken(ARRAY, "values have no type", column=path, seen=kind)
        dtype = np.dtype(_KINDS[kind]).newbyteorder("<" if self.source.order == "<" else ">")
        # Characters beyond the first plane, and in UTF-8 those beyond ASCII, take several values.
        if size % dtype.itemsize or (size // dtype.itemsize != count and not (text and kind in (16, 17))):
            broken(
                SIZE,
                "there are not as many values as the dimensions say",
                column=path,
                seen=size // dtype.itemsize,
                expected=count,
            )
        fields = Fields(dtype, self.found, self.check.values, column=path)
        if fill < 0:
            fields.add(np.frombuffer(self._small[:size], dtype))
            size = fill = 0
        for part in self.source.parts(size, dtype.itemsize):
            fields.add(np.frombuffer(part, dtype))
        if tell and not text:
            fields.tell()
        self.source.skip(fill)
        return left - 8 - size - fill

    def sparse(self, shape: tuple[int, ...], flag: int, left: int, path: str) -> int:
        """Rows, columns, and the values that are not zero."""
        rows, left = self.indices(left, path)
        starts, left = self.indices(left, path)
        count = int(starts[-1]) if len(starts) else 0
        if (
            len(shape) != 2
            or len(starts) != shape[1] + 1
            or starts[:1].any()
            or (np.diff(starts) < 0).any()
            or not 0 <= count <= len(rows)
        ):
            broken(
                SPARSE,
                "indices of columns do not ascend, or are not as many",
                column=path,
                seen=len(starts),
                expected=shape[-1] + 1,
            )
        if count and (rows[:count].min() < 0 or rows[:count].max() >= shape[0]):
            broken(
                SPARSE, "there is no such row", column=path, seen=int(rows[:count].max()), expected=f"below {shape[0]}"
            )
        for part in ("", ".imaginary")[: 2 if flag & 0x800 else 1]:
            left = self.values(count, left, path + part)
        return left

    def indices(self, left: int, path: str) -> tuple[np.ndarray[Any, Any], int]:
        """Indices of a sparse array."""
        kind, raw, left = self.data(left, most=self.limits.memory)
        if kind != 5 or len(raw) % 4:
            broken(SPARSE, "indices are no whole numbers", column=path, seen=kind)
        return np.frombuffer(raw, self.source.order + "i4").astype(np.int64), left


CHECKS = (Mat5,)
