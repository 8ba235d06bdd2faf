"""The last four columns of BED: a colour, and the blocks that an interval is made of, as the exons of a gene."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from ..findings import Code, Severity
from .columns import Rows, tell

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..found import Found

__all__ = ["BLOCKS", "COLOR", "blocks", "colors"]

COLOR = Code("bed.color", Severity.ERROR, "A colour is three numbers to 255, or 0.", "GA4GH BED v1.0")
BLOCKS = Code(
    "bed.blocks", Severity.ERROR,
    "Blocks are as many as is said, follow one another, and reach from the interval's beginning to its end.",
    "GA4GH BED v1.0",
)  # fmt: skip

_COLOR = re.compile(rb"(\d{1,3}),(\d{1,3}),(\d{1,3})|0|\.")
_LIST = re.compile(rb"\d{1,18}(?:,\d{1,18})*,?")
_BRIGHTEST = 255


def colors(rows: Rows, found: Found) -> None:
    """The ninth column; a dot stands for none in much that is written."""
    known: dict[bytes, bool] = {}
    wrong = np.zeros(len(rows), bool)
    for row, text in enumerate(rows.cells(8)):
        good = known.get(text)
        if good is None:
            said = _COLOR.fullmatch(text)
            good = said is not None and all(int(each or b"0") <= _BRIGHTEST for each in said.groups())
            if len(known) < 10_000:
                known[text] = good
        wrong[row] = not good
    tell(found, COLOR, rows, wrong, "it is no colour", column=("itemRgb", 8), expected="as 255,0,0")


def blocks(rows: Rows, sizes: npt.NDArray[np.int64], found: Found) -> None:
    """The last three columns; ``sizes``: of the intervals."""
    reasons: dict[int, str] = {}
    columns = zip(rows.cells(9), rows.cells(10), rows.cells(11), sizes.tolist(), strict=True)
    for row, (count, widths, places, size) in enumerate(columns):
        reason = _wrong(count, widths, places, size)
        if reason is not None:
            reasons[row] = reason
    for told, (row, reason) in enumerate(reasons.items()):
        if not found.room(BLOCKS):
            found.count(BLOCKS, len(reasons) - told)
            break
        one = np.zeros(len(rows), bool)
        one[row] = True
        tell(found, BLOCKS, rows, one, reason, column=("blockCount", 9), seen=lambda row: _shown(rows, row))


def _shown(rows: Rows, row: int) -> bytes:
    return b" ".join(rows.cell(row, column) for column in (9, 10, 11))


def _wrong(count: bytes, widths: bytes, places: bytes, size: int) -> str | None:
    """What is wrong with the blocks of an interval of this size."""
    if not count.isdigit() or len(count) > 9 or not int(count):
        return "the number of its blocks is no number from 1"
    if not _LIST.fullmatch(widths) or not _LIST.fullmatch(places):
        return "the sizes or the places of its blocks are no numbers with commas between"
    each = list(map(int, widths.rstrip(b",").split(b",")))
    where = list(map(int, places.rstrip(b",").split(b",")))
    if not len(each) == len(where) == int(count):
        return f"it says {int(count)} blocks, and has {len(each)} sizes and {len(where)} places"
    if where[0]:
        return "its first block does not begin where it begins"
    if any(one + width > other for one, width, other in zip(where, each, where[1:], strict=False)):
        return "its blocks overlap, or are in no order"
    if where[-1] + each[-1] != size:
        return "its last block does not end where it ends"
    return None
