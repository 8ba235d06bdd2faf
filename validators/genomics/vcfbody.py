"""The records of a VCF file, a block of lines at a time.

What holds between records (order, contigs, changes told twice) is looked at here, for a whole block at once; what holds
within one is left to its pattern, and to the exact look at those that do not match.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from . import vcfcodes as codes
from .hashing import HASHED, hashes
from .vcfalleles import Kinds, kinds_of
from .vcfmatching import Records
from .vcfmetrics import Figures
from .vcforder import Order
from .vcfpatterns import Patterns
from .vcfrecord import Judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from ..found import Found
    from ..streams.lines import Lines
    from .vcfheader import Header

    Numbers = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]

__all__ = ["Body"]

_TAB, _HASH, _RETURN, _COLON = 9, 35, 13, 58
_CHROM, _POS, _REF, _ALT, _FILTER, _INFO, _FORMAT = 0, 1, 3, 4, 6, 7, 8
_REMEMBERED = 1 << 16
# From so many samples on a record's own are cut out and put together rather than gathered one by one.
_MANY = 16
# Of the records that do not match, so many are looked at before it is asked whether they taught anything.
_FIRST, _FIRST_SAMPLES = 4, 1000


class _Table:
    """The records of a block as a table: where each field begins and ends in ``padded``."""

    def __init__(self, lines: Lines, rows: Numbers, tabs: Numbers, ends: Numbers) -> None:
        self.lines, self.rows = lines, rows
        self.padded = lines.data + b"\0" * 8
        self.array = np.frombuffer(self.padded, np.uint8)
        self.starts, self.tabs, self.ends = lines.starts[rows], tabs, ends
        self.suspect = np.zeros(len(rows), np.bool_)
        self.records = Records(lines)

    @cached_property
    def colons(self) -> Numbers:
        """Where colons are."""
        return np.flatnonzero(self.array == _COLON)

    def start(self, column: int) -> Numbers:
        """Where a column's fields begin."""
        return self.starts if column == 0 else self.tabs[:, column - 1] + 1

    def end(self, column: int) -> Numbers:
        """Where they end."""
        return self.ends if column == self.tabs.shape[1] else self.tabs[:, column]

    def text(self, column: int, row: int) -> bytes:
        """One field."""
        begin = int(self.tabs[row, column - 1]) + 1 if column else int(self.starts[row])
        return self.padded[begin : int(self.tabs[row, column] if column < self.tabs.shape[1] else self.ends[row])]

    def mentions(self, text: str) -> bool:
        """Whether some text stands anywhere in the block."""
        return self.records.mention(text)

    def hashes(self, column: int) -> npt.NDArray[np.uint64]:
        """Numbers that are equal where a column's fields are (their first bytes, and their length)."""
        return self.hash(self.start(column), self.end(column))

    def hash(self, start: Numbers, end: Numbers) -> npt.NDArray[np.uint64]:
        """The same for whatever stands between these places."""
        return hashes(self.padded, start, end)


