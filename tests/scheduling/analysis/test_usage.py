"""Who used what, and what it cost, is told by workflow, project, person, sample and stage."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import InvalidOption
from holotype.scheduling import Rates, usage

from .building import NOON, Tried, run_of, task

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

GIB = 1 << 30
HOUR = timedelta(hours=1)
RATES = Rates(
    cpu_hour=0.05, gpu_hour=2, memory_gib_hour=0.01, licence_hour={"gatk": 3}, instrument_hour={"novaseq": 50}
)


def two_runs() -> list[Mapping[str, pa.Table]]:
    cohort = [
        task("align[ann]", Tried(seconds=7200, cpus=4, cpu=3600 * 4, memory=2 * GIB, peak=GIB, read=10, written=20)),
        task(
            "call[ann]",
            Tried(ready=7200, seconds=3600, cpus=2, cpu=3600, failure="memory"),
            Tried(ready=10800, seconds=3600, cpus=2, cpu=3600, licences={"gatk": 1, "other": 1}),
        ),
        task("report", ready=14400, reused_run="x", reused_task="report"),
    ]
    other = [task("align[ben]", Tried(seconds=3600, gpus=1, cpu=3600, instruments={"novaseq": 1}))]
    return [
        run_of(cohort, name="one", project="cohort"),
        run_of(other, name="two", project="pilot", operator="bob@lab", workflow="other"),
    ]


def test_hours_are_told_with_what_they_cost() -> None:
    first, second = usage(two_runs(), rates=RATES).to_dicts()
    assert (first["project"], first["gpu_hours"], first["instrument_hours"], first["cost"]) == ("pilot", 1, 1, 52.05)
    assert second["project"] == "cohort"
    assert (second["runs"], second["tasks"], second["attempts"], second["failures"]) == (1, 2, 3, 1)
    assert (second["cpu_hours"], second["cpu_hours_used"]) == (12, 6)
    assert (second["memory_gib_hours"], second["memory_gib_hours_used"]) == (4, 2)
    assert (second["licence_hours"], second["read"], second["written"]) == (2, 10, 20)
    assert second["wasted"] == pytest.approx((4 + 2 + 1) / 12)
    assert second["cost"] == pytest.approx(12 * 0.05 + 4 * 0.01 + 3)
    assert second["currency"] == "EUR"


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("person", {"ada@lab": 12, "bob@lab": 1}),
        ("workflow", {"flow": 12, "other": 1}),
        ("run", {"one": 12, "two": 1}),
        ("sample", {"ann": 12, "ben": 1}),
        ("stage", {"align": 9, "call": 4}),
        ("node", {"align": 9, "call": 4}),
    ],
)
def test_it_can_be_asked_by_whoever_and_whatever(by: str, expected: dict[str, float]) -> None:
    assert dict(usage(two_runs(), by=(by,)).select(by, "cpu_hours").rows()) == expected


def test_by_several_together_or_by_nothing() -> None:
    rows = usage(two_runs(), by=("project", "stage")).select("project", "stage", "cpu_hours").rows()
    assert rows == [("cohort", "align", 8), ("cohort", "call", 4), ("pilot", "align", 1)]
    assert usage(two_runs(), by=())["cpu_hours"].to_list() == [13]
    with pytest.raises(InvalidOption, match="by 'colour'"):
        usage(two_runs(), by=("colour",))
    with pytest.raises(InvalidOption, match="no tables"):
        usage([])


def test_of_what_lies_partly_in_a_time_that_part_is_told() -> None:
    one = two_runs()[0]
    (row,) = usage(one, since=NOON + HOUR, until=NOON + 2.5 * HOUR).to_dicts()
    assert (row["cpu_hours"], row["cpu_hours_used"], row["read"], row["attempts"]) == (4 + 1, 2 + 0.5, 5, 1)
    assert usage(one, until=NOON).is_empty()
    parts = [usage(one, since=NOON + n * HOUR, until=NOON + (n + 1) * HOUR)["cpu_hours"].sum() for n in range(5)]
    assert sum(parts) == 12, "nothing is counted twice, and nothing is left out"


@pytest.mark.parametrize("given", [{"cpu_hour": -1.0}, {"licence_hour": {"gatk": float("nan")}}])
def test_what_is_no_price_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no price"):
        Rates(**given)
