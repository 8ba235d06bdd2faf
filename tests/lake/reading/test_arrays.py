"""Archived arrays open as Zarr arrays that read only the blocks they need."""

from __future__ import annotations

import asyncio
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import zarr
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.core.buffer import default_buffer_prototype

from holotype.catalog import EntryNotFound, InvalidOption, ObjectDamaged, open_store
from holotype.lake.arrays import array
from holotype.lake.reading.arrayfiles import form_of

from .watching import chunks_of, make, new_archive, stored_between, watch

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive


def archived(folder: Path, values: np.ndarray[Any, Any], *, chunking: Any = None) -> Archive:
    """An archive with one ``.npy`` in it."""
    np.save(folder / "volume.npy", values, allow_pickle=values.dtype.hasobject)
    archive = new_archive(chunking=chunking)
    archive.backup(folder, dataset="run")
    return archive


SHAPES = [(), (0,), (5,), (0, 3), (7, 0), (70_001,), (300, 211), (3, 90_000), (17, 30, 41), (2, 1, 700, 13)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_of_any_shape_and_order_comes_back(tmp_path: Path, shape: tuple[int, ...], order: Any) -> None:
    values = np.asarray(np.random.default_rng(1).normal(size=shape), order=order)
    archive = archived(tmp_path, values, chunking={"min": 4 << 10, "average": 16 << 10, "max": 64 << 10})
    found = archive.array("run@1", "volume.npy")
    assert isinstance(found, zarr.Array)
    assert (found.shape, found.dtype, found.read_only) == (values.shape, values.dtype, True)
    np.testing.assert_array_equal(np.asarray(found[...]), values)
    if values.size and values.ndim:
        np.testing.assert_array_equal(np.asarray(found[-1]), values[-1])
        part = tuple(slice(extent // 3, None, 3) for extent in shape)
        np.testing.assert_array_equal(np.asarray(found[part]), values[part])


@pytest.mark.parametrize("code", ["?", "i1", "<u2", ">i2", "<i8", ">u8", "<f2", "<f4", ">f4", ">f8", "<c8", ">c16"])
def test_numbers_of_any_type(tmp_path: Path, code: str) -> None:
    values = np.random.default_rng(2).integers(0, 2, (100, 33)).astype(code)
    found = archived(tmp_path, values).array("run@1", "volume.npy")
    assert found.dtype == values.dtype.newbyteorder("=")
    np.testing.assert_array_equal(np.asarray(found[10:90, 5]), values[10:90, 5])


@pytest.mark.parametrize("code", ["<M8[ns]", ">M8[s]", "<m8[ms]", "<M8[25us]", "<U5", ">U3", "S4", "V3"])
def test_times_and_text(tmp_path: Path, code: str) -> None:
    values = np.arange(600).astype("S3" if code == "V3" else code).reshape(60, 10).astype(code)
    found = archived(tmp_path, values).array("run@1", "volume.npy")
    np.testing.assert_array_equal(np.asarray(found[20:40]), values[20:40])


@pytest.mark.parametrize("align", [False, True])
def test_records(tmp_path: Path, align: bool) -> None:  # noqa: FBT001 - given by name
    dtype = np.dtype([("id", "<i4"), ("flag", "?"), ("value", ">f8"), ("name", "S5")], align=align)
    values = np.zeros(3_000, dtype)
    values["id"], values["value"], values["name"] = np.arange(3_000), np.arange(3_000) / 7, b"gene"
    found = np.asarray(
        archived(tmp_path, values, chunking={"min": 512, "average": 1024, "max": 4096}).array("run", "volume.npy")[...]
    )
    for name in dtype.names or ():
        np.testing.assert_array_equal(found[name], values[name])


@pytest.mark.parametrize("code", ["f16", "c32", "O", "i4,(3,)f8"])
def test_what_zarr_does_not_have_is_refused_and_numpy_still_reads_it(tmp_path: Path, code: str) -> None:
    values = np.zeros(40, code)
    archive = archived(tmp_path, values)
    with pytest.raises(InvalidOption, match=r"numpy\.load"):
        archive.array("run@1", "volume.npy")
    with archive.open("run@1", "volume.npy") as file:
        np.testing.assert_array_equal(np.load(file, allow_pickle=code == "O"), values)


def test_ten_rows_of_a_large_array_read_the_blocks_they_are_in(tmp_path: Path) -> None:
    values = np.lib.format.open_memmap(tmp_path / "volume.npy", "w+", np.float32, (65_536, 1_000))
    for start in range(0, 65_536, 4_096):
        values[start : start + 4_096] = np.arange(start, start + 4_096)[:, None] + np.arange(1_000)
    del values
    archive = new_archive(chunking=None)
    archive.backup(tmp_path, dataset="run")
    context, store = watch(archive)
    chunks = chunks_of(context, "run@1", "volume.npy")
    assert sum(chunk["length"] for chunk in chunks) > 256_000_000
    store.reads.clear()
    found = np.asarray(array(context, "run@1", "volume.npy")[40_000:40_010])
    np.testing.assert_array_equal(found, np.arange(40_000, 40_010, dtype="f4")[:, None] + np.arange(1_000, dtype="f4"))
    begin = 128 + 40_000 * 4_000
    assert store.bytes_of("packs/") <= stored_between(chunks, 0, 128) + stored_between(chunks, begin, begin + 40_000)
    assert len([read for read in store.reads if read[0].startswith("packs/")]) <= 3


def test_zarrs_chunks_are_the_blocks_the_file_was_cut_into(tmp_path: Path) -> None:
    values = np.arange(3_000_000, dtype="<i4").reshape(3_000, 1_000)
    archive = archived(tmp_path, values)
    chunks = chunks_of(watch(archive)[0], "run@1", "volume.npy")
    (rows, columns) = archive.array("run@1", "volume.npy").chunks
    assert columns == 1_000
    assert rows * 4_000 in {chunk["length"] for chunk in chunks}


def test_write_array_makes_a_snapshot_that_needs_no_path(tmp_path: Path) -> None:
    archive = new_archive(chunking=None)
    values = np.random.default_rng(3).normal(size=(500, 700)).astype("f4")
    first = archive.write_array("lab/volume", values, message="as measured")
    again = archive.write_array("lab/volume", values)
    assert (first.kind, first.files, first.message, first.source) == ("array", 1, "as measured", "a numpy.ndarray")
    assert (again.number, again.new_bytes) == (2, 0)
    np.testing.assert_array_equal(np.asarray(archive.array("lab/volume@2")[...]), values)
    assert archive.diff("lab/volume@1", "lab/volume@2").is_empty()
    changed = values.copy()
    changed[250] = 0
    third = archive.write_array("lab/volume", changed)
    assert 0 < third.new_bytes <= 1 << 20
    archive.backup(make(tmp_path / "run", {"a.txt": b"text"}), dataset="run")
    with pytest.raises(InvalidOption, match="give the path"):
        archive.array("run@1")


def test_write_array_takes_what_numpy_does_and_what_lies_elsewhere(tmp_path: Path) -> None:
    archive = new_archive(chunking=None)
    mapped = np.lib.format.open_memmap(tmp_path / "m.npy", "w+", np.int16, (50, 60))
    mapped[...] = np.arange(60)
    stored = zarr.create_array(store={}, shape=(70, 8), chunks=(16, 8), dtype="f4", fill_value=3)
    stored[10:20] = 7
    many: list[Any] = [
        pl.Series([1, 2]),
        [1.5, 2.5],
        mapped,
        mapped.T,
        mapped[::2, ::3],
        np.float32(4),
        stored,
        np.zeros((0, 3)),
    ]
    for given in many:
        archive.write_array("any", given)
        np.testing.assert_array_equal(np.asarray(archive.array("any")[...]), np.asarray(given))
    for refused, said in ((np.array([{}]), "Python objects"), (np.ma.masked_equal([1, 2], 2), "mask")):
        with pytest.raises(InvalidOption, match=said):
            archive.write_array("any", refused)


def test_a_store_in_parts_is_copied_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holotype.lake.frames._PART", 1_000)
    stored = zarr.create_array(store={}, shape=(700, 8), chunks=(16, 8), dtype="f4")
    stored[...] = np.arange(5_600).reshape(700, 8)
    archive: Any = new_archive(chunking=None)
    archive.write_array("any", stored)
    np.testing.assert_array_equal(np.asarray(archive.array("any")[...]), np.asarray(stored[...]))


def test_other_formats_that_hold_one_array(tmp_path: Path) -> None:
    values = np.arange(40 * 700, dtype=">i2").reshape(40, 700)
    cards = ["SIMPLE  =                    T", "BITPIX  =                   16", "NAXIS   =                    2"]
    cards += ["NAXIS1  =                  700", "NAXIS2  =                   40", "END"]
    header = "".join(f"{card:80}" for card in cards).encode().ljust(2880)
    data = values.tobytes()
    (tmp_path / "sky.fits").write_bytes(header + data + bytes(-len(data) % 2880))
    (tmp_path / "text.txt").write_bytes(b"no numbers here")
    archive = new_archive(chunking=None)
    archive.backup(tmp_path, dataset="run")
    np.testing.assert_array_equal(np.asarray(archive.array("run@1", "sky.fits")[5:7, ::3]), values[5:7, ::3])
    with pytest.raises(InvalidOption, match="one array"):
        archive.array("run@1", "text.txt")


def test_raw_numbers_of_which_the_manifest_says_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "signal.raw").write_bytes(np.arange(600, dtype="<i2").tobytes())
    archive = new_archive()
    archive.backup(tmp_path, dataset="run")
    with archive.open("run@1", "signal.raw") as file:
        row = {"path": "signal.raw", "dtype": "<i2", "shape": [20, 30], "data_offset": 0}
        assert form_of(file.content, row).shape == (20, 30)
        assert form_of(file.content, {**row, "shape": None, "data_offset": 200}).shape == (500,)
        for wrong in ({**row, "shape": [20, 31]}, {**row, "dtype": None}):
            with pytest.raises(InvalidOption, match="one array"):
                form_of(file.content, wrong)


def test_the_store_answers_as_zarr_expects(tmp_path: Path) -> None:
    store: Any = archived(tmp_path, np.arange(6, dtype="u1")).array("run@1", "volume.npy").store
    prototype = default_buffer_prototype()

    async def ask() -> list[Any]:
        ranges = [None, RangeByteRequest(1, 3), OffsetByteRequest(4), SuffixByteRequest(1)]
        parts = await store.get_partial_values(prototype, [("c/0", part) for part in ranges])
        listed = [[key async for key in keys] for keys in (store.list(), store.list_prefix("z"), store.list_dir(""))]
        missing = [await store.get(key, prototype) for key in ("c/1", "c/0/0", "d", "c/x")]
        there = [await store.exists(key) for key in ("zarr.json", "c/0", "c/1")]
        return [[part.to_bytes() for part in parts], listed, missing, there]

    parts, listed, missing, there = asyncio.run(ask())
    assert parts == [bytes(range(6)), b"\1\2", b"\4\5", b"\5"]
    assert listed == [["zarr.json"]] * 3
    assert missing == [None] * 4
    assert there == [True, True, False]
    for attempt in (store.set("c/0", None), store.delete("c/0")):
        with pytest.raises(ValueError, match="read-only"):
            asyncio.run(attempt)


def test_a_header_that_is_none_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "good.npy", np.arange(10))
    good = (tmp_path / "good.npy").read_bytes()
    (tmp_path / "short.npy").write_bytes(good[:-8])
    (tmp_path / "version.npy").write_bytes(good[:6] + b"\x09" + good[7:])
    (tmp_path / "garbage.npy").write_bytes(good[:20] + b"}{" + good[22:])
    archive = new_archive()
    archive.backup(tmp_path, dataset="run")
    for name, said in (("short.npy", "ends before"), ("version.npy", "version 9"), ("garbage.npy", "not one")):
        with pytest.raises(InvalidOption, match=said):
            archive.array("run@1", name)
    with pytest.raises(EntryNotFound):
        archive.array("run@1", "none.npy")


def test_an_array_travels_and_stays_what_it_is(tmp_path: Path) -> None:
    values = np.arange(600).reshape(20, 30)
    archive = archived(tmp_path, values)
    found = archive.array("run@1", "volume.npy")
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(np.asarray(again[3:5]), values[3:5])
    assert again.store == found.store
    assert hash(again.store) == hash(found.store)
    assert found.store != zarr.create_array(store={}, shape=(1,), dtype="i4").store
    with pytest.raises(ValueError, match="read"):
        found[0] = 1
    with pytest.raises(InvalidOption):
        found.store.with_read_only(read_only=False)
    assert found.store.with_read_only(read_only=True) is found.store
    found.store.close()
    assert "volume.npy" in repr(found.store)


def test_damage_is_found_before_a_number_is_handed_out(tmp_path: Path) -> None:
    values = np.random.default_rng(4).normal(size=(1_000, 1_000))
    archive = archived(tmp_path, values)
    context, _ = watch(archive)
    chunk = chunks_of(context, "run@1", "volume.npy")[3]
    store = open_store(archive.url)
    data = bytearray(store.get(chunk["object"]))
    data[chunk["offset"] + chunk["stored"] // 2] ^= 8
    store.put(chunk["object"], [data])
    found = array(context, "run@1", "volume.npy")
    np.testing.assert_array_equal(np.asarray(found[:100]), values[:100])
    row = (chunk["at"] + chunk["length"] // 2 - 128) // 8_000
    with pytest.raises(ObjectDamaged):
        found[row]
