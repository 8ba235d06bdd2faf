"""Zip archives, strictly: the directory and what it speaks of agree, and every member has the checksum it says.

Readers differ in what of a zip they believe: the directory at the end, or the headers on the way.  A file is sound when
that makes no difference.
"""

from __future__ import annotations

import bz2
import stat
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from ..check import Check, Cost
from ..findings import Code, Severity
from ..streams.seekable import read_at, seekable
from .paths import PATH_CODES, Paths
from .zipreading import Broken, central_headers, end_of, local_header

if TYPE_CHECKING:
    from ..found import Found
    from ..subjects import Subject
    from .zipreading import Central, End, Local

__all__ = ["CHECKS", "Zip"]

_BLOCK = 1 << 18
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


class Zip(Check):
    """Everything of an archive: the end, the directory, each member's header, data, checksum and place.

    At the cost of a header only the directory, of a sample members up to its size.  What is in a member is not looked
    into.  The figures are how many members there are, what they become, and how many times their size that is.
    """

    name = "zip"
    version = "1"
    formats = frozenset({"zip", "docx", "xlsx"})
    codes = (END, ZIP64, DISKS, CENTRAL, LOCAL, EXTRA, OVERLAP, DATA, DESCRIPTOR, BOMB, PREPENDED, GAP, TRAILING,
             METHOD, ENCRYPTED, *PATH_CODES)  # fmt: skip
    cost: ClassVar[Cost] = Cost.HEADER

    def look(self, subject: Subject, found: Found) -> None:
        """Look."""
        with seekable(subject, found) as file:
            if file is not None:
                _Reading(file, subject, found).look()


