"""A column's rules, held against a piece at a time, all its values at once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from . import codes
from .parsing import as_meant, parsed, without, without_missing
from .types import NUMERIC, TEMPORAL, accepts, name_of
from .units import convert_unit

if TYPE_CHECKING:
    import polars as pl

    from .pieces import Piece
    from .schema import Bound, Column
    from .sources import Source
    from .telling import Teller
    from .terms import TermRule

__all__ = ["ColumnRules", "matching", "unit_between"]

# Text of which fewer than this share of a sample differ is judged value by value, not row by row.
_FEW, _SAMPLE = 0.5, 1000
_ENDS = {"least": "at least", "most": "at most", "above": "above", "below": "below"}


def matching(pattern: str) -> str:
    """A pattern that only a whole text matches."""
    return rf"\A(?:{pattern})\z"


class ColumnRules:
    """One column's rules, and what they have to remember from piece to piece.

    ``unit``: the values' own, if it is not the schema's.  ``source``: what they come from, with ``missing`` in its
    text.
    """

    def __init__(
        self,
        column: Column,
        teller: Teller,
        *,
        unit: str,
        source: Source,
        missing: tuple[str, ...],
        terms: TermRule | None,
    ) -> None:
        self.column, self._teller, self._terms = column, teller, terms
        self._source, self._missing = source, missing
        self._text, self._loose = source.text, source.loose
        self.nulls = 0
        self._type = "null"
        self._last: Any = None
        self._ends = {
            name: convert_unit(float(end), column.unit, unit)
            if unit != column.unit and not isinstance(end, date)
            else end
            for name, end in column.bounds.items()
        }
        self._expected = " and ".join(f"{_ENDS[name]} {end}" for name, end in self._ends.items())
        self._expected += f" {unit}" if unit else ""

    def again(self, teller: Teller) -> ColumnRules:
        """What takes values of the column over, and tells ``teller``, with no rule but its type."""
        plain = type(self.column)(self.column.name, self.column.type)
        return ColumnRules(plain, teller, unit="", source=self._source, missing=self._missing, terms=None)

    def see(self, values: pl.Series, piece: Piece) -> pl.Series:
        """Hold the rules against some values.

        They are given back as what they were taken for, with nulls for those that are missing or of another type.
        """
        if self._text:
            original, values = self._read(without_missing(values, self._missing), piece)
        else:
            taken = self._taken(values, piece)
            if taken is None:
                return values.clear(len(values))
            original = values = taken
            self._tell_nulls(values, piece)
        if values.null_count() < len(values):
            self._judge(values, original, piece)
        return values

    def _judge(self, values: pl.Series, original: pl.Series, piece: Piece) -> None:
        kind = name_of(values.dtype)
        if self._ends and (kind in NUMERIC or kind in TEMPORAL):
            self._range(values, original, piece)
        if kind == "string":
            self._texts(values, piece)
        elif self.column.among is not None:
            self._among(values, piece)
        if self.column.order is not None:
            self._order(values, piece)

    def _tell(self, code: Any, wrong: pl.Series, values: pl.Series, piece: Piece, what: str, expected: object) -> None:
        self._teller.rows(
            code, wrong, piece, of=self.column.name, message=what, expected=expected, seen=values.__getitem__
        )

    def _tell_nulls(self, values: pl.Series, piece: Piece) -> None:
        count = values.null_count()
        self.nulls += count
        if count and not self.column.nullable:
            self._teller.rows(
                codes.NULL, values.is_null(), piece, of=self.column.name, message="a value is missing",
                expected="a value", seen=lambda _: None,
            )  # fmt: skip

    def _read(self, values: pl.Series, piece: Piece) -> tuple[pl.Series, pl.Series]:
        """Text without what is missing, and as the column's type."""
        taken = parsed(values, self.column.type)
        if taken.dtype.is_float() and (gone := taken.is_nan().fill_null(value=False)).any():
            values, taken = without(values, gone), taken.fill_nan(None)
        self._tell_nulls(values, piece)
        if taken.null_count() > values.null_count():
            wrong = taken.is_null() & values.is_not_null()
            self._tell(codes.TYPE, wrong, values, piece, f"it cannot be read as {self.column.type}", self.column.type)
        return values, taken

    def _taken(self, values: pl.Series, piece: Piece) -> pl.Series | None:
        """A dataframe's values, if they are of the column's type; NaN is missing."""
        if values.dtype.is_float() and values.is_nan().any():
            values = values.fill_nan(None)
        if self._loose:
            values = as_meant(values, self.column.type)
        return values if self._is_of_the_type(values, piece) else None

    def _is_of_the_type(self, values: pl.Series, piece: Piece) -> bool:
        """Whether a piece of a dataframe has the column's type; it is told once."""
        name, wanted = self.column.name, self.column.type
        there = name_of(values.dtype)
        kinds = piece.mixed.get(name)
        if there == "null" or wanted == "any" or (kinds is None and accepts(wanted, there)):
            return True
        if not self._teller.known(codes.TYPE, name):
            seen = kinds or str(values.dtype)
            what = f"the column is of the type {wanted}, and holds {seen}"
            self._teller.one(codes.TYPE, what, of=name, row=None, seen=seen, expected=wanted)
        return False

    def _range(self, values: pl.Series, original: pl.Series, piece: Piece) -> None:
        ends = {name: _alike(end, values) for name, end in self._ends.items()}
        smallest, largest = values.min(), values.max()
        if not any(
            _outside(name, smallest if name in ("least", "above") else largest, end) for name, end in ends.items()
        ):
            return
        wrong = None
        for name, end in ends.items():
            out = {"least": values.lt, "most": values.gt, "above": values.le, "below": values.ge}[name](end)
            wrong = out if wrong is None else wrong | out
        assert wrong is not None
        what = "it is out of its range"
        self._tell(codes.RANGE, wrong.fill_null(value=False), original, piece, what, self._expected)

    def _among(self, values: pl.Series, piece: Piece) -> None:
        allowed = list(self.column.among or ())
        if values.dtype.is_numeric():
            allowed = [each for each in allowed if not isinstance(each, str)]
            good = values.cast(_float(), strict=False).is_in([float(each) for each in allowed])
        else:
            written = [str(each).lower() if isinstance(each, bool) else str(each) for each in allowed]
            good = values.cast(_string(), strict=False).is_in(written)
        self._tell(codes.VALUE, ~good.fill_null(value=True), values, piece, "it is none of its values", _few(allowed))

    def _texts(self, values: pl.Series, piece: Piece) -> None:
        """Rules for text, of each value that differs where many are alike."""
        column = self.column
        rules = [
            rule for rule, there in (
                (self._wrong_value, column.among is not None),
                (self._wrong_pattern, column.pattern is not None),
                (self._wrong_length, column.shortest is not None or column.longest is not None),
            ) if there
        ]  # fmt: skip
        if not rules and self._terms is None:
            return
        coded = values.dtype != _string()
        if self._terms is not None or coded or _repeats(values):
            different = values.unique().drop_nulls().cast(_string())
            if self._terms is not None:
                self._terms.see(values.cast(_string()), different, piece, self._teller)
            rules = [rule for rule in rules if rule(different)[0].any()]
        plain = values.cast(_string()) if rules else values
        for rule in rules:
            wrong, code, what, expected = rule(plain)
            self._tell(code, wrong.fill_null(value=False), plain, piece, what, expected)

    def _wrong_value(self, values: pl.Series) -> tuple[pl.Series, Any, str, object]:
        allowed = [str(each) for each in self.column.among or ()]
        return ~values.is_in(allowed), codes.VALUE, "it is none of its values", _few(allowed)

    def _wrong_pattern(self, values: pl.Series) -> tuple[pl.Series, Any, str, object]:
        pattern = self.column.pattern or ""
        return ~values.str.contains(matching(pattern)), codes.PATTERN, "it does not match its pattern", pattern

    def _wrong_length(self, values: pl.Series) -> tuple[pl.Series, Any, str, object]:
        shortest, longest = self.column.shortest or 0, self.column.longest
        size = values.str.len_chars()
        wrong = (size < shortest) if longest is None else (size < shortest) | (size > longest)
        expected = f"at least {shortest} characters" if longest is None else f"{shortest} to {longest} characters"
        return wrong, codes.LENGTH, "its length is not what it may be", expected

    def _order(self, values: pl.Series, piece: Piece) -> None:
        """Each value against the one before it that is not missing, of an earlier piece where that has to be."""
        import polars as pl

        order = self.column.order or ""
        known = values if self._last is None else pl.concat([self._last, values])
        before = (known.forward_fill() if known.null_count() else known).shift(1)
        before = before.slice(len(known) - len(values))
        compare = {
            "increasing": values.lt, "strictly increasing": values.le,
            "decreasing": values.gt, "strictly decreasing": values.ge,
        }[order]  # fmt: skip
        wrong = compare(before).fill_null(value=False)
        self._tell(codes.ORDER, wrong, values, piece, "it does not follow the value before it in order", order)
        there = values.drop_nulls()
        if len(there):
            self._last = there.tail(1)


