"""Reading packs: few reads of the storage, each block decoded once, damage told apart from failure."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa
import pytest

from holotype.catalog import LocalStore, MemoryStore, ObjectDamaged, ObjectMissing, StorageFailed

from .pack_contract import data_of, ids_of, located, stored

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Buffer

packs: Any = import_module("holotype.lake.packs")
reading: Any = import_module("holotype.lake.packs.reading")

SMALL = [random.Random(n).randbytes(500) + bytes(1500) for n in range(200)]
LARGE = [random.Random(1000 + n).randbytes(700_000) for n in range(20)]


class CountingStore(MemoryStore):
    """A store that remembers what was read of it."""

    def __init__(self) -> None:
        super().__init__(f"packs-{uuid4()}")
        self.gets: list[tuple[str, int, int | None]] = []

    def get(self, key: str, start: int = 0, length: int | None = None) -> Buffer:
        self.gets.append((key, start, length))
        return super().get(key, start, length)


class FailingStore(MemoryStore):
    """A store whose network is gone."""

    def get(self, key: str, start: int = 0, length: int | None = None) -> Buffer:
        raise StorageFailed(f"reading {key} failed", key=key)


@pytest.fixture(scope="module")
def text_pack() -> Any:
    """200 chunks of 2 KB in four compressed pages."""
    writer = packs.ParquetPackWriter("s1", compress=True)
    for at in range(0, 200, 50):
        writer.add(ids_of(SMALL[at : at + 50]), SMALL[at : at + 50])
    return writer.finish()


@pytest.fixture(scope="module")
def noise_pack() -> Any:
    """20 chunks of 700 KB, each as it is."""
    writer = packs.ParquetPackWriter("s1", compress=False)
    for chunk in LARGE:
        writer.add(ids_of([chunk]), [chunk])
    return writer.finish()


@pytest.fixture
def store(text_pack: Any, noise_pack: Any) -> CountingStore:
    store = CountingStore()
    for pack in (text_pack, noise_pack):
        for item in pack.objects:
            store.put(item.key, item.parts)
    return store


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The codecs of all blocks decoded from now on."""
    codecs: list[str] = []
    decode = packs.decode

    def counting(codec: str, stored: Buffer, block: int) -> memoryview:
        codecs.append(codec)
        result: memoryview = decode(codec, stored, block)
        return result

    monkeypatch.setattr(reading, "decode", counting)
    return codecs


def test_neighbours_share_one_read_and_one_decoding(store: CountingStore, text_pack: Any, decoded: list[str]) -> None:
    read = [bytes(data) for _, data in packs.PackReader(store).read_many(located(text_pack))]
    assert read == SMALL
    assert len(store.gets) == 1
    assert decoded == ["zstd"] * 4


def test_a_read_is_bounded(store: CountingStore, noise_pack: Any) -> None:
    read = [bytes(data) for _, data in packs.PackReader(store).read_many(located(noise_pack))]
    assert read == LARGE
    assert len(store.gets) == 2
    assert all(length is not None and length <= 8 << 20 for _, _, length in store.gets)


def test_what_lies_far_apart_is_read_apart(store: CountingStore, noise_pack: Any) -> None:
    rows = located(noise_pack).take(pa.array([0, 5, 10]))
    assert [bytes(data) for _, data in packs.PackReader(store).read_many(rows)] == [LARGE[n] for n in (0, 5, 10)]
    assert [length for _, _, length in store.gets] == [700_000] * 3


def test_one_chunk_of_a_pack_as_it_is_costs_its_own_length(store: CountingStore, noise_pack: Any) -> None:
    packs.PackReader(store).read_one(located(noise_pack).to_pylist()[7])
    assert [length for _, _, length in store.gets] == [700_000]


def test_chunks_asked_for_one_by_one_are_decoded_once(store: CountingStore, text_pack: Any, decoded: list[str]) -> None:
    reader = packs.PackReader(store)
    rows = located(text_pack).to_pylist()
    assert [bytes(reader.read_one(row)) for row in rows] == SMALL
    assert [bytes(reader.read_one(row)) for row in reversed(rows)] == SMALL[::-1]
    assert len(decoded) == len(store.gets) == 4


