"""The next manifest, written while a backup compares what it scanned with the previous one.

What has not changed is not written again.  A few scattered changes become one small delta; a range that changed in many
places is written anew, and the cuts fall where they fell, so that its neighbours stay the segments they are.  Deltas
never grow beyond what ``Sizes`` allows: then the ranges they speak of are written anew, and they are gone.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import RowsRefused, numbers, repeated

from ..schema import ENTRIES, RANGES
from .cut import SIZES, Cutter, Sizes, weights
from .keys import clip, concat, in_order, key_at, keys, overlay, rank
from .reading import Counts, Manifest, Range, tally

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from holotype.catalog import Catalog, Segment

    from .aligning import Stretch

__all__ = ["Draft", "ManifestWriter", "snapshot_digest"]

# A delta takes in the ones before it that are at most this many times as long, so that there are ever only a few.
_ABSORB = 4


@dataclass(frozen=True)
class Draft:
    """A manifest that is written and not committed yet.

    ``ranges``: what it is made of, ranges in key order, then deltas, oldest first.  ``segments``: the new segments
    among them, for the commit to add.  ``counts``: what the snapshot holds.  ``digests``: of each segment, in the order
    of ``ranges``.
    """

    ranges: tuple[Range, ...]
    segments: tuple[Segment, ...]
    counts: Counts
    digests: tuple[str, ...]

    def snapshot(self, record: Mapping[str, Any]) -> str:
        """The digest of the snapshot that this manifest and ``record`` make (see ``snapshot_digest``)."""
        return snapshot_digest(
            record, [(part.role, digest) for part, digest in zip(self.ranges, self.digests, strict=True)]
        )

    def rows(self, snapshot: str) -> pa.Table:
        """The rows of the table ``ranges`` that make this the manifest of ``snapshot``."""
        return RANGES.rows([{"snapshot": snapshot, "ordinal": i, **vars(part)} for i, part in enumerate(self.ranges)])


def snapshot_digest(record: Mapping[str, Any], manifest: Sequence[tuple[str, str]]) -> str:
    """The name of a snapshot by its content: SHA-256, as hex, of one line of JSON.

    ``record``: the snapshot's row without its digest; ``manifest``: role and segment digest (BLAKE3, hex) of each part,
    in order.  The line is ``{"manifest":[["range","…"],…],"record":{…}}`` in UTF-8, keys sorted, no spaces, nothing
    escaped that JSON lets stand; times are in UTC as ``2026-01-31T12:00:00.000000Z``.
    """
    plain = {name: _plain(value) for name, value in record.items()}
    line = json.dumps(
        {"record": plain, "manifest": [list(part) for part in manifest]},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )
    return hashlib.sha256(line.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: object) -> object:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(value, datetime) else value


class ManifestWriter:
    """Writes the manifest that follows ``previous``, or a first one; used from one thread, once.

    A first manifest is streamed in by ``append``; with a previous one, ``change`` names what became different, in key
    order, and all that is not named stays::

        for stretch in align(scan, previous):
            writer.change(stretch, put=…, removed=…)      # not for stretches without changes
        draft = writer.finish()

    Segments are written as they fill; nothing of it is visible before the caller commits ``draft.segments``.
    """

    def __init__(self, catalog: Catalog, previous: Manifest | None = None, *, sizes: Sizes = SIZES) -> None:
        self._catalog, self._sizes = catalog, sizes
        self._previous = previous if previous is not None and previous.ranges else None
        self._segments: dict[str, Segment] = {}
        self._counts = self._previous.counts if self._previous else Counts()
        self._pass = _Pass(self._previous, self._write, sizes)
        self._at = -1
        self._last: bytes | None = None
        self._here: list[pa.Table] = []  # edits of the range at hand
        self._pending: list[pa.Table] = []  # edits of ranges that are kept
        self._pending_rows = self._pending_bytes = 0
        self._compacting = False

    def so_far(self) -> tuple[tuple[Range, ...], tuple[pa.Table, ...]]:
        """The first ranges of the manifest, as far as they are final, and the rows that follow and are no range yet."""
        return tuple(self._pass.done), self._pass.held

    def keep(self, rows: pa.Table) -> tuple[Range, Segment]:
        """Rows written as a range of their own, which is no part of the manifest that is being written."""
        segment = self._catalog.write("entries", rows)
        return _range(segment, rows, "range"), segment

    def written(self, part: Range) -> Segment | None:
        """The segment of a range that was written here; ``None`` for one that was there before."""
        return self._segments.get(part.segment)

    def append(self, rows: pa.Table) -> None:
        """The next rows of a first manifest, in key order.  Raises ``RowsRefused``, or what the store raises."""
        if self._previous is not None:
            raise RowsRefused("append is for a first manifest; what follows another is said by change", table="entries")
        rows = ENTRIES.enforce(rows)
        self._follows(rows)
        self._counts += tally(rows)
        self._pass.push(rows)

    def change(self, stretch: Stretch, *, put: pa.Table | None = None, removed: pa.Table | None = None) -> None:
        """Within one stretch, ``put`` rows that are new or different and take away ``removed`` ones.

        ``put``: complete rows of entries in key order.  ``removed``: previous rows that are gone, of which ``path`` and
        ``path_bytes`` are read.  Stretches come in the order of ``align``, each at most once.
        Raises ``RowsRefused``, or what the store raises.
        """
        new = ENTRIES.enforce(put) if put is not None else ENTRIES.empty()
        if self._previous is None or stretch.range is None:
            self.append(new)
            return
        edits = overlay(_removals(removed), new, drop_removed=False) if removed is not None else new
        if not edits.num_rows:
            return
        self._follows(edits)
        if clip(edits, stretch.low, stretch.high).num_rows < edits.num_rows:
            raise RowsRefused("a change lies outside its stretch", table="entries")
        gone = stretch.previous.filter(pc.is_in(keys(stretch.previous), value_set=keys(edits)))
        self._counts += tally(new) - tally(gone)
        if stretch.range != self._at:
            self._leave()
            self._at = stretch.range
            self._pass.advance(self._at)
        self._here.append(edits)
        if self._pass.opened or self._many(sum(part.num_rows for part in self._here)):
            for part in self._here:
                self._pass.merge(part)
            self._here = []

    def finish(self) -> Draft:
        """Write what is left and say what the manifest is made of."""
        self._leave()
        self._pass.finish()
        ranges, deltas = self._pass.done, list[Range]()
        if self._previous is not None:
            deltas = list(self._previous.deltas)
            pending = concat(self._pending, ENTRIES.empty())
            edits, stale = self._old_edits()
            merged = overlay(edits, pending, drop_removed=False)
            if self._too_much(merged):
                ranges, deltas = self._compact(ranges, merged), []
            elif stale:
                deltas = [self._write(merged, "delta")] if merged.num_rows else []
            elif pending.num_rows:
                while deltas and deltas[-1].rows <= _ABSORB * pending.num_rows:
                    pending = overlay(self._previous.segment(deltas.pop()), pending, drop_removed=False)
                deltas.append(self._write(pending, "delta"))
        parts = (*ranges, *deltas)
        used = {part.segment for part in parts}
        segments = tuple(segment for name, segment in self._segments.items() if name in used)
        return Draft(parts, segments, self._counts, self._digests(parts))

    def _follows(self, rows: pa.Table) -> None:
        """Refuse rows that are not in key order and after all before: whatever is read later relies on it."""
        if not rows.num_rows:
            return
        if not in_order(rows) or (self._last is not None and key_at(rows, 0) <= self._last):
            raise RowsRefused("entries come in the order of their keys, each key once", table="entries")
        self._last = key_at(rows, rows.num_rows - 1)

    def _many(self, rows: int) -> bool:
        """Whether so many changes in the range at hand are a reason to write it anew."""
        assert self._previous is not None
        return self._compacting or rows > self._sizes.range_share * self._previous.ranges[self._at].rows

    def _leave(self) -> None:
        """The range at hand has no more changes: those that did not make it be written anew wait for the delta."""
        if not self._here:
            return
        for part in self._here:
            self._pending.append(part)
            self._pending_rows += part.num_rows
            self._pending_bytes += int(weights(part).sum())
        self._here = []
        # From here on no more is gathered, which bounds the memory: the deltas will be compacted in any case.
        self._compacting = self._pending_rows > self._limit() or self._pending_bytes > self._sizes.delta_bytes

    def _limit(self) -> float:
        return min(self._sizes.delta_rows, self._sizes.delta_share * self._counts.entries)

    def _too_much(self, edits: pa.Table) -> bool:
        return edits.num_rows > self._limit() or int(weights(edits).sum()) > self._sizes.delta_bytes

    def _old_edits(self) -> tuple[pa.Table, bool]:
        """The previous deltas' rows that still count, and whether some do not: their ranges were written anew."""
        assert self._previous is not None
        edits = self._previous.edits
        kept, at = list[pa.Table](), 0
        for index in self._pass.rewritten:
            within = clip(edits, *self._previous.bounds(index))
            if within.num_rows:
                start = rank(edits, key_at(within, 0))
                kept.append(edits.slice(at, start - at))
                at = start + within.num_rows
        return (concat([*kept, edits.slice(at)], ENTRIES.empty()), True) if at else (edits, False)

    def _compact(self, ranges: list[Range], edits: pa.Table) -> list[Range]:
        """The ranges with all edits merged into those they speak of."""
        assert self._previous is not None
        now = replace(
            self._previous, ranges=tuple(ranges), deltas=(), segments={**self._previous.segments, **self._segments}
        )
        again = _Pass(now, self._write, self._sizes)
        at = 0
        while at < edits.num_rows:
            index = now.holding(key_at(edits, at))
            _, high = now.bounds(index)
            stop = edits.num_rows if high is None else rank(edits, high)
            again.advance(index)
            again.merge(edits.slice(at, stop - at))
            at = stop
        again.finish()
        return again.done

    def _write(self, rows: pa.Table, role: str = "range") -> Range:
        segment = self._catalog.write("entries", rows)
        self._segments[segment.name] = segment
        return _range(segment, rows, role)

    def _digests(self, parts: Sequence[Range]) -> tuple[str, ...]:
        known = {**(self._previous.segments if self._previous is not None else {}), **self._segments}
        return tuple(known[part.segment].digest for part in parts)


