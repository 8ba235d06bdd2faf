"""Finding something out beside the work that is recorded, which need not wait for it."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

from .scopes import unheard

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["aside"]

_T = TypeVar("_T")


def aside(find: Callable[[], _T]) -> Future[_T]:
    """What ``find`` returns or raises, in a thread that no block hears, and that no process waits for to end."""
    found: Future[_T] = Future()

    def work() -> None:
        try:
            with unheard():
                value = find()
        except BaseException as error:  # noqa: BLE001 - whoever asks for the result is told
            found.set_exception(error)
        else:
            found.set_result(value)

    threading.Thread(target=work, name="holotype-aside", daemon=True).start()
    return found
