"""Reading many files of a snapshot, one after the other, and some of them again.

    manifest ─▶ a range's rows ─▶ where all their chunks lie        one look at the index for thousands of files
                     └─▶ small files, by pack and block, some megabytes at a time ─▶ bytes that wait to be read
                     └─▶ others ─▶ opened when somebody reads them, at most a few open at once

A small file is one of a single chunk: whoever reads any of it has all of it fetched and hashed anyway.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import AccessError, DamageError, SnapshotNotFound, TransientError, scalar

from ..packs import PackReader
from ..recent import Recent
from ..records.index import locate
from ..tree.paths import raw
from .nearby import NearManifest, Places
from .opened import COLUMNS, file_row, open_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from holotype.catalog import HolotypeError, State

    from ..context import Context
    from .opened import ArchivedFile

__all__ = ["Series", "SeriesFile"]

_WAITING = 8 << 20  # bytes of small files that are read together
_LOOKUP = 1 << 16  # chunks looked up together, some 300 bytes each
_OPEN = 4  # files that stay open, each with up to 32 MiB of what was read last

Row = dict[str, Any]


class Series:
    """The files of one snapshot, as ``state`` has it.  It belongs to one thread, and so do its files."""

    def __init__(self, context: Context, snapshot: str, *, state: State) -> None:
        self._context = context
        manifest = NearManifest.load(context.catalog, snapshot, state=state)
        assert isinstance(manifest, NearManifest)
        self._manifest, self._near = manifest, Places(context, manifest)
        self._reader = PackReader(context.store)
        self._located: pa.Table | None = None
        self._open = Recent[bytes, "ArchivedFile"](_OPEN)
        self._trouble: HolotypeError | None = None

    def raise_trouble(self) -> None:
        """Raise what kept a file from being read though it may be sound: the storage was not to be reached, or refused.

        Whoever was given the file may have taken it for the file's fault.
        """
        if self._trouble is not None:
            raise self._trouble

    def bytes_of(self, path: bytes, row: Row | None, at: int, size: int) -> bytes:
        """So many bytes of a file, from a place.  Raises ``OSError`` where it is damaged, as files on failing disks do,
        or what the store raises.

        What is damaged is fetched a second time before that is said: an answer may have been cut on its way.
        """
        try:
            try:
                return self._read_at(path, row, at, size)
            except DamageError:
                return self._read_at(path, row, at, size)
        except DamageError as error:
            raise OSError(errno.EIO, error.message) from error
        except (TransientError, AccessError, SnapshotNotFound) as error:
            self._trouble = error
            raise

    def files(self, patterns: Iterable[str] = ()) -> Iterator[SeriesFile]:
        """The files that one of the patterns matches, by default all, in the order of their names.

        The bytes of a small one are at hand until the next is taken.  Raises what reading the catalog raises; what
        cannot be read of a file itself is raised by who reads that file.
        """
        for rows in self._manifest.rows(columns=COLUMNS, patterns=patterns):
            files: pa.Table = rows.filter(pc.equal(rows["kind"], scalar("file")))
            for part in _parts(files, pc.list_value_length(files["chunks"]), _LOOKUP):
                ids = pc.list_flatten(part["chunks"]).combine_chunks().unique()
                self._located = locate(self._context.catalog, ids).combine_chunks()
                small = pc.and_(
                    pc.less_equal(pc.list_value_length(part["chunks"]), 1),
                    pc.fill_null(pc.equal(pc.list_value_length(part["holes"]), 0), True),
                )
                sizes = pc.if_else(small, part["size"], 0)
                for batch in _parts(part.append_column("small", small), sizes, _WAITING):
                    yield from self._batch(batch)
        self._located = None

    def file(self, path: bytes) -> SeriesFile:
        """One file, which is opened when it is first read; only then is it looked for, and its links are followed."""
        return SeriesFile(self, path)

    def opened(self, path: bytes, row: Row | None = None) -> ArchivedFile:
        """The file at ``path``, open; ``row``: its own, where that is known.  Raises ``EntryNotFound``."""
        found = self._open.get(path)
        if found is None:
            row = file_row(self._manifest, path) if row is None else row
            found = open_row(self._context, row, reader=self._reader, places=self)
            self._open.put(path, found)
        return found

    def _read_at(self, path: bytes, row: Row | None, at: int, size: int) -> bytes:
        file = self.opened(path, row)
        if file.tell() != at:
            file.seek(at)
        return file.read(size)

    def locate(self, ids: pa.Array) -> pa.Table:
        """As ``index.locate``, for different ids."""
        if self._located is not None:
            rows = pc.index_in(ids, value_set=self._located["chunk"])
            if not rows.null_count:
                return self._located.take(rows)
        return self._near.locate(ids)

    def _batch(self, rows: pa.Table) -> Iterator[SeriesFile]:
        data = self._read(rows.filter(rows["small"]))
        own: list[Row] = rows.select(list(COLUMNS)).to_pylist()
        for path, row in zip(raw(rows).to_pylist(), own, strict=True):
            chunks: list[bytes] = row["chunks"] or []
            here = b"" if not chunks and not row["size"] else data.get(chunks[0]) if len(chunks) == 1 else None
            file = SeriesFile(self, path, row)
            if here is not None and len(here) == row["size"]:
                file.hold(here)
            yield file
            file.let_go()

    def _read(self, rows: pa.Table) -> dict[bytes, bytes]:
        """The chunks of small files, those of a block decoded together; of what is damaged nothing."""
        ids = pc.list_flatten(rows["chunks"]).combine_chunks().unique()
        assert self._located is not None
        places = self._located.filter(pc.is_in(self._located["chunk"], value_set=ids))
        places = places.sort_by([("object", "ascending"), ("offset", "ascending")])
        names: list[bytes] = places["chunk"].to_pylist()
        found: dict[bytes, bytes] = {}
        for number, data in self._reader.read_many(places, on_damage=_left_to_its_reader):
            found[names[number]] = bytes(data)
        return found


class SeriesFile:
    """A file of a series: a binary file that can seek, and is read where it stands, however often it was let go.

    Where it is damaged reading raises ``OSError``, as of a file on a failing disk.
    """

    def __init__(self, series: Series, path: bytes, row: Row | None = None) -> None:
        self._series, self.path = series, path
        self._row, self._at = row, 0
        self._data: bytes | None = None

    @property
    def size(self) -> int:
        """Its bytes.  Raises ``EntryNotFound``."""
        return int(self._row["size"]) if self._row is not None else self._series.opened(self.path).size

    def hold(self, data: bytes) -> None:
        """Have all its bytes at hand."""
        self._data = data

    def let_go(self) -> None:
        """Keep no more of it than where it is: who reads it again reads it from the archive."""
        self._data = self._row = None

    def read(self, size: int = -1) -> bytes:
        """So many bytes, or all there are."""
        if self._data is not None:
            found = self._data[self._at : None if size < 0 else self._at + size]
        else:
            found = self._series.bytes_of(self.path, self._row, self._at, size)
        self._at += len(found)
        return found

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        base = 0 if whence == os.SEEK_SET else self._at if whence == os.SEEK_CUR else self.size
        if base + offset < 0:
            raise ValueError(f"cannot seek to {offset} from {whence}")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """The place."""
        return self._at


def _left_to_its_reader(row: int, error: DamageError) -> None:
    """Nobody has asked for it yet: who reads the file looks where its chunk lies now, and raises what is wrong."""


def _parts(rows: pa.Table, weights: pa.ChunkedArray, most: int) -> Iterator[pa.Table]:
    """The rows in runs that weigh so much together, or are one row."""
    start = total = 0
    for at, weight in enumerate(weights.to_pylist()):
        if total + (weight or 0) > most and at > start:
            yield rows.slice(start, at - start)
            start, total = at, 0
        total += weight or 0
    if rows.num_rows > start:
        yield rows.slice(start)
