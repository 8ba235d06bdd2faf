"""Stages: one step of work, with all that has to be known of it before it is done."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .environments import Environment
from .expressions import RESERVED
from .frozen import Frozen, nothing
from .policies import Instead, Reduce, Retry, Rule
from .problems import Problems, named
from .resources import Resources
from .templates import Template, fields_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from holotype.validators import Threshold

    from .parameters import Parameter
    from .ports import Input, Output

__all__ = ["Stage", "TAKEN"]

# What every command may ask for; in the names of outputs what is known before the task is placed.
_GIVEN = ("sample", "run", "stage", "attempt", "cpus", "memory", "gpus", "scratch")
_GIVEN_PATHS = ("sample", "run", "stage", "element")
# They mean something else where names of inputs and parameters stand.
TAKEN = frozenset({*_GIVEN, "element", "input_size", "files", "size", "self", *RESERVED})
"""Names that no input, output or parameter of a stage can have."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of work.

    ``command``: a template, see ``templates``; or else ``call``: a function at a module's top, which is given inputs
    and outputs by their names, as ``Path`` (a list where there are many), and parameters, in a process of its own.
    ``errors``: the first rule that fits is followed; where none does, the sample is stopped.  ``thresholds``: of
    metrics of its outputs; beyond them it has failed for ``quality``.  ``version``: changed when what it does changes
    though its command does not.

    Raises ``WorkflowInvalid`` that says all that is wrong.
    """

    name: str
    command: str | tuple[str, ...] | None = None
    call: Callable[..., object] | None = None
    inputs: Mapping[str, Input] = field(default_factory=nothing)
    outputs: Mapping[str, Output] = field(default_factory=nothing)
    parameters: Mapping[str, Parameter] = field(default_factory=nothing)
    resources: Resources = field(default_factory=Resources)
    environment: Environment = field(default_factory=Environment)
    errors: tuple[Rule, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    version: str = "1"
    about: str = ""

    def __post_init__(self) -> None:
        for name in ("inputs", "outputs", "parameters"):
            object.__setattr__(self, name, Frozen(getattr(self, name)))
        object.__setattr__(self, "errors", tuple(self.errors))
        object.__setattr__(self, "thresholds", tuple(self.thresholds))
        if self.command is not None and not isinstance(self.command, str):
            object.__setattr__(self, "command", tuple(self.command))
        problems = Problems(f"the stage {self.name}")
        if problem := named(self.name, "a stage"):
            problems.add(problem)
        self._check_names(problems)
        self._check_work(problems)
        self._check_paths(problems)
        self._check_rules(problems)
        for name in sorted(self.resources.names - self.parameters.keys()):
            problems.add(f"{name} is no parameter", at="resources")
        for name in sorted(name for name, port in self.inputs.items() if port.thresholds):
            problems.add("what a stage makes is held to its own thresholds", at=f"inputs.{name}.thresholds")
        for name in sorted(self.resources.inputs - self.inputs.keys()):
            problems.add(f"{name} is no input", at="resources")
        problems.raise_any()

    @cached_property
    def template(self) -> Template | None:
        """Its command; ``None`` for a function."""
        return None if self.command is None else Template(self.command)

    def _check_names(self, problems: Problems) -> None:
        kinds = (("inputs", "an input"), ("outputs", "an output"), ("parameters", "a parameter"))
        seen: dict[str, str] = {}
        for kind, what in kinds:
            for name in getattr(self, kind):
                if problem := named(name, what):
                    problems.add(problem, at=kind)
                elif name in TAKEN:
                    problems.add(f"{name} means something else already", at=kind)
                elif name in seen:
                    problems.add(f"{name} is there in {seen[name]} too", at=kind)
                seen.setdefault(name, kind)

    def _check_work(self, problems: Problems) -> None:
        if (self.command is None) == (self.call is None):
            problems.add("it has a command, or a function to call")
        if self.command is not None:
            with problems.catching(at="command"):
                known = {*self.inputs, *self.outputs, *self.parameters, *_GIVEN}
                for field_ in Template(self.command).fields:
                    if field_.name not in known:
                        problems.add(f"{{{field_.name}}} is no input, output or parameter", at="command")
        if self.call is not None:
            _check_call(self.call, {*self.inputs, *self.outputs, *self.parameters}, problems)

    def _check_paths(self, problems: Problems) -> None:
        seen: dict[str, str] = {}
        for name, output in self.outputs.items():
            with problems.catching(at=f"outputs.{name}"):
                for each in sorted(fields_of([output.path]) - {*self.parameters, *_GIVEN_PATHS}):
                    problems.add(
                        f"{{{each}}} is no parameter, and none of {', '.join(_GIVEN_PATHS)}", at=f"outputs.{name}"
                    )
            if output.path in seen:
                problems.add(f"it is the file that {seen[output.path]} is too", at=f"outputs.{name}")
            seen.setdefault(output.path, name)

    def _check_rules(self, problems: Problems) -> None:
        for number, rule in enumerate(self.errors):
            at = f"errors.{number}"
            match rule.do:
                case Reduce(dropping=str(name)):
                    if name not in self.inputs or not self.inputs[name].optional:
                        problems.add(f"{name} is no optional input, so it cannot be dropped", at=at)
                case Instead(stage=None, parameters=parameters) | Reduce(parameters=parameters):
                    self._check_parameters(parameters, problems, at=at)
                case Instead(stage=Stage() as other, parameters=parameters):
                    if missing := sorted(self.outputs.keys() - other.outputs.keys()):
                        problems.add(f"{other.name} does not make {', '.join(missing)}", at=at)
                    if more := sorted(
                        name for name in other.inputs.keys() - self.inputs.keys() if not other.inputs[name].optional
                    ):
                        problems.add(f"{other.name} needs {', '.join(more)}, which is not here", at=at)
                    other._check_parameters(parameters, problems, at=at)
                case Retry() if any(
                    earlier.when == rule.when and isinstance(earlier.do, Retry) for earlier in self.errors[:number]
                ):
                    problems.add("what it is for is retried by a rule before it", at=at)
                case _:
                    pass

    def _check_parameters(self, given: Mapping[str, Any], problems: Problems, *, at: str) -> None:
        for name, value in given.items():
            if name not in self.parameters:
                problems.add(f"{name} is no parameter of {self.name}", at=at)
                continue
            with problems.catching(at=f"{at}.{name}"):
                self.parameters[name].taken(value)


def _check_call(call: Callable[..., object], known: set[str], problems: Problems) -> None:
    module, name = getattr(call, "__module__", None), getattr(call, "__qualname__", "")
    if module is None or not name.isidentifier():
        problems.add(f"{name or call!r} is not at the top of a module, where another process would find it", at="call")
    try:
        signature = inspect.signature(call)
    except (TypeError, ValueError):
        problems.add(f"nobody knows what {name or call!r} takes", at="call")
        return
    try:
        signature.bind(**dict.fromkeys(known))
    except TypeError as error:
        problems.add(f"it cannot be given inputs, outputs and parameters by name: {error}", at="call")
