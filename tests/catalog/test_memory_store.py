"""The store in memory keeps the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import fsspec
import pytest

from holotype.catalog import MemoryStore

from .store_contract import StoreContract

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class TestMemoryStore(StoreContract):
    def make(self, tmp_path: Path) -> MemoryStore:
        return MemoryStore(f"contract/{tmp_path.name}")

    @pytest.fixture(autouse=True)
    def _clean(self, tmp_path: Path) -> Iterator[None]:
        yield
        store = self.make(tmp_path)
        store.delete([info.key for info in store.list("")])


def test_other_users_of_fsspec_see_the_same_objects() -> None:
    name = uuid4().hex
    MemoryStore(name).put("a/b", [b"x"])
    assert fsspec.filesystem("memory").cat(f"/{name}/a/b") == b"x"


def test_stores_of_other_names_are_apart() -> None:
    one, other = MemoryStore(uuid4().hex), MemoryStore(uuid4().hex)
    one.put("a", [b"x"])
    assert not other.exists("a")
    assert one != other


def test_the_root_of_memory_is_a_store_too() -> None:
    root = MemoryStore()
    key = uuid4().hex
    root.put(f"{key}/a", [b"x"])
    assert [info.key for info in root.list(f"{key}/")] == [f"{key}/a"]
    assert key in {info.key.partition("/")[0] for info in root.list("")}
    assert root.url == "memory://"
    root.delete([f"{key}/a"])
