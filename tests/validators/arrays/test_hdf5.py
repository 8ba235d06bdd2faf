"""HDF5, NetCDF-4 and MATLAB 7.3: objects that link to one another, and chunks."""

from __future__ import annotations

import io
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

from holotype.validators import Limits, ValueRules, array_checks, validate

from ..format_contract import FormatContract, errors_of
from .looking import look, only, patched, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

isolated: Any = import_module("holotype.validators.arrays.isolated")
hdf5: Any = import_module("holotype.validators.arrays.hdf5")


def made(fill: Callable[[Any], object], **options: Any) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w", **options) as opened:
        fill(opened)
    return file.getvalue()


def some(file: Any) -> None:
    file["a"] = np.arange(20.0)
    file["group/packed"] = 5
    file.create_dataset(
        "chunks", data=np.arange(64.0).reshape(8, 8), chunks=(4, 4), compression="gzip", fletcher32=True
    )
    file["words"] = ["ab", "c"]
    file.attrs["title"] = "x"


class TestHdf5(FormatContract):
    format = "hdf5"

    def make(self, folder: Path) -> Path:
        path = folder / "cells.h5"
        path.write_bytes(made(some))
        return path


class TestHdf5OfTheNewLayout(FormatContract):
    format = "hdf5"

    def make(self, folder: Path) -> Path:
        path = folder / "cells.hdf5"
        path.write_bytes(made(some, libver="latest"))
        return path


def scales(file: Any) -> None:
    file["time"] = np.arange(4.0)
    file["time"].make_scale("time")
    file["temp"] = np.zeros(4, "f4")
    file["temp"].dims[0].attach_scale(file["time"])


class TestNetCDF4(FormatContract):
    format = "netcdf4"

    def make(self, folder: Path) -> Path:
        path = folder / "climate.nc"
        path.write_bytes(made(scales))
        return path


def matlab(fill: Callable[[Any], object]) -> bytes:
    data = bytearray(made(fill, userblock_size=512))
    data[:128] = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    return bytes(data)


def variable(file: Any) -> None:
    file["x"] = np.zeros((2, 3))
    file["x"].attrs["MATLAB_class"] = np.bytes_("double")


class TestMat73(FormatContract):
    format = "mat73"

    def make(self, folder: Path) -> Path:
        path = folder / "trial.mat"
        path.write_bytes(matlab(variable))
        return path


def test_attributes_without_values_are_sound() -> None:
    def fill(file: Any) -> None:
        file.attrs["column-order"] = []  # as AnnData writes it of a table without columns
        file.attrs["TITLE"] = ""  # as pandas writes it of every table
        file.attrs["NAME"] = h5py.Empty("S1")

    assert not look(made(fill), "hdf5").counts


def test_every_dataset_has_figures_by_its_path() -> None:
    report = look(made(some), "hdf5")
    assert rows(report) == []
    assert report.metric("array.most", of="/chunks") == 63
    assert report.metric("array.values", of="/group/packed") == 1


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_a_chunk_whose_checksum_is_wrong_is_told_with_its_place(libver: str) -> None:
    data = made(
        lambda file: file.create_dataset("x", data=np.arange(64.0).reshape(8, 8), chunks=(4, 4), fletcher32=True),
        libver=libver,
    )
    place = data.index(np.float64(36).tobytes())
    row = only(look(patched(data, place, b"\x01"), "hdf5"))
    assert (row["code"], row["member"], row["record"]) == ("hdf5.chunk", "/x", "[4:8, 4:8]")


def test_a_packed_chunk_that_does_not_unpack_is_told_and_the_others_are_counted() -> None:
    data = made(
        lambda file: file.create_dataset(
            "x", data=np.random.default_rng(1).random((8, 8)), chunks=(4, 8), compression="gzip"
        )
    )
    with h5py.File(io.BytesIO(data)) as file:
        place = file["x"].id.get_chunk_info(1).byte_offset
    report = look(patched(data, place + 4, b"\xff\xff\xff"), "hdf5")
    row = only(report)
    assert (row["code"], row["member"], row["record"]) == ("hdf5.chunk", "/x", "[4:8, 0:8]")
    assert report.metric("array.values", of="/x") == 32


def test_the_new_superblock_and_headers_have_checksums() -> None:
    data = made(some, libver="latest")
    for place in range(12, 44):
        assert errors_of(look(patched(data, place, bytes([data[place] ^ 16])), "hdf5"))
    assert hdf5.lookup3(b"Four score and seven years ago") == 0x17770551
    assert hdf5.lookup3(b"") == 0xDEADBEEF


def test_a_file_that_ends_early_or_goes_on_is_told() -> None:
    data = made(some)
    row = only(look(data[:-1], "hdf5"))
    assert (row["code"], row["offset"]) == ("hdf5.truncated", len(data) - 1)
    report = look(data + b"more", "hdf5")
    assert report.ok
    assert only(report)["code"] == "hdf5.trailing"


