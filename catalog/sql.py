"""SQL over one version of a catalog: DuckDB, with one view per table.

DuckDB reads the segments through Arrow, never by their paths: so it can be shut off from every file, and no statement
can write to the archive, not even one that names a segment's file.  Every segment is verified before it is registered.
"""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import dataset, fs

from .enclosed import check_select, quoted, sql_comments, sql_database, sql_mentioned, sql_select

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import duckdb

    from .files import SegmentFiles
    from .log import Segment
    from .state import State
    from .tables import Table

__all__ = ["connect", "query"]

_lock = threading.Lock()


def connect(
    tables: Iterable[Table], state: State, files: SegmentFiles, *, views: Mapping[str, str] | None = None
) -> duckdb.DuckDBPyConnection:
    """A connection in which ``tables`` hold what they hold in ``state``; ``views`` (a name and a SELECT each) follow.

    It has its own memory and reaches no file, no network and no extension; the sentences of tables and columns are its
    comments.  Raises ``ObjectMissing``, ``ObjectDamaged``, or what the store raises.
    """
    connection = sql_database()
    _register(connection, tables, state, files, views or {})
    return connection


def query(
    text: str,
    tables: Mapping[str, Table],
    state: State,
    files: SegmentFiles,
    *,
    params: Sequence[object] | Mapping[str, object] | None = None,
    views: Mapping[str, str] | None = None,
) -> duckdb.DuckDBPyRelation:
    """The relation that the SELECT ``text`` describes; it stays valid for as long as it is held.

    Only the tables that it mentions are opened.  Raises what ``sql_select`` and ``connect`` do.
    """
    check_select(text)
    every = views or {}
    needed, followed = sql_mentioned(text, tables, every)
    with _lock:
        connection = _shared(os.getpid()).cursor()
    _register(connection, [tables[n] for n in needed], state, files, {name: every[name] for name in followed})
    return sql_select(connection, text, params=params)


@cache
def _shared(process: int) -> duckdb.DuckDBPyConnection:
    """The database of all queries of a process: each has its own connection, which costs far less than a database."""
    del process  # a forked child may not use its parent's
    return sql_database()


def _register(
    connection: duckdb.DuckDBPyConnection,
    tables: Iterable[Table],
    state: State,
    files: SegmentFiles,
    views: Mapping[str, str],
) -> None:
    connection.execute("SET TimeZone = 'UTC'")
    for table in tables:
        connection.register(table.name, _rows(table, state.segments(table.name), files))
        connection.execute(sql_comments(table, kind="VIEW"))
    for name, text in views.items():
        connection.execute(f"CREATE TEMP VIEW {quoted(name)} AS {text}")


def _rows(table: Table, segments: Sequence[Segment], files: SegmentFiles) -> Any:
    """A table's rows for DuckDB; where other records name the table's segments, with a column that tells each row's."""
    paths = files.paths(segments)
    if not table.named:
        if not paths:
            return table.empty()
        # As a rule all are of one kind: which one is said when a table is first declared.
        kinds: dict[str, list[str]] = {}
        for segment, path in zip(segments, paths, strict=True):
            kinds.setdefault("ipc" if segment.mapped else "parquet", []).append(path)
        found = [dataset.dataset(each, schema=table.schema, format=kind) for kind, each in kinds.items()]
        return found[0] if len(found) == 1 else dataset.dataset(found)
    schema = table.schema.append(pa.field("segment", pa.string(), metadata={"about": "The segment the row lies in."}))
    if not paths:
        return schema.empty_table()
    return dataset.FileSystemDataset.from_paths(
        paths,
        schema,
        dataset.ParquetFileFormat(),
        filesystem=fs.LocalFileSystem(),
        partitions=[dataset.field("segment") == segment.name for segment in segments],
    )
