"""What is still wrong when one has looked: objects that a collection took away meanwhile are not lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..records.snapshots import resolve
from ..records.sound import SoundReader
from .sweep import pack_of

if TYPE_CHECKING:
    from ..context import Context
    from ..verify import Damaged

__all__ = ["remaining"]


def remaining(
    context: Context, reference: str | None, version: int, findings: tuple[Damaged, ...]
) -> tuple[Damaged, ...]:
    """Of ``findings``, made as of ``version``, those about what the archive still has.

    Raises ``SnapshotNotFound`` when the snapshot ``reference``, which was looked at, is what was taken away.
    """
    present = context.catalog.refresh()
    if present.version == version:
        return findings
    if reference is not None:
        resolve(context, reference, state=present)
    records = SoundReader(present)
    packs = set(records.read(lambda at: context.catalog.read("packs", columns=["pack"], state=at))["pack"].to_pylist())
    if records.damaged:  # then it cannot be told which packs there are
        return findings
    segments = {segment.key for found in present.tables.values() for segment in found}

    def remains(damage: Damaged) -> bool:
        if damage.object.startswith("tables/"):
            return damage.object in segments
        pack = pack_of(damage.object)
        return pack is None or pack in packs

    return tuple(filter(remains, findings))
