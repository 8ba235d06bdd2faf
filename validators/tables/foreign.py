"""Columns of pandas and Arrow as Polars has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..errors import TableUnreadable
from .pieces import Piece, frame_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import polars as pl

__all__ = ["piece_of", "series_of"]


def series_of(name: str, values: Any) -> pl.Series:
    """A column of Arrow; what Polars has no type for is taken as nested, without its values.

    Raises ``TableUnreadable`` for values that cannot be taken over.
    """
    import polars as pl

    kind = values.type
    if _foreign(kind):
        return pl.Series(
            name, [None if each is None else [] for each in values.is_valid().to_pylist()], pl.List(pl.Null)
        )
    try:
        return pl.Series(name, pl.from_arrow(values))
    except (pl.exceptions.PolarsError, pa.ArrowException, ValueError, TypeError) as error:
        raise TableUnreadable(f"the column {name} of the type {kind} cannot be read: {error}") from error


def _foreign(kind: Any) -> bool:
    """What is no plain value: Polars has no type for some of these, and no rule here looks inside any."""
    if isinstance(kind, pa.BaseExtensionType):
        return True
    if pa.types.is_dictionary(kind):
        return not (pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type))
    return bool(pa.types.is_nested(kind) or pa.types.is_union(kind) or pa.types.is_interval(kind))


def piece_of(columns: Iterable[tuple[str, Any]], first: int, *, height: int) -> Piece:
    """Columns of pandas; those whose values are of several types as text."""
    import polars as pl

    mixed: dict[str, str] = {}
    series: list[pl.Series] = []
    for name, values in columns:
        try:
            taken = pa.Array.from_pandas(values)
        except (pa.ArrowException, ValueError, TypeError, OverflowError):
            every = values.tolist()
            mixed[name] = ", ".join(sorted({type(each).__name__ for each in every if each is not None}))
            series.append(pl.Series(name, [None if each is None else str(each) for each in every], dtype=pl.String))
        else:
            series.append(series_of(name, taken))
    return Piece(frame_of(series, height), first, mixed=mixed)
