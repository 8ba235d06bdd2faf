"""Pairs: two files of reads, or one, in which the reads of a pair stand at the same place.

Aligners take the first read of one file and the first of the other for a pair, and so on, whatever their names: a read
that is missing in one makes all that follow wrong, silently.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..check import Check, Cost, GroupCheck
from ..findings import Code, Severity
from ..found import Found
from ..streams.codes import STREAM_CODES
from .fastqnames import mate_of
from .fastqrecords import RECORD_CODES, records_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..subjects import Subject

__all__ = ["CHECKS", "Interleaved", "MatesCheck", "Pairs", "pairs_of"]

COUNT = Code("fastq.pair.count", Severity.ERROR, "Both files of a pair have as many reads.")
NAMES = Code("fastq.pair.names", Severity.ERROR, "The reads of a pair stand at the same place of both files.")
MATE = Code("fastq.pair.mate", Severity.ERROR, "The first file of a pair has the first reads, the second the second.")
MISSING = Code("fastq.pair.missing", Severity.NOTE, "Beside a file of first or second reads is that of the others.")
INTERLEAVED = Code("fastq.pair.interleaved", Severity.ERROR, "In a file of pairs each read is followed by its mate.")

# sample_S1_L001_R1_001.fastq.gz, sample_R1.fastq, sample.R1.fq, sample_1.fastq.gz, sample_1_val_1 of Trim Galore
_ILLUMINA = re.compile(r"(.*[._-][Rr])([12])((?:[._-].*)?\.(?:fastq|fq)(?:\.\w+)?)")
_PLAIN = re.compile(r"(.*[._-])([12])(\.(?:fastq|fq)(?:\.\w+)?)")
_FIRST, _SECOND = 1, 2


def pairs_of(names: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Pairs among names of files, and those that lack their other: ``a_R1.fastq.gz`` and ``a_R2.fastq.gz``, or with
    ``_1`` and ``_2``, in the same folder.
    """
    there, pairs, alone = set(names), [], []
    for name in names:
        for style in (_ILLUMINA, _PLAIN):
            if (said := style.fullmatch(name)) is not None:
                before, which, after = said.groups()
                other = f"{before}{3 - int(which)}{after}"
                if other in there and which == "1":
                    pairs.append((name, other))
                if other in there:
                    break
        else:
            if _ILLUMINA.fullmatch(name):
                alone.append(name)
    return pairs, alone


class Pairs(GroupCheck):
    """Whether the two files of each pair are in step: the same number of reads, of the same names, in the same order.

    Files are pairs by their names.  Where only a sample is asked for, the reads at the beginning are compared, and
    not how many there are.
    """

    name, version = "fastq.pairs", "1"
    codes = (COUNT, NAMES, MATE, MISSING, *RECORD_CODES)

    def look(self, subjects: Sequence[Subject], found: Found) -> None:
        """Look at every pair."""
        reads = {subject.name: subject for subject in subjects if _is_reads(subject)}
        pairs, alone = pairs_of(list(reads))
        for name in alone:
            found.add(MISSING, "there is no file of the other reads of its pairs beside it", member=name)
        for first, second in pairs:
            _compare(reads[first], reads[second], found)


class MatesCheck(GroupCheck):
    """Whether files of reads that were given as pairs are: among ``subjects``, which belong together in this order, the
    first of two files stands before the second; and where names are not of a pair, each file of first reads without its
    other, and one of second reads, by turns, are in step.
    """

    name, version = "fastq.mates", "1"
    codes = (COUNT, NAMES, MATE, *RECORD_CODES)

    def __init__(self, subjects: Sequence[Subject]) -> None:
        self._reads = {subject.name: subject for subject in subjects if _is_reads(subject)}

    def look(self, subjects: Sequence[Subject], found: Found) -> None:
        """Look at all of them; ``subjects`` are none."""
        pairs, places = pairs_of(list(self._reads))[0], {name: at for at, name in enumerate(self._reads)}
        for before, after in pairs:
            if places[after] < places[before]:
                found.add(MATE, f"it was given before {before}, which has the first reads of its pairs", member=after)
        paired = {name for pair in pairs for name in pair}
        left = [name for name in self._reads if name not in paired]
        first, second = ([name for name in left if _which(name) == which] for which in ("1", "2"))
        if len(first) == len(second):
            for one, other in zip(first, second, strict=True):
                _compare(self._reads[one], self._reads[other], found)


def _which(name: str) -> str | None:
    """Of which reads a file is by its name."""
    said = _ILLUMINA.fullmatch(name) or _PLAIN.fullmatch(name)
    return None if said is None else said[2]


def _is_reads(subject: Subject) -> bool:
    try:
        return subject.format == "fastq"
    except OSError:  # the file's own report says so
        return False


