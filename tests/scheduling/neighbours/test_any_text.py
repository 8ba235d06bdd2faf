"""Whatever stands in a file of another system, there is an answer: what was carried, or why it is no such file."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.catalog import WorkflowInvalid
from holotype.scheduling import import_cwl, import_galaxy, import_nextflow, import_snakemake

from ...effort import share

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from holotype.scheduling import Imported

SNAKEFILE = """
rule all:
    input: expand("b/{sample}.txt", sample=S), "x.html"
rule one:
    input: a="a/{sample}.txt", r=config["r"]
    output: temp("b/{sample}.txt"), multiext("c/{sample}", ".x", ".y")
    params: p="-a b", n=3
    threads: 3
    resources: mem_mb=lambda wildcards, attempt: attempt * 2, runtime="2h"
    shell: "cat '{input.a}' {params.p} > {output[0]}"
"""
NEXTFLOW = '''
process A {
    cpus 3
    memory { 3.GB * task.attempt }
    input:
    tuple val(meta), path(reads, arity: '1')
    output:
    tuple val(meta), path("${meta.id}.txt"), emit: a
    script:
    def args = task.ext.args ?: ''
    """
    cat $args '${reads}' > ${meta.id}.txt
    """
}
'''
CWL = """
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [a, b]
requirements: {ResourceRequirement: {ramMin: 3}, EnvVarRequirement: {envDef: {A: b}}}
inputs: {x: {type: File, secondaryFiles: [.bai], inputBinding: {position: 1, prefix: -x}}, y: string}
arguments: [{valueFrom: $(inputs.y), position: 3}]
stdout: $(inputs.y).txt
outputs: {o: stdout, p: {type: "File[]", outputBinding: {glob: "*.x"}}}
"""
GALAXY = json.dumps(
    {
        "a_galaxy_workflow": "true",
        "name": "w",
        "steps": {
            "0": {"type": "data_input", "label": "a", "tool_state": '{"format": ["bam"]}'},
            "1": {
                "type": "tool",
                "tool_id": "x/y/z/1",
                "tool_state": '{"a": "{\\"b\\": 1}"}',
                "input_connections": {"q|r": {"id": 0, "output_name": "output"}},
                "outputs": [{"name": "o", "type": "bam"}],
                "workflow_outputs": [{"output_name": "o", "label": "L"}],
            },
        },
    }
)
FILES: dict[str, tuple[str, Callable[[Path], Imported]]] = {
    "w.smk": (SNAKEFILE, import_snakemake),
    "w.nf": (NEXTFLOW, import_nextflow),
    "w.cwl": (CWL, import_cwl),
    "w.ga": (GALAXY, import_galaxy),
}
PIECES = [
    "",
    "{",
    "}",
    "'",
    '"',
    "(",
    "[",
    "null",
    "$",
    "\\",
    "\n",
    " ",
    "0",
    "[]",
    "{}",
    "*",
    "../",
    "\t",
    "-1",
    "ü",
    "\x01",
]


@settings(max_examples=share(400), deadline=None)
@given(
    st.sampled_from(sorted(FILES)),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 12), st.sampled_from(PIECES)), max_size=3),
)
def test_whatever_stands_in_a_file_there_is_an_answer(
    tmp_path_factory: pytest.TempPathFactory, name: str, changes: list[tuple[int, int, str]]
) -> None:
    text, read = FILES[name]
    for place, length, piece in changes:
        start = place % len(text)
        text = text[:start] + piece + text[start + length :]
    path = tmp_path_factory.mktemp("any") / name
    path.write_text(text)
    with suppress(WorkflowInvalid):
        result = read(path)
        assert result.stages or result.lost


@pytest.mark.parametrize("name", sorted(FILES))
def test_what_is_no_text_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WorkflowInvalid):
        FILES[name][1](tmp_path / name)
    with pytest.raises(FileNotFoundError):
        FILES[name][1](tmp_path / f"no{name}")


@pytest.mark.parametrize("name", sorted(FILES))
def test_what_is_far_too_long_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b" " * (17 << 20))
    with pytest.raises(WorkflowInvalid, match="that long"):
        FILES[name][1](tmp_path / name)
