"""A run's journal, folded into the rows of its tables.

The states are those of ``Progress``, by which the scheduler itself goes; what the tables have beside them, times and
files and attempts, is gathered here.  The same events make the same rows, whether they are folded while the run goes
on, in pieces, or afterwards.  Nothing is locked and nothing is written: whoever has the run in hand is not disturbed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

from holotype.catalog import Conflict, ObjectDamaged

from ..declaring.policies import Failure
from ..declaring.resources import Needs
from ..running.journal import read_events
from ..running.progress import Progress
from ..running.standing import outcome_of, sample_standing, task_standing
from .attempts import attempt_columns, begun, refused
from .finished import Finished
from .ordered import read_units
from .rows import columns_of, said, table_of
from .tables import ATTEMPTS, DECISIONS, RUN_EVENTS, RUN_SAMPLES, RUN_TABLES, RUNS, TASK_FILES, TASK_METRICS, TASKS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from pathlib import Path

    import pyarrow as pa

    from ..running.journal import Event
    from ..running.progress import TaskState
    from ..running.standing import Standing
    from ..tasks.units import Units
    from ..workflow import Workflow
    from .attempts import Attempt

__all__ = ["Changes", "Fold", "run_tables"]

_Row = tuple[Any, ...]
_Gone = list[tuple[str, ...]]

# What settled tasks have in common, that nobody changes any more.
_NO_INPUTS: dict[str, Any] = {}
_NO_DIGESTS = frozenset[str]()
_NO_NEEDS = Needs()

_NAMES = tuple(table.name for table in RUN_TABLES)
# Those that are of tasks, and change as they do.
_OF_TASKS = frozenset({TASKS.name, ATTEMPTS.name, TASK_FILES.name})
# Tables of which rows stay as they are.
_FURTHER = {table.name: table for table in (TASK_METRICS, DECISIONS, RUN_EVENTS)}

REPLACED = {
    RUNS.name: (),
    RUN_SAMPLES.name: ("sample",),
    TASKS.name: ("task",),
    ATTEMPTS.name: ("job",),
    TASK_FILES.name: ("task", "direction"),
}
"""By which columns one finds the rows of a run that others take the place of; of other tables they never do."""


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
    """``rows``: by the names of tables, those that are new, or other than they were.  ``gone``: by the names of tables,
    of the rows that these take the place of the values in the columns of ``REPLACED``.
    """

    rows: dict[str, pa.Table]
    gone: dict[str, _Gone]


@dataclass(slots=True)
class _Course:
    """What is known of a task beside its state; times are seconds since 1970."""

    ready: float | None = None
    began: float | None = None
    ended: float | None = None
    reused: tuple[str | None, str | None] = (None, None)
    fingerprint: str | None = None  # of one that is settled
    bad: str | None = None
    attempt: Attempt | None = None  # the one that is not settled
    told: int = 0  # which of its rows were taken: 1 of the task itself, 2 and 4 of files that it used and made


class Fold:
    """The tables of one run, from its order and as much of its journal as was applied.

    ``take`` gives what has changed since it was last called.  ``events``: whether ``run_events`` is among the tables.
    ``lasting``: whether all is held until the end; else tasks are let go that are over, when what is known of them was
    taken.  ``asked_back``: whether something was told of one of these; then all has to be folded anew, lasting.
    """

    def __init__(self, folder: Path, units: Units, *, events: bool = True, lasting: bool = True) -> None:
        self.run, self._folder = folder.name, folder
        self.progress = Progress(units)
        self._number = 0
        self._ended: float | None = None
        self._ordered: Event = {}
        self._courses = {name: _Course() for name in self.progress.tasks}
        self._makers: dict[str, str] = {}  # the tasks that made files, by their paths
        self._standings: dict[str, Standing] = {}  # of samples, by their names
        self._counts = Counter[str]()  # how many samples are in each state
        self._with_events = events
        self._told = -1  # events when the row of the run was last taken
        # What was not taken yet, or is other than it was: of samples whether they were taken before.
        self._unsure, self._samples = self._every_sample(), dict[str, bool]()
        self._tasks = dict.fromkeys(self.progress.tasks)
        self._attempts: dict[int, Attempt] = {}
        self._files: dict[tuple[str, str], list[_Row]] = {}
        self._further: dict[str, list[_Row]] = {name: [] for name in _FURTHER}
        self.asked_back = self._final = False
        self._finished = None if lasting else Finished(self.progress, self._makers)

    def apply(self, event: Event, text: str | None = None) -> None:
        """Take note of the next event; ``text``: as the journal has it.

        Raises ``ObjectDamaged`` where it is about a task that there is not, and ``Conflict`` where it is about one that
        was let go.
        """
        progress, name, now = self.progress, event.get("task"), event["time"]
        if name is not None and name not in progress.tasks:
            self._refuse(name)
        tasks, made, ending = len(progress.tasks), len(progress.made), progress.ending
        progress.apply(event)
        if event["what"] == "ordered":
            self._ordered = event
            for course in self._courses.values():
                course.ready = now
        if name is not None:
            self._happened(progress.tasks[name], event)
        if len(progress.tasks) > tasks:
            for each in _last(progress.tasks, len(progress.tasks) - tasks):
                self._courses[each] = _Course(ready=now)
                self._touch(progress.tasks[each], now)
        if len(progress.made) > made:
            self._made_over(_last(progress.made, len(progress.made) - made))
        if ending is None and progress.ending is not None:
            self._unsure |= self._every_sample()
        self._ended = None if not progress.over else now if self._ended is None else self._ended
        if self._with_events:
            about = said(event) if text is None else text
            self._further[RUN_EVENTS.name].append((self.run, self._number, now, event["what"], name, about))
        self._number += 1

    def take(self, names: Collection[str] = _NAMES, *, final: bool = False) -> Changes:
        """What has changed in these tables, and from now on what changes from here.  ``final``: of tasks and attempts
        only what is over, and the rest when it is taken next.
        """
        self._final = final
        if RUNS.name in names or RUN_SAMPLES.name in names:
            self._stand()
        takers: dict[str, Callable[[], tuple[pa.Table, _Gone]]] = {
            RUNS.name: self._take_run,
            RUN_SAMPLES.name: self._take_samples,
            TASKS.name: self._take_tasks,
            ATTEMPTS.name: self._take_attempts,
            TASK_FILES.name: self._take_files,
        }
        changes = Changes({}, {})
        for name in names:
            if name in takers:
                changes.rows[name], changes.gone[name] = takers[name]()
            else:
                further = self._further[name]
                changes.rows[name], changes.gone[name] = (
                    table_of(_FURTHER[name], columns_of(further, _FURTHER[name])),
                    [],
                )
                further.clear()
        if self._finished is not None and _OF_TASKS.issubset(names):
            for task in self._finished.let_go():
                del self._courses[task]
        return changes

    def _made_over(self, units: Iterable[str]) -> None:
        """Units are over."""
        if self._finished is not None:
            self._finished.add(units)
        for unit in units:
            if (sample := self.progress.states[unit].unit.sample) is not None:
                self._unsure[sample.name] = None

    def _refuse(self, task: str) -> NoReturn:
        """Raise what there is to say of a task that there is not."""
        key = str(self._folder / "journal")
        if self._finished is not None and self._finished.were(task):
            self.asked_back = True
            raise Conflict(f"something is told of {task}, which was let go: fold {self.run} anew", key=key)
        raise ObjectDamaged(f"the journal of {self.run} tells of {task}, of which its order knows nothing", key=key)

    def _stand(self) -> None:
        """See anew how samples stand to which something has happened."""
        for name in self._unsure:
            if (before := self._standings.get(name)) is not None:
                self._counts[before.state] -= 1
            after = self._standings[name] = sample_standing(self.progress, name)
            self._counts[after.state] += 1
            if after != before:
                self._samples[name] = before is not None
        self._unsure = {}

    def _take_run(self) -> tuple[pa.Table, _Gone]:
        progress, ordered = self.progress, self._ordered
        outcome = outcome_of(progress, +self._counts)
        workflow, operator = progress.units.order.workflow, ordered.get("by", "")
        machine = ordered.get("machine", operator.rpartition("@")[2])
        row = (
            *(self.run, workflow.name, workflow.version, outcome.state, outcome.why, operator),
            *(ordered.get("project", ""), ordered.get("time"), self._ended),
            *(len(progress.units.order.samples), self._count(), said(ordered.get("tools", {}))),
            *(machine, str(self._folder)),
        )
        gone: _Gone = [()] if self._told >= 0 else []
        rows = [] if self._told == self._number else [row]
        self._told = self._number
        return table_of(RUNS, columns_of(rows, RUNS)), gone if rows else []

    def _count(self) -> int:
        """How many tasks there are so far."""
        return len(self.progress.tasks) + (0 if self._finished is None else self._finished.count)

    def _take_samples(self) -> tuple[pa.Table, _Gone]:
        standings = {name: self._standings[name] for name in self._samples}
        rows = [(self.run, name, each.state, each.grades, each.why) for name, each in standings.items()]
        gone: _Gone = [(name,) for name, before in self._samples.items() if before]
        self._samples = {}
        return table_of(RUN_SAMPLES, columns_of(rows, RUN_SAMPLES)), gone

    def _take_tasks(self) -> tuple[pa.Table, _Gone]:
        taken = [name for name in self._tasks if not self._final or self._courses[name].ended is not None]
        rows = [self._task(name, self.progress.tasks[name]) for name in taken]
        gone: _Gone = [(name,) for name in taken if self._told_before(name, 1)]
        for name in taken:
            del self._tasks[name]
        return table_of(TASKS, columns_of(rows, TASKS)), gone

    def _take_attempts(self) -> tuple[pa.Table, _Gone]:
        pending, self._attempts = self._attempts, {}
        if self._final:
            self._attempts = {id(each): each for each in pending.values() if each.settled is None}
        every = [each for each in pending.values() if not self._final or each.settled is not None]
        gone: _Gone = [(each.job,) for each in every if each.told and each.job is not None]
        for each in every:
            each.told = True
        return table_of(ATTEMPTS, attempt_columns(self.run, every)), gone

    def _take_files(self) -> tuple[pa.Table, _Gone]:
        rows = [row for files in self._files.values() for row in files]
        gone: _Gone = [key for key in self._files if self._told_before(key[0], 2 if key[1] == "used" else 4)]
        self._files = {}
        return table_of(TASK_FILES, columns_of(rows, TASK_FILES)), gone

    def _told_before(self, task: str, what: int) -> bool:
        """Whether a row of a task was taken before; now it is."""
        course = self._courses[task]
        before = course.told & what
        course.told |= what
        return bool(before)

    def _every_sample(self) -> dict[str, None]:
        return dict.fromkeys(each.name for each in self.progress.units.order.samples)

    def _touch(self, state: TaskState, now: float) -> None:
        self._tasks[state.task.name] = None
        if state.task.unit.sample is not None:
            self._unsure[state.task.unit.sample.name] = None
        course = self._courses[state.task.name]
        if course.ended is None and state.settled:
            course.ended = now
            # What only the scheduler goes on with is most of what a task takes of memory.
            course.fingerprint = state.inputs.get("fingerprint")
            state.over, state.inputs, state.digests, state.needs = None, _NO_INPUTS, _NO_DIGESTS, _NO_NEEDS

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
        self._further[TASK_METRICS.name] += [
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
        for port, each in made:
            if port is not None:  # what lies beside is taken with it
                self._makers[each["path"]] = name
        self._files[name, "made"] = [
            (self.run, name, "made", port, each["path"], each["digest"], each.get("size")) for port, each in made
        ]

    def _decided(self, state: TaskState, event: Event) -> None:
        happened = (state.over or {}).get("happened")
        # Where an attempt had ended well, and there is something to decide, what it had made was gone.
        failure = None if event["what"] == "answered" else happened["failure"] if happened else Failure.MISSING.value
        self._further[DECISIONS.name].append(
            (
                *(self.run, state.task.name, state.attempts, event["time"], failure, event["do"], event.get("rule")),
                *(event.get("who"), event.get("why", ""), event.get("until"), said(event.get("raised", {}))),
            )
        )

    def _task(self, name: str, state: TaskState) -> _Row:
        course, is_ = self._courses[name], task_standing(state)
        taken = (self._makers.get(path) for paths in state.way.inputs.values() for path in paths)
        needs = tuple(dict.fromkeys(each for each in taken if each is not None))
        return (
            *(self.run, name, is_["node"], state.way.stage.name, is_["sample"], is_["element"], is_["state"]),
            *(is_["attempts"], is_["grades"], is_["why"], needs, course.ready, course.began, course.ended),
            *(*course.reused, course.fingerprint or state.inputs.get("fingerprint"), course.bad),
        )


def _last(mapping: dict[str, Any], count: int) -> Iterable[str]:
    """The names that were put in last, in the order in which they were."""
    return [*islice(reversed(mapping), count)][::-1]
