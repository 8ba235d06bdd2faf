"""pandas frames go in with their index and come out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from holotype.catalog import InvalidOption

from .watching import new_archive

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive

INDEXES: list[Any] = [
    None,
    pd.RangeIndex(10, 16, 2, name="step"),
    pd.Index(["a", "b", "c"], name="well"),
    pd.MultiIndex.from_tuples([("p1", 1), ("p1", 2), ("p2", 1)], names=["plate", "row"]),
    pd.date_range("2026-01-01", periods=3, tz="Europe/Berlin", name="when", unit="ns"),
]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """An empty archive on disk."""
    return new_archive(str(tmp_path / "archive"), chunking=None)


@pytest.mark.parametrize("index", INDEXES, ids=["none", "range", "names", "levels", "times"])
def test_a_frame_comes_back_with_its_index(archive: Archive, index: Any) -> None:
    frame = pd.DataFrame(
        {
            "count": [3, 1, 2],
            "gene": ["TP53", None, "MYC"],
            "grade": pd.Categorical(["low", "high", "low"], ["low", "middle", "high"], ordered=True),
            "site": pd.Categorical(["B", "A", "B"], ["C", "B", "A"]),
        },
        index=index,
    )
    first = archive.write_table("table", frame)
    assert first.source == "a pandas.DataFrame"
    found = pd.read_parquet(f"holotype://table@1/table.parquet::{archive.url}")
    pd.testing.assert_frame_equal(found, frame, check_freq=False)
    again = archive.write_table("table", frame.copy())
    assert (again.number, again.new_bytes) == (2, 0)
    assert archive.table("table").collect()["count"].to_list() == [3, 1, 2]


def test_the_order_of_categories_is_kept_over_many_row_groups(archive: Archive) -> None:
    grades = ["low", "middle", "high", "unused"]
    frame = pd.DataFrame({"grade": pd.Categorical(grades[:3] * 1_000_000, grades, ordered=True)})
    frame["id"] = range(len(frame))
    archive.write_table("table", frame)
    with archive.open("table", "table.parquet") as file:
        assert pq.read_metadata(file).num_row_groups > 1
    found = pd.read_parquet(f"holotype://table/table.parquet::{archive.url}")
    assert found["grade"].dtype == frame["grade"].dtype
    assert found.equals(frame)


def test_a_column_of_mixed_things_is_refused_by_its_name(archive: Archive) -> None:
    with pytest.raises(InvalidOption, match="mixture"):
        archive.write_table("table", pd.DataFrame({"mixture": [1, "a", b"b"]}))
