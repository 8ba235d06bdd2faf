"""FastQC, fastp, BWA and minimap2, as they are: from reads to alignments."""

from __future__ import annotations

import gzip
import json
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from holotype.scheduling import Skip, Stage, StopRun, StopSample
from holotype.scheduling.stages import bwa, fastp, fastqc, minimap2
from holotype.validators import Threshold

from .doing import Done, Given, do, wrong

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Person

NEEDS = ("bwa", "samtools", "minimap2", "fastp", "fastqc", "gzip")

ODD = "Herz é 'x' \\t$(exit 3);\\"


def lines(path: Path) -> int:
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).count(b"\n")


def pairs(person: Person) -> dict[str, Given]:
    return {"reads": [*person.reads], "reference": person.reference}


def header(bam: Path) -> list[list[str]]:
    done = subprocess.run(["samtools", "view", "-H", str(bam)], capture_output=True, check=True, text=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def broken(tmp_path: Path, person: Person) -> dict[str, list[Path]]:
    """Reads that are wrong, each in its way."""
    first, second = (path.read_bytes() for path in person.reads)
    made = {
        "cut": [gzip.compress(first)[:-5000], gzip.compress(second)],
        "shorter": [first, second[: len(second) // 2].rpartition(b"\n@")[0] + b"\n"],
        "qualities": [first.replace(b"IIIIIFF", b"I", 1), second],
    }
    paths: dict[str, list[Path]] = {}
    for name, contents in made.items():
        ending = ".fastq.gz" if name == "cut" else ".fastq"
        paths[name] = [tmp_path / f"{name}_R{end}{ending}" for end in (1, 2)]
        for path, content in zip(paths[name], contents, strict=True):
            path.write_bytes(content if ending != ".fastq.gz" or content[:2] == b"\x1f\x8b" else gzip.compress(content))
    return paths


def test_fastp_trims_pairs(person: Person, tmp_path: Path) -> None:
    done = do(fastp.TRIM, tmp_path / "x", {"reads": [*person.reads]}, sample=ODD)
    assert done.sound, (done.said, wrong(done))
    assert lines(done.one("forward")) == lines(done.one("reverse")) > 0.9 * lines(person.reads[0])
    assert json.loads(done.one("figures").read_bytes())["summary"]["before_filtering"]["total_reads"] * 2 == lines(
        person.reads[0]
    )


def test_fastp_takes_reads_without_mates(person: Person, tmp_path: Path) -> None:
    done = do(fastp.TRIM, tmp_path / "x", {"reads": [person.reads[0]]})
    assert done.sound, done.said
    assert done.outputs["reverse"] == []
    both = do(fastp.TRIM, tmp_path / "y", {"reads": [*person.reads]}, paired=False)
    assert both.sound, both.said
    assert lines(both.one("forward")) > 1.9 * lines(done.one("forward"))
    assert both.outputs["reverse"] == []


def test_fastp_puts_lanes_together(person: Person, tmp_path: Path) -> None:
    packed = [tmp_path / f"lane2_R{end}.fastq.gz" for end in (1, 2)]
    for path, plain in zip(packed, person.reads, strict=True):
        path.write_bytes(gzip.compress(plain.read_bytes()))
    done = do(fastp.TRIM, tmp_path / "x", {"reads": [*person.reads, *packed]})
    assert done.sound, (done.said, wrong(done))
    one = do(fastp.TRIM, tmp_path / "y", {"reads": [*person.reads]})
    assert lines(done.one("forward")) == lines(done.one("reverse")) == 2 * lines(one.one("forward"))
    odd = do(fastp.TRIM, tmp_path / "z", {"reads": [*person.reads, packed[0]]})
    assert (odd.status, odd.action(fastp.TRIM)) == (64, StopSample("the reads are broken"))


@pytest.mark.parametrize("how", ["cut", "shorter", "qualities"])
def test_reads_that_are_broken_stop_their_sample_at_fastp(how: str, person: Person, tmp_path: Path) -> None:
    done = do(fastp.TRIM, tmp_path / "x", {"reads": broken(tmp_path, person)[how]})
    assert done.status != 0, done.said
    assert done.action(fastp.TRIM) == StopSample("the reads are broken")


@pytest.mark.parametrize(("quality", "code"), [("#", "file.empty"), ("0", "metric.threshold")])
def test_reads_that_are_bad_or_none_are_noticed(quality: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "bad.fastq").write_text("".join(f"@r{n}\n{'ACGT' * 20}\n+\n{quality * 80}\n" for n in range(50)))
    done = do(fastp.TRIM, tmp_path / "x", {"reads": [tmp_path / "bad.fastq"]})
    assert {each for each, _ in wrong(done)} >= {code}


def test_a_threshold_of_a_figure_that_there_is_not_is_noticed(person: Person, tmp_path: Path) -> None:
    stage = replace(fastp.TRIM, thresholds=(*fastp.TRIM.thresholds, Threshold("fastq.q31", least=0)))
    done = do(stage, tmp_path / "x", {"reads": [*person.reads]})
    assert {code for code, _ in wrong(done)} == {"metric.threshold"}


def test_fastqc_draws_each_file(person: Person, tmp_path: Path) -> None:
    done = do(fastqc.FASTQC, tmp_path / "x", {"reads": [*person.reads]})
    assert done.sound, (done.said, wrong(done))
    assert [path.name for path in done.outputs["figures"]] == ["liver_R1_fastqc.zip", "liver_R2_fastqc.zip"]
    assert len(done.outputs["pages"]) == 2


def test_fastqc_that_makes_nothing_of_a_file_fails(person: Person, tmp_path: Path) -> None:
    (tmp_path / "cut.fastq").write_bytes(person.reads[0].read_bytes()[:5150])
    done = do(fastqc.FASTQC, tmp_path / "x", {"reads": [person.reads[1], tmp_path / "cut.fastq"]})
    assert (done.status, done.action(fastqc.FASTQC)) == (65, StopSample("the reads are broken"))
    assert fastqc.FASTQC.errors[-1].do == Skip("FastQC failed")


@pytest.mark.parametrize("stage", [bwa.MEM, minimap2.ALIGN], ids=lambda stage: stage.name)
def test_alignments_are_sorted_indexed_and_say_whose_they_are(stage: Stage, person: Person, tmp_path: Path) -> None:
    inputs = pairs(person)
    done = do(stage, tmp_path / "x", inputs, sample=ODD, unit="L1 \\n", library="b\tc", platform="ELEMENT")
    assert done.sound, (done.said, wrong(done))
    lines = header(done.one("bam"))
    name = "Herz%20%C3%A9%20%27x%27%20%5Ct%24%28exit%203%29%3B%5C"
    assert lines[0] == ["@HD", lines[0][1], "SO:coordinate"]
    assert [line for line in lines if line[0] == "@RG"] == [
        ["@RG", f"ID:{name}.L1%20%5Cn", f"SM:{name}", f"LB:{name}.b%09c", "PL:ELEMENT", "PU:L1%20%5Cn"]
    ]
    assert done.report is not None
    metrics = {row["name"]: row["value"] for row in done.report.metrics.to_pylist() if not row["of"]}
    assert metrics["sam.mapping_rate"] > 0.99


@pytest.mark.parametrize("stage", [bwa.MEM, minimap2.ALIGN], ids=lambda stage: stage.name)
def test_alignments_are_the_same_whatever_the_processors_are(stage: Stage, person: Person, tmp_path: Path) -> None:
    inputs = pairs(person)
    made = [do(stage, tmp_path / str(threads), inputs, threads=threads).one("bam") for threads in (1, 3)]
    bodies = [subprocess.run(["samtools", "view", str(bam)], capture_output=True, check=True).stdout for bam in made]
    assert bodies[0] == bodies[1]


def failing(stage: Stage, reads: list[Path], person: Person, folder: Path) -> Done:
    done = do(stage, folder, {"reads": reads, "reference": person.reference})
    assert done.status != 0, done.said
    return done


@pytest.mark.parametrize("stage", [bwa.MEM, minimap2.ALIGN], ids=lambda stage: stage.name)
def test_reads_that_are_broken_stop_their_sample_at_aligning(stage: Stage, person: Person, tmp_path: Path) -> None:
    files = broken(tmp_path, person)
    for how in ("cut", "shorter"):
        done = failing(stage, files[how], person, tmp_path / how)
        assert done.action(stage) == StopSample("the reads are broken"), (how, done.said)
    assert failing(stage, [*person.reads, *files["cut"]], person, tmp_path / "many").status in (1, 64)


def test_mates_of_others_stop_their_sample_at_bwa(person: Person, tmp_path: Path) -> None:
    (tmp_path / "other.fastq").write_bytes(person.reads[1].read_bytes().replace(b"@liver.", b"@other."))
    done = failing(bwa.MEM, [person.reads[0], tmp_path / "other.fastq"], person, tmp_path / "x")
    assert done.action(bwa.MEM) == StopSample("the reads are broken")


def test_a_name_that_bwa_cannot_take_is_told(person: Person, tmp_path: Path) -> None:
    inputs = pairs(person)
    done = do(bwa.MEM, tmp_path / "x", inputs, sample="x" * 256)
    assert done.action(bwa.MEM) == StopSample("the sample's name is too long for BWA")


def test_reads_of_something_else_are_below_the_threshold(person: Person, tmp_path: Path) -> None:
    (tmp_path / "other.fastq").write_text("".join(f"@r{n}\n{'ACCT' * 25}\n+\n{'I' * 100}\n" for n in range(50)))
    done = do(bwa.MEM, tmp_path / "x", {"reads": [tmp_path / "other.fastq"], "reference": person.reference})
    assert {code for code, _ in wrong(done)} == {"metric.threshold"}


def test_an_index_is_made_of_a_packed_reference(person: Person, tmp_path: Path) -> None:
    (tmp_path / "genome.fa.gz").write_bytes(gzip.compress(person.fasta.read_bytes()))
    done = do(bwa.INDEX, tmp_path / "x", {"reference": tmp_path / "genome.fa.gz"})
    assert done.sound, done.said
    assert done.one("indexed").read_bytes() == person.fasta.read_bytes()
    (tmp_path / "cut.fa.gz").write_bytes(gzip.compress(person.fasta.read_bytes())[:-100])
    cut = do(bwa.INDEX, tmp_path / "y", {"reference": tmp_path / "cut.fa.gz"})
    assert cut.action(bwa.INDEX) == StopRun("the reference cannot be indexed")
