"""NumPy's own files of one array, ``.npy``."""

from __future__ import annotations

import ast
import math
import re
import struct
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from ..findings import Code, Severity
from .base import ArrayCheck, figures_of
from .held import broken
from .values import VALUE_CODES, Fields

if TYPE_CHECKING:
    from ..found import Found
    from ..subjects import Subject
    from .held import Held

__all__ = ["ALIGNMENT", "CHECKS", "NPY_CODES", "Npy", "NpyHeader", "OBJECTS", "TRAILING", "read_header"]

_SOURCE = "numpy.lib.format"
MAGIC = Code("npy.magic", Severity.ERROR, "A file begins with \\x93NUMPY and the version 1.0, 2.0 or 3.0.", _SOURCE)
HEADER = Code(
    "npy.header",
    Severity.ERROR,
    "The header is a dictionary of descr, fortran_order and shape, and ends its line.",
    _SOURCE,
)
ALIGNMENT = Code(
    "npy.alignment", Severity.WARNING, "The data begin at a multiple of 64 bytes (of old, of 16).", _SOURCE
)
KIND = Code("npy.descr", Severity.ERROR, "The data type in descr is one that NumPy has.", _SOURCE)
SHAPE = Code("npy.shape", Severity.ERROR, "The shape is a tuple of at most 64 numbers that are not negative.", _SOURCE)
OBJECTS = Code(
    "npy.objects",
    Severity.WARNING,
    "An array holds no Python objects: they are pickled, can run anything when they are loaded, and never are here.",
    _SOURCE,
)
TRUNCATED = Code("npy.truncated", Severity.ERROR, "There are as many bytes as the shape says.", _SOURCE)
TRAILING = Code("npy.trailing", Severity.ERROR, "Nothing follows the data.", _SOURCE)

NPY_CODES = (MAGIC, HEADER, ALIGNMENT, KIND, SHAPE, OBJECTS, TRUNCATED, TRAILING, *VALUE_CODES)
"""The rules for an array, in a file or a member of an archive."""

# A header of thousands of fields is smaller; what is longer would only keep the parser busy.
_LONGEST = 1 << 18
_SIMPLE = re.compile(
    r"(?:[<>|=])?(?:[?bBhHiIlLqQefdgFDG]|[biufcSUVaO]\d{0,9}|[mM]8(?:\[\d{0,9}[A-Za-zμ]{1,2}(?:/\d{1,9})?\])?)"
)


class NpyHeader(NamedTuple):
    """What a header says: the data type, ``None`` for Python objects; the shape; and where the data begin."""

    kind: np.dtype[Any] | None
    shape: tuple[int, ...]
    offset: int

    @property
    def values(self) -> int:
        """How many values there are."""
        return math.prod(self.shape)


def read_header(file: Held, found: Found, *, member: str | None = None) -> NpyHeader:
    """The header at the beginning of ``file``; tells what is wrong, and stops at what cannot be understood."""
    start = file.take(0, 8, "the beginning")
    if start[:6] != b"\x93NUMPY" or start[6:] not in (b"\x01\0", b"\x02\0", b"\x03\0"):
        broken(
            MAGIC, "it does not begin as a NumPy array does", offset=0, seen=start.hex(" "), expected="93 4e 55 4d …"
        )
    layout = "<H" if start[6] == 1 else "<I"
    (length,) = file.numbers(layout, 8, "the length of the header")
    offset = 8 + struct.calcsize(layout) + length
    if length > _LONGEST:
        broken(HEADER, "the header is longer than any is", offset=8, seen=length, expected=f"at most {_LONGEST}")
    raw = file.take(offset - length, length, "the header")
    try:
        text = raw.decode("utf-8" if start[6] == 3 else "latin-1")
        told = ast.literal_eval(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        broken(HEADER, f"the header is no dictionary: {error}", offset=offset - length, seen=raw[:80])
    if not isinstance(told, dict) or told.keys() != {"descr", "fortran_order", "shape"}:
        broken(
            HEADER,
            "the header has other keys than it should",
            offset=offset - length,
            seen=text.strip(),
            expected="descr, fortran_order, shape",
        )
    if not isinstance(told["fortran_order"], bool):
        found.add(
            HEADER,
            "fortran_order is neither True nor False",
            member=member,
            offset=offset - length,
            column="fortran_order",
            seen=told["fortran_order"],
        )
    if not text.endswith("\n"):
        found.add(HEADER, "the header does not end with a newline", member=member, offset=offset - 1, seen=raw[-1:])
    if offset % 16:
        found.add(ALIGNMENT, f"the data begin at byte {offset}", member=member, offset=8, seen=offset)
    shape = _shape(told["shape"], offset - length)
    return NpyHeader(_kind(told["descr"], offset - length), shape, offset)


def _shape(told: object, at: int) -> tuple[int, ...]:
    right = isinstance(told, tuple) and len(told) <= 64 and all(type(each) is int and each >= 0 for each in told)
    if not right or not isinstance(told, tuple):
        broken(SHAPE, "no array has this shape", offset=at, column="shape", seen=told)
    return told


def _kind(descr: object, at: int) -> np.dtype[Any] | None:
    try:
        _hold(descr, 0)
        kind: np.dtype[Any] = np.lib.format.descr_to_dtype(cast("Any", descr))
    except (TypeError, ValueError, KeyError, IndexError, OverflowError, RecursionError) as error:
        broken(KIND, f"there is no such data type: {error}", offset=at, column="descr", seen=descr)
    return None if kind.hasobject else kind


def _hold(descr: object, depth: int) -> None:
    """Refuse what NumPy would try to make something of that no file has."""
    match descr:
        case str() if _SIMPLE.fullmatch(descr):
            return
        case list() if depth < 32 and descr:
            for field in descr:
                if not isinstance(field, tuple) or len(field) not in (2, 3):
                    raise ValueError(f"{field!r} is no field")
                _hold(field[1], depth + 1)
        case tuple() if depth < 32 and len(descr) == 2:
            _hold(descr[0], depth + 1)
        case _:
            raise ValueError("it is neither the name of a type nor a list of fields")


class Npy(ArrayCheck):
    """The header's fields, that there are as many bytes as they say, and what they hold."""

    name = "npy"
    formats = frozenset({"npy"})
    codes = NPY_CODES
    truncated = TRUNCATED

    def read(self, file: Held, subject: Subject, found: Found) -> None:
        """Read it."""
        header = read_header(file, found)
        if header.kind is None:
            found.add(OBJECTS, "it is a pickle of Python objects, which is not loaded", offset=header.offset)
            found.partly()
            return
        length = header.values * header.kind.itemsize
        if file.whole and file.size > header.offset + length:
            found.add(
                TRAILING,
                f"{file.size - header.offset - length:,} bytes follow the data",
                offset=header.offset + length,
                seen=file.size,
                expected=header.offset + length,
            )
        figures_of(file, header.offset, header.values, header.kind, subject, Fields(header.kind, found, self.values))


CHECKS = (Npy,)
