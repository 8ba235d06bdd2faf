"""Storage that cannot create exclusively is found out, and holds an archive of one writer, who is told so."""

from __future__ import annotations

import errno
import json
import logging
import time
import warnings
from typing import TYPE_CHECKING

import pytest

from holotype import lake
from holotype.catalog import (
    Catalog,
    LocalStore,
    LogDamaged,
    SingleWriterStore,
    SingleWriterWarning,
    StorageDenied,
    StorageFailed,
    open_store,
    probe,
)
from holotype.catalog.sealed import wrap

from .faults import Crash, FaultyStore, with_error
from .samples import TABLES, add_samples, fresh_store, keys, masses
from .store_contract import StoreContract

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typing_extensions import Buffer

    from holotype.catalog import ObjectStore


class TestSingleWriterStore(StoreContract):
    exclusive = False

    def make(self, tmp_path: Path) -> SingleWriterStore:
        return SingleWriterStore(LocalStore(tmp_path / "store", durable=False))


class Overwrites(FaultyStore):
    """As an S3 look-alike that ignores the condition."""

    def create(self, key: str, data: bytes) -> bool:
        self.put(key, [data])
        return True


class LooksFirst(FaultyStore):
    """As fsspec's own ``mode="create"``."""

    def create(self, key: str, data: bytes) -> bool:
        if self.exists(key):
            return False
        time.sleep(0.001)
        self.put(key, [data])
        return True


class WritesLater(FaultyStore):
    """The winner is decided at once, and its bytes come later."""

    def create(self, key: str, data: bytes) -> bool:
        made = self.inner.create(key, b"soon")
        if made:
            time.sleep(0.01)
            self.put(key, [data])
        return made


class Cannot(FaultyStore):
    """As FTP: there is no such step, and the storage says so."""

    def create(self, key: str, data: bytes) -> bool:
        raise StorageFailed("there is no such step", key=key, errno=errno.ENOTSUP)


UNFIT = [Overwrites, LooksFirst, WritesLater, Cannot]


@pytest.fixture(params=UNFIT, ids=lambda kind: kind.__name__)
def unfit(request: pytest.FixtureRequest) -> ObjectStore:
    kind: type[FaultyStore] = request.param
    return kind(fresh_store())


# -- probing


def test_storage_that_creates_exclusively_passes_and_keeps_nothing(tmp_path: Path) -> None:
    for store in (fresh_store(), LocalStore(tmp_path)):
        assert probe(store)
        assert keys(store) == []


def test_storage_that_does_not_fails_and_keeps_nothing(unfit: ObjectStore) -> None:
    assert not probe(unfit)
    assert keys(unfit) == []


def test_a_probe_costs_few_requests() -> None:
    store = FaultyStore(fresh_store())
    probe(store)
    assert len(store.calls) == 28


def test_a_probe_that_could_not_be_made_is_no_answer() -> None:
    for place in range(1, 28):
        store = FaultyStore(fresh_store(), fail_at=place)
        with pytest.raises(StorageFailed):
            probe(store)
        assert keys(store.inner) == []


def test_what_may_not_be_deleted_stays_and_is_said(caplog: pytest.LogCaptureFixture) -> None:
    store = FaultyStore(fresh_store(), fail_at=28, error=with_error(StorageDenied))
    with caplog.at_level(logging.WARNING, "holotype"):
        assert probe(store)
    assert "the storage says no" in caplog.text


def test_what_a_crash_in_the_middle_leaves_disturbs_nothing() -> None:
    store = fresh_store()
    with pytest.raises(Crash):
        Catalog.create(FaultyStore(store, fail_at=9, lasting=True, error=Crash), tables=TABLES)
    assert keys(store)
    assert {key.partition("/")[0] for key in keys(store)} == {"probes"}
    catalog = Catalog.create(store, tables=TABLES)
    add_samples(catalog, 1)
    assert list(catalog.audit()) == []
    assert masses(Catalog.open(store, tables=TABLES)) == [1]


# -- the archive


