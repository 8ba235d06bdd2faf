"""Chunks into packs, on several threads: hash, look up, compress, store.

The reader fills buffers from a bounded pool and submits them as jobs; each worker thread takes a job, hashes its
pieces, drops those the archive already has, and adds the rest to packs of its own::

    reader ── buffers ──▶ queue ──▶ worker: hash → known? → trial → pack ──▶ store.put
       ▲                              │
       └────────── free buffers ◀─────┘

Memory is the buffer pool plus the open packs of each worker, whatever the size of the source.  Packs of one worker hold
pieces of like kind: numbers in Zarr packs, text compressed and noise as it is in Parquet packs, files of one suffix
side by side, because an entropy coder does badly on a mixture.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import queue
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from blake3 import blake3

from .chunkers import compressible
from .packs import ParquetPackWriter, ZarrPackWriter
from .schema import PACKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType

    from holotype.catalog import Segment

    from .chunkers import Region
    from .context import Context
    from .index import Known
    from .packs import Pack, PackWriter

__all__ = ["BUFFER_BYTES", "Packed", "Packer", "Pieces", "SmallFiles", "Unit"]

BUFFER_BYTES = 8 << 20  # twice the largest chunk: a buffer that starts with a cut-off chunk still completes one
# stored bytes a worker keeps in unfinished packs: bounds memory, and makes packs of a size S3 and disks like
OPEN_BYTES = 24 << 20
# small files compressed together: enough for the coder to learn, little enough to fetch for one file
GROUP_BYTES = 1 << 20
# of some files of one kind, how many speak for all, and with how much
SAMPLED_FILES, SAMPLE_BYTES = 16, 4 << 10
INDEX_ROWS = 1 << 17  # rows of the chunk index held before they become a segment


class Unit:
    """A run of manifest rows whose files are being read; complete when every job that speaks of it is done.

    ``chunks``: the ids of a file's chunks, or of its only one.
    """

    def __init__(self, rows: int) -> None:
        self.sha256: list[bytes | None] = [None] * rows
        self.chunks: list[list[bytes] | bytes | None] = [None] * rows
        self.pending = 0


@dataclass(frozen=True)
class SmallFiles:
    """A buffer of whole files, each a single chunk.

    ``stops``: where each ends.  ``ids``: those of files that whoever read them has hashed already.  ``kinds``:
    suffixes, to put like beside like.
    """

    unit: Unit
    buffer: bytearray
    rows: Sequence[int]
    stops: Sequence[int]
    ids: Sequence[bytes | None]
    kinds: Sequence[bytes]


@dataclass(frozen=True)
class Pieces:
    """A buffer with consecutive chunks of one file; their ids go into ``ids`` from ``first`` on.

    ``region``: the typed region that they are whole blocks of; ``None`` for bytes.
    """

    unit: Unit
    buffer: bytearray
    stops: Sequence[int]
    ids: list[bytes]
    first: int
    region: Region | None = None


@dataclass(frozen=True)
class Packed:
    """What packing leaves to commit: index segments and pack rows, the bytes that were new, and packs of others relied
    on.
    """

    session: str | None
    chunks: tuple[Segment, ...]
    packs: tuple[Segment, ...]
    new_bytes: int
    stored_bytes: int
    relied: frozenset[str]


@dataclass
class _Shared:
    """What the workers fill together, under one lock."""

    index: list[pa.Table] = field(default_factory=list)
    indexed: int = 0
    segments: list[Segment] = field(default_factory=list)
    packs: list[dict[str, Any]] = field(default_factory=list)
    new_bytes: int = 0
    stored_bytes: int = 0


class Packer:
    """The worker threads, their queue and buffers; a context manager: leaving it by an exception abandons the work."""

    def __init__(
        self,
        context: Context,
        *,
        known: Known,
        open_session: Callable[[], str],
        level: int,
        workers: int | None = None,
    ) -> None:
        self._context, self._known, self._open_session, self._level = context, known, open_session, level
        count = max(2, workers or min(os.cpu_count() or 2, 16))
        self._jobs: queue.Queue[SmallFiles | Pieces | None] = queue.Queue()
        self._free: queue.Queue[bytearray] = queue.Queue()
        # Bounded by the pool: a job holds a buffer, so the queue never outgrows it.
        self._unmade = count + 2
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._shared = _Shared()
        self._session: str | None = None
        self._session_lock = threading.Lock()
        self._known_lock = threading.Lock()
        self._over = False
        self._running = count
        self._threads = [
            threading.Thread(target=self._work, name=f"holotype-pack-{i}", daemon=True) for i in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Packer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self._error is None:
            self._error = error
        self._join()

    def _join(self) -> None:
        # Whoever is interrupted here comes back to wait for the rest: a word too many does no harm.
        if not self._over:
            for _ in self._threads:
                self._jobs.put(None)
            self._over = True
        # Not by joining alone: before Python 3.13 an interrupted join takes a running thread for one that has ended.
        with self._changed:
            self._changed.wait_for(lambda: self._running == 0)
        for thread in self._threads:
            thread.join()

    @property
    def stored_bytes(self) -> int:
        """Bytes put into storage so far."""
        return self._shared.stored_bytes

    def buffer(self) -> bytearray:
        """A free buffer of ``BUFFER_BYTES``; waits until a worker gives one back."""
        self._raise()
        if self._unmade:
            self._unmade -= 1
            return bytearray(BUFFER_BYTES)
        return self._free.get()

    def give_back(self, buffer: bytearray) -> None:
        """Return a buffer that no job was made of."""
        self._free.put(buffer)

    def submit(self, job: SmallFiles | Pieces) -> None:
        """Hand a filled buffer to the workers."""
        self._raise()
        with self._changed:
            job.unit.pending += 1
        self._jobs.put(job)

    def wait(self, unit: Unit) -> None:
        """Until every job of ``unit`` is done."""
        with self._changed:
            self._changed.wait_for(lambda: unit.pending == 0)
        self._raise()

    def finish(self) -> Packed:
        """Complete all packs and put them into storage; what is left is to commit."""
        self._join()
        self._raise()
        shared, catalog = self._shared, self._context.catalog
        self._flush_index(0)
        packs = (catalog.write("packs", PACKS.rows(shared.packs)),) if shared.packs else ()
        return Packed(
            session=self._session,
            chunks=tuple(shared.segments),
            packs=packs,
            new_bytes=shared.new_bytes,
            stored_bytes=shared.stored_bytes,
            relied=frozenset(self._known.relied),
        )

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def session(self) -> str:
        """The session that new packs lie under, opened by a commit when the first is begun."""
        with self._session_lock:
            if self._session is None:
                self._session = self._open_session()
            return self._session

    def _work(self) -> None:
        try:
            self._work_off()
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _work_off(self) -> None:
        writers = _Writers(self)
        while (job := self._jobs.get()) is not None:
            try:
                if self._error is None:
                    writers.take(job)
            except BaseException as error:  # noqa: BLE001 - handed to the reader's thread, which raises it
                self._error = self._error or error
            finally:
                self._free.put(job.buffer)
                with self._changed:
                    job.unit.pending -= 1
                    self._changed.notify_all()
        try:
            if self._error is None:
                writers.finish()
        except BaseException as error:  # noqa: BLE001 - as above
            self._error = self._error or error

    def unknown(self, ids: list[bytes]) -> list[bool]:
        """Which of ``ids`` nobody has stored yet; those are this caller's to store."""
        with self._known_lock:
            return self._known.claim(ids)

    @property
    def level(self) -> int:
        """The zstd level of compressed packs."""
        return self._level

    def store(self, pack: Pack) -> None:
        """Put a finished pack into storage and remember its rows."""
        for item in pack.objects:
            self._context.store.put(item.key, item.parts)
        pack.release()
        # Sorting copies the rows into Arrow's own memory: among the blocks that come and go on the heap they would tear
        # holes.
        rows = pack.chunks.sort_by("chunk")
        with self._changed:
            shared = self._shared
            shared.packs.append(pack.row)
            shared.index.append(rows)
            shared.indexed += rows.num_rows
            shared.new_bytes += pack.row["raw"]  # type: ignore[operator]
            shared.stored_bytes += pack.row["bytes"]  # type: ignore[operator]
        self._flush_index(INDEX_ROWS)

    def _flush_index(self, beyond: int) -> None:
        with self._changed:
            shared = self._shared
            if shared.indexed <= beyond:
                return
            rows = pa.concat_tables(shared.index)
            shared.index, shared.indexed = [], 0
        segment = self._context.catalog.write("chunks", rows)
        with self._changed:
            shared.segments.append(segment)


