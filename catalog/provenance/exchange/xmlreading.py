"""Reading PROV-XML; see ``provxml`` for what it looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.parsers import expat

from ...errors import DocumentUnreadable
from ..model import ELEMENTS, PROV, TERMS, XSD, Bundle, Document, Literal, Name
from .provxml import IMPLIED, XSI, unescaped
from .reading import Reading, tagged

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ..model import Record, Value

__all__ = ["read_xml"]

_SPACE = "http://www.w3.org/XML/1998/namespace"
_SCHEMA = XSD.rstrip("#")
_QNAMES = frozenset({XSD + "QName", PROV + "QUALIFIED_NAME"})
_STRING = XSD + "string"
# A document has its bundles, those their records, those their attributes; anything deeper is not PROV.
_DEEPEST = 32
# Between a namespace and a name: a character that no namespace has.
_PARTS = "\x01"


class _Element:
    """An element of XML: its name as an IRI's two parts, its attributes, what is in it, and the prefixes it sees."""

    __slots__ = ("attributes", "children", "line", "local", "scope", "space", "text")

    def __init__(self, name: str, attributes: Mapping[str, str], scope: Mapping[str, str], line: int) -> None:
        self.space, self.local = _parted(name)
        self.attributes = attributes
        self.scope = scope
        self.line = line
        self.children: list[_Element] = []
        self.text: list[str] = []

    @property
    def iri(self) -> str:
        return _iri(self.space, unescaped(self.local))


def _parted(name: str) -> tuple[str, str]:
    space, _, local = name.rpartition(_PARTS)
    return space, local


def _iri(space: str, local: str) -> str:
    return (XSD if space == _SCHEMA else space) + local


def read_xml(data: bytes, name: str) -> Document:
    """The document that PROV-XML says; raises ``DocumentUnreadable``, also for one that declares entities."""
    reading = Reading(data, name)
    root = _Parser(reading).parse(data)
    if (root.space, root.local) != (PROV, "document"):
        raise reading.refuse(f"the outermost element of PROV-XML is prov:document, and here it is {root.local}")
    builder = _Builder(reading)
    records: list[Record] = []
    bundles: list[Bundle] = []
    for child in root.children:
        if (child.space, child.local) == (PROV, "bundleContent"):
            id = child.attributes.get(f"{PROV}{_PARTS}id")
            if id is None:
                raise reading.refuse(f"the bundle on line {child.line} has no prov:id")
            said = [record for each in child.children for record in builder.records(each)]
            bundles.append(Bundle(builder.name(id, child), tuple(said), dict(child.scope)))
        else:
            records += builder.records(child)
    prefixes = {prefix: _iri(space, "") for prefix, space in root.scope.items() if space != XSI}
    return Document(tuple(records), tuple(bundles), prefixes, reading.notes)


