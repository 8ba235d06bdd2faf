"""The header of alignments: the same lines in SAM, in BAM and in CRAM (SAM 1.6, 1.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..findings import Code, Severity
from .samlines import field_rules, older_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    from ..found import Found

__all__ = ["HEADER_CODES", "Header", "Line", "judge_header", "text_lines"]

ERROR, WARNING = Severity.ERROR, Severity.WARNING
SOURCE = "SAM 1.6, 1.3"

LINE = Code("sam.header.line", ERROR, "A header line is @HD, @SQ, @RG, @PG or @CO with a tab behind it.", SOURCE)
FIELD = Code("sam.header.field", ERROR, "A field of a header line is TAG:VALUE, and its value is not empty.", SOURCE)
TEXT = Code("sam.header.text", ERROR, "Values are printable ASCII; descriptions, commands and comments UTF-8.", SOURCE)
TWICE = Code("sam.header.twice", ERROR, "No tag stands twice in a header line.", SOURCE)
MISSING = Code("sam.header.missing", ERROR, "A header line has the tags that it must have.", SOURCE)
VALUE = Code("sam.header.value", ERROR, "A predefined tag has a value that is defined for it.", SOURCE)
SPELLING = Code("sam.header.spelling", WARNING, "A predefined value is spelled as it is defined.", SOURCE)
HD_FIRST = Code("sam.header.hd.first", ERROR, "The line @HD is the first.", SOURCE)
HD_ONCE = Code("sam.header.hd.once", ERROR, "There is one @HD line.", SOURCE)
HD_SORT = Code("sam.header.hd.subsort", WARNING, "SS begins with the order that SO says.", SOURCE)
HD_BOTH = Code("sam.header.hd.both", WARNING, "There is either SO or GO.", "SAM 1.6, 2 (1.1)")
SQ_DISTINCT = Code("sam.header.sq.distinct", ERROR, "All names of references, SN and AN, are distinct.", SOURCE)
RG_DISTINCT = Code("sam.header.rg.distinct", ERROR, "Each @RG line has an ID of its own.", SOURCE)
PG_DISTINCT = Code("sam.header.pg.distinct", ERROR, "Each @PG line has an ID of its own.", SOURCE)
PG_PREVIOUS = Code("sam.header.pg.previous", ERROR, "PP is the ID of another @PG line.", SOURCE)
PG_CYCLE = Code("sam.header.pg.cycle", ERROR, "A chain of @PG lines has an end.", SOURCE)

HEADER_CODES = (
    LINE, FIELD, TEXT, TWICE, MISSING, VALUE, SPELLING, HD_FIRST, HD_ONCE, HD_SORT, HD_BOTH, SQ_DISTINCT, RG_DISTINCT,
    PG_DISTINCT, PG_PREVIOUS, PG_CYCLE,
)  # fmt: skip
"""The rules of headers."""

Line = tuple[int, int, bytes]
"""A line's number, where it begins, and what it says without its newline."""

_NEEDED = {b"HD": (b"VN",), b"SQ": (b"SN", b"LN"), b"RG": (b"ID",), b"PG": (b"ID",)}
_UTF8 = {(b"SQ", b"DS"), (b"RG", b"DS"), (b"PG", b"DS"), (b"PG", b"CL")}
_TAG = re.compile(rb"[A-Za-z][A-Za-z0-9]")
_PRINTABLE = re.compile(rb"[ -~]+")
_Fields = dict[bytes, bytes]


@dataclass(frozen=True, eq=False)
class Header:
    """What records are held against.

    ``version``: of @HD, as ``(1, 6)``.  ``order``, ``suborder`` and ``grouping``: its SO, SS and GO.  ``names``: the
    references' numbers by their names; ``lengths`` and ``circular`` are in that order.  ``groups``, ``libraries``,
    ``units`` and ``programs``: what @RG and @PG lines have.
    """

    version: tuple[int, int] | None
    order: str
    suborder: str
    grouping: str
    names: Mapping[bytes, int]
    lengths: npt.NDArray[np.int64]
    circular: npt.NDArray[np.bool_]
    groups: frozenset[bytes]
    libraries: frozenset[bytes]
    units: frozenset[bytes]
    programs: frozenset[bytes]

    @property
    def has_groups(self) -> bool:
        """Whether there are @RG lines."""
        return bool(self.groups)


