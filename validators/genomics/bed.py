"""BED: intervals of a genome, from 0, the end not among them; and bedGraph, intervals with a value each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from ..check import Check, Cost
from ..findings import Code, Severity
from ..streams.lines import Lines
from .bedblocks import BLOCKS, COLOR, blocks, colors
from .columns import Ends, Rows, heads_of, rows_of, tell
from .once import Once

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..found import Found
    from ..subjects import Subject

    Numbers = npt.NDArray[np.int64]

__all__ = ["CHECKS", "BedIntervals"]

_SOURCE, _UCSC = "GA4GH BED v1.0", "UCSC, bedGraph track format"

COLUMNS = Code("bed.columns", Severity.ERROR, "All lines have as many columns, which are 3 or more.", _SOURCE)
SPACES = Code("bed.spaces", Severity.WARNING, "Tabs stand between columns.", _SOURCE)
CHROM = Code("bed.chrom", Severity.ERROR, "A chromosome has a name of printable letters without spaces.", _SOURCE)
NUMBER = Code("bed.number", Severity.ERROR, "Where an interval begins and ends is a number, from 0.", _SOURCE)
INTERVAL = Code("bed.interval", Severity.ERROR, "An interval does not end before it begins.", _SOURCE)
NAME = Code("bed.name", Severity.ERROR, "A name is of 1 to 255 printable letters.", _SOURCE)
SCORE = Code("bed.score", Severity.ERROR, "A score is a whole number from 0 to 1000.", _SOURCE)
STRAND = Code("bed.strand", Severity.ERROR, "A strand is +, - or a dot.", _SOURCE)
THICK = Code("bed.thick", Severity.ERROR, "The thick part of an interval lies within it.", _SOURCE)
VALUE = Code(
    "bed.graph.value", Severity.ERROR, "An interval of a bedGraph has a number.", "UCSC, bedGraph track format"
)
OVERLAP = Code(
    "bed.graph.overlap", Severity.WARNING, "Intervals of a bedGraph do not overlap.", "UCSC, bedGraph track format"
)
TRACK = Code("bed.track", Severity.WARNING, "What a track line says is a BED or a bedGraph.", "UCSC, custom tracks")
CONTROL = Code("bed.control", Severity.ERROR, "There are no control characters.", _SOURCE)
UNSORTED = Code("bed.unsorted", Severity.NOTE, "Intervals of a chromosome stand in order.", _SOURCE)
CARRIAGE = Code("bed.line.crlf", Severity.WARNING, "Lines end with a newline alone.", _SOURCE)
UNFINISHED = Code("bed.line.unterminated", Severity.WARNING, "The last line ends with a newline.", _SOURCE)

_NAMES = ("chrom", "chromStart", "chromEnd", "name", "score", "strand", "thickStart", "thickEnd", "itemRgb",
          "blockCount", "blockSizes", "blockStarts")  # fmt: skip
_PRINTABLE = bytes(range(32, 127)) + b"\t\r\n"
_ABOUT = re.compile(rb"(?:track|browser)(?:\s|$)")
_TYPE = re.compile(rb"\btype\s*=\s*\"?(\w+)")
_NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:inf|nan)", re.IGNORECASE)
_HASH, _T, _B = ord("#"), ord("t"), ord("b")
_LONGEST = 255
_BED12 = 12


class BedIntervals(Check):
    """Whether a file is BED, of 3 to 12 columns, or bedGraph where a track line or its name says so.

    Columns after the twelfth are one's own, and so are those after the sixth where these can be no thick part, as in
    the peaks of ENCODE.
    """

    name, version, formats, cost = "bed.intervals", "1", frozenset({"bed", "bedgraph"}), Cost.HEADER
    codes = (
        COLUMNS, SPACES, CHROM, NUMBER, INTERVAL, NAME, SCORE, STRAND, THICK, COLOR, BLOCKS, VALUE, OVERLAP, TRACK,
        CONTROL, UNSORTED, CARRIAGE, UNFINISHED,
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
        self._graph = subject.format == "bedgraph"
        self._columns: int | None = None
        self._standard = 0
        self._spaces = False
        self._chroms = Once(subject.limits)
        self._last: tuple[bytes, int, int] | None = None
        self._intervals = self._bases = 0
        self._unsorted = False

    def take(self, lines: Lines) -> None:
        """Look at a block."""
        ends = self._ends.of(lines, self._found)
        heads = heads_of(lines, ends)
        wanted = (heads != 0) & (heads != _HASH)
        if not lines.data.isascii() or lines.data.translate(None, _PRINTABLE):
            self._controls(lines, wanted)
        tracks: list[int] = []
        for index in np.flatnonzero(wanted & ((heads == _T) | (heads == _B))).tolist():
            if _ABOUT.match(lines[index]):
                wanted[index] = False
                tracks.append(index)
        at = 0
        for index in tracks:
            self._part(lines, ends, wanted, at, index)
            self._track(lines[index], lines.number(index))
            at = index + 1
        self._part(lines, ends, wanted, at, len(lines))

    def _controls(self, lines: Lines, wanted: npt.NDArray[np.bool_]) -> None:
        for index in np.flatnonzero(wanted).tolist():
            if lines[index].translate(None, _PRINTABLE):
                what = "it has bytes that are no printable letters of ASCII"
                self._found.add(CONTROL, what, line=lines.number(index), offset=lines.place(index), seen=lines[index])

    def _track(self, line: bytes, number: int) -> None:
        """Another track begins, of which all may be different."""
        if not line.startswith(b"track"):
            return
        said = _TYPE.search(line)
        kind = said[1].lower() if said else b"bed"
        self._graph = kind == b"bedgraph"
        self._columns, self._last = None, None
        if kind not in (b"bed", b"bedgraph", b"beddetail", b"narrowpeak", b"broadpeak"):
            self._found.add(TRACK, "what follows is another format", line=number, seen=said and said[1])

    def _part(self, lines: Lines, ends: Numbers, wanted: npt.NDArray[np.bool_], first: int, end: int) -> None:
        """Look at the lines of one track."""
        mine = np.zeros(len(lines), bool)
        mine[first:end] = wanted[first:end]
        if not mine.any():
            return
        groups = list(rows_of(lines, ends, mine))
        if self._columns is None:
            head = min(groups, key=lambda rows: rows.indexes[0])
            self._spaces = head.columns == 1 and b" " in head.cell(0, 0)
        if self._spaces:
            lines, ends = self._with_tabs(lines, ends)
            groups = list(rows_of(lines, ends, mine))
        if self._columns is None:
            head = min(groups, key=lambda rows: rows.indexes[0])
            self._columns, self._standard = head.columns, _standard(head)
            if self._spaces:
                number = lines.number(int(head.indexes[0]))
                self._found.add(SPACES, "spaces stand between its columns", line=number, expected="tabs")
        for rows in groups:
            if rows.columns == self._columns and rows.columns >= 3:
                self._rows(rows)
            else:
                expected = self._columns if self._columns >= 3 else "3 or more"
                wrong, seen = np.ones(len(rows), bool), rows.columns
                what = f"it has {seen} columns"
                tell(self._found, COLUMNS, rows, wrong, what, seen=lambda _, seen=seen: seen, expected=expected)  # type: ignore[misc]

    def _with_tabs(self, lines: Lines, ends: Numbers) -> tuple[Lines, Numbers]:
        """The same with one tab where spaces stand between columns."""
        every = [b"\t".join(lines.data[a:b].split()) for a, b in zip(lines.starts.tolist(), ends.tolist(), strict=True)]
        widths = np.array([len(each) for each in every], np.int64)
        stops = np.cumsum(widths + 1) - 1
        made = Lines(b"\n".join(every), stops - widths, stops, lines.first, lines.offset, terminated=False)
        return made, made.ends

    def _rows(self, rows: Rows) -> None:
        """Look at lines that have as many columns as they should."""
        found = self._found
        self._intervals += len(rows)
        tell(found, CHROM, rows, rows.empty(0), "it names no chromosome", column=("chrom", 0))
        numbers = [rows.integers(column) for column in (1, 2)]
        for column, (_, good) in enumerate(numbers, 1):
            tell(found, NUMBER, rows, ~good, "it is no number from 0", column=(_NAMES[column], column))
        (starts, first), (stops, second) = numbers
        both = first & second
        tell(
            found, INTERVAL, rows, both & (starts > stops), "it ends before it begins", column=("chromEnd", 2),
            seen=lambda row: f"{starts[row]} to {stops[row]}",
        )  # fmt: skip
        self._bases += int((stops - starts)[both & (starts <= stops)].sum())
        self._order(rows, starts, stops)
        if self._graph:
            self._values(rows)
        else:
            self._more(rows, starts, stops, both)

    def _values(self, rows: Rows) -> None:
        if rows.columns != 4:
            wrong = np.ones(len(rows), bool)
            tell(self._found, COLUMNS, rows, wrong, "a bedGraph has 4 columns", seen=lambda _: rows.columns, expected=4)
            return
        wrong = np.array([_NUMBER.fullmatch(each) is None for each in rows.cells(3)], bool)
        tell(self._found, VALUE, rows, wrong, "it is no number", column=("value", 3))

    def _more(self, rows: Rows, starts: Numbers, stops: Numbers, both: npt.NDArray[np.bool_]) -> None:
        """The columns from the fourth on."""
        found, count = self._found, min(rows.columns, self._standard)
        if count > 3:
            widths = rows.ends[:, 3] - rows.starts[:, 3]
            what = "it has no name, or too long a one"
            tell(found, NAME, rows, (widths == 0) | (widths > _LONGEST), what, column=("name", 3))
        if count > 4:
            scores, good = rows.integers(4)
            what = "it is no whole number from 0 to 1000"
            tell(found, SCORE, rows, ~good | (scores > 1000), what, column=("score", 4), expected="0 to 1000")
        if count > 5:
            wrong = ~rows.one_of(5, b"+-.")
            tell(found, STRAND, rows, wrong, "it is no strand", column=("strand", 5), expected="+, - or .")
        if count > 7:
            (thick, good), (thin, fine) = rows.integers(6), rows.integers(7)
            wrong = ~(good & fine) | (both & ((thick < starts) | (thick > thin) | (thin > stops)))
            tell(
                found, THICK, rows, wrong, "its thick part is none, or lies without", column=("thickStart", 6),
                seen=lambda row: (rows.cell(row, 6) + b" to " + rows.cell(row, 7)).decode("utf-8", "backslashreplace"),
                expected="within chromStart and chromEnd",
            )  # fmt: skip
        if count > 8:
            colors(rows, found)
        if count >= _BED12:
            blocks(rows, stops - starts, found)

    def _order(self, rows: Rows, starts: Numbers, stops: Numbers) -> None:
        """Whether intervals follow one another."""
        changes = rows.changes(0)
        back = np.flatnonzero(starts[1:] < starts[:-1]) + 1
        wrong = back[~np.isin(back, changes)].tolist()
        for change in changes.tolist():
            chrom, number = rows.cell(change, 0), rows.lines.number(int(rows.indexes[change]))
            if b" " in chrom:
                self._found.add(CHROM, "there are spaces in its name", line=number, column="chrom", seen=chrom)
            if self._last is not None and self._last[0] == chrom:
                if starts[change] < self._last[1]:
                    wrong.append(change)
            elif self._chroms.before(chrom, number) is not None:
                wrong.append(change)
        if wrong and not self._unsorted and not self._graph:
            self._unsorted = True
            line = rows.lines.number(int(rows.indexes[min(wrong)]))
            what = "it comes before the one before it, so that the file cannot be indexed as it is"
            self._found.add(UNSORTED, what, line=line, seen=rows.lines[int(rows.indexes[min(wrong)])])
        if self._graph:
            over = np.zeros(len(rows), bool)
            over[1:] = (starts[1:] < stops[:-1]) & (starts[1:] >= starts[:-1])
            over[changes] = False
            tell(self._found, OVERLAP, rows, over, "it begins before the one before it ends", column=("chromStart", 1))
        last = len(rows) - 1
        self._last = rows.cell(last, 0), int(starts[last]), int(stops[last])

    def finish(self) -> None:
        """Tell the figures."""
        self._ends.finish(self._found)
        self._found.metric("bed.intervals", self._intervals)
        self._found.metric("bed.bases", self._bases)


def _standard(rows: Rows) -> int:
    """How many columns are BED's own, by the first line."""
    count = min(rows.columns, _BED12)
    thick = all(rows.cell(0, column).isdigit() for column in (6, 7)) if count > 7 else True
    if rows.columns in (10, 11) or not thick:
        # 10 or 11 columns of its own BED has not: these are of peaks, or of whoever wrote them.
        return 6
    return count


CHECKS = (BedIntervals,)
