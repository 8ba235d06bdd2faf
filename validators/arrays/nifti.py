"""NIfTI-1 and NIfTI-2 volumes: ``.nii``, packed or not, and pairs of ``.hdr`` and ``.img``."""

from __future__ import annotations

import io
import math
import struct
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

import numpy as np

from ..findings import Code, Severity
from .base import ArrayCheck, figures_of
from .held import Held, broken
from .values import VALUE_CODES, Fields

if TYPE_CHECKING:
    from ..found import Found
    from ..subjects import Subject

__all__ = ["CHECKS", "Nifti"]

_SOURCE = "NIfTI-1.1 and NIfTI-2, nifti1.h and nifti2.h"
HEADER = Code(
    "nifti.header", Severity.ERROR, "The header's size is 348 or 540, and the magic is of that version.", _SOURCE
)
DIMENSIONS = Code("nifti.dim", Severity.ERROR, "There are 1 to 7 dimensions, each of at least 1.", _SOURCE)
KIND = Code("nifti.datatype", Severity.ERROR, "The datatype is one that there is, and bitpix has its bits.", _SOURCE)
OFFSET = Code("nifti.vox_offset", Severity.ERROR, "The data begin after the header and its extensions.", _SOURCE)
ALIGNMENT = Code("nifti.alignment", Severity.WARNING, "The data begin at a multiple of 16 bytes.", _SOURCE)
EXTENSION = Code("nifti.extension", Severity.ERROR, "Extensions follow one another up to the data.", _SOURCE)
FIELD = Code("nifti.field", Severity.ERROR, "A field has one of the values that it can have.", _SOURCE)
SPACE = Code("nifti.orientation", Severity.WARNING, "What says where a voxel is, is a rotation or an affine.", _SOURCE)
TRUNCATED = Code("nifti.truncated", Severity.ERROR, "There are as many bytes as the dimensions say.", _SOURCE)
TRAILING = Code("nifti.trailing", Severity.ERROR, "Nothing follows the data.", _SOURCE)
IMAGE = Code("nifti.image", Severity.ERROR, "Beside a header of a pair lies its image, and is no link.", _SOURCE)

# datatype: bits, and the data type of NumPy where it has one.
_KINDS: dict[int, tuple[int, str | None]] = {
    1: (1, None),
    2: (8, "u1"),
    4: (16, "i2"),
    8: (32, "i4"),
    16: (32, "f4"),
    32: (64, "c8"),
    64: (64, "f8"),
    128: (24, "3u1"),
    256: (8, "i1"),
    512: (16, "u2"),
    768: (32, "u4"),
    1024: (64, "i8"),
    1280: (64, "u8"),
    1536: (128, None),
    1792: (128, "c16"),
    2048: (256, None),
    2304: (32, "4u1"),
}


class _Header(NamedTuple):
    """What both versions say, under the names of the standard."""

    order: str
    size: int
    magic: bytes
    dim: tuple[int, ...]
    datatype: int
    bitpix: int
    vox_offset: float
    pixdim: tuple[float, ...]
    scaling: tuple[float, float]
    qform: int
    sform: int
    quaternion: tuple[float, float, float]
    affine: tuple[float, ...]
    units: int


def _header(file: Held) -> _Header:
    """The header in its byte order, which the first field tells."""
    start = file.take(0, 4, "the header")
    sizes = {order: struct.unpack(order + "i", start)[0] for order in "<>"}
    order = next((order for order, size in sizes.items() if size in (348, 540)), None)
    if order is None:
        broken(HEADER, "sizeof_hdr is neither 348 nor 540", offset=0, seen=sizes["<"], expected="348 or 540")
    data = file.take(0, sizes[order], "the header")

    def at(layout: str, place: int) -> Any:
        told: Any = struct.unpack_from(order + layout, data, place)
        return told if len(told) > 1 else told[0]

    if sizes[order] == 348:
        return _Header(
            order,
            348,
            data[344:348],
            at("8h", 40),
            at("h", 70),
            at("h", 72),
            at("f", 108),
            at("8f", 76),
            at("2f", 112),
            at("h", 252),
            at("h", 254),
            at("3f", 256),
            at("12f", 280),
            data[123],
        )
    return _Header(
        order,
        540,
        data[4:12],
        at("8q", 16),
        at("h", 12),
        at("h", 14),
        at("q", 168),
        at("8d", 104),
        at("2d", 176),
        at("i", 344),
        at("i", 348),
        at("3d", 352),
        at("12d", 400),
        at("i", 500),
    )


