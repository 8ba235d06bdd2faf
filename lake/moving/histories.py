"""The provenance that one archive has, and another lacks: it travels with the datasets it speaks of.

With some datasets goes all that their files came from, and nothing that came of them elsewhere; with all, everything.
What both ends saw made, each by another activity, is called there as ``makers`` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import numbers, plain
from holotype.catalog import provenance as prov

from .makers import renaming

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .inventory import End

__all__ = ["histories", "missing_histories"]

# What makes a row of each table that row: all of it, for a thing may be said in several ways at one moment; links and
# names are what the others say, once more.
_SAME = {
    "prov_elements": prov.PROV_ELEMENTS.schema.names,
    "prov_relations": prov.PROV_RELATIONS.schema.names,
    "prov_names": ["key"],
    "prov_links": ["node", "other", "term", "past"],
}
_ENDS = {
    "prov_elements": ("key",),
    "prov_relations": ("subject", "object"),
    "prov_names": ("key",),
    "prov_links": ("node", "other"),
}


def histories(here: End, there: End, datasets: tuple[str, ...] | None) -> Iterator[tuple[str, pa.Table]]:
    """The rows of each table that ``there`` lacks, a segment of ``here`` at a time; ``datasets``: only of what their
    files came from.

    Raises ``ObjectMissing``, ``ObjectDamaged``, or what a store raises.
    """
    if not here.state.segments("prov_names"):
        return
    wanted = None if datasets is None else _reached(here, datasets)
    renamed = renaming(here, there)
    for table, same in _SAME.items():
        theirs = pl.DataFrame(there.read(table, columns=same)).unique()
        for rows in here.context.catalog.batches(table, state=here.state):
            chosen = renamed.of(table, rows if wanted is None else rows.filter(_within(rows, _ENDS[table], wanted)))
            mine = pl.DataFrame(chosen.select(same)).with_row_index().unique(same, keep="first", maintain_order=True)
            new = mine.join(theirs, on=same, how="anti", nulls_equal=True, maintain_order="left")
            if new.height:
                yield table, chosen.take(numbers(new["index"].to_numpy()))


def missing_histories(here: End, there: End, datasets: tuple[str, ...] | None) -> int:
    """How many statements ``there`` lacks."""
    found = histories(here, there, datasets)
    return sum(rows.num_rows for table, rows in found if table in ("prov_elements", "prov_relations"))


def _reached(here: End, datasets: tuple[str, ...]) -> pa.Array:
    """The keys of the datasets' files and of all that they came from."""
    graph = prov.Graph(here.context.catalog, state=here.state)
    rows = here.read("prov_elements", columns=["dataset", "id"])
    files: list[str] = pl.DataFrame(rows).filter(pl.col("dataset").is_in(datasets))["id"].unique().to_list()
    if not files:
        return pa.nulls(0, pa.uint64())
    return numbers(plain(graph.walk(files, past=True).nodes["key"]))


def _within(rows: pa.Table, ends: tuple[str, ...], keys: pa.Array) -> pa.ChunkedArray:
    """Which rows speak of these keys alone."""
    inside = pc.is_in(rows[ends[0]], value_set=keys)
    for end in ends[1:]:
        inside = pc.and_(inside, pc.or_(pc.is_null(rows[end]), pc.is_in(rows[end], value_set=keys)))
    return inside
