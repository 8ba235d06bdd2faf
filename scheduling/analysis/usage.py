"""Who used what, and what it cost: by workflow, project, person, sample or stage."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from holotype.catalog import InvalidOption

from ..declaring.frozen import Frozen, nothing
from .measured import frames_of

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

__all__ = ["Rates", "usage"]

_BY = {
    "run": "run", "workflow": "workflow", "project": "project", "person": "operator", "sample": "sample",
    "node": "node", "stage": "stage",
}  # fmt: skip
_GIB = float(1 << 30)
_AMOUNTS = ("cpu", "memory", "read", "written", "cpus", "memory_given", "gpus")


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What an hour costs: of a processor, of a graphics processor, of a GiB of memory, of a licence or an instrument by
    their names; of what is not named, nothing.
    """

    cpu_hour: float = 0.0
    gpu_hour: float = 0.0
    memory_gib_hour: float = 0.0
    licence_hour: Mapping[str, float] = field(default_factory=nothing)
    instrument_hour: Mapping[str, float] = field(default_factory=nothing)
    currency: str = "EUR"

    def __post_init__(self) -> None:
        for name in ("licence_hour", "instrument_hour"):
            object.__setattr__(self, name, Frozen(getattr(self, name)))
        single = {name: getattr(self, name) for name in ("cpu_hour", "gpu_hour", "memory_gib_hour")}
        for name, rate in {**single, **self.licence_hour, **self.instrument_hour}.items():
            if not math.isfinite(rate) or rate < 0:
                raise ValueError(f"{name} costs {rate!r}, which is no price")


