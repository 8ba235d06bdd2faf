"""What was worked out, kept: values used last, up to a limit, and properties that are worked out once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["Recent", "once"]

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


class once(Generic[V]):
    """A property that is worked out when it is first asked for.

    As ``functools.cached_property``, whose lock before Python 3.12 is one for all objects of a class: those that read
    a storage would wait for one another.  Threads that ask at one moment may both work it out.
    """

    def __init__(self, find: Callable[[Any], V]) -> None:
        self._find, self._name = find, ""
        self.__doc__ = find.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> once[V]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> V: ...

    def __get__(self, instance: object | None, owner: type) -> once[V] | V:
        if instance is None:
            return self
        found = instance.__dict__[self._name] = self._find(instance)
        return found
