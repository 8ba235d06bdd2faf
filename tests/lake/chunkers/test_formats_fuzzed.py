"""Recognisers and garbage: no exception, no region outside the file, whatever the bytes are."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ...effort import share
from . import files

chunkers: Any = import_module("holotype.lake.chunkers")

TINY = np.arange(60, dtype="<i4").reshape(3, 4, 5)
FORMATS = {
    "npy": files.npy(TINY),
    "npz": files.npz({"a": TINY, "b": TINY}),
    "fits": files.fits(None, TINY, TINY),
    "nifti": files.nifti(TINY),
    "nifti 2": files.nifti(TINY, version=2),
    "netcdf": files.netcdf({"a": TINY, "b": TINY}, records=("b",)),
    "netcdf 5": files.netcdf({"a": TINY, "b": TINY}, version=5),
    "tiff": files.tiff(TINY.astype("<u2"), strips=2),
    "bigtiff": files.tiff(TINY, order=">", big=True, imagej=True),
}


def assert_sound(data: bytes, target: int) -> None:
    layout = chunkers.recognise(
        b"file", len(data), lambda offset, length: data[offset : offset + length], block_bytes=target
    )
    end = 0
    for region in layout.regions if layout else ():
        assert end <= region.offset
        assert 0 < region.block_bytes <= region.length
        assert region.block_bytes % region.row_bytes == 0
        assert region.block_bytes % np.dtype(region.dtype).itemsize == 0
        end = region.offset + region.length
    assert end <= len(data)
    if layout and layout.shape is not None and layout.dtype is not None:
        size = int(np.prod(layout.shape, dtype=object)) * np.dtype(layout.dtype).itemsize
        assert 0 <= layout.data_offset <= layout.data_offset + size <= len(data)


@settings(deadline=None)
@given(st.sampled_from(sorted(FORMATS)), st.binary(max_size=600), st.integers(1, 64))
def test_garbage_behind_a_magic_number(name: str, garbage: bytes, target: int) -> None:
    for kept in (4, 8, 12, 40):
        assert_sound(FORMATS[name][:kept] + garbage, target)


@settings(deadline=None, max_examples=share(300))
@given(
    st.sampled_from(sorted(FORMATS)),
    st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=8),
    st.integers(1, 64),
)
@example("npy", [], 16)
@example("npz", [], 16)
@example("fits", [], 16)
@example("nifti", [], 16)
@example("nifti 2", [], 16)
@example("netcdf", [], 16)
@example("netcdf 5", [], 16)
@example("tiff", [], 16)
@example("bigtiff", [], 16)
def test_a_header_with_bytes_changed(name: str, changes: list[tuple[int, int]], target: int) -> None:
    data = bytearray(FORMATS[name])
    for place, value in changes:
        data[place % len(data)] = value
    assert_sound(bytes(data), target)


@pytest.mark.parametrize("name", FORMATS)
def test_every_byte_of_a_header_at_its_extremes(name: str) -> None:
    whole = FORMATS[name]
    for place in range(min(len(whole), 700)):
        for value in (0, 1, 0x7F, 0x80, 0xFF):
            assert_sound(whole[:place] + bytes([value]) + whole[place + 1 :], 16)


@pytest.mark.parametrize("name", FORMATS)
def test_every_length_of_a_file(name: str) -> None:
    whole = FORMATS[name]
    for length in range(0, len(whole), 1 + len(whole) // 700):
        assert_sound(whole[:length], 16)


@pytest.mark.parametrize(
    "header",
    [
        "(" * 5000,
        "{'descr': '<f8', 'fortran_order': False, 'shape': (" + "9" * 4000 + ",)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (True,)}",
        "{'descr': '<f8', 'fortran_order': 0, 'shape': (3,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': 3}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (3,)}",
        "{'descr': [('a', 7)], 'fortran_order': False, 'shape': (3,)}",
        "{'descr': None, 'fortran_order': False, 'shape': (3,)}",
        "{'descr': 'no such', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '<f3', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '|V0', 'fortran_order': False, 'shape': (3,)}",
        "{'shape': (3,)}",
        "[]",
        "\0",
        "__import__('os').system('true')",
        "1 +",
    ],
)
def test_headers_of_npy_that_are_not(header: str) -> None:
    text = header.encode()
    data = b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + bytes(1000)
    assert chunkers.recognise(b"file", len(data), lambda offset, length: data[offset : offset + length]) is None
