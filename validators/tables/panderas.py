"""pandera, in and out: schemas of data frames of polars and of pandas, as schema objects and as models.

A check of pandera's that has no counterpart here, such as one with a function of the user's, is not run: it is named.
``PanderaCheck`` runs pandera itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import SchemaUnreadable
from .exchanged import Exchanged
from .rules import Key
from .schema import Column, TableSchema
from .types import NUMERIC, SPANS

if TYPE_CHECKING:
    import pandera.polars

__all__ = ["from_pandera", "schema_object", "to_pandera"]

_NAMES = {
    **dict.fromkeys(("bool", "boolean"), "boolean"),
    **dict.fromkeys(("str", "categorical", "enum", "category"), "string"),
    **dict.fromkeys(("binary", "bytes"), "binary"),
    "object": "any",
    "date": "date",
    "time": "time",
}
_ENDS = {
    "greater_than_or_equal_to": ("least", "min_value"),
    "less_than_or_equal_to": ("most", "max_value"),
    "greater_than": ("above", "min_value"),
    "less_than": ("below", "max_value"),
}


def schema_object(given: Any) -> Any:
    """pandera's schema object, of itself or of a model; raises ``SchemaUnreadable`` for what is neither."""
    if isinstance(given, type) and hasattr(given, "to_schema"):
        given = given.to_schema()
    if not (hasattr(given, "columns") and hasattr(given, "validate") and type(given).__module__.startswith("pandera")):
        raise SchemaUnreadable(f"{type(given).__name__} is no DataFrameSchema of pandera, and no DataFrameModel")
    return given


def from_pandera(given: Any) -> Exchanged[TableSchema]:
    """The schema that a ``DataFrameSchema`` or a ``DataFrameModel`` says, of polars or pandas, and what was passed
    over.

    Raises ``SchemaUnreadable``.
    """
    schema = schema_object(given)
    left: list[str] = []
    columns = tuple(_column(str(name), column, left) for name, column in schema.columns.items())
    rules = (Key(tuple(schema.unique)),) if schema.unique else ()
    left += [f"the check {check.name or check} of the table" for check in schema.checks or ()]
    if getattr(schema, "index", None) is not None:
        left.append("the index")
    if schema.coerce or any(column.coerce for column in schema.columns.values()):
        left.append("that values are coerced to their types")
    made = TableSchema(
        str(schema.name or "table"),
        columns,
        rules,
        extra=schema.strict is not True,
        ordered=bool(schema.ordered),
        about=str(schema.description or ""),
    )
    return Exchanged(made, tuple(left))


def _column(name: str, column: Any, left: list[str]) -> Column:
    found: dict[str, Any] = {}
    if column.regex:
        left.append(f"that {name} is a pattern of names")
    for check in column.checks:
        told = _check(check)
        if told is None or set(told) & set(found):
            left.append(f"the check {check.name or check} of {name}")
        else:
            found |= told
    about = dict(column.metadata or {})
    return Column(
        name,
        _type(column.dtype, name, left),
        nullable=bool(column.nullable),
        required=bool(column.required) and not column.regex,
        unique=bool(column.unique),
        unit=str(about.get("unit", "")),
        about=str(column.description or ""),
        **found,
    )


def _type(dtype: Any, name: str, left: list[str]) -> str:
    if dtype is None:
        return "any"
    written = str(dtype).lower().split("[")[0].split("(")[0].removeprefix("numpy.")
    if written in NUMERIC or written in _NAMES:
        return _NAMES.get(written, written)
    for begins, kind in (("datetime", "datetime"), ("timestamp", "datetime"), ("decimal", "number"),
                         ("timedelta", "duration"), ("duration", "duration"), ("string", "string")):  # fmt: skip
        if written.startswith(begins):
            return kind
    left.append(f"that {name} is of the type {dtype}")
    return "any"


