"""Where row groups end: by content, so that rows inserted into a table move the groups behind them along.

The hash of a row is made of its first few columns.  From half the group's usual size on, the first row whose hash has
some zero bits ends the group.  It is the idea of content-defined chunking (see ``chunkers/fastcdc.py``), on rows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    Words = npt.NDArray[np.uint64]

__all__ = ["SAMPLE", "groups", "sample"]

# Rows that a table is judged by.
SAMPLE = 1 << 16
# Columns that make a row's hash: the first, so that a column added at the end changes no group.
_HASHED = 4
# Values of a group, as Arrow holds them: a column then has a few pages in it, and a reader's memory is small.
_BYTES = 16 << 20
_LEAST, _MOST = 1 << 12, 1 << 20  # rows
_TAIL = 4  # bytes of a text
_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ divided by the golden ratio: spreads neighbours far apart


def sample(batches: Iterable[pa.Table], schema: pa.Schema) -> tuple[pa.Table, Iterator[pa.Table]]:
    """The first ``SAMPLE`` rows of some tables, and all of the tables again."""
    source, held, rows = iter(batches), list[pa.Table](), 0
    while rows < SAMPLE and (batch := next(source, None)) is not None:
        held.append(batch)
        rows += batch.num_rows

    def again() -> Iterator[pa.Table]:
        while held:
            yield held.pop(0)
        yield from source

    first = pa.concat_tables([schema.empty_table(), *held]).slice(0, SAMPLE)
    return first, again()


def groups(batches: Iterable[pa.Table], first: pa.Table) -> Iterator[pa.Table]:
    """The rows of ``batches``, however they were divided, as row groups, each in one piece; ``first``: the table's
    sample.
    """
    usual = _usual_rows(first)
    pending: list[pa.Table] = []
    ends: list[Words] = []  # rows of the pending tables after which a group may end
    rows = 0

    def upto(count: int) -> pa.Table:
        nonlocal pending, ends, rows
        whole = pa.concat_tables(pending)
        candidates = np.concatenate(ends)
        pending, rows = [whole.slice(count)], whole.num_rows - count
        ends = [candidates[candidates > count] - np.uint64(count)]
        return whole.slice(0, count).combine_chunks()

    for batch in batches:
        if not batch.num_rows:
            continue
        hashes = _hashes(batch)
        # The low bits of a product are the weak ones.
        zero = (hashes >> np.uint64(32)) & np.uint64(usual // 2 - 1) == 0
        pending.append(batch)
        ends.append((np.flatnonzero(zero) + 1 + rows).astype(np.uint64))
        rows += batch.num_rows
        while (count := _end(ends, rows, usual)) is not None:
            yield upto(count)
    if rows:
        yield upto(rows)


def _usual_rows(first: pa.Table) -> int:
    """The usual number of rows in a group: a power of two, so that versions of a table that differ a little agree on
    it.
    """
    width = max(first.nbytes / max(first.num_rows, 1), 1)
    return 1 << min(max(round(math.log2(_BYTES / width)), _LEAST.bit_length() - 1), _MOST.bit_length() - 1)


def _end(ends: list[Words], rows: int, usual: int) -> int | None:
    """After how many rows the first group ends, as far as is known."""
    candidates = np.concatenate(ends)
    at = int(np.searchsorted(candidates, usual // 2))
    if at < len(candidates) and candidates[at] <= 2 * usual:
        return int(candidates[at])
    return 2 * usual if rows >= 2 * usual else None


def _hashes(table: pa.Table) -> Words:
    """A hash of each row; the same for equal values, whatever lies under missing ones."""
    hashes = np.zeros(table.num_rows, np.uint64)
    used = 0
    for column in table.columns:
        words = _words(column)
        if words is None:
            continue
        hashes = (hashes ^ words) * _MIX
        hashes ^= hashes >> np.uint64(29)
        used += 1
        if used == _HASHED:
            break
    return hashes


def _words(column: pa.ChunkedArray) -> Words | None:
    """A number for each value, or ``None`` for a type that is not worth it."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        parts = [_tails(pc.fill_null(chunk.cast(pa.large_binary()), b"")) for chunk in column.chunks]
        return np.concatenate(parts) if parts else np.zeros(0, np.uint64)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_temporal(kind)):
        return None
    if pa.types.is_interval(kind):
        return None
    width: int = kind.bit_width // 8
    plain: Any = {1: pa.int8(), 2: pa.int16(), 4: pa.int32(), 8: pa.int64()}[width]
    values = pa.chunked_array([chunk.view(plain) for chunk in column.chunks], plain)
    return _flat(pc.fill_null(values, 0), np.dtype(f"u{width}")).astype(np.uint64)


def _tails(values: pa.LargeBinaryArray) -> Words:
    """The length of each text with its last bytes: names differ at their ends."""
    bounds = np.frombuffer(values.buffers()[1], np.int64, len(values) + 1, values.offset * 8)
    starts, ends = bounds[:-1], bounds[1:]
    words = (ends - starts).astype(np.uint64)
    data = np.frombuffer(values.buffers()[2] or b"\0", np.uint8)
    for back in range(1, _TAIL + 1):
        at = ends - back
        byte = np.where(at >= starts, data[np.maximum(at, 0)], 0).astype(np.uint64)
        words ^= byte << np.uint64(64 - 8 * back)
    return words


def _flat(values: pa.ChunkedArray, dtype: Any) -> npt.NDArray[Any]:
    """Fixed-width values without missing ones as one NumPy array."""
    parts = [
        np.frombuffer(chunk.buffers()[1], dtype, len(chunk), chunk.offset * np.dtype(dtype).itemsize)
        for chunk in values.chunks
        if len(chunk)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, dtype)
