"""An archive with the records of very many files, and none of the files: what ten terabytes leave in the catalog.

Every row is what a backup would have written: a path, a status, two digests and a chunk; every chunk has a place in a
pack, and the packs are not there.  So it can be opened, asked, compared and added to, and nothing can be read from it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import Catalog, column, numbers, open_store, repeated
from holotype.lake.context import Context
from holotype.lake.manifest import Manifest, ManifestWriter, align
from holotype.lake.schema import CHUNKS, ENTRIES, PACKS, SNAPSHOTS, TABLES
from holotype.lake.tree.changes import CHANGED, COMPARED, compare

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from holotype.catalog import Segment

__all__ = ["CHANGED_ROWS", "DATASET", "PER_FOLDER", "add_first", "add_second", "context"]

DATASET = "synthetic"
PER_FOLDER = 1_000
CHANGED_ROWS = 1_000
"""How many files the second snapshot has changed, evenly spread."""

_BATCH = 1 << 17
_CHUNK = 1 << 20  # bytes: about what archives are cut by
_PER_PACK = 64
_SESSION = "20260101T000000000000-0000000000000000"
_WHEN = datetime(2026, 1, 1, tzinfo=UTC)
_NS = int(_WHEN.timestamp()) * 10**9


def context(archive: Path) -> Context:
    """The archive there, as its verbs see it."""
    store = open_store(str(archive))
    return Context(store, Catalog.open(store, tables=TABLES), "benchmark")


def add_first(archive: Context, rows: int) -> None:
    """Commit a snapshot of so many files, and where their chunks lie."""
    writer = ManifestWriter(archive.catalog)
    index: list[Segment] = []
    for start in range(0, rows, _BATCH):
        entries = _entries(start, min(rows, start + _BATCH), rows, second=False)
        writer.append(entries)
        index += _stored(archive, pc.list_flatten(entries["chunks"]), start // _PER_PACK)
    _commit(archive, writer, index, 1, None, rows)


def add_second(archive: Context, rows: int) -> None:
    """Commit a snapshot in which some of them have changed, found by comparing all, as a backup does."""
    catalog = archive.catalog
    parent: str = catalog.read("snapshots", columns=["snapshot"])["snapshot"][0].as_py()
    previous = Manifest.load(catalog, parent)
    writer = ManifestWriter(catalog, previous)
    scanned = (_entries(at, min(rows, at + _BATCH), rows, second=True) for at in range(0, rows, _BATCH))
    index: list[Segment] = []
    packs = -(-rows // _PER_PACK)
    for stretch in align(scanned, previous, columns=COMPARED):
        changes = compare(stretch.scanned, stretch.previous)
        changed = stretch.scanned.filter(numbers(changes.status >= CHANGED))
        if changed.num_rows:
            writer.change(stretch, put=changed)
            index += _stored(archive, pc.list_flatten(changed["chunks"]), packs)
            packs += -(-changed.num_rows // _PER_PACK)
    _commit(archive, writer, index, 2, parent, rows)


def _entries(start: int, stop: int, rows: int, *, second: bool) -> pa.Table:
    number = np.arange(start, stop)
    count = len(number)
    digests = np.random.default_rng(start).integers(0, 256, (2, count, 32), np.uint8)
    changed = np.zeros(count, np.bool_)
    if second:
        changed = number % max(1, rows // CHANGED_ROWS) == 0
        digests[:, changed, 0] ^= 255
    folders, files = number // PER_FOLDER, number % PER_FOLDER
    names = [f"d{folder:05}/f{file:03}.dat" for folder, file in zip(folders.tolist(), files.tolist(), strict=True)]
    ids = [pa.Array.from_buffers(pa.binary(32), count, [None, pa.py_buffer(each.tobytes())]) for each in digests]
    lists = pa.ListArray.from_arrays(numbers(np.arange(count + 1, dtype=np.int32)), ids[0])
    given: dict[str, Any] = {
        "path": column(names, pa.string()),
        "kind": repeated("file", count),
        "size": repeated(_CHUNK, count, pa.int64()),
        "mtime_ns": numbers(_NS + number + changed),
        "ctime_ns": numbers(_NS + number + changed),
        "inode": numbers((number + 1).astype(np.uint64)),
        "mode": repeated(0o644, count, pa.uint32()),
        "uid": repeated(1000, count, pa.uint32()),
        "gid": repeated(1000, count, pa.uint32()),
        "owner": repeated("ada", count),
        "group": repeated("lab", count),
        "sha256": ids[1],
        "chunks": lists,
        "unsettled": numbers(np.zeros(count, np.bool_)),
    }
    schema = ENTRIES.schema
    return pa.Table.from_arrays([given.get(f.name, pa.nulls(count, f.type)) for f in schema], schema=schema)


def _stored(archive: Context, ids: pa.ChunkedArray, first_pack: int) -> list[Segment]:
    """Segments that say that these chunks are stored, in packs numbered from the first."""
    count = len(ids)
    place = np.arange(count)
    packs = [f"{_SESSION}/{first_pack + n:064x}" for n in range(-(-count // _PER_PACK))]
    chunks = pa.table(
        [
            ids.combine_chunks(),
            column(packs, pa.string()).take(numbers(place // _PER_PACK)),
            numbers(place % _PER_PACK * _CHUNK),
            repeated(_CHUNK, count, pa.int64()),
            repeated("raw", count),
            repeated(_CHUNK, count, pa.int64()),
            repeated(0, count, pa.int64()),
            repeated(_CHUNK, count, pa.int64()),
        ],
        schema=CHUNKS.schema,
    )
    rows = []
    for n, pack in enumerate(packs):
        here = min(_PER_PACK, count - n * _PER_PACK)
        sizes = {"bytes": here * _CHUNK, "raw": here * _CHUNK, "chunks": here, "described": None}
        rows.append({"pack": pack, "kind": "parquet", "session": _SESSION, "object": f"packs/{pack}.parquet", **sizes})
    return [archive.catalog.write("chunks", chunks), archive.catalog.write("packs", PACKS.rows(rows))]


def _commit(
    archive: Context, writer: ManifestWriter, index: Sequence[Segment], number: int, parent: str | None, rows: int
) -> None:
    catalog = archive.catalog
    draft = writer.finish()
    record = {
        "dataset": DATASET,
        "number": number,
        "parent": parent,
        "kind": "files",
        "began": _WHEN,
        "time": _WHEN,
        "author": "benchmark",
        "host": "benchmark",
        "source": None,
        "message": "",
        "session": None,
        "entries": rows,
        "files": rows,
        "bytes": rows * _CHUNK,
        "new_bytes": rows * _CHUNK,
        "problems": 0,
    }
    digest = draft.snapshot(record)
    snapshot = catalog.write("snapshots", SNAPSHOTS.rows([{"snapshot": digest, **record}]))
    ranges = catalog.write("ranges", draft.rows(digest))
    catalog.commit(add=[*draft.segments, *index, snapshot, ranges], operation="synthetic")
