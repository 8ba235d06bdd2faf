"""The chunk index read by packs: which rows lie in each, some packs at a time.

The index is in the order of chunks, so the rows of any pack may lie in all of its segments; packs are therefore looked
up in groups, as large as memory allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import numbers, plain

from .schema import CHUNKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from holotype.catalog import Catalog, State

__all__ = ["alone", "by_pack", "groups", "rows_in"]

# Rows of the chunk index held at a time, some 30 MB, and as much again for the next ones.  The index is read once for
# each time: beside the packs themselves, of which a small part is their rows, that is little.
_ROWS = 1 << 18


def groups(packs: pa.Table, *, rows: int = _ROWS) -> Iterator[pa.Table]:
    """Rows of ``packs`` in groups that have about so many chunks together."""
    ends = np.cumsum(plain(packs["chunks"]))
    start = 0
    while start < packs.num_rows:
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + rows, "right")))
        yield packs.slice(start, stop - start)
        start = stop


def rows_in(catalog: Catalog, packs: pa.Array, *, state: State | None = None) -> pa.Table:
    """The index's rows of the packs with these names."""
    found = [CHUNKS.empty()]
    for rows in catalog.batches("chunks", state=state):
        found.append(rows.filter(pc.is_in(rows["pack"], value_set=packs)))
    return pa.concat_tables(found)


def by_pack(packs: pa.Table, chunks: pa.Table) -> Iterator[tuple[dict[str, Any], pa.Table]]:
    """Each row of ``packs`` with those rows of ``chunks`` that lie in it, in the order in which they lie there."""
    chunks = chunks.sort_by([("pack", "ascending"), ("offset", "ascending"), ("start", "ascending")])
    bounds = _runs(chunks["pack"])
    for pack in packs.to_pylist():
        start, stop = bounds.get(pack["pack"], (0, 0))
        yield pack, chunks.slice(start, stop - start)


def alone(rows: pa.Table) -> pa.Table:
    """The same rows, copied: a slice is pickled with all that it was cut from."""
    return rows.take(numbers(np.arange(rows.num_rows)))


def _runs(names: pa.ChunkedArray) -> dict[str, tuple[int, int]]:
    """Where each name begins and ends in a sorted column."""
    counts = pc.value_counts(names)
    found, start = {}, 0
    for one in sorted(counts.to_pylist(), key=lambda one: one["values"]):
        found[one["values"]] = (start, start + one["counts"])
        start += one["counts"]
    return found
