"""A schema from a table that is thought sound: the types, ranges and values that are in it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ..errors import InvalidChoice
from ..found import Found
from ..limits import Limits
from ..streams.codes import STREAM_CODES
from ..subjects import Subject
from .parsing import as_meant, parsed, without_missing
from .schema import Column, TableSchema
from .sources import open_table
from .types import NUMERIC, name_of, widest

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from .sources import Source

__all__ = ["infer_schema"]

# What a text may be, the narrower first; a column is the first of these that all its values are.
_READINGS = ("integer", "number", "boolean", "date", "datetime", "time")


def infer_schema(
    what: Any,
    *,
    name: str | None = None,
    rows: int | None = None,
    categories: int = 20,
    ranges: bool = True,
    missing: Sequence[str] = ("",),
) -> TableSchema:
    """The schema of a dataframe, or of a file of CSV, TSV, Parquet or Arrow: which types its columns have, whether
    values are missing, between which ends numbers and times are, and which few texts there are.

    ``rows``: looks at so many, by default at all, which the schema then accepts.  ``categories``: a column of text with
    no more different values than this, each of which comes twice on average, allows only these.  ``ranges``: whether
    numbers and times get one.  ``missing``: what stands for a missing value in text.  Units are left empty, for
    somebody who knows.  Raises ``TableUnreadable``, or ``SubjectNotFound``.
    """
    if categories < 0 or (rows is not None and rows < 0):
        raise InvalidChoice("rows and categories cannot be below 0")
    limits = Limits()
    subject = Subject(what, limits=limits)
    source = open_table(subject, Found("inference", STREAM_CODES, limits=limits))
    names = tuple(dict.fromkeys(source.names))
    seen = {each: _Seen(source, tuple(missing), categories) for each in names}
    left = rows
    for piece in source.pieces(names):
        frame = piece.frame if left is None else piece.frame.head(left)
        for each in names:
            seen[each].see(frame[each], mixed=each in piece.mixed)
        left = None if left is None else left - frame.height
        if left == 0:
            break
    columns = tuple(seen[each].column(each, ranges=ranges) for each in names)
    return TableSchema(name or subject.name, columns, missing=tuple(missing))


@dataclass
class _Seen:
    """What was seen of one column so far."""

    source: Source
    missing: tuple[str, ...]
    categories: int
    kind: str | None = None
    nulls: bool = False
    rows: int = 0
    least: Any = None
    most: Any = None
    infinite: bool = False
    different: set[str] | None = field(default_factory=set[str])
    readings: dict[str, tuple[Any, Any]] = field(default_factory=lambda: dict.fromkeys(_READINGS, (None, None)))

    def see(self, values: pl.Series, *, mixed: bool) -> None:
        """Take some values."""
        if self.source.text:
            values = without_missing(values, self.missing)
        elif values.dtype.is_float():
            values = values.fill_nan(None)
        self.rows += len(values)
        self.nulls |= values.null_count() > 0
        there = values.drop_nulls()
        if not len(there):
            return
        if mixed:
            self.kind = "any"
            return
        if self.source.text:
            self._read(there)
        kind = "string" if self.source.text else name_of(there.dtype)
        whole = there.dtype.is_float() and as_meant(there, "integer").dtype.is_integer()
        if self.source.loose and self.nulls and whole:
            kind = widest(kind, "integer")  # they may have been whole numbers, before some of them were missing
        self.kind = kind if self.kind is None else widest(self.kind, kind)
        if kind in NUMERIC or kind in ("date", "datetime"):
            self.least, self.most = _ends(self.least, self.most, there)
        if self.kind == "string":
            self._differ(there)

    def _read(self, there: pl.Series) -> None:
        """Which readings of text are still possible, with their ranges."""
        for kind, (least, most) in list(self.readings.items()):
            taken = parsed(there, kind)
            if taken.null_count():
                del self.readings[kind]
                continue
            if taken.dtype.is_float() and taken.is_nan().any():
                self.nulls = True
                taken = taken.fill_nan(None)
            if kind != "boolean":
                self.readings[kind] = _ends(least, most, taken)

    def _differ(self, there: pl.Series) -> None:
        import polars as pl

        if self.different is None or not self.categories:
            return
        self.different.update(there.head(1000).cast(pl.String).unique().to_list())
        if len(self.different) <= self.categories:
            self.different.update(there.unique().cast(pl.String).to_list())
        if len(self.different) > self.categories:
            self.different = None

    def column(self, name: str, *, ranges: bool) -> Column:
        """What the column is."""
        kind, least, most = self.kind or "any", self.least, self.most
        if self.source.text and self.kind is not None:
            # Whole numbers are read as true and false last: 0 and 1 are numbers first.
            kind = next(iter(self.readings), "string")
            least, most = self.readings.get(kind, (None, None))
        bounded = ranges and (kind in NUMERIC or kind in ("date", "datetime"))
        among = tuple(sorted(self.different or ())) if kind == "string" else ()
        return Column(
            name,
            kind,
            nullable=self.nulls or self.kind is None,
            least=_finite(least) if bounded else None,
            most=_finite(most) if bounded else None,
            among=among if among and 2 * len(among) <= self.rows else None,
        )


def _ends(least: Any, most: Any, there: pl.Series) -> tuple[Any, Any]:
    low: Any = there.min()
    high: Any = there.max()
    if low is None:
        return least, most
    if getattr(there.dtype, "time_unit", None) == "ns":
        high += timedelta(microseconds=1)  # Python's times have no nanoseconds: these were cut off
    return (low if least is None else min(least, low)), (high if most is None else max(most, high))


def _finite(end: Any) -> Any:
    """An end of a range, if it is one: an infinite number is none, and a decimal number would be rounded."""
    if isinstance(end, Decimal) or (isinstance(end, float) and math.isinf(end)):
        return None
    return end
