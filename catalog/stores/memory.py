"""Objects in the memory of this process, on fsspec's ``memory://`` file system: for tests and for scratch work.

Every store opened at the same URL sees the same objects, and so does any other user of ``memory://``.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import fsspec

from ..errors import ObjectMissing
from .base import ObjectInfo, ObjectStore
from .keys import check_content, check_key, check_prefix, check_span, views

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from typing_extensions import Buffer

__all__ = ["MemoryStore"]

# fsspec keeps all of memory:// in one dictionary; looking and writing have to be one step.
_lock = threading.Lock()


class MemoryStore(ObjectStore):
    """A store below ``memory://name``."""

    shared = False
    waits = False

    def __init__(self, name: str = "") -> None:
        self._root = "/" + "/".join(part for part in name.removeprefix("memory://").split("/") if part)
        self._files: Any = fsspec.filesystem("memory")

    @property
    def url(self) -> str:
        return f"memory:/{self._root}"

    def __repr__(self) -> str:
        return f"MemoryStore({self._root[1:]!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MemoryStore) and self._root == other._root

    def __hash__(self) -> int:
        return hash((MemoryStore, self._root))

    def __reduce__(self) -> tuple[object, ...]:
        return MemoryStore, (self._root,)

    def put(self, key: str, parts: Sequence[Buffer]) -> int:
        name, data = self._name(key), b"".join(views(parts))
        with _lock:
            self._files.pipe_file(name, data)
        return len(data)

    def create(self, key: str, data: bytes) -> bool:
        check_content(key, data)
        name = self._name(key)
        with _lock:
            if self._files.isfile(name):
                return False
            self._files.pipe_file(name, bytes(data))
        return True

    def get(self, key: str, start: int = 0, length: int | None = None) -> Buffer:
        check_span(key, start, length)
        try:
            data: bytes = self._files.cat_file(self._name(key), start, None if length is None else start + length)
        except FileNotFoundError as error:
            raise self._missing(key) from error
        return data

    def size(self, key: str) -> int:
        name = self._name(key)
        with _lock:
            if not self._files.isfile(name):
                raise self._missing(key)
            return int(self._files.size(name))

    def exists(self, key: str) -> bool:
        return bool(self._files.isfile(self._name(key)))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        folder = f"{self._root.rstrip('/')}/{check_prefix(prefix)}".rstrip("/")
        with _lock:
            found: dict[str, Any] = self._files.find(folder, detail=True)
        below = len(self._root.rstrip("/")) + 1
        for name, entry in found.items():
            # Other users of memory:// may make folders, which some versions of fsspec list.
            if name != folder and entry["type"] == "file":
                yield ObjectInfo(name[below:], entry["size"], _time(entry["created"]))

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            name = self._name(key)
            with _lock:
                if self._files.isfile(name):
                    self._files.rm_file(name)

    def _name(self, key: str) -> str:
        return f"{self._root.rstrip('/')}/{check_key(key)}"

    def _missing(self, key: str) -> ObjectMissing:
        return ObjectMissing(f"there is no object {key} in {self.url}", key=key, backend=self.url)


def _time(created: float | datetime) -> datetime:
    # fsspec gives a datetime in older versions and a number in newer ones.
    return created if isinstance(created, datetime) else datetime.fromtimestamp(created, UTC)
