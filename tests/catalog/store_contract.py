"""What every object store promises, as tests: the rules of ``catalog/stores/base.py`` in the same order.

A new backend is tested by a subclass that says how to make a store and how to open the same one again::

    class TestOurStore(StoreContract):
        def make(self, tmp_path): ...

A store that cannot create exclusively says so (``exclusive = False``): what a single writer needs holds all the same.
"""

from __future__ import annotations

import pickle
import threading
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from holotype.catalog import InvalidName, InvalidOption, ObjectMissing

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Buffer

    from holotype.catalog import ObjectStore

NOT_KEYS = [
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    "..",
    "../a",
    "a/../b",
    "a/..",
    ".",
    "./a",
    "a/./b",
    "a\\b",
    "C:/a",
    "a b",
    "ä",
    "a\n",
    "a~b",
    "a\0",
    "a.",
    "x" * 201,
]


class StoreContract(ABC):
    """The suite; pytest collects its subclasses."""

    rounds = 200
    """How often threads race for a creation; a store for which that takes long may do with fewer."""
    exclusive = True
    """Whether of several creations at once exactly one succeeds; otherwise, of several in turn."""
    replaces = True
    """Whether a put replaces in one step; otherwise there may be no object for a moment."""

    @abstractmethod
    def make(self, tmp_path: Path) -> ObjectStore:
        """An empty store; called again with the same folder, another opening of the same store."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        return self.make(tmp_path)

    # -- objects

    def test_what_was_put_is_read_back(self, store: ObjectStore) -> None:
        assert store.put("packs/s-1/a.parquet", [b"one ", bytearray(b"two "), memoryview(b"three")]) == 13
        assert bytes(store.get("packs/s-1/a.parquet")) == b"one two three"
        assert store.size("packs/s-1/a.parquet") == 13
        assert store.exists("packs/s-1/a.parquet")

    def test_parts_may_be_many_empty_and_of_wider_items(self, store: ObjectStore) -> None:
        wide: Buffer = memoryview(b"\1\0\2\0").cast("H")
        parts: list[Buffer] = [b"", wide, *[bytes([i % 256]) for i in range(5000)], b""]
        assert store.put("many", parts) == 5004
        assert bytes(store.get("many")) == b"\1\0\2\0" + bytes(i % 256 for i in range(5000))

    @pytest.mark.parametrize("parts", [[], [b""], [b"", b""]])
    def test_an_object_may_be_empty(self, store: ObjectStore, parts: list[bytes]) -> None:
        assert store.put("empty", parts) == 0
        assert bytes(store.get("empty")) == b""
        assert store.size("empty") == 0
        assert store.exists("empty")

    def test_putting_again_replaces(self, store: ObjectStore) -> None:
        store.put("a", [b"a longer one"])
        store.put("a", [b"short"])
        assert bytes(store.get("a")) == b"short"

    @pytest.mark.parametrize(
        ("start", "length", "expected"),
        [
            (0, None, b"0123456789"),
            (3, None, b"3456789"),
            (3, 4, b"3456"),
            (0, 0, b""),
            (8, 100, b"89"),
            (10, None, b""),
            (100, 5, b""),
        ],
    )
    def test_a_part_is_read(self, store: ObjectStore, start: int, length: int | None, expected: bytes) -> None:
        store.put("digits", [b"0123456789"])
        assert bytes(store.get("digits", start, length)) == expected

    @pytest.mark.parametrize(("start", "length"), [(-1, None), (0, -1)])
    def test_a_part_before_the_beginning_is_refused(self, store: ObjectStore, start: int, length: int | None) -> None:
        store.put("digits", [b"0123456789"])
        with pytest.raises(InvalidOption):
            store.get("digits", start, length)

    def test_deleting_takes_away_what_is_there_and_minds_nothing_else(self, store: ObjectStore) -> None:
        store.put("x/a", [b"1"])
        store.put("x/b", [b"2"])
        store.delete(["x/a", "x/never", "nowhere/at/all"])
        assert not store.exists("x/a")
        assert store.exists("x/b")
        store.delete(iter(["x/b"]))
        assert list(store.list("")) == []

    def test_a_deleted_object_can_be_put_and_created_again(self, store: ObjectStore) -> None:
        store.put("x/y/a", [b"1"])
        store.delete(["x/y/a"])
        store.put("x/y/a", [b"2"])
        assert bytes(store.get("x/y/a")) == b"2"
        store.delete(["x/y/a"])
        assert store.create("x/y/a", b"3")
        assert bytes(store.get("x/y/a")) == b"3"

    def test_listing_tells_keys_sizes_and_times(self, store: ObjectStore) -> None:
        before = datetime.now(UTC) - timedelta(minutes=1)
        store.put("log/1.json", [b"x"])
        store.put("log/2.json", [b"xx"])
        store.put("logbook", [b"xxx"])
        store.put("tables/log/3.parquet", [b"xxxx"])
        assert {(info.key, info.size) for info in store.list("log/")} == {("log/1.json", 1), ("log/2.json", 2)}
        assert {info.key for info in store.list("tables/")} == {"tables/log/3.parquet"}
        assert {info.key for info in store.list("")} == {"log/1.json", "log/2.json", "logbook", "tables/log/3.parquet"}
        assert list(store.list("nothing/")) == []
        assert all(before < info.modified < before + timedelta(minutes=2) for info in store.list(""))

    @pytest.mark.parametrize("prefix", ["log", "/", "../", "a//"])
    def test_only_folders_are_listed(self, store: ObjectStore, prefix: str) -> None:
        with pytest.raises(InvalidName):
            list(store.list(prefix))

    # -- 1. an object is whole or absent

    def test_what_follows_a_key_is_told_in_order_or_not_at_all(self, store: ObjectStore) -> None:
        assert not store.following("log/1")
        for key in ("log/3", "log/1", "logs/9", "log/2", "log/4", "a"):
            store.put(key, [b"x"])
        assert store.following("log/2") in (None, ["log/3", "log/4"])
        assert not store.following("log/4")

    def test_a_reader_never_sees_half_of_an_object(self, store: ObjectStore) -> None:
        whole = [bytes([n]) * 200_000 for n in range(2)]
        store.put("a", [whole[0]])
        done = threading.Event()

        def write() -> None:
            for n in range(40):
                data = whole[n % 2]
                store.put("a", [data[:100_000], data[100_000:]])
            done.set()

        with ThreadPoolExecutor(2) as pool:
            writer = pool.submit(write)
            while not done.is_set() and not writer.done():
                try:
                    assert bytes(store.get("a")) in whole
                except ObjectMissing:
                    assert not self.replaces
                assert [info.size for info in store.list("")] in ([200_000], *([] if self.replaces else [[]]))
            writer.result()

    # -- 3. create is exclusive

    def test_only_the_first_creation_counts(self, store: ObjectStore) -> None:
        assert store.create("log/1", b"mine") is True
        assert store.create("log/1", b"yours") is False
        assert bytes(store.get("log/1")) == b"mine"

    def test_what_was_put_is_not_created_over(self, store: ObjectStore) -> None:
        store.put("log/1", [b"there"])
        assert store.create("log/1", b"mine") is False
        assert bytes(store.get("log/1")) == b"there"

    def test_nothing_empty_is_created(self, store: ObjectStore) -> None:
        with pytest.raises(InvalidOption):
            store.create("log/1", b"")
        assert not store.exists("log/1")

    def test_of_many_threads_exactly_one_creates(self, store: ObjectStore) -> None:
        rounds, threads = self.rounds, 8
        barrier = threading.Barrier(threads, timeout=30)  # when one fails, the others do not wait for ever
        # Who cannot create exclusively has to take turns.
        turn = nullcontext() if self.exclusive else threading.Lock()

        def race(me: int) -> list[bool]:
            won: list[bool] = []
            for n in range(rounds):
                barrier.wait()
                with turn:
                    won.append(store.create(f"race/{n}", b"thread %d" % me))
            return won

        with ThreadPoolExecutor(threads) as pool:
            results = list(pool.map(race, range(threads)))
        for n in range(rounds):
            winners = [me for me in range(threads) if results[me][n]]
            assert len(winners) == 1
            assert bytes(store.get(f"race/{n}")) == b"thread %d" % winners[0]

    # -- 4. "not there" and "could not look" are different; 5. errors are holotype's own

    def test_what_is_not_there_is_missing(self, store: ObjectStore) -> None:
        store.put("folder/object", [b"x"])
        for key in ("never", "folder", "folder/never", "folder/object/below"):
            assert store.exists(key) is False
            with pytest.raises(ObjectMissing) as caught:
                store.get(key)
            assert caught.value.key == key
            assert caught.value.backend == store.url
            with pytest.raises(ObjectMissing):
                store.size(key)

    @pytest.mark.parametrize("key", NOT_KEYS)
    def test_nothing_outside_the_store_can_be_named(self, store: ObjectStore, key: str) -> None:
        for use in (store.get, store.size, store.exists):
            with pytest.raises(InvalidName):
                use(key)
        with pytest.raises(InvalidName):
            store.put(key, [b"x"])
        with pytest.raises(InvalidName):
            store.create(key, b"x")
        if "~" not in key:  # what an interrupted write left behind may be deleted
            with pytest.raises(InvalidName):
                store.delete([key])
        assert list(store.list("")) == []

    # -- 6. safe to share, and picklable

    def test_another_opening_sees_the_same_objects(self, store: ObjectStore, tmp_path: Path) -> None:
        store.put("a/b", [b"x"])
        other = self.make(tmp_path)
        assert other == store
        assert hash(other) == hash(store)
        assert other.url == store.url
        assert bytes(other.get("a/b")) == b"x"

    def test_a_store_travels_to_another_process(self, store: ObjectStore) -> None:
        store.put("a", [b"x"])
        travelled = pickle.loads(pickle.dumps(store))
        assert travelled == store
        assert bytes(travelled.get("a")) == b"x"
        assert travelled.create("b", b"y")
        assert bytes(store.get("b")) == b"y"

    def test_a_store_can_be_shared_between_threads(self, store: ObjectStore) -> None:
        def work(me: int) -> None:
            for n in range(20):
                key = f"threads/{me}/{n}"
                store.put(key, [b"%d %d" % (me, n)])
                assert bytes(store.get(key)) == b"%d %d" % (me, n)
                if n % 2:
                    store.delete([key])

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        assert len(list(store.list("threads/"))) == 40

    def test_a_store_says_where_it_is(self, store: ObjectStore) -> None:
        assert "://" in store.url
        assert repr(store)
        assert store != object()

    def test_a_local_path_holds_the_object(self, store: ObjectStore) -> None:
        store.put("a/b", [b"x"])
        path = store.path("a/b")
        assert path is None or path.read_bytes() == b"x"

    def test_nothing_is_left_over_when_nothing_went_wrong(self, store: ObjectStore) -> None:
        store.put("a/b", [b"x"])
        store.create("a/c", b"x")
        store.create("a/c", b"y")
        assert list(store.leftovers()) == []
