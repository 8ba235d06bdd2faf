"""Parquet: a footer that says where everything lies, and row groups of columns."""

from __future__ import annotations

import datetime
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holotype.validators import ValueRules, array_checks

from ..format_contract import FormatContract, errors_of
from .looking import look, only, patched, rows

if TYPE_CHECKING:
    from pathlib import Path


def table(size: int = 300) -> pa.Table:
    return pa.table(
        {
            "number": pa.array(range(size), pa.int32()),
            "real": pa.array([None if i % 7 == 0 else i / 3 for i in range(size)]),
            "name": [f"sample {i}" for i in range(size)],
            "when": pa.array(
                [
                    datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC).replace(tzinfo=None)
                    + datetime.timedelta(hours=i)
                    for i in range(size)
                ]
            ),
            "parts": [[i, i + 1] for i in range(size)],
        }
    )


def written(data: pa.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(data, file, **options)
    return file.getvalue()


class TestParquet(FormatContract):
    format = "parquet"

    def make(self, folder: Path) -> Path:
        path = folder / "cells.parquet"
        pq.write_table(table(50), path, row_group_size=30, write_page_checksum=True)
        return path


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zstd"},
        {"use_dictionary": False, "compression": "none"},
        {"version": "1.0"},
        {"write_statistics": False},
        {"data_page_version": "2.0"},
    ],
)
def test_what_pyarrow_writes_is_sound(options: dict[str, Any]) -> None:
    report = look(written(table(), row_group_size=100, **options), "parquet")
    assert rows(report) == []
    assert report.metric("parquet.rows") == 300
    assert report.metric("array.most", of="number") == 299


def test_what_polars_writes_is_sound() -> None:
    file = io.BytesIO()
    pl.DataFrame(
        {"a": [1.5, float("nan"), None], "b": ["x", "é", None], "c": [b"\xff", b"", None], "d": [True, None, False]}
    ).write_parquet(file)
    report = look(file.getvalue(), "parquet")
    assert rows(report) == []
    assert report.metric("array.nan", of="a") == 1


def test_a_footer_that_ends_whoever_reads_it_is_told_and_ends_nobody() -> None:
    data = written(table(50), row_group_size=30, write_page_checksum=True)
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    for place in range(footer + 18, footer + 22):  # the schema: whether a column is required, and its kind
        report = look(patched(data, place, bytes([data[place] ^ 1])), "parquet")
        assert "check.crashed" not in report.counts


def test_each_byte_of_the_pages_is_under_their_checksums_where_there_are_any() -> None:
    data = written(table(200), write_page_checksum=True, compression="none", use_dictionary=False)
    chunk = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(0).column(0)
    place = chunk.data_page_offset + chunk.total_compressed_size - 5
    row = only(look(patched(data, place, bytes([data[place] ^ 1])), "parquet"))
    assert (row["code"], row["column"], row["record"]) == ("parquet.page", "number", "row group 0")


def test_a_value_outside_of_the_statistics_is_told_with_its_column() -> None:
    data = written(pa.table({"x": pa.array([10, 20, 30], pa.int64())}), compression="none", use_dictionary=False)
    place = data.index((20).to_bytes(8, "little"))
    row = only(look(patched(data, place, (99).to_bytes(8, "little")), "parquet"))
    assert (row["code"], row["column"], row["record"]) == ("parquet.statistics", "x", "row group 0")


def test_text_that_is_no_utf_8_is_told() -> None:
    data = written(pa.table({"x": ["abcd", "efgh"]}), compression="none", use_dictionary=False, write_statistics=False)
    report = look(patched(data, data.index(b"efgh"), b"ef\xff\xff"), "parquet")
    row = only(report)
    assert (row["code"], row["column"]) == ("parquet.values", "x")


@pytest.mark.parametrize(
    ("tail", "code"),
    [
        (b"\xff\xff\xff\x7fPAR1", "parquet.footer"),
        (b"\x04\0\0\0PAR1", "parquet.footer"),
        (b"PAR2", "parquet.truncated"),
    ],
)
def test_an_end_that_lies_is_not_believed(tail: bytes, code: str) -> None:
    data = written(table(5))
    assert only(look(data[: -len(tail)] + tail, "parquet"))["code"] == code


def test_bytes_after_the_end_are_noticed() -> None:
    assert only(look(written(table(5)) + b"more", "parquet"))["code"] == "parquet.truncated"


def test_a_number_of_rows_that_lies_is_told() -> None:
    data = written(pa.table({"x": pa.array(np.arange(77), pa.int64())}))
    footer = data.rindex(bytes([0x16, 154, 1]))  # 77, as the footer's number of rows, zigzag in two bytes
    report = look(patched(data, footer, bytes([0x16, 156, 1])), "parquet")
    assert "parquet.rows" in errors_of(report)


def test_an_encrypted_footer_cannot_be_looked_at_and_the_report_says_so() -> None:
    data = b"PARE" + written(table(5))[4:-4] + b"PARE"
    report = look(data, "parquet")
    assert only(report)["code"] == "parquet.encrypted"
    assert not report.complete


def test_rules_about_numbers_have_the_row_and_the_column() -> None:
    values = np.zeros(5000)
    values[4321] = 7
    report = look(
        written(pa.table({"x": values}), row_group_size=1000), "parquet", checks=array_checks(values=ValueRules(most=5))
    )
    row = only(report)
    assert (row["code"], row["column"], row["row"]) == ("array.out_of_range", "x", 4321)
