"""Drift: whether a table has become another kind of table since the version before it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..check import Check, Cost
from ..errors import InvalidChoice, TableUnreadable
from ..findings import Code, Severity
from ..validating import validate
from .profiling import Profile, profile, profile_of
from .types import NUMERIC, accepts

if TYPE_CHECKING:
    from ..found import Found
    from ..report import Report
    from ..subjects import Subject
    from .profiling import ColumnProfile

__all__ = ["DriftCheck", "DriftLimits", "drift"]

_PSI = "Siddiqi, Credit Risk Scorecards, 2006: the population stability index"
UNREADABLE = Code("drift.unreadable", Severity.ERROR, "What is compared can be read as a table.")
ROWS = Code("drift.rows", Severity.WARNING, "A table has about as many rows as the version before it.")
REMOVED = Code("drift.column.removed", Severity.ERROR, "A column of the version before is there.")
ADDED = Code("drift.column.added", Severity.WARNING, "There is no column that the version before did not have.")
TYPE = Code("drift.type", Severity.ERROR, "A column is of the type that it was of.")
NULLS = Code("drift.nulls", Severity.WARNING, "About as many values are missing as in the version before.")
NUMBERS = Code("drift.distribution", Severity.WARNING, "Numbers and times are distributed about as before.", _PSI)
SHARES = Code("drift.shares", Severity.WARNING, "Each value comes about as often as before.", _PSI)
NEW_VALUE = Code("drift.value.new", Severity.WARNING, "There is no value that the version before did not have.")
LOST_VALUE = Code("drift.value.lost", Severity.NOTE, "There is every value that the version before had.")

# A share of none would be infinitely far from any other.
_FLOOR = 1e-4


@dataclass(frozen=True)
class DriftLimits:
    """How much may change before it is told.

    ``rows``: the number of rows, as a share of what it was.  ``nulls``: the share of missing values, absolutely.
    ``stability``: the population stability index of a column; below 0.1 is usually called no change, above 0.25 a great
    one.  ``ks``: the largest distance between two distributions (Kolmogorov and Smirnov), of numbers.
    """

    rows: float = 0.5
    nulls: float = 0.05
    stability: float = 0.25
    ks: float = 0.25

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value >= 0:
                raise InvalidChoice(f"the limit {name} is {value}: it has to be 0 or more", option=name)


class DriftCheck(Check):
    """Holds a table against the profile of the version before it; metrics say how far each column went, as
    ``drift.stability`` and ``drift.ks`` of its name.
    """

    name, version = "table.drift", "1"
    tables: ClassVar[bool] = True
    figures: ClassVar[frozenset[str]] = frozenset({"drift", "table"})
    formats: ClassVar[frozenset[str]] = frozenset({"csv", "tsv", "parquet", "arrow", "arrows"})
    codes: ClassVar[tuple[Code, ...]] = (
        UNREADABLE, ROWS, REMOVED, ADDED, TYPE, NULLS, NUMBERS, SHARES, NEW_VALUE, LOST_VALUE,
    )  # fmt: skip
    cost: ClassVar[Cost] = Cost.SAMPLE

    def __init__(self, before: Profile, *, limits: DriftLimits | None = None) -> None:
        self.before, self.limits = before, limits or DriftLimits()

    def look(self, subject: Subject, found: Found) -> None:
        """Profile the table, and tell how it differs."""
        try:
            now = profile_of(subject, found)
        except TableUnreadable as error:
            found.add(UNREADABLE, str(error))
            return
        found.metric("table.rows", now.rows)
        if found.complete:
            self._rows(now, found)
        columns = {column.name: column for column in now.columns}
        known = {column.name for column in self.before.columns}
        for name in columns:
            if name not in known:
                found.add(ADDED, "the column was not there before", column=name, seen=columns[name].type)
        for before in self.before.columns:
            if before.name not in columns:
                found.add(REMOVED, "the column is not there any more", column=before.name, expected=before.type)
            else:
                self._column(before, columns[before.name], found)

    def _rows(self, now: Profile, found: Found) -> None:
        before = self.before.rows
        if abs(now.rows - before) > self.limits.rows * before:
            what = f"it has {now.rows:,} rows, and had {before:,}"
            found.add(ROWS, what, seen=now.rows, expected=f"{before:,} ± {self.limits.rows:.0%}")

    def _column(self, before: ColumnProfile, now: ColumnProfile, found: Found) -> None:
        name, limits = now.name, self.limits
        found.metric("table.null_share", now.nulls, of=name)
        if abs(now.nulls - before.nulls) > limits.nulls:
            what = f"{now.nulls:.1%} of the values are missing, and {before.nulls:.1%} were"
            expected = f"{before.nulls:.3f} ± {limits.nulls}"
            found.add(NULLS, what, column=name, seen=f"{now.nulls:.3f}", expected=expected)
        if "null" in (before.type, now.type):
            return
        numbers = before.type in NUMERIC and now.type in NUMERIC
        if not (numbers or accepts(before.type, now.type)):
            found.add(TYPE, f"the column is of the type {now.type}", column=name, seen=now.type, expected=before.type)
            return
        if before.quantiles and now.quantiles:
            self._numbers(before, now, found)
        if before.shares and now.shares:
            self._shares(before, now, found)

    def _numbers(self, before: ColumnProfile, now: ColumnProfile, found: Found) -> None:
        # Bins that held as many values each, but for those that end at one value of many rows.
        edges = np.unique(before.quantiles[1:-1])
        below = (_below(each.quantiles, edges) for each in (before, now))
        stability = _stability(*(np.diff(np.concatenate([[0.0], each, [1.0]])) for each in below))
        points = np.union1d(before.quantiles, now.quantiles)
        ks = float(np.abs(_below(before.quantiles, points) - _below(now.quantiles, points)).max())
        found.metric("drift.stability", stability, of=now.name)
        found.metric("drift.ks", ks, of=now.name)
        if stability > self.limits.stability or ks > self.limits.ks:
            middle = len(now.quantiles) // 2
            what = f"its values are distributed otherwise: stability index {stability:.2f}, distance {ks:.2f}"
            found.add(NUMBERS, what, column=now.name, seen=f"median {now.quantiles[middle]:g}",
                      expected=f"median {before.quantiles[middle]:g}")  # fmt: skip

    def _shares(self, before: ColumnProfile, now: ColumnProfile, found: Found) -> None:
        for value in sorted(set(now.shares) - set(before.shares)):
            what = f"the value is new, in {now.shares[value]:.1%} of the rows"
            found.add(NEW_VALUE, what, column=now.name, seen=value)
        for value in sorted(set(before.shares) - set(now.shares)):
            what = f"the value is gone that was in {before.shares[value]:.1%} of the rows"
            found.add(LOST_VALUE, what, column=now.name, expected=value)
        every = sorted(set(before.shares) | set(now.shares))
        one, other = (np.array([each.get(value, 0.0) for value in every]) for each in (before.shares, now.shares))
        stability = _stability(one, other)
        found.metric("drift.stability", stability, of=now.name)
        if stability > self.limits.stability:
            most = every[int(np.argmax(np.abs(one - other)))]
            what = f"its values come otherwise than before: stability index {stability:.2f}, {most} most of all"
            found.add(SHARES, what, column=now.name, seen=f"{most} {now.shares.get(most, 0):.1%}",
                      expected=f"{most} {before.shares.get(most, 0):.1%}")  # fmt: skip


def _below(quantiles: tuple[float, ...], places: Any) -> Any:
    """The share of values at or below some places, between the quantiles as along a line."""
    steps = np.linspace(0, 1, len(quantiles))
    # Of quantiles that are the same the last one counts: so many values are there.
    values, first = np.unique(np.array(quantiles)[::-1], return_index=True)
    return np.interp(places, values, steps[::-1][first], left=0.0, right=1.0)


def _stability(before: Any, now: Any) -> float:
    """The population stability index of two lists of shares."""
    one, other = np.maximum(before, _FLOOR), np.maximum(now, _FLOOR)
    index = float(((other - one) * np.log(other / one)).sum())
    return 0.0 if math.isclose(index, 0, abs_tol=1e-12) else index


def drift(old: Any, new: Any, *, limits: DriftLimits | None = None) -> Report:
    """How the table ``new`` differs from ``old``, each a dataframe or a path, and ``old`` a ``Profile`` as well.

    Raises ``TableUnreadable`` for an old one that is no table, or ``SubjectNotFound``.
    """
    before = old if isinstance(old, Profile) else profile(old)
    return validate(new, checks=[DriftCheck(before, limits=limits)])
