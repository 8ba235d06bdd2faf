"""Small archives for tests: snapshots of invented files, cut into the chunks a test wants, without a folder or a
chunker.

``keep`` is a whole writer all the same: session, packs, manifest, one commit that is checked; it looks again when it
loses.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from blake3 import blake3

from holotype.catalog import Catalog, Conflict, MemoryStore
from holotype.lake.context import Context
from holotype.lake.manifest import SIZES, Manifest, ManifestWriter, align, previous_rows
from holotype.lake.packs import ParquetPackWriter, ZarrPackWriter, decode
from holotype.lake.records.snapshots import latest, resolve, snapshots
from holotype.lake.retention.sessions import abort_session, open_session, writer_check
from holotype.lake.schema import ENTRIES, PACKS, SNAPSHOTS, TABLES
from holotype.lake.tree.paths import columns as path_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from holotype.catalog import Entry, ObjectStore, Segment, State
    from holotype.lake.manifest import Sizes, Stretch
    from holotype.lake.packs import Pack
    from holotype.lake.records.snapshots import Snapshot

    # A file's chunks in order, or ``None`` for a folder.
    Files = Mapping[str, Sequence[bytes] | None]
    Check = Callable[[Sequence[Entry], State], None]

_unique = count()


class Clock:
    """A clock that a test sets; it moves by a microsecond, or another ``step``, each time it is asked, so that no two
    moments are the same."""

    def __init__(self, at: datetime | None = None, *, step: timedelta = timedelta(microseconds=1)) -> None:
        self.at, self.step = at or datetime.now(UTC), step

    def __call__(self) -> datetime:
        self.at += self.step
        return self.at

    def later(self, **span: float) -> None:
        """Let time pass."""
        self.at += timedelta(**span)


def new_archive(store: ObjectStore | None = None, *, clock: Callable[[], datetime] | None = None) -> Context:
    """An archive without snapshots, by default in memory."""
    store = store or MemoryStore(f"memory://making-{next(_unique)}")
    own = clock or Clock()
    return Context(store, Catalog.create(store, tables=TABLES, clock=own), "ada@lab", own)


def another(context: Context, *, store: ObjectStore | None = None, author: str = "bob@ward") -> Context:
    """The same archive, opened by somebody else."""
    store = store or context.store
    return Context(store, Catalog.open(store, tables=TABLES, clock=context.clock), author, context.clock)


def digest(chunk: bytes) -> bytes:
    """A chunk's name."""
    return blake3(chunk).digest()


def rows_of(files: Files) -> pa.Table:
    """Rows of entries, in key order."""
    names = sorted(files, key=lambda name: name.encode("utf-8", "surrogateescape").replace(b"/", b"\0"))
    path, odd = path_columns(names)
    found = []
    for name in names:
        chunks = files[name]
        whole = b"".join(chunks or ())
        found.append(
            {
                "kind": "directory" if chunks is None else "file",
                "size": len(whole),
                "mtime_ns": int.from_bytes(digest(whole)[:4], "big"),
                "ctime_ns": 0,
                "inode": 0,
                "mode": 0o755 if chunks is None else 0o644,
                "uid": 0,
                "gid": 0,
                "sha256": None if chunks is None else hashlib.sha256(whole).digest(),
                "chunks": None if chunks is None else [digest(chunk) for chunk in chunks],
                "unsettled": False,
            }
        )
    rest = pa.Table.from_pylist(
        found, schema=pa.schema([f for f in ENTRIES.schema if f.name not in ("path", "path_bytes")])
    )
    rows = rest.append_column("path", path).append_column("path_bytes", odd)
    return ENTRIES.enforce(rows)


