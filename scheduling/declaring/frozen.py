"""Mappings of names that never change, and can be hashed and sent to another process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

__all__ = ["Frozen", "nothing"]

_V = TypeVar("_V", covariant=True)

_NOTHING: dict[str, Any] = {}


class Frozen(Mapping[str, _V]):
    """A mapping that never changes, in the order in which it was given."""

    __slots__ = ("_hash", "_items")

    def __init__(self, given: Mapping[str, _V] | None = None) -> None:
        # Another one never changes either, and of nothing one is enough.
        self._items: dict[str, _V] = given._items if isinstance(given, Frozen) else dict(given) if given else _NOTHING
        self._hash: int | None = None

    def __getitem__(self, key: str) -> _V:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(frozenset(self._items.items()))
        return self._hash

    def __reduce__(self) -> tuple[type[Frozen[_V]], tuple[dict[str, _V]]]:
        return Frozen, (self._items,)  # the hash of a text is another in another process

    def __repr__(self) -> str:
        return repr(self._items)


def nothing() -> Frozen[Any]:
    """A mapping of nothing, as a default."""
    return Frozen()
