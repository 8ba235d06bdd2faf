"""Documents made to do harm are refused by name: nothing is fetched, nothing swells, nothing falls over."""

from __future__ import annotations

import json
import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from holotype.catalog import DocumentUnreadable
from holotype.catalog.provenance import read_document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

THING = "http://www.w3.org/ns/prov#Entity"


class Listener:
    """A server that notices whoever calls, and never answers."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.called = threading.Event()
        self._thread = threading.Thread(target=self._wait, daemon=True)
        self._thread.start()

    def _wait(self) -> None:
        try:
            connection, _ = self._socket.accept()
        except OSError:
            return
        self.called.set()
        connection.close()

    def close(self) -> None:
        # A call of its own wakes the thread that waits for one.
        called = self.called.is_set()
        with socket.create_connection(("127.0.0.1", self.port)) if not called else self._socket:
            self._thread.join(10)
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


CONTEXTS = {
    "alone": '{{"@context": "{url}", "@id": "http://e/1", "@type": "{thing}"}}',
    "in a list": '{{"@context": [{{}}, ["{url}"]], "@id": "http://e/1", "@type": "{thing}"}}',
    "imported": '{{"@context": {{"@version": 1.1, "@import": "{url}"}}, "@id": "http://e/1", "@type": "{thing}"}}',
    "of a node within": '{{"@graph": [{{"@context": "{url}", "@id": "http://e/1", "@type": "{thing}"}}]}}',
    "of a term": '{{"@context": {{"ex": {{"@id": "http://e/ex", "@context": "{url}"}}}}, "ex": {{"@id": "http://e/1"}}}}',
    "of a context": '{{"@context": {{"@context": "{url}"}}, "@id": "http://e/1", "@type": "{thing}"}}',
    "said twice": '{{"@context": "{url}", "@context": {{}}, "@id": "http://e/1", "@type": "{thing}"}}',
    "in another spelling": '{{"\\u0040context": "{url}", "@id": "http://e/1", "@type": "{thing}"}}',
}


@pytest.mark.parametrize("how", CONTEXTS)
def test_a_context_elsewhere_is_never_fetched(how: str, listener: Listener, tmp_path: Path) -> None:
    pytest.importorskip("rdflib")
    (tmp_path / "context.jsonld").write_text('{"@context": {}}')
    for url in (
        f"http://127.0.0.1:{listener.port}/context.jsonld",
        (tmp_path / "context.jsonld").as_uri(),
        "context.jsonld",
    ):
        with pytest.raises(DocumentUnreadable, match=r"context.*never fetched"):
            read_document(CONTEXTS[how].format(url=url, thing=THING).encode(), format="jsonld")
    assert not listener.called.is_set()


def test_the_listener_would_have_noticed() -> None:
    listener = Listener()
    with socket.create_connection(("127.0.0.1", listener.port)):
        assert listener.called.wait(10)
    listener.close()


def test_nothing_that_turtle_names_is_fetched(listener: Listener) -> None:
    pytest.importorskip("rdflib")
    url = f"http://127.0.0.1:{listener.port}/"
    text = f"@base <{url}> . @prefix owl: <http://www.w3.org/2002/07/owl#> . <a> owl:imports <{url}b> ; a <{THING}> ."
    assert [record.id for record in read_document(text.encode(), format="turtle").records] == [f"{url}a"]
    assert not listener.called.is_set()


def test_the_context_of_prov_jsonld_is_known_and_not_fetched() -> None:
    pytest.importorskip("prov")
    text = '{"@context": ["https://openprovenance.org/prov-jsonld/context.jsonld", {"ex": "http://example.org/"}],'
    text += '"@graph": [{"@type": "prov:Entity", "@id": "ex:figure"}]}'
    assert [record.id for record in read_document(text.encode()).records] == ["http://example.org/figure"]


def laughs(levels: int) -> bytes:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, levels))
    return f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY l0 "ha">{entities}]><d>&l{levels - 1};</d>'.encode()


def test_entities_of_xml_are_neither_expanded_nor_fetched(listener: Listener, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    outside = '<!DOCTYPE d [<!ENTITY x SYSTEM "{}">]><d>&x;</d>'
    for text in (
        laughs(12),
        outside.format(secret.as_uri()).encode(),
        outside.format(f"http://127.0.0.1:{listener.port}/").encode(),
        f'<!DOCTYPE d SYSTEM "http://127.0.0.1:{listener.port}/d.dtd"><d/>'.encode(),
    ):
        with pytest.raises(DocumentUnreadable, match="document type"):
            read_document(text, format="xml")
    assert not listener.called.is_set()


DEEP = 100_000
NESTED = {
    "json": b'{"entity": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "xml": b'<prov:document xmlns:prov="http://www.w3.org/ns/prov#">' + b"<prov:entity>" * DEEP,
    "jsonld": b'{"@graph": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "turtle": b"<http://e/1> <http://e/p> " + b"[ <http://e/p> " * DEEP + b"<http://e/2>" + b"]" * DEEP + b" .",
    "trig": b"<http://e/1> <http://e/p> " + b"(" * DEEP + b")" * DEEP + b" .",
}


@pytest.mark.parametrize("format", NESTED)
def test_what_is_nested_without_end_is_refused(format: str) -> None:
    if format not in ("json", "xml"):
        pytest.importorskip("rdflib")
    with pytest.raises(DocumentUnreadable):
        read_document(NESTED[format], format=format)


def test_a_cycle_within_contexts_ends() -> None:
    pytest.importorskip("rdflib")
    terms = {"a": {"@id": "b:x"}, "b": {"@id": "a:x"}, "c": "c:c"}
    text = json.dumps({"@context": terms, "@id": "http://e/1", "@type": THING, "a": "1", "c": "2"})
    with pytest.raises(DocumentUnreadable, match="json-ld"):
        read_document(text.encode(), format="jsonld")


def test_a_document_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.write_bytes(b"{" + b" " * 1000 + b"}")
    assert read_document(path).records == ()
    for source in (path, path.read_bytes()):
        with pytest.raises(DocumentUnreadable, match="largest="):
            read_document(source, largest=1000)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this platform has no named pipes")
def test_a_device_without_an_end_is_not_read_without_end() -> None:
    with pytest.raises(DocumentUnreadable, match="more than 1000 bytes"):
        read_document("/dev/zero", format="json", largest=1000)


def test_many_things_that_share_one_node_do_not_multiply() -> None:
    pytest.importorskip("rdflib")
    leads = "".join(f"<http://e/a{n}> <http://www.w3.org/ns/prov#qualifiedUsage> <http://e/u> .\n" for n in range(400))
    said = "".join(f"<http://e/u> <http://www.w3.org/ns/prov#entity> <http://e/e{n}> .\n" for n in range(400))
    document = read_document((leads + said).encode(), format="nt")
    assert len(document.records) < 1000
    assert {record["entity"] for record in document.records} == {f"http://e/e{n}" for n in range(400)}
    assert {record["activity"] for record in document.records} == {f"http://e/a{n}" for n in range(400)}


BROKEN = {
    "provn": [b"document\nentity(", b"\xff\xfe\x00"],
    "json": [
        b"{",
        b"[]",
        b'"text"',
        b'{"entity": 5}',
        b'{"prefix": 5}',
        b'{"prefix": {"ex": 5}}',
        b'{"bundle": {"ex:b": 5}}',
    ],
    "xml": [b"<a", b"<a/>", b'<?xml version="1.0" encoding="klingon"?><a/>', b"\x00"],
    "turtle": [b"<a> <b>", b"@prefix x", b"\xff", b"{ }}"],
    "trig": [b"<a> { <b>", b"}"],
    "nt": [b"<a> <b> <c>"],
    "jsonld": [b"{", b'{"@context": 5}', b'{"@context": {"a": {"@id": 5}}, "@id": 7}', b"\xff\xff"],
}


@pytest.mark.parametrize("format", BROKEN)
def test_what_is_broken_is_refused_with_the_name_of_the_file(format: str, tmp_path: Path) -> None:
    if format not in ("provn", "json", "xml"):
        pytest.importorskip("rdflib")
    path = tmp_path / "broken"
    for data in BROKEN[format]:
        path.write_bytes(data)
        with pytest.raises(DocumentUnreadable, match="broken"):
            read_document(path, format=format)
