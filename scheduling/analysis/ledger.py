"""What runs of a site have used, read from their journals alone: whoever has them in hand, and whatever they ran.

The tables are those of ``records``, with the columns that usage is reckoned from.  An attempt that is not over has used
what it has until now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from .used import ATTEMPTS, TIME, used_by

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from .used import Used

__all__ = ["Ledger", "read_ledger"]

_RUNS = {
    "run": pl.String(), "workflow": pl.String(), "operator": pl.String(), "project": pl.String(), "began": TIME,
}  # fmt: skip
# A task's node and sample, which its name tells: neither brackets nor dots are in names of steps.
_BRACKETS = r"(?s)^([^\[]*)\[(.*)\]"
_NODE, _SAMPLE = 1, 2


@dataclass(frozen=True, eq=False)
class Ledger:
    """``tables``: by their names.  ``estimates``: of the runs that are not over, what they were thought to use, by what
    it is.
    """

    tables: dict[str, pl.DataFrame]
    estimates: dict[str, dict[str, float]]


def read_ledger(site: str | os.PathLike[str], *, since: float = 0.0, now: float | None = None) -> Ledger:
    """All runs below a site's folder whose journals were written to ``since`` then, in seconds since 1970; ``now``:
    what time it is.  Raises ``ObjectDamaged`` where a journal is not as it was written.
    """
    every = [*_used(Path(site), since)]
    until = datetime.now(UTC) if now is None else _at(now)
    runs = [
        {
            "run": each.run,
            "workflow": each.ordered.get("workflow", ""),
            "operator": each.ordered.get("by", ""),
            "project": each.ordered.get("project", ""),
            "began": _at(each.ordered["time"]),
        }
        for each in every
    ]
    submitted, settled = pl.col("submitted"), pl.col("settled").fill_null(pl.lit(until, TIME))
    attempts = pl.concat([pl.DataFrame(schema=ATTEMPTS), *(each.attempts for each in every)])
    attempts = attempts.with_columns(pl.max_horizontal(submitted, settled).alias("settled"))
    task = pl.col("task")
    tasks = attempts.select(
        "run",
        "task",
        task.str.extract(_BRACKETS, _NODE).fill_null(task.str.extract(r"(?s)^([^.]*)", 1)).alias("node"),
        task.str.extract(_BRACKETS, _SAMPLE).alias("sample"),
    ).unique(["run", "task"], keep="first", maintain_order=True)
    tables = {"runs": pl.DataFrame(runs, schema=_RUNS), "tasks": tasks, "attempts": attempts}
    return Ledger(tables, {each.run: each.ordered.get("estimate") or {} for each in every if not each.over})


def _used(site: Path, since: float) -> Iterator[Used]:
    for journal in sorted((site / "runs").glob("*/journal")):
        if journal.stat().st_mtime >= since and (found := used_by(journal)) is not None:
            yield found


def _at(time: float) -> datetime:
    return datetime.fromtimestamp(time, UTC)
