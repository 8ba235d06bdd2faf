"""What a set of snapshots refers to: segments of entries, and chunks, in memory that does not grow with the archive.

Snapshots share segments, so each segment is read once.  A row counts unless every snapshot that has its segment
replaces or removes it by a later delta: then the file it speaks of is in none of them, though the segment still is.

Chunks are told apart by the first eight bytes of their digests.  Two that agree in those are taken for one, which may
keep a pack that nothing needs; never the other way round.
"""

from __future__ import annotations

import sys
from functools import lru_cache, reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import scalar

from ..schema import RANGES
from ..tree.paths import keys
from .snapshots import history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from holotype.catalog import Segment, State

    from ..context import Context

    Prefixes = np.ndarray[Any, np.dtype[np.uint64]]

    # By segment: the smallest sets of deltas that hide rows of it.
    Visibility = dict[str, list[frozenset[str]]]

__all__ = [
    "PrefixSet",
    "batches",
    "parts",
    "prefixes",
    "ranges_kept",
    "ranges_of",
    "used_chunks",
    "used_rows",
    "visibility",
]

# A delta has at most some ten thousand keys; neighbouring ranges ask for the same ones.
_DELTAS_HELD = 8
_NO_PREFIXES = np.empty(0, np.uint64)
_NOTHING: frozenset[str] = frozenset()


def ranges_of(context: Context, snapshots: pa.Array, *, state: State | None = None) -> pa.Table:
    """The rows of ``ranges`` that belong to the snapshots with these digests."""
    state = context.catalog.state if state is None else state
    found = [RANGES.empty()]
    for rows in batches(context, "ranges", state.segments("ranges")):
        found.append(rows.filter(pc.is_in(rows["snapshot"], value_set=snapshots)))
    return pa.concat_tables(found)


def ranges_kept(context: Context, *, state: State | None = None) -> pa.Table:
    """The rows of ``ranges`` that belong to the snapshots that were not purged."""
    rows = history(context, state=state)
    kept = rows.filter(pc.not_equal(rows["state"], scalar("purged")))["snapshot"]
    return ranges_of(context, kept.combine_chunks(), state=state)


def batches(
    context: Context, table: str, segments: Iterable[Segment], *, columns: list[str] | None = None
) -> Iterator[pa.Table]:
    """The rows of each segment, one segment at a time in memory; from a store that is far away, a few.

    Reading ahead by threads gains nothing on a local disk, and each thread's allocator keeps what it once had.
    """
    if context.store.path("archive.json") is None:
        yield from context.catalog.batches(table, columns=columns, segments=list(segments))
        return
    for segment in segments:
        yield from context.catalog.batches(table, columns=columns, segments=[segment])


def visibility(ranges: pa.Table) -> Visibility:
    """What the snapshots of ``ranges`` see of each segment they name.

    Each set of deltas hides what it speaks of; with several sets a row is seen unless all of them hide it.  The empty
    set hides nothing, and a set that includes another hides at least as much, so only the smallest are kept.
    """
    with_deltas = pc.unique(ranges.filter(pc.equal(ranges["role"], scalar("delta")))["snapshot"])
    edited = pc.is_in(ranges["snapshot"], value_set=with_deltas)
    found: dict[str, set[frozenset[str]]] = {
        name: {_NOTHING} for name in pc.unique(ranges.filter(pc.invert(edited))["segment"]).to_pylist()
    }
    snapshot, deltas = None, list[tuple[str, bytes, bytes]]()
    # Backwards, so that the later deltas of a snapshot are known when a segment of it is met.
    rows = ranges.filter(edited).sort_by([("snapshot", "ascending"), ("ordinal", "descending")])
    for row in rows.to_pylist():
        if row["snapshot"] != snapshot:
            snapshot, deltas = row["snapshot"], []
        seen = found.setdefault(row["segment"], set())
        if _NOTHING not in seen:
            seen.add(frozenset(name for name, first, last in deltas if first <= row["last"] and last >= row["first"]))
        if row["role"] == "delta":
            deltas.append((row["segment"], row["first"], row["last"]))
    return {name: _smallest(sets) for name, sets in found.items()}


