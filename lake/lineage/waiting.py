"""What waits to be settled is settled when an archive is written to, by whoever does that next on this machine.

Looking costs a few microseconds; what settles is imported only where there is something to settle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from holotype.catalog import HolotypeError

from .notes import Notes

if TYPE_CHECKING:
    from ..context import Context

__all__ = ["notes_of", "settle_waiting"]


def notes_of(context: Context) -> Notes | None:
    """The notes of an archive's activities; ``None`` for an archive that ends with its process, as they do."""
    return None if context.store.url.startswith("memory:") else Notes(context.catalog.id)


def settle_waiting(context: Context) -> None:
    """Settle the activities whose processes are gone.

    What cannot be settled now is left for the next time: nobody's work fails for what somebody else has left, and who
    settles by ``archive.provenance.settle`` is told why.
    """
    notes = notes_of(context)
    if notes is None or not any(note.over(at=context.clock()) for note in notes.every()):
        return
    from .settling import settle  # small backups have no use for it

    try:
        settle(context, notes)
    except HolotypeError:
        return
