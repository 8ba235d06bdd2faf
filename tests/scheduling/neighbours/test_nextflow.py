"""Processes of Nextflow, carried over: what they declare, and scripts that are texts; no Groovy is run."""

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
    Skip,
    Stage,
    StopRun,
    When,
    import_nextflow,
)

from ...effort import share

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = r'''
    #!/usr/bin/env nextflow
    include { OTHER } from './other'
    params.depth = 3   // not here

    process BWA_MEM {
        tag "$meta.id"
        label 'process_high'
        cpus 8
        memory { 16.GB * task.attempt }
        time '1h 30m'
        disk 10.GB
        errorStrategy 'retry'
        maxRetries 3
        container 'quay.io/lab/bwa:1'
        publishDir "results", mode: 'copy'

        input:
        tuple val(meta), path(reads)
        tuple val(meta2), path(index)   // the reference
        val depth

        output:
        tuple val(meta), path("*.bam"), emit: bam
        path "${meta.id}.log", optional: true, emit: log
        path "versions.yml"

        when:
        task.ext.when == null || task.ext.when

        script:
        def args = task.ext.args ?: ''
        def prefix = task.ext.prefix ?: "${meta.id}"
        """
        bwa mem $args -R '@RG\\tID:${meta.id}' -t ${task.cpus} -d $depth ${index} $reads | # a comment {
            samtools sort -m ${task.memory.toGiga()}G -o ${prefix}.bam -
        awk '{print \$1}' x > ${prefix}.log
        cat <<-END > versions.yml
        "${task.process}":
        END
        """

        stub:
        """
        touch x.bam
        """
    }

    process COUNT {
        errorStrategy 'ignore'
        input:
        path bam
        output:
        stdout
        "wc -c ${bam}"
    }

    workflow {
        BWA_MEM(Channel.of(1), file(params.index), 3)
    }
'''


def imported(folder: Path, text: str, **options: Any) -> Imported:
    path = folder / "main.nf"
    path.write_text(dedent(text))
    return import_nextflow(path, **options)


def lost(result: Imported) -> set[str]:
    return {each.where for each in result.lost}


def test_a_process_becomes_a_stage_with_all_it_declares(tmp_path: Path) -> None:
    result = imported(tmp_path, WHOLE)
    assert result.workflow is None
    assert result.without_command == ()
    stage = result.stages["BWA_MEM"]
    assert stage.inputs == {"reads": Input(many=True), "index": Input(many=True)}
    assert stage.parameters == {"depth": Parameter()}
    assert stage.outputs == {
        "bam": Output("*.bam", many=True),
        "log": Output("{sample}.log", optional=True),
        "output": Output("versions.yml"),
    }
    assert stage.resources == Resources(cpus=8, memory="(16*GiB) * attempt", time="(1*h) + (30*min)", disk="(10*GiB)")
    assert stage.environment.container == "quay.io/lab/bwa:1"
    assert stage.errors == (Rule(When(), Retry(3)), Rule(When(), StopRun("a process failed")))
    assert result.stages["COUNT"].errors == (Rule(When(), Skip("it failed, which is ignored")),)


def test_its_script_does_the_same_whatever_the_names(tmp_path: Path) -> None:
    template = imported(tmp_path, WHOLE).stages["BWA_MEM"].template
    assert template is not None
    values = {"sample": "a b", "cpus": 8, "depth": "3", "index": ["i.fa"], "reads": ["1;x", "2"], "memory": 16 << 30}
    assert template.shown(values).splitlines() == [
        "set -u +o pipefail",
        r"bwa mem  -R '@RG\tID:''a b' -t 8 -d 3 i.fa '1;x' 2 | # a comment {",
        "    samtools sort -m 16G -o 'a b'.bam -",
        "awk '{print $1}' x > 'a b'.log",
        "cat <<-END > versions.yml",
        '"BWA_MEM":',
        "END",
    ]


def test_everything_that_is_not_carried_is_told(tmp_path: Path) -> None:
    line = next(n for n, text in enumerate(WHOLE.splitlines(), 1) if text.strip() == "workflow {")
    assert lost(imported(tmp_path, WHOLE)) == {
        "main.nf:3",
        "main.nf:4",
        f"main.nf:{line}",
        "BWA_MEM.tag",
        "BWA_MEM.label",
        "BWA_MEM.publishDir",
        "BWA_MEM.input",
        "BWA_MEM.when",
        "BWA_MEM.script.args",
        "BWA_MEM.script.prefix",
        "BWA_MEM.stub",
        "COUNT.output",
    }


def process(script: str = '"x"', **sections: str) -> str:
    body = "".join(f"    {name}:\n    {text}\n" for name, text in sections.items() if name != "directives")
    return f"process ONE {{\n    {sections.get('directives', '')}\n{body}    script:\n    {script}\n}}\n"