def _check(check: Any) -> dict[str, Any] | None:
    """A check of pandera's as options of a column, ``None`` where there are none that say so."""
    told = check.statistics or {}
    match check.name:
        case name if name in _ENDS:
            mine, theirs = _ENDS[name]
            found = {mine: told[theirs]}
        case "in_range":
            found = {
                "least" if told.get("include_min", True) else "above": told["min_value"],
                "most" if told.get("include_max", True) else "below": told["max_value"],
            }
        case "isin":
            found = {"among": tuple(told["allowed_values"])}
        case "equal_to":
            found = {"among": (told["value"],)}
        case "str_matches":
            found = {"pattern": _whole(told["pattern"])}
        case "str_contains":
            found = {"pattern": rf"(?s:.*)(?:{_text(told['pattern'])})(?s:.*)"}
        case "str_length":
            exact = told.get("exact_value")
            found = {"shortest": told.get("min_value"), "longest": told.get("max_value")}
            found = {"shortest": exact, "longest": exact} if exact is not None else found
        case _:
            return None
    return found


def _text(pattern: Any) -> str:
    return str(getattr(pattern, "pattern", pattern))


def _whole(pattern: Any) -> str:
    """A pattern that pandera looks for at the beginning, as one of the whole."""
    text = _text(pattern)
    if text.startswith("^(?:") and text.endswith(")$"):
        return text[4:-2]
    return rf"(?:{text})(?s:.*)"


def to_pandera(schema: TableSchema) -> Exchanged[pandera.polars.DataFrameSchema]:
    """The schema as one of pandera for polars, and what that does not say.

    ``integer`` becomes ``Int64`` and ``number`` ``Float64``: pandera's types are those of storage.
    """
    import pandera.polars as pandera

    left: list[str] = []
    keys = [rule.columns for rule in schema.rules if isinstance(rule, Key)]
    left += [f"the rule {rule}" for rule in schema.rules if not isinstance(rule, Key) or rule.columns != keys[0]]
    left += [
        f"{name} {getattr(schema, name)}" for name in ("rows_least", "rows_most") if getattr(schema, name) is not None
    ]
    made = pandera.DataFrameSchema(
        {column.name: _to_column(column, left) for column in schema.columns},
        name=schema.name,
        strict=not schema.extra,
        ordered=schema.ordered,
        unique=list(keys[0]) if keys else None,
        description=schema.about or None,
    )
    return Exchanged(made, tuple(left))


def _to_column(column: Column, left: list[str]) -> Any:
    import pandera.polars as pandera

    check: Any = pandera.Check
    for name, usual in (("order", None), ("vocabulary", None), ("under", None)):
        if getattr(column, name) != usual:
            left.append(f"{name} {getattr(column, name)} of {column.name}")
    makers = {"least": check.ge, "most": check.le, "above": check.gt, "below": check.lt}
    checks = [makers[name](end) for name, end in column.bounds.items()]
    if column.among is not None:
        checks.append(check.isin(list(column.among)))
    if column.pattern is not None:
        checks.append(check.str_matches(f"^(?:{column.pattern})$"))
    if column.shortest is not None or column.longest is not None:
        checks.append(check.str_length(column.shortest, column.longest))
    return pandera.Column(
        _stored(column.type), checks, nullable=column.nullable, unique=column.unique, required=column.required,
        description=column.about or None, metadata={"unit": column.unit} if column.unit else None,
    )  # fmt: skip


def _stored(kind: str) -> Any:
    import polars as pl

    found: dict[str, Any] = {
        "boolean": pl.Boolean, "integer": pl.Int64, "number": pl.Float64, "float32": pl.Float32, "float64": pl.Float64,
        "string": pl.String, "date": pl.Date, "datetime": pl.Datetime, "time": pl.Time, "duration": pl.Duration,
        "binary": pl.Binary,
    }  # fmt: skip
    if kind in SPANS:
        return getattr(pl, kind.replace("uint", "UInt").replace("int", "Int") if kind[0] == "i" else f"UInt{kind[4:]}")
    return found.get(kind)
