"""Whatever happens to a task, the first rule of its stage that fits is followed."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from holotype.scheduling import (
    Hold,
    Input,
    Instead,
    Output,
    Parameter,
    Reduce,
    Resources,
    Retry,
    Rule,
    Skip,
    Stage,
    Step,
    StopRun,
    StopSample,
    When,
    Workflow,
)
from holotype.validators import Threshold

from .making import SMALL, copying, joining, samples_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from holotype.scheduling import Run, Scheduler

    Scheduling = Callable[[], AbstractContextManager[Scheduler]]

READ = "@r1\nACGT\n+\nIIII\n"
BAD_READ = "@r1\nACGT\n+\n!!!!\n"

# How each failure is brought about: the command, and what else the stage says.
FAILURES: dict[str, tuple[str, dict[str, Any]]] = {
    "exit": ("echo 'Connection reset by peer' >&2; exit 3", {}),
    "signal": ("kill -TERM $$; sleep 5", {}),
    "time": ("sleep 600", {"resources": Resources(memory="64 MiB", time="0.5 s")}),
    "memory": ("kill -KILL $$; sleep 5", {}),
    "disk": ("echo 'write failed: No space left on device' >&2; exit 1", {}),
    "missing": ("true", {}),
    "invalid": ("printf 'no fastq' > {out}", {"outputs": {"out": Output("out.fastq", "fastq")}}),
    "quality": (
        f"printf '{BAD_READ.replace(chr(10), chr(92) + 'n')}' > {{out}}",
        {"outputs": {"out": Output("out.fastq", "fastq")}, "thresholds": (Threshold("fastq.q30", least=0.5),)},
    ),
    "input": ("cat {text} > {out}; echo more >> {text}", {}),
    "start": ("", {"command": ("no-such-program-anywhere",)}),
}


def failing(failure: str, *rules: Rule, **more: Any) -> Stage:
    """A stage to which this happens."""
    command, rest = FAILURES[failure]
    given: dict[str, Any] = {"command": command, "errors": rules, **rest, **more}
    return copying("fails", **given)


def after(stage: Stage, **more: Any) -> Workflow:
    """The stage, and one that needs what it makes, and one that can do without."""
    optional = joining(
        "without", command="cat {texts} /dev/null > {out}", inputs={"texts": Input(many=True, optional=True)}
    )
    return Workflow(
        name="policies",
        inputs={"text": Input()},
        steps={
            "fails": Step(stage, {"text": "text"}, **more),
            "needs": Step(copying("needs"), {"text": "fails.out"}),
            "without": Step(optional, {"texts": "fails.out"}),
        },
        outputs={"out": "fails.out", "needs": "needs.out", "without": "without.out"},
    )


def done(scheduling: Scheduling, workflow: Workflow, folder: Path, *names: str, **more: Any) -> tuple[Run, list[Any]]:
    """The run, when all is over, and what its journal says was decided."""
    with scheduling() as scheduler:
        run = scheduler.start(workflow, samples_in(folder, *(names or ("ann",))), check=False, **more)
        scheduler.work(timeout=120)
        return run, [event for event in run.journal.events() if event["what"] in ("decided", "over")]


def state_of(run: Run, task: str) -> tuple[str, int]:
    rows = {row["task"]: row for row in run.tasks().to_dicts()}
    return rows[task]["state"], rows[task]["attempts"]


@pytest.mark.parametrize("failure", FAILURES)
def test_each_failure_is_known_for_what_it_is(failure: str, tmp_path: Path, scheduling: Scheduling) -> None:
    stage = failing(failure, Rule(When(failure), Skip("expected")), Rule(When("any"), StopRun("not expected")))
    run, events = done(scheduling, after(stage), tmp_path)
    assert [event["happened"]["failure"] for event in events if "happened" in event] == [failure], events
    assert state_of(run, "fails[ann]")[0] == "skipped"
    assert run.outputs("out", "ann") == ()
    assert run.outputs("needs", "ann") == ()
    assert run.outputs("without", "ann")
    assert run.outcome().samples == {"degraded": 1}
    assert run.samples()["grades"].to_list() == [["incomplete"]]


@pytest.mark.parametrize("failure", FAILURES)
def test_what_no_rule_is_for_stops_the_sample_and_no_other(
    failure: str, tmp_path: Path, scheduling: Scheduling
) -> None:
    command, rest = FAILURES[failure]
    stage = failing(failure)
    if "command" not in rest:
        stage = failing(failure, command=f"if [ {{sample}} = ben ]; then cp {{text}} {{out}}; exit 0; fi; {command}")
    run, _ = done(scheduling, after(stage), tmp_path, "ann", "ben")
    expected = {"stopped": 1, "done": 1} if failure not in ("start", "invalid", "quality") else {"stopped": 2}
    assert run.outcome().samples == expected
    assert run.outcome().state == ("degraded" if "done" in expected else "failed")


@pytest.mark.parametrize("failure", [each for each in FAILURES if each not in ("start", "input")])
def test_it_can_be_done_again(failure: str, tmp_path: Path, scheduling: Scheduling) -> None:
    command, _ = FAILURES[failure]

    well = f"printf '{READ.replace(chr(10), chr(92) + 'n')}' > {{out}}"
    again = f"if [ {{attempt}} = 3 ]; then {well}; exit 0; fi; {command}"
    stage = failing(failure, Rule(When(failure), Retry(2, wait=0.05)), command=again)
    run, events = done(scheduling, after(stage), tmp_path)
    assert state_of(run, "fails[ann]") == ("done", 3), events
    assert run.outcome().state == "done"
    assert not [*run.folders.whole.glob("work/**/*.*")], "of what comes to nothing nothing is left"


@pytest.mark.parametrize("failure", [each for each in FAILURES if each != "input"])
def test_it_can_be_done_in_another_way_and_what_rests_on_it_is_marked(
    failure: str, tmp_path: Path, scheduling: Scheduling
) -> None:
    outputs = FAILURES[failure][1].get("outputs", {"out": Output("out.txt")})
    other = copying("other", command=f"printf '{READ.replace(chr(10), chr(92) + 'n')}' > {{out}}", outputs=outputs)
    run, _ = done(scheduling, after(failing(failure, Rule(When(failure), Instead(other)))), tmp_path)
    assert run.outcome().samples == {"degraded": 1}
    assert Path(*run.outputs("needs", "ann")).read_text(encoding="utf-8") == READ
    assert run.samples()["grades"].to_list() == [["alternative"]]
    assert run.tasks().filter(task="fails[ann]")["grades"].to_list() == [["alternative"]]


@pytest.mark.parametrize("failure", FAILURES)
def test_the_run_can_be_stopped(failure: str, tmp_path: Path, scheduling: Scheduling) -> None:
    run, _ = done(scheduling, after(failing(failure, Rule(When(failure), StopRun("enough")))), tmp_path)
    assert run.outcome().state == "stopped"
    assert run.outcome().samples == {"unfinished": 1}
    assert "enough" in run.outcome().why


@pytest.mark.parametrize("failure", FAILURES)
def test_it_can_wait_for_a_person(failure: str, tmp_path: Path, scheduling: Scheduling) -> None:
    with scheduling() as scheduler:
        stage = failing(failure, Rule(When(failure), Hold("ask Ada")))
        run = scheduler.start(after(stage), samples_in(tmp_path, "ann"), check=False)
        scheduler.work(timeout=60)
        assert run.outcome().state == "held"
        assert run.outcome().samples == {"held": 1}
        assert "ask Ada" in run.samples()["why"][0]
        scheduler.answer(run, "fails[ann]", "skip", who="ada", why="it does not matter")
        scheduler.work(timeout=60)
        assert run.outcome().samples == {"degraded": 1}
        (answer,) = (event for event in run.journal.events() if event["what"] == "answered")
        assert (answer["who"], answer["why"]) == ("ada", "it does not matter")


def test_only_what_ran_out_is_raised_and_only_so_far(tmp_path: Path, scheduling: Scheduling) -> None:
    limits = {"memory": "200 MiB"}
    rules = (Rule(When("memory"), Retry(5, raising={"memory": 2, "time": 2}, up_to=limits)), Rule(When("any"), Skip()))
    stage = failing("memory", *rules, resources=Resources(memory="64 MiB", time="10 s"))
    with scheduling() as scheduler:
        run = scheduler.start(after(stage), samples_in(tmp_path, "ann"), check=False)
        scheduler.work(timeout=60)
        begun = [
            event["needs"]
            for event in run.journal.events()
            if event.get("task") == "fails[ann]" and event["what"] == "begun"
        ]
    mebibytes = [needs["memory"] >> 20 for needs in begun]
    assert mebibytes == [64, 128, 200]
    assert {needs["time"] for needs in begun} == {10.0}
    assert state_of(run, "fails[ann]") == ("skipped", 3)


def test_a_disk_that_is_full_is_known_without_words_and_made_free(
    tmp_path: Path, scheduling: Scheduling, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its words are kept on the same disk, and so there are none.
    filling = "printf x > big; printf x > {scratch}/big; [ {attempt} = 2 ] || exit 1; cat {text} > {out}"
    rules = (Rule(When("disk"), Retry(2, wait=0.05)), Rule(When("any"), StopRun("not expected")))
    truly = shutil.disk_usage

    def usage(path: Path) -> Any:
        return truly(path)._replace(free=0 if [*path.glob("*1/big")] else 1 << 30)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    run, _ = done(scheduling, after(copying("fails", command=filling, errors=rules)), tmp_path)
    assert state_of(run, "fails[ann]") == ("done", 2)
    assert not [*tmp_path.rglob("big")]


def test_retries_wait_longer_each_time(tmp_path: Path, scheduling: Scheduling) -> None:
    stage = failing("exit", Rule(When("exit"), Retry(3, wait=0.1, growing=2, jitter=1)), Rule(When("any"), Skip()))
    _, events = done(scheduling, after(stage), tmp_path)
    pauses = [round(event["until"] - event["time"], 6) for event in events if "until" in event]
    assert pauses == [0.15, 0.3, 0.6]


def test_rules_look_at_codes_and_words_and_attempts(tmp_path: Path, scheduling: Scheduling) -> None:
    rules = (
        Rule(When("exit", codes=(9,)), StopRun("another code")),
        Rule(When("exit", says="Disk on fire"), StopRun("other words")),
        Rule(When("exit", attempts=2), Skip("the second time")),
        Rule(When("exit", codes=(3,), says="^Connection reset"), Retry(5)),
    )
    run, _ = done(scheduling, after(failing("exit", *rules)), tmp_path)
    assert state_of(run, "fails[ann]") == ("skipped", 2)


def test_one_element_of_a_scatter_can_be_left_out(tmp_path: Path, scheduling: Scheduling) -> None:
    command = "if grep -q 1 {text}; then exit 1; fi; cp {text} {out}"
    stage = copying("picky", command=command, errors=(Rule(When("exit"), Reduce(leaving_out=True)),))
    split = Stage(
        name="split", command="split -l 1 {text} part.", inputs={"text": Input()},
        outputs={"parts": Output("part.*", many=True)}, resources=SMALL,
    )  # fmt: skip
    workflow = Workflow(
        name="left",
        inputs={"text": Input()},
        steps={
            "split": Step(split, {"text": "text"}),
            "picky": Step(stage, {"text": "split.parts"}, scatter="text"),
            "join": Step(joining(), {"texts": "picky.out"}),
        },
        outputs={"out": "join.out"},
    )
    run, _ = done(scheduling, workflow, tmp_path)
    assert Path(*run.outputs("out", "ann")).read_text(encoding="utf-8") == "ann 0\nann 2\n"
    assert run.samples()["grades"].to_list() == [["reduced"]]


def test_an_optional_input_can_be_dropped(tmp_path: Path, scheduling: Scheduling) -> None:
    stage = copying(
        "picky",
        command="for each in {notes}; do exit 4; done; cp {text} {out}",
        inputs={"text": Input(), "notes": Input(optional=True)},
        errors=(Rule(When("exit"), Reduce(dropping="notes")),),
    )
    workflow = Workflow(
        name="dropped",
        inputs={"text": Input()},
        steps={
            "notes": Step(copying("notes"), {"text": "text"}),
            "picky": Step(stage, {"text": "text", "notes": "notes.out"}),
        },
        outputs={"out": "picky.out"},
    )
    run, _ = done(scheduling, workflow, tmp_path)
    assert run.outputs("out", "ann")
    assert run.samples()["grades"].to_list() == [["reduced"]]


def test_other_parameters_are_another_way(tmp_path: Path, scheduling: Scheduling) -> None:
    stage = copying(
        "picky",
        command="if [ {level} -gt 1 ]; then exit 1; fi; cp {text} {out}",
        parameters={"level": Parameter(kind="int", default=5)},
        errors=(Rule(When("exit"), Instead(parameters={"level": 1}, grade="coarse")), Rule(When("any"), StopSample())),
    )
    run, _ = done(scheduling, after(stage), tmp_path)
    assert run.samples()["grades"].to_list() == [["coarse"]]
    # As is all that is made of it.
    tasks = {row["task"]: row["grades"] for row in run.tasks().to_dicts()}
    assert tasks == {"fails[ann]": ["coarse"], "needs[ann]": ["coarse"], "without[ann]": ["coarse"]}


def test_a_part_of_the_data_can_be_taken(tmp_path: Path, scheduling: Scheduling) -> None:
    # Less is taken twice, and never more than there was.
    command = "if [ {depth} -gt 20 ]; then exit 1; fi; head -n {lines} {text} > {out}; echo {depth} >> {out}"
    less = (
        Rule(When("exit"), Reduce(parameters={"depth": 100, "lines": 2}, grade="downsampled")),
        Rule(When("exit"), Reduce(parameters={"depth": 20, "lines": 5}, grade="hardly sampled")),
    )
    stage = copying(
        "picky",
        command=command,
        parameters={"depth": Parameter(kind="int", default=1000), "lines": Parameter(kind="int", default=9)},
        errors=less,
    )
    run, _ = done(scheduling, after(stage), tmp_path)
    assert Path(*run.outputs("out", "ann")).read_text(encoding="utf-8") == "ann 0\nann 1\n20\n"
    assert run.samples()["grades"].to_list() == [["downsampled", "hardly sampled"]]
    assert state_of(run, "fails[ann]") == ("done", 3)


def test_those_who_go_on_without_a_stopped_sample_say_so(tmp_path: Path, scheduling: Scheduling) -> None:
    stage = copying("picky", command="if [ {sample} = ann ]; then exit 1; fi; cp {text} {out}")
    workflow = Workflow(
        name="gathered",
        inputs={"text": Input()},
        steps={
            "picky": Step(stage, {"text": "text"}),
            "all": Step(joining(), {"texts": "picky.out"}, per="run"),
        },
        outputs={"all": "all.out"},
    )
    run, _ = done(scheduling, workflow, tmp_path, "ann", "ben")
    assert Path(*run.outputs("all")).read_text(encoding="utf-8") == "ben 0\nben 1\nben 2\n"
    assert run.outcome().samples == {"stopped": 1, "done": 1}
    assert run.progress.made["all"].grades == {"incomplete"}
    assert run.outcome().state == "degraded"


def test_what_a_task_prints_without_end_is_kept_in_a_file_and_the_end_of_it_is_looked_at(
    tmp_path: Path, scheduling: Scheduling
) -> None:
    command = "head -c 20000000 /dev/zero >&2; echo 'the last words' >&2; exit 1"
    stage = copying("loud", command=command, errors=(Rule(When("exit", says="the last words"), Skip()),))
    run, _ = done(scheduling, after(stage), tmp_path)
    assert state_of(run, "fails[ann]") == ("skipped", 1)


def test_a_result_that_is_cut_off_is_no_result(tmp_path: Path, scheduling: Scheduling) -> None:
    whole = gzip.compress(READ.encode() * 1000)
    (tmp_path / "cut.gz").write_bytes(whole[:-20])
    stage = copying(
        "cut",
        command=f"cp '{tmp_path}/cut.gz' {{out}}",
        outputs={"out": Output("reads.fastq.gz", "fastq")},
        errors=(Rule(When("invalid", metrics=("packing.truncated",)), Skip()), Rule(When("any"), StopRun())),
    )
    run, events = done(scheduling, after(stage), tmp_path)
    assert state_of(run, "fails[ann]") == ("skipped", 1), events


def test_rules_are_for_what_cannot_even_be_begun_as_well(tmp_path: Path, scheduling: Scheduling) -> None:
    stage = copying("fails", resources=Resources(memory="1 TiB"), errors=(Rule(When("start"), Skip()),))
    run, events = done(scheduling, after(stage), tmp_path)
    assert state_of(run, "fails[ann]") == ("skipped", 0), events
