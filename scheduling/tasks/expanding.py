"""Expanding: a unit becomes its tasks, as soon as all that it needs is over.

What is not there, because it was left out or could not be made, is done without where that is allowed: by an optional
input, by one that takes the first of several that is there, and by one that takes many, as long as there is any.  What
cannot do without is left out itself.  Whoever does without, or takes what is marked, is marked as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from ..graphs.graph import Source
from .task import Task

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..graphs.graph import Bound
    from ..samples.sample import Sample
    from .task import Made
    from .units import Unit, Units

__all__ = ["Expanded", "expand"]


@dataclass(frozen=True, slots=True)
class Expanded:
    """The tasks, none where it is left out, and then ``why``.  ``grades``: what their results are marked with.
    ``wrong``: whether it cannot be done, rather than need not be.
    """

    tasks: tuple[Task, ...] = ()
    grades: frozenset[str] = frozenset()
    why: str = ""
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class _Taken:
    """What comes from a source: paths, ``None`` where there is nothing to come."""

    paths: tuple[str, ...] | None
    grades: frozenset[str] = frozenset()
    lacking: bool = False


def expand(unit: Unit, units: Units, made: Mapping[str, Made]) -> Expanded:
    """The tasks of a unit; ``made``: by the names of units, what those that it needs have left."""
    if not unit.wanted:
        return Expanded(why="its condition does not hold")
    inputs: dict[str, tuple[str, ...]] = {}
    grades, missing = frozenset[str](), list[str]()
    lacking = False
    for name, port in unit.node.stage.inputs.items():
        bound = unit.node.inputs.get(name)
        taken = _Taken(None, lacking=True) if bound is None else _joined(bound, unit.sample, units, made)
        grades |= taken.grades
        if not taken.paths and not port.optional:
            missing.append(name)
            lacking |= taken.lacking
        inputs[name] = taken.paths or ()
    if missing:
        return Expanded(grades=grades, why=f"there is no {' and no '.join(missing)}", wrong=lacking)
    try:
        tasks = tuple(_scattered(unit, inputs))
    except ValueError as error:
        return Expanded(grades=grades, why=str(error), wrong=True)
    return Expanded(tasks, grades, "" if tasks else "there is nothing to scatter")


def result(bound: Bound, sample: Sample | None, units: Units, made: Mapping[str, Made]) -> tuple[str, ...] | None:
    """The files of one of the workflow's outputs; ``None`` where there are none."""
    return _joined(bound, sample, units, made).paths


def _joined(bound: Bound, sample: Sample | None, units: Units, made: Mapping[str, Made]) -> _Taken:
    grades, lacking = frozenset[str](), False
    found: tuple[str, ...] | None = None
    for part in bound.parts:
        taken = _from(part, sample, units, made) if isinstance(part, Source) else _joined(part, sample, units, made)
        grades, lacking = grades | taken.grades, lacking or taken.lacking
        if taken.paths is not None:
            found = (*(found or ()), *taken.paths)
            if bound.first:
                break
    return _Taken(found, grades, lacking)


def _from(source: Source, sample: Sample | None, units: Units, made: Mapping[str, Made]) -> _Taken:
    if source.node is None:
        given = _given(source.name, sample, units)
        return _Taken(given, lacking=given is None and not units.order.workflow.inputs[source.name].optional)
    paths: list[tuple[str, ...]] = []
    grades, lacking = frozenset[str](), False
    for unit in units.of(source.node, sample):
        left = made[unit.name]
        grades |= left.grades
        if (there := left.files.get(source.name)) is not None:
            paths.append(there)
        else:
            lacking |= left.lacking
    return _Taken(tuple(path for each in paths for path in each) if paths else None, grades, lacking)


def _given(name: str, sample: Sample | None, units: Units) -> tuple[str, ...] | None:
    """The files of one of the workflow's own inputs."""
    order = units.order
    if order.workflow.inputs[name].shared:
        return order.shared.get(name) or None
    samples = (sample,) if sample is not None else order.samples
    return tuple(path for each in samples for path in each.paths(name)) or None


def _scattered(unit: Unit, inputs: Mapping[str, tuple[str, ...]]) -> Iterator[Task]:
    """One task, or one for each element.  Raises ``ValueError`` where they cannot be put side by side."""
    if not unit.node.scatter:
        yield Task(unit=unit, inputs=inputs, parameters=unit.parameters)
        return
    names = unit.node.scatter
    several: list[Sequence[Any]] = [inputs[name] if name in inputs else unit.parameters[name] for name in names]
    if not unit.node.crossed and len({len(each) for each in several}) > 1:
        counts = " and ".join(f"{len(each)} of {name}" for name, each in zip(names, several, strict=True))
        raise ValueError(f"there are {counts}, which cannot be taken side by side")
    rows = product(*several) if unit.node.crossed else zip(*several, strict=True)
    for element, row in enumerate(rows):
        chosen = dict(zip(names, row, strict=True))
        yield Task(
            unit=unit,
            element=element,
            inputs={name: (chosen[name],) if name in chosen else paths for name, paths in inputs.items()},
            parameters={name: chosen.get(name, value) for name, value in unit.parameters.items()},
        )
