"""Validation of a restore: what is known of a snapshot before anything is written, and what lies there afterwards."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from holotype.catalog import DataRefused, scalar
from holotype.validators import Action, Severity

from ..records.quarantine import in_quarantine
from .keeping import Kept, stored

if TYPE_CHECKING:
    from holotype.catalog import State

    from ..context import Context
    from ..records.snapshots import Snapshot
    from .asked import Validation

__all__ = ["look_after", "look_before"]


def look_before(context: Context, snapshot: Snapshot, asked: Validation, *, state: State) -> None:
    """Raise ``DataRefused`` when the policy refuses what is known of a snapshot: that it is in quarantine, or what the
    last report on it says.
    """
    if asked.policy.of(Severity.ERROR) is Action.REFUSE and snapshot.id in in_quarantine(context, state=state):
        raise DataRefused(
            f"{snapshot.name} is in quarantine: look at archive.quarantined(), and release it or restore it without"
            " that policy",
            snapshot=snapshot.name,
            report=None,
        )
    archived = (pc.field("snapshot") == scalar(snapshot.id)) & (pc.field("occasion") != "restore")
    rows = context.catalog.read("reports", filter=archived, state=state)
    for row in rows.sort_by("time").to_pylist()[-1:]:
        if asked.policy.decide(stored(context, row["report"], state=state)) is Action.REFUSE:
            raise DataRefused(
                f"{snapshot.name} is refused for what was found in it: see archive.report({row['report'][:8]!r})",
                snapshot=snapshot.name,
                report=row["report"],
            )


def look_after(context: Context, snapshot: Snapshot, target: str | os.PathLike[str], asked: Validation) -> Kept:
    """Look at what was restored, and keep the report where the archive may be written to.

    Raises ``DataRefused`` when the policy refuses what was found; what was restored stays where it is.
    """
    from holotype.validators import validate_folder  # the checks take their time to import

    from .holding import below, held_to

    state = context.catalog.state
    held = held_to(
        context, snapshot.dataset, snapshot.number, asked.schemas, lambda path: below(target, path), state=state
    )
    report = validate_folder(
        target,
        patterns=asked.patterns or ("*",),
        checks=asked.checks,
        also=(*asked.also, *held),
        cost=asked.cost,
        thresholds=asked.thresholds,
        limits=asked.limits,
    )
    action = asked.policy.decide(report)
    kept = Kept.of(context, report, dataset=snapshot.dataset, occasion="restore", cost=asked.cost, action=action)
    if not context.catalog.read_only:
        # What a restore finds may be the target's doing, so it puts no snapshot into quarantine.
        said = replace(kept, action=Action.RECORD) if action is Action.QUARANTINE else kept
        segments = [*said.write(context), *said.say(context, snapshot.id)]
        context.catalog.commit(add=segments, operation="validate", author=context.author)
    if action is Action.REFUSE:
        raise DataRefused(
            f"{snapshot.name} was restored to {os.fsdecode(target)}, and is refused for what was found there",
            snapshot=snapshot.name,
            report=kept.id,
        )
    return kept
