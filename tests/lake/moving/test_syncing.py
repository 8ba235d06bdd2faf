"""Only what is missing travels, and what arrives is what was there: snapshots, chunks, and what is said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from holotype import lake
from holotype.catalog import Conflict, InvalidOption, MemoryStore, SnapshotsDiffer
from holotype.lake.annotations import annotate
from holotype.lake.annotations import annotations as annotations_of
from holotype.lake.collect import collect
from holotype.lake.compare import compare
from holotype.lake.forget import forget
from holotype.lake.manifest import Sizes
from holotype.lake.retention.events import last_events
from holotype.lake.retention.sessions import idle
from holotype.lake.sync import sync
from holotype.lake.trash import recover
from holotype.lake.verify import verify

from ..archive.trees import LARGE, fill, look, new_archive, restored
from ..making import all_there, another, keep
from .ends import archive_at, differences, held, noise

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake.context import Context

    from .ends import Account

FILES = {f"{n}": [noise(n)] for n in range(10)}
# Manifests of a few rows with ranges and deltas all the same.
FEW = Sizes(target_rows=4, min_rows=2, max_rows=8, delta_rows=6, delta_share=0.6, range_share=0.9)


@pytest.fixture
def ends(request: pytest.FixtureRequest) -> tuple[Context, Context, Account]:
    """An archive with a snapshot, another without, and the account of the latter's storage."""
    name = request.node.name
    here, _ = archive_at(f"{name}/here")
    keep(here, "cells", FILES)
    there, account = archive_at(f"{name}/there")
    account.taken()
    return here, there, account


def test_what_is_there_does_not_go_again(ends: tuple[Context, Context, Account]) -> None:
    here, there, account = ends
    assert sync(here, there).bytes == account.taken() > 30_000
    keep(here, "cells", {**FILES, "new": [noise(99)]})
    keep(here, "others", {"same": FILES["3"], "renamed": FILES["4"]})
    moved = sync(here, there)
    assert moved.snapshots == ("cells@2", "others@1")
    assert moved.bytes == account.taken() < 4000
    assert held(there) == held(here)
    assert sync(here, there).snapshots == ()
    assert account.taken() == 0
    assert compare(here, there, full=True).equal


def test_ranges_of_a_manifest_that_are_there_do_not_go_again(ends: tuple[Context, Context, Account]) -> None:
    here, there, account = ends
    many = {f"{n:04}": [b"%d" % n] for n in range(3000)}
    keep(here, "many", many)
    sync(here, there)
    first = account.taken("tables/entries")
    keep(here, "many", {**many, "0007": [b"another"]})
    sync(here, there)
    assert account.taken("tables/entries") < first / 20
    assert held(there) == held(here)


def test_the_other_may_be_ahead(ends: tuple[Context, Context, Account]) -> None:
    """Two people who work on datasets of their own, each with an archive."""
    here, there, _ = ends
    keep(there, "theirs", {"mine": [noise(50)], "3": FILES["3"]})
    moved = sync(here, there)
    assert moved.snapshots == ("cells@1",)
    assert differences(here, there) == [("snapshot", "here", "theirs@1")]
    back = sync(there, here)
    assert (back.snapshots, back.present) == (("theirs@1",), 1)
    assert back.bytes < 4000
    assert held(here) == held(there)
    assert compare(here, there, full=True).equal
    keep(there, "cells", {"5": FILES["5"]})
    assert sync(there, here).snapshots == ("cells@2",)
    assert compare(here, there, full=True).equal


@pytest.mark.parametrize("numbers", [False, True], ids=["bytes", "numbers"])
@pytest.mark.parametrize("there_already", [0, 2, 3, 9])
def test_a_pack_that_is_mostly_missing_goes_as_it_is(there_already: int, numbers: bool) -> None:  # noqa: FBT001
    """Of ten chunks up to two may be there for that; else only the others go."""
    here, _ = archive_at(f"mostly-{numbers}-{there_already}/here")
    there, account = archive_at(f"mostly-{numbers}-{there_already}/there")
    keep(there, "some", {name: FILES[name] for name in list(FILES)[:there_already]} or {"none": []})
    keep(here, "cells", FILES, numbers=numbers)
    account.taken()
    moved = sync(here, there)
    whole = there_already <= 2
    (row,) = here.catalog.read("packs").to_pylist()
    new = there.catalog.read("packs").to_pylist()[-1]
    assert moved.packs == 1
    assert new["kind"] == row["kind"]
    assert new["chunks"] == (10 if whole else 10 - there_already)
    assert (new["pack"].rpartition("/")[2] == row["pack"].rpartition("/")[2]) is whole
    assert account.taken() <= (1.0 if whole else 0.1 * (10 - there_already)) * row["bytes"] + 2000
    assert held(there)["cells@1"] == held(here)["cells@1"]
    assert verify(there).ok


