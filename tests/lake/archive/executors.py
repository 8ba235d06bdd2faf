"""Executors of every kind, and workers that die."""

from __future__ import annotations

import os
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import pytest

from holotype.lake.executing import Inline

if TYPE_CHECKING:
    from collections.abc import Callable


def processes(count: int = 2) -> ProcessPoolExecutor:
    """Workers that share nothing with this process."""
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"))


EVERY_KIND = pytest.mark.parametrize(
    "make", [Inline, ThreadPoolExecutor, processes], ids=["inline", "threads", "processes"]
)


class Mortal(Inline):
    """Its first workers die over what they are given, having done it."""

    def __init__(self, deaths: int, error: type[Exception]) -> None:
        self.deaths, self.error = deaths, error

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = super().submit(fn, *args, **kwargs)
        if self.deaths:
            self.deaths -= 1
            future = Future()
            future.set_exception(self.error("the worker is gone"))
        return future


class KilledWorker(Exception):
    """What Dask calls it."""


def list_a_ghost(monkeypatch: pytest.MonkeyPatch, *, beside: str) -> None:
    """Have folders with such a file list one that is not there."""
    real = os.listdir

    def listing(where: Any = ".") -> list[str]:
        names = real(where)
        return [*names, "ghost"] if beside in names else names

    monkeypatch.setattr(os, "listdir", listing)


def kill(executor: ProcessPoolExecutor) -> None:
    """Kill every worker of an executor, as a machine does that runs out of memory."""
    executor.submit(int).result()  # until then there are none
    for process in list(executor._processes.values()):  # there is no public way to their numbers
        process.kill()
