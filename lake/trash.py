"""The trash: forgotten snapshots that no collection has purged yet, and how to get them back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow.compute as pc

from holotype.catalog import Conflict, InvalidOption

from .records.snapshots import history, resolve
from .retention.events import last_events, new_events, undisturbed
from .usage import freed_by

if TYPE_CHECKING:
    from collections.abc import Iterable

    from holotype.catalog import State

    from .context import Context
    from .records.snapshots import Snapshot

__all__ = ["recover", "trash"]

_LOOKS = 8
_SCHEMA = {
    "dataset": pl.String(),
    "number": pl.Int64(),
    "snapshot": pl.String(),
    "forgotten": pl.Datetime("us", "UTC"),
    "by": pl.String(),
    "reason": pl.String(),
    "purged_from": pl.Datetime("us", "UTC"),
    "bytes": pl.Int64(),
    "freed": pl.Int64(),
}


def trash(context: Context, *, grace: timedelta = timedelta(0)) -> pl.DataFrame:
    """The forgotten snapshots that can still be recovered, those forgotten longest ago first.

    Columns: ``dataset``, ``number``, ``snapshot`` (digest), ``forgotten`` (when), ``by``, ``reason``, ``purged_from``
    (the earliest time at which a collection with this ``grace`` purges it), ``bytes`` (the size of its files) and
    ``freed``: the stored bytes that nothing but it and the snapshots after it in this list holds on to, so that the
    column adds up to what emptying the trash frees. (A pack goes when all in it can go, so one collection may free
    less.)

    Raises ``InvalidOption``, or what reading the tables raises.
    """
    if grace < timedelta(0):
        raise InvalidOption(f"grace is a span of time, not {grace}", option="grace")
    state = context.catalog.refresh()
    rows = _forgotten(context, state)
    freed = freed_by(context, [row["snapshot"] for row in rows], state=state)
    full = [{**row, "purged_from": row["forgotten"] + grace, "freed": freed[row["snapshot"]]} for row in rows]
    return pl.DataFrame([{name: row[name] for name in _SCHEMA} for row in full], schema=_SCHEMA)


def _forgotten(context: Context, state: State) -> list[dict[str, Any]]:
    """Rows of ``snapshots`` with what is known of their forgetting, in the order of that."""
    rows = history(context, state=state)
    events = last_events(context, state=state)
    found = []
    for row in rows.filter(pc.equal(rows["state"], "forgotten")).to_pylist():
        event = events[row["snapshot"]]
        found.append({**row, "forgotten": event.time, "by": event.author, "reason": event.reason})
    return sorted(found, key=lambda row: (row["forgotten"], row["dataset"], row["number"]))


def recover(context: Context, references: str | Iterable[str], *, reason: str = "") -> tuple[Snapshot, ...]:
    """Take forgotten snapshots out of the trash; one that is not forgotten stays as it is.

    Raises ``InvalidOption`` when a reference does not say which snapshot, ``SnapshotNotFound`` when one was purged or
    never was, ``Conflict``, ``ArchiveReadOnly``, or what the store raises; then none is recovered.
    """
    wanted = [references] if isinstance(references, str) else list(references)
    for look in range(_LOOKS):
        state = context.catalog.refresh()
        found = {snapshot.id: snapshot for snapshot in (_find(context, name, state) for name in wanted)}
        forgotten = {row["snapshot"] for row in _forgotten(context, state)} & found.keys()
        if not forgotten:
            return tuple(found.values())
        rows = new_events(context, "recovered", sorted(forgotten), reason, last_events(context, state=state))
        try:
            context.catalog.commit(
                add=[context.catalog.write("retention", rows)],
                operation="recover",
                author=context.author,
                view=state,
                check=undisturbed(context, state, forgotten),
            )
        except Conflict:
            if look == _LOOKS - 1:
                raise
        else:
            return tuple(found.values())
    raise AssertionError("unreachable")


def _find(context: Context, name: str, state: State) -> Snapshot:
    if "@" not in name and len(name) != 64:
        raise InvalidOption(
            f"{name!r} does not say which snapshot: write {name}@3, or {name}@latest", option="references"
        )
    return resolve(context, name, state=state, forgotten=True)
