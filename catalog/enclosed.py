"""DuckDB, closed off from everything outside it, for records that are asked with SQL.

A database of this kind reaches no file, no network and no extension, and no variable of the program: what can be asked
is what was put into it.
"""

from __future__ import annotations

import re
import weakref
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import duckdb

from .errors import InvalidOption
from .files import scratch

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from .tables import Table

__all__ = ["check_select", "quoted", "sql_comments", "sql_database", "sql_mentioned", "sql_select"]

# Functions that can name a table by other means than writing its name.
_DYNAMIC = re.compile(r"\bquery(_table)?\s*\(", re.IGNORECASE)

# In DuckDB 1 a relation dies with the Python object of its connection, which relations derived from it do not keep.
_recent: deque[duckdb.DuckDBPyConnection] = deque(maxlen=64 if duckdb.__version__.startswith("1.") else 0)


def sql_database() -> duckdb.DuckDBPyConnection:
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


def check_select(text: str) -> None:
    """Raise ``InvalidOption`` unless ``text`` is one SELECT."""
    with _refusals(text):
        statements = duckdb.extract_statements(text)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise InvalidOption(f"this is not one SELECT: {text}", query=text)


def sql_select(
    connection: duckdb.DuckDBPyConnection,
    text: str,
    *,
    params: Sequence[object] | Mapping[str, object] | None = None,
) -> duckdb.DuckDBPyRelation:
    """The relation that the SELECT ``text`` describes; it stays valid for as long as it is held, and ``connection``,
    which is nobody else's, with it.

    Raises ``InvalidOption`` when ``text`` is no single SELECT, or DuckDB says that something is wrong in it or in
    ``params``.  Nothing is worked out before somebody reads the relation: what goes wrong then, a division or a cast or
    a lack of memory, raises a ``duckdb.Error``.
    """
    check_select(text)
    with _refusals(text):
        relation = connection.sql(text, params=params) if params is not None else connection.sql(text)
    _recent.append(connection)
    weakref.finalize(relation, _let_go, connection)
    return relation


def sql_mentioned(text: str, tables: Collection[str], views: Mapping[str, str]) -> tuple[list[str], list[str]]:
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


def sql_comments(table: Table, *, kind: Literal["TABLE", "VIEW"]) -> str:
    """Statements that give a table or view of this name the sentences of its declaration as comments."""
    lines = [f"COMMENT ON {kind} {quoted(table.name)} IS {_text(table.about)}"]
    lines += [f"COMMENT ON COLUMN {quoted(table.name)}.{quoted(c.name)} IS {_text(c.about)}" for c in table.columns]
    return ";".join(lines)


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def _refusals(text: str) -> Iterator[None]:
    """Say in the project's own words that DuckDB cannot take a query; its lack of memory is no fault of the query's."""
    try:
        yield
    except (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError, TypeError) as error:
        raise InvalidOption(f"DuckDB refuses the query: {error}", query=text) from error


def _temporary() -> str:
    """Where a query may put what memory does not hold; nothing where this process may write nowhere."""
    try:
        return str(scratch())
    except OSError:
        return ""


def _let_go(connection: duckdb.DuckDBPyConnection) -> None:
    """Called when a relation is gone; until then its finalizer holds the connection."""
    del connection


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
