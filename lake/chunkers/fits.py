"""FITS: the images of astronomy, in the primary unit and its extensions.

A unit is a header of 80-character cards in blocks of 2880 bytes, then its data, padded to 2880.  Numbers are
big-endian. FITS Standard 4.0, https://fits.gsfc.nasa.gov/fits_standard.html, sections 3 and 4.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .base import Layout
from .typed import region_of

if TYPE_CHECKING:
    from .base import Region, Source

__all__ = ["fits"]

_BLOCK, _CARD = 2880, 80
_TYPES = {8: "|u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
# Bounds on what a file may make us read.
_UNITS, _HEADER_BLOCKS = 1000, 100


def fits(source: Source) -> Layout | None:
    """Images; tables, and images compressed into tables, are bytes."""
    if not source.head.startswith(b"SIMPLE  ="):
        return None
    regions: list[Region] = []
    images: list[tuple[int, tuple[int, ...], str]] = []
    at = 0
    for _ in range(_UNITS):
        cards, begin = _header(source, at)
        if cards is None:
            break
        dtype = _TYPES[int(cards[b"BITPIX"])]
        axes = [int(cards[b"NAXIS%d" % axis]) for axis in range(1, int(cards[b"NAXIS"]) + 1)]
        if any(extent < 0 for extent in axes):
            return None
        count = math.prod(axes) if axes else 0
        groups, parameters = int(cards.get(b"GCOUNT", b"1")), int(cards.get(b"PCOUNT", b"0"))
        length = int(dtype[2:]) * groups * (parameters + count)
        if length < 0 or begin + length > source.size:
            return None
        image = cards.get(b"XTENSION", b"'IMAGE").startswith(b"'IMAGE") and (groups, parameters) == (1, 0)
        if image and count:
            images.append((begin, tuple(reversed(axes)), dtype))
            if region := region_of(begin, images[-1][1], dtype, target=source.target):
                regions.append(region)
        at = begin + -(-length // _BLOCK) * _BLOCK
    if not images:
        return None
    if len(images) > 1:
        return Layout("fits", tuple(regions))
    offset, shape, dtype = images[0]
    return Layout("fits", tuple(regions), dtype=dtype, shape=shape, data_offset=offset)


def _header(source: Source, begin: int) -> tuple[dict[bytes, bytes] | None, int]:
    """The cards of the unit that begins at ``begin``, and where its data begin; no cards where there is no unit."""
    cards: dict[bytes, bytes] = {}
    for at in range(begin, begin + _HEADER_BLOCKS * _BLOCK, _BLOCK):
        block = source.head[at : at + _BLOCK]
        if len(block) < _BLOCK:
            block = source.read(at, _BLOCK)
        if len(block) < _BLOCK or (at == begin and not block.startswith((b"SIMPLE  =", b"XTENSION="))):
            break
        for card in range(0, _BLOCK, _CARD):
            key = block[card : card + 8].rstrip()
            if key == b"END":
                return cards, at + _BLOCK
            if block[card + 8 : card + 10] == b"= ":
                cards.setdefault(key, block[card + 10 : card + _CARD].partition(b"/")[0].strip())
    return None, begin
