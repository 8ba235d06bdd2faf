"""CSV and TSV as files: whether every row has its fields, quotes are closed, and text is UTF-8.

A block of whole lines at a time: where delimiters, quotes and line ends stand is found for all of them at once, and
whether each is within quotes is the parity of the quotes before it.  Only blocks with a quote where none belongs are
gone through quote by quote.
"""

from __future__ import annotations

import codecs
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ..check import Check
from ..findings import Code, Severity
from ..streams.lines import lines_of
from .delimitedencoding import Encoded
from .delimitedquotes import Quotes
from .delimitedsource import decoded
from .dialect import dialect_of, encoding_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..found import Found
    from ..streams.lines import Lines
    from ..subjects import Subject
    from .dialect import Dialect

__all__ = ["CHECKS", "DelimitedCheck"]

_RFC = "RFC 4180, 2"
ENCODING = Code("csv.encoding.invalid", Severity.ERROR, "The text is UTF-8 throughout.", "RFC 7111, 5.1")
ENCODING_OTHER = Code(
    "csv.encoding.other", Severity.WARNING, "The text is UTF-8, not another encoding.", "RFC 7111, 5.1"
)
BOM = Code("csv.bom", Severity.NOTE, "There is no byte order mark at the beginning; some readers take it for a name.")
BOM_INSIDE = Code("csv.bom.inside", Severity.ERROR, "No byte order mark stands within the text.")
NUL = Code("csv.nul", Severity.ERROR, "There are no NULs.", "RFC 4180, 2, TEXTDATA")
FIELDS = Code("csv.fields", Severity.ERROR, "Every row has as many fields as the header.", f"{_RFC}.4")
TRAILING = Code("csv.delimiter.trailing", Severity.WARNING, "No delimiter follows the last field.", f"{_RFC}.4")
DELIMITER = Code("csv.delimiter", Severity.WARNING, "The delimiter is the format's own.", f"{_RFC}.4; IANA, TSV")
BLANK = Code("csv.blank", Severity.WARNING, "No line is blank.", f"{_RFC}.1")
QUOTE = Code("csv.quote", Severity.ERROR, "A quote encloses a field, or is doubled within one.", f"{_RFC}.5-7")
UNCLOSED = Code("csv.quote.unclosed", Severity.ERROR, "Every field that a quote opens is closed.", f"{_RFC}.5")
HEADER_EMPTY = Code("csv.header.empty", Severity.WARNING, "Every column has a name.", f"{_RFC}.3")
HEADER_DUPLICATE = Code("csv.header.duplicate", Severity.ERROR, "No two columns have the same name.", f"{_RFC}.3")
HEADER_BLANKS = Code("csv.header.blanks", Severity.WARNING, "No blank stands before or after a column's name.")
HEADER_ABSENT = Code("csv.header.absent", Severity.WARNING, "The first row names the columns.", f"{_RFC}.3")
HEADER_SHORT = Code("csv.header.short", Severity.WARNING, "The header names the first column too.", f"{_RFC}.4")
PREAMBLE = Code("csv.preamble", Severity.WARNING, "Nothing stands before the header.", f"{_RFC}.3")
LINE_ENDS = Code("csv.line_ends", Severity.WARNING, "All lines end alike.", f"{_RFC}.1")
LINE_END_CR = Code("csv.line_ends.cr", Severity.WARNING, "Lines end with a line feed, not a carriage return alone.")
LAST_LINE = Code("csv.last_line", Severity.NOTE, "The last line ends with a line feed; a file cut off does not.")

_CODES = (
    ENCODING, ENCODING_OTHER, BOM, BOM_INSIDE, NUL, FIELDS, TRAILING, DELIMITER, BLANK, QUOTE, UNCLOSED, HEADER_EMPTY,
    HEADER_DUPLICATE, HEADER_BLANKS, HEADER_ABSENT, HEADER_SHORT, PREAMBLE, LINE_ENDS, LINE_END_CR, LAST_LINE,
)  # fmt: skip
_USUAL = {"csv": b",", "tsv": b"\t"}
_RETURN = 13
_NAMES = {b"\t": "a tab"}


