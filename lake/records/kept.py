"""Rows that others have an archive keep, in tables that they declare (see ``catalog/kept.py``).

Rows come together for one thing that they are all of, such as a run: a column, the ``key``, has its name in each.  Told
again, the later telling stands in place of the one before, whole::

    KeptRows({RUNS: …, TASKS: …}, key="run", about="germline-7", identity="41b2…", version="9f86…")

``identity`` is of the thing itself, so that two that happen to have one name are not taken for each other; ``version``
is of what is said of it: where that is the same, nothing is done.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import (
    KEPT_TABLES,
    Column,
    Conflict,
    InvalidOption,
    Table,
    column,
    declaration_of,
    dicts,
    scalar,
    widening,
)

from .references import check_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from holotype.catalog import Catalog, Entry, Segment, State

__all__ = ["KEPT", "KEPT_ROWS", "Change", "KeptRows", "change", "is_news", "kept_last"]

_TEXT, _COUNT = pa.string(), pa.int64()

KEPT_ROWS = Table(
    "kept_rows",
    "Which rows were given to be kept in tables that others declared; what was given last for a thing holds.",
    (
        Column("about", _TEXT, "What the rows are of: what they have in the column that key names."),
        Column("key", _TEXT, "The column that says what a row is of."),
        Column("table", _TEXT, "The table."),
        Column("dataset", _TEXT, "The dataset that they go with when it is copied, if any.", nullable=True),
        Column("identity", _TEXT, "What tells the thing from others of its name."),
        Column("version", _TEXT, "What tells what is said of it from what was said before."),
        Column("rows", _COUNT, "How many rows.", least=0),
        Column("digest", _TEXT, "SHA-256 of the rows, as Arrow writes them.", matches="[0-9a-f]{64}"),
        Column("time", pa.timestamp("us", tz="UTC"), "When they were given."),
        Column("author", _TEXT, "By whom."),
    ),
)

KEPT = (KEPT_ROWS, KEPT_TABLES)
_NOTHING: tuple[Segment, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class KeptRows:
    """Rows to be kept (see the module).

    ``tables``: rows by their declared tables, each with a column ``key`` that has ``about`` in every row; of a table
    without rows, those that there were go.  ``dataset``: what they go with when datasets are copied.
    """

    tables: Mapping[Table, pa.Table]
    key: str
    about: str
    identity: str
    version: str
    dataset: str | None = None

    def __post_init__(self) -> None:
        if self.dataset is not None:
            check_name(self.dataset)
        for table, rows in self.tables.items():
            if self.key not in table.schema.names or self.key not in rows.schema.names:
                raise InvalidOption(f"the table {table.name} has no column {self.key}", option="key")
            if rows.num_rows and not pc.all(pc.equal(rows[self.key], scalar(self.about))).as_py():
                raise InvalidOption(f"rows of {table.name} are of something else than {self.about}", option="about")

    def refuse_names(self, taken: Collection[str]) -> None:
        """Raise ``InvalidOption`` where a table has the name of one that the archive has for itself."""
        for table in self.tables:
            if table.name in taken:
                raise InvalidOption(f"{table.name} is a table of the archive's own: call it otherwise", option="tables")


@dataclass(frozen=True)
class Change:
    """Segments to be added and removed in one commit, with a state as its view, that has to pass ``check``."""

    add: tuple[Segment, ...] = ()
    remove: tuple[Segment, ...] = ()

    def check(self, since: Sequence[Entry], present: State) -> None:
        """Raise ``Conflict`` when rows were kept meanwhile: then it is to be looked at again what there is."""
        del present
        if self.add and any(KEPT_ROWS.name in entry.add for entry in since if not entry.is_compaction):
            raise Conflict("rows were kept meanwhile: look again at what there is", said=True)


def kept_last(catalog: Catalog, about: str, *, state: State) -> dict[str, dict[str, Any]]:
    """What was given last for a thing: the row of ``kept_rows``, by table."""
    rows = dicts(catalog.read(KEPT_ROWS.name, filter=pc.field("about") == scalar(about), state=state))
    return {row["table"]: row for row in sorted(rows, key=lambda row: row["time"])}


def is_news(catalog: Catalog, given: KeptRows, *, state: State) -> bool:
    """Whether something has to be written for ``given`` to be what holds.

    Raises ``InvalidOption`` where there is another thing of that name, or a table was declared otherwise,
    ``RowsRefused``, or what the store raises.
    """
    last = kept_last(catalog, given.about, state=state)
    other = [row for row in last.values() if row["identity"] != given.identity or row["key"] != given.key]
    if other:
        raise InvalidOption(
            f"another {given.key} {given.about} is in this archive already, since {other[0]['time']:%Y-%m-%d}:"
            " what is told of one must not stand in place of what was told of the other",
            option="about",
            about=given.about,
        )
    known = catalog.tables_at(state)
    wider = [table.name in known and widening(known[table.name], table) for table in given.tables]
    for table, rows in given.tables.items():
        table.enforce(rows)
    names = {table.name for table in given.tables}
    return any(wider) or not names <= last.keys() or any(last[name]["version"] != given.version for name in names)


def change(
    catalog: Catalog,
    every: Sequence[KeptRows],
    *,
    state: State,
    time: datetime,
    author: str,
    said: Mapping[str, tuple[datetime, str]] | None = None,
) -> Change:
    """What has to be written for all of ``every`` to be what holds; nothing where it does already.

    ``said``: when and by whom each was given, by what it is about, by default now.  Raises as ``is_news``.
    """
    news = [given for given in every if is_news(catalog, given, state=state)]
    if not news:
        return Change()
    tables = {table.name: table for given in news for table in given.tables}
    add, remove = _declared(catalog, tables.values(), state, time, author), [*_NOTHING]
    for name, table in tables.items():
        own = [(given, rows) for given in news for each, rows in given.tables.items() if each.name == name]
        left, gone = _without(catalog, table, {(given.key, given.about) for given, _ in own}, state=state)
        remove += gone
        rows = pa.concat_tables([left, *(table.enforce(rows) for _, rows in own)])
        if rows.num_rows:
            add.append(catalog.write_as(table, rows))
    marks = [
        row for given in news for row in _marks(catalog, given, state, *(said or {}).get(given.about, (time, author)))
    ]
    add.append(catalog.write(KEPT_ROWS.name, KEPT_ROWS.rows(marks)))
    return Change(tuple(add), tuple(remove))


def _marks(catalog: Catalog, given: KeptRows, state: State, time: datetime, author: str) -> list[dict[str, Any]]:
    """What says that these rows hold: the last that is said, whatever clocks say."""
    last = kept_last(catalog, given.about, state=state)
    return [
        {
            "about": given.about,
            "key": given.key,
            "table": table.name,
            "dataset": given.dataset,
            "identity": given.identity,
            "version": given.version,
            "rows": rows.num_rows,
            "digest": _digest(table.enforce(rows)),
            "time": max(time, last[table.name]["time"]) if table.name in last else time,
            "author": author,
        }
        for table, rows in given.tables.items()
    ]


def _declared(catalog: Catalog, tables: Iterable[Table], state: State, time: datetime, author: str) -> list[Segment]:
    """What declares those tables that are new, or have more columns than they had."""
    known = catalog.tables_at(state)
    versions = catalog.read(KEPT_TABLES.name, columns=["name"], state=state)["name"].to_pylist()
    rows = [
        {
            "name": table.name,
            "version": versions.count(table.name) + 1,
            "declaration": declaration_of(table),
            "time": time,
            "author": author,
        }
        for table in tables
        if table.name not in known or widening(known[table.name], table)
    ]
    return [catalog.write(KEPT_TABLES.name, KEPT_TABLES.rows(rows))] if rows else []


def _without(
    catalog: Catalog, table: Table, told: Collection[tuple[str, str]], *, state: State
) -> tuple[pa.Table, tuple[Segment, ...]]:
    """The rows of others that lie in segments with some of those that are told anew (a key and what it has), and these
    segments.
    """
    found, left = [*_NOTHING], [table.empty()]
    if table.name not in catalog.tables_at(state):
        return left[0], ()
    keys = sorted({key for key, _ in told})
    for segment in state.segments(table.name):
        own = catalog.read(table.name, columns=keys, segments=[segment])
        if any(about in own[key].unique().to_pylist() for key, about in told):
            found.append(segment)
            left.append(_others(table, catalog.read(table.name, segments=[segment]), told))
    return pa.concat_tables(left), tuple(found)


def _others(table: Table, rows: pa.Table, told: Collection[tuple[str, str]]) -> pa.Table:
    """The rows of others, with the columns that a table was given since."""
    for key in {key for key, _ in told}:
        abouts = column(sorted(about for each, about in told if each == key), rows.schema.field(key).type)
        rows = rows.filter(pc.invert(pc.is_in(rows[key], value_set=abouts)))
    for each in table.columns:
        if each.name not in rows.schema.names:
            rows = rows.append_column(each.name, column([None] * rows.num_rows, each.type))
    return table.enforce(rows)


def _digest(rows: pa.Table) -> str:
    """SHA-256 of rows, however they lie in memory."""
    sink = pa.BufferOutputStream()
    whole = rows.combine_chunks().replace_schema_metadata(None)
    with pa.ipc.new_stream(sink, whole.schema) as stream:
        stream.write_table(whole)
    return hashlib.sha256(sink.getvalue()).hexdigest()
