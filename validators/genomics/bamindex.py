"""Indexes of what is binary: BAI (SAM 1.6, 5.2), and the CSI (CSI 1) of BAM and BCF."""

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

__all__ = ["CHECKS", "INDEX_CODES", "BamIndex", "read_index"]

ERROR, WARNING, BAI, CSI = Severity.ERROR, Severity.WARNING, "SAM 1.6, 5.2", "CSI 1"

PACKED = Code("index.packed", ERROR, "An index that is packed is packed as BGZF.", "SAM 1.6, 5")
MAGIC = Code("index.magic", ERROR, "An index begins with BAI or CSI and 1.", BAI)
TRUNCATED = Code("index.truncated", ERROR, "An index goes on to its end.", BAI)
SHAPE = Code("index.shape", ERROR, "The bins of a CSI are of a size and in as many levels as can be.", CSI)
COUNT = Code("index.count", ERROR, "There are not more bins, chunks or intervals than there can be.", BAI)
BIN = Code("index.bin", ERROR, "A bin has a number that a bin can have, and none is there twice.", BAI)
CHUNK = Code("index.chunk", ERROR, "A chunk does not end before it begins.", BAI)
CHUNK_ORDER = Code("index.chunk.order", WARNING, "The chunks of a bin are in order, and do not overlap.", BAI)
LINEAR = Code("index.linear", ERROR, "Intervals begin where those before them do, or later.", BAI)
SUMMARY = Code("index.summary", ERROR, "The bin with the counts has two chunks, around all others.", BAI)
TRAILING = Code("index.trailing", ERROR, "Nothing follows the number of reads that have no place.", BAI)

INDEX_CODES = (PACKED, MAGIC, TRUNCATED, SHAPE, COUNT, BIN, CHUNK, CHUNK_ORDER, LINEAR, SUMMARY, TRAILING)
"""The rules of indexes."""

RULES = Rules(MAGIC, TRUNCATED, SHAPE, COUNT, BIN, CHUNK, CHUNK_ORDER, LINEAR, TRAILING, summary=SUMMARY)


class BamIndex(Check):
    """Bins, chunks, intervals and counts of BAI, and of a CSI that says nothing of columns."""

    name, version, formats = "index.bam", "1", frozenset({"bai", "csi"})
    codes = INDEX_CODES

    def look(self, subject: Subject, found: Found) -> None:
        """Look at all of it; a sample where no more is asked for."""
        stream = Stream(subject.blocks(found))
        if speaks_of_columns(stream):
            return  # it is of a text, and held against the rules of tabix
        index = _read(stream, subject, found)
        if index is None or subject.cost is not Cost.FULL or not found.complete:
            return
        for name, value in (("mapped", index.mapped), ("unmapped", index.unmapped), ("unplaced", index.unplaced)):
            if value is not None:
                found.metric(f"index.{name}", value)


def read_index(subject: Subject, found: Found) -> Index | None:
    """What an index says, held against its rules; ``None`` where it cannot be read to its end."""
    return _read(Stream(subject.blocks(found)), subject, found)


def _read(stream: Stream, subject: Subject, found: Found) -> Index | None:
    if subject.packing not in (None, "bgzip"):
        found.add(PACKED, "it is packed otherwise", seen=subject.packing, expected="bgzip")
    return Reader(stream, RULES, found, subject.limits).read()


CHECKS = (BamIndex,)
"""What is offered."""
