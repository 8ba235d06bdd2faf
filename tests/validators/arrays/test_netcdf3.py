"""NetCDF-3: lists of dimensions, attributes and variables, and data behind them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ..format_contract import FormatContract, errors_of
from .looking import look, only, patched

if TYPE_CHECKING:
    from pathlib import Path


def padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


class Writer:
    """Writes a small file: a fixed variable ``lat`` of doubles, and records of ``temp`` and ``flag``."""

    def __init__(self, version: int = 1) -> None:
        self.version = version
        self.wide = ">q" if version == 5 else ">i"

    def count(self, number: int) -> bytes:
        return struct.pack(self.wide, number)

    def name(self, name: str) -> bytes:
        return self.count(len(name)) + padded(name.encode())

    def attributes(self, **told: str) -> bytes:
        if not told:
            return struct.pack(">i", 0) + self.count(0)
        parts = (self.name(key) + struct.pack(">i", 2) + self.name(value) for key, value in told.items())
        return struct.pack(">i", 12) + self.count(len(told)) + b"".join(parts)

    def variable(self, name: str, dims: list[int], kind: int, size: int, begin: int) -> bytes:
        where = struct.pack(">i" if self.version == 1 else ">q", begin)
        ids = self.count(len(dims)) + b"".join(map(self.count, dims))
        return self.name(name) + ids + self.attributes(units="K") + struct.pack(">i", kind) + self.count(size) + where

    def head(self, begin: int = 0, records: int = 3) -> bytes:
        dims = b"".join(self.name(name) + self.count(size) for name, size in (("time", 0), ("lat", 5)))
        variables = (
            self.variable("lat", [1], 6, 40, begin)
            + self.variable("temp", [0, 1], 5, 20, begin + 40)
            + self.variable("flag", [0], 3, 4, begin + 60)
        )
        lists = struct.pack(">i", 10) + self.count(2) + dims + self.attributes(title="x")
        return (
            b"CDF"
            + bytes([self.version])
            + self.count(records)
            + lists
            + struct.pack(">i", 11)
            + self.count(3)
            + variables
        )

    def file(self, records: int = 3) -> bytes:
        record = np.arange(5, dtype=">f4").tobytes() + struct.pack(">hxx", -7)
        data = np.arange(5, dtype=">f8").tobytes() + 3 * record
        return self.head(len(self.head()), records) + data


class TestNetCDF3(FormatContract):
    format = "netcdf3"

    def make(self, folder: Path) -> Path:
        path = folder / "climate.nc"
        path.write_bytes(Writer().file())
        return path

    def stays_valid(self, data: bytes, size: int) -> bool:
        return len(data) - size <= 2  # what fills up the last number


@pytest.mark.parametrize("version", [1, 2, 5])
def test_each_version_is_sound_with_figures_of_fixed_and_recorded_variables(version: int) -> None:
    report = look(Writer(version).file(), "netcdf3")
    assert report.findings.to_pylist() == []
    assert report.metric("array.most", of="lat") == 4
    assert report.metric("array.values", of="temp") == 15
    assert report.metric("array.least", of="flag") == -7


@pytest.mark.parametrize("records", [4, 2_000_000_000])
def test_records_that_there_are_not_are_told(records: int) -> None:
    assert only(look(Writer().file(records), "netcdf3"))["code"] == "netcdf3.truncated"


def test_a_count_of_records_that_streams_leave_open_is_found_by_the_length() -> None:
    assert look(Writer().file(-1), "netcdf3").metric("array.values", of="temp") == 15


def test_bytes_behind_the_data_are_suspicious() -> None:
    report = look(Writer().file(2), "netcdf3")
    assert report.ok
    assert only(report)["code"] == "netcdf3.trailing"


def replaced(old: bytes, new: bytes, *, version: int = 1) -> Any:
    data = Writer(version).file()
    assert old in data
    return look(patched(data, data.index(old), new), "netcdf3")


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"CDF\x01", b"CDF\x03", "netcdf3.header"),
        (struct.pack(">ii", 10, 2), struct.pack(">ii", 13, 2), "netcdf3.header"),
        (struct.pack(">ii", 10, 2), struct.pack(">ii", 10, 2**31 - 1), "netcdf3.truncated"),
        (struct.pack(">ii", 10, 2), struct.pack(">ii", 10, -2), "netcdf3.header"),
        (b"time", b"ti\xffe", "netcdf3.name"),
        (b"time", b"ti/e", "netcdf3.name"),
        (b"temp", b"flag", "netcdf3.name"),
        (b"lat\0" + struct.pack(">i", 5), b"lat\0" + struct.pack(">i", -5), "netcdf3.dimension"),
        (b"lat\0" + struct.pack(">i", 5), b"lat\0" + struct.pack(">i", 0), "netcdf3.dimension"),
        (b"temp" + struct.pack(">3i", 2, 0, 1), b"temp" + struct.pack(">3i", 2, 0, 9), "netcdf3.dimension"),
        (b"temp" + struct.pack(">3i", 2, 0, 1), b"temp" + struct.pack(">3i", 2, 1, 0), "netcdf3.dimension"),
        (b"K\0\0\0" + struct.pack(">i", 6), b"K\0\0\0" + struct.pack(">i", 12), "netcdf3.type"),
        (b"K\0\0\0" + struct.pack(">i", 6), b"K\0\0\0" + struct.pack(">i", 10), "netcdf3.type"),
        (b"K\0\0\0" + struct.pack(">3i", 6, 40, 400), b"K\0\0\0" + struct.pack(">3i", 6, 40, 8), "netcdf3.begin"),
        (b"K\0\0\0" + struct.pack(">3i", 6, 40, 400), b"K\0\0\0" + struct.pack(">3i", 6, 40, -8), "netcdf3.begin"),
        (
            b"K\0\0\0" + struct.pack(">3i", 6, 40, 400),
            b"K\0\0\0" + struct.pack(">3i", 6, 40, 10**9),
            "netcdf3.truncated",
        ),
    ],
)
def test_what_cannot_be_in_a_header_is_refused(old: bytes, new: bytes, code: str) -> None:
    begin = struct.pack(">i", 400)
    data = Writer().file()
    at = len(Writer().head())
    old = old.replace(begin, struct.pack(">i", at)) if len(old) == 16 else old
    assert old in data
    assert code in errors_of(look(patched(data, data.index(old), new), "netcdf3"))


def test_variables_that_share_their_bytes_are_told() -> None:
    data = Writer().file()
    at = len(Writer().head())
    place = data.index(struct.pack(">3i", 5, 20, at + 40)) + 8
    row = only(look(patched(data, place, struct.pack(">i", at + 36)), "netcdf3"))
    assert (row["code"], row["record"]) == ("netcdf3.begin", "flag")


def test_padding_that_is_not_zero_and_sizes_that_do_not_follow_are_suspicious() -> None:
    report = replaced(b"K\0\0\0", b"K\0x\0")
    assert report.ok
    assert only(report)["code"] == "netcdf3.padding"
    report = replaced(struct.pack(">ii", 6, 40), struct.pack(">ii", 6, 44))
    assert report.ok
    row = only(report)
    assert (row["code"], row["record"], row["expected"]) == ("netcdf3.vsize", "lat", "40")
