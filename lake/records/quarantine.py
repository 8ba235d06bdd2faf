"""Which snapshots are in quarantine: kept, and passed over by whoever asks for the latest."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from holotype.catalog import State

    from ..context import Context

__all__ = ["in_quarantine", "last_words"]


def last_words(context: Context, *, state: State | None = None) -> dict[str, dict[str, Any]]:
    """The last event of each snapshot that was ever quarantined, by its digest."""
    rows = context.catalog.read("quarantine", state=state)
    return {row["snapshot"]: row for row in rows.sort_by("time").to_pylist()} if rows.num_rows else {}


def in_quarantine(context: Context, *, state: State | None = None) -> frozenset[str]:
    """The digests of those that are there now."""
    words = last_words(context, state=state)
    return frozenset(digest for digest, row in words.items() if row["event"] == "quarantined")
