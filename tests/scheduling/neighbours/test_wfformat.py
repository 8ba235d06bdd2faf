"""Traces in WfFormat: out and in again they are the same run; those of others are read as what they say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import jsonschema
import polars as pl
import pytest

from holotype.catalog import InvalidOption
from holotype.scheduling import Trace, Workflow, export_wfformat, import_wfformat

from .runs import NAMES, Ran, run_in
from .wfschema import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

BEN = NAMES[1]


@pytest.fixture(scope="module", name="ran")
def _ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return run_in(tmp_path_factory.mktemp("ran"))


@pytest.fixture(name="reading")
def _reading(tmp_path: Path) -> Callable[..., Trace]:
    """Something that reads a trace of plain values."""

    def reading(document: object, **options: Any) -> Trace:
        path = tmp_path / "trace.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        return import_wfformat(path, **options)

    return reading


def frame(table: pa.Table) -> pl.DataFrame:
    found = pl.from_arrow(table)
    assert isinstance(found, pl.DataFrame)
    return found


def commanded(ran: Ran) -> dict[str, pl.DataFrame]:
    """The tables, with commands of every kind."""
    tables = {name: frame(table) for name, table in ran.tables.items()}
    commands = [
        "sed 's/^/> /' 'a b.txt' > out",
        "samtools sort -o 'ben; touch $(id)' x.bam",
        "grep '' x",
        "echo 'open",
        None,
    ]
    attempts = tables["attempts"]
    column = pl.Series("command", [commands[n % len(commands)] for n in range(attempts.height)], dtype=pl.String)
    return {**tables, "attempts": attempts.with_columns(column)}


def of_last(attempts: pl.DataFrame) -> pl.DataFrame:
    return attempts.sort("attempt").group_by("task", maintain_order=True).last().sort("task")


@pytest.mark.parametrize("version", ["1.5", "1.6"])
def test_what_is_written_is_as_the_format_asks_for(ran: Ran, version: Any, tmp_path: Path) -> None:
    author = {"name": "Ana", "email": "ana@lab.example"}
    written = export_wfformat(commanded(ran), tmp_path / "t.json", version=version, author=author)
    document = json.loads((tmp_path / "t.json").read_text("utf-8"))
    jsonschema.validate(document, SCHEMA, format_checker=jsonschema.FormatChecker())
    assert document == json.loads(json.dumps(written.document))
    assert document["schemaVersion"] == version
    assert document["author"] == author
    tasks = {task["id"]: task for task in document["workflow"]["specification"]["tasks"]}
    assert len(tasks) == 11
    for id, task in tasks.items():
        assert all(id in tasks[parent]["children"] for parent in task["parents"])
        assert all(id in tasks[child]["parents"] for child in task["children"])
    files = {file["id"] for file in document["workflow"]["specification"]["files"]}
    assert files == {id for task in tasks.values() for key in ("inputFiles", "outputFiles") for id in task[key]}
    assert {each["id"] for each in document["workflow"]["execution"]["tasks"]} <= tasks.keys()


def test_out_and_in_again_it_is_the_same_graph_with_the_same_times_and_files(ran: Ran, tmp_path: Path) -> None:
    tables = commanded(ran)
    export_wfformat(tables, tmp_path / "t.json")
    trace = import_wfformat(tmp_path / "t.json")
    same = ("task", "node", "stage", "sample", "element", "state", "attempts", "grades", "why", "needs")
    known, found = (
        each["tasks"].select(*same).with_columns(pl.col("needs").list.sort()).sort("task")
        for each in (tables, trace.tables)
    )
    assert found.equals(known)
    last = of_last(tables["attempts"])
    measured = ("task", "attempt", "stage", "command", "began", "wall", "cpu", "memory", "read", "written", "cpus",
                "failure", "message", "code", "signal", "memory_given", "licences", "parameters")  # fmt: skip
    assert trace.tables["attempts"].sort("task").select(measured).equals(last.select(measured))
    files = tables["task_files"].columns
    assert trace.tables["task_files"].sort(files).equals(tables["task_files"].sort(files))
    assert trace.tables["run_samples"].sort("sample").equals(tables["run_samples"].sort("sample"))
    about = ["run", "workflow", "version", "state", "operator", "project", "began", "samples", "tasks", "tools"]
    about += ["machine", "folder"]
    assert trace.tables["runs"].select(about).equals(tables["runs"].select(about))
    assert set(trace.tables) == set(tables)


def test_what_has_no_place_there_is_told(ran: Ran) -> None:
    lost = {(loss.where, loss.what) for loss in export_wfformat(ran.tables).lost}
    assert ("tasks.mark[ann]", "earlier attempts") in lost
    assert ("tasks.keep[cleo]", "exit: its exit status is 1") in lost
    assert {"decisions", "run_events"} <= {where for where, _ in lost}


def test_a_run_of_which_nothing_was_run_is_a_plan(ran: Ran, reading: Callable[..., Trace]) -> None:
    tables = {**ran.tables, "attempts": ran.tables["attempts"].slice(0, 0)}
    written = export_wfformat(tables)
    assert "execution" not in written.document["workflow"]
    assert any(loss.where == "execution" for loss in written.lost)
    trace = reading(dict(written.document))
    assert trace.tables["attempts"].is_empty()
    assert trace.tables["runs"]["began"][0] == datetime(1970, 1, 1, tzinfo=UTC)
    with pytest.raises(InvalidOption, match="has no tasks"):
        export_wfformat(
            {**tables, "tasks": tables["tasks"].slice(0, 0), "task_files": tables["task_files"].slice(0, 0)}
        )
    with pytest.raises(InvalidOption, match=r"no WfFormat 1\.4"):
        export_wfformat(ran.tables, version="1.4")  # type: ignore[arg-type]
    with pytest.raises(InvalidOption, match="a name and an email"):
        export_wfformat(ran.tables, author={"name": "Ana"})


def test_of_what_ended_nobody_knows_how_there_is_nothing(ran: Ran) -> None:
    attempts = frame(ran.tables["attempts"]).with_columns(wall=pl.lit(None, dtype=pl.Float64))
    told = {(loss.where, loss.what) for loss in export_wfformat({**ran.tables, "attempts": attempts}).lost}
    assert ("tasks.all", "its attempts") in told


def test_what_is_not_known_is_said_to_be_so(ran: Ran) -> None:
    tables = commanded(ran)
    tables["runs"] = tables["runs"].with_columns(ended=pl.lit(None, dtype=pl.Datetime("us", "UTC")), machine=pl.lit(""))
    tables["task_files"] = tables["task_files"].with_columns(size=pl.lit(None, dtype=pl.Int64))
    unknown = pl.col("needs").list.concat(pl.lit(["gone"]))
    tables["tasks"] = tables["tasks"].with_columns(needs=unknown)
    written = export_wfformat(tables)
    execution = written.document["workflow"]["execution"]
    assert execution["makespanInSeconds"] > 0
    assert "machines" not in execution
    told = {(loss.where, loss.what) for loss in written.lost}
    assert {("makespanInSeconds", "degraded"), ("tasks.all.needs", "gone")} <= told
    assert any(what == "its size" for _, what in told)


def test_a_run_of_ones_own_is_replayed_as_well(ran: Ran, tmp_path: Path) -> None:
    export_wfformat(ran.tables, tmp_path / "t.json")
    workflow = import_wfformat(tmp_path / "t.json").replay()
    assert len(workflow.steps) == 11
    assert not any(set(name) & set("[; $(") for name in workflow.steps)
    commands = {step.stage.command for step in workflow.steps.values() if not isinstance(step.stage, Workflow)}
    assert commands == {"sleep {seconds}; head -c {amount} /dev/zero > {out}"}
