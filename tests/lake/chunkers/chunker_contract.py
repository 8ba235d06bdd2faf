"""What every chunker promises, as tests: the rules of ``lake/chunkers/base.py``.

A new chunker is tested by a subclass that says how to make one, small enough that a few kilobytes are many chunks::

    class TestOurChunker(ChunkerContract):
        def make(self): ...
"""

from __future__ import annotations

import pickle
import random
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest


def chunks_of(chunker: Any, data: bytes, buffer: int) -> list[bytes]:
    """The chunks of ``data``, read into buffers of ``buffer`` bytes, as a caller does who carries the rest over."""
    chunks: list[bytes] = []
    held = b""
    for at in range(0, len(data) + 1, buffer):
        final = at + buffer > len(data)
        held += data[at : at + buffer]
        start = 0
        for stop in chunker.cuts(held, final=final):
            assert start < stop <= len(held)
            chunks.append(held[start:stop])
            start = stop
        held = held[start:]
        assert final or len(held) < chunker.maximum, "a call with that many bytes has to cut"
    assert not held
    return chunks


class ChunkerContract(ABC):
    """The contract."""

    @abstractmethod
    def make(self) -> Any:
        """A chunker whose chunks are at most a few kilobytes."""

    @pytest.fixture(params=["noise", "text", "zeros", "periodic"])
    def data(self, request: pytest.FixtureRequest) -> bytes:
        source = random.Random(7)
        return {
            "noise": source.randbytes(100_003),
            "text": b"".join(b"reading %d of %d\n" % (n, source.randrange(999)) for n in range(5_000)),
            "zeros": bytes(50_000),
            "periodic": source.randbytes(300) * 200,
        }[request.param]

    def test_the_chunks_together_are_the_file(self, data: bytes) -> None:
        assert b"".join(chunks_of(self.make(), data, 10_000)) == data

    def test_no_chunk_is_longer_than_it_says(self, data: bytes) -> None:
        chunker = self.make()
        assert max(map(len, chunks_of(chunker, data, 10_000))) <= chunker.maximum

    @pytest.mark.parametrize("buffer", [1, 777, 1024, 65_536])
    def test_the_buffers_do_not_show_in_the_cuts(self, data: bytes, buffer: int) -> None:
        data = data[: 3_000 * min(buffer, 30)]
        chunker = self.make()
        assert chunks_of(chunker, data, buffer) == chunks_of(chunker, data, len(data) + 1)

    def test_an_empty_stretch_has_no_chunks(self) -> None:
        assert self.make().cuts(b"", final=True) == []
        assert self.make().cuts(b"", final=False) == []

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    def test_any_buffer_will_do(self, data: bytes, kind: type) -> None:
        chunker = self.make()
        assert chunker.cuts(kind(data), final=True) == chunker.cuts(data, final=True)

    def test_one_chunker_serves_many_threads(self, data: bytes) -> None:
        chunker = self.make()
        expected = chunker.cuts(data, final=True)
        with ThreadPoolExecutor(4) as threads:
            assert all(cuts == expected for cuts in threads.map(lambda _: chunker.cuts(data, final=True), range(50)))

    def test_a_pickled_chunker_cuts_alike(self, data: bytes) -> None:
        chunker = self.make()
        assert pickle.loads(pickle.dumps(chunker)).cuts(data, final=True) == chunker.cuts(data, final=True)
