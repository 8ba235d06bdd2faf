"""The tip: where requests are dear, one object tells what is newest; and it is never believed without proof."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from holotype.catalog import Catalog, FormatTooNew, HolotypeError, LogDamaged, MemoryStore

from .faults import CHANGES, FaultyStore
from .samples import TABLES, add_samples, flip, keys, masses, new_catalog, sealed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holotype.catalog import ObjectStore

TIP = "tip.zlib"


class DistantStore(MemoryStore):
    """A store like those far away."""

    distant = True

    def following(self, key: str) -> Sequence[str]:
        folder = f"{key.rpartition('/')[0]}/"
        return sorted(info.key for info in self.list(folder) if info.key > key)


class Walked(DistantStore):
    """One that cannot tell what follows a key."""

    def following(self, key: str) -> None:  # type: ignore[override]
        del key


@pytest.fixture(params=[DistantStore, Walked])
def store(request: pytest.FixtureRequest) -> MemoryStore:
    made: MemoryStore = request.param(f"catalog-tests/{uuid4().hex}")
    return made


def entry_key(version: int) -> str:
    return f"log/{version:020d}.json"


def reading(store: ObjectStore) -> tuple[list[int], list[str]]:
    """What is read by somebody who comes anew, and the requests it takes."""
    counted = FaultyStore(store)
    return masses(Catalog.open(counted, tables=TABLES)), counted.calls


@pytest.mark.parametrize("commits", [1, 31, 32, 33, 80])
def test_a_reader_needs_the_same_few_requests_at_any_age(commits: int) -> None:
    store = DistantStore(f"catalog-tests/{uuid4().hex}")
    catalog = new_catalog(store)
    for n in range(commits):
        add_samples(catalog, n)
    found, calls = reading(store)
    assert found == list(range(commits))
    newest = entry_key(catalog.state.version)
    assert calls == ["get archive.json", f"get {TIP}", f"get {newest}", f"following {newest}"]
    before = FaultyStore(store)
    catalog = Catalog.open(before, tables=TABLES)
    before.calls.clear()
    catalog.refresh()
    assert before.calls == [f"following {newest}"]


def test_a_near_store_has_none() -> None:
    catalog = new_catalog()
    add_samples(catalog, 1)
    assert TIP not in keys(catalog.store)


def test_segments_that_others_wrote_are_in_it(store: MemoryStore) -> None:
    one = new_catalog(store)
    for n in range(5):
        add_samples(one, n)
        other = Catalog.open(store, tables=TABLES, compact_above=None)
        add_samples(other, 100 + n)
        one.refresh()
    found, calls = reading(store)
    assert sorted(found) == [*range(5), *range(100, 105)]
    assert not [call for call in calls if call.startswith("get tables/")]


def test_large_segments_are_not_in_it(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holotype.catalog.tip._SMALL", 2000)
    monkeypatch.setattr("holotype.catalog.tip._TOGETHER", 5000)
    catalog = new_catalog(store)
    add_samples(catalog, *range(5000))
    for n in range(10):
        add_samples(catalog, n)
    found, calls = reading(store)
    assert found == [*range(5000), *range(10)]
    fetched = [call for call in calls if call.startswith("get tables/")]
    assert 1 < len(fetched) < 11


def test_an_archive_of_very_many_segments_goes_without(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holotype.catalog.tip._MOST", 3)
    catalog = new_catalog(store)
    for n in range(40):
        add_samples(catalog, n)
    assert reading(store)[0] == list(range(40))


def test_an_old_tip_leads_to_the_newest_state(store: MemoryStore) -> None:
    catalog = new_catalog(store)
    kept = b""
    for n in range(100):
        add_samples(catalog, n)
        if n in (10, 90):
            kept = bytes(store.get(TIP))
            store.put("kept", [kept])
            if n == 10:
                store.put("oldest", [kept])
    everything = list(range(100))
    for name in ("kept", "oldest"):
        store.put(TIP, [bytes(store.get(name))])
        assert reading(store)[0] == everything
    # The archive was elsewhere since: the checkpoints are nearer.
    calls = reading(store)[1]
    assert len([call for call in calls if call.startswith("get log/")]) < 45
    store.delete([info.key for info in store.list("checkpoints/")])
    assert reading(store)[0] == everything


def test_a_damaged_tip_is_passed_over(store: MemoryStore) -> None:
    catalog = new_catalog(store)
    for n in range(3):
        add_samples(catalog, n)
    good = bytes(store.get(TIP))
    for place in range(0, len(good), 7):
        bad = bytearray(good)
        bad[place] ^= 1 << place % 8
        store.put(TIP, [bytes(bad)])
        assert reading(store)[0] == [0, 1, 2]
    for cut in (0, 1, len(good) // 2, len(good) - 1):
        store.put(TIP, [good[:cut]])
        assert reading(store)[0] == [0, 1, 2]
    store.delete([TIP])
    assert reading(store)[0] == [0, 1, 2]


def test_an_audit_tells_that_the_tip_is_damaged(store: MemoryStore) -> None:
    catalog = new_catalog(store)
    add_samples(catalog, 1)
    assert list(catalog.audit()) == []
    flip(store, TIP)
    assert [(found.what, found.key) for found in catalog.audit()] == [("damaged", TIP)]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"version": 3, "head": "", "tables": {}},
        {"version": 3, "head": "", "tables": {"samples": 7}},
        {"version": 3, "head": "", "tables": {}, "held": ["samples/000000000000-0123456789abcdef"]},
    ],
)
def test_a_tip_that_makes_no_sense_is_passed_over(store: MemoryStore, fields: dict[str, object]) -> None:
    catalog = new_catalog(store)
    for n in range(3):
        add_samples(catalog, n)
    store.put(TIP, [zlib.compress(sealed({"format": 1, **fields}) + b"\n")])
    assert reading(store)[0] == [0, 1, 2]


def test_bytes_that_are_not_their_segments_are_not_believed(store: MemoryStore) -> None:
    catalog = new_catalog(store)
    for n in range(3):
        add_samples(catalog, n)
    plain = bytearray(zlib.decompress(bytes(store.get(TIP))))
    plain[-100] ^= 1
    store.put(TIP, [zlib.compress(bytes(plain))])
    assert reading(store)[0] == [0, 1, 2]


def test_a_tip_of_another_archive_is_passed_over(store: MemoryStore) -> None:
    one, other = new_catalog(store), new_catalog(DistantStore(f"catalog-tests/{uuid4().hex}"))
    for n in range(3):
        add_samples(one, n)
        add_samples(other, 100 + n)
    store.put(TIP, [bytes(other.store.get(TIP))])
    assert reading(store)[0] == [0, 1, 2]


def test_a_tip_of_a_newer_format_is_refused(store: MemoryStore) -> None:
    add_samples(new_catalog(store), 1)
    store.put(TIP, [zlib.compress(sealed({"format": 2}) + b"\n")])
    with pytest.raises(FormatTooNew):
        reading(store)


def test_a_log_shorter_than_the_tip_says_is_damage(store: MemoryStore) -> None:
    catalog = new_catalog(store)
    for n in range(3):
        add_samples(catalog, n)
    store.delete([entry_key(3)])
    with pytest.raises(LogDamaged, match=rf"{entry_key(3)} is missing"):
        reading(store)


def test_a_gap_behind_the_tip_is_damage(store: MemoryStore) -> None:
    catalog = new_catalog(store)
    for n in range(2):
        add_samples(catalog, n)
    kept = bytes(store.get(TIP))
    for n in range(2):
        add_samples(catalog, n)
    store.put(TIP, [kept])
    store.delete([entry_key(3)])
    with pytest.raises(LogDamaged, match=rf"{entry_key(3)} is missing"):
        reading(store)


def test_commits_that_a_listing_missed_are_no_gap() -> None:
    class Hasty(DistantStore):
        """Looks at the folder from its beginning while others write: the first of what they wrote was passed."""

        def following(self, key: str) -> Sequence[str]:
            return [found for found in super().following(key) if found != entry_key(2)]

    store = Hasty(f"catalog-tests/{uuid4().hex}")
    writer = new_catalog(store)
    add_samples(writer, 1)
    reader = Catalog.open(store, tables=TABLES)
    add_samples(writer, 2)
    add_samples(writer, 3)
    assert reader.refresh().version == 3


def test_wherever_a_commit_fails_the_next_reader_sees_all_of_it_or_nothing(store: MemoryStore) -> None:
    for place in range(1, 40):
        for lost in (False, True):
            fresh = type(store)(f"catalog-tests/{uuid4().hex}")
            new_catalog(fresh)
            faulty = FaultyStore(fresh, answer_lost=lost, only=CHANGES)
            catalog = Catalog.open(faulty, tables=TABLES)
            add_samples(catalog, 1)
            faulty.arm(place)
            try:
                add_samples(catalog, 2)
                done = True
            except HolotypeError:
                done = False
            if len(faulty.calls) < place:
                return
            found = reading(fresh)[0]
            assert found == [1, 2] if done else found in ([1], [1, 2])
    pytest.fail("the last call was not reached")
