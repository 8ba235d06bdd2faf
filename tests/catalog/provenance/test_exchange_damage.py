"""Whatever is done to a document, it is read or refused: no reader falls over."""

from __future__ import annotations

import json
import logging
import random
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import DocumentUnreadable, UnsafePath
from holotype.catalog.provenance import (
    FORMATS,
    Document,
    Root,
    read_crate,
    read_document,
    read_openlineage,
    write_crate,
    write_document,
    write_openlineage,
)

from .runs import RUN_42

if TYPE_CHECKING:
    from pathlib import Path

TIMES = 150
ODD: list[Any] = [
    None,
    5,
    1.5,
    True,
    "x",
    "",
    [],
    {},
    [[]],
    {"@id": 5},
    {"$": 5},
    "_:b",
    "../x",
    {"@value": {}},
    [{"b": 1}],
]
KEYS = ["@id", "@type", "@graph", "@value", "@reverse", "@list", "prefix", "bundle", "$", "type", "", "prov:time"]
SIGNS = [
    b'"',
    b"<",
    b">",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"@",
    b"\\",
    b"'",
    b"\x00",
    b"\xff",
    b"&#0;",
    b"\\u0000",
    b'"""',
]


@cache
def written(format: str) -> bytes:
    return write_document(RUN_42, format).text.encode()


def bent(value: Any, chance: random.Random) -> Any:
    """A value of JSON, with something else here and there."""
    if chance.random() < 0.02:
        return chance.choice(ODD)
    if isinstance(value, dict):
        pairs = ((chance.choice(KEYS) if chance.random() < 0.01 else key, each) for key, each in value.items())
        return {key: bent(each, chance) for key, each in pairs if chance.random() > 0.01}
    return [bent(each, chance) for each in value] if isinstance(value, list) else value


def broken(data: bytes, chance: random.Random) -> bytes:
    """Bytes of which some are others, are gone, or are there twice."""
    found = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        place, other = chance.randrange(len(found)), chance.randrange(len(found))
        match chance.randrange(4):
            case 0:
                found[place] = chance.randrange(256)
            case 1:
                del found[place : place + chance.randint(1, 30)]
            case 2:
                found[place:place] = chance.choice(SIGNS)
            case _:
                found[place:place] = found[other : other + chance.randint(1, 60)]
    return bytes(found)


def is_read_or_refused(read: Document | None) -> None:
    for _, record in read or Document():
        assert record.id is None or isinstance(record.id, str)
        hash(record)


@pytest.fixture(autouse=True)
def quiet() -> None:
    # rdflib tells its log of every literal that is not what its datatype says.
    logging.getLogger("rdflib").setLevel(logging.CRITICAL)


@pytest.mark.parametrize("format", FORMATS)
def test_a_damaged_document_is_read_or_refused(format: str) -> None:
    if format not in ("provn", "json", "xml"):
        pytest.importorskip("rdflib")
    chance = random.Random(format)
    for _ in range(TIMES if format != "jsonld" else TIMES // 5):
        data = written(format)
        if format.startswith("json") and chance.random() < 0.7:
            data = json.dumps(bent(json.loads(data), chance)).encode()
        else:
            data = broken(data, chance)
        try:
            read = read_document(data, format=format)
        except DocumentUnreadable:
            read = None
        is_read_or_refused(read)


def test_damaged_events_are_read_or_refused() -> None:
    lines = write_openlineage(RUN_42, producer="https://example.org", namespace="lab").text.splitlines()
    chance = random.Random("events")
    for _ in range(TIMES):
        data = "\n".join(json.dumps(bent(json.loads(line), chance)) for line in lines).encode()
        try:
            read = read_openlineage(data if chance.random() < 0.7 else broken(data, chance))
        except DocumentUnreadable:
            read = None
        is_read_or_refused(read)


def test_a_damaged_crate_is_read_or_refused(tmp_path: Path) -> None:
    pytest.importorskip("rocrate")
    text = write_crate(RUN_42, tmp_path / "crate", root=Root("a", "b", "c")).text
    chance = random.Random("crate")
    for _ in range(TIMES):
        data = json.dumps(bent(json.loads(text), chance)).encode()
        try:
            read = read_crate(data if chance.random() < 0.7 else broken(data, chance))
        except (DocumentUnreadable, UnsafePath):
            read = None
        is_read_or_refused(read)
