"""Reading source files: bytes into buffers, once, and the proof that they did not change meanwhile.

A file is opened, its status is taken before and after its bytes are read, and when the two differ it is read again; a
file that will not hold still is kept as it was read and marked ``unsettled``.  Small files share a buffer; a large one
is cut as it streams by, at fixed blocks where it holds numbers and by content elsewhere.  Holes of sparse files are
neither read nor stored.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blake3 import blake3

from holotype.catalog import SourceProblem

from ..chunkers import FastCDC, FixedBlocks, PageCuts, is_parquet, layout_of
from ..tree.attributes import bare, capture, holes
from ..tree.levels import Opener, open_below
from ..tree.paths import shown
from ..tree.problems import Problem
from .filehash import FileHash
from .packing import BUFFER_BYTES, Pieces, SmallFiles, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..chunkers import Chunker, Region
    from ..progress import Ticker
    from .packing import Packer

__all__ = ["FileRow", "Intake", "Problems", "Reader", "Reading"]

_TRIES = 2  # a file that changed under both readings is kept as read, and marked
# Hashing a few bytes takes less time than two threads lose by passing the interpreter's lock to and fro.
_HASHED_HERE = 32 << 10
_SHARED_BYTES = BUFFER_BYTES // 2  # small files put together: at most this becomes one compressed block


class Problems:
    """Gathers problems, or raises at the first when the caller is strict."""

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self.found: list[Problem] = []

    def add(self, path: bytes, problem: str, message: str) -> None:
        """Record a problem; raises ``SourceProblem`` when strict."""
        self.take(Problem(path, problem, message))

    def take(self, found: Problem) -> None:
        """Record a problem that is already made out."""
        if self.strict:
            path = shown(found.path)
            raise SourceProblem(
                f"{path}: {found.problem}: {found.message}; nothing was committed", path=path, problem=found.problem
            )
        self.found.append(found)


def _read_into(fd: int, view: memoryview, offset: int) -> int:
    """Fill ``view`` from ``offset``; fewer bytes only at the end of the file."""
    done = 0
    while done < len(view):
        count = _pread_into(fd, view[done:], offset + done)
        if not count:
            break
        done += count
    return done


if hasattr(os, "preadv"):

    def _pread_into(fd: int, view: memoryview, offset: int) -> int:
        return os.preadv(fd, [view], offset)

else:  # Windows reads at the file's own position

    def _pread_into(fd: int, view: memoryview, offset: int) -> int:
        os.lseek(fd, offset, os.SEEK_SET)
        data = os.read(fd, len(view))
        view[: len(data)] = data
        return len(data)


@dataclass
class FileRow:
    """What reading a file found, beyond its bytes.

    ``status``: what it was when it was read.  ``moved``: whether that may differ from what was scanned.  ``size``: how
    many bytes there were, holes among them.
    """

    status: os.stat_result
    xattrs: list[tuple[bytes, bytes]] | None = None
    holes: list[int] | None = None
    dtype: str | None = None
    shape: list[int] | None = None
    data_offset: int | None = None
    moved: bool = False
    unsettled: bool = False
    size: int = 0


class Reading(ABC):
    """Files of one unit, being read."""

    @property
    @abstractmethod
    def done(self) -> bool:
        """Whether the result is there without waiting."""

    @abstractmethod
    def result(self) -> dict[int, FileRow | None]:
        """What was found, by row, when all is stored but for what is still in open packs: ``None`` for a file that was
        as it was scanned and has nothing but bytes.  A row that is missing could not be read; its problem is recorded.
        """

    def cancel(self) -> None:
        """The result is not needed any more: what was not begun need not be."""
        return


class Reader(ABC):
    """Reads the files of a source and has them stored, as many stretches ahead of what is asked for as ``ahead`` says;
    used from one thread.
    """

    ahead: int

    @abstractmethod
    def begin(
        self, unit: Unit, paths: Sequence[bytes], rows: Sequence[int], wanted: Sequence[tuple[int, int, int]]
    ) -> Reading:
        """Begin to read the files at ``paths``, to fill ``unit`` at ``rows``.

        ``wanted``: each file's size, mtime_ns and ctime_ns as scanned.
        """

    @abstractmethod
    def attributes(self, path: bytes, kind: str) -> list[tuple[bytes, bytes]] | None:
        """The extended attributes of an entry whose bytes are not read."""


@dataclass
class _Read(Reading):
    """Files that were read, and are being stored."""

    packer: Packer
    unit: Unit
    found: dict[int, FileRow | None]

    @property
    def done(self) -> bool:
        return not self.unit.pending

    def result(self) -> dict[int, FileRow | None]:
        self.packer.wait(self.unit)
        return self.found


class Intake(Reader):
    """Reads the files of one source into a packer's buffers, itself.

    ``chunking``: the archive's parameters.  ``small``: files up to this many bytes are one chunk.
    """

    ahead = 4  # stretches being read while an earlier one is still being packed

    def __init__(
        self, source: str, packer: Packer, *, chunking: dict[str, int], problems: Problems, ticker: Ticker
    ) -> None:
        # The paths of a folder's entries go below it; a source that is a single file lies in its own folder.
        folder = os.path.isdir(source)
        self._root = os.path.join(os.fsencode(source if folder else os.path.dirname(source)), b"")
        # A link as the source is followed, and the file keeps the name it was given by.
        self._only = None if folder else os.fsencode(os.path.realpath(source))
        self._packer, self._problems, self._ticker = packer, problems, ticker
        self._chunking = chunking
        self._small = chunking["min"]
        self._cdc = FastCDC(min_bytes=chunking["min"], average_bytes=chunking["average"], max_bytes=chunking["max"])
        self._pages = PageCuts(self._cdc)
        self._folder = Opener(self._root)
        self._buffer: bytearray | None = None
        self._view = memoryview(b"")
        self._at = 0
        self._rows: list[int] = []
        self._stops: list[int] = []
        self._ids: list[bytes | None] = []
        self._kinds: list[bytes] = []

    def begin(
        self, unit: Unit, paths: Sequence[bytes], rows: Sequence[int], wanted: Sequence[tuple[int, int, int]]
    ) -> Reading:
        """See ``Reader``; they are all read when this returns."""
        found: dict[int, FileRow | None] = {}
        try:
            for path, row, expected in zip(paths, rows, wanted, strict=True):
                try:
                    found[row] = self._one(unit, path, row, expected)
                except OSError as error:
                    vanished = error.errno in (errno.ENOENT, errno.ENOTDIR)
                    self._problems.add(path, "vanished" if vanished else "unreadable", error.strerror or str(error))
                except _NotAFile as error:
                    self._problems.add(path, "changed", f"it became {error} while the folder was read")
        finally:
            self._folder.close()
        self._flush(unit)
        return _Read(self._packer, unit, found)

    def attributes(self, path: bytes, kind: str) -> list[tuple[bytes, bytes]] | None:
        """See ``Reader``."""
        return self._capture(self._only or self._root + path, path, kind)

    def _open(self, path: bytes, *, through_links: bool = True) -> int:
        if self._only is not None:
            folder, name = os.path.split(self._only)
            return open_below(folder, name)
        if through_links:
            return self._folder.open(path)
        return open_below(self._root, path, through_links=False)

    def _capture(self, where: int | bytes, path: bytes, kind: str = "file") -> list[tuple[bytes, bytes]] | None:
        found, problems = capture(where, path=path, kind=kind)
        for problem in problems:
            self._problems.take(problem)
        return found

    def _one(self, unit: Unit, path: bytes, row: int, expected: tuple[int, int, int]) -> FileRow | None:
        if expected[0] <= self._small:
            try:
                return self._as_scanned(unit, path, row, expected)
            except _NotAsScanned:  # caught here: a context manager would be entered for every small file
                pass
        # A folder above may have become a link since it was scanned; a small file that is as it was shows that none
        # did.
        fd = self._open(path, through_links=False)
        try:
            return self._careful(unit, fd, path, row)
        finally:
            os.close(fd)

    def _as_scanned(self, unit: Unit, path: bytes, row: int, expected: tuple[int, int, int]) -> FileRow | None:
        """Read a small file at once; ``None`` when it has nothing but bytes.  Raises ``_NotAsScanned``."""
        size = expected[0]
        fd = self._open(path) if self._only is not None else self._folder.open(path)
        try:
            if self._buffer is None or (self._rows and self._at + size >= _SHARED_BYTES):
                self._flush(unit)
                self._buffer = self._packer.buffer()
                self._view = memoryview(self._buffer)
            at = self._at
            # One byte more than expected shows growth without another call.
            count = _pread_into(fd, self._view[at : at + size + 1], 0)
            after = os.fstat(fd)
            if (
                count != size
                or (after.st_size, after.st_mtime_ns, after.st_ctime_ns) != expected
                or not stat.S_ISREG(after.st_mode)
            ):
                raise _NotAsScanned
            xattrs = None if bare(fd) else self._capture(fd, path)
        finally:
            os.close(fd)
        if size:
            chunk = None
            if size <= _HASHED_HERE:
                file = self._view[at : at + size]
                chunk = unit.chunks[row] = blake3(file).digest()
                unit.sha256[row] = hashlib.sha256(file).digest()
            self._at = at + size
            self._rows.append(row)
            self._stops.append(self._at)
            self._ids.append(chunk)
            self._kinds.append(path[path.rfind(b".") + 1 :][-8:])
        else:
            unit.sha256[row], unit.chunks[row] = hashlib.sha256().digest(), []
            self._ticker.add(files=1)
        return None if xattrs is None else FileRow(after, xattrs, size=size)

    def _flush(self, unit: Unit) -> None:
        if self._rows and self._buffer is not None:
            self._packer.submit(SmallFiles(unit, self._buffer, self._rows, self._stops, self._ids, self._kinds))
            self._ticker.add(files=len(self._rows), bytes=self._at)
            self._buffer, self._rows, self._stops, self._ids, self._kinds, self._at = None, [], [], [], [], 0

    def _careful(self, unit: Unit, fd: int, path: bytes, row: int) -> FileRow:
        """Read a file that is large, or not as it was scanned, until it holds still."""
        found, steady = self._once(unit, fd, path, row)
        for _ in range(_TRIES - 1):
            if not steady:
                found, steady = self._once(unit, fd, path, row)
        found.unsettled = not steady
        if not steady:
            message = "it still changed while it was read a second time; it is kept as it was read"
            self._problems.add(path, "changed", message)
        self._ticker.add(files=1, bytes=found.size, path=shown(path))
        return found

    def _once(self, unit: Unit, fd: int, path: bytes, row: int) -> tuple[FileRow, bool]:
        """Read a file; whether its status stayed what it was meanwhile."""
        before = os.fstat(fd)
        if not stat.S_ISREG(before.st_mode):
            raise _NotAFile("something that is not a file")
        found = FileRow(before, self._capture(fd, path), moved=True)
        unit.hashes[row] = running = FileHash()
        unit.chunks[row] = self._stream(unit, fd, path, before.st_size, found, running)
        after = os.fstat(fd)
        were = (found.size, before.st_mtime_ns, before.st_ctime_ns)
        return found, were == (after.st_size, after.st_mtime_ns, after.st_ctime_ns)

    def _stream(self, unit: Unit, fd: int, path: bytes, size: int, found: FileRow, running: FileHash) -> list[bytes]:
        """Cut and submit ``size`` bytes of a file; gives its chunk ids, filled in as jobs are done.

        ``running`` gets every byte of it, holes as zeros.
        """
        ids: list[bytes] = []
        found.holes, found.size = holes(fd, size, found.status), size
        at = 0
        for offset, length, region in self._spans(fd, path, size, found):
            running.skip(offset - at)
            done = self._cut(unit, fd, offset, length, region, running, ids)
            at = offset + done
            if done < length:  # the file became shorter: what was known of it speaks of another file
                found.size, found.dtype, found.shape, found.data_offset = at, None, None, None
                pairs = zip((found.holes or [])[::2], (found.holes or [])[1::2], strict=True)
                found.holes = [part for pair in pairs if pair[0] < at for part in pair] or None
                return ids
        running.skip(size - at)
        return ids

    def _spans(self, fd: int, path: bytes, size: int, found: FileRow) -> Iterator[tuple[int, int, Region | None]]:
        """The parts of a file that have bytes, in order: offset, length, and the typed region they are whole blocks of,
        if any.
        """
        at = 0
        if found.holes:
            for offset, length in zip(found.holes[::2], found.holes[1::2], strict=True):
                if offset > at:
                    yield at, offset - at, None
                at = offset + length
        elif size > self._small and not is_parquet(_read(fd, 4, 0)):
            layout = layout_of(
                path, size, lambda offset, length: _read(fd, length, offset), block_bytes=self._chunking["average"]
            )
            if layout is not None:
                found.dtype, found.data_offset = layout.dtype, layout.data_offset
                found.shape = list(layout.shape) if layout.shape is not None else None
            for region in layout.regions if layout is not None else ():
                if region.offset > at:
                    yield at, region.offset - at, None
                whole = region.length - region.length % region.block_bytes
                yield region.offset, whole, region
                at = region.offset + whole
        if at < size:
            yield at, size - at, None

    def _cut(
        self,
        unit: Unit,
        fd: int,
        offset: int,
        length: int,
        region: Region | None,
        running: FileHash,
        ids: list[bytes],
    ) -> int:
        """Stream one span of a file through buffers, submitting whole chunks; returns how many bytes there were."""
        chunker = self._chunker(fd, offset, region)
        done = carried = 0
        buffer = self._packer.buffer()
        while True:
            view = memoryview(buffer)
            try:
                count = _read_into(fd, view[carried : min(BUFFER_BYTES, carried + length - done)], offset + done)
            except OSError:
                self._packer.give_back(buffer)
                raise
            done, filled = done + count, carried + count
            final = done == length or count == 0
            stops = chunker.cuts(view[:filled], final=final)
            end = stops[-1] if stops else 0
            if final:
                if stops:
                    self._submit(unit, buffer, stops, ids, running, region)
                else:
                    self._packer.give_back(buffer)
                return done
            if not stops:  # the file is becoming shorter, or comes in small pieces: not enough for a cut yet
                carried = filled
                continue
            following = self._packer.buffer()
            carried = filled - end
            following[:carried] = view[end:filled]
            self._submit(unit, buffer, stops, ids, running, region)
            buffer = following

    def _chunker(self, fd: int, offset: int, region: Region | None) -> Chunker:
        if region is not None:
            return FixedBlocks(region.block_bytes)
        return self._pages if offset == 0 and is_parquet(_read(fd, 4, 0)) else self._cdc

    def _submit(
        self,
        unit: Unit,
        buffer: bytearray,
        stops: list[int],
        ids: list[bytes],
        running: FileHash,
        region: Region | None,
    ) -> None:
        first = len(ids)
        ids.extend([b""] * len(stops))
        self._packer.submit(Pieces(unit, buffer, stops, ids, first, running, running.turn(), region))


class _NotAsScanned(Exception):
    """A small file is not the one that was scanned."""


class _NotAFile(Exception):
    """What was listed as a file is one no longer."""


def _read(fd: int, length: int, offset: int) -> bytes:
    buffer = bytearray(length)
    return bytes(buffer[: _read_into(fd, memoryview(buffer), offset)])
