"""Compaction: many small segments become few, by a commit like any other.

Every commit adds a segment to each table it has rows for; after thousands of commits a table would be thousands of
files of one row.  A table that is kept sorted by digests has to stay searchable too when it is large, so its segments
share the digests out among them, finer where there are more::

    depth 0    [0 … f] [0 … f] [0 … f]                 three at most that may have any digest
    depth 1    [0 … 3] [4 … 7] [8 … b] [c … f] [0 … 3] …
    depth 2    [0] [1] [2] …                           four of one kind are merged, and cut into four of the next

Whoever looks for one digest then reads a few segments of each depth, and each row is written once for each depth.

The old objects stay in place: readers of older versions may still be reading them, and only a collection deletes.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from .columns import numbers, whole
from .errors import Conflict, HolotypeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .catalog import Catalog
    from .log import Entry, Segment
    from .state import State
    from .tables import Table

    Commit = Callable[[Sequence[Segment], Sequence[Segment], State], Entry]

__all__ = ["Merge", "compact", "merges", "tidy"]

_log = logging.getLogger("holotype.catalog")

# Bytes.  Opening a segment below the first costs more than reading it; merged ones stay below a few row groups.  What
# is cut into parts is large enough that none of them is that small again.
_SMALL, _MERGED = 1 << 20, 8 << 20
# So many segments of the same digests are merged and cut into as many: 30 MB at a time, 100 MB in memory.
_BITS = 2
_FAN = 1 << _BITS
_WORD = 64
_TRIES = 5


@dataclass(frozen=True)
class Merge:
    """Segments that become one, or with ``depth`` as many as there are groups of digests at that depth."""

    segments: tuple[Segment, ...]
    depth: int | None = None


def merges(table: Table, segments: Sequence[Segment]) -> list[Merge]:
    """Which segments of ``table`` to merge.

    Only neighbours are merged, so that the order of the rows stays; where the table is kept sorted that order means
    nothing, and all small segments are taken.  A table whose segments are named elsewhere is left as it is.
    """
    if table.named:
        return []
    found: list[list[Segment]] = [[]]
    size = 0
    for segment in _small(segments) if table.sort else _stretch(segments):
        if size + segment.bytes > _MERGED:
            found.append([])
            size = 0
        found[-1].append(segment)
        size += segment.bytes
    return [*(Merge(tuple(group)) for group in found if len(group) > 1), *_crowds(table, segments)]


def _crowds(table: Table, segments: Sequence[Segment]) -> Iterator[Merge]:
    """Where too many large segments have the same digests."""
    if not table.sort:
        return
    alike: dict[tuple[int, int], list[Segment]] = defaultdict(list)
    for segment in segments:
        if segment.bytes >= 2 * _SMALL and segment.low and segment.high:
            low, high = int(segment.low, 16), int(segment.high, 16)
            depth = (_WORD - (low ^ high).bit_length()) // _BITS
            alike[depth, low >> (_WORD - _BITS * depth)].append(segment)
    for (depth, _), crowd in sorted(alike.items()):
        if _BITS * (depth + 1) <= _WORD:
            for start in range(0, len(crowd) - _FAN + 1, _FAN):
                yield Merge(tuple(crowd[start : start + _FAN]), depth + 1)


def _small(segments: Iterable[Segment]) -> list[Segment]:
    return [segment for segment in segments if segment.bytes < _SMALL]


def _stretch(segments: Iterable[Segment]) -> list[Segment]:
    """The longest run of small neighbours.  One at a time: a commit puts what it adds to a table in one place."""
    runs = [list(run) for small, run in groupby(segments, key=lambda segment: segment.bytes < _SMALL) if small]
    return max(runs, key=len, default=[])


def compact(catalog: Catalog, tables: Iterable[str], commit: Commit) -> Entry | None:
    """Merge what pays to be merged in ``tables``, in a commit or, where what was merged pays to be merged again, in
    several, of which the last is returned; ``None`` when there is nothing.

    Raises ``Conflict`` when others change the same segments again and again, and what reading and writing segments
    raises; the rows are all there either way.
    """
    tables = list(tables)
    last: Entry | None = None
    crowded = True
    while crowded:
        entry, crowded = _once(catalog, tables, commit)
        last = entry or last
    return last


def _once(catalog: Catalog, tables: Sequence[str], commit: Commit) -> tuple[Entry | None, bool]:
    """One commit that merges, if there is something to merge; whether what it made may be too much alike again."""
    view = catalog.state
    for more in reversed(range(_TRIES)):
        old: list[Segment] = []
        new: list[Segment] = []
        crowded = False
        for name in tables:
            for merge in merges(catalog.table(name), view.segments(name)):
                new += [catalog.write(name, rows) for rows in _merged(catalog, name, merge)]
                old += merge.segments
                crowded |= merge.depth is not None
                pa.default_memory_pool().release_unused()  # the next one's rows are as many, in other places
        if not old:
            break
        try:
            return commit(new, old, view), crowded
        except Conflict:
            if not more:
                raise
            view = catalog.refresh()
    return None, False


def _merged(catalog: Catalog, name: str, merge: Merge) -> Iterator[pa.Table]:
    """The rows of what a merge makes."""
    rows = pa.concat_tables(catalog.batches(name, segments=merge.segments))
    if merge.depth is None:
        yield rows
        return
    values = whole(rows[catalog.table(name).sort[0]])
    width = values.type.byte_width
    dtype = np.dtype({"names": ["word"], "formats": [">u8"], "itemsize": width})
    words = np.frombuffer(values.buffers()[1], dtype, len(values), values.offset * width)["word"].astype(np.uint64)
    groups = words >> np.uint64(_WORD - _BITS * merge.depth)
    for group in np.unique(groups):
        yield rows.filter(numbers(groups == group))


def tidy(catalog: Catalog, tables: Iterable[str], limit: int, commit: Commit) -> None:
    """Compact those of ``tables`` with more than ``limit`` small segments, or too many large ones alike; a failure is
    logged, for it does no harm."""
    state = catalog.state
    many = [t for t in tables if t in catalog.tables and _untidy(catalog.table(t), state.segments(t), limit)]
    try:
        compact(catalog, many, commit)
    except HolotypeError as error:
        _log.warning("%s: not compacted: %s", ", ".join(many), error)


def _untidy(table: Table, segments: Sequence[Segment], limit: int) -> bool:
    return len(_small(segments)) > limit or next(_crowds(table, segments), None) is not None
