"""TIFF: directories of tags in a chain, and strips and tiles that they point to."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ..format_contract import FormatContract, errors_of
from .looking import look, only, patched, rows

if TYPE_CHECKING:
    from pathlib import Path

Tags = dict[int, tuple[int, list[int] | bytes]]


def tags(**changes: tuple[int, list[int] | bytes]) -> Tags:
    """A grey image of 4 × 6 numbers of 16 bits in two strips."""
    told: Tags = {
        256: (3, [4]),
        257: (3, [6]),
        258: (3, [16]),
        259: (3, [1]),
        262: (3, [1]),
        273: (4, [0, 0]),
        277: (3, [1]),
        278: (3, [3]),
        279: (4, [24, 24]),
    }
    return told | {int(name[1:]): value for name, value in changes.items()}


def tiff(
    *images: Tags, order: str = "<", big: bool = False, strips: list[bytes] | None = None, loop: int | None = None
) -> bytes:
    """A file whose images share their strips."""
    word, head = ("Q", 16) if big else ("I", 8)
    data = bytearray(head)
    parts = (
        strips if strips is not None else [np.arange(12 * n, 12 * n + 12, dtype=order + "u2").tobytes() for n in (0, 1)]
    )
    starts = []
    for part in parts:
        starts.append(len(data))
        data += part
    places = []
    for image in images:
        image = dict(image)
        for tag in (273, 324):
            if tag in image and image[tag][1] and not any(image[tag][1]):
                image[tag] = (image[tag][0], starts)
        places.append(len(data))
        width = 20 if big else 12
        extra = len(data) + (8 if big else 2) + width * len(image) + (8 if big else 4)
        entries, values = b"", b""
        for tag, (kind, told) in sorted(image.items()):
            letter = {1: "B", 2: "B", 3: "H", 4: "I", 16: "Q", 13: "I"}.get(kind, "B")
            raw = struct.pack(f"{order}{len(told)}{letter}", *told)
            inline = struct.calcsize(word)
            entries += struct.pack(f"{order}HH{word}", tag, kind, len(told))
            if len(raw) <= inline:
                entries += raw.ljust(inline, b"\0")
            else:
                entries += struct.pack(order + word, extra + len(values))
                values += raw
        data += struct.pack(order + ("Q" if big else "H"), len(image)) + entries + bytes(struct.calcsize(word)) + values
    for number, place in enumerate(places):
        count = len(images[number])
        after = place + (8 + 20 * count if big else 2 + 12 * count)
        following = places[number + 1] if number + 1 < len(places) else 0 if loop is None else places[loop]
        struct.pack_into(order + word, data, after, following)
    mark = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    struct.pack_into("4s", data, 0, mark)
    if big:
        struct.pack_into(order + "HHQ", data, 4, 8, 0, places[0])
    else:
        struct.pack_into(order + "I", data, 4, places[0])
    return bytes(data)


class TestTiff(FormatContract):
    format = "tiff"

    def make(self, folder: Path) -> Path:
        path = folder / "cells.tif"
        path.write_bytes(tiff(tags(), tags()))
        return path


class TestBigTiff(FormatContract):
    format = "tiff"

    def make(self, folder: Path) -> Path:
        path = folder / "cells.tiff"
        path.write_bytes(tiff(tags(), order=">", big=True))
        return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_both_orders_and_both_sizes_are_sound_with_figures(order: str, *, big: bool) -> None:
    report = look(tiff(tags(), order=order, big=big), "tiff")
    assert rows(report) == []
    assert report.metric("array.most", of="IFD 0") == 23


def test_tiles_and_planes_are_as_many_as_the_image_has() -> None:
    tiled = tags(
        x277=(3, [2]),
        x258=(3, [16, 16]),
        x284=(3, [2]),
        x322=(3, [16]),
        x323=(3, [16]),
        x324=(4, [0] * 2),
        x325=(4, [512] * 2),
    )
    for tag in (273, 278, 279):
        del tiled[tag]
    assert rows(look(tiff(tiled, strips=[bytes(512)] * 2), "tiff")) == []
    tiled[325] = (4, [512])
    row = only(look(tiff(tiled, strips=[bytes(512)] * 2), "tiff"))
    assert (row["code"], row["member"]) == ("tiff.segment", "IFD 0")


def test_deflated_strips_are_unpacked_and_counted() -> None:
    strips = [zlib.compress(np.full(12, n, "<u2").tobytes()) for n in (5, 7)]
    packed = tags(x259=(3, [8]), x279=(4, [len(each) for each in strips]))
    report = look(tiff(packed, strips=strips), "tiff")
    assert rows(report) == []
    assert report.metric("array.most", of="IFD 0") == 7
    row = only(look(patched(tiff(packed, strips=strips), 12, b"\xff"), "tiff"))
    assert (row["code"], row["row"]) == ("tiff.segment_damaged", 0)


def test_a_strip_that_unpacks_to_far_more_than_its_pixels_is_stopped() -> None:
    strips = [zlib.compress(bytes(10_000_000)), zlib.compress(bytes(24))]
    packed = tags(x259=(3, [8]), x279=(4, [len(each) for each in strips]))
    row = only(look(tiff(packed, strips=strips), "tiff"))
    assert (row["code"], row["row"], row["seen"]) == ("tiff.segment_damaged", 0, "25")


def test_what_is_packed_otherwise_is_only_partly_looked_at() -> None:
    report = look(tiff(tags(x259=(3, [5]))), "tiff")
    assert report.ok
    assert not report.complete


def test_a_chain_that_leads_back_ends_there() -> None:
    row = only(look(tiff(tags(), tags(), loop=0), "tiff"))
    assert row["code"] == "tiff.directory"


def test_directories_below_a_directory_are_looked_at() -> None:
    data = tiff(tags(x330=(13, [0])))
    row = only(look(data, "tiff"))
    assert row["code"] == "tiff.directory"


@pytest.mark.parametrize(
    ("changes", "code", "column"),
    [
        ({"x256": (3, [0])}, "tiff.tag", None),
        ({"x256": (2, [1])}, "tiff.tag", "ImageWidth"),
        ({"x256": (3, [4, 4])}, "tiff.tag", "ImageWidth"),
        ({"x259": (99, [4])}, "tiff.tag", "Compression"),
        ({"x278": (3, [0])}, "tiff.tag", None),
        ({"x279": (4, [24, 23])}, "tiff.segment_length", None),
        ({"x279": (4, [24])}, "tiff.segment", None),
        ({"x273": (4, [8])}, "tiff.segment", None),
        ({"x273": (4, [8, 4_000_000_000])}, "tiff.segment", None),
        ({"x273": (4, [8, 2])}, "tiff.segment", None),
        ({"x257": (4, [4_000_000_000])}, "tiff.segment", None),
    ],
)
def test_a_tag_that_cannot_be_is_told_with_its_directory(
    changes: dict[str, tuple[int, list[int] | bytes]], code: str, column: str | None
) -> None:
    found = rows(look(tiff(tags(), tags(**changes)), "tiff"))
    assert (code, "IFD 1") in {(row["code"], row["member"]) for row in found}, found
    assert column in {row["column"] for row in found}


def test_tags_that_are_needed_are_there() -> None:
    image = tags()
    del image[257]
    row = only(look(tiff(image), "tiff"))
    assert (row["code"], row["column"]) == ("tiff.tag_missing", "ImageLength")


def test_values_that_a_tag_says_are_beyond_the_end_are_not_read() -> None:
    data = tiff(tags())
    place = data.index(struct.pack("<HHI", 273, 4, 2)) + 4
    assert "tiff.truncated" in errors_of(look(patched(data, place, struct.pack("<I", 1 << 30)), "tiff"))
    place = int.from_bytes(data[4:8], "little")
    assert errors_of(look(patched(data, place, b"\xff\xff"), "tiff")) == {"tiff.truncated"}


def test_tags_out_of_order_are_suspicious() -> None:
    data = tiff(tags())
    place = int.from_bytes(data[4:8], "little") + 2
    swapped = data[:place] + data[place + 12 : place + 24] + data[place : place + 12] + data[place + 24 :]
    report = look(swapped, "tiff")
    assert report.ok
    assert only(report)["code"] == "tiff.tag_order"


def test_bigtiff_says_that_its_places_have_eight_bytes() -> None:
    row = only(look(patched(tiff(tags(), big=True), 4, b"\x04"), "tiff"))
    assert (row["code"], row["offset"]) == ("tiff.header", 4)
