"""bcftools and freebayes, as they are: variants, held against those that are known."""

from __future__ import annotations

import gzip
import subprocess
from typing import TYPE_CHECKING

import pytest

from benchmarks.genomes import a_genome, accuracy, variants_in, write_genome
from holotype.scheduling import Stage, StopSample
from holotype.scheduling.stages import bcftools, freebayes

from .doing import Done, do, wrong

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Person

NEEDS = ("bwa", "samtools", "bcftools", "freebayes", "gzip")


def sound(done: Done) -> Done:
    assert done.sound, (done.said, wrong(done) if done.report is not None else None)
    return done


@pytest.fixture(scope="module")
def called(aligned: Path, person: Person, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("called") / "x"
    return sound(do(bcftools.CALL, folder, {"bam": aligned, "reference": person.reference})).one("vcf")


@pytest.mark.parametrize("stage", [bcftools.CALL, freebayes.CALL], ids=lambda stage: stage.name)
def test_the_variants_that_are_there_are_found(stage: Stage, aligned: Path, person: Person, tmp_path: Path) -> None:
    vcf = sound(do(stage, tmp_path / "c", {"bam": aligned, "reference": person.reference})).one("vcf")
    normalized = sound(do(bcftools.NORM, tmp_path / "n", {"vcf": vcf, "reference": person.reference}))
    filtered = sound(do(bcftools.FILTER, tmp_path / "f", {"vcf": normalized.one("normalized")})).one("filtered")
    recall, precision = accuracy(variants_in(filtered, only="PASS"), person.variants)
    assert recall > 0.95, f"{recall:.3f} found, {precision:.3f} of it known"
    assert precision > 0.95, f"{recall:.3f} found, {precision:.3f} of it known"


@pytest.mark.parametrize("stage", [bcftools.CALL, freebayes.CALL], ids=lambda stage: stage.name)
@pytest.mark.parametrize("ending", [".bed", ".regions", ".bed.gz"])
def test_regions_count_as_bed_does_whatever_the_file_is_called(
    stage: Stage, ending: str, aligned: Path, person: Person, tmp_path: Path
) -> None:
    place = next(each for each in person.variants if len(each.reference) == len(each.other) == 1 and each.both)
    regions = tmp_path / f"some where{ending}"
    text = f"{place.chromosome}\t{place.position - 1}\t{place.position}\n".encode()
    regions.write_bytes(gzip.compress(text) if ending.endswith(".gz") else text)
    inputs = {"bam": aligned, "reference": person.reference, "regions": regions}
    found = variants_in(sound(do(stage, tmp_path / "x", inputs)).one("vcf"))
    assert found == {(place.chromosome, place.position, place.reference, place.other)}


@pytest.mark.parametrize("stage", [bcftools.CALL, freebayes.CALL], ids=lambda stage: stage.name)
def test_a_part_of_the_reads_will_do(stage: Stage, aligned: Path, person: Person, tmp_path: Path) -> None:
    inputs = {"bam": aligned, "reference": person.reference}
    place = next(each for each in person.variants if len(each.reference) == len(each.other) == 1 and each.both)
    regions = tmp_path / "regions.bed"
    regions.write_text(f"{place.chromosome}\t{place.position - 1}\t{place.position}\n")
    depths: list[int] = []
    for part in (None, 0.5):
        vcf = sound(do(stage, tmp_path / f"{part}", {**inputs, "regions": regions}, part=part)).one("vcf")
        asked = ["bcftools", "query", "-f", "%INFO/DP\\n", str(vcf)]
        depths.append(int(subprocess.run(asked, capture_output=True, text=True, check=True).stdout))
    assert 0.2 < depths[1] / depths[0] < 0.8
    everywhere = sound(do(stage, tmp_path / "all", inputs, part=0.5)).one("vcf")
    assert len(variants_in(everywhere)) > 100


def test_what_little_speaks_for_is_marked_and_stays(called: Path, tmp_path: Path) -> None:
    strict = sound(do(bcftools.FILTER, tmp_path / "x", {"vcf": called}, quality=1e9, mark="poor")).one("filtered")
    assert variants_in(strict) == variants_in(called)
    assert variants_in(strict, only="poor") == variants_in(called)
    loose = sound(do(bcftools.FILTER, tmp_path / "y", {"vcf": called}, quality=0.5, depth=0)).one("filtered")
    assert variants_in(loose, only="PASS") == variants_in(called)


def test_variants_are_counted_for_the_sample(called: Path, person: Person, tmp_path: Path) -> None:
    done = sound(do(bcftools.STATS, tmp_path / "x", {"vcf": called, "reference": person.reference}))
    text = done.one("stats").read_text()
    assert f"number of records:\t{len(variants_in(called))}" in text
    assert "\nPSC\t0\tliver\t" in text
    poor = sound(do(bcftools.FILTER, tmp_path / "f", {"vcf": called}, quality=1e9)).one("filtered")
    none = sound(do(bcftools.STATS, tmp_path / "y", {"vcf": poor}, only="PASS")).one("stats").read_text()
    assert "number of records:\t0" in none


def test_a_variant_is_written_in_one_way(person: Person, tmp_path: Path) -> None:
    bases = person.genome["chr1"]
    place = next(n for n in range(100, 5000) if bases[n] == bases[n + 1] != bases[n - 1])
    text = (
        "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=24000>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        f"chr1\t{place + 1}\t.\t{bases[place : place + 2]}\t{bases[place]}\t50\t.\t.\n"
    )
    (tmp_path / "right.vcf").write_text(text)
    done = sound(do(bcftools.NORM, tmp_path / "x", {"vcf": tmp_path / "right.vcf", "reference": person.reference}))
    assert variants_in(done.one("normalized")) == {("chr1", place, bases[place - 1 : place + 1], bases[place - 1])}


def test_variants_of_another_reference_stop_their_sample(called: Path, tmp_path: Path) -> None:
    other = write_genome(tmp_path / "other.fa", a_genome(8))
    subprocess.run(["samtools", "faidx", str(other)], check=True)
    done = do(bcftools.NORM, tmp_path / "x", {"vcf": called, "reference": other})
    assert done.status != 0
    assert done.action(bcftools.NORM) == StopSample("it is of another reference"), done.said


@pytest.mark.parametrize("stage", [bcftools.CALL, freebayes.CALL], ids=lambda stage: stage.name)
@pytest.mark.parametrize("how", ["other names", "shorter", "other regions"])
def test_alignments_of_another_reference_stop_their_sample(
    stage: Stage, how: str, aligned: Path, person: Person, tmp_path: Path
) -> None:
    genome = person.genome
    if how == "other names":
        genome = {f"other{name}": bases for name, bases in genome.items()}
    elif how == "shorter":
        genome = {name: bases[:5000] for name, bases in genome.items()}
    other = write_genome(tmp_path / "other.fa", genome)
    subprocess.run(["samtools", "faidx", str(other)], check=True)
    (tmp_path / "other.bed").write_text("chr9\t0\t100\n")
    regions = tmp_path / "other.bed" if how == "other regions" else None
    done = do(stage, tmp_path / "x", {"bam": aligned, "reference": other, "regions": regions})
    assert done.status != 0
    assert done.action(stage) == StopSample("it is of another reference"), done.said


def test_freebayes_has_to_know_whose_reads_they_are(aligned: Path, person: Person, tmp_path: Path) -> None:
    nobody = str(tmp_path / "nobody.bam")
    subprocess.run(["samtools", "addreplacerg", "-w", "-r", "ID:1", "-o", nobody, str(aligned)], check=True)
    subprocess.run(["samtools", "index", nobody], check=True)
    done = do(freebayes.CALL, tmp_path / "x", {"bam": tmp_path / "nobody.bam", "reference": person.reference})
    assert done.action(freebayes.CALL) == StopSample("the read groups do not say which sample it is"), done.said


@pytest.mark.parametrize("stage", [bcftools.FILTER, bcftools.STATS], ids=lambda stage: stage.name)
def test_variants_that_are_cut_off_stop_their_sample(stage: Stage, called: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.vcf.gz").write_bytes(called.read_bytes()[: called.stat().st_size // 2])
    done = do(stage, tmp_path / "x", {"vcf": tmp_path / "cut.vcf.gz"})
    assert done.status != 0
    assert done.action(stage) == StopSample("the variants are broken"), done.said


@pytest.mark.parametrize("stage", [bcftools.CALL, freebayes.CALL], ids=lambda stage: stage.name)
def test_alignments_that_are_cut_off_call_no_variants(
    stage: Stage, aligned: Path, person: Person, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.bam"
    cut.write_bytes(aligned.read_bytes()[: aligned.stat().st_size // 2])
    (tmp_path / "cut.bam.bai").write_bytes(aligned.with_name(aligned.name + ".bai").read_bytes())
    done = do(stage, tmp_path / "x", {"bam": cut, "reference": person.reference})
    assert done.status != 0
    assert isinstance(done.action(stage), StopSample), done.said
