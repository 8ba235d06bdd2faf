"""The ninth column of GFF3: attributes, and how what has a meaning in them is spelled otherwise."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from ..findings import Code, Severity

if TYPE_CHECKING:
    from ..found import Found

__all__ = ["ATTRIBUTE_CODES", "KNOWN", "SHAPES", "TAGS", "Attributes", "Read"]

_SOURCE = "GFF3 1.26"

ATTRIBUTES = Code("gff3.attributes", Severity.ERROR, "Attributes are tag=value, with semicolons between.", _SOURCE)
TWICE = Code("gff3.attribute.twice", Severity.ERROR, "A feature has each attribute once.", _SOURCE)
VALUE = Code("gff3.attribute.value", Severity.ERROR, "What the format gives a meaning is spelled as it says.", _SOURCE)
EMPTY = Code("gff3.attribute.empty", Severity.WARNING, "An attribute has a value.", _SOURCE)
RESERVED = Code(
    "gff3.attribute.reserved", Severity.WARNING, "Tags that begin with a capital are those of the format.", _SOURCE
)
ESCAPING = Code(
    "gff3.escaping", Severity.WARNING, "In values =, &, and % are spelled %3D, %26 and %25, and % so is followed by "
    "two digits.", _SOURCE,
)  # fmt: skip

ATTRIBUTE_CODES = (ATTRIBUTES, TWICE, VALUE, EMPTY, RESERVED, ESCAPING)
"""The rules of attributes."""

KNOWN = frozenset(b"ID Name Alias Parent Target Gap Derives_from Note Dbxref Ontology_term Is_circular".split())
"""The tags that the format has."""

_POINTING = frozenset({b"ID", b"Parent", b"Derives_from"})
_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_TARGET = re.compile(rb"[^\s]+ [1-9]\d* [1-9]\d*(?: [+-])?")
_GAP = re.compile(rb"[MIDFR]\d+(?: [MIDFR]\d+)*")
SHAPES = {
    b"Target": (_TARGET, "as EST23 1 21, and + or - after it"),
    b"Gap": (_GAP, "as M8 D3 M6"),
    b"Is_circular": (re.compile(rb"true"), "true"),
    b"Dbxref": (re.compile(rb"[^:,]+:[^,]+(?:,[^:,]+:[^,]+)*"), "as EMBL:AA816246"),
    b"Ontology_term": (re.compile(rb"[^:,]+:[^,]+(?:,[^:,]+:[^,]+)*"), "as GO:0046703"),
}
"""What the values of some look like."""

TAGS = 10_000
"""So many tags are remembered, of which each is told once."""


@dataclass(frozen=True, slots=True)
class Read:
    """What of a feature's attributes others need: its ID, those of its parents and of what it derives from."""

    id: bytes | None
    parents: tuple[bytes, ...]
    derives: tuple[bytes, ...]
    circular: bool


_NOTHING = Read(None, (), (), circular=False)


class Attributes:
    """Reads attributes, and tells what is wrong with them."""

    def __init__(self) -> None:
        self.told: set[bytes] = set()
        """Tags that the format does not have, of which it has been told."""
        self._harmless: set[bytes] = set(KNOWN - SHAPES.keys())

    def read(self, text: bytes, line: int, found: Found) -> Read | None:
        """The attributes of a feature, ``None`` where they cannot be read."""
        if text in (b".", b""):
            return _NOTHING
        plain = self._plainly(text)
        if plain is not None:
            return _read(plain)
        if b"%" in text and _ESCAPE.search(text):
            found.add(ESCAPING, "two hexadecimal digits follow %", line=line, column="attributes", seen=text)
        values: dict[bytes, bytes] = {}
        for part in text.split(b";"):
            tag, equals, value = part.partition(b"=")
            if not equals or not tag.strip():
                if part.strip():
                    what = "it is no tag=value"
                    found.add(ATTRIBUTES, what, line=line, column="attributes", seen=part, expected="tag=value")
                    return None
                continue
            tag = tag.strip()
            if not value.strip():
                code = VALUE if tag in _POINTING else EMPTY
                found.add(code, "it has no value", line=line, column="attributes", seen=part)
            if b"=" in value:
                found.add(ESCAPING, "= stands in a value", line=line, column="attributes", seen=part, expected="%3D")
            if tag in values:
                found.add(TWICE, "it is there twice", line=line, column="attributes", seen=part)
            values[tag] = value
            if 65 <= tag[0] <= 90:
                self._capital(tag, value, line, found)
        return _read(values)

    def _plainly(self, text: bytes) -> dict[bytes, bytes] | None:
        """Attributes in which nothing is odd, which are most; ``None`` where something may be."""
        parts = text.removesuffix(b";").split(b";")
        try:
            values: dict[bytes, bytes] = dict([part.split(b"=") for part in parts])
        except ValueError:  # more than one =, or none
            return None
        if len(values) < len(parts) or not all(values.values()) or b"%" in text:
            return None
        if not values.keys() <= self._harmless:
            unknown = values.keys() - self._harmless
            if any(not b"a" <= tag[:1] <= b"z" or tag != tag.strip() for tag in unknown):
                return None
            if len(self._harmless) < TAGS:
                self._harmless |= unknown
        return values

    def _capital(self, tag: bytes, value: bytes, line: int, found: Found) -> None:
        shape = SHAPES.get(tag)
        if shape is not None and not shape[0].fullmatch(value):
            what = f"{tag.decode()} is spelled otherwise"
            found.add(VALUE, what, line=line, column="attributes", seen=value, expected=shape[1])
        elif shape is None and tag not in KNOWN and tag not in self.told and len(self.told) < TAGS:
            self.told.add(tag)
            what = "the format has no such tag, and keeps those that begin with a capital for itself"
            found.add(RESERVED, what, line=line, column="attributes", seen=tag)


def _read(values: dict[bytes, bytes]) -> Read:
    named, parents, derives = values.get(b"ID"), values.get(b"Parent"), values.get(b"Derives_from")
    circular = b"Is_circular" in values
    if not (named or parents or derives or circular):
        return _NOTHING
    return Read(_plain(named) if named else None, _several(parents), _several(derives), circular)


def _several(value: bytes | None) -> tuple[bytes, ...]:
    return tuple([_plain(each) for each in value.split(b",") if each]) if value else ()


def _plain(value: bytes) -> bytes:
    return unquote_to_bytes(value) if b"%" in value else value