STOPS = {
    "Groovy before it": process('def x = 1\n    "x"'),
    "a text that is calculated": process('"x ${a + b}"'),
    "a closure within": process('"x ${reads.collect { it }}"', input="path reads"),
    "something unknown": process('"x $nobody"'),
    "more of a sample": process('"x ${meta.single_end}"', input="val(meta)"),
    "a choice": process('if (x) { "a" } else { "b" }'),
    "a file of its own": process("template 'x.sh'"),
    "a file that is given a name": process('"x"', input="path 'in.txt'"),
    "files that are given names": process('"x"', input='path(reads, stageAs: "a/*")'),
    "a variable of the environment": process('"x"', input="env HOME"),
    "standard input": process('"x"', input="stdin"),
    "a condition": process('"x"', when="params.go"),
    "shell": process().replace("script:", "shell:"),
    "exec": process().replace("script:", "exec:"),
    "no script": "process ONE {\n    cpus 1\n}\n",
    "files within quotes": process('"""echo "$reads" """', input="path reads"),
}


@pytest.mark.parametrize("what", STOPS)
def test_what_is_groovy_leaves_a_process_without_its_command(what: str, tmp_path: Path) -> None:
    result = imported(tmp_path, STOPS[what])
    assert result.without_command == ("ONE",), result.lost
    assert result.lost


LEFT = {
    "memory that is calculated": (process(directives="memory { foo() }"), "ONE.memory"),
    "memory in no unit": (process(directives="memory '3 apples'"), "ONE.memory"),
    "a container that is calculated": (process(directives='container "${x ? 1 : 2}"'), "ONE.container"),
    "both": (process(directives="container 'a'\n    conda 'b'"), "ONE.conda"),
    "a strategy that is calculated": (process(directives="errorStrategy { x }"), "ONE.errorStrategy"),
    "retries of nothing": (process(directives="maxRetries 3"), "ONE.maxRetries"),
    "a variable": (process(directives="x = 3"), "ONE"),
    "each of several": (process('"x $m"', input="each m"), "ONE.input"),
    "a value that comes out": (process(output="val x"), "ONE.output"),
    "a pattern of choices": (process(output='path "*.{a,b}"'), "ONE.output"),
    "files anywhere": (process(output='path "**.bam"'), "ONE.output"),
    "a way out": (process(output='path "../x"'), "ONE.output"),
    "a topic": (process(output='path "x", topic: y'), "ONE.output.topic"),
}


@pytest.mark.parametrize("what", LEFT)
def test_what_is_left_out_is_told_with_where_it_stood(what: str, tmp_path: Path) -> None:
    text, where = LEFT[what]
    result = imported(tmp_path, text)
    assert result.without_command == (), result.lost
    assert where in lost(result)


@pytest.mark.parametrize("text", ["", "workflow { }", "process X {", 'process X { """ }', "process {}"])
def test_what_has_no_processes_is_told(text: str, tmp_path: Path) -> None:
    with pytest.raises(WorkflowInvalid):
        imported(tmp_path, text)


def test_a_text_may_have_texts_and_braces_within(tmp_path: Path) -> None:
    container = """container "${ workflow.engine == 'x' && !task.ext.y ?
        'https://depot/x:1' :
        "lab/${ [a: 1].collect { "}" } }:1" }"
    """
    result = imported(tmp_path, process('"x $reads"', directives=container, input="path reads"))
    assert result.stages["ONE"].inputs == {"reads": Input(many=True)}
    assert result.stages["ONE"].command == "set -u +o pipefail\nx {reads}"
    assert lost(result) == {"ONE.container"}


def test_only_the_last_statement_is_a_script(tmp_path: Path) -> None:
    result = imported(tmp_path, "process ONE {\n    'a'\n    'b'\n    cpus 1\n}\n")
    assert result.without_command == ("ONE",)


@pytest.mark.parametrize("text", [process() + "}", "process A { container \"${'}\n'x'\n}", '${"' * 5000])
def test_what_does_not_close_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(WorkflowInvalid):
        imported(tmp_path, text)


def test_a_stage_that_is_handed_in_takes_the_place_of_a_process(tmp_path: Path) -> None:
    own = Stage(name="ONE", command="x")
    assert imported(tmp_path, STOPS["a choice"], stages={"ONE": own}).stages == {"ONE": own}


def test_long_files_are_read_in_no_time(tmp_path: Path) -> None:
    script = '"""' + "echo\n" * 3000 + '"""'
    result = imported(tmp_path, process(script) + process().replace("ONE", "TWO") + "input:\n" * 20_000)
    assert result.without_command == ()


PARTS = [
    "a ",
    " ",
    "'b c'",
    '"d e"',
    "'${meta.id}'",
    '"$meta.id x"',
    "$meta.id ",
    "\\$HOME ",
    "y'z${meta.id}'",
    "q\\\\nr",
]


@settings(max_examples=share(60), deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=8), st.sampled_from(["s", "t-1.x"]))
def test_quotes_mean_what_they_meant(tmp_path_factory: Any, parts: list[str], sample: str) -> None:
    text = "printf '%s|' " + "".join(parts) + " end"
    result = imported(tmp_path_factory.mktemp("any"), process(f'"""\n    {text}\n    """', input="val(meta)"))
    (stage,) = result.stages.values()
    assert stage.template is not None
    theirs = (
        text.replace("\\$", "\x00").replace("\\\\", "\x01").replace("${meta.id}", sample).replace("$meta.id", sample)
    )
    theirs = theirs.replace("\x00", "$").replace("\x01", "\\")
    ours = stage.template.filled({"sample": sample})
    made = [subprocess.run(["bash", "-c", each], capture_output=True, check=True).stdout for each in (*ours, theirs)]
    assert made[0] == made[1]
