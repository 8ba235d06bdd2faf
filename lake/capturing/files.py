"""What was done with files, kept by path as it is heard, and told as ``Seen`` when it is over.

What is told here is *about to* happen, with the status that the file still has.  Whether a file was really written is
settled at the end, by what became of it: opening with ``r+`` writes nothing by itself, and a rename that fails moves
nothing.

There are no locks: an event can come in the midst of another one's handling (a signal, a finaliser), and in a forked
child a lock could be held for ever.  Single operations on dictionaries, lists and sets do by themselves.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from .seen import Seen, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["EXECUTE", "FRESH", "READ", "SURE", "WRITE", "Files", "differ", "files_of", "regular", "status_of"]

# What is done with a file.  FRESH: nothing of what it held is kept.  SURE: written even where its status says nothing
# of it, as through a memory map on some filesystems.
READ, WRITE, FRESH, SURE, EXECUTE = 1, 2, 4, 8, 16
# What a rename does: to the path that it gives, and to the one that it takes, as removing does, too.
_MOVED, _GONE = 32, 64

# A change so soon after another one may leave the times as they were: they move with the kernel's clock, at least a
# hundred times in a second, or in whole or every other second on FAT and some network filesystems.
_TICK_NS, _COARSE_NS, _SECOND_NS = 12_000_000, 2_100_000_000, 1_000_000_000
# What Arrow takes for no part of a folder of data, and Parquet's own files, which are.
_HIDDEN, _SHOWN = (".", "_"), ("_metadata", "_common_metadata")


class File:
    """What is known of one path so far.

    ``used``: whether what it held before was read.  ``origin``: the path that what it holds had.  ``since_ns``: when it
    was first to be written.
    """

    __slots__ = ("before", "by", "done", "origin", "since_ns", "used")

    def __init__(self, before: Status | None) -> None:
        self.before = before
        self.done = 0
        self.used = False
        self.origin: str | None = None
        self.by: list[str] = []
        self.since_ns = 0

    def add(self, by: str) -> None:
        """One more that used it."""
        if by not in self.by:
            self.by.append(by)

    def arrived(self, since_ns: int) -> bool:
        """Whether it was read, and had been changed since then when it was first met."""
        read = self.used and self.done & READ
        return bool(read) and self.before is not None and self.before.mtime_ns >= since_ns

    def holds_what_it_held(self, now: Status | None) -> bool:
        """Whether what is at the path is what was there before, by its status and by what was done."""
        if now is None or self.before is None:
            return False
        if not self.done & (FRESH | _MOVED | _GONE):
            return True
        # It was to be written over, or moved away, and that may have failed.
        return not differ(self.before, now) and not (self.done & FRESH and self._doubtful())

    def told(self, path: str) -> Seen | None:
        """The file as it was and as it is now; ``None`` where nothing came of it."""
        after = status_of(path)
        written = after is not None and self._was_written(after)
        removed = self.before is not None and after is None
        # What was added to what was there holds that, too.
        kept = written and self.before is not None and self.before.size > 0 and not self.done & (FRESH | _MOVED)
        executed = bool(self.done & EXECUTE) and (self.before is not None or after is not None)
        read = self.used or kept or executed
        if not (written or removed or read):
            return None
        origin = self.origin if written else None
        return Seen(path, read, written, removed, executed, origin, tuple(self.by), self.before, after)

    def _was_written(self, after: Status) -> bool:
        if self.done & _MOVED and (self.before is None or differ(self.before, after)):
            return True
        if not self.done & WRITE:
            return False
        if self.before is None or self._doubtful():
            return True
        # Setting permissions changes the time of change alone; whoever cuts a file to nothing changes more than those.
        return after != self.before if self.done & FRESH else differ(self.before, after)

    def _doubtful(self) -> bool:
        """Whether it may have been written although its status is as it was."""
        if self.done & SURE or self.before is None:
            return True
        # Windows has no time of change, and gives that of creation in its place.
        stamp = self.before.ctime_ns if os.name == "posix" else self.before.mtime_ns
        return self.since_ns - stamp < (_TICK_NS if stamp % _SECOND_NS else _COARSE_NS)


def differ(one: Status, other: Status) -> bool:
    """Whether they are of different files or contents: times of change alone say nothing."""
    return (one.size, one.mtime_ns, one.inode, one.device) != (other.size, other.mtime_ns, other.inode, other.device)


class Files:
    """All files of one block; paths are absolute and without links."""

    def __init__(self) -> None:
        self._files: dict[str, File] = {}
        # Folders, and beginnings of paths, that were written as one, with the files that were there.
        self._wholes: dict[tuple[str, bool], Mapping[str, Status]] = {}

    def get(self, path: str) -> File | None:
        """What is known of a path."""
        return self._files.get(path)

    def owner(self, path: str, now: Status) -> str | None:
        """The path that what lies at ``path`` had before all this; ``None`` for what was made since."""
        file = self._files.get(path)
        if file is None or file.holds_what_it_held(now):
            return path
        origin = None if file.origin is None or file.done & FRESH else self._files.get(file.origin)
        return file.origin if origin is not None and origin.before and not differ(origin.before, now) else None

    def use(self, path: str, done: int, by: str, status: Status | None, now_ns: int) -> None:
        """A file is opened; ``status`` is what it has, ``None`` where there is none."""
        file = self._file(path, status)
        if done & (READ | EXECUTE):
            self._read(file, status, by)
        if done & WRITE:
            file.since_ns = file.since_ns or now_ns
        file.done |= done
        file.add(by)

    def _read(self, file: File, status: Status | None, by: str) -> None:
        if file.holds_what_it_held(status):
            file.used = True
        elif file.origin is not None and not file.done & FRESH and (origin := self._files.get(file.origin)) is not None:
            # What was moved here is still what it was there.
            origin.used = True
            origin.add(by)

    def whole(self, path: str, before: Mapping[str, Status], *, prefix: bool) -> None:
        """What is written at ``path`` may be a folder, or all files that begin so, of which these are there."""
        self._wholes.setdefault((path, prefix), before)

    def rename(self, source: str, target: str, by: str, status: Status, replaced: Status | None, now_ns: int) -> None:
        """A file gets another path, perhaps that of a file that is ``replaced``."""
        old, new = self._file(source, status), self._file(target, replaced)
        made = bool(old.done & (WRITE | _MOVED)) or old.before is None
        origin = old.origin if old.done & _MOVED else None if old.before is None else source
        # What was made under another name first is said to be made by what made it.
        for each in old.by if made and old.by else [by]:
            new.add(each)
        if origin == target:  # it is back
            new.done = new.done & ~(FRESH | _MOVED | _GONE) | old.done & (WRITE | SURE)
            new.origin = None
        else:
            new.done = new.done & ~(FRESH | _GONE) | _MOVED | old.done & (WRITE | SURE | FRESH)
            new.origin = None if old.done & FRESH else origin
        new.since_ns = new.since_ns or old.since_ns or now_ns
        if old.before is not None:
            old.add(by)
        old.done = old.done & ~_MOVED | _GONE
        old.origin = None

    def remove(self, path: str, by: str, status: Status) -> None:
        """A file is removed."""
        file = self._file(path, status)
        file.add(by)
        file.done |= _GONE

    def seen(self) -> tuple[Seen, ...]:
        """Every file by path."""
        files = self._expanded()
        return tuple(seen for path in sorted(files) if (seen := files[path].told(path)) is not None)

    def arrived(self, since_ns: int) -> tuple[str, ...]:
        """The paths of files that were used, and that had been changed since then when they were first met."""
        files = sorted(self._files.copy().items())
        return tuple(path for path, file in files if file.arrived(since_ns))

    def _file(self, path: str, status: Status | None) -> File:
        known = self._files.get(path)
        if known is not None:
            return known
        # A file in what is written as a whole may be met first when it is read again.
        for (whole, prefix), before in list(self._wholes.items()):
            if path.startswith(whole if prefix else f"{whole}{os.sep}"):
                status = before.get(path)
        return self._files.setdefault(path, File(status))

    def _expanded(self) -> dict[str, File]:
        """Every file; of what was written as a whole, the files that are there now or were before."""
        files = dict(self._files)
        for (path, prefix), before in list(self._wholes.items()):
            whole = files.get(path)
            if whole is None or not (prefix or os.path.isdir(path)):
                continue
            for member in {*before, *files_of(path, prefix=prefix, hidden=True)}:
                file = files.get(member) or files.setdefault(member, File(before.get(member)))
                file.done |= whole.done
                file.since_ns = file.since_ns or whole.since_ns
                for each in whole.by:
                    file.add(each)
        return files


def status_of(path: str) -> Status | None:
    """The status of a regular file, or ``None`` where there is none."""
    try:
        return regular(os.stat(path))
    except (OSError, ValueError):  # nothing there, or nothing that could be a path: what comes next fails by itself
        return None


def regular(status: os.stat_result | None) -> Status | None:
    """The same of a status that is known."""
    return Status.of(status) if status is not None and stat.S_ISREG(status.st_mode) else None


def files_of(path: str, *, prefix: bool = False, hidden: bool = False) -> Iterator[str]:
    """The files in a folder and all below, in order, or those whose paths begin with ``path``; what is there of them.

    As Arrow has it, what begins with a dot or an underscore is no data but for Parquet's own; with ``hidden`` it is.
    """
    if prefix:
        folder, start = os.path.split(path)
        names = os.listdir(folder) if os.path.isdir(folder) else []
        yield from (os.path.join(folder, name) for name in sorted(names) if name.startswith(start))
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if hidden or not name.startswith(_HIDDEN))
        for name in sorted(names):
            if hidden or not name.startswith(_HIDDEN) or name in _SHOWN:
                yield os.path.join(folder, name)
