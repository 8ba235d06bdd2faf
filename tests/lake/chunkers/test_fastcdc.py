"""Cutting by content: sizes, stability under edits, and the same cuts for ever."""

from __future__ import annotations

import random
import warnings
from importlib import import_module
from typing import Any

import pytest
from blake3 import blake3

from holotype.catalog import InvalidOption

from .chunker_contract import ChunkerContract, chunks_of

chunkers: Any = import_module("holotype.lake.chunkers")


def small() -> Any:
    return chunkers.FastCDC(min_bytes=256, average_bytes=1024, max_bytes=4096)


class TestFastCDC(ChunkerContract):
    def make(self) -> Any:
        return small()


class TestFastCDCOfOddSizes(ChunkerContract):
    def make(self) -> Any:
        return chunkers.FastCDC(min_bytes=101, average_bytes=1001, max_bytes=1777)


class TestFastCDCOfOneSize(ChunkerContract):
    def make(self) -> Any:
        return chunkers.FastCDC(min_bytes=1024, average_bytes=1024, max_bytes=1024)


@pytest.fixture(scope="module")
def noise() -> bytes:
    """The same 8 MiB on every machine."""
    return blake3(b"holotype").digest(8 << 20)


def test_the_cuts_are_the_same_for_ever(noise: bytes) -> None:
    # If this fails, a new version of the chunker cuts differently, and no archive would find its chunks again.
    assert chunkers.FastCDC().cuts(noise, final=True) == [926988, 2616740, 5054823, 6506434, 7893051, 8388608]
    few = [1101, 1566, 2439, 3135, 4579, 5760, 6183, 8246, 9994, 11270, 12000]
    assert small().cuts(noise[:12_000], final=True) == few


def test_chunks_are_about_as_long_as_asked_for(noise: bytes) -> None:
    lengths = [len(chunk) for chunk in chunks_of(small(), noise, len(noise) + 1)]
    assert min(lengths[:-1]) >= 256
    assert max(lengths) <= 4096
    assert 1024 * 0.8 < sum(lengths) / len(lengths) < 1024 * 1.5


def test_a_file_below_the_minimum_is_one_chunk(noise: bytes) -> None:
    assert chunkers.FastCDC().cuts(noise[: 256 << 10], final=True) == [256 << 10]
    assert chunkers.FastCDC().cuts(noise[: 256 << 10], final=False) == []
    assert chunkers.FastCDC().cuts(b"x", final=True) == [1]


@pytest.mark.parametrize("edit", ["insert", "delete", "overwrite"])
def test_an_edit_disturbs_only_its_neighbourhood(noise: bytes, edit: str) -> None:
    data, place = noise[: 2 << 20], 1 << 20
    edited = {
        "insert": data[:place] + b"a few bytes" + data[place:],
        "delete": data[:place] + data[place + 11 :],
        "overwrite": data[:place] + b"a few bytes" + data[place + 11 :],
    }[edit]
    before, after = set(chunks_of(small(), data, 1 << 22)), set(chunks_of(small(), edited, 1 << 22))
    assert len(after - before) <= 4
    assert len(before - after) <= 4


def test_the_slow_chunker_of_machines_without_the_fast_one_makes_the_same_cuts() -> None:
    slow: Any = import_module("pyfastcdc.py").FastCDC
    fast: Any = import_module("pyfastcdc.cy").FastCDC
    source = random.Random(3)
    for sizes in ((64, 256, 1024), (101, 1001, 1777), (256, 4096, 16384)):
        data = source.randbytes(60_000)
        cuts = [
            [chunk.length for chunk in kind(sizes[1], min_size=sizes[0], max_size=sizes[2]).cut_buf(data)]
            for kind in (slow, fast)
        ]
        assert cuts[0] == cuts[1]


@pytest.mark.parametrize(
    ("sizes", "option"),
    [
        ({"min_bytes": 1}, "min_bytes"),
        ({"average_bytes": 100}, "average_bytes"),
        ({"max_bytes": 1 << 30}, "max_bytes"),
        ({"min_bytes": 1 << 20, "average_bytes": 1 << 19}, "average_bytes"),
        ({"average_bytes": 1 << 20, "max_bytes": 1 << 19}, "average_bytes"),
    ],
)
def test_sizes_that_cannot_be_are_refused(sizes: dict[str, int], option: str) -> None:
    with pytest.raises(InvalidOption, match=option) as caught:
        chunkers.FastCDC(**sizes)
    assert caught.value.about["option"] == option


def test_it_says_its_sizes() -> None:
    chunker = small()
    assert (chunker.minimum, chunker.average, chunker.maximum) == (256, 1024, 4096)


def test_no_warning_comes_from_the_library(noise: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert small().cuts(noise[:100_000], final=False)
