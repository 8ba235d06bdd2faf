"""What every kind of pack promises, as tests: the rules of ``lake/packs/base.py`` and the meaning of ``chunks``.

A new kind is tested by a subclass that says how to make a pack, and which chunks it can hold::

    class TestOurPack(PackContract):
        def chunks(self): ...
        def pack(self, chunks): ...
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pyarrow as pa
import pytest
from blake3 import blake3

from holotype.catalog import MemoryStore, ObjectDamaged, ObjectMissing

if TYPE_CHECKING:
    from holotype.catalog import ObjectStore

packs: Any = import_module("holotype.lake.packs")
schema: Any = import_module("holotype.lake.schema")


def ids_of(chunks: list[bytes]) -> list[bytes]:
    """What chunks are named by."""
    return [blake3(chunk).digest() for chunk in chunks]


def stored(pack: Any) -> ObjectStore:
    """A store that holds a pack."""
    store = MemoryStore(f"packs-{uuid4()}")
    for item in pack.objects:
        store.put(item.key, item.parts)
    return store


def located(*some: Any) -> pa.Table:
    """The locations of the chunks of packs, in order."""
    rows = [pack.chunks.append_column("object", pa.repeat(pack.row["object"], pack.chunks.num_rows)) for pack in some]
    return pa.concat_tables(rows)


def data_of(pack: Any) -> bytes:
    """The data object's bytes."""
    return b"".join(bytes(part) for part in pack.objects[-1].parts)


