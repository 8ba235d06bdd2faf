"""What an interrupted backup had put away by its last checkpoint is found again, and not stored twice."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

import pytest

from holotype import lake
from holotype.catalog import LocalStore, StorageFailed

from .trees import assert_sound, look, restored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from typing_extensions import Buffer

    from holotype.lake import Archive

FILES, SIZE = 24, 1 << 20


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Files that cannot be compressed, one chunk or two each."""
    folder = tmp_path / "run"
    folder.mkdir()
    for n in range(FILES):
        (folder / f"{n:02}.bin").write_bytes(os.urandom(SIZE))
    return folder


@pytest.fixture(params=[False, True], ids=["near", "distant"])
def archive(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """One whose packs are small, and are committed soon; distant storage is written to by threads of its own."""
    monkeypatch.setattr(LocalStore, "distant", request.param)
    monkeypatch.setattr("holotype.lake.storing.packing.OPEN_BYTES", 1 << 20)
    monkeypatch.setattr("holotype.lake.storing.ledger.CHECKPOINT_BYTES", 4 << 20)
    return lake.create(tmp_path / "archive")


class Breaking:
    """The storage takes so many bytes of packs, and no more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.taken, self.room, real = 0, room, LocalStore.put

        def put(store: LocalStore, key: str, parts: Sequence[Buffer]) -> int:
            if key.startswith("packs/"):
                if self.taken > self.room:
                    raise StorageFailed("the cable was pulled")
                self.taken += sum(memoryview(part).nbytes for part in parts)
            return real(store, key, parts)

        monkeypatch.setattr(LocalStore, "put", put)


def operations(archive: Path) -> list[str]:
    """What the commits of an archive did, in their order."""
    return [str(json.loads(entry.read_bytes())["operation"]) for entry in sorted((archive / "log").iterdir())]


def interrupted(archive: Archive, source: Path, *, after: int) -> int:
    """Have a backup fail when so many bytes were put away; how many there were."""
    with pytest.MonkeyPatch.context() as patch:
        breaking = Breaking(patch, after)
        with pytest.raises(StorageFailed):
            archive.backup(source, dataset="run")
    return breaking.taken


def test_what_was_put_away_is_not_stored_again(
    archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = interrupted(archive, source, after=14 << 20)
    assert len(archive.snapshots()) == 0
    assert_sound(archive)
    whole = Breaking(monkeypatch, 1 << 30)
    snapshot = archive.backup(source, dataset="run")
    # At most what came after the last checkpoint, and the packs that were open, goes again.
    assert whole.taken <= FILES * SIZE * 1.01 - stored + (4 << 20) + 4 * (2 << 20)
    assert snapshot.new_bytes < FILES * SIZE
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert_sound(archive)


def test_a_collection_takes_it_away_again(archive: Archive, source: Path, tmp_path: Path) -> None:
    interrupted(archive, source, after=14 << 20)
    collected = archive.collect()
    assert collected.packs
    assert [path for path in (tmp_path / "archive" / "packs").rglob("*") if path.is_file()] == []
    snapshot = archive.backup(source, dataset="run")
    assert snapshot.new_bytes == FILES * SIZE
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert_sound(archive)


def test_a_collection_beside_a_backup_spares_its_checkpoints(archive: Archive, source: Path, tmp_path: Path) -> None:
    seen: list[int] = []

    def collecting(progress: lake.Progress) -> None:
        if progress.stored > 8 << 20 and not seen:
            seen.append(len(lake.open(tmp_path / "archive").collect().packs))

    archive.backup(source, dataset="run", progress=collecting)
    archive.backup(source, dataset="other")
    assert seen in ([], [0])
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert_sound(archive)


def test_a_writer_that_was_taken_for_dead_goes_on_with_what_is_left(
    archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, collected, collecting = LocalStore.put, list[int](), Lock()

    def put(store: LocalStore, key: str, parts: Sequence[Buffer]) -> int:
        enough = len(list((tmp_path / "archive" / "packs").rglob("*.parquet"))) > 10
        # Again, where all that was stored had just been committed; what the collection itself writes comes here too.
        if enough and not any(collected) and collecting.acquire(blocking=False):
            later = lake.open(tmp_path / "archive", clock=lambda: datetime.now(UTC) + timedelta(days=30))
            monkeypatch.setattr("holotype.lake.retention.sessions.machine_here", lambda: "another machine")
            collected.append(len(later.collect(dead_after=timedelta(0)).packs))
            collecting.release()
        return real(store, key, parts)

    monkeypatch.setattr(LocalStore, "put", put)
    archive.backup(source, dataset="run", workers=1)  # so that nothing is half written at that moment
    monkeypatch.undo()
    assert any(collected)
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert_sound(archive)


def test_time_makes_a_checkpoint_too(
    archive: Archive, source: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("holotype.lake.storing.ledger.CHECKPOINT_BYTES", 1 << 40)
    monkeypatch.setattr("holotype.lake.storing.ledger.CHECKPOINT_SECONDS", 0.0)
    archive.backup(source, dataset="run")
    first, *between, last = operations(tmp_path / "archive")
    assert (first, last) == ("open-session", "backup")
    assert between == ["checkpoint"] * len(between)
    assert len(between) >= 3
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert_sound(archive)


def test_a_small_backup_is_one_commit(source: Path, tmp_path: Path) -> None:
    lake.create(tmp_path / "another").backup(source, dataset="run")
    assert operations(tmp_path / "another") == ["open-session", "backup"]
