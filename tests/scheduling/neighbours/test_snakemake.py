"""Snakefiles, carried over: read as text, linked as Snakemake links them, and never run."""

from __future__ import annotations

import subprocess
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.catalog import WorkflowInvalid
from holotype.scheduling import (
    Imported,
    Input,
    Output,
    Parameter,
    Resources,
    Retry,
    Rule,
    Setting,
    Stage,
    When,
    import_snakemake,
)

from ...effort import share

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = r"""
    import os
    configfile: "config.yaml"
    SAMPLES = ["a", "b"]

    rule all:
        input:
            expand("sorted/{sample}.bam", sample=SAMPLES),
            "report.html",
            "chr1.stats"

    rule map:
        "Maps reads"
        input:
            reads=["reads/{sample}_1.fq", "reads/{sample}_2.fq"],
            ref=config["genome"],
        output:
            temp("mapped/{sample}.sam")   # a comment
        log: "logs/{sample}.log"
        params:
            rg=r"@RG\tID:{sample}\tSM:{sample}",
            seed=19,
            mode="fast",
            extra=config["extra"]
        threads: 8
        resources: mem_mb=4000, runtime=90, disk_mb=lambda wildcards, attempt: attempt * 100, odd=1
        retries: 2
        container: "docker://lab/bwa:1"
        shell:
            "bwa mem -t {threads} -R '{params.rg}' -k {params.seed} -m {params.mode} {params.extra} "
            "{input.ref} {input.reads} > '{output}' 2> {log} # {{x}} {wildcards.sample}"

    rule sort:
        input: "mapped/{name}.sam"
        output: bam="sorted/{name}.bam", bai="sorted/{name}.bam.bai"
        shell: "sort -T {resources.tmpdir} {input} -o {output.bam} && index {output[0]} {output[1]}"

    rule report:
        input: expand("sorted/{sample}.bam", sample=SAMPLES)
        output: touch("report.html")
        shell: "multi {input:q} {rule} {resources.mem_mb}"

    rule stats:
        input: "regions/{chrom}.bed"
        output: "{chrom}.stats"
        shell: "stats {wildcards.chrom} {input} > {output}"

    rule unused:
        output: "other.txt"
        script: "other.py"
"""


def imported(folder: Path, text: str, **options: Any) -> Imported:
    path = folder / "Snakefile"
    path.write_text(dedent(text))
    return import_snakemake(path, **options)


def lost(result: Imported) -> set[str]:
    return {each.where for each in result.lost}


def test_a_rule_becomes_a_stage_with_all_it_says(tmp_path: Path) -> None:
    stage = imported(tmp_path, WHOLE).stages["map"]
    assert stage.about == "Maps reads"
    assert set(stage.inputs) == {"reads", "ref"}
    assert stage.inputs["reads"].many
    assert stage.outputs == {
        "output": Output("mapped/{sample}.sam"),
        "log": Output("logs/{sample}.log", optional=True, checked=False),
    }
    assert stage.parameters == {
        "seed": Parameter(kind="int", default=19),
        "mode": Parameter(default="fast"),
        "extra": Parameter(),
    }
    assert stage.resources == Resources(cpus=8, memory="4000 MB", time="90 min", disk="(attempt * 100)*MB")
    assert stage.environment.container == "lab/bwa:1"
    assert stage.errors == (Rule(When(), Retry(2)),)


def test_its_command_does_the_same_whatever_the_names(tmp_path: Path) -> None:
    template = imported(tmp_path, WHOLE.replace(" # {{x}} {wildcards.sample}", "")).stages["map"].template
    assert template is not None
    shown = template.shown(
        {
            "cpus": 8, "sample": "a b", "seed": 19, "mode": "fast", "extra": "-M", "ref": "r.fa",
            "reads": ["1;x.fq", "2.fq"], "output": "o.sam", "log": "l",
        }
    )  # fmt: skip
    assert shown == (
        r"set -u; bwa mem -t 8 -R '@RG\tID:''a b''\tSM:''a b' -k 19 -m fast -M r.fa '1;x.fq' 2.fq > o.sam 2> l"
    )


