"""Digests of files, remembered as long as the files are the same: a hundred gigabytes are read once.

They are SHA-256, by which archives and their lineage know contents: what a run took and made is found there as it is.
"""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from dataclasses import dataclass

from holotype.catalog import StorageFailed

from .remembering import Memory

__all__ = ["Digests", "Seen", "untouched"]

# A file that was changed so shortly before it was read could be changed again within one tick of its clock.
_SETTLED = 2_000_000_000


@dataclass(frozen=True)
class Seen:
    """What a file is: its size and times, by which one knows without reading it that it is the same, and its digest."""

    path: str
    device: int
    inode: int
    size: int
    modified: int
    changed: int
    digest: str


def untouched(seen: Seen) -> bool:
    """Whether a file is what it was as far as one knows without reading it.  Raises ``OSError``."""
    status = os.stat(seen.path)
    same = (seen.device, seen.inode, seen.size, seen.modified, seen.changed)
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns) == same


class Digests:
    """Remembers digests in a file; shared by threads and processes."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._memory = Memory(
            path,
            "sha256 (device INTEGER, inode INTEGER, size INTEGER, modified INTEGER, changed INTEGER, digest TEXT, "
            "PRIMARY KEY (device, inode)) WITHOUT ROWID",
        )

    def of(self, path: str) -> Seen:
        """What a file is now.  Raises ``OSError``."""
        status = os.stat(path)
        key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        row = None
        with suppress(StorageFailed):  # then it is read
            row = self._memory.ask(
                "SELECT digest FROM sha256 WHERE device=? AND inode=? AND size=? AND modified=? AND changed=?",
                *map(_signed, key),
            )
        if row is not None:
            return Seen(path, *key, row[0])
        return self._read(path)

    def unchanged(self, seen: Seen) -> bool:
        """Whether a file is what it was; read again only if it may not be.  Raises ``OSError``."""
        if untouched(seen):
            return True
        return os.stat(seen.path).st_size == seen.size and self.of(seen.path).digest == seen.digest

    def remember(self, path: str, digest: str) -> Seen:
        """Take note of what a file is that was just made, or linked, and is not written any more.  Raises
        ``OSError``.
        """
        status = os.stat(path)
        key = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        self._keep(key, digest)
        return Seen(path, *key, digest)

    def close(self) -> None:
        """Leave them."""
        self._memory.close()

    def _read(self, path: str) -> Seen:
        with open(path, "rb") as file:
            before = os.fstat(file.fileno())
            sum_ = hashlib.file_digest(file, "sha256")
            after = os.fstat(file.fileno())
        key = (after.st_dev, after.st_ino, after.st_size, after.st_mtime_ns, after.st_ctime_ns)
        digest = sum_.hexdigest()
        still = (before.st_mtime_ns, before.st_ctime_ns, before.st_size) == (key[3], key[4], key[2])
        if still and time.time_ns() - max(key[3:]) > _SETTLED:
            self._keep(key, digest)
        return Seen(path, *key, digest)

    def _keep(self, key: tuple[int, int, int, int, int], digest: str) -> None:
        if not key[1]:
            return  # where a file system has no inodes, nothing says that it is the same
        with suppress(StorageFailed):  # then it is read again
            self._memory.tell("INSERT OR REPLACE INTO sha256 VALUES (?, ?, ?, ?, ?, ?)", *map(_signed, key), digest)


def _signed(number: int) -> int:
    """As SQLite can keep it: some systems have numbers of 64 bits without a sign."""
    return number - (1 << 64) if number >= 1 << 63 else number
