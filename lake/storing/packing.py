"""Chunks into packs, on several threads: hash, look up, compress, store.

The reader fills buffers from a bounded pool and submits them as jobs; each worker thread takes a job, hashes its
pieces, drops those the archive already has, and adds the rest to packs of its own::

    reader ── buffers ──▶ queue ──▶ worker: hash → known? → trial → pack ──▶ store.put
       ▲                              │
       └────────── free buffers ◀─────┘

Into distant storage finished packs go by threads of their own (``uploading``): a worker does not wait for a network.

Memory is the buffer pool, the open packs of each worker and the few under way, whatever the size of the source.  Packs
of one worker hold pieces of like kind: numbers in Zarr packs, text compressed and noise as it is in Parquet packs,
files of one suffix side by side, because an entropy coder does badly on a mixture.
"""

from __future__ import annotations

import hashlib
import itertools
import queue
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from blake3 import blake3

from ..chunkers import compressible
from ..packs import ParquetPackWriter, ZarrPackWriter
from .uploading import Uploads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType

    from ..chunkers import Region
    from ..packs import Pack, PackWriter
    from .filehash import FileHash
    from .ledger import Ledger

    # Of packs: whether bytes are compressed, or the type, size and filter of blocks.
    Kind = bool | tuple[str, int, str]

__all__ = ["BUFFER_BYTES", "Claimed", "Packer", "Pieces", "SmallFiles", "Unit"]

BUFFER_BYTES = 8 << 20  # twice the largest chunk: a buffer that starts with a cut-off chunk still completes one
# stored bytes a worker keeps in unfinished packs: bounds memory, and makes packs of a size S3 and disks like
OPEN_BYTES = 24 << 20
# packs on their way into distant storage
UPLOADS = 2
# small files compressed together: enough for the coder to learn, little enough to fetch for one file
GROUP_BYTES = 1 << 20
# of some files of one kind, how many speak for all, and with how much
SAMPLED_FILES, SAMPLE_BYTES = 16, 4 << 10


class Claimed(Protocol):
    """What is asked of who knows which chunks are stored: see ``Known``."""

    @property
    def relied(self) -> frozenset[str]:
        """The packs of others that hold some of them."""
        ...

    def claim(self, ids: Sequence[bytes], /) -> list[bool]:
        """Which of them the caller has to store."""
        ...


