"""A declaration says all rules of a table once, and what breaks them is refused with every reason."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from holotype.catalog import Column, RowsRefused, Table

from .samples import READINGS, SAMPLES, readings, samples


def refusal(rows: pa.Table, table: Table = SAMPLES) -> tuple[str, ...]:
    with pytest.raises(RowsRefused) as caught:
        table.enforce(rows)
    assert caught.value.table == table.name
    problems = caught.value.problems
    assert isinstance(problems, tuple)
    assert all(problem in str(caught.value) for problem in problems)
    return problems


def test_good_rows_pass_in_the_declared_schema() -> None:
    rows = SAMPLES.enforce(samples(1, 2))
    assert rows.schema.equals(SAMPLES.schema, check_metadata=True)
    assert SAMPLES.schema.metadata[b"about"] == b"What was measured."
    assert SAMPLES.schema.field("mass").metadata == {b"about": b"Its mass, in mg."}
    assert SAMPLES.enforce(SAMPLES.empty()).num_rows == 0


def test_columns_may_come_in_any_order_and_in_narrower_types() -> None:
    rows = samples(1, 2)
    shuffled = rows.select(["note", "state", "mass", "sample"])
    narrow = shuffled.set_column(2, "mass", pa.array([1, 2], pa.int8()))
    wide = narrow.set_column(3, "sample", narrow["sample"].cast(pa.large_string()))
    assert SAMPLES.enforce(wide).equals(SAMPLES.enforce(rows))


def test_every_problem_is_reported_not_the_first() -> None:
    rows = samples(-5, 2).set_column(2, "state", pa.array(["molten", "fresh"])).append_column("extra", pa.array([1, 2]))
    assert refusal(rows.drop_columns(["note"])) == (
        "note: no such column in the rows",
        "extra: not a column of samples",
    )
    assert refusal(rows.drop_columns(["extra"])) == (
        "sample: 's--5' does not match [a-z]+-[0-9]+",
        "mass: -5 is below 0",
        "state: 'molten' is none of fresh, frozen",
    )


def test_missing_values_are_counted() -> None:
    rows = samples(1, 2).set_column(1, "mass", pa.array([None, None], pa.int64()))
    assert refusal(rows) == ("mass: 2 values are missing",)


def test_values_that_do_not_fit_the_type_are_refused() -> None:
    (problem,) = refusal(samples(1).set_column(1, "mass", pa.array(["heavy"])))
    assert problem.startswith("mass: ")
    (problem,) = refusal(samples(1).set_column(1, "mass", pa.array([1.5])))
    assert problem.startswith("mass: ")
    (problem,) = refusal(samples(1).set_column(1, "mass", pa.array([[1]])))
    assert problem.startswith("mass: ")
    bad = readings(1).set_column(0, "id", pa.array([b"too long"]))
    (problem,) = refusal(bad, READINGS)
    assert problem.startswith("id: ")


def test_a_column_given_twice_is_refused() -> None:
    assert refusal(samples(1).append_column("mass", pa.array([2]))) == ("mass: twice in the rows",)


def test_the_whole_string_has_to_match() -> None:
    for name in ("x s-1", "s-1 x", "s-1\n", "s-1\ns-2", ""):
        assert refusal(samples(1).set_column(0, "sample", pa.array([name]))) == (
            f"sample: {name!r} does not match [a-z]+-[0-9]+",
        )


def test_rules_say_nothing_of_missing_values_where_they_may_be_missing() -> None:
    table = Table(
        "t",
        "Everything may be missing.",
        (
            Column("a", pa.int64(), "A.", nullable=True, least=0),
            Column("b", pa.string(), "B.", nullable=True, among=("x",)),
            Column("c", pa.string(), "C.", nullable=True, matches="x"),
        ),
    )
    assert table.rows([{"a": None, "b": None, "c": None}, {}]).num_rows == 2
    assert table.rows([]).num_rows == 0


def test_rows_can_be_dictionaries() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    rows = READINGS.rows([{"id": b"abcd", "time": now, "values": None}])
    assert rows.to_pylist() == [{"id": b"abcd", "time": now, "values": None}]


@pytest.mark.parametrize(
    "rows", [[{"sample": "s-1", "mass": "x"}], [{"sample": 1}], [{"mass": 1.5}], [{"mass": 2**70}]]
)
def test_dictionaries_with_values_of_the_wrong_kind_are_refused(rows: list[dict[str, object]]) -> None:
    with pytest.raises(RowsRefused, match="samples"):
        SAMPLES.rows(rows)


def test_dictionaries_with_names_that_are_no_columns_are_refused() -> None:
    with pytest.raises(RowsRefused, match="weight: not a column of samples"):
        SAMPLES.rows([{"sample": "s-1", "mass": 1, "state": "fresh", "weight": 1}])


@pytest.mark.parametrize("names", [("A", "a"), ("a b", "a"), ("1a", "a"), ("t", "a", "a"), ("", "a"), ("t", "a-b")])
def test_names_are_lower_case_words_each_once(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="lower-case words"):
        Table(names[0], "…", tuple(Column(name, pa.int64(), "…") for name in names[1:]))


def test_a_table_cannot_be_sorted_by_what_it_does_not_have() -> None:
    with pytest.raises(ValueError, match="sorted by b"):
        Table("t", "…", (Column("a", pa.int64(), "…"),), sort=("b",))
