"""Zarr: a folder of metadata and chunks, of version 2 or 3."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr
from numcodecs import CRC32, Blosc, Zlib
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, ZstdCodec

from holotype.validators import Limits, Report, ValueRules, array_checks, validate

from ..format_contract import errors_of
from .looking import only, rows

if TYPE_CHECKING:
    from pathlib import Path

VERSIONS = pytest.mark.parametrize("version", [2, 3])


def store(folder: Path, version: int, **options: Any) -> Path:
    path = folder / "it.zarr"
    chosen: Any = version
    group = zarr.open_group(str(path), mode="w", zarr_format=chosen)
    options = {"data": np.arange(96.0).reshape(12, 8), "chunks": (5, 4), **options}
    group.create_array("signal", **options)
    group.create_group("inner").create_array("number", data=np.array(7))
    return path


def chunk(path: Path, *index: int) -> Path:
    first = path / "signal" / ".".join(map(str, index))
    return first if first.exists() else path / "signal" / "c" / "/".join(map(str, index))


def edit(path: Path, change: dict[str, Any], *, of: str = "signal") -> Report:
    """Change an array's metadata, and look."""
    name = ".zarray" if (path / of / ".zarray").exists() else "zarr.json"
    told = json.loads((path / of / name).read_text())
    told.update(change)
    (path / of / name).write_text(json.dumps({key: value for key, value in told.items() if value != "gone"}))
    return validate(path)


@VERSIONS
def test_a_store_is_recognised_and_sound_with_figures_of_every_array(tmp_path: Path, version: int) -> None:
    report = validate(store(tmp_path, version))
    assert report.checked.to_pylist()[0]["format"] == "zarr"
    assert rows(report) == []
    assert report.complete
    assert report.metric("array.most", of="signal") == 95
    assert report.metric("array.values", of="signal") == 96
    assert report.metric("array.least", of="inner/number") == 7


@pytest.mark.parametrize(
    "options",
    [
        {"compressors": [GzipCodec()]},
        {"compressors": [ZstdCodec(), Crc32cCodec()]},
        {"compressors": [BloscCodec()]},
        {"shards": (10, 8)},
        {"serializer": BytesCodec(endian="big")},
        {"chunk_key_encoding": {"name": "default", "separator": "."}},
        {"data": np.zeros((12, 8), bool)},
    ],
)
def test_codecs_shards_and_kinds_of_version_3_are_sound(tmp_path: Path, options: dict[str, Any]) -> None:
    assert errors_of(validate(store(tmp_path, 3, **options))) == set()


@VERSIONS
def test_chunks_that_are_missing_are_fill_value_and_told(tmp_path: Path, version: int) -> None:
    path = store(tmp_path, version)
    chunk(path, 1, 1).unlink()
    report = validate(path)
    assert report.ok
    row = only(report)
    assert (row["code"], row["member"], row["seen"], row["expected"]) == ("zarr.chunks_missing", "signal", "5", "6")
    assert report.metric("zarr.chunks_missing", of="signal") == 1
    assert report.metric("array.values", of="signal") == 96 - 20


@VERSIONS
def test_files_that_belong_to_nothing_are_told(tmp_path: Path, version: int) -> None:
    path = store(tmp_path, version)
    shutil.copy(chunk(path, 1, 1), chunk(path, 1, 1).with_name("9.9" if version == 2 else "9"))
    (path / "notes.txt").write_text("x")
    report = validate(path)
    assert report.ok
    assert {row["code"] for row in rows(report)} == {"zarr.stray"}
    assert "notes.txt" in {row["member"] for row in rows(report)}


@VERSIONS
def test_a_chunk_that_does_not_decode_is_told_by_its_file(tmp_path: Path, version: int) -> None:
    path = store(tmp_path, version)
    file = chunk(path, 2, 1)
    file.write_bytes(file.read_bytes()[:10])
    row = only(validate(path))
    assert (row["code"], row["member"]) == ("zarr.chunk", str(file.relative_to(path).as_posix()))


@pytest.mark.parametrize(
    ("version", "options"),
    [
        (2, {"compressors": [Zlib(), CRC32()]}),
        (2, {"compressors": None, "filters": [CRC32()]}),
        (3, {"compressors": [Crc32cCodec()]}),
        (3, {"compressors": [ZstdCodec(), Crc32cCodec()]}),
        (3, {"compressors": [GzipCodec()]}),
    ],
)
def test_with_a_checksum_each_byte_of_a_chunk_that_is_changed_is_noticed(
    tmp_path: Path, version: int, options: dict[str, Any]
) -> None:
    if version == 2 and options["compressors"] is not None:
        options = {"compressors": options["compressors"][0], "filters": None}
    path = store(tmp_path, version, **options)
    file = chunk(path, 0, 1)
    data = file.read_bytes()
    for place in range(12 if "Gzip" in repr(options) else 0, len(data), 7):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        file.write_bytes(changed)
        report = validate(path)
        assert "check.crashed" not in report.codes
        assert not report.ok, place


