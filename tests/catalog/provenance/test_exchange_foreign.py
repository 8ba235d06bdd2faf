"""Documents that others wrote: all that PROV has a place for is there, and what it has none for is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog.provenance import read_document
from holotype.catalog.provenance.model import PROV, XSD, Document, Literal, Name, Record

if TYPE_CHECKING:
    from collections.abc import Iterable

EX = "http://example.org/"
FIGURE, DATA, PLOT, ANA = EX + "figure", EX + "data", EX + "plot", EX + "ana"
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
TURTLE = f"@prefix prov: <{PROV}> . @prefix ex: <{EX}> . @prefix xsd: <{XSD}> . "


def turtle(text: str) -> Document:
    pytest.importorskip("rdflib")
    return read_document((TURTLE + text).encode(), format="turtle")


def the(document: Document, term: str) -> list[Record]:
    return [record for record in document.records if record.term == term]


def only(records: Iterable[Record]) -> Record:
    (record,) = records
    return record


def provjson(**sections: Any) -> Document:
    return read_document(json.dumps({"prefix": {"ex": EX}, **sections}).encode(), format="json")


# PROV-O


def test_a_shortcut_beside_a_node_is_one_relation() -> None:
    document = turtle(
        "ex:figure prov:wasGeneratedBy ex:plot ; prov:qualifiedGeneration ex:g ."
        'ex:g a prov:Generation ; prov:activity ex:plot ; prov:atTime "2024-05-01T12:00:00Z"^^xsd:dateTime .'
    )
    assert document.records == (Record("wasGeneratedBy", EX + "g", (FIGURE, PLOT, NOON)),)


def test_inverses_and_kinds_of_relations_are_the_relations_they_stand_for() -> None:
    document = turtle(
        "ex:plot prov:generated ex:figure ; prov:invalidated ex:data . ex:figure prov:wasRevisionOf ex:data ."
        "ex:figure prov:wasDerivedFrom ex:data . ex:ana prov:influenced ex:plot ."
        "ex:figure prov:qualifiedQuotation [ a prov:Quotation ; prov:entity ex:book ] ."
    )
    assert set(document.records) == {
        Record("wasGeneratedBy", None, (FIGURE, PLOT)),
        Record("wasInvalidatedBy", None, (DATA, PLOT)),
        Record("wasInfluencedBy", None, (PLOT, ANA)),
        Record("wasDerivedFrom", None, (FIGURE, DATA), ((PROV + "type", Name(PROV + "Revision")),)),
        Record("wasDerivedFrom", None, (FIGURE, EX + "book"), ((PROV + "type", Name(PROV + "Quotation")),)),
    }


def test_the_moment_of_an_entity_is_that_of_its_generation() -> None:
    when = 'prov:generatedAtTime "2024-05-01T12:00:00Z"^^xsd:dateTime'
    assert turtle(f"ex:figure {when} .").records == (Record("wasGeneratedBy", None, (FIGURE, None, NOON)),)
    both = turtle(f"ex:figure {when} ; prov:wasGeneratedBy ex:plot .")
    assert both.records == (Record("wasGeneratedBy", None, (FIGURE, PLOT, NOON)),)


def test_an_influence_by_an_entity_says_so_with_its_own_property() -> None:
    document = turtle("ex:plot prov:qualifiedInfluence [ a prov:EntityInfluence ; prov:entity ex:data ] .")
    assert document.records == (Record("wasInfluencedBy", None, (PLOT, DATA)),)


def test_kinds_of_agents_and_entities_are_agents_and_entities() -> None:
    document = turtle(
        "ex:ana a prov:Person . ex:data a prov:Collection, ex:Table . ex:plot prov:startedAtTime 'early' ."
    )
    assert only(the(document, "agent")) == Record("agent", ANA, (), ((PROV + "type", Name(PROV + "Person")),))
    assert set(only(the(document, "entity")).values(PROV + "type")) == {Name(PROV + "Collection"), Name(EX + "Table")}


def test_what_nobody_declares_is_what_it_is_used_as() -> None:
    document = turtle('ex:figure prov:wasGeneratedBy ex:plot ; ex:width 640 . ex:plot ex:tool "R" .')
    assert only(the(document, "entity")).values(EX + "width") == (Literal("640", XSD + "integer"),)
    assert only(the(document, "activity")).values(EX + "tool") == (Literal("R"),)


def test_what_is_nothing_in_prov_is_named() -> None:
    document = turtle('ex:data a prov:Entity ; ex:at [ ex:street "Main" ] . ex:city ex:name "Bern" .')
    (at,) = only(document.records).values(EX + "at")
    assert isinstance(at, Name)
    assert any(EX + "city" in note and EX + "name" in note for note in document.notes)
    assert any(at.uri in note and EX + "street" in note for note in document.notes)


def test_things_without_a_name_are_named_after_their_document() -> None:
    one = turtle("[] a prov:Entity ; ex:width 1 .").records[0].id
    other = turtle("[] a prov:Entity ; ex:width 2 .").records[0].id
    assert one
    assert other
    assert one != other
    assert turtle("[] a prov:Entity ; ex:width 1 .").records[0].id == one


def test_a_node_that_a_derivation_speaks_of_keeps_a_name() -> None:
    document = turtle(
        "ex:figure prov:qualifiedGeneration _:g ;"
        " prov:qualifiedDerivation [ prov:entity ex:data ; prov:hadGeneration _:g ] ."
        "_:g a prov:Generation ; prov:activity ex:plot ."
    )
    generation = only(the(document, "wasGeneratedBy"))
    assert generation.id
    assert only(the(document, "wasDerivedFrom"))["generation"] == generation.id


def test_a_relative_name_says_nothing_of_where_the_file_lies() -> None:
    (record,) = turtle("<#figure> a prov:Entity .").records
    assert record.id is not None
    assert record.id.startswith("urn:holotype:document:")
    assert record.id.endswith(":#figure")


def test_graphs_are_bundles() -> None:
    pytest.importorskip("rdflib")
    document = read_document(
        f"{TURTLE} ex:b {{ ex:figure a prov:Entity }} ex:b a prov:Bundle .".encode(), format="trig"
    )
    assert [(bundle.id, bundle.records) for bundle in document.bundles] == [(EX + "b", (Record("entity", FIGURE),))]
    assert document.records == (Record("entity", EX + "b", (), ((PROV + "type", Name(PROV + "Bundle")),)),)


def test_json_ld_with_its_context_within_is_read_as_it_says() -> None:
    pytest.importorskip("rdflib")
    context = {
        "prov": PROV,
        "id": "@id",
        "type": "@type",
        "madeBy": {"@id": "prov:wasGeneratedBy", "@type": "@id"},
        "began": {"@id": "prov:startedAtTime", "@type": XSD + "dateTime"},
        "made": {"@reverse": "prov:used", "@type": "@id"},
    }
    said = {"id": FIGURE, "type": "prov:Entity", "madeBy": {"id": PLOT, "began": "2024-05-01T12:00:00Z"}, "made": ANA}
    document = read_document(json.dumps({"@context": context, **said}).encode(), format="jsonld")
    assert set(document.records) == {
        Record("entity", FIGURE),
        Record("activity", PLOT, (NOON,)),
        Record("wasGeneratedBy", None, (FIGURE, PLOT)),
        Record("used", None, (ANA, FIGURE)),
    }


# PROV-JSON


def test_json_values_keep_their_kind_and_their_digits() -> None:
    text = (
        '{"prefix": {"ex": "http://example.org/"}, "entity": {"ex:figure": {'
        '"ex:a": [1, 3000000000, 12345678901234567890123], "ex:b": 1.50, "ex:c": true,'
        '"ex:d": {"$": 5, "type": "xsd:byte"}, "ex:e": {"$": "ex:T", "type": "xsd:QName"}}}}'
    )
    (record,) = read_document(text.encode(), format="json").records
    assert record.values(EX + "a") == (
        Literal("1", XSD + "int"),
        Literal("3000000000", XSD + "long"),
        Literal("12345678901234567890123", XSD + "integer"),
    )
    assert record.values(EX + "b") == (Literal("1.50", XSD + "double"),)
    assert record.values(EX + "c") == (Literal("true", XSD + "boolean"),)
    assert record.values(EX + "d") == (Literal("5", XSD + "byte"),)
    assert record.values(EX + "e") == (Name(EX + "T"),)


def test_a_key_that_is_repeated_says_both() -> None:
    figures = '"ex:figure": {"ex:a": "1"}, "ex:figure": {"ex:a": "2", "ex:a": "3"}'
    text = f'{{"prefix": {{"ex": "{EX}"}}, "entity": {{{figures}}}}}'
    first, second = read_document(text.encode(), format="json").records
    assert first.values(EX + "a") == (Literal("1"),)
    assert second.values(EX + "a") == (Literal("2"), Literal("3"))


def test_terms_that_prov_has_not_are_named_with_what_they_said() -> None:
    document = provjson(hadDictionaryMember={"_:d1": {}}, entity={"ex:figure": {}})
    assert [record.id for record in document.records] == [FIGURE]
    assert any("hadDictionaryMember" in note and "_:d1" in note for note in document.notes)


def test_values_without_a_form_in_prov_are_kept_as_json() -> None:
    document = provjson(entity={"ex:figure": {"ex:size": {"width": 640, "height": None}}})
    (value,) = document.records[0].values(EX + "size")
    assert isinstance(value, Literal)
    assert json.loads(value.text) == {"width": 640, "height": None}
    assert document.notes


def test_a_prefix_that_nobody_declared_makes_a_note_and_no_error() -> None:
    document = provjson(entity={"http://example.org/figure": {}, "figure": {}})
    assert document.records[0].id == FIGURE
    assert any("http" in note for note in document.notes)
    assert any("figure has no prefix" in note for note in document.notes)


def test_the_default_namespace_is_that_of_names_without_a_prefix() -> None:
    document = provjson(prefix={"default": EX}, entity={"figure": {}})
    assert document.records == (Record("entity", FIGURE),)
    assert document.prefixes[""] == EX


def test_the_prefixes_of_a_bundle_are_its_own() -> None:
    inside = {"prefix": {"ex": "http://other.org/"}, "entity": {"ex:figure": {}}}
    document = provjson(bundle={"ex:b": inside}, entity={"ex:figure": {}})
    assert document.records[0].id == FIGURE
    assert document.bundles[0].records[0].id == "http://other.org/figure"


def test_members_in_a_list_are_members_one_by_one() -> None:
    document = provjson(hadMember={"_:m": {"prov:collection": "ex:data", "prov:entity": ["ex:a", "ex:b"]}})
    assert document.records == (
        Record("hadMember", None, (DATA, EX + "a")),
        Record("hadMember", None, (DATA, EX + "b")),
    )


def test_a_relation_without_a_name_that_another_speaks_of_gets_one() -> None:
    derived = {"prov:generatedEntity": "ex:figure", "prov:usedEntity": "ex:data", "prov:generation": "_:g"}
    document = provjson(
        wasGeneratedBy={"_:g": {"prov:entity": "ex:figure"}, "_:h": {"prov:entity": "ex:data"}},
        wasDerivedFrom={"_:d": derived},
    )
    named, unnamed = the(document, "wasGeneratedBy")
    assert named.id == only(the(document, "wasDerivedFrom"))["generation"]
    assert unnamed.id is None


TIMES = {
    "2024-05-01T12:00:00Z": NOON,
    "2024-05-01T14:00:00.000+02:00": NOON,
    "2024-04-30T24:00:00Z": datetime(2024, 5, 1, tzinfo=UTC),
    "2024-05-01T12:00:00.25-05:30": datetime(2024, 5, 1, 12, 0, 0, 250000, timezone(-timedelta(hours=5, minutes=30))),
}


@pytest.mark.parametrize("text", TIMES)
def test_times_are_read_in_every_form_that_they_have(text: str) -> None:
    document = provjson(activity={"ex:plot": {"prov:startTime": text}})
    assert document.records[0]["startTime"] == TIMES[text]
    assert not document.notes


@pytest.mark.parametrize("text", ["yesterday", "2024-05-01", "12024-05-01T12:00:00Z", "2024-13-01T12:00:00Z"])
def test_a_time_that_is_none_is_kept_as_an_attribute_and_noted(text: str) -> None:
    document = provjson(activity={"ex:plot": {"prov:startTime": text}})
    assert document.records[0]["startTime"] is None
    assert document.records[0].values(PROV + "startTime") == (Literal(text),)
    assert any(text in note for note in document.notes)


def test_nanoseconds_are_cut_and_noted() -> None:
    document = provjson(activity={"ex:plot": {"prov:startTime": "2024-05-01T12:00:00.123456789Z"}})
    assert document.records[0]["startTime"] == datetime(2024, 5, 1, 12, 0, 0, 123456, UTC)
    assert document.notes


# PROV-XML

XML = f'<prov:document xmlns:prov="{PROV}" xmlns:ex="{EX}" xmlns:xsd="{XSD[:-1]}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'


def provxml(text: str) -> Document:
    return read_document(f"{XML}{text}</prov:document>".encode(), format="xml")


def test_elements_of_xml_that_stand_for_a_type_are_terms_of_that_type() -> None:
    document = provxml('<prov:person prov:id="ex:ana"/><prov:plan prov:id="ex:recipe"/>')
    assert [(record.term, record.attributes) for record in document.records] == [
        ("agent", ((PROV + "type", Name(PROV + "Person")),)),
        ("entity", ((PROV + "type", Name(PROV + "Plan")),)),
    ]


def test_xml_is_read_with_other_prefixes_and_with_space_around_names() -> None:
    text = f"""<document xmlns="{PROV}"><entity xmlns:p="{PROV}" xmlns:e="{EX}" p:id="e:figure">
      <type xmlns:x="http://www.w3.org/2001/XMLSchema-instance" xmlns:s="{XSD[:-1]}" x:type="s:QName">
        e:Picture
      </type></entity></document>"""
    assert read_document(text.encode()).records == (
        Record("entity", FIGURE, (), ((PROV + "type", Name(EX + "Picture")),)),
    )


def test_a_type_of_prov_in_xml_makes_nothing_else_of_its_record() -> None:
    document = provxml(
        '<prov:activity prov:id="ex:plot"><prov:type xsi:type="xsd:QName">prov:Person</prov:type></prov:activity>'
    )
    assert document.records[0].term == "activity"


def test_what_xml_says_beyond_prov_is_named_with_its_line() -> None:
    document = provxml('\n<ex:drawing prov:id="ex:figure"/>\n<prov:entity prov:id="ex:data"/>')
    assert any("line 2" in note and EX + "drawing" in note for note in document.notes)
    assert [record.id for record in document.records] == [DATA]


def test_attributes_of_elements_in_xml_are_attributes() -> None:
    document = provxml('<prov:entity prov:id="ex:data" ex:kind="table" xsi:type="prov:Plan"/>')
    assert set(document.records[0].attributes) == {
        (EX + "kind", Literal("table")),
        (PROV + "type", Name(PROV + "Plan")),
    }


def test_members_in_xml_are_members_one_by_one() -> None:
    document = provxml(
        '<prov:hadMember><prov:collection prov:ref="ex:data"/><prov:entity prov:ref="ex:a"/>'
        '<prov:entity prov:ref="ex:b"/></prov:hadMember>'
    )
    assert document.records == (
        Record("hadMember", None, (DATA, EX + "a")),
        Record("hadMember", None, (DATA, EX + "b")),
    )
