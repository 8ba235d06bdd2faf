"""What has to be there for a stage to run: programs and their versions, a container or conda environment, variables."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING

from .frozen import Frozen, nothing

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Environment", "Tool", "Version"]

_CONDITION = re.compile(r"(>=|<=|==|!=|>|<)\s*(\d[\w.+-]*)")
_NUMBERS = re.compile(r"\d+(?:\.\d+)*")


@dataclass(frozen=True, order=False)
class Version:
    """What a program says its version is: of ``0.7.17-r1188`` the numbers before anything else are compared."""

    text: str

    @property
    def numbers(self) -> tuple[int, ...]:
        """Its numbers.  Raises ``ValueError`` where there are none."""
        match = _NUMBERS.search(self.text)
        if match is None:
            raise ValueError(f"{self.text!r} is no version: it has no number")
        return tuple(map(int, match[0].split(".")))

    def fits(self, conditions: str) -> bool:
        """Whether it fulfils them all: ``">=1.10, <2"``; none are always fulfilled.  Raises ``ValueError``."""
        return all(_holds(self.numbers, sign, Version(other).numbers) for sign, other in conditions_in(conditions))


def _is_text(value: object) -> bool:
    """Whether a value of a document is what it should be."""
    return isinstance(value, str)


def conditions_in(text: str) -> tuple[tuple[str, str], ...]:
    """The conditions on a version in a text: signs and versions.  Raises ``ValueError``."""
    found = []
    for each in filter(None, map(str.strip, text.split(","))):
        match = _CONDITION.fullmatch(each)
        if match is None:
            raise ValueError(f"{each!r} is no condition on a version: write one as '>=1.10'")
        found.append((match[1], match[2]))
    return tuple(found)


def _holds(one: tuple[int, ...], sign: str, other: tuple[int, ...]) -> bool:
    pairs = list(zip_longest(one, other, fillvalue=0))
    left, right = tuple(a for a, _ in pairs), tuple(b for _, b in pairs)
    return {
        ">=": left >= right,
        "<=": left <= right,
        "==": left == right,
        "!=": left != right,
        ">": left > right,
        "<": left < right,
    }[sign]


@dataclass(frozen=True)
class Tool:
    """A program on PATH.

    ``versions``: conditions, as ``">=1.10, <2"``.  ``asks``: the arguments after which it tells its version.  ``says``:
    what to look for in its answer, a regular expression whose first group is the version; by default the first thing in
    it that looks like one.
    """

    name: str
    versions: str = ""
    asks: tuple[str, ...] | str = field(default=("--version",), kw_only=True)
    says: str = field(default=r"(\d+(?:\.\d+)+\S*)", kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "asks", (self.asks,) if isinstance(self.asks, str) else tuple(self.asks))
        if not self.name or re.search(r"[\s\0]", self.name):
            raise ValueError(f"{self.name!r} is no program")
        conditions_in(self.versions)
        try:
            groups = re.compile(self.says).groups
        except re.error as error:
            raise ValueError(f"{self.says!r} is no regular expression: {error}") from None
        if groups < 1:
            raise ValueError(f"{self.says!r} has no group, which would be the version")


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Where a stage runs.

    ``tools``: programs that have to be there.  ``container``: an image's name, with its digest if it has to be the same
    for ever.  ``conda``: an environment's name or file.  ``variables``: what is set beside what a task has anyway.
    """

    tools: tuple[Tool, ...] = ()
    container: str | None = None
    conda: str | None = None
    variables: Mapping[str, str] = field(default_factory=nothing)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tools", tuple(self.tools))
        variables = dict(self.variables)
        for name, value in variables.items():
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                raise ValueError(f"{name!r} is no name of a variable")
            if not _is_text(value) or "\0" in value:
                raise ValueError(f"the variable {name} is {value!r}, which is no text that a program could be given")
        object.__setattr__(self, "variables", Frozen(variables))
        if self.container is not None and self.conda is not None:
            raise ValueError("a container and a conda environment: a stage runs in one of them")
