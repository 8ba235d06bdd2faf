"""Several at work on one archive: backups at once, and a collection beside them."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import Conflict
from holotype.lake.manifest import align

from .trees import Meddler, assert_sound, fill, look, new_archive, reopened, restored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from holotype.lake import Archive, Snapshot


def noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


class TestTwoAtOnce:
    def test_threads(self, archive: Archive, tmp_path: Path) -> None:
        """Whoever commits second takes the next number; nothing of either is lost."""
        sources = [
            fill(tmp_path / f"source{n}", {f"file{n}": noise(n, 20_000), "shared": noise(99, 20_000)}) for n in range(4)
        ]
        found: list[Snapshot] = []
        start = threading.Barrier(4)

        def back_up(source: Path) -> None:
            mine = reopened(archive)
            start.wait()
            found.append(mine.backup(source, dataset="run"))

        threads = [threading.Thread(target=back_up, args=(source,)) for source in sources]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(snapshot.number for snapshot in found) == [1, 2, 3, 4]
        for snapshot in found:
            assert restored(archive, snapshot.name, tmp_path / snapshot.id) == look(Path(str(snapshot.source)))
        assert_sound(archive)

    def test_one_object_in_several_threads(self, archive: Archive, tmp_path: Path) -> None:
        sources = [fill(tmp_path / f"source{n}", {"file": noise(n, 20_000)}) for n in range(3)]
        threads = [
            threading.Thread(target=archive.backup, args=(source,), kwargs={"dataset": "run"}) for source in sources
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert archive.snapshots("run")["number"].to_list() == [1, 2, 3]
        assert_sound(archive)

    def test_processes(self, source: Path, tmp_path: Path) -> None:
        archive = new_archive(tmp_path / "archive")
        script = (
            "import sys; from holotype import lake\n"
            "archive = lake.open(sys.argv[1]); print('ready', flush=True); sys.stdin.readline()\n"
            "for _ in range(3): print(archive.backup(sys.argv[2], dataset='run').number)"
        )
        command = [sys.executable, "-c", script, str(tmp_path / "archive"), str(source)]
        writers = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
        ]
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
        printed = [writer.communicate("go\n", timeout=120)[0] for writer in writers]
        assert sorted(int(number) for text in printed for number in text.split()) == [1, 2, 3, 4, 5, 6]
        assert archive.snapshots("run")["number"].to_list() == [1, 2, 3, 4, 5, 6]
        assert restored(archive, "run@6", tmp_path / "back") == look(source)
        assert_sound(archive)

    def test_a_collection_in_between_costs_time_and_no_data(
        self, archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What a backup relied on is collected under its hands: it stores it again."""
        archive.backup(source, dataset="old")
        other = reopened(archive)
        done: list[bool] = []

        def collect(path: bytes) -> None:
            if path == b"large" and not done:
                done.append(True)
                other.forget("old@1")
                other.collect()

        meddler = Meddler(monkeypatch, source)
        meddler.on_read = collect
        snapshot = archive.backup(source, dataset="run")
        meddler.stop()
        assert done
        assert restored(archive, snapshot.name, tmp_path / "back") == look(source)
        assert_sound(archive)

    def test_losing_for_ever_is_an_error(self, archive: Archive, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def lose(*_: object, **__: object) -> None:
            raise Conflict("somebody else came first")

        monkeypatch.setattr(type(archive._context.catalog), "commit", lose)  # pyright: ignore[reportPrivateUsage]
        with pytest.raises(Conflict):
            archive.backup(source, dataset="run")
        monkeypatch.undo()
        assert archive.snapshots().is_empty()


class TestBesideACollection:
    def test_a_parent_that_is_collected_while_it_is_read(
        self, archive: Archive, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The backup looks again, and takes the folder for a new one."""
        archive.backup(source, dataset="run")
        collected: list[object] = []

        def first_collect(*arguments: Any, **options: Any) -> Iterator[Any]:
            if not collected:
                archive.forget("run@1")
                collected.append(archive.collect())
            return align(*arguments, **options)

        monkeypatch.setattr("holotype.lake.storing.survey.align", first_collect)
        snapshot = archive.backup(source, dataset="run")
        assert snapshot.name == "run@2"
        assert collected
        assert restored(archive, "run@2", tmp_path / "back") == look(source)
