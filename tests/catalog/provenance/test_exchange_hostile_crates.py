"""Crates made to do harm: nothing leads out of them, and what is no crate is refused by name."""

from __future__ import annotations

import json
import stat
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import DocumentUnreadable, SourceNotFound, UnsafePath
from holotype.catalog.provenance import read_crate

if TYPE_CHECKING:
    from pathlib import Path

ABOUT = {"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"}}
TOP = {"@id": "./", "@type": "Dataset"}
CONTEXT = "https://w3id.org/ro/crate/1.1/context"


def metadata(*nodes: Any) -> bytes:
    return json.dumps({"@context": CONTEXT, "@graph": [ABOUT, TOP, *nodes]}).encode()


ESCAPES = [
    "../../etc/passwd",
    "data/../../secret",
    "/etc/passwd",
    "..%2F..%2Fetc/passwd",
    "%2e%2e/secret",
    "%252e%252e/secret",
    "..\\..\\secret",
    "C:\\secret",
    "c:secret",
    "\\\\server\\share",
    "file:///etc/passwd",
    "FILE:/etc/passwd",
]


@pytest.mark.parametrize("path", ESCAPES)
@pytest.mark.parametrize("kind", ["File", "Dataset"])
def test_a_file_that_leads_out_of_the_crate_is_refused(path: str, kind: str) -> None:
    with pytest.raises(UnsafePath) as caught:
        read_crate(metadata({"@id": path, "@type": [kind]}))
    assert caught.value.path == path


@pytest.mark.parametrize("path", ["a..b", "...", "a/.hidden", "http://e/a/../b", "urn:x:y", "per%20cent"])
def test_names_that_only_look_like_it_are_taken(path: str) -> None:
    assert read_crate(metadata({"@id": path, "@type": "File"})).records


@pytest.mark.parametrize("path", ["../evil", "/evil", "a/../../evil", "..\\evil", "C:/evil"])
def test_a_zip_with_a_member_that_leads_out_of_it_is_refused(path: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "crate.zip", "w") as archive:
        archive.writestr("ro-crate-metadata.json", metadata())
        archive.writestr(zipfile.ZipInfo(path), "evil")
    before = set(tmp_path.rglob("*"))
    with pytest.raises(UnsafePath, match="evil"):
        read_crate(tmp_path / "crate.zip")
    assert set(tmp_path.rglob("*")) == before


def test_a_zip_with_a_link_in_it_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("data")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "crate.zip", "w") as archive:
        archive.writestr("ro-crate-metadata.json", metadata())
        archive.writestr(link, "/etc")
    with pytest.raises(UnsafePath, match="link"):
        read_crate(tmp_path / "crate.zip")


def test_a_zip_that_swells_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "crate.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ro-crate-metadata.json", b" " * 2_000_000)
    assert (tmp_path / "crate.zip").stat().st_size < 10_000
    with pytest.raises(DocumentUnreadable, match="largest="):
        read_crate(tmp_path / "crate.zip", largest=1_000_000)


def test_a_zip_that_is_damaged_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "crate.zip", "w") as archive:
        archive.writestr("ro-crate-metadata.json", metadata())
    data = bytearray((tmp_path / "crate.zip").read_bytes())
    data[60] ^= 0xFF
    (tmp_path / "crate.zip").write_bytes(data)
    with pytest.raises(DocumentUnreadable, match=r"crate\.zip"):
        read_crate(tmp_path / "crate.zip")


@pytest.mark.parametrize("name", ["ro-crate-metadata.json", "provenance.json"])
def test_metadata_that_is_a_link_out_of_the_crate_is_not_followed(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(metadata())
    folder = tmp_path / "crate"
    folder.mkdir()
    (folder / "ro-crate-metadata.json").write_bytes(metadata())
    (folder / name).unlink(missing_ok=True)
    try:
        (folder / name).symlink_to(tmp_path / "secret")
    except OSError:
        pytest.skip("this platform makes no symbolic links for everybody")
    with pytest.raises(UnsafePath, match=name):
        read_crate(folder)


NESTED: Any = "end"
for _ in range(200):
    NESTED = {"a": [NESTED]}

BROKEN = {
    "no JSON": b"{",
    "a list": b"[]",
    "a graph that is none": b'{"@graph": {}}',
    "without a descriptor": json.dumps({"@graph": [TOP]}).encode(),
    "without a root": json.dumps({"@graph": [ABOUT]}).encode(),
    "a descriptor of nothing": json.dumps({"@graph": [{"@id": "ro-crate-metadata.json"}, TOP]}).encode(),
    "an identifier that is a number": metadata({"@id": 5}),
    "an identifier that is a list": metadata({"@id": ["a"]}),
    "a node without an identifier": metadata({"@type": "File"}),
    "a node that is text": metadata("text"),
    "a node without an end": metadata({"@id": "a", "b": NESTED}),
    "nesting without an end": b'{"@graph": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_no_crate_is_refused(what: str) -> None:
    with pytest.raises(DocumentUnreadable):
        read_crate(BROKEN[what])


def test_a_folder_without_metadata_and_no_folder_at_all_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DocumentUnreadable, match="ro-crate-metadata"):
        read_crate(tmp_path)
    with pytest.raises(SourceNotFound):
        read_crate(tmp_path / "absent")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as archive:
        archive.writestr("readme", "")
    with pytest.raises(DocumentUnreadable, match="ro-crate-metadata"):
        read_crate(tmp_path / "empty.zip")


def test_cycles_and_odd_values_end_and_are_noted() -> None:
    context = {"a": "b:x", "b": "a:x", "c": "c"}
    nodes = [
        {"@id": "#one", "@type": ["CreateAction", 5], "object": [{"@id": "#one"}, "text", {"@id": 7}], "a": 1, "c": 2},
        {"@id": "#two", "hasPart": {"@id": "#three"}, "x": {"y": {"z": [1]}}, "isBasedOn": None},
        {"@id": "#three", "hasPart": [{"@id": "#two"}, {"@id": "#three"}], "author": "Ana"},
    ]
    text = json.dumps({"@context": ["https://w3id.org/ro/crate/1.1/context", context], "@graph": [ABOUT, TOP, *nodes]})
    document = read_crate(text.encode())
    assert len(document.records) > 3
    assert any("object of #one" in note for note in document.notes)
    assert any("author of #three" in note for note in document.notes)
    assert any("x of #two" in note for note in document.notes)


def test_a_node_that_is_described_twice_says_both() -> None:
    document = read_crate(metadata({"@id": "#a", "@type": "Thing", "b": "1"}, {"@id": "#a", "b": "2"}))
    (record,) = (each for each in document.records if each.id and each.id.endswith("#a"))
    assert {value.text for value in record.values("http://schema.org/b")} == {"1", "2"}  # type: ignore[union-attr]
    assert document.notes


def test_a_crate_that_is_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ro-crate-metadata.json").write_bytes(metadata())
    for source in (tmp_path, metadata(), tmp_path / "ro-crate-metadata.json"):
        with pytest.raises(DocumentUnreadable, match="largest="):
            read_crate(source, largest=10)