def text_lines(text: bytes, *, offset: int = 0) -> Iterable[Line]:
    """The lines of a header that is held as one text, such as BAM's."""
    for number, line in enumerate(text.split(b"\n") if text else (), 1):
        if line or offset + 1 < len(text):
            yield number, offset, line
        offset += len(line) + 1


def judge_header(lines: Iterable[Line], found: Found) -> Header:
    """Hold a header's lines against the rules, and return what it says as far as it can be understood."""
    reading = _Reading(found)
    for number, offset, line in lines:
        reading.take(number, offset, line)
    return reading.result()


class _Reading:
    """A header while it is read."""

    def __init__(self, found: Found) -> None:
        self.found = found
        self.head: _Fields = {}
        self.heads = 0
        self.taken = 0
        self.names: dict[bytes, int] = {}
        self.others: set[bytes] = set()
        self.lengths: list[int] = []
        self.circular: list[bool] = []
        self.groups: dict[bytes, _Fields] = {}
        self.programs: dict[bytes, tuple[int, bytes | None]] = {}

    def take(self, number: int, offset: int, line: bytes) -> None:
        """One line."""
        kind = line[1:3]
        first, self.taken = not self.taken, self.taken + 1
        if line[:1] != b"@" or kind not in (*_NEEDED, b"CO") or line[3:4] != b"\t":
            self.found.add(
                LINE, "this is no header line", line=number, offset=offset, seen=line[:40],
                expected="@HD, @SQ, @RG, @PG or @CO, and a tab",
            )  # fmt: skip
            return
        if kind == b"CO":
            self._text(number, offset, "CO", line[4:], utf8=True)
            return
        fields = self._fields(number, offset, kind, line[4:])
        for tag in _NEEDED[kind]:
            if tag not in fields:
                self._add(MISSING, number, offset, kind, tag, f"@{kind.decode()} has no {tag.decode()}")
        older = self.version is not None and self.version < (1, 6)
        for tag, value in fields.items():
            self._value(number, offset, kind, tag, value, older=older)
        match kind:
            case b"HD":
                self._head(number, offset, fields, first=first)
            case b"SQ":
                self._reference(number, offset, fields)
            case b"RG":
                self._group(number, offset, fields)
            case _:
                self._program(number, offset, fields)

    @property
    def version(self) -> tuple[int, int] | None:
        """What @HD says of it."""
        told = re.fullmatch(rb"([0-9]{1,6})\.([0-9]{1,6})", self.head.get(b"VN", b""))
        return (int(told[1]), int(told[2])) if told else None

    def _add(self, code: Code, number: int, offset: int, kind: bytes, tag: bytes, message: str, **more: object) -> None:
        column = f"@{kind.decode()} {tag.decode('ascii', 'backslashreplace')}"
        self.found.add(code, message, line=number, offset=offset, column=column, **more)  # type: ignore[arg-type]

    def _text(self, number: int, offset: int, column: str, value: bytes, *, utf8: bool) -> bool:
        try:
            text = value.decode("utf-8" if utf8 else "ascii")
            fits = all(each.isprintable() or (each == "\t" and column == "CO") for each in text)
        except UnicodeDecodeError:
            fits = False
        if not fits:
            what = "printable UTF-8" if utf8 else "printable ASCII"
            self.found.add(
                TEXT, f"the value is not {what}", line=number, offset=offset, column=column, seen=value, expected=what
            )
        return fits

    def _fields(self, number: int, offset: int, kind: bytes, rest: bytes) -> _Fields:
        fields: _Fields = {}
        for part in rest.split(b"\t"):
            tag, colon, value = part[:2], part[2:3], part[3:]
            if not _TAG.fullmatch(tag) or colon != b":" or not value:
                self._add(FIELD, number, offset, kind, tag, "this is no TAG:VALUE", seen=part, expected="TAG:VALUE")
            elif tag in fields:
                self._add(TWICE, number, offset, kind, tag, f"{tag.decode()} stands twice", seen=part)
            else:
                utf8 = (kind, tag) in _UTF8
                if not _PRINTABLE.fullmatch(value):
                    self._text(number, offset, f"@{kind.decode()} {tag.decode()}", value, utf8=utf8)
                fields[tag] = value
        return fields

    def _value(self, number: int, offset: int, kind: bytes, tag: bytes, value: bytes, *, older: bool) -> None:
        rule = field_rules(kind, tag)
        if rule is None or rule.fits(value) or (older and tag in (b"SN", b"AN") and older_name(value)):
            return
        code = SPELLING if rule.nearly(value) else VALUE
        said = f"{tag.decode()} is not {rule.expected}"
        self._add(code, number, offset, kind, tag, said, seen=value, expected=rule.expected)

    def _head(self, number: int, offset: int, fields: _Fields, *, first: bool) -> None:
        self.heads += 1
        if self.heads > 1:
            self._add(HD_ONCE, number, offset, b"HD", b"", "there is a second @HD line")
            return
        if not first:
            self._add(HD_FIRST, number, offset, b"HD", b"", "lines stand before @HD")
        self.head = fields
        order, suborder = fields.get(b"SO"), fields.get(b"SS")
        if order is not None and suborder is not None and suborder.partition(b":")[0] != order:
            self._add(
                HD_SORT, number, offset, b"HD", b"SS", "SS speaks of another order than SO", seen=suborder,
                expected=order,
            )  # fmt: skip
        if order is not None and b"GO" in fields:
            self._add(HD_BOTH, number, offset, b"HD", b"GO", "there are both SO and GO")

    def _reference(self, number: int, offset: int, fields: _Fields) -> None:
        name, length = fields.get(b"SN"), fields.get(b"LN", b"")
        others = fields[b"AN"].split(b",") if b"AN" in fields else []
        seen: set[bytes] = set()
        for each in ([] if name is None else [name]) + others:
            if each in self.names or each in self.others or each in seen:
                tag = b"SN" if not seen else b"AN"
                self._add(SQ_DISTINCT, number, offset, b"SQ", tag, "another reference has this name", seen=each)
            seen.add(each)
        self.others.update(others)
        if name is None or name in self.names:
            return
        self.names[name] = len(self.lengths)
        self.lengths.append(int(length) if length.isdigit() and len(length) <= 10 else (1 << 31) - 1)
        self.circular.append(fields.get(b"TP") == b"circular")

    def _group(self, number: int, offset: int, fields: _Fields) -> None:
        name = fields.get(b"ID")
        if name is None:
            return
        if name in self.groups:
            self._add(RG_DISTINCT, number, offset, b"RG", b"ID", "another @RG line has this ID", seen=name)
        self.groups.setdefault(name, fields)

    def _program(self, number: int, offset: int, fields: _Fields) -> None:
        name = fields.get(b"ID")
        if name is None:
            return
        if name in self.programs:
            self._add(PG_DISTINCT, number, offset, b"PG", b"ID", "another @PG line has this ID", seen=name)
        self.programs.setdefault(name, (number, fields.get(b"PP")))

    def _chains(self) -> None:
        ended: set[bytes] = set()
        for name, (number, previous) in self.programs.items():
            if previous is not None and (previous not in self.programs):
                self.found.add(
                    PG_PREVIOUS, "no @PG line has this ID", line=number, column="@PG PP", seen=previous,
                    expected="the ID of another @PG line",
                )  # fmt: skip
            way: dict[bytes, None] = {}
            at: bytes | None = name
            while at is not None and at in self.programs and at not in ended and at not in way:
                way[at] = None
                at = self.programs[at][1]
            if at is not None and at in way:
                self.found.add(
                    PG_CYCLE, "the chain of programs comes back to where it was", line=self.programs[at][0],
                    column="@PG PP", record=at.decode("utf-8", "backslashreplace"),
                )  # fmt: skip
            ended.update(way)

    def result(self) -> Header:
        """All of it."""
        self._chains()

        def said(tag: bytes) -> str:
            return self.head.get(tag, b"").decode("ascii", "replace")

        return Header(
            self.version, said(b"SO"), said(b"SS"), said(b"GO"), self.names,
            np.array(self.lengths, np.int64), np.array(self.circular, np.bool_), frozenset(self.groups),
            _values(self.groups, b"LB"), _values(self.groups, b"PU"), frozenset(self.programs),
        )  # fmt: skip


def _values(groups: Mapping[bytes, _Fields], tag: bytes) -> frozenset[bytes]:
    return frozenset(fields[tag] for fields in groups.values() if tag in fields)
