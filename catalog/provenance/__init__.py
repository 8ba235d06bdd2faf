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
    linking     what records say, as rows of the graph
    walking     one step of a walk, and how identical bytes meet
    meeting     the shortest way between two elements
    graph       walks and paths
    recording   records into an archive, once they are known to be possible
    exchange    other notations, read and written
    drawing     pictures, as text that others draw
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .drawing import dot, mermaid
    from .exchange.cratereading import read_crate
    from .exchange.cratewriting import Root, write_crate
    from .exchange.documents import FORMATS, read_document, write_document
    from .exchange.lineage import openlineage_events, write_openlineage
    from .exchange.lineagereading import read_openlineage
    from .exchange.package import from_prov, to_prov
    from .exchange.places import crate_place
    from .exchange.results import Loss, Written
    from .graph import Graph, Walk
    from .hashing import CONTENT, content_id, content_of, key, keys
    from .model import ELEMENTS, PROV, TERMS, Bundle, Document, Literal, Name, Record, Value
    from .provn import read_provn, write_provn
    from .recording import Recorded, record, refuse, says_something, shared
    from .rows import element_of, relation_of
    from .stored import elements, matching, relations, statements
    from .tables import PROV_ELEMENTS, PROV_RELATIONS, PROV_TABLES
    from .vocabulary import (
        HOLOTYPE,
        PREFIXES,
        FileVersion,
        activity_id,
        backup_id,
        described_id,
        file_id,
        file_version,
        grade_id,
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
    "Bundle": "model",
    "CONTENT": "hashing",
    "Document": "model",
    "ELEMENTS": "model",
    "FORMATS": "exchange.documents",
    "FileVersion": "vocabulary",
    "Graph": "graph",
    "HOLOTYPE": "vocabulary",
    "Literal": "model",
    "Loss": "exchange.results",
    "Name": "model",
    "PREFIXES": "vocabulary",
    "PROV": "model",
    "PROV_ELEMENTS": "tables",
    "PROV_RELATIONS": "tables",
    "PROV_TABLES": "tables",
    "Record": "model",
    "Recorded": "recording",
    "Root": "exchange.cratewriting",
    "TERMS": "model",
    "Value": "model",
    "Walk": "graph",
    "Written": "exchange.results",
    "activity_id": "vocabulary",
    "backup_id": "vocabulary",
    "content_id": "hashing",
    "content_of": "hashing",
    "crate_place": "exchange.places",
    "described_id": "vocabulary",
    "dot": "drawing",
    "element_of": "rows",
    "elements": "stored",
    "file_id": "vocabulary",
    "file_version": "vocabulary",
    "from_prov": "exchange.package",
    "grade_id": "vocabulary",
    "key": "hashing",
    "keys": "hashing",
    "literal": "vocabulary",
    "matching": "stored",
    "mermaid": "drawing",
    "name": "vocabulary",
    "openlineage_events": "exchange.lineage",
    "outside_id": "vocabulary",
    "package_id": "vocabulary",
    "person_id": "vocabulary",
    "place_digest": "vocabulary",
    "plain_value": "vocabulary",
    "read_crate": "exchange.cratereading",
    "read_document": "exchange.documents",
    "read_openlineage": "exchange.lineagereading",
    "read_provn": "provn",
    "record": "recording",
    "refuse": "recording",
    "relation_of": "rows",
    "relations": "stored",
    "says_something": "recording",
    "shared": "recording",
    "snapshot_id": "vocabulary",
    "software_id": "vocabulary",
    "statements": "stored",
    "to_prov": "exchange.package",
    "write_crate": "exchange.cratewriting",
    "write_document": "exchange.documents",
    "write_openlineage": "exchange.lineage",
    "write_provn": "provn",
}

__all__ = [
    "Bundle",
    "CONTENT",
    "Document",
    "ELEMENTS",
    "FORMATS",
    "FileVersion",
    "Graph",
    "HOLOTYPE",
    "Literal",
    "Loss",
    "Name",
    "PREFIXES",
    "PROV",
    "PROV_ELEMENTS",
    "PROV_RELATIONS",
    "PROV_TABLES",
    "Record",
    "Recorded",
    "Root",
    "TERMS",
    "Value",
    "Walk",
    "Written",
    "activity_id",
    "backup_id",
    "content_id",
    "content_of",
    "crate_place",
    "described_id",
    "dot",
    "element_of",
    "elements",
    "file_id",
    "file_version",
    "from_prov",
    "grade_id",
    "key",
    "keys",
    "literal",
    "matching",
    "mermaid",
    "name",
    "openlineage_events",
    "outside_id",
    "package_id",
    "person_id",
    "place_digest",
    "plain_value",
    "read_crate",
    "read_document",
    "read_openlineage",
    "read_provn",
    "record",
    "refuse",
    "relation_of",
    "relations",
    "says_something",
    "shared",
    "snapshot_id",
    "software_id",
    "statements",
    "to_prov",
    "write_crate",
    "write_document",
    "write_openlineage",
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
