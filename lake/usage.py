"""Usage: how many bytes each dataset has, shares, and alone holds on to.

Chunks are told apart by the first eight bytes of their digests, a share of them at a time, so that memory stays
bounded: with ten million chunks, two that agree in those are one in three hundred thousand archives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from .records.liveness import PrefixSet, batches, parts, prefixes, ranges_of, used_rows, visibility
from .records.snapshots import history

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from holotype.catalog import State

    from .context import Context
    from .records.liveness import Prefixes, Visibility

    Numbers = np.ndarray[Any, np.dtype[np.signedinteger[Any]]]
    Reals = np.ndarray[Any, np.dtype[np.float64]]

__all__ = ["CHUNKS_AT_ONCE", "freed_by", "usage"]

# Chunks told apart in one pass; some fifty bytes of memory each.
CHUNKS_AT_ONCE = 2_000_000
_LOCATION = ["chunk", "pack", "offset", "stored", "length"]


def usage(context: Context, *, chunks_at_once: int = CHUNKS_AT_ONCE) -> pl.DataFrame:
    """What each dataset with live snapshots takes, one row each, in the order of their names.

    ``snapshots`` (live ones), ``latest`` (number), ``files`` and ``bytes`` (of the latest), ``logical_bytes`` (the
    sizes of the files of all its live snapshots together), ``unique_bytes`` (raw bytes of the chunks only it has),
    ``shared_bytes`` (raw bytes of the chunks that other datasets have too), ``stored_bytes`` (what its unique chunks
    take in storage, compressed) and ``freed_if_forgotten`` (the part of that which is not also held by forgotten
    snapshots of others: what forgetting the dataset and collecting frees, if each pack goes whole).  Chunks that are
    compressed together bear their block's size in proportion to their own.

    Raises ``ObjectMissing``, ``ObjectDamaged``, or what the store raises.
    """
    state = context.catalog.refresh()
    rows = history(context, state=state)
    live = pl.DataFrame(rows.filter(pc.equal(rows["state"], "live")))
    datasets: list[str] = live["dataset"].unique().sort().to_list()
    groups = [
        _visible(context, rows.filter(pc.and_(pc.equal(rows["dataset"], name), pc.equal(rows["state"], what))), state)
        for name in datasets
        for what in ("live", "forgotten")
    ]
    others = rows.filter(
        pc.and_(
            pc.equal(rows["state"], "forgotten"),
            pc.invert(pc.is_in(rows["dataset"], value_set=pa.array(datasets, pa.string()))),
        )
    )
    groups += [{}, _visible(context, others, state)]
    sums = np.zeros((4, len(datasets) + 1))
    for some in _shares(context, groups, state, chunks_at_once):
        sums += _of_datasets(some, len(datasets) + 1)
    unique, shared, stored, freed = sums[:, : len(datasets)].round().astype(np.int64)
    latest = live.sort("number").group_by("dataset").last()
    counted = live.group_by("dataset").agg(
        pl.len().cast(pl.Int64).alias("snapshots"), pl.col("bytes").sum().alias("logical_bytes")
    )
    taken = pl.DataFrame(
        {
            "dataset": datasets,
            "unique_bytes": unique,
            "shared_bytes": shared,
            "stored_bytes": stored,
            "freed_if_forgotten": freed,
        },
        schema_overrides={"dataset": pl.String},
    )
    return (
        taken.join(latest.select("dataset", pl.col("number").alias("latest"), "files", "bytes"), on="dataset")
        .join(counted, on="dataset")
        .sort("dataset")
        .select(
            *("dataset", "snapshots", "latest", "files", "bytes", "logical_bytes"),
            *("unique_bytes", "shared_bytes", "stored_bytes", "freed_if_forgotten"),
        )
    )


def freed_by(
    context: Context, snapshots: Sequence[str], *, state: State, chunks_at_once: int = CHUNKS_AT_ONCE
) -> dict[str, int]:
    """The stored bytes that go with each of these forgotten snapshots when they are purged one after the other, in
    this order."""
    rows = history(context, state=state)
    named = pa.array(list(snapshots), pa.string())
    held = pc.and_(pc.not_equal(rows["state"], "purged"), pc.invert(pc.is_in(rows["snapshot"], value_set=named)))
    # The last first: what a later one sees as well goes with that, and need not be looked at again.
    every = [_visible(context, rows.filter(held), state)]
    every += [
        visibility(ranges_of(context, pa.array([name], pa.string()), state=state)) for name in reversed(snapshots)
    ]
    sums = np.zeros(len(every))
    for some in _shares(context, _unseen(every), state, chunks_at_once):
        first = some.groups[some.begins]
        sums += np.bincount(first, weights=some.stored, minlength=len(every))
    return dict(zip(reversed(snapshots), sums[1:].round().astype(np.int64).tolist(), strict=True))


def _visible(context: Context, rows: pa.Table, state: State) -> Visibility:
    return visibility(ranges_of(context, rows["snapshot"].combine_chunks(), state=state)) if rows.num_rows else {}


def _unseen(groups: list[Visibility]) -> list[Visibility]:
    """Each group without the segments of which an earlier one sees all that it sees."""
    seen: dict[str, list[frozenset[str]]] = {}
    found: list[Visibility] = []
    for group in groups:
        found.append(
            {
                name: sets
                for name, sets in group.items()
                if not all(any(s <= own for s in seen.get(name, ())) for own in sets)
            }
        )
        for name, sets in group.items():
            seen.setdefault(name, []).extend(sets)
    return found


@dataclass(frozen=True)
class _Share:
    """One pass: which groups have which chunks.

    ``groups``: the group of each (chunk, group) pair, sorted by chunk, then group.  ``begins``: where each chunk's
    pairs begin. ``length`` and ``stored``: of each chunk, in bytes.
    """

    groups: Numbers
    begins: Numbers
    length: Reals
    stored: Reals


def _shares(context: Context, groups: Sequence[Visibility], state: State, at_once: int) -> Iterator[_Share]:
    for wanted in parts(state.rows("chunks"), at_once):
        sets: list[Prefixes] = []
        for visible in groups:
            found = PrefixSet()
            for rows in used_rows(context, visible, ["chunks"], state=state):
                found.add(wanted(prefixes(rows["chunks"])))
            sets.append(found.sorted)
        owner, begins, chunks = _sorted(sets)
        length, stored = _sizes(context, chunks, state)
        yield _Share(owner, begins, length, stored)


def _sorted(sets: list[Prefixes]) -> tuple[Numbers, Numbers, Prefixes]:
    """The pairs of a chunk and a group that has it, sorted: their groups, where each chunk's pairs begin, the
    chunks."""
    owner = np.repeat(np.arange(len(sets), dtype=np.int32), [len(one) for one in sets])
    every = np.concatenate(sets)
    sets.clear()
    order = np.argsort(every, kind="stable")  # within a chunk the groups keep their order
    every, owner = every[order], owner[order]
    begins = np.flatnonzero(np.append(True, every[1:] != every[:-1])[: len(every)])
    return owner, begins, every[begins]


def _sizes(context: Context, chunks: Prefixes, state: State) -> tuple[Reals, Reals]:
    """Of each of these chunks (sorted): its length, and what it takes in all the packs that have it."""
    length, stored = np.zeros(len(chunks)), np.zeros(len(chunks))
    if not len(chunks):
        return length, stored
    for rows in batches(context, "chunks", state.segments("chunks"), columns=_LOCATION):
        mine = prefixes(rows["chunk"])
        at = np.searchsorted(chunks, mine)
        at[at == len(chunks)] = 0
        known = chunks[at] == mine
        own = rows["length"].to_numpy().astype(np.float64)
        # All chunks of a block are in one segment: a pack's rows are written and merged together.
        block = _numbered(rows)
        together = np.bincount(block, weights=own)[block]
        part = rows["stored"].to_numpy() * np.divide(own, together, out=np.ones_like(own), where=together > 0)
        length[at[known]] = own[known]
        np.add.at(stored, at[known], part[known])
    return length, stored


def _numbered(rows: pa.Table) -> Numbers:
    """The number of each row's block: equal where pack and offset are."""
    packs = rows["pack"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    offsets = rows["offset"].combine_chunks().dictionary_encode()
    block = packs * len(offsets.dictionary) + offsets.indices.to_numpy()
    return np.unique(block, return_inverse=True)[1]


def _of_datasets(some: _Share, count: int) -> Reals:
    """Sums by dataset: unique, shared, stored and freed bytes.

    Group ``2 d`` is dataset ``d``'s live snapshots, ``2 d + 1`` its forgotten ones.
    """
    sums = np.zeros((4, count))
    if not len(some.begins):
        return sums
    dataset, is_live = some.groups // 2, some.groups % 2 == 0
    users = np.add.reduceat(is_live.astype(np.int32), some.begins)
    owner = np.add.reduceat(dataset * is_live, some.begins)
    alone = users == 1
    only = alone & (np.minimum.reduceat(dataset, some.begins) == np.maximum.reduceat(dataset, some.begins))

    def by(owners: Numbers, weights: Reals) -> Reals:
        return np.asarray(np.bincount(owners, weights=weights, minlength=count), np.float64)

    sums[0] = by(owner[alone], some.length[alone])
    sums[2] = by(owner[alone], some.stored[alone])
    sums[3] = by(owner[only], some.stored[only])
    chunk = np.repeat(np.arange(len(some.begins)), np.diff(np.append(some.begins, len(some.groups))))
    several = is_live & (users[chunk] > 1)
    sums[1] = by(dataset[several], some.length[chunk[several]])
    return sums
