"""Small sums in text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holotype.scheduling.declaring.expressions import Expression

GIVEN = {
    "input_size": 10 << 20,
    "attempt": 2,
    "trim": True,
    "sample": {"paired": False, "sex": "f"},
    "names": ("a", "b"),
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4*GiB + 2*input_size", (4 << 30) + (20 << 20)),
        ("min(attempt, 3) * h", 7200.0),
        ("30 * min", 1800.0),
        ("trim and not sample.paired", True),
        ("sample.sex in ('f', 'x')", True),
        ("sample.sex == 'm' or attempt > 1", True),
        ("1 < attempt < 3", True),
        ("1 < attempt < 2", False),
        ("8 if trim else 1", 8),
        ("len(names) // 2", 1),
        ("ceil(0.1) + round(2.6) - max(1, 2)", 2),
        ("-attempt % 3", 1),
        ("attempt is 2", None),
    ],
)
def test_it_comes_to_what_it_says(text: str, value: object) -> None:
    if value is None:
        with pytest.raises(ValueError, match="no expression"):
            Expression(text)
    else:
        assert Expression(text).value(GIVEN) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "a = 1",
        "__import__('os')",
        "_x",
        "sample.__class__",
        "sample.sex.upper",
        "sample.sex.upper()",
        "().__class__",
        "(lambda: 1)()",
        "[x for x in names]",
        "names[0]",
        "open('x')",
        "min(*names)",
        "min(a=1)",
        "f'{attempt}'",
        "2 ** 9999",
        "1 << 9999",
        "await attempt",
        "(attempt := 1)",
        "b'x'",
        "1j",
        "1 + " * 400 + "1",
    ],
)
def test_what_could_do_harm_is_no_expression(text: str) -> None:
    with pytest.raises(ValueError, match="expression"):
        Expression(text)


def test_a_nest_of_brackets_is_refused_and_brings_nothing_down() -> None:
    with pytest.raises(ValueError, match="no expression"):
        Expression("(" * 400 + "1" + ")" * 400)


@pytest.mark.parametrize("text", ["-" * 400 + "1", "not " * 240 + "1", "(" * 100 + "1" + "+1)" * 100])
def test_what_is_far_too_deep_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="levels deep"):
        Expression(text)


def test_numbers_do_not_grow_without_end() -> None:
    # 999 digits: what comes to more than is calculated with is refused, and nothing takes long.
    with pytest.raises(ValueError, match="too large"):
        Expression("a*a*a*a*a*a").value({"a": 1 << 2000})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("depth > 3", "depth, which is not given"),
        ("sample.lane", r"sample\.lane, which is not given"),
        ("attempt / 0", "cannot be calculated"),
        ("'a' * 1000000000", "is no number"),
        ("names * 1000000000", "is no number"),
        ("'a' + 1", "cannot be calculated"),
    ],
)
def test_what_cannot_be_calculated_is_told(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Expression(text).value(GIVEN)


def test_it_says_what_it_needs() -> None:
    expression = Expression("min(input_size, 4*GiB) + depth if sample.paired and sample.sex == 'f' else h")
    assert expression.names == {"input_size", "depth", "sample"}
    assert expression.members == {("sample", "paired"), ("sample", "sex")}


def test_it_goes_no_further_than_python_would() -> None:
    assert Expression("trim or missing").value(GIVEN) is True
    assert Expression("not trim and missing").value(GIVEN) is False


NUMBERS = st.integers(-9, 9).map(str) | st.sampled_from(["a", "b"])
SUMS = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%", "<", "==", "and", "or"]), inner).map(
            lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
        ),
        inner.map(lambda text: f"(not {text})"),
        st.tuples(inner, inner, inner).map(lambda parts: f"({parts[0]} if {parts[1]} else {parts[2]})"),
    ),
    max_leaves=12,
)


@given(text=SUMS, a=st.integers(-5, 5), b=st.floats(-5, 5))
def test_it_is_what_python_says(text: str, a: int, b: float) -> None:
    given: dict[str, Any] = {"a": a, "b": b}
    try:
        expected = eval(text, {}, given)
    except ArithmeticError:
        with pytest.raises(ValueError, match="cannot be calculated"):
            Expression(text).value(given)
    else:
        assert Expression(text).value(given) == expected
