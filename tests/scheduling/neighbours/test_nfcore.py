"""Sample sheets of nf-core's pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holotype.catalog import WorkflowInvalid
from holotype.scheduling import read_nfcore

if TYPE_CHECKING:
    from pathlib import Path


def sheet(folder: Path, text: str, *, name: str = "samplesheet.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_sample_that_was_sequenced_twice_is_one(tmp_path: Path) -> None:
    text = (
        "sample,fastq_1,fastq_2,strandedness,lane\n"
        "CONTROL,a_L1_1.fq.gz,a_L1_2.fq.gz,auto,L1\n"
        "CONTROL,a_L2_1.fq.gz,a_L2_2.fq.gz,auto,L2\n"
        "TREATED,/data/t.fq.gz,,reverse,L1\n"
    )
    control, treated = read_nfcore(sheet(tmp_path, text))
    names = ["a_L1_1.fq.gz", "a_L1_2.fq.gz", "a_L2_1.fq.gz", "a_L2_2.fq.gz"]
    assert control.paths("reads") == tuple(str(tmp_path / name) for name in names)
    assert dict(control.values) == {"paired": True, "strandedness": "auto", "lane": "L1,L2"}
    assert treated.paths("reads") == ("/data/t.fq.gz",)
    assert treated.values["paired"] is False


def test_replicates_are_samples_of_one_group(tmp_path: Path) -> None:
    text = (
        "sample,fastq_1,fastq_2,replicate,antibody,control\n"
        "WT,w1a.fq.gz,,1,BCATENIN,IN\nWT,w1b.fq.gz,,1,BCATENIN,IN\nWT,w2.fq.gz,,2,BCATENIN,IN\n"
    )
    one, two = read_nfcore(sheet(tmp_path, text), reads="chip", folder=tmp_path / "d")
    assert (one.name, two.name) == ("WT_REP1", "WT_REP2")
    assert one.paths("chip") == tuple(str(tmp_path / "d" / name) for name in ("w1a.fq.gz", "w1b.fq.gz"))
    assert dict(two.values) == {
        "paired": False,
        "replicate": 2,
        "antibody": "BCATENIN",
        "control": "IN",
        "group": "WT",
    }


def test_a_sheet_may_begin_with_what_was_mapped_already(tmp_path: Path) -> None:
    text = "patient\tsample\tsex\tstatus\tbam\tbai\np1\tp1_t\tXX\t1\tt.bam\tt.bam.bai\n"
    (sample,) = read_nfcore(sheet(tmp_path, text, name="s.tsv"))
    assert sample.paths("bam") == (str(tmp_path / "t.bam"),)
    assert sample.paths("bai") == (str(tmp_path / "t.bam.bai"),)
    assert dict(sample.values) == {"patient": "p1", "sex": "XX", "status": 1}


def test_all_that_is_wrong_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    text = (
        "sample,fastq_1,fastq_2,strandedness,replicate\n"
        ",a.fq,b.fq,auto,\n"
        "my sample,c.fq,,auto,\n"
        "S,,d.fq,auto,\n"
        "S,,,sideways,\n"
        "T,e.fq,f.fq,auto,\n"
        "T,g.fq,,auto,\n"
        "T,e.fq,h.fq,forward,\n"
        "U,s3://x/y.fq,,auto,\n"
        "U,i.fq,,auto,zero\n"
        "-V,j.fq,,auto,\n"
    )
    with pytest.raises(WorkflowInvalid) as caught:
        read_nfcore(sheet(tmp_path, text))
    told = "\n".join(caught.value.problems)
    for expected in (
        "line 2: the sample has no name",
        "line 3: 'my sample' is no name of a sample there",
        "line 4: fastq_2 is there, and fastq_1 is not",
        "line 5: it has no files",
        "line 5: strandedness: 'sideways' is none of auto",
        "line 7: it is the sample of line 6, and of one are pairs",
        "line 8: fastq_1: e.fq is there already, in line 6",
        "line 8: it is the sample of line 6, and strandedness is another",
        "line 9: fastq_1: s3://x/y.fq is somewhere else",
        "line 10: 'zero' is no replicate",
        "line 11: '-V' is no name of a sample",
    ):
        assert expected in told


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "lists no samples"),
        ("name,fastq_1\na,b\n", "no column sample"),
        ("sample,reads\na,b\n", "no column with files"),
        ("sample,fastq_1\na,b,c\n", "it has 3 cells"),
    ],
)
def test_what_is_no_such_sheet_is_told(text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(WorkflowInvalid, match=why):
        read_nfcore(sheet(tmp_path, text))


NAMES = st.text("abcXYZ019_.-", min_size=1, max_size=6).filter(lambda name: name[0] not in "-")


@given(st.lists(st.tuples(NAMES, st.integers(1, 3)), min_size=1, max_size=8))
def test_every_file_of_a_sheet_is_in_one_sample(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int]]
) -> None:
    lines = [f"{name},f{n}_1.fq,f{n}_2.fq,{replicate}" for n, (name, replicate) in enumerate(rows)]
    text = "\n".join(["sample,fastq_1,fastq_2,replicate", *lines])
    folder = tmp_path_factory.mktemp("any")
    samples = read_nfcore(sheet(folder, text))
    files = [path for sample in samples for path in sample.paths("reads")]
    assert sorted(files) == sorted(str(folder / f"f{n}_{mate}.fq") for n in range(len(rows)) for mate in (1, 2))
    assert {sample.name for sample in samples} == {f"{name}_REP{replicate}" for name, replicate in rows}
