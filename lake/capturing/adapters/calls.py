"""What is done around a call of a function of the table: the block hears of it, and by whose hand what follows is.

An adapter that fails leaves a note and the call goes on; what the call gives or raises is never touched.
"""

from __future__ import annotations

import inspect
import os
import random
import sys
import threading
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..files import FRESH, READ, WRITE
from ..remote import cleaned, scheme_of
from ..scopes import busy, carried, current, started
from .arguments import argument, places_of
from .table import Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FunctionType

    from ..recorder import Recorder
    from .table import Seed, Use

__all__ = ["Named", "around_process", "around_seed", "around_start", "around_submit", "around_use", "by", "does_of"]

_HERE = os.path.dirname(__file__)
_RANDOM = random.__file__
_LONGEST = 200  # characters of a seed's value: more are no seed but the state of a generator


class _Hand:
    """The outermost function of the table that is at work, and whether its own arguments led elsewhere."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.elsewhere = False


_hand: ContextVar[_Hand | None] = ContextVar("holotype.by", default=None)


def by(otherwise: str) -> str:
    """The name of the function of the table that is at work here, or ``otherwise``."""
    hand = _hand.get()
    return otherwise if hand is None else hand.name


class Named:
    """One function with the lines of the table that speak of it."""

    def __init__(self, uses: Sequence[Use], attribute: str, function: FunctionType | None, *, method: bool) -> None:
        self.uses = tuple(uses)
        self._method = method
        self._library = uses[0].library
        self._attribute = attribute
        self._function = function

    @cached_property
    def names(self) -> tuple[tuple[str, ...], ...]:
        """The names of the argument that each line means."""
        return tuple((_named(self._function, use), *use.also.split()) for use in self.uses)

    def name(self, args: tuple[Any, ...]) -> str:
        """What people call the function; a method by the class, of the same library, that it is called on."""
        parts = [part for part in self._attribute.split(".") if part not in ("__init__", "__new__")]
        if self._method and args:
            kind = args[0] if isinstance(args[0], type) else type(args[0])
            root = self._library.partition(".")[0]
            parts[0] = next((each.__name__ for each in kind.__mro__ if _root(each) == root), parts[0])
        parts[-1] = parts[-1].removesuffix("_v2").removesuffix("V2")
        return ".".join((self._library, *parts))


def _root(kind: type) -> str:
    return str(kind.__module__).partition(".")[0]


def _named(function: FunctionType | None, use: Use) -> str:
    """The name of the argument that the path is, which differs from version to version."""
    if function is None:
        return ""
    code = getattr(inspect.unwrap(function), "__code__", None)
    count = 0 if code is None else code.co_argcount + code.co_kwonlyargcount
    return code.co_varnames[use.place] if code is not None and use.place < count else ""


def around_use(named: Named) -> Callable[..., Any]:
    """What is called in place of a function of the table."""

    def around(original: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        recorder = current()
        if recorder is None or busy.on:
            return original(*args, **kwargs)
        token = None
        busy.on = True
        try:
            hand = _hand.get()
            if hand is None:
                hand = _Hand(named.name(args))
                token = _hand.set(hand)
            for use, names in zip(named.uses, named.names, strict=True):
                _report(recorder, use, names, args, kwargs, hand, outermost=token is not None)
        except Exception as error:  # noqa: BLE001 - the call is the user's, and goes on; the block has a note of it
            recorder.note(f"{named.uses[0].library}: what a call uses was not understood ({type(error).__name__})")
        finally:
            busy.on = False
        try:
            return original(*args, **kwargs)
        finally:
            if token is not None:
                _hand.reset(token)

    return around


def _report(
    recorder: Recorder,
    use: Use,
    names: tuple[str, ...],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    hand: _Hand,
    *,
    outermost: bool,
) -> None:
    if use.note is not None:
        recorder.note(use.note)
    if isinstance(use.does, Mode):
        mode = argument(args, kwargs, use.does.place, (use.does.name,))
        does = does_of(mode if isinstance(mode, str) else use.does.default)
    else:
        does = use.does
    if not does:
        return
    filesystem = args[0] if use.on_self and args else kwargs.get("filesystem") or kwargs.get("fs")
    if isinstance(filesystem, str):  # Arrow takes the URL of one
        filesystem = None
    given = argument(args, kwargs, use.place, names)
    for place in places_of(given, filesystem=filesystem, take_bytes=use.take_bytes):
        if scheme_of(place):
            # What a library opens on the way to what it was asked for is the same, under another name.
            url = cleaned(place)
            if not (use.on_self and recorder.knows(url, does)) and (outermost or not hand.elsewhere):
                recorder.elsewhere(url, does, hand.name)
            hand.elsewhere = hand.elsewhere or outermost
        elif not use.elsewhere:
            recorder.use_whole(place, does, hand.name, prefix=use.prefix)


def does_of(mode: str) -> int:
    """What a mode, as ``open`` and ``h5py.File`` take it, does with a file."""
    if mode[:1] in ("w", "x"):
        return WRITE | FRESH
    return READ if mode.startswith("r") and "+" not in mode else READ | WRITE


def around_seed(seed: Seed) -> Callable[..., Any]:
    """What is called in place of a function that sets a seed."""

    def around(original: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        recorder = current()
        if recorder is not None and not busy.on:
            busy.on = True
            try:
                given = args[seed.place :] or tuple(kwargs.values())
                _report_seed(recorder, seed, args, given[0] if given else None)
            except Exception as error:  # noqa: BLE001 - as above
                recorder.note(f"{seed.name}: the seed was not understood ({type(error).__name__})")
            finally:
                busy.on = False
        return original(*args, **kwargs)

    return around


def _report_seed(recorder: Recorder, seed: Seed, args: tuple[Any, ...], value: Any) -> None:
    name, makes = seed.name, seed.makes
    if name == "random.Random.seed":
        # The functions of the module are methods of one generator.
        makes = args[0] is not getattr(sys.modules["random"].seed, "__self__", None)
        name = "random.Random" if makes else "random.seed"
    if makes and _called_by_library(recorder):
        return
    text = repr(value)
    if " at 0x" in text:  # another generator, say, of which the address means nothing
        text = f"<{type(value).__qualname__}>"
    recorder.seed(name, text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


def _called_by_library(recorder: Recorder) -> bool:
    """Whether the function around which this is was called by what is installed."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(_HERE):
        frame = frame.f_back
    # Of the generator's own making, when seeding it is a part of that.
    while frame is not None and frame.f_code.co_filename == _RANDOM:
        frame = frame.f_back
    file = "" if frame is None else frame.f_code.co_filename
    return file.startswith("<frozen") or recorder.places.left_out(file)


def around_submit(original: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """In place of what hands work to a pool of threads: it is heard by whoever handed it over."""
    processes = (
        bool(args) and type(args[0]).__module__ == "multiprocessing.pool" and type(args[0]).__name__ != "ThreadPool"
    )
    if len(args) < 2 or processes or not callable(args[1]):
        return original(*args, **kwargs)
    return original(args[0], carried(args[1]), *args[2:], **kwargs)


def around_start(original: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """In place of what starts a thread, which belongs to the block it is started in."""
    if args and isinstance(args[0], threading.Thread):
        started(args[0])
    return original(*args, **kwargs)


def around_process(original: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """In place of what starts a process of ``multiprocessing``: one that was not forked is not heard."""
    recorder = current()
    before = 0 if recorder is None else recorder.forks
    try:
        return original(*args, **kwargs)
    finally:
        if recorder is not None and recorder.forks == before:
            recorder.note("what processes that multiprocessing spawned read and wrote is not heard")
