"""Opened files: an archived file as a seekable binary file, of which only the chunks that are read are fetched.

    file ── BufferedReader ──▶ position ──▶ content ──▶ chunks held last
                                               │
                                               └──▶ packs: ranged reads, each chunk checked against its BLAKE3

Nothing is handed out that was not verified.  Reading on without seeking fetches the next chunks meanwhile; who seeks,
reads parts, and gets just those: a columnar reader never pays for columns it skips.
"""

from __future__ import annotations

import io
import os
import threading
from typing import TYPE_CHECKING, Any

from holotype.catalog import EntryNotFound

from ..manifest import Manifest
from ..records.snapshots import reading, resolve
from ..tree.paths import raw_path
from .content import Content
from .lookup import follow, missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Buffer

    from ..context import Context
    from ..packs import PackReader
    from .content import Locates

__all__ = ["COLUMNS", "ArchivedFile", "content_of", "file_row", "open_file", "open_row"]

# Of a file's row, what reading needs.
COLUMNS = ("path", "path_bytes", "kind", "size", "target", "sha256", "chunks", "holes", "dtype", "shape", "data_offset")

_STREAMING = 8  # reads in a row without a seek that show someone reads on: a megabyte of the buffer below
_BUFFER = 128 << 10


class _Position(io.RawIOBase):
    """A content and where in it the next read begins."""

    mode = "rb"

    def __init__(self, content: Content) -> None:
        self.content, self.name = content, content.name
        self._at = 0
        self.run = 0  # reads since the last seek

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.content.size}.get(whence)
        if base is None or base + offset < 0:
            raise ValueError(f"cannot seek to {offset} from {whence}")
        self._at = base + offset
        return self._at

    def readinto(self, target: Buffer, /) -> int:
        if self.closed:
            raise ValueError("read of closed file")
        view = memoryview(target).cast("B")
        if len(view) <= _BUFFER and self.run < _STREAMING:
            # The buffer asks for more than the reader did: what is in the same chunk costs nothing, the next one would.
            view = view[: self.content.run(self._at)]
        count = self.content.read_into(self._at, view)
        self._at += count
        self.run += 1
        if self.run >= _STREAMING:
            self.content.ahead(self._at)
        return count

    def close(self) -> None:
        if not self.closed:
            self.content.close()
        super().close()


class ArchivedFile(io.BufferedReader):
    """An archived file, open for reading: a binary file like any other, and a context manager.

    ``name``: its path in the snapshot.  ``size``: in bytes.  ``sha256``: of all its bytes, in hexadecimal.
    """

    def __init__(self, content: Content, *, sha256: str | None) -> None:
        self._position = _Position(content)
        super().__init__(self._position, _BUFFER)
        self._content, self._sha256 = content, sha256
        self._turn = threading.RLock()
        self._sought: dict[int, int] = {}  # where threads moved to, and have not read yet
        self._last = 0

    def __repr__(self) -> str:
        return f"<ArchivedFile {self._content.name!r}, {self.size} bytes>"

    @property
    def content(self) -> Content:
        """The file's bytes, apart from any position in them."""
        return self._content

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return self._content.size

    @property
    def sha256(self) -> str | None:
        """SHA-256 of the whole file, as ``sha256sum`` prints it."""
        return self._sha256

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to ``offset`` from the start, from here (``whence=1``) or from the end (``whence=2``)."""
        with self._turn:
            self._position.run = 0
            place = super().seek(offset, whence)
            self._last = threading.get_ident()
            self._sought[self._last] = place
            return place

    def read(self, size: int | None = -1, /) -> bytes:
        """The next ``size`` bytes, or all that follow; fewer where the file ends."""
        with self._turn:
            self._back_to_own_place()
            return super().read(size)

    def readinto(self, target: Buffer, /) -> int:
        """Fill ``target`` with the next bytes; returns how many there were."""
        with self._turn:
            self._back_to_own_place()
            return super().readinto(target)

    def _back_to_own_place(self) -> None:
        """Undo what another thread did to the position after this one moved it and before it reads.

        Some readers, DuckDB among them, seek and read from several threads without a lock around the two.
        """
        own = threading.get_ident()
        place = self._sought.pop(own, None)
        if place is not None and self._last != own:
            super().seek(place)
            self._last = own

    def read_at(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``, fewer where the file ends; safe from any thread, and moves nothing.

        Raises ``ObjectMissing`` or ``ObjectDamaged`` when they are not what was archived, ``SnapshotNotFound`` when
        they were collected since the file was opened, or what the storage raises.
        """
        if self.closed:
            raise ValueError("read of closed file")
        if offset < 0 or length < 0:
            raise ValueError(f"a file has no bytes at {offset} + {length}")
        return self._content.read_at(offset, length)


def open_file(context: Context, reference: str, path: str | bytes) -> ArchivedFile:
    """The file at ``path`` in the snapshot that ``reference`` names, open for reading; links are followed.

    Raises ``InvalidName``, ``DatasetNotFound``, ``SnapshotNotFound``, and ``EntryNotFound`` where no file is, with the
    nearest names.
    """
    snapshot = resolve(context, reference)
    with reading(context, snapshot):
        return open_row(context, file_row(Manifest.load(context.catalog, snapshot.id), path))


def file_row(manifest: Manifest, path: str | bytes, *, columns: Sequence[str] = COLUMNS) -> dict[str, Any]:
    """The row that has the bytes of the file at ``path``: symbolic and hard links are followed.

    Raises ``EntryNotFound`` where no file is.
    """
    row = follow(manifest, path, columns=columns)
    if row["kind"] == "hardlink":
        first: bytes = row["target"] or b""
        other = manifest.find(first, columns=list(columns))
        if other is None:
            raise missing(manifest, first, asked=raw_path(row["path"], row["path_bytes"]))
        row = {**other, "path": row["path"], "path_bytes": row["path_bytes"]}
    if row["kind"] == "directory":
        raise EntryNotFound(
            f"{row['path'] or 'the top of the snapshot'} is a folder, not a file: list it instead", path=row["path"]
        )
    if row["kind"] != "file":
        raise EntryNotFound(f"{row['path']} is a {row['kind']}, which has no bytes to read", path=row["path"])
    return row


def content_of(
    context: Context, row: dict[str, Any], *, reader: PackReader | None = None, places: Locates | None = None
) -> Content:
    """The bytes of the file that a manifest's row speaks of (see ``Content``)."""
    return Content(
        context,
        name=row["path"],
        size=row["size"],
        chunks=row["chunks"] or (),
        holes=row["holes"] or (),
        reader=reader,
        places=places,
    )


def open_row(
    context: Context, row: dict[str, Any], *, reader: PackReader | None = None, places: Locates | None = None
) -> ArchivedFile:
    """The file that a manifest's row speaks of, open for reading."""
    digest = row["sha256"]
    content = content_of(context, row, reader=reader, places=places)
    return ArchivedFile(content, sha256=None if digest is None else digest.hex())
