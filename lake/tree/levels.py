"""The folders a walk stands in, and how a file below a source is opened."""

from __future__ import annotations

import errno
import os
from stat import S_ISLNK
from typing import TYPE_CHECKING, NamedTuple

from holotype.catalog import long_path

from .paths import UTF8, own, portable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Level", "Looked", "Opener", "joined", "open_below"]

# Where the platform lets it, folders are handled by descriptor; elsewhere (Windows) by path.
_BY_DESCRIPTOR = os.open in os.supports_dir_fd and os.stat in os.supports_dir_fd and os.listdir in os.supports_fd
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
# O_NONBLOCK: a name may have become a FIFO since it was listed, and opening that must not wait for a writer.
_READ = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_FOLDER = _READ | getattr(os, "O_DIRECTORY", 0)

_CACHE_TAG = b"Signature: 8a477f597d28d172789f06886806bc55"  # https://bford.info/cachedir/


def open_below(root: str | bytes, path: bytes, *, through_links: bool = True) -> int:
    """Open the file at ``path`` below the folder ``root`` for reading, however long its path is; gives its descriptor.

    Never follows a link in the last component and never waits.  ``through_links=False``: follows none in the folders
    above it either, where the platform can tell.  Raises ``OSError``.
    """
    top = os.fsencode(root)
    if through_links or not _BY_DESCRIPTOR or b"/" not in path:
        try:
            return os.open(joined(top, path), _READ | _NOFOLLOW)
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG or not _BY_DESCRIPTOR:
                raise
    *folders, name = path.split(b"/")
    at = _descend(os.open(top, _FOLDER), folders)
    try:
        return os.open(name, _READ | _NOFOLLOW, dir_fd=at)
    finally:
        os.close(at)


def joined(root: bytes, path: bytes) -> bytes:
    """The path to what lies at ``path`` below the folder ``root``, with this platform's own slashes."""
    return os.path.join(long_path(root), path.replace(b"/", os.fsencode(os.sep)))


class Opener:
    """Opens one file after the other below a folder, as ``open_below`` does: fastest where neighbours follow each
    other, whose folder it keeps open.
    """

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._folder: bytes | None = None
        self._handle = -1

    def open(self, path: bytes) -> int:
        """Open the file at ``path`` below the folder.  Raises ``OSError``."""
        if not _BY_DESCRIPTOR:
            return open_below(self._root, path)
        folder, _, name = path.rpartition(b"/")
        if folder != self._folder:
            self.close()
            try:
                self._handle = os.open(self._root + folder, _FOLDER)
            except OSError as error:
                if error.errno != errno.ENAMETOOLONG:
                    raise
                return open_below(self._root, path)
            self._folder = folder
        try:
            return os.open(name, _READ | _NOFOLLOW, dir_fd=self._handle)
        except FileNotFoundError:  # another folder may stand there by now, and have it
            return open_below(self._root, path)

    def close(self) -> None:
        """Let the folder go."""
        if self._folder is not None:
            self._folder = None
            os.close(self._handle)


def _descend(at: int, folders: Iterable[bytes]) -> int:
    """From an open folder, which is closed, down through ``folders``; gives the last one's descriptor."""
    for name in folders:
        try:
            below = os.open(name, _FOLDER | _NOFOLLOW, dir_fd=at)
        finally:
            os.close(at)
        at = below
    return at


class Looked(NamedTuple):
    """Entries that were looked at: portable names, statuses, links' targets by name, whether any is no plain file."""

    names: list[str]
    statuses: list[os.stat_result]
    targets: dict[str, bytes]
    odd: bool


