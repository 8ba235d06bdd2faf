"""Figures of variants are those of ``bcftools stats``, on the same file."""

from __future__ import annotations

import random
import subprocess
from typing import TYPE_CHECKING

import pytest

from holotype.validators import Threshold, validate

from .vcfs import look, record, text

if TYPE_CHECKING:
    from pathlib import Path

NEEDS = ("bcftools",)

_HEADER = """\
##contig=<ID=1,length=100000000>
##ALT=<ID=DEL,Description="Deletion">
##ALT=<ID=*,Description="Any">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Depths of alleles">
"""
_SAMPLES = ("A", "B", "C")


def _genotype(chance: random.Random, alleles: int) -> str:
    kind = chance.random()
    one, other = (str(chance.randint(0, alleles)) for _ in range(2))
    odd = ((0.05, "./."), (0.08, "."), (0.12, one), (0.14, f"./{one}"), (0.16, f"{one}/{other}/{one}"))
    return next((each for below, each in odd if kind < below), f"{one}{chance.choice('/|')}{other}")


def _made(seed: int) -> str:
    chance = random.Random(seed)
    records: list[str] = []
    place = 1

    def bases(size: int) -> str:
        return "".join(chance.choices("ACGT", k=size))

    for _ in range(800):
        place += chance.randint(5, 30)
        ref = bases(chance.choice([1, 1, 1, 1, 2, 3]))
        every = (bases(1), bases(1), bases(1), bases(2), bases(3), "*", "<DEL>", "<*>", ref + bases(1), f"{ref}[1:9[")
        alts = sorted({chance.choice(every) for _ in range(chance.choice([1, 1, 1, 2, 3, 11]))} - {ref}) or ["."]
        count = 0 if alts == ["."] else len(alts)
        keys = chance.choice(["GT:DP", "GT", "GT:AD:DP", "GT:DP:AD"])
        samples: list[str] = []
        for _ in _SAMPLES:
            depths = ",".join(str(chance.randint(0, 30)) for _ in range(count + 1))
            depth = chance.choice([".", str(chance.randint(0, 2000))])
            values = {"GT": _genotype(chance, count), "DP": depth, "AD": depths}
            parts = [values[key] for key in keys.split(":")]
            samples.append(":".join(parts[:1] if chance.random() < 0.1 else parts))
        records.append(
            record(pos=str(place), ref=ref, alt=",".join(alts), info=".", format=keys, samples=" ".join(samples))
        )
    return text(*records, header=_HEADER, samples=" ".join(_SAMPLES), version="4.2")


@pytest.mark.parametrize("seed", range(4))
def test_the_figures_are_those_of_bcftools(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "made.vcf"
    path.write_text(_made(seed), encoding="utf-8", newline="\n")
    report = validate(path)
    assert report.ok
    figures = {(row["name"], row["of"]): row["value"] for row in report.metrics.to_pylist()}
    told = subprocess.run(["bcftools", "stats", "-s", "-", path], capture_output=True, text=True, check=True).stdout
    rows = [line.split("\t") for line in told.splitlines() if not line.startswith("#")]
    numbers = {row[2]: int(row[3]) for row in rows if row[0] == "SN"}
    names = {"records": "records", "SNPs": "snvs", "MNPs": "mnvs", "indels": "indels", "no-ALTs": "unchanged"}
    names["multiallelic sites"] = "multiallelic"
    for theirs, ours in names.items():
        assert figures[f"vcf.{ours}", ""] == numbers[f"number of {theirs}:"], ours
    steps = next(row for row in rows if row[0] == "TSTV")
    assert (figures["vcf.transitions", ""], figures["vcf.transversions", ""]) == (int(steps[2]), int(steps[3]))
    for row in rows:
        if row[0] == "PSC":
            hom, het, depth, missing = int(row[4]), int(row[5]), float(row[9]), int(row[13])
            assert figures["vcf.het_hom", row[2]] == pytest.approx(het / hom)
            assert figures["vcf.depth", row[2]] == pytest.approx(depth, abs=0.06)
            assert figures["vcf.missing", row[2]] == pytest.approx(missing / numbers["number of records:"])


def test_figures_can_be_asked_for() -> None:
    rules = [Threshold("vcf.ti_tv", least=1.8, most=3.5), Threshold("vcf.missing", most=0.1, of="B")]
    report = look(text(record(samples="0/1:7:1,2,3 ./.")), thresholds=rules)
    assert sorted(row["column"] for row in report.findings.to_pylist()) == ["vcf.missing", "vcf.ti_tv"]
