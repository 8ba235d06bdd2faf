"""The laws of packs, for any chunks and any damage."""

from __future__ import annotations

import io
from importlib import import_module
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.catalog import ObjectDamaged

from ...effort import share
from .pack_contract import data_of, ids_of, located, stored

packs: Any = import_module("holotype.lake.packs")

CHUNKS = st.lists(
    st.tuples(st.binary(max_size=50), st.integers(0, 3000)).map(lambda run: run[0] * run[1]), min_size=1, max_size=12
)
# Groups may be of any size, and a chunk may come twice.
GROUPS = st.lists(CHUNKS, min_size=1, max_size=4)
DTYPES = st.sampled_from(["|u1", "<i2", ">i2", "<f4", ">i4", "<f8", ">f8", "|V5"])


@settings(deadline=None)
@given(GROUPS, st.booleans())
def test_any_chunks_come_back_from_a_parquet_pack(groups: list[list[bytes]], compress: bool) -> None:  # noqa: FBT001 - given by name
    writer = packs.ParquetPackWriter("s1", compress=compress)
    for group in groups:
        writer.add(ids_of(group), group)
    pack = writer.finish()
    chunks = [chunk for group in groups for chunk in group]
    reader = packs.PackReader(stored(pack))
    assert [bytes(data) for _, data in reader.read_many(located(pack))] == chunks
    assert reader.check_pack(pack.row["object"], located(pack)).ok
    assert pq.read_table(io.BytesIO(data_of(pack)), page_checksum_verification=True)["data"].to_pylist() == chunks


@settings(deadline=None)
@given(DTYPES, st.sampled_from(packs.FILTERS), st.integers(1, 60), st.data())
def test_any_blocks_come_back_from_a_zarr_pack(dtype: str, filter: str, elements: int, data: st.DataObject) -> None:
    if dtype == "|V5":
        filter = filter.removeprefix("delta+")
    size = elements * packs.TypedCodec(dtype).itemsize
    blocks = data.draw(st.lists(st.binary(min_size=size, max_size=size), min_size=1, max_size=6))
    writer = packs.ZarrPackWriter("s1", dtype=dtype, block_bytes=size, filter=filter)
    for chunk, block in zip(ids_of(blocks), blocks, strict=True):
        writer.append(chunk, writer.encode(block))
    pack = writer.finish()
    reader = packs.PackReader(stored(pack))
    assert [bytes(block) for _, block in reader.read_many(located(pack))] == blocks
    assert reader.check_pack(pack.row["object"], located(pack)).ok


@settings(deadline=None, max_examples=share(150))
@given(
    st.sampled_from(["zstd", "blosc", "delta:<i4+blosc"]),
    st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=20),
    st.integers(0, 1 << 16),
    st.binary(max_size=40),
)
def test_no_damage_is_anything_but_damage(codec: str, changes: list[tuple[int, int]], kept: int, more: bytes) -> None:
    data = b"some numbers, over and over; " * 400
    if codec == "zstd":
        frame = bytearray(pa.compress(data, codec="zstd", asbytes=True))
    else:
        frame = bytearray(packs.TypedCodec("<i4", "delta+shuffle" if "delta" in codec else "shuffle").encode(data))
    for place, value in changes:
        frame[place % len(frame)] = value
    try:
        decoded = packs.decode(codec, frame[: kept % (2 * len(frame))] + more, len(data))
    except ObjectDamaged:
        return
    assert decoded.nbytes == len(data)  # what is in it is checked by its hash
