"""The index of chunks: which are stored already, and where each lies.

The truth is the table ``chunks``, a row per chunk with its pack; a chunk whose pack is not in the table ``packs`` was
condemned and counts as not stored.  ``Known`` answers for a backup whether chunks are there, ``locate`` tells a reader
where.
"""

from __future__ import annotations

import tempfile
import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import StorageFull, column, numbers, plain, scalar

from ..manifest.prefetch import ahead
from ..schema import CHUNKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, BinaryIO

    import numpy.typing as npt

    from holotype.catalog import Catalog, Segment, State

    Words = npt.NDArray[np.uint64]
    Records = np.ndarray[Any, np.dtype[np.void]]

__all__ = ["ID_BYTES", "Known", "locate"]

ID_BYTES = 32
_ID = pa.binary(ID_BYTES)
# New ids gathered in a set, where looking one up costs least, before they become an array.
_FRESH = 4096
# Arrays are merged until they have this many ids: a few of them are quick to search, and cost little to merge.
_SEALED = 1 << 18
# Whole ids of such arrays kept in memory, 28 bytes each; those of further ones go to a file.
_EXACT = 1 << 20
_RECORD = np.dtype([("rest", np.uint64, 3), ("pack", np.int32)])
_OWN = -1  # in the place of a pack's number: stored by this run


class _Run:
    """Some ids in order: their first 8 bytes as numbers, and the other 24 with the number of each one's pack."""

    def __init__(self, first: Words, whole: Records) -> None:
        self.first, self._whole = first, whole

    def __len__(self) -> int:
        return len(self.first)

    def whole(self, rows: npt.NDArray[np.intp]) -> Records:
        """What is known of some of the ids."""
        return self._whole[rows]

    def merged(self, other: _Run) -> _Run:
        """Both as one."""
        first, whole = np.concatenate([self.first, other.first]), np.concatenate([self._whole, other._whole])
        order = np.argsort(first, kind="stable")
        return _Run(first[order], whole[order])

    def spilled(self, file: BinaryIO) -> _Run:
        """The same ids with all but their beginnings in a file."""
        start = file.seek(0, 2)
        data = memoryview(self._whole.tobytes())
        while data:
            data = data[file.write(data) :]
        return _SpilledRun(self.first, file, start)


class _SpilledRun(_Run):
    """A run whose whole ids are in a file, from ``start`` on.  Reading them one by one leaves nothing in memory."""

    def __init__(self, first: Words, file: BinaryIO, start: int) -> None:
        super().__init__(first, np.empty(0, _RECORD))
        self._file, self._start = file, start
        self._lock = threading.Lock()

    def whole(self, rows: npt.NDArray[np.intp]) -> Records:
        found = bytearray()
        for row in rows.tolist():
            with self._lock:  # several branches read the same file
                self._file.seek(self._start + row * _RECORD.itemsize)
                found += self._file.read(_RECORD.itemsize)
        return np.frombuffer(found, _RECORD)


