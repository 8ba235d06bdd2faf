"""Columns made of Python values are what Arrow itself would make of them, and pandas is never loaded for it."""

from __future__ import annotations

import math
import subprocess
import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.catalog import column, dicts, numbers, plain, repeated, row_table, scalar, whole

from ..effort import share

MOMENTS = st.datetimes(datetime(1600, 1, 1), datetime(2400, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - on purpose
PAIR = pa.struct([pa.field("name", pa.binary()), pa.field("value", pa.int16())])
KINDS: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.string(), st.text(max_size=4)),
    (pa.large_string(), st.text(max_size=4)),
    (pa.binary(), st.binary(max_size=4)),
    (pa.large_binary(), st.binary(max_size=4)),
    (pa.binary(3), st.binary(min_size=3, max_size=3)),
    (pa.bool_(), st.booleans()),
    (pa.int8(), st.integers(-(2**7), 2**7 - 1)),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.uint32(), st.integers(0, 2**32 - 1)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.float64(), st.floats(allow_nan=False)),
    (pa.float32(), st.floats(allow_nan=False, width=32)),
    (pa.timestamp("us", tz="UTC"), MOMENTS),
    (pa.list_(pa.int64()), st.lists(st.integers(-9, 9) | st.none(), max_size=3)),
    (pa.list_(pa.binary(2)), st.lists(st.binary(min_size=2, max_size=2), max_size=3)),
    (
        pa.list_(PAIR),
        st.lists(st.fixed_dictionaries({"name": st.binary(max_size=2), "value": st.integers(0, 9)}), max_size=3),
    ),
]


@st.composite
def typed(draw: st.DrawFn) -> tuple[pa.DataType, list[Any]]:
    kind, values = draw(st.sampled_from(KINDS))
    return kind, draw(st.lists(st.none() | values, max_size=12))


@settings(max_examples=share(300), deadline=None)
@given(typed())
def test_a_column_is_what_arrow_would_make_of_the_values(case: tuple[pa.DataType, list[Any]]) -> None:
    kind, values = case
    made = column(values, kind)
    made.validate(full=True)
    assert made.equals(pa.array(values, kind))
    assert made.to_pylist() == values or kind == pa.float32()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1.5], pa.int64()),
        (["1"], pa.int64()),
        ([2**63], pa.int64()),
        ([-1], pa.uint32()),
        ([2**32], pa.uint32()),
        ([1], pa.string()),
        ([b"x"], pa.string()),
        (["x"], pa.binary()),
        ([1], pa.binary()),
        ([b"xy", b"xyzq"], pa.binary(3)),
        ([b""], pa.binary(3)),
        (["xyz"], pa.binary(3)),
        ([1], pa.bool_()),
        (["heavy"], pa.float64()),
        (["now"], pa.timestamp("us", tz="UTC")),
        ([datetime(2026, 1, 1)], pa.timestamp("us", tz="UTC")),  # noqa: DTZ001 - on purpose
        ([3], pa.list_(pa.int64())),
        ([[1.5]], pa.list_(pa.int64())),
        ([1], pa.date32()),
    ],
)
def test_values_of_another_kind_are_refused(values: list[Any], kind: pa.DataType) -> None:
    with pytest.raises((ValueError, TypeError, OverflowError)):
        column(values, kind)


def test_rows_become_a_table() -> None:
    schema = pa.schema([pa.field("a", pa.int64()), pa.field("b", pa.string())])
    assert row_table([{"a": 1, "b": "x"}, {"b": "y"}], schema).to_pylist() == [
        {"a": 1, "b": "x"},
        {"a": None, "b": "y"},
    ]
    assert row_table([], schema).equals(schema.empty_table())


@pytest.mark.parametrize("kind", ["i1", "u4", "i8", "f4", "f8", "?"])
def test_numbers_go_to_arrow_and_back(kind: str) -> None:
    values = np.array([0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0], kind)
    made = numbers(values)
    assert made.to_pylist() == values.tolist()
    assert plain(made).tolist() == values.tolist()
    assert plain(made.slice(3, 5)).tolist() == values[3:8].tolist()
    assert plain(pa.chunked_array([made, made])).tolist() == [*values.tolist(), *values.tolist()]
    assert plain(pa.chunked_array([made])).dtype == values.dtype
    assert plain(made.slice(0, 0)).dtype == values.dtype
    assert numbers(values[::2]).to_pylist() == values[::2].tolist()


def test_a_table_comes_back_as_dictionaries() -> None:
    moment = datetime(2026, 5, 4, 8, 30, 0, 123456, tzinfo=UTC)
    schema = pa.schema(
        [pa.field("a", pa.int64()), pa.field("t", pa.timestamp("us", tz="UTC")), pa.field("b", pa.string())]
    )
    rows: list[dict[str, Any]] = [{"a": 1, "t": moment, "b": "x"}, {"a": None, "t": None, "b": None}]
    made = row_table(rows, schema)
    assert dicts(made) == rows
    assert dicts(pa.concat_tables([made, made])) == rows + rows
    assert dicts(schema.empty_table()) == []


def test_a_column_in_pieces_becomes_one_array() -> None:
    array = column([1, 2], pa.int64())
    assert whole(array) is array
    assert whole(pa.chunked_array([array])).equals(array)
    assert whole(pa.chunked_array([array, array])).to_pylist() == [1, 2, 1, 2]
    assert whole(pa.chunked_array([], pa.int64())).equals(pa.nulls(0, pa.int64()))


def test_more_than_a_column_can_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np, "iinfo", lambda kind: SimpleNamespace(max=10))
    with pytest.raises(OverflowError, match="12 bytes or items"):
        column(["a" * 12], pa.string())


def test_times_come_back_as_integers_and_missing_values_are_refused() -> None:
    moment = datetime(2026, 5, 4, 8, 30, tzinfo=UTC)
    times = column([moment], pa.timestamp("us", tz="UTC"))
    assert plain(times).tolist() == [int(moment.timestamp() * 1_000_000)]
    with pytest.raises(ValueError, match="1 values are missing"):
        plain(pa.array([1, None]))


def test_one_value_may_be_a_scalar_or_many() -> None:
    assert [scalar(value).as_py() for value in ("x", b"x", True, 7)] == ["x", b"x", True, 7]
    assert scalar(7, pa.uint8()).type == pa.uint8()
    assert repeated("x", 3).to_pylist() == ["x", "x", "x"]
    assert math.isclose(scalar(0.5, pa.float64()).as_py(), 0.5)


def test_writing_and_reading_records_loads_no_other_library_of_frames() -> None:
    program = """
import sys
import pyarrow as pa
from holotype.catalog import Catalog, Column, MemoryStore, Table, dicts, whole
table = Table("t", "", (
    Column("a", pa.int64(), "", least=0), Column("b", pa.string(), "", among=("x", "y")),
    Column("c", pa.list_(pa.binary(2)), "", nullable=True), Column("d", pa.string(), "", matches="[a-z]+")),
    sort=("d",))
catalog = Catalog.create(MemoryStore("x"), tables=[table])
for n in range(5):
    rows = table.rows([{"a": 1, "b": "x", "c": [b"ab"], "d": "q"}, {"a": 2, "b": "y", "d": "p"}])
    catalog.commit(add=[catalog.write("t", rows)], operation="test")
catalog.compact()
assert Catalog.open(MemoryStore("x"), tables=[table]).read("t", columns=["a"]).num_rows == 10
print(*{name.partition(".")[0] for name in sys.modules} & {"pandas", "polars", "duckdb", "pandera"})
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
