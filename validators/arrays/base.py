"""What the checks of arrays have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..check import Check, Cost
from .held import BLOCK, held, telling
from .values import ValueRules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..findings import Code
    from ..found import Found
    from ..subjects import Subject
    from .held import Held
    from .values import Fields

__all__ = ["ArrayCheck", "ValueCheck", "figures_of", "sampled"]


class ValueCheck(Check):
    """Looks at numbers.  ``values``: what they have to be."""

    def tells(self, figure: str) -> bool:
        """The figures of values are called alike, whatever format they are in."""
        return figure.startswith("array.") or super().tells(figure)

    def __init__(self, *, values: ValueRules | None = None) -> None:
        self.values = values or ValueRules()


class ArrayCheck(ValueCheck):
    """Looks at a file of arrays.  ``truncated``: the rule that is broken when bytes are missing."""

    truncated: ClassVar[Code]

    def look(self, subject: Subject, found: Found) -> None:
        """Look at its bytes, and tell what is wrong, up to what makes it useless to read on."""
        with held(subject, found, self.truncated) as file, telling(found):
            self.read(file, subject, found)

    @abstractmethod
    def read(self, file: Held, subject: Subject, found: Found) -> None:
        """Read it."""


def sampled(blocks: Iterable[bytes], subject: Subject, found: Found) -> Iterator[bytes]:
    """As many of ``blocks`` as what is asked for allows."""
    if subject.cost is Cost.HEADER:
        found.partly()
        return
    left = subject.limits.sample if subject.cost is Cost.SAMPLE else None
    for block in blocks:
        if left is not None:
            left -= len(block)
            if left < 0:
                found.partly()
                return
        yield block


def figures_of(file: Held, offset: int, count: int, kind: np.dtype[Any], subject: Subject, fields: Fields) -> None:
    """Count what ``count`` values of a data type hold that lie at ``offset``, as far as is asked for, and tell."""
    size = max(1, BLOCK // max(1, kind.itemsize)) * kind.itemsize
    length = count * kind.itemsize
    file.need(offset, length, "the data")
    if length:
        for block in sampled(file.blocks(offset, length, size=size), subject, fields.found):
            fields.add(np.frombuffer(block, kind))
    if subject.cost is not Cost.HEADER:
        fields.tell()
