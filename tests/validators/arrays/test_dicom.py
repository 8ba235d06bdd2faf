"""DICOM: a preamble, elements with tags, and pixels."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from holotype.validators import Limits

from ..format_contract import FormatContract, errors_of
from .looking import look, only, patched, rows

if TYPE_CHECKING:
    from pathlib import Path

IMPLICIT, EXPLICIT, DEFLATED, BIG, JPEG = (f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".1.99", ".2", ".4.50"))
LONG = {"OB", "OW", "SQ", "UN", "UT"}


def element(tag: int, kind: str, data: bytes, order: str = "<", length: int | None = None) -> bytes:
    data += b"\0" * (len(data) % 2)
    size = len(data) if length is None else length
    head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    if not kind:
        return head + struct.pack(order + "I", size) + data
    if kind in LONG:
        return head + kind.encode() + b"\0\0" + struct.pack(order + "I", size) + data
    return head + kind.encode() + struct.pack(order + "H", size) + data


def number(tag: int, value: int, order: str = "<") -> bytes:
    return element(tag, "US", struct.pack(order + "H", value), order)


def meta(syntax: str = EXPLICIT, *, preamble: bytes = bytes(128)) -> bytes:
    inner = (
        element(0x00020001, "OB", b"\0\1")
        + element(0x00020002, "UI", b"1.2.3")
        + element(0x00020003, "UI", b"1.2.3.4")
        + element(0x00020010, "UI", syntax.encode())
    )
    return preamble + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(inner))) + inner


def items(*parts: bytes, undefined: bool = False) -> bytes:
    """Items of a sequence, of known lengths or not."""
    each = [
        struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF if undefined else len(part))
        + part
        + (struct.pack("<HHI", 0xFFFE, 0xE00D, 0) if undefined else b"")
        for part in parts
    ]
    return b"".join(each) + (struct.pack("<HHI", 0xFFFE, 0xE0DD, 0) if undefined else b"")


def image(order: str = "<", *, pixels: bytes | None = None, frames: int | None = None, before: bytes = b"") -> bytes:
    data = np.arange(12, dtype=order + "u2").tobytes() * (frames or 1)
    counted = b"" if frames is None else element(0x00280008, "IS", f"{frames}".encode(), order)
    return (
        element(0x00080016, "UI", b"1.2.3", order)
        + element(0x00080018, "UI", b"1.2.3.4", order)
        + before
        + number(0x00280002, 1, order)
        + counted
        + number(0x00280010, 3, order)
        + number(0x00280011, 4, order)
        + number(0x00280100, 16, order)
        + number(0x00280101, 12, order)
        + number(0x00280102, 11, order)
        + number(0x00280103, 0, order)
        + (element(0x7FE00010, "OW", data, order) if pixels is None else pixels)
    )


SEQUENCE = 0x00081140


class TestDicom(FormatContract):
    format = "dicom"

    def make(self, folder: Path) -> Path:
        path = folder / "scan.dcm"
        path.write_bytes(meta() + image(before=element(SEQUENCE, "SQ", items(element(0x00081150, "UI", b"1.2")))))
        return path

    def stays_valid(self, data: bytes, size: int) -> bool:
        # A data set may end after any of its elements.
        ends = {len(meta())}
        while (place := max(ends)) < len(data):
            long = data[place + 4 : place + 6].decode() in LONG
            length = int.from_bytes(data[place + 8 : place + 12] if long else data[place + 6 : place + 8], "little")
            ends.add(place + (12 if long else 8) + length)
        return size in ends


def test_explicit_and_big_endian_elements_are_sound_with_figures_of_pixels() -> None:
    for syntax, order in ((EXPLICIT, "<"), (BIG, ">")):
        report = look(meta(syntax) + image(order), "dicom")
        assert rows(report) == []
        assert report.metric("array.most") == 11
    assert rows(look(meta() + image(frames=5), "dicom")) == []


def test_implicit_elements_are_sound() -> None:
    implicit = element(0x00080016, "", b"1.2.3") + element(0x00080018, "", b"1.2.3.4")
    assert rows(look(meta(IMPLICIT) + implicit, "dicom")) == []


def deflated(data: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(data) + stream.flush()


def test_deflated_data_sets_are_unpacked_within_limits() -> None:
    assert look(meta(DEFLATED) + deflated(image()), "dicom").metric("array.most") == 11
    assert only(look(meta(DEFLATED) + deflated(image())[:-9], "dicom"))["code"] == "dicom.deflated"
    bomb = meta(DEFLATED) + deflated(image() + bytes(10_000_000))
    assert only(look(bomb, "dicom", limits=Limits(unpacked_free=1 << 20)))["code"] == "packing.bomb"


def encapsulated(*fragments: bytes, table: bytes = b"") -> bytes:
    return (
        element(0x7FE00010, "OB", b"", length=0xFFFFFFFF)
        + items(table, *fragments)
        + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    )


def test_packed_pixels_are_a_table_and_fragments() -> None:
    assert rows(look(meta(JPEG) + image(pixels=encapsulated(b"ab", b"cd"), frames=2), "dicom")) == []
    fine = encapsulated(b"ab", b"cd", table=struct.pack("<2I", 0, 10))
    assert rows(look(meta(JPEG) + image(pixels=fine, frames=2), "dicom")) == []
    for wrong in (
        encapsulated(b"ab", b"cd", table=struct.pack("<2I", 0, 8)),
        encapsulated(b"ab"),
        encapsulated(),
        encapsulated(b"ab", b"cd", table=struct.pack("<3I", 0, 10, 20)),
    ):
        assert errors_of(look(meta(JPEG) + image(pixels=wrong, frames=2), "dicom")) == {"dicom.fragments"}
    assert errors_of(look(meta() + image(pixels=fine, frames=2), "dicom")) == {"dicom.fragments"}


@pytest.mark.parametrize("undefined", [False, True])
def test_sequences_of_known_and_of_unknown_length_are_gone_into(*, undefined: bool) -> None:
    inner = element(0x00081150, "UI", b"1.2")
    length = 0xFFFFFFFF if undefined else None
    for content in (items(inner, inner, undefined=undefined), items(b"", undefined=undefined)):
        assert rows(look(meta() + image(before=element(SEQUENCE, "SQ", content, length=length)), "dicom")) == []
    wrong = items(inner[:4] + b"Q?" + inner[6:], undefined=undefined)
    report = look(meta() + image(before=element(SEQUENCE, "SQ", wrong, length=length)), "dicom")
    assert only(report)["code"] == "dicom.vr"


def test_a_sequence_without_an_end_is_told() -> None:
    open_end = element(SEQUENCE, "SQ", items(b"", undefined=True)[:-8], length=0xFFFFFFFF)
    assert errors_of(look(meta() + open_end, "dicom")) == {"dicom.truncated"}
    assert errors_of(look(meta() + image(before=open_end), "dicom")) == {"dicom.item"}


def test_sequences_are_no_deeper_than_the_limits() -> None:
    inner = b""
    for _ in range(40):
        inner = element(SEQUENCE, "SQ", items(inner))
    assert look(meta() + inner, "dicom").ok
    assert errors_of(look(meta() + inner, "dicom", limits=Limits(depth=10))) == {"dicom.depth"}


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (number(0x00280010, 3), number(0x00280010, 4), "dicom.pixels"),
        (number(0x00280100, 16), number(0x00280100, 8), "dicom.pixels"),
        (number(0x00280102, 11), number(0x00280102, 15), "dicom.pixels"),
        (number(0x00280011, 4), b"", "dicom.pixels"),
        (element(0x00080018, "UI", b"1.2.3.4"), element(0x00080018, "UI", b"1.2.3.5"), "dicom.identity"),
        (number(0x00280010, 3), number(0x00280110, 3), "dicom.order"),
        (number(0x00280010, 3), number(0x00280010, 3).replace(b"US", b"U?"), "dicom.vr"),
        (number(0x00280011, 4), number(0x00280011, 4)[:6] + b"\xff\xff\4\0", "dicom.truncated"),
        (number(0x00280010, 3), element(0xFFFEE000, "", b""), "dicom.item"),
        (b"OW\0\0" + struct.pack("<I", 24), b"OW\0\0" + struct.pack("<I", 2**31), "dicom.truncated"),
        (b"OW\0\0" + struct.pack("<I", 24), b"OB\0\0" + struct.pack("<I", 24), "dicom.pixels"),
    ],
)
def test_what_cannot_be_in_a_data_set_is_told(old: bytes, new: bytes, code: str) -> None:
    data = meta() + image()
    assert data.count(old) == 1
    report = look(data.replace(old, new), "dicom")
    assert code in errors_of(report), rows(report)
    assert all(row["offset"] is not None or row["record"] is not None for row in rows(report))


def test_the_files_own_elements_are_as_long_as_they_say() -> None:
    data = meta() + image()
    (size,) = struct.unpack_from("<I", data, 140)
    assert "dicom.meta" in errors_of(look(patched(data, 132, b"\x03"), "dicom"))
    assert "dicom.truncated" in errors_of(look(patched(data, 140, struct.pack("<I", 1 << 30)), "dicom"))
    for wrong in (size - 28, size + 4):
        assert not look(patched(data, 140, struct.pack("<I", wrong)), "dicom").ok


def test_a_preamble_that_makes_it_a_program_and_a_syntax_of_one_maker_are_suspicious() -> None:
    report = look(meta(preamble=b"MZ".ljust(128, b"\0")) + image(), "dicom")
    assert report.ok
    assert only(report)["code"] == "dicom.preamble_program"
    assert "dicom.transfer_syntax" in look(meta("1.9.9") + image(), "dicom").codes


def test_what_does_not_say_dicm_is_none() -> None:
    row = only(look(patched(meta() + image(), 128, b"DICN"), "dicom"))
    assert (row["code"], row["offset"]) == ("dicom.preamble", 128)
