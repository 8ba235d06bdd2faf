"""What runs of a site have used, read from their journals alone: whoever has them in hand, and whatever they ran.

The tables are those of ``records``, with the columns that usage is reckoned from.  An attempt that is not over has used
what it has until now.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ..running.journal import read_events

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from ..running.journal import Event

__all__ = ["Ledger", "read_ledger"]

_TIME = pl.Datetime("us", "UTC")
_RUNS = {
    "run": pl.String(), "workflow": pl.String(), "operator": pl.String(), "project": pl.String(), "began": _TIME,
}  # fmt: skip
_TASKS = {"run": pl.String(), "task": pl.String(), "node": pl.String(), "sample": pl.String()}
_ATTEMPTS = {
    "run": pl.String(), "task": pl.String(), "attempt": pl.Int64(), "stage": pl.String(), "submitted": _TIME,
    "settled": _TIME, "failure": pl.String(), "cpu": pl.Float64(), "memory": pl.Int64(), "read": pl.Int64(),
    "written": pl.Int64(), "cpus": pl.Int64(), "memory_given": pl.Int64(), "gpus": pl.Int64(),
    "licences": pl.String(), "instruments": pl.String(),
}  # fmt: skip


@dataclass
class _Read:
    """One journal.  ``estimate``: what was thought that it would use, and ``over``: whether it uses nothing more."""

    run: str
    ordered: Event = field(default_factory=dict)
    attempts: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    over: bool = False

    def take(self, event: Event) -> None:
        match event["what"]:
            case "ordered":
                self.ordered = event
            case "begun":
                self.over = False
                key = (event["task"], event["attempt"])
                self.attempts[key] = self._begun(event)
            case "over" | "ended":
                self._ended(event)
            case "measured":
                self.over = event["over"]
            case _:
                pass  # it uses nothing

    def _begun(self, event: Event) -> dict[str, Any]:
        needs = event["needs"]
        return {
            "run": self.run,
            "task": event["task"],
            "attempt": event["attempt"],
            "stage": event.get("stage", ""),
            "submitted": event["time"],
            "cpus": needs["cpus"],
            "memory_given": needs["memory"],
            "gpus": needs["gpus"],
            "licences": json.dumps(needs["licences"]),
            "instruments": json.dumps(needs["instruments"]),
        }

    def _ended(self, event: Event) -> None:
        open_ = [key for key in self.attempts if key[0] == event["task"] and "settled" not in self.attempts[key]]
        for key in open_:
            used = event.get("used", {})
            failure = event["happened"]["failure"] if "happened" in event else None
            self.attempts[key] |= {
                "settled": event["time"],
                "failure": "stopped" if event["what"] == "ended" else failure,
                **{name: used.get(name) for name in ("cpu", "memory", "read", "written")},
            }


@dataclass(frozen=True, eq=False)
class Ledger:
    """``tables``: by their names.  ``estimates``: of the runs that are not over, what they were thought to use, by what
    it is.
    """

    tables: dict[str, pl.DataFrame]
    estimates: dict[str, dict[str, float]]


def read_ledger(site: str | os.PathLike[str], *, since: float = 0.0, now: float | None = None) -> Ledger:
    """All runs below a site's folder whose journals were written to ``since`` then, in seconds since 1970; ``now``:
    what time it is.  Raises ``ObjectDamaged`` where a journal is not as it was written.
    """
    read = [*_journals(Path(site), since)]
    until = datetime.now(UTC).timestamp() if now is None else now
    runs = [
        {
            "run": each.run,
            "workflow": each.ordered.get("workflow", ""),
            "operator": each.ordered.get("by", ""),
            "project": each.ordered.get("project", ""),
            "began": _at(each.ordered["time"]),
        }
        for each in read
    ]
    attempts: list[dict[str, Any]] = [
        {**row, "submitted": _at(row["submitted"]), "settled": _at(max(row["submitted"], row.get("settled", until)))}
        for each in read
        for row in each.attempts.values()
    ]
    tasks = {(row["run"], row["task"]): {"run": row["run"], **_named(row["task"])} for row in attempts}
    tables = {
        "runs": pl.DataFrame(runs, schema=_RUNS),
        "tasks": pl.DataFrame([*tasks.values()], schema=_TASKS),
        "attempts": pl.DataFrame(attempts, schema=_ATTEMPTS),
    }
    return Ledger(tables, {each.run: each.ordered.get("estimate") or {} for each in read if not each.over})


def _journals(site: Path, since: float) -> Iterator[_Read]:
    for journal in sorted((site / "runs").glob("*/journal")):
        if journal.stat().st_mtime < since:
            continue
        read = _Read(journal.parent.name)
        for event in read_events(journal):
            read.take(event)
        if read.ordered:
            yield read


def _named(task: str) -> dict[str, str | None]:
    """A task's node and sample, which its name tells: neither brackets nor dots are in names of steps."""
    node, bracket, rest = task.partition("[")
    sample = rest.rpartition("]")[0] if bracket else None
    return {"task": task, "node": node if bracket else node.partition(".")[0], "sample": sample}


def _at(time: float) -> datetime:
    return datetime.fromtimestamp(time, UTC)
