"""The members of an ``.npz``: a zip as NumPy writes it, of which every field and every byte is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NoReturn

from ..containers.zipcontent import Content
from ..containers.zipreading import Broken, central_headers, described, disagreements, end_of, local_header
from ..findings import Code, Severity
from ..streams.codes import PACKING_BOMB
from .held import BLOCK, broken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..containers.zipreading import Central, End, Local
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

# Flags that leave the content as it is: how well it was deflated, sizes behind it, a name in UTF-8.
_HARMLESS = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 11
_DESCRIPTORS = (12, 16, 20, 24)


class Member(NamedTuple):
    """One member, as the directory and its own header have it."""

    entry: Central
    local: Local

    @property
    def name(self) -> str:
        """Its path."""
        return self.entry.name

    @property
    def header(self) -> int:
        """Where it begins."""
        return self.entry.offset


def members(file: Held, found: Found, limits: Limits) -> list[Member]:
    """All members, in the order in which they lie; stops where the directory cannot be understood."""
    end = _end(file)
    if end.count > limits.members:
        broken(TOO_MANY, f"there are {end.count:,} members", seen=end.count, expected=f"at most {limits.members:,}")
    every: list[Member] = []
    for entry in central_headers(file.file, end):
        if isinstance(entry, Broken):
            _stop(entry, file)
        if len(every) == end.count:
            broken(DIRECTORY, "the directory has more members than its end says", offset=entry.at, expected=end.count)
        every.append(_member(file, entry, found))
    if len(every) != end.count:
        broken(
            DIRECTORY, "the directory has fewer members than its end says", offset=end.at, seen=len(every),
            expected=end.count,
        )  # fmt: skip
    _names(every, found)
    return _laid_out(file, sorted(every, key=lambda each: each.header), end.offset, found)


def _stop(what: Broken, file: Held) -> NoReturn:
    """Read no more; where only the beginning of a file was unpacked, that its end is not there is no fault."""
    if not file.whole:
        file.need(file.size, 1, "the end of the directory")
    code = {"end": file.short, "local": ENTRY}.get(what.rule, DIRECTORY)
    broken(code, what.message, offset=what.offset)


def _end(file: Held) -> End:
    end = end_of(file.file)
    if isinstance(end, Broken):
        _stop(end, file)
    if end.trailing:
        what = "something follows the end of the directory"
        broken(DIRECTORY, what, offset=end.at, seen=file.size, expected=file.size - end.trailing)
    if end.disks:
        broken(DIRECTORY, "it is a part of several", offset=end.at)
    if end.shift:
        what = "the directory does not end where its end begins"
        broken(DIRECTORY, what, offset=end.at, seen=end.offset + end.size, expected=end.before)
    return end


def _member(file: Held, entry: Central, found: Found) -> Member:
    """A member, what it says of itself held against the directory."""
    local = local_header(file.file, entry.offset)
    if isinstance(local, Broken):
        _stop(local, file)
    differing = list(disagreements(entry, local, flags=0xFFFF))
    if local.version != entry.version:
        differing.append(("version", local.version, entry.version))
    for what, seen, expected in differing:
        found.add(
            ENTRY, f"its header and the directory disagree about its {what}", member=entry.name, offset=entry.offset,
            seen=seen, expected=expected,
        )  # fmt: skip
    if entry.flags & ~_HARMLESS or entry.disk:
        found.add(
            METHOD, "it is encrypted, patched, or on another disk", member=entry.name, offset=entry.offset,
            seen=f"flags {entry.flags:#x}",
        )  # fmt: skip
    return Member(entry, local)


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
        behind = member.local.data + member.entry.packed
        gap = after - behind
        if member.header != place or gap < 0:
            found.add(
                LAYOUT, "it does not begin where the one before it ends", member=member.name, offset=member.header,
                expected=place,
            )  # fmt: skip
        elif gap in _DESCRIPTORS:
            if described(file.file, member.entry, behind) != gap:
                found.add(ENTRY, "what follows it does not describe it", member=member.name, offset=behind)
        elif gap:
            found.add(LAYOUT, f"{gap:,} bytes follow it that belong to nothing", member=member.name, offset=behind)
        if gap >= 0:
            fine.append(member)
        place = after
    if not every and end:
        found.add(LAYOUT, "bytes stand before the directory that belong to no member", offset=0, seen=end, expected=0)
    return fine


def content(file: Held, member: Member, limits: Limits) -> Iterator[bytes]:
    """What a member holds, about a megabyte at a time, never more than it says; tells when that is damaged."""
    entry = member.entry
    if entry.method not in (0, 8) or (entry.method == 0 and entry.packed != entry.unpacked):
        broken(METHOD, "it is neither stored nor deflated", member=member.name, offset=member.header, seen=entry.method)
    if entry.unpacked > limits.unpacked or (
        entry.unpacked > limits.unpacked_free and entry.unpacked > limits.ratio * entry.packed
    ):
        broken(PACKING_BOMB, f"{entry.packed:,} bytes would become {entry.unpacked:,}", member=member.name)
    unpacking = Content(file.file, entry, member.local, block=BLOCK)
    yield from unpacking.blocks()
    if unpacking.wrong is not None:
        broken(
            CHECKSUM, unpacking.wrong, member=member.name, offset=member.local.data, seen=unpacking.seen,
            expected=unpacking.expected,
        )  # fmt: skip
