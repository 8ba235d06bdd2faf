"""An audit names every object that is not what was written, and finds nothing in a sound archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from holotype.catalog import Catalog, Damage, ObjectMissing, StorageDenied

from .faults import FaultyStore, with_error
from .samples import TABLES, add_samples, flip, new_catalog, reopened, truncate

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

    from holotype.catalog import ObjectStore

FIFTH = "log/00000000000000000005.json"
SIXTH = "log/00000000000000000006.json"


def remove(store: ObjectStore, key: str) -> None:
    store.delete([key])


def audited(catalog: Catalog, *, hashed: bool = True) -> list[tuple[str, str]]:
    found: list[Damage] = list(catalog.audit(hashed=hashed))
    assert all(damage.message for damage in found)
    return [(damage.what, damage.key) for damage in found]


@pytest.fixture
def catalog() -> Catalog:
    """70 commits, two checkpoints."""
    catalog = new_catalog()
    for n in range(70):
        add_samples(catalog, n)
    return catalog


def test_a_sound_archive_has_no_damage(catalog: Catalog) -> None:
    assert audited(catalog) == audited(reopened(catalog)) == audited(catalog, hashed=False) == []
    assert audited(new_catalog()) == []


@pytest.mark.parametrize("hashed", [True, False])
def test_every_damage_is_named_not_only_the_first(catalog: Catalog, hashed: bool) -> None:  # noqa: FBT001 - given by name
    first, second, third = (segment for segment in catalog.state.segments("samples")[10:13])
    flip(catalog.store, "archive.json")
    flip(catalog.store, FIFTH)
    remove(catalog.store, "log/00000000000000000009.json")
    truncate(catalog.store, "checkpoints/00000000000000000032.json")
    remove(catalog.store, first.key)
    truncate(catalog.store, second.key)
    flip(catalog.store, third.key)
    expected = [
        ("damaged", "archive.json"),
        ("damaged", FIFTH),
        ("missing", "log/00000000000000000009.json"),
        ("damaged", "checkpoints/00000000000000000032.json"),
        ("missing", first.key),
        ("damaged", second.key),
    ]
    assert audited(catalog, hashed=hashed) == expected + ([("damaged", third.key)] if hashed else [])


def test_a_damaged_segment_is_told_by_table_and_name(catalog: Catalog) -> None:
    segment = catalog.state.segments("samples")[3]
    flip(catalog.store, segment.key)
    (damage,) = catalog.audit()
    assert (damage.table, damage.segment) == ("samples", segment.name)


@pytest.mark.parametrize("damage", [flip, truncate, remove])
@pytest.mark.parametrize("version", [1, 5, 31, 32, 69])
def test_damage_anywhere_in_the_log_is_found(
    catalog: Catalog, damage: Callable[[ObjectStore, str], None], version: int
) -> None:
    key = f"log/{version:020d}.json"
    damage(catalog.store, key)
    assert [found for _, found in audited(catalog)] == [key]


def test_the_last_entry_is_missed_by_whoever_has_seen_it(catalog: Catalog) -> None:
    remove(catalog.store, "log/00000000000000000070.json")
    assert audited(catalog) == [("missing", "log/00000000000000000070.json")]


def test_an_entry_that_was_exchanged_is_found(catalog: Catalog) -> None:
    other = new_catalog()
    for n in range(70):
        add_samples(other, n)
    catalog.store.put(FIFTH, [other.store.get(FIFTH)])
    assert audited(catalog) == [("link", FIFTH), ("link", SIXTH)]
    catalog.store.put("log/00000000000000000070.json", [other.store.get("log/00000000000000000070.json")])
    last = "log/00000000000000000070.json"
    assert audited(catalog) == [("link", FIFTH), ("link", SIXTH), ("link", last), ("damaged", last)]


def test_entries_beyond_a_gap_are_seen(catalog: Catalog) -> None:
    beyond = "log/00000000000000000073.json"
    catalog.store.put(beyond, [catalog.store.get(FIFTH)])
    found = audited(catalog)
    assert [what for what, _ in found] == ["missing", "missing", "damaged"]
    assert found[-1] == ("damaged", beyond)


def test_a_header_that_went_missing_is_found(catalog: Catalog) -> None:
    remove(catalog.store, "archive.json")
    assert audited(catalog) == [("missing", "archive.json")]


def test_a_checkpoint_that_was_replaced_while_looking_is_no_damage(catalog: Catalog) -> None:
    class Replaced(FaultyStore):
        def get(self, key: str, start: int = 0, length: int | None = None) -> Buffer:
            if key.startswith("checkpoints/"):
                raise ObjectMissing(f"there is no object {key}", key=key)
            return super().get(key, start, length)

    assert audited(Catalog.open(Replaced(catalog.store), tables=TABLES)) == []


def test_what_the_storage_will_not_show_is_unreadable_not_damaged(catalog: Catalog) -> None:
    store = FaultyStore(catalog.store, error=with_error(StorageDenied))
    reader = Catalog.open(store, tables=TABLES)
    store.fail_at = len(store.calls) + 5
    found = audited(reader)
    assert [what for what, _ in found] == ["unreadable"]
