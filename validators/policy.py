"""Policies: what a backup, a restore or a pipeline does about what was found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from .errors import InvalidChoice
from .findings import Severity

if TYPE_CHECKING:
    from .report import Report

__all__ = ["Action", "Policy"]


class Action(StrEnum):
    """What is done.

    ``RECORD``: the report is kept, and all goes on.  ``QUARANTINE``: what was found unsound is kept, marked, and out of
    the way of whoever asks for the latest.  ``REFUSE``: nothing is done.
    """

    RECORD = "record"
    QUARANTINE = "quarantine"
    REFUSE = "refuse"

    @property
    def rank(self) -> int:
        """Higher is stricter."""
        return list(Action).index(self)


@dataclass(frozen=True)
class Policy:
    """What is done about a finding of each severity; the strictest of all that were found counts.

    Each may be given by its name, as ``"refuse"``.  Raises ``InvalidChoice`` for an action that there is not.
    """

    note: Action = Action.RECORD
    warning: Action = Action.RECORD
    error: Action = Action.QUARANTINE

    def __post_init__(self) -> None:
        for severity in Severity:
            given: object = getattr(self, severity.value)
            if given not in list(Action):
                there = ", ".join(Action)
                raise InvalidChoice(f"there is no action {given!r}; there are {there}", action=given)
            object.__setattr__(self, severity.value, Action(str(given)))

    def of(self, severity: Severity | str) -> Action:
        """What is done about one of this severity."""
        actions = {Severity.NOTE: self.note, Severity.WARNING: self.warning, Severity.ERROR: self.error}
        return Action(actions[Severity(severity)])

    def decide(self, report: Report) -> Action:
        """What is done about a report."""
        return max(
            (self.of(severity) for severity in report.findings["severity"].unique().to_pylist()),
            key=lambda action: action.rank,
            default=Action.RECORD,
        )