class Unit:
    """A run of manifest rows whose files are being read; complete when every job that speaks of it is done.

    ``chunks``: the ids of a file's chunks, or of its only one.  ``hashes``: of files that are read in several jobs,
    which become digests in the end.
    """

    def __init__(self, rows: int) -> None:
        self.sha256: list[bytes | None] = [None] * rows
        self.chunks: list[list[bytes] | bytes | None] = [None] * rows
        self.hashes: dict[int, FileHash] = {}
        self.pending = 0

    def settle(self) -> None:
        """Take over the digests of large files, whose jobs are all done."""
        for row, running in self.hashes.items():
            self.sha256[row] = running.digest()
        self.hashes.clear()


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

    ``running``: the hash of the whole file, in which these bytes have their ``turn``.  ``region``: the typed region
    that they are whole blocks of; ``None`` for bytes.
    """

    unit: Unit
    buffer: bytearray
    stops: Sequence[int]
    ids: list[bytes]
    first: int
    running: FileHash
    turn: int
    region: Region | None = None


class Packer:
    """The worker threads, their queue and buffers; a context manager: leaving it by an exception abandons the work.

    ``ledger``: takes the finished packs.  ``workers``: how many threads; with 0 every job is done by whoever submits
    it, before ``submit`` returns.
    """

    def __init__(self, ledger: Ledger, *, known: Claimed, level: int, workers: int) -> None:
        self._ledger, self._known, self._level = ledger, known, level
        self._jobs: queue.Queue[SmallFiles | Pieces | None] = queue.Queue()
        self._free: queue.Queue[bytearray] = queue.Queue()
        # Bounded by the pool: a job holds a buffer, so the queue never outgrows it.  The reader holds up to three: that
        # of small files, and of a large one the part at hand and the next.
        self._unmade = max(3, workers + 2)
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._known_lock = threading.Lock()
        self._over = False
        self._running = workers
        self._own = None if workers else _Writers(self)
        self._uploads: Uploads | None = None
        if workers and ledger.distant:
            self._uploads = Uploads(self._upload, failed=self._fail, threads=UPLOADS)
        self._threads = [
            threading.Thread(target=self._work, name=f"holotype-pack-{i}", daemon=True) for i in range(workers)
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
        if self._uploads is not None:
            self._uploads.finish()

    def buffer(self) -> bytearray:
        """A free buffer of ``BUFFER_BYTES``; waits until a worker gives one back."""
        self._raise()
        try:
            buffer = self._free.get(block=not self._unmade)
        except queue.Empty:
            self._unmade -= 1
            return bytearray(BUFFER_BYTES)
        self._raise()
        return buffer

    def give_back(self, buffer: bytearray) -> None:
        """Return a buffer that no job was made of."""
        self._free.put(buffer)

    def submit(self, job: SmallFiles | Pieces) -> None:
        """Hand a filled buffer to the workers."""
        self._raise()
        with self._changed:
            job.unit.pending += _steps(job)
        if self._own is not None:
            self._do(job, self._own)
            self._raise()
        else:
            self._jobs.put(job)

    def wait(self, unit: Unit) -> None:
        """Until every job of ``unit`` is done."""
        with self._changed:
            self._changed.wait_for(lambda: unit.pending == 0 or self._error is not None)
        self._raise()
        unit.settle()

    def finish(self) -> None:
        """Complete all packs and put them into storage."""
        if self._own is not None:
            self._own.finish()
        self._join()
        self._raise()
        self._ledger.rely(self._known.relied)

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

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
            self._do(job, writers)
        try:
            if self._error is None:
                writers.finish()
        except BaseException as error:  # noqa: BLE001 - handed to the reader's thread, which raises it
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()
        self._free.put(bytearray())  # for a reader that waits for a buffer: it raises the error instead

    def _do(self, job: SmallFiles | Pieces, writers: _Writers) -> None:
        left = _Left(_steps(job), partial(self._done, job))
        try:
            if isinstance(job, Pieces):
                # Also after an error: the buffers of later pieces wait behind this one.
                job.running.add(job.turn, memoryview(job.buffer)[: job.stops[-1]], left.step)
            if self._error is None:
                writers.take(job)
        except BaseException as error:  # noqa: BLE001 - as above
            self._fail(error)
        finally:
            left.step()

    def _done(self, job: SmallFiles | Pieces) -> None:
        self._free.put(job.buffer)
        with self._changed:
            job.unit.pending -= _steps(job)
            self._changed.notify_all()

    def unknown(self, ids: list[bytes]) -> list[bool]:
        """Which of ``ids`` nobody has stored yet; those are this caller's to store."""
        with self._known_lock:
            return self._known.claim(ids)

    def writer(self, kind: Kind) -> PackWriter:
        """A new pack: of bytes, compressed or not, or of blocks of one type, size and filter."""
        session = self._ledger.session()
        if isinstance(kind, bool):
            return ParquetPackWriter(session, compress=kind, level=self._level)
        dtype, block_bytes, filter_ = kind
        return ZarrPackWriter(session, dtype=dtype, block_bytes=block_bytes, filter=filter_)

    def store(self, writer: PackWriter) -> None:
        """Put a pack into storage."""
        if self._uploads is not None:
            self._uploads.add(writer.finish())
        else:
            self._ledger.store(writer.finish())

    def _upload(self, pack: Pack) -> None:
        if self._error is None:  # else nobody wants it
            self._ledger.store(pack)


class _Left:
    """What is left to do with a job: its pieces are packed by one thread, and hashed by the same or another."""

    def __init__(self, steps: int, done: Callable[[], None]) -> None:
        self._steps, self._done = steps, done
        self._lock = threading.Lock()

    def step(self) -> None:
        """One of the steps is done."""
        with self._lock:
            self._steps -= 1
            last = not self._steps
        if last:
            self._done()


def _steps(job: SmallFiles | Pieces) -> int:
    return 2 if isinstance(job, Pieces) else 1


class _Writers:
    """One worker's open packs."""

    def __init__(self, packer: Packer) -> None:
        self._packer = packer
        self._open: dict[Kind, PackWriter] = {}

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

    def _writer(self, kind: Kind) -> PackWriter:
        writer = self._open.get(kind)
        if writer is None:
            writer = self._open[kind] = self._packer.writer(kind)
        return writer

    def _limit(self) -> None:
        while sum(writer.stored for writer in self._open.values()) > OPEN_BYTES:
            largest = max(self._open, key=lambda kind: self._open[kind].stored)
            self._packer.store(self._open.pop(largest))
        for kind in [kind for kind, writer in self._open.items() if writer.full]:
            self._packer.store(self._open.pop(kind))

    def finish(self) -> None:
        while self._open:
            _, writer = self._open.popitem()
            self._packer.store(writer)


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
