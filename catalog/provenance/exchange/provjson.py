"""PROV-JSON, as the W3C submission of 24 April 2013 has it.

It is written and read here, not by ``prov``: that package keeps values as Python's own, so that what was ``"01"`` of
type ``xsd:int`` comes back as ``1``, and the format is little more than a table of names.

::

    {"prefix": {"ex": "http://example.org/"},
     "entity": {"ex:figure": {"ex:width": {"$": "640", "type": "xsd:int"}}},
     "wasGeneratedBy": {"_:id1": {"prov:entity": "ex:figure", "prov:activity": "ex:plot"}}}
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from ..model import ELEMENTS, PROV, TERMS, XSD, Bundle, Document, Literal, Name
from .prefixes import Prefixes
from .reading import Number, Reading, Repeated, is_text, json_literal, parse_json, tagged
from .times import time_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..model import Record, Value

__all__ = ["read_json", "write_json"]

_STRING = XSD + "string"
_NAMES = frozenset({PROV + "QUALIFIED_NAME", XSD + "QName"})
_JSON = "http://www.w3.org/1999/02/22-rdf-syntax-ns#JSON"
_BLANK = "_:"
_HALVES = re.compile("[\ud800-\udfff]")


def write_json(document: Document) -> str:
    """The document as PROV-JSON."""
    spaces = {name: space for bundle in document.bundles for name, space in bundle.prefixes.items()}
    # ``default`` is the name of the default namespace there, and no prefix.
    prefixes = Prefixes({name: space for name, space in {**spaces, **document.prefixes}.items() if name != "default"})
    blank = (f"{_BLANK}id{number}" for number in count(1))
    sections: dict[str, Any] = {}
    _fill(sections, document.records, prefixes, blank)
    bundles: dict[str, Any] = {}
    for bundle in document.bundles:
        _fill(bundles.setdefault(prefixes.short(bundle.id), {}), bundle.records, prefixes, blank)
    whole = {"prefix": prefixes.declared, **sections, **({"bundle": bundles} if bundles else {})}
    # What UTF-8 has no bytes for, JSON can still escape.
    return _HALVES.sub(lambda half: f"\\u{ord(half[0]):04x}", json.dumps(whole, indent=1, ensure_ascii=False)) + "\n"


def _fill(sections: dict[str, Any], records: Iterable[Record], prefixes: Prefixes, blank: Iterator[str]) -> None:
    for record in records:
        section = sections.setdefault(record.term, {})
        id = prefixes.short(record.id) if record.id is not None else next(blank)
        _put(section, id, _said(record, prefixes))


def _put(among: dict[str, Any], key: str, value: Any) -> None:
    """Puts a value where there may be one already: several stand in a list."""
    if key not in among:
        among[key] = value
    elif isinstance(among[key], list):
        among[key].append(value)
    else:
        among[key] = [among[key], value]


def _said(record: Record, prefixes: Prefixes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for argument, value in zip(TERMS[record.term].arguments, record.arguments, strict=True):
        if value is not None:
            found[f"prov:{argument.name}"] = time_text(value) if isinstance(value, datetime) else prefixes.short(value)
    for name, each in record.attributes:
        _put(found, prefixes.short(name), _written(each, prefixes))
    return found


def _written(value: Value, prefixes: Prefixes) -> Any:
    if isinstance(value, Name):
        return {"$": prefixes.short(value.uri), "type": "prov:QUALIFIED_NAME"}
    if value.language is not None:
        return {"$": value.text, "lang": value.language}
    if value.datatype == _STRING:
        return value.text
    return {"$": value.text, "type": prefixes.short(value.datatype)}


def read_json(data: bytes, name: str) -> Document:
    """The document that PROV-JSON says; raises ``DocumentUnreadable``."""
    reading = Reading(data, name)
    whole = parse_json(data, name)
    if not isinstance(whole, dict):
        raise reading.refuse("a PROV-JSON document is an object of JSON, and this is something else")
    outer = _Scope(reading, whole, {"prov": PROV, "xsd": XSD})
    outer.mark_references(whole)
    bundles: list[Bundle] = []
    for id, inside in _each(whole.get("bundle"), reading, "bundle"):
        scope = _Scope(reading, inside, outer.prefixes)
        scope.mark_references(inside)
        bundles.append(Bundle(scope.name(id), tuple(scope.records(inside)), scope.prefixes))
    return Document(tuple(outer.records(whole)), tuple(bundles), outer.prefixes, reading.notes)


def _each(section: Any, reading: Reading, what: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything in a section, with its identifier; the same one may stand there several times."""
    for part in section if isinstance(section, Repeated) else [section]:
        if part is None:
            continue
        if not isinstance(part, dict):
            raise reading.refuse(f"{what} must be an object of JSON")
        for id, said in part.items():
            for each in said if isinstance(said, list) else [said]:
                if not isinstance(each, dict):
                    raise reading.refuse(f"{what} {id} must be an object of JSON, or a list of them")
                yield id, each


