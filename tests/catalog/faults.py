"""A store that fails at a chosen call: before it does anything, half-way, or after it did and the answer was lost."""

from __future__ import annotations

import errno
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holotype.catalog import ObjectStore, StorageFailed, StorageFull

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from typing_extensions import Buffer

    from holotype.catalog import HolotypeError, ObjectInfo

CALLS = frozenset({"put", "create", "get", "size", "exists", "list", "following", "delete"})
"""What can be asked of a store."""

CHANGES = frozenset({"put", "create", "delete"})
"""What changes something in it."""


def lost_connection() -> StorageFailed:
    """What a store says when it knows nothing better."""
    return StorageFailed("the connection was lost")


def timed_out() -> StorageFailed:
    """What a store says when it has waited long enough."""
    return StorageFailed("there was no answer in time", errno=errno.ETIMEDOUT)


def no_room() -> StorageFull:
    """What a store says when it cannot keep any more."""
    return StorageFull("no space is left")


class Crash(BaseException):
    """The process dies here: nothing that handles errors may see it."""


class FaultyStore(ObjectStore):
    """``inner``, whose call number ``fail_at`` (from 1; 0 for none) raises what ``error`` makes.

    ``answer_lost``: the call is done first.  ``torn``: half of it is done: a deletion has removed half of its keys, a
    listing ends in the middle; what is written half is not there, as every store promises.  ``cut``: there is no
    error, but ``get`` gives only the first half of the bytes.  ``lasting``: every later call fails as well.
    ``only``: the kinds of calls that can fail; at any other nothing happens.  ``wait``: called before an error is
    raised, to let time pass.  ``calls`` counts them all.
    """

    def __init__(
        self,
        inner: ObjectStore,
        *,
        fail_at: int = 0,
        answer_lost: bool = False,
        torn: bool = False,
        cut: bool = False,
        lasting: bool = False,
        only: frozenset[str] = CALLS,
        error: Callable[[], BaseException] = lost_connection,
        wait: Callable[[], object] = lambda: None,
    ) -> None:
        self.inner = inner
        self.distant = inner.distant
        self.fail_at = fail_at
        self.answer_lost = answer_lost
        self.torn = torn
        self.cut = cut
        self.lasting = lasting
        self.only = only
        self.error = error
        self.wait = wait
        self.calls: list[str] = []
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return self.inner.url

    def arm(self, place: int) -> None:
        """Count calls anew, and fail at this one of them."""
        with self._lock:
            self.calls.clear()
            self.fail_at = place

    def _fails(self, call: str) -> bool:
        with self._lock:
            self.calls.append(call)
            n = len(self.calls)
        here = n == self.fail_at or (self.lasting and n > self.fail_at)
        return bool(self.fail_at) and here and call.partition(" ")[0] in self.only

    def _failure(self) -> BaseException:
        self.wait()
        return self.error()

    def put(self, key: str, parts: Sequence[Buffer]) -> int:
        fails = self._fails(f"put {key}")
        if fails and not self.answer_lost:
            raise self._failure()
        size = self.inner.put(key, parts)
        if fails:
            raise self._failure()
        return size

    def create(self, key: str, data: bytes) -> bool:
        fails = self._fails(f"create {key}")
        if fails and not self.answer_lost:
            raise self._failure()
        made = self.inner.create(key, data)
        if fails:
            raise self._failure()
        return made

    def get(self, key: str, start: int = 0, length: int | None = None) -> Buffer:
        fails = self._fails(f"get {key}")
        if fails and not self.cut:
            raise self._failure()
        data = self.inner.get(key, start, length)
        if fails:
            whole = memoryview(data)
            return whole[: len(whole) // 2]
        return data

    def size(self, key: str) -> int:
        if self._fails(f"size {key}"):
            raise self._failure()
        return self.inner.size(key)

    def exists(self, key: str) -> bool:
        if self._fails(f"exists {key}"):
            raise self._failure()
        return self.inner.exists(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        fails = self._fails(f"list {prefix}")
        if fails and not self.torn:
            raise self._failure()
        return self._half_of(self.inner.list(prefix)) if fails else self.inner.list(prefix)

    def following(self, key: str) -> Sequence[str] | None:
        found = self.inner.following(key)
        if found is not None and self._fails(f"following {key}"):
            raise self._failure()
        return found

    def _half_of(self, listing: Iterator[ObjectInfo]) -> Iterator[ObjectInfo]:
        every = [*listing]
        yield from every[: len(every) // 2]
        raise self._failure()

    def delete(self, keys: Iterable[str]) -> None:
        fails = self._fails("delete")
        wanted = [*keys]
        if fails and self.torn:
            self.inner.delete(wanted[: (len(wanted) + 1) // 2])
        if fails and not self.answer_lost:
            raise self._failure()
        self.inner.delete(wanted)
        if fails:
            raise self._failure()

    def leftovers(self) -> Iterator[ObjectInfo]:
        return self.inner.leftovers()


@dataclass(frozen=True)
class Fault:
    """A way for a call to fail; see ``FaultyStore``.

    ``hangs``: the caller waits before it is told.  ``begins``: the kinds of calls at which it is a fault of its own: an
    answer that is lost, say, is worse than a request only where something was done.
    """

    name: str
    error: Callable[[], BaseException] = lost_connection
    answer_lost: bool = False
    torn: bool = False
    cut: bool = False
    lasting: bool = False
    hangs: bool = False
    only: frozenset[str] = CALLS
    begins: frozenset[str] = CALLS

    def store(self, inner: ObjectStore, *, fail_at: int = 0, wait: Callable[[], object] = lambda: None) -> FaultyStore:
        """A store in which it happens; ``wait``: what it is to hang."""
        return FaultyStore(
            inner,
            fail_at=fail_at,
            answer_lost=self.answer_lost,
            torn=self.torn,
            cut=self.cut,
            lasting=self.lasting,
            only=self.only,
            error=self.error,
            wait=wait if self.hangs else lambda: None,
        )


FAULTS = (
    Fault("request lost"),
    Fault("answer lost", answer_lost=True, begins=CHANGES),
    Fault("half done", torn=True, begins=CHANGES | {"list"}),
    Fault("connection lost for good", lasting=True),
    Fault("answer and connection lost", answer_lost=True, lasting=True, begins=CHANGES),
    Fault("hangs", error=timed_out, hangs=True),
    Fault("hangs, done after all", error=timed_out, hangs=True, answer_lost=True, begins=CHANGES),
    Fault("fewer bytes than asked for", cut=True, only=frozenset({"get"}), begins=frozenset({"get"})),
    Fault("storage full", error=no_room, lasting=True, only=frozenset({"put", "create"}), begins=CHANGES - {"delete"}),
    Fault("crash before", error=Crash, lasting=True),
    Fault("crash half-way", error=Crash, torn=True, lasting=True, begins=CHANGES | {"list"}),
    Fault("crash after", error=Crash, answer_lost=True, lasting=True, begins=CHANGES),
)
"""How a call fails: done or not, once or from then on, said or not; or the process dies."""


def with_error(error: type[HolotypeError]) -> Callable[[], HolotypeError]:
    """Something that makes errors of this kind."""
    return lambda: error("the storage says no")
