"""To and from the documents of the package ``prov``, for whatever it can do with them: plots, graphs, its formats.

PROV-JSONLD is read through it.  Values become Python's own there, so that ``"01"`` of type ``xsd:int`` is ``1``, and
comes back as ``"1"``.
"""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ...stores.extras import load_extra
from ..model import PROV, TERMS, XSD, Bundle, Document, Literal, Name, Record
from .prefixes import Prefixes
from .reading import Reading, parse_json, tagged
from .times import time_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

    from ..model import Value

__all__ = ["PROVJSONLD", "from_prov", "read_provjsonld", "to_prov"]

# Where the context of PROV-JSONLD is; whoever names it means that format.
PROVJSONLD = b"https://openprovenance.org/prov-jsonld/context"
_CLASSES = {
    "entity": "Entity",
    "activity": "Activity",
    "agent": "Agent",
    "wasGeneratedBy": "Generation",
    "used": "Usage",
    "wasInformedBy": "Communication",
    "wasStartedBy": "Start",
    "wasEndedBy": "End",
    "wasInvalidatedBy": "Invalidation",
    "wasDerivedFrom": "Derivation",
    "wasAttributedTo": "Attribution",
    "wasAssociatedWith": "Association",
    "actedOnBehalfOf": "Delegation",
    "wasInfluencedBy": "Influence",
    "specializationOf": "Specialization",
    "alternateOf": "Alternate",
    "hadMember": "Membership",
    "mentionOf": "Mention",
}
_TERMS = {PROV + name: term for term, name in _CLASSES.items()}
# What prov is known to raise for a document that is wrong.
_WRONG = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def to_prov(document: Document) -> Any:
    """The document as a ``prov.model.ProvDocument``.  Raises ``ExtraMissing``."""
    return _Maker(load_extra("prov.model", extra="provenance"), document).made()


def from_prov(document: Any) -> Document:
    """The document that a ``prov.model.ProvDocument`` is.  Raises ``ExtraMissing``."""
    model = load_extra("prov.model", extra="provenance")
    bundles = tuple(Bundle(bundle.identifier.uri, _records(bundle, model)) for bundle in document.bundles)
    prefixes = {space.prefix: space.uri for space in document.get_registered_namespaces()}
    return Document(_records(document, model), bundles, prefixes)


def read_provjsonld(data: bytes, name: str) -> Document:
    """The document that PROV-JSONLD says, the W3C submission of 2024; its context is known, and not fetched.

    Raises ``DocumentUnreadable`` and ``ExtraMissing``.
    """
    model = load_extra("prov.model", extra="provenance")
    reading = Reading(data, name)
    # It reads the text again: this looks only whether it is JSON of a sane depth.
    parse_json(data, name)
    with _warnings_noted(reading):
        try:
            found = model.ProvDocument.deserialize(io.BytesIO(data), format="jsonld")
        except (*_WRONG, load_extra("prov", extra="provenance").Error) as error:
            raise reading.refuse(f"no PROV-JSONLD: {error}") from error
    document = from_prov(found)
    return Document(document.records, document.bundles, document.prefixes, reading.notes)


@contextmanager
def _warnings_noted(reading: Reading) -> Iterator[None]:
    """Has what ``prov`` warns of noted instead."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for each in caught:
        reading.note(str(each.message).splitlines()[0])


class _Maker:
    """Makes a document of ``prov``."""

    def __init__(self, model: ModuleType, document: Document) -> None:
        self._model = model
        self._identifiers = load_extra("prov.identifier", extra="provenance")
        self._document = document
        self._prefixes = Prefixes(document.prefixes)

    def made(self) -> Any:
        made = self._model.ProvDocument()
        self._fill(made, self._document.records)
        for bundle in self._document.bundles:
            self._fill(made.bundle(self._name(bundle.id)), bundle.records)
        return made

    def _fill(self, bundle: Any, records: Iterable[Record]) -> None:
        for record in records:
            attributes: list[tuple[Any, Any]] = []
            for argument, value in zip(TERMS[record.term].arguments, record.arguments, strict=True):
                if value is not None:
                    said = (
                        datetime.fromisoformat(time_text(value)) if isinstance(value, datetime) else self._name(value)
                    )
                    attributes.append((self._name(PROV + argument.name), said))
            attributes += [(self._name(name), self._value(value)) for name, value in record.attributes]
            id = self._name(record.id) if record.id is not None else None
            bundle.new_record(self._name(PROV + _CLASSES[record.term]), id, attributes)

    def _name(self, iri: str) -> Any:
        prefix, local = self._prefixes.split(iri)
        return self._identifiers.Namespace(prefix, self._prefixes.declared[prefix])[local]

    def _value(self, value: Value) -> Any:
        if isinstance(value, Name):
            return self._name(value.uri)
        if value.language is not None:
            return self._model.Literal(value.text, None, value.language)
        return self._model.Literal(value.text, self._name(value.datatype))


def _records(bundle: Any, model: ModuleType) -> tuple[Record, ...]:
    found: list[Record] = []
    for record in bundle.records:
        arguments = tuple(value if isinstance(value, datetime) or value is None else value.uri for value in record.args)
        attributes = tuple((name.uri, _said(value, model)) for name, value in record.extra_attributes)
        id = record.identifier.uri if record.identifier is not None else None
        term = TERMS[_TERMS[record.get_type().uri]]
        found.append(Record(term.name, id, arguments, attributes))
    return tuple(found)


def _said(value: Any, model: ModuleType) -> Value:
    match value:
        case bool():
            return Literal("true" if value else "false", XSD + "boolean")
        case int():
            return Literal(str(value), XSD + _whole(value))
        case float():
            text = repr(value).replace("inf", "INF").replace("nan", "NaN")
            return Literal(text, XSD + "double")
        case datetime():
            return Literal(time_text(value), XSD + "dateTime")
        case str():
            return Literal(value)
    if isinstance(value, model.Literal):
        if value.langtag:
            return tagged(value.value, value.langtag)
        return Literal(value.value, value.datatype.uri) if value.datatype is not None else Literal(value.value)
    # A name is also an identifier there.
    return Name(value.uri) if hasattr(value, "localpart") else Literal(value.uri, XSD + "anyURI")


def _whole(value: int) -> str:
    """The datatype that ``prov`` means by a whole number."""
    return "int" if -(2**31) <= value < 2**31 else "long" if -(2**63) <= value < 2**63 else "integer"
