"""Where a manifest is cut into ranges: by the keys themselves, so that an edit moves only the cuts beside it.

A range may end after a row whose key hashes low.  Which rows those are depends on nothing but their own keys, therefore
two manifests that share a stretch of keys share its cuts, whatever comes before or after::

    keys      a  b  c  d* e  f  g  h* i            * hashes low
    ranges   [a  b  c  d][e  f  g  h][i]
    + bb     [a  b  bb c  d][e  f  g  h][i]        two of three ranges are as they were

The hash is part of the archive's format in so far as a changed one would cut later snapshots elsewhere and share less;
nothing that is stored would become wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import plain, scalar

from .keys import keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

__all__ = ["Cutter", "SIZES", "Sizes", "key_hashes", "weights"]


@dataclass(frozen=True)
class Sizes:
    """How large the parts of a manifest become.

    Ranges: ``target_rows`` on average, of at least ``min_rows`` (unless there is no more to join) and at most
    ``max_rows`` rows or about ``max_bytes`` stored bytes.  Deltas, all of a snapshot together: at most ``delta_rows``
    rows, ``delta_bytes`` bytes, and ``delta_share`` of all entries.  A range is written anew when more than
    ``range_share`` of its rows changed at once.
    """

    target_rows: int = 8192  # about 1 MB of Parquet: one request on any backend, and a rewrite of it is cheap
    min_rows: int = 1024
    max_rows: int = 32768
    max_bytes: int = (
        4_000_000  # the row of a 20 GiB file alone has 640 kB of chunk ids: rows do not say how large a range is
    )
    # Every reader of a snapshot reads its deltas whole: they stay as small as two or three ranges.
    delta_rows: int = 16384
    delta_bytes: int = 8_000_000
    delta_share: float = 0.1
    range_share: float = (
        0.25  # a delta of so many rows would cost a good part of the range, each time the snapshot is read
    )

    @property
    def low(self) -> np.uint64:
        """Hashes below this end a range."""
        return np.uint64(2**64 // (self.target_rows - self.min_rows))

    def short(self, rows: pa.Table) -> bool:
        """Whether rows are too few to be a range of their own."""
        return rows.num_rows < self.min_rows and int(weights(rows).sum()) < self.max_bytes // 8


_MIX = np.uint64(0xFF51AFD7ED558CCD)  # the multipliers of MurmurHash3's 64-bit finaliser
_LAST_MIX = np.uint64(0xC4CEB9FE1A85EC53)
_SEED = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_MASKS = np.array([(1 << (8 * n)) - 1 for n in range(9)], np.uint64)


def key_hashes(values: pa.Array) -> npt.NDArray[np.uint64]:
    """A 64-bit hash of each value of a ``binary`` array without nulls; the same on every machine and in every version.

    Eight bytes of every key are mixed in at a time, so that the work is done in NumPy whatever the number of keys.
    """
    rows = len(values)
    if not rows:
        return np.empty(0, np.uint64)
    _, offsets_buffer, data_buffer = values.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int32)[values.offset : values.offset + rows + 1].astype(np.int64)
    data = np.zeros(int(offsets[-1] - offsets[0]) + 8, np.uint8)  # eight more, so that every byte begins a word
    if len(data) > 8:
        data[:-8] = np.frombuffer(data_buffer, np.uint8)[offsets[0] : offsets[-1]]
    words: npt.NDArray[np.uint64] = np.ndarray((len(data) - 7,), "<u8", data, strides=(1,))
    at, left = offsets[:-1] - offsets[0], np.diff(offsets)
    hashes = (left + 1).astype(np.uint64) * _SEED
    for _ in range(int(left.min()) // 8):  # the words that every key has
        hashes ^= words[at]
        hashes *= _MIX
        hashes ^= hashes >> _HALF
        at += 8
        left -= 8
    some = np.flatnonzero(left > 0)
    while len(some):
        length = left[some]
        mixed = hashes[some] ^ (words[at[some]] & _MASKS[np.minimum(length, 8)])
        mixed *= _MIX
        hashes[some] = mixed ^ (mixed >> _HALF)
        at[some] += 8
        left[some] -= 8
        some = some[length > 8]
    return hashes * _LAST_MIX


def weights(rows: pa.Table) -> npt.NDArray[np.int64]:
    """About how many bytes each row of entries takes when stored; what no compression makes smaller counts in full."""
    size = np.full(rows.num_rows, 96, np.int64)
    for name, each in (("chunks", 32), ("holes", 4)):
        if rows[name].null_count < rows.num_rows:
            size += each * _numbers(pc.list_value_length(rows[name]))
    size += _numbers(pc.binary_length(rows["path"])) // 4
    if rows["target"].null_count < rows.num_rows:
        size += _numbers(pc.binary_length(rows["target"])) // 2
    if rows["xattrs"].null_count < rows.num_rows:
        size += _attribute_bytes(rows["xattrs"])
    return size


def _numbers(values: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    return plain(pc.fill_null(values, scalar(0, values.type))).astype(np.int64)


def _attribute_bytes(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """The bytes of each row's extended attributes."""
    parents = plain(pc.list_parent_indices(column))
    flat: Any = pc.list_flatten(column)
    lengths = np.zeros(len(parents), np.int64)
    for field in ("name", "value"):
        lengths += _numbers(pc.binary_length(pc.struct_field(flat, field)))
    return np.bincount(parents, lengths, len(column)).astype(np.int64)


