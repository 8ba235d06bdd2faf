"""A snapshot's manifest: which segments hold its rows, and those rows in key order.

A manifest is a list of *ranges*, each a segment with all rows between two keys, and a few *deltas*, small segments
whose rows replace or remove rows of the ranges, the newest last::

    ranges    [a … f] [g … p] [q … z]        read in this order
    deltas    [c, removed: h] [c]            laid over them: the second c is the one that holds

Ranges share the key space out among them: a key belongs to the last range that begins at or before it, and to the first
range when it lies before all of them.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import ObjectMissing, SnapshotNotFound, column, scalar

from ..schema import ENTRIES
from ..tree.paths import Patterns, own
from .keys import KEY_COLUMNS, both, clip, concat, interval, is_some, key, overlay
from .prefetch import ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from holotype.catalog import Catalog, Segment, State

    from .keys import Interval

__all__ = ["CHEAP", "Counts", "Manifest", "Range", "tally"]

CHEAP = ("path", "path_bytes", "kind", "size", "mtime_ns", "ctime_ns", "inode", "mode", "uid", "gid")
_FILES = column(["file", "hardlink"], pa.string())


@dataclass(frozen=True)
class Range:
    """One segment's place in a manifest: a row of the table ``ranges`` without the snapshot it is for."""

    segment: str
    role: str
    rows: int
    first: bytes
    last: bytes


@dataclass(frozen=True)
class Counts:
    """What a manifest holds: all entries, those that are files or hard links, and the bytes of these together."""

    entries: int = 0
    files: int = 0
    bytes: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.entries + other.entries, self.files + other.files, self.bytes + other.bytes)

    def __sub__(self, other: Counts) -> Counts:
        return Counts(self.entries - other.entries, self.files - other.files, self.bytes - other.bytes)


def tally(rows: pa.Table) -> Counts:
    """The counts of some rows; they need ``kind`` and ``size``."""
    if not rows.num_rows:
        return Counts()
    files = rows["size"].filter(pc.is_in(rows["kind"], value_set=_FILES))
    return Counts(rows.num_rows, len(files), pc.sum(files).as_py() or 0)


