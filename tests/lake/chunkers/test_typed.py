"""Cutting numbers: whole rows, blocks that appending leaves alone."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import pytest

from .chunker_contract import ChunkerContract, chunks_of

chunkers: Any = import_module("holotype.lake.chunkers")
typed: Any = import_module("holotype.lake.chunkers.typed")

MIB = 1 << 20


class TestFixedBlocks(ChunkerContract):
    def make(self) -> Any:
        return chunkers.FixedBlocks(1536)


@pytest.mark.parametrize(
    ("shape", "dtype", "row", "block"),
    [
        ((3 * MIB,), "<f4", 4, MIB),  # one axis: elements
        ((MIB, 3), "<f8", 24, 24 * (MIB // 24)),  # points: whole ones
        ((100, 1024, 1024), "<u2", 2 * MIB, 2 * MIB),  # images of a size to be blocks
        ((1000, 100, 100), "|u1", 10_000, 10_000 * (MIB // 10_000)),  # small images: several
        ((20, 4096, 4096), "<u2", 8192, MIB),  # large images: lines
        ((2, 3 * MIB), "<f4", 4, MIB),  # long lines: elements
        ((MIB, 1, 1, 5), "<f4", 20, 20 * (MIB // 20)),
        ((3 * MIB,), "<M8[ns]", 8, MIB),
        ((3 * MIB,), ">c16", 16, MIB),
        ((MIB,), "|V12", 12, 12 * (MIB // 12)),
        ((MIB,), "<U5", 20, 20 * (MIB // 20)),
    ],
)
def test_blocks_are_whole_rows_of_about_a_mebibyte(shape: tuple[int, ...], dtype: str, row: int, block: int) -> None:
    region = typed.region_of(128, shape, dtype)
    if dtype == "<U5":  # text is elements of code points
        row, block = 4, MIB
    assert (region.row_bytes, region.block_bytes) == (row, block)
    assert region.block_bytes % region.row_bytes == 0
    assert MIB / 2 < region.block_bytes <= 2 * MIB


@pytest.mark.parametrize(("dtype", "stored"), [("<M8[ns]", "<i8"), ("<U5", "<u4"), ("<f16", "|V16"), ("|b1", "|b1")])
def test_elements_are_stored_as_what_they_are_made_of(dtype: str, stored: str) -> None:
    assert typed.region_of(0, (3 * MIB,), dtype).dtype == stored


@pytest.mark.parametrize("dtype", ["|S5", "|O", "|V300", "nonsense", "", "|V0"])
def test_what_is_not_numbers_has_no_region(dtype: str) -> None:
    assert typed.region_of(0, (9 * MIB,), dtype) is None


def test_less_than_a_block_has_no_region() -> None:
    assert typed.region_of(0, (1000,), "<f8") is None
    assert typed.region_of(0, (), "<f8") is None
    assert typed.region_of(0, (0, 5), "<f8") is None


def test_the_first_axis_of_fortran_order_is_the_fastest() -> None:
    region = typed.region_of(0, (1024, 1024, 100), "<u2", fortran_order=True)
    assert region.row_bytes == 2 * MIB


@pytest.mark.parametrize("shape", [(40_000, 100), (700, 1000, 3), (300, 128, 128)])
def test_appended_rows_leave_earlier_blocks_as_they_were(shape: tuple[int, ...]) -> None:
    before = typed.region_of(128, shape, "<f4")
    after = typed.region_of(128, (shape[0] + 17, *shape[1:]), "<f4")
    assert after.block_bytes == before.block_bytes

    data = bytes(range(256)) * (math.prod(shape) * 4 // 256)
    cut = chunkers.FixedBlocks(before.block_bytes)
    whole = before.length // before.block_bytes
    old, new = chunks_of(cut, data, 1 << 22), chunks_of(cut, data + bytes(17 * 4 * math.prod(shape[1:])), 1 << 22)
    assert old[:whole] == new[:whole]
