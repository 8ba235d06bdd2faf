"""What is said of a run that was run, and what comes of a change that was foretold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from polars.testing import assert_frame_equal

from holotype.scheduling import (
    Input,
    Output,
    Rates,
    Resources,
    Retry,
    Rule,
    Sample,
    Scheduler,
    Site,
    Stage,
    Step,
    When,
    Workflow,
    usage,
)
from holotype.scheduling.records.folding import run_tables

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.scheduling import Run


def sleeping(name: str, seconds: float, **more: object) -> Stage:
    """A stage that takes its time."""
    given = {
        "command": f"sleep {seconds}; cat {{text}} > {{out}}",
        "inputs": {"text": Input()},
        "outputs": {"out": Output("out.txt")},
        "resources": Resources(memory="64 MiB"),
    }
    return Stage(name=name, **{**given, **more})  # type: ignore[arg-type]


def ran(folder: Path, workflow: Workflow, count: int, *, cpus: int = 2) -> Run:
    folder.mkdir()
    samples: list[Sample] = []
    for n in range(count):
        (folder / f"{n}.txt").write_text(f"{n}\n", encoding="utf-8")
        samples.append(Sample(f"s{n}", {"text": folder / f"{n}.txt"}))
    with Scheduler(Site(folder / "site", cpus=cpus, memory=1 << 30)) as scheduler:
        run = scheduler.start(workflow, samples, check=False)
        scheduler.work(timeout=120)
        return run


def chain(*stages: Stage) -> Workflow:
    steps = {
        stage.name: Step(stage, {"text": f"{stages[n - 1].name}.out" if n else "text"})
        for n, stage in enumerate(stages)
    }
    return Workflow(name="chain", inputs={"text": Input()}, steps=steps, outputs={"out": f"{stages[-1].name}.out"})


def test_what_twice_the_processors_bring_is_what_was_foretold(tmp_path: Path) -> None:
    workflow = chain(sleeping("first", 0.6), sleeping("second", 0.9))
    before = ran(tmp_path / "two", workflow, 8, cpus=2).analyse()
    assert before.bottleneck is not None
    assert (before.bottleneck.kind, before.bottleneck.name) == ("resource", "cpus")
    assert before.capacity_known
    assert before.critical_path["seconds"].sum() == pytest.approx(before.elapsed)
    # What a machine does beside it holds it up by anything, and so these are rough.
    assert 0.3 * before.elapsed < before.simulated < 1.2 * before.elapsed, "on paper it is what it was"
    foretold = before.changes.filter(kind="more", of="cpus", after=4).row(0, named=True)
    after = ran(tmp_path / "four", workflow, 8, cpus=4).analyse()
    assert after.elapsed < before.elapsed
    assert 0.25 < foretold["share"] < 0.75


def test_what_is_lacking_wasted_and_failing_is_seen_in_a_run(tmp_path: Path) -> None:
    failing = "if [ {attempt} = 1 ]; then exit 1; fi; cat {text} > {out}"
    workflow = chain(
        sleeping("wide", 0.3, resources=Resources(cpus=2, memory=0)),
        sleeping("flaky", 0, command=failing, errors=(Rule(When("exit"), Retry(1, wait=0.2, jitter=0)),)),
    )
    found = ran(tmp_path / "run", workflow, 2).analyse()
    waste = found.waste.filter(resource="cpus").row(0, named=True)
    assert waste["share"] > 0.8, "it slept"
    assert found.sizes.filter(node="wide", resource="cpus")["enough"].to_list() == [1]
    assert found.failures.select("node", "failure", "attempts").rows() == [("flaky", "exit", 2)]
    assert found.resources.filter(resource="cpus")["waited"].item() >= 0.3
    assert found.owed.filter(kind="pause", name="flaky")["seconds"].item() > 0.15
    assert "bottleneck: " in found.text()
    assert found.changes.filter(kind="retries")["saving"].item() > 0


def test_a_site_tells_what_its_runs_have_used_and_it_is_what_their_tables_say(tmp_path: Path) -> None:
    workflow = chain(sleeping("first", 0.3), sleeping("second", 0.3))
    run = ran(tmp_path / "run", workflow, 2)
    rates = Rates(cpu_hour=3600)
    with Scheduler(Site(tmp_path / "run" / "site", cpus=2, memory=1 << 30)) as scheduler:
        told = scheduler.usage(by=("stage", "sample"), rates=rates)
        assert scheduler.usage(since=datetime.now(UTC) + timedelta(days=1)).is_empty()
    assert_frame_equal(told, usage(run_tables(run.folders.whole), by=("stage", "sample"), rates=rates))
    assert set(told.select("stage", "sample").rows()) == {(s, n) for s in ("first", "second") for n in ("s0", "s1")}
    assert told["cost"].sum() >= 1.2, "seconds, at one a second"
    assert set(told["wasted"] > 0.3) == {True}, "it slept"


def test_a_run_that_goes_on_is_looked_at_as_it_stands(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("1\n", encoding="utf-8")
    with Scheduler(Site(tmp_path / "site", cpus=1, memory=1 << 30)) as scheduler:
        workflow = chain(sleeping("first", 0.1), sleeping("second", 60))
        run = scheduler.start(workflow, [Sample("a", {"text": tmp_path / "text"})], check=False)
        scheduler.work(until=lambda: run.tasks().filter(node="second", state="begun").height > 0, timeout=60)
        found = run.analyse()
        scheduler.cancel(run, why="it was seen")
        scheduler.work(timeout=60)
    assert (found.state, found.steps["done"].to_list()) == ("running", [1, 0])
