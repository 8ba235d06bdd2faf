"""Rows that were given to be kept, in tables that others declared: they travel with the dataset they go with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc

from holotype.catalog import dicts, scalar

from ..records.kept import KEPT_ROWS, KeptRows, change

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import Any

    from holotype.catalog import State

    from ..records.kept import Change
    from .inventory import End

__all__ = ["bring_kept", "missing_kept"]


def missing_kept(here: End, there: End, datasets: tuple[str, ...] | None) -> list[dict[str, Any]]:
    """What ``there`` was not given of what ``here`` was, or not as lately: rows of ``kept_rows``, a thing and a table
    each; ``datasets``: only what goes with these.

    Raises ``ObjectMissing``, ``ObjectDamaged``, or what a store raises.
    """
    theirs = _last(there)
    return [
        row
        for place, row in sorted(_last(here).items())
        if (datasets is None or row["dataset"] in datasets) and _is_news(row, theirs.get(place))
    ]


def bring_kept(here: End, there: End, datasets: tuple[str, ...] | None, *, state: State) -> Change:
    """What has to be written ``there``, with a look at its ``state``, for these rows to be what holds there as well.

    Raises ``InvalidOption`` where the two ends have different things under one name, or declared tables otherwise, and
    what ``missing_kept`` raises.
    """
    context, every = there.context, list[KeptRows]()
    said: dict[str, tuple[datetime, str]] = {}
    for about, rows in _together(missing_kept(here, there, datasets)):
        every.append(_rows(here, rows))
        said[about] = max((row["time"], row["author"]) for row in rows)
    return change(context.catalog, every, state=state, time=context.clock(), author=context.author, said=said)


def _last(end: End) -> dict[tuple[str, str, str], dict[str, Any]]:
    rows = sorted(dicts(end.read(KEPT_ROWS.name)), key=lambda row: row["time"])
    return {(row["key"], row["about"], row["table"]): row for row in rows}


def _is_news(mine: dict[str, Any], theirs: dict[str, Any] | None) -> bool:
    if theirs is None or theirs["identity"] != mine["identity"]:
        return True
    return bool(theirs["version"] != mine["version"] and theirs["time"] < mine["time"])


def _together(missing: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """By what they are about: what was given at once goes at once."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in missing:
        found.setdefault(row["about"], []).append(row)
    yield from found.items()


def _rows(here: End, rows: list[dict[str, Any]]) -> KeptRows:
    catalog, first = here.context.catalog, rows[0]
    tables = catalog.tables_at(here.state)
    own = pc.field(first["key"]) == scalar(first["about"])
    return KeptRows(
        tables={tables[row["table"]]: catalog.read(row["table"], filter=own, state=here.state) for row in rows},
        key=first["key"],
        about=first["about"],
        identity=first["identity"],
        version=first["version"],
        dataset=first["dataset"],
    )
