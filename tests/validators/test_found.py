"""Findings, figures, thresholds, limits and policies are what they say."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holotype.validators import (
    Action,
    Check,
    CheckRefused,
    Code,
    Cost,
    Found,
    InvalidChoice,
    Limits,
    Policy,
    Severity,
    Subject,
    Threshold,
    validate,
)

BAD = Code("lab.bad", Severity.ERROR, "Nothing is bad.", "Lab manual, 3")
MEEK = Code("lab.meek", Severity.WARNING, "Nothing is meek.")


def found(each: int = 3) -> Found:
    return Found("lab", [BAD, MEEK], limits=Limits(each=each))


def test_findings_are_kept_up_to_a_number_and_counted_beyond_it() -> None:
    told = found(3)
    for line in range(10):
        told.add(BAD, "bad", line=line)
    assert [each.place.line for each in told.findings] == [0, 1, 2]
    assert told.counts[BAD] == 10
    assert (told.room(BAD), told.room(MEEK)) == (0, 3)


def test_millions_at_once_are_told_by_the_first_and_a_number() -> None:
    told = found(3)
    told.add(BAD, "bad")
    told.count(BAD, 5_000_000)
    assert told.counts[BAD] == 5_000_001
    assert len(told.findings) == 1


def test_what_is_only_counted_shows_all_the_same() -> None:
    told = found()
    told.count(BAD, 7)
    told.count(MEEK, 0)
    assert [each.message for each in told.findings] == ["Nothing is bad."]
    assert told.counts == {BAD: 7}


def test_a_check_tells_only_of_rules_that_it_has_declared() -> None:
    other = Code("lab.other", Severity.NOTE, "Nothing else.")
    with pytest.raises(CheckRefused, match="declared"):
        found().add(other, "?")
    with pytest.raises(CheckRefused, match="declared"):
        found().count(other, 2)


def test_a_check_that_declares_a_rule_twice_is_refused_as_it_is_made() -> None:
    with pytest.raises(CheckRefused, match="twice"):
        type("Twice", (Check,), {"name": "lab.twice", "codes": (BAD, BAD)})


@pytest.mark.parametrize("name", ["vcf", "VCF.header", "vcf.", ".vcf", "vcf header", "1.a", "vcf.é", ""])
def test_a_code_is_words_with_dots(name: str) -> None:
    with pytest.raises(ValueError, match="no code"):
        Code(name, Severity.NOTE, "")


@given(text=st.text(), raw=st.binary())
def test_what_is_in_hostile_files_reaches_a_report_and_no_terminal(text: str, raw: bytes) -> None:
    told = found()
    told.add(BAD, text, member=text, column=text, record=text, seen=raw, expected=text)
    (one,) = told.findings
    for shown in (one.message, one.place.member, one.place.column, one.place.record, one.seen, one.expected):
        assert shown is not None
        assert shown.isprintable()
        shown.encode()  # which what is no text cannot


def test_what_was_seen_is_shown_in_short() -> None:
    told = found()
    told.add(BAD, "m" * 5000, seen=b"\x00" * 10_000_000, expected=["x"] * 900)
    (one,) = told.findings
    assert len(one.message) == 1000
    assert len(one.seen or "") == len(one.expected or "") == 200
    assert (one.seen or "").startswith("\\x00\\x00")


@pytest.mark.parametrize("place", [1 << 63, -1, 1 << 900])
def test_a_place_that_no_file_has_is_none(place: int) -> None:
    told = found()
    told.add(BAD, "bad", offset=place, line=place, row=place)
    assert told.findings[0].place.offset is None
    assert told.findings[0].place.line is None


def test_a_report_takes_what_a_damaged_file_says_of_places() -> None:
    class Wild(Check):
        name, tables, codes = "lab.wild", True, (BAD,)

        def look(self, subject: Subject, found: Found) -> None:
            found.add(BAD, "\ud800", offset=1 << 70, member="\ud8ff/\x1b[2J")

    (row,) = validate(pl.DataFrame({"a": [1]}), checks=[Wild()]).findings.to_pylist()
    assert row["offset"] is None
    assert row["member"] == "\\ud8ff/\\x1b[2J"


@pytest.mark.parametrize("name", list(vars(Limits())))
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_every_limit_is_above_nothing(name: str, value: float) -> None:
    with pytest.raises(InvalidChoice, match=name):
        Limits(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(("least", "most"), [(None, None), (2, 1), (float("nan"), None), (None, float("nan"))])
def test_a_threshold_has_ends_in_order(least: float | None, most: float | None) -> None:
    with pytest.raises(InvalidChoice, match="threshold"):
        Threshold("lab.mean", least=least, most=most)


@given(st.floats(allow_nan=False), st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_a_threshold_allows_its_ends_and_what_is_between(one: float, two: float, value: float) -> None:
    least, most = sorted((one, two))
    assert (Threshold("lab.mean", least=least, most=most).broken(value) is None) == (least <= value <= most)


def test_severities_costs_and_actions_have_an_order() -> None:
    assert (
        [each.rank for each in Severity] == [each.rank for each in Cost] == [each.rank for each in Action] == [0, 1, 2]
    )


@pytest.mark.parametrize(
    ("severities", "expected"),
    [
        ([], Action.RECORD),
        ([Severity.NOTE], Action.RECORD),
        ([Severity.WARNING, Severity.NOTE], Action.QUARANTINE),
        ([Severity.ERROR, Severity.WARNING], Action.REFUSE),
    ],
)
def test_a_policy_does_the_strictest_of_what_the_findings_ask_for(severities: list[Severity], expected: Action) -> None:
    codes = {each: Code(f"lab.{each}", each, "Rule.") for each in Severity}

    class Says(Check):
        name, tables = "lab.says", True

        def look(self, subject: Subject, found: Found) -> None:
            for each in severities:
                found.add(codes[each], "so")

    Says.codes = tuple(codes.values())
    report = validate(pl.DataFrame({"a": [1]}), checks=[Says()])
    policy = Policy(warning=Action.QUARANTINE, error=Action.REFUSE)
    assert policy.decide(report) is expected
    assert Policy().of("error") is Action.QUARANTINE


def test_an_action_may_be_given_by_its_name_and_one_that_there_is_not_is_refused() -> None:
    named: Any = "refuse"
    assert Policy(error=named).error is Action.REFUSE
    nonsense: Any = "explode"
    with pytest.raises(InvalidChoice, match="there are record, quarantine, refuse"):
        Policy(warning=nonsense)


def test_what_is_found_within_a_member_is_told_with_its_path_and_counts_with_the_rest() -> None:
    outer = found(2)
    inner = outer.within("in.zip")
    inner.add(BAD, "odd")
    inner.add(BAD, "odd", member="a.txt", line=3)
    inner.count(BAD, 5)
    inner.metric("lab.figure", 1)
    assert [each.place.member for each in outer.findings] == ["in.zip", "in.zip/a.txt"]
    assert (outer.counts[BAD], inner.room(BAD), outer.metrics) == (7, 0, [])
    inner.partly()
    assert not outer.complete
    assert outer.within("other.zip").complete
