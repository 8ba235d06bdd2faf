"""How a run stands, told from its progress: every task and every sample in one state, and the whole of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .progress import INCOMPLETE, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .progress import Progress, TaskState, UnitState

__all__ = ["Outcome", "Standing", "idle", "outcome_of", "sample_standing", "task_standing"]

_OPEN = (State.READY, State.BEGUN, State.OVER)
_ODD = (State.HELD, State.SKIPPED, State.STOPPED)


@dataclass(frozen=True)
class Outcome:
    """How a run stands.  ``state``: ``running``, ``held`` when nothing goes on until a person has decided, or how it
    ended: ``done``, ``degraded``, ``failed``, ``stopped`` or ``cancelled``.  ``samples``: how many are of each state.
    """

    state: str
    samples: dict[str, int]
    tasks: dict[str, int]
    why: str = ""


@dataclass(frozen=True)
class Standing:
    """The one state that a sample is in: ``done``, ``degraded``, ``stopped``, ``held``, ``cancelled``, ``unfinished``
    or ``running``; what its results are marked with, and ``why`` it is so.
    """

    state: str
    grades: tuple[str, ...]
    why: str


def idle(progress: Progress) -> bool:
    """Whether there is nothing to do unless a person decides something."""
    return progress.over or not (progress.running or progress.any(*_OPEN))


def outcome_of(progress: Progress, samples: Mapping[str, int]) -> Outcome:
    """How a run stands; ``samples``: how many are of each state."""
    counts, tasks = dict(samples), progress.counts()
    if not progress.over:
        return Outcome("held" if idle(progress) else "running", counts, tasks)
    if progress.ending is not None:
        return Outcome("cancelled" if progress.cancelled else "stopped", counts, tasks, progress.ending)
    whole = any(state.task.unit.sample is None for state in progress.each(State.STOPPED))
    if whole or (counts and set(counts) == {"stopped"}):
        return Outcome("failed", counts, tasks)
    marked = any(made.grades or made.lacking for made in progress.made.values())
    return Outcome("degraded" if marked or "stopped" in counts else "done", counts, tasks)


def sample_standing(progress: Progress, sample: str) -> Standing:
    """How a sample stands, by its name."""
    if sample in progress.stopped:
        return Standing("stopped", (INCOMPLETE,), progress.stopped[sample])
    own = progress.own.get(sample, ())
    made = [state.made for state in own if state.made is not None]
    grades = tuple(sorted(set[str]().union(*(each.grades for each in made))))
    if len(made) == len(own):
        lacking = grades or any(each.lacking for each in made)
        return Standing("degraded" if lacking else "done", grades, "; ".join(_wrong(progress, own)))
    if progress.ending is not None:
        return Standing("cancelled" if progress.cancelled else "unfinished", grades, progress.ending)
    if progress.any(State.HELD):
        tasks = [progress.tasks[name] for state in own for name in state.tasks]
        held = [task for task in tasks if task.state is State.HELD]
        if held and not any(task.state in _OPEN for task in tasks):
            return Standing("held", grades, f"{held[0].task.name}: {held[0].reason}")
    return Standing("running", grades, "")


def _wrong(progress: Progress, units: Iterable[UnitState]) -> Iterator[str]:
    """Why steps could not become tasks at all, but for those that only lack what others have not made."""
    for state in units:
        wrong = state.expanded is not None and state.expanded.wrong
        if wrong and not any(progress.made[name].lacking for name in state.unit.needs):
            yield f"{state.unit.name}: {state.why}"


def task_standing(state: TaskState) -> dict[str, Any]:
    """How a task stands, by the names of the columns of ``Run.tasks``."""
    unit = state.task.unit
    return {
        "task": state.task.name,
        "node": unit.node.name,
        "sample": unit.sample.name if unit.sample is not None else None,
        "element": state.task.element,
        "state": state.state.value,
        "attempts": state.attempts,
        "grades": sorted(state.grades),
        "why": state.reason if state.state in _ODD else "",
    }
