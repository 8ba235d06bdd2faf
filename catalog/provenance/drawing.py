"""Pictures of provenance, as text that others draw: Mermaid, for pages and notebooks, and DOT, for Graphviz.

Entities are yellow ellipses, activities blue boxes and agents orange houses, as in PROV's own documents; an arrow leads
from what came later to what it came from.  Whatever a name is made of, it is shown and never obeyed.

Packages of environments, of which there are hundreds, and the contents of files, which are drawn as files already, are
left out unless a picture is to be whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from .hashing import content_of
from .model import ELEMENTS, PROV, TERMS, Name
from .vocabulary import HOLOTYPE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .model import Document, Record

__all__ = ["dot", "mermaid"]

# Longer names are cut in the middle, where they say least.
_LONGEST = 60
# Of an entity that is an agent as well, the last of these is shown.
_ORDER = ("entity", "activity", "agent")
_SHAPES = {
    "entity": 'shape=ellipse, style=filled, fillcolor="#fffc87", color="#808080"',
    "activity": 'shape=box, style=filled, fillcolor="#9fb1fc", color="#0000ff"',
    "agent": 'shape=house, style=filled, fillcolor="#fed37f", color="#808080"',
}
_CLASSES = {
    "entity": "fill:#fffc87,stroke:#808080,color:#000",
    "activity": "fill:#9fb1fc,stroke:#0000ff,color:#000",
    "agent": "fill:#fed37f,stroke:#808080,color:#000",
}
# A label between brackets of its shape; Mermaid has no house: a trapezium comes nearest.
_BRACKETS = {"entity": ("([", "])"), "activity": ("[", "]"), "agent": ("[/", "\\]")}
_CONTROLS = re.compile("[\x00-\x1f\x7f\x80-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
# What may mean something to Mermaid; a space after a sign can make a list of it.
_SIGNS = re.compile(r"[^\w .,:/@+-]|[.+-](?= )")


@dataclass(frozen=True)
class _Node:
    key: str
    kind: str
    label: str


@dataclass(frozen=True)
class _Edge:
    first: str
    second: str
    label: str
    dashed: bool = False


@dataclass(frozen=True)
class _Picture:
    """What is to be drawn: nodes by the bundle they are first spoken of in, and edges."""

    nodes: dict[str | None, list[_Node]]
    edges: list[_Edge]


def mermaid(document: Document, *, whole: bool = False) -> str:
    """The document as a flowchart of Mermaid; bundles are frames.  ``whole``: with packages and contents."""
    picture = _picture(document, whole=whole)
    lines = ["flowchart RL"]
    for number, (bundle, nodes) in enumerate(picture.nodes.items()):
        if bundle is not None:
            lines.append(f'  subgraph b{number}["{_quoted(bundle)}"]')
        for node in nodes:
            before, after = _BRACKETS[node.kind]
            lines.append(f'    {node.key}{before}"{_quoted(node.label)}"{after}:::{node.kind}')
        if bundle is not None:
            lines.append("  end")
    for edge in picture.edges:
        arrow = "-.->" if edge.dashed else "-->"
        lines.append(f'  {edge.first} {arrow}|"{_quoted(edge.label)}"| {edge.second}')
    lines += [f"  classDef {kind} {style}" for kind, style in _CLASSES.items()]
    return "\n".join(lines) + "\n"


def dot(document: Document, *, whole: bool = False) -> str:
    """The document as a graph of Graphviz; bundles are clusters.  ``whole``: with packages and contents."""
    picture = _picture(document, whole=whole)
    lines = [
        "digraph provenance {",
        "  rankdir=RL;",
        '  node [fontname="sans-serif"];',
        '  edge [fontname="sans-serif"];',
    ]
    for number, (bundle, nodes) in enumerate(picture.nodes.items()):
        if bundle is not None:
            lines += [f"  subgraph cluster_{number} {{", f"    label={_string(bundle)};"]
        lines += [f"    {node.key} [label={_string(node.label)}, {_SHAPES[node.kind]}];" for node in nodes]
        if bundle is not None:
            lines.append("  }")
    for edge in picture.edges:
        style = ", style=dashed" if edge.dashed else ""
        lines.append(f"  {edge.first} -> {edge.second} [label={_string(edge.label)}{style}];")
    return "\n".join([*lines, "}", ""])


def _picture(document: Document, *, whole: bool) -> _Picture:
    drawn = [(bundle, record) for bundle, record in document if whole or not _left_out(record)]
    kinds: dict[str, str] = {}
    labels: dict[str, str] = {}
    places: dict[str, str | None] = {}
    for bundle, record in drawn:
        for id, kind in _spoken(record):
            if not whole and _is_detail(id):
                continue
            places.setdefault(id, bundle)
            if id not in kinds or _ORDER.index(kind) > _ORDER.index(kinds[id]):
                kinds[id] = kind
        if record.term in ELEMENTS and record.id is not None and (label := _label(record)) is not None:
            labels.setdefault(record.id, label)
    keys = {id: f"n{number}" for number, id in enumerate(places, 1)}
    nodes: dict[str | None, list[_Node]] = {None: []}
    for id, place in places.items():
        nodes.setdefault(place, []).append(_Node(keys[id], kinds[id], labels.get(id) or _short(id, document)))
    edges = [edge for _, record in drawn if record.term not in ELEMENTS for edge in _edges(record, keys)]
    return _Picture(nodes, edges)


def _is_detail(id: str) -> bool:
    return id.startswith("pkg:") or content_of(id) is not None


def _left_out(record: Record) -> bool:
    """Whether all that a record says is of a package, or of a content."""
    about = (record.id,) if record.term in ELEMENTS else record.arguments[:2]
    return any(isinstance(id, str) and _is_detail(id) for id in about)


def _spoken(record: Record) -> Iterator[tuple[str, str]]:
    """The elements that a record speaks of, and what each must be."""
    if record.term in ELEMENTS:
        yield record.id or "", record.term
        return
    for argument, value in zip(TERMS[record.term].arguments, record.arguments, strict=True):
        if isinstance(value, str) and argument.refers in (*ELEMENTS, "influence", "bundle"):
            # Of what influences, and of a bundle, nothing more is known than that it is something.
            yield value, argument.refers if argument.refers in ELEMENTS else "entity"


def _edges(record: Record, keys: dict[str, str]) -> Iterator[_Edge]:
    """A relation as an arrow to its second argument, and further ones, dashed, to whatever else it speaks of."""
    first, *others = record.arguments
    if not isinstance(first, str):
        return
    roles = [value.uri if isinstance(value, Name) else value.text for value in record.values(PROV + "role")]
    role = f" ({', '.join(roles)})" if roles else ""
    times = [value.isoformat() for value in others if isinstance(value, datetime)]
    whole = True
    for argument, value in zip(TERMS[record.term].arguments[1:], others, strict=True):
        if isinstance(value, str) and value in keys and argument.refers != "event":
            label = f"{record.term}{role}" if whole else f"{record.term}: {argument.name}"
            yield _Edge(keys[first], keys[value], "\n".join([label, *times] if whole else [label]), dashed=not whole)
            whole = False


def _label(record: Record) -> str | None:
    for name in (PROV + "label", HOLOTYPE + "name"):
        for value in record.values(name):
            return value.uri if isinstance(value, Name) else value.text
    return None


def _short(id: str, document: Document) -> str:
    """An identifier with its prefix, where the document has one for it."""
    spaces = [(space, prefix) for prefix, space in document.prefixes.items() if space and id.startswith(space)]
    if not spaces:
        return id
    space, prefix = max(spaces, key=lambda each: len(each[0]))
    return f"{prefix}:{id[len(space) :]}" if prefix else id[len(space) :]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}…{text[-_LONGEST // 2 + 1 :]}"


def _lines(text: str) -> list[str]:
    """The lines of a label, without characters that nobody sees."""
    return [_CONTROLS.sub("\ufffd", _cut(line)) for line in re.split("\r\n|[\n\r]", text)[:_LONGEST]]


def _quoted(text: str) -> str:
    """A label between quotes, as Mermaid has it: all but letters, digits and plain signs by their numbers.

    Mermaid reads markup, lists, entities and its own syntax even between quotes; a number it only ever shows.
    """
    return "<br/>".join(
        re.sub(r"[^\w .,:/@+-]|[.+-](?= )", lambda sign: f"#{ord(sign[0])};", line) for line in _lines(text)
    )


def _string(text: str) -> str:
    """A label as a string of DOT, in which nothing is an escape but what is put here."""
    return '"' + "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in _lines(text)) + '"'
