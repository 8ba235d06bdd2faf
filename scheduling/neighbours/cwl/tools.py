"""Tools of CWL as stages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from holotype.catalog import WorkflowInvalid

from ...declaring.stages import Stage
from ..imported import hollow
from ..naming import Names
from .commands import Commands
from .loading import SAID_OF_ALL
from .needs import environment_of, resources_of
from .outputs import Outputs
from .ports import Given, about_of, given_of
from .values import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...workflow import Workflow
    from ..imported import Losses
    from .loading import Process
    from .needs import Requirements

__all__ = ["Carried", "carried_as", "carry_tool"]

_KNOWN = (*SAID_OF_ALL, "baseCommand", "arguments", "stdin", "stdout", "stderr", "successCodes")


@dataclass(frozen=True)
class Carried:
    """What a process became, with what its inputs and outputs are called here, by their names there."""

    stage: Stage | Workflow
    given: Mapping[str, Given] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)


def carried_as(stage: Stage | Workflow) -> Carried:
    """What was written by this library: everything is called there what it is called here."""
    given = {
        name: Given(name, Kind("File", port.many, port.optional), port=port) for name, port in stage.inputs.items()
    }
    given |= {name: Given(name, Kind(each.kind, each.many), parameter=each) for name, each in stage.parameters.items()}
    return Carried(stage, given, {name: name for name in stage.outputs})


def carry_tool(process: Process, name: str, requirements: Requirements, losses: Losses) -> Carried:
    """The stage of a tool; without its command where that could not be carried."""
    said, before = process.said, losses.stopped
    losses.unknown(said, _KNOWN, at=name)
    if said.get("successCodes") not in (None, [], [0]):
        losses.stop(f"{name}.successCodes", said["successCodes"], "a command has succeeded with 0 only")
    names = Names(losses)
    given = given_of(process, names, losses, at=name, shared=frozenset())
    outputs = Outputs(process, given, names, losses, name)
    rest: dict[str, Any] = {
        "inputs": {each.name: each.port for each in given.values() if each.port is not None},
        "outputs": outputs.made,
        "parameters": {each.name: each.parameter for each in given.values() if each.parameter is not None},
        "resources": resources_of(requirements, losses, at=name),
        "environment": environment_of(requirements, losses, at=name),
        "about": about_of(said),
    }
    command = None
    if said.get("class") != "CommandLineTool":
        losses.stop(name, f"class: {said.get('class')}", "only command lines are carried")
    else:
        shell = requirements.of("ShellCommandRequirement") is not None
        command = Commands(said, given, outputs.named, losses, name).made(shell=shell)
        if shell and isinstance(command, str):
            told = "it is bash, which stops at the first failure, within pipes too"
            losses.add(f"{name}.requirements", "ShellCommandRequirement", told)
    stage: Stage | None = None
    if command is not None and losses.stopped == before and not requirements.broken:
        try:
            stage = Stage(name=name, command=command, **rest)
        except WorkflowInvalid as error:
            for each in error.problems:
                losses.stop(name, command, each)
    return Carried(stage or _hollow(name, rest, losses), given, outputs.names)


def _hollow(name: str, rest: dict[str, Any], losses: Losses) -> Stage:
    try:
        return hollow(name, **rest)
    except WorkflowInvalid as error:
        for each in error.problems:
            losses.add(name, "outputs", each)
        return hollow(name, **{**rest, "outputs": {}})
