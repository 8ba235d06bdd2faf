"""The links of elements, found where they lie.

A link is seen from one of its ends.  What it is stands in one number, its *sense*: the place of its term in ``TERMS``,
64 more when it leads to the past, 128 more when it joins a file version and its bytes.  In the order of senses, but for
the last bit, the links of an element are kept: those of a few senses are found among a million without looking at the
others.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from copy import copy
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from ..columns import plain
from ..lookup import Lookup, View, in_order
from .model import TERMS
from .tables import PROV_LINKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt
    import pyarrow as pa

    from ..lookup import Keys
    from ..reading import Reading
    from ..state import State

    Places = npt.NDArray[np.int64]
    Senses = npt.NDArray[np.uint8]
    Flags = npt.NDArray[np.bool_]

__all__ = ["ACROSS", "PAST", "PLACES", "LinkView", "Links", "Wanted"]

# Bits of a sense.
PAST, ACROSS = 64, 128
_KIND = ACROSS - 1
PLACES = {name: place for place, name in enumerate(TERMS)}
# With more links than this of one element it pays to search among them.
_MANY = 32
# With more links than this NumPy is faster than Python.
_FEW = 256


class Wanted:
    """The senses of links that are wanted."""

    def __init__(self, senses: Iterable[int]) -> None:
        self.flags: Flags = np.zeros(256, np.bool_)
        self.flags[list(senses)] = True
        self.table = self.flags.tobytes()
        kinds = np.flatnonzero(self.flags[:ACROSS] | self.flags[ACROSS:]).tolist()
        runs = (list(run) for _, run in groupby(enumerate(kinds), key=lambda pair: pair[1] - pair[0]))
        self.spans = [(run[0][1], run[-1][1] + 1) for run in runs]
        """Beginnings and ends of what is wanted, in the order that links are kept in."""


class LinkView(View):
    """Links in the order of ``node``, ``past`` and ``term``."""

    def __init__(self, rows: pa.Table) -> None:
        super().__init__(rows)
        self.others: Keys = plain(rows["other"])
        self.fast_others = self.others.data
        self.terms = plain(rows["term"]).view(np.uint8)
        self._past, self._past_at = _bits(rows["past"])
        self._across, self._across_at = _bits(rows["across"])
        self._fast = self.terms.data, self._past.data, self._across.data

    def sense(self, row: int) -> int:
        """The sense of one link."""
        terms, past, across = self._fast
        at, other = row + self._past_at, row + self._across_at
        return (
            terms[row]
            | (past[at >> 3] >> (at & 7) & 1) * PAST
            | (across[other >> 3] >> (other & 7) & 1) * ACROSS
        )  # fmt: skip

    def senses(self, rows: Places) -> Senses:
        """The senses of many."""
        found = self.terms[rows]
        found |= _taken(self._past, rows + self._past_at) * np.uint8(PAST)
        found |= _taken(self._across, rows + self._across_at) * np.uint8(ACROSS)
        return found

    def add(self, first: int, wanted: Wanted, found: list[tuple[int, int, int]]) -> bool:
        """Add the wanted links of the element whose first one is at the row ``first``, unless they are too many."""
        fast, key = self.fast, self.fast[first]
        size, table, others = len(fast), wanted.table, self.fast_others
        last = first + _MANY
        if last >= size or fast[last] != key:
            row = first
            while row < size and fast[row] == key:
                sense = self.sense(row)
                if table[sense]:
                    found.append((key, others[row], sense))
                row += 1
            return True
        runs = self.cuts(first, bisect_right(fast, key, last), wanted)
        if len(found) + sum(map(len, runs)) > _FEW:
            return False
        senses = ((row, self.sense(row)) for rows in runs for row in rows)
        found += [(key, others[row], sense) for row, sense in senses if table[sense]]
        return True

    def cuts(self, first: int, last: int, wanted: Wanted) -> list[range]:
        """Where among the rows of one element links may be that are wanted."""

        def kind(row: int) -> int:
            return self.sense(row) & _KIND

        rows = range(first, last)
        least, most = kind(first), kind(last - 1)
        return [
            rows[
                0 if low <= least else bisect_left(rows, low, key=kind) :
                len(rows) if most < high else bisect_left(rows, high, key=kind)
            ]
            for low, high in wanted.spans
            if least < high and low <= most
        ]  # fmt: skip


def _bits(values: pa.ChunkedArray) -> tuple[Senses, int]:
    """Booleans as they lie: eight to a byte, and where the first is."""
    chunk = values.chunk(0) if values.num_chunks else None
    if chunk is None or not len(chunk):
        return np.zeros(1, np.uint8), 0
    return np.frombuffer(chunk.buffers()[1], np.uint8), chunk.offset


def _taken(bits: Senses, places: Places) -> Senses:
    found: Senses = bits[places >> 3] >> (places & 7).astype(np.uint8) & np.uint8(1)
    return found


class Links:
    """The links in one state."""

    def __init__(self, catalog: Reading, state: State) -> None:
        self._lookup = Lookup(catalog, PROV_LINKS, state, LinkView)

    def beside(self, rows: pa.Table) -> Links:
        """The same with further links: rows of ``prov_links`` in any order, which are kept nowhere."""
        found = copy(self)
        found._lookup = self._lookup.beside(in_order(rows, PROV_LINKS))
        return found

    def few(self, keys: Iterable[int], wanted: Wanted) -> list[tuple[int, int, int]] | None:
        """The wanted links of a few elements: node, other end, sense; ``None`` when they are too many for this.

        Raises ``ObjectMissing``, ``ObjectDamaged``, or what the store raises.
        """
        found: list[tuple[int, int, int]] = []
        for key in keys:
            for view in self._lookup.holding(key):
                fast = view.fast
                first = bisect_left(fast, key)
                if first < len(fast) and fast[first] == key and not view.add(first, wanted, found):
                    return None
        return found

    def many(self, keys: Keys, wanted: Wanted) -> tuple[Keys, Keys, Senses]:
        """As ``few``, of many elements, whose keys are in order."""
        return self.taken(self.found(keys, wanted), wanted)

    def found(self, keys: Keys, wanted: Wanted) -> list[tuple[LinkView, Keys, Places, Places]]:
        """Where wanted links may be: views, and there the nodes, their first rows and those behind their last."""
        runs: list[tuple[LinkView, Keys, Places, Places]] = []
        for view, _, part in self._lookup.touching(keys):
            first = np.searchsorted(view.keys, part)
            last = np.searchsorted(view.keys, part, "right")
            there = np.flatnonzero(last > first)
            if not len(there):
                continue
            node, first, last = part[there], first[there], last[there]
            if (last - first > _MANY).any():
                node, first, last = _cut(view, node, first, last, wanted)
            runs.append((view, node, first, last))
        return runs

    @staticmethod
    def taken(runs: Sequence[tuple[LinkView, Keys, Places, Places]], wanted: Wanted) -> tuple[Keys, Keys, Senses]:
        """The wanted links among those that ``found`` found."""
        nodes, others, senses = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)], [np.empty(0, np.uint8)]
        for view, node, first, last in runs:
            counts = last - first
            ends = np.cumsum(counts)
            if not len(ends) or not ends[-1]:
                continue
            rows = np.arange(ends[-1]) + np.repeat(first - ends + counts, counts)
            sense = view.senses(rows)
            keep = wanted.flags[sense]
            nodes.append(np.repeat(node, counts)[keep])
            others.append(view.others[rows[keep]])
            senses.append(sense[keep])
        return np.concatenate(nodes), np.concatenate(others), np.concatenate(senses)


def _cut(view: LinkView, node: Keys, first: Places, last: Places, wanted: Wanted) -> tuple[Keys, Places, Places]:
    """Runs of rows without those links of elements that have many, and that are not wanted."""
    long = last - first > _MANY
    cuts = [
        (each, rows.start, rows.stop)
        for each, begin, end in zip(node[long].tolist(), first[long].tolist(), last[long].tolist(), strict=True)
        for rows in view.cuts(begin, end, wanted)
    ]
    more, begins, ends = zip(*cuts, strict=True) if cuts else ((), (), ())
    return (
        np.concatenate([node[~long], np.array(more, np.uint64)]),
        np.concatenate([first[~long], np.array(begins, np.int64)]),
        np.concatenate([last[~long], np.array(ends, np.int64)]),
    )
