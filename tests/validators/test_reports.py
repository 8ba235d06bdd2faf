"""A report holds everything that was found, and is the same after it was written and read."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import holotype.validators
from holotype.validators import Check, Code, Finding, Found, Place, Report, Severity, Subject, validate

if TYPE_CHECKING:
    from pathlib import Path

ODD = Code("lab.odd", Severity.ERROR, "Nothing is odd.")
SMALL = Code("lab.small", Severity.NOTE, "Nothing is small.")


class Letters(Check):
    """Finds something in every line."""

    name, formats, codes = "lab.letters", frozenset({"text"}), (ODD, SMALL)

    def look(self, subject: Subject, found: Found) -> None:
        for lines in subject.lines(found):
            for index in range(len(lines)):
                code = ODD if lines[index].startswith(b"o") else SMALL
                found.add(code, "so", line=lines.number(index), seen=lines[index])
            found.metric("lab.lines", len(lines))
            found.metric("lab.mean", math.nan, of="x")


@pytest.fixture
def report(tmp_path: Path) -> Report:
    reports = []
    for name, text in {"a.txt": "odd\nodd\nsmall\n", "b.txt": "small\n", "c.txt": ""}.items():
        (tmp_path / name).write_text(text)
        reports.append(validate(tmp_path / name, name=name, checks=[Letters()]))
    return Report.together(reports)


def test_it_is_sound_when_nothing_is_wrong_whatever_is_worth_knowing(report: Report) -> None:
    assert (report.ok, report.of("b.txt").ok, report.of("c.txt").ok) == (False, True, True)
    assert (report.worst, report.of("b.txt").worst, report.of("c.txt").worst) == (Severity.ERROR, Severity.NOTE, None)
    assert report.counts == {"lab.odd": 2, "lab.small": 2}
    assert report.of("a.txt").counts == {"lab.odd": 2, "lab.small": 1}
    assert report.codes == {"lab.odd", "lab.small"}
    assert report.complete


def test_several_together_say_what_each_said(report: Report) -> None:
    assert report.findings["path"].to_pylist() == ["a.txt"] * 3 + ["b.txt"]
    assert set(report.checked["path"].to_pylist()) == {"a.txt", "b.txt", "c.txt"}
    assert report.metric("lab.lines", path="b.txt") == 1
    assert report.metric("lab.lines") == 3
    assert report.metric("lab.lines", of="nothing") is None


def test_a_summary_has_a_row_for_each_file_and_rule(report: Report) -> None:
    rows = report.summary.sort("path", "code").rows()
    assert rows == [
        ("a.txt", "lab.odd", "error", 2, 1, "so"),
        ("a.txt", "lab.small", "note", 1, 3, "so"),
        ("b.txt", "lab.small", "note", 1, 1, "so"),
    ]


def test_it_says_in_words_what_and_where(report: Report) -> None:
    assert str(report).splitlines()[:2] == ["3 looked at, 4 findings:", "  a.txt:1: error lab.odd: so"]
    assert str(report.of("c.txt")) == "1 looked at, nothing found"


def test_a_hostile_name_does_nothing_to_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("odd\n")
    report = validate(tmp_path / "a.txt", name="a\x1b[2J.txt", checks=[Letters()])
    assert report.findings["path"][0].as_py() == "a\x1b[2J.txt"
    assert "\x1b" not in str(report)


def test_it_is_written_and_read_as_json_that_any_reader_takes(report: Report) -> None:
    text = report.to_json()
    json.loads(text, parse_constant=pytest.fail)
    again = Report.from_json(text)
    assert again.findings.equals(report.findings)
    assert again.checked.equals(report.checked)
    assert again.counts == report.counts
    assert again.to_json() == text
    assert math.isnan(again.metric("lab.mean", of="x") or 0)


@given(st.lists(st.tuples(st.text(), st.integers(0, 2**63 - 1), st.binary(), st.floats())))
def test_whatever_was_found_comes_back_from_json(facts: list[tuple[str, int, bytes, float]]) -> None:
    class Says(Check):
        name, tables, codes = "lab.says", True, (ODD,)

        def look(self, subject: Subject, found: Found) -> None:
            for text, number, raw, value in facts:
                found.add(ODD, text, line=number, record=text, seen=raw)
                found.metric("lab.value", value, of=str(len(found.metrics)))

    import pyarrow as pa

    report = validate(pa.table({"a": [1]}), checks=[Says()])
    again = Report.from_json(report.to_json())
    assert again.findings.equals(report.findings)
    assert again.to_json() == report.to_json()


def test_findings_are_values() -> None:
    one = Finding(ODD, "so", Place(line=3), None, None, "lab")
    assert one == Finding(ODD, "so", Place(line=3), None, None, "lab")
    with pytest.raises(AttributeError):
        one.message = "other"  # type: ignore[misc]


def test_every_column_says_what_it_is(report: Report) -> None:
    for table in (report.findings, report.metrics, report.checked):
        assert all(field.metadata[b"about"].endswith(b".") for field in table.schema)


def test_the_face_gives_each_name_and_no_other() -> None:
    face: Any = holotype.validators
    assert all(getattr(face, name) is not None for name in face.__all__)
    assert {*face.__all__} <= {*dir(face)}
    with pytest.raises(AttributeError, match="nobody"):
        _ = face.nobody
