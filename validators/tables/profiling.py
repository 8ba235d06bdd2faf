"""Profiles: what a table is like, in figures that are stored, and that a later version is held against."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import SchemaUnreadable, TableUnreadable
from ..found import Found
from ..limits import Limits
from ..streams.codes import STREAM_CODES
from ..subjects import Subject
from . import documents
from .inference import infer_schema
from .parsing import parsed, without_missing
from .sources import open_table
from .types import NUMERIC, name_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    import polars as pl

    from .sources import Source

__all__ = ["ColumnProfile", "Profile", "profile", "profile_of"]

_FORMAT = "holotype table profile 1"
_CATEGORIES = 1000
_SAMPLE = 100_000
_QUANTILES = tuple(place / 20 for place in range(21))


@dataclass(frozen=True)
class ColumnProfile:
    """One column.

    ``type``: what it is of.  ``nulls``: the share of values that are missing.  ``mean`` and ``deviation``: of numbers.
    ``quantiles``: of numbers and times (these in seconds since 1970), at 0, 0.05, … 1; of a sample where there are more
    than 100,000.  ``shares``: how often each text comes, of all that are there; empty where more than 1,000 differ.
    """

    name: str
    type: str
    nulls: float = 0.0
    mean: float | None = None
    deviation: float | None = None
    quantiles: tuple[float, ...] = ()
    shares: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Profile:
    """A table: how many rows it has, and its columns."""

    rows: int
    columns: tuple[ColumnProfile, ...]

    def to_json(self) -> str:
        """All of it as JSON, which ``from_json`` reads."""
        columns = [{**vars(column), "shares": dict(column.shares)} for column in self.columns]
        return json.dumps({"format": _FORMAT, "rows": self.rows, "columns": columns}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Profile:
        """The profile that ``to_json`` wrote; raises ``SchemaUnreadable``."""
        told = dict(documents.loaded(text))
        if told.pop("format", None) != _FORMAT:
            raise SchemaUnreadable(f"it does not say that it is a {_FORMAT!r}")
        return documents.made(cls, told, _PROFILE)


def _shares(told: object) -> Mapping[str, float]:
    if not isinstance(told, dict):
        raise SchemaUnreadable("shares are an object")
    return MappingProxyType({documents.text(name): documents.number(share) for name, share in told.items()})


def _count(told: object) -> int:
    return int(documents.number(told))


_COLUMN: Mapping[str, documents.Reader] = {
    **dict.fromkeys(("name", "type"), documents.text),
    "nulls": documents.number,
    **dict.fromkeys(("mean", "deviation"), documents.optional(documents.number)),
    "quantiles": documents.listed(documents.number),
    "shares": _shares,
}
_PROFILE: Mapping[str, documents.Reader] = {
    "rows": _count,
    "columns": documents.listed(lambda told: documents.made(ColumnProfile, told, _COLUMN)),
}


def profile(what: Any) -> Profile:
    """The profile of a dataframe, or of a file of CSV, TSV, Parquet or Arrow.

    Raises ``TableUnreadable``, or ``SubjectNotFound``.
    """
    subject = Subject(what, limits=Limits())
    return profile_of(subject, Found("profile", STREAM_CODES, limits=subject.limits))


def profile_of(subject: Subject, found: Found) -> Profile:
    """The profile of what is looked at; raises ``TableUnreadable``."""
    source = open_table(subject, found)
    if source.text and subject.path is None:
        raise TableUnreadable("a file object of text cannot be profiled; give its path, or a dataframe")
    kinds = _kinds(subject) if source.text else {}
    names = tuple(dict.fromkeys(source.names))
    seen = {name: _Seen(source, kinds.get(name)) for name in names}
    rows = 0
    for piece in source.pieces(names):
        rows += piece.frame.height
        for name in names:
            seen[name].see(piece.frame[name])
    return Profile(rows, tuple(seen[name].column(name, rows) for name in names))


def _kinds(subject: Subject) -> dict[str, str]:
    """What the columns of text are of."""
    return {column.name: column.type for column in infer_schema(subject.path, ranges=False, categories=0).columns}


class _Seen:
    """What was seen of one column so far."""

    def __init__(self, source: Source, kind: str | None) -> None:
        self._source, self._kind = source, kind
        self._nulls = self._count = 0
        self._mean = self._squares = 0.0
        self._shares: dict[str, int] | None = {}
        self._sample: list[npt.NDArray[np.float64]] = []
        # A sample that is drawn the same way each time: a table has one profile.
        self._chance, self._drawn = np.random.default_rng(0), 1.0

    def see(self, values: pl.Series) -> None:
        """Take some values."""
        import polars as pl

        if self._source.text:
            values = parsed(without_missing(values, ("",)), self._kind or "string")
        if values.dtype.is_float():
            values = values.fill_nan(None)
        self._nulls += values.null_count()
        there = values.drop_nulls()
        kind = name_of(values.dtype)
        self._kind = kind if self._kind in (None, "null") else self._kind
        if kind in NUMERIC:
            self._numbers(there.cast(pl.Float64).to_numpy())
        elif kind in ("date", "datetime"):
            self._numbers(there.cast(pl.Datetime("us")).dt.epoch("us").cast(pl.Float64).to_numpy() / 1e6)
        elif kind in ("string", "boolean"):
            self._texts(there.cast(pl.String))

    def _numbers(self, values: npt.NDArray[np.float64]) -> None:
        values = values[np.isfinite(values)]
        if not len(values):
            return
        # Chan's way of putting parts together, which loses nothing to the difference of large sums.
        with np.errstate(over="ignore", invalid="ignore"):
            count, mean = len(values), float(values.mean())
            apart, whole = mean - self._mean, self._count + count
            self._squares += float(((values - mean) ** 2).sum()) + apart * apart * self._count * count / whole
            self._mean += apart * count / whole
        self._count = whole
        taken = values if self._drawn >= 1 else values[self._chance.random(count) < self._drawn]
        self._sample.append(taken)
        while sum(map(len, self._sample)) > 2 * _SAMPLE:
            every = np.concatenate(self._sample)
            self._sample = [every[self._chance.random(len(every)) < 0.5]]
            self._drawn /= 2

    def _texts(self, values: pl.Series) -> None:
        self._count += len(values)
        if self._shares is None:
            return
        counts = values.value_counts()
        for text, count in zip(counts.to_series(0).to_list(), counts.to_series(1).to_list(), strict=True):
            self._shares[text] = self._shares.get(text, 0) + count
            if len(self._shares) > _CATEGORIES:
                self._shares = None
                return

    def column(self, name: str, rows: int) -> ColumnProfile:
        """What came of it."""
        nulls = self._nulls / rows if rows else 0.0
        shares = {text: count / self._count for text, count in sorted((self._shares or {}).items())}
        kind = self._kind or "null"
        if not self._sample or not self._count:
            return ColumnProfile(name, kind, nulls, shares=MappingProxyType(shares))
        # Values that are there, and none between: the difference of two of them may be beyond all numbers.
        quantiles = tuple(map(float, np.quantile(np.concatenate(self._sample), _QUANTILES, method="nearest")))
        deviation = math.sqrt(self._squares / self._count) if math.isfinite(self._squares) else None
        mean = self._mean if math.isfinite(self._mean) else None
        return ColumnProfile(name, kind, nulls, mean, deviation, quantiles)
