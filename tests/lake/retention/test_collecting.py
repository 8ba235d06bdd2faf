"""Collecting: what goes, what stays, and what is left when it is interrupted."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.catalog import (
    ArchiveReadOnly,
    Catalog,
    Conflict,
    HolotypeError,
    InvalidOption,
    LocalStore,
    MemoryStore,
    ObjectMissing,
)
from holotype.lake.collect import collect
from holotype.lake.context import Context
from holotype.lake.forget import forget
from holotype.lake.manifest import Sizes
from holotype.lake.records.snapshots import history, snapshots
from holotype.lake.retention.garbage import look as look_for_garbage
from holotype.lake.retention.garbage import object_of_table
from holotype.lake.schema import TABLES
from holotype.lake.trash import recover
from holotype.lake.verify import verify

from ...catalog.faults import Crash, FaultyStore, lost_connection
from ...effort import share
from ..making import Clock, all_there, another, contents, elsewhere, keep, new_archive, packs
from .interleaving import QuickCatalog, SharedStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from holotype.catalog import ObjectStore, State

A_DAY = timedelta(days=1)
# Manifests of a few rows with ranges and deltas all the same.
SMALL = Sizes(target_rows=4, min_rows=2, max_rows=8, delta_rows=6, delta_share=0.6, range_share=0.9)


@pytest.fixture(params=["memory", "local"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """A store of each kind."""
    if request.param == "local":
        return LocalStore(tmp_path / "archive", durable=False)
    return MemoryStore(f"memory://collecting/{tmp_path.name}")


def test_what_was_replaced_and_collected_is_no_damage(store: ObjectStore) -> None:
    """The row it was replaced in stays, in a segment that the later snapshot shares."""
    archive = new_archive(store)
    files = {f"{n:02}": [b"%d" % n * 99] for n in range(40)}
    keep(archive, "cells", files, chunks_to_a_pack=1, sizes=SMALL)
    keep(archive, "cells", {**files, "07": [b"another" * 99]}, chunks_to_a_pack=1, sizes=SMALL)
    assert "delta" in archive.catalog.read("ranges")["role"].to_pylist()
    forget(archive, snapshots=["cells@1"])
    assert len(collect(archive).packs) == 1
    assert verify(archive).ok


def test_the_data_of_a_forgotten_snapshot_goes_and_that_of_the_others_stays(store: ObjectStore) -> None:
    archive = new_archive(store)
    keep(archive, "cells", {"a": [b"one" * 99], "b": [b"shared" * 99]}, chunks_to_a_pack=1)
    second = keep(archive, "cells", {"a": [b"two" * 99], "b": [b"shared" * 99]}, chunks_to_a_pack=1)
    before = packs(archive)
    forget(archive, snapshots=["cells@1"])
    assert packs(archive) == before, "forgetting deletes nothing"
    result = collect(archive)
    gone = before - packs(archive)
    assert len(before) == 3
    assert len(gone) == 1
    assert [f"packs/{name}.parquet" for name in result.packs] == list(gone)
    assert result.purged.select("dataset", "number").rows() == [("cells", 1)]
    assert result.objects == 2, "the pack and the manifest's segment"
    assert result.bytes > 0
    assert contents(archive, second.id) == {"a": b"two" * 99, "b": b"shared" * 99}
    assert history(archive)["state"].to_pylist() == ["purged", "live"], "that it was there is not forgotten"


def test_without_anything_to_collect_nothing_is_committed(store: ObjectStore) -> None:
    archive = new_archive(store)
    keep(archive, "cells", {"a": [b"one"]})
    version = archive.catalog.refresh().version
    result = collect(archive)
    assert (result.objects, result.bytes, result.packs, result.segments) == (0, 0, (), 0)
    assert archive.catalog.refresh().version == version


def test_zarr_packs_go_with_both_their_objects() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [bytes(64), bytes(range(64))]}, numbers=True)
    assert len(packs(archive)) == 2
    assert all_there(archive)
    forget(archive, snapshots=["cells@1"])
    collect(archive)
    assert not packs(archive)


def test_records_of_what_went_are_gone_and_tombstones_say_what_it_was() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"one" * 99], "b": [b"shared" * 99]}, chunks_to_a_pack=1)
    keep(archive, "cells", {"a": [b"two" * 99], "b": [b"shared" * 99]}, chunks_to_a_pack=1)
    forget(archive, snapshots=["cells@1"])
    (gone,) = collect(archive).packs
    assert gone not in archive.catalog.read("packs")["pack"].to_pylist()
    assert gone not in archive.catalog.read("chunks")["pack"].to_pylist()
    assert archive.catalog.state.rows("chunks") == 2
    assert set(archive.catalog.read("ranges")["snapshot"].to_pylist()) == {snapshots(archive)["snapshot"][0].as_py()}
    assert ("pack", gone) in {(row["kind"], row["name"]) for row in archive.catalog.read("tombstones").to_pylist()}


def test_a_dry_run_says_what_would_go_and_does_nothing() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"one" * 99]})
    forget(archive, snapshots=["cells@1"])
    version, before = archive.catalog.refresh().version, set(archive.store.list(""))
    would = collect(archive, dry_run=True)
    assert would.dry_run
    assert archive.catalog.refresh().version == version
    assert set(archive.store.list("")) == before
    did = collect(archive)
    assert (would.objects, would.bytes, would.packs) == (did.objects, did.bytes, did.packs)
    assert would.purged.equals(did.purged)


def test_with_a_grace_what_was_forgotten_lately_stays_and_can_be_recovered() -> None:
    clock = Clock()
    archive = new_archive(clock=clock)
    first = keep(archive, "cells", {"a": [b"one"]})
    keep(archive, "cells", {"a": [b"two"]})
    forget(archive, snapshots=["cells@1"])
    clock.later(days=6)
    assert collect(archive, grace=timedelta(days=7)).purged.height == 0
    recover(archive, "cells@1")
    assert contents(archive, first.id) == {"a": b"one"}
    forget(archive, snapshots=["cells@1"])
    clock.later(days=8)
    assert collect(archive, grace=timedelta(days=7)).purged.height == 1


def test_a_file_that_only_a_forgotten_snapshot_had_goes_though_its_manifests_segment_is_shared() -> None:
    archive = new_archive()
    files = {f"file {n:02}": [b"%d" % n * 50] for n in range(40)}
    sizes = Sizes(delta_share=0.5)
    keep(archive, "cells", files, sizes=sizes, chunks_to_a_pack=1)
    changed = {**files, "file 07": [b"new" * 50]}
    del changed["file 11"]
    keep(archive, "cells", changed, sizes=sizes, chunks_to_a_pack=1)
    assert sorted(archive.catalog.read("ranges")["role"].to_pylist()) == ["delta", "range", "range"]
    forget(archive, snapshots=["cells@1"])
    assert len(collect(archive).packs) == 2, "the old file 07, and file 11"
    assert all_there(archive)
    assert verify(archive).ok, "rows of a purged snapshot are no reason to miss their chunks"
    lost = archive.catalog.read("packs")["object"][0].as_py()
    archive.store.delete([lost])
    assert {one.object for one in verify(archive).findings} == {lost}


def test_a_removed_file_that_another_live_snapshot_has_stays() -> None:
    archive = new_archive()
    files = {f"file {n:02}": [b"%d" % n * 50] for n in range(40)}
    sizes = Sizes(delta_share=0.5)
    keep(archive, "cells", files, sizes=sizes, chunks_to_a_pack=1)
    fewer = {name: chunks for name, chunks in files.items() if name != "file 11"}
    keep(archive, "cells", fewer, sizes=sizes, chunks_to_a_pack=1)
    keep(archive, "cells", {**fewer, "file 12": [b"!" * 50]}, sizes=sizes, chunks_to_a_pack=1)
    forget(archive, snapshots=["cells@2", "cells@3"])
    collect(archive)
    assert all_there(archive)
    assert len(contents(archive, snapshots(archive)["snapshot"][0].as_py())) == 40


def test_memory_can_be_bounded_to_a_few_chunks_at_a_time() -> None:
    archive = new_archive()
    keep(archive, "cells", {f"{n}": [b"%d" % n * 9] for n in range(64)}, chunks_to_a_pack=2)
    keep(archive, "cells", {f"{n}": [b"%d" % n * 9] for n in range(0, 64, 8)}, chunks_to_a_pack=2)
    forget(archive, snapshots=["cells@1"])
    would = collect(archive, dry_run=True)
    assert collect(archive, chunks_at_once=3).packs == would.packs
    assert would.packs
    assert all_there(archive)


def test_options_that_make_no_sense_are_refused() -> None:
    archive = new_archive()
    wrong: list[dict[str, Any]] = [{"grace": -A_DAY}, {"dead_after": -A_DAY}, {"chunks_at_once": 0}]
    for options in wrong:
        with pytest.raises(InvalidOption):
            collect(archive, **options)


def test_a_reader_cannot_collect() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"one"]})
    forget(archive, snapshots=["cells@1"])
    reader = Context(archive.store, Catalog.open(archive.store, tables=TABLES, read_only=True), "eve", archive.clock)
    assert collect(reader, dry_run=True).purged.height == 1
    with pytest.raises(ArchiveReadOnly):
        collect(reader)


def test_progress_is_reported() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"one"]})
    forget(archive, snapshots=["cells@1"])
    seen: list[Any] = []
    result = collect(archive, progress=seen.append)
    assert seen[-1].done
    assert (seen[-1].work, seen[-1].files, seen[-1].bytes) == ("collect", result.objects, result.bytes)


def test_many_objects_are_deleted_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = new_archive()
    keep(archive, "cells", {f"{n}": [b"%d" % n] for n in range(10)}, chunks_to_a_pack=1)
    forget(archive, snapshots=["cells@1"])
    monkeypatch.setattr("holotype.lake.retention.sweep._TOGETHER", 4)
    assert collect(archive).objects == 11
    assert not packs(archive)


def test_a_damaged_manifest_stops_the_collection_before_anything_is_deleted() -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"one"]})
    keep(archive, "cells", {"a": [b"two"]})
    forget(archive, snapshots=["cells@1"])
    needed = archive.catalog.read("ranges").to_pylist()[1]["segment"]
    archive.store.delete([f"tables/entries/{needed}.parquet"])
    before, other = packs(archive), another(archive)
    with pytest.raises(ObjectMissing, match=needed):
        collect(other)
    assert packs(archive) == before


# Others at work meanwhile


def meanwhile(patch: pytest.MonkeyPatch, act: Callable[[], object]) -> list[object]:
    """Have others act each time between a collector's look and its commit; returns what it saw."""
    looks: list[object] = []

    def look(*asked: Any, **more: Any) -> Any:
        looks.append(look_for_garbage(*asked, **more))
        act()
        return looks[-1]

    patch.setattr("holotype.lake.collect.look", look)
    return looks


