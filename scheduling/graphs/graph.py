"""A workflow laid out: every stage of it and of the workflows within it, with what each takes from which."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..declaring.frozen import nothing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..declaring.expressions import Expression
    from ..declaring.ports import Input
    from ..declaring.stages import Stage
    from ..declaring.steps import Per

__all__ = ["Bound", "Graph", "Node", "Source", "Taken"]


@dataclass(frozen=True)
class Source:
    """Where files come from: an output of a node, or with no node an input of the whole workflow."""

    node: str | None
    name: str

    def __str__(self) -> str:
        return self.name if self.node is None else f"{self.node}.{self.name}"


@dataclass(frozen=True)
class Bound:
    """What an input takes: all of several, or the ``first`` that is there."""

    parts: tuple[Source | Bound, ...]
    first: bool = False

    def sources(self) -> Iterator[Source]:
        """Every source among them, in order."""
        for part in self.parts:
            if isinstance(part, Source):
                yield part
            else:
                yield from part.sources()


@dataclass(frozen=True)
class Taken:
    """When a node is taken: where the expression is true of these parameters, by name the whole workflow's values or
    settings.
    """

    when: Expression
    parameters: Mapping[str, Any] = field(default_factory=nothing)


@dataclass(frozen=True, kw_only=True)
class Node:
    """A stage in its place.  ``name``: with those of the steps it is within, as ``prepare/trim``."""

    name: str
    stage: Stage
    inputs: Mapping[str, Bound] = field(default_factory=nothing)
    parameters: Mapping[str, Any] = field(default_factory=nothing)
    scatter: tuple[str, ...] = ()
    crossed: bool = False
    taken: tuple[Taken, ...] = ()
    per: Per | None = None

    def needs(self) -> frozenset[str]:
        """The nodes that it takes something from."""
        every = (source.node for bound in self.inputs.values() for source in bound.sources())
        return frozenset(node for node in every if node is not None)


@dataclass(frozen=True, kw_only=True)
class Graph:
    """All of it.  ``outputs``: what is a result, by its name."""

    name: str
    inputs: Mapping[str, Input]
    nodes: Mapping[str, Node]
    outputs: Mapping[str, Bound]
