"""Restore: a snapshot, or a part of it, back into a folder.

    manifest ─▶ does all of it fit the target?                         before anything is written
             ─▶ folders, links, specials                               at once
             ─▶ small files ─▶ by pack and block ─▶ threads: decode, hash, write
             ─▶ large files ─▶ a thread each: chunk after chunk, hashing as it goes
             ─▶ hard links, then the folders' attributes               at the end

With an executor the files are made by its workers instead of threads, in batches (see ``restorers``).

Every chunk is checked against its BLAKE3 before it is written, and every file against its SHA-256 before it counts as
restored. A file that cannot be restored whole is not left half there: it is taken away, reported, and the rest goes on.
"""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import (
    DamageError,
    EntryNotFound,
    InvalidOption,
    ObjectMissing,
    column,
    numbers,
    plain,
    scalar,
)

from .executing import thread_count
from .manifest import Manifest
from .progress import Ticker
from .records.index import locate
from .records.snapshots import reading, refuse_collected, resolve
from .records.sound import SoundReader
from .restoring.fitting import Fit, Unfit, fit
from .restoring.placing import Owners, Placer, check_target
from .restoring.remaking import Large, Remaker, Small, Tally
from .restoring.restorers import hand_out
from .restoring.selecting import Relinked, selected, unchosen, with_folders
from .restoring.settling import owners_here
from .restoring.terrain import rules_for
from .schema import ENTRIES
from .tree.entries import Entry, entries
from .tree.paths import Patterns, keys, shown, unkey
from .tree.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from holotype.validators import Report

    from .context import Context
    from .executing import Submits
    from .progress import OnProgress
    from .tree.naming import Rules
    from .validation.asked import Validation

__all__ = ["Restored", "restore"]

_TASK_BYTES = 4 << 20  # raw bytes of small files per task: whole compressed blocks, so that none is decoded twice
_LOOKUP = 1 << 16  # chunks of large files looked up together, some 300 bytes each
_NOWHERE = scalar(-1, pa.int32())
_LOOKED_AT = ("path", "path_bytes", "kind", "size", "mode", "target", "xattrs")
_COLUMNS = [
    name
    for name in ENTRIES.schema.names
    if name not in ("ctime_ns", "inode", "dtype", "shape", "data_offset", "unsettled")
]


@dataclass(frozen=True)
class Restored:
    """What a restore did.

    ``snapshot``: the snapshot's name.  ``target``: where it was written.  ``files`` and ``bytes``: what was restored.
    ``problems``: what was not, or not wholly, as it was.  ``report``: what validation found in it, where it was asked
    for.  After a dry run, what would be.
    """

    snapshot: str
    target: str
    files: int
    bytes: int
    problems: tuple[Problem, ...]
    report: Report | None = None

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
    unfit: Unfit = "refuse",
    dry_run: bool = False,
    workers: int | None = None,
    executor: Submits | None = None,
    validation: Validation | None = None,
    progress: OnProgress | None = None,
) -> Restored:
    """Write the snapshot ``reference`` into ``target``, an empty folder or one that does not exist.

    ``paths``: patterns of what to restore, with the folders it lies in; all by default.  ``owners``: whose the files
    become, by ``"numbers"`` as recorded, by ``"names"``, or ``"none"``: whoever runs this; by default ``"numbers"`` for
    a privileged process and ``"none"`` for any other.  ``on_problem``: whether to ``record`` what cannot be restored as
    it was and go on, or to ``raise``.  ``unfit``: what becomes of links and names that the target's file system cannot
    have, and of names that it takes for one: ``"refuse"`` raises ``TargetUnfit`` with all of them before anything is
    written, ``"skip"`` leaves them out, ``"escape"`` gives them other names (see ``lake/tree/naming.py``).
    ``dry_run``: write nothing, but tell how much there is, and every problem that can be foreseen.  ``workers``:
    threads that read and write.  ``executor``: who makes the files instead, a batch at a time: threads, processes, or
    machines that see both the storage and the target.  ``validation``: refuse what is known to be unsound before
    anything is written, look at what was restored, and keep the report.

    What the target can have is tried out, in a folder that is gone again before anything is written.

    Raises ``InvalidName``, ``DatasetNotFound``, ``SnapshotNotFound``, ``EntryNotFound`` when no entry matches
    ``paths``, ``DataRefused`` when the policy of ``validation`` does, ``TargetRefused``, ``TargetUnfit``,
    ``UnsafePath``, ``StorageFull``, ``StorageDenied``, ``StorageFailed``; with ``on_problem="raise"`` also
    ``DamageError`` and ``SourceProblem``.
    """
    if on_problem not in ("record", "raise"):
        raise InvalidOption(f"on_problem is 'record' or 'raise', not {on_problem!r}", option="on_problem")
    if unfit not in ("refuse", "skip", "escape"):
        raise InvalidOption(f"unfit is 'refuse', 'skip' or 'escape', not {unfit!r}", option="unfit")
    owners = owners_here(owners)
    threads = thread_count(workers)
    state = context.catalog.refresh()
    snapshot = resolve(context, reference, state=state)
    with reading(context, snapshot):
        if validation is not None:
            from .validation.arriving import look_before

            look_before(context, snapshot, validation, state=state)
        manifest = Manifest.load(context.catalog, snapshot.id, state=state)
        patterns = Patterns.of(paths)
        archive = context.store.path("archive.json")
        check_target(target, archive=None if archive is None else archive.parent)
        ticker = Ticker(
            "restore",
            progress,
            total_files=None if patterns else snapshot.files,
            total_bytes=None if patterns else snapshot.bytes,
        )
        tally = Tally(strict=on_problem == "raise", ticker=ticker)
        job = _Job(context, manifest, patterns, SoundReader(state), tally)
        if patterns and not job.chosen:
            raise EntryNotFound(
                f"{snapshot.name} has no entry that matches {', '.join(patterns.patterns)}", snapshot=snapshot.name
            )
        rules = rules_for(target)
        job.fit = fit(
            job.looked_at, rules, os.fsdecode(target), choice=unfit, owners=owners != "none", only_look=dry_run
        )
        for problem in job.fit.problems:
            tally.report(problem)
        if not dry_run:
            with Placer(target, owners=owners, on_problem=tally.report, rules=rules) as placer:
                if executor is None:
                    job.run(placer, threads)
                else:
                    job.hand_out(executor, placer, os.path.abspath(os.fsencode(target)), rules)
                placer.finish()
            if any(problem.problem == "damaged" for problem in tally.problems):
                refuse_collected(context, snapshot)  # then nothing is damaged, and all of it is gone
            ticker.finish()
            report = None
            if validation is not None:
                from .validation.arriving import look_after

                report = look_after(context, snapshot, target, validation).report
            return Restored(snapshot.name, os.fsdecode(target), tally.files, tally.bytes, tuple(tally.problems), report)
        files, size = job.count()
        return Restored(snapshot.name, os.fsdecode(target), files, size, tuple(tally.problems))