def test_a_snapshot_made_meanwhile_is_not_robbed(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = new_archive()
    files = {"a": [b"one" * 99]}
    keep(archive, "cells", files)
    forget(archive, snapshots=["cells@1"])
    other = another(archive)
    made: list[object] = []

    def act() -> None:
        if not made:
            made.append(keep(other, "others", files))

    meanwhile(monkeypatch, act)
    assert collect(archive).packs == (), "it looked again, and saw that the pack is needed"
    assert all_there(archive)
    assert len(packs(archive)) == 1


def test_commits_that_refer_to_nothing_condemned_do_not_disturb(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"one" * 99]})
    forget(archive, snapshots=["cells@1"])
    other = another(archive)
    looks = meanwhile(monkeypatch, lambda: keep(other, "others", {"x": [b"of its own %d" % len(looks)]}))
    assert len(collect(archive).packs) == 1
    assert len(looks) == 1
    assert all_there(archive)


def test_a_snapshot_recovered_meanwhile_is_not_purged(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"one" * 99]})
    forget(archive, snapshots=["cells@1"])
    other = another(archive)
    meanwhile(monkeypatch, lambda: recover(other, "cells@1"))
    assert collect(archive).purged.height == 0
    assert all_there(archive)


def test_what_another_collection_takes_away_while_one_looks_is_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"1"]})
    keep(archive, "cells", {"a": [b"2"]})
    forget(archive, snapshots=["cells@1"])
    looks: list[object] = []

    def look(context: Context, state: State, **options: Any) -> object:
        looks.append(state)
        if len(looks) == 1:
            collect(another(archive))
            raise ObjectMissing("a manifest is gone")
        return look_for_garbage(context, state, **options)

    monkeypatch.setattr("holotype.lake.collect.look", look)
    assert collect(archive).purged.is_empty()
    assert len(looks) == 3
    assert all_there(archive)


