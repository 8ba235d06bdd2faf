"""Zarr packs: the contract, and that zarr reads identical numbers, through fsspec as well."""

from __future__ import annotations

import json
import os
from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import fsspec
import numpy as np
import pytest
import zarr

from holotype.catalog import InvalidOption

from .pack_contract import PackContract, data_of, ids_of, located, stored

if TYPE_CHECKING:
    from pathlib import Path

packs: Any = import_module("holotype.lake.packs")
zarr_packs: Any = import_module("holotype.lake.packs.zarr")

# numcodecs.delta is not in Zarr's specification, and zarr says so.
pytestmark = pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr version 3:UserWarning")

BLOCK = 12 * 1024


def some_blocks(dtype: str, count: int = 6) -> list[bytes]:
    """Blocks of a random walk, the last of random bytes: every pattern of bits, NaN among them."""
    rng = np.random.default_rng(3)
    itemsize = np.dtype(dtype).itemsize
    kind = np.dtype(dtype if itemsize in (1, 2, 4, 8) else "u1")
    steps = rng.integers(-3, 4, (count - 1, BLOCK // kind.itemsize))
    walk = np.cumsum(steps, axis=1).astype("i8").astype(kind)
    return [block.tobytes() for block in walk] + [rng.bytes(BLOCK)]


def zarr_pack(blocks: list[bytes], *, dtype: str, filter: str) -> Any:
    writer = packs.ZarrPackWriter("s1", dtype=dtype, block_bytes=BLOCK, filter=filter)
    for chunk, block in zip(ids_of(blocks), blocks, strict=True):
        writer.append(chunk, writer.encode(block))
    return writer.finish()


def written(pack: Any, folder: Path) -> Path:
    for item in pack.objects:
        file = folder / item.key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"".join(bytes(part) for part in item.parts))
    return folder / f"packs/{pack.name}"


class ZarrContract(PackContract):
    dtype, filter = "<f4", "bitshuffle"

    def chunks(self) -> list[bytes]:
        return some_blocks(self.dtype)

    def pack(self, chunks: list[bytes]) -> Any:
        return zarr_pack(chunks, dtype=self.dtype, filter=self.filter)

    def test_zarr_reads_it(self, made: Any, tmp_path: Path) -> None:
        array = zarr.open_array(str(written(made, tmp_path)), mode="r")
        order = ">" if self.dtype.startswith(">") else "<"
        values = np.asarray(array[:])
        assert [row.astype(row.dtype.newbyteorder(order)).tobytes() for row in values] == self.chunks()
        assert np.array_equal(np.asarray(array[2]), values[2], equal_nan=values.dtype.kind == "f")

    def test_a_missing_document_is_a_problem_but_no_damage(self, made: Any) -> None:
        store = stored(made)
        store.delete([made.objects[0].key])
        check = packs.PackReader(store).check_pack(made.row["object"], located(made))
        assert "zarr.json" in str(check.problem)
        assert check.damaged == ()
        assert not check.ok

    def test_a_changed_document_is_a_problem_but_no_damage(self, made: Any) -> None:
        store = stored(made)
        store.put(made.objects[0].key, [b"{}"])
        check = packs.PackReader(store).check_pack(made.row["object"], located(made))
        assert check.problem is not None
        assert check.damaged == ()


class TestZarrPack(ZarrContract):
    pass


class TestZarrPackOfDifferences(ZarrContract):
    filter = "delta+bitshuffle"


class TestZarrPackOfShortIntegers(ZarrContract):
    dtype, filter = "<i2", "delta+shuffle"


class TestZarrPackOfBigEndianDifferences(ZarrContract):
    dtype, filter = ">i4", "delta+bitshuffle"


class TestZarrPackOfBytes(ZarrContract):
    dtype, filter = "|u1", "delta+none"


class TestZarrPackOfRecords(ZarrContract):
    dtype, filter = "|V12", "shuffle"


TYPES = [
    "|b1",
    "|i1",
    "|u1",
    "<i2",
    ">i2",
    "<u2",
    "<f2",
    "<i4",
    ">f4",
    "<u4",
    "<i8",
    ">f8",
    "<u8",
    "<c8",
    ">c16",
    "|V3",
]


@pytest.mark.parametrize("filter", packs.FILTERS)
@pytest.mark.parametrize("dtype", TYPES)
def test_zarr_reads_every_type_and_filter(dtype: str, filter: str, tmp_path: Path) -> None:
    if filter.startswith("delta") and np.dtype(dtype).itemsize not in (1, 2, 4, 8):
        with pytest.raises(InvalidOption, match="subtracted"):
            packs.ZarrPackWriter("s1", dtype=dtype, block_bytes=BLOCK, filter=filter)
        return
    blocks = some_blocks(dtype, count=3)
    pack = zarr_pack(blocks, dtype=dtype, filter=filter)
    array = zarr.open_array(str(written(pack, tmp_path)), mode="r")
    order = ">" if dtype.startswith(">") else "<"
    assert [row.astype(row.dtype.newbyteorder(order)).tobytes() for row in np.asarray(array[:])] == blocks
    named = np.dtype(dtype).kind in "iufc" and not filter.startswith("delta")
    assert not named or array.dtype == np.dtype(dtype).newbyteorder("=")


def test_zarr_reads_it_through_fsspec() -> None:
    pack = zarr_pack(some_blocks("<f8"), dtype="<f8", filter="shuffle")
    root = f"memory://{uuid4()}"
    for item in pack.objects:
        fsspec.filesystem("memory").pipe_file(f"{root}/{item.key}", b"".join(bytes(part) for part in item.parts))
    array = zarr.open_array(f"{root}/packs/{pack.name}", mode="r")
    assert array.shape == (6, BLOCK // 8)
    assert np.asarray(array[1:3]).tobytes() == b"".join(some_blocks("<f8")[1:3])
    assert array.attrs["dtype"] == "<f8"


def test_zarr_notices_a_changed_index(tmp_path: Path) -> None:
    pack = zarr_pack(some_blocks("<f4"), dtype="<f4", filter="shuffle")
    shard = written(pack, tmp_path) / "c/0/0"
    whole = bytearray(shard.read_bytes())
    whole[-10] ^= 1
    shard.write_bytes(whole)
    with pytest.raises(ValueError, match="checksum"):
        zarr.open_array(str(shard.parent.parent.parent), mode="r")[:]


def test_the_document_is_small_and_readable() -> None:
    pack = zarr_pack(some_blocks("<f4"), dtype="<f4", filter="delta+bitshuffle")
    text = b"".join(bytes(part) for part in pack.objects[0].parts)
    document = json.loads(text)
    assert document["attributes"] == {"dtype": "<f4", "holotype": "pack"}
    assert len(text) < 3000
    assert len(pack.objects) == 2


def test_numbers_become_smaller() -> None:
    pack = zarr_pack(some_blocks("<i4")[:5], dtype="<i4", filter="delta+bitshuffle")
    assert pack.row["bytes"] < pack.row["raw"] / 3


def test_it_says_how_much_it_holds_so_far() -> None:
    writer = packs.ZarrPackWriter("s1", dtype="<f4", block_bytes=BLOCK, filter="none")
    assert writer.stored == 0
    encoded = writer.encode(os.urandom(BLOCK))
    writer.append(bytes(32), encoded)
    assert writer.stored == len(encoded)


def test_a_filter_that_is_none_of_them_is_refused() -> None:
    with pytest.raises(InvalidOption, match="none of the filters"):
        packs.ZarrPackWriter("s1", dtype="<f4", block_bytes=BLOCK, filter="gzip")


def test_the_checksum_is_castagnoli_s() -> None:
    # The test vectors of RFC 3720, B.4.
    assert zarr_packs._crc32c(bytes(32)) == 0x8A9136AA
    assert zarr_packs._crc32c(b"\xff" * 32) == 0x62A8AB43
    assert zarr_packs._crc32c(bytes(range(32))) == 0x46DD794E
    assert data_of(zarr_pack(some_blocks("<f4"), dtype="<f4", filter="none"))[-4:] != bytes(4)
