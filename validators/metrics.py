"""Metrics: figures that say how good data is, and thresholds that say how good it has to be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import InvalidChoice
from .findings import Code, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BROKEN", "MORE", "Metric", "Threshold"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure: ``fastq.q30``, its value, its unit (UCUM, ``1`` for a share), and what it is of where there are
    several: a read, a position, a contig.
    """

    name: str
    value: float
    unit: str = "1"
    of: str = ""


@dataclass(frozen=True)
class Threshold:
    """What a metric has to be: ``least`` and ``most`` are allowed themselves.

    ``of``: only of that, by default of each.  A metric that was not found where a check looked that could have told it
    breaks it as well, and so does one that was found nowhere, unless it is ``optional``.
    """

    metric: str
    least: float | None = None
    most: float | None = None
    of: str | None = None
    severity: Severity = Severity.ERROR
    optional: bool = False

    def __post_init__(self) -> None:
        ends = [end for end in (self.least, self.most) if end is not None]
        if not ends or any(math.isnan(end) for end in ends) or ends != sorted(ends):
            raise InvalidChoice(f"a threshold for {self.metric} needs a least, a most, or both in that order")

    def broken(self, value: float) -> str | None:
        """What is expected of this value, if it is not so."""
        if self.least is not None and not value >= self.least:
            return f"at least {self.least:g}"
        if self.most is not None and not value <= self.most:
            return f"at most {self.most:g}"
        return None

    @property
    def code(self) -> Code:
        """The rule it is."""
        return _BROKEN[self.severity]


_BROKEN: Mapping[Severity, Code] = {
    severity: Code("metric.threshold", severity, "A figure is what was declared that it has to be.")
    for severity in Severity
}
MORE = "findings.more"
"""The figure that says how many findings of a code, ``of``, there are in a file besides those that are kept."""
BROKEN = _BROKEN[Severity.ERROR]
"""The rule as it is unless a threshold says that it is less."""
