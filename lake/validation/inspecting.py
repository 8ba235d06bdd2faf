"""Looking at files on their way into an archive: those that are new or changed, as they lie in the source.

What was found in files that have stayed as they are is taken over from the report on the snapshot before, so that each
report speaks of all of its snapshot.
"""

from __future__ import annotations

import os
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import scalar
from holotype.validators import Check, Code, Report, Severity, named

from ..tree.paths import Patterns, raw, shown
from .keeping import Kept, stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from holotype.catalog import State
    from holotype.validators import Found, Subject

    from ..context import Context
    from ..manifest import Manifest
    from .asked import Validation

__all__ = ["Inspection"]

_COLUMNS = ["path", "path_bytes", "kind"]
_CHANGED = Code("file.changed", Severity.WARNING, "A file stays as it is from being kept to being looked at.")


class _Steady(Check):
    """Whether a file is still what was kept of it."""

    name: ClassVar[str] = "archive.steady"
    codes: ClassVar[tuple[Code, ...]] = (_CHANGED,)

    def __init__(self, kept: dict[str, tuple[int, int]]) -> None:
        self._kept = kept

    def look(self, subject: Subject, found: Found) -> None:
        kept = self._kept.pop(subject.name, None)
        if kept is None or subject.path is None:
            return
        status = subject.path.stat()
        if (status.st_size, status.st_mtime_ns) != kept:
            found.add(_CHANGED, "it was changed after it was kept, and what is said here is not of what was kept")


class Inspection:
    """One backup's files, looked at as they come.  It belongs to one thread."""

    def __init__(self, validation: Validation, source: str) -> None:
        self._kept: dict[str, tuple[int, int]] = {}
        self._asked = replace(validation, also=(*validation.also, _Steady(self._kept)))
        self._examination = self._asked.begin()
        self._patterns = Patterns.of(validation.patterns)
        self._source = source
        self._put: dict[str, str] = {}  # paths as they are shown, and where they lie
        self._removed: set[str] = set()

    def look(self, put: pa.Table, removed: pa.Table) -> None:
        """Look at the files among some rows of a manifest, and take note of others that go."""
        self._removed.update(map(shown, raw(removed).to_pylist()))
        chosen = put.filter(pc.equal(put["kind"], scalar("file")))
        self._removed.update(map(shown, raw(put).to_pylist()))
        if self._patterns:
            chosen = chosen.filter(self._patterns.mask(chosen))
        rows = chosen.select(["size", "mtime_ns"]).to_pylist()
        for path, row in zip(raw(chosen).to_pylist(), rows, strict=True):
            name, place = shown(path), self._place(path)
            if not os.path.lexists(place):  # gone since; what was kept of it is all there is
                continue
            self._put[name] = place
            self._kept[name] = (row["size"], row["mtime_ns"])
            self._examination.look(self._examination.subject(place, name=name))

    def _place(self, path: bytes) -> str:
        if not os.path.isdir(self._source):
            return self._source
        return os.path.join(self._source, os.fsdecode(path.replace(b"/", os.fsencode(os.sep))))

    def finish(self, context: Context, dataset: str, previous: Manifest | None, *, state: State) -> Kept:
        """Look at what belongs together, and say what was found in all of the snapshot that is to be made."""
        subjects = [self._examination.subject(place, name=name) for name, place in self._together(previous)]
        self._examination.look_together(subjects, name=dataset)
        report = self._examination.report()
        if previous is not None:
            report = Report.together([report, *self._unchanged(context, previous.snapshot, state)])
        action = self._asked.policy.decide(report)
        return Kept.of(context, report, dataset=dataset, occasion="backup", cost=self._asked.cost, action=action)

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

    def _unchanged(self, context: Context, parent: str, state: State) -> Iterable[Report]:
        """What was found in files that the snapshot before has as well."""
        mine = pc.field("snapshot") == scalar(parent)
        rows = context.catalog.read("reports", filter=mine, state=state).sort_by("time").to_pylist()
        for row in rows[-1:]:
            before = stored(context, row["report"], state=state)
            known = pa.array([*self._removed], pa.string())
            # A group check's findings are of several files, and were looked for again.
            old, metrics, checked = (
                table.filter(pc.invert(pc.is_in(table["path"], value_set=known)))
                for table in (before.findings, before.metrics, before.checked)
            )
            old = old.filter(pc.not_equal(old["path"], scalar(row["dataset"])))
            checked = checked.filter(pc.not_equal(checked["path"], scalar(row["dataset"])))
            told = old["code"].value_counts().to_pylist()
            yield Report(old, metrics, checked, MappingProxyType({each["values"]: each["counts"] for each in told}))
