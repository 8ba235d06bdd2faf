"""A dry run: every command that would be run, as far as that is known before there is anything."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import polars as pl

from ..declaring.resources import Load
from ..tasks.commands import output_paths, shown_command
from ..tasks.units import Units
from .folders import Folders
from .progress import Progress, State

if TYPE_CHECKING:
    from ..checking.order import Order
    from ..declaring.resources import Needs
    from .progress import TaskState

__all__ = ["foresee"]

_SCHEMA = {
    "task": pl.String(),
    "node": pl.String(),
    "sample": pl.String(),
    "cpus": pl.Int64(),
    "memory": pl.Int64(),
    "command": pl.String(),
}


def foresee(order: Order, *, site: str | os.PathLike[str], run: str = "dry-run") -> pl.DataFrame:
    """Every task there would be, each after those that it needs, with ``cpus``, ``memory`` in bytes, and its
    ``command`` as one would type it.

    Nothing fails, and what cannot be known is shown as what is: of an output with any number of files its pattern, over
    which a scatter is shown as one task; of resources that depend on files that are not there yet, what they are
    without.  Raises ``ValueError`` where a command cannot be put together.
    """
    progress, folders = Progress(Units(order)), Folders(site, run)
    rows: list[dict[str, Any]] = []
    while states := [*progress.each(State.READY)]:
        for state in states:
            task, results = state.task, folders.results(state.task)
            needs, outputs = _needs(state), output_paths(state.way, state.task, run=run)
            command = shown_command(state.way, task, run=run, needs=needs, folder=str(results))
            sample = task.unit.sample
            row = {"task": task.name, "node": task.unit.node.name, "sample": sample and sample.name}
            rows.append({**row, "cpus": needs.cpus, "memory": needs.memory, "command": command})
            made = {name: [{"path": str(results / path), "digest": ""}] for name, path in outputs.items()}
            progress.apply({"what": "done", "task": task.name, "outputs": made})
    return pl.DataFrame(rows, schema=_SCHEMA)


def _needs(state: TaskState) -> Needs:
    sizes = {
        name: sum(os.path.getsize(path) for path in paths if os.path.isfile(path))
        for name, paths in state.way.inputs.items()
    }
    files = sum(map(len, state.way.inputs.values()))
    load = Load(input_size=sum(sizes.values()), files=files, parameters=state.way.parameters, sizes=sizes)
    return state.way.stage.resources.needs(load)
