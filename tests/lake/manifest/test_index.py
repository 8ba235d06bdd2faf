"""The chunk index: what is stored is never stored again, and what is not stored is never taken for stored."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.catalog import Catalog, ObjectDamaged, StorageFull
from holotype.lake.records import index
from holotype.lake.records.index import Known, locate
from holotype.lake.schema import CHUNKS, PACKS

from ...catalog.faults import FaultyStore
from ...effort import share
from .trees import new_catalog

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


def chunk(number: int, *, beginning: int | None = None) -> bytes:
    """The id of a chunk; chunks with the same ``beginning`` have their first eight bytes in common."""
    own = blake2b(b"%d" % number, digest_size=32).digest()
    return own if beginning is None else beginning.to_bytes(8, "big") + own[8:]


def chunks(numbers: Iterable[int]) -> list[bytes]:
    return [chunk(number) for number in numbers]


def chunk_rows(ids: Sequence[bytes], pack: str) -> pa.Table:
    return CHUNKS.rows(
        [
            {"chunk": each, "pack": pack, "offset": i, "stored": 1, "codec": "raw", "block": 1, "start": 0, "length": 1}
            for i, each in enumerate(ids)
        ]
    )


def pack_row(pack: str) -> dict[str, Any]:
    return {
        "pack": pack,
        "kind": "parquet",
        "session": "s",
        "object": f"packs/{pack}",
        "bytes": 9,
        "raw": 9,
        "chunks": 9,
    }


def stored(*packs: tuple[str, Sequence[bytes]], condemned: Iterable[str] = ()) -> Catalog:
    """A catalog with packs, a segment of ``chunks`` each; those ``condemned`` are no longer in ``packs``."""
    _, catalog = new_catalog()
    for name, ids in packs:
        add = [catalog.write("chunks", chunk_rows(ids, name))]
        if name not in condemned:
            add.append(catalog.write("packs", PACKS.rows([pack_row(name)])))
        catalog.commit(add=add, operation="test")
    return catalog


def test_every_chunk_is_to_be_stored_once() -> None:
    known = Known(stored(("s/one", chunks(range(100))), ("s/two", chunks(range(100, 150)))))
    assert known.relied == frozenset()
    assert known.claim(chunks([5, 200, 100, 200, 201])) == [False, True, False, False, True]
    assert known.relied == {"s/one", "s/two"}
    assert known.claim(chunks([201, 202, 5])) == [False, True, False]
    assert known.claim([]) == []


def test_only_packs_that_were_met_are_relied_on() -> None:
    known = Known(stored(("s/one", chunks(range(100))), ("s/two", chunks(range(100, 150)))))
    assert known.claim(chunks([7, 300])) == [False, True]
    assert known.relied == {"s/one"}


def test_a_chunk_of_a_condemned_pack_is_not_stored() -> None:
    catalog = stored(("s/gone", chunks(range(10))), ("s/here", chunks(range(5, 15))), condemned=["s/gone"])
    known = Known(catalog)
    assert known.claim(chunks([1, 7, 12])) == [True, False, False]
    assert known.relied == {"s/here"}
    assert locate(catalog, chunks([1, 7, 12]))["pack"].to_pylist() == ["s/here", "s/here"]


def test_ids_that_begin_alike_are_told_apart() -> None:
    alike = [chunk(number, beginning=2**63) for number in range(20)]
    catalog = stored(("s/one", alike[:5]), ("s/two", alike[5:10]), ("s/three", chunks(range(50))))
    known = Known(catalog)
    assert known.claim(alike) == [False] * 10 + [True] * 10
    assert known.claim(alike) == [False] * 20
    found = locate(catalog, alike)
    assert found["chunk"].to_pylist() == sorted(alike[:10])
    alone = locate(catalog, [alike[7]])
    assert alone["chunk"].to_pylist() == [alike[7]]


def test_the_first_backup_reads_nothing() -> None:
    store, catalog = new_catalog()
    store.forget()
    known = Known(catalog)
    assert all(known.claim(chunks(range(10_000))))
    assert not any(known.claim(chunks(range(10_000))))
    assert store.read == []


def test_nothing_is_read_before_the_first_question() -> None:
    catalog = stored(("s/one", chunks(range(10))))
    store: Any = catalog.store
    store.forget()
    Known(catalog)
    assert store.read == []


def test_only_segments_that_may_have_an_id_are_read() -> None:
    ids = sorted(chunks(range(400)))
    catalog = stored(*((f"s/{n}", ids[100 * n : 100 * n + 100]) for n in range(4)))
    store = FaultyStore(catalog.store)
    catalog = Catalog.open(store, tables=(CHUNKS, PACKS))

    def read() -> int:
        found = sum(call.startswith("get tables/chunks/") for call in store.calls)
        store.calls.clear()
        return found

    known = Known(catalog)
    assert known.claim([ids[150], ids[170]]) == [False, False]
    assert read() == 1
    assert known.claim([ids[150], ids[350]]) == [False, False]
    assert read() == 1
    assert known.relied == {"s/1", "s/3"}
    assert known.branch().claim(ids) == [False] * 400
    catalog = Catalog.open(store, tables=(CHUNKS, PACKS))
    store.calls.clear()
    assert locate(catalog, [ids[10], ids[20]])["pack"].to_pylist() == ["s/0", "s/0"]
    assert read() == 1


def test_what_a_later_commit_adds_is_not_known_at_an_earlier_state() -> None:
    catalog = stored(("s/one", chunks(range(10))))
    then = catalog.state
    catalog.commit(
        add=[
            catalog.write("chunks", chunk_rows(chunks([77]), "s/later")),
            catalog.write("packs", PACKS.rows([pack_row("s/later")])),
        ],
        operation="test",
    )
    assert Known(catalog, state=then).claim([chunk(77)]) == [True]
    assert Known(catalog).claim([chunk(77)]) == [False]
    assert locate(catalog, [chunk(77)], state=then).num_rows == 0
    assert locate(catalog, [chunk(77)]).num_rows == 1


@settings(max_examples=share(40), deadline=None)
@given(st.lists(st.lists(st.integers(0, 120), max_size=30), max_size=12), st.sampled_from([0, 10**6]))
def test_claims_are_what_a_set_would_say(questions: list[list[int]], in_memory: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        # Small enough that sets become arrays, arrays are merged, and merged ones leave memory.
        patch.setattr(index, "_FRESH", 4)
        patch.setattr(index, "_SEALED", 16)
        patch.setattr(index, "_EXACT", in_memory)
        known = Known(stored(("s/one", chunks(range(0, 120, 7))), ("s/two", chunks(range(0, 120, 5)))))
        model = {*range(0, 120, 7), *range(0, 120, 5)}
        for question in questions:
            expected = []
            for number in question:
                expected.append(number not in model)
                model.add(number)
            assert known.claim(chunks(question)) == expected


def test_whole_ids_beyond_the_limit_are_kept_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_SEALED", 64)
    monkeypatch.setattr(index, "_EXACT", 100)
    known = Known(stored(("s/one", chunks(range(1000)))), spill=str(tmp_path))
    assert not any(known.claim(chunks(range(1000))))
    assert known.relied == {"s/one"}
    assert all(known.claim(chunks(range(1000, 5500))))
    assert not any(known.claim(chunks(range(5500))))
    assert list(tmp_path.iterdir()) == []  # the file has no name, so nothing is left behind


def test_no_room_for_the_file_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_SEALED", 64)
    monkeypatch.setattr(index, "_EXACT", 0)
    known = Known(stored(("s/one", chunks(range(1000)))), spill=str(tmp_path / "gone"))
    with pytest.raises(StorageFull, match="TMPDIR"):
        known.claim(chunks([1]))


def test_an_index_that_could_not_be_read_is_read_again() -> None:
    catalog = stored(("s/one", chunks(range(10))), ("s/two", chunks(range(10, 20))))
    store: Any = catalog.store
    key = catalog.state.segments("chunks")[1].key
    whole = bytes(store.get(key))
    store.put(key, [whole[:-1]])
    known = Known(catalog)
    for _ in range(2):
        with pytest.raises(ObjectDamaged):
            known.claim(chunks([1, 11]))
    store.put(key, [whole])
    assert known.claim(chunks([1, 11, 21])) == [False, False, True]


def test_threads_may_ask_at_once_and_one_is_told_to_store() -> None:
    known = Known(stored(("s/one", chunks(range(500)))))
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: known.claim(chunks(range(2000))), range(8)))
    assert [sum(column) for column in zip(*answers, strict=True)] == [0] * 500 + [1] * 1500


def test_locating_gives_each_stored_chunk_once_and_its_pack() -> None:
    catalog = stored(("s/one", chunks(range(100))), ("s/two", chunks(range(100, 150))))
    wanted = chunks([3, 120, 3, 999])
    found = locate(catalog, wanted)
    assert found["chunk"].to_pylist() == sorted(chunks([3, 120]))
    assert dict(zip(found["chunk"].to_pylist(), found["object"].to_pylist(), strict=True)) == {
        chunk(3): "packs/s/one",
        chunk(120): "packs/s/two",
    }
    for ids in (
        set(wanted),
        pa.array(wanted, pa.binary(32)),
        pa.chunked_array([wanted[:1], wanted[1:]], pa.binary(32)),
    ):
        assert locate(catalog, ids).equals(found)
    assert locate(catalog, []).schema.equals(found.schema)
    assert locate(catalog, chunks([999])).num_rows == 0
    assert locate(new_catalog()[1], wanted).num_rows == 0


def test_of_a_chunk_that_is_stored_twice_the_same_place_is_always_taken() -> None:
    ids = chunks(range(50))
    for names in (("s/a", "s/b"), ("s/b", "s/a")):
        catalog = stored((names[0], ids), (names[1], ids[::2]))
        found = locate(catalog, ids)
        assert found["chunk"].to_pylist() == sorted(ids)
        expected = ["s/a" if names[0] == "s/a" or each in ids[::2] else "s/b" for each in sorted(ids)]
        assert found["pack"].to_pylist() == expected


def test_few_chunks_in_many_segments_are_found_as_well() -> None:
    packs = [(f"s/{i}", chunks(range(10 * i, 10 * i + 10))) for i in range(20)]
    catalog = stored(*packs)
    assert locate(catalog, chunks([55]))["pack"].to_pylist() == ["s/5"]
    assert locate(catalog, chunks(range(200))).num_rows == 200
