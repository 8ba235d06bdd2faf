"""Tables of runs, made by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from holotype.scheduling.records.tables import RUN_TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

__all__ = ["NOON", "Tried", "run_of", "task"]

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Tried:
    """An attempt: it was ready, waited for something, and ran for some seconds."""

    seconds: float
    ready: float = 0.0
    waited: Mapping[str, float] = field(default_factory=dict)
    cpus: int = 1
    cpu: float | None = None
    memory: int = 0
    peak: int = 0
    gpus: int = 0
    licences: Mapping[str, int] = field(default_factory=dict)
    instruments: Mapping[str, int] = field(default_factory=dict)
    failure: str | None = None
    inspecting: float = 0.0
    read: int = 0
    written: int = 0

    @property
    def began(self) -> float:
        """When it was begun."""
        return self.ready + sum(seconds for reason, seconds in self.waited.items() if reason != "pause")


def task(name: str, *tried: Tried, takes: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    """A task that was tried so often; its step is what its name begins with."""
    node, _, sample = name.removesuffix("]").partition("[")
    ended = tried[-1].began + tried[-1].seconds + tried[-1].inspecting if tried else more.pop("ready", 0.0)
    state = "stopped" if tried and tried[-1].failure else "done"
    return {
        "task": name, "node": node, "stage": node, "sample": sample or None, "state": state, "needs": list(takes),
        "ready": tried[0].ready if tried else ended, "ended": ended, "tried": tried, **more,
    }  # fmt: skip


def run_of(
    tasks: Iterable[Mapping[str, Any]],
    *,
    name: str = "run",
    has: Mapping[str, int] | None = None,
    began: datetime = NOON,
    **more: Any,
) -> dict[str, pa.Table]:
    """The tables of a run of these tasks; ``has``: what the site said that it has."""
    tasks = [*tasks]

    def at(seconds: float | None) -> datetime | None:
        return None if seconds is None else began + timedelta(seconds=seconds)

    run: dict[str, Any] = {
        "run": name, "workflow": "flow", "version": "1", "state": "done", "why": "", "operator": "ada@lab",
        "project": "", "began": began, "ended": at(max((each["ended"] for each in tasks), default=0.0)), "samples": 1,
        "tasks": len(tasks), "tools": "{}", "machine": "lab", "folder": f"/site/runs/{name}", **more,
    }  # fmt: skip
    ordered = {"what": "ordered"} | ({} if has is None else {"site": has})
    rows: dict[str, list[dict[str, Any]]] = {
        "runs": [run],
        "tasks": [_task_row(name, each, at) for each in tasks],
        "attempts": [
            _attempt_row(name, each, number, tried, at)
            for each in tasks
            for number, tried in enumerate(each["tried"], 1)
        ],
        "run_events": [
            {"run": name, "number": 0, "time": began, "what": "ordered", "task": None, "about": json.dumps(ordered)}
        ],
    }
    return {table.name: table.rows(rows.get(table.name, [])) for table in RUN_TABLES}


def _task_row(run: str, each: Mapping[str, Any], at: Any) -> dict[str, Any]:
    began = each["tried"][-1].began if each["tried"] else None
    given: dict[str, Any] = {
        "run": run, "element": None, "attempts": len(each["tried"]), "grades": [], "why": "", "reused_run": None,
        "reused_task": None, "fingerprint": None, "bad": None,
    }  # fmt: skip
    row = {**given, **{name: value for name, value in each.items() if name != "tried"}}
    return row | {"ready": at(each["ready"]), "began": at(began), "ended": at(each["ended"])}


def _attempt_row(run: str, each: Mapping[str, Any], number: int, tried: Tried, at: Any) -> dict[str, Any]:
    ended = tried.began + tried.seconds
    return {
        "run": run, "task": each["task"], "attempt": number, "job": f"{run}-{number}", "stage": each["stage"],
        "command": "true", "parameters": "{}", "ready": at(tried.ready), "submitted": at(tried.began),
        "began": at(tried.began), "ended": at(ended), "settled": at(ended + tried.inspecting),
        "failure": tried.failure, "message": "", "code": 1 if tried.failure else 0, "signal": None,
        "wall": tried.seconds, "cpu": tried.seconds * tried.cpus if tried.cpu is None else tried.cpu,
        "memory": tried.peak, "read": tried.read, "written": tried.written, "cpus": tried.cpus,
        "memory_given": tried.memory, "disk_given": 0, "gpus": tried.gpus, "time_given": None,
        "licences": json.dumps(dict(tried.licences)), "instruments": json.dumps(dict(tried.instruments)),
        "waited": json.dumps(dict(tried.waited)), "inspecting": tried.inspecting, "recording": 0.0,
    }  # fmt: skip
