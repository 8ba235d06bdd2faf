"""The figures of reads are those that fastp has of the same files."""

from __future__ import annotations

import json
import random
import subprocess
from typing import TYPE_CHECKING

import pytest

from holotype.validators import validate

if TYPE_CHECKING:
    from pathlib import Path

NEEDS = ("fastp",)


def write_reads(path: Path, *, count: int, seed: int) -> None:
    """Reads of many lengths, with qualities of all kinds and some N."""
    chance = random.Random(seed)
    with path.open("wb") as file:
        for number in range(count):
            size = chance.randint(30, 151)
            letters = bytes(chance.choices(b"ACGTN", (30, 20, 20, 28, 2), k=size))
            qualities = bytes(chance.choices(range(35, 75), k=size))
            file.write(b"@read.%d\n%b\n+\n%b\n" % (number, letters, qualities))


@pytest.mark.parametrize("seed", [1, 2])
def test_reads_bases_qualities_and_gc_are_those_of_fastp(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "reads.fastq"
    write_reads(path, count=3000, seed=seed)
    told, page = tmp_path / "fastp.json", tmp_path / "fastp.html"
    command = ["fastp", "-i", str(path), "-j", str(told), "-h", str(page), "-A", "-G", "-Q", "-L"]
    subprocess.run(command, check=True, capture_output=True)
    fastp = json.loads(told.read_text("utf-8"))
    summary = fastp["summary"]["before_filtering"]
    report = validate(path)
    bases = report.metric("fastq.bases")
    assert bases is not None
    assert (report.metric("fastq.reads"), bases) == (summary["total_reads"], summary["total_bases"])
    for quality in (20, 30):
        share = report.metric(f"fastq.q{quality}")
        assert share is not None
        assert round(share * bases) == summary[f"q{quality}_bases"]
    assert report.metric("fastq.gc") == pytest.approx(summary["gc_content"], abs=1e-6)
    assert int(report.metric("fastq.length.mean") or 0) == summary["read1_mean_length"]
    curve = fastp["read1_before_filtering"]["quality_curves"]["mean"]
    ours = [report.metric("fastq.phred.mean", of=str(position + 1)) for position in range(len(curve))]
    assert ours == pytest.approx(curve, abs=1e-3)
