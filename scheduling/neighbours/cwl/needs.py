"""Requirements of CWL: what a tool needs, and where it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...declaring.environments import Environment, Tool
from ...declaring.resources import Resources
from .loading import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..imported import Losses

__all__ = ["NAMESPACE", "Requirements", "environment_of", "resources_of"]

NAMESPACE = "urn:holotype:cwl:"
"""What is said in documents for this library only begins with it."""

# What has no effect but to allow what is understood here anyway.
_ALLOWING = {
    "InlineJavascriptRequirement",
    "StepInputExpressionRequirement",
    "ScatterFeatureRequirement",
    "SubworkflowFeatureRequirement",
    "MultipleInputFeatureRequirement",
}
# Without them a command does the same here, where nothing is kept from it.
_HARMLESS = {"NetworkAccess", "WorkReuse", "LoadListingRequirement"}
_UNDERSTOOD = {
    "DockerRequirement",
    "EnvVarRequirement",
    "ResourceRequirement",
    "ShellCommandRequirement",
    "SoftwareRequirement",
    "ToolTimeLimit",
}
_MIB = 1 << 20


@dataclass(frozen=True)
class Requirements:
    """What holds for a process, by class: its own, before those of what it is within, before hints.

    ``broken``: whether something is required that nothing here is like.
    """

    said: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    hinted: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    broken: bool = False

    def of(self, name: str) -> Mapping[str, Any] | None:
        """The requirement of a class, or the hint."""
        return self.said.get(name, self.hinted.get(name))

    def within(self, process: Mapping[str, Any], losses: Losses, *, at: str) -> Requirements:
        """Those of a process, or a step, that stands within what these are of; told of are those not understood."""
        said, hinted, before = dict(self.said), dict(self.hinted), losses.stopped
        for key, into in (("requirements", said), ("hints", hinted)):
            for each in _classes(process.get(key)):
                name, where = str(each["class"]), f"{at}.{key}"
                if name in _UNDERSTOOD:
                    into[name] = each
                elif name in _ALLOWING:
                    if each.keys() - {"class"}:
                        losses.add(where, dict(each), "JavaScript is not run")
                elif name.startswith((NAMESPACE, "holotype:")):
                    continue
                elif key == "hints" or name in _HARMLESS:
                    losses.add(where, dict(each), "nothing here is like it")
                else:
                    losses.stop(where, dict(each), "it is required, and nothing here is like it")
        return Requirements(said, hinted, self.broken or losses.stopped > before)


def _classes(given: object) -> Iterator[Mapping[str, Any]]:
    for each in listed(given, key="class"):
        if isinstance(each, Mapping) and "class" in each:
            yield each


def resources_of(requirements: Requirements, losses: Losses, *, at: str) -> Resources:
    """What the tasks of a tool need."""
    given = requirements.of("ResourceRequirement") or {}
    known = ("class", "coresMin", "coresMax", "ramMin", "ramMax", "tmpdirMin", "tmpdirMax", "outdirMin", "outdirMax")
    losses.unknown(given, known, at=f"{at}.ResourceRequirement")
    least = {name: given[name] for name in known[1:] if name in given}
    numbers: dict[str, float] = {}
    for name, each in least.items():
        if isinstance(each, bool) or not isinstance(each, int | float) or not 0 <= each < 1 << 40:
            losses.add(f"{at}.ResourceRequirement.{name}", each, "it is no number, and JavaScript is not run")
        else:
            numbers[name] = each
    made: dict[str, Any] = {}
    for what, names in {"cores": ("cpus",), "ram": ("memory",), "tmpdir": (), "outdir": ()}.items():
        low, high = f"{what}Min", f"{what}Max"
        if high in numbers and low in numbers and numbers[high] != numbers[low]:
            losses.add(f"{at}.ResourceRequirement.{high}", numbers[high], "what is asked for here is one amount")
        if names and (low in numbers or high in numbers):
            amount = numbers.get(low, numbers.get(high, 0))
            made[names[0]] = amount if what == "cores" else int(amount * _MIB)
    room = [numbers.get(f"{what}Min", numbers.get(f"{what}Max", 0)) for what in ("tmpdir", "outdir")]
    if any(room):
        made["disk"] = int(sum(room) * _MIB)
    return Resources(**made, time=_time(requirements, losses, at=at))


def _time(requirements: Requirements, losses: Losses, *, at: str) -> float | None:
    limit = (requirements.of("ToolTimeLimit") or {}).get("timelimit", 0)
    if isinstance(limit, bool) or not isinstance(limit, int | float):
        losses.add(f"{at}.ToolTimeLimit", limit, "it is no number, and JavaScript is not run")
        return None
    return float(limit) if limit > 0 else None  # 0 means that there is none


def environment_of(requirements: Requirements, losses: Losses, *, at: str) -> Environment:
    """Where a tool runs."""
    docker = requirements.of("DockerRequirement") or {}
    losses.unknown(docker, ("class", "dockerPull"), at=f"{at}.DockerRequirement")
    container = docker.get("dockerPull")
    if docker and not isinstance(container, str):
        losses.add(f"{at}.DockerRequirement", dict(docker), "it names no image that could be had")
        container = None
    return Environment(
        tools=tuple(_tools(requirements, losses, at=f"{at}.SoftwareRequirement")),
        container=container,
        variables=dict(_variables(requirements, losses, at=f"{at}.EnvVarRequirement")),
    )


def _variables(requirements: Requirements, losses: Losses, *, at: str) -> Iterator[tuple[str, str]]:
    given = requirements.of("EnvVarRequirement") or {}
    for each in listed(given.get("envDef"), key="envName", value="envValue"):
        name, value = str(each.get("envName")), each.get("envValue")
        if not isinstance(value, str) or "$(" in value or "${" in value:
            losses.stop(f"{at}.{name}", value, "a variable is a text here, the same for all tasks")
            continue
        try:
            Environment(variables={name: value})
        except ValueError as error:
            losses.stop(f"{at}.{name}", value, str(error))
        else:
            yield name, value


def _tools(requirements: Requirements, losses: Losses, *, at: str) -> Iterator[Tool]:
    given = requirements.of("SoftwareRequirement") or {}
    for each in listed(given.get("packages"), key="package", value="specs"):
        name, versions = str(each.get("package")), each.get("version") or []
        losses.unknown(each, ("package", "version"), at=f"{at}.{name}")
        several = versions if isinstance(versions, list) else [versions]
        if len(several) > 1:
            losses.add(f"{at}.{name}", several, "here all conditions on a version hold, and no two versions can")
        try:
            yield Tool(name, f"=={several[0]}" if len(several) == 1 else "")
        except ValueError as error:
            losses.add(f"{at}.{name}", several, str(error))
            try:
                yield Tool(name)
            except ValueError:
                continue  # told above: it is no program either
