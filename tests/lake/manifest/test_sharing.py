"""Snapshots share what is the same: what a change writes, and what it reads, is in proportion to the change."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from holotype.catalog import Catalog, ObjectMissing, RowsRefused, SnapshotNotFound
from holotype.lake.manifest import (
    CHEAP,
    SIZES,
    Manifest,
    ManifestWriter,
    Sizes,
    Stretch,
    align,
    previous_rows,
    snapshot_digest,
)
from holotype.lake.schema import ENTRIES, TABLES

from .trees import Leaf, as_rows, batches, commit, first, follow, many, new_catalog, row, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable

PINNED = "001dd20c5ca9790cad25d1b563435d3063ddda9abccd1a0f9042365aa86e9eaa"
TINY = Sizes(target_rows=16, min_rows=4, max_rows=64, delta_rows=20, delta_share=0.5)


def changed(rows: pa.Table, at: Iterable[int]) -> pa.Table:
    """Some of the rows, with another size."""
    some = rows.take(list(at))
    index = ENTRIES.schema.get_field_index("size")
    return some.set_column(index, ENTRIES.schema.field("size"), pc.add(some["size"], 1))


def tree_of(count: int) -> dict[bytes, Leaf]:
    return {b"f%04d" % i: Leaf(content=i) for i in range(count)}


def test_one_changed_file_of_many_costs_kilobytes_and_reads_nothing_else() -> None:
    store, catalog = new_catalog()
    rows = many(200_000)
    manifest = first(catalog, rows, sizes=SIZES, batch=10_000)
    stretches = {stretch.range: stretch for stretch in align(batches(rows, 8192), manifest)}
    assert sum(stretch.scanned.num_rows for stretch in stretches.values()) == 200_000
    middle = stretches[len(manifest.ranges) // 2]

    store.forget()
    writer = ManifestWriter(catalog, manifest)
    writer.change(middle, put=changed(middle.scanned, [5]))
    draft = writer.finish()
    assert store.read == []
    after = commit(catalog, draft, 2)
    # The commit's own entry counts too, and what the snapshot's row and its ranges take.
    assert sum(size for _, size in store.written) < 100_000
    assert after.ranges == manifest.ranges
    assert [delta.rows for delta in after.deltas] == [1]
    assert after.counts == replace(manifest.counts, bytes=manifest.counts.bytes + 1)

    reopened = Manifest.load(Catalog.open(store, tables=TABLES), after.snapshot)
    store.forget()
    path = middle.scanned["path"][5].as_py()
    found = reopened.find(path)
    assert found is not None
    assert found["size"] == middle.scanned["size"][5].as_py() + 1
    assert len([key for key in store.read if "/entries/" in key]) == 2  # one range, one delta


def test_only_ranges_that_can_hold_an_answer_are_fetched() -> None:
    store, catalog = new_catalog()
    manifest = first(catalog, many(50_000), sizes=Sizes(target_rows=500, min_rows=100))
    manifest = Manifest.load(Catalog.open(store, tables=TABLES), manifest.snapshot)
    store.forget()
    found = as_rows(manifest, patterns=["data/run0007/*.fastq"], columns=["path"])
    assert len(found) == 1000
    assert len(store.read) <= 2 + sum(
        part.first < b"data\0run0008" and part.last > b"data\0run0007" for part in manifest.ranges
    )


def test_a_changed_folder_rewrites_its_own_ranges_only() -> None:
    _, catalog = new_catalog()
    tree = {b"%02d/%03d" % (i, j): Leaf(content=i * j) for i in range(20) for j in range(50)}
    manifest = first(catalog, rows_of(tree), sizes=TINY)
    tree |= {path: replace(leaf, content=-1) for path, leaf in tree.items() if path.startswith(b"07/")}
    after = commit(catalog, follow(catalog, manifest, tree, sizes=TINY), 2)
    kept = set(manifest.ranges) & set(after.ranges)
    touched = [part for part in manifest.ranges if part.first < b"08" and part.last >= b"07"]
    assert kept >= set(manifest.ranges) - set(touched)
    assert len(set(after.ranges) - kept) <= len(touched) + 1


def test_an_unchanged_tree_writes_nothing() -> None:
    _, catalog = new_catalog()
    manifest = first(catalog, rows_of(tree_of(300)), sizes=TINY)
    draft = ManifestWriter(catalog, manifest).finish()
    assert draft.segments == ()
    assert draft.ranges == manifest.ranges
    assert draft.counts == manifest.counts


def test_deltas_stay_few_and_are_merged_into_the_ranges_before_they_grow() -> None:
    _, catalog = new_catalog()
    tree = tree_of(200)
    manifest = first(catalog, rows_of(tree), sizes=TINY)
    original = set(manifest.ranges)
    seen: list[int] = []
    for number in range(2, 26):
        path = b"f%04d" % (number * 7)
        tree[path] = replace(tree[path], content=-number)
        manifest = commit(catalog, follow(catalog, manifest, tree, sizes=TINY), number)
        seen.append(sum(delta.rows for delta in manifest.deltas))
        assert len(manifest.deltas) <= 3
        assert seen[-1] <= TINY.delta_rows
    assert max(seen) == TINY.delta_rows
    assert 0 in seen  # merged
    assert original & set(manifest.ranges)  # into the ranges they spoke of, and no others


def test_more_changes_than_a_delta_may_have_are_merged_as_they_come() -> None:
    _, catalog = new_catalog()
    tree = tree_of(1000)
    manifest = first(catalog, rows_of(tree), sizes=TINY)
    for i in range(0, 1000, 12):
        tree[b"f%04d" % i] = Leaf(content=-1)
    after = commit(catalog, follow(catalog, manifest, tree, sizes=TINY), 2)
    assert not after.deltas
    assert as_rows(after) == [row(path, leaf) for path, leaf in tree.items()]


def test_what_is_left_of_an_emptied_range_joins_the_next() -> None:
    _, catalog = new_catalog()
    tree = tree_of(500)
    manifest = first(catalog, rows_of(tree), sizes=TINY)
    part = manifest.ranges[3]
    for path in [path for path in tree if part.first < path <= part.last]:
        del tree[path]
    after = commit(catalog, follow(catalog, manifest, tree, sizes=TINY), 2)
    assert as_rows(after) == [row(path, leaf) for path, leaf in tree.items()]
    assert all(one.rows >= TINY.min_rows for one in after.ranges[:-1])
    assert set(after.ranges) >= {*manifest.ranges[:3], *manifest.ranges[7:]}


# The files of these trees have one byte each.
@pytest.mark.parametrize(("batch", "rows", "size"), [(40, 100, 1 << 30), (600, 1 << 30, 100)])
def test_a_new_folder_in_one_range_comes_in_pieces(batch: int, rows: int, size: int) -> None:
    _, catalog = new_catalog()
    manifest = first(catalog, rows_of(tree_of(50)), sizes=SIZES)
    tree = {**tree_of(50), **{b"f0020/%04d" % i: Leaf(content=i) for i in range(1000)}}
    pieces = list(align(batches(rows_of(tree), batch), manifest, stretch_rows=rows, stretch_bytes=size))
    assert len(pieces) > 8
    assert max(piece.scanned.num_rows for piece in pieces) <= 210
    assert pa.concat_tables(piece.scanned for piece in pieces)["path"].to_pylist() == sorted(p.decode() for p in tree)
    assert pa.concat_tables(piece.previous for piece in pieces)["path"].to_pylist() == [p.decode() for p in tree_of(50)]
    wide = pa.concat_tables(previous_rows(manifest, piece) for piece in pieces)
    assert wide.to_pylist() == as_rows(manifest)
    writer = ManifestWriter(catalog, manifest)
    for piece in pieces:
        old = piece.previous["path"]
        writer.change(piece, put=piece.scanned.filter(pc.invert(pc.is_in(piece.scanned["path"], value_set=old))))
    after = commit(catalog, writer.finish(), 2)
    assert after.counts.entries == 1050
    assert [each["path"] for each in as_rows(after)] == sorted(path.decode() for path in tree)


def test_a_scan_is_laid_beside_every_range_also_where_it_found_nothing() -> None:
    _, catalog = new_catalog()
    manifest = first(catalog, rows_of(tree_of(300)), sizes=TINY)
    stretches = list(align([rows_of(tree_of(2)).to_batches()[0]], manifest, columns=["size"]))
    assert [stretch.range for stretch in stretches] == list(range(len(manifest.ranges)))
    assert sum(stretch.previous.num_rows for stretch in stretches) == 300
    assert stretches[0].previous.column_names == ["path", "path_bytes", "size"]
    empty = list(align([], None))
    assert empty == []
    (alone,) = align([rows_of(tree_of(2))], None)
    assert alone.previous.num_rows == 0
    assert alone.previous.column_names == list(CHEAP)
    assert previous_rows(manifest, alone).num_rows == 0


def test_what_would_break_the_order_is_refused() -> None:
    _, catalog = new_catalog()
    rows = rows_of(tree_of(100))
    manifest = first(catalog, rows, sizes=TINY)
    writer = ManifestWriter(catalog)
    writer.append(rows.slice(10, 10))
    for wrong in (rows.slice(0, 5), rows.slice(19, 3), rows.take([40, 30])):
        with pytest.raises(RowsRefused, match="order"):
            writer.append(wrong)
    writer = ManifestWriter(catalog, manifest)
    one, other, *_ = align(batches(rows, 10), manifest)
    with pytest.raises(RowsRefused, match="outside"):
        writer.change(one, put=other.scanned)
    with pytest.raises(RowsRefused, match="first manifest"):
        writer.append(rows)


def test_a_change_of_nothing_is_no_change() -> None:
    _, catalog = new_catalog()
    rows = rows_of(tree_of(100))
    manifest = first(catalog, rows, sizes=TINY)
    writer = ManifestWriter(catalog, manifest)
    for stretch in align(batches(rows, 10), manifest):
        writer.change(stretch, put=ENTRIES.empty(), removed=stretch.previous.slice(0, 0))
    assert writer.finish().ranges == manifest.ranges


def test_a_path_that_is_put_and_removed_at_once_is_put() -> None:
    _, catalog = new_catalog()
    rows = rows_of(tree_of(100))
    manifest = first(catalog, rows, sizes=TINY)
    writer = ManifestWriter(catalog, manifest)
    stretch = next(align(batches(rows, 10), manifest))
    writer.change(stretch, put=changed(rows, [0]), removed=rows.slice(0, 1))
    after = commit(catalog, writer.finish(), 2)
    assert after.counts == replace(manifest.counts, bytes=manifest.counts.bytes + 1)
    found = after.find("f0000")
    assert found is not None
    assert found["size"] == 2


def test_a_manifest_that_is_incomplete_or_not_there_says_so() -> None:
    _, catalog = new_catalog()
    manifest = first(catalog, rows_of(tree_of(100)), sizes=TINY)
    with pytest.raises(SnapshotNotFound):
        Manifest.load(catalog, "0" * 64)
    lost = manifest.segments[manifest.ranges[1].segment]
    catalog.commit(remove=[lost], operation="test")
    with pytest.raises(ObjectMissing, match=lost.name):
        Manifest.load(catalog, manifest.snapshot)


def test_reading_can_be_given_up_half_way() -> None:
    _, catalog = new_catalog()
    manifest = first(catalog, rows_of(tree_of(300)), sizes=TINY)
    rows = manifest.rows()
    assert next(rows).num_rows
    rows.close()  # type: ignore[attr-defined]


def test_a_snapshot_is_named_by_its_record_and_its_manifest() -> None:
    berlin = timezone(timedelta(hours=2))
    record: dict[str, Any] = {
        "dataset": "süß",
        "number": 3,
        "parent": None,
        "time": datetime(2026, 5, 4, 8, 30, tzinfo=UTC),
    }
    manifest = [("range", "aa" * 32), ("delta", "bb" * 32)]
    # printf '%s' '{"manifest":[["range","aaaa…"],["delta","bbbb…"]],"record":{"dataset":"süß",…}}' | sha256sum
    assert snapshot_digest(record, manifest) == PINNED
    elsewhere = {**record, "time": datetime(2026, 5, 4, 10, 30, tzinfo=berlin)}
    assert snapshot_digest(elsewhere, manifest) == PINNED
    assert snapshot_digest(record, manifest[::-1]) != PINNED
    assert snapshot_digest({**record, "number": 4}, manifest) != PINNED
    assert snapshot_digest({**record, "message": "\ud800"}, manifest) != PINNED


def test_the_same_tree_gives_the_same_digests_wherever_it_is_written() -> None:
    drafts = []
    for _ in range(2):
        writer = ManifestWriter(new_catalog()[1], sizes=TINY)
        writer.append(rows_of(tree_of(100)))
        drafts.append(writer.finish())
    assert drafts[0].digests == drafts[1].digests
    assert drafts[0].snapshot({"dataset": "d"}) == drafts[1].snapshot({"dataset": "d"})


def test_a_stretch_is_a_plain_value() -> None:
    rows = ENTRIES.empty()
    assert Stretch(None, None, None, rows, rows).range is None


def test_readers_of_two_manifests_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose storage hangs must not hold up those who read another manifest."""
    _, catalog = new_catalog()
    before = first(catalog, rows_of(tree_of(50)), sizes=TINY)
    slow = commit(catalog, follow(catalog, before, {**tree_of(50), b"f0001": Leaf(content=99)}, sizes=TINY), 2)
    quick = Manifest.load(catalog, slow.snapshot)
    assert slow.deltas
    begun, go_on = threading.Event(), threading.Event()
    read = Manifest.segment

    def segment(manifest: Manifest, *what: Any) -> pa.Table:
        if manifest is slow:
            begun.set()
            go_on.wait(30)
        return read(manifest, *what)

    monkeypatch.setattr(Manifest, "segment", segment)
    threads = [threading.Thread(target=lambda manifest=manifest: manifest.edits) for manifest in (slow, quick)]
    threads[0].start()
    begun.wait(30)
    threads[1].start()
    threads[1].join(10)
    assert not threads[1].is_alive()
    assert threads[0].is_alive()
    go_on.set()
    threads[0].join()
