"""JPEG images: segments in their order, sizes, and scans that go on to the mark of the end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from ..check import Check, Cost
from ..findings import Code, Severity
from ..streams.seekable import read_at, seekable, size_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..found import Found
    from ..subjects import Subject

__all__ = ["CHECKS", "Jpeg"]

_T81 = "ITU-T T.81"

START = Code("jpeg.start", Severity.ERROR, "An image begins with its mark.", f"{_T81}, B.2.1")
SEGMENT = Code("jpeg.segment", Severity.ERROR, "Segments follow one another, and each is whole.", f"{_T81}, B.1.1")
FRAME = Code("jpeg.frame", Severity.ERROR, "A frame says its size and components, before any scan.", f"{_T81}, B.2.2")
TABLE = Code("jpeg.table", Severity.ERROR, "Tables have the sizes that what they say asks for.", f"{_T81}, B.2.4")
SCAN = Code("jpeg.scan", Severity.ERROR, "A scan is of components of its frame.", f"{_T81}, B.2.3")
RESTART = Code("jpeg.restart", Severity.ERROR, "Restart marks count from 0 to 7, again and again.", f"{_T81}, B.2.1")
END = Code("jpeg.end", Severity.ERROR, "An image goes on to the mark of its end.", f"{_T81}, B.2.1")
TRAILING = Code("jpeg.trailing", Severity.NOTE, "Nothing follows the end of an image.", f"{_T81}, B.2.1")

_BLOCK = 1 << 18
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# A mark within a scan: not a byte FF that is one (00 follows), nor one that fills up.
_MARK = re.compile(rb"\xff+([^\x00\xff])")


class Jpeg(Check):
    """An image's segments; its pixels are under no checksum.  The figures are the width and the height in pixels.

    At the cost of a header nothing behind the first scan's beginning.
    """

    name = "jpeg"
    version = "1"
    formats = frozenset({"jpeg"})
    codes = (START, SEGMENT, FRAME, TABLE, SCAN, RESTART, END, TRAILING)
    cost: ClassVar[Cost] = Cost.HEADER

    def look(self, subject: Subject, found: Found) -> None:
        """Look."""
        with seekable(subject, found) as file:
            if file is not None:
                _Reading(file, found, header=subject.cost is Cost.HEADER).look()


class _Reading:
    """One image, while it is looked at."""

    def __init__(self, file: BinaryIO, found: Found, *, header: bool) -> None:
        self._file, self._found, self._header, self._size = file, found, header, size_of(file)
        self._components: set[int] | None = None
        self._scans = 0

    def look(self) -> None:
        begin = read_at(self._file, 0, 2)
        if begin != b"\xff\xd8":
            self._found.add(START, "it does not begin as JPEG does", offset=0, seen=begin.hex(" "))
            return
        at: int | None = 2
        while at is not None:
            at = self._segment(at)

    def _segment(self, at: int) -> int | None:
        """One segment; where the next is, ``None`` behind the last."""
        mark = read_at(self._file, at, 2)
        while mark == b"\xff\xff":  # bytes that fill up
            at += 1
            mark = read_at(self._file, at, 2)
        if len(mark) < 2:
            self._found.add(END, "it ends before its end is marked: it was cut off", offset=at)
            return None
        if mark[0] != 0xFF or mark[1] == 0:
            self._found.add(SEGMENT, "no segment begins here", offset=at, seen=mark.hex(" "))
            return None
        kind = mark[1]
        if kind == 0xD9:
            self._end(at + 2)
            return None
        if kind == 0x01 or 0xD0 <= kind <= 0xD8:
            self._found.add(SEGMENT, "this mark does not stand between segments", offset=at, seen=mark.hex(" "))
            return None
        length = int.from_bytes(read_at(self._file, at + 2, 2), "big")
        data = read_at(self._file, at + 4, length - 2)
        if length < 2 or len(data) < length - 2:
            self._found.add(SEGMENT, "a segment is cut off", offset=at, seen=len(data) + 2, expected=max(2, length))
            return None
        return self._content(kind, data, at, at + 2 + length)

    def _content(self, kind: int, data: bytes, at: int, after: int) -> int | None:
        if kind in _FRAMES:
            self._frame(data, at)
        elif kind == 0xDB and not _fit(data, lambda head: 65 + 64 * (head[0] >> 4)):
            self._found.add(TABLE, "it is no table of quantities", offset=at)
        elif kind == 0xC4 and not _fit(data, lambda head: 17 + sum(head[1:17])):
            self._found.add(TABLE, "it is no table of codes", offset=at)
        elif kind == 0xDD and len(data) != 2:
            self._found.add(TABLE, "it is no interval of restarts", offset=at)
        elif kind == 0xDA:
            self._scans += 1
            self._scan_header(data, at)
            if self._header:
                self._found.partly()
                return None
            return self._scan(after)
        return after

    def _frame(self, data: bytes, at: int) -> None:
        count = data[5] if len(data) > 5 else 0
        height, width = int.from_bytes(data[1:3], "big"), int.from_bytes(data[3:5], "big")
        if self._components is not None:
            self._found.add(FRAME, "there is a second frame", offset=at)
        if len(data) != 6 + 3 * count or not count or not width:
            self._found.add(FRAME, "it has no width, or no components", offset=at, seen=data[:20].hex(" "))
        self._components = set(data[6 : 6 + 3 * count : 3])
        self._found.metric("jpeg.width", width, unit="{pixel}")
        self._found.metric("jpeg.height", height, unit="{pixel}")

    def _scan_header(self, data: bytes, at: int) -> None:
        count = data[0] if data else 0
        if self._components is None:
            self._found.add(FRAME, "a scan stands before any frame", offset=at)
        elif not 1 <= count <= 4 or len(data) != 4 + 2 * count:
            self._found.add(SCAN, "it says another number of components than it has", offset=at, seen=data.hex(" "))
        elif strange := set(data[1 : 1 + 2 * count : 2]) - self._components:
            self._found.add(SCAN, "a component is not the frame's", offset=at, seen=sorted(strange))

    def _scan(self, at: int) -> int | None:
        """Pass over what is coded; where the mark behind it stands, ``None`` when there is none."""
        expected = 0
        while True:
            block = read_at(self._file, at, _BLOCK)
            for mark in _MARK.finditer(block):
                kind = mark[1][0]
                if not 0xD0 <= kind <= 0xD7:
                    return at + mark.start()
                if kind != 0xD0 + expected:
                    self._found.add(RESTART, "a restart mark is missing, or comes twice", offset=at + mark.start(),
                                    seen=kind - 0xD0, expected=expected)  # fmt: skip
                expected = (kind - 0xD0 + 1) % 8
            if len(block) < _BLOCK:
                self._found.add(END, "a scan is cut off", offset=at + len(block))
                return None
            # A mark may lie across the edge: its first byte is read again.
            at += len(block) - (1 if block.endswith(b"\xff") else 0)

    def _end(self, at: int) -> None:
        if not self._scans:
            self._found.add(SCAN, "there is no scan: an image without pixels", offset=at)
        if at < self._size:
            what = f"{self._size - at:,} bytes follow the end, a preview or another picture maybe"
            self._found.add(TRAILING, what, offset=at, seen=self._size - at)


def _fit(data: bytes, length: Callable[[bytes], int]) -> bool:
    """Whether data are tables one after the other, each as long as its beginning says."""
    place = 0
    while place < len(data):
        place += length(data[place : place + 17])
    return place == len(data) and bool(data)


CHECKS = (Jpeg,)
