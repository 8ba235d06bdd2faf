"""Tables whose rows are looked up where they lie: Arrow files that are hashed, merged, copied and queried as any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import ipc

from holotype.catalog import Catalog, Column, InvalidOption, LocalStore, ObjectDamaged, ObjectMissing, Table
from holotype.catalog.lookup import Lookup, View, among, distinct, firsts

from .faults import FaultyStore
from .samples import TABLES, add_samples, flip, fresh_store, truncate

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.catalog import ObjectStore, Segment

PLACES = Table(
    "places",
    "Where things are.",
    (
        Column("key", pa.uint64(), "Which thing."),
        Column("shelf", pa.int64(), "Where it is.", least=0),
        Column("note", pa.string(), "What someone wrote on it.", nullable=True),
    ),
    sort=("key", "shelf"),
    mapped=True,
)


@pytest.fixture(params=["memory", "local"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """Storage without and with local files."""
    return LocalStore(tmp_path / "it's [an] archive", durable=False) if request.param == "local" else fresh_store()


def places(count: int, seed: int = 0, *, note: str = "x") -> pa.Table:
    """So many rows, of keys that are spread evenly."""
    key = np.random.default_rng(seed).integers(0, 1 << 64, count, np.uint64)
    return pa.table({"key": key, "shelf": np.arange(count), "note": [f"{note}{n}" for n in range(count)]})


def catalog_with(store: ObjectStore, *tables: pa.Table, compact_above: int | None = None) -> Catalog:
    """A catalog with one commit for each of these."""
    catalog = Catalog.create(store, tables=(*TABLES, PLACES), compact_above=compact_above)
    for rows in tables:
        catalog.commit(add=[catalog.write("places", rows)], operation="test")
    return catalog


def test_segments_are_arrow_files_in_the_order_of_their_keys(store: ObjectStore) -> None:
    catalog = catalog_with(store, places(5000), places(20_000, 1))
    small, large = catalog.state.segments("places")
    for segment, compressed in ((small, True), (large, False)):
        assert segment.key == f"tables/places/{segment.name}"
        assert segment.key.endswith(".arrow")
        data = store.get(segment.key)
        rows = ipc.open_file(pa.py_buffer(data)).read_all()
        assert rows.equals(rows.sort_by([("key", "ascending"), ("shelf", "ascending")]))
        assert (segment.low, segment.high) == tuple(f"{rows['key'][place].as_py():016x}" for place in (0, -1))
        assert (segment.bytes < rows.nbytes) == compressed
    again = Catalog.open(store, tables=(*TABLES, PLACES))
    assert again.state == catalog.state
    assert again.read("places", columns=["shelf"]).num_rows == 25_000


def test_a_large_segment_is_read_where_it_lies(tmp_path: Path) -> None:
    catalog = catalog_with(LocalStore(tmp_path), places(200_000))
    (segment,) = catalog.state.segments("places")
    before = pa.total_allocated_bytes()
    rows = catalog.mapped(segment)
    assert rows.num_rows == 200_000
    assert rows["note"][7].as_py().startswith("x")
    assert pa.total_allocated_bytes() - before < 100_000 < segment.bytes
    assert rows.equals(catalog.read("places"))


def test_only_segments_of_mapped_tables_are_mapped(store: ObjectStore) -> None:
    catalog = catalog_with(store, places(5))
    add_samples(catalog, 1)
    assert not catalog.state.segments("samples")[0].mapped
    with pytest.raises(InvalidOption, match="not kept to be mapped"):
        catalog.mapped(catalog.state.segments("samples")[0])


def test_sql_and_frames_read_them_as_any_other_table(store: ObjectStore) -> None:
    catalog = catalog_with(store, places(50), places(30_000, 1))
    add_samples(catalog, 3)
    assert catalog.sql("SELECT count(*), sum(shelf) FROM places").fetchall() == [(30_050, 449_986_225)]
    key = places(30_000, 1)["key"][5].as_py()
    assert catalog.sql("SELECT note FROM places WHERE key = ?", params=[key]).fetchall() == [("x5",)]
    assert catalog.connection().sql("SELECT count(*) FROM places, samples").fetchall() == [(30_050,)]
    frame = catalog.scan("places")
    assert frame.filter(pl.col("key") == key).collect()["note"].to_list() == ["x5"]
    assert frame.collect().schema == pl.DataFrame(PLACES.empty()).schema
    empty = catalog_with(fresh_store())
    assert empty.scan("places").collect().height == 0
    assert empty.sql("SELECT * FROM places").fetchall() == []


def test_a_column_that_was_declared_later_is_missing_in_old_segments(store: ObjectStore) -> None:
    catalog_with(store, places(3), places(30_000, 1))
    later = Table(
        "places",
        "The same.",
        (*PLACES.columns, Column("room", pa.int8(), "Which.", nullable=True)),
        ("key",),
        mapped=True,
    )
    catalog = Catalog.open(store, tables=(later,))
    new = places(2, 2).append_column("room", pa.array([7, 7], pa.int8()))
    catalog.commit(add=[catalog.write("places", new)], operation="test")
    assert catalog.scan("places").collect()["room"].drop_nulls().to_list() == [7, 7]
    assert catalog.sql("SELECT count(*), count(room) FROM places").fetchall() == [(30_005, 2)]
    assert catalog.mapped(catalog.state.segments("places")[1])["room"].null_count == 30_000


def test_a_table_that_was_not_mapped_before_is_read_whatever_its_segments_are(store: ObjectStore) -> None:
    before = Table("places", PLACES.about, PLACES.columns, PLACES.sort)
    catalog = Catalog.create(store, tables=(before,), compact_above=None)
    catalog.commit(add=[catalog.write("places", places(100))], operation="test")
    catalog = Catalog.open(store, tables=(PLACES,), compact_above=None)
    catalog.commit(add=[catalog.write("places", places(20_000, 1))], operation="test")
    assert [segment.mapped for segment in catalog.state.segments("places")] == [False, True]
    assert catalog.read("places").num_rows == catalog.scan("places").collect().height == 20_100
    assert catalog.sql("SELECT count(*) FROM places").fetchall() == [(20_100,)]
    assert sum(len(view.keys) for view in Lookup(catalog, PLACES, catalog.state, View).every()) == 20_100
    catalog.compact()
    assert [segment.mapped for segment in catalog.state.segments("places")] == [True]


@pytest.mark.parametrize("count", [50, 30_000])
def test_damage_is_found_before_a_row_is_believed(store: ObjectStore, count: int) -> None:
    catalog = catalog_with(store, places(count))
    (segment,) = catalog.state.segments("places")
    flip(store, segment.key)
    fresh = Catalog.open(store, tables=(*TABLES, PLACES))
    for ask in (
        lambda: fresh.mapped(segment),
        lambda: fresh.read("places"),
        lambda: fresh.scan("places"),
        lambda: fresh.sql("SELECT * FROM places"),
        lambda: list(Lookup(fresh, PLACES, fresh.state, View).every()),
    ):
        with pytest.raises(ObjectDamaged, match=segment.name):
            ask()
    assert [damage.segment for damage in fresh.audit()] == [segment.name]
    truncate(store, segment.key)
    with pytest.raises(ObjectDamaged, match=r"bytes instead of"):
        fresh.mapped(segment)
    store.delete([segment.key])
    with pytest.raises(ObjectMissing):
        fresh.mapped(segment)


def test_a_segment_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = catalog_with(LocalStore(tmp_path), places(30_000))
    hashed: list[Segment] = []
    reader = catalog._reader  # pyright: ignore[reportPrivateUsage]
    verified = reader.verified_path

    def counted(segment: Segment) -> Path | None:
        hashed.append(segment)
        return verified(segment)

    monkeypatch.setattr(reader, "verified_path", counted)
    for _ in range(3):
        catalog.mapped(catalog.state.segments("places")[0])
    assert len(hashed) == 1


def test_a_copy_in_another_catalog_is_the_same_byte_for_byte(store: ObjectStore, tmp_path: Path) -> None:
    catalog = catalog_with(store, places(30_000))
    (segment,) = catalog.state.segments("places")
    other = catalog_with(LocalStore(tmp_path / "other"))
    other.commit(add=[other.adopt(segment, catalog.stored(segment))], operation="test")
    (copy,) = other.state.segments("places")
    assert (copy.mapped, copy.digest, copy.low) == (True, segment.digest, segment.low)
    assert other.mapped(copy).equals(catalog.mapped(segment))


def test_small_segments_are_merged_and_stay_sorted(store: ObjectStore) -> None:
    catalog = catalog_with(store, *(places(100, n) for n in range(10)))
    catalog.compact()
    (segment,) = catalog.state.segments("places")
    rows = catalog.mapped(segment)
    assert rows.num_rows == 1000
    assert rows["key"].to_pylist() == sorted(rows["key"].to_pylist())


def test_large_segments_share_the_keys_out_and_one_key_with_many_rows_has_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, size in (("_SMALL_MAPPED", 10_000), ("_MERGED", 40_000), ("HELD", 2_000)):
        monkeypatch.setattr(f"holotype.catalog.compaction.{name}", size)
    hub = 0x1234567890ABCDEF
    parts: list[pa.Table] = []
    for n in range(120):
        rows = places(500, n)
        many = np.where(np.arange(500) < 100, np.uint64(hub), rows["key"].to_numpy())
        parts.append(rows.set_column(0, "key", pa.array(many)))
    catalog = catalog_with(fresh_store(), *parts, compact_above=4)
    segments = catalog.state.segments("places")
    before, after = pa.concat_tables(parts), catalog.read("places")
    order = [(name, "ascending") for name in ("key", "shelf", "note")]
    assert after.sort_by(order).equals(before.cast(PLACES.schema).sort_by(order))
    for segment in segments:
        rows = catalog.read("places", segments=[segment])
        assert rows.equals(rows.sort_by(order[:2]))
        assert segment.bytes < 4 * 40_000
    looked = [
        sum(int(str(s.low), 16) <= key <= int(str(s.high), 16) for s in segments) for key in range(0, 1 << 64, 1 << 58)
    ]
    assert max(looked) <= 9
    assert len(segments) > 12, max(looked)
    assert any(segment.low == segment.high == f"{hub:016x}" for segment in segments)
    written = sum(s.rows for entry in catalog.entries() for found in entry.add.values() for s in found)
    assert written <= 6 * 60_000


class Shelves(View):
    """What the lookups below are answered from."""

    def shelves(self, key: int) -> list[int]:
        first, last = np.searchsorted(self.keys, [key], "left")[0], np.searchsorted(self.keys, [key], "right")[0]
        found: list[int] = self.rows["shelf"].slice(first, last - first).to_pylist()
        return found


@pytest.mark.parametrize("held", [0, 1 << 30])
def test_rows_are_found_by_key_wherever_they_lie(
    store: ObjectStore, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("HELD", held), ("_OPEN", 3), ("_TOGETHER", 2)):
        monkeypatch.setattr(f"holotype.catalog.lookup.{name}", value)
    tables = [places(40, n) for n in range(7)]
    catalog = catalog_with(store, *tables, tables[0])
    lookup = Lookup(catalog, PLACES, catalog.state, Shelves)
    every = [
        (key, shelf)
        for rows in tables
        for key, shelf in zip(*rows.select(["key", "shelf"]).to_pydict().values(), strict=True)
    ]
    for key, shelf in every[::9]:
        found = [each for view in lookup.holding(key) for each in view.shelves(key)]
        assert found == [shelf] * (2 if (key, shelf) in every[:40] else 1)
    assert [each for view in lookup.holding(7) for each in view.shelves(7)] == []
    wanted = np.sort(np.array([key for key, _ in every[::3]], np.uint64))
    touched: list[int] = []
    for view, start, part in lookup.touching(wanted):
        assert wanted[start : start + len(part)].tolist() == part.tolist()
        touched += [key for key in part.tolist() for _ in view.shelves(key)]
    assert sorted(touched) == sorted([*wanted.tolist(), *(key for key, _ in every[:40:3])])
    assert lookup.rows == 320


def test_a_segment_that_cannot_have_a_key_is_not_looked_into() -> None:
    low = places(30_000).set_column(0, "key", pa.array(np.arange(30_000, dtype=np.uint64)))
    high = places(30_000).set_column(0, "key", pa.array(np.arange(30_000, dtype=np.uint64) + np.uint64(1 << 63)))
    store = FaultyStore(catalog_with(fresh_store(), low, high).store)
    catalog = Catalog.open(store, tables=(PLACES,))
    lookup = Lookup(catalog, PLACES, catalog.state, View)
    del store.calls[:]
    assert len(list(lookup.holding(5))) == 1
    assert [len(part) for _, _, part in lookup.touching(np.array([3, 5], np.uint64))] == [2]
    assert sum(call.startswith("get tables/places") for call in store.calls) == 1


def test_a_mapped_table_is_sorted_and_its_segments_have_no_names_elsewhere() -> None:
    with pytest.raises(ValueError, match="looked up where it lies"):
        Table("places", "About.", PLACES.columns, mapped=True)
    with pytest.raises(ValueError, match="looked up where it lies"):
        Table("places", "About.", PLACES.columns, ("key",), named=True, mapped=True)


def test_keys_are_told_apart() -> None:
    keys = np.array([5, 3, 5, 9, 3], np.uint64)
    assert distinct(keys).tolist() == [3, 5, 9]
    assert firsts(keys).tolist() == [1, 0, 3]
    assert among(keys, np.array([3, 9], np.uint64)).tolist() == [False, True, False, True, True]
    none = np.empty(0, np.uint64)
    assert distinct(none).tolist() == firsts(none).tolist() == among(none, keys).tolist() == []
    assert among(keys, none).tolist() == [False] * 5
