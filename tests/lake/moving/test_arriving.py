"""What arrives is proven on the way: damage stops it, and collections at either end never break the target."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import MemoryStore, ObjectDamaged, ObjectMissing, StorageFailed
from holotype.lake.collect import collect
from holotype.lake.compare import compare
from holotype.lake.executing import Inline
from holotype.lake.forget import forget
from holotype.lake.sync import sync
from holotype.lake.verify import verify

from ..making import another, elsewhere, keep, packs
from .ends import archive_at, held, noise

if TYPE_CHECKING:
    from collections.abc import Callable

    from holotype.lake.context import Context

    from .ends import Account

Ends = tuple["Context", "Context", "Account"]


@pytest.fixture
def ends(request: pytest.FixtureRequest) -> Ends:
    """An archive with three snapshots, one of them of numbers, and another with the first of them."""
    name = request.node.name
    here, _ = archive_at(f"{name}/here")
    there, account = archive_at(f"{name}/there")
    keep(here, "first", {f"{n}": [noise(n)] for n in range(5)})
    sync(here, there)
    keep(here, "second", {f"{n}": [noise(n)] for n in range(20)}, chunks_to_a_pack=5)
    keep(here, "third", {f"{n}": [noise(n)] for n in range(30, 40)}, numbers=True)
    account.put_bytes.clear()
    return here, there, account


def only_the_first_is_there(there: Context) -> None:
    """Nothing else was committed, and what was there is whole."""
    assert set(held(there)) == {"first@1"}
    assert verify(there).ok


def objects(archive: Context, dataset: str) -> list[str]:
    """The keys of the packs that were written for a dataset's first snapshot."""
    (row,) = (r for r in archive.catalog.read("snapshots").to_pylist() if r["dataset"] == dataset)
    return sorted(key for key in packs(archive) if key.split("/")[1] == row["session"])