class Known:
    """Which chunks are stored already, as of ``state`` (by default the newest the catalog has seen), and in this run.

    Of the index only those segments are read that may have an id that was asked for.  From then on each of their chunks
    costs 8 bytes of memory: sorted arrays of the ids' beginnings, any match in which is confirmed with the whole id.
    Whole ids beyond the first million lie in a temporary file, in the folder ``spill`` or where ``tempfile`` puts it.

    May be asked from several threads.  Ask for hundreds of ids at a time: every question has a fixed cost.
    """

    def __init__(self, catalog: Catalog, *, state: State | None = None, spill: str | None = None) -> None:
        self._catalog = catalog
        self._state = catalog.state if state is None else state
        self._lock = threading.Lock()
        self._folder, self._exact = spill, 0
        self._spill: BinaryIO | None = None
        self._runs: list[_Run] = []
        self._unread = list(self._state.segments("chunks"))
        self._base: Known | None = None
        self._fresh: set[bytes] = set()
        self._packs = column([], pa.string())
        self._relied = np.zeros(0, np.bool_)

    def branch(self) -> Known:
        """The same knowledge for somebody else, who stores and relies on his own account."""
        with self._lock:
            self._load(self._unread)
            found = Known(self._catalog, state=self._state, spill=self._folder)
            found._unread, found._runs, found._exact = [], list(self._runs), self._exact
            found._packs, found._relied = self._packs, np.zeros(len(self._packs), np.bool_)
            found._base = self  # whose temporary file it reads
        return found

    @property
    def relied(self) -> frozenset[str]:
        """The packs of others with chunks that ``claim`` said are stored: they have to stay for that to be true."""
        with self._lock:
            return frozenset(self._packs.filter(numbers(self._relied)).to_pylist())

    def claim(self, ids: Sequence[bytes]) -> list[bool]:
        """Which of ``ids`` (32 bytes each) the caller has to store: those that nobody has stored or claimed, once each.

        The caller who was told ``True`` stores the chunk, or the run fails.  Raises ``ObjectMissing`` and
        ``ObjectDamaged`` when the index cannot be read, ``StorageFull`` when there is no room for the temporary file.
        """
        with self._lock:
            answer = [False] * len(ids)
            asked: dict[bytes, int] = {}
            for row, chunk in enumerate(ids):
                if chunk not in self._fresh:
                    asked.setdefault(chunk, row)
            if asked:
                stored = self._find(_words(b"".join(asked)))
                for (chunk, row), there in zip(asked.items(), stored.tolist(), strict=True):
                    if not there:
                        answer[row] = True
                        self._fresh.add(chunk)
                if len(self._fresh) >= _FRESH:
                    words = _words(b"".join(sorted(self._fresh)))
                    self._fresh.clear()
                    self._add(words, np.full(len(words), _OWN, np.int32))
            return answer

    def stored(self, ids: Sequence[bytes]) -> list[bool]:
        """Which of ``ids`` others have stored, or this run; nothing is claimed.  Raises what ``claim`` raises."""
        with self._lock:
            found = self._find(_words(b"".join(ids))).tolist() if ids else []
            return [there or chunk in self._fresh for there, chunk in zip(found, ids, strict=True)]

    def _find(self, words: Words) -> npt.NDArray[np.bool_]:
        """Which ids are in a run; the packs they are in are relied on from now on."""
        found = np.zeros(len(words), np.bool_)
        order = np.argsort(_numbers(words[:, 0]))  # searching in order is several times as fast
        first, rest = _numbers(words[order, 0]), words[order, 1:]
        self._load([segment for segment in self._unread if _may_have(segment, first)])
        if not self._runs:
            return found
        there = np.zeros(len(words), np.bool_)
        for run in self._runs:
            at = np.searchsorted(run.first, first)
            asking = np.flatnonzero((at < len(run.first)) & ~there)
            asking = asking[run.first[at[asking]] == first[asking]]
            while len(asking):  # more than once only where two ids begin alike
                whole = run.whole(at[asking])
                same = (whole["rest"] == rest[asking]).all(axis=1)
                there[asking[same]] = True
                packs = whole["pack"][same]
                self._relied[packs[packs != _OWN]] = True
                asking = asking[~same]
                at[asking] += 1
                asking = asking[at[asking] < len(run.first)]
                asking = asking[run.first[at[asking]] == first[asking]]
        found[order] = there
        return found

    def _load(self, segments: Sequence[Segment]) -> None:
        """Read these segments of the index, each once."""
        if segments and not len(self._packs):
            self._packs = self._catalog.read("packs", columns=["pack"], state=self._state)["pack"].combine_chunks()
            self._relied = np.zeros(len(self._packs), np.bool_)
        for segment in list(segments):
            rows = self._catalog.read("chunks", columns=["chunk", "pack"], segments=[segment])
            for start in range(0, rows.num_rows, _SEALED):
                part = rows.slice(start, _SEALED)
                packs = _places(part["pack"], self._packs)
                words, live = _words_of(part["chunk"]), packs >= 0
                self._add(words[live], packs[live])
            self._unread.remove(segment)

    def _add(self, words: Words, pack: npt.NDArray[np.int32]) -> None:
        """Ids in order become a run, merged with the shorter ones before it."""
        if not len(words):
            return
        whole = np.empty(len(words), _RECORD)
        whole["rest"], whole["pack"] = words[:, 1:], pack
        run = _Run(_numbers(words[:, 0]), whole)
        while self._runs and len(run) < _SEALED and len(self._runs[-1]) < min(_SEALED, 2 * len(run) + 1):
            run = self._runs.pop().merged(run)
        if len(run) >= _SEALED:
            self._exact += len(run)
            if self._exact > _EXACT:
                try:
                    run = run.spilled(self._file())
                except OSError as error:
                    raise StorageFull(
                        f"the chunk index needs a temporary file, and none can be written: {error.strerror}; make room,"
                        " or set TMPDIR to where there is some",
                        folder=self._folder or tempfile.gettempdir(),
                    ) from error
        self._runs.append(run)

    def _file(self) -> BinaryIO:
        if self._spill is None:
            file = tempfile.TemporaryFile(buffering=0, dir=self._folder, prefix="holotype-index-")  # noqa: SIM115 - closed with self
            self._spill = cast("BinaryIO", file)
            weakref.finalize(self, file.close)  # and thereby deleted
        return self._spill