class _Reading:
    """One archive, while it is looked at."""

    def __init__(self, file: BinaryIO, subject: Subject, found: Found) -> None:
        self._file, self._found, self._cost, self._limits = file, found, subject.cost, subject.limits
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
            if self._members > self._limits.members:
                self._found.add(BOMB, f"there are more than {self._limits.members:,} members", offset=entry.at)
                self._found.partly()
                self._stopped = True
                return None
            paths.look(entry.name, offset=entry.at)
            if entry.disk:
                self._found.add(DISKS, "a member lies on another disk", member=entry.name, offset=entry.at)
            self._entry(entry, paths)
        if self._members != end.count:
            what = "the directory has another number of entries than the end says"
            self._found.add(CENTRAL, what, offset=end.at, seen=self._members, expected=end.count)
        return None

    def _entry(self, entry: Central, paths: Paths) -> None:
        """One entry, as far as it may be looked at."""
        self._packed += entry.packed
        self._unpacked += entry.unpacked
        if self._cost is Cost.HEADER or self._stopped:
            return
        if self._cost is Cost.SAMPLE and self._packed > self._limits.sample:
            self._stopped = True
            self._found.partly()
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
        pairs: list[tuple[str, object, object]] = [
            ("name", local.raw_name, entry.raw_name),
            ("method", local.method, entry.method),
            ("flags", local.flags & _FLAGS, entry.flags & _FLAGS),
            ("time", local.moment, entry.moment),
        ]
        late = bool(local.flags & 8)  # what was not known when the header was written follows the data
        for what, mine, theirs in (("checksum", local.crc, entry.crc), ("packed size", local.packed, entry.packed),
                                   ("size", local.unpacked, entry.unpacked)):  # fmt: skip
            if not (late and mine in (0, 0xFFFFFFFF)):
                pairs.append((what, mine, theirs))
        for what, seen, expected in pairs:
            if seen != expected:
                message = f"its {what} is another one than the directory says"
                self._found.add(LOCAL, message, member=entry.name, offset=entry.offset, seen=seen, expected=expected)

    def _content(self, entry: Central, local: Local, paths: Paths) -> None:
        unpack = _unpacker(entry.method)
        if unpack is None:
            self._found.add(METHOD, "it is packed in a way that is unknown here", member=entry.name, seen=entry.method)
            self._found.partly()
            return
        limits = self._limits
        if entry.unpacked > limits.unpacked:
            self._found.add(BOMB, "it says that it becomes too much", member=entry.name, seen=entry.unpacked)
            self._found.partly()
            return
        crc, size, first = 0, 0, b""
        wrong = None
        place, left = local.data, entry.packed
        try:
            while not unpack.eof and wrong is None:
                piece = b""
                if unpack.needs_input:
                    piece = read_at(self._file, place, min(_BLOCK, left))
                    if not piece:
                        break
                    place, left = place + len(piece), left - len(piece)
                block = unpack.decompress(piece, _BLOCK)
                crc, size, first = zlib.crc32(block, crc), size + len(block), first or block[:4096]
                if size > limits.unpacked_free and size > limits.ratio * max(1, entry.packed):
                    self._found.add(BOMB, f"{entry.packed:,} bytes have become {size:,}", member=entry.name)
                    self._found.partly()
                    return
                wrong = "it becomes more than it says" if size > entry.unpacked else None
        except (zlib.error, OSError, EOFError, ValueError) as error:
            wrong = f"it does not unpack: {error}"
        if wrong is None:
            wrong = _ended(unpack, left, size, crc, entry)
        if wrong is not None:
            self._found.add(DATA, wrong, member=entry.name, offset=entry.offset, seen=f"{size:,} bytes, {crc:08x}",
                            expected=f"{entry.unpacked:,} bytes, {entry.crc:08x}")  # fmt: skip
        elif entry.system == 3 and stat.S_ISLNK(entry.attributes >> 16):
            paths.link(entry.name, first.decode("utf-8", "backslashreplace"), offset=entry.offset)

    def _descriptor(self, entry: Central, at: int) -> int:
        """Look at what follows the data; how long it is."""
        wide = entry.packed >= 0xFFFFFFFF or entry.unpacked >= 0xFFFFFFFF
        for size, mark in ((8 if wide else 4, True), (8 if wide else 4, False), (8, True), (8, False)):
            fields = (b"PK\x07\x08" if mark else b"") + entry.crc.to_bytes(4, "little")
            if max(entry.packed, entry.unpacked) >> (8 * size):
                continue
            fields += entry.packed.to_bytes(size, "little") + entry.unpacked.to_bytes(size, "little")
            if read_at(self._file, at, len(fields)) == fields:
                return len(fields)
        self._found.add(DESCRIPTOR, "what follows the data does not say the same", member=entry.name, offset=at)
        return 0

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


def _ended(unpack: Any, left: int, size: int, crc: int, entry: Central) -> str | None:
    if entry.method != 0 and not unpack.eof:
        return "it is cut off"
    if left or unpack.unused_data:
        return "not all of its bytes belong to it"
    if size != entry.unpacked:
        return "it has another size than it says"
    return "its checksum is another one than it says" if crc != entry.crc else None


class _Stored:
    """What is not packed, as a decompressor has it."""

    eof, needs_input, unused_data = False, True, b""

    def decompress(self, data: bytes, size: int) -> bytes:
        del size
        return data


class _Deflated:
    """Deflate without a header, as bz2 has it."""

    def __init__(self) -> None:
        self._stream: Any = zlib.decompressobj(-15)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return bool(self._stream.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._stream.unused_data)

    def decompress(self, data: bytes, size: int) -> bytes:
        block: bytes = self._stream.decompress(self._stream.unconsumed_tail or data, size)
        self.needs_input = not self._stream.unconsumed_tail and len(block) < size
        return block


def _unpacker(method: int) -> Any:
    """What undoes a method (4.4.5), ``None`` for those that are not known here."""
    match method:
        case 0:
            return _Stored()
        case 8:
            return _Deflated()
        case 12:
            return bz2.BZ2Decompressor()
        case _:
            return None


CHECKS = (Zip,)
