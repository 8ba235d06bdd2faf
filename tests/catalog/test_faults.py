"""Whichever call to the storage fails, done or not: the archive opens, at the old state or the new one, whole."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from holotype.catalog import ArchiveExists, ArchiveNotFound, Catalog, HolotypeError, MemoryStore

from .faults import FAULTS, Crash, FaultyStore
from .samples import TABLES, add_samples, fresh_store, keys, masses, new_catalog, pages, readings, reopened, samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from holotype.catalog import ObjectStore

    from .faults import Fault

every_fault = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)


def copied(store: ObjectStore) -> MemoryStore:
    """Another store with the same objects."""
    copy = fresh_store()
    for key in keys(store):
        copy.put(key, [store.get(key)])
    return copy


def prepared(rows: int, *, commits: int = 0) -> MemoryStore:
    """An archive with so many samples, a segment each, and at least so many commits."""
    store = fresh_store()
    catalog = new_catalog(store)
    for n in range(rows):
        add_samples(catalog, n)
    while catalog.state.version < commits:
        catalog.commit(operation="test")
    return store


def failing_everywhere(
    before: ObjectStore,
    work: Callable[[ObjectStore], object],
    fault: Fault,
    check: Callable[[ObjectStore], None],
) -> int:
    """Do ``work`` on copies of a store, the fault at the first call, the second, …; check what each leaves behind."""
    place = 0
    while True:
        place += 1
        inner = copied(before)
        store = fault.store(inner, fail_at=place)
        with suppress(HolotypeError, Crash):
            work(store)
        finished = len(store.calls) < place
        check(inner)
        inner.delete(keys(inner))
        if finished:
            return place - 1


@every_fault
# A storage that once gave back less than it took is taken for one that is no place for two.
@pytest.mark.filterwarnings("ignore::holotype.catalog.SingleWriterWarning")
def test_creating_an_archive(fault: Fault) -> None:
    def work(store: ObjectStore) -> None:
        new_catalog(store)

    def check(store: ObjectStore) -> None:
        # There is an archive or there is none; in both cases one can be had.
        try:
            catalog = Catalog.open(store, tables=TABLES)
        except ArchiveNotFound:
            catalog = new_catalog(store)
        add_samples(catalog, 7)
        assert masses(reopened(catalog)) == [7]
        with pytest.raises(ArchiveExists):
            new_catalog(store)

    assert failing_everywhere(fresh_store(), work, fault, check) > 3


@every_fault
@pytest.mark.parametrize("commits", [3, 31])  # the commit after 31 writes a checkpoint
def test_committing_to_several_tables(fault: Fault, commits: int) -> None:
    committed: list[bool] = []

    def work(store: ObjectStore) -> None:
        committed.append(False)
        catalog = Catalog.open(store, tables=TABLES)
        old = catalog.state.segments("samples")[:2]
        new = [
            catalog.write("samples", samples(100)),
            catalog.write("readings", readings(1, 2)),
            catalog.write("pages", pages("one")),
        ]
        catalog.commit(add=new, remove=old, operation="test")
        committed[-1] = True

    def check(store: ObjectStore) -> None:
        catalog = Catalog.open(store, tables=TABLES)
        assert list(catalog.audit()) == []
        rows = [catalog.state.rows(name) for name in ("readings", "pages")]
        old = masses(catalog) == [0, 1, 2] and rows == [0, 0]
        new = masses(catalog) == [100, 2] and rows == [2, 1]
        assert old or new
        assert new or not committed[-1]  # what was confirmed is there
        add_samples(catalog, 200)
        assert masses(reopened(catalog))[-1] == 200

    assert failing_everywhere(prepared(3, commits=commits), work, fault, check) > 8


@every_fault
def test_compacting(fault: Fault) -> None:
    def work(store: ObjectStore) -> None:
        Catalog.open(store, tables=TABLES).compact()

    def check(store: ObjectStore) -> None:
        catalog = Catalog.open(store, tables=TABLES)
        assert list(catalog.audit()) == []
        assert masses(catalog) == list(range(6))
        assert len(catalog.state.segments("samples")) in (1, 6)
        catalog.compact()
        assert masses(catalog) == list(range(6))
        assert len(catalog.state.segments("samples")) == 1

    assert failing_everywhere(prepared(6), work, fault, check) > 15


@every_fault
def test_a_commit_that_is_followed_by_a_compaction(fault: Fault) -> None:
    def work(store: ObjectStore) -> None:
        catalog = Catalog.open(store, tables=TABLES, compact_above=3)
        add_samples(catalog, 3)

    def check(store: ObjectStore) -> None:
        catalog = Catalog.open(store, tables=TABLES)
        assert list(catalog.audit()) == []
        assert masses(catalog) in ([0, 1, 2], [0, 1, 2, 3])

    assert failing_everywhere(prepared(3), work, fault, check) > 8


@every_fault
def test_losing_a_race(fault: Fault) -> None:
    """Another writer is always one commit ahead."""

    def work(store: ObjectStore) -> None:
        catalog = Catalog.open(store, tables=TABLES)
        assert isinstance(store, FaultyStore)
        add_samples(Catalog.open(store.inner, tables=TABLES), 50)
        add_samples(catalog, 3)

    def check(store: ObjectStore) -> None:
        catalog = Catalog.open(store, tables=TABLES)
        assert masses(catalog) in ([0, 1, 2], [0, 1, 2, 50], [0, 1, 2, 50, 3])
        assert list(catalog.audit()) == []

    assert failing_everywhere(prepared(3), work, fault, check) > 8
