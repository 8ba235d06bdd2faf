"""The attempts at tasks that others came after: what came to nothing, and what was taken for it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import column, dicts, scalar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .facts import RunFacts

__all__ = ["Before", "attempts_before"]


@dataclass(frozen=True)
class Before:
    """An attempt.  ``number``: which of its task, from 0.  ``row``: as ``attempts`` has it.  ``used``: files, with the
    columns of ``task_files``.
    """

    number: int
    row: Mapping[str, Any]
    used: Sequence[Mapping[str, Any]]


def attempts_before(facts: RunFacts) -> dict[str, list[Before]]:
    """All but the last of each task that were begun, by the names of tasks, in their order; few tasks have any."""
    attempts = facts.tables["attempts"]
    often = Counter(attempts["task"].to_pylist())
    several = column([name for name, count in often.items() if count > 1], pa.string())
    if not len(several):
        return {}
    rows = defaultdict[str, list[dict[str, Any]]](list)
    for row in dicts(attempts.filter(pc.is_in(attempts["task"], value_set=several))):
        rows[row["task"]].append(row)
    ports, seen = _ports(facts, several), _seen(facts, several)
    found: dict[str, list[Before]] = {}
    for task, own in rows.items():
        for number, row in enumerate(own[:-1]):
            if row["job"] is not None:  # else it was never begun
                used = [{**each, "port": ports.get((task, each["path"]))} for each in seen.get(row["job"], ())]
                found.setdefault(task, []).append(Before(number, row, used))
    return found


def _ports(facts: RunFacts, tasks: pa.Array) -> dict[tuple[str, str], str | None]:
    """The inputs that files were of, by tasks and paths; of what the last attempt did without it is not known."""
    files = facts.tables["task_files"]
    used = pc.and_(pc.is_in(files["task"], value_set=tasks), pc.equal(files["direction"], scalar("used")))
    return {(row["task"], row["path"]): row["port"] for row in dicts(files.filter(used))}


def _seen(facts: RunFacts, tasks: pa.Array) -> dict[str, list[dict[str, Any]]]:
    """The files that attempts were given, by their jobs."""
    events = facts.tables["run_events"]
    begun = pc.and_(pc.equal(events["what"], scalar("begun")), pc.is_in(events["task"], value_set=tasks))
    said = [json.loads(each) for each in events.filter(begun)["about"].to_pylist()]
    return {each["job"]: each["inputs"]["seen"] for each in said}
