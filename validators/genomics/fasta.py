"""FASTA: sequences of nucleotides or of proteins, each after a line with its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from ..check import Check, Cost
from ..findings import Code, Severity
from .once import Once
from .sequences import Block, Walker

if TYPE_CHECKING:
    from ..found import Found
    from ..streams.lines import Lines
    from ..subjects import Subject
    from .sequences import Entry

__all__ = ["CHECKS", "FastaSequences"]

_NCBI = "NCBI, FASTA format for nucleotide and protein sequences"
_FAIDX = "samtools faidx(5)"

HEADER = Code("fasta.header.missing", Severity.ERROR, "A file begins with a header, a line that begins with >.", _NCBI)
NAMELESS = Code("fasta.name.missing", Severity.ERROR, "A name follows the > without a space.", _NCBI)
DUPLICATE = Code("fasta.name.duplicate", Severity.ERROR, "No two sequences have the same name.", _FAIDX)
CONTROL = Code("fasta.name.control", Severity.ERROR, "A header has no control characters but tabs.", _NCBI)
EMPTY = Code("fasta.sequence.empty", Severity.ERROR, "A sequence has a letter or more.", _NCBI)
ALPHABET = Code("fasta.sequence.alphabet", Severity.ERROR, "A sequence is of letters, gaps and stops.", _NCBI)
NUCLEOTIDE = Code(
    "fasta.sequence.nucleotide", Severity.WARNING, "In a file of nucleotides every letter is one of IUPAC's.", _NCBI
)
UNEVEN = Code(
    "fasta.line.uneven", Severity.WARNING, "All lines of a sequence but the last are of the same length.", _FAIDX
)
BLANK = Code("fasta.line.blank", Severity.WARNING, "No line is blank.", _NCBI)
CARRIAGE = Code("fasta.line.crlf", Severity.WARNING, "Lines end with a newline alone.")
UNFINISHED = Code("fasta.line.unterminated", Severity.WARNING, "The last line ends with a newline, as all others do.")

_LETTERS = bytes(range(65, 91)) + bytes(range(97, 123))
_ALLOWED = _LETTERS + b"*-.\r\n"
_NUCLEOTIDES = b"ACGTUNRYSWKMBDHVXacgtunryswkmbdhvx*-.\r\n"
_PLAIN = b"ACGTUNacgtun"
# A file is of nucleotides when of the letters at its beginning so many are one of the five, or N.
_MOSTLY = 0.9
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class FastaSequences(Check):
    """Whether a file is FASTA: names, letters, and lines that can be indexed.

    Whether it is of nucleotides or of proteins is guessed by its beginning, and told as ``fasta.kind``.
    """

    name, version, formats, cost = "fasta.sequences", "1", frozenset({"fasta"}), Cost.HEADER
    codes = (
        HEADER, NAMELESS, DUPLICATE, CONTROL, EMPTY, ALPHABET, NUCLEOTIDE, UNEVEN, BLANK, CARRIAGE, UNFINISHED,
    )  # fmt: skip

    def look(self, subject: Subject, found: Found) -> None:
        """Look at every sequence."""
        looked = _Looked(found, Once(subject.limits))
        for lines in subject.lines(found):
            looked.take(lines)
            if subject.cost is Cost.HEADER:
                found.partly()
                break
        looked.finish()


class _Looked:
    def __init__(self, found: Found, names: Once) -> None:
        self._found, self._names = found, names
        self._walker = Walker()
        self._headed = False
        self._nucleotides: bool | None = None
        self._count = self._letters = self._gc = self._unknown = self._returns = 0
        self._least, self._most = 1 << 62, 0
        self._unfinished: int | None = None

    def take(self, lines: Lines) -> None:
        """Look at a block."""
        block = Block.of(lines)
        if not self._headed:
            self._begin(block)
        for entry in self._walker.take(block):
            self._entry(entry)
        self._letters_of(block)
        if block.blank.any():
            self._blank(block)
        if b"\r" in lines.data:
            self._carriages(block)
        self._unfinished = None if lines.terminated else lines.number(len(lines) - 1)

    def _begin(self, block: Block) -> None:
        """The first line that is not blank is a header."""
        there = np.flatnonzero(~block.blank)
        if not len(there):
            return
        self._headed = True
        first = int(there[0])
        if not block.headers[first]:
            lines = block.lines
            what = "something stands before the first header"
            self._found.add(
                HEADER, what, line=lines.number(first), offset=lines.place(first), seen=lines[first], expected=">"
            )

    def _entry(self, entry: Entry) -> None:
        """Tell what is wrong with a sequence that is complete."""
        found, record = self._found, entry.name.decode("utf-8", "backslashreplace")
        self._count += 1
        self._least, self._most = min(self._least, entry.length), max(self._most, entry.length)
        if not entry.name:
            found.add(NAMELESS, "it has no name", line=entry.line, offset=entry.at, seen=b">" + entry.title)
        elif (first := self._names.before(entry.name, entry.line)) is not None:
            what = f"the sequence at line {first:,} has the same name"
            found.add(DUPLICATE, what, line=entry.line, offset=entry.at, record=record, seen=entry.name)
        if _CONTROL.search(entry.title):
            found.add(CONTROL, "its header has a control character", line=entry.line, offset=entry.at, seen=entry.title)
        if not entry.length:
            found.add(EMPTY, "it has no letters", line=entry.line, offset=entry.at, record=record)
        if entry.uneven is not None:
            what = "its lines are of different lengths, so that it cannot be indexed"
            found.add(UNEVEN, what, line=entry.uneven, record=record, expected=f"{entry.line_bases} letters")

    def _letters_of(self, block: Block) -> None:
        """Count letters, and tell of what is none."""
        letters = block.sequences()
        others = letters.translate(None, _ALLOWED)
        if self._nucleotides is None and letters.strip():
            whole = len(letters.translate(None, b"\r\n"))
            self._nucleotides = whole - len(letters.translate(None, _PLAIN + b"\r\n")) >= _MOSTLY * whole
        if others:
            self._tell(block, ALPHABET, _ALLOWED, "bytes that are no letters", "letters, - or *")
        elif self._nucleotides and letters.translate(None, _NUCLEOTIDES):
            self._tell(block, NUCLEOTIDE, _NUCLEOTIDES, "letters that stand for no nucleotide", "a letter of IUPAC")
        array = np.frombuffer(letters, np.uint8) & 0xDF
        self._gc += int(np.count_nonzero(array == ord("G")) + np.count_nonzero(array == ord("C")))
        self._unknown += int(np.count_nonzero(array == ord("N")))
        self._letters += len(letters.translate(None, b"\r\n"))

    def _tell(self, block: Block, code: Code, allowed: bytes, what: str, expected: str) -> None:
        for index in np.flatnonzero(~block.headers).tolist():
            line = block.lines[index]
            if other := line.translate(None, allowed):
                place = line.find(other[:1])
                self._found.add(
                    code, f"there are {what}", line=block.lines.number(index), offset=block.lines.place(index) + place,
                    seen=other, expected=expected,
                )  # fmt: skip

    def _blank(self, block: Block) -> None:
        places = np.flatnonzero(block.blank)
        told = places[: self._found.room(BLANK)].tolist()
        for index in told:
            self._found.add(BLANK, "it is blank", line=block.lines.number(index), offset=block.lines.place(index))
        self._found.count(BLANK, len(places) - len(told))

    def _carriages(self, block: Block) -> None:
        places = np.flatnonzero(block.ends != block.lines.ends)
        if not self._returns and len(places):
            first = int(places[0])
            what = "lines end with a carriage return before the newline"
            line, offset = block.lines.number(first), block.lines.place(first)
            self._found.add(CARRIAGE, what, line=line, offset=offset, seen=r"\r\n", expected=r"\n")
            self._found.count(CARRIAGE, len(places) - 1)
        else:
            self._found.count(CARRIAGE, len(places))
        self._returns += len(places)

    def finish(self) -> None:
        """Tell of the last sequence, and the figures."""
        found = self._found
        last = self._walker.finish()
        if last is not None and (last.length or found.complete):
            self._entry(last)
        if self._unfinished is not None and found.complete:
            what = "the last line has no newline: the file may have been cut off"
            found.add(UNFINISHED, what, line=self._unfinished)
        found.metric("fasta.sequences", self._count)
        found.metric("fasta.letters", self._letters)
        if self._nucleotides is not None:
            found.metric("fasta.kind", 1, of="nucleotide" if self._nucleotides else "protein")
        if self._count and self._letters:
            found.metric("fasta.length.least", self._least)
            found.metric("fasta.length.most", self._most)
        if self._nucleotides and self._letters:
            found.metric("fasta.gc", self._gc / self._letters)
            found.metric("fasta.n", self._unknown / self._letters)


CHECKS = (FastaSequences,)
