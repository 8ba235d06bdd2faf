"""What a stage needs, as requirements of CWL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...declaring.resources import Load
from .javascript import expressed

if TYPE_CHECKING:
    from ...declaring.environments import Tool
    from ...declaring.stages import Stage
    from ..imported import Losses

__all__ = ["Requiring"]

_MIB = 1 << 20
# Loads between which an amount that depends on anything differs.
_LOADS = (Load(), Load(input_size=1 << 33, files=7), Load(input_size=1 << 34, files=12, attempt=5))


class Requiring:
    """Writes what a stage requires; ``javascript``: whether functions of the library are used in it."""

    def __init__(self, stage: Stage, losses: Losses, at: str) -> None:
        self._stage, self._losses, self._at = stage, losses, at
        self.javascript = False

    def requirements(self) -> list[dict[str, Any]]:
        """The requirements, in the order of their names."""
        environment, found = self._stage.environment, list[dict[str, Any]]()
        if environment.container is not None:
            found.append({"class": "DockerRequirement", "dockerPull": environment.container})
        if environment.variables:
            pairs = [
                {"envName": name, "envValue": value.replace("\\", "\\\\").replace("$(", "\\$(").replace("${", "\\${")}
                for name, value in environment.variables.items()
            ]
            found.append({"class": "EnvVarRequirement", "envDef": pairs})
        amounts: dict[str, Any] = {}
        for name, there, unit in (("cpus", "coresMin", 1), ("memory", "ramMin", _MIB), ("disk", "outdirMin", _MIB)):
            amount = self._amount(name, unit)
            if amount not in (None, 0):
                amounts[there] = amount
        if amounts:
            found.append({"class": "ResourceRequirement", **amounts})
        if self._stage.resources.time is not None and (time := self._amount("time", 1)) is not None:
            found.append({"class": "ToolTimeLimit", "timelimit": time})
        self._tell()
        return found

    def hints(self) -> list[dict[str, Any]]:
        """The programs that have to be there."""
        tools = self._stage.environment.tools
        if not tools or self._stage.command is None:
            return []
        return [{"class": "SoftwareRequirement", "packages": [self._package(tool) for tool in tools]}]

    def _package(self, tool: Tool) -> dict[str, Any]:
        version = tool.versions.removeprefix("==").strip()
        if tool.versions.startswith("==") and "," not in version:
            return {"package": tool.name, "version": [version]}
        if tool.versions:
            told = "CWL names versions, and no range of them: it is kept for this library"
            self._losses.add(f"{self._at}.environment.tools.{tool.name}", tool.versions, told)
        return {"package": tool.name}

    def _amount(self, name: str, unit: int) -> int | str | None:
        """An amount in a unit, rounded up: a number, or where it depends on the input, JavaScript."""
        given = getattr(self._stage.resources, name)
        if callable(given):
            return None  # told where the document is written
        if not self._stage.resources.names:
            found = {getattr(self._stage.resources.needs(load), name) for load in _LOADS}
            if len(found) == 1:
                return int(-(-found.pop() // unit))
        try:
            value = expressed(str(given), self._name)
        except ValueError as error:
            self._losses.add(f"{self._at}.resources.{name}", given, f"it is kept for this library: {error}")
            return None
        self.javascript = True
        least = 1 if name == "cpus" else 0
        return f"$(Math.max({least}, Math.ceil({value} / {unit})))"

    def _name(self, name: str) -> str:
        files = ", ".join(f"inputs.{each}" for each in self._stage.inputs)
        if name == "input_size":
            return f"total([{files}])"
        if name == "files":
            return f"many([{files}])"
        if name == "attempt":
            told = "nobody there knows how often it was tried: it is what the first attempt gets"
            self._losses.add(f"{self._at}.resources", "attempt", told)
            return "1"
        return f"inputs.{name}"

    def _tell(self) -> None:
        resources, kept = self._stage.resources, "CWL has nothing like it: it is kept for this library"
        if resources.gpus not in (0, 0.0):
            self._losses.add(f"{self._at}.resources.gpus", resources.gpus, kept)
        for name in ("licences", "instruments"):
            if given := getattr(resources, name):
                self._losses.add(f"{self._at}.resources.{name}", dict(given), kept)
        if self._stage.environment.conda is not None:
            self._losses.add(f"{self._at}.environment.conda", self._stage.environment.conda, kept)
