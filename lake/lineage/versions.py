"""Versions of files, known by what they hold: a digest that a snapshot has is believed, any other file is read.

A file whose size, times and inode are those that the dataset's latest snapshot saw has the digest that it found, so a
pipeline that reads a hundred gigabytes of archived data does not read them twice.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holotype.catalog import ObjectMissing, SourceNotFound, SourceProblem

from ..capturing.seen import Status
from ..manifest import Manifest
from ..reading.lookup import entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from holotype.catalog import State

    from ..context import Context
    from .places import Place, Places

__all__ = ["Version", "Versions"]

_COLUMNS = ("size", "mtime_ns", "ctime_ns", "inode", "sha256")
# A file written so lately may be written again under the same times.
_SETTLED_NS = 2_000_000_000
_REMEMBERED = 4096
_TRIES = 3


@dataclass(frozen=True)
class Version:
    """A file as it was at one moment; ``sha256`` is missing where it was gone before anybody could read it.

    ``path``: its real path on this machine.  ``place``: where it belongs, if it is in a dataset.
    """

    path: str
    place: Place | None
    size: int
    sha256: bytes | None
    mtime_ns: int


class Versions:
    """The versions of files as ``state`` and this machine's disks know them.  Safe to share between threads."""

    def __init__(self, context: Context, places: Places, *, state: State) -> None:
        self._context, self._places, self._state = context, places, state
        self._manifests: dict[str, Manifest] = {}
        self._lock = threading.Lock()

    def now(self, path: str) -> Version:
        """The file at a real path as it is.

        Raises ``SourceNotFound`` or ``SourceProblem``, and as ``earlier``.
        """
        with _of_source(path):
            status = Status.of(os.stat(path))
        place = self._places.find(path)
        digest = self._archived(place, status)
        if digest is None:
            with _of_source(path):
                digest = _DIGESTS.of(path, status)
        return Version(path, place, status.size, digest, status.mtime_ns)

    def earlier(self, path: str, status: Status, *, digest: bytes | None = None) -> Version:
        """The file as it was when it had this status; its digest, where it was taken or a snapshot has it.

        Raises ``ObjectMissing``, ``ObjectDamaged``, or what the store raises.
        """
        place = self._places.find(path)
        found = digest or self._archived(place, status) or _DIGESTS.remembered(status)
        return Version(path, place, status.size, found, status.mtime_ns)

    def _archived(self, place: Place | None, status: Status) -> bytes | None:
        """The digest that the dataset's latest snapshot found in a file of this status."""
        if place is None or place.snapshot is None:
            return None
        try:
            row = entry(self._manifest(place.snapshot), place.path, columns=_COLUMNS)
        except ObjectMissing:
            # An activity may go on for days: what was the latest when it began may have been forgotten and collected.
            if self._context.catalog.refresh().version == self._state.version:
                raise
            return None
        if row is None or row["sha256"] is None:
            return None
        then = (row["size"], row["mtime_ns"], row["ctime_ns"], row["inode"])
        return row["sha256"] if then == (status.size, status.mtime_ns, status.ctime_ns, status.inode) else None

    def _manifest(self, snapshot: str) -> Manifest:
        with self._lock:
            manifest = self._manifests.get(snapshot)
            if manifest is None:
                manifest = Manifest.load(self._context.catalog, snapshot, state=self._state)
                self._manifests[snapshot] = manifest
            return manifest


@contextmanager
def _of_source(path: str) -> Iterator[None]:
    """What a disk says of a file that is no part of the archive, in our own errors."""
    try:
        yield
    except FileNotFoundError as error:
        raise SourceNotFound(f"there is no file {path}", path=path) from error
    except OSError as error:
        raise SourceProblem(f"{path} cannot be read: {error.strerror}", path=path, problem="unreadable") from error


class _Digests:
    """Digests of files that were read lately, by their status."""

    def __init__(self) -> None:
        self._known: OrderedDict[Status, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def remembered(self, status: Status) -> bytes | None:
        """The digest of a file of this status, if it was read."""
        with self._lock:
            return self._known.get(status)

    def of(self, path: str, status: Status) -> bytes:
        """The digest of a file, read unless it was; raises ``OSError``, also when it will not hold still."""
        known = self.remembered(status)
        if known is not None:
            return known
        for _ in range(_TRIES):
            began = time.time_ns()
            with open(path, "rb") as file:
                before = Status.of(os.fstat(file.fileno()))
                found = hashlib.file_digest(file, "sha256").digest()
                after = Status.of(os.fstat(file.fileno()))
            if before == after:
                break
        else:
            raise OSError(None, "it changes while it is read", path)
        if began - max(after.mtime_ns, after.ctime_ns) > _SETTLED_NS:
            with self._lock:
                self._known[after] = found
                while len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
        return found


_DIGESTS = _Digests()
