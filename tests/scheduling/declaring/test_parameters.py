"""Parameters: types, units and ranges."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from holotype.scheduling import REQUIRED, Parameter


@pytest.mark.parametrize(
    ("parameter", "given", "taken"),
    [
        (Parameter(kind="int"), 3, 3),
        (Parameter(kind="float"), 3, 3.0),
        (Parameter(kind="bool"), False, False),
        (Parameter(), "x", "x"),
        (Parameter(kind="int", many=True), [1, 2], (1, 2)),
        (Parameter(default=None), None, None),
        (Parameter(kind="int", minimum=1, maximum=3), 3, 3),
        (Parameter(choices=("a", "b")), "b", "b"),
    ],
)
def test_a_value_of_its_type_and_range_is_taken(parameter: Parameter, given: object, taken: object) -> None:
    found = parameter.taken(given)
    assert found == taken
    assert type(found) is type(taken)


@pytest.mark.parametrize(
    ("parameter", "given", "why"),
    [
        (Parameter(kind="int"), True, "True is no int"),
        (Parameter(kind="int"), 1.0, "1.0 is no int"),
        (Parameter(kind="int"), "1", "'1' is no int"),
        (Parameter(kind="bool"), 1, "1 is no bool"),
        (Parameter(kind="float"), float("nan"), "no number to calculate with"),
        (Parameter(), None, "has to be a value"),
        (Parameter(), "a\0", "NUL"),
        (Parameter(kind="int", many=True), 1, "1 is no list"),
        (Parameter(kind="int", many=True), [1, "x"], "'x' is no int"),
        (Parameter(kind="int", minimum=1, unit="bp"), 0, "0 bp is less than 1 bp"),
        (Parameter(kind="float", maximum=1), 1.5, "1.5 is more than 1"),
        (Parameter(choices=("a", "b")), "c", "'c' is none of 'a', 'b'"),
    ],
)
def test_any_other_is_refused_with_why(parameter: Parameter, given: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parameter.taken(given)


@pytest.mark.parametrize(
    "said",
    [
        {"kind": "list"},
        {"kind": "str", "minimum": 1},
        {"kind": "int", "minimum": 2, "maximum": 1},
        {"kind": "int", "default": "x"},
        {"kind": "int", "default": 5, "maximum": 4},
        {"kind": "int", "choices": ("a",)},
        {"kind": "int", "minimum": "3"},
        {"kind": "int", "maximum": True},
        {"kind": "float", "minimum": float("nan")},
    ],
)
def test_what_no_value_could_be_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Parameter(**said)


def test_one_without_a_default_is_required_in_another_process_too() -> None:
    assert Parameter().required
    assert not Parameter(default=None).required
    assert pickle.loads(pickle.dumps(Parameter())).default is REQUIRED
    assert repr(REQUIRED) == "REQUIRED"
