"""This machine as a place: what it says of jobs is what their guards have written down, which anybody can read."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from .identity import Identity
from .keeping import Keeping
from .place import Ended, Job, Lost, Place, Running, State, Waiting
from .traces import Begun, Traces
from .trees import end_marked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["LocalPlace"]

# Seconds between looks at what was written down: of jobs whose guards tell us, and of those that somebody else has
# submitted; and the share of a processor that this may take.
_LOOK, _LOOK_OFTEN = 1.0, 0.05
_SHARE = 0.05


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

    def submit(self, job: Job) -> None:
        if job.id in self._known or self._look_up(job.id):
            return
        self._keeping.tell(_said(job))
        self._known[job.id] = Waiting()
        self._sent[job.id] = job
        self._open.add(job.id)

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
            elif self._traces.ended(id) is None:
                self._traces.cancel(id)
                begun = self._traces.begun(id)
                if begun is not None and begun.guard is not None:
                    begun.guard.wake()

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

    def forget(self, jobs: Iterable[str]) -> None:
        for id in jobs:
            if isinstance(self.poll([id]).get(id), Ended | Lost):
                self._traces.forget(id)
                self._known.pop(id, None)

    def close(self) -> None:
        self._hear()
        self._keeping.close()
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
            for id in [*self._sent]:  # what it was told and has not begun it will not
                if not self._look_up(id):
                    self._keeping.tell(_said(self._sent[id]))
        often = self._silent or not self._keeping.listens
        pause = max(_LOOK_OFTEN if often else _LOOK, (time.thread_time() - spent) / _SHARE)
        self._next_look = time.monotonic() + pause

    def _look_up(self, id: str) -> bool:
        """Take note of what was written down of a job; whether something was."""
        if (ended := self._traces.ended(id)) is not None:
            self._set(id, ended)
        elif (begun := self._traces.begun(id)) is not None:
            # A guard that tells us would have done so, but for a moment.
            if id not in self._known:
                self._silent.add(id)
                self._next_look = min(self._next_look, time.monotonic() + _LOOK_OFTEN)
            self._set(id, Running(begun.began) if self._guarded(id, begun) else self._ended_now(id, begun))
        else:
            return False
        return True

    def _guarded(self, id: str, begun: Begun) -> bool:
        return begun.guard is not None and begun.guard.lives(self._traces.sign(id))

    def _ended_now(self, id: str, begun: Begun) -> State:
        """What is said of a job whose guard is gone, when what it has left behind was ended."""
        # Looked at again: it may have been the last that the guard did.
        if (ended := self._traces.ended(id)) is not None:
            return ended
        if begun.guard is None or not begun.guard.here:
            why = "the machine was started again since, or is another one"
        elif end_marked(self._traces.mark(id), self._traces.first(id)):
            why = "who looked after it was ended, and so it was too"
        else:
            return Running(begun.began)  # something of it cannot be ended
        lost = Lost(why)
        with suppress(OSError):  # it will be found again
            self._traces.end(id, lost)
        return self._traces.ended(id) or lost


def _said(job: Job) -> dict[str, Any]:
    return {each.name: getattr(job, each.name) for each in fields(job)} | {"environment": dict(job.environment)}