class DelimitedCheck(Check):
    """CSV (RFC 4180) and TSV, with comments before the header, as many instruments write them."""

    name, version = "csv", "1"
    formats: ClassVar[frozenset[str]] = frozenset({"csv", "tsv"})
    codes: ClassVar[tuple[Code, ...]] = _CODES

    def look(self, subject: Subject, found: Found) -> None:
        """Every line, or those of the sample."""
        head, blocks, encoding = decoded(subject, found)
        if encoding == "utf-8":
            found.add(BOM, "it begins with a byte order mark", line=1, offset=0, seen="EF BB BF")
        elif encoding is not None:
            found.add(ENCODING_OTHER, f"it is {encoding.upper()}", line=1, offset=0, seen=encoding, expected="utf-8")
        if b"\r" in head and b"\n" not in head:
            found.add(LINE_END_CR, "its lines end with a carriage return alone", line=1, seen="CR", expected="LF")
            blocks = (block.replace(b"\r", b"\n") for block in blocks)
        dialect = dialect_of(head, subject.format or "csv")
        _header(dialect, subject.format or "csv", head, found)
        file = _File(dialect, found, sure=encoding_of(head) is None)
        for lines in lines_of(blocks, found, limits=subject.limits):
            file.see(lines)
        file.finish()


def _header(dialect: Dialect, format: str, head: bytes, found: Found) -> None:
    line = dialect.before + 1
    names = dialect.names[1:] if dialect.unnamed else dialect.names
    if dialect.preamble:
        what = f"lines of another shape stand before the table, which begins in line {line}"
        found.add(PREAMBLE, what, line=line - dialect.preamble, seen=dialect.preamble, expected=0)
    if dialect.unnamed:
        what = "the header has one field less than every row, as where R writes names of rows"
        found.add(HEADER_SHORT, what, line=line, seen=len(names), expected=len(dialect.names))
    if dialect.delimiter != _USUAL.get(format, b","):
        what = "its fields are delimited otherwise than its name says"
        found.add(DELIMITER, what, line=line, seen=_shown(dialect.delimiter), expected=_shown(_USUAL.get(format, b",")))
    if names[-1:] == ("",) and len(names) > 1:
        found.add(TRAILING, "a delimiter follows the last name", line=line)
        names = names[:-1]
    for place, name in enumerate(names, 1 + dialect.unnamed):
        if not name.strip():
            found.add(HEADER_EMPTY, f"column {place} has no name", line=line)
        elif name != name.strip():
            found.add(HEADER_BLANKS, "blanks belong to the name", line=line, column=name, seen=repr(name))
    twice = [name for name, times in Counter(names).items() if times > 1 and name.strip()]
    if any(map(_is_number, twice)):
        # Tables of aligners and classifiers have no header.
        what = "a number stands in the first row twice: it may be a row of data"
        found.add(HEADER_ABSENT, what, line=line, seen=", ".join(names[:5]))
        return
    for name in twice:
        places = ", ".join(f"{place}" for place, each in enumerate(names, 1 + dialect.unnamed) if each == name)
        found.add(HEADER_DUPLICATE, f"columns {places} have the same name", line=line, column=name)
    if names and head.strip() and all(map(_is_number, names)):
        found.add(HEADER_ABSENT, "the first row has nothing but numbers", line=line, seen=", ".join(names[:5]))


