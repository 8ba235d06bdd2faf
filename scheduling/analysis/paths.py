"""The critical path: what the time of a run went by with, back from the task that was over last.

That one began when there was room for it, was ready when the last of those that it takes something from was over, and
so on, to the beginning of the run.  So all of the time that has gone by is told of once: tasks that ran, what they
waited for, and what the engine did in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .measured import Attempt, Measured, Task

__all__ = ["ENGINE", "INSPECTING", "RUNNING", "WAITING", "Stretch", "critical_path"]

RUNNING, INSPECTING, WAITING, ENGINE = "running", "inspecting", "waiting", "engine"


@dataclass(frozen=True)
class Stretch:
    """A part of the time.  ``what``: ``running``, ``inspecting`` what was made, ``waiting`` for ``lacking``, or
    ``engine``: looking, keeping and beginning.  ``began``: seconds since the run began.
    """

    task: Task
    what: str
    began: float
    seconds: float
    lacking: str | None = None


def critical_path(run: Measured) -> list[Stretch]:
    """All of the time, in its order; nothing of a run without tasks."""
    if not run.tasks:
        return []
    task: Task | None = max(run.tasks.values(), key=lambda each: each.ended)
    found: list[Stretch] = []
    assert task is not None
    until = task.ended
    seen = set[str]()
    while task is not None:
        seen.add(task.name)
        for stretch in _of_task(task, until):
            until = stretch.began
            found.append(stretch)
        before = [run.tasks[name] for name in task.takes if name in run.tasks and name not in seen]
        last = max(before, key=lambda each: each.ended, default=None)
        # Between the two is what it takes to see that one is over and the next is ready.
        gap = until - max(0.0, min(until, last.ended if last is not None else 0.0))
        if gap > 0:
            found.append(Stretch(task, ENGINE, until - gap, gap))
            until -= gap
        task = last
    return [each for each in reversed(found) if each.seconds > 0]


def _of_task(task: Task, until: float) -> Iterator[Stretch]:
    """From its end back to when it was ready."""
    for attempt in reversed(task.attempts):
        for what, at in _marks(attempt):
            if at < until:
                yield Stretch(task, what, at, until - at)
                until = at
        for lacking, seconds in _waits(attempt, until - attempt.ready):
            yield Stretch(task, WAITING, until - seconds, seconds, lacking)
            until -= seconds
        pause = min(attempt.waited.get("pause", 0.0), until)
        if pause > 0:
            yield Stretch(task, WAITING, until - pause, pause, "pause")
            until -= pause
    if task.ready < until and not task.attempts:
        yield Stretch(task, ENGINE, task.ready, until - task.ready)


def _marks(attempt: Attempt) -> Iterator[tuple[str, float]]:
    """Where each part of an attempt begins, from its end."""
    yield ENGINE, attempt.settled
    yield ENGINE, min(attempt.settled, attempt.ended + attempt.inspecting)
    yield INSPECTING, attempt.ended
    yield RUNNING, attempt.began
    yield ENGINE, attempt.submitted


def _waits(attempt: Attempt, seconds: float) -> Iterator[tuple[str, float]]:
    """What it waited for, together so many seconds."""
    reasons = {name: each for name, each in attempt.waited.items() if name != "pause" and each > 0}
    told = sum(reasons.values())
    if seconds > 0 and not told:
        yield "turn", seconds
    elif seconds > 0:
        yield from ((name, seconds * each / told) for name, each in reasons.items())
