"""Objects as files below one folder: local disks, NFS, Lustre.

An object is written to a temporary file beside its place, made durable, and only then given its name: by a rename that
replaces (``put``) or by a hard link that refuses to (``create``).  Temporary files have a ``~`` in their name, which no
key can have: what a crash leaves behind is never taken for an object, and ``leftovers`` finds it.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import HolotypeError, StorageFailed
from .base import ObjectInfo, ObjectStore
from .exclusive import rename_exclusively
from .keys import check_content, check_key, check_prefix, check_span, storage_error, views
from .longpaths import long_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from typing_extensions import Buffer

__all__ = ["LocalStore"]

_WINDOWS = sys.platform == "win32"
# On macOS fsync leaves the bytes in the drive's own cache.
_FULL_FLUSH = sys.platform == "darwin"
_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_GATHERS = hasattr(os, "writev")  # Windows has no such call
# One call takes this many parts (IOV_MAX is 1024 on Linux and macOS) and bytes (macOS refuses 2 GiB, Linux cuts there).
_PARTS, _BYTES = 1024, 1 << 30
# Where hard links do not exist, ``link`` says so in one of these ways.
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
# What is this large is seldom read again soon, and records are smaller: memory that would hold it serves better what
# people work with, or the next object, which is written the faster into memory that was just let go.
_LARGE = 8 << 20
_LETS_GO = hasattr(os, "posix_fadvise")
# A folder may be removed, empty, between being made and being used; so often in a row means something else is wrong.
_PATIENCE = 100
# A collector whose clock is far ahead may take a temporary file for one that somebody dead has left.
_SWEEPS = 3

_T = TypeVar("_T")


class _Swept(FileNotFoundError):
    """A temporary file was not there any more."""


class LocalStore(ObjectStore):
    """A store in the folder ``root``, which is made when the first object is written.

    ``durable=False`` leaves out every flush to the disk: for tests and scratch space, never for the only copy.
    """

    def __init__(self, root: str | os.PathLike[str], *, durable: bool = True) -> None:
        self._place = os.path.abspath(os.fspath(root))
        self._root = long_path(self._place)
        self._durable = durable
        self._settled: set[str] = set()  # folders known to be on the disk, with all that lead to them

    @property
    def url(self) -> str:
        root = self._place.replace(os.sep, "/")
        return f"file://{'' if root.startswith('/') else '/'}{root}"

    @property
    def durable(self) -> bool:
        """Whether ``put`` and ``create`` return only when the bytes are on the disk."""
        return self._durable

    def __repr__(self) -> str:
        return f"LocalStore({self._place!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LocalStore) and (self._root, self._durable) == (other._root, other._durable)

    def __hash__(self) -> int:
        return hash((LocalStore, self._root))

    def __reduce__(self) -> tuple[object, ...]:
        return _reopen, (self._place, self._durable)

    def put(self, key: str, parts: Sequence[Buffer]) -> int:
        path = self._file(key)
        try:
            flat = views(parts)
            size = self._again(lambda: self._replace(path, flat))
            self._sync_folder(os.path.dirname(path))
        except OSError as error:
            raise self._failed(error, key, "writing") from error
        return size

    def create(self, key: str, data: bytes) -> bool:
        check_content(key, data)
        path = self._file(key)
        try:
            # Most losers are seen here, before anything is written; the link below is what decides.
            made = not os.path.lexists(path) and self._again(lambda: self._claim(path, data))
            # The loser builds on the winner's object, so that has to be as durable for it as for the winner.
            self._sync_folder(os.path.dirname(path))
        except OSError as error:
            raise self._failed(error, key, "creating") from error
        return made

    def get(self, key: str, start: int = 0, length: int | None = None) -> Buffer:
        check_span(key, start, length)
        try:
            descriptor = self._open(self._file(key))
            try:
                rest = max(0, os.fstat(descriptor).st_size - start)
                return _read(descriptor, start, rest if length is None else min(length, rest))
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._failed(error, key, "reading") from error

    def size(self, key: str) -> int:
        try:
            found = os.stat(self._file(key))
            if not stat.S_ISREG(found.st_mode):
                raise FileNotFoundError(errno.ENOENT, "not a file")
        except OSError as error:
            raise self._failed(error, key, "looking at") from error
        return found.st_size

    def exists(self, key: str) -> bool:
        try:
            return stat.S_ISREG(os.stat(self._file(key)).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise self._failed(error, key, "looking at") from error

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        return self._walk(check_prefix(prefix), leftover=False)

    def leftovers(self) -> Iterator[ObjectInfo]:
        return self._walk("", leftover=True)

    def delete(self, keys: Iterable[str]) -> None:
        folders: set[str] = set()
        for key in keys:
            path = self._file(key, leftover=True)
            try:
                os.unlink(path)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise self._failed(error, key, "deleting") from error
            folders.add(os.path.dirname(path))
        for folder in folders:
            self._prune(folder)

    def path(self, key: str) -> Path:
        check_key(key)
        return Path(self._place, *key.split("/"))

    # -- names and errors

    def _file(self, key: str, *, leftover: bool = False) -> str:
        check_key(key.replace("~", "") if leftover else key)
        return os.path.join(self._root, *key.split("/"))

    def _failed(self, error: OSError, key: str, doing: str) -> HolotypeError:
        if doing in ("writing", "creating", "deleting") and isinstance(error, FileNotFoundError):
            # What is missing then is our temporary file or its folder, not the object.
            return StorageFailed(
                f"{doing} {key} in {self.url} failed: its temporary file was removed by someone else; try again",
                key=key,
                backend=self.url,
                errno=error.errno,
            )
        if isinstance(error, NotADirectoryError) and doing in ("reading", "looking at"):
            error = FileNotFoundError(errno.ENOENT, "not a folder")
        return storage_error(error, key, self.url, doing)

    # -- writing

    def _write(self, path: str, parts: Sequence[memoryview]) -> tuple[str, int]:
        """A durable temporary file beside ``path`` that holds ``parts``, and its size."""
        descriptor, temporary = self._temporary(path)
        try:
            try:
                size = _write(descriptor, parts)
                if self._durable:
                    _sync(descriptor)
                    if size >= _LARGE and _LETS_GO:
                        with suppress(OSError):  # it is advice
                            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)
        except BaseException:
            _discard(temporary)
            raise
        return temporary, size

    def _temporary(self, path: str) -> tuple[int, str]:
        for _ in range(_PATIENCE):
            temporary = f"{path}~{secrets.token_hex(8)}"
            try:
                return os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | _FLAGS, 0o666), temporary
            except FileNotFoundError:
                os.makedirs(os.path.dirname(path), exist_ok=True)
        raise FileNotFoundError(errno.ENOENT, "the folder goes away again and again", path)

    def _again(self, write: Callable[[], _T]) -> _T:
        """What ``write`` returns, done again when what it was writing was swept away."""
        for _ in range(_SWEEPS):
            with suppress(_Swept):
                return write()
        return write()

    def _replace(self, path: str, parts: Sequence[memoryview]) -> int:
        """Make the file ``path`` of ``parts``, whatever was there; returns its size."""
        temporary, size = self._write(path, parts)
        try:
            os.replace(temporary, path)
        except FileNotFoundError as error:
            raise _Swept(*error.args) from error
        except BaseException:
            _discard(temporary)
            raise
        return size

    def _claim(self, path: str, data: bytes) -> bool:
        """Whether ``data`` became the file ``path``, which was not there before."""
        temporary, _ = self._write(path, [memoryview(data)])
        try:
            try:
                os.link(temporary, path)
            except FileNotFoundError as error:
                raise _Swept(*error.args) from error
            except FileExistsError:
                # Over NFS a link whose answer was lost is tried again, and finds itself: then the file has two names.
                return os.stat(temporary).st_nlink == 2
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                return rename_exclusively(temporary, path)
            return True
        finally:
            _discard(temporary)

    def _sync_folder(self, folder: str) -> None:
        """Make the names in ``folder`` durable, and the first time also those of the folders that lead to it."""
        if not self._durable or _WINDOWS:  # Windows cannot open a folder, and writes names through
            return
        _sync_path(folder)
        while folder not in self._settled and folder != self._root:
            self._settled.add(folder)
            folder = os.path.dirname(folder)
            _sync_path(folder)
        if folder not in self._settled:
            self._settled.add(folder)
            _sync_path(os.path.dirname(folder))

    def _prune(self, folder: str) -> None:
        """Remove folders that became empty, up to the root; a writer who needs one makes it again."""
        while folder != self._root:
            self._settled.discard(folder)
            try:
                os.rmdir(folder)
            except OSError:
                return  # not empty, or already gone: an empty folder does no harm
            folder = os.path.dirname(folder)

    # -- reading

    def _open(self, path: str) -> int:
        descriptor = os.open(path, os.O_RDONLY | _FLAGS)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise FileNotFoundError(errno.ENOENT, "not a file")
        return descriptor

    def _walk(self, prefix: str, *, leftover: bool) -> Iterator[ObjectInfo]:
        folders = [prefix]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(os.path.join(self._root, *folder.split("/"))) as entries:
                    for entry in entries:
                        key = f"{folder}/{entry.name}" if folder else entry.name
                        if entry.is_dir():
                            folders.append(key)
                        elif ("~" in entry.name) is leftover and (found := _stat(entry)):
                            yield ObjectInfo(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))
            except (FileNotFoundError, NotADirectoryError):
                continue  # removed since it was seen, or never there: it holds no object
            except OSError as error:
                raise self._failed(error, folder, "listing") from error


def _reopen(root: str, durable: bool) -> LocalStore:  # noqa: FBT001 - pickle gives arguments by position
    return LocalStore(root, durable=durable)


def _stat(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        found = entry.stat()
    except FileNotFoundError:
        return None  # removed since it was listed
    return found if stat.S_ISREG(found.st_mode) else None


def _discard(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return  # already renamed, or it stays as a leftover, which is harmless and can be found


def _sync(descriptor: int) -> None:
    if _FULL_FLUSH:
        fcntl: Any = import_module("fcntl")  # Windows has no such module
        try:
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
        except OSError:
            os.fsync(descriptor)  # a network file system may not know it
    else:
        os.fsync(descriptor)


def _sync_path(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | _FLAGS)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot flush a folder, and need not
            raise
    finally:
        os.close(descriptor)


def _write(descriptor: int, parts: Sequence[memoryview]) -> int:
    """Write all ``parts``, without gathering them in memory; returns their size."""
    total, at = 0, 0
    rest = list(parts)
    most = _PARTS if _GATHERS else 1
    while at < len(rest):
        batch: list[memoryview] = []
        room = _BYTES
        for part in rest[at : at + most]:
            batch.append(part[:room])
            room -= len(batch[-1])
            if not room:
                break
        written = os.writev(descriptor, batch) if _GATHERS else os.write(descriptor, batch[0])
        total += written
        while at < len(rest) and written >= len(rest[at]):
            written -= len(rest[at])
            at += 1
        if written:
            rest[at] = rest[at][written:]
    return total


_seek_and_read = threading.Lock()


def _read(descriptor: int, start: int, length: int) -> bytes:
    """Up to ``length`` bytes from ``start``; one call and no copy for an object below 1 GiB."""
    parts: list[bytes] = []
    while length:
        if hasattr(os, "pread"):
            part = os.pread(descriptor, min(length, _BYTES), start)
        else:
            with _seek_and_read:
                os.lseek(descriptor, start, os.SEEK_SET)
                part = os.read(descriptor, min(length, _BYTES))
        if not part:
            break
        parts.append(part)
        start += len(part)
        length -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
