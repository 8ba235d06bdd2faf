"""Walks and ways through all that is recorded, and through snapshots, which nothing is recorded of (see ``backups``).

A snapshot came from its backup and has files, which came from something in turn; whoever used a snapshot used its
files.  Into the future, a file is in snapshots, and whatever a snapshot was used for came of its files.  Walks go on
through snapshots, nearest first; what is read of a snapshot is read when a walk comes to it.

From one version of a dataset to the next a walk goes only where it begins, and not beyond, unless it is asked to follow
``wasDerivedFrom``: else what came of a file that was soon removed would be every later snapshot of its dataset.
"""

from __future__ import annotations

import heapq
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import EntryNotFound, column, numbers, repeated, scalar
from holotype.catalog import provenance as prov

from .backups import Backups, snapshot_digest
from .holdings import Holdings
from .members import members, memberships
from .nodes import framed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from ..context import Context

__all__ = ["Walks"]

_NODES = pa.schema([("key", pa.uint64()), ("id", pa.string()), ("term", pa.string()), ("depth", pa.int32())])
_SNAPSHOT, _FILE = prov.snapshot_id(""), "urn:holotype:file:"


class Walks:
    """Walks and ways in one state.

    All of it raises ``EntryNotFound`` for an element that nothing is known of, ``ObjectMissing``, ``ObjectDamaged``, or
    what the store raises.
    """

    def __init__(self, context: Context, graph: prov.Graph) -> None:
        self.context, self.graph = context, graph
        self.backups = Backups(context, graph.state)
        self._inside: dict[str, list[prov.Record]] = {}

    # -- into the past

    def past(self, start: Sequence[str], *, depth: int | None = None, terms: Collection[str] | None = None) -> pa.Table:
        """All that ``start`` came from: ``key``, ``id``, ``term``, ``depth``, nearest first."""
        self._refuse_silence(start)
        told = self._told(start, terms)
        for digest in self._snapshots(start):
            told += self._members(digest, terms)
        parts = _Parts(depth, opened=start)
        if told and terms is None and depth != 0:  # what made a snapshot stands before what is in it
            made = [prov.backup_id(digest) for digest in self._snapshots(start)]
            parts.put(_nodes(made, 1, term="activity"))
        parts.add(self._beside(told).walk(start, past=True, depth=depth, terms=terms), 0, pending=True)
        for at, ids in parts.nearest():
            told = []
            for digest in self._snapshots(ids):
                told += [*self.backups.records([digest], revisions=False), *self._members(digest, terms)]
            if told:
                walk = self._beside(told).walk(ids, past=True, depth=parts.left(at), terms=terms)
                parts.add(walk, at, pending=True)
        if terms is None and depth != 0:
            rows = self.backups.rows
            earlier = [rows[digest]["parent"] for digest in self._snapshots(start)]
            parts.put(_nodes([prov.snapshot_id(digest) for digest in earlier if digest is not None], 1))
        return parts.nodes()

    def _refuse_silence(self, start: Sequence[str]) -> None:
        """Say of archived files that nobody said anything of that this is so, and not that there are none."""
        for record in self._archived(start):
            version = prov.file_version(str(record.id))
            if version is not None:
                raise EntryNotFound(
                    f"{version.dataset}/{version.path} is archived, but nothing is recorded of where it came from: no"
                    " activity and no run that was recorded made it or used it",
                    id=record.id,
                    path=version.path,
                )

    # -- into the future

    def future(
        self, start: Sequence[str], *, depth: int | None = None, terms: Collection[str] | None = None
    ) -> pa.Table:
        """All that came of ``start``, as ``past``; of a snapshot also all that came of its files."""
        told = [*self._told(start, terms, people=True), *self._archived(start)]
        first = [*start]
        for digest in self._snapshots(start):
            first += [str(record.arguments[1]) for record in self._members(digest, None)]
        parts = _Parts(depth)
        first = list(dict.fromkeys(first))
        self._add(parts, self._beside(told).walk(first, past=False, depth=depth, terms=terms), 0, terms)
        for at, ids in parts.nearest():
            used = [id for id, there in zip(ids, self.graph.known(ids).tolist(), strict=True) if there]
            if used:
                self._add(parts, self.graph.walk(used, past=False, depth=parts.left(at), terms=terms), at, terms)
        if terms is None and depth != 0 and (own := self._snapshots(start)):
            parts.put(_nodes([prov.snapshot_id(digest) for digest in self.backups.next(own)], 1))
        return parts.nodes()

    def _add(self, parts: _Parts, walk: prov.Walk, at: int, terms: Collection[str] | None) -> None:
        """Add what a walk came to, and the live snapshots that have files of it."""
        found = parts.add(walk, at)
        if terms is not None and "hadMember" not in terms:
            return
        near = found if parts.depth is None else found.filter(pc.less(found["depth"], parts.depth))
        near = near.filter(pc.starts_with(near["id"], _FILE))
        if near.num_rows and self.backups.rows:
            files = framed(near)
            held = self._holdings(files).nearest(files.select("id", "depth"))
            ids = [prov.snapshot_id(digest) for digest in held["snapshot"]]
            parts.put(_nodes(ids, *(depth + 1 for depth in held["depth"])), pending=True)

    def _archived(self, ids: Sequence[str]) -> list[prov.Record]:
        """The files among ``ids`` that nothing was recorded of, but that live snapshots have, as entities."""
        files = [id for id in ids if prov.file_version(id) is not None]
        new = [id for id, there in zip(files, self.graph.known(files).tolist(), strict=True) if not there]
        held = self._holdings(framed(_nodes(new, 0))).pairs()["id"].unique(maintain_order=True).to_list() if new else []
        return [prov.Record("entity", id) for id in held]

    # -- what is known of snapshots

    def known(self, ids: Sequence[str]) -> frozenset[str]:
        """Those of these elements that anything is known of: recorded, or by snapshots."""
        there = self.graph.known(list(ids)).tolist() if ids else []
        found = {id for id, is_there in zip(ids, there, strict=True) if is_there}
        found |= {id for id in ids if _ours(id) and self.backups.of(id)}
        return frozenset([*found, *(str(record.id) for record in self._archived(ids))])

    def kept(self, ids: Sequence[str]) -> list[prov.Record]:
        """What is said of the snapshots that these elements are about, and what they have of files."""
        told = self.backups.records(dict.fromkeys(digest for id in ids for digest in self.backups.of(id)))
        return told + [record for digest in self._snapshots(ids) for record in self._members(digest, None)]

    def _beside(self, told: Sequence[prov.Record]) -> prov.Graph:
        return self.graph.beside(told) if told else self.graph

    def _snapshots(self, ids: Iterable[str]) -> list[str]:
        """The digests of those elements that are snapshots of this archive."""
        digests = [digest for id in ids if (digest := snapshot_digest(id)) is not None]
        return [digest for digest in dict.fromkeys(digests) if digest in self.backups.rows]

    def _told(self, start: Sequence[str], terms: Collection[str] | None, *, people: bool = False) -> list[prov.Record]:
        """What is said of the snapshots that the elements where a walk begins are about."""
        digests = [digest for id in start if _ours(id) for digest in self.backups.of(id, people=people)]
        told = self.backups.records(digests, revisions=False)
        return [*told, *self.backups.revisions()] if told and "wasDerivedFrom" in (terms or ()) else told

    def _members(self, digest: str, terms: Collection[str] | None) -> list[prov.Record]:
        if terms is not None and "hadMember" not in terms:
            return []
        if digest not in self._inside:
            self._inside[digest] = members(self.context, self.graph, self.backups, digest)
        return self._inside[digest]

    def _holdings(self, files: pl.DataFrame) -> Holdings:
        rows = self.backups.live(set(files["dataset"].drop_nulls()))
        return Holdings(self.context, self.graph.state, files, rows)

    def news(self, document: prov.Document) -> prov.Document:
        """What a document says without what is known of snapshots anyway.

        Raises ``ProvenanceRefused`` where it cannot be true together with that, or what the store raises.
        """
        ids = {id for _, record in document for id in (record.id, *record.arguments) if isinstance(id, str)}
        about = [digest for id in sorted(ids) if _ours(id) for digest in self.backups.of(id)]
        if not about:
            return document
        kept = self.backups.records(about)
        files = framed(_nodes([id for id in sorted(ids) if prov.file_version(id) is not None], 0))
        inside = memberships(self.context, self.graph, self.backups, set(about), files)
        prov.refuse(
            self.context.catalog,
            document,
            graph=self.graph.beside([*kept, *self.backups.revisions()]),
            also=lambda wanted: self.backups.records(digest for id in wanted for digest in self.backups.of(id)),
        )
        known = {_meant(record) for record in (*kept, *inside)}
        new = tuple(record for record in document.records if _meant(record) not in known)
        return replace(document, records=new)

    # -- from one to the other

    def way(self, a: str, b: str) -> tuple[str, ...]:
        """The elements on a shortest way from ``a`` to ``b`` that leads all through the past, or all through the
        future.  A snapshot stands for its files as well; through earlier and later versions of a dataset a way leads
        where there is no other.
        """
        ends = (a, b)
        own = self._snapshots(ends)
        inside = [record for digest in own for record in self._members(digest, None)]
        graph = self._beside([*self._told(ends, None), *inside, *self._between(ends)])
        found = graph.path(a, b)
        if not found and own:
            found = graph.beside(self.backups.revisions()).path(a, b)
        if not found and own:
            # The files that a snapshot stands for are not what came of it: they are where its future begins.
            forth = [prov.Record("wasDerivedFrom", None, record.arguments[1::-1]) for record in inside]
            found = graph.beside(forth).path(a, b)
        return found

    def _between(self, ends: Sequence[str]) -> Iterator[prov.Record]:
        """What has to be known of snapshots that a way may lead through."""
        there = self.graph.known(list(ends)).tolist()
        snapshots = [prov.snapshot_id(digest) for digest in self.backups.rows]
        through = bool(snapshots) and bool(self.graph.known(snapshots).any())
        files = [id for id in ends if prov.file_version(id) is not None]
        if files and (through or not all(there)):
            for digest, id in self._holdings(framed(_nodes(files, 0))).pairs().iter_rows():
                yield prov.Record("hadMember", None, (prov.snapshot_id(digest), id))
        for end, known in zip(ends, there, strict=True) if through else ():
            for digest in self._snapshots(self.past([end])["id"].to_pylist() if known else []):
                yield from self._members(digest, None)


