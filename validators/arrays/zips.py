"""The members of a zip, each field of the central directory held against the file and the member's own header."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from ..findings import Code, Severity
from ..streams.codes import PACKING_BOMB
from .held import BLOCK, broken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..found import Found
    from ..limits import Limits
    from .held import Held

__all__ = ["Member", "ZIP_CODES", "content", "members"]

_SOURCE = "APPNOTE 6.3.10"
DIRECTORY = Code("zip.directory", Severity.ERROR, "The central directory is where its end says, and whole.", _SOURCE)
ENTRY = Code("zip.entry", Severity.ERROR, "A member's own header says what the central directory says.", _SOURCE)
LAYOUT = Code("zip.layout", Severity.ERROR, "Members follow one another without gaps and without overlaps.", _SOURCE)
METHOD = Code("npz.method", Severity.ERROR, "Members are stored or deflated, and not encrypted.", _SOURCE)
NAME = Code("zip.name", Severity.ERROR, "Names are relative, lead nowhere else, and each is there once.", _SOURCE)
CHECKSUM = Code("zip.checksum", Severity.ERROR, "A member has the size and the CRC-32 that are kept of it.", _SOURCE)
TOO_MANY = Code("zip.members", Severity.ERROR, "There are no more members than the limits allow.")

ZIP_CODES = (DIRECTORY, ENTRY, LAYOUT, METHOD, NAME, CHECKSUM, TOO_MANY)
"""The rules that are applied."""

_CENTRAL, _LOCAL, _END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"


class Member(NamedTuple):
    """One member: its name, where its header and its data begin, its sizes, its CRC-32 and how it is packed."""

    name: str
    header: int
    data: int
    packed: int
    size: int
    crc: int
    method: int


def members(file: Held, found: Found, limits: Limits) -> list[Member]:
    """All members, in the order in which they lie; stops where the directory cannot be understood."""
    count, length, start, end = _end(file)
    if count > limits.members:
        broken(TOO_MANY, f"there are {count:,} members", seen=count, expected=f"at most {limits.members:,}")
    if start + length != end or 46 * count > length:
        broken(
            DIRECTORY, "the directory does not end where its end begins", offset=end, seen=start + length, expected=end
        )
    place, every = start, []
    for _ in range(count):
        member, place = _member(file, place, end, found)
        every.append(member)
    if place != end:
        broken(DIRECTORY, "the directory has more bytes than members", offset=place, seen=end, expected=place)
    _names(every, found)
    return _laid_out(file, sorted(every, key=lambda each: each.header), start, found)


def _end(file: Held) -> tuple[int, int, int, int]:
    """Members, bytes of the directory, where it begins, and where its end record begins."""
    tail = file.take(max(0, file.size - 65_557), min(file.size, 65_557), "the end")
    at = tail.rfind(_END)
    if at < 0 or at + 22 > len(tail):
        broken(file.short, "there is no end of the directory: it was cut off", offset=file.size)
    disk, other, here, count, length, start, comment = struct.unpack_from("<HHHHIIH", tail, at + 4)
    end = file.size - len(tail) + at
    if end + 22 + comment != file.size:
        broken(
            DIRECTORY,
            "something follows the end of the directory",
            offset=end,
            seen=file.size,
            expected=end + 22 + comment,
        )
    if 0xFFFF in (here, count) or 0xFFFFFFFF in (length, start):
        mark, _, where, _ = file.numbers("<4sIQI", end - 20, "the locator of zip64")
        if mark != b"PK\x06\x07":
            broken(DIRECTORY, "a directory of zip64 has no locator", offset=end - 20)
        mark, rest, _, _, disk, other, here, count, length, start = file.numbers(
            "<4sQHHIIQQQQ", where, "the end of zip64"
        )
        if mark != b"PK\x06\x06" or where + 12 + rest != end - 20:
            broken(DIRECTORY, "a directory of zip64 has no end", offset=where)
        end = where
    if disk or other or here != count:
        broken(DIRECTORY, "it is a part of several", offset=end, seen=f"disk {disk}, {here} of {count} members")
    return count, length, start, end


def _member(file: Held, place: int, end: int, found: Found) -> tuple[Member, int]:
    """The entry at ``place``, held against the member's own header, and where the next one begins."""
    (mark, _, needs, flags, method, time, crc, packed, size, long, extra, comment, disk, _, _, header) = file.numbers(
        "<4sHHHHIIIIHHHHHII", place, "an entry of the directory"
    )
    after = place + 46 + long + extra + comment
    if mark != _CENTRAL or after > end:
        broken(DIRECTORY, "an entry of the directory is none", offset=place, seen=mark.hex(" "))
    raw = file.take(place + 46, long, "a name")
    size, packed, header = _wide(file.take(place + 46 + long, extra, "an extra field"), (size, packed, header), place)
    (mark, *mine) = file.numbers("<4sHHHIIIIHH", header, "a member's header")
    if mark != _LOCAL:
        broken(
            ENTRY, f"no member begins at byte {header:,}, where the directory says so", offset=place, seen=mark.hex(" ")
        )
    own_long, own_extra = mine[-2:]
    own_size, own_packed, _ = _wide(
        file.take(header + 30 + own_long, own_extra, "an extra field"), (mine[6], mine[5], 0), header
    )
    told = (needs, flags, method, time, crc, packed, size, raw)
    own = (*mine[:4], mine[4], own_packed, own_size, file.take(header + 30, own_long, "a name"))
    later = flags & 8 and not any(own[4:7])
    name = raw.decode("utf-8" if flags & 0x800 else "cp437", "replace")
    for what, here, there in zip(_FIELDS, own, told, strict=True):
        if here != there and not (later and what in _FIELDS[4:7]):
            found.add(
                ENTRY,
                f"its header and the directory disagree about its {what}",
                member=name,
                offset=header,
                seen=here,
                expected=there,
            )
    if flags & ~0x80E or disk:
        found.add(
            METHOD, "it is encrypted, patched, or on another disk", member=name, offset=header, seen=f"flags {flags:#x}"
        )
    return Member(name, header, header + 30 + own_long + own_extra, packed, size, crc, method), after


