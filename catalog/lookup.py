"""Looking up rows by key in a mapped table, where they lie.

A mapped table is sorted by a column of keys, 64 bits that are evenly spread.  Its large segments are mapped into memory
and searched there, those only that may have a key; small ones are taken together and held.  So memory is needed for
what is found, not for the table, and a segment is hashed when it is first looked into.
"""

from __future__ import annotations

import threading
from collections import deque
from copy import copy
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from .columns import plain
from .segments import HELD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt
    import pyarrow as pa

    from .log import Segment
    from .reading import Reading
    from .state import State
    from .tables import Table

    Keys = npt.NDArray[np.uint64]

__all__ = ["Lookup", "View", "among", "distinct", "firsts", "in_order"]

# Which segments may have a key is kept for each way a key can begin.
_BITS = 10
# Segments that are open at once: each needs a file descriptor, of which a process may have 1024.
_OPEN = 256
# So many are opened, and hashed, at a time.
_TOGETHER = 32
_NOWHERE: tuple[tuple[()], ...] = ((),) * (1 << _BITS)


class View:
    """Rows in the order of their keys.

    ``keys`` is for searching many of them, ``fast`` the same for Python to search one.
    """

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows
        self.keys: Keys = plain(rows.column(0))
        self.fast = self.keys.data


_V = TypeVar("_V", bound=View)


class Lookup(Generic[_V]):
    """What a mapped table holds in one state, by key; may be shared between threads.

    ``view`` makes of rows what answers are read from.
    """

    def __init__(self, catalog: Reading, table: Table, state: State, view: Callable[[pa.Table], _V]) -> None:
        self._catalog = catalog
        self._table = table
        self._view = view
        segments = [segment for segment in state.segments(table.name) if segment.rows]
        self._small = [segment for segment in segments if segment.bytes < HELD or not _bounded(segment)]
        self._large = [segment for segment in segments if segment.bytes >= HELD and _bounded(segment)]
        self._lows = np.array([int(str(segment.low), 16) for segment in self._large], np.uint64)
        self._highs = np.array([int(str(segment.high), 16) for segment in self._large], np.uint64)
        self._places = _places(self._lows.tolist(), self._highs.tolist())
        self._views: list[_V | None] = [None] * len(self._large)
        self._opened: deque[int] = deque()
        self._held: _V | None = None
        self._beside: tuple[_V, ...] = ()
        self._lock = threading.Lock()

    @property
    def rows(self) -> int:
        """How many there are in segments."""
        return sum(segment.rows for segment in (*self._small, *self._large))

    def beside(self, rows: pa.Table) -> Lookup[_V]:
        """The same with further rows, which are in the table's order, each column in one piece, and in no segment.

        What is opened for one is open for the other.
        """
        if not rows.num_rows:
            return self
        found = copy(self)
        found._beside = (*self._beside, self._view(rows))
        return found

    def holding(self, key: int) -> Iterator[_V]:
        """Where rows with this key may be.  Raises ``ObjectMissing``, ``ObjectDamaged``, or what the store raises."""
        if self._small:
            yield self._held or self._hold()
        yield from self._beside
        places = self._places[key >> (64 - _BITS)]
        for low, high, place in places:
            if low <= key <= high:
                view = self._views[place]
                if view is None:  # those that the others will need are hashed with it
                    self._open([each for begin, end, each in places if begin <= key <= end])
                    view = self._views[place] or self._open([place])[0]
                yield view

    def touching(self, keys: Keys) -> Iterator[tuple[_V, int, Keys]]:
        """Where rows with some of ``keys``, which are in order, may be: the place of the first key, and all of them.

        Raises as ``holding``.
        """
        if self._small and len(keys):
            yield self._held or self._hold(), 0, keys
        yield from ((view, 0, keys) for view in self._beside if len(keys))
        first = np.searchsorted(keys, self._lows).tolist()
        last = np.searchsorted(keys, self._highs, "right").tolist()
        wanted = [place for place, (begin, end) in enumerate(zip(first, last, strict=True)) if begin < end]
        for start in range(0, len(wanted), _TOGETHER):
            places = wanted[start : start + _TOGETHER]
            for place, view in zip(places, self._open(places), strict=True):
                yield view, first[place], keys[first[place] : last[place]]

    def every(self) -> Iterator[_V]:
        """All rows, a segment at a time; raises as ``holding``."""
        if self._small:
            yield self._held or self._hold()
        yield from self._beside
        for place in range(len(self._large)):
            yield self._open([place])[0]

    def _hold(self) -> _V:
        with self._lock:
            if self._held is None:
                self._held = self._view(self._catalog.together(self._table.name, self._small))
            return self._held

    def _open(self, places: Sequence[int]) -> list[_V]:
        there = [view for place in places if (view := self._views[place]) is not None]
        if len(there) == len(places):
            return there
        with self._lock:
            missing = [place for place in places if self._views[place] is None]
            self._catalog.paths([self._large[place] for place in missing])  # several are hashed at once
            for place in missing:
                self._views[place] = self._view(self._catalog.mapped(self._large[place]))
                self._opened.append(place)
            opened = [view for place in places if (view := self._views[place]) is not None]
            while len(self._opened) > _OPEN:
                self._views[self._opened.popleft()] = None
            return opened


def distinct(keys: Keys) -> Keys:
    """Each of ``keys`` once, in order.  (``numpy.unique`` imports ``numpy.ma``, which takes longer than a walk.)"""
    ordered = np.sort(keys)
    return ordered[_first(ordered)]


def among(keys: Keys, those: Keys) -> npt.NDArray[np.bool_]:
    """Which of ``keys`` are one of ``those``, which are in order."""
    if not len(those):
        return np.zeros(len(keys), np.bool_)
    found: npt.NDArray[np.bool_] = those[np.minimum(np.searchsorted(those, keys), len(those) - 1)] == keys
    return found


def firsts(keys: Keys) -> npt.NDArray[np.int64]:
    """Where each of ``keys`` stands for the first time, in the order of the keys."""
    order = np.argsort(keys, kind="stable")
    found: npt.NDArray[np.int64] = order[_first(keys[order])]
    return found


def in_order(rows: pa.Table, table: Table) -> pa.Table:
    """Rows in the order of a table, each column in one piece, as a view needs them."""
    return rows.sort_by([(name, "ascending") for name in table.sort]).combine_chunks()


def _first(ordered: Keys) -> npt.NDArray[np.bool_]:
    new = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    return new


def _bounded(segment: Segment) -> bool:
    return segment.mapped and segment.low is not None and segment.high is not None


def _places(lows: Sequence[int], highs: Sequence[int]) -> Sequence[Sequence[tuple[int, int, int]]]:
    """For each way a key can begin the segments that may have it: their bounds, and which they are."""
    if not lows:
        return _NOWHERE
    found: list[list[tuple[int, int, int]]] = [[] for _ in range(1 << _BITS)]
    for place, (low, high) in enumerate(zip(lows, highs, strict=True)):
        for beginning in range(low >> (64 - _BITS), (high >> (64 - _BITS)) + 1):
            found[beginning].append((low, high, place))
    return found