def test_a_chunk_of_blosc_whatever_is_done_to_it_brings_nothing_down(tmp_path: Path) -> None:
    path = store(tmp_path, 2, compressors=Blosc())
    file = chunk(path, 0, 0)
    data = file.read_bytes()
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 0x80
        file.write_bytes(changed)
        assert "check.crashed" not in validate(path).codes


@VERSIONS
@pytest.mark.parametrize(
    "change",
    [
        {"shape": [12]},
        {"shape": [-1, 8]},
        {"shape": [2**64, 8]},
        {"shape": "x"},
        {"zarr_format": 4},
        {"fill_value": "gone"},
    ],
)
def test_metadata_that_cannot_be_are_told_by_their_file(tmp_path: Path, version: int, change: dict[str, Any]) -> None:
    found = rows(edit(store(tmp_path, version), change))
    assert found[0]["code"] == "zarr.metadata"
    assert found[0]["member"] == ("signal/.zarray" if version == 2 else "signal/zarr.json")


@pytest.mark.parametrize(
    "change",
    [{"chunks": [0, 4]}, {"dtype": "<q8"}, {"dtype": "import os"}, {"order": "X"}, {"dimension_separator": "#"}],
)
def test_metadata_of_version_2_that_cannot_be_are_told_by_their_key(tmp_path: Path, change: dict[str, Any]) -> None:
    row = rows(edit(store(tmp_path, 2), change))[0]
    assert (row["code"], row["column"]) == ("zarr.metadata", next(iter(change)))


def test_a_shape_of_a_billion_rows_costs_nothing(tmp_path: Path) -> None:
    report = edit(store(tmp_path, 3), {"shape": [10**12, 8]})
    assert report.ok
    assert report.codes == {"zarr.chunks_missing"}


def test_chunks_larger_than_the_limits_are_not_decoded(tmp_path: Path) -> None:
    path = store(tmp_path, 2)
    report = edit(path, {"chunks": [10**9, 10**9]})
    assert "zarr.chunk_size" in report.codes
    assert not validate(path, limits=Limits(memory=100)).complete


def test_pickled_chunks_are_never_loaded_and_unknown_codecs_told(tmp_path: Path) -> None:
    path = store(tmp_path, 2)
    row = rows(edit(path, {"filters": [{"id": "pickle"}], "dtype": "|O"}))[0]
    assert (row["code"], row["member"]) == ("zarr.pickle", "signal/.zarray")
    assert row["severity"] == "warning", "as of objects in an array of NumPy"
    assert "zarr.codec" in edit(path, {"filters": [{"id": "lab-secret"}]}).codes


def test_metadata_that_are_no_json_are_told(tmp_path: Path) -> None:
    path = store(tmp_path, 2)
    (path / "signal" / ".zarray").write_text("[" * 100_000)
    assert errors_of(validate(path)) == {"zarr.json"}


def test_links_are_told_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x" * 160)
    path = store(tmp_path, 2)
    chunk(path, 0, 0).unlink()
    (path / "signal" / "0.0").symlink_to(tmp_path / "secret")
    report = validate(path)
    assert errors_of(report) == {"zarr.link"}
    assert "zarr.chunks_missing" in report.codes


@VERSIONS
@pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")
def test_consolidated_metadata_are_those_of_the_arrays(tmp_path: Path, version: int) -> None:
    path = store(tmp_path, version)
    chosen: Any = version
    zarr.consolidate_metadata(str(path), zarr_format=chosen)
    assert rows(validate(path)) == []
    found = rows(edit(path, {"fill_value": 3.0}))
    assert {row["code"] for row in found} == {"zarr.consolidated"}


def test_rules_about_numbers_are_held_with_the_array(tmp_path: Path) -> None:
    report = validate(store(tmp_path, 3), checks=array_checks(values=ValueRules(most=90)))
    assert report.counts["array.out_of_range"] == 5
    assert rows(report)[0]["member"] == "signal"


def test_its_metadata_alone_pass_as_well(tmp_path: Path) -> None:
    report = validate(store(tmp_path, 3), cost="header")
    assert report.ok
    assert not report.complete