class _Parts:
    """What walks have come to: the nodes of each, at their depths, and the snapshots at which others are to begin.

    ``depth``: how far all of them may go.  ``opened``: snapshots at which none has to begin any more.
    """

    def __init__(self, depth: int | None, *, opened: Iterable[str] = ()) -> None:
        self.depth = depth
        self._parts: list[pa.Table] = []
        self._opened = set(opened)
        self._pending: list[tuple[int, str]] = []

    def left(self, at: int) -> int | None:
        """How far a walk that begins at this depth may go."""
        return None if self.depth is None else max(0, self.depth - at)

    def add(self, walk: prov.Walk, at: int, *, pending: bool = False) -> pa.Table:
        """Add what a walk came to that began at this depth; returns it.  ``pending``: see ``put``."""
        nodes = walk.nodes
        depth = pc.add(nodes["depth"], scalar(at, pa.int32()))
        part = pa.table([nodes["key"], nodes["id"], nodes["term"].cast(pa.string()), depth], schema=_NODES)
        self.put(part, pending=pending)
        return part

    def put(self, part: pa.Table, *, pending: bool = False) -> None:
        """Add nodes; ``pending``: others are to begin at the snapshots among them."""
        self._parts.append(part)
        if pending:
            mine = part.filter(pc.starts_with(part["id"], _SNAPSHOT))
            for depth, id in zip(mine["depth"].to_pylist(), mine["id"].to_pylist(), strict=True):
                heapq.heappush(self._pending, (depth, id))

    def nearest(self) -> Iterator[tuple[int, list[str]]]:
        """The snapshots at which walks are to begin, each once, those at one depth together, the nearest first; also
        those that come meanwhile.
        """
        while self._pending:
            at = self._pending[0][0]
            ids: list[str] = []
            while self._pending and self._pending[0][0] == at:
                id = heapq.heappop(self._pending)[1]
                if id not in self._opened:
                    self._opened.add(id)
                    ids.append(id)
            if ids and self.left(at) != 0:
                yield at, ids

    def nodes(self) -> pa.Table:
        """Each node once, where it is nearest, nearest first."""
        parts = [part for part in self._parts if part.num_rows]
        if len(parts) == 1:
            return parts[0]
        frame = pl.DataFrame(pa.concat_tables([_NODES.empty_table(), *parts])).sort("depth", maintain_order=True)
        return frame.unique("key", keep="first", maintain_order=True).to_arrow().cast(_NODES)


def _ours(id: str) -> bool:
    """Whether something may be known of an element though nothing is recorded of it."""
    return id.startswith("urn:holotype:") and not id.startswith(_FILE)


def _meant(record: prov.Record) -> tuple[object, ...]:
    """What a record says: the order of attributes means nothing."""
    return record.term, record.id, record.arguments, frozenset(record.attributes)


def _nodes(ids: Sequence[str], *depths: int, term: str = "entity") -> pa.Table:
    """Elements as the nodes of a walk; ``depths``: one for each, or the same for all."""
    every = list(depths) if len(depths) == len(ids) else [*depths] * len(ids)
    return pa.table(
        [
            numbers(prov.keys(ids)),
            column(list(ids), pa.string()),
            repeated(term, len(ids)),
            column(every, pa.int32()),
        ],
        schema=_NODES,
    )
