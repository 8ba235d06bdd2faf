"""Looking at files on their way into an archive: those that are new or changed, as they lie in the source.

What was found in files that have stayed as they are is taken over from the reports on the snapshot before, so that each
report speaks of all of its snapshot.  They are looked at again where those say less than was asked for now: where
nobody has looked, less of them was looked at, by other checks or versions of them, or with other thresholds; where they
were not held to what is declared for them now, or where a table changed that they refer to.  What other checks found in
them before is not forgotten.

A backup that was not asked to look holds files to what is declared for them, and does nothing else.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import repeated, scalar
from holotype.validators import Check, Code, Examination, Report, Severity, SubjectNotFound, merge_reports, named

from ..tree.paths import Patterns, literal, raw, shown
from .asked import Validation
from .before import said_before
from .holding import HELD, below, held_to
from .keeping import Kept

if TYPE_CHECKING:
    from collections.abc import Iterator

    from holotype.catalog import State
    from holotype.validators import Found, Subject

    from ..context import Context
    from ..manifest import Manifest
    from .holding import DeclaredCheck

__all__ = ["Inspection"]

_COLUMNS = ["path", "path_bytes", "kind", "size", "mtime_ns"]
_CHANGED = Code("file.changed", Severity.WARNING, "A file stays as it is from being kept to being looked at.")


class _Steady(Check):
    """Whether a file is still what was kept of it."""

    name: ClassVar[str] = "archive.steady"
    codes: ClassVar[tuple[Code, ...]] = (_CHANGED,)

    def __init__(self, kept: dict[str, tuple[int, int]]) -> None:
        self._kept = kept

    def made_with(self) -> str:
        """Nothing that makes it another check: what was kept of it is each file's own."""
        return ""

    def look(self, subject: Subject, found: Found) -> None:
        kept = self._kept.pop(subject.name, None)
        if kept is None or subject.path is None:
            return
        status = subject.path.stat()
        if (status.st_size, status.st_mtime_ns) != kept:
            found.add(_CHANGED, "it was changed after it was kept, and what is said here is not of what was kept")


@dataclass(frozen=True)
class _Said:
    """What a report says of files that were held to something.

    ``held``: what they are held to now.  ``said``: path, check and version.  ``outdated``: paths of those that were
    held to what does not hold any more.  ``moved``: the checks that refer to tables which have changed.
    """

    held: tuple[DeclaredCheck, ...]
    said: frozenset[tuple[str, str, str]]
    outdated: frozenset[str]
    moved: frozenset[str]

    @property
    def counts(self) -> bool:
        """Whether there is a file that it may say too little of."""
        return bool(self.held or self.outdated)

    def lacks(self, name: str) -> bool:
        """Whether it does not say of a file all that should be said now."""
        return any(
            check.name in self.moved or (name, check.name, check.version) not in self.said
            for check in self.held
            if check.declared.fits(name)
        )


