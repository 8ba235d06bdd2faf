"""Figures that say how good reads are.

::

    fastq.reads  fastq.bases                      how many; as fastp counts them
    fastq.length.least  .mean  .most              letters of a read
    fastq.q20  fastq.q30                          the share of letters with that quality or a better one
    fastq.gc  fastq.n                             the share of letters that are G or C, and N
    fastq.phred.mean                              of each position, from 1, and of all
    fastq.duplicates                              the share of reads that have been there before: an estimate
    fastq.adapter                                 the share of reads with an adapter in them, of each kind

Positions beyond the 500th have no figure of their own.
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from ..check import Check, Cost
from ..found import Found
from ..streams.codes import STREAM_CODES
from .fastqqualities import encoding_of
from .fastqrecords import RECORD_CODES, records_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..subjects import Subject
    from .fastqrecords import Batch

__all__ = ["ADAPTERS", "CHECKS", "FastqMetrics"]

ADAPTERS = {
    "illumina-universal": b"AGATCGGAAGAG",
    "illumina-small-rna-3": b"TGGAATTCTCGG",
    "illumina-small-rna-5": b"GATCGTCGGACT",
    "nextera": b"CTGTCTCTTATA",
}
"""The first twelve letters of adapters that Illumina publishes: longer ones are cut off by the read's end too often,
shorter ones are in genomes."""

# pyarrow makes these functions when it is imported, where no checker sees them.
pc: Any = pyarrow.compute

_ANY = b"|".join(ADAPTERS.values()).decode()
_POSITIONS = 500
_OFFSETS = (33, 64)
# Reads are taken for the same when they begin alike, since errors are more frequent towards their ends.
_BEGINNING = 50
_MOST_BEGINNINGS = 50_000


class FastqMetrics(Check):
    """How good the reads are: what they are made of, their qualities, duplicates and adapters."""

    name, version, formats, cost = "fastq.metrics", "1", frozenset({"fastq"}), Cost.SAMPLE

    def look(self, subject: Subject, found: Found) -> None:
        """Count."""
        quiet = Found(self.name, (*RECORD_CODES, *STREAM_CODES), limits=subject.limits)
        counted = _Counted()
        for batch in records_of(subject.lines(quiet), quiet, limits=subject.limits):
            counted.take(batch)
        if not quiet.complete:
            found.partly()
        counted.tell(found)


class _Counted:
    def __init__(self) -> None:
        self.reads = self.bases = self.gc = self.unknown = 0
        self.least, self.most = 1 << 62, 0
        self.lowest, self.highest = 255, 0
        self.sums = np.zeros(_POSITIONS, np.int64)
        self.reaching = np.zeros(_POSITIONS, np.int64)
        self.all_sums = 0
        self.above = {(offset, quality): 0 for offset in _OFFSETS for quality in (20, 30)}
        self.adapters = dict.fromkeys(ADAPTERS, 0)
        self.beginnings = _Beginnings()

    def take(self, batch: Batch) -> None:
        """Count what is in a batch."""
        letters = b"\n".join(batch.sequences)
        self.reads += len(batch)
        bases = len(letters) - len(batch) + 1
        self.bases += bases
        array = np.frombuffer(letters, np.uint8) & 0xDF  # upper case
        self.gc += int(np.count_nonzero(array == ord("G")) + np.count_nonzero(array == ord("C")))
        self.unknown += int(np.count_nonzero(array == ord("N")))
        self._adapters(batch)
        self._qualities(batch)
        self.beginnings.take(batch)

    def _adapters(self, batch: Batch) -> None:
        """Count reads with each adapter: all are looked for at once, and then each in what has any."""
        any_of = pc.match_substring_regex(pa.array(batch.sequences, pa.binary()), _ANY)
        for index in pc.indices_nonzero(any_of).to_pylist():
            for name, adapter in ADAPTERS.items():
                self.adapters[name] += adapter in batch.sequences[index]

    def _qualities(self, batch: Batch) -> None:
        ordered = sorted(batch.qualities, key=len)
        array = np.frombuffer(b"".join(ordered), np.uint8)
        self.least, self.most = min(self.least, len(ordered[0])), max(self.most, len(ordered[-1]))
        if not len(array):
            return
        self.lowest, self.highest = min(self.lowest, int(array.min())), max(self.highest, int(array.max()))
        for offset, quality in self.above:
            self.above[offset, quality] += int(np.count_nonzero(array >= offset + quality))
        at = 0
        for length, several in groupby(map(len, ordered)):
            count = sum(1 for _ in several)
            rows = array[at : at + count * length].reshape(count, length)
            self._positions(rows[:, :_POSITIONS])
            self.all_sums += _sum(rows[:, _POSITIONS:])
            at += count * length

    def _positions(self, rows: npt.NDArray[np.uint8]) -> None:
        width = rows.shape[1]
        # 257 bytes fit a sum of 16 bits, which is four times as fast as one of 64.
        for start in range(0, len(rows), 257):
            self.sums[:width] += rows[start : start + 257].sum(axis=0, dtype=np.uint16)
        self.reaching[:width] += len(rows)

    def tell(self, found: Found) -> None:
        """Tell all figures."""
        found.metric("fastq.reads", self.reads)
        found.metric("fastq.bases", self.bases)
        if not self.reads:
            return
        found.metric("fastq.length.least", self.least)
        found.metric("fastq.length.mean", self.bases / self.reads)
        found.metric("fastq.length.most", self.most)
        found.metric("fastq.duplicates", self.beginnings.share)
        for name, reads in self.adapters.items():
            found.metric("fastq.adapter", reads / self.reads, of=name)
        if not self.bases:
            return
        offset = encoding_of(self.lowest, self.highest).offset
        for quality in (20, 30):
            found.metric(f"fastq.q{quality}", self.above[offset, quality] / self.bases)
        found.metric("fastq.gc", self.gc / self.bases)
        found.metric("fastq.n", self.unknown / self.bases)
        found.metric("fastq.phred.mean", (self.all_sums + int(self.sums.sum())) / self.bases - offset)
        reached = np.flatnonzero(self.reaching)
        for position in reached.tolist():
            mean = self.sums[position] / self.reaching[position] - offset
            found.metric("fastq.phred.mean", mean, of=str(position + 1))


def _sum(rows: npt.NDArray[np.uint8]) -> int:
    return int(rows.sum(dtype=np.int64)) if rows.size else 0


class _Beginnings:
    """How often reads begin alike: all of them by hashes, and when these become too many, those of a sample."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._mask = 0

    def take(self, batch: Batch) -> None:
        """Count the beginnings of a batch."""
        hashes = np.fromiter([hash(each[:_BEGINNING]) for each in batch.sequences], np.int64, len(batch))
        self._counts.update(hashes[(hashes & self._mask) == 0].tolist())
        while len(self._counts) > _MOST_BEGINNINGS:
            self._mask = 2 * self._mask + 1
            self._counts = Counter({each: count for each, count in self._counts.items() if not each & self._mask})

    @property
    def share(self) -> float:
        """The share of reads that begin as one before them does."""
        reads = self._counts.total()
        return 1 - len(self._counts) / reads if reads else 0.0


CHECKS = (FastqMetrics,)
