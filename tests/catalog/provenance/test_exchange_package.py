"""The package prov reads what is written here, and what it writes is read here: the same is said."""

from __future__ import annotations

import warnings
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from holotype.catalog.provenance import from_prov, read_document, to_prov, write_document
from holotype.catalog.provenance.model import PROV, XSD, Bundle, Document, Literal, Name, Record

from ...effort import share
from .documents import EX, documents

if TYPE_CHECKING:
    from collections.abc import Iterator

model = pytest.importorskip("prov.model")
pytest.importorskip("lxml")
pytest.importorskip("rdflib")


@contextmanager
def their_warnings() -> Iterator[None]:
    """What prov and rdflib warn of is theirs: of their own deprecations, and of what later versions will refuse."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def said(document: Document) -> Counter[object]:
    return Counter(
        (bundle, record.term, record.id, record.arguments, frozenset(record.attributes)) for bundle, record in document
    )


def theirs(document: Document) -> Document:
    """The document with values as prov keeps them: numbers by their value, not by their digits."""
    with their_warnings():
        return from_prov(to_prov(document))


@given(document=documents())
@settings(max_examples=share(30), deadline=None)
def test_documents_of_the_package_come_back_as_they_were(document: Document) -> None:
    assert said(theirs(theirs(document))) == said(theirs(document))
    assert {(record.term, record.id, record.arguments) for _, record in theirs(document)} == {
        (record.term, record.id, record.arguments) for _, record in document
    }


@pytest.mark.parametrize("format", ["json", "xml"])
@given(document=documents())
@settings(max_examples=share(30), deadline=None)
def test_the_package_reads_what_is_written_here(format: str, document: Document) -> None:
    with their_warnings():
        read = model.ProvDocument.deserialize(content=write_document(document, format).text, format=format)
    assert said(from_prov(read)) == said(theirs(document))


def without_kinds(document: Document) -> Document:
    """The document without types of PROV's own: an agent that is a prov:Collection the package writes as an entity."""

    def plain(records: tuple[Record, ...]) -> tuple[Record, ...]:
        kinds = (PROV + "type", Name(PROV + "Collection"))
        return tuple(
            replace(each, attributes=tuple(pair for pair in each.attributes if pair != kinds)) for each in records
        )

    return Document(plain(document.records), tuple(Bundle(each.id, plain(each.records)) for each in document.bundles))


@pytest.mark.parametrize("format", ["json", "xml"])
@given(document=documents().map(without_kinds))
@settings(max_examples=share(30), deadline=None)
def test_what_the_package_writes_is_read_here(format: str, document: Document) -> None:
    with their_warnings():
        text = to_prov(document).serialize(format=format)
    read = read_document(text.encode(), format=format)
    assert said(theirs(read)) == said(theirs(document))
    assert not read.notes


NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
FIGURE, DATA, PLOT, ANA = EX + "figure", EX + "data", EX + "plot", EX + "ana"
LABEL = (PROV + "label", Literal("Bild", language="de"))
WORK = Document(
    (
        Record(
            "entity",
            FIGURE,
            (),
            ((PROV + "label", Literal("Bild", language="de")), (EX + "width", Literal("640", XSD + "int"))),
        ),
        Record("entity", DATA, (), ((PROV + "type", Name(EX + "Table")),)),
        Record("activity", PLOT, (NOON, None)),
        Record("agent", ANA, (), ((PROV + "type", Name(PROV + "Person")),)),
        Record("wasGeneratedBy", None, (FIGURE, PLOT, NOON), ((PROV + "role", Literal("output")),)),
        Record("used", EX + "use", (PLOT, DATA, NOON)),
        Record("wasDerivedFrom", None, (FIGURE, DATA, PLOT, None, EX + "use")),
        Record("wasAssociatedWith", None, (PLOT, ANA, EX + "recipe"), ((PROV + "role", Literal("author")),)),
        Record("wasAttributedTo", None, (FIGURE, ANA)),
        Record("actedOnBehalfOf", None, (EX + "program", ANA, PLOT)),
        Record("wasInformedBy", None, (PLOT, EX + "measure")),
        Record("specializationOf", None, (FIGURE, EX + "picture")),
        Record("hadMember", None, (EX + "all", DATA)),
    ),
    (Bundle(EX + "bundle", (Record("entity", FIGURE), Record("wasAttributedTo", None, (FIGURE, ANA)))),),
    {"ex": EX},
)


@pytest.mark.parametrize("format", ["trig", "jsonld"])
def test_prov_o_of_the_package_is_read_here(format: str) -> None:
    with their_warnings():
        text = to_prov(WORK).serialize(format="rdf", rdf_format="json-ld" if format == "jsonld" else format)
    assert said(theirs(read_document(text.encode(), format=format))) == said(theirs(WORK))


@pytest.mark.parametrize("format", ["trig", "jsonld"])
def test_the_package_reads_prov_o_that_is_written_here(format: str) -> None:
    written = write_document(WORK, format)
    assert not written.lost
    with their_warnings():
        rdf = "json-ld" if format == "jsonld" else format
        read = from_prov(model.ProvDocument.deserialize(content=written.text, format="rdf", rdf_format=rdf))
    # Beside a relation's node stands its shortcut, which the package takes for a relation by itself.
    assert not said(theirs(WORK)) - said(read)
    shortcuts = Document(tuple(Record(each.term, None, each.arguments[:2]) for each in WORK.records), WORK.bundles)
    assert not said(read) - said(theirs(WORK)) - said(shortcuts)


def test_prov_jsonld_is_read_here() -> None:
    with their_warnings():
        text = to_prov(WORK).serialize(format="jsonld")
    assert said(theirs(read_document(text.encode()))) == said(theirs(WORK))
