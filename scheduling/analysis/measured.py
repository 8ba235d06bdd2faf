"""A run as it was measured, taken from its tables: every task with its attempts, in seconds since the run began."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from ..declaring.frozen import nothing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from ..site import Site

__all__ = ["Attempt", "Measured", "Task", "frames_of", "measured"]


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt.  Seconds since the run began: ``ready``; from ``submitted`` until ``settled`` it had what it
    ``needs``, as ``cpus`` or ``licences:NAME``; from ``began`` until ``ended`` its process ran.  ``waited``: seconds,
    by what was lacking.  ``failure``: what happened, if anything.  ``cpu``: seconds of processors, and ``memory`` bytes
    at once, that it had; 0 for none seen.
    """

    stage: str
    ready: float
    submitted: float
    began: float
    ended: float
    settled: float
    inspecting: float = 0.0
    waited: Mapping[str, float] = field(default_factory=nothing)
    needs: Mapping[str, float] = field(default_factory=nothing)
    failure: str | None = None
    cpu: float = 0.0
    memory: int = 0
    read: int = 0
    written: int = 0

    @property
    def held(self) -> float:
        """Seconds that it had what it was given."""
        return self.settled - self.submitted

    @property
    def wall(self) -> float:
        """Seconds that its process ran."""
        return self.ended - self.began


@dataclass(frozen=True, kw_only=True)
class Task:
    """``takes``: the tasks that made what it takes.  ``ready`` and ``ended``: seconds since the run began."""

    name: str
    node: str
    sample: str | None
    state: str
    takes: tuple[str, ...]
    ready: float
    ended: float
    attempts: tuple[Attempt, ...] = ()
    reused: bool = False


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A run.  ``began``: seconds since 1970.  ``elapsed``: seconds until the last that is known of it.  ``has``: what
    the site has of each resource, ``most``: what was in use of it at once; ``known``: whether the former was said, and
    is not the latter.
    """

    run: str
    workflow: str
    state: str
    began: float
    elapsed: float
    tasks: Mapping[str, Task]
    has: Mapping[str, float]
    most: Mapping[str, float]
    known: bool

    def attempts(self) -> Iterator[tuple[Task, Attempt]]:
        """Every attempt, with its task."""
        return ((task, attempt) for task in self.tasks.values() for attempt in task.attempts)


def frames_of(tables: Mapping[str, pl.DataFrame | pa.Table]) -> dict[str, pl.DataFrame]:
    """Tables as frames, by their names."""
    return {
        name: table if isinstance(table, pl.DataFrame) else pl.DataFrame(pl.from_arrow(table))
        for name, table in tables.items()
    }


def measured(tables: Mapping[str, pl.DataFrame | pa.Table], *, site: Site | None = None) -> Measured:
    """What the tables of one run say.  ``site``: what it had, where the run itself does not say.

    Raises ``ValueError`` where they are not those of one run.
    """
    frames = frames_of(tables)
    if frames["runs"].height != 1:
        raise ValueError(f"there are {frames['runs'].height} runs in these tables, and one is looked at at a time")
    run = frames["runs"].row(0, named=True)
    began = run["began"].timestamp()
    attempts = _attempts(frames["attempts"], began)
    tasks = {row["task"]: _task(row, attempts.get(row["task"], ()), began) for row in _rows(frames["tasks"])}
    ends = [each.ended for each in tasks.values()]
    ends += [attempt.settled for each in tasks.values() for attempt in each.attempts]
    has = _said(frames.get("run_events")) if site is None else _of(site)
    most = _most([attempt for each in tasks.values() for attempt in each.attempts])
    return Measured(
        run=run["run"],
        workflow=run["workflow"],
        state=run["state"],
        began=began,
        elapsed=max(ends, default=0.0),
        tasks=tasks,
        has={**most, **has},
        most=most,
        known=bool(has),
    )


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows, with times as seconds since 1970."""
    times = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
    return frame.with_columns((pl.col(name).dt.epoch("us") / 1e6).alias(name) for name in times).to_dicts()


def _attempts(frame: pl.DataFrame, began: float) -> dict[str, tuple[Attempt, ...]]:
    found: defaultdict[str, list[Attempt]] = defaultdict(list)
    for row in sorted(_rows(frame), key=lambda row: (row["task"], row["attempt"])):
        # What could not even be begun had nothing, and one that is not over has not told yet what it took.
        if row["submitted"] is not None and row["settled"] is not None:
            found[row["task"]].append(_attempt(row, began))
    return {name: tuple(each) for name, each in found.items()}


def _attempt(row: dict[str, Any], first: float) -> Attempt:
    submitted, settled = row["submitted"], row["settled"]
    # Of one that is lost nobody saw when it ran; clocks of other machines may be before ours.
    began = min(max(submitted, submitted if row["began"] is None else row["began"]), settled)
    ended = min(max(began, settled if row["ended"] is None else row["ended"]), settled)
    needs: dict[str, float] = {"cpus": row["cpus"] or 0, "memory": row["memory_given"] or 0, "gpus": row["gpus"] or 0}
    for kind in ("licences", "instruments"):
        needs |= {f"{kind}:{name}": count for name, count in json.loads(row[kind] or "{}").items()}
    return Attempt(
        stage=row["stage"],
        ready=min(submitted, submitted if row["ready"] is None else row["ready"]) - first,
        submitted=submitted - first,
        began=began - first,
        ended=ended - first,
        settled=settled - first,
        inspecting=row["inspecting"] or 0.0,
        waited=json.loads(row["waited"] or "{}"),
        needs={name: amount for name, amount in needs.items() if amount},
        failure=row["failure"],
        cpu=row["cpu"] or 0.0,
        memory=row["memory"] or 0,
        read=row["read"] or 0,
        written=row["written"] or 0,
    )


def _task(row: dict[str, Any], attempts: tuple[Attempt, ...], first: float) -> Task:
    last = attempts[-1].settled if attempts else 0.0 if row["ready"] is None else row["ready"] - first
    return Task(
        name=row["task"],
        node=row["node"],
        sample=row["sample"],
        state=row["state"],
        takes=tuple(row["needs"] or ()),
        ready=(attempts[0].ready if attempts else last) if row["ready"] is None else row["ready"] - first,
        ended=last if row["ended"] is None else max(last, row["ended"] - first),
        attempts=attempts,
        reused=row["reused_run"] is not None,
    )


def _said(events: pl.DataFrame | None) -> dict[str, float]:
    """What the site had when the run was ordered, if that is on record."""
    if events is None:
        return {}
    for about in events.filter(pl.col("what") == "ordered")["about"]:
        return dict(json.loads(about).get("site") or {})
    return {}


def _of(site: Site) -> dict[str, float]:
    # What free and given resources are called is the engine's.
    from ..running.resources import has

    return dict(has(site))


def _most(attempts: list[Attempt]) -> dict[str, float]:
    """What was in use at once, at the most."""
    changes = sorted(
        (time, sign * amount, name)
        for each in attempts
        for name, amount in each.needs.items()
        for time, sign in ((each.submitted, 1), (each.settled, -1))
    )
    now, most = defaultdict[str, float](float), defaultdict[str, float](float)
    for _, amount, name in changes:
        now[name] += amount
        most[name] = max(most[name], now[name])
    return dict(most)