class _Job:
    """One restore under way."""

    def __init__(
        self, context: Context, manifest: Manifest, patterns: Patterns, records: SoundReader, tally: Tally
    ) -> None:
        self._context, self._manifest, self._patterns = context, manifest, patterns
        self._records, self._tally = records, tally
        self.fit = Fit()

    @cached_property
    def chosen(self) -> list[pa.Table]:
        """What the patterns select: few rows, or everything was asked for in a roundabout way."""
        return list(selected(self._manifest, self._patterns, columns=_LOOKED_AT))

    @cached_property
    def above(self) -> pa.Table:
        """The folders that it lies in."""
        return with_folders(self._manifest, self.chosen, columns=_COLUMNS)

    def looked_at(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """All that is to be restored, as often as it is asked for; of what is damaged the restore itself will tell."""
        if self._patterns:
            yield from (self.above, *self.chosen)
        else:
            yield from self._every_row(columns, lambda problem: None)

    def count(self) -> tuple[int, int]:
        """How many files there are to make, and their bytes."""
        files = size = 0
        kinds = column(["file"] if self.fit.hardlinks else ["file", "hardlink"], pa.string())
        for rows in self.looked_at(_LOOKED_AT):
            sizes = self.fit.made(rows.filter(pc.is_in(rows["kind"], value_set=kinds)))["size"]
            files, size = files + len(sizes), size + (pc.sum(sizes).as_py() or 0)
        return files, size

    def run(self, placer: Placer, workers: int) -> None:
        """Place everything but what has to wait for the end."""
        remaker = Remaker(self._context.store, placer, self._tally)
        with ThreadPoolExecutor(workers, thread_name_prefix="holotype-restore") as pool:
            tasks = _Bounded(pool, 2 * workers)

            def large(file: _LargeFile) -> None:
                for task in self._located([file]):
                    remaker.large(task, check=tasks.check)

            try:
                for task in self._tasks(placer):
                    if isinstance(task, Small):
                        tasks.add(remaker.small, task)
                    else:
                        tasks.add(large, task)
                tasks.wait()
            except BaseException as error:
                tasks.stop(error)
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def hand_out(self, executor: Submits, placer: Placer, target: bytes, rules: Rules) -> None:
        """Place everything but what has to wait for the end; the files by the workers of ``executor``."""
        hand_out(
            executor,
            self._context,
            self._each_located(placer),
            target=target,
            owners=placer.owners,
            rules=rules,
            tally=self._tally,
        )

    def _tasks(self, placer: Placer) -> Iterator[Small | _LargeFile]:
        """Place what is no file; how to make the files."""
        for rows in self._rows():
            placer.place(rows)
            sizes = rows["size"].filter(pc.equal(rows["kind"], scalar("hardlink")))
            self._tally.linked(len(sizes), pc.sum(sizes).as_py() or 0)
            yield from self._files(rows, placer)

    def _each_located(self, placer: Placer) -> Iterator[Small | Large]:
        """The same tasks, large files looked up some at a time: a look at the index costs much the same for many."""
        waiting: list[_LargeFile] = []
        chunks = 0
        for task in self._tasks(placer):
            if isinstance(task, Small):
                yield task
                continue
            waiting.append(task)
            chunks += len(task.chunks)
            if chunks >= _LOOKUP:
                yield from self._located(waiting)
                waiting, chunks = [], 0
        yield from self._located(waiting)

    def _rows(self) -> Iterator[pa.Table]:
        """What to place, in key order, the folders above first, under the names that it gets."""
        absent = unchosen(self.chosen) if self._patterns else frozenset[bytes]()
        links = Relinked(
            self._manifest,
            lambda path: path in absent or not self.fit.is_made(path),
            columns=_COLUMNS,
            links=self.fit.hardlinks,
        )
        every = self._every_row(_COLUMNS, self._tally.report)
        if self._patterns:
            every = chain([self.above], selected(self._manifest, self._patterns, columns=_COLUMNS))
        for rows in every:
            yield self.fit.named(links.apply(self.fit.made(rows.select(_COLUMNS))))

    def _every_row(self, columns: Sequence[str], report: Callable[[Problem], object]) -> Iterator[pa.Table]:
        """All rows, but those of ranges that are damaged, which are reported."""
        manifest, after = self._manifest, None
        while True:
            try:
                for rows in manifest.rows(columns=columns, low=after):
                    yield rows
                    after = keys(rows.slice(rows.num_rows - 1))[0].as_py() + b"\0"
                return
            except DamageError as error:
                sound = [
                    part for part in manifest.ranges if manifest.segments[part.segment].key != error.about.get("key")
                ]
                # A damaged delta is no range: without it older rows would pass for this snapshot's.
                if self._tally.strict or len(sound) == len(manifest.ranges):
                    raise
                (lost,) = set(manifest.ranges) - set(sound)
                first, last = unkey(lost.first), unkey(lost.last)
                what = f"{lost.rows} entries from {shown(first)!r} to {shown(last)!r} are not restored"
                report(Problem(first, "damaged", f"{what}: {error.message}"))
                manifest = replace(manifest, ranges=tuple(sound))

    def _locate(self, ids: Sequence[bytes] | pa.Array) -> pa.Table:
        return self._records.read(lambda state: locate(self._context.catalog, ids, state=state))

    def _nowhere(self, what: str, **about: object) -> ObjectMissing:
        """The error that says that no pack has some chunks, and why that may be."""
        damaged = self._records.of("chunks", "packs")
        return ObjectMissing(
            f"no pack of the archive has {what}" + "".join(f"; {message}" for message in damaged.values()), **about
        )

    def _files(self, rows: pa.Table, placer: Placer) -> Iterator[Small | _LargeFile]:
        """The files among ``rows``: small ones by where they lie, each large one by itself, empty ones at once."""
        files = rows.filter(pc.equal(rows["kind"], scalar("file")))
        if not files.num_rows:
            return
        counts = plain(pc.list_value_length(files["chunks"]))
        whole = plain(files["holes"].is_null())
        small = files.filter(numbers((counts == 1) & whole))
        if small.num_rows:
            yield from self._small(small)
        rest = files.filter(numbers((counts != 1) | ~whole))
        for entry, sha256, ids in zip(
            entries(rest), rest["sha256"].to_pylist(), rest["chunks"].to_pylist(), strict=True
        ):
            if ids or entry.size:
                yield _LargeFile(entry, sha256, ids)
            elif placer.place_small(entry, b""):
                self._tally.placed(entry)

    def _small(self, files: pa.Table) -> Iterator[Small]:
        """Files of a single chunk, in the order in which their chunks lie."""
        ids = pc.list_flatten(files["chunks"]).combine_chunks()
        places = self._locate(ids)
        at = pc.index_in(ids, value_set=places["chunk"].combine_chunks())
        for row in np.flatnonzero(plain(at.is_null())).tolist():
            error = self._nowhere("its chunk", chunk=ids[row].as_py().hex())
            self._tally.lost(entries(files.slice(row, 1))[0], error)
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
        for start, stop in _runs(places):
            yield Small(places.slice(start, stop - start), start, rows_of, every, sha256s)

    def _located(self, files: Sequence[_LargeFile]) -> Iterator[Large]:
        """Where the chunks of some large files lie; those that are nowhere are lost, and the file with them."""
        if not files:
            return
        places = self._locate([chunk for file in files for chunk in file.chunks])
        there = places["chunk"].combine_chunks()
        for file in files:
            at = pc.index_in(column(file.chunks, pa.binary(32)), value_set=there)
            if at.null_count:
                self._tally.lost(file.entry, self._nowhere(f"{at.null_count} of its chunks"))
            else:
                yield Large(file.entry, file.sha256, places.take(at))


class _LargeFile(NamedTuple):
    """A file that is a task of its own, whose chunks were not looked up yet."""

    entry: Entry
    sha256: bytes
    chunks: list[bytes]


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


def _runs(places: pa.Table) -> Iterator[tuple[int, int]]:
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
