"""PNG and JPEG are read to their last byte."""

from __future__ import annotations

import io
import random
import struct
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from holotype.validators import Limits, validate

from .format_contract import FormatContract

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.validators import Report

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def header(width: int = 7, height: int = 5, depth: int = 8, colour: int = 2, interlace: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">2L5B", width, height, depth, colour, 0, 0, interlace))


def rows(width: int = 7, height: int = 5, bits: int = 24, filter: int = 0) -> bytes:
    noise = random.Random(1)
    return b"".join(bytes([filter]) + noise.randbytes((width * bits + 7) // 8) for _ in range(height))


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def packed(data: bytes) -> bytes:
    return chunk(b"IDAT", zlib.compress(data))


END = chunk(b"IEND")
WHOLE = png(header(), packed(rows()), END)

SEGMENTS = {
    "start": b"\xff\xd8",
    "app": b"\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0",
    "quantities": b"\xff\xdb\x00\x43\x00" + bytes([1] * 64),
    "frame": b"\xff\xc0\x00\x0b\x08\x00\x08\x00\x08\x01\x01\x11\x00",
    "codes": b"".join(b"\xff\xc4\x00\x14" + bytes([kind, 1, *[0] * 15, 0]) for kind in (0x00, 0x10)),
    "restarts": b"\xff\xdd\x00\x04\x00\x01",
    "scan": b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00",
    "data": b"\x3f",
    "end": b"\xff\xd9",
}


def jpeg(**changes: bytes) -> bytes:
    return b"".join({**SEGMENTS, **changes}.values())


def looked(data: bytes, format: str = "png", **options: Any) -> Report:
    return validate(io.BytesIO(data), name="a", format=format, **options)


def only(report: Report) -> dict[str, Any]:
    (row,) = report.findings.to_pylist()
    return dict(row)


class TestPng(FormatContract):
    format = "png"

    def make(self, folder: Path) -> Path:
        path = folder / "a.png"
        path.write_bytes(WHOLE)
        return path


class TestJpeg(FormatContract):
    format = "jpeg"

    def make(self, folder: Path) -> Path:
        path = folder / "a.jpg"
        path.write_bytes(jpeg())
        return path


@pytest.mark.parametrize("interlace", [0, 1])
@pytest.mark.parametrize(("colour", "depth"), [(0, 1), (0, 16), (2, 8), (3, 4), (4, 8), (6, 16)])
def test_images_of_every_kind_are_sound_and_one_byte_less_is_not(colour: int, depth: int, interlace: int) -> None:
    bits = CHANNELS[colour] * depth
    sizes = [(7, 5)] if not interlace else [(1, 1), (1, 1), (2, 1), (2, 2), (4, 1), (3, 3), (7, 2)]
    data = b"".join(rows(width, height, bits) for width, height in sizes)
    palette = [chunk(b"PLTE", bytes(48))] if colour == 3 else []
    head = header(depth=depth, colour=colour, interlace=interlace)
    report = looked(png(head, *palette, packed(data), END))
    assert not report.counts, report.findings.to_pylist()
    assert (report.metric("png.width"), report.metric("png.height")) == (7, 5)
    for wrong in (data[:-1], data + b"\0"):
        row = only(looked(png(head, *palette, packed(wrong), END)))
        assert row["code"] == "png.pixels"


@pytest.mark.parametrize(
    ("data", "code", "offset"),
    [
        (WHOLE[:20] + b"\x01" + WHOLE[21:], "png.crc", 8),
        (b"\x89PNX" + WHOLE[4:], "png.signature", 0),
        (png(header(), packed(rows())), "png.end", 33 + 12 + len(zlib.compress(rows()))),
        (png(header(), packed(rows()), chunk(b"IEND", b"x")), "png.end", None),
        (png(header(), END), "png.pixels", 33),
        (png(header(width=0), packed(rows()), END), "png.header", 8),
        (png(header(depth=3), packed(rows()), END), "png.header", 8),
        (png(header(colour=5), packed(rows()), END), "png.header", 8),
        (png(chunk(b"IHDR", b"abc"), packed(rows()), END), "png.header", 8),
        (png(header(), packed(rows()), header(), END), "png.order", None),
        (png(header(), packed(rows()), chunk(b"gAMA", b"abcd"), END), "png.order", None),
        (png(header(), chunk(b"gAMA", b"abcd"), chunk(b"gAMA", b"abcd"), packed(rows()), END), "png.order", 49),
        (
            png(header(), chunk(b"IDAT", zlib.compress(rows())[:9]), chunk(b"tEXt", b"a\0b"),
                chunk(b"IDAT", zlib.compress(rows())[9:]), END),
            "png.order", None,
        ),
        (png(header(), chunk(b"ABcD", b"x"), packed(rows()), END), "png.critical", 33),
        (png(header(colour=3), packed(rows(bits=8)), END), "png.palette", 33),
        (png(header(), chunk(b"PLTE", bytes(7)), packed(rows()), END), "png.palette", 33),
        (png(header(), packed(rows(filter=9)), END), "png.filter", 33),
        (png(header(), chunk(b"IDAT", b"nothing packed"), END), "png.pixels", 33),
        (png(header(), chunk(b"IDAT", zlib.compress(rows())[:-4]), END), "png.pixels", None),
        (png(header(), chunk(b"IDAT", zlib.compress(rows()) + b"more"), END), "png.pixels", 33),
        (WHOLE + b"more", "png.trailing", len(WHOLE)),
        (png(header(), b"\0\0\0\4ab1dabcd" + bytes(4)), "png.chunk", 33),
        (WHOLE[:50], "png.chunk", 33),
    ],
)  # fmt: skip
def test_each_rule_of_png_is_told_with_its_place(data: bytes, code: str, offset: int | None) -> None:
    row = looked(data).findings.to_pylist()[0]
    assert row["code"] == code
    assert offset is None or row["offset"] == offset


def test_pixels_may_lie_in_many_chunks() -> None:
    data = zlib.compress(rows())
    assert not looked(png(header(), *(chunk(b"IDAT", data[at : at + 3]) for at in range(0, len(data), 3)), END)).counts


def test_an_image_that_says_it_is_immense_is_not_unpacked() -> None:
    head = header(width=1 << 30, height=1 << 30)
    assert set(looked(png(head, packed(rows()), END)).counts) == {"png.bomb"}


def test_pixels_that_unpack_to_more_than_the_image_has_are_not_unpacked_further() -> None:
    assert set(looked(png(header(), packed(bytes(64 << 20)), END), limits=Limits()).counts) == {"png.pixels"}


@pytest.mark.parametrize(
    ("data", "code", "offset"),
    [
        (jpeg(start=b"\xff\xd9"), "jpeg.start", 0),
        (jpeg(end=b""), "jpeg.end", None),
        (jpeg(data=b"\x3f\xff\x00\x12"), None, None),
        (jpeg(app=b"\xff\xff\xff" + SEGMENTS["app"]), None, None),
        (jpeg(app=b"\xe0\xff"), "jpeg.segment", 2),
        (jpeg(app=b"\xff\xd0"), "jpeg.segment", 2),
        (jpeg(app=b"\xff\xe0\x00\x01"), "jpeg.segment", 2),
        (jpeg(app=b"\xff\xe0\xff\xff"), "jpeg.segment", 2),
        (jpeg(frame=b""), "jpeg.frame", None),
        (jpeg(frame=SEGMENTS["frame"] * 2), "jpeg.frame", None),
        (jpeg(frame=b"\xff\xc0\x00\x0b\x08\x00\x08\x00\x08\x02\x01\x11\x00"), "jpeg.frame", None),
        (jpeg(frame=b"\xff\xc0\x00\x0b\x08\x00\x08\x00\x00\x01\x01\x11\x00"), "jpeg.frame", None),
        (jpeg(quantities=b"\xff\xdb\x00\x42\x00" + bytes([1] * 63)), "jpeg.table", 20),
        (jpeg(codes=b"\xff\xc4\x00\x14\x00" + bytes([2] + [0] * 15) + b"\0"), "jpeg.table", None),
        (jpeg(restarts=b"\xff\xdd\x00\x05\x00\x01\x00"), "jpeg.table", None),
        (jpeg(scan=b"\xff\xda\x00\x08\x01\x07\x00\x00\x3f\x00"), "jpeg.scan", None),
        (jpeg(scan=b"\xff\xda\x00\x08\x05\x01\x00\x00\x3f\x00"), "jpeg.scan", None),
        (jpeg(scan=b"", data=b""), "jpeg.scan", None),
        (jpeg(data=b"\x3f\xff\xd0\x3f\xff\xd1\x3f"), None, None),
        (jpeg(data=b"\x3f\xff\xd1\x3f"), "jpeg.restart", None),
        (jpeg() + b"more", "jpeg.trailing", len(jpeg())),
    ],
)
def test_each_rule_of_jpeg_is_told_with_its_place(data: bytes, code: str | None, offset: int | None) -> None:
    rows = looked(data, "jpeg").findings.to_pylist()
    assert [row["code"] for row in rows[:1]] == ([] if code is None else [code])
    assert offset is None or rows[0]["offset"] == offset


def test_a_long_scan_is_read_in_pieces_wherever_a_mark_lies() -> None:
    for size in range((1 << 18) - 4, (1 << 18) + 4):
        data = b"\x3f" * size + b"\xff\x00\xff\xd0" + b"\x3f" * 300_000
        report = looked(jpeg(data=data), "jpeg")
        assert not report.counts
        assert report.metric("jpeg.width") == 8
