"""Names of reads: what they are made of, and whether two reads have the same.

Names are compared by hashes.  A bounded number of them is kept; when there are more, only those whose lowest bit is
zero are, then those whose lowest two bits are, and so on: a sample of the names that has all reads of each name in it.
What it finds is held against the names themselves, by reading the file again, so that no hash is taken for a name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from ..findings import Code, Severity
from ..found import Found
from ..streams.codes import STREAM_CODES
from .fastqrecords import RECORD_CODES, records_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..limits import Limits
    from ..subjects import Subject
    from .fastqrecords import Batch

__all__ = ["DUPLICATE", "Names", "illumina", "mate_of"]

DUPLICATE = Code("fastq.name.duplicate", Severity.WARNING, "No two reads of a file have the same name.")

# Bytes for each read that is kept: its hash and its number.
_EACH = 16
_MOST = 4 << 20
# Of what follows a name the space and two letters belong to it, which tell the mates of a pair apart: 1: and 2:.
_AFTER = 3
# A file is of pairs when so large a share of its reads has the name of the one before or after it.
_PAIRED = 0.9

_ILLUMINA = re.compile(
    # CASAVA 1.8: instrument, run, flow cell, lane, tile, x, y, UMI; read, filtered, control, sample
    rb"@?[\w-]+:\d+:[\w-]+:\d+:\d+:\d+:\d+(?::[ACGTN+r]+)?(?: [12]:[YN]:\d+:[ACGTN+\d]*)?"
    # before it: instrument, lane, tile, x, y, index, read
    rb"|[\w-]+:\d+:\d+:-?\d+:-?\d+(?:#[\w+]+)?(?:/[12])?"
)


def illumina(title: bytes) -> bool:
    """Whether a title is of the form that Illumina's sequencers give it."""
    return _ILLUMINA.fullmatch(title) is not None


def mate_of(title: bytes) -> tuple[bytes, int]:
    """The name that both reads of a pair share, and which of the two this is; 0 where the title does not say."""
    name, _, rest = title.partition(b" ") if b" " in title else title.partition(b"\t")
    if rest[:2] in (b"1:", b"2:"):
        return name, int(rest[:1])
    if name[-2:] in (b"/1", b"/2"):
        return name[:-2], int(name[-1:])
    return name, 0


class Names:
    """The names of the reads of a file."""

    def __init__(self, limits: Limits) -> None:
        self._most = max(1, min(_MOST, limits.memory // (8 * _EACH)))
        self._parts: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
        self._kept, self._mask, self._reads = 0, 0, 0

    def take(self, batch: Batch) -> None:
        """Take the names of a batch."""
        keys = [title if (end := title.find(b" ")) < 0 else title[: end + _AFTER] for title in batch.titles]
        hashes = np.fromiter(map(hash, keys), np.int64, len(batch))
        numbers = np.arange(self._reads, self._reads + len(batch))
        self._reads += len(batch)
        if self._mask:
            kept = (hashes & self._mask) == 0
            hashes, numbers = hashes[kept], numbers[kept]
        self._parts.append((hashes, numbers))
        self._kept += len(hashes)
        while self._kept > self._most:
            self._mask = 2 * self._mask + 1
            every, places = self._together()
            kept = (every & self._mask) == 0
            self._parts = [(every[kept], places[kept])]
            self._kept = int(kept.sum())

    def _together(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        return np.concatenate([one for one, _ in self._parts]), np.concatenate([other for _, other in self._parts])

    def tell(self, subject: Subject, found: Found) -> None:
        """Tell which reads have the name of one before them."""
        if not self._reads:
            return
        found.metric("fastq.names.seen", 1 / (self._mask + 1))
        hashes, numbers = self._together()
        order = np.lexsort((numbers, hashes))
        hashes, numbers = hashes[order], numbers[order]
        again = np.flatnonzero(hashes[1:] == hashes[:-1]) + 1
        mates = (numbers[again] == numbers[again - 1] + 1) & (numbers[again] % 2 == 1)
        if 2 * mates.sum() >= _PAIRED * len(hashes):
            again = again[~mates]  # the mates of pairs, one after the other, under one name
        if not len(again):
            return
        first = np.searchsorted(hashes, hashes[again])
        pairs = sorted(zip(numbers[again].tolist(), numbers[first].tolist(), strict=True))
        _tell(subject, found, pairs[: max(1, found.room(DUPLICATE))], len(pairs))


def _named(title: bytes) -> bytes:
    end = title.find(b" ")
    return title if end < 0 else title[: end + _AFTER]


def _tell(subject: Subject, found: Found, pairs: list[tuple[int, int]], count: int) -> None:
    """Read the file once more, as far as the last of the reads that seem to have the name of another."""
    wanted = np.unique(np.array(pairs))
    seen: dict[int, tuple[bytes, int, int]] = {}
    quiet = Found("fastq.records", (*RECORD_CODES, *STREAM_CODES), limits=subject.limits)
    at = 0
    for batch in records_of(subject.lines(quiet), quiet, limits=subject.limits):
        for number in wanted[np.searchsorted(wanted, at) : np.searchsorted(wanted, at + len(batch))].tolist():
            index = number - at
            seen[number] = batch.titles[index], int(batch.lines[index]), int(batch.offsets[index])
        at += len(batch)
        if at > wanted[-1]:
            break
    told = 0
    for second, first in pairs:
        if second in seen and first in seen and _named(seen[second][0]) == _named(seen[first][0]):
            title, line, offset = seen[second]
            name = mate_of(title)[0].decode("utf-8", "backslashreplace")
            what = f"the read at line {seen[first][1]:,} has the same name"
            found.add(DUPLICATE, what, line=line, offset=offset, record=name, seen=title)
            told += 1
    if told and count > len(pairs):
        found.count(DUPLICATE, count - len(pairs))
