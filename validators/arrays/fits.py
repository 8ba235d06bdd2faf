"""FITS: images and tables of astronomy, with checksums where the writer made them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..check import Cost
from ..findings import Code, Severity
from .base import ArrayCheck, figures_of
from .held import BLOCK, broken, telling
from .values import VALUE_CODES, Fields

if TYPE_CHECKING:
    from ..found import Found
    from ..subjects import Subject
    from .held import Held

__all__ = ["CHECKS", "Fits"]

_SOURCE = "FITS 4.0"
CARD = Code(
    "fits.card",
    Severity.ERROR,
    "A header is cards of 80 printable characters: a keyword, and its value.",
    f"{_SOURCE}, 4.1",
)
KEYWORD = Code(
    "fits.keyword",
    Severity.ERROR,
    "Keywords that must be there are, in order, with values of their kind.",
    f"{_SOURCE}, 4.4.1",
)
TWICE = Code("fits.keyword_twice", Severity.WARNING, "A keyword is there once.", f"{_SOURCE}, 4.1.2.1")
PADDING = Code(
    "fits.padding", Severity.ERROR, "What fills up a header is spaces, and of data zeros or spaces.", f"{_SOURCE}, 3.3"
)
COLUMN = Code(
    "fits.column", Severity.ERROR, "TFORMn says what a column is, and all together fill a row.", f"{_SOURCE}, 7.3"
)
CHECKSUM = Code(
    "fits.checksum", Severity.ERROR, "CHECKSUM makes the sum of header and data minus zero.", f"{_SOURCE}, 4.4.2.7"
)
DATASUM = Code("fits.datasum", Severity.ERROR, "DATASUM is the sum of the data.", f"{_SOURCE}, 4.4.2.7")
TRUNCATED = Code(
    "fits.truncated",
    Severity.ERROR,
    "Headers and data go on to the end of their last block of 2880 bytes.",
    f"{_SOURCE}, 3.1",
)
TRAILING = Code(
    "fits.trailing", Severity.ERROR, "After the last data comes nothing, or another header.", f"{_SOURCE}, 3.5"
)

_UNIT = 2880
_KINDS = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_COLUMNS = {
    "L": ("S1", 1),
    "B": ("u1", 1),
    "I": (">i2", 2),
    "J": (">i4", 4),
    "K": (">i8", 8),
    "A": ("S1", 1),
    "E": (">f4", 4),
    "D": (">f8", 8),
    "C": (">c8", 8),
    "M": (">c16", 16),
    "P": ("V8", 8),
    "Q": ("V16", 16),
}
_NUMBER = re.compile(r"[+-]?\d+")
_REAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[ED][+-]?\d+)?")
_COMPLEX = re.compile(r"\([^,()]+,[^,()]+\)")
_FORM = re.compile(r"(\d*)([LXBIJKAEDCMPQ])(.*)")
_NO_VALUE = frozenset({"COMMENT", "HISTORY", "", "CONTINUE", "END"})


@dataclass
class _Unit:
    """A header with its data: its cards by keyword, and where each part lies."""

    number: int
    start: int
    cards: dict[str, str | int | float | bool | None] = field(default_factory=dict[str, Any])
    order: list[str] = field(default_factory=list[str])
    data: int = 0
    length: int = -1

    @property
    def name(self) -> str:
        return f"HDU {self.number}"

    def whole(self, keyword: str, default: int | None = None, *, least: int = 0) -> int:
        """A number that has to be there, unless there is a default."""
        told = self.cards.get(keyword, default)
        if isinstance(told, bool) or not isinstance(told, int) or told < least:
            broken(KEYWORD, f"{keyword} is no number of at least {least}", column=keyword, offset=self.start, seen=told)
        return told


class Fits(ArrayCheck):
    """Cards, lengths, checksums, and what images and tables hold."""

    name = "fits"
    formats = frozenset({"fits"})
    codes = (CARD, KEYWORD, TWICE, PADDING, COLUMN, CHECKSUM, DATASUM, TRUNCATED, TRAILING, *VALUE_CODES)
    truncated = TRUNCATED

    def read(self, file: Held, subject: Subject, found: Found) -> None:
        """Read it."""
        place = number = 0
        while place < file.size or not number:
            if number and file.take(place, min(8, file.size - place)) != b"XTENSION":
                self._after(file, place, found)
                return
            unit = _Unit(number, place)
            with telling(found, member=unit.name):
                _header(file, unit, found)
                unit.length = _length(unit)
                self._data(file, unit, subject, found)
            if unit.length < 0:  # where the data end is not known, and so not where the next header begins
                return
            place, number = unit.data + unit.length + -unit.length % _UNIT, number + 1

    def _after(self, file: Held, place: int, found: Found) -> None:
        if file.whole:
            found.add(
                TRAILING,
                "what follows the last data is no header",
                offset=place,
                seen=file.take(place, min(8, file.size - place)),
            )

    def _data(self, file: Held, unit: _Unit, subject: Subject, found: Found) -> None:
        padded = unit.length + -unit.length % _UNIT
        file.need(unit.data, padded, "the data", member=unit.name)
        fill = file.take(unit.data + unit.length, padded - unit.length)
        if fill.strip(b" " if unit.cards.get("XTENSION") == "TABLE" else b"\0"):
            found.add(PADDING, "what fills up the data is not zero", member=unit.name, offset=unit.data + unit.length)
        if subject.cost is Cost.FULL:
            _sums(file, unit, padded, found)
        kind = unit.cards.get("XTENSION", "IMAGE")
        if kind == "BINTABLE":
            rows = _rows(unit)
            count = unit.whole("NAXIS2")
            if rows.itemsize and rows.names:
                figures_of(file, unit.data, count, rows, subject, Fields(rows, found, self.values, member=unit.name))
        elif kind == "IMAGE" and unit.length and "GROUPS" not in unit.cards:
            values = np.dtype(_KINDS[unit.whole("BITPIX", least=-64)])
            count = unit.length // values.itemsize
            figures_of(file, unit.data, count, values, subject, Fields(values, found, self.values, member=unit.name))


def _header(file: Held, unit: _Unit, found: Found) -> None:
    """Read cards up to END, and what must stand at the beginning."""
    place, ended = unit.start, False
    while not ended:
        block = file.take(place, _UNIT, "a header", member=unit.name)
        for at in range(0, _UNIT, 80):
            card = block[at : at + 80]
            if ended:
                if card.strip(b" "):
                    found.add(PADDING, "something stands after END", member=unit.name, offset=place + at, seen=card)
                continue
            ended = _card(card, unit, place + at, found)
        place += _UNIT
    unit.data = place
    _mandatory(unit)


def _card(card: bytes, unit: _Unit, place: int, found: Found) -> bool:
    """Take one card; whether it is the last."""
    text = card.decode("latin-1")
    keyword = text[:8].rstrip(" ")
    if not (text.isascii() and text.isprintable()):
        found.add(CARD, "a card has characters that no header has", member=unit.name, offset=place, seen=card)
    if not re.fullmatch(r"[A-Z0-9_-]*", keyword):
        found.add(CARD, "this is no keyword", member=unit.name, offset=place, seen=keyword)
    if keyword == "END":
        if text.strip() != "END":
            found.add(CARD, "something stands behind END", member=unit.name, offset=place, seen=text)
        return True
    if text[8:10] != "= " or keyword in _NO_VALUE:
        return False
    value = _value(text[10:])
    if value is ...:
        found.add(
            CARD,
            f"{keyword} has no value that FITS knows",
            member=unit.name,
            offset=place,
            column=keyword,
            seen=text[10:],
        )
        return False
    if keyword in unit.cards:
        found.add(TWICE, f"{keyword} is there again", member=unit.name, offset=place, column=keyword)
        return False
    unit.cards[keyword] = value
    unit.order.append(keyword)
    return False


def _value(text: str) -> Any:
    """The value of a card; ``...`` if it has none that is allowed."""
    told = text.lstrip(" ")
    if told.startswith("'"):
        match = re.match(r"'((?:[^']|'')*)' *(?:/.*)?$", told)
        return ... if match is None else match[1].replace("''", "'").rstrip(" ")
    told = told.partition("/")[0].rstrip(" ")
    if told in ("T", "F"):
        return told == "T"
    if _NUMBER.fullmatch(told):
        return int(told)
    if _REAL.fullmatch(told):
        return float(told.replace("D", "E"))
    return None if not told else told if _COMPLEX.fullmatch(told) else ...


def _mandatory(unit: _Unit) -> None:
    first = "SIMPLE" if unit.number == 0 else "XTENSION"
    expected = [first, "BITPIX", "NAXIS"]
    if unit.order[:3] != expected:
        broken(
            KEYWORD,
            "the header does not begin with what it must",
            offset=unit.start,
            seen=unit.order[:3],
            expected=expected,
        )
    if not unit.number and not isinstance(unit.cards["SIMPLE"], bool):
        broken(KEYWORD, "SIMPLE is neither T nor F", offset=unit.start, column="SIMPLE", seen=unit.cards["SIMPLE"])
    bits = unit.whole("BITPIX", least=-64)
    if bits not in _KINDS:
        broken(KEYWORD, "BITPIX is none that there is", offset=unit.start + 80, column="BITPIX", seen=bits)
    axes = unit.whole("NAXIS")
    expected += [f"NAXIS{number}" for number in range(1, min(axes, 999) + 1)]
    if unit.number:
        expected += ["PCOUNT", "GCOUNT"]
    if axes > 999 or unit.order[: len(expected)] != expected:
        broken(
            KEYWORD,
            "keywords of the axes are missing or out of order",
            offset=unit.start + 160,
            seen=unit.order[3:12],
            expected=expected[3:12],
        )


def _length(unit: _Unit) -> int:
    """The bytes of the data, without what fills them up."""
    axes = [unit.whole(f"NAXIS{number}") for number in range(1, unit.whole("NAXIS") + 1)]
    groups = unit.cards.get("GROUPS") is True and axes[:1] == [0]
    if not axes:
        return 0
    # An image of the primary unit has neither groups nor parameters.
    extra = unit.number > 0 or groups
    count = unit.whole("GCOUNT", 1) if extra else 1
    parameters = unit.whole("PCOUNT", 0) if extra else 0
    return abs(unit.whole("BITPIX", least=-64)) // 8 * count * (parameters + math.prod(axes[groups:]))


def _rows(unit: _Unit) -> np.dtype[Any]:
    """The data type of a row of a binary table."""
    parts: list[tuple[Any, ...]] = []
    size = 0
    for number in range(1, unit.whole("TFIELDS") + 1):
        told = unit.cards.get(f"TFORM{number}")
        match = _FORM.fullmatch(told.strip()) if isinstance(told, str) else None
        if match is None:
            broken(COLUMN, f"TFORM{number} is none", offset=unit.start, column=f"TFORM{number}", seen=told)
        repeat, kind = int(match[1] or 1), match[2]
        name = f"{number}"
        if kind == "X":
            part: tuple[Any, ...] = (name, "V1", ((repeat + 7) // 8,))
            width = (repeat + 7) // 8
        else:
            width = repeat * _COLUMNS[kind][1]
            part = (name, _COLUMNS[kind][0]) if repeat == 1 else (name, _COLUMNS[kind][0], (repeat,))
        size += width
        if size > unit.whole("NAXIS1"):
            break
        if width:
            parts.append(part)
    if size != unit.whole("NAXIS1"):
        broken(
            COLUMN,
            "columns do not fill a row",
            offset=unit.start,
            column="NAXIS1",
            seen=size,
            expected=unit.whole("NAXIS1"),
        )
    return np.dtype(parts)


def _sums(file: Held, unit: _Unit, padded: int, found: Found) -> None:
    """Hold both sums, where they are there, against what they are of."""
    checksum, datasum = unit.cards.get("CHECKSUM"), unit.cards.get("DATASUM")
    if checksum is None and datasum is None:
        return
    data = _sum(file, unit.data, padded)
    if isinstance(datasum, str) and datasum.strip() and datasum.strip() != str(data):
        found.add(
            DATASUM,
            "the data are not what was written",
            member=unit.name,
            offset=unit.data,
            seen=data,
            expected=datasum,
        )
    if isinstance(checksum, str) and checksum.strip() and checksum != "0" * 16:
        total = _folded(_sum(file, unit.start, unit.data - unit.start) + data)
        if total not in (0, 0xFFFFFFFF):
            found.add(
                CHECKSUM,
                "header and data are not what was written",
                member=unit.name,
                offset=unit.start,
                seen=f"{total:08x}",
                expected="ffffffff",
            )


def _sum(file: Held, place: int, length: int) -> int:
    total = 0
    for block in file.blocks(place, length, size=BLOCK):
        total += int(np.frombuffer(block, ">u4").sum(dtype=np.uint64))
    return _folded(total)


def _folded(total: int) -> int:
    """The sum in ones' complement, of 32 bits."""
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


CHECKS = (Fits,)
