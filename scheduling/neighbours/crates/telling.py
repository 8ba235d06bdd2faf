"""What was done: the run, every step of it for a sample, and every attempt at it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from holotype.catalog import provenance as prov

from .describing import bare_tool, value_text
from .nodes import fragment, time_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..imported import Losses
    from ..recorded import Recorded, Row
    from .describing import Described
    from .nodes import Nodes
    from .payload import Payload

__all__ = ["Telling"]

_SCHEMA = "http://schema.org/"
# Texts, and no references: so it is in the profiles' own checks.
_COMPLETED, _FAILED = f"{_SCHEMA}CompletedActionStatus", f"{_SCHEMA}FailedActionStatus"
_SECONDS, _BYTES = "https://qudt.org/vocab/unit/SEC", "https://qudt.org/vocab/unit/BYTE"
_USAGE = {"wall": _SECONDS, "cpu": _SECONDS, "memory": _BYTES, "read": _BYTES, "written": _BYTES}
_GUESSED = {bool: "Boolean", int: "Integer", float: "Float", str: "Text"}


class Telling:
    """Tells of a run.  ``described``: its workflow, where that is known."""

    def __init__(
        self, run: Recorded, nodes: Nodes, payload: Payload, losses: Losses, *, agent: str, described: Described | None
    ) -> None:
        self._run, self._nodes, self._payload, self._losses = run, nodes, payload, losses
        self._agent, self._described = {"@id": agent}, described

    def tell(self) -> None:
        """Have an action for every attempt, and one for every task of a workflow that is known."""
        for name, task in self._run.tasks.items():
            attempts = self._run.attempts.get(name, ())
            actions = [self._attempt(task, attempt, place) for place, attempt in enumerate(attempts, 1)]
            if task["reused_task"] is not None and task["state"] == "done":
                actions.append(self._reused(task))
            if actions and self._described is not None:
                self._control(task, actions)
            if len(actions) > 1:
                why = "what attempts took is recorded of the last of them only"
                self._losses.add(f"tasks.{name}.files", f"{len(actions)} attempts", why)

    def controls(self) -> list[str]:
        """What was done for each task, in the order in which it began."""
        return sorted(self._nodes.of("ControlAction"), key=lambda id: self._nodes[id].get("startTime", ""))

    def whole(self, objects: list[str], results: list[str]) -> str:
        """The action that is the whole run."""
        run, nodes, described = self._run.run, self._nodes, self._described
        assert described is not None
        id = nodes.add(
            fragment("run", self._run.name),
            "CreateAction",
            name=f"Run {self._run.name}",
            description=_sentence(run),
            instrument={"@id": described.at},
            agent=self._agent,
            startTime=time_text(run["began"]),
            endTime=time_text(run["ended"]),
            **_status(run["state"], run["why"]),
        )
        nodes.link(id, "object", *objects)
        nodes.link(id, "result", *results)
        return id

    def _attempt(self, task: Row, attempt: Row, place: int) -> str:
        """An attempt; ``place``: which one of the task, for one that could not be begun has the number of the last."""
        nodes, tool = self._nodes, self._tool(task, attempt["stage"])
        id = fragment("tasks", task["task"], "attempts", str(place))
        state = "failed" if attempt["failure"] is not None else "done" if attempt["settled"] is not None else "running"
        nodes.add(
            id,
            "CreateAction",
            name=f"{task['task']}, attempt {place}",
            description=attempt["command"] or f"The stage {attempt['stage']}",
            instrument={"@id": tool},
            agent=self._agent,
            startTime=time_text(attempt["began"] or attempt["submitted"]),
            endTime=time_text(attempt["ended"] or attempt["settled"]),
            **_status(state, f"{attempt['failure']}: {attempt['message']}"),
        )
        if self._described is not None and (image := self._described.image(task["node"], attempt["stage"])):
            nodes.link(id, "containerImage", image)
        nodes.link(id, "object", *self._parameters(tool, attempt))
        nodes.link(id, "environment", *self._variables(tool, task, attempt))
        nodes.link(id, "resourceUsage", *self._usage(id, attempt))
        last = self._run.attempts[task["task"]][-1]
        if attempt is last:
            nodes.link(id, "object", *self._files(task, tool, self._run.used, "inputs"))
        if attempt is self._run.making(task["task"]) and task["reused_task"] is None:
            nodes.link(id, "result", *self._files(task, tool, self._run.made, "outputs"))
        return id

    def _reused(self, task: Row) -> str:
        """What another run has made, and was taken instead of making it again."""
        source, name = task["reused_run"], task["reused_task"]
        tool = self._tool(task, task["stage"])
        id = self._nodes.add(
            fragment("runs", str(source), "tasks", name, "for", task["task"]),
            "CreateAction",
            name=f"{name} in run {source}",
            description=f"Done before, in run {source}; what it made was taken for {task['task']}",
            instrument={"@id": tool},
            agent=self._agent,
            **_status("done", ""),
        )
        self._nodes.link(id, "object", *self._files(task, tool, self._run.used, "inputs"))
        self._nodes.link(id, "result", *self._files(task, tool, self._run.made, "outputs"))
        self._losses.add(f"tasks.{task['task']}", name, "when it was done, and by whom, is known to the other run")
        return id

    def _control(self, task: Row, actions: list[str]) -> None:
        assert self._described is not None
        step = self._described.step(task["node"])
        if step not in self._nodes:
            self._losses.add(f"tasks.{task['task']}", task["node"], "the workflow has no such step")
            return
        id = self._nodes.add(
            fragment("tasks", task["task"]),
            "ControlAction",
            name=task["task"],
            instrument={"@id": step},
            startTime=time_text(task["began"]),
            endTime=time_text(task["ended"]),
            **_status(task["state"], task["why"]),
        )
        self._nodes.link(id, "object", *actions)

    def _tool(self, task: Row, stage: str) -> str:
        if self._described is None:
            return bare_tool(self._nodes, stage)
        return self._described.tool(task["node"], stage)

    def _files(self, task: Row, tool: str, rows: dict[str, list[Row]], kind: str) -> Iterator[str]:
        for row in rows.get(task["task"], ()):
            id = self._payload.node(row)
            formal = self._formal(tool, kind, row["port"])
            self._nodes.link(id, "exampleOfWork", *(() if formal is None else (formal,)))
            if kind == "outputs":
                self._nodes.link(id, "additionalProperty", *self._grades(task))
            yield id

    def _formal(self, tool: str, kind: str, name: str | None) -> str | None:
        """The input, output or parameter of a tool that something is an example of."""
        return None if name is None or self._described is None else self._described.formal(tool, kind, name)

    def _grades(self, task: Row) -> Iterator[str]:
        for grade in task["grades"]:
            yield self._nodes.add(
                fragment("grades", grade),
                "PropertyValue",
                name="grade",
                value=grade,
                propertyID=f"{prov.HOLOTYPE}grade",
                description="What this is marked with, for it was not made as it should have been, or of all it should",
            )

    def _parameters(self, tool: str, attempt: Row) -> Iterator[str]:
        given = _mapping(attempt["parameters"])
        for name, value in given.items():
            formal = self._formal(tool, "parameters", name)
            if formal is None:
                kind = _GUESSED.get(type(value), "Text")
                formal = f"{tool}/parameters/{fragment(name)[1:]}"
                self._nodes.add(formal, "FormalParameter", name=name, additionalType=kind)
                self._nodes.link(tool, "input", formal)
            yield self.value(formal, name, value)

    def value(self, formal: str, name: str, value: object) -> str:
        """The value of a parameter, one for all who were given the same."""
        text = value_text(value)
        mark = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]
        said = {"name": name, "value": text, "exampleOfWork": {"@id": formal}}
        return self._nodes.add(f"{formal}/is/{mark}", "PropertyValue", **said)

    def _variables(self, tool: str, task: Row, attempt: Row) -> Iterator[str]:
        place = self._described.graph.nodes.get(task["node"]) if self._described is not None else None
        if place is not None and place.stage.name == attempt["stage"]:
            for name, value in place.stage.environment.variables.items():
                yield self.value(f"{tool}/environment/{fragment(name)[1:]}", name, value)

    def _usage(self, action: str, attempt: Row) -> Iterator[str]:
        for name, unit in _USAGE.items():
            if attempt[name] is not None:
                said = {"name": name, "propertyID": f"{prov.HOLOTYPE}{name}", "unitCode": unit}
                yield self._nodes.add(f"{action}/{name}", "PropertyValue", **said, value=str(attempt[name]))


def _status(state: str, why: str) -> dict[str, Any]:
    """How an action ended; nothing where it has not."""
    if state in ("done", "degraded"):
        return {"actionStatus": _COMPLETED}
    if state in ("failed", "skipped", "stopped", "cancelled"):
        return {"actionStatus": _FAILED, "error": why or state}
    return {}


def _sentence(run: Row) -> str:
    project = f", for {run['project']}" if run["project"] else ""
    return f"{run['workflow']} {run['version']} over {run['samples']} samples{project}: {run['state']}"


def _mapping(text: str) -> dict[str, Any]:
    found = json.loads(text)
    return found if isinstance(found, dict) else {}
