"""The model of W3C PROV: records, bundles and documents, as frozen values.

Every record has one form: a term of PROV-DM, perhaps an identifier, the term's own arguments in the order of PROV-N,
and any number of attributes::

    wasGeneratedBy(ex:g1; ex:figure, ex:plot, 2024-05-01T10:00:00Z, [prov:role='output'])

    Record("wasGeneratedBy", "http://example.org/g1",
           ("http://example.org/figure", "http://example.org/plot", datetime(2024, 5, 1, 10, tzinfo=UTC)),
           ((PROV + "role", Literal("output")),))

``TERMS`` says which arguments each term takes, and what each of them refers to; readers, writers, constraints and
tables are driven by it.  Identifiers are whole IRIs everywhere; prefixes are kept only to write them shortly again.

Source: PROV-DM and PROV-N, W3C Recommendations of 30 April 2013.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING
from typing import Literal as Among

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

__all__ = [
    "ELEMENTS",
    "PROV",
    "TERMS",
    "XSD",
    "Argument",
    "Bundle",
    "Document",
    "Literal",
    "Name",
    "Record",
    "Term",
    "Value",
]

PROV = "http://www.w3.org/ns/prov#"
XSD = "http://www.w3.org/2001/XMLSchema#"


@dataclass(frozen=True)
class Name:
    """A qualified name as a value: the IRI it stands for."""

    uri: str


@dataclass(frozen=True)
class Literal:
    """A literal: its lexical form, its datatype's IRI, and its language where it is text in one."""

    text: str
    datatype: str = XSD + "string"
    language: str | None = None


Value = Name | Literal


@dataclass(frozen=True)
class Argument:
    """One formal argument of a term: its name in PROV-DM, what it refers to, and whether it may be left out.

    ``past``: whether what it refers to is something that the term's first argument came from, so that lineage follows
    it; of ``actedOnBehalfOf(delegate, responsible, activity)`` that is the responsible agent, not the activity.
    """

    name: str
    refers: Among["entity", "activity", "agent", "influence", "event", "bundle", "time"]
    required: bool = False
    past: bool = False


@dataclass(frozen=True)
class Term:
    """A kind of record: its keyword in PROV-N, its arguments, and whether it has an identifier and attributes."""

    name: str
    arguments: tuple[Argument, ...]
    identified: bool = True

    def place(self, name: str) -> int:
        """Where the argument ``name`` stands; raises ``KeyError``."""
        for place, argument in enumerate(self.arguments):
            if argument.name == name:
                return place
        raise KeyError(name)


def _terms(*terms: Term) -> Mapping[str, Term]:
    return MappingProxyType({term.name: term for term in terms})