class _Scope:
    """A document or a bundle being read, with its prefixes."""

    def __init__(self, reading: Reading, inside: dict[str, Any], around: Mapping[str, str]) -> None:
        self._reading = reading
        self.prefixes = dict(around)
        declared = inside.get("prefix", {})
        for part in declared if isinstance(declared, Repeated) else [declared]:
            if not isinstance(part, dict):
                raise reading.refuse("prefix must be an object of JSON")
            for prefix, space in part.items():
                if not is_text(space):
                    raise reading.refuse(f"the prefix {prefix} must stand for one IRI")
                self.prefixes["" if prefix == "default" else prefix] = space
        self._referred: set[str] = set()

    def mark_references(self, inside: dict[str, Any]) -> None:
        """Finds which relations without a name of their own are spoken of by others, and need one."""
        for _, said in _each(inside.get("wasDerivedFrom"), self._reading, "wasDerivedFrom"):
            self._referred |= {
                value
                for key in ("prov:generation", "prov:usage")
                if isinstance(value := said.get(key), str) and value.startswith(_BLANK)
            }

    def records(self, inside: dict[str, Any]) -> Iterator[Record]:
        for kind, section in inside.items():
            if kind in ("prefix", "bundle"):
                continue
            if kind not in TERMS:
                ids = ", ".join(section) if isinstance(section, dict) else "nothing that has a name"
                self._reading.note(f"{kind} is no term of PROV: left out {ids}")
                continue
            for id, said in _each(section, self._reading, kind):
                yield from self._record(kind, id, said)

    def _record(self, kind: str, key: str, said: dict[str, Any]) -> Iterator[Record]:
        named = not key.startswith(_BLANK) or kind in ELEMENTS or key in self._referred
        id = self.name(key) if named else None
        arguments: dict[str, str | datetime] = {}
        attributes: list[tuple[str, Value]] = []
        further: list[str] = []
        formal = {f"prov:{argument.name}": argument for argument in TERMS[kind].arguments}
        for attribute, values in said.items():
            for value in values if isinstance(values, list) else [values]:
                argument = formal.get(attribute)
                plain = is_text(value)
                if argument is None or not plain:
                    attributes.append((self.name(attribute), self._value(value)))
                elif kind == "hadMember" and argument.name == "entity" and "entity" in arguments:
                    further.append(self.name(value))
                elif argument.name in arguments:
                    attributes.append((self.name(attribute), self._value(value)))
                elif argument.refers != "time":
                    arguments[argument.name] = self.name(value)
                elif (time := self._reading.time(value, f"{kind} {key}")) is not None:
                    arguments[argument.name] = time
                else:
                    attributes.append((self.name(attribute), Literal(value)))
        for each in [arguments, *({**arguments, "entity": member} for member in further)]:
            yield self._reading.record(kind, id, each, attributes)

    def _value(self, value: Any) -> Value:
        match value:
            case Number():
                return Literal(value, XSD + _number(value))
            case str():
                return Literal(value)
            case bool():
                return Literal("true" if value else "false", XSD + "boolean")
            case {"$": text, **rest} if isinstance(text, (str, bool)) and rest.keys() <= {"type", "lang"}:
                said = str(text) if isinstance(text, str) else "true" if text else "false"
                kind = rest.get("type")
                if rest.get("lang") is not None:
                    return tagged(said, str(rest["lang"]))
                if kind is None:
                    return self._value(text)
                if isinstance(kind, str):
                    datatype = self.name(kind)
                    return Name(self.name(said)) if datatype in _NAMES else Literal(said, datatype)
        self._reading.note(f"the value {json.dumps(value)[:200]} has no form in PROV: kept as JSON")
        return json_literal(value, _JSON)

    def name(self, short: str) -> str:
        """The IRI of a short name."""
        if short.startswith(_BLANK):
            return self._reading.own(short.removeprefix(_BLANK))
        prefix, colon, local = short.partition(":")
        if not colon:
            if "" in self.prefixes:
                return self.prefixes[""] + short
            self._reading.note(f"{short} has no prefix, and there is no default namespace: named after the document")
            return self._reading.own(short)
        if prefix in self.prefixes:
            return self.prefixes[prefix] + local
        self._reading.note(f"the prefix {prefix} is not declared: {short} is taken for an IRI")
        return short


def _number(digits: str) -> str:
    """The datatype of a number of JSON."""
    if not digits.removeprefix("-").isdigit():
        return "double"
    size = len(digits)
    if size > len(str(-(2**63))):
        return "integer"
    value = int(digits)
    return "int" if -(2**31) <= value < 2**31 else "long" if -(2**63) <= value < 2**63 else "integer"
