"""The file system side of a restore: folders, files, links and specials, made where they belong and nowhere else.

Every folder is opened below the one it lies in, never through a symbolic link, and every file is made anew.  So nothing
a manifest says can reach outside the target, nothing that is there is written over, and two names that a file system
takes for the same end as one file and one recorded problem.

Folders get their modes and times last, the deepest first, since every file put into a folder moves its time::

    with Placer(target) as placer:
        for rows in manifest:
            placer.place(rows)                       # folders, links, specials
            for entry in entries(files_of(rows)):    # from any number of threads, in any order
                placer.place_small(entry, data)
        placer.finish()                              # hard links, then the folders' attributes

A crash leaves a target that is not finished; delete it and restore again.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import HolotypeError, column, numbers, scalar

from ..tree.attributes import extents
from ..tree.entries import Entry, entries
from ..tree.paths import keys
from .settling import Owners, Settler, owners_here
from .targets import Folder, Folders, check_target, split, stopped

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Buffer

    from ..tree.naming import Rules
    from ..tree.problems import Problem
    from .workshop import Workshop

__all__ = ["Owners", "Placer", "Writer", "check_target"]

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)

# A hard link to a symbolic link is one to the link; where that cannot be said it is what happens.
_LINKING = {"follow_symlinks": False} if os.link in os.supports_follow_symlinks else {}

# Failures that concern one entry; any other stops the restore.
_ONE = frozenset((errno.EEXIST, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.EFBIG, errno.EISDIR))
# What a file system or a user may lack for links and specials, beyond those.
_LACKING = _ONE | {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV, errno.ENOENT, errno.ENOSYS}
_TYPES = {"fifo": stat.S_IFIFO, "socket": stat.S_IFSOCK, "character-device": stat.S_IFCHR, "block-device": stat.S_IFBLK}
_MAKES_SPECIALS = getattr(os, "mknod", None) in os.supports_dir_fd
_FOLDER_COLUMNS = ["path", "path_bytes", *Entry._fields[1:]]


class Placer:
    """Makes entries below ``target``, which is made when it is not there.

    ``owners``: whose the files become: ``"numbers"``, as recorded, ``"names"``, by name where this machine has it, or
    ``"none"``, whoever runs this; by default ``"numbers"`` for a privileged process and ``"none"`` for any other.
    ``on_problem`` is called, from any thread, with what could not be made or set; the rest goes on.  ``workshop``: of
    the placer that this one helps with files.  ``again``: whether somebody may have begun the same files before, which
    are then replaced, by way of the workshop.  ``rules``: what the target cannot keep, which is not tried.

    Every method may raise ``UnsafePath`` for an entry that would be outside the target, ``StorageFull``,
    ``StorageDenied`` and ``StorageFailed``.
    """

    def __init__(
        self,
        target: str | bytes | os.PathLike[str],
        *,
        owners: Owners | None = None,
        on_problem: Callable[[Problem], object] | None = None,
        workshop: Workshop | None = None,
        again: bool = False,
        rules: Rules | None = None,
    ) -> None:
        whose = owners_here(owners)
        self._later_folders: list[pa.Table] = []
        self._later_links: list[pa.Table] = []
        self._workshop, self._again = workshop, again
        try:
            self._folders = Folders(target) if workshop is None else Folders(target, probe=workshop.spare())
        except OSError as error:
            raise stopped(os.fsencode(target), error) from error
        self._settler = Settler(whose, self._folders.nature, on_problem, rules=rules)

    def __enter__(self) -> Placer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the target's folders."""
        self._folders.close()

    @property
    def owners(self) -> Owners:
        """Whose the files become."""
        return self._settler.owners

    def place(self, rows: pa.Table) -> None:
        """Make the folders, symbolic links and specials among ``rows``; files are left, hard links wait for ``finish``.

        From one thread.  ``rows`` has the columns of ``entries``.  A folder that something needs and that has no row is
        made too, open to its owner alone.
        """
        kinds = rows["kind"]
        others = rows.filter(pc.invert(pc.is_in(kinds, column(["file", "hardlink"], pa.string()))))
        if others.num_rows:
            made = numbers(np.array([self._other(entry) for entry in entries(others)]))
            folders = others.filter(pc.and_(made, pc.equal(others["kind"], scalar("directory"))))
            if folders.num_rows:
                self._later_folders.append(folders.select(_FOLDER_COLUMNS))
        if others.num_rows < rows.num_rows and (links := rows.filter(pc.equal(kinds, scalar("hardlink")))).num_rows:
            self._later_links.append(links.select(_FOLDER_COLUMNS))

    def place_small(self, entry: Entry, data: Buffer) -> bool:
        """Make a file whose bytes, holes included, are all at hand; whether it could be made."""
        try:
            folder, name = split(entry.path)
            at = self._folders.borrow(folder)
            try:
                fd = self._create(at, name, entry)
                made = None
                try:
                    try:
                        _write(fd, data)
                        self._settler.opened(entry, fd)
                    except BaseException:
                        made = self._made(fd)
                        raise
                    finally:
                        os.close(fd)
                    self._settler.closed(entry, at.where + name)
                except BaseException:
                    _unlink(at, name, made)
                    raise
            finally:
                self._folders.give_back(at)
        except OSError as error:
            if self._again and type(error) is FileExistsError:
                return self._place_again(entry, data)
            self._failed(entry, error, _ONE)
            return False
        return True

    def place_file(self, entry: Entry) -> Writer | None:
        """Begin a file whose bytes come in pieces; ``None``, and a problem, when it cannot be made."""
        try:
            folder, name = split(entry.path)
            at = self._folders.borrow(folder)
            try:
                try:
                    fd = self._create(at, name, entry)
                except FileExistsError:
                    if not self._again or not self._left(at, name):
                        raise
                    return self._instead(at, name, entry)
                return Writer(self._folders, self._settler, at, name, entry, fd, made=self._made(fd))
            except BaseException:
                self._folders.give_back(at)
                raise
        except OSError as error:
            self._failed(entry, error, _ONE)
            return None

    def finish(self) -> None:
        """Make the hard links, then give the folders their attributes, the deepest first: once, at the end."""
        for table in self._later_links:
            for entry in entries(table):
                self._link(entry)
        # The tables may have come in any order; in each the rows are in the order of keys, folders before what they
        # hold.
        tables = sorted(self._later_folders, key=lambda table: keys(table.slice(0, 1))[0].as_py())
        top = False
        for table in reversed(tables):
            for entry in reversed(entries(table)):
                try:
                    at = self._folders.borrow(entry.path)
                    try:
                        self._settler.settle(entry, at.where if at.fd is None else at.fd)
                    finally:
                        self._folders.give_back(at)
                except OSError as error:
                    self._failed(entry, error, frozenset())
                top = top or not entry.path
        if not top:
            self._folders.keep_acls()
        self._later_links, self._later_folders = [], []

    def _other(self, entry: Entry) -> bool:
        """Make a folder, a symbolic link or a special; whether it could be made."""
        if not entry.path:
            return True
        try:
            folder, name = split(entry.path)
            if entry.kind == "directory":
                self._folders.make(entry.path)
                return True
            at = self._folders.borrow(folder)
            try:
                where = at.where + name
                if entry.kind == "symlink":
                    os.symlink(entry.target or b"", where, dir_fd=at.fd)
                else:
                    _special(entry, where, at.fd)
                self._settler.settle(entry, where, dir_fd=at.fd)
            finally:
                self._folders.give_back(at)
        except OSError as error:
            self._failed(entry, error, _LACKING)
            return False
        return True

    def _link(self, entry: Entry) -> None:
        try:
            folder, name = split(entry.path)
            first_folder, first_name = split(entry.target or b"")
            at = self._folders.borrow(folder)
            try:
                first = self._folders.borrow(first_folder)
                try:
                    os.link(
                        first.where + first_name,
                        at.where + name,
                        src_dir_fd=first.fd,
                        dst_dir_fd=at.fd,
                        **_LINKING,
                    )
                finally:
                    self._folders.give_back(first)
            finally:
                self._folders.give_back(at)
        except OSError as error:
            self._failed(entry, error, _LACKING)

    def _create(self, at: Folder, name: bytes, entry: Entry) -> int:
        mode = 0o600 if self._settler.needs_more(entry) else entry.mode
        return os.open(at.where + name, _NEW, mode, dir_fd=at.fd)

    def _made(self, fd: int) -> os.stat_result | None:
        """Which file it is, where others may put one in its place: its name alone does not tell any more."""
        return None if self._workshop is None else os.fstat(fd)

    def _left(self, at: Folder, name: bytes) -> bool:
        """Whether what has a file's name is what somebody left who began it before.

        The target was empty: another entry's file can have it only where the file system takes two names for the same,
        and then it is listed under the other.
        """
        if not stat.S_ISREG(os.stat(at.where + name, dir_fd=at.fd, follow_symlinks=False).st_mode):
            return False
        return not self._folders.nature.folds or name in map(
            os.fsencode, os.listdir(at.where if at.fd is None else at.fd)
        )

    def _instead(self, at: Folder, name: bytes, entry: Entry) -> Writer:
        """Begin a file that takes the place of the one at ``name`` when it is whole."""
        assert self._workshop is not None
        folder, spare = split(self._workshop.spare())
        aside = self._folders.borrow(folder)
        try:
            fd = self._create(aside, spare, entry)
            return Writer(self._folders, self._settler, aside, spare, entry, fd, over=(at, name))
        except BaseException:
            self._folders.give_back(aside)
            raise

    def _place_again(self, entry: Entry, data: Buffer) -> bool:
        writer = self.place_file(entry)
        if writer is None:
            return False
        with writer:
            writer.write_at(data, 0)
        return True

    def _failed(self, entry: Entry, error: OSError, skipped: frozenset[int]) -> None:
        """Record why an entry was not made, or stop the restore."""
        if isinstance(error, HolotypeError):  # whoever was told of a problem would not have it
            raise error
        if error.errno not in skipped:
            raise stopped(entry.path, error) from error
        what = "special" if entry.kind in _TYPES else "skipped"
        if isinstance(error, FileExistsError):
            message = "something is there already: this file system may take another entry's name for the same"
        else:
            message = error.strerror or str(error)
        self._settler.report(entry, what, message)


