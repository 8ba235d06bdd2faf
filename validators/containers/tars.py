"""Tar archives: every header's checksum and fields, what pax and GNU tar add, paths and links, and the end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..findings import Code, Severity
from .paths import Paths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..found import Found
    from ..limits import Limits
    from .inside import Allowance, Inside

__all__ = ["TAR_CODES", "look_at_tar"]

_POSIX = "POSIX.1-2017, pax"

HEADER = Code("tar.header", Severity.ERROR, "A header has the checksum it says, and numbers where they belong.", _POSIX)
TRUNCATED = Code("tar.truncated", Severity.ERROR, "A member has all of its bytes.", _POSIX)
END = Code("tar.end", Severity.ERROR, "Two blocks of zeros are the end.", _POSIX)
TRAILING = Code("tar.trailing", Severity.WARNING, "Only zeros follow the end.", _POSIX)
PAX = Code("tar.pax", Severity.ERROR, "Extended headers are records of a length, a keyword and a value.", _POSIX)
TYPE = Code("tar.type", Severity.WARNING, "The kind of a member is a known one.", _POSIX)
DEVICE = Code("tar.device", Severity.WARNING, "Members are files, folders and links, and no devices or pipes.", _POSIX)
MANY = Code("tar.many", Severity.ERROR, "There are no more members than the limits allow; raise them if there may be.")

_SIZE = 512
_ZEROS = bytes(_SIZE)
_PIECE = 1 << 18
# Bytes of a long name, or of extended headers: paths have a few thousand at most.
_LONGEST = 1 << 20
_RECORD = re.compile(rb"(\d{1,9}) ([^=]+)=", re.DOTALL)
# Files, links, devices, folders, pipes; reserved; pax; and those of GNU tar and Solaris.
_CONTENT = b"07\0"
_DATA, _NO_DATA, _SPECIAL = b"07S\0", b"123456", b"xgLKXVMDA"


TAR_CODES = (HEADER, TRUNCATED, END, TRAILING, PAX, TYPE, DEVICE, MANY)
"""The rules of tar, but for those of paths."""


def look_at_tar(
    blocks: Iterator[bytes],
    found: Found,
    *,
    limits: Limits,
    inside: Inside | None = None,
    allowance: Allowance | None = None,
) -> None:
    """Look at an archive whose bytes go by.

    ``inside`` looks into its members; where it lies in another archive, ``allowance`` says how much of it may be looked
    at.
    """
    _Reading(_Taking(blocks), found, limits, inside, allowance).look()


class _Taking:
    """Blocks of bytes, taken in other pieces."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._data, self._next, self.at = blocks, b"", 0, 0

    def take(self, size: int, *, keep: bool = True) -> tuple[bytes, int]:
        """So many bytes, and how many there were; without ``keep`` they are passed over."""
        parts: list[bytes] = []
        taken = 0
        while taken < size:
            if self._next >= len(self._data):
                self._data, self._next = next(self._blocks, b""), 0
                if not self._data:
                    break
            piece = min(size - taken, len(self._data) - self._next)
            if keep:
                parts.append(self._data[self._next : self._next + piece])
            self._next += piece
            taken += piece
        self.at += taken
        return b"".join(parts), taken

    def pieces(self, size: int) -> Iterator[bytes]:
        """So many bytes, some at a time."""
        while size:
            piece, taken = self.take(min(size, _PIECE))
            if not taken:
                return
            size -= taken
            yield piece


