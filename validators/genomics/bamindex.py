"""Indexes of BAM: BAI (SAM 1.6, 5.2) and CSI (CSI 1), which indexes other sorted files as well."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..check import Check, Cost
from ..findings import Code, Severity
from .bamlayout import Stream

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..found import Found
    from ..limits import Limits
    from ..subjects import Subject

__all__ = ["CHECKS", "INDEX_CODES", "BamIndex", "Index", "read_index"]

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

_PAIR = struct.Struct("<Ii")
_TRIPLE = struct.Struct("<IQi")
_MOST_INTERVALS = 1 << 17


@dataclass
class Index:
    """What an index says: how many references there are, where in the file it points to (virtual offsets, each once),
    and how many reads it says are mapped, placed but not mapped, and not placed, where it says so.
    """

    references: int = 0
    places: npt.NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    mapped: int | None = None
    unmapped: int | None = None
    unplaced: int | None = None


class BamIndex(Check):
    """Bins, chunks, intervals and counts of BAI and CSI."""

    name, version, formats = "index.bam", "1", frozenset({"bai", "csi"})
    codes = INDEX_CODES

    def look(self, subject: Subject, found: Found) -> None:
        """Look at all of it; a sample where no more is asked for."""
        index = read_index(subject, found)
        if index is None or subject.cost is not Cost.FULL or not found.complete:
            return
        for name, value in (("mapped", index.mapped), ("unmapped", index.unmapped), ("unplaced", index.unplaced)):
            if value is not None:
                found.metric(f"index.{name}", value)


def read_index(subject: Subject, found: Found) -> Index | None:
    """What an index says, held against its rules; ``None`` where it cannot be read to its end."""
    if subject.packing not in (None, "bgzip"):
        found.add(PACKED, "it is packed otherwise", seen=subject.packing, expected="bgzip")
    stream = Stream(subject.blocks(found))
    reading = _Reading(stream, found, subject.limits)
    try:
        return reading.read()
    except EOFError:
        if found.complete:
            found.add(TRUNCATED, "it ends within what it says it has", offset=stream.place)
        return None


class _Reading:
    def __init__(self, stream: Stream, found: Found, limits: Limits) -> None:
        self.stream, self.found, self.limits = stream, found, limits
        self.index = Index()
        self.places: list[npt.NDArray[np.uint64]] = []
        self.held = 0
        self.linear = True
        self.bins = 37449

    def _take(self, size: int) -> bytes:
        if size < 0 or size > self.limits.memory or not self.stream.has(size):
            raise EOFError
        return self.stream.take(size)

    def _count(self, most: int, what: str) -> int:
        place = self.stream.place
        count = int(struct.unpack("<i", self._take(4))[0])
        if not 0 <= count <= most:
            self.found.add(COUNT, f"it says an impossible number of {what}", offset=place, seen=count, expected=most)
            raise EOFError
        return count

    def read(self) -> Index | None:
        """All of it.  Raises ``EOFError``."""
        magic = self._take(4) if self.stream.has(4) else b""
        if magic not in (b"BAI\x01", b"CSI\x01"):
            self.found.add(MAGIC, "it does not begin as an index does", offset=0, seen=magic.hex(" "))
            return None
        if magic[0] == ord("C") and not self._shape():
            return None
        self.index.references = self._count((1 << 31) - 1, "references")
        for number in range(self.index.references):
            self._reference(number)
        if self.stream.has(8):
            self.index.unplaced = int(struct.unpack("<Q", self._take(8))[0])
        if self.stream.has(1) and self.found.complete:
            self.found.add(TRAILING, "something follows its end", offset=self.stream.place)
        self._gather()
        self.index.places = self.places[0] if self.places else self.index.places
        return self.index

    def _shape(self) -> bool:
        self.linear = False
        shift, depth, extra = struct.unpack("<iii", self._take(12))
        if not (0 < shift < 48 and 0 <= depth <= 9) or extra < 0:
            seen = f"{shift}, {depth}, {extra}"
            self.found.add(SHAPE, "its bins cannot be", offset=4, seen=seen, expected="as 14, 5, 0")
            return False
        self.bins = ((1 << 3 * (depth + 1)) - 1) // 7
        self._take(extra)
        return True

    def _reference(self, number: int) -> None:
        seen: set[int] = set()
        least, most = 1 << 64, 0
        summary: npt.NDArray[np.uint64] | None = None
        # One bin more than there are is for counts, and its number is one behind the next.
        for _ in range(self._count(self.bins + 2, "bins")):
            place = self.stream.place
            if self.linear:
                bin, count = _PAIR.unpack(self._take(_PAIR.size))
            else:
                bin, _, count = _TRIPLE.unpack(self._take(_TRIPLE.size))
            if not 0 <= count <= self.limits.memory // 16:
                self.found.add(COUNT, "it says an impossible number of chunks", offset=place, seen=count)
                raise EOFError
            chunks = np.frombuffer(self._take(16 * count), "<u8").reshape(-1, 2)
            if bin in seen or bin > self.bins + 1 or bin == self.bins:
                what = "the bin is there twice" if bin in seen else "there is no such bin"
                self.found.add(BIN, what, offset=place, row=number, seen=bin, expected=f"below {self.bins}")
            seen.add(bin)
            if bin == self.bins + 1:
                summary = chunks
                self._counts(chunks, place, number)
                continue
            self._chunks(chunks, place, number)
            if count:
                least, most = min(least, int(chunks[0, 0])), max(most, int(chunks[-1, 1]))
        if self.linear:
            self._intervals(number)
        if (
            summary is not None
            and len(summary) == 2
            and most
            and not (summary[0, 0] <= least and most <= summary[0, 1])
        ):
            self.found.add(SUMMARY, "chunks lie outside what the reference has", row=number)

    def _counts(self, chunks: npt.NDArray[np.uint64], place: int, number: int) -> None:
        if len(chunks) != 2:
            what = "the bin with the counts has not two chunks"
            self.found.add(SUMMARY, what, offset=place, row=number, seen=len(chunks), expected=2)
            return
        self._keep(chunks[:1].ravel())
        self.index.mapped = (self.index.mapped or 0) + int(chunks[1, 0])
        self.index.unmapped = (self.index.unmapped or 0) + int(chunks[1, 1])

    def _chunks(self, chunks: npt.NDArray[np.uint64], place: int, number: int) -> None:
        if (chunks[:, 0] > chunks[:, 1]).any():
            self.found.add(CHUNK, "a chunk ends before it begins", offset=place, row=number)
        elif (chunks[1:, 0] < chunks[:-1, 1]).any():
            self.found.add(CHUNK_ORDER, "chunks are not in order, or overlap", offset=place, row=number)
        self._keep(chunks.ravel())

    def _intervals(self, number: int) -> None:
        place = self.stream.place
        intervals = np.frombuffer(self._take(8 * self._count(_MOST_INTERVALS, "intervals")), "<u8")
        # Until the first alignment there is nowhere to point to.
        there = intervals[intervals > 0]
        if (there[1:] < there[:-1]).any():
            self.found.add(LINEAR, "an interval begins before the one before it", offset=place, row=number)
        self._keep(there)

    def _keep(self, places: npt.NDArray[np.uint64]) -> None:
        self.places.append(places)
        self.held += len(places)
        if self.held * 8 > self.limits.memory // 4:
            self._gather()

    def _gather(self) -> None:
        if self.places:
            self.places = [np.unique(np.concatenate(self.places)).astype(np.uint64)]
            self.held = len(self.places[0])


CHECKS = (BamIndex,)
"""What is offered."""
