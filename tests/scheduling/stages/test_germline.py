"""The germline pipeline, from reads to a report, by the programs that it is made of."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.genomes import Variant, accuracy, variants_in, variants_of, write_reads
from holotype.catalog import WorkflowInvalid
from holotype.scheduling import Instead, Sample, Scheduler, Site, read_workflow, workflow_document
from holotype.scheduling.stages import bcftools, freebayes, samtools
from holotype.scheduling.stages.germline import germline
from holotype.scheduling.stages.summaries import report, summarise

from .doing import do
from .test_gatk import a_gatk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from holotype.scheduling import Run, Workflow

    from .conftest import Person

NEEDS = ("bwa", "samtools", "bcftools", "fastp", "fastqc", "freebayes", "PicardCommandLine", "gzip")

ODD = "Herz é 'x' \\t$(exit 3)"


def two_people(person: Person, folder: Path) -> dict[str, tuple[Sample, list[Variant]]]:
    """Samples, one of whom has an odd name, and their variants."""
    made: dict[str, tuple[Sample, list[Variant]]] = {}
    for number, name in enumerate(("liver", ODD)):
        variants = variants_of(person.genome, 20 + number)
        reads = write_reads(folder, f"person{number}", person.genome, variants, seed=number)
        made[name] = Sample(name, {"reads": reads}), variants
    return made


@contextmanager
def run_of(
    workflow: Workflow, samples: Sequence[Sample], site: Site, *, shared: Mapping[str, Path], **parameters: Any
) -> Iterator[Run]:
    """A run that was checked and came through."""
    with Scheduler(site) as scheduler:
        run = scheduler.start(workflow, samples, shared=shared, parameters=parameters)
        scheduler.work(timeout=600)
        assert run.outcome().state == "done", run.tasks().filter(run.tasks()["state"] != "done").to_dicts()
        yield run


def without_quality(workflow: Workflow) -> Workflow:
    """But for the look at the reads, which takes as long as all the rest, and of which nothing is made."""
    steps = {name: step for name, step in workflow.steps.items() if name != "quality"}
    outputs = {name: each for name, each in workflow.outputs.items() if name != "quality_pages"}
    return replace(workflow, steps=steps, outputs=outputs)


@pytest.mark.parametrize("choices", [{}, {"indexed": True}, {"recalibrate": True}], ids=str)
@pytest.mark.parametrize("duplicates", ["samtools", "picard"])
@pytest.mark.parametrize("caller", ["bcftools", "freebayes", "gatk"])
def test_nothing_is_wrong_with_it_whatever_is_chosen(caller: str, duplicates: str, choices: dict[str, Any]) -> None:
    other = "freebayes" if caller != "freebayes" else "bcftools"
    for otherwise in (None, other):
        found = germline(caller=caller, otherwise=otherwise, duplicates=duplicates, **choices).check()
        assert found.findings.to_pylist() == []


@pytest.mark.parametrize(
    ("choices", "why"),
    [
        ({"caller": "samtools"}, "called by one of"),
        ({"otherwise": "magic"}, "called by one of"),
        ({"otherwise": "bcftools"}, "is what failed"),
        ({"duplicates": "none"}, "marked by samtools or picard"),
    ],
)
def test_what_cannot_be_chosen_is_refused(choices: dict[str, Any], why: str) -> None:
    with pytest.raises(WorkflowInvalid, match=why):
        germline(**choices)


def test_it_can_be_written_as_a_document_and_read_again() -> None:
    workflow = germline(caller="gatk", otherwise="freebayes", duplicates="picard", recalibrate=True)
    document = json.loads(json.dumps(workflow_document(workflow)))
    assert read_workflow(document, functions={"summarise": summarise, "report": report}) == workflow


def test_where_a_program_fails_there_is_another() -> None:
    steps = germline(otherwise="freebayes", duplicates="picard").steps
    assert steps["call"].stage.errors[-1].do == Instead(freebayes.CALL)  # type: ignore[union-attr]  # it is a stage
    assert steps["duplicates"].stage.errors[-1].do == Instead(samtools.MARK_DUPLICATES)  # type: ignore[union-attr]
    assert germline().steps["call"].stage == bcftools.CALL


def test_two_samples_come_through_all_of_it(person: Person, tmp_path: Path) -> None:
    people = two_people(person, tmp_path)
    samples = [sample for sample, _ in people.values()]
    workflow, shared = germline(), {"reference": person.fasta}
    site = Site(tmp_path / "site", cpus=2, memory=8 << 30)
    assert workflow.check(samples, site, shared=shared).findings.to_pylist() == []
    with run_of(workflow, samples, site, shared=shared) as run:
        called = {name: variants_in(tmp_path / run.outputs("variants", name)[0], only="PASS") for name in people}
        (figures,), (page,) = run.outputs("figures"), run.outputs("page")
    for name, (_, variants) in people.items():
        recall, precision = accuracy(called[name], variants)
        assert recall > 0.95, f"{name}: {recall:.3f} found, {precision:.3f} of it known"
        assert precision > 0.95, f"{name}: {recall:.3f} found, {precision:.3f} of it known"
    told = {each["sample"]: each for each in json.loads((tmp_path / figures).read_bytes())["samples"]}
    assert told.keys() == people.keys()
    for name, (sample, _) in people.items():
        own = told[name]
        reads = sum(folder_reads.count("\n") for folder_reads in _texts(sample)) // 4
        assert own["reads"]["given"] == reads
        assert own["alignments"]["mapped_rate"] > 0.99
        assert 0.05 < own["alignments"]["duplicate_rate"] < 0.15
        assert 35 < own["alignments"]["depth"] < 50
        assert own["alignments"]["covered"] > 0.98
        assert own["variants"]["records"] == len(called[name])
    lines = (tmp_path / page).read_text("utf-8").splitlines()
    assert [line.split("  ")[0].strip() for line in lines] == ["sample", *sorted(people)]
    assert len({len(line) for line in lines}) == 1


def _texts(sample: Sample) -> list[str]:
    texts = []
    for path in sample.paths("reads"):
        with open(path, encoding="utf-8") as file:
            texts.append(file.read())
    return texts


def test_it_comes_through_with_other_programs(person: Person, tmp_path: Path) -> None:
    people = two_people(person, tmp_path)
    sample, variants = people[ODD]
    workflow = germline(caller="freebayes", duplicates="picard", picard_program="PicardCommandLine", indexed=True)
    regions = tmp_path / "half.bed"
    regions.write_text("chr1\t0\t24000\n")
    shared = {"reference": person.reference, "regions": regions}
    site = Site(tmp_path / "site", cpus=2, memory=8 << 30)
    with run_of(without_quality(workflow), [sample], site, shared=shared) as run:
        found = variants_in(tmp_path / run.outputs("variants", ODD)[0], only="PASS")
    recall, precision = accuracy(found, [each for each in variants if each.chromosome == "chr1"])
    assert (recall > 0.95, precision > 0.95) == (True, True), (recall, precision)


def test_it_comes_through_with_gatk(aligned: Path, person: Person, tmp_path: Path) -> None:
    path = a_gatk(tmp_path / "bin")
    known = do(bcftools.CALL, tmp_path / "known", {"bam": aligned, "reference": person.reference})
    workflow = without_quality(germline(caller="gatk", otherwise="bcftools", recalibrate=True))
    shared = {"reference": person.fasta, "known": known.one("vcf")}
    site = Site(tmp_path / "site", cpus=2, memory=8 << 30, path=path)
    with run_of(workflow, [_liver(person)], site, shared=shared, quality=30.0) as run:
        found = variants_in(tmp_path / run.outputs("variants", "liver")[0], only="PASS")
    recall, precision = accuracy(found, person.variants)
    assert (recall > 0.9, precision > 0.9) == (True, True), (recall, precision)


def _liver(person: Person) -> Sample:
    return Sample("liver", {"reads": [*person.reads]})
