"""A scheduler that dies at any of its steps: between any two things that it does to the world."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from holotype.scheduling import LocalPlace
from holotype.scheduling.running import attempts, hand
from holotype.scheduling.running.cache import Cache
from holotype.scheduling.running.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Died", "Steps", "steps"]


class Died(BaseException):
    """The process is gone: nothing of it may go on."""


class Steps:
    """Counts what is done to the world; before step ``dies`` (from 1), or half-way through it, the process dies.

    ``said``: what each step was.  ``dead``: whether it has.
    """

    def __init__(self, dies: int | None, *, half: bool) -> None:
        self._dies, self._half = dies, half
        self.said: list[str] = []

    def dead(self) -> bool:
        """Whether it has died."""
        return self._dies is not None and len(self.said) >= self._dies

    def step(self, what: str, do: Any, half: Any) -> Any:
        """Do one, or die."""
        if self.dead():
            raise Died
        self.said.append(what)
        if self.dead():
            if self._half:
                half()
            raise Died
        return do()


@contextmanager
def steps(dies: int | None = None, *, half: bool = False) -> Iterator[Steps]:
    """Count, and die at one; ``half``: the step is done, or a part of it, and nobody hears of it."""
    counted = Steps(dies, half=half)
    write, submit, rename, tidy, remember = Journal.write, LocalPlace.submit, Path.rename, attempts.tidy, Cache.remember

    def half_written(journal: Journal, events: Any) -> None:
        # The last line is cut off where the power went.
        write(journal, events)
        file: Any = journal._file  # pyright: ignore[reportPrivateUsage]
        file.truncate(max(0, file.seek(0, 2) - 7))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Journal,
            "write",
            lambda journal, events, lasting=True: counted.step(
                f"write {[event['what'] for event in events]}",
                lambda: write(journal, events, lasting=lasting),
                lambda: half_written(journal, events),
            ),
        )
        patch.setattr(
            LocalPlace,
            "submit",
            lambda place, *jobs: (
                counted.step("submit", lambda: submit(place, *jobs), lambda: submit(place, *jobs[:1])) if jobs else None
            ),
        )
        patch.setattr(
            Path,
            "rename",
            lambda path, to: counted.step("rename", lambda: rename(path, to), lambda: rename(path, to)),
        )
        patch.setattr(
            hand,
            "tidy",
            lambda work, keep: counted.step("tidy", lambda: tidy(work, keep), lambda: tidy(work, keep)),
        )
        patch.setattr(
            Cache,
            "remember",
            lambda cache, *given: counted.step(
                "remember", lambda: remember(cache, *given), lambda: remember(cache, *given)
            ),
        )
        yield counted