class _Reading:
    """One archive, while it is looked at."""

    def __init__(
        self, file: _Taking, found: Found, limits: Limits, inside: Inside | None, allowance: Allowance | None
    ) -> None:
        self._file, self._found, self._limits = file, found, limits
        self._inside, self._allowance = inside, allowance
        self._paths = Paths(found)
        self._members = self._content = 0
        self._name: str | None = None
        self._target: str | None = None
        self._size: int | None = None

    def look(self) -> None:
        while self._member():
            pass
        self._found.metric("tar.members", self._members)
        self._found.metric("tar.content", self._content, unit="By")

    def _member(self) -> bool:
        """One more member; whether another may follow."""
        at = self._file.at
        header, size = self._file.take(_SIZE)
        if size < _SIZE:
            self._cut_off(at, END if not size else TRUNCATED, "it ends before its end is marked")
            return False
        if header == _ZEROS:
            self._end(at)
            return False
        said, sums = _number(header[148:156]), _sums(header)
        length = _number(header[124:136])
        if said not in sums:
            what = "the header's checksum is wrong, and where the next is nobody can tell"
            self._found.add(HEADER, what, offset=at, seen=said, expected=sums[0])
            self._found.partly()
            return False
        kind = header[156:157]
        length = self._size if self._size is not None and kind not in _SPECIAL else length
        if length is None or length < 0:
            self._found.add(HEADER, "the header's size is no number", offset=at + 124, seen=header[124:136])
            self._found.partly()
            return False
        return self._known(header, kind, length, at)

    def _known(self, header: bytes, kind: bytes, length: int, at: int) -> bool:
        """A member whose header is sound."""
        if kind in b"xgXLK":
            return self._about_the_next(kind, length, at)
        self._members += 1
        if self._allowance is not None and not self._allowance.member():
            self._found.partly()
            return False
        if self._inside is not None:
            self._inside.member()
        if self._members > self._limits.members:
            self._found.add(MANY, f"there are more than {self._limits.members:,} members", offset=at)
            self._found.partly()
            return False
        name = self._name if self._name is not None else _name(header)
        target = self._target if self._target is not None else _text(header[157:257])
        self._name = self._target = self._size = None
        self._paths.look(name, offset=at)
        if kind in b"12":
            self._paths.link(name, target, offset=at, from_top=kind == b"1")
        elif kind in b"346":
            self._found.add(DEVICE, "it is a device or a pipe", member=name, offset=at, seen=kind)
        elif kind not in _DATA + _NO_DATA + _SPECIAL:
            self._found.add(TYPE, "nobody knows this kind of member", member=name, offset=at + 156, seen=kind)
        for what, field in (("mode", header[100:108]), ("owner", header[108:116]), ("group", header[116:124]),
                            ("time", header[136:148])):  # fmt: skip
            if field.strip(b"\0 ") and _number(field) is None:
                self._found.add(HEADER, f"its {what} is no number", member=name, offset=at, seen=field)
        if kind in _NO_DATA:  # what a hard link says of a size is that of the file it is
            return True
        self._content += length
        if kind == b"S" and header[482] and not self._sparse(at):
            return False
        begun = self._file.at
        if self._inside is not None and kind in _CONTENT:
            self._inside.look(name, self._file.pieces(length))
        self._file.take(length + -length % _SIZE - (self._file.at - begun), keep=False)
        passed = self._file.at - begun
        if passed < length + -length % _SIZE:
            self._cut_off(at, TRUNCATED, "it is cut off", member=name, seen=max(0, passed), expected=length)
            return False
        return True

    def _sparse(self, at: int) -> bool:
        """Pass over what GNU tar says of holes in blocks of its own; whether there are all of them."""
        while True:
            more, size = self._file.take(_SIZE)
            if size < _SIZE:
                self._cut_off(at, TRUNCATED, "what is said of its holes is cut off")
                return False
            if not more[504]:
                return True

    def _about_the_next(self, kind: bytes, length: int, at: int) -> bool:
        if length > _LONGEST:
            self._found.add(PAX, "what is said of the next member is longer than that can be", offset=at, seen=length)
            self._found.partly()
            return False
        data, taken = self._file.take(length + -length % _SIZE)
        if taken < length + -length % _SIZE:
            self._cut_off(at, TRUNCATED, "what is said of the next member is cut off")
            return False
        if kind == b"L":
            self._name = _text(data[:length])
        elif kind == b"K":
            self._target = _text(data[:length])
        else:
            self._records(data[:length], at + _SIZE, alone=kind != b"g")
        return True

    def _records(self, data: bytes, at: int, *, alone: bool) -> None:
        place = 0
        while place < len(data):
            record = _RECORD.match(data, place)
            size = int(record[1]) if record else 0
            if record is None or place + size > len(data) or size <= record.end() - place or (
                data[place + size - 1] != 10
            ):  # fmt: skip
                self._found.add(PAX, "no record begins here", offset=at + place, seen=data[place : place + 40])
                return
            value = data[record.end() : place + size - 1]
            if alone:
                self._record(record[2], value, at + place)
            place += size

    def _record(self, keyword: bytes, value: bytes, at: int) -> None:
        match keyword:
            case b"path":
                self._name = value.decode("utf-8", "backslashreplace")
            case b"linkpath":
                self._target = value.decode("utf-8", "backslashreplace")
            case b"size":
                if value.isdigit() and len(value) < 20:
                    self._size = int(value)
                else:
                    self._found.add(PAX, "a size is no number", offset=at, seen=value)
            case _:
                pass

    def _end(self, at: int) -> None:
        second, size = self._file.take(_SIZE)
        if size < _SIZE:
            self._cut_off(at, END, "one block of zeros is at its end, and two should be")
        elif second != _ZEROS:
            self._found.add(END, "one block of zeros stands before something else", offset=at)
            self._found.partly()
            return
        while True:
            place = self._file.at
            rest, size = self._file.take(1 << 16)
            if rest.strip(b"\0"):
                self._found.add(TRAILING, "something follows the end", offset=place)
                self._found.partly()
                return
            if not size:
                return

    def _cut_off(self, at: int, rule: Code, what: str, *, member: str | None = None, seen: object = None,
                 expected: object = None) -> None:  # fmt: skip
        if self._found.complete:  # else it is the sample that ends here
            self._found.add(rule, what, offset=at, member=member, seen=seen, expected=expected)


def _number(field: bytes) -> int | None:
    """Octal digits, or what GNU tar writes for more than fits: a mark and the number itself."""
    if field[:1] in (b"\x80", b"\xff"):
        return int.from_bytes(field[1:], "big", signed=field[0] == 0xFF)
    digits = field.strip(b"\0 ")
    return int(digits, 8) if digits and not digits.strip(b"01234567") else None


def _sums(header: bytes) -> tuple[int, int]:
    """The sum of a header's bytes, with spaces for itself; some old programs took bytes for signed."""
    plain = header[:148] + b" " * 8 + header[156:]
    total = sum(plain)
    return total, total - 256 * sum(each > 127 for each in plain)


def _name(header: bytes) -> str:
    name = _text(header[:100])
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "backslashreplace")
