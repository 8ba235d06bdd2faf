"""What one run has used, read from its journal; of one that is over it is remembered beside that.

::

    runs/<run>/journal, records/used.parquet

What is remembered says of which journal it is: of how many bytes, and with which last line.  It counts only for that
one, and only where every page of it is as it was written; else the journal is read, and it is remembered anew.
"""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ..records.kept import key_of
from ..records.tail import last_line
from ..running.journal import read_events

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..running.journal import Event

__all__ = ["ATTEMPTS", "TIME", "Used", "used_by"]

TIME = pl.Datetime("us", "UTC")
ATTEMPTS = {
    "run": pl.String(), "task": pl.String(), "attempt": pl.Int64(), "stage": pl.String(), "submitted": TIME,
    "settled": TIME, "failure": pl.String(), "cpu": pl.Float64(), "memory": pl.Int64(), "read": pl.Int64(),
    "written": pl.Int64(), "cpus": pl.Int64(), "memory_given": pl.Int64(), "gpus": pl.Int64(),
    "licences": pl.String(), "instruments": pl.String(),
}  # fmt: skip
"""The columns of attempts; ``settled`` is missing of one that is not over."""

_READ = {name: pl.Float64() if kind == TIME else kind for name, kind in ATTEMPTS.items()}
_ORDERED = ("time", "workflow", "by", "project", "estimate")
_KEY, _SAID = b"journal", b"ordered"
# Bytes of a journal that are read as soon as what was remembered of it.
_SOON = 64 << 10


@dataclass(frozen=True, eq=False)
class Used:
    """``ordered``: what its journal says of its order.  ``attempts``: all of them, in the columns of ``ATTEMPTS``.
    ``over``: whether it uses nothing more.
    """

    run: str
    ordered: Mapping[str, Any]
    attempts: pl.DataFrame
    over: bool


def used_by(journal: Path) -> Used | None:
    """What the run of a journal has used; ``None`` where it was not ordered yet.

    Raises ``ObjectDamaged`` where the journal is not as it was written, and ``OSError`` where it is not there.
    """
    size, line = last_line(journal)
    key = key_of(size, line) if line and size > _SOON else None
    if key is not None and (known := _remembered(journal, key)) is not None:
        return known
    read = _Read(journal.parent.name)
    for event in read_events(journal):
        read.take(event)
    if not read.ordered:
        return None
    found = read.used()
    if key is not None and found.over:
        _remember(journal, key, found)
    return found


@dataclass
class _Read:
    """A journal that is being read."""

    run: str
    ordered: Event = field(default_factory=dict)
    attempts: list[dict[str, Any]] = field(default_factory=list)
    unsettled: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    over: bool = False

    def take(self, event: Event) -> None:
        """Take note of what happened next."""
        match event["what"]:
            case "ordered":
                self.ordered = event
            case "begun":
                self.over = False
                row = self._begun(event)
                self.attempts.append(row)
                self.unsettled.setdefault(event["task"], []).append(row)
            case "over" | "ended":
                for row in self.unsettled.pop(event["task"], ()):
                    row |= self._ended(event)
            case "measured":
                self.over = event["over"]
            case _:
                pass  # it uses nothing

    def used(self) -> Used:
        """What it has used."""
        times = [((pl.col(name) * 1e6).round().cast(pl.Int64).cast(TIME)) for name in ("submitted", "settled")]
        rows = pl.DataFrame(self.attempts, schema=_READ).with_columns(times)
        ordered = {name: self.ordered[name] for name in _ORDERED if name in self.ordered}
        return Used(self.run, ordered, rows, over=self.over and not self.unsettled)

    def _begun(self, event: Event) -> dict[str, Any]:
        needs = event["needs"]
        return {
            "run": self.run,
            "task": event["task"],
            "attempt": event["attempt"],
            "stage": event.get("stage", ""),
            "submitted": event["time"],
            "cpus": needs["cpus"],
            "memory_given": needs["memory"],
            "gpus": needs["gpus"],
            "licences": json.dumps(needs["licences"]),
            "instruments": json.dumps(needs["instruments"]),
        }

    def _ended(self, event: Event) -> dict[str, Any]:
        used = event.get("used", {})
        failure = event["happened"]["failure"] if "happened" in event else None
        return {
            "settled": event["time"],
            "failure": "stopped" if event["what"] == "ended" else failure,
            **{name: used.get(name) for name in ("cpu", "memory", "read", "written")},
        }


def _where(journal: Path) -> Path:
    return journal.parent / "records" / "used.parquet"


def _remembered(journal: Path, key: str) -> Used | None:
    try:
        with pq.ParquetFile(_where(journal), page_checksum_verification=True) as file:
            said = file.schema_arrow.metadata or {}
            if said.get(_KEY) != key.encode():
                return None
            rows = pl.DataFrame(file.read().replace_schema_metadata(None))
            ordered = json.loads(said[_SAID])
    except (OSError, pa.ArrowException, KeyError, ValueError):  # there is none, or it is not as it was written
        return None
    return Used(journal.parent.name, ordered, rows, over=True) if dict(rows.schema) == ATTEMPTS else None


def _remember(journal: Path, key: str, found: Used) -> None:
    """Remember it; where that cannot be written, the journal is read again the next time."""
    where = _where(journal)
    said = {_KEY: key.encode(), _SAID: json.dumps(dict(found.ordered)).encode()}
    new = where.with_name(f"{where.name}.{secrets.token_hex(4)}.new")
    with suppress(OSError):
        where.parent.mkdir(exist_ok=True)
        try:
            rows = found.attempts.to_arrow().replace_schema_metadata(said)
            pq.write_table(rows, new, compression="zstd", write_page_checksum=True)
            os.replace(new, where)
        finally:
            new.unlink(missing_ok=True)
