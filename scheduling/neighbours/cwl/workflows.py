"""Workflows of CWL: steps with their sources, scattered, conditional, and within each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from holotype.catalog import WorkflowInvalid

from ...declaring.expressions import RESERVED
from ...declaring.ports import Output
from ...declaring.stages import Stage
from ...declaring.steps import First, Setting, Step
from ...workflow import Workflow
from ..imported import hollow, kept
from ..naming import Names
from .hints import kept_stage, kept_workflow
from .loading import SAID_OF_ALL, Library, Process, listed
from .ports import Given, about_of, given_of, last
from .tools import Carried, carried_as, carry_tool
from .values import Reference, parts_of

if TYPE_CHECKING:
    from ..imported import Losses
    from .needs import Requirements

__all__ = ["Carrier"]

_KNOWN = (*SAID_OF_ALL, "steps")
_STEP = ("id", "in", "out", "run", "scatter", "scatterMethod", "when", "requirements", "hints", "label", "doc")
_IN = ("id", "source", "linkMerge", "pickValue", "default", "valueFrom", "label", "doc")
# What people write is two or three workflows deep.
_DEEPEST = 20


@dataclass
class _Whole:
    """A workflow while it is read: its inputs, and what its steps became, by their names there."""

    process: Process
    at: str
    given: Mapping[str, Given]
    steps: dict[str, str] = field(default_factory=dict)
    carried: dict[str, Carried] = field(default_factory=dict)


@dataclass
class Carrier:
    """Carries processes over, each once; ``handed``: stages that take the place of those of their names."""

    library: Library
    losses: Losses
    handed: Mapping[str, Stage]
    stages: dict[str, Stage] = field(default_factory=dict)
    _names: Names | None = None
    # By the identity of what a process says, which is kept, so that no other has it.
    _done: dict[int, list[tuple[Mapping[str, Any], Requirements, Carried]]] = field(default_factory=dict)

    def process(
        self, process: Process, outer: Requirements, *, shared: frozenset[str] = frozenset(), deep: int = 0
    ) -> Carried:
        """What a tool or workflow is here."""
        for _, requirements, carried in self._done.get(id(process.said), ()):
            if requirements == outer:
                return carried
        if deep > _DEEPEST:
            why = f"they are more than {_DEEPEST} workflows deep, or within themselves"
            raise WorkflowInvalid(f"{process.path}: {why}", problems=(why,))
        if self._names is None:
            self._names = Names(self.losses)
        name = self._names.fresh(process.name)
        if (whole := self._as_kept(process, name, outer, deep)) is not None:
            return self._kept(process, outer, name, whole)
        requirements = outer.within(process.said, self.losses, at=name)
        if process.said.get("class") == "Workflow":
            carried = self._workflow(process, name, requirements, shared, deep)
        else:
            made = carry_tool(process, name, requirements, self.losses)
            assert isinstance(made.stage, Stage)
            carried = Carried(kept(self.handed, made.stage, self.losses, at=name), made.given, made.outputs)
        return self._kept(process, outer, name, carried)

    def _as_kept(self, process: Process, name: str, outer: Requirements, deep: int) -> Carried | None:
        """What a process was when this library wrote it, where it says so."""
        if process.said.get("class") == "Workflow":
            whole = kept_workflow(process.said, self.losses, at=name)
            return None if whole is None else carried_as(self._put_in(whole, process, outer, deep))
        own = kept_stage(process.said, self.losses, at=name)
        return None if own is None else carried_as(kept(self.handed, own, self.losses, at=name))

    def _kept(self, process: Process, outer: Requirements, name: str, carried: Carried) -> Carried:
        """What a process became, for when it is asked for again."""
        if isinstance(carried.stage, Stage):
            self.stages[name] = carried.stage
        self._done.setdefault(id(process.said), []).append((process.said, outer, carried))
        return carried

    def _workflow(
        self, process: Process, name: str, requirements: Requirements, shared: frozenset[str], deep: int
    ) -> Carried:
        said = process.said
        self.losses.unknown(said, _KNOWN, at=name)
        given = given_of(process, Names(self.losses, taken=RESERVED), self.losses, at=name, shared=shared)
        whole = _Whole(process, name, given)
        names = Names(self.losses, taken=frozenset())
        described = [each for each in listed(said.get("steps"), key="id") if isinstance(each, Mapping)]
        for each in described:
            there = last(each.get("id"))
            at = f"{name}.steps.{there}"
            whole.steps[there] = names.of(there, at=at)
            self.losses.unknown(each, _STEP, at=at)
            inner = requirements.within(each, self.losses, at=at)
            whole.carried[there] = self.process(self.library.within(process, each.get("run")), inner, deep=deep + 1)
        steps = {whole.steps[last(each.get("id"))]: self._step(each, whole) for each in described}
        outputs, called = self._outputs(said, whole)
        made = Workflow(
            name=name,
            steps=steps,
            inputs={each.name: each.port for each in given.values() if each.port is not None},
            parameters={each.name: each.parameter for each in given.values() if each.parameter is not None},
            outputs=outputs,
            about=about_of(said),
        )
        return Carried(made, given, called)

    def _put_in(self, own: Workflow, process: Process, requirements: Requirements, deep: int) -> Workflow:
        """A workflow that was kept, with what its steps are."""
        steps = dict(own.steps)
        for each in listed(process.said.get("steps"), key="id"):
            inner = self.process(self.library.within(process, each["run"]), requirements, deep=deep + 1)
            steps[last(each["id"])] = replace(own.steps[last(each["id"])], stage=inner.stage)
        return replace(own, steps=steps)

    def _outputs(self, said: Mapping[str, Any], whole: _Whole) -> tuple[dict[str, str], dict[str, str]]:
        names = Names(self.losses, taken=frozenset())
        found: dict[str, str] = {}
        called: dict[str, str] = {}
        for each in listed(said.get("outputs"), key="id", value="type"):
            there = last(each.get("id"))
            at = f"{whole.at}.outputs.{there}"
            known = ("id", "type", "label", "doc", "outputSource", "format", "secondaryFiles", "streamable")
            self.losses.unknown(each, known, at=at)
            several = each.get("outputSource")
            texts = several if isinstance(several, list) else [several]
            try:
                if len(texts) != 1:
                    raise ValueError("a result comes from one source here")
                source = self._source(texts[0], whole)
                if isinstance(source, Setting):
                    raise ValueError("a result is files here")
                called[there] = names.of(there, at=at)
                found[called[there]] = source
            except ValueError as error:
                self.losses.add(at, several, str(error))
        return found, called

    # -- steps

    def _step(self, said: Mapping[str, Any], whole: _Whole) -> Step:
        there = last(said.get("id"))
        at, carried, before = f"{whole.at}.steps.{there}", whole.carried[there], self.losses.stopped
        inputs: dict[str, str | tuple[str, ...] | First] = {}
        parameters: dict[str, Any] = {}
        settings: dict[str, Setting] = {}
        for each in listed(said.get("in"), key="id", value="source"):
            self._bind(each, carried, whole, f"{at}.in.{last(each.get('id'))}", inputs, parameters, settings)
        when = self._when(said.get("when"), settings, at=f"{at}.when")
        scatter = self._scatter(said, carried, at)
        stage = carried.stage
        if self.losses.stopped > before:
            told = "it would do something else than there, and so does nothing"
            self.losses.add(at, f"what is done by {stage.name}", told)
            stage = self._hollow(whole.steps[there], carried)
        crossed = said.get("scatterMethod") == "flat_crossproduct"
        return Step(stage, inputs, parameters=parameters, scatter=scatter, crossed=crossed, when=when)

    def _hollow(self, name: str, carried: Carried) -> Stage:
        """A stage with the inputs and outputs of what could not be carried as it is."""
        stage = carried.stage
        assert self._names is not None
        outputs = {each: Output(each) for each in stage.outputs} if isinstance(stage, Workflow) else stage.outputs
        made = hollow(
            self._names.fresh(f"{name}_step"), inputs=stage.inputs, outputs=outputs, parameters=stage.parameters
        )
        self.stages[made.name] = kept(self.handed, made, self.losses, at=name)
        return self.stages[made.name]

    def _bind(
        self,
        said: Mapping[str, Any],
        carried: Carried,
        whole: _Whole,
        at: str,
        inputs: dict[str, str | tuple[str, ...] | First],
        parameters: dict[str, Any],
        settings: dict[str, Setting],
    ) -> None:
        self.losses.unknown(said, _IN, at=at)
        there = last(said.get("id"))
        try:
            sources = [self._source(each, whole) for each in _several(said.get("source"))]
        except ValueError as error:
            self.losses.stop(at, said.get("source"), str(error))
            return
        if len(sources) == 1 and isinstance(sources[0], Setting):
            settings[there] = sources[0]
        target = carried.given.get(there)
        try:
            if target is None:
                if "valueFrom" in said or there not in settings:
                    self.losses.add(at, dict(said), "what is run has no such input that was carried")
            elif target.port is not None:
                if (bound := self._files(said, sources)) is not None:
                    inputs[target.name] = bound
            else:
                self._value(said, sources, target, parameters, at)
        except ValueError as error:
            self.losses.stop(at, dict(said), str(error))

    def _files(self, said: Mapping[str, Any], sources: list[str | Setting]) -> str | tuple[str, ...] | First | None:
        texts = [each for each in sources if isinstance(each, str)]
        if said.get("valueFrom") is not None or said.get("default") is not None or len(texts) < len(sources):
            raise ValueError("a file comes from an input, or from a step")
        pick = said.get("pickValue")
        if not texts:
            return None
        if pick == "first_non_null":
            return First(*texts)
        if pick not in (None, "all_non_null"):
            raise ValueError(f"{pick} cannot be said")
        if said.get("linkMerge") not in (None, "merge_flattened") and len(texts) > 1:
            return tuple(texts)
        return texts[0] if len(texts) == 1 else tuple(texts)

    def _value(
        self, said: Mapping[str, Any], sources: list[str | Setting], target: Given, made: dict[str, Any], at: str
    ) -> None:
        value = said.get("valueFrom", said.get("default"))
        if "valueFrom" in said:
            parts = parts_of(str(value))
            value = "".join(map(str, parts))
            if any(isinstance(part, Reference) for part in parts) or target.kind.of != "str" or target.kind.many:
                raise ValueError("a value is given, or is one of the workflow's")
            sources = []
        if len(sources) > 1 or (sources and not isinstance(sources[0], Setting)):
            raise ValueError("a value is given, or is one of the workflow's")
        if sources:
            if value is not None:
                self.losses.add(f"{at}.default", value, "the workflow's own value is taken, with its own default")
            made[target.name] = sources[0]
        elif value is not None:
            made[target.name] = value

    def _source(self, given: object, whole: _Whole) -> str | Setting:
        """What a source is: files, or a setting.  Raises ``ValueError``."""
        text = str(given).rsplit("#", 1)[-1]
        own = str(whole.process.said.get("id", "")).rsplit("#", 1)[-1]
        if own and text.startswith(f"{own}/"):
            text = text.removeprefix(f"{own}/")
        step, slash, name = text.partition("/")
        if not slash:
            found = whole.given.get(text)
            if found is None:
                raise ValueError(f"there is no input {text} that was carried")
            return found.name if found.port is not None else Setting(found.name)
        if step not in whole.carried:
            raise ValueError(f"there is no step {step}")
        output = whole.carried[step].outputs.get(name)
        if output is None:
            raise ValueError(f"what {step} makes as {name} was not carried")
        return f"{whole.steps[step]}.{output}"

    def _scatter(self, said: Mapping[str, Any], carried: Carried, at: str) -> tuple[str, ...]:
        names = [last(each) for each in _several(said.get("scatter"))]
        if names and not isinstance(carried.stage, Stage):
            self.losses.stop(f"{at}.scatter", names, "a workflow within a workflow is done once")
            return ()
        if said.get("scatterMethod") == "nested_crossproduct":
            self.losses.stop(f"{at}.scatterMethod", "nested_crossproduct", "what comes out is one list here")
        found = [carried.given[name].name for name in names if name in carried.given]
        if len(found) < len(names):
            self.losses.stop(f"{at}.scatter", names, "what is run has no such input that was carried")
        return tuple(found)

    def _when(self, given: object, settings: Mapping[str, Setting], *, at: str) -> str | None:
        if given is None:
            return None
        try:
            match parts_of(str(given)):
                case (Reference(path=("inputs", name)),) if name in settings:
                    return settings[name].name
                case _:
                    raise ValueError("it is no value of the workflow")
        except ValueError as error:
            self.losses.stop(at, given, str(error))
            return None


def _several(given: object) -> list[object]:
    return [] if given is None else [*given] if isinstance(given, list) else [given]
