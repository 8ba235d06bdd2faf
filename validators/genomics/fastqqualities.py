"""Qualities of reads: which bytes they are, and by which of the encodings that were ever in use.

Bytes from 33 to 126 are qualities.  Sanger's begin at 33, those of Solexa at 59 (which is −5), Illumina's before
version 1.8 at 64; only bytes below 59, or below 64, tell for certain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..findings import Code, Severity

if TYPE_CHECKING:
    from ..found import Found
    from .fastqrecords import Batch

__all__ = ["ENCODING", "MIXED", "RANGE", "Encoding", "Qualities", "encoding_of"]

_SOURCE = "Cock et al. 2010, doi:10.1093/nar/gkp1137"

RANGE = Code("fastq.quality.range", Severity.ERROR, "A quality is a byte from 33, !, to 126, ~.", _SOURCE)
ENCODING = Code(
    "fastq.quality.encoding", Severity.NOTE, "Qualities begin at 33, as Sanger's do and all since Illumina 1.8.",
    _SOURCE,
)  # fmt: skip
MIXED = Code("fastq.quality.mixed", Severity.WARNING, "All qualities of a file have one encoding.", _SOURCE)

_LOWEST, _HIGHEST = 33, 126
_SOLEXA, _ILLUMINA, _ILLUMINA_15 = 59, 64, 66
# J, the best that sequencers wrote by 33 for long; what is above it, and nothing below 59, is counted from 64.
_BEST_BY_33 = 74
# Reads by 64 that go no further than i, 41, and further than any by 33 of Illumina's; those of other makers that have
# such qualities have many above.
_HIGH_BY_33, _BEST_BY_64 = 78, 105
# A share of a file's reads below which a few odd ones are no mixture.
_SHARE = 0.01
_TABLE = bytes(range(_LOWEST, _HIGHEST + 1))


@dataclass(frozen=True)
class Encoding:
    """What qualities are counted from, and who did so: ``sanger``, ``solexa``, ``illumina-1.3`` or ``illumina-1.5``."""

    name: str
    offset: int


def encoding_of(lowest: int, highest: int) -> Encoding:
    """The encoding of qualities of which these are the least and the most; where nothing tells, Sanger's."""
    if lowest < _SOLEXA or highest <= _BEST_BY_33:
        return Encoding("sanger", 33)
    if lowest < _ILLUMINA:
        return Encoding("solexa", 64)
    return Encoding("illumina-1.3" if lowest < _ILLUMINA_15 else "illumina-1.5", 64)


class Qualities:
    """The qualities of a file."""

    def __init__(self) -> None:
        self._lowest, self._highest = 255, 0
        self._reads, self._low, self._high = 0, 0, 0
        self._first_high: tuple[int, int, str] | None = None

    def take(self, batch: Batch, found: Found) -> None:
        """Take the qualities of a batch."""
        joined = b"".join(batch.qualities)
        self._reads += len(batch)
        if not joined:
            return
        array = np.frombuffer(joined, np.uint8)
        lowest, highest = int(array.min()), int(array.max())
        if lowest < _LOWEST or highest > _HIGHEST:
            _tell(batch, found)
            inside = array[(array >= _LOWEST) & (array <= _HIGHEST)]
            if not len(inside):
                return
            lowest, highest = int(inside.min()), int(inside.max())
        self._lowest, self._highest = min(lowest, self._lowest), max(highest, self._highest)
        if highest > _HIGH_BY_33:
            self._by_read(array, batch)
        elif lowest < _SOLEXA:
            self._low += len(batch)

    def _by_read(self, array: np.ndarray[tuple[int], np.dtype[np.uint8]], batch: Batch) -> None:
        """Count reads that are by 33, and those that are most likely by 64."""
        lengths = np.array([len(each) for each in batch.qualities])
        kept = np.flatnonzero(lengths)
        starts = (np.cumsum(lengths) - lengths)[kept]
        lowest, highest = np.minimum.reduceat(array, starts), np.maximum.reduceat(array, starts)
        self._low += int(((lowest >= _LOWEST) & (lowest < _SOLEXA)).sum())
        high = (lowest >= _ILLUMINA) & (highest > _HIGH_BY_33) & (highest <= _BEST_BY_64)
        self._high += int(high.sum())
        if self._first_high is None and high.any():
            first = int(kept[high.argmax()])
            name = batch.titles[first].split(None, 1)[:1]
            named = b"".join(name).decode("utf-8", "backslashreplace")
            self._first_high = int(batch.quality_lines[first]), int(batch.quality_offsets[first]), named

    def tell(self, found: Found) -> None:
        """Tell what they are: ``fastq.quality.offset``, ``.lowest`` and ``.highest``, as bytes."""
        if not self._highest:
            return
        encoding = encoding_of(self._lowest, self._highest)
        found.metric("fastq.quality.offset", encoding.offset)
        found.metric("fastq.quality.encoding", 1, of=encoding.name)
        found.metric("fastq.quality.lowest", self._lowest)
        found.metric("fastq.quality.highest", self._highest)
        if encoding.offset != 33:
            seen = f"from {chr(self._lowest)} to {chr(self._highest)}"
            what = f"the qualities seem to be counted from 64, as those of {encoding.name} are"
            found.add(ENCODING, what, seen=seen, expected="a quality below ;, or none above J")
        if self._first_high and min(self._low, self._high) >= max(1, _SHARE * self._reads):
            line, offset, name = self._first_high
            found.add(
                MIXED,
                f"the qualities of {self._low:,} reads are counted from 33, and those of {self._high:,} seem to be "
                "counted from 64, as if files of two encodings had been put together",
                line=line, offset=offset, record=name,
            )  # fmt: skip


def _tell(batch: Batch, found: Found) -> None:
    for index, qualities in enumerate(batch.qualities):
        if not (other := qualities.translate(None, _TABLE)):
            continue
        place = qualities.find(other[:1])
        name = b"".join(batch.titles[index].split(None, 1)[:1]).decode("utf-8", "backslashreplace")
        what = f"{len(other)} of its qualities are none, the first at position {place + 1}"
        found.add(
            RANGE, what, line=int(batch.quality_lines[index]), offset=int(batch.quality_offsets[index]) + place,
            record=name, seen=other, expected="! to ~",
        )  # fmt: skip
