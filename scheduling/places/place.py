"""Places: where jobs run, in one small contract.

A *job* is one attempt at a task: a command that is started once, in a folder of its own.  Who submits it has written
down before that it will, so a place may be asked for any job at any time, and after a restart too:

- A job of an identifier is started at most once, however often it is submitted, by however many at once; and never
  once it was cancelled.
- What a place says of a job never goes back: it waits, it runs, it is over.
- When it is over nothing of it runs any more, whatever it has started, and its folder is as it left it.
- A job outlives who submitted it, and is found again by its identifier.
- What cannot be known is said so: a job that is gone without an outcome is ``Lost``.
- It may forget jobs, as when power is cut; then its ``epoch`` is another, and who submitted any before asks first.

How many jobs run at once is the business of who submits them: a place starts what it is given.  It may be used by one
thread at a time.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from holotype.catalog import InvalidOption

from ..declaring.frozen import Frozen, nothing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Cause", "Ended", "Job", "Lost", "Place", "Running", "State", "Waiting"]

Cause = Literal["time", "memory", "start", "cancelled"]
"""Why a job is over that did not end by itself."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One attempt at a task.

    ``id``: of its own for ever.  ``command``: the arguments, the program first.  ``folder``: where it works, which is
    there.  ``environment``: all the variables it has.  ``memory``: bytes, and ``time``: seconds, beyond which it is
    ended; ``None`` for no end.  What it writes to its standard output and error goes to the ends of ``stdout`` and
    ``stderr``, paths, which may be one.  Bytes that are no text are given as ``os.fsdecode`` does.

    Raises ``InvalidOption`` for what no place could start; what only cannot be started here ends with cause ``start``.
    """

    id: str
    command: tuple[str, ...]
    folder: str
    stdout: str
    stderr: str
    environment: Mapping[str, str] = field(default_factory=nothing)
    memory: int | None = None
    time: float | None = None

    def __post_init__(self) -> None:
        if not self.id:
            raise InvalidOption("a job is found by its id, which is empty", option="id")
        for name in ("memory", "time"):
            limit = getattr(self, name)
            if limit is not None and not limit > 0:
                raise InvalidOption(
                    f"job {self.id}: {name} is {limit!r}, which nothing can be done within", option=name
                )
        try:
            command = [] if isinstance(given := self._given("command"), str | bytes) else [*map(os.fsdecode, given)]
            if not command:
                raise TypeError(f"its command is {given!r}, not a list of arguments")
            object.__setattr__(self, "command", tuple(command))
            texts = {os.fsdecode(name): os.fsdecode(text) for name, text in dict(self.environment).items()}
            object.__setattr__(self, "environment", Frozen(texts))
            for name in ("folder", "stdout", "stderr"):
                object.__setattr__(self, name, os.fsdecode(self._given(name)))
        except (TypeError, ValueError) as error:
            raise InvalidOption(f"job {self.id}: {error}", option="command") from error

    def _given(self, name: str) -> Any:
        """What was given, which may be more than what it is then: paths, and lists."""
        return getattr(self, name)


@dataclass(frozen=True)
class Waiting:
    """It was submitted, and has not begun."""


@dataclass(frozen=True)
class Running:
    """It has begun, and is not over.  ``began``: seconds since 1970."""

    began: float


@dataclass(frozen=True, kw_only=True)
class Ended:
    """It is over, and this is how.

    ``code``: its exit status, or ``signal``: the number of what ended it; neither where it was never started.
    ``began`` and ``ended``: seconds since 1970.  ``cpu``: seconds of processors, with what it has started.
    ``memory``: bytes that it had at once, at the highest that was seen; 0 where it was over too soon to see.
    ``read`` and ``written``: bytes that it asked the system for and gave to it, whether they came from a disk or not;
    ``None`` where nobody counts them.

    ``cause``: ``time`` or ``memory`` where it was ended for that, ``start`` where it could not be started, with why in
    ``message``, ``cancelled`` where somebody asked for it, ``None`` where it ended by itself, or others ended it.
    """

    code: int | None = None
    signal: int | None = None
    began: float
    ended: float
    cpu: float = 0.0
    memory: int = 0
    read: int | None = None
    written: int | None = None
    cause: Cause | None = None
    message: str = ""

    @property
    def ok(self) -> bool:
        """Whether it ended by itself, with status 0."""
        return self.code == 0 and self.cause is None


@dataclass(frozen=True)
class Lost:
    """It is over, and nobody knows how.  ``why``: what became of who looked after it."""

    why: str


State = Waiting | Running | Ended | Lost
"""What there is to say of a job."""


class Place(ABC):
    """A place where jobs run; the module says what it promises."""

    @abstractmethod
    def submit(self, *jobs: Job) -> None:
        """Have them started, those that have not been, nor cancelled.  Raises ``OSError`` where nothing can be started
        at all; of what is wrong with one job alone ``poll`` tells.
        """

    @abstractmethod
    def poll(self, jobs: Iterable[str]) -> Mapping[str, State]:
        """What there is to say of jobs, by their identifiers, those that are not known left out."""

    @abstractmethod
    def cancel(self, jobs: Iterable[str]) -> None:
        """Have them ended, with all that they have started; returns at once, and ``poll`` says when it is done.

        One that was not started never will be, whoever has submitted it or does so later.  What is over stays as it is.
        Raises ``OSError`` where nobody can be told.
        """

    @abstractmethod
    def wait(self, timeout: float | None = None) -> None:
        """Return when something may have changed since ``poll`` was asked last, or after so many seconds."""

    def epoch(self) -> str:
        """What is another when jobs may have been forgotten that were begun: one that is not known was perhaps never
        started, and perhaps was.  A place that forgets none has always the same.
        """
        return ""

    @abstractmethod
    def forget(self, jobs: Iterable[str]) -> None:
        """Let go of what is known of jobs that are over; others are left as they are.

        Nobody may submit them afterwards: nothing would be known of their having run.
        """

    @abstractmethod
    def close(self) -> None:
        """Leave it.  What was submitted goes on, and is found by whoever comes next."""
