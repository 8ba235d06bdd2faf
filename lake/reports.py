"""Reports that the archive keeps: which there are, and each as it was made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from holotype.catalog import EntryNotFound

from .records.references import check_name, parse
from .records.snapshots import history, resolve
from .validation.keeping import stored

if TYPE_CHECKING:
    from holotype.validators import Report

    from .context import Context

__all__ = ["report", "reports"]


def reports(context: Context, target: str | None = None) -> pl.DataFrame:
    """The reports on a snapshot (``run42@3``), on all versions of a dataset (``run42``), or all, the oldest first.

    Columns as those of the table ``reports``, and ``version``: the snapshot's number, null for what was refused.

    Raises ``InvalidName``, ``DatasetNotFound`` for a dataset that never had a snapshot or a report, or
    ``SnapshotNotFound``.
    """
    state = context.catalog.refresh()
    rows = pl.DataFrame(context.catalog.read("reports", state=state))
    numbers = pl.DataFrame(context.catalog.read("snapshots", columns=["snapshot", "number"], state=state))
    rows = rows.join(numbers.rename({"number": "version"}), on="snapshot", how="left", maintain_order="left")
    if target is not None:
        if "@" in target or parse(target).digest is not None:
            rows = rows.filter(pl.col("snapshot") == resolve(context, target, state=state, forgotten=True).id)
        else:
            rows = rows.filter(pl.col("dataset") == check_name(target))
            if rows.is_empty() and target not in history(context, state=state)["dataset"].to_pylist():
                resolve(context, target, state=state)  # raises, with the nearest names
    return rows.sort("time", maintain_order=True)


def report(context: Context, which: str) -> Report:
    """One report: by its identifier, or the last one on a snapshot (``run42@3``).

    Raises ``EntryNotFound`` when there is none, and what ``resolve`` raises.
    """
    if "@" not in which:
        return stored(context, which, state=context.catalog.refresh())
    rows = reports(context, which)
    if rows.is_empty():
        raise EntryNotFound(f"there is no report on {which}: archive.validate makes one", report=which)
    return stored(context, rows["report"][-1])
