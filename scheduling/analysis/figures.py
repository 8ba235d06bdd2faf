"""Figures of a run: what of each resource was in use, what was given and not used, and how each step did."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import polars as pl

from .paths import WAITING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .measured import Measured
    from .paths import Stretch

__all__ = ["failures_of", "resources_of", "steps_of", "waste_of"]

_HOUR, _GIB = 3600.0, float(1 << 30)
_RESOURCES = {
    "resource": pl.String(),
    "there": pl.Float64(),
    "most": pl.Float64(),
    "busy": pl.Float64(),
    "waited": pl.Float64(),
    "waiting": pl.Int64(),
    "critical": pl.Float64(),
    "held_by": pl.String(),
    "held_share": pl.Float64(),
}
_WASTE = {
    "resource": pl.String(),
    "unit": pl.String(),
    "given": pl.Float64(),
    "used": pl.Float64(),
    "unused": pl.Float64(),
    "failed": pl.Float64(),
    "share": pl.Float64(),
}
_STEPS = {
    "node": pl.String(),
    "stage": pl.String(),
    "tasks": pl.Int64(),
    "done": pl.Int64(),
    "reused": pl.Int64(),
    "attempts": pl.Int64(),
    "failed": pl.Int64(),
    "failure_rate": pl.Float64(),
    "retries": pl.Int64(),
    "per_hour": pl.Float64(),
    "wall_median": pl.Float64(),
    "wall_95": pl.Float64(),
    "wall_most": pl.Float64(),
    "cpu": pl.Float64(),
    "cpu_share": pl.Float64(),
    "memory_median": pl.Float64(),
    "memory_most": pl.Int64(),
    "memory_given": pl.Int64(),
    "read": pl.Int64(),
    "written": pl.Int64(),
    "waited": pl.Float64(),
}
_FAILURES = {"node": pl.String(), "failure": pl.String(), "attempts": pl.Int64(), "cpu_hours": pl.Float64()}


def resources_of(run: Measured, path: Sequence[Stretch]) -> pl.DataFrame:
    """What there was of each resource, those first that most was waited for on the critical path.

    ``there``: how much, ``memory`` in bytes.  ``most``: of it in use at once, and ``busy``: the share of it that was,
    on the whole.  ``waited``: seconds of all ``waiting`` tasks together, and ``critical``: of those on the critical
    path.  ``held_by``: the step that had most of it, and its ``held_share`` of what was given.
    """
    waited, waiting = defaultdict[str, float](float), Counter[str]()
    on_path = defaultdict[str, float](float)
    for each in path:
        if each.what == WAITING and each.lacking is not None:
            on_path[each.lacking] += each.seconds
    held: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for task, attempt in run.attempts():
        for name, amount in attempt.needs.items():
            held[name][task.node] += amount * attempt.held
        for name, seconds in attempt.waited.items():
            waited[name] += seconds
            waiting[name] += 1
    rows: list[dict[str, Any]] = []
    for name, there in run.has.items():
        by = held[name]
        total, first = sum(by.values()), max(by, key=lambda node, by=by: by[node], default=None)  # type: ignore[misc]
        if not there and not total:
            continue  # a site without it, and nobody asked
        rows.append(
            {
                "resource": name,
                "there": there,
                "most": run.most.get(name, 0.0),
                "busy": total / (there * run.elapsed) if there and run.elapsed else 0.0,
                "waited": waited[name],
                "waiting": waiting[name],
                "critical": on_path[name],
                "held_by": first,
                "held_share": by[first] / total if first is not None and total else None,
            }
        )
    return pl.DataFrame(rows, schema=_RESOURCES).sort("critical", "waited", descending=True, maintain_order=True)


def waste_of(run: Measured) -> pl.DataFrame:
    """What was given, and what of it was used: ``cpus`` in hours of processors, ``memory`` in GiB hours, others in
    hours of one.

    ``unused``: what was given beyond what was used, ``failed``: what attempts had that failed.  ``share``: both
    together, of what was given, and nothing counted twice.  What nobody measured, as of licences, has no ``used``, and
    of memory only those attempts count that were given an amount, and seen.
    """
    found: dict[str, list[float]] = {}
    for _, attempt in run.attempts():
        for name, amount in attempt.needs.items():
            if name == "memory" and not attempt.memory:
                continue
            scale = _GIB * _HOUR if name == "memory" else _HOUR
            given = amount * attempt.held / scale
            used = given
            if name == "cpus":
                used = min(given, attempt.cpu / scale)
            elif name == "memory":
                used = min(given, attempt.memory * attempt.held / scale)
            sums = found.setdefault(name, [0.0, 0.0, 0.0, 0.0])
            failed = attempt.failure is not None
            for at, value in enumerate((given, used, given if failed else 0.0, given if failed else given - used)):
                sums[at] += value
    rows = [
        {
            "resource": name,
            "unit": {"cpus": "cpu hours", "memory": "GiB hours"}.get(name, "hours"),
            "given": given,
            "used": used if name in ("cpus", "memory") else None,
            "unused": given - used if name in ("cpus", "memory") else None,
            "failed": failed,
            "share": wasted / given if given else 0.0,
        }
        for name, (given, used, failed, wasted) in found.items()
    ]
    return pl.DataFrame(rows, schema=_WASTE).sort("resource")


def steps_of(run: Measured) -> pl.DataFrame:
    """How each step did, in the order in which they were begun.

    ``failure_rate``: of its attempts.  ``retries``: attempts after a first.  ``per_hour``: tasks done, from when the
    first began until the last was over.  ``wall``: seconds that processes ran, the ``median``, what 95 % kept within,
    and the ``most``; ``cpu``: seconds of processors, and ``cpu_share`` of those that they were given.  ``memory`` in
    bytes at once, where it was seen.  ``read`` and ``written``: bytes.  ``waited``: seconds of all together, ready and
    not begun, without pauses.
    """
    nodes = dict.fromkeys(task.node for task in sorted(run.tasks.values(), key=lambda each: each.ready))
    return pl.DataFrame([_step(run, node) for node in nodes], schema=_STEPS)


def _step(run: Measured, node: str) -> dict[str, Any]:
    tasks = [task for task in run.tasks.values() if task.node == node]
    attempts = [attempt for task in tasks for attempt in task.attempts]
    failed = sum(each.failure is not None for each in attempts)
    done = sum(task.state == "done" for task in tasks)
    span = max((each.settled for each in attempts), default=0) - min((each.submitted for each in attempts), default=0)
    wall = pl.Series([each.wall for each in attempts], dtype=pl.Float64)
    memory = pl.Series([each.memory for each in attempts if each.memory], dtype=pl.Int64)
    given = sum(each.needs.get("cpus", 0.0) * each.wall for each in attempts)
    cpu = sum(each.cpu for each in attempts)
    return {
        "node": node,
        "stage": ", ".join(dict.fromkeys(each.stage for each in attempts)),
        "tasks": len(tasks),
        "done": done,
        "reused": sum(task.reused for task in tasks),
        "attempts": len(attempts),
        "failed": failed,
        "failure_rate": failed / len(attempts) if attempts else 0.0,
        "retries": sum(max(0, len(task.attempts) - 1) for task in tasks),
        "per_hour": sum(bool(task.attempts) and task.state == "done" for task in tasks) / span * _HOUR
        if span
        else None,
        "wall_median": wall.median(),
        "wall_95": wall.quantile(0.95, "higher"),
        "wall_most": wall.max(),
        "cpu": cpu,
        "cpu_share": cpu / given if given else None,
        "memory_median": memory.median(),
        "memory_most": memory.max(),
        "memory_given": int(max((each.needs.get("memory", 0) for each in attempts), default=0)),
        "read": sum(each.read for each in attempts),
        "written": sum(each.written for each in attempts),
        "waited": sum(each.submitted - each.ready for each in attempts),
    }


def failures_of(run: Measured) -> pl.DataFrame:
    """How many ``attempts`` of each step failed, by what happened, and the ``cpu_hours`` that these had been given."""
    counts, hours = Counter[tuple[str, str]](), defaultdict[tuple[str, str], float](float)
    for task, attempt in run.attempts():
        if attempt.failure is not None:
            counts[task.node, attempt.failure] += 1
            hours[task.node, attempt.failure] += attempt.needs.get("cpus", 0.0) * attempt.held / _HOUR
    rows = [(*key, count, hours[key]) for key, count in counts.most_common()]
    return pl.DataFrame(rows, schema=_FAILURES, orient="row")
