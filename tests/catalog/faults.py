"""A store that fails at a chosen call: before it does anything, or after it did and the answer was lost."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from holotype.catalog import ObjectStore, StorageFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from typing_extensions import Buffer

    from holotype.catalog import HolotypeError, ObjectInfo


def lost_connection() -> StorageFailed:
    """What a store says when it knows nothing better."""
    return StorageFailed("the connection was lost")


class Crash(BaseException):
    """The process dies here: nothing that handles errors may see it."""


class FaultyStore(ObjectStore):
    """``inner``, whose call number ``fail_at`` (from 1; 0 for none) raises what ``error`` makes.

    ``answer_lost``: the call is done first.  ``lasting``: every later call fails as well.  ``calls`` counts them all.
    """

    def __init__(
        self,
        inner: ObjectStore,
        *,
        fail_at: int = 0,
        answer_lost: bool = False,
        lasting: bool = False,
        error: Callable[[], BaseException] = lost_connection,
    ) -> None:
        self.inner = inner
        self.fail_at = fail_at
        self.answer_lost = answer_lost
        self.lasting = lasting
        self.error = error
        self.calls: list[str] = []
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return self.inner.url

    def _fails(self, call: str) -> bool:
        with self._lock:
            self.calls.append(call)
            n = len(self.calls)
        return bool(self.fail_at) and (n == self.fail_at or (self.lasting and n > self.fail_at))

    def put(self, key: str, parts: Sequence[Buffer]) -> int:
        fails = self._fails(f"put {key}")
        if fails and not self.answer_lost:
            raise self.error()
        size = self.inner.put(key, parts)
        if fails:
            raise self.error()
        return size

    def create(self, key: str, data: bytes) -> bool:
        fails = self._fails(f"create {key}")
        if fails and not self.answer_lost:
            raise self.error()
        made = self.inner.create(key, data)
        if fails:
            raise self.error()
        return made

    def get(self, key: str, start: int = 0, length: int | None = None) -> Buffer:
        if self._fails(f"get {key}"):
            raise self.error()
        return self.inner.get(key, start, length)

    def size(self, key: str) -> int:
        if self._fails(f"size {key}"):
            raise self.error()
        return self.inner.size(key)

    def exists(self, key: str) -> bool:
        if self._fails(f"exists {key}"):
            raise self.error()
        return self.inner.exists(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        if self._fails(f"list {prefix}"):
            raise self.error()
        return self.inner.list(prefix)

    def delete(self, keys: Iterable[str]) -> None:
        fails = self._fails("delete")
        if fails and not self.answer_lost:
            raise self.error()
        self.inner.delete(keys)
        if fails:
            raise self.error()


def with_error(error: type[HolotypeError]) -> Callable[[], HolotypeError]:
    """Something that makes errors of this kind."""
    return lambda: error("the storage says no")
