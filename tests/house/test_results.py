"""The committed report is accepted when it names exactly the tests that ran, all passed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from .results import complaints, main

if TYPE_CHECKING:
    from pathlib import Path


def report(path: Path, **outcomes: str) -> Path:
    """A report of tests by these names."""
    tests = [{"nodeid": name, "outcome": outcome} for name, outcome in outcomes.items()]
    path.write_text(json.dumps({"tests": tests}), "utf-8")
    return path


def test_the_same_tests_in_any_order_are_accepted(tmp_path: Path) -> None:
    committed = report(tmp_path / "committed.json", a="passed", b="passed")
    ran = report(tmp_path / "ran.json", b="passed", a="passed")
    assert complaints(committed, ran) == []
    assert main(str(committed), str(ran)) == 0


@pytest.mark.parametrize(
    ("kept", "now", "complaint"),
    [
        ({"a": "passed"}, {"a": "passed", "b": "passed"}, "ran, but is not in the committed report: b"),
        ({"a": "passed", "b": "passed"}, {"a": "passed"}, "is in the committed report, but did not run: b"),
        ({"a": "failed"}, {"a": "passed"}, "failed in the committed report: a"),
        ({"a": "passed"}, {"a": "skipped"}, "skipped just now: a"),
    ],
)
def test_anything_else_is_named(tmp_path: Path, kept: dict[str, str], now: dict[str, str], complaint: str) -> None:
    committed, ran = report(tmp_path / "committed.json", **kept), report(tmp_path / "ran.json", **now)
    assert complaints(committed, ran) == [complaint]
    assert main(str(committed), str(ran)) == 1


def test_of_a_run_of_some_tests_each_file_has_to_be_there(tmp_path: Path) -> None:
    kept = report(tmp_path / "kept.json", **{"one.py::a": "passed", "one.py::b": "passed", "two.py::a": "passed"})
    some = report(tmp_path / "some.json", **{"one.py::a": "passed", "two.py::a": "passed"})
    assert main(str(kept), str(some), "--part") == 0
    fewer = report(tmp_path / "fewer.json", **{"one.py::b": "failed"})
    assert complaints(kept, fewer, part=True) == [
        "is in the committed report, but did not run: two.py",
        "failed just now: one.py::b",
    ]


def test_a_report_that_was_never_committed_is_named(tmp_path: Path) -> None:
    ran = report(tmp_path / "ran.json", a="passed")
    assert complaints(tmp_path / "none.json", ran) == ["none.json is not there: run pytest and commit it"]


def test_two_empty_reports_prove_nothing(tmp_path: Path) -> None:
    assert complaints(report(tmp_path / "a.json"), report(tmp_path / "b.json"))
