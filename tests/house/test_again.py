"""What failed once among many tests is tried again alone, and has to pass then."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from .again import MOST, main

if TYPE_CHECKING:
    from pathlib import Path

TESTS = """
from pathlib import Path
def test_sound(): raise AssertionError("it is not tried again")
def test_now_and_then(): pass
def test_broken(): assert False
"""


def tried(folder: Path, **outcomes: str) -> tuple[int, dict[str, str]]:
    """The status, and what the report says afterwards."""
    (folder / "test_these.py").write_text(TESTS, encoding="utf-8")
    report = folder / "report.json"
    tests = [{"nodeid": f"test_these.py::test_{name}", "outcome": outcome} for name, outcome in outcomes.items()]
    report.write_text(json.dumps({"tests": tests}), encoding="utf-8")
    command = (
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--json-report",
        "--rootdir",
        str(folder),
    )
    status = main(str(report), *command)
    assert [path.name for path in folder.glob("*.json")] == ["report.json"]
    after = json.loads(report.read_text(encoding="utf-8"))["tests"]
    return status, {test["nodeid"].removeprefix("test_these.py::test_"): test["outcome"] for test in after}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the tests lie that are tried again."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_passes_now_has_passed(folder: Path) -> None:
    assert tried(folder, sound="passed", now_and_then="failed") == (0, {"sound": "passed", "now_and_then": "passed"})


def test_what_fails_again_has_failed(folder: Path) -> None:
    before = {"sound": "passed", "now_and_then": "error", "broken": "failed"}
    assert tried(folder, **before) == (1, before | {"now_and_then": "passed"})


@pytest.mark.parametrize("outcomes", [{"sound": "passed"}, {f"{n}": "failed" for n in range(MOST + 1)}])
def test_where_nothing_failed_or_too_much_nothing_is_tried(folder: Path, outcomes: dict[str, str]) -> None:
    assert tried(folder, **outcomes) == (1, outcomes)


def test_what_is_not_found_again_has_failed(folder: Path) -> None:
    assert tried(folder, gone="failed") == (1, {"gone": "failed"})