def _compare(first: Subject, second: Subject, found: Found) -> None:
    quiet = [Found("fastq.pairs", (*RECORD_CODES, *STREAM_CODES), limits=each.limits) for each in (first, second)]
    one, other = _Titles(first, quiet[0]), _Titles(second, quiet[1])
    at = 0
    while one.fill() and other.fill():
        count = min(len(one.titles), len(other.titles))
        if not _in_step(one, other, count, first, second, at, found):
            return
        at += count
        one.drop(count)
        other.drop(count)
        if first.cost is Cost.HEADER:
            break
    if first.cost is Cost.FULL and all(each.complete for each in quiet):
        left, right = one.count(), other.count()
        if left != right:
            longer = first if left > right else second
            what = f"{first.name} has {at + left:,} reads, {second.name} {at + right:,}"
            found.add(
                COUNT, what, member=longer.name, line=(one if left > right else other).line, seen=at + left,
                expected=at + right,
            )  # fmt: skip
    else:
        found.partly()


def _in_step(one: _Titles, other: _Titles, count: int, first: Subject, second: Subject, at: int, found: Found) -> bool:
    """Compare so many titles; whether the names were all the same."""
    for index, (left, right) in enumerate(zip(one.titles[:count], other.titles[:count], strict=True)):
        (name, mate), (named, mated) = mate_of(left), mate_of(right)
        number, line, shown = at + index + 1, other.lines[index], named.decode("utf-8", "backslashreplace")
        if name != named:
            what = f"read {number:,} is another one than in {first.name}, and so may be all after it"
            found.add(NAMES, what, member=second.name, line=line, record=shown, seen=named, expected=name)
            return False
        if mate == _SECOND or mated == _FIRST:
            wrong, told, line = (first, mate, one.lines[index]) if mate == _SECOND else (second, mated, line)
            what = f"read {number:,} is number {told} of its pair, in the file of the others"
            found.add(MATE, what, member=wrong.name, line=line, record=shown, seen=told)
            return False
    return True


class _Titles:
    """The titles of a file, a batch at a time."""

    def __init__(self, subject: Subject, quiet: Found) -> None:
        self._batches = records_of(subject.lines(quiet), quiet, limits=subject.limits)
        self.titles: list[bytes] = []
        self.lines: list[int] = []

    def fill(self) -> bool:
        """Read on where nothing is left; whether there is anything."""
        while not self.titles:
            batch = next(self._batches, None)
            if batch is None:
                return False
            self.titles, self.lines = batch.titles, batch.lines.tolist()
        return True

    def drop(self, count: int) -> None:
        """Go on."""
        self.titles, self.lines = self.titles[count:], self.lines[count:]

    @property
    def line(self) -> int | None:
        """The line of the first title that is left, if any is."""
        return self.lines[0] if self.lines else None

    def count(self) -> int:
        """How many are left, to the end of the file."""
        return len(self.titles) + sum(len(batch) for batch in self._batches)


class Interleaved(Check):
    """Whether a file that begins with both reads of a pair has pairs to its end."""

    name, version, formats, cost = "fastq.interleaved", "1", frozenset({"fastq"}), Cost.HEADER
    codes = (INTERLEAVED,)

    def look(self, subject: Subject, found: Found) -> None:
        """Look at names that stand one after the other."""
        quiet = Found(self.name, (*RECORD_CODES, *STREAM_CODES), limits=subject.limits)
        held: bytes | None = None
        reads = 0
        for batch in records_of(subject.lines(quiet), quiet, limits=subject.limits):
            titles = batch.titles if held is None else [held, *batch.titles]
            lines = batch.lines.tolist() if held is None else [None, *batch.lines.tolist()]
            if not reads and (len(titles) < _SECOND or not _mates(titles[0], titles[1])):
                return
            for index in range(0, len(titles) - 1, 2):
                if not _mates(titles[index], titles[index + 1]):
                    found.add(
                        INTERLEAVED, f"read {reads + index + 2:,} is not the mate of the one before it",
                        line=lines[index + 1], seen=titles[index + 1], expected=titles[index],
                    )  # fmt: skip
                    return
            reads += len(titles) - len(titles) % 2
            held = titles[-1] if len(titles) % 2 else None
            if subject.cost is Cost.HEADER:
                found.partly()
                return
        if held is not None and quiet.complete:
            found.add(INTERLEAVED, "the last read has no mate after it", seen=held)
        if not quiet.complete:
            found.partly()


def _mates(first: bytes, second: bytes) -> bool:
    (name, mate), (named, mated) = mate_of(first), mate_of(second)
    return name == named and (mate, mated) == (_FIRST, _SECOND)


CHECKS = (Pairs, Interleaved)
