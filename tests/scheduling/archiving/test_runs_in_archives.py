"""A run in an archive: results whose lineage reaches the raw reads, every task with all of its facts, tables in SQL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from holotype import lake
from holotype.catalog import Conflict, InvalidOption
from holotype.scheduling import (
    Input,
    Output,
    Parameter,
    Rule,
    Skip,
    Stage,
    Step,
    When,
    Workflow,
    archive_run,
)

from ..running.making import SMALL, copying, joining, whole

if TYPE_CHECKING:
    from .laboratories import Laboratory


def events(laboratory: Laboratory, run: str, *what: str) -> list[dict[str, Any]]:
    """What a run's journal has of these."""
    lines = (laboratory.run(run) / "journal").read_text(encoding="utf-8").splitlines()
    return [event for line in lines if (event := json.loads(line.partition(" ")[2]))["what"] in what]


def test_results_are_a_snapshot_whose_lineage_reaches_the_raw_reads(laboratory: Laboratory) -> None:
    archive = laboratory.archive
    with laboratory.scheduler(archive) as scheduler:
        run = scheduler.start(whole(), laboratory.samples, name="one")
        scheduler.work()
        assert run.outcome().state == "done"
        assert run.archived == "runs/one@1"
        assert not scheduler.owed().height
    up = archive.provenance.upstream("runs/one@1/results/run/gather/all.txt")
    files = set(up.select("dataset", "path").rows())
    assert {("reads", "a.txt"), ("reads", "b.txt")} <= files
    steps = archive.provenance.explain("runs/one@1/results/run/gather/all.txt")
    assert {"split[a]", "change[b].2", "join[a]", "gather"} <= set(steps["name"])
    assert not (laboratory.run("one") / "owed").exists()


def test_what_a_bad_read_file_has_touched_is_found_in_the_results(laboratory: Laboratory) -> None:
    with laboratory.scheduler(laboratory.archive) as scheduler:
        scheduler.start(whole(), laboratory.samples, name="one")
        scheduler.work()
    touched = laboratory.archive.provenance.impact("reads@1/a.txt")
    held = touched.explode("snapshots").filter(snapshots="runs/one@1")["path"].drop_nulls().to_list()
    assert sorted(held) == ["results/run/gather/all.txt", "results/samples/a/join/all.txt"]


def test_only_declared_results_are_kept_with_logs_order_journal_and_tables(laboratory: Laboratory) -> None:
    with laboratory.scheduler(laboratory.archive) as scheduler:
        scheduler.start(whole(), laboratory.samples, name="one")
        scheduler.work()
    paths = laboratory.archive.files("runs/one@1").filter(kind="file")["path"].to_list()
    assert {path for path in paths if path.startswith("results/")} == {
        "results/run/gather/all.txt",
        "results/samples/a/join/all.txt",
        "results/samples/b/join/all.txt",
    }
    assert {"order.json", "journal", "tables/attempts.parquet", "logs/run/gather.1.err"} <= set(paths)
    assert not [path for path in paths if path.startswith(("work/", "lock"))]


def test_the_results_of_all_tasks_are_kept_where_that_is_asked_for(laboratory: Laboratory) -> None:
    with laboratory.scheduler() as scheduler:
        scheduler.start(whole(), laboratory.samples, name="one")
        scheduler.work()
    found = archive_run(laboratory.run("one"), laboratory.archive, dataset="kidney/results", everything=True)
    assert found.snapshot == "kidney/results@1"
    paths = laboratory.archive.files(found.snapshot)["path"].to_list()
    assert "results/samples/a/change/0/out.txt" in paths