SIZES = Sizes()


class Cutter:
    """Cuts a key-sorted stream of entries into the rows of ranges; holds about one largest range.

    ``push`` takes rows and gives ranges that are complete, ``close`` gives the rest::

        for rows in stream:
            for complete in cutter.push(rows): ...
        for complete in cutter.close(): ...
    """

    def __init__(self, sizes: Sizes) -> None:
        self._sizes = sizes
        self._held: list[pa.Table] = []
        self._rows = 0
        self._bytes = 0

    @property
    def held(self) -> int:
        """How many rows were pushed and not given yet."""
        return self._rows

    @property
    def rows(self) -> tuple[pa.Table, ...]:
        """What was pushed and not given yet."""
        return tuple(self._held)

    def push(self, rows: pa.Table) -> Iterator[pa.Table]:
        """Take the next rows; give every range that is complete with them."""
        for start in range(0, rows.num_rows, self._sizes.max_rows):
            part = rows.slice(start, self._sizes.max_rows)
            self._held.append(part)
            self._rows += part.num_rows
            self._bytes += int(weights(part).sum())
            if self._rows >= self._sizes.max_rows or self._bytes >= self._sizes.max_bytes:
                yield from self._cut(closing=False)

    def close(self) -> Iterator[pa.Table]:
        """Give everything that is held, as ranges; the last may be short."""
        yield from self._cut(closing=True)

    def take(self) -> pa.Table | None:
        """Everything that is held, as it is, no longer held; ``None`` when that is nothing."""
        held, self._held, self._rows, self._bytes = self._held, [], 0, 0
        return pa.concat_tables(held) if held else None

    def _cut(self, *, closing: bool) -> Iterator[pa.Table]:
        rows = self.take()
        if rows is None:
            return
        rows = rows.combine_chunks()
        sizes, hashes, ends = self._sizes, key_hashes(keys(rows)), np.cumsum(weights(rows))
        start, total = 0, rows.num_rows
        while start < total:
            before = int(ends[start - 1]) if start else 0
            fitting = int(np.searchsorted(ends, before + sizes.max_bytes, "right")) - start
            window = max(1, min(sizes.max_rows, fitting))
            left = total - start
            if window >= left and not closing:
                break
            length = self._length(hashes[start : start + min(window, left)], forced=window < left)
            yield rows.slice(start, length)
            start += length
        if start < total:
            self._held, self._rows = [rows.slice(start)], total - start
            self._bytes = int(ends[-1] - (ends[start - 1] if start else 0))

    def _length(self, hashes: npt.NDArray[np.uint64], *, forced: bool) -> int:
        """How many of the next rows make a range: up to the first whose hash is low.

        Where there is none, it is all of them or, when a cut is ``forced`` because more follow than fit, up to the
        lowest.  That is a property of the keys too, so that ranges cut for their size find back together after an edit.
        """
        least = min(self._sizes.min_rows, max(1, len(hashes) // 4) if forced else len(hashes))
        tail = hashes[least - 1 :]
        low = np.flatnonzero(tail < self._sizes.low)
        if len(low):
            return least + int(low[0])
        return least + int(np.argmin(tail)) if forced else len(hashes)
