"""Documents of provenance in and out: PROV-N, PROV-JSON, PROV-XML, and PROV-O as Turtle, TriG, N-Triples and JSON-LD.

==========  ============================  ==================================================================
format      ending                        what it cannot hold
==========  ============================  ==================================================================
provn       .provn                        identifiers that no IRI can be
json        .json                         nothing that PROV says
xml         .xml, .provx                  characters that XML has not
turtle      .ttl                          as RDF; with bundles it is TriG
trig        .trig                         that a thing was said twice, which of an entity that is an agent as
                                          well has an attribute, bundles that say nothing
nt          .nt                           as RDF, and bundles
jsonld      .jsonld                       as RDF
==========  ============================  ==================================================================
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import DocumentUnreadable, InvalidOption
from ..provn import read_provn, write_provn
from .package import PROVJSONLD, read_provjsonld
from .provjson import read_json, write_json
from .provo import statements
from .provoreading import document_of
from .provxml import write_xml
from .rdfparsing import parse_rdf
from .rdftext import write_jsonld, write_ntriples, write_turtle
from .reading import LARGEST, Reading, load
from .results import Written, losses
from .xmlreading import read_xml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from os import PathLike

    from ..model import Document

__all__ = ["FORMATS", "read_document", "write_document"]

_RDF = {"turtle": "turtle", "trig": "trig", "nt": "nt", "jsonld": "json-ld"}
FORMATS = ("provn", "json", "xml", *_RDF)
_ENDINGS: Mapping[str, str] = {
    ".provn": "provn",
    ".json": "json",
    ".provjson": "json",
    ".xml": "xml",
    ".provx": "xml",
    ".ttl": "turtle",
    ".turtle": "turtle",
    ".trig": "trig",
    ".nt": "nt",
    ".jsonld": "jsonld",
}


def read_document(
    source: str | PathLike[str] | bytes, *, format: str | None = None, largest: int = LARGEST
) -> Document:
    """The document in a file, or in ``bytes``; ``format`` is found by the file's ending, or by its beginning.

    What the document says that PROV has no place for is kept as attributes where that can be, and otherwise named in
    the document's ``notes``.  Nothing is ever fetched.  ``largest``: bytes that it may have.

    Raises ``SourceNotFound``, ``DocumentUnreadable``, ``InvalidOption`` for an unknown format, and ``ExtraMissing``
    where RDF is to be read without rdflib.
    """
    data, name = load(source, largest=largest)
    if format is None:
        ending = "" if isinstance(source, bytes) else Path(source).suffix.lower()
        format = _ENDINGS.get(ending) or _guessed(data)
        if format == "json" and b'"@context"' in data:
            format = "jsonld"
    if format is None:
        raise DocumentUnreadable(f"{name} begins like no format of PROV; say which it is with format=", source=name)
    if format == "jsonld" and PROVJSONLD in data:
        return read_provjsonld(data, name)
    if format in _RDF:
        reading = Reading(data, name)
        said, prefixes = parse_rdf(data, _RDF[format], reading)
        return document_of(said, reading, prefixes)
    return _READERS[_known(format)](data, name)


def write_document(document: Document, format: str) -> Written:
    """The document as text in a format, and what of it the format could not hold.

    Turtle with bundles is TriG, and ``Written.format`` says so.  Raises ``InvalidOption`` for an unknown format.
    """
    if _known(format) in _WRITERS:
        text = _WRITERS[format](document)
        return Written(text, losses(document, _READERS[format](text.encode(), "the text")), format)
    said = statements(document)
    graphs = {graph for graph, *_ in said} - {None}
    match format:
        case "nt":
            said = [each for each in said if each[0] is None]
            text = write_ntriples(said)
        case "jsonld":
            text = write_jsonld(said, document.prefixes)
        case _:
            text = write_turtle(said, document.prefixes)
            format = "trig" if graphs else format
    # Read again from the statements: rdflib, which reads them from text, need not be there to write.
    return Written(text, losses(document, document_of(said, Reading(text.encode(), "the text"), {})), format)


def _read_provn(data: bytes, name: str) -> Document:
    try:
        return read_provn(data.decode(), source=name)
    except UnicodeDecodeError as error:
        raise DocumentUnreadable(f"{name} is no UTF-8: {error}", source=name) from error


_READERS: Mapping[str, Callable[[bytes, str], Document]] = {"provn": _read_provn, "json": read_json, "xml": read_xml}
_WRITERS: Mapping[str, Callable[[Document], str]] = {"provn": write_provn, "json": write_json, "xml": write_xml}


def _known(format: str) -> str:
    if format not in FORMATS:
        raise InvalidOption(f"there is no format {format!r}; there are {', '.join(FORMATS)}", format=format)
    return format


# Comments of Turtle and of PROV-N, which a document may begin with.
_COMMENTS = re.compile(rb"(?:\xef\xbb\xbf|\s|//[^\n]*|#[^\n]*|/\*.*?\*/)*", re.DOTALL)
_TURTLE = (b"@prefix", b"@base", b"PREFIX", b"prefix", b"BASE", b"base", b"_:", b"GRAPH", b"graph")
# XML in UTF-16 begins so.
_XML = (b"<?xml", b"<!", b"<prov:", b"\xff\xfe", b"\xfe\xff")


def _guessed(data: bytes) -> str | None:
    """The format of a document by what it begins with."""
    start = data[: 1 << 16]
    start = _COMMENTS.sub(b"", start, count=1)
    if start.startswith(b"document"):
        return "provn"
    if start.startswith((b"{", b"[")):
        return "jsonld" if start.startswith(b"[") or b'"@graph"' in data else "json"
    if start.startswith(_XML) or (start.startswith(b"<") and b"xmlns" in start.partition(b">")[0]):
        return "xml"
    # What is a name in angle brackets, or a short one, begins a statement.
    return "trig" if start.startswith((b"<", *_TURTLE)) else None