_FIELDS = ("version", "flags", "method", "time", "checksum", "packed size", "size", "name")


def _wide(extra: bytes, told: tuple[int, int, int], place: int) -> tuple[int, int, int]:
    """Sizes and place with those of zip64 where the field says so."""
    values, at = list(told), 0
    while at < len(extra):
        if at + 4 > len(extra) or at + 4 + int.from_bytes(extra[at + 2 : at + 4], "little") > len(extra):
            broken(DIRECTORY, "an extra field goes on beyond its end", offset=place)
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            wide = iter(struct.unpack_from(f"<{length // 8}Q", extra, at + 4))
            values = [next(wide, each) if each == 0xFFFFFFFF else each for each in values]
        at += 4 + length
    return values[0], values[1], values[2]


def _names(every: list[Member], found: Found) -> None:
    seen: set[str] = set()
    for member in every:
        parts = member.name.replace("\\", "/").split("/")
        if member.name in seen or ".." in parts or parts[0] == "" or ":" in parts[0] or "\0" in member.name:
            found.add(NAME, "its name is there twice, or leads elsewhere", member=member.name, offset=member.header)
        seen.add(member.name)


def _laid_out(file: Held, every: list[Member], end: int, found: Found) -> list[Member]:
    """Those of the members that overlap nothing."""
    place, fine = 0, []
    for member, after in zip(every, [*(each.header for each in every[1:]), end], strict=True):
        gap = after - member.data - member.packed
        if member.header != place or gap < 0:
            found.add(
                LAYOUT,
                "it does not begin where the one before it ends",
                member=member.name,
                offset=member.header,
                expected=place,
            )
        elif gap in (12, 16, 20, 24):
            _described(file.take(after - gap, gap), member, found)
        elif gap:
            found.add(LAYOUT, f"{gap:,} bytes follow it that belong to nothing", member=member.name, offset=after - gap)
        if gap >= 0:
            fine.append(member)
        place = after
    if not every and end:
        found.add(LAYOUT, "bytes stand before the directory that belong to no member", offset=0, seen=end, expected=0)
    return fine


def _described(data: bytes, member: Member, found: Found) -> None:
    body = data[4:] if len(data) in (16, 24) else data
    if struct.unpack("<III" if len(body) == 12 else "<IQQ", body) != (member.crc, member.packed, member.size) or (
        body is not data and data[:4] != b"PK\x07\x08"
    ):
        found.add(ENTRY, "what follows it does not describe it", member=member.name, offset=member.data + member.packed)


def content(file: Held, member: Member, found: Found, limits: Limits) -> Iterator[bytes]:
    """What a member holds, about a megabyte at a time, never more than it says; tells when that is damaged."""
    if member.method not in (0, 8) or (member.method == 0 and member.packed != member.size):
        broken(
            METHOD, "it is neither stored nor deflated", member=member.name, offset=member.header, seen=member.method
        )
    if member.size > limits.unpacked or (
        member.size > limits.unpacked_free and member.size > limits.ratio * member.packed
    ):
        broken(PACKING_BOMB, f"{member.packed:,} bytes would become {member.size:,}", member=member.name)
    crc = size = 0
    blocks = file.blocks(member.data, member.packed, "a member")
    for block in blocks if member.method == 0 else _inflated(blocks, member):
        crc, size = zlib.crc32(block, crc), size + len(block)
        if size > member.size:
            break
        yield block
    if (size, crc) != (member.size, member.crc):
        broken(
            CHECKSUM,
            "it is not what was put in",
            member=member.name,
            offset=member.data,
            seen=f"{size:,} bytes, {crc:08x}",
            expected=f"{member.size:,} bytes, {member.crc:08x}",
        )


def _inflated(blocks: Iterator[bytes], member: Member) -> Iterator[bytes]:
    stream = zlib.decompressobj(-15)
    try:
        for block in blocks:
            while block and not stream.eof:
                yield stream.decompress(block, BLOCK)
                block = stream.unconsumed_tail
        yield stream.flush()
    except zlib.error as error:
        broken(CHECKSUM, f"it does not unpack: {error}", member=member.name, offset=member.data)
    if not stream.eof or stream.unused_data:
        broken(CHECKSUM, "what is packed does not end where it should", member=member.name, offset=member.data)
