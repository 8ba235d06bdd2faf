"""What holds between records: positions in order, contigs in one piece, and no change told twice."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from . import vcfcodes as codes
from .digits import whole_numbers
from .vcfalleles import trimmed

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from .vcfheader import Header

    Numbers = npt.NDArray[np.int64]

__all__ = ["Order"]

_CHROM, _POS, _REF, _ALT = 0, 1, 3, 4
_END = re.compile(rb"[\t;]END=([0-9]{1,18})(?=[;\t\r\n]|\Z)")
_ILLEGAL = re.compile(rb"[\s,<>]|\A\Z")
_BASES = re.compile(rb"[ACGTNacgtn]+")
# Changes at places that overlap; beyond so many, which no true file has, those before are forgotten.
_REMEMBERED = 1 << 18


class Order:
    """Goes through the blocks of one file, and keeps what the next one needs."""

    def __init__(self, header: Header, add: Callable[..., None]) -> None:
        self._header, self._add = header, add
        self._contig: bytes | None = None
        self._met: set[bytes] = set()
        self._last, self._reach = -1, -1
        self._changes: set[tuple[int, bytes, bytes]] = set()

    def look(self, numbers: Numbers, table: Any, changes: Callable[[Any, int], tuple[bytes, bytes]]) -> None:
        """Look at a table of records whose lines have these numbers."""
        positions, sound = whole_numbers(table.padded, table.start(_POS), table.end(_POS))
        positions[~sound] = -1
        names = table.hashes(_CHROM)
        limits = [0, *(np.flatnonzero(names[1:] != names[:-1]) + 1).tolist(), len(names)]
        reach = positions + (table.end(_REF) - table.start(_REF)) - 1
        first = table.array[table.start(_ALT)]
        plain = (positions >= 0) & ~((first == 60) | ((first == 46) & (table.end(_ALT) - table.start(_ALT) == 1)))
        reach[~plain] = -1
        for begin, end in pairwise(limits):
            self._enter(table.text(_CHROM, begin).strip(b"<>"), int(numbers[begin]))
            self._sorted(numbers, positions, begin, end)
            self._overlapping(numbers, positions, reach, plain, begin, end, table, changes)
        if table.mentions("END="):
            self._ends(numbers, positions, table, limits)

    def _enter(self, name: bytes, number: int) -> None:
        if name == self._contig:
            return
        self._last, self._reach = -1, -1
        self._changes.clear()
        self._contig = name
        text = name.decode("utf-8", "replace")
        if name in self._met:
            self._add(codes.CONTIGUOUS, f"there were records of {text} before others", line=number, column="CHROM",
                      seen=name)  # fmt: skip
        elif self._header.contigs and text not in self._header.contigs and not _ILLEGAL.search(name):
            self._add(
                codes.UNKNOWN_CONTIG, f"the contig {text} is not declared", line=number, column="CHROM", seen=name
            )
        self._met.add(name)

    @property
    def _length(self) -> int | None:
        return self._header.contigs.get((self._contig or b"").decode("utf-8", "replace"))

    def _sorted(self, numbers: Numbers, positions: Numbers, begin: int, end: int) -> None:
        here = positions[begin:end]
        before = np.concatenate([[self._last], here[:-1]])
        for row in np.flatnonzero((here < before) & (here >= 0)).tolist():
            self._add(codes.UNSORTED, f"position {here[row]} follows {before[row]}", line=int(numbers[begin + row]),
                      column="POS", seen=int(here[row]), expected=f"at least {before[row]}")  # fmt: skip
        if here[-1] >= 0:
            self._last = int(here[-1])
        length = self._length
        if length is not None and int(here.max()) > length + 1:
            for row in np.flatnonzero(here > length + 1).tolist():
                self._add(codes.BEYOND, f"the contig has {length:,} bases", line=int(numbers[begin + row]),
                          column="POS", seen=int(here[row]), expected=f"at most {length + 1}")  # fmt: skip

    def _overlapping(
        self, numbers: Numbers, positions: Numbers, reach: Numbers, plain: npt.NDArray[np.bool_], begin: int, end: int,
        table: Any, changes: Callable[[Any, int], tuple[bytes, bytes]],
    ) -> None:  # fmt: skip
        """Look for changes told twice among records that overlap: only those can be the same change."""
        furthest = np.maximum.accumulate(np.concatenate([[self._reach], reach[begin:end]]))
        overlaps = (positions[begin:end] <= furthest[:-1]) & plain[begin:end]
        self._reach = int(furthest[-1])
        followed = np.append(overlaps[1:], True)  # the next block's first record may overlap with the last
        last = -2
        for row in np.flatnonzero(overlaps | (followed & plain[begin:end])).tolist():
            if not overlaps[row] and last != row:
                self._changes.clear()
            ref, alts = changes(table, begin + row)
            if not self._new(int(positions[begin + row]), ref, alts):
                self._add(codes.DUPLICATE, "it tells of a change that a record before it tells of",
                          line=int(numbers[begin + row]), column="ALT", seen=ref[:80] + b" > " + alts[:80])  # fmt: skip
            last = row

    def _new(self, position: int, ref: bytes, alts: bytes) -> bool:
        if len(self._changes) > _REMEMBERED:
            self._changes.clear()
        told = {trimmed(position, ref, alt) for alt in alts.split(b",") if _BASES.fullmatch(alt)}
        new = self._changes.isdisjoint(told)
        self._changes |= told
        return new

    def _ends(self, numbers: Numbers, positions: Numbers, table: Any, limits: list[int]) -> None:
        """Records whose END is before POS become suspect; an END beyond the contig is told of."""
        found = [(each.start(), int(each[1])) for each in _END.finditer(table.padded)]
        rows = np.searchsorted(table.starts, [place for place, _ in found], side="right") - 1
        names = {begin: table.text(_CHROM, begin).strip(b"<>").decode("utf-8", "replace") for begin in limits[:-1]}
        lengths = {begin: self._header.contigs.get(name) for begin, name in names.items()}
        known = any(length is not None for length in lengths.values())
        for row, (_, end) in zip(rows.tolist(), found, strict=True):
            if row < 0:
                continue
            if end < positions[row]:
                table.suspect[row] = True
            if known:
                length = lengths[limits[int(np.searchsorted(limits, row, side="right")) - 1]]
                if length is not None and end > length + 1:
                    self._add(codes.BEYOND, f"END is after the contig's {length:,} bases", line=int(numbers[row]),
                              column="INFO", seen=end, expected=f"at most {length}")  # fmt: skip
