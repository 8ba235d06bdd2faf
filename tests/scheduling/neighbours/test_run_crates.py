"""A run as a Workflow Run RO-Crate: others find all of it, in their words, and files that are what they should be."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import polars as pl
import pytest

from holotype.catalog import InvalidOption, RowsRefused, SourceProblem, TargetRefused
from holotype.catalog.provenance import Root
from holotype.scheduling import (
    Environment,
    Exported,
    Resources,
    Stage,
    Step,
    Workflow,
    export_run_crate,
    import_cwl,
    load_workflow,
)

from .runs import NAMES, Ran, run_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

# The profiles are held by a program of its own, which a process beside this one runs.
NEEDS = ("roc-validator", "rocrate")

ROOT = Root("Marked texts", "Three texts, marked", "https://spdx.org/licenses/CC-BY-4.0")
COMPLETED, FAILED = "http://schema.org/CompletedActionStatus", "http://schema.org/FailedActionStatus"
BEN = NAMES[1]


@pytest.fixture(scope="module", name="ran")
def _ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return run_in(tmp_path_factory.mktemp("ran"))


class Crate:
    """A crate that was written, by its nodes."""

    def __init__(self, folder: Path, tables: Mapping[str, pl.DataFrame | pa.Table], **options: Any) -> None:
        self.folder = folder
        self.written: Exported = export_run_crate(tables, folder, root=options.pop("root", ROOT), **options)
        self.metadata = json.loads((folder / "ro-crate-metadata.json").read_text("utf-8"))
        self.nodes: dict[str, Any] = {node["@id"]: node for node in self.metadata["@graph"]}

    def of(self, kind: str, **said: object) -> list[dict[str, Any]]:
        return [
            node
            for node in self.nodes.values()
            if kind in several(node["@type"]) and all(node.get(name) == value for name, value in said.items())
        ]

    def one(self, kind: str, **said: object) -> dict[str, Any]:
        (node,) = self.of(kind, **said)
        return node

    def linked(self, node: dict[str, Any], key: str) -> list[dict[str, Any]]:
        return [self.nodes[each["@id"]] for each in several(node.get(key, []))]


def several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def frame(table: pa.Table) -> pl.DataFrame:
    found = pl.from_arrow(table)
    assert isinstance(found, pl.DataFrame)
    return found


def issues(crate: Crate, profile: str, severity: str = "REQUIRED") -> list[dict[str, Any]]:
    """What the validator of RO-Crates says of it, in a process of its own."""
    script = Path(__file__).with_name("validating.py")
    done = subprocess.run(
        [sys.executable, script, crate.folder, profile, severity], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.fixture(scope="module", name="crate")
def _crate(ran: Ran, tmp_path_factory: pytest.TempPathFactory) -> Crate:
    return Crate(tmp_path_factory.mktemp("crate") / "it", ran.tables, order=ran.run.order, files="all")


def test_it_is_what_the_profiles_of_runs_ask_for(crate: Crate) -> None:
    assert issues(crate, "provenance-run-crate-0.5") == []
    profiles = {node["@id"] for node in crate.linked(crate.nodes["./"], "conformsTo")}
    assert profiles == {
        "https://w3id.org/ro/wfrun/process/0.5",
        "https://w3id.org/ro/wfrun/workflow/0.5",
        "https://w3id.org/ro/wfrun/provenance/0.5",
        "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
    }
    assert crate.metadata["@context"][0] == "https://w3id.org/ro/crate/1.1/context"


def test_the_later_profiles_go_with_the_later_version(ran: Ran, tmp_path: Path) -> None:
    crate = Crate(tmp_path / "crate", ran.tables, order=ran.run.order, version="1.3")
    assert issues(crate, "ro-crate-1.3") == []
    profiles = {node["@id"].rpartition("/")[2] for node in crate.linked(crate.nodes["./"], "conformsTo")}
    assert profiles == {"0.6", "1.1"}
    with pytest.raises(InvalidOption, match=r"RO-Crate 1\.2: there are 1\.1 and 1\.3"):
        Crate(tmp_path / "other", ran.tables, version="1.2")


def test_what_was_to_be_done_is_there_as_cwl_and_as_it_was_written(crate: Crate, ran: Ran) -> None:
    main = crate.nodes["workflow.cwl"]
    assert set(main["@type"]) == {"File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"}
    assert crate.nodes["./"]["mainEntity"] == {"@id": "workflow.cwl"}
    assert (main["name"], main["version"]) == ("eventful", "2.1")
    assert crate.linked(main, "programmingLanguage")[0]["alternateName"] == "CWL"
    brought = import_cwl(crate.folder / "workflow.cwl").workflow
    assert brought is not None
    assert [*brought.steps] == [*ran.run.order.workflow.steps]
    again = load_workflow(crate.folder / "workflow.json", functions={"copyfile": __import__("shutil").copyfile})
    assert again == ran.run.order.workflow
    steps = crate.linked(main, "step")
    assert [step["name"] for step in steps if step["position"] == "0"] == ["mark"]
    assert {step["name"]: crate.linked(step, "workExample")[0]["name"] for step in steps} == {
        "mark": "mark", "risk": "risk", "copy": "copy", "keep": "stopping", "all": "join",
    }  # fmt: skip


def test_what_goes_from_step_to_step_is_told(crate: Crate) -> None:
    step = crate.one("HowToStep", name="mark")
    joined = {
        (one["sourceParameter"]["@id"], one["targetParameter"]["@id"]) for one in crate.linked(step, "connection")
    }
    assert joined == {
        ("#workflow/inputs/text", "#stages/mark/inputs/text"),
        ("#workflow/parameters/word", "#stages/mark/parameters/word"),
    }
    word = crate.nodes["#stages/mark/parameters/word"]
    assert (word["additionalType"], word["description"]) == ("Text", "What every line begins with")
    results = {one["targetParameter"]["@id"] for one in crate.linked(crate.nodes["workflow.cwl"], "connection")}
    assert results == {f"#workflow/outputs/{name}" for name in ("marked", "rest", "copy", "all")}


def test_every_attempt_is_an_action_with_what_happened_to_it(crate: Crate) -> None:
    control = crate.one("ControlAction", name="mark[ann]")
    first, second = crate.linked(control, "object")
    assert (first["actionStatus"], first["error"]) == (FAILED, "exit: its exit status is 3")
    assert second["actionStatus"] == COMPLETED
    assert "sed s/^/" in second["description"], "what was run"
    assert first["startTime"] <= first["endTime"] <= second["startTime"] <= second["endTime"]
    assert crate.linked(second, "agent")[0] == {"@id": "#operator", "@type": "Person", "name": "ana@bench"}
    assert control["actionStatus"] == COMPLETED
    stopped = crate.one("ControlAction", name="keep[cleo]")
    assert (stopped["actionStatus"], stopped["error"]) == (FAILED, "its exit status is 1 (no rule is for this)")
    assert {node["@id"] for node in crate.linked(crate.nodes["./"], "mentions")} == {
        node["@id"] for node in crate.of("CreateAction")
    }


def test_what_an_attempt_took_made_and_used_is_told(crate: Crate) -> None:
    action = crate.linked(crate.one("ControlAction", name="mark[ann]"), "object")[1]
    taken = crate.linked(action, "object")
    values = {node["name"]: node["value"] for node in taken if node["@type"] == "PropertyValue"}
    assert values == {"word": "> ", "deep": "2"}
    (text,) = (node for node in taken if node["@type"] == "File")
    assert {each["@id"] for each in several(text["exampleOfWork"])} == {
        "#workflow/inputs/text", "#stages/mark/inputs/text",
    }  # fmt: skip
    (made,) = crate.linked(action, "result")
    assert (crate.folder / made["@id"]).read_text() == "> ann 0\n"
    usage = {node["name"]: node for node in crate.linked(action, "resourceUsage")}
    assert {"wall", "cpu", "memory"} <= usage.keys()
    assert float(usage["wall"]["value"]) > 0
    assert usage["memory"]["unitCode"] == "https://qudt.org/vocab/unit/BYTE"
    assert [node["value"] for node in crate.linked(action, "environment")] == ["C"]
    tool = crate.linked(action, "instrument")[0]
    (program,) = crate.linked(tool, "softwareRequirements")
    assert program["name"] == "sed"
    assert program["version"][0].isdigit()


def test_every_file_is_there_with_its_digest_and_where_it_was(crate: Crate, ran: Ran) -> None:
    for node in crate.of("File"):
        data = (crate.folder / unquote(node["@id"])).read_bytes()
        assert (node["sha256"], node["contentSize"]) == (hashlib.sha256(data).hexdigest(), str(len(data)))
    digests = set(ran.tables["task_files"]["digest"].to_pylist())
    assert digests <= {node["sha256"] for node in crate.of("File")}
    assert {node["@id"] for node in crate.linked(crate.nodes["./"], "hasPart")} == {
        node["@id"] for node in crate.of("File")
    }


def test_grades_stand_at_what_was_made_and_the_run_is_one_action(crate: Crate) -> None:
    whole = crate.one("CreateAction", name="Run first")
    assert whole["instrument"] == {"@id": "workflow.cwl"}
    assert whole["actionStatus"] == COMPLETED
    taken = crate.linked(whole, "object")
    assert [node["value"] for node in taken if node["@type"] == "PropertyValue"] == ["> "]
    assert sum("File" in node["@type"] for node in taken) == 3
    organized = crate.one("OrganizeAction")
    assert organized["result"] == {"@id": whole["@id"]}
    assert len(organized["object"]) == len(crate.of("ControlAction"))
    assert crate.linked(organized, "instrument")[0]["name"] == "holotype"


def test_what_has_no_word_there_is_told_and_the_tables_have_it(crate: Crate, ran: Ran) -> None:
    lost = {loss.where: loss for loss in crate.written.lost}
    assert "decisions" in lost
    assert "the tables in the crate have it" in lost["decisions"].why
    assert lost["tasks.mark[ann].files"].what == "2 attempts"
    kept = pl.read_parquet(crate.folder / "tables" / "decisions.parquet")
    assert kept.height == ran.tables["decisions"].num_rows
    assert crate.nodes["tables/tasks.parquet"]["encodingFormat"] == "application/vnd.apache.parquet"


def test_what_was_never_begun_is_no_action(ran: Ran, tmp_path: Path) -> None:
    one = pl.col("task") == "copy[ann]"
    tasks, attempts, files = (frame(ran.tables[name]) for name in ("tasks", "attempts", "task_files"))
    stopped = pl.when(one).then(pl.lit("stopped")).otherwise("state")
    why = pl.when(one).then(pl.lit("the run was")).otherwise("why")
    left = {"attempts": attempts.filter(~one), "task_files": files.filter(~one)}
    tables = {**ran.tables, **left, "tasks": tasks.with_columns(state=stopped, why=why)}
    crate = Crate(tmp_path / "crate", tables, order=ran.run.order)
    assert not crate.of("ControlAction", name="copy[ann]")
    (loss,) = (loss for loss in crate.written.lost if loss.where == "tasks.copy[ann]")
    assert str(loss).startswith(
        "tasks.copy[ann]: the run was: it is stopped: only of what was begun there is an action"
    )


def test_what_another_run_had_made_is_told_as_that_runs(ran: Ran, tmp_path: Path) -> None:
    crate = Crate(tmp_path / "crate", ran.again, workflow=ran.run.order.workflow, files="none", attach=False)
    assert issues(crate, "provenance-run-crate-0.5") == []
    action = crate.one("CreateAction", name="mark[ann] in run first")
    assert "startTime" not in action
    (made,) = crate.linked(action, "result")
    assert made["@type"] == "CreativeWork"
    assert made["sha256"] == hashlib.sha256(b"> ann 0\n").hexdigest()
    assert not (crate.folder / "tables").exists()
    assert "is known to the other run" in str({str(loss) for loss in crate.written.lost})


def test_without_a_workflow_it_tells_of_what_was_done(ran: Ran, tmp_path: Path) -> None:
    frames = {name: pl.from_arrow(table) for name, table in ran.tables.items()}
    crate = Crate(tmp_path / "crate", frames)
    assert issues(crate, "process-run-crate-0.5") == []
    assert [node["name"] for node in crate.linked(crate.nodes["./"], "conformsTo")] == ["Process Run Crate"]
    assert not crate.of("ControlAction") + crate.of("ComputationalWorkflow")
    assert any(loss.where == "workflow" for loss in crate.written.lost)
    assert len(crate.of("CreateAction")) == ran.tables["attempts"].num_rows
    # Nothing says what the results are: they are what nothing took.
    there = {path.name for path in (crate.folder / "results").rglob("*.txt")}
    assert there == {"rest.txt", "copy.txt", "all.txt"}


def test_results_come_with_it_and_others_are_spoken_of_where_they_can_be_had(ran: Ran, tmp_path: Path) -> None:
    given = next(iter(ran.run.order.samples)).paths("text")[0]
    addresses = {given: "https://lab.example/texts/0.txt"}
    crate = Crate(tmp_path / "crate", ran.tables, order=ran.run.order, addresses=addresses, link=True)
    assert crate.nodes["https://lab.example/texts/0.txt"]["@type"] == "File"
    assert {node["@type"] for node in crate.nodes.values() if node.get("name") == "kept.txt"} == {"CreativeWork"}
    (path,) = ran.run.outputs("all")
    assert (crate.folder / "results" / "run" / "all" / "all.txt").samefile(path)


def test_names_of_samples_are_only_names(crate: Crate, tmp_path: Path) -> None:
    assert crate.one("ControlAction", name=f"mark[{BEN}]")["@id"] == "#tasks/mark%5Bben%3B%20touch%20%24%28id%29%5D"
    assert not [*tmp_path.iterdir()]
    for node in crate.nodes:
        assert not set(node) & set(" ;$()[]<>\"'\\^`{|}"), node


def test_a_file_that_is_another_now_is_refused_and_one_that_is_gone_is_told_of(ran: Ran, tmp_path: Path) -> None:
    files = frame(ran.tables["task_files"])
    other = {**ran.tables, "task_files": files.with_columns(digest=pl.lit("0" * 64))}
    with pytest.raises(SourceProblem, match="in the run it had 0000"):
        Crate(tmp_path / "crate", other, order=ran.run.order)
    assert not [*tmp_path.iterdir()], "nothing is left of it"
    gone = {**ran.tables, "task_files": files.with_columns(path=pl.col("path").str.replace("all.txt", "none.txt"))}
    crate = Crate(tmp_path / "crate", gone, order=ran.run.order)
    assert any("it is not there any more" in loss.why and loss.what == "none.txt" for loss in crate.written.lost)


def test_it_goes_into_no_folder_that_has_something(ran: Ran, tmp_path: Path) -> None:
    (tmp_path / "crate").mkdir()
    (tmp_path / "crate" / "mine").touch()
    with pytest.raises(TargetRefused, match="not an empty folder"):
        Crate(tmp_path / "crate", ran.tables)
    (tmp_path / "crate" / "mine").unlink()
    root = Root("It", "of mine", "CC0", more={"keywords": "texts"})
    crate = Crate(tmp_path / "crate", ran.tables, root=root, orcid="https://orcid.org/0000-0001-2345-6789")
    assert (crate.nodes["./"]["license"], crate.nodes["./"]["keywords"]) == ("CC0", "texts")
    assert crate.one("Person")["@id"] == "https://orcid.org/0000-0001-2345-6789"


def test_a_workflow_that_no_document_of_ours_holds_is_there_as_cwl(ran: Ran, tmp_path: Path) -> None:
    steps = {name: step for name, step in ran.run.order.workflow.steps.items() if name != "mark"}
    given = ran.run.order.workflow.steps["mark"]
    stage = given.stage
    assert isinstance(stage, Stage)
    calculated = replace(stage, resources=Resources(cpus=lambda _: 1))
    steps = {"mark": Step(calculated, given.inputs, parameters=given.parameters), **steps}
    workflow = replace(ran.run.order.workflow, steps=steps)
    crate = Crate(tmp_path / "crate", ran.tables, workflow=workflow)
    (loss,) = (loss for loss in crate.written.lost if loss.where == "workflow.json")
    assert "resources.cpus is a function, which no document holds" in loss.why
    assert not (crate.folder / "workflow.json").exists()


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("bash:5", "DockerImage", ("docker.io", "bash", "5", None)),
        ("lab/bwa", "DockerImage", ("docker.io", "lab/bwa", None, None)),
        ("docker://quay.io/lab/bwa:0.7@sha256:" + "a" * 64, "DockerImage", ("quay.io", "lab/bwa", "0.7", "a" * 64)),
        ("localhost:5000/bwa@sha256:" + "b" * 64, "DockerImage", ("localhost:5000", "bwa", None, "b" * 64)),
        ("/images/bwa.sif", "SIFImage", (None, "/images/bwa.sif", None, None)),
    ],
)
def test_the_image_that_a_stage_runs_in_is_told(
    ran: Ran, tmp_path: Path, name: str, kind: str, said: tuple[str | None, ...]
) -> None:
    crate = Crate(tmp_path / "crate", ran.tables, workflow=within(ran, container=name), files="none", attach=False)
    action = crate.linked(crate.one("ControlAction", name="risk[ann]"), "object")[0]
    (image,) = crate.linked(action, "containerImage")
    assert image["additionalType"]["@id"].endswith(f"#{kind}")
    assert tuple(image.get(key) for key in ("registry", "name", "tag", "sha256")) == said
    assert len(crate.of("ContainerImage")) == 1


def test_a_conda_environment_is_told_to_have_no_word(ran: Ran, tmp_path: Path) -> None:
    crate = Crate(tmp_path / "crate", ran.tables, workflow=within(ran, conda="bwa-env"), files="none", attach=False)
    assert ("stages.risk.environment.conda", "bwa-env") in {(loss.where, loss.what) for loss in crate.written.lost}


def within(ran: Ran, **environment: str) -> Workflow:
    """The workflow, of which one step is done in an environment."""
    workflow = ran.run.order.workflow
    step = workflow.steps["risk"]
    assert isinstance(step.stage, Stage)
    stage = replace(step.stage, environment=Environment(**environment))  # type: ignore[arg-type]
    return replace(workflow, steps={**workflow.steps, "risk": replace(step, stage=stage)})


def test_another_workflow_is_no_plan_of_this_run(ran: Ran, tmp_path: Path) -> None:
    stage = Stage(name="else", command="true")
    crate = Crate(tmp_path / "crate", ran.tables, workflow=Workflow(name="other", steps={"other": Step(stage)}))
    assert any("the workflow has no such step" in loss.why for loss in crate.written.lost)


def test_tables_that_are_none_are_refused(ran: Ran, tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="no table tasks"):
        Crate(tmp_path / "c", {name: table for name, table in ran.tables.items() if name != "tasks"})
    with pytest.raises(RowsRefused, match="state: no such column"):
        Crate(tmp_path / "c", {**ran.tables, "tasks": ran.tables["tasks"].drop_columns(["state"])})
    with pytest.raises(InvalidOption, match="there is no run third"):
        Crate(tmp_path / "c", ran.tables, run="third")
    with pytest.raises(InvalidOption, match="there are 0 runs"):
        Crate(tmp_path / "c", {**ran.tables, "runs": ran.tables["runs"].slice(0, 0)})
    with pytest.raises(InvalidOption, match="no task mark"):
        Crate(tmp_path / "c", {**ran.tables, "tasks": ran.tables["tasks"].slice(1)})
    with pytest.raises(InvalidOption, match="not 'some'"):
        Crate(tmp_path / "c", ran.tables, files="some")
    assert not [*tmp_path.iterdir()]
