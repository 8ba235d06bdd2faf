"""A run as deeds that an archive is told of: the run itself, and every task that was begun or whose result was reused.

::

    run ◀── wasStartedBy ── task ── used ──▶ reads, as the dataset has them that they lie in
                              │ ─── used ──▶ what other tasks have made
                              ◀── wasGeneratedBy ── results, of which those that count are in the run's snapshot
                              │ ─── wasInformedBy ──▶ the attempt at it before, which failed, and so on

The last attempt at a task is the task itself; what was used by one before that is what was there when it was begun.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from holotype.catalog import dicts, scalar
from holotype.lake import Deed, DeedFile

from .trying import attempts_before

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..declaring.environments import Environment
    from .facts import RunFacts
    from .trying import Before

__all__ = ["deeds_of", "run_deed"]

_OUTCOMES = {"done": "completed", "skipped": "skipped", "stopped": "failed", "held": "failed"}
_RUNS = {"done": "completed", "degraded": "completed", "cancelled": "interrupted"}
_BEGINNING = datetime.min.replace(tzinfo=UTC)
# What is told of an attempt, by what its table calls it.
_USED = ("wall", "cpu", "memory", "read", "written", "code", "signal", "failure", "inspecting", "recording")
_GIVEN = ("cpus", "memory_given", "disk_given", "gpus", "time_given")
_WORDS = ("licences", "instruments", "waited")


def deeds_of(facts: RunFacts) -> list[Deed]:
    """The run, each of its tasks that did something, in the order of time, and what was said to be bad afterwards."""
    telling = _Telling(facts)
    return [run_deed(facts), *telling.tasks(), *telling.retracted()]


def run_deed(facts: RunFacts) -> Deed:
    """The run as a whole: who had it done, what was ordered, and how it ended."""
    row, order = facts.row, facts.folder / "order.json"
    data = order.read_bytes()
    ordered = DeedFile(
        path=order, sha256=hashlib.sha256(data).hexdigest(), size=len(data), role="order", facts={"run": facts.name}
    )
    tools: dict[str, str] = json.loads(row["tools"])
    return Deed(
        unique=facts.identity,
        name=facts.name,
        kind="workflow",
        began=row["began"],
        ended=max(row["ended"] or row["began"], row["began"]),
        outcome=_RUNS.get(row["state"], "failed"),
        person=row["operator"],
        parameters=dict(facts.progress.units.order.parameters),
        programs=tools,
        used=(ordered,),
        facts={
            "run": facts.name,
            "workflow": row["workflow"],
            "workflow-version": row["version"],
            "state": row["state"],
            "why": row["why"] or None,
            "project": row["project"] or None,
            "machine": row["machine"],
            "samples": row["samples"],
            "tasks": row["tasks"],
        },
        here=row["machine"] == platform.node(),
    )


class _Telling:
    """The tasks of one run, as deeds."""

    def __init__(self, facts: RunFacts) -> None:
        self._facts = facts
        tables = facts.tables
        self._tools: dict[str, str] = json.loads(facts.row["tools"])
        self._attempts = _by_task(dicts(tables["attempts"]))
        self._before = attempts_before(facts)
        self._decisions = _by_task(dicts(tables["decisions"]))
        self._files = _by_task(dicts(tables["task_files"]))
        self._ended: dict[str, datetime] = {}
        self._made: dict[str, datetime] = {}  # when files were, by their paths
        self._real = _Real()

    def tasks(self) -> list[Deed]:
        """Those that were begun, or reused, each after the attempts at it that came to nothing."""
        rows = [row for row in dicts(self._facts.tables["tasks"]) if row["reused_task"] or row["attempts"]]
        rows.sort(key=lambda row: (row["ended"] or row["began"] or _BEGINNING, row["began"] or _BEGINNING))
        return [deed for row in rows for deed in self._deeds(row)]

    def retracted(self) -> Iterator[Deed]:
        """Each time that a result was marked as bad: by whom, why, and which files that are."""
        events = self._facts.tables["run_events"]
        for row in dicts(events.filter(pc.equal(events["what"], scalar("bad")))):
            said = json.loads(row["about"])
            files = (each for each in self._files.get(row["task"], ()) if each["direction"] == "made")
            yield Deed(
                unique=f"{self._facts.identity}/bad/{row['number']}",
                name=f"{row['task']} was marked bad",
                kind="retraction",
                began=row["time"],
                ended=row["time"],
                person=said.get("by") or self._facts.row["operator"],
                invalidated=tuple(self._file(each) for each in files),
                facts={"run": self._facts.name, "task": row["task"], "why": said["why"]},
            )

    def _deeds(self, row: Mapping[str, Any]) -> Iterator[Deed]:
        last: Deed | None = None
        for attempt in self._before.get(row["task"], ()):
            last = self._attempt(row, attempt, last)
            yield last
        yield self._task(row, last)

    def _attempt(self, row: Mapping[str, Any], attempt: Before, last: Deed | None) -> Deed:
        """One that another one came after: it used what it was given, and made nothing that counts."""
        name, said = row["task"], attempt.row
        used = tuple(self._file(each) for each in attempt.used)
        there = [self._made[each["path"]] for each in attempt.used if each["path"] in self._made]
        began = max([said["began"] or said["submitted"], self._facts.row["began"], *there, *_end(last)])
        decided = self._decisions.get(name, ())
        facts = {
            **{word: row[word] for word in ("sample", "element", "node")},
            **{word: said[word] for word in ("stage", "attempt", "message")},
            "run": self._facts.name,
            "machine": self._facts.row["machine"],
            "task": name,
            "decided-by": self._started_by(tuple(each for each in decided if each["attempt"] < said["attempt"])),
            "decisions": [_decision(each) for each in decided if each["attempt"] == said["attempt"]] or None,
            **_took(said),
        }
        return Deed(
            unique=f"{self._facts.identity}/{name}#{attempt.number}",
            name=f"{name}, attempt {said['attempt']}",
            kind="attempt",
            began=began,
            ended=max(said["settled"] or began, began),
            outcome="failed" if said["failure"] != "stopped" else "interrupted",
            person=self._facts.row["operator"],
            command=_shell(said["command"]),
            folder=str(self._facts.folder),
            parameters=json.loads(said["parameters"] or "{}"),
            programs=self._programs(name),
            used=used,
            facts={word.replace("_", "-"): value for word, value in facts.items() if value is not None},
            within=self._facts.identity,
            after=() if last is None else (last.unique,),
        )

    def _task(self, row: Mapping[str, Any], last: Deed | None) -> Deed:
        """The task itself, with the attempt that it ended with; ``last``: the one before that."""
        name = row["task"]
        attempt = self._attempts[name][-1] if name in self._attempts else {}
        began, ended = self._times(row, attempt, last)
        if row["state"] == "done":
            self._made |= {each["path"]: ended for each in self._files.get(name, ()) if each["direction"] == "made"}
        reused = row["reused_task"] is not None
        files = self._files.get(name, ())
        grades = tuple(sorted(self._facts.progress.tasks[name].grades))
        command = attempt.get("command") if not reused else None
        return Deed(
            unique=f"{self._facts.identity}/{name}",
            name=name,
            kind="reuse" if reused else "task",
            began=began,
            ended=ended,
            outcome=_OUTCOMES.get(row["state"], "interrupted"),
            person=self._facts.row["operator"],
            command=_shell(command),
            folder=str(self._facts.folder),
            parameters=json.loads(attempt.get("parameters") or "{}"),
            programs={} if reused else self._programs(name),
            used=tuple(self._file(each) for each in files if each["direction"] == "used"),
            generated=tuple(
                self._file(each, grades, {"run": each["run"], "task": name})
                for each in files
                if each["direction"] == "made" and row["state"] == "done"
            ),
            grades=grades,
            facts=self._said(row, attempt),
            within=self._facts.identity,
            after=() if last is None else (last.unique,),
        )

    def _file(
        self, row: Mapping[str, Any], grades: tuple[str, ...] = (), facts: Mapping[str, str] | None = None
    ) -> DeedFile:
        return DeedFile(
            path=self._real.path(row["path"]),
            sha256=row["digest"],
            size=row["size"],
            role=row["port"],
            grades=grades,
            facts=facts or {},
        )

    def _times(
        self, row: Mapping[str, Any], attempt: Mapping[str, Any], last: Deed | None
    ) -> tuple[datetime, datetime]:
        """When it began and ended, neither before what it took was there: clocks may be put back."""
        made = [self._ended[each] for each in row["needs"] if each in self._ended]
        said = attempt.get("began") or attempt.get("submitted") or row["began"] or row["ended"]
        began = max([said or self._facts.row["began"], self._facts.row["began"], *made, *_end(last)])
        ended = max(row["ended"] or attempt.get("settled") or began, began)
        self._ended[row["task"]] = ended
        return began, ended

    def _environment(self, task: str) -> Environment:
        return self._facts.progress.tasks[task].way.stage.environment

    def _programs(self, task: str) -> dict[str, str]:
        environment = self._environment(task)
        names = [*(tool.name for tool in environment.tools), *filter(None, (environment.container, environment.conda))]
        return {name: self._tools[name] for name in names if name in self._tools}

    def _said(self, row: Mapping[str, Any], attempt: Mapping[str, Any]) -> dict[str, Any]:
        """What is told of it besides."""
        environment, decided = self._environment(row["task"]), self._decisions.get(row["task"], ())
        said: dict[str, Any] = {
            "run": self._facts.name,
            **{word: row[word] for word in ("sample", "element", "node", "stage", "attempts", "state", "fingerprint")},
            "machine": self._facts.row["machine"],
            "decided-by": self._started_by(decided),
            "decisions": [_decision(each) for each in decided] or None,
            "why": row["why"] or None,
            "reused-from": [row["reused_run"], row["reused_task"]] if row["reused_task"] is not None else None,
            "bad": row["bad"],
            "environment": _environment_said(environment) or None,
        }
        if attempt and row["reused_task"] is None:
            said |= _took(attempt)
        return {word.replace("_", "-"): value for word, value in said.items() if value is not None}

    def _started_by(self, decided: tuple[Mapping[str, Any], ...]) -> str:
        """The decision that started it: the last that had it done again, or the order."""
        again = [each for each in decided if each["action"] in ("retry", "instead", "reduce")]
        if not again:
            return f"the order of {self._facts.row['operator']}"
        last = again[-1]
        by = last["who"] or f"rule {last['rule']} of its stage"
        return f"{last['action']}, by {by}: {last['why']}".rstrip(": ")


def _took(attempt: Mapping[str, Any]) -> dict[str, Any]:
    """What an attempt was given, and what it took."""
    given = {word.removesuffix("_given"): attempt[word] for word in _GIVEN if attempt[word]}
    words = {word: json.loads(attempt[word] or "{}") or None for word in _WORDS}
    return {**{word: attempt[word] for word in _USED}, "given": given, **words}


def _shell(command: str | None) -> tuple[str, ...]:
    return ("bash", "-euo", "pipefail", "-c", command) if command else ()


def _end(last: Deed | None) -> tuple[datetime, ...]:
    """When the attempt before ended; clocks may be put back."""
    return () if last is None or last.ended is None else (last.ended,)


def _decision(row: Mapping[str, Any]) -> dict[str, Any]:
    """A decision in words that can be kept."""
    kept = {name: value for name, value in row.items() if name not in ("run", "task", "raised") and value is not None}
    kept |= {name: kept[name].isoformat() for name in ("time", "until") if name in kept}
    raised = json.loads(row["raised"] or "{}")
    return {**kept, "raised": raised} if raised else kept


def _environment_said(environment: Environment) -> dict[str, Any]:
    said = {"container": environment.container, "conda": environment.conda, "variables": dict(environment.variables)}
    return {name: value for name, value in said.items() if value}


def _by_task(rows: list[dict[str, Any]]) -> dict[str, tuple[dict[str, Any], ...]]:
    found = defaultdict[str, list[dict[str, Any]]](list)
    for row in rows:
        found[row["task"]].append(row)
    return {task: tuple(own) for task, own in found.items()}


class _Real:
    """Where files really are; folders are looked up once."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def path(self, path: str) -> str:
        folder, name = os.path.split(os.path.abspath(path))
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        real = os.path.join(self._folders[folder], name)
        return os.path.realpath(real) if os.path.islink(real) else real
