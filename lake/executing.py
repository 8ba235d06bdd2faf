"""Work cut into batches that any worker could take, and repeat.

A verb that is given an executor hands it one function and one value at a time, both of which can be pickled.  A batch
reads what it is told, and what it writes are objects of its own, so that one that was done twice, or half, has cost
time and storage and nothing else; whoever handed it out takes what it found, and is the only one who commits.

A worker that dies takes its batch with it: the batch is handed out again, and done here when that does not help.

Any ``concurrent.futures.Executor`` will do, and whatever has its ``submit``, such as ``dask.distributed.Client``.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from holotype.catalog import Header, InvalidOption, ObjectMissing

from .context import host_here
from .recent import Recent
from .reopening import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from holotype.catalog import ObjectStore

__all__ = ["Handed", "Inline", "Place", "Submits", "in_order", "thread_count", "worker_count"]

_B = TypeVar("_B")
_R = TypeVar("_R")

_STORES = 8  # storages that a worker keeps at hand, each with its connections
_TRIES = 3  # workers that died over one batch, before it is done here
# What says that a worker is gone, not that the work failed.  (Dask's is known by its name: it need not be installed.)
_DIED = (BrokenExecutor, CancelledError, EOFError)
_DIED_BY_NAME = frozenset({"KilledWorker"})


class Submits(Protocol):
    """What is asked of an executor."""

    @property
    def submit(self) -> Callable[..., Any]:
        """``submit(work, batch)`` does ``work(batch)`` somewhere, and gives a future."""
        ...


class Inline(Executor):
    """An executor that does everything at once, in the thread that asks: for tests, and to see what goes wrong."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            if not isinstance(error, Exception):
                raise
            future.set_exception(error)
        return future


@dataclass(frozen=True)
class Place:
    """Where a batch was handed out: the process, its machine, the archive, and as whom it is used."""

    host: str
    process: int
    store: ObjectStore
    archive: str
    user: bytes

    @staticmethod
    def here(store: ObjectStore, archive: str) -> Place:
        """This process; ``archive`` is the archive's id."""
        return Place(host_here(), os.getpid(), store, archive, fingerprint(store))

    def storage(self) -> ObjectStore:
        """The archive's storage as whoever calls this sees it; looked at once by each worker.

        Raises ``InvalidOption`` when a worker does not see what the driver sees: what is there it would take for gone,
        and what it wrote would be lost.
        """
        if (self.host, self.process) == (host_here(), os.getpid()):
            return self.store
        if not self.store.shared:
            raise InvalidOption(
                f"{self.store.url} lies in the memory of one process: workers in others need storage that they share",
                option="executor",
            )
        return _seen.get(self) or _seen.put(self, self._looked_at())

    def _looked_at(self) -> ObjectStore:
        try:
            there = Header.decode(bytes(self.store.get("archive.json"))).id
        except ObjectMissing:
            there = None
        if there != self.archive:
            raise InvalidOption(
                f"a worker on {host_here()} finds {'no' if there is None else 'another'} archive at {self.store.url},"
                f" where {self.host} has one: workers need storage that they share",
                option="executor",
            )
        return self.store


_seen = Recent[Place, "ObjectStore"](_STORES)


def _tried(work: Callable[[_B], _R], batch: _B, tries: int) -> _R:
    """One try; its number tells it from the one before to an executor that knows equal calls by their arguments."""
    del tries
    return work(batch)


class Handed(Generic[_R]):
    """A batch that was handed out.

    ``again``: whether it can be done again, should a worker die over it; else that is the end of what it is part of.
    """

    def __init__(self, executor: Submits, work: Callable[[_B], _R], batch: _B, *, again: bool = True) -> None:
        self._executor, self._work, self._batch, self._again = executor, work, batch, again
        self._tries = 0
        self._future = self._submit()

    def _submit(self) -> Any:
        self._tries += 1
        try:
            return self._executor.submit(_tried, self._work, self._batch, self._tries)
        except BrokenExecutor:  # its workers are gone, and no more will come
            return None
        except RuntimeError as error:
            if self._tries > 1:
                return None
            raise InvalidOption(f"the executor takes no work: {error}", option="executor") from error

    @property
    def done(self) -> bool:
        """Whether the result is there."""
        return self._future is None or bool(self._future.done())

    def result(self) -> _R:
        """What the work gave, or raised; waits for it."""
        for _ in range(_TRIES):
            if self._future is None:
                break
            try:
                found: _R = self._future.result()
            except Exception as error:
                died = isinstance(error, _DIED) or type(error).__name__ in _DIED_BY_NAME
                if not died or not self._again:
                    raise
                self._future = self._submit()
            else:
                return found
        return self.here()

    def here(self) -> _R:
        """The same, done by whoever calls this."""
        work: Callable[[Any], _R] = self._work
        return work(self._batch)

    def cancel(self) -> None:
        """It is not needed any more."""
        if self._future is not None:
            self._future.cancel()

    def wait(self) -> None:
        """Until nobody works on it any more, whatever came of it."""
        if self._future is not None and not self._future.cancelled():
            self._future.exception()


def thread_count(workers: int | None, *, least: int = 1) -> int:
    """How many threads a verb uses that was told ``workers``: by default one for each processor, from 2 to 16.

    Raises ``InvalidOption`` for fewer than ``least``.
    """
    if workers is None:
        return min(max(2, os.cpu_count() or 2), 16)
    if workers < least:
        raise InvalidOption(f"workers is {workers}, and has to be at least {least}", option="workers")
    return workers


def worker_count(executor: Submits) -> int:
    """How many batches an executor works on at a time, as far as it says so."""
    found = getattr(executor, "_max_workers", None)  # of both of the standard library; there is no public name
    return found if isinstance(found, int) else os.cpu_count() or 1


def in_order(
    executor: Submits,
    work: Callable[[_B], _R],
    batches: Iterable[_B],
    *,
    stop: Callable[[], object] | None = None,
) -> Generator[_R]:
    """What ``work`` gives for each batch, in their order, twice as many handed out as there are workers.

    ``stop``: makes those who are at work stop when this ends before they did; it then waits for them.
    """
    most = 2 * worker_count(executor)
    rest = iter(batches)
    waiting: deque[Handed[_R]] = deque()
    try:
        while True:
            while len(waiting) < most and (batch := next(rest, None)) is not None:
                waiting.append(Handed(executor, work, batch))
            if not waiting:
                return
            yield waiting.popleft().result()
    finally:
        for handed in waiting:
            handed.cancel()
        if waiting and stop is not None:
            stop()
            for handed in waiting:
                handed.wait()
