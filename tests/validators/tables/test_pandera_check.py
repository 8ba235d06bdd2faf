"""pandera itself looks at tables, with the checks that only pandera has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pandera.pandas
import pandera.polars
import polars as pl
import pytest

from holotype.validators import Limits, PanderaCheck, SchemaUnreadable, validate

if TYPE_CHECKING:
    from pathlib import Path


def even(data: Any) -> Any:
    """A check of the user's own."""
    return data.lazyframe.select(pl.col(data.key) % 2 == 0)


POLARS = pandera.polars.DataFrameSchema(
    {"n": pandera.polars.Column(pl.Int64, pandera.polars.Check(even, name="even")), "s": pandera.polars.Column(str)}
)
PANDAS = pandera.pandas.DataFrameSchema(
    {"n": pandera.pandas.Column("int64", pandera.pandas.Check(lambda n: n % 2 == 0, name="even"))}
)
DATA: dict[str, Any] = {"n": [2, 3, 4, 5], "s": ["a", "b", "c", "d"]}


@pytest.mark.parametrize("kind", ["polars", "pandas", "csv", "parquet"])
@pytest.mark.parametrize("schema", [POLARS, PANDAS], ids=["of polars", "of pandas"])
def test_a_check_of_the_users_own_is_run_and_each_failure_told(kind: str, schema: Any, tmp_path: Path) -> None:
    frame = pl.DataFrame(DATA)
    given: Any = {"polars": frame, "pandas": pd.DataFrame(DATA)}.get(kind, tmp_path / f"t.{kind}")
    if kind == "csv":
        frame.write_csv(given)
    elif kind == "parquet":
        frame.write_parquet(given)
    report = validate(given, checks=[PanderaCheck(schema)])
    assert dict(report.counts) == {"table.pandera": 2}
    told = [(row["row"], row["column"], row["seen"], row["expected"]) for row in report.findings.to_pylist()]
    assert told == [(1, "n", "3", "even"), (3, "n", "5", "even")]


def test_a_column_that_is_missing_or_no_number_is_told_as_pandera_tells_it(tmp_path: Path) -> None:
    assert validate(pl.DataFrame({"n": [2]}), checks=[PanderaCheck(POLARS)]).codes == {"table.pandera"}
    path = tmp_path / "t.csv"
    path.write_text("n,s\nx,a\n", encoding="utf-8")
    assert validate(path, checks=[PanderaCheck(POLARS)]).codes == {"table.pandera"}


def test_no_more_of_a_file_is_held_than_the_limits_allow(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"n": [2] * 500_000, "s": ["a"] * 500_000}).write_parquet(path)
    report = validate(path, checks=[PanderaCheck(POLARS)], limits=Limits(memory=1000))
    assert report.codes == {"table.pandera.large"}
    assert not report.complete


def test_what_is_no_table_or_no_schema_of_pandera_is_told(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1")
    assert validate(path, checks=[PanderaCheck(POLARS)]).codes == {"table.pandera.unreadable"}
    with pytest.raises(SchemaUnreadable):
        PanderaCheck(3)
