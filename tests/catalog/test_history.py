"""Opening an archive: cheap at any age, along the chain, and never on top of damage."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from holotype.catalog import Catalog, Entry, FormatTooNew, LogDamaged, StorageFailed

from .faults import FaultyStore
from .samples import TABLES, add_samples, flip, fresh_store, keys, masses, new_catalog, reopened, sealed, truncate

if TYPE_CHECKING:
    from collections.abc import Callable

    from holotype.catalog import ObjectStore


def entry_key(version: int) -> str:
    return f"log/{version:020d}.json"


def checkpoint_key(version: int) -> str:
    return f"checkpoints/{version:020d}.json"


@cache
def hundred() -> dict[str, bytes]:
    """The objects of an archive of 100 commits."""
    catalog = new_catalog()
    for n in range(100):
        add_samples(catalog, n)
    return {key: bytes(catalog.store.get(key)) for key in keys(catalog.store)}


@pytest.fixture
def old() -> Catalog:
    """An archive of 100 commits."""
    store = fresh_store()
    for key, data in hundred().items():
        store.put(key, [data])
    return Catalog.open(store, tables=TABLES, compact_above=None)


def test_a_new_archive_is_at_version_zero() -> None:
    catalog = new_catalog()
    assert catalog.state.version == 0
    assert catalog.state.head == catalog.header.hash
    assert reopened(catalog).state == catalog.state
    assert keys(catalog.store) == ["archive.json"]


def test_what_is_opened_again_is_what_was_committed(old: Catalog) -> None:
    again = reopened(old)
    assert again.state == old.state
    assert masses(again) == list(range(100))


def test_opening_an_old_archive_takes_few_requests(old: Catalog) -> None:
    store = FaultyStore(old.store)
    assert Catalog.open(store, tables=TABLES).state == old.state
    # The header, a list of checkpoints, the newest and its entry, the four entries since, and two looks for more.
    assert len(store.calls) == 1 + 1 + 2 + 4 + 2
    assert store.calls[2:4] == [f"get {checkpoint_key(96)}", f"get {entry_key(96)}"]


def test_old_checkpoints_go(old: Catalog) -> None:
    assert keys(old.store, "checkpoints/") == [checkpoint_key(32), checkpoint_key(64), checkpoint_key(96)]
    for n in range(100, 130):
        add_samples(old, n)
    assert keys(old.store, "checkpoints/") == [checkpoint_key(64), checkpoint_key(96), checkpoint_key(128)]


@pytest.mark.parametrize("damage", [flip, truncate, lambda store, key: store.delete([key])])
@pytest.mark.parametrize("damaged", [[96], [96, 64], [32, 64, 96]])
def test_a_damaged_checkpoint_is_passed_over(
    old: Catalog, damage: Callable[[ObjectStore, str], None], damaged: list[int]
) -> None:
    for version in damaged:
        damage(old.store, checkpoint_key(version))
    assert reopened(old).state == old.state


def test_a_checkpoint_under_another_name_or_of_another_log_is_passed_over(old: Catalog) -> None:
    store = old.store
    store.put(checkpoint_key(97), [store.get(checkpoint_key(64))])
    assert reopened(old).state == old.state
    other = new_catalog()
    for n in range(96):
        add_samples(other, n)
    store.put(checkpoint_key(96), [other.store.get(checkpoint_key(96))])
    assert reopened(old).state == old.state


def test_a_checkpoint_that_makes_no_sense_is_passed_over(old: Catalog) -> None:
    for fields in ({"tables": 1}, {"version": 96, "head": "", "tables": {"samples": [["x", "y", 1, 2]]}}):
        old.store.put(checkpoint_key(96), [sealed({"format": 1, **fields})])
        assert reopened(old).state == old.state


def test_a_checkpoint_of_a_newer_format_is_refused(old: Catalog) -> None:
    old.store.put(checkpoint_key(100), [sealed({"format": 2})])
    with pytest.raises(FormatTooNew):
        reopened(old)


def test_a_checkpoint_that_cannot_be_written_fails_no_commit() -> None:
    inner = fresh_store()
    catalog = new_catalog(inner)
    for n in range(31):
        add_samples(catalog, n)
    store = FaultyStore(inner)
    catalog = Catalog.open(store, tables=TABLES)
    segment = catalog.write("samples", catalog.read("samples"))
    store.fail_at = len(store.calls) + 2
    catalog.commit(add=[segment], operation="test")
    assert store.calls[-1].startswith("put checkpoints/")
    assert keys(inner, "checkpoints/") == []
    assert reopened(catalog).state.version == 32


@pytest.mark.parametrize("version", [97, 99, 100])
@pytest.mark.parametrize("damage", [flip, truncate])
def test_a_damaged_entry_is_named(old: Catalog, damage: Callable[[ObjectStore, str], None], version: int) -> None:
    damage(old.store, entry_key(version))
    with pytest.raises(LogDamaged, match=entry_key(version)) as caught:
        reopened(old)
    assert caught.value.key == entry_key(version)


@pytest.mark.parametrize("version", [96, 97, 99])
def test_a_missing_entry_is_named_and_never_filled(old: Catalog, version: int) -> None:
    old.store.delete([entry_key(version)])
    with pytest.raises(LogDamaged, match=f"{entry_key(version)} is missing"):
        reopened(old)


def test_an_entry_of_another_archive_does_not_fit_the_chain() -> None:
    one, other = new_catalog(), new_catalog()
    for catalog in (one, other):
        for n in range(3):
            add_samples(catalog, n)
    one.store.put(entry_key(2), [other.store.get(entry_key(2))])
    with pytest.raises(LogDamaged, match=r"log/0+2\.json does not follow"):
        reopened(one)


def test_a_header_that_was_exchanged_does_not_fit_the_chain() -> None:
    one, other = new_catalog(), new_catalog()
    add_samples(one, 1)
    one.store.put("archive.json", [other.store.get("archive.json")])
    with pytest.raises(LogDamaged, match=r"log/0+1\.json does not follow"):
        reopened(one)


def test_an_entry_of_a_newer_format_is_refused(old: Catalog) -> None:
    old.store.put(entry_key(101), [sealed({"format": 7})])
    with pytest.raises(FormatTooNew, match="format 7"):
        reopened(old)
    with pytest.raises(FormatTooNew, match="format 7"):
        old.refresh()


def test_an_entry_that_removes_what_is_not_there_is_damage() -> None:
    catalog = new_catalog()
    add_samples(catalog, 1)
    entry = next(catalog.entries())
    base = replace(entry, version=2, parent=entry.hash)
    for bad in (replace(base, add={}, remove={"samples": ("000000000000-" + "ab" * 10,)}), base):
        catalog.store.put(bad.key, [bad.encode()])
        with pytest.raises(LogDamaged, match="removes or adds segments of samples that it cannot"):
            reopened(catalog)


def test_commits_that_come_while_looking_are_no_gap() -> None:
    inner = fresh_store()
    writer = new_catalog(inner)

    class Late(FaultyStore):
        def exists(self, key: str) -> bool:
            if writer.state.version < 3:
                add_samples(writer, 1)
                add_samples(writer, 2)
                add_samples(writer, 3)
            return super().exists(key)

    reader = Catalog.open(Late(inner), tables=TABLES)
    assert reader.state.version == 3


def test_the_history_can_be_read(old: Catalog) -> None:
    entries = list(old.entries())
    assert [entry.version for entry in entries] == list(range(1, 101))
    assert [entry.version for entry in old.entries(after=98)] == [99, 100]
    assert entries[0].parent == old.header.hash
    assert all(later.parent == earlier.hash for earlier, later in pairwise(entries))
    assert isinstance(entries[0], Entry)


def test_a_store_that_cannot_be_reached_is_no_empty_archive(old: Catalog) -> None:
    store = FaultyStore(old.store)
    Catalog.open(store, tables=TABLES)
    for n in range(1, len(store.calls) + 1):
        with pytest.raises(StorageFailed):
            Catalog.open(FaultyStore(old.store, fail_at=n), tables=TABLES)


def test_a_checkpoint_is_json_that_other_programs_read(old: Catalog) -> None:
    fields = json.loads(bytes(old.store.get(checkpoint_key(96))))
    assert fields["version"] == 96
    assert len(fields["tables"]["samples"]) == 96
