"""Workflows as CWL, and back: others can read it, nothing is lost on the way, and what is changed stays changed."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cwl_utils.parser import load_document_by_uri
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.catalog import WorkflowInvalid
from holotype.scheduling import (
    Environment,
    First,
    Hold,
    Imported,
    Input,
    Load,
    Output,
    Parameter,
    Resources,
    Retry,
    Rule,
    Setting,
    Skip,
    Stage,
    Step,
    Tool,
    When,
    Workflow,
    export_cwl,
    import_cwl,
)
from holotype.validators import Threshold

from ...effort import share

SORT = Stage(
    name="sort",
    command="sort {reverse:-r} -k{column} {text} > {sorted} && echo {sample} {{x}} >> {sorted}",
    inputs={"text": Input("text", beside=".tbi")},
    outputs={"sorted": Output("{sample}.txt", "text", beside=("^.idx",), checked=False)},
    parameters={
        "reverse": Parameter(kind="bool", default=False),
        "column": Parameter(kind="int", default=1, minimum=1, unit="columns"),
        "mode": Parameter(choices=("fast", "slow"), default="fast", about="how"),
    },
    resources=Resources(
        memory="64*MiB + attempt*input_size", time="5 min", cpus="1 + files", gpus=1, licences={"x": 1}
    ),
    environment=Environment(
        tools=(Tool("sort", ">=8"), Tool("echo", "==1.2")), container="a/b:1", variables={"A": "$(x)"}
    ),
    errors=(Rule(When("memory"), Retry(3, raising={"memory": 2})), Rule(When(), Hold("look"))),
    thresholds=(Threshold("lines", least=1),),
    version="3",
)
CAT = Stage(
    name="cat",
    command=("cat", "{texts}", "{names:-n}", "-x{note}", "a$b", "{out}"),
    inputs={"texts": Input("text", many=True)},
    outputs={"out": Output("all.txt")},
    parameters={"names": Parameter(many=True, default=("a b",)), "note": Parameter(default=None)},
)
WHOLE = Workflow(
    name="whole",
    version="7",
    about="All of it",
    inputs={"texts": Input("text", many=True), "extra": Input(shared=True, optional=True)},
    parameters={"down": Parameter(kind="bool", default=True), "n": Parameter(kind="int")},
    steps={
        "sort": Step(SORT, {"text": "texts"}, scatter="text", parameters={"reverse": Setting("down")}),
        "cat": Step(CAT, {"texts": ("sort.sorted", "extra")}, when="n > 2 and sample.sex == 'f'"),
        "last": Step(SORT, {"text": First("cat.out", "extra")}, per="run"),
    },
    outputs={"all": "cat.out", "sorted": "sort.sorted"},
)


def again(workflow: Workflow, **options: Any) -> Imported:
    """A workflow that went out and came in."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "w.cwl")
        export_cwl(workflow, path)
        return import_cwl(path, **options)


