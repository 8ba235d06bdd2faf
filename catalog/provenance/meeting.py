"""The shortest way between two elements: a search from both ends, until they meet.

It goes on a step at a time from the end where there are fewer links to look at: so a script that a million activities
used costs nothing where the other end has a short history.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..lookup import firsts
from .walking import back, forth

if TYPE_CHECKING:
    from ..lookup import Keys
    from .links import Links, Wanted

__all__ = ["meeting"]


class _Side:
    """What was come to from one end."""

    def __init__(self, links: Links, end: int, wanted: Wanted) -> None:
        self._links = links
        self._wanted = wanted
        self.came_from: dict[int, int | None] = {end: None}
        self._look(np.array([end], np.uint64))

    def _look(self, frontier: Keys) -> None:
        self._runs = self._links.found(frontier, self._wanted)
        self.cost = sum(int((last - first).sum()) for _, _, first, last in self._runs)
        """How many links there are to look at in the next step."""

    def step(self) -> list[int]:
        """Go on by a step; returns what was come to."""
        node, other, _ = self._links.taken(self._runs, self._wanted)
        first = firsts(other)
        new = [
            (each, before)
            for each, before in zip(other[first].tolist(), node[first].tolist(), strict=True)
            if each not in self.came_from
        ]
        self.came_from.update(new)
        self._look(np.array([each for each, _ in new], np.uint64))
        return [each for each, _ in new]

    def way(self, end: int) -> list[int]:
        """From ``end`` back to where it began."""
        found: list[int] = []
        at: int | None = end
        while at is not None:
            found.append(at)
            at = self.came_from[at]
        return found


def meeting(links: Links, first: int, last: int, *, past: bool) -> list[int]:
    """The keys on a shortest way from ``first`` to ``last`` through the past, or else through the future; or none.

    Raises ``ObjectMissing``, ``ObjectDamaged``, or what the store raises.
    """
    if first == last:
        return [first]
    begin, end = _Side(links, first, back() if past else forth()), _Side(links, last, forth() if past else back())
    while begin.cost and end.cost:
        side, other = (begin, end) if begin.cost <= end.cost else (end, begin)
        # Either side has taken whole steps, and they had not met: whatever both know now is on a shortest way.
        met = next((each for each in side.step() if each in other.came_from), None)
        if met is not None:
            return [*reversed(begin.way(met)), *end.way(met)[1:]]
    return []
