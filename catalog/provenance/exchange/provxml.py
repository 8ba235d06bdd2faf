r"""PROV-XML, as the W3C Note of 30 April 2013 has it.

It is written and read here, not by ``prov``: that package keeps values as Python's own, and takes an activity of type
``prov:Person`` for an agent when it reads XML.  Nothing but Python's own parser is needed, which is made to refuse
whatever declares entities before any is expanded.

::

    <prov:document xmlns:prov="http://www.w3.org/ns/prov#" xmlns:ex="http://example.org/" …>
      <prov:entity prov:id="ex:figure"><ex:width xsi:type="xsd:int">640</ex:width></prov:entity>
      <prov:wasGeneratedBy><prov:entity prov:ref="ex:figure"/><prov:activity prov:ref="ex:plot"/></prov:wasGeneratedBy>
    </prov:document>

An attribute whose name is none in XML is written with its odd characters as ``_xHHHH_``, as ``prov`` does it.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

from ..model import ELEMENTS, PROV, TERMS, XSD, Name
from .prefixes import NCNAME, NCNAME_CHARACTERS, NCNAME_STARTS, Prefixes
from .times import time_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..model import Document, Record

__all__ = ["IMPLIED", "XSI", "unescaped", "write_xml"]

XSI = "http://www.w3.org/2001/XMLSchema-instance"
_SCHEMA = XSD.rstrip("#")
_STRING = XSD + "string"
# In this order the schema has them, before any others.
_FIRST = tuple(PROV + name for name in ("label", "location", "role", "type", "value"))
# Elements of PROV-XML that stand for a term with a certain type.
IMPLIED = {
    "plan": ("entity", "Plan"),
    "collection": ("entity", "Collection"),
    "emptyCollection": ("entity", "EmptyCollection"),
    "bundle": ("entity", "Bundle"),
    "person": ("agent", "Person"),
    "organization": ("agent", "Organization"),
    "softwareAgent": ("agent", "SoftwareAgent"),
    "wasRevisionOf": ("wasDerivedFrom", "Revision"),
    "wasQuotedFrom": ("wasDerivedFrom", "Quotation"),
    "hadPrimarySource": ("wasDerivedFrom", "PrimarySource"),
}
# What XML 1.0 has no way to write.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_IN_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_ATTRIBUTES = {**_IN_TEXT, **str.maketrans({'"': "&quot;", "\n": "&#10;", "\t": "&#9;"})}
_ESCAPE = re.compile(r"_x([0-9A-F]{8}|[0-9A-F]{4})_")
_START, _CHARACTER = re.compile(f"[{NCNAME_STARTS}]"), re.compile(f"[{NCNAME_CHARACTERS}]")


def write_xml(document: Document) -> str:
    """The document as PROV-XML; a character that XML has not becomes U+FFFD."""
    spaces = {name: space for bundle in document.bundles for name, space in bundle.prefixes.items()}
    # Names beginning so are XML's own.
    given = {name: space for name, space in {**spaces, **document.prefixes}.items() if name[:3].lower() != "xml"}
    # XML knows the datatypes' namespace without its last character.
    prefixes = Prefixes(
        {name: space for name, space in given.items() if space != _SCHEMA}, strict=True, spaces={"xsi": XSI}
    )
    body = list(_records(document.records, prefixes, " "))
    for bundle in document.bundles:
        body.append(f" <prov:bundleContent prov:id={_quoted(prefixes.short(bundle.id))}>")
        body += [*_records(bundle.records, prefixes, "  "), " </prov:bundleContent>"]
    spaces = {name: _SCHEMA if space == XSD else space for name, space in prefixes.declared.items()}
    declared = "".join(f"\n  xmlns:{prefix}={_quoted(space)}" for prefix, space in spaces.items())
    return "\n".join(
        ['<?xml version="1.0" encoding="UTF-8"?>', f"<prov:document{declared}>", *body, "</prov:document>", ""]
    )


def _records(records: Iterable[Record], prefixes: Prefixes, indent: str) -> Iterator[str]:
    for record in records:
        id = f" prov:id={_quoted(prefixes.short(record.id))}" if record.id is not None else ""
        parts = [*_arguments(record, prefixes), *_attributes(record, prefixes)]
        if not parts:
            yield f"{indent}<prov:{record.term}{id}/>"
            continue
        yield f"{indent}<prov:{record.term}{id}>"
        for part in parts:
            yield f"{indent} {part}"
        yield f"{indent}</prov:{record.term}>"


def _arguments(record: Record, prefixes: Prefixes) -> Iterator[str]:
    for argument, value in zip(TERMS[record.term].arguments, record.arguments, strict=True):
        if isinstance(value, datetime):
            yield f"<prov:{argument.name}>{time_text(value)}</prov:{argument.name}>"
        elif value is not None:
            yield f"<prov:{argument.name} prov:ref={_quoted(prefixes.short(value))}/>"


def _attributes(record: Record, prefixes: Prefixes) -> Iterator[str]:
    if record.term not in ELEMENTS and not TERMS[record.term].identified:
        return
    order = {name: place for place, name in enumerate(_FIRST)}
    for name, value in sorted(record.attributes, key=lambda pair: order.get(pair[0], len(order))):
        prefix, local = prefixes.split(name)
        tag = f"{prefix}:{_escaped(local)}"
        if isinstance(value, Name):
            yield f'<{tag} xsi:type="xsd:QName">{_text(prefixes.short(value.uri))}</{tag}>'
        elif value.language is not None:
            yield f"<{tag} xml:lang={_quoted(value.language)}>{_text(value.text)}</{tag}>"
        elif value.datatype == _STRING:
            yield f"<{tag}>{_text(value.text)}</{tag}>"
        else:
            kind = _quoted(prefixes.short(value.datatype))
            yield f"<{tag} xsi:type={kind}>{_text(value.text)}</{tag}>"


def _text(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text).translate(_IN_TEXT)


def _quoted(text: str) -> str:
    legal = _ILLEGAL.sub("\ufffd", text)
    return f'"{legal.translate(_IN_ATTRIBUTES)}"'


def _escaped(local: str) -> str:
    """A local name as a name of XML."""
    if NCNAME.fullmatch(local) and not _ESCAPE.search(local):
        return local
    out: list[str] = []
    for place, character in enumerate(local):
        plain = (_CHARACTER if place else _START).fullmatch(character) is not None
        if plain and not (character == "_" and _ESCAPE.match(local, place)):
            out.append(character)
        else:
            code = ord(character)
            out.append(f"_x{code:04X}_" if code <= 0xFFFF else f"_x{code:08X}_")
    # There is no element without a name.
    return "".join(out) or "_x_"


def unescaped(local: str) -> str:
    """The local name that a name of XML was made of."""
    if local == "_x_":
        return ""
    return _ESCAPE.sub(lambda match: chr(min(int(match[1], 16), 0x10FFFF)), local)
