"""Restore: a snapshot, or a part of it, back into a folder.

    manifest ─▶ folders, links, specials                               at once
             ─▶ small files ─▶ by pack and block ─▶ threads: decode, hash, write
             ─▶ large files ─▶ a thread each: chunk after chunk, hashing as it goes
             ─▶ hard links, then the folders' attributes               at the end

Every chunk is checked against its BLAKE3 before it is written, and every file against its SHA-256 before it counts as
restored. A file that cannot be restored whole is not left half there: it is taken away, reported, and the rest goes on.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import (
    DamageError,
    EntryNotFound,
    InvalidOption,
    ObjectDamaged,
    ObjectMissing,
    SourceProblem,
    column,
    numbers,
    plain,
    row_table,
    scalar,
)

from .entries import Entry, entries
from .index import locate
from .manifest import Manifest
from .packs import PackReader
from .paths import Patterns, keys, raw, shown, unkey
from .placing import Owners, Placer, check_target
from .problems import Problem
from .progress import Ticker
from .schema import ENTRIES
from .selecting import selected, with_folders
from .snapshots import resolve
from .sound import SoundReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .context import Context
    from .progress import OnProgress

__all__ = ["Restored", "restore"]

_BATCH_ROWS = 8192
_TASK_BYTES = 4 << 20  # raw bytes of small files per task: whole compressed blocks, so that none is decoded twice
_CACHE_BYTES = 8 << 20  # a task reads a block once, in order: no more than the blocks at hand are of use
_NOWHERE = scalar(-1, pa.int32())
_COLUMNS = [
    name
    for name in ENTRIES.schema.names
    if name not in ("ctime_ns", "inode", "dtype", "shape", "data_offset", "unsettled")
]


@dataclass(frozen=True)
class Restored:
    """What a restore did.

    ``snapshot``: the snapshot's name.  ``target``: where it was written.  ``files`` and ``bytes``: what was restored.
    ``problems``: what was not, or not wholly, as it was.
    """

    snapshot: str
    target: str
    files: int
    bytes: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether all that was asked for is there as it was."""
        return not self.problems


def restore(
    context: Context,
    reference: str,
    target: str | os.PathLike[str],
    *,
    paths: Iterable[str] = (),
    owners: Owners | None = None,
    on_problem: Literal["record", "raise"] = "record",
    workers: int | None = None,
    progress: OnProgress | None = None,
) -> Restored:
    """Write the snapshot ``reference`` into ``target``, an empty folder or one that does not exist.

    ``paths``: patterns of what to restore, with the folders it lies in; all by default.  ``owners``: whose the files
    become, by ``"numbers"`` as recorded, by ``"names"``, or ``"none"``: whoever runs this; by default ``"numbers"`` for
    a privileged process and ``"none"`` for any other.  ``on_problem``: whether to ``record`` what cannot be restored as
    it was and go on, or to ``raise``.

    Raises ``InvalidName``, ``DatasetNotFound``, ``SnapshotNotFound``, ``EntryNotFound`` when no entry matches
    ``paths``, ``TargetRefused``, ``UnsafePath``, ``StorageFull``, ``StorageDenied``, ``StorageFailed``; with
    ``on_problem="raise"`` also ``DamageError`` and ``SourceProblem``.
    """
    if on_problem not in ("record", "raise"):
        raise InvalidOption(f"on_problem is 'record' or 'raise', not {on_problem!r}", option="on_problem")
    state = context.catalog.refresh()
    snapshot = resolve(context, reference, state=state)
    manifest = Manifest.load(context.catalog, snapshot.id, state=state)
    patterns = Patterns.of(paths)
    archive = context.store.path("archive.json")
    check_target(target, archive=None if archive is None else archive.parent)
    job = _Job(context, manifest, patterns, SoundReader(state), strict=on_problem == "raise")
    job.ticker = Ticker(
        "restore",
        progress,
        total_files=None if patterns else snapshot.files,
        total_bytes=None if patterns else snapshot.bytes,
    )
    with Placer(target, owners=owners, on_problem=job.report) as placer:
        job.run(placer, workers or min(os.cpu_count() or 2, 16))
        if patterns and not job.matched:
            raise EntryNotFound(
                f"{snapshot.name} has no entry that matches {', '.join(patterns.patterns)}", snapshot=snapshot.name
            )
        placer.finish()
    job.ticker.finish()
    return Restored(snapshot.name, os.fsdecode(target), job.files, job.bytes, tuple(job.problems))


