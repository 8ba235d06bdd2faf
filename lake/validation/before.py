"""What earlier reports say of a snapshot, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import column, scalar
from holotype.validators import Report, merge_reports

from .tables import REPORT_FILES, REPORT_FINDINGS, REPORT_METRICS

if TYPE_CHECKING:
    from holotype.catalog import State

    from ..context import Context

__all__ = ["said_before"]


def said_before(context: Context, snapshot: str, *, state: State) -> Report | None:
    """What reports on a snapshot (a digest) say, as it is archived: what a restore finds may be the target's doing.

    ``None`` without any.
    """
    mine = (pc.field("snapshot") == scalar(snapshot)) & (pc.field("occasion") != "restore")
    rows = context.catalog.read("reports", filter=mine, state=state)
    names = rows.sort_by([("time", "ascending"), ("report", "ascending")])["report"].to_pylist()
    if not names:
        return None
    wanted = pc.field("report").isin(column(names, pa.string()))
    tables = [
        context.catalog.read(table.name, filter=wanted, state=state)
        for table in (REPORT_FINDINGS, REPORT_METRICS, REPORT_FILES)
    ]
    return merge_reports(Report.of_tables(*(_of(part, name) for part in tables)) for name in names)


def _of(rows: pa.Table, report: str) -> pa.Table:
    return rows.filter(pc.equal(rows["report"], report)).drop_columns(["report"])
