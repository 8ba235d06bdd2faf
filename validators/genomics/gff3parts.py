"""The attributes of all features of a block at once: which have nothing odd in them, and where those that point are.

Whatever is odd is left to ``gff3attributes``, which decides and tells; what is not odd here has nothing to tell there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .gff3attributes import KNOWN, SHAPES, TAGS
from .hashing import hashes

if TYPE_CHECKING:
    import numpy.typing as npt

    from .columns import Rows

    Numbers = npt.NDArray[np.int64]
    Mask = npt.NDArray[np.bool_]

__all__ = ["Parts", "Pointing"]

_SEMICOLON, _EQUALS, _PERCENT, _DOT = b";=%."
# A tag is a bit of a number of 64; what is longer than any tag is looked at one by one.
_FAST, _LONGEST = 63, 64
_POINTING = (b"ID", b"Parent", b"Derives_from")


@dataclass(frozen=True, eq=False)
class Pointing:
    """Of each row where the value of an attribute begins and ends, -1 where there is none."""

    starts: Numbers
    ends: Numbers

    @classmethod
    def nowhere(cls, count: int) -> Pointing:
        """No row has it yet."""
        return cls(np.full(count, -1), np.full(count, -1))

    def texts(self, data: bytes, rows: Numbers) -> list[bytes | None]:
        """The values of some rows."""
        places = zip(self.starts[rows].tolist(), self.ends[rows].tolist(), strict=True)
        return [data[start:end] if start >= 0 else None for start, end in places]


class Parts:
    """Knows the tags of one file so far, the harmless ones by a number each.

    ``told``: tags that begin with a capital and have been told of, which ``gff3attributes`` adds to.
    """

    def __init__(self, told: set[bytes]) -> None:
        self._told = told
        self._numbers: dict[bytes, int] = {}
        self._hashes = np.zeros(0, np.uint64)
        self._of_hash = np.zeros(0, np.int64)
        self._shaped: dict[int, bytes] = {}
        for tag in _POINTING:
            self._number(tag)

    def of(self, rows: Rows) -> tuple[Mask, tuple[Pointing, Pointing, Pointing]]:
        """Which rows are odd; and of the others ID, Parent and Derives_from."""
        array = rows.lines.array
        begin, end = rows.starts[:, 8], rows.ends[:, 8].copy()
        nothing = (end == begin) | ((end - begin == 1) & (array[np.minimum(begin, len(array) - 1)] == _DOT))
        end -= (end > begin) & (array[np.maximum(end - 1, 0)] == _SEMICOLON)
        semicolons, equals = np.flatnonzero(array == _SEMICOLON), np.flatnonzero(array == _EQUALS)
        first, first_equals = np.searchsorted(semicolons, begin), np.searchsorted(equals, begin)
        between = np.searchsorted(semicolons, end) - first
        odd = (np.searchsorted(equals, end) - first_equals != between + 1) & ~nothing
        if _PERCENT in rows.lines.data:
            percents = np.flatnonzero(array == _PERCENT)
            odd |= np.searchsorted(percents, end) > np.searchsorted(percents, begin)
        which = np.flatnonzero(~odd & ~nothing)
        found = tuple(Pointing.nowhere(len(rows)) for _ in _POINTING)
        if len(which):
            counts = between[which] + 1
            heads = np.cumsum(counts) - counts
            row = np.repeat(which, counts)
            place = np.arange(len(row)) - np.repeat(heads, counts)
            middle = equals[first_equals[row] + place]
            starts, ends = begin[row], end[row]
            inner = place > 0
            starts[inner] = semicolons[first[row[inner]] + place[inner] - 1] + 1
            inner = place < between[row]
            ends[inner] = semicolons[first[row[inner]] + place[inner]]
            odd[row[(middle <= starts) | (middle + 1 >= ends)]] = True
            self._tagged(rows, odd, found, row, heads, starts, middle, ends)
        return odd, (found[0], found[1], found[2])

    def _tagged(
        self, rows: Rows, odd: Mask, found: tuple[Pointing, ...], row: Numbers, heads: Numbers, starts: Numbers,
        middle: Numbers, ends: Numbers,
    ) -> None:  # fmt: skip
        """Find out what the parts of rows, from ``heads`` on, are called, and what of it is odd."""
        data = rows.lines.data
        short = np.where(middle - starts <= _LONGEST, middle, starts)
        numbers = self._numbered(data, hashes(data, starts, short), starts, middle)
        odd[row[(numbers < 0) | (short == starts)]] = True
        for number, tag in self._shaped.items():
            if tag in SHAPES:
                shape = SHAPES[tag][0]
                for at in np.flatnonzero(numbers == number).tolist():
                    if shape.fullmatch(data, int(middle[at]) + 1, int(ends[at])) is None:
                        odd[row[at]] = True
            elif tag not in self._told and (those := np.flatnonzero((numbers == number) & ~odd[row])).size:
                odd[row[those[0]]] = True  # it is told once
        bits = np.left_shift(np.int64(1), np.maximum(numbers, 0))
        twice = np.add.reduceat(bits, heads) != np.bitwise_or.reduceat(bits, heads)
        odd[row[heads[twice]]] = True
        for number, pointing in enumerate(found):
            mine = numbers == number
            pointing.starts[row[mine]], pointing.ends[row[mine]] = middle[mine] + 1, ends[mine]

    def _numbered(self, data: bytes, hashed: npt.NDArray[np.uint64], starts: Numbers, ends: Numbers) -> Numbers:
        """The number of each tag, -1 for those that are looked at one by one."""
        numbers, known = self._look_up(hashed)
        if not known.all():
            new = np.flatnonzero(~known)
            _, which = np.unique(hashed[new], return_index=True)
            fresh = new[which[: TAGS - len(self._hashes)]]
            those = [self._number(data[starts[at] : ends[at]]) for at in fresh.tolist()]
            every = np.concatenate([self._hashes, hashed[fresh]])
            order = np.argsort(every)
            self._of_hash = np.concatenate([self._of_hash, np.array(those, np.int64)])[order]
            self._hashes = every[order]
            numbers, known = self._look_up(hashed)
        return np.where(known, numbers, -1)

    def _look_up(self, hashed: npt.NDArray[np.uint64]) -> tuple[Numbers, Mask]:
        if not len(self._hashes):
            return np.zeros(len(hashed), np.int64), np.zeros(len(hashed), bool)
        at = np.minimum(np.searchsorted(self._hashes, hashed), len(self._hashes) - 1)
        return self._of_hash[at], self._hashes[at] == hashed

    def _number(self, tag: bytes) -> int:
        number = self._numbers.get(tag)
        if number is not None:
            return number
        capital = b"A" <= tag[:1] <= b"Z"
        if len(self._numbers) >= _FAST or tag != tag.strip() or not (capital or b"a" <= tag[:1] <= b"z"):
            return -1
        if tag == b"Is_circular":
            return -1
        number = self._numbers[tag] = len(self._numbers)
        if tag in SHAPES or (capital and tag not in KNOWN):
            self._shaped[number] = tag
        return number
