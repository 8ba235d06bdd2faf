"""Walking a source: every entry's cheap facts as Arrow tables, in key order, without opening a single file.

The walk goes depth first and takes the names of each folder in byte order, which is the order of keys (see ``paths``),
so that nothing needs sorting afterwards and a scan of any size takes the memory of one batch and of the names of the
folders it stands in.  Each folder is opened relative to the one above it and never through a symbolic link; paths of
any length work, and a folder that is swapped for a link during the walk leads nowhere else.

What a file holds is read later, by path: ``open_below`` opens it, and whoever reads it compares device and inode with
the scanned row when a folder above might have been swapped meanwhile.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING

from holotype.catalog import InvalidOption, SourceNotFound, SourceProblem, long_path

from .levels import Level, open_below
from .paths import Patterns, own, portable, shown
from .problems import Problem
from .statuses import SCANNED, Links, to_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

__all__ = ["SCANNED", "ScanBatch", "open_below", "scan"]

_AT_ONCE = 4096  # entries of one folder whose status is held at a time
_OPEN_FOLDERS = 64  # folders held open at a time; the walk reopens one above these when it comes back to it
_JUNCTION = 0xA0000003  # IO_REPARSE_TAG_MOUNT_POINT: Windows shows a junction as a folder, and it may lead anywhere


@dataclass(frozen=True, slots=True)
class ScanBatch:
    """Some rows of a scan.

    ``entries``: rows of the schema ``SCANNED``, sorted by key and all after those of the batch before.  ``problems``:
    what was found on the way to them.
    """

    entries: pa.Table
    problems: tuple[Problem, ...]


def scan(
    source: str | os.PathLike[str],
    *,
    exclude: Iterable[str] = (),
    include: Iterable[str] = (),
    outside: Iterable[str | os.PathLike[str]] = (),
    one_filesystem: bool = False,
    exclude_caches: bool = False,
    batch_rows: int = 8192,
) -> Iterator[ScanBatch]:
    """Walk ``source``, a folder or a single file, and give its entries in batches of about ``batch_rows``.

    A folder's own row comes first and has the empty path; a single file's path is its name.  A link as the source is
    followed, links below are entries.  ``exclude``: patterns of what to leave out; an excluded folder is not walked.
    ``include``: when given, only what matches is kept, and the folders it lies in.  ``outside``: folders that are no
    part of the source though they lie in it, such as the archive.  ``one_filesystem``: keep the folders where other
    file systems are mounted, but not what those hold.  ``exclude_caches``: of a folder with a valid CACHEDIR.TAG keep
    it and the tag.

    ``mode`` has the permission bits only.  ``target`` is a link's target, for ``hardlink`` the path of the first name
    of the file, and ``major:minor`` for a device.  What cannot be read becomes a problem and the walk goes on.

    Raises ``SourceNotFound``, ``SourceProblem`` when the source itself cannot be read, ``InvalidOption``.
    """
    if batch_rows < 1:
        raise InvalidOption(f"batch_rows is {batch_rows}, and has to be at least 1", batch_rows=batch_rows)
    path = os.path.abspath(os.fsdecode(source))
    walk = _Walk(Patterns.of(exclude), Patterns.of(include), batch_rows)
    walk.outside = _identities(outside)
    walk.one_filesystem, walk.exclude_caches = one_filesystem, exclude_caches
    try:
        status = os.stat(long_path(path))
        if stat.S_ISREG(status.st_mode):
            return walk.single(portable(os.path.basename(path)), status)
        if not stat.S_ISDIR(status.st_mode):
            raise SourceProblem(f"{path!r} is neither a folder nor a file", path=path)
        if (status.st_dev, status.st_ino) in walk.outside:
            raise SourceProblem(f"{path!r} is the archive itself, which cannot be its own source", path=path)
        top = Level("", status)
        top.open_source(path)
    except (FileNotFoundError, NotADirectoryError):
        raise SourceNotFound(f"there is nothing at {path!r} to back up; check the path", path=path) from None
    except SourceProblem:
        raise
    except OSError as error:
        raise SourceProblem(f"{path!r} cannot be read: {error.strerror}", path=path) from error
    return walk.folder(top)


def _identities(folders: Iterable[str | os.PathLike[str]]) -> frozenset[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    for folder in folders:
        try:
            status = os.stat(folder)
        except FileNotFoundError:  # not made yet, so the walk cannot meet it
            continue
        found.add((status.st_dev, status.st_ino))
    return frozenset(found)


class _Walk:
    """One walk: its options, the folders it stands in, and the rows it has gathered for the next batch."""

    outside: frozenset[tuple[int, int]] = frozenset()
    one_filesystem = False
    exclude_caches = False

    def __init__(self, exclude: Patterns, include: Patterns, batch_rows: int) -> None:
        self.exclude, self.include = exclude, include
        self.batch_rows = batch_rows
        self.levels: list[Level] = []
        self.paths: list[str] = []
        self.statuses: list[os.stat_result] = []
        self.targets: dict[int, bytes] = {}
        self.problems: list[Problem] = []
        self.known_links = Links()

    def single(self, name: str, status: os.stat_result) -> Iterator[ScanBatch]:
        """A source that is one file."""
        self.paths.append(name)
        self.statuses.append(status)
        yield self.flush()

    def folder(self, top: Level) -> Iterator[ScanBatch]:
        """A source that is a folder."""
        self.levels.append(top)
        self.announce(top)
        try:
            while self.levels:
                level = self.levels[-1]
                child = self.step(level)
                if len(self.statuses) >= self.batch_rows:
                    yield self.flush()
                if child is not None:
                    self.enter(level, child[0], silent=child[1])
                elif level.taken >= len(level.names):
                    level.close()
                    self.levels.pop()
        finally:
            for level in self.levels:
                level.close()
        if self.statuses or self.problems:
            yield self.flush()

    def flush(self) -> ScanBatch:
        """What was gathered, as a batch."""
        entries = to_table(self.paths, self.statuses, self.targets, self.known_links)
        if entries["kind"].null_count:
            for path in entries.filter(entries["kind"].is_null())["path"].to_pylist():
                self.problems.append(Problem(path.encode(), "special", "it is of a kind that holotype does not know"))
            entries = entries.filter(entries["kind"].is_valid())
        batch = ScanBatch(entries, tuple(self.problems))
        self.paths, self.statuses, self.targets, self.problems = [], [], {}, []
        return batch

    def announce(self, level: Level) -> None:
        """Give a folder's own row."""
        self.paths.append(level.path[:-1])
        self.statuses.append(level.status)
        level.silent = False

    def lost(self, path: str, error: OSError) -> None:
        """Record that an entry is not there any more, or cannot be read."""
        gone = error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL, errno.ESTALE)
        self.problems.append(Problem.of(own(path), "vanished" if gone else "unreadable", error))

    def step(self, level: Level) -> tuple[int, bool] | None:
        """Give the rows up to and with the next folder, and its place among the ready, or ``None`` after the last."""
        if level.done >= len(level.ready):
            self.prepare(level)
        begin, child = level.done, level.folders.pop() if level.folders else None
        end = level.done = len(level.ready) if child is None else child[0] + 1
        if child is not None and child[1]:
            end -= 1
        if end == begin:
            return child
        if self.include:
            for above in self.levels:
                if above.silent:
                    self.announce(above)
        shift = len(self.paths) - begin
        prefix = level.path
        self.paths += [prefix + name for name in level.ready[begin:end]]
        self.statuses += level.statuses[begin:end]
        while level.links and level.links[-1][0] < end:
            place, target = level.links.pop()
            self.targets[place + shift] = target
        return child

    def prepare(self, level: Level) -> None:
        """Make the folder's next names ready: their status, and which are folders or links."""
        names = level.names[level.taken : level.taken + _AT_ONCE]
        level.taken += len(names)
        level.done, level.ready, level.statuses, level.folders, level.links = 0, [], [], [], []
        if not names:
            return
        try:
            level.reopen(self.levels[0])
        except OSError as error:
            level.taken = len(level.names)
            self.lost(level.path[:-1], error)
            return
        names, statuses, targets, odd = level.look(names, self.lost)
        silent: set[str] = set()
        # Only folders are outside: of a folder that holds none, every entry is looked at in vain.
        if self.exclude or self.include or (self.outside and odd):
            keep = [self.keeps(level, name, status, silent) for name, status in zip(names, statuses, strict=True)]
            names, statuses = list(compress(names, keep)), list(compress(statuses, keep))
        level.ready, level.statuses = names, statuses
        if odd:
            folders = [place for place, status in enumerate(statuses) if stat.S_ISDIR(status.st_mode)]
            level.folders = [(place, names[place] in silent) for place in reversed(folders)]
        if targets:
            level.links = [(place, targets[name]) for place, name in enumerate(names) if name in targets][::-1]

    def keeps(self, level: Level, name: str, status: os.stat_result, silent: set[str]) -> bool:
        """Whether an entry is kept; a folder that is kept only for what may lie below it is added to ``silent``."""
        folder = stat.S_ISDIR(status.st_mode)
        if folder and (status.st_dev, status.st_ino) in self.outside:
            return False
        text = shown(own(level.path + name))
        if self.exclude and self.exclude.matches(text, directory=folder):
            return False
        if not self.include or self.include.matches(text, directory=folder):
            return True
        if folder and self.include.may_contain(text):
            silent.add(name)
            return True
        return False

    def enter(self, level: Level, place: int, *, silent: bool) -> None:
        """Go down into a folder, unless something keeps the walk out."""
        name, status = level.ready[place], level.statuses[place]
        path = level.path + name
        if self.one_filesystem and status.st_dev != self.levels[0].status.st_dev:
            return
        if getattr(status, "st_reparse_tag", 0) == _JUNCTION:
            self.problems.append(Problem(own(path), "loop", "it is a junction, which is not followed"))
            return
        below = Level(path + "/", status)
        below.silent = silent
        try:
            level.reopen(self.levels[0])
            below.open(level, name)
        except OSError as error:
            self.lost(path, error)
            return
        if self.exclude_caches and below.is_cache():
            below.names = ["CACHEDIR.TAG"]
        self.levels.append(below)
        if len(self.levels) > _OPEN_FOLDERS:
            # Never the source's own, from which the others are found again.
            self.levels[1 - _OPEN_FOLDERS].close()
