"""PDF documents: the header, the end, and the tables that say where objects are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from ..check import Check, Cost
from ..findings import Code, Severity
from ..streams.seekable import read_at, seekable, size_of

if TYPE_CHECKING:
    from ..found import Found
    from ..subjects import Subject

__all__ = ["CHECKS", "Pdf"]

_ISO = "ISO 32000-2"

HEADER = Code("pdf.header", Severity.ERROR, "A document begins with %PDF and a version.", f"{_ISO}, 7.5.2")
END = Code("pdf.end", Severity.ERROR, "A document ends with the place of its last table and %%EOF.", f"{_ISO}, 7.5.5")
TABLE = Code("pdf.xref", Severity.ERROR, "A table of objects is where a document says.", f"{_ISO}, 7.5.4")
OBJECT = Code("pdf.object", Severity.ERROR, "Objects are where their table says.", f"{_ISO}, 7.5.4")
TRAILER = Code("pdf.trailer", Severity.ERROR, "The trailer names the root, and says a size.", f"{_ISO}, 7.5.5")
PREPENDED = Code("pdf.prepended", Severity.WARNING, "Nothing stands before %PDF.", f"{_ISO}, 7.5.2")
TRAILING = Code("pdf.trailing", Severity.WARNING, "Nothing follows %%EOF.", f"{_ISO}, 7.5.5")
ENCRYPTED = Code("pdf.encrypted", Severity.NOTE, "A document can be read without a password.", f"{_ISO}, 7.6")

_VERSION = re.compile(rb"%PDF-([12]\.\d)")
_LAST = re.compile(rb"startxref\s+(\d{1,19})\s+%%EOF")
_OBJECT = re.compile(rb"\s*(\d{1,10})\s+(\d{1,5})\s+obj\b")
_SECTION = re.compile(rb"\s*(\d{1,10})[ ]+(\d{1,10})[ ]*(?:\r\n|\r|\n)")
_ENTRY = re.compile(rb"(\d{10}) (\d{5}) ([nf])(?: \r| \n|\r\n)")
# What is read of a trailer, and of the beginning of what may be an object.
_TRAILER, _BEGIN = 1 << 16, 64
# Updates that follow one another, and entries of all tables.
_UPDATES, _ENTRIES = 1000, 2_000_000


class Pdf(Check):
    """A document's structure; what pages show is not looked at.  At the cost of a header only its beginning and end."""

    name = "pdf"
    version = "1"
    formats = frozenset({"pdf"})
    codes = (HEADER, END, TABLE, OBJECT, TRAILER, PREPENDED, TRAILING, ENCRYPTED)
    cost: ClassVar[Cost] = Cost.HEADER

    def look(self, subject: Subject, found: Found) -> None:
        """Look."""
        with seekable(subject, found) as file:
            if file is not None:
                _Reading(file, found, objects=subject.cost is not Cost.HEADER).look()


class _Reading:
    """One document, while it is looked at."""

    def __init__(self, file: BinaryIO, found: Found, *, objects: bool) -> None:
        self._file, self._found, self._objects, self._size = file, found, objects, size_of(file)
        self._shift = 0
        self._entries = 0
        self._numbers: set[int] = set()

    def look(self) -> None:
        head = read_at(self._file, 0, 1024)
        begin = _VERSION.search(head)
        if begin is None:
            self._found.add(HEADER, "it does not begin with %PDF and a version", offset=0, seen=head[:16])
            return
        if begin.start():
            # Places count from there (implementations agree in that, more or less).
            self._shift = begin.start()
            what = f"{begin.start():,} bytes stand before %PDF"
            self._found.add(PREPENDED, what, offset=0, seen=head[: begin.start()])
        start = max(0, self._size - 2048)
        tail = read_at(self._file, start, self._size - start)
        last = None
        for each in _LAST.finditer(tail):
            last = each
        if last is None:
            self._found.add(END, "it does not end with startxref, a place and %%EOF: it was cut off", offset=self._size)
            return
        rest = tail[last.end() :]
        if rest.strip(b"\r\n \0"):
            self._found.add(TRAILING, f"{len(rest):,} bytes follow %%EOF", offset=start + last.end(), seen=rest[:40])
        self._tables(int(last[1]))

    def _tables(self, place: int) -> None:
        """The tables from the last to the first."""
        seen: set[int] = set()
        waiting = [place]
        first = True
        while waiting and len(seen) < _UPDATES:
            at = waiting.pop() + self._shift
            if at in seen:
                continue
            seen.add(at)
            trailer = self._table(at)
            if trailer is None:
                return
            if first and (b"/Root" not in trailer or b"/Size" not in trailer):
                self._found.add(TRAILER, "the trailer has no root or no size", offset=at, seen=trailer[:100])
            if first and b"/Encrypt" in trailer:
                self._found.add(ENCRYPTED, "it is encrypted", offset=at)
            first = False
            waiting += [int(each[1]) for each in re.finditer(rb"/(?:Prev|XRefStm)\s+(\d{1,19})", trailer)]

    def _table(self, at: int) -> bytes | None:
        """The trailer of a table, ``None`` where there is no table."""
        begin = read_at(self._file, at, _BEGIN)
        if begin.lstrip().startswith(b"xref"):
            return self._plain(at + begin.index(b"xref") + 4)
        if _OBJECT.match(begin):
            trailer = read_at(self._file, at, _TRAILER).partition(b"stream")[0]
            if b"/XRef" in trailer:
                return trailer
        self._found.add(TABLE, "no table of objects is where it should be", offset=at, seen=begin[:40])
        return None

    def _plain(self, at: int) -> bytes | None:
        while True:
            begin = read_at(self._file, at, _BEGIN)
            section = _SECTION.match(begin)
            if section is None:
                break
            first, count = int(section[1]), int(section[2])
            at += section.end()
            for number in range(first, first + count):
                entry = _ENTRY.match(read_at(self._file, at, 20))
                if entry is None or self._entries > _ENTRIES:
                    self._found.add(TABLE, "no entry of a table begins here", offset=at, record=str(number))
                    return None
                self._entries += 1
                if entry[3] == b"n" and self._objects and number not in self._numbers:
                    self._object(number, int(entry[2]), int(entry[1]), at)
                self._numbers.add(number)
                at += 20
        if not begin.lstrip().startswith(b"trailer"):
            self._found.add(TABLE, "no trailer follows a table", offset=at, seen=begin[:40])
            return None
        return read_at(self._file, at, _TRAILER).partition(b"startxref")[0]

    def _object(self, number: int, generation: int, place: int, at: int) -> None:
        begin = _OBJECT.match(read_at(self._file, place + self._shift, _BEGIN))
        if begin is None or (int(begin[1]), int(begin[2])) != (number, generation):
            what = "the table says that an object begins there, and it does not"
            self._found.add(OBJECT, what, offset=place, record=f"{number} {generation}", seen=f"entry at {at}")


CHECKS = (Pdf,)
