"""A table is held against a schema, and every value that breaks a rule is told with its place."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.validators import (
    Column,
    Comparison,
    Condition,
    Implication,
    InvalidChoice,
    Key,
    Limits,
    Reference,
    Rule,
    SchemaCheck,
    Sum,
    TableSchema,
    validate,
    validate_folder,
)

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.validators import Report


def judged(table: Any, *columns: Column, rules: tuple[Rule, ...] = (), **options: Any) -> Report:
    """The report on a table by a schema of these columns."""
    schema = TableSchema("test", columns, rules, **options)
    return validate(table, checks=[SchemaCheck(schema)])


def rows_of(report: Report, code: str) -> list[int]:
    """The rows that a rule was broken in."""
    return [row["row"] for row in report.findings.to_pylist() if row["code"] == code]


def frame(**columns: Any) -> pl.DataFrame:
    """A table of these columns."""
    return pl.DataFrame(columns, strict=False)


PATIENTS = frame(
    id=["S1", "S2", "S1", "x"],
    age=[3, -1, 200, 3],
    warmth=[1.0, float("nan"), 60.0, None],
    sex=["m", "f", "q", "m"],
    day=[date(2000, 1, 2), date(2000, 1, 1), None, date(1999, 1, 1)],
    end=[date(2000, 1, 1)] * 4,
)
SCHEMA = TableSchema(
    "patients",
    (
        Column("id", "string", nullable=False, unique=True, pattern=r"S\d+"),
        Column("age", "integer", least=0, most=120),
        Column("warmth", "number", unit="Cel", most=50, nullable=False),
        Column("sex", "string", among=("m", "f")),
        Column("day", "date", order="increasing", least=date(2000, 1, 1)),
        Column("end", "date"),
    ),
    (Key(("sex", "age")), Comparison("day", "<=", "end"), Reference(("sex",), "sexes")),
)
SEXES = frame(sex=["m", "f"])
BROKEN = {
    "table.pattern": 1,
    "table.unique": 1,
    "table.range": 4,
    "table.null": 2,
    "table.value": 1,
    "table.order": 2,
    "table.key": 1,
    "table.comparison": 1,
    "table.reference": 1,
}


def written(kind: str, folder: Path) -> Any:
    """The patients as some library or format has them."""
    path = folder / f"patients.{kind}"
    match kind:
        case "pandas":
            return pd.DataFrame(PATIENTS.to_dict(as_series=False)).assign(day=pd.to_datetime(PATIENTS["day"].to_list()))
        case "pyarrow":
            return PATIENTS.to_arrow()
        case "batch":
            return PATIENTS.to_arrow().combine_chunks().to_batches()[0]
        case "lazy":
            return PATIENTS.lazy()
        case "csv":
            PATIENTS.write_csv(path)
        case "tsv":
            PATIENTS.write_csv(path, separator="\t")
        case "parquet":
            PATIENTS.write_parquet(path)
        case "arrow":
            PATIENTS.write_ipc(path, compat_level=pl.CompatLevel.oldest())
        case "arrows":
            PATIENTS.write_ipc_stream(path, compat_level=pl.CompatLevel.oldest())
        case _:
            return PATIENTS
    return path


@pytest.mark.filterwarnings("ignore:.*CompatLevel.*")
@pytest.mark.parametrize(
    "kind", ["polars", "lazy", "pandas", "pyarrow", "batch", "csv", "tsv", "parquet", "arrow", "arrows"]
)
def test_the_verdict_is_the_same_whatever_library_or_format_the_table_is_of(kind: str, tmp_path: Path) -> None:
    report = validate(written(kind, tmp_path), also=[SchemaCheck(SCHEMA, tables={"sexes": SEXES})])
    assert {code: count for code, count in report.counts.items() if code.startswith("table.")} == BROKEN
    assert rows_of(report, "table.unique") == [2]
    assert rows_of(report, "table.null") == [1, 3]
    assert report.metric("table.rows") == 4
    assert report.metric("table.range.count", of="age") == 2


def test_a_finding_says_row_column_what_is_there_and_what_should_be() -> None:
    row = judged(frame(age=[1, 2, 300]), Column("age", "integer", least=0, most=120)).findings.to_pylist()[0]
    assert (row["row"], row["column"], row["seen"], row["expected"]) == (2, "age", "300", "at least 0 and at most 120")


def test_all_are_counted_though_only_some_are_told_one_by_one_and_no_column_leaves_another_out() -> None:
    table = frame(one=[-1] * 5000, two=[*[1] * 4999, -1])
    report = judged(table, Column("one", "integer", least=0), Column("two", "integer", least=0))
    assert report.counts["table.range"] == 5001
    assert {row["column"] for row in report.findings.to_pylist()} == {"one", "two"}
    assert report.metric("table.range.count", of="one") == 5000


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("boolean", [True, None], [1, 0]),
        ("integer", [1, 2], [1.5, 2.0]),
        ("number", [1, 2], ["1", "2"]),
        ("int16", pl.Series([1], dtype=pl.Int8), [1, 2]),
        ("float64", pl.Series([1.0], dtype=pl.Float32), ["1"]),
        ("string", ["a"], [1]),
        ("date", [date(2020, 1, 1)], ["2020-01-01"]),
        ("datetime", [datetime(2020, 1, 1, tzinfo=UTC)], [date(2020, 1, 1)]),
        ("binary", [b"x"], ["x"]),
    ],
)
def test_a_dataframe_has_the_types_that_are_declared(kind: str, good: Any, bad: Any) -> None:
    assert judged(pl.DataFrame({"a": good}), Column("a", kind)).ok
    assert judged(pl.DataFrame({"a": bad}), Column("a", kind)).codes == {"table.type"}


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("integer", "12", "1.5"),
        ("number", "-1.5e3", "12,5"),
        ("boolean", "TRUE", "maybe"),
        ("date", "2020-02-29", "2021-02-29"),
        ("datetime", "2020-01-01T12:00:00Z", "yesterday"),
        ("datetime", "2020-01-01 12:00:00.5+02:00", "2020-13-01T12:00:00"),
        ("time", "12:30:00", "25:00:00"),
        ("uint8", "255", "256"),
    ],
)
def test_text_of_a_file_is_read_as_the_type_that_is_declared(kind: str, good: str, bad: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f'a,b\n"{good}",1\n,2\n', encoding="utf-8")
    schema = TableSchema("t", (Column("a", kind), Column("b", "integer")))
    assert validate(path, checks=[SchemaCheck(schema)]).ok
    path.write_text(f'a,b\n"{good}",1\n"{bad}",2\n', encoding="utf-8")
    report = validate(path, checks=[SchemaCheck(schema)])
    (row,) = report.findings.to_pylist()
    assert (row["code"], row["row"], row["column"], row["seen"], row["expected"]) == ("table.type", 1, "a", bad, kind)


def test_a_column_of_pandas_with_values_of_several_types_is_told_with_those_types() -> None:
    report = judged(pd.DataFrame({"a": [1, "two", 3.0]}), Column("a", "integer"))
    assert report.codes == {"table.type"}
    assert report.findings.to_pylist()[0]["seen"] == "float, int, str"


def test_a_missing_value_is_missing_whether_it_is_null_or_nan_or_what_the_schema_says(tmp_path: Path) -> None:
    column = Column("a", "number", nullable=False)
    assert rows_of(judged(frame(a=[1.0, float("nan"), None]), column), "table.null") == [1, 2]
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,x\nNA,x\nnan,x\n-,x\n", encoding="utf-8")
    report = judged(path, column, Column("b"), missing=("NA", "-"))
    assert rows_of(report, "table.null") == [1, 2, 3]
    assert report.metric("table.nulls", of="a") == 3


def test_columns_are_those_that_are_declared() -> None:
    table = frame(b=[1], a=[1], c=[1])
    columns = Column("a"), Column("b"), Column("d"), Column("e", required=False)
    report = judged(table, *columns, ordered=True)
    told = {(row["code"], row["column"]) for row in report.findings.to_pylist()}
    assert told == {("table.column.missing", "d"), ("table.column.extra", "c"), ("table.column.order", None)}
    assert judged(table, Column("a"), extra=True).ok


def test_two_columns_of_one_name_are_told() -> None:
    table = pa.table([pa.array([1]), pa.array(["x"])], names=["a", "a"])
    assert judged(table, Column("a", "integer")).codes == {"table.column.duplicate"}


@pytest.mark.parametrize(
    ("column", "values", "wrong"),
    [
        (Column("a", "number", above=0, below=1), [0.0, 0.5, 1.0, float("inf"), None], [0, 2, 3]),
        (Column("a", "string", shortest=2, longest=3), ["ä", "äö", "abc", "abcd", None], [0, 3]),
        (Column("a", "string", pattern="a|b"), ["a", "b", "ab", "a\n", None], [2, 3]),
        (Column("a", "integer", among=(1, 2)), [1, 2, 3, None], [2]),
        (Column("a", "number", among=(1, 2.5)), [1.0, 2.5, 2.0, None], [2]),
        (Column("a", "boolean", among=(True,)), [True, False, None], [1]),
        (Column("a", "integer", order="strictly increasing"), [1, None, 1, 2, 0, None, 1], [2, 4]),
        (Column("a", "integer", order="decreasing"), [3, 3, 4, 1], [2]),
        (Column("a", "integer", order="strictly decreasing"), [3, 3, 4, 1], [1, 2]),
        (Column("a", "string", unique=True), ["x", "y", "x", None, None, "x"], [2, 5]),
        (Column("a", "number", unique=True), [1.0, 2.0, 1.0], [2]),
    ],
)
def test_each_rule_of_a_column_is_told_of_the_rows_that_break_it(column: Column, values: Any, wrong: list[int]) -> None:
    report = judged(pl.DataFrame({"a": values}), column)
    assert [row["row"] for row in report.findings.to_pylist()] == wrong


def test_a_category_is_judged_as_the_text_it_stands_for() -> None:
    table = pl.DataFrame({"a": pl.Series(["m", "f", "q"], dtype=pl.Categorical)})
    assert rows_of(judged(table, Column("a", "string", among=("m", "f"))), "table.value") == [2]
    of_pandas = pd.DataFrame({"a": pd.Categorical(["m", "f", "q"])})
    assert rows_of(judged(of_pandas, Column("a", "string", pattern="[mf]")), "table.pattern") == [2]


def test_a_range_of_days_and_times_holds_with_a_zone_and_without() -> None:
    column = Column("a", "datetime", least=date(2020, 1, 1), below=datetime(2021, 1, 1, tzinfo=UTC))
    times = [datetime(2019, 12, 31, 23), datetime(2020, 1, 1), datetime(2021, 1, 1)]  # noqa: DTZ001
    assert rows_of(judged(pl.DataFrame({"a": times}), column), "table.range") == [0, 2]
    zoned = pl.DataFrame({"a": [each.replace(tzinfo=UTC) for each in times]})
    assert rows_of(judged(zoned, column), "table.range") == [0, 2]


def in_unit(unit: str, masses: list[float]) -> Any:
    """An Arrow table that says the unit of its masses."""
    return pa.table({"mass": masses}, schema=pa.schema([pa.field("mass", pa.float64(), metadata={"unit": unit})]))


def test_a_range_holds_in_the_unit_that_the_table_gives() -> None:
    schema = TableSchema("t", (Column("mass", "number", unit="g", least=1, most=5),))
    table = pa.table(
        {"mass": [2000.0, 6000.0]}, schema=pa.schema([pa.field("mass", pa.float64(), metadata={"unit": "mg"})])
    )
    report = validate(table, checks=[SchemaCheck(schema)])
    assert rows_of(report, "table.range") == [1]
    assert report.findings.to_pylist()[-1]["expected"] == "at least 1000.0 and at most 5000.0 mg"
    assert "table.unit.other" in report.codes
    told = validate(frame(mass=[0.002, 0.006]), checks=[SchemaCheck(schema, units={"mass": "kg"})])
    assert rows_of(told, "table.range") == [1]


def test_a_unit_that_measures_something_else_is_told() -> None:
    schema = TableSchema("t", (Column("mass", "number", unit="g"),))
    table = in_unit("m", [1.0])
    assert validate(table, checks=[SchemaCheck(schema)]).codes == {"table.unit"}


def test_a_key_is_unique_over_several_columns_and_says_where_it_was_first() -> None:
    table = frame(a=[1, 1, 2, 1, None, None], b=["x", "y", "x", "x", "x", "x"])
    report = judged(table, Column("a"), Column("b"), rules=(Key(("a", "b")),))
    (row,) = report.findings.to_pylist()
    assert (row["code"], row["row"], row["record"], row["seen"]) == ("table.key", 3, "a, b", "1, x")
    assert "row 0" in row["message"]


@pytest.mark.parametrize("memory", [1, 1 << 30])
def test_a_key_of_many_rows_in_no_order_is_unique_whatever_memory_there_is(memory: int) -> None:
    ids = np.random.default_rng(1).permutation(700_000)
    ids[-1], ids[500_000] = ids[0], ids[1]
    schema = TableSchema("t", (Column("id", "integer", unique=True),))
    report = validate(pl.DataFrame({"id": ids}), checks=[SchemaCheck(schema)], limits=Limits(memory=memory))
    assert rows_of(report, "table.unique") == [500_000, 699_999]


def test_a_key_that_rises_for_long_and_then_does_not_is_found_all_the_same() -> None:
    ids = np.arange(400_000)
    ids[-1] = 7
    assert rows_of(judged(pl.DataFrame({"id": ids}), Column("id", unique=True)), "table.unique") == [399_999]
    words = pl.DataFrame({"id": pl.Series(ids).cast(pl.String).str.zfill(8)})
    assert rows_of(judged(words, Column("id", unique=True)), "table.unique") == [399_999]


def test_a_key_with_one_value_only_is_counted_in_full() -> None:
    assert judged(pl.DataFrame({"id": [1] * 300_000}), Column("id", unique=True)).counts["table.unique"] == 299_999


def test_order_holds_over_pieces_and_over_missing_values() -> None:
    times = np.arange(600_000)
    times[400_000] = 0
    series = pl.Series("t", times).to_frame().with_columns(pl.when(pl.col("t") != 131_071).then("t"))
    assert rows_of(judged(series, Column("t", order="increasing")), "table.order") == [400_000]


def test_a_reference_leads_to_a_row_of_another_table_or_file(tmp_path: Path) -> None:
    donors = tmp_path / "donors.csv"
    donors.write_text("id,site\n1,a\n2,b\n", encoding="utf-8")
    schema = TableSchema(
        "t",
        (Column("donor", "integer"), Column("site", "string")),
        (Reference(("donor", "site"), "donors", ("id", "site")),),
    )
    table = frame(donor=[1, 2, 1, None], site=["a", "b", "b", "a"])
    report = validate(table, checks=[SchemaCheck(schema, tables={"donors": donors})])
    (row,) = report.findings.to_pylist()
    assert (row["code"], row["row"], row["seen"], row["expected"]) == ("table.reference", 2, "1, b", "donors: id, site")
    floats = validate(pd.DataFrame({"donor": [1.0, 3.0, None], "site": ["a", "b", None]}),
                      checks=[SchemaCheck(schema, tables={"donors": donors})])  # fmt: skip
    assert rows_of(floats, "table.reference") == [1]


def test_a_reference_to_what_is_not_there_is_told(tmp_path: Path) -> None:
    schema = TableSchema("t", (Column("a"),), (Reference(("a",), "other", ("b",)),))
    with pytest.raises(InvalidChoice, match="refers to other"):
        SchemaCheck(schema)
    for other in (frame(c=[1]), tmp_path / "absent.csv"):
        report = validate(frame(a=[1]), checks=[SchemaCheck(schema, tables={"other": other})])
        assert report.codes == {"table.reference"}


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        (Comparison("a", "<", "b"), [1, 2]),
        (Comparison("a", "==", "b"), [0, 2]),
        (Sum(("a", "b"), "c"), [2]),
        (Sum(("a", "b"), 4.0, tolerance=0.5), [0]),
        (Implication(Condition("a", ">", 1), Condition("d", "not null")), [2]),
        (Implication(Condition("d", "null"), Condition("a", "<=", 1)), [2, 3]),
    ],
)
def test_a_rule_between_columns_is_told_of_the_rows_that_break_it(rule: Rule, wrong: list[int]) -> None:
    table = frame(a=[1, 2, 3, None], b=[2, 2, 1, 1], c=[3, 4, 5, 6], d=["x", "y", None, None])
    report = judged(table, *(Column(name) for name in "abcd"), rules=(rule,))
    assert [row["row"] for row in report.findings.to_pylist()] == wrong


def test_columns_are_compared_and_added_in_one_unit() -> None:
    columns = Column("a", "number", unit="mg"), Column("b", "number", unit="g"), Column("c", "number", unit="g")
    table = frame(a=[500.0, 1500.0], b=[1.0, 1.0], c=[1.5, 1.5])
    assert rows_of(judged(table, *columns, rules=(Comparison("a", "<", "b"),)), "table.comparison") == [1]
    assert rows_of(judged(table, *columns, rules=(Sum(("a", "b"), "c", tolerance=1e-9),)), "table.sum") == [1]


def test_columns_that_cannot_be_compared_are_a_finding() -> None:
    report = judged(frame(a=["x"], b=[1]), Column("a"), Column("b"), rules=(Comparison("a", "<", "b"),))
    assert report.codes == {"table.comparison"}


def test_a_table_has_as_many_rows_as_the_schema_says() -> None:
    assert judged(frame(a=[1]), Column("a"), rows_least=2).codes == {"table.rows"}
    assert judged(frame(a=[1, 2, 3]), Column("a"), rows_most=2).codes == {"table.rows"}
    assert judged(pl.DataFrame({"a": []}), Column("a", "integer"), rows_least=0).ok


def test_what_is_no_table_is_a_finding_and_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    path.write_text("{}", encoding="utf-8")
    schema = TableSchema("t", (Column("a"),))
    assert validate(path, also=[SchemaCheck(schema)]).codes == {"table.format"}
    assert validate(path, also=[SchemaCheck(schema, files=("*.csv",))]).codes == set()


def test_a_report_names_the_schema_only_for_files_that_it_is_for(tmp_path: Path) -> None:
    for name in ("one.csv", "two.tsv"):
        (tmp_path / name).write_text("a\n1\n", encoding="utf-8")
    held = SchemaCheck(TableSchema("t", (Column("a"),)), files=("*.csv",))
    rows = validate_folder(tmp_path, checks=[held]).checked.to_pylist()
    assert [row["path"] for row in rows if row["check"] == "table.schema"] == ["one.csv"]


def test_a_damaged_file_is_a_finding_wherever_it_breaks_off(tmp_path: Path) -> None:
    pl.DataFrame({"a": range(200_000)}).write_parquet(path := tmp_path / "t.parquet")
    data = path.read_bytes()
    schema = TableSchema("t", (Column("a", "integer"),))
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    for damaged in (data[:1000], data[: len(data) // 2], data[:footer] + bytes(40) + data[footer + 40 :]):
        path.write_bytes(damaged)
        report = validate(path, checks=[SchemaCheck(schema)])
        assert not report.ok
        assert "check.crashed" not in report.codes, report.findings.to_pylist()


def test_rows_of_another_length_are_left_out_and_the_others_keep_their_places(tmp_path: Path) -> None:
    lines = ["a,b", "1,2", "3", "x,4", "", "5,6,7", "y,8"]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    report = judged(path, Column("a", "integer"), Column("b", "integer"))
    assert rows_of(report, "table.type") == [2, 4]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_in_another_encoding_that_says_so_is_read(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("größe;b\n1;ä\n-1;ö\n".encode(encoding))
    report = judged(path, Column("größe", "integer", least=0), Column("b", "string", pattern="[äö]"))
    assert report.codes == {"table.range"}
    assert rows_of(report, "table.range") == [1]


def test_a_packed_file_and_a_file_object_are_read_as_well() -> None:
    packed = io.BytesIO(gzip.compress(b"a\n1\n-1\n"))
    schema = TableSchema("t", (Column("a", "integer", least=0),))
    report = validate(packed, name="t.csv.gz", checks=[SchemaCheck(schema)])
    assert rows_of(report, "table.range") == [1]


def test_its_header_or_a_sample_alone_can_be_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "-1,1\n" * 100, encoding="utf-8")
    schema = TableSchema("t", (Column("a", "integer", least=0), Column("c")), rows_least=1000)
    report = validate(path, checks=[SchemaCheck(schema)], cost="header")
    assert report.codes == {"table.column.missing", "table.column.extra"}
    assert not report.complete
    some = validate(path, checks=[SchemaCheck(schema)], cost="sample", limits=Limits(sample=100))
    assert "table.range" in some.codes
    assert "table.rows" not in some.codes


def test_a_pattern_that_cannot_be_is_refused() -> None:
    with pytest.raises(InvalidChoice, match="cannot be"):
        SchemaCheck(TableSchema("t", (Column("a", "string", pattern="("),)))


TIMES = (
    *("2026-01-31T12:00:00", "2026-01-31 12:00:00.25", "2026-01-31T12:00:00.1234567", "2026-01-31T12:00:00Z", ""),
    *("2026-01-31", "2026-01-31T12:00", "2026-02-30T12:00:00", "2026-01-31t12:00:00", "2026-01-31T12:00:00+01:00"),
)


@settings(deadline=None)
@given(st.lists(st.sampled_from(TIMES), min_size=1, max_size=6))
def test_a_time_is_judged_alike_whatever_stands_beside_it(times: list[str]) -> None:
    schema = TableSchema(
        "times", (Column("at", "datetime", least=datetime(2026, 1, 31, 11, 30, tzinfo=UTC)), Column("n", "integer"))
    )

    def wrong(texts: list[str]) -> list[tuple[int, str]]:
        data = "at,n\n" + "".join(f"{text},1\n" for text in texts)
        report = validate(io.BytesIO(data.encode()), name="t.csv", checks=[SchemaCheck(schema)])
        return sorted((each["row"], each["code"]) for each in report.findings.to_pylist())

    assert wrong(times) == [(row, code) for row, text in enumerate(times) for _, code in wrong([text])]