def test_chunks_that_no_chosen_dataset_needs_do_not_go() -> None:
    here, _ = archive_at("chosen/here")
    there, _ = archive_at("chosen/there")
    keep(here, "all", FILES)
    keep(here, "most", {name: chunks for name, chunks in FILES.items() if name != "secret"} | {"x": [noise(77)]})
    keep(here, "nine", {name: FILES[name] for name in list(FILES)[:9]})
    sync(here, there, datasets="nine")
    assert there.catalog.read("chunks").num_rows == 9
    assert held(there) == {"nine@1": held(here)["nine@1"]}
    assert compare(here, there, datasets=["nine"], full=True).equal


def test_few_chunks_of_many_packs_come_together() -> None:
    here, _ = archive_at("together/here")
    there, _ = archive_at("together/there")
    for n in range(6):
        keep(here, f"d{n}", {f"{m}": [noise(100 * n + m)] for m in range(5)})
    keep(here, "some", {f"{n}": [noise(100 * n)] for n in range(6)})
    moved = sync(here, there, datasets=["some"])
    assert (moved.packs, there.catalog.read("chunks").num_rows) == (1, 6)
    assert all_there(there)


def test_a_chunk_in_several_packs_goes_once() -> None:
    here, _ = archive_at("once/here")
    there, _ = archive_at("once/there")
    other, _ = archive_at("once/other")
    keep(here, "one", FILES)
    keep(other, "two", {**FILES, "more": [noise(31)]})
    sync(other, here)
    keep(other, "three", {"3": FILES["3"]})
    assert here.catalog.read("chunks").num_rows == 11
    sync(here, there)
    assert there.catalog.read("chunks").num_rows == 11
    assert held(there) == held(here)


def test_rows_that_are_hidden_need_no_chunks(ends: tuple[Context, Context, Account]) -> None:
    """A file that every snapshot replaces: its row stays in a segment that they share."""
    here, _ = archive_at("hidden/here")
    there, _ = archive_at("hidden/there")
    files = {f"{n:02}": [b"%d" % n * 99] for n in range(40)}
    keep(here, "cells", files, sizes=FEW)
    keep(here, "cells", {**files, "07": [b"another" * 99]}, sizes=FEW)
    forget(here, snapshots=["cells@1"])
    sync(here, there)
    assert there.catalog.read("chunks").num_rows == 41, "all but one are needed, so the first pack went as it is"
    collect(here, repack_below=1)
    again, _ = archive_at("hidden/again")
    sync(here, again)
    assert again.catalog.read("chunks").num_rows == 40
    assert verify(again).ok
    assert compare(here, again, full=True).equal


def test_archives_that_cut_differently(tmp_path: Path) -> None:
    here, there = new_archive(), lake.create(f"memory://{tmp_path}/there")
    source = fill(tmp_path / "run", {"large": LARGE, "small": b"few"})
    here.backup(source, dataset="run")
    there.backup(source, dataset="same")
    here.sync(there)
    assert restored(there, "run@1", tmp_path / "back") == look(source)
    assert here.compare(there, datasets=["run"], full=True).equal
    (source / "small").write_bytes(b"other")
    second = there.backup(source, dataset="run")
    assert (second.name, second.new_bytes) == ("run@2", 5)
    assert there.sync(here).snapshots == ("run@2", "same@1")
    assert here.compare(there, full=True).equal


