"""Forget: say which snapshots are no longer wanted.

A forgotten snapshot is out of sight and can be recovered (``trash``) until a collection purges it; forgetting by
itself deletes nothing.  Either snapshots are named, or a policy says which to keep, each dataset by itself::

    forget(context, dataset="run42", keep_last=3, keep_daily=7, keep_monthly=12)

The rules are restic's: ``keep_daily=7`` keeps the newest snapshot of each of the last seven days *that have one*, and
as long as a rule has not found its number it also keeps the oldest snapshot.  Days, weeks (ISO 8601), months and
years are those of UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from holotype.catalog import Conflict, DatasetNotFound, InvalidOption

from .annotations import current
from .records.references import check_name, parse
from .records.snapshots import resolve
from .records.snapshots import snapshots as live_snapshots
from .retention.events import last_events, new_events, undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from holotype.catalog import Entry, State

    from .context import Context

__all__ = ["Forgotten", "Policy", "apply", "forget", "sealed"]

# Others forgot or recovered the same snapshots each time we looked: that is a quarrel, not a race.
_LOOKS = 8
_PERIODS: dict[str, Callable[[datetime], object]] = {
    "hourly": lambda time: (time.date(), time.hour),
    "daily": lambda time: time.date(),
    "weekly": lambda time: time.isocalendar()[:2],
    "monthly": lambda time: (time.year, time.month),
    "yearly": lambda time: time.year,
}
_SCHEMA = {
    "dataset": pl.String(),
    "number": pl.Int64(),
    "snapshot": pl.String(),
    "time": pl.Datetime("us", "UTC"),
    "bytes": pl.Int64(),
    "reason": pl.String(),
}


@dataclass(frozen=True)
class Forgotten:
    """What was forgotten and what stays, each with the reason.

    Both frames have the columns ``dataset``, ``number``, ``snapshot`` (digest), ``time``, ``bytes`` and ``reason``.
    ``dry_run``: nothing was done, this is what would be.
    """

    forgotten: pl.DataFrame
    kept: pl.DataFrame
    dry_run: bool = False


@dataclass(frozen=True)
class Policy:
    """What to keep of each dataset; a rule that is ``None`` keeps nothing.

    ``last``: so many newest snapshots; ``hourly`` … ``yearly``: the newest of so many periods that have one;
    ``within``: what is at most so much older than the dataset's newest; ``tags``: what is annotated with one of these
    tags.
    """

    last: int | None = None
    hourly: int | None = None
    daily: int | None = None
    weekly: int | None = None
    monthly: int | None = None
    yearly: int | None = None
    within: timedelta | None = None
    tags: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name in ("last", *_PERIODS):
            count = getattr(self, name)
            if count is not None and (not isinstance(count, int) or count < 1):
                raise InvalidOption(f"keep_{name} is a number from 1, not {count!r}", option=f"keep_{name}")
        if self.within is not None and self.within < timedelta(0):
            raise InvalidOption(f"keep_within is a span of time, not {self.within}", option="keep_within")

    @property
    def empty(self) -> bool:
        """Whether it would keep nothing at all."""
        return not self.tags and all(getattr(self, name) is None for name in ("last", "within", *_PERIODS))


def sealed(context: Context, *, state: State | None = None) -> frozenset[str]:
    """The digests of snapshots that can never be forgotten.

    None so far: this is where citations belong.  Whoever adds one seals a snapshot by a commit that has to pass
    ``retention.undisturbed`` for it, and names its table among ``decisive`` in ``forget``, so that neither can
    overtake the other.
    """
    del context, state
    return frozenset()


def forget(
    context: Context,
    *,
    dataset: str | None = None,
    snapshots: Iterable[str] = (),
    keep_last: int | None = None,
    keep_hourly: int | None = None,
    keep_daily: int | None = None,
    keep_weekly: int | None = None,
    keep_monthly: int | None = None,
    keep_yearly: int | None = None,
    keep_within: timedelta | None = None,
    keep_tags: Iterable[str] = (),
    dry_run: bool = False,
    reason: str = "",
) -> Forgotten:
    """Forget the named ``snapshots``, or all that a policy does not keep, of ``dataset`` or of every dataset.

    ``snapshots``: references such as ``run42@3``; a dataset's name alone is refused.  ``keep_*``: see ``Policy``;
    without any of them a policy is refused, for it would forget everything.  ``reason``: recorded with each, for
    whoever wonders later.

    Raises ``InvalidOption``, ``InvalidName``, ``DatasetNotFound``, ``SnapshotNotFound`` (also for what is forgotten
    already), ``Conflict`` when others kept forgetting and recovering the same, ``ArchiveReadOnly``, or what the store
    raises.
    """
    named = [snapshots] if isinstance(snapshots, str) else list(snapshots)
    tags = frozenset([keep_tags] if isinstance(keep_tags, str) else keep_tags)
    policy = Policy(keep_last, keep_hourly, keep_daily, keep_weekly, keep_monthly, keep_yearly, keep_within, tags)
    if named and not policy.empty:
        raise InvalidOption("name snapshots or say what to keep, not both", option="snapshots")
    if not named and policy.empty:
        raise InvalidOption(
            "without a keep rule everything would be forgotten: say what to keep, or name snapshots", option="keep_last"
        )
    for name in named:
        if parse(name).latest and "@" not in name:
            raise InvalidOption(
                f"{name!r} names a dataset: say which snapshot, as in {name}@latest", option="snapshots"
            )
    if dataset is not None:
        check_name(dataset)
    # Tables whose rows decide what may be forgotten: a commit to one of them meanwhile makes us look again.
    decisive = frozenset({"annotations"} if tags else ())
    for look in range(_LOOKS):
        state = context.catalog.refresh()
        rows = live_snapshots(context, state=state).to_pylist()
        if named:
            result = _by_name(context, rows, named, dataset, state, reason)
        else:
            result = _by_policy(context, rows, policy, dataset, state, reason)
        if dry_run or not result.forgotten.height:
            return Forgotten(result.forgotten, result.kept, dry_run=dry_run)
        try:
            _commit(context, result.forgotten, state, decisive)
        except Conflict:
            if look == _LOOKS - 1:
                raise
        else:
            return result
    raise AssertionError("unreachable")


def _commit(context: Context, forgotten: pl.DataFrame, view: State, decisive: frozenset[str]) -> None:
    digests = forgotten["snapshot"].to_list()
    reasons = dict(zip(digests, forgotten["reason"].to_list(), strict=True))
    rows = new_events(context, "forgotten", digests, reasons, last_events(context, state=view))
    untouched = undisturbed(context, view, digests)

    def check(since: Sequence[Entry], present: State) -> None:
        untouched(since, present)
        for entry in since:
            if changed := decisive & entry.add.keys():
                raise Conflict(f"{', '.join(sorted(changed))} changed meanwhile: look again", version=entry.version)

    segment = context.catalog.write("retention", rows)
    context.catalog.commit(add=[segment], operation="forget", author=context.author, view=view, check=check)


def _by_name(
    context: Context, rows: list[dict[str, Any]], named: list[str], dataset: str | None, state: State, reason: str
) -> Forgotten:
    found = [resolve(context, name, state=state) for name in named]
    for snapshot in found:
        if dataset is not None and snapshot.dataset != dataset:
            raise InvalidOption(f"{snapshot.name} is not a snapshot of {dataset}", option="snapshots")
        if snapshot.id in sealed(context, state=state):
            raise InvalidOption(
                f"{snapshot.name} is sealed and can never be forgotten", option="snapshots", snapshot=snapshot.id
            )
    digests = {snapshot.id for snapshot in found}
    touched = {snapshot.dataset for snapshot in found}
    return _result(
        ({**row, "reason": reason or "named"} for row in rows if row["snapshot"] in digests),
        (
            {**row, "reason": "not named"}
            for row in rows
            if row["snapshot"] not in digests and row["dataset"] in touched
        ),
    )


def _by_policy(
    context: Context, rows: list[dict[str, Any]], policy: Policy, dataset: str | None, state: State, reason: str
) -> Forgotten:
    if dataset is not None and all(row["dataset"] != dataset for row in rows):
        raise DatasetNotFound(f"there is no snapshot of a dataset {dataset!r}", dataset=dataset)
    tagged = _tags(context, policy.tags, state)
    never = sealed(context, state=state)
    kept: list[dict[str, Any]] = []
    forgotten: list[dict[str, Any]] = []
    by_dataset: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if dataset is None or row["dataset"] == dataset:
            by_dataset.setdefault(row["dataset"], []).append(row)
    for group in by_dataset.values():
        group.sort(key=lambda row: row["number"], reverse=True)
        reasons = apply(
            policy, [row["time"] for row in group], [tagged.get(row["snapshot"], frozenset()) for row in group]
        )
        for row, why in zip(group, reasons, strict=True):
            if row["snapshot"] in never:
                why = (*why, "sealed")
            if why:
                kept.append({**row, "reason": ", ".join(why)})
            else:
                forgotten.append({**row, "reason": reason or "no rule keeps it"})
    return _result(forgotten, kept)


def apply(policy: Policy, times: Sequence[datetime], tags: Sequence[frozenset[str]]) -> list[tuple[str, ...]]:
    """Why each snapshot of one dataset is kept, newest first; nothing for one that is not.

    ``times`` and ``tags`` are those of the snapshots.  The order is that of their numbers: a clock that was wrong
    once may put a snapshot into the wrong day, never out of line.
    """
    left = {"last": policy.last or 0, **{name: getattr(policy, name) or 0 for name in _PERIODS}}
    seen: dict[str, object] = {}
    newest = max(times, default=None)
    found: list[tuple[str, ...]] = []
    for place, (given, own) in enumerate(zip(times, tags, strict=True)):
        time = given.astimezone(UTC)
        why = [f"tagged {tag}" for tag in sorted(own & policy.tags)]
        if policy.within is not None and newest is not None and newest - given <= policy.within:
            why.append(f"within {policy.within}")
        for name, count in left.items():
            if not count:
                continue
            period = place if name == "last" else _PERIODS[name](time)
            new = name not in seen or seen[name] != period
            if new or place == len(times) - 1:
                why.append(name if new else f"oldest, {name}")
                seen[name] = period
                left[name] -= 1
        found.append(tuple(why))
    return found


def _tags(context: Context, wanted: frozenset[str], state: State) -> Mapping[str, frozenset[str]]:
    """The tags among ``wanted`` that snapshots have at present, by digest."""
    if not wanted:
        return {}
    said = current(context, state=state).filter(
        pl.col("snapshot").is_not_null()
        & pl.col("path").is_null()
        & (pl.col("type") == "tag")
        & pl.col("key").is_in(sorted(wanted))
    )
    own = said.group_by("snapshot").agg(pl.col("key"))
    return {snapshot: frozenset(keys) for snapshot, keys in own.iter_rows()}


def _result(forgotten: Iterable[dict[str, Any]], kept: Iterable[dict[str, Any]]) -> Forgotten:
    frames = [
        pl.DataFrame([{name: row[name] for name in _SCHEMA} for row in rows], schema=_SCHEMA).sort("dataset", "number")
        for rows in (forgotten, kept)
    ]
    return Forgotten(frames[0], frames[1])
