"""Memory is bounded by configuration, not by what is backed up."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import textwrap
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from .trees import fill, look, new_archive, restored

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

intake: Any = import_module("holotype.lake.storing.intake")
base: Any = import_module("holotype.lake.packs.base")


def test_a_pack_is_stored_when_it_has_many_chunks_however_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is known of a chunk stays in memory until its pack is stored."""
    monkeypatch.setattr(base, "_CHUNKS", 100)
    monkeypatch.setattr(intake, "_SHARED_BYTES", 256)
    source = fill(tmp_path / "source", {f"{n:04d}": b"%d" % n for n in range(1000)})
    archive = new_archive()
    archive.backup(source, dataset="run", workers=2)
    chunks = [row["chunks"] for row in archive.read("packs").to_pylist()]
    assert sum(chunks) == 1000
    assert max(chunks) < 200
    assert restored(archive, "run", tmp_path / "back") == look(source)


def test_more_data_than_memory_is_worked_through(tmp_path: Path) -> None:
    """A backup, a verification and a restore of 150 MB take far less than that beside what importing takes."""
    noise = random.Random(1)
    source = fill(tmp_path / "source", {f"many/{n // 100}/file{n}": noise.randbytes(3000) for n in range(2000)})
    with (source / "large").open("wb") as file:
        for _ in range(100):
            file.write(noise.randbytes(1 << 20))
    signal = np.cumsum(np.random.default_rng(1).normal(size=10_000_000)).astype("<f4")
    np.save(source / "signal.npy", signal)
    script = f"""
        from pathlib import Path
        from holotype import lake

        def peak():
            # The system's own figure counts what the parent had before this program was loaded.
            status = Path("/proc/self/status").read_text("ascii").splitlines()
            return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) // 1024

        archive = lake.create({os.fspath(tmp_path / "archive")!r}, storage_options={{"durable": False}})
        warm = archive.backup({os.fspath(source / "many" / "0")!r}, dataset="warm", workers=2)
        before = peak()
        assert archive.backup({os.fspath(source)!r}, dataset="run", workers=2).problems == 0
        print("backup", peak(), "more", peak() - before)
        assert archive.verify(workers=2).ok
        assert archive.restore("run", {os.fspath(tmp_path / "back")!r}, workers=2).ok
        print("all", peak())
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    words = result.stdout.split()
    assert int(words[words.index("all") + 1]) < 400, result.stdout
    assert look(tmp_path / "back") == look(source)
