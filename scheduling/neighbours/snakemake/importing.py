"""A Snakefile as a workflow: from the files that its first rule asks for, back to those that no rule makes."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...declaring.expressions import RESERVED
from ...declaring.parameters import Parameter
from ...declaring.ports import Input
from ...declaring.steps import Setting, Step
from ...workflow import Workflow
from ..imported import Imported, Losses, kept
from ..naming import Names
from ..reading import Folder, unreadable
from .rules import Carried, carry_rule
from .snakefile import rules_of
from .values import LONGEST, files_of, matcher, wildcards_in

if TYPE_CHECKING:
    import os
    import re
    from collections.abc import Iterator, Mapping

    from ...declaring.stages import Stage
    from ..imported import Losses as _Losses
    from .snakefile import Rule

__all__ = ["import_snakemake"]

# Stands for any sample, and is in no file's name.
_ANY = "\x01"


def import_snakemake(
    path: str | os.PathLike[str],
    *,
    sample: str = "sample",
    stages: Mapping[str, Stage] | None = None,
    folder: str | os.PathLike[str] | None = None,
) -> Imported:
    """The rules of a Snakefile as stages, and the workflow that makes what its first rule asks for.

    The file is read as text: nothing of it is run, and what only running it would tell is lost, as ``run:``,
    functions of wildcards, and statements of Python between rules.  ``sample``: the wildcard that is the sample; where
    a rule has just one, it is that.  Files that no rule makes are inputs of the workflow; those with a sample in their
    names are each sample's, all others shared, and where they lie is said with a run.  ``stages``: what takes the place
    of rules of their names.  ``folder``: nothing outside of it is read, by default the file's own.

    Raises ``WorkflowInvalid`` for what is no Snakefile, and ``OSError``.
    """
    file, losses = Path(path), Losses()
    rules = rules_of(file, Folder(file.resolve().parent if folder is None else folder), losses)
    if not rules:
        raise unreadable(path, "it has no rules")
    known = {rule.name: rule for rule in rules}
    carried: dict[str, Carried] = {}
    fixed = [text for rule in rules for text in _fixed(rule)]
    for rule in known.values():
        made = carry_rule(rule, lambda name, part: _outputs(known, name, part), sample, fixed, losses)
        made.stage = kept(stages, made.stage, losses, at=f"rules.{rule.name}")
        carried[rule.name] = made
    first = next((each for each in rules if "default_target" in each.sections), rules[0])
    workflow = _Linker(carried, losses).workflow(carried[first.name], file)
    targets = {first.name} if _only_asks(carried[first.name]) else set[str]()
    there = {name: each.stage for name, each in carried.items() if name not in targets}
    return Imported(workflow=workflow, stages=there, lost=tuple(losses.told))


def _outputs(rules: Mapping[str, Rule], name: str, part: str | int | None) -> tuple[str, ...]:
    """The patterns of the outputs of a rule.  Raises ``ValueError``."""
    rule = rules.get(name)
    section = rule.sections.get("output") if rule is not None else None
    if section is None:
        raise ValueError(f"there is no rule {name} that makes anything")
    nodes = [*section.values, *section.named.values()]
    if isinstance(part, str):
        nodes = [section.named[part]] if part in section.named else []

    def none(*_: object) -> tuple[str, ...]:
        raise ValueError("it is Python, which is not run")

    files = [each for node in nodes for each in files_of(node, none, "", Losses(), at="")]
    found = [pattern for each in files for pattern in each.patterns]
    if isinstance(part, int):
        found = found[part : part + 1]
    if not found:
        raise ValueError(f"{name} makes no {part}")
    return tuple(found)


def _fixed(rule: Rule) -> Iterator[str]:
    """The files that a rule asks for by names without wildcards."""
    section = rule.sections.get("input")
    for value in (*section.values, *section.named.values()) if section is not None else ():
        for node in ast.walk(value):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and not wildcards_in(node.value):
                yield node.value


def _only_asks(carried: Carried) -> bool:
    """Whether a rule only names what is wanted, as ``rule all`` does."""
    return not carried.made and not {"shell", "run", "script", "notebook", "wrapper"} & carried.rule.sections.keys()


@dataclass
class _Linker:
    """Finds what makes what.  A step is a rule with what its wildcards are."""

    rules: Mapping[str, Carried]
    losses: _Losses
    _inputs: dict[str, Input] = field(default_factory=dict)
    _parameters: dict[str, Parameter] = field(default_factory=dict)
    _files: dict[str, str] = field(default_factory=dict)
    _steps: dict[tuple[str, tuple[tuple[str, str], ...]], str] = field(default_factory=dict)
    _waiting: list[tuple[str, Carried, dict[str, str]]] = field(default_factory=list)

    # What is made under one name, and what under many: rules, the names of their outputs, and what their wildcards are.
    _exact: dict[str, list[tuple[Carried, str, dict[str, str]]]] = field(default_factory=dict)
    _makers: list[tuple[Carried, str, re.Pattern[str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._names = Names(self.losses, taken=RESERVED)
        self._named = Names(self.losses, taken=frozenset())
        for each in self.rules.values():
            for port, pattern in each.made.items():
                if each.others:
                    self._makers.append((each, port, matcher(pattern)))
                else:
                    self._exact.setdefault(_put_in(pattern, each, {}), []).append((each, port, {}))

    def workflow(self, target: Carried, file: Path) -> Workflow | None:
        outputs: dict[str, str] = {}
        if _only_asks(target):
            results = Names(self.losses, taken=frozenset())
            for port, files in target.files.items():
                for pattern in files.patterns:
                    source = self._source(_put_in(pattern, target, {}), port)
                    if "." in source:
                        outputs[results.fresh(source.replace(".", "_"))] = source
        else:
            self._step(target, {})
        made: dict[str, Step] = {}
        while self._waiting:
            name, carried, bound = self._waiting.pop()
            made[name] = self._linked(name, carried, bound)
        if not made:
            self.losses.add("rules", target.rule.name, "nothing that it asks for is made by a rule that was carried")
            return None
        return Workflow(
            name=Names(self.losses).fresh(file.stem if file.stem != "Snakefile" else file.resolve().parent.name),
            steps=made,
            inputs=self._inputs,
            parameters=self._parameters,
            outputs=outputs,
        )

    def _step(self, carried: Carried, bound: dict[str, str]) -> str:
        key = (carried.rule.name, tuple(sorted(bound.items())))
        if key not in self._steps:
            name = self._named.fresh("_".join([carried.rule.name, *bound.values()]))
            self._steps[key] = name
            self._waiting.append((name, carried, bound))
        return self._steps[key]

    def _linked(self, name: str, carried: Carried, bound: dict[str, str]) -> Step:
        inputs: dict[str, str | tuple[str, ...]] = {}
        gathered = False
        for port, files in carried.files.items():
            if files.setting is not None:
                inputs[port] = self._outside(f'config["{files.setting}"]', files.setting)
                continue
            sources = tuple(self._source(_put_in(pattern, carried, bound), port) for pattern in files.patterns)
            inputs[port] = sources
            gathered = gathered or files.gathered
        parameters: dict[str, Any] = {_here(each, carried): value for each, value in bound.items()}
        for here, setting in carried.settings.items():
            known = self._names.of(setting, at="config")
            self._parameters.setdefault(known, Parameter(about=f'config["{setting}"]'))
            parameters[here] = Setting(known)
        per = "run" if gathered and carried.wildcard is None else None
        return Step(carried.stage, inputs, parameters=parameters, per=per)

    def _source(self, text: str, wanted: str) -> str:
        """What makes a file, or the input that it is."""
        found = self._exact.get(text) or self._matching(text)
        if not found:
            return self._outside(text, wanted)
        if len(found) > 1:
            names = ", ".join(each[0].rule.name for each in found)
            told = "several rules make it: the first does here"
            self.losses.add(f"rules.{names}", text.replace(_ANY, "{sample}"), told)
        carried, port, bound = found[0]
        return f"{self._step(carried, bound)}.{port}"

    def _matching(self, text: str) -> list[tuple[Carried, str, dict[str, str]]]:
        """The rules that make a file with some of their wildcards as a text."""
        found: list[tuple[Carried, str, dict[str, str]]] = []
        for carried, port, expected in self._makers:
            match = expected.fullmatch(text) if len(text) <= LONGEST else None
            if match is None:
                continue
            bound = match.groupdict()
            mine = bound.pop(carried.wildcard, _ANY) if carried.wildcard is not None else _ANY
            if mine == _ANY and not any(_ANY in value for value in bound.values()):
                found.append((carried, port, bound))
        return found

    def _outside(self, text: str, wanted: str) -> str:
        if text not in self._files:
            name = self._names.fresh(wanted)
            self._files[text] = name
            self._inputs[name] = Input(shared=_ANY not in text, about=text.replace(_ANY, "{sample}"))
        return self._files[text]


def _here(wildcard: str, carried: Carried) -> str:
    """The parameter that a wildcard is."""
    parameters = list(carried.stage.parameters)
    return wildcard if wildcard in parameters else f"{wildcard}_"


def _put_in(pattern: str, carried: Carried, bound: Mapping[str, str]) -> str:
    """A pattern with what its wildcards are: any sample, or a text."""
    for name in wildcards_in(pattern):
        pattern = pattern.replace(f"{{{name}}}", bound.get(name, _ANY))
    return pattern
