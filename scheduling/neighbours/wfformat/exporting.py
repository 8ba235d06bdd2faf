"""A run as a trace in WfFormat, by which others simulate, compare and generate workflows.

What the format has no place for stands in objects named ``holotype``, which its schema permits and others pass over;
``import_wfformat`` makes the same tables of them again.

Source: WfFormat 1.5 and 1.6 (wfcommons.org), which differ in what is optional.
"""

from __future__ import annotations

import json
import re
import shlex
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Literal

from holotype.catalog import InvalidOption

from ..imported import Exported, Losses
from ..recorded import recorded

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    import polars as pl
    import pyarrow as pa

    from ..recorded import Recorded, Row

__all__ = ["OWN", "SHELL", "export_wfformat"]

OWN = "holotype"
"""The name of what only this library understands."""
SHELL = ("bash", "-euo", "pipefail", "-c")
"""How a command for the shell is run."""

_VERSIONS = ("1.5", "1.6")
# What every version allows in identifiers; most allow more.
_NOT_ALLOWED = re.compile(r"[^0-9A-Za-z_.-]+")
_LONGEST = 120
# Of attempts, what the format has no place for.
_UNSAID = ("gpus", "memory_given", "disk_given", "time_given", "licences", "instruments", "waited", "parameters")


def export_wfformat(
    tables: Mapping[str, pl.DataFrame | pa.Table],
    path: str | os.PathLike[str] | None = None,
    *,
    run: str | None = None,
    version: Literal["1.5", "1.6"] = "1.5",
    author: Mapping[str, str] | None = None,
    created: datetime | None = None,
) -> Exported:
    """A run as a trace in WfFormat: its graph, its files, and for every task how long it took and what of.

    ``tables``: those of runs, by their names.  ``path``: a file that it is written to, as JSON.  ``run``: which, where
    there are several.  ``author``: ``name``, ``email`` and, where they are known, ``institution`` and ``country``.
    ``created``: when the trace was made, now by default.

    ``lost``: what a trace has no place for, as earlier attempts and decisions.

    Raises ``InvalidOption`` and ``RowsRefused`` where the tables are not such, or have no tasks, and ``OSError``.
    """
    if version not in _VERSIONS:
        raise InvalidOption(f"there is no WfFormat {version} here: there are {', '.join(_VERSIONS)}", option="version")
    if author is not None and not {"name", "email"} <= author.keys():
        raise InvalidOption("an author has a name and an email", option="author")
    writer = _Writer(recorded(tables, run=run))
    about = writer.run.run
    document: dict[str, Any] = {
        "name": writer.run.name,
        "description": f"{about['workflow']} {about['version']}, {about['state']}",
        "createdAt": (created or datetime.now(UTC)).isoformat(),
        "schemaVersion": version,
        "runtimeSystem": {"name": "holotype", "version": version_of("holotype")},
        "workflow": writer.workflow(),
        OWN: writer.own(),
    }
    if author is not None:
        document["author"] = dict(author)
    if path is not None:
        text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        Path(path).write_text(text, encoding="utf-8")
    return Exported(document=document, lost=tuple(writer.losses.told))


