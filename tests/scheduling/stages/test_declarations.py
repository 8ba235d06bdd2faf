"""What ready-made stages say of themselves holds: programs, formats, resources; and importing them costs nothing."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from holotype.scheduling import Environment, Load, Retry, Site, Stage, Step, Tool, Workflow
from holotype.scheduling.stages import picard
from holotype.validators import FORMATS

from .doing import Done

if TYPE_CHECKING:
    from pathlib import Path

NEEDS = ("bwa", "samtools", "minimap2", "bcftools", "freebayes", "fastp", "fastqc", "PicardCommandLine")

MODULES = ("bwa", "minimap2", "samtools", "picard", "bcftools", "freebayes", "fastp", "fastqc", "gatk", "references")


def stages() -> dict[str, Stage]:
    found: dict[str, Stage] = {}
    for name in (*MODULES, "summaries"):
        module = import_module(f"holotype.scheduling.stages.{name}")
        for stage in (value for value in vars(module).values() if isinstance(value, Stage)):
            assert found.setdefault(stage.name, stage) is stage, f"two stages are called {stage.name}"
    return found


STAGES = stages()


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_its_formats_are_such_as_can_be_validated(stage: Stage) -> None:
    named = {name for port in stage.inputs.values() for name in port.formats}
    named |= {output.format for output in stage.outputs.values() if output.format is not None}
    assert named <= FORMATS.keys()
    assert all(port.formats for port in stage.inputs.values())
    assert stage.about.endswith(".")


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_what_it_needs_grows_with_what_there_is_to_do_and_ends(stage: Stage) -> None:
    parameters = {name: each.default for name, each in stage.parameters.items()}
    small, large = (
        stage.resources.needs(Load(input_size=size, files=2, parameters=parameters)) for size in (10_000, 100 << 30)
    )
    assert small.cpus <= 2  # it can be done on any machine
    assert small.memory <= 6 << 30
    assert large.memory >= small.memory
    assert small.time is not None
    assert large.time is not None
    assert 600 <= small.time <= large.time


@pytest.mark.parametrize("stage", [each for each in STAGES.values() if each.command], ids=lambda stage: stage.name)
def test_it_names_its_programs_and_says_what_is_done_when_they_fail(stage: Stage) -> None:
    for tool in stage.environment.tools:
        assert tool.versions
    kinds = [kind for rule in stage.errors for kind in rule.when.failures]
    for kind in ("memory", "disk", "time", "node", "exit"):
        assert kind in kinds
    if stage.thresholds:
        assert "quality" in kinds


# How programs ended, and what they said, when there was too little of it.
RAN_OUT = (
    (1, "[E::hts_tpool_init] Couldn't start thread pool worker : Cannot allocate memory", "memory"),
    (1, "samtools sort: couldn't allocate memory for bam_mem", "memory"),
    (1, 'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space', "memory"),
    (134, "terminate called after throwing an instance of 'std::bad_alloc'", "memory"),
    (134, "[morecore] insufficient memory", "memory"),
    (139, "", "memory"),
    (1, "[E::bgzf_flush] File write failed (wrong size): No space left on device", "disk"),
)


@pytest.mark.parametrize("stage", [each for each in STAGES.values() if each.command], ids=lambda stage: stage.name)
def test_what_ran_out_is_raised(stage: Stage) -> None:
    for status, said, raised in RAN_OUT:
        action = Done(status, said).action(stage)
        assert isinstance(action, Retry), (status, said)
        assert action.raising.keys() == {raised}


def told(tools: list[Tool], folder: Path) -> dict[str, str]:
    """What a check says of programs."""
    steps = {
        f"step{number}": Step(Stage(name=f"stage{number}", command="x", environment=Environment(tools=(tool,))))
        for number, tool in enumerate(tools)
    }
    rows = Workflow(name="all", steps=steps).check(site=Site(folder, cpus=1, memory=1)).findings.to_pylist()
    return {row["column"]: row["code"].removeprefix("run.tool.") for row in rows if row["code"].startswith("run.tool")}


def test_the_programs_tell_their_versions(tmp_path: Path) -> None:
    tools = {tool.name: tool for stage in STAGES.values() for tool in stage.environment.tools}
    tools |= {tool.name: tool for tool in picard.mark_duplicates("PicardCommandLine").environment.tools}
    for name in ("picard", "gatk"):  # as others than Debian call it; and what Debian does not have
        tools.pop(name)
    assert told([*tools.values()], tmp_path) == {}
    later = [replace(tool, versions=">=999") for tool in tools.values()]
    assert told(later, tmp_path) == dict.fromkeys(tools, "version")


@pytest.mark.parametrize(
    ("module", "answer", "version"),
    [
        ("gatk.GATK", "The Genome Analysis Toolkit (GATK) v4.2.6.1\nHTSJDK Version: 2.24.1", "4.2.6.1"),
        ("freebayes.FREEBAYES", "version:  v1.3.6-dirty\n", "1.3.6-dirty"),
        ("fastqc.PROGRAM", "FastQC v0.12.1\n", "0.12.1"),
        ("bwa.BWA", "\nProgram: bwa (alignment)\nVersion: 0.7.18-r1243-dirty\n", "0.7.18-r1243-dirty"),
    ],
)
def test_other_versions_are_understood(module: str, answer: str, version: str) -> None:
    import re

    home, _, name = module.partition(".")
    tool: Tool = getattr(import_module(f"holotype.scheduling.stages.{home}"), name)
    match = re.search(tool.says, answer)
    assert match is not None
    assert match[1] == version


def test_importing_them_loads_nothing_heavy() -> None:
    names = ", ".join((*MODULES, "summaries", "germline"))
    script = f"import sys; from holotype.scheduling.stages import {names}; sys.stdout.write(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    heavy = {"numpy", "pyarrow", "polars", "pandas", "duckdb", "zarr", "pandera", "psutil", "yaml"}
    assert heavy & {*done.stdout.split()} == set()
