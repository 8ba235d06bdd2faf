"""Laying a workflow out: workflows within it are opened, names become nodes, and what does not fit is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from ..declaring.expressions import Expression
from ..declaring.frozen import Frozen
from ..declaring.stages import Stage
from ..declaring.steps import First, Per, Setting, Step
from . import codes
from .graph import Bound, Graph, Node, Source, Taken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from holotype.validators import Code

    from ..declaring.parameters import Parameter
    from ..declaring.ports import Input
    from ..workflow import Workflow

    Tell = Callable[[Code, str, str], None]

__all__ = ["lay_out", "taken_by"]


def lay_out(workflow: Workflow, tell: Tell) -> Graph:
    """The graph of a workflow; ``tell`` is called with each rule that is broken, what is wrong, and where.

    What does not fit is left out, so that what is left can be looked at as well.
    """
    outside = {name: Bound((Source(None, name),)) for name in workflow.inputs}
    settings: dict[str, Any] = {name: Setting(name) for name in workflow.parameters}
    level = _Level(workflow, "", outside, settings, (), workflow.parameters, tell)
    level.open()
    for name in sorted(workflow.inputs.keys() - level.used):
        tell(codes.INPUT_UNUSED, f"nothing takes the input {name}", f"inputs.{name}")
    for name in sorted(workflow.parameters.keys() - level.spoken_of):
        tell(codes.PARAMETER_UNUSED, f"nothing is set by the parameter {name}", f"parameters.{name}")
    outputs = {name: bound for name in workflow.outputs if (bound := level.outputs.get(name)) is not None}
    return Graph(name=workflow.name, inputs=workflow.inputs, nodes=Frozen(level.nodes), outputs=Frozen(outputs))


@dataclass
class _Level:
    """One workflow, as it stands within others.

    ``outside``: what its inputs are bound to; ``settings``: what its parameters are, values or settings of the whole.
    ``whole``: the parameters of the workflow that is laid out, with all others within it.
    """

    workflow: Workflow
    prefix: str
    outside: Mapping[str, Bound]
    settings: Mapping[str, Any]
    taken: tuple[Taken, ...]
    whole: Mapping[str, Parameter]
    tell: Tell
    nodes: dict[str, Node] = field(default_factory=dict)
    outputs: dict[str, Bound] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    spoken_of: set[str] = field(default_factory=set)
    # What each step has made so far, its outputs by their names.
    _made: dict[str, Mapping[str, Bound]] = field(default_factory=dict)

    def open(self) -> None:
        """Lay out every step of it, each after those that it takes something from."""
        for name in self._order():
            step, at = self.workflow.steps[name], f"{self.prefix}steps.{name}"
            lay = self._stage if isinstance(step.stage, Stage) else self._workflow
            self._made[name] = lay(name, step, at)
        for name, source in self.workflow.outputs.items():
            bound = self._source(source, at=f"{self.prefix}outputs.{name}")
            if bound is not None:
                self.outputs[name] = bound

    def _order(self) -> list[str]:
        steps = self.workflow.steps
        needs = {
            name: {text.partition(".")[0] for each in step.inputs for text in _texts(step, each) if "." in text}
            & steps.keys()
            for name, step in steps.items()
        }
        while True:
            try:
                return [*TopologicalSorter(needs).static_order()]
            except CycleError as error:
                cycle: list[str] = error.args[1]
                self.tell(
                    codes.CYCLE,
                    f"each needs what the one before it makes: {' → '.join(cycle)}",
                    f"{self.prefix}steps.{cycle[-1]}",
                )
                needs[cycle[-1]].discard(cycle[-2])  # so that others are found as well

    def _stage(self, name: str, step: Step, at: str) -> Mapping[str, Bound]:
        assert isinstance(step.stage, Stage)
        here = self.prefix + name
        self.nodes[here] = Node(
            name=here,
            stage=step.stage,
            inputs=Frozen(self._bound(step, step.stage.inputs, at=at)),
            parameters=Frozen(self._values(step, step.stage.parameters, at=at)),
            scatter=self._scattered(step, step.stage, at=at),
            crossed=step.crossed,
            taken=self._conditions(step, at=at),
            per=None if step.per is None else Per(step.per),
        )
        return {output: Bound((Source(here, output),)) for output in step.stage.outputs}

    def _workflow(self, name: str, step: Step, at: str) -> Mapping[str, Bound]:
        assert not isinstance(step.stage, Stage)
        if step.scatter or step.per is not None:
            what = f"the workflow {step.stage.name} is taken as it is, neither scattered nor per run"
            self.tell(codes.WITHIN, what, at)
        level = _Level(
            step.stage,
            f"{self.prefix}{name}/",
            self._bound(step, step.stage.inputs, at=at),
            self._values(step, step.stage.parameters, at=at),
            self._conditions(step, at=at),
            self.whole,
            self.tell,
        )
        level.open()
        self.nodes |= level.nodes
        return level.outputs

    def _bound(self, step: Step, inputs: Mapping[str, Input], *, at: str) -> dict[str, Bound]:
        for name in sorted(step.inputs.keys() - inputs.keys()):
            self.tell(codes.INPUT_UNKNOWN, f"{step.stage.name} has no input {name}", f"{at}.inputs.{name}")
        found: dict[str, Bound] = {}
        for name, wanted in inputs.items():
            texts = _texts(step, name)
            parts = [self._source(text, at=f"{at}.inputs.{name}") for text in texts]
            known = tuple(part for part in parts if part is not None)
            if known:
                found[name] = known[0] if len(known) == 1 else Bound(known, first=isinstance(step.inputs[name], First))
            elif not texts and not wanted.optional:
                self.tell(codes.INPUT_MISSING, f"{step.stage.name} needs {name}, which comes from nowhere", at)
        return found

    def _source(self, text: str, *, at: str) -> Bound | None:
        step, dot, output = text.partition(".")
        if not dot:
            if text in self.workflow.inputs:
                self.used.add(text)
                return self.outside.get(text)
            what = f"{text} is no input of {self.workflow.name}"
            there = sorted(self.workflow.inputs)
        elif step not in self.workflow.steps:
            what, there = f"there is no step {step}", sorted(self.workflow.steps)
        else:
            stage = self.workflow.steps[step].stage
            if output in stage.outputs:
                return self._made.get(step, {}).get(output)  # if it is not there, why was told
            what, there = f"{step} makes no {output}", sorted(stage.outputs)
        self.tell(codes.SOURCE_UNKNOWN, f"{what}: there is {', '.join(there) or 'none'}", at)
        return None

    def _values(self, step: Step, parameters: Mapping[str, Parameter], *, at: str) -> dict[str, Any]:
        """A value, or a setting of the whole workflow, for each parameter; one that is scattered has a list of them."""
        for name in sorted(step.parameters.keys() - parameters.keys()):
            self.tell(codes.PARAMETER_UNKNOWN, f"{step.stage.name} has no parameter {name}", f"{at}.parameters.{name}")
        found: dict[str, Any] = {}
        for name, parameter in parameters.items():
            here = f"{at}.parameters.{name}"
            if name not in step.parameters:
                if parameter.required:
                    self.tell(codes.PARAMETER_MISSING, f"{step.stage.name} needs a value of {name}", at)
                else:
                    found[name] = parameter.default
                continue
            given = step.parameters[name]
            if isinstance(given, Setting):
                self.spoken_of.add(given.name)
                if given.name not in self.settings:
                    self.tell(codes.PARAMETER_UNKNOWN, f"{self.workflow.name} has no parameter {given.name}", here)
                    continue
                given = self.settings[given.name]
            if isinstance(given, Setting):
                self._hold(parameter, given, scattered=name in step.scatter, at=here)
                found[name] = given
                continue
            try:
                found[name] = taken_by(parameter, given, scattered=name in step.scatter)
            except ValueError as error:
                self.tell(codes.PARAMETER_INVALID, f"{name} of {step.stage.name}: {error}", here)
        return found

    def _hold(self, parameter: Parameter, setting: Setting, *, scattered: bool, at: str) -> None:
        """Hold a parameter of the whole workflow against the one of a stage that it sets."""
        given = self.whole[setting.name]
        if given.many != (parameter.many or scattered):
            what = "a list" if given.many else "one value"
            self.tell(codes.PARAMETER_INVALID, f"{setting.name} is {what}, which does not fit here", at)
        elif given.kind != parameter.kind and (given.kind, parameter.kind) != ("int", "float"):
            what = f"{setting.name} is of the kind {given.kind}, and {parameter.kind} is taken here"
            self.tell(codes.PARAMETER_INVALID, what, at)

    def _scattered(self, step: Step, stage: Stage, *, at: str) -> tuple[str, ...]:
        known = {*stage.inputs, *stage.parameters}
        for name in (name for name in step.scatter if name not in known):
            self.tell(codes.SCATTER, f"{stage.name} has no input and no parameter {name}", f"{at}.scatter")
        return tuple(name for name in step.scatter if name in known)

    def _conditions(self, step: Step, *, at: str) -> tuple[Taken, ...]:
        if step.when is None:
            return self.taken
        when = Expression(step.when)
        known = {name: self.settings[name] for name in when.names & self.settings.keys()}
        self.spoken_of |= known.keys()
        for name in sorted(when.names - self.workflow.parameters.keys() - {"sample"}):
            self.tell(
                codes.WHEN, f"{when} speaks of {name}, which is no parameter of {self.workflow.name}", f"{at}.when"
            )
        return (*self.taken, Taken(when, Frozen(known)))


def _texts(step: Step, name: str) -> tuple[str, ...]:
    """The sources of an input; none, if it comes from nowhere."""
    given = step.inputs.get(name, ())
    return given.sources if isinstance(given, First) else (given,) if isinstance(given, str) else given


def taken_by(parameter: Parameter, given: object, *, scattered: bool) -> Any:
    """The value, or the several, that a step's parameter gets.  Raises ``ValueError``."""
    if not scattered:
        return parameter.taken(given)
    if not isinstance(given, list | tuple):
        raise ValueError(f"{given!r} is no list, of which one at a time could be taken")
    return tuple(parameter.taken(each) for each in given)
