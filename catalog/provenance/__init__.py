"""Provenance: what W3C PROV can say of things and how they came about, as values, files, tables and a graph.

Each module may use those above it::

    model       records, documents, and the terms of PROV-DM: one table that everything else here is driven by
    vocabulary  identifiers and attributes of what an archive speaks of
    hashing     the 64 bits that the graph knows an element by
    tables      how records are kept: what was said, and the graph that it makes
    rows        records as rows of those tables, and back
    stored      what the tables say of elements
    provn       PROV-N, read and written
    checking    whether provenance can be true: PROV-CONSTRAINTS
    times       and whether its times agree
    links       the links of elements, found where they lie
    names       what elements are called, by their keys
    walking     one step of a walk, and how identical bytes meet
    meeting     the shortest way between two elements
    graph       walks and paths
    linking     what records say, as rows of the graph
    recording   records into an archive, once they are known to be possible
    exchange    other notations, read and written
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .exchange.cratereading import read_crate
    from .exchange.cratewriting import write_crate
    from .exchange.documents import read_document, write_document
    from .graph import Graph, Walk
    from .hashing import CONTENT, content_id, content_of, key, keys
    from .model import ELEMENTS, PROV, TERMS, Bundle, Document, Literal, Name, Record, Value
    from .provn import read_provn, write_provn
    from .recording import record, shared
    from .rows import element_of, relation_of
    from .stored import elements, matching, relations, statements
    from .tables import PROV_ELEMENTS, PROV_RELATIONS, PROV_TABLES
    from .vocabulary import (
        HOLOTYPE,
        PREFIXES,
        FileVersion,
        activity_id,
        described_id,
        file_id,
        file_version,
        literal,
        name,
        outside_id,
        package_id,
        person_id,
        place_digest,
        plain_value,
        snapshot_id,
        software_id,
    )

# The module that defines each name.
_HOME = {
    "CONTENT": "hashing",
    "ELEMENTS": "model",
    "HOLOTYPE": "vocabulary",
    "PREFIXES": "vocabulary",
    "PROV": "model",
    "PROV_ELEMENTS": "tables",
    "PROV_RELATIONS": "tables",
    "PROV_TABLES": "tables",
    "TERMS": "model",
    "Bundle": "model",
    "Document": "model",
    "FileVersion": "vocabulary",
    "Graph": "graph",
    "Literal": "model",
    "Name": "model",
    "Record": "model",
    "Value": "model",
    "Walk": "graph",
    "activity_id": "vocabulary",
    "content_id": "hashing",
    "content_of": "hashing",
    "described_id": "vocabulary",
    "element_of": "rows",
    "elements": "stored",
    "file_id": "vocabulary",
    "file_version": "vocabulary",
    "key": "hashing",
    "keys": "hashing",
    "literal": "vocabulary",
    "matching": "stored",
    "name": "vocabulary",
    "outside_id": "vocabulary",
    "package_id": "vocabulary",
    "person_id": "vocabulary",
    "place_digest": "vocabulary",
    "plain_value": "vocabulary",
    "read_crate": "exchange.cratereading",
    "read_document": "exchange.documents",
    "read_provn": "provn",
    "record": "recording",
    "relation_of": "rows",
    "relations": "stored",
    "shared": "recording",
    "snapshot_id": "vocabulary",
    "software_id": "vocabulary",
    "statements": "stored",
    "write_crate": "exchange.cratewriting",
    "write_document": "exchange.documents",
    "write_provn": "provn",
}

__all__ = [
    "CONTENT",
    "ELEMENTS",
    "HOLOTYPE",
    "PREFIXES",
    "PROV",
    "PROV_ELEMENTS",
    "PROV_RELATIONS",
    "PROV_TABLES",
    "TERMS",
    "Bundle",
    "Document",
    "FileVersion",
    "Graph",
    "Literal",
    "Name",
    "Record",
    "Value",
    "Walk",
    "activity_id",
    "content_id",
    "content_of",
    "described_id",
    "element_of",
    "elements",
    "file_id",
    "file_version",
    "key",
    "keys",
    "literal",
    "matching",
    "name",
    "outside_id",
    "package_id",
    "person_id",
    "place_digest",
    "plain_value",
    "read_crate",
    "read_document",
    "read_provn",
    "record",
    "relation_of",
    "relations",
    "shared",
    "snapshot_id",
    "software_id",
    "statements",
    "write_crate",
    "write_document",
    "write_provn",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
