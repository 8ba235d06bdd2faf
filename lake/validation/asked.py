"""What is asked for where data are validated on their way in or out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from holotype.catalog import InvalidOption
from holotype.validators import Cost, Examination, Policy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from holotype.validators import Check, GroupCheck, Limits, Threshold

__all__ = ["Schemas", "Validation"]

Schemas: TypeAlias = Literal["then", "current", "none"]
"""Which versions of what is declared for a dataset's tables to hold them to."""


@dataclass(frozen=True)
class Validation:
    """How to validate, and what to do about what is found.

    ``policy``: what is done about a note, a warning and an error; by default a snapshot with errors is kept, marked,
    and not taken for the latest.  ``patterns``: only files whose path one of these matches, by default all.
    ``checks``: these and no others; ``also``: these too.  ``cost``: how much of each file to look at.  ``thresholds``:
    what figures have to be.

    ``schemas``: which versions of the schemas that are declared for the dataset (see ``lake/declare.py``) its files are
    held to, whatever ``checks`` says: those that were current when the snapshot was made, and for one that is older
    than the first of them the ``"current"`` ones, by default; or the current ones in any case; or ``"none"``.  Of a
    backup, whatever ``patterns`` says, too.  Raises ``InvalidOption``.
    """

    policy: Policy = field(default_factory=Policy)
    patterns: tuple[str, ...] = ()
    checks: tuple[Check | GroupCheck | str, ...] | None = None
    also: tuple[Check | GroupCheck | str, ...] = ()
    cost: Cost = Cost.FULL
    thresholds: tuple[Threshold, ...] = ()
    limits: Limits | None = None
    schemas: Schemas = "then"

    def __post_init__(self) -> None:
        if self.schemas not in get_args(Schemas):
            raise InvalidOption(f"schemas is 'then', 'current' or 'none', not {self.schemas!r}", option="schemas")

    def begin(self, also: Iterable[Check] = ()) -> Examination:
        """A new examination of this kind, with some more checks.  Raises ``CheckRefused`` for a check that there is
        not.
        """
        return Examination(
            checks=self.checks,
            also=(*self.also, *also),
            cost=self.cost,
            thresholds=self.thresholds,
            limits=self.limits,
        )
