"""Adopting: on Linux a process can have whatever its children leave behind become its own children.

Then it knows all that a job has started, however often that has forked and left its session: it is what is below it.
See prctl(2), PR_SET_CHILD_SUBREAPER.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["adopt", "can_adopt"]

_SET_CHILD_SUBREAPER = 36


def adopt() -> bool:
    """Have orphans below this process become its children; whether that can be.  Its own children do not inherit it."""
    call = _prctl()
    return call is not None and call(_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def can_adopt() -> bool:
    """Whether there is a way to; asked before a process forks, its children need not find it each."""
    return _prctl() is not None


@cache
def _prctl() -> Callable[..., int] | None:
    if sys.platform != "linux":
        return None
    try:
        import ctypes

        found: Callable[..., int] = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):  # a Python or a system without
        return None
    return found
