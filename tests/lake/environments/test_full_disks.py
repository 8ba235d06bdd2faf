"""Real disks that are really full, on either end: said, nothing half done is seen, and with room it goes on."""

from __future__ import annotations

import os
import random
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from holotype import lake
from holotype.catalog import StorageFull

from ..archive.trees import SMALL, assert_sound, files, fill, look

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def noise(megabytes: float, seed: int) -> bytes:
    """Bytes that no compression makes smaller."""
    return random.Random(seed).randbytes(int(megabytes * (1 << 20)))


def free(disk: Path) -> int:
    """Bytes that are left on a disk."""
    status = os.statvfs(disk)
    return status.f_bavail * status.f_frsize


def fill_up(disk: Path) -> None:
    """Leave no room on a disk, by a file named ``filler``."""
    with suppress(OSError), open(disk / "filler", "wb", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))
    assert free(disk) == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of three megabytes, in a place of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def can_mount() -> bool:
    """Whether this process may."""
    script = "mount -t tmpfs -o size=1m tmpfs /mnt"
    return not subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, check=False).returncode


MOUNTS = pytest.mark.skipif(not can_mount(), reason="only root mounts a disk")


@MOUNTS
@pytest.mark.parametrize("workers", [None, 1])
def test_the_archives_disk(disk: Path, tmp_path: Path, workers: int | None) -> None:
    archive = lake.create(disk / "archive", chunking=SMALL)
    small = fill(tmp_path / "small", {"a": noise(0.3, 1)})
    archive.backup(small, dataset="run")
    big = fill(tmp_path / "big", {f"file{n}": noise(0.4, 10 + n) for n in range(12)})
    with pytest.raises(StorageFull, match="make room") as caught:
        archive.backup(big, dataset="big", workers=workers)
    assert "No space left" in str(caught.value)
    # Reading needs no room, not even now.
    fill_up(disk)
    again = lake.open(disk / "archive")
    assert again.snapshots()["dataset"].to_list() == ["run"]
    assert again.verify().ok
    assert again.restore("run", tmp_path / "back").ok
    assert files(look(tmp_path / "back")) == files(look(small))
    with pytest.raises(StorageFull):
        again.backup(fill(tmp_path / "tiny", {"a": noise(0.1, 5)}), dataset="tiny")
    # With room it goes on: what the broken backup left is collected.
    (disk / "filler").unlink()
    again.collect()
    assert free(disk) > 2 << 20
    for path in sorted(big.iterdir())[3:]:
        path.unlink()
    again.backup(big, dataset="big")
    assert again.restore("big", tmp_path / "whole").ok
    assert look(tmp_path / "whole") == look(big)
    assert_sound(again)


@MOUNTS
@pytest.mark.parametrize("sizes", [[0.2] * 30, [5.0], [0.001] * 1200], ids=["files", "one large file", "tiny files"])
def test_the_targets_disk(disk: Path, tmp_path: Path, sizes: list[float]) -> None:
    source = fill(tmp_path / "source", {f"f{n % 9}/{n}": noise(size, n) for n, size in enumerate(sizes)})
    archive = lake.create(tmp_path / "archive", storage_options={"durable": False})
    archive.backup(source, dataset="run")
    with pytest.raises(StorageFull, match="make room, empty the target"):
        archive.restore("run", disk / "back")
    whole = {path.relative_to(source): path.read_bytes() for path in source.rglob("*") if path.is_file()}
    for path in (disk / "back").rglob("*"):
        assert path.is_dir() or path.read_bytes() == whole[path.relative_to(disk / "back")]
    assert archive.restore("run", tmp_path / "elsewhere").ok
    assert look(tmp_path / "elsewhere") == look(source)


@MOUNTS
def test_a_disk_that_is_full_before_anything_begins(disk: Path, tmp_path: Path) -> None:
    archive = lake.create(tmp_path / "archive", storage_options={"durable": False})
    archive.backup(fill(tmp_path / "source", {"a": noise(0.1, 1)}), dataset="run")
    fill_up(disk)
    with pytest.raises(StorageFull):
        archive.restore("run", disk / "back")
    with pytest.raises(StorageFull):
        lake.create(disk / "archive")
    (disk / "filler").unlink()
    assert archive.restore("run", disk / "again").ok
    assert lake.create(disk / "archive").snapshots().is_empty()
