"""Units are read as UCUM writes them, and numbers go from one to another."""

from __future__ import annotations

import math

import pytest

from holotype.validators import InvalidChoice, convert_unit


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        (1, "mg/L", "ug/mL", 1),
        (37, "Cel", "K", 310.15),
        (98.6, "[degF]", "Cel", 37),
        (1, "°C", "K", 274.15),
        (1, "kg.m.s-2", "N", 1),
        (1, "J/s", "W", 1),
        (1, "m2", "cm2", 10_000),
        (1, "mol/L", "mmol/mL", 1),
        (1, "10*9/L", "10*6/mL", 1),
        (1, "{cells}/uL", "/mL", 1000),
        (1, "mm[Hg]", "kPa", 0.133322),
        (50, "%", "1", 0.5),
        (50, "%", "", 0.5),
        (1, "[ppm]", "mg/kg", 1),
        (2, "h", "min", 120),
        (1, "µg", "ng", 1000),
        (1, "V/A", "Ohm", 1),
        (180, "deg", "rad", math.pi),
        (1, "kBy", "bit", 8000),
    ],
)
def test_a_value_in_another_unit(value: float, source: str, target: str, expected: float) -> None:
    assert convert_unit(value, source, target) == pytest.approx(expected)
    assert convert_unit(convert_unit(value, source, target), target, source) == pytest.approx(value)


@pytest.mark.parametrize(("source", "target"), [("g", "m"), ("Cel", "Pa"), ("mol/L", "g/L"), ("rad", "1")])
def test_what_measures_something_else_is_refused(source: str, target: str) -> None:
    with pytest.raises(InvalidChoice, match="measure different things"):
        convert_unit(1, source, target)


@pytest.mark.parametrize("unit", ["furlong", "g/(m", "m//s", "g.", "m99", "kmin", "x" * 300, "Ym30.Ym30.Ym30.Ym30"])
def test_what_is_no_unit_is_refused(unit: str) -> None:
    with pytest.raises(InvalidChoice):
        convert_unit(1, unit, "1")
