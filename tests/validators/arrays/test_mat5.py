"""MATLAB 5: elements with a type and a size, most of them packed."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from holotype.validators import Limits

from ..format_contract import FormatContract, errors_of
from .looking import look, only, patched, rows

if TYPE_CHECKING:
    from pathlib import Path

_CODES = {"i1": 1, "u1": 2, "i2": 3, "u2": 4, "i4": 5, "u4": 6, "f4": 7, "f8": 9}


def element(kind: int, data: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def small(kind: int, data: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "I", len(data) << 16 | kind) + data.ljust(4, b"\0")


def matrix(name: str, kind: int, shape: tuple[int, ...], *parts: bytes, flags: int = 0, order: str = "<") -> bytes:
    head = element(6, struct.pack(order + "II", kind | flags, 0), order) + element(
        5, struct.pack(f"{order}{len(shape)}i", *shape), order
    )
    called = small(1, name.encode(), order) if 0 < len(name) <= 4 else element(1, name.encode(), order)
    return element(14, head + called + b"".join(parts), order)


def numbers(name: str, values: Any, order: str = "<") -> bytes:
    array = np.asarray(values, order + "f8")
    return matrix(name, 6, (1, array.size), element(9, array.tobytes(), order), order=order)


def packed(data: bytes) -> bytes:
    inner = zlib.compress(data)
    return struct.pack("<II", 15, len(inner)) + inner


def mat(*elements: bytes, order: str = "<") -> bytes:
    mark = b"\x00\x01IM" if order == "<" else b"\x01\x00MI"
    return b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(116) + bytes(8) + mark + b"".join(elements)


CELL = matrix("cell", 1, (1, 2), numbers("", [1, 2]), matrix("", 4, (1, 3), element(17, "abc".encode("utf-16-le"))))
STRUCT = matrix(
    "rec",
    2,
    (1, 1),
    small(5, struct.pack("<i", 8)),
    element(1, b"x\0\0\0\0\0\0\0y".ljust(16, b"\0")),
    numbers("", [5]),
    numbers("", []),
)
SPARSE = matrix(
    "sp",
    5,
    (3, 2),
    element(5, struct.pack("<2i", 0, 2)),
    element(5, struct.pack("<3i", 0, 1, 2)),
    element(9, struct.pack("<2d", 7, 8)),
)


class TestMat5(FormatContract):
    format = "mat5"

    def make(self, folder: Path) -> Path:
        path = folder / "trial.mat"
        path.write_bytes(mat(numbers("signal", range(5)), packed(numbers("more", range(30)))))
        return path

    def stays_valid(self, data: bytes, size: int) -> bool:
        return size in (128, 128 + len(numbers("signal", range(5))))  # a file may end after any element


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_orders_are_sound_with_figures_by_name(order: str) -> None:
    report = look(mat(numbers("signal", [1, np.nan, -3], order), order=order), "mat5")
    assert rows(report) == []
    assert report.metric("array.nan", of="signal") == 1
    assert report.metric("array.least", of="signal") == -3


def test_cells_structures_text_and_sparse_arrays_are_sound() -> None:
    for each in (CELL, STRUCT, SPARSE):
        for data in (mat(each), mat(packed(each))):
            report = look(data, "mat5")
            assert rows(report) == []
            assert report.complete
    assert look(mat(STRUCT), "mat5").metric("array.most", of="rec.x") == 5
    assert look(mat(CELL), "mat5").metric("array.most", of="cell{0}") == 2


def test_each_byte_of_a_packed_array_that_is_changed_is_noticed() -> None:
    data = mat(packed(numbers("x", range(100))))
    for place in range(136, len(data)):
        assert not look(patched(data, place, bytes([data[place] ^ 4])), "mat5").ok, place


@pytest.mark.parametrize(
    ("place", "new", "code", "offset"),
    [
        (124, b"\x07", "mat5.header", 124),
        (126, b"XX", "mat5.header", 124),
        (128, b"\x63", "mat5.element", 128),
        (132, b"\xff\xff\xff\x7f", "mat5.truncated", 128),
        (136, b"\x05", "mat5.array", 128),
        (144, b"\x30", "mat5.array", 128),
        (160, b"\x02", "mat5.size", 128),
        (160, b"\xff\xff\xff\xff", "mat5.array", 128),
        (160, b"\xff\xff\xff\x7f", "mat5.size", 128),
        (176, b"\x0b", "mat5.array", 128),
        (180, b"\xff", "mat5.element", 128),
    ],
)
def test_what_cannot_be_is_told_with_the_place_of_its_element(place: int, new: bytes, code: str, offset: int) -> None:
    data = mat(numbers("x", [1, 2, 3]))
    report = look(patched(data, place, new), "mat5")
    assert (code, offset) in {(row["code"], row["offset"]) for row in rows(report)}, rows(report)


def test_what_is_packed_and_goes_on_or_is_no_array_is_told() -> None:
    assert only(look(mat(packed(numbers("x", [1]) + b"more")), "mat5"))["code"] == "mat5.compressed"
    assert only(look(mat(packed(element(9, bytes(8)))), "mat5"))["code"] == "mat5.compressed"
    assert only(look(mat(packed(numbers("x", [1])[:-4])), "mat5"))["code"] == "mat5.compressed"


def test_what_becomes_far_more_than_it_is_is_stopped() -> None:
    data = mat(packed(numbers("x", np.zeros(1_000_000))))
    assert only(look(data, "mat5", limits=Limits(unpacked_free=1 << 20)))["code"] == "packing.bomb"


def test_cells_within_cells_are_no_deeper_than_the_limits() -> None:
    each = numbers("", [1])
    for _ in range(30):
        each = matrix("", 1, (1, 1), each)
    assert look(mat(each), "mat5").ok
    assert errors_of(look(mat(each), "mat5", limits=Limits(depth=8))) == {"mat5.depth"}


def test_cells_that_there_are_not_are_told() -> None:
    data = mat(matrix("c", 1, (1000, 1000), numbers("", [1])))
    row = only(look(data, "mat5"))
    assert (row["code"], row["column"]) == ("mat5.size", "c")


def test_indices_of_sparse_arrays_are_held_against_the_dimensions() -> None:
    data = mat(SPARSE)
    place = data.index(struct.pack("<2i", 0, 2))
    assert only(look(patched(data, place, struct.pack("<2i", 0, 3)), "mat5"))["code"] == "mat5.sparse"
    place = data.index(struct.pack("<3i", 0, 1, 2))
    assert only(look(patched(data, place, struct.pack("<3i", 0, 2, 1)), "mat5"))["code"] == "mat5.sparse"
