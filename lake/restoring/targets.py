"""A restore's target: whether it may be one, and its folders, opened so that no path leads out of it."""

from __future__ import annotations

import errno
import os
import stat
import sys
import threading
from typing import NamedTuple

from holotype.catalog import (
    HolotypeError,
    StorageDenied,
    StorageFailed,
    StorageFull,
    TargetRefused,
    UnsafePath,
    long_path,
)

from ..tree.naming import WINDOWS, unfit
from ..tree.paths import shown

__all__ = ["Folder", "Folders", "Nature", "check_target", "split", "stopped"]

_BY_DESCRIPTOR = {os.open, os.mkdir, os.stat, os.unlink} <= os.supports_dir_fd and os.utime in os.supports_fd
_WINDOWS = sys.platform == "win32"
_FOLDER = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_DIRECTORY", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_OPEN_FOLDERS = 64  # kept open when nobody uses them, because the next file is likely to go there
_PROBE = b".holotype-probe"
_ACLS = ("system.posix_acl_default", "system.posix_acl_access")

_FULL = frozenset((errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)))
_DENIED = frozenset((errno.EACCES, errno.EPERM, errno.EROFS))


def check_target(target: str | os.PathLike[str], *, archive: str | os.PathLike[str] | None = None) -> None:
    """Refuse a target that is no empty folder, or one that lies in the archive's folder or around it.

    ``archive``: where the archive is, when it is on this machine.  Raises ``TargetRefused``, ``StorageDenied``,
    ``StorageFailed``.
    """
    path = os.path.realpath(os.fsdecode(target))
    if archive is not None:
        where = os.path.realpath(os.fsdecode(archive))
        if _lies_in(path, where):
            raise TargetRefused(f"{path!r} lies in the archive {where!r}; restore to another place", path=path)
        if _lies_in(where, path):
            raise TargetRefused(f"{path!r} holds the archive {where!r}; restore to another place", path=path)
    try:
        with os.scandir(long_path(path)) as found:
            first = next(found, None)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise TargetRefused(f"{path!r} is not a folder; restore to a new or an empty one", path=path) from None
    except OSError as error:
        raise stopped(os.fsencode(path), error) from error
    if first is not None:
        raise TargetRefused(
            f"{path!r} is not empty: it has {first.name!r}; restore to a new or an empty folder", path=path
        )


def _lies_in(path: str, folder: str) -> bool:
    """Whether a path, which need not exist yet, is a folder or lies in it; by identity, whatever its name."""
    while True:
        try:
            if os.path.samefile(path, folder):
                return True
        except OSError:  # one of the two does not exist yet
            if path == folder:
                return True
        above = os.path.dirname(path)
        if above == path:
            return False
        path = above


def stopped(path: bytes, error: OSError) -> HolotypeError:
    """What to raise when the target's file system fails at ``path`` in a way that concerns more than one entry."""
    what = f"{shown(path)!r} cannot be written: {error.strerror or error}"
    if error.errno in _FULL:
        return StorageFull(f"{what}; make room, empty the target and restore again", path=shown(path))
    if error.errno in _DENIED:
        return StorageDenied(f"{what}; restore to a place where you may write", path=shown(path))
    return StorageFailed(f"{what}; see to the target's file system and restore again", path=shown(path))


class Folder:
    """An open folder: its descriptor ``fd``, or where there is none, ``where``: what goes before a name in it."""

    __slots__ = ("fd", "users", "where")

    def __init__(self, fd: int | None, where: bytes) -> None:
        self.fd = fd
        self.where = where
        self.users = 0

    def close(self) -> None:
        """Give the descriptor back."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = -1  # which no call takes, while None would mean the working directory


class Nature(NamedTuple):
    """How the target's file system treats a new file: whose it is, which mode bits it lacks, whether case matters."""

    uid: int
    gid: int
    umask: int
    folds: bool


