"""This machine as a place: what it says of jobs is what their guards have written down, which anybody can read."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from .identity import Identity, this_start
from .keeping import Keeping
from .place import Ended, Job, Lost, Place, Running, State, Waiting
from .traces import Traces, Written
from .trees import end_marked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["LocalPlace"]

# Seconds between looks at what was written down: of jobs whose guards tell us, and of those that somebody else has
# submitted; and the share of a processor that this may take.
_LOOK, _LOOK_OFTEN = 1.0, 0.05
_SHARE = 0.05
# Seconds after which a job was begun by nobody, as when power was cut, if nothing is said of who has.
_ABOUT_TO = 60.0


class LocalPlace(Place):
    """Processes of this machine.

    ``folder``: where it is written down what becomes of them; on a disk of this machine, and nobody else writes there,
    nor removes it while jobs run: they would go on, and nobody could find or end them.
    Any number of processes may have a place there, at once and one after the other: they see the same jobs.  A job
    goes on when they are ended, by whatever; only when its own guard is, or the machine, it is ended and ``Lost``.

    What memory a job has is looked at every half second where it may have only so much.  What the kernel ends because
    memory ran out has cause ``memory`` too, where control groups count that.  On Linux a job is known to the last
    process that it has started; elsewhere by a variable that it is given.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._traces = Traces(folder)
        self._keeping = Keeping(self._traces)
        self._known: dict[str, State] = {}
        self._sent: dict[str, Job] = {}
        self._open: set[str] = set()
        self._silent: set[str] = set()
        self._news = False
        self._next_look = 0.0

    def submit(self, *jobs: Job) -> None:
        new = {job.id: job for job in jobs if job.id not in self._known and not self._look_up(job.id)}
        if not new:
            return
        # In one go: each would wake the keeper, which then would be where this is.
        self._keeping.tell(_said(job) for job in new.values())
        self._known |= dict.fromkeys(new, Waiting())
        self._sent |= new
        self._open |= new.keys()

    def poll(self, jobs: Iterable[str]) -> Mapping[str, State]:
        self._hear()
        if time.monotonic() >= self._next_look:
            self._look()
        self._news = False
        return {id: self._known[id] for id in jobs if id in self._known or self._look_up(id)}

    def cancel(self, jobs: Iterable[str]) -> None:
        self._hear()
        self._traces.make()
        for id in jobs:
            if isinstance(self._known.get(id), Ended | Lost):
                continue
            now = time.time()
            never = Ended(began=now, ended=now, cause="cancelled")
            # To have begun it is to keep everybody else from it.
            if self._traces.begin(id, now, Identity.of(os.getpid()), ended=never):
                self._set(id, never)
            elif (found := self._traces.read(id)) is not None and found.over is None:
                self._traces.cancel(id)
                if found.guard is not None:
                    found.guard.wake()

    def wait(self, timeout: float | None = None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._news:
            now = time.monotonic()
            if deadline is not None and now >= deadline:
                return
            if deadline is None and not self._open:
                return  # nothing can change
            if self._open and now >= self._next_look:
                self._look()
                continue
            until = [each for each in (deadline, self._next_look if self._open else None) if each is not None]
            if self._keeping.sleep(max(0.0, min(until) - now)):
                return

    def epoch(self) -> str:
        return this_start()

    def forget(self, jobs: Iterable[str]) -> None:
        for id in jobs:
            if isinstance(self.poll([id]).get(id), Ended | Lost):
                self._traces.forget(id)
                self._known.pop(id, None)

    def close(self) -> None:
        self._hear()
        self._keeping.close()
        self._traces.leave()
        self._silent |= self._open

    # -- what becomes known

    def _set(self, id: str, state: State) -> None:
        old = self._known.get(id)
        if isinstance(old, Ended | Lost) or (isinstance(old, Running) and isinstance(state, Running | Waiting)):
            return
        self._known[id] = state
        self._news = True
        self._sent.pop(id, None)
        if isinstance(state, Ended | Lost):
            self._open.discard(id)
            self._silent.discard(id)
        else:
            self._open.add(id)

    def _hear(self) -> None:
        """Take note of what guards have told."""
        for said in self._keeping.heard():
            if "ended" in said:
                self._set(said["id"], Ended(**said["ended"]))
            elif "running" in said:
                self._set(said["id"], Running(**said["running"]))
            elif "id" in said:
                self._look_up(said["id"])
            else:
                self._next_look = 0.0

    def _look(self) -> None:
        """Look at what was written down of all that are not over."""
        spent = time.thread_time()
        for id in [*self._open]:
            self._look_up(id)
        if self._sent and not self._keeping.lives:
            # What it was told and has not begun it will not.
            left = [job for id, job in [*self._sent.items()] if not self._look_up(id)]
            if left:
                self._keeping.tell(map(_said, left))
        often = self._silent or not self._keeping.listens
        pause = max(_LOOK_OFTEN if often else _LOOK, (time.thread_time() - spent) / _SHARE)
        self._next_look = time.monotonic() + pause

    def _look_up(self, id: str) -> bool:
        """Take note of what was written down of a job; whether something was."""
        found = self._traces.read(id)
        if found is None:
            return False
        if found.over is not None:
            self._set(id, found.over)
            return True
        # A guard that tells us would have done so, but for a moment.
        if id not in self._known:
            self._silent.add(id)
            self._next_look = min(self._next_look, time.monotonic() + _LOOK_OFTEN)
        self._set(id, Running(found.began) if self._guarded(id, found) else self._ended_now(id, found))
        return True

    def _guarded(self, id: str, found: Written) -> bool:
        if found.guard is None:  # who has just begun it is about to say so
            return time.time() - found.began < _ABOUT_TO
        return found.guard.lives(self._traces.of(id))

    def _ended_now(self, id: str, found: Written) -> State:
        """What is said of a job whose guard is gone, when what it has left behind was ended."""
        # Looked at again: it may have been the last that the guard did.
        last = self._traces.read(id) or found
        if last.over is not None:
            return last.over
        if last.guard is None or not last.guard.here:
            why = "the machine was started again since, or is another one"
        elif end_marked(self._traces.mark(id), last.first):
            why = "who looked after it was ended, and so it was too"
        else:
            return Running(found.began)  # something of it cannot be ended
        lost = Lost(why)
        with suppress(OSError):  # it will be found again
            self._traces.lose(id, lost)
        said = self._traces.read(id)
        return lost if said is None or said.over is None else said.over


def _said(job: Job) -> dict[str, Any]:
    return {each.name: getattr(job, each.name) for each in fields(job)} | {"environment": dict(job.environment)}