class Writer:
    """A file being written: its bytes without its holes, in order by ``write``, or anywhere by ``write_at``.

    As a context manager it is finished when the block ends, and taken away again when the block fails.  ``made``: which
    file is taken away then, when it may be another by that time.  ``over``: where the finished file goes, instead of
    what is there.
    """

    def __init__(
        self,
        folders: Folders,
        settler: Settler,
        at: Folder,
        name: bytes,
        entry: Entry,
        fd: int,
        *,
        made: os.stat_result | None = None,
        over: tuple[Folder, bytes] | None = None,
    ) -> None:
        self._folders, self._settler = folders, settler
        self._at, self._name, self._entry, self._fd = at, name, entry, fd
        self._made, self._over = made, over
        self._extents = extents(entry.holes, entry.size)
        self._offset = self._left = 0

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            try:
                try:
                    if error is None:
                        if self._entry.holes:
                            os.ftruncate(self._fd, self._entry.size)
                        self._settler.opened(self._entry, self._fd)
                finally:
                    os.close(self._fd)
                if error is None:
                    self._settler.closed(self._entry, self._at.where + self._name)
                    self._replace()
            except BaseException:
                _unlink(self._at, self._name, self._made)
                raise
            if error is not None:
                _unlink(self._at, self._name, self._made)
        except OSError as failure:
            if isinstance(failure, HolotypeError):
                raise
            raise stopped(self._entry.path, failure) from failure
        finally:
            self._folders.give_back(self._at)
            if self._over is not None:
                self._folders.give_back(self._over[0])

    def _replace(self) -> None:
        if self._over is not None:
            at, name = self._over
            os.replace(self._at.where + self._name, at.where + name, src_dir_fd=self._at.fd, dst_dir_fd=at.fd)

    def write(self, data: Buffer) -> None:
        """Write the next bytes, leaving out the holes on the way."""
        view = memoryview(data).cast("B")
        while len(view):
            if not self._left:
                self._offset, self._left = next(self._extents, (self._offset, len(view)))
            part = view[: self._left]
            self.write_at(part, self._offset)
            self._offset += len(part)
            self._left -= len(part)
            view = view[len(part) :]

    def write_at(self, data: Buffer, offset: int) -> None:
        """Write bytes at an offset into the file; from any thread."""
        try:
            _write_at(self._fd, data, offset)
        except OSError as error:
            raise stopped(self._entry.path, error) from error


