"""GATK's stages hold to its command line, of which a stand-in takes the arguments that GATK takes, and no others."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from holotype.scheduling import Input, Stage, StopRun, StopSample
from holotype.scheduling.stages import bcftools, gatk

from . import gatk_stub
from .doing import Done, do, wrong
from .gatk_stub import REQUIRED

if TYPE_CHECKING:
    from .conftest import Person

NEEDS = ("bwa", "samtools", "bcftools", "gzip")


def a_gatk(folder: Path) -> str:
    """A PATH on which there is one."""
    folder.mkdir()
    script = shlex.quote(str(Path(gatk_stub.__file__)))
    (folder / "gatk").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {script} "$@"\n')
    (folder / "gatk").chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture
def path(tmp_path: Path) -> str:
    return a_gatk(tmp_path / "bin")


def sound(done: Done) -> Done:
    assert done.sound, (done.said, wrong(done) if done.report is not None else None)
    return done


@pytest.fixture(scope="module")
def known(aligned: Path, person: Person, tmp_path_factory: pytest.TempPathFactory) -> Path:
    inputs = {"bam": aligned, "reference": person.reference}
    return sound(do(bcftools.CALL, tmp_path_factory.mktemp("known") / "x", inputs)).one("vcf")


def test_qualities_are_recalibrated(aligned: Path, known: Path, person: Person, tmp_path: Path, path: str) -> None:
    inputs = {"bam": aligned, "reference": person.reference}
    (tmp_path / "some.regions").write_text("chr1\t0\t9000\n")
    regions = tmp_path / "some.regions"
    done = do(
        gatk.BASE_RECALIBRATOR, tmp_path / "b", {**inputs, "known": [known, known], "regions": regions}, path=path
    )
    table = sound(done).one("table")
    sound(do(gatk.APPLY_BQSR, tmp_path / "a", {**inputs, "table": table}, path=path, sample="it's one"))


def test_variants_are_called(aligned: Path, known: Path, person: Person, tmp_path: Path, path: str) -> None:
    inputs = {"bam": aligned, "reference": person.reference}
    vcf = sound(do(gatk.HAPLOTYPE_CALLER, tmp_path / "x", {**inputs, "known": known}, path=path, ploidy=2)).one("vcf")
    gvcf = do(gatk.HAPLOTYPE_CALLER, tmp_path / "y", inputs, path=path, confidence="GVCF", sample="a b")
    genotyped = {"gvcf": sound(gvcf).one("vcf"), "reference": person.reference}
    sound(do(gatk.GENOTYPE_GVCFS, tmp_path / "z", genotyped, path=path))
    filtered = {"vcf": vcf, "reference": person.reference}
    sound(do(gatk.VARIANT_FILTRATION, tmp_path / "f", filtered, path=path, strand=60.0, confidence=2.5))


def test_the_stand_in_refuses_what_gatk_refuses(aligned: Path, person: Person, tmp_path: Path, path: str) -> None:
    inputs = {"bam": aligned, "reference": person.reference}
    assert isinstance(gatk.HAPLOTYPE_CALLER.command, str)
    for old, new, action in (
        (" -ERC ", " --erc ", StopRun("GATK does not take these arguments")),
        (" -R {reference}", "", StopRun("GATK does not take these arguments")),
        ("regions.bed", "regions.txt", StopSample("GATK says that the data is wrong")),
    ):
        stage = replace(gatk.HAPLOTYPE_CALLER, command=gatk.HAPLOTYPE_CALLER.command.replace(old, new))
        (tmp_path / "r").write_text("chr1\t0\t900\n")
        done = do(stage, tmp_path / old.strip(" {}-"), {**inputs, "regions": tmp_path / "r"}, path=path)
        assert done.status != 0
        assert done.action(stage) == action, done.said


def test_a_reference_without_its_dictionary_stops_the_run(
    aligned: Path, person: Person, tmp_path: Path, path: str
) -> None:
    loose = {**gatk.HAPLOTYPE_CALLER.inputs, "reference": Input("fasta", beside=".fai")}
    stage = replace(gatk.HAPLOTYPE_CALLER, inputs=loose)
    done = do(stage, tmp_path / "x", {"bam": aligned, "reference": person.reference}, path=path)
    assert done.action(stage) == StopRun("the reference has no index, or no dictionary"), done.said


@pytest.mark.parametrize(
    "stage",
    [gatk.BASE_RECALIBRATOR, gatk.APPLY_BQSR, gatk.HAPLOTYPE_CALLER, gatk.GENOTYPE_GVCFS, gatk.VARIANT_FILTRATION],
    ids=lambda stage: stage.name,
)
def test_every_tool_is_one_whose_arguments_are_held_to(stage: Stage) -> None:
    assert isinstance(stage.command, str)
    (tool,) = (name for name in REQUIRED if f" {name} " in stage.command)
    assert f'gatk --java-options "$heap" {tool} -R ' in stage.command


def test_what_gatk_says_is_understood() -> None:
    contigs = "A USER ERROR has occurred: Input files reference and reads have incompatible contigs"
    assert Done(2, contigs).action(gatk.HAPLOTYPE_CALLER) == StopSample("it is of another reference")
    other = Done(2, "A USER ERROR has occurred: Bad input: the read is malformed")
    assert other.action(gatk.HAPLOTYPE_CALLER) == StopSample("GATK says that the data is wrong")
    option = Done(1, "A USER ERROR has occurred: x is not a recognized option")
    assert option.action(gatk.HAPLOTYPE_CALLER) == StopRun("GATK does not take these arguments")
