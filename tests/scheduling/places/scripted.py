"""A place where nothing runs: what becomes of jobs is told by a function, and time passes when somebody waits.

::

    place = ScriptedPlace()                                            # every job takes a second, and ends well
    place = ScriptedPlace(lambda job: 1 if "call" in job.id else 0)    # its exit status
    place = ScriptedPlace(lambda job: Ended(signal=9, began=0, ended=0, memory=10**9))
    place = ScriptedPlace(lambda job: Lost("the node is gone"), seconds=lambda job: 3600.0)

    place.submit(job); place.wait(); place.poll([job.id])              # a second later
    place = place.crash()                                              # who had it is gone, and comes again
    place.clock()                                                      # seconds since 1970, as the place has them

It is of one thread, and the same calls always have the same results.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from holotype.scheduling import Ended, Job, Lost, Place, Running, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from holotype.scheduling.places.place import Cause, State

    Outcome = Ended | Lost | int

__all__ = ["ScriptedPlace"]


@dataclass
class _Entry:
    """A job that has begun, or was cancelled before; ``ends``: when it will end by itself."""

    job: Job
    began: float
    ends: float
    over: Ended | Lost | None = None


@dataclass
class _World:
    """What goes on whoever looks."""

    outcome: Callable[[Job], Outcome]
    seconds: Callable[[Job], float]
    delay: float
    now: float
    entries: dict[str, _Entry] = field(default_factory=dict)
    started: list[Job] = field(default_factory=list)
    # Jobs on their way, by the scheduler that has sent them.
    sent: list[tuple[float, Job, ScriptedPlace]] = field(default_factory=list)
    changes: int = 0


class ScriptedPlace(Place):
    """A place that follows a script.

    ``outcome``: what becomes of a job, asked when it ends by itself, once for each, and not when somebody ends it: an
    exit status, an ``Ended`` whose times do not matter, or ``Lost``.  It may do what the job would, as to write files.
    By default every job ends with status 0.

    ``seconds``: how long a job takes, for all or by a function of the job; ``math.inf`` until somebody ends it.
    ``delay``: seconds after which what was submitted begins.  ``now``: seconds since 1970 at first.

    A job that takes longer than its ``time`` ends with cause ``time``; one whose outcome says more ``memory`` than it
    may have, with cause ``memory``.
    """

    def __init__(
        self,
        outcome: Callable[[Job], Outcome] = lambda job: 0,
        *,
        seconds: float | Callable[[Job], float] = 1.0,
        delay: float = 0.0,
        now: float = 1_700_000_000.0,
    ) -> None:
        takes = seconds if callable(seconds) else lambda job: seconds
        self._world = _World(outcome, takes, delay, now)
        self._seen = -1
        self._gone = False

    # -- of the script

    def clock(self) -> float:
        """What time it is there, in seconds since 1970."""
        return self._world.now

    @property
    def started(self) -> tuple[Job, ...]:
        """The jobs that were started, in their order."""
        return tuple(self._world.started)

    @property
    def running(self) -> tuple[Job, ...]:
        """The jobs that run now."""
        return tuple(entry.job for entry in self._world.entries.values() if entry.over is None)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        until = self._world.now + seconds
        while (then := self._next()) <= until:
            self._happen(then)
        self._world.now = until

    def lose(self, *jobs: str) -> None:
        """Have what looks after jobs that run be gone: they are lost."""
        for id in jobs:
            entry = self._world.entries[id]
            if entry.over is None:
                self._over(entry, Lost("what looked after it is gone"))

    def crash(self) -> ScriptedPlace:
        """Be ended, as by ``kill -9``: what comes next has what has begun, and nothing that was still on its way.

        This one cannot be used any more.
        """
        self._world.sent = [each for each in self._world.sent if each[2] is not self]
        self._gone = True
        return self._again()

    def beside(self) -> ScriptedPlace:
        """What another scheduler has of the same place, at the same time."""
        return self._again()

    # -- of the contract

    def submit(self, *jobs: Job) -> None:
        self._here()
        for job in jobs:
            on_its_way = any(each.id == job.id and owner is self for _, each, owner in self._world.sent)
            if job.id not in self._world.entries and not on_its_way:
                self._world.sent.append((self._world.now + self._world.delay, job, self))
        self.advance(0)

    def poll(self, jobs: Iterable[str]) -> Mapping[str, State]:
        self._here()
        self._seen = self._world.changes
        waiting = {job.id for _, job, owner in self._world.sent if owner is self}
        found: dict[str, State] = {}
        for id in jobs:
            if (entry := self._world.entries.get(id)) is not None:
                found[id] = entry.over or Running(entry.began)
            elif id in waiting:
                found[id] = Waiting()
        return found

    def cancel(self, jobs: Iterable[str]) -> None:
        self._here()
        now = self._world.now
        for id in jobs:
            entry = self._world.entries.get(id)
            if entry is None:
                never = Ended(began=now, ended=now, cause="cancelled")
                # Nobody can submit it any more, so it matters not what it would have been.
                self._world.entries[id] = _Entry(
                    Job(id=id, command=("",), folder="", stdout="", stderr=""), now, now, never
                )
                self._world.changes += 1
            elif entry.over is None:
                self._over(entry, self._forced(entry, "cancelled"))

    def wait(self, timeout: float | None = None) -> None:
        self._here()
        if self._seen != self._world.changes:
            return
        then = self._next()
        if timeout is None and then == math.inf:
            if self.running or self._world.sent:
                raise RuntimeError("nothing will ever happen: what runs takes for ever, and nobody ends it")
            return
        self.advance(min(then - self._world.now, math.inf if timeout is None else timeout))

    def forget(self, jobs: Iterable[str]) -> None:
        self._here()
        for id in jobs:
            if (entry := self._world.entries.get(id)) is not None and entry.over is not None:
                del self._world.entries[id]

    def close(self) -> None:
        return

    # -- what happens

    def _again(self) -> ScriptedPlace:
        other = ScriptedPlace()
        other._world = self._world
        return other

    def _here(self) -> None:
        if self._gone:
            raise RuntimeError("this place has crashed; crash() gave another one")

    def _next(self) -> float:
        """When something happens next."""
        begin = min((when for when, _, _ in self._world.sent), default=math.inf)
        running = (entry for entry in self._world.entries.values() if entry.over is None)
        return min(begin, min((min(entry.ends, _limit(entry)) for entry in running), default=math.inf))

    def _happen(self, then: float) -> None:
        world = self._world
        world.now = max(world.now, then)
        for each in [each for each in world.sent if each[0] <= then]:
            world.sent.remove(each)
            self._begin(each[1])
        for entry in [*world.entries.values()]:
            if entry.over is None and min(entry.ends, _limit(entry)) <= then:
                timed_out = _limit(entry) < entry.ends
                self._over(entry, self._forced(entry, "time") if timed_out else self._asked(entry))

    def _begin(self, job: Job) -> None:
        world = self._world
        if job.id in world.entries:
            return
        world.entries[job.id] = _Entry(job, world.now, world.now + world.seconds(job))
        world.started.append(job)
        world.changes += 1

    def _over(self, entry: _Entry, over: Ended | Lost) -> None:
        entry.over = over
        self._world.changes += 1

    def _asked(self, entry: _Entry) -> Ended | Lost:
        told = self._world.outcome(entry.job)
        if isinstance(told, Lost):
            return told
        ended = Ended(code=told, began=0, ended=0) if isinstance(told, int) else told
        most = entry.job.memory
        cause: Cause | None = "memory" if most is not None and ended.memory > most else ended.cause
        return replace(ended, began=entry.began, ended=self._world.now, cause=cause)

    def _forced(self, entry: _Entry, cause: Cause) -> Ended:
        return Ended(signal=15, began=entry.began, ended=self._world.now, cause=cause)


def _limit(entry: _Entry) -> float:
    return math.inf if entry.job.time is None else entry.began + entry.job.time
