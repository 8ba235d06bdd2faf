"""Before anything runs, everything that would go wrong is told at once."""

from __future__ import annotations

import os
import random
import shutil
import stat
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from holotype.catalog import WorkflowInvalid
from holotype.scheduling import (
    Environment,
    Input,
    Output,
    Parameter,
    Resources,
    Sample,
    Setting,
    Site,
    Stage,
    Step,
    Tool,
    Workflow,
)
from holotype.scheduling.checking.asking import answer_of
from holotype.validators import Severity, Threshold

GENOME = "".join(random.Random(1).choices("ACGT", k=600))


def a_program(folder: Path, name: str, says: str, *, status: int = 0) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n")
    (folder / name).chmod(stat.S_IRWXU)


def reads(name: str, count: int = 3, *, first: int = 0, end: int = 1) -> str:
    return "".join(f"@{name}{n} {end}:N:0\n{GENOME[n : n + 40]}\n+\n{'I' * 40}\n" for n in range(first, first + count))


@pytest.fixture
def laboratory(tmp_path: Path) -> Path:
    """Reads of two samples, a genome with its index, and programs."""
    data = tmp_path / "data"
    data.mkdir()
    for sample in ("liver", "heart"):
        for end in (1, 2):
            (data / f"{sample}_R{end}.fastq").write_text(reads(sample, end=end))
    (data / "genome.fa").write_text(f">chr1\n{GENOME}\n")
    (data / "genome.fa.fai").write_text("chr1\t600\t6\t600\t601\n")
    a_program(tmp_path / "bin", "mapper", "mapper version 1.12-r4", status=1)
    return tmp_path


def mapping(**said: Any) -> Workflow:
    stage: dict[str, Any] = {
        "name": "map",
        "command": "mapper -k {seed} {genome} {reads} > {sam}",
        "inputs": {"reads": Input("fastq", many=True), "genome": Input("fasta")},
        "outputs": {"sam": Output("{sample}.sam", "sam")},
        "parameters": {"seed": Parameter(kind="int", minimum=1)},
        "resources": Resources(memory="MiB * seed", disk="input_size"),
        "environment": Environment(tools=(Tool("mapper", ">=1.10"),)),
    }
    return Workflow(
        name="mapping",
        inputs={"reads": Input("fastq", many=True), "genome": Input("fasta", shared=True, beside=".fai")},
        parameters={"seed": Parameter(kind="int", default=19)},
        steps={
            "map": Step(
                Stage(**stage | said), {"reads": "reads", "genome": "genome"}, parameters={"seed": Setting("seed")}
            )
        },
        outputs={"sam": "map.sam"},
    )


def samples(folder: Path) -> list[Sample]:
    return [
        Sample(name, {"reads": [folder / "data" / f"{name}_R{end}.fastq" for end in (1, 2)]}, values={"sex": "f"})
        for name in ("liver", "heart")
    ]


def site(folder: Path, **said: Any) -> Site:
    given: dict[str, Any] = {"cpus": 2, "memory": 1 << 30, "path": str(folder / "bin")}
    return Site(folder / "runs", **given | said)


def told(folder: Path, workflow: Workflow | None = None, **said: Any) -> set[tuple[str, str | None]]:
    given: dict[str, Any] = {
        "samples": samples(folder),
        "site": site(folder),
        "shared": {"genome": folder / "data" / "genome.fa"},
    }
    rows = (workflow or mapping()).check(**given | said).findings.to_pylist()
    return {(row["code"].removeprefix("run."), row["record"]) for row in rows if row["severity"] != "note"}


def test_nothing_is_wrong_with_what_can_run(laboratory: Path) -> None:
    assert told(laboratory) == set()
    assert (laboratory / "runs").is_dir()


def test_without_samples_it_is_the_workflow_and_the_site_that_are_looked_at(laboratory: Path) -> None:
    assert mapping().check(site=site(laboratory)).ok
    assert mapping().check(site=site(laboratory, path="")).codes == {"run.tool.missing"}


