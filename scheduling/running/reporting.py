"""The account of a run: every sample and every task in exactly one state, and all of it adds up, or there is none."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from holotype.catalog import ObjectDamaged

from ..declaring.policies import Failure
from .progress import State
from .standing import outcome_of, sample_standing, task_standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .journal import Event
    from .progress import Progress

__all__ = ["Decided", "Failed", "Held", "MarkedBad", "ReportedSample", "RunReport", "account", "shown_finding"]

# Of what a failed attempt wrote last to its standard error: lines, and characters of each.
_LAST_LINES, _LINE = 5, 300
_FINAL = ("done", "degraded", "stopped", "cancelled", "unfinished")


@dataclass(frozen=True)
class ReportedSample:
    """A sample, the one state that it is in, what its results are marked with, and why it is so."""

    sample: str
    state: str
    grades: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Decided:
    """What was done about a failure: by which of the stage's rules, from 0, or by ``who``."""

    action: str
    rule: int | None
    who: str | None
    why: str


@dataclass(frozen=True)
class Failed:
    """What happened to an attempt, 0 where it was before the first, and what was decided, in this order.

    ``said``: the last lines that it wrote to its standard error; ``Run.logs`` has all of it.
    """

    task: str
    attempt: int
    failure: str
    message: str
    said: tuple[str, ...]
    decided: tuple[Decided, ...]


@dataclass(frozen=True)
class Held:
    """A task that waits for a person, and why."""

    task: str
    why: str


@dataclass(frozen=True)
class MarkedBad:
    """A task whose results were marked bad, why, and by whom."""

    task: str
    why: str
    by: str


