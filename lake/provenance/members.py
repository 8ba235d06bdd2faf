"""Files of snapshots, as entities: which of them anything was said of, and which snapshots have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import column
from holotype.catalog import provenance as prov

from ..manifest import Manifest
from ..records.snapshots import history

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..context import Context

__all__ = ["files_of", "holders"]

_COLUMNS = ["path", "kind", "sha256"]


def files_of(
    context: Context,
    graph: prov.Graph,
    snapshot: str,
    *,
    paths: Collection[str] | None = None,
    all: bool = False,
) -> list[str]:
    """The entities of a snapshot's files, in the order of the manifest, that something was said of, or ``all``;
    ``paths``: only of these.

    Raises ``SnapshotNotFound``, ``ObjectMissing``, ``ObjectDamaged``, or what the store raises.
    """
    rows = history(context, state=graph.state)
    dataset = rows.filter(pc.equal(rows["snapshot"], snapshot))["dataset"].to_pylist()
    manifest = Manifest.load(context.catalog, snapshot, state=graph.state)
    found: list[str] = []
    for batch in manifest.rows(columns=_COLUMNS):
        files = batch.filter(pc.is_valid(batch["sha256"]))
        if paths is not None:
            files = files.filter(pc.is_in(files["path"], value_set=column(list(paths), pa.string())))
        ids = [
            prov.file_id(dataset[0], path, sha256)
            for path, sha256 in zip(files["path"].to_pylist(), files["sha256"].to_pylist(), strict=True)
        ]
        if all:
            found += ids
        elif ids:
            found += [id for id, there in zip(ids, graph.known(ids).tolist(), strict=True) if there]
    return found


def holders(context: Context, graph: prov.Graph, files: pl.DataFrame) -> pl.DataFrame:
    """The live snapshots that have any of ``files`` (``id``, ``dataset``, ``path``, ``sha256`` in hex): ``id`` and
    ``snapshots``, a list of names.

    Only the manifests of their datasets are read, one at a time.
    """
    wanted = files.filter(pl.col("dataset").is_not_null() & pl.col("sha256").is_not_null())
    rows = history(context, state=graph.state)
    live = rows.filter(pc.equal(rows["state"], "live"))
    datasets = set(wanted["dataset"].unique().to_list())
    parts = [
        _held(context, graph, row, wanted.filter(pl.col("dataset") == row["dataset"]))
        for row in live.select(["snapshot", "dataset", "number"]).to_pylist()
        if row["dataset"] in datasets
    ]
    empty = pl.DataFrame(schema={"id": pl.String(), "snapshot": pl.String()})
    return pl.concat([empty, *parts]).group_by("id", maintain_order=True).agg(pl.col("snapshot").alias("snapshots"))


def _held(context: Context, graph: prov.Graph, row: dict[str, str], wanted: pl.DataFrame) -> pl.DataFrame:
    manifest = Manifest.load(context.catalog, row["snapshot"], state=graph.state)
    paths = column(wanted["path"].to_list(), pa.string())
    found: list[pl.DataFrame] = []
    for batch in manifest.rows(columns=_COLUMNS):
        near = batch.filter(pc.is_in(batch["path"], value_set=paths))
        if near.num_rows:
            found.append(pl.DataFrame(near).with_columns(pl.col("sha256").bin.encode("hex")))
    if not found:
        return pl.DataFrame(schema={"id": pl.String(), "snapshot": pl.String()})
    same = wanted.join(pl.concat(found), on=["path", "sha256"], how="semi")
    return same.select("id", pl.lit(f"{row['dataset']}@{row['number']}").alias("snapshot"))
