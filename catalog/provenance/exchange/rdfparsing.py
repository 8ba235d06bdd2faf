"""Text of RDF as statements, by rdflib; what a text would fetch, is refused."""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...stores.extras import load_extra
from ..model import Literal, Name
from .provo import Blank
from .reading import parse_json, tagged

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    from ...errors import DocumentUnreadable
    from .provo import Statement
    from .reading import Reading

__all__ = ["parse_rdf"]

# What rdflib's parsers are known to raise for a text that is wrong.
_WRONG = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
)
# What is named relative to the document; resolved to this, and named after the document afterwards.
_RELATIVE = "http://relative.invalid/"
# The deepest JSON that JSON-LD is read from: rdflib calls itself several times for each step.
_DEEPEST = 60
_LOCK = threading.Lock()


def parse_rdf(data: bytes, format: str, reading: Reading) -> tuple[list[Statement], Mapping[str, str]]:
    """The statements of a text in ``turtle``, ``trig``, ``nt`` or ``json-ld``, and its prefixes.

    Raises ``DocumentUnreadable`` and ``ExtraMissing``.
    """
    rdflib = load_extra("rdflib", extra="provenance")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise reading.refuse(f"no UTF-8: {error}") from error
    if format == "json-ld":
        _refuse_fetching(parse_json(data, reading.name), reading)
    dataset = rdflib.Dataset()
    try:
        with _literals_as_written(rdflib):
            dataset.parse(data=text, format=format, publicID=_RELATIVE)
            found = list(dataset.quads((None, None, None, None)))
    except (*_WRONG, rdflib.exceptions.Error) as error:
        raise reading.refuse(f"no {format}: {_first_line(error)}") from error
    names = _Terms(rdflib, reading)
    prefixes = {str(prefix): str(space) for prefix, space in dataset.namespaces()}
    return [names.statement(quad) for quad in found], prefixes


@contextmanager
def _literals_as_written(rdflib: Any) -> Iterator[None]:
    """Has rdflib keep what a literal says as it is written; it would make ``01`` of type ``xsd:int`` a ``1``.

    It asks a variable of its module, which is as it was afterwards.
    """
    with _LOCK, warnings.catch_warnings():
        # Its own parsers use what its own data set has left behind.
        warnings.simplefilter("ignore", DeprecationWarning)
        before, rdflib.NORMALIZE_LITERALS = rdflib.NORMALIZE_LITERALS, False
        try:
            yield
        finally:
            rdflib.NORMALIZE_LITERALS = before


def _refuse_fetching(whole: Any, reading: Reading) -> None:
    """Refuses JSON-LD with a context that would have to be fetched, or that is nested too deeply."""
    if not isinstance(whole, (dict, list)):
        raise reading.refuse("JSON-LD is an object of JSON or a list, and this is something else")
    waiting: list[tuple[Any, int]] = [(whole, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _DEEPEST:
            raise reading.refuse("nested too deeply to be a document")
        if isinstance(value, list):
            waiting += [(each, depth + 1) for each in value]
        elif isinstance(value, dict):
            for key, inside in value.items():
                if key == "@import":
                    raise _remote(inside, reading)
                if key == "@context":
                    _refuse_remote(inside, reading)
                waiting.append((inside, depth + 1))


def _refuse_remote(context: Any, reading: Reading) -> None:
    for each in context if isinstance(context, list) else [context]:
        if isinstance(each, list):
            _refuse_remote(each, reading)
        elif each is not None and not isinstance(each, dict):
            raise _remote(each, reading)


def _remote(address: object, reading: Reading) -> DocumentUnreadable:
    return reading.refuse(
        f"its context is at {address}, and contexts are never fetched; put the context itself into the document"
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


class _Terms:
    """Makes statements of what rdflib gives."""

    def __init__(self, rdflib: ModuleType, reading: Reading) -> None:
        self._literal, self._blank = rdflib.Literal, rdflib.BNode
        self._default = str(rdflib.graph.DATASET_DEFAULT_GRAPH_ID)
        self._reading = reading

    def statement(self, quad: tuple[Any, Any, Any, Any]) -> Statement:
        subject, predicate, object, graph = quad
        where = None if graph is None or str(graph) == self._default else self._named(graph)
        return where, self._node(subject), self._iri(predicate), self._object(object)

    def _named(self, graph: Any) -> str:
        if isinstance(graph, self._blank):
            self._reading.note("a bundle without a name is named after the document")
            return self._reading.own(f"bundle-{graph}")
        return self._iri(graph)

    def _object(self, object: Any) -> Name | Blank | Literal:
        if not isinstance(object, self._literal):
            return self._node(object)
        if object.language is not None:
            return tagged(str(object), object.language)
        return Literal(str(object), self._iri(object.datatype)) if object.datatype is not None else Literal(str(object))

    def _node(self, node: Any) -> Name | Blank:
        return Blank(str(node)) if isinstance(node, self._blank) else Name(self._iri(node))

    def _iri(self, iri: Any) -> str:
        text = str(iri)
        return self._reading.own(text.removeprefix(_RELATIVE)) if text.startswith(_RELATIVE) else text