def test_samples_are_held_against_what_the_workflow_takes(laboratory: Path) -> None:
    liver, heart = samples(laboratory)
    assert told(laboratory, samples=[]) == {("sample.none", None)}
    assert ("sample.twice", "liver") in told(laboratory, samples=[liver, liver])
    assert told(laboratory, samples=[Sample("x")]) == {("input.missing", "x")}
    assert told(laboratory, samples=[heart, Sample("x", {**liver.files, "redas": "y"})]) >= {("input.unknown", "x")}
    assert told(laboratory, shared={}) == {("input.missing", None)}
    assert told(laboratory, shared={"genome": [laboratory / "data" / "genome.fa", "other.fa"]}) >= {
        ("input.many", None)
    }
    assert ("input.unknown", None) in told(laboratory, shared={"reads": "x"})


def test_conditions_ask_of_samples_what_is_known(laboratory: Path) -> None:
    whole = mapping()
    (step,) = whole.steps.values()
    steps = {
        "map": Step(step.stage, step.inputs, parameters=step.parameters, when="sample.sex == 'f' and sample.age > 3")
    }
    asking = Workflow(name="asking", inputs=whole.inputs, parameters=whole.parameters, steps=steps)
    assert told(laboratory, asking) == {("value.missing", "liver"), ("value.missing", "heart")}


def test_parameters_are_held_against_what_is_declared(laboratory: Path) -> None:
    assert told(laboratory, parameters={"seed": "x"}) == {("parameter.invalid", None)}
    assert told(laboratory, parameters={"sede": 3}) == {("parameter.unknown", None)}
    required = Workflow(
        name="r", inputs=mapping().inputs, steps=mapping().steps, parameters={"seed": Parameter(kind="int")}
    )
    assert ("parameter.missing", None) in told(laboratory, required)


def test_files_are_there_and_can_be_read(laboratory: Path) -> None:
    (laboratory / "data" / "liver_R2.fastq").unlink()
    (laboratory / "data" / "heart_R1.fastq").unlink()
    (laboratory / "data" / "heart_R1.fastq").mkdir()
    assert told(laboratory) >= {("file.missing", "liver"), ("file.unreadable", "heart")}


def test_an_index_is_there_and_no_older(laboratory: Path) -> None:
    index = laboratory / "data" / "genome.fa.fai"
    os.utime(index, (1, 1))
    assert told(laboratory) == {("file.older", None)}
    index.unlink()
    assert told(laboratory) == {("file.beside", None)}


def test_a_file_that_is_given_twice_is_told_under_any_name(laboratory: Path) -> None:
    liver, heart = samples(laboratory)
    (laboratory / "data" / "again_R1.fastq").hardlink_to(liver.paths("reads")[0])
    again = Sample("again", {"reads": [laboratory / "data" / "again_R1.fastq"]})
    assert told(laboratory, samples=[liver, heart, again]) == {("file.twice", "again")}


def test_contents_are_what_they_should_be(laboratory: Path) -> None:
    data = laboratory / "data"
    (data / "liver_R1.fastq").write_text(f">liver\n{GENOME}\n")
    (data / "heart_R2.fastq").write_text(reads("heart", 2, end=2) + "@heart9 2:N:0\nACGT\n+\nII\n")
    rows = mapping().check(samples(laboratory), shared={"genome": data / "genome.fa"}).findings.to_pylist()
    found = {(Path(row["path"]).name, row["code"]) for row in rows if row["severity"] == "error"}
    assert ("liver_R1.fastq", "run.file.format") in found
    assert any(name == "heart_R2.fastq" and code.startswith("fastq.") for name, code in found)


