"""A commit stands on what its author looked at: what took that away makes it a conflict, and nothing else does."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from holotype.catalog import (
    Catalog,
    Conflict,
    LogDamaged,
    StorageDenied,
    StorageFailed,
    StorageFull,
    TransientError,
)

from .faults import FaultyStore, with_error
from .samples import (
    TABLES,
    add_samples,
    counted,
    each,
    fresh_store,
    keys,
    masses,
    new_catalog,
    pages,
    readings,
    reopened,
    samples,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holotype.catalog import Entry, HolotypeError, State


@pytest.fixture
def two() -> tuple[Catalog, Catalog]:
    """Two writers of one archive that holds the samples 1 and 2, a segment each."""
    one = new_catalog()
    add_samples(one, 1)
    add_samples(one, 2)
    return one, reopened(one)


def test_appends_never_conflict(two: tuple[Catalog, Catalog]) -> None:
    one, other = two
    for n in range(3, 40, 2):
        add_samples(one, n)
        add_samples(other, n + 1)
    assert counted(reopened(one)) == each(range(1, 41))


def test_what_was_removed_cannot_be_removed_again(two: tuple[Catalog, Catalog]) -> None:
    one, other = two
    first, second = one.state.segments("samples")
    one.commit(remove=[first], operation="one")
    with pytest.raises(Conflict, match=rf"version 3 \(one\) removed segment {first.name} of samples") as caught:
        other.commit(remove=[second, first], operation="other")
    assert caught.value.version == 3
    assert masses(reopened(one)) == [2]
    other.refresh()
    with pytest.raises(Conflict, match="is not live in version 3"):
        other.commit(remove=[first], operation="other")


def test_what_is_relied_on_has_to_stay(two: tuple[Catalog, Catalog]) -> None:
    one, other = two
    first, second = one.state.segments("samples")
    one.commit(remove=[first], operation="one")
    with pytest.raises(Conflict, match="removed"):
        other.commit(add=[other.write("pages", pages("on the first"))], relies=[first], operation="other")
    other.commit(add=[other.write("pages", pages("on the second"))], relies=[second], operation="other")
    with pytest.raises(Conflict, match=r"version 4 \(other\) relies on"):
        one.commit(remove=[second], operation="one")
    assert masses(reopened(one)) == [2]


def test_whoever_has_seen_that_something_is_relied_on_may_remove_it(two: tuple[Catalog, Catalog]) -> None:
    one, other = two
    (first, _) = one.state.segments("samples")
    one.commit(relies=[first], operation="one")
    other.refresh()
    other.commit(remove=[first], operation="other")
    assert masses(reopened(one)) == [2]


def test_a_condemned_object_is_never_added(two: tuple[Catalog, Catalog]) -> None:
    one, other = two
    late = other.write("samples", samples(3))
    one.commit(condemn=[late.key], operation="collect")
    with pytest.raises(Conflict, match=r"version 3 \(collect\) condemned"):
        other.commit(add=[late], operation="other")
    # Looking again does not help: the object may be gone already.
    other.refresh()
    with pytest.raises(Conflict, match="condemned"):
        other.commit(add=[late], operation="other")
    add_samples(other, 3)
    assert masses(reopened(one)) == [1, 2, 3]


def test_what_was_added_meanwhile_is_not_condemned(two: tuple[Catalog, Catalog]) -> None:
    one, other = two
    late = other.write("samples", samples(3))
    other.commit(add=[late], operation="other")
    with pytest.raises(Conflict, match=r"version 3 \(other\) added"):
        one.commit(condemn=[late.key], operation="collect")
    one.refresh()
    with pytest.raises(Conflict, match="is live and cannot be condemned"):
        one.commit(condemn=[late.key], operation="collect")
    one.commit(remove=[late], condemn=[late.key], operation="collect")
    assert masses(reopened(one)) == [1, 2]


def test_the_callers_own_check_sees_everything_since_its_view(two: tuple[Catalog, Catalog]) -> None:
    one, other = two
    seen: list[tuple[list[int], int]] = []
    view = other.state

    def check(since: Sequence[Entry], state: State) -> None:
        seen.append(([entry.version for entry in since], state.version))
        if any("samples" in entry.add for entry in since):
            raise Conflict("somebody weighed something")

    add_samples(one, 3)
    one.commit(add=[one.write("readings", readings(1))], operation="one")
    with pytest.raises(Conflict, match="weighed"):
        other.commit(operation="other", check=check)
    assert seen == [([3, 4], 4)]
    # Also when somebody else in this process has looked in the meantime.
    other.refresh()
    with pytest.raises(Conflict, match="weighed"):
        other.commit(operation="other", view=view, check=check)
    assert seen[1:] == [([3, 4], 4)]
    other.commit(operation="other", check=check)
    assert reopened(one).state.version == 5


def test_a_loser_checks_again_before_every_attempt() -> None:
    store = fresh_store()
    one, other = new_catalog(store), reopened(new_catalog(fresh_store()))
    other = reopened(one)
    seen: list[list[int]] = []

    def check(since: Sequence[Entry], state: State) -> None:
        seen.append([entry.version for entry in since])
        if len(seen) < 4:
            add_samples(one, len(seen))

    add_samples(one, 0)
    other.commit(operation="other", check=check)
    assert seen == [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4]]
    assert reopened(one).state.version == 5


@pytest.mark.parametrize("error", [StorageFailed, StorageDenied, StorageFull])
def test_a_commit_whose_answer_was_lost_is_made_once(error: type[HolotypeError]) -> None:
    inner = fresh_store()
    new_catalog(inner)
    store = FaultyStore(inner)
    catalog = Catalog.open(store, tables=TABLES)
    segment = catalog.write("samples", samples(1))
    store.error, store.answer_lost, store.fail_at = with_error(error), True, len(store.calls) + 1
    entry = catalog.commit(add=[segment], operation="test")
    assert entry.version == 1
    assert keys(inner, "log/") == [entry.key]
    assert masses(reopened(catalog)) == [1]


def test_a_backend_that_is_refused_by_its_own_repetition_is_believed() -> None:
    class Repeats(FaultyStore):
        def create(self, key: str, data: bytes) -> bool:
            super().create(key, data)
            return super().create(key, data)

    store = Repeats(new_catalog().store)
    catalog = Catalog.open(store, tables=TABLES)
    add_samples(catalog, 1)
    add_samples(catalog, 2)
    assert keys(store, "log/") == ["log/00000000000000000001.json", "log/00000000000000000002.json"]
    assert masses(catalog) == [1, 2]


def test_a_request_that_was_lost_is_repeated_until_it_is_answered() -> None:
    store = FaultyStore(new_catalog().store)
    catalog = Catalog.open(store, tables=TABLES)
    store.fail_at = len(store.calls) + 1
    assert catalog.commit(operation="test").version == 1


@pytest.mark.parametrize("error", [StorageDenied, StorageFull])
def test_a_refusal_is_not_repeated(error: type[HolotypeError]) -> None:
    store = FaultyStore(new_catalog().store)
    catalog = Catalog.open(store, tables=TABLES)
    store.error, store.fail_at = with_error(error), len(store.calls) + 1
    with pytest.raises(error):
        catalog.commit(operation="test")
    assert [call.split()[0] for call in store.calls[store.fail_at - 1 :]] == ["create", "get"]
    assert reopened(catalog).state.version == 0


def test_a_store_that_stays_away_is_given_up() -> None:
    store = FaultyStore(new_catalog().store, lasting=True)
    catalog = Catalog.open(store, tables=TABLES)
    store.fail_at = len(store.calls) + 1
    with pytest.raises(TransientError):
        catalog.commit(operation="test")
    store.fail_at = 0
    assert catalog.refresh().version == 0


def test_an_entry_that_can_be_neither_created_nor_read_is_a_failure() -> None:
    class Denies(FaultyStore):
        def create(self, key: str, data: bytes) -> bool:
            return False

    catalog = Catalog.open(Denies(new_catalog().store), tables=TABLES)
    with pytest.raises(StorageFailed, match="neither be created nor read"):
        catalog.commit(operation="test")


def test_endless_losing_is_a_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holotype.catalog.commits._ATTEMPTS", 5)
    monkeypatch.setattr("holotype.catalog.commits._PAUSE", 0.0)
    rival = new_catalog()

    class Slow(FaultyStore):
        def create(self, key: str, data: bytes) -> bool:
            add_samples(rival, rival.state.version)
            return super().create(key, data)

    catalog = Catalog.open(Slow(rival.store), tables=TABLES)
    with pytest.raises(Conflict, match="5 other commits came first"):
        catalog.commit(operation="test")


def test_an_entry_lost_since_the_view_is_named() -> None:
    catalog = new_catalog()
    view = catalog.state
    for n in range(3):
        add_samples(catalog, n)
    catalog.store.delete(["log/00000000000000000002.json"])
    with pytest.raises(LogDamaged, match=r"log/0+2\.json is missing"):
        catalog.commit(operation="test", view=view)


def test_threads_may_share_a_catalog() -> None:
    catalog = new_catalog()

    def write(me: int) -> None:
        for n in range(20):
            add_samples(catalog, me * 1000 + n)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert counted(reopened(catalog)) == each(me * 1000 + n for me in range(8) for n in range(20))
    assert reopened(catalog).state == catalog.state


def test_a_commit_of_several_tables_is_seen_whole_or_not_at_all() -> None:
    catalog = new_catalog()
    done = threading.Event()

    def write() -> None:
        writer = reopened(catalog)
        for n in range(60):
            parts = [writer.write("samples", samples(n)), writer.write("readings", readings(n))]
            remove = writer.state.segments("pages")
            writer.commit(add=[*parts, writer.write("pages", pages(str(n)))], remove=remove, operation="test")
        done.set()

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        reader = reopened(catalog)
        while not done.is_set():
            state = reader.refresh()
            assert state.rows("samples") == state.rows("readings") == state.version
            newest = [str(state.version - 1)] if state.version else []
            assert reader.read("pages", state=state)["text"].to_pylist() == newest
        writing.result()
