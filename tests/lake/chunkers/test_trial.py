"""Trying what pays: numbers without a header, text, noise."""

from __future__ import annotations

import base64
import random
from importlib import import_module
from typing import Any

import numpy as np
import pytest

chunkers: Any = import_module("holotype.lake.chunkers")
packs: Any = import_module("holotype.lake.packs")

RNG = np.random.default_rng(11)
WALK = np.cumsum(RNG.integers(-20, 21, 4_000_000))


def layout_of(data: bytes) -> Any:
    return chunkers.layout_of(b"file.raw", len(data), lambda offset, length: data[offset : offset + length])


@pytest.mark.parametrize("dtype", ["<i2", ">i2", "<i4", ">i4", "<i8", "<f4", "<f8"])
def test_numbers_without_a_header_are_found(dtype: str) -> None:
    data = WALK.astype(dtype).tobytes()
    (region,) = layout_of(data).regions
    assert (region.offset, region.length) == (0, len(data))
    assert region.block_bytes % np.dtype(dtype).itemsize == 0
    codec = packs.TypedCodec(region.dtype, region.filter)
    block = data[: region.block_bytes]
    assert np.dtype(dtype).itemsize % codec.itemsize == 0
    assert len(codec.encode(block)) < 0.9 * len(packs.TypedCodec("|u1", "none").encode(block))


def test_images_of_single_bytes_are_found() -> None:
    image = np.clip(np.cumsum(RNG.integers(-2, 3, 5_000_000)) // 8 % 256, 0, 255).astype("u1")
    assert layout_of(image.tobytes()).regions[0].dtype == "|u1"


TEXT = b"".join(b"%d;%s;%d\n" % (n, random.Random(n).randbytes(4).hex().encode(), n % 7) for n in range(250_000))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(RNG.bytes(5 << 20), id="noise"),
        pytest.param(TEXT, id="text"),
        pytest.param(base64.encodebytes(RNG.bytes(4 << 20)), id="base64"),
        pytest.param(bytes(5 << 20), id="zeros"),
        pytest.param(WALK[:500_000].astype("<i4").tobytes(), id="numbers, too few"),
        pytest.param(WALK[:400_000].astype("<i4").tobytes() + RNG.bytes(14 << 20), id="a few numbers in noise"),
    ],
)
def test_what_is_not_numbers_stays_bytes(data: bytes) -> None:
    assert layout_of(data) is None


def test_a_trial_reads_little_of_a_large_file() -> None:
    read: list[int] = []

    def pretend(offset: int, length: int) -> bytes:
        read.append(length)
        return WALK.astype("<i4").tobytes()[offset % 1000 : offset % 1000 + length]

    assert chunkers.layout_of(b"huge.raw", 1 << 40, pretend).regions
    assert sum(read) < 2 << 20


def test_a_file_that_shrinks_meanwhile_is_no_accident() -> None:
    for there in (0, 10, 70_000):
        data = WALK.astype("<i4").tobytes()[:there]
        chunkers.layout_of(b"file", 64 << 20, lambda offset, length, data=data: data[offset : offset + length])


@pytest.mark.parametrize(
    ("data", "pays"),
    [
        pytest.param(b"", False, id="nothing"),
        pytest.param(b"abc", False, id="three bytes"),
        pytest.param(TEXT[:300], True, id="a little text"),
        pytest.param(TEXT, True, id="text"),
        pytest.param(RNG.bytes(1000), False, id="a little noise"),
        pytest.param(RNG.bytes(1 << 20), False, id="noise"),
        pytest.param(bytes(1 << 20), True, id="zeros"),
        pytest.param(base64.encodebytes(RNG.bytes(1 << 18)), True, id="base64"),
        pytest.param(RNG.bytes(1 << 18) + bytes(1 << 19), True, id="noise, then zeros"),
    ],
)
def test_what_compression_pays_for_is_told_by_samples(data: bytes, *, pays: bool) -> None:
    assert chunkers.compressible(data) is pays
    assert chunkers.compressible(memoryview(data)) is pays
