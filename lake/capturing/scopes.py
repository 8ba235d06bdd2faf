"""Which block hears what happens in a thread or a task.

A block hears its own thread or task, and what is started from there: threads, tasks, and work handed to a
``ThreadPoolExecutor`` or an event loop, whoever made those.  A block within a block hears for itself; the outer one
does not hear the same again, so that no file has two makers::

    with listening() as outer:
        prepare()                     # outer
        with listening() as inner:
            plot()                    # inner, which is in outer.within

What no block has claimed, such as a thread that was there before, is heard by the one block that is open and takes
``all_threads``.  Where several could be meant, it is heard by none of them, and each has a note of it.

How it is known: a context variable leads to the block, and tasks, callbacks and ``asyncio.to_thread`` carry it along by
themselves.  A new thread has no context before Python 3.14; its ``Thread`` remembers where it was started.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from .recorder import Recorder

__all__ = [
    "Scope",
    "busy",
    "carried",
    "current",
    "enter",
    "leave",
    "innermost",
    "open_scopes",
    "overheard",
    "started",
    "unheard",
]

_UNCLAIMED = "a thread that was started before any of the blocks used files, and which block it works for is not known"
# Where a thread keeps the block it was started in.
_ATTRIBUTE = "_holotype_scope"


class Scope:
    """One block, as threads and tasks lead to it; without a recorder, a stretch in which nothing is heard."""

    def __init__(self, recorder: Recorder | None, *, parent: Scope | None, all_threads: bool) -> None:
        self.recorder = recorder
        self.parent = parent
        self.all_threads = all_threads
        self.closed = False

    def within(self, other: Scope) -> bool:
        """Whether this is ``other``, or in it."""
        scope: Scope | None = self
        while scope is not None and scope is not other:
            scope = scope.parent
        return scope is not None


_scope: ContextVar[Scope | None] = ContextVar("holotype.listening", default=None)
_open: list[Scope] = []
_of_thread = threading.local()


class _Busy(threading.local):
    on = False


# On in a thread while an event is dealt with, so that what that opens itself is heard by nobody.
busy = _Busy()


def open_scopes() -> list[Scope]:
    """The blocks that are open now, in this process; the same list each time, to be looked at only."""
    return _open


def enter(scope: Scope) -> object:
    """Open a block where the caller is; what it gives is for ``leave``."""
    _open.append(scope)
    return _scope.set(scope)


def leave(scope: Scope, token: Any) -> None:
    """Close a block, perhaps in another task than the one that opened it: a closed one is passed over there."""
    scope.closed = True
    _open.remove(scope)
    try:
        _scope.reset(token)
    except ValueError:  # the token is another context's
        if _scope.get() is scope:
            _scope.set(scope.parent)


def innermost() -> Scope | None:
    """The open block that the caller is in, by its context or its thread."""
    scope = _scope.get()
    if scope is None:
        scope = _by_thread()
    while scope is not None and scope.closed:
        scope = scope.parent
    return scope


def current() -> Recorder | None:
    """What records for the caller, or ``None`` where nothing is to be heard."""
    scope = innermost()
    if scope is not None:
        return scope.recorder
    takers = _takers()
    return takers[0].recorder if len(takers) == 1 else None


def overheard(path: str) -> None:
    """A file was used that nothing recorded: where several blocks could be meant, each has a note of it."""
    for scope in _takers() if innermost() is None else ():
        if scope.recorder is not None and not scope.recorder.places.left_out(path):
            scope.recorder.note(_UNCLAIMED)


def _takers() -> list[Scope]:
    """The blocks that take what nobody claims; of blocks within each other the innermost is meant."""
    takers = [scope for scope in list(_open) if scope.all_threads]
    return [one for one in takers if not any(other is not one and other.within(one) for other in takers)]


def started(thread: threading.Thread) -> None:
    """A thread is about to be started."""
    scope = innermost()
    if scope is not None:
        vars(thread)[_ATTRIBUTE] = scope


def carried(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is heard by the caller's block, in whichever thread it is called."""
    scope = innermost()
    return function if scope is None else _Carried(scope, function)


class _Carried:
    """See ``carried``."""

    def __init__(self, scope: Scope, function: Callable[..., Any]) -> None:
        self._scope = scope
        self.__wrapped__ = function

    def __call__(self, /, *args: Any, **options: Any) -> Any:
        token = _scope.set(self._scope)
        try:
            return self.__wrapped__(*args, **options)
        finally:
            _scope.reset(token)


@contextmanager
def unheard() -> Generator[None]:
    """What happens in here, in this thread or task and those started from it, is heard by no block.

    For reading and writing that is nobody's data: an archive's own objects, say.
    """
    scope = Scope(None, parent=innermost(), all_threads=False)
    token = _scope.set(scope)
    try:
        yield
    finally:
        # It is never closed: threads that were started in it stay unheard.  A token may be another context's.
        with suppress(ValueError):
            _scope.reset(token)


def _by_thread() -> Scope | None:
    """The block that the caller's thread was started in."""
    found: Scope | None = getattr(_of_thread, "scope", None)
    if found is None and not getattr(_of_thread, "asked", False):
        own = threading.get_ident()
        for thread in threading.enumerate():  # not current_thread(), which makes one where there is none
            if thread.ident == own:
                found = vars(thread).get(_ATTRIBUTE)
                _of_thread.asked = True
        _of_thread.scope = found
    return found