_MAGIC = {348: (b"n+1\0", b"ni1\0"), 540: (b"n+2\0\r\n\x1a\n", b"ni2\0\r\n\x1a\n")}


class Nifti(ArrayCheck):
    """The header's fields, the chain of extensions, the length of the data, and what they hold."""

    name = "nifti"
    formats = frozenset({"nifti"})
    codes = (
        HEADER,
        DIMENSIONS,
        KIND,
        OFFSET,
        ALIGNMENT,
        EXTENSION,
        FIELD,
        SPACE,
        TRUNCATED,
        TRAILING,
        IMAGE,
        *VALUE_CODES,
    )
    truncated = TRUNCATED

    def read(self, file: Held, subject: Subject, found: Found) -> None:
        """Read it."""
        header = _header(file)
        magics = _MAGIC[header.size]
        if header.magic not in magics:
            broken(
                HEADER,
                "the magic is none of this version",
                offset=344 if header.size == 348 else 4,
                seen=header.magic,
                expected=magics[0],
            )
        dims = header.dim[0]
        if not 1 <= dims <= 7 or any(each < 1 for each in header.dim[1 : dims + 1]):
            broken(DIMENSIONS, "these are no dimensions", offset=40 if header.size == 348 else 16, seen=header.dim)
        bits, name = _KINDS.get(header.datatype, (0, None))
        if bits != header.bitpix or not bits:
            broken(
                KIND,
                f"datatype {header.datatype} does not have {header.bitpix} bits"
                if bits
                else "there is no such datatype",
                offset=70 if header.size == 348 else 12,
                seen=f"{header.datatype}, {header.bitpix} bits",
                expected=f"{bits} bits" if bits else None,
            )
        _fields(header, found)
        count = math.prod(header.dim[1 : dims + 1])
        length = (count * bits + 7) // 8
        kind = None if name is None else np.dtype(name).newbyteorder(cast("Any", header.order))
        if header.magic == magics[0]:
            start = _offset(header, found, least=header.size + 4)
            _extensions(file, header, start, found)
            self._data(file, start, count, length, kind, subject, found)
        else:
            _extensions(file, header, file.size, found)
            self._image(header, count, length, kind, subject, found)

    def _data(
        self,
        file: Held,
        start: int,
        count: int,
        length: int,
        kind: np.dtype[Any] | None,
        subject: Subject,
        found: Found,
    ) -> None:
        file.need(start, length, "the data", column="dim")
        if file.whole and file.size > start + length:
            found.add(
                TRAILING,
                f"{file.size - start - length:,} bytes follow the data",
                offset=start + length,
                seen=file.size,
                expected=start + length,
            )
        if kind is None:
            found.metric("array.values", count)  # what NumPy has no type for is not looked into
        else:
            base, parts = (kind.base, math.prod(kind.shape)) if kind.shape else (kind, 1)
            figures_of(file, start, count * parts, base, subject, Fields(base, found, self.values))

    def _image(
        self, header: _Header, count: int, length: int, kind: np.dtype[Any] | None, subject: Subject, found: Found
    ) -> None:
        """Look at the other file of a pair, where the header's place is known."""
        start = _offset(header, found, least=0)
        if subject.path is None or subject.packing is not None:
            found.partly()
            return
        path = subject.path.with_suffix(".IMG" if subject.path.suffix == ".HDR" else ".img")
        if path.is_symlink() or not path.is_file():
            packed = path.with_name(path.name + ".gz")
            if packed.is_file():
                found.partly()
            else:
                found.add(IMAGE, f"there is no image {path.name} beside it", member=path.name)
            return
        with io.BufferedReader(open(path, "rb", buffering=0)) as image:
            size = path.stat().st_size
            self._data(Held(cast("BinaryIO", image), size, TRUNCATED), start, count, length, kind, subject, found)


