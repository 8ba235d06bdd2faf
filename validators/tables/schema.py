"""What a table has to be: its columns, each with its rules, and rules between them.

::

    TableSchema(
        "samples",
        columns=(
            Column("id", "string", nullable=False, unique=True, pattern=r"S\\d{6}"),
            Column("temperature", "number", unit="Cel", least=-90, most=60),
            Column("organism", "string", among=("Mus musculus", "Homo sapiens")),
        ),
        rules=(Key(("id", "visit")), Reference(("donor",), "donors", ("id",))),
        version="2",
    )

A column's missing values are nulls, NaN of floating point, and of text files whatever ``missing`` lists, whichever
library the table comes from: so the verdict on a table does not change with the library.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

from ..errors import InvalidChoice, SchemaUnreadable
from ..lazily import once
from . import documents
from .rules import Comparison, Condition, Implication, Key, Reference, Rule, Sum
from .types import NUMERIC, TYPES
from .units import unit_of

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

__all__ = ["Bound", "Column", "ORDERS", "TableSchema", "columns_of"]

Bound: TypeAlias = int | float | date | datetime
"""An end of a range."""

ORDERS = ("increasing", "strictly increasing", "decreasing", "strictly decreasing")
_TERMS = ("id", "name")


@dataclass(frozen=True, kw_only=True)
class _ColumnOptions:
    nullable: bool = True
    required: bool = True
    unique: bool = False
    least: Bound | None = None
    most: Bound | None = None
    above: Bound | None = None
    below: Bound | None = None
    unit: str = ""
    pattern: str | None = None
    among: tuple[str | int | float, ...] | None = None
    shortest: int | None = None
    longest: int | None = None
    order: str | None = None
    vocabulary: str | None = None
    term: str = "id"
    under: str | None = None
    about: str = ""


@dataclass(frozen=True)
class Column(_ColumnOptions):
    """One column: its name, its type (one of ``TYPES``), and its rules.

    ``nullable``: whether values may be missing; ``required``: whether the column has to be there.  ``unique``: no
    value twice.  ``least`` and ``most``: the range, ends included; ``above`` and ``below``: ends left out.  ``unit``:
    of the values and the range, in UCUM.  ``pattern``: a regular expression without backreferences, of which the whole
    text is a match.  ``among``: the only values there may be.  ``shortest`` and ``longest``: characters of text.
    ``order``: one of ``ORDERS``, down the column, missing values left out.  ``vocabulary``: the values are terms of
    the one of this name, given by ``term``: their ``id`` or their ``name``, and with ``under`` below that term.
    ``about``: a sentence.  Raises ``InvalidChoice``, as for a range that nothing is within.
    """

    name: str
    type: str = "any"

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            self._refuse(f"the type {self.type!r}; there are {', '.join(TYPES)}")
        if self.among is not None:
            object.__setattr__(self, "among", tuple(dict.fromkeys(self.among)))
        if self.order is not None and self.order not in ORDERS:
            self._refuse(f"the order {self.order!r}; there are {', '.join(ORDERS)}")
        if self.term not in _TERMS:
            self._refuse(f"terms by their {self.term!r}; there are {', '.join(_TERMS)}")
        if self.unit:
            unit_of(self.unit)
        self._look_at_bounds()

    def _look_at_bounds(self) -> None:
        for bound in self.bounds.values():
            if isinstance(bound, (bool, str)) or not isinstance(bound, get_args(Bound)):
                self._refuse(f"the end {bound!r} of a range")
            if isinstance(bound, float) and not math.isfinite(bound):
                self._refuse("an end of a range that is no finite number; leave it out")
            fits = self.type in ("date", "datetime") if isinstance(bound, date) else self.type in (*NUMERIC, "any")
            if not fits:
                self._refuse(f"a range, of {bound!r}, and the type {self.type}")
        self._look_at_range()
        for length in (self.shortest, self.longest):
            if length is not None and length < 0:
                self._refuse(f"a length of {length}")

    def _look_at_range(self) -> None:
        """Refuse a range that nothing is within."""
        for lower, upper in product(("least", "above"), ("most", "below")):
            low, high = self.bounds.get(lower), self.bounds.get(upper)
            if low is None or high is None:
                continue
            one, other = _moment(low), _moment(high)
            if one > other or (one == other and (lower, upper) != ("least", "most")):
                self._refuse(f"a range that nothing is within: {lower}={low}, {upper}={high}")
        if self.shortest is not None and self.longest is not None and self.shortest > self.longest:
            self._refuse(f"lengths from {self.shortest} to {self.longest}")

    def _refuse(self, what: str) -> None:
        raise InvalidChoice(f"the column {self.name} cannot have {what}", column=self.name)

    @property
    def bounds(self) -> Mapping[str, Bound]:
        """The ends of its range that there are, by their names."""
        ends = {"least": self.least, "most": self.most, "above": self.above, "below": self.below}
        return {name: end for name, end in ends.items() if end is not None}


def _moment(end: Bound) -> Any:
    """An end as what compares with others of its kind: days begin at midnight, and times without a zone are UTC."""
    if not isinstance(end, date):
        return end
    if not isinstance(end, datetime):
        return datetime(end.year, end.month, end.day, tzinfo=UTC)
    return end if end.tzinfo is not None else end.replace(tzinfo=UTC)


@dataclass(frozen=True)
class TableSchema:
    """What a table has to be.

    ``extra``: whether there may be columns that are not declared; ``ordered``: whether those declared stand in this
    order.  ``rows_least`` and ``rows_most``: how many rows.  ``missing``: what stands for a missing value in a text
    file.  ``version``: whatever its authors count by; ``digest`` changes with every rule.  Raises ``InvalidChoice``.
    """

    name: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()
    extra: bool = False
    ordered: bool = False
    rows_least: int | None = None
    rows_most: int | None = None
    missing: tuple[str, ...] = ("",)
    version: str = "1"
    about: str = ""

    def __post_init__(self) -> None:
        for name in ("columns", "rules", "missing"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for each in self.columns:
            self._refuse_other_than_a_column(each)
        names = [column.name for column in self.columns]
        if len(set(names)) < len(names):
            raise InvalidChoice(f"the schema {self.name} declares a column twice", schema=self.name)
        for rule in self.rules:
            if strange := set(columns_of(rule)) - set(names):
                what = f"a {type(rule).__name__} of the schema {self.name} speaks of {', '.join(sorted(strange))}"
                raise InvalidChoice(f"{what}, which it does not declare", schema=self.name)

    def _refuse_other_than_a_column(self, given: object) -> None:
        if not isinstance(given, Column):
            raise InvalidChoice(f"the schema {self.name} has Columns, and {given!r} is none", schema=self.name)

    @once
    def by_name(self) -> Mapping[str, Column]:
        """Its columns by their names."""
        return {column.name: column for column in self.columns}

    @property
    def digest(self) -> str:
        """SHA-256 of what it asks for, in hexadecimal; names, versions and explanations do not change it."""
        told = {name: value for name, value in _written(self).items() if name not in ("name", "version", "about")}
        told["columns"] = [{k: v for k, v in column.items() if k != "about"} for column in told["columns"]]
        return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()

    def to_json(self) -> str:
        """All of it as JSON, which ``from_json`` reads."""
        return json.dumps({"format": _FORMAT, **_written(self)}, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> TableSchema:
        """The schema that ``to_json`` wrote; raises ``SchemaUnreadable``."""
        told = dict(documents.loaded(text))
        if (found := told.pop("format", None)) != _FORMAT:
            raise SchemaUnreadable(f"it says it is {str(found)[:60]!r}; this reads {_FORMAT!r}")
        return documents.made(cls, told, _SCHEMA)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> TableSchema:
        """The schema in a file of JSON; raises ``SchemaUnreadable``, or ``OSError``."""
        with open(path, "rb") as file:
            try:
                return cls.from_json(file.read(_MOST))
            except SchemaUnreadable as error:
                raise SchemaUnreadable(f"{path}: {error}", path=str(path)) from error


_FORMAT = "holotype table schema 1"
_MOST = 64 << 20  # a schema is a page; what is larger is something else


def columns_of(rule: Rule) -> tuple[str, ...]:
    """The columns of its own table that a rule speaks of."""
    match rule:
        case Key(columns) | Reference(columns):
            return columns
        case Comparison(left, _, right):
            return left, right
        case Sum(columns, total):
            return (*columns, total) if isinstance(total, str) else columns
        case Implication(Condition(one), Condition(other)):
            return one, other


_KINDS: Mapping[str, type[Rule]] = {
    "key": Key,
    "reference": Reference,
    "comparison": Comparison,
    "sum": Sum,
    "implication": Implication,
}


def _written(schema: TableSchema) -> dict[str, Any]:
    told: dict[str, Any] = documents.plain(schema)
    names = {kind: name for name, kind in _KINDS.items()}
    rules = [{names[type(rule)]: documents.plain(rule)} for rule in schema.rules]
    return {**told, **({"rules": rules} if rules else {})}


def _rule(told: object) -> Rule:
    if not isinstance(told, dict) or len(told) != 1 or next(iter(told)) not in _KINDS:
        raise SchemaUnreadable(f"a rule is an object with one of {', '.join(_KINDS)}")
    ((name, inside),) = told.items()
    made: Rule = documents.made(_KINDS[name], inside, _RULES[name])
    return made


def _condition(told: object) -> Condition:
    return documents.made(
        Condition, told, {"column": documents.text, "operator": documents.text, "value": documents.value}
    )


def _total(told: object) -> str | float:
    return told if isinstance(told, str) else documents.number(told)


_RULES: Mapping[str, Mapping[str, documents.Reader]] = {
    "key": {"columns": documents.texts},
    "reference": {"columns": documents.texts, "table": documents.text, "to": documents.texts},
    "comparison": dict.fromkeys(("left", "operator", "right"), documents.text),
    "sum": {"columns": documents.texts, "total": _total, "tolerance": documents.number},
    "implication": {"when": _condition, "then": _condition},
}


def _whole(told: object) -> int | None:
    if told is None or (isinstance(told, int) and not isinstance(told, bool)):
        return told
    raise SchemaUnreadable(f"{str(told)[:60]!r} is no whole number")


_COLUMN: Mapping[str, documents.Reader] = {
    **dict.fromkeys(("name", "type", "unit", "term", "about"), documents.text),
    **dict.fromkeys(("pattern", "order", "vocabulary", "under"), documents.optional(documents.text)),
    **dict.fromkeys(("nullable", "required", "unique"), documents.flag),
    **dict.fromkeys(("least", "most", "above", "below"), documents.optional(documents.value)),
    **dict.fromkeys(("shortest", "longest"), _whole),
    "among": documents.optional(documents.listed(documents.value)),
}
_SCHEMA: Mapping[str, documents.Reader] = {
    **dict.fromkeys(("name", "version", "about"), documents.text),
    **dict.fromkeys(("extra", "ordered"), documents.flag),
    **dict.fromkeys(("rows_least", "rows_most"), _whole),
    "columns": documents.listed(lambda told: documents.made(Column, told, _COLUMN)),
    "rules": documents.listed(_rule),
    "missing": documents.texts,
}
