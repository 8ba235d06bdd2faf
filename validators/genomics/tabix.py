"""Indexes of texts by coordinates, as tabix makes them: TBI, and CSI that says which columns it is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..check import Check, Cost
from ..findings import Code, Severity
from .bamlayout import Stream
from .binindex import Reader, Rules, speaks_of_columns

if TYPE_CHECKING:
    from ..found import Found
    from ..subjects import Subject
    from .binindex import Index

__all__ = ["CHECKS", "INDEX_CODES", "Tabix", "read_index"]

_ERROR = Severity.ERROR
CUT = Code("tabix.cut", _ERROR, "An index ends after what it says it has.", "CSI 1; tabix")
HEADER = Code("tabix.header", _ERROR, "An index says of which format and columns it is.", "tabix")
BGZF = Code("tabix.bgzf", _ERROR, "An index is packed by bgzip.", "CSI 1; tabix")
NAMES = Code("tabix.names", _ERROR, "There is a name for each sequence, and no two are the same.", "tabix")
BIN = Code("tabix.bin", _ERROR, "A bin is one that there can be, and there once.", "SAM 1.6, 5.1.1; CSI 1")
CHUNK = Code("tabix.chunk", _ERROR, "Chunks begin before they end, and follow one another.", "SAM 1.6, 5.1.1; CSI 1")
LINEAR = Code("tabix.linear", _ERROR, "Offsets of the linear index never decrease.", "SAM 1.6, 5.1.3")
TRAILING = Code("tabix.trailing", _ERROR, "Nothing follows the number of what has no coordinates.", "CSI 1; tabix")

INDEX_CODES = (CUT, BGZF, HEADER, NAMES, BIN, CHUNK, LINEAR, TRAILING)
"""The rules of indexes."""

RULES = Rules(HEADER, CUT, HEADER, CUT, BIN, CHUNK, CHUNK, LINEAR, TRAILING, columns=HEADER, names=NAMES)


class Tabix(Check):
    """Columns, names, bins, chunks and intervals of TBI, and of a CSI that says of columns."""

    name, version, formats = "tabix", "2", frozenset({"tbi", "csi"})
    cost = Cost.HEADER
    codes = INDEX_CODES

    def look(self, subject: Subject, found: Found) -> None:
        """Look at all of it: an index is small."""
        stream = Stream(subject.blocks(found))
        if subject.format == "csi" and not speaks_of_columns(stream):
            return  # it is of BAM or BCF, and held against the rules of those
        if subject.packing != "bgzip":
            found.add(BGZF, "it is not", seen=subject.packing, expected="bgzip")
        Reader(stream, RULES, found, subject.limits).read()


def read_index(subject: Subject, found: Found) -> Index | None:
    """What an index says; ``None`` where it cannot be read to its end, or not all of it was."""
    index = Reader(Stream(subject.blocks(found)), RULES, found, subject.limits).read()
    return index if found.complete else None


CHECKS = (Tabix,)
