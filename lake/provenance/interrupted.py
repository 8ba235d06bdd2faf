"""Activities that were broken off, as frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from ..lineage.settling import settle
from ..lineage.waiting import notes_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from ..context import Context
    from ..lineage.notes import Note

__all__ = ["interrupted", "settled"]

_SCHEMA = {
    "activity": pl.String(),
    "name": pl.String(),
    "kind": pl.String(),
    "began": pl.Datetime("us", "UTC"),
    "author": pl.String(),
    "host": pl.String(),
    "process": pl.Int64(),
    "dataset": pl.String(),
    "certain": pl.Boolean(),
}


def interrupted(context: Context) -> pl.DataFrame:
    """The activities of an archive that began on this machine and are over, or may be, and that are not settled."""
    notes = notes_of(context)
    every = notes.every() if notes is not None else []
    over = [(note, note.over(at=context.clock())) for note in every]
    return _framed((note, known is True) for note, known in over if known is not False)


def settled(context: Context, *, dead_after: timedelta | None = None) -> pl.DataFrame:
    """Settle them, and say which this call has recorded."""
    notes = notes_of(context)
    found = settle(context, notes, dead_after=dead_after) if notes is not None else []
    return _framed((note, True) for note in found)


def _framed(notes: Iterable[tuple[Note, bool]]) -> pl.DataFrame:
    rows = [
        (
            note.activity,
            note.name,
            note.kind,
            note.began,
            note.author,
            note.process.host,
            note.process.number,
            note.dataset,
            certain,
        )
        for note, certain in notes
    ]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")
