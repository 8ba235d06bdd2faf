"""What others did, and rows that they have kept, as verbs that are tried with every fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from holotype.catalog import Column, Table
from holotype.lake import Deed, DeedFile, KeptRows

from .promise import Broken

if TYPE_CHECKING:
    from holotype.lake import Archive

    from .laboratory import Bench

__all__ = ["is_kept", "is_told", "keeps", "tells"]

_STEPS = Table(
    "steps", "What was done.", (Column("run", pa.string(), "The run."), Column("step", pa.string(), "The step."))
)


def _rows(run: str, version: str, *steps: str) -> KeptRows:
    rows = _STEPS.rows([{"run": run, "step": step} for step in steps])
    return KeptRows(tables={_STEPS: rows}, key="run", about=run, identity=f"the {run}", version=version)


def tells(bench: Bench) -> None:
    """Tell of two activities, with rows."""
    reads = DeedFile(path=bench.laboratory.folder / "edits" / "moves", sha256="11" * 32, size=1)
    sorted_ = DeedFile(path=bench.laboratory.folder / "edits" / "sorted", sha256="22" * 32, size=2)
    now = bench.clock()
    bench.archive.record_activities(
        [
            Deed(unique="one/align", name="align", began=now, ended=now, used=(reads,), generated=(sorted_,)),
            Deed(unique="one/call", name="call", began=now, ended=now, used=(sorted_,), outcome="failed"),
        ],
        rows=_rows("one", "1", "align", "call"),
    )


def is_told(bench: Bench) -> bool:
    """Whether both are there once, and the rows as well."""
    archive = bench.archive
    names = [row["label"] for row in archive.read("prov_elements").to_pylist() if row["type"] == "task"]
    if len(names) > len(set(names)):
        raise Broken("what was told once is there twice")
    rows = _kept(archive, "one")
    if rows and sorted(names) != ["align", "call"]:
        raise Broken("the rows are there, and what they are of is not")
    return rows == ["align", "call"]


def keeps(bench: Bench) -> None:
    """Have rows kept, and others in their place."""
    bench.archive.keep_rows(_rows("two", "1", "trim"))
    bench.archive.keep_rows(_rows("two", "2", "trim", "map"))


def is_kept(bench: Bench) -> bool:
    """Whether those are there that were kept last, and no others."""
    return _kept(bench.archive, "two") == ["trim", "map"]


def _kept(archive: Archive, run: str) -> list[str]:
    if not archive.read("kept_tables").num_rows:
        return []
    return [row["step"] for row in archive.read("steps").to_pylist() if row["run"] == run]
