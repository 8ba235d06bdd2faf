"""Whichever call to the storage fails, done or not: the archive opens, at the old state or the new one, whole."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from holotype.catalog import ArchiveExists, ArchiveNotFound, Catalog, HolotypeError, MemoryStore

from .faults import Crash, FaultyStore, lost_connection
from .samples import TABLES, add_samples, fresh_store, keys, masses, new_catalog, pages, readings, reopened, samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from holotype.catalog import ObjectStore

# How a call fails: the connection is lost before or after it was done, once or from then on, or the process dies.
FAILURES = [
    pytest.param({"error": lost_connection}, id="request lost"),
    pytest.param({"error": lost_connection, "answer_lost": True}, id="answer lost"),
    pytest.param({"error": lost_connection, "lasting": True}, id="connection lost for good"),
    pytest.param({"error": lost_connection, "answer_lost": True, "lasting": True}, id="answer and connection lost"),
    pytest.param({"error": Crash, "lasting": True}, id="crash before"),
    pytest.param({"error": Crash, "answer_lost": True, "lasting": True}, id="crash after"),
]


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
    failure: dict[str, object],
    check: Callable[[ObjectStore], None],
) -> int:
    """Do ``work`` on copies of a store, the fault at the first call, the second, …; check what each leaves behind."""
    place = 0
    while True:
        place += 1
        inner = copied(before)
        store = FaultyStore(inner, fail_at=place, **failure)  # type: ignore[arg-type]
        with suppress(HolotypeError, Crash):
            work(store)
        finished = len(store.calls) < place
        check(inner)
        inner.delete(keys(inner))
        if finished:
            return place - 1


@pytest.mark.parametrize("failure", FAILURES)
def test_creating_an_archive(failure: dict[str, object]) -> None:
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

    assert failing_everywhere(fresh_store(), work, failure, check) > 3


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("commits", [3, 31])  # the commit after 31 writes a checkpoint
def test_committing_to_several_tables(failure: dict[str, object], commits: int) -> None:
    committed: list[bool] = []

    def work(store: ObjectStore) -> None:
        catalog = Catalog.open(store, tables=TABLES)
        committed.append(False)
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
        assert new or not (committed and committed.pop())  # what was confirmed is there
        add_samples(catalog, 200)
        assert masses(reopened(catalog))[-1] == 200

    assert failing_everywhere(prepared(3, commits=commits), work, failure, check) > 8


@pytest.mark.parametrize("failure", FAILURES)
def test_compacting(failure: dict[str, object]) -> None:
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

    assert failing_everywhere(prepared(6), work, failure, check) > 15


@pytest.mark.parametrize("failure", FAILURES)
def test_a_commit_that_is_followed_by_a_compaction(failure: dict[str, object]) -> None:
    def work(store: ObjectStore) -> None:
        catalog = Catalog.open(store, tables=TABLES, compact_above=3)
        add_samples(catalog, 3)

    def check(store: ObjectStore) -> None:
        catalog = Catalog.open(store, tables=TABLES)
        assert list(catalog.audit()) == []
        assert masses(catalog) in ([0, 1, 2], [0, 1, 2, 3])

    assert failing_everywhere(prepared(3), work, failure, check) > 8


@pytest.mark.parametrize("failure", FAILURES)
def test_losing_a_race(failure: dict[str, object]) -> None:
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

    assert failing_everywhere(prepared(3), work, failure, check) > 8
