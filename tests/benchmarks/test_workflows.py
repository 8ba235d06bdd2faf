"""The benchmark of running workflows runs, at a size that says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import workflows

NEEDS = ("psutil",)

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_small_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = [
        "--tasks",
        "3",
        "--pipelines",
        "2",
        "--steps",
        "2",
        "--seconds",
        "0.05",
        "--known",
        "2000",
        "--without-peer",
    ]
    assert workflows.main([*sizes, "--output", str(tmp_path)]) == 0
    said = (tmp_path / "RESULTS.md").read_text("utf-8")
    assert "<!-- workflows: begin -->" in said
    assert "| holotype, 3 tasks |" in said
    assert "| 2 of 2 steps of 0.05 s |" in said
    assert "| 2,000 | " in said
    assert "What running workflows costs" in capsys.readouterr().out
