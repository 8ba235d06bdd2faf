"""Recognising formats: where their numbers are, in which type and order, and what is left alone."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from . import files

chunkers: Any = import_module("holotype.lake.chunkers")

RNG = np.random.default_rng(5)
VOLUME = RNG.integers(0, 1000, (90, 80, 70)).astype("<i4")
STACK = RNG.integers(0, 1000, (12, 300, 400)).astype("<u2")
SIGNAL = RNG.normal(size=400_000).astype("<f4")


def recognised(data: bytes) -> Any:
    return chunkers.recognise(b"folder/file", len(data), lambda offset, length: data[offset : offset + length])


def as_an_array(data: bytes, layout: Any) -> files.Array:
    """The array, made of nothing but what the layout says."""
    count = math.prod(layout.shape)
    values: files.Array = np.frombuffer(data, layout.dtype, count, layout.data_offset)
    return values.reshape(layout.shape, order="F" if layout.fortran_order else "C")


FILES = {
    "npy": (files.npy(SIGNAL), SIGNAL),
    "npy of version 2": (files.npy(SIGNAL, version=(2, 0)), SIGNAL),
    "npy of version 3": (files.npy(SIGNAL, version=(3, 0)), SIGNAL),
    "npy in Fortran order": (files.npy(np.asfortranarray(VOLUME)), VOLUME),
    "npy, big-endian": (files.npy(VOLUME.astype(">i4")), VOLUME),
    "npy of booleans": (files.npy(np.tile(VOLUME > 500, (3, 1, 1))), np.tile(VOLUME > 500, (3, 1, 1))),
    "npy of complex numbers": (files.npy(VOLUME.astype("c8")), VOLUME.astype("c8")),
    "npy of dates": (files.npy(VOLUME.astype("M8[s]")), VOLUME.astype("M8[s]")),
    "fits": (files.fits(VOLUME), VOLUME),
    "fits with the image in an extension": (files.fits(None, VOLUME.astype("<f4")), VOLUME.astype("<f4")),
    "nifti": (files.nifti(VOLUME), VOLUME),
    "nifti, big-endian": (files.nifti(VOLUME, order=">"), VOLUME),
    "nifti 2": (files.nifti(VOLUME.astype("f8"), version=2), VOLUME.astype("f8")),
    "netcdf": (files.netcdf({"t": VOLUME}), VOLUME),
    "netcdf of version 1": (files.netcdf({"t": VOLUME}, version=1), VOLUME),
    "netcdf of version 5": (files.netcdf({"t": VOLUME.astype("u8")}, version=5), VOLUME.astype("u8")),
    "netcdf with records": (files.netcdf({"t": VOLUME}, records=("t",)), VOLUME),
    "tiff": (files.tiff(STACK), STACK),
    "tiff, big-endian, in strips": (files.tiff(STACK.astype(">i2"), order=">", strips=7), STACK.astype(">i2")),
    "tiff with offsets of 8 bytes": (files.tiff(STACK.astype("<f4"), big=True, strips=3), STACK.astype("<f4")),
    "tiff of ImageJ": (files.tiff(STACK.astype(">u2"), order=">", imagej=True), STACK.astype(">u2")),
    "tiff of one page": (files.tiff(STACK.reshape(1, 1200, 1200)), STACK.reshape(1200, 1200)),
}


@pytest.mark.parametrize("name", FILES)
def test_the_array_of_a_file_is_found(name: str) -> None:
    data, array = FILES[name]
    layout = recognised(data)
    assert layout.format == name.split()[0].rstrip(",")
    assert np.array_equal(as_an_array(data, layout), array)
    (region,) = layout.regions
    assert (region.offset, region.length) == (layout.data_offset, array.nbytes)
    assert region.block_bytes % array.dtype.itemsize == 0


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_ends_early_is_bytes(name: str) -> None:
    data, _ = FILES[name]
    assert recognised(data[: len(data) // 2]) is None


@pytest.mark.parametrize("name", FILES)
def test_what_follows_the_array_is_left_alone(name: str) -> None:
    data, array = FILES[name]
    layout = recognised(data + b"and something more")
    assert layout.regions[0].length == array.nbytes


def test_elements_of_several_fields_are_grouped_by_their_size() -> None:
    table = np.zeros(200_000, [("id", "<i4"), ("x", "<f8")])
    layout = recognised(files.npy(table))
    assert [region.dtype for region in layout.regions] == ["|V12"]
    assert layout.dtype is None
    assert layout.shape == (200_000,)


def test_an_array_of_python_objects_is_bytes() -> None:
    header = files.npy(np.zeros(3)).replace(b"'<f8'", b"'|O' ")
    assert recognised(header + bytes(3 << 20)) is None


def test_a_small_array_is_described_but_not_cut_at_blocks() -> None:
    layout = recognised(files.npy(np.arange(10.0)))
    assert (layout.dtype, layout.shape, layout.data_offset, layout.regions) == ("<f8", (10,), 128, ())


def test_an_array_without_elements_or_axes_is_described() -> None:
    assert recognised(files.npy(np.zeros((0, 5)))).shape == (0, 5)
    assert recognised(files.npy(np.array(3.0))).shape == ()


def test_stored_members_of_an_npz_are_found() -> None:
    arrays = {"signal": SIGNAL, "small": np.arange(3), "volume": np.asfortranarray(VOLUME)}
    data = files.npz(arrays)
    layout = recognised(data)
    assert (layout.format, layout.shape) == ("npz", None)
    found = [data[region.offset : region.offset + region.length] for region in layout.regions]
    assert found == [SIGNAL.tobytes(), VOLUME.tobytes(order="F")]


def test_compressed_members_of_an_npz_are_bytes() -> None:
    assert recognised(files.npz({"volume": VOLUME}, compressed=True)).regions == ()


def test_every_image_of_a_fits_file_is_found() -> None:
    layout = recognised(files.fits(VOLUME, None, VOLUME.astype("<i2"), SIGNAL))
    assert [region.dtype for region in layout.regions] == [">i4", ">f4"]  # the second is less than a block
    assert layout.shape is None


def test_a_fits_file_with_groups_or_a_heap_is_bytes() -> None:
    assert recognised(files.fits(VOLUME, extra={"PCOUNT": "12"})) is None


def test_interleaved_records_are_not_a_region() -> None:
    data = files.netcdf({"fixed": SIGNAL, "a": VOLUME, "b": VOLUME}, records=("a", "b"))
    assert [region.dtype for region in recognised(data).regions] == [">f4"]


@pytest.mark.parametrize(
    "data", [b"", b"x", b"\x93NUMPY", b"PK\3\4", b"SIMPLE  =", b"CDF\1", bytes(600), b"CDF\5" * 300]
)
def test_a_header_that_is_cut_off_is_no_header(data: bytes) -> None:
    assert recognised(data) is None


def test_an_error_of_the_disk_is_not_taken_for_garbage() -> None:
    def read(offset: int, length: int) -> bytes:
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        chunkers.recognise(b"file", 10_000, read)


def test_a_recognised_file_is_told_how_it_is_best_stored() -> None:
    ramp = np.cumsum(RNG.integers(-9, 10, 3_000_000)).astype("<i4")
    data = files.npy(ramp)
    layout = chunkers.layout_of(b"ramp.npy", len(data), lambda offset, length: data[offset : offset + length])
    assert layout.regions[0].filter.startswith("delta+")


def test_interleaved_records_are_tried_as_numbers() -> None:
    slow = np.cumsum(RNG.normal(size=(40, 30_000)), axis=1).astype("<f4")
    records = np.concatenate([slow, slow], axis=1)
    data = files.netcdf({"a": records, "b": records}, records=("a", "b"))
    layout = chunkers.layout_of(b"model.nc", len(data), lambda offset, length: data[offset : offset + length])
    assert layout.format == "netcdf"
    assert [(region.offset, region.length) for region in layout.regions] == [(0, len(data))]


def test_pages_apart_are_images_of_their_own() -> None:
    pages = RNG.integers(0, 9, (3, 1024, 1024)).astype("<u2")
    layout = recognised(files.tiff(pages, apart=True))
    assert [region.offset for region in layout.regions] == [8 + n * (pages[0].nbytes + 7) for n in range(3)]
    assert layout.shape is None


@pytest.mark.parametrize("compression", [5, 8, 32773])
def test_compressed_pages_are_bytes(compression: int) -> None:
    layout = recognised(files.tiff(VOLUME.astype("<u2"), compression=compression))
    assert layout.regions == ()
    assert layout.shape is None
