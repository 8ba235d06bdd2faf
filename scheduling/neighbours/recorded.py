"""One run as its tables have it, row by row, for those who tell others of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from holotype.catalog import InvalidOption

from ..records.tables import RUN_TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from holotype.catalog import Table

__all__ = ["Recorded", "Row", "Tables", "recorded"]

Tables = "Mapping[str, pl.DataFrame | pa.Table]"
Row = dict[str, Any]

# Nothing can be told without them; all others may be missing, and then there is none of it.
_NEEDED = ("runs", "tasks", "attempts", "task_files")


@dataclass(frozen=True)
class Recorded:
    """A run.  ``attempts``, ``used`` and ``made``: by the names of tasks.  ``tables``: all of it, of this run only."""

    run: Row
    tasks: dict[str, Row]
    attempts: dict[str, list[Row]]
    used: dict[str, list[Row]]
    made: dict[str, list[Row]]
    tables: dict[str, pa.Table]

    @property
    def name(self) -> str:
        """The run's."""
        return str(self.run["run"])

    def making(self, task: str) -> Row | None:
        """The attempt that made what a task has made, if it did."""
        attempts = self.attempts.get(task, ())
        last = attempts[-1] if attempts else None
        done = last is not None and self.tasks[task]["state"] == "done" and last["failure"] is None
        return last if done else None


def recorded(tables: Mapping[str, pl.DataFrame | pa.Table], *, run: str | None = None) -> Recorded:
    """A run of those in the tables; ``run``: its name, where there are several.

    Raises ``InvalidOption`` where a table is missing or there is no such run, and ``RowsRefused`` where a table is not
    as it is declared.
    """
    if missing := [name for name in _NEEDED if name not in tables]:
        raise InvalidOption(f"there is no table {', '.join(missing)}", option="tables")
    every = {table.name: _enforced(table, tables.get(table.name)) for table in RUN_TABLES}
    names = every["runs"]["run"].to_pylist()
    if run is None and len(names) != 1:
        raise InvalidOption(f"there are {len(names)} runs in the tables: say which, run=", option="run")
    chosen = names[0] if run is None else run
    if names.count(chosen) != 1:
        raise InvalidOption(f"there is no run {chosen} in the tables, or more than one", option="run")
    own = {name: table.filter(pa.compute.equal(table["run"], chosen)) for name, table in every.items()}
    tasks = {row["task"]: row for row in own["tasks"].to_pylist()}
    files = own["task_files"].to_pylist()
    return Recorded(
        run=own["runs"].to_pylist()[0],
        tasks=tasks,
        attempts=_of_tasks(sorted(own["attempts"].to_pylist(), key=lambda row: row["attempt"]), tasks),
        used=_of_tasks([row for row in files if row["direction"] == "used"], tasks),
        made=_of_tasks([row for row in files if row["direction"] == "made"], tasks),
        tables=own,
    )


def _enforced(table: Table, given: pl.DataFrame | pa.Table | None) -> pa.Table:
    if given is None:
        return table.empty()
    rows = given.to_arrow() if isinstance(given, pl.DataFrame) else given
    # Who keeps more in a table than is declared keeps it to himself.
    return table.enforce(rows.select([name for name in rows.schema.names if name in table.schema.names]))


def _of_tasks(rows: list[Row], tasks: Mapping[str, Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row["task"] not in tasks:
            raise InvalidOption(f"there is no task {row['task']} in the table tasks", option="tables")
        found.setdefault(row["task"], []).append(row)
    return found