class Inspection:
    """One backup's files, looked at as they come.  It belongs to one thread.

    ``asked``: what the caller asked for, if anything.  Raises ``CheckRefused``, or ``FormatTooNew`` for a schema that a
    later version of this library declared.
    """

    def __init__(self, context: Context, asked: Validation | None, source: str, dataset: str, *, state: State) -> None:
        self._context, self._state, self._dataset, self._source = context, state, dataset, source
        self._asked = asked or Validation()
        self._kept: dict[str, tuple[int, int]] = {}
        self._held = held_to(context, dataset, None, self._asked.schemas, self._find, state=state)
        self._declared = Patterns.of([check.declared.files for check in self._held])
        tables = (literal(path) for check in self._held for path in check.declared.tables.values())
        self._related = Patterns.of([*self._declared.patterns, *tables])
        also = (*self._held, _Steady(self._kept))
        self._usual = self._asked.begin(also) if asked is not None else None
        self._only = Examination(checks=also, cost=self._asked.cost, limits=self._asked.limits)
        self._patterns = Patterns.of(self._asked.patterns)
        self._put: dict[str, str] = {}  # paths as they are shown, and where they lie
        self._removed: set[str] = set()  # paths of what was said before of which nothing is to be taken over
        self._again: set[str] = set()  # those of files that stayed as they are and were looked at again

    @property
    def idle(self) -> bool:
        """Whether there is nothing to look for."""
        return self._usual is None and not self._held

    def look(self, put: pa.Table, removed: pa.Table) -> None:
        """Look at the files among some rows of a manifest, and take note of others that go."""
        for rows in (put, removed):
            if self._usual is None:  # the rest is nobody's concern, and may be a million files
                rows = rows.filter(self._related.mask(rows))
            self._removed.update(map(shown, raw(rows).to_pylist()))
        self._look_at(put.filter(pc.equal(put["kind"], scalar("file"))))

    def _look_at(self, files: pa.Table) -> None:
        if self._usual is None or self._patterns:
            files = files.filter(pc.or_(self._wanted(files), self._declared.mask(files)))
        paths, rows = raw(files).to_pylist(), files.select(["size", "mtime_ns"]).to_pylist()
        for path, row, wanted in zip(paths, rows, self._wanted(files).to_pylist(), strict=True):
            examination = self._usual if self._usual is not None and wanted else self._only
            name, place = shown(path), self._place(path)
            if not os.path.lexists(place):  # gone since; what was kept of it is all there is
                continue
            self._put[name] = place
            self._kept[name] = (row["size"], row["mtime_ns"])
            examination.look(examination.subject(place, name=name))

    def _wanted(self, files: pa.Table) -> pa.Array:
        """Which rows the caller asked to look at."""
        if self._usual is not None and self._patterns:
            return self._patterns.mask(files)
        return repeated(self._usual is not None, files.num_rows)

    def _place(self, path: bytes) -> str:
        if not os.path.isdir(self._source):
            return self._source
        return os.path.join(self._source, os.fsdecode(path.replace(b"/", os.fsencode(os.sep))))

    def _find(self, path: str) -> str:
        """Where a table lies that another refers to."""
        if os.path.isdir(self._source):
            return below(self._source, path)
        if path != os.path.basename(self._source):
            raise SubjectNotFound(f"there is no {path} in what is backed up", path=path)
        return self._source

    def finish(self, previous: Manifest | None, parent: str | None) -> Kept:
        """Look at what belongs together, and say what was found in all of the snapshot that is to be made.

        ``previous``: what was kept before, by the snapshot ``parent`` (a digest) or, without one, by a backup that was
        interrupted.
        """
        before = said_before(self._context, parent, state=self._state) if parent is not None else None
        said = self._said(before) if parent is not None else None
        if previous is not None and (self._usual is not None or said is None or said.counts):
            known = self._usual.settled(before) if self._usual is not None and before is not None else None
            patterns = self._declared.patterns if self._usual is None else ()
            for rows in previous.rows(columns=_COLUMNS, patterns=patterns):
                self._look_again(rows.filter(pc.equal(rows["kind"], scalar("file"))), said, known)
        reports = [self._only.report()]
        unchanged = self._unchanged(before) if before is not None else None
        if self._usual is not None:
            subjects = [self._usual.subject(place, name=name) for name, place in self._together(previous)]
            self._usual.look_together(subjects, name=self._dataset)
            self._usual.hold(self._dataset, known=unchanged)
            reports.insert(0, self._usual.report())
        report, asked = Report.together(reports), self._asked
        if unchanged is not None:
            report = merge_reports([unchanged, report])
        return Kept.of(
            self._context,
            report,
            dataset=self._dataset,
            occasion="backup",
            cost=asked.cost,
            action=asked.policy.decide(report),
        )

    def _look_again(self, files: pa.Table, said: _Said | None, known: pa.Array | None) -> None:
        """Look at those of the files that stayed as they are of which not all is said that should be.

        ``known``: those of which all is said that the caller wants to know, if any.
        """
        names = [shown(path) for path in raw(files).to_pylist()]
        fits = self._declared.mask(files).to_pylist()
        wanted = self._wanted(files)
        if known is not None:
            wanted = pc.and_not(wanted, pc.is_in(pa.array(names, pa.string()), value_set=known))
        again = [
            name not in self._removed and (said is None or name in said.outdated or (fit and said.lacks(name)) or want)
            for name, fit, want in zip(names, fits, wanted.to_pylist(), strict=True)
        ]
        self._again.update(name for name, want in zip(names, again, strict=True) if want)
        self._look_at(files.filter(pa.array(again, pa.bool_())))

    def _said(self, before: Report | None) -> _Said:
        """What the last report says of files that were held to something."""
        checks = {check.name: check for check in self._held}
        rows = before.checked.select(["path", "check", "version"]).to_pylist() if before is not None else []
        said = {(row["path"], row["check"], row["version"]) for row in rows if row["check"].startswith(HELD)}
        current = {(check.name, check.version) for check in self._held}
        return _Said(
            tuple(self._held),
            frozenset(said),
            frozenset(path for path, *check in said if tuple(check) not in current),
            frozenset(name for name, each in checks.items() if self._removed & set(each.declared.tables.values())),
        )

    def _together(self, previous: Manifest | None) -> Iterator[tuple[str, str]]:
        """The files whose names say that they are of a format, new or not."""
        yield from ((name, place) for name, place in self._put.items() if named(name) is not None)
        for rows in previous.rows(columns=_COLUMNS) if previous is not None else ():
            for path in raw(rows.filter(pc.equal(rows["kind"], scalar("file")))).to_pylist():
                name = shown(path)
                if name in self._removed or name in self._put or named(name) is None:
                    continue
                if os.path.isfile(place := self._place(path)):
                    yield name, place

    def _unchanged(self, before: Report) -> Report:
        """What was found in files that the snapshot before has as well."""
        known = pa.array([*self._removed], pa.string())
        # A group check's findings are of several files, and were looked for again.  They have the name of the dataset,
        # or of the snapshot where they were looked for in the archive.
        old, metrics, checked = (
            table.filter(pc.invert(pc.is_in(table["path"], value_set=known)))
            for table in (before.findings, before.metrics, before.checked)
        )
        group = re.escape(self._dataset) + "(@[0-9]+)?"
        old, checked = (
            rows.filter(pc.invert(pc.match_substring_regex(rows["path"], f"^(?:{group})$"))) for rows in (old, checked)
        )
        # What those were held to that are looked at again is said anew.
        again = pa.array([*self._again], pa.string())
        checked, metrics = (
            rows.filter(
                pc.invert(pc.and_(pc.is_in(rows["path"], value_set=again), pc.starts_with(rows[name], beginning)))
            )
            for rows, name, beginning in ((checked, "check", HELD), (metrics, "name", "table."))
        )
        if self._usual is None:
            held = pa.array([check.name for check in self._held], pa.string())
            old, checked = (rows.filter(pc.is_in(rows["check"], value_set=held)) for rows in (old, checked))
            metrics = metrics.filter(pc.is_in(metrics["path"], value_set=checked["path"].combine_chunks()))
            metrics = metrics.filter(pc.starts_with(metrics["name"], "table."))
        return Report.of_tables(old, metrics, checked)