class Folders:
    """The folders of one target, made when needed and kept open for a while; safe to use from several threads.

    ``probe``: a path below the target at which a file can be made for a moment.

    Raises ``OSError``, and ``UnsafePath`` for what is no path below the target.
    """

    def __init__(self, target: str | bytes | os.PathLike[str], *, probe: bytes = _PROBE) -> None:
        path = long_path(os.path.abspath(os.fsencode(target)))
        os.makedirs(path, exist_ok=True)
        # The target's own name may be a link, which the caller chose; below it no link is followed.
        self._top = Folder(os.open(path, _FOLDER), b"") if _BY_DESCRIPTOR else Folder(None, os.path.join(path, b""))
        self._lock = threading.Lock()
        self._open: dict[bytes, Folder] = {b"": self._top}
        self._acls: dict[str, bytes] = {}
        try:
            self._shed()
            self.nature = self._look(probe)
        except BaseException:
            self._top.close()
            raise

    def borrow(self, path: bytes) -> Folder:
        """The folder at ``path``, open until it is given back; made, with those above it, when it is not there."""
        with self._lock:
            found = self._open.get(path)
            if found is not None:
                found.users += 1
                return found
        at = self._below(path)
        with self._lock:
            found = self._open.setdefault(path, at)
            found.users += 1
            if found is not at:  # another thread was faster
                at.close()
            elif len(self._open) > _OPEN_FOLDERS:
                self._let_go()
        return found

    def give_back(self, folder: Folder) -> None:
        """Say that a borrowed folder is not needed any more."""
        with self._lock:
            folder.users -= 1

    def make(self, path: bytes) -> None:
        """Make the folder at ``path``, open to nobody else yet; raises ``FileExistsError`` where its name is taken."""
        above, name = split(path)
        at = self.borrow(above)
        try:
            os.mkdir(at.where + name, 0o700, dir_fd=at.fd)
        except FileExistsError:
            self._enter(at, name, path).close()  # made for something in it, if it is a folder
            if self.nature.folds and name not in map(os.fsencode, os.listdir(at.where if at.fd is None else at.fd)):
                raise
        finally:
            self.give_back(at)

    def keep_acls(self) -> None:
        """Give the target back the ACLs that it had, where no restored ones replace them."""
        for name, value in self._acls.items():
            os.setxattr(self._top.where if self._top.fd is None else self._top.fd, name, value)

    def close(self) -> None:
        """Close every folder."""
        with self._lock:
            for folder in self._open.values():
                folder.close()
            self._open.clear()

    def _below(self, path: bytes) -> Folder:
        """Open the folder at ``path`` anew, starting from the nearest above it that is open."""
        names = path.split(b"/")
        for name in names:
            _checked(name, path)
        depth = len(names) - 1
        with self._lock:
            while depth and b"/".join(names[:depth]) not in self._open:
                depth -= 1
            start = at = self._open[b"/".join(names[:depth])]
            start.users += 1
        try:
            for name in names[depth:]:
                below = self._enter(at, name, path)
                if at is not start:
                    at.close()
                at = below
        except BaseException:
            if at is not start:
                at.close()
            raise
        finally:
            self.give_back(start)
        return at

    def _enter(self, at: Folder, name: bytes, path: bytes) -> Folder:
        """Open one folder in another, making it when it is not there."""
        full = at.where + name
        for _ in range(2):
            try:
                if at.fd is not None:
                    return Folder(os.open(name, _FOLDER | _NOFOLLOW, dir_fd=at.fd), b"")
                status = os.lstat(full)
                if not stat.S_ISDIR(status.st_mode) or bool(getattr(status, "st_reparse_tag", False)):
                    raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
                return Folder(None, os.path.join(full, b""))
            except FileNotFoundError:
                try:
                    os.mkdir(full, 0o700, dir_fd=at.fd)
                except FileExistsError:  # another thread was faster
                    continue
            except OSError as error:
                if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                    raise
                raise UnsafePath(
                    f"{shown(path)!r} leads through {shown(name)!r}, which is a link or a file and no folder: refused",
                    path=shown(path),
                ) from None
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    def _let_go(self) -> None:
        for path, folder in list(self._open.items()):
            if not folder.users and folder is not self._top:
                self._open.pop(path).close()
                if len(self._open) <= _OPEN_FOLDERS:
                    return

    def _shed(self) -> None:
        """Take away the target's ACLs: the default one would pass to everything made in it."""
        if self._top.fd is None or not hasattr(os, "listxattr"):
            return
        try:
            for name in os.listxattr(self._top.fd):
                if name in _ACLS:
                    self._acls[name] = os.getxattr(self._top.fd, name)
                    os.removexattr(self._top.fd, name)
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.EPERM, errno.EACCES):
                raise

    def _look(self, probe: bytes) -> Nature:
        """Make a file and look at it: asking for the umask would change it, and the file system has its say too."""
        at, name = self._top, self._top.where + probe
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o777, dir_fd=at.fd))
        try:
            status = os.stat(name, dir_fd=at.fd)
            try:
                os.stat(at.where + probe.upper(), dir_fd=at.fd)
                folds = True
            except FileNotFoundError:
                folds = False
        finally:
            os.unlink(name, dir_fd=at.fd)
        return Nature(status.st_uid, status.st_gid, 0o777 & ~status.st_mode, folds)


def split(path: bytes) -> tuple[bytes, bytes]:
    """The folder that an entry lies in, and its name there, checked; the folder is checked when it is borrowed."""
    folder, slash, name = path.rpartition(b"/")
    if slash and not folder:
        raise UnsafePath(f"{shown(path)!r} is not a path below the target: refused", path=shown(path))
    return folder, _checked(name, path)


def _checked(name: bytes, path: bytes) -> bytes:
    """One component of a path; raises ``UnsafePath`` for what leads elsewhere, ``OSError`` for what Windows has not."""
    if not name or name in (b".", b"..") or b"\0" in name or b"/" in name:
        raise UnsafePath(f"{shown(path)!r} is not a path below the target: refused", path=shown(path))
    # The one platform that would not say so itself, but make something else.
    if _WINDOWS and (reason := unfit(name, WINDOWS)):
        raise OSError(errno.EINVAL, reason)
    return name
