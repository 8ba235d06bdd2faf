"""polars, Arrow and DuckDB read archived files where they are."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import polars as pl
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

from holotype.lake.reading.filesystem import filesystem

from .watching import chunks_of, new_archive, read, stored_between, watch

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive

FRAME = pl.DataFrame({"id": range(20_000), "gene": [f"g{number % 97:03}" for number in range(20_000)]}).with_columns(
    value=pl.col("id").hash(1) % 10_007 / 7
)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """A snapshot with the same table as CSV and as Parquet, and a folder of Parquet files."""
    (tmp_path / "parts").mkdir()
    FRAME.write_csv(tmp_path / "table.csv")
    FRAME.write_parquet(tmp_path / "table.parquet", row_group_size=2_000)
    for part in range(3):
        FRAME.slice(part * 5_000, 5_000).write_parquet(tmp_path / "parts" / f"{part}.parquet")
    archive = new_archive()
    archive.backup(tmp_path, dataset="lab/run42")
    return archive


def test_polars_reads_opened_files(archive: Archive) -> None:
    with archive.open("lab/run42@1", "table.csv") as file:
        assert pl.read_csv(file).equals(FRAME)
    with archive.open("lab/run42@1", "table.parquet") as file:
        assert pl.scan_parquet(file).filter(pl.col("id") < 10).collect().equals(FRAME.head(10))
    assert pl.read_csv(read(f"holotype://lab/run42@1/table.csv::{archive.url}")).equals(FRAME)


def test_arrow_reads_through_the_filesystem(archive: Archive) -> None:
    files = archive.filesystem("lab/run42@1")
    assert pl.DataFrame(pq.read_table("table.parquet", filesystem=files)).equals(FRAME)
    folder = pads.dataset("parts", format="parquet", filesystem=files)
    assert folder.count_rows() == 15_000
    assert folder.to_table(filter=pads.field("id") == 7_000)["gene"].to_pylist() == ["g016"]


def test_arrow_fetches_the_row_groups_it_needs_and_no_others(tmp_path: Path) -> None:
    noise = np.random.default_rng(5).normal(size=(500_000, 3))
    frame = pl.DataFrame(noise, ["a", "b", "c"]).with_row_index("id")
    frame.write_parquet(tmp_path / "noise.parquet", row_group_size=50_000)
    archive = new_archive(chunking={"min": 16 << 10, "average": 64 << 10, "max": 256 << 10})
    archive.backup(tmp_path, dataset="run")
    context, store = watch(archive)
    chunks = chunks_of(context, "run@1", "noise.parquet")
    with archive.open("run@1", "noise.parquet") as file:
        metadata, size = pq.read_metadata(file), file.size
    columns = [metadata.row_group(4).column(at) for at in range(4)]
    begin = min(column.dictionary_page_offset or column.data_page_offset for column in columns)
    end = begin + sum(column.total_compressed_size for column in columns)
    store.reads.clear()
    files = filesystem(context, "run@1")
    found = pads.dataset("noise.parquet", filesystem=files).to_table(filter=pads.field("id").isin([200_001, 249_999]))
    assert found["id"].to_pylist() == [200_001, 249_999]
    footer = stored_between(chunks, size - (64 << 10), size)
    # Arrow opens the file twice, once for its schema.
    assert store.bytes_of("packs/") <= 1.01 * (stored_between(chunks, begin, end) + 2 * footer)
    assert store.bytes_of("packs/") < size / 5


@pytest.mark.parametrize("path", ["table.csv", "table.parquet", "parts/*.parquet"])
def test_duckdb_reads_registered_filesystems(archive: Archive, path: str) -> None:
    rows = 15_000 if "*" in path else 20_000
    with duckdb.connect() as connection:
        connection.register_filesystem(filesystem(watch(archive)[0]))
        query = f"SELECT count(*), max(id), sum(value) FROM 'holotype://lab/run42@1/{path}' WHERE gene = 'g001'"
        (found,) = connection.sql(query).fetchall()
    wanted = FRAME.head(rows).filter(pl.col("gene") == "g001")
    assert found == (wanted.height, wanted["id"].max(), pytest.approx(wanted["value"].sum()))


def test_duckdb_reads_one_file_from_many_threads(archive: Archive) -> None:
    with duckdb.connect() as connection:
        connection.register_filesystem(archive.filesystem("lab/run42"))
        connection.execute("SET threads = 8")
        for _ in range(20):
            query = "SELECT count(*), sum(id) FROM 'holotype://table.parquet' WHERE value >= 0"
            assert connection.sql(query).fetchall() == [(20_000, 199_990_000)]


def test_threads_that_seek_and_read_in_turns_each_read_their_own_place(archive: Archive) -> None:
    with archive.open("lab/run42", "table.csv") as file, ThreadPoolExecutor(2) as pool:
        whole = file.read()
        barrier = Barrier(2)

        def turn(at: int) -> list[bytes]:
            found = []
            for shift in range(50):
                file.seek(at + shift)
                barrier.wait()  # both have sought before either reads
                found.append(file.read(3))
                barrier.wait()
            return found

        for at, found in zip((100, 5_000), pool.map(turn, (100, 5_000)), strict=True):
            assert found == [whole[at + shift : at + shift + 3] for shift in range(50)]


def test_duckdb_reads_one_snapshot_by_its_own_paths(archive: Archive) -> None:
    with duckdb.connect() as connection:
        connection.register_filesystem(archive.filesystem("lab/run42@latest"))
        assert connection.sql("SELECT count(*) FROM 'holotype://table.csv'").fetchall() == [(20_000,)]


def test_whatever_takes_a_file_object_takes_one_of_ours(archive: Archive) -> None:
    with archive.open("lab/run42@1", "table.csv") as file:
        assert io.TextIOWrapper(file).readline() == "id,gene,value\n"