def test_rules_are_linked_by_their_files_from_the_first_back(tmp_path: Path) -> None:
    result = imported(tmp_path, WHOLE)
    workflow = result.workflow
    assert workflow is not None
    assert set(workflow.steps) == {"map", "sort", "report", "stats_chr1"}
    assert workflow.steps["sort"].inputs == {"input": ("map.output",)}
    assert workflow.steps["report"].inputs == {"input": ("sort.bam",)}
    assert workflow.steps["report"].per == "run"
    assert workflow.steps["stats_chr1"].parameters == {"chrom": "chr1"}
    assert workflow.steps["map"].parameters == {"extra": Setting("extra")}
    assert {name: port.shared for name, port in workflow.inputs.items()} == {
        "reads": False,
        "reads_2": False,
        "genome": True,
        "input": True,
    }
    assert workflow.inputs["reads_2"] == Input(about="reads/{sample}_2.fq")
    assert set(workflow.outputs.values()) == {"sort.bam", "report.output", "stats_chr1.output"}
    report = workflow.check()
    assert report.ok, report


def test_everything_that_is_not_carried_is_told(tmp_path: Path) -> None:
    result = imported(tmp_path, WHOLE.replace(" # {{x}} {wildcards.sample}", ""))
    assert result.without_command == ("unused",)
    assert lost(result) == {
        "Snakefile:2",
        "Snakefile:3",
        "Snakefile:4",
        "rules.all.input",
        "rules.map.output",
        "rules.map.params.rg",
        "rules.map.params.extra",
        "rules.map.resources.odd",
        "rules.sort",
        "rules.report.input",
        "rules.unused.script",
    }


def rule(**sections: str) -> str:
    body = "".join(f"    {name}: {text}\n" for name, text in {"output": '"{sample}.txt"', **sections}.items())
    return f"rule one:\n{body}"


def test_a_rule_may_name_the_outputs_of_another(tmp_path: Path) -> None:
    first = rule(output='"{sample}.a", b="{sample}.b"', shell='"x {output}"')
    for named, ports in (("output", ("output_1", "b")), ("output.b", ("b",)), ("output[0]", ("output_1",))):
        second = f"rule two:\n    input: rules.one.{named}\n    output: '{{sample}}.c'\n    shell: 'x {{input}}'\n"
        workflow = imported(tmp_path, second + first).workflow
        assert workflow is not None
        assert workflow.steps["two"].inputs == {"input": tuple(f"one.{port}" for port in ports)}


STOPS = {
    "a function": rule(input="lambda wildcards: wildcards.sample", shell='"x {input}"'),
    "a variable": rule(input="FILES", shell='"x {input}"'),
    "a call": rule(input="unpack(f)", shell='"x"'),
    "what is starred": rule(input="*FILES", shell='"x"'),
    "no sense": rule(input='"a', shell='"x"').replace('"a', "a b"),
    "a script": rule(script='"x.py"'),
    "a wrapper": rule(wrapper='"v1/bio/x"'),
    "Python": "rule one:\n    output: 'o'\n    run:\n        import os\n        os.system('x')\n",
    "a command that is put together": rule(shell='"x" + y'),
    "a field nobody knows": rule(shell='"x {config[a]}"'),
    "a parameter that is Python": rule(params="p=f(1)", shell='"x {params.p}"'),
    "a command within quotes": rule(shell="'echo \"$(wc {wildcards.sample})\"'"),
    "several files within quotes": rule(input='["a", "b"]', shell="'echo \"{input}\"'"),
    "another format": rule(shell='"x {output:>10}"'),
    "braces": rule(shell='"x {"'),
    "a directory": rule(output='directory("x/{sample}")', shell='"x {output}"'),
    "an output that is everything": rule(output='expand("{sample}", sample=S)', shell='"x {output}"'),
}


@pytest.mark.parametrize("what", STOPS)
def test_what_only_running_would_tell_leaves_a_rule_without_its_command(what: str, tmp_path: Path) -> None:
    result = imported(tmp_path, STOPS[what])
    assert result.without_command == ("one",), result.lost
    assert result.lost


