"""Packed files: to the last member and its trailer, where no check has read that far already."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..check import Check, Cost
from ..formats.known import PACKED
from ..streams.packed import unpacked

if TYPE_CHECKING:
    from ..found import Found
    from ..subjects import Subject

__all__ = ["CHECKS", "Packed"]


class Packed(Check):
    """Unpacks all of it, and keeps nothing: checksums and sizes of every member hold, and nothing follows the last.

    The figures are the bytes that are inside, and how many times its own size that is.
    """

    name = "packed"
    version = "1"
    formats = frozenset(PACKED)
    cost: ClassVar[Cost] = Cost.FULL
    last = True

    def look(self, subject: Subject, found: Found) -> None:
        """Read to the end."""
        packing = subject.packing or subject.format
        if packing is None or packing not in PACKED:
            return
        size = 0
        with subject.open() as file:
            for block in unpacked(file, packing, found, limits=subject.limits):
                size += len(block)
        subject.read_through = True
        found.metric("packed.unpacked", size, unit="By")
        if subject.size:
            found.metric("packed.ratio", size / subject.size)


CHECKS = (Packed,)
