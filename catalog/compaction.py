"""Compaction: many small segments become few, by a commit like any other.

Every commit adds a segment to each table it has rows for; after thousands of commits a table would be thousands of
files of one row.  The old objects stay in place: readers of older versions may still be reading them, and only a
collection deletes.
"""

from __future__ import annotations

import logging
from itertools import groupby
from typing import TYPE_CHECKING

import pyarrow as pa

from .errors import Conflict, HolotypeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .catalog import Catalog
    from .log import Entry, Segment
    from .state import State
    from .tables import Table

    Commit = Callable[[Sequence[Segment], Sequence[Segment], State], Entry]

__all__ = ["compact", "groups", "tidy"]

_log = logging.getLogger("holotype.catalog")

# Bytes.  Opening a segment below the first costs more than reading it; merged ones stay below a few row groups.
_SMALL, _MERGED = 1 << 20, 8 << 20
_TRIES = 5


def groups(table: Table, segments: Sequence[Segment]) -> list[list[Segment]]:
    """Which segments of ``table`` to merge: each group becomes one.

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
    return [group for group in found if len(group) > 1]


def _small(segments: Iterable[Segment]) -> list[Segment]:
    return [segment for segment in segments if segment.bytes < _SMALL]


def _stretch(segments: Iterable[Segment]) -> list[Segment]:
    """The longest run of small neighbours.  One at a time: a commit puts what it adds to a table in one place."""
    runs = [list(run) for small, run in groupby(segments, key=lambda segment: segment.bytes < _SMALL) if small]
    return max(runs, key=len, default=[])


def compact(catalog: Catalog, tables: Iterable[str], commit: Commit) -> Entry | None:
    """Merge what pays to be merged in ``tables``, in one commit; ``None`` when there is nothing.

    Raises ``Conflict`` when others change the same segments again and again, and what reading and writing segments
    raises; the rows are all there either way.
    """
    view = catalog.state
    for more in reversed(range(_TRIES)):
        old: list[Segment] = []
        new: list[Segment] = []
        for name in tables:
            for group in groups(catalog.table(name), view.segments(name)):
                new.append(catalog.write(name, pa.concat_tables(catalog.batches(name, segments=group))))
                old += group
        if not old:
            return None
        try:
            return commit(new, old, view)
        except Conflict:
            if not more:
                raise
            view = catalog.refresh()
    return None


def tidy(catalog: Catalog, tables: Iterable[str], limit: int, commit: Commit) -> None:
    """Compact those of ``tables`` with more than ``limit`` small segments; a failure is logged, for it does no harm."""
    state = catalog.state
    many = [t for t in tables if t in catalog.tables and len(_small(state.segments(t))) > limit]
    try:
        compact(catalog, many, commit)
    except HolotypeError as error:
        _log.warning("%s: not compacted: %s", ", ".join(many), error)
