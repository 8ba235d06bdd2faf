"""Elements as frames: what an identifier says by itself, and what was said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

import polars as pl
import pyarrow as pa

from holotype.catalog import column, numbers
from holotype.catalog import provenance as prov

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..context import Context
    from .backups import Backups

__all__ = ["described", "framed", "named"]

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


def described(context: Context, backups: Backups, frame: pl.DataFrame) -> pl.DataFrame:
    """The same with what was said of each: ``label``, ``type``, ``began``, ``ended``."""
    ids = frame["id"].to_list()
    rows = prov.matching(context.catalog, prov.PROV_ELEMENTS, prov.keys(ids), columns=["id", *_TELLING])
    told = pl.DataFrame(rows)
    digests = dict.fromkeys(digest for id in ids for digest in backups.of(id))
    if digests:
        told = pl.concat([pl.DataFrame(list(backups.told(digests)), schema=told.schema, orient="row"), told])
        datasets = [(prov.snapshot_id(digest), backups.rows[digest]["dataset"]) for digest in digests]
        of = pl.DataFrame(datasets, schema={"id": pl.String(), "of": pl.String()}, orient="row")
        frame = frame.join(of, on="id", how="left", maintain_order="left")
        frame = frame.with_columns(pl.coalesce("dataset", "of").alias("dataset")).drop("of")
    last = told.group_by("id").agg(pl.col(name).drop_nulls().last() for name in _TELLING)
    found = frame.join(last, on="id", how="left", maintain_order="left")
    # A file that nothing was said of has a path at least.
    return found.with_columns(pl.coalesce("label", "path").alias("label"))


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
