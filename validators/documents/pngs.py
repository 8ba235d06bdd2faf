"""PNG images: every chunk and its checksum, what stands before what, and all of the pixels."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from ..check import Check, Cost
from ..findings import Code, Severity
from ..streams.seekable import read_at, seekable, size_of

if TYPE_CHECKING:
    from ..found import Found
    from ..subjects import Subject

__all__ = ["CHECKS", "Png"]

_PNG = "PNG, third edition"

SIGNATURE = Code("png.signature", Severity.ERROR, "A file begins with the eight bytes of PNG.", f"{_PNG}, 5.2")
CHUNK = Code("png.chunk", Severity.ERROR, "Chunks are whole, and their types letters.", f"{_PNG}, 5.3")
CRC = Code("png.crc", Severity.ERROR, "Every chunk has the checksum it says.", f"{_PNG}, 5.5")
HEADER = Code("png.header", Severity.ERROR, "The header has a size and a kind that there are.", f"{_PNG}, 11.2.1")
ORDER = Code("png.order", Severity.ERROR, "Chunks come in their order, single ones once.", f"{_PNG}, 5.6")
UNKNOWN = Code("png.critical", Severity.ERROR, "Every chunk that must be understood is known.", f"{_PNG}, 5.4")
PALETTE = Code("png.palette", Severity.ERROR, "A palette has 1 to 256 colours, where one is due.", f"{_PNG}, 11.2.2")
PIXELS = Code("png.pixels", Severity.ERROR, "The pixels are whole, and as many as there should be.", f"{_PNG}, 10.1")
FILTER = Code("png.filter", Severity.ERROR, "Every row has a filter that is known.", f"{_PNG}, 9.2")
END = Code("png.end", Severity.ERROR, "An empty chunk IEND is the last.", f"{_PNG}, 11.2.5")
TRAILING = Code("png.trailing", Severity.WARNING, "Nothing follows IEND.", f"{_PNG}, 13.2")
BOMB = Code("png.bomb", Severity.ERROR, "An image is no larger than the limits allow; raise them if it may be.")

_MARK = b"\x89PNG\r\n\x1a\n"
_BLOCK = 1 << 18
# Channels and depths of each kind of colour (table 11.1).
_KINDS = {0: (1, {1, 2, 4, 8, 16}), 2: (3, {8, 16}), 3: (1, {1, 2, 4, 8}), 4: (2, {8, 16}), 6: (4, {8, 16})}
# Where the passes of Adam7 begin, and their steps: columns and rows.
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
_ONCE = {b"IHDR", b"PLTE", b"IEND", b"acTL", b"bKGD", b"cHRM", b"cICP", b"eXIf", b"gAMA", b"hIST", b"iCCP", b"mDCV",
         b"cLLI", b"pHYs", b"sBIT", b"sRGB", b"tIME", b"tRNS"}  # fmt: skip
_BEFORE_PALETTE = {b"cHRM", b"cICP", b"gAMA", b"iCCP", b"mDCV", b"cLLI", b"sBIT", b"sRGB"}
_BEFORE_DATA = _BEFORE_PALETTE | {b"PLTE", b"acTL", b"bKGD", b"hIST", b"pHYs", b"sPLT", b"tRNS"}


class Png(Check):
    """An image to its last byte: at the cost of a header or a sample its chunks, in full its pixels' data as well.

    The figures are the width and the height in pixels.
    """

    name = "png"
    version = "1"
    formats = frozenset({"png"})
    codes = (SIGNATURE, CHUNK, CRC, HEADER, ORDER, UNKNOWN, PALETTE, PIXELS, FILTER, END, TRAILING, BOMB)
    cost: ClassVar[Cost] = Cost.HEADER

    def look(self, subject: Subject, found: Found) -> None:
        """Look."""
        with seekable(subject, found) as file:
            if file is None:
                return
            begin = read_at(file, 0, 8)
            if begin != _MARK:
                found.add(SIGNATURE, "it does not begin as PNG does", offset=0, seen=begin.hex(" "))
                return
            _Reading(file, subject, found).chunks()


class _Reading:
    """One image, while it is looked at."""

    def __init__(self, file: BinaryIO, subject: Subject, found: Found) -> None:
        self._file, self._found, self._limits = file, found, subject.limits
        self._full, self._size = subject.cost is Cost.FULL, size_of(file)
        self._seen: set[bytes] = set()
        self._last = b""
        self._pixels: _Pixels | None = None
        self._colour = -1

    def chunks(self) -> None:
        at = 8
        while at < self._size:
            head = read_at(self._file, at, 8)
            length = int.from_bytes(head[:4], "big")
            kind = head[4:]
            if len(head) < 8 or not kind.isalpha() or not kind.isascii() or length >= 1 << 31:
                self._found.add(CHUNK, "no chunk begins here", offset=at, seen=head.hex(" "))
                return
            if at + 12 + length > self._size:
                left = self._size - at - 12
                self._found.add(
                    CHUNK, "a chunk is cut off", offset=at, record=kind.decode(), seen=left, expected=length
                )
                return
            self._order(kind, at)
            self._content(kind, at, length)
            self._seen.add(kind)
            self._last = kind
            if kind == b"IEND":
                self._end(at, length)
                return
            at += 12 + length
        self._found.add(END, "there is no IEND: the file was cut off", offset=at)

    def _order(self, kind: bytes, at: int) -> None:
        wrong = None
        if (kind == b"IHDR") == bool(self._seen):
            wrong = "IHDR is the first, and no other"
        elif kind in _ONCE and kind in self._seen:
            wrong = "it is there a second time"
        elif kind in _BEFORE_DATA and b"IDAT" in self._seen:
            wrong = "it stands behind the pixels"
        elif kind in _BEFORE_PALETTE and b"PLTE" in self._seen:
            wrong = "it stands behind the palette"
        elif kind == b"IDAT" and b"IDAT" in self._seen and self._last != b"IDAT":
            wrong = "another chunk stands between the pixels"
        if wrong is not None:
            self._found.add(ORDER, f"{kind.decode()}: {wrong}", offset=at, record=kind.decode())
        if kind not in _CRITICAL and kind[:1].isupper():
            self._found.add(UNKNOWN, "a chunk has to be understood, and is unknown", offset=at, record=kind.decode())

    def _content(self, kind: bytes, at: int, length: int) -> None:
        crc, left = zlib.crc32(kind), length
        data = read_at(self._file, at + 8, min(left, _BLOCK))
        if kind == b"IHDR" and not self._seen:
            self._header(data, length, at)
        elif kind == b"PLTE" and (length % 3 or not 3 <= length <= 768 or self._colour in (0, 4)):
            self._found.add(PALETTE, "it is no palette for this image", offset=at, seen=length)
        elif kind == b"IDAT" and self._colour == 3 and b"PLTE" not in self._seen and b"IDAT" not in self._seen:
            self._found.add(PALETTE, "the pixels are of a palette, and there is none", offset=at)
        while data:
            crc = zlib.crc32(data, crc)
            if kind == b"IDAT" and self._pixels is not None:
                self._pixels.add(data, at)
            left -= len(data)
            data = self._file.read(min(left, _BLOCK))
        said = int.from_bytes(read_at(self._file, at + 8 + length, 4), "big")
        if said != crc:
            self._found.add(CRC, "a chunk's checksum is wrong", offset=at, record=kind.decode(), seen=f"{said:08x}",
                            expected=f"{crc:08x}")  # fmt: skip

    def _header(self, data: bytes, length: int, at: int) -> None:
        if length != 13:
            self._found.add(HEADER, "it has another size", offset=at, seen=length, expected=13)
            return
        width, height, depth, colour, packing, filtering, interlace = struct.unpack(">2L5B", data)
        self._found.metric("png.width", width, unit="{pixel}")
        self._found.metric("png.height", height, unit="{pixel}")
        channels, depths = _KINDS.get(colour, (0, set[int]()))
        wrong = [
            what
            for what, fits in (
                (f"a width of {width}", 0 < width < 1 << 31),
                (f"a height of {height}", 0 < height < 1 << 31),
                (f"colours of kind {colour} with {depth} bits", depth in depths),
                (f"packing {packing}", packing == 0),
                (f"filtering {filtering}", filtering == 0),
                (f"interlacing {interlace}", interlace in (0, 1)),
            )
            if not fits
        ]
        if wrong:
            self._found.add(HEADER, f"there is no image with {', '.join(wrong)}", offset=at, seen=data.hex(" "))
            return
        self._colour = colour
        rows = _rows(width, height, depth * channels, interlaced=bool(interlace))
        size = sum(length * count for length, count in rows)
        if size > self._limits.unpacked or size > max(self._limits.unpacked_free, self._limits.ratio * 6 * self._size):
            self._found.add(BOMB, f"it says that it has {size:,} bytes of pixels", offset=at, seen=f"{width}x{height}")
            self._found.partly()
        elif self._full:
            self._pixels = _Pixels(rows, self._found)

    def _end(self, at: int, length: int) -> None:
        if length:
            self._found.add(END, "IEND is not empty", offset=at, seen=length)
        if b"IDAT" not in self._seen:
            self._found.add(PIXELS, "there are no pixels", offset=at)
        elif self._pixels is not None:
            self._pixels.end(at)
        more = self._size - at - 12 - length
        if more:
            self._found.add(TRAILING, f"{more:,} bytes follow IEND", offset=self._size - more, seen=more)


def _rows(width: int, height: int, bits: int, *, interlaced: bool) -> list[tuple[int, int]]:
    """The bytes of rows, with their filter, and how many there are, for each pass."""
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    sizes = [(-(-(width - x) // across), -(-(height - y) // down)) for x, y, across, down in passes]
    return [(1 + (columns * bits + 7) // 8, rows) for columns, rows in sizes if columns > 0 and rows > 0]


class _Pixels:
    """The pixels' data, unpacked a piece at a time; only the filter of each row is looked at."""

    def __init__(self, rows: list[tuple[int, int]], found: Found) -> None:
        self._found, self._stream = found, zlib.decompressobj()
        self._passes = rows
        self._need = sum(length * count for length, count in rows)
        self._given = 0
        self._broken = False
        # Where the next row begins, of which length, and how many of those there are.
        self._next, self._queue = 0, [*reversed(rows)]

    def add(self, data: bytes, at: int) -> None:
        if self._broken:
            return
        stream: Any = self._stream
        try:
            while data and not stream.eof:
                block = stream.decompress(data, _BLOCK)
                data = stream.unconsumed_tail
                self._filters(block, at)
                self._given += len(block)
                if self._given > self._need:
                    self._wrong("there are more pixels than the image has", at)
                    return
        except zlib.error as error:
            self._wrong(f"the pixels do not unpack: {error}", at)
            return
        if stream.eof and (data or stream.unused_data):
            self._wrong("something follows the pixels in their chunks", at)

    def end(self, at: int) -> None:
        if self._broken:
            return
        if not self._stream.eof:
            rest = self._stream.flush()
            self._given += len(rest)
        if self._given < self._need:
            self._found.add(PIXELS, "pixels are missing", offset=at, seen=self._given, expected=self._need)
        elif not self._stream.eof:
            self._found.add(PIXELS, "the pixels have no checksum at their end", offset=at)

    def _wrong(self, what: str, at: int) -> None:
        self._broken = True
        self._found.add(PIXELS, what, offset=at)

    def _filters(self, block: bytes, at: int) -> None:
        while self._queue and self._next < self._given + len(block):
            length, count = self._queue[-1]
            first = self._next - self._given
            here = min(count, -(-(len(block) - first) // length))
            filters = block[first : first + here * length : length]
            bad = filters.translate(None, b"\0\1\2\3\4")
            if bad:
                self._found.add(FILTER, "a row has a filter that is unknown", offset=at, seen=bad[0])
            self._next += here * length
            if here == count:
                self._queue.pop()
            else:
                self._queue[-1] = (length, count - here)


CHECKS = (Png,)
