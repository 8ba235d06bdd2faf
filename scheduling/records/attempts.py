"""An attempt, as the journal tells of it: what it was given when it was begun, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from .rows import said

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..running.progress import TaskState

__all__ = ["Attempt", "attempt_columns", "begun", "refused"]

# What an attempt needs, and the columns that have it.
_NEEDED = {
    "cpus": "cpus",
    "memory": "memory_given",
    "disk": "disk_given",
    "gpus": "gpus",
    "time": "time_given",
}


@dataclass(slots=True)
class Attempt:
    """A row of ``attempts``, by the names of its columns; times are seconds since 1970."""

    task: str
    attempt: int
    job: str | None = None
    stage: str = ""
    command: str | None = None
    parameters: str = "{}"
    ready: float | None = None
    submitted: float | None = None
    began: float | None = None
    ended: float | None = None
    settled: float | None = None
    failure: str | None = None
    message: str = ""
    code: int | None = None
    signal: int | None = None
    wall: float | None = None
    cpu: float | None = None
    memory: int | None = None
    read: int | None = None
    written: int | None = None
    cpus: int | None = None
    memory_given: int | None = None
    disk_given: int | None = None
    gpus: int | None = None
    time_given: float | None = None
    licences: str = "{}"
    instruments: str = "{}"
    waited: str = "{}"
    inspecting: float | None = None
    recording: float | None = None

    def over(self, event: Mapping[str, Any]) -> None:
        """It is over, and was looked at."""
        used = event.get("used", {})
        self.began, self.ended, self.settled = used.get("began"), used.get("ended"), event["time"]
        self.code, self.signal = used.get("code"), used.get("signal")
        if self.began is not None and self.ended is not None:
            self.wall = self.ended - self.began
        self.cpu, self.memory = used.get("cpu"), used.get("memory")
        self.read, self.written = used.get("read"), used.get("written")
        self.inspecting, self.recording = event.get("inspecting"), event.get("recording")
        if (happened := event.get("happened")) is not None:
            self.failure, self.message = happened["failure"], happened["message"]

    def given_up(self, time: float, why: str) -> None:
        """It was ended, or need not be looked at, for what it was for was given up."""
        self.ended, self.settled, self.failure, self.message = time, time, "stopped", why


def begun(state: TaskState, event: Mapping[str, Any]) -> Attempt:
    """One that was begun."""
    needs = event["needs"]
    made = Attempt(event["task"], event["attempt"], event["job"], event.get("stage", state.way.stage.name))
    made.command, made.parameters = event.get("command"), said(event.get("parameters", dict(state.way.parameters)))
    made.ready, made.submitted = event["ready"], event["time"]
    for name, column in _NEEDED.items():
        setattr(made, column, needs[name])
    made.licences, made.instruments = said(needs["licences"]), said(needs["instruments"])
    made.waited = said(event.get("waited", {}))
    return made


def refused(state: TaskState, event: Mapping[str, Any]) -> Attempt:
    """One that could not be begun."""
    made = Attempt(event["task"], event["attempt"], stage=state.way.stage.name)
    made.over(event)
    return made


def attempt_columns(run: str, attempts: Sequence[Attempt]) -> dict[str, Sequence[Any]]:
    """Attempts as columns."""
    columns = {each.name: [getattr(one, each.name) for one in attempts] for each in fields(Attempt)}
    return {"run": [run] * len(attempts), **columns}
