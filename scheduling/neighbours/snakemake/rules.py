"""Rules as stages."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from holotype.catalog import WorkflowInvalid

from ...declaring.environments import Environment
from ...declaring.parameters import Parameter
from ...declaring.policies import Retry, When
from ...declaring.policies import Rule as Policy
from ...declaring.ports import Input, Output
from ...declaring.stages import Stage
from ..imported import hollow
from ..naming import Names
from ..quoting import Piece
from .commands import command_of
from .needs import resources_of
from .values import Files, files_of, matcher, wildcards_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..imported import Losses
    from .snakefile import Rule, Section

__all__ = ["Carried", "carry_rule"]

_UNDERSTOOD = {
    "input", "output", "params", "threads", "resources", "conda", "container", "singularity", "shell", "log",
    "message", "retries", "default_target",
}  # fmt: skip
_RUN = ("run", "script", "notebook", "wrapper", "cwl")
# One word to a shell, whatever is done with it.
_WORD = re.compile(r"[\w./:=+,@%-]+")


@dataclass
class Carried:
    """What a rule became.

    ``files``: of its inputs, by their names here; ``settings``: its parameters that are of ``config``, by their names
    here; ``made``: the patterns of its outputs; ``wildcard``: the one that is the sample; ``others``: all others.
    """

    rule: Rule
    stage: Stage
    files: dict[str, Files] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)
    wildcard: str | None = None
    others: tuple[str, ...] = ()


def carry_rule(
    rule: Rule,
    outputs: Callable[[str, str | int | None], tuple[str, ...]],
    sample: str,
    fixed: Iterable[str],
    losses: Losses,
) -> Carried:
    """The stage of a rule; ``sample``: what the wildcard is called that is the sample; ``fixed``: files that rules ask
    for by names without wildcards.
    """
    reader = _Reader(rule, outputs, sample, losses)
    reader.fixed = fixed
    return reader.carried()


class _Reader:
    def __init__(
        self, rule: Rule, outputs: Callable[[str, str | int | None], tuple[str, ...]], sample: str, losses: Losses
    ) -> None:
        self._rule, self._losses, self._sample = rule, losses, sample
        self._of_rule, self._at = outputs, f"rules.{rule.name}"
        self._names = Names(losses)
        # For each section the names of what it lists, in order, with the names they have there.
        self._ports: dict[str, list[tuple[str | None, str]]] = {"input": [], "output": [], "log": []}
        self._files: dict[str, Files] = {}
        self._parameters: dict[str, Parameter] = {}
        self._params: dict[str, list[Piece] | str] = {}
        self._settings: dict[str, str] = {}
        self._wildcard: str | None = None
        self.fixed: Iterable[str] = ()

    def carried(self) -> Carried:
        rule, losses, before = self._rule, self._losses, self._losses.stopped
        for name, section in rule.sections.items():
            if name not in (*_UNDERSTOOD, *_RUN):
                losses.add(f"{self._at}.{name}", section.text, "nothing here is like it")
        for kind in ("input", "output", "log"):
            self._list(kind)
        made = [name for kind in ("output", "log") for _, name in self._ports[kind]]
        others = self._wildcards(made)
        self._read_params()
        command = self._command()
        ports = {"inputs": {name: self._input(name) for _, name in self._ports["input"]}}
        rest: dict[str, Any] = {
            **ports,
            "outputs": {name: self._output(name) for name in made},
            "parameters": self._parameters,
            "resources": resources_of(rule, losses, at=self._at),
            "environment": self._environment(),
            "errors": self._errors(),
            "about": self._constant("message") or rule.about,
        }
        stage = None
        if command is not None and losses.stopped == before:
            touched = [name for name in made if self._files[name].touched]
            command += "".join(f"\ntouch {{{name}}}" for name in touched)
            try:
                stage = Stage(name=rule.name, command=command, **rest)
            except WorkflowInvalid as error:
                for each in error.problems:
                    losses.stop(self._at, rule.sections["shell"].text, each)
        return Carried(
            rule,
            stage or self._hollow(rest),
            {name: self._files[name] for _, name in self._ports["input"]},
            self._settings,
            {name: self._files[name].patterns[0] for _, name in self._ports["output"]},
            self._wildcard,
            others,
        )

    def _hollow(self, rest: dict[str, Any]) -> Stage:
        try:
            return hollow(self._rule.name, **rest)
        except WorkflowInvalid as error:
            for each in error.problems:
                self._losses.add(self._at, "its files", each)
            return hollow(self._rule.name)

    # -- files

    def _list(self, kind: str) -> None:
        section = self._rule.sections.get(kind)
        if section is None:
            return
        at = f"{self._at}.{kind}"
        if not section.readable:
            self._losses.stop(at, section.text, "it is Python, which is not run")
            return
        given: list[tuple[str | None, ast.expr]] = [(None, each) for each in section.values]
        given += list(section.named.items())
        for name, node in given:
            try:
                found = files_of(node, self._of_rule, self._sample, self._losses, at=at)
                if kind != "input" and any(len(each.patterns) != 1 or each.gathered for each in found):
                    raise ValueError("an output is one file, known by its pattern")
            except ValueError as error:
                self._losses.stop(f"{at}.{name}" if name else at, ast.unparse(node), str(error))
                continue
            for files in found:
                wanted = name or (kind if len(given) == len(found) == 1 else f"{kind}_{len(self._ports[kind]) + 1}")
                here = self._names.fresh(wanted)
                self._ports[kind].append((name, here))
                self._files[here] = files

    def _wildcards(self, made: list[str]) -> tuple[str, ...]:
        """Which of the wildcards is the sample; the others, which become parameters."""
        of = made or [name for _, name in self._ports["input"] if not self._files[name].gathered]
        found = [each for name in of for pattern in self._files[name].patterns for each in wildcards_in(pattern)]
        there = tuple(dict.fromkeys(found))
        if self._sample in there:
            self._wildcard = self._sample
        elif len(there) == 1 and not self._asked(of):
            self._wildcard = there[0]
            self._losses.add(self._at, f"the wildcard {there[0]}", "it is the sample here")
        others = tuple(name for name in there if name != self._wildcard)
        for name in others:
            self._parameters[self._names.of(name, at=self._at)] = Parameter(about="a wildcard")
        return others

    def _asked(self, made: list[str]) -> bool:
        """Whether some rule asks for one of these files with a wildcard as a text."""
        matchers = [matcher(pattern) for name in made for pattern in self._files[name].patterns]
        return any(each.fullmatch(text) for each in matchers for text in self.fixed)

    def _input(self, name: str) -> Input:
        files = self._files[name]
        return Input(many=files.many, about=", ".join(files.patterns) or f'config["{files.setting}"]')

    def _output(self, name: str) -> Output:
        (pattern,) = self._files[name].patterns
        log = any(name == here for _, here in self._ports["log"])
        try:
            return Output(self._templated(pattern), optional=log, checked=not log)
        except ValueError as error:
            self._losses.stop(self._at, pattern, str(error))
            return Output(name)

    def _templated(self, pattern: str) -> str:
        """A pattern with the fields that its wildcards are here."""
        for name in wildcards_in(pattern):
            here = "sample" if name == self._wildcard else self._names.known.get(name, name)
            pattern = pattern.replace(f"{{{name}}}", f"{{{here}}}")
        return pattern

    # -- parameters

    def _read_params(self) -> None:
        section = self._rule.sections.get("params")
        if section is None:
            return
        given = [(str(number), each) for number, each in enumerate(section.values)] + list(section.named.items())
        if not section.readable:
            self._losses.add(f"{self._at}.params", section.text, "it is Python, which is not run")
        for name, node in given:
            at = f"{self._at}.params.{name}"
            match node:
                case ast.Subscript(value=ast.Name(id="config"), slice=ast.Constant(value=str(setting))):
                    here = self._names.fresh(f"param_{name}" if name.isdecimal() else name)
                    self._parameters[here], self._settings[here] = Parameter(), setting
                    self._params[name] = [Piece(here, field=True)]
                    self._losses.add(at, ast.unparse(node), "it is one word here, and said with a run")
                case ast.Constant(value=int() | float() | str() as value):
                    self._param(name, value, at)
                case _:
                    self._params[name] = "it is Python, which is not run"
                    self._losses.add(at, ast.unparse(node), "it is Python, which is not run")

    def _param(self, name: str, value: bool | float | str, at: str) -> None:  # noqa: FBT001 - it is the value
        if isinstance(value, bool) or (isinstance(value, str) and not _WORD.fullmatch(value)):
            self._params[name] = self._pasted(str(value))
            self._losses.add(at, repr(value), "it is part of the command here, and no parameter")
            return
        here = self._names.fresh(f"param_{name}" if name.isdecimal() else name)
        kind = "int" if isinstance(value, int) else "float" if isinstance(value, float) else "str"
        self._parameters[here] = Parameter(kind=kind, default=value)
        self._params[name] = [Piece(here, field=True)]

    def _pasted(self, text: str) -> list[Piece]:
        pieces: list[Piece] = []
        for part in re.split(r"(\{\w+\})", text):
            if part[1:-1] == self._wildcard and part[:1] == "{":
                pieces.append(Piece("sample", field=True))
            elif part[:1] == "{" and part[1:-1] in self._names.known:
                pieces.append(Piece(self._names.known[part[1:-1]], field=True))
            elif part:
                pieces.append(Piece(part))
        return pieces

    # -- what is done

    def _command(self) -> str | None:
        for name in _RUN:
            if name in self._rule.sections:
                what = f"{name}: {self._rule.sections[name].text}"
                self._losses.stop(f"{self._at}.{name}", what, "only what a shell is told is carried")
                return None
        text = self._constant("shell")
        if text is None:
            if "shell" in self._rule.sections:
                what = self._rule.sections["shell"].text
                self._losses.stop(f"{self._at}.shell", what, "it is Python, which is not run")
            return None
        try:
            # As there, a variable that is not set is an error.
            return "set -u; " + command_of(text.strip(), self._fields)
        except ValueError as error:
            self._losses.stop(f"{self._at}.shell", text, str(error))
            return None

    def _fields(self, name: str, part: str | None) -> list[Piece]:
        """What a field of the command stands for.  Raises ``ValueError``."""
        if name in self._ports:
            listed = self._ports[name]
            there = [here for called, here in listed if part is None or called == part]
            if part is not None and part.isdecimal() and int(part) < len(listed):
                there = [listed[int(part)][1]]
            if not there and part is not None:
                raise ValueError(f"there is no {name}.{part}")
            pieces: list[Piece] = []
            for here in there:
                pieces += [Piece(" ")] * bool(pieces)
                pieces.append(Piece(here, field=True, many=self._files[here].many or len(there) > 1))
            return pieces
        match name, part:
            case "threads", None:
                return [Piece("cpus", field=True)]
            case "resources", "mem_mb" | "mem_mib":
                return [Piece("memory:MB" if part == "mem_mb" else "memory:MiB", field=True)]
            case "resources", "tmpdir":
                return [Piece("scratch", field=True)]
            case "wildcards", str() if part == self._wildcard:
                return [Piece("sample", field=True)]
            case "wildcards", str() if part in self._names.known:
                return [Piece(self._names.known[part], field=True)]
            case "rule", None:
                return [Piece(self._rule.name)]
            case "params", _:
                found = self._params.get(part or "0") if part or len(self._params) == 1 else None
                if isinstance(found, list):
                    return found
                raise ValueError(f"params{'.' + part if part else ''}: {found or 'there is none'}")
            case _:
                raise ValueError(f"{{{name}{'.' + part if part else ''}}} is Python, which is not run")

    def _constant(self, name: str) -> str | None:
        """The text that a section is."""
        section = self._rule.sections.get(name)
        match section and section.values:
            case (ast.Constant(value=str(text)),):
                return text
            case _:
                return None

    def _environment(self) -> Environment:
        container = self._constant("container") or self._constant("singularity")
        conda = self._constant("conda")
        said: Mapping[str, Section] = self._rule.sections
        for name in ("container", "singularity", "conda"):
            if name in said and self._constant(name) is None:
                self._losses.add(f"{self._at}.{name}", said[name].text, "it is Python, which is not run")
        if container is not None and conda is not None:
            self._losses.add(f"{self._at}.conda", conda, "a stage runs in its container, or in a conda environment")
            conda = None
        return Environment(container=container and container.removeprefix("docker://"), conda=conda)

    def _errors(self) -> tuple[Policy, ...]:
        section = self._rule.sections.get("retries")
        match section and section.values:
            case (ast.Constant(value=int(times)),) if times > 0:
                return (Policy(When(), Retry(times)),)
            case _:
                return ()
