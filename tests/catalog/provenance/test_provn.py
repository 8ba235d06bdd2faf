"""PROV-N: what is written is read as it was, what people and programs write is read, and errors say where they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings

from holotype.catalog import DocumentUnreadable, InvalidName
from holotype.catalog.provenance.model import PROV, XSD, Bundle, Document, Literal, Name, Record
from holotype.catalog.provenance.provn import read_provn, write_provn

from .documents import PREFIXES, TRICKY, documents

if TYPE_CHECKING:
    from holotype.catalog.provenance.model import Value

EX = "http://example.org/"
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def read(body: str) -> Document:
    """What a document says that has this in it."""
    return read_provn(f"document\n  prefix ex <{EX}>\n{body}\nendDocument\n")


def read_one(statement: str) -> Record:
    """What a single statement says."""
    (record,) = read(statement).records
    return record


def read_value(text: str) -> Value:
    """What a value of an attribute is read as."""
    return read_one(f"entity(ex:e, [ex:x={text}])").attributes[0][1]


@PATIENT
@given(documents())
@example(Document((Record("entity", ""),)))
def test_what_is_written_is_read_as_it_was(document: Document) -> None:
    assert read_provn(write_provn(document)) == document


@PATIENT
@given(documents(TRICKY))
@example(Document((Record("entity", EX + "a.b."), Record("entity", "-"), Record("entity", EX), Record("entity", "%2"))))
@example(Document((Record("entity", "urn:x:-"),), prefixes=MappingProxyType({"": "urn:x:"})))
def test_names_that_need_escapes_or_new_prefixes_are_read_as_they_were(document: Document) -> None:
    assert read_provn(write_provn(document)) == document


@PATIENT
@given(documents(TRICKY))
def test_prefixes_are_kept_and_only_needed_ones_are_added(document: Document) -> None:
    text = write_provn(document)
    again = read_provn(text)
    assert document.prefixes.items() <= again.prefixes.items()
    assert all(prefix.startswith("ns") for prefix in again.prefixes.keys() - document.prefixes.keys())
    assert write_provn(again) == text


def test_a_document_looks_as_the_notation_has_it() -> None:
    figure = Record(
        "wasGeneratedBy",
        EX + "g1",
        (EX + "figure", EX + "plot", datetime(2024, 5, 1, 10, tzinfo=UTC)),
        ((PROV + "role", Literal("output")), (EX + "n", Literal("3", XSD + "int")), (PROV + "type", Name("urn:x:y"))),
    )
    inside = Bundle(EX + "b", (Record("used", None, (EX + "plot",)), Record("entity", "urn:b:x")), {"b": "urn:b:"})
    document = Document((figure, Record("activity", EX + "plot")), (inside,), PREFIXES)
    assert write_provn(document) == (
        "document\n"
        "  prefix ex <http://example.org/>\n"
        "  prefix ns1 <urn:x:>\n"
        "  wasGeneratedBy(ex:g1; ex:figure, ex:plot, 2024-05-01T10:00:00Z, "
        "[prov:role=\"output\", ex:n=3, prov:type='ns1:y'])\n"
        "  activity(ex:plot)\n"
        "\n"
        "  bundle ex:b\n"
        "    prefix b <urn:b:>\n"
        "    used(ex:plot)\n"
        "    entity(b:x)\n"
        "  endBundle\n"
        "endDocument\n"
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"plain"', Literal("plain")),
        ('"say \\"so\\"\\n\\t\\\\"', Literal('say "so"\n\t\\')),
        ('"caf\\u00e9 \\U0001F642"', Literal("café 🙂")),
        ('"""two\nlines, "quoted" """', Literal('two\nlines, "quoted" ')),
        ('"C:\\data"', Literal("C:\\data")),
        ('"Bild"@de-CH', Literal("Bild", language="de-CH")),
        ('"Bild"@de %% prov:InternationalizedString', Literal("Bild", language="de")),
        ('"Bild" @de', Literal("Bild", language="de")),
        ('"1.5" %% xsd:double', Literal("1.5", XSD + "double")),
        ('"text" %% xsd:string', Literal("text")),
        ("-12", Literal("-12", XSD + "int")),
        ("'ex:name'", Name(EX + "name")),
        ("'ex:it\\'s'", Name(EX + "it's")),
        ("'prov:Plan'", Name(PROV + "Plan")),
        ('"ex:name" %% prov:QUALIFIED_NAME', Name(EX + "name")),
        ('"ex:name" %% xsd:QName', Name(EX + "name")),
        ('"no:name" %% xsd:QName', Literal("no:name", XSD + "QName")),
    ],
)
def test_values_are_read(text: str, value: Value) -> None:
    assert read_value(text) == value


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("ex:a", "a"),
        ("ex:", ""),
        ("ex:a\\=b\\,c\\(d\\)\\;\\[e\\]\\'\\:\\.\\-", "a=b,c(d);[e]':.-"),
        ("ex:a/b//c#d?e=f&g", "a/b//c#d?e=f&g"),
        ("ex:100%25", "100%25"),
        ("ex:urn:like", "urn:like"),
        ("ex:2024-05-01", "2024-05-01"),
        ("ex:été", "été"),
    ],
)
def test_names_are_read_with_their_escapes(name: str, rest: str) -> None:
    assert read_one(f"entity({name})").id == EX + rest


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-05-01T10:00:00", datetime(2024, 5, 1, 10)),  # noqa: DTZ001
        ("2024-05-01T10:00:00Z", datetime(2024, 5, 1, 10, tzinfo=UTC)),
        ("2024-05-01T10:00:00.25-05:30", datetime(2024, 5, 1, 10, 0, 0, 250_000, timezone(-timedelta(hours=5.5)))),
        ("2024-05-01T10:00:00.123456789Z", datetime(2024, 5, 1, 10, 0, 0, 123_456, UTC)),
        ("2024-05-01T10:00Z", datetime(2024, 5, 1, 10, tzinfo=UTC)),
        ("2024-05-01T24:00:00Z", datetime(2024, 5, 2, tzinfo=UTC)),
    ],
)
def test_times_are_read_with_and_without_zones_and_fractions(text: str, time: datetime) -> None:
    read_time = read_one(f"used(ex:a, ex:e, {text})")["time"]
    assert read_time == time
    assert isinstance(read_time, datetime)
    assert read_time.utcoffset() == time.utcoffset()


def test_arguments_and_identifiers_may_be_left_out() -> None:
    whole = Record("used", None, (EX + "a", None, None))
    for statement in ("used(ex:a)", "used(ex:a, -)", "used(ex:a, -, -)", "used(-; ex:a, -, -, [])", "used(ex:a, [])"):
        assert read_one(statement) == whole, statement
    assert read_one("used(ex:u; ex:a)") == Record("used", EX + "u", (EX + "a",))


def test_what_the_notation_requires_may_still_be_a_marker_for_the_check_to_refuse() -> None:
    assert read_one("wasInformedBy(-, ex:a)") == Record("wasInformedBy", None, (None, EX + "a"))


def test_comments_and_layout_mean_nothing() -> None:
    spread = "/* a\n * comment */ entity ( ex:e // the e)\n , [ ex:x = 1 /* one */ , ex:y = 'ex:z' ] ) // entity(ex:f)"
    assert read(spread) == read("entity(ex:e,[ex:x=1,ex:y='ex:z'])")
    assert read_provn("\ufeffdocument\r\nendDocument // the end") == Document()


def test_every_statement_knows_its_line() -> None:
    document = read("entity(ex:e)\n\n/* two\nlines */ agent(ex:g)\nbundle ex:b\nused(ex:a,\n ex:e, -)\nendBundle")
    assert [record.line for _, record in document] == [3, 6, 8]


def test_names_mean_what_they_mean_where_they_stand() -> None:
    document = read_provn(
        """document
        default <urn:outer:>
        prefix p <urn:p:>
        entity(a) entity(p:a)
        bundle b
          default <urn:inner:>
          prefix p <urn:q:>
          entity(a) entity(p:a)
        endBundle
        bundle p:c entity(a) entity(p:a) endBundle
        endDocument"""
    )
    assert [record.id for _, record in document] == [
        *("urn:outer:a", "urn:p:a"),
        *("urn:inner:a", "urn:q:a"),
        *("urn:outer:a", "urn:p:a"),
    ]
    assert [bundle.id for bundle in document.bundles] == ["urn:outer:b", "urn:p:c"]
    assert read_provn(write_provn(document)) == document


def test_mentions_are_read_with_and_without_a_prefix() -> None:
    mention = Record("mentionOf", None, (EX + "e", EX + "f", EX + "b"))
    assert read_one("mentionOf(ex:e, ex:f, ex:b)") == read_one("prov:mentionOf(ex:e, ex:f, ex:b)") == mention


@pytest.mark.parametrize(
    "expression",
    [
        'prov:hadDictionaryMember(ex:d, ex:e, "k)")',
        'prov:derivedByInsertionFrom(ex:i; ex:d2, ex:d1, {("k1", ex:e1), ("k2", ex:e2)}, [ex:x="]"])',
        "ex:like(ex:a//b, 'ex:c\\'d', ex:inner(ex:e, 12)) // a comment with )",
        "ex:like(2024-05-01T10:00:00, ex:a\\), -)",
    ],
)
def test_expressions_of_other_vocabularies_are_left_out_and_said_so(expression: str) -> None:
    document = read(f"{expression}\nentity(ex:e)")
    assert document == Document((Record("entity", EX + "e"),))
    (note,) = document.notes
    assert note.startswith("line 3: ")
    assert expression.partition("(")[0] in note


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("", 1, "'document'"),
        ("document", 1, "an expression such as entity(ex:e1), or 'endDocument'"),
        ("document\nentity(ex:e)\nendDocument", 2, "a prefix that is declared"),
        ("document\nentity(e)\nendDocument", 2, "a prefix, as there is no default namespace"),
        ("document\nprefix ex\nendDocument", 3, "a namespace in angle brackets"),
        ("document prefix ex <urn:>\n\nthing(ex:e)\nendDocument", 3, "an expression such as entity(ex:e1)"),
        ("document prefix ex <urn:>\nentity ex:e\nendDocument", 2, "'('"),
        ("document prefix ex <urn:>\nentity(-)\nendDocument", 2, "the identifier of the entity"),
        ("document prefix ex <urn:>\nentity(ex:e\nagent(ex:g)\nendDocument", 3, "',' or ')'"),
        ("document prefix ex <urn:>\nused(ex:a,, -)\nendDocument", 2, "the entity, or -"),
        ("document prefix ex <urn:>\nused(ex:a, ex:e, 2024-02-30T00:00:00)\nendDocument", 2, "a time"),
        ("document prefix ex <urn:>\nused(ex:a, ex:e, ex:t)\nendDocument", 2, "a time"),
        ("document prefix ex <urn:>\nhadMember(ex:a, ex:e, ex:f)\nendDocument", 2, "attributes in square brackets"),
        ("document prefix ex <urn:>\nentity(ex:e, [ex:x])\nendDocument", 2, "'='"),
        ("document prefix ex <urn:>\nentity(ex:e, [ex:x=y])\nendDocument", 2, "a value"),
        ('document prefix ex <urn:>\nentity(ex:e, [ex:x="y])\nendDocument', 2, "a string that ends"),
        ("document prefix ex <urn:>\nentity(ex:e, [ex:x=1 ex:y=2])\nendDocument", 2, "',' or ']'"),
        ("document prefix ex <urn:>\nex:thing(ex:e\nendDocument", 3, "')'"),
        ("document /* never ends\nendDocument", 1, "a comment that ends"),
        ("document prefix ex <urn:>\nbundle ex:b\nbundle ex:c\nendBundle\nendDocument", 3, "an expression"),
        ("document\nendDocument\nentity(ex:e)", 3, "nothing more"),
    ],
)
def test_an_error_says_where_it_is_and_what_was_expected(text: str, line: int, expected: str) -> None:
    with pytest.raises(DocumentUnreadable) as caught:
        read_provn(text, source="thing.provn")
    assert caught.value.line == line
    assert caught.value.source == "thing.provn"
    assert str(caught.value.expected).startswith(expected)
    assert str(caught.value).startswith(f"thing.provn is not PROV-N: line {line}: ")


def test_an_undeclared_prefix_is_named() -> None:
    with pytest.raises(DocumentUnreadable, match="the prefix nope is not declared"):
        read("entity(nope:e)")


@pytest.mark.parametrize("id", ["http://example.org/<x>", "urn:two\nlines"])
def test_what_no_identifier_can_be_is_not_written(id: str) -> None:
    with pytest.raises(InvalidName, match="cannot be written in PROV-N"):
        write_provn(Document((Record("entity", id),)))


def test_a_time_of_a_zone_that_cannot_be_written_is_written_as_the_same_time() -> None:
    local = datetime(1900, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=53, seconds=28)))
    document = Document((Record("used", None, (EX + "a", None, local)),))
    assert "1899-12-31T18:06:32Z" in write_provn(document)
    assert read_provn(write_provn(document)) == document
