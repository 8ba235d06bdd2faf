"""How much who may use is looked at before a run begins."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import Conflict, DataRefused
from holotype.scheduling import (
    Input,
    Output,
    Parameter,
    Quota,
    Resources,
    Sample,
    Scheduler,
    Setting,
    Site,
    Stage,
    Step,
    Workflow,
)
from holotype.scheduling.analysis.ledger import read_ledger
from holotype.scheduling.running.journal import Journal
from holotype.scheduling.running.lock import waited_for

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.validators import Report

DAY = 86400.0
# Of workflows here that do without their input.
UNUSED = {"workflow.input.unused"}


def stage(**resources: Any) -> Stage:
    return Stage(
        name="copy",
        command="cat {text} > {out}",
        inputs={"text": Input()},
        outputs={"out": Output("out.txt")},
        resources=Resources(memory="64 MiB", **resources),
    )


def workflow(step: Step | None = None, **resources: Any) -> Workflow:
    copy = step or Step(stage(**resources), {"text": "text"})
    return Workflow(
        name="copying",
        inputs={"text": Input(many=step is not None, optional=step is not None)},
        parameters={"numbers": Parameter(kind="int", many=True)} if step is not None and "n" in step.scatter else {},
        steps={"copy": copy},
        outputs={"out": "copy.out"},
    )


def samples(folder: Path, count: int = 1) -> list[Sample]:
    (folder / "texts").mkdir(exist_ok=True)
    for n in range(count):
        (folder / "texts" / f"{n}").write_text(f"{n}\n", encoding="utf-8")
    return [Sample(f"s{n}", {"text": folder / "texts" / f"{n}"}) for n in range(count)]


def site(folder: Path, *quotas: Quota) -> Site:
    return Site(folder / "site", cpus=4, memory=1 << 30, gpus=2, quotas=quotas)


def noted(folder: Path, run: str, hours: float | None, *, ago: float = 2 * DAY, **ordered: Any) -> None:
    """A run that has used so much, and is over; or one that is not over, and has not begun a task."""
    there = folder / "site" / "runs" / run
    there.mkdir(parents=True)
    began = time.time() - ago
    needs: dict[str, Any] = {
        "cpus": 2,
        "memory": 0,
        "disk": 0,
        "gpus": 1,
        "time": None,
        "licences": {},
        "instruments": {},
    }
    events: list[dict[str, Any]] = [
        {"what": "ordered", "time": began, "by": "ada@lab", "workflow": "copying", **ordered}
    ]
    if hours is not None:
        task = {"task": "copy[x]", "attempt": 1}
        events += [
            {"what": "begun", "time": began, **task, "needs": needs, "stage": "copy", "job": "j"},
            {"what": "over", "time": began + hours * 1800, **task, "used": {"cpu": 1.0}},
            {"what": "measured", "time": began + hours * 1800, "recording": 0.1, "over": True},
        ]
    journal = Journal(there / "journal")
    journal.write(events)
    journal.close()


def told(folder: Path, whole: Workflow, *quotas: Quota, count: int = 1, **said: Any) -> dict[str, str]:
    report: Report = whole.check(samples(folder, count), site(folder, *quotas), operator="ada@lab", **said)
    assert report.codes <= {"run.quota.exceeded", "run.quota.near", "run.quota.unknown", "file.unknown"} | UNUSED
    rows = [row for row in report.findings.to_pylist() if ".quota." in row["code"]]
    return {row["code"].removeprefix("run."): row["message"] for row in rows}


def test_a_run_that_would_take_more_than_may_be_used_is_an_error_with_all_figures(tmp_path: Path) -> None:
    noted(tmp_path, "before", 6.0, project="cohort")
    quota = Quota(cpu_hours=10, of="project", name="cohort", period="30 d")
    found = told(tmp_path, workflow(cpus=2, time="1 h"), quota, count=3, project="cohort")
    assert found == {
        "quota.exceeded": "project cohort may use 10 cpu hours in 30 d: 6 are used, 0 are set aside for runs that go "
        "on, and this one may take 6 more"
    }
    assert told(tmp_path, workflow(cpus=2, time="1 h"), quota, project="other") == {}
    assert set(told(tmp_path, workflow(cpus=2, time="1 h"), quota, project="cohort")) == {"quota.near"}
    assert told(tmp_path, workflow(cpus=1, time="1 h"), quota, project="cohort") == {}


def test_what_was_used_before_the_period_does_not_count(tmp_path: Path) -> None:
    noted(tmp_path, "before", 6.0, project="cohort", ago=10 * DAY)
    for period, expected in (("30 d", {"quota.exceeded"}), ("5 d", set[str]())):
        quota = Quota(cpu_hours=6, of="project", name="cohort", period=period)
        assert set(told(tmp_path, workflow(time="1 min"), quota, project="cohort")) == expected


def test_what_is_used_up_is_so_for_what_takes_nothing_too(tmp_path: Path) -> None:
    noted(tmp_path, "before", 6.0)
    quota = Quota(cpu_hours=6, of="site")
    assert "the site may use 6 cpu hours" in told(tmp_path, workflow(time=0), quota)["quota.exceeded"]


def test_everybody_has_as_much_where_nobody_is_named(tmp_path: Path) -> None:
    noted(tmp_path, "before", 6.0, project="")
    quota = Quota(cpu_hours=6.5, of="project")
    assert "what is of no project" in told(tmp_path, workflow(time="1 h"), quota)["quota.exceeded"]
    assert told(tmp_path, workflow(time="1 h"), quota, project="any") == {}


@pytest.mark.parametrize("name", ["ada", "ada@lab", None])
def test_a_person_is_one_on_any_machine_unless_one_is_said(name: str | None, tmp_path: Path) -> None:
    noted(tmp_path, "here", 3.0)
    noted(tmp_path, "there", 3.0, by="ada@cluster")
    quota = Quota(cpu_hours=5, of="person", name=name)
    assert set(told(tmp_path, workflow(time="1 min"), quota)) == ({"quota.exceeded"} if name == "ada" else set())


def test_graphics_processors_and_workflows_have_quotas_as_well(tmp_path: Path) -> None:
    noted(tmp_path, "before", 6.0)
    quota = Quota(gpu_hours=4, of="workflow", name="copying")
    found = told(tmp_path, workflow(gpus=2, time="1 h"), quota)
    assert "workflow copying may use 4 gpu hours in 30 d: 3 are used" in found["quota.exceeded"]


def test_what_runs_that_go_on_will_use_is_set_aside(tmp_path: Path) -> None:
    noted(tmp_path, "going", None, estimate={"cpu_hours": 7.0, "gpu_hours": 0.0})
    noted(tmp_path, "over", 1.0, estimate={"cpu_hours": 100.0, "gpu_hours": 0.0})
    found = told(tmp_path, workflow(time="2.5 h"), Quota(cpu_hours=10, of="site"))
    assert "1 are used, 7 are set aside for runs that go on, and this one may take 2.5 more" in found["quota.exceeded"]


def test_of_what_says_no_time_it_is_what_was_used_before(tmp_path: Path) -> None:
    quota = Quota(cpu_hours=10, of="site")
    unknown = told(tmp_path, workflow(), quota)
    assert set(unknown) == {"quota.unknown"}
    assert "of copy nobody knows how long it takes" in unknown["quota.unknown"]
    noted(tmp_path, "before", 2.0)
    assert set(told(tmp_path, workflow(), quota, count=2)) == set()
    assert "this one may take 10 more" in told(tmp_path, workflow(), quota, count=5)["quota.exceeded"]


def test_every_element_of_a_scatter_counts(tmp_path: Path) -> None:
    scattered = Stage(
        name="copy",
        command="echo {n} > {out}",
        outputs={"out": Output("out.txt")},
        parameters={"n": Parameter(kind="int")},
        resources=Resources(memory=0, time="1 h"),
    )
    whole = workflow(Step(scattered, parameters={"n": Setting("numbers")}, scatter="n", per="sample"))
    quota = Quota(cpu_hours=5, of="site")
    assert (
        "may take 6 more" in told(tmp_path, whole, quota, parameters={"numbers": [1, 2, 3]}, count=2)["quota.exceeded"]
    )
    files = workflow(Step(stage(time="1 h"), {"text": "text"}, scatter="text"))
    assert set(told(tmp_path, files, quota)) == {"quota.unknown"}


def test_a_run_beyond_its_quota_is_not_begun_and_leaves_nothing(tmp_path: Path) -> None:
    noted(tmp_path, "before", 6.0, project="cohort")
    there = site(tmp_path, Quota(cpu_hours=6.5, of="project", name="cohort"))
    with Scheduler(there) as scheduler:
        for check in (True, False):
            with pytest.raises(DataRefused, match=r"project cohort may use 6\.5 cpu hours"):
                scheduler.start(workflow(time="1 h"), samples(tmp_path), project="cohort", name="no", check=check)
        assert not (tmp_path / "site" / "runs" / "no").exists()
        run = scheduler.start(workflow(time="1 min"), samples(tmp_path), project="cohort", name="yes")
        scheduler.work(timeout=60)
        (ordered,) = (event for event in run.journal.events() if event["what"] == "ordered")
    assert "run.quota.near" in {each["code"] for each in ordered["odd"]}
    assert ordered["estimate"] == {"cpu_hours": pytest.approx(1 / 60), "gpu_hours": 0}
    (held,) = ordered["quotas"]
    assert (held["of"], held["who"], held["limit"], held["used"]) == ("project", "cohort", 6.5, 6)
    assert read_ledger(there.folder).estimates == {}, "it is over, and needs no more"


def test_whoever_dies_when_the_last_task_is_done_leaves_nothing_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = site(tmp_path, Quota(cpu_hours=10, of="site"))
    write, seen = Journal.write, list[bool]()

    def written(journal: Journal, events: Any, *, lasting: bool = True) -> None:
        said = [*events]
        write(journal, said, lasting=lasting)
        if any(event["what"] == "done" for event in said):
            seen.append("run" in read_ledger(there.folder).estimates)

    monkeypatch.setattr(Journal, "write", written)
    with Scheduler(there) as scheduler:
        scheduler.start(workflow(time="1 h"), samples(tmp_path, 2), name="run")
        assert "run" in read_ledger(there.folder).estimates
        scheduler.work(timeout=60)
    assert seen[-1] is False


def test_of_two_that_begin_at_once_the_second_finds_what_the_first_will_use(tmp_path: Path) -> None:
    there = site(tmp_path, Quota(cpu_hours=1.5, of="site"))
    texts, outcomes, gate = samples(tmp_path), list[str](), threading.Barrier(2)

    def begin(name: str) -> None:
        with Scheduler(there) as scheduler:
            gate.wait(60)
            try:
                scheduler.start(workflow(time="1 h"), texts, name=name, check=False)
                outcomes.append("begun")
            except DataRefused as error:
                outcomes.append(str(error))

    threads = [threading.Thread(target=begin, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes)[0] == "begun"
    assert "1 are set aside for runs that go on" in sorted(outcomes)[1]


def test_waiting_for_another_process_has_an_end(tmp_path: Path) -> None:
    with waited_for(tmp_path / "lock"), pytest.raises(Conflict), waited_for(tmp_path / "lock", patience=0.1):
        pass
    with waited_for(tmp_path / "lock"):
        pass


def test_an_attempt_that_runs_has_used_what_it_has_until_now(tmp_path: Path) -> None:
    noted(tmp_path, "before", 1.0)
    now = float(round(time.time()))
    path = tmp_path / "site" / "runs" / "before" / "journal"
    journal = Journal(path)
    begun = next(event for event in journal.events() if event["what"] == "begun")
    journal.write([{**begun, "time": now - 1800, "attempt": 2, "task": "copy.3"}])
    journal.close()
    tables = read_ledger(tmp_path / "site", now=now).tables
    assert tables["attempts"].select(
        (tables["attempts"]["settled"] - tables["attempts"]["submitted"]).dt.total_minutes()
    )["settled"].to_list() == [30, 30]
    assert tables["tasks"].select("node", "sample").rows() == [("copy", "x"), ("copy", None)]
    assert read_ledger(tmp_path / "site", since=now + 60).tables["runs"].is_empty()


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ({"cpu_hours": 1, "of": "dog"}, "not of 'dog'"),
        ({}, "limits something"),
        ({"cpu_hours": -1}, "no number of hours"),
        ({"gpu_hours": float("nan")}, "no number of hours"),
        ({"cpu_hours": 1, "period": "a month"}, "no time"),
        ({"cpu_hours": 1, "period": "0 s"}, "is none"),
        ({"cpu_hours": 1, "near": 0}, "is a share"),
        ({"cpu_hours": 1, "of": "site", "name": "x"}, "has no name"),
    ],
)
def test_what_is_no_quota_is_refused(said: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        Quota(**said)
