"""The records of a zip, as APPNOTE 6.3.10 has them.

::

    [ local header, name, extra, data, descriptor? ] …
    [ central header, name, extra, comment ] …
    [ zip64 end ] [ zip64 locator ]   where something has more than 32 bits
    [ end ] comment
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from ..streams.seekable import read_at, size_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Broken",
    "Central",
    "End",
    "Local",
    "central_headers",
    "described",
    "disagreements",
    "end_of",
    "local_header",
]

_END, _LOCATOR, _END64 = struct.Struct("<4s4H2LH"), struct.Struct("<4sLQL"), struct.Struct("<4sQ2H2L4Q")
_CENTRAL, _LOCAL = struct.Struct("<4s2B5HL2L5H2L"), struct.Struct("<4s5HL2L2H")
_MOST32, _MOST16 = 0xFFFFFFFF, 0xFFFF
_WINDOW = 1 << 18


@dataclass(frozen=True)
class Broken:
    """A record that is not there, or is no such record: which rule that breaks, what is wrong, and where."""

    rule: str
    message: str
    offset: int


class _Stop(Exception):
    def __init__(self, rule: str, message: str, offset: int) -> None:
        super().__init__(message)
        self.broken = Broken(rule, message, offset)


@dataclass(frozen=True)
class End:
    """What the end says.  ``at``: where it is; ``trailing``: bytes behind it and its comment; ``before``: where what it
    belongs to ends, the central directory or the records of zip64; ``shift``: bytes that stand before the archive.
    """

    at: int
    trailing: int
    disks: bool
    count: int
    size: int
    offset: int
    before: int

    @property
    def shift(self) -> int:
        return self.before - self.size - self.offset


@dataclass(frozen=True)
class Central:
    """One entry of the directory, whose header is at ``at`` and whose local header at ``offset``."""

    at: int
    version: int
    flags: int
    method: int
    moment: tuple[int, int]
    crc: int
    packed: int
    unpacked: int
    disk: int
    attributes: int
    offset: int
    raw_name: bytes
    system: int

    @property
    def name(self) -> str:
        """The path: UTF-8 where the flag says so, else of the old code page."""
        if self.flags & 0x800:
            return self.raw_name.decode("utf-8", "backslashreplace")
        return self.raw_name.decode("cp437")

    @property
    def encrypted(self) -> bool:
        return bool(self.flags & 1)


@dataclass(frozen=True)
class Local:
    """What stands before the data of an entry; ``data``: where those begin."""

    version: int
    flags: int
    method: int
    moment: tuple[int, int]
    crc: int
    packed: int
    unpacked: int
    raw_name: bytes
    data: int


def end_of(file: BinaryIO) -> End | Broken:
    """The end of an archive."""
    try:
        return _end(file)
    except _Stop as stop:
        return stop.broken


def central_headers(file: BinaryIO, end: End) -> Iterator[Central | Broken]:
    """The entries of the directory, one after the other, up to the first that is none."""
    try:
        yield from _central_headers(file, end)
    except _Stop as stop:
        yield stop.broken


def local_header(file: BinaryIO, at: int) -> Local | Broken:
    """The header at a place."""
    try:
        return _local_header(file, at)
    except _Stop as stop:
        return stop.broken


def disagreements(entry: Central, local: Local, *, flags: int) -> Iterator[tuple[str, object, object]]:
    """In what a member's header and the directory differ, and what each says: sizes and checksum only where they were
    known when the header was written, and of the flags those that are asked for.
    """
    late = bool(local.flags & 8)  # then what was not known follows the data
    told: list[tuple[str, object, object, bool]] = [
        ("name", local.raw_name, entry.raw_name, False),
        ("method", local.method, entry.method, False),
        ("flags", local.flags & flags, entry.flags & flags, False),
        ("time", local.moment, entry.moment, False),
        ("checksum", local.crc, entry.crc, late and local.crc in (0, _MOST32)),
        ("packed size", local.packed, entry.packed, late and local.packed in (0, _MOST32)),
        ("size", local.unpacked, entry.unpacked, late and local.unpacked in (0, _MOST32)),
    ]
    for what, seen, expected, unknown in told:
        if seen != expected and not unknown:
            yield what, seen, expected


def described(file: BinaryIO, entry: Central, at: int) -> int | None:
    """How long the descriptor is that follows the data of a member at ``at``; ``None`` where none says the same as the
    directory (4.3.9).
    """
    wide = entry.packed >= _MOST32 or entry.unpacked >= _MOST32
    for size, mark in ((8 if wide else 4, True), (8 if wide else 4, False), (8, True), (8, False)):
        if max(entry.packed, entry.unpacked) >> (8 * size):
            continue
        fields = (b"PK\x07\x08" if mark else b"") + entry.crc.to_bytes(4, "little")
        fields += entry.packed.to_bytes(size, "little") + entry.unpacked.to_bytes(size, "little")
        if read_at(file, at, len(fields)) == fields:
            return len(fields)
    return None


def _end(file: BinaryIO) -> End:
    size = size_of(file)
    start = max(0, size - _END.size - _MOST16)
    tail = read_at(file, start, size - start)
    place = tail.rfind(b"PK\x05\x06")
    best = place
    while place >= 0:
        if place + _END.size <= len(tail):
            length = struct.unpack_from("<H", tail, place + 20)[0]
            if place + _END.size + length == len(tail):
                best = place
                break
        place = tail.rfind(b"PK\x05\x06", 0, place)
    if best < 0 or best + _END.size > len(tail):
        raise _Stop("end", "there is no end of the central directory: the file may have been cut off", size)
    _, disk, first, here, count, length, offset, comment = _END.unpack_from(tail, best)
    at = start + best
    trailing = size - at - _END.size - comment
    end = End(at, trailing, bool(disk or first or here != count), count, length, offset, at)
    locator = read_at(file, at - _LOCATOR.size, _LOCATOR.size) if at >= _LOCATOR.size else b""
    return _end64(file, end, locator) if locator.startswith(b"PK\x06\x07") else end


def _end64(file: BinaryIO, end: End, locator: bytes) -> End:
    _, disk, offset, disks = _LOCATOR.unpack(locator)
    place = end.at - _LOCATOR.size - _END64.size
    raw = read_at(file, place, _END64.size)
    if not raw.startswith(b"PK\x06\x06"):  # it may have more fields
        place = offset
        raw = read_at(file, place, _END64.size)
    if len(raw) < _END64.size or not raw.startswith(b"PK\x06\x06"):
        raise _Stop("zip64", "the end of zip64 is not where its locator says", offset)
    _, length, _, _, here, first, mine, count, size, begin = _END64.unpack(raw)
    if length < _END64.size - 12 or place + 12 + length != end.at - _LOCATOR.size:
        raise _Stop("zip64", "the end of zip64 does not have the size that it says", place)
    if place - offset != place - size - begin:
        raise _Stop("zip64", "the locator of zip64 says another place than where its end is", end.at - _LOCATOR.size)
    for short, long, most in ((end.count, count, _MOST16), (end.size, size, _MOST32), (end.offset, begin, _MOST32)):
        if short not in (most, long):
            raise _Stop("zip64", "the end says something else than the end of zip64", end.at)
    return End(
        end.at, end.trailing, bool(disk or disks > 1 or here or first or mine != count), count, size, begin, place
    )


def _central_headers(file: BinaryIO, end: End) -> Iterator[Central]:
    at, stop = end.offset + end.shift, end.before
    window, begins = b"", at

    def ahead(place: int, size: int) -> bytes:
        nonlocal window, begins
        if place + size > begins + len(window):
            # Whoever reads the members meanwhile is far away in the file: a piece is read at once.
            window, begins = read_at(file, place, max(size, min(_WINDOW, stop - place))), place
        return window[place - begins : place - begins + size]

    while at < stop:
        raw = ahead(at, _CENTRAL.size)
        if len(raw) < _CENTRAL.size or not raw.startswith(b"PK\x01\x02"):
            raise _Stop("central", "no entry of the central directory begins here", at)
        (_, _, system, version, flags, method, time, date, crc, packed, unpacked, name, extra, comment, disk, _,
         attributes, offset) = _CENTRAL.unpack(raw)  # fmt: skip
        rest = ahead(at + _CENTRAL.size, name + extra)
        if len(rest) < name + extra or at + _CENTRAL.size + name + extra + comment > stop:
            raise _Stop("central", "an entry of the central directory goes beyond its end", at)
        unpacked, packed, offset, disk = _wide(
            rest[name:], [(unpacked, _MOST32), (packed, _MOST32), (offset, _MOST32), (disk, _MOST16)], at
        )
        yield Central(at, version, flags, method, (time, date), crc, packed, unpacked, disk, attributes,
                      offset + end.shift, rest[:name], system)  # fmt: skip
        at += _CENTRAL.size + name + extra + comment


def _local_header(file: BinaryIO, at: int) -> Local:
    raw = read_at(file, at, _LOCAL.size)
    if len(raw) < _LOCAL.size or not raw.startswith(b"PK\x03\x04"):
        raise _Stop("local", "the directory says that an entry begins here, and none does", at)
    _, version, flags, method, time, date, crc, packed, unpacked, name, extra = _LOCAL.unpack(raw)
    rest = read_at(file, at + _LOCAL.size, name + extra)
    if len(rest) < name + extra:
        raise _Stop("local", "an entry is cut off within its header", at)
    unpacked, packed = _wide(rest[name:], [(unpacked, _MOST32), (packed, _MOST32)], at)
    data = at + _LOCAL.size + name + extra
    return Local(version, flags, method, (time, date), crc, packed, unpacked, rest[:name], data)


def _wide(extra: bytes, fields: list[tuple[int, int]], at: int) -> list[int]:
    """Fields, those that have no room taken from the extra field of zip64 (4.5.3)."""
    wanted = [value == most for value, most in fields]
    place = 0
    while place + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, place)
        if place + 4 + size > len(extra):
            raise _Stop("extra", "an extra field goes beyond its end", at)
        if kind == 1 and any(wanted):
            return _widened(extra[place + 4 : place + 4 + size], fields, at)
        place += 4 + size
    return [value for value, _ in fields]


def _widened(extra: bytes, fields: list[tuple[int, int]], at: int) -> list[int]:
    values: list[int] = []
    place = 0
    for value, most in fields:
        if value != most:
            values.append(value)
            continue
        size = 4 if most == _MOST16 else 8
        if place + size > len(extra):
            raise _Stop("zip64", "the extra field of zip64 lacks a size", at)
        values.append(int.from_bytes(extra[place : place + size], "little"))
        place += size
    return values
