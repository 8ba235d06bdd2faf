"""Whether a run keeps within what may be used, by it and by all that are in hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from holotype.validators import GroupCheck

from ..analysis.estimating import estimated
from ..analysis.ledger import read_ledger
from ..analysis.usage import usage
from . import codes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holotype.validators import Found, Subject

    from ..analysis.estimating import Estimate
    from ..analysis.ledger import Ledger
    from ..declaring.quotas import Quota
    from ..site import Site
    from .order import Order

__all__ = ["Held", "QuotaCheck", "quotas_held"]

_WHO = {"project": "project", "person": "operator", "workflow": "workflow"}
_SHOWN = {"cpu_hours": "cpu hours", "gpu_hours": "gpu hours"}


@dataclass(frozen=True)
class Held:
    """What a quota says of one run, in hours.  ``used``: in its period so far.  ``planned``: by runs that are not over,
    beyond what they have used.  ``estimate``: by this one.  ``who``: the project or person; empty for all, or for none.
    """

    quota: Quota
    who: str
    what: str
    limit: float
    used: float
    planned: float
    estimate: float

    @property
    def together(self) -> float:
        """All of it."""
        return self.used + self.planned + self.estimate

    @property
    def exceeded(self) -> bool:
        """Whether it is too much; what is used up is so for a run too of which nothing is known."""
        return self.together > self.limit or self.used >= self.limit

    @property
    def near(self) -> bool:
        """Whether it is nearly too much."""
        return self.together >= self.quota.near * self.limit

    def told(self) -> str:
        """The same in words."""
        whose = f"{self.quota.of} {self.who}".strip() if self.who else f"the {self.quota.of}"
        if not self.who and self.quota.of != "site":
            whose = f"what is of no {self.quota.of}"
        return (
            f"{whose} may use {self.limit:g} {_SHOWN[self.what]} in {self.quota.period}: {self.used:.4g} are used, "
            f"{self.planned:.4g} are set aside for runs that go on, and this one may take {self.estimate:.4g} more"
        )

    def said(self) -> dict[str, Any]:
        """The same as a journal has it."""
        figures = {name: round(getattr(self, name), 6) for name in ("limit", "used", "planned", "estimate")}
        return {"of": self.quota.of, "who": self.who, "what": self.what, "period": self.quota.period, **figures}


def quotas_held(order: Order, site: Site, *, now: float) -> tuple[Estimate, tuple[Held, ...]]:
    """What a run is thought to use, and what each quota that it falls under says of it; ``now``: what time it is.

    Raises ``ObjectDamaged`` where a run's journal is not as it was written.
    """
    longest = max((each.seconds for each in site.quotas), default=0.0)
    ledger = read_ledger(site.folder, since=now - longest, now=now)
    estimate = estimated(order, ledger.tables["attempts"])
    held: list[Held] = []
    for quota in site.quotas:
        who = {"project": order.project, "person": order.operator, "workflow": order.workflow.name}.get(quota.of, "")
        if quota.is_of(who):
            held += _held(quota, who, ledger, estimate, now)
    return estimate, tuple(held)


def _held(quota: Quota, who: str, ledger: Ledger, estimate: Estimate, now: float) -> list[Held]:
    runs = ledger.tables["runs"]
    if quota.of != "site":
        whose = [quota.is_of(each) if quota.name is not None else each == who for each in runs[_WHO[quota.of]]]
        runs = runs.filter(whose)
    tables = {**ledger.tables, "attempts": ledger.tables["attempts"].join(runs, on="run", how="semi")}
    in_period = usage(tables, by=(), since=datetime.fromtimestamp(now - quota.seconds, UTC)).row(0, named=True)
    ever = {row["run"]: row for row in usage(tables, by=("run",)).to_dicts()}
    going = {run: hours for run, hours in ledger.estimates.items() if run in set(runs["run"])}
    found: list[Held] = []
    for what, limit in quota.limits.items():
        planned = sum(
            max(0.0, hours.get(what, 0.0) - (ever[run][what] if run in ever else 0.0)) for run, hours in going.items()
        )
        found.append(Held(quota, who, what, limit, in_period[what] or 0.0, planned, estimate.hours()[what]))
    return found


class QuotaCheck(GroupCheck):
    """Holds what a run is thought to use against what may be used."""

    name = "run.quotas"
    codes = (codes.QUOTA_EXCEEDED, codes.QUOTA_NEAR, codes.QUOTA_UNKNOWN)

    def __init__(self, order: Order, site: Site, *, now: float) -> None:
        self._order, self._site, self._now = order, site, now

    def look(self, subjects: Sequence[Subject], found: Found) -> None:
        estimate, held = quotas_held(self._order, self._site, now=self._now)
        for each in held:
            if each.exceeded or each.near:
                code = codes.QUOTA_EXCEEDED if each.exceeded else codes.QUOTA_NEAR
                who, seen = each.who or None, each.together
                found.add(code, each.told(), record=who, column=each.what, seen=seen, expected=each.limit)
        if held and estimate.unknown:
            steps = ", ".join(estimate.unknown)
            what = f"of {steps} nobody knows how long it takes: say time in its resources"
            found.add(codes.QUOTA_UNKNOWN, what, column=estimate.unknown[0], seen=steps)
