"""NIfTI: a header of fixed fields, extensions, and voxels."""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from holotype.validators import ValueRules, array_checks, validate

from ..format_contract import FormatContract, errors_of
from .looking import look, only, patched

if TYPE_CHECKING:
    from pathlib import Path


def volume(
    shape: tuple[int, ...] = (4, 3, 2),
    *,
    code: int = 16,
    bits: int = 32,
    order: str = "<",
    extensions: bytes = b"",
    data: bytes | None = None,
    version: int = 1,
    pair: bool = False,
) -> bytes:
    dims = (len(shape), *shape, *(1,) * (7 - len(shape)))
    size = 348 if version == 1 else 540
    header = bytearray(size)
    offset = 0 if pair else size + 4 + len(extensions)
    struct.pack_into(order + "i", header, 0, size)
    if version == 1:
        struct.pack_into(order + "8h", header, 40, *dims)
        struct.pack_into(order + "hh", header, 70, code, bits)
        struct.pack_into(order + "8f", header, 76, *(1.0,) * 8)
        struct.pack_into(order + "f", header, 108, offset)
        header[344:348] = b"ni1\0" if pair else b"n+1\0"
    else:
        struct.pack_into(order + "8q", header, 16, *dims)
        struct.pack_into(order + "hh", header, 12, code, bits)
        struct.pack_into(order + "8d", header, 104, *(1.0,) * 8)
        struct.pack_into(order + "q", header, 168, offset)
        header[4:12] = b"n+2\0\r\n\x1a\n"
    content = bytes(int(np.prod(shape)) * bits // 8) if data is None else data
    return bytes(header) + bytes([bool(extensions), 0, 0, 0]) + extensions + (b"" if pair else content)


class TestNifti(FormatContract):
    format = "nifti"

    def make(self, folder: Path) -> Path:
        path = folder / "brain.nii"
        path.write_bytes(volume())
        return path


class TestPackedNifti(FormatContract):
    format = "nifti"
    packing = "gzip"

    def make(self, folder: Path) -> Path:
        path = folder / "brain.nii.gz"
        path.write_bytes(gzip.compress(volume(), mtime=0))
        return path

    def unprotected(self, data: bytes) -> set[int]:
        # The time, the level and the system of who packed it, and the bits that fill up the last byte packed.
        return {*range(4, 10), len(data) - 9}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("version", [1, 2])
def test_both_versions_in_both_orders_of_bytes_are_sound(order: str, version: int) -> None:
    data = np.arange(24, dtype=order + "i2")
    report = look(volume(code=4, bits=16, order=order, version=version, data=data.tobytes()), "nifti")
    assert report.ok, report
    assert report.metric("array.most") == 23


@pytest.mark.parametrize(("code", "bits"), [(128, 24), (1792, 128), (1536, 128), (2304, 32), (32, 64), (1, 1)])
def test_colours_complex_and_long_numbers_are_sound(code: int, bits: int) -> None:
    assert look(volume((4, 4, 4), code=code, bits=bits), "nifti").ok


@pytest.mark.parametrize(
    ("place", "new", "code", "offset"),
    [
        (0, b"\x5d", "nifti.header", 0),
        (344, b"n+7\0", "nifti.header", 344),
        (40, struct.pack("<h", 8), "nifti.dim", 40),
        (42, struct.pack("<h", 0), "nifti.dim", 40),
        (44, struct.pack("<h", -3), "nifti.dim", 40),
        (70, struct.pack("<h", 9), "nifti.datatype", 70),
        (72, struct.pack("<h", 16), "nifti.datatype", 70),
        (108, struct.pack("<f", 351), "nifti.vox_offset", 108),
        (108, struct.pack("<f", 352.5), "nifti.vox_offset", 108),
        (108, struct.pack("<f", float("nan")), "nifti.vox_offset", 108),
        (108, struct.pack("<f", 3e38), "nifti.truncated", 448),
        (42, struct.pack("<h", 32767), "nifti.truncated", 352),
        (252, struct.pack("<h", 6), "nifti.field", 252),
        (254, struct.pack("<h", -1), "nifti.field", 254),
        (123, b"\x07", "nifti.field", 123),
        (80, struct.pack("<f", float("inf")), "nifti.field", 76),
        (112, struct.pack("<f", float("nan")), "nifti.field", 112),
    ],
)
def test_a_field_that_cannot_be_is_told_at_its_place(place: int, new: bytes, code: str, offset: int) -> None:
    report = look(patched(volume(), place, new), "nifti")
    assert (code, offset) in {(row["code"], row["offset"]) for row in report.findings.to_pylist()}
    assert not report.ok


def test_bytes_after_the_voxels_are_told() -> None:
    row = only(look(volume() + b"more", "nifti"))
    assert (row["code"], row["offset"]) == ("nifti.trailing", 352 + 96)


def test_a_quaternion_or_an_affine_that_is_none_is_suspicious() -> None:
    turned = patched(volume(), 252, struct.pack("<h", 1) + struct.pack("<h", 1) + struct.pack("<3f", 1, 1, 1))
    report = look(turned, "nifti")
    assert report.ok
    assert report.counts["nifti.orientation"] == 2


def test_extensions_are_followed_up_to_the_data() -> None:
    one = struct.pack("<ii", 32, 6) + b"comment".ljust(24, b"\0")
    assert look(volume(extensions=one + one + b""), "nifti").ok
    for size in (0, 8, 24, -16, 80, 1 << 30):
        broken = struct.pack("<ii", size, 6) + one[8:]
        row = only(look(volume(extensions=one + broken), "nifti"))
        assert (row["code"], row["offset"]) == ("nifti.extension", 384)
    row = only(look(patched(volume(extensions=one), 348, b"\0"), "nifti"))
    assert (row["code"], row["offset"]) == ("nifti.extension", 352)


def test_a_header_of_a_pair_needs_its_image_of_the_right_length(tmp_path: Path) -> None:
    header, image = tmp_path / "brain.hdr", tmp_path / "brain.img"
    header.write_bytes(volume(pair=True))
    assert only(validate(header))["code"] == "nifti.image"
    image.write_bytes(bytes(96))
    report = validate(header)
    assert report.ok
    assert report.complete
    image.write_bytes(bytes(95))
    assert errors_of(validate(header)) == {"nifti.truncated"}
    image.write_bytes(bytes(97))
    assert errors_of(validate(header)) == {"nifti.trailing"}


def test_an_image_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(96))
    header = tmp_path / "brain.hdr"
    header.write_bytes(volume(pair=True))
    (tmp_path / "brain.img").symlink_to(tmp_path / "secret")
    assert only(validate(header))["code"] == "nifti.image"


def test_voxels_that_are_no_numbers_are_counted_and_on_request_told() -> None:
    data = np.ones(24, "f4")
    data[5] = np.nan
    assert look(volume(data=data.tobytes()), "nifti").metric("array.nan") == 1
    row = only(look(volume(data=data.tobytes()), "nifti", checks=array_checks(values=ValueRules(finite=True))))
    assert (row["code"], row["row"]) == ("array.not_finite", 5)


def test_a_packed_volume_that_is_cut_within_its_voxels_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "brain.nii.gz"
    path.write_bytes(gzip.compress(volume()[:-5]))
    assert errors_of(validate(path)) == {"nifti.truncated"}
