"""DICOM: the preamble, the file's own elements, the data set, and the pixels."""

from __future__ import annotations

import struct
import tempfile
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from ..check import Cost
from ..findings import Code, Severity
from ..streams.codes import PACKING_BOMB
from .base import ArrayCheck, sampled
from .held import BLOCK, Held, broken, telling
from .values import VALUE_CODES, Fields

if TYPE_CHECKING:
    from ..found import Found
    from ..limits import Limits
    from ..subjects import Subject

__all__ = ["CHECKS", "Dicom"]

_SOURCE = "DICOM PS3.5 and PS3.10"
PREAMBLE = Code("dicom.preamble", Severity.ERROR, "A file begins with 128 bytes and DICM.", "DICOM PS3.10, 7.1")
EXECUTABLE = Code(
    "dicom.preamble_program", Severity.WARNING, "The preamble is not the beginning of a program.", "DICOM PS3.10, 7.5"
)
META = Code(
    "dicom.meta", Severity.ERROR, "The file's own elements are there, and as long as they say.", "DICOM PS3.10, 7.1"
)
SYNTAX = Code(
    "dicom.transfer_syntax", Severity.WARNING, "The transfer syntax is one that there is.", "DICOM PS3.5, 10 and A"
)
ORDER = Code("dicom.order", Severity.ERROR, "Elements ascend, each once.", "DICOM PS3.5, 7.1")
KIND = Code("dicom.vr", Severity.ERROR, "A value representation is one that there is.", "DICOM PS3.5, 6.2")
LENGTH = Code(
    "dicom.length", Severity.ERROR, "Values have an even length, within what they lie in.", "DICOM PS3.5, 7.1"
)
ITEM = Code("dicom.item", Severity.ERROR, "A sequence is items, and ends as it says.", "DICOM PS3.5, 7.5")
DEEP = Code("dicom.depth", Severity.ERROR, "Sequences are no deeper than the limits allow.")
IDENTITY = Code(
    "dicom.identity",
    Severity.ERROR,
    "The file's own elements tell of the class and instance of the data set.",
    "DICOM PS3.10, 7.1",
)
PIXELS = Code(
    "dicom.pixels",
    Severity.ERROR,
    "Pixels are as many as rows, columns, frames and samples say, of the bits that are said.",
    "DICOM PS3.5, 8.1, and PS3.3, C.7.6.3",
)
FRAGMENTS = Code(
    "dicom.fragments",
    Severity.ERROR,
    "Packed pixels are a table of offsets and fragments, one a frame at least.",
    "DICOM PS3.5, A.4",
)
PACKED = Code("dicom.deflated", Severity.ERROR, "A deflated data set unpacks.", "DICOM PS3.5, A.5")
TRUNCATED = Code("dicom.truncated", Severity.ERROR, "Values are as long as they say.", _SOURCE)

# Value representations, and those whose length has four bytes.
_KINDS = frozenset(
    [
        "AE",
        "AS",
        "AT",
        "CS",
        "DA",
        "DS",
        "DT",
        "FD",
        "FL",
        "IS",
        "LO",
        "LT",
        "OB",
        "OD",
        "OF",
        "OL",
        "OV",
        "OW",
        "PN",
        "SH",
        "SL",
        "SQ",
        "SS",
        "ST",
        "SV",
        "TM",
        "UC",
        "UI",
        "UL",
        "UN",
        "UR",
        "US",
        "UT",
        "UV",
    ]
)
_LONG = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END, _PIXELS = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD, 0x7FE00010
_IMPLICIT, _EXPLICIT, _DEFLATED, _BIG = (f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".1.99", ".2"))
_PACKED = "1.2.840.10008.1.2.4."  # JPEG and its kinds, and video; and of RLE:
_RLE = "1.2.840.10008.1.2.5"
_WANTED = {
    0x00080016: "class",
    0x00080018: "instance",
    0x00280002: "samples",
    0x00280008: "frames",
    0x00280010: "rows",
    0x00280011: "columns",
    0x00280100: "allocated",
    0x00280101: "stored",
    0x00280102: "high",
    0x00280103: "signed",
    0x00280004: "colours",
}
_META = {0x00020001: "version", 0x00020002: "class", 0x00020003: "instance", 0x00020010: "syntax"}


