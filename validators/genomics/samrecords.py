"""Records as lines of text: their grammar, and their columns (SAM 1.6, 1.4 and 1.5).

One pattern goes over all lines of a block at once.  Only a line at which it stops is looked at column by column.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from .samcodes import (
    CIGAR,
    COLUMNS,
    FLAG,
    MAPQ,
    PNEXT,
    POS,
    QNAME,
    QUAL,
    QUAL_LENGTH,
    RNAME,
    RNEXT,
    SEQ,
    TAG,
    TAG_ARRAY,
    TAG_RANGE,
    TLEN,
)
from .samcolumns import Records, Tags, cut, ragged
from .samlines import COLUMN, FIELD, LINES

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..found import Found
    from ..streams.lines import Lines
    from .samheader import Header

__all__ = ["read_records"]

_NAMES = ("QNAME", "FLAG", "RNAME", "POS", "MAPQ", "CIGAR", "RNEXT", "PNEXT", "TLEN", "SEQ", "QUAL")
_CODES = (QNAME, FLAG, RNAME, POS, MAPQ, CIGAR, RNEXT, PNEXT, TLEN, SEQ, QUAL)
_TAB, _STAR, _EQUALS = 9, ord("*"), ord("=")
_RANGES = {b"c": (-128, 127), b"C": (0, 255), b"s": (-32768, 32767), b"S": (0, 65535),
           b"i": (-(1 << 31), (1 << 31) - 1), b"I": (0, (1 << 32) - 1)}  # fmt: skip
_INTEGERS = re.compile(rb"[cCsSiI](?:,[-+]?[0-9]++)*+")


def read_records(lines: Lines, skip: int, header: Header, found: Found) -> tuple[Records, Tags] | None:
    """The records in the lines from the ``skip``-th on; those that are none are told of and left out."""
    data = lines.data if lines.terminated else lines.data + b"\n"
    good = _good(lines, data, skip, found)
    if not len(good):
        return None
    raw = np.frombuffer(data, np.uint8)
    tabs = np.flatnonzero(raw == _TAB)
    starts, ends = lines.starts[good], lines.ends[good]
    first = np.searchsorted(tabs, starts)
    # Where each of the eleven columns begins and ends.
    begin = np.column_stack([starts, *(tabs[first + number] + 1 for number in range(10))])
    count = np.searchsorted(tabs, ends) - first
    eleventh = np.append(tabs, 0)[np.minimum(first + 10, len(tabs))]
    end = np.column_stack([begin[:, 1:] - 1, np.where(count > 10, eleventh, ends)])
    records = _columns(data, raw, begin, end, good, lines, header)
    _lengths(records, raw, begin, end, found)
    return records, _tags(data, raw, tabs, first, count, ends, records, found)


def _good(lines: Lines, data: bytes, skip: int, found: Found) -> npt.NDArray[np.int64]:
    """The numbers of the lines that are records by their grammar."""
    bad: list[int] = []
    at, index = int(lines.starts[skip]) if skip < len(lines) else len(data), skip
    while index < len(lines):
        match = LINES.match(data, at)
        assert match is not None
        if match.end() == len(data):
            break
        index = int(np.searchsorted(lines.starts, match.end()))
        _judge_line(lines, index, found)
        bad.append(index)
        index += 1
        at = int(lines.starts[index]) if index < len(lines) else len(data)
    chosen = np.ones(len(lines), np.bool_)
    chosen[:skip] = False
    chosen[bad] = False
    return np.flatnonzero(chosen)


def _judge_line(lines: Lines, index: int, found: Found) -> None:
    """Say what is wrong with a line."""
    line = lines[index]
    columns = line.split(b"\t")
    where: dict[str, Any] = {
        "line": lines.number(index),
        "offset": lines.place(index),
        "record": columns[0][:254].decode("ascii", "backslashreplace"),
    }
    if len(columns) < len(COLUMN):
        found.add(COLUMNS, f"it has {len(columns)} columns", seen=len(columns), expected="11 or more", **where)
    for name, code, pattern, value in zip(_NAMES, _CODES, COLUMN, columns, strict=False):
        if not pattern.fullmatch(value):
            found.add(code, f"{name} is {_said(value)}", column=name, seen=value, expected=code.about, **where)
    for field in columns[len(COLUMN) :]:
        if not FIELD.fullmatch(field):
            name = field[:2].decode("ascii", "backslashreplace")
            found.add(
                TAG, "this is no TAG:TYPE:VALUE" if field[2:3] != b":" or field[4:5] != b":" else _of_type(field),
                column=name, seen=field, expected=TAG.about, **where,
            )  # fmt: skip


def _said(value: bytes) -> str:
    if not value:
        return "empty"
    return "followed by a carriage return" if value.endswith(b"\r") else "not what it has to be"


def _of_type(field: bytes) -> str:
    kind = chr(field[3])
    return f"the value is none of the type {kind}" if kind in "AifZHB" else f"there is no type {kind}"


def _columns(
    data: bytes,
    raw: npt.NDArray[np.uint8],
    begin: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
    good: npt.NDArray[np.int64],
    lines: Lines,
    header: Header,
) -> Records:
    reference = _references(raw, data, begin[:, 2], end[:, 2], header)
    told = _references(raw, data, begin[:, 6], end[:, 6], header)
    same = (raw[begin[:, 6]] == _EQUALS) & (end[:, 6] - begin[:, 6] == 1)
    operation, amount, operations = _cigars(raw, begin[:, 5], end[:, 5])
    bases = np.where(raw[begin[:, 9]] == _STAR, 0, end[:, 9] - begin[:, 9])
    return Records(
        data=data,
        line=lines.first + good,
        offset=lines.offset + lines.starts[good],
        name_start=begin[:, 0],
        name_end=end[:, 0],
        flag=_numbers(raw, begin[:, 1], end[:, 1]),
        reference=reference,
        position=_numbers(raw, begin[:, 3], end[:, 3]),
        mapq=_numbers(raw, begin[:, 4], end[:, 4]),
        next_reference=np.where(same, reference, told),
        next_position=_numbers(raw, begin[:, 7], end[:, 7]),
        template=_numbers(raw, begin[:, 8], end[:, 8]),
        operation=operation,
        amount=amount,
        operations=operations,
        bases=bases,
        quality_start=begin[:, 10],
        # One star may be one quality as well as none.
        qualified=(end[:, 10] - begin[:, 10] == bases) & ((raw[begin[:, 10]] != _STAR) | (bases > 1)),
        quality_zero=33,
        same_next=~same & (told >= 0) & (told == reference),
    )


def _numbers(
    raw: npt.NDArray[np.uint8], begin: npt.NDArray[np.int64], end: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Decimal numbers of ten digits or fewer, with a minus before them or not."""
    negative = raw[np.minimum(begin, len(raw) - 1)] == ord("-")
    at, size = begin + negative, end - begin - negative
    found = np.zeros(len(begin), np.int64)
    for digit in range(int(size.max(initial=0))):
        there = size > digit
        found[there] = found[there] * 10 + (raw[at[there] + digit] - 48)
    return np.where(negative, -found, found)


