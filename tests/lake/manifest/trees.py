"""Trees that exist only as rows, and a catalog that counts what is read and written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import pyarrow as pa

from holotype.catalog import Catalog, MemoryStore
from holotype.lake.manifest import Manifest, ManifestWriter, align
from holotype.lake.schema import ENTRIES, SNAPSHOTS, TABLES
from holotype.lake.tree.paths import key, raw_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from typing_extensions import Buffer

    from holotype.lake.manifest import Draft, Sizes

Tree = dict[bytes, "Leaf"]

NOW = datetime(2026, 5, 4, 8, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Leaf:
    """What stands at one path."""

    kind: str = "file"
    size: int = 1
    content: int = 0  # tells different bytes apart
    chunks: int = 1
    mode: int = 0o644
    target: bytes | None = None

    @property
    def sha256(self) -> bytes | None:
        return blake2b(b"%d" % self.content, digest_size=32).digest() if self.kind == "file" else None


class CountingStore(MemoryStore):
    """A store of its own that keeps account of objects read and written."""

    def __init__(self) -> None:
        super().__init__(f"trees-{uuid4().hex}")
        self.read: list[str] = []
        self.written: list[tuple[str, int]] = []

    def get(self, key: str, start: int = 0, length: int | None = None) -> Buffer:
        self.read.append(key)
        return super().get(key, start, length)

    def put(self, key: str, parts: Sequence[Buffer]) -> int:
        size = super().put(key, parts)
        self.written.append((key, size))
        return size

    def forget(self) -> None:
        self.read.clear()
        self.written.clear()


def new_catalog() -> tuple[CountingStore, Catalog]:
    store = CountingStore()
    return store, Catalog.create(store, tables=TABLES)


def row(path: bytes, leaf: Leaf) -> dict[str, Any]:
    text = path.decode("utf-8", "backslashreplace")
    return {
        "path": text,
        "path_bytes": None if text.encode() == path else path,
        "kind": leaf.kind,
        "size": leaf.size,
        "mtime_ns": leaf.content,
        "ctime_ns": 0,
        "inode": leaf.chunks,
        "mode": leaf.mode,
        "uid": 1000,
        "gid": 1000,
        "owner": "ada",
        "group": None,
        "target": leaf.target,
        "sha256": leaf.sha256,
        "chunks": [leaf.sha256] * leaf.chunks if leaf.kind == "file" else None,
        "holes": None,
        "xattrs": [{"name": b"user.n", "value": bytes([leaf.content % 251])}] if leaf.content % 5 == 0 else None,
        "dtype": None,
        "shape": None,
        "data_offset": None,
        "unsettled": False,
    }


def rows_of(tree: Mapping[bytes, Leaf], paths: Iterable[bytes] | None = None) -> pa.Table:
    """The rows of a tree, or of some of its paths, in key order."""
    wanted = sorted(tree if paths is None else paths, key=key)
    if not wanted:
        return ENTRIES.empty()
    return pa.Table.from_pylist([row(path, tree[path]) for path in wanted], schema=ENTRIES.schema)


def many(count: int) -> pa.Table:
    """A large tree of files."""
    return files([f"data/run{i // 1000:04}/sample_{i % 1000:05}.fastq" for i in range(count)])


def files(paths: Sequence[str]) -> pa.Table:
    """Files of one chunk each, made without a Python object per row; ``paths`` come in key order."""
    count = len(paths)
    random = np.random.default_rng(1)
    data = random.integers(0, 256, 32 * count, np.uint8)
    ids = pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), count, [None, pa.py_buffer(data)])
    columns: dict[str, Any] = {
        "path": pa.array(paths, pa.string()),
        "kind": pa.array(["file"] * count),
        "size": random.integers(1, 20000, count),
        "mtime_ns": random.integers(16 * 10**17, 17 * 10**17, count),
        "inode": np.arange(count),
        "sha256": ids,
        "chunks": pa.ListArray.from_arrays(np.arange(count + 1, dtype=np.int32), ids),
    }
    arrays = []
    for field in ENTRIES.schema:
        if field.name in columns:
            arrays.append(pa.array(columns[field.name]).cast(field.type))
        elif field.nullable:
            arrays.append(pa.nulls(count, field.type))
        else:
            arrays.append(pa.array(np.zeros(count)).cast(field.type))
    return pa.Table.from_arrays(arrays, schema=ENTRIES.schema)


def batches(rows: pa.Table, size: int) -> Iterator[pa.Table]:
    for start in range(0, rows.num_rows, size):
        yield rows.slice(start, size)


def paths_in(rows: pa.Table) -> list[bytes]:
    return [raw_path(*pair) for pair in zip(rows["path"].to_pylist(), rows["path_bytes"].to_pylist(), strict=True)]


def commit(catalog: Catalog, draft: Draft, number: int, **record: Any) -> Manifest:
    """Make a draft snapshot ``number`` of the dataset ``d``; its manifest."""
    fields: dict[str, Any] = {
        "dataset": "d",
        "number": number,
        "kind": "files",
        "began": NOW,
        "time": NOW,
        "author": "ada",
        "host": "bench",
        "message": "",
        "entries": draft.counts.entries,
        "files": draft.counts.files,
        "bytes": draft.counts.bytes,
        "new_bytes": 0,
        "problems": 0,
        **record,
    }
    digest = draft.snapshot(fields)
    add = [*draft.segments, catalog.write("snapshots", SNAPSHOTS.rows([{"snapshot": digest, **fields}]))]
    if draft.ranges:
        add.append(catalog.write("ranges", draft.rows(digest)))
    catalog.commit(add=add, operation="backup")
    return Manifest.load(catalog, digest)


def first(catalog: Catalog, rows: pa.Table, *, sizes: Sizes, batch: int = 1000) -> Manifest:
    """Commit rows as snapshot 1."""
    writer = ManifestWriter(catalog, sizes=sizes)
    for part in batches(rows, batch):
        writer.append(part)
    return commit(catalog, writer.finish(), 1)


def follow(
    catalog: Catalog, previous: Manifest, tree: Mapping[bytes, Leaf], *, sizes: Sizes, batch: int = 1000
) -> Draft:
    """The draft that a backup of ``tree`` makes after ``previous``: what it does, with the simplest means."""
    writer = ManifestWriter(catalog, previous, sizes=sizes)
    for stretch in align(batches(rows_of(tree), batch), previous):
        columns = [stretch.previous[name].to_pylist() for name in ("kind", "size", "mtime_ns", "inode", "mode")]
        before = {path: Leaf(*facts) for path, *facts in zip(paths_in(stretch.previous), *columns, strict=True)}
        now = paths_in(stretch.scanned)
        put = [path for path in now if before.get(path) != tree[path]]
        gone = before.keys() - set(now)
        if put or gone:
            writer.change(stretch, put=rows_of(tree, put), removed=rows_of(before, gone))
    return writer.finish()


def as_rows(manifest: Manifest, **options: Any) -> list[dict[str, Any]]:
    return [each for part in manifest.rows(**options) for each in part.to_pylist()]
