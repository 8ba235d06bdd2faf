"""Looking for garbage: what an archive holds that no snapshot needs, as of one version.

Everything is judged from the records of that version; only which sessions are dead, and which unnamed objects nobody
is about to name, are guesses by the clock.  A wrong guess costs a writer its work, never a snapshot its data (see
``collect``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..records.liveness import parts, prefixes, ranges_of, used_chunks, visibility
from ..records.snapshots import history
from ..storing.unfinished import over, seen_by
from .events import last_events
from .sessions import idle, taken_for_dead

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from holotype.catalog import ObjectInfo, Segment, State

    from ..context import Context
    from ..records.liveness import Visibility
    from .events import Event

    Mask = np.ndarray[Any, np.dtype[np.bool_]]
    Bits = np.ndarray[Any, np.dtype[np.uint8]]

__all__ = ["CHUNKS_AT_ONCE", "Garbage", "look", "object_of_table"]

# Chunks told apart in one pass: 32 MB of prefixes, and as much again while they are gathered.  An archive with more
# takes as many passes as it needs.
CHUNKS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Garbage:
    """What can go, seen at ``state``.

    ``purged``: rows of ``snapshots`` (with ``forgotten``, the time), and ``events``, what is known of all. ``packs``:
    rows of ``packs`` nothing refers to.  ``chunk_segments``: the segments of ``chunks`` that speak of these.
    ``shares``: of every other pack that nobody is writing, how much of its bytes (from 0 to 1) snapshots refer to.
    ``segments``: segments of entries that are no longer part of any snapshot.  ``sessions``: names of those taken
    for dead.  ``unfinished``: those whose records of what they had seen nobody needs.  ``orphans``: objects of tables
    that no table names.
    """

    state: State
    purged: list[dict[str, Any]]
    events: dict[str, Event] = field(repr=False)
    packs: pa.Table = field(repr=False)
    chunk_segments: list[Segment] = field(repr=False)
    shares: pa.Table = field(repr=False)
    segments: list[Segment] = field(repr=False)
    sessions: list[str] = field(repr=False)
    unfinished: pa.Array = field(repr=False)
    orphans: list[ObjectInfo] = field(repr=False)

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to condemn."""
        things = (self.purged, self.packs, self.segments, self.sessions, self.unfinished, self.orphans)
        return not any(map(len, things))

    @property
    def objects(self) -> int:
        """How many objects that is, as far as the records tell."""
        return len(self.packs) + len(self.segments) + len(self.orphans)

    @property
    def bytes(self) -> int:
        """How many bytes the objects to be deleted have."""
        sizes: list[int] = self.packs["bytes"].to_pylist()
        sizes += [segment.bytes for segment in self.segments]
        sizes += [orphan.size for orphan in self.orphans]
        return sum(sizes)


def look(
    context: Context,
    state: State,
    *,
    grace: timedelta,
    dead_after: timedelta,
    chunks_at_once: int = CHUNKS_AT_ONCE,
    tick: Callable[[], object] = lambda: None,
) -> Garbage:
    """Find what can go as of ``state``.

    Raises ``ObjectMissing`` or ``ObjectDamaged`` when a segment that a snapshot needs cannot be read: then nothing is
    known to be garbage.
    """
    now = context.clock()
    events = last_events(context, state=state)
    rows = history(context, state=state)
    purged = [
        {**row, "forgotten": events[row["snapshot"]].time}
        for row in rows.filter(pc.equal(rows["state"], "forgotten")).to_pylist()
        if now - events[row["snapshot"]].time >= grace
    ]
    gone = pa.array([row["snapshot"] for row in purged], pa.string())
    kept = rows.filter(
        pc.and_(pc.not_equal(rows["state"], "purged"), pc.invert(pc.is_in(rows["snapshot"], value_set=gone)))
    )
    visible = visibility(ranges_of(context, kept["snapshot"].combine_chunks(), state=state))
    dead, busy = _sessions(context, state, now, dead_after)
    writing = {row["session"] for row in busy}
    visible |= {segment: [frozenset()] for segment in seen_by(context, writing, state=state)}
    # What was written since the first of the running writers began may be its own.
    began = min((row["time"] for row in busy), default=now)
    packs, chunk_segments, shares = _unused(context, state, visible, busy, chunks_at_once, tick)
    return Garbage(
        state=state,
        purged=purged,
        events=events,
        packs=packs,
        chunk_segments=chunk_segments,
        shares=shares,
        segments=[segment for segment in state.segments("entries") if segment.name not in visible],
        sessions=[row["session"] for row in dead],
        unfinished=over(context, writing, state=state),
        orphans=_orphans(context, state, min(began, now) - dead_after),
    )