def test_an_archive_for_many_says_nothing_of_it() -> None:
    catalog = Catalog.create(fresh_store(), tables=TABLES)
    assert catalog.header.writers == "many"
    assert "writers" not in json.loads(bytes(catalog.store.get("archive.json")))


def test_an_archive_for_one_keeps_its_commits(unfit: ObjectStore) -> None:
    with pytest.warns(SingleWriterWarning, match="has one writer"):
        catalog = Catalog.create(unfit, tables=TABLES)
    assert catalog.header.writers == "one"
    for mass in range(3):
        add_samples(catalog, mass)
    assert masses(catalog) == [0, 1, 2]
    with pytest.warns(SingleWriterWarning):
        again = Catalog.open(unfit, tables=TABLES)
    assert again.header == catalog.header
    add_samples(again, 3)
    assert masses(again) == [0, 1, 2, 3]
    add_samples(catalog, 4)  # writers who take turns lose nothing
    assert masses(catalog) == [0, 1, 2, 3, 4]
    assert list(catalog.audit()) == []


def test_who_only_reads_is_not_warned(unfit: ObjectStore) -> None:
    with pytest.warns(SingleWriterWarning):
        add_samples(Catalog.create(unfit, tables=TABLES), 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert masses(Catalog.open(unfit, tables=TABLES, read_only=True)) == [1]


def test_an_archive_of_one_writer_stays_that_on_better_storage() -> None:
    inner = fresh_store()
    with pytest.warns(SingleWriterWarning):
        Catalog.create(Overwrites(inner), tables=TABLES)
    with pytest.warns(SingleWriterWarning):
        assert Catalog.open(inner, tables=TABLES).header.writers == "one"


def test_of_two_creations_of_one_object_the_second_is_refused() -> None:
    store = SingleWriterStore(Overwrites(fresh_store()))
    assert store.create("log/1", b"mine")
    assert not store.create("log/1", b"yours")
    assert bytes(store.get("log/1")) == b"mine"


def test_a_writer_that_was_overtaken_in_the_middle_is_told() -> None:
    class Overtaken(FaultyStore):
        def get(self, key: str, start: int = 0, length: int | None = None) -> Buffer:
            self.inner.put(key, [b"theirs"])
            return self.inner.get(key, start, length)

    assert not SingleWriterStore(Overtaken(fresh_store())).create("log/1", b"mine")


@pytest.fixture
def _poor_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Local files as on exFAT through a FUSE driver: no hard links, no rename that refuses."""

    def no_link(source: str, target: str) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", no_link)
    monkeypatch.setattr("holotype.catalog.stores.exclusive._primitive", lambda: None)


@pytest.mark.usefixtures("_poor_disk")
def test_the_warning_points_at_the_callers_line(tmp_path: Path) -> None:
    calls: list[Callable[[], lake.Archive]] = [lambda: lake.create(tmp_path / "a"), lambda: lake.open(tmp_path / "a")]
    for call in calls:
        with pytest.warns(SingleWriterWarning) as caught:
            archive = call()
        assert [warning.filename for warning in caught] == [__file__]
        assert archive.writers == "one"
    archive = lake.open(tmp_path / "a", read_only=True)
    assert archive.writers == "one"


@pytest.mark.usefixtures("_poor_disk")
def test_a_local_disk_without_exclusive_creation_holds_an_archive(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "reads.txt").write_text("ACGT")
    with pytest.warns(SingleWriterWarning):
        archive = lake.create(tmp_path / "archive")
    archive.backup(tmp_path / "data", dataset="run")
    archive.restore("run@1", tmp_path / "back")
    assert (tmp_path / "back" / "reads.txt").read_text() == "ACGT"
    assert archive.verify().ok
    archive.collect()
    assert list(open_store(tmp_path / "archive").leftovers()) == []


def test_a_header_that_says_something_else_is_damaged() -> None:
    store = fresh_store()
    header = json.loads(Catalog.create(store, tables=TABLES).header.encode())
    store.put("archive.json", [wrap({**{k: v for k, v in header.items() if k != "seal"}, "writers": "few"})])
    with pytest.raises(LogDamaged, match="few"):
        Catalog.open(store, tables=TABLES)
