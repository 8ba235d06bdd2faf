"""Steps: stages in their places, with where each of their inputs comes from.

A *source* is a text: ``"reads"`` is the workflow's own input, ``"align.bam"`` the output of a step.  What is made for
each sample is taken for each sample; what is shared, as a reference, by all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from .frozen import Frozen, nothing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..workflow import Workflow
    from .stages import Stage

__all__ = ["First", "Per", "Setting", "Step"]


class Per(StrEnum):
    """What a step is done for: every sample by itself, or once for all of them."""

    SAMPLE = "sample"
    RUN = "run"


@dataclass(frozen=True)
class Setting:
    """A parameter of a step that is one of the workflow's, by its name: for ``{"depth": Setting("min_depth")}``."""

    name: str


@dataclass(frozen=True, init=False)
class First:
    """The first of several sources that is there, as ``First("dedup.bam", "align.bam")``."""

    sources: tuple[str, ...]

    def __init__(self, *sources: str) -> None:
        object.__setattr__(self, "sources", sources)


@dataclass(frozen=True)
class Step:
    """A stage, or a whole workflow, in its place.

    ``inputs``: for each of its inputs a source; several, whose files come one after the other; or the ``First`` of
    several.  ``parameters``: of its parameters, values, or ``Setting``.  ``scatter``: inputs and parameters of which it
    takes one element at a time: it is done for each, and what comes out is many; of several of them, one of each at a
    time, or with ``crossed`` every one with every other.  ``when``: an expression of the workflow's parameters and of
    ``sample.…``: where it is false the step is not taken, and neither is what cannot do without its outputs.  ``per``:
    by default for each sample where any of its sources is there for each.  Said to be once per run, it takes what all
    samples have made.
    """

    stage: Stage | Workflow
    inputs: Mapping[str, str | tuple[str, ...] | First] = field(default_factory=nothing)
    parameters: Mapping[str, Any] = field(default_factory=nothing, kw_only=True)
    scatter: tuple[str, ...] | str = field(default=(), kw_only=True)
    crossed: bool = field(default=False, kw_only=True)
    when: str | None = field(default=None, kw_only=True)
    per: Per | str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        sources = {name: _several(given) for name, given in self.inputs.items()}
        object.__setattr__(self, "inputs", Frozen(sources))
        values = {name: tuple(each) if isinstance(each, list) else each for name, each in self.parameters.items()}
        object.__setattr__(self, "parameters", Frozen(values))
        object.__setattr__(self, "scatter", (self.scatter,) if isinstance(self.scatter, str) else tuple(self.scatter))
        object.__setattr__(self, "per", None if self.per is None else Per(self.per))


def _several(given: str | tuple[str, ...] | First) -> tuple[str, ...] | First:
    return (given,) if isinstance(given, str) else given if isinstance(given, First) else tuple(given)
