"""Clocks that are hours or days off, and that step back: order, retention and safety rest on none of them."""

from __future__ import annotations

import os
import random
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from holotype import lake
from holotype.catalog import LocalStore, ObjectInfo

from ..archive.trees import SMALL, assert_sound, fill, look, reopened, restored
from ..making import Clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from holotype.lake import Archive

NOW = datetime.now(UTC)
HOURS = [-10, 9, -300, 24 * 400, 0, -1]


def archive_at(place: Path, hours: float, *, made: bool = True) -> Archive:
    """The archive as somebody uses it whose clock is so many hours off."""
    clock = Clock(NOW + timedelta(hours=hours))
    options = {"durable": False}
    if made:
        return lake.open(place, storage_options=options, clock=clock)
    return lake.create(place, chunking=SMALL, storage_options=options, clock=clock)


@pytest.fixture(params=[-48, 0, 48], ids=["storage behind", "storage right", "storage ahead"])
def _storage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Storage whose own clock is two days off."""
    shift, real = timedelta(hours=request.param), LocalStore._walk  # pyright: ignore[reportPrivateUsage]

    def walk(self: LocalStore, prefix: str, *, leftover: bool) -> Iterator[ObjectInfo]:
        for info in real(self, prefix, leftover=leftover):
            yield ObjectInfo(info.key, info.size, info.modified + shift)

    monkeypatch.setattr(LocalStore, "_walk", walk)


@pytest.mark.usefixtures("_storage")
def test_snapshots_are_in_the_order_in_which_they_were_made(tmp_path: Path) -> None:
    source, noise = tmp_path / "source", random.Random(1)
    archive = archive_at(tmp_path / "archive", 3, made=False)
    kept = {}
    for number, hours in enumerate(HOURS, 1):
        fill(source, {"same": b"same", f"file{number % 3}": noise.randbytes(3000)})
        kept[number] = look(source)
        writer = archive_at(tmp_path / "archive", hours)
        assert writer.backup(source, dataset="run").number == number
        assert archive.snapshot("run@latest").number == number
        # Others tidy up meanwhile, by clocks of their own.
        archive_at(tmp_path / "archive", HOURS[-number]).collect()
    assert archive.snapshots("run")["number"].to_list() == [*kept]
    for number, tree in kept.items():
        assert restored(archive, f"run@{number}", tmp_path / f"back{number}") == tree
    assert [entry.version for entry in archive._context.catalog.entries()] == [  # pyright: ignore[reportPrivateUsage]
        *range(1, archive._context.catalog.refresh().version + 1)  # pyright: ignore[reportPrivateUsage]
    ]
    assert_sound(archive)


@pytest.mark.usefixtures("_storage")
@pytest.mark.parametrize("hours", [-5000, -10, 10, 5000])
def test_the_newest_is_kept_whatever_the_time_on_it(tmp_path: Path, hours: int) -> None:
    source = tmp_path / "source"
    archive = archive_at(tmp_path / "archive", 0, made=False)
    for number in range(4):
        fill(source, {"file": random.Random(number).randbytes(3000)})
        archive_at(tmp_path / "archive", hours * (number % 2)).backup(source, dataset="run")
    tidier = archive_at(tmp_path / "archive", -hours)
    assert tidier.forget(dataset="run", keep_last=2).forgotten["number"].to_list() == [1, 2]
    archive_at(tmp_path / "archive", hours).recover("run@2")
    tidier.forget("run@2")
    tidier.collect()
    archive_at(tmp_path / "archive", hours).collect()
    assert reopened(archive).snapshots("run")["number"].to_list() == [3, 4]
    assert restored(archive, "run", tmp_path / "back") == look(source)
    assert_sound(archive)


@contextmanager
def a_collection_meanwhile(place: Path, hours: float, *, whole: bool) -> Iterator[None]:
    """Have somebody collect, by a clock of their own, who takes others for dead when the first pack is written: before
    or after it gets its name."""
    met: list[str] = []
    replace = os.replace

    def replacing(source: str, target: str) -> None:
        first = target.startswith(f"{place}/packs/") and not met
        if whole:
            replace(source, target)
        if first:
            met.append(target)
            with pytest.MonkeyPatch.context() as others:
                others.setattr("holotype.lake.retention.sessions.machine_here", lambda: "another")
                archive_at(place, hours).collect()
        if not whole:
            replace(source, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", replacing)
        yield
    assert met


def twenty_files(folder: Path) -> tuple[Path, Archive]:
    """In a folder, and an archive beside it."""
    files = {f"file{n}": random.Random(n).randbytes(5000) for n in range(20)}
    return fill(folder / "source", files), archive_at(folder / "archive", 0, made=False)


def sessions_ended(archive: Archive) -> int:
    rows = archive.sql("SELECT count(DISTINCT session) FROM sessions WHERE event = 'aborted'").fetchall()
    return int(rows[0][0])


@pytest.mark.parametrize("whole", [True, False], ids=["a pack lies there", "a pack is half written"])
@pytest.mark.parametrize("hours", [-5000, 5000])
def test_whoever_takes_a_writer_for_dead_by_mistake_costs_it_time(tmp_path: Path, hours: int, *, whole: bool) -> None:
    """A collector a year ahead ends every session of other machines, and what it did not finish is done again."""
    source, archive = twenty_files(tmp_path)
    with a_collection_meanwhile(tmp_path / "archive", hours, whole=whole):
        archive.backup(source, dataset="run")
    assert sessions_ended(archive) == (1 if hours > 0 else 0)
    assert restored(archive, "run", tmp_path / "back") == look(source)
    assert_sound(archive)


@pytest.mark.parametrize("whole", [True, False], ids=["a pack lies there", "a pack is half written"])
def test_so_it_is_with_who_brings_snapshots(tmp_path: Path, *, whole: bool) -> None:
    source, archive = twenty_files(tmp_path)
    archive.backup(source, dataset="run")
    other = archive_at(tmp_path / "other", 0, made=False)
    with a_collection_meanwhile(tmp_path / "other", 5000, whole=whole):
        archive.sync(other)
    assert sessions_ended(other) >= 1
    assert archive.compare(other).equal
    assert_sound(other)


@pytest.mark.parametrize("whole", [True, False], ids=["a pack lies there", "a pack is half written"])
def test_so_it_is_with_who_packs_anew(tmp_path: Path, *, whole: bool) -> None:
    source, archive = twenty_files(tmp_path)
    archive.backup(source, dataset="run")
    for n in range(15):
        (source / f"file{n}").unlink()
    archive.backup(source, dataset="run")
    archive.forget("run@1")
    with a_collection_meanwhile(tmp_path / "archive", 5000, whole=whole):
        # What the other does not leave to it is left to the next.
        assert archive.collect(repack_below=1).repacked == ()
    assert restored(archive, "run", tmp_path / "back") == look(source)
    assert_sound(archive)


def test_a_file_changed_while_the_clock_went_back_is_seen(tmp_path: Path) -> None:
    """What changed is told by times that differ, not by times that are later."""
    source = fill(tmp_path / "source", {"a": b"one", "b": b"two"})
    archive = archive_at(tmp_path / "archive", 5000, made=False)
    archive.backup(source, dataset="run")
    (source / "a").write_bytes(b"ONE")
    os.utime(source / "a", ns=(0, 0))
    second = archive_at(tmp_path / "archive", -5000).backup(source, dataset="run")
    assert second.new_bytes == 3
    assert archive.diff("run@1", "run@2")["path"].to_list() == ["a"]


def test_what_was_done_is_recorded_though_the_clock_went_back_meanwhile(tmp_path: Path) -> None:
    source = fill(tmp_path / "source", {"raw": b"raw"})
    archive_at(tmp_path / "archive", 0, made=False).backup(source, dataset="run")
    back = Clock(NOW, step=timedelta(hours=-1))
    archive = lake.open(tmp_path / "archive", storage_options={"durable": False}, clock=back)
    with archive.activity("read", listen=False) as activity:
        activity.used(source / "raw")
    assert archive.run(["sh", "-c", "sort raw > sorted"], name="sort", dataset="run", how="states").ok
    assert archive.provenance.document("run@1/raw").records
    activities = {row["label"] for row in archive.read("prov_elements").to_pylist() if row["term"] == "activity"}
    assert activities == {"read", "sort"}


@pytest.mark.parametrize("hours", [-5000, -1, 5000])
def test_what_was_made_by_one_clock_can_be_used_and_removed_by_another(tmp_path: Path, hours: int) -> None:
    source = fill(tmp_path / "source", {"raw": b"raw"})
    archive = archive_at(tmp_path / "archive", 0, made=False)
    archive.backup(source, dataset="run")
    archive.run(["sh", "-c", "sort raw > sorted"], name="sort", dataset="run", how="states")
    other = archive_at(tmp_path / "archive", hours)
    ran = other.run(["sh", "-c", "rm sorted"], name="remove", dataset="run", how="states")
    assert ran.files["use"].to_list() == ["removed"]
    made = [record for record in other.provenance.document().records if record.term == "wasInvalidatedBy"]
    assert [str(record["entity"]).endswith(":sorted") for record in made] == [True]
    # What cannot have been at that time is not said to have been.
    assert (made[0]["time"] is None) == (hours < 0)
