"""The store of an archive with one writer, on storage that cannot create exclusively.

Creation is then three steps: look whether the object is there, put it, read it back.  That keeps one writer's archive
whole, whatever dies in the middle, and makes it likely that a second one is noticed.  But of two writers who look at
the same moment the later one replaces what the earlier one was told is committed: only one may write at a time.
"""

from __future__ import annotations

import inspect
import warnings
from typing import TYPE_CHECKING

from ..errors import SingleWriterWarning
from .base import ObjectInfo, ObjectStore
from .keys import check_content

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from typing_extensions import Buffer

__all__ = ["SingleWriterStore", "warn_of_one_writer"]


class SingleWriterStore(ObjectStore):
    """``inner``, with a creation that is right as long as nobody else creates."""

    def __init__(self, inner: ObjectStore) -> None:
        self._inner = inner
        self.shared, self.waits, self.distant = inner.shared, inner.waits, inner.distant

    @property
    def url(self) -> str:
        return self._inner.url

    def __repr__(self) -> str:
        return f"SingleWriterStore({self._inner!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SingleWriterStore) and self._inner == other._inner

    def __hash__(self) -> int:
        return hash((SingleWriterStore, self._inner))

    def put(self, key: str, parts: Sequence[Buffer]) -> int:
        return self._inner.put(key, parts)

    def create(self, key: str, data: bytes) -> bool:
        check_content(key, data)
        if self._inner.exists(key):
            return False
        self._inner.put(key, [data])
        return bytes(self._inner.get(key)) == data

    def get(self, key: str, start: int = 0, length: int | None = None) -> Buffer:
        return self._inner.get(key, start, length)

    def size(self, key: str) -> int:
        return self._inner.size(key)

    def exists(self, key: str) -> bool:
        return self._inner.exists(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        return self._inner.list(prefix)

    def following(self, key: str) -> Sequence[str] | None:
        return self._inner.following(key)

    def delete(self, keys: Iterable[str]) -> None:
        self._inner.delete(keys)

    def leftovers(self) -> Iterator[ObjectInfo]:
        return self._inner.leftovers()

    def path(self, key: str) -> Path | None:
        return self._inner.path(key)


def warn_of_one_writer(url: str) -> None:
    """Say, once for each place in the caller's code, that only one may write to the archive at ``url``."""
    warnings.warn(
        f"{url} cannot create objects exclusively, so the archive there has one writer: let no two processes write to "
        "it at a time, for the later one could replace a commit of the earlier one, and only an audit would find out. "
        "Any number may read. For many writers create the archive on a local disk, S3, Google Cloud Storage, Azure, or "
        "an SFTP server that knows hard links",
        SingleWriterWarning,
        stacklevel=_callers_level(),
    )


def _callers_level() -> int:
    """The stack level of the first frame outside holotype, for a warning given where this is called."""
    level, frame = 0, inspect.currentframe()
    while frame is not None and str(frame.f_globals.get("__name__")).startswith("holotype."):
        level, frame = level + 1, frame.f_back
    return level
