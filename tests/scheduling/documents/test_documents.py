"""Workflows as documents: what can be said in Python can be said there, and is held to the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.catalog import WorkflowInvalid
from holotype.scheduling import (
    Environment,
    First,
    Hold,
    Input,
    Instead,
    Load,
    Output,
    Parameter,
    Reduce,
    Resources,
    Retry,
    Rule,
    Setting,
    Skip,
    Stage,
    Step,
    StopRun,
    StopSample,
    Tool,
    When,
    Workflow,
    load_workflow,
    read_workflow,
    workflow_document,
)
from holotype.validators import Severity, Threshold

from ...effort import share

if TYPE_CHECKING:
    from pathlib import Path

NEEDS = ("pyyaml",)

YAML = """
workflow: mapping
version: "2"
inputs:
  reads: {formats: fastq, many: true, thresholds: [{metric: fastq.q30, least: 0.8}]}
  genome: {formats: fasta, shared: true, beside: [.fai, ^.dict]}
parameters:
  seed: {kind: int, default: 19, minimum: 1, unit: bp}
stages:
  trim:
    call: trim
    inputs: {reads: fastq}
    outputs: {out: {path: t.fastq, format: fastq}}
  align:
    command: [bwa, mem, -t, "{cpus}", -k, "{seed}", "{reference}", "{reads}", -o, "{sam}"]
    inputs: {reads: {formats: [fastq], many: true}, reference: fasta, known: {formats: vcf, optional: true}}
    outputs: {sam: {path: "{sample}.sam", format: sam}, page: "*.html"}
    parameters: {seed: {kind: int, default: 19}}
    resources: {cpus: 4, memory: 4*GiB + input_size, time: 6 h, licences: {aligner: 1}}
    environment: {tools: {bwa: ">=0.7", samtools: {versions: ">=1.10", asks: [--version]}}, variables: {LC_ALL: C}}
    errors:
      - {when: memory, do: retry, times: 3, raising: {memory: 2}, up_to: {memory: 64 GiB}}
      - {when: {failures: [exit, signal], codes: [1, 9], says: reset}, do: reduce, dropping: known}
      - {do: stop-sample, reason: broken}
    thresholds: [{metric: sam.mapped, least: 0.8, severity: warning}]
steps:
  trim: {stage: trim, inputs: {reads: reads}, scatter: reads}
  align:
    stage: align
    inputs: {reads: [trim.out], reference: genome}
    parameters: {seed: {setting: seed}}
    when: seed > 3