class PackContract(ABC):
    """The contract."""

    @abstractmethod
    def chunks(self) -> list[bytes]:
        """A dozen different chunks that this kind of pack can hold."""

    @abstractmethod
    def pack(self, chunks: list[bytes]) -> Any:
        """A finished pack of ``chunks``, written in the session ``s1``."""

    @pytest.fixture
    def made(self) -> Any:
        return self.pack(self.chunks())

    def test_its_rows_are_rows_of_the_tables(self, made: Any) -> None:
        schema.CHUNKS.enforce(made.chunks)
        schema.PACKS.rows([made.row])

    def test_its_rows_name_the_chunks_in_order(self, made: Any) -> None:
        assert made.chunks["chunk"].to_pylist() == ids_of(self.chunks())
        assert made.chunks["length"].to_pylist() == [len(chunk) for chunk in self.chunks()]
        assert set(made.chunks["pack"].to_pylist()) == {made.name}

    def test_its_name_is_the_hash_of_its_content(self, made: Any) -> None:
        hasher = blake3()
        for item in made.objects:
            for part in item.parts:
                hasher.update(part)
        assert made.name == made.row["pack"] == f"s1/{hasher.hexdigest()}"
        assert all(item.key.startswith(f"packs/{made.name}") for item in made.objects)

    def test_it_says_how_large_it_is(self, made: Any) -> None:
        assert made.row["bytes"] == len(data_of(made))
        assert made.row["raw"] == sum(map(len, self.chunks()))
        assert made.row["chunks"] == len(self.chunks())

    def test_the_data_object_comes_last(self, made: Any) -> None:
        assert made.objects[-1].key == made.row["object"]

    def test_every_block_lies_in_the_data_object(self, made: Any) -> None:
        for row in made.chunks.to_pylist():
            assert 0 < row["offset"] <= row["offset"] + row["stored"] <= made.row["bytes"] or row["offset"] == 0
            assert row["start"] + row["length"] <= row["block"]

    def test_equal_chunks_make_an_equal_pack(self, made: Any) -> None:
        again = self.pack(self.chunks())
        assert again.name == made.name
        assert again.chunks.equals(made.chunks)

    def test_every_chunk_is_read_back(self, made: Any) -> None:
        reader = packs.PackReader(stored(made))
        read = list(reader.read_many(located(made)))
        assert [number for number, _ in read] == list(range(len(self.chunks())))
        assert [bytes(data) for _, data in read] == self.chunks()

    def test_one_chunk_is_read_back(self, made: Any) -> None:
        reader = packs.PackReader(stored(made))
        assert [bytes(reader.read_one(row)) for row in located(made).to_pylist()] == self.chunks()

    def test_any_order_gives_the_same_bytes(self, made: Any) -> None:
        order = list(range(len(self.chunks()))) * 2
        random.Random(1).shuffle(order)
        read = packs.PackReader(stored(made)).read_many(located(made).take(pa.array(order)))
        assert [bytes(data) for _, data in read] == [self.chunks()[number] for number in order]

    def test_a_sound_pack_is_found_sound(self, made: Any) -> None:
        check = packs.PackReader(stored(made)).check_pack(made.row["object"], located(made))
        assert check.ok
        assert (check.problem, check.damaged) == (None, ())

    def test_a_changed_byte_anywhere_is_found(self, made: Any) -> None:
        whole, rows = data_of(made), located(made)
        places = {random.Random(2).randrange(len(whole)) for _ in range(60)} | {0, 4, 20, len(whole) - 1}
        for place in sorted(places):
            store = stored(made)
            store.put(made.row["object"], [whole[:place], bytes([whole[place] ^ 0x10]), whole[place + 1 :]])
            check = packs.PackReader(store).check_pack(made.row["object"], rows)
            assert check.problem is not None
            self.assert_never_wrong(store, made, expected_damage=set(check.damaged))

    def test_a_truncated_pack_is_found(self, made: Any) -> None:
        whole = data_of(made)
        for length in (0, 1, 10, len(whole) // 3, len(whole) // 2, len(whole) - 1):
            store = stored(made)
            store.put(made.row["object"], [whole[:length]])
            check = packs.PackReader(store).check_pack(made.row["object"], located(made))
            assert check.problem is not None
            self.assert_never_wrong(store, made, expected_damage=set(check.damaged))

    def test_a_pack_with_other_bytes_entirely_is_found(self, made: Any) -> None:
        store = stored(made)
        store.put(made.row["object"], [random.Random(3).randbytes(len(data_of(made)))])
        check = packs.PackReader(store).check_pack(made.row["object"], located(made))
        assert set(check.damaged) >= {chunk for chunk in ids_of(self.chunks()) if chunk != blake3().digest()}

    def test_a_missing_pack_is_missing_chunks(self, made: Any) -> None:
        store = MemoryStore(f"packs-{uuid4()}")
        check = packs.PackReader(store).check_pack(made.row["object"], located(made))
        assert set(check.damaged) == set(ids_of(self.chunks()))
        with pytest.raises(ObjectMissing):
            list(packs.PackReader(store).read_many(located(made)))

    def test_so_is_one_that_goes_while_it_is_looked_at(self, made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        store = stored(made)
        found, key = packs.PackReader(store), made.row["object"]
        size = store.size(key)
        store.delete([key])
        monkeypatch.setattr(type(store), "size", lambda self, key: size)
        check = found.check_pack(key, located(made))
        assert check.problem is not None
        assert set(check.damaged) == set(ids_of(self.chunks()))

    def test_the_error_names_pack_object_and_chunk(self, made: Any) -> None:
        store, row = stored(made), located(made).to_pylist()[-1]
        store.put(row["object"], [b"short"])
        with pytest.raises(ObjectDamaged, match=r"cannot be read from pack s1/.*repair") as caught:
            packs.PackReader(store).read_one(row)
        about = caught.value.about
        assert (about["pack"], about["object"]) == (made.name, row["object"])
        assert about["chunk"] == row["chunk"].hex()

    def assert_never_wrong(self, store: ObjectStore, made: Any, *, expected_damage: set[bytes]) -> None:
        """Whatever is read is right, and what is not is an ``ObjectDamaged``."""
        errors: dict[int, ObjectDamaged] = {}
        read = dict(packs.PackReader(store).read_many(located(made), on_damage=errors.__setitem__))
        ids = ids_of(self.chunks())
        assert {number: bytes(data) for number, data in read.items()}.items() <= dict(enumerate(self.chunks())).items()
        assert {ids[number] for number in errors} == expected_damage
        assert all(type(error) is ObjectDamaged for error in errors.values())
