"""SQLite databases: the header by hand, and then every page by SQLite's own check, read-only."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from ..check import Check, Cost
from ..findings import Code, Severity
from ..streams.seekable import read_at, seekable, size_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..found import Found
    from ..subjects import Subject

__all__ = ["CHECKS", "Sqlite"]

_FORMAT = "SQLite, Database File Format"

HEADER = Code("sqlite.header", Severity.ERROR, "The header has values that there are.", f"{_FORMAT}, 1.3")
SIZE = Code("sqlite.size", Severity.ERROR, "A file has the pages that its header says.", f"{_FORMAT}, 1.3.8")
INTEGRITY = Code(
    "sqlite.integrity", Severity.ERROR, "SQLite finds pages, rows and indexes sound.", "PRAGMA integrity_check"
)
JOURNAL = Code(
    "sqlite.journal", Severity.NOTE, "All changes are in the file, and none in one beside it.", f"{_FORMAT}, 3"
)
LONG = Code("sqlite.steps", Severity.WARNING, "SQLite's own check ends within the steps that are allowed.")

_MAGIC = b"SQLite format 3\0"
# Steps of SQLite's machine, in thousands: about ten gigabytes of rows.
_STEPS = 20_000_000
# Places, the values there may be, and what they are.
_FIELDS = (
    (18, 1, {1, 2}, "the version for writing"),
    (19, 1, {1, 2}, "the version for reading"),
    (21, 1, {64}, "the largest share of a payload"),
    (22, 1, {32}, "the least share of a payload"),
    (23, 1, {32}, "the share of a leaf's payload"),
    (44, 4, {0, 1, 2, 3, 4}, "the format of the schema"),
    (56, 4, {0, 1, 2, 3}, "the encoding of text"),
)


class Sqlite(Check):
    """A database: at the cost of a header or a sample its first page, in full all of it.

    It is opened read-only, as a file that nobody changes, with a schema that is not trusted, and for so many steps.
    """

    name = "sqlite"
    version = "1"
    formats = frozenset({"sqlite"})
    codes = (HEADER, SIZE, INTEGRITY, JOURNAL, LONG)
    cost: ClassVar[Cost] = Cost.HEADER

    def look(self, subject: Subject, found: Found) -> None:
        """Look."""
        with seekable(subject, found) as file:
            if file is None:
                return
            size = size_of(file)
            sound = _header(read_at(file, 0, 100), size, found)
            _beside(subject, found)
            if not sound or subject.cost is not Cost.FULL:
                return
            if subject.path is not None and subject.packing is None:
                _integrity(subject.path, found)
                return
            with _copied(file) as path:
                _integrity(path, found)


def _header(head: bytes, size: int, found: Found) -> bool:
    """Tell of the header; whether SQLite can be asked about the rest."""
    if len(head) < 100 or not head.startswith(_MAGIC):
        found.add(HEADER, "it does not begin as a database does", offset=0, seen=head[:16])
        return False
    page = int.from_bytes(head[16:18], "big")
    page = 65536 if page == 1 else page
    if page < 512 or page & (page - 1):
        found.add(HEADER, "the size of a page is no power of two from 512 to 65,536", offset=16, seen=page)
        return False
    wrong = False
    for place, length, allowed, what in _FIELDS:
        value = int.from_bytes(head[place : place + length], "big")
        if value not in allowed:
            found.add(HEADER, f"{what} is none", offset=place, seen=value, expected=sorted(allowed))
            wrong = True
    if page - head[20] < 480:
        found.add(HEADER, "less of each page is used than has to be", offset=20, seen=head[20])
    if any(head[72:92]):
        found.add(HEADER, "what is kept for later is not zero", offset=72, seen=head[72:92].hex(" "))
    pages = int.from_bytes(head[28:32], "big")
    current = head[24:28] == head[92:96] and pages > 0
    found.metric("sqlite.pages", size // page)
    if size % page:
        found.add(
            SIZE, "its size is no whole number of pages: it was cut off", seen=size, expected=f"a multiple of {page}"
        )
        return False
    if current and pages * page != size:
        found.add(SIZE, "it has another number of pages than it says", offset=28, seen=size // page, expected=pages)
        return False
    return not wrong


def _beside(subject: Subject, found: Found) -> None:
    if subject.path is None or subject.packing is not None:
        return
    for end in ("-wal", "-journal"):
        path = f"{subject.path}{end}"
        if os.path.isfile(path) and os.path.getsize(path):
            what = f"{os.path.basename(path)} has changes that are not in the file itself"
            found.add(JOURNAL, what, member=os.path.basename(path))


@contextmanager
def _copied(file: BinaryIO) -> Iterator[Path]:
    """A file as one that has a path."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "database")
        with open(path, "wb") as copy:
            file.seek(0)
            while block := file.read(1 << 20):
                copy.write(block)
        yield path


def _integrity(path: Path, found: Found) -> None:
    stopped = False
    steps = 0

    def step() -> int:
        nonlocal steps, stopped
        steps += 1
        stopped = steps > _STEPS
        return int(stopped)

    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            database.set_progress_handler(step, 1000)
            for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0", "query_only = ON"):
                database.execute(f"PRAGMA {pragma}")
            for (told,) in database.execute(f"PRAGMA integrity_check({found.room(INTEGRITY)})"):
                if told != "ok":
                    found.add(INTEGRITY, str(told))
    except (sqlite3.Error, OverflowError, UnicodeError) as error:
        if stopped:
            found.add(LONG, "SQLite's own check was ended after so many steps", seen=_STEPS * 1000)
            found.partly()
        else:
            found.add(INTEGRITY, f"SQLite cannot read it: {error}")


CHECKS = (Sqlite,)
