"""Tables held against a schema: dataframes, and files of CSV, TSV, Parquet and Arrow of any size."""

from __future__ import annotations

import fnmatch
import os
from typing import TYPE_CHECKING, Any, ClassVar

from ..check import Check, Cost
from ..errors import InvalidChoice, TableUnreadable
from ..subjects import Subject
from . import codes
from .columnrules import ColumnRules, matching, unit_between
from .keys import KeyRule
from .references import ReferenceRule
from .rowrules import RowRule
from .rules import Key, Reference
from .schema import TableSchema, columns_of
from .sources import FORMATS_OF_TABLES, open_table
from .telling import Teller
from .terms import TermRule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import polars as pl

    from ..found import Found
    from .pieces import Piece
    from .sources import Source
    from .vocabulary import Vocabulary

__all__ = ["SchemaCheck"]


class SchemaCheck(Check):
    """Holds a table against ``schema``::

        validate("samples.csv", also=[SchemaCheck(schema, tables={"donors": "donors.csv"})])

    ``tables``: what the schema's references lead to, each a dataframe or a path.  ``vocabularies``: those that it
    names.  ``units``: of columns whose values are in another unit than the schema's, where the table does not say so
    itself (Arrow: the metadata ``unit`` of a field).  ``files``: the names of files that it is for, as patterns with
    ``*``; of those every one has to be a table.

    Findings are kept for each rule and column; ``metrics`` have the true count of each, such as ``table.range.count``
    of ``age``, and ``table.rows`` and ``table.nulls``.  Raises ``InvalidChoice`` for a table or a vocabulary that the
    schema names and nobody gave, or a pattern that cannot be.
    """

    name, version = "table.schema", "1"
    tables: ClassVar[bool] = True
    codes = codes.SCHEMA_CODES
    cost: ClassVar[Cost] = Cost.HEADER

    def __init__(
        self,
        schema: TableSchema,
        *,
        tables: Mapping[str, Any] | None = None,
        vocabularies: Mapping[str, Vocabulary] | None = None,
        units: Mapping[str, str] | None = None,
        files: Iterable[str] = ("*",),
    ) -> None:
        self.schema = schema
        self._tables, self._vocabularies = dict(tables or {}), dict(vocabularies or {})
        self._units, self._files = dict(units or {}), tuple(files)
        self._look_at_names()

    def _look_at_names(self) -> None:
        for rule in self.schema.rules:
            if isinstance(rule, Reference) and rule.table not in self._tables:
                what = f"the schema {self.schema.name} refers to {rule.table}; give it in tables="
                raise InvalidChoice(what, table=rule.table)
        for column in self.schema.columns:
            if column.vocabulary is not None and column.vocabulary not in self._vocabularies:
                what = f"the column {column.name} is of the vocabulary {column.vocabulary}; give it in vocabularies="
                raise InvalidChoice(what, vocabulary=column.vocabulary)
            if column.pattern is not None:
                _compiled(column.pattern, column.name)
        for name, unit in self._units.items():
            if name in self.schema.by_name:
                unit_between(self.schema.by_name[name], unit)

    def made_with(self) -> str | None:
        """See ``Check``; what is in files that its references lead to may change."""
        if any(isinstance(table, str | os.PathLike) for table in self._tables.values()):
            return None
        return super().made_with()

    def suits(self, name: str) -> bool:
        """Whether one of ``files`` matches it."""
        return any(fnmatch.fnmatch(name, pattern) for pattern in self._files)

    def look(self, subject: Subject, found: Found) -> None:
        """Hold the table against the schema, all rules in one reading, but for keys that are broken or not in order."""
        try:
            source = open_table(subject, found)
        except TableUnreadable as error:
            code = codes.FORMAT if _is_no_table(subject) else codes.UNREADABLE
            found.add(code, str(error), seen=subject.format)
            return
        teller = Teller(found, each=max(1, subject.limits.each // 4))
        columns = _columns(self.schema, source, teller)
        if subject.cost is Cost.HEADER:
            found.partly()
            return
        watch = _Watch(self, source, columns, teller, subject)
        try:
            watch.read()
        except TableUnreadable as error:
            found.add(codes.UNREADABLE, str(error), row=watch.rows)
            found.partly()
        watch.finish()

    def term_rule(self, name: str) -> TermRule | None:
        """What the terms of a column have to be, if it has a vocabulary."""
        column = self.schema.by_name[name]
        return None if column.vocabulary is None else TermRule(column, self._vocabularies[column.vocabulary])

    def unit_of(self, name: str, source: Source) -> str:
        """The unit that a column's values are said to be in."""
        return self._units.get(name, source.units.get(name, ""))

    def table_of(self, reference: Reference, subject: Subject) -> Subject:
        """What a reference leads to; raises ``SubjectNotFound``."""
        return Subject(self._tables[reference.table], limits=subject.limits)


class _Watch:
    """All rules over one table while it is read."""

    def __init__(
        self, check: SchemaCheck, source: Source, columns: Sequence[str], teller: Teller, subject: Subject
    ) -> None:
        self._schema, self._source, self._teller = check.schema, source, teller
        self._names, self.rows = tuple(columns), 0
        self._limits = subject.limits
        units = {name: _unit(check, name, source, teller) for name in columns}
        schema = check.schema
        self._columns = {
            name: ColumnRules(
                schema.by_name[name], teller, unit=units[name], source=source, missing=schema.missing,
                terms=check.term_rule(name),
            )
            for name in columns
        }  # fmt: skip
        memory = max(1 << 16, subject.limits.memory // 2)
        unique = [
            KeyRule((name,), codes.UNIQUE, teller, memory=memory) for name in columns if schema.by_name[name].unique
        ]
        rules = [rule for rule in schema.rules if set(columns_of(rule)) <= set(columns)]
        self._keys = unique + [
            KeyRule(rule.columns, codes.KEY, teller, memory=memory) for rule in rules if isinstance(rule, Key)
        ]
        self._between: list[RowRule | ReferenceRule] = []
        for rule in rules:
            if isinstance(rule, Reference):
                self._refer(check, rule, subject)
            elif not isinstance(rule, Key):
                self._between.append(RowRule(rule, columns_of(rule), teller, units=units))

    def _refer(self, check: SchemaCheck, rule: Reference, subject: Subject) -> None:
        name = ", ".join(rule.columns)
        try:
            made = ReferenceRule(
                rule, check.table_of(rule, subject), self._schema, self._teller, found=self._teller.found
            )
        except (TableUnreadable, OSError) as error:
            what = f"the table {rule.table} that it refers to cannot be read: {error}"
            self._teller.one(codes.REFERENCE, what, of=name, expected=rule.table)
            return
        if made.missing:
            what = f"the table {rule.table} that it refers to has no {', '.join(made.missing)}"
            self._teller.one(codes.REFERENCE, what, of=name, expected=", ".join(rule.to))
            return
        self._between.append(made)

    def read(self) -> None:
        """Hold every rule against every piece."""
        for piece in self._source.pieces(self._names):
            taken = {name: rules.see(piece.frame[name], piece) for name, rules in self._columns.items()}
            frame = _together(taken)
            for key in self._keys:
                key.see(frame)
            for rule in self._between:
                rule.see(frame, piece)
            self.rows = piece.after

    def finish(self) -> None:
        """What is known only when all was read."""
        for key in self._keys:
            key.finish(lambda key=key: self._again(key.columns))  # type: ignore[misc]
        schema, teller = self._schema, self._teller
        least, most = schema.rows_least, schema.rows_most
        if teller.found.complete and not (least or 0) <= self.rows <= (self.rows if most is None else most):
            expected = f"at least {least or 0}" + ("" if most is None else f", at most {most}")
            teller.found.add(codes.ROWS, f"it has {self.rows:,} rows", seen=self.rows, expected=expected)
        teller.found.metric("table.rows", self.rows)
        for name, rules in self._columns.items():
            teller.found.metric("table.nulls", rules.nulls, of=name)
        teller.finish()

    def _again(self, names: tuple[str, ...]) -> Iterator[tuple[pl.DataFrame, Piece]]:
        """The table once more, of some columns, up to where it was read."""
        silent = Teller(type(self._teller.found)("table.schema", codes.SCHEMA_CODES, limits=self._limits), each=1)
        rules = {name: self._columns[name].again(silent) for name in names}
        for piece in self._source.pieces(names):
            yield _together({name: each.see(piece.frame[name], piece) for name, each in rules.items()}), piece
            if piece.after >= self.rows:
                return


def _together(columns: Mapping[str, pl.Series]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame([values.alias(name) for name, values in columns.items()])


def _columns(schema: TableSchema, source: Source, teller: Teller) -> tuple[str, ...]:
    """Tell what is wrong with the columns themselves; those that are declared and there."""
    names = source.names
    for name in dict.fromkeys(each for each in names if names.count(each) > 1):
        teller.one(codes.COLUMN_DUPLICATE, "there are several columns of this name; the first is looked at", of=name)
    for column in schema.columns:
        if column.required and column.name not in names:
            teller.one(codes.COLUMN_MISSING, "the column is not there", of=column.name, expected=column.type)
    there = tuple(column.name for column in schema.columns if column.name in names)
    if not schema.extra:
        for name in dict.fromkeys(names):
            if name not in schema.by_name:
                teller.one(codes.COLUMN_EXTRA, "the schema does not declare this column", of=name)
    stand = tuple(name for name in dict.fromkeys(names) if name in schema.by_name)
    if schema.ordered and stand != there:
        teller.found.add(
            codes.COLUMN_ORDER, "the columns are in another order", seen=", ".join(stand), expected=", ".join(there)
        )
    return there


def _unit(check: SchemaCheck, name: str, source: Source, teller: Teller) -> str:
    """The unit that a column is judged in."""
    column, there = check.schema.by_name[name], check.unit_of(name, source)
    try:
        unit = unit_between(column, there)
    except InvalidChoice as error:
        teller.one(codes.UNIT, str(error), of=name, seen=there, expected=column.unit)
        return column.unit
    if unit != column.unit:
        what = "its values are in another unit than the schema's, into which its range was converted"
        teller.one(codes.UNIT_OTHER, what, of=name, seen=there, expected=column.unit)
    return unit


def _compiled(pattern: str, column: str) -> None:
    import polars as pl

    try:
        pl.Series([""]).str.contains(matching(pattern))
    except pl.exceptions.PolarsError as error:
        what = f"the column {column} has the pattern {pattern!r}, which cannot be: {str(error).splitlines()[-1]}"
        raise InvalidChoice(what, column=column, pattern=pattern) from error


def _is_no_table(subject: Subject) -> bool:
    return subject.table is None and subject.format not in FORMATS_OF_TABLES
