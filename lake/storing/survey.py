"""Going through a source beside the previous manifest: what is unchanged stays, what is new or changed is read.

The scan and the previous manifest are both in key order, so they are compared a stretch of keys at a time; of each
stretch come the rows that the next manifest needs, complete, once the packers are done with its files.
"""

from __future__ import annotations

import stat
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import column, numbers, plain, scalar

from ..manifest import Manifest, align, previous_rows
from ..schema import ENTRIES
from ..tree.attributes import group_name, named, user_name
from ..tree.changes import CHANGED, COMPARED, METADATA, Changes, alike, compare
from ..tree.paths import keys, raw
from ..tree.scan import scan
from .packing import Unit

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    import numpy.typing as npt

    from ..manifest import Stretch
    from .intake import FileRow, Problems, Reader, Reading

__all__ = ["Settled", "Survey"]

_STATUS: dict[str, Callable[[os.stat_result], int]] = {
    "mtime_ns": lambda status: status.st_mtime_ns,
    "ctime_ns": lambda status: status.st_ctime_ns,
    "inode": lambda status: status.st_ino,
    "mode": lambda status: stat.S_IMODE(status.st_mode),
    "uid": lambda status: status.st_uid,
    "gid": lambda status: status.st_gid,
}


@dataclass
class Work:
    """A stretch whose files are being read: what is known of its rows until they were."""

    stretch: Stretch
    changes: Changes
    changed: npt.NDArray[np.int64]  # scanned rows that are new or changed
    fresh: pa.Table  # those rows
    unit: Unit
    reading: Reading | None  # None when there are no files among them


@dataclass(frozen=True)
class Settled:
    """What a stretch comes to: rows that the next manifest gets, and previous ones that it loses."""

    stretch: Stretch
    put: pa.Table
    removed: pa.Table