@dataclass
class _Reader:
    """Elements one after the other."""

    file: Held
    found: Found
    limits: Limits
    order: str = "<"
    explicit: bool = True
    told: dict[str, bytes] = field(default_factory=dict[str, bytes])
    pixels: tuple[int, int, str] | None = None
    fragments: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def element(self, place: int, end: int) -> tuple[int, str, int, int]:
        """Tag, representation, length, and where the value begins."""
        if place + 8 > end:
            broken(self.file.short, "an element is cut off", offset=place)
        group, number = self.file.numbers(self.order + "HH", place, "an element")
        tag = group << 16 | number
        if group == 0xFFFE or not self.explicit:
            (length,) = self.file.numbers(self.order + "I", place + 4, "a length")
            return tag, "", length, place + 8
        kind = self.file.take(place + 4, 2).decode("latin-1")
        if kind not in _KINDS:
            broken(KIND, "there is no such value representation", offset=place + 4, record=_name(tag), seen=kind)
        if kind in _LONG:
            if place + 12 > end:
                broken(self.file.short, "an element is cut off", offset=place, record=_name(tag))
            (length,) = self.file.numbers(self.order + "I", place + 8, "a length")
            return tag, kind, length, place + 12
        (length,) = self.file.numbers(self.order + "H", place + 6, "a length")
        return tag, kind, length, place + 8

    def elements(
        self, place: int, end: int, depth: int, *, until: int | None = None, wanted: dict[int, str] | None = None
    ) -> int:
        """Read the elements up to ``end``, or to the delimiter ``until``; where they end."""
        if depth > self.limits.depth:
            broken(DEEP, "sequences are deeper than the limits allow", offset=place)
        before = -1
        while place < end:
            at = place
            tag, kind, length, value = self.element(place, end)
            if tag == until:
                return value
            if tag >> 16 == 0xFFFE:
                broken(ITEM, "an item or its end stands where none can", offset=at, record=_name(tag))
            if tag <= before:
                self.found.add(
                    ORDER, "elements do not ascend", offset=at, record=_name(tag), expected=f"above {_name(before)}"
                )
            before = tag
            place = self.value(tag, kind, length, value, end, depth)
            if wanted is not None and tag in wanted and length != _UNDEFINED and length <= 1 << 10:
                self.told[wanted[tag]] = self.file.take(value, length)
        if until is not None:
            broken(ITEM, "a sequence or an item of undefined length has no end", offset=place, expected=_name(until))
        return place

    def value(self, tag: int, kind: int | str, length: int, value: int, end: int, depth: int) -> int:
        """Step over a value, or into it; where it ends."""
        if tag == _PIXELS and not depth:
            self.pixels = (value, length, str(kind))
            if length == _UNDEFINED:
                return self.items(tag, value, end, depth, fragments=True)
        if length == _UNDEFINED:
            if kind not in ("SQ", "UN", ""):
                broken(LENGTH, f"a value of {kind} has no length", offset=value, record=_name(tag))
            explicit = self.explicit
            # What is unknown, and of undefined length, is coded as if its representations were not told.
            self.explicit = explicit and kind != "UN"
            try:
                return self.items(tag, value, end, depth)
            finally:
                self.explicit = explicit
        if value + length > end:
            broken(
                self.file.short if end == self.file.size else LENGTH,
                "a value is longer than what it lies in",
                offset=value,
                record=_name(tag),
                seen=length,
                expected=f"at most {end - value}",
            )
        if length % 2:
            self.found.add(LENGTH, "a value has an odd length", offset=value, record=_name(tag), seen=length)
        if kind == "SQ":
            self.items(tag, value, value + length, depth, defined=True)
        return value + length

    def items(
        self, tag: int, place: int, end: int, depth: int, *, defined: bool = False, fragments: bool = False
    ) -> int:
        """Read the items of a sequence, or the fragments of pixels; where they end."""
        while place < end:
            at = place
            if place + 8 > end:
                broken(self.file.short, "an item is cut off", offset=place, record=_name(tag))
            group, number, length = self.file.numbers(self.order + "HHI", place, "an item")
            kind, place = group << 16 | number, place + 8
            if kind == _SEQUENCE_END and not defined:
                if length:
                    self.found.add(
                        ITEM, "the end of a sequence has a length", offset=at, record=_name(tag), seen=length
                    )
                return place
            if kind != _ITEM:
                broken(ITEM, "a sequence has something else than items", offset=at, record=_name(tag), seen=_name(kind))
            if length == _UNDEFINED and not fragments:
                place = self.elements(place, end, depth + 1, until=_ITEM_END)
                continue
            if place + length > end:
                broken(
                    self.file.short if end == self.file.size else ITEM,
                    "an item is longer than what it lies in",
                    offset=at,
                    record=_name(tag),
                    seen=length,
                )
            if fragments:
                self.fragments.append((place, length))
            else:
                self.elements(place, place + length, depth + 1)
            place += length
        if not defined:
            broken(
                ITEM if end != self.file.size else self.file.short,
                "a sequence has no end",
                offset=place,
                record=_name(tag),
            )
        return place

    def text(self, name: str) -> str:
        """A value as text."""
        return self.told.get(name, b"").decode("latin-1").rstrip("\0 ")

    def number(self, name: str, default: int | None = None) -> int:
        """A value as a number; of 16 bits, but for the count of frames, which is text."""
        raw = self.told.get(name)
        if raw is None and default is not None:
            return default
        text = self.text(name)
        if name == "frames" and text.strip().isdigit() and len(text) < 13:
            return int(text)
        if name == "frames" or raw is None or len(raw) != 2:
            broken(PIXELS, f"the number of {name} is missing, or is none", record=name, seen=raw)
        return int(struct.unpack(self.order + "H", raw)[0])


