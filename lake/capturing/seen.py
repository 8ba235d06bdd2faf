"""What was seen of one file while something ran: the value that every way of capturing gives.

A script that cuts ``reads.csv`` down in place, run as ``python trim.py reads.csv``::

    Seen("/data/trim.py", read=True, written=False, executed=True, by=("python",), ...)
    Seen("/data/reads.csv", read=True, written=True, by=("python",), before=Status(...), after=Status(...))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

__all__ = ["Seen", "Status"]


@dataclass(frozen=True)
class Status:
    """What a regular file is told from another version of itself by, at one moment; times in nanoseconds."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int

    @staticmethod
    def of(status: os.stat_result) -> Status:
        """The same of what ``os.stat`` gives."""
        return Status(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)


@dataclass(frozen=True)
class Seen:
    """One file, and what was done with it.

    ``path``: absolute, without links in it; bytes that are not UTF-8 are surrogates, as ``os.fsdecode`` has them.
    ``read``: opened for reading while it held what it held before, or added to, so that it still holds that; not what
    was made while watching, and then read.  ``written``: created, changed, truncated, or renamed onto.  ``removed``:
    there before, and gone when watching ended.  ``executed``: run as a program, or as the script of an interpreter.
    ``renamed_from``: the path it had before.  ``by``: what used it, the names of programs or functions such as
    ``pandas.read_csv``.  ``before``: its status before it was touched, where it was there and is known; ``after``: when
    watching ended, if it is there.
    """

    path: str
    read: bool
    written: bool
    removed: bool = False
    executed: bool = False
    renamed_from: str | None = None
    by: tuple[str, ...] = ()
    before: Status | None = None
    after: Status | None = None
