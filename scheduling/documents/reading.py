"""What a document says, made into what is declared: every problem is told, with where it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, TypeVar

from holotype.validators import Severity, Threshold, ValidatorError

from ..declaring.environments import Environment, Tool
from ..declaring.parameters import Parameter
from ..declaring.policies import Action, Hold, Instead, Reduce, Retry, Rule, Skip, StopRun, StopSample, When
from ..declaring.ports import Input, Output
from ..declaring.resources import Resources
from ..declaring.stages import Stage
from ..declaring.steps import First, Setting, Step
from ..workflow import Workflow

if TYPE_CHECKING:
    from ..declaring.problems import Problems

__all__ = ["ACTIONS", "Reader"]

_T = TypeVar("_T")
ACTIONS: Mapping[str, type[Action]] = {
    "retry": Retry,
    "instead": Instead,
    "reduce": Reduce,
    "skip": Skip,
    "hold": Hold,
    "stop-sample": StopSample,
    "stop-run": StopRun,
}
"""What actions are called in documents."""

# What can be said in one word or several, and is then taken for this.
_SHORT = {Input: "formats", Output: "path", Tool: "versions", When: "failures"}

# What Python would take for something else: every text is true.
_KINDS: Mapping[str, Any] = {"bool": bool, "int": int, "str": str, "str | None": (str, type(None))}
# Fields that hold one text, or several.
_TEXTS = "tuple[str, ...] | str"
# How a program is asked for its version: before anything is run it is, whoever wrote the document.
_ASKS = re.compile(r"|--?[vV]ersion|-[vV]|--help|-h|(?:[A-Za-z]\w*\s)?(?:--version|--help|version)")
# What people write is two or three workflows deep.
_DEEPEST = 20


class Reader:
    """Reads parts of documents.  ``functions``: what stages may call, by name."""

    def __init__(self, problems: Problems, functions: Mapping[str, Callable[..., object]]) -> None:
        self._problems, self._functions = problems, functions

    def workflow(self, given: Any, *, at: str, name: str | None = None) -> Workflow | None:
        """A workflow; ``name``: where the document says it by the place."""
        known = ("workflow", "version", "about", "inputs", "parameters", "stages", "workflows", "steps", "outputs")
        if not self._mapping(given, at=at, known=known):
            return None
        if at.count(".workflows.") + at.startswith("workflows.") > _DEEPEST:
            self._problems.add(f"it is more than {_DEEPEST} workflows deep", at=at)
            return None
        if name is None:
            name = self._text(given.get("workflow"), at=_under(at, "workflow"))
        stages: dict[str, Stage | Workflow] = {}
        for kind, read in (("stages", self._stage), ("workflows", self.workflow)):
            for each, place, what in self._items(given, kind, at=at):
                if each in stages:
                    self._problems.add(f"{each} is a stage too", at=place)
                made = read(what, at=place, name=each)
                if made is not None:
                    stages[each] = made
        steps = {
            each: self._step(what, stages, given, at=place) for each, place, what in self._items(given, "steps", at=at)
        }
        inputs, parameters = (
            self._each(given, "inputs", Input, at=at),
            self._each(given, "parameters", Parameter, at=at),
        )
        outputs = {each: self._text(what, at=place) for each, place, what in self._items(given, "outputs", at=at)}
        if name is None or None in (*steps.values(), *outputs.values()):
            return None
        facts = {each: self._text(given[each], at=_under(at, each)) for each in ("version", "about") if each in given}
        with self._problems.catching(at=at):
            return Workflow(
                name=name,
                steps={each: step for each, step in steps.items() if step is not None},
                inputs=inputs,
                parameters=parameters,
                outputs={each: text for each, text in outputs.items() if text is not None},
                **{each: text for each, text in facts.items() if text is not None},
            )
        return None

    def _stage(self, given: Any, *, at: str, name: str | None = None) -> Stage | None:
        if not self._mapping(given, at=at, known=[field.name for field in fields(Stage) if field.name != "name"]):
            return None
        before = len(self._problems.told)
        made: dict[str, Any] = self._of_kinds(given, {"version": "str", "about": "str"}, at=at)
        if "command" in given:
            command = given["command"]
            made["command"] = (
                tuple(map(str, command)) if isinstance(command, list) else self._text(command, at=f"{at}.command")
            )
        if "call" in given:
            made["call"] = self._functions.get(given["call"]) if isinstance(given["call"], str) else None
            if made["call"] is None:
                self._problems.add(f"no function {given['call']!r} is handed in: functions={{…}}", at=f"{at}.call")
                return None
        for kind, of in (("inputs", Input), ("outputs", Output), ("parameters", Parameter)):
            made[kind] = self._each(given, kind, of, at=at)
        if "resources" in given:
            made["resources"] = self._made(Resources, given["resources"], at=f"{at}.resources")
        if "environment" in given:
            made["environment"] = self._environment(given["environment"], at=f"{at}.environment")
        made["errors"] = tuple(
            self._rule(each, at=f"{at}.errors.{n}") for n, each in enumerate(self._list(given, "errors", at=at))
        )
        made["thresholds"] = tuple(
            self._threshold(each, at=f"{at}.thresholds.{n}")
            for n, each in enumerate(self._list(given, "thresholds", at=at))
        )
        if len(self._problems.told) > before:
            return None
        with self._problems.catching(at=at):
            return Stage(name=str(name), **made)
        return None

    def _step(
        self, given: Any, stages: Mapping[str, Stage | Workflow], document: Mapping[str, Any], *, at: str
    ) -> Step | None:
        known = ("stage", "inputs", "parameters", "scatter", "crossed", "when", "per")
        if not self._mapping(given, at=at, known=known):
            return None
        if isinstance(given.get("stage"), Mapping):
            self._problems.add("it is the name of one of the stages, where it is declared", at=f"{at}.stage")
            return None
        name = self._text(given.get("stage"), at=f"{at}.stage")
        stage = stages.get(name or "")
        if stage is None:
            declared = {*document.get("stages", ()), *document.get("workflows", ())}
            if name is not None and name not in declared:  # of one that is wrong itself that was told
                there = ", ".join(sorted(map(str, declared))) or "none"
                self._problems.add(f"there is no stage {name}: there is {there}", at=f"{at}.stage")
            return None
        inputs = {each: self._sources(what, at=place) for each, place, what in self._items(given, "inputs", at=at)}
        parameters = {
            each: Setting(str(what["setting"])) if isinstance(what, Mapping) and set(what) == {"setting"} else what
            for each, _, what in self._items(given, "parameters", at=at)
        }
        before = len(self._problems.told)
        rest = self._of_kinds(given, {"crossed": "bool", "when": "str", "per": "str"}, at=at)
        scatter = given.get("scatter", ())
        several = [scatter] if isinstance(scatter, str) else scatter
        if not isinstance(several, list | tuple) or not all(isinstance(each, str) for each in several):
            self._problems.add(f"{scatter!r} is no name, and no list of names", at=f"{at}.scatter")
        if None in inputs.values() or len(self._problems.told) > before:
            return None
        with self._problems.catching(at=at):
            return Step(
                stage,
                {each: what for each, what in inputs.items() if what is not None},
                parameters=parameters,
                scatter=tuple(several),
                **rest,
            )
        return None

    def _sources(self, given: Any, *, at: str) -> str | tuple[str, ...] | First | None:
        first = isinstance(given, Mapping) and set(given) == {"first"}
        texts = given["first"] if first else given
        if isinstance(texts, str):
            return texts
        if isinstance(texts, list) and texts and all(isinstance(each, str) for each in texts):
            return First(*texts) if first else tuple(texts)
        self._problems.add(
            f"{given!r} is no source: it is a text as 'align.bam', a list of them, or {{first: […]}}", at=at
        )
        return None

    def _environment(self, given: Any, *, at: str) -> Environment | None:
        if not self._mapping(given, at=at, known=[field.name for field in fields(Environment)]):
            return None
        tools: list[Tool] = []
        for name, place, what in self._items(given, "tools", at=at):
            said = {"versions": what} if isinstance(what, str) else what or {}
            asks = said.get("asks", ()) if isinstance(said, Mapping) else ()
            if not _ASKS.fullmatch(asks if isinstance(asks, str) else " ".join(map(str, asks or ()))):
                self._problems.add(f"{asks!r} asks for more than a version", at=f"{place}.asks")
                continue
            tool = self._made(Tool, {"name": name, **said} if isinstance(said, Mapping) else said, at=place)
            if tool is not None:
                tools.append(tool)
        return self._made(Environment, {**given, "tools": tuple(tools)}, at=at)

    def _rule(self, given: Any, *, at: str) -> Rule | None:
        if not self._mapping(given, at=at):
            return None
        kind = ACTIONS.get(str(given.get("do")))
        if kind is None:
            self._problems.add(f"nothing is done by {given.get('do')!r}: it is {', '.join(ACTIONS)}", at=f"{at}.do")
            return None
        when = self._made(When, given.get("when", "any"), at=f"{at}.when")
        said = {each: what for each, what in given.items() if each not in ("when", "do")}
        if kind is Instead and "stage" in said:
            other = said["stage"]
            name = other.get("name", "alternative") if isinstance(other, Mapping) else "alternative"
            rest = (
                {each: what for each, what in other.items() if each != "name"} if isinstance(other, Mapping) else other
            )
            said["stage"] = self._stage(rest, at=f"{at}.stage", name=str(name))
        do = self._made(kind, said, at=at)
        return None if when is None or do is None else Rule(when, do)

    def _threshold(self, given: Any, *, at: str) -> Threshold | None:
        if isinstance(given, Mapping) and "severity" in given:
            with self._problems.catching(at=f"{at}.severity"):
                given = {**given, "severity": Severity(given["severity"])}
        return self._made(Threshold, given, at=at)

    # -- parts of any kind

    def _each(self, given: Mapping[str, Any], kind: str, of: type[_T], *, at: str) -> dict[str, _T]:
        made = {each: self._made(of, what, at=place) for each, place, what in self._items(given, kind, at=at)}
        return {each: what for each, what in made.items() if what is not None}

    def _made(self, of: type[_T], given: Any, *, at: str) -> _T | None:
        """One value, from its fields, or from the one that says most."""
        if of in _SHORT and isinstance(given, str | list):
            given = {_SHORT[of]: tuple(given) if isinstance(given, list) else given}
        if issubclass(of, Input) and isinstance(given, Mapping) and "thresholds" in given:
            every = enumerate(self._list(given, "thresholds", at=at))
            made = (self._threshold(each, at=f"{at}.thresholds.{n}") for n, each in every)
            given = {**given, "thresholds": tuple(each for each in made if each is not None)}
        described: Any = of
        there = fields(described)
        if not self._mapping(given, at=at, known=[field.name for field in there]):
            return None
        needed = [
            f.name for f in there if f.default is MISSING and f.default_factory is MISSING and f.name not in given
        ]
        if needed:
            self._problems.add(f"{', '.join(needed)} is missing", at=at)
            return None
        before = len(self._problems.told)
        kinds = {field.name: str(field.type) for field in there}
        self._of_kinds(given, {name: kind for name, kind in kinds.items() if kind in _KINDS}, at=at)
        for each in (name for name, kind in kinds.items() if kind == _TEXTS and name in given):
            several = [given[each]] if isinstance(given[each], str) else given[each]
            if not isinstance(several, list | tuple) or not all(isinstance(text, str) for text in several):
                self._problems.add(f"{given[each]!r} is no text, and no list of texts", at=f"{at}.{each}")
        if len(self._problems.told) > before:
            return None
        said: dict[str, Any] = {each: tuple(what) if isinstance(what, list) else what for each, what in given.items()}
        with self._problems.catching(at=at):
            try:
                return of(**said)
            except (ValidatorError, AttributeError) as error:
                raise ValueError(str(error)) from error
        return None

    def _of_kinds(self, given: Mapping[str, Any], kinds: Mapping[str, str], *, at: str) -> dict[str, Any]:
        """Those of a part's values that are of these kinds; what is of another is told."""
        there = {each: given[each] for each in kinds if each in given}
        fitting = {each: what for each, what in there.items() if isinstance(what, _KINDS[kinds[each]])}
        for each in there.keys() - fitting.keys():
            self._problems.add(f"{there[each]!r} is no {kinds[each].partition(' ')[0]}", at=f"{at}.{each}")
        return fitting

    def _mapping(self, given: Any, *, at: str, known: Any = None) -> bool:
        if not isinstance(given, Mapping):
            self._problems.add(f"{given!r} is no mapping", at=at)
            return False
        for each in given:
            if known is not None and each not in known:
                self._problems.add(f"nothing is called {each!r} here: there is {', '.join(known)}", at=at)
        return known is None or all(each in known for each in given)

    def _items(self, given: Mapping[str, Any], kind: str, *, at: str) -> list[tuple[str, str, Any]]:
        """What a part holds, by names: each with its place."""
        part, place = given.get(kind, {}), _under(at, kind)
        if not self._mapping({} if part is None else part, at=place):
            return []
        return [(str(each), f"{place}.{each}", what) for each, what in (part or {}).items()]

    def _list(self, given: Mapping[str, Any], kind: str, *, at: str) -> list[Any]:
        part = given.get(kind) or []
        if not isinstance(part, list | tuple):
            self._problems.add(f"{part!r} is no list", at=_under(at, kind))
            return []
        return list(part)

    def _text(self, given: Any, *, at: str) -> str | None:
        if not isinstance(given, str) or not given:
            self._problems.add(f"{given!r} is no text" if given is not None else "it is missing", at=at)
            return None
        return given


def _under(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name