def _shown(delimiter: bytes) -> str:
    return _NAMES.get(delimiter, delimiter.decode())


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return name.strip().lower() not in ("nan", "inf", "infinity", "-inf")


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows that end in a block: for each the first of its lines there, the number of the line in the file that it
    begins in, where it ends in the block, and how many fields it has.
    """

    lines: Lines
    first: npt.NDArray[np.int64]
    begun: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]


class _File:
    """What has to be remembered from block to block.  ``sure``: whether the bytes are those of the file itself."""

    def __init__(self, dialect: Dialect, found: Found, *, sure: bool) -> None:
        self._dialect, self._found, self._sure = dialect, found, sure
        self._quotes, self._text = Quotes(), Encoded()
        self._fields = 0  # delimiters so far of a row that goes on after the block
        self._begun = 1  # the line that this row begins in
        self._offset = 0
        self._ends = [0, 0]  # how many lines end with LF and CR LF
        self._terminated, self._last = True, 1
        self._trailing = dialect.names[-1:] == ("",) and len(dialect.names) > 1

    def see(self, lines: Lines) -> None:
        """The lines of a block."""
        data = lines.data
        if not data.isascii():
            self._encoding(lines)
        if b"\0" in data:
            self._nuls(lines)
        self._line_ends(lines)
        array = lines.array
        ends = lines.ends
        delimiters = np.flatnonzero(array == self._dialect.delimiter[0])
        if self._dialect.quoted and (self._quotes.open or b'"' in data):
            begin = int(lines.starts[min(self._dialect.before, len(lines) - 1)]) if lines.first == 1 else 0
            quotes, strange = self._quotes.see(lines, self._dialect.delimiter[0], begin=begin)
            for place in strange:
                line = int(np.searchsorted(ends, place))
                what = (
                    "a quote stands where none belongs: within a field without quotes, or before more of one with them"
                )
                self._tell(QUOTE, what, lines, line, seen=_around(lines, line, place))
            delimiters, ends = quotes.outside(delimiters), quotes.outside(ends)
        self._rows(lines, delimiters, ends)
        self._terminated, self._last = lines.terminated, lines.number(len(lines) - 1)

    def _tell(self, code: Code, what: str, lines: Lines, index: int, *, seen: object, expected: object = None) -> None:
        offset = lines.place(index) if self._sure else None
        self._found.add(code, what, line=lines.number(index), offset=offset, seen=seen, expected=expected)

    def _encoding(self, lines: Lines) -> None:
        data = lines.data
        self._text.see(lines)
        mark = data.find(codecs.BOM_UTF8)
        if mark >= 0 and (lines.offset or mark):
            line = int(np.searchsorted(lines.ends, mark))
            self._tell(BOM_INSIDE, "a mark stands here, as where files were joined", lines, line, seen="EF BB BF")

    def _nuls(self, lines: Lines) -> None:
        places = np.flatnonzero(lines.array == 0)
        rows, counts = np.unique(np.searchsorted(lines.ends, places), return_counts=True)
        room = self._found.room(NUL)
        for row, count in zip(rows[:room].tolist(), counts[:room].tolist(), strict=True):
            self._tell(NUL, f"the line has {count} NULs", lines, row, seen=lines[row][:60])
        self._found.count(NUL, max(0, len(rows) - room))

    def _line_ends(self, lines: Lines) -> None:
        array, ends = lines.array, lines.ends[: len(lines) - (not lines.terminated)]
        if b"\r" not in lines.data:
            self._ends[0] += len(ends)
            if self._ends[1] and len(ends):
                self._mixed(lines, 0)
            return
        with_cr = array[np.maximum(ends - 1, 0)] == 13
        with_cr &= ends > lines.starts[: len(ends)]
        before = self._ends[0] and self._ends[1]
        self._ends[1] += int(with_cr.sum())
        self._ends[0] += int(len(ends) - with_cr.sum())
        if not before and self._ends[0] and self._ends[1] and len(ends):
            self._mixed(lines, int(np.argmax(with_cr != with_cr[0])))

    def _mixed(self, lines: Lines, index: int) -> None:
        if not self._found.counts[LINE_ENDS]:
            self._tell(LINE_ENDS, "lines from here end otherwise", lines, index, seen=None, expected="one")

    def _rows(self, lines: Lines, delimiters: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> None:
        """How many fields each row has that ends in the block."""
        counts = np.diff(np.searchsorted(delimiters, ends), prepend=0) + 1
        if not len(ends):
            self._fields += len(delimiters)
            return
        counts[0] += self._fields
        carried, self._fields = self._fields, len(delimiters) - int(np.searchsorted(delimiters, ends[-1]))
        first = np.concatenate([[0], np.searchsorted(lines.ends, ends[:-1]) + 1])
        begun = lines.first + first
        begun[0] = self._begun if carried or self._begun < lines.first else begun[0]
        self._begun = lines.first + int(np.searchsorted(lines.ends, ends[-1])) + 1
        self._judge(_Rows(lines, first, begun, ends, counts))

    def _judge(self, rows: _Rows) -> None:
        """Rows by what is wrong with them."""
        array, expected = rows.lines.array, len(self._dialect.names)
        starts = rows.lines.starts[rows.first]
        size = rows.ends - starts
        last = array[np.maximum(rows.ends - 1, 0)]
        returned = (last == _RETURN) & (size > 0)
        size = size - returned
        last = np.where(returned, array[np.maximum(rows.ends - 2, 0)], last)
        inside = rows.begun > self._dialect.before
        blank = (size == 0) & inside
        wrong = (rows.counts != expected) & inside & ~blank
        if self._dialect.unnamed:
            wrong &= rows.begun > self._dialect.before + 1
        trailing = wrong & (rows.counts == expected + 1) & (last == self._dialect.delimiter[0])
        if self._trailing:
            trailing |= wrong & (rows.counts == expected - 1)
        if expected > 1:
            self._each(BLANK, blank, rows, "the line is blank")
        self._each(TRAILING, trailing, rows, "a delimiter follows the last field here and not in the header, or there")
        self._each(FIELDS, wrong & ~trailing, rows, "the row has another number of fields than the header")

    def _each(self, code: Code, wrong: npt.NDArray[np.bool_], rows: _Rows, what: str) -> None:
        places = np.flatnonzero(wrong)
        room = self._found.room(code)
        for at in places[:room].tolist():
            line, index = int(rows.begun[at]), int(rows.first[at])
            offset = rows.lines.place(index) if self._sure and line == rows.lines.number(index) else None
            seen = None if code is BLANK else int(rows.counts[at])
            expected = None if code is BLANK else len(self._dialect.names)
            self._found.add(code, what, line=line, offset=offset, seen=seen, expected=expected)
        self._found.count(code, max(0, len(places) - room))

    def finish(self) -> None:
        """What is known only at the end."""
        self._encoded()
        if not self._found.complete:
            return
        if self._quotes.open:
            what = "the quote that opens a field in this line is closed nowhere: all after it is one field"
            self._found.add(UNCLOSED, what, line=self._quotes.line)
        elif not self._terminated:
            self._found.add(LAST_LINE, "the last line has no line feed", line=self._last)

    def _encoded(self) -> None:
        """What it is where it is no UTF-8: another encoding throughout, or no text."""
        text = self._text
        if text.likely is not None and text.first is not None:
            what = f"it is no UTF-8, and likely {text.likely}: the first such byte would be {text.first.letter}"
            offset = text.first.offset if self._sure else None
            self._found.add(
                ENCODING_OTHER, what, line=text.first.line, offset=offset, seen=text.likely, expected="utf-8"
            )
            return
        for each in text.wrong:
            what = f"byte {each.place + 1} of the line is no UTF-8; in Windows-1252 it would be {each.letter}"
            offset = each.offset if self._sure else None
            self._found.add(ENCODING, what, line=each.line, offset=offset, seen=each.seen)
        self._found.count(ENCODING, text.count - len(text.wrong))


def _around(lines: Lines, index: int, place: int) -> bytes:
    return lines.data[max(int(lines.starts[index]), place - 20) : min(int(lines.ends[index]), place + 20)]


CHECKS = (DelimitedCheck,)
