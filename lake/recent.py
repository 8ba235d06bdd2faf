"""What was used last, up to a limit: the one small cache that the reading side uses."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["Recent"]

K = TypeVar("K", bound="Hashable")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Values by key, the last used ones whose weights together stay within ``limit``; safe to share between threads.

    ``weigh``: what a value counts, by default 1.  A value heavier than the limit is not kept at all.
    """

    def __init__(self, limit: int, *, weigh: Callable[[V], int] = lambda value: 1) -> None:
        self._limit, self._weigh = limit, weigh
        self._values: OrderedDict[K, V] = OrderedDict()
        self._weight = 0
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """The value, if it is kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: K, value: V) -> V:
        """Keep a value; returns the one that is kept: what another thread put first stays."""
        weight = self._weigh(value)
        with self._lock:
            if key not in self._values:
                if weight > self._limit:
                    return value
                self._values[key] = value
                self._weight += weight
            kept = self._values[key]
            self._values.move_to_end(key)
            while self._weight > self._limit:
                self._weight -= self._weigh(self._values.popitem(last=False)[1])
            return kept

    def items(self) -> list[tuple[K, V]]:
        """What is kept, the last used at the end."""
        with self._lock:
            return list(self._values.items())
