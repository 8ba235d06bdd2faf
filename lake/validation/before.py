"""What earlier reports say of a snapshot, put together.

Several may have looked at it, at some of its files or at little of each.  Of every file and check what looked at most
of it counts and, among those, what looked last; the file is the same in all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import column, scalar
from holotype.validators import Cost, Report

from .tables import REPORT_FILES, REPORT_FINDINGS, REPORT_METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from holotype.catalog import State, Table
    from holotype.validators import Examination

    from ..context import Context

__all__ = ["said_before", "settled", "together"]

_PARTS = (REPORT_FILES, REPORT_FINDINGS, REPORT_METRICS)
_RANK = pl.col("cost").replace_strict({cost.value: cost.rank for cost in Cost}, return_dtype=pl.Int8)
# The check that speaks of every file.
_FRAME = "file"
# The figure that says how many findings of a code a file has besides those that are kept.
_MORE = "findings.more"
# What a check could not do here and then it may be able to do now: a library is there, a file can be read.
_PASSING = ["check.unavailable", "file.unreadable"]


def said_before(context: Context, snapshot: str, *, state: State) -> Report | None:
    """What reports on a snapshot (a digest) say, as it is archived: what a restore finds may be the target's doing.

    ``None`` without any.
    """
    mine = (pc.field("snapshot") == scalar(snapshot)) & (pc.field("occasion") != "restore")
    reports = context.catalog.read("reports", filter=mine, state=state).sort_by("time")["report"].to_pylist()
    if not reports:
        return None

    def rows(table: Table) -> pl.DataFrame:
        wanted = pc.field("report").isin(column(reports, pa.string()))
        found = pl.DataFrame(context.catalog.read(table.name, filter=wanted, state=state))
        order = pl.DataFrame({"report": reports}).with_row_index("place")
        return found.join(order, on="report", maintain_order="left").drop("report")

    return _merged(*map(rows, _PARTS))


def together(reports: Iterable[Report]) -> Report:
    """Several reports on the same files, in the order of their times, put together."""
    every = [(report.checked, report.findings, report.metrics) for report in reports]
    parts = (
        pl.concat([pl.DataFrame(part).with_columns(place=pl.lit(place, pl.UInt32)) for place, part in enumerate(parts)])
        for parts in zip(*every, strict=True)
    )
    return _merged(*parts)


def _merged(checked: pl.DataFrame, findings: pl.DataFrame, metrics: pl.DataFrame) -> Report:
    """One report of rows of several, whose ``place`` says when each was made."""
    # What is said of every file is short, and may be that a figure is beyond what it has to be now.
    rank = pl.when(pl.col("check") == _FRAME).then(0).otherwise(_RANK)
    best = checked.sort(rank, "place", maintain_order=True).unique(["path", "check"], keep="last", maintain_order=True)
    found = findings.join(best, on=["path", "check", "place"], how="semi", maintain_order="left")
    # How many findings there are besides is said with them.
    besides = pl.col("name") == _MORE
    counted = metrics.filter(besides).join(
        found, left_on=["path", "of", "place"], right_on=["path", "code", "place"], how="semi", maintain_order="left"
    )
    # Another figure does not say which check found it: it counts as the most that was looked at of its file then.
    metrics = metrics.filter(~besides)
    most = checked.group_by("path", "place").agg(rank=_RANK.max())
    figures = metrics.join(most, on=["path", "place"], how="left", maintain_order="left")
    figures = figures.sort("rank", "place", maintain_order=True)
    figures = figures.unique(["path", "name", "of"], keep="last", maintain_order=True)
    kept = (found, pl.concat([figures.select(counted.columns), counted]), best)
    tables = (REPORT_FINDINGS, REPORT_METRICS, REPORT_FILES)
    return Report.of_tables(*(_as_in(table, part) for table, part in zip(tables, kept, strict=True)))


def _as_in(table: Table, rows: pl.DataFrame) -> pa.Table:
    schema = pa.schema([field for field in table.schema if field.name != "report"])
    return rows.select(schema.names).to_arrow().cast(schema)


def settled(before: Report | None, examination: Examination) -> pa.Array:
    """The paths of the files of which everything is said that ``examination`` would find out."""
    if before is None:
        return pa.array([], pa.string())
    checked = pl.DataFrame(before.checked).filter(examination.cost.rank <= _RANK)
    findings = pl.DataFrame(before.findings.select(["path", "code"]))
    unsure = findings.filter(pl.col("code").is_in(_PASSING)).select("path")
    return pa.array(
        (path for each in _by_format(checked.join(unsure, on="path", how="anti"), examination) for path in each),
        pa.string(),
    )


def _by_format(checked: pl.DataFrame, examination: Examination) -> Iterator[list[str]]:
    for (format,), files in checked.group_by("format", maintain_order=True):
        needed = [examination.frame, *((each.name, each.version) for each in examination.expected(format))]
        wanted = pl.DataFrame(needed, schema=["check", "version"], orient="row").unique()
        there = files.join(wanted, on=["check", "version"], how="semi")
        count = there.group_by("path", maintain_order=True).agg(pl.col("check").n_unique())
        yield count.filter(pl.col("check") == wanted.height)["path"].to_list()
