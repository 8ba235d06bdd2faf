"""The benchmark of recording runs, at a size that says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import recording

NEEDS = ("pandas",)

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_small_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert recording.main(["--turns", "1", "--seconds", "0.05", "--output", str(tmp_path)]) == 0
    said = (tmp_path / "RESULTS.md").read_text("utf-8")
    assert "<!-- recording: begin -->" in said
    for kind in ("a command", "a command that imports pandas", "a block of Python"):
        assert f"| {kind}, 0.05 s |" in said
    assert said.count(" % |") == 3
    assert "What recording costs" in capsys.readouterr().out