def test_figures_of_what_is_given_are_what_they_have_to_be(laboratory: Path) -> None:
    """Before anything runs; each file by itself."""
    (laboratory / "data" / "heart_R2.fastq").write_text(reads("heart", end=2).replace("I", "#"))

    def held(*thresholds: Threshold) -> list[tuple[str, str, str, str]]:
        inputs = {**mapping().inputs, "reads": Input("fastq", many=True, thresholds=thresholds)}
        workflow = replace(mapping(), inputs=inputs)
        genome = laboratory / "data" / "genome.fa"
        report = workflow.check(samples(laboratory), site(laboratory), shared={"genome": genome})
        rows = (row for row in report.findings.to_pylist() if row["code"] == "metric.threshold")
        return [(Path(row["path"]).name, row["severity"], row["column"], row["message"]) for row in rows]

    assert held(Threshold("fastq.reads", least=1)) == []
    (low,) = held(Threshold("fastq.q20", least=0.7), Threshold("fastq.reads", least=1))
    assert low == ("heart_R2.fastq", "error", "fastq.q20", "fastq.q20 is 0, and is to be at least 0.7")
    assert [each[1] for each in held(Threshold("fastq.q20", least=0.7, severity=Severity.WARNING))] == ["warning"]
    assert {each[3] for each in held(Threshold("bam.what", least=1))} == {"there is no figure bam.what"}
    assert held(Threshold("bam.what", least=1, optional=True)) == []
    with pytest.raises(WorkflowInvalid, match="held to its own thresholds"):
        Stage(name="s", command="x {reads}", inputs={"reads": Input(thresholds=(Threshold("m", least=1),))})


def test_mates_are_in_step(laboratory: Path) -> None:
    (laboratory / "data" / "liver_R2.fastq").write_text(reads("liver", first=1, end=2))
    assert {code for code, _ in told(laboratory)} == {"fastq.pair.names"}


def test_mates_that_are_swapped_between_samples_are_noticed(laboratory: Path) -> None:
    data = laboratory / "data"
    liver, heart = ([data / f"{one}_R1.fastq", data / f"{other}_R2.fastq"] for one, other in
                    (("liver", "heart"), ("heart", "liver")))  # fmt: skip
    swapped = [Sample("liver", {"reads": liver}), Sample("heart", {"reads": heart})]
    rows = mapping().check(swapped, shared={"genome": data / "genome.fa"}).findings.to_pylist()
    found = [(row["path"], row["member"]) for row in rows if row["code"] == "fastq.pair.names"]
    assert found == [("liver", str(liver[1])), ("heart", str(heart[1]))]

    turned = [Sample("liver", {"reads": [data / "liver_R2.fastq", data / "liver_R1.fastq"]})]
    rows = mapping().check(turned, shared={"genome": data / "genome.fa"}).findings.to_pylist()
    found = [(row["path"], row["member"]) for row in rows if row["code"] == "fastq.pair.mate"]
    assert found == [("liver", str(data / "liver_R2.fastq"))]

    (data / "other_R1.fastq").write_text(reads("liver"))
    named_otherwise = [Sample("liver", {"reads": [data / "other_R1.fastq", data / "liver_R2.fastq"]})]
    assert told(laboratory, samples=named_otherwise) == set()


def test_variants_of_another_genome_are_no_input(laboratory: Path) -> None:
    variants = laboratory / "data" / "liver.vcf"
    head = "##fileformat=VCFv4.3\n##contig=<ID={0},length=600>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    workflow = Workflow(
        name="variants",
        inputs={"vcf": Input("vcf"), "genome": Input("fasta", shared=True)},
        steps={
            "count": Step(
                Stage(name="count", command="cat {vcf}", inputs={"vcf": Input("vcf"), "genome": Input("fasta")}),
                {"vcf": "vcf", "genome": "genome"},
            )
        },
    )
    sample = Sample("liver", {"vcf": variants})
    for contig in ("chr1", "plasmid"):
        variants.write_text(head.format(contig) + f"{contig}\t1\t.\t{GENOME[0]}\t<DEL>\t.\t.\t.\n")
        found = told(laboratory, workflow, samples=[sample])
        assert (("file.reference", "plasmid") in found) is (contig == "plasmid")


