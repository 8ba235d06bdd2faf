"""OME-TIFF: a TIFF whose first description says in XML what its images are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..format_contract import FormatContract, errors_of
from .looking import look, only, rows
from .test_tiff import tags, tiff

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.validators import Report

PIXELS = 'DimensionOrder="XYZCT" Type="uint16" SizeX="4" SizeY="6" SizeZ="2" SizeC="1" SizeT="1"'


def ome(pixels: str = PIXELS, *, inner: str = "<TiffData/>", head: str = "") -> str:
    space = 'xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
    return (
        f'<?xml version="1.0"?>{head}<OME {space}><Image ID="Image:0"><Pixels {pixels}>{inner}</Pixels></Image></OME>'
    )


def made(text: str, images: int = 2) -> bytes:
    return tiff(tags(x270=(2, text.encode() + b"\0")), *(tags() for _ in range(images - 1)))


def looked(text: str, images: int = 2) -> Report:
    return look(made(text, images), "ome-tiff")


class TestOmeTiff(FormatContract):
    format = "ome-tiff"

    def make(self, folder: Path) -> Path:
        path = folder / "cells.ome.tif"
        path.write_bytes(made(ome()))
        return path


def test_planes_are_as_many_as_images() -> None:
    assert rows(looked(ome())) == []
    row = only(looked(ome(), images=3))
    assert (row["code"], row["seen"], row["expected"]) == ("ome.planes", "3", "2")


def test_images_have_the_size_that_the_xml_says() -> None:
    row = only(looked(ome(PIXELS.replace('SizeX="4"', 'SizeX="5"'))))
    assert (row["code"], row["member"], row["seen"], row["expected"]) == (
        "ome.planes",
        "IFD 0",
        "(4, 6, 16)",
        "(5, 6, 16)",
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (ome().replace("</OME>", ""), "ome.xml"),
        ("<svg/>", "ome.xml"),
        ("ImageJ=1.52", "ome.xml"),
        (ome(PIXELS.replace("XYZCT", "XYZCC")), "ome.pixels"),
        (ome(PIXELS.replace("uint16", "uint17")), "ome.pixels"),
        (ome(PIXELS.replace('SizeZ="2"', 'SizeZ="-2"')), "ome.pixels"),
        (ome(PIXELS.replace('SizeZ="2"', 'SizeZ="99999999999999"')), "ome.pixels"),
        ("<OME/>", "ome.pixels"),
    ],
)
def test_xml_that_cannot_be_is_told(text: str, code: str) -> None:
    row = only(looked(text))
    assert (row["code"], row["member"]) == (code, "OME-XML")


def test_entities_are_refused_before_they_are_resolved() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    outside = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    for head in (bomb, outside, '<!DOCTYPE x SYSTEM "http://example.org/x.dtd">'):
        assert errors_of(looked(ome(head=head))) == {"ome.entity"}


def test_planes_in_other_files_are_told_and_not_looked_for() -> None:
    parts = "".join(f'<TiffData><UUID FileName="{name}.ome.tif">urn:uuid:x</UUID></TiffData>' for name in "ab")
    report = looked(ome(inner=parts))
    assert report.ok
    assert only(report)["code"] == "ome.outside"
