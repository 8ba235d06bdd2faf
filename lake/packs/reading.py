"""Reading chunks back: few reads of storage, each block decoded once, every chunk hashed before it is handed out.

A *location* is a row of the table ``chunks`` with the key of its pack's data object in a column ``object``.  Locations
are best given in the order of ``(object, offset)``: neighbours then share one read of the storage, and chunks that were
compressed together share one decoding.  Any other order gives the same bytes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from blake3 import blake3

from holotype.catalog import DamageError, ObjectDamaged, ObjectMissing

from .codecs import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pyarrow as pa

    from holotype.catalog import ObjectStore

__all__ = ["PackCheck", "PackReader"]

# One read of the storage: long enough that its latency is small beside it, short enough to hold a few in memory.
_READ = 8 << 20
# Reading this much in between is cheaper than asking the storage again.
_GAP = 128 << 10
# Locations turned into Python objects at a time.
_ROWS = 4096


@dataclass(frozen=True, slots=True)
class PackCheck:
    """What a whole look at one pack found.

    ``key``: its data object.  ``problem``: what is wrong with the object, in words, or ``None`` when its bytes are the
    ones its name was made of.  ``damaged``: the ids of the chunks that can no longer be read.  There may be a problem
    without a damaged chunk: the bytes between the chunks matter only to other readers of the file.
    """

    key: str
    problem: str | None
    damaged: tuple[bytes, ...]

    @property
    def ok(self) -> bool:
        """Whether every byte is as it was written."""
        return self.problem is None and not self.damaged


class _Location(NamedTuple):
    chunk: bytes
    object: str
    offset: int
    stored: int
    codec: str
    block: int
    start: int
    length: int


class PackReader:
    """Reads chunks from the packs in ``store``; safe to use from many threads.

    ``cache_bytes``: how much of what was decoded last is kept, for whoever asks for a neighbour next.
    """

    def __init__(self, store: ObjectStore, *, cache_bytes: int = 32 << 20) -> None:
        self._store = store
        self._cache = _Blocks(cache_bytes)

    def read_one(self, location: Mapping[str, object]) -> memoryview:
        """The bytes of one chunk; ``location`` has at least the columns of ``chunks`` but ``pack``, and ``object``.

        Raises ``ObjectDamaged`` when they are not what was stored, ``ObjectMissing`` when the pack is gone.
        """
        row = _Location(*(location[name] for name in _Location._fields))  # type: ignore[arg-type]
        return self._chunk(row, _Fetched(self._store), keep=True)

    def read_many(
        self, rows: pa.Table, *, on_damage: Callable[[int, DamageError], None] | None = None
    ) -> Iterator[tuple[int, memoryview]]:
        """The bytes of many chunks, in the order of ``rows``, each with the number of its row.

        A chunk that is damaged or missing raises ``ObjectDamaged`` or ``ObjectMissing``; with ``on_damage`` that is
        told the row and the error, and reading goes on with the next.
        """
        for first, batch in _batches(rows):
            at = 0
            while at < len(batch):
                fetched, stop = self._run(batch, at)
                for number in range(at, stop):
                    try:
                        data = self._chunk(batch[number], fetched, keep=False)
                    except DamageError as error:
                        if on_damage is None:
                            raise
                        on_damage(first + number, error)
                    else:
                        yield first + number, data
                at = stop

    def check_pack(self, key: str, rows: pa.Table) -> PackCheck:
        """Read all of the object at ``key`` once: is it what its name says, and are the chunks in ``rows`` in it?

        ``rows``: locations, all of this object.  Damage is what it returns; it raises only when the storage fails.
        """
        locations = sorted((row for _, batch in _batches(rows) for row in batch), key=lambda row: row.offset)
        try:
            return self._check_pack(key, locations)
        except ObjectMissing:  # from the beginning, or from a collection on that came meanwhile
            return PackCheck(key, f"{key} is gone", tuple(row.chunk for row in locations))

    def _check_pack(self, key: str, locations: list[_Location]) -> PackCheck:
        hasher, problem, damaged = blake3(), None, list[bytes]()
        size = self._store.size(key)
        folder = key.removesuffix("/c/0/0")
        if folder != key:
            try:
                hasher.update(self._store.get(f"{folder}/zarr.json"))
            except ObjectMissing:
                problem = f"{folder}/zarr.json is gone"
        for low, high, inside in _pieces(locations, size):
            fetched = _Fetched(self._store, key, low, high)
            hasher.update(fetched.all())
            for row in inside:
                try:
                    self._chunk(row, fetched, keep=False)
                except DamageError:
                    damaged.append(row.chunk)
        if problem is None and hasher.hexdigest() != pack_of(key).rpartition("/")[2]:
            problem = f"the bytes of {key} are not those its name was made of"
        return PackCheck(key, problem, tuple(damaged))

    def _run(self, batch: list[_Location], first: int) -> tuple[_Fetched, int]:
        """What one read of the storage gives: the rows from ``first`` up to which, and the range that has them."""
        row = batch[first]
        low, high, stop = row.offset, row.offset + row.stored, first + 1
        for row in batch[first + 1 :]:
            begin, end = min(low, row.offset), max(high, row.offset + row.stored)
            near = row.offset <= high + _GAP and row.offset + row.stored >= low - _GAP
            if row.object != batch[first].object or not near or end - begin > _READ:
                break
            low, high, stop = begin, end, stop + 1
        return _Fetched(self._store, batch[first].object, low, high), stop

    def _chunk(self, row: _Location, fetched: _Fetched, *, keep: bool) -> memoryview:
        try:
            block = self._block(row, fetched, keep=keep)
            data = block[row.start : row.start + row.length]
            if row.start < 0 or len(data) != row.length or blake3(data).digest() != row.chunk:
                raise ObjectDamaged("its bytes are no longer those it was named by")
        except ObjectDamaged as error:
            pack, chunk = pack_of(row.object), row.chunk.hex()
            raise ObjectDamaged(
                f"chunk {chunk[:16]}… cannot be read from pack {pack}: {error.message}; "
                "repair the archive from a replica, or back the file up again",
                pack=pack,
                object=row.object,
                chunk=chunk,
            ) from error
        return data

    def _block(self, row: _Location, fetched: _Fetched, *, keep: bool) -> memoryview:
        if row.codec == "raw":
            return decode("raw", fetched.part(row), row.block)
        key = row.object, row.offset
        block = self._cache.get(key)
        if block is None:
            block = decode(row.codec, fetched.part(row), row.block)
            # A block of one chunk is not asked for again by whoever reads in order.
            if keep or row.block > row.length + 4:
                self._cache.put(key, block)
        return block


class _Fetched:
    """A range of one object, read when the first part of it is wanted."""

    def __init__(self, store: ObjectStore, key: str = "", low: int = 0, high: int = 0) -> None:
        self._store, self._key, self._low, self._high = store, key, low, high
        self._data: memoryview | None = None

    def all(self) -> memoryview:
        """The whole range, shorter where the object ends."""
        if self._data is None:
            self._data = memoryview(self._store.get(self._key, self._low, self._high - self._low)).cast("B")
        return self._data

    def part(self, row: _Location) -> memoryview:
        """The stored block of a row."""
        if not self._key:
            self._key, self._low, self._high = row.object, row.offset, row.offset + row.stored
        begin = row.offset - self._low
        part = self.all()[begin : begin + row.stored] if begin >= 0 else memoryview(b"")
        if len(part) != row.stored:
            raise ObjectDamaged(f"the object ends before byte {row.offset + row.stored}")
        return part


class _Blocks:
    """Decoded blocks, the last used ones, up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        self._limit, self._size = limit, 0
        self._blocks: OrderedDict[tuple[str, int], memoryview] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, int]) -> memoryview | None:
        with self._lock:
            if (block := self._blocks.get(key)) is not None:
                self._blocks.move_to_end(key)
            return block

    def put(self, key: tuple[str, int], block: memoryview) -> None:
        with self._lock:
            if key in self._blocks or len(block) > self._limit:
                return
            self._blocks[key] = block
            self._size += len(block)
            while self._size > self._limit:
                self._size -= len(self._blocks.popitem(last=False)[1])


def pack_of(key: str) -> str:
    """The pack whose data object lies at ``key``."""
    return key.removeprefix("packs/").removesuffix(".parquet").removesuffix("/c/0/0")


def _batches(rows: pa.Table) -> Iterator[tuple[int, list[_Location]]]:
    """The rows as Python values, a bounded number at a time, with the number of the first."""
    wanted = rows.select(list(_Location._fields))
    for first in range(0, rows.num_rows, _ROWS):
        batch = wanted.slice(first, _ROWS)
        yield first, [_Location(*row) for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)]


def _pieces(locations: list[_Location], size: int) -> Iterator[tuple[int, int, list[_Location]]]:
    """Ranges that are all of an object of ``size`` bytes, each with the locations inside; sorted by offset."""
    low = high = 0
    inside: list[_Location] = []
    for row in locations:
        end = min(row.offset + row.stored, size)
        if end > low + _READ and high <= row.offset < size:
            yield low, high, inside
            low, inside = high, []
        inside.append(row)
        high = max(high, end)
    if size - low <= _READ:
        high = size  # an index or a footer behind the last chunk
    while high < size:
        yield low, high, inside
        low, high, inside = high, min(high + _READ, size), []
    yield low, high, inside