def test_which_objects_are_segments_of_a_table() -> None:
    assert object_of_table("tables/prov_links/000000000007-6f1c.arrow") == "prov_links"
    assert object_of_table("tables/entries/000000000007-6f1c.parquet") == "entries"
    assert object_of_table("tables/entries/000000000007-6f1c.json") is None
    assert object_of_table("packs/s-7/6f1c.parquet") is None


def test_who_is_disturbed_again_and_again_gives_up_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = new_archive()
    keep(archive, "cells", {"a": [b"one" * 99]})
    forget(archive, snapshots=["cells@1"])
    other = another(archive)

    def disturb() -> None:
        recover(other, "cells@1")
        forget(other, snapshots=["cells@1"])

    meanwhile(monkeypatch, disturb)
    with pytest.raises(Conflict):
        collect(archive)
    monkeypatch.undo()
    assert all_there(archive)
    state = archive.catalog.refresh()
    live = {segment.key for segments in state.tables.values() for segment in segments}
    assert {info.key for info in archive.store.list("tables/")} == live


# Interrupted


@pytest.fixture(scope="module")
def half_forgotten() -> dict[str, bytes]:
    """An archive in which there is much to do."""
    store, clock = SharedStore(), Clock()
    new_archive(store, clock=clock)
    archive = quick(store, clock)
    files = {f"file {n}": [b"%d" % n * 50, b"common" * 9] for n in range(8)}
    for version in range(4):
        keep(archive, "cells", {**files, "file 3": [b"v%d" % version * 50]}, sizes=SMALL, chunks_to_a_pack=2)
    keep(archive, "others", {"x": files["file 2"]}, chunks_to_a_pack=2)
    session = elsewhere(archive)
    store.put(f"packs/{session}/{'0' * 64}.parquet", [b"never committed"])
    return store.objects


