"""Stages: what is said of one step of work has to hold together."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import WorkflowInvalid
from holotype.scheduling import (
    Input,
    Instead,
    Output,
    Parameter,
    Reduce,
    Resources,
    Retry,
    Rule,
    Stage,
    StopSample,
    When,
)

if TYPE_CHECKING:
    from pathlib import Path


def count(reads: Path, table: Path, least: int = 0) -> None:
    table.write_text(str(len(reads.read_bytes()) > least))


ALIGN: dict[str, Any] = {
    "name": "align",
    "command": "bwa mem -t {cpus} {reference} {reads} -k {seed} > {sam}",
    "inputs": {"reads": Input("fastq", many=True), "reference": Input("fasta"), "known": Input("vcf", optional=True)},
    "outputs": {"sam": Output("{sample}.sam", "sam")},
    "parameters": {"seed": Parameter(kind="int", default=19, minimum=1)},
}


def test_one_that_holds_together_is_a_value() -> None:
    stage = Stage(**ALIGN, resources=Resources(memory="seed * GiB"), errors=[Rule(When("memory"), Retry(2))])  # type: ignore[arg-type]  # a list will do
    assert stage == Stage(**ALIGN, resources=Resources(memory="seed * GiB"), errors=(Rule(When("memory"), Retry(2)),))
    assert pickle.loads(pickle.dumps(stage)) == stage
    assert len({stage, pickle.loads(pickle.dumps(stage))}) == 1
    with pytest.raises(AttributeError):
        stage.name = "other"  # type: ignore[misc]  # that is the point


def test_a_function_is_given_everything_by_name() -> None:
    stage = Stage(
        name="count",
        call=count,
        inputs={"reads": Input()},
        outputs={"table": Output("t.csv")},
        parameters={"least": Parameter(kind="int", default=1)},
    )
    assert stage.template is None
    assert pickle.loads(pickle.dumps(stage)) == stage


OTHER = Stage(name="other", command="x {reads} > {out}", inputs={"reads": Input()}, outputs={"out": Output("o")})


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"name": "a b"}, "no name of a stage"),
        ({"command": None}, "a command, or a function"),
        ({"call": count}, "a command, or a function"),
        ({"command": "x {raeds}"}, "command: {raeds} is no input"),
        ({"command": "x '{reads}'"}, "within quotes"),
        ({"command": "  "}, "has to say something"),
        ({"inputs": {"re-ads": Input()}}, "no name of an input"),
        ({"inputs": {"sample": Input()}}, "means something else"),
        ({"parameters": {"h": Parameter()}}, "means something else"),
        ({"parameters": {"reads": Parameter()}}, "in inputs too"),
        ({"outputs": {"sam": Output("{lane}.sam")}}, r"outputs.sam: {lane} is no parameter"),
        ({"outputs": {"sam": Output("a"), "b": Output("a")}}, "the file that sam is too"),
        ({"resources": Resources(memory="sede * GiB")}, "resources: sede is no parameter"),
        ({"resources": Resources(memory="size.redas")}, "resources: redas is no input"),
        ({"errors": (Rule(When(), Reduce(dropping="reads")),)}, "errors.0: reads is no optional input"),
        ({"errors": (Rule(When(), Reduce(parameters={"no": 1})),)}, "errors.0: no is no parameter of"),
        ({"errors": (Rule(When(), Instead(parameters={"seed": 0})),)}, "errors.0.seed: 0 is less than 1"),
        ({"errors": (Rule(When(), Instead(parameters={"sede": 1})),)}, "sede is no parameter"),
        ({"errors": (Rule(When(), Instead(OTHER)),)}, "other does not make sam"),
        ({"errors": (Rule(When("exit"), Retry()), Rule(When("exit"), Retry(2)))}, "retried by a rule before it"),
    ],
)
def test_one_that_does_not_is_refused_with_why(said: dict[str, Any], why: str) -> None:
    with pytest.raises(WorkflowInvalid, match=why):
        Stage(**ALIGN | said)


def test_all_that_is_wrong_is_told_at_once() -> None:
    given: dict[str, Any] = ALIGN | {"name": "", "command": "x {y}", "resources": Resources(cpus="z")}
    with pytest.raises(WorkflowInvalid) as caught:
        Stage(**given)
    assert len(caught.value.problems) == 3
    assert isinstance(caught.value, ValueError)


def test_a_rule_may_do_what_is_possible() -> None:
    Stage(
        **ALIGN,
        errors=(
            Rule(When("memory"), Retry()),
            Rule(When(), Reduce(dropping="known")),
            Rule(When(), Instead(parameters={"seed": 5})),
            Rule(When(), StopSample()),
        ),
    )


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda reads: None, "top of a module"),
        (print, "cannot be given"),
        (count, "missing a required argument: 'table'"),
    ],
)
def test_a_function_that_could_not_be_called_is_refused(call: Any, why: str) -> None:
    with pytest.raises(WorkflowInvalid, match=why):
        Stage(name="x", call=call, inputs={"reads": Input()})


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a/../../x", "C:/x", "\\x", "", ".", "*/a.bam", "a?/*.bam"])
def test_an_output_stays_in_its_folder(path: str) -> None:
    with pytest.raises(ValueError, match=r"leads out|names no file|not its folder"):
        Output(path)


@pytest.mark.parametrize("ending", ["bai", "../x", "^bai", "./x"])
def test_what_lies_beside_a_file_is_an_ending(ending: str) -> None:
    with pytest.raises(ValueError, match="no ending"):
        Input("bam", beside=ending)
    assert Input("bam", beside=(".bai", "^.dict")).beside == (".bai", "^.dict")
