"""What is to be known of a run is told from its folder, whoever has it in hand, and says what the run itself does."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from holotype.catalog import InvalidOption, ObjectDamaged, WorkflowInvalid
from holotype.scheduling import Input, Output, Resources, Rule, Sample, Scheduler, Skip, Stage, Step, When, Workflow
from holotype.scheduling.records.folding import run_tables
from holotype.scheduling.records.tables import RUN_TABLES

from ..running.making import SMALL, copying, samples_in, site_in, whole
from .making import assert_as_the_run_says, eventful, folder_of, lived

if TYPE_CHECKING:
    from holotype.scheduling import Run

EVERY = ("well", "again", "other", "skipped", "stopped", "held")


def frames(folder: Path) -> dict[str, pl.DataFrame]:
    return {name: pl.DataFrame(table) for name, table in run_tables(folder_of(folder)).items()}


def test_tables_say_what_the_run_says_at_every_moment(tmp_path: Path) -> None:
    with Scheduler(site_in(tmp_path)) as scheduler:
        run = scheduler.start(eventful(), samples_in(tmp_path, *EVERY), name="run", check=False)
        assert_as_the_run_says(run)
        seen = set[str]()

        def look() -> bool:
            run.write()
            if len(seen) < 30:
                assert_as_the_run_says(run)
            seen.add(str(run.outcome()))
            return False

        scheduler.work(until=look, timeout=120)
        assert_as_the_run_says(run)
        assert run.outcome().state == "held"
        scheduler.answer(run, "first[held]", "stop_sample", who="ada", why="it was mixed up")
        scheduler.work(timeout=60)
        assert_as_the_run_says(run)
        assert run.outcome().samples == {"done": 2, "degraded": 2, "stopped": 2}


def test_every_table_has_what_happened(tmp_path: Path) -> None:
    with lived(tmp_path, *EVERY, parameters={}) as (scheduler, run):
        scheduler.answer(run, "first[held]", "skip", who="ada", why="it does not matter")
        scheduler.work(timeout=60)
        scheduler.mark_bad(run, "first[well]", why="the wrong letters")
    tables = frames(tmp_path)
    assert list(tables) == [table.name for table in RUN_TABLES]

    (row,) = tables["runs"].to_dicts()
    assert (row["workflow"], row["version"], row["state"], row["operator"]) == ("eventful", "7", "degraded", "ada@lab")
    assert row["machine"] == platform.node()
    assert row["began"] < row["ended"]
    assert row["folder"] == str(folder_of(tmp_path))

    tasks = {row["task"]: row for row in tables["tasks"].to_dicts()}
    assert tasks["first[other]"]["stage"] == "instead"
    assert tasks["join[well]"]["needs"] == [f"change[well].{n}" for n in range(3)] + ["first[well]"]
    assert tasks["split[well]"]["needs"] == []
    assert tasks["first[well]"]["bad"] == "the wrong letters"
    assert tasks["first[skipped]"]["why"] == "its exit status is 5 (not needed)"
    assert tasks["first[again]"]["why"] == ""
    assert tasks["change[well].1"]["element"] == 1
    assert tasks["first[well]"]["fingerprint"]
    for each in tasks.values():
        assert (each["ended"] is not None) == (each["state"] in ("done", "skipped", "stopped"))
        assert each["ready"] <= (each["began"] or each["ended"])

    attempts = tables["attempts"].filter(task="first[again]").sort("attempt").to_dicts()
    assert [(each["attempt"], each["failure"], each["code"]) for each in attempts] == [(1, "exit", 3), (2, None, 0)]
    assert all(each["ready"] <= each["submitted"] <= each["began"] <= each["ended"] for each in attempts)
    assert all(abs((e["ended"] - e["began"]).total_seconds() - e["wall"]) < 1e-3 for e in attempts)
    assert [each["memory_given"] for each in attempts] == [64 << 20, 128 << 20]
    assert json.loads(attempts[0]["parameters"]) == {"lines": 1}

    files = tables["task_files"].filter(task="first[well]").sort("direction", "path").to_dicts()
    assert [(each["direction"], each["port"], Path(each["path"]).name) for each in files] == [
        ("made", "out", "out.txt"),
        ("made", None, "out.txt.idx"),
        ("used", "text", "well.txt"),
    ]
    assert [each["size"] for each in files] == [21, 0, 21]
    decided = {row["task"]: row for row in tables["decisions"].to_dicts()}
    assert decided["first[stopped]"]["action"] == "stop_sample"
    assert (decided["first[again]"]["rule"], decided["first[again]"]["failure"]) == (0, "exit")
    assert (decided["first[held]"]["who"], decided["first[held]"]["failure"]) == ("ada", None)

    events = tables["run_events"].sort("number")
    assert events["number"].to_list() == list(range(len(events)))
    journal = (folder_of(tmp_path) / "journal").read_text("ascii").splitlines()
    assert events["about"].to_list() == [line.partition(" ")[2] for line in journal]


def test_what_could_not_be_begun_and_what_was_ended_are_attempts_too(tmp_path: Path) -> None:
    command = f"cat {{text}} > {{out}}; touch '{tmp_path}/began'; sleep 600"
    workflow = Workflow(
        name="ended",
        inputs={"text": Input()},
        steps={
            "long": Step(copying("long", command=command), {"text": "text"}),
            "big": Step(
                copying("big", resources=Resources(memory="1 TiB"), errors=(Rule(When("start"), Skip()),)),
                {"text": "text"},
            ),
            "none": Step(
                copying("none", command=("no-such-program",), errors=(Rule(When("any"), Skip()),)), {"text": "text"}
            ),
        },
        outputs={},
    )
    with Scheduler(site_in(tmp_path)) as scheduler:
        run = scheduler.start(workflow, samples_in(tmp_path, "ann"), name="run", check=False)
        scheduler.work(until=(tmp_path / "began").exists, timeout=60)
        scheduler.work(timeout=1)
        assert run_tables(folder_of(tmp_path))["runs"]["ended"].to_pylist() == [None]
        scheduler.cancel(run, why="the wrong samples")
        scheduler.work(timeout=60)
        assert_as_the_run_says(run)
    attempts = {row["task"]: row for row in frames(tmp_path)["attempts"].to_dicts()}
    assert (attempts["big[ann]"]["attempt"], attempts["big[ann]"]["job"]) == (0, None)
    assert attempts["big[ann]"]["failure"] == "start"
    assert attempts["none[ann]"]["failure"] == "start"
    assert attempts["long[ann]"]["failure"] == "stopped"
    assert attempts["long[ann]"]["settled"] is not None


def test_what_was_taken_from_another_run_says_which(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with lived(tmp_path, workflow=whole(), name=name) as (_, run):
            assert_as_the_run_says(run)
    tasks = pl.DataFrame(run_tables(folder_of(tmp_path, "two"))["tasks"])
    assert set(tasks["reused_run"]) == {"one"}
    assert tasks["reused_task"].to_list() == tasks["task"].to_list()
    assert tasks.filter(node="gather")["needs"].to_list() == [["join[ann]"]]
    files = pl.DataFrame(run_tables(folder_of(tmp_path, "two"))["task_files"])
    assert files.filter(pl.col("size").is_null()).is_empty()


def test_a_run_that_is_stopped(tmp_path: Path) -> None:
    with lived(tmp_path, "well", "halt", workflow=eventful(end="stop")) as (_, run):
        assert_as_the_run_says(run)
        assert run.outcome().state == "stopped"
    (row,) = run_tables(folder_of(tmp_path))["runs"].to_pylist()
    assert "all is lost" in row["why"]
    assert row["ended"] is not None


def test_a_run_of_which_there_is_only_the_order(tmp_path: Path) -> None:
    with Scheduler(site_in(tmp_path)) as scheduler:
        scheduler.start(whole(), samples_in(tmp_path, "ann"), name="run", check=False)
    (folder_of(tmp_path) / "journal").unlink()
    (row,) = run_tables(folder_of(tmp_path))["runs"].to_pylist()
    assert (row["state"], row["began"], row["tasks"]) == ("running", None, 1)


def by_size(load: object) -> float:
    """What no document can hold."""
    del load
    return float(64 << 20)


def test_a_workflow_that_no_document_holds_is_asked_for(tmp_path: Path) -> None:
    workflow = whole(change=copying("change", resources=Resources(memory=by_size)))
    run: Run
    with lived(tmp_path, workflow=workflow) as (_, run):
        with pytest.raises(WorkflowInvalid, match="give the workflow itself, workflow="):
            run_tables(folder_of(tmp_path))
        assert_as_the_run_says(run, workflow=workflow)


def test_where_there_is_no_run_or_another_or_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="there is no run in"):
        run_tables(tmp_path)
    with lived(tmp_path, workflow=whole()):
        pass
    folder = folder_of(tmp_path)
    with pytest.raises(WorkflowInvalid, match="another workflow"):
        run_tables(folder, workflow=eventful())
    order = (folder / "order.json").read_text(encoding="utf-8")
    (folder / "order.json").write_text(order.replace('"ann"', '"ben"'), encoding="utf-8")
    with pytest.raises(ObjectDamaged, match=r"tells of split\[ann\], of which its order knows nothing"):
        run_tables(folder)
    (folder / "order.json").write_text(order[:-9], encoding="utf-8")
    with pytest.raises(ObjectDamaged, match="not as it was written"):
        run_tables(folder)
    (folder / "order.json").write_text(order, encoding="utf-8")
    journal = bytearray((folder / "journal").read_bytes())
    journal[len(journal) // 2] ^= 1
    (folder / "journal").write_bytes(journal)
    with pytest.raises(ObjectDamaged, match="not as it was written"):
        run_tables(folder)


def test_a_last_line_that_is_cut_off_has_not_happened(tmp_path: Path) -> None:
    with lived(tmp_path, workflow=whole()):
        pass
    journal = folder_of(tmp_path) / "journal"
    text, done, _ = journal.read_bytes().rpartition(b'"what":"done"')
    text += done + b'"task":"'
    journal.write_bytes(text)
    tables = run_tables(folder_of(tmp_path))
    assert len(tables["run_events"]) == text.count(b"\n")
    assert tables["runs"]["state"].to_pylist() == ["running"]
    assert journal.read_bytes() == text


def test_names_that_are_no_text_are_kept_as_far_as_they_can_be(tmp_path: Path) -> None:
    path = tmp_path / "caf\udce9.txt"
    path.write_text("1\n", encoding="utf-8")
    stage = copying(resources=SMALL)
    workflow = Workflow(
        name="named", inputs={"text": Input()}, steps={"copy": Step(stage, {"text": "text"})}, outputs={}
    )
    with Scheduler(site_in(tmp_path)) as scheduler:
        scheduler.start(workflow, [Sample("ann", {"text": path})], name="run", check=False)
        scheduler.work(timeout=60)
    files = pl.DataFrame(run_tables(folder_of(tmp_path))["task_files"])
    assert str(tmp_path / "caf\\udce9.txt") in files["path"].to_list()


def by_python(text: Path, out: Path) -> None:
    """What a stage calls."""
    out.write_text(text.read_text(encoding="utf-8"), encoding="utf-8")


def test_a_function_that_is_not_here_is_asked_for_with_its_workflow(tmp_path: Path) -> None:
    stage = Stage(
        name="py", call=by_python, inputs={"text": Input()}, outputs={"out": Output("out.txt")}, resources=SMALL
    )
    workflow = Workflow(name="py", inputs={"text": Input()}, steps={"py": Step(stage, {"text": "text"})}, outputs={})
    with Scheduler(site_in(tmp_path)) as scheduler:
        run = scheduler.start(workflow, samples_in(tmp_path, "ann"), name="run", check=False)
    order = folder_of(tmp_path) / "order.json"
    text = order.read_text(encoding="utf-8")
    order.write_text(text.replace(f"{by_python.__module__}:", "no_such_module:"), encoding="utf-8")
    with pytest.raises(WorkflowInvalid, match=r"calls a function that is not here .*: give the workflow itself"):
        run_tables(folder_of(tmp_path))
    assert run_tables(folder_of(tmp_path), workflow=workflow)["tasks"]["task"].to_pylist() == [*run.progress.tasks]
