"""SQL over one version of a catalog: DuckDB, with one view per table.

DuckDB reads the segments through Arrow, never by their paths: so it can be shut off from every file, and no statement
can write to the archive, not even one that names a segment's file.  Every segment is verified before it is registered.
"""

from __future__ import annotations

import os
import re
import threading
import weakref
from collections import deque
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
from pyarrow import dataset, fs

from .errors import InvalidOption
from .files import scratch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .files import SegmentFiles
    from .log import Segment
    from .state import State
    from .tables import Table

__all__ = ["connect", "mentioned", "query"]

# Functions that can name a table by other means than writing its name.
_DYNAMIC = re.compile(r"\bquery(_table)?\s*\(", re.IGNORECASE)

# In DuckDB 1 a relation dies with the Python object of its connection, which relations derived from it do not keep.
_recent: deque[duckdb.DuckDBPyConnection] = deque(maxlen=64 if duckdb.__version__.startswith("1.") else 0)

_lock = threading.Lock()


def connect(
    tables: Iterable[Table], state: State, files: SegmentFiles, *, views: Mapping[str, str] | None = None
) -> duckdb.DuckDBPyConnection:
    """A connection in which ``tables`` hold what they hold in ``state``; ``views`` (a name and a SELECT each) follow.

    It has its own memory and reaches no file, no network and no extension; the sentences of tables and columns are its
    comments.  Raises ``ObjectMissing``, ``ObjectDamaged``, or what the store raises.
    """
    connection = _instance()
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

    Only the tables that it mentions are opened.  Raises ``InvalidOption`` when ``text`` is no single SELECT, or DuckDB
    says that something is wrong in it or in ``params``, and what ``connect`` raises.  Nothing is worked out before
    somebody reads the relation: what goes wrong then, a division or a cast or a lack of memory, raises a
    ``duckdb.Error``.
    """
    with _refusals(text):
        statements = duckdb.extract_statements(text)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise InvalidOption(f"this is not one SELECT: {text}", query=text)
    every = views or {}
    needed, followed = mentioned(text, tables, every)
    with _lock:
        connection = _shared(os.getpid()).cursor()
    _register(connection, [tables[n] for n in needed], state, files, {name: every[name] for name in followed})
    with _refusals(text):
        relation = connection.sql(text, params=params) if params is not None else connection.sql(text)
    _recent.append(connection)
    weakref.finalize(relation, _let_go, connection)
    return relation


@contextmanager
def _refusals(text: str) -> Iterator[None]:
    """Say in the project's own words that DuckDB cannot take a query; its lack of memory is no fault of the query's."""
    try:
        yield
    except (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError, TypeError) as error:
        raise InvalidOption(f"DuckDB refuses the query: {error}", query=text) from error


def mentioned(text: str, tables: Mapping[str, Table], views: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The tables and the views that ``text`` may read from, views in their order; all of them when it names none."""
    wanted: set[str] = set()
    texts = [text]
    while texts:
        part = texts.pop().lower()
        words = set(re.findall(r"\w+", part))
        if _DYNAMIC.search(part):
            words |= {*tables, *views}
        found = (words & {*tables, *views}) - wanted
        texts += [views[name] for name in found if name in views]
        wanted |= found
    if not wanted:
        return list(tables), list(views)
    return [name for name in tables if name in wanted], [name for name in views if name in wanted]


def _instance() -> duckdb.DuckDBPyConnection:
    """A new database in memory that reaches nothing outside it."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "python_enable_replacements": "false",  # a name is a table, never a variable somewhere in the program
            "temp_directory": _temporary(),  # else it would be made where the process happens to run
        },
    )
    connection.execute("SET enable_external_access = false")  # it cannot be set back while the database lives
    return connection


def _temporary() -> str:
    """Where a query may put what memory does not hold; nothing where this process may write nowhere."""
    try:
        return str(scratch())
    except OSError:
        return ""


@cache
def _shared(process: int) -> duckdb.DuckDBPyConnection:
    """The database of all queries of a process: each has its own connection, which costs far less than a database."""
    del process  # a forked child may not use its parent's
    return _instance()


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
        connection.execute(_comments(table))
    for name, text in views.items():
        connection.execute(f"CREATE TEMP VIEW {_quoted(name)} AS {text}")


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


def _let_go(connection: duckdb.DuckDBPyConnection) -> None:
    """Called when a relation is gone; until then its finalizer holds the connection."""
    del connection


def _comments(table: Table) -> str:
    lines = [f"COMMENT ON VIEW {_quoted(table.name)} IS {_text(table.about)}"]
    lines += [f"COMMENT ON COLUMN {_quoted(table.name)}.{_quoted(c.name)} IS {_text(c.about)}" for c in table.columns]
    return ";".join(lines)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
