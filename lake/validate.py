"""Validate: what a snapshot holds is looked at where it lies, and the report is kept.

A file's bytes are read out of the archive, each chunk checked on the way, so what is looked at is what was kept.  What
is small is read together with its neighbours (see ``lake/reading/series.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
import pyarrow.compute as pc

from holotype.catalog import Conflict, EntryNotFound, scalar
from holotype.validators import named

from .progress import Ticker
from .reading.series import Series
from .records.snapshots import history, reading, refuse_collected, resolve
from .tree.paths import Patterns, shown
from .validation.asked import Validation
from .validation.holding import held_to
from .validation.keeping import Kept

if TYPE_CHECKING:
    from collections.abc import Iterable

    from holotype.validators import Action, Report

    from .context import Context
    from .progress import OnProgress
    from .records.snapshots import Snapshot

__all__ = ["Validated", "validate"]

_DAMAGE = {"snapshot": pl.String(), "path": pl.String()}
_LOOKS = 5
# What is told of a file that cannot be read.
_UNREADABLE = "file.unreadable"


@dataclass(frozen=True)
class Validated:
    """What was found in a snapshot.

    ``snapshot``: its name.  ``id``: of the report, as the archive keeps it; ``None`` when it is not kept because the
    archive was opened for reading only.  ``action``: what the policy says is done about it.
    """

    snapshot: str
    id: str | None
    report: Report
    action: Action

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; warnings are allowed."""
        return self.report.ok

    @property
    def damage(self) -> pl.DataFrame:
        """The files with errors, as ``archive.provenance.impact`` takes them: ``snapshot`` and ``path``."""
        rows = pl.DataFrame(self.report.findings).filter(pl.col("severity") == "error")
        paths = rows.filter(pl.col("path") != self.snapshot)["path"].unique(maintain_order=True)
        return pl.DataFrame({"snapshot": [self.snapshot] * len(paths), "path": paths.to_list()}, schema=_DAMAGE)


def validate(
    context: Context,
    reference: str,
    *,
    validation: Validation | None = None,
    paths: Iterable[str] = (),
    progress: OnProgress | None = None,
) -> Validated:
    """Look at the files of a snapshot, or at those that ``paths`` (patterns) select, and keep the report.

    They are held to what was declared for them when the snapshot was made, or as ``validation.schemas`` says (see
    ``lake/validation/asked.py``).

    A policy that says to quarantine has the snapshot quarantined; one that says to refuse does the same here, for what
    is kept already cannot be refused.  A file whose bytes are damaged is a finding.

    Raises ``InvalidName``, ``DatasetNotFound``, ``SnapshotNotFound`` (also when it is collected meanwhile),
    ``EntryNotFound`` when no file is selected, what the store raises, or what ``Validation`` refuses.
    """
    asked = validation or Validation()
    state = context.catalog.refresh()
    snapshot = resolve(context, reference, state=state)
    with reading(context, snapshot):
        series = Series(context, snapshot.id, state=state)
    chosen = Patterns.of(paths).patterns or asked.patterns
    looking = asked.begin(
        held_to(
            context,
            snapshot.dataset,
            snapshot.number,
            asked.schemas,
            lambda path: series.file(path.encode()),
            state=state,
        )
    )
    together = []
    ticker = Ticker("validate", progress, total_files=snapshot.files, total_bytes=snapshot.bytes)
    files = 0
    with reading(context, snapshot):
        for file in series.files(chosen):
            name, size = shown(file.path), file.size
            files += 1
            subject = looking.subject(file, name=name)
            looking.look(subject)
            series.raise_trouble()
            if named(name) is not None:
                together.append(subject)
            ticker.add(files=1, bytes=size, path=name)
        looking.look_together(together, name=snapshot.name)
        series.raise_trouble()
        looking.hold(snapshot.name)
    if not files and chosen:
        raise EntryNotFound(f"{snapshot.name} has no file that {', '.join(chosen)} select", path=", ".join(chosen))
    ticker.finish()
    report = looking.report()
    if _UNREADABLE in report.codes:
        refuse_collected(context, snapshot)  # then nothing is damaged, and all of it is gone
    action = asked.policy.decide(report)
    if context.catalog.read_only:
        return Validated(snapshot.name, None, report, action)
    kept = Kept.of(
        context,
        report,
        dataset=snapshot.dataset,
        occasion="validate",
        cost=asked.cost,
        action=type(action)("quarantine") if action == "refuse" else action,
    )
    _commit(context, kept, snapshot)
    return Validated(snapshot.name, kept.id, report, kept.action)


def _commit(context: Context, kept: Kept, snapshot: Snapshot) -> None:
    for left in reversed(range(_LOOKS)):
        state = context.catalog.refresh()
        rows = history(context, state=state)
        there = rows.filter(pc.equal(rows["snapshot"], scalar(snapshot.id)))["state"].to_pylist()
        if there == ["purged"]:
            return  # there is nothing left that a report could be of
        segments = [*kept.write(context), *kept.say(context, snapshot.id)]
        try:
            context.catalog.commit(add=segments, operation="validate", author=context.author)
        except Conflict:
            if not left:
                raise
        else:
            return
