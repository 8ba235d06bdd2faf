"""Reading PROV-O: statements of RDF as records; see ``provo`` for what they look like.

Others write more than ``provo`` does: inverses (``prov:generated``), shortcuts (``prov:generatedAtTime``), kinds of
derivation, of influence, of entities and of agents, and elements that nobody declares.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from ..model import ELEMENTS, PROV, TERMS, XSD, Bundle, Document, Literal, Name, Record
from .provo import ATTRIBUTES, CLASSES, PLAIN, QUALIFIED, RDF, Blank

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from ..model import Value
    from .provo import Statement
    from .reading import Reading

    _Node = Name | Blank
    _Objects = dict[str, list[Name | Blank | Literal]]
    _Covered = set[tuple[str | datetime | None, ...]]
    _Described = tuple[Mapping[str, list[str | datetime]], tuple[tuple[str, Value], ...]]

__all__ = ["document_of"]

_TYPE = RDF + "type"
_NAMES = {theirs: ours for ours, theirs in ATTRIBUTES.items()}
# What leads to the node of a relation, and the type it then has besides.
_LEADS: Mapping[str, tuple[str, str | None]] = {
    **{how.property: (term, None) for term, how in QUALIFIED.items()},
    **{
        f"{PROV}qualified{kind}": ("wasDerivedFrom", PROV + kind) for kind in ("Revision", "Quotation", "PrimarySource")
    },
}
_KINDS_OF_DERIVATION = {
    PROV + "wasRevisionOf": PROV + "Revision",
    PROV + "wasQuotedFrom": PROV + "Quotation",
    PROV + "hadPrimarySource": PROV + "PrimarySource",
}
_INVERSES = {
    PROV + "generated": "wasGeneratedBy",
    PROV + "invalidated": "wasInvalidatedBy",
    PROV + "influenced": "wasInfluencedBy",
}
_MOMENTS = {PROV + "generatedAtTime": "wasGeneratedBy", PROV + "invalidatedAtTime": "wasInvalidatedBy"}
_TIMES = {"startTime": PROV + "startedAtTime", "endTime": PROV + "endedAtTime"}
# Classes that say no more of a relation's node than what led there.
_OF_RELATIONS = {
    PROV + name
    for name in ("Influence", "EntityInfluence", "ActivityInfluence", "AgentInfluence", "InstantaneousEvent")
}
_IMPLY = {
    **{PROV + name: "entity" for name in ("Plan", "Collection", "EmptyCollection", "Bundle")},
    **{PROV + name: "agent" for name in ("Person", "Organization", "SoftwareAgent")},
}
# An entity is generated once, or a few times by mistake.
_FEW = 16
_STRUCTURE = {*PLAIN, *_LEADS, *_KINDS_OF_DERIVATION, *_INVERSES, *_MOMENTS, PROV + "asInBundle"}


def document_of(statements: Iterable[Statement], reading: Reading, prefixes: Mapping[str, str]) -> Document:
    """The document that statements say."""
    graphs: dict[str | None, dict[_Node, _Objects]] = {None: {}}
    # In an order of their own: those of RDF have none, and what is made of them must not depend on one.
    for graph, subject, predicate, object in sorted(statements, key=_order):
        graphs.setdefault(graph, {}).setdefault(subject, {}).setdefault(predicate, []).append(object)
    names = _Names(reading)
    records = {graph: tuple(_Graph(said, reading, names).records()) for graph, said in graphs.items()}
    bundles = tuple(Bundle(graph, said) for graph, said in records.items() if graph is not None)
    return Document(records[None], bundles, prefixes, reading.notes)


def _order(statement: Statement) -> tuple[str, ...]:
    graph, subject, predicate, object = statement
    return graph or "", *_rank(subject), predicate, *_rank(object)


def _rank(node: Name | Blank | Literal) -> tuple[str, ...]:
    match node:
        case Name():
            return "name", node.uri, "", ""
        case Literal():
            return "text", node.text, node.datatype, node.language or ""
    # Labels are new each time that a text is read.
    return "", "", "", ""


class _Names:
    """Identifiers of nodes: those without a name are numbered as they are met."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._numbers: dict[str, int] = {}

    def of(self, node: _Node) -> str:
        if isinstance(node, Name):
            return node.uri
        number = self._numbers.setdefault(node.label, len(self._numbers) + 1)
        return self._reading.own(f"b{number}")