class _Writers:
    """One worker's open packs."""

    def __init__(self, packer: Packer) -> None:
        self._packer = packer
        self._open: dict[object, PackWriter] = {}

    def take(self, job: SmallFiles | Pieces) -> None:
        if isinstance(job, SmallFiles):
            self._small(job)
        else:
            self._pieces(job)

    def _small(self, job: SmallFiles) -> None:
        view = memoryview(job.buffer)
        files = [view[start:stop] for start, stop in itertools.pairwise((0, *job.stops))]
        ids: list[bytes] = []
        for row, file, known in zip(job.rows, files, job.ids, strict=True):
            if known is None:
                known = job.unit.chunks[row] = blake3(file).digest()
                job.unit.sha256[row] = hashlib.sha256(file).digest()
            ids.append(known)
        new = self._packer.unknown(ids)
        wanted = sorted((i for i, is_new in enumerate(new) if is_new), key=job.kinds.__getitem__)
        gathered: dict[bool, list[int]] = {True: [], False: []}
        for _, same_kind in itertools.groupby(wanted, key=job.kinds.__getitem__):
            some = list(same_kind)
            gathered[compressible(_sample([files[i] for i in some]))] += some
        for pays, some in gathered.items():
            for group in _groups(some, [len(file) for file in files]):
                self._add([ids[i] for i in group], [files[i] for i in group], pays=pays)

    def _pieces(self, job: Pieces) -> None:
        view, starts = memoryview(job.buffer), (0, *job.stops)
        ids = [blake3(view[start:stop]).digest() for start, stop in itertools.pairwise(starts)]
        job.ids[job.first : job.first + len(ids)] = ids
        for is_new, chunk, (start, stop) in zip(
            self._packer.unknown(ids), ids, itertools.pairwise(starts), strict=True
        ):
            if not is_new:
                continue
            # A file that became shorter ends in a piece that is no whole block.
            if job.region is not None and stop - start == job.region.block_bytes:
                writer = self._writer((job.region.dtype, job.region.block_bytes, job.region.filter))
                assert isinstance(writer, ZarrPackWriter)
                writer.append(chunk, writer.encode(view[start:stop]))
                self._limit()
            else:
                self._add([chunk], [view[start:stop]], pays=compressible(view[start:stop]))

    def _add(self, ids: list[bytes], chunks: list[memoryview], *, pays: bool) -> None:
        writer = self._writer(pays)
        assert isinstance(writer, ParquetPackWriter)
        writer.add(ids, chunks)
        self._limit()

    def _writer(self, kind: Any) -> PackWriter:
        writer = self._open.get(kind)
        if writer is None:
            session = self._packer.session()
            if isinstance(kind, bool):
                writer = ParquetPackWriter(session, compress=kind, level=self._packer.level)
            else:
                dtype, block_bytes, filter_ = kind
                writer = ZarrPackWriter(session, dtype=dtype, block_bytes=block_bytes, filter=filter_)
            self._open[kind] = writer
        return writer

    def _limit(self) -> None:
        while sum(writer.stored for writer in self._open.values()) > OPEN_BYTES:
            largest = max(self._open, key=lambda kind: self._open[kind].stored)
            self._packer.store(self._open.pop(largest).finish())
        for kind in [kind for kind, writer in self._open.items() if writer.full]:
            self._packer.store(self._open.pop(kind).finish())

    def finish(self) -> None:
        while self._open:
            _, writer = self._open.popitem()
            self._packer.store(writer.finish())


def _sample(files: Sequence[memoryview]) -> bytes:
    """Bytes that speak for some files of one kind, from their middles: many begin with a header unlike the rest."""
    some = files[:: max(1, len(files) // SAMPLED_FILES)]
    starts = [max(0, len(file) - SAMPLE_BYTES) // 2 for file in some]
    return b"".join([file[start : start + SAMPLE_BYTES] for file, start in zip(some, starts, strict=True)])


def _groups(some: Sequence[int], sizes: Sequence[int]) -> Iterable[Sequence[int]]:
    """Neighbours put together until a group is worth compressing by itself."""
    start = size = 0
    for stop, i in enumerate(some, 1):
        size += sizes[i]
        if size >= GROUP_BYTES or stop == len(some):
            yield some[start:stop]
            start, size = stop, 0
