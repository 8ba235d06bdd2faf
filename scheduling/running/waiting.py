"""What held tasks back that were ready: seconds, by what was lacking.

=====================  ============================================================================================
``cpus``, ``memory``…  there was not enough of it, as of ``gpus``, ``licences:NAME`` and ``instruments:NAME``
``pause``              it is done again, after a while
``inputs``             what it takes was being read
``turn``               nothing was lacking, and others came first
``away``               nobody had the run in hand
=====================  ============================================================================================

Where several things are lacking at once, each of them is told its part of the seconds: having more of one would not do.
What was lacking when one looked is taken to have been lacking until one looks again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AWAY", "INPUTS", "PAUSE", "TURN", "Line", "Wait"]

AWAY, INPUTS, PAUSE, TURN = "away", "inputs", "pause", "turn"

Reasons = tuple[str, ...]


class Wait:
    """One task's waiting; ``before``: what it has waited already."""

    def __init__(self, now: float, reason: str, before: Mapping[str, float]) -> None:
        self._seconds = defaultdict[str, float](float, before)
        self._since = now
        self.reasons: Reasons = (reason,)

    def seen(self, now: float, reasons: Reasons) -> None:
        """From now on it waits for this."""
        if reasons != self.reasons:
            self._add(now)
            self.reasons = reasons

    def over(self, now: float) -> dict[str, float]:
        """Seconds of it all, by reasons."""
        self._add(now)
        return {reason: round(seconds, 6) for reason, seconds in self._seconds.items() if seconds >= 1e-6}

    def _add(self, now: float) -> None:
        _share(self._seconds, now - self._since, self.reasons)
        self._since = max(now, self._since)


class Line:
    """Those of a run that are ready, while too many others are before them: they wait for what the first one lacks.

    What it keeps grows with how often that changes, and not with how many wait, of which each is asked for once.
    """

    def __init__(self, now: float) -> None:
        self._times, self._sums = [now], [dict[str, float]()]
        self._reasons: list[Reasons] = [(TURN,)]

    def seen(self, now: float, reasons: Reasons) -> None:
        """From now on this is what the first one waits for."""
        if reasons != self._reasons[-1]:
            now = max(now, self._times[-1])
            self._sums.append(self._until(now))
            self._times.append(now)
            self._reasons.append(reasons)

    def between(self, begin: float, end: float) -> dict[str, float]:
        """Seconds of a stretch of time, by reasons."""
        there = self._times[0]
        found = {AWAY: min(end, there) - begin}
        if end > max(begin, there):
            before = self._until(max(begin, there))
            found |= {reason: seconds - before.get(reason, 0.0) for reason, seconds in self._until(end).items()}
        return {reason: seconds for reason, seconds in found.items() if seconds > 0}

    def _until(self, time: float) -> dict[str, float]:
        at = max(0, bisect_right(self._times, time) - 1)
        found = defaultdict[str, float](float, self._sums[at])
        _share(found, time - self._times[at], self._reasons[at])
        return dict(found)


def _share(seconds: defaultdict[str, float], amount: float, reasons: Reasons) -> None:
    # A clock that was set back takes nothing away.
    for reason in reasons:
        seconds[reason] += max(0.0, amount) / len(reasons)
