"""Stages as tools of CWL.

A command that is a list becomes a list.  One for the shell becomes a script for bash, which is given every field as
words of its own, counted: ``f1=("${@:2:$1}")``; so no value is ever part of the script.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...declaring.parameters import REQUIRED
from ...declaring.quantities import SIZES
from ...declaring.resources import Resources
from ...declaring.steps import Step
from ...declaring.templates import Field, Template, pieces_of
from ...documents.loading import workflow_document
from ...workflow import Workflow
from .formats import format_uri
from .hints import with_hint
from .javascript import LIBRARY, quoted
from .resources import Requiring

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...declaring.parameters import Parameter
    from ...declaring.ports import Input, Output
    from ...declaring.stages import Stage
    from ..imported import Losses

__all__ = ["GIVEN", "KEPT", "ToolWriter", "parameter_type", "port_type"]

GIVEN = ("sample", "run", "attempt", "element")
"""What tasks know by themselves here, and tools there are given."""

_TYPES = {"bool": "boolean", "int": "long", "float": "double", "str": "string"}
KEPT = "CWL has nothing like it: it is kept for this library"
"""Why something is lost that a hint keeps."""


class ToolWriter:
    """Writes one stage."""

    def __init__(self, stage: Stage, losses: Losses) -> None:
        self._stage, self._losses, self._at = stage, losses, f"stages.{stage.name}"
        self._library: list[str] = []

    def written(self, identifier: str) -> dict[str, Any]:
        """The tool."""
        stage = self._stage
        said: dict[str, Any] = {"id": identifier, "class": "Operation" if stage.command is None else "CommandLineTool"}
        if stage.about:
            said["doc"] = stage.about
        said["inputs"] = self._inputs()
        said["outputs"] = [self._output(name, port) for name, port in stage.outputs.items()]
        if stage.template is None:
            self._losses.add(f"{self._at}.call", stage.call, "a function is no command")
        else:
            said |= self._command(stage.template)
        requiring = Requiring(stage, self._losses, self._at)
        requirements = requiring.requirements()
        if self._library or requiring.javascript or "$(named(" in json.dumps(said["outputs"]):
            requirements.append({"class": "InlineJavascriptRequirement", "expressionLib": [LIBRARY, *self._library]})
        said["requirements"] = requirements
        if hints := requiring.hints():
            said["hints"] = hints
        self._tell()
        return with_hint(
            {name: each for name, each in said.items() if each or name in ("inputs", "outputs")},
            "Stage",
            self._document(),
        )

    # -- inputs and outputs

    def needs(self) -> tuple[str, ...]:
        """What of ``GIVEN`` it asks for."""
        stage = self._stage
        fields = list(stage.template.fields) if stage.template is not None else []
        for port in stage.outputs.values():
            fields += [piece for piece in pieces_of(port.path) if isinstance(piece, Field)]
        asked = {each.name for each in fields}
        return tuple(name for name in GIVEN if name in asked)

    def _inputs(self) -> list[dict[str, Any]]:
        stage = self._stage
        found = [{"id": name, **port_type(port)} for name, port in stage.inputs.items()]
        found += [{"id": name, **parameter_type(each)} for name, each in stage.parameters.items()]
        for name in self.needs():
            default = {"attempt": {"default": "1"}, "element": {"default": "0"}}.get(name, {})
            found.append({"id": name, "type": "string", **default})
        return found

    def _output(self, name: str, port: Output) -> dict[str, Any]:
        said: dict[str, Any] = {"id": name, "type": "File[]" if port.many else "File?" if port.optional else "File"}
        if self._stage.command is not None:
            said["outputBinding"] = {"glob": self._path(port.path)}
        if port.beside:
            said["secondaryFiles"] = [{"pattern": each, "required": True} for each in port.beside]
        if port.format is not None and (uri := format_uri(port.format)) is not None:
            said["format"] = uri
        return said | ({"doc": port.about} if port.about else {})

    def _path(self, path: str) -> str:
        """The pattern of an output: a text, with references to what it is made of."""
        found = ""
        for piece in pieces_of(path):
            if isinstance(piece, str):
                found += piece.replace("[", "\\[")
            else:
                value = quoted(self._stage.name) if piece.name == "stage" else f"inputs.{piece.name}"
                found += f"$(named({value}))"
        return found

    # -- commands

    def _command(self, template: Template) -> dict[str, Any]:
        if not isinstance(template.command, str):
            return {"arguments": [self._argument(each) for each in template.command]}
        lines, arguments = ["set -e -o pipefail"], list[str]()
        folders = {port.path.rpartition("/")[0] for port in self._stage.outputs.values() if "/" in port.path}
        for folder in sorted(folders):
            if "{" not in folder:
                lines.append(f"mkdir -p -- {shlex.quote(folder)}")
        text = ""
        for piece in pieces_of(template.command):
            if isinstance(piece, str):
                text += piece
                continue
            name = f"f{len(arguments) + 1}"
            arguments.append(f"$(counted({self._value(piece)}))")
            lines.append(f'{name}=("${{@:2:$1}}"); shift "$(($1 + 1))"')
            text += f'"${{{name}[@]}}"'
        # As part of the library it is a text to JavaScript, in which CWL looks for no references.
        self._library.append(f"var script = {quoted(chr(10).join([*lines, text]))};")
        return {"baseCommand": ["bash", "-c"], "arguments": ["$(script)", self._stage.name, *arguments]}

    def _argument(self, text: str) -> str:
        pieces = list(pieces_of(text))
        match pieces:
            case [Field() as piece]:
                return self._lone(piece)
            case [str() as literal] if "$" not in literal and "\\" not in literal:
                return literal
            case _:
                self._library = self._library or ["// " + self._stage.name]
                parts = [quoted(each) if isinstance(each, str) else f"words({self._value(each)})[0]" for each in pieces]
                return f"$([{', '.join(parts) or quoted('')}].join(''))"

    def _lone(self, piece: Field) -> str:
        """A field that is an argument, in plain words where there are."""
        port = self._stage.inputs.get(piece.name)
        if port is not None and not piece.how and not port.many and not port.optional:
            return f"$(inputs.{piece.name}.path)"
        if piece.name == "cpus" and not piece.how:
            return "$(runtime.cores)"
        output = self._stage.outputs.get(piece.name)
        if output is not None and not piece.how and "{" not in output.path and "$" not in output.path:
            return output.path
        self._library = self._library or ["// " + self._stage.name]
        return f"$(words({self._value(piece)}))"

    def _value(self, piece: Field) -> str:
        """What a field stands for, in JavaScript, and how it is put in."""
        stage, name = self._stage, piece.name
        value = f"inputs.{name}"
        if name in stage.outputs:
            parts = [
                quoted(each) if isinstance(each, str) else f"named({_known(each.name, stage)})"
                for each in pieces_of(stage.outputs[name].path)
            ]
            value = f"[{', '.join(parts)}].join('')"
        elif name not in stage.inputs and name not in stage.parameters:
            value = _known(name, stage)
        if piece.how in SIZES:
            return f"Math.floor({value} / {SIZES[piece.how]}), ''"
        return f"{value}, {quoted(piece.how)}"

    # -- what there is no word for

    def _tell(self) -> None:
        for where, what in _unsaid(self._stage):
            self._losses.add(f"{self._at}.{where}", what, KEPT)
        if "element" in self.needs():
            self._losses.add(self._at, "{element}", "no tool there is told which of several it is done for: it is 0")
        if "attempt" in self.needs():
            self._losses.add(self._at, "{attempt}", "no tool there is told how often it was tried: it is 1")
        if self._stage.template is not None and not self._stage.template.shell:
            for name, port in self._stage.outputs.items():
                if "/" in port.path:
                    self._losses.add(f"{self._at}.outputs.{name}", port.path, "nobody makes its folder there")

    def _document(self) -> dict[str, Any]:
        """The stage as a document; resources that are functions are told, and are not kept."""
        stage, lost = self._stage, {}
        for name in ("cpus", "memory", "disk", "gpus", "time"):
            if callable(getattr(stage.resources, name)):
                self._losses.add(f"{self._at}.resources.{name}", "a function", "no document holds one")
                lost[name] = getattr(Resources(), name)
        if lost:
            stage = replace(stage, resources=replace(stage.resources, **lost))
        whole = workflow_document(Workflow(name="whole", steps={"one": Step(stage)}))
        return {"stage": stage.name, **whole["stages"][stage.name]}


def _known(name: str, stage: Stage) -> str:
    """What a task knows, in JavaScript."""
    known = {
        "cpus": "runtime.cores",
        "memory": f"(runtime.ram * {1 << 20})",
        "scratch": "runtime.tmpdir",
        "stage": quoted(stage.name),
        "gpus": quoted(stage.resources.gpus if isinstance(stage.resources.gpus, int | float) else 0),
    }
    return known.get(name, f"inputs.{name}")


def _unsaid(stage: Stage) -> Iterator[tuple[str, object]]:
    """What a stage says, and CWL cannot."""
    if stage.errors:
        yield "errors", stage.errors
    if stage.thresholds:
        yield "thresholds", stage.thresholds
    if stage.version != "1":
        yield "version", stage.version
    for name, port in stage.outputs.items():
        if not port.checked:
            yield f"outputs.{name}.checked", False
        if port.format is not None and format_uri(port.format) is None:
            yield f"outputs.{name}.format", port.format
    for name, each in stage.inputs.items():
        if each.formats:
            yield f"inputs.{name}.formats", ", ".join(each.formats)
        if each.shared:
            yield f"inputs.{name}.shared", True
    for name, parameter in stage.parameters.items():
        for what in ("unit", "minimum", "maximum"):
            if getattr(parameter, what) is not None:
                yield f"parameters.{name}.{what}", getattr(parameter, what)
        if parameter.choices and parameter.kind != "str":
            yield f"parameters.{name}.choices", parameter.choices


def port_type(port: Input) -> dict[str, Any]:
    """The type of an input of files, with what else is said of it.

    Not its formats: there a file that does not say its own is refused by whoever asks for one, and here it is taken.
    """
    said: dict[str, Any] = {"type": "File[]" if port.many else "File"}
    if port.optional:
        said["type"] += "?"
    if port.beside:
        said["secondaryFiles"] = [{"pattern": each, "required": True} for each in port.beside]
    return said | ({"doc": port.about} if port.about else {})


def parameter_type(parameter: Parameter) -> dict[str, Any]:
    """The type of an input that is a value, with what else is said of it."""
    kind: Any = _TYPES[parameter.kind]
    if parameter.choices and parameter.kind == "str":
        kind = {"type": "enum", "symbols": list(parameter.choices)}
    if parameter.many:
        kind = {"type": "array", "items": kind}
    if parameter.default is None:
        kind = ["null", kind]
    said: dict[str, Any] = {"type": kind}
    if parameter.default is not REQUIRED and parameter.default is not None:
        said["default"] = list(parameter.default) if parameter.many else parameter.default
    return said | ({"doc": parameter.about} if parameter.about else {})
