"""References: that what the rows of one table refer to stands in another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import codes
from .parsing import parsed, without_missing
from .sources import open_table

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    from ..found import Found
    from ..subjects import Subject
    from .pieces import Piece
    from .rules import Reference
    from .schema import TableSchema
    from .telling import Teller

__all__ = ["ReferenceRule"]


class ReferenceRule:
    """One reference, into the table ``there``, of which 64 bits of each row are held.

    A row that is missing there passes for one that is there with a probability of one in billions of billions for each
    row there is.  Raises ``TableUnreadable`` for a table that cannot be read.
    """

    def __init__(
        self, reference: Reference, there: Subject, schema: TableSchema, teller: Teller, *, found: Found
    ) -> None:
        self.columns = reference.columns
        self._reference, self._teller = reference, teller
        self._name = ", ".join(reference.columns)
        source = open_table(there, found)
        self.missing = tuple(name for name in reference.to if name not in source.names)
        parts: list[npt.NDArray[np.uint64]] = []
        for piece in source.pieces(tuple(dict.fromkeys(reference.to))) if not self.missing else ():
            columns: list[pl.Series] = []
            for mine, name in zip(reference.columns, reference.to, strict=True):
                values = piece.frame[name]
                if source.text:
                    values = parsed(without_missing(values, schema.missing), schema.by_name[mine].type)
                columns.append(values)
            whole = _complete(columns)
            parts.append(np.unique(_hashes(columns)[whole]))
        self._there = np.unique(np.concatenate(parts)) if parts else np.empty(0, np.uint64)

    def see(self, frame: pl.DataFrame, piece: Piece) -> None:
        """Hold it against the rows of a piece."""
        import polars as pl

        rows = frame.select(self.columns)
        whole = _complete(list(rows))
        hashes = _hashes(list(rows))
        if len(self._there):
            places = np.minimum(np.searchsorted(self._there, hashes), len(self._there) - 1)
            whole &= self._there[places] != hashes
        to = self._reference
        self._teller.rows(
            codes.REFERENCE, pl.Series(whole), piece, of=self._name,
            columns=self.columns if len(self.columns) > 1 else (),
            message=f"it refers to a row that {to.table} does not have", expected=f"{to.table}: {', '.join(to.to)}",
            seen=lambda index: ", ".join(map(str, rows.row(index))),
        )  # fmt: skip


def _complete(columns: list[pl.Series]) -> npt.NDArray[np.bool_]:
    whole = np.ones(len(columns[0]), bool)
    for column in columns:
        whole &= column.is_not_null().to_numpy()
    return whole


def _hashes(columns: list[pl.Series]) -> npt.NDArray[np.uint64]:
    """64 bits of each row, equal for equal values whatever they are stored as; of a null, anything."""
    found = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        found = found * _PRIME + _hashed(column)
    return found


def _hashed(values: pl.Series) -> npt.NDArray[np.uint64]:
    import polars as pl

    kind = values.dtype
    if kind.is_integer() or kind == pl.Null:
        return values.cast(pl.Int64, strict=False).hash().to_numpy()
    if kind.is_float() or kind.is_decimal():
        # A whole number is compared as such: pandas makes floats of whole numbers with nulls.
        numbers = values.cast(pl.Float64)
        whole = numbers.cast(pl.Int64, strict=False)
        same = (whole.cast(pl.Float64) == numbers).fill_null(value=False).to_numpy()
        return np.where(same, whole.hash().to_numpy(), numbers.hash().to_numpy())
    if isinstance(kind, pl.Datetime):
        in_utc = values if kind.time_zone is None else values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return in_utc.cast(pl.Datetime("us")).hash().to_numpy()
    plain = kind in (pl.Date, pl.Time, pl.Boolean, pl.Binary) or kind.is_nested()
    return (values if plain else values.cast(pl.String)).hash().to_numpy()


# An odd number, so that multiplying by it forgets nothing: that of Knuth's generator.
_PRIME = np.uint64(6364136223846793005)