def read_elsewhere(workflow: Workflow) -> str:
    """The identifier of a workflow, as another reader, which checks all of it, sees it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "w.cwl")
        export_cwl(workflow, path)
        read = load_document_by_uri(path.as_uri())
    return str(read.id)


def graph_of(workflow: Workflow) -> dict[str, Any]:
    return {each["id"]: each for each in export_cwl(workflow).document["$graph"]}


def test_a_workflow_that_went_out_comes_in_as_the_same() -> None:
    result = again(WHOLE)
    assert result.workflow == WHOLE
    assert result.lost == ()
    assert result.stages == {"sort": SORT, "cat": CAT}


def test_what_cannot_be_said_is_told() -> None:
    where = {lost.where for lost in export_cwl(WHOLE).lost}
    assert where == {
        "stages.sort.inputs.text.formats",
        "stages.sort.outputs.sorted.checked",
        "stages.sort.parameters.column.minimum",
        "stages.sort.parameters.column.unit",
        "stages.sort.resources",
        "stages.sort.resources.gpus",
        "stages.sort.resources.licences",
        "stages.sort.environment.tools.sort",
        "stages.sort.errors",
        "stages.sort.thresholds",
        "stages.sort.version",
        "stages.cat.inputs.texts.formats",
        "inputs.texts.formats",
        "inputs.extra.shared",
        "steps.last.per",
        "version",
    }


def test_everybody_can_read_it() -> None:
    assert read_elsewhere(WHOLE).endswith("#main")


def test_what_is_needed_and_where_it_runs_is_said_there() -> None:
    tool = graph_of(WHOLE)["sort"]
    found = {each["class"]: each for each in (*tool["requirements"], *tool["hints"])}
    assert found["DockerRequirement"]["dockerPull"] == "a/b:1"
    assert found["EnvVarRequirement"]["envDef"] == [{"envName": "A", "envValue": "\\$(x)"}]
    assert found["ToolTimeLimit"]["timelimit"] == 300
    assert found["SoftwareRequirement"]["packages"] == [{"package": "sort"}, {"package": "echo", "version": ["1.2"]}]
    assert "total([inputs.text])" in found["ResourceRequirement"]["ramMin"]
    assert "many([inputs.text])" in found["ResourceRequirement"]["coresMin"]
    assert tool["outputs"][0]["format"] == "http://edamontology.org/format_2330"
    assert tool["outputs"][0]["secondaryFiles"] == [{"pattern": "^.idx", "required": True}]


def test_no_value_is_ever_part_of_a_script() -> None:
    tool = graph_of(WHOLE)["sort"]
    assert tool["baseCommand"] == ["bash", "-c"]
    library = next(each for each in tool["requirements"] if each["class"] == "InlineJavascriptRequirement")
    script = json.loads(library["expressionLib"][-1].removeprefix("var script = ").removesuffix(";"))
    assert (
        script.splitlines()[-1]
        == 'sort "${f1[@]}" -k"${f2[@]}" "${f3[@]}" > "${f4[@]}" && echo "${f5[@]}" {x} >> "${f6[@]}"'
    )


def test_what_somebody_changed_there_is_not_undone(tmp_path: Path) -> None:
    stage = Stage(name="one", command=("cat", "{text}"), inputs={"text": Input()}, resources=Resources(cpus=2))
    workflow = Workflow(name="w", inputs={"text": Input()}, steps={"one": Step(stage, {"text": "text"})})
    document = json.loads(json.dumps(export_cwl(workflow).document))
    tool = next(each for each in document["$graph"] if each["id"] == "one")
    tool["arguments"][0] = "tac"
    (tmp_path / "w.cwl").write_text(json.dumps(document))
    result = import_cwl(tmp_path / "w.cwl")
    assert result.stages["one"].command == ("tac", "{text}")
    assert result.stages["one"].resources.cpus == 2
    assert [lost.where for lost in result.lost] == ["one.hints"]
    assert result.workflow is not None
    assert result.workflow.steps["one"].inputs == {"text": ("text",)}


@pytest.mark.parametrize("text", ["[", "[]", "{}", '{"stage": 3}', '{"stage": "a", "command": []}', "[" * 100_000])
def test_a_hint_that_keeps_nothing_sound_is_told(text: str, tmp_path: Path) -> None:
    document = json.loads(json.dumps(export_cwl(WHOLE).document))
    for tool in document["$graph"]:
        for hint in tool["hints"]:
            if "document" in hint:
                hint["document"] = text
    (tmp_path / "w.cwl").write_text(json.dumps(document))
    result = import_cwl(tmp_path / "w.cwl")
    assert {"sort.hints", "cat.hints"} <= {lost.where for lost in result.lost}


def work(text: Path, out: Path) -> None:
    out.write_text(text.read_text())


def test_a_function_has_to_be_handed_in_again() -> None:
    stage = Stage(name="work", call=work, inputs={"text": Input()}, outputs={"out": Output("x")})
    workflow = Workflow(name="w", inputs={"text": Input()}, steps={"one": Step(stage, {"text": "text"})})
    exported = export_cwl(workflow)
    assert [lost.where for lost in exported.lost] == ["stages.work.call"]
    assert read_elsewhere(workflow)
    assert again(workflow).without_command == ("work",)
    assert again(workflow, stages={"work": stage}).workflow == workflow


def grown(load: Load) -> float:
    return load.input_size


def test_resources_that_are_functions_are_told() -> None:
    stage = Stage(name="one", command="x", resources=Resources(memory=grown, cpus=3))
    workflow = Workflow(name="w", steps={"one": Step(stage)})
    assert [lost.where for lost in export_cwl(workflow).lost] == ["stages.one.resources.memory"]
    (made,) = again(workflow).stages.values()
    assert made == replace(stage, resources=Resources(cpus=3))


def test_workflows_within_workflows_go_out_as_well() -> None:
    whole = Workflow(
        name="outer",
        inputs=WHOLE.inputs,
        steps={"within": Step(WHOLE, {"texts": "texts", "extra": "extra"}, parameters={"n": 3})},
        outputs={"all": "within.all"},
    )
    assert again(whole).workflow == whole
    document = json.loads(json.dumps(export_cwl(whole).document))
    assert {each["id"] for each in document["$graph"]} == {"main", "whole", "sort", "cat"}
    inputs = {each["id"] for each in document["$graph"][-1]["inputs"]}
    assert inputs == {"texts", "extra", "sample", "sample_sex"}
    assert read_elsewhere(whole)


def test_two_stages_of_one_name_are_two() -> None:
    other = replace(CAT, version="2")
    steps = {"one": Step(CAT, {"texts": "texts"}), "two": Step(other, {"texts": "texts"})}
    whole = replace(WHOLE, steps=steps, parameters={}, outputs={})
    assert again(whole).workflow == whole


FIELDS = ["{a}", "{b}", "{b:,}", "{b:-I}", "{b:O=}", "{c:-c}", "{d:--d=}", "{o}", "{sample}", "{cpus}", "{memory:GiB}"]
WORDS = st.sampled_from([*FIELDS, "x", "-t", "'$(x) {{y}}'", "|", ">", '"a b"', "\\", "a\nb", "ü"])
COMMANDS = st.lists(WORDS, min_size=1, max_size=6).map(" ".join) | st.lists(WORDS, min_size=1, max_size=6).map(tuple)
RULES = st.lists(st.sampled_from([Rule(When("exit", codes=3), Skip()), Rule(When(), Hold())]), max_size=2)


@st.composite
def stages(draw: st.DrawFn) -> Stage:
    """Stages of all kinds."""
    try:
        return Stage(
            name=draw(st.sampled_from(["s", "t", "main"])),
            command=draw(COMMANDS),
            inputs={
                "a": Input(draw(st.sampled_from(["", "bam", "axon-abf"])) or ()),
                "b": Input(many=True, optional=True),
            },
            outputs={"o": Output(draw(st.sampled_from(["o.txt", "{sample}[1].txt", "sub/{d}.x", "{sample}*.?"])))},
            parameters={
                "c": Parameter(kind="bool", default=draw(st.booleans())),
                "d": Parameter(default=draw(st.sampled_from(["x", "$(x)", ""]))),
            },
            resources=Resources(memory=draw(st.sampled_from(["1 GiB", "0 B", "2*GiB*attempt", "min(files, 5) % 3"]))),
            errors=tuple(draw(RULES)),
        )
    except WorkflowInvalid:  # a field within quotes, or behind a backslash
        return Stage(name="s", command="x {a}", inputs={"a": Input()}, outputs={"o": Output("o.txt")})


@st.composite
def workflows(draw: st.DrawFn) -> Workflow:
    """Workflows of all kinds."""
    sources: list[str | tuple[str, ...] | First] = ["in1", ("in1", "one.o"), First("one.o", "in1")]
    one = Step(draw(stages()), {"a": "in1"})
    two = Step(
        draw(stages()),
        {"a": draw(st.sampled_from(sources))},
        when=draw(st.sampled_from([None, "not p", "sample.x in (1, 'a') or 1 < p <= 3", "round(p) // 2 if p else 1"])),
        per=draw(st.sampled_from([None, "run"])),
        scatter=draw(st.sampled_from(["", "a"])) or (),
    )
    return Workflow(
        name="w",
        inputs={"in1": Input()},
        steps={"one": one, "two": two},
        parameters={"p": Parameter(kind="int", default=1)},
    )


@settings(max_examples=share(60), deadline=None)
@given(workflows())
def test_whatever_goes_out_comes_in_as_the_same_and_is_sound(workflow: Workflow) -> None:
    result = again(workflow)
    assert result.workflow == workflow
    assert result.lost == ()
    assert read_elsewhere(workflow)
