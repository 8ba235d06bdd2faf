"""What this library has written into a trace, taken as far as it is what it would have written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...records.tables import ATTEMPTS, RUN_SAMPLES, RUNS, TASKS
from .exporting import OWN
from .values import is_unicode

if TYPE_CHECKING:
    from holotype.catalog import Table

    from ..imported import Losses
    from .reading import Document, TraceTask

__all__ = ["Owned", "attempt_said", "run_said", "samples_said", "task_said"]

_JSON = ("licences", "instruments", "waited", "parameters")


class Owned:
    """Takes values; what is none of a kind is told of, and is not there."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses

    def text(self, said: Mapping[str, Any], name: str) -> str | None:
        """A text that is not empty."""
        value = said.get(name)
        return self._taken(name, value, isinstance(value, str) and "\0" not in value and is_unicode(value)) or None

    def texts(self, said: Mapping[str, Any], name: str) -> list[str]:
        """Several."""
        value = said.get(name)
        fits = isinstance(value, list) and all(isinstance(each, str) and is_unicode(each) for each in value)
        return self._taken(name, value, fits) or []

    def count(self, said: Mapping[str, Any], name: str) -> int | None:
        """A whole number."""
        value = said.get(name)
        fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 62
        found: int | None = self._taken(name, value, fits)
        return found

    def number(self, said: Mapping[str, Any], name: str) -> float | None:
        """A number."""
        value = said.get(name)
        fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1 << 62
        found: float | None = self._taken(name, value, fits)
        return found

    def one(self, table: Table, said: Mapping[str, Any], name: str) -> str | None:
        """One of those that a column of a table may have."""
        among = next(column.among for column in table.columns if column.name == name)
        value = self.text(said, name)
        found: str | None = self._taken(name, value, value is None or not among or value in among)
        return found

    def ports(self, said: Mapping[str, Any], direction: str) -> dict[str, str]:
        """By which input or output a task took or made files."""
        every = said.get("ports")
        of = every.get(direction) if isinstance(every, Mapping) else None
        found: dict[str, str] = {}
        for port, files in of.items() if isinstance(of, Mapping) else ():
            found |= {file: port for file in self.texts({port: files}, port) if port}
        return found

    def _taken(self, name: str, value: Any, fits: bool) -> Any:  # noqa: FBT001
        if value is not None and not fits:
            self._losses.add(f"{OWN}.{name}", value, "it is nothing that was ever written there")
        return value if fits else None


def run_said(own: Owned, document: Document) -> dict[str, Any]:
    """What a run's row has that is not measured."""
    said = document.own
    tools = said.get("tools")
    return {
        "workflow": own.text(said, "workflow") or document.name,
        "version": own.text(said, "version") or "1",
        "state": own.one(RUNS, said, "state") or "done",
        "why": own.text(said, "why") or "",
        "operator": own.text(said, "operator") or document.operator,
        "project": own.text(said, "project") or "",
        "tools": json.dumps(tools, separators=(",", ":")) if isinstance(tools, dict) else "{}",
        "folder": own.text(said, "folder") or "",
    }


def samples_said(own: Owned, said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of samples."""
    every = said.get("samples")
    return [
        {
            "sample": own.text(each, "sample") or "",
            "state": own.one(RUN_SAMPLES, each, "state") or "done",
            "grades": own.texts(each, "grades"),
            "why": own.text(each, "why") or "",
        }
        for each in (every if isinstance(every, list) else [])
        if isinstance(each, Mapping)
    ]


def task_said(own: Owned, task: TraceTask, *, begun: bool) -> dict[str, Any]:
    """What a task's row has that is not measured; what was never begun is only ready."""
    said = task.own
    return {
        "node": own.text(said, "node") or task.kind,
        "stage": own.text(said, "stage") or task.kind,
        "sample": own.text(said, "sample"),
        "element": own.count(said, "element"),
        "state": own.one(TASKS, said, "state") or ("done" if begun else "ready"),
        "grades": own.texts(said, "grades"),
        "why": own.text(said, "why") or "",
    }


def attempt_said(own: Owned, task: TraceTask, executed: Mapping[str, Any]) -> dict[str, Any]:
    """What an attempt's row has that a trace has no place for."""
    inner = executed.get(OWN)
    said = inner if isinstance(inner, Mapping) else {}
    found: dict[str, Any] = {
        "stage": own.text(task.own, "stage") or task.kind,
        "failure": own.one(ATTEMPTS, said, "failure"),
        "message": own.text(said, "message") or "",
        "time_given": own.number(said, "time_given"),
        **{name: own.count(said, name) for name in ("code", "signal", "memory_given", "disk_given", "gpus")},
        **{name: own.text(said, name) or "{}" for name in _JSON},
    }
    if (attempt := own.count(said, "attempt")) is not None:
        found["attempt"] = attempt
    if (cpu := own.number(said, "cpu")) is not None:
        found["cpu"] = cpu
    return found
