"""The laws of chunkers, for any bytes."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from .chunker_contract import chunks_of

chunkers: Any = import_module("holotype.lake.chunkers")

SIZES = st.tuples(st.integers(64, 300), st.integers(256, 700), st.integers(1024, 3000)).map(sorted)
# Long runs of few different bytes, which hypothesis alone would hardly make.
DATA = st.lists(st.tuples(st.binary(min_size=1, max_size=40), st.integers(1, 120)), max_size=20).map(
    lambda runs: b"".join(run * times for run, times in runs)
)


@st.composite
def cutters(draw: st.DrawFn) -> Any:
    if draw(st.booleans()):
        return chunkers.FixedBlocks(draw(st.integers(1, 3000)))
    low, average, high = draw(SIZES)
    return chunkers.FastCDC(min_bytes=low, average_bytes=max(average, 256), max_bytes=max(high, 1024))


@settings(deadline=None)
@given(cutters(), DATA, st.integers(1, 5000))
def test_the_chunks_are_the_bytes_and_the_buffers_do_not_show(cutter: Any, data: bytes, buffer: int) -> None:
    chunks = chunks_of(cutter, data, buffer)
    assert b"".join(chunks) == data
    assert chunks == chunks_of(cutter, data, len(data) + 1)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 60_000), st.binary(max_size=200))
def test_an_insertion_disturbs_only_its_neighbourhood(seed: int, place: int, inserted: bytes) -> None:
    cutter = chunkers.FastCDC(min_bytes=64, average_bytes=256, max_bytes=1024)
    blake3 = import_module("blake3").blake3
    data = blake3(seed.to_bytes(8, "little")).digest(60_000)
    before = chunks_of(cutter, data, 1 << 20)
    after = chunks_of(cutter, data[:place] + inserted + data[place:], 1 << 20)
    # All chunks that end before the place stay, and from some kilobytes behind it on the cuts are the same again.
    assert len(set(after) - set(before)) <= 12
    stay = sum(1 for end in cutter.cuts(data, final=True) if end + 1024 <= place)
    assert after[:stay] == before[:stay]
