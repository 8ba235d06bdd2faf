"""The optional fields of BAM: one step reads the next field of every record at once (SAM 1.6, 4.2.4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from ..findings import Code, Severity
from .samcodes import TAG
from .samcolumns import Tags, cut

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..found import Found
    from .samcolumns import Records

__all__ = ["TAG_LAYOUT", "read_tags"]

TAG_LAYOUT = Code(
    "bam.tag.layout", Severity.ERROR, "Optional fields have a type, and end where their record does.", "SAM 1.6, 4.2.4"
)

_A, _B, _F, _H, _I, _Z = (ord(letter) for letter in "ABfHiZ")
_SIZES = np.zeros(256, np.int64)
for _letters, _size in (("AcC", 1), ("sS", 2), ("iIf", 4)):
    _SIZES[[ord(letter) for letter in _letters]] = _size
_ELEMENTS = _SIZES.copy()
_ELEMENTS[_A] = 0
# All integers are one type of SAM.
_KIND = np.arange(256, dtype=np.uint8)
_KIND[[ord(letter) for letter in "cCsSI"]] = _I
_UNPRINTABLE = np.ones(256, np.bool_)
_UNPRINTABLE[ord(" ") : ord("~") + 1] = False
_PRINTABLE = bytes(range(ord(" "), ord("~") + 1))
_HEX = re.compile(rb"(?:[0-9A-F][0-9A-F])*")


def _names() -> npt.NDArray[np.bool_]:
    letters = np.zeros(256, np.bool_)
    letters[[*range(65, 91), *range(97, 123)]] = True
    more = letters.copy()
    more[48:58] = True
    return (letters[:, None] & more[None, :]).ravel()


_IS_NAME = _names()


def read_tags(records: Records, begin: npt.NDArray[np.int64], end: npt.NDArray[np.int64], found: Found) -> Tags:
    """The fields that lie from ``begin`` to ``end`` of each record; none beyond one that cannot be."""
    raw = np.frombuffer(records.data, np.uint8)
    # A zero behind all of them, for strings that none ends.
    zeros = np.append(np.flatnonzero(raw == 0), len(raw))
    parts: list[tuple[npt.NDArray[np.int64], ...]] = []
    active = np.flatnonzero(begin < end)
    at = begin[active]
    while len(active):
        stop = end[active]
        short = at + 4 > stop
        if short.any():
            _broken(records, active[short], at[short], found, "something follows that is no field")
            active, at, stop = active[~short], at[~short], stop[~short]
            if not len(active):
                break
        stored = raw[at + 2]
        value, size = at + 3, _SIZES[stored]
        close = value + size
        after = close.copy()
        strings = np.flatnonzero((stored == _Z) | (stored == _H))
        if len(strings):
            close[strings] = zeros[np.searchsorted(zeros, value[strings])]
            after[strings] = close[strings] + 1
        arrays = np.flatnonzero(stored == _B)
        if len(arrays):
            close[arrays] = _array_ends(raw, value[arrays], stop[arrays])
            after[arrays] = close[arrays]
        bad = ((size == 0) & (stored != _Z) & (stored != _H) & (stored != _B)) | (after > stop)
        if bad.any():
            _broken(records, active[bad], at[bad], found, "a field has no known type, or goes beyond its record")
        good = np.flatnonzero(~bad)
        parts.append((active[good], at[good], value[good], close[good]))
        on = np.flatnonzero(~bad & (after < stop))
        active, at = active[on], after[on]
    record, at, start, close = (
        (np.concatenate(each) for each in zip(*parts, strict=True)) if parts else (np.empty(0, np.int64),) * 4
    )
    order = np.argsort(at, kind="stable")
    record, at, start, close = record[order], at[order], start[order], close[order]
    stored = raw[at + 2]
    tags = Tags(
        records.data, record, raw[at].astype(np.int64) << 8 | raw[at + 1], _KIND[stored], start, close, stored,
        binary=True,
    )  # fmt: skip
    _judge(tags, raw, records, found)
    return tags


def _array_ends(
    raw: npt.NDArray[np.uint8], start: npt.NDArray[np.int64], stop: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Where arrays end; beyond ``stop`` for those that are none."""
    whole = start + 5 <= stop
    places = np.where(whole, start, 0)
    size = _ELEMENTS[raw[places]]
    counts = np.zeros(len(start), np.int64)
    for byte in range(4):
        counts |= raw[np.minimum(places + 1 + byte, len(raw) - 1)].astype(np.int64) << (8 * byte)
    return np.where(whole & (size > 0), start + 5 + counts * size, stop + 1)


def _broken(
    records: Records, which: npt.NDArray[np.int64], at: npt.NDArray[np.int64], found: Found, message: str
) -> None:
    for index, place in zip(which.tolist(), at.tolist(), strict=True):
        if not found.room(TAG_LAYOUT):
            found.count(TAG_LAYOUT, 1)
            continue
        found.add(TAG_LAYOUT, message, column="TAG", seen=records.data[place : place + 8].hex(" "),
                  **records.place(index))  # fmt: skip


def _judge(tags: Tags, raw: npt.NDArray[np.uint8], records: Records, found: Found) -> None:
    wrong = ~_IS_NAME[tags.tag]
    characters = np.flatnonzero(tags.kind == _A)
    value = raw[tags.start[characters]]
    wrong[characters[_UNPRINTABLE[value] | (value == ord(" "))]] = True
    strings = np.flatnonzero((tags.kind == _Z) | (tags.kind == _H))
    size = tags.end[strings] - tags.start[strings]
    inside = cut(raw, tags.start[strings], size)
    if inside.tobytes().translate(None, _PRINTABLE):
        wrong[np.repeat(strings, size)[_UNPRINTABLE[inside]]] = True
    hexadecimal = np.flatnonzero(tags.kind == _H)
    for index, text in zip(hexadecimal.tolist(), tags.values(hexadecimal), strict=True):
        wrong[index] |= _HEX.fullmatch(text) is None
    for index in np.flatnonzero(wrong).tolist():
        if not found.room(TAG):
            found.count(TAG, 1)
            continue
        number = int(tags.tag[index])
        name = (chr(number >> 8) + chr(number & 0xFF)).encode("latin-1")
        found.add(
            TAG, "the tag, or its value, is not what it has to be", column=name.decode("ascii", "backslashreplace"),
            seen=tags.data[tags.start[index] : tags.end[index]], **records.place(int(tags.record[index])),
        )  # fmt: skip
