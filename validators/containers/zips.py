"""Zip archives, strictly: the directory and what it speaks of agree, and every member has the checksum it says.

Readers differ in what of a zip they believe: the directory at the end, or the headers on the way.  A file is sound when
that makes no difference.
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, BinaryIO

from ..check import Cost
from ..findings import Code, Severity
from ..streams.seekable import part_of
from .paths import Paths
from .zipcontent import Content
from .zipreading import Broken, central_headers, described, disagreements, end_of, local_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..found import Found
    from ..limits import Limits
    from .inside import Allowance, Inside
    from .zipreading import Central, End, Local

__all__ = ["ZIP_CODES", "look_at_zip"]

# Flags that say how data are to be read: encrypted, sizes behind them, encrypted strongly, names in UTF-8.
_FLAGS = 1 << 0 | 1 << 3 | 1 << 6 | 1 << 11
_APPNOTE = "APPNOTE 6.3.10"

END = Code("zip.end", Severity.ERROR, "The end says where the directory is.", f"{_APPNOTE}, 4.3.16")
ZIP64 = Code("zip.zip64", Severity.ERROR, "The records of zip64 agree with those they widen.", f"{_APPNOTE}, 4.3.14")
DISKS = Code("zip.disks", Severity.ERROR, "An archive is one file, not a part of several.", f"{_APPNOTE}, 4.4.2")
CENTRAL = Code("zip.central", Severity.ERROR, "The directory has the entries that the end says.", f"{_APPNOTE}, 4.3.12")
LOCAL = Code("zip.local", Severity.ERROR, "A member's header says what the directory says.", f"{_APPNOTE}, 4.3.7")
EXTRA = Code("zip.extra", Severity.ERROR, "Extra fields have the sizes that they say.", f"{_APPNOTE}, 4.5")
OVERLAP = Code("zip.overlap", Severity.ERROR, "No two members share bytes.", f"{_APPNOTE}, 4.3.6")
DATA = Code("zip.data", Severity.ERROR, "A member unpacks to the size and the checksum it says.", f"{_APPNOTE}, 4.4.7")
DESCRIPTOR = Code("zip.descriptor", Severity.ERROR, "What stands behind a member agrees as well.", f"{_APPNOTE}, 4.3.9")
BOMB = Code("zip.bomb", Severity.ERROR, "Members do not become more than the limits allow; raise them if they may.")
PREPENDED = Code("zip.prepended", Severity.WARNING, "Nothing stands before the first member.", f"{_APPNOTE}, 4.3.1")
GAP = Code("zip.gap", Severity.WARNING, "Nothing stands between members.", f"{_APPNOTE}, 4.3.6")
TRAILING = Code("zip.trailing", Severity.ERROR, "Nothing follows the end.", f"{_APPNOTE}, 4.3.1")
METHOD = Code("zip.method", Severity.WARNING, "Members can be unpacked here.", f"{_APPNOTE}, 4.4.5")
ENCRYPTED = Code("zip.encrypted", Severity.NOTE, "A member can be read without a password.", f"{_APPNOTE}, 6")

_RULES = {"end": END, "zip64": ZIP64, "central": CENTRAL, "local": LOCAL, "extra": EXTRA}


ZIP_CODES = (END, ZIP64, DISKS, CENTRAL, LOCAL, EXTRA, OVERLAP, DATA, DESCRIPTOR, BOMB, PREPENDED, GAP, TRAILING,
             METHOD, ENCRYPTED)  # fmt: skip
"""The rules of zip, but for those of paths."""


def look_at_zip(
    file: BinaryIO,
    found: Found,
    *,
    cost: Cost,
    limits: Limits,
    inside: Inside | None = None,
    allowance: Allowance | None = None,
) -> None:
    """Look at an archive: at the cost of a header only at the directory, of a sample at members up to its size.

    ``inside`` looks into its members; where it lies in another archive, ``allowance`` says how much of it may be looked
    at.
    """
    _Reading(file, found, cost, limits, inside, allowance).look()


class _Reading:
    """One archive, while it is looked at."""

    def __init__(
        self,
        file: BinaryIO,
        found: Found,
        cost: Cost,
        limits: Limits,
        inside: Inside | None,
        allowance: Allowance | None,
    ) -> None:
        self._file, self._found, self._cost, self._limits = file, found, cost, limits
        self._inside, self._allowance = inside, allowance
        self._packed = self._unpacked = self._members = 0
        self._places: list[tuple[int, int, str]] = []
        self._stopped = False

    def look(self) -> None:
        end = end_of(self._file)
        broken = end if isinstance(end, Broken) else self._directory(end)
        if broken is not None:
            self._found.add(_RULES[broken.rule], broken.message, offset=broken.offset)
            self._found.partly()
        if broken is not None or isinstance(end, Broken):
            return
        if not self._stopped and self._cost is Cost.FULL:
            self._overlaps(end)
        self._found.metric("zip.members", self._members)
        self._found.metric("zip.unpacked", self._unpacked, unit="By")
        if self._packed:
            self._found.metric("zip.ratio", self._unpacked / self._packed)

    def _directory(self, end: End) -> Broken | None:
        """All entries; what of the directory itself cannot be read."""
        if end.trailing:
            self._found.add(TRAILING, f"{end.trailing:,} bytes follow the end", offset=end.at, seen=end.trailing)
        if end.disks:
            self._found.add(DISKS, "the archive says that it is a part of several", offset=end.at)
        if end.shift < 0:
            what = "the directory would begin before the file does, or the end is not where it belongs"
            return Broken("end", what, end.at)
        if end.shift:
            self._found.add(PREPENDED, f"{end.shift:,} bytes stand before the archive", seen=end.shift, offset=0)
        paths = Paths(self._found)
        for entry in central_headers(self._file, end):
            if isinstance(entry, Broken):
                return entry
            self._members += 1
            if self._allowance is not None and not self._allowance.member():
                self._stop()
                return None
            if self._inside is not None:
                self._inside.member()
            if self._members > self._limits.members:
                self._found.add(BOMB, f"there are more than {self._limits.members:,} members", offset=entry.at)
                self._stop()
                return None
            paths.look(entry.name, offset=entry.at)
            if entry.disk:
                self._found.add(DISKS, "a member lies on another disk", member=entry.name, offset=entry.at)
            self._entry(entry, paths)
        if self._members != end.count:
            what = "the directory has another number of entries than the end says"
            self._found.add(CENTRAL, what, offset=end.at, seen=self._members, expected=end.count)
        return None

    def _stop(self) -> None:
        self._stopped = True
        self._found.partly()

    def _entry(self, entry: Central, paths: Paths) -> None:
        """One entry, as far as it may be looked at."""
        self._packed += entry.packed
        self._unpacked += entry.unpacked
        if self._cost is Cost.HEADER or self._stopped:
            return
        if self._cost is Cost.SAMPLE and self._packed > self._limits.sample:
            self._stop()
            return
        local = local_header(self._file, entry.offset)
        if isinstance(local, Broken):
            self._found.add(_RULES[local.rule], local.message, member=entry.name, offset=local.offset)
            return
        self._agree(entry, local)
        stop = local.data + entry.packed
        if entry.encrypted:
            self._found.add(ENCRYPTED, "it is encrypted: nobody can tell what is in it", member=entry.name)
            self._found.partly()
        else:
            self._content(entry, local, paths)
        if local.flags & 8:
            stop += self._descriptor(entry, stop)
        self._places.append((entry.offset, stop, entry.name))

    def _agree(self, entry: Central, local: Local) -> None:
        for what, seen, expected in disagreements(entry, local, flags=_FLAGS):
            message = f"its {what} is another one than the directory says"
            self._found.add(LOCAL, message, member=entry.name, offset=entry.offset, seen=seen, expected=expected)

    def _content(self, entry: Central, local: Local, paths: Paths) -> None:
        content, limits = Content(self._file, entry, local), self._limits
        if not content.known:
            self._found.add(METHOD, "it is packed in a way that is unknown here", member=entry.name, seen=entry.method)
            self._found.partly()
            return
        if entry.unpacked > limits.unpacked:
            self._found.add(BOMB, "it says that it becomes too much", member=entry.name, seen=entry.unpacked)
            self._found.partly()
            return
        first = bytearray()
        blocks = self._blocks(content, entry, first)
        if self._inside is None:
            for _ in blocks:
                pass
        else:
            part = part_of(self._file, local.data, entry.packed) if entry.method == 0 else None
            self._inside.look(entry.name, blocks, part=part)
        if content.wrong is not None:
            self._found.add(DATA, content.wrong, member=entry.name, offset=entry.offset, seen=content.seen,
                            expected=content.expected)  # fmt: skip
        elif entry.system == 3 and stat.S_ISLNK(entry.attributes >> 16):
            paths.link(entry.name, first.decode("utf-8", "backslashreplace"), offset=entry.offset)

    def _blocks(self, content: Content, entry: Central, first: bytearray) -> Iterator[bytes]:
        """What a member holds, as far as the limits allow; of its beginning what a link has is put into ``first``."""
        limits = self._limits
        for block in content.blocks():
            first += b"" if first else block[:4096]
            if self._allowance is not None and not self._allowance.block(block):
                self._stop()
                return
            if content.size > limits.unpacked_free and content.size > limits.ratio * max(1, entry.packed):
                self._found.add(BOMB, f"{entry.packed:,} bytes have become {content.size:,}", member=entry.name)
                self._found.partly()
                return
            yield block

    def _descriptor(self, entry: Central, at: int) -> int:
        """Look at what follows the data; how long it is."""
        size = described(self._file, entry, at)
        if size is None:
            self._found.add(DESCRIPTOR, "what follows the data does not say the same", member=entry.name, offset=at)
        return size or 0

    def _overlaps(self, end: End) -> None:
        last, whose = end.shift, ""
        for start, stop, name in sorted(self._places):
            if start < last:
                what = f"it shares {last - start:,} bytes with {whose or 'what stands before the archive'}"
                self._found.add(OVERLAP, what, member=name, offset=start)
            elif start > last:
                self._found.add(GAP, f"{start - last:,} bytes before it belong to nobody", member=name, offset=last)
            last, whose = max(last, stop), name
        begin = end.offset + end.shift
        if last > begin:
            self._found.add(OVERLAP, f"{last - begin:,} bytes of it are the directory's", member=whose, offset=begin)
        elif last < begin and len(self._places) == self._members:
            self._found.add(GAP, f"{begin - last:,} bytes before the directory belong to nobody", offset=last)
