"""Which entries a restore's target cannot hold as they are, found before anything is written, all of them.

The rows are gone through in the order of their keys, a batch at a time.  Of names that could be the same only a hash of
each path is held, eight bytes; the few whose hashes agree are looked at in a second pass.

What then becomes of an entry whose name cannot be, or is another's::

              name cannot be              name is taken for another entry's that comes first
    skip      not made, nor what          not made; of a folder, what lies in it goes to the other, which is a folder
              lies in it                  too, or is not made
    escape    made under another name     made under another name
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import TargetUnfit, column, numbers, plain, scalar, whole

from ..tree.naming import escaped, same, unfit
from ..tree.paths import columns, key, raw, shown
from ..tree.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ..tree.naming import Rules

    # Goes through the rows that are to be restored, with at least these columns.
    Rows = Callable[[Sequence[str]], Iterable[pa.Table]]
    Hashes = np.ndarray[Any, np.dtype[np.int64]]

__all__ = ["Fit", "Unfit", "fit"]

Unfit = Literal["refuse", "skip", "escape"]

_COLUMNS = ("path", "path_bytes", "kind", "mode")
_LINKS = column(["symlink"], pa.string())
_SPECIALS = column(["fifo", "socket", "character-device", "block-device"], pa.string())
_WITHOUT_MODE = column(["symlink", "hardlink"], pa.string())
_SHOWN = 5  # problems that an error's message tells; it carries all of them


@dataclass(frozen=True)
class Fit:
    """How entries come to lie in a target.

    ``problems``: what is not as it was.  ``lost``: entries that are not made, nor what lies in them.  ``merged``:
    folders that are another's.  ``renamed``: other names, by path.  ``hardlinks``: whether there are any.
    """

    problems: tuple[Problem, ...] = ()
    lost: frozenset[bytes] = frozenset()
    merged: frozenset[bytes] = frozenset()
    renamed: Mapping[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    hardlinks: bool = True

    def is_made(self, path: bytes) -> bool:
        """Whether there is going to be an entry for this one."""
        if path in self.merged or path in self.lost:
            return False
        return not self.lost or self.lost.isdisjoint(_above(path))

    def made(self, rows: pa.Table) -> pa.Table:
        """Those of the rows for which there is going to be an entry."""
        if not self.lost and not self.merged:
            return rows
        return rows.filter(numbers(np.array([self.is_made(path) for path in raw(rows).to_pylist()], bool)))

    def named(self, rows: pa.Table) -> pa.Table:
        """The rows with the paths, and the targets of hard links, that they get."""
        if not self.renamed:
            return rows
        given = [_renamed(path, self.renamed).decode("utf-8", "surrogateescape") for path in raw(rows).to_pylist()]
        targets = rows["target"].to_pylist()
        for row in np.flatnonzero(plain(pc.equal(rows["kind"], scalar("hardlink")))).tolist():
            targets[row] = _renamed(targets[row], self.renamed)
        changed = dict(zip(("path", "path_bytes"), columns(given), strict=True), target=column(targets, pa.binary()))
        for name, values in changed.items():
            rows = rows.set_column(rows.column_names.index(name), name, values)
        return rows


def fit(rows: Rows, rules: Rules, target: str, *, choice: Unfit, owners: bool, only_look: bool = False) -> Fit:
    """Find how ``rows`` fit a target with these rules; ``owners``: whether they are to get their owners.

    Raises ``TargetUnfit`` for the choice ``refuse`` when some do not, unless this is ``only_look``.
    """
    search = _Search(rules, choice, owners=owners)
    for batch in rows(search.columns):
        search.add(batch)
    twice = search.twice()
    if len(twice):
        search.tell_apart(rows, twice)
    found = search.fit()
    wrong = [problem for problem in found.problems if problem.problem == "unfit"]
    if wrong and not only_look:
        raise _refused(wrong, target)
    return found


def _refused(problems: Sequence[Problem], target: str) -> TargetUnfit:
    told = "; ".join(f"{shown(one.path)!r}: {one.message}" for one in problems[:_SHOWN])
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    return TargetUnfit(
        f"{target!r} cannot hold {len(problems)} entries as they are, and nothing was written: {told}{more}; restore to"
        " another file system, or with unfit='escape' under other names, or with unfit='skip' without them",
        path=target,
        problems=tuple(problems),
    )


class _Search:
    """Looking for what does not fit."""

    def __init__(self, rules: Rules, choice: Unfit, *, owners: bool) -> None:
        self._rules, self._choice = rules, choice
        self._owners = owners and not rules.owners
        self.columns = _COLUMNS if rules.xattrs else (*_COLUMNS, "xattrs")
        self._folds = rules.folds is not None or rules.normalises
        self._hashes: list[Hashes] = []
        self._problems: list[Problem] = []
        self._lost: set[bytes] = set()
        self._merged: set[bytes] = set()
        self._renamed: dict[bytes, bytes] = {}
        self._strange = self._modes = self._attributes = self._links = 0

    def add(self, rows: pa.Table) -> None:
        """Look at some rows."""
        paths, kinds = raw(rows), rows["kind"]
        self._count(rows)
        for row, path in self._suspects(paths):
            reason = unfit(path.rpartition(b"/")[2], self._rules)
            if reason:
                self._say(path, reason, folder=kinds[row].as_py() == "directory")
        if not self._rules.symlinks:
            self._leave_out(paths, kinds, _LINKS, "unfit", "no links can be made here, or not by this user")
        if not self._rules.specials:
            self._leave_out(paths, kinds, _SPECIALS, "special", "no pipes, sockets and devices can be made here")
        if self._folds:
            self._hashes.append(_hashes(paths.to_pylist(), self._rules))

    def twice(self) -> Hashes:
        """The hashes that more than one path has."""
        every = np.sort(np.concatenate(self._hashes)) if self._hashes else np.empty(0, np.int64)
        self._hashes = []
        return np.unique(every[1:][every[1:] == every[:-1]])

    def tell_apart(self, rows: Rows, twice: Hashes) -> None:
        """Find which of the paths with these hashes are taken for the same."""
        first: dict[bytes, tuple[bytes, str]] = {}
        for batch in rows(_COLUMNS):
            paths = raw(batch).to_pylist()
            for row in np.flatnonzero(np.isin(_hashes(paths, self._rules), twice)).tolist():
                path, kind = paths[row], batch["kind"][row].as_py()
                if path in self._lost or not self._lost.isdisjoint(_above(path)):
                    continue
                place = same(_renamed(path, self._renamed), self._rules)
                other, its_kind = first.setdefault(place, (path, kind))
                if other != path:
                    self._say(
                        path,
                        f"the name is taken for that of {shown(other)!r} here",
                        folder=kind == "directory",
                        merges=kind == its_kind == "directory",
                    )

    def fit(self) -> Fit:
        """What was found."""
        counts = {
            "owners": self._strange,
            "modes": self._modes,
            "extended attributes": self._attributes,
            "hard links": self._links,  # each becomes a file of its own
        }
        wide = [
            Problem(b"", "attributes", f"the {what} of {count} entries cannot be kept here")
            for what, count in counts.items()
            if count
        ]
        named = sorted(self._problems, key=lambda problem: key(problem.path))
        return Fit(
            (*wide, *named), frozenset(self._lost), frozenset(self._merged), self._renamed, self._rules.hardlinks
        )

    def _count(self, rows: pa.Table) -> None:
        """Count what is told once for all entries."""
        if self._owners:
            self._strange += rows.num_rows
        if self._rules.modes is not None:
            modes = rows["mode"].filter(pc.invert(pc.is_in(rows["kind"], value_set=_WITHOUT_MODE)))
            usual = column(sorted(self._rules.modes), modes.type)
            self._modes += pc.sum(pc.invert(pc.is_in(modes, value_set=usual))).as_py() or 0
        if not self._rules.hardlinks:
            self._links += pc.sum(pc.equal(rows["kind"], scalar("hardlink"))).as_py() or 0
        if not self._rules.xattrs:
            self._attributes += rows.num_rows - rows["xattrs"].null_count

    def _suspects(self, paths: pa.Array) -> Iterable[tuple[int, bytes]]:
        """The rows whose names have to be looked at, and their paths."""
        rules = self._rules
        if rules.characters or rules.ends or rules.devices or rules.unicode or rules.longest_bytes is None:
            return enumerate(paths.to_pylist())
        long = np.flatnonzero(plain(pc.greater(pc.binary_length(paths), scalar(rules.longest_bytes, pa.int32()))))
        return zip(long.tolist(), paths.take(numbers(long)).to_pylist(), strict=True)

    def _say(self, path: bytes, reason: str, *, folder: bool, merges: bool = False) -> None:
        """Settle what becomes of an entry with this name; ``merges``: what lies in it goes to another folder."""
        if self._choice == "escape":
            self._renamed[path] = escaped(path.rpartition(b"/")[2], self._rules)
            self._problems.append(Problem(path, "renamed", f"it becomes {shown(self._renamed[path])!r}: {reason}"))
            return
        (self._merged if merges else self._lost).add(path)
        if folder and not merges:
            reason += "; what lies in it is not restored either"
        self._problems.append(Problem(path, "unfit" if self._choice == "refuse" else "skipped", reason))

    def _leave_out(self, paths: pa.Array, kinds: pa.ChunkedArray, which: pa.Array, problem: str, reason: str) -> None:
        """Settle that entries of some kinds are not made, whatever their names."""
        if problem == "unfit" and self._choice != "refuse":
            problem = "skipped"
        for path in paths.filter(whole(pc.is_in(kinds, value_set=which))).to_pylist():
            self._lost.add(path)
            self._problems.append(Problem(path, problem, reason))


def _hashes(paths: Sequence[bytes], rules: Rules) -> Hashes:
    """A number for each path that is the same for those that are taken for the same."""
    return np.fromiter((hash(same(path, rules)) for path in paths), np.int64, len(paths))


def _above(path: bytes) -> Iterator[bytes]:
    """The folders that a path lies in, from the nearest to the topmost."""
    while b"/" in path:
        path = path.rpartition(b"/")[0]
        yield path


def _renamed(path: bytes, names: Mapping[bytes, bytes]) -> bytes:
    """A path with the other names that it, or a folder above it, gets."""
    if not names:
        return path
    every = path.split(b"/")
    return b"/".join(names.get(b"/".join(every[: at + 1]), name) for at, name in enumerate(every))
