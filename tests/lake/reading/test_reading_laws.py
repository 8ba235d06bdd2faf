"""Whatever a file consists of, any part of it reads as it was: a law, tried on invented files with holes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ...effort import share
from .watching import new_archive

PAGE = 4096
# Runs of bytes and of holes, in pages, each with the byte it is filled with (0 is a hole).
RUNS = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 3), st.integers(0, 90)), max_size=8)
PARTS = st.lists(st.tuples(st.floats(0, 1.1), st.integers(0, 3 * PAGE)), min_size=1, max_size=8)


def sparse(path: Path, runs: list[tuple[int, int, int]], tail: int) -> bytes:
    """A file of these runs and some bytes more; returns what is in it."""
    whole = b""
    with open(path, "wb") as file:
        for pages, seed, salt in runs:
            data = bytes((seed * (number * 7 + salt)) % 251 for number in range(pages * PAGE)) if seed else b""
            file.write(data) if data else file.seek(pages * PAGE, os.SEEK_CUR)
            whole += data or bytes(pages * PAGE)
        file.truncate(len(whole) + tail)
    return whole + bytes(tail)


@settings(max_examples=share(25), deadline=None)
@given(runs=RUNS, tail=st.integers(0, 2 * PAGE), parts=PARTS)
def test_any_part_of_any_file(runs: list[tuple[int, int, int]], tail: int, parts: list[tuple[float, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole = sparse(Path(folder) / "file", runs, tail)
        archive = new_archive()
        archive.backup(folder, dataset="run")
        with archive.open("run@1", "file") as file:
            assert file.size == len(whole)
            for place, length in parts:
                at = int(place * len(whole))
                assert file.read_at(at, length) == whole[at : at + length]
                assert file.seek(at) == at
                assert file.read(length) == whole[at : at + length]
            file.seek(0)
            assert file.read() == whole
