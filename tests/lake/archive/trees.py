"""Folders on a disk: made, looked at whole, and changed at the moment a test chooses."""

from __future__ import annotations

import errno
import os
import random
import socket
import stat
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from holotype import lake

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pytest

    from holotype.lake import Archive

SMALL = {"min": 512, "average": 1024, "max": 4096}
"""Chunk limits with which a file of a few kilobytes has many chunks."""

LARGE = random.Random(1).randbytes(16 << 10)
"""A file of many such chunks."""

T = TypeVar("T")

_unique = count()


class Seen(NamedTuple):
    """All that is kept of an entry.

    ``content``: bytes, a link's target or a device's number.  ``first``: the first name of a file that has several.
    """

    kind: int
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    content: bytes | int | None
    first: bytes | None
    xattrs: tuple[tuple[str, bytes], ...]


def fill(folder: Path, tree: Mapping[Any, bytes | None]) -> Path:
    """Make files with these bytes, and folders for ``None``, with all folders above them."""
    os.makedirs(folder, exist_ok=True)
    for name, data in tree.items():
        path = os.path.join(os.fsencode(folder), os.fsencode(name))
        os.makedirs(path if data is None else os.path.dirname(path), exist_ok=True)
        if data is not None:
            with open(path, "wb") as file:
                file.write(data)
    return folder


def look(folder: Path | bytes) -> dict[bytes, Seen]:
    """Every entry of a folder, itself as the empty path."""
    top = os.fsencode(folder)
    paths = [b""]
    for at, folders, files in os.walk(top):
        paths += [os.path.relpath(os.path.join(at, name), top) for name in (*folders, *files)]
    found: dict[bytes, Seen] = {}
    names: dict[tuple[int, int], bytes] = {}
    for path in sorted(paths, key=lambda path: path.replace(b"/", b"\0")):
        where = os.path.join(top, path)
        status = os.lstat(where)
        first = None
        if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
            first = names.setdefault((status.st_dev, status.st_ino), path)
        found[path] = Seen(
            stat.S_IFMT(status.st_mode),
            stat.S_IMODE(status.st_mode),
            status.st_uid,
            status.st_gid,
            status.st_mtime_ns,
            _content(where, status),
            first,
            _xattrs(where),
        )
    return found


def _content(where: bytes, status: os.stat_result) -> bytes | int | None:
    if stat.S_ISREG(status.st_mode):
        with open(where, "rb") as file:
            return file.read()
    if stat.S_ISLNK(status.st_mode):
        return os.readlink(where)
    return status.st_rdev if stat.S_ISBLK(status.st_mode) or stat.S_ISCHR(status.st_mode) else None


def _xattrs(where: bytes) -> tuple[tuple[str, bytes], ...]:
    names = os.listxattr(where, follow_symlinks=False) if hasattr(os, "listxattr") else ()
    return tuple((name, os.getxattr(where, name, follow_symlinks=False)) for name in sorted(names))


def files(tree: Mapping[bytes, Seen]) -> dict[bytes, bytes]:
    """The bytes of each file."""
    return {
        path: seen.content
        for path, seen in tree.items()
        if isinstance(seen.content, bytes) and seen.kind == stat.S_IFREG
    }


def has_xattrs(folder: Path) -> bool:
    """Whether this file system keeps attributes that users give."""
    try:
        os.setxattr(folder, "user.test", b"1")
        os.removexattr(folder, "user.test")
    except (AttributeError, OSError):
        return False
    return True


def make_socket(path: Path) -> None:
    """A socket's name, short enough wherever it lies."""
    before = os.getcwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(before)


def new_archive(at: Path | None = None, **options: Any) -> Archive:
    """An archive with small chunks, at a path or in memory."""
    given: dict[str, Any] = {"chunking": SMALL, "author": "ada@lab", **options}
    if at is None:
        return lake.create(f"memory://archive-{next(_unique)}", **given)
    return lake.create(at, storage_options={"durable": False}, **given)


def reopened(archive: Archive) -> Archive:
    """The same archive as somebody else sees it."""
    options = {"durable": False} if archive.url.startswith("file:") else None
    return lake.open(archive.url, author="bob@ward", storage_options=options)


def restored(archive: Archive, reference: str, target: Path, **options: Any) -> dict[bytes, Seen]:
    """What a restore makes of a snapshot, without any problem."""
    result = archive.restore(reference, target, **options)
    assert result.problems == ()
    return look(target)


def outcome(call: Callable[[], T]) -> T | BaseException:
    """What a call gives, or what it raises."""
    try:
        return call()
    except BaseException as error:  # noqa: BLE001 - the caller looks at it
        return error


def assert_sound(archive: Archive) -> None:
    """Nothing is wrong with the archive, for whoever opens it anew."""
    report = reopened(archive).verify()
    assert report.ok, report.damage


class Meddler:
    """Does something to a file while it is being read; ``opened`` and ``reads`` keep account.

    ``on_open``: called with the path of each file that is opened for reading below ``folder``, before it is opened.
    ``on_read``: called with the path after each read of such a file.  Either may raise.
    """

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path) -> None:
        self.on_open: Callable[[bytes], object] = lambda path: None
        self.on_read: Callable[[bytes], object] = lambda path: None
        self.opened: list[bytes] = []
        self.reads: list[bytes] = []
        self._top = os.path.join(os.path.realpath(os.fsencode(folder)), b"")
        self._files: dict[int, bytes] = {}
        self._patch = patch
        self._open = os.open
        patch.setattr(os, "open", self._opening)
        for name in ("read", "pread", "preadv", "readv"):
            if hasattr(os, name):
                patch.setattr(os, name, self._reading(getattr(os, name)))

    def forget(self) -> None:
        """Begin a new account."""
        self.opened.clear()
        self.reads.clear()

    def stop(self) -> None:
        """Let everything be as it was."""
        self._patch.undo()

    def _opening(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        whole = os.fsencode(path)
        if dir_fd is not None:
            with suppress(OSError):  # where the system does not tell, names below are not recognised
                whole = os.path.join(os.readlink(b"/proc/self/fd/%d" % dir_fd), whole)
        name = os.path.realpath(os.path.dirname(whole)) + b"/" + os.path.basename(whole)
        mine = name.startswith(self._top) and not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if mine:
            self.on_open(name.removeprefix(self._top))
        fd = self._open(path, flags, mode, dir_fd=dir_fd)
        self._files.pop(fd, None)
        if mine and not stat.S_ISDIR(os.fstat(fd).st_mode):
            self.opened.append(name.removeprefix(self._top))
            self._files[fd] = self.opened[-1]
        return fd

    def _reading(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def read(fd: int, *arguments: Any) -> Any:
            path = self._files.get(fd)
            result = call(fd, *arguments)
            if path is not None:
                self.reads.append(path)
                self.on_read(path)
            return result

        return read


def refused(number: int = errno.EACCES) -> OSError:
    """An error of the operating system."""
    return OSError(number, os.strerror(number))
