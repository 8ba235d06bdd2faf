"""Many small segments become few: no row is lost, doubled or moved, and no one who writes meanwhile is disturbed."""

from __future__ import annotations

from hashlib import sha256
from importlib import import_module
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from holotype.catalog import Catalog, Column, Conflict, ObjectDamaged, ObjectMissing, Segment, Table

from .faults import FaultyStore
from .samples import (
    PAGES,
    READINGS,
    SAMPLES,
    TABLES,
    add_samples,
    flip,
    fresh_store,
    masses,
    new_catalog,
    pages,
    readings,
    reopened,
    samples,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holotype.catalog import Entry
    from holotype.catalog.compaction import Merge


def make(*sizes: int, table: str = "samples") -> list[Segment]:
    return [Segment(table, f"{n:012d}-{'0' * 20}", "", 1, size) for n, size in enumerate(sizes)]


def merged(found: Sequence[Merge]) -> list[list[int]]:
    return [[segment.seen for segment in merge.segments] for merge in found]


def test_small_segments_become_one_and_the_rows_stay_as_they_were() -> None:
    catalog = new_catalog()
    for n in range(10):
        add_samples(catalog, n, 100 + n)
    before = masses(catalog)
    entry = catalog.compact()
    assert entry is not None
    assert entry.is_compaction
    assert len(entry.remove["samples"]) == 10
    assert len(catalog.state.segments("samples")) == 1
    assert masses(catalog) == masses(reopened(catalog)) == before


def test_every_table_is_compacted_in_one_commit_but_not_those_whose_segments_have_names() -> None:
    catalog = new_catalog()
    for n in range(4):
        parts = [
            catalog.write("samples", samples(n)),
            catalog.write("readings", readings(9 - n)),
            catalog.write("pages", pages(str(n))),
        ]
        catalog.commit(add=parts, operation="test")
    before = catalog.state
    catalog.compact()
    assert catalog.state.version == before.version + 1
    assert [len(catalog.state.segments(name)) for name in ("pages", "readings", "samples")] == [4, 1, 1]
    assert catalog.state.segments("pages") == before.segments("pages")
    assert catalog.read("readings")["id"].to_pylist() == [n.to_bytes(4, "big") for n in (6, 7, 8, 9)]


def test_only_the_tables_that_were_asked_for_are_compacted() -> None:
    catalog = new_catalog()
    for n in range(3):
        catalog.commit(
            add=[catalog.write("samples", samples(n)), catalog.write("readings", readings(n))], operation="test"
        )
    catalog.compact(tables=["readings"])
    assert len(catalog.state.segments("samples")) == 3
    assert len(catalog.state.segments("readings")) == 1


def test_there_may_be_nothing_to_merge() -> None:
    catalog = new_catalog()
    assert catalog.compact() is None
    add_samples(catalog, 1)
    assert catalog.compact() is None
    assert catalog.state.version == 1


def test_which_segments_are_merged() -> None:
    merges = import_module("holotype.catalog.compaction").merges
    small, big = 1000, 2 << 20
    assert merged(merges(SAMPLES, make(small, small, small))) == [[0, 1, 2]]
    # Where order counts only neighbours are merged, the longest run of them.
    assert merged(merges(SAMPLES, make(small, small, big, small, small, small, big, small))) == [[3, 4, 5]]
    assert merged(merges(SAMPLES, make(small, big, small, big))) == []
    # Where rows are sorted anyway, all small ones are.
    assert merged(merges(READINGS, make(small, big, small, big))) == [[0, 2]]
    # A merged segment does not grow without bound, and one alone is left as it is.
    almost = (1 << 20) - 1
    assert merged(merges(READINGS, make(*[almost] * 17))) == [list(range(8)), list(range(8, 16))]
    assert merged(merges(PAGES, make(small, small))) == []
    assert merged(merges(SAMPLES, [])) == []


DIGESTS = Table(
    "digests",
    "Rows in the order of digests.",
    (Column("digest", pa.binary(32), "The digest."), Column("number", pa.int64(), "Which it is of.")),
    sort=("digest",),
)


def digests(first: int, count: int) -> pa.Table:
    numbers = range(first, first + count)
    return pa.table({"digest": [sha256(b"%d" % n).digest() for n in numbers], "number": list(numbers)}).cast(
        DIGESTS.schema
    )


def test_large_segments_share_the_digests_out_among_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holotype.catalog.compaction._SMALL", 1000)
    catalog = Catalog.create(fresh_store(), tables=(DIGESTS,))
    for n in range(64):
        catalog.commit(add=[catalog.write("digests", digests(100 * n, 100))], operation="test")
    again = Catalog.open(catalog.store, tables=(DIGESTS,))
    assert again.state == catalog.state
    segments = again.state.segments("digests")
    rows = again.read("digests")
    assert sorted(rows["number"].to_pylist()) == list(range(6400))
    assert sum(segment.rows for segment in segments) == 6400
    for segment in segments:
        found = again.read("digests", segments=[segment])["digest"].to_pylist()
        assert (segment.low, segment.high) == (min(found)[:8].hex(), max(found)[:8].hex())
    # Of any one digest only a few segments have to be read, and a row was not written often.
    looked = [sum(str(s.low) <= row[:8].hex() <= str(s.high) for s in segments) for row in rows["digest"].to_pylist()]
    assert max(looked) <= 10
    assert len(segments) > 20
    written = sum(segment.rows for entry in again.entries() for found in entry.add.values() for segment in found)
    assert written <= 4 * 6400


def test_rows_of_few_digests_are_merged_whatever_they_have_in_common() -> None:
    catalog = Catalog.create(fresh_store(), tables=(DIGESTS,), compact_above=4)
    for n in range(10):
        catalog.commit(add=[catalog.write("digests", digests(n, 1))], operation="test")
    assert len(catalog.state.segments("digests")) <= 4


def test_what_is_written_meanwhile_stays_behind_what_was_merged() -> None:
    catalog = new_catalog()
    for n in range(5):
        add_samples(catalog, n)
    rival = reopened(catalog)

    class Interrupted(FaultyStore):
        def create(self, key: str, data: bytes) -> bool:
            if rival.state.version < 7:
                add_samples(rival, 90 + rival.state.version)
            return super().create(key, data)

    other = Catalog.open(Interrupted(catalog.store), tables=TABLES)
    assert other.compact() is not None
    assert masses(reopened(catalog)) == [0, 1, 2, 3, 4, 95, 96]
    assert len(reopened(catalog).state.segments("samples")) == 3


def test_two_compactions_at_once_lose_nothing() -> None:
    catalog = new_catalog()
    for n in range(5):
        add_samples(catalog, n)
    rival = reopened(catalog)

    class Interrupted(FaultyStore):
        def create(self, key: str, data: bytes) -> bool:
            rival.compact()
            return super().create(key, data)

    other = Catalog.open(Interrupted(catalog.store), tables=TABLES)
    assert other.compact() is None  # looking again, there was nothing left to do
    assert masses(reopened(catalog)) == [0, 1, 2, 3, 4]
    assert len(reopened(catalog).state.segments("samples")) == 1


def test_a_compaction_that_is_always_late_gives_up() -> None:
    catalog = new_catalog()
    add_samples(catalog, 1)
    add_samples(catalog, 2)
    rival = reopened(catalog)

    class Interrupted(FaultyStore):
        def create(self, key: str, data: bytes) -> bool:
            rival.compact()
            add_samples(rival, 3)
            return super().create(key, data)

    other = Catalog.open(Interrupted(catalog.store), tables=TABLES)
    with pytest.raises(Conflict):
        other.compact()
    assert masses(reopened(catalog))[:2] == [1, 2]


def test_a_commit_that_leaves_too_many_small_segments_is_followed_by_a_compaction() -> None:
    catalog = new_catalog(compact_above=8)
    for n in range(30):
        add_samples(catalog, n)
        assert len(catalog.state.segments("samples")) <= 8
    assert masses(reopened(catalog)) == list(range(30))
    operations = [entry.operation for entry in catalog.entries()]
    assert operations.count("test") == 30
    assert operations.count("compact") == 3


def test_the_entry_that_is_returned_is_the_callers_own() -> None:
    catalog = new_catalog(compact_above=1)
    add_samples(catalog, 1)
    entry: Entry = catalog.commit(add=[catalog.write("samples", samples(2))], operation="mine")
    assert entry.operation == "mine"
    assert catalog.state.version == entry.version + 1


def test_a_compaction_that_fails_fails_no_commit(caplog: pytest.LogCaptureFixture) -> None:
    catalog = new_catalog(fresh_store(), compact_above=2)
    add_samples(catalog, 0)
    add_samples(catalog, 1)
    flip(catalog.store, catalog.state.segments("samples")[0].key)
    add_samples(catalog, 2)
    assert catalog.state.version == 3
    assert "samples: not compacted" in caplog.text
    with pytest.raises(ObjectDamaged):
        catalog.compact()


def test_the_old_objects_stay_for_those_who_read_an_older_version() -> None:
    catalog = new_catalog()
    for n in range(3):
        add_samples(catalog, n)
    before = catalog.state
    reader = reopened(catalog)
    catalog.compact()
    assert masses(reader) == masses(catalog, state=before) == [0, 1, 2]


def test_a_reader_whose_segments_were_collected_looks_again() -> None:
    catalog = new_catalog()
    for n in range(3):
        add_samples(catalog, n)
    readers = [reopened(catalog) for _ in range(3)]
    before = catalog.state
    catalog.compact()
    catalog.store.delete([segment.key for segment in before.segments("samples")])
    assert masses(readers[0]) == [0, 1, 2]
    assert readers[1].scan("samples").collect()["mass"].to_list() == [0, 1, 2]
    assert readers[2].sql("SELECT sum(mass) FROM samples").fetchall() == [(3,)]
    with pytest.raises(ObjectMissing):
        masses(reopened(catalog), state=before)  # that version, and no other, was asked for
