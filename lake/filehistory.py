"""The history of one file: what it was in each snapshot of a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow.compute as pc

from .manifest import Manifest
from .reading.lookup import entry, missing, path_of
from .records.liveness import ranges_of
from .records.snapshots import resolve, snapshots
from .tree.paths import key

if TYPE_CHECKING:
    import pyarrow as pa

    from holotype.catalog import State

    from .context import Context

    Row = dict[str, Any]
    Place = tuple[str, ...]

__all__ = ["file_history"]

_CONTENT = ("kind", "size", "sha256", "target")
_ATTRIBUTES = ("mtime_ns", "mode", "uid", "gid", "xattrs")
_COLUMNS = ["path", "path_bytes", *_CONTENT, *_ATTRIBUTES]
_SCHEMA = {
    "number": pl.Int64(),
    "snapshot": pl.String(),
    "time": pl.Datetime("us", "UTC"),
    "change": pl.String(),
    "kind": pl.String(),
    "size": pl.Int64(),
    "sha256": pl.String(),
    "modified": pl.Datetime("ns", "UTC"),
    "mode": pl.UInt32(),
    "message": pl.String(),
}


def file_history(context: Context, dataset: str, path: str) -> pl.DataFrame:
    """The file at ``path`` across the live snapshots of ``dataset``, oldest first: one row for each that has it, or
    just lost it.

    Columns: ``number``, ``snapshot`` (digest), ``time``, ``change`` against the snapshot before (``added``,
    ``modified``: its bytes or what it is; ``metadata``: only its times, mode, owner or attributes; ``unchanged``,
    ``removed``), ``kind``, ``size``, ``sha256`` (hex), ``modified``, ``mode`` and the snapshot's ``message``.

    Reads of each snapshot only the range that can hold the path, and of snapshots that share it and have the same
    deltas only one.  Raises ``DatasetNotFound``, ``SnapshotNotFound`` when the dataset has no live snapshots, and
    ``EntryNotFound``.
    """
    state = context.catalog.refresh()
    newest = resolve(context, dataset, state=state)
    every = snapshots(context, state=state)
    every = every.filter(pc.equal(every["dataset"], newest.dataset))
    places = _places(context, every["snapshot"].combine_chunks(), path, state)
    seen: dict[Place, Row | None] = {}
    found: list[Row] = []
    before: Row | None = None
    for row in every.to_pylist():
        place = places.get(row["snapshot"], ())
        if place not in seen:
            seen[place] = entry(Manifest.load(context.catalog, row["snapshot"], state=state), path, columns=_COLUMNS)
        now = seen[place]
        change = _change(before, now)
        if change is not None:
            own = {name: row[name] for name in ("number", "snapshot", "time", "message")}
            found.append({**_shown(now), **own, "change": change})
        before = now
    if not found:
        raise missing(Manifest.load(context.catalog, newest.id, state=state), path_of(path))
    return pl.DataFrame(found, schema=_SCHEMA)


def _places(context: Context, digests: pa.Array, path: str, state: State) -> dict[str, Place]:
    """For each snapshot the names of the segments that decide what is at ``path``: equal names, equal rows."""
    ranges = pl.DataFrame(ranges_of(context, digests, state=state)).sort("snapshot", "ordinal")
    if "\\x" in path:
        # It may be shown for a path whose own bytes sort elsewhere: then all segments of a snapshot decide.
        every = ranges.group_by("snapshot").agg(pl.col("segment"))
        return {snapshot: tuple(names) for snapshot, names in every.iter_rows()}
    wanted = pl.lit(key(path_of(path)))
    may = ranges.filter((pl.col("first") <= wanted) & ((pl.col("role") == "range") | (pl.col("last") >= wanted)))
    is_range = pl.col("role") == "range"
    parts = may.group_by("snapshot").agg(
        pl.col("segment").filter(is_range).last().alias("range"), pl.col("segment").filter(~is_range).alias("deltas")
    )
    return {snapshot: (own or "", *deltas) for snapshot, own, deltas in parts.iter_rows()}


def _change(before: Row | None, now: Row | None) -> str | None:
    if now is None:
        return None if before is None else "removed"
    if before is None:
        return "added"
    if any(before[name] != now[name] for name in _CONTENT):
        return "modified"
    return "metadata" if any(before[name] != now[name] for name in _ATTRIBUTES) else "unchanged"


def _shown(row: Row | None) -> Row:
    if row is None:
        return dict.fromkeys(_SCHEMA)
    return {
        "kind": row["kind"],
        "size": row["size"],
        "sha256": None if row["sha256"] is None else row["sha256"].hex(),
        "modified": row["mtime_ns"],
        "mode": row["mode"],
    }
