"""A copy that was interrupted goes on where its last checkpoint was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from holotype import lake
from holotype.catalog import ArchiveNotFound, LocalStore, StorageFailed
from holotype.lake.progress import Ticker

from ..archive.trees import assert_sound, look, restored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from typing_extensions import Buffer

    from holotype.lake import Archive

FILES, SIZE = 24, 1 << 20
QUICK = {"durable": False}


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holotype.lake.storing.packing.OPEN_BYTES", 1 << 20)
    monkeypatch.setattr("holotype.lake.storing.ledger.CHECKPOINT_BYTES", 4 << 20)
    monkeypatch.setattr("holotype.lake.moving.carrying._BATCH_BYTES", 1 << 20)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """One dataset, of files that cannot be compressed."""
    folder = tmp_path / "run"
    folder.mkdir()
    for n in range(FILES):
        (folder / f"{n:02}.bin").write_bytes(os.urandom(SIZE))
    archive = lake.create(tmp_path / "archive", storage_options=QUICK)
    archive.backup(folder, dataset="run")
    archive.annotate("run@1", tags=["kept"])
    return archive


class Account:
    """How many bytes of packs were put, of which no more than so many are taken."""

    def __init__(self, patch: pytest.MonkeyPatch, room: int = 1 << 40) -> None:
        self.taken, real = 0, LocalStore.put

        def put(store: LocalStore, key: str, parts: Sequence[Buffer]) -> int:
            if key.startswith("packs/"):
                if self.taken > room:
                    raise StorageFailed("the cable was pulled")
                self.taken += sum(memoryview(part).nbytes for part in parts)
            return real(store, key, parts)

        patch.setattr(LocalStore, "put", put)


def interrupted(archive: Archive, target: Path, *, after: int) -> int:
    """Have a copy fail when so many bytes were put; how many there were."""
    with pytest.MonkeyPatch.context() as patch:
        account = Account(patch, after)
        with pytest.raises(StorageFailed, match="cable"):
            archive.copy(target, storage_options=QUICK)
    return account.taken


def test_what_arrived_does_not_go_again(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "copy"
    before = interrupted(archive, target, after=14 << 20)
    copy = lake.open(target, storage_options=QUICK)
    assert copy.snapshots().is_empty(), "nothing half-done is seen"
    assert_sound(copy)
    account = Account(monkeypatch)
    moved = archive.copy(target, storage_options=QUICK)
    assert moved.snapshots == ("run@1",)
    assert account.taken <= FILES * SIZE * 1.01 - before + (4 << 20) + 6 * (1 << 20)
    assert archive.compare(copy, full=True).equal
    assert restored(copy, "run@1", tmp_path / "back") == look(tmp_path / "run")


def test_what_arrived_and_was_collected_goes_again(archive: Archive, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    interrupted(archive, target, after=14 << 20)
    copy = lake.open(target, storage_options=QUICK)
    assert copy.collect().packs
    assert [path for path in (target / "packs").rglob("*") if path.is_file()] == []
    archive.copy(target, storage_options=QUICK)
    assert archive.compare(copy, full=True).equal


def test_a_collection_beside_a_copy_spares_its_checkpoints(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, seen = tmp_path / "copy", list[int]()

    def collecting(progress: lake.Progress) -> None:
        if progress.stored > 8 << 20 and not seen:
            seen.append(len(lake.open(target, storage_options=QUICK).collect(dead_after=timedelta(0)).packs))

    monkeypatch.setattr("holotype.lake.sync.Ticker", partial(Ticker, every=0.0))
    archive.copy(target, storage_options=QUICK, progress=collecting)
    assert seen == [0]
    assert archive.compare(target, full=True).equal


_VICTIM = """
import sys
from holotype import lake
from holotype.lake.moving import carrying
from holotype.lake.storing import ledger
carrying._BATCH_BYTES, ledger.CHECKPOINT_BYTES = 1 << 20, 4 << 20
def told(progress):
    print(progress.stored, flush=True)
archive = lake.open(sys.argv[1])
archive.copy(sys.argv[2], progress=told, workers=1, storage_options={"durable": True})
"""


def test_one_that_was_killed(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "copy"
    command = [sys.executable, "-c", _VICTIM, str(tmp_path / "archive"), str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        while not list(target.glob("packs/*/*.parquet"))[8:] and victim.poll() is None:
            pass
        victim.send_signal(signal.SIGKILL)
    try:
        copy = lake.open(target, storage_options=QUICK)
    except ArchiveNotFound:  # so early that there is none
        copy = None
    if copy is not None:
        assert_sound(copy)
    account = Account(monkeypatch)
    archive.copy(target, storage_options=QUICK)
    assert account.taken < FILES * SIZE
    assert archive.compare(target, full=True).equal
    operations = [json.loads(path.read_bytes())["operation"] for path in sorted((target / "log").iterdir())]
    assert "checkpoint" in operations