def _range(segment: Segment, rows: pa.Table, role: str) -> Range:
    return Range(segment.name, role, rows.num_rows, key_at(rows, 0), key_at(rows, rows.num_rows - 1))


def _removals(removed: pa.Table) -> pa.Table:
    """The edits that take rows away."""
    count = removed.num_rows
    given = {
        "path": removed["path"],
        "path_bytes": removed["path_bytes"],
        "kind": repeated("removed", count),
    }
    columns = []
    for name in ENTRIES.schema.names:
        field = ENTRIES.schema.field(name)
        if name in given:
            columns.append(given[name])
        elif field.nullable:
            columns.append(pa.nulls(count, field.type))
        elif pa.types.is_boolean(field.type):
            columns.append(numbers(np.zeros(count, np.bool_)))
        else:
            columns.append(repeated(0, count, field.type))
    return pa.Table.from_arrays(columns, schema=ENTRIES.schema)


class _Pass:
    """Goes once through the ranges of a manifest, in order, keeping each or writing it anew.

    What is left of a range after its last cut becomes a range of its own, so that the next one stays as it is; only a
    rest too short for that is joined with the next, which then is written anew as well, up to where the cuts meet
    again.
    """

    def __init__(self, manifest: Manifest | None, write: Callable[[pa.Table], Range], sizes: Sizes) -> None:
        self._manifest, self._write, self._sizes = manifest, write, sizes
        self._cutter = Cutter(sizes)
        self._next = 0
        self._rest: pa.Table | None = None  # of the range that is being written anew: the rows after the last edit
        self.done: list[Range] = []
        self.rewritten: list[int] = []

    @property
    def opened(self) -> bool:
        """Whether the next range has to be written anew in any case."""
        return self._rest is not None or self._cutter.held > 0

    @property
    def held(self) -> tuple[pa.Table, ...]:
        """The rows that follow the ranges that are done, and are no range yet."""
        return self._cutter.rows

    def push(self, rows: pa.Table) -> None:
        """Rows that follow."""
        for complete in self._cutter.push(rows):
            self.done.append(self._write(complete))

    def advance(self, index: int) -> None:
        """Finish every range before ``index``."""
        while self._next < index:
            self._close()

    def merge(self, edits: pa.Table) -> None:
        """Lay edits over the next range, which is thereby written anew."""
        rows = self._open() if self._rest is None else self._rest
        at = rank(rows, key_at(edits, edits.num_rows - 1), after=True)
        self._rest = rows.slice(at)
        self.push(overlay(rows.slice(0, at), edits))

    def finish(self) -> None:
        """Finish every range."""
        if self._manifest is not None:
            self.advance(len(self._manifest.ranges))
        for rows in self._cutter.close():
            self.done.append(self._write(rows))

    def _open(self) -> pa.Table:
        assert self._manifest is not None
        self.rewritten.append(self._next)
        return self._manifest.read(self._next)

    def _close(self) -> None:
        assert self._manifest is not None
        if self.opened:
            self.push(self._open() if self._rest is None else self._rest)
            self._rest = None
            pieces = list(self._cutter.close())
            for rows in pieces[:-1]:
                self.done.append(self._write(rows))
            if pieces and self._sizes.short(pieces[-1]) and self._next + 1 < len(self._manifest.ranges):
                self.push(pieces[-1])
            elif pieces:
                self.done.append(self._write(pieces[-1]))
        else:
            self.done.append(self._manifest.ranges[self._next])
        self._next += 1
