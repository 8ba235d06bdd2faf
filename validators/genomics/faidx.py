"""Indexes of FASTA files, ``.fai``: that they are one, and that they are of the file beside them.

Whoever reads by an index that is of another version of its file gets the wrong letters, and no error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..check import Check, Cost, GroupCheck
from ..findings import Code, Severity
from ..found import Found
from ..streams.codes import STREAM_CODES
from .once import Once
from .sequences import Block, Entry, Walker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..subjects import Subject

__all__ = ["CHECKS", "FastaIndex", "FastaIndexRows"]

_SOURCE = "samtools faidx(5)"

COLUMNS = Code("fai.columns", Severity.ERROR, "A line has a name and four numbers, or five of a FASTQ file.", _SOURCE)
LAYOUT = Code("fai.layout", Severity.ERROR, "A line of the sequence has its letters and a line end.", _SOURCE)
DUPLICATE = Code("fai.name.duplicate", Severity.ERROR, "No two lines have the same name.", _SOURCE)
NAMES = Code("fai.names", Severity.ERROR, "An index has the sequences of its file, in their order.", _SOURCE)
LENGTH = Code("fai.length", Severity.ERROR, "An index says how long each sequence is.", _SOURCE)
OFFSET = Code("fai.offset", Severity.ERROR, "An index says where each sequence begins and how it is wrapped.", _SOURCE)
OLDER = Code("fai.older", Severity.WARNING, "An index is not older than its file.", _SOURCE)

_ROW = re.compile(rb"([^\t]+)\t(\d{1,18})\t(\d{1,18})\t(\d{1,18})\t(\d{1,18})(?:\t\d{1,18})?\r?")


def rows_of(subject: Subject, found: Found) -> Iterator[tuple[int, bytes, Entry | None]]:
    """The lines of an index, by their numbers, and what each says."""
    for lines in subject.lines(found):
        for index in range(len(lines)):
            said = _ROW.fullmatch(lines[index])
            entry = None
            if said is not None:
                length, offset, bases, width = map(int, said.groups()[1:])
                entry = Entry(said[1], lines.number(index), lines.place(index), offset, b"", length, bases, width)
            yield lines.number(index), lines[index], entry


class FastaIndexRows(Check):
    """Whether a file is an index of FASTA."""

    name, version, formats, cost = "fai.rows", "1", frozenset({"fai"}), Cost.HEADER
    codes = (COLUMNS, LAYOUT, DUPLICATE)

    def look(self, subject: Subject, found: Found) -> None:
        """Look at every line."""
        names = Once(subject.limits)
        for number, line, entry in rows_of(subject, found):
            if entry is None:
                found.add(COLUMNS, "it is no line of an index", line=number, seen=line)
                continue
            record = entry.name.decode("utf-8", "backslashreplace")
            if entry.length and not entry.line_bases < entry.line_width <= entry.line_bases + 2:
                seen = f"{entry.line_bases} letters in {entry.line_width} bytes"
                what = "a line has its letters and one or two bytes more"
                found.add(LAYOUT, what, line=number, offset=entry.at, record=record, seen=seen)
            if (first := names.before(entry.name, number)) is not None:
                what = f"line {first:,} has the same name"
                found.add(DUPLICATE, what, line=number, offset=entry.at, record=record)


class FastaIndex(GroupCheck):
    """Whether an index, ``reference.fa.fai``, is of the file beside it, ``reference.fa``, packed or not.

    Where only a sample is asked for, the sequences that end within it are compared.
    """

    name, version = "fai.fasta", "1"
    codes = (NAMES, LENGTH, OFFSET, OLDER)

    def look(self, subjects: Sequence[Subject], found: Found) -> None:
        """Look at every index with its file."""
        there = {subject.name: subject for subject in subjects}
        for name, index in there.items():
            sequences = there.get(name.removesuffix(".fai"))
            if name.endswith(".fai") and sequences is not None and _is_fasta(sequences):
                _older(sequences, index, found)
                _compare(sequences, index, found)


def _is_fasta(subject: Subject) -> bool:
    try:
        return subject.format == "fasta"
    except OSError:  # the file's own report says so
        return False


def _older(sequences: Subject, index: Subject, found: Found) -> None:
    if sequences.path is None or index.path is None:
        return
    if index.path.stat().st_mtime_ns < sequences.path.stat().st_mtime_ns:
        found.add(OLDER, f"it is older than {sequences.name}, which may have changed since", member=index.name)


def _entries(subject: Subject, quiet: Found) -> Iterator[Entry]:
    walker = Walker()
    for lines in subject.lines(quiet):
        yield from walker.take(Block.of(lines))
        if subject.cost is Cost.HEADER:
            quiet.partly()
            return
    last = walker.finish()
    if last is not None and quiet.complete:
        yield last


def _compare(sequences: Subject, index: Subject, found: Found) -> None:
    """Compare each line of the index with the sequence at its place, up to the first name that is another."""
    quiet = Found("fai.fasta", STREAM_CODES, limits=sequences.limits)
    rows = (row for _, _, row in rows_of(index, Found("fai.fasta", STREAM_CODES, limits=index.limits)) if row)
    for entry in _entries(sequences, quiet):
        row = next(rows, None)
        record = entry.name.decode("utf-8", "backslashreplace")
        if row is None or row.name != entry.name:
            seen = None if row is None else row.name
            what = f"{sequences.name} has another sequence at this place, and so may be all after it"
            line = None if row is None else row.line
            found.add(NAMES, what, member=index.name, line=line, record=record, seen=seen, expected=entry.name)
            return
        if row.length != entry.length:
            what = f"in {sequences.name} it has {entry.length:,} letters"
            found.add(
                LENGTH, what, member=index.name, line=row.line, record=record, seen=row.length, expected=entry.length
            )
        elif entry.length and entry.uneven is None:
            _layout(entry, row, sequences, index, found)
    if not quiet.complete:
        found.partly()
    elif (row := next(rows, None)) is not None:
        what = f"{sequences.name} has no such sequence after the others"
        found.add(NAMES, what, member=index.name, line=row.line, record=row.name.decode("utf-8", "backslashreplace"))


def _layout(entry: Entry, row: Entry, sequences: Subject, index: Subject, found: Found) -> None:
    """Where it begins, and how it is wrapped, which does not matter for a single line."""
    several = entry.length > entry.line_bases
    ours, theirs = (
        (each.offset, each.line_bases, each.line_width) if several else (each.offset, each.line_bases)
        for each in (entry, row)
    )
    if ours != theirs:
        what = f"in {sequences.name} it begins elsewhere, or has lines of another length"
        record = entry.name.decode("utf-8", "backslashreplace")
        found.add(
            OFFSET, what, member=index.name, line=row.line, record=record, seen=", ".join(map(str, theirs)),
            expected=", ".join(map(str, ours)),
        )  # fmt: skip


CHECKS = (FastaIndexRows, FastaIndex)
