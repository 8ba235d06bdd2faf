"""Tables go in as frames and come out as lazy frames; versions of one share what they have in common."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from holotype.catalog import EntryNotFound, InvalidName, InvalidOption, ObjectDamaged, open_store
from holotype.lake.frames import table
from holotype.lake.storing.grouping import groups, sample

from .watching import chunks_of, new_archive, stored_between, watch

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive

run_end_encode: Any = vars(pc)["run_end_encode"]
FRAME = pl.DataFrame(
    {
        "id": [1, 2, None],
        "name": ["a", None, "ü"],
        "time": [datetime(2026, 1, 1, tzinfo=UTC), None, datetime(2026, 1, 2, tzinfo=UTC)],
        "day": [date(2026, 1, 1), None, date(1969, 1, 2)],
        "lag": [timedelta(seconds=1), None, timedelta(0)],
        "flag": [True, None, False],
        "value": [0.5, float("nan"), None],
        "price": [Decimal("1.20"), None, Decimal("-3.00")],
        "parts": [[1, 2], None, []],
        "place": [{"x": 1, "y": "a"}, None, {"x": None, "y": "b"}],
        "raw": [b"\x00", None, b""],
        "none": [None, None, None],
        "with.dot": [1, 2, 3],
    }
).with_columns(
    pl.Series("grade", ["low", "high", None], pl.Enum(["low", "middle", "high"])),
    pl.Series("site", ["B", None, "A"], pl.Categorical),
    pl.Series("pixel", [[1, 2], [3, 4], [5, 6]], pl.Array(pl.Int16, 2)),
    pl.Series("small", [1, None, 3], pl.UInt8),
    pl.Series("at", [1, None, 3], pl.Time),
)


def measured(rows: int, seed: int) -> pa.Table:
    """An invented table of measurements."""
    chance = np.random.default_rng(seed)
    return pa.table(
        {
            "id": np.cumsum(chance.integers(1, 9, rows)),
            "time": (1_700_000_000_000_000 + np.cumsum(chance.integers(1_000, 90_000, rows))).astype("datetime64[us]"),
            "value": chance.normal(size=rows),
            "temperature": (20 + np.cumsum(chance.normal(0, 0.01, rows))).round(3).astype("f4"),
            "count": chance.poisson(12, rows).astype("i4"),
            "gene": pa.array([f"gene{number:05}" for number in range(20_000)]).take(
                pa.array(np.minimum(chance.zipf(1.3, rows), 19_999))
            ),
            "sample": pa.array(["A", "B", "C", "D"]).take(pa.array(chance.integers(0, 4, rows))),
            "flag": chance.random(rows) < 0.1,
        }
    )


@pytest.fixture
def archive() -> Archive:
    """An empty archive with the usual chunks."""
    return new_archive(chunking=None)


def test_a_frame_comes_back_as_it_was(archive: Archive) -> None:
    snapshot = archive.write_table("lab/table", FRAME, message="first look")
    assert (snapshot.kind, snapshot.files, snapshot.message) == ("table", 1, "first look")
    assert snapshot.source == "a polars.DataFrame"
    found = archive.table("lab/table@1")
    assert isinstance(found, pl.LazyFrame)
    assert found.collect_schema() == FRAME.schema
    assert found.collect().equals(FRAME)


@pytest.mark.parametrize("rows", [0, 1, 70_000])
def test_every_kind_of_frame_gives_the_same_bytes(archive: Archive, rows: int) -> None:
    frame = pl.DataFrame(measured(rows, 1))
    arrow = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    first = archive.write_table("table", frame)
    assert (first.new_bytes > 0, archive.table("table").collect().equals(frame)) == (True, True)
    for same in (
        frame.lazy(),
        arrow,
        pa.RecordBatchReader.from_batches(arrow.schema, arrow.to_batches(max_chunksize=999)),
    ):
        assert archive.write_table("table", same).new_bytes == 0
    assert archive.diff("table@1", "table@4").is_empty()


def test_anything_that_exports_arrow_is_a_table(archive: Archive) -> None:
    with duckdb.connect() as connection:
        archive.write_table("numbers", connection.sql("SELECT range AS n, n % 7 AS rest FROM range(5000)"))
    assert archive.table("numbers").filter(pl.col("rest") == 3).collect().height == 714
    batch = pa.record_batch(
        {"text": pa.array(["a", "b"], pa.string_view()), "raw": pa.array([b"x", b"y"], pa.binary_view())}
    )
    archive.write_table("views", batch)
    assert archive.table("views").collect().to_dict(as_series=False) == {"text": ["a", "b"], "raw": [b"x", b"y"]}
    archive.write_table("runs", pa.table({"n": run_end_encode(pa.array([1, 1, 1, 2]))}))
    assert archive.table("runs").collect()["n"].to_list() == [1, 1, 1, 2]


def test_categories_are_written_the_same_whatever_was_seen_before(archive: Archive) -> None:
    archive.write_table("sites", pl.DataFrame({"site": pl.Series(["east", "west", "east"], dtype=pl.Categorical)}))
    seen_before = pl.Series(["north", "south", "west"], dtype=pl.Categorical)
    other = pl.DataFrame({"site": pl.Series(["north", "west"], dtype=pl.Categorical)})
    first = archive.write_table("sites", other)
    filtered = pl.DataFrame({"site": pl.concat([seen_before, other["site"]])}).tail(2)
    assert (first.new_bytes > 0, archive.write_table("sites", filtered).new_bytes) == (True, 0)
    assert archive.table("sites").collect().equals(other)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([1, 2], "a list is not a table"),
        (pl.DataFrame({"big": pl.Series([1], dtype=pl.Int128)}), "Arrow columns"),
        (pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]), "several columns named 'a'"),
        (pa.table({"month": pa.array([(1, 2, 3)], pa.month_day_nano_interval())}), "Parquet"),
    ],
)
def test_what_is_no_table_is_refused(archive: Archive, given: Any, said: str) -> None:
    with pytest.raises(InvalidOption, match=said):
        archive.write_table("table", given)
    assert archive.snapshots().is_empty()
    with pytest.raises(InvalidName):
        archive.write_table("no name", FRAME)


def test_a_temporary_folder_without_room_is_said_so(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/dev/null/nowhere")
    with pytest.raises(OSError, match="TMPDIR"):
        archive.write_table("table", FRAME)


def test_rows_inserted_in_the_middle_leave_nine_tenths_of_a_table_as_it_was(archive: Archive) -> None:
    before = measured(2_000_000, 1)
    middle = pa.concat_tables([before.slice(0, 1_234_567), measured(1_000, 2), before.slice(1_234_567)])
    archive.write_table("table", before)
    inserted = archive.write_table("table", middle)
    assert 0 < inserted.new_bytes <= 0.1 * inserted.bytes
    wider = archive.write_table("table", middle.append_column("added", pa.array(np.zeros(middle.num_rows))))
    assert 0 < wider.new_bytes <= 0.1 * wider.bytes


def test_a_filter_reads_the_row_groups_it_leaves_and_no_others(archive: Archive) -> None:
    frame = measured(1_000_000, 3)
    archive.write_table("table", frame)
    context, store = watch(archive)
    chunks = chunks_of(context, "table@1", "table.parquet")
    with archive.open("table@1", "table.parquet") as file:
        metadata, size = pq.read_metadata(file), file.size
    assert metadata.num_row_groups > 3
    tail = stored_between(chunks, size - (64 << 10), size)
    wanted = frame["id"][500_000].as_py()
    parts = [
        (int(column.dictionary_page_offset or column.data_page_offset), int(column.total_compressed_size))
        for group in range(metadata.num_row_groups)
        if (ids := metadata.row_group(group).column(0).statistics).min <= wanted <= ids.max
        for column in (metadata.row_group(group).column(at) for at in range(metadata.num_columns))
    ]
    needed = stored_between(chunks, parts[0][0], parts[-1][0] + parts[-1][1])
    query = table(context, "table@1").filter(pl.col("id") == wanted)
    assert query.select("gene").collect().height == 1
    assert query.collect().height == 1
    assert len(parts) == metadata.num_columns
    assert store.bytes_of("packs/") <= 3 * tail + 2 * needed < size


def test_the_first_rows_do_not_cost_the_whole_table(archive: Archive) -> None:
    archive.write_table("table", measured(2_000_000, 3))
    context, store = watch(archive)
    assert table(context, "table@1").head(10).collect().height == 10
    size = sum(chunk["length"] for chunk in chunks_of(context, "table@1", "table.parquet"))
    assert store.bytes_of("packs/") < size * 0.6


def test_a_query_of_a_few_columns_or_rows(archive: Archive) -> None:
    frame = measured(200_000, 3)
    archive.write_table("table", frame)
    found = archive.table("table@1").select(pl.col("value").mean()).collect().item()
    assert found == pytest.approx(frame["value"].to_numpy().mean())
    assert archive.table("table").head(5).collect().equals(pl.DataFrame(frame.slice(0, 5)))


def test_a_damaged_table_is_an_error_not_a_wrong_number(archive: Archive) -> None:
    archive.write_table("table", measured(300_000, 5))
    chunk = chunks_of(watch(archive)[0], "table@1", "table.parquet")[0]
    store = open_store(archive.url)
    data = bytearray(store.get(chunk["object"]))
    data[chunk["offset"] + chunk["stored"] // 2] ^= 4
    store.put(chunk["object"], [data])
    with pytest.raises(ObjectDamaged, match="cannot be read from pack"):
        archive.table("table").select(pl.col("id").sum()).collect()


def test_tables_in_files_of_other_kinds(archive: Archive, tmp_path: Path) -> None:
    frame = pl.DataFrame({"id": [1, 2, 3], "name": ["a", "b", "c\nd"]})
    (tmp_path / "parts").mkdir()
    frame.write_csv(tmp_path / "t.csv")
    frame.write_csv(tmp_path / "t.tsv", separator="\t")
    frame.write_ipc(tmp_path / "t.arrow")
    frame.write_parquet(tmp_path / "T.PARQUET")
    frame.write_parquet(tmp_path / "parts" / "1.parquet")
    frame.write_parquet(tmp_path / "parts" / "2.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "notes.txt").write_bytes(b"text")
    archive.backup(tmp_path, dataset="run")
    for name in ("t.csv", "t.tsv", "t.arrow", "T.PARQUET"):
        assert archive.table("run@1", name).collect().equals(frame), name
    assert archive.table("run@1", "parts").collect().height == 6
    for name, said in (("notes.txt", "not known to be a table"), ("broken.parquet", "not parquet")):
        with pytest.raises(InvalidOption, match=said):
            archive.table("run@1", name)
    with pytest.raises(EntryNotFound, match="nearest"):
        archive.table("run@1", "s.csv")
    with pytest.raises(InvalidOption, match="give the path"):
        archive.table("run@1")


@pytest.mark.parametrize("size", [1, 1_000, 7_777, 300_000])
def test_row_groups_are_the_same_however_the_rows_come(size: int) -> None:
    rows = measured(300_000, 4).append_column("gaps", pa.array([None, 1.5] * 150_000))
    pieces = [rows.slice(at, size) for at in range(0, rows.num_rows, size)] if size > 1 else [rows]
    first, again = sample(iter(pieces), rows.schema)
    found = list(groups(again, first))
    whole, _ = sample([rows], rows.schema)
    expected = list(groups([rows], whole))
    assert [group.num_rows for group in found] == [group.num_rows for group in expected]
    assert pa.concat_tables(found).equals(pa.concat_tables([rows]))
    assert len(found) > 1
    assert all(column.num_chunks == 1 for group in found for column in group.columns)


def test_what_lies_under_a_missing_value_does_not_show() -> None:
    def with_rubbish(rubbish: int) -> pa.Table:
        data = np.arange(200_000)
        data[::3] = rubbish
        present = np.ones(200_000, bool)
        present[::3] = False
        validity = pa.py_buffer(np.packbits(present, bitorder="little"))
        return pa.table({"n": pa.Array.from_buffers(pa.int64(), 200_000, [validity, pa.py_buffer(data)])})

    sizes = [[group.num_rows for group in groups([rows], rows)] for rows in (with_rubbish(0), with_rubbish(12345))]
    assert sizes[0] == sizes[1]


def test_rows_that_are_all_alike_still_make_groups() -> None:
    rows = pa.table({"n": np.zeros(5_000_000, np.int64), "flag": np.zeros(5_000_000, bool)})
    found = [group.num_rows for group in groups([rows], rows.slice(0, 65_536))]
    assert sum(found) == 5_000_000
    assert 1 < len(found) < 20


def test_columns_of_the_same_name_but_for_case(archive: Archive) -> None:
    frame = pl.DataFrame({"a": [1], "A": [2]})
    archive.write_table("table", frame)
    assert archive.table("table").collect().equals(frame)