@dataclass(frozen=True)
class RunReport:
    """What became of a run.

    ``state`` and ``why``: as ``Run.outcome`` says.  ``began`` and ``ended``: the times of the first and the last event.
    ``tasks``: how many are in each state; ``stages``: the same for each step; ``reused``: how many are done because
    the same was made before.  ``bad``: whose results were marked bad since.  ``warnings``: what was odd when it was
    ordered, as the check found it.
    """

    run: str
    workflow: str
    version: str
    operator: str
    state: str
    why: str
    began: datetime | None
    ended: datetime | None
    samples: tuple[ReportedSample, ...]
    tasks: Mapping[str, int]
    stages: Mapping[str, Mapping[str, int]]
    reused: int
    failures: tuple[Failed, ...]
    held: tuple[Held, ...]
    bad: tuple[MarkedBad, ...]
    warnings: tuple[Mapping[str, Any], ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, which JSON can hold; times as ISO 8601 says, in UTC."""
        times = {"began": self.began, "ended": self.ended}
        return {**asdict(self), **{name: at and at.isoformat() for name, at in times.items()}}

    def text(self) -> str:
        """All of it in plain lines."""
        return "\n".join(_lines(self)) + "\n"


def account(run: str, progress: Progress, events: Iterable[Event]) -> RunReport:
    """The report of a run that its ``events`` have brought this far.

    Raises ``ObjectDamaged`` where it does not add up; ``problems`` says what.
    """
    order = progress.units.order
    gathered = _Gathered()
    for event in events:
        gathered.add(event)
    samples = tuple(ReportedSample(each.name, **asdict(sample_standing(progress, each.name))) for each in order.samples)
    outcome = outcome_of(progress, Counter(each.state for each in samples))
    stages: dict[str, Counter[str]] = {name: Counter() for name in progress.units.graph.nodes}
    for state in progress.tasks.values():
        stages[state.task.unit.node.name][state.state.value] += 1
    report = RunReport(
        run,
        order.workflow.name,
        order.workflow.version,
        gathered.ordered.get("by", ""),
        outcome.state,
        outcome.why,
        gathered.began,
        gathered.ended,
        samples,
        outcome.tasks,
        {name: dict(counts) for name, counts in stages.items()},
        len(gathered.reused),
        tuple(gathered.failures()),
        tuple(Held(each["task"], each["why"]) for each in map(task_standing, progress.each(State.HELD))),
        tuple(gathered.bad.values()),
        tuple(gathered.ordered.get("odd", ())),
    )
    if problems := [*_problems(report, progress, gathered)]:
        what = "; ".join(problems)
        raise ObjectDamaged(f"the account of {run} does not add up: {what}", key=run, problems=tuple(problems))
    return report


class _Gathered:
    """What the events of a run say beside the states."""

    def __init__(self) -> None:
        self.ordered: Event = {}
        self.began: datetime | None = None
        self.ended: datetime | None = None
        self.attempts = Counter[str]()
        self.reused = set[str]()
        self.bad: dict[str, MarkedBad] = {}
        self._failed: dict[str, list[tuple[tuple[int, str, str, tuple[str, ...]], list[Decided]]]] = {}

    def add(self, event: Event) -> None:
        """Take note of the next event."""
        self.ended = datetime.fromtimestamp(event["time"], UTC)
        self.began = self.began or self.ended
        match event["what"]:
            case "ordered":
                self.ordered = event
            case "begun":
                self.attempts[event["task"]] += 1
            case "reused":
                self.reused.add(event["task"])
            case "over" if "happened" in event:
                happened = event["happened"]
                what = (happened["failure"], happened["message"], _last_of(happened["said"]))
                self._fail(event["task"], event["attempt"], *what)
            case "decided" | "answered":
                self._decide(event)
            case "bad":
                self.bad[event["task"]] = MarkedBad(event["task"], event["why"], event.get("by", ""))
            case _:
                pass

    def failures(self) -> Iterator[Failed]:
        """What failed, by the tasks."""
        for task, several in self._failed.items():
            yield from (Failed(task, *each, tuple(decided)) for each, decided in several)

    def _fail(self, task: str, attempt: int, failure: str, message: str, said: tuple[str, ...]) -> None:
        self._failed.setdefault(task, []).append(((attempt, failure, message, said), []))

    def _decide(self, event: Event) -> None:
        task = event["task"]
        if event["what"] == "decided" and (task not in self._failed or self._failed[task][-1][-1]):
            # It had ended well, and then what it had made was gone.
            self._fail(task, self.attempts[task], Failure.MISSING.value, event.get("why", ""), ())
        decided = Decided(event["do"], event.get("rule"), event.get("who"), event.get("why", ""))
        self._failed[task][-1][-1].append(decided)


def _last_of(said: str) -> tuple[str, ...]:
    lines = [line.expandtabs().rstrip()[:_LINE] for line in said.splitlines() if line.strip()]
    # What is no character would be an order to the terminal that shows it.
    return tuple("".join(each if each.isprintable() else "�" for each in line) for line in lines[-_LAST_LINES:])


def shown_finding(row: Mapping[str, Any]) -> str:
    """A finding of a check in a line: in which file or workflow, where in it, and what it is."""
    where = row["path"] if row["record"] is None else f"{row['path']}, {row['record']}"
    return f"{where}: {row['message']}"


def _problems(report: RunReport, progress: Progress, gathered: _Gathered) -> Iterator[str]:
    """What does not add up, each counted in two ways."""
    samples = Counter(each.sample for each in report.samples)
    yield from (f"sample {name} is told {count} times" for name, count in samples.items() if count > 1)
    yield from (f"{name} was stopped, which is no sample" for name in progress.stopped if name not in samples)
    open_ = Counter(
        state.task.unit.sample.name
        for state in progress.tasks.values()
        if state.task.unit.sample is not None and not state.settled
    )
    over = progress.over
    for each in report.samples:
        if over and each.state not in _FINAL:
            yield f"the run is over, and sample {each.sample} is {each.state}"
        if each.state in ("done", "degraded", "stopped") and open_[each.sample]:
            yield f"sample {each.sample} is {each.state}, and {open_[each.sample]} of its tasks are not settled"
    states = Counter(state.state.value for state in progress.tasks.values())
    if dict(states) != dict(report.tasks):
        yield f"of tasks {dict(report.tasks)} were counted, and {dict(states)} are there"
    named = Counter(name for unit in progress.states.values() for name in unit.tasks)
    if named != Counter(progress.tasks.keys()):
        yield f"steps have {named.total()} tasks, and there are {len(progress.tasks)}"
    for name, state in progress.tasks.items():
        if state.attempts != gathered.attempts[name]:
            yield f"{name} was begun {gathered.attempts[name]} times, and {state.attempts} attempts were counted"
    if over and progress.ending is None and (left := states.keys() - {"done", "skipped", "stopped"}):
        yield f"the run is over, and tasks are {', '.join(sorted(left))}"
    if len(report.held) != states["held"]:
        yield f"{len(report.held)} tasks are told to be held, and {states['held']} are"


def _lines(report: RunReport) -> Iterator[str]:
    why = f": {report.why}" if report.why else ""
    yield f"run {report.run} of {report.workflow} {report.version}: {report.state}{why}"
    if report.began is not None and report.ended is not None:
        yield f"by {report.operator}, from {report.began:%Y-%m-%d %H:%M:%S} to {report.ended:%Y-%m-%d %H:%M:%S} UTC"
    counts = Counter(each.state for each in report.samples)
    yield f"{len(report.samples)} samples: {_counted(counts)}"
    for each in report.samples:
        marks = f" ({', '.join(each.grades)})" if each.grades else ""
        yield f"  {each.sample}: {each.state}{marks}" + (f": {each.why}" if each.why else "")
    before = f", {report.reused} of them made before" if report.reused else ""
    yield f"{sum(report.tasks.values())} tasks: {_counted(report.tasks)}{before}"
    for name, states in report.stages.items():
        yield f"  {name}: {_counted(states)}"
    yield f"{len(report.failures)} failures"
    for failed in report.failures:
        decided = "".join(f"; {each.action}" + (f" by {each.who}" if each.who else "") for each in failed.decided)
        yield f"  {failed.task}, attempt {failed.attempt}: {failed.failure}: {failed.message}{decided}"
        yield from (f"    {line}" for line in failed.said)
    yield from (f"held: {each.task}: {each.why}" for each in report.held)
    yield from (f"marked bad by {each.by}: {each.task}: {each.why}" for each in report.bad)
    yield from (f"warning: {shown_finding(each)}" for each in report.warnings)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "none"
