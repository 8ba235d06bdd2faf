"""Text in columns with tabs between them, all lines of a block at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .digits import whole_numbers
from .hashing import HASHED, hashes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from ..findings import Code
    from ..found import Found
    from ..streams.lines import Lines

    Numbers = npt.NDArray[np.int64]
    Mask = npt.NDArray[np.bool_]

__all__ = ["Ends", "Rows", "first_columns", "heads_of", "rows_of", "tell"]

_TAB, _RETURN = 9, 13
# Digits that 64 bits hold for certain; no chromosome has so many letters.
_DIGITS = 18


def heads_of(lines: Lines, ends: Numbers) -> npt.NDArray[np.uint8]:
    """The first byte of each line, 0 of a blank one."""
    if not lines.data:
        return np.zeros(len(lines), np.uint8)
    heads = lines.array[np.minimum(lines.starts, len(lines.data) - 1)]
    return np.where(ends > lines.starts, heads, np.uint8(0))


class Ends:
    """Where lines end without their line end, and what is odd about these: told once for a file."""

    def __init__(self, carriage: Code, unfinished: Code) -> None:
        self._carriage, self._unfinished = carriage, unfinished
        self._returns = 0
        self._last: int | None = None

    def of(self, lines: Lines, found: Found) -> Numbers:
        """The ends of a block's lines."""
        self._last = None if lines.terminated else lines.number(len(lines) - 1)
        if b"\r" not in lines.data:
            return lines.ends
        before = np.maximum(lines.ends - 1, 0)
        there = (lines.ends > lines.starts) & (lines.array[before] == _RETURN)
        places = np.flatnonzero(there)
        if len(places) and not self._returns:
            what = "lines end with a carriage return before the newline"
            line = lines.number(int(places[0]))
            found.add(self._carriage, what, line=line, seen=r"\r\n", expected=r"\n")
            found.count(self._carriage, len(places) - 1)
        elif len(places):
            found.count(self._carriage, len(places))
        self._returns += len(places)
        ends: Numbers = lines.ends - there
        return ends

    def finish(self, found: Found) -> None:
        """Tell whether the last line has an end."""
        if self._last is not None and found.complete:
            what = "the last line has no newline: the file may have been cut off"
            found.add(self._unfinished, what, line=self._last)


@dataclass(frozen=True, eq=False)
class Rows:
    """Lines of a block that have the same number of columns.

    ``indexes``: which of ``lines`` they are.  ``starts`` and ``ends``: of each row (first axis) and column (second),
    where it is in the block.
    """

    lines: Lines
    indexes: Numbers
    starts: Numbers
    ends: Numbers

    def __len__(self) -> int:
        return len(self.indexes)

    @property
    def columns(self) -> int:
        """How many columns each row has."""
        return int(self.starts.shape[1])

    def cell(self, row: int, column: int) -> bytes:
        """What stands there."""
        return self.lines.data[self.starts[row, column] : self.ends[row, column]]

    def cells(self, column: int) -> list[bytes]:
        """A whole column."""
        data = self.lines.data
        places = zip(self.starts[:, column].tolist(), self.ends[:, column].tolist(), strict=True)
        return [data[start:end] for start, end in places]

    def empty(self, column: int) -> Mask:
        """Where a column has nothing in it."""
        found: Mask = self.starts[:, column] == self.ends[:, column]
        return found

    def one_of(self, column: int, letters: bytes) -> Mask:
        """Where a column has one of these letters, and nothing else."""
        array, table = self.lines.array, np.zeros(256, bool)
        table[list(letters)] = True
        starts = np.minimum(self.starts[:, column], len(array) - 1)
        found: Mask = (self.ends[:, column] - self.starts[:, column] == 1) & table[array[starts]]
        return found

    def integers(self, column: int) -> tuple[Numbers, Mask]:
        """A column as numbers without a sign, and where it is one."""
        return whole_numbers(self.lines.data, self.starts[:, column], self.ends[:, column], digits=_DIGITS)

    def hashes(self, column: int) -> npt.NDArray[np.uint64]:
        """Numbers that are equal where what stands in a column is."""
        return hashes(self.lines.data, self.starts[:, column], self.ends[:, column])

    def changes(self, column: int) -> Numbers:
        """The rows at which a column has something else than in the row before; the first is one."""
        widths = self.ends[:, column] - self.starts[:, column]
        widest = int(widths.max()) if len(widths) else 0
        if widest > HASHED:
            texts = self.cells(column)
            return np.array([at for at, text in enumerate(texts) if not at or text != texts[at - 1]], np.int64)
        found = self.hashes(column)
        return (
            np.flatnonzero(np.concatenate([[True], found[1:] != found[:-1]])) if len(widths) else np.zeros(0, np.int64)
        )


def rows_of(lines: Lines, ends: Numbers, wanted: Mask) -> Iterator[Rows]:
    """The wanted lines of a block as rows, those with the same number of columns together."""
    tabs = np.flatnonzero(lines.array == _TAB)
    places = np.flatnonzero(wanted)
    starts, stops = lines.starts[places], ends[places]
    first = np.searchsorted(tabs, starts)
    counts = np.searchsorted(tabs, stops) - first
    for count in np.unique(counts).tolist():
        those = counts == count
        at = tabs[first[those][:, None] + np.arange(count)] if count else np.zeros((int(those.sum()), 0), np.int64)
        begins = np.concatenate([starts[those][:, None], at + 1], axis=1)
        finishes = np.concatenate([at, stops[those][:, None]], axis=1)
        yield Rows(lines, places[those], begins, finishes)


def first_columns(lines: Lines, ends: Numbers, wanted: Mask, count: int) -> Rows:
    """The first columns of the wanted lines that have so many, or more."""
    tabs = np.flatnonzero(lines.array == _TAB)
    places = np.flatnonzero(wanted)
    first = np.searchsorted(tabs, lines.starts[places])
    there = np.searchsorted(tabs, ends[places]) - first
    those = there >= count - 1
    places, first, there = places[those], first[those], there[those]
    before = first[:, None] + np.arange(count - 1)
    at = tabs[before] if len(places) else np.zeros((0, count - 1), np.int64)
    begins = np.concatenate([lines.starts[places][:, None], at + 1], axis=1)
    after = np.minimum(first + count - 1, max(0, len(tabs) - 1))
    last = np.where(there >= count, tabs[after] if len(tabs) else 0, ends[places])
    return Rows(lines, places, begins, np.concatenate([at, last[:, None]], axis=1))


def tell(
    found: Found,
    code: Code,
    rows: Rows,
    wrong: Mask,
    message: str,
    *,
    column: tuple[str, int] | None = None,
    seen: Callable[[int], object] | None = None,
    expected: object = None,
) -> None:
    """Tell of every row that is wrong, of ``column`` (its name, and which it is) where it is one that is."""
    places = np.flatnonzero(wrong)
    told = places[: found.room(code)].tolist()
    for row in told:
        index = int(rows.indexes[row])
        name, at = column if column is not None else (None, 0)
        shown = seen(row) if seen is not None else rows.cell(row, at) if column is not None else rows.lines[index]
        found.add(
            code, message, line=rows.lines.number(index), offset=rows.lines.offset + int(rows.starts[row, at]),
            column=name, seen=shown, expected=expected,
        )  # fmt: skip
    if len(places) > len(told):
        found.count(code, len(places) - len(told))
