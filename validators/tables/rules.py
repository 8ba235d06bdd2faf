"""Rules that hold between the columns of a table, or between tables: keys, references, comparisons, sums, conditions.

They are values, not programs: what a schema from somebody else says is read, never run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TypeAlias

from ..errors import InvalidChoice

__all__ = ["Comparison", "Condition", "Implication", "Key", "OPERATORS", "Reference", "Rule", "Sum", "Value"]

Value: TypeAlias = bool | int | float | str | date | datetime | time
"""What can stand in a rule."""

OPERATORS = ("<", "<=", "==", "!=", ">=", ">")
_NULLS = ("null", "not null")


def _known(operator: str, allowed: tuple[str, ...]) -> None:
    if operator not in allowed:
        raise InvalidChoice(f"there is no operator {operator!r}; there are {', '.join(allowed)}", operator=operator)


def _columns(given: tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(given, str):  # type: ignore[unreachable]
        raise InvalidChoice(f"columns are several: ({given!r},)", columns=given)
    return tuple(given)


def _named(columns: tuple[str, ...]) -> None:
    if not columns or len(set(columns)) < len(columns):
        raise InvalidChoice("a rule over columns names at least one, and each once", columns=columns)


@dataclass(frozen=True)
class Key:
    """No two rows have the same values in these columns; a row with a null in one is not compared, as in SQL."""

    columns: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", _columns(self.columns))
        _named(self.columns)


@dataclass(frozen=True)
class Reference:
    """The values of ``columns`` stand in a row of the table ``table``, there in ``to`` (by default of the same names).

    A null in one of them refers to nothing, and is allowed.
    """

    columns: tuple[str, ...]
    table: str
    to: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", _columns(self.columns))
        object.__setattr__(self, "to", _columns(self.to) or self.columns)
        _named(self.columns)
        if len(self.to) != len(self.columns):
            raise InvalidChoice(f"a reference from {len(self.columns)} columns to {len(self.to)}", columns=self.columns)


@dataclass(frozen=True)
class Comparison:
    """``left`` stands in this relation to ``right``, both columns of one row: ``Comparison("start", "<=", "end")``.

    Columns that have units are compared in the same one.  A row with a null in either is not compared.
    """

    left: str
    operator: str
    right: str

    def __post_init__(self) -> None:
        _known(self.operator, OPERATORS)


@dataclass(frozen=True)
class Sum:
    """The columns add up to another column, or to a number, within ``tolerance``, in the unit of the total.

    A row with a null in any of them is not added.
    """

    columns: tuple[str, ...]
    total: str | float
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", _columns(self.columns))
        _named(self.columns)
        if not self.tolerance >= 0 or (not isinstance(self.total, str) and not math.isfinite(self.total)):
            raise InvalidChoice("a sum has a finite total, and a tolerance of 0 or more", tolerance=self.tolerance)


@dataclass(frozen=True)
class Condition:
    """A column compared with a value, or ``null`` or ``not null``; of a null every comparison is false."""

    column: str
    operator: str
    value: Value | None = None

    def __post_init__(self) -> None:
        _known(self.operator, (*OPERATORS, *_NULLS))
        if (self.value is None) != (self.operator in _NULLS):
            raise InvalidChoice(f"a condition with {self.operator!r} and the value {self.value!r}", column=self.column)

    def __str__(self) -> str:
        return f"{self.column} {self.operator}" + ("" if self.value is None else f" {self.value}")


@dataclass(frozen=True)
class Implication:
    """Rows for which ``when`` holds satisfy ``then``: who is dead has a day of death."""

    when: Condition
    then: Condition


Rule: TypeAlias = Key | Reference | Comparison | Sum | Implication
"""Any of them."""
