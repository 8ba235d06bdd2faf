"""Workflows of Galaxy, carried over: all but what tools run, which is not in the file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import WorkflowInvalid
from holotype.scheduling import Input, Output, Parameter, Setting, Stage, Workflow, import_galaxy

if TYPE_CHECKING:
    from pathlib import Path

BWA = "toolshed.g2.bx.psu.edu/repos/devteam/bwa/bwa_mem/0.7.17.1"
STATE = {
    "reads": {"__class__": "ConnectedValue"},
    "advanced": json.dumps({"seed": 19, "__current_case__": 1, "mark": True}),
    "title": "my run",
    "columns": ["1", "2"],
    "__page__": 0,
    "chromInfo": "/x",
}


def step(number: int, kind: str, **said: Any) -> dict[str, Any]:
    return {"id": number, "type": kind, "tool_id": None, "errors": None, "uuid": "u", "position": {}, **said}


def document(**more: Any) -> dict[str, Any]:
    steps = [
        step(0, "data_input", label="reads", tool_state=json.dumps({"optional": False, "format": ["fastqsanger.gz"]})),
        step(1, "data_collection_input", label="more", tool_state=json.dumps({"collection_type": "list"})),
        step(2, "parameter_input", label="depth", tool_state=json.dumps({"parameter_type": "integer", "default": 3})),
        step(
            3,
            "tool",
            tool_id=BWA,
            tool_version="0.7.17.1",
            tool_state=json.dumps(STATE),
            input_connections={
                "fastq_input|fastq_input1": {"id": 0, "output_name": "output"},
                "depth": {"id": 2, "output_name": "output"},
            },
            outputs=[{"name": "bam_output", "type": "bam"}],
            workflow_outputs=[{"output_name": "bam_output", "label": "mapped reads", "uuid": "u"}],
            post_job_actions={"HideDatasetActionbam_output": {"action_type": "HideDatasetAction"}},
        ),
        step(
            4,
            "tool",
            tool_id="cat1",
            tool_state="{}",
            input_connections={
                "input1": [{"id": 3, "output_name": "bam_output"}, {"id": 1, "output_name": "output"}],
                "gone": {"id": 9, "output_name": "output"},
            },
            outputs=[{"name": "out_file1", "type": "input"}],
        ),
        step(5, "pause", label="look"),
    ]
    whole = {"a_galaxy_workflow": "true", "format-version": "0.1", "name": "My workflow", "annotation": "does it"}
    return {**whole, "steps": {str(each["id"]): each for each in steps}, "tags": [], **more}


def written(folder: Path, said: object) -> Path:
    path = folder / "w.ga"
    path.write_text(json.dumps(said))
    return path


def test_the_graph_comes_whole_and_every_command_is_told_to_be_missing(tmp_path: Path) -> None:
    result = import_galaxy(written(tmp_path, document()))
    workflow = result.workflow
    assert workflow is not None
    assert (workflow.name, workflow.about) == ("My_workflow", "does it")
    assert workflow.inputs == {"reads": Input("fastq"), "more": Input(many=True)}
    assert workflow.parameters == {"depth": Parameter(kind="int", default=3)}
    assert workflow.outputs == {"mapped_reads": "bwa_mem.bam_output"}
    assert result.without_command == ("bwa_mem", "cat1")
    bwa, cat = workflow.steps["bwa_mem"], workflow.steps["cat1"]
    assert bwa.inputs == {"fastq_input_fastq_input1": ("reads",)}
    assert bwa.parameters == {"depth": Setting("depth")}
    assert cat.inputs == {"input1": ("bwa_mem.bam_output", "more")}
    assert workflow.check().ok
    where = {lost.where for lost in result.lost}
    assert where == {
        "steps.3",
        "steps.4",
        "steps.3.post_job_actions.HideDatasetActionbam_output",
        "steps.4.input_connections.gone",
        "steps.5",
    }


def test_a_tool_is_known_with_its_version_and_its_settings(tmp_path: Path) -> None:
    stage = import_galaxy(written(tmp_path, document())).stages["bwa_mem"]
    assert (stage.version, stage.about) == ("0.7.17.1", BWA)
    assert stage.outputs == {"bam_output": Output("bam_output.bam", "bam")}
    assert stage.parameters == {
        "depth": Parameter(kind="int"),
        "advanced_seed": Parameter(kind="int", default=19),
        "advanced_mark": Parameter(kind="bool", default=True),
        "title": Parameter(default="my run"),
        "columns": Parameter(default='["1", "2"]'),
    }


@pytest.mark.parametrize("key", ["bwa_mem", BWA, BWA.rpartition("/")[0]])
def test_a_stage_that_does_the_work_takes_the_place_of_a_tool(key: str, tmp_path: Path) -> None:
    own = Stage(
        name="bwa",
        command="bwa mem {fastq_input_fastq_input1} > {bam_output}",
        inputs={"fastq_input_fastq_input1": Input("fastq")},
        outputs={"bam_output": Output("x.bam", "bam")},
    )
    result = import_galaxy(written(tmp_path, document()), stages={key: own})
    assert result.workflow is not None
    assert result.workflow.steps["bwa_mem"].stage is own
    assert result.without_command == ("cat1",)
    assert "steps.3.input_connections.depth" in {lost.where for lost in result.lost}


def test_workflows_within_workflows_and_conditions(tmp_path: Path) -> None:
    outer = document()
    connected = {"reads": {"id": 0, "output_name": "output"}, "more": {"id": 1, "output_name": "output"}}
    for number, when in ((6, "$(inputs.when)"), (7, "$(inputs.depth > 1)")):
        outer["steps"][str(number)] = step(
            number,
            "subworkflow",
            label=f"within{number}",
            subworkflow=document(),
            when=when,
            input_connections={**connected, "when": {"id": 2, "output_name": "output"}},
        )
    result = import_galaxy(written(tmp_path, outer))
    assert result.workflow is not None
    six, seven = result.workflow.steps["within6"], result.workflow.steps["within7"]
    assert isinstance(six.stage, Workflow)
    assert six.when == "depth"
    assert six.inputs == {"reads": ("reads",), "more": ("more",)}
    assert seven.stage.name in result.without_command
    assert "steps.7.when" in {lost.where for lost in result.lost}


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ([], "no workflow of Galaxy"),
        ({"class": "GalaxyWorkflow"}, "no workflow of Galaxy"),
        (document(steps=[]), "no steps by their numbers"),
        (document(steps={"x": {}}), "no steps by their numbers"),
        (document(steps={}), "no steps that do anything"),
    ],
)
def test_what_is_no_such_file_is_told(said: object, why: str, tmp_path: Path) -> None:
    with pytest.raises(WorkflowInvalid, match=why):
        import_galaxy(written(tmp_path, said))


def test_what_is_hostile_ends(tmp_path: Path) -> None:
    deep = document()
    for _ in range(15):
        deep = document(steps={"0": step(0, "subworkflow", label="within", subworkflow=deep)})
    with pytest.raises(WorkflowInvalid, match="levels deep"):
        import_galaxy(written(tmp_path, {**deep, "x": json.loads("[" * 200 + "]" * 200)}))
    state = '"x"'
    for _ in range(10):
        state = json.dumps(state)
    outputs = [{"name": "../x", "type": "../y"}]
    odd = document(steps={"0": step(0, "tool", tool_id="a/../../b", tool_state=state, outputs=outputs)})
    result = import_galaxy(written(tmp_path, odd))
    (stage,) = result.stages.values()
    assert stage.outputs == {"x": Output("x")}
