"""How far a run is: what its journal says, folded into the state of every unit and task.

::

    waiting ─▶ ready ─▶ begun ─▶ over ─▶ done           a task, in the way that its stage says
                 ▲                 ├──▶ ready            done again, or in another way, perhaps after a pause
                 └────── a person ─┼──▶ held
                                   ├──▶ skipped
                                   └──▶ stopped          its sample is, or the run

Nothing here looks at a clock, a file or a process: the same events make the same state, today or after a restart.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..declaring.policies import Instead, Reduce
from ..declaring.resources import Needs
from ..tasks.commands import Way
from ..tasks.expanding import expand
from ..tasks.task import Made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..declaring.policies import Rule
    from ..tasks.expanding import Expanded
    from ..tasks.task import Task
    from ..tasks.units import Unit, Units
    from .journal import Event

__all__ = ["Progress", "State", "TaskState", "UnitState"]

INCOMPLETE = "incomplete"
"""The grade of what was made without something that should have been there."""


class State(StrEnum):
    """What a task is."""

    READY = "ready"
    BEGUN = "begun"
    OVER = "over"
    DONE = "done"
    SKIPPED = "skipped"
    HELD = "held"
    STOPPED = "stopped"


_STOPPED = "its sample was stopped"
_SETTLED = (State.DONE, State.SKIPPED, State.STOPPED)
_PLAIN = Made()


@dataclass(slots=True)
class TaskState:
    """A task, and what became of it so far.

    ``way``: how it is done now.  ``attempts``: how many were begun; ``in_this_way``: of them.  ``used``: how often each
    of the way's rules was followed.  ``opened``: when it became ready.  ``since``: from when it may be begun.
    ``job``: what runs, and ``epoch``, that of its place when it was begun.  ``inputs``: its ``fingerprint``, and the
    files that were ``seen``.  ``files``: what it made, by its outputs, of these ``digests``.  ``grades``: what that is
    marked with: by what it was made of, or without, and by what was decided.
    """

    task: Task
    way: Way
    state: State = State.READY
    attempts: int = 0
    in_this_way: int = 0
    used: dict[int, int] = field(default_factory=dict)
    raised: dict[str, float] = field(default_factory=dict)
    opened: float = 0.0
    since: float = 0.0
    job: str | None = None
    epoch: str = ""
    needs: Needs = field(default_factory=Needs)
    inputs: dict[str, Any] = field(default_factory=dict)
    files: dict[str, tuple[str, ...]] = field(default_factory=dict)
    digests: frozenset[str] = frozenset()
    over: Event | None = None
    grades: frozenset[str] = frozenset()
    reason: str = ""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Those of the stage that does it now."""
        return self.way.stage.errors

    @property
    def settled(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in _SETTLED


@dataclass(slots=True)
class UnitState:
    """A unit: how many of those that it needs are not over, its tasks, and what it leaves when it is over."""

    unit: Unit
    waits: int
    expanded: Expanded | None = None
    tasks: tuple[str, ...] = ()
    open: int = 0
    made: Made | None = None
    why: str = ""


class Progress:
    """The state of a run over ``units``; events are applied in the order of its journal."""

    def __init__(self, units: Units) -> None:
        self.units = units
        self.states = {unit.name: UnitState(unit, len(unit.needs)) for unit in units}
        self.own: dict[str, list[UnitState]] = {}  # those of each sample, by its name
        for state in self.states.values():
            if state.unit.sample is not None:
                self.own.setdefault(state.unit.sample.name, []).append(state)
        self.tasks: dict[str, TaskState] = {}
        self.stopped: dict[str, str] = {}  # samples, and why
        self.ending: str | None = None  # why nothing more is begun
        self.cancelled = False
        self.made: dict[str, Made] = {}
        self.running: dict[str, TaskState] = {}  # by their jobs
        self.recording = self.inspecting = self.processing = 0.0  # seconds: see ``costs``
        self.archived: str | None = None  # the archive that has its records
        self.snapshot: str | None = None  # and what its results are called there
        self.cleared: str | None = None  # the snapshot that alone has its results, or "" if only those between are gone
        self._now: float | None = None  # when the last of it happened
        self._in: dict[State, dict[str, TaskState]] = {state: {} for state in State}
        self._open(deque(name for name, state in self.states.items() if not state.waits))

    def apply(self, event: Event) -> None:
        """Take note of what happened."""
        self._pass(event)
        state = self.tasks[event["task"]] if "task" in event else None
        if state is not None and state.settled:
            self._let_go(state)  # it was stopped meanwhile, and what ran has ended
            return
        match event["what"]:
            case "begun":
                assert state is not None
                self._begun(state, event)
            case "over":
                assert state is not None
                state.over = event
                self.inspecting += event.get("inspecting", 0.0)
                self.processing += _wall(event)
                self._become(state, State.OVER)
            case "done" | "reused":
                assert state is not None
                self._done(state, event)
            case "decided":
                assert state is not None
                self._decided(state, event)
            case "answered":
                assert state is not None
                self._decided(state, {**event, "rule": None})
            case "ended":
                assert state is not None
                self._become(state, State.STOPPED)
            case "cancelled":
                self.cancelled, self.ending = True, event["why"]
            case "measured":
                self.recording += event["recording"]
            case "archived":
                self.archived, self.snapshot = event["archive"], event["snapshot"]
            case "cleared":
                self.cleared = self.cleared or event.get("snapshot", "")
            case _:
                pass  # what is only for the record

    def each(self, *states: State) -> Iterator[TaskState]:
        """The tasks in one of these states, in the order in which they came to be in it."""
        return (task for state in states for task in [*self._in[state].values()])

    def first(self, most: int, state: State, chosen: Callable[[TaskState], bool]) -> list[TaskState]:
        """Of the tasks in a state the first that are chosen, at most so many."""
        return list(islice(filter(chosen, self._in[state].values()), most))

    def any(self, *states: State) -> bool:
        """Whether there are tasks in one of these states."""
        return any(self._in[state] for state in states)

    def counts(self) -> dict[str, int]:
        """How many tasks are in each state that any is in."""
        return {state.value: len(tasks) for state, tasks in self._in.items() if tasks}

    @property
    def over(self) -> bool:
        """Whether every unit is, or nothing more will be begun, and nothing runs."""
        if self.running or self._in[State.OVER]:
            return False
        return self.ending is not None or len(self.made) == len(self.states)

    def let_go(self, unit: str) -> tuple[str, ...] | None:
        """Forget the tasks of a unit that is over: for who only looks on, and has written down what became of them.
        Returns which these were; nothing is forgotten where one was stopped, for it may still run.
        """
        state = self.states[unit]
        tasks = [self.tasks[name] for name in state.tasks]
        if state.made is None or any(each.state not in (State.DONE, State.SKIPPED) for each in tasks):
            return None
        for each in tasks:
            del self.tasks[each.task.name], self._in[each.state][each.task.name]
        names, state.tasks, state.expanded = state.tasks, (), None
        return names

    def let_files_go(self, unit: str) -> tuple[str, ...]:
        """Forget what a unit has made, when nothing is to take it any more; returns the paths."""
        state = self.states[unit]
        assert state.made is not None
        files, plain = state.made.files, not (state.made.grades or state.made.lacking)
        state.made = self.made[unit] = _PLAIN if plain else Made(grades=state.made.grades, lacking=state.made.lacking)
        return tuple(path for paths in files.values() for path in paths)

    def _pass(self, event: Event) -> None:
        """Time goes by, as far as events tell of it; what is ready from the beginning is so since the first of them."""
        now = event.get("time")
        if now is not None and self._now is None:
            for state in self.tasks.values():
                state.opened = now
        self._now = self._now if now is None else now

    def _become(self, state: TaskState, become: State, *, job: str | None = None) -> None:
        del self._in[state.state][state.task.name]
        self._in[become][state.task.name] = state
        state.state = become
        if become is State.READY:
            state.opened = self._now or 0.0
        if state.job != job:
            self._let_go(state)
        if job is not None:
            state.job, self.running[job] = job, state

    def _let_go(self, state: TaskState) -> None:
        if state.job is not None:
            del self.running[state.job]
            state.job = None

    def _begun(self, state: TaskState, event: Mapping[str, Any]) -> None:
        self._become(state, State.BEGUN, job=event["job"])
        state.epoch = event.get("epoch", "")
        state.attempts += 1
        state.in_this_way += 1
        state.needs = Needs(**event["needs"])
        state.inputs = event["inputs"]

    def _done(self, state: TaskState, event: Mapping[str, Any]) -> None:
        self._become(state, State.DONE)
        state.inputs = event.get("inputs", state.inputs)
        state.grades = state.grades.union(event.get("grades", ()))
        state.files = {name: tuple(each["path"] for each in files) for name, files in event["outputs"].items()}
        state.digests = frozenset(each["digest"] for files in event["outputs"].values() for each in files)
        self._settle(state)

    def _decided(self, state: TaskState, event: Mapping[str, Any]) -> None:
        rule = event.get("rule")
        if rule is not None:
            state.used[rule] = state.used.get(rule, 0) + 1
        state.reason = event.get("why", "")
        do = None if rule is None else state.rules[rule].do
        match event["do"]:
            case "retry":
                state.since = event.get("until", 0.0)
                self._become(state, State.READY)
                state.raised |= event.get("raised", {})
            case "instead":
                assert isinstance(do, Instead)
                stage = do.stage or state.way.stage
                self._another(state, Way(stage, *_given(state, stage, do.parameters)), do.grade)
            case "reduce":
                assert isinstance(do, Reduce)
                if do.leaving_out:
                    self._leave(state, State.SKIPPED, do.grade)
                else:
                    way = state.way
                    inputs = way.inputs if do.dropping is None else {**way.inputs, do.dropping: ()}
                    parameters = {**way.parameters, **do.less(way.parameters)}
                    self._another(state, Way(way.stage, inputs, parameters), do.grade)
            case "skip":
                self._leave(state, State.SKIPPED, getattr(do, "grade", INCOMPLETE))
            case "hold":
                self._become(state, State.HELD)
            case "stop_sample":
                self._stop_sample(state, event.get("why", ""))
            case "stop_run":
                self._become(state, State.STOPPED)
                self.ending = event.get("why", "") or f"{state.task.name} failed"

    def _another(self, state: TaskState, way: Way, grade: str) -> None:
        if way.stage is not state.way.stage:
            state.used, state.in_this_way = {}, 0
        state.way = way
        state.grades |= {grade}
        self._become(state, State.READY)

    def _leave(self, state: TaskState, become: State, grade: str) -> None:
        self._become(state, become)
        state.grades |= {grade}
        self._settle(state)

    def _stop_sample(self, state: TaskState, why: str) -> None:
        sample = state.task.unit.sample
        if sample is None:  # what is done for all samples together fails for none of them
            self._leave(state, State.STOPPED, INCOMPLETE)
            return
        self.stopped.setdefault(sample.name, f"{state.task.name}: {why}" if why else state.task.name)
        waiting = deque[str]()
        for unit in self.own[sample.name]:
            if unit.made is None:
                for each in map(self.tasks.__getitem__, unit.tasks):
                    if not each.settled:
                        self._become(each, State.STOPPED, job=each.job)
                        each.reason = each.reason if each is state else _STOPPED
                self._close(unit, Made(grades=frozenset({INCOMPLETE}), lacking=True), waiting)
                unit.why = _STOPPED
        self._open(waiting)

    def _settle(self, state: TaskState) -> None:
        unit = self.states[state.task.unit.name]
        unit.open -= 1
        if not unit.open and unit.made is None:
            waiting = deque[str]()
            self._close(unit, self._left(unit), waiting)
            self._open(waiting)

    def _left(self, unit: UnitState) -> Made:
        """What a unit leaves whose tasks are all over."""
        assert unit.expanded is not None
        every = [self.tasks[name] for name in unit.tasks]
        grades = unit.expanded.grades.union(*(each.grades for each in every))
        files: dict[str, tuple[str, ...]] = {}
        for name in unit.unit.node.stage.outputs:
            parts = [each.files[name] for each in every if name in each.files]
            if parts:
                files[name] = tuple(path for part in parts for path in part)
        return Made(files, grades, lacking=any(each.state is not State.DONE for each in every))

    def _close(self, unit: UnitState, made: Made, waiting: deque[str]) -> None:
        """A unit is over; those that waited for nothing else come next."""
        unit.made = self.made[unit.unit.name] = made
        for name in self.units.takers(unit.unit):
            other = self.states[name]
            other.waits -= 1
            if not other.waits and other.made is None:
                waiting.append(name)

    def _open(self, waiting: deque[str]) -> None:
        """Make tasks of units that need nothing any more that is not over."""
        while waiting:
            unit = self.states[waiting.popleft()]
            if unit.made is not None:
                continue
            unit.expanded = expand(unit.unit, self.units, self.made)
            unit.why = unit.expanded.why
            for task in unit.expanded.tasks:
                way = Way(unit.unit.node.stage, task.inputs, task.parameters)
                state = TaskState(task, way, opened=self._now or 0.0, grades=unit.expanded.grades)
                self.tasks[task.name] = self._in[State.READY][task.name] = state
            unit.tasks = tuple(task.name for task in unit.expanded.tasks)
            unit.open = len(unit.tasks)
            if not unit.tasks:
                wrong = unit.expanded.wrong
                grades = unit.expanded.grades | ({INCOMPLETE} if wrong else set())
                self._close(unit, Made(grades=grades, lacking=wrong), waiting)


def _wall(over: Event) -> float:
    """Seconds that an attempt ran, where somebody saw it."""
    used = over.get("used", {})
    return max(0.0, used["ended"] - used["began"]) if "began" in used else 0.0


def _given(
    state: TaskState, stage: Any, parameters: Mapping[str, Any]
) -> tuple[dict[str, tuple[str, ...]], dict[str, Any]]:
    """What a stage is given in place of the one before: of inputs and parameters those that it has."""
    inputs = {name: state.way.inputs.get(name, ()) for name in stage.inputs}
    defaults = {name: each.default for name, each in stage.parameters.items() if not each.required}
    known = {name: value for name, value in state.way.parameters.items() if name in stage.parameters}
    return inputs, {**defaults, **known, **parameters}
