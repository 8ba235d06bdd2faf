"""Elements as frames: what an identifier says by itself, and what was said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

import polars as pl
import pyarrow as pa

from holotype.catalog import column, numbers
from holotype.catalog import provenance as prov

from .members import files_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..context import Context

__all__ = ["described", "framed", "named", "starts"]

# What identifiers say: see the vocabulary of provenance.
_KIND = r"^urn:holotype:([a-z-]+):"
_FILE = r"^urn:holotype:file:(?<dataset>[^:]+):(?<sha256>[0-9a-f]{64}):(?<path>[^#]*)"
_DIGEST = r"^urn:holotype:(?:content|outside):([0-9a-f]{64})"
_TELLING = ["label", "type", "began", "ended"]


def framed(nodes: pa.Table) -> pl.DataFrame:
    """The elements of a walk: ``depth``, ``term``, ``kind``, ``dataset``, ``path``, ``sha256`` (hex) and ``id``."""
    frame = pl.DataFrame(nodes)
    id = pl.col("id")
    file = id.str.extract_groups(_FILE).struct
    frame = frame.with_columns(
        pl.when(id.str.starts_with("pkg:")).then(pl.lit("package")).otherwise(id.str.extract(_KIND)).alias("kind"),
        file.field("dataset").alias("dataset"),
        file.field("path").alias("path"),
        pl.col("term").cast(pl.String),
        pl.coalesce(file.field("sha256"), id.str.extract(_DIGEST)).alias("sha256"),
    )
    quoted = pl.col("path").str.contains("%", literal=True) | pl.col("dataset").str.contains("%", literal=True)
    if frame.select(quoted.any()).item():
        plainly = [pl.col(name).map_elements(unquote, return_dtype=pl.String) for name in ("dataset", "path")]
        frame = frame.with_columns(plainly)
    return frame.select("depth", "term", "kind", "dataset", "path", "sha256", "id")


def described(context: Context, frame: pl.DataFrame) -> pl.DataFrame:
    """The same with what was said of each: ``label``, ``type``, ``began``, ``ended``."""
    rows = prov.matching(
        context.catalog,
        prov.PROV_ELEMENTS,
        prov.keys(frame["id"].to_list()),
        columns=["id", *_TELLING],
    )
    told = pl.DataFrame(rows).group_by("id").agg(pl.col(name).drop_nulls().last() for name in _TELLING)
    return frame.join(told, on="id", how="left", maintain_order="left")


def starts(context: Context, graph: prov.Graph, id: str) -> list[str]:
    """The elements that a question about ``id`` begins with: of a snapshot also the files it has, as far as anything
    was said of them.  Raises ``EntryNotFound`` when nothing was said at all.
    """
    digest = id.removeprefix(prov.snapshot_id(""))
    if digest == id:
        return [id]
    found = files_of(context, graph, digest)
    return [*([id] if graph.known([id])[0] else []), *found]


def named(ids: Sequence[str]) -> pa.Table:
    """Elements one after another, as the elements of a walk."""
    return pa.table(
        [
            numbers(prov.keys(ids)),
            column(list(ids), pa.string()),
            column([_term(id) for id in ids], pa.string()),
            column(list(range(len(ids))), pa.int32()),
        ],
        names=["key", "id", "term", "depth"],
    )


def _term(id: str) -> str:
    """What an element is, as far as its identifier says."""
    word = id.removeprefix("urn:holotype:").partition(":")[0]
    return {"activity": "activity", "person": "agent", "software": "agent"}.get(word, "entity")
