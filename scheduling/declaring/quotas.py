"""Quotas: how much a project or a person may use, in how long."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .quantities import seconds_of

__all__ = ["Quota"]

_OF = ("project", "person", "workflow", "site")


@dataclass(frozen=True, kw_only=True)
class Quota:
    """How much may be used in any time as long as ``period``, as ``"30 d"``, counted back from now.

    ``cpu_hours`` and ``gpu_hours``: processors times the hours for which tasks are given them; ``None`` for any number.
    ``of``: whose it is, a ``"project"``, a ``"person"`` or a ``"workflow"`` of this ``name``, or all on the ``"site"``.
    Without a name each of them has as much; those without a project count as one.  A person is ``ada@lab``, or ``ada``
    on any machine.  ``near``: the share of it from which on there is a warning.
    """

    cpu_hours: float | None = None
    gpu_hours: float | None = None
    of: str = "project"
    name: str | None = None
    period: str = "30 d"
    near: float = 0.8

    def __post_init__(self) -> None:
        if self.of not in _OF:
            raise ValueError(f"a quota is of a {', '.join(_OF)}, and not of {self.of!r}")
        if self.of == "site" and self.name is not None:
            raise ValueError("a quota of the site is of all that run there, and has no name")
        if not self.limits:
            raise ValueError("a quota limits something: say cpu_hours or gpu_hours")
        for name, hours in self.limits.items():
            if isinstance(hours, bool) or not math.isfinite(hours) or hours < 0:
                raise ValueError(f"{name} is {hours!r}, which is no number of hours")
        if not 0 < self.near <= 1:
            raise ValueError(f"near is {self.near!r}: it is a share, more than 0 and at most 1")
        if self.seconds <= 0:
            raise ValueError(f"a period of {self.period} is none")

    @property
    def seconds(self) -> float:
        """Of the period."""
        return seconds_of(self.period)

    @property
    def limits(self) -> dict[str, float]:
        """What is limited, to how much."""
        given = {"cpu_hours": self.cpu_hours, "gpu_hours": self.gpu_hours}
        return {name: hours for name, hours in given.items() if hours is not None}

    def is_of(self, who: str) -> bool:
        """Whether it is this one's."""
        return self.name is None or who == self.name or (self.of == "person" and who.partition("@")[0] == self.name)