def _name(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})" if tag >= 0 else "nothing"


class Dicom(ArrayCheck):
    """The preamble, the file's own elements, every element of the data set, and how many pixels there are."""

    name = "dicom"
    formats = frozenset({"dicom"})
    codes = (
        PREAMBLE,
        EXECUTABLE,
        META,
        SYNTAX,
        ORDER,
        KIND,
        LENGTH,
        ITEM,
        DEEP,
        IDENTITY,
        PIXELS,
        FRAGMENTS,
        PACKED,
        TRUNCATED,
        *VALUE_CODES,
    )
    truncated = TRUNCATED

    def read(self, file: Held, subject: Subject, found: Found) -> None:
        """Read it."""
        start = file.take(0, 132, "the preamble")
        if start[128:] != b"DICM":
            broken(PREAMBLE, "DICM does not stand behind 128 bytes", offset=128, seen=start[128:])
        if start[:2] == b"MZ" or start[:4] == b"\x7fELF" or start[:2] == b"#!":
            found.add(EXECUTABLE, "the preamble makes it a program as well", offset=0, seen=start[:4])
        meta = _Reader(file, found, subject.limits)
        place = _meta(meta)
        syntax = meta.text("syntax")
        if syntax == _DEFLATED:
            with tempfile.TemporaryFile(prefix="holotype-") as spooled:
                inner = _unpack(file, place, cast("BinaryIO", spooled), subject.limits)
                self._set(inner, 0, meta, syntax, subject, found)
        else:
            self._set(file, place, meta, syntax, subject, found)

    def _set(self, file: Held, place: int, meta: _Reader, syntax: str, subject: Subject, found: Found) -> None:
        if syntax not in (_IMPLICIT, _EXPLICIT, _DEFLATED, _BIG, _RLE) and not syntax.startswith(_PACKED):
            found.add(SYNTAX, "there is no such transfer syntax, or only of one maker", offset=132, seen=syntax)
        order = ">" if syntax == _BIG else "<"
        data = _Reader(file, found, subject.limits, order, syntax != _IMPLICIT)
        data.elements(place, file.size, 0, wanted=_WANTED)
        for name in ("class", "instance"):
            if data.told.get(name) is not None and data.text(name) != meta.text(name):
                found.add(
                    IDENTITY,
                    f"the data set is another {name} than the file says",
                    record=name,
                    seen=data.text(name),
                    expected=meta.text(name),
                )
        if data.pixels is not None:
            with telling(found, offset=data.pixels[0]):
                self._pixels(file, data, packed=syntax.startswith(_PACKED) or syntax == _RLE, subject=subject)

    def _pixels(self, file: Held, data: _Reader, *, packed: bool, subject: Subject) -> None:
        """Hold the length of the pixels against what is said of them."""
        assert data.pixels is not None
        place, length, kind = data.pixels
        allocated, stored = data.number("allocated"), data.number("stored")
        frames, samples = data.number("frames", 1), data.number("samples", 1)
        if allocated not in (1, 8, 16, 24, 32, 64) or not 1 <= stored <= allocated or data.number("high") != stored - 1:
            broken(
                PIXELS,
                "bits allocated, stored and high do not go together",
                record="(0028,0100)",
                seen=f"{allocated}, {stored}, {data.number('high')}",
            )
        if packed or length == _UNDEFINED:
            if not packed or length != _UNDEFINED:
                broken(FRAGMENTS, "only packed pixels are in fragments, and all of them are", record=_name(_PIXELS))
            if (len(data.fragments) - 1 < frames and frames > 1) or len(data.fragments) < 2:
                broken(
                    FRAGMENTS,
                    "there are fewer fragments than frames",
                    record=_name(_PIXELS),
                    seen=len(data.fragments) - 1,
                    expected=frames,
                )
            _offsets(data, file, frames)
            return
        values = data.number("rows") * data.number("columns") * frames * samples
        if data.text("colours").startswith("YBR_FULL_422"):
            values = values * 2 // 3
        expected = (values * allocated + 7) // 8
        if length != expected + expected % 2:
            broken(
                PIXELS,
                "there are not as many pixels as rows, columns, frames and samples say",
                record=_name(_PIXELS),
                seen=length,
                expected=expected + expected % 2,
            )
        if kind == "OB" and allocated > 8:
            data.found.add(
                PIXELS, "pixels of more than 8 bits are words", record=_name(_PIXELS), seen=kind, expected="OW"
            )
        if allocated in (8, 16, 32) and subject.cost is not Cost.HEADER:
            size = allocated // 8
            sort: Any = np.dtype(f"{data.order}{'i' if data.number('signed', 0) == 1 else 'u'}{size}")
            fields = Fields(sort, data.found, self.values)
            for block in sampled(file.blocks(place, expected, size=BLOCK), subject, data.found):
                fields.add(np.frombuffer(block, sort))
            fields.tell()


