"""GFF3: features of a genome, the parts of each pointing at what they are parts of."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..check import Check, Cost
from ..findings import Code, Severity
from .columns import Ends, Rows, heads_of, rows_of, tell
from .features import feature_codes, look_at_columns
from .gff3attributes import ATTRIBUTE_CODES, Attributes
from .gff3family import FAMILY_CODES, Family

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..found import Found
    from ..streams.lines import Lines
    from ..subjects import Subject

    Numbers = npt.NDArray[np.int64]

__all__ = ["CHECKS", "Gff3Features"]

_SOURCE = "GFF3 1.26"

VERSION = Code("gff3.version", Severity.ERROR, "The first line is ##gff-version 3.", _SOURCE)
COLUMNS = Code("gff3.columns", Severity.ERROR, "A feature has nine columns with tabs between.", _SOURCE)
DIRECTIVE = Code("gff3.directive", Severity.ERROR, "A directive says what belongs to it.", _SOURCE)
REGION = Code("gff3.region", Severity.ERROR, "A feature lies within the region of its sequence.", _SOURCE)
FASTA = Code("gff3.fasta", Severity.ERROR, "What follows ##FASTA is sequences, each after a header.", _SOURCE)
CONTROL = Code("gff3.control", Severity.ERROR, "The text is UTF-8, without control characters.", _SOURCE)
CARRIAGE = Code("gff3.line.crlf", Severity.WARNING, "Lines end with a newline alone.", _SOURCE)
UNFINISHED = Code("gff3.line.unterminated", Severity.WARNING, "The last line ends with a newline.", _SOURCE)
_FEATURE = feature_codes("gff3", _SOURCE, phase="phase")

_VERSION = re.compile(rb"##gff-version\s+3(?:\.\d+){0,2}\s*")
_REGION = re.compile(rb"##sequence-region\s+(\S+)\s+(\d{1,18})\s+(\d{1,18})\s*")
_CONTROLS = bytes(range(9)) + bytes(range(11, 13)) + bytes(range(14, 32)) + b"\x7f"
_LETTERS = bytes(range(65, 91)) + bytes(range(97, 123)) + b"*-.\r\n"
_HASH, _HEADER = ord("#"), ord(">")
_TRANSLATED = frozenset({b"CDS", b"SO:0000316"})


class Gff3Features(Check):
    """Whether a file is GFF3: its columns, its attributes, and whether each part has what it is a part of."""

    name, version, formats, cost = "gff3.features", "1", frozenset({"gff3"}), Cost.HEADER
    codes = (
        VERSION, COLUMNS, DIRECTIVE, REGION, FASTA, CONTROL, CARRIAGE, UNFINISHED, *_FEATURE.every(), *ATTRIBUTE_CODES,
        *FAMILY_CODES,
    )  # fmt: skip

    def look(self, subject: Subject, found: Found) -> None:
        """Look at every line."""
        looked = _Looked(subject, found)
        for lines in subject.lines(found):
            looked.take(lines)
            if subject.cost is Cost.HEADER:
                found.partly()
                break
        looked.finish()


class _Looked:
    def __init__(self, subject: Subject, found: Found) -> None:
        self._found = found
        self._ends = Ends(CARRIAGE, UNFINISHED)
        self._begun = self._in_sequences = self._headed = self._lettered = False
        self._regions: dict[bytes, tuple[int, int]] = {}
        self._circular: set[bytes] = set()
        self._attributes = Attributes()
        self._family = Family(subject.limits)
        self._features = 0

    def take(self, lines: Lines) -> None:
        """Look at a block."""
        ends = self._ends.of(lines, self._found)
        if not self._begun and len(lines):
            self._begun = True
            first = lines.data[lines.starts[0] : ends[0]]
            if not _VERSION.fullmatch(first):
                what = "the first line does not say that it is GFF3"
                self._found.add(VERSION, what, line=lines.first, seen=first, expected="##gff-version 3")
        self._controls(lines)
        if self._in_sequences:
            self._sequences(lines, 0)
            return
        heads = heads_of(lines, ends)
        wanted = (heads != 0) & (heads != _HASH)
        at = 0
        for index in np.flatnonzero((heads == _HASH) | (heads == _HEADER)).tolist():
            line = lines.data[lines.starts[index] : ends[index]]
            if line.startswith(b"##") or heads[index] == _HEADER:
                self._part(lines, ends, wanted, at, index)
                at = index
                if self._directive(line, lines.number(index)):
                    self._in_sequences = True
                    self._sequences(lines, index + (heads[index] == _HASH))
                    return
        self._part(lines, ends, wanted, at, len(lines))

    def _controls(self, lines: Lines) -> None:
        sound = len(lines.data) == len(lines.data.translate(None, _CONTROLS))
        if sound and (lines.data.isascii() or _is_text(lines.data)):
            return
        for index in range(len(lines)):
            line = lines[index]
            if line.translate(None, _CONTROLS) != line or not _is_text(line):
                what = "it has control characters, or is no UTF-8"
                self._found.add(CONTROL, what, line=lines.number(index), offset=lines.place(index), seen=line)

    def _directive(self, line: bytes, number: int) -> bool:
        """Follow a directive; whether sequences begin after it."""
        if line.startswith(b"##sequence-region"):
            said = _REGION.fullmatch(line)
            if said is None or not 1 <= int(said[2]) <= int(said[3]):
                what = "it names no sequence, or not from where to where"
                self._found.add(DIRECTIVE, what, line=number, seen=line, expected="##sequence-region chr1 1 248956422")
            else:
                self._regions[said[1]] = int(said[2]), int(said[3])
        elif line.rstrip() == b"###":
            self._family.resolved(self._found)
        return line.startswith(b">") or line.rstrip() == b"##FASTA"

    def _sequences(self, lines: Lines, first: int) -> None:
        """Look at the sequences after the features."""
        for index in range(first, len(lines)):
            line = lines[index]
            if line.startswith(b">"):
                self._headed, self._lettered = True, False
            elif line.strip() and (not self._headed or line.translate(None, _LETTERS)):
                what = "it is no sequence" if self._headed else "it stands before the first header"
                self._found.add(FASTA, what, line=lines.number(index), offset=lines.place(index), seen=line)
            self._lettered = self._lettered or (self._headed and bool(line.strip()) and not line.startswith(b">"))

    def _part(self, lines: Lines, ends: Numbers, wanted: npt.NDArray[np.bool_], first: int, end: int) -> None:
        """Look at the features between two directives."""
        mine = np.zeros(len(lines), bool)
        mine[first:end] = wanted[first:end]
        if not mine.any():
            return
        for rows in rows_of(lines, ends, mine):
            if rows.columns == 9:
                self._rows(rows)
            else:
                seen = rows.columns
                wrong, what = np.ones(len(rows), bool), f"it has {seen} columns"
                tell(self._found, COLUMNS, rows, wrong, what, seen=lambda _, seen=seen: seen, expected=9)  # type: ignore[misc]

    def _rows(self, rows: Rows) -> None:
        found = self._found
        self._features += len(rows)
        starts, stops, both = look_at_columns(rows, _FEATURE, found, strands=b"+-.?", translated=_TRANSLATED)
        types, seqids = rows.cells(2), rows.cells(0)
        for row, text in enumerate(rows.cells(8)):
            number = rows.lines.number(int(rows.indexes[row]))
            read = self._attributes.read(text, number, found)
            if read is None:
                continue
            if read.circular:
                self._circular.add(seqids[row])
            self._family.take(read, types[row], seqids[row], number, found)
        if self._regions:
            self._within(rows, starts, stops, both)

    def _within(self, rows: Rows, starts: Numbers, stops: Numbers, both: npt.NDArray[np.bool_]) -> None:
        """Whether features lie within the regions of their sequences; what is circular goes on beyond its end."""
        changes = [*rows.changes(0).tolist(), len(rows)]
        wrong = np.zeros(len(rows), bool)
        for at, end in pairwise(changes):
            region = self._regions.get(rows.cell(at, 0))
            if region is not None:
                beyond = stops[at:end] > region[1] if rows.cell(at, 0) not in self._circular else False
                wrong[at:end] = (starts[at:end] < region[0]) | beyond
        tell(
            self._found, REGION, rows, wrong & both, "it lies beyond the region of its sequence", column=("end", 4),
            seen=lambda row: f"{starts[row]} to {stops[row]}",
        )  # fmt: skip

    def finish(self) -> None:
        """Tell what can be told at the end alone."""
        self._ends.finish(self._found)
        if self._found.complete:
            self._family.finish(self._found)
        if self._in_sequences and not self._lettered and self._found.complete and not self._found.counts[FASTA]:
            self._found.add(FASTA, "there are no letters of a sequence at the end")
        self._found.metric("gff3.features", self._features)


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


CHECKS = (Gff3Features,)
