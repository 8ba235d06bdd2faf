"""Figures of samples and of a run: what is gathered, and what is refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from holotype.scheduling.stages.summaries import report, summarise

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "trimmed": json.dumps(
        {
            "summary": {
                "before_filtering": {"total_reads": 2000, "total_bases": 200_000},
                "after_filtering": {"total_reads": 1990, "total_bases": 199_000, "q30_rate": 0.93, "gc_content": 0.5},
            }
        }
    ),
    "counts": json.dumps(
        {
            "QC-passed reads": {
                "primary": 1990,
                "primary mapped": 995,
                "properly paired": 800,
                "paired in sequencing": 1600,
                "primary duplicates": 199,
            }
        }
    ),
    "coverage": "#rname\tstartpos\tendpos\tnumreads\tcovbases\tcoverage\tmeandepth\tmeanbaseq\tmeanmapq\n"
    "chr1\t1\t300\t9\t300\t100\t40\t36\t60\nchr2\t1\t100\t0\t0\t0\t0\t0\t0\n",
    "variants": "# made by bcftools stats\nSN\t0\tnumber of records:\t12\nSN\t0\tnumber of SNPs:\t10\n"
    "SN\t0\tnumber of indels:\t2\nSN\t0\tnumber of multiallelic sites:\t0\n"
    "TSTV\t0\t6\t4\t1.50\t6\t4\t1.50\n"
    "PSC\t0\tHerz%20%C3%A9\t0\t4\t8\t6\t4\t2\t40.0\t0\t0\t0\t0\n",
}


def summary(folder: Path, **others: str) -> Path:
    """What is made of the files, some of them others."""
    folder.mkdir(exist_ok=True)
    paths = {name: folder / name for name in FILES}
    for name, text in (FILES | others).items():
        paths[name].write_text(text, encoding="utf-8")
    summarise(**paths, summary=folder / "summary.json")
    return folder / "summary.json"


def test_a_sample_is_told_by_the_name_that_came_through(tmp_path: Path) -> None:
    assert json.loads(summary(tmp_path).read_bytes()) == {
        "sample": "Herz é",
        "reads": {"given": 2000, "kept": 1990, "bases": 199_000, "q30": 0.93, "gc": 0.5},
        "alignments": {
            "reads": 1990,
            "mapped_rate": 0.5,
            "proper_rate": 0.5,
            "duplicate_rate": 0.1,
            "depth": 30.0,
            "covered": 0.75,
        },
        "variants": {
            "records": 12,
            "substitutions": 10,
            "indels": 2,
            "multiallelic": 0,
            "ti_tv": 1.5,
            "het_hom": 2.0,
        },
    }


def test_what_cannot_be_worked_out_is_not_there(tmp_path: Path) -> None:
    variants = "\n".join(line for line in FILES["variants"].split("\n") if not line.startswith("TSTV"))
    made = json.loads(summary(tmp_path, variants=variants.replace("\t4\t8\t6", "\t0\t0\t6")).read_bytes())
    assert (made["variants"]["ti_tv"], made["variants"]["het_hom"]) == (None, None)
    report([tmp_path / "summary.json"], tmp_path / "r.json", tmp_path / "r.txt")
    assert (tmp_path / "r.txt").read_text("utf-8").splitlines()[1].endswith("–        –")


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("trimmed", "{", "trimmed is not JSON"),
        ("trimmed", "[]", "trimmed is not fastp's figures"),
        ("counts", "{}", "counts is not the counts of samtools flagstat"),
        ("coverage", "#rname\tendpos\nchr1\t3\n", "coverage is not a table of samtools coverage"),
        ("variants", "", "variants is not what bcftools stats counts of one sample"),
        ("variants", FILES["variants"] * 2, "of one sample"),
    ],
)
def test_what_is_something_else_is_refused(name: str, text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=why):
        summary(tmp_path, **{name: text})


def test_a_report_has_a_line_for_each_sample(tmp_path: Path) -> None:
    other = FILES["variants"].replace("Herz%20%C3%A9", "aorta")
    paths = [summary(tmp_path / "1"), summary(tmp_path / "2", variants=other)]
    report(paths, tmp_path / "r.json", tmp_path / "r.txt")
    assert [each["sample"] for each in json.loads((tmp_path / "r.json").read_bytes())["samples"]] == ["Herz é", "aorta"]
    head, *lines = (line.split("  ") for line in (tmp_path / "r.txt").read_text("utf-8").splitlines())
    assert [cell.strip() for cell in head if cell.strip()][:4] == ["sample", "reads", "kept", "Q30"]
    assert [[cell.strip() for cell in line if cell.strip()][1:5] for line in lines] == [
        ["2,000", "1,990", "93.0%", "50.00%"]
    ] * 2


def test_two_of_one_sample_and_what_is_none_are_refused(tmp_path: Path) -> None:
    one = summary(tmp_path / "1")
    with pytest.raises(ValueError, match="two summaries of Herz"):
        report([one, one], tmp_path / "r.json", tmp_path / "r.txt")
    (tmp_path / "not.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"not\.json is no summary"):
        report([tmp_path / "not.json"], tmp_path / "r.json", tmp_path / "r.txt")
