"""Reports on the same files, put together: what earlier ones say, and what need not be looked at again for that.

Several may have looked at a file, at little of it or by some checks.  Of every file and check what looked at most of it
counts and, among those, what looked last; the file has to be the same in all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from .check import UNTOLD, Check, Cost
from .looking import FRAME, UNAVAILABLE, fits_file
from .metrics import MORE
from .report import Report
from .tabled import CHECKED, FINDINGS, METRICS
from .walking import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["merge_reports", "settled"]

_RANK = pl.col("cost").replace_strict({cost.value: cost.rank for cost in Cost}, return_dtype=pl.Int8)
# What could not be done here and then may be possible now: a library is there, a file can be read.
_PASSING = [UNAVAILABLE.name, UNREADABLE.name]


def merge_reports(reports: Iterable[Report]) -> Report:
    """What reports on the same files, in the order of their times, say together."""
    every = list(reports)
    if len(every) < 2:
        return Report.together(every)
    checked, findings, metrics = (
        pl.concat([pl.DataFrame(part).with_columns(place=pl.lit(place, pl.UInt32)) for place, part in enumerate(parts)])
        for parts in zip(*((each.checked, each.findings, each.metrics) for each in every), strict=True)
    )
    # What the frame says of every file is short, and may be that a figure is beyond what it has to be now.
    rank = pl.when(pl.col("check") == FRAME).then(0).otherwise(_RANK)
    places = checked.select("path", "check", "place", rank=rank).sort("rank", "place", maintain_order=True)
    places = places.unique(["path", "check"], keep="last", maintain_order=True)
    best = checked.join(places, on=["path", "check", "place"], how="semi", maintain_order="left")
    found = findings.join(best, on=["path", "check", "place"], how="semi", maintain_order="left")
    # How many findings there are besides is said with them.
    counted = metrics.filter(pl.col("name") == MORE).join(
        found, left_on=["path", "of", "place"], right_on=["path", "code", "place"], how="semi", maintain_order="left"
    )
    # Another figure does not say which check found it: it counts as the most that was looked at of its file then.
    most = checked.group_by("path", "place").agg(rank=_RANK.max())
    figures = metrics.filter(pl.col("name") != MORE).join(most, on=["path", "place"], how="left", maintain_order="left")
    figures = figures.sort("rank", "place", maintain_order=True)
    figures = figures.unique(["path", "name", "of"], keep="last", maintain_order=True)
    kept = ((FINDINGS, found), (METRICS, pl.concat([figures.select(counted.columns), counted])), (CHECKED, best))
    return Report.of_tables(*(rows.select(schema.names).to_arrow().cast(schema) for schema, rows in kept))


def settled(report: Report, checks: Sequence[Check], frame: tuple[str, str], cost: Cost) -> pa.Array:
    """The paths of the files of which a report says all that these checks would find out, looking at so much.

    ``checks``: those that may look at a file.  ``frame``: the check that speaks of every file, and its version.
    """
    checked = pl.DataFrame(report.checked).filter(cost.rank <= _RANK)
    findings = pl.DataFrame(report.findings.select(["path", "code"]))
    checked = checked.join(findings.filter(pl.col("code").is_in(_PASSING)), on="path", how="anti")
    paths = (path for each in _by_format(checked, checks, frame) for path in each)
    return pa.array(paths, pa.string())


def _by_format(checked: pl.DataFrame, checks: Sequence[Check], frame: tuple[str, str]) -> Iterator[list[str]]:
    for (format,), files in checked.group_by("format", maintain_order=True):
        mine = [each for each in checks if fits_file(each, format)]
        always = [each for each in mine if not _chooses(each)]
        if any(each.edition.endswith(UNTOLD) for each in always):
            continue
        wanted = pl.DataFrame(
            [frame, *((each.name, each.edition) for each in always)], schema=["check", "version"], orient="row"
        ).unique()
        count = files.join(wanted, on=["check", "version"], how="semi").group_by("path", maintain_order=True)
        known = count.agg(pl.struct("check", "version").n_unique())
        paths: list[str] = known.filter(pl.col("check") == wanted.height)["path"].to_list()
        for check in (each for each in mine if _chooses(each)):
            looked = files.filter((pl.col("check") == check.name) & (pl.col("version") == check.edition))
            by = set() if check.edition.endswith(UNTOLD) else set(looked["path"].to_list())
            paths = [path for path in paths if path in by or not check.suits(path)]
        yield paths


def _chooses(check: Check) -> bool:
    """Whether a check is for some files of a format only, by their names."""
    return type(check).suits is not Check.suits
