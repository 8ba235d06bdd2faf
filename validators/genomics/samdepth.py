"""How deep references are covered, of alignments in the order of coordinates: a sweep that holds no genome.

What counts is what ``samtools depth`` counts: bases that M, = and X put on the reference, of records that are mapped,
primary or supplementary, no duplicates, and did not fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..found import Found
    from ..limits import Limits
    from .samcolumns import Records
    from .samheader import Header

__all__ = ["Depth"]

_LEFT_OUT = 0x4 | 0x100 | 0x200 | 0x400
# Positions deeper than this are counted as this deep, which no median is.
_DEEPEST = 1 << 20


class Depth:
    """How many positions have which depth, so far."""

    def __init__(self, header: Header, limits: Limits) -> None:
        self._lengths = header.lengths
        # Two numbers for each end that waits.
        self._most = limits.memory // 64
        self._works = header.order == "coordinate" and len(header.lengths) > 0
        self._reference = -1
        # Where bases begin (1) and end (-1) that the sweep has not come to, in order.
        self._places = np.empty(0, np.int64)
        self._steps = np.empty(0, np.int64)
        self._at = 0
        self._now = 0
        self._positions = np.zeros(1024, np.int64)

    def take(self, records: Records) -> None:
        """One block, in order."""
        chosen = ((records.flag & _LEFT_OUT) == 0) & (records.reference >= 0) & (records.position > 0)
        if not self._works or not chosen.any():
            return
        record, begin, end = _aligned(records, chosen)
        reference = records.reference
        seen = reference[chosen]
        if (np.diff(seen) < 0).any() or int(seen[0]) < self._reference:
            self._works = False  # it is not in order, which is told of where orders are judged
            return
        for number in np.unique(seen).tolist():
            if number != self._reference:
                self._finish()
                self._reference = number
            those = reference[record] == number
            last = int(records.position[chosen & (reference == number)][-1])
            self._sweep(begin[those], end[those], until=last - 1)

    def _sweep(self, begin: npt.NDArray[np.int64], end: npt.NDArray[np.int64], *, until: int) -> None:
        """Take bases from ``begin`` to before ``end``, from 0; before ``until`` nothing will begin any more."""
        ones = np.ones(len(begin), np.int64)
        places = np.concatenate([self._places, begin, end])
        steps = np.concatenate([self._steps, ones, -ones])
        order = np.argsort(places, kind="stable")
        places, steps = places[order], steps[order]
        if (len(places) and places[0] < self._at) or len(places) > self._most:
            self._works = False
            return
        done = int(np.searchsorted(places, until, side="right"))
        self._count(places[:done], steps[:done])
        self._places, self._steps = places[done:], steps[done:]

    def _count(self, places: npt.NDArray[np.int64], steps: npt.NDArray[np.int64]) -> None:
        """Go to the last of ``places``."""
        if not len(places):
            return
        depths = self._now + np.cumsum(steps)
        lengths = np.diff(places, prepend=self._at)
        levels = np.minimum(np.append(self._now, depths[:-1]), _DEEPEST)
        more = np.bincount(levels, weights=lengths, minlength=len(self._positions)).astype(np.int64)
        more[: len(self._positions)] += self._positions
        self._positions = more
        self._at, self._now = int(places[-1]), int(depths[-1])

    def _finish(self) -> None:
        """Go to the end of the reference."""
        if self._reference < 0:
            return
        self._count(self._places, self._steps)
        self._places, self._steps = np.empty(0, np.int64), np.empty(0, np.int64)
        self._positions[0] += max(0, int(self._lengths[self._reference]) - self._at)
        self._at = self._now = 0
        self._reference = -1

    def tell(self, found: Found) -> None:
        """The mean, the median, how much is covered at all, and how evenly: the share of all depth that is below the
        mean, where an even spread would have all of it (Mokry et al. 2010).
        """
        if not self._works:
            return
        self._finish()
        # Those that nothing is aligned to count as well.
        positions = self._positions.copy()
        total = max(int(self._lengths.sum()), int(positions.sum()))
        positions[0] += total - int(positions.sum())
        depths = np.arange(len(positions))
        mean = float((positions * depths).sum() / total)
        median = int(np.searchsorted(np.cumsum(positions), (total + 1) // 2))
        found.metric("sam.coverage.mean", mean)
        found.metric("sam.coverage.median", median)
        found.metric("sam.coverage.breadth", 1 - positions[0] / total)
        if mean:
            found.metric("sam.coverage.evenness", float((positions * np.minimum(depths, mean)).sum() / (total * mean)))


def _aligned(
    records: Records, chosen: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Each run of aligned bases of the chosen records: its record, and from where to before where, from 0."""
    operation, record = records.operation, records.operation_record
    moving = np.isin(operation, np.frombuffer(b"MDN=X", np.uint8))
    moved = np.where(moving, records.amount, 0)
    before = np.cumsum(moved) - moved
    first = np.cumsum(records.operations) - records.operations
    base = np.append(before, 0)[np.minimum(first, len(before))]
    bases = np.isin(operation, np.frombuffer(b"M=X", np.uint8)) & chosen[record] & (records.amount > 0)
    here = record[bases]
    begin = records.position[here] - 1 + before[bases] - base[here]
    return here, begin, begin + records.amount[bases]
