"""Impact: everything that something bad has touched: results, snapshots that hold them, and what came of those.

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
from .backups import snapshot_digest
from .members import files_of, holders
from .nodes import framed, named

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..verify import Verified
    from .walks import Walks

__all__ = ["impact"]


def impact(
    walks: Walks,
    damage: str | os.PathLike[str] | Verified | pl.DataFrame | Iterable[str | os.PathLike[str]],
) -> pl.DataFrame:
    """Everything that came of what is bad, itself first: as ``downstream``, with ``snapshots``, the names of the live
    snapshots that hold it.

    ``damage``: an entity, several, what ``verify`` returned, or rows of its ``damage`` (``snapshot`` and ``path``).
    What nothing is recorded of is its own whole impact.  Raises what naming an entity raises, ``InvalidOption``,
    ``ObjectMissing``, ``ObjectDamaged``, or what the store raises.
    """
    context, graph, backups = walks.context, walks.graph, walks.backups
    bad = list(dict.fromkeys(_bad(walks, damage)))
    known = walks.known(bad)
    alone = framed(named([id for id in bad if id not in known])).with_columns(pl.lit(0, pl.Int32).alias("depth"))
    found = [framed(walks.future([id for id in bad if id in known]))] if known else []
    every = pl.concat([*found, alone]).filter(pl.col("kind").fill_null("") != "content")
    held = holders(context, graph, backups, every)
    # A snapshot is held by itself.
    digests = [(id, snapshot_digest(id)) for id in every.filter(pl.col("kind") == "snapshot")["id"]]
    names = [(id, [backups.name(digest)]) for id, digest in digests if digest is not None and digest in backups.rows]
    own = pl.DataFrame(names, schema=held.schema, orient="row")
    return every.join(pl.concat([held, own]), on="id", how="left", maintain_order="left")


def _bad(walks: Walks, damage: object) -> list[str]:
    match damage:
        case pl.DataFrame():
            return _damaged(walks, damage)
        case str():
            return [entity_of(walks.context, damage, state=walks.graph.state)]
    told = getattr(damage, "damage", None)  # what verify returned
    if isinstance(told, pl.DataFrame):
        return _damaged(walks, told)
    if isinstance(damage, os.PathLike):
        return [entity_of(walks.context, os.fspath(damage), state=walks.graph.state)]
    try:
        several = list(damage)  # type: ignore[call-overload]  # whatever cannot be gone through is refused
    except TypeError:
        raise InvalidOption(
            f"damage is an entity, several, or what verify returned, not {damage!r}", option="damage"
        ) from None
    return [entity_of(walks.context, each, state=walks.graph.state) for each in several]


def _damaged(walks: Walks, rows: pl.DataFrame) -> list[str]:
    """The files that a verification found damaged."""
    context, graph = walks.context, walks.graph
    missing = {"snapshot", "path"} - set(rows.columns)
    if missing:
        raise InvalidOption(f"rows of damage have columns snapshot and path, not {rows.columns}", option="damage")
    found: list[str] = []
    touched = rows.filter(pl.col("snapshot").is_not_null())
    for name, paths in touched.group_by("snapshot", maintain_order=True).agg("path").iter_rows():
        snapshot = resolve(context, name, state=graph.state, forgotten=True)
        whole = any(path is None for path in paths)
        found += [prov.snapshot_id(snapshot.id)] if whole else []
        chosen = None if whole else set(paths)
        found += files_of(context, graph, walks.backups, snapshot.id, paths=chosen, all=not whole)
    return found