def _offsets(data: _Reader, file: Held, frames: int) -> None:
    """The table of offsets, where it is not empty, leads to a fragment for each frame."""
    place, length = data.fragments[0]
    if not length:
        return
    table = np.frombuffer(file.take(place, min(length, 4 * frames + 4)), "<u4", min(length, 4 * frames) // 4)
    first = data.fragments[1][0] - 8
    starts = {at - 8 - first for at, _ in data.fragments[1:]}
    if length != 4 * frames or not set(table.tolist()) <= starts:
        broken(
            FRAGMENTS,
            "the table of offsets does not lead to a fragment for each frame",
            offset=place,
            record=_name(_PIXELS),
            seen=length,
            expected=4 * frames,
        )


def _meta(meta: _Reader) -> int:
    """Read the file's own elements; where the data set begins."""
    file = meta.file
    tag, kind, length, value = meta.element(132, file.size)
    if (tag, kind, length) != (0x00020000, "UL", 4):
        broken(
            META,
            "the length of the file's own elements does not come first",
            offset=132,
            seen=_name(tag),
            expected="(0002,0000)",
        )
    size = int(file.numbers("<I", value, "the length")[0])
    end = value + 4 + size
    file.need(value + 4, size, "the file's own elements", offset=value)
    meta.elements(value + 4, end, 0, wanted=_META)
    for name in ("class", "instance", "syntax"):
        if not meta.text(name):
            meta.found.add(META, f"the file does not say its {name}", offset=132, record=name)
    if end + 2 <= file.size and file.numbers("<H", end)[0] == 2:
        meta.found.add(META, "its own elements go on beyond their length", offset=end, seen=size)
    return end


def _unpack(file: Held, place: int, spooled: BinaryIO, limits: Limits) -> Held:
    """A deflated data set, unpacked into a temporary file."""
    stream, taken = zlib.decompressobj(-15), 0
    try:
        for block in file.blocks(place, file.size - place):
            taken += len(block)
            while block and not stream.eof:
                spooled.write(stream.decompress(block, BLOCK))
                block = stream.unconsumed_tail
                given = spooled.tell()
                if given > limits.unpacked or (given > limits.unpacked_free and given > limits.ratio * taken):
                    broken(PACKING_BOMB, f"{taken:,} bytes have become more than {given:,}", offset=place)
        spooled.write(stream.flush())
    except zlib.error as error:
        broken(PACKED, f"the data set does not unpack: {error}", offset=place)
    if not stream.eof or stream.unused_data.strip(b"\0"):
        broken(PACKED, "what is packed does not end where it should", offset=place)
    return Held(spooled, spooled.tell(), file.short)


CHECKS = (Dicom,)
