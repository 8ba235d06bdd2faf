"""A run's journal, folded into the rows of its tables.

The states are those of ``Progress``, by which the scheduler itself goes; what the tables have beside them, times and
files and attempts, is gathered here.  The same events make the same rows, whether they are folded while the run goes
on, in pieces, or afterwards.  Nothing is locked and nothing is written: whoever has the run in hand is not disturbed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from holotype.catalog import ObjectDamaged

from ..declaring.policies import Failure
from ..running.journal import read_events
from ..running.progress import Progress
from ..running.standing import outcome_of, sample_standing, task_standing
from .attempts import attempt_columns, begun, refused
from .ordered import read_units
from .rows import columns_of, said, table_of
from .tables import ATTEMPTS, DECISIONS, RUN_EVENTS, RUN_SAMPLES, RUN_TABLES, RUNS, TASK_FILES, TASK_METRICS, TASKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from ..running.journal import Event
    from ..running.progress import TaskState
    from ..tasks.units import Units
    from ..workflow import Workflow
    from .attempts import Attempt

__all__ = ["Changes", "Fold", "run_tables"]

_Row = tuple[Any, ...]


def run_tables(folder: Path, *, workflow: Workflow | None = None) -> dict[str, pa.Table]:
    """All tables of the run in ``folder``, by their names, as they stand: also of one that goes on, or was left.

    ``workflow``: it itself, where no document can hold it.  Raises ``InvalidOption`` where there is no run,
    ``WorkflowInvalid`` where its workflow is needed and not given, or another one, and ``ObjectDamaged`` where its
    order or journal is not as it was written.
    """
    fold = Fold(folder, read_units(folder, workflow=workflow))
    if (folder / "journal").exists():
        for event in read_events(folder / "journal"):
            fold.apply(event)
    found = fold.take().rows
    return {table.name: table.enforce(found[table.name]) for table in RUN_TABLES}


@dataclass(frozen=True)
class Changes:
    """``rows``: by the names of tables, those that are new, or other than they were.  ``files``: the tasks and
    directions whose rows in ``task_files`` are these, and no others any more.
    """

    rows: dict[str, pa.Table]
    files: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Course:
    """What is known of a task beside its state; times are seconds since 1970."""

    ready: float | None = None
    began: float | None = None
    ended: float | None = None
    reused: tuple[str | None, str | None] = (None, None)
    bad: str | None = None
    attempt: Attempt | None = None  # the one that is not settled


class Fold:
    """The tables of one run, from its order and as much of its journal as was applied.

    ``take`` gives the rows that have changed since it was last called: of a run, of a sample, of a task, of an attempt
    by its job, and of the files that a task took or made, they take the place of those before.  ``events``: whether
    ``run_events`` is among the tables.
    """

    def __init__(self, folder: Path, units: Units, *, events: bool = True) -> None:
        self.run, self._folder = folder.name, folder
        self.progress = Progress(units)
        self._number = 0
        self._ended: float | None = None
        self._ordered: Event = {}
        self._courses = {name: _Course() for name in self.progress.tasks}
        self._makers: dict[str, str] = {}  # the tasks that made files, by their paths
        self._standings: dict[str, str] = {}  # the states of samples, by their names
        self._counts = Counter[str]()  # how many are in each of these
        self._with_events = events
        self._forget()
        self._samples = self._every_sample()
        self._tasks = dict.fromkeys(self.progress.tasks)

    def apply(self, event: Event, text: str | None = None) -> None:
        """Take note of the next event; ``text``: as the journal has it.

        Raises ``ObjectDamaged`` where it is about a task that there is not.
        """
        progress, name, now = self.progress, event.get("task"), event["time"]
        if name is not None and name not in progress.tasks:
            what = f"the journal of {self.run} tells of {name}, of which its order knows nothing"
            raise ObjectDamaged(what, key=str(self._folder / "journal"))
        tasks, made, ending = len(progress.tasks), len(progress.made), progress.ending
        progress.apply(event)
        if event["what"] == "ordered":
            self._ordered = event
            for course in self._courses.values():
                course.ready = now
        if name is not None:
            self._happened(progress.tasks[name], event)
        for each in _last(progress.tasks, len(progress.tasks) - tasks):
            self._courses[each] = _Course(ready=now)
            self._touch(progress.tasks[each], now)
        for unit in _last(progress.made, len(progress.made) - made):
            if (sample := progress.states[unit].unit.sample) is not None:
                self._samples[sample.name] = None
        if ending is None and progress.ending is not None:
            self._samples |= self._every_sample()
        self._ended = None if not progress.over else now if self._ended is None else self._ended
        if self._with_events:
            about = said(event) if text is None else text
            self._events.append((self.run, self._number, now, event["what"], name, about))
        self._number += 1

    def take(self) -> Changes:
        """What has changed, and from now on what changes from here."""
        rows = {
            RUN_SAMPLES.name: table_of(RUN_SAMPLES, self._sample_columns()),
            RUNS.name: table_of(RUNS, self._run_columns()),
            TASKS.name: table_of(TASKS, self._task_columns()),
            ATTEMPTS.name: table_of(ATTEMPTS, attempt_columns(self.run, [*self._attempts.values()])),
        }
        several = {
            TASK_FILES: [row for files in self._files.values() for row in files],
            TASK_METRICS: self._metrics,
            DECISIONS: self._decisions,
            RUN_EVENTS: self._events,
        }
        rows |= {table.name: table_of(table, columns_of(found, table)) for table, found in several.items()}
        files = tuple(self._files)
        self._forget()
        return Changes(rows, files)

    def _forget(self) -> None:
        self._samples, self._tasks = dict[str, None](), dict[str, None]()
        self._attempts: dict[int, Attempt] = {}
        self._files: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
        self._metrics, self._decisions, self._events = list[_Row](), list[_Row](), list[_Row]()

    def _every_sample(self) -> dict[str, None]:
        return dict.fromkeys(each.name for each in self.progress.units.order.samples)

    def _touch(self, state: TaskState, now: float) -> None:
        self._tasks[state.task.name] = None
        if state.task.unit.sample is not None:
            self._samples[state.task.unit.sample.name] = None
        course = self._courses[state.task.name]
        if course.ended is None and state.settled:
            course.ended = now

    def _happened(self, state: TaskState, event: Event) -> None:
        """Something has happened to a task."""
        course, now, name = self._courses[state.task.name], event["time"], state.task.name
        match event["what"]:
            case "begun":
                course.began, course.attempt = now, begun(state, event)
                self._attempts[id(course.attempt)] = course.attempt
                self._used(state, event["inputs"]["seen"])
            case "over":
                self._over(state, course, event)
            case "ended" if course.attempt is not None:
                course.attempt.given_up(now, "its sample was stopped" if not self.progress.cancelled else "cancelled")
                self._attempts[id(course.attempt)], course.attempt = course.attempt, None
            case "done" | "reused":
                if event["what"] == "reused":
                    course.reused = tuple(event["from"])
                    self._used(state, event["inputs"]["seen"])
                self._made(name, event)
            case "decided" | "answered":
                self._decided(state, event)
            case "bad":
                course.bad = event["why"]
            case _:
                pass
        self._touch(state, now)
        sample = state.task.unit.sample
        if event.get("do") == "stop_sample" and sample is not None:
            for unit in self.progress.own[sample.name]:
                for each in unit.tasks:
                    self._touch(self.progress.tasks[each], now)

    def _over(self, state: TaskState, course: _Course, event: Event) -> None:
        if course.attempt is None:
            attempt = refused(state, event)
        else:
            attempt, course.attempt = course.attempt, None
            attempt.over(event)
        self._attempts[id(attempt)] = attempt
        key = (self.run, state.task.name, event["attempt"])
        self._metrics += [
            (*key, each["path"], each["name"], each["of"], each["value"]) for each in event.get("metrics", ())
        ]

    def _used(self, state: TaskState, seen: Iterable[Mapping[str, Any]]) -> None:
        name = state.task.name
        ports = {path: port for port, paths in state.way.inputs.items() for path in paths}
        self._files[name, "used"] = [
            (self.run, name, "used", ports.get(each["path"]), each["path"], each["digest"], each["size"])
            for each in seen
        ]

    def _made(self, name: str, event: Event) -> None:
        made = [(port, each) for port, files in event["outputs"].items() for each in files]
        made += [(None, each) for each in event.get("beside", ())]
        for _, each in made:
            self._makers[each["path"]] = name
        self._files[name, "made"] = [
            (self.run, name, "made", port, each["path"], each["digest"], each.get("size")) for port, each in made
        ]

    def _decided(self, state: TaskState, event: Event) -> None:
        happened = (state.over or {}).get("happened")
        # Where an attempt had ended well, and there is something to decide, what it had made was gone.
        failure = None if event["what"] == "answered" else happened["failure"] if happened else Failure.MISSING.value
        self._decisions.append(
            (
                *(self.run, state.task.name, state.attempts, event["time"], failure, event["do"], event.get("rule")),
                *(event.get("who"), event.get("why", ""), event.get("until"), said(event.get("raised", {}))),
            )
        )

    def _sample_columns(self) -> dict[str, Sequence[Any]]:
        standings = {name: sample_standing(self.progress, name) for name in self._samples}
        for name, standing in standings.items():
            if (before := self._standings.get(name)) is not None:
                self._counts[before] -= 1
            self._counts[standing.state] += 1
            self._standings[name] = standing.state
        rows = [(self.run, name, each.state, each.grades, each.why) for name, each in standings.items()]
        return columns_of(rows, RUN_SAMPLES)

    def _run_columns(self) -> dict[str, Sequence[Any]]:
        progress, ordered = self.progress, self._ordered
        outcome = outcome_of(progress, +self._counts)
        workflow, operator = progress.units.order.workflow, ordered.get("by", "")
        machine = ordered.get("machine", operator.rpartition("@")[2])
        row = (
            *(self.run, workflow.name, workflow.version, outcome.state, outcome.why, operator),
            *(ordered.get("project", ""), ordered.get("time"), self._ended),
            *(len(progress.units.order.samples), len(progress.tasks), said(ordered.get("tools", {}))),
            *(machine, str(self._folder)),
        )
        return columns_of([row], RUNS)

    def _task_columns(self) -> dict[str, Sequence[Any]]:
        return columns_of([self._task(self.progress.tasks[name]) for name in self._tasks], TASKS)

    def _task(self, state: TaskState) -> _Row:
        course, makers, standing = self._courses[state.task.name], self._makers, task_standing(state)
        taken = (makers.get(path) for paths in state.way.inputs.values() for path in paths)
        found = {
            **standing,
            "run": self.run,
            "stage": state.way.stage.name,
            "needs": tuple(dict.fromkeys(each for each in taken if each is not None)),
            "ready": course.ready,
            "began": course.began,
            "ended": course.ended,
            "reused_run": course.reused[0],
            "reused_task": course.reused[1],
            "fingerprint": state.inputs.get("fingerprint"),
            "bad": course.bad,
        }
        return tuple(found[each.name] for each in TASKS.columns)


def _last(mapping: dict[str, Any], count: int) -> Iterable[str]:
    """The names that were put in last, in the order in which they were."""
    return [*islice(reversed(mapping), count)][::-1]