def keep(
    context: Context,
    dataset: str,
    files: Files,
    *,
    message: str = "",
    sizes: Sizes = SIZES,
    looks: int = 5,
    check: Callable[..., Check] = writer_check,
    parents_checked: bool = True,
    chunks_to_a_pack: int = 1000,
    numbers: bool = False,
) -> Snapshot:
    """Keep ``files`` as the next snapshot of ``dataset``.

    ``check``: makes the commit's check, for tests of what goes wrong without.  ``numbers``: put the chunks, all of one
    size, into Zarr packs.
    """
    ways = _Ways(message, sizes, check, parents_checked, chunks_to_a_pack, numbers)
    for look in range(looks):
        try:
            return _attempt(context, dataset, files, ways)
        except Conflict:
            if look == looks - 1:
                raise
    raise AssertionError("unreachable")


@dataclass(frozen=True)
class _Ways:
    """How a snapshot is to be kept."""

    message: str
    sizes: Sizes
    check: Callable[..., Check]
    parents_checked: bool
    chunks_to_a_pack: int
    numbers: bool


def _attempt(context: Context, dataset: str, files: Files, ways: _Ways) -> Snapshot:
    catalog = context.catalog
    view = catalog.refresh()
    parent = latest(context, dataset, state=view)
    draft, fresh = _manifest(context, view, parent, rows_of(files), ways.sizes)
    known = _known(context, view)
    changed = {chunk for chunks in fresh["chunks"].to_pylist() for chunk in chunks or ()}
    relied = {known[chunk] for chunk in changed if chunk in known}
    new = {digest(c): c for chunks in files.values() for c in chunks or () if digest(c) in changed - known.keys()}
    session, packs = None, list[Any]()
    if new:
        session = open_session(context)
    try:
        names = sorted(new)
        for at in range(0, len(names), ways.chunks_to_a_pack):
            assert session is not None
            together = [new[name] for name in names[at : at + ways.chunks_to_a_pack]]
            packs.append(_pack(session, together, numbers=ways.numbers))
            for part in packs[-1].objects:
                context.store.put(part.key, part.parts)
        return _commit(context, dataset, ways, view, parent, draft, session, packs, relied)
    except Conflict:
        if session:
            abort_session(context, session)
        raise


def _known(context: Context, view: State) -> dict[bytes, str]:
    listed = set(context.catalog.read("packs", state=view)["pack"].to_pylist())
    rows = context.catalog.read("chunks", columns=["chunk", "pack"], state=view)
    return {c: p for c, p in zip(rows["chunk"].to_pylist(), rows["pack"].to_pylist(), strict=True) if p in listed}


def _manifest(
    context: Context, view: State, parent: Snapshot | None, rows: pa.Table, sizes: Sizes
) -> tuple[Any, pa.Table]:
    """The draft of the next manifest, and its rows that are new or different."""
    previous = Manifest.load(context.catalog, parent.id, state=view) if parent is not None else None
    writer = ManifestWriter(context.catalog, previous, sizes=sizes)
    fresh = [ENTRIES.empty()]
    if previous is None or not previous.ranges:
        writer.append(rows)
        return writer.finish(), rows
    for stretch in align([rows], previous):
        put, removed = _difference(previous, stretch)
        if put.num_rows or removed.num_rows:
            writer.change(stretch, put=put, removed=removed)
            fresh.append(put)
    return writer.finish(), pa.concat_tables(fresh)


def _difference(previous: Manifest, stretch: Stretch) -> tuple[pa.Table, pa.Table]:
    before = {row["path"]: row for row in previous_rows(previous, stretch).to_pylist()}
    after = {row["path"]: row for row in stretch.scanned.to_pylist()}
    put = [before.get(row["path"]) != row for row in stretch.scanned.to_pylist()]
    removed = [path not in after for path in stretch.previous["path"].to_pylist()]
    return stretch.scanned.filter(pa.array(put, pa.bool_())), stretch.previous.filter(pa.array(removed, pa.bool_()))


def _pack(session: str, chunks: Sequence[bytes], *, numbers: bool) -> Pack:
    if numbers:
        zarr = ZarrPackWriter(session, dtype="<u1", block_bytes=len(chunks[0]), filter="bitshuffle")
        for chunk in chunks:
            zarr.append(digest(chunk), zarr.encode(chunk))
        return zarr.finish()
    writer = ParquetPackWriter(session, compress=True)
    writer.add([digest(chunk) for chunk in chunks], chunks)
    return writer.finish()