def _sessions(
    context: Context, state: State, now: datetime, dead_after: timedelta
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The sessions that may still be open: those taken for dead, and the others."""
    dead: list[dict[str, Any]] = []
    busy: list[dict[str, Any]] = []
    for row in idle(context, state=state):
        written = (info.modified for info in context.store.list(f"packs/{row['session']}/"))
        over = taken_for_dead(row, at=now, dead_after=dead_after, active=max(written, default=None))
        (dead if over else busy).append(row)
    return dead, busy


def _unused(
    context: Context,
    state: State,
    visible: Visibility,
    busy: list[dict[str, Any]],
    at_once: int,
    tick: Callable[[], object],
) -> tuple[pa.Table, list[Segment], pa.Table]:
    """The packs none of whose chunks is used; the segments of ``chunks`` that speak of them; how much of the others is.

    A pack of a session that is still writing is spared: its snapshot is yet to come.
    """
    packs = context.catalog.read("packs", state=state)
    names = packs["pack"].combine_chunks()
    writing = pa.array([row["session"] for row in busy], pa.string())
    spared: Mask = pc.is_in(packs["session"], value_set=writing).to_numpy()
    used, live = spared.copy(), np.zeros(len(packs))
    spoken_of: dict[str, Bits] = {}
    for wanted in parts(state.rows("chunks"), at_once):
        chunks = used_chunks(context, visible, state=state, wanted=wanted, tick=tick)
        for segment in state.segments("chunks"):
            for rows in context.catalog.batches("chunks", columns=["chunk", "pack", "length"], segments=[segment]):
                places = pc.index_in(rows["pack"], value_set=names)
                rows = rows.filter(pc.is_valid(places)) if places.null_count else rows
                at = pc.drop_null(places).to_numpy()
                theirs = chunks.has(prefixes(rows["chunk"]))
                used[at[theirs]] = True
                live += np.bincount(at, weights=rows["length"].to_numpy() * theirs, minlength=len(packs))
                if segment.name not in spoken_of:
                    seen = np.zeros(len(packs), np.bool_)
                    seen[at] = True
                    spoken_of[segment.name] = np.packbits(seen)
            tick()
    unused = packs.filter(pa.array(~used))
    condemned = np.packbits(~used)
    touched = [s for s in state.segments("chunks") if s.name in spoken_of and (spoken_of[s.name] & condemned).any()]
    share = live / np.maximum(packs["raw"].to_numpy(), 1)
    return unused, touched, pa.table({"pack": names, "share": pa.array(share)}).filter(pa.array(used & ~spared))


def _orphans(context: Context, state: State, before: datetime) -> list[ObjectInfo]:
    """The objects of tables that no table names and nobody condemned yet, written before that time."""
    live = {segment.key for segments in state.tables.values() for segment in segments}
    found = [
        info
        for info in context.store.list("tables/")
        if info.key not in live and info.modified <= before and object_of_table(info.key)
    ]
    if not found:
        return []
    known = context.catalog.read("tombstones", columns=["name"], filter=pc.field("kind") == "object", state=state)
    condemned = set(known["name"].to_pylist())
    return [info for info in found if info.key not in condemned]


def object_of_table(key: str) -> str | None:
    """The table whose segment an object is, by its key; ``None`` when it is none."""
    found = re.fullmatch(r"tables/([^/]+)/[^/]+\.(?:parquet|arrow)", key)
    return found[1] if found else None
