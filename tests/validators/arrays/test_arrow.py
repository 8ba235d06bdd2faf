"""Arrow's files and streams of record batches."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from ..format_contract import FormatContract, errors_of
from .looking import look, only, patched, rows

if TYPE_CHECKING:
    from pathlib import Path

BATCH = pa.record_batch({"x": [1.0, None, float("nan")], "name": ["ab", "cd", "ef"], "part": [[1], [], [2, 3]]})


def as_file(*batches: pa.RecordBatch, compression: str | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, BATCH.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as file:
        for batch in batches:
            file.write_batch(batch)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def as_stream(*batches: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, BATCH.schema) as stream:
        for batch in batches:
            stream.write_batch(batch)
    data: bytes = sink.getvalue().to_pybytes()
    return data


class TestArrowFile(FormatContract):
    format = "arrow"

    def make(self, folder: Path) -> Path:
        path = folder / "cells.arrow"
        path.write_bytes(as_file(BATCH, BATCH))
        return path


class TestArrowStream(FormatContract):
    format = "arrows"

    def make(self, folder: Path) -> Path:
        path = folder / "cells.arrows"
        path.write_bytes(as_stream(BATCH, BATCH))
        return path

    def stays_valid(self, data: bytes, size: int) -> bool:
        # A stream may end after any message, which is suspicious.
        report = look(data[:size], "arrows")
        return set(report.codes) == {"arrow.stream_end"}


@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_batches_are_counted_packed_or_not(compression: str | None) -> None:
    report = look(as_file(BATCH, BATCH, compression=compression), "arrow")
    assert rows(report) == []
    assert report.metric("arrow.rows") == 6
    assert report.metric("array.nan", of="x") == 2


def test_text_that_is_no_utf_8_is_told_with_batch_and_column() -> None:
    for data, format in ((as_file(BATCH, BATCH), "arrow"), (as_stream(BATCH, BATCH), "arrows")):
        row = only(look(patched(data, data.rindex(b"abcdef"), b"ab\xff"), format))
        assert (row["code"], row["record"], row["row"], row["column"]) == ("arrow.values", "batch 1", 3, "name")


def test_offsets_that_lead_beyond_the_end_are_told() -> None:
    data = as_stream(BATCH)
    place = data.index(struct.pack("<4i", 0, 2, 4, 6))
    row = only(look(patched(data, place + 12, struct.pack("<i", 1 << 30)), "arrows"))
    assert (row["code"], row["column"]) == ("arrow.values", "name")


def test_a_stream_without_its_mark_is_suspicious_and_bytes_after_it_are_wrong() -> None:
    report = look(as_stream(BATCH)[:-8], "arrows")
    assert report.ok
    assert only(report)["code"] == "arrow.stream_end"
    row = only(look(as_stream(BATCH) + b"more", "arrows"))
    assert (row["code"], row["offset"]) == ("arrow.trailing", len(as_stream(BATCH)))


@pytest.mark.parametrize("length", [0, -1, 1 << 30])
def test_a_footer_that_says_a_length_that_cannot_be_is_not_believed(length: int) -> None:
    data = as_file(BATCH)
    row = only(look(patched(data, len(data) - 10, struct.pack("<i", length)), "arrow"))
    assert (row["code"], row["offset"]) == ("arrow.footer", len(data) - 10)


def test_a_batch_that_says_it_is_longer_than_the_file_is_not_read() -> None:
    data = as_stream(BATCH)
    place = data.index(b"\xff\xff\xff\xff", 8)
    assert errors_of(look(patched(data, place + 4, struct.pack("<i", 1 << 30)), "arrows")) == {"arrow.batch"}
