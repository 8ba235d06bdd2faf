"""A declared table as a pandera model, for people who validate their own Polars frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandera.polars as pandera
import polars as pl

if TYPE_CHECKING:
    from .tables import Column, Table

__all__ = ["model"]


def model(table: Table) -> pandera.DataFrameSchema:
    """The pandera schema of ``table``: the same columns, types, sentences and rules.

    It wants exactly the declared types, where ``Table.enforce`` also takes what can be cast without loss.
    """
    types = pl.DataFrame(table.empty()).schema
    return pandera.DataFrameSchema(
        {
            column.name: pandera.Column(
                types[column.name],
                checks=_checks(column),
                nullable=column.nullable,
                description=column.about,
            )
            for column in table.columns
        },
        name=table.name,
        description=table.about,
        strict=True,
    )


def _checks(column: Column) -> list[pandera.Check]:
    checks: list[pandera.Check] = []
    if column.least is not None:
        checks.append(pandera.Check.ge(column.least))
    if column.among is not None:
        checks.append(pandera.Check.isin(list(column.among)))
    if column.matches is not None:
        checks.append(pandera.Check.str_matches(f"^(?:{column.matches})$"))
    return checks
