"""Statements of RDF as text: Turtle, TriG, N-Triples and JSON-LD.

Written here and not by rdflib, whose writer of Turtle shortens numbers (``1.23456789`` becomes ``1.234568e+00``).
JSON-LD has its context within it, so that nobody needs to fetch one.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ..model import XSD, Literal, Name
from .prefixes import Prefixes
from .provo import RDF, RDFS, Blank

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .provo import Statement

__all__ = ["write_jsonld", "write_ntriples", "write_turtle"]

_TYPE = RDF + "type"
_STRING = XSD + "string"
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPED = re.compile('["\\\\\x00-\x1f\x7f]')
# Local names that need no escape in Turtle, and mean nothing else there.
_LOCAL = re.compile(r"[A-Za-z_][\w-]*", re.ASCII)
# Of a prefix in JSON-LD, what it stands for ends with one of these.
_ENDS = ("#", "/", ":", "?", "=")
_Said = dict[Name | Blank, dict[str, list[Name | Blank | Literal]]]


def write_ntriples(statements: Iterable[Statement]) -> str:
    """One statement a line; N-Triples has no graphs, so those in bundles are left out."""
    terms = _Terms(None)
    lines = [
        f"{terms.node(subject)} {terms.iri(predicate)} {terms.node(object)} .\n"
        for graph, subject, predicate, object in statements
        if graph is None
    ]
    return "".join(lines)


def write_turtle(statements: Iterable[Statement], given: Mapping[str, str]) -> str:
    """Turtle; TriG where there are graphs."""
    prefixes = Prefixes(given, spaces={"rdf": RDF, "rdfs": RDFS})
    terms = _Terms(prefixes)
    graphs = _graphs(statements)
    lines = [f"@prefix {prefix}: {_Terms(None).iri(space)} ." for prefix, space in prefixes.declared.items()]
    lines += ["", *_subjects(graphs.pop(None, {}), terms, "")]
    for graph, said in graphs.items():
        lines += [f"{terms.iri(graph or '')} {{", *_subjects(said, terms, "    "), "}", ""]
    return "\n".join(lines)


def write_jsonld(statements: Iterable[Statement], given: Mapping[str, str]) -> str:
    """JSON-LD, in expanded form but for the prefixes of its properties."""
    prefixes = Prefixes(given, spaces={"rdf": RDF, "rdfs": RDFS})
    graphs = _graphs(statements)
    nodes: list[Any] = _nodes(graphs.pop(None, {}), prefixes)
    nodes += [{"@id": graph, "@graph": _nodes(said, prefixes)} for graph, said in graphs.items()]
    # Only properties are short: an identifier that begins like a prefix would be taken for a short name.
    context = {prefix: space for prefix, space in prefixes.declared.items() if space.endswith(_ENDS)}
    return json.dumps({"@context": context, "@graph": nodes}, indent=1, ensure_ascii=False) + "\n"


def _graphs(statements: Iterable[Statement]) -> dict[str | None, _Said]:
    found: dict[str | None, _Said] = {}
    for graph, subject, predicate, object in statements:
        found.setdefault(graph, {}).setdefault(subject, {}).setdefault(predicate, []).append(object)
    return found


def _subjects(said: _Said, terms: _Terms, indent: str) -> Iterator[str]:
    for subject, objects in said.items():
        lines = [
            f"{'a' if predicate == _TYPE else terms.iri(predicate)} {', '.join(map(terms.node, each))}"
            for predicate, each in objects.items()
        ]
        yield f"{indent}{terms.node(subject)} " + f" ;\n{indent}    ".join(lines) + " ."
        yield ""


class _Terms:
    """Terms as Turtle writes them."""

    def __init__(self, prefixes: Prefixes | None) -> None:
        self._prefixes = prefixes

    def node(self, node: Name | Blank | Literal) -> str:
        match node:
            case Name():
                return self.iri(node.uri)
            case Blank():
                return f"_:{node.label}"
        text = f'"{_ESCAPED.sub(_escape, node.text)}"'
        if node.language is not None:
            return f"{text}@{node.language}"
        return text if node.datatype == _STRING else f"{text}^^{self.iri(node.datatype)}"

    def iri(self, iri: str) -> str:
        short = self._prefixes.known(iri) if self._prefixes is not None else None
        if short is not None and _LOCAL.fullmatch(short[1]):
            return ":".join(short)
        return f"<{iri}>"


def _escape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0]) or f"\\u{ord(match[0]):04X}"


def _nodes(said: _Said, prefixes: Prefixes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for subject, objects in said.items():
        node: dict[str, Any] = {"@id": _id(subject)}
        for predicate, each in objects.items():
            names = [_id(object) for object in each if not isinstance(object, Literal)]
            if predicate == _TYPE and names:
                node["@type"] = names
                each = [object for object in each if isinstance(object, Literal)]
            if each:
                short = prefixes.known(predicate)
                key = ":".join(short) if short is not None and _LOCAL.fullmatch(short[1]) else predicate
                node[key] = [_object(object) for object in each]
        found.append(node)
    return found


def _id(node: Name | Blank) -> str:
    return node.uri if isinstance(node, Name) else f"_:{node.label}"


def _object(object: Name | Blank | Literal) -> dict[str, str]:
    if not isinstance(object, Literal):
        return {"@id": _id(object)}
    if object.language is not None:
        return {"@value": object.text, "@language": object.language}
    return {"@value": object.text} | ({"@type": object.datatype} if object.datatype != _STRING else {})
