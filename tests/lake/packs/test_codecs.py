"""Codecs: exact for every bit pattern, the same bytes as numcodecs, and wary of damage."""

from __future__ import annotations

import threading
import tracemalloc
from importlib import import_module
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from holotype.catalog import ObjectDamaged

packs: Any = import_module("holotype.lake.packs")
numcodecs: Any = import_module("numcodecs")

RNG = np.random.default_rng(17)
WALK = np.cumsum(RNG.integers(-9, 10, 16_384))


PAIRS = [
    (dtype, filter)
    for dtype in ("<i2", ">i2", "<f4", ">f8", "|u1", "<c8", "|V3")
    for filter in packs.FILTERS
    if not (dtype == "|V3" and filter.startswith("delta"))  # three bytes are no integer
]


@pytest.mark.parametrize(("dtype", "filter"), PAIRS)
def test_every_bit_pattern_comes_back(dtype: str, filter: str) -> None:
    codec = packs.TypedCodec(dtype, filter)
    for data in (RNG.bytes(24_000), WALK.astype("i8").tobytes()[:24_000], bytes(24_000), b"\xff" * 24_000):
        decoded = packs.decode(codec.name, codec.encode(data), len(data))
        assert bytes(decoded) == data


def test_the_payload_of_a_nan_survives() -> None:
    payloads = np.array([0x7F800001, 0x7FC00000, 0xFFFFFFFF, 0x80000000], "<u4").view("<f4")
    codec = packs.TypedCodec("<f4", "delta+bitshuffle")
    assert bytes(packs.decode(codec.name, codec.encode(payloads), 16)) == payloads.tobytes()


@pytest.mark.parametrize("dtype", ["|i1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8"])
def test_numcodecs_undoes_it(dtype: str) -> None:
    values = WALK.astype(dtype)
    codec = packs.TypedCodec(dtype, "delta+shuffle")
    assert codec.name == f"delta:{dtype}+blosc"
    differences = numcodecs.Blosc().decode(codec.encode(values))
    assert np.array_equal(numcodecs.Delta(dtype).decode(differences), values)
    assert np.asarray(numcodecs.Delta(dtype).encode(values)).tobytes() == bytes(differences)


def test_what_numcodecs_wrote_is_decoded() -> None:
    values = WALK.astype("<i4")
    frame = numcodecs.Blosc("lz4", 5, numcodecs.Blosc.SHUFFLE).encode(numcodecs.Delta("<i4").encode(values))
    assert bytes(packs.decode("delta:<i4+blosc", frame, values.nbytes)) == values.tobytes()


def test_raw_copies_nothing() -> None:
    data = bytearray(b"as it is")
    decoded = packs.decode("raw", data, 8)
    data[0] = 65
    assert bytes(decoded) == b"As it is"


def test_a_zstandard_frame() -> None:
    data = b"the page of a Parquet file " * 500
    frame = pa.compress(data, codec="zstd", asbytes=True)
    assert bytes(packs.decode("zstd", frame, len(data))) == data
    assert packs.decode("zstd", frame, len(data)).format == "B"


FRAMES = {
    "zstd": (pa.compress(WALK.tobytes(), codec="zstd", asbytes=True), WALK.nbytes),
    "blosc": (packs.TypedCodec("<i8").encode(WALK), WALK.nbytes),
    "delta:<i8+blosc": (packs.TypedCodec("<i8", "delta+shuffle").encode(WALK), WALK.nbytes),
    "raw": (WALK.tobytes(), WALK.nbytes),
}


@pytest.mark.parametrize("codec", FRAMES)
@pytest.mark.parametrize("wrong", [-8, 8, 1 << 20, 1 << 40, -(1 << 40)])
def test_a_length_that_is_not_the_block_s_is_damage(codec: str, wrong: int) -> None:
    frame, block = FRAMES[codec]
    with pytest.raises(ObjectDamaged):
        packs.decode(codec, frame, block + wrong)


@pytest.mark.parametrize("codec", FRAMES)
def test_a_frame_that_ends_early_is_damage(codec: str) -> None:
    frame, block = FRAMES[codec]
    for length in (0, 1, 15, 16, 17, len(frame) // 2, len(frame) - 1):
        with pytest.raises(ObjectDamaged):
            packs.decode(codec, frame[:length], block)


def test_a_blosc_header_that_declares_too_much_allocates_nothing() -> None:
    frame = bytearray(FRAMES["blosc"][0])
    frame[4:8] = (2**31 - 1).to_bytes(4, "little")
    tracemalloc.start()
    try:
        for block in (WALK.nbytes, 1 << 62):
            with pytest.raises(ObjectDamaged):
                packs.decode("blosc", frame, block)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "codec",
    ["", "gzip", "lz4+blosc", "delta:<i4", "delta:nonsense+blosc", "delta:<f4+blosc", "delta:|O+blosc", "+blosc"],
)
def test_a_codec_that_there_is_not_is_damage(codec: str) -> None:
    with pytest.raises(ObjectDamaged):
        packs.decode(codec, FRAMES["blosc"][0], WALK.nbytes)


def test_differences_of_a_type_that_does_not_fit_the_block_are_damage() -> None:
    frame = packs.TypedCodec("|u1").encode(b"abcde")
    with pytest.raises(ObjectDamaged, match="does not hold"):
        packs.decode("delta:<i4+blosc", frame, 5)


def test_many_threads_encode_and_decode_at_once() -> None:
    codec = packs.TypedCodec("<i8", "delta+bitshuffle")
    blocks = [np.roll(WALK, shift).tobytes() for shift in range(8)]
    wrong: list[bytes] = []

    def work(block: bytes) -> None:
        for _ in range(20):
            if bytes(packs.decode(codec.name, codec.encode(block), len(block))) != block:
                wrong.append(block)

    threads = [threading.Thread(target=work, args=(block,)) for block in blocks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
