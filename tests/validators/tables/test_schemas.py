"""Schemas are written and read, inferred, compared, and said in the notations of others."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
import pandera.pandas
import pandera.polars
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holotype.validators import (
    Column,
    Comparison,
    Condition,
    Implication,
    InvalidChoice,
    Key,
    Reference,
    Rule,
    SchemaCheck,
    SchemaUnreadable,
    Sum,
    TableSchema,
    compare_schemas,
    from_frictionless,
    from_pandera,
    infer_schema,
    to_frictionless,
    to_pandera,
    validate,
)

if TYPE_CHECKING:
    from pathlib import Path

WORDS = st.text("abcé", min_size=1, max_size=3)
NUMBERS = st.one_of(st.integers(-100, 100), st.floats(-100, 100))


@st.composite
def columns(draw: st.DrawFn, name: str) -> Column:
    """Any column."""
    kind = draw(st.sampled_from(["any", "integer", "number", "int16", "string", "date", "boolean"]))
    options: dict[str, Any] = {"nullable": draw(st.booleans()), "required": draw(st.booleans())}
    options["unique"] = draw(st.booleans())
    if kind in ("integer", "number", "int16"):
        end = st.none() | NUMBERS
        least, below = draw(end), draw(end)
        if least is not None and below is not None and least >= below:
            below = None
        options |= {"least": least, "below": below, "unit": draw(st.sampled_from(["", "g", "mg", "m"]))}
        options["order"] = draw(st.sampled_from([None, "increasing", "strictly increasing"]))
    if kind == "date":
        options["most"] = draw(st.none() | st.dates())
    if kind == "string":
        options |= {
            "among": draw(st.none() | st.lists(WORDS, max_size=3).map(tuple)),
            "pattern": draw(st.none() | WORDS),
        }
        options["longest"] = draw(st.none() | st.integers(0, 5))
    return Column(name, kind, **options)


@st.composite
def schemas(draw: st.DrawFn) -> TableSchema:
    """Any schema of the columns a, b and c."""
    names = draw(st.lists(st.sampled_from("abc"), min_size=1, unique=True))
    made = tuple(draw(columns(name)) for name in names)
    some: list[Rule] = [Key((names[0],)), Reference((names[-1],), "other", ("x",))]
    some += [Implication(Condition(names[0], "null"), Condition(names[-1], "==", 3))]
    if len(names) > 1:
        some += [Comparison(names[0], "<", names[1]), Sum(tuple(names[:2]), 5.5, 0.5), Key(tuple(names[:2]))]
    rules = draw(st.lists(st.sampled_from(some), unique_by=str))
    return TableSchema(
        draw(WORDS), made, tuple(rules), extra=draw(st.booleans()), ordered=draw(st.booleans()),
        rows_least=draw(st.none() | st.integers(0, 3)), version=draw(WORDS), about=draw(WORDS),
    )  # fmt: skip


@given(schemas())
def test_a_schema_comes_back_from_json_as_it_was(schema: TableSchema) -> None:
    again = TableSchema.from_json(schema.to_json())
    assert again == schema
    assert again.digest == schema.digest


def test_the_digest_changes_with_the_rules_and_not_with_what_is_said_about_them() -> None:
    schema = TableSchema("t", (Column("a", "integer"),))
    same = replace(schema, name="u", version="7", about="x", columns=(Column("a", "integer", about="x"),))
    assert same.digest == schema.digest
    assert replace(schema, columns=(Column("a", "integer", least=0),)).digest != schema.digest


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"format": "other"}', "[" * 50_000,
        *(
            json.dumps({"format": "holotype table schema 1", "name": "t", **more})
            for more in (
                {}, {"columns": 3}, {"columns": [3]}, {"columns": [{"name": 3}]},
                {"columns": [{"name": "a", "kind": "x"}]},
                {"columns": [{"name": "a", "type": "x"}]}, {"columns": [{"name": "a"}, {"name": "a"}]},
                {"columns": [{"name": "a", "least": "x"}]}, {"columns": [{"name": "a", "least": {"date": "x"}}]},
                {"columns": [{"name": "a", "unit": "furlong"}]},
                {"columns": [], "rules": [{"key": {"columns": ["a"]}}]},
                {"columns": [], "rules": [{"eval": "1"}]}, {"columns": [{"name": "a", "nullable": 1}]},
                {"columns": [{"name": "a", "longest": 1.5}]}, {"columns": [], "strange": 1},
            )
        ),
    ],
)  # fmt: skip
def test_what_is_no_schema_is_refused_by_name(text: str, tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SchemaUnreadable, match=r"schema\.json"):
        TableSchema.open(path)


@pytest.mark.parametrize(
    "options",
    [{"type": "x"}, {"type": "string", "least": 1}, {"type": "date", "least": 1},
     {"type": "integer", "most": float("inf")},
     {"order": "up"}, {"unit": "furlong"}, {"longest": -1}, {"term": "label"}, {"least": True}],
)  # fmt: skip
def test_a_column_that_cannot_be_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidChoice, match="a"):
        Column("a", **options)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Key(()), lambda: Key(("a", "a")), lambda: Reference(("a",), "t", ("b", "c")),
        lambda: Comparison("a", "~", "b"), lambda: Sum(("a",), float("nan")), lambda: Condition("a", "<"),
        lambda: Condition("a", "null", 3), lambda: TableSchema("t", (), (Key(("a",)),)),
        lambda: Key("ab"), lambda: TableSchema("t", ("a", "b")),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_is_refused(make: Any) -> None:
    with pytest.raises(InvalidChoice):
        make()


TABLES = st.fixed_dictionaries(
    {},
    optional={
        "a": st.lists(st.none() | NUMBERS, min_size=4, max_size=4),
        "b": st.lists(st.none() | WORDS, min_size=4, max_size=4),
        "c": st.lists(st.none() | st.dates(), min_size=4, max_size=4),
        "d": st.lists(st.none() | st.floats(), min_size=4, max_size=4),
        "e": st.lists(st.none() | st.booleans(), min_size=4, max_size=4),
        "f": st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=4, max_size=4),
    },
)


FIELDS = st.sampled_from(["", "1", "-2.5", "nan", "true", "0", "x", "2020-01-01", "12:00:00"])


@given(TABLES)
def test_a_table_keeps_the_schema_that_was_inferred_from_it(data: dict[str, list[Any]]) -> None:
    frame = pl.DataFrame({name: pl.Series(name, values, strict=False) for name, values in data.items()})
    for table in (frame, frame.to_arrow(), pd.DataFrame(data)):
        report = validate(table, checks=[SchemaCheck(infer_schema(table))])
        assert report.findings.to_pylist() == []


def test_what_pandas_has_as_floating_point_is_not_taken_for_whole_numbers(tmp_path: Path) -> None:
    frame = pd.DataFrame({"dose": [1.0, 2.0, 4.0], "count": [1, 2, None]})
    schema = infer_schema(frame, ranges=False)
    assert [column.type for column in schema.columns] == ["float64", "number"]
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    fractions = frame.assign(dose=1.5)
    for table in (frame, fractions, pl.from_pandas(frame), tmp_path / "t.csv", tmp_path / "t.parquet"):
        assert not validate(table, checks=[SchemaCheck(schema)]).counts


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(FIELDS, FIELDS)),
)
def test_a_file_keeps_the_schema_that_was_inferred_from_it(rows: list[tuple[str, str]], tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("".join(f"{a},{b}\n" for a, b in [("a", "b"), *rows]), encoding="utf-8")
    report = validate(path, checks=[SchemaCheck(infer_schema(path))])
    assert report.findings.to_pylist() == []


def test_an_inferred_schema_says_types_ranges_values_and_what_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = "".join(
        f"{i},{i / 2},{'mf'[i % 2]},2020-01-0{i % 9 + 1},{'' if i == 3 else 'x' * i},TRUE\n" for i in range(50)
    )
    path.write_text("n,x,sex,day,text,ok\n" + rows, encoding="utf-8")
    by_name = infer_schema(path, name="t").by_name
    assert [column.type for column in by_name.values()] == ["integer", "number", "string", "date", "string", "boolean"]
    assert (by_name["n"].least, by_name["x"].most, by_name["sex"].among) == (0, 24.5, ("f", "m"))
    assert (by_name["day"].least, by_name["text"].nullable, by_name["n"].nullable) == (date(2020, 1, 1), True, False)
    assert by_name["text"].among is None
    assert all(not column.unit for column in by_name.values())
    first = infer_schema(path, rows=10, ranges=False, categories=0)
    assert (first.by_name["n"].most, first.by_name["sex"].among) == (None, None)


@pytest.mark.parametrize(
    "options",
    [{"least": 5, "most": 1}, {"least": 5, "below": 5}, {"above": 5, "most": 5}, {"above": 5.5, "below": 5},
     {"type": "date", "least": date(2021, 1, 1), "most": date(2020, 1, 1)},
     {"type": "datetime", "least": datetime(2021, 1, 1, tzinfo=UTC), "most": date(2020, 1, 1)},
     {"type": "string", "shortest": 5, "longest": 1}],
)  # fmt: skip
def test_a_range_that_nothing_is_within_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidChoice, match="the column a cannot have"):
        Column("a", **options)


def test_a_range_of_one_value_is_one() -> None:
    assert Column("a", "number", least=5, most=5.0).least == 5
    assert Column("a", "datetime", least=date(2020, 1, 1), most=datetime(2020, 1, 1)).most  # noqa: DTZ001


@pytest.mark.parametrize("days", [["2020-01-01", "2020-01-02"], ["2020-01-01 12:30:00", "2020-01-02"]])
def test_times_that_a_file_has_as_days_are_of_the_schema_of_the_frame_they_were_written_from(
    tmp_path: Path, days: list[str]
) -> None:
    frame = pd.DataFrame({"at": pd.to_datetime(days, format="mixed")})
    schema = infer_schema(frame, name="t")
    assert schema.by_name["at"].type == "datetime"
    for name, written in {"pandas.csv": frame.to_csv(index=False), "days.csv": "\n".join(["at", *days, ""])}.items():
        (tmp_path / name).write_text(written, encoding="utf-8")
        assert validate(tmp_path / name, checks=[SchemaCheck(schema)]).ok, written
    (tmp_path / "wrong.csv").write_text("at\n2020-01-01\n2020-13-01\n2020-01-02x\n", encoding="utf-8")
    assert validate(tmp_path / "wrong.csv", checks=[SchemaCheck(schema)]).counts["table.type"] == 2


def keeps(schema: TableSchema, table: pl.DataFrame) -> bool:
    return validate(table, checks=[SchemaCheck(schema, tables={"other": pl.DataFrame({"x": [1, 2, 3]})})]).ok


@given(schemas(), schemas(), TABLES.map(lambda data: {name: data[name] for name in "abc" if name in data}))
def test_what_kept_the_old_schema_keeps_a_new_one_that_is_compatible(
    old: TableSchema, new: TableSchema, data: dict[str, list[Any]]
) -> None:
    table = pl.DataFrame({name: pl.Series(name, values, strict=False) for name, values in data.items()})
    if compare_schemas(old, new).compatible and keeps(old, table):
        assert keeps(new, table)
    loose = replace(old, columns=tuple(Column(each.name, each.type, required=False) for each in old.columns), rules=(),
                    ordered=False, rows_least=None)  # fmt: skip
    assert all(not change.breaking for change in compare_schemas(old, loose).changes if "unit" not in change.what)
    if keeps(old, table):
        assert keeps(loose, table)


@pytest.mark.parametrize(
    ("old", "new", "breaking"),
    [
        (Column("a", "int16"), Column("a", "int32"), False),
        (Column("a", "int16"), Column("a", "number"), False),
        (Column("a", "int32"), Column("a", "int16"), True),
        (Column("a", "string"), Column("a", "integer"), True),
        (Column("a", nullable=False), Column("a"), False),
        (Column("a"), Column("a", nullable=False), True),
        (Column("a", "number", least=0), Column("a", "number", least=-1), False),
        (Column("a", "number", least=0), Column("a", "number", above=0), True),
        (Column("a", "number", above=0), Column("a", "number", least=0), False),
        (Column("a", "number", unit="g", most=1), Column("a", "number", unit="mg", most=1000), True),
        (Column("a", "number", unit="mg/L"), Column("a", "number", unit="ug/mL"), False),
        (Column("a", "number"), Column("a", "number", unit="g"), False),
        (Column("a", "string", among=("x",)), Column("a", "string", among=("x", "y")), False),
        (Column("a", "string", among=("x", "y")), Column("a", "string", among=("x",)), True),
        (Column("a", "string", pattern="x"), Column("a", "string", pattern="x|y"), True),
        (Column("a", "string", pattern="x"), Column("a", "string"), False),
        (Column("a", "string", longest=3), Column("a", "string", longest=4), False),
        (Column("a", "string"), Column("a", "string", shortest=1), True),
        (Column("a", order="strictly increasing"), Column("a", order="increasing"), False),
        (Column("a", order="increasing"), Column("a", order="decreasing"), True),
        (Column("a", "string"), Column("a", "string", vocabulary="cl"), True),
    ],
)
def test_each_change_of_a_column_has_a_verdict_and_a_reason(old: Column, new: Column, breaking: bool) -> None:  # noqa: FBT001
    evolution = compare_schemas(TableSchema("t", (old,)), TableSchema("t", (new,)))
    assert evolution.compatible is not breaking
    assert evolution.frame["column"].to_list() == ["a"] * len(evolution.changes)
    assert all(change.reason for change in evolution.changes)


def test_columns_and_rules_that_come_and_go_have_a_verdict() -> None:
    old = TableSchema("t", (Column("a", unique=True), Column("b")))
    verdicts = {
        "same": (old, True),
        "removed": (replace(old, columns=old.columns[:1]), False),
        "removed, others allowed": (replace(old, columns=old.columns[:1], extra=True), True),
        "added": (replace(old, columns=(*old.columns, Column("c"))), False),
        "added, may be absent": (replace(old, columns=(*old.columns, Column("c", required=False))), True),
        "a key that follows": (replace(old, rules=(Key(("a", "b")),)), True),
        "a key that does not": (replace(old, rules=(Key(("b",)),)), False),
        "ordered": (replace(old, ordered=True), False),
        "rows": (replace(old, rows_least=1), False),
        "missing": (replace(old, missing=("NA",)), False),
    }
    assert {name: compare_schemas(old, new).compatible for name, (new, _) in verdicts.items()} == {
        name: compatible for name, (_, compatible) in verdicts.items()
    }


@given(schemas())
def test_frictionless_gives_back_what_it_could_hold_and_names_the_rest(schema: TableSchema) -> None:
    said = to_frictionless(schema)
    again = from_frictionless(said.value)
    assert again.left_out == ()
    if not said.left_out:
        # There each kind of rule stands in a place of its own: in which order they were declared is not said.
        assert sorted(again.value.rules, key=repr) == sorted(schema.rules, key=repr)
        assert replace(again.value, rules=()) == replace(schema, rules=())
    assert from_frictionless(to_frictionless(again.value).value).value == again.value


def test_a_frictionless_schema_of_somebody_else_is_understood() -> None:
    text = """{"primaryKey": "id", "missingValues": ["", "NA"], "fields": [
        {"name": "id", "type": "integer"},
        {"name": "when", "type": "datetime", "constraints": {"minimum": "2020-01-01T00:00:00Z"}},
        {"name": "where", "type": "geopoint"},
        {"name": "text", "type": "string", "format": "email", "constraints": {"enum": ["x"], "jsonSchema": {}}}],
        "foreignKeys": [{"fields": "id", "reference": {"resource": "other", "fields": "x"}}], "custom": 1}"""
    found = from_frictionless(text)
    schema = found.value
    assert schema.by_name["when"].least == datetime(2020, 1, 1, tzinfo=UTC)
    assert not schema.by_name["id"].nullable
    assert schema.rules == (Key(("id",)), Reference(("id",), "other", ("x",)))
    assert schema.missing == ("", "NA")
    assert len(found.left_out) == 4


@pytest.mark.parametrize(
    "text", ["{}", "[]", '{"fields": [{}]}', '{"fields": [{"name": "a", "constraints": 3}]}',
             '{"fields": [{"name": "a"}], '
             '"foreignKeys": [{}]}', '{"fields": [{"name": "a", "type": "date", "constraints": {"minimum": "x"}}]}',
             '{"fields": [{"name": "a", "unit": 3}]}', '{"fields": [{"name": "a"}], "primaryKey": "b"}'],
)  # fmt: skip
def test_what_is_no_frictionless_schema_is_refused(text: str) -> None:
    with pytest.raises(SchemaUnreadable):
        from_frictionless(text)


class Samples(pandera.polars.DataFrameModel):
    """What somebody has in pandera."""

    id: str = pandera.polars.Field(str_matches=r"S\d+$", unique=True)
    age: int = pandera.polars.Field(ge=0, lt=120, nullable=True)
    sex: str = pandera.polars.Field(isin=["m", "f"])
    dose: float = pandera.polars.Field(in_range={"min_value": 0, "max_value": 5, "include_max": False})


def test_a_model_of_pandera_is_taken_over_and_asks_the_same() -> None:
    found = from_pandera(Samples)
    assert found.left_out == ()
    good = pl.DataFrame({"id": ["S1", "S2"], "age": [3, None], "sex": ["m", "f"], "dose": [0.0, 4.9]})
    assert validate(good, checks=[SchemaCheck(found.value)]).ok
    bad = pl.DataFrame(
        {"id": ["S1x", "S2", "S2"], "age": [-1, 120, 5], "sex": ["q", "m", "f"], "dose": [5.0, -1.0, 1.0]}
    )
    report = validate(bad, checks=[SchemaCheck(found.value)])
    assert dict(report.counts) == {
        "table.pattern": 1, "table.unique": 1, "table.range": 4, "table.value": 1
    }  # fmt: skip


def test_a_schema_of_pandera_for_pandas_is_taken_over_and_what_has_no_counterpart_is_named() -> None:
    check = pandera.pandas.Check
    given = pandera.pandas.DataFrameSchema(
        {
            "a": pandera.pandas.Column(int, [check.ge(0), check(lambda values: values < 9, name="small")]),
            "t": pandera.pandas.Column("datetime64[ns]", required=False, metadata={"unit": "s"}),
            "s": pandera.pandas.Column(str, check.str_length(1, 3), nullable=True),
        },
        unique=["a", "s"],
        strict=True,
    )
    found = from_pandera(given)
    assert [column.type for column in found.value.columns] == ["int64", "datetime", "string"]
    assert (found.value.by_name["s"].longest, found.value.rules, found.value.extra) == (3, (Key(("a", "s")),), False)
    assert found.left_out == ("the check small of a",)
    for strange in (3, dict):
        with pytest.raises(SchemaUnreadable):
            from_pandera(strange)


def test_a_schema_is_given_to_pandera_which_then_finds_the_same() -> None:
    schema = TableSchema(
        "t",
        (
            Column("n", "int64", least=0, most=9, nullable=False),
            Column("u", "uint8", unit="g"),
            Column("s", "string", pattern="[ab]+", longest=3, among=("a", "ab")),
            Column("x", "number", order="increasing"),
        ),
        (Key(("n",)), Comparison("n", "<", "x")),
    )
    said = to_pandera(schema)
    assert said.left_out == ("the rule Comparison(left='n', operator='<', right='x')", "order increasing of x")
    assert from_pandera(said.value).value.by_name["s"] == schema.by_name["s"]
    good = pl.DataFrame({"n": [1, 2], "u": pl.Series([1, 2], dtype=pl.UInt8), "s": ["a", "ab"], "x": [2.0, 3.0]})
    assert said.value.validate(good).height == 2
    assert validate(good, checks=[SchemaCheck(schema)]).ok
    for bad in (good.with_columns(n=pl.lit(10)), good.with_columns(s=pl.lit("b"))):
        assert not validate(bad, checks=[SchemaCheck(schema)]).ok
        with pytest.raises(pandera.errors.SchemaError):
            said.value.validate(bad)
