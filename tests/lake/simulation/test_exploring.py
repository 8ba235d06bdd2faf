"""Every interleaving that matters is played once, and in none of them anything is lost.

Here the smaller casts are played to the end, the larger ones for a few dozen runs; ``python -m benchmarks.crash
--cases all`` plays all of them to the end, also with a crash at each call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..retention.test_interleavings import no_check
from .cases import CASES, TELLING, calls_of, explored
from .exploring import explore
from .people import keeps
from .scheduler import Call, Scheduler

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .exploring import Choices, Explored
    from .scheduler import Step
    from .world import Stage

# More runs of casts with more than those would take all the time there is.
MOST = 25


def played(*programs: Sequence[str], wrong: Callable[[list[str]], bool] = lambda order: False) -> Explored:
    """Explore actors that only make calls, such as ``put a``."""

    def play(choices: Choices) -> tuple[Sequence[Step], Sequence[str]]:
        scheduler = Scheduler(choices)

        def actor(name: str, calls: Sequence[str]) -> Callable[[], object]:
            return lambda: [scheduler.give_way(name, Call(*call.split())) for call in calls]

        scheduler.run({f"{n}": actor(f"{n}", calls) for n, calls in enumerate(programs)})
        order = [step.actor for step in scheduler.trace if step.call.kind != "begin"]
        return scheduler.trace, ["wrong"] if wrong(order) else []

    return explore(play)


def test_what_does_not_conflict_is_played_in_one_order() -> None:
    assert played(["put a", "get c"], ["put b", "get c"]).runs == 1
    assert played(["list x/"], ["put y/a"]).runs == 1


def test_what_conflicts_is_played_in_each_order() -> None:
    assert played(["put a"], ["put a"]).runs == 2
    assert played(["list x/"], ["delete x/a"]).runs == 2
    assert played(["put a"], ["put a"], ["put a"]).runs == 6
    # Each reader comes before or after the writer, whatever the others do.
    assert played(["put a", "put b"], ["get a"], ["get b"]).runs == 4


def test_all_orders_of_a_few_calls_are_played() -> None:
    found = played(["get a", "put a"], ["get a", "put a"])
    assert found.complete
    # Of six orders two pairs differ only in which of two reads comes first.
    assert found.runs - found.redundant == 4


def test_a_lost_update_is_found() -> None:
    found = played(["get a", "put a"], ["get a", "put a"], wrong=lambda order: order[0] != order[1])
    assert not found.complete
    assert found.broken[0] == "wrong"


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_lost_in_any_order(case: str, stage: Stage, tmp_path: Path) -> None:
    found = explored(stage, case, tmp_path, most=MOST)
    assert not found.broken
    assert found.complete or found.runs == MOST


def test_nothing_is_lost_when_a_writer_dies_at_any_call(stage: Stage, tmp_path: Path) -> None:
    every = calls_of(stage, [keeps("new", 29)], tmp_path)
    assert every > 20
    for calls in range(1, every, 2):
        assert not explored(stage, "writer, collector", tmp_path, calls={"writer": calls}, most=2).broken


def test_nothing_is_lost_when_a_teller_dies_at_any_call(stage: Stage, tmp_path: Path) -> None:
    case = "two tellers of one file"
    every = calls_of(stage.telling, TELLING[case]["ann"], tmp_path)
    assert every > 10
    for calls in range(1, every):
        found = explored(stage, case, tmp_path, calls={"ann": calls}, most=MOST)
        assert found.complete
        assert not found.broken


def test_the_search_finds_two_makers_of_one_file(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holotype.catalog.provenance.recording._check", no_check)
    (wrong,) = [each for each in explored(stage, "two tellers of one file", tmp_path).broken if "makers" in each]
    assert "has 2 makers" in wrong


def test_the_search_finds_what_a_check_prevents(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holotype.lake.collect.undisturbed", lambda *asked: lambda since, present: None)
    assert explored(stage, "collector, recoverer", tmp_path, most=MOST).broken
