"""The bytes of one archived file: which chunks they are, where these lie, and those that were read last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import ObjectDamaged, ObjectMissing, SnapshotNotFound

from ..packs import PackReader
from ..records.index import locate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt
    from typing_extensions import Buffer

    from ..context import Context

__all__ = ["Content", "Locates"]

_HELD = 32 << 20  # bytes of verified chunks an open file keeps: eight of the largest
_BATCH = 8 << 20  # bytes of chunks asked for at once
_AHEAD = 4 << 20  # bytes fetched before they are asked for
_ZEROS = bytes(1 << 20)


class Locates(Protocol):
    """Who knows where chunks lie."""

    def locate(self, ids: pa.Array) -> pa.Table:
        """As ``index.locate``, for different ids."""
        ...


class Content:
    """The bytes of one archived file, at any offset; safe to share between threads.

    ``size`` is in bytes.  ``chunks``: the file's chunk ids in order; ``holes``: offset, length, offset, length, …
    ``reader``, ``places``: given to several contents, they decode small files together that were compressed together,
    and look up together where they lie.
    """

    def __init__(
        self,
        context: Context,
        *,
        name: str,
        size: int,
        chunks: Sequence[bytes],
        holes: Sequence[int] = (),
        reader: PackReader | None = None,
        places: Locates | None = None,
    ) -> None:
        self.name, self.size = name, size
        self._context = context
        self._reader = PackReader(context.store) if reader is None else reader
        ids = pa.array(chunks, pa.binary(32))
        # In the order they are stored in, so that neighbours are fetched together.
        found = locate(context.catalog, ids.unique()) if places is None else places.locate(ids.unique())
        self._places = found.sort_by([("object", "ascending"), ("offset", "ascending")])
        rows = pc.index_in(ids, value_set=self._places["chunk"].combine_chunks())
        if rows.null_count:
            gone = ids.filter(pc.is_null(rows))[0].as_py().hex()
            raise ObjectMissing(
                f"{name}: the catalog does not know where {rows.null_count} of its {len(ids)} chunks lie, "
                f"{gone} among them; run verify",
                path=name,
                chunk=gone,
            )
        self._rows: npt.NDArray[np.int64] = rows.to_numpy(zero_copy_only=False).astype(np.int64)
        lengths = self._places["length"].to_numpy()[self._rows] if len(ids) else np.zeros(0, np.int64)
        self._starts = _spread(lengths, holes)
        self._stops = self._starts + lengths
        if int(lengths.sum()) + sum(holes[1::2]) != size:
            raise ObjectDamaged(
                f"{name}: its chunks are {int(lengths.sum())} bytes, and with its holes it should have {size}; "
                "run verify",
                path=name,
            )
        self._held: OrderedDict[int, memoryview] = OrderedDict()
        self._size_held = 0
        self._coming: dict[int, Future[None]] = {}
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """The length of each chunk in bytes, in order."""
        return self._stops - self._starts

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """The offset of each chunk in the file, in bytes, ascending."""
        return self._starts

    def run(self, offset: int) -> int:
        """How many bytes from ``offset`` lie in one chunk, or in one hole."""
        index = int(np.searchsorted(self._stops, offset, side="right"))
        if index == len(self._starts):
            return max(self.size - offset, 0)
        start, stop = int(self._starts[index]), int(self._stops[index])
        return (stop if start <= offset else start) - offset

    def read_into(self, offset: int, target: Buffer) -> int:
        """Fill ``target`` with the bytes from ``offset``; returns how many there were before the file ended."""
        view = memoryview(target).cast("B")
        done = 0
        for piece in self.pieces(offset, len(view)):
            view[done : done + len(piece)] = piece
            done += len(piece)
        return done

    def read_at(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``, fewer where the file ends."""
        return b"".join(self.pieces(offset, length))

    def pieces(self, offset: int, length: int) -> Iterator[memoryview]:
        """The same bytes as verified pieces, without copying them; of memory, a few megabytes at a time."""
        at, stop = max(offset, 0), min(offset + length, self.size)
        index = int(np.searchsorted(self._stops, at, side="right"))
        last = int(np.searchsorted(self._starts, stop, side="left"))
        while index < last:
            # At least one chunk, and as many as fit into a batch.
            beyond = int(np.searchsorted(self._stops, int(self._starts[index]) + _BATCH, side="right"))
            group = range(index, min(max(beyond, index + 1), last))
            for chunk, data in zip(group, self._take(group), strict=True):
                start = int(self._starts[chunk])
                yield from _zeros(start - at)
                at = max(at, start)
                piece = data[at - start : stop - start]
                yield piece
                at += len(piece)
            index = group.stop
        yield from _zeros(stop - at)

    def ahead(self, offset: int) -> None:
        """Begin to fetch what follows ``offset``, in another thread, where fetching takes a while."""
        if not self._context.store.waits:
            return
        first = int(np.searchsorted(self._stops, offset, side="right"))
        last = int(np.searchsorted(self._starts, min(offset + _AHEAD, self.size), side="left"))
        with self._lock:
            rows = list(dict.fromkeys(self._rows[first:last].tolist()))
            rows = [row for row in rows if row not in self._held and row not in self._coming]
            if not rows:
                return
            if self._pool is None:
                self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="holotype-ahead")
            future = self._pool.submit(self._fetch, rows)
            self._coming.update(dict.fromkeys(rows, future))

    def close(self) -> None:
        """Let go of memory and of the thread that reads ahead."""
        with self._lock:
            pool, self._pool = self._pool, None
            self._held.clear()
            self._size_held = 0
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    def _take(self, group: range) -> list[memoryview]:
        """The chunks of ``group``, held or fetched now."""
        rows = self._rows[group.start : group.stop].tolist()
        with self._lock:
            coming = {self._coming[row] for row in rows if row in self._coming}
        for future in coming:
            future.exception()  # a failure shows again below, in the thread that asked
        found: dict[int, memoryview] = {}
        with self._lock:
            for row in rows:
                if row in self._held:
                    self._held.move_to_end(row)
                    found[row] = self._held[row]
        wanted = [row for row in dict.fromkeys(rows) if row not in found]
        if wanted:
            found.update(self._fetch_now(wanted))
        return [found[row] for row in rows]

    def _fetch(self, rows: list[int]) -> None:
        try:
            self._fetch_now(rows)
        finally:
            with self._lock:
                for row in rows:
                    self._coming.pop(row, None)

    def _fetch_now(self, rows: list[int]) -> dict[int, memoryview]:
        rows = sorted(rows)
        try:
            found = self._read(rows)
        except ObjectMissing as error:
            # A collection may have moved what is still needed since the file was opened.
            moved = self._look_again()
            if moved is None:
                raise SnapshotNotFound(
                    "the snapshot that this file was opened in was forgotten, and collected while the file was read;"
                    " a collection with grace= leaves readers time",
                ) from error
            if not moved:
                raise
            found = self._read(rows)
        with self._lock:
            for row, data in found.items():
                if row not in self._held:
                    self._held[row] = data
                    self._size_held += len(data)
            while self._size_held > _HELD and len(self._held) > 1:
                _, dropped = self._held.popitem(last=False)
                self._size_held -= len(dropped)
        return found

    def _read(self, rows: list[int]) -> dict[int, memoryview]:
        places = self._places.take(pa.array(rows, pa.int64()))
        return {rows[number]: data for number, data in self._reader.read_many(places)}

    def _look_again(self) -> bool | None:
        """Whether chunks now lie elsewhere than was known; then that is known from here on.  ``None`` when a collection
        took some away: damage leaves the records of what it damages.
        """
        self._context.catalog.refresh()
        places = locate(self._context.catalog, self._places["chunk"])
        order = pc.index_in(self._places["chunk"].combine_chunks(), value_set=places["chunk"].combine_chunks())
        if order.null_count:
            return None
        places = places.take(order)
        moved = not places["object"].equals(self._places["object"])
        self._places = places
        return moved


def _spread(lengths: npt.NDArray[np.int64], holes: Sequence[int]) -> npt.NDArray[np.int64]:
    """Where chunks of these lengths start in a file with these holes; no chunk lies across one."""
    starts: npt.NDArray[np.int64] = np.cumsum(lengths) - lengths
    if not holes:
        return starts
    gaps = np.asarray(holes, np.int64).reshape(-1, 2)
    skipped = np.concatenate([[0], np.cumsum(gaps[:, 1])])
    # A hole's place among the bytes that are there; what begins at it or later comes behind the hole.
    starts += skipped[np.searchsorted(gaps[:, 0] - skipped[:-1], starts, side="right")]
    return starts


def _zeros(count: int) -> Iterator[memoryview]:
    while count > 0:
        part = memoryview(_ZEROS)[: min(count, len(_ZEROS))]
        yield part
        count -= len(part)
