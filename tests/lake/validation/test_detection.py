"""No corruption of what is stored goes unnoticed, nothing sound is accused (in full: ``benchmarks/detection.py``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .corrupting import KINDS, Specimen

if TYPE_CHECKING:
    from pathlib import Path


def test_whatever_is_changed_where_a_chunk_lies_it_is_refused_or_the_bytes_are_right(tmp_path: Path) -> None:
    specimen = Specimen(tmp_path)
    assert {chunk["codec"] for chunk in specimen.chunks} > {"raw", "zstd"}, "all ways of storing are there"
    found = specimen.play(range(4000))
    assert (found.missed, found.accused) == ([], [])
    assert (found.trials, found.clean) == (4000, 4000)
    assert set(found.refused) == set(KINDS)
    assert sum(found.right.values()) < 0.02 * found.trials, "a corruption that harms nothing is rare"
