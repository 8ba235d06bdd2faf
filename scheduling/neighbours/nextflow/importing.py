"""Processes of Nextflow as stages."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holotype.catalog import WorkflowInvalid

from ...declaring.parameters import Parameter
from ...declaring.ports import Input, Output
from ...declaring.stages import Stage
from ..imported import Imported, Losses, hollow, kept, shown
from ..naming import Names
from ..quoting import Piece, template_of
from ..reading import Folder, unreadable
from .directives import environment_of, errors_of, resources_of
from .groovy import Block, blocks_of, masked, statements_of, text_of

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

__all__ = ["import_nextflow"]

_SECTION = re.compile(r"^[ \t]*(input|output|when|script|shell|exec|stub|topic)[ \t]*:", re.MULTILINE)
_QUALIFIED = re.compile(r"(\w+)\s*(?:\(\s*(.*)\s*\)|\s(.*))?", re.DOTALL)
# What nf-core writes in every process: a text that a configuration may give, and else this.
_DEFAULT = re.compile(r"(?:def\s+)?(\w+)\s*=\s*task\.ext\.(\w+)\s*\?:\s*(.*)", re.DOTALL)
_NFCORE_WHEN = re.compile(r"task\.ext\.when\s*==\s*null\s*\|\|\s*task\.ext\.when")
# What nf-core calls a mapping of what is known of a sample, and of what else goes in with it.
_META = re.compile(r"meta\d*")
_GROOVY = "it is Groovy, which is not run"


def import_nextflow(path: str | os.PathLike[str], *, stages: Mapping[str, Stage] | None = None) -> Imported:
    """The processes that a file of Nextflow (DSL2) defines, as stages.

    The file is read as text, nothing of it is run: how processes hang together is said in Groovy, and so is lost, and
    there is no workflow; what a process declares, and a script that is one text, is carried.  ``meta.id`` is the
    sample; a ``path`` is any number of files; ``task.ext.…`` is what it is without a configuration.  ``stages``: what
    takes the place of processes of their names.

    Raises ``WorkflowInvalid`` for a file without processes, and ``OSError``.
    """
    file, losses = Path(path), Losses()
    text = Folder(file.resolve().parent).text(file)
    made: dict[str, Stage] = {}
    try:
        for block in blocks_of(text):
            if block.name:
                stage = _Process(block, losses).stage()
                made[stage.name] = kept(stages, stage, losses, at=stage.name)
            else:
                _outside(block, file.name, losses)
    except ValueError as error:
        raise unreadable(path, f"it is no file of Nextflow: {error}") from error
    if not made:
        raise unreadable(path, "it has no processes")
    return Imported(stages=made, lost=tuple(losses.told))


def _outside(block: Block, file: str, losses: Losses) -> None:
    for line, statement in statements_of(block.text):
        if statement and not statement.startswith("#!"):
            what = "how processes hang together, and what they are given, is Groovy, which is not run"
            losses.add(f"{file}:{block.line + line - 1}", shown(statement), what)


@dataclass
class _Process:
    """Reads one process."""

    block: Block
    losses: Losses
    inputs: dict[str, Input] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    # What variables stand for, by what they are called there.
    _known: dict[str, list[Piece]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._names = Names(self.losses)
        self.at = self.block.name

    def stage(self) -> Stage:
        """The stage; without its command, where that could not be carried."""
        before, losses = self.losses.stopped, self.losses
        sections = _sections(self.block.text)
        self._known = {"meta.id": [Piece("sample", field=True)], "task.process": [Piece(self.block.name)]}
        self._known |= {f"task.{name}": [Piece(name, field=True)] for name in ("cpus", "attempt")}
        for name, unit in (("toGiga", "GiB"), ("toMega", "MiB"), ("toKilo", "KiB"), ("toBytes", "B")):
            self._known[f"task.memory.{name}()"] = [Piece(f"memory:{unit}", field=True)]
        directives: dict[str, str] = {}
        for _, statement in statements_of(sections.get("", "")):
            match = re.fullmatch(r"(\w+)\s*(.*)", statement, re.DOTALL)
            if match is None or (match[2].startswith("=") or match[1] in directives):
                losses.add(self.at, statement, _GROOVY)
            else:
                directives[match[1]] = match[2]
        for _, statement in statements_of(sections.get("input", "")):
            self._input(statement)
        script = self._script(sections)
        for _, statement in statements_of(sections.get("output", "")):
            self._output(statement)
        self._rest(sections)
        rest: dict[str, Any] = {
            "inputs": self.inputs,
            "outputs": self.outputs,
            "parameters": self.parameters,
            "resources": resources_of(directives, losses, at=self.at),
            "environment": environment_of(directives, losses, at=self.at),
            "errors": errors_of(directives, losses, at=self.at),
        }
        name = Names(losses).of(self.block.name, at=self.at)
        if script is not None and losses.stopped == before:
            try:
                return Stage(name=name, command=script, **rest)
            except WorkflowInvalid as error:
                for each in error.problems:
                    losses.stop(f"{self.at}.script", script, each)
        try:
            return hollow(name, **rest)
        except WorkflowInvalid as error:
            for each in error.problems:
                losses.add(self.at, "its outputs", each)
            return hollow(name, **{**rest, "outputs": {}})

    def _rest(self, sections: Mapping[str, str]) -> None:
        for name in ("stub", "topic"):
            if name in sections:
                self.losses.add(f"{self.at}.{name}", shown(sections[name].strip()), "nothing here is like it")
        when = sections.get("when", "").strip()
        if _NFCORE_WHEN.fullmatch(when):
            self.losses.add(f"{self.at}.when", when, "there is no configuration that would say it")
        elif when:
            self.losses.stop(f"{self.at}.when", when, _GROOVY)

    # -- inputs and outputs

    def _parts(self, statement: str, kind: str) -> tuple[list[tuple[str, str]], dict[str, str]]:
        """What a line declares, qualifiers with what they are of, and its options."""
        said = statement.strip()
        if match := re.fullmatch(r"tuple\s*\((.*)\)", said, re.DOTALL):
            said = f"tuple {match[1]}"
        whole = _split(said.removeprefix("tuple ")) if said.startswith("tuple ") else _split(said)
        options: dict[str, str] = {}
        parts: list[tuple[str, str]] = []
        for each in whole:
            option = re.fullmatch(r"(\w+)\s*:\s*(.*)", each, re.DOTALL)
            match = _QUALIFIED.fullmatch(each)
            if option is not None:
                options[option[1]] = option[2].strip()
            elif match is not None:
                inner = _split(match[2] if match[2] is not None else match[3] or "")
                for more in inner[1:]:
                    key, _, value = more.partition(":")
                    options[key.strip()] = value.strip()
                parts.append((match[1], inner[0] if inner else ""))
            else:
                self.losses.stop(f"{self.at}.{kind}", each, _GROOVY)
        return parts, options

    def _input(self, statement: str) -> None:
        at = f"{self.at}.input"
        parts, options = self._parts(statement, "input")
        for qualifier, name in parts:
            if not name.isidentifier():
                self.losses.stop(at, statement, "a file keeps its name here, and what is no variable is not carried")
            elif qualifier == "path" or qualifier == "file":
                here = self._names.of(name, at=at)
                self.inputs[here] = Input(many=options.get("arity") not in ("'1'", '"1"'))
                self._known[name] = [Piece(here, field=True, many=True)]
            elif qualifier == "val" and _META.fullmatch(name):
                self.losses.add(at, f"val {name}", "of what is known of a sample only meta.id is carried, its name")
            elif qualifier in ("val", "each"):
                here = self._names.of(name, at=at)
                self.parameters[here] = Parameter()
                self._known[name] = [Piece(here, field=True)]
                if qualifier == "each":
                    self.losses.add(at, statement, "that it is done for each is said by a step, with scatter")
            else:
                self.losses.stop(at, statement, "nothing here is like it")
        for option in options.keys() - {"arity"}:
            self.losses.stop(f"{at}.{option}", options[option], "nothing here is like it")

    def _output(self, statement: str) -> None:
        at = f"{self.at}.output"
        parts, options = self._parts(statement, "output")
        for option in options.keys() - {"emit", "optional", "arity"}:
            self.losses.add(f"{at}.{option}", options[option], "nothing here is like it")
        wanted = options.get("emit", "output")
        paths = [each for qualifier, each in parts if qualifier in ("path", "file")]
        for qualifier, each in parts:
            if qualifier not in ("path", "file") and not (qualifier == "val" and _META.fullmatch(each)):
                self.losses.add(at, f"{qualifier} {each}".strip(), "what comes out is files here")
        for number, each in enumerate(paths, 1):
            name = self._names.fresh(wanted if len(paths) == 1 else f"{wanted}_{number}")
            try:
                path = template_of(self._pieces(each))
                if re.search(r"[\[\]]|\*\*|\{\{", path):
                    raise ValueError("a pattern has * and ? only")
                optional = options.get("optional") == "true"
                many = options.get("arity") not in ("'1'", '"1"') and re.search(r"[*?]", path) is not None
                self.outputs[name] = Output(path, many=many, optional=optional)
            except ValueError as error:
                self.losses.add(at, each, str(error))

    # -- the script

    def _script(self, sections: Mapping[str, str]) -> str | None:
        for name in ("shell", "exec"):
            if name in sections:
                self.losses.stop(f"{self.at}.{name}", shown(sections[name].strip()), _GROOVY)
                return None
        at = f"{self.at}.script"
        found: list[str] = []
        for _, statement in statements_of(sections.get("script", "")):
            default = _DEFAULT.fullmatch(statement)
            if found or (default is None and statement[:1] not in ("'", '"')):
                self.losses.stop(at, statement, _GROOVY)
                return None
            try:
                if default is None:
                    found.append("set -u +o pipefail\n" + template_of(self._pieces(statement, script=True)))
                    continue
                self._known[default[1]] = self._pieces(default[3])
                told = f"a configuration may say it: here it is {default[3]}"
                self.losses.add(f"{at}.{default[1]}", f"task.ext.{default[2]}", told)
            except ValueError as error:
                self.losses.stop(at, shown(statement), str(error))
                return None
        if not found:
            self.losses.stop(at, "script", "it has none that is a text")
        return found[0] if found else None

    def _pieces(self, said: str, *, script: bool = False) -> list[Piece]:
        """The pieces of a text.  Raises ``ValueError``."""
        quote = said.strip()[:3]
        if script and quote in ('"""', "'''"):
            said = f"{quote}{textwrap.dedent(said.strip()[3:-3]).strip()}{quote}"
        pieces: list[Piece] = []
        for part in text_of(said).parts:
            if isinstance(part, str):
                pieces.append(Piece(part))
            elif part[0] in self._known:
                pieces += self._known[part[0]]
            else:
                raise ValueError(f"${{{part[0]}}}: {_GROOVY}")
        return pieces


