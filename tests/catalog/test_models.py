"""A table's pandera model and ``Table.enforce`` keep the same rules."""

from __future__ import annotations

import pandera.errors
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.catalog import Column, RowsRefused, Table

from ..effort import share
from .samples import READINGS, SAMPLES, readings, samples

EVERY = Table(
    "every",
    "A column for every rule.",
    (
        Column("plain", pa.string(), "No rule."),
        Column("maybe", pa.string(), "May be missing.", nullable=True),
        Column("least", pa.int64(), "A lower bound.", least=-2),
        Column("maybe_least", pa.uint32(), "A lower bound where there is a value.", nullable=True, least=3),
        Column("among", pa.string(), "One of a few words.", nullable=True, among=("a", "b c", "")),
        Column("matches", pa.string(), "A pattern.", nullable=True, matches="[ab]*|c+d"),
        Column("flag", pa.bool_(), "A flag."),
        Column("number", pa.float64(), "A number.", nullable=True),
    ),
)


def agree(table: Table, rows: pa.Table) -> bool:
    """Whether both accept the rows; fails when they do not agree."""
    try:
        table.enforce(rows)
        enforced = True
    except RowsRefused:
        enforced = False
    try:
        table.model.validate(pl.DataFrame(rows), lazy=True)
        modelled = True
    except (pandera.errors.SchemaError, pandera.errors.SchemaErrors):
        modelled = False
    assert enforced == modelled, rows.to_pylist()
    return enforced


def one_row() -> st.SearchStrategy[dict[str, object]]:
    words = st.none() | st.text("abcd \n", max_size=4)
    return st.fixed_dictionaries(
        {
            "plain": st.text("ab\x00é", max_size=3) | st.none(),
            "maybe": words,
            "least": st.integers(-4, 4) | st.none(),
            "maybe_least": st.integers(0, 6) | st.none(),
            "among": st.sampled_from(["a", "b c", "", "b", None]),
            "matches": words,
            "flag": st.booleans() | st.none(),
            "number": st.floats(allow_nan=False) | st.none(),
        }
    )


def good_row() -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries(
        {
            "plain": st.text(max_size=3),
            "maybe": st.none() | st.text(max_size=3),
            "least": st.integers(-2, 2**63 - 1),
            "maybe_least": st.none() | st.integers(3, 2**32 - 1),
            "among": st.sampled_from(["a", "b c", "", None]),
            "matches": st.sampled_from(["", "a", "ab", "cd", "ccd", None]),
            "flag": st.booleans(),
            "number": st.none() | st.floats(allow_nan=False),
        }
    )


def arrow(rows: list[dict[str, object]]) -> pa.Table:
    """Rows in the declared types but with none of the rules."""
    return pa.Table.from_pylist(rows, schema=pa.schema([pa.field(c.name, c.type) for c in EVERY.columns]))


@settings(max_examples=share(150), deadline=None)
@given(st.lists(one_row(), max_size=3))
def test_the_model_and_the_writing_path_agree(rows: list[dict[str, object]]) -> None:
    agree(EVERY, arrow(rows))


@settings(max_examples=share(40), deadline=None)
@given(st.lists(good_row(), max_size=4))
def test_both_accept_what_is_good(rows: list[dict[str, object]]) -> None:
    assert agree(EVERY, arrow(rows))


def test_both_refuse_other_columns() -> None:
    rows = samples(1)
    assert agree(SAMPLES, rows)
    assert not agree(SAMPLES, rows.drop_columns(["note"]))
    assert not agree(SAMPLES, rows.append_column("extra", pa.array([1])))


def test_what_is_written_after_a_cast_is_what_the_model_wants() -> None:
    narrow = samples(1).set_column(1, "mass", pa.array([1], pa.int8()))
    SAMPLES.model.validate(pl.DataFrame(SAMPLES.enforce(narrow)))
    assert not agree(SAMPLES, samples(1).set_column(1, "mass", pa.array(["heavy"])))


def test_every_kind_of_column_has_a_model() -> None:
    assert agree(READINGS, readings(1, 2))


def test_the_model_carries_the_sentences() -> None:
    model = SAMPLES.model
    assert model.name == "samples"
    assert model.description == "What was measured."
    assert {name: column.description for name, column in model.columns.items()} == {
        column.name: column.about for column in SAMPLES.columns
    }


def test_the_model_reports_every_problem() -> None:
    rows = samples(-5).set_column(2, "state", pa.array(["molten"]))
    with pytest.raises(pandera.errors.SchemaErrors) as caught:
        SAMPLES.model.validate(pl.DataFrame(rows), lazy=True)
    assert {case["column"] for case in caught.value.failure_cases.to_dicts()} == {"sample", "mass", "state"}
