"""Figures of reads: what they are is counted by hand here, and by fastp beside it."""

from __future__ import annotations

import io
from typing import Any

import pytest

from holotype.validators import Threshold, validate


def figures(data: bytes, **options: Any) -> dict[tuple[str, str], float]:
    """All figures of these reads."""
    report = validate(io.BytesIO(data), name="reads.fastq", format="fastq", **options)
    return {(row["name"], row["of"]): row["value"] for row in report.metrics.to_pylist()}


# Qualities: I is 40, ? 30, 5 20, # 2
READS = b"@a\nGGCN\n+\nI?5#\n@b\nacg\n+\nII#\n@c\nGGCN\n+\nIIII\n"


def test_reads_bases_and_lengths_are_counted() -> None:
    found = figures(READS)
    assert (found["fastq.reads", ""], found["fastq.bases", ""]) == (3, 11)
    lengths = [found[f"fastq.length.{each}", ""] for each in ("least", "mean", "most")]
    assert lengths == [3, pytest.approx(11 / 3), 4]


def test_shares_are_of_all_letters() -> None:
    found = figures(READS)
    assert found["fastq.q20", ""] == pytest.approx(9 / 11)
    assert found["fastq.q30", ""] == pytest.approx(8 / 11)
    assert found["fastq.gc", ""] == pytest.approx(8 / 11)
    assert found["fastq.n", ""] == pytest.approx(2 / 11)


def test_qualities_have_a_profile_by_position_over_the_reads_that_reach_it() -> None:
    found = figures(READS)
    profile = [found["fastq.phred.mean", str(position)] for position in (1, 2, 3, 4)]
    assert profile == [40, pytest.approx(110 / 3), pytest.approx(62 / 3), 21]
    assert ("fastq.phred.mean", "5") not in found
    assert found["fastq.phred.mean", ""] == pytest.approx((40 + 30 + 20 + 2 + 40 + 40 + 2 + 160) / 11)


def test_qualities_that_begin_at_64_are_counted_from_there() -> None:
    found = figures(b"@a\nACGT\n+\nh^TB\n")
    assert (found["fastq.q20", ""], found["fastq.q30", ""], found["fastq.phred.mean", "1"]) == (0.75, 0.5, 40)


def test_reads_that_begin_alike_are_duplicates_of_the_first() -> None:
    letters = b"ACGTTGCA" * 7
    data = b"".join(
        b"@%d\n%b\n+\n%b\n" % (number, letters[:50] + bytes([65 + 2 * (number % 2)]), b"I" * 51) for number in range(4)
    )
    assert figures(data)["fastq.duplicates", ""] == 0.75
    assert figures(READS)["fastq.duplicates", ""] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("adapter", "name"),
    [
        (b"AGATCGGAAGAGCACACGTC", "illumina-universal"),
        (b"CTGTCTCTTATACACATCT", "nextera"),
        (b"TGGAATTCTCGGGTGCCAAGG", "illumina-small-rna-3"),
        (b"GATCGTCGGACTGTAGAACTC", "illumina-small-rna-5"),
    ],
)
def test_reads_with_an_adapter_are_counted_by_its_kind(adapter: bytes, name: str) -> None:
    read = b"ACGTAACCGGTT"
    data = b"".join(
        b"@%d\n%b\n+\n%b\n" % (number, sequence, b"I" * len(sequence))
        for number, sequence in enumerate([read, read + adapter, read, read[:3] + adapter[:12]])
    )
    found = figures(data)
    shares = {of: value for (figure, of), value in found.items() if figure == "fastq.adapter" and value}
    assert shares == {name: 0.5}


def test_a_file_without_reads_has_no_shares() -> None:
    found = figures(b"")
    assert found == {("fastq.reads", ""): 0, ("fastq.bases", ""): 0}


def test_figures_can_be_held_against_what_they_have_to_be() -> None:
    rules = [Threshold("fastq.q30", least=0.9), Threshold("fastq.adapter", most=0.1)]
    report = validate(io.BytesIO(READS), name="reads.fastq", thresholds=rules)
    (finding,) = report.findings.to_pylist()
    assert (finding["code"], finding["column"]) == ("metric.threshold", "fastq.q30")
