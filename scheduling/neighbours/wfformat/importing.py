"""Traces in WfFormat as the tables of a run, and as a workflow that does nothing but take as long."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from ...declaring.frozen import Frozen, nothing
from ...declaring.problems import Problems
from ...records.tables import RUN_TABLES
from ..imported import Losses
from .exporting import SHELL
from .owned import Owned, attempt_said, run_said, samples_said, task_said
from .reading import read_trace
from .replaying import replay
from .values import Values

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from ...workflow import Workflow
    from ..imported import Loss
    from .reading import Document, TraceTask

__all__ = ["Trace", "import_wfformat"]

# When what has no time was: nobody takes it for the truth.
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Trace:
    """A run elsewhere.

    ``tables``: those of a recorded run, by their names, for whatever is done with runs.  ``lost``: everything that was
    not carried over, or is not said there.
    """

    tables: Mapping[str, pl.DataFrame] = field(default_factory=nothing)
    lost: tuple[Loss, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "tables", Frozen(self.tables))
        object.__setattr__(self, "lost", tuple(self.lost))

    def replay(self, *, scale: float = 1.0, busy: bool = False, data: float = 0.0, memory: bool = False) -> Workflow:
        """A workflow of the same graph that does nothing but take its time; it needs no samples.

        ``scale``: of seconds, so that an hour can be done in one.  ``busy``: calculate all the while on as many
        processors as were busy there, rather than sleep.  ``data``: the part of the bytes that each task's outputs had
        which it writes.  ``memory``: ask for as much as was used there.  Nothing of the trace's commands is ever run.

        Raises ``InvalidOption`` for a scale or a part that is none.
        """
        return replay(self.tables, scale=scale, busy=busy, data=data, memory=memory)


def import_wfformat(path: str | os.PathLike[str], *, earliest: bool = False) -> Trace:
    """A trace in WfFormat, of versions 1.0 to 1.6, as the tables of a run.

    ``earliest``: where it is not said when a task began, it is taken to have begun when the last of those that it
    needs had ended, as on a machine without an end; else that is not known.

    Raises ``WorkflowInvalid`` that says all that is wrong, where it is no trace, tasks are missing, or need each other
    in a circle; ``OSError`` where it cannot be read.
    """
    losses = Losses()
    document = read_trace(path, losses)
    tables = _Tables(document, losses, earliest=earliest).made()
    return Trace(tables=tables, lost=tuple(losses.told))


class _Tables:
    def __init__(self, document: Document, losses: Losses, *, earliest: bool) -> None:
        self._document, self._losses, self._earliest = document, losses, earliest
        self._values = Values(Problems("the trace"), losses)
        self._own = Owned(losses)
        self._began = document.executed
        if self._began is None:
            losses.add("workflow.executedAt", "when it was run", "it is not said: it is counted from 1970")
            self._began = _NEVER
        self._names = self._named()
        self._ended: dict[str, datetime] = {}

    def made(self) -> dict[str, pl.DataFrame]:
        """All tables."""
        document = self._document
        tasks: list[dict[str, Any]] = []
        attempts: list[dict[str, Any]] = []
        files: list[dict[str, Any]] = []
        for task in document.tasks:
            attempt = self._attempt(task)
            tasks.append(self._task(task, attempt))
            attempts += [attempt] if attempt is not None else []
            files += self._files(task)
        self._tell(attempts)
        samples = samples_said(self._own, document.own)
        rows = {"runs": [self._run(tasks, samples)], "tasks": tasks, "attempts": attempts, "task_files": files}
        rows["run_samples"] = samples
        return {table.name: self._frame(table, rows.get(table.name, [])) for table in RUN_TABLES}

    def _frame(self, table: Any, rows: list[dict[str, Any]]) -> pl.DataFrame:
        frame = pl.from_arrow(table.rows([{"run": self._document.name, **row} for row in rows]))
        assert isinstance(frame, pl.DataFrame)
        return frame

    def _named(self) -> dict[str, str]:
        """What tasks are called, by their identifiers: as here, where that is said, and no two the same."""
        found: dict[str, str] = {}
        taken = {task.id for task in self._document.tasks}
        for task in self._document.tasks:
            name = self._own.text(task.own, "task") or task.id
            if name != task.id and name in taken:
                name = task.id
            taken.add(name)
            found[task.id] = name
        return found

    def _run(self, tasks: list[dict[str, Any]], samples: list[dict[str, Any]]) -> dict[str, Any]:
        document, began = self._document, self._began
        makespan = document.makespan
        ended = max(self._ended.values(), default=None) if makespan is None else _after(began, makespan)
        return {
            **run_said(self._own, document),
            "began": began,
            "ended": ended,
            "samples": len(samples),
            "tasks": len(tasks),
            "machine": document.machines[0] if document.machines else "",
        }

    def _task(self, task: TraceTask, attempt: dict[str, Any] | None) -> dict[str, Any]:
        ready = self._ready(task)
        return {
            **task_said(self._own, task, begun=attempt is not None),
            "task": self._names[task.id],
            "attempts": 0 if attempt is None else attempt["attempt"],
            "needs": [self._names[parent] for parent in task.parents],
            "ready": ready,
            "began": None if attempt is None else attempt["began"],
            "ended": None if attempt is None else attempt["ended"],
        }

    def _ready(self, task: TraceTask) -> datetime | None:
        """When the last of those that it needs had ended, if that is known of all of them."""
        if any(parent not in self._ended for parent in task.parents):
            return None
        return max((self._ended[parent] for parent in task.parents), default=self._began)

    def _attempt(self, task: TraceTask) -> dict[str, Any] | None:
        said, at = task.executed, f"tasks.{task.id}"
        if said is None:
            self._losses.add(at, task.name, "it is not said to have been run")
            return None
        number = self._values.number
        wall = number(said, "runtimeInSeconds", "runtime", at=at)
        if wall is None:
            self._losses.add(at, task.name, "how long it took is not said")
        ready = self._ready(task)
        began = self._values.time(said.get("executedAt"), f"{at}.executedAt")
        if began is None and self._earliest:
            began = ready
        ended = None if began is None or wall is None else _after(began, wall)
        if ended is not None:
            self._ended[task.id] = ended
        cores, busy = number(said, "coreCount", "cores", at=at), number(said, "avgCPU", at=at)
        if cores is not None and cores != int(cores):
            self._losses.add(f"{at}.coreCount", cores, "processors are whole here: it is the next number of them")
        kilobytes = number(said, "memory", at=at)
        memory = number(said, "memoryInBytes", at=at)
        if memory is None and kilobytes is not None:
            memory = kilobytes * 1000  # in versions before 1.4
        return {
            "attempt": 1,
            "cpu": None if busy is None or wall is None else wall * busy / 100,
            **attempt_said(self._own, task, said),
            "task": self._names[task.id],
            "job": task.id,
            "command": self._command(said, at),
            "ready": ready,
            "submitted": began,  # what it waited elsewhere is not said, and is nobody's here
            "began": began,
            "ended": ended,
            "settled": ended,
            "wall": wall,
            "memory": _whole(memory),
            "read": _whole(number(said, "readBytes", "bytesRead", at=at)),
            "written": _whole(number(said, "writtenBytes", "bytesWritten", at=at)),
            "cpus": None if cores is None else math.ceil(cores),
        }

    def _command(self, said: Mapping[str, Any], at: str) -> str | None:
        """What was run, as one would type it; it is only shown."""
        command = said.get("command")
        given = command if isinstance(command, dict) else {"arguments": said.get("arguments")}
        program, arguments = given.get("program"), given.get("arguments") or []
        words = [program, *arguments] if isinstance(arguments, list) else [program, arguments]
        words = [word for word in words if word is not None]
        if not all(isinstance(word, str) for word in words):
            self._losses.add(f"{at}.command", command, "it is no program with arguments")
            return None
        if (*words[:-1],) == SHELL:
            return str(words[-1])
        return shlex.join(map(str, words)).encode("utf-8", "replace").decode() or None

    def _files(self, task: TraceTask) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for direction, ids in (("used", task.inputs), ("made", task.outputs)):
            ports = self._own.ports(task.own, direction)
            for id in ids:
                file = self._document.files[id]
                digest = self._own.text(file.own, "sha256") or ""
                if not digest:
                    self._losses.add("files", "their SHA-256", "it is not said: it is empty")
                found.append(
                    {
                        "task": self._names[task.id],
                        "direction": direction,
                        "port": ports.get(id),
                        "path": self._own.text(file.own, "path") or id,
                        "digest": digest,
                        "size": None if file.own.get("sized") is False else file.size,
                    }
                )
        return found

    def _tell(self, attempts: list[dict[str, Any]]) -> None:
        if unknown := sum(attempt["began"] is None for attempt in attempts):
            self._losses.add("tasks", f"when {unknown} of them began", "it is not said: ask for the earliest= there is")


def _after(began: datetime | None, seconds: float) -> datetime | None:
    """So much later; nothing where that is beyond all calendars."""
    try:
        return None if began is None else began + timedelta(seconds=seconds)
    except OverflowError:
        return None


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)