def usage(
    tables: Mapping[str, pl.DataFrame | pa.Table] | Iterable[Mapping[str, pl.DataFrame | pa.Table]],
    *,
    by: Iterable[str] = ("project",),
    rates: Rates | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> pl.DataFrame:
    """What was used, a row for each that is asked ``by``: ``run``, ``workflow``, ``project``, ``person``, ``sample``,
    ``node`` or ``stage``, several together if wanted; the costly ones first.

    ``tables``: of any number of runs, in one set or in several, as ``scheduling/records/tables.py`` has them.
    ``since`` and ``until``: of what lies in part between these, that part.  Of what is counted, what was over in it.

    Beside what it is asked by: ``runs``, ``tasks``, ``attempts`` and ``failures``; ``cpu_hours`` and
    ``cpu_hours_used``, ``memory_gib_hours`` and ``memory_gib_hours_used``, ``gpu_hours``, ``licence_hours`` and
    ``instrument_hours``: what was given, and where somebody measured it, what was used; ``read`` and ``written``:
    bytes; ``wasted``: the share of hours of processors that was not used, or had by what failed; ``cost``, in
    ``currency``.  Raises ``InvalidOption`` for what nothing can be asked by.
    """
    asked = [*by]
    for name in asked:
        if name not in _BY:
            raise InvalidOption(f"usage is told by {', '.join(_BY)}, and not by {name!r}", option="by")
    rates = rates or Rates()
    rows = _priced(_rows(_sets(tables), since, until), rates)
    total = [
        pl.col("run").n_unique().alias("runs"),
        pl.struct("run", "task").filter("counted").n_unique().alias("tasks"),
        pl.col("counted").sum().cast(pl.Int64).alias("attempts"),
        (pl.col("failure").is_not_null() & pl.col("counted")).sum().cast(pl.Int64).alias("failures"),
        *(pl.col(name).sum() for name in _SUMS),
        (pl.col("wasted").sum() / pl.col("cpu_hours").sum()).fill_nan(0.0).alias("wasted"),
        pl.col("cost").sum(),
    ]
    keys = [pl.col(_BY[name]).alias(name) for name in asked]
    found = rows.group_by(keys, maintain_order=True).agg(total) if keys else rows.select(total)
    return found.with_columns(pl.lit(rates.currency).alias("currency")).sort(
        "cost", "cpu_hours", *asked, descending=[True, True, *(False for _ in asked)], maintain_order=True
    )


_SUMS = (
    "cpu_hours", "cpu_hours_used", "memory_gib_hours", "memory_gib_hours_used", "gpu_hours", "licence_hours",
    "instrument_hours", "read", "written",
)  # fmt: skip


def _sets(tables: Any) -> list[Mapping[str, pl.DataFrame | pa.Table]]:
    return [tables] if isinstance(tables, Mapping) else [*tables]


def _rows(
    several: list[Mapping[str, pl.DataFrame | pa.Table]], since: datetime | None, until: datetime | None
) -> pl.DataFrame:
    """Attempts with their run's and task's, and of each how much of it is asked for."""
    frames = [frames_of(each) for each in several]
    if not frames:
        raise InvalidOption("there are no tables to tell usage from", option="tables")
    runs, tasks, attempts = (
        pl.concat([each[name].select(columns) for each in frames])
        for name, columns in (
            ("runs", ["run", "workflow", "operator", "project"]),
            ("tasks", ["run", "task", "node", "sample"]),
            ("attempts", [
                "run", "task", "attempt", "stage", "submitted", "settled", "failure", *_AMOUNTS, "licences",
                "instruments",
            ]),
        )
    )  # fmt: skip
    begin, end = pl.col("submitted"), pl.col("settled")
    from_ = begin if since is None else pl.max_horizontal(begin, pl.lit(since))
    to = end if until is None else pl.min_horizontal(end, pl.lit(until))
    seconds = ((to - from_).dt.total_microseconds() / 1e6).clip(lower_bound=0)
    whole = (end - begin).dt.total_microseconds() / 1e6
    counted = pl.lit(value=True)
    if since is not None:
        counted &= end >= since
    if until is not None:
        counted &= end < until
    return (
        attempts.filter(begin.is_not_null() & end.is_not_null())
        .with_columns(
            (seconds / 3600).alias("hours"),
            pl.when(whole > 0).then(seconds / whole).otherwise(counted.cast(pl.Float64)).alias("part"),
            counted.alias("counted"),
        )
        .filter((pl.col("hours") > 0) | pl.col("counted"))
        .with_columns(pl.col(name).fill_null(0) for name in _AMOUNTS)
        .join(tasks.unique(["run", "task"]), on=["run", "task"], how="left")
        .join(runs.unique("run"), on="run", how="left")
    )


def _priced(rows: pl.DataFrame, rates: Rates) -> pl.DataFrame:
    hours, part = pl.col("hours"), pl.col("part")
    given = pl.col("cpus") * hours
    used = pl.min_horizontal(given, pl.col("cpu") / 3600 * part)
    rows = rows.with_columns(
        given.alias("cpu_hours"),
        used.alias("cpu_hours_used"),
        (pl.col("memory_given") / _GIB * hours).alias("memory_gib_hours"),
        (pl.col("memory") / _GIB * hours).alias("memory_gib_hours_used"),
        (pl.col("gpus") * hours).alias("gpu_hours"),
        pl.when(pl.col("failure").is_null()).then(given - used).otherwise(given).alias("wasted"),
        *((pl.col(name) * part).round().cast(pl.Int64).alias(name) for name in ("read", "written")),
        *_named_hours(rows, "licences", "licence", rates.licence_hour),
        *_named_hours(rows, "instruments", "instrument", rates.instrument_hour),
    )
    prices = {"cpu_hours": rates.cpu_hour, "gpu_hours": rates.gpu_hour, "memory_gib_hours": rates.memory_gib_hour}
    cost = pl.sum_horizontal(pl.col(name) * rate for name, rate in prices.items())
    return rows.with_columns((cost + pl.col("licence_cost") + pl.col("instrument_cost")).alias("cost"))


def _named_hours(rows: pl.DataFrame, column: str, what: str, rates: Mapping[str, float]) -> list[pl.Series]:
    """The hours of what is counted by names, and what they cost."""
    totals: list[float] = []
    costs: list[float] = []
    for said, hours in rows.select(column, "hours").iter_rows():
        counts = json.loads(said) if said and said != "{}" else {}
        totals.append(sum(counts.values()) * hours)
        costs.append(sum(count * rates.get(name, 0.0) for name, count in counts.items()) * hours)
    return [
        pl.Series(f"{what}_hours", totals, dtype=pl.Float64),
        pl.Series(f"{what}_cost", costs, dtype=pl.Float64),
    ]