_TIME = Argument("time", "time")
# In this order their places are written into tables: it only ever grows at its end.
TERMS = _terms(
    Term("entity", ()),
    Term("activity", (Argument("startTime", "time"), Argument("endTime", "time"))),
    Term("agent", ()),
    Term(
        "wasGeneratedBy",
        (Argument("entity", "entity", required=True), Argument("activity", "activity", past=True), _TIME),
    ),
    Term("used", (Argument("activity", "activity", required=True), Argument("entity", "entity", past=True), _TIME)),
    Term(
        "wasInformedBy",
        (
            Argument("informed", "activity", required=True),
            Argument("informant", "activity", required=True, past=True),
        ),
    ),
    Term(
        "wasStartedBy",
        (
            Argument("activity", "activity", required=True),
            Argument("trigger", "entity", past=True),
            Argument("starter", "activity", past=True),
            _TIME,
        ),
    ),
    Term(
        "wasEndedBy",
        (
            Argument("activity", "activity", required=True),
            Argument("trigger", "entity", past=True),
            Argument("ender", "activity", past=True),
            _TIME,
        ),
    ),
    Term(
        "wasInvalidatedBy",
        (Argument("entity", "entity", required=True), Argument("activity", "activity", past=True), _TIME),
    ),
    Term(
        "wasDerivedFrom",
        (
            Argument("generatedEntity", "entity", required=True),
            Argument("usedEntity", "entity", required=True, past=True),
            Argument("activity", "activity", past=True),
            Argument("generation", "event"),
            Argument("usage", "event"),
        ),
    ),
    Term(
        "wasAttributedTo",
        (Argument("entity", "entity", required=True), Argument("agent", "agent", required=True, past=True)),
    ),
    Term(
        "wasAssociatedWith",
        (
            Argument("activity", "activity", required=True),
            Argument("agent", "agent", past=True),
            Argument("plan", "entity", past=True),
        ),
    ),
    Term(
        "actedOnBehalfOf",
        (
            Argument("delegate", "agent", required=True),
            Argument("responsible", "agent", required=True, past=True),
            Argument("activity", "activity"),
        ),
    ),
    Term(
        "wasInfluencedBy",
        (
            Argument("influencee", "influence", required=True),
            Argument("influencer", "influence", required=True, past=True),
        ),
    ),
    Term(
        "specializationOf",
        (
            Argument("specificEntity", "entity", required=True),
            Argument("generalEntity", "entity", required=True, past=True),
        ),
        identified=False,
    ),
    Term(
        "alternateOf",
        (Argument("alternate1", "entity", required=True), Argument("alternate2", "entity", required=True, past=True)),
        identified=False,
    ),
    Term(
        "hadMember",
        (Argument("collection", "entity", required=True), Argument("entity", "entity", required=True, past=True)),
        identified=False,
    ),
    Term(
        "mentionOf",
        (
            Argument("specificEntity", "entity", required=True),
            Argument("generalEntity", "entity", required=True, past=True),
            Argument("bundle", "bundle", required=True),
        ),
        identified=False,
    ),
)

# What relations relate.
ELEMENTS = ("entity", "activity", "agent")


@dataclass(frozen=True)
class Record:
    """One statement (see the module); ``arguments`` has a place for each that ``TERMS`` gives the term.

    Attributes are pairs of an IRI and a value; the same IRI may stand several times.  Their order means nothing.
    ``line``: where the statement was read, for messages; it is no part of what is said.
    """

    term: str
    id: str | None = None
    arguments: tuple[str | datetime | None, ...] = ()
    attributes: tuple[tuple[str, Value], ...] = ()
    line: int | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        term = TERMS.get(self.term)
        if term is None:
            raise ValueError(f"PROV has no term {self.term!r}")
        if len(self.arguments) > len(term.arguments):
            raise ValueError(f"{self.term} takes {len(term.arguments)} arguments, not {len(self.arguments)}")
        missing = (None,) * (len(term.arguments) - len(self.arguments))
        if missing:
            object.__setattr__(self, "arguments", (*self.arguments, *missing))

    def __getitem__(self, name: str) -> str | datetime | None:
        """The argument of this name; raises ``KeyError``."""
        return self.arguments[TERMS[self.term].place(name)]

    def values(self, attribute: str) -> tuple[Value, ...]:
        """All values of an attribute, by its IRI."""
        return tuple([value for name, value in self.attributes if name == attribute])


@dataclass(frozen=True)
class Bundle:
    """A named set of records: an entity by itself, whose provenance can be told in turn."""

    id: str
    records: tuple[Record, ...]
    prefixes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), compare=False)


@dataclass(frozen=True)
class Document:
    """Records, and bundles of them.  ``prefixes`` (the default namespace under the empty one) are only for writing.

    ``notes``: what a reader has to say of the file it read: what it took for something else, and what it left out.
    """

    records: tuple[Record, ...] = ()
    bundles: tuple[Bundle, ...] = ()
    prefixes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __iter__(self) -> Iterator[tuple[str | None, Record]]:
        """Every record, with the bundle it is in."""
        for record in self.records:
            yield None, record
        for bundle in self.bundles:
            for record in bundle.records:
                yield bundle.id, record