LEFT = {
    "priority": (rule(priority="3", shell='"x"'), "rules.one.priority"),
    "a condition on wildcards": (
        rule(wildcard_constraints='sample="a"', shell='"x"'),
        "rules.one.wildcard_constraints",
    ),
    "the same within": (rule(output='"{sample,[a-z]+}.txt"', shell='"x"'), "rules.one.output"),
    "threads that are Python": (rule(threads="workflow.cores", shell='"x"'), "rules.one.threads"),
    "memory of the input": (
        rule(resources="mem_mb=lambda w, input: 2", shell='"x"').replace("2", "input.size_mb"),
        None,
    ),
    "both": (rule(conda='"e.yaml"', container='"c"', shell='"x"'), "rules.one.conda"),
    "a rule that is Python": ("if X:\n    rule two:\n        shell: 'x'\n" + rule(shell='"x"'), "Snakefile:1"),
    "a module": ("module other:\n    snakefile: 'x'\n" + rule(shell='"x"'), "Snakefile:1"),
    "a checkpoint": (rule(shell='"x"').replace("rule", "checkpoint"), "Snakefile:1"),
    "an include that is Python": ("include: f()\n" + rule(shell='"x"'), "Snakefile:1"),
}


@pytest.mark.parametrize("what", LEFT)
def test_what_is_left_out_is_told_with_where_it_stood(what: str, tmp_path: Path) -> None:
    text, where = LEFT[what]
    result = imported(tmp_path, text)
    assert result.without_command == ()
    assert (where or "rules.one.resources.mem_mb") in lost(result)


PARTS = ["a", " ", "'b c'", '"d e"', "'{wildcards.sample}'", '"{wildcards.sample} x"', "{wildcards.sample}"]
MORE = ["y'z{output}'", "''", "'{output}{wildcards.sample}'"]


@settings(max_examples=share(60), deadline=None)
@given(st.lists(st.sampled_from([*PARTS, *MORE]), max_size=8), st.sampled_from(["s", "t-1.x", "u_2"]))
def test_quotes_mean_what_they_meant(tmp_path_factory: Any, parts: list[str], sample: str) -> None:
    text = "printf '%s|' " + "".join(parts)
    (stage,) = imported(tmp_path_factory.mktemp("any"), rule(shell=repr(text))).stages.values()
    assert stage.template is not None
    ours = stage.template.filled({"sample": sample, "output": "o.txt"})
    theirs = text.replace("{wildcards.sample}", sample).replace("{output}", "o.txt")
    made = [subprocess.run(["bash", "-c", each], capture_output=True, check=True).stdout for each in (*ours, theirs)]
    assert made[0] == made[1]


def test_nothing_is_ever_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    text = f"open({str(mark)!r}, 'w').close()\n" + rule(shell='"x"', params=f"p=open({str(mark)!r}, 'w').close()")
    imported(tmp_path, text)
    assert not mark.exists()


def test_files_are_included_and_none_outside(tmp_path: Path) -> None:
    (tmp_path / "within" / "rules").mkdir(parents=True)
    (tmp_path / "within" / "rules" / "more.smk").write_text('include: "../Snakefile"\nrule two:\n    shell: "y"\n')
    result = imported(tmp_path / "within", 'include: "rules/more.smk"\n' + rule(shell='"x"'))
    assert set(result.stages) == {"one", "two"}
    (tmp_path / "secret.smk").write_text(rule(shell='"x"'))
    with pytest.raises(WorkflowInvalid, match="lies outside"):
        imported(tmp_path / "within", 'include: "../secret.smk"\n' + rule(shell='"x"'))


@pytest.mark.parametrize("text", ["", "x = 1\n", 'rule a:\n    shell: "', "rule a:\n      x: 1\n   y: 2\n", "\0"])
def test_what_is_no_snakefile_is_told(text: str, tmp_path: Path) -> None:
    with pytest.raises(WorkflowInvalid):
        imported(tmp_path, text)


def test_a_stage_that_is_handed_in_takes_the_place_of_a_rule(tmp_path: Path) -> None:
    own = Stage(name="unused", command="x", outputs={"output": Output("other.txt")})
    result = imported(tmp_path, WHOLE, stages={"unused": own})
    assert result.stages["unused"] is own


def test_many_rules_are_read_in_no_time(tmp_path: Path) -> None:
    chain = [
        f"rule r{n}:\n    input: 'f{n + 1}/{{sample}}'\n    output: 'f{n}/{{sample}}'\n    shell: 'x {{input}}'\n"
        for n in range(1000)
    ]
    result = imported(tmp_path, "".join(chain))
    assert result.workflow is not None
    assert len(result.workflow.steps) == 1000
