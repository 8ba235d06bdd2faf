"""What the tests of this room share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from holotype.catalog import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _forget_what_is_in_memory() -> Iterator[None]:
    """All of ``memory://`` is one dictionary, and listing looks through it: what is left slows down later tests."""
    yield
    store = MemoryStore("catalog-tests")
    store.delete([info.key for info in store.list("")])