class _Graph:
    """The statements of one graph, being made into records."""

    def __init__(self, said: dict[_Node, _Objects], reading: Reading, names: _Names) -> None:
        self._said = said
        self._reading = reading
        self._names = names
        # How often something is spoken of: what is only a relation's node, and only once, needs no name.
        self._spoken = Counter(
            object
            for objects in said.values()
            for each in objects.values()
            for object in each
            if isinstance(object, Blank)
        )
        self._kept: set[_Node] = set()
        self._led: Counter[tuple[str, _Node]] = Counter()
        self._described: dict[tuple[str, _Node], _Described] = {}
        self._bundles: dict[str, list[str]] = defaultdict(list)
        self._used_as: dict[str, set[str]] = defaultdict(set)

    def records(self) -> list[Record]:
        relations = [*self._qualified()]
        covered: _Covered = {(record.term, *record.arguments[:2]) for record in relations}
        relations += self._kinds_of_derivation(covered)
        covered |= {(record.term, *record.arguments[:2]) for record in relations}
        relations += self._plain(covered)
        relations = self._with_moments(relations)
        for record in relations:
            for argument, value in zip(TERMS[record.term].arguments, record.arguments, strict=True):
                if isinstance(value, str):
                    self._used_as[value].add(argument.refers)
        elements = [*self._elements()]
        self._note_rest()
        return elements + relations

    def _qualified(self) -> Iterator[Record]:
        for subject, objects in self._said.items():
            for predicate in objects.keys() & _LEADS.keys():
                term, kind = _LEADS[predicate]
                for node in objects[predicate]:
                    if isinstance(node, Literal):
                        self._reading.note(f"{predicate} of {self._names.of(subject)} leads to text, and is left out")
                    else:
                        self._kept.add(node)
                        yield from self._relation(term, kind, subject, node)

    def _relation(self, term: str, kind: str | None, subject: _Node, node: _Node) -> Iterator[Record]:
        # What is said of a node is worked out once, and all of it is told of what leads there first: a node that
        # many things lead to, and that has many arguments, would otherwise make records beyond number.
        if (known := self._described.get((term, node))) is None:
            known = self._described[term, node] = self._described_by(term, kind, node)
        values, attributes = known
        most = max(1, *map(len, values.values()))
        lead = self._led[term, node]
        self._led[term, node] += 1
        id = None if isinstance(node, Blank) and self._spoken[node] == 1 else self._names.of(node)
        first = TERMS[term].arguments[0].name
        for place in range(most) if lead == 0 else [min(lead, most - 1)]:
            arguments = {name: each[min(place, len(each) - 1)] for name, each in values.items() if each}
            yield self._reading.record(term, id, {first: self._names.of(subject), **arguments}, attributes)

    def _described_by(self, term: str, kind: str | None, node: _Node) -> _Described:
        """What is said of a relation's node: all values of each argument, and its attributes."""
        said = self._said.get(node, {})
        how = QUALIFIED[term]
        properties = dict(how.arguments)
        if term == "wasInfluencedBy" and properties["influencer"] not in said:
            # The classes of influences by entities, activities and agents say which it is by the property.
            properties["influencer"] = next((PROV + name for name in ELEMENTS if PROV + name in said), PROV + "entity")
        values: dict[str, list[str | datetime]] = {name: [] for name in properties}
        attributes = list(self._attributes(said, set(properties.values()), {how.kind, *_OF_RELATIONS}))
        for name, predicate in properties.items():
            for value in said.get(predicate, ()):
                if not isinstance(value, Literal):
                    values[name].append(self._names.of(value))
                elif name == "time" and (time := self._moment(value, f"{term} {self._names.of(node)}")) is not None:
                    values[name].append(time)
                else:
                    attributes.append((predicate, value))
        if kind is not None and (PROV + "type", Name(kind)) not in attributes:
            attributes.append((PROV + "type", Name(kind)))
        return values, tuple(attributes)

    def _moment(self, value: Literal, where: str) -> datetime | None:
        return self._reading.time(value.text, where.strip()) if value.datatype == XSD + "dateTime" else None

    def _kinds_of_derivation(self, covered: _Covered) -> Iterator[Record]:
        for predicate, kind in _KINDS_OF_DERIVATION.items():
            for subject, object in self._pairs(predicate):
                if ("wasDerivedFrom", subject, object) not in covered:
                    yield Record("wasDerivedFrom", None, (subject, object), ((PROV + "type", Name(kind)),))

    def _plain(self, covered: _Covered) -> Iterator[Record]:
        for predicate, term in PLAIN.items():
            for subject, object in self._pairs(predicate):
                if term == "mentionOf":
                    yield from self._mentions(subject, object)
                elif (term, subject, object) not in covered:
                    covered.add((term, subject, object))
                    yield Record(term, None, (subject, object))
        for predicate, term in _INVERSES.items():
            for subject, object in self._pairs(predicate):
                if (term, object, subject) not in covered:
                    covered.add((term, object, subject))
                    yield Record(term, None, (object, subject))

    def _pairs(self, predicate: str) -> Iterator[tuple[str, str]]:
        for subject, objects in self._said.items():
            for object in objects.get(predicate, ()):
                if isinstance(object, Literal):
                    self._reading.note(f"{predicate} of {self._names.of(subject)} leads to text, and is left out")
                else:
                    yield self._names.of(subject), self._names.of(object)

    def _mentions(self, subject: str, object: str) -> Iterator[Record]:
        if not self._bundles:
            for entity, bundle in self._pairs(PROV + "asInBundle"):
                self._bundles[entity].append(bundle)
        bundles = self._bundles.get(subject, [])
        if not bundles:
            self._reading.note(f"mentionOf of {subject} says in no bundle, and is left out")
        for bundle in bundles:
            yield Record("mentionOf", None, (subject, object, bundle))

    def _with_moments(self, relations: list[Record]) -> list[Record]:
        """The relations with the times that are said of an entity, not of what happened to it."""
        places: dict[tuple[str, object], list[int]] = defaultdict(list)
        for place, record in enumerate(relations):
            places[record.term, record.arguments[0]].append(place)
        for predicate, term in _MOMENTS.items():
            for subject, objects in self._said.items():
                entity = self._names.of(subject) if predicate in objects else ""
                for value in objects.get(predicate, ()):
                    time = self._moment(value, predicate) if isinstance(value, Literal) else None
                    if time is None:
                        self._reading.note(f"{predicate} of {entity} is no time, and is left out")
                    else:
                        _at(relations, places[term, entity], Record(term, None, (entity, None, time)))
        return relations

    def _elements(self) -> Iterator[Record]:
        for subject, said in self._said.items():
            id = self._names.of(subject)
            types = {object.uri for object in said.get(_TYPE, ()) if isinstance(object, Name)}
            kinds = [term for term in ELEMENTS if CLASSES[term] in types]
            if not kinds and subject not in self._kept:
                kinds = sorted({_IMPLY[each] for each in types & _IMPLY.keys()})
            classes = {CLASSES[term] for term in kinds}
            times = set(_TIMES.values())
            attributes = list(self._attributes(said, times if "activity" in kinds or not kinds else set(), classes))
            if not kinds and attributes and subject not in self._kept:
                # Nobody declares it, but others say what it must be.
                kinds = [term for term in ELEMENTS if term in self._used_as[id]][:1]
            if not kinds and times & said.keys() and subject not in self._kept:
                kinds = ["activity"]
            for place, term in enumerate(kinds):
                self._kept.add(subject)
                yield self._element(term, id, said, attributes if place == 0 else [])

    def _element(self, term: str, id: str, said: _Objects, attributes: list[tuple[str, Value]]) -> Record:
        arguments: list[datetime | None] = []
        for argument in TERMS[term].arguments:
            values = said.get(_TIMES[argument.name], [])
            times = [self._moment(value, id) if isinstance(value, Literal) else None for value in values]
            first = next((place for place, time in enumerate(times) if time is not None), None)
            arguments.append(None if first is None else times[first])
            attributes = attributes + [
                (_TIMES[argument.name], self._value(value)) for place, value in enumerate(values) if place != first
            ]
        return Record(term, id, tuple(arguments), tuple(attributes))

    def _attributes(self, said: _Objects, taken: set[str], classes: set[str]) -> Iterator[tuple[str, Value]]:
        for predicate, objects in said.items():
            if predicate in taken or predicate in _STRUCTURE:
                continue
            for object in objects:
                if not (predicate == _TYPE and isinstance(object, Name) and object.uri in classes):
                    yield _NAMES.get(predicate, predicate), self._value(object)

    def _value(self, object: Name | Blank | Literal) -> Value:
        return Name(self._names.of(object)) if isinstance(object, Blank) else object

    def _note_rest(self) -> None:
        """Notes what is said of things that are nothing in PROV."""
        for subject, said in self._said.items():
            left = [predicate for predicate in said if predicate not in _STRUCTURE]
            if subject not in self._kept and left:
                who = self._names.of(subject)
                self._reading.note(f"{who} is nothing in PROV: left out its {', '.join(sorted(left))}")


def _at(relations: list[Record], places: list[int], moment: Record) -> None:
    """Has the one relation of an entity happen at a time; where there are several, it is one more."""
    time = moment["time"]
    if any(relations[place]["time"] == time for place in places[:_FEW]):
        return
    if len(places) == 1 and relations[places[0]]["time"] is None:
        old = relations[places[0]]
        relations[places[0]] = replace(old, arguments=(*old.arguments[:2], time))
        return
    places.append(len(relations))
    relations.append(moment)
