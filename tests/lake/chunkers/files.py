"""Files of the formats that are recognised, as bytes, made by hand from the formats' definitions."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def npy(array: Array, *, version: tuple[int, int] | None = None) -> bytes:
    """A ``.npy``."""
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=version)
    return file.getvalue()


def npz(arrays: dict[str, Array], *, compressed: bool = False) -> bytes:
    """A ``.npz``."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            archive.writestr(f"{name}.npy", npy(array))
    return file.getvalue()


def fits(*images: Array | None, extra: dict[str, str] | None = None) -> bytes:
    """A FITS file: a unit for each image, the first of them the primary one; ``None`` is a unit without data."""
    parts: list[bytes] = []
    for number, image in enumerate(images):
        cards = {"SIMPLE": "T"} if number == 0 else {"XTENSION": "'IMAGE   '"}
        code = {"u1": 8, "i2": 16, "i4": 32, "i8": 64, "f4": -32, "f8": -64}
        cards["BITPIX"] = "8" if image is None else str(code[image.dtype.str[1:]])
        cards["NAXIS"] = "0" if image is None else str(image.ndim)
        for axis, extent in enumerate(reversed(image.shape if image is not None else ()), 1):
            cards[f"NAXIS{axis}"] = str(extent)
        if number:
            cards |= {"PCOUNT": "0", "GCOUNT": "1"}
        cards |= extra or {}
        header = "".join(f"{key:8}= {value:>20} / a comment".ljust(80) for key, value in cards.items()) + "END".ljust(
            80
        )
        parts.append(_padded(header.encode(), 2880, b" "))
        if image is not None:
            parts.append(_padded(image.astype(image.dtype.newbyteorder(">")).tobytes(), 2880, b"\0"))
    return b"".join(parts)


def nifti(array: Array, *, version: int = 1, order: str = "<") -> bytes:
    """A NIfTI file."""
    codes = {"u1": 2, "i2": 4, "i4": 8, "f4": 16, "c8": 32, "f8": 64, "i1": 256, "u2": 512, "u4": 768, "i8": 1024}
    code, bits = codes[array.dtype.str[1:]], 8 * array.dtype.itemsize
    dimensions = [array.ndim, *array.shape, *[1] * (7 - array.ndim)]
    if version == 1:
        header = bytearray(352)
        struct.pack_into(f"{order}i", header, 0, 348)
        struct.pack_into(f"{order}8h", header, 40, *dimensions)
        struct.pack_into(f"{order}hh", header, 70, code, bits)
        struct.pack_into(f"{order}f", header, 108, 352.0)
        header[344:348] = b"n+1\0"
    else:
        header = bytearray(544)
        struct.pack_into(f"{order}i", header, 0, 540)
        header[4:12] = b"n+2\0\r\n\x1a\n"
        struct.pack_into(f"{order}hh", header, 12, code, bits)
        struct.pack_into(f"{order}8q", header, 16, *dimensions)
        struct.pack_into(f"{order}q", header, 168, 544)
    return bytes(header) + array.astype(array.dtype.newbyteorder(order)).tobytes(order="F")