class _Parser:
    """Python's parser of XML, which gives elements and refuses a document that could make it swell or fetch."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._scopes: list[dict[str, str]] = [{}]
        self._coming: dict[str, str] = {}
        self._open: list[_Element] = []
        self._root: _Element | None = None
        self._parser = expat.ParserCreate(namespace_separator=_PARTS)
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartNamespaceDeclHandler = self._namespace
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._data

    def parse(self, data: bytes) -> _Element:
        try:
            self._parser.Parse(data, True)
        except DocumentUnreadable:
            raise
        except (expat.ExpatError, LookupError, ValueError) as error:
            # The last two: of an encoding that Python does not know, or the parser cannot use.
            raise self._reading.refuse(f"no XML: {error}") from error
        assert self._root is not None
        return self._root

    def _doctype(self, *_: object) -> None:
        raise self._reading.refuse("it declares a document type, which PROV-XML has none of and bombs are made of")

    def _namespace(self, prefix: str | None, space: str | None) -> None:
        self._coming[prefix or ""] = space or ""

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        scope = {**self._scopes[-1], **self._coming} if self._coming else self._scopes[-1]
        self._coming = {}
        self._scopes.append(scope)
        if len(self._scopes) > _DEEPEST:
            raise self._reading.refuse(f"line {self._parser.CurrentLineNumber} is nested too deeply to be PROV-XML")
        element = _Element(name, attributes, scope, self._parser.CurrentLineNumber)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _end(self, _: str) -> None:
        self._open.pop()
        self._scopes.pop()

    def _data(self, text: str) -> None:
        if self._open:
            self._open[-1].text.append(text)


class _Builder:
    """Makes records of elements."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def records(self, element: _Element) -> list[Record]:
        term, implied = IMPLIED.get(element.local, (element.local, None))
        if element.space != PROV or term not in TERMS:
            self._reading.note(f"line {element.line}: {element.iri} is no term of PROV, and is left out")
            return []
        id = element.attributes.get(f"{PROV}{_PARTS}id")
        arguments: dict[str, str | datetime] = {}
        attributes: list[tuple[str, Value]] = [(PROV + "type", Name(PROV + implied))] if implied else []
        members: list[str] = []
        for each, value in element.attributes.items():
            if each == f"{XSI}{_PARTS}type":
                # A schema that extends PROV's says so of an element.
                attributes.append((PROV + "type", Name(self.name(value, element))))
            elif each != f"{PROV}{_PARTS}id":
                attributes.append((_iri(*_parted(each)), Literal(value)))
        formal = {argument.name: argument for argument in TERMS[term].arguments}
        for child in element.children:
            argument = formal.get(child.local) if child.space == PROV else None
            if argument is None:
                attributes.append((child.iri, self._value(child)))
            elif argument.refers != "time":
                self._refer(child, term, argument.name, arguments, members, attributes)
            elif argument.name not in arguments and (time := self._time(child)) is not None:
                arguments[argument.name] = time
            else:
                attributes.append((child.iri, self._value(child)))
        name = self.name(id, element) if id is not None else None
        if name is None and term in ELEMENTS:
            name = self._reading.own(f"line{element.line}")
            self._reading.note(f"line {element.line}: {term} without prov:id is named after the document")
        made = [arguments, *({**arguments, "entity": each} for each in members)]
        return [self._reading.record(term, name, each, attributes) for each in made]

    def _refer(
        self,
        child: _Element,
        term: str,
        argument: str,
        arguments: dict[str, str | datetime],
        members: list[str],
        attributes: list[tuple[str, Value]],
    ) -> None:
        """Takes an element that refers to something: as an argument, or as an attribute where it is none."""
        # Some writers put the reference of a member into an element of its own.
        inner = child.children[0] if len(child.children) == 1 else child
        ref = child.attributes.get(f"{PROV}{_PARTS}ref", inner.attributes.get(f"{PROV}{_PARTS}ref"))
        if ref is None:
            attributes.append((child.iri, self._value(child)))
        elif argument not in arguments:
            arguments[argument] = self.name(ref, child)
        elif (term, argument) == ("hadMember", "entity"):
            members.append(self.name(ref, child))
        else:
            attributes.append((child.iri, Name(self.name(ref, child))))

    def _time(self, element: _Element) -> datetime | None:
        plain = element.attributes.get(f"{XSI}{_PARTS}type") is None and not element.children
        return self._reading.time("".join(element.text), f"line {element.line}") if plain else None

    def _value(self, element: _Element) -> Value:
        if element.children:
            self._reading.note(f"line {element.line}: {element.iri} has elements in it, of which only the text is kept")
        text = "".join(element.text)
        known = {f"{XSI}{_PARTS}type", f"{_SPACE}{_PARTS}lang", f"{PROV}{_PARTS}ref"}
        for name in element.attributes.keys() - known:
            self._reading.note(f"line {element.line}: {_iri(*_parted(name))} of {element.iri} is left out")
        language = element.attributes.get(f"{_SPACE}{_PARTS}lang")
        if language is not None:
            return tagged(text, language)
        if (ref := element.attributes.get(f"{PROV}{_PARTS}ref")) is not None:
            return Name(self.name(ref, element))
        kind = element.attributes.get(f"{XSI}{_PARTS}type")
        if kind is None:
            return Literal(text)
        datatype = self.name(kind, element)
        return Name(self.name(text, element)) if datatype in _QNAMES else Literal(text, datatype)

    def name(self, short: str, element: _Element) -> str:
        """The IRI of a short name, by the prefixes that an element sees."""
        # Text that was set on a line of its own; a name itself may well end with a space.
        if short[:1].isspace() or short.endswith("\n"):
            short = short.strip(" \t\r\n")
        prefix, colon, local = short.partition(":")
        if not colon:
            prefix, local = "", short
        space = element.scope.get(prefix)
        if space is not None:
            return _iri(space, local)
        if colon:
            self._reading.note(f"line {element.line}: the prefix {prefix} is not declared: {short} is taken for an IRI")
            return short
        self._reading.note(f"line {element.line}: {short} has no prefix: named after the document")
        return self._reading.own(short)
