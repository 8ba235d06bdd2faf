"""What changed between two looks at the same folder, told from what the operating system says of each entry.

=============  ===================================================================  ========================
status         what is equal, what is not                                           what to do
=============  ===================================================================  ========================
``UNCHANGED``  kind, size, mtime, ctime, inode, mode, uid, gid and target           keep the previous row
``METADATA``   of a file, size, mtime and inode, but mode, uid or gid differ;       read its attributes again,
               of anything else, its kind                                           keep its content
``CHANGED``    anything else                                                        read it
``NEW``        there is no previous row                                             read it
=============  ===================================================================  ========================

A program can set a file's mtime back after writing to it, but not its ctime, which also moves when the file is renamed,
linked or given other permissions.  So where ctime alone differs the content is read again; only where other permissions
or another owner explain it, is the content taken to be the same.

A file that was written to in the very moment it was looked at can be written to once more without its ctime moving,
because clocks of file systems tick in steps of up to two seconds.  Rows whose ctime is not older than
``trusted_before_ns`` are therefore read again, whatever else is equal.  The right value is the time the previous scan
began, less the longest step: a file last touched before that cannot have changed since under the same ctime.  Where
ctime is the time of creation, on Windows, mtime stands in for it.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import numbers, plain, scalar

from .paths import raw

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["CHANGED", "COMPARED", "METADATA", "NEW", "UNCHANGED", "Changes", "alike", "compare"]

UNCHANGED, METADATA, CHANGED, NEW = range(4)

COMPARED: Final = (
    "path",
    "path_bytes",
    "kind",
    "size",
    "mtime_ns",
    "ctime_ns",
    "inode",
    "mode",
    "uid",
    "gid",
    "target",
)
"""The columns of ``entries`` that both tables need."""

_CLOCK = "mtime_ns" if sys.platform == "win32" else "ctime_ns"


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """How the rows of a scan relate to the previous rows.

    ``status``: of each scanned row, ``UNCHANGED``, ``METADATA``, ``CHANGED`` or ``NEW`` (uint8).  ``previous``: of each
    scanned row, the index of the previous row with its path, -1 where there is none.  ``removed``: the indices of
    previous rows whose paths were not scanned, in order.
    """

    status: npt.NDArray[np.uint8]
    previous: npt.NDArray[np.int64]
    removed: npt.NDArray[np.int64]

    @property
    def nothing(self) -> bool:
        """Whether the scan found what was there before and nothing else."""
        return not len(self.removed) and not self.status.any()

    def rows(self, status: int) -> npt.NDArray[np.int64]:
        """The indices of the scanned rows that have this status, in order."""
        return np.flatnonzero(self.status == status)


def compare(scanned: pa.Table, previous: pa.Table, *, trusted_before_ns: int | None = None) -> Changes:
    """Compare the rows of a scan with the previous rows of the same range of keys.

    Both have the columns ``COMPARED``; the order of rows does not matter for what is found, but is fastest when equal.
    ``trusted_before_ns``: nanoseconds since 1970 (see above); ``None`` trusts every row.
    """
    there, removed = _matched(scanned, previous)
    if not len(there) or not previous.num_rows:
        return Changes(np.full(len(there), NEW, np.uint8), there, removed)
    known = there >= 0
    in_step = len(there) == previous.num_rows and bool((there == np.arange(len(there))).all())
    before = previous if in_step else previous.select(COMPARED).take(numbers(np.maximum(there, 0)))

    # Equal columns are the rule, and told apart from others by comparing memory.
    def same(*names: str) -> npt.NDArray[np.bool_]:
        found = np.ones(len(there), bool)
        for name in names:
            found &= alike(scanned[name], before[name])
        return found

    kind, content, owner = same("kind"), same("size", "mtime_ns", "inode"), same("mode", "uid", "gid")
    file = plain(pc.equal(scanned["kind"], scalar("file")))
    status = np.full(len(there), CHANGED, np.uint8)
    status[kind & (~file | (content & ~owner))] = METADATA
    status[kind & content & owner & same("ctime_ns", "target")] = UNCHANGED
    if trusted_before_ns is not None and pc.max(before[_CLOCK]).as_py() >= trusted_before_ns:
        status[file & plain(pc.greater_equal(before[_CLOCK], scalar(trusted_before_ns)))] = CHANGED
    status[~known] = NEW
    return Changes(status, there, removed)


def _matched(scanned: pa.Table, previous: pa.Table) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where each scanned path is among the previous rows, or -1; and which previous rows were not met."""
    rows = scanned.num_rows
    if rows == previous.num_rows and all(scanned[name].equals(previous[name]) for name in ("path", "path_bytes")):
        return np.arange(rows), np.empty(0, np.int64)
    found = pc.index_in(raw(scanned), value_set=raw(previous))
    there = plain(pc.fill_null(found, scalar(-1, pa.int32()))).astype(np.int64)
    met = np.zeros(previous.num_rows, bool)
    met[there[there >= 0]] = True
    return there, np.flatnonzero(~met)


def alike(now: pa.ChunkedArray, then: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Where two columns of one length have the same value, or both none."""
    if now.equals(then):
        return np.ones(len(now), bool)
    if pa.types.is_nested(now.type):  # Arrow compares no lists
        pairs = zip(now.to_pylist(), then.to_pylist(), strict=True)
        return np.fromiter((one == other for one, other in pairs), np.bool_, len(now))
    found = plain(pc.fill_null(pc.equal(now, then), scalar(False)))
    if now.null_count and then.null_count:
        found |= plain(pc.and_(now.is_null(), then.is_null()))
    return found
