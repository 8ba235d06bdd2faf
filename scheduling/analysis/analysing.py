"""What is to be said of a run: where its time went, what was lacking and what was wasted, and what would help."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from ..declaring.quantities import shown_bytes, shown_seconds
from .changes import changes, right_sizes
from .figures import failures_of, resources_of, steps_of, waste_of
from .measured import measured
from .paths import ENGINE, INSPECTING, RUNNING, WAITING, critical_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from ..site import Site
    from .measured import Measured
    from .paths import Stretch

__all__ = ["Analysis", "Bottleneck", "analyse"]

_PATH = {
    "task": pl.String(),
    "node": pl.String(),
    "sample": pl.String(),
    "what": pl.String(),
    "lacking": pl.String(),
    "began": pl.Float64(),
    "seconds": pl.Float64(),
    "share": pl.Float64(),
}
_OWED = {"kind": pl.String(), "name": pl.String(), "seconds": pl.Float64(), "share": pl.Float64()}
# Of what there is to say in words, the first of each.
_SAID = 3


@dataclass(frozen=True)
class Bottleneck:
    """What most of the time is owed to: a ``step`` that ran, a ``resource`` that was lacking, a ``pause`` before doing
    it again, or the ``engine``.  ``seconds`` of the time that has gone by, and its ``share``.
    """

    kind: str
    name: str
    seconds: float
    share: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Analysis:
    """What is to be said of one run.

    ``elapsed``: seconds from when it was ordered until the last of it was over.  ``critical_path``: all of them, in
    order, each stretch with the ``task`` that it is owed to (see ``paths``).  ``owed``: the same, summed up by steps
    and by what was lacking.  ``bottleneck``: the first of these; ``None`` where there was nothing to do.
    ``resources``, ``waste``, ``steps`` and ``failures``: see ``figures``.  ``sizes`` and ``changes``: what would be
    enough, and what a change would bring (see ``changes``), beside the seconds that the run takes on paper as it was:
    ``simulated``.  ``capacity_known``: whether the site said what it has; else it is taken to have what was in use at
    once.
    """

    run: str
    workflow: str
    state: str
    elapsed: float
    simulated: float
    bottleneck: Bottleneck | None
    critical_path: pl.DataFrame
    owed: pl.DataFrame
    resources: pl.DataFrame
    waste: pl.DataFrame
    steps: pl.DataFrame
    failures: pl.DataFrame
    sizes: pl.DataFrame
    changes: pl.DataFrame
    capacity_known: bool

    def text(self) -> str:
        """The same in a few plain lines."""
        return "\n".join(_lines(self))


def analyse(tables: Mapping[str, pl.DataFrame | pa.Table], *, site: Site | None = None) -> Analysis:
    """Look at one run; ``tables``: of it, by their names, as ``scheduling/records/tables.py`` has them.  ``site``: what
    there is to run on, where the run does not say, or to ask what it would have been elsewhere.

    Of a run that goes on, all that is over so far.  Raises ``ValueError`` where it is not one run.
    """
    run = measured(tables, site=site)
    path = critical_path(run)
    owed = _owed(path, run.elapsed)
    simulated, what_if = changes(run, path)
    first = owed.row(0, named=True) if owed.height else None
    return Analysis(
        run=run.run,
        workflow=run.workflow,
        state=run.state,
        elapsed=run.elapsed,
        simulated=simulated,
        bottleneck=None if first is None else Bottleneck(**first),
        critical_path=_path(path, run),
        owed=owed,
        resources=resources_of(run, path),
        waste=waste_of(run),
        steps=steps_of(run),
        failures=failures_of(run),
        sizes=right_sizes(run),
        changes=what_if,
        capacity_known=run.known,
    )


def _path(path: Sequence[Stretch], run: Measured) -> pl.DataFrame:
    rows = [
        {
            "task": each.task.name,
            "node": each.task.node,
            "sample": each.task.sample,
            "what": each.what,
            "lacking": each.lacking,
            "began": each.began,
            "seconds": each.seconds,
            "share": each.seconds / run.elapsed,
        }
        for each in path
    ]
    return pl.DataFrame(rows, schema=_PATH)


def _owed(path: Sequence[Stretch], elapsed: float) -> pl.DataFrame:
    """The critical path, summed up."""
    sums = defaultdict[tuple[str, str], float](float)
    for each in path:
        sums[_whose(each)] += each.seconds
    rows = [
        (*key, seconds, seconds / elapsed) for key, seconds in sorted(sums.items(), key=lambda each: -round(each[1], 6))
    ]
    return pl.DataFrame(rows, schema=_OWED, orient="row")


def _whose(stretch: Stretch) -> tuple[str, str]:
    if stretch.what in (RUNNING, INSPECTING):
        return "step", stretch.task.node
    if stretch.what == ENGINE or stretch.lacking in ("turn", "inputs", "away"):
        return "engine", {"inputs": "reading inputs", "away": "nobody had it in hand", "turn": "order"}.get(
            stretch.lacking or "", "between tasks"
        )
    assert stretch.what == WAITING
    if stretch.lacking == "pause":
        return "pause", stretch.task.node
    return "resource", str(stretch.lacking)


def _lines(of: Analysis) -> Iterator[str]:
    tasks = int(of.steps["tasks"].sum())
    yield f"{of.run} ({of.workflow}, {of.state}): {_count(tasks, 'task')} in {shown_seconds(of.elapsed)}"
    if of.bottleneck is not None:
        yield f"bottleneck: {_told(of, of.bottleneck)}"
    for kind, name, seconds, share in of.owed.head(_SAID).iter_rows():
        yield f"critical path: {shown_seconds(seconds)} ({share:.0%}) {_HOW[kind].format(name)}"
    for row in of.resources.filter(pl.col("waited") > 0).head(_SAID).to_dicts():
        waited = f"{_count(row['waiting'], 'task')} waited {shown_seconds(row['waited'])} together"
        yield f"lacking: {row['resource']}: {waited}, {row['busy']:.0%} of {_amount(row)} were busy"
    for row in of.waste.filter(pl.col("share") > 0).sort("share", descending=True).head(_SAID).to_dicts():
        unused = "" if row["unused"] is None else f"{row['unused']:.3g} not used, "
        given = f"{row['given']:.3g} {row['unit']} of {row['resource']}"
        yield f"wasted: {row['share']:.0%} of {given}: {unused}{row['failed']:.3g} had by what failed"
    for node, failure, count, hours in of.failures.head(_SAID).iter_rows():
        yield f"failed: {node}: {_count(count, 'time')} for {failure}, with {hours:.3g} cpu hours"
    for row in of.changes.filter(pl.col("saving") > 0).head(_SAID).to_dicts():
        saved = f"{shown_seconds(row['saving'])} less ({row['share']:.0%}), {shown_seconds(row['makespan'])} in all"
        yield f"would help: {row['change']}: {saved}"


_HOW = {
    "step": "{} ran",
    "resource": "waiting for {}",
    "pause": "pauses before {} was done again",
    "engine": "the engine: {}",
}


def _told(of: Analysis, bottleneck: Bottleneck) -> str:
    figures = f"{shown_seconds(bottleneck.seconds)}, {bottleneck.share:.0%} of the time"
    held = of.resources.filter(resource=bottleneck.name) if bottleneck.kind == "resource" else of.resources.head(0)
    for row in held.to_dicts():
        most = f"; {row['held_by']} had {row['held_share']:.0%} of what was given" if row["held_by"] else ""
        return f"{bottleneck.name}, which tasks waited for ({figures}){most}"
    return f"{_HOW[bottleneck.kind].format(bottleneck.name)} ({figures})"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _amount(row: Mapping[str, Any]) -> str:
    return shown_bytes(row["there"]) if row["resource"] == "memory" else f"{row['there']:g}"
