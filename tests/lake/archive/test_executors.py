"""A backup whose files are read by the workers of an executor is the backup that this process would have made."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from holotype import lake
from holotype.catalog import InvalidOption, SourceProblem, StorageFailed
from holotype.lake.executing import Handed, Inline, in_order

from .executors import EVERY_KIND, KilledWorker, Mortal, kill, processes
from .trees import assert_sound, look, restored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor
    from pathlib import Path

    from holotype.lake import Archive


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Many small files, one large one, a hole, an empty file, a link, two names of one file."""
    folder = tmp_path / "run"
    for n in range(300):
        path = folder / f"d{n % 7}" / f"{n}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"{n},".encode() * (n * 20))
    (folder / "large").write_bytes(os.urandom(3 << 20) * 4)
    with (folder / "sparse").open("wb") as file:
        file.seek(2 << 20)
        file.write(b"end" * 100_000)
    (folder / "empty").touch()
    (folder / "link").symlink_to("large")
    os.link(folder / "large", folder / "other name")
    return folder


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return lake.create(tmp_path / "archive")


def rows(archive: Archive, reference: str) -> list[dict[str, Any]]:
    """A snapshot's rows without what differs from one scan to the next."""
    return archive.files(reference).to_dicts()


@EVERY_KIND
def test_it_is_the_backup_that_this_process_makes(
    make: Callable[[], Executor], archive: Archive, source: Path, tmp_path: Path
) -> None:
    archive.backup(source, dataset="here")
    with make() as executor:
        there = archive.backup(source, dataset="there", executor=executor)
        assert there.new_bytes == 0  # every chunk was known
        assert rows(archive, "there@1") == rows(archive, "here@1")
        (source / "d1" / "1.csv").write_bytes(b"changed")
        (source / "new").write_bytes(os.urandom(2 << 20))
        (source / "d2" / "2.csv").unlink()
        second = archive.backup(source, dataset="there", executor=executor)
    assert second.new_bytes == (2 << 20) + len(b"changed")
    assert restored(archive, "there@2", tmp_path / "back") == look(source)
    assert_sound(archive)


@pytest.mark.parametrize("make", [Inline, processes], ids=["inline", "processes"])
def test_a_first_backup_by_workers(
    make: Callable[[], Executor], archive: Archive, source: Path, tmp_path: Path
) -> None:
    told: list[lake.Progress] = []
    with make() as executor:
        snapshot = archive.backup(source, dataset="run", executor=executor, progress=told.append)
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert told[-1].done
    assert told[-1].files == snapshot.files - 1  # the other name is no file to read
    assert told[-1].stored > 0
    assert_sound(archive)


@pytest.mark.parametrize("deaths", [1, 2, 50])
@pytest.mark.parametrize("error", [KilledWorker, EOFError])
def test_a_batch_whose_worker_died_is_done_again(
    deaths: int, error: type[Exception], archive: Archive, source: Path, tmp_path: Path
) -> None:
    archive.backup(source, dataset="run", executor=Mortal(deaths, error))
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert_sound(archive)


def test_workers_that_are_killed(archive: Archive, source: Path, tmp_path: Path) -> None:
    with processes() as executor:
        kill(executor)
        archive.backup(source, dataset="run", executor=executor)
    assert restored(archive, "run@1", tmp_path / "back") == look(source)
    assert_sound(archive)


def test_a_problem_is_the_same_problem(archive: Archive, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.listdir

    def listing(where: Any = ".") -> list[str]:
        names = real(where)
        return [*names, "ghost"] if "1.csv" in names else names

    monkeypatch.setattr(os, "listdir", listing)
    with pytest.raises(SourceProblem):
        archive.backup(source, dataset="run", executor=Inline(), on_problem="raise")
    snapshot = archive.backup(source, dataset="run", executor=Inline())
    assert snapshot.problems == 1


def test_an_error_of_the_storage_comes_through(archive: Archive, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*args: object) -> int:
        raise StorageFailed("no answer")

    archive.backup(source / "d1", dataset="run")
    monkeypatch.setattr("holotype.catalog.LocalStore.put", failing)
    with pytest.raises(StorageFailed, match="no answer"):
        archive.backup(source, dataset="run", executor=Inline())
    monkeypatch.undo()
    assert_sound(archive)


def test_storage_that_workers_cannot_see_is_refused(source: Path) -> None:
    archive = lake.create("memory://executors")
    with processes(1) as executor, pytest.raises(InvalidOption, match="memory of one process"):
        archive.backup(source, dataset="run", executor=executor)
    with ThreadPoolExecutor() as threads:
        assert archive.backup(source, dataset="run", executor=threads).files
    assert_sound(archive)


def test_an_executor_that_was_shut_down_is_refused(archive: Archive, source: Path) -> None:
    executor = ThreadPoolExecutor()
    executor.shutdown()
    with pytest.raises(InvalidOption, match="takes no work"):
        archive.backup(source, dataset="run", executor=executor)


def test_results_come_in_order_and_a_few_at_a_time() -> None:
    begun: list[int] = []

    def batches() -> Iterator[int]:
        for n in range(20):
            begun.append(n)
            yield n

    with ThreadPoolExecutor(2) as executor:
        results = in_order(executor, str, batches())
        assert next(results) == "0"
        assert len(begun) <= 5
        assert list(results) == [str(n) for n in range(1, 20)]


def test_an_error_of_the_work_itself_is_not_tried_again() -> None:
    tried: list[int] = []

    def work(number: int) -> None:
        tried.append(number)
        raise ZeroDivisionError

    handed = Handed(Inline(), work, 7)
    assert handed.done
    with pytest.raises(ZeroDivisionError):
        handed.result()
    handed.cancel()
    assert tried == [7]
