"""Nodes of an RO-Crate as records; see ``crategraph`` for what they look like.

Terms are known by their names, as no context is fetched: what a crate does not define itself is RO-Crate's, and
nearly all of that is schema.org's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..model import ELEMENTS, PROV, TERMS, XSD, Literal, Name, Record
from ..vocabulary import HOLOTYPE
from .places import METADATA, OLD_METADATA, is_absolute
from .provo import RDF
from .reading import Number, Reading, is_text, json_literal, tagged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from ..model import Value

    _Node = dict[str, Any]

__all__ = ["records_of"]

_SCHEMA = "http://schema.org/"
_BIOSCHEMAS = "https://bioschemas.org/"
_RUN = "https://w3id.org/ro/terms/workflow-run#"
_PREFIXES = {"schema": _SCHEMA, "prov": PROV, "dct": "http://purl.org/dc/terms/", "holotype": HOLOTYPE, "xsd": XSD}
# Terms of RO-Crate's context, and of that of its runs, that are not schema.org's own by the same name.
_WORDS = {
    "File": _SCHEMA + "MediaObject",
    "conformsTo": "http://purl.org/dc/terms/conformsTo",
    "ComputationalWorkflow": _BIOSCHEMAS + "ComputationalWorkflow",
    "FormalParameter": _BIOSCHEMAS + "FormalParameter",
    "input": _BIOSCHEMAS + "properties/input",
    "output": _BIOSCHEMAS + "properties/output",
    "localPath": "https://w3id.org/ro/terms#localPath",
    **{name: _RUN + name for name in ("environment", "containerImage", "resourceUsage", "connection")},
}
_AGENTS = {"Person": "Person", "Organization": "Organization"}
# Properties that are relations: the term, and whether the node is its second argument.
_RELATIONS = {
    "isBasedOn": "wasDerivedFrom",
    "author": "wasAttributedTo",
    "creator": "wasAttributedTo",
    "hasPart": "hadMember",
}
_OF_ACTIONS = {"object", "result", "instrument", "agent", "startTime", "endTime"}
_OUTCOMES = {"CompletedActionStatus": "completed", "FailedActionStatus": "failed"}
_DEEPEST = 8


def records_of(nodes: Mapping[str, _Node], context: Any, reading: Reading) -> tuple[list[Record], Mapping[str, str]]:
    """The records that the nodes of a crate make, and the prefixes that their names have."""
    terms = _Terms(context, reading)
    reader = _Reader(nodes, terms, reading)
    return list(dict.fromkeys(reader.records())), terms.prefixes


class _Terms:
    """What the terms of a crate mean."""

    def __init__(self, context: Any, reading: Reading) -> None:
        self.prefixes = dict(_PREFIXES)
        self._own: dict[str, str] = {}
        for part in context if isinstance(context, list) else [context]:
            if isinstance(part, dict):
                for key, value in part.items():
                    iri = value.get("@id") if isinstance(value, dict) else value
                    if isinstance(iri, str) and not key.startswith("@"):
                        self._own[key] = iri
            elif isinstance(part, str) and not part.startswith("https://w3id.org/ro/"):
                reading.note(f"the context {part} was not fetched: its terms are taken for schema.org's")
        self.prefixes |= {key: iri for key, iri in self._own.items() if iri.endswith(("#", "/", ":"))}

    def iri(self, term: str, depth: int = 0) -> str:
        """The IRI of a term."""
        if term in self._own and depth < _DEEPEST:
            return self.iri(self._own[term], depth + 1) if self._own[term] != term else term
        prefix, colon, local = term.partition(":")
        if not colon:
            return _WORDS.get(term, _SCHEMA + term)
        return self.prefixes[prefix] + local if prefix in self.prefixes and not local.startswith("//") else term


class _Reader:
    """Makes the records."""

    def __init__(self, nodes: Mapping[str, _Node], terms: _Terms, reading: Reading) -> None:
        self._nodes = nodes
        self._terms = terms
        self._reading = reading
        self._types = {id: self._types_of(id, node) for id, node in nodes.items()}
        actions = [node for id, node in nodes.items() if self._is_action(id)]
        instruments = {id for node in actions for id in _ids(node.get("instrument"))}
        acting = {id for node in actions for id in _ids(node.get("agent"))}
        # A program is an agent where it did something, and otherwise a thing like any other.
        self._programs = {id for id in instruments if self._types.get(id) == {"SoftwareApplication"}}
        people = {id for id, types in self._types.items() if types & _AGENTS.keys()}
        self._agents = people | self._programs | {id for id in acting if not self._is_action(id)}
        self._plans = {id for id in instruments if id not in self._programs}

    def _types_of(self, id: str, node: _Node) -> set[str]:
        types = _list(node.get("@type"))
        for each in types:
            if not is_text(each):
                self._reading.note(f"{id} has a type that is no text, and was left out")
        return {each for each in types if is_text(each)}

    def _is_action(self, id: str) -> bool:
        return any(each.endswith("Action") for each in self._types.get(id, ()))

    def records(self) -> Iterator[Record]:
        for id, node in self._nodes.items():
            if id.rpartition("/")[2] not in (METADATA, OLD_METADATA):
                yield from self._element(id, node)
                yield from self._relations(id, node)

    def _name(self, id: str) -> str:
        """The IRI of a node: what holotype calls it, or its own; one within the crate is named after the crate."""
        said = self._nodes.get(id, {}).get("identifier")
        if isinstance(said, str) and said.startswith("urn:holotype:") and not is_absolute(id):
            return said
        if is_absolute(id):
            return id
        return self._reading.own(id.removeprefix("_:"))

    def _element(self, id: str, node: _Node) -> Iterator[Record]:
        attributes = list(self._attributes(id, node))
        if self._is_action(id):
            times: list[datetime | None] = []
            for key in ("startTime", "endTime"):
                said = [value for value in _list(node.get(key)) if is_text(value)]
                time = self._reading.time(said[0], id) if said else None
                times.append(time)
                attributes += [(self._terms.iri(key), Literal(each)) for each in said[1 if time else 0 :]]
            yield Record("activity", self._name(id), tuple(times), tuple(attributes))
        else:
            term = "agent" if id in self._agents else "entity"
            yield Record(term, self._name(id), (), tuple(attributes))

    def _attributes(self, id: str, node: _Node) -> Iterator[tuple[str, Value]]:
        for each in sorted(self._types[id]):
            yield PROV + "type", Name(self._terms.iri(each))
        if kinds := self._types[id] & _AGENTS.keys():
            yield from ((PROV + "type", Name(PROV + _AGENTS[kind])) for kind in sorted(kinds))
        if id in self._programs:
            yield PROV + "type", Name(PROV + "SoftwareAgent")
        if id in self._plans:
            yield PROV + "type", Name(PROV + "Plan")
        file = "File" in self._types[id]
        if file and not is_absolute(id):
            yield HOLOTYPE + "path", Literal(id)
        action = self._is_action(id)
        for key, values in node.items():
            if key in ("@id", "@type") or self._is_relation(key, action=action):
                continue
            for value in _list(values):
                yield from self._attribute(id, key, value, file=file)

    def _attribute(self, id: str, key: str, value: Any, *, file: bool) -> Iterator[tuple[str, Value]]:
        text = value if isinstance(value, str) else None
        if key == "identifier" and text == self._name(id):
            return
        if key == "name" and text is not None:
            yield PROV + "label", Literal(text)
        elif file and key == "sha256" and text is not None:
            yield HOLOTYPE + "sha256", Literal(text)
        elif file and key == "contentSize" and text is not None and text.isdecimal():
            yield HOLOTYPE + "size", Literal(text, XSD + "integer")
        elif key == "actionStatus" and (outcome := _OUTCOMES.get(_last(value))):
            yield HOLOTYPE + "outcome", Literal(outcome)
        elif key == "error" and text is not None:
            yield HOLOTYPE + "error", Literal(text)
        elif (said := self._value(id, key, value)) is not None:
            yield self._terms.iri(key), said

    def _value(self, id: str, key: str, value: Any) -> Value | None:
        match value:
            case None:
                return None
            case Number():
                return Literal(value, XSD + ("integer" if value.removeprefix("-").isdecimal() else "double"))
            case str():
                return Literal(value)
            case bool():
                return Literal("true" if value else "false", XSD + "boolean")
            case {"@id": other, **rest} if is_text(other) and not rest:
                return Name(self._name(other))
            case {"@value": str(text), "@language": str(language)}:
                return tagged(text, language)
            case {"@value": str(text), "@type": str(datatype)}:
                return Literal(text, self._terms.iri(datatype))
            case {"@value": str(text), **rest} if not rest:
                return Literal(text)
        self._reading.note(f"{key} of {id} is nested, which nothing in an RO-Crate is: kept as JSON")
        return json_literal(value, RDF + "JSON")

    def _is_relation(self, key: str, *, action: bool) -> bool:
        return key in (_OF_ACTIONS if action else _RELATIONS) or self._term(key) is not None

    def _term(self, key: str) -> str | None:
        """The relation of PROV that a property is by its own name."""
        iri = self._terms.iri(key) if ":" in key else ""
        term = iri.removeprefix(PROV)
        return term if iri.startswith(PROV) and term in TERMS and term not in ELEMENTS and term != "mentionOf" else None

    def _relations(self, id: str, node: _Node) -> Iterator[Record]:
        mine = self._name(id)
        if self._is_action(id):
            yield from self._of_action(id, node)
        for key, values in node.items():
            term = self._term(key) or (_RELATIONS.get(key) if not self._is_action(id) else None)
            if term is None:
                continue
            for other in _ids(values):
                yield Record(term, None, (mine, self._name(other)))
            for value in _list(values):
                if not _ids(value):
                    self._reading.note(f"{key} of {id} leads to no node, and was left out: {value!r:.100}")

    def _of_action(self, id: str, node: _Node) -> Iterator[Record]:
        mine = self._name(id)
        for key in ("object", "result", "instrument", "agent"):
            for value in _list(node.get(key)):
                if not _ids(value):
                    self._reading.note(f"{key} of {id} leads to no node, and was left out: {value!r:.100}")
        for other in _ids(node.get("object")):
            # An action that has another for its object or its result is the one that had it done.
            if self._is_action(other):
                yield Record("wasStartedBy", None, (self._name(other), None, mine))
            else:
                yield Record("used", None, (mine, self._name(other)))
        for other in _ids(node.get("result")):
            if self._is_action(other):
                yield Record("wasStartedBy", None, (self._name(other), None, mine))
            else:
                yield Record("wasGeneratedBy", None, (self._name(other), mine))
        for other in _ids(node.get("agent")):
            yield Record("wasAssociatedWith", None, (mine, self._name(other)))
        for other in _ids(node.get("instrument")):
            arguments = (mine, self._name(other)) if other in self._programs else (mine, None, self._name(other))
            yield Record("wasAssociatedWith", None, arguments)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _ids(value: Any) -> list[str]:
    """The nodes that a property leads to."""
    found = (each.get("@id") for each in _list(value) if isinstance(each, dict))
    return [id for id in found if is_text(id) and id]


def _last(value: Any) -> str:
    """The last word of an identifier, or of text."""
    text = value.get("@id") if isinstance(value, dict) else value
    return text.rpartition("/")[2] if isinstance(text, str) else ""
