"""Keys: that no two rows are alike in some columns, whatever the size of the table.

While a key of one column only rises nothing has to be remembered.  Else 64 bits of each row are, and rows that share
them are read once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .uniqueness import Hashes, hashes_of, strictly_sorted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt
    import polars as pl

    from ..findings import Code
    from .pieces import Piece
    from .telling import Teller

    Again = Callable[[], Iterable[tuple[pl.DataFrame, Piece]]]

__all__ = ["KeyRule"]

# So many of the rows that share 64 bits are compared for what they are; two that differ and share them are one in
# billions, so that a table with as many as this has true ones among them.
_COMPARED = 10_000


class KeyRule:
    """One key: ``columns`` of which no two rows are alike.  Rows with a null in it are not compared."""

    def __init__(self, columns: tuple[str, ...], code: Code, teller: Teller, *, memory: int) -> None:
        self.columns = columns
        self._code, self._teller = code, teller
        self._hashes = Hashes(memory=memory)
        self._rising, self._begun, self._again = True, False, False
        self._last: pl.Series | None = None

    def see(self, frame: pl.DataFrame) -> None:
        """Take the key's columns of a piece."""
        rows = frame.select(self.columns).drop_nulls()
        if not rows.height or self._again:
            return
        if self._rising:
            if self._rises(rows):
                self._begun = True
                return
            self._rising = False
            if self._begun:
                self._again = True  # what was not remembered has to be read once more
                return
        self._hashes.add(hashes_of(rows))

    def _rises(self, rows: pl.DataFrame) -> bool:
        if rows.width > 1:
            return False
        values = rows.to_series()
        rises = strictly_sorted(values) and (self._last is None or bool((values.head(1) > self._last).all()))
        self._last = values.tail(1)
        return rises

    def finish(self, again: Again) -> None:
        """Tell of rows that are alike; ``again`` reads the table once more."""
        if self._rising:
            return
        with self._hashes as hashes:
            if self._again:
                for frame, _ in again():
                    hashes.add(hashes_of(frame.select(self.columns).drop_nulls()))
            repeated = hashes.repeated()
        if len(repeated):
            alike = _Alike(repeated, self.columns)
            for frame, piece in again():
                self._tell(alike, frame, piece)

    def _tell(self, alike: _Alike, frame: pl.DataFrame, piece: Piece) -> None:
        name = ", ".join(self.columns)
        for index, first, values in alike.repeats(frame, piece):
            seen = ", ".join(map(str, values))
            record = None if len(self.columns) == 1 else name
            what = f"it stands in row {first} as well"
            self._teller.one(self._code, what, of=name, row=piece.row(index), seen=seen, record=record)
        self._teller.more(self._code, name, alike.uncounted)
        alike.uncounted = 0


class _Alike:
    """The second look: which row each of the repeated hashes came in first, and what stood there."""

    def __init__(self, repeated: npt.NDArray[np.uint64], columns: tuple[str, ...]) -> None:
        self._repeated, self._columns = repeated, columns
        self._first = np.full(len(repeated), -1, np.int64)
        self._values: dict[int, tuple[Any, ...]] = {}
        self._compared = 0
        self.uncounted = 0

    def repeats(self, frame: pl.DataFrame, piece: Piece) -> Iterable[tuple[int, int, tuple[Any, ...]]]:
        """Rows of a piece that an earlier one is like: their index, the earlier row, and the key; beyond the first few
        thousand only their number, in ``uncounted``.
        """
        whole = frame.select(self._columns)
        keys = whole.drop_nulls()
        if not keys.height:
            return
        # Which rows these are: polars would need a name for the index that no column has.
        there = np.ones(whole.height, bool)
        for column in whole:
            there &= column.is_not_null().to_numpy()
        indices = np.flatnonzero(there)
        hashes = hashes_of(keys)
        places = np.minimum(np.searchsorted(self._repeated, hashes), len(self._repeated) - 1)
        hits = np.flatnonzero(self._repeated[places] == hashes)
        quick = max(0, _COMPARED - self._compared)
        self._compared += len(hits)
        for hit in hits[:quick].tolist():
            place, values = int(places[hit]), keys.row(hit)
            index = int(indices[hit])
            if self._first[place] < 0:
                self._first[place] = piece.row(index)
                self._values[place] = values
            elif self._values[place] == values:
                yield index, int(self._first[place]), values
        late = places[hits[quick:]]
        fresh = np.unique(late)
        fresh = fresh[self._first[fresh] < 0]
        self._first[fresh] = piece.first
        self.uncounted += len(late) - len(fresh)