def _offset(header: _Header, found: Found, *, least: int) -> int:
    """Where the data begin."""
    told, at = header.vox_offset, 108 if header.size == 348 else 168
    if not math.isfinite(told) or told != int(told) or told < least:
        broken(
            OFFSET, "the data cannot begin there", offset=at, seen=told, expected=f"a whole number of at least {least}"
        )
    if told % 16:
        found.add(ALIGNMENT, "the data do not begin at a multiple of 16", offset=at, seen=told)
    return int(told)


def _extensions(file: Held, header: _Header, end: int, found: Found) -> None:
    """Follow the chain, which has to end where the data begin, or where a header of a pair does."""
    if file.size == header.size:
        return
    mark = file.take(header.size, 4, "the extender")
    place = header.size + 4
    if mark[0] == 0:
        gap = min(end, file.size) - place
        if 0 < gap <= 1 << 20 and any(file.take(place, gap)):
            found.add(EXTENSION, "there are no extensions, and something stands where they would", offset=place)
        return
    while place < end:
        size, kind = file.numbers(header.order + "ii", place, "an extension")
        if size < 16 or size % 16 or place + size > end:
            broken(
                EXTENSION,
                "an extension cannot have this size",
                offset=place,
                seen=size,
                expected=f"a multiple of 16 up to {end - place}",
            )
        if kind < 0:
            found.add(EXTENSION, "an extension has no such code", offset=place + 4, seen=kind)
        place += size


def _fields(header: _Header, found: Found) -> None:
    """Hold fields against the values that they can have."""
    first = header.size == 348
    for what, seen, right, at in (
        ("qform_code", header.qform, range(6), 252 if first else 344),
        ("sform_code", header.sform, range(6), 254 if first else 348),
        ("xyzt_units, of space", header.units & 7, range(4), 123 if first else 500),
        ("xyzt_units, of time", header.units & 0x38, range(0, 49, 8), 123 if first else 500),
    ):
        if seen not in right:
            found.add(FIELD, f"{what} has a value that it cannot have", offset=at, column=what[:10], seen=seen)
    numbers: dict[str, tuple[tuple[float, ...], int]] = {
        "pixdim": (header.pixdim[: header.dim[0] + 1], 76 if first else 104),
        "scl_slope": (header.scaling, 112 if first else 176),
    }
    for what, (told, at) in numbers.items():
        if not all(map(math.isfinite, told)):
            found.add(FIELD, f"{what} is not finite", offset=at, column=what, seen=told)
    if header.qform and header.pixdim[0] not in (-1.0, 0.0, 1.0):
        found.add(
            FIELD, "pixdim[0] is neither -1 nor 1", offset=76 if first else 104, column="pixdim", seen=header.pixdim[0]
        )
    if header.qform and not sum(each * each for each in header.quaternion) <= 1 + 1e-4:
        found.add(
            SPACE,
            "the quaternion is no rotation",
            offset=256 if first else 352,
            column="quatern",
            seen=header.quaternion,
        )
    if header.sform:
        rows = np.array(header.affine).reshape(3, 4)
        if not np.isfinite(rows).all() or not np.linalg.det(rows[:, :3]):
            found.add(
                SPACE, "the affine leads nowhere", offset=280 if first else 400, column="srow", seen=header.affine
            )


CHECKS = (Nifti,)
