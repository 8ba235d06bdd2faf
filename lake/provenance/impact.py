"""Impact: everything that something bad has touched: results, snapshots that hold them, and what was published of them.

What is bad is a file or another entity, several of them, or what a verification found damaged.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import polars as pl

from holotype.catalog import InvalidOption
from holotype.catalog import provenance as prov

from ..lineage.naming import entity_of
from ..records.snapshots import resolve
from .members import files_of, holders
from .nodes import framed, named, starts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..context import Context
    from ..verify import Verified

__all__ = ["impact"]


def impact(
    context: Context,
    graph: prov.Graph,
    damage: str | os.PathLike[str] | Verified | pl.DataFrame | Iterable[str | os.PathLike[str]],
) -> pl.DataFrame:
    """Everything that came of what is bad, itself first: as ``downstream``, with ``snapshots``, the names of the live
    snapshots that hold it.

    ``damage``: an entity, several, what ``verify`` returned, or rows of its ``damage`` (``snapshot`` and ``path``).
    What nothing is recorded of is its own whole impact.  Raises what naming an entity raises, ``InvalidOption``,
    ``ObjectMissing``, ``ObjectDamaged``, or what the store raises.
    """
    bad = list(dict.fromkeys(_bad(context, graph, damage)))
    there = graph.known(bad).tolist() if bad else []
    known = [id for id, is_there in zip(bad, there, strict=True) if is_there]
    found = framed(graph.walk(known, past=False).nodes) if known else None
    alone = [id for id, is_there in zip(bad, there, strict=True) if not is_there]
    parts = [
        *([found] if found is not None else []),
        framed(named(alone)).with_columns(pl.lit(0, pl.Int32).alias("depth")),
    ]
    every = pl.concat(parts).filter(pl.col("kind").fill_null("") != "content")
    if not every["dataset"].null_count() < every.height:
        return every.with_columns(pl.lit(None, pl.List(pl.String)).alias("snapshots"))
    return every.join(holders(context, graph, every), on="id", how="left", maintain_order="left")


def _bad(context: Context, graph: prov.Graph, damage: object) -> list[str]:
    match damage:
        case pl.DataFrame():
            return _damaged(context, graph, damage)
        case str():
            return _entities(context, graph, damage)
    told = getattr(damage, "damage", None)  # what verify returned
    if isinstance(told, pl.DataFrame):
        return _damaged(context, graph, told)
    if isinstance(damage, os.PathLike):
        return _entities(context, graph, os.fspath(damage))
    try:
        several = list(damage)  # type: ignore[call-overload]  # whatever cannot be gone through is refused
    except TypeError:
        raise InvalidOption(
            f"damage is an entity, several, or what verify returned, not {damage!r}", option="damage"
        ) from None
    return [id for each in several for id in _entities(context, graph, each)]


def _entities(context: Context, graph: prov.Graph, each: str | os.PathLike[str]) -> list[str]:
    entity = entity_of(context, each, state=graph.state)
    return [entity, *(id for id in starts(context, graph, entity) if id != entity)]


def _damaged(context: Context, graph: prov.Graph, rows: pl.DataFrame) -> list[str]:
    """The files that a verification found damaged."""
    missing = {"snapshot", "path"} - set(rows.columns)
    if missing:
        raise InvalidOption(f"rows of damage have columns snapshot and path, not {rows.columns}", option="damage")
    found: list[str] = []
    touched = rows.filter(pl.col("snapshot").is_not_null())
    for name, paths in touched.group_by("snapshot", maintain_order=True).agg("path").iter_rows():
        snapshot = resolve(context, name, state=graph.state, forgotten=True)
        whole = any(path is None for path in paths)
        found += [prov.snapshot_id(snapshot.id)] if whole else []
        found += files_of(context, graph, snapshot.id, paths=None if whole else set(paths), all=not whole)
    return found
