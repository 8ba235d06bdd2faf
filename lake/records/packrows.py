"""The chunk index read by packs: which rows lie in each, some packs at a time.

The index is in the order of chunks, so the rows of any pack may lie in all of its segments; packs are therefore looked
up in groups, as large as memory allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import column, numbers, plain

from ..schema import CHUNKS
from .liveness import batches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from holotype.catalog import State

    from ..context import Context

__all__ = ["alone", "by_pack", "groups", "rows_in"]

_PACK = CHUNKS.schema.get_field_index("pack")
# Rows of the chunk index held at a time, some 25 MB, and as much again for the next ones.  The index is read once for
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


def rows_in(context: Context, packs: pa.Array, *, state: State) -> pa.Table:
    """The index's rows of the packs with these names, which are written out once, and not in every row: a name is
    twice as long as all else in it.
    """
    found = [_coded(CHUNKS.empty())]
    for rows in batches(context, "chunks", state.segments("chunks")):
        found.append(_coded(rows.filter(pc.is_in(rows["pack"], value_set=packs))))
    return pa.concat_tables(found)


def by_pack(packs: pa.Table, chunks: pa.Table) -> Iterator[tuple[dict[str, Any], pa.Table]]:
    """Each row of ``packs`` with those rows of ``chunks`` that lie in it, in the order in which they lie there."""
    names = _coded(chunks)["pack"].combine_chunks()
    chunks = chunks.set_column(_PACK, "pack", names.indices)
    chunks = chunks.sort_by([("pack", "ascending"), ("offset", "ascending"), ("start", "ascending")])
    places = plain(chunks["pack"])
    numbered = {name: number for number, name in enumerate(names.dictionary.to_pylist())}
    for pack in packs.to_pylist():
        number = numbered.get(pack["pack"], -1)
        start, stop = np.searchsorted(places, [number, number + 1]).tolist()
        own = chunks.slice(start, stop - start)
        name = column([pack["pack"]], pa.string())
        name = pa.DictionaryArray.from_arrays(numbers(np.zeros(own.num_rows, np.int32)), name)
        yield pack, own.set_column(_PACK, "pack", name)


def _coded(rows: pa.Table) -> pa.Table:
    """The rows with each pack's name written out once."""
    if pa.types.is_dictionary(rows["pack"].type):
        return rows
    return rows.set_column(_PACK, "pack", rows["pack"].dictionary_encode())


def alone(rows: pa.Table) -> pa.Table:
    """The same rows, copied: a slice is pickled with all that it was cut from."""
    return rows.take(numbers(np.arange(rows.num_rows)))
