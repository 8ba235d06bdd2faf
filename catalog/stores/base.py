"""The contract of an object store: where a catalog and an archive keep their bytes.

A store holds *objects*, runs of bytes under a key such as ``log/00000000000000000007.json``: slash-separated, relative,
of the characters ``[A-Za-z0-9._=-]``.  The rules every implementation keeps, and why:

1. **An object is whole or absent.**  A reader never sees half of one, whatever dies while it is written: all of a
   commit's safety rests on this.
2. **What was put is durable** when the call returns: packs and segments must outlive a power cut before the log names
   them.
3. **``create`` is exclusive.**  Of any number of callers exactly one is told ``True``; it is what makes a commit.
   Where the storage has no such step, ``create`` fails with ``ENOTSUP``; where it only pretends, ``probing`` finds out.
   An archive on either has one writer (``single``).
4. **"Not there" and "could not look" are different.**  The first is ``ObjectMissing`` (or ``False``), the second an
   ``AccessError`` or ``TransientError``; no implementation turns one into the other.
5. **Errors are holotype's own**: nothing of the backend's library escapes.
6. **Safe to share** between threads, and picklable, so that workers elsewhere can use it.

``tests/catalog/store_contract.py`` is the same text as a test-suite; a new backend is a subclass here and one there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import ObjectMissing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from typing_extensions import Buffer

__all__ = ["ObjectInfo", "ObjectStore"]


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object in a listing: its key, its size in bytes and when it was written (UTC)."""

    key: str
    size: int
    modified: datetime


class ObjectStore(ABC):
    """A flat space of immutable objects (see the module's rules)."""

    shared = True
    """Whether other processes that open the same URL see the same objects."""
    distant = False
    """Whether every request is a journey over a network, so that saving one is worth some bytes."""

    waits = True
    """Whether a call may wait, for a disk or a network: then it pays to read ahead in threads.  Where it does not, all
    is read by whoever asks, in the order in which it is asked for."""

    @property
    @abstractmethod
    def url(self) -> str:
        """The fsspec URL of the store's root, without credentials."""

    @abstractmethod
    def put(self, key: str, parts: Sequence[Buffer]) -> int:
        """Write one object from the concatenation of ``parts``, durably; an object already there is replaced.

        Returns the object's size in bytes.  Raises ``StorageFull``, ``StorageDenied`` or ``StorageFailed``; then the
        object is as it was before.
        """

    @abstractmethod
    def create(self, key: str, data: bytes) -> bool:
        """Write one object if and only if none is there: ``True`` for the one caller that made it, else ``False``.

        ``data`` must not be empty: some backends cannot create an empty object exclusively.  It should hold something
        random: when an answer was lost, a backend tells by the bytes it finds whether they are this caller's.

        Raises what ``put`` raises; ``StorageFailed`` with the ``errno`` ``ENOTSUP`` says that this storage never
        creates exclusively.
        """

    @abstractmethod
    def get(self, key: str, start: int = 0, length: int | None = None) -> Buffer:
        """The object's bytes from ``start``, ``length`` of them or all that follow; fewer where the object ends.

        Raises ``ObjectMissing`` when there is no such object.
        """

    @abstractmethod
    def size(self, key: str) -> int:
        """The object's size in bytes; raises ``ObjectMissing``."""

    def exists(self, key: str) -> bool:
        """Whether the object is there; raises when the storage could not say."""
        try:
            self.size(key)
        except ObjectMissing:
            return False
        return True

    @abstractmethod
    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Every object whose key starts with ``prefix`` (a folder, ending in ``/``, or empty for all), in no order."""

    def following(self, key: str) -> Sequence[str] | None:
        """The keys in the folder of ``key`` that sort after it, in order, on a storage that tells them in one request
        however many come before; ``None`` on any other.  What is written meanwhile may be missing anywhere among them.
        """
        del key
        return None

    @abstractmethod
    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; one that is not there is no error."""

    def leftovers(self) -> Iterator[ObjectInfo]:
        """What interrupted writes left behind: never objects, so not listed; their keys can be given to ``delete``.

        A write that is still going on has one, too: whoever deletes it makes that write fail, which costs time, not
        data.
        """
        return iter(())

    def path(self, key: str) -> Path | None:
        """The local file that holds the object, on a store where there is one: readers may map it into memory."""
        del key
        return None
