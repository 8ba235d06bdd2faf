"""Listings: what an archive holds, as Polars frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from .manifest import Manifest
from .records.references import check_name
from .records.snapshots import history, reading, resolve
from .restoring.selecting import selected
from .schema import ENTRIES
from .tree.paths import Patterns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .context import Context

__all__ = ["datasets", "files", "frame", "problems", "snapshots"]

# What says where an entry was read and how it is stored, not what it is.
_HIDDEN = ("ctime_ns", "inode", "path_bytes", "chunks", "holes", "xattrs", "data_offset")


def frame(rows: pa.Table) -> pl.DataFrame:
    """An Arrow table as a Polars frame."""
    found = pl.from_arrow(rows)
    assert isinstance(found, pl.DataFrame)
    return found


def snapshots(context: Context, dataset: str | None, *, forgotten: bool) -> pl.DataFrame:
    """The live snapshots of one dataset or all, sorted by dataset and number; with ``forgotten`` every one ever
    made.
    """
    rows = history(context, state=context.catalog.refresh())
    if dataset is not None:
        if check_name(dataset) not in rows["dataset"].to_pylist():
            resolve(context, dataset)  # raises, with the nearest names
        rows = rows.filter(pc.equal(rows["dataset"], dataset))
    if not forgotten:
        rows = rows.filter(pc.equal(rows["state"], "live"))
    return frame(rows)


def datasets(context: Context) -> pl.DataFrame:
    """One row per dataset with live snapshots: how many, the latest one's number, time, entries and bytes."""
    live = snapshots(context, None, forgotten=False)
    return (
        live.sort("number")
        .group_by("dataset")
        .agg(
            pl.len().alias("snapshots"),
            pl.col("number").last().alias("latest"),
            pl.col("time").last(),
            pl.col("entries").last(),
            pl.col("files").last(),
            pl.col("bytes").last(),
        )
        .sort("dataset")
    )


def files(context: Context, reference: str, *, paths: Iterable[str] = ()) -> pl.DataFrame:
    """A snapshot's entries, sorted by path: path, kind, size (bytes), modified (UTC), mode, owner, group, sha256 (hex)
    and the rest.
    """
    snapshot = resolve(context, reference, state=context.catalog.refresh())
    patterns = Patterns.of(paths)
    columns = [name for name in ENTRIES.schema.names if name not in _HIDDEN]
    with reading(context, snapshot):
        manifest = Manifest.load(context.catalog, snapshot.id)
        parts = [rows.select(columns) for rows in selected(manifest, patterns, columns=columns)]
    found = frame(pa.concat_tables(parts) if parts else ENTRIES.empty().select(columns))
    return found.with_columns(
        pl.from_epoch("mtime_ns", time_unit="ns").dt.replace_time_zone("UTC").alias("modified"),
        pl.col("sha256").bin.encode("hex"),
    )


def problems(context: Context, reference: str) -> pl.DataFrame:
    """What a snapshot could not keep as it is: path, problem, message."""
    snapshot = resolve(context, reference, state=context.catalog.refresh())
    rows = context.catalog.read("problems", filter=pc.field("snapshot") == snapshot.id)
    return frame(rows).drop("snapshot").sort("path")
