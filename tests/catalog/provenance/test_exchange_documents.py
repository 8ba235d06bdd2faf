"""Documents go out in every format and come back: whole, or without exactly what was said to be lost."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.catalog import DocumentUnreadable, ExtraMissing, InvalidOption, SourceNotFound
from holotype.catalog.provenance import FORMATS, Root, read_document, to_prov, write_crate, write_document
from holotype.catalog.provenance.model import (
    ELEMENTS,
    PROV,
    TERMS,
    XSD,
    Bundle,
    Document,
    Literal,
    Name,
    Record,
)

from ...effort import share
from .documents import EX, PLAIN, TRICKY, documents

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.catalog.provenance import Written

WHOLE = ("provn", "json", "xml")
RDF = ("turtle", "trig", "nt", "jsonld")
Told = Counter[tuple[str | None, Record]]


def told(document: Document) -> Told:
    """What a document says, however often and in whichever order."""
    return Counter(one(bundle, record) for bundle, record in document)


def one(bundle: str | None, record: Record) -> tuple[str | None, Record]:
    attributes = tuple(sorted(record.attributes, key=repr))
    return bundle, Record(record.term, record.id, record.arguments, attributes)


def expected(document: Document, written: Written) -> Told:
    """What must come back: all but what was lost, and what was said to be left of that."""
    lost = Counter(one(loss.bundle, loss.record) for loss in written.lost if loss.record is not None)
    left = Counter(one(loss.bundle, record) for loss in written.lost for record in loss.left)
    assert not lost - told(document)
    return told(document) - lost + left


def back(written: Written) -> Document:
    if written.format in RDF:
        pytest.importorskip("rdflib")
    return read_document(written.text.encode(), format=written.format)


@pytest.mark.parametrize("format", FORMATS)
@given(document=st.one_of(documents(), documents(TRICKY)))
@settings(max_examples=share(20), deadline=None)
def test_what_comes_back_is_what_was_written_without_exactly_what_was_said_to_be_lost(
    format: str, document: Document
) -> None:
    written = write_document(document, format)
    assert told(back(written)) == expected(document, written)
    assert all(loss.what for loss in written.lost)


@pytest.mark.parametrize("format", WHOLE)
@given(document=documents(TRICKY))
@settings(max_examples=share(20), deadline=None)
def test_notations_of_prov_lose_nothing(format: str, document: Document) -> None:
    written = write_document(document, format)
    assert not [loss for loss in written.lost if loss.record is not None]
    read = back(written)
    assert told(read) == told(document)
    assert {bundle.id for bundle in read.bundles} >= {bundle.id for bundle in document.bundles if bundle.records}
    assert not read.notes


def distinct(document: Document) -> Document:
    """A document in which everything is said once, and every identifier is of one thing."""
    records: dict[object, Record] = {}
    mentioned: set[object] = set()
    for record in document.records:
        if record.term == "mentionOf" and record.arguments[0] in mentioned:
            continue
        mentioned.add(record.arguments[0] if record.term == "mentionOf" else None)
        free = record.term not in ELEMENTS and not TERMS[record.term].identified
        records.setdefault(record.id or ((record.term, record.arguments) if free else object()), record)
    return Document(tuple(records.values()))


@pytest.mark.parametrize("format", RDF)
@given(document=documents(PLAIN, bundles=False).map(distinct))
@settings(max_examples=share(20), deadline=None)
def test_rdf_loses_nothing_where_everything_is_said_once(format: str, document: Document) -> None:
    written = write_document(document, format)
    assert not written.lost
    read = back(written)
    assert told(read) == told(document)
    assert not read.notes


FIGURE, PLOT, ANA = EX + "figure", EX + "plot", EX + "ana"
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def test_rdf_says_that_two_statements_became_one() -> None:
    first = Record("entity", FIGURE, (), ((EX + "width", Literal("640", XSD + "int")),))
    second = Record("entity", FIGURE, (), ((EX + "height", Literal("480", XSD + "int")),))
    written = write_document(Document((first, second)), "turtle")
    assert {loss.record for loss in written.lost} == {first, second}
    (whole,) = back(written).records
    assert set(whole.attributes) == {*first.attributes, *second.attributes}
    assert [record for loss in written.lost for record in loss.left] == [whole]


def test_n_triples_say_that_bundles_are_lost() -> None:
    inside = Record("entity", FIGURE)
    written = write_document(Document((), (Bundle(EX + "bundle", (inside,)),)), "nt")
    assert [(loss.record, loss.bundle, loss.left) for loss in written.lost] == [(inside, EX + "bundle", ())]


def test_rdf_says_that_an_empty_bundle_is_lost() -> None:
    (loss,) = write_document(Document((), (Bundle(EX + "bundle", ()),)), "trig").lost
    assert (loss.record, loss.bundle) == (None, EX + "bundle")


def test_xml_says_which_characters_it_has_not() -> None:
    record = Record("entity", FIGURE, (), ((EX + "note", Literal("a\x00b")),))
    (loss,) = write_document(Document((record,)), "xml").lost
    assert loss.record == record
    assert loss.left[0].values(EX + "note") == (Literal("a\ufffdb"),)


def test_turtle_with_bundles_is_trig_and_says_so() -> None:
    bundle = Bundle(EX + "bundle", (Record("entity", FIGURE),))
    written = write_document(Document((), (bundle,)), "turtle")
    assert written.format == "trig"
    assert back(written).bundles == (bundle,)
    assert write_document(Document(bundle.records), "turtle").format == "turtle"


VALUES = (
    Literal("01", XSD + "int"),
    Literal("1.23456789012345678", XSD + "double"),
    Literal("1.50", XSD + "decimal"),
    Literal("2024-05-01T10:00:00.250Z", XSD + "dateTime"),
    Literal("Bild", language="de-CH"),
    Literal("Bild", EX + "kind"),
    Literal(' "quoted"\r\n\ttab \\ back'),
    Literal("1"),
    Name(EX + "1a"),
    Name(EX),
    Literal(EX, XSD + "anyURI"),
)


@pytest.mark.parametrize("format", FORMATS)
def test_values_are_what_they_were_to_the_last_digit(format: str) -> None:
    record = Record("entity", FIGURE, (), tuple((EX + "value", value) for value in VALUES))
    written = write_document(Document((record,)), format)
    assert not written.lost
    assert set(back(written).records[0].values(EX + "value")) == set(VALUES)


@pytest.mark.parametrize("format", FORMATS)
def test_prefixes_of_the_document_are_used(format: str) -> None:
    document = Document((Record("entity", FIGURE, (), ((EX + "width", Literal("1")),)),), prefixes={"pic": EX})
    text = write_document(document, format).text
    assert ("pic:" in text) == (format != "nt")


@pytest.mark.parametrize("format", ["turtle", "nt"])
def test_a_relation_with_more_to_say_is_also_one_plain_statement(format: str) -> None:
    rdflib = pytest.importorskip("rdflib")
    document = Document((Record("wasGeneratedBy", None, (FIGURE, PLOT, NOON)),))
    graph = rdflib.Graph().parse(data=write_document(document, format).text, format=format)
    assert tuple(map(rdflib.URIRef, (FIGURE, PROV + "wasGeneratedBy", PLOT))) in graph


ENDINGS = {
    "provn": ".provn",
    "json": ".json",
    "xml": ".xml",
    "turtle": ".ttl",
    "trig": ".trig",
    "nt": ".nt",
    "jsonld": ".jsonld",
}


@pytest.mark.parametrize("format", FORMATS)
def test_the_format_is_found_by_the_ending_or_by_the_beginning(format: str, tmp_path: Path) -> None:
    if format in RDF:
        pytest.importorskip("rdflib")
    document = Document((Record("entity", FIGURE), Record("wasGeneratedBy", None, (FIGURE, PLOT, NOON))))
    text = write_document(document, format).text
    named, unnamed = tmp_path / f"document{ENDINGS[format]}", tmp_path / "document"
    for path in (named, unnamed):
        path.write_text(text, "utf-8")
        assert told(read_document(path)) == told(document)
    assert told(read_document(str(named))) == told(document)
    assert told(read_document(b"\xef\xbb\xbf" + text.encode())) == told(document)


def test_a_document_that_begins_like_nothing_known_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("Monday: slept late")
    with pytest.raises(DocumentUnreadable, match="notes"):
        read_document(path)


def test_a_missing_document_and_an_unknown_format_are_errors_of_the_call(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound):
        read_document(tmp_path / "absent.json")
    with pytest.raises(InvalidOption, match="provn, json"):
        read_document(b"{}", format="yaml")
    with pytest.raises(InvalidOption, match="provn, json"):
        write_document(Document(), "yaml")


def test_rdf_is_written_without_rdflib_and_read_only_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rdflib", None)
    text = write_document(Document((Record("entity", FIGURE),)), "turtle").text
    with pytest.raises(ExtraMissing, match=r"holotype\[provenance\]"):
        read_document(text.encode(), format="turtle")


def test_crates_and_documents_of_the_package_say_what_they_need(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for module in ("prov", "prov.model", "rocrate", "rocrate.rocrate"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ExtraMissing, match=r"holotype\[provenance\]"):
        to_prov(Document())
    with pytest.raises(ExtraMissing, match=r"holotype\[provenance\]"):
        write_crate(Document(), tmp_path / "crate", root=Root("a", "b", "c"))
    assert not (tmp_path / "crate").exists()