def used_rows(
    context: Context, visible: Visibility, columns: list[str], *, state: State | None = None
) -> Iterator[pa.Table]:
    """Each segment's rows that are seen, in ``columns``.

    Raises ``ObjectMissing`` when a segment is not in storage, ``ObjectDamaged``, or what the store raises.
    """
    state = context.catalog.state if state is None else state
    live = {segment.name: segment for segment in state.segments("entries")}

    @lru_cache(maxsize=_DELTAS_HELD)
    def keys_in(delta: str) -> pa.Array:
        return keys(context.catalog.read("entries", columns=["path", "path_bytes"], segments=[live[delta]]))

    plain = [live[name] for name, sets in visible.items() if _NOTHING in sets]
    yield from batches(context, "entries", plain, columns=columns)
    needed = list(dict.fromkeys((*columns, "path", "path_bytes")))
    for name, sets in visible.items():
        if _NOTHING not in sets:
            rows = context.catalog.read("entries", columns=needed, segments=[live[name]])
            own = keys(rows)
            hidden = _all(_any(pc.is_in(own, value_set=keys_in(delta)) for delta in sorted(deltas)) for deltas in sets)
            yield rows.filter(pc.invert(hidden)).select(columns)


def _any(masks: Iterable[Any]) -> Any:
    return reduce(pc.or_, masks)


def _all(masks: Iterable[Any]) -> Any:
    return reduce(pc.and_, masks)


def _smallest(sets: set[frozenset[str]]) -> list[frozenset[str]]:
    kept: list[frozenset[str]] = []
    for one in sorted(sets, key=len):
        if not any(smaller <= one for smaller in kept):
            kept.append(one)
    return kept


def prefixes(chunks: pa.ChunkedArray | pa.Array) -> Prefixes:
    """The first eight bytes of each digest, as numbers; of lists of digests, those of all of them."""
    found = []
    for array in chunks.chunks if isinstance(chunks, pa.ChunkedArray) else [chunks]:
        values = array.flatten() if pa.types.is_list(array.type) else array
        if len(values):
            whole = np.frombuffer(values.buffers()[1], np.uint64, count=4 * (values.offset + len(values)))
            # Big-endian, so that rows in the order of their digests give numbers in order, which are found faster.
            first = whole[4 * values.offset :: 4]
            found.append(first.byteswap() if sys.byteorder == "little" else first.copy())
    return np.concatenate(found) if found else _NO_PREFIXES


def used_chunks(
    context: Context,
    visible: Visibility,
    *,
    state: State | None = None,
    wanted: Callable[[Prefixes], Prefixes] | None = None,
    tick: Callable[[], object] = lambda: None,
) -> PrefixSet:
    """The prefixes of all chunks that are seen, or of those that ``wanted`` lets through."""
    found = PrefixSet()
    for rows in used_rows(context, visible, ["chunks"], state=state):
        some = prefixes(rows["chunks"])
        found.add(some if wanted is None else wanted(some))
        tick()
    return found


def parts(count: int, at_once: int) -> Iterator[Callable[[Prefixes], Prefixes]]:
    """Filters for as many passes as it takes to look at ``count`` chunks, about ``at_once`` in each.

    Each lets through the prefixes with certain highest bits: digests spread evenly.
    """
    bits = max(0, (max(1, count) - 1) // at_once).bit_length()
    shift = np.uint64(64 - bits)
    for part in range(1 << bits):
        yield _share(shift, part) if bits else _every  # a shift by all 64 bits is not defined


def _share(shift: np.uint64, part: int) -> Callable[[Prefixes], Prefixes]:
    return lambda some: some[some >> shift == part]


def _every(some: Prefixes) -> Prefixes:
    return some


class PrefixSet:
    """A growing set of prefixes: eight bytes each, and about as much again while it grows."""

    # Prefixes gathered before they are merged in: large enough that merging costs little, small beside the set.
    _PENDING = 1 << 20

    def __init__(self) -> None:
        self._sorted = _NO_PREFIXES
        self._pending: list[Prefixes] = []
        self._count = 0

    def add(self, some: Prefixes) -> None:
        """Put some prefixes in."""
        self._pending.append(some)
        self._count += len(some)
        if self._count > self._PENDING:
            self._merge()

    def _merge(self) -> None:
        if not self._pending:
            return
        every = np.concatenate([self._sorted, *self._pending])
        self._pending, self._count = [], 0
        self._sorted = _NO_PREFIXES  # before the sort needs its room
        every.sort()
        new = np.empty(len(every), np.bool_)
        new[:1] = True
        np.not_equal(every[1:], every[:-1], out=new[1:])
        self._sorted = every[new]

    @property
    def sorted(self) -> Prefixes:
        """All of them, each once, the smallest first."""
        self._merge()
        return self._sorted

    def has(self, some: Prefixes) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """For each of ``some``, whether it is in the set."""
        self._merge()
        if not len(self._sorted):
            return np.zeros(len(some), np.bool_)
        at = np.searchsorted(self._sorted, some)
        at[at == len(self._sorted)] = 0
        found: np.ndarray[Any, np.dtype[np.bool_]] = self._sorted[at] == some
        return found
