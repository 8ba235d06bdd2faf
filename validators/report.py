"""Reports: everything that was found, as Arrow tables that join with anything else."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute

from .findings import Severity
from .metrics import MORE
from .tabled import CHECKED, FINDINGS, METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import polars as pl

__all__ = ["Report"]

# pyarrow makes these functions when it is imported, where no checker sees them.
pc: Any = pyarrow.compute


# Characters of what names a record, in a line.
_RECORD = 60


@dataclass(frozen=True, eq=False)
class Report:
    """What was found.

    ``findings``: Arrow, see ``tabled.FINDINGS``; of each code and file some are kept.  ``counts``: how many there are
    in truth, by code.  ``metrics``: Arrow, see ``tabled.METRICS``.  ``checked``: Arrow, one row for each file and each
    check that looked at it.
    """

    findings: pa.Table
    metrics: pa.Table
    checked: pa.Table
    counts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (self.findings, self.metrics, self.checked, dict(self.counts))  # a proxy cannot be pickled

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; warnings and notes are allowed."""
        return not self.worst or self.worst is not Severity.ERROR

    @property
    def worst(self) -> Severity | None:
        """The worst severity there is, ``None`` without findings."""
        there = self.findings["severity"].unique().to_pylist()
        return max(map(Severity, there), key=lambda each: each.rank, default=None)

    @property
    def complete(self) -> bool:
        """Whether every check looked at all that it was asked to."""
        return all(self.checked["complete"].to_pylist())

    @property
    def codes(self) -> frozenset[str]:
        """The codes of all findings."""
        return frozenset(self.counts)

    @property
    def summary(self) -> pl.DataFrame:
        """One row for each file and code: ``path``, ``code``, ``severity``, ``kept`` findings, the first ``line`` and
        ``message``.
        """
        import polars as pl  # it takes half a second, and most callers ask only whether all is well

        frame = pl.DataFrame(pl.from_arrow(self.findings))
        return frame.group_by("path", "code", "severity", maintain_order=True).agg(
            kept=pl.len(), line=pl.col("line").first(), message=pl.col("message").first()
        )

    def metric(self, name: str, *, of: str = "", path: str | None = None) -> float | None:
        """The value of one figure, ``None`` when nobody found it."""
        wanted = pc.and_(pc.equal(self.metrics["name"], name), pc.equal(self.metrics["of"], of))
        if path is not None:
            wanted = pc.and_(wanted, pc.equal(self.metrics["path"], path))
        values = self.metrics["value"].filter(wanted).to_pylist()
        return values[0] if values else None

    def of(self, path: str) -> Report:
        """The part of it that is about one file."""
        findings, metrics, checked = (
            table.filter(pc.equal(table["path"], path)) for table in (self.findings, self.metrics, self.checked)
        )
        return Report.of_tables(findings, metrics, checked)

    @classmethod
    def of_tables(cls, findings: pa.Table, metrics: pa.Table, checked: pa.Table) -> Report:
        """A report of parts of others; how many findings there are is told by their metrics."""
        return cls(findings, metrics, checked, _counted(findings, metrics))

    def __str__(self) -> str:
        files = len(self.checked["path"].unique())
        if not self.counts:
            return f"{files} looked at, nothing found"
        lines = [f"{files} looked at, {sum(self.counts.values())} findings:"]
        for row in self.findings.slice(0, 20).to_pylist():
            line = "" if row["line"] is None else f":{row['line']}"
            path = row["path"] if row["path"].isprintable() else ascii(row["path"])[1:-1]
            where = "" if row["record"] is None else f" ({row['record'][:_RECORD]})"
            where = where if where.isprintable() else ascii(where)[1:-1]
            lines.append(f"  {path}{line}{where}: {row['severity']} {row['code']}: {row['message']}")
        return "\n".join(lines)

    def to_json(self) -> str:
        """All of it as JSON, which ``from_json`` reads."""
        tables = {name: getattr(self, name).to_pylist() for name in _TABLES}
        for row in tables["metrics"]:
            if not math.isfinite(row["value"]):
                row["value"] = str(row["value"])  # JSON has no NaN
        return json.dumps({**tables, "counts": dict(self.counts)}, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Report:
        """The report that ``to_json`` wrote."""
        told = json.loads(text)
        told["metrics"] = [row | {"value": float(row["value"])} for row in told["metrics"]]
        tables = {name: pa.Table.from_pylist(told[name], schema=schema) for name, schema in _TABLES.items()}
        return cls(**tables, counts=MappingProxyType(dict(told["counts"])))

    @classmethod
    def together(cls, reports: Iterable[Report]) -> Report:
        """Several reports as one."""
        every = list(reports)
        counts: dict[str, int] = {}
        for report in every:
            for code, count in report.counts.items():
                counts[code] = counts.get(code, 0) + count
        tables = {
            name: pa.concat_tables([schema.empty_table(), *(getattr(each, name) for each in every)]).combine_chunks()
            for name, schema in _TABLES.items()
        }
        return cls(**tables, counts=MappingProxyType(counts))


_TABLES = {"findings": FINDINGS, "metrics": METRICS, "checked": CHECKED}


def _again(findings: pa.Table, metrics: pa.Table, checked: pa.Table, counts: dict[str, int]) -> Report:
    return Report(findings, metrics, checked, MappingProxyType(counts))


def _counted(findings: pa.Table, metrics: pa.Table) -> Mapping[str, int]:
    """How many findings there are of each code, those that were not kept included."""
    counts: dict[str, int] = {each["values"]: each["counts"] for each in findings["code"].value_counts().to_pylist()}
    for row in metrics.filter(pc.equal(metrics["name"], MORE)).select(["of", "value"]).to_pylist():
        counts[row["of"]] = counts.get(row["of"], 0) + int(row["value"])
    return MappingProxyType(counts)
