"""A table is held against the version before it, by what is stored of that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holotype.validators import (
    DriftCheck,
    DriftLimits,
    InvalidChoice,
    Profile,
    SchemaUnreadable,
    TableUnreadable,
    drift,
    profile,
    validate,
)

if TYPE_CHECKING:
    from pathlib import Path

CHANCE = np.random.default_rng(1)


def table(rows: int = 20_000, **other: Any) -> pl.DataFrame:
    """A table as it usually is."""
    usual: dict[str, Any] = {
        "x": CHANCE.normal(10, 2, rows),
        "n": CHANCE.integers(0, 5, rows),
        "sex": CHANCE.choice(["m", "f"], rows),
        "day": pl.Series(CHANCE.integers(18_000, 19_000, rows)).cast(pl.Int32).cast(pl.Date),
        "ok": CHANCE.random(rows) < 0.9,
    }
    return pl.DataFrame({**usual, **other})


BEFORE = table()


def told(new: pl.DataFrame, **limits: float) -> set[tuple[str, str | None]]:
    """Codes and columns."""
    report = drift(BEFORE, new, limits=DriftLimits(**limits))
    return {(row["code"], row["column"]) for row in report.findings.to_pylist()}


def test_a_table_of_the_same_kind_has_not_drifted() -> None:
    assert told(table()) == set()
    assert told(BEFORE) == set()
    report = drift(BEFORE, BEFORE)
    assert report.metric("drift.stability", of="x") == pytest.approx(0, abs=0.01)
    assert report.metric("drift.ks", of="x") == 0


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (lambda: table(rows=5_000), ("drift.rows", None)),
        (lambda: table().drop("x"), ("drift.column.removed", "x")),
        (lambda: table().with_columns(y=1), ("drift.column.added", "y")),
        (lambda: table().with_columns(pl.col("n").cast(pl.String)), ("drift.type", "n")),
        (lambda: table(x=CHANCE.normal(13, 2, 20_000)), ("drift.distribution", "x")),
        (lambda: table(x=CHANCE.normal(10, 9, 20_000)), ("drift.distribution", "x")),
        (lambda: table(n=CHANCE.choice([0, 4], 20_000)), ("drift.distribution", "n")),
        (lambda: table().with_columns(pl.col("day") + pl.duration(days=900)), ("drift.distribution", "day")),
        (lambda: table(sex=CHANCE.choice(["m", "f"], 20_000, p=[0.95, 0.05])), ("drift.shares", "sex")),
        (lambda: table(sex=CHANCE.choice(["m", "f", "q"], 20_000, p=[0.5, 0.49, 0.01])), ("drift.value.new", "sex")),
        (lambda: table().with_columns(x=pl.when(pl.col("x") > 9).then("x")), ("drift.nulls", "x")),
        (lambda: table(ok=[False] * 20_000), ("drift.value.lost", "ok")),
    ],
)
def test_each_way_of_drifting_is_told(new: Any, expected: tuple[str, str | None]) -> None:
    assert expected in told(new())


def test_limits_say_how_much_is_too_much() -> None:
    little = table(x=CHANCE.normal(10.3, 2, 20_000))
    assert told(little) == set()
    assert told(little, stability=0.01) >= {("drift.distribution", "x")}
    with pytest.raises(InvalidChoice, match="rows"):
        DriftLimits(rows=-1)


def test_a_profile_is_stored_as_json_and_stands_for_the_table() -> None:
    stored = profile(BEFORE).to_json()
    again = Profile.from_json(stored)
    assert again == profile(BEFORE)
    assert validate(table(), checks=[DriftCheck(again)]).ok
    assert drift(again, table().drop("x")).codes == {"drift.column.removed"}
    for text in ("{}", "[]", stored.replace('"rows": 20000', '"rows": "x"'), stored.replace('"m"', "3")):
        with pytest.raises(SchemaUnreadable):
            Profile.from_json(text)


def test_a_profile_says_what_the_table_is_like() -> None:
    by_name = {column.name: column for column in profile(BEFORE).columns}
    x, values = by_name["x"], BEFORE["x"].to_numpy()
    assert x.mean == pytest.approx(values.mean())
    assert x.deviation == pytest.approx(values.std())
    assert x.quantiles[10] == pytest.approx(np.median(values), abs=0.01)
    assert by_name["sex"].shares["m"] == pytest.approx((BEFORE["sex"] == "m").mean())


def test_more_rows_than_are_kept_are_profiled_from_a_sample() -> None:
    values = CHANCE.normal(5, 1, 1_000_000)
    (column,) = profile(pl.DataFrame({"x": values})).columns
    assert column.quantiles[10] == pytest.approx(5, abs=0.05)
    assert column.mean == pytest.approx(values.mean())


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_files_are_profiled_as_tables_are(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"t.{kind}"
    if kind == "csv":
        BEFORE.write_csv(path)
    else:
        BEFORE.write_parquet(path)
    assert drift(BEFORE, path).codes == set()
    assert drift(path, BEFORE).codes == set()
    path.write_bytes(b"PAR1 nothing")
    if kind == "parquet":
        assert drift(BEFORE, path).codes == {"drift.unreadable"}
        with pytest.raises(TableUnreadable):
            profile(path)


@given(st.lists(st.none() | st.floats(), max_size=30), st.lists(st.none() | st.floats(), max_size=30))
def test_whatever_is_compared_there_is_a_report(one: list[float | None], other: list[float | None]) -> None:
    old, new = (pl.DataFrame({"x": pl.Series(values, dtype=pl.Float64)}) for values in (one, other))
    assert "check.crashed" not in drift(old, new).codes
    assert drift(old, old).codes == set()
