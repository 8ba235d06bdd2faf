"""Reading source files by workers of an executor: each batch of files is read, cut and packed by whoever takes it.

    survey ─▶ files to read, in batches ─▶ worker: read, cut, hash → known? → packs of its own ──▶ store.put
                     ▲                                                                │
                     └──── digests, chunk ids, rows of packs and of their chunks ◀────┘

A worker knows the chunks that were stored before the run began, and those of its own batch.  What two batches find at
the same time is stored twice, which a later repack undoes.  Helpers of this process (``helpers``) ask it instead, so
that of them nothing is stored twice.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from holotype.catalog import Catalog, SourceProblem

from ..context import Context, host_here
from ..executing import Handed, Place, worker_count
from ..progress import Ticker
from ..records.index import Known
from ..schema import TABLES
from ..tree.levels import joined
from .helpers import ask
from .intake import Intake, Problems, Reader, Reading
from .ledger import Ledger
from .packing import Packer, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from holotype.catalog import Segment

    from ..executing import Submits
    from ..tree.problems import Problem
    from .intake import FileRow
    from .packing import Claimed

__all__ = ["Claims", "Deputies"]

# One batch: enough to outweigh handing it over, little enough to be done again.
_BATCH_FILES, _BATCH_BYTES = 4096, 256 << 20

Wanted = tuple[int, int, int]


@dataclass(frozen=True)
class _Batch:
    """Files to read, and all that a worker has to know for it.

    ``identity``: of the source's folder, by which a worker on another machine knows it for the same.  ``version``: of
    the log, as of which chunks count as stored.
    """

    place: Place
    version: int
    session: str
    source: str
    identity: int
    paths: Sequence[bytes]
    wanted: Sequence[Wanted]
    chunking: dict[str, int]
    level: int
    strict: bool
    claims: Claims | None


class Claims:
    """Which chunks are stored already, as the driver knows it: handed to a helper, it asks there."""

    relied: frozenset[str] = frozenset()  # the driver's own account says that of all

    def __init__(self, known: Claimed) -> None:
        self.claim = known.claim

    def __reduce__(self) -> tuple[object, ...]:
        return _Asked, ()


class _Asked:
    """The same in a helper."""

    relied: frozenset[str] = frozenset()

    def claim(self, ids: Sequence[bytes]) -> list[bool]:
        """See ``Known``."""
        answer: list[bool] = ask(ids)
        return answer


@dataclass(frozen=True)
class _Done:
    """What became of a batch: of each file by its place in the batch, and of what was stored for them."""

    found: dict[int, FileRow | None]
    sha256: list[bytes | None]
    chunks: list[list[bytes] | bytes | None]
    problems: list[Problem]
    packs: list[dict[str, Any]]
    index: pa.Table | None
    segments: tuple[Segment, ...]
    relied: frozenset[str]
    bytes: int


class Deputies(Reader):
    """Hands files to an executor instead of reading them (see the module)."""

    def __init__(
        self,
        executor: Submits,
        context: Context,
        intake: Intake,
        ledger: Ledger,
        *,
        source: str,
        level: int,
        problems: Problems,
        ticker: Ticker,
        claims: Claims | None = None,
    ) -> None:
        self._claims = claims
        self._executor, self._context, self._intake, self._ledger = executor, context, intake, ledger
        self._problems, self._ticker = problems, ticker
        self._source, self._level = source, level
        self._version = context.catalog.state.version
        self.ahead = 2 * worker_count(executor)

    @cached_property
    def _identity(self) -> int:
        # Before the source was looked at nobody knows whether there is one.
        return _identity(self._source)

    def begin(self, unit: Unit, paths: Sequence[bytes], rows: Sequence[int], wanted: Sequence[Wanted]) -> Reading:
        """See ``Reader``."""
        context = self._context
        place, session = Place.here(context.store, context.catalog.id), self._ledger.session()
        handed: list[tuple[Sequence[int], Handed[_Done | None]]] = []
        for start, stop in _batches(wanted):
            batch = _Batch(
                place,
                self._version,
                session,
                self._source,
                self._identity,
                paths[start:stop],
                wanted[start:stop],
                context.catalog.settings["chunking"],
                self._level,
                self._problems.strict,
                self._claims,
            )
            # What was claimed for a batch is nobody else's to store: done again, it would not be stored.
            handed.append((rows[start:stop], Handed(self._executor, _read, batch, again=self._claims is None)))
        return _Reading(self, unit, handed)

    def attributes(self, path: bytes, kind: str) -> list[tuple[bytes, bytes]] | None:
        """See ``Reader``."""
        return self._intake.attributes(path, kind)

    def take(self, unit: Unit, rows: Sequence[int], done: _Done) -> dict[int, FileRow | None]:
        """Take over what a worker found."""
        for row, sha256, chunks in zip(rows, done.sha256, done.chunks, strict=True):
            unit.sha256[row], unit.chunks[row] = sha256, chunks
        for problem in done.problems:
            self._problems.take(problem)
        self._ledger.take(done.packs, done.index, segments=done.segments)
        self._ledger.rely(done.relied)
        self._ticker.add(files=len(done.found), bytes=done.bytes)
        return {rows[at]: row for at, row in done.found.items()}


@dataclass
class _Reading(Reading):
    """The batches of one unit, under way."""

    deputies: Deputies
    unit: Unit
    handed: list[tuple[Sequence[int], Handed[_Done | None]]] = field(default_factory=list)

    @property
    def done(self) -> bool:
        return all(handed.done for _, handed in self.handed)

    def result(self) -> dict[int, FileRow | None]:
        found: dict[int, FileRow | None] = {}
        for rows, handed in self.handed:
            done = handed.result() or handed.here()
            assert done is not None  # who asks sees the source
            found |= self.deputies.take(self.unit, rows, done)
        return found

    def cancel(self) -> None:
        for _, handed in self.handed:
            handed.cancel()


def _batches(wanted: Sequence[Wanted]) -> Iterator[tuple[int, int]]:
    """Runs of files that make a batch each, as their first and the one behind their last."""
    start = size = 0
    for at, (length, _, _) in enumerate(wanted):
        if at > start and (at - start >= _BATCH_FILES or size + length > _BATCH_BYTES):
            yield start, at
            start, size = at, 0
        size += length
    if start < len(wanted):
        yield start, len(wanted)


def _identity(source: str) -> int:
    return os.stat(source).st_ino


def _read(batch: _Batch) -> _Done | None:
    """Read a batch; done by a worker.  ``None`` from one that does not seem to see the same files."""
    context = _context(batch.place, batch.version)
    _check_source(batch)
    if host_here() != batch.place.host and not _sees(batch):
        return None
    known = batch.claims if batch.claims is not None else _stored(context, batch.place, batch.version).branch()
    ledger = Ledger(context, open_session=lambda: batch.session)
    problems = Problems(strict=batch.strict)
    unit = Unit(len(batch.paths))
    with Packer(ledger, known=known, level=batch.level, workers=0) as packer:
        intake = Intake(batch.source, packer, chunking=batch.chunking, problems=problems, ticker=Ticker("backup", None))
        found = intake.begin(unit, batch.paths, range(len(batch.paths)), batch.wanted).result()
        packer.finish()
    packs, index, segments = ledger.rows()
    size = sum(batch.wanted[at][0] if row is None else row.size for at, row in found.items())
    return _Done(found, unit.sha256, unit.chunks, problems.found, packs, index, segments, known.relied, size)


def _check_source(batch: _Batch) -> None:
    """Refuse to take for vanished what another machine has."""
    try:
        there = _identity(batch.source) == batch.identity
    except OSError:
        there = False
    if not there:
        raise SourceProblem(
            f"a worker on {host_here()} does not see the folder {batch.source!r} of {batch.place.host}; nothing was"
            " committed",
            path=batch.source,
            problem="unreadable",
        )


def _sees(batch: _Batch) -> bool:
    """Whether at least one file is as it was scanned.

    A folder of the same path and number on another machine may be that machine's own, such as the root of a disk.  No
    file in it has the same size and times; of the right ones hardly all have changed since.
    """
    folder = batch.source if os.path.isdir(batch.source) else os.path.dirname(batch.source)
    for path, expected in zip(batch.paths, batch.wanted, strict=True):
        try:
            status = os.stat(joined(os.fsencode(folder), path))
        except OSError:
            continue
        if (status.st_size, status.st_mtime_ns, status.st_ctime_ns) == expected:
            return True
    return False


_lock = threading.Lock()
# The archive that this worker saw last, and what was stored in it as of some version.
_opened: dict[Place, Catalog] = {}
_known: dict[tuple[str, int], Known] = {}


def _context(place: Place, version: int) -> Context:
    """The archive as a worker sees it, opened once."""
    store = place.storage()
    with _lock:
        catalog = _opened.get(place)
        if catalog is None:
            catalog = Catalog.open(store, tables=TABLES)
            _opened.clear()
            _opened[place] = catalog
        if catalog.state.version < version:
            catalog.refresh()
    return Context(store, catalog, author="")


def _stored(context: Context, place: Place, version: int) -> Known:
    """What was stored as of ``version`` or later, read once by each worker."""
    with _lock:
        known = _known.get((place.archive, version))
        if known is None:
            _known.clear()
            known = _known[place.archive, version] = Known(context.catalog, state=context.catalog.state)
    return known
