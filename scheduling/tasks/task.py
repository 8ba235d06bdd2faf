"""Tasks: one element of a unit, with what it is given; and what became of units that are over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..declaring.frozen import Frozen, nothing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .units import Unit

__all__ = ["Made", "Task"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """``element``: which one of a scatter, from 0.  ``inputs``: paths, by the stage's inputs; none for an optional one
    that is not there.  ``parameters``: values.  ``name``: as ``call[NA12878].3``, the fourth of a scatter.
    """

    unit: Unit
    element: int | None = None
    inputs: Mapping[str, tuple[str, ...]] = field(default_factory=nothing)
    parameters: Mapping[str, Any] = field(default_factory=nothing)
    name: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "inputs", Frozen(self.inputs))
        object.__setattr__(self, "parameters", Frozen(self.parameters))
        name = self.unit.name if self.element is None else f"{self.unit.name}.{self.element}"
        object.__setattr__(self, "name", name)

    @property
    def folder(self) -> str:
        """A relative path of its own, which any file system takes: the sample's, the node's, the element's."""
        whose = "run" if self.unit.sample is None else f"samples/{self.unit.sample.folder}"
        # A node within a workflow is a folder within a folder; one of that name beside it would be a file there.
        node = self.unit.node.name.replace("/", ".")
        return f"{whose}/{node}" if self.element is None else f"{whose}/{node}/{self.element}"


@dataclass(frozen=True, slots=True)
class Made:
    """What a unit that is over leaves: paths by its outputs, those that are not there left out.  ``grades``: what its
    results are marked with.  ``lacking``: whether something is not there that should have been.
    """

    files: Mapping[str, tuple[str, ...]] = field(default_factory=nothing)
    grades: frozenset[str] = frozenset()
    lacking: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", Frozen(self.files))
