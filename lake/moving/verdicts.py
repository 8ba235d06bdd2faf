"""What was found in snapshots, which are in quarantine, and what their tables have to be: it travels with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import column

from ..validation.tables import QUARANTINE, REPORT_FILES, REPORT_FINDINGS, REPORT_METRICS, REPORTS, SCHEMAS
from .travellers import unsaid

if TYPE_CHECKING:
    from .inventory import End

__all__ = ["missing_schemas", "missing_verdicts"]


def missing_verdicts(here: End, there: End, snapshots: pa.Array) -> dict[str, pa.Table]:
    """The rows about ``snapshots`` (digests) that ``there`` lacks, by table.

    Raises ``ObjectMissing``, ``ObjectDamaged``, or what a store raises.
    """
    theirs = there.read(REPORTS.name, columns=["report"])["report"].combine_chunks()
    reports = here.read(REPORTS.name)
    reports = reports.filter(pc.is_in(reports["snapshot"], value_set=snapshots))
    reports = reports.filter(pc.invert(pc.is_in(reports["report"], value_set=theirs)))
    found = {REPORTS.name: reports}
    going = column(reports["report"].to_pylist(), REPORTS.schema.field("report").type)
    for table in (REPORT_FILES, REPORT_FINDINGS, REPORT_METRICS) if reports.num_rows else ():
        rows = here.read(table.name)
        found[table.name] = rows.filter(pc.is_in(rows["report"], value_set=going))
    events = here.read(QUARANTINE.name)
    events = events.filter(pc.is_in(events["snapshot"], value_set=snapshots))
    found[QUARANTINE.name] = unsaid(events, there.read(QUARANTINE.name))
    return {table: rows for table, rows in found.items() if rows.num_rows}


def missing_schemas(here: End, there: End, datasets: tuple[str, ...] | None) -> pa.Table:
    """What was declared for these datasets, or for all, that ``there`` lacks: rows of ``schemas``.

    Raises what ``missing_verdicts`` raises.
    """
    rows, theirs = here.read(SCHEMAS.name), there.read(SCHEMAS.name, columns=["declaration"])["declaration"]
    if datasets is not None:
        rows = rows.filter(pc.is_in(rows["dataset"], value_set=column(sorted(datasets), pa.string())))
    return rows.filter(pc.invert(pc.is_in(rows["declaration"], value_set=theirs.combine_chunks())))
