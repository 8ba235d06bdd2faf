"""Traces in WfFormat, of any version, read as what they say, with bounds.

Up to 1.4 everything about a task stands in one place, and tasks refer to each other by their names; from 1.5 on what
was to be done and what was done stand apart, and they refer by identifiers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...declaring.problems import Problems
from ..reading import unreadable
from .exporting import OWN
from .values import Values

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from datetime import datetime

    from ..imported import Losses

__all__ = ["Document", "TraceFile", "TraceTask", "read_trace"]

_VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6")
# A trace of a hundred thousand tasks has about a hundred megabytes.
_LARGEST = 512 << 20
_MOST_TASKS = 1_000_000
_SPLIT = ("1.5", "1.6")
# Of what is wrong many times, those that are told of.
_SHOWN = 5
# What is understood, in each place.
_TOP = (
    "name", "description", "createdAt", "schemaVersion", "workflow", "author", "runtimeSystem", "wms", OWN,
)  # fmt: skip
_EXECUTION = ("makespanInSeconds", "executedAt", "tasks", "machines", "metrics")
_SPECIFIED = ("name", "id", "parents", "children", "inputFiles", "outputFiles", "category", OWN)
_EXECUTED = (
    "id", "runtimeInSeconds", "executedAt", "command", "coreCount", "avgCPU", "readBytes", "writtenBytes",
    "memoryInBytes", "machine", "machines", OWN,
)  # fmt: skip
_OLDER = (
    *_EXECUTED, "name", "category", "parents", "children", "files", "runtime", "cores", "bytesRead", "bytesWritten",
    "memory", "arguments",
)  # fmt: skip
# What tells tasks of one kind from each other, where that is not said.
_NUMBER = re.compile(r"[_.]?(?:ID)?\d+$")


@dataclass(frozen=True, kw_only=True)
class TraceTask:
    """A task of a trace.  ``kind``: what it does, the same for all that do it.  ``parents``: identifiers of tasks;
    ``inputs`` and ``outputs``: of files.  ``own`` and ``run``: what this library said of it, and of how it was run.
    """

    id: str
    name: str
    kind: str
    parents: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    executed: Mapping[str, Any] | None = None
    own: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TraceFile:
    """A file of a trace.  ``size``: in bytes."""

    id: str
    size: int | None
    own: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Document:
    """A trace; ``tasks`` each after those that it needs."""

    name: str
    operator: str
    makespan: float | None
    executed: datetime | None
    machines: tuple[str, ...]
    tasks: tuple[TraceTask, ...]
    files: Mapping[str, TraceFile]
    own: Mapping[str, Any]


def read_trace(path: str | os.PathLike[str], losses: Losses) -> Document:
    """A trace, and in ``losses`` what of it is not understood.

    Raises ``WorkflowInvalid`` that says what is wrong with it, or ``OSError`` where it cannot be read.
    """
    with Path(path).open("rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise unreadable(path, f"it has more than {_LARGEST >> 20} MiB")
    try:
        said = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise unreadable(path, f"it cannot be read: {error}") from error
    problems = Problems(str(path))
    reader = _Reader(problems, losses)
    document = reader.document(said)
    problems.raise_any()
    assert document is not None
    return document


class _Reader:
    def __init__(self, problems: Problems, losses: Losses) -> None:
        self._problems, self._losses = problems, losses
        self._values = Values(problems, losses)
        self._files: dict[str, TraceFile] = {}

    def document(self, said: object) -> Document | None:
        """The whole of it; nothing where it is no trace at all."""
        whole = self._values.mapping(said, "the trace")
        version = whole.get("schemaVersion")
        if version not in _VERSIONS:
            self._problems.add(f"{str(version)[:40]!r} is no version of WfFormat: there are {', '.join(_VERSIONS)}")
            return None
        self._losses.unknown(whole, _TOP, at="")
        workflow = self._values.mapping(whole.get("workflow"), "workflow")
        split = version in _SPLIT
        execution = self._values.mapping(workflow.get("execution", {}), "workflow.execution") if split else workflow
        tasks = self._split(workflow, execution) if split else self._flat(workflow)
        author = whole.get("author")
        name = author.get("name") if isinstance(author, Mapping) else None
        return Document(
            name=self._values.text(whole.get("name"), "name") or "trace",
            operator=name if isinstance(name, str) else "",
            makespan=self._values.number(execution, "makespanInSeconds", "makespan", at="workflow"),
            executed=self._values.time(execution.get("executedAt"), "workflow.executedAt"),
            machines=tuple(self._machines(execution.get("machines", []))),
            tasks=tuple(self._ordered(tasks)),
            files=self._files,
            own=_own(whole),
        )

    # -- from 1.5 on

    def _split(self, workflow: Mapping[str, Any], execution: Mapping[str, Any]) -> list[TraceTask]:
        at = "workflow.specification"
        specification = self._values.mapping(workflow.get("specification"), at)
        self._losses.unknown(workflow, ("specification", "execution"), at="workflow")
        self._losses.unknown(specification, ("tasks", "files", "metrics"), at=at)
        self._losses.unknown(execution, _EXECUTION, at="workflow.execution")
        for place, each in self._values.mappings(specification.get("files", []), f"{at}.files"):
            self._file(each.get("id"), each.get("sizeInBytes"), each, place)
        executed: dict[str, Mapping[str, Any]] = {}
        for place, each in self._values.mappings(execution.get("tasks", []), "workflow.execution.tasks"):
            if (id := self._values.text(each.get("id"), f"{place}.id")) is not None:
                executed[id] = each
        tasks = [
            self._task(each, place, executed=executed.pop(str(each.get("id")), None))
            for place, each in self._values.mappings(specification.get("tasks"), f"{at}.tasks")
        ]
        for id in [*executed][:_SHOWN]:
            self._losses.add("workflow.execution.tasks", id, "there is no such task in the specification")
        return self._linked(tasks, {task.id: task.id for task in tasks})

    def _task(self, said: Mapping[str, Any], place: str, *, executed: Mapping[str, Any] | None) -> TraceTask:
        id = self._values.text(said.get("id"), f"{place}.id") or place
        name = self._values.text(said.get("name", id), f"{place}.name") or id
        if executed is not None:
            self._losses.unknown(executed, _EXECUTED, at="workflow.execution.tasks")
        self._losses.unknown(said, _SPECIFIED, at="workflow.specification.tasks")
        return TraceTask(
            id=id,
            name=name,
            kind=_kind(said, name),
            parents=(*self._values.texts(said.get("parents", []), f"{place}.parents"),),
            inputs=(*self._named(said.get("inputFiles", []), f"{place}.inputFiles"),),
            outputs=(*self._named(said.get("outputFiles", []), f"{place}.outputFiles"),),
            executed=executed,
            own={**_own(said), "children": [*self._values.texts(said.get("children", []), f"{place}.children")]},
        )

    def _named(self, said: object, place: str) -> Iterator[str]:
        """Identifiers of files, of which some are in no list of files."""
        for id in self._values.texts(said, place):
            if id not in self._files:
                self._losses.add(place, id, "its size is not said")
                self._files[id] = TraceFile(id=id, size=None)
            yield id

    # -- up to 1.4

    def _flat(self, workflow: Mapping[str, Any]) -> list[TraceTask]:
        key = "tasks" if "tasks" in workflow else "jobs"
        self._losses.unknown(workflow, (*_EXECUTION, "makespan", "jobs"), at="workflow")
        tasks: list[TraceTask] = []
        referred: dict[str, str] = {}
        for place, said in self._values.mappings(workflow.get(key), f"workflow.{key}"):
            name = self._values.text(said.get("name"), f"{place}.name") or place
            own = said.get("id")
            # Identifiers were not always the only ones of their name: both together are.
            id = name if not isinstance(own, str) or own in name else f"{name}_{own}"
            self._losses.unknown(said, _OLDER, at=f"workflow.{key}")
            files = [*self._values.mappings(said.get("files", []), f"{place}.files")]
            ends: dict[bool, list[str]] = {True: [], False: []}
            for where, each in files:
                if (found := self._older_file(each, where)) is not None:
                    ends[str(each.get("link")).lower() == "input"].append(found)
            children = [*self._values.texts(said.get("children", []), f"{place}.children")]
            tasks.append(
                TraceTask(
                    id=id,
                    name=name,
                    kind=_kind(said, name),
                    parents=(*self._values.texts(said.get("parents", []), f"{place}.parents"),),
                    inputs=(*ends[True],),
                    outputs=(*ends[False],),
                    executed=said,
                    own={"children": children},
                )
            )
            for reference in (name, own, id):
                if isinstance(reference, str):
                    referred.setdefault(reference, id)
        return self._linked(tasks, referred)

    def _older_file(self, said: Mapping[str, Any], place: str) -> str | None:
        id = self._values.text(said.get("name"), f"{place}.name")
        if id is None:
            return None
        whole = f"{said['path']}{id}" if isinstance(said.get("path"), str) else id
        if whole not in self._files:
            self._file(whole, said.get("sizeInBytes", said.get("size")), {}, place)
        return whole

    # -- both

    def _linked(self, tasks: list[TraceTask], referred: Mapping[str, str]) -> list[TraceTask]:
        """With parents by their identifiers, those too that only name them as their children."""
        parents: dict[str, dict[str, None]] = {}
        for task in tasks:
            if task.id in parents:
                self._problems.add(f"there are two tasks {task.id}", at="workflow")
            parents[task.id] = dict.fromkeys(self._referred(task.id, task.parents, referred))
        for task in tasks:
            for child in self._referred(task.id, task.own["children"], referred):
                if child in parents and task.id not in parents[child]:
                    parents[child][task.id] = None
        return [replace(task, parents=tuple(parents[task.id]), own=_without(task.own)) for task in tasks]

    def _referred(self, task: str, names: object, referred: Mapping[str, str]) -> Iterator[str]:
        assert isinstance(names, list | tuple)
        for name in names:
            if name in referred:
                yield referred[name]
            else:
                self._problems.add(f"{task} speaks of {name}, and there is no such task", at="workflow")

    def _ordered(self, tasks: list[TraceTask]) -> Iterator[TraceTask]:
        if not tasks:
            self._problems.add("there are no tasks", at="workflow")
        if len(tasks) > _MOST_TASKS:
            self._problems.add(f"there are {len(tasks)} tasks: at most {_MOST_TASKS} are read", at="workflow")
            return
        every = {task.id: task for task in tasks}
        try:
            order = [*TopologicalSorter({task.id: task.parents for task in tasks}).static_order()]
        except CycleError as error:
            circle = " needs ".join(error.args[1][:_SHOWN])
            self._problems.add(f"tasks need each other in a circle: {circle}", at="workflow")
            return
        yield from (every[id] for id in order if id in every)

    def _file(self, id: object, size: object, said: Mapping[str, Any], place: str) -> None:
        named = self._values.text(id, f"{place}.id")
        if named is None:
            return
        known = self._values.number({"sizeInBytes": size}, "sizeInBytes", at=place)
        if named in self._files:
            self._losses.add(place, named, "there is another file of this name")
        self._files.setdefault(named, TraceFile(id=named, size=None if known is None else int(known), own=_own(said)))

    def _machines(self, said: object) -> Iterator[str]:
        for place, each in self._values.mappings(said, "machines"):
            self._losses.add(place, dict(each), "of machines only the names are kept")
            if (name := self._values.text(each.get("nodeName"), f"{place}.nodeName")) is not None:
                yield name


def _own(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """What this library said, if it did."""
    own = said.get(OWN)
    return own if isinstance(own, Mapping) else {}


def _kind(said: Mapping[str, Any], name: str) -> str:
    """What a task does: that of which there are many that differ in a number."""
    category = said.get("category")
    return category if isinstance(category, str) and category else _NUMBER.sub("", name) or name


def _without(own: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: each for name, each in own.items() if name != "children"}
