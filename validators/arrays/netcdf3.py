"""NetCDF-3: classic, with 64-bit offsets (CDF-2), and with 64-bit data (CDF-5)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..check import Cost
from ..findings import Code, Severity
from .base import ArrayCheck, figures_of, sampled
from .held import BLOCK, broken
from .values import VALUE_CODES, Fields

if TYPE_CHECKING:
    from ..found import Found
    from ..subjects import Subject
    from .held import Held

__all__ = ["CHECKS", "NetCDF3"]

_SOURCE = "NetCDF Classic Format Specification"
HEADER = Code("netcdf3.header", Severity.ERROR, "The header is lists of dimensions, attributes and variables.", _SOURCE)
NAME = Code(
    "netcdf3.name", Severity.ERROR, "Names are text, not empty, without slashes, and each is there once.", _SOURCE
)
KIND = Code("netcdf3.type", Severity.ERROR, "A type is one that this version has.", _SOURCE)
DIMENSION = Code("netcdf3.dimension", Severity.ERROR, "One dimension at most is of records, and comes first.", _SOURCE)
PADDING = Code("netcdf3.padding", Severity.WARNING, "Headers are padded with zeros to a multiple of 4 bytes.", _SOURCE)
SIZE = Code("netcdf3.vsize", Severity.WARNING, "The size vsize is what follows from type and dimensions.", _SOURCE)
LAYOUT = Code("netcdf3.begin", Severity.ERROR, "Variables lie behind the header, and overlap nothing.", _SOURCE)
TRUNCATED = Code("netcdf3.truncated", Severity.ERROR, "There are as many bytes as the header says.", _SOURCE)
TRAILING = Code("netcdf3.trailing", Severity.WARNING, "Nothing follows the data.", _SOURCE)

_KINDS = {1: "i1", 2: "S1", 3: ">i2", 4: ">i4", 5: ">f4", 6: ">f8", 7: "u1", 8: ">u2", 9: ">u4", 10: ">i8", 11: ">u8"}


@dataclass(frozen=True)
class _Variable:
    name: str
    shape: tuple[int, ...]
    record: bool
    kind: np.dtype[Any]
    begin: int

    @property
    def count(self) -> int:
        """Values, of a record where it has records."""
        return math.prod(self.shape)

    @property
    def size(self) -> int:
        return self.count * self.kind.itemsize


class _Reader:
    """The header, read from its beginning on."""

    def __init__(self, file: Held, found: Found) -> None:
        self.file, self.found, self.place = file, found, 4
        (version,) = file.numbers("B", 3, "the version")
        if file.take(0, 3) != b"CDF" or version not in (1, 2, 5):
            broken(HEADER, "it does not begin as NetCDF does", offset=0, seen=file.take(0, 4))
        self.version = version
        self.wide = version == 5

    def number(self, what: str, *, wide: bool | None = None) -> int:
        """A number that is not negative: a count, or where something begins."""
        layout = ">q" if (self.wide if wide is None else wide) else ">i"
        (told,) = self.file.numbers(layout, self.place, what)
        self.place += 8 if layout == ">q" else 4
        return int(told)

    def count(self, what: str, each: int) -> int:
        """How many of something there are, of which each has so many bytes at least."""
        at, told = self.place, self.number(what)
        if told < 0 or told * each > self.file.size - self.place:
            self.file.need(self.place, max(told, 0) * each, what, offset=at)
            broken(HEADER, f"{what} cannot be that many", offset=at, seen=told)
        return told

    def elements(self, tag: int, what: str, each: int) -> int:
        """How many elements a list has."""
        at = self.place
        (told,) = self.file.numbers(">I", self.place, what)
        self.place += 4
        count = self.count(what, each)
        if told != (tag if count else told) or told not in (0, tag):
            broken(HEADER, f"there should be {what}", offset=at, seen=told, expected=tag)
        return count

    def padded(self, size: int, what: str) -> bytes:
        """So many bytes, and those that fill up to a multiple of 4."""
        data = self.file.take(self.place, size + -size % 4, what)
        if any(data[size:]):
            self.found.add(
                PADDING, f"{what} is not padded with zeros", offset=self.place + size, seen=data[size:].hex(" ")
            )
        self.place += len(data)
        return data[:size]

    def name(self) -> str:
        at = self.place
        raw = self.padded(self.count("a name", 1), "a name")
        name = raw.decode("utf-8", "backslashreplace")
        try:
            raw.decode("utf-8")
            right = name.isprintable() and name != "" and "/" not in name
        except UnicodeDecodeError:
            right = False
        if not right:
            self.found.add(NAME, "this is no name", offset=at, seen=raw)
        return name

    def kind(self) -> np.dtype[Any]:
        at, told = self.place, self.number("a type", wide=False)
        if told not in _KINDS or (told > 6 and not self.wide):
            broken(KIND, "there is no such type", offset=at, seen=told)
        return np.dtype(_KINDS[told])

    def attributes(self) -> None:
        self.unique([self._attribute() for _ in range(self.elements(12, "attributes", 12))], "attribute")

    def _attribute(self) -> str:
        name, kind = self.name(), self.kind()
        self.padded(self.count("an attribute's values", kind.itemsize) * kind.itemsize, "an attribute")
        return name

    def unique(self, names: list[str], what: str) -> None:
        for name in {name for name in names if names.count(name) > 1} if len(names) < 10_000 else ():
            self.found.add(NAME, f"there is more than one {what} of this name", record=name, seen=name)


class NetCDF3(ArrayCheck):
    """The header, that variables lie where they can, and what they hold."""

    name = "netcdf3"
    formats = frozenset({"netcdf3"})
    codes = (HEADER, NAME, KIND, DIMENSION, PADDING, SIZE, LAYOUT, TRUNCATED, TRAILING, *VALUE_CODES)
    truncated = TRUNCATED

    def read(self, file: Held, subject: Subject, found: Found) -> None:
        """Read it."""
        head = _Reader(file, found)
        at = head.place
        records = head.number("the number of records")
        if records < -1:
            broken(HEADER, "there cannot be so many records", offset=at, seen=records)
        names, lengths = [], []
        for _ in range(head.elements(10, "dimensions", 8)):
            names.append(head.name())
            at = head.place
            lengths.append(head.number("a dimension"))
            if lengths[-1] < 0:
                broken(DIMENSION, "a dimension is negative", offset=at, record=names[-1], seen=lengths[-1])
        head.unique(names, "dimension")
        if lengths.count(0) > 1:
            found.add(DIMENSION, "more than one dimension is of records", seen=lengths.count(0), expected=1)
        head.attributes()
        every = [_variable(head, lengths, found) for _ in range(head.elements(11, "variables", 28))]
        head.unique([each.name for each in every], "variable")
        self._data(file, head.place, records, every, subject, found)

    def _data(
        self, file: Held, start: int, records: int, every: list[_Variable], subject: Subject, found: Found
    ) -> None:
        fixed = [each for each in every if not each.record]
        recorded = [each for each in every if each.record]
        # One variable alone is not padded between its records.
        alone = len(recorded) == 1
        row = sum(each.size + (0 if alone else -each.size % 4) for each in recorded)
        first = min((each.begin for each in recorded), default=0)
        if records == -1:
            records = max(0, file.size - first) // row if row else 0
        ends = [(each.begin, each.begin + each.size, each.name) for each in fixed]
        ends += [(each.begin, each.begin + each.size, each.name) for each in recorded if records]
        for each in recorded:
            if each.begin + each.size > first + row:
                broken(LAYOUT, "it does not fit in a record", record=each.name, offset=each.begin, expected=first + row)
        for begin, end, name in sorted(ends):
            if begin < start:
                broken(
                    LAYOUT, "it begins in the header or in another variable", record=name, offset=begin, expected=start
                )
            start = max(start, end)
        last = max([start, *([first + records * row] if recorded else ())])
        file.need(0, last - (-last % 4 if last > file.size else 0), "what the header tells of")
        if file.whole and file.size > last + -last % 4:
            found.add(TRAILING, "bytes follow the data", offset=last, seen=file.size, expected=last)
        for each in fixed:
            figures_of(
                file,
                each.begin,
                each.count,
                each.kind,
                subject,
                Fields(each.kind, found, self.values, member=each.name),
            )
        if row and records:
            self._records(file, first, row, records, recorded, subject, found)

    def _records(
        self, file: Held, first: int, row: int, records: int, every: list[_Variable], subject: Subject, found: Found
    ) -> None:
        """Records lie one after the other, each with its part of every variable."""
        fields = [Fields(each.kind, found, self.values, member=each.name) for each in every]
        length = records * row
        if row > subject.limits.memory:
            found.partly()
            return
        size = max(1, BLOCK // row) * row
        for block in sampled(file.blocks(first, min(length, file.size - first), size=size), subject, found):
            rows = np.frombuffer(block.ljust(-(-len(block) // row) * row, b"\0"), np.uint8).reshape(-1, row)
            for each, field in zip(every, fields, strict=True):
                part = rows[:, each.begin - first : each.begin - first + each.size]
                if each.size:
                    field.add(np.ascontiguousarray(part).view(each.kind))
        for field in fields if subject.cost is not Cost.HEADER else ():
            field.tell()


def _variable(head: _Reader, lengths: list[int], found: Found) -> _Variable:
    name = head.name()
    at = head.place
    ids = [head.number("a dimension's number") for _ in range(head.count("dimensions", 8 if head.wide else 4))]
    if len(ids) > 1024 or any(not 0 <= each < len(lengths) for each in ids):
        broken(DIMENSION, "it has a dimension that there is not", offset=at, record=name, seen=ids[:20])
    shape = [lengths[each] for each in ids]
    if 0 in shape[1:]:
        broken(DIMENSION, "the dimension of records does not come first", offset=at, record=name, seen=ids[:20])
    record = shape[:1] == [0]
    head.attributes()
    kind = head.kind()
    at = head.place
    told = head.number("a variable's size")
    begin = head.number("where a variable begins", wide=head.version != 1)
    variable = _Variable(name, tuple(shape[record:]), record, kind, begin)
    expected = variable.size + -variable.size % 4
    # What does not fit is told as the most that does; writers also leave out what fills up.
    if told not in (expected, variable.size) and expected < (1 << 31):
        found.add(
            SIZE, "it has another size than its dimensions say", offset=at, record=name, seen=told, expected=expected
        )
    if begin < 0:
        broken(LAYOUT, "it begins before the file does", offset=at, record=name, seen=begin)
    return variable


CHECKS = (NetCDF3,)
