"""Parquet is cut at its pages, and whatever else it is given is cut as by content."""

from __future__ import annotations

import io
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from holotype.lake.chunkers import FastCDC
from holotype.lake.chunkers.parquet import PageCuts, is_parquet

from ..chunkers.chunker_contract import ChunkerContract, chunks_of


def parquet(rows: int = 60_000, **options: Any) -> bytes:
    """A table of noise and of names."""
    chance = np.random.default_rng(1)
    table = pa.table(
        {
            "id": np.arange(rows),
            "value": chance.normal(size=rows),
            "name": [f"n{number % 50}" for number in range(rows)],
        }
    )
    sink = io.BytesIO()
    given: dict[str, Any] = {"data_page_size": 20_000, "row_group_size": 20_000, **options}
    pq.write_table(table, sink, **given)
    return sink.getvalue()


class TestPageCuts(ChunkerContract):
    """The contract, on what is no Parquet."""

    def make(self) -> PageCuts:
        return PageCuts(FastCDC(min_bytes=256, average_bytes=1024, max_bytes=4096))


class TestPageCutsOfParquet(ChunkerContract):
    """The contract, on Parquet."""

    @pytest.fixture(params=["plain", "dictionary", "version 2", "checksums", "compressed", "torn", "headless"])
    def data(self, request: pytest.FixtureRequest) -> bytes:
        options: dict[str, dict[str, Any]] = {
            "plain": {"use_dictionary": False, "compression": "none"},
            "version 2": {"data_page_version": "2.0"},
            "checksums": {"write_page_checksum": True},
            "compressed": {"compression": "zstd"},
        }
        whole = parquet(**options.get(request.param, {}))
        return {"torn": whole[:-50_000], "headless": whole[777:]}.get(request.param, whole)

    def make(self) -> PageCuts:
        return PageCuts(FastCDC(min_bytes=4 << 10, average_bytes=16 << 10, max_bytes=64 << 10))


def pages_of(data: bytes) -> list[tuple[int, int]]:
    """Where each column of each row group begins and ends."""
    metadata = pq.read_metadata(io.BytesIO(data))
    found = []
    for group in range(metadata.num_row_groups):
        for at in range(metadata.num_columns):
            column = metadata.row_group(group).column(at)
            begin = column.dictionary_page_offset or column.data_page_offset
            found.append((begin, begin + column.total_compressed_size))
    return found


# Only a dictionary shows where a column begins; without one, only pages do.
@pytest.mark.parametrize(
    ("options", "share"),
    [({}, 0.9), ({"data_page_version": "2.0"}, 0.9), ({"compression": "zstd"}, 0.9), ({"use_dictionary": False}, 0.6)],
)
def test_columns_of_parquet_begin_where_chunks_do(options: dict[str, Any], share: float) -> None:
    data = parquet(200_000, **options)
    chunks = chunks_of(PageCuts(FastCDC(min_bytes=1 << 10, average_bytes=4 << 10, max_bytes=256 << 10)), data, 1 << 20)
    ends = {0}
    for chunk in chunks:
        ends.add(max(ends) + len(chunk))
    begins = {begin for begin, _ in pages_of(data)}
    assert len(begins & ends) >= share * len(begins)


def test_a_page_longer_than_a_chunk_may_be_is_cut_by_content() -> None:
    data = parquet(use_dictionary=False, data_page_size=1 << 20, compression="none", row_group_size=60_000)
    chunker = PageCuts(FastCDC(min_bytes=1 << 10, average_bytes=4 << 10, max_bytes=16 << 10))
    chunks = chunks_of(chunker, data, 64 << 10)
    assert max(map(len, chunks)) <= 16 << 10
    assert len(chunks) > 100


def test_random_bytes_are_never_too_much_for_it() -> None:
    chance = random.Random(3)
    chunker = PageCuts(FastCDC(min_bytes=64, average_bytes=256, max_bytes=1024))
    for _ in range(200):
        data = b"PAR1" + bytes(chance.choices([0, 0x15, 0x1C, 0x2C, 0x18, 0x19, 0x29, 0xFF, 5, 3, 0x5C, 0x80], k=2_000))
        assert b"".join(chunks_of(chunker, data, 3_000)) == data


def test_parquet_is_known_by_its_beginning() -> None:
    assert is_parquet(parquet(10))
    assert not is_parquet(b"PAR")
    assert not is_parquet(b"")
