"""What goes into distant storage goes there while more is packed, and what goes wrong on the way is told."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from holotype import lake
from holotype.catalog import LocalStore, StorageFull
from holotype.lake.storing.uploading import Uploads

from .trees import assert_sound, look, restored

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from typing_extensions import Buffer


def uploads(store: Callable[[Any], object], told: list[BaseException], threads: int = 2) -> Uploads:
    return Uploads(store, failed=told.append, threads=threads)


def a_pack() -> Any:
    """One that is not looked into."""
    return object()


def test_all_are_stored_when_it_is_over() -> None:
    stored: list[object] = []
    packs = [a_pack() for _ in range(20)]
    told: list[BaseException] = []
    way = uploads(stored.append, told)
    for pack in packs:
        way.add(pack)
    way.finish()
    way.finish()  # whoever was interrupted while waiting waits again
    assert not told
    assert len(stored) == len(packs)
    assert set(stored) == set(packs)


def test_so_many_are_under_way_at_once() -> None:
    together = threading.Barrier(3)
    told: list[BaseException] = []
    way = uploads(lambda pack: together.wait(60), told, threads=3)
    for _ in range(3):
        way.add(a_pack())
    way.finish()
    assert not told


def test_after_an_error_nothing_more_is_stored_and_nobody_waits() -> None:
    told: list[BaseException] = []
    tried: list[object] = []

    def store(pack: object) -> None:
        tried.append(pack)
        raise StorageFull("no space left")

    way = uploads(store, told, threads=1)
    for _ in range(10):
        way.add(a_pack())
    way.finish()
    assert len(tried) == 1
    assert [type(error) for error in told] == [StorageFull]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    for n in range(12):
        (folder / f"{n:02}.bin").write_bytes(os.urandom(1 << 20))
    return folder


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> lake.Archive:
    monkeypatch.setattr(LocalStore, "distant", True)
    monkeypatch.setattr("holotype.lake.storing.packing.OPEN_BYTES", 1 << 20)
    return lake.create(tmp_path / "archive")


def test_one_is_packed_while_another_is_uploaded(
    archive: lake.Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first pack does not arrive before the only one who packs has come to the second."""
    both, met, real = threading.Barrier(2), list[int](), LocalStore.put

    def put(store: LocalStore, key: str, parts: Sequence[Buffer]) -> int:
        if key.startswith("packs/") and len(met) < both.parties:
            met.append(both.wait(60))
        return real(store, key, parts)

    monkeypatch.setattr(LocalStore, "put", put)
    archive.backup(source, dataset="run", workers=1)
    assert sorted(met) == [0, 1]
    assert restored(archive, "run", tmp_path / "back") == look(source)
    assert_sound(archive)


@pytest.mark.parametrize("nth", range(1, 9))
def test_a_pack_that_cannot_be_stored_ends_the_backup(
    archive: lake.Archive, source: Path, tmp_path: Path, nth: int
) -> None:
    left, real = [nth], LocalStore.put

    def put(store: LocalStore, key: str, parts: Sequence[Buffer]) -> int:
        if key.startswith("packs/"):
            left[0] -= 1
            if not left[0]:
                raise StorageFull("no space left")
        return real(store, key, parts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalStore, "put", put)
        with pytest.raises(StorageFull):
            archive.backup(source, dataset="run")
    assert left[0] <= 0
    assert len(archive.snapshots()) == 0
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("holotype-")]
    archive.backup(source, dataset="run")
    assert restored(archive, "run", tmp_path / "back") == look(source)
    assert_sound(archive)
