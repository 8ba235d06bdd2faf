"""Repacking: packs of which little is still needed are written anew, without the rest.

    choose a few packs       of whose bytes snapshots refer to less than a share
    copy                     their chunks that are needed, each hashed, into new packs of a session of our own
    commit                   the new locations in, the old ones and their packs out, in one step
    sweep, a day later       delete the old packs: readers of the version before may still be reading them

The commit has to pass what the commits of writers and of collectors have to pass, for it is both.  A pack with a
chunk that cannot be read whole stays as it is: that is for repair to look at.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import Conflict, DamageError, HolotypeError

from .liveness import prefixes, ranges_of, used_rows, visibility
from .packs import PackReader, ParquetPackWriter, ZarrPackWriter
from .rewriting import Changes
from .schema import PACKS, TOMBSTONES
from .sessions import abort_session, aborted, fresh, open_session, writer_check
from .snapshots import history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from holotype.catalog import Entry, State

    from .context import Context
    from .liveness import Visibility
    from .packs import Pack
    from .sessions import Check

    Flags = np.ndarray[Any, np.dtype[np.bool_]]

__all__ = ["repack"]

# Chunks of one batch, whose rows are held in memory, at most (or those of one pack): about 150 bytes each.
_TOGETHER = 200_000
# As a writer's: stored bytes of packs that are being filled, and what is compressed together.
_OPEN, _GROUP = 24 << 20, 1 << 20
_TRIES = 3


def repack(context: Context, names: Sequence[str], *, tick: Callable[[], object] = lambda: None) -> tuple[str, ...]:
    """Write the needed part of these packs anew and condemn them; returns the names of those that are condemned.

    What others change meanwhile is left to the next collection.  Raises ``ArchiveReadOnly``, or what the store
    raises; what was committed until then stands.
    """
    if not names:
        return ()
    session = open_session(context)
    done: list[str] = []
    try:
        for batch in _batches(context, names):
            for _ in range(_TRIES):
                try:
                    done += _one(context, batch, session, tick)
                    break
                except Conflict:
                    if session in aborted(context, state=context.catalog.refresh()):
                        return tuple(done)
    finally:
        # Nothing more will be written, and what was written in vain is to go.  Who cannot say so will be thought dead.
        with suppress(HolotypeError):
            abort_session(context, session)
    return tuple(done)


def _batches(context: Context, names: Sequence[str]) -> Iterator[list[str]]:
    rows = context.catalog.read("packs", columns=["pack", "chunks"], filter=pc.field("pack").isin(list(names)))
    batch: list[str] = []
    count = 0
    for row in rows.to_pylist():
        if batch and count + row["chunks"] > _TOGETHER:
            yield batch
            batch, count = [], 0
        batch.append(row["pack"])
        count += row["chunks"]
    if batch:
        yield batch


def _one(context: Context, names: list[str], session: str, tick: Callable[[], object]) -> list[str]:
    """Repack a few packs in one commit; on ``Conflict`` nothing has happened."""
    state = context.catalog.refresh()
    packs = context.catalog.read("packs", filter=pc.field("pack").isin(names), state=state)
    segments, rows = [], []
    for segment in state.segments("chunks"):
        for part in context.catalog.batches("chunks", segments=[segment]):
            mine = part.filter(pc.is_in(part["pack"], value_set=packs["pack"].combine_chunks()))
            if mine.num_rows:
                segments.append(segment)
                rows.append(mine)
    if not rows:
        return []
    chunks = pa.concat_tables(rows)
    used = _used(context, chunks, _kept(context, state), state, tick)
    copier = _Copier(context, session)
    whole = copier.copy(chunks.filter(pa.array(used)), packs, tick)
    new = copier.finish()
    if not whole:
        return []
    gone = pa.array(whole, pa.string())
    changes, now = Changes(context.catalog), context.clock()
    changes.drop("chunks", segments, "pack", gone)
    changes.drop("packs", state.segments("packs"), "pack", gone)
    for pack in new:
        changes.put("chunks", pack.chunks)
        changes.put("packs", PACKS.rows([pack.row]))
    objects = packs.filter(pc.is_in(packs["pack"], value_set=gone))["object"].to_pylist()
    condemned = [("pack", name) for name in whole]
    # An object that is condemned by its key is kept for a while, for readers.
    condemned += [("object", key) for key in (*objects, *(segment.key for segment in changes.remove))]
    changes.put("tombstones", TOMBSTONES.rows([{"name": name, "kind": kind, "time": now} for kind, name in condemned]))
    try:
        context.catalog.commit(
            add=changes.add,
            remove=changes.remove,
            operation="repack",
            author=context.author,
            session=session,
            view=state,
            check=_check(context, chunks.filter(pa.array(~used)), session, state),
        )
    except Conflict:
        changes.abandon()
        raise
    return whole


def _kept(context: Context, state: State) -> Visibility:
    rows = history(context, state=state)
    kept = rows.filter(pc.not_equal(rows["state"], "purged"))["snapshot"]
    return visibility(ranges_of(context, kept.combine_chunks(), state=state))


def _used(context: Context, chunks: pa.Table, visible: Visibility, state: State, tick: Callable[[], object]) -> Flags:
    """Which of these chunks are seen."""
    mine, place = np.unique(prefixes(chunks["chunk"]), return_inverse=True)
    found = np.zeros(len(mine), np.bool_)
    if len(mine):
        for rows in used_rows(context, visible, ["chunks"], state=state):
            theirs = prefixes(rows["chunks"])
            at = np.searchsorted(mine, theirs)
            at[at == len(mine)] = 0
            found[at[mine[at] == theirs]] = True
            tick()
    flags: Flags = found[place]
    return flags


def _check(context: Context, unused: pa.Table, session: str, view: State) -> Check:
    """Our session was not aborted, and no snapshot made since refers to a chunk that was left behind."""
    ours = writer_check(context, session, (), view)

    def check(since: Sequence[Entry], present: State) -> None:
        ours(since, present)
        if not any("ranges" in entry.add for entry in since):
            return
        known = context.catalog.read("snapshots", columns=["snapshot"], state=view)["snapshot"].combine_chunks()
        ranges = fresh(context, "ranges", view, present)
        ranges = ranges.filter(pc.invert(pc.is_in(ranges["snapshot"], value_set=known)))
        if _used(context, unused, visibility(ranges), present, lambda: None).any():
            raise Conflict("a snapshot made meanwhile refers to what was to be left behind")

    return check


class _Copier:
    """Writes chunks into new packs of the kinds they lay in."""

    def __init__(self, context: Context, session: str) -> None:
        self._context, self._session = context, session
        self._reader = PackReader(context.store)
        self._open: dict[object, ParquetPackWriter | ZarrPackWriter] = {}
        self._groups: dict[bool, list[tuple[bytes, bytes]]] = {True: [], False: []}
        self._copied: set[bytes] = set()
        self._done: list[Pack] = []

    def copy(self, chunks: pa.Table, packs: pa.Table, tick: Callable[[], object]) -> list[str]:
        """Copy chunks, pack by pack; returns the packs of which all could be copied."""
        whole: list[str] = []
        for row in packs.to_pylist():
            own = chunks.filter(pc.equal(chunks["pack"], row["pack"])).sort_by(
                [("offset", "ascending"), ("start", "ascending")]
            )
            own = own.append_column("object", pa.repeat(pa.scalar(row["object"], pa.string()), own.num_rows))
            try:
                kind = self._numbers(row["object"]) if row["kind"] == "zarr" else None
                for number, data in self._reader.read_many(own):
                    self._take(own["chunk"][number].as_py(), bytes(data), own["codec"][number].as_py(), kind)
            except DamageError:
                continue
            whole.append(row["pack"])
            tick()
        return whole

    def finish(self) -> list[Pack]:
        """The new packs, all stored."""
        for compress in (True, False):
            self._write(compress=compress)
        for kind in list(self._open):
            self._store(kind)
        return self._done

    def _numbers(self, key: str) -> tuple[str, str]:
        """The element type of a Zarr pack, and the filter it was stored with."""
        described: dict[str, Any] = json.loads(
            bytes(self._context.store.get(f"{key.removesuffix('/c/0/0')}/zarr.json"))
        )
        (sharding,) = (codec for codec in described["codecs"] if codec["name"] == "sharding_indexed")
        inner = {codec["name"]: codec.get("configuration", {}) for codec in sharding["configuration"]["codecs"]}
        shuffle = inner["blosc"]["shuffle"].replace("noshuffle", "none")
        return described["attributes"]["dtype"], f"delta+{shuffle}" if "numcodecs.delta" in inner else shuffle

    def _take(self, chunk: bytes, data: bytes, codec: str, numbers: tuple[str, str] | None) -> None:
        if chunk in self._copied:
            return
        self._copied.add(chunk)
        if numbers is None:
            group = self._groups[codec == "zstd"]
            group.append((chunk, data))
            if sum(len(one) for _, one in group) >= _GROUP:
                self._write(compress=codec == "zstd")
            return
        kind = (*numbers, len(data))
        writer = self._open.get(kind)
        if not isinstance(writer, ZarrPackWriter):
            writer = ZarrPackWriter(self._session, dtype=numbers[0], filter=numbers[1], block_bytes=len(data))
            self._open[kind] = writer
        writer.append(chunk, writer.encode(data))
        self._limit()

    def _write(self, *, compress: bool) -> None:
        group, self._groups[compress] = self._groups[compress], []
        if not group:
            return
        writer = self._open.get(compress)
        if not isinstance(writer, ParquetPackWriter):
            writer = self._open[compress] = ParquetPackWriter(self._session, compress=compress)
        writer.add([chunk for chunk, _ in group], [data for _, data in group])
        self._limit()

    def _limit(self) -> None:
        while sum(writer.stored for writer in self._open.values()) > _OPEN:
            self._store(max(self._open, key=lambda kind: self._open[kind].stored))
        for kind in [kind for kind, writer in self._open.items() if writer.full]:
            self._store(kind)

    def _store(self, kind: object) -> None:
        pack = self._open.pop(kind).finish()
        for part in pack.objects:
            self._context.store.put(part.key, part.parts)
        self._done.append(pack)
