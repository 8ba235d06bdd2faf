"""A first backup that was interrupted goes on where its last checkpoint was, and reads only the rest."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from holotype import lake
from holotype.catalog import LocalStore, StorageFailed
from holotype.lake.manifest import ManifestWriter, Sizes, align
from holotype.lake.retention.sessions import open_session
from holotype.lake.schema import UNFINISHED
from holotype.validators import TableSchema

from .trees import assert_sound, look, restored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from typing_extensions import Buffer

    from holotype.lake import Archive
    from holotype.lake.context import Context

FILES, SIZE = 1500, 500


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Many small files that cannot be compressed."""
    folder = tmp_path / "run"
    random_bytes = random.Random(1).randbytes
    for n in range(FILES):
        if n % 100 == 0:
            (folder / f"{n // 100:02}").mkdir(parents=True)
        (folder / f"{n // 100:02}" / f"{n:04}").write_bytes(random_bytes(SIZE))
    later = time.time_ns() - 10_000_000_000
    for path in folder.rglob("*"):
        os.utime(path, ns=(later, later))
    return folder


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is done a little at a time, and the clock of the file system does not matter."""
    monkeypatch.setattr("holotype.lake.storing.packing.OPEN_BYTES", 32 << 10)
    monkeypatch.setattr("holotype.lake.storing.ledger.CHECKPOINT_BYTES", 128 << 10)
    monkeypatch.setattr("holotype.lake.backup._CLOCK_STEP_NS", -3_600_000_000_000)
    monkeypatch.setitem(align.__kwdefaults__ or {}, "stretch_bytes", 32 << 10)
    sizes = Sizes(target_rows=64, min_rows=16, max_rows=128)
    monkeypatch.setitem(ManifestWriter.__init__.__kwdefaults__ or {}, "sizes", sizes)


@pytest.fixture
def archive(tmp_path: Path, small: None) -> Archive:
    return lake.create(tmp_path / "archive")


def interrupted(archive: Archive, source: Path, *, after: float = 0.7, dataset: str = "run") -> None:
    """Have a backup fail when so much of the source was put away."""
    taken, real = 0, LocalStore.put

    def put(store: LocalStore, key: str, parts: Sequence[Buffer]) -> int:
        nonlocal taken
        if key.startswith("packs/"):
            if taken > after * FILES * SIZE:
                raise StorageFailed("the cable was pulled")
            taken += sum(memoryview(part).nbytes for part in parts)
        return real(store, key, parts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalStore, "put", put)
        with pytest.raises(StorageFailed):
            archive.backup(source, dataset=dataset, workers=1)
    assert archive.snapshots().height == 0


def read_by(archive: Archive, source: Path, *, dataset: str = "run", executor: ThreadPoolExecutor | None = None) -> int:
    """How many files a backup reads."""
    said: list[lake.Progress] = []
    archive.backup(source, dataset=dataset, progress=said.append, executor=executor)
    return said[-1].files


def test_what_was_seen_is_not_read_again(archive: Archive, source: Path, tmp_path: Path) -> None:
    interrupted(archive, source)
    assert 10 <= read_by(archive, source) < 0.6 * FILES
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert archive.snapshot("run@1").files == FILES
    assert_sound(archive)
    archive.collect()
    assert archive.read("unfinished").num_rows == 0
    assert restored(archive, "run@1", tmp_path / "again") == look(source)
    assert archive.collect().segments == 0


def test_what_was_seen_is_held_to_what_is_declared_for_it(archive: Archive, source: Path) -> None:
    archive.declare_schema("run", TableSchema("none", ()), files="00/*", ahead=True)
    interrupted(archive, source)
    archive.backup(source, dataset="run")
    report = archive.report("run@1")
    assert report.codes == {"file.unknown", "table.format"}
    assert set(report.checked["path"].to_pylist()) == {f"00/{n:04}" for n in range(100)}


def test_what_changed_since_is_read(archive: Archive, source: Path, tmp_path: Path) -> None:
    interrupted(archive, source)
    (source / "00" / "0001").write_bytes(b"changed")
    (source / "01" / "0101").unlink()
    (source / "02" / "new").write_bytes(b"new")
    os.chmod(source / "03" / "0301", 0o600)
    read_by(archive, source)
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert archive.snapshot("run@1").files == FILES
    assert_sound(archive)


def test_interrupted_again_and_again(
    archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holotype.lake.storing.ledger.CHECKPOINT_BYTES", 32 << 10)
    for after in (0.4, 0.3, 0.2):
        interrupted(archive, source, after=after)
    # Any of them alone would have left more.
    assert read_by(archive, source) < 0.6 * FILES
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert_sound(archive)


def test_after_a_collection_all_is_read_again(archive: Archive, source: Path, tmp_path: Path) -> None:
    interrupted(archive, source)
    assert archive.collect().packs
    assert archive.read("unfinished").num_rows == 0
    assert read_by(archive, source) == FILES
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert_sound(archive)


def test_a_collection_in_the_middle_takes_nothing_that_is_needed(
    archive: Archive, source: Path, tmp_path: Path
) -> None:
    interrupted(archive, source, after=0.5)
    real, collected = LocalStore.put, list[int]()

    def put(store: LocalStore, key: str, parts: Sequence[Buffer]) -> int:
        if key.startswith("packs/") and len(collected) < 3:
            collected.append(len(lake.open(archive.url).collect().packs))
        return real(store, key, parts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalStore, "put", put)
        archive.backup(source, dataset="run", workers=1)
    assert sum(collected) > 0
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert_sound(archive)


def test_a_collection_beside_it_spares_what_it_has_seen(archive: Archive, source: Path, tmp_path: Path) -> None:
    real, seen = LocalStore.put, list[int]()

    def put(store: LocalStore, key: str, parts: Sequence[Buffer]) -> int:
        rows = archive.read("unfinished").num_rows
        if key.startswith("packs/") and rows > 5 and not seen:
            lake.open(archive.url).collect()
            seen.append(archive.read("unfinished").num_rows - rows)
        return real(store, key, parts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalStore, "put", put)
        archive.backup(source, dataset="run", workers=1)
    assert seen == [0]
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert_sound(archive)
    # What a running backup builds on may be gone: a collection that looked earlier took it.
    context: Context = archive._context  # pyright: ignore[reportPrivateUsage]
    row = {"session": open_session(context), "dataset": "other", "source": "", "host": "", "began": context.clock()}
    place = {"ordinal": 0, "segment": f"{0:012}-{'ab' * 10}", "rows": 1, "first": b"a", "last": b"a"}
    segment = context.catalog.write("unfinished", UNFINISHED.rows([{**row, **place}]))
    context.catalog.commit(add=[segment], operation="checkpoint")
    archive.collect()
    assert archive.read("unfinished")["session"].to_pylist() == [row["session"]]
    assert_sound(archive)


def test_of_another_source_or_dataset_nothing_is_taken_over(archive: Archive, source: Path, tmp_path: Path) -> None:
    interrupted(archive, source)
    assert read_by(archive, source, dataset="other") == FILES
    elsewhere = source.rename(tmp_path / "elsewhere")
    assert read_by(archive, elsewhere) == FILES
    assert restored(archive, "run@1", tmp_path / "back") == look(elsewhere)
    assert_sound(archive)


def test_workers_go_on_too(archive: Archive, source: Path, tmp_path: Path) -> None:
    interrupted(archive, source)
    with ThreadPoolExecutor(2) as executor:
        assert read_by(archive, source, executor=executor) < 0.6 * FILES
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert_sound(archive)


def test_files_hidden_behind_the_clock_are_read_again(
    archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(archive, source)
    # Touched so shortly before the first attempt that they could have changed again under the same time.
    monkeypatch.setattr("holotype.lake.backup._CLOCK_STEP_NS", 3_600_000_000_000)
    assert read_by(archive, source) == FILES
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert_sound(archive)


KILLED = """
import os, signal, sys
import holotype.lake.backup, holotype.lake.storing.ledger, holotype.lake.storing.packing
from holotype import lake
from holotype.lake.manifest import ManifestWriter, Sizes, align
align.__kwdefaults__["stretch_bytes"] = 32 << 10
holotype.lake.storing.packing.OPEN_BYTES = 32 << 10
holotype.lake.storing.ledger.CHECKPOINT_BYTES = 128 << 10
ManifestWriter.__init__.__kwdefaults__["sizes"] = Sizes(target_rows=64, min_rows=16, max_rows=128)
archive = lake.open(sys.argv[1])
def look(progress):
    if archive.read("unfinished").num_rows > 10:
        os.kill(os.getpid(), signal.SIGKILL)
archive.backup(sys.argv[2], dataset="run", progress=look, workers=1)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL")
def test_after_a_process_was_killed(archive: Archive, source: Path, tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, archive.url, str(source)], check=False)
    if killed.returncode == 0:  # it was done before it was asked how far it was
        pytest.fail("the backup was not killed")
    assert killed.returncode == -signal.SIGKILL
    assert archive.snapshots().height == 0
    assert read_by(archive, source) < FILES
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert_sound(archive)