def quick(store: ObjectStore, clock: Clock) -> Context:
    return Context(store, QuickCatalog.open(store, tables=TABLES, clock=clock), "ada@lab", clock)


@pytest.mark.parametrize("kind", ["fails", "answer lost", "dies", "dies after"])
def test_interrupted_at_any_call_it_can_be_done_again(half_forgotten: dict[str, bytes], kind: str) -> None:
    fail_at, ended = 0, False
    while not ended:
        fail_at += 1
        clock = Clock()
        clock.later(days=3)
        store = SharedStore(half_forgotten)
        faulty = FaultyStore(
            store,
            fail_at=fail_at,
            answer_lost=kind in ("answer lost", "dies after"),
            lasting=kind.startswith("dies"),
            error=Crash if kind.startswith("dies") else lost_connection,
        )
        try:
            archive = quick(faulty, clock)
            forget(archive, dataset="cells", keep_last=1)
            collect(archive)
            ended = len(faulty.calls) < fail_at
        except (HolotypeError, Crash):
            pass
        again = quick(store, clock)
        assert all_there(again)
        forget(again, dataset="cells", keep_last=1)
        collect(again)
        assert all_there(again)
        assert collect(again).packs == ()
        named = {row["object"] for row in again.catalog.read("packs").to_pylist()}
        assert packs(again) == named, f"call {fail_at} of {faulty.calls}"
        assert history(again)["state"].to_pylist() == ["purged"] * 3 + ["live"] * 2


# Laws


@settings(max_examples=share(25), deadline=None)
@given(st.data())
def test_what_is_live_stays_and_what_only_purged_snapshots_had_goes(data: st.DataObject) -> None:
    store, clock = SharedStore(), Clock()
    new_archive(store, clock=clock)
    archive = quick(store, clock)
    a_file = st.lists(st.sampled_from([b"%d" % n * 20 for n in range(9)]), max_size=3)
    trees: dict[str, dict[str, Any]] = {}
    wanted: dict[str, dict[str, Any]] = {}
    for _ in range(data.draw(st.integers(1, 6), "snapshots")):
        dataset = data.draw(st.sampled_from(["cells", "others"]), "dataset")
        tree = dict(trees.get(dataset, {f"f{n}": [b"%d" % n * 20] for n in range(9)}))
        for name in data.draw(st.lists(st.sampled_from([f"f{n}" for n in range(12)]), max_size=3), "touched"):
            if name in tree and data.draw(st.booleans(), "removed"):
                del tree[name]
            else:
                tree[name] = data.draw(a_file, name)
        snapshot = keep(archive, dataset, tree, sizes=SMALL, chunks_to_a_pack=1)
        trees[dataset] = tree
        wanted[snapshot.name] = {name: b"".join(chunks) for name, chunks in tree.items()}
    gone = data.draw(st.sets(st.sampled_from(sorted(wanted))), "forgotten")
    if gone:
        forget(archive, snapshots=gone)
    collect(archive, chunks_at_once=data.draw(st.integers(1, 20), "chunks at once"))
    kept: set[bytes] = set()
    for row in snapshots(archive).to_pylist():
        found = contents(archive, row["snapshot"])
        assert found == wanted[f"{row['dataset']}@{row['number']}"]
        for name in wanted.keys() - gone:
            assert name.partition("@")[0] in trees
    listed = archive.catalog.read("chunks").to_pylist()
    kept = {row["chunk"] for row in listed}
    needed = used_by_live(archive)
    assert kept == needed, "with a chunk to a pack exactly what is needed stays"
    assert len(packs(archive)) == len({row["pack"] for row in listed})


def used_by_live(archive: Context) -> set[bytes]:
    """The chunks of all live snapshots, found the plain way."""
    from holotype.lake.manifest import Manifest

    found: set[bytes] = set()
    for row in snapshots(archive).to_pylist():
        for rows in Manifest.load(archive.catalog, row["snapshot"]).rows(columns=["chunks"]):
            found |= {chunk for chunks in rows["chunks"].to_pylist() for chunk in chunks or ()}
    return found
