"""Rules between the columns of a row: comparisons, sums and conditions, as expressions of Polars."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from . import codes
from .rules import Comparison, Condition, Implication, Sum
from .units import unit_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import polars as pl

    from .pieces import Piece
    from .telling import Teller

__all__ = ["RowRule"]

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}


class RowRule:
    """One rule.  ``units``: of the columns that have one."""

    def __init__(
        self,
        rule: Comparison | Sum | Implication,
        columns: tuple[str, ...],
        teller: Teller,
        *,
        units: Mapping[str, str],
    ) -> None:
        self.columns = tuple(dict.fromkeys(columns))
        self._rule, self._teller = rule, teller
        self._units = units
        self._told = False
        match rule:
            case Comparison(left, sign, right):
                self._code, self._expected = codes.COMPARISON, f"{left} {sign} {right}"
            case Sum(parts, total, tolerance):
                within = f", within {tolerance:g}" if tolerance else ""
                self._code, self._expected = codes.SUM, f"{' + '.join(parts)} = {total}{within}"
            case Implication(when, then):
                self._code, self._expected = codes.CONDITION, f"{then}, where {when}"

    def see(self, frame: pl.DataFrame, piece: Piece) -> None:
        """Hold it against the rows of a piece."""
        import polars as pl

        rows = frame.select(self.columns)
        if any(column.dtype == pl.Null for column in rows):
            return
        try:
            wrong = rows.select(self._wrong().alias("wrong")).to_series().fill_null(value=False)
        except pl.exceptions.PolarsError as error:
            if not self._told:
                what = f"the columns cannot be compared: {str(error).splitlines()[0]}"
                self._teller.one(
                    self._code, what, of=self._expected, record=", ".join(self.columns), expected=self._expected
                )
            self._told = True
            return
        self._teller.rows(
            self._code, wrong, piece, of=self._expected, columns=self.columns, expected=self._expected,
            message="the row breaks a rule between its columns",
            seen=lambda index: ", ".join(f"{name} {value}" for name, value in rows.row(index, named=True).items()),
        )  # fmt: skip

    def _wrong(self) -> pl.Expr:
        import polars as pl

        match self._rule:
            case Comparison(left, sign, right):
                good: pl.Expr = _COMPARE[sign](self._in_one_unit(left, right), pl.col(right))
                return ~good
            case Sum(parts, total, tolerance):
                whole = pl.col(total) if isinstance(total, str) else pl.lit(total)
                target = total if isinstance(total, str) else parts[0]
                added = pl.sum_horizontal([self._in_one_unit(part, target) for part in parts], ignore_nulls=False)
                return (added - whole).cast(pl.Float64).abs() > tolerance
            case Implication(when, then):
                return _holds(when) & ~_holds(then)

    def _in_one_unit(self, name: str, other: str) -> pl.Expr:
        """A column in the unit of another one, where both have one and they measure the same."""
        import polars as pl

        mine, wanted = self._units.get(name, ""), self._units.get(other, "")
        if not mine or not wanted or mine == wanted:
            return pl.col(name)
        one, there = unit_of(mine), unit_of(wanted)
        return (pl.col(name) * one.factor + (one.offset - there.offset)) / there.factor


def _holds(condition: Condition) -> pl.Expr:
    import polars as pl

    column = pl.col(condition.column)
    if condition.operator == "null":
        return column.is_null()
    if condition.operator == "not null":
        return column.is_not_null()
    found: pl.Expr = _COMPARE[condition.operator](column, pl.lit(condition.value)).fill_null(value=False)
    return found
