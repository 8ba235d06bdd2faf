"""Two manifests side by side, only where they may differ: what both share is not read."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import column, scalar

from ..schema import ENTRIES
from ..tree.paths import Patterns
from .keys import KEY_COLUMNS, both, clip, interval, is_some, keys, overlay
from .prefetch import ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .keys import Interval
    from .reading import Manifest, Range

    Pair = tuple[pa.Table, pa.Table]

__all__ = ["differing"]


def differing(
    before: Manifest, after: Manifest, columns: Sequence[str], *, patterns: Iterable[str] = ()
) -> Iterator[Pair]:
    """Rows of two manifests in key order, a stretch of keys at a time: those before and those after.

    A row that is not in any pair is the same in both; a pair may hold rows that are the same.  Where both have the same
    segment only the rows that their deltas speak of are looked at.  ``columns``: to read, with ``path``, ``path_bytes``
    and ``kind`` among them.  ``patterns``: only rows that one of them matches, all by default.  Fetches ahead in
    threads.
    """
    chosen = Patterns.of(patterns)
    for pair in ahead(before.catalog.store, _tasks(before, after, columns, chosen)):
        one, other = (rows.filter(chosen.mask(rows)) if chosen else rows for rows in pair)
        if one.num_rows or other.num_rows:
            yield one, other


def _tasks(before: Manifest, after: Manifest, columns: Sequence[str], chosen: Patterns) -> Iterator[Callable[[], Pair]]:
    """What has to be read, in key order."""
    where = [interval(pattern) for pattern in chosen.patterns] or [(None, None)]
    touched = _touched(before, after)
    bounds = sorted({part.first for manifest in (before, after) for part in manifest.ranges[1:]})
    for low, high in pairwise((None, *bounds, None)):
        if not any(is_some(both((low, high), one)) for one in where):
            continue
        one, other = (manifest.holding(low or b"") if manifest.ranges else None for manifest in (before, after))
        if one is None or other is None or before.ranges[one].segment != after.ranges[other].segment:
            yield partial(_whole, (before, one), (after, other), (low, high), columns)
        else:
            inside = pc.greater_equal(touched, low or b"")
            if high is not None:
                inside = pc.and_(inside, pc.less(touched, scalar(high)))
            some = touched.filter(inside)
            if len(some):
                yield partial(_some, before, after, before.ranges[one], some, columns)


def _touched(before: Manifest, after: Manifest) -> pa.Array:
    """The keys that the deltas of only one of both speak of: what both have says the same in both."""
    shared = {part.segment for part in before.deltas} & {part.segment for part in after.deltas}
    edited = [
        keys(manifest.segment(delta, KEY_COLUMNS))
        for manifest in (before, after)
        for delta in manifest.deltas
        if delta.segment not in shared
    ]
    return pa.concat_arrays(edited).unique() if edited else column([], pa.binary())


def _whole(
    before: tuple[Manifest, int | None], after: tuple[Manifest, int | None], between: Interval, columns: Sequence[str]
) -> Pair:
    """All rows of both between two keys."""
    low, high = between
    one, other = (
        ENTRIES.empty().select(list(columns)) if index is None else manifest.read(index, columns, low=low, high=high)
        for manifest, index in (before, after)
    )
    return one, other


def _some(before: Manifest, after: Manifest, part: Range, some: pa.Array, columns: Sequence[str]) -> Pair:
    """The rows with some keys of a segment that both have."""
    rows = before.segment(part, columns)
    rows = rows.filter(pc.is_in(keys(rows), value_set=some))
    first, last = (value.as_py() for value in pc.min_max(some).values())
    edits = (clip(manifest.edits, first, last + b"\0") for manifest in (before, after))
    one, other = (overlay(rows, mine.filter(pc.is_in(keys(mine), value_set=some))) for mine in edits)
    return one, other
