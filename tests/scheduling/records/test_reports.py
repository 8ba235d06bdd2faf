"""The account of a run: every sample is in one state, and it adds up or there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from holotype.catalog import InvalidOption, ObjectDamaged
from holotype.scheduling import Input, Retry, Rule, RunReport, Scheduler, Step, When, Workflow
from holotype.scheduling.running.progress import State

from ..running.making import copying, samples_in, site_in
from .making import eventful, lived

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from holotype.scheduling import Run

EVERY = ("well", "again", "other", "skipped", "stopped", "held")


@pytest.fixture(name="run")
def _run(tmp_path: Path) -> Iterator[Run]:
    with lived(tmp_path, *EVERY) as (_, run):
        yield run


def test_it_says_what_became_of_every_sample_and_task(run: Run) -> None:
    report = run.report()
    assert isinstance(report, RunReport)
    assert report.state == "held"
    assert {each.sample: each.state for each in report.samples} == {
        "well": "done", "again": "done", "other": "degraded", "skipped": "degraded", "stopped": "stopped",
        "held": "held",
    }  # fmt: skip
    assert report.tasks == run.outcome().tasks
    assert report.stages["first"] == {"done": 3, "skipped": 1, "stopped": 1, "held": 1}
    assert sum(sum(states.values()) for states in report.stages.values()) == sum(report.tasks.values())
    assert [each.task for each in report.held] == ["first[held]"]
    failed = {each.task: each for each in report.failures}
    assert (failed["first[again]"].attempt, failed["first[again]"].failure) == (1, "exit")
    assert [each.action for each in failed["first[stopped]"].decided] == ["stop_sample"]
    assert len(report.failures) == 5


def test_what_a_person_has_decided_is_told_with_the_failure(tmp_path: Path) -> None:
    with lived(tmp_path, "held") as (scheduler, run):
        scheduler.answer(run, "first[held]", "skip", who="ada", why="it does not matter")
        scheduler.work(timeout=60)
        (failed,) = run.report().failures
        assert [(each.action, each.who) for each in failed.decided] == [("hold", None), ("skip", "ada")]


def test_it_is_data_and_plain_lines(run: Run) -> None:
    report = run.report()
    plain = json.loads(json.dumps(report.to_dict()))
    assert plain["samples"][0] == {"sample": "well", "state": "done", "grades": [], "why": ""}
    assert plain["began"].endswith("+00:00")
    lines = report.text().splitlines()
    assert lines[0] == "run run of eventful 7: held"
    assert lines[1].startswith("by ada@lab, from ")
    assert "6 samples: 2 degraded, 2 done, 1 held, 1 stopped" in lines
    assert "  other: degraded (alternative)" in lines
    assert "  gather: none" in lines
    assert "5 failures" in lines
    assert "  first[again], attempt 1: exit: its exit status is 3; retry" in lines
    assert "held: first[held]: its exit status is 7 (ask Ada)" in lines


def test_what_was_odd_when_it_was_ordered_is_in_it(tmp_path: Path) -> None:
    with lived(tmp_path, "well") as (_, run):
        odd = {"path": "well.txt", "code": "c", "message": "it is odd", "record": None, "column": None}
        step = {"path": "eventful", "code": "c", "message": "nothing needs it", "record": "steps.x", "column": None}
        run.say([{"what": "ordered", "time": 1.0, "by": "ada@lab", "odd": [odd, step]}])
        report = run.report()
        assert report.warnings == (odd, step)
        assert report.text().splitlines()[-2:] == [
            "warning: well.txt: it is odd",
            "warning: eventful, steps.x: nothing needs it",
        ]


def test_what_a_failed_program_said_is_told_and_where_all_of_it_is(tmp_path: Path) -> None:
    command = "printf 'one\n\n\033[31mtwo three\n' >&2; echo printed; [ {attempt} = 2 ] || exit 3; touch oat.txt"
    stage = copying("loud", command=command, errors=(Rule(When("exit"), Retry(1)),))
    workflow = Workflow(name="w", inputs={"text": Input()}, steps={"loud": Step(stage, {"text": "text"})})
    with Scheduler(site_in(tmp_path)) as scheduler:
        run = scheduler.start(workflow, samples_in(tmp_path, "ann"))
        scheduler.work(timeout=60)
        again, stopped = run.report().failures
        assert again.said == ("one", "\ufffd[31mtwo three")
        assert stopped.message == "there is no out.txt, only oat.txt"
        assert stopped.said == again.said
        lines = run.report().text().splitlines()
        assert lines[lines.index("  loud[ann], attempt 1: exit: its exit status is 3; retry") + 1] == "    one"

        logs = run.logs("loud[ann]")
        assert logs["attempt"].to_list() == [1, 2]
        assert Path(logs["output"][1]).read_text(encoding="utf-8") == "printed\n"
        assert Path(logs["errors"][0]).read_text(encoding="utf-8").startswith("one\n")
        with pytest.raises(InvalidOption, match="there is no task quiet"):
            run.logs("quiet")


def two_states(run: Run) -> None:
    state = run.progress.tasks["first[well]"]
    run.progress._in[State.HELD]["first[well]"] = state  # pyright: ignore[reportPrivateUsage]


def another_state(run: Run) -> None:
    run.progress.tasks["first[well]"].state = State.READY


def one_less(run: Run) -> None:
    del run.progress.tasks["gather"]


def no_sample(run: Run) -> None:
    run.progress.stopped["nobody"] = "?"


def one_more_attempt(run: Run) -> None:
    run.progress.tasks["first[well]"].attempts += 1


def undecided(run: Run) -> None:
    run.progress.states["first[well]"].made = None


def twice(run: Run) -> None:
    object.__setattr__(run.order, "samples", run.order.samples * 2)


DOCTORED: dict[str, Callable[[Run], None]] = {
    "1 tasks are told to be held, and 0 are": two_states,
    "sample well is done, and 1 of its tasks are not settled": another_state,
    "steps have 7 tasks, and there are 6": one_less,
    "nobody was stopped, which is no sample": no_sample,
    r"first\[well\] was begun 1 times, and 2 attempts were counted": one_more_attempt,
    "the run is over, and sample well is running": undecided,
    "sample well is told 2 times": twice,
}


@pytest.mark.parametrize("problem", DOCTORED)
def test_where_it_does_not_add_up_there_is_none(problem: str, tmp_path: Path) -> None:
    with lived(tmp_path, "well", workflow=eventful()) as (_, run):
        assert run.report().state == "done"
        DOCTORED[problem](run)
        with pytest.raises(ObjectDamaged, match=f"does not add up: .*{problem}"):
            run.report()