class Body:
    """Looks at the blocks of one file, in their order."""

    def __init__(self, header: Header, found: Found) -> None:
        self._header, self._found = header, found
        self._judge = Judge(header, found.add)
        self._patterns = Patterns(self._judge)
        self._order = Order(header, found.add)
        self._kinds: dict[tuple[bytes, bytes], Kinds] = {}
        self.figures = Figures(header.samples)

    def look(self, lines: Lines, first: int) -> None:
        """Look at the lines of a block from the one with the index ``first`` on."""
        if first >= len(lines):
            return
        table = self._table(lines, first)
        if table is None:
            return
        alts = self._alleles(table)
        if not lines.terminated:
            table.suspect[-1] = True  # patterns tell by what follows a field where it ends
        self._order.look(table.rows + lines.first, table, self._base_changes)
        self._fields(table, alts)

    def _table(self, lines: Lines, first: int) -> _Table | None:
        """The lines that have as many fields as there are columns; of the others it is told."""
        width = self._header.width
        starts, ends = lines.starts[first:], lines.ends[first:].copy()
        array = lines.array
        returned = (ends > starts) & (array[np.maximum(ends - 1, 0)] == _RETURN)
        ends -= returned
        tabs = np.flatnonzero(array == _TAB)
        tabs = tabs[np.searchsorted(tabs, starts[0]) :]
        hashes = array[np.minimum(starts, len(array) - 1)] == _HASH
        if len(tabs) == len(starts) * (width - 1) and not hashes.any():
            matrix = tabs.reshape(-1, width - 1)
            if (matrix[:, 0] >= starts).all() and (matrix[:, -1] < ends).all():
                return _Table(lines, np.arange(first, len(lines)), matrix, ends)
        before = np.searchsorted(tabs, starts)
        count = np.searchsorted(tabs, ends) - before
        right = (count == width - 1) & ~hashes
        for index in np.flatnonzero(~right).tolist():
            self._odd(lines, first + index, int(count[index]) + 1)
        if not right.any():
            return None
        matrix = tabs[before[right][:, None] + np.arange(width - 1)]
        return _Table(lines, np.flatnonzero(right) + first, matrix, ends[right])

    def _odd(self, lines: Lines, index: int, fields: int) -> None:
        """Tell of a line that is no record, or one with more or fewer fields."""
        start, end = int(lines.starts[index]), int(lines.ends[index])
        line, number = lines.data[start : min(end, start + 200)], lines.number(index)
        if not line.strip(b"\r"):
            self._found.add(codes.BLANK, "there is an empty line", line=number)
        elif line.startswith(b"#"):
            self._found.add(codes.MISPLACED, "a line of the header follows the columns' names", line=number, seen=line)
        else:
            self._found.add(codes.FIELDS, f"it has {fields} fields, and there are {self._header.width} columns",
                            line=number, seen=fields, expected=self._header.width)  # fmt: skip

    def _base_changes(self, table: Any, row: int) -> tuple[bytes, bytes]:
        return table.text(_REF, row), table.text(_ALT, row)

    def _alleles(self, table: _Table) -> Numbers:
        """The number of each record's alternate alleles (0 for a dot), with kinds counted; records in which an allele
        is the reference or another one become suspect.
        """
        figures = self.figures
        start, size = table.start(_ALT), table.end(_ALT) - table.start(_ALT)
        ref, ref_size = table.start(_REF), table.end(_REF) - table.start(_REF)
        one, other = table.array[ref], table.array[start]
        alts = np.ones(len(table.rows), np.int64)
        single = (size == 1) & (ref_size == 1)
        upper_one, upper_other = _UPPER[one], _UPPER[other]
        pairs = np.bincount(_CODE[one[single]] * 8 + _CODE[other[single]], minlength=64).reshape(8, 8)
        figures.add("records", len(table.rows))
        figures.add("transitions", pairs[0, 2] + pairs[2, 0] + pairs[1, 3] + pairs[3, 1])
        figures.add("transversions", pairs[:4, :4].sum() - np.trace(pairs[:4, :4]) - pairs[0, 2] - pairs[2, 0]
                    - pairs[1, 3] - pairs[3, 1])  # fmt: skip
        dot, star = other == 46, other == 42
        same = single & (upper_one == upper_other)
        table.suspect |= same
        alts[(size == 1) & dot] = 0
        snv = single & ~dot & ~star & ~same
        substituted = np.where(snv, 2, 0)
        nothing = (size == 1) & (dot | same)
        kept = np.where(snv | nothing, -1, 1)
        figures.add("snvs", snv.sum())
        figures.add("unchanged", nothing.sum())
        rest = np.flatnonzero(~single & ~((size == 1) & dot))
        for rows, key in self._alike(table, rest):
            kinds = self._kinds.get(key)
            if kinds is None:
                kinds = kinds_of(*key)
                if len(self._kinds) >= _REMEMBERED:
                    self._kinds.clear()
                if len(key[0]) + len(key[1]) < 1 << 10:
                    self._kinds[key] = kinds
            number = key[1].count(b",") + 1
            alts[rows], substituted[rows], kept[rows] = number, kinds.substituted, kinds.kept
            table.suspect[rows] = kinds.same
            self._count(kinds, number, len(rows))
        self._told = np.stack([substituted, kept], axis=1)
        return alts

    @staticmethod
    def _alike(table: _Table, rows: Numbers) -> Iterator[tuple[Numbers, tuple[bytes, bytes]]]:
        """Records with the same REF and ALT together."""
        start, end = table.start(_REF)[rows], table.end(_ALT)[rows]
        short = end - start <= HASHED
        _, first, which = np.unique(table.hash(start[short], end[short]), return_index=True, return_inverse=True)
        order = np.argsort(which, kind="stable")
        parts = (
            np.split(rows[short][order], np.cumsum(np.bincount(which, minlength=len(first)))[:-1]) if len(first) else []
        )
        for part in (*parts, *(rows[~short][:, None])):
            row = int(part[0])
            yield part, (table.text(_REF, row), table.text(_ALT, row))

    def _count(self, kinds: Kinds, number: int, times: int) -> None:
        counts = self.figures.counts
        counts["snvs"] += times * kinds.snv
        counts["mnvs"] += times * kinds.mnv
        counts["indels"] += times * kinds.indel
        counts["others"] += times * kinds.other
        counts["unchanged"] += times * kinds.nothing
        counts["multiallelic"] += times * (number > 1)
        counts["transitions"] += times * kinds.transitions
        counts["transversions"] += times * kinds.transversions

    def _fields(self, table: _Table, alts: Numbers) -> None:
        """Hold records against the pattern of their FORMAT and number of alleles, and count genotypes."""
        formats: list[bytes | None] = [None]
        shapes = np.zeros(len(table.rows), np.int64)
        if self._header.width > _FORMAT:
            _, first, shapes = np.unique(table.hashes(_FORMAT), return_index=True, return_inverse=True)
            formats = [table.text(_FORMAT, row) for row in first.tolist()]
        groups = shapes * (int(alts.max()) + 1) + alts
        met, places = np.unique(groups, return_index=True)
        for group in met[np.argsort(places)].tolist():
            rows = np.flatnonzero(groups == group) if len(met) > 1 else np.arange(len(groups))
            shape, number = divmod(group, int(alts.max()) + 1)
            self._matching(table, rows, (number,) if number else (0, 1), formats[shape])
        for place, text in enumerate(formats):
            if text is not None and self._header.samples:
                self._genotypes(table, shapes == place if len(formats) > 1 else None, text)

    def _matching(self, table: _Table, rows: Numbers, counts: tuple[int, ...], text: bytes | None) -> None:
        known = None if text is None or len(text) < 1 << 12 else False
        size = max(1, min(_FIRST, _FIRST_SAMPLES // max(1, len(self._header.samples))))
        while len(rows):
            grown = self._judge.used.grown
            pattern = self._patterns.of(counts, text) if known is None else None
            found = None
            if pattern is not None:
                found = table.records.matching(table.rows[rows], pattern)
            if found is not None:
                wrong = ~found | table.suspect[rows]
                if not self._patterns.ordered(text):
                    wrong |= [_twice(table.text(_INFO, row)) for row in rows.tolist()]
                rows = rows[wrong]
            some = rows[:size]
            for row in some.tolist():
                index = int(table.rows[row])
                self._judge.record(table.lines[index], table.lines.number(index))
            rows, size = rows[len(some) :], size * 4
            if self._judge.used.grown == grown and (pattern is None or len(rows)):
                size = len(rows)  # nothing was learnt: what is left does not match either

    def _genotypes(self, table: _Table, chosen: Flags | None, text: bytes) -> None:
        keys = text.split(b":")
        if keys[0] != b"GT" and b"DP" not in keys:
            return
        rows = np.arange(len(table.rows)) if chosen is None else np.flatnonzero(chosen)
        if keys == [b"GT"] and len(self._header.samples) >= _MANY:
            even = self.figures.even(table.padded, table.start(_FORMAT + 1)[rows], table.ends[rows], self._told[rows])
            rows = rows[~even]
        if not len(rows):
            return
        tabs = table.tabs[rows] if len(rows) < len(table.rows) else table.tabs
        starts = tabs[:, _FORMAT:] + 1
        if keys[0] == b"GT":
            self.figures.genotypes(table.padded, starts, self._told[rows])
        if b"DP" in keys and len(keys) < 256:
            ends = np.concatenate([tabs[:, _FORMAT + 1 :], table.ends[rows][:, None]], axis=1)
            begin, end = _field(table, starts, ends, keys.index(b"DP"), len(keys))
            self.figures.depths(table.padded, begin, end)

    def finish(self) -> None:
        """Hand over the figures."""
        self.figures.tell(self._found)


def _twice(info: bytes) -> bool:
    """Whether a key of INFO is there twice."""
    keys = [part.partition(b"=")[0] for part in info.split(b";")]
    return len(set(keys)) < len(keys)


def _field(table: _Table, starts: Numbers, ends: Numbers, place: int, keys: int) -> tuple[Numbers, Numbers]:
    """Where the value at a place of each sample begins and ends; empty where there is none."""
    colons = table.colons
    if place == 0 and not len(colons):
        return starts, ends
    first, each = np.searchsorted(colons, starts[:, 0]), keys - 1
    if each and (np.searchsorted(colons, ends[:, -1]) - first == each * starts.shape[1]).all():
        # As many as there are where no sample leaves values out: the first and the last of each are its own then.
        at = first[:, None] + np.arange(0, each * starts.shape[1], each)
        if (colons[at] >= starts).all() and (colons[at + (each - 1)] < ends).all():
            begin = colons[at + (place - 1)] + 1 if place else starts
            return begin, colons[at + place] if place < each else ends
    colons = np.append(colons, np.full(place + 1, len(table.array)))
    at = np.searchsorted(colons, starts)
    begin = starts if place == 0 else np.minimum(colons[np.minimum(at + place - 1, len(colons) - 1)] + 1, ends)
    end = np.minimum(colons[np.minimum(at + place, len(colons) - 1)], ends)
    return begin, np.maximum(end, begin)


_UPPER = np.arange(256, dtype=np.uint8)
_UPPER[97:123] -= 32
_CODE = np.full(256, 7, np.int64)
for _place, _letters in enumerate((b"Aa", b"Cc", b"Gg", b"Tt")):
    _CODE[list(_letters)] = _place
