"""What is done about what happened: the stage's first rule that fits and is not used up."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..declaring.frozen import nothing
from ..declaring.policies import Failure, Instead, Reduce, Retry, StopSample

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..declaring.policies import Action, Rule, When
    from ..declaring.resources import Needs
    from .happened import Happened

__all__ = ["Decision", "Past", "decide", "raised"]

_RAISED = {Failure.MEMORY: "memory", Failure.DISK: "disk", Failure.TIME: "time"}


@dataclass(frozen=True)
class Past:
    """What was done about this task before, in the way it is done now.

    ``attempts``: how many there were.  ``used``: how often each rule was followed, by its number.
    """

    attempts: int
    used: Mapping[int, int]


@dataclass(frozen=True)
class Decision:
    """``rule``: the number of the one that is followed; ``None`` where none fits.  ``pause``: seconds to wait before a
    retry.  ``raised``: what it is to have more of than before, and how much then.
    """

    do: Action
    rule: int | None = None
    pause: float = 0.0
    raised: Mapping[str, float] = field(default_factory=nothing)


def decide(rules: Sequence[Rule], happened: Happened, past: Past, needs: Needs, *, chance: float) -> Decision:
    """What is to be done.  ``needs``: what the attempt had.  ``chance``: a random number from 0 to 1."""
    fitted = False
    for number, rule in enumerate(rules):
        # What could not even be begun is as one that failed at first.
        if not _fits(rule.when, happened, max(past.attempts, 1)):
            continue
        fitted, used = True, past.used.get(number, 0)
        match rule.do:
            case Retry() as retry if used < retry.times:
                more = _more(retry, happened.failure, needs)
                if more is None:
                    continue  # it would have no more than what was too little
                return Decision(retry, number, retry.pause(used + 1, chance), more)
            case Retry():
                continue
            case Instead() | Reduce() if used:
                continue
            case action:
                return Decision(action, number)
    return Decision(StopSample("the rules for this were followed" if fitted else "no rule is for this"))


def raised(needs: Needs, more: Mapping[str, float]) -> Needs:
    """What is needed, with more of some of it."""
    changed = needs
    if "memory" in more:
        changed = replace(changed, memory=max(changed.memory, int(more["memory"])))
    if "disk" in more:
        changed = replace(changed, disk=max(changed.disk, int(more["disk"])))
    if "time" in more and changed.time is not None:
        changed = replace(changed, time=max(changed.time, more["time"]))
    return changed


def _fits(when: When, happened: Happened, attempts: int) -> bool:
    if "any" not in when.failures and happened.failure not in when.failures:
        return False
    codes = (when.codes,) if isinstance(when.codes, int) else when.codes
    if codes and happened.code not in codes:
        return False
    if when.says is not None and not re.search(when.says, happened.said, re.MULTILINE):
        return False
    if when.metrics and not set(when.metrics) & set(happened.broken):
        return False
    return attempts >= when.attempts


def _more(retry: Retry, failure: Failure, needs: Needs) -> Mapping[str, float] | None:
    """What a retry raises: what ran out, or where that cannot be told, what its rule is for; ``None`` where none
    of it can be raised any more.
    """
    ran_out = _RAISED.get(failure)
    wanted = retry.raising.keys() if ran_out is None else retry.raising.keys() & {ran_out}
    had = {name: getattr(needs, name) for name in sorted(wanted) if getattr(needs, name)}  # else it had no limit
    more = {
        name: min(amount * retry.raising[name], float(retry.up_to.get(name, float("inf"))))
        for name, amount in had.items()
    }
    found = {name: amount for name, amount in more.items() if amount > had[name]}
    return found if found or not had else None
