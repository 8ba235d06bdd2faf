"""Compaction: many small segments become few, by a commit like any other.

Every commit adds a segment to each table it has rows for; after thousands of commits a table would be thousands of
files of one row.  A table that is kept sorted by digests, or by keys that are as evenly spread, has to stay searchable
too when it is large, so its segments share the digests out among them, finer where there are more::

    depth 0    [0 … f] [0 … f] [0 … f]                 three at most that may have any digest
    depth 1    [0 … 3] [4 … 7] [8 … b] [c … f] [0 … 3] …
    depth 2    [0] [1] [2] …                           four of one kind are merged, and cut into four of the next

Whoever looks for one digest then reads a few segments of each depth, and each row is written once for each depth.
Of keys some may have very many rows: where a part of a mapped table becomes too large it is cut on at once, so that
they end in segments of their own, which nobody looks into who looks for another.

The old objects stay in place: readers of older versions may still be reading them, and only a collection deletes.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from .columns import numbers, plain, whole
from .errors import Conflict, HolotypeError
from .segments import HELD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy.typing as npt

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
# Bytes.  Where rows are looked up, each segment costs a look: none may stay between the small and the large for ever.
_SMALL_MAPPED = 2 << 20
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
    for segment in _small(table, segments) if table.sort else _stretch(segments):
        if size + segment.bytes > _MERGED:
            found.append([])
            size = 0
        found[-1].append(segment)
        size += segment.bytes
    return [*(Merge(tuple(group)) for group in found if len(group) > 1), *_crowds(table, segments)]


def _least(table: Table) -> int:
    """Below this a segment of ``table`` is small."""
    return _SMALL_MAPPED if table.mapped else _SMALL


def _crowds(table: Table, segments: Sequence[Segment]) -> Iterator[Merge]:
    """Where too many large segments have the same digests."""
    if not table.sort:
        return
    alike: dict[tuple[int, int, bool], list[Segment]] = defaultdict(list)
    for segment in segments:
        if segment.bytes >= (_SMALL_MAPPED if table.mapped else 2 * _SMALL) and segment.low and segment.high:
            low, high = int(segment.low, 16), int(segment.high, 16)
            depth = (_WORD - (low ^ high).bit_length()) // _BITS
            # Those of a mapped table are first merged to fewer, for each costs a look.
            full = not table.mapped or segment.bytes >= _MERGED // 2
            alike[depth, low >> (_WORD - _BITS * depth), full].append(segment)
    for (depth, _, full), crowd in sorted(alike.items()):
        if _BITS * (depth + 1) <= _WORD:
            for start in range(0, len(crowd) - _FAN + 1, _FAN):
                yield Merge(tuple(crowd[start : start + _FAN]), depth + 1 if full else None)


def _small(table: Table, segments: Iterable[Segment]) -> list[Segment]:
    return [segment for segment in segments if segment.bytes < _least(table)]


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
                crowded |= merge.depth is not None or merge.segments[0].mapped
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
    table = catalog.table(name)
    if merge.depth is not None and all(segment.mapped for segment in merge.segments):
        yield from _pieces([catalog.mapped(segment) for segment in merge.segments], table.sort[0], merge.depth)
        return
    rows = pa.concat_tables(catalog.batches(name, segments=merge.segments))
    if merge.depth is None:
        yield rows
        return
    groups = _words(rows[table.sort[0]]) >> np.uint64(_WORD - _BITS * merge.depth)
    for group in np.unique(groups):
        yield rows.filter(numbers(groups == group))


def _words(values: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """How digests begin, or keys, as numbers."""
    if pa.types.is_uint64(values.type):
        return plain(values)
    found = whole(values)
    width = found.type.byte_width
    dtype = np.dtype({"names": ["word"], "formats": [">u8"], "itemsize": width})
    return np.frombuffer(found.buffers()[1], dtype, len(found), found.offset * width)["word"].astype(np.uint64)


def _pieces(parts: Sequence[pa.Table], key: str, depth: int) -> Iterator[pa.Table]:
    """What ``parts``, each in the order of ``key``, become at ``depth``: no piece is small unless all of them are."""
    slivers: list[pa.Table] = []
    for piece in _cut(parts, key, depth):
        if sum(part.nbytes for part in piece) < _SMALL_MAPPED:
            slivers += piece
        else:
            yield pa.concat_tables(piece)
    if slivers:
        yield pa.concat_tables(slivers)


def _cut(parts: Sequence[pa.Table], key: str, depth: int) -> Iterator[list[pa.Table]]:
    """Slices of ``parts`` that belong together at ``depth``, or deeper where they would be too large."""
    words = [plain(part[key]) for part in parts]
    low, high = min(int(each[0]) for each in words), max(int(each[-1]) for each in words)
    if low == high:  # one key has all of these; what is in order already need not be written as one
        yield from ([part] for part in parts)
        return
    shift = _WORD - _BITS * depth
    edges = [number << shift for number in range(low >> shift, (high >> shift) + 2)]
    cuts = [np.searchsorted(each, np.array(edges[1:-1], np.uint64)).tolist() for each in words]
    spans = [list(pairwise([0, *each, part.num_rows])) for part, each in zip(parts, cuts, strict=True)]
    for group in zip(*spans, strict=True):
        slices = [part.slice(at, to - at) for part, (at, to) in zip(parts, group, strict=True) if to > at]
        if sum(part.nbytes for part in slices) <= 2 * _MERGED:
            if slices:
                yield slices
        else:
            yield from _cut(slices, key, depth + 1)


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
    small = _small(table, segments)
    # Those that are not even held in memory are looked into one by one.
    looked_into = sum(segment.bytes >= HELD for segment in small) if table.mapped else 0
    return len(small) > limit or looked_into >= _FAN or next(_crowds(table, segments), None) is not None
