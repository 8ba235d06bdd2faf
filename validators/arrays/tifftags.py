"""The tags of TIFF that a reader needs, and how values are laid out."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KINDS", "KNOWN", "Layout"]

# Types: the letter that ``struct`` has, none for text and for bytes of any kind; and bytes of a value.
KINDS: Mapping[int, tuple[str, int]] = MappingProxyType(
    {
        1: ("B", 1),
        2: ("", 1),
        3: ("H", 2),
        4: ("I", 4),
        5: ("I", 8),
        6: ("b", 1),
        7: ("", 1),
        8: ("h", 2),
        9: ("i", 4),
        10: ("i", 8),
        11: ("f", 4),
        12: ("d", 8),
        13: ("I", 4),
        16: ("Q", 8),
        17: ("q", 8),
        18: ("Q", 8),
    }
)
"""TIFF 6.0, section 2, and the types of BigTIFF."""

# Tag: name, the types it may have, and whether it has one value.
_WHOLE, _PLACE = (3, 4, 16), (3, 4, 13, 16, 18)
_TAGS = {
    254: ("NewSubfileType", (3, 4), True),
    256: ("ImageWidth", _WHOLE, True),
    257: ("ImageLength", _WHOLE, True),
    258: ("BitsPerSample", (3,), False),
    259: ("Compression", (3,), True),
    262: ("PhotometricInterpretation", (3,), True),
    270: ("ImageDescription", (1, 2, 7), False),
    273: ("StripOffsets", _PLACE, False),
    277: ("SamplesPerPixel", (3,), True),
    278: ("RowsPerStrip", _WHOLE, True),
    279: ("StripByteCounts", _WHOLE, False),
    284: ("PlanarConfiguration", (3,), True),
    317: ("Predictor", (3,), True),
    322: ("TileWidth", _WHOLE, True),
    323: ("TileLength", _WHOLE, True),
    324: ("TileOffsets", _PLACE, False),
    325: ("TileByteCounts", _WHOLE, False),
    330: ("SubIFDs", (4, 13, 16, 18), False),
    339: ("SampleFormat", (3,), False),
}
KNOWN: Mapping[int, str] = MappingProxyType({tag: name for tag, (name, _, _) in _TAGS.items()})
"""Tags whose values are needed, with their names."""


@dataclass(frozen=True)
class Layout:
    """``order``: of bytes.  ``big``: whether it is BigTIFF.  ``word``: a place's letter in ``struct``, of ``size``
    bytes.  ``entry``: bytes of a tag in a directory.  ``header``: bytes before anything else can lie.
    """

    order: str
    big: bool
    word: str
    size: int
    entry: int
    header: int

    @classmethod
    def of(cls, mark: bytes) -> Layout | None:
        """The layout that the first four bytes tell."""
        order = {b"II": "<", b"MM": ">"}.get(mark[:2])
        version = None if order is None else int.from_bytes(mark[2:4], "little" if order == "<" else "big")
        if order is None or version not in (42, 43):
            return None
        return cls(order, True, "Q", 8, 20, 16) if version == 43 else cls(order, False, "I", 4, 12, 8)

    def allows(self, tag: int, kind: int, many: int) -> bool:
        """Whether a known tag may have so many values of a type."""
        _, kinds, alone = _TAGS[tag]
        return kind in kinds and (many == 1 if alone else many >= 1)
