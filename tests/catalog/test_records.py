"""Records notice every change of their bytes, and a newer format is told from damage."""

from __future__ import annotations

import hashlib
import json
import pickle
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from holotype.catalog import ArchiveNotFound, Catalog, Entry, FormatTooNew, Header, LogDamaged, Segment

from .samples import flip, fresh_store, keys, new_catalog, sealed

SEGMENT = Segment("samples", "000000000003-" + "ab" * 10, "cd" * 32, 7, 1234)
ENTRY = Entry(
    version=4,
    parent="ef" * 32,
    write_id="0123",
    author="Ada Lovelace",
    time=datetime(2026, 5, 4, 8, 30, 0, 250, tzinfo=UTC),
    operation="backup",
    message='raw reads, "first" run — µg',
    session="s-1",
    add={"samples": (SEGMENT,)},
    remove={"samples": ("000000000001-" + "12" * 10,)},
    relies={"pages": ("000000000002-" + "34" * 10,)},
    condemn=("tables/pages/000000000002-" + "56" * 10 + ".parquet",),
)


def fields_of(entry: Entry) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(entry.encode())
    del fields["seal"]
    return fields


def test_an_entry_reads_back_as_it_was_written() -> None:
    data = ENTRY.encode()
    assert Entry.decode(data, 4) == replace(ENTRY, hash=hashlib.sha256(data).hexdigest())
    assert Entry.decode(data, 4).encode() == data
    assert data == sealed(fields_of(ENTRY))


def test_an_entry_is_json_that_other_programs_read() -> None:
    fields = json.loads(ENTRY.encode())
    assert fields["format"] == 1
    assert fields["time"] == "2026-05-04T08:30:00.000250Z"
    assert fields["add"] == {
        "samples": [{"name": SEGMENT.name, "digest": SEGMENT.digest, "rows": 7, "bytes": 1234}],
    }


def test_a_segment_says_its_object_and_what_its_writer_had_seen() -> None:
    assert SEGMENT.key == f"tables/samples/{SEGMENT.name}.parquet"
    assert SEGMENT.seen == 3


def test_entries_are_values() -> None:
    assert pickle.loads(pickle.dumps(ENTRY)) == ENTRY
    assert len({ENTRY, replace(ENTRY)}) == 1
    assert ENTRY.key == "log/00000000000000000004.json"


def test_a_signature_beside_the_seal_is_let_through() -> None:
    fields = json.loads(ENTRY.encode())
    data = json.dumps({**fields, "signature": "x"}, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    entry = Entry.decode(data, 4)
    assert entry.hash == hashlib.sha256(data).hexdigest()
    assert replace(entry, hash="") == ENTRY


def test_every_flipped_bit_of_an_entry_is_noticed() -> None:
    data = ENTRY.encode()
    for at in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[at] ^= 1 << bit
            with pytest.raises(LogDamaged, match=r"log/00000000000000000004\.json"):
                Entry.decode(bytes(damaged), 4)


def test_every_truncation_of_an_entry_is_noticed() -> None:
    data = ENTRY.encode()
    for size in range(len(data)):
        with pytest.raises(LogDamaged):
            Entry.decode(data[:size], 4)


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"null", b"[]", b"1", b"{}", b"\xff\xfe", b"[" * 100_000),
        *(b'{"format":1}', b'{"format":"1","seal":""}'),
        *(b'{"format":1,"seal":"","x":NaN}', b'{"format":1,"seal":"","x":"\\ud800"}'),
    ],
)
def test_what_is_no_record_is_damaged(data: bytes) -> None:
    with pytest.raises(LogDamaged):
        Entry.decode(data, 4)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version", "4"),
        ("version", True),
        ("parent", "short"),
        ("author", None),
        ("time", "yesterday"),
        ("session", 1),
        ("add", []),
        ("add", {"samples": [{"name": "../../etc/passwd", "digest": "cd" * 32, "rows": 1, "bytes": 1}]}),
        ("add", {"../samples": [{"name": SEGMENT.name, "digest": "cd" * 32, "rows": 1, "bytes": 1}]}),
        ("add", {"samples": [{"name": SEGMENT.name, "digest": "cd" * 32, "rows": -1, "bytes": 1}]}),
        ("add", {"samples": [{"name": SEGMENT.name}]}),
        ("remove", {"samples": [1]}),
        ("condemn", [1]),
        ("condemn", None),
    ],
)
def test_a_sealed_entry_that_makes_no_sense_is_damaged(name: str, value: object) -> None:
    with pytest.raises(LogDamaged):
        Entry.decode(sealed({**fields_of(ENTRY), name: value}), 4)


def test_an_entry_at_the_wrong_place_is_damaged() -> None:
    with pytest.raises(LogDamaged, match="holds the entry of version 4"):
        Entry.decode(ENTRY.encode(), 5)


def test_a_newer_format_is_refused_by_name() -> None:
    with pytest.raises(FormatTooNew, match=r"format 2.*up to 1") as caught:
        Entry.decode(sealed({**fields_of(ENTRY), "format": 2}), 4)
    assert (caught.value.found, caught.value.known) == (2, 1)


def test_a_header_reads_back_as_it_was_written() -> None:
    header = Header("id", "Rivera lab", datetime(2026, 5, 4, tzinfo=UTC), {"chunking": {"average": 1 << 20}})
    data = header.encode()
    assert Header.decode(data) == replace(header, hash=hashlib.sha256(data).hexdigest())


def test_every_flipped_bit_of_a_header_is_noticed() -> None:
    data = Header("id", "Rivera lab", datetime(2026, 5, 4, tzinfo=UTC), {"average": 1}).encode()
    for at in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[at] ^= 1 << bit
            with pytest.raises(LogDamaged, match=r"archive\.json"):
                Header.decode(bytes(damaged))


def test_a_sealed_header_that_makes_no_sense_is_damaged() -> None:
    with pytest.raises(LogDamaged, match=r"archive\.json"):
        Header.decode(sealed({"format": 1, "id": "x", "name": "y", "created": "never", "settings": {}}))


def test_no_archive_is_told_from_one_that_lost_its_header() -> None:
    store = fresh_store()
    with pytest.raises(ArchiveNotFound, match="no archive at memory://"):
        Catalog.open(store, tables=())
    catalog = new_catalog(store)
    catalog.commit(operation="test")
    store.delete(["archive.json"])
    with pytest.raises(LogDamaged, match=r"archive\.json is missing"):
        Catalog.open(store, tables=())
    with pytest.raises(LogDamaged, match=r"archive\.json is missing"):
        new_catalog(store)
    assert keys(store) == ["log/00000000000000000001.json"]


def test_a_flipped_bit_of_the_stored_header_is_named() -> None:
    catalog = new_catalog()
    flip(catalog.store, "archive.json")
    with pytest.raises(LogDamaged, match=r"archive\.json"):
        Catalog.open(catalog.store, tables=())
