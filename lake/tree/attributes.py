"""What a file has besides its bytes: extended attributes, owners, holes; read from one place, set at another.

Extended attributes are kept by name as raw bytes.  POSIX ACLs are among them (``system.posix_acl_access``,
``system.posix_acl_default``), and so are file capabilities and security labels as far as this process may read them.
Platforms where Python has no extended attributes (macOS, Windows) keep none.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import column

from .problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = [
    "apply",
    "bare",
    "capture",
    "extents",
    "group_name",
    "group_number",
    "holes",
    "named",
    "user_name",
    "user_number",
]

_HAS_XATTRS = hasattr(os, "listxattr")
# Without them on this file system, or gone between two calls: there is nothing to keep.
_NONE = frozenset(
    getattr(errno, name) for name in ("ENOTSUP", "EOPNOTSUPP", "ENODATA", "ENOSYS") if hasattr(errno, name)
)
_STEP = 15  # names, of at most 255 bytes each, fit into the 4096 that a call takes
_LINK_TIMES = os.utime in os.supports_follow_symlinks


def capture(
    where: int | bytes, *, path: bytes = b"", kind: str = "file"
) -> tuple[list[tuple[bytes, bytes]] | None, list[Problem]]:
    """The extended attributes of an entry, sorted by name, ``None`` when there are none; and those that cannot be read.

    ``where``: an open file's descriptor, or where the entry is, of which a link's own are read.  ``path``: what
    problems name it.  ``kind``: as in the table ``entries``; a ``hardlink`` has what the file's first name has, and is
    not looked at.
    """
    if not _HAS_XATTRS or kind == "hardlink":
        return None, []
    try:
        found, skipped = _read(where)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG and isinstance(where, bytes):
            with _nearby(where) as short:
                return capture(short, path=path, kind=kind)
        if error.errno in _NONE:
            return None, []
        gone = error.errno in (errno.ENOENT, errno.ENOTDIR)
        return None, [Problem.of(path, "vanished" if gone else "attributes", error)]
    return found or None, [Problem(path, "attributes", message) for message in skipped]


def bare(fd: int) -> bool:
    """Whether an open file certainly has no extended attributes; one call for what most files are asked."""
    try:
        return not (_HAS_XATTRS and os.listxattr(fd))
    except OSError:
        return False


def _read(where: int | bytes) -> tuple[list[tuple[bytes, bytes]], list[str]]:
    follow = isinstance(where, int)
    listed = os.listxattr(where, follow_symlinks=follow)
    found: list[tuple[bytes, bytes]] = []
    skipped: list[str] = []
    for name in sorted(listed):
        try:
            found.append((os.fsencode(name), os.getxattr(where, name, follow_symlinks=follow)))
        except OSError as error:
            if error.errno not in _NONE:
                skipped.append(f"{name} cannot be read: {error.strerror}")
    return found, skipped


@contextmanager
def _nearby(path: bytes) -> Iterator[bytes]:
    """A short path to what lies at a path that is too long: the folder it lies in is opened step by step."""
    *folders, name = path.split(b"/")
    at = os.open(b"/", os.O_RDONLY)
    try:
        while folders:
            step = b"/".join(folders[:_STEP]) or b"."
            below = os.open(step, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0), dir_fd=at)
            os.close(at)
            at, folders = below, folders[_STEP:]
        yield b"/proc/self/fd/%d/%s" % (at, name)
    finally:
        os.close(at)


def holes(fd: int, size: int, status: os.stat_result) -> list[int] | None:
    """The holes of an open file, as offset, length, offset, length, …; ``None`` when it has none.

    ``size``: how many bytes to look at.  ``status``: the file's; one that takes as much space as its size is not looked
    into.  Moves the file's position.
    """
    if getattr(status, "st_blocks", size) * 512 >= size or not hasattr(os, "SEEK_HOLE"):
        return None
    found: list[int] = []
    at = 0
    try:
        while at < size:
            try:
                data = min(os.lseek(fd, at, os.SEEK_DATA), size)
            except OSError as error:
                if error.errno != errno.ENXIO:  # there is no more data
                    raise
                data = size
            if data > at:
                found += (at, data - at)
            at = os.lseek(fd, data, os.SEEK_HOLE) if data < size else size
    except OSError as error:
        if error.errno not in (errno.EINVAL, *_NONE):  # a file system that cannot tell
            raise
        return None
    return found or None


def extents(holes: Sequence[int] | None, size: int) -> Iterator[tuple[int, int]]:
    """The parts of a file of ``size`` bytes that lie between its holes: offset and length of each, in order."""
    marks = [0]
    for offset, length in zip((holes or ())[::2], (holes or ())[1::2], strict=True):
        marks += (offset, offset + length)
    marks.append(size)
    for number, (begin, end) in enumerate(pairwise(marks)):
        if number % 2 == 0 and end > begin:
            yield begin, end - begin


def named(numbers: pa.ChunkedArray, name_of: Callable[[int], str | None]) -> pa.Array:
    """The names of a column of numbers; ``name_of`` is ``user_name`` or ``group_name``, asked once for each number."""
    different = pc.unique(numbers)
    known = column([name_of(number) for number in different.to_pylist()], pa.string())
    found = known.take(pc.index_in(numbers, value_set=different))
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


@cache
def user_name(uid: int) -> str | None:
    """The name of the user of this number on this machine, if there is one."""
    found = _looked_up("pwd", "getpwuid", uid)
    return None if found is None else str(found.pw_name)


@cache
def group_name(gid: int) -> str | None:
    """The name of the group of this number on this machine, if there is one."""
    found = _looked_up("grp", "getgrgid", gid)
    return None if found is None else str(found.gr_name)


@cache
def user_number(name: str) -> int | None:
    """The number of the user of this name on this machine, if there is one."""
    found = _looked_up("pwd", "getpwnam", name)
    return None if found is None else int(found.pw_uid)


@cache
def group_number(name: str) -> int | None:
    """The number of the group of this name on this machine, if there is one."""
    found = _looked_up("grp", "getgrnam", name)
    return None if found is None else int(found.gr_gid)


def _looked_up(database: str, function: str, argument: int | str) -> Any:
    try:
        return getattr(import_module(database), function)(argument)
    except (ImportError, KeyError):  # Windows has no such database, or nobody has this number or name
        return None


def apply(
    where: int | str | bytes,
    *,
    mtime_ns: int | None,
    mode: int | None = None,
    owner: tuple[int, int] | None = None,
    xattrs: Sequence[tuple[bytes, bytes]] | None = None,
    dir_fd: int | None = None,
    link: bool = False,
) -> list[str]:
    """Set what is given of a file's attributes; gives a message for each that could not be set.

    ``where``: a descriptor, or a name below ``dir_fd``, or a path.  ``owner``: user and group numbers.  ``link``: it is
    a symbolic link, and its own attributes are meant.  ``mtime_ns``: nanoseconds since 1970.

    The order matters: changing the owner takes away set-user-id bits and capabilities, attributes cannot be set on what
    is read-only, and all of it moves no time but ctime.  Where the owner cannot be set, set-user-id and set-group-id
    bits are not set either: they would lend another person's rights.
    """
    wrong: list[str] = []

    def attempt(what: str, call: Callable[..., object], *arguments: object, **options: Any) -> bool:
        try:
            call(*arguments, **options)
        except (OSError, OverflowError, NotImplementedError) as error:
            wrong.append(f"{what} could not be set: {getattr(error, 'strerror', None) or error}")
            return False
        return True

    if owner is not None and hasattr(os, "chown"):
        below: dict[str, Any] = {} if isinstance(where, int) else {"dir_fd": dir_fd, "follow_symlinks": False}
        if not attempt("the owner", os.chown, where, *owner, **below) and mode is not None:
            mode &= ~0o6000
    for name, value in xattrs or ():
        what = f"the extended attribute {os.fsdecode(name)}"
        if not _HAS_XATTRS:
            wrong.append(f"{what} could not be set: this platform has none")
        elif isinstance(where, int):
            attempt(what, os.setxattr, where, name, value)
        else:
            path = where if dir_fd is None else os.path.join(b"/proc/self/fd/%d" % dir_fd, os.fsencode(where))
            attempt(what, os.setxattr, path, name, value, follow_symlinks=False)
    if mode is not None and not link:
        attempt("the mode", os.chmod, where, mode, **({} if isinstance(where, int) else {"dir_fd": dir_fd}))
    if mtime_ns is not None and (_LINK_TIMES or not link):
        below = {} if isinstance(where, int) else {"dir_fd": dir_fd}
        if link:
            below["follow_symlinks"] = False
        attempt("the time", os.utime, where, ns=(mtime_ns, mtime_ns), **below)
    return wrong
