"""A run tells what its tasks waited for, what each was, and what keeping its records has cost."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holotype.scheduling import Input, Parameter, Resources, Retry, Rule, Scheduler, Step, When, Workflow
from holotype.scheduling.running.waiting import Line, Wait

from .making import SMALL, copying, samples_in, site_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from holotype.scheduling import Run, Site, Stage

    Scheduling = Callable[..., AbstractContextManager[Scheduler]]


def one_step(stage: Stage) -> Workflow:
    return Workflow(
        name="one", inputs={"text": Input()}, steps={"s": Step(stage, {"text": "text"})}, outputs={"out": "s.out"}
    )


def events(run: Run, what: str) -> list[dict[str, Any]]:
    return [event for event in run.journal.events() if event["what"] == what]


def waited(scheduling: Scheduling, folder: Path, stage: Stage, count: int, site: Site | None = None) -> list[Any]:
    with scheduling(site) as scheduler:
        run = scheduler.start(one_step(stage), samples_in(folder, *(f"s{n}" for n in range(count))), check=False)
        scheduler.work(timeout=120)
        begun = events(run, "begun")
    for event in begun:
        waited = event["waited"]
        assert sum(waited.values()) - waited.get("pause", 0) == pytest.approx(event["time"] - event["ready"], abs=1e-3)
    return begun


@pytest.mark.parametrize(
    ("resources", "more", "reason"),
    [
        (Resources(cpus=2, memory=0), {"cpus": 2}, "cpus"),
        (Resources(memory="600 MiB"), {}, "memory"),
        (Resources(memory=0, gpus=1), {"gpus": 1}, "gpus"),
        (Resources(memory=0, licences={"sentieon": 1}), {"licences": {"sentieon": 1}}, "licences:sentieon"),
        (Resources(memory=0, instruments={"novaseq": 1}), {"instruments": {"novaseq": 1}}, "instruments:novaseq"),
    ],
)
def test_what_kept_a_task_from_beginning_is_told(
    resources: Resources, more: dict[str, Any], reason: str, tmp_path: Path, scheduling: Scheduling
) -> None:
    stage = copying(command="sleep 0.3; cat {text} > {out}", resources=resources)
    first, second = waited(scheduling, tmp_path, stage, 2, site_in(tmp_path, **more))
    assert first["waited"].get(reason, 0) == 0
    assert second["waited"][reason] > 0.1


def test_those_behind_many_others_wait_for_what_these_wait_for(tmp_path: Path, scheduling: Scheduling) -> None:
    stage = copying(command="sleep 0.02; cat {text} > {out}", resources=Resources(memory=0))
    begun = waited(scheduling, tmp_path, stage, 100, site_in(tmp_path, cpus=1))
    last = begun[-1]["waited"]
    assert last["cpus"] > 0.2 * sum(last.values())


def test_a_pause_before_it_is_done_again_is_told(tmp_path: Path, scheduling: Scheduling) -> None:
    command = "if [ {attempt} = 1 ]; then exit 1; fi; cat {text} > {out}"
    stage = copying(command=command, errors=(Rule(When("exit"), Retry(1, wait=0.4, jitter=0)),))
    first, second = waited(scheduling, tmp_path, stage, 1)
    assert "pause" not in first["waited"]
    assert second["waited"]["pause"] == pytest.approx(0.4, rel=0.01)


def test_what_is_not_chosen_waits_for_its_turn(tmp_path: Path) -> None:
    def one_at_a_time(ready: Any) -> Any:
        return ready[:1] if not run.progress.running else ()

    with Scheduler(site_in(tmp_path), chooses=one_at_a_time) as scheduler:
        stage = copying(command="sleep 0.3; cat {text} > {out}")
        run = scheduler.start(one_step(stage), samples_in(tmp_path, "a", "b"), check=False)
        scheduler.work(timeout=60)
        _, second = events(run, "begun")
        assert second["waited"]["turn"] > 0.1


def test_waiting_while_nobody_had_the_run_in_hand_is_told(tmp_path: Path, scheduling: Scheduling) -> None:
    clock = iter(range(1000, 100_000))
    with Scheduler(site_in(tmp_path), clock=lambda: float(next(clock))) as scheduler:
        scheduler.start(one_step(copying()), samples_in(tmp_path, "a"), name="left", check=False)
    with scheduling() as scheduler:
        run = scheduler.resume("left")
        scheduler.work(timeout=60)
        (begun,) = events(run, "begun")
        assert begun["waited"]["away"] > 0.99 * sum(begun["waited"].values())


def test_what_was_run_with_which_values_for_which_project_is_on_record(tmp_path: Path, scheduling: Scheduling) -> None:
    stage = copying(
        "head",
        command="head -n {lines} {text} > {out}; exit {attempt}",
        parameters={"lines": Parameter(kind="int", default=2)},
        errors=(Rule(When("exit"), Retry(1)),),
    )
    with scheduling() as scheduler:
        run = scheduler.start(one_step(stage), samples_in(tmp_path, "ann"), project="cohort", check=False)
        scheduler.work(timeout=60)
        (ordered,), (first, second) = events(run, "ordered"), events(run, "begun")
        assert (ordered["project"], ordered["machine"]) == ("cohort", platform.node())
        assert ordered["site"] == {"cpus": 4, "memory": 1 << 30, "gpus": 0}
        assert (first["stage"], first["parameters"]) == ("head", {"lines": 2})
        work = run.folders.whole / "work" / "samples" / "ann" / "s.1"
        assert first["command"] == f"head -n 2 {tmp_path}/ann.txt > {work}/out.txt; exit 1"
        assert second["command"].endswith("/s.2/out.txt; exit 2")


def by_python(text: Path, out: Path) -> None:
    """What a stage calls."""
    out.write_bytes(text.read_bytes())


def test_a_function_has_no_command(tmp_path: Path, scheduling: Scheduling) -> None:
    more: dict[str, Any] = {"command": None, "call": by_python, "resources": Resources(memory="1 GiB")}
    (begun,) = waited(scheduling, tmp_path, copying(**more), 1)
    assert begun["command"] is None


def test_what_records_cost_is_measured_by_the_run_itself_and_stays_known(
    tmp_path: Path, scheduling: Scheduling
) -> None:
    stage = copying(command="sleep 0.5; cat {text} > {out}", resources=SMALL)
    with scheduling() as scheduler:
        run = scheduler.start(one_step(stage), samples_in(tmp_path, "ann"), name="measured")
        scheduler.work(timeout=60)
        cost = run.overhead()
        (over,), (measured,) = events(run, "over"), events(run, "measured")
    assert cost.processing >= 0.5
    assert 0 < over["recording"] < measured["recording"]
    assert over["inspecting"] > 0
    assert cost.recording == pytest.approx(measured["recording"], abs=1e-5)
    assert cost.inspecting == over["inspecting"]
    assert cost.share == cost.recording / cost.processing
    assert measured["over"]
    with scheduling() as scheduler:
        again = scheduler.resume("measured").overhead()
        assert again.recording > cost.recording, "going on is on record as well"
        assert (again.inspecting, again.processing) == (cost.inspecting, cost.processing)


def test_a_run_in_which_nothing_ran_has_no_share(tmp_path: Path, scheduling: Scheduling) -> None:
    with scheduling() as scheduler:
        run = scheduler.start(one_step(copying()), samples_in(tmp_path, "ann"), check=False)
        assert run.overhead().share == 0


REASONS = st.lists(st.sampled_from(["cpus", "memory", "turn"]), min_size=1, max_size=3, unique=True).map(tuple)
STEPS = st.lists(st.tuples(st.floats(-1, 10), REASONS), max_size=20)


@given(STEPS, st.floats(0, 100), st.floats(0, 100))
def test_every_second_of_waiting_has_a_reason(steps: list[Any], one: float, other: float) -> None:
    begin, end = sorted((one, other))
    line, now = Line(10.0), 10.0
    for seconds, reasons in steps:
        now += seconds
        line.seen(now, reasons)
    found = line.between(begin, end)
    assert sum(found.values()) == pytest.approx(end - begin, abs=1e-6)
    assert all(seconds >= 0 for seconds in found.values())


@given(STEPS)
def test_seconds_are_shared_among_all_that_is_lacking(steps: list[Any]) -> None:
    wait, now, most = Wait(0.0, "inputs", {"pause": 2.0}), 0.0, 0.0
    for seconds, reasons in steps:
        now += seconds
        most = max(most, now)
        wait.seen(now, reasons)
    told = wait.over(most)
    assert sum(told.values()) == pytest.approx(most + 2.0, abs=1e-4) or any(seconds < 0 for seconds, _ in steps)
    assert told["pause"] == 2.0
