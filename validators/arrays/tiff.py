"""TIFF and BigTIFF: the chain of image directories, their tags, and where strips and tiles lie."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..check import Cost
from ..findings import Code, Severity
from .base import ArrayCheck
from .held import BLOCK, broken, telling
from .tifftags import KINDS, KNOWN, Layout
from .values import VALUE_CODES, Figures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..found import Found
    from ..subjects import Subject
    from .held import Held

__all__ = ["CHECKS", "Directory", "TIFF_CODES", "Tiff", "directories", "header"]

_SOURCE = "TIFF 6.0"
HEADER = Code(
    "tiff.header",
    Severity.ERROR,
    "A file begins with its byte order, 42 or 43, and its first directory.",
    f"{_SOURCE}, 2",
)
CHAIN = Code("tiff.directory", Severity.ERROR, "Directories follow one another, and none leads back.", f"{_SOURCE}, 2")
ORDER = Code("tiff.tag_order", Severity.WARNING, "Tags are in ascending order, each once.", f"{_SOURCE}, 2")
TAG = Code(
    "tiff.tag", Severity.ERROR, "A tag has a type, and as many values, as the specification says.", f"{_SOURCE}, 8"
)
MISSING = Code(
    "tiff.tag_missing", Severity.ERROR, "Tags without which an image cannot be read are there.", f"{_SOURCE}, 4 to 6"
)
SEGMENT = Code(
    "tiff.segment",
    Severity.ERROR,
    "Strips and tiles lie within the file, behind the header, and are as many as the image has.",
    f"{_SOURCE}, 3 and 15",
)
LENGTH = Code(
    "tiff.segment_length",
    Severity.ERROR,
    "A strip or tile that is not packed has the bytes of its pixels.",
    f"{_SOURCE}, 3 and 15",
)
PACKED = Code(
    "tiff.segment_damaged",
    Severity.ERROR,
    "A strip or tile that is packed unpacks to its pixels.",
    f"{_SOURCE}, 9 to 14",
)
TRUNCATED = Code("tiff.truncated", Severity.ERROR, "What a directory points to is in the file.", _SOURCE)

TIFF_CODES = (HEADER, CHAIN, ORDER, TAG, MISSING, SEGMENT, LENGTH, PACKED, TRUNCATED, *VALUE_CODES)
"""The rules that are applied."""

_NUMBERS = {
    (1, 8): "u1",
    (1, 16): "u2",
    (1, 32): "u4",
    (1, 64): "u8",
    (2, 8): "i1",
    (2, 16): "i2",
    (2, 32): "i4",
    (2, 64): "i8",
    (3, 16): "f2",
    (3, 32): "f4",
    (3, 64): "f8",
}


@dataclass
class Directory:
    """One image: its number, where its directory lies, and its tags, each with where it stands and its values."""

    number: int
    offset: int
    tags: dict[int, tuple[int, tuple[Any, ...] | bytes]]

    @property
    def name(self) -> str:
        """What findings call it."""
        return f"IFD {self.number}"

    def one(self, tag: int, default: int | None = None) -> int:
        """The only value of a tag, which has to be there unless there is a default."""
        place, values = self.tags.get(tag, (self.offset, () if default is None else (default,)))
        if not values or not isinstance(values[0], int):
            broken(MISSING, f"{KNOWN.get(tag, tag)} is missing", member=self.name, offset=place, column=KNOWN.get(tag))
        return values[0]

    def all(self, tag: int) -> tuple[int, ...]:
        """Every value of a tag."""
        values = self.tags.get(tag, (0, ()))[1]
        return tuple(values)


class Tiff(ArrayCheck):
    """The header, the chain, tags, places and lengths, and what is stored as it is or deflated."""

    name = "tiff"
    formats = frozenset({"tiff"})
    codes: ClassVar[tuple[Code, ...]] = TIFF_CODES
    truncated = TRUNCATED

    def read(self, file: Held, subject: Subject, found: Found) -> None:
        """Read it."""
        layout, place = header(file)
        for directory in directories(file, layout, place, found, most=subject.limits.members):
            with telling(found, member=directory.name):
                self._image(file, layout, directory, subject, found)

    def _image(self, file: Held, layout: Layout, image: Directory, subject: Subject, found: Found) -> None:
        offsets, counts, shape, last = _segments(image)
        place = image.tags[273 if 273 in image.tags else 324][0]
        starts, sizes = np.array(offsets, np.uint64), np.array(counts, np.uint64)
        outside = (sizes > file.size) | (starts > file.size) | (starts + sizes > file.size)
        outside |= (starts < layout.header) & (sizes > 0)
        if file.whole:
            for index in np.flatnonzero(outside)[:100].tolist():
                found.add(
                    SEGMENT,
                    f"strip or tile {index} does not lie in the file",
                    member=image.name,
                    offset=place,
                    row=index,
                    seen=f"{offsets[index]} + {counts[index]}",
                    expected=f"up to {file.size}",
                )
        if subject.cost is Cost.HEADER or outside.any():
            found.partly()
            return
        bits = set(image.all(258)) or {1}
        chunky = image.one(284, 1) == 1
        samples = image.one(277, 1) if chunky else 1
        row = -(-shape[1] * samples * max(bits) // 8)
        expected = [row * shape[0]] * len(offsets)
        for index in last:
            expected[index] = row * last[index]
        name = _NUMBERS.get((image.one(339, 1), next(iter(bits))))
        # A predictor stores differences, and colours at less than full resolution are fewer: neither are values.
        plain = len(bits) == 1 and name is not None and image.one(317, 1) == 1 and image.one(262, 1) != 6
        kind = np.dtype(name).newbyteorder(layout.order) if plain and name is not None else None  # type: ignore[arg-type]
        figures = Figures(found, self.values, member=image.name)
        for index, (start, size) in enumerate(zip(offsets, counts, strict=True)):
            if size == 0 and start == 0:
                continue  # sparse: it was never written
            with telling(found, member=image.name, row=index, offset=start):
                _content(file, image, start, size, expected[index], kind, figures, subject, found)
        if figures.values:
            figures.tell()


def _content(
    file: Held,
    image: Directory,
    start: int,
    size: int,
    expected: int,
    kind: Any,
    figures: Figures,
    subject: Subject,
    found: Found,
) -> None:
    packing = image.one(259, 1)
    if expected > subject.limits.memory:
        found.partly()
        return
    if packing == 1:
        if image.one(262, 1) != 6 and size != expected:
            broken(LENGTH, "a strip or tile has not the bytes of its pixels", seen=size, expected=expected)
        blocks: Any = file.blocks(start, size, size=BLOCK)
        if kind is None:
            return
    elif packing in (8, 32946):
        blocks = [_inflated(file.take(start, size), expected)]
    else:
        found.partly()  # structure alone is looked at
        return
    for block in blocks:
        if kind is not None:
            figures.add(np.frombuffer(block, kind, len(block) // kind.itemsize))


def _inflated(data: bytes, expected: int) -> bytes:
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(data, expected + 1)
        # The end of the stream, with its checksum, may not have been met yet.
        more = b"" if stream.eof else stream.decompress(stream.unconsumed_tail, 1)
    except zlib.error as error:
        broken(PACKED, f"a strip or tile does not unpack: {error}")
    if len(content) != expected or more or not stream.eof:
        broken(PACKED, "a strip or tile does not unpack to its pixels", seen=len(content), expected=expected)
    return content


def _segments(image: Directory) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, int], dict[int, int]]:
    """Where strips or tiles lie, their bytes, the rows and columns of each, and the rows of those that have fewer."""
    width, height = image.one(256), image.one(257)
    if width < 1 or height < 1:
        broken(TAG, "an image has no pixels", member=image.name, offset=image.offset, seen=f"{width} × {height}")
    planes = image.one(277, 1) if image.one(284, 1) == 2 else 1
    last: dict[int, int] = {}
    if 322 in image.tags or 324 in image.tags:
        columns, lines = image.one(322), image.one(323)
        offsets, counts = image.all(324), image.all(325)
        if columns < 1 or lines < 1:
            broken(TAG, "tiles have no size", member=image.name, offset=image.offset, seen=f"{columns} × {lines}")
        expected = -(-width // columns) * -(-height // lines) * planes
    else:
        columns, lines = width, min(image.one(278, 2**32 - 1), height)
        offsets, counts = image.all(273), image.all(279)
        if lines < 1:
            broken(TAG, "strips have no rows", member=image.name, offset=image.offset, seen=lines)
        each = -(-height // lines)
        expected = each * planes
        if expected == len(offsets):
            last = {each * (plane + 1) - 1: height - (each - 1) * lines for plane in range(planes)}
    if not expected == len(offsets) == len(counts):
        place = next((image.tags[tag][0] for tag in (273, 324) if tag in image.tags), image.offset)
        broken(
            SEGMENT,
            "there are not as many strips or tiles as the image has",
            member=image.name,
            offset=place,
            seen=f"{len(offsets)} places, {len(counts)} lengths",
            expected=expected,
        )
    return offsets, counts, (lines, columns), last


def header(file: Held) -> tuple[Layout, int]:
    """The layout, and where the first directory lies."""
    mark = file.take(0, 4, "the header")
    layout = Layout.of(mark)
    if layout is None:
        broken(HEADER, "it does not begin as a TIFF does", offset=0, seen=mark.hex(" "))
    if layout.big:
        size, zero, place = file.numbers(layout.order + "HHQ", 4, "the header")
        if (size, zero) != (8, 0):
            broken(HEADER, "places of BigTIFF have 8 bytes", offset=4, seen=f"{size}, {zero}", expected="8, 0")
    else:
        (place,) = file.numbers(layout.order + "I", 4, "the header")
    if place < layout.header:
        broken(HEADER, "the first directory lies in the header", offset=4, seen=place)
    return layout, int(place)


def directories(
    file: Held, layout: Layout, place: int, found: Found, *, most: int, below: bool = True
) -> Iterator[Directory]:
    """Every directory of the chain, and unless told otherwise those below it, as far as they can be read."""
    seen: set[int] = set()
    number = 0
    waiting = [(place, 8 if layout.big else 4)]
    while waiting:
        place, told = waiting.pop()
        if place in seen or place < layout.header or number >= most:
            found.add(CHAIN, "the chain leads back, into the header, or on for ever", offset=told, seen=place)
            continue
        seen.add(place)
        directory = None
        with telling(found, member=f"IFD {number}"):
            directory, after, where = _directory(file, layout, number, place, found)
            waiting += [(after, where)] if after else []
            waiting += [(each, place) for each in directory.all(330)[:most]] if below else []
        if directory is not None:
            yield directory
        number += 1


def _directory(file: Held, layout: Layout, number: int, place: int, found: Found) -> tuple[Directory, int, int]:
    (count,) = file.numbers(layout.order + ("Q" if layout.big else "H"), place, "a directory")
    start = place + (8 if layout.big else 2)
    if not count:
        broken(CHAIN, "a directory has no tags", offset=place, seen=0)
    raw = file.take(start, count * layout.entry, "a directory", expected=count)
    after = start + count * layout.entry
    (following,) = file.numbers(layout.order + layout.word, after, "the place of the next directory")
    directory = Directory(number, place, {})
    before = -1
    for at in range(0, len(raw), layout.entry):
        tag, kind, many = struct.unpack_from(layout.order + "HH" + layout.word, raw, at)
        if tag <= before:
            found.add(
                ORDER,
                "tags are not in ascending order",
                member=directory.name,
                offset=start + at,
                seen=tag,
                column=KNOWN.get(tag),
            )
        before = tag
        with telling(found, member=directory.name, offset=start + at, column=KNOWN.get(tag, str(tag))):
            values = _values(file, layout, raw[at + layout.entry - layout.size :][: layout.size], tag, kind, many)
            directory.tags.setdefault(tag, (start + at, values))
    return directory, int(following), after


def _values(file: Held, layout: Layout, inline: bytes, tag: int, kind: int, many: int) -> Any:
    if kind not in KINDS:
        broken(TAG, "a tag has no such type", seen=kind)
    letter, size = KINDS[kind]
    if tag in KNOWN and not layout.allows(tag, kind, many):
        broken(TAG, f"{KNOWN[tag]} cannot be {many} of type {kind}", seen=f"{many} of type {kind}")
    length = many * size
    if length <= layout.size:
        data = inline[:length]
    else:
        (place,) = struct.unpack(layout.order + layout.word, inline)
        if place < layout.header:
            broken(TAG, "values lie in the header", seen=place)
        file.need(place, length, "a tag's values")
        data = file.take(place, length) if letter or length < 1 << 24 else b""
    return data if not letter else struct.unpack(f"{layout.order}{many * (2 if kind in (5, 10) else 1)}{letter}", data)


CHECKS = (Tiff,)