class _Job:
    """One restore under way."""

    ticker: Ticker

    def __init__(
        self, context: Context, manifest: Manifest, patterns: Patterns, records: SoundReader, *, strict: bool
    ) -> None:
        self._catalog, self._manifest, self._patterns, self._strict = context.catalog, manifest, patterns, strict
        self._records = records
        self._reader = PackReader(context.store, cache_bytes=_CACHE_BYTES)
        self._lock = threading.Lock()
        self.problems: list[Problem] = []
        self.files = self.bytes = self.matched = 0

    def report(self, problem: Problem) -> None:
        """Take a problem, from any thread."""
        if self._strict:
            path = shown(problem.path)
            raise SourceProblem(f"{path}: {problem.problem}: {problem.message}; the target is not complete", path=path)
        with self._lock:
            self.problems.append(problem)

    def run(self, placer: Placer, workers: int) -> None:
        """Place everything but what has to wait for the end."""
        with ThreadPoolExecutor(workers, thread_name_prefix="holotype-restore") as pool:
            tasks = _Bounded(pool, 2 * workers)
            try:
                for rows in self._rows():
                    self.matched += rows.num_rows
                    placer.place(rows)
                    self._tell_links(rows)
                    self._files(rows, placer, tasks)
                tasks.wait()
            except BaseException as error:
                tasks.stop(error)
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _tell_links(self, rows: pa.Table) -> None:
        """Hard links count as files in what a snapshot says of itself."""
        sizes = rows["size"].filter(pc.equal(rows["kind"], scalar("hardlink")))
        with self._lock:
            self.ticker.add(files=len(sizes), bytes=pc.sum(sizes).as_py() or 0)

    def _rows(self) -> Iterator[pa.Table]:
        """What to place, in key order, the folders above first."""
        if not self._patterns:
            yield from self._every_row()
            return
        # The keys of what matches are few, or everything was asked for in a roundabout way: folders are gathered in a
        # first pass.
        keys = list(selected(self._manifest, self._patterns, columns=("target",)))
        above = with_folders(self._manifest, keys, columns=_COLUMNS)
        if above.num_rows:
            yield above
            self.matched -= above.num_rows
        links = _Relinked(self._manifest, keys)
        for rows in selected(self._manifest, self._patterns, columns=_COLUMNS):
            yield links.apply(rows.select(_COLUMNS))

    def _every_row(self) -> Iterator[pa.Table]:
        """All rows, but those of ranges that are damaged, which are reported."""
        manifest, after = self._manifest, None
        while True:
            try:
                for rows in manifest.rows(columns=_COLUMNS, low=after):
                    yield rows
                    after = keys(rows.slice(rows.num_rows - 1))[0].as_py() + b"\0"
                return
            except DamageError as error:
                sound = [
                    part for part in manifest.ranges if manifest.segments[part.segment].key != error.about.get("key")
                ]
                # A damaged delta is no range: without it older rows would pass for this snapshot's.
                if self._strict or len(sound) == len(manifest.ranges):
                    raise
                (lost,) = set(manifest.ranges) - set(sound)
                first, last = unkey(lost.first), unkey(lost.last)
                what = f"{lost.rows} entries from {shown(first)!r} to {shown(last)!r} are not restored"
                self.report(Problem(first, "damaged", f"{what}: {error.message}"))
                manifest = replace(manifest, ranges=tuple(sound))

    def _locate(self, ids: Sequence[bytes] | pa.Array) -> pa.Table:
        return self._records.read(lambda state: locate(self._catalog, ids, state=state))

    def _nowhere(self, what: str, **about: object) -> ObjectMissing:
        """The error that says that no pack has some chunks, and why that may be."""
        damaged = self._records.of("chunks", "packs")
        return ObjectMissing(
            f"no pack of the archive has {what}" + "".join(f"; {message}" for message in damaged.values()), **about
        )

    def _files(self, rows: pa.Table, placer: Placer, tasks: _Bounded) -> None:
        """Hand the files among ``rows`` to the threads: small ones by where they lie, each large one by itself."""
        files = rows.filter(pc.equal(rows["kind"], scalar("file")))
        if not files.num_rows:
            return
        counts = plain(pc.list_value_length(files["chunks"]))
        whole = plain(files["holes"].is_null())
        small = files.filter(numbers((counts == 1) & whole))
        if small.num_rows:
            self._small(small, placer, tasks)
        rest = files.filter(numbers((counts != 1) | ~whole))
        for entry, sha256, ids in zip(
            entries(rest), rest["sha256"].to_pylist(), rest["chunks"].to_pylist(), strict=True
        ):
            if ids or entry.size:
                tasks.add(self._large, placer, tasks, entry, sha256, ids)
            else:
                if placer.place_small(entry, b""):
                    self._placed(entry)

    def _small(self, files: pa.Table, placer: Placer, tasks: _Bounded) -> None:
        """Files of a single chunk, in the order in which their chunks lie."""
        ids = pc.list_flatten(files["chunks"]).combine_chunks()
        places = self._locate(ids)
        at = pc.index_in(ids, value_set=places["chunk"].combine_chunks())
        for row in np.flatnonzero(plain(at.is_null())).tolist():
            self._lost(entries(files.slice(row, 1))[0], self._nowhere("its chunk", chunk=ids[row].as_py().hex()))
        order = pc.sort_indices(places, [("object", "ascending"), ("offset", "ascending"), ("start", "ascending")])
        rank = np.empty(len(order) + 1, np.int64)
        rank[plain(order)] = np.arange(len(order))
        rank[-1] = -1
        rows_of: dict[int, list[int]] = defaultdict(list)
        for row, place in enumerate(rank[plain(pc.fill_null(at, _NOWHERE))].tolist()):
            if place >= 0:
                rows_of[place].append(row)
        places = places.take(order)
        every, sha256s = entries(files), files["sha256"].to_pylist()
        for start, stop in _tasks(places):
            tasks.add(self._place, placer, places.slice(start, stop - start), start, rows_of, every, sha256s)

    def _place(
        self,
        placer: Placer,
        places: pa.Table,
        first: int,
        rows_of: dict[int, list[int]],
        every: Sequence[Entry],
        sha256s: Sequence[bytes],
    ) -> None:
        """Read some neighbouring chunks and write the files that each of them is."""

        def damaged(place: int, error: DamageError) -> None:
            for row in rows_of[first + place]:
                self._lost(every[row], error)

        for place, data in self._reader.read_many(places, on_damage=damaged):
            digest = hashlib.sha256(data).digest()
            for row in rows_of[first + place]:
                if digest != sha256s[row]:
                    self._lost(every[row], _not_itself(every[row]))
                else:
                    if placer.place_small(every[row], data):
                        self._placed(every[row])

    def _large(self, placer: Placer, tasks: _Bounded, entry: Entry, sha256: bytes, ids: list[bytes]) -> None:
        """Write a file chunk after chunk."""
        places = self._locate(ids)
        at = pc.index_in(column(ids, pa.binary(32)), value_set=places["chunk"].combine_chunks())
        if at.null_count:
            return self._lost(entry, self._nowhere(f"{at.null_count} of its chunks"))
        hasher = _FileHash(entry)
        writer = placer.place_file(entry)
        if writer is None:
            return None
        try:
            with writer:
                for _, data in self._reader.read_many(places.take(at)):
                    tasks.check()
                    hasher.update(data)
                    writer.write(data)
                if hasher.digest() != sha256:
                    raise _not_itself(entry)
        except DamageError as error:
            return self._lost(entry, error)
        return self._placed(entry)

    def _placed(self, entry: Entry) -> None:
        with self._lock:
            self.files += 1
            self.bytes += entry.size
            self.ticker.add(files=1, bytes=entry.size)

    def _lost(self, entry: Entry, error: DamageError) -> None:
        if self._strict:
            raise error
        self.report(Problem(entry.path, "damaged", error.message))


