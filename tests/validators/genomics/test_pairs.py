"""Pairs of files of reads: in step, or not."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest

from holotype.validators import validate_folder

if TYPE_CHECKING:
    from pathlib import Path


def reads(count: int, mate: bytes, *, without: int | None = None) -> bytes:
    """So many reads of which this is in each name."""
    return b"".join(b"@r%d%b\nACGT\n+\nFFFF\n" % (n, mate) for n in range(count) if n != without)


def pair_findings(folder: Path, **options: Any) -> list[dict[str, Any]]:
    """What is found about pairs."""
    rows: list[dict[str, Any]] = validate_folder(folder, **options).findings.to_pylist()
    return [row for row in rows if row["check"] == "fastq.pairs"]


STYLES = [
    ("s_S1_L001_R1_001.fastq", "s_S1_L001_R2_001.fastq", b" 1:N:0:ACGT", b" 2:N:0:ACGT"),
    ("s_R1.fastq", "s_R2.fastq", b"/1", b"/2"),
    ("s.R1.fq", "s.R2.fq", b"", b""),
    ("s_1.fastq", "s_2.fastq", b" length=4", b" length=4"),
    ("s_1.trimmed.fq", "s_2.trimmed.fq", b"/1 x", b"/2 x"),
]


@pytest.mark.parametrize(("first", "second", "one", "two"), STYLES[:4])
def test_a_pair_in_step_passes_however_it_is_named(
    tmp_path: Path, first: str, second: str, one: bytes, two: bytes
) -> None:
    (tmp_path / first).write_bytes(reads(100, one))
    (tmp_path / second).write_bytes(reads(100, two))
    assert pair_findings(tmp_path) == []


@pytest.mark.parametrize(("first", "second", "one", "two"), STYLES[:4])
def test_the_first_read_that_differs_is_named(tmp_path: Path, first: str, second: str, one: bytes, two: bytes) -> None:
    (tmp_path / first).write_bytes(reads(100, one))
    (tmp_path / second).write_bytes(reads(100, two, without=40))
    (finding,) = pair_findings(tmp_path)
    assert (finding["code"], finding["member"]) == ("fastq.pair.names", second)
    assert (finding["line"], finding["seen"], finding["expected"]) == (4 * 40 + 1, "r41", "r40")


def test_a_read_more_at_the_end_of_one_is_told_with_both_numbers(tmp_path: Path) -> None:
    (tmp_path / "a_R1.fastq.gz").write_bytes(gzip.compress(reads(100, b"/1")))
    (tmp_path / "a_R2.fastq").write_bytes(reads(98, b"/2"))
    found = [row["code"] for row in pair_findings(tmp_path)]
    assert found == ["fastq.pair.missing"] * 2, "of different endings they are no pair"
    (tmp_path / "a_R2.fastq").unlink()
    (tmp_path / "a_R2.fastq.gz").write_bytes(gzip.compress(reads(98, b"/2")))
    (finding,) = pair_findings(tmp_path)
    assert (finding["code"], finding["member"]) == ("fastq.pair.count", "a_R1.fastq.gz")
    assert (finding["seen"], finding["expected"]) == ("100", "98")


def test_a_file_of_second_reads_in_the_place_of_the_first_is_told(tmp_path: Path) -> None:
    (tmp_path / "a_R1.fastq").write_bytes(reads(9, b" 2:N:0:A"))
    (tmp_path / "a_R2.fastq").write_bytes(reads(9, b" 2:N:0:A"))
    (finding,) = pair_findings(tmp_path)
    assert (finding["code"], finding["member"]) == ("fastq.pair.mate", "a_R1.fastq")


def test_a_file_whose_other_is_not_there_is_noted(tmp_path: Path) -> None:
    (tmp_path / "a_R1.fastq").write_bytes(reads(9, b"/1"))
    (tmp_path / "run_1.fastq").write_bytes(reads(9, b""))  # which need not be of pairs
    (finding,) = pair_findings(tmp_path)
    assert (finding["code"], finding["severity"]) == ("fastq.pair.missing", "note")


def test_pairs_are_looked_for_in_each_folder_of_its_own(tmp_path: Path) -> None:
    for folder, count in (("one", 5), ("two", 7)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a_R1.fastq").write_bytes(reads(count, b"/1"))
        (tmp_path / folder / "a_R2.fastq").write_bytes(reads(count, b"/2"))
    assert pair_findings(tmp_path) == []


def test_of_a_sample_the_beginnings_are_compared_and_not_the_numbers(tmp_path: Path) -> None:
    (tmp_path / "a_R1.fastq").write_bytes(reads(100, b"/1"))
    (tmp_path / "a_R2.fastq").write_bytes(reads(98, b"/2"))
    assert pair_findings(tmp_path, cost="sample") == []
    (tmp_path / "a_R2.fastq").write_bytes(reads(98, b"/2", without=3))
    for cost in ("header", "sample"):
        assert [row["code"] for row in pair_findings(tmp_path, cost=cost)] == ["fastq.pair.names"]


def test_a_pair_of_which_one_cannot_be_unpacked_is_told_where_it_is_broken(tmp_path: Path) -> None:
    (tmp_path / "a_R1.fastq.gz").write_bytes(gzip.compress(reads(5000, b"/1")))
    (tmp_path / "a_R2.fastq.gz").write_bytes(gzip.compress(reads(5000, b"/2"))[:-2000])
    rows = validate_folder(tmp_path).findings.to_pylist()
    assert {row["code"] for row in rows if row["path"] == "a_R2.fastq.gz"} >= {"packing.truncated"}
    assert "check.crashed" not in {row["code"] for row in rows}
