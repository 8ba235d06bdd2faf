"""Sweeping: deleting from storage what a commit has condemned.

What to delete is worked out from the records alone, each time anew, so that a sweep that died half-way is finished by
the next one, and an object that comes back (a slow upload of a writer that was thought dead) is deleted again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from .garbage import object_of_table
from .sessions import aborted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

    from holotype.catalog import ObjectInfo, State

    from ..context import Context

__all__ = ["Swept", "pack_of", "sweep"]

# What S3 deletes with one request.
_TOGETHER = 1000


@dataclass(frozen=True)
class Swept:
    """How many objects were deleted, and how many bytes they had."""

    objects: int = 0
    bytes: int = 0


def pack_of(key: str) -> str | None:
    """The pack that an object belongs to, by its key; ``None`` when it belongs to none.

    ``packs/<session>/<hash>.parquet`` and everything below ``packs/<session>/<hash>/`` belong to ``<session>/<hash>``.
    """
    parts = key.split("/")
    return f"{parts[1]}/{parts[2].partition('.')[0]}" if len(parts) > 2 and parts[0] == "packs" else None


def sweep(
    context: Context, state: State, *, dead_after: timedelta, tick: Callable[[ObjectInfo], object] = lambda info: None
) -> Swept:
    """Delete the objects that are condemned as of ``state``, and what interrupted writes left behind ``dead_after``
    ago.

    Raises what listing and deleting raise; the next sweep goes on where this one ended.
    """
    objects = size = 0
    together: list[str] = []
    for info in _condemned(context, state, dead_after):
        together.append(info.key)
        objects, size = objects + 1, size + info.size
        if len(together) == _TOGETHER:
            context.store.delete(together)
            together = []
        tick(info)
    if together:
        context.store.delete(together)
    return Swept(objects, size)


def _condemned(context: Context, state: State, dead_after: timedelta) -> Iterator[ObjectInfo]:
    rows = context.catalog.read("tombstones", state=state)
    packs = set(rows.filter(pc.equal(rows["kind"], "pack"))["name"].to_pylist())
    # What lies under a session that is over and was never committed is nobody's: a writer that gave up left it, or a
    # worker whose batch somebody else did again.  A session makes one snapshot, whose commit names all its packs.
    over = aborted(context, state=state) | _finished(context, state)
    # No live pack is ever condemned; should the records say so all the same, the data has the benefit of the doubt.
    live = set(context.catalog.read("packs", columns=["pack"], state=state)["pack"].to_pylist())
    before = context.clock() - dead_after
    objects = {row["name"]: row["time"] for row in rows.filter(pc.equal(rows["kind"], "object")).to_pylist()}
    # Chunks of these have moved elsewhere; readers of an earlier version still look for them here.
    moved = {pack_of(key) for key, time in objects.items() if time > before}
    for info in list(context.store.list("packs/")):
        pack = pack_of(info.key)
        if pack is None or pack in live or pack in moved:
            continue
        if pack in packs or pack.partition("/")[0] in over:
            yield info
    named = {segment.key for segments in state.tables.values() for segment in segments}
    for info in list(context.store.list("tables/")):
        # Readers of an earlier version may still want a segment that was replaced.  Nobody wants those of entries:
        # what they spoke of was forgotten, and then purged.
        if info.key not in objects or info.key in named:
            continue
        if object_of_table(info.key) == "entries" or objects[info.key] <= before:
            yield info
    for info in list(context.store.leftovers()):
        if info.modified <= before:
            yield info


def _finished(context: Context, state: State) -> frozenset[str]:
    """The sessions that made a snapshot."""
    rows = context.catalog.read("snapshots", columns=["session"], state=state)
    return frozenset(rows["session"].drop_null().unique().to_pylist())