class Level:
    """A folder a walk stands in: its names, and how far the walk has got.

    ``path``: portable, with a slash behind; nothing for the source itself.
    """

    def __init__(self, path: str, status: os.stat_result) -> None:
        self.path = path
        self.status = status
        self.silent = False  # whether its own row waits until something in it has one
        self.names: list[str] = []  # in the order of their bytes
        self.taken = 0  # names before this were made ready
        self.ready: list[str] = []
        self.statuses: list[os.stat_result] = []
        self.folders: list[tuple[int, bool]] = []  # which of the ready are folders, and silent; the next one last
        self.links: list[tuple[int, bytes]] = []  # and which are links, with their targets; the next one last
        self.done = 0  # ready entries before this had their turn
        self._handle: int | None = None
        self._where = ""  # what goes before a name where there is no descriptor

    def open_source(self, path: str) -> None:
        """Open and list the folder at ``path``; a link to it is followed."""
        if _BY_DESCRIPTOR:
            self._handle = os.open(path, _FOLDER)
        else:
            self._where = os.path.join(long_path(path), "")
        self._list()

    def open(self, above: Level, name: str) -> None:
        """Open and list the folder ``name`` in the open folder ``above``."""
        if above._handle is not None:
            self._handle = os.open(own(name), _FOLDER | _NOFOLLOW, dir_fd=above._handle)
        else:
            self._where = os.path.join(above._where + name, "")
        self._list()

    def reopen(self, top: Level) -> None:
        """Open the folder again if it was closed because too many were open; ``top`` is the source."""
        if self._handle is None and not self._where:
            assert top._handle is not None
            self._handle = _descend(os.dup(top._handle), own(self.path[:-1]).split(b"/"))

    def close(self) -> None:
        """Give the descriptor back."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def look(self, names: list[str], lost: Callable[[str, OSError], object]) -> Looked:
        """Take the status of the named entries and the targets of links among them; tells of each that is lost."""
        stat, handle, where = os.stat, self._handle, self._where
        try:
            if handle is not None:
                statuses = [stat(name, dir_fd=handle, follow_symlinks=False) for name in names]
            else:
                statuses = [stat(where + name, follow_symlinks=False) for name in names]
            odd = [place for place, status in enumerate(statuses) if status.st_mode & 0o170000 != 0o100000]
            targets = {portable(names[at]): self._target(names[at]) for at in odd if S_ISLNK(statuses[at].st_mode)}
        except OSError:  # one of them is gone: look at each by itself
            return self._look_closely(names, lost)
        return Looked(names if UTF8 else list(map(portable, names)), statuses, targets, bool(odd))

    def is_cache(self) -> bool:
        """Whether a valid CACHEDIR.TAG says that what the folder holds can be made again."""
        if "CACHEDIR.TAG" not in self.names:
            return False
        try:
            fd = os.open(self._where + "CACHEDIR.TAG", _READ | _NOFOLLOW, dir_fd=self._handle)
            with open(fd, "rb") as tag:
                return tag.read(len(_CACHE_TAG)) == _CACHE_TAG
        except OSError:  # whatever it is, it does not say so
            return False

    def _list(self) -> None:
        try:
            self.names = os.listdir(self._where if self._handle is None else self._handle)
        except OSError:
            self.close()
            raise
        self.names.sort()
        if not "".join(self.names).isascii():
            # Where a byte could not be decoded, what stands for it sorts elsewhere than the byte does.
            self.names.sort(key=os.fsencode)

    def _look_closely(self, names: list[str], lost: Callable[[str, OSError], object]) -> Looked:
        there: list[str] = []
        statuses: list[os.stat_result] = []
        targets: dict[str, bytes] = {}
        for name in names:
            try:
                status = os.stat(self._where + name, dir_fd=self._handle, follow_symlinks=False)
                if S_ISLNK(status.st_mode):
                    targets[portable(name)] = self._target(name)
            except OSError as error:
                lost(self.path + portable(name), error)
            else:
                there.append(portable(name))
                statuses.append(status)
        return Looked(there, statuses, targets, odd=True)

    def _target(self, name: str) -> bytes:
        return os.fsencode(os.readlink(self._where + name, dir_fd=self._handle))
