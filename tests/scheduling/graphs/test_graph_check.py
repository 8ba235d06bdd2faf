"""Whether the steps of a workflow hang together: every problem is found, with where it is, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from holotype.catalog import WorkflowInvalid
from holotype.scheduling import First, Input, Output, Parameter, Setting, Stage, Step, Workflow

TRIM = Stage(
    name="trim",
    command="fastp -i {reads} -o {out}",
    inputs={"reads": Input("fastq")},
    outputs={"out": Output("{sample}.fastq", "fastq")},
    parameters={"least": Parameter(kind="int", default=20, minimum=0)},
)
ALIGN = Stage(
    name="align",
    command="bwa mem {reference} {reads} > {sam}",
    inputs={"reads": Input("fastq", many=True), "reference": Input("fasta")},
    outputs={"sam": Output("{sample}.sam", "sam")},
)
MARK = Stage(
    name="mark", command="mark {sam} > {out}", inputs={"sam": Input("sam")}, outputs={"out": Output("m.sam", "sam")}
)
MERGE = Stage(
    name="merge",
    command="merge {sams} > {out}",
    inputs={"sams": Input("sam", many=True)},
    outputs={"out": Output("all.sam", "sam")},
)
NAMED = Stage(name="named", command="x {name} > {out}", parameters={"name": Parameter()}, outputs={"out": Output("o")})
READS = {"reads": Input("fastq", many=True), "genome": Input("fasta", shared=True)}


def workflow(steps: dict[str, Step], **said: Any) -> Workflow:
    given: dict[str, Any] = {"name": "mapping", "inputs": READS, "steps": steps}
    return Workflow(**given | said)


def mapping(**others: Step) -> dict[str, Step]:
    return {
        "trim": Step(TRIM, {"reads": "reads"}, scatter="reads"),
        "align": Step(ALIGN, {"reads": "trim.out", "reference": "genome"}),
        **others,
    }


def told(given: Workflow) -> set[tuple[str, str]]:
    rows = given.check().findings.to_pylist()
    return {(row["code"].removeprefix("workflow."), row["record"]) for row in rows}


INDEXED = Stage(
    name="indexed",
    command="call {sam} {reference} > {vcf}",
    inputs={"sam": Input("sam", beside=".sai"), "reference": Input("fasta", beside=(".fai", "^.dict"), optional=True)},
    outputs={"vcf": Output("x.vcf", "vcf", beside=".tbi")},
)
INDEX = Stage(
    name="index",
    command="index {sam} {out}",
    inputs={"sam": Input("sam")},
    outputs={"out": Output("i.sam", "sam", beside=(".sai", ".md5"))},
)
GENOME = {"genome": Input("fasta", shared=True, beside=".fai")}


@pytest.mark.parametrize(
    "sound",
    [
        workflow(mapping()),
        workflow(mapping(merge=Step(MERGE, {"sams": "align.sam"}, per="run")), outputs={"all": "merge.out"}),
        workflow(mapping(index=Step(INDEX, {"sam": "align.sam"}), call=Step(INDEXED, {"sam": "index.out"}))),
        workflow(mapping(merge=Step(MERGE, {"sams": ("align.sam", "align.sam")}))),
        workflow(
            mapping(
                mark=Step(MARK, {"sam": "align.sam"}, when="marking and sample.paired"),
                again=Step(MARK, {"sam": First("mark.out", "align.sam")}),
            ),
            parameters={"marking": Parameter(kind="bool", default=True)},
        ),
        workflow(
            {"named": Step(NAMED, parameters={"name": ("a", "b")}, scatter="name")} | mapping(),
        ),
        workflow(
            {"named": Step(NAMED, parameters={"name": Setting("who")})} | mapping(), parameters={"who": Parameter()}
        ),
    ],
)
def test_nothing_is_wrong_with_what_can_work(sound: Workflow) -> None:
    assert told(sound) == set()
    assert sound.check().ok


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (workflow(mapping(mark=Step(MARK, {"sam": "aling.sam"}))), {("source.unknown", "steps.mark.inputs.sam")}),
        (workflow(mapping(mark=Step(MARK, {"sam": "align.bam"}))), {("source.unknown", "steps.mark.inputs.sam")}),
        (workflow(mapping(mark=Step(MARK, {"sam": "sams"}))), {("source.unknown", "steps.mark.inputs.sam")}),
        (workflow(mapping(), outputs={"x": "align.bam"}), {("source.unknown", "outputs.x")}),
        (workflow(mapping(mark=Step(MARK))), {("input.missing", "steps.mark")}),
        (
            workflow(mapping(mark=Step(MARK, {"sam": "align.sam", "sma": "align.sam"}))),
            {("input.unknown", "steps.mark.inputs.sma")},
        ),
        (workflow({"trim": mapping()["trim"]}), {("input.unused", "inputs.genome")}),
        (
            workflow(mapping(mark=Step(MARK, {"sam": "trim.out"}))),
            {("format.mismatch", "mark.inputs.sam"), ("many", "mark.inputs.sam")},
        ),
        (
            workflow(mapping(call=Step(INDEXED, {"sam": "align.sam"}))),
            {("beside", "call.inputs.sam")},
        ),
        (
            workflow(
                mapping(
                    index=Step(INDEX, {"sam": "align.sam"}),
                    call=Step(INDEXED, {"sam": First("index.out", "align.sam"), "reference": "genome"}),
                ),
                inputs=READS | GENOME,
            ),
            {("beside", "call.inputs.sam"), ("beside", "call.inputs.reference")},
        ),
        (
            workflow(mapping(), inputs=READS | {"reads": Input("fastaq", many=True)}),
            {("format.unknown", "inputs.reads"), ("format.mismatch", "trim.inputs.reads")},
        ),
        (workflow(mapping() | {"trim": Step(TRIM, {"reads": "reads"})}), {("many", "trim.inputs.reads")}),
        (
            workflow(mapping(mark=Step(MARK, {"sam": "align.sam"}, scatter="sam"))),
            {("many.scattered", "mark.inputs.sam")},
        ),
        (
            workflow(mapping(mark=Step(MARK, {"sam": "align.sam"}, scatter="sma"))),
            {("scatter.unknown", "steps.mark.scatter")},
        ),
        (workflow(mapping(mark=Step(MARK, {"sam": "align.sam"}, per="run"))), {("per", "mark.inputs.sam")}),
        (
            workflow(mapping(named=Step(NAMED, parameters={"nmae": "x"}))),
            {("parameter.unknown", "steps.named.parameters.nmae"), ("parameter.missing", "steps.named")},
        ),
        (
            workflow(mapping(named=Step(NAMED, parameters={"name": 3}))),
            {("parameter.invalid", "steps.named.parameters.name")},
        ),
        (
            workflow(mapping(named=Step(NAMED, parameters={"name": "abc"}, scatter="name"))),
            {("parameter.invalid", "steps.named.parameters.name")},
        ),
        (
            workflow(mapping(named=Step(NAMED, parameters={"name": Setting("who")}))),
            {("parameter.unknown", "steps.named.parameters.name")},
        ),
        (
            workflow(
                mapping(named=Step(NAMED, parameters={"name": Setting("who")})),
                parameters={"who": Parameter(kind="int")},
            ),
            {("parameter.invalid", "steps.named.parameters.name")},
        ),
        (
            workflow(
                mapping(named=Step(NAMED, parameters={"name": Setting("who")}, scatter="name")),
                parameters={"who": Parameter()},
            ),
            {("parameter.invalid", "steps.named.parameters.name")},
        ),
        (
            workflow(
                mapping(named=Step(NAMED, parameters={"name": Setting("who")})),
                parameters={"who": Parameter(many=True)},
            ),
            {("parameter.invalid", "steps.named.parameters.name")},
        ),
        (workflow(mapping(), parameters={"who": Parameter()}), {("parameter.unused", "parameters.who")}),
        (workflow(mapping(mark=Step(MARK, {"sam": "align.sam"}, when="marking"))), {("when", "steps.mark.when")}),
        (
            workflow(mapping(mark=Step(MARK, {"sam": "align.sam"})), outputs={"sam": "align.sam"}),
            {("step.unused", "steps.mark")},
        ),
    ],
)
def test_what_cannot_work_is_told_with_where(wrong: Workflow, expected: set[tuple[str, str]]) -> None:
    assert told(wrong) == expected


def test_every_cycle_is_told_and_the_rest_is_looked_at() -> None:
    steps = {
        "one": Step(MARK, {"sam": "two.out"}),
        "two": Step(MARK, {"sam": "one.out"}),
        "self": Step(MARK, {"sam": "self.out"}),
        "mark": Step(MARK, {"sam": "nothing.out"}),
    }
    report = workflow(mapping(**steps)).check()
    assert report.counts["workflow.cycle"] == 2
    assert report.counts["workflow.source.unknown"] == 1
    assert not report.ok


INNER = Workflow(
    name="prepare",
    inputs={"lanes": Input("fastq", many=True), "genome": Input("fasta", shared=True), "extra": Input(optional=True)},
    parameters={"least": Parameter(kind="int", default=5), "marking": Parameter(kind="bool", default=True)},
    steps={
        "trim": Step(TRIM, {"reads": "lanes"}, scatter="reads", parameters={"least": Setting("least")}),
        "align": Step(ALIGN, {"reads": "trim.out", "reference": "genome"}),
        "mark": Step(MARK, {"sam": "align.sam"}, when="marking"),
    },
    outputs={"sam": "mark.out", "plain": "align.sam"},
)


def test_a_workflow_may_be_a_step_of_another() -> None:
    step = Step(INNER, {"lanes": "reads", "genome": "genome"}, parameters={"least": Setting("quality")})
    whole = workflow(
        {"prepare": step, "merge": Step(MERGE, {"sams": "prepare.sam"}, per="run")},
        parameters={"quality": Parameter(kind="int")},
        outputs={"all": "merge.out"},
    )
    assert told(whole) == set()
    assert whole.check().metric("workflow.stages") == 4


def test_what_is_wrong_within_it_is_told_with_where() -> None:
    step = Step(INNER, {"lanes": "genome", "genome": "reads"}, parameters={"least": -1, "marking": 3}, scatter="lanes")
    assert told(workflow({"prepare": step, "mark": Step(MARK, {"sam": "prepare.bam"})})) == {
        ("within", "steps.prepare"),
        ("parameter.invalid", "steps.prepare.parameters.marking"),
        ("parameter.invalid", "prepare/steps.trim.parameters.least"),
        ("format.mismatch", "prepare/trim.inputs.reads"),
        ("many.scattered", "prepare/trim.inputs.reads"),
        ("format.mismatch", "prepare/align.inputs.reference"),
        ("many", "prepare/align.inputs.reference"),
        ("source.unknown", "steps.mark.inputs.sam"),
    }


def test_ten_thousand_stages_in_a_row_are_no_trouble() -> None:
    names = [f"step{number}" for number in range(10_000)]
    steps = {name: Step(MARK, {"sam": f"{names[n - 1]}.out" if n else "reads"}) for n, name in enumerate(names)}
    backwards = dict(reversed(steps.items()))
    found = Workflow(name="long", inputs={"reads": Input("sam")}, steps=backwards).check()
    assert found.ok
    assert found.metric("workflow.stages") == 10_000


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"name": "a.b"}, "no name of a workflow"),
        ({"steps": {}}, "has no steps"),
        ({"steps": {"a.b": Step(MARK)}}, "steps: 'a.b' is no name of a step"),
        ({"steps": {"a": Step(MARK, when="1 +")}}, "steps.a.when: .* is no expression"),
        ({"parameters": {"reads": Parameter()}}, "reads is an input too"),
        ({"parameters": {"GiB": Parameter()}}, "GiB means something else"),
        ({"parameters": {"min": Parameter()}}, "min means something else"),
    ],
)
def test_what_cannot_mean_anything_is_refused(said: dict[str, Any], why: str) -> None:
    given: dict[str, Any] = {"steps": mapping()}
    with pytest.raises(WorkflowInvalid, match=why):
        workflow(**given | said)
