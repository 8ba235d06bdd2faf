"""From what is heard to what is kept: paths resolved, statuses taken before anything happens, folders gone through."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from glob import glob
from itertools import islice
from typing import TYPE_CHECKING

from .children import Spool
from .files import FRESH, WRITE, Files, differ, files_of, regular, status_of
from .seen import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .places import Places
    from .seen import Seen

__all__ = ["Recorder"]

# What libraries ask for the machine when they are imported.
_HARMLESS = ("ldconfig", "lscpu", "uname")
# Files of one folder that is read or written as a whole, and notes of one block.
_MEMBERS = 100_000
_NOTES = 100


class Recorder:
    """What one block hears, and, of its forked children, what they have heard.

    ``digests``: whether a version that was used is hashed before it is written over, where its file has at most
    ``largest`` bytes and lies under one of ``roots`` (anywhere without).  ``outer``: what records for the block around
    this one, where the version may have been used as well.
    """

    def __init__(
        self,
        places: Places,
        *,
        roots: tuple[str, ...] | None = None,
        digests: bool = False,
        largest: int = 0,
        outer: Recorder | None = None,
    ) -> None:
        self.places = places
        self._outer = outer
        self._began_ns = time.time_ns()
        self.files = Files()
        self.contents: dict[str, bytes] = {}
        self.notes: dict[str, None] = {}
        self.remote: dict[tuple[str, int, str], None] = {}
        self.seeds: list[tuple[str, str]] = []
        self.commands: list[tuple[str, ...]] = []
        self.forks = 0
        self._roots = None if roots is None else tuple(f"{root.rstrip(os.sep)}{os.sep}" for root in roots)
        self._digests = digests
        self._largest = largest
        self._known: set[tuple[str, int, str]] = set()
        self._spool: Spool | None = None

    # -- what is heard

    def use(self, path: str, done: int, by: str) -> None:
        """A file is about to be opened."""
        if (path, done, by) in self._known or self.places.left_out(path):
            return
        self.gather()
        resolved, found = self.places.resolved(path)
        if self.places.left_out(resolved):
            return
        status = regular(found)
        self._use(resolved, done, by, status)
        if status is not None and os.path.isabs(path):
            self._known.add((path, done, by))

    def use_whole(self, path: str, done: int, by: str, *, prefix: bool = False) -> None:
        """A file, a folder with all that is in it, a pattern of files, or all files that begin with a ``prefix``."""
        resolved, there = self.places.resolved(path)
        if self.places.left_out(path) or self.places.left_out(resolved):
            return
        self.gather()
        status = regular(there)
        folder = prefix or (there is not None and stat.S_ISDIR(there.st_mode))
        if done & WRITE:
            before = dict(self._members(files_of(resolved, prefix=prefix, hidden=True))) if folder else {}
            for member in before:
                self._keep(member, done)
            self.files.whole(resolved, before, prefix=prefix)
            self._use(resolved, done, by, status)
        elif folder:
            for member, found in self._members(files_of(resolved, prefix=prefix)):
                self._use(member, done, by, found)
        elif status is not None:
            self._use(resolved, done, by, status)
        elif any(character in path for character in "*?["):
            for member, found in self._members(sorted(glob(path, recursive=True))):
                self._use(self.places.resolved(member)[0], done, by, found)

    def rename(self, source: str, target: str, by: str) -> None:
        """Something is about to get another path."""
        self.gather()
        self._known.clear()
        self.places.forget()
        source, status = self.places.named(source)
        target, _ = self.places.named(target)
        if status is None or source == target:
            return
        if stat.S_ISREG(status.st_mode):
            self._rename(source, target, by, Status.of(status))
        elif stat.S_ISDIR(status.st_mode):
            for path, found in self._members(files_of(source, hidden=True)):
                self._rename(path, target + path[len(source) :], by, found)

    def remove(self, path: str, by: str) -> None:
        """Something is about to be removed."""
        self.gather()
        path, found = self.places.named(path)
        self._known.clear()
        status = regular(found)
        if status is None:
            self.places.forget()
        elif not self.places.left_out(path):
            self._keep(path, FRESH)
            self.files.remove(path, by, status)
            self._tell("remove", path, by, status)

    def elsewhere(self, url: str, done: int, by: str) -> None:
        """Something that lies elsewhere is about to be opened, by a URL that may be kept."""
        self.remote.setdefault((url, done, by))
        self._tell("elsewhere", url, done, by)

    def knows(self, url: str, done: int) -> bool:
        """Whether the same was opened already, by whatever."""
        return any((url, done) == (one, other) for one, other, _ in list(self.remote))

    def seed(self, function: str, value: str) -> None:
        """Random numbers begin anew."""
        self.seeds.append((function, value))

    def command(self, command: Iterable[str]) -> None:
        """A program is about to be started."""
        words = tuple(command)
        if words and os.path.basename(words[0]) in _HARMLESS:
            return
        self.commands.append(words)
        self._tell("command", *words)
        self.note(f"what {os.path.basename(words[0]) if words else 'a program'} read and wrote is not heard")

    def note(self, text: str) -> None:
        """Something that the caller should know; the same is said once."""
        if text not in self.notes and len(self.notes) < _NOTES:
            self.notes[text] = None
            self._tell("note", text)

    # -- children, and the end

    def fork(self) -> None:
        """The process is about to be forked; the child tells what it hears."""
        self.forks += 1
        if self._spool is None:
            self._spool = Spool()

    def in_child(self) -> None:
        """This is a child."""
        self._known.clear()
        if self._spool is not None:
            self._spool.begin()

    def gather(self) -> None:
        """Take in what children have told so far: what comes after it here may be of files that they made."""
        if self._spool is None or self._spool.telling:
            return
        for what, now_ns, values in self._spool.told():
            self._take(what, now_ns, values)

    def close(self) -> None:
        """Nothing is heard any more."""
        self.gather()
        if self._spool is not None:
            self._spool.close()

    def arrived(self) -> tuple[str, ...]:
        """The paths of files that were used, and that something unheard had changed since the block began."""
        return self.files.arrived(self._began_ns)

    def seen(self) -> tuple[Seen, ...]:
        """Every file by path."""
        return self.files.seen()

    def _take(self, what: str, now_ns: int, values: list[object]) -> None:
        match what, values:
            case "use", [str(path), int(done), str(by), status]:
                self.files.use(path, done, by, _status(status), now_ns)
            case "rename", [str(source), str(target), str(by), status, replaced]:
                if (found := _status(status)) is not None:
                    self.files.rename(source, target, by, found, _status(replaced), now_ns)
            case "remove", [str(path), str(by), status]:
                if (found := _status(status)) is not None:
                    self.files.remove(path, by, found)
            case "elsewhere", [str(url), int(done), str(by)]:
                self.remote.setdefault((url, done, by))
            case "command", words:
                self.commands.append(tuple(str(word) for word in words))
            case "content", [str(path), str(digest)]:
                self.contents.setdefault(path, bytes.fromhex(digest))
            case _:
                self.note(str(values[0]))

    def _tell(self, what: str, *values: object) -> None:
        if self._spool is not None and self._spool.telling:
            self._spool.tell(what, [_plain(value) for value in values])

    def _uses(self, path: str) -> bool:
        """Whether the version that was there before was read here, or in a block around this one."""
        file = self.files.get(path)
        return (file is not None and file.used) or (self._outer is not None and self._outer._uses(path))

    # -- one file

    def _use(self, path: str, done: int, by: str, status: Status | None) -> None:
        if status is None and not done & WRITE:
            return  # there is nothing to read, or no regular file
        if done & WRITE:
            self._keep(path, done)
        self.files.use(path, done, by, status, time.time_ns())
        self._tell("use", path, done, by, status)

    def _rename(self, source: str, target: str, by: str, status: Status) -> None:
        if self.places.left_out(source) or self.places.left_out(target):
            return
        self._keep(target, FRESH)
        replaced = status_of(target)
        self.files.rename(source, target, by, status, replaced, time.time_ns())
        self._tell("rename", source, target, by, status, replaced)

    def _members(self, paths: Iterable[str]) -> Iterator[tuple[str, Status]]:
        found = ((path, status) for path in paths if (status := status_of(path)) is not None)
        yield from islice(found, _MEMBERS)
        if next(found, None) is not None:
            self.note(f"of a folder or a pattern with more than {_MEMBERS:,} files only these are recorded")

    def _keep(self, path: str, done: int) -> None:
        """The digest of a version that was used, or is about to be in part, before it is written over."""
        status = status_of(path) if self._digests else None
        if status is None or status.size > self._largest:
            return
        owner = self.files.owner(path, status)
        if owner is None or owner in self.contents or (done & FRESH and not self._uses(owner)):
            return
        if self._roots is not None and not owner.startswith(self._roots):
            return
        file = self.files.get(owner)
        if file is not None and file.before is not None and differ(file.before, status):
            if not file.done & WRITE:
                self.note("a file was changed by something else between reading it and writing over it")
            return
        with open(path, "rb") as content:
            digest = hashlib.file_digest(content, "sha256").digest()
        self.contents[owner] = digest
        self._tell("content", owner, digest.hex())


def _plain(value: object) -> object:
    if isinstance(value, Status):
        return [value.size, value.mtime_ns, value.ctime_ns, value.inode, value.device]
    return value


def _status(value: object) -> Status | None:
    if not isinstance(value, list):
        return None
    size, mtime_ns, ctime_ns, inode, device = (int(number) for number in value)
    return Status(size, mtime_ns, ctime_ns, inode, device)