def test_what_is_kept_is_bounded(store: CountingStore, text_pack: Any, decoded: list[str]) -> None:
    page = located(text_pack)["block"].to_pylist()[0]
    rows = located(text_pack).to_pylist()[::50]
    for cache_bytes, expected in ((0, 12), (page, 12), (2 * page, 12), (4 * page, 4)):
        decoded.clear()
        reader = packs.PackReader(store, cache_bytes=cache_bytes)
        for _ in range(3):
            for row in rows:
                reader.read_one(row)
        assert len(decoded) == expected
        assert sum(len(block) for block in reader._cache._blocks.values()) <= cache_bytes


def test_rows_of_many_packs_mixed(store: CountingStore, text_pack: Any, noise_pack: Any) -> None:
    rows, chunks = located(text_pack, noise_pack), SMALL + LARGE
    order = list(range(len(chunks)))
    random.Random(5).shuffle(order)
    read = packs.PackReader(store).read_many(rows.take(pa.array(order)))
    assert [(number, bytes(data)) for number, data in read] == [(at, chunks[n]) for at, n in enumerate(order)]


def test_more_rows_than_are_looked_at_together(store: CountingStore, text_pack: Any) -> None:
    rows = located(text_pack).take(pa.array(list(range(200)) * 45))
    count = 0
    for number, data in packs.PackReader(store).read_many(rows):
        assert number == count
        assert data == SMALL[count % 200]
        count += 1
    assert count == 9000


def test_many_threads_share_a_reader(store: CountingStore, text_pack: Any, noise_pack: Any) -> None:
    rows, chunks = located(text_pack, noise_pack), SMALL + LARGE
    reader = packs.PackReader(store, cache_bytes=150_000)

    def read(seed: int) -> bool:
        order = list(range(len(chunks)))
        random.Random(seed).shuffle(order)
        order = order[:80]
        found = [bytes(data) for _, data in reader.read_many(rows.take(pa.array(order)))]
        return found == [chunks[number] for number in order]

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(read, range(12)))


def test_no_rows_are_no_chunks(store: CountingStore, text_pack: Any) -> None:
    assert list(packs.PackReader(store).read_many(located(text_pack).slice(0, 0))) == []
    assert store.gets == []


def test_files_on_a_local_disk(text_pack: Any, noise_pack: Any, tmp_path: Path) -> None:
    store = LocalStore(tmp_path, durable=False)
    for pack in (text_pack, noise_pack):
        for item in pack.objects:
            store.put(item.key, item.parts)
    reader = packs.PackReader(store)
    assert [bytes(data) for _, data in reader.read_many(located(text_pack, noise_pack))] == SMALL + LARGE
    assert reader.check_pack(noise_pack.row["object"], located(noise_pack)).ok