class _Writer:
    def __init__(self, run: Recorded) -> None:
        if not run.tasks:
            raise InvalidOption(f"the run {run.name} has no tasks: there is nothing to trace", option="tables")
        self.run, self.losses = run, Losses()
        self._tasks = _Identifiers()
        self._files = _Identifiers()
        self._known: dict[str, Row] = {}
        for name in run.tasks:
            self._tasks.of(name)

    def workflow(self) -> dict[str, Any]:
        """What was to be done, and what was."""
        specification = {"tasks": [*self._specified()], "files": [*self._sizes()]}
        executed = [each for name in self.run.tasks if (each := self._executed(name)) is not None]
        self._tell()
        if not executed:
            self.losses.add("execution", self.run.run["state"], "nothing was run, and so there is nothing of it")
            return {"specification": specification}
        began, machine = self.run.run["began"], self.run.run["machine"]
        execution: dict[str, Any] = {"makespanInSeconds": self._makespan(), "executedAt": began.isoformat()}
        execution["tasks"] = executed
        if machine:
            execution["machines"] = [{"nodeName": machine}]
        return {"specification": specification, "execution": execution}

    def own(self) -> dict[str, Any]:
        """What is known of the run beyond that."""
        about = {name: self.run.run[name] for name in ("workflow", "version", "state", "why", "operator", "project")}
        samples = self.run.tables["run_samples"].drop_columns(["run"]).to_pylist()
        return {
            **about,
            "folder": self.run.run["folder"],
            "tools": json.loads(self.run.run["tools"]),
            "samples": samples,
        }

    def _specified(self) -> Iterable[dict[str, Any]]:
        children: dict[str, list[str]] = {}
        for name, task in self.run.tasks.items():
            for parent in task["needs"]:
                if parent in self.run.tasks:
                    children.setdefault(parent, []).append(self._tasks.of(name))
                else:
                    self.losses.add(f"tasks.{name}.needs", parent, "there is no such task in the tables")
        for name, task in self.run.tasks.items():
            own = {each: task[each] for each in ("node", "stage", "sample", "element", "state", "grades", "why")}
            yield {
                "name": task["stage"],
                "id": self._tasks.of(name),
                "parents": [self._tasks.of(parent) for parent in task["needs"] if parent in self.run.tasks],
                "children": children.get(name, []),
                "inputFiles": [*dict.fromkeys(map(self._file, self.run.used.get(name, ())))],
                "outputFiles": [*dict.fromkeys(map(self._file, self.run.made.get(name, ())))],
                OWN: {"task": name, **own, "ports": self._ports(name)},
            }

    def _ports(self, task: str) -> dict[str, dict[str, list[str]]]:
        """By which of its inputs and outputs it took and made files."""
        found: dict[str, dict[str, list[str]]] = {"used": {}, "made": {}}
        for direction, rows in (("used", self.run.used), ("made", self.run.made)):
            for row in rows.get(task, ()):
                found[direction].setdefault(row["port"] or "", []).append(self._file(row))
        return found

    def _file(self, row: Row) -> str:
        id = self._files.of(row["path"], wanted=PurePath(row["path"]).name)
        known = self._known.setdefault(id, row)
        if known["size"] is None:
            self._known[id] = row
        if known["digest"] != row["digest"]:
            self.losses.add(f"files.{row['path']}", row["digest"], "it was something else for another task")
        return id

    def _sizes(self) -> Iterable[dict[str, Any]]:
        for id, row in self._known.items():
            if row["size"] is None:
                self.losses.add(f"files.{row['path']}", "its size", "it is not known: there it has 0 bytes")
            own = {"path": row["path"], "sha256": row["digest"], "sized": row["size"] is not None}
            yield {"id": id, "sizeInBytes": row["size"] or 0, OWN: own}

    def _executed(self, name: str) -> dict[str, Any] | None:
        """The last attempt at a task, if any was run."""
        every = self.run.attempts.get(name, ())
        attempts = [each for each in every if each["wall"] is not None]
        if every and not attempts:
            self.losses.add(f"tasks.{name}", "its attempts", "how long they took is not known")
        if not attempts:
            return None
        last = attempts[-1]
        if len(attempts) > 1:
            why = f"a task there is done once: of {len(attempts)} attempts it is the last"
            self.losses.add(f"tasks.{name}", "earlier attempts", why)
        if last["failure"] is not None:
            self.losses.add(f"tasks.{name}", f"{last['failure']}: {last['message']}", "no task there fails")
        began = last["began"] or last["submitted"]
        said: dict[str, Any] = {"id": self._tasks.of(name), "runtimeInSeconds": last["wall"]}
        said |= {"executedAt": began.isoformat()} if began is not None else {}
        said |= {"command": _command(last["command"])} if last["command"] else {}
        said |= {"coreCount": last["cpus"]} if last["cpus"] else {}
        if last["cpu"] is not None and last["wall"]:
            said["avgCPU"] = 100 * last["cpu"] / last["wall"]
        numbers = {"readBytes": "read", "writtenBytes": "written", "memoryInBytes": "memory"}
        said |= {there: last[here] for there, here in numbers.items() if last[here] is not None}
        said |= {"machines": [self.run.run["machine"]]} if self.run.run["machine"] else {}
        own = {each: last[each] for each in ("attempt", "cpu", "failure", "message", "code", "signal", *_UNSAID)}
        return {**said, OWN: own}

    def _makespan(self) -> float:
        """Seconds from when it was ordered to when the last of it was over."""
        began, ended = self.run.run["began"], self.run.run["ended"]
        if ended is None:
            every = (each["ended"] for attempts in self.run.attempts.values() for each in attempts)
            ended = max((each for each in every if each is not None), default=began)
            self.losses.add("makespanInSeconds", self.run.run["state"], "it is not over: it is counted as far as it is")
        return max(0.0, float((ended - began).total_seconds()))

    def _tell(self) -> None:
        """Tell of what has no place."""
        unsaid = {
            "decisions": "what was decided about what happened has no place there",
            "task_metrics": "figures of what was made have no place there",
            "run_events": "there is no journal there",
        }
        for name, why in unsaid.items():
            if count := self.run.tables[name].num_rows:
                self.losses.add(name, f"{count} rows", why)


class _Identifiers:
    """Gives everything an identifier that every version of the format allows, each one of its own."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._taken: dict[str, int] = {}

    def of(self, name: str, *, wanted: str | None = None) -> str:
        """That of a thing, as near as can be to its name or to what is ``wanted``."""
        if name not in self._given:
            plain = _NOT_ALLOWED.sub("_", name if wanted is None else wanted)[:_LONGEST].strip("_") or "x"
            id = plain
            while id in self._taken:
                self._taken[plain] += 1
                id = f"{plain}.{self._taken[plain]}"
            self._given[name] = id
            self._taken.setdefault(id, 1)
        return self._given[name]


def _command(text: str) -> dict[str, Any]:
    """A command as a program and its arguments; one for the shell, as the shell's."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    # An argument that is empty is none there, and what the shell does with a sign must not become a word.
    if not words or not all(words) or shlex.join(words) != text:
        words = [*SHELL, text]
    return {"program": words[0], "arguments": words[1:]}
