"""One step of a walk through the graph: from some elements to those that their links lead to.

Identical bytes meet in their content: each file version is linked to it.  A walk into the future crosses it, for what
was made from one file might as well have been made from another with the same bytes.  A walk into the past crosses it
from a file version that says nothing of where it came from itself, neither generated nor derived, for then another with
the same bytes may.  ``alternateOf``, which is as good from either end, is followed against its direction in the same
cases.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from ..lookup import among, distinct
from .links import ACROSS, PAST, PLACES, Wanted
from .model import ELEMENTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ..lookup import Keys
    from .links import Links, Senses

    Few = list[tuple[int, int, int]]
    Many = tuple[Keys, Keys, Senses]

__all__ = ["Future", "Past", "Step", "back", "forth"]

_SPECIALIZATION, _ALTERNATE = PLACES["specializationOf"], PLACES["alternateOf"]
_MADE = frozenset((PLACES["wasGeneratedBy"] | PAST, PLACES["wasDerivedFrom"] | PAST))
_JOINS = PAST | ACROSS


def _either(kinds: Iterable[int]) -> set[int]:
    """Senses, whether or not they join a file version and its bytes."""
    return {sense | across for sense in kinds for across in (0, ACROSS)}


def _terms(terms: Collection[str] | None) -> set[int]:
    return {place for name, place in PLACES.items() if name not in ELEMENTS and (terms is None or name in terms)}


def forth(terms: Collection[str] | None = None, *, across: bool = True) -> Wanted:
    """What a walk into the future follows."""
    places = _terms(terms)
    senses = _either(places)
    if across:
        senses |= {_SPECIALIZATION | _JOINS} if _SPECIALIZATION in places else set()
        senses |= {_ALTERNATE | PAST} if _ALTERNATE in places else set()
    return Wanted(senses)


def back() -> Wanted:
    """The links of ``forth``, seen from their other ends."""
    return Wanted({*_either(place | PAST for place in _terms(None)), _SPECIALIZATION | ACROSS, _ALTERNATE})


class Step(ABC):
    """How a walk goes on; it remembers what it must, so that each walk has its own."""

    def __init__(self, links: Links) -> None:
        self._links = links

    @abstractmethod
    def few(self, frontier: list[int]) -> Few | None:
        """The links that lead on from a few elements; ``None`` when they are too many for this."""

    @abstractmethod
    def many(self, frontier: Keys) -> Many:
        """The links that lead on from many elements, whose keys are in order."""

    @property
    def more(self) -> bool:
        """Whether there is more to be followed than what the last step came to."""
        return False


class Future(Step):
    """Into the future."""

    def __init__(self, links: Links, terms: Collection[str] | None, *, across: bool) -> None:
        super().__init__(links)
        self._wanted = forth(terms, across=across)

    def few(self, frontier: list[int]) -> Few | None:
        return self._links.few(frontier, self._wanted)

    def many(self, frontier: Keys) -> Many:
        return self._links.many(frontier, self._wanted)


class Past(Step):
    """Into the past.  ``contents``: those that a walk begins at."""

    def __init__(
        self, links: Links, terms: Collection[str] | None, *, across: bool, contents: Iterable[int] = ()
    ) -> None:
        super().__init__(links)
        places = _terms(terms)
        follow = _either(place | PAST for place in places)
        if across and _ALTERNATE in places:
            follow.add(_ALTERNATE)
        self._across = across and _SPECIALIZATION in places
        self._follow = Wanted(follow)
        self._asked = Wanted(follow | _MADE if across else follow)
        self._made = Wanted(_MADE if across else ())
        self._files = Wanted((_SPECIALIZATION | ACROSS,))
        self._open = sorted(contents) if self._across else []
        self._crossed = set(self._open)

    @property
    def more(self) -> bool:
        return bool(self._open)

    def few(self, frontier: list[int]) -> Few | None:
        found = self._links.few(frontier, self._asked)
        files = self._links.few(self._open, self._files) if self._open else []
        if found is None or files is None:
            return None
        made = {node for node, _, sense in found if sense in _MADE}
        follow = self._follow.table
        found = [row for row in found if follow[row[2]] and (row[2] & PAST or row[0] not in made)]
        self._cross({other for node, other, sense in found if sense & _JOINS == _JOINS and node not in made})
        return found + files

    def many(self, frontier: Keys) -> Many:
        node, other, sense = self._links.many(frontier, self._asked)
        files = self._links.many(np.array(self._open, np.uint64), self._files)
        made = among(node, distinct(node[self._made.flags[sense]]))
        keep = self._follow.flags[sense] & ((sense & np.uint8(PAST) != 0) | ~made)
        crossing = keep & ~made & (sense & np.uint8(_JOINS) == _JOINS)
        self._cross(set(other[crossing].tolist()))
        return (
            np.concatenate([node[keep], files[0]]),
            np.concatenate([other[keep], files[1]]),
            np.concatenate([sense[keep], files[2]]),
        )

    def _cross(self, contents: set[int]) -> None:
        """Have these contents crossed in the next step."""
        self._open = sorted(contents - self._crossed) if self._across else []
        self._crossed.update(self._open)