def test_an_index_of_another_genome_is_noticed(laboratory: Path) -> None:
    (laboratory / "data" / "genome.fa.fai").write_text("chr1\t599\t6\t600\t601\n")
    rows = mapping().check(samples(laboratory), shared={"genome": laboratory / "data" / "genome.fa"})
    assert rows.ok  # the index itself is none of the files that are given; that it is there is what is asked
    both = Workflow(
        name="both",
        inputs={**mapping().inputs, "index": Input("fai", shared=True)},
        parameters=mapping().parameters,
        steps=mapping().steps,
    )
    shared = {"genome": laboratory / "data" / "genome.fa", "index": laboratory / "data" / "genome.fa.fai"}
    assert any(code.startswith(("reference.", "fai.")) for code, _ in told(laboratory, both, shared=shared))


@pytest.mark.parametrize(
    ("says", "status", "code"),
    [("mapper 1.9", 0, "tool.version"), ("usage: mapper", 1, "tool.silent"), (None, 0, "tool.missing")],
)
def test_programs_are_there_in_the_right_version(says: str | None, status: int, code: str, laboratory: Path) -> None:
    (laboratory / "bin" / "mapper").unlink()
    if says is not None:
        a_program(laboratory / "bin", "mapper", says, status=status)
    assert told(laboratory) == {(code, "map")}


def test_a_program_that_hangs_leaves_others_behind_or_never_ends_is_no_trouble(laboratory: Path) -> None:
    for says in ("(sleep 600 &); echo mapper 1.12", "yes mapper 1.12"):
        (laboratory / "bin" / "mapper").write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{says}\n")
        assert told(laboratory) == set()
    (laboratory / "bin" / "mapper").write_text(
        "#!/bin/sh\nPATH=/usr/bin:/bin\necho mapper 1.12; sleep 600 & sleep 600\n"
    )
    began = time.monotonic()
    assert "mapper 1.12" in answer_of([str(laboratory / "bin" / "mapper")], patience=0.5)
    assert time.monotonic() - began < 60


def test_what_cannot_be_started_says_why(tmp_path: Path) -> None:
    (tmp_path / "no").write_text("no program")
    assert "Permission denied" in answer_of([str(tmp_path / "no")])


def test_values_fit_where_they_are_set_and_conditions_can_be_worked_out(laboratory: Path) -> None:
    whole = mapping()
    (step,) = whole.steps.values()
    loose = Workflow(
        name="loose",
        inputs=whole.inputs,
        parameters={"seed": Parameter(kind="int", default=0)},
        steps={"map": Step(step.stage, step.inputs, parameters=step.parameters, when="seed > sample.sex")},
    )
    assert told(laboratory, loose) == {("parameter.invalid", "map"), ("condition", "liver"), ("condition", "heart")}
    assert told(laboratory, loose, parameters={"seed": 3}) == {("condition", "liver"), ("condition", "heart")}


def test_a_program_in_a_container_is_not_looked_for_here(laboratory: Path) -> None:
    environment = Environment(tools=(Tool("nothing"),), container="lab/mapper@sha256:12")
    assert told(laboratory, mapping(environment=environment)) == {("environment.closed", "map")}


@pytest.mark.parametrize(
    ("resources", "code"),
    [
        (Resources(cpus=3), "site.lacks"),
        (Resources(memory="2 GiB"), "site.lacks"),
        (Resources(gpus=1), "site.lacks"),
        (Resources(licences={"mapper": 1}), "site.lacks"),
        (Resources(instruments={"novaseq": 2}), "site.lacks"),
        (Resources(memory="seed / 0"), "needs"),
    ],
)
def test_what_tasks_need_the_site_has(resources: Resources, code: str, laboratory: Path) -> None:
    there = site(laboratory, instruments={"novaseq": 1})
    assert told(laboratory, mapping(resources=resources), site=there) == {(code, "map")}


