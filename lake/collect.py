"""Collect: purge what was forgotten, and delete what nothing refers to any more.

    look         find what no snapshot needs, as of one version                                   (``garbage``)
    condemn      one commit: the purges, a tombstone for each object, their rows gone from the tables
    repack       copy what is needed out of packs of which little is, if asked to                 (``repack``)
    sweep        delete what is condemned                                                         (``sweep``)

Nothing rests on a clock or on who is thought dead.  The commit fails when any commit since the look refers to what it
condemns; then the collector looks again.  A writer's commit fails when what it relies on was condemned since it
looked, or its session was aborted (``sessions.writer_check``).  So whichever of the two commits first, the other
learns of it, and only what is condemned is deleted.  A collector may die anywhere: before the commit nothing has
happened, after it the next one finishes the deletion.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import Conflict, InvalidOption, ObjectMissing

from .progress import Ticker
from .records.liveness import batches, parts, prefixes, used_chunks, visibility
from .retention.events import new_events, undisturbed
from .retention.garbage import CHUNKS_AT_ONCE, look
from .retention.repack import repack
from .retention.rewriting import Changes
from .retention.sessions import new_ranges
from .retention.sweep import Swept, sweep
from .schema import SESSIONS, TOMBSTONES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holotype.catalog import Entry, State

    from .context import Context
    from .progress import OnProgress
    from .retention.garbage import Garbage
    from .retention.sessions import Check

__all__ = ["Collected", "collect"]

_LOOKS = 8
_PURGED = {
    "dataset": pl.String(),
    "number": pl.Int64(),
    "snapshot": pl.String(),
    "forgotten": pl.Datetime("us", "UTC"),
    "bytes": pl.Int64(),
}


@dataclass(frozen=True)
class Collected:
    """What a collection did, or would do (``dry_run``).

    ``purged``: the snapshots that are gone for good (``dataset``, ``number``, ``snapshot``, ``forgotten``,
    ``bytes``).  ``packs``: names of the packs that were condemned, ``repacked``: of those that were first written
    anew without what nobody needs.  ``segments``: how many segments of manifests were dropped.  ``sessions``: those
    taken for dead.  ``objects`` and ``bytes``: what was deleted from storage, also on behalf of earlier collections;
    in a dry run, what would be condemned now.
    """

    purged: pl.DataFrame
    packs: tuple[str, ...]
    repacked: tuple[str, ...]
    segments: int
    sessions: tuple[str, ...]
    objects: int
    bytes: int
    dry_run: bool = False


def collect(
    context: Context,
    *,
    grace: timedelta = timedelta(0),
    dead_after: timedelta = timedelta(hours=24),
    repack_below: float = 0.0,
    dry_run: bool = False,
    progress: OnProgress | None = None,
    chunks_at_once: int = CHUNKS_AT_ONCE,
) -> Collected:
    """Purge snapshots that were forgotten at least ``grace`` ago, and delete what no snapshot needs then.

    ``dead_after``: a writer of another machine that was not heard of for so long is taken for dead, and what nobody
    names for so long is taken for abandoned.  ``repack_below``: packs of whose bytes less than this share
    (0 to 1) is needed are written anew without the rest; the old ones go ``dead_after`` later.  ``dry_run``: only say
    what would go.  ``chunks_at_once``: how many chunks are told apart in one pass, eight bytes of memory each.

    Raises ``InvalidOption``, ``Conflict`` when writers kept referring to what was to go, ``ObjectMissing`` or
    ``ObjectDamaged`` when the manifest of a snapshot cannot be read (then nothing is deleted: repair it, or forget
    the snapshot), ``ArchiveReadOnly``, or what the store raises.
    """
    if grace < timedelta(0) or dead_after < timedelta(0):
        raise InvalidOption("grace and dead_after are spans of time, not below 0", option="grace")
    if not 0 <= repack_below <= 1:
        raise InvalidOption(f"repack_below is a share from 0 to 1, not {repack_below}", option="repack_below")
    if chunks_at_once < 1:
        raise InvalidOption(f"chunks_at_once is a number from 1, not {chunks_at_once}", option="chunks_at_once")
    ticker = Ticker("collect", progress)
    left = _LOOKS
    while True:
        state = context.catalog.refresh()
        try:
            found = look(
                context, state, grace=grace, dead_after=dead_after, chunks_at_once=chunks_at_once, tick=ticker.add
            )
        except ObjectMissing:
            # Another collection may have taken it away meanwhile.
            left -= 1
            if not left or context.catalog.refresh().version == state.version:
                raise
            continue
        if dry_run:
            return _report(found, _sparse(found, repack_below), Swept(found.objects, found.bytes), dry_run=True)
        if found.nothing:
            break
        try:
            _condemn(context, found, chunks_at_once)
            break
        except Conflict:
            left -= 1
            if not left:
                raise
    repacked = repack(context, _sparse(found, repack_below), tick=ticker.add)
    swept = sweep(
        context,
        context.catalog.state,
        dead_after=dead_after,
        tick=lambda info: ticker.add(files=1, bytes=info.size, path=info.key),
    )
    ticker.finish()
    return _report(found, repacked, swept)


def _sparse(found: Garbage, below: float) -> tuple[str, ...]:
    """The packs of whose bytes less than this share is needed."""
    return tuple(found.shares.filter(pc.less(found.shares["share"], below))["pack"].to_pylist())


def _report(found: Garbage, repacked: tuple[str, ...], swept: Swept, *, dry_run: bool = False) -> Collected:
    purged = pl.DataFrame([{name: row[name] for name in _PURGED} for row in found.purged], schema=_PURGED)
    return Collected(
        purged=purged.sort("dataset", "number"),
        packs=tuple(found.packs["pack"].to_pylist()),
        repacked=repacked,
        segments=len(found.segments),
        sessions=tuple(found.sessions),
        objects=swept.objects,
        bytes=swept.bytes,
        dry_run=dry_run,
    )


def _condemn(context: Context, found: Garbage, at_once: int) -> None:
    """Commit what was found.  On ``Conflict`` nothing has happened, and what was written for it is deleted."""
    state, now = found.state, context.clock()
    changes = Changes(context.catalog)
    purged = pa.array([row["snapshot"] for row in found.purged], pa.string())
    packs = found.packs["pack"].combine_chunks()
    if len(purged):
        changes.drop("ranges", state.segments("ranges"), "snapshot", purged)
        changes.put("retention", new_events(context, "purged", purged.to_pylist(), "collected", found.events))
    if len(packs):
        changes.drop("chunks", found.chunk_segments, "pack", packs)
        changes.drop("packs", state.segments("packs"), "pack", packs)
    if len(found.unfinished):
        changes.drop("unfinished", state.segments("unfinished"), "session", found.unfinished)
    changes.remove += found.segments
    changes.put("sessions", SESSIONS.rows([_abort(session, now) for session in found.sessions]))
    keys = [*(segment.key for segment in changes.remove), *(orphan.key for orphan in found.orphans)]
    condemned = [*(("pack", name) for name in packs.to_pylist()), *(("object", key) for key in keys)]
    changes.put("tombstones", TOMBSTONES.rows([{"name": name, "kind": kind, "time": now} for kind, name in condemned]))
    try:
        context.catalog.commit(
            add=changes.add,
            remove=changes.remove,
            condemn=[orphan.key for orphan in found.orphans],
            operation="collect",
            author=context.author,
            view=state,
            check=_collector_check(context, found, at_once),
        )
    except Conflict:
        changes.abandon()
        raise


def _abort(session: str, now: object) -> dict[str, Any]:
    return {"session": session, "event": "aborted", "time": now, "host": None, "process": None}


def _collector_check(context: Context, found: Garbage, at_once: int) -> Check:
    """What the collector's commit has to pass: nobody refers, since the look, to anything it condemns.

    Segments are the catalog's to check.  What remains are snapshots that were recovered, and snapshots that are new:
    these are looked through chunk by chunk, for their writers may have found chunks in packs that are about to go.
    """
    view = found.state
    untouched = undisturbed(context, view, [row["snapshot"] for row in found.purged])

    def check(since: Sequence[Entry], present: State) -> None:
        untouched(since, present)
        ranges = new_ranges(context, since, view, present)
        if not ranges.num_rows:
            return
        dropped = pa.array([segment.name for segment in found.segments], pa.string())
        if pc.any(pc.is_in(ranges["segment"], value_set=dropped)).as_py():
            raise Conflict("a snapshot made meanwhile shares manifest segments that were to go")
        if found.packs.num_rows and _any_chunk_of(context, found, ranges, present, at_once):
            raise Conflict("a snapshot made meanwhile refers to packs that were to go")

    return check


def _any_chunk_of(context: Context, found: Garbage, ranges: pa.Table, present: State, at_once: int) -> bool:
    """Whether a snapshot of ``ranges`` has a chunk that lies in a condemned pack."""
    packs = found.packs["pack"].combine_chunks()
    visible = visibility(ranges)
    for wanted in parts(sum(segment.rows for segment in found.chunk_segments), at_once):
        chunks = used_chunks(context, visible, state=present, wanted=wanted)
        for rows in batches(context, "chunks", found.chunk_segments, columns=["chunk", "pack"]):
            theirs = rows.filter(pc.is_in(rows["pack"], value_set=packs))
            if chunks.has(wanted(prefixes(theirs["chunk"]))).any():
                return True
    return False
