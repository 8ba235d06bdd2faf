"""What a first backup has seen so far, so that another one, should it be interrupted, need not read it all again.

A later backup compares what it scans with the snapshot before; a first one has none.  So its checkpoints also commit
the part of the manifest that is written already, as rows of the table ``unfinished``, and the next attempt takes that
for its previous manifest.  It is only believed where it still holds: a file whose chunks were not all put away, or were
collected since, is read again.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import plain, scalar

from ..context import host_here
from ..manifest import Counts, Manifest, Range, tally
from ..schema import UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    import numpy.typing as npt

    from holotype.catalog import Segment, State

    from ..context import Context
    from ..manifest import ManifestWriter
    from ..records.index import Known

__all__ = ["Diary", "Resumed", "over", "resume", "seen_by", "stored_whole"]


class Diary:
    """Says at the checkpoints of one first backup how far it has come.

    The thread that writes the manifest notes how far that is, and a checkpoint may come in any other.  ``committed``:
    the names of the segments of the manifest that checkpoints have committed.
    """

    def __init__(self, context: Context, writer: ManifestWriter, *, dataset: str, source: str, began: datetime) -> None:
        self._context, self._writer = context, writer
        self._about = {"dataset": dataset, "source": source, "host": host_here(), "began": began}
        self._told = 0
        self._noted = writer.so_far()
        self.committed: set[str] = set()

    def note(self) -> None:
        """Remember how far the manifest has come."""
        self._noted = self._writer.so_far()

    def segments(self, session: str) -> list[Segment]:
        """What the next checkpoint commits beside packs: the ranges written since the last one, the rows behind them as
        a range for the time being, and the rows of ``unfinished`` that name all these."""
        ranges, rest = self._noted
        new = list(ranges[self._told :])
        own = [segment for segment in map(self._writer.written, new) if segment is not None]
        self.committed.update(segment.name for segment in own)
        if rest:
            follows, segment = self._writer.keep(pa.concat_tables(rest))
            new.append(follows)
            own.append(segment)
        if not new:
            return []
        rows = [{"session": session, **self._about, "ordinal": self._told + i, **_place(r)} for i, r in enumerate(new)]
        self._told = len(ranges)
        return [*own, self._context.catalog.write("unfinished", UNFINISHED.rows(rows))]


@dataclass(frozen=True)
class Resumed:
    """What an interrupted backup had seen, as a manifest, and when it began to look."""

    manifest: Manifest
    began: datetime


def resume(context: Context, dataset: str, source: str, *, state: State) -> Resumed | None:
    """What the interrupted first backup of ``source`` that came furthest had seen; ``None`` when there was none."""
    rows = context.catalog.read("unfinished", state=state)
    if not rows.num_rows:
        return None
    same = pc.and_(pc.equal(rows["dataset"], scalar(dataset)), pc.equal(rows["source"], scalar(source)))
    rows = rows.filter(pc.and_(same, pc.equal(rows["host"], scalar(host_here()))))
    live = {segment.name: segment for segment in state.segments("entries")}
    best: list[dict[str, Any]] = []
    for session in pc.unique(rows["session"]).to_pylist():
        # What followed the ranges at one checkpoint is among them at the next.
        by_place = {row["ordinal"]: row for row in rows.filter(pc.equal(rows["session"], scalar(session))).to_pylist()}
        found = [by_place[ordinal] for ordinal in sorted(by_place)]
        if all(row["segment"] in live for row in found):
            best = max(best, found, key=lambda each: sum(row["rows"] for row in each))
    if not best:
        return None
    ranges = tuple(Range(row["segment"], "range", *(row[name] for name in ("rows", "first", "last"))) for row in best)
    segments = MappingProxyType({part.segment: live[part.segment] for part in ranges})
    counts = Counts()
    for part in ranges:
        counts += tally(context.catalog.read("entries", columns=["kind", "size"], segments=[segments[part.segment]]))
    return Resumed(Manifest("", ranges, (), counts, segments, context.catalog), best[0]["began"])


def stored_whole(known: Known) -> Callable[[pa.Table], npt.NDArray[np.bool_]]:
    """Tells of which rows of entries all chunks are stored; the packs they lie in are relied on from then on."""

    def whole(rows: pa.Table) -> npt.NDArray[np.bool_]:
        lists = rows["chunks"].combine_chunks()
        counts = plain(pc.fill_null(pc.list_value_length(lists), scalar(0, pa.int32()))).astype(np.int64)
        there = np.asarray(known.stored(lists.flatten().to_pylist()), np.bool_)
        ends = np.concatenate([[0], np.cumsum(there)])
        stops = np.cumsum(counts)
        found: npt.NDArray[np.bool_] = ends[stops] - ends[stops - counts] == counts
        return found

    return whole


def seen_by(context: Context, sessions: Collection[str], *, state: State) -> set[str]:
    """The segments of entries that unfinished backups of these sessions build on, as far as they are there.

    A collection that looked before a checkpoint named them may have taken some; that backup will look again.
    """
    rows = context.catalog.read("unfinished", columns=["session", "segment"], state=state)
    own = rows.filter(pc.is_in(rows["session"], value_set=pa.array(sorted(sessions), pa.string())))
    return set(own["segment"].to_pylist()) & {segment.name for segment in state.segments("entries")}


def over(context: Context, busy: Collection[str], *, state: State) -> pa.Array:
    """The sessions of unfinished backups that nobody goes on with under their name."""
    names = pc.unique(context.catalog.read("unfinished", columns=["session"], state=state)["session"])
    return names.filter(pc.invert(pc.is_in(names, value_set=pa.array(sorted(busy), pa.string()))))


def _place(part: Range) -> dict[str, Any]:
    return {name: value for name, value in vars(part).items() if name != "role"}
