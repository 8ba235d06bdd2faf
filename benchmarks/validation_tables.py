"""How fast tables are held against a schema, and CSV is looked at as a file.

    python benchmarks/validation_tables.py [MILLIONS OF ROWS]

A table of ten columns, and as many rules as are usual, in memory, as Parquet and as CSV; on one core.  Seconds are of
the processor's time, so that what else the machine does is left out; best of three.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import numpy as np
import polars as pl

from holotype.validators import Column, Comparison, SchemaCheck, TableSchema, Term, Vocabulary, validate

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 3
SEED = 20_260_101
SCHEMA = TableSchema(
    "measurements",
    (
        Column("id", "integer", unique=True, nullable=False),
        Column("time", "datetime", order="increasing"),
        Column("temperature", "number", unit="Cel", least=-50, most=100),
        Column("pressure", "number", least=800, most=1200, nullable=False),
        Column("count", "integer", least=0),
        Column("quality", "integer", most=93),
        Column("start", "integer", least=0),
        Column("end", "integer"),
        Column("sex", "string", among=("male", "female", "other")),
        Column("well", "string", pattern="[A-H](?:0[1-9]|1[0-2])"),
    ),
    (Comparison("start", "<=", "end"),),
)


def main(millions: float = 10) -> None:
    """Measure everything on so many million rows."""
    frame = table(int(millions * 1_000_000))
    cells = frame.height * frame.width
    check = SchemaCheck(SCHEMA)
    told("dataframe", cells, "cells", lambda: validate(frame, checks=[check]))
    with tempfile.TemporaryDirectory() as folder:
        parquet = Path(folder) / "t.parquet"
        frame.write_parquet(parquet, compression="zstd")
        told("Parquet", cells, "cells", lambda: validate(parquet, checks=[check]))
        part = frame.head(frame.height // 10)
        path = Path(folder) / "t.csv"
        part.write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%S%.6f")
        told("CSV against the schema", part.height * part.width, "cells", lambda: validate(path, checks=[check]))
        told("CSV as a file", path.stat().st_size, "bytes", lambda: validate(path, checks=["csv"]))
        quoted = io.BytesIO()
        part.write_csv(quoted, quote_style="always")
        size = len(quoted.getvalue())
        told("CSV, every field in quotes", size, "bytes", lambda: validate(quoted, name="t.csv", checks=["csv"]))
    shuffled = frame.select(pl.col("id").shuffle(SEED))
    key = SchemaCheck(TableSchema("key", (Column("id", "integer", unique=True),)))
    told("unique, in no order", shuffled.height, "cells", lambda: validate(shuffled, checks=[key]))
    many = Vocabulary("many", (Term(f"X:{each}", f"term number {each} of many") for each in range(100_000)))
    many.near("term")
    began = time.process_time()
    many.near("term numbr 4711 of many")
    print(f"{'a near term among 100,000':<30}{(time.process_time() - began) * 1e3:10.1f} ms")


def told(name: str, amount: int, of: str, work: Callable[[], Any]) -> None:
    """Print how many millions a second."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        report = work()
        best = min(best, time.process_time() - began)
        assert report.ok, report
    print(f"{name:<30}{amount / best / 1e6:10.0f} million {of}/s")


def table(rows: int) -> pl.DataFrame:
    """The table: all of it as the schema asks."""
    chance = np.random.default_rng(SEED)
    start = chance.integers(0, 10**8, rows)
    wells = np.array([f"{row}{column:02d}" for row in "ABCDEFGH" for column in range(1, 13)])
    began = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1e6)
    return pl.DataFrame(
        {
            "id": np.arange(rows),
            "time": pl.Series(began + np.arange(rows) * 1000).cast(pl.Datetime("us")),
            "temperature": chance.normal(20, 3, rows),
            "pressure": chance.normal(1000, 10, rows),
            "count": chance.integers(0, 1000, rows, dtype=np.int32),
            "quality": chance.integers(0, 93, rows, dtype=np.uint8),
            "start": start,
            "end": start + 100,
            "sex": pl.Series(np.array(["male", "female", "other"])[chance.integers(0, 3, rows)]),
            "well": pl.Series(wells[chance.integers(0, len(wells), rows)]),
        }
    )


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]))
