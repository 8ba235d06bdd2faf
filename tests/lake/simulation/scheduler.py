"""Actors that share a storage, each in a thread of its own, of which exactly one runs at a time.

An actor gives way before every call to the storage.  Whoever is to go on then is chosen by a ``Chooser``, and so is the
fate of each call: so what chooses, a seed or a search, decides the whole run, and deciding alike repeats it exactly.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Call", "Chooser", "FATES", "FINE", "Fate", "Scheduler", "Step"]


class Call(NamedTuple):
    """A call to the storage: its kind, and the key or prefix it is about."""

    kind: str
    key: str


@dataclass(frozen=True)
class Fate:
    """What becomes of a call.

    ``done``: what it asks for is done ``now``, ``later``, when the caller was told long ago, or ``never``.  ``told``:
    the caller gets an answer, or an ``error``, or ``dies``.
    """

    name: str
    done: str = "now"
    told: str = "answer"


# Calls of all actors together; a run has some hundreds.
_LONGEST = 10_000

FINE = Fate("")
FATES = (
    Fate("request lost", done="never", told="error"),
    Fate("answer lost", told="error"),
    Fate("late", done="later", told="error"),
    Fate("dies before", done="never", told="dies"),
    Fate("dies after", told="dies"),
    Fate("dies, done later", done="later", told="dies"),
)


class Step(NamedTuple):
    """What was done: by whom, which call, with what fate."""

    actor: str
    call: Call
    fate: str

    def __str__(self) -> str:
        return f"{self.actor}: {self.call.kind} {self.call.key}{self.fate and f' ({self.fate})'}"


class Chooser(Protocol):
    """Decides what happens."""

    def choose(self, waiting: Mapping[str, Call]) -> str:
        """Whose call is next, of those that wait to make one."""
        ...

    def fate(self, actor: str, call: Call) -> Fate:
        """What becomes of the call that was chosen."""
        ...


class Endless(BaseException):
    """A run does not come to an end: nothing that handles errors may see it."""


class Scheduler:
    """Runs actors a call at a time.

    ``trace``: what was done.  ``errors``: what actors ended with, by name, other than well.
    """

    def __init__(self, chooser: Chooser) -> None:
        self._chooser = chooser
        self._waiting: dict[str, Call] = {}
        self._turns: dict[str, threading.Semaphore] = {}
        self._late: dict[str, Callable[[], object]] = {}
        self._over = threading.Semaphore(0)
        self.trace: list[Step] = []
        self.errors: dict[str, BaseException] = {}

    def run(self, actors: Mapping[str, Callable[[], object]]) -> None:
        """Run all actors to their ends."""
        threads = [threading.Thread(target=self._act, args=one, daemon=True) for one in actors.items()]
        for name in actors:
            self._turns[name] = threading.Semaphore(0)
            self._waiting[name] = Call("begin", "")
        for thread in threads:
            thread.start()
        if not self._mine(""):
            self._over.acquire()
        for thread in threads:
            thread.join()

    def give_way(self, actor: str, call: Call) -> Fate:
        """Wait until this call is the next; what is to become of it."""
        if len(self.trace) > _LONGEST:
            raise Endless(f"{actor} still goes on after {_LONGEST} calls")
        self._waiting[actor] = call
        if not self._mine(actor):
            self._turns[actor].acquire()
        fate = self._chooser.fate(actor, call)
        self.trace.append(Step(actor, call, fate.name))
        return fate

    def later(self, actor: str, call: Call, work: Callable[[], object]) -> None:
        """Have something done some time, though nobody waits for it."""
        name = f"{actor}'s {call.kind} {call.key}"
        self._late[name] = work
        self._waiting[name] = call

    def _mine(self, actor: str) -> bool:
        """Hand the turn on; whether it stays with this actor."""
        while self._waiting:
            name = self._chooser.choose(self._waiting)
            call = self._waiting.pop(name)
            if name in self._late:
                self.trace.append(Step(name, call, "arrives"))
                try:
                    self._late.pop(name)()
                except Exception as error:  # noqa: BLE001 - not that of the actor whose thread this happens to be
                    self.errors[name] = error
            elif name == actor:
                return True
            else:
                self._turns[name].release()
                return False
        self._over.release()
        return False

    def _act(self, name: str, actor: Callable[[], object]) -> None:
        self._turns[name].acquire()
        self.trace.append(Step(name, Call("begin", ""), ""))
        try:
            actor()
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever looks at the run
            self.errors[name] = error
        finally:
            self._mine(name)
