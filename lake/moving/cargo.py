"""Cargo: what has to travel from one archive to another so that snapshots of the one are whole in the other.

    chunks that the snapshots need  ─ those the other has  =  what is missing
    packs that hold what is missing ─▶ mostly missing: the pack goes as it is
                                    ─▶ else: only its missing chunks go, into new packs

Which chunks these are is found out on disk (``inventory``), for there may be more of them than memory should hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import ObjectMissing, numbers, plain

from ..records.packrows import alone, by_pack, groups, rows_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .inventory import End, Inventory

__all__ = ["Cargo", "Load", "pack_up"]

# A pack goes as it is when at least this share of its bytes is missing at the other end: then at most a third more
# travels than has to.  To take the missing chunks out instead, each has to be decoded, hashed and encoded again, which
# takes several times as long as to copy it.  What nobody needs any more goes along in such a pack, as it stayed in it
# here; a collection that repacks is rid of it at either end.
WHOLE = 0.75


@dataclass(frozen=True)
class Load:
    """One pack of the source: its row, the rows of the chunks that go, whether it goes as it is, and about how many
    stored bytes go.
    """

    pack: dict[str, Any]
    chunks: pa.Table
    whole: bool
    bytes: int


@dataclass(frozen=True)
class Cargo:
    """What has to travel.

    ``packs``: rows of the source's packs with something to go, with the columns ``whole``, whether one goes as it is,
    and ``going``, about how many stored bytes of it go.  ``relied``: packs of the target that hold what is there
    already.
    """

    packs: pa.Table = field(repr=False)
    relied: frozenset[str] = field(repr=False)
    _source: End = field(repr=False)
    _names: pa.Array = field(repr=False)
    _inventory: Inventory = field(repr=False)

    @property
    def bytes(self) -> int:
        """About how many stored bytes will travel."""
        return int(plain(self.packs["going"]).sum())

    def loads(self) -> Iterator[Load]:
        """All of it, pack by pack; a group of packs is looked up at a time."""
        for group in groups(self.packs):
            names = group["pack"].combine_chunks()
            chunks = rows_in(self._source.context, names, state=self._source.state)
            taken = names.filter(pc.invert(group["whole"].combine_chunks()))
            if len(taken):
                some = pc.is_in(chunks["pack"], value_set=taken)
                part = chunks.filter(some)
                goes = self._inventory.goes(part["chunk"], pc.index_in(part["pack"], value_set=self._names))
                chunks = pa.concat_tables([chunks.filter(pc.invert(some)), part.filter(numbers(goes))])
            for row, own in by_pack(group, chunks):
                yield Load(row, alone(own), row.pop("whole"), row.pop("going"))


def pack_up(
    inventory: Inventory,
    source: End,
    target: End,
    snapshots: pa.Array,
    *,
    strict: bool,
    tick: Callable[[], object] = lambda: None,
) -> Cargo:
    """Find out what the ``snapshots`` of the source, given by their digests, need that the target does not have.

    ``inventory``: an empty one, which is filled, and asked while the cargo is used.  ``strict``: no pack goes as it is
    that has a chunk which none of the snapshots needs.

    Raises ``ObjectMissing`` when a chunk is in no pack, ``ObjectDamaged`` or ``ObjectMissing`` when the records of
    either end cannot be read, ``StorageFull`` without room for temporary files, or what the stores raise.
    """
    packs = source.read("packs").sort_by("pack").combine_chunks()
    theirs = target.read("packs", columns=["pack"])["pack"].combine_chunks()
    names = packs["pack"].combine_chunks()
    inventory.need(source, snapshots, tick=tick)
    inventory.stock("here", source, names, tick=tick)
    inventory.stock("there", target, theirs, tick=tick)
    lost, first = inventory.nowhere("here", "there")
    if lost:
        raise ObjectMissing(
            f"{lost} chunks are in no pack of {source.url}, as {first.hex()[:16]}…; nothing was copied: verify it,"
            " and repair it or forget what is damaged",
            chunk=first.hex(),
            backend=source.url,
        )
    inventory.choose()
    moving = inventory.moving()
    places, going = moving["pack"].astype(np.int64), moving["bytes"]
    chosen = packs.take(numbers(places))
    share = going / np.maximum(plain(chosen["raw"]), 1)
    whole = share >= WHOLE
    if strict:
        whole &= ~np.isin(places, inventory.strangers())
    stored = plain(chosen["bytes"])
    travels = np.where(whole, stored, stored * share).astype(np.int64)
    return Cargo(
        packs=chosen.append_column("whole", numbers(whole)).append_column("going", numbers(travels)),
        relied=frozenset(theirs.take(pa.array(inventory.relied(), pa.int64())).to_pylist()),
        _source=source,
        _names=names,
        _inventory=inventory,
    )
