"""Files on an SFTP server, written whole: what ``SftpStore`` does with one session.

Everything here raises ``OSError``, as the session does, and is safe to repeat with another session after it failed.
"""

from __future__ import annotations

import errno
import posixpath
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .sftpwire import CREATE, READ

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .sftpsession import Session
    from .sftpwire import Attributes

__all__ = ["Files"]

_REPLACE, _LINK, _FLUSH = "posix-rename@openssh.com", "hardlink@openssh.com", "fsync@openssh.com"
# A folder may be removed, empty, between being made and being used; so often in a row means something else is wrong.
_TRIES = 100
# Refusals that say: this cannot be flushed, or not in this way.
_NO_FLUSH = frozenset({errno.EINVAL, errno.ENOTSUP})
# Refusals of a hard link in a folder where files can be made: the file system has none.
_NO_LINKS = frozenset({errno.EACCES, errno.ENOTSUP})

# Bytes that are asked for before the size of a file is known, and those that are asked for whatever its size.
_GUESS, _AT_ONCE = 64 << 10, 4 << 20


class Files:
    """The files below the folder ``root``; paths are bytes, ``root`` before them."""

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._settled: set[bytes] = set()  # folders known to be on the disk, with all that lead to them

    def put(self, session: Session, path: bytes, parts: Sequence[memoryview]) -> int:
        """Write a file in place of any other; returns its size in bytes."""
        with self._written(session, path, parts) as temporary:
            if session.offers(_REPLACE):
                session.replace(temporary, path)
            else:
                _rename_over(session, temporary, path)
        return sum(map(len, parts))

    def create(self, session: Session, path: bytes, data: bytes) -> bool:
        """Write a file unless there is one; ``ENOTSUP`` where that cannot be one step."""
        with self._written(session, path, [memoryview(data)]) as temporary:
            try:
                if session.offers(_LINK):
                    session.link(temporary, path)
                else:
                    session.rename(temporary, path)
            except OSError as refused:
                session.discard(temporary)
                # There is no number for "it is there already".
                (there,) = session.look(path)
                if not isinstance(there, OSError):
                    return False
                if session.offers(_LINK) and refused.errno in _NO_LINKS:
                    raise OSError(errno.ENOTSUP, "the server's file system has no hard links") from refused
                raise
            if session.offers(_LINK):
                session.discard(temporary)
        return True

    def read(self, session: Session, path: bytes, start: int, length: int | None) -> bytearray:
        """The file's bytes from ``start``, ``length`` of them or all that follow; fewer where it ends."""
        (handle,) = session.open((path, READ))
        if isinstance(handle, OSError):
            raise handle
        try:
            if length is None or length > _AT_ONCE:
                # Most objects that are read whole are small: then this is all.
                found, size = session.begin(handle, start, _GUESS)
                length = min(max(0, size - start), size if length is None else length)
                if len(found) >= length:
                    return found[:length]
            return session.read(handle, start, length)
        except OSError as error:
            if error.errno == errno.EIO:  # as for a folder, which some servers open like a file
                _check_file(session.attributes(handle))
            raise
        finally:
            session.forget(handle)

    def size(self, session: Session, path: bytes) -> int:
        """The file's size in bytes."""
        (found,) = session.look(path)
        if isinstance(found, OSError):
            raise found
        return _check_file(found).size

    def entries(self, session: Session, folders: Sequence[bytes]) -> list[list[tuple[bytes, Attributes]] | OSError]:
        """What is in each of some folders, by name, or why it cannot be read; links are followed, broken ones not."""
        found: list[list[tuple[bytes, Attributes]] | OSError] = []
        for folder, names in zip(folders, session.entries(folders), strict=True):
            if not isinstance(names, OSError):
                links = [name for name, attributes in names if attributes.is_link]
                ends = dict(zip(links, session.look(*(posixpath.join(folder, name) for name in links)), strict=True))
                followed = [(name, ends.get(name, attributes)) for name, attributes in names]
                names = [(name, end) for name, end in followed if not isinstance(end, OSError)]
            found.append(names)
        return found

    def remove(self, session: Session, paths: Sequence[bytes]) -> list[OSError | None]:
        """Remove files, then folders that became empty, up to the root; for each file, why it was refused."""
        refusals = session.remove(paths)
        folders = {posixpath.dirname(path) for path in paths}
        while folders := {folder for folder in folders if self._is_below(folder)}:
            self._settled -= folders
            ordered = sorted(folders)
            gone = zip(ordered, session.remove_folders(ordered), strict=True)
            folders = {posixpath.dirname(folder) for folder, refused in gone if refused is None}
        return refusals

    # -- writing

    @contextmanager
    def _written(self, session: Session, path: bytes, parts: Sequence[memoryview]) -> Iterator[bytes]:
        """A durable temporary file beside ``path``; what its folder holds after the block is durable as well."""
        temporary, handle, folder = self._temporary(session, path)
        try:
            try:
                session.write(handle, parts, flush=session.offers(_FLUSH))
            finally:
                session.forget(handle)
            yield temporary
            if folder is not None:
                _flush(session, folder)
        except OSError as error:
            session.discard(temporary)
            if error.errno == errno.EIO and _is_full(session, posixpath.dirname(path), sum(map(len, parts))):
                raise OSError(errno.ENOSPC, "no space left on the server") from error
            raise
        finally:
            if folder is not None:
                session.forget(folder)

    def _temporary(self, session: Session, path: bytes) -> tuple[bytes, bytes, bytes | None]:
        """A new file beside ``path``: its path, its handle, and the one of its folder where that can be flushed."""
        folder = posixpath.dirname(path)
        for _ in range(_TRIES):
            try:
                self._settle(session, folder)
            except FileNotFoundError:
                self._settled.clear()
                continue
            temporary = b"%b~%b" % (path, secrets.token_hex(8).encode())
            wanted = [(temporary, CREATE), *([(folder or b".", READ)] if session.offers(_FLUSH) else [])]
            handle, *opened = session.open(*wanted)
            handles = [each for each in opened if isinstance(each, bytes)]
            if isinstance(handle, bytes):
                return temporary, handle, handles[0] if handles else None
            for each in handles:
                session.forget(each)
            if not isinstance(handle, FileNotFoundError):
                raise handle
            self._settled.clear()
        raise FileNotFoundError(errno.ENOENT, "the folder goes away again and again")

    def _settle(self, session: Session, folder: bytes) -> None:
        """Make ``folder`` and what leads to it from the root, durably; once for each folder."""
        if folder in self._settled or folder in (b"", b"/"):
            return
        above = posixpath.dirname(folder)
        try:
            _make(session, folder)
        except FileNotFoundError:
            self._settle(session, above)
            _make(session, folder)
        if self._is_below(folder):
            self._settle(session, above)
        if session.offers(_FLUSH):
            (handle,) = session.open((above or b".", READ))
            if isinstance(handle, bytes):
                _flush(session, handle)
                session.forget(handle)
        self._settled.add(folder)

    def _is_below(self, folder: bytes) -> bool:
        return folder != self._root and folder.startswith(posixpath.join(self._root, b""))