def test_what_one_input_needs_is_reckoned_from_its_own_size(laboratory: Path) -> None:
    (laboratory / "data" / "liver_R1.fastq").write_text(reads("liver", 500))
    (laboratory / "data" / "liver_R2.fastq").write_text(reads("liver", 500, end=2))
    genome = (laboratory / "data" / "genome.fa").stat().st_size
    there = site(laboratory, memory=2 * genome)
    assert told(laboratory, mapping(resources=Resources(memory="2*size.genome")), site=there) == set()
    assert ("site.lacks", "map") in told(laboratory, mapping(resources=Resources(memory="2*size.reads")), site=there)


def test_room_that_no_task_can_do_with_is_an_error_and_that_all_together_may_do_with_a_warning(
    laboratory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(laboratory, mapping(resources=Resources(disk="1000 * PiB"))) == {("site.room", "map")}
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": 3 << 30})())
    assert told(laboratory, mapping(resources=Resources(disk="2 GiB"))) == {("site.space", None)}
    assert told(laboratory, mapping(resources=Resources(disk="1 GiB"))) == set()
    report = mapping(resources=Resources(disk="4 GiB")).check(
        samples(laboratory), site(laboratory), shared={"genome": laboratory / "data" / "genome.fa"}
    )
    (row,) = (row for row in report.findings.to_pylist() if row["code"] == "run.site.room")
    assert row["message"] == "map needs 4 GiB of disk at once, and 3 GiB are free"
    assert not report.ok


def test_a_site_that_is_said_to_have_more_memory_than_its_machine_is_odd(laboratory: Path) -> None:
    # Where nothing tells what the machine has, nothing is said.
    known = find_spec("psutil") is not None
    assert told(laboratory, site=site(laboratory, memory=1 << 50)) == ({("site.memory", None)} if known else set())


def test_results_of_another_run_are_not_written_over(laboratory: Path) -> None:
    assert told(laboratory, name="tuesday") == set()
    folder = laboratory / "runs" / "runs" / "tuesday"
    folder.mkdir(parents=True)
    (folder / "order.json").write_text("{}")
    assert told(laboratory, name="tuesday") == {("exists", None)}


@pytest.mark.parametrize(("index", "of"), [("x.fa.fai", "x.fa"), ("x.bai", "x.bam"), ("x.dict", "x.fasta")])
def test_an_index_that_is_given_by_itself_is_not_older_than_its_file(index: str, of: str, laboratory: Path) -> None:
    data = laboratory / "data"
    for name in (index, of):
        (data / name).write_text("chr1\t600\t6\t600\t601\n")
    both = Workflow(
        name="both",
        inputs={**mapping().inputs, "index": Input(shared=True)},
        parameters=mapping().parameters,
        steps=mapping().steps,
    )
    shared = {"genome": data / "genome.fa", "index": data / index}
    for age, odd in ((100, True), (-100, False)):
        os.utime(data / of, (time.time(), (data / index).stat().st_mtime + age))
        rows = both.check(samples(laboratory), shared=shared, cost="header").findings.to_pylist()
        said = [row["message"] for row in rows if row["code"] == "run.file.older"]
        assert said == ([f"{data / index} is older than {data / of}"] if odd else [])


def test_a_folder_that_cannot_be_made_is_told(laboratory: Path) -> None:
    (laboratory / "runs").write_text("a file")
    assert told(laboratory) == {("site.folder", None)}


def test_all_of_it_is_told_at_once(laboratory: Path) -> None:
    (laboratory / "bin" / "mapper").unlink()
    whole = mapping(resources=Resources(cpus=99))
    found = told(laboratory, whole, samples=[Sample("x")], shared={}, parameters={"sede": 1})
    assert {code for code, _ in found} == {"tool.missing", "site.lacks", "input.missing", "parameter.unknown"}
