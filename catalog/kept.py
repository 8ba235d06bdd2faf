"""Tables that those who use an archive give it: declared in the archive itself, so that whoever opens it has them.

A program hands over its own ``Table`` with rows; the declaration is kept as one row of ``kept_tables``, and from then
on the table is one of the archive's, in SQL and everywhere, also for programs that never heard of who declared it::

    kept_tables   attempts, 1   {"name": "attempts", "about": …, "columns": […], "schema": …}
                  attempts, 2   the same with a column more, which is missing in older rows

The newest declaration of a table holds.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from .columns import dicts
from .errors import InvalidOption, LogDamaged
from .tables import Column, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KEPT_TABLES", "declaration_of", "declared_in", "widening"]

_TEXT = pa.string()

KEPT_TABLES = Table(
    "kept_tables",
    "The tables that those who use the archive have declared: their newest declaration holds.",
    (
        Column("name", _TEXT, "The table's name."),
        Column("version", pa.int64(), "Which declaration of it, from 1.", least=1),
        Column("declaration", _TEXT, "What it is: sentences, columns and their rules, as JSON."),
        Column("time", pa.timestamp("us", tz="UTC"), "When it was declared."),
        Column("author", _TEXT, "By whom."),
    ),
)


def declaration_of(table: Table) -> str:
    """A table in words that ``declared_in`` understands: JSON, with the Arrow schema as Arrow itself writes it.

    Raises ``InvalidOption`` for a table whose rows are sorted, named or mapped: such are the archive's own.
    """
    if table.sort or table.named or table.mapped:
        raise InvalidOption(f"rows of {table.name} stay in the order they come in: declare it plainly", option="tables")
    columns = [
        {
            "name": each.name,
            "type": str(each.type),
            "about": each.about,
            "nullable": each.nullable,
            "least": each.least,
            "among": None if each.among is None else list(each.among),
            "matches": each.matches,
        }
        for each in table.columns
    ]
    schema = base64.b64encode(pa.schema([(each.name, each.type) for each in table.columns]).serialize()).decode()
    return json.dumps({"name": table.name, "about": table.about, "columns": columns, "schema": schema})


def declared_in(rows: pa.Table) -> Mapping[str, Table]:
    """The tables that the rows of ``kept_tables`` declare, by name.  Raises ``LogDamaged`` for what declares none."""
    newest: dict[str, dict[str, Any]] = {}
    for row in dicts(rows):
        if row["version"] >= newest.get(row["name"], row)["version"]:
            newest[row["name"]] = row
    return {name: _table(row["declaration"], name) for name, row in sorted(newest.items())}


def _table(declaration: str, name: str) -> Table:
    try:
        said = json.loads(declaration)
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(said["schema"])))
        columns = tuple(
            Column(
                each["name"],
                schema.field(each["name"]).type,
                each["about"],
                each["nullable"],
                each["least"],
                None if each["among"] is None else tuple(each["among"]),
                each["matches"],
            )
            for each in said["columns"]
        )
        return Table(said["name"], said["about"], columns)
    except (ValueError, KeyError, TypeError, binascii.Error, pa.ArrowException) as error:
        raise LogDamaged(f"the declaration of the table {name} cannot be read: {error!r}", table=name) from error


def widening(before: Table, after: Table) -> bool:
    """Whether a table is declared anew, rather than as it was.

    What was there stays as it was, for rows that were kept have it; a column that is new may be missing, as it is in
    those.  Raises ``InvalidOption`` where that is not so.
    """
    if declaration_of(before) == declaration_of(after):
        return False
    old, new = ({each.name: each for each in table.columns} for table in (before, after))
    wrong = [f"{name} is gone" for name in old if name not in new]
    wrong += [
        f"{name} is {new[name].type}, and was {old[name].type}"
        for name in old
        if name in new and new[name].type != old[name].type
    ]
    wrong += [
        f"{name} is not to be missing, and may be in rows that were kept"
        for name, each in new.items()
        if not each.nullable and (name not in old or old[name].nullable)
    ]
    if wrong:
        what = f"the table {after.name} was declared otherwise in this archive: {'; '.join(wrong)}"
        raise InvalidOption(what, option="tables", table=after.name)
    return True