def _make(session: Session, folder: bytes) -> None:
    """Make a folder unless there is one."""
    try:
        session.make_folder(folder)
    except FileNotFoundError:
        raise
    except OSError:  # there is no number for "it is there already"
        (found,) = session.look(folder)
        if isinstance(found, OSError) or not found.is_folder:
            raise


def _flush(session: Session, folder: bytes) -> None:
    """Wait until the server's disk has the names in an open folder, unless this cannot be had."""
    try:
        session.flush(folder)
    except OSError as error:
        if error.errno not in _NO_FLUSH:
            raise


def _rename_over(session: Session, temporary: bytes, path: bytes) -> None:
    """Rename where the server cannot replace: there is nothing at ``path`` for a moment, rather than half of it."""
    try:
        session.rename(temporary, path)
    except OSError:
        (there,) = session.look(path)
        if isinstance(there, OSError):
            raise
        session.remove([path])
        session.rename(temporary, path)


def _is_full(session: Session, folder: bytes, size: int) -> bool:
    """Whether ``folder`` has no room for ``size`` bytes, as far as the server says: a refusal has no number for it."""
    room = session.room(folder or b".")
    return room is not None and room < size


def _check_file(found: Attributes) -> Attributes:
    if not found.is_file:
        raise FileNotFoundError(errno.ENOENT, "not a file")
    return found
