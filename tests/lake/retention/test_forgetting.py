"""Forgetting: which snapshots go, which stay, and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holotype.catalog import ArchiveReadOnly, Catalog, Conflict, DatasetNotFound, InvalidOption, SnapshotNotFound
from holotype.lake.annotations import annotate
from holotype.lake.context import Context
from holotype.lake.forget import Policy, apply, forget
from holotype.lake.records.snapshots import snapshots
from holotype.lake.retention.events import new_events
from holotype.lake.schema import TABLES
from holotype.lake.trash import recover

from ..making import Clock, another, keep, new_archive

if TYPE_CHECKING:
    from collections.abc import Callable

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)


def live(archive: Context) -> list[str]:
    """The names of the live snapshots."""
    return [f"{row['dataset']}@{row['number']}" for row in snapshots(archive).to_pylist()]


def with_snapshots(*times: datetime, dataset: str = "cells") -> Context:
    """An archive with a snapshot at each of these times."""
    clock = Clock()
    archive = new_archive(clock=clock)
    for time in times:
        clock.at = time
        keep(archive, dataset, {"a": [b"the same"]})
    clock.at = max(times) + timedelta(hours=1)
    return archive


def days(*ago: int) -> list[datetime]:
    """Noon, so many days ago each."""
    return [NOON - timedelta(days=count) for count in ago]


def test_the_newest_snapshots_are_kept_and_the_others_forgotten() -> None:
    archive = with_snapshots(*days(4, 3, 2, 1))
    result = forget(archive, keep_last=2)
    assert live(archive) == ["cells@3", "cells@4"]
    assert result.forgotten["number"].to_list() == [1, 2]
    assert result.kept["number"].to_list() == [3, 4]
    assert set(result.kept["reason"]) == {"last"}
    assert set(result.forgotten["reason"]) == {"no rule keeps it"}


def test_a_dry_run_forgets_nothing() -> None:
    archive = with_snapshots(*days(2, 1))
    assert forget(archive, keep_last=1, dry_run=True).forgotten["number"].to_list() == [1]
    assert live(archive) == ["cells@1", "cells@2"]
    assert archive.catalog.state.rows("retention") == 0


def test_each_dataset_is_judged_by_itself() -> None:
    archive = with_snapshots(*days(2, 1))
    keep(archive, "plants/roots", {"a": [b"x"]})
    forget(archive, keep_last=1)
    assert live(archive) == ["cells@2", "plants/roots@1"]


def test_only_the_dataset_that_is_named_is_touched() -> None:
    archive = with_snapshots(*days(2, 1))
    for _ in range(2):
        keep(archive, "plants", {"a": [b"x"]})
    forget(archive, dataset="cells", keep_last=1)
    assert live(archive) == ["cells@2", "plants@1", "plants@2"]


def test_snapshots_can_be_named() -> None:
    archive = with_snapshots(*days(3, 2, 1))
    digest = snapshots(archive)["snapshot"][1].as_py()
    result = forget(archive, snapshots=["cells@1", digest, "cells@1"], reason="wrong mice")
    assert live(archive) == ["cells@3"]
    assert result.forgotten["reason"].to_list() == ["wrong mice"] * 2
    events = archive.catalog.read("retention").to_pylist()
    assert {(row["event"], row["reason"], row["author"]) for row in events} == {("forgotten", "wrong mice", "ada@lab")}


def test_the_last_snapshot_of_a_dataset_can_be_forgotten_by_name() -> None:
    archive = with_snapshots(*days(1))
    forget(archive, snapshots="cells@latest")
    assert live(archive) == []
    keep(archive, "cells", {"a": [b"again"]})
    assert live(archive) == ["cells@2"], "a number is never used again"


def test_what_cannot_be_asked_is_refused() -> None:
    archive = with_snapshots(*days(2, 1))
    wrong: list[tuple[type[Exception], Callable[[], object]]] = [
        (InvalidOption, lambda: forget(archive)),
        (InvalidOption, lambda: forget(archive, dataset="cells")),
        (InvalidOption, lambda: forget(archive, keep_last=0)),
        (InvalidOption, lambda: forget(archive, keep_daily=-1)),
        (InvalidOption, lambda: forget(archive, keep_within=timedelta(days=-1))),
        (InvalidOption, lambda: forget(archive, snapshots=["cells@1"], keep_last=1)),
        (InvalidOption, lambda: forget(archive, snapshots=["cells"])),
        (InvalidOption, lambda: forget(archive, dataset="others", snapshots=["cells@1"])),
        (DatasetNotFound, lambda: forget(archive, dataset="others", keep_last=1)),
        (SnapshotNotFound, lambda: forget(archive, snapshots=["cells@9"])),
    ]
    for error, call in wrong:
        with pytest.raises(error):
            call()
    assert live(archive) == ["cells@1", "cells@2"]


def test_what_is_forgotten_cannot_be_forgotten_again() -> None:
    archive = with_snapshots(*days(2, 1))
    forget(archive, snapshots=["cells@1"])
    with pytest.raises(SnapshotNotFound, match="forgotten"):
        forget(archive, snapshots=["cells@1"])


def test_a_reader_cannot_forget() -> None:
    archive = with_snapshots(*days(2, 1))
    reader = Context(
        archive.store, Catalog.open(archive.store, tables=TABLES, read_only=True), "ada@lab", archive.clock
    )
    with pytest.raises(ArchiveReadOnly):
        forget(reader, keep_last=1)
    assert forget(reader, keep_last=1, dry_run=True).forgotten.height == 1


def test_tagged_snapshots_stay_for_as_long_as_they_are_tagged() -> None:
    archive = with_snapshots(*days(3, 2, 1))
    annotate(archive, "cells@1", tags=["published"])
    annotate(archive, "cells@2", tags=["published", "draft"])
    annotate(archive, "cells@2", remove=["published"])
    annotate(archive, "cells", tags=["published"])  # of the dataset, which says nothing of its snapshots
    result = forget(archive, keep_tags="published")
    assert live(archive) == ["cells@1"]
    assert result.kept["reason"].to_list() == ["tagged published"]


def test_what_is_sealed_is_never_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = with_snapshots(*days(3, 2, 1))
    first = snapshots(archive)["snapshot"][0].as_py()
    monkeypatch.setattr("holotype.lake.forget.sealed", lambda context, state=None: frozenset({first}))
    assert forget(archive, keep_last=1).kept["reason"].to_list() == ["sealed", "last"]
    with pytest.raises(InvalidOption, match="sealed"):
        forget(archive, snapshots=["cells@1"])
    assert live(archive) == ["cells@1", "cells@3"]


def test_two_who_forget_at_the_same_time_both_succeed() -> None:
    archive = with_snapshots(*days(4, 3, 2, 1))
    other = another(archive)
    forget(other, keep_last=3)  # which the first has not seen yet
    result = forget(archive, keep_last=1)
    assert live(archive) == ["cells@4"]
    assert result.forgotten["number"].to_list() == [2, 3]


def test_a_snapshot_tagged_at_the_last_moment_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = with_snapshots(*days(2, 1))
    other = another(archive)
    tagged: list[object] = []

    def tag_first(*asked: Any, **more: Any) -> Any:
        if not tagged:
            tagged.append(other)
            annotate(other, "cells@1", tags=["published"])
        return new_events(*asked, **more)

    monkeypatch.setattr("holotype.lake.forget.new_events", tag_first)
    annotate(archive, "cells@2", tags=["published"])
    assert forget(archive, keep_tags=["published"]).forgotten.height == 0


def test_a_quarrel_ends_with_a_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = with_snapshots(*days(2, 1))
    other = another(archive)

    def quarrel(*asked: Any, **more: Any) -> Any:
        with monkeypatch.context() as calm:
            calm.setattr("holotype.lake.forget.new_events", new_events)
            forget(other, snapshots=["cells@1"])
        recover(other, "cells@1")
        return new_events(*asked, **more)

    monkeypatch.setattr("holotype.lake.forget.new_events", quarrel)
    with pytest.raises(Conflict, match="meanwhile"):
        forget(archive, snapshots=["cells@1"])


# The rules


def policy_of(rules: dict[str, Any]) -> Policy:
    """A policy of some rules."""
    return Policy(**rules)


def kept(policy: Policy, times: list[datetime]) -> list[int]:
    """The places of the snapshots that are kept, of some in any order, the newest first."""
    newest_first = sorted(times, reverse=True)
    why = apply(policy, newest_first, [frozenset()] * len(times))
    return [place for place, reasons in enumerate(why) if reasons]


def test_the_newest_of_each_day_is_kept_as_many_days_as_are_asked_for() -> None:
    times = [NOON - timedelta(days=day, hours=hour) for day in (0, 1, 5, 9) for hour in (0, 3)]
    assert kept(Policy(daily=3), times) == [0, 2, 4], "days without a snapshot do not count"


def test_an_unfinished_rule_keeps_the_oldest_too() -> None:
    times = [*days(0, 1), NOON - timedelta(days=1, hours=3)]
    assert kept(Policy(daily=5), times) == [0, 1, 2]
    assert kept(Policy(daily=2), times) == [0, 1]


def test_weeks_are_those_of_the_calendar_and_may_span_two_years() -> None:
    monday, wednesday, sunday = (datetime(*day, tzinfo=UTC) for day in ((2025, 12, 29), (2025, 12, 31), (2026, 1, 4)))
    before = datetime(2025, 12, 28, tzinfo=UTC)
    assert kept(Policy(weekly=2), [sunday, wednesday, monday, before, before - timedelta(days=40)]) == [0, 3]


def test_months_and_years() -> None:
    times = [datetime(year, month, 15, tzinfo=UTC) for year in (2024, 2025) for month in range(1, 13)]
    assert kept(Policy(monthly=3), times) == [0, 1, 2]
    assert kept(Policy(yearly=2), times) == [0, 12]


def test_hours() -> None:
    times = [NOON - timedelta(minutes=20 * step) for step in range(9)]
    assert kept(Policy(hourly=2), times) == [0, 1]


def test_within_counts_from_the_datasets_newest_snapshot_not_from_today() -> None:
    assert kept(Policy(within=timedelta(days=3)), days(100, 101, 103, 104)) == [0, 1, 2]


def test_times_of_every_zone_are_counted_in_utc() -> None:
    archive = with_snapshots(*days(1, 0))
    late = datetime.fromisoformat("2026-03-31T01:00:00+13:00")  # the day before in UTC
    assert kept(Policy(daily=1), [NOON, late]) == [0]
    assert kept(Policy(daily=2), [NOON, late]) == [0, 1]
    assert forget(archive, keep_daily=2, dry_run=True).forgotten.height == 0


# Hypothesis adds the zone to bounds that have none.
SOME_TIME = st.datetimes(datetime(2019, 12, 1), datetime(2026, 1, 31), timezones=st.just(UTC))  # noqa: DTZ001 - on purpose


@given(
    st.lists(SOME_TIME, min_size=1, max_size=40),
    st.fixed_dictionaries(
        {}, optional={name: st.integers(1, 6) for name in ("last", "hourly", "daily", "weekly", "monthly", "yearly")}
    ),
)
def test_every_rule_keeps_what_it_promises_and_rules_only_add(times: list[datetime], rules: dict[str, int]) -> None:
    times = sorted(set(times), reverse=True)
    formats = {"hourly": "%Y %j %H", "daily": "%Y %j", "weekly": "%G %V", "monthly": "%Y %m", "yearly": "%Y"}
    expected: set[int] = set()
    for name, count in rules.items():
        own = set(kept(policy_of({name: count}), times))
        expected |= own
        newest: dict[str, int] = {}
        for place, time in enumerate(times):
            newest.setdefault(str(place) if name == "last" else time.strftime(formats[name]), place)
        promised = sorted(newest.values())[:count]
        rest = own - set(promised)
        assert set(promised) <= own
        assert rest <= {len(times) - 1}, "beyond that only the oldest"
        assert not rest or len(promised) < count
    assert set(kept(policy_of(rules), times)) == expected
