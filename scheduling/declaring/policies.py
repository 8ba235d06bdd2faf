"""What a stage does about what happens to its tasks: a list of rules, of which the first that fits is followed.

::

    Rule(When("memory"), Retry(3, raising={"memory": 2}, up_to={"memory": "64 GiB"}))
    Rule(When("exit", says="Connection reset"), Retry(5, wait="30 s"))
    Rule(When("quality", metrics=("q30",)), Skip("too few good bases"))
    Rule(When("any"), StopSample())
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from .frozen import Frozen, nothing
from .quantities import bytes_of, seconds_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .stages import Stage

__all__ = ["Action", "Failure", "Hold", "Instead", "Reduce", "Retry", "Rule", "Skip", "StopRun", "StopSample", "When"]


class Failure(StrEnum):
    """What can happen to a task.

    ``exit``: it ended with another status than 0.  ``signal``: a signal ended it.  ``time``: it took longer than it
    may.  ``memory`` and ``disk``: there was not enough.  ``node``: where it ran is gone.  ``missing``: an output is not
    there.  ``invalid``: an output is not sound.  ``quality``: a metric is beyond its threshold.  ``input``: an input
    changed while it ran.  ``start``: it could not be started.
    """

    EXIT = "exit"
    SIGNAL = "signal"
    TIME = "time"
    MEMORY = "memory"
    DISK = "disk"
    NODE = "node"
    MISSING = "missing"
    INVALID = "invalid"
    QUALITY = "quality"
    INPUT = "input"
    START = "start"


_ANY = "any"
# What a retry can raise: only what can run out.
_RAISED = ("memory", "disk", "time")


@dataclass(frozen=True)
class When:
    """What a rule is for: any of the named failures, ``"any"`` for all, where everything else that is said holds too.

    ``codes``: of an exit or a signal, its numbers.  ``says``: a regular expression that is found in what the task wrote
    to its standard error.  ``metrics``: of ``quality``, their names; of ``invalid``, codes of findings.  ``attempts``:
    only from this attempt on.
    """

    failures: tuple[str, ...] | str = _ANY
    codes: tuple[int, ...] | int = field(default=(), kw_only=True)
    says: str | None = field(default=None, kw_only=True)
    metrics: tuple[str, ...] | str = field(default=(), kw_only=True)
    attempts: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        failures = (self.failures,) if isinstance(self.failures, str) else tuple(self.failures)
        for each in failures:
            if each not in (*Failure, _ANY):
                raise ValueError(f"{each!r} is nothing that happens: it is {', '.join(Failure)} or any")
        object.__setattr__(self, "failures", tuple(str(each) for each in failures))
        given: Any = self.codes  # documents say it too
        codes = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
        if wrong := [each for each in codes if not isinstance(each, int) or isinstance(each, bool)]:
            raise ValueError(f"{wrong[0]!r} is no exit status and no signal: they are whole numbers")
        object.__setattr__(self, "codes", codes)
        object.__setattr__(self, "metrics", (self.metrics,) if isinstance(self.metrics, str) else tuple(self.metrics))
        if self.says is not None:
            try:
                re.compile(self.says)
            except re.error as error:
                raise ValueError(f"{self.says!r} is no regular expression: {error}") from None


@dataclass(frozen=True)
class Retry:
    """Do it again, at most so many ``times``.

    ``wait``: seconds, or ``"30 s"``, before the first of them, and ``growing`` times as long before each other, at most
    ``longest``; a random part of up to ``jitter`` of it is added, so that not all come back at once.  ``raising``: what
    ran out, ``memory``, ``disk`` or ``time``, times this before each; what did not run out stays as it was.
    ``up_to``: what it is at most.
    """

    times: int = 1
    wait: float | str = field(default=0.0, kw_only=True)
    growing: float = field(default=2.0, kw_only=True)
    longest: float | str = field(default="1 h", kw_only=True)
    jitter: float = field(default=0.25, kw_only=True)
    raising: Mapping[str, float] = field(default_factory=nothing, kw_only=True)
    up_to: Mapping[str, float | str] = field(default_factory=nothing, kw_only=True)

    def __post_init__(self) -> None:
        if self.times < 1:
            raise ValueError(f"{self.times} times is no retry")
        for name in ("wait", "longest"):
            given = getattr(self, name)
            seconds = seconds_of(given) if isinstance(given, str) else float(given)
            if seconds < 0:
                raise ValueError(f"{name}: {given!r} is before now")
            object.__setattr__(self, name, seconds)
        if self.growing < 1 or self.jitter < 0:
            raise ValueError("what is waited never gets shorter: growing is 1 or more, and jitter 0 or more")
        raising, up_to = dict(self.raising), dict(self.up_to)
        if wrong := [each for each in (*raising, *up_to) if each not in _RAISED]:
            raise ValueError(f"{wrong[0]} cannot be raised: only {', '.join(_RAISED)} can run out")
        if lower := [each for each, factor in raising.items() if factor <= 1]:
            raise ValueError(f"raising {lower[0]} {raising[lower[0]]} times raises nothing")
        for name, most in up_to.items():
            if isinstance(most, str):
                up_to[name] = seconds_of(most) if name == "time" else bytes_of(most)
        object.__setattr__(self, "raising", Frozen(raising))
        object.__setattr__(self, "up_to", Frozen(up_to))

    def pause(self, attempt: int, chance: float) -> float:
        """Seconds before the attempt after this one, from 1; ``chance``: a random number from 0 to 1."""
        seconds = min(float(self.wait) * self.growing ** (attempt - 1), float(self.longest))
        return seconds * (1 + self.jitter * chance)


@dataclass(frozen=True)
class Instead:
    """Do it in another way: by another stage with the same outputs, or with other parameters.  What comes of it is of
    this ``grade``, as is all that is built on it.
    """

    stage: Stage | None = None
    parameters: Mapping[str, Any] = field(default_factory=nothing, kw_only=True)
    grade: str = field(default="alternative", kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", Frozen(self.parameters))
        if self.stage is None and not self.parameters:
            raise ValueError("another way is another stage, or other parameters")


@dataclass(frozen=True)
class Reduce:
    """Do it with less: without an optional input that is ``dropping``, ``leaving_out`` the one element of a scatter
    that failed, or with ``parameters`` that take a part of the data, as ``{"part": 0.5}``; a number that is lower
    already stays.  What comes of it is of this ``grade``, as is all that is built on it.
    """

    dropping: str | None = field(default=None, kw_only=True)
    leaving_out: bool = field(default=False, kw_only=True)
    parameters: Mapping[str, Any] = field(default_factory=nothing, kw_only=True)
    grade: str = field(default="reduced", kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", Frozen(self.parameters))
        if (self.dropping is not None) + self.leaving_out + bool(self.parameters) != 1:
            raise ValueError(
                "less is without an optional input, without one element of a scatter, or with parameters that take less"
            )

    def less(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """The parameters that take less than these."""
        return {
            name: min(value, given[name]) if _is_number(value) and _is_number(given.get(name)) else value
            for name, value in self.parameters.items()
        }


@dataclass(frozen=True)
class Skip:
    """Go on without it: what needs its outputs and can do without them is done, and all of that is marked."""

    reason: str = ""
    grade: str = field(default="incomplete", kw_only=True)


@dataclass(frozen=True)
class Hold:
    """Wait until a person has decided."""

    reason: str = ""


@dataclass(frozen=True)
class StopSample:
    """Nothing more is done for the sample."""

    reason: str = ""


@dataclass(frozen=True)
class StopRun:
    """Nothing more is begun at all."""

    reason: str = ""


Action = Retry | Instead | Reduce | Skip | Hold | StopSample | StopRun
"""What can be done."""


@dataclass(frozen=True)
class Rule:
    """What to do, and when."""

    when: When
    do: Action


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
