"""PROV-N, the notation of PROV for people: documents read from it and written in it.

Reading is lenient where programs are: arguments at the end may be left out one by one, ``-`` may stand for any argument
(``check`` says which may not), declarations and bundles may come in any order.  Expressions of other vocabularies,
PROV-DICTIONARY's among them, are passed over; the document's ``notes`` say which.

Source: PROV-N: The Provenance Notation, W3C Recommendation of 30 April 2013; for ``mentionOf``, PROV-LINKS.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from .model import ELEMENTS, PROV, TERMS, XSD, Bundle, Document, Literal, Name, Record
from .scanning import Raw, Scanner
from .spelling import STANDARD, Spelling

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from .model import Value

__all__ = ["read_provn", "write_provn"]

_NAMES = frozenset({PROV + "QUALIFIED_NAME", XSD + "QName"})
_TEXTS = frozenset({PROV + "InternationalizedString", "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString"})


def read_provn(text: str, *, source: str = "") -> Document:
    """The document that a text in PROV-N holds.

    ``source``: where the text is from, for messages.  Raises ``DocumentUnreadable``, with the line and what was
    expected there, where the text is no PROV-N or a prefix is not declared.
    """
    return _Reader(Scanner(text.removeprefix("\ufeff"), source)).document()


def write_provn(document: Document) -> str:
    """A document in PROV-N, with its own prefixes and those it needs besides.

    ``read_provn`` reads the same document from it.  Raises ``InvalidName`` for an identifier that no IRI can be, such
    as one with a line break.
    """
    top = Spelling(document.prefixes)
    statements = _statements(document.records, top)
    names = [top.name(bundle.id) for bundle in document.bundles]
    parts: list[str] = []
    for bundle, name in zip(document.bundles, names, strict=True):
        inner = Spelling({**top.declared, **top.invented, **bundle.prefixes})
        inside = _statements(bundle.records, inner)
        own = {
            prefix: namespace
            for prefix, namespace in {**inner.declared, **inner.invented}.items()
            if top.declared.get(prefix, top.invented.get(prefix)) != namespace
        }
        parts += ["", f"  bundle {name}", *_indented(_declarations(own), 4), *_indented(inside, 4), "  endBundle"]
    declarations = _declarations({**top.declared, **top.invented})
    lines = ["document", *_indented(declarations, 2), *_indented(statements, 2), *parts, "endDocument"]
    return "\n".join(lines) + "\n"


def _statements(records: Iterable[Record], spelling: Spelling) -> list[str]:
    return [spelling.statement(record) for record in records]


def _declarations(prefixes: Mapping[str, str]) -> list[str]:
    return [f"prefix {prefix} <{iri}>" if prefix else f"default <{iri}>" for prefix, iri in prefixes.items()]


def _indented(lines: Iterable[str], by: int) -> list[str]:
    return [" " * by + line for line in lines]


class _Reader:
    """Reads one document; ``scope`` has the prefixes that are declared where it is."""

    def __init__(self, scanner: Scanner) -> None:
        self.scanner = scanner
        self.scope: dict[str, str] = dict(STANDARD)
        self.notes: list[str] = []

    def document(self) -> Document:
        scanner = self.scanner
        if not scanner.word("document"):
            scanner.fail("'document'")
        records: list[Record] = []
        bundles: list[Bundle] = []
        prefixes: dict[str, str] = {}
        while not scanner.word("endDocument"):
            if scanner.word("bundle"):
                bundles.append(self._bundle())
            elif not self._declaration(prefixes):
                self._expression(records, "'endDocument'")
        if scanner.at < len(scanner.text):
            scanner.fail("nothing more")
        return Document(tuple(records), tuple(bundles), MappingProxyType(prefixes), tuple(self.notes))

    def _bundle(self) -> Bundle:
        around = dict(self.scope)
        id = self._name("the name of the bundle")
        records: list[Record] = []
        prefixes: dict[str, str] = {}
        while not self.scanner.word("endBundle"):
            if not self._declaration(prefixes):
                self._expression(records, "'endBundle'")
        self.scope = around
        return Bundle(id, tuple(records), MappingProxyType(prefixes))

    def _declaration(self, prefixes: dict[str, str]) -> bool:
        word = self.scanner.word("prefix", "default")
        if word:
            prefix = self.scanner.prefix() if word == "prefix" else ""
            prefixes[prefix] = self.scope[prefix] = self.scanner.iri()
        return word is not None

    def _expression(self, records: list[Record], end: str) -> None:
        scanner = self.scanner
        line, start = scanner.line, scanner.at
        expected = f"an expression such as entity(ex:e1), or {end}"
        keyword = scanner.name(expected)
        term = keyword.local
        if keyword.prefix is not None or keyword.local not in TERMS:
            if keyword.prefix is None and "" not in self.scope:
                scanner.at = start
                scanner.fail(expected)
            iri = self._resolved(keyword, start)
            term = iri.removeprefix(PROV) if iri.startswith(PROV) else ""
        if not scanner.ahead("("):
            scanner.fail("'('")
        if term in TERMS:
            records.append(self._record(term, line))
        else:
            scanner.pass_over()
            name = f"{keyword.prefix}:{keyword.local}" if keyword.prefix else keyword.local
            self.notes.append(f"line {line}: {name}(…) is none of PROV-DM's expressions, and was left out")

    def _record(self, term: str, line: int) -> Record:
        scanner, formal = self.scanner, TERMS[term].arguments
        scanner.expect("(")
        id: str | None = None
        arguments: list[str | datetime | None] = []
        attributes: tuple[tuple[str, Value], ...] = ()
        if term in ELEMENTS:
            id = self._name(f"the identifier of the {term}")
        else:
            first = self._name_or_marker(f"an identifier, or the {formal[0].name}")
            if scanner.take(";"):
                id, first = first, self._name_or_marker(f"the {formal[0].name}")
            arguments.append(first)
        while scanner.take(","):
            if scanner.ahead("["):
                attributes = self._attributes()
                break
            if len(arguments) == len(formal):
                scanner.fail("attributes in square brackets")
            argument = formal[len(arguments)]
            if argument.refers != "time":
                arguments.append(self._name_or_marker(f"the {argument.name}, or -"))
            else:
                arguments.append(None if scanner.take("-") else scanner.time())
        scanner.expect(")", "',' or ')'")
        return Record(term, id, tuple(arguments), attributes, line)

    def _attributes(self) -> tuple[tuple[str, Value], ...]:
        scanner = self.scanner
        scanner.expect("[")
        found: list[tuple[str, Value]] = []
        while not scanner.take("]"):
            if found:
                scanner.expect(",", "',' or ']'")
            start = scanner.at
            name = self._resolved(scanner.name("the name of an attribute", attribute=True), start)
            scanner.expect("=")
            found.append((name, self._value()))
        return tuple(found)

    def _value(self) -> Value:
        scanner = self.scanner
        text = scanner.string()
        if text is not None:
            language = scanner.language()
            if not scanner.take("%%"):
                return Literal(text, language=language)
            datatype = self._name("a datatype")
            if datatype in _NAMES and (iri := self._named(text)) is not None:
                return Name(iri)
            return Literal(text, language=language) if language and datatype in _TEXTS else Literal(text, datatype)
        if scanner.ahead("'"):
            scanner.at += 1
            start = scanner.at
            raw = scanner.name("a qualified name in quotes", skip=False)
            iri = self._resolved(raw, start)
            scanner.expect("'")
            return Name(iri)
        number = scanner.integer()
        if number is None:
            scanner.fail('a value: "text", 12, \'ex:name\' or "text" %% xsd:type')
        return Literal(number, XSD + "int")

    def _named(self, text: str) -> str | None:
        """The IRI that a string stands for where its datatype says that it is a name."""
        prefix, colon, local = text.partition(":")
        namespace = self.scope.get(prefix if colon else "")
        return None if namespace is None else namespace + (local if colon else text)

    def _name_or_marker(self, expected: str) -> str | None:
        return None if self.scanner.take("-") else self._name(expected)

    def _name(self, expected: str) -> str:
        start = self.scanner.at
        return self._resolved(self.scanner.name(expected), start)

    def _resolved(self, raw: Raw, start: int) -> str:
        """The IRI of a name that began at ``start``."""
        namespace = self.scope.get(raw.prefix or "")
        if namespace is None:
            self.scanner.at = start
            self.scanner.fail(
                "a prefix that is declared" if raw.prefix else "a prefix, as there is no default namespace",
                f"the prefix {raw.prefix} is not declared" if raw.prefix else "no default namespace is declared",
            )
        return namespace + raw.local