def test_every_task_is_there_with_command_parameters_resources_person_and_machine(laboratory: Laboratory) -> None:
    stage = copying(
        command="head -n {lines} {text} > {out}; sleep 0.05", parameters={"lines": Parameter(kind="int", default=2)}
    )
    workflow = Workflow(
        name="heads",
        version="3",
        inputs={"text": Input()},
        steps={"head": Step(stage, {"text": "text"}, parameters={"lines": 1})},
        outputs={"out": "head.out"},
    )
    with laboratory.scheduler(laboratory.archive) as scheduler:
        scheduler.start(workflow, laboratory.samples, name="heads", project="kidney")
        scheduler.work()
    archive = laboratory.archive
    rows = archive.sql(
        "SELECT name, kind, outcome, author FROM activities WHERE kind IN ('task', 'workflow')"
    ).fetchall()
    assert sorted(rows) == [
        ("head[a]", "task", "completed", "ada@lab"),
        ("head[b]", "task", "completed", "ada@lab"),
        ("heads", "workflow", "completed", "ada@lab"),
    ]
    ((text,),) = archive.sql("SELECT attributes FROM prov_elements WHERE label = 'head[a]'").fetchall()
    for word in ("wall", "cpu", "memory", "machine", "fingerprint", "the order of ada@lab", "attempts", "given"):
        assert word in text
    said = str(archive.provenance.document("runs/heads@1/results/samples/a/head/out.txt"))
    assert "head -n 1 " in said
    assert "parameter:lines" in said
    assert archive.sql("SELECT count(*) FROM prov_elements WHERE type = 'environment'").fetchall() == [(1,)]
    assert archive.sql("SELECT project, operator FROM runs").fetchall() == [("kidney", "ada@lab")]


def test_the_tables_of_all_archived_runs_are_asked_together(laboratory: Laboratory) -> None:
    with laboratory.scheduler(laboratory.archive) as scheduler:
        scheduler.start(whole(), laboratory.samples, name="one")
        scheduler.start(whole(), laboratory.samples[:1], name="two")
        scheduler.work()
    other = lake.open(laboratory.folder / "archive", read_only=True)
    found = other.sql(
        "SELECT run, count(*), min(wall) > 0 FROM attempts JOIN tasks USING (run, task)"
        " WHERE tasks.state = 'done' GROUP BY run ORDER BY run"
    ).fetchall()
    assert [row[0] for row in found] == ["one", "two"] or [row[0] for row in found] == ["one"]
    assert other.sql("SELECT run, state FROM runs ORDER BY run").fetchall() == [("one", "done"), ("two", "done")]
    assert other.sql("SELECT count(*) FROM tasks WHERE run = 'two'").fetchall() == [(6,)]


def test_results_that_were_reused_have_a_lineage_all_the_same(laboratory: Laboratory) -> None:
    with laboratory.scheduler() as scheduler:
        scheduler.start(whole(), laboratory.samples, name="before")
        scheduler.work()
    with laboratory.scheduler(laboratory.archive) as scheduler:
        scheduler.start(whole(), laboratory.samples, name="after")
        scheduler.work()
    up = laboratory.archive.provenance.upstream("runs/after@1/results/run/gather/all.txt")
    assert ("reads", "b.txt") in up.select("dataset", "path").rows()
    kinds = laboratory.archive.sql("SELECT DISTINCT kind FROM activities WHERE name = 'gather'").fetchall()
    assert kinds == [("reuse",)]


def test_grades_go_through_provenance_into_every_result_built_on_them(laboratory: Laboratory) -> None:
    bad = copying("bad", command="exit 3", errors=(Rule(When("exit"), Skip(grade="patchy")),))
    both = Stage(
        name="both",
        command="cat {text} > {out}",
        inputs={"text": Input(), "extra": Input(optional=True)},
        outputs={"out": Output("out.txt")},
        resources=SMALL,
    )
    workflow = Workflow(
        name="graded",
        inputs={"text": Input()},
        steps={
            "bad": Step(bad, {"text": "text"}),
            "both": Step(both, {"text": "text", "extra": "bad.out"}),
            "gather": Step(joining("gather"), {"texts": "both.out"}, per="run"),
        },
        outputs={"all": "gather.out"},
    )
    with laboratory.scheduler(laboratory.archive) as scheduler:
        run = scheduler.start(workflow, laboratory.samples, name="graded")
        scheduler.work()
        assert run.outcome().state == "degraded"
    archive = laboratory.archive
    up = archive.provenance.upstream("runs/graded@1/results/run/gather/all.txt")
    assert "patchy" in up.filter(kind="grade")["label"].to_list()
    built = archive.provenance.downstream("urn:holotype:grade:patchy")
    assert "results/run/gather/all.txt" in built["path"].to_list()
    (said,) = archive.sql("SELECT attributes FROM prov_elements WHERE path = 'results/run/gather/all.txt'").fetchall()
    assert '["patchy"]' in said[0].replace("\\", "")
    failed = archive.sql("SELECT name FROM activities WHERE outcome = 'skipped' ORDER BY name").fetchall()
    assert failed == [("bad[a]",), ("bad[b]",)]


