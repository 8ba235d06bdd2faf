"""Quarantine: a snapshot that is kept, and passed over by whoever asks for the dataset's latest.

Backups put snapshots there whose files are not sound, when their policy says so; people put there what they doubt, and
let out what they have looked at.  By its number or digest it can be read and restored all the time.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from holotype.catalog import InvalidOption

from .records.quarantine import last_words
from .records.snapshots import history, resolve
from .validation.tables import QUARANTINE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .context import Context
    from .records.snapshots import Snapshot

__all__ = ["quarantine", "quarantined", "release"]

_TICK = timedelta(microseconds=1)
_SCHEMA = {
    "dataset": pl.String(),
    "number": pl.Int64(),
    "snapshot": pl.String(),
    "since": pl.Datetime("us", "UTC"),
    "author": pl.String(),
    "reason": pl.String(),
    "report": pl.String(),
}


def quarantined(context: Context) -> pl.DataFrame:
    """The live snapshots that are in quarantine.

    Columns: ``dataset``, ``number``, ``snapshot`` (digest), ``since``, ``author``, ``reason``, ``report`` (its
    identifier, if a report put it there).
    """
    state = context.catalog.refresh()
    words = last_words(context, state=state)
    rows: list[dict[str, Any]] = []
    for row in history(context, state=state).to_pylist():
        event = words.get(row["snapshot"], {})
        if row["state"] == "live" and event.get("event") == "quarantined":
            rows.append({**row, **event, "since": event["time"]})
    return pl.DataFrame([{name: row[name] for name in _SCHEMA} for row in rows], schema=_SCHEMA)


def quarantine(context: Context, references: str | Iterable[str], *, reason: str) -> tuple[Snapshot, ...]:
    """Put snapshots into quarantine.  Raises ``InvalidOption`` without a reason, and what ``resolve`` and the store
    raise.
    """
    return _say(context, "quarantined", references, reason)


def release(context: Context, references: str | Iterable[str], *, reason: str) -> tuple[Snapshot, ...]:
    """Let snapshots out of quarantine.  Raises as ``quarantine``."""
    return _say(context, "released", references, reason)


def _say(context: Context, event: str, references: str | Iterable[str], reason: str) -> tuple[Snapshot, ...]:
    if not reason.strip():
        raise InvalidOption("say why: whoever meets it later has to know", option="reason")
    wanted = [references] if isinstance(references, str) else list(references)
    if vague := [name for name in wanted if "@" not in name and len(name) != 64]:
        raise InvalidOption(
            f"{vague[0]!r} does not say which snapshot: write {vague[0]}@3, with its number", option="references"
        )
    state = context.catalog.refresh()
    found = tuple(resolve(context, name, state=state) for name in wanted)
    words, now = last_words(context, state=state), context.clock()
    rows = [
        {
            "snapshot": snapshot.id,
            "event": event,
            # Clocks of machines differ, and the last event is what holds.
            "time": max(now, words[snapshot.id]["time"] + _TICK) if snapshot.id in words else now,
            "author": context.author,
            "reason": reason,
            "report": None,
        }
        for snapshot in found
        if (words.get(snapshot.id, {}).get("event") == "quarantined") != (event == "quarantined")
    ]
    if rows:
        segment = context.catalog.write("quarantine", QUARANTINE.rows(rows))
        context.catalog.commit(add=[segment], operation="quarantine", message=reason, author=context.author)
    return found
