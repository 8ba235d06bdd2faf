"""What the workers of an executor verify is what this process would have found, damage included."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from holotype.catalog import InvalidOption, StorageFailed, open_store
from holotype.lake.executing import Inline, Place

from .executors import EVERY_KIND, KilledWorker, Mortal, kill, processes
from .trees import LARGE, fill, new_archive

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from pathlib import Path

    from holotype import lake
    from holotype.lake import Archive, Verified


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Two snapshots, in some packs each."""
    archive = new_archive(tmp_path / "archive")
    tree = {f"d{n % 5}/{n}": f"{n},".encode() * n for n in range(200)}
    archive.backup(fill(tmp_path / "source", {"large": LARGE, **tree}), dataset="run")
    archive.backup(fill(tmp_path / "source", {"more": LARGE[::-1], "d1/1": b"changed"}), dataset="run")
    return archive


def packs(archive: Archive) -> list[str]:
    """The keys of what holds chunks."""
    store = open_store(archive.url)
    return sorted(info.key for info in store.list("packs/") if not info.key.endswith("zarr.json"))


def damage(archive: Archive, tmp_path: Path) -> None:
    """One pack is gone, and a byte of another flipped."""
    first, second, *_ = packs(archive)
    (tmp_path / "archive" / first).unlink()
    path = tmp_path / "archive" / second
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)


def told(report: Verified) -> tuple[object, ...]:
    """All that a verification says."""
    found = sorted(report.findings, key=repr)
    return report.scope, report.objects, report.bytes, report.chunks, report.ok, found


@EVERY_KIND
def test_it_is_what_this_process_finds(make: Callable[[], Executor], archive: Archive, tmp_path: Path) -> None:
    with make() as executor:
        for reference in (None, "run@1"):
            whole = archive.verify(reference, executor=executor)
            assert whole.ok
            assert told(whole) == told(archive.verify(reference))
        damage(archive, tmp_path)
        for reference in (None, "run@1"):
            found = archive.verify(reference, executor=executor)
            assert not found.ok
            assert {"pack", "chunk"} & set(found.damage["what"])
            assert set(found.damage["path"].drop_nulls())
            assert told(found) == told(archive.verify(reference))


def test_a_quick_look_needs_nobody(archive: Archive) -> None:
    with Inline() as executor:
        assert told(archive.verify(full=False, executor=executor)) == told(archive.verify(full=False))


def test_packs_are_handed_out_a_few_at_a_time(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holotype.lake.verify._BATCH_BYTES", 1)
    progress: list[lake.Progress] = []
    report = archive.verify(executor=Inline(), progress=progress.append)
    assert told(report) == told(archive.verify())
    assert (progress[-1].files, progress[-1].bytes, progress[-1].done) == (report.objects, report.bytes, True)


@pytest.mark.parametrize("deaths", [1, 50])
def test_a_batch_whose_worker_died_is_checked_again(deaths: int, archive: Archive, tmp_path: Path) -> None:
    damage(archive, tmp_path)
    assert told(archive.verify(executor=Mortal(deaths, KilledWorker))) == told(archive.verify())


def test_workers_that_are_killed(archive: Archive) -> None:
    with processes() as executor:
        kill(executor)
        assert told(archive.verify(executor=executor)) == told(archive.verify())


def test_an_error_of_the_storage_comes_through(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> int:
        raise StorageFailed("no answer")

    monkeypatch.setattr("holotype.catalog.LocalStore.size", failing)
    with pytest.raises(StorageFailed, match="no answer"):
        archive.verify(executor=Inline())


def test_storage_that_workers_cannot_see_is_refused() -> None:
    archive = new_archive()
    archive.write_array("numbers", [1, 2, 3])
    with processes(1) as executor, pytest.raises(InvalidOption, match="memory of one process"):
        archive.verify(executor=executor)
    assert archive.verify(executor=Inline()).ok


def test_a_worker_that_finds_another_archive_there_takes_nothing_for_damaged(archive: Archive, tmp_path: Path) -> None:
    """On another machine a path may lead elsewhere."""
    here = Place.here(open_store(archive.url), archive.id)
    assert here.storage() is here.store
    elsewhere = replace(here, host="elsewhere")
    assert elsewhere.storage().url == archive.url
    with pytest.raises(InvalidOption, match="another archive"):
        replace(elsewhere, archive="a" * 32).storage()
    with pytest.raises(InvalidOption, match="no archive"):
        replace(elsewhere, store=open_store(tmp_path / "empty")).storage()
