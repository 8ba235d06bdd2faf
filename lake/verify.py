"""Verify: is everything there, and is every byte what was written?

    quick    the log as a chain, segments and packs by their sizes
    full     besides, every segment and pack hashed, every chunk decoded and hashed, every chunk a manifest names found

Whatever is wrong is traced to the files it touches, in every snapshot that has them, so that the answer to a bad disk
is a list of paths.  Damage to records is left out and the rest looked at all the same.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import DatasetNotFound, SnapshotNotFound, column, repeated, scalar

from .executing import Place, in_order, thread_count
from .manifest import Manifest
from .packs import PackCheck, PackReader
from .progress import Ticker
from .records.index import Known, locate
from .records.liveness import ranges_kept, used_rows, visibility
from .records.packrows import alone, by_pack, groups, rows_in
from .records.snapshots import Snapshot, resolve, snapshots
from .records.sound import SoundReader
from .retention.remains import remaining
from .tree.paths import key, raw, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import polars as pl

    from holotype.catalog import State

    from .context import Context
    from .executing import Submits
    from .manifest import Range
    from .progress import OnProgress

__all__ = ["Damaged", "Look", "Verified", "as_frame", "verify"]

# Packs that a worker checks at a time: enough to outweigh handing them over, little enough to be done again.
_BATCH_BYTES = 64 << 20
_IDS = ("path", "path_bytes", "kind", "chunks")


@dataclass(frozen=True, slots=True)
class Damaged:
    """One thing that is wrong, and one file that it touches.

    ``what``: ``log``, ``segment``, ``pack`` or ``chunk``.  ``object``: the key in storage.  ``problem``: what is wrong,
    in words. ``snapshot`` and ``path``: a file that cannot be restored as it was because of it; ``None`` when no file
    is touched or, where records are damaged, none can be told.
    """

    what: str
    object: str
    problem: str
    dataset: str | None = None
    snapshot: str | None = None
    path: str | None = None


@dataclass(frozen=True)
class Verified:
    """What a verification looked at and found.

    ``scope``: the snapshot's name, or the archive's URL.  ``objects`` and ``bytes``: packs looked at, and their stored
    size; ``chunks``: how many were hashed.  ``findings``: everything that is wrong.
    """

    scope: str
    full: bool
    objects: int
    bytes: int
    chunks: int
    findings: tuple[Damaged, ...] = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    @cached_property
    def damage(self) -> pl.DataFrame:
        """The findings as a frame, one row each: what, object, problem, dataset, snapshot, path."""
        return as_frame(Damaged, self.findings)


def as_frame(kind: type, rows: Sequence[object]) -> pl.DataFrame:
    """Findings as a frame, a row each: the fields of the dataclass ``kind``, all of them texts."""
    import polars as pl  # takes a good part of a small verification's time, and is not needed when all is well

    names = [field.name for field in fields(kind)]
    return pl.DataFrame(
        [[getattr(row, name) for name in names] for row in rows], dict.fromkeys(names, pl.String), orient="row"
    )


def verify(
    context: Context,
    reference: str | None = None,
    *,
    full: bool = True,
    workers: int | None = None,
    executor: Submits | None = None,
    progress: OnProgress | None = None,
) -> Verified:
    """Prove that the snapshot ``reference``, or the whole archive, is there.

    ``full``: hash every byte; otherwise only look whether every object is there with its size.  ``workers``: threads
    that read and hash.  ``executor``: who reads and hashes the packs instead, a batch at a time: threads, processes, or
    machines that see the storage.  What is wrong is returned, not raised.

    Raises ``InvalidName``, ``DatasetNotFound``, ``SnapshotNotFound``, ``InvalidOption`` for an executor whose workers
    do not see the storage, ``StorageDenied`` or ``StorageFailed``.
    """
    threads = thread_count(workers)
    look = Look(context, context.catalog.refresh(), full=full)
    if reference is None:
        scope = context.store.url
        look.records()
        packs = look.packs()
    else:
        scope = look.choose(reference)
        packs = look.packs_of_chosen()
    ticker = Ticker("verify", progress, total_files=packs.num_rows, total_bytes=pc.sum(packs["bytes"]).as_py() or 0)
    if full:
        look.every_byte(packs, threads, ticker, executor=executor)
        look.every_chunk()
    else:
        look.sizes(packs)
    findings = tuple(look.findings())
    if findings:
        findings = remaining(context, reference, look.version, findings)
    ticker.finish()
    return Verified(scope, full, packs.num_rows, pc.sum(packs["bytes"]).as_py() or 0, look.hashed, findings)


class Look:
    """One verification under way: what is wrong with objects, and which chunks are lost by it."""

    def __init__(self, context: Context, state: State, *, full: bool) -> None:
        self._context, self._catalog, self._full = context, context.catalog, full
        self._records = SoundReader(state)
        self._chosen: list[Snapshot] | None = None  # what is looked at, where it is not everything
        self._found: list[Damaged] = []
        self._lost: dict[bytes, Damaged] = {}
        self.hashed = 0

    @property
    def version(self) -> int:
        """As of which everything is looked at."""
        return self._records.state.version

    def records(self) -> None:
        """The header, the log, checkpoints and segments."""
        for damage in self._catalog.audit(hashed=self._full):
            if not self._records.leave_out(damage.key, damage.message):
                self._found.append(Damaged("log", damage.key, damage.message))

    def choose(self, reference: str) -> str:
        """Look at one snapshot only; gives its name."""
        try:
            snapshot = self._records.read(lambda state: resolve(self._context, reference, state=state))
        except (DatasetNotFound, SnapshotNotFound):
            if not self._records.damaged:
                raise
            self._chosen = []  # what is known of it may be in what is damaged
            return reference
        self._chosen = [snapshot]
        return snapshot.name

    def packs(self) -> pa.Table:
        """Every pack there should be."""
        return self._records.read(lambda state: self._catalog.read("packs", state=state))

    def packs_of_chosen(self) -> pa.Table:
        """The packs that hold the chosen snapshot's chunks; those that are nowhere are lost."""
        names = {
            name for snapshot in self._chosen or () for name in self._records.read(partial(self._packs_of, snapshot))
        }
        packs = self.packs()
        return packs.filter(pc.is_in(packs["pack"], value_set=column(sorted(names), pa.string())))

    def _packs_of(self, snapshot: Snapshot, state: State) -> set[str]:
        names: set[str] = set()
        for rows in self._manifest(snapshot).rows(columns=list(_IDS)):
            ids = _flat(rows)
            places = locate(self._catalog, ids, state=state)
            names.update(places["pack"].unique().to_pylist())
            self._nowhere(ids.filter(pc.invert(pc.is_in(ids, value_set=places["chunk"].combine_chunks()))).to_pylist())
        return names

    def _manifest(self, snapshot: Snapshot) -> Manifest:
        """A manifest without the parts that cannot be read."""
        state = self._records.with_all("entries")
        manifest = Manifest.load(self._catalog, snapshot.id, state=state)
        damaged = {segment.name for segment in self._records.of("entries")}
        if not damaged:
            return manifest
        ranges, deltas = (
            [part for part in parts if part.segment not in damaged] for parts in (manifest.ranges, manifest.deltas)
        )
        return replace(manifest, ranges=tuple(ranges), deltas=tuple(deltas))

    def sizes(self, packs: pa.Table) -> None:
        """Whether every pack is there and as long as it should be."""
        there = {info.key: info.size for info in self._context.store.list("packs/")}
        for pack in packs.to_pylist():
            wanted = pack["object"]
            size = there.get(wanted)
            head = wanted.removesuffix("c/0/0") + "zarr.json"
            if size is None:
                self._pack(pack, f"{wanted} is missing")
            elif size != pack["bytes"]:
                self._pack(pack, f"{wanted} has {size} bytes instead of {pack['bytes']}")
            elif pack["kind"] == "zarr":
                self._description(head, there.get(head), pack["described"])

    def _description(self, head: str, size: int | None, wanted: int | None) -> None:
        """Whether the object that describes a Zarr pack is as long as it should be, where that was recorded."""
        if size is None:
            problem = f"{head} is missing"
        elif wanted is not None and size != wanted:
            problem = f"{head} has {size} bytes instead of {wanted}"
        else:
            return
        self._found.append(Damaged("pack", head, f"{problem}: its chunks can be read, but not with a Zarr reader"))

    def _pack(self, pack: dict[str, object], problem: str) -> None:
        """A pack is unusable: so is every chunk in it."""
        found = Damaged("pack", str(pack["object"]), problem)
        self._found.append(found)
        self._lost.update(dict.fromkeys(self._chunks([pack["pack"]])["chunk"].to_pylist(), found))

    def _chunks(self, packs: Sequence[object]) -> pa.Table:
        """The index's rows of some packs."""
        wanted = column(packs, pa.string())

        return self._records.read(lambda state: rows_in(self._context, wanted, state=state))

    def every_byte(self, packs: pa.Table, workers: int, ticker: Ticker, *, executor: Submits | None) -> None:
        """Read every pack whole, and hash it and every chunk in it."""
        if executor is None:
            reader = PackReader(self._context.store)
            pool = ThreadPoolExecutor(workers, thread_name_prefix="holotype-verify")
            try:
                for group in self._to_check(packs):
                    checks = [pool.submit(_check, reader, one) for one in group]
                    for check in checks:
                        self._take(check.result(), ticker)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        else:
            place = Place.here(self._context.store, self._catalog.id)
            for found in in_order(executor, _check_batch, _handed(place, self._to_check(packs))):
                for checked in found:
                    self._take(checked, ticker)

    def _to_check(self, packs: pa.Table) -> Iterator[list[_ToCheck]]:
        """Packs with their rows of the index, in groups whose rows fit into memory."""
        for group in groups(packs):
            chunks = self._chunks(group["pack"].to_pylist())
            yield [_ToCheck(row["object"], row["bytes"], rows) for row, rows in by_pack(group, chunks)]

    def _take(self, checked: _Checked, ticker: Ticker) -> None:
        ticker.add(files=1, bytes=checked.size)
        self.hashed += checked.chunks
        check = checked.found
        if not check.ok:
            problem = check.problem or f"{len(check.damaged)} of its chunks are not what they were"
            self._found.append(Damaged("pack", check.key, problem))
            self._lost.update(dict.fromkeys(check.damaged, Damaged("chunk", check.key, problem)))

    def every_chunk(self) -> None:
        """Whether each chunk that a snapshot needs is in some pack."""
        if self._chosen is None:  # of a chosen one that was found out while its packs were looked up
            self._records.read(self._every_chunk)

    def _every_chunk(self, state: State) -> None:
        known = Known(self._catalog, state=state)
        readable = column([segment.name for segment in state.segments("entries")], pa.string())
        ranges = ranges_kept(self._context, state=state)
        # A row that every snapshot replaces or removes names chunks that may have been collected.
        visible = visibility(ranges.filter(pc.is_in(ranges["segment"], value_set=readable)))
        for rows in used_rows(self._context, visible, ["chunks"], state=state):
            ids = _flat(rows).unique().to_pylist()
            self._nowhere([chunk for chunk, absent in zip(ids, known.claim(ids), strict=True) if absent])

    def _nowhere(self, ids: Iterable[bytes]) -> None:
        for chunk in ids:
            self._lost.setdefault(chunk, Damaged("chunk", chunk.hex(), "no pack has this chunk"))

    def findings(self) -> Iterator[Damaged]:
        """Everything that is wrong, once for each file it touches."""
        index = next(iter(self._segments("chunks", "packs")), None)
        if index is not None:  # which says where the chunks are that no pack seems to have
            self._lost = {chunk: index if chunk.hex() == lost.object else lost for chunk, lost in self._lost.items()}
        touched: set[tuple[str, str]] = set()
        for damage in self._traced() if self._lost or self._records.damaged else ():
            touched.add((damage.object, damage.problem))
            yield damage
        for damage in (*self._found, *self._lost.values(), *self._segments()):
            if (damage.object, damage.problem) not in touched:
                touched.add((damage.object, damage.problem))
                yield damage

    def _segments(self, *tables: str) -> list[Damaged]:
        found = self._records.of(*tables) if tables else self._records.damaged
        return [Damaged("segment", segment.key, message) for segment, message in found.items()]

    def _traced(self) -> Iterator[Damaged]:
        """What is wrong, by snapshot and file."""
        lost = column(list(self._lost), pa.binary(32))
        chosen = self._chosen
        if chosen is None:
            names = self._records.read(lambda state: snapshots(self._context, state=state))["snapshot"].to_pylist()
            chosen = [resolve(self._context, name, state=self._records.state) for name in names]
        for snapshot in chosen:
            files = self._records.read(partial(self._files, snapshot, lost))
            if damaged := self._records.of("entries"):
                whole = Manifest.load(self._catalog, snapshot.id, state=self._records.with_all("entries"))
                for segment in whole.segments.values():
                    if segment in damaged:
                        yield Damaged("segment", segment.key, damaged[segment], snapshot.dataset, snapshot.name)
            for path, damages in files.items():
                for damage in damages:
                    yield Damaged(
                        damage.what, damage.object, damage.problem, snapshot.dataset, snapshot.name, shown(path)
                    )

    def _files(self, snapshot: Snapshot, lost: pa.Array, state: State) -> dict[bytes, list[Damaged]]:
        """The files of a snapshot that have lost chunks, and their other names; reads only ranges that name one."""
        del state  # the manifest is of the same one
        if not len(lost):
            return {}
        manifest = self._manifest(snapshot)
        ranges: set[int] = set()
        for index, part in enumerate(manifest.ranges):
            if self._naming(manifest, part, lost).num_rows:
                ranges.add(index)
        for part in manifest.deltas if manifest.ranges else ():
            ranges.update(manifest.holding(key(path)) for path in raw(self._naming(manifest, part, lost)).to_pylist())
        found: dict[bytes, list[Damaged]] = {}
        for index in sorted(ranges):
            rows = _naming(manifest.read(index, list(_IDS)), lost)
            for path, ids in zip(raw(rows).to_pylist(), rows["chunks"].to_pylist(), strict=True):
                found[path] = list(dict.fromkeys(self._lost[chunk] for chunk in ids if chunk in self._lost))
        return found | self._other_names(manifest, found)

    def _naming(self, manifest: Manifest, part: Range, lost: pa.Array) -> pa.Table:
        """The rows of a segment that name a lost chunk; it is looked at once, however many snapshots share it."""
        if part.segment not in self._seen:
            self._seen[part.segment] = _naming(manifest.segment(part, list(_IDS)), lost)
        return self._seen[part.segment]

    def _other_names(self, manifest: Manifest, found: dict[bytes, list[Damaged]]) -> dict[bytes, list[Damaged]]:
        others: dict[bytes, list[Damaged]] = {}
        for part in (*manifest.ranges, *manifest.deltas):
            if part.segment not in self._links:
                rows = manifest.segment(part, ["path", "path_bytes", "kind", "target"])
                rows = rows.filter(pc.equal(rows["kind"], scalar("hardlink")))
                self._links[part.segment] = list(zip(raw(rows).to_pylist(), rows["target"].to_pylist(), strict=True))
            for path, target in self._links[part.segment]:
                if target in found:
                    row = manifest.find(path, columns=["kind", "target"])  # a delta may have replaced it
                    if row == {"kind": "hardlink", "target": target}:
                        others[path] = found[target]
        return others

    @cached_property
    def _seen(self) -> dict[str, pa.Table]:
        return {}

    @cached_property
    def _links(self) -> dict[str, list[tuple[bytes, bytes]]]:
        return {}