@dataclass(frozen=True)
class Manifest:
    """One snapshot's rows.  ``ranges`` are in key order, ``deltas`` oldest first.

    Reading is safe from several threads; memory is a few ranges and the deltas, which the writer keeps small.
    """

    snapshot: str
    ranges: tuple[Range, ...]
    deltas: tuple[Range, ...]
    counts: Counts
    segments: Mapping[str, Segment] = field(repr=False)
    catalog: Catalog = field(repr=False, compare=False)
    _reading: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)
    _edits: list[pa.Table] = field(default_factory=list, init=False, repr=False, compare=False)

    @classmethod
    def load(cls, catalog: Catalog, snapshot: str, *, state: State | None = None) -> Manifest:
        """The manifest of the snapshot with this digest, as ``state`` has it, by default the newest state the catalog
        has seen.

        Raises ``SnapshotNotFound``, and ``ObjectMissing`` when a segment it is made of is none of the catalog's.
        """
        state = catalog.state if state is None else state
        said = _rows_of(catalog, "snapshots", snapshot, state).select(["entries", "files", "bytes"]).to_pylist()
        if not said:
            raise SnapshotNotFound(f"there is no snapshot {snapshot}", reference=snapshot, near=())
        rows = _rows_of(catalog, "ranges", snapshot, state).sort_by("ordinal").drop_columns(["snapshot", "ordinal"])
        parts = tuple(Range(**row) for row in rows.to_pylist())
        names = {part.segment for part in parts}
        segments = {segment.name: segment for segment in state.segments("entries") if segment.name in names}
        if missing := sorted(names - segments.keys()):
            raise ObjectMissing(
                f"snapshot {snapshot} is incomplete: {len(missing)} of {len(names)} segments are gone, as {missing[0]}",
                snapshot=snapshot,
                segments=tuple(missing),
            )
        return cls(
            snapshot,
            tuple(part for part in parts if part.role == "range"),
            tuple(part for part in parts if part.role == "delta"),
            Counts(*(said[0][name] for name in ("entries", "files", "bytes"))),
            MappingProxyType(segments),
            catalog,
        )

    @property
    def edits(self) -> pa.Table:
        """All deltas as one: for each key the newest row, in key order, ``removed`` ones among them."""
        # No cached_property: before Python 3.12 those of all manifests wait for each other, here for the storage.
        with self._reading:
            if not self._edits:
                merged = ENTRIES.empty()
                for delta in self.deltas:
                    merged = overlay(merged, self.segment(delta), drop_removed=False)
                self._edits.append(merged.combine_chunks())
            return self._edits[0]

    @cached_property
    def _firsts(self) -> list[bytes]:
        return [part.first for part in self.ranges]

    def bounds(self, index: int) -> Interval:
        """The keys that belong to range ``index``: from the first, up to and without the second (``None``: any)."""
        low = self.ranges[index].first if index else None
        return low, self.ranges[index + 1].first if index + 1 < len(self.ranges) else None

    def holding(self, value: bytes) -> int:
        """The index of the range that the key ``value`` belongs to."""
        return max(0, bisect_right(self._firsts, value) - 1)

    def segment(self, part: Range, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of one part as they are stored."""
        return self.catalog.read("entries", columns=columns, segments=[self.segments[part.segment]])

    def read(
        self,
        index: int,
        columns: Sequence[str] | None = None,
        *,
        low: bytes | None = None,
        high: bytes | None = None,
    ) -> pa.Table:
        """The rows that belong to range ``index``, from the key ``low`` up to and without ``high``, deltas applied.

        The segment is not fetched when none of its own rows lies there.
        """
        low, high = both(self.bounds(index), (low, high))
        part = self.ranges[index]
        wanted = list(columns if columns is not None else ENTRIES.schema.names)
        edits = clip(self.edits, low, high)
        whole = (low is None or low <= part.first) and (high is None or high > part.last)
        needed = wanted if whole and not edits.num_rows else list(dict.fromkeys((*wanted, *KEY_COLUMNS, "kind")))
        if (low is not None and low > part.last) or (high is not None and high <= part.first):
            rows = ENTRIES.empty().select(needed)
        else:
            rows = self.segment(part, needed)
            if not whole:
                rows = clip(rows, low, high)
        return overlay(rows, edits).select(wanted)

    def rows(
        self,
        *,
        columns: Sequence[str] | None = None,
        low: bytes | None = None,
        high: bytes | None = None,
        patterns: Iterable[str] = (),
    ) -> Iterator[pa.Table]:
        """The rows with keys from ``low`` up to and without ``high`` that one of ``patterns`` matches, in key order.

        They come a range at a time, fetched ahead in threads; ranges that cannot hold any are not fetched.  No patterns
        at all match everything.  Raises ``InvalidOption`` for a pattern that cannot be one.
        """
        chosen = Patterns.of(patterns)
        wanted = list(columns if columns is not None else ENTRIES.schema.names)
        needed = list(dict.fromkeys((*wanted, "path", "kind"))) if chosen else wanted
        where = [interval(pattern) for pattern in chosen.patterns] or [(None, None)]
        tasks: list[Callable[[], pa.Table]] = []
        for index in range(len(self.ranges)):
            mine = both(self.bounds(index), (low, high))
            if any(is_some(both(mine, one)) for one in where):
                tasks.append(partial(self.read, index, needed, low=low, high=high))
        for rows in ahead(self.catalog.store, tasks):
            found = rows.filter(chosen.mask(rows)) if chosen else rows
            if found.num_rows:
                yield found.select(wanted)

    def find(self, path: str | bytes, *, columns: Sequence[str] | None = None) -> dict[str, Any] | None:
        """The row of one path, or ``None``; reads the deltas and at most one range."""
        this = key(own(path) if isinstance(path, str) else path)
        # The next key after it is a zero byte longer.
        for rows in self.rows(columns=columns, low=this, high=this + b"\0"):
            row: dict[str, Any] = rows.to_pylist()[0]
            return row
        return None


def _rows_of(catalog: Catalog, table: str, snapshot: str, state: State) -> pa.Table:
    """A snapshot's rows of a table.

    They were written together, so they lie in one segment, or in neighbours where segments were merged; the newest are
    looked through first, because those are the snapshots that are mostly asked for.
    """
    only, found = scalar(snapshot), list[pa.Table]()
    for segment in reversed(state.segments(table)):
        rows = catalog.read(table, segments=[segment])
        rows = rows.filter(pc.equal(rows["snapshot"], only))
        if rows.num_rows:
            found.append(rows)
        elif found:
            break
    return concat(found, catalog.table(table).empty())
