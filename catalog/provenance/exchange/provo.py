"""PROV-O: records as statements of RDF.

A relation that is nothing but two things is one statement; one that has more to say has a node of its own, and is
also there as that one statement, for those who ask no further::

    ex:figure prov:wasGeneratedBy ex:plot ;
        prov:qualifiedGeneration [ a prov:Generation ; prov:activity ex:plot ; prov:atTime "2024-…"^^xsd:dateTime ] .

It is made here, not by ``prov``: that package leaves out relations that have but one argument, as ``used(ex:plot, -)``,
and keeps values as Python's own.

Source: PROV-O, W3C Recommendation of 30 April 2013.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..model import ELEMENTS, PROV, TERMS, XSD, Literal, Name
from .times import time_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..model import Document, Record, Value

__all__ = [
    "ATTRIBUTES",
    "CLASSES",
    "PLAIN",
    "QUALIFIED",
    "RDF",
    "RDFS",
    "Blank",
    "Qualified",
    "Statement",
    "statements",
]

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"


@dataclass(frozen=True)
class Blank:
    """A node of RDF without a name."""

    label: str


# The graph it stands in (a bundle), a subject, a predicate's IRI, an object.
Statement = tuple[str | None, Name | Blank, str, Name | Blank | Literal]


@dataclass(frozen=True)
class Qualified:
    """How a relation is said with a node of its own: the property that leads there, its class, and its arguments.

    ``arguments``: the property of each argument but the first, which is the one that the property leads from.
    """

    property: str
    kind: str
    arguments: Mapping[str, str]


def _qualified(kind: str, **arguments: str) -> Qualified:
    # Literally as PROV-O names them.
    named = {name: PROV + local for name, local in arguments.items()}
    return Qualified(f"{PROV}qualified{kind}", PROV + kind, MappingProxyType(named))


QUALIFIED: Mapping[str, Qualified] = MappingProxyType(
    {
        "wasGeneratedBy": _qualified("Generation", activity="activity", time="atTime"),
        "used": _qualified("Usage", entity="entity", time="atTime"),
        "wasInformedBy": _qualified("Communication", informant="activity"),
        "wasStartedBy": _qualified("Start", trigger="entity", starter="hadActivity", time="atTime"),
        "wasEndedBy": _qualified("End", trigger="entity", ender="hadActivity", time="atTime"),
        "wasInvalidatedBy": _qualified("Invalidation", activity="activity", time="atTime"),
        "wasDerivedFrom": _qualified(
            "Derivation", usedEntity="entity", activity="hadActivity", generation="hadGeneration", usage="hadUsage"
        ),
        "wasAttributedTo": _qualified("Attribution", agent="agent"),
        "wasAssociatedWith": _qualified("Association", agent="agent", plan="hadPlan"),
        "actedOnBehalfOf": _qualified("Delegation", responsible="agent", activity="hadActivity"),
        "wasInfluencedBy": _qualified("Influence", influencer="influencer"),
    }
)
# Relations that are a statement, by its predicate.
PLAIN: Mapping[str, str] = MappingProxyType({PROV + term: term for term in TERMS if term not in ELEMENTS})
CLASSES: Mapping[str, str] = MappingProxyType(
    {"entity": PROV + "Entity", "activity": PROV + "Activity", "agent": PROV + "Agent"}
)
# Attributes that RDF or PROV-O have another word for.
ATTRIBUTES: Mapping[str, str] = MappingProxyType(
    {
        PROV + "type": RDF + "type",
        PROV + "label": RDFS + "label",
        PROV + "location": PROV + "atLocation",
        PROV + "role": PROV + "hadRole",
    }
)
_TIMES = {"startTime": PROV + "startedAtTime", "endTime": PROV + "endedAtTime"}
_STRING, _DATETIME = XSD + "string", XSD + "dateTime"
_IRI = re.compile('[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>"{}|\\\\^`\ud800-\udfff]*')
_LANGUAGE = re.compile("[a-zA-Z]+(-[a-zA-Z0-9]+)*")
_HALVES = re.compile("[\ud800-\udfff]")
# Of text of these types RDF's parsers keep no more than its value has.
_SPACED = frozenset({XSD + "normalizedString", XSD + "token"})


def statements(document: Document) -> list[Statement]:
    """The document as statements, each once; what RDF has no way to say is left out."""
    labels = (f"b{number}" for number in count(1))
    found: dict[Statement, None] = {}
    bundles: dict[str | None, list[Record]] = {None: list(document.records)}
    for bundle in document.bundles:
        bundles.setdefault(bundle.id, []).extend(bundle.records)
    for graph, records in bundles.items():
        if graph is None or _IRI.fullmatch(graph):
            found.update(dict.fromkeys((graph, *said) for said in _graph(records, labels)))
    return list(found)


_Triple = tuple[Name | Blank, str, Name | Blank | Literal]


def _graph(records: list[Record], labels: Iterator[str]) -> Iterator[_Triple]:
    # A relation can be one statement only if nothing else says that statement.
    said = Counter((record.term, *record.arguments[:2]) for record in records if record.term in QUALIFIED)
    for record in records:
        if record.term in ELEMENTS:
            yield from _element(record)
        elif record.term not in QUALIFIED:
            yield from _unqualified(record)
        elif _is_plain(record) and said[(record.term, *record.arguments[:2])] == 1:
            yield from _triple(record.arguments[0], PROV + record.term, record.arguments[1])
        else:
            yield from _relation(record, labels)


def _is_plain(record: Record) -> bool:
    """Whether a relation is nothing but two things."""
    rest = record.id is not None or record.attributes or any(value is not None for value in record.arguments[2:])
    return not rest and record.arguments[1] is not None


def _element(record: Record) -> Iterator[_Triple]:
    if (node := _node(record.id)) is None:
        return
    yield node, RDF + "type", Name(CLASSES[record.term])
    for argument, value in zip(TERMS[record.term].arguments, record.arguments, strict=True):
        if isinstance(value, datetime):
            yield node, _TIMES[argument.name], Literal(time_text(value), _DATETIME)
    yield from _attributes(node, record)


def _unqualified(record: Record) -> Iterator[_Triple]:
    first, second, *rest = record.arguments
    said = list(_triple(first, PROV + record.term, second))
    if rest:
        said += _triple(first, PROV + "asInBundle", rest[0])
    yield from said


def _relation(record: Record, labels: Iterator[str]) -> Iterator[_Triple]:
    how = QUALIFIED[record.term]
    subject = _node(record.arguments[0])
    node = Blank(next(labels)) if record.id is None else _node(record.id)
    if subject is None or node is None:
        return
    yield from _triple(record.arguments[0], PROV + record.term, record.arguments[1])
    yield subject, how.property, node
    yield node, RDF + "type", Name(how.kind)
    for argument, value in zip(TERMS[record.term].arguments[1:], record.arguments[1:], strict=True):
        if isinstance(value, datetime):
            yield node, how.arguments[argument.name], Literal(time_text(value), _DATETIME)
        elif (other := _node(value)) is not None:
            yield node, how.arguments[argument.name], other
    yield from _attributes(node, record)


def _triple(first: str | datetime | None, predicate: str, second: str | datetime | None) -> Iterator[_Triple]:
    subject, object = _node(first), _node(second)
    if subject is not None and object is not None:
        yield subject, predicate, object


def _attributes(node: Name | Blank, record: Record) -> Iterable[_Triple]:
    for name, value in record.attributes:
        said = _value(value)
        if said is not None and _IRI.fullmatch(name):
            yield node, ATTRIBUTES.get(name, name), said


def _node(id: str | datetime | None) -> Name | None:
    return Name(id) if isinstance(id, str) and _IRI.fullmatch(id) else None


def _value(value: Value) -> Name | Literal | None:
    """A value as RDF has it; ``None`` where it has none."""
    if isinstance(value, Name):
        return _node(value.uri)
    text = _HALVES.sub("\ufffd", value.text)
    if value.language is not None:
        return Literal(text, language=value.language if _LANGUAGE.fullmatch(value.language) else None)
    if value.datatype in _SPACED:
        text = re.sub("[\t\n\r]", " ", text)
        text = re.sub(" +", " ", text).strip(" ") if value.datatype == XSD + "token" else text
    return Literal(text, value.datatype) if _IRI.fullmatch(value.datatype) else None
