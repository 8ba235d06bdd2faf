"""Reports as rows of tables, and back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import DataRefused, EntryNotFound, repeated, scalar
from holotype.validators import Cost, Report

from ..context import host_here
from .tables import QUARANTINE, REPORT_FILES, REPORT_FINDINGS, REPORT_METRICS, REPORTS

if TYPE_CHECKING:
    from typing import Any

    from holotype.catalog import Segment, State
    from holotype.validators import Action

    from ..context import Context

__all__ = ["Kept", "stored"]

_PARTS = {"findings": REPORT_FINDINGS, "metrics": REPORT_METRICS, "checked": REPORT_FILES}


@dataclass(frozen=True)
class Kept:
    """A report that is to be kept: its identifier, what it is of, and what is done about it."""

    id: str
    report: Report
    dataset: str
    occasion: str
    cost: Cost
    action: Action

    @classmethod
    def of(cls, context: Context, report: Report, *, dataset: str, occasion: str, cost: Cost, action: Action) -> Kept:
        """With a new identifier."""
        return cls(context.entropy(16).hex(), report, dataset, occasion, Cost(cost), action)

    def write(self, context: Context) -> list[Segment]:
        """Segments with all but the row that says of which snapshot it is, which may not be made yet."""
        segments: list[Segment] = []
        for part, table in _PARTS.items():
            rows: pa.Table = getattr(self.report, part)
            if rows.num_rows:
                rows = rows.append_column("report", repeated(self.id, rows.num_rows)).select(table.schema.names)
                segments.append(context.catalog.write(table.name, rows))
        return segments

    def say(self, context: Context, snapshot: str | None, *, reason: str = "") -> list[Segment]:
        """Segments that say of which snapshot it is and, if it is to be in quarantine, that it is."""
        severities = self.report.findings["severity"].to_pylist()
        row: dict[str, Any] = {
            "report": self.id,
            "dataset": self.dataset,
            "snapshot": snapshot,
            "occasion": self.occasion,
            "time": context.clock(),
            "author": context.author,
            "host": host_here(),
            "cost": self.cost.value,
            "files": len(self.report.checked["path"].unique()),
            "notes": severities.count("note"),
            "warnings": severities.count("warning"),
            "errors": severities.count("error"),
            "complete": self.report.complete,
            "action": self.action.value,
            "counts": json.dumps(dict(self.report.counts), sort_keys=True),
        }
        segments = [context.catalog.write("reports", REPORTS.rows([row]))]
        if snapshot is not None and self.action == "quarantine":
            event = {
                "snapshot": snapshot,
                "event": "quarantined",
                "time": context.clock(),
                "author": context.author,
                "reason": reason or f"{row['errors']} errors were found",
                "report": self.id,
            }
            segments.append(context.catalog.write("quarantine", QUARANTINE.rows([event])))
        return segments

    def refuse(self, context: Context) -> None:
        """Keep the report and raise ``DataRefused``, if that is what is to be done."""
        if self.action != "refuse":
            return
        segments = [*self.write(context), *self.say(context, None)]
        context.catalog.commit(add=segments, operation="refused", author=context.author)
        wrong = sum(severity == "error" for severity in self.report.findings["severity"].to_pylist())
        first = next((row for row in self.report.findings.to_pylist() if row["severity"] == "error"), None)
        example = "" if first is None else f"; the first: {first['path']}: {first['message']}"
        raise DataRefused(
            f"{self.dataset} was refused: {wrong} errors in it{example}; archive.report({self.id[:8]!r}) has all",
            report=self.id,
            dataset=self.dataset,
        )


def stored(context: Context, id: str, *, state: State | None = None) -> Report:
    """The report of this identifier, or of a beginning of it that only one has.

    Raises ``EntryNotFound``, or what reading the tables raises.
    """
    catalog = context.catalog
    rows = catalog.read("reports", filter=pc.starts_with(pc.field("report"), id), state=state).to_pylist()
    if len(rows) != 1 or not id:
        raise EntryNotFound(f"{len(rows)} reports have an identifier that begins with {id!r}", report=id)
    whole = rows[0]["report"]
    parts = {
        part: catalog.read(table.name, filter=pc.field("report") == scalar(whole), state=state).drop_columns(["report"])
        for part, table in _PARTS.items()
    }
    return Report(**parts, counts=MappingProxyType(json.loads(rows[0]["counts"])))
