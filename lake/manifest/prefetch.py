"""Results before they are asked for."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from holotype.catalog import ObjectStore

__all__ = ["ahead"]

# Hides a remote store's latency, and holds a few MB: what is fetched are ranges.
_DEPTH = 4
_THREADS = 2

_T = TypeVar("_T")


def ahead(store: ObjectStore, tasks: Iterable[Callable[[], _T]], *, depth: int = _DEPTH) -> Iterator[_T]:
    """The results in order of tasks that read from ``store``, up to ``depth`` of them worked out in threads before they
    are asked for.

    An error comes out where the result would have.  A single task is done without a thread, and so are all where the
    store does not wait.
    """
    rest = iter(tasks)
    if not store.waits:
        yield from (task() for task in rest)
        return
    first = list(islice(rest, 2))
    if len(first) == 1:
        yield first[0]()
    if len(first) < 2:
        return
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="holotype-ahead")
    waiting: deque[Future[_T]] = deque(pool.submit(task) for task in first)
    try:
        while waiting:
            while len(waiting) < depth and (task := next(rest, None)) is not None:
                waiting.append(pool.submit(task))
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
