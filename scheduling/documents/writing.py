"""What is declared, made into a document of plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from ..declaring.parameters import REQUIRED
from ..declaring.problems import refuse
from ..declaring.stages import Stage
from ..declaring.steps import First, Setting
from ..workflow import Workflow
from .reading import ACTIONS

if TYPE_CHECKING:
    from ..declaring.environments import Environment
    from ..declaring.policies import Rule
    from ..declaring.steps import Step

__all__ = ["written"]


def written(workflow: Workflow) -> dict[str, Any]:
    """The document of a workflow.  Raises ``WorkflowInvalid``."""
    return {"workflow": workflow.name, **_workflow(workflow)}


def _workflow(workflow: Workflow) -> dict[str, Any]:
    stages: dict[str, Stage | Workflow] = {}
    for name, step in workflow.steps.items():
        there = stages.setdefault(step.stage.name, step.stage)
        if there != step.stage:
            what = f"two differ, and both are called {step.stage.name}: a document knows them by name"
            refuse(f"the workflow {workflow.name}", [f"steps.{name}: {what}"])
    within = {name: each for name, each in stages.items() if isinstance(each, Workflow)}
    alone = {name: each for name, each in stages.items() if isinstance(each, Stage)}
    return _said(
        workflow,
        leaving=("name",),
        instead={
            "stages": {name: _stage(stage) for name, stage in alone.items()},
            "workflows": {name: _workflow(each) for name, each in within.items()},
            "steps": {name: _step(step) for name, step in workflow.steps.items()},
        },
    )


def _stage(stage: Stage) -> dict[str, Any]:
    for name in ("cpus", "memory", "disk", "gpus", "time"):
        if callable(getattr(stage.resources, name)):
            refuse(f"the stage {stage.name}", [f"resources.{name} is a function, which no document holds"])
    rest: dict[str, Any] = {}
    if stage.call is not None:
        rest["call"] = stage.call.__name__
    if stage.errors:
        rest["errors"] = [_rule(rule) for rule in stage.errors]
    if environment := _environment(stage.environment):
        rest["environment"] = environment
    return _said(stage, leaving=("name",), instead=rest)


def _environment(environment: Environment) -> dict[str, Any]:
    tools = {tool.name: _said(tool, leaving=("name",)) for tool in environment.tools}
    return _said(environment, instead={"tools": tools})


def _rule(rule: Rule) -> dict[str, Any]:
    (name,) = (name for name, kind in ACTIONS.items() if isinstance(rule.do, kind))
    other = getattr(rule.do, "stage", None)
    said = _said(rule.do, instead={} if other is None else {"stage": {"name": other.name, **_stage(other)}})
    return {"when": _plain(rule.when), "do": name, **said}


def _step(step: Step) -> dict[str, Any]:
    inputs = {
        name: {"first": list(each.sources)}
        if isinstance(each, First)
        else each
        if isinstance(each, str)
        else list(each)
        for name, each in step.inputs.items()
    }
    parameters = {
        name: {"setting": each.name} if isinstance(each, Setting) else _plain(each)
        for name, each in step.parameters.items()
    }
    return {
        "stage": step.stage.name,
        **_said(step, leaving=("stage",), instead={"inputs": inputs, "parameters": parameters}),
    }


def _said(value: Any, *, leaving: tuple[str, ...] = (), instead: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A value's fields that say something, in plain values; ``instead``: those that are already."""
    plain = dict[str, Any]()
    for field in fields(value):
        said = getattr(value, field.name)
        if field.name in leaving or field.name in (instead or {}) or said is REQUIRED:
            continue
        if said != (field.default if field.default_factory is MISSING else field.default_factory()):
            plain[field.name] = _plain(said)
    return plain | {name: each for name, each in (instead or {}).items() if each not in ({}, [])}


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        return _said(value)
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