def _sections(text: str) -> dict[str, str]:
    """The sections of a process, its directives without a name; a text that stands alone is its script."""
    mask = masked(text)
    marks: list[re.Match[str]] = []
    deep = place = 0
    for match in _SECTION.finditer(mask):
        deep += mask.count("{", place, match.start()) - mask.count("}", place, match.start())
        place = match.start()
        if deep == 0:
            marks.append(match)
    ends = [match.start() for match in marks[1:]] + [len(text)]
    found = {"": text[: marks[0].start()] if marks else text}
    for match, end in zip(marks, ends, strict=True) if marks else ():
        found[match[1]] = text[match.end() : end]
    if not {"script", "shell", "exec", "stub"} & found.keys():
        # Of a process without such a word the last statement is its script, if it is a text.
        name = marks[-1][1] if marks else ""
        statements = [each for _, each in statements_of(found[name])]
        if statements and statements[-1][:1] in ("'", '"'):
            found[name], found["script"] = "\n".join(statements[:-1]), statements[-1]
    return found


def _split(said: str) -> list[str]:
    """The parts between commas that stand in nothing."""
    mask, deep, start = masked(said), 0, 0
    found: list[str] = []
    for place, character in enumerate(mask):
        deep += (character in "([{") - (character in ")]}")
        if character == "," and deep == 0:
            found.append(said[start:place].strip())
            start = place + 1
    return [each for each in (*found, said[start:].strip()) if each]
