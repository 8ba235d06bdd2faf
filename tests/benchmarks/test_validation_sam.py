"""What alignments are measured on is what it is said to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import validation_sam
from holotype.validators import validate

if TYPE_CHECKING:
    from pathlib import Path


def test_the_reads_that_are_measured_are_valid_and_the_same_from_the_same_seed(tmp_path: Path) -> None:
    one, other = (validation_sam.made(tmp_path / name, 400) for name in ("one.sam", "other.sam"))
    assert one.read_bytes() == other.read_bytes()
    report = validate(one)
    assert not report.counts
    assert report.metric("sam.reads") == 400
    assert validation_sam.unpacked(one) == one.stat().st_size
