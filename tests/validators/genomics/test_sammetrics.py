"""Figures of alignments, beside those of samtools."""

from __future__ import annotations

import random
import subprocess
from typing import TYPE_CHECKING

import pytest

from holotype.validators import validate

from .alignments import sam

if TYPE_CHECKING:
    from pathlib import Path

NEEDS = ("samtools",)

REFERENCES = (("chr1", 60_000), ("chr2", 9_000), ("empty", 500))
HEAD = ("@HD\tVN:1.6\tSO:coordinate", *(f"@SQ\tSN:{name}\tLN:{size}" for name, size in REFERENCES))


def drawn(chance: random.Random, number: int) -> tuple[tuple[int, int], str]:
    """A record of any kind, with what sorts it."""
    reference, following = chance.randrange(2), chance.randrange(2)
    position, next_position = chance.randint(1, 8500), chance.randint(1, 8500)
    flag = chance.choice((0, 4, 65, 99, 147, 83, 163, 67, 131, 73, 137, 77, 141, 113, 177))
    flag |= chance.choice((0, 0, 0, 0x100, 0x800, 0x400, 0x200, 0xC00))
    cigar = "*" if flag & 4 else chance.choice(("30M", "5S20M5I", "10M3D20M", "10M200N20M", "4H30M", "10=1X19="))
    size = chance.choice((0, 300, -300, 200, -180, 12_000)) if following == reference else 0
    bases = "".join(chance.choice("ACGTN") for _ in range(30))
    qualities = "".join(chr(33 + chance.randint(2, 41)) for _ in range(30))
    line = (
        f"r{number}\t{flag}\t{REFERENCES[reference][0]}\t{position}\t{chance.randint(0, 60)}\t{cigar}\t"
        f"{REFERENCES[following][0] if following != reference else '='}\t{next_position}\t{size}\t{bases}\t{qualities}"
        f"\tNM:i:{chance.randint(0, 9)}"
    )
    return (reference, position), line


@pytest.fixture(params=[1, 2, 3])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """The same records as SAM and as BAM."""
    chance = random.Random(request.param)
    lines = [line for _, line in sorted((drawn(chance, number) for number in range(4000)), key=lambda each: each[0])]
    text, binary = tmp_path / "all.sam", tmp_path / "all.bam"
    text.write_bytes(sam(*lines, head=HEAD))
    subprocess.run(["samtools", "view", "--bam", "--no-PG", "--output", binary, text], check=True)
    return text, binary


def printed(*command: object) -> list[str]:
    """The lines that a program prints."""
    done = subprocess.run(["samtools", *map(str, command)], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def test_they_are_those_of_samtools_stats_and_flagstat(files: tuple[Path, Path]) -> None:
    stats = {
        parts[1]: parts[2] for parts in (line.split("\t") for line in printed("stats", files[1])) if parts[0] == "SN"
    }
    counted = {
        line.partition(" + ")[2].partition(" ")[2].partition(" (")[0]: line for line in printed("flagstat", files[1])
    }
    both = {name: sum(int(part) for part in line.split()[:3:2]) for name, line in counted.items()}
    for path in files:
        report = validate(path)
        assert report.ok

        told = {row["name"].removeprefix("sam."): row["value"] for row in report.metrics.to_pylist()}
        for ours, theirs in (
            ("reads", "raw total sequences:"), ("reads.mapped", "reads mapped:"), ("reads.paired", "reads paired:"),
            ("bases", "total length:"), ("bases.mapped", "bases mapped:"),
            ("bases.aligned", "bases mapped (cigar):"), ("bases.mismatched", "mismatches:"),
        ):  # fmt: skip
            assert told[ours] == float(stats[theirs]), theirs
        for ours, theirs in (
            ("records", "in total"), ("records.secondary", "secondary"), ("records.supplementary", "supplementary"),
            ("records.mapped", "mapped"), ("records.duplicate", "duplicates"), ("reads.proper", "properly paired"),
            ("reads.duplicate", "primary duplicates"),
        ):  # fmt: skip
            assert told[ours] == both[theirs], theirs
        assert told["quality.mean"] == pytest.approx(float(stats["average quality:"]), abs=0.051)
        assert told["error_rate"] == pytest.approx(float(stats["error rate:"]), rel=1e-6)
        assert told["insert_size.mean"] == pytest.approx(float(stats["insert size average:"]), abs=0.051)
        assert told["insert_size.sd"] == pytest.approx(float(stats["insert size standard deviation:"]), abs=0.051)


def test_coverage_is_that_of_samtools_depth(files: tuple[Path, Path]) -> None:
    depths = sorted(int(line.split("\t")[2]) for line in printed("depth", "-aa", files[1]))
    mean = sum(depths) / len(depths)
    for path in files:
        report = validate(path)
        assert report.metric("sam.coverage.mean") == pytest.approx(mean)
        assert report.metric("sam.coverage.median") == depths[(len(depths) + 1) // 2 - 1]
        assert report.metric("sam.coverage.breadth") == pytest.approx(sum(map(bool, depths)) / len(depths))
        assert report.metric("sam.coverage.evenness") == pytest.approx(
            sum(min(depth, mean) for depth in depths) / sum(depths)
        )


def test_samtools_reads_what_passes(files: tuple[Path, Path]) -> None:
    assert printed("quickcheck", "-v", files[1]) == []
    assert validate(files[1]).counts.keys() <= {
        "sam.flag.unpaired", "sam.flag.unmapped", "sam.tag.nm", "sam.pnext.beyond",
    }  # fmt: skip