def _references(
    raw: npt.NDArray[np.uint8],
    data: bytes,
    begin: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
    header: Header,
) -> npt.NDArray[np.int64]:
    """The numbers of references by their names: -1 for * and =, -2 for one that is not in the header."""
    found = np.empty(len(begin), np.int64)
    size = end - begin
    width = int(size.max(initial=0))
    if width <= 64:
        # Names as rows of equal width; each that there is is looked up once.
        places = begin[:, None] + np.arange(width)
        rows = np.where(np.arange(width) < size[:, None], raw[np.minimum(places, len(raw) - 1)], 0).astype(np.uint8)
        _, one, which = np.unique(rows.view(f"V{width}").ravel(), return_index=True, return_inverse=True)
        names = [data[begin[index] : end[index]] for index in one.tolist()]
        return np.array([_reference(name, header) for name in names], np.int64)[which.ravel()]
    for index, (start, stop) in enumerate(zip(begin.tolist(), end.tolist(), strict=True)):
        found[index] = _reference(data[start:stop], header)
    return found


def _reference(name: bytes, header: Header) -> int:
    return -1 if name in (b"*", b"=") else header.names.get(name, -2)


def _cigars(
    raw: npt.NDArray[np.uint8], begin: npt.NDArray[np.int64], end: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The operations, their lengths, and how many each record has."""
    size = np.where(raw[begin] == _STAR, 0, end - begin)
    text = cut(raw, begin, size)
    letters = np.flatnonzero(text >= ord("="))
    before = np.append(-1, letters[:-1])
    amount = _numbers(text, before + 1, letters) if len(letters) else np.empty(0, np.int64)
    record = np.repeat(np.arange(len(begin), dtype=np.int64), size)
    return text[letters], amount, np.bincount(record[letters], minlength=len(begin)).astype(np.int64)


def _lengths(
    records: Records,
    raw: npt.NDArray[np.uint8],
    begin: npt.NDArray[np.int64],
    end: npt.NDArray[np.int64],
    found: Found,
) -> None:
    size = end[:, 10] - begin[:, 10]
    star = (raw[begin[:, 10]] == _STAR) & (size == 1)
    for index in np.flatnonzero(~star & (size != records.bases)).tolist():
        found.add(
            QUAL_LENGTH, "there are not as many qualities as bases", column="QUAL", seen=int(size[index]),
            expected=int(records.bases[index]), **records.place(index),
        )  # fmt: skip


def _tags(
    data: bytes,
    raw: npt.NDArray[np.uint8],
    tabs: npt.NDArray[np.int64],
    first: npt.NDArray[np.int64],
    count: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    records: Records,
    found: Found,
) -> Tags:
    many = np.maximum(count - 10, 0)
    chosen = ragged(first + 10, many)
    at = tabs[chosen] + 1
    record = np.repeat(np.arange(len(first), dtype=np.int64), many)
    last = np.append(record[1:] != record[:-1], True)[: len(record)]
    following = np.append(tabs, 0)[np.minimum(chosen + 1, len(tabs))]
    end = np.where(last, ends[record], following)
    kind = raw[at + 3]
    tags = Tags(
        data, record, raw[at].astype(np.int64) << 8 | raw[at + 1], kind, at + 5, end, kind, binary=False
    )  # fmt: skip
    # Numbers that are short cannot be out of range.
    for index in np.flatnonzero((kind == ord("i")) & (end - at - 5 > 9)).tolist():
        value = data[at[index] + 5 : end[index]]
        if len(value) > 20 or not -(1 << 31) <= int(value) < 1 << 32:
            _tell(found, TAG_RANGE, tags, index, records, value, "from -2147483648 to 4294967295")
    for index in np.flatnonzero(kind == ord("B")).tolist():
        value = data[at[index] + 5 : end[index]]
        if not _array_fits(value):
            _tell(found, TAG_ARRAY, tags, index, records, value, f"numbers of the type {value[:1].decode()}")
    return tags


def _array_fits(value: bytes) -> bool:
    if value[:1] == b"f" or len(value) == 1:
        return True
    if not _INTEGERS.fullmatch(value):
        return False
    least, most = _RANGES[value[:1]]
    numbers = [int(each) if len(each) < 20 else 1 << 64 for each in value[2:].split(b",")]
    return least <= min(numbers) and max(numbers) <= most


def _tell(found: Found, code: Any, tags: Tags, index: int, records: Records, value: bytes, expected: str) -> None:
    number = int(tags.tag[index])
    name = chr(number >> 8) + chr(number & 0xFF)
    place = records.place(int(tags.record[index]))
    found.add(code, f"{name} has a number that it cannot have", column=name, seen=value, expected=expected, **place)
