"""An archive whose storage tells what was read of it."""

from __future__ import annotations

import os
from itertools import count
from typing import TYPE_CHECKING, Any

import fsspec

from holotype import lake
from holotype.catalog import Catalog, ObjectStore, StorageFailed, open_store
from holotype.lake.context import Context
from holotype.lake.manifest import Manifest
from holotype.lake.records.index import locate
from holotype.lake.records.snapshots import resolve
from holotype.lake.schema import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from typing_extensions import Buffer

    from holotype.catalog import ObjectInfo
    from holotype.lake import Archive

SMALL = {"min": 512, "average": 1024, "max": 4096}
"""Chunk limits with which a file of some kilobytes has many chunks."""

_unique = count()


def new_url() -> str:
    """Where no archive is yet, in memory."""
    return f"memory://reading-{os.getpid()}-{next(_unique)}"


def new_archive(url: str | None = None, *, chunking: Mapping[str, int] | None = SMALL) -> Archive:
    """An empty archive, by default in memory."""
    return lake.create(url or new_url(), name="Rivera lab", chunking=chunking)


def make(folder: Path, files: Mapping[str, bytes]) -> Path:
    """A folder with these files."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


class WatchedStore(ObjectStore):
    """A store that only reads, and notes what.

    ``reads`` has key, start and length of each.  ``broken``: fail instead.
    """

    def __init__(self, inner: ObjectStore) -> None:
        self.inner = inner
        self.reads: list[tuple[str, int, int]] = []
        self.broken = False

    @property
    def url(self) -> str:
        return self.inner.url

    def get(self, key: str, start: int = 0, length: int | None = None) -> Buffer:
        if self.broken:
            raise StorageFailed(f"{key}: the line is dead", key=key)
        data = self.inner.get(key, start, length)
        self.reads.append((key, start, memoryview(data).nbytes))
        return data

    def bytes_of(self, folder: str) -> int:
        """How many bytes were read of the objects in a folder."""
        return sum(length for key, _, length in self.reads if key.startswith(folder))

    def keys_of(self, folder: str) -> set[str]:
        """Which objects in a folder were read."""
        return {key for key, _, _ in self.reads if key.startswith(folder)}

    def size(self, key: str) -> int:
        return self.inner.size(key)

    def exists(self, key: str) -> bool:
        return self.inner.exists(key)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        return self.inner.list(prefix)

    def put(self, key: str, parts: Sequence[Buffer]) -> int:
        raise AssertionError(f"reading wrote {key}")

    def create(self, key: str, data: bytes) -> bool:
        raise AssertionError(f"reading created {key}")

    def delete(self, keys: Iterable[str]) -> None:
        raise AssertionError("reading deleted something")


def read(url: str, **options: Any) -> bytes:
    """All bytes of the file that an fsspec URL names."""
    opened: Any = fsspec.open(url, **options)
    with opened as file:
        return bytes(file.read())


def watch_store(inner: ObjectStore) -> tuple[Context, WatchedStore]:
    """The archive in a store, opened again through one that watches it."""
    store = WatchedStore(inner)
    return Context(store, Catalog.open(store, tables=TABLES, read_only=True), "reader@lab"), store


def watch(archive: Archive) -> tuple[Context, WatchedStore]:
    """The archive, opened again through a store that is watched."""
    return watch_store(open_store(archive.url))


def chunks_of(context: Context, reference: str, path: str) -> list[dict[str, Any]]:
    """The chunks of a file in order: where each begins in it, its length, and where it is stored."""
    row = Manifest.load(context.catalog, resolve(context, reference).id).find(path)
    assert row is not None
    places = {place["chunk"]: place for place in locate(context.catalog, row["chunks"]).to_pylist()}
    found, at = [], 0
    for chunk in row["chunks"]:
        found.append({**places[chunk], "at": at})
        at += places[chunk]["length"]
    return found


def stored_between(chunks: Sequence[dict[str, Any]], low: int, high: int) -> int:
    """How many stored bytes the chunks have that overlap a part of the file."""
    blocks = {
        (chunk["object"], chunk["offset"]): chunk["stored"]
        for chunk in chunks
        if chunk["at"] < high and chunk["at"] + chunk["length"] > low
    }
    return sum(blocks.values())
