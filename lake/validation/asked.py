"""What is asked for where data are validated on their way in or out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from holotype.validators import Cost, Examination, Policy

if TYPE_CHECKING:
    from holotype.validators import Check, GroupCheck, Limits, Threshold

__all__ = ["Validation"]


@dataclass(frozen=True)
class Validation:
    """How to validate, and what to do about what is found.

    ``policy``: what is done about a note, a warning and an error; by default a snapshot with errors is kept, marked,
    and not taken for the latest.  ``patterns``: only files whose path one of these matches, by default all.
    ``checks``: these and no others; ``also``: these too.  ``cost``: how much of each file to look at.  ``thresholds``:
    what figures have to be.
    """

    policy: Policy = field(default_factory=Policy)
    patterns: tuple[str, ...] = ()
    checks: tuple[Check | GroupCheck | str, ...] | None = None
    also: tuple[Check | GroupCheck | str, ...] = ()
    cost: Cost = Cost.FULL
    thresholds: tuple[Threshold, ...] = ()
    limits: Limits | None = None

    def begin(self) -> Examination:
        """A new examination of this kind.  Raises ``CheckRefused`` for a check that there is not."""
        return Examination(
            checks=self.checks, also=self.also, cost=self.cost, thresholds=self.thresholds, limits=self.limits
        )
