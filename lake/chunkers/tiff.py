"""TIFF and BigTIFF: the images of microscopes, uncompressed, one page or many.

A file is a chain of directories, one for each page, which say where its strips are; pages that follow each other
without a gap are one stack.  ImageJ writes one directory for a whole stack and says how many pages there are in its
description.  Tiles, and strips with gaps between them, are left to the trial.
TIFF 6.0, https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf, and BigTIFF, https://bigtiff.org.
"""

from __future__ import annotations

import re
import struct
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from .base import Layout
from .typed import region_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .base import Source

__all__ = ["tiff"]

# Bounds on what a file may make us read.
_PAGES, _TAGS, _VALUES = 1 << 16, 1 << 12, 1 << 20
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _ABOUT = 256, 257, 258, 259, 270
_OFFSETS, _SAMPLES, _COUNTS, _PLANAR, _FORMAT = 273, 277, 279, 284, 339
_WANTED = frozenset((_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _ABOUT, _OFFSETS, _SAMPLES, _COUNTS, _PLANAR, _FORMAT))
# How values of a type are unpacked: BYTE, ASCII, SHORT, LONG and LONG8.
_TYPES = {1: "B", 2: "c", 3: "H", 4: "I", 16: "Q"}
# By SampleFormat, the kind of number and the sizes in bits that there are.
_KINDS = {
    1: ("u", {8, 16, 32, 64}),
    2: ("i", {8, 16, 32, 64}),
    3: ("f", {16, 32, 64}),
    4: ("u", {8, 16, 32, 64}),
    6: ("c", {64, 128}),
}
_IMAGEJ = re.compile(rb"ImageJ=.*^images=([0-9]+)", re.DOTALL | re.MULTILINE)

Values = tuple[int, ...] | bytes


class _Page(NamedTuple):
    offset: int
    dtype: str
    shape: tuple[int, ...]

    @property
    def end(self) -> int:
        size = int(self.dtype[2:])
        for extent in self.shape:
            size *= extent
        return self.offset + size


def tiff(source: Source) -> Layout | None:
    """Pages whose strips follow each other, uncompressed."""
    head = source.head
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 16:
        return None
    version = struct.unpack_from(f"{order}H", head, 2)[0]
    if version not in (42, 43):
        return None
    directories = list(_directories(source, order, big=version == 43))
    if not directories:
        return None
    pages = [_page(directory, order) for directory in directories]
    found = [page for page in pages if page is not None]
    if len(directories) == 1 and found:
        found = [_stack(found[0], directories[0].get(_ABOUT, b""))]
    if any(page.end > source.size for page in found):
        return None
    stacks = list(_stacks(sorted(found)))
    regions = [region_of(stack.offset, stack.shape, stack.dtype, target=source.target) for stack in stacks]
    whole = tuple(region for region in regions if region is not None)
    if len(stacks) != 1 or len(found) < len(pages):
        return Layout("tiff", whole)
    (only,) = stacks
    return Layout("tiff", whole, dtype=only.dtype, shape=only.shape, data_offset=only.offset)


def _directories(source: Source, order: str, *, big: bool) -> Iterator[dict[int, Values]]:
    """The wanted tags of each page."""
    count_as, entry, number = ("Q", 20, "Q") if big else ("H", 12, "I")
    at = struct.unpack_from(f"{order}{number}", source.head, 8 if big else 4)[0]
    seen: set[int] = set()
    while at and at not in seen and len(seen) < _PAGES:
        seen.add(at)
        width = struct.calcsize(count_as)
        count = struct.unpack(f"{order}{count_as}", _bytes(source, at, width))[0]
        if count > _TAGS:
            raise ValueError("a directory with too many tags")
        table = _bytes(source, at + width, count * entry + struct.calcsize(number))
        tags: dict[int, Values] = {}
        for row in range(0, count * entry, entry):
            tag, kind, values = struct.unpack_from(f"{order}HH{number}", table, row)
            if tag in _WANTED and kind in _TYPES:
                inside = row + entry - struct.calcsize(number)
                tags[tag] = _values(source, order, _TYPES[kind], values, table, inside, number)
        yield tags
        at = struct.unpack_from(f"{order}{number}", table, count * entry)[0]


def _values(source: Source, order: str, kind: str, count: int, table: bytes, inside: int, number: str) -> Values:
    """The values of a tag: in its entry where they fit, else elsewhere in the file."""
    size = count * struct.calcsize(kind)
    if size > _VALUES * 8:
        raise ValueError("a tag with too many values")
    if size <= struct.calcsize(number):
        data = table[inside : inside + size]
    else:
        data = _bytes(source, struct.unpack_from(f"{order}{number}", table, inside)[0], size)
    return data if kind == "c" else struct.unpack(f"{order}{count}{kind}", data)


def _bytes(source: Source, offset: int, length: int) -> bytes:
    """Some bytes of the file; ``ValueError`` where it has fewer."""
    data = source.head[offset : offset + length]
    if len(data) < length:
        if offset + length > source.size:
            raise ValueError("the file ends early")
        data = source.read(offset, length)
    return data


def _page(tags: dict[int, Values], order: str) -> _Page | None:
    """Where a page's numbers are; ``None`` when they are compressed, or not in one piece."""
    if tags.get(_COMPRESSION, (1,))[0] != 1 or not tags.keys() >= {_WIDTH, _HEIGHT, _OFFSETS, _COUNTS}:
        return None
    bits, formats = set(tags.get(_BITS, (1,))), set(tags.get(_FORMAT, (1,)))
    width, height, samples = (int(tags.get(tag, (1,))[0]) for tag in (_WIDTH, _HEIGHT, _SAMPLES))
    offsets, counts = tags[_OFFSETS], tags[_COUNTS]
    if len(bits) > 1 or len(formats) > 1:  # samples of one pixel that are not alike
        return None
    kind, sizes = _KINDS[int(formats.pop())]
    if not bits <= sizes:
        return None
    strips = list(zip(offsets, counts, strict=True))
    if not strips or any(at + size != following for (at, size), (following, _) in pairwise(strips)):
        return None
    itemsize = bits.pop() // 8
    dtype = f"{order if itemsize > 1 else '|'}{kind}{itemsize}"
    planar = tags.get(_PLANAR, (1,))[0] == 2
    shape = (height, width) if samples == 1 else (samples, height, width) if planar else (height, width, samples)
    page = _Page(int(offsets[0]), dtype, shape)
    return page if page.end == page.offset + sum(counts) and min(shape) > 0 else None


def _stack(page: _Page, about: Values) -> _Page:
    """A page that is the first of as many as ImageJ says of it."""
    said = _IMAGEJ.match(bytes(about))
    images = int(said[1]) if said else 1
    return page._replace(shape=(images, *page.shape)) if images > 1 else page


def _stacks(pages: list[_Page]) -> Iterator[_Page]:
    """Pages of one kind that follow each other without a gap, put together."""
    at = 0
    while at < len(pages):
        first, last = pages[at], at
        while last + 1 < len(pages) and pages[last + 1] == pages[last]._replace(offset=pages[last].end):
            last += 1
        yield first if last == at else first._replace(shape=(last - at + 1, *first.shape))
        at = last + 1
