"""Declared tables: what a catalog may hold, said once.

A ``Table`` is a name, a sentence, and columns; a ``Column`` is a name, an Arrow type, a sentence and the rules its
values keep.  From that one declaration come the Arrow schema that segments are written with and the pandera model that
people validate their own frames with.  ``Table.enforce`` holds the same rules with Arrow's kernels on the writing path,
because importing pandera alone takes longer than backing up an unchanged folder; a test holds the two against each
other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute

from .columns import column
from .errors import RowsRefused

if TYPE_CHECKING:
    import pandera.polars as pandera

__all__ = ["Column", "Table"]

# pyarrow makes these functions when it is imported, where no checker sees them.
pc: Any = pyarrow.compute

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Column:
    """One column: its Arrow type, a sentence about it, and the rules its values keep.

    ``nullable``: whether a value may be missing.  ``least``: the smallest value a number may have.  ``among``: the
    words a string may be.  ``matches``: a regular expression (RE2 syntax) that the whole string must match.
    """

    name: str
    type: pa.DataType
    about: str
    nullable: bool = False
    least: int | None = None
    among: tuple[str, ...] | None = None
    matches: str | None = None

    def broken(self, values: pa.ChunkedArray) -> str | None:
        """The first rule that ``values`` break, as words, or ``None``."""
        if not self.nullable and values.null_count:
            return f"{values.null_count} values are missing"
        if self.least is not None and len(values) and (low := pc.min(values).as_py()) is not None and low < self.least:
            return f"{low} is below {self.least}"
        if self.among is not None:
            known = pc.is_in(values, value_set=column(self.among, pa.string()), skip_nulls=False)
            outside = values.filter(pc.and_(pc.invert(known), pc.is_valid(values)))
            if len(outside):
                return f"{outside[0].as_py()!r} is none of {', '.join(self.among)}"
        if self.matches is not None:
            fits = pc.match_substring_regex(values, f"^(?:{self.matches})$")
            outside = values.filter(pc.invert(fits))
            if len(outside):
                return f"{outside[0].as_py()!r} does not match {self.matches}"
        return None


@dataclass(frozen=True)
class Table:
    """One declared table.

    ``sort``: the columns that the rows of each segment are kept in order of, if any.  ``named``: whether its segments
    are referred to by name from elsewhere, so that they are never merged.  ``mapped``: whether rows are looked up where
    they lie, so that its segments are Arrow files, which can be mapped into memory, and not Parquet files, which are
    smaller.
    """

    name: str
    about: str
    columns: tuple[Column, ...]
    sort: tuple[str, ...] = ()
    named: bool = False
    mapped: bool = False

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if not all(_NAME.fullmatch(name) for name in (self.name, *names)) or len(set(names)) != len(names):
            raise ValueError(f"table {self.name}: names are lower-case words, each once")
        if unknown := [name for name in self.sort if name not in names]:
            raise ValueError(f"table {self.name} cannot be sorted by {', '.join(unknown)}")
        if self.mapped and (self.named or not self.sort):
            raise ValueError(f"table {self.name}: what is looked up where it lies is sorted, and merged as it grows")

    @cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema of every segment; each field carries its sentence as ``about`` metadata."""
        return pa.schema(
            [pa.field(c.name, c.type, nullable=c.nullable, metadata={"about": c.about}) for c in self.columns],
            metadata={"table": self.name, "about": self.about},
        )

    def enforce(self, rows: pa.Table) -> pa.Table:
        """``rows`` in the declared schema, or ``RowsRefused`` naming every column that breaks a rule and how."""
        missing = [name for name in self.schema.names if name not in rows.schema.names]
        surplus = [name for name in rows.schema.names if name not in self.schema.names]
        twice = [name for name in self.schema.names if rows.schema.names.count(name) > 1]
        problems = [f"{name}: no such column in the rows" for name in missing]
        problems += [f"{name}: not a column of {self.name}" for name in surplus]
        problems += [f"{name}: twice in the rows" for name in twice]
        if not problems:
            columns: list[pa.ChunkedArray] = []
            for each in self.columns:
                try:
                    values = rows[each.name].cast(each.type)
                except pa.ArrowException as error:
                    problems.append(f"{each.name}: {error}")
                    continue
                if broken := each.broken(values):
                    problems.append(f"{each.name}: {broken}")
                columns.append(values)
            if not problems:
                return pa.Table.from_arrays(columns, schema=self.schema)
        raise self._refusal(problems)

    def empty(self) -> pa.Table:
        """The table with no rows."""
        return pa.Table.from_batches([], schema=self.schema)

    def rows(self, rows: list[dict[str, Any]]) -> pa.Table:
        """Arrow rows from dictionaries, one a row; for tables whose rows are few.  Raises ``RowsRefused``."""
        names = {*self.schema.names}
        surplus = dict.fromkeys(name for row in rows if not names.issuperset(row) for name in row if name not in names)
        problems = [f"{name}: not a column of {self.name}" for name in surplus]
        columns: list[pa.Array] = []
        for each in self.columns:
            try:
                columns.append(column([row.get(each.name) for row in rows], each.type))
            except (TypeError, ValueError, OverflowError) as error:
                problems.append(f"{each.name}: {error}")
        if problems:
            raise self._refusal(problems)
        return self.enforce(pa.Table.from_arrays(columns, schema=self.schema))

    def _refusal(self, problems: list[str]) -> RowsRefused:
        what = "; ".join(problems)
        return RowsRefused(f"table {self.name} refuses these rows: {what}", table=self.name, problems=tuple(problems))

    @property
    def model(self) -> pandera.DataFrameSchema:
        """The same declaration as a pandera schema over Polars frames."""
        from .models import model  # pandera takes seconds to import, and writing does not need it

        return model(self)