def _write(fd: int, data: Buffer) -> None:
    view = memoryview(data).cast("B")
    done = os.write(fd, view) if len(view) else 0
    while done < len(view):
        done += os.write(fd, view[done:])


if hasattr(os, "pwrite"):

    def _write_at(fd: int, data: Buffer, offset: int) -> None:
        view = memoryview(data).cast("B")
        while len(view):
            done = os.pwrite(fd, view, offset)
            view, offset = view[done:], offset + done

else:  # Windows writes at the file's own position

    def _write_at(fd: int, data: Buffer, offset: int) -> None:
        os.lseek(fd, offset, os.SEEK_SET)
        _write(fd, data)


def _unlink(at: Folder, name: bytes, made: os.stat_result | None) -> None:
    """Take a file away again that was not finished, unless another has its name; why it was not is what counts."""
    with suppress(OSError):
        if made is not None and not os.path.samestat(
            made, os.stat(at.where + name, dir_fd=at.fd, follow_symlinks=False)
        ):
            return
        os.unlink(at.where + name, dir_fd=at.fd)


def _special(entry: Entry, where: bytes, dir_fd: int | None) -> None:
    """Make a FIFO, a socket's name or a device."""
    if not _MAKES_SPECIALS:
        raise OSError(errno.ENOTSUP, "this platform cannot make it")
    device = 0
    if entry.kind.endswith("-device"):
        major, colon, minor = (entry.target or b"").partition(b":")
        if not (colon and major.isdigit() and minor.isdigit()):
            raise OSError(errno.EINVAL, "which device it is was not recorded")
        device = os.makedev(int(major), int(minor))
    os.mknod(where, 0o600 | _TYPES[entry.kind], device, dir_fd=dir_fd)