def locate(
    catalog: Catalog, ids: Iterable[bytes] | pa.Array | pa.ChunkedArray, *, state: State | None = None
) -> pa.Table:
    """Where chunks lie: rows of the table ``chunks`` with the column ``object``, the key of the pack's data, in the
    order of their ids.

    ``ids``: 32 bytes each, in any order, also repeatedly; each that is stored comes once, others do not come.  Of
    several places the one whose pack's name sorts first is taken.  Segments are read one after the other; memory is a
    few of them and the result, about 300 bytes an id, so a caller with millions of ids asks in parts.
    Raises ``ObjectMissing`` and ``ObjectDamaged`` when the index cannot be read.
    """
    state = catalog.state if state is None else state
    wanted = _wanted(ids)
    beginnings = _numbers(_words_of(wanted)[:, 0])
    segments = [segment for segment in state.segments("chunks") if _may_have(segment, beginnings)]
    # Looking at the ids first pays where most segments have none of those wanted.
    read = _rows_after_a_look if len(wanted) * 4 < len(segments) else _rows_at_once
    tasks = [partial(read, catalog, segment, wanted) for segment in segments]
    found = [rows for rows in ahead(catalog.store, tasks) if rows.num_rows]
    packs = catalog.read("packs", columns=["pack", "object"], state=state) if found else None
    if packs is None:
        return CHUNKS.empty().append_column("object", column([], pa.string()))
    rows = pa.concat_tables(found).combine_chunks()
    place = _places(rows["pack"], packs["pack"].combine_chunks())
    if not (place >= 0).all():
        rows, place = rows.filter(numbers(place >= 0)), place[place >= 0]
    rows = rows.append_column("object", packs["object"].take(numbers(place)))
    if len(found) > 1 or rows.num_rows > len(wanted):
        rows = rows.sort_by([("chunk", "ascending"), ("pack", "ascending"), ("offset", "ascending")]).combine_chunks()
    words = _words_of(rows["chunk"])
    new = np.ones(len(words), np.bool_)
    new[1:] = (words[1:] != words[:-1]).any(axis=1)
    return rows if new.all() else rows.filter(numbers(new))


def _may_have(segment: Segment, beginnings: Words) -> bool:
    """Whether one of the ids that begin so, in order, may be among the segment's."""
    if segment.low is None or segment.high is None or not len(beginnings):
        return bool(len(beginnings))
    low, high = int(segment.low, 16), int(segment.high, 16)
    at = int(np.searchsorted(beginnings, np.uint64(low)))
    return at < len(beginnings) and int(beginnings[at]) <= high


def _wanted(ids: Iterable[bytes] | pa.Array | pa.ChunkedArray) -> pa.Array:
    """Different ids, sorted."""
    given: Any = ids if isinstance(ids, pa.Array | pa.ChunkedArray) else column(list(ids), _ID)
    distinct = given.cast(_ID).unique().drop_null()
    return distinct.take(pc.sort_indices(distinct))


def _rows_at_once(catalog: Catalog, segment: Segment, wanted: pa.Array) -> pa.Table:
    rows = catalog.read("chunks", segments=[segment])
    return rows.take(numbers(_matches(rows["chunk"], wanted)))


def _rows_after_a_look(catalog: Catalog, segment: Segment, wanted: pa.Array) -> pa.Table:
    look = catalog.read("chunks", columns=["chunk"], segments=[segment])
    found = _matches(look["chunk"], wanted)
    return catalog.read("chunks", segments=[segment]).take(numbers(found)) if len(found) else CHUNKS.empty()


def _matches(ids: pa.ChunkedArray, wanted: pa.Array) -> npt.NDArray[np.intp]:
    """Which of ``ids`` are among ``wanted``, which are in order."""
    words, asked = _words_of(ids), _words_of(wanted)
    here, beginnings = _numbers(words[:, 0]), _numbers(asked[:, 0])
    at = np.minimum(np.searchsorted(beginnings, here), len(asked) - 1)
    rows = np.flatnonzero(beginnings[at] == here)
    same = (words[rows] == asked[at[rows]]).all(axis=1)
    if not same.all():  # they begin alike: with the one that was found first, or with one behind it
        same[~same] = plain(pc.is_in(ids.take(numbers(rows[~same])), value_set=wanted))
    found: npt.NDArray[np.intp] = rows[same]
    return found


def _places(packs: pa.ChunkedArray, among: pa.Array) -> npt.NDArray[np.int32]:
    """The place of each name in ``among``, -1 where it is not there."""
    values = packs.combine_chunks().dictionary_encode()
    places = plain(pc.fill_null(pc.index_in(values.dictionary, value_set=among), scalar(-1, pa.int32())))
    found: npt.NDArray[np.int32] = np.asarray(places[plain(values.indices)], np.int32)
    return found


def _words(ids: bytes) -> Words:
    """Ids as rows of four 8-byte words, in the bytes' own order."""
    return np.frombuffer(ids, np.uint64).reshape(-1, 4)


def _words_of(ids: pa.Array | pa.ChunkedArray) -> Words:
    if isinstance(ids, pa.ChunkedArray):
        ids = ids.combine_chunks()
    if not len(ids):
        return np.empty((0, 4), np.uint64)
    data = ids.buffers()[1]
    return np.frombuffer(data, np.uint64)[4 * ids.offset : 4 * (ids.offset + len(ids))].reshape(-1, 4)


def _numbers(words: Words) -> Words:
    """Words as numbers that sort as their bytes do."""
    return np.ascontiguousarray(words).view(">u8").astype(np.uint64)
