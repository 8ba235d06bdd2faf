"""From the operating system's status of many entries to the columns of ``entries``."""

from __future__ import annotations

import os
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from holotype.catalog import column, numbers

from ..schema import ENTRIES
from .paths import columns, own

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

__all__ = ["SCANNED", "Links", "to_table"]

_COLUMNS = ("path", "path_bytes", "kind", "size", "mtime_ns", "ctime_ns", "inode", "mode", "uid", "gid", "target")
SCANNED: Final = pa.schema(
    [
        *(ENTRIES.schema.field(name) for name in _COLUMNS),
        pa.field("device", pa.uint64()),
        pa.field("nlink", pa.uint64()),
    ]
)

# By the four bits of a file's type in st_mode, and one more for a file's second and later names.
_CHARACTER, _DIRECTORY, _BLOCK, _FILE, _SYMLINK, _HARDLINK = 2, 4, 6, 8, 10, 16
_KINDS: Final = column(
    [
        *(None, "fifo", "character-device", None, "directory", None, "block-device", None),
        *("file", None, "symlink", None, "socket", None, None, None, "hardlink"),
    ],
    pa.string(),
)


class Links:
    """The names of files that have several, over a whole walk.

    A file is let go when all of its names were met.  One that has names elsewhere stays, at about 200 bytes.
    """

    def __init__(self) -> None:
        self._first: dict[int, bytes] = {}
        self._left: dict[int, int] = {}  # how many names are still to come, where that is more than one

    def first(self, device: int, inode: int, names: int, path: str) -> bytes | None:
        """The path of the file's first name when ``path`` is a later one."""
        identity = inode | device << 64
        known = self._first.get(identity)
        if known is None:
            self._first[identity] = own(path)
            if names > 2:
                self._left[identity] = names - 1
            return None
        left = self._left.pop(identity, 1)
        if left == 1:
            del self._first[identity]
        elif left > 1:
            self._left[identity] = left - 1
        return known


def to_table(
    paths: Sequence[str], statuses: Sequence[os.stat_result], targets: Mapping[int, bytes], links: Links
) -> pa.Table:
    """Rows of the schema ``SCANNED``; ``targets`` has the targets of symbolic links by row.

    A time or a number that the columns cannot hold becomes the nearest that they can.  A row whose kind is missing is
    of a kind that the operating system invented.
    """
    rows = len(paths)

    def field(name: str, dtype: type[np.integer[Any]]) -> npt.NDArray[Any]:
        return _numbers(attrgetter(name), statuses, dtype)

    full_mode = field("st_mode", np.uint32)
    kind = full_mode >> 12
    size, nlink = field("st_size", np.int64), field("st_nlink", np.uint64)
    target = dict(targets)
    for row, text in targets.items():
        size[row] = len(text)
    for row in np.flatnonzero((kind == _CHARACTER) | (kind == _BLOCK)).tolist():
        target[row] = _device(statuses[row].st_rdev)
    for row in np.flatnonzero((nlink > 1) & (kind != _DIRECTORY)).tolist():
        status = statuses[row]
        first = links.first(status.st_dev, status.st_ino, status.st_nlink, paths[row])
        if first is not None:
            kind[row], target[row] = _HARDLINK, first
    size[(kind != _FILE) & (kind != _SYMLINK) & (kind != _HARDLINK)] = 0
    path, path_bytes = columns(paths)
    return pa.table(
        [
            path,
            path_bytes,
            _KINDS.take(numbers(kind)),
            numbers(size),
            numbers(field("st_mtime_ns", np.int64)),
            numbers(field("st_ctime_ns", np.int64)),
            numbers(field("st_ino", np.uint64)),
            numbers(full_mode & 0o7777),
            numbers(field("st_uid", np.uint32)),
            numbers(field("st_gid", np.uint32)),
            column([target.get(row) for row in range(rows)], pa.binary()) if target else pa.nulls(rows, pa.binary()),
            numbers(field("st_dev", np.uint64)),
            numbers(nlink),
        ],
        schema=SCANNED,
    )


def _numbers(
    get: Callable[[Any], int], statuses: Sequence[os.stat_result], dtype: type[np.integer[Any]]
) -> npt.NDArray[Any]:
    try:
        return np.fromiter(map(get, statuses), dtype, len(statuses))
    except OverflowError:
        limits = np.iinfo(dtype)
        return np.fromiter((min(max(get(status), limits.min), limits.max) for status in statuses), dtype, len(statuses))


def _device(number: int) -> bytes:
    return b"%d:%d" % (os.major(number), os.minor(number)) if hasattr(os, "major") else b"%d" % number
