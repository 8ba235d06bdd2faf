"""Repacking: packs of which little is still needed are written anew, without the rest.

    choose a few packs       of whose bytes snapshots refer to less than a share
    copy                     their chunks that are needed, each hashed, into new packs of a session of our own
    commit                   the new locations in, the old ones and their packs out, in one step
    sweep, a day later       delete the old packs: readers of the version before may still be reading them

The commit has to pass what the commits of writers and of collectors have to pass, for it is both.  A pack with a
chunk that cannot be read whole stays as it is: that is for repair to look at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import Conflict, DamageError

from ..packs import put
from ..records.liveness import prefixes, ranges_kept, used_rows, visibility
from ..records.packrows import by_pack
from ..schema import PACKS, TOMBSTONES
from .refilling import Refiller
from .rewriting import Changes
from .sessions import aborted, give_up, new_ranges, open_session, swept_meanwhile, writer_check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from holotype.catalog import Entry, State

    from ..context import Context
    from ..packs import Pack
    from ..records.liveness import Visibility
    from .sessions import Check

    Flags = np.ndarray[Any, np.dtype[np.bool_]]

__all__ = ["repack"]

# Chunks of one batch, whose rows are held in memory, at most (or those of one pack): about 150 bytes each.
_TOGETHER = 200_000
_TRIES = 3


def repack(context: Context, names: Sequence[str], *, tick: Callable[[], object] = lambda: None) -> tuple[str, ...]:
    """Write the needed part of these packs anew and condemn them; returns the names of those that are condemned.

    What others change meanwhile is left to the next collection.  Raises ``ArchiveReadOnly``, or what the store
    raises; what was committed until then stands.
    """
    if not names:
        return ()
    session = open_session(context)
    done: list[str] = []
    try:
        for batch in _batches(context, names):
            for _ in range(_TRIES):
                try:
                    with swept_meanwhile(context, lambda: session):
                        done += _one(context, batch, session, tick)
                    break
                except Conflict:
                    if session in aborted(context, state=context.catalog.refresh()):
                        return tuple(done)
    finally:
        # Nothing more will be written, and what was written in vain is to go.
        give_up(context, session)
    return tuple(done)


def _batches(context: Context, names: Sequence[str]) -> Iterator[list[str]]:
    rows = context.catalog.read("packs", columns=["pack", "chunks"], filter=pc.field("pack").isin(list(names)))
    batch: list[str] = []
    count = 0
    for row in rows.to_pylist():
        if batch and count + row["chunks"] > _TOGETHER:
            yield batch
            batch, count = [], 0
        batch.append(row["pack"])
        count += row["chunks"]
    if batch:
        yield batch


def _one(context: Context, names: list[str], session: str, tick: Callable[[], object]) -> list[str]:
    """Repack a few packs in one commit; on ``Conflict`` nothing has happened."""
    state = context.catalog.refresh()
    packs = context.catalog.read("packs", filter=pc.field("pack").isin(names), state=state)
    segments, rows = [], []
    for segment in state.segments("chunks"):
        for part in context.catalog.batches("chunks", segments=[segment]):
            mine = part.filter(pc.is_in(part["pack"], value_set=packs["pack"].combine_chunks()))
            if mine.num_rows:
                segments.append(segment)
                rows.append(mine)
    if not rows:
        return []
    chunks = pa.concat_tables(rows)
    used = _used(context, chunks, visibility(ranges_kept(context, state=state)), state, tick)
    whole, new = _copy(context, session, chunks.filter(pa.array(used)), packs, tick)
    if not whole:
        return []
    gone = pa.array(whole, pa.string())
    changes, now = Changes(context.catalog), context.clock()
    changes.drop("chunks", segments, "pack", gone)
    changes.drop("packs", state.segments("packs"), "pack", gone)
    for pack in new:
        changes.put("chunks", pack.chunks)
        changes.put("packs", PACKS.rows([pack.row]))
    objects = packs.filter(pc.is_in(packs["pack"], value_set=gone))["object"].to_pylist()
    condemned = [("pack", name) for name in whole]
    # An object that is condemned by its key is kept for a while, for readers.
    condemned += [("object", key) for key in (*objects, *(segment.key for segment in changes.remove))]
    changes.put("tombstones", TOMBSTONES.rows([{"name": name, "kind": kind, "time": now} for kind, name in condemned]))
    try:
        context.catalog.commit(
            add=changes.add,
            remove=changes.remove,
            operation="repack",
            author=context.author,
            session=session,
            view=state,
            check=_check(context, chunks.filter(pa.array(~used)), session, state),
        )
    except Conflict:
        changes.abandon()
        raise
    return whole


def _used(context: Context, chunks: pa.Table, visible: Visibility, state: State, tick: Callable[[], object]) -> Flags:
    """Which of these chunks are seen."""
    mine, place = np.unique(prefixes(chunks["chunk"]), return_inverse=True)
    found = np.zeros(len(mine), np.bool_)
    if len(mine):
        for rows in used_rows(context, visible, ["chunks"], state=state):
            theirs = prefixes(rows["chunks"])
            at = np.searchsorted(mine, theirs)
            at[at == len(mine)] = 0
            found[at[mine[at] == theirs]] = True
            tick()
    flags: Flags = found[place]
    return flags


def _check(context: Context, unused: pa.Table, session: str, view: State) -> Check:
    """Our session was not aborted, and no snapshot made since refers to a chunk that was left behind."""
    ours = writer_check(context, session, (), view)

    def check(since: Sequence[Entry], present: State) -> None:
        ours(since, present)
        ranges = new_ranges(context, since, view, present)
        if ranges.num_rows and _used(context, unused, visibility(ranges), present, lambda: None).any():
            raise Conflict("a snapshot made meanwhile refers to what was to be left behind")

    return check


def _copy(
    context: Context, session: str, chunks: pa.Table, packs: pa.Table, tick: Callable[[], object]
) -> tuple[list[str], list[Pack]]:
    """Copy chunks, pack by pack: the names of the packs of which all could be copied, and the new packs."""
    new: list[Pack] = []

    def store(pack: Pack) -> None:
        put(context.store, pack)
        new.append(pack)

    refiller, whole = Refiller(context.store, session, store=store), list[str]()
    for row, own in by_pack(packs, chunks):
        try:
            refiller.copy(row, own)
        except DamageError:
            continue
        whole.append(row["pack"])
        tick()
    refiller.finish()
    return whole, new