outputs: {sam: align.sam}
"""


def trim(reads: Path, out: Path) -> None:
    out.write_bytes(reads.read_bytes())


ALIGN = Stage(
    name="align",
    command=("bwa", "mem", "-t", "{cpus}", "-k", "{seed}", "{reference}", "{reads}", "-o", "{sam}"),
    inputs={"reads": Input("fastq", many=True), "reference": Input("fasta"), "known": Input("vcf", optional=True)},
    outputs={"sam": Output("{sample}.sam", "sam"), "page": Output("*.html")},
    parameters={"seed": Parameter(kind="int", default=19)},
    resources=Resources(cpus=4, memory="4*GiB + input_size", time="6 h", licences={"aligner": 1}),
    environment=Environment(tools=(Tool("bwa", ">=0.7"), Tool("samtools", ">=1.10")), variables={"LC_ALL": "C"}),
    errors=(
        Rule(When("memory"), Retry(3, raising={"memory": 2}, up_to={"memory": "64 GiB"})),
        Rule(When(("exit", "signal"), codes=(1, 9), says="reset"), Reduce(dropping="known")),
        Rule(When(), StopSample("broken")),
    ),
    thresholds=(Threshold("sam.mapped", least=0.8, severity=Severity.WARNING),),
)
MAPPING = Workflow(
    name="mapping",
    version="2",
    inputs={
        "reads": Input("fastq", many=True, thresholds=(Threshold("fastq.q30", least=0.8),)),
        "genome": Input("fasta", shared=True, beside=(".fai", "^.dict")),
    },
    parameters={"seed": Parameter(kind="int", default=19, minimum=1, unit="bp")},
    steps={
        "trim": Step(
            Stage(
                name="trim", call=trim, inputs={"reads": Input("fastq")}, outputs={"out": Output("t.fastq", "fastq")}
            ),
            {"reads": "reads"},
            scatter="reads",
        ),
        "align": Step(
            ALIGN, {"reads": "trim.out", "reference": "genome"}, parameters={"seed": Setting("seed")}, when="seed > 3"
        ),
    },
    outputs={"sam": "align.sam"},
)


def test_a_document_says_what_python_does(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(YAML)
    workflow = load_workflow(tmp_path / "w.yaml", functions={"trim": trim})
    assert workflow == MAPPING
    assert workflow.check().ok


@pytest.mark.parametrize("ending", ["yaml", "json"])
def test_what_is_written_is_read_as_the_same(ending: str, tmp_path: Path) -> None:
    import yaml

    document = workflow_document(MAPPING)
    text = json.dumps(document) if ending == "json" else yaml.safe_dump(document, sort_keys=False)
    (tmp_path / f"w.{ending}").write_text(text)
    assert load_workflow(tmp_path / f"w.{ending}", functions={"trim": trim}) == MAPPING


def test_toml_says_it_as_well(tmp_path: Path) -> None:
    (tmp_path / "w.toml").write_text(
        """
        workflow = "one"
        inputs.reads = "fastq"
        [stages.count]
        command = "wc -l < {reads} > {out}"
        inputs.reads = "fastq"
        outputs.out = "{sample}.txt"
        [steps.count]
        stage = "count"
        inputs.reads = "reads"
        """
    )
    workflow = load_workflow(tmp_path / "w.toml")
    assert workflow.steps["count"].stage.name == "count"
    assert workflow.check().ok


SOME = Stage(name="some", command="x", outputs={"out": Output("o")}, inputs={"a": Input(optional=True)})
NAMES = st.sampled_from(["a", "b", "c"])
ACTIONS = st.sampled_from(
    [
        Retry(2, wait=5, raising={"time": 3}),
        Instead(SOME, grade="worse"),
        Reduce(leaving_out=True),
        Reduce(parameters={"c": 0.5}, grade="downsampled"),
        Skip("why"),
        Hold(),
        StopSample(),
        StopRun("all"),
    ]
)
STAGES = st.builds(
    lambda number, rules, optional: Stage(
        name=f"stage{number}",
        command="x",
        inputs={"a": Input("bam", optional=optional), "b": Input(many=True)},
        outputs={"out": Output("o", optional=optional)},
        parameters={"c": Parameter(kind="float", default=None), "e": Parameter(many=True, default=("x",))},
        errors=tuple(Rule(When(attempts=number + 1), each) for number, each in enumerate(rules)),
    ),
    st.integers(0, 1_000_000),
    st.lists(ACTIONS, max_size=3),
    st.booleans(),
)
SOURCES = st.sampled_from(["in1", "s.out", ("in1", "s.out"), First("s.out", "in1")])
STEPS = st.builds(
    lambda stage, sources, value, **rest: Step(stage, sources, parameters=value, **rest),
    STAGES,
    st.dictionaries(st.sampled_from(["a", "b"]), SOURCES),
    st.dictionaries(st.sampled_from(["c", "e"]), st.sampled_from([1.5, Setting("p"), ("y", "z")])),
    scatter=st.sampled_from([(), "b", ("a", "e")]),
    crossed=st.booleans(),
    when=st.sampled_from([None, "p > 1"]),
    per=st.sampled_from([None, "run"]),
)
WORKFLOWS = st.builds(
    lambda steps, **rest: Workflow(name="w", steps=steps, inputs={"in1": Input()}, **rest),
    st.dictionaries(NAMES, STEPS, min_size=1, max_size=3),
    parameters=st.sampled_from([{}, {"p": Parameter(kind="int", choices=(1, 2), default=1)}]),
    outputs=st.sampled_from([{}, {"r": "a.out"}]),
)


@settings(max_examples=share(40), deadline=None)
@given(WORKFLOWS, WORKFLOWS)
def test_whatever_is_declared_comes_back(inner: Workflow, outer: Workflow) -> None:
    names = [step.stage.name for each in (inner, outer) for step in each.steps.values()]
    whole = Workflow(name="whole", steps={**outer.steps, "within": Step(inner, {"in1": "in1"})}, inputs=outer.inputs)
    if len(names) == len(set(names)):
        document = workflow_document(whole)
        assert read_workflow(json.loads(json.dumps(document))) == whole


def test_a_program_that_is_asked_for_nothing_still_is_when_it_comes_back() -> None:
    stage = Stage(name="s", command="bwa", environment=Environment(tools=(Tool("bwa", asks=()),)))
    whole = Workflow(name="w", steps={"s": Step(stage)})
    assert read_workflow(json.loads(json.dumps(workflow_document(whole)))) == whole


def test_all_that_is_wrong_is_told_with_where() -> None:
    document: dict[str, Any] = {
        "workflow": "x",
        "inputs": {"reads": {"formats": "fastq", "mny": True}},
        "stages": {
            "a": {"comand": "x"},
            "b": {"command": "x {y}"},
            "c": {
                "command": "x",
                "resources": {"memory": "8 Gib"},
                "errors": [{"do": "pray"}, {"do": "retry", "times": 0}],
            },
            "d": {"command": "x", "environment": {"tools": {"bwa": ">x"}}, "thresholds": [{"metric": "m"}]},
            "e": {"call": "f"},
            "f": {"command": "x", "outputs": {"o": {"format": "bam"}}, "errors": "none"},
            "k": {"command": "x", "inputs": {"i": {"optional": "no"}}, "outputs": {"o": {"path": 3}}},
            "l": {"command": "x", "version": 1.0, "inputs": {"i": {"formats": [["x"]]}}},
            "m": {"command": "x", "environment": {"tools": {"rm": {"asks": ["-rf", "x"]}}, "variables": {"A": "b"}}},
            "n": {"command": "x", "environment": {"tools": {"git": {"asks": "clean -v"}}}},
            "z": {"command": "x"},
        },
        "steps": {
            "a": {"stage": "a"},
            "g": {"stage": "g"},
            "h": {"stage": "a", "inputs": {"x": 3}},
            "i": 5,
            "j": {},
            "y": {"stage": {"name": "y", "command": "x"}},
            "z": {"stage": "z", "crossed": "no", "when": True, "scatter": [["i"]], "per": 3},
        },
        "outputs": {"o": 1},
    }
    with pytest.raises(WorkflowInvalid) as caught:
        read_workflow(document)
    assert "steps.y.stage: it is the name of one of the stages, where it is declared" in caught.value.problems
    places = {problem.partition(": ")[0] for problem in caught.value.problems}
    assert places == {
        "inputs.reads",
        "stages.a",
        "stages.b",
        "stages.c.resources",
        "stages.c.errors.0.do",
        "stages.c.errors.1",
        "stages.d.environment.tools.bwa",
        "stages.d.thresholds.0",
        "stages.e.call",
        "stages.f.outputs.o",
        "stages.f.errors",
        "stages.k.inputs.i.optional",
        "stages.k.outputs.o.path",
        "stages.l.version",
        "stages.l.inputs.i.formats",
        "stages.m.environment.tools.rm.asks",
        "stages.n.environment.tools.git.asks",
        "steps.z.crossed",
        "steps.z.when",
        "steps.z.scatter",
        "steps.z.per",
        "steps.g.stage",
        "steps.i",
        "steps.j.stage",
        "steps.y.stage",
        "outputs.o",
    }


@pytest.mark.parametrize("document", [None, [], "x", 3, {}, {"workflow": 3}, {"workflow": "w", "steps": []}])
def test_what_is_no_workflow_is_refused(document: Any) -> None:
    with pytest.raises(WorkflowInvalid):
        read_workflow(document)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("w.yaml", "a: [", "cannot be read"),
        ("w.yaml", "workflow: a\nworkflow: b\n", "line 2: workflow is there twice"),
        ("w.yaml", "a: &a [x]\nb: [*a, *a]\n", "line 2: references are not followed"),
        ("w.yaml", "!!python/object/apply:os.system [exit 3]", "cannot be read"),
        ("w.yaml", "x: " + "[" * 5000, "cannot be read"),
        ("w.json", "{", "cannot be read"),
        ("w.json", "[" * 200_000, "cannot be read"),
        ("w.toml", "a = ", "cannot be read"),
        ("w.txt", "workflow: a", "is .txt"),
        ("w", "workflow: a", "without an ending"),
        ("w.yaml", "\udcff", "cannot be read"),
    ],
)
def test_a_file_that_is_none_is_refused(name: str, text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(WorkflowInvalid, match=why):
        load_workflow(tmp_path / name)


def test_workflows_within_workflows_have_an_end() -> None:
    deep: dict[str, Any] = {"steps": {}}
    for _ in range(300):
        deep = {"workflows": {"w": deep}, "steps": {"w": {"stage": "w"}}}
    with pytest.raises(WorkflowInvalid, match="workflows deep"):
        read_workflow({"workflow": "deep", **deep})


@pytest.mark.parametrize("asks", ["--version", "-v", [], "version", ["view", "--version"], "-h"])
def test_programs_are_asked_for_their_version_in_any_usual_way(asks: Any) -> None:
    stage = {"command": "x", "environment": {"tools": {"samtools": {"asks": asks}}}}
    workflow = read_workflow({"workflow": "w", "stages": {"s": stage}, "steps": {"s": {"stage": "s"}}})
    (tool,) = stage_of(workflow).environment.tools
    assert tool.asks == ((asks,) if isinstance(asks, str) else tuple(asks))


def stage_of(workflow: Workflow) -> Stage:
    (step,) = workflow.steps.values()
    assert isinstance(step.stage, Stage)
    return step.stage


def test_many_keys_are_read_in_no_time_and_twice_the_same_is_told(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text("".join(f"k{number}: 1\n" for number in range(20_000)) + "k7: 2\n")
    with pytest.raises(WorkflowInvalid, match="line 20001: k7 is there twice"):
        load_workflow(tmp_path / "w.yaml")


def test_one_that_is_far_too_long_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_bytes(b"#" * (17 << 20))
    with pytest.raises(WorkflowInvalid, match="no workflow is that long"):
        load_workflow(tmp_path / "w.yaml")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_workflow(tmp_path / "w.yaml")


def needed(load: Load) -> float:
    return load.input_size


def test_what_no_document_can_hold_is_told() -> None:
    stage = Stage(name="s", command="x", resources=Resources(memory=needed))
    with pytest.raises(WorkflowInvalid, match=r"resources\.memory is a function"):
        workflow_document(Workflow(name="w", steps={"s": Step(stage)}))
    other = Stage(name="s", command="y")
    with pytest.raises(WorkflowInvalid, match="two differ"):
        workflow_document(Workflow(name="w", steps={"s": Step(other), "t": Step(Stage(name="s", command="x"))}))