def _string() -> Any:
    import polars as pl

    return pl.String


def _float() -> Any:
    import polars as pl

    return pl.Float64


def _repeats(values: pl.Series) -> bool:
    sample = values.head(_SAMPLE)
    return len(sample) > 8 and sample.n_unique() < len(sample) * _FEW


def _few(allowed: list[Any]) -> str:
    return ", ".join(map(str, allowed[:12])) + ("…" if len(allowed) > 12 else "")


def _outside(name: str, extreme: Any, end: Any) -> bool:
    if extreme is None:
        return False
    return bool({
        "least": extreme < end, "most": extreme > end, "above": extreme <= end, "below": extreme >= end
    }[name])  # fmt: skip


def _alike(end: Bound, values: pl.Series) -> Any:
    """An end of a range as the values are: a day as a time, without a zone where they have none, in UTC else."""
    import polars as pl

    if not isinstance(end, date):
        return end
    if values.dtype == pl.Date:
        return end.date() if isinstance(end, datetime) else end
    made = end if isinstance(end, datetime) else datetime(end.year, end.month, end.day)  # noqa: DTZ001
    zoned = getattr(values.dtype, "time_zone", None) is not None
    if zoned == (made.tzinfo is not None):
        return made
    return made.replace(tzinfo=UTC) if zoned else made.astimezone(UTC).replace(tzinfo=None)


def unit_between(column: Column, there: str) -> str:
    """The unit of a table's values: its own where it gives one that measures the same; raises ``InvalidChoice``."""
    if not there or not column.unit or column.type not in NUMERIC:
        return column.unit
    convert_unit(0.0, column.unit, there)
    return there
