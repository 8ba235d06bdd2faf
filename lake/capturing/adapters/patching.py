"""Putting a function around another one, for as long as somebody listens, so that nobody can tell.

A function of Python is not replaced: it gets another code for a while, which calls what it was.  So it stays the same
object for whoever imported it earlier under whatever name (``from pandas import read_csv``), it pickles, it is the
method of every subclass, and a class is still the class that it was.  Its signature is that of what it was::

    read_csv(path)  ──►  the code put in  ──►  around(read_csv as it was, path)  ──►  the code it had

What is no function of Python (Cython's, nanobind's) is replaced by name: where it is defined, where it is offered, and
in the modules that are given.  A class of C is replaced by a subclass of the same name, which takes the instances of
either for its own.
"""

from __future__ import annotations

import functools
import inspect
import sys
from functools import cache
from types import CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    Around = Callable[..., Any]

__all__ = ["Patch", "function_of", "patch"]

# Stands in the template where the callable is put in; no function of a library has such a constant.
_MARK = "holotype: what is called instead"
_GENERATORS = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


class Patch(Protocol):
    """Something to be put around one function, and taken away again, any number of times."""

    def do(self) -> None:
        """Put it around the function."""
        ...

    def undo(self) -> None:
        """Make the function as it was."""
        ...


def patch(owner: Any, name: str, around: Around) -> Patch | None:
    """To have ``around(original, *args, **kwargs)`` called for the function ``name`` of a module or a class.

    ``None`` where there is no such function, where it cannot be changed, or where something is around it already.
    """
    found = vars(owner).get(name)
    function = function_of(found)
    if function is not None:
        # One function by two names is met twice.
        unfit = function.__code__.co_flags & _GENERATORS or function.__code__.co_filename == __file__
        return None if unfit else _Exchange(function, around)
    if not callable(found) or isinstance(found, _StandIn):
        return None
    made = _stand_in(found, around) if isinstance(found, type) else _wrapper(found, around)
    return _Replacement(owner, name, found, made)


def function_of(found: object) -> FunctionType | None:
    """The function of Python behind a function, a method of one, or a dispatcher of numpy; ``None`` for others."""
    if isinstance(found, (staticmethod, classmethod)):
        found = found.__func__
    if isinstance(found, MethodType):
        found = found.__func__
    if not isinstance(found, FunctionType):
        found = getattr(found, "_implementation", None)
    return found if isinstance(found, FunctionType) else None


class _Exchange:
    """A function of Python with another code."""

    def __init__(self, function: FunctionType, around: Around) -> None:
        code = function.__code__
        before = FunctionType(
            code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
        )
        before.__kwdefaults__ = function.__kwdefaults__
        # From Python 3.14 on annotations are made when they are asked for, and making these here could fail.
        lazy = "__annotate__" if hasattr(function, "__annotate__") else "__annotations__"
        for name in (lazy, "__doc__", "__module__", "__qualname__"):
            setattr(before, name, getattr(function, name))
        template = _template(len(code.co_freevars))
        call = functools.partial(around, before)
        constants = tuple(call if each == _MARK else each for each in template.co_consts)
        self._function = function
        self._before = code
        self._code = template.replace(co_consts=constants, co_name=code.co_name, co_qualname=code.co_qualname)
        # Where signatures and sources are looked for, without making any here: that would take longer than all else.
        signed = "__signature__" in vars(function) or "__wrapped__" in vars(function)
        self._wrapped = None if signed else before

    def do(self) -> None:
        if self._function.__code__ is self._before:
            self._function.__code__ = self._code
            if self._wrapped is not None:
                vars(self._function)["__wrapped__"] = self._wrapped

    def undo(self) -> None:
        # What somebody else has put there since is theirs.
        if self._function.__code__ is self._code:
            self._function.__code__ = self._before
            if self._wrapped is not None:
                vars(self._function).pop("__wrapped__", None)


@cache
def _template(free: int) -> CodeType:
    """The code of a function that calls ``_MARK``, with so many variables from outside, which it has no use for.

    A function keeps its closure when its code is exchanged, so both codes must want the same number of variables.
    """
    names = [f"free{number}" for number in range(free)]
    unused = f"        ({', '.join(names)},)\n" if names else ""
    text = (
        f"def make({', '.join(names)}):\n"
        "    def called(*args, **kwargs):\n"
        f"        call = {_MARK!r}\n"
        "        return call(*args, **kwargs)\n"
        f"{unused}"
        "    return called\n"
    )
    module: dict[str, Any] = {}
    exec(compile(text, __file__, "exec"), module)
    function = module["make"](*names)
    assert isinstance(function, FunctionType)
    return function.__code__


def _wrapper(found: Callable[..., Any], around: Around) -> Callable[..., Any]:
    @functools.wraps(found)
    def called(*args: Any, **kwargs: Any) -> Any:
        return around(found, *args, **kwargs)

    return called


class _StandIn(type):
    """The class of stand-ins: they take the instances and subclasses of the class they stand for as their own."""

    stands_for: type

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.stands_for)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.stands_for)


def _stand_in(kind: type, around: Around) -> type:
    """A class in whose place ``around`` makes instances of the one that it stands for."""

    def make(cls: type, /, *args: Any, **kwargs: Any) -> Any:
        # Whoever derives a class meanwhile gets instances of that.
        return around(kind, *args, **kwargs) if cls is made else kind.__new__(cls, *args, **kwargs)

    named = {name: getattr(kind, name) for name in ("__doc__", "__module__", "__qualname__")}
    parts = {**named, "__new__": make, "stands_for": kind}
    try:
        made = _StandIn(kind.__name__, (kind,), parts)
    except TypeError:  # it takes no subclasses
        made = _StandIn(kind.__name__, (), parts)
    return made


class _Replacement:
    """Another object where one was, by all the names that it has in its library and in the main script."""

    def __init__(self, owner: Any, name: str, old: Any, new: Any) -> None:
        self._old, self._new = old, new
        home = str(getattr(old, "__module__", None) or "").partition(".")[0]
        modules = [sys.modules[each] for each in list(sys.modules) if each.partition(".")[0] == home]
        self._places = [(owner, name), *(place for module in modules for place in _names(module, old))]
        self._done: list[tuple[Any, str]] = []

    def do(self) -> None:
        for place, name in {*self._places, *_names(sys.modules.get("__main__"), self._old)}:
            if vars(place).get(name) is self._old:
                setattr(place, name, self._new)
                self._done.append((place, name))

    def undo(self) -> None:
        # The main script may have taken what was offered by another name since.
        for place, name in {*self._done, *_names(sys.modules.get("__main__"), self._new)}:
            if vars(place).get(name) is self._new:
                setattr(place, name, self._old)
        self._done.clear()


def _names(module: Any, value: object) -> list[tuple[Any, str]]:
    """The names by which a module has an object."""
    return [(module, name) for name, each in list(getattr(module, "__dict__", {}).items()) if each is value]