def test_told_twice_nothing_changes(laboratory: Laboratory) -> None:
    archive = laboratory.archive
    with laboratory.scheduler(archive) as scheduler:
        run = scheduler.start(whole(), laboratory.samples, name="one")
        scheduler.work()
        commits = sorted((laboratory.folder / "archive" / "log").iterdir())
        again = archive_run(run, archive)
        assert (again.snapshot, again.tasks) == ("runs/one@1", 0)
    archive_run(laboratory.run("one"), archive)
    assert sorted((laboratory.folder / "archive" / "log").iterdir()) == commits


def test_what_is_marked_bad_later_is_told_again(laboratory: Laboratory) -> None:
    archive = laboratory.archive
    with laboratory.scheduler(archive) as scheduler:
        run = scheduler.start(whole(), laboratory.samples, name="one")
        scheduler.work()
        scheduler.mark_bad(run, "join[a]", why="swapped")
        scheduler.work()
    assert archive.sql("SELECT task, bad FROM tasks WHERE bad IS NOT NULL").fetchall() == [("join[a]", "swapped")]
    assert archive.sql("SELECT count(*) FROM tasks").fetchall() == [(11,)]
    said = archive.sql("SELECT name, author FROM activities WHERE kind = 'retraction'").fetchall()
    assert said == [("join[a] was marked bad", "ada@lab")]
    terms = archive.sql("SELECT count(*) FROM prov_relations WHERE term = 'wasInvalidatedBy'").fetchall()
    assert terms == [(1,)]


def test_what_it_cost_is_measured_and_written_down(laboratory: Laboratory) -> None:
    with laboratory.scheduler(laboratory.archive) as scheduler:
        run = scheduler.start(whole(), laboratory.samples, name="one")
        scheduler.work()
        (event,) = events(laboratory, "one", "archived")
        assert event["seconds"] > 0
        assert event["share"] > 0
        assert run.overhead().recording >= event["seconds"]


def test_a_result_that_was_altered_after_it_was_made_is_named(laboratory: Laboratory) -> None:
    with laboratory.scheduler() as scheduler:
        scheduler.start(whole(), laboratory.samples, name="one")
        scheduler.work()
    (laboratory.run("one") / "results" / "run" / "gather" / "all.txt").write_text("mine", encoding="utf-8")
    found = archive_run(laboratory.run("one"), laboratory.archive)
    assert found.altered == ("results/run/gather/all.txt",)


def test_a_run_that_failed_is_in_the_archive_as_well(laboratory: Laboratory) -> None:
    workflow = whole(gather=joining("gather", command="echo no >&2; exit 4"))
    with laboratory.scheduler(laboratory.archive) as scheduler:
        run = scheduler.start(workflow, laboratory.samples, name="one")
        scheduler.work()
        assert run.outcome().state == "failed"
    rows = laboratory.archive.sql("SELECT outcome FROM activities WHERE name IN ('gather', 'one')").fetchall()
    assert rows == [("failed",), ("failed",)]


def test_a_run_that_is_not_over_is_not_archived(laboratory: Laboratory) -> None:
    with laboratory.scheduler() as scheduler:
        run = scheduler.start(whole(), laboratory.samples, name="one")
        with pytest.raises(InvalidOption, match="not over"):
            archive_run(run, laboratory.archive)
        with pytest.raises(Conflict):
            archive_run(laboratory.run("one"), laboratory.archive)
    with pytest.raises(InvalidOption, match="there is no run"):
        archive_run(laboratory.folder / "elsewhere", laboratory.archive)


def test_two_runs_of_one_name_are_not_taken_for_one(laboratory: Laboratory) -> None:
    with laboratory.scheduler(laboratory.archive) as scheduler:
        scheduler.start(whole(), laboratory.samples, name="one")
        scheduler.work()
    laboratory.run("one").rename(laboratory.folder / "old")
    with laboratory.scheduler(laboratory.archive) as scheduler:
        scheduler.start(whole(), laboratory.samples[:1], name="one")
        scheduler.work()
        assert "another run of its name" in scheduler.owed()["why"][0]
    assert laboratory.archive.snapshots("runs/one").height == 1
    assert laboratory.archive.sql("SELECT samples FROM runs").fetchall() == [(2,)]