def _commit(
    context: Context,
    dataset: str,
    ways: _Ways,
    view: State,
    parent: Snapshot | None,
    draft: Any,
    session: str | None,
    packs: Sequence[Pack],
    relied: Iterable[str],
) -> Snapshot:
    catalog = context.catalog
    numbers = catalog.read(
        "snapshots", columns=["number"], filter=pc.field("dataset") == dataset, state=catalog.refresh()
    )
    number = (pc.max(numbers["number"]).as_py() or 0) + 1
    record = {
        "dataset": dataset,
        "number": number,
        "parent": parent.id if parent else None,
        "kind": "files",
        "began": context.clock(),
        "time": context.clock(),
        "author": context.author,
        "host": "here",
        "source": None,
        "message": ways.message,
        "session": session,
        "entries": draft.counts.entries,
        "files": draft.counts.files,
        "bytes": draft.counts.bytes,
        "new_bytes": sum(int(str(pack.row["raw"])) for pack in packs),
        "problems": 0,
    }
    snapshot = draft.snapshot(record)
    add: list[Segment] = [
        *draft.segments,
        catalog.write("snapshots", SNAPSHOTS.rows([{"snapshot": snapshot, **record}])),
        catalog.write("ranges", draft.rows(snapshot)),
    ]
    if packs:
        add.append(catalog.write("chunks", pa.concat_tables([pack.chunks for pack in packs])))
        add.append(catalog.write("packs", PACKS.rows([pack.row for pack in packs])))
    kept = {part.segment for part in draft.ranges}
    bases = [parent.id] if parent and ways.parents_checked else []
    catalog.commit(
        add=add,
        relies=[segment for segment in view.segments("entries") if segment.name in kept],
        operation="backup",
        author=context.author,
        session=session,
        view=view,
        check=ways.check(context, session, set(relied), view, parents=bases),
    )
    return resolve(context, f"{dataset}@{number}", state=catalog.state)


def contents(context: Context, snapshot: str) -> dict[str, Any]:
    """What a snapshot holds, by path: each file's bytes, read from its packs; raises what is missing or wrong."""
    state = context.catalog.refresh()
    listed = {row["pack"]: row for row in context.catalog.read("packs", state=state).to_pylist()}
    places = {
        row["chunk"]: row for row in context.catalog.read("chunks", state=state).to_pylist() if row["pack"] in listed
    }
    found: dict[str, Any] = {}
    for rows in Manifest.load(context.catalog, snapshot, state=state).rows():
        for row in rows.to_pylist():
            if row["chunks"] is None:
                found[row["path"]] = None
                continue
            whole = b"".join(_chunk(context, places[chunk], listed) for chunk in row["chunks"])
            assert hashlib.sha256(whole).digest() == row["sha256"]
            found[row["path"]] = whole
    return found


def _chunk(context: Context, place: dict[str, Any], packs: dict[str, Any]) -> bytes:
    stored = bytes(context.store.get(packs[place["pack"]]["object"], place["offset"], place["stored"]))
    assert len(stored) == place["stored"]
    stored = bytes(decode(place["codec"], stored, place["block"]))
    chunk = stored[place["start"] : place["start"] + place["length"]]
    assert digest(chunk) == place["chunk"]
    return chunk


def packs(archive: Context) -> set[str]:
    """The objects of packs in storage."""
    return {info.key for info in archive.store.list("packs/")}


def all_there(archive: Context) -> bool:
    """Whether every live snapshot can be read whole."""
    for row in snapshots(archive, state=archive.catalog.refresh()).to_pylist():
        contents(archive, row["snapshot"])
    return True


def elsewhere(archive: Context) -> str:
    """A session opened on another machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("holotype.lake.retention.sessions.machine_here", lambda: "node7")
        return str(open_session(archive))
