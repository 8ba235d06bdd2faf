"""The benchmark of the graph of provenance runs, at a size that says nothing, and others come to the same elements."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks import provenance

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_small_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(provenance, "STEPS", (1.0,))
    for name in ("COLD", "TURNS"):
        monkeypatch.setattr(provenance, name, 1)
    given = ["--scale", "0.005", "--workdir", str(tmp_path / "work"), "--output", str(tmp_path)]
    assert provenance.main(given) == 0
    (measured,) = json.loads((tmp_path / "provenance.json").read_text("utf-8"))["measured"]
    assert measured["activities"] == 5_000
    assert measured["warm"]["impact"]["nodes"] > 3 * 500
    assert measured["warm"]["row"]["nodes"] > 3 * 500
    assert measured["warm"]["script"]["nodes"] == 1
    assert {"DuckDB, recursive query", "NumPy, sorted arrays"} <= measured["peers"].keys()
    assert measured["written"]["thousand"] < 400_000
    report = (tmp_path / "RESULTS.md").read_text("utf-8")
    assert "<!-- provenance: begin -->" in report
    assert "| row of 50 activities, whole |" in report
    assert "| DuckDB, recursive query |" in capsys.readouterr().out
