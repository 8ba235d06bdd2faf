"""The tables of many runs in one database in memory, which is asked while they change.

A question is answered from what was there when it was asked, however late its answer is read: each has a transaction of
its own that only reads.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa

from holotype.catalog import column, sql_comments, sql_database, sql_select

from .folding import REPLACED
from .tables import RUN_TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from .folding import Changes

__all__ = ["Store"]

_DECLARED = {table.name: table for table in RUN_TABLES}
# What is replaced stays in memory until a table is made anew: when it is more than what counts, and more than this.
_LEAST = 50_000
# Only what is attached is compressed in memory, some rows of a table at once, when it is said to.
_NAME, _TOGETHER = "site", 16_384


class Store:
    """Tables by the names that ``tables.py`` declares."""

    def __init__(self, *, least: int = _LEAST) -> None:
        self._base, self._least = sql_database(), least
        # Processors are for tasks, and of so few rows one is as fast as several; nobody who asks waits for compressing.
        self._base.execute("SET threads = 1; SET checkpoint_threshold = '1 TB'")
        self._base.execute(f"ATTACH ':memory:' AS {_NAME} (COMPRESS, ROW_GROUP_SIZE {_TOGETHER})")
        self._set_up(self._base)
        self._replaced = Counter[str]()
        for table in RUN_TABLES:
            self._base.register("new", table.empty())
            self._base.execute(f"CREATE TABLE {table.name} AS SELECT * FROM new")
            self._base.execute(sql_comments(table, kind="TABLE"))
        self._base.unregister("new")

    def put(self, run: str, changes: Changes) -> None:
        """Have what has changed in a run, all at once."""
        self._base.execute("BEGIN")
        for name, gone in changes.gone.items():
            if gone:
                self._take_away(name, run, gone)
        for name, rows in changes.rows.items():
            if rows.num_rows:
                self.add(name, rows)
        self._base.execute("COMMIT")
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

    def compress(self) -> None:
        """Have what is there take less memory."""
        self._base.execute(f"CHECKPOINT {_NAME}")

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

    def _take_away(self, name: str, run: str, gone: list[tuple[str, ...]]) -> None:
        keys = REPLACED[name]
        if keys:
            columns = [column(values, pa.string()) for values in zip(*gone, strict=True)]
            self._base.register("gone", pa.table(columns, names=list(keys)))
        which = f" AND ({', '.join(keys)}) IN (SELECT ({', '.join(keys)}) FROM gone)" if keys else ""
        which = which if len(keys) != 1 else f" AND {keys[0]} IN (SELECT {keys[0]} FROM gone)"
        self._base.execute(f"DELETE FROM {name} WHERE run = $1{which}", [run])
        self._replaced[name] += len(gone)

    def _tidy(self) -> None:
        for name, replaced in self._replaced.items():
            if replaced < self._least:
                continue
            ((count,),) = self._base.execute(f"SELECT count(*) FROM {name}").fetchall()
            if replaced > count:
                self._base.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM {name}")
                self._base.execute(sql_comments(_DECLARED[name], kind="TABLE"))
                self._replaced[name] = 0

    def _set_up(self, connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute(f"SET TimeZone = 'UTC'; USE {_NAME}")
