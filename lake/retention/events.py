"""What became of snapshots: the events of the table ``retention``, read and written.

A snapshot is forgotten, may be recovered, and in the end is purged; its last event is its state.  Events are ordered
by their times, which come from the clocks of different machines: so a new event of a snapshot is never given a time
before its last one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import Conflict

from ..schema import RETENTION
from .sessions import fresh

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from holotype.catalog import Entry, State

    from ..context import Context
    from .sessions import Check

__all__ = ["Event", "last_events", "new_events", "undisturbed"]

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Event:
    """The last thing that happened to a snapshot."""

    event: str
    time: datetime
    author: str
    reason: str


def last_events(context: Context, *, state: State | None = None) -> dict[str, Event]:
    """The last event of every snapshot that has one, by digest; purged is final."""
    last: dict[str, Event] = {}
    for row in context.catalog.read("retention", state=state).sort_by("time").to_pylist():
        snapshot = row.pop("snapshot")
        if snapshot not in last or last[snapshot].event != "purged":
            last[snapshot] = Event(**row)
    return last


def new_events(
    context: Context, event: str, snapshots: Iterable[str], reasons: Mapping[str, str] | str, last: Mapping[str, Event]
) -> pa.Table:
    """Rows that say ``event`` of each snapshot, later than what ``last`` knows of it."""
    now = context.clock()
    rows = [
        {
            "snapshot": snapshot,
            "event": event,
            "time": max(now, last[snapshot].time + _TICK) if snapshot in last else now,
            "author": context.author,
            "reason": reasons if isinstance(reasons, str) else reasons.get(snapshot, ""),
        }
        for snapshot in snapshots
    ]
    return RETENTION.rows(rows)


def undisturbed(context: Context, view: State, snapshots: Collection[str]) -> Check:
    """A check for a commit decided on at ``view``: ``Conflict`` when something happened to one of ``snapshots``
    since."""
    about = pa.array(sorted(snapshots), pa.string())

    def check(since: Sequence[Entry], present: State) -> None:
        if not any("retention" in entry.add for entry in since):
            return
        news = set(_mine(fresh(context, "retention", view, present)))
        # Merged segments bring back events from before the view: only what the view does not know counts.
        news -= set(_mine(context.catalog.read("retention", state=view))) if news else set()
        if news:
            snapshot, event, author = sorted((row[0], row[1], row[3]) for row in news)[0]
            raise Conflict(
                f"snapshot {snapshot} was {event} by {author} meanwhile",
                snapshots=tuple(sorted({row[0] for row in news})),
            )

    def _mine(events: pa.Table) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in events.filter(pc.is_in(events["snapshot"], value_set=about)).to_pylist()]

    return check
