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

from .attributes import group_name, named, user_name
from .changes import CHANGED, COMPARED, METADATA, Changes, alike, compare
from .intake import Intake, Problems
from .manifest import Manifest, align, previous_rows
from .packing import Packer, Unit
from .paths import keys, raw
from .scan import scan
from .schema import ENTRIES

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy.typing as npt

    from .intake import FileRow
    from .manifest import Stretch
    from .progress import Ticker

__all__ = ["Survey", "Work"]

_UNITS = 4  # stretches being read while an earlier one is still being packed

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
    """A stretch whose files are being read: what is known of its rows until its jobs are done."""

    stretch: Stretch
    unit: Unit
    fresh: pa.Table  # scanned rows that are new or changed
    kept: npt.NDArray[np.int64]  # which of them could be read
    were: npt.NDArray[np.int64]  # the previous row of each that looks as it did, else -1
    files: dict[int, FileRow | None]
    touched: pa.Table  # scanned rows whose attributes changed, not their bytes
    before: pa.Table  # previous rows of those, whole
    removed: pa.Table


class Survey:
    """Goes through the source beside the previous manifest, reading what has to be read; at most a few stretches at a
    time.
    """

    def __init__(
        self,
        source: str,
        packer: Packer,
        problems: Problems,
        ticker: Ticker,
        previous: Manifest | None,
        *,
        scanning: dict[str, Any],
        reread: bool,
        trusted_before_ns: int | None,
        chunking: dict[str, int],
    ) -> None:
        self._source, self._scanning, self._reread = source, scanning, reread
        self._packer, self._problems, self._previous = packer, problems, previous
        self._ticker, self._stored = ticker, 0
        self._trusted_before_ns = trusted_before_ns
        self._intake = Intake(source, packer, chunking=chunking, problems=problems, ticker=ticker)
        self._lost: set[bytes] = set()  # files that could not be read

    def stretches(self) -> Iterator[Work]:
        """Every stretch with changes, in key order, its jobs done."""
        waiting: deque[Work] = deque()
        for stretch in align(self._scan(), self._previous, columns=COMPARED):
            work = self._begin(stretch)
            if work is not None:
                waiting.append(work)
            while len(waiting) > _UNITS or (waiting and waiting[0].unit.pending == 0 and len(waiting) > 1):
                yield self._done(waiting.popleft())
        while waiting:
            yield self._done(waiting.popleft())

    def _done(self, work: Work) -> Work:
        self._packer.wait(work.unit)
        self.tell_stored()
        return work

    def tell_stored(self) -> None:
        """Say how much was stored so far."""
        stored, self._stored = self._packer.stored_bytes - self._stored, self._packer.stored_bytes
        self._ticker.add(stored=stored)

    def _scan(self) -> Iterator[pa.Table]:
        for batch in scan(self._source, **self._scanning):
            for problem in batch.problems:
                self._problems.take(problem)
            yield batch.entries

    def _begin(self, stretch: Stretch) -> Work | None:
        """Sort out what changed in a stretch and read it; ``None`` when nothing did."""
        scanned = stretch.scanned
        changes = compare(scanned, stretch.previous, trusted_before_ns=self._trusted_before_ns)
        if self._reread:
            changes = _all_files(changes, scanned)
        if changes.nothing and not self._lost:
            return None
        changed = np.flatnonzero(changes.status >= CHANGED)
        fresh = scanned.take(numbers(changed))
        unit = Unit(fresh.num_rows)
        files = self._read(unit, fresh)
        lost = self._lost_rows(scanned, changed, files)
        touched = changes.rows(METADATA)
        touched = touched[~lost[touched]]
        before = ENTRIES.empty()
        if len(touched):
            assert self._previous is not None
            before = previous_rows(self._previous, stretch).take(numbers(changes.previous[touched]))
        # What an entry was before is no answer to what it is now.
        there = changes.previous[lost]
        removed = np.sort(np.concatenate([changes.removed, there[there >= 0]]))
        kept = np.flatnonzero(~lost[changed])
        return Work(
            stretch,
            unit,
            fresh,
            kept,
            self._as_before(stretch, fresh, changes.previous[changed]),
            files,
            scanned.take(numbers(touched)),
            before,
            stretch.previous.take(numbers(removed)),
        )

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

    def _read(self, unit: Unit, fresh: pa.Table) -> dict[int, FileRow | None]:
        rows = np.flatnonzero(plain(pc.equal(fresh["kind"], scalar("file"))))
        if not len(rows):
            return {}
        files = fresh.take(numbers(rows))
        wanted = zip(*(plain(files[name]).tolist() for name in ("size", "mtime_ns", "ctime_ns")), strict=True)
        return self._intake.read(unit, raw(files).to_pylist(), rows.tolist(), list(wanted))

    def rows(self, work: Work) -> pa.Table:
        """The finished rows of a stretch, complete and in key order."""
        parts = [part for part in (self._fresh(work), self._touched(work)) if part.num_rows]
        if not parts:
            return ENTRIES.empty()
        if len(parts) == 1:
            return parts[0]
        both = pa.concat_tables(parts)
        return both.take(pc.sort_indices(keys(both)))

    def _fresh(self, work: Work) -> pa.Table:
        """Rows of entries that were read: what the scan saw, unless the file was another by the time it was opened."""
        scanned, files, unit = work.fresh, work.files, work.unit
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
        kept = work.kept[~self._unchanged(work, rows)[work.kept]]
        return rows if len(kept) == count else rows.take(numbers(kept))

    def _unchanged(self, work: Work, rows: pa.Table) -> npt.NDArray[np.bool_]:
        """Which rows are to the letter what they were: the manifest has them already."""
        found = np.zeros(rows.num_rows, bool)
        looks = np.flatnonzero(work.were >= 0)
        if len(looks) and self._previous is not None:
            before = previous_rows(self._previous, work.stretch).take(numbers(work.were[looks]))
            now = rows.take(numbers(looks))
            found[looks] = np.logical_and.reduce([alike(now[name], before[name]) for name in ENTRIES.schema.names])
        return found

    def _touched(self, work: Work) -> pa.Table:
        """Previous rows of entries whose bytes are the same, with the attributes they have now."""
        scanned, before = work.touched, work.before
        if not scanned.num_rows:
            return ENTRIES.empty()
        columns = {name: before[name] for name in ENTRIES.schema.names}
        columns |= {name: scanned[name] for name in scanned.column_names if name in ENTRIES.schema.names}
        columns |= _owners(columns)
        columns["xattrs"] = _xattrs(self._attributes(scanned))
        return pa.table([columns[name] for name in ENTRIES.schema.names], schema=ENTRIES.schema)

    def _attributes(self, rows: pa.Table) -> list[Any]:
        """The extended attributes of entries that are not read."""
        return list(map(self._intake.attributes, raw(rows).to_pylist(), rows["kind"].to_pylist()))


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