class _FileHash:
    """SHA-256 of a file from its chunks, its holes counted as zeros."""

    _ZEROS = bytes(1 << 20)

    def __init__(self, entry: Entry) -> None:
        self._hasher = hashlib.sha256()
        self._at, self._size = 0, entry.size
        holes = entry.holes or []
        self._holes = list(zip(holes[::2], holes[1::2], strict=True))[::-1]

    def update(self, data: memoryview) -> None:
        """The next bytes that are stored."""
        while len(data):
            self._skip()
            room = self._holes[-1][0] - self._at if self._holes else len(data)
            self._hasher.update(data[:room])
            self._at += min(room, len(data))
            data = data[room:]

    def digest(self) -> bytes:
        """The digest of the whole file."""
        self._skip()
        return self._hasher.digest()

    def _skip(self) -> None:
        while self._holes and self._holes[-1][0] == self._at:
            _, length = self._holes.pop()
            self._at += length
            while length:
                part = min(length, len(self._ZEROS))
                self._hasher.update(self._ZEROS[:part])
                length -= part


class _Relinked:
    """Hard links of a selection: a link whose file was not selected becomes that file, and the links after it links to
    it.
    """

    def __init__(self, manifest: Manifest, chosen: Sequence[pa.Table]) -> None:
        self._manifest = manifest
        self._instead: dict[bytes, bytes] = {}
        wanted = {
            target
            for rows in chosen
            for target in rows.filter(pc.equal(rows["kind"], scalar("hardlink")))["target"].to_pylist()
        }
        there = {path for rows in chosen for path in raw(rows).to_pylist()} if wanted else set()
        self._absent = wanted - there

    def apply(self, rows: pa.Table) -> pa.Table:
        """The rows as they are to be placed."""
        if not self._absent:
            return rows
        found = []
        for row, path in zip(rows.to_pylist(), raw(rows).to_pylist(), strict=True):
            if row["kind"] == "hardlink" and row["target"] in self._absent:
                target = row["target"]
                if target in self._instead:
                    row = {**row, "target": self._instead[target]}
                else:
                    self._instead[target] = path
                    first = self._manifest.find(target, columns=_COLUMNS)
                    if first is not None:
                        row = {**first, "path": row["path"], "path_bytes": row["path_bytes"]}
            found.append(row)
        return row_table(found, rows.schema)


