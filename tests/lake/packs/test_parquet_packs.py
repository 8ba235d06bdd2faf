"""Parquet packs: the contract, exact ranges, and that other programs read them."""

from __future__ import annotations

import io
import random
from importlib import import_module
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from .pack_contract import PackContract, data_of, ids_of, located

if TYPE_CHECKING:
    from pathlib import Path

packs: Any = import_module("holotype.lake.packs")
thrift: Any = import_module("holotype.lake.packs.thrift")


def some_chunks() -> list[bytes]:
    source = random.Random(9)
    lengths = (10, 0, 20_000, 7, 70_001, 300_000, 1, 65_536, 5)
    return [source.randbytes(n) if n % 2 else bytes(source.choices(b"ACGT", k=n)) for n in lengths]


def parquet_pack(groups: list[list[bytes]], *, compress: bool, level: int = 1) -> Any:
    writer = packs.ParquetPackWriter("s1", compress=compress, level=level)
    for group in groups:
        writer.add(ids_of(group), group)
    return writer.finish()


class ParquetContract(PackContract):
    compress = False

    def chunks(self) -> list[bytes]:
        return some_chunks()

    def pack(self, chunks: list[bytes]) -> Any:
        return parquet_pack([chunks[:4], chunks[4:5], chunks[5:6], chunks[6:]], compress=self.compress)

    def test_arrow_reads_it(self, made: Any) -> None:
        file = pq.ParquetFile(io.BytesIO(data_of(made)), page_checksum_verification=True)
        table = file.read()
        assert table["chunk_id"].to_pylist() == ids_of(self.chunks())
        assert table["data"].to_pylist() == self.chunks()
        assert not any(field.nullable for field in table.schema)
        assert file.num_row_groups == 4

    def test_duckdb_reads_it(self, made: Any, tmp_path: Path) -> None:
        file = tmp_path / "pack.parquet"
        file.write_bytes(data_of(made))
        with duckdb.connect() as connection:
            rows = connection.execute("SELECT chunk_id, data FROM read_parquet(?)", [str(file)]).fetchall()
            assert rows == list(zip(ids_of(self.chunks()), self.chunks(), strict=True))
            query = "SELECT octet_length(data) FROM read_parquet(?) WHERE chunk_id = ?"
            assert connection.execute(query, [str(file), rows[4][0]]).fetchall() == [(70_001,)]

    def test_arrow_notices_a_changed_byte(self, made: Any) -> None:
        whole = bytearray(data_of(made))
        row = made.chunks.to_pylist()[4]
        whole[row["offset"] + 100] ^= 1
        with pytest.raises(OSError, match=r"[Cc]hecksum|CRC"):
            pq.ParquetFile(io.BytesIO(bytes(whole)), page_checksum_verification=True).read()


class TestParquetPack(ParquetContract):
    def test_a_row_points_at_the_chunk_itself(self, made: Any) -> None:
        whole = data_of(made)
        for row, chunk in zip(made.chunks.to_pylist(), self.chunks(), strict=True):
            assert (row["codec"], row["start"], row["stored"], row["block"]) == ("raw", 0, len(chunk), len(chunk))
            assert whole[row["offset"] : row["offset"] + row["stored"]] == chunk


class TestCompressedParquetPack(ParquetContract):
    compress = True

    def test_a_row_points_at_the_page_and_into_it(self, made: Any) -> None:
        whole = data_of(made)
        for row, chunk in zip(made.chunks.to_pylist(), self.chunks(), strict=True):
            frame = whole[row["offset"] : row["offset"] + row["stored"]]
            page = pa.decompress(frame, row["block"], codec="zstd", asbytes=True)
            assert page[row["start"] - 4 : row["start"]] == len(chunk).to_bytes(4, "little")
            assert page[row["start"] : row["start"] + row["length"]] == chunk

    def test_a_higher_level_is_smaller(self) -> None:
        text = [b"".join(b"reading %d of the day\n" % (n * n % 997) for n in range(20_000))]
        sizes = [parquet_pack([text], compress=True, level=level).row["bytes"] for level in (1, 9)]
        assert sizes[1] < sizes[0]


def test_a_column_of_a_row_group_is_one_page_whatever_its_rows() -> None:
    # Writers usually begin another page after 20,000 rows, and then a chunk would not be where its row says.
    chunks = [b"%d" % number for number in range(60_000)]
    pack = parquet_pack([chunks], compress=False)
    table = pq.read_table(io.BytesIO(data_of(pack)), page_checksum_verification=True)
    assert table["data"].to_pylist() == chunks
    assert pq.ParquetFile(io.BytesIO(data_of(pack))).num_row_groups == 1
    whole = data_of(pack)
    last = pack.chunks.slice(59_999).to_pylist()[0]
    assert whole[last["offset"] : last["offset"] + last["stored"]] == b"59999"


def test_a_pack_of_many_row_groups() -> None:
    chunks = [bytes([number % 256]) * 100 for number in range(500)]
    pack = parquet_pack([[chunk] for chunk in chunks], compress=True)
    assert pq.read_table(io.BytesIO(data_of(pack)))["data"].to_pylist() == chunks


def test_a_slice_of_a_buffer_that_is_used_again() -> None:
    buffer = bytearray(b"first second third")
    view = memoryview(buffer)
    large = bytearray(random.Random(4).randbytes(200_000))
    kept = bytes(large)

    writer = packs.ParquetPackWriter("s1", compress=False)
    writer.add(ids_of([b" ", b"second"]), [view[5:6], view[6:12]])
    writer.add(ids_of([kept]), [memoryview(large)])
    buffer[:] = b"x" * len(buffer)
    large[:] = bytes(len(large))
    pack = writer.finish()
    assert pq.read_table(io.BytesIO(data_of(pack)))["data"].to_pylist() == [b" ", b"second", kept]


def test_it_says_how_much_it_holds_so_far() -> None:
    writer = packs.ParquetPackWriter("s1", compress=False)
    assert writer.stored == 4
    writer.add(ids_of([b"x" * 1000]), [b"x" * 1000])
    assert 1000 < writer.stored < 1200
    before = writer.stored
    writer.add([], [])
    assert writer.stored == before


def test_reading_one_chunk_costs_its_own_length() -> None:
    chunks = [random.Random(n).randbytes(100_000) for n in range(8)]
    pack = parquet_pack([chunks], compress=False)
    assert set(located(pack)["stored"].to_pylist()) == {100_000}


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (thrift.i32(0), "00"),
        (thrift.i32(1), "02"),
        (thrift.i32(-1), "01"),
        (thrift.i32(-(2**31)), "ffffffff0f"),
        (thrift.i64(2**40), "808080808040"),
        (thrift.text("é"), "02c3a9"),
        (thrift.items([thrift.i32(3), thrift.i32(4)]), "250608"),
        (thrift.items([thrift.i32(0)] * 15), "f50f" + "00" * 15),
        (thrift.struct({1: thrift.i32(1), 4: thrift.i64(2)}), "1502360400"),
    ],
)
def test_the_compact_protocol_of_thrift(value: tuple[int, bytes], encoded: str) -> None:
    assert value[1].hex() == encoded