@dataclass(frozen=True)
class _ToCheck:
    """A pack, its stored size, and the rows of the index that lie in it."""

    object: str
    size: int
    rows: pa.Table


@dataclass(frozen=True)
class _Checked:
    """A pack that was read whole, its stored size, and how many chunks it should have."""

    found: PackCheck
    size: int
    chunks: int


@dataclass(frozen=True)
class _Batch:
    """Packs for a worker to check."""

    place: Place
    packs: tuple[_ToCheck, ...]


def _check(reader: PackReader, pack: _ToCheck) -> _Checked:
    rows = pack.rows.append_column("object", repeated(pack.object, pack.rows.num_rows))
    return _Checked(reader.check_pack(pack.object, rows), pack.size, rows.num_rows)


def _check_batch(batch: _Batch) -> list[_Checked]:
    """Check some packs; done by a worker."""
    reader = PackReader(batch.place.storage())
    return [_check(reader, pack) for pack in batch.packs]


def _handed(place: Place, groups: Iterable[list[_ToCheck]]) -> Iterator[_Batch]:
    """Packs in batches of about ``_BATCH_BYTES``."""
    for group in groups:
        batch: list[_ToCheck] = []
        size = 0
        for pack in group:
            batch.append(replace(pack, rows=alone(pack.rows)))
            size += pack.size
            if size >= _BATCH_BYTES:
                yield _Batch(place, tuple(batch))
                batch, size = [], 0
        if batch:
            yield _Batch(place, tuple(batch))


def _flat(rows: pa.Table) -> pa.Array:
    ids = pc.list_flatten(rows["chunks"])
    return ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids


def _naming(rows: pa.Table, lost: pa.Array) -> pa.Table:
    """The rows that name one of some chunks."""
    column = rows["chunks"].combine_chunks()
    hit = pc.is_in(pc.list_flatten(column), value_set=lost)
    return rows.take(pc.unique(pc.list_parent_indices(column).filter(hit)))
