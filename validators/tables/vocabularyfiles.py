"""Files of vocabularies: OBO 1.4, OBO Graphs JSON, CSV and TSV, anybody's and of bounded size."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SchemaUnreadable
from ..found import Found
from ..limits import Limits
from ..streams.codes import STREAM_CODES
from ..subjects import Subject
from .dialect import dialect_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

__all__ = ["Told", "read_terms"]

# The largest ontologies in OBO are of some hundred megabytes.
_MOST = 1 << 30
_SYNONYM = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "W": " ", "t": "\t"}
_REPLACED = ("IAO_0100001", "IAO:0100001")


@dataclass
class Told:
    """What a file says of one term, while it is read."""

    id: str
    name: str = ""
    synonyms: list[str] = field(default_factory=list[str])
    parents: list[str] = field(default_factory=list[str])
    obsolete: bool = False
    replaced_by: list[str] = field(default_factory=list[str])


def read_terms(path: str | os.PathLike[str]) -> tuple[str, list[Told]]:
    """A vocabulary's name, and its terms, each id once; raises ``SchemaUnreadable``."""
    subject = Subject(path, format="text")
    try:
        text = _text(subject)
    except OSError as error:
        raise SchemaUnreadable(f"{path} cannot be read: {error.strerror or error}", path=str(path)) from error
    name = Path(path).name.split(".")[0]
    start = text.lstrip()[:1]
    try:
        if start == "{":
            terms = list(_graph(text))
        elif re.search(r"^\[Term\]", text, re.MULTILINE):
            terms = list(_obo(text))
        else:
            terms = list(_table(text, path))
    except SchemaUnreadable as error:
        raise SchemaUnreadable(f"{path}: {error}", path=str(path)) from error
    once: dict[str, Told] = {}
    for term in terms:
        if once.setdefault(term.id, term) is not term:
            raise SchemaUnreadable(f"{path}: the id {term.id!r} is given twice", path=str(path))
    if not once:
        raise SchemaUnreadable(f"{path}: there is no term in it", path=str(path))
    return name, list(once.values())


def _text(subject: Subject) -> str:
    found = Found("vocabulary", STREAM_CODES, limits=Limits(each=1))
    parts: list[bytes] = []
    size = 0
    for block in subject.blocks(found):
        parts.append(block)
        size += len(block)
        if size > _MOST:
            raise SchemaUnreadable(f"{subject.name} is larger than {_MOST:,} bytes", path=subject.name)
    if found.findings:
        raise SchemaUnreadable(f"{subject.name}: {found.findings[0].message}", path=subject.name)
    data = b"".join(parts)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SchemaUnreadable(f"{subject.name}: line {line} is no UTF-8", path=subject.name) from error


def _obo(text: str) -> Iterator[Told]:
    term: Told | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("["):
            if term is not None and term.id:
                yield term
            term = Told("") if line.strip() == "[Term]" else None
        elif term is not None and line.strip() and not line.startswith("!"):
            tag, colon, value = line.partition(":")
            if not colon:
                raise SchemaUnreadable(f"line {number} is no tag and value: {line[:60]!r}")
            _tag(term, tag.strip(), value.strip())
    if term is not None and term.id:
        yield term


def _tag(term: Told, tag: str, value: str) -> None:
    match tag:
        case "id":
            term.id = _first(value)
        case "name":
            term.name = _unescaped(re.split(r"(?<!\\)\s!\s", value)[0].strip())
        case "synonym" | "exact_synonym" | "related_synonym" | "narrow_synonym" | "broad_synonym":
            if found := _SYNONYM.match(value):
                term.synonyms.append(_unescaped(found[1]))
        case "alt_id":
            term.synonyms.append(_first(value))
        case "is_a":
            term.parents.append(_first(value))
        case "is_obsolete":
            term.obsolete = _first(value) == "true"
        case "replaced_by":
            term.replaced_by.append(_first(value))
        case _:
            pass


def _first(value: str) -> str:
    return (value.split() or [""])[0]


def _unescaped(value: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), value)


def _graph(text: str) -> Iterator[Told]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SchemaUnreadable(f"it is no JSON: {error}") from error
    graphs = told.get("graphs")
    if not isinstance(graphs, list):
        raise SchemaUnreadable("it is JSON, and has no graphs as OBO Graphs has")
    terms: dict[str, Told] = {}
    try:
        for graph in graphs:
            for node in graph.get("nodes") or ():
                if node.get("type", "CLASS") == "CLASS" and "lbl" in node:
                    terms.setdefault(node["id"], _node(node))
            for edge in graph.get("edges") or ():
                if edge["pred"] in ("is_a", "subClassOf") and edge["sub"] in terms:
                    terms[edge["sub"]].parents.append(_short(edge["obj"]))
    except (AttributeError, KeyError, TypeError) as error:
        raise SchemaUnreadable(f"its graphs are not as OBO Graphs has them: {error!r}") from error
    yield from terms.values()


def _node(node: Any) -> Told:
    about = node.get("meta") or {}
    return Told(
        _short(node["id"]),
        str(node["lbl"]),
        [str(each["val"]) for each in about.get("synonyms") or ()],
        [],
        about.get("deprecated") is True,
        [
            _short(each["val"])
            for each in about.get("basicPropertyValues") or ()
            if str(each["pred"]).endswith(_REPLACED)
        ],
    )


def _short(iri: str) -> str:
    """``http://purl.obolibrary.org/obo/CL_0000084`` as ``CL:0000084``."""
    last = re.split(r"[/#]", iri)[-1]
    return last.replace("_", ":", 1) if "/" in iri else iri


def _table(text: str, path: str | os.PathLike[str]) -> Iterator[Told]:
    dialect = dialect_of(
        text[: 1 << 16].encode(), "tsv" if Path(path).name.lower().endswith((".tsv", ".tab")) else "csv"
    )
    lines = io.StringIO(text, newline="")
    for _ in range(dialect.before):
        lines.readline()
    names = [name.strip().lower().replace(" ", "_") for name in dialect.names]
    places = {name: place for place, name in reversed(list(enumerate(names)))}
    if "id" not in places and "name" not in places and "label" not in places:
        raise SchemaUnreadable(f"its columns are {', '.join(dialect.names)[:200]}, and none is id, name or label")
    try:
        rows = csv.reader(lines, delimiter=dialect.delimiter.decode(), strict=True)
        next(rows, None)
        for row in rows:
            told = {name: row[place].strip() for name, place in places.items() if place < len(row)}
            name = told.get("name") or told.get("label") or ""
            if identity := told.get("id") or name:
                yield Told(
                    identity,
                    name,
                    _several(told, "synonyms", "synonym"),
                    _several(told, "parents", "parent", "is_a"),
                    told.get("obsolete", "").lower() in ("true", "1", "yes"),
                    _several(told, "replaced_by"),
                )
    except csv.Error as error:
        raise SchemaUnreadable(f"it is no table: {error}") from error


def _several(told: dict[str, str], *names: str) -> list[str]:
    given = next((told[name] for name in names if told.get(name)), "")
    return [each.strip() for each in given.split("|") if each.strip()]
