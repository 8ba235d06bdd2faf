"""Tables are written, committed and read back; whoever opens the archive sees the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from blake3 import blake3

from holotype.catalog import (
    ArchiveExists,
    ArchiveReadOnly,
    Catalog,
    Column,
    Conflict,
    InvalidOption,
    LocalStore,
    ObjectDamaged,
    ObjectMissing,
    RowsRefused,
    StorageDenied,
    StorageFailed,
    Table,
    TableNotFound,
)

from .faults import FaultyStore, with_error
from .samples import (
    READINGS,
    SAMPLES,
    TABLES,
    add_samples,
    flip,
    fresh_store,
    keys,
    masses,
    new_catalog,
    pages,
    readings,
    reopened,
    samples,
    ticking,
    truncate,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from holotype.catalog import ObjectStore


def test_an_archive_is_what_it_was_created_as() -> None:
    store = fresh_store()
    settings = {"chunking": {"average": 1 << 20}, "note": "µ"}
    made = Catalog.create(store, tables=TABLES, name="Rivera lab", settings=settings, clock=ticking())
    opened = Catalog.open(store, tables=TABLES)
    for catalog in (made, opened):
        assert catalog.settings == settings
        assert catalog.name == "Rivera lab"
        assert catalog.created == datetime(2026, 5, 4, 8, 30, tzinfo=UTC)
        assert catalog.id == made.id
        assert catalog.store is store
        assert set(catalog.tables) == {"pages", "readings", "samples"}
    assert len(made.id) == 32
    assert new_catalog().id != made.id
    assert "version=0" in repr(made)


def test_an_archive_is_created_once() -> None:
    catalog = new_catalog()
    with pytest.raises(ArchiveExists, match="open it"):
        new_catalog(catalog.store)
    assert reopened(catalog).id == catalog.id


def test_settings_that_json_cannot_hold_are_refused() -> None:
    store = fresh_store()
    for settings in ({"x": object()}, {"x": float("nan")}, {"x": {1, 2}}):
        with pytest.raises(InvalidOption, match="JSON"):
            Catalog.create(store, tables=(), settings=settings)
    assert keys(store) == []


def test_an_archive_whose_creation_was_answered_badly_is_still_ours() -> None:
    well = FaultyStore(fresh_store())
    Catalog.create(well, tables=TABLES)
    creation = well.calls.index("create archive.json") + 1
    store = FaultyStore(fresh_store(), fail_at=creation, answer_lost=True)
    assert Catalog.create(store, tables=TABLES, name="mine").name == "mine"
    denied = FaultyStore(fresh_store(), fail_at=creation, error=with_error(StorageDenied))
    with pytest.raises(StorageDenied):
        Catalog.create(denied, tables=TABLES)


@pytest.mark.parametrize("answer", ["refused", "lost"])
def test_an_archive_that_somebody_else_creates_at_the_same_time_is_theirs(answer: str) -> None:
    class TakenMeanwhile(FaultyStore):
        def create(self, key: str, data: bytes) -> bool:
            if key == "archive.json":
                self.inner.create(key, Catalog.create(fresh_store(), tables=TABLES, name="theirs").header.encode())
                self.fail_at = 0 if answer == "refused" else len(self.calls) + 1
            return super().create(key, data)

    store = TakenMeanwhile(fresh_store())
    with pytest.raises(ArchiveExists):
        Catalog.create(store, tables=TABLES)
    assert Catalog.open(store.inner, tables=TABLES).name == "theirs"


def test_rows_are_there_after_their_commit_and_not_before() -> None:
    catalog = new_catalog()
    segment = catalog.write("samples", samples(1, 2))
    assert (segment.table, segment.rows) == ("samples", 2)
    assert masses(catalog) == masses(reopened(catalog)) == []
    entry = catalog.commit(add=[segment], operation="weigh", message="two samples", author="ada", session="s-1")
    assert masses(catalog) == masses(reopened(catalog)) == [1, 2]
    assert (entry.version, entry.operation, entry.message) == (1, "weigh", "two samples")
    assert (entry.author, entry.session) == ("ada", "s-1")
    assert entry.add == {"samples": (segment,)}
    assert next(reopened(catalog).entries()) == entry
    assert catalog.state.rows("samples") == 2
    assert catalog.state.rows("readings") == 0


def test_the_author_is_the_user_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = new_catalog()
    monkeypatch.setattr("getpass.getuser", lambda: "grace")
    assert catalog.commit(operation="test").author == "grace"

    def unknown() -> str:
        raise OSError("no such user")

    monkeypatch.setattr("getpass.getuser", unknown)
    assert catalog.commit(operation="test").author.startswith(("uid ", "unknown"))


def test_time_and_chance_are_handed_in() -> None:
    def rows_of(seed: int) -> list[object]:
        numbers = iter(range(seed, seed + 1000))
        catalog = Catalog.create(
            fresh_store(), tables=TABLES, clock=ticking(), entropy=lambda size: next(numbers).to_bytes(size, "big")
        )
        entry = catalog.commit(add=[catalog.write("samples", samples(1))], operation="test", author="ada")
        return [catalog.id, entry.write_id, entry.time, entry.add["samples"][0].name, entry.hash]

    assert rows_of(1) == rows_of(1)
    assert rows_of(1)[-1] != rows_of(2)[-1]
    assert rows_of(1)[2] == datetime(2026, 5, 4, 8, 30, 1, tzinfo=UTC)


def test_removed_segments_are_gone_and_older_versions_stay_readable() -> None:
    catalog = new_catalog()
    add_samples(catalog, 1)
    add_samples(catalog, 2)
    before = catalog.state
    first, second = before.segments("samples")
    catalog.commit(remove=[first], add=[catalog.write("samples", samples(10, 11))], operation="correct")
    assert masses(catalog) == [10, 11, 2]  # what replaces a segment stands in its place
    assert masses(catalog, state=before) == [1, 2]
    assert masses(reopened(catalog)) == [10, 11, 2]
    assert list(catalog.read("samples", segments=[second, first])["mass"].to_pylist()) == [2, 1]


def test_columns_and_filters_read_less() -> None:
    catalog = new_catalog()
    for n in range(5):
        add_samples(catalog, n, n + 10)
    assert catalog.read("samples", columns=["state", "mass"]).column_names == ["state", "mass"]
    wanted = pc.field("mass") >= 12
    assert catalog.read("samples", filter=wanted, columns=["sample"])["sample"].to_pylist() == ["s-12", "s-13", "s-14"]
    assert catalog.read("samples", filter=wanted).schema == SAMPLES.schema
    assert [batch.num_rows for batch in catalog.batches("samples", filter=wanted)] == [0, 0, 1, 1, 1]
    assert catalog.read("readings").schema == READINGS.schema
    assert catalog.read("readings", columns=["time"]).column_names == ["time"]


def test_what_cannot_be_read_is_a_call_to_fix() -> None:
    catalog = new_catalog()
    add_samples(catalog, 1)
    with pytest.raises(TableNotFound, match="readings, samples"):
        catalog.read("sample")
    with pytest.raises(TableNotFound):
        catalog.write("sample", samples(1))
    with pytest.raises(TableNotFound):
        catalog.scan("sample")
    with pytest.raises(InvalidOption, match="weight"):
        catalog.read("samples", columns=["weight"])
    for wrong in (pc.field("weight") > 1, pc.field("mass") > "heavy"):
        with pytest.raises(InvalidOption, match="filter"):
            catalog.read("samples", filter=wrong)


def test_rows_that_break_a_rule_are_refused_and_nothing_is_written() -> None:
    catalog = new_catalog()
    rows = samples(-1).set_column(2, "state", pa.array(["molten"]))
    with pytest.raises(RowsRefused, match=r"sample: .*mass: -1 is below 0; state: 'molten' is none of fresh, frozen"):
        catalog.write("samples", rows)
    assert keys(catalog.store) == ["archive.json"]


def test_segments_are_ordinary_parquet_in_the_declared_order() -> None:
    catalog = new_catalog()
    segment = catalog.write("readings", readings(3, 1, 2))
    data = bytes(catalog.store.get(segment.key))
    assert blake3(data).hexdigest() == segment.digest
    assert len(data) == segment.bytes
    file = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
    assert file.read()["id"].to_pylist() == [n.to_bytes(4, "big") for n in (1, 2, 3)]
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert file.metadata.row_group(0).column(0).is_stats_set
    assert file.schema_arrow.field("id").metadata == {b"about": b"Which reading."}


def test_every_kind_of_column_reads_back() -> None:
    kinds = {
        "few": pa.array(["a", "b"] * 3000),
        "words": pa.array([uuid4().hex for _ in range(6000)]),
        "numbers": pa.array(range(6000), pa.int64()),
        "small": pa.array([n % 3 for n in range(6000)], pa.uint32()),
        "times": pa.array(range(6000), pa.timestamp("us", tz="UTC")),
        "raw": pa.array([uuid4().bytes for _ in range(6000)], pa.binary()),
        "digests": pa.array([uuid4().bytes for _ in range(6000)], pa.binary(16)),
        "flags": pa.array([n % 2 == 0 for n in range(6000)]),
        "floats": pa.array([n / 7 for n in range(6000)]),
        "lists": pa.array([[uuid4().bytes] * (n % 3) for n in range(6000)], pa.list_(pa.binary(16))),
        "nothing": pa.nulls(6000, pa.string()),
    }
    table = Table("kinds", "Of every kind.", tuple(Column(n, a.type, n, nullable=True) for n, a in kinds.items()))
    catalog = Catalog.create(fresh_store(), tables=[table])
    rows = pa.table(kinds)
    catalog.commit(add=[catalog.write("kinds", rows)], operation="test")
    assert catalog.read("kinds").equals(rows)
    assert catalog.scan("kinds").collect().to_arrow()["numbers"].to_pylist() == list(range(6000))


def test_an_empty_segment_is_a_segment() -> None:
    catalog = new_catalog()
    catalog.commit(add=[catalog.write("samples", samples()), catalog.write("readings", readings())], operation="test")
    assert catalog.read("samples").num_rows == 0
    assert catalog.scan("samples").collect().height == 0
    assert catalog.sql("SELECT count(*) FROM readings").fetchall() == [(0,)]


def test_a_column_declared_later_is_null_in_old_segments() -> None:
    catalog = new_catalog()
    add_samples(catalog, 1)
    later = Table("samples", SAMPLES.about, (*SAMPLES.columns, Column("shelf", pa.int32(), "Where.", nullable=True)))
    newer = Catalog.open(catalog.store, tables=[later])
    rows = samples(2).append_column("shelf", pa.array([7], pa.int32()))
    newer.commit(add=[newer.write("samples", rows)], operation="test")
    assert newer.read("samples")["shelf"].to_pylist() == [None, 7]
    assert newer.read("samples", columns=["shelf", "mass"])["shelf"].to_pylist() == [None, 7]
    assert newer.scan("samples").collect()["shelf"].to_list() == [None, 7]
    assert newer.sql("SELECT shelf FROM samples ORDER BY mass").fetchall() == [(None,), (7,)]


def test_an_older_program_reads_past_columns_and_tables_it_does_not_know() -> None:
    catalog = new_catalog()
    add_samples(catalog, 1)
    catalog.commit(add=[catalog.write("pages", pages("x"))], operation="test")
    older = Catalog.open(catalog.store, tables=[Table("samples", "…", SAMPLES.columns[:2])], compact_above=0)
    assert older.read("samples").column_names == ["sample", "mass"]
    assert older.state.rows("pages") == 1
    older.commit(operation="test")
    assert reopened(older).state.rows("pages") == 1


def test_a_segment_of_another_catalog_is_taken_over_byte_for_byte() -> None:
    one, other = new_catalog(), new_catalog()
    add_samples(one, 1, 2)
    (segment,) = one.state.segments("samples")
    adopted = other.adopt(segment, one.stored(segment))
    assert (adopted.digest, adopted.rows, adopted.bytes) == (segment.digest, segment.rows, segment.bytes)
    assert adopted.name != segment.name, "a name may have been condemned"
    other.commit(add=[adopted], operation="test")
    assert masses(reopened(other)) == [1, 2]
    flip(one.store, segment.key)
    with pytest.raises(ObjectDamaged, match=segment.name):
        one.stored(segment)
    with pytest.raises(ArchiveReadOnly):
        Catalog.open(other.store, tables=TABLES, read_only=True).adopt(segment, b"")


def test_a_read_only_catalog_refuses_to_write() -> None:
    store = new_catalog().store
    catalog = Catalog.open(store, tables=TABLES, read_only=True)
    assert catalog.read_only
    before = keys(store)
    with pytest.raises(ArchiveReadOnly):
        catalog.write("samples", samples(1))
    with pytest.raises(ArchiveReadOnly):
        catalog.commit(operation="test")
    with pytest.raises(ArchiveReadOnly):
        catalog.compact()
    assert keys(store) == before


def test_another_reader_sees_commits_when_it_looks_again() -> None:
    catalog = new_catalog()
    reader = reopened(catalog)
    add_samples(catalog, 1)
    assert masses(reader) == []
    assert reader.refresh() == catalog.state
    assert masses(reader) == [1]
    assert reader.refresh() is reader.state


READERS: dict[str, Callable[[Catalog], object]] = {
    "read": lambda catalog: catalog.read("samples"),
    "scan": lambda catalog: catalog.scan("samples"),
    "sql": lambda catalog: catalog.sql("SELECT * FROM samples"),
    "connection": lambda catalog: catalog.connection(),
}


@pytest.mark.parametrize("damage", [flip, truncate])
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_damaged_segment_is_named_whatever_reads_it(
    read: Callable[[Catalog], object], damage: Callable[[ObjectStore, str], None]
) -> None:
    catalog = new_catalog()
    for n in range(4):
        add_samples(catalog, n)
    segment = catalog.state.segments("samples")[2]
    damage(catalog.store, segment.key)
    with pytest.raises(ObjectDamaged, match=segment.key) as caught:
        read(catalog)
    assert caught.value.segment == segment.name
    assert caught.value.table == "samples"


def test_every_flipped_bit_of_a_segment_is_noticed() -> None:
    catalog = new_catalog()
    add_samples(catalog, 1)
    (segment,) = catalog.state.segments("samples")
    whole = bytes(catalog.store.get(segment.key))
    for at in range(len(whole)):
        flip(catalog.store, segment.key, at)
        with pytest.raises(ObjectDamaged):
            catalog.read("samples")
        catalog.store.put(segment.key, [whole])
    assert masses(catalog) == [1]


def test_a_missing_segment_is_named() -> None:
    catalog = new_catalog()
    add_samples(catalog, 1)
    (segment,) = catalog.state.segments("samples")
    catalog.store.delete([segment.key])
    for read in (catalog.read, catalog.scan):
        with pytest.raises(ObjectMissing, match=segment.key):
            read("samples")


def test_a_segment_that_is_no_parquet_is_damaged_though_its_digest_is_right() -> None:
    catalog = new_catalog()
    segment = catalog.write("samples", samples(1))
    for data in (b"not parquet at all", b"PAR1" + b"x" * 40 + b"PAR1"):
        catalog.store.put(segment.key, [data])
        broken = replace(segment, digest=blake3(data).hexdigest(), bytes=len(data))
        with pytest.raises(ObjectDamaged, match="cannot be read"):
            catalog.read("samples", segments=[broken])


def test_what_was_read_lately_is_not_fetched_again() -> None:
    inner = new_catalog().store
    store = FaultyStore(inner)
    catalog = Catalog.open(store, tables=TABLES)
    for n in range(4):
        add_samples(catalog, n)
    assert masses(catalog) == [0, 1, 2, 3]
    before = len(store.calls)
    assert masses(catalog) == [0, 1, 2, 3]
    assert len(store.calls) == before


def test_the_cache_keeps_what_was_read_last_and_no_more_than_it_may() -> None:
    catalog = new_catalog()
    segments = [catalog.write("samples", samples(n)) for n in range(6)]
    store = FaultyStore(catalog.store)
    reader = import_module("holotype.catalog.segments").SegmentReader(store, cache=4 * segments[0].bytes + 50)
    for n in (0, 1, 2, 3, 0, 4):  # 4 pushes out 1, which was not read for longest
        reader.bytes(segments[n])
    assert len(store.calls) == 5
    reader.bytes(segments[0])
    assert len(store.calls) == 5
    reader.bytes(segments[1])
    assert len(store.calls) == 6
    small = import_module("holotype.catalog.segments").SegmentReader(store, cache=segments[0].bytes)
    small.bytes(segments[0])
    small.bytes(segments[0])
    assert len(store.calls) == 8  # one segment that would fill it is not kept


def test_a_failure_in_the_middle_of_a_stream_is_raised(tmp_path: object) -> None:
    inner = new_catalog().store
    catalog = Catalog.open(inner, tables=TABLES)
    for n in range(10):
        add_samples(catalog, n)
    store = FaultyStore(inner)
    reader = Catalog.open(store, tables=TABLES)
    store.fail_at = len(store.calls) + 7
    with pytest.raises(StorageFailed):
        reader.read("samples")
    some = reader.batches("samples")
    assert next(some).num_rows == 1
    del some  # a stream that is given up ends its threads


def test_a_catalog_on_a_local_disk(tmp_path: object) -> None:
    store = LocalStore(f"{tmp_path}/archive")
    catalog = new_catalog(store)
    for n in range(5):
        add_samples(catalog, n)
    assert masses(reopened(catalog)) == [0, 1, 2, 3, 4]
    assert reopened(catalog).scan("samples").collect()["mass"].to_list() == [0, 1, 2, 3, 4]
    assert reopened(catalog).sql("SELECT sum(mass) FROM samples").fetchall() == [(10,)]


def test_the_operation_of_a_compaction_cannot_be_borrowed() -> None:
    with pytest.raises(InvalidOption, match="compact"):
        new_catalog().commit(operation="compact")


def test_a_view_from_another_catalog_of_the_same_archive_is_good() -> None:
    catalog = new_catalog()
    other = reopened(catalog)
    add_samples(other, 1)
    entry = catalog.commit(remove=other.state.segments("samples"), operation="test", view=other.state)
    assert entry.version == 2
    assert masses(catalog) == []
    with pytest.raises(Conflict):
        catalog.commit(remove=other.state.segments("samples"), operation="test")
