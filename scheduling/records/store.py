"""The tables of many runs in one database in memory, which is asked while they change.

A question is answered from what was there when it was asked, however late its answer is read: each has a transaction of
its own that only reads.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa

from holotype.catalog import column, sql_comments, sql_database, sql_select

from .tables import ATTEMPTS, RUN_SAMPLES, RUN_TABLES, RUNS, TASK_FILES, TASKS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from .folding import Changes

__all__ = ["Store"]

# By what rows of a run take the place of others; of tables that are not here they never do.
_KEYS: Mapping[str, tuple[str, ...]] = {
    RUNS.name: (),
    RUN_SAMPLES.name: ("sample",),
    TASKS.name: ("task",),
    ATTEMPTS.name: ("job",),
}
_DECLARED = {table.name: table for table in RUN_TABLES}
# What is replaced stays in memory until a table is made anew: when it is more than what counts, and more than this.
_LEAST = 50_000


class Store:
    """Tables by the names that ``tables.py`` declares."""

    def __init__(self) -> None:
        self._base = sql_database()
        self._set_up(self._base)
        self._replaced = Counter[str]()
        for table in RUN_TABLES:
            self._base.register("new", table.empty())
            self._base.execute(f"CREATE TABLE {table.name} AS SELECT * FROM new")
            self._base.execute(sql_comments(table, kind="TABLE"))
        self._base.unregister("new")

    def put(self, run: str, changes: Changes, *, fresh: bool = False) -> None:
        """Have what has changed in a run, all at once; ``fresh``: nothing of it is here yet."""
        base = self._base
        base.execute("BEGIN")
        if changes.files and not fresh:
            tasks, directions = zip(*changes.files, strict=True)
            keys = {"task": column(tasks, pa.string()), "direction": column(directions, pa.string())}
            self._take_away(TASK_FILES.name, run, pa.table(keys), tuple(keys))
        for name, rows in changes.rows.items():
            if name in _KEYS and not fresh:
                self._take_away(name, run, rows, _KEYS[name])
            if rows.num_rows:
                self.add(name, rows)
        base.execute("COMMIT")
        self._tidy()

    def add(self, name: str, rows: pa.Table) -> None:
        """Have further rows of a table."""
        self._base.register("new", rows)
        self._base.execute(f"INSERT INTO {name} SELECT * FROM new")
        self._base.unregister("new")

    def forget(self, run: str) -> None:
        """Have nothing of a run any more."""
        self._base.execute("BEGIN")
        for table in RUN_TABLES:
            self._base.execute(f"DELETE FROM {table.name} WHERE run = $1", [run])
        self._base.execute("COMMIT")

    def rows(self, name: str, run: str | None = None) -> pa.Table:
        """A table's rows, as it is declared; of one run, or of all."""
        where = "" if run is None else " WHERE run = $1"
        found = self._base.sql(f"SELECT * FROM {name}{where}", params=None if run is None else [run]).to_arrow_table()
        return found.cast(_DECLARED[name].schema)

    def select(
        self, text: str, params: Sequence[object] | Mapping[str, object] | None = None
    ) -> duckdb.DuckDBPyRelation:
        """What a SELECT gives.  Raises what ``sql_select`` does."""
        connection = self._base.cursor()
        self._set_up(connection)
        connection.execute("BEGIN TRANSACTION READ ONLY")
        return sql_select(connection, text, params=params)

    def close(self) -> None:
        """Leave it."""
        self._base.close()

    def _take_away(self, name: str, run: str, rows: pa.Table, keys: tuple[str, ...]) -> None:
        """Rows of a run that have these keys; missing ones are nobody's."""
        if not rows.num_rows:
            return
        where = f"{name}.run = $1" + "".join(f" AND {name}.{key} = gone.{key}" for key in keys)
        if keys:
            self._base.register("gone", rows.select(list(keys)))
            gone = self._base.execute(f"DELETE FROM {name} USING gone WHERE {where}", [run]).fetchone()
            self._base.unregister("gone")
        else:
            gone = self._base.execute(f"DELETE FROM {name} WHERE {where}", [run]).fetchone()
        self._replaced[name] += gone[0] if gone else 0

    def _tidy(self) -> None:
        for name, replaced in self._replaced.items():
            if replaced < _LEAST:
                continue
            count = self._base.execute(f"SELECT count(*) FROM {name}").fetchone()
            if count and replaced > count[0]:
                self._base.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM {name}")
                self._base.execute(sql_comments(_DECLARED[name], kind="TABLE"))
                self._replaced[name] = 0

    def _set_up(self, connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("SET TimeZone = 'UTC'")