@pytest.mark.parametrize("place", ["second", "third", "third, its description"])
@pytest.mark.parametrize("how", ["flipped", "cut", "gone"])
def test_a_damaged_pack_is_named_and_nothing_is_committed(ends: Ends, place: str, how: str) -> None:
    here, there, _ = ends
    dataset, _, description = place.partition(",")
    key = objects(here, dataset)[1 if description or dataset == "second" else 0]
    assert key.endswith("zarr.json") is bool(description)
    data = bytearray(here.store.get(key))
    if how == "flipped":
        data[len(data) // 2] ^= 1
    changed = [] if how == "gone" else [data if how == "flipped" else data[:-1]]
    sound = bytes(here.store.get(key))
    here.store.delete([key])
    if changed:
        here.store.put(key, changed)
    with pytest.raises((ObjectDamaged, ObjectMissing)) as caught:
        sync(here, there)
    assert str(caught.value.about["pack"]) in key
    assert str(caught.value.about["pack"]) in caught.value.message
    assert caught.value.about["backend"] == here.store.url
    assert isinstance(caught.value, ObjectMissing) is (how == "gone")
    only_the_first_is_there(there)
    here.store.put(key, [sound])
    sync(here, there)
    assert compare(here, there, full=True).equal


def test_a_damaged_chunk_of_a_pack_that_is_partly_there(ends: Ends) -> None:
    here, there, _ = ends
    keep(here, "fourth", {**{f"{n}": [noise(n)] for n in range(40, 50)}})
    other, _ = archive_at(f"{there.store.url}/other")
    keep(other, "fifth", {f"{n}": [noise(n)] for n in range(45)})
    sync(other, there)
    (key,) = objects(here, "fourth")
    data = bytearray(here.store.get(key))
    data[4:-4:50] = b"?" * len(data[4:-4:50])
    here.store.put(key, [data])
    with pytest.raises(ObjectDamaged, match="cannot be copied: chunk") as caught:
        sync(here, there, datasets=["fourth"])
    assert str(caught.value.about["pack"]) in key
    assert "fourth@1" not in held(there)
    assert verify(there).ok


def test_a_damaged_manifest_is_named(ends: Ends) -> None:
    here, there, _ = ends
    segment = here.catalog.state.segments("entries")[-1]
    data = bytearray(here.store.get(segment.key))
    data[20] ^= 1
    here.store.put(segment.key, [data])
    with pytest.raises(ObjectDamaged, match=segment.name):
        sync(another(here), there)
    only_the_first_is_there(there)


def test_a_chunk_that_is_nowhere_is_named_before_anything_goes(ends: Ends) -> None:
    here, there, account = ends
    segments = here.catalog.state.segments("chunks")
    here.catalog.commit(remove=[segments[-1]], operation="an accident")
    with pytest.raises(ObjectMissing, match="10 chunks are in no pack"):
        sync(here, there)
    assert account.put_bytes == {}
    only_the_first_is_there(there)


def test_records_that_are_not_what_the_digest_says_do_not_go(ends: Ends) -> None:
    """A manifest that lost a part would be a smaller snapshot of the same name."""
    here, there, account = ends
    here.catalog.commit(remove=here.catalog.state.segments("ranges")[-1:], operation="an accident")
    with pytest.raises(ObjectDamaged, match="not what its digest was made of") as caught:
        sync(here, there)
    third = here.catalog.read("snapshots").to_pylist()[-1]
    assert (caught.value.about["snapshot"], third["dataset"]) == (third["snapshot"], "third")
    assert account.put_bytes == {}
    only_the_first_is_there(there)
    assert sync(here, there, datasets=["second"]).snapshots == ("second@1",)


def test_an_object_that_did_not_arrive_whole(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there, account = ends
    size = account.size
    monkeypatch.setattr(account, "size", lambda key: size(key) - key.startswith("packs/"))
    with pytest.raises(StorageFailed, match="bytes in memory://"):
        sync(here, there)
    monkeypatch.undo()
    only_the_first_is_there(there)


class Beside(MemoryStore):
    """The same store, in which something happens once, before a call for a key that begins like this."""

    def __init__(self, store: MemoryStore, prefix: str, happens: Callable[[], object]) -> None:
        super().__init__(store.url)
        self.prefix, self.happens, self.happened = prefix, happens, False

    def _now(self, key: str) -> None:
        if key.startswith(self.prefix) and not self.happened:
            self.happened = True
            self.happens()

    def get(self, key: str, start: int = 0, length: int | None = None) -> Any:
        self._now(key)
        return super().get(key, start, length)

    def put(self, key: str, parts: Any) -> int:
        self._now(key)
        return super().put(key, parts)


def beside(archive: Context, prefix: str, happens: Callable[[], object]) -> tuple[Context, Beside]:
    """The archive as somebody sees it beside whom something happens."""
    assert isinstance(archive.store, MemoryStore)
    store = Beside(archive.store, "never", lambda: None)
    seen = another(archive, store=store)
    store.prefix, store.happens = prefix, happens
    return seen, store


def forgotten_and_collected(archive: Context, *references: str) -> Callable[[], object]:
    """Somebody else does that."""
    other = another(archive)

    def happens() -> None:
        forget(other, snapshots=list(references))
        collect(other, dead_after=timedelta(0))

    return happens


@pytest.mark.parametrize("prefix", ["packs/", "tables/entries/"])
def test_a_collection_at_the_source_is_looked_at_again(ends: Ends, prefix: str) -> None:
    """What was to go is gone: the rest goes."""
    here, there, _ = ends
    seen, store = beside(here, prefix, forgotten_and_collected(here, "second@1"))
    moved = sync(seen, there, executor=Inline())
    assert store.happened
    if prefix == "packs/":
        assert moved.snapshots == ("third@1",)
        assert compare(here, there, full=True).equal
    assert set(moved.snapshots) <= {"second@1", "third@1"}
    assert verify(there).ok


def test_repacking_at_the_source_disturbs_nothing(ends: Ends) -> None:
    here, there, _ = ends
    keep(here, "fourth", {f"{n}": [noise(n)] for n in (0, 7, 11)})
    forget(here, snapshots=["second@1"])
    other = another(here)
    seen, store = beside(here, "packs/", lambda: collect(other, repack_below=1))
    sync(seen, there, executor=Inline())
    assert store.happened
    assert compare(here, there, full=True).equal


@pytest.mark.parametrize("prefix", ["packs/", "tables/entries/", "tables/snapshots/"])
def test_a_collection_at_the_target_takes_nothing_that_is_needed(ends: Ends, prefix: str) -> None:
    """What this relied on is forgotten there and collected: it is brought again."""
    here, there, _ = ends
    seen, store = beside(there, prefix, forgotten_and_collected(there, "first@1"))
    moved = sync(here, seen, datasets=["second"], executor=Inline())
    assert store.happened
    assert moved.snapshots == ("second@1",)
    assert held(there) == {"second@1": held(here)["second@1"]}
    assert verify(there).ok


@pytest.mark.parametrize("prefix", ["packs/", "tables/entries/", "tables/snapshots/"])
def test_one_that_is_taken_for_dead_goes_on_under_another_session(
    ends: Ends, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there, _ = ends
    other = another(there)

    def taken_for_dead() -> None:
        for _ in range(2):
            collect(other, dead_after=timedelta(0))

    machines = iter(("node1", "node2", "node3"))
    monkeypatch.setattr("holotype.lake.retention.sessions.machine_here", lambda: next(machines, "here"))
    seen, store = beside(there, prefix, taken_for_dead)
    sync(here, seen, executor=Inline())
    assert store.happened
    assert compare(here, there, full=True).equal
    sessions = there.catalog.read("sessions").to_pylist()
    assert sum(row["event"] == "opened" for row in sessions) >= 2
    collect(there, dead_after=timedelta(0))
    assert compare(here, there, full=True).equal


def test_a_pack_that_is_swept_away_as_soon_as_it_is_there(ends: Ends) -> None:
    """The session was taken for dead while the pack was on its way."""
    here, there, account = ends
    size, swept = account.size, list[str]()

    def sweeping(key: str) -> int:
        if key.startswith("packs/") and not swept:
            swept.append(key)
            account.delete([key])
        return size(key)

    account.size = sweeping  # type: ignore[method-assign]
    sync(here, there)
    assert swept
    assert compare(here, there, full=True).equal


def test_others_who_write_to_the_target_do_not_disturb_it(ends: Ends) -> None:
    here, there, _ = ends
    other = another(there)
    seen, store = beside(there, "packs/", lambda: keep(other, "theirs", {"a": [noise(5)], "b": [b"more"]}))
    sync(here, seen, executor=Inline())
    assert store.happened
    assert set(held(there)) == {"first@1", "second@1", "third@1", "theirs@1"}
    assert verify(there).ok


def test_a_snapshot_made_there_meanwhile_under_the_same_name(ends: Ends) -> None:
    here, there, _ = ends
    other = another(there)
    seen, store = beside(there, "tables/entries/", lambda: keep(other, "second", {"a": [noise(5)]}))
    with pytest.raises(Exception, match="second@1 is") as caught:
        sync(here, seen, executor=Inline())
    assert type(caught.value).__name__ == "SnapshotsDiffer"
    assert store.happened
    assert set(held(there)) == {"first@1", "second@1"}
    assert verify(there).ok


def test_a_writer_at_the_source_who_is_not_done_is_not_waited_for(ends: Ends) -> None:
    here, there, _ = ends
    elsewhere(here)
    sync(here, there)
    assert compare(here, there, full=True).equal
