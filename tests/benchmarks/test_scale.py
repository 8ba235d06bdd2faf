"""The scale benchmark runs, at sizes that say nothing, and what it kept is added to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks import scale

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

NEEDS = ("pandas",)


def test_small_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(scale, "STEPS", (1.0,))
    output = tmp_path / "output"
    output.mkdir()
    for part in ("files", "records"):
        given = ["--parts", part, "--scale", "0.0001", "--workdir", str(tmp_path / "work"), "--output", str(output)]
        assert scale.main(given) == 0
    kept = json.loads((output / "scale.json").read_text("utf-8"))
    assert sorted(kept) == ["files", "records"]
    report = (output / "RESULTS.md").read_text("utf-8")
    assert "| nothing changed |" in report
    assert "| collect, dry run |" in report
    assert "Memory: " in capsys.readouterr().out
