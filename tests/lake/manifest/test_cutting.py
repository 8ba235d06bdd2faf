"""Ranges are cut by their keys: anywhere the same keys stand, the same cuts fall."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.lake.manifest.cut import Cutter, Sizes, key_hashes, weights
from holotype.lake.manifest.keys import key_at

from ...effort import share
from .trees import Leaf, batches, files, many, rows_of

PINNED = [
    "90f8749f887296cf",
    "2913c8d7aee75dbd",
    "ad8652d49ca042ce",
    "4d4ed96e9a20ed2a",
    "8eab4cecb62dfeca",
]
SMALL = Sizes(target_rows=24, min_rows=4, max_rows=96)


def cut(rows: pa.Table, *, sizes: Sizes = SMALL, batch: int = 1000) -> list[pa.Table]:
    cutter = Cutter(sizes)
    found = [piece for part in batches(rows, batch) for piece in cutter.push(part)]
    return [*found, *cutter.close()]


def ends(rows: pa.Table, *, sizes: Sizes = SMALL, batch: int = 1000) -> list[bytes]:
    return [key_at(piece, piece.num_rows - 1) for piece in cut(rows, sizes=sizes, batch=batch)]


def test_the_hash_of_a_key_is_the_same_for_ever() -> None:
    values = pa.array([b"", b"a", b"reads\0a.fastq", b"x" * 100, "süß".encode()], pa.binary())
    assert [f"{value:016x}" for value in key_hashes(values).tolist()] == PINNED


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=30), st.integers(0, 5))
def test_the_hash_of_a_key_does_not_depend_on_its_neighbours(values: list[bytes], skip: int) -> None:
    array = pa.array(values, pa.binary())
    alone = [int(key_hashes(pa.array([value], pa.binary()))[0]) for value in values]
    assert key_hashes(array.slice(skip)).tolist() == alone[skip:]
    assert len(set(alone)) == len(set(values))


def test_ranges_hold_all_rows_in_order_and_are_of_the_sizes_asked_for() -> None:
    rows = many(40_000)
    pieces = cut(rows)
    assert pa.concat_tables(pieces).equals(rows)
    lengths = [piece.num_rows for piece in pieces]
    assert all(4 <= length <= 96 for length in lengths[:-1])
    assert 18 < np.mean(lengths) < 30


def test_the_usual_sizes_are_about_eight_thousand_rows() -> None:
    lengths = [piece.num_rows for piece in cut(many(300_000), sizes=Sizes(), batch=5000)]
    assert all(1024 <= length <= 32768 for length in lengths[:-1])
    assert 5000 < np.mean(lengths) < 13000


@pytest.mark.parametrize("batch", [1, 7, 96, 97, 5000])
def test_cuts_do_not_depend_on_how_the_rows_arrive(batch: int) -> None:
    rows = many(3000)
    assert ends(rows, batch=batch) == ends(rows)


@settings(max_examples=share(50), deadline=None)
@given(st.data())
def test_an_edit_moves_only_the_cuts_beside_it(data: st.DataObject) -> None:
    paths = [f"f{i:06}" for i in range(4000)]
    before = ends(files(paths))
    at = data.draw(st.integers(0, len(paths) - 600))
    gone = data.draw(st.integers(0, 40))
    come = data.draw(st.lists(st.integers(0, 999), unique=True, max_size=40))
    edited = sorted({*paths[:at], *paths[at + gone :], *(f"f{at:06}-{i:03}" for i in come)})
    after = ends(files(edited))
    # Where no hash is low a cut looks as far ahead as the largest range is long.
    low, high = paths[max(at - SMALL.max_rows, 0)].encode(), paths[at + gone + 500].encode()
    assert [end for end in after if end < low] == [end for end in before if end < low]
    assert [end for end in after if end > high] == [end for end in before if end > high]


def test_ranges_of_wide_rows_are_bounded_in_bytes_and_find_back_together() -> None:
    sizes = Sizes(target_rows=1000, min_rows=100, max_rows=5000, max_bytes=200_000)
    paths = [b"f%05d" % i for i in range(3000)]
    tree = dict.fromkeys(paths, Leaf(chunks=100))
    pieces = cut(rows_of(tree), sizes=sizes)
    assert all(weights(piece).sum() <= 200_000 for piece in pieces)
    assert len(pieces) < 150
    edited = {**tree, b"f00000-new": Leaf(chunks=100)}
    again = ends(rows_of(edited), sizes=sizes)
    shared = set(again) & {key_at(piece, piece.num_rows - 1) for piece in pieces}
    assert len(shared) > 0.8 * len(pieces)


def test_a_row_larger_than_a_range_is_a_range_of_its_own() -> None:
    sizes = Sizes(max_bytes=10_000)
    tree = {b"a": Leaf(), b"b": Leaf(chunks=2000), b"c": Leaf()}
    assert [piece["path"].to_pylist() for piece in cut(rows_of(tree), sizes=sizes)] == [["a"], ["b"], ["c"]]


def test_nothing_is_cut_into_nothing() -> None:
    assert cut(rows_of({})) == []
    assert all(low < high for low, high in pairwise(ends(many(500))))