def test_another_snapshot_of_the_same_name_is_refused_before_anything_goes(
    ends: tuple[Context, Context, Account],
) -> None:
    here, there, account = ends
    mine = keep(here, "others", {"a": [b"mine"]})
    theirs = keep(there, "others", {"a": [b"theirs"]})
    before = there.catalog.refresh().version
    account.put_bytes.clear()
    for put_away in (lambda: None, lambda: forget(there, snapshots=["others@1"]), lambda: collect(there)):
        put_away()
        account.put_bytes.clear()
        before = there.catalog.refresh().version
        with pytest.raises(SnapshotsDiffer, match="others@1") as caught:
            sync(here, there)
        about = caught.value.about
        assert (about["snapshot"], about["here"], about["there"]) == ("others@1", mine.id, theirs.id)
        assert account.put_bytes == {}, "nothing was put"
        assert there.catalog.refresh().version == before
    assert sync(here, there, datasets=["cells"]).snapshots == ("cells@1",)


def test_what_was_forgotten_there_stays_forgotten(ends: tuple[Context, Context, Account]) -> None:
    here, there, _ = ends
    annotate(here, "cells@1", tags=["fine"])
    sync(here, there)
    forget(there, snapshots=["cells@1"])
    moved = sync(here, there)
    assert (moved.snapshots, moved.present, moved.left) == ((), 0, ("cells@1",))
    assert differences(here, there) == [("snapshot", "there", "cells@1")]
    recover(there, ["cells@1"])
    assert compare(here, there, full=True).equal
    forget(there, snapshots=["cells@1"])
    collect(there)
    assert sync(here, there).left == ("cells@1",)
    assert {event.event for event in last_events(there).values()} == {"purged"}


def test_what_was_recovered_goes(ends: tuple[Context, Context, Account]) -> None:
    here, there, _ = ends
    forget(here, snapshots=["cells@1"])
    assert sync(here, there).snapshots == ()
    recover(here, ["cells@1"])
    assert sync(here, there).snapshots == ("cells@1",)


def test_what_is_said_goes_both_ways(ends: tuple[Context, Context, Account]) -> None:
    here, there, _ = ends
    annotate(here, "cells@1", {"grade": 1})
    sync(here, there)
    annotate(there, "cells@1", {"grade": 2}, tags=["seen"])
    annotate(here, "cells", {"owner": "ada"})
    assert sorted(differences(here, there)) == [
        ("annotation", "here", "cells@1"),
        ("annotation", "here", "cells@1"),
        ("annotation", "there", None),
    ]
    assert sync(here, there).annotations == 1
    assert sync(there, here).annotations == 2
    assert compare(here, there).equal
    assert annotations_of(here, history=True).equals(annotations_of(there, history=True))
    assert annotations_of(here).filter(key="grade")["number"].to_list() == [2.0]


def test_an_archive_and_itself(ends: tuple[Context, Context, Account]) -> None:
    here, _, _ = ends
    with pytest.raises(InvalidOption, match="itself"):
        sync(here, another(here))


def test_a_session_is_over_afterwards(ends: tuple[Context, Context, Account]) -> None:
    """So that the next collection need not guess who is dead."""
    here, there, _ = ends
    sync(here, there)
    assert idle(there, state=there.catalog.refresh()) == []
    collected = collect(there, repack_below=1)
    assert (collected.packs, collected.sessions, collected.objects) == ((), (), 0)
    assert held(there) == held(here)


def test_two_that_bring_the_same_at_once(ends: tuple[Context, Context, Account]) -> None:
    """The one that comes second finds it there."""
    here, there, account = ends
    annotate(here, "cells", {"owner": "ada"})
    other, ran = another(there, store=MemoryStore(there.store.url)), list[int]()
    put = account.put

    def beside(key: str, parts: object) -> int:
        if key.startswith("tables/snapshots/") and not ran:
            ran.append(1)
            ran.append(len(sync(here, other).snapshots))
        return put(key, parts)  # type: ignore[arg-type]

    account.put = beside  # type: ignore[method-assign]
    moved = sync(here, there)
    assert ran == [1, 1]
    assert (moved.snapshots, moved.present) == ((), 1)
    assert there.catalog.read("snapshots").num_rows == 1
    assert there.catalog.read("annotations").num_rows == 1
    assert compare(here, there, full=True).equal


def test_losing_again_and_again_is_told(
    ends: tuple[Context, Context, Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there, _ = ends

    def lost(*_: object, **__: object) -> None:
        raise Conflict("collected meanwhile")

    monkeypatch.setattr("holotype.lake.sync.writer_check", lost)
    with pytest.raises(Conflict, match="collected meanwhile"):
        sync(here, there)
    assert held(there) == {}