def test_a_file_that_was_not_closed_is_told() -> None:
    data = bytearray(made(some, libver="latest"))
    data[11] |= 1
    data[44:48] = hdf5.lookup3(bytes(data[:44])).to_bytes(4, "little")
    assert "hdf5.not_closed" in errors_of(look(data, "hdf5"))


def test_links_out_of_the_file_are_told_and_never_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.h5").write_bytes(made(lambda file: file.create_dataset("x", data=[np.nan])))
    path = tmp_path / "it.h5"

    def links(file: Any) -> None:
        file["out"] = h5py.ExternalLink("secret.h5", "/x")
        file["through"] = h5py.SoftLink("/out")
        layout = h5py.VirtualLayout((1,), "f8")
        layout[:] = h5py.VirtualSource("secret.h5", "x", (1,))
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("raw", shape=(2,), dtype="f8", external=[(str(tmp_path / "secret.raw"), 0, 16)])

    path.write_bytes(made(links))
    report = validate(path)
    assert {(row["code"], row["member"]) for row in rows(report)} == {
        ("hdf5.outside", "/out"),
        ("hdf5.outside", "/through"),
        ("hdf5.outside", "/virtual"),
        ("hdf5.outside", "/raw"),
    }
    assert not report.complete
    assert len(report.metrics) == 0


def test_soft_links_that_lead_nowhere_or_to_themselves_and_groups_within_themselves_are_told() -> None:
    def links(file: Any) -> None:
        file["fine"] = h5py.SoftLink("/group/x")
        file["group/x"] = 1
        file["nowhere"] = h5py.SoftLink("/group/y")
        file["round"] = h5py.SoftLink("/round")
        file["group/up"] = file["/"]

    assert {(row["code"], row["member"]) for row in rows(look(made(links), "hdf5"))} == {
        ("hdf5.link", "/nowhere"),
        ("hdf5.link", "/round"),
        ("hdf5.cycle", "/group/up"),
    }


def test_a_dataset_of_a_million_million_rows_that_were_never_written_costs_nothing() -> None:
    report = look(made(lambda file: file.create_dataset("x", shape=(10**12,), dtype="f8", chunks=(1000,))), "hdf5")
    assert rows(report) == []
    assert report.metric("array.values", of="/x") == 0


def test_a_chunk_larger_than_the_limits_is_not_read() -> None:
    data = made(lambda file: file.create_dataset("x", data=np.zeros(3000), chunks=(3000,), compression="gzip"))
    row = only(look(data, "hdf5", limits=Limits(memory=10_000)))
    assert (row["code"], row["member"]) == ("hdf5.shape", "/x")


def test_a_filter_that_is_not_at_hand_is_told() -> None:
    data = made(lambda file: file.create_dataset("x", data=np.zeros(30), chunks=(10,), compression="gzip"))
    place = data.index(b"deflate") - 8
    report = look(patched(data, place, (32_123).to_bytes(2, "little")), "hdf5")
    assert "hdf5.filter" in report.codes
    assert not report.complete


def test_groups_deeper_than_the_limits_are_not_gone_into() -> None:
    data = made(lambda file: file.create_group("/".join("abcdefgh")))
    assert only(look(data, "hdf5", limits=Limits(depth=4)))["code"] == "hdf5.limits"


def test_a_library_that_is_brought_down_or_hangs_brings_down_nothing_else() -> None:
    died = isolated.ask("os", "abort", {}, seconds=60)
    assert isinstance(died, isolated.Died)
    assert "status" in died.how
    waits = {"args": [sys.executable, "-c", "import sys; sys.stdin.read()"], "stdin": -1}
    died = isolated.ask("subprocess", "call", waits, seconds=1)
    assert isinstance(died, isolated.Died)
    assert "1 seconds" in died.how
    assert look(made(some), "hdf5").ok


def test_rules_about_numbers_are_held_with_the_path() -> None:
    row = only(
        look(
            made(lambda file: file.create_dataset("g/x", data=[1.0, np.inf])),
            "hdf5",
            checks=array_checks(values=ValueRules(finite=True)),
        )
    )
    assert (row["code"], row["member"], row["row"]) == ("array.not_finite", "/g/x", 1)


def test_an_axis_longer_than_its_dimension_is_told() -> None:
    def wrong(file: Any) -> None:
        scales(file)
        file["long"] = np.zeros(5)
        file["long"].attrs["DIMENSION_LIST"] = file["temp"].attrs["DIMENSION_LIST"]

    def make(file: Any) -> None:
        wrong(file)

    row = only(look(made(make), "netcdf4"))
    assert (row["code"], row["member"], row["seen"], row["expected"]) == ("netcdf4.structure", "/long", "5", "4")


def test_matlab_says_the_class_of_each_variable_and_its_own_header() -> None:
    row = only(look(matlab(lambda file: file.create_dataset("x", data=[1.0])), "mat73"))
    assert (row["code"], row["member"]) == ("mat73.class", "/x")
    row = only(look(patched(matlab(variable), 125, b"\x07"), "mat73"))
    assert (row["code"], row["offset"]) == ("mat73.header", 124)
