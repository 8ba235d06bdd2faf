"""Which places of a text lie within quotes, from block to block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..streams.lines import Lines

__all__ = ["Quotes", "Within"]

_QUOTE, _LINE_FEED, _RETURN = 34, 10, 13


@dataclass(frozen=True, eq=False)
class Within:
    """The quotes of a block that open or close, in order, and whether the block begins within quotes."""

    places: npt.NDArray[np.int64]
    inside: bool

    def outside(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Those of some places that no quotes enclose."""
        before = np.searchsorted(self.places, places)
        found: npt.NDArray[np.int64] = places[(before + self.inside) % 2 == 0]
        return found


class Quotes:
    """``open``: whether what was seen ends within quotes, and ``line``: the line in which these were opened."""

    def __init__(self) -> None:
        self.open = False
        self.line = 0

    def see(self, lines: Lines, delimiter: int, *, begin: int) -> tuple[Within, list[int]]:
        """The quotes of a block of whole lines from the place ``begin`` on, and those among them that stand where none
        belongs.
        """
        array = lines.array
        places = np.flatnonzero(array == _QUOTE)
        places = places[np.searchsorted(places, begin) :]
        inside = self.open
        if not self._in_order(array, places, delimiter):
            places, strange = self._one_by_one(array, places, delimiter)
        else:
            strange = []
        if (len(places) + inside) % 2:
            self.open = True
            if len(places):
                self.line = lines.number(int(np.searchsorted(lines.ends, places[-1])))
        else:
            self.open = False
        return Within(places, inside), strange

    def _in_order(self, array: npt.NDArray[np.uint8], places: npt.NDArray[np.int64], delimiter: int) -> bool:
        """Whether each quote that opens follows a delimiter, a line end, or the other one of a pair, and each that
        closes stands before such.
        """
        opening, closing = places[int(self.open) :: 2], places[1 - int(self.open) :: 2]
        before = array[np.maximum(opening - 1, 0)]
        fine = (before == delimiter) | (before == _LINE_FEED) | (before == _QUOTE) | (opening == 0)
        if not fine.all():
            return False
        after = array[np.minimum(closing + 1, len(array) - 1)]
        fine = (after == delimiter) | (after == _LINE_FEED) | (after == _QUOTE) | (after == _RETURN)
        return bool((fine | (closing == len(array) - 1)).all())

    def _one_by_one(
        self, array: npt.NDArray[np.uint8], places: npt.NDArray[np.int64], delimiter: int
    ) -> tuple[npt.NDArray[np.int64], list[int]]:
        """The quotes that open and close, as a reader takes them that lets strange ones stand for themselves."""
        kept: list[int] = []
        strange: list[int] = []
        inside, skip = self.open, -1
        size = len(array)
        for place in places.tolist():
            if place == skip:
                continue
            if not inside:
                if place == 0 or array[place - 1] in (delimiter, _LINE_FEED):
                    kept.append(place)
                    inside = True
                else:
                    strange.append(place)
            elif place + 1 < size and array[place + 1] == _QUOTE:
                skip = place + 1  # a pair, which means one
            elif place + 1 == size or array[place + 1] in (delimiter, _LINE_FEED, _RETURN):
                kept.append(place)
                inside = False
            else:
                strange.append(place)
        return np.array(kept, np.int64), strange