class _Bounded:
    """Tasks for a pool, a bounded number of them waiting; the first failure is raised here."""

    def __init__(self, pool: ThreadPoolExecutor, most: int) -> None:
        self._pool, self._room = pool, threading.Semaphore(most)
        self._most = most
        self._error: BaseException | None = None
        self._changed = threading.Condition()
        self._busy = 0

    def add(self, call: object, *arguments: object) -> None:
        self._room.acquire()
        if self._error is not None:
            self._room.release()
            raise self._error
        self._pool.submit(self._run, call, arguments)

    def _run(self, call: object, arguments: tuple[object, ...]) -> None:
        with self._changed:
            begin = self._error is None
            self._busy += begin
        try:
            if begin:
                call(*arguments)  # type: ignore[operator]
        except BaseException as error:  # noqa: BLE001 - raised in the thread that hands the tasks out
            self._error = self._error or error
        finally:
            with self._changed:
                self._busy -= begin
                self._changed.notify_all()
            self._room.release()

    def stop(self, error: BaseException) -> None:
        """Begin nothing more, and wait for what was begun: after an interrupt the pool may not know all its threads."""
        with self._changed:
            self._error = self._error or error
            self._changed.wait_for(lambda: not self._busy)

    def check(self) -> None:
        """Raise the first failure, or what the tasks were stopped by."""
        if self._error is not None:
            raise self._error

    def wait(self) -> None:
        """Until every task is done."""
        for _ in range(self._most):
            self._room.acquire()
        self.check()


def _tasks(places: pa.Table) -> Iterator[tuple[int, int]]:
    """Runs of places that share no block with another run, each of about ``_TASK_BYTES``."""
    ends = np.cumsum(plain(places["length"]))
    offsets = plain(places["offset"])
    objects = plain(places["object"].combine_chunks().dictionary_encode().indices)
    new_block = np.flatnonzero((np.diff(offsets) != 0) | (np.diff(objects) != 0)) + 1
    start = 0
    for at in [*new_block.tolist(), len(ends)]:
        if at == len(ends) or ends[at - 1] - (ends[start - 1] if start else 0) >= _TASK_BYTES:
            if at > start:
                yield start, at
            start = at


def _not_itself(entry: Entry) -> ObjectDamaged:
    return ObjectDamaged(
        f"{shown(entry.path)}: its chunks are sound, but together they are not the file that was backed up",
        path=shown(entry.path),
    )
