"""What a run will use, as far as that can be reckoned before it begins.

Of a stage that says how much time its tasks may take at most, that time, of what each is given; of another what its
tasks were given in runs before.  It is what is set aside, and so rather too much than too little: what is taken from
runs before, and tasks that end before their time, use less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from ..checking.machine import loads_of
from ..declaring.steps import Per
from ..graphs.flows import flows
from ..graphs.laying import lay_out

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..checking.order import Order
    from ..declaring.resources import Needs
    from ..graphs.graph import Node

__all__ = ["Estimate", "estimated"]


@dataclass(frozen=True)
class Estimate:
    """Hours, for which tasks will be given one processor or graphics processor.  ``unknown``: steps of which nothing is
    known, or not how many tasks they become.
    """

    cpu_hours: float = 0.0
    gpu_hours: float = 0.0
    unknown: tuple[str, ...] = ()

    def hours(self) -> dict[str, float]:
        """The hours, by what of."""
        return {"cpu_hours": self.cpu_hours, "gpu_hours": self.gpu_hours}


def estimated(order: Order, attempts: pl.DataFrame) -> Estimate:
    """What a run will use; ``attempts``: those of runs before, with ``run``, ``task``, ``stage``, ``submitted``,
    ``settled``, ``cpus`` and ``gpus``.  What is wrong with the order is not told here.
    """
    graph = lay_out(order.workflow, lambda *_: None)
    per, before = flows(graph, lambda *_: None), _before(attempts)
    cpu = gpu = 0.0
    unknown: list[str] = []
    for name, node in graph.nodes.items():
        units = len(order.samples) if per.get(name) is Per.SAMPLE else 1
        found = _declared(order, node, units, before) or before.get(node.stage.name)
        if found is None:
            unknown.append(name)
            continue
        times = 1 if node.stage.resources.time is not None else units
        cpu, gpu = cpu + found.cpu_hours * times, gpu + found.gpu_hours * times
        if found.guessed:
            unknown.append(name)
    return Estimate(cpu, gpu, tuple(unknown))


@dataclass(frozen=True)
class _Hours:
    """``tasks``: that a unit became.  ``guessed``: whether that is not known."""

    cpu_hours: float
    gpu_hours: float
    tasks: float = 1.0
    guessed: bool = False


def _declared(order: Order, node: Node, units: int, before: Mapping[str, _Hours]) -> _Hours | None:
    """Of all units together, by the time that each task may take."""
    if node.stage.resources.time is None:
        return None
    try:
        needs = [node.stage.resources.needs(load) for load in loads_of(order, node)]
    except ValueError:  # that it cannot be calculated is told elsewhere
        return None
    if len(needs) > units:  # one that is for all samples together takes all that they have
        needs = sorted(needs, key=_cpu_hours)[-units:]
    tasks = _tasks(order, node)
    known = before.get(node.stage.name)
    several = tasks if tasks is not None else known.tasks if known is not None else 1.0
    cpu = sum(map(_cpu_hours, needs)) * several
    gpu = sum(each.gpus * (each.time or 0.0) / 3600 for each in needs) * several
    return _Hours(cpu, gpu, several, guessed=tasks is None and known is None)


def _cpu_hours(needs: Needs) -> float:
    return needs.cpus * (needs.time or 0.0) / 3600


def _tasks(order: Order, node: Node) -> float | None:
    """How many tasks each of its units becomes; ``None`` where that is known only when it is there."""
    values, found = order.values(), 1
    for name in node.scatter:
        given = node.parameters.get(name)
        several = values.get(getattr(given, "name", "")) if hasattr(given, "name") else given
        if not isinstance(several, tuple):
            return None
        found = found * len(several) if node.crossed else max(found, len(several))
    return float(found)


def _before(attempts: pl.DataFrame) -> dict[str, _Hours]:
    """What a unit of each stage was given, on the average."""
    hours = (pl.col("settled") - pl.col("submitted")).dt.total_microseconds() / 3.6e9
    units = (
        attempts.with_columns(
            pl.col("task").str.replace(r"\.\d+$", "").alias("unit"),
            (pl.col("cpus") * hours).alias("cpu"),
            (pl.col("gpus") * hours).alias("gpu"),
        )
        .group_by("stage", "run", "unit")
        .agg(pl.col("cpu").sum(), pl.col("gpu").sum(), pl.col("task").n_unique().alias("tasks"))
        .group_by("stage")
        .agg(pl.col("cpu").mean(), pl.col("gpu").mean(), pl.col("tasks").mean())
    )
    return {stage: _Hours(cpu, gpu, tasks) for stage, cpu, gpu, tasks in units.iter_rows()}
