"""Snapshots go out with the files that are in them, in every notation, and what others read there is valid."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import prov.model
import pytest

from holotype.catalog import check_prov, provenance

if TYPE_CHECKING:
    from .conftest import Laboratory

NEEDS = ("prov", "rdflib", "rocrate")
SUFFIX = {"provn": ".provn", "json": ".json", "xml": ".xml", "turtle": ".ttl", "trig": ".trig", "jsonld": ".jsonld"}


@pytest.fixture
def kept(laboratory: Laboratory) -> Laboratory:
    """A result in two snapshots, of which the first is gone."""
    (laboratory.data / "raw.txt").write_text("raw\n")
    laboratory.archive.run(["sh", "-c", "cat raw.txt raw.txt > made.txt"], dataset="study", source=".", name="double")
    laboratory.keep()
    laboratory.keep()
    laboratory.archive.forget("study@1")
    laboratory.archive.collect()
    return laboratory


@pytest.mark.parametrize("format", SUFFIX)
@pytest.mark.parametrize("of", [None, "study@2", "study@2/made.txt"])
def test_every_notation_has_the_snapshot_and_is_valid(kept: Laboratory, format: str, of: str | None) -> None:
    document = kept.archive.provenance.document(of)
    written = provenance.write_document(document, format)
    path = kept.root / f"history{SUFFIX[format]}"
    path.write_text(written.text, "utf-8")
    assert check_prov(path) == ()
    read = provenance.read_document(path)
    id = provenance.snapshot_id(kept.archive.snapshot("study@2").id)
    made = kept.archive.provenance.entity("study@2/made.txt")
    for records in (document.records, read.records):
        relations = {(record.term, record.arguments[:2]) for record in records}
        assert ("hadMember", (id, made)) in relations
        assert ("wasGeneratedBy", (id, provenance.backup_id(id.rpartition(":")[2]))) in relations
    assert not written.lost


def test_the_package_prov_reads_it(kept: Laboratory) -> None:
    document = kept.archive.provenance.document()
    text = provenance.write_document(document, "json").text
    read = prov.model.ProvDocument.deserialize(content=text, format="json")
    assert len(list(read.get_records())) >= len({record.id for record in document.records if record.id})


def test_a_crate_has_the_snapshot_as_a_collection_of_its_files(kept: Laboratory) -> None:
    document = kept.archive.provenance.document("study@2")
    root = provenance.Root(name="study", description="A study", license="CC0-1.0")
    provenance.write_crate(document, kept.root / "crate", root=root)
    nodes = json.loads((kept.root / "crate" / "ro-crate-metadata.json").read_text("utf-8"))["@graph"]
    named = {node["@id"]: node for node in nodes}
    snapshot = named[provenance.snapshot_id(kept.archive.snapshot("study@2").id)]
    assert (snapshot["@type"], snapshot["name"]) == ("Collection", "study@2")
    parts = {part["@id"] for part in snapshot["hasPart"]}
    assert kept.archive.provenance.entity("study@2/made.txt") in parts
    (action,) = [node for node in nodes if node.get("name") == "backup of study@2"]
    assert action["@type"] == "CreateAction"
    assert action["result"] == {"@id": snapshot["@id"]}
    assert action["actionStatus"] == {"@id": "http://schema.org/CompletedActionStatus"}


def test_pictures_and_events_show_it(kept: Laboratory) -> None:
    document = kept.archive.provenance.document("study@2")
    for picture in (provenance.mermaid(document), provenance.dot(document)):
        assert "study@2" in picture.replace("#64;", "@")
        assert "hadMember" in picture
    written = provenance.write_openlineage(document, producer="https://example.org", namespace="lab")
    events = [json.loads(line) for line in written.text.splitlines()]
    assert {"backup of study@2", "double"} <= {event["job"]["name"] for event in events}
