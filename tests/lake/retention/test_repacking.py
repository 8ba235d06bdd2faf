"""Repacking: space comes back also where a pack is still needed in part."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import HolotypeError, InvalidOption, ObjectMissing
from holotype.lake.collect import collect
from holotype.lake.context import Context
from holotype.lake.forget import forget
from holotype.lake.records.liveness import ranges_kept
from holotype.lake.records.snapshots import snapshots
from holotype.lake.retention.sessions import abort_session, aborted, idle
from holotype.lake.schema import TABLES
from holotype.lake.trash import recover

from ...catalog.faults import Crash, FaultyStore, lost_connection
from ..making import Clock, another, contents, keep, new_archive, packs
from .interleaving import QuickCatalog, SharedStore

if TYPE_CHECKING:
    from holotype.catalog import ObjectStore

FILES = {f"{n}": [bytes([n]) * 99] for n in range(10)}
FEW = {name: FILES[name] for name in ("2", "5")}


def quick(store: ObjectStore, clock: Clock) -> Context:
    """An archive whose tables stay in memory."""
    return Context(store, QuickCatalog.open(store, tables=TABLES, clock=clock), "ada@lab", clock)


def half_forgotten(clock: Clock | None = None, archive: Context | None = None, **options: Any) -> Context:
    """An archive of which two files of ten are left, in one pack."""
    archive = archive or new_archive(SharedStore(), clock=clock)
    keep(archive, "cells", FILES, **options)
    keep(archive, "cells", FEW)
    forget(archive, snapshots=["cells@1"])
    return archive


def check_contents(archive: Context) -> None:
    """Every live snapshot is whole."""
    for row in snapshots(archive, state=archive.catalog.refresh()).to_pylist():
        found = contents(archive, row["snapshot"])
        assert found == {name: b"".join(FILES[name]) for name in found}


@pytest.mark.parametrize("numbers", [False, True], ids=["parquet", "zarr"])
def test_what_is_needed_moves_and_the_old_pack_goes_when_readers_are_done(numbers: bool) -> None:  # noqa: FBT001 - given by name
    clock = Clock()
    archive = half_forgotten(clock, numbers=numbers)
    before = packs(archive)
    reader = another(archive)
    assert collect(archive).packs == (), "it is needed in part, so it stays"
    result = collect(archive, repack_below=0.5)
    assert len(result.repacked) == 1
    rows = archive.catalog.read("chunks").to_pylist()
    assert len(rows) == 2
    assert {row["pack"] for row in rows}.isdisjoint(result.repacked)
    check_contents(archive)
    assert before < packs(archive), "somebody may be reading it"
    check_contents(reader)
    clock.later(days=2)
    swept = collect(archive)
    assert swept.bytes > 0
    assert not before & packs(archive)
    check_contents(archive)
    kinds = {row["kind"] for row in archive.catalog.read("packs").to_pylist()}
    assert kinds == {"zarr" if numbers else "parquet"}


def test_new_packs_have_no_more_chunks_than_a_writers(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = half_forgotten()
    monkeypatch.setattr("holotype.lake.packs.base._CHUNKS", 1)
    monkeypatch.setattr("holotype.lake.retention.refilling._GROUP", 1)
    assert collect(archive, repack_below=0.5).repacked
    assert [row["chunks"] for row in archive.catalog.read("packs").to_pylist()] == [1, 1]
    check_contents(archive)


def test_packs_that_are_needed_enough_stay() -> None:
    archive = half_forgotten()
    assert collect(archive, repack_below=0.2).repacked == ()
    assert len(collect(archive, repack_below=0.21, dry_run=True).repacked) == 1
    assert len(collect(archive, repack_below=0.21).repacked) == 1
    assert collect(archive, repack_below=1).repacked == (), "nothing is left to gain"


def test_a_share_is_between_none_and_all() -> None:
    for wrong in (-0.1, 1.1):
        with pytest.raises(InvalidOption):
            collect(new_archive(), repack_below=wrong)


def test_many_packs_become_few() -> None:
    archive = half_forgotten(chunks_to_a_pack=3)
    assert len(packs(archive)) == 4
    result = collect(archive, repack_below=1)
    assert len(result.packs) >= 1, "those with nothing in them that is needed"
    assert archive.catalog.state.rows("packs") == 1
    check_contents(archive)


def test_the_session_it_wrote_in_is_over_when_it_is_done() -> None:
    archive = half_forgotten()
    collect(archive, repack_below=1)
    (row,) = archive.catalog.read("packs").to_pylist()
    assert row["session"] in aborted(archive)
    check_contents(archive)
    assert collect(archive, repack_below=1).packs == ()
    check_contents(archive)


def test_what_is_in_the_trash_is_still_needed() -> None:
    archive = half_forgotten()
    assert collect(archive, grace=timedelta(days=1), repack_below=1).repacked == ()
    recover(archive, "cells@1")
    check_contents(archive)


def test_a_damaged_pack_is_left_for_repair() -> None:
    archive = half_forgotten()
    (key,) = packs(archive)
    store = archive.store
    assert isinstance(store, SharedStore)
    whole = store.objects[key]
    place = archive.catalog.read("chunks").to_pylist()[0]["offset"]
    store.objects[key] = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
    assert collect(archive, repack_below=1).repacked == ()
    assert packs(archive) == {key}
    store.objects[key] = whole
    check_contents(archive)


def test_a_missing_pack_does_not_stop_the_others() -> None:
    archive = half_forgotten(chunks_to_a_pack=3)
    collect(archive)
    left = archive.catalog.read("packs").to_pylist()
    assert len(left) == 2
    archive.store.delete([left[0]["object"]])
    result = collect(archive, repack_below=1)
    assert result.repacked == (left[1]["pack"],)
    with pytest.raises(ObjectMissing):
        check_contents(archive)


def test_it_goes_on_a_few_packs_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = half_forgotten(chunks_to_a_pack=3)
    keep(archive, "numbers", FILES, numbers=True)
    keep(archive, "numbers", {"1": FILES["1"], "2": FILES["2"], "7": FILES["7"]})
    forget(archive, snapshots=["numbers@1"])
    for name, value in (("repack._TOGETHER", 4), ("refilling._GROUP", 50), ("refilling._OPEN", 50)):
        monkeypatch.setattr(f"holotype.lake.retention.{name}", value)
    version = archive.catalog.refresh().version
    result = collect(archive, repack_below=1)
    assert len(result.repacked) == 3
    assert sum(entry.operation == "repack" for entry in archive.catalog.entries(after=version)) == 3
    check_contents(archive)


@pytest.mark.parametrize("kind", ["disturbed", "taken for dead"])
def test_who_is_disturbed_leaves_it_to_the_next_collection(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = half_forgotten()
    other = another(archive)
    looks: list[object] = []

    def disturb(*asked: Any, **more: Any) -> Any:
        looks.append(asked)
        if kind == "disturbed":
            name = "346"[len(looks) - 1]
            keep(other, "others", {name: FILES[name]})
            forget(other, snapshots=["others@latest"])
        else:
            abort_session(other, idle(other, state=other.catalog.refresh())[-1]["session"])
        return ranges_kept(*asked, **more)

    collect(archive)
    monkeypatch.setattr("holotype.lake.retention.repack.ranges_kept", disturb)
    assert collect(archive, repack_below=1).repacked == ()
    assert len(looks) == (3 if kind == "disturbed" else 1)
    monkeypatch.undo()
    check_contents(archive)
    collect(archive)
    assert packs(archive) == {row["object"] for row in archive.catalog.read("packs").to_pylist()}, "nothing is left"


@pytest.mark.parametrize("kind", ["fails", "dies"])
def test_interrupted_at_any_call_it_can_be_done_again(kind: str) -> None:
    begun = SharedStore()
    new_archive(begun)
    half_forgotten(archive=quick(begun, Clock()), chunks_to_a_pack=5)
    fail_at, ended = 0, False
    while not ended:
        fail_at += 1
        clock = Clock()
        store = SharedStore(begun.objects)
        dies = kind == "dies"
        faulty = FaultyStore(store, fail_at=fail_at, lasting=dies, error=Crash if dies else lost_connection)
        try:
            collect(quick(faulty, clock), repack_below=1)
            ended = len(faulty.calls) < fail_at
        except (HolotypeError, Crash):
            pass
        again = quick(store, clock)
        check_contents(again)
        collect(again, repack_below=1)
        check_contents(again)
        clock.later(days=3)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("holotype.lake.retention.sessions.os.kill", no_such_process)
            collect(again, repack_below=1)
            clock.later(days=3)
            collect(again, repack_below=1)
        check_contents(again)
        assert packs(again) == {row["object"] for row in again.catalog.read("packs").to_pylist()}


def no_such_process(*asked: object) -> None:
    """What the system says of a process that is gone."""
    raise ProcessLookupError