def damage(store: CountingStore, pack: Any, *numbers: int) -> None:
    """Change a byte in the blocks of some of a pack's chunks."""
    whole = bytearray(data_of(pack))
    for number in numbers:
        row = pack.chunks.slice(number, 1).to_pylist()[0]
        whole[row["offset"] + row["stored"] // 2] ^= 1
    store.put(pack.row["object"], [bytes(whole)])


def test_damage_stops_the_reading(store: CountingStore, noise_pack: Any) -> None:
    damage(store, noise_pack, 3)
    reading = packs.PackReader(store).read_many(located(noise_pack))
    assert [next(reading)[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ObjectDamaged, match="cannot be read"):
        next(reading)


def test_reading_goes_on_when_somebody_is_told_of_the_damage(store: CountingStore, noise_pack: Any) -> None:
    damage(store, noise_pack, 3, 7)
    told: dict[int, Exception] = {}
    read = dict(packs.PackReader(store).read_many(located(noise_pack), on_damage=told.__setitem__))
    assert sorted(told) == [3, 7]
    assert sorted(read) == [number for number in range(20) if number not in told]


def test_a_missing_pack_is_told_as_missing(store: CountingStore, text_pack: Any, noise_pack: Any) -> None:
    store.delete([text_pack.row["object"]])
    told: dict[int, Exception] = {}
    read = dict(packs.PackReader(store).read_many(located(text_pack, noise_pack), on_damage=told.__setitem__))
    assert len(read) == 20
    assert {type(error) for error in told.values()} == {ObjectMissing}
    with pytest.raises(ObjectMissing):
        packs.PackReader(store).read_one(located(text_pack).to_pylist()[0])


def test_damage_to_one_page_is_damage_to_its_chunks_alone(store: CountingStore, text_pack: Any) -> None:
    damage(store, text_pack, 60)
    check = packs.PackReader(store).check_pack(text_pack.row["object"], located(text_pack))
    assert set() < set(check.damaged) <= set(ids_of(SMALL[50:100]))
    assert check.problem is not None


def test_a_changed_footer_harms_no_chunk(store: CountingStore, noise_pack: Any) -> None:
    whole = data_of(noise_pack)
    store.put(noise_pack.row["object"], [whole[:-6], b"\0" * 6])
    check = packs.PackReader(store).check_pack(noise_pack.row["object"], located(noise_pack))
    assert check.problem is not None
    assert check.damaged == ()


def test_checking_reads_every_byte_once(store: CountingStore, text_pack: Any, noise_pack: Any) -> None:
    for pack in (text_pack, noise_pack):
        store.gets.clear()
        assert packs.PackReader(store).check_pack(pack.row["object"], located(pack)).ok
        assert sum(length or 0 for _, _, length in store.gets) == pack.row["bytes"]
        at = 0
        for _, start, length in store.gets:
            assert start == at
            at += length or 0


def test_a_pack_none_of_whose_chunks_are_asked_for_is_checked(store: CountingStore, noise_pack: Any) -> None:
    check = packs.PackReader(store).check_pack(noise_pack.row["object"], located(noise_pack).slice(0, 0))
    assert check.ok
    assert max(length or 0 for _, _, length in store.gets) <= 8 << 20


@pytest.mark.parametrize(
    ("column", "value"),
    [("offset", 1 << 50), ("offset", 0), ("stored", 1 << 50), ("stored", 0), ("start", 1), ("block", 5), ("length", 9)],
)
def test_a_row_that_is_wrong_is_damage(store: CountingStore, noise_pack: Any, column: str, value: int) -> None:
    row = located(noise_pack).to_pylist()[4] | {column: value}
    rows = pa.Table.from_pylist([row], schema=located(noise_pack).schema)
    with pytest.raises(ObjectDamaged):
        packs.PackReader(store).read_one(row)
    with pytest.raises(ObjectDamaged):
        list(packs.PackReader(store).read_many(rows))
    assert packs.PackReader(store).check_pack(noise_pack.row["object"], rows).damaged == (row["chunk"],)


def test_storage_that_fails_is_not_damage(noise_pack: Any) -> None:
    store = FailingStore(f"packs-{uuid4()}")
    store.put(noise_pack.row["object"], [data_of(noise_pack)])
    with pytest.raises(StorageFailed):
        packs.PackReader(store).check_pack(noise_pack.row["object"], located(noise_pack))
    with pytest.raises(StorageFailed):
        list(packs.PackReader(store).read_many(located(noise_pack), on_damage=lambda number, error: None))


def test_a_pack_is_found_by_its_key() -> None:
    assert reading.pack_of("packs/s1/abc.parquet") == reading.pack_of("packs/s1/abc/c/0/0") == "s1/abc"


def test_a_pack_under_another_name_is_a_problem(noise_pack: Any) -> None:
    store = stored(noise_pack)
    key = f"packs/s1/{'0' * 64}.parquet"
    store.put(key, [data_of(noise_pack)])
    assert packs.PackReader(store).check_pack(key, located(noise_pack)).problem is not None
