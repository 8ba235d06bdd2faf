"""Looking things up beside one another: the rows and the chunk places of files whose neighbours will be asked for next.

One file's row costs a segment of the manifest, its chunks' places cost a pass over the index.  Who opens one file of a
folder opens others, so both are kept, and the places of a segment's small files are looked up together.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ..manifest import Manifest
from ..manifest.keys import clip
from ..recent import Recent
from ..records.index import locate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..context import Context

__all__ = ["NearManifest", "Places"]

# Ranges of a manifest kept, each a few thousand rows, and as many tables of places: some 20 MB.
_KEPT = 8
# Files of so few chunks are small, and many.
_FEW = 2


@dataclass(frozen=True)
class NearManifest(Manifest):
    """A manifest that keeps the ranges in which single rows were found last."""

    def read(
        self, index: int, columns: Sequence[str] | None = None, *, low: bytes | None = None, high: bytes | None = None
    ) -> pa.Table:
        """As ``Manifest.read``."""
        if low is None or high != low + b"\0":
            return super().read(index, columns, low=low, high=high)
        rows = self._kept.get(index)
        if rows is None:
            rows = super().read(index)
            self._kept.put(index, rows)
        found = clip(rows, low, high)
        return found if columns is None else found.select(list(columns))

    def near(self) -> list[tuple[int, pa.Table]]:
        """The ranges that are kept, by number."""
        return self._kept.items()

    @cached_property
    def _kept(self) -> Recent[int, pa.Table]:
        return Recent(_KEPT)


class Places:
    """Where the chunks of a snapshot's files lie; safe to share between threads."""

    def __init__(self, context: Context, manifest: NearManifest) -> None:
        self._catalog, self._manifest = context.catalog, manifest
        self._known = Recent[frozenset[int], pa.Table](_KEPT)  # by the ranges whose small files are in it
        self._lock = threading.Lock()

    def locate(self, ids: pa.Array) -> pa.Table:
        """As ``index.locate``, for different ids."""
        with self._lock:
            known = self._known.items()
            for _, places in reversed(known):
                rows = pc.index_in(ids, value_set=places["chunk"])
                if not rows.null_count:
                    return places.take(rows)
            looked = frozenset[int]().union(*(ranges for ranges, _ in known))
            ranges = {index: rows for index, rows in self._manifest.near() if index not in looked}
            places = locate(self._catalog, pa.concat_arrays([ids, *map(_few, ranges.values())])).combine_chunks()
            if ranges:
                self._known.put(frozenset(ranges), places)
        return places.filter(pc.is_in(places["chunk"], value_set=ids))


def _few(rows: pa.Table) -> pa.Array:
    """The chunk ids of small files."""
    few = pc.less_equal(pc.list_value_length(rows["chunks"]), _FEW)
    return pc.list_flatten(rows["chunks"].filter(few)).combine_chunks()
