"""What became of each file while a command ran, from one event after the other.

An event speaks of a path; what matters is what was at the path at that moment.  A file that the command made itself and
then read is a product, and no input.  What was moved here from elsewhere is still what it was there: read here, it is
the other one that was used.  A file that was made and is gone again says nothing, and is left out::

    sed -i s/a/b/ notes     reads notes, makes sedXy12, renames it onto notes:  notes was read, and was written
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from .noise import clutter, noise
from .seen import Seen, Status
from .states import differs, look, status_of, under

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .states import Look

__all__ = ["Ledger"]


@dataclass(slots=True)
class _Path:
    """What is known of one path: whether what lies there now was there before, was made, or is gone."""

    content: Literal["original", "made", "gone"] = "original"
    origin: str | None = None  # of what was made by moving it here: where it lay before
    existed: bool = False  # seen to be there before the command touched it
    read: bool = False
    changing: bool = False  # opened to be written, with what it held kept
    kept: bool = False  # and without being read
    executed: bool = False
    before: os.stat_result | None = None
    by: dict[str, None] = field(default_factory=dict[str, None])


class Ledger:
    """The events of one command, and in the end what was seen of each file.

    ``before``: what lay below the watched folders when it began; ``began_ns``: when that was, of the machine's clock.
    """

    def __init__(self, before: Look, *, began_ns: int) -> None:
        self._before = before
        self._began_ns = began_ns
        self._paths: dict[str, _Path] = {}
        self._folders: set[str] = set()

    def opened(self, path: str, flags: frozenset[str], by: str, *, script: bool = False) -> None:
        """A file was opened with these flags; ``script``: by the interpreter that was told to run it."""
        known = self._known(path, by)
        if known is None:
            return
        if "O_RDWR" not in flags and "O_WRONLY" not in flags:
            self._read(path, known)
            known.executed |= script
        elif "O_TRUNC" in flags or ("O_CREAT" in flags and ("O_EXCL" in flags or self._missing(path, known))):
            self._made(known)
        elif known.content != "original":
            known.changing = True
        else:
            known.changing = known.kept = True
            if "O_CREAT" not in flags:
                known.existed = True
            self._look_again(path, known)
            if "O_RDWR" in flags and (known.existed or known.before or path in self._before.files):
                self._read(path, known)

    def truncated(self, path: str, size: int, by: str) -> None:
        """A file was cut, or lengthened, to ``size``."""
        known = self._known(path, by)
        if known is None:
            return
        known.existed |= known.content == "original"
        if size:
            known.changing = known.kept = True
        else:
            self._made(known)

    def executed(self, path: str, by: str) -> None:
        """A file was run as a program."""
        known = self._known(path, by, program=True)
        if known is not None:
            known.executed = True
            known.existed |= known.content == "original"

    def removed(self, path: str, by: str) -> None:
        """A name was removed."""
        known = self._known(path, by)
        if known is not None:
            known.existed |= known.content == "original"
            known.content, known.origin = "gone", None

    def made(self, path: str, by: str) -> None:
        """Something was made that is no regular file: a symbolic link, a pipe."""
        known = self._known(path, by)
        if known is not None:
            self._made(known)

    def linked(self, old: str, new: str, by: str) -> None:
        """A file got another name; ``old`` is empty where it had none."""
        source, target = self._known(old, by) if old else None, self._known(new, by)
        if source is not None:
            source.existed |= source.content == "original"
            self._read(old, source)
        if target is not None:
            self._made(target)

    def renamed(self, old: str, new: str, by: str, *, exchanged: bool = False) -> None:
        """A file or folder got another name, in place of what had it."""
        if exchanged:
            between = f"{new}\0"
            for one, other in ((new, between), (old, new), (between, old)):
                self.renamed(one, other, by)
            self._paths.pop(between, None)
            return
        if old == new:
            return
        is_folder = os.path.isdir(new) and not os.path.islink(new)
        below = list(self._below(old, new, is_folder=is_folder))
        for tail in below:
            self._moved(old + tail, new + tail, by)
        if not below and not is_folder:
            self._moved(old, new, by)

    def _moved(self, old: str, new: str, by: str) -> None:
        source, target = self._known(old, by, always=True), self._known(new, by, always=True)
        assert source is not None
        assert target is not None
        origin = source.origin if source.content == "made" else old
        source.existed |= source.content == "original"
        target.existed |= target.content == "original" and self._before.status(new) is not None
        target.content, target.origin, target.changing = "made", origin, source.changing
        source.content, source.origin = "gone", None

    def _below(self, old: str, new: str, *, is_folder: bool) -> Iterator[str]:
        """What is below a folder that was renamed, as the ends of paths; nothing, for a file."""
        head = old + os.sep
        if old not in self._folders and not is_folder:
            return
        tails = {path[len(head) :] for path in self._paths if path.startswith(head)}
        tails |= {path[len(head) :] for path in self._before.files if path.startswith(head)}
        if is_folder and not (self._before.complete and under(old, self._before.roots)):
            # Renaming a folder leaves the times of what is in it; what has come since is newer than the command.
            there = look((new,)).files.items()
            tails |= {path[len(new) + 1 :] for path, status in there if status.st_ctime_ns < self._began_ns}
        for tail in sorted(tails):
            known = self._paths.get(head + tail)
            if known is None or known.content != "gone":
                yield os.sep + tail

    def _known(self, path: str, by: str, *, program: bool = False, always: bool = False) -> _Path | None:
        """What is known of a path, from now on if not before; ``None`` for what nobody asks about."""
        known = self._paths.get(path)
        if known is None:
            if not always and not program and (clutter(path) if self._is_inside(path) else noise(path)):
                return None
            known = self._paths[path] = _Path()
            folder = os.path.dirname(path)
            while folder not in self._folders:
                self._folders.add(folder)
                folder = os.path.dirname(folder)
        known.by[by] = None
        return known

    def _read(self, path: str, known: _Path) -> None:
        if known.content == "original":
            known.read = known.existed = True
            self._look_again(path, known)
        elif known.content == "made" and known.origin is not None:
            origin = self._paths[known.origin]
            origin.read = True
            origin.by.update(known.by)

    def _look_again(self, path: str, known: _Path) -> None:
        if known.before is None and path not in self._before.files:
            status = status_of(path)
            # The event is a moment old.  Nobody can set the time of a status change, so a file whose last one was
            # before the command began is as it was then.
            if status is not None and status.st_ctime_ns < self._began_ns:
                known.before = status

    def _missing(self, path: str, known: _Path) -> bool:
        return known.content == "gone" or (known.content == "original" and self._before.lacked(path))

    def _made(self, known: _Path) -> None:
        known.content, known.origin, known.changing = "made", None, False

    def seen(self) -> tuple[tuple[Seen, ...], tuple[Seen, ...]]:
        """What was seen below the watched folders, and what elsewhere, each sorted by path."""
        found: dict[str, Seen] = {}
        for path, known in self._paths.items():
            if known.executed or not (clutter(path) if self._is_inside(path) else noise(path)):
                judged = self._judged(path, known)
                if judged is not None:
                    found[path] = judged
        found |= self._by_other_names(found)
        paths = sorted(found)
        return (
            tuple(found[path] for path in paths if self._is_inside(path)),
            tuple(found[path] for path in paths if not self._is_inside(path)),
        )

    def _is_inside(self, path: str) -> bool:
        return under(path, self._before.roots)

    def _by_other_names(self, found: dict[str, Seen]) -> dict[str, Seen]:
        """The files that were written by another of their names."""
        written = {
            (seen.after.device, seen.after.inode): seen for seen in found.values() if seen.written and seen.after
        }
        more: dict[str, Seen] = {}
        for path, then in self._before.files.items():
            # A file with one name, then, has others now only if they were made, and then it was looked at for that.
            if (then.st_nlink == 1 and path not in self._paths) or (path in found and found[path].written):
                continue
            now = status_of(path)
            other = None if now is None else written.get((now.st_dev, now.st_ino))
            if now is not None and other is not None and differs(then, now):
                known = found.get(path, Seen(path, read=False, written=True, before=Status.of(then)))
                more[path] = replace(known, written=True, after=Status.of(now), by=known.by or other.by)
        return more

    def _judged(self, path: str, known: _Path) -> Seen | None:
        then, now = self._before.files.get(path, known.before), status_of(path)
        # Was it a file that is gone?  Not one that was made here, nor a pipe, a folder or a link.
        doubtful = not known.existed or self._before.lacked(path) or os.path.lexists(path)
        if now is None and then is None and doubtful:
            return None
        written = now is not None and self._was_written(path, known, then, now)
        # What was added to what was there holds that, too.
        kept = known.kept and written and known.content == "original" and then is not None and then.st_size > 0
        if not (known.read or kept or written or known.executed or now is None):
            return None
        moved = known.content == "made" and known.origin not in (None, path)
        return Seen(
            path,
            read=known.read or kept,
            written=written,
            removed=now is None,
            executed=known.executed,
            renamed_from=known.origin if moved and written else None,
            by=tuple(known.by),
            before=None if then is None else Status.of(then),
            after=None if now is None else Status.of(now),
        )

    def _was_written(self, path: str, known: _Path, then: os.stat_result | None, now: os.stat_result) -> bool:
        if known.content == "made" and known.origin != path:
            return True
        if known.content == "gone":  # and back, by a way that was not seen
            return then is None or differs(then, now)
        if known.content == "made":  # moved away and back
            return known.changing or (then is not None and differs(then, now))
        return known.changing and (then is None or Status.of(then) != Status.of(now))
