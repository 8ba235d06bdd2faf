"""Text of files as values of a column's type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from .types import SPANS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

__all__ = ["as_meant", "parsed", "without", "without_missing"]

_TRUE, _FALSE = ["true", "True", "TRUE", "1"], ["false", "False", "FALSE", "0"]
# The characters of 2026-01-31 12:00:00.
_SECONDS = 19
_ZONE = r"(?:Z|[+-]\d{2}:?\d{2})$"


def without_missing(values: pl.Series, missing: Sequence[str]) -> pl.Series:
    """Text with nulls for whatever says that a value is missing."""

    if list(missing) == [""]:
        gone = values.str.len_bytes() == 0
    elif missing:
        gone = values.is_in(list(missing))
    else:
        return values
    return without(values, gone) if gone.any() else values


def without(values: pl.Series, gone: pl.Series) -> pl.Series:
    """Values with nulls where ``gone`` is true."""
    import polars as pl

    frame = pl.DataFrame([values.alias("values"), gone.alias("gone")])
    return frame.select(pl.when(~pl.col("gone")).then(pl.col("values"))).to_series().alias(values.name)


def as_meant(values: pl.Series, kind: str) -> pl.Series:
    """Values of pandas, which has no days, and no whole numbers with nulls: times at midnight are days, and floating
    point without fractions whole numbers, where the column is of these.
    """
    import polars as pl

    if kind == "date" and isinstance(values.dtype, pl.Datetime):
        days = values.dt.date()
        return days if bool((days.cast(values.dtype) == values).fill_null(value=True).all()) else values
    if values.dtype.is_float() and (kind == "integer" or kind in SPANS):
        whole = values.cast(parsed(pl.Series([], dtype=pl.String), kind).dtype, strict=False)
        return (
            whole
            if bool((whole.cast(values.dtype) == values).fill_null(value=True).all())
            and (whole.null_count() == values.null_count())
            else values
        )
    return values


def parsed(values: pl.Series, kind: str) -> pl.Series:
    """Text as values of a type, with nulls for what is none; text itself for types that any text can be of."""
    import polars as pl

    match kind:
        case "integer":
            return values.cast(pl.Int64, strict=False)
        case "number" | "float64":
            return values.str.strip_chars().cast(pl.Float64, strict=False)
        case "float32":
            return values.str.strip_chars().cast(pl.Float32, strict=False)
        case "boolean":
            true = values.is_in(_TRUE)
            frame = pl.DataFrame([true.alias("true"), (true | values.is_in(_FALSE)).alias("known")])
            return frame.select(pl.when(pl.col("known")).then(pl.col("true"))).to_series().alias(values.name)
        case "date":
            return values.str.to_date("%Y-%m-%d", strict=False)
        case "time":
            return values.str.to_time("%H:%M:%S%.f", strict=False)
        case "datetime":
            return _datetimes(values)
        case _ if kind in SPANS:
            return values.cast(getattr(pl, f"{'UInt' if kind[0] == 'u' else 'Int'}{kind.lstrip('uint')}"), strict=False)
        case _:
            return values


def _datetimes(values: pl.Series) -> pl.Series:
    """ISO 8601, with T or a blank in the middle, to fractions of seconds; with a zone in UTC."""
    import polars as pl

    exact = _exact_datetimes(values)
    if exact is not None:
        return exact
    plain = values.str.replace("T", " ", literal=True)
    taken = plain.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us")
    if taken.null_count() == values.null_count():
        return taken
    taken = _with_days(plain, taken)
    if taken.null_count() == values.null_count():
        return taken
    zoned = plain.str.contains(_ZONE)
    if not zoned.any():
        return taken
    with_zone = plain.str.replace(r"Z$", "+0000").str.replace(r"(\d{2}):(\d{2})$", "${1}${2}")
    # Only what ends with a zone: the pattern above would take the minutes of a plain time for one.
    frame = pl.DataFrame([with_zone.alias("text"), zoned.fill_null(value=False).alias("zoned")])
    times = frame.select(pl.when(pl.col("zoned")).then(pl.col("text"))).to_series()
    there = times.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%z", strict=False, time_unit="us").dt.replace_time_zone(None)
    both = pl.DataFrame([taken.alias("one"), there.alias("other")])
    return both.select(pl.coalesce("one", "other")).to_series().alias(values.name)


def _with_days(values: pl.Series, taken: pl.Series) -> pl.Series:
    """Times, and days alone as their midnight: so pandas writes a column of times that are all at midnight."""
    import polars as pl

    days = values.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    return pl.DataFrame([taken.alias("one"), days.alias("other")]).select(pl.coalesce("one", "other")).to_series()


def _exact_datetimes(values: pl.Series) -> pl.Series | None:
    """The same where all of it is plain: to the second or a fraction of six digits at most, and without a zone.

    Arrow reads these ten times as fast; it takes less than a whole time as well, which is shorter.
    """
    import polars as pl

    shortest = values.str.len_bytes().min()
    if not isinstance(shortest, int) or shortest < _SECONDS:
        return None
    try:
        taken = values.to_arrow().cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        return None
    return pl.Series(values.name, taken)
