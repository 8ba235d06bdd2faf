"""One attempt at each thing with a file system of fsspec's, of which nothing else is known.

Whatever the library beneath raises comes through, except that something is not there: that is ``None``, and believed
only when it was not made of a failure.
"""

from __future__ import annotations

import errno
import inspect
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fsspec.asyn import AsyncFileSystem
from fsspec.spec import AbstractFileSystem

from .foreign import failure_behind
from .ftp import FTPFileSystem, read_part

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "create",
    "entries",
    "make_folder",
    "makes_exclusively",
    "moves",
    "read",
    "remove",
    "size",
    "time_of",
    "write",
    "write_moved",
]

# How often it is looked again at a file that comes and goes.
_TRIES = 3
# Where file systems tell when a file was written, in this order.
_TIMES = ("mtime", "LastModified", "last_modified", "modified", "modify", "updated", "created")


def moves(kind: type[Any]) -> bool:
    """Whether file systems of this kind move a file by themselves; fsspec's default copies and deletes."""
    return kind.mv is not AbstractFileSystem.mv


def makes_exclusively(kind: type[Any]) -> bool:
    """Whether file systems of this kind may have a creation of their own; fsspec's default looks first."""
    is_async = issubclass(kind, AsyncFileSystem)
    base, name = (AsyncFileSystem, "_pipe_file") if is_async else (AbstractFileSystem, "pipe_file")
    own = getattr(kind, name)
    return own is not getattr(base, name) and "mode" in inspect.signature(own).parameters


def size(files: Any, path: str) -> int | None:
    """The size of the file ``path``; ``None`` when there is none."""
    try:
        found: Mapping[str, Any] = files.info(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        if failure_behind(error):
            raise
        return None
    if found["type"] != "file":
        return None
    # Over HTTP a server need not tell.
    return int(found["size"]) if found["size"] is not None else len(files.cat_file(path))


def read(files: Any, path: str, start: int, length: int | None) -> bytes:
    """The file's bytes from ``start``, ``length`` of them or all; raises ``FileNotFoundError``."""
    failure: Exception | None = None
    for _ in range(_TRIES):
        if length != 0:
            try:
                return _read(files, path, start, length)
            except Exception as error:  # noqa: BLE001 - what it means is found out below, then it is raised
                failure = error
        # Some refuse what lies behind the end; some call "not found" what they may not read.
        files.invalidate_cache()
        there = size(files, path)
        if there is None:
            raise FileNotFoundError(errno.ENOENT, "no such file")
        if failure is None or start >= there:
            return b""
        if not isinstance(failure, FileNotFoundError) or failure_behind(failure):
            raise failure
        # It is there after all: it was replaced just then, or else it is refused again.
    raise PermissionError(errno.EACCES, f"it is there, but cannot be read ({failure})") from failure


def _read(files: Any, path: str, start: int, length: int | None) -> bytes:
    if length is not None and isinstance(files, FTPFileSystem):
        return read_part(files, path, start, length)
    data: bytes = files.cat_file(path, start or None, None if length is None else start + length)
    if start and len(data) != length and len(data) == size(files, path):
        data = data[start:]  # a web server may give all, whatever was asked for
    return data if length is None else data[:length]


def make_folder(files: Any, folder: str) -> None:
    """Make a folder and what leads to it."""
    # Each of them may be made by somebody else a moment before, which is no error to us, but to most file systems.
    for left in reversed(range(folder.count("/") + 2)):
        try:
            files.makedirs(folder, exist_ok=True)
        except Exception:
            files.invalidate_cache()
            if not files.isdir(folder):
                if not left:
                    raise
                continue
        return


def write(files: Any, path: str, data: bytes) -> None:
    """Write a file in its place, and look at its size."""
    files.pipe_file(path, data)
    files.invalidate_cache()
    arrived = size(files, path)
    if arrived != len(data):
        raise OSError(errno.EIO, f"{arrived} of {len(data)} bytes arrived")


def write_moved(files: Any, temporary: str, path: str, data: bytes) -> None:
    """Write a file under another name, look at its size, and move it to its place."""
    try:
        write(files, temporary, data)
        try:
            files.mv(temporary, path)
        except Exception:
            if size(files, path) is None:
                raise
        files.invalidate_cache()
        if size(files, temporary) is not None:
            # Refused because there is a file, aloud or quietly: there is none for a moment, rather than half of one.
            remove(files, path)
            files.mv(temporary, path)
            files.invalidate_cache()
        if size(files, path) != len(data):
            raise OSError(errno.EIO, "it was not moved to its place")
    except Exception:
        with suppress(Exception):  # it stays as a leftover, which is harmless and can be found
            files.rm_file(temporary)
        raise


def create(files: Any, path: str, data: bytes) -> bool:
    """Write a file unless there is one, as far as the file system means what it says."""
    try:
        files.pipe_file(path, data, mode="create")
    except FileExistsError:
        return False
    return True


def remove(files: Any, path: str) -> None:
    """Remove a file; one that is not there is no error, though many file systems say it is."""
    try:
        files.rm_file(path)
    except Exception:
        files.invalidate_cache()
        if size(files, path) is not None:
            raise


def entries(files: Any, folder: str) -> list[Mapping[str, Any]]:
    """What is in a folder, which is nothing when it is not there."""
    try:
        found: list[Mapping[str, Any]] = files.ls(folder, detail=True)
    except (FileNotFoundError, NotADirectoryError) as error:
        if failure_behind(error):
            raise
        return []
    # Asked for a file, some list the file.
    return [entry for entry in found if entry["name"].rstrip("/") != folder.rstrip("/")]


def time_of(entry: Mapping[str, Any]) -> datetime:
    """When a file was written; now where the file system does not say, so that nothing is taken for old."""
    for name in _TIMES:
        value = entry.get(name)
        if isinstance(value, str) and value[:14].isdigit():  # FTP, in UTC
            value = datetime.strptime(value[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        if isinstance(value, (int, float)):
            value = datetime.fromtimestamp(value, UTC)
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.now(UTC)
