"""What a change would bring: the run is done again on paper, with one thing changed at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from ..declaring.quantities import shown_bytes
from .paths import INSPECTING, RUNNING
from .simulating import simulated, works_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .measured import Measured
    from .paths import Stretch
    from .simulating import Piece, Work

__all__ = ["changes", "right_sizes"]

_SCHEMA = {
    "change": pl.String(),
    "kind": pl.String(),
    "of": pl.String(),
    "before": pl.Float64(),
    "after": pl.Float64(),
    "makespan": pl.Float64(),
    "saving": pl.Float64(),
    "share": pl.Float64(),
}
_SIZES = {
    "node": pl.String(),
    "resource": pl.String(),
    "given": pl.Float64(),
    "used": pl.Float64(),
    "enough": pl.Float64(),
    "attempts": pl.Int64(),
}
# Of what attempts of a step used, what all but one in twenty did with, and a margin, as for inputs yet to come.
_QUANTILE, _MARGIN = 0.95, 1.2
# Memory is given in steps of this: nobody asks for bytes.
_STEP = 1 << 20
# Steps that are tried with twice the speed: those that the most of the time went by with.
_STEPS = 5


@dataclass(frozen=True)
class _Change:
    change: str
    kind: str
    of: str
    before: float
    after: float
    makespan: float


def changes(run: Measured, path: Sequence[Stretch]) -> tuple[float, pl.DataFrame]:
    """The seconds that the run takes on paper as it was, and what each change would bring, the most first: the
    ``makespan`` then, and the ``saving`` in seconds and as a ``share``, less than nothing where it would take longer.

    ``kind``: ``more`` of a resource, ``size``: a step is given what it uses, ``speed``: a step is twice as fast, or
    ``retries``: nothing fails.  ``before`` and ``after``: of what is changed.  Only for what is over.
    """
    works = works_of(run)
    base = simulated(works, run.has)
    rows: list[dict[str, object]] = []
    for each in (*_more(run, works), *_sizes(run, works), *_speeds(run, works, path), *_retries(run, works)):
        saving = base - each.makespan
        rows.append({**vars(each), "saving": saving, "share": saving / base if base else 0.0})
    return base, pl.DataFrame(rows, schema=_SCHEMA).sort("saving", descending=True, maintain_order=True)


def right_sizes(run: Measured) -> pl.DataFrame:
    """What attempts of each step were ``given`` and ``used``, and what would have been ``enough`` for 95 % of them with
    a margin of a fifth: ``cpus``, and ``memory`` in bytes where it was seen.  Of those that ended well.
    """
    rows: list[dict[str, object]] = []
    for node in dict.fromkeys(task.node for task in run.tasks.values()):
        well = [each for task, each in run.attempts() if task.node == node and each.failure is None]
        seen = {
            "memory": [
                (each.needs["memory"], float(each.memory)) for each in well if each.memory and "memory" in each.needs
            ],
            "cpus": [
                (each.needs["cpus"], each.cpu / each.wall) for each in well if each.wall > 0 and "cpus" in each.needs
            ],
        }
        for resource, pairs in seen.items():
            if pairs:
                given, used = max(pair[0] for pair in pairs), _quantile([pair[1] for pair in pairs])
                step = _STEP if resource == "memory" else 1
                enough = max(step, math.ceil(used * _MARGIN / step) * step)
                row = {"node": node, "resource": resource, "given": given, "used": used, "enough": float(enough)}
                rows.append({**row, "attempts": len(pairs)})
    return pl.DataFrame(rows, schema=_SIZES)


def _more(run: Measured, works: list[Work]) -> Iterator[_Change]:
    lacking = {name for _, each in run.attempts() for name, seconds in each.waited.items() if seconds > 0}
    for name in sorted(lacking & run.has.keys()):
        has = run.has[name]
        for after in dict.fromkeys((math.ceil(1.5 * has), math.ceil(2 * has))):
            if after > has:
                text = f"{_shown(name, after)} of {name} instead of {_shown(name, has)}"
                yield _Change(text, "more", name, has, after, simulated(works, {**run.has, name: after}))


def _sizes(run: Measured, works: list[Work]) -> Iterator[_Change]:
    for node, resource, given, _, enough, _ in right_sizes(run).iter_rows():
        if enough >= given:
            continue

        def smaller(piece: Piece, resource: str = resource, enough: float = enough) -> Piece:
            return replace(piece, needs={**piece.needs, resource: min(piece.needs.get(resource, 0.0), enough)})

        text = f"{node} is given {_shown(resource, enough)} of {resource} instead of {_shown(resource, given)}"
        yield _Change(text, "size", node, given, enough, simulated(_with(works, node, smaller), run.has))


def _speeds(run: Measured, works: list[Work], path: Sequence[Stretch]) -> Iterator[_Change]:
    seconds: dict[str, float] = {}
    for each in path:
        if each.what in (RUNNING, INSPECTING):
            seconds[each.task.node] = seconds.get(each.task.node, 0.0) + each.seconds
    for node in sorted(seconds, key=lambda node: -seconds[node])[:_STEPS]:
        total = sum(each.wall for task, each in run.attempts() if task.node == node)

        def faster(piece: Piece) -> Piece:
            return replace(piece, seconds=piece.seconds - piece.running / 2, running=piece.running / 2)

        makespan = simulated(_with(works, node, faster), run.has)
        yield _Change(f"{node} is twice as fast", "speed", node, total, total / 2, makespan)


def _retries(run: Measured, works: list[Work]) -> Iterator[_Change]:
    again = sum(len(work.pieces) - 1 for work in works if len(work.pieces) > 1)
    if again:
        once = [replace(work, pieces=tuple(replace(each, pause=0.0) for each in work.pieces[-1:])) for work in works]
        yield _Change("nothing has to be done again", "retries", "", again, 0, simulated(once, run.has))


def _with(works: list[Work], node: str, change: Callable[[Piece], Piece]) -> list[Work]:
    return [replace(work, pieces=tuple(map(change, work.pieces))) if work.node == node else work for work in works]


def _quantile(values: list[float]) -> float:
    """The least that is not below as many of them."""
    return sorted(values)[math.ceil(_QUANTILE * len(values)) - 1]


def _shown(resource: str, amount: float) -> str:
    return shown_bytes(amount) if resource == "memory" else f"{amount:g}"
