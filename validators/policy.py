"""Policies: what a backup, a restore or a pipeline does about what was found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

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
    """What is done about a finding of each severity; the strictest of all that were found counts."""

    note: Action = Action.RECORD
    warning: Action = Action.RECORD
    error: Action = Action.QUARANTINE

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
