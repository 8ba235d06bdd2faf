"""Workflows of Galaxy, as it downloads them: ``.ga``.

Such a file has the steps, what each takes from which, and the settings of every tool, but not what a tool runs: that
is in the tool's wrapper, on the server.  So every stage comes without its command, with inputs, outputs and settings
as parameters; with ``stages={"bwa_mem": …}`` one that does the work takes its place, and the workflow can run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holotype.validators import FORMATS

from ..declaring.expressions import RESERVED
from ..declaring.parameters import REQUIRED, Parameter
from ..declaring.ports import Input, Output
from ..declaring.stages import Stage
from ..declaring.steps import Setting, Step
from ..workflow import Workflow
from .imported import Imported, Losses, hollow
from .naming import Names
from .reading import Folder, unreadable

if TYPE_CHECKING:
    import os

__all__ = ["import_galaxy"]

# Galaxy's names of formats that have others here; those that are the same, and others, are found without.
_FORMATS = {
    "fastqsanger": "fastq",
    "fastqsanger.gz": "fastq",
    "fastq.gz": "fastq",
    "fasta.gz": "fasta",
    "tabular": "tsv",
    "txt": "text",
    "vcf_bgzip": "vcf",
}
_KINDS = {"text": "str", "integer": "int", "float": "float", "boolean": "bool"}
_STEP = {
    "id",
    "type",
    "name",
    "label",
    "annotation",
    "tool_id",
    "content_id",
    "tool_version",
    "tool_state",
    "input_connections",
    "inputs",
    "outputs",
    "workflow_outputs",
    "subworkflow",
    "when",
    # Where it is drawn, and what it is known by in Galaxy's own database.
    "position",
    "uuid",
}
# Empty, they say nothing.
_QUIET = {"post_job_actions", "errors"}
_WHOLE = {"a_galaxy_workflow", "format-version", "name", "annotation", "steps", "uuid", "version"}
# What Galaxy keeps of a form beside the settings.
_FORM = re.compile(r"__\w+__|.*\|__current_case__|chromInfo")
_DEEPEST = 20


def import_galaxy(path: str | os.PathLike[str], *, stages: Mapping[str, Stage] | None = None) -> Imported:
    """The workflow that a file of Galaxy describes.

    ``stages``: what does the work of tools, by a tool's whole identifier, the same without its version, or the name
    that its stage has here.  An input, output or setting that is connected has to have the name that it has in
    ``Imported.stages`` without them; what such a stage does not have is told of.

    Raises ``WorkflowInvalid`` for what is no such file, and ``OSError``.
    """
    file = Path(path)
    document = Folder(file.resolve().parent).values(file, ending=".json")
    if not isinstance(document, Mapping) or str(document.get("a_galaxy_workflow")).lower() != "true":
        raise unreadable(path, "it is no workflow of Galaxy: that says a_galaxy_workflow")
    losses = Losses()
    reader = _Reader(path, losses, dict(stages or {}))
    workflow = reader.workflow(document, at="", deep=0)
    return Imported(workflow=workflow, stages=reader.stages, lost=tuple(losses.told))


@dataclass
class _Level:
    """A workflow while it is read.  ``made``: by the numbers of steps and the names of outputs there, sources here."""

    at: str
    inputs: dict[str, Input] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    made: dict[tuple[int, str], str | Setting] = field(default_factory=dict)
    many: set[str] = field(default_factory=set)


class _Reader:
    def __init__(self, path: object, losses: Losses, handed: Mapping[str, Stage]) -> None:
        self._path, self._losses, self._handed = path, losses, handed
        self._names = Names(losses)
        self.stages: dict[str, Stage] = {}

    def workflow(self, said: Mapping[str, Any], *, at: str, deep: int) -> Workflow:
        if deep > _DEEPEST:
            raise unreadable(self._path, f"it is more than {_DEEPEST} workflows deep")
        self._losses.unknown({name: each for name, each in said.items() if each}, _WHOLE, at=at)
        level = _Level(at)
        names = Names(self._losses, taken=RESERVED)
        results = Names(self._losses, taken=frozenset())
        for number, step in self._ordered(said.get("steps"), at):
            called = str(step.get("label") or _short(step) or step.get("name") or f"step_{number}")
            where = f"{at}steps.{number}"
            self._unknown(step, where)
            name = names.fresh(called)
            kind = step.get("type")
            if kind in ("data_input", "data_collection_input"):
                self._input(name, number, step, level)
            elif kind == "parameter_input":
                self._parameter(name, number, step, level, where)
            elif kind in ("tool", "subworkflow"):
                self._step(name, number, step, level, where, deep)
            else:
                self._losses.add(where, f"{kind}: {called}", "nothing here is like it")
            for each in _listed(step.get("workflow_outputs")):
                source = level.made.get((number, str(each.get("output_name"))))
                label = str(each.get("label") or f"{called}_{each.get('output_name')}")
                if isinstance(source, str) and "." in source:
                    level.outputs[results.fresh(label)] = source
        if not level.steps:
            raise unreadable(self._path, "it has no steps that do anything")
        return Workflow(
            name=Names(self._losses).fresh(str(said.get("name") or "galaxy")),
            steps=level.steps,
            inputs=level.inputs,
            parameters=level.parameters,
            outputs=level.outputs,
            about=str(said.get("annotation") or ""),
        )

    def _ordered(self, steps: object, at: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """The steps, each after those that it takes something from, as Galaxy numbers them."""
        given = steps.items() if isinstance(steps, Mapping) else ()
        numbered = [(int(key), each) for key, each in given if str(key).isdecimal() and isinstance(each, Mapping)]
        if len(numbered) < len(given) or not isinstance(steps, Mapping):
            raise unreadable(self._path, f"{at}steps are no steps by their numbers")
        yield from sorted(numbered, key=lambda pair: pair[0])

    def _unknown(self, step: Mapping[str, Any], where: str) -> None:
        for name, each in step.items():
            if name in _STEP or (name in (*_QUIET, "tool_shed_repository", "tool_representation") and not each):
                continue
            if name == "post_job_actions" and isinstance(each, Mapping):
                for action, what in each.items():
                    self._losses.add(f"{where}.{name}.{action}", what, "nothing is done to results after a step here")
            else:
                self._losses.add(f"{where}.{name}", each, "nothing here is like it")

    # -- inputs

    def _input(self, name: str, number: int, step: Mapping[str, Any], level: _Level) -> None:
        state = _state(step)
        many = step.get("type") == "data_collection_input"
        wanted = state.get("format") or []
        several = wanted if isinstance(wanted, list) else [wanted]
        formats = [_format(each) for each in several]
        if many and state.get("collection_type") not in (None, "list"):
            what = f"a collection {state.get('collection_type')}"
            self._losses.add(f"{level.at}steps.{number}.tool_state", what, "many files are a list here")
        level.inputs[name] = Input(
            tuple(each for each in formats if each) if all(formats) else (),
            many=many,
            optional=state.get("optional") is True,
            about=str(step.get("annotation") or ""),
        )
        level.made[number, "output"] = name
        if many:
            level.many.add(name)

    def _parameter(self, name: str, number: int, step: Mapping[str, Any], level: _Level, where: str) -> None:
        state = _state(step)
        kind = _KINDS.get(str(state.get("parameter_type")))
        if kind is None:
            self._losses.add(f"{where}.tool_state", state.get("parameter_type"), "no parameter here is of this kind")
        default = state.get("default", None if state.get("optional") is True else REQUIRED)
        about = str(step.get("annotation") or "")
        try:
            level.parameters[name] = Parameter(kind=kind or "str", default=default, about=about)
        except ValueError as error:
            self._losses.add(f"{where}.tool_state", default, str(error))
            level.parameters[name] = Parameter(kind=kind or "str", about=about)
        level.made[number, "output"] = Setting(name)

    # -- steps

    def _step(self, name: str, number: int, step: Mapping[str, Any], level: _Level, where: str, deep: int) -> None:
        bound = self._connections(step, level, where)
        inner = step.get("subworkflow")
        if isinstance(inner, Mapping):
            made: Stage | Workflow = self.workflow(inner, at=f"{where}.subworkflow.", deep=deep + 1)
            ports = {each: _plain(each) for each in bound}
            called = {each: each for each in made.outputs}
        else:
            made, ports, called = self._tool(step, bound, level, where)
        inputs: dict[str, tuple[str, ...]] = {}
        parameters: dict[str, Any] = {}
        for there, sources in bound.items():
            here = ports[there]
            files = tuple(each for each in sources if isinstance(each, str))
            if files and here in made.inputs:
                inputs[here] = files
            elif isinstance(sources[0], Setting) and here in made.parameters:
                parameters[here] = sources[0]
            elif there != "when":
                told = f"{made.name} has no input {here}"
                self._losses.add(f"{where}.input_connections.{there}", str(sources), told)
        when = self._when(step, bound, where)
        if step.get("when") and when is None:
            empty = {each: Output(each) for each in made.outputs}
            made = hollow(self._names.fresh(name), inputs=made.inputs, outputs=empty, parameters=made.parameters)
            self.stages[made.name] = made
        level.steps[name] = Step(made, inputs, parameters=parameters, when=when)
        for there, here in called.items():
            if here in made.outputs:
                level.made[number, there] = f"{name}.{here}"
                if isinstance(made, Stage) and made.outputs[here].many:
                    level.many.add(f"{name}.{here}")
            else:
                self._losses.add(f"{where}.outputs.{there}", there, f"{made.name} makes no {here}")

    def _when(self, step: Mapping[str, Any], bound: Mapping[str, list[str | Setting]], where: str) -> str | None:
        if not step.get("when"):
            return None
        match bound.get("when"):
            case [Setting(name=name)] if re.fullmatch(r"\$\(\s*inputs\.when\s*\)", str(step["when"])):
                return name
            case _:
                told = "a condition is one of the workflow's parameters: without it the step is never done"
                self._losses.add(f"{where}.when", step["when"], told)
                return None

    def _connections(self, step: Mapping[str, Any], level: _Level, where: str) -> dict[str, list[str | Setting]]:
        """Where the inputs of a step come from, by their names there."""
        found: dict[str, list[str | Setting]] = {}
        connections = step.get("input_connections") or {}
        for there, given in connections.items() if isinstance(connections, Mapping) else ():
            sources = []
            for each in given if isinstance(given, list) else [given]:
                number = each.get("id") if isinstance(each, Mapping) else None
                source = level.made.get((number, str(each.get("output_name")))) if isinstance(number, int) else None

                if source is None:
                    self._losses.add(f"{where}.input_connections.{there}", each, "what it comes from was not carried")
                else:
                    sources.append(source)
            if sources:
                found[str(there)] = sources
        return found

    def _tool(
        self, step: Mapping[str, Any], bound: Mapping[str, list[str | Setting]], level: _Level, where: str
    ) -> tuple[Stage, dict[str, str], dict[str, str]]:
        """The stage of a tool, and what its inputs and outputs are called here."""
        identifier = str(step.get("tool_id") or step.get("name"))
        names = Names(self._losses)
        ports = {there: names.fresh(_plain(there)) for there in bound}
        inputs = {
            ports[there]: Input(many=len(sources) > 1 or any(str(each) in level.many for each in sources))
            for there, sources in bound.items()
            if isinstance(sources[0], str)
        }
        parameters = {ports[there]: Parameter() for there, each in bound.items() if isinstance(each[0], Setting)}
        for there, each in bound.items():
            if isinstance(each[0], Setting):
                kind = level.parameters[each[0].name].kind
                parameters[ports[there]] = Parameter(kind=kind)
        for key, value in _settings(_state(step)):
            if key not in bound and _plain(key) not in parameters:
                parameters[names.fresh(_plain(key))] = _setting(value)
        outputs: dict[str, Output] = {}
        called: dict[str, str] = {}
        for said in _listed(step.get("outputs")):
            there, ending = str(said.get("name")), str(said.get("type") or "")
            called[there] = names.fresh(there)
            known = re.fullmatch(r"[a-z0-9][a-z0-9_.]*", ending) and ending != "input"
            path = f"{called[there]}.{ending}" if known else called[there]
            outputs[called[there]] = Output(path, _format(ending))
        short = _short(step) or "tool"
        given = self._handed_in(identifier, short)
        if given is not None:
            self.stages[given.name] = given
            return given, ports, called
        self._losses.add(where, f"the command of {identifier}", "it is in the tool's wrapper, which the file has not")
        name = self._names.fresh(short)
        version = str(step.get("tool_version") or "1")
        made = hollow(name, inputs=inputs, outputs=outputs, parameters=parameters, version=version, about=identifier)
        self.stages[name] = made
        return made, ports, called

    def _handed_in(self, identifier: str, short: str) -> Stage | None:
        for name in (identifier, identifier.rpartition("/")[0], short, _plain(short)):
            if name in self._handed:
                return self._handed[name]
        return None


def _listed(given: object) -> list[Mapping[str, Any]]:
    return [each for each in given if isinstance(each, Mapping)] if isinstance(given, list) else []


def _short(step: Mapping[str, Any]) -> str:
    """What a tool is called: of ``…/repos/devteam/bwa/bwa_mem/0.7.17`` it is ``bwa_mem``."""
    parts = str(step.get("tool_id") or "").split("/")
    return parts[-2] if len(parts) > 2 else parts[-1]


def _plain(name: str) -> str:
    return re.sub(r"\W+", "_", name)


def _format(name: object) -> str | None:
    known = _FORMATS.get(str(name), str(name))
    return known if known in FORMATS else None


def _state(step: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings of a tool, which are JSON, and JSON again within."""
    state = _opened(step.get("tool_state"), 0)
    return state if isinstance(state, Mapping) else {}


def _opened(value: Any, deep: int) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "[", '"') and deep < _DEEPEST:
        try:
            return _opened(json.loads(value), deep + 1)
        except (ValueError, RecursionError):
            return value  # a text that begins like that
    if isinstance(value, Mapping):
        return {name: _opened(each, deep + 1) for name, each in value.items()} if deep < _DEEPEST else {}
    return value


def _settings(state: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by their names, those within others as ``advanced|seed``."""
    for name, value in state.items():
        key = f"{before}|{name}" if before else str(name)
        if _FORM.fullmatch(key) or (isinstance(value, Mapping) and "__class__" in value):
            continue
        if isinstance(value, Mapping):
            yield from _settings(value, key)
        elif value is not None:
            yield key, value


def _setting(value: object) -> Parameter:
    kinds: dict[type, str] = {bool: "bool", int: "int", float: "float", str: "str"}
    try:
        return Parameter(kind=kinds[type(value)], default=value)
    except (KeyError, ValueError):  # several at once, and what no command could be given, as Galaxy writes it
        return Parameter(default=json.dumps(value))