def netcdf(variables: dict[str, Array], *, version: int = 2, records: tuple[str, ...] = ()) -> bytes:
    """A NetCDF classic file; the first axis of the variables named in ``records`` is the record dimension."""
    count, offset = (">Q" if version == 5 else ">I"), (">I" if version == 1 else ">Q")
    kinds = {"i1": 1, "i2": 3, "i4": 4, "f4": 5, "f8": 6, "u1": 7, "u2": 8, "u4": 9, "i8": 10, "u8": 11}

    def number(value: int) -> bytes:
        return struct.pack(count, value)

    def name(text: str) -> bytes:
        return number(len(text)) + _padded(text.encode(), 4, b"\0")

    length = next((variables[each].shape[0] for each in records), 0)
    dimensions: list[bytes] = [name("record") + number(0)]
    entries: list[tuple[bytes, bytes, bool]] = []
    for each, array in variables.items():
        axes = []
        for axis, extent in enumerate(array.shape):
            if axis == 0 and each in records:
                axes.append(0)
            else:
                axes.append(len(dimensions))
                dimensions.append(name(f"{each}{axis}") + number(extent))
        units = struct.pack(">I", 12) + number(1) + name("units") + struct.pack(">I", 2) + name("kelvin")
        head = name(each) + number(len(axes)) + b"".join(map(number, axes)) + units
        head += struct.pack(">I", kinds[array.dtype.str[1:]]) + number(min(array.nbytes, 2**31))
        entries.append((head, array.astype(array.dtype.newbyteorder(">")).tobytes(), each in records))
    start = b"CDF" + bytes([version]) + number(length)
    start += struct.pack(">I", 10) + number(len(dimensions)) + b"".join(dimensions)
    start += struct.pack(">I", 0) + number(0)
    start += struct.pack(">I", 11) + number(len(entries))
    at = len(start) + sum(len(head) + struct.calcsize(offset) for head, _, _ in entries)
    table, data = b"", b""
    for head, values, is_record in sorted(entries, key=lambda entry: entry[2]):
        table += head + struct.pack(offset, at + len(data))
        data += values if is_record else _padded(values, 4, b"\0")
    return start + table + data


def tiff(
    pages: Array,
    *,
    order: str = "<",
    big: bool = False,
    strips: int = 1,
    apart: bool = False,
    imagej: bool = False,
    compression: int = 1,
) -> bytes:
    """A TIFF file of pages of equal shape, their numbers one behind the other in front of the directories.

    ``strips``: of each page.  ``apart``: with some bytes between the pages.  ``imagej``: one directory for them all.
    """
    number, count, inside = ("Q", "Q", 8) if big else ("I", "H", 4)
    magic = b"II" if order == "<" else b"MM"
    start = 16 if big else 8
    size, height = pages[0].nbytes, pages.shape[1]
    gap = 7 if apart else 0
    body = b"".join(page.astype(page.dtype.newbyteorder(order)).tobytes() + bytes(gap) for page in pages)
    listed = 1 if imagej else len(pages)
    tables, begin = b"", start + len(body)
    formats = {"u": 1, "i": 2, "f": 3, "c": 6}
    for page in range(listed):
        rows = height // strips
        lengths = [size // height * (rows if n < strips - 1 else height - rows * (strips - 1)) for n in range(strips)]
        first = start + page * (size + gap)
        tags: list[tuple[int, int, list[int] | bytes]] = [
            (256, 4, [pages.shape[2]]),
            (257, 4, [height]),
            (258, 3, [8 * pages.dtype.itemsize]),
            (259, 3, [compression]),
            (273, 16 if big else 4, [first + sum(lengths[:n]) for n in range(strips)]),
            (277, 3, [1]),
            (279, 4, lengths),
            (339, 3, [formats[pages.dtype.kind]]),
        ]
        if imagej:
            tags.insert(4, (270, 2, b"ImageJ=1.53\nimages=%d\n\0" % len(pages)))
        length = struct.calcsize(f"<{count}") + len(tags) * (12 if not big else 20) + inside
        extra, table = b"", struct.pack(f"{order}{count}", len(tags))
        for tag, kind, values in tags:
            code = {2: "s", 3: "H", 4: "I", 16: "Q"}[kind]
            data = values if isinstance(values, bytes) else struct.pack(f"{order}{len(values)}{code}", *values)
            table += struct.pack(f"{order}HH{number}", tag, kind, len(values))
            if len(data) <= inside:
                table += data.ljust(inside, b"\0")
            else:
                table += struct.pack(f"{order}{number}", begin + length + len(extra))
                extra += data
        last = page == listed - 1
        table += struct.pack(f"{order}{number}", 0 if last else begin + length + len(extra))
        tables, begin = tables + table + extra, begin + length + len(extra)
    if big:
        head = magic + struct.pack(f"{order}HHHQ", 43, 8, 0, start + len(body))
    else:
        head = magic + struct.pack(f"{order}HI", 42, start + len(body))
    return head + body + tables


def _padded(data: bytes, multiple: int, filler: bytes) -> bytes:
    return data + filler * (-len(data) % multiple)
