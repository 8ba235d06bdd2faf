"""A scan beside the manifest it is compared with: both in key order, a piece of the key space at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import plain

from ..schema import ENTRIES
from .keys import KEY_COLUMNS, clip, concat, key_at, rank
from .prefetch import ahead
from .reading import CHEAP

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .reading import Manifest

__all__ = ["STRETCH_ROWS", "Stretch", "align", "previous_rows"]

# Where a new folder lands inside one range, it is handed on in pieces of about this many rows, or bytes of files.
STRETCH_ROWS = 32768
STRETCH_BYTES = 1 << 30


@dataclass(frozen=True)
class Stretch:
    """The keys from ``low`` up to and without ``high`` (``None``: without a bound), which belong to one range of the
    previous manifest.

    ``range``: that range's index, ``None`` when there is no previous manifest.  ``scanned``: the scan's rows there.
    ``previous``: the previous rows there, deltas applied, in the columns that were asked for.
    """

    range: int | None
    low: bytes | None
    high: bytes | None
    scanned: pa.Table
    previous: pa.Table


def align(
    scanned: Iterable[pa.Table | pa.RecordBatch],
    manifest: Manifest | None,
    *,
    columns: Sequence[str] = CHEAP,
    stretch_rows: int = STRETCH_ROWS,
    stretch_bytes: int = STRETCH_BYTES,
) -> Iterator[Stretch]:
    """Every stretch of the key space in order, with what the scan found there beside the previous rows.

    ``scanned``: key-sorted rows in batches of any size, with at least ``path`` and ``path_bytes``.  ``columns``: what
    to read of the previous rows (``previous_rows`` reads others later).  Every range comes in one stretch or, where
    more than ``stretch_rows`` were scanned, or files of more than ``stretch_bytes``, in several.  Reads ahead in
    threads.
    """
    batches = _Batches(scanned, stretch_bytes)
    columns = list(dict.fromkeys((*KEY_COLUMNS, *columns)))
    if manifest is None or not manifest.ranges:
        nothing = ENTRIES.empty().select(columns)
        for rows in batches.until(None):
            yield Stretch(None, None, None, rows, nothing)
        return
    ranges = (partial(manifest.read, index, columns) for index in range(len(manifest.ranges)))
    for index, previous in enumerate(ahead(manifest.catalog.store, ranges)):
        low, high = manifest.bounds(index)
        parts: list[pa.Table] = []
        for rows in batches.until(high):
            if sum(part.num_rows for part in parts) >= stretch_rows or sum(map(_bytes, parts)) >= stretch_bytes:
                split = key_at(rows, 0)
                yield Stretch(index, low, split, concat(parts, rows), clip(previous, low, split))
                parts, low = [], split
            parts.append(rows)
        found = concat(parts, batches.empty if batches.empty is not None else ENTRIES.empty())
        yield Stretch(index, low, high, found, clip(previous, low, None))


def previous_rows(manifest: Manifest, stretch: Stretch, columns: Sequence[str] | None = None) -> pa.Table:
    """The previous rows of a stretch in other columns, all by default: the wide ones, for what has changed."""
    if stretch.range is None:
        return ENTRIES.empty().select(list(columns if columns is not None else ENTRIES.schema.names))
    wanted = list(columns if columns is not None else ENTRIES.schema.names)
    rows = manifest.read(stretch.range, list(dict.fromkeys((*KEY_COLUMNS, *wanted))))
    return clip(rows, stretch.low, stretch.high).select(wanted)


def _bytes(rows: pa.Table) -> int:
    """The size of the files among the rows, where they tell it."""
    return (pc.sum(rows["size"]).as_py() or 0) if "size" in rows.column_names else 0


class _Batches:
    """A stream of batches that is taken up to one key at a time, in pieces with files of about ``most`` bytes."""

    def __init__(self, batches: Iterable[pa.Table | pa.RecordBatch], most: int) -> None:
        self._batches = iter(batches)
        self._most = most
        self._rest: pa.Table | None = None
        self.empty: pa.Table | None = None

    def until(self, high: bytes | None) -> Iterator[pa.Table]:
        """The rows before ``high``, in the pieces they came in; the others stay for the next call."""
        while (rows := self._next()) is not None:
            if high is not None and key_at(rows, rows.num_rows - 1) >= high:
                at = rank(rows, high)
                self._rest = rows.slice(at) if self._rest is None else concat([rows.slice(at), self._rest], rows)
                if at:
                    yield rows.slice(0, at)
                return
            yield rows

    def _next(self) -> pa.Table | None:
        rows, self._rest = self._rest, None
        while rows is None or not rows.num_rows:
            batch = next(self._batches, None)
            if batch is None:
                return None
            rows = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
            self.empty = rows.slice(0, 0)
        if _bytes(rows) > self._most:
            upto = int(np.searchsorted(np.cumsum(plain(rows["size"])), self._most)) + 1
            if upto < rows.num_rows:
                rows, self._rest = rows.slice(0, upto), rows.slice(upto)
        return rows
