"""What is worked out when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["once"]

V = TypeVar("V")


class once(Generic[V]):
    """A property whose value is kept with its object.

    It takes no lock.  ``functools.cached_property`` has one for all objects of a class before Python 3.12: threads that
    look at files of their own would wait for whoever reads the beginning of his from a slow disk.  Threads that ask the
    same object at one moment may both work the value out, so it has to be alike each time.
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
        # This has no __set__, so what stands under its name in the object is found first from now on.
        found = instance.__dict__[self._name] = self._find(instance)
        return found
