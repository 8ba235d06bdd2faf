"""OME-TIFF: the XML in the first description, and whether its pixels are the file's images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from ..findings import Code, Severity
from .held import broken, telling
from .tiff import TIFF_CODES, Tiff, directories, header

if TYPE_CHECKING:
    from ..found import Found
    from ..subjects import Subject
    from .held import Held
    from .tiff import Directory

__all__ = ["CHECKS", "OmeTiff"]

_SOURCE = "OME-TIFF, OME Model 2016-06"
XML = Code("ome.xml", Severity.ERROR, "The first image's description is OME-XML, well-formed.", _SOURCE)
ENTITY = Code(
    "ome.entity", Severity.ERROR, "The XML declares no types and no entities: none is ever resolved.", "XML 1.0, 4"
)
PIXELS = Code(
    "ome.pixels", Severity.ERROR, "Pixels have sizes, an order of dimensions and a type that there are.", _SOURCE
)
PLANES = Code("ome.planes", Severity.ERROR, "There is an image for each plane, of the size that is said.", _SOURCE)
OUTSIDE = Code("ome.outside", Severity.NOTE, "All planes are in this file.", _SOURCE)

_SIZES = ("SizeX", "SizeY", "SizeZ", "SizeC", "SizeT")
_TYPES = {
    "int8": 8,
    "int16": 16,
    "int32": 32,
    "uint8": 8,
    "uint16": 16,
    "uint32": 32,
    "float": 32,
    "double": 64,
    "bit": 1,
    "complex": 64,
    "double-complex": 128,
}


class OmeTiff(Tiff):
    """What holds for a TIFF, and what the XML says of it."""

    name = "ome-tiff"
    formats = frozenset({"ome-tiff"})
    codes = (*TIFF_CODES, XML, ENTITY, PIXELS, PLANES, OUTSIDE)

    def read(self, file: Held, subject: Subject, found: Found) -> None:
        """Read it."""
        super().read(file, subject, found)
        with telling(found):
            layout, place = header(file)
            # What is wrong with the directories has been told.
            quiet = type(found)(self.name, self.codes, limits=subject.limits)
            images = list(directories(file, layout, place, quiet, most=subject.limits.members, below=False))
            if not images:
                return
            at, text = images[0].tags.get(270, (images[0].offset, b""))
            with telling(found, member="OME-XML", offset=at):
                _agree(_pixels(bytes(text)), images, found)


def _pixels(text: bytes) -> list[dict[str, Any]]:
    """The pixels that the XML tells of, each with its attributes, its channels' samples and its planes elsewhere."""
    told: list[dict[str, Any]] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    root: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        plain = name.rpartition(" ")[2]
        root.append(plain)
        if plain == "Pixels":
            told.append({**attributes, "samples": [], "elsewhere": False})
        elif plain == "Channel" and told:
            told[-1]["samples"].append(attributes.get("SamplesPerPixel", "1"))
        elif plain == "UUID" and told and "FileName" in attributes:
            told[-1]["files"] = {*told[-1].get("files", ()), attributes["FileName"]}
        elif plain == "BinaryOnly":
            told.append({"elsewhere": True})

    def refused(*_: object) -> None:
        broken(ENTITY, "the XML declares types or entities, which are not resolved", seen=text[:80])

    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refused
    parser.EntityDeclHandler = refused
    try:
        parser.Parse(text.rstrip(b"\0"), True)
    except expat.ExpatError as error:
        broken(XML, f"the description is not well-formed: {error}", seen=text[:80])
    if root[0] != "OME":
        broken(XML, "the description is not OME-XML", seen=root[0], expected="OME")
    return told


def _agree(told: list[dict[str, Any]], images: list[Directory], found: Found) -> None:
    """Hold the XML against the images."""
    planes = 0
    several = False
    for number, pixels in enumerate(told):
        if pixels["elsewhere"] or len(pixels.get("files", ())) > 1:
            several = True
            continue
        sizes = {name: _positive(pixels, name) for name in _SIZES}
        order, kind = pixels.get("DimensionOrder", ""), pixels.get("Type", pixels.get("PixelType", ""))
        if sorted(order) != sorted("XYZCT") or not order.startswith("XY") or kind not in _TYPES:
            broken(
                PIXELS,
                "the order of dimensions or the type is none",
                record=f"Pixels {number}",
                seen=f"{order}, {kind}",
            )
        samples = [int(each) if each.isdigit() and len(each) < 6 else 0 for each in pixels["samples"]]
        channels = len(samples) if samples and sum(samples) == sizes["SizeC"] else sizes["SizeC"]
        if planes < len(images):
            first = images[planes]
            seen = (first.one(256), first.one(257), first.one(258, 1))
            expected = (sizes["SizeX"], sizes["SizeY"], _TYPES[kind])
            if seen != expected:
                found.add(
                    PLANES,
                    "an image is of another size or depth than its pixels",
                    member=first.name,
                    record=f"Pixels {number}",
                    seen=seen,
                    expected=expected,
                )
        planes += sizes["SizeZ"] * sizes["SizeT"] * channels
    if not told:
        broken(PIXELS, "the XML tells of no pixels")
    if several:
        found.add(OUTSIDE, "planes are in other files, which are not looked at", member="OME-XML")
    elif planes != len(images):
        broken(PLANES, "there are not as many images as planes", seen=len(images), expected=planes)


def _positive(pixels: dict[str, Any], name: str) -> int:
    told = pixels.get(name, "")
    if not (told.isascii() and told.isdigit() and len(told) < 10 and int(told) > 0):
        broken(PIXELS, f"{name} is no number above 0", column=name, seen=told)
    return int(told)


CHECKS = (OmeTiff,)
