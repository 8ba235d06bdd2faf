"""GFF3: features of a genome, the parts of each pointing at what they are parts of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from ..check import Check, Cost
from ..findings import Code, Severity
from .columns import Ends, Rows, heads_of, rows_of, tell
from .features import feature_codes, look_at_columns
from .gff3attributes import ATTRIBUTE_CODES, Attributes
from .gff3family import FAMILY_CODES, Family
from .gff3parts import Parts, Pointing
from .hashing import HASHED, hashes

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..found import Found
    from ..streams.lines import Lines
    from ..subjects import Subject

    Numbers = npt.NDArray[np.int64]

__all__ = ["CHECKS", "Gff3Features"]

_SOURCE = "GFF3 1.26"

VERSION = Code("gff3.version", Severity.ERROR, "The first line is ##gff-version 3.", _SOURCE)
OLDER = Code("gff3.version.older", Severity.WARNING, "Features are GFF3, which succeeds GFF1 and GFF2.", _SOURCE)
COLUMNS = Code("gff3.columns", Severity.ERROR, "A feature has nine columns with tabs between.", _SOURCE)
DIRECTIVE = Code("gff3.directive", Severity.ERROR, "A directive says what belongs to it.", _SOURCE)
REGION = Code("gff3.region", Severity.ERROR, "A feature lies within the region of its sequence.", _SOURCE)
FASTA = Code("gff3.fasta", Severity.ERROR, "What follows ##FASTA is sequences, each after a header.", _SOURCE)
CONTROL = Code("gff3.control", Severity.ERROR, "The text is UTF-8, without control characters.", _SOURCE)
CARRIAGE = Code("gff3.line.crlf", Severity.WARNING, "Lines end with a newline alone.", _SOURCE)
UNFINISHED = Code("gff3.line.unterminated", Severity.WARNING, "The last line ends with a newline.", _SOURCE)
_FEATURE = feature_codes("gff3", _SOURCE, phase="phase")

_VERSION = re.compile(rb"##gff-version\s+3(?:\.\d+){0,2}\s*")
_OLDER = re.compile(rb"##gff-version\s+([12](?:\.\d+)?)\s*(?:\n|$)")
_REGION = re.compile(rb"##sequence-region\s+(\S+)\s+(\d{1,18})\s+(\d{1,18})\s*")
_CONTROLS = bytes(range(9)) + bytes(range(11, 13)) + bytes(range(14, 32)) + b"\x7f"
_LETTERS = bytes(range(65, 91)) + bytes(range(97, 123)) + b"*-.\r\n"
_HASH, _HEADER = ord("#"), ord(">")
# Beyond what any number in a file says.
_FURTHEST = 1 << 62
_TRANSLATED = frozenset({b"CDS", b"SO:0000316"})


class Gff3Features(Check):
    """Whether a file is GFF3: its columns, its attributes, and whether each part has what it is a part of."""

    name, version, formats, cost = "gff3.features", "1", frozenset({"gff3"}), Cost.HEADER
    codes = (
        VERSION, OLDER, COLUMNS, DIRECTIVE, REGION, FASTA, CONTROL, CARRIAGE, UNFINISHED, *_FEATURE.every(),
        *ATTRIBUTE_CODES, *FAMILY_CODES,
    )  # fmt: skip

    def look(self, subject: Subject, found: Found) -> None:
        """Look at every line."""
        looked = _Looked(subject, found)
        for lines in subject.lines(found):
            # .gff is the name of all versions; what is called .gff3 is none of the others.
            older = _OLDER.match(lines.data) if lines.first == 1 and ".gff3" not in subject.name.lower() else None
            if older is not None:
                what = f"it is GFF{older[1].decode()}, another format, which is not looked into"
                found.add(OLDER, what, line=1, offset=0, seen=older[0].strip(), expected="##gff-version 3")
                found.partly()
                return
            looked.take(lines)
            if subject.cost is Cost.HEADER:
                found.partly()
                break
        looked.finish()


@dataclass(frozen=True)
class _Events:
    """The lines of a block at which all that is pointed at has been there, and those that tell of a region."""

    resolved: list[int]
    regions: list[tuple[int, bytes, tuple[int, int]]]

    def every(self) -> list[int]:
        """All of them."""
        return [*self.resolved, *(index for index, _, _ in self.regions)]


class _Looked:
    def __init__(self, subject: Subject, found: Found) -> None:
        self._found = found
        self._ends = Ends(CARRIAGE, UNFINISHED)
        self._begun = self._in_sequences = self._headed = self._lettered = False
        self._regions: dict[bytes, tuple[int, int]] = {}
        self._circular: dict[bytes, int] = {}
        self._attributes = Attributes()
        self._parts = Parts(self._attributes.told)
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
        events, stop = self._directives(lines, ends, heads)
        wanted = (heads != 0) & (heads != _HASH)
        wanted[stop:] = False
        features = None
        for rows in rows_of(lines, ends, wanted) if wanted.any() else ():
            if rows.columns == 9:
                features = rows
            else:
                seen = rows.columns
                wrong, what = np.ones(len(rows), bool), f"it has {seen} columns"
                tell(self._found, COLUMNS, rows, wrong, what, seen=lambda _, seen=seen: seen, expected=9)  # type: ignore[misc]
        self._rows(features, events)
        if stop < len(lines):
            self._in_sequences = True
            self._sequences(lines, stop + int(heads[stop] == _HASH))

    def _directives(self, lines: Lines, ends: Numbers, heads: npt.NDArray[np.uint8]) -> tuple[_Events, int]:
        """What directives of a block say, and the line at which sequences begin, if they do."""
        events = _Events([], [])
        second = lines.array[np.minimum(lines.starts + 1, len(lines.data) - 1)]
        marked = ((heads == _HASH) & (second == _HASH) & (ends - lines.starts > 1)) | (heads == _HEADER)
        for index in np.flatnonzero(marked).tolist():
            line = lines.data[lines.starts[index] : ends[index]]
            if line == b"###" or line.rstrip() == b"###":
                events.resolved.append(index)
            elif line.startswith(b"##sequence-region"):
                said = _REGION.fullmatch(line)
                if said is None or not 1 <= int(said[2]) <= int(said[3]):
                    what = "it names no sequence, or not from where to where"
                    expected = "##sequence-region chr1 1 248956422"
                    self._found.add(DIRECTIVE, what, line=lines.number(index), seen=line, expected=expected)
                else:
                    events.regions.append((index, said[1], (int(said[2]), int(said[3]))))
            elif line.startswith(b">") or line.rstrip() == b"##FASTA":
                return events, index
        return events, len(lines)

    def _controls(self, lines: Lines) -> None:
        sound = len(lines.data) == len(lines.data.translate(None, _CONTROLS))
        if sound and (lines.data.isascii() or _is_text(lines.data)):
            return
        for index in range(len(lines)):
            line = lines[index]
            if line.translate(None, _CONTROLS) != line or not _is_text(line):
                what = "it has control characters, or is no UTF-8"
                self._found.add(CONTROL, what, line=lines.number(index), offset=lines.place(index), seen=line)

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

    def _rows(self, rows: Rows | None, events: _Events) -> None:
        """Look at the features of a block, which directives lie between."""
        if rows is None:
            for _ in events.resolved:
                self._family.resolved(self._found)
            self._regions |= {name: region for _, name, region in events.regions}
            return
        self._features += len(rows)
        starts, stops, both = look_at_columns(rows, _FEATURE, self._found, strands=b"+-.?", translated=_TRANSLATED)
        self._families(rows, events)
        if self._regions or events.regions:
            self._within(rows, starts, stops, both, events)

    def _families(self, rows: Rows, events: _Events) -> None:
        """Read attributes, those that are odd one by one, and take in what they point at, in the order of lines."""
        found, family, data = self._found, self._family, rows.lines.data
        odd, pointing = self._parts.of(rows)
        names, parents, derives = pointing
        some = odd | (names.starts >= 0) | (derives.starts >= 0)
        some |= (parents.starts >= 0) & ~_repeated(rows, odd, parents)
        which = np.flatnonzero(some)
        texts = [each.texts(data, which) for each in pointing]
        texts += [Pointing(rows.starts[:, column], rows.ends[:, column]).texts(data, which) for column in (2, 0)]
        every = zip(which.tolist(), odd[which].tolist(), *texts, strict=True)
        first, at = rows.lines.first, 0
        numbers = rows.indexes.tolist()
        for end in (*np.searchsorted(rows.indexes[which], events.resolved).tolist(), None):
            for row, strange, name, parent, source, kind, seqid in islice(every, None if end is None else end - at):
                line = first + numbers[row]
                if strange:
                    self._odd(rows, row, line)
                else:
                    several = () if parent is None else (parent,) if b"," not in parent else _several(parent)
                    family.follow(name, several, _several(source), kind or b"", seqid or b"", line, found)
            if end is not None:
                at = end
                family.resolved(found)

    def _odd(self, rows: Rows, row: int, line: int) -> None:
        """Look at one feature's attributes."""
        read = self._attributes.read(rows.cell(row, 8), line, self._found)
        if read is not None:
            if read.circular:
                self._circular.setdefault(rows.cell(row, 0), line)
            self._family.take(read, rows.cell(row, 2), rows.cell(row, 0), line, self._found)

    def _within(
        self, rows: Rows, starts: Numbers, stops: Numbers, both: npt.NDArray[np.bool_], events: _Events
    ) -> None:
        """Whether features lie within the regions of their sequences; what is circular goes on beyond its end."""
        told = np.searchsorted(rows.indexes, [index for index, _, _ in events.regions]).tolist()
        pieces = sorted({*rows.changes(0).tolist(), *(at for at in told if at < len(rows))})
        coming = list(zip(told, events.regions, strict=True))[::-1]
        ends: list[tuple[int, int]] = []
        for at in pieces:
            while coming and coming[-1][0] <= at:
                _, (_, name, region) = coming.pop()
                self._regions[name] = region
            ends.append(self._regions.get(rows.cell(at, 0), (0, _FURTHEST)))
        self._regions |= {name: region for _, (_, name, region) in reversed(coming)}
        bounds = np.repeat(np.array(ends, np.int64), np.diff([*pieces, len(rows)]), axis=0)
        before, beyond = starts < bounds[:, 0], stops > bounds[:, 1]
        for row in np.flatnonzero(beyond & ~before & both).tolist() if self._circular else ():
            # It has to be said before the next directive.
            line = self._circular.get(rows.cell(row, 0))
            index = int(rows.indexes[row])
            last = min((each for each in events.every() if each > index), default=len(rows.lines))
            beyond[row] = line is None or line >= rows.lines.number(last)
        tell(
            self._found, REGION, rows, (before | beyond) & both, "it lies beyond the region of its sequence",
            column=("end", 4), seen=lambda row: f"{starts[row]} to {stops[row]}",
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


def _several(value: bytes | None) -> tuple[bytes, ...]:
    return tuple([each for each in value.split(b",") if each]) if value else ()


def _repeated(rows: Rows, odd: npt.NDArray[np.bool_], parents: Pointing) -> npt.NDArray[np.bool_]:
    """Rows that name the same parents as the row before, which is not odd: they say nothing new."""
    same = np.zeros(len(rows), bool)
    hashed = hashes(rows.lines.data, parents.starts, parents.ends)
    same[1:] = (hashed[1:] == hashed[:-1]) & (parents.starts[:-1] >= 0) & ~odd[:-1]
    return same & (parents.ends - parents.starts <= HASHED)


CHECKS = (Gff3Features,)
