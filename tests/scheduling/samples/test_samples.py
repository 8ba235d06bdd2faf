"""Samples, and the sheets that list them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holotype.catalog import WorkflowInvalid
from holotype.scheduling import Sample, read_samples

FILES = {"reads": ("fastq_1", "fastq_2")}


def sheet(folder: Path, text: str, *, name: str = "samples.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode("utf-8"))
    return path


def test_rows_of_one_name_are_one_sample(tmp_path: Path) -> None:
    path = sheet(
        tmp_path,
        "sample,fastq_1,fastq_2,sex,age,dose,control,code\n"
        "liver,L1_R1.fq,L1_R2.fq,f,41,0.5,true,007\n"
        "\n"
        '"heart, left",/data/h.fq,,m,-3,2.50e3,False,\n'
        "liver,L2_R1.fq,L2_R2.fq,f,41,0.5,true,007\n",
    )
    liver, heart = read_samples(path, files=FILES)
    assert liver.name == "liver"
    names = ["L1_R1.fq", "L1_R2.fq", "L2_R1.fq", "L2_R2.fq"]
    assert liver.paths("reads") == tuple(str(tmp_path / name) for name in names)
    assert dict(liver.values) == {"sex": "f", "age": 41, "dose": 0.5, "control": True, "code": "007"}
    assert heart.name == "heart, left"
    assert heart.paths("reads") == ("/data/h.fq",)
    assert dict(heart.values) == {"sex": "m", "age": -3, "dose": 2500.0, "control": False, "code": None}


def test_tabs_marks_of_order_and_other_ends_of_lines_are_read(tmp_path: Path) -> None:
    path = sheet(tmp_path, "\ufeffid\tfastq_1\tfastq_2\r\na\tx.fq\t\r\n", name="samples.tsv")
    (sample,) = read_samples(path, files=FILES, name="id", folder="/elsewhere")
    assert sample.paths("reads") == (str(Path("/elsewhere/x.fq")),)
    assert sample.paths("others") == ()


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["lists no samples"]),
        ("sample,fastq_1,fastq_2\n", ["lists no samples"]),
        ("name,fastq_1\na,b\n", ["line 1: there is no column sample", "line 1: there is no column fastq_2"]),
        ("sample,fastq_1,fastq_2,sample\na,b,c,d\n", ["line 1: the column 'sample' is there twice"]),
        ("sample,fastq_1,fastq_2\na,b\n,c,d\n", ["line 2: it has 2 cells, and there are 3 columns"]),
        ("sample,fastq_1,fastq_2\n ,c,d\n", ["line 2: the sample has no name"]),
        ("sample,fastq_1,fastq_2,sex\na,b,c,f\na,d,e,m\n", ["line 3: it is the sample of line 2, and sex is another"]),
        ('sample,fastq_1,fastq_2\n"a"b,c,d\n', ["line 2: "]),
        ('sample,fastq_1,fastq_2\n"a\tb",c,d\n', ["line 2: 'a\\tb' is no name of a sample"]),
    ],
)
def test_all_that_is_wrong_is_told_with_its_line(text: str, problems: list[str], tmp_path: Path) -> None:
    with pytest.raises(WorkflowInvalid) as caught:
        read_samples(sheet(tmp_path, text), files=FILES)
    assert len(caught.value.problems) == len(problems)
    for told, expected in zip(caught.value.problems, problems, strict=True):
        assert expected in told


def test_what_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "samples.csv"
    path.write_bytes(b"sample\xff\n")
    with pytest.raises(WorkflowInvalid, match="no UTF-8"):
        read_samples(path, files={})
    with pytest.raises(FileNotFoundError):
        read_samples(tmp_path / "none.csv", files={})


NAMES = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=8).filter(
    lambda name: name[0] != "-"
)


@given(NAMES, NAMES)
def test_samples_have_folders_of_their_own_on_any_disk(one: str, other: str) -> None:
    folders = [Sample(name).folder for name in (one, other)]
    assert (folders[0].lower() == folders[1].lower()) == (one == other)
    for folder in folders:
        assert folder.isascii()
        assert not set(folder) & set("/\\:*?\"<>| $`'&;\n")
        assert not folder.startswith((".", "-"))
        assert not folder.endswith(".")


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\0b", "x" * 1001, "-rf"])
def test_what_is_no_line_of_text_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="no name of a sample"):
        Sample(name)


def test_one_file_stands_for_itself() -> None:
    assert Sample("a", {"reads": Path("x.fq"), "others": ["y", Path("z")]}).paths("reads") == (os.path.abspath("x.fq"),)
    assert Sample("a", {"reads": "x.fq"}) == Sample("a", {"reads": ("x.fq",)})