class Survey:
    """Goes through the source beside the previous manifest, reading what has to be read; at most a few stretches at a
    time.

    ``whole``: tells of previous rows whether what they speak of is all stored, where that does not go without saying.
    """

    def __init__(
        self,
        source: str,
        reader: Reader,
        problems: Problems,
        previous: Manifest | None,
        *,
        scanning: dict[str, Any],
        reread: bool,
        trusted_before_ns: int | None,
        whole: Callable[[pa.Table], npt.NDArray[np.bool_]] | None = None,
    ) -> None:
        self._source, self._scanning, self._reread = source, scanning, reread
        self._reader, self._problems, self._previous = reader, problems, previous
        self._trusted_before_ns, self._whole = trusted_before_ns, whole
        self._lost: set[bytes] = set()  # files that could not be read

    def stretches(self) -> Generator[Settled]:
        """Every stretch with changes, in key order, its files read."""
        waiting: deque[Work] = deque()
        try:
            for stretch in align(self._scan(), self._previous, columns=COMPARED):
                work = self._begin(stretch, certain=not waiting)
                if work is not None:
                    waiting.append(work)
                while len(waiting) > self._reader.ahead or (len(waiting) > 1 and _done(waiting[0])):
                    yield self._settle(waiting[0])
                    waiting.popleft()
            while waiting:
                yield self._settle(waiting[0])
                waiting.popleft()
        finally:  # after an error nobody needs what is still to be read
            for work in waiting:
                if work.reading is not None:
                    work.reading.cancel()

    def _scan(self) -> Iterator[pa.Table]:
        for batch in scan(self._source, **self._scanning):
            for problem in batch.problems:
                self._problems.take(problem)
            yield batch.entries

    def _begin(self, stretch: Stretch, *, certain: bool) -> Work | None:
        """Sort out what changed in a stretch and begin to read it; ``None`` when nothing did.

        ``certain``: whether it is known by now of all files before which of them were lost.
        """
        scanned = stretch.scanned
        changes = compare(scanned, stretch.previous, trusted_before_ns=self._trusted_before_ns)
        if self._reread:
            changes = _all_files(changes, scanned)
        elif self._whole is not None:
            changes = self._doubted(stretch, changes, self._whole)
        if changes.nothing and not ((self._lost or not certain) and _of_kind(scanned, "hardlink").any()):
            return None
        changed = np.flatnonzero(changes.status >= CHANGED)
        fresh = scanned if len(changed) == scanned.num_rows else scanned.take(numbers(changed))
        unit = Unit(fresh.num_rows)
        return Work(stretch, changes, changed, fresh, unit, self._read(unit, fresh))

    def _doubted(
        self, stretch: Stretch, changes: Changes, whole: Callable[[pa.Table], npt.NDArray[np.bool_]]
    ) -> Changes:
        """As if those had changed that are not all stored."""
        same = np.flatnonzero(changes.status < CHANGED)
        if not len(same):
            return changes
        assert self._previous is not None
        before = previous_rows(self._previous, stretch).take(numbers(changes.previous[same]))
        status = changes.status.copy()
        status[same[~whole(before)]] = CHANGED
        return Changes(status, changes.previous, changes.removed)

    def _settle(self, work: Work) -> Settled:
        """Make out what a stretch comes to, once its files are read."""
        stretch, changes, changed = work.stretch, work.changes, work.changed
        files = work.reading.result() if work.reading is not None else {}
        lost = self._lost_rows(stretch.scanned, changed, files)
        touched = changes.rows(METADATA)
        parts = [self._fresh(work, files, ~lost[changed]), self._touched(stretch, changes, touched[~lost[touched]])]
        # What an entry was before is no answer to what it is now.
        there = changes.previous[lost]
        removed = np.sort(np.concatenate([changes.removed, there[there >= 0]]))
        return Settled(stretch, _together(parts), stretch.previous.take(numbers(removed)))

    def _as_before(self, stretch: Stretch, fresh: pa.Table, were: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The previous rows of those that were read for safety's sake, or because it was asked for; -1 for others."""
        known = np.flatnonzero(were >= 0)
        found = np.full(len(were), -1, np.int64)
        if len(known):
            now, then = fresh.take(numbers(known)), stretch.previous.take(numbers(were[known]))
            known = known[np.logical_and.reduce([alike(now[name], then[name]) for name in COMPARED])]
            found[known] = were[known]
        return found

    def _lost_rows(
        self, scanned: pa.Table, changed: npt.NDArray[np.int64], files: dict[int, FileRow | None]
    ) -> npt.NDArray[np.bool_]:
        """Which scanned rows cannot be kept: files that could not be read, and the other names of such files."""
        lost = np.zeros(scanned.num_rows, bool)
        lost[changed] = plain(pc.equal(scanned["kind"].take(numbers(changed)), scalar("file")))
        lost[changed[list(files)]] = False
        if lost.any():
            self._lost.update(raw(scanned.filter(numbers(lost))).to_pylist())
        if self._lost:
            targets = column(sorted(self._lost), pa.binary())
            others = plain(
                pc.and_(pc.equal(scanned["kind"], scalar("hardlink")), pc.is_in(scanned["target"], value_set=targets))
            )
            for path in raw(scanned.filter(numbers(others))).to_pylist():
                self._problems.add(path, "skipped", "it is another name of a file that could not be read")
            lost |= others
        return lost

    def _read(self, unit: Unit, fresh: pa.Table) -> Reading | None:
        is_file = _of_kind(fresh, "file")
        rows = np.flatnonzero(is_file)
        if not len(rows):
            return None
        files = fresh if is_file.all() else fresh.take(numbers(rows))
        wanted = zip(*(plain(files[name]).tolist() for name in ("size", "mtime_ns", "ctime_ns")), strict=True)
        return self._reader.begin(unit, raw(files).to_pylist(), rows.tolist(), list(wanted))

    def _fresh(self, work: Work, files: dict[int, FileRow | None], kept: npt.NDArray[np.bool_]) -> pa.Table:
        """Rows of entries that were read: what the scan saw, unless the file was another by the time it was opened.

        ``kept``: which of them could be read.
        """
        scanned, unit = work.fresh, work.unit
        count = scanned.num_rows
        others = np.flatnonzero(plain(pc.not_equal(scanned["kind"], scalar("file"))))
        found: list[FileRow | None] = [files.get(row) for row in range(count)]
        xattrs: list[Any] = [row.xattrs if row is not None else None for row in found]
        for row, value in zip(others.tolist(), self._attributes(scanned.take(numbers(others))), strict=True):
            xattrs[row] = value
        columns = {name: scanned[name] for name in scanned.column_names if name in ENTRIES.schema.names}
        if any(row is not None and row.moved for row in found):
            columns |= _present(scanned, found)
        columns |= _owners(columns)
        columns |= {
            "sha256": column(unit.sha256, pa.binary(32)),
            "chunks": _chunks(unit.chunks),
            "holes": column(
                [row.holes if row is not None else None for row in found], ENTRIES.schema.field("holes").type
            ),
            "xattrs": _xattrs(xattrs),
            "dtype": column([row.dtype if row is not None else None for row in found], pa.string()),
            "shape": column(
                [row.shape if row is not None else None for row in found], ENTRIES.schema.field("shape").type
            ),
            "data_offset": column([row.data_offset if row is not None else None for row in found], pa.int64()),
            "unsettled": column([row is not None and row.unsettled for row in found], pa.bool_()),
        }
        rows = pa.table([columns[name] for name in ENTRIES.schema.names], schema=ENTRIES.schema)
        kept &= ~self._unchanged(work, rows)
        return rows if kept.all() else rows.filter(numbers(kept))

    def _unchanged(self, work: Work, rows: pa.Table) -> npt.NDArray[np.bool_]:
        """Which rows are to the letter what they were: the manifest has them already."""
        found = np.zeros(rows.num_rows, bool)
        were = self._as_before(work.stretch, work.fresh, work.changes.previous[work.changed])
        looks = np.flatnonzero(were >= 0)
        if len(looks) and self._previous is not None:
            before = previous_rows(self._previous, work.stretch).take(numbers(were[looks]))
            now = rows.take(numbers(looks))
            found[looks] = np.logical_and.reduce([alike(now[name], before[name]) for name in ENTRIES.schema.names])
        return found

    def _touched(self, stretch: Stretch, changes: Changes, touched: npt.NDArray[np.int64]) -> pa.Table:
        """Previous rows of entries whose bytes are the same, with the attributes they have now."""
        if not len(touched):
            return ENTRIES.empty()
        assert self._previous is not None
        before = previous_rows(self._previous, stretch).take(numbers(changes.previous[touched]))
        scanned = stretch.scanned.take(numbers(touched))
        columns = {name: before[name] for name in ENTRIES.schema.names}
        columns |= {name: scanned[name] for name in scanned.column_names if name in ENTRIES.schema.names}
        columns |= _owners(columns)
        columns["xattrs"] = _xattrs(self._attributes(scanned))
        return pa.table([columns[name] for name in ENTRIES.schema.names], schema=ENTRIES.schema)

    def _attributes(self, rows: pa.Table) -> list[Any]:
        """The extended attributes of entries that are not read."""
        return list(map(self._reader.attributes, raw(rows).to_pylist(), rows["kind"].to_pylist()))


def _done(work: Work) -> bool:
    return work.reading is None or work.reading.done


def _of_kind(rows: pa.Table, kind: str) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = plain(pc.equal(rows["kind"], scalar(kind)))
    return found


def _together(parts: Sequence[pa.Table]) -> pa.Table:
    """Rows in key order, of parts that are each in key order."""
    filled = [part for part in parts if part.num_rows]
    if len(filled) < 2:
        return filled[0] if filled else ENTRIES.empty()
    both = pa.concat_tables(filled)
    return both.take(pc.sort_indices(keys(both)))


def _owners(columns: dict[str, Any]) -> dict[str, pa.Array]:
    return {"owner": named(columns["uid"], user_name), "group": named(columns["gid"], group_name)}


def _xattrs(values: Iterable[list[tuple[bytes, bytes]] | None]) -> pa.Array:
    rows = [pairs if pairs is None else [{"name": name, "value": value} for name, value in pairs] for pairs in values]
    return column(rows, ENTRIES.schema.field("xattrs").type)


def _chunks(values: Sequence[list[bytes] | bytes | None]) -> pa.Array:
    """Ids of chunks as a column of lists; one that stands alone is the list of itself."""
    kind = ENTRIES.schema.field("chunks").type
    counts = np.fromiter((1 if isinstance(ids, bytes) else len(ids or ()) for ids in values), np.int64, len(values))
    joined = b"".join([ids if isinstance(ids, bytes) else b"".join(ids or ()) for ids in values])
    ids = pa.Array.from_buffers(kind.value_type, int(counts.sum()), [None, pa.py_buffer(joined)])
    valid = np.fromiter((ids is not None for ids in values), np.bool_, len(values))
    bitmap = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    offsets = pa.py_buffer(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    return pa.Array.from_buffers(kind, len(values), [bitmap, offsets], children=[ids])


def _all_files(changes: Changes, scanned: pa.Table) -> Changes:
    """As if every file had changed."""
    files = plain(pc.equal(scanned["kind"], scalar("file")))
    status = np.where(files & (changes.status < CHANGED), np.uint8(CHANGED), changes.status)
    return Changes(status, changes.previous, changes.removed)


def _present(scanned: pa.Table, found: list[FileRow | None]) -> dict[str, pa.Array]:
    """The columns of status, as of when each file was read."""
    sizes = zip(scanned["size"].to_pylist(), found, strict=True)
    columns = {"size": column([size if file is None else file.size for size, file in sizes], pa.int64())}
    for name, get in _STATUS.items():
        values = scanned[name].to_pylist()
        for row, file in enumerate(found):
            if file is not None:
                values[row] = get(file.status)
        columns[name] = column(values, ENTRIES.schema.field(name).type)
    return columns
