"""Surroundings for activities that are small, and the same wherever tests run: nothing is looked for meanwhile."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import pytest

from holotype.lake.capturing.environment import Environment, Interpreter
from holotype.lake.capturing.machine import Processor, System
from holotype.lake.capturing.packages import Package

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["plain_surroundings"]

_T = TypeVar("_T")

_HERE = Environment(
    interpreter=Interpreter("CPython", "3.12.1", "main", "GCC", "python"),
    system=System("Linux", "6.1", "Debian 12", "glibc 2.36"),
    processor=Processor("x86_64", "a processor", 2, None),
    blas=(),
    packages=(Package("numpy", "2.2.0", "5a" * 32), Package("polars", "1.9.0")),
    conda=(),
    locale="C.UTF-8",
    timezone="UTC",
    variables=(("OMP_NUM_THREADS", "2"),),
    container=None,
)


def _at_once(find: Callable[[], _T]) -> Future[_T]:
    found: Future[_T] = Future()
    found.set_result(find())
    return found


@contextmanager
def plain_surroundings() -> Iterator[None]:
    """Activities are of no script, in no repository, and in one small environment; no thread looks for any of that."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("holotype.lake.activity", "holotype.lake.run"):
            patch.setattr(f"{module}.environment", lambda *given, **named: _HERE)
            patch.setattr(f"{module}.git_state", lambda folder: None)
            patch.setattr(f"{module}.aside", _at_once)
        patch.setattr("holotype.lake.activity.main_script", lambda: None)
        patch.setattr("holotype.lake.activity.arguments", lambda: ())
        yield
