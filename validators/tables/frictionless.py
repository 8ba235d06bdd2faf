"""Frictionless Table Schema, in and out.

Source: https://specs.frictionlessdata.io/table-schema/ 1.0, with ``exclusiveMinimum``, ``exclusiveMaximum`` and
``uniqueKeys`` of Data Package 2.0.  Units are written as the property ``unit`` of a field, which the specification
allows and other readers pass over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from ..errors import InvalidChoice, SchemaUnreadable
from .documents import loaded
from .exchanged import Exchanged
from .rules import Key, Reference, Rule
from .schema import Bound, Column, TableSchema
from .types import NUMERIC, SPANS

__all__ = ["from_frictionless", "to_frictionless"]

_PLAIN = frozenset({"any", "boolean", "integer", "number", "string", "date", "datetime", "time", "duration"})
_CONSTRAINTS = {
    "least": "minimum",
    "most": "maximum",
    "above": "exclusiveMinimum",
    "below": "exclusiveMaximum",
    "pattern": "pattern",
    "shortest": "minLength",
    "longest": "maxLength",
}
_NOT_HELD = {"order": None, "vocabulary": None, "under": None, "required": True}


def to_frictionless(schema: TableSchema) -> Exchanged[str]:
    """The JSON of a Frictionless Table Schema, and what of ``schema`` it does not say."""
    left: list[str] = []
    told: dict[str, Any] = {"name": schema.name, "fields": [_field(column, left) for column in schema.columns]}
    if schema.about:
        told["description"] = schema.about
    told["missingValues"] = list(schema.missing)
    keys = [rule for rule in schema.rules if isinstance(rule, Key)]
    if keys:
        told["uniqueKeys"] = [list(key.columns) for key in keys]
    references = [rule for rule in schema.rules if isinstance(rule, Reference)]
    if references:
        told["foreignKeys"] = [
            {"fields": list(each.columns), "reference": {"resource": each.table, "fields": list(each.to)}}
            for each in references
        ]
    left += [f"the rule {rule}" for rule in schema.rules if not isinstance(rule, (Key, Reference))]
    # What a table may have besides its fields is said in Data Package 2.0.
    matching = {(False, True): "exact", (False, False): "equal", (True, False): "superset"}
    if match := matching.get((schema.extra, schema.ordered)):
        told["fieldsMatch"] = [match]
    else:
        left.append("that columns are in order while there may be others")
        told["fieldsMatch"] = ["superset"]
    for name in ("rows_least", "rows_most"):
        if getattr(schema, name) is not None:
            left.append(f"{name} {getattr(schema, name)}")
    if schema.version != "1":
        told["version"] = schema.version
    return Exchanged(json.dumps(told, ensure_ascii=False, indent=1), tuple(left))


def _field(column: Column, left: list[str]) -> dict[str, Any]:
    kind = column.type
    if kind not in _PLAIN:
        kind = "integer" if kind in SPANS else "number" if kind in NUMERIC else "any"
        left.append(f"that {column.name} is of the type {column.type}, and not any {kind}")
    told: dict[str, Any] = {"name": column.name, "type": kind}
    if column.about:
        told["description"] = column.about
    if column.unit:
        told["unit"] = column.unit
    constraints: dict[str, Any] = {} if column.nullable else {"required": True}
    if column.unique:
        constraints["unique"] = True
    for name, theirs in _CONSTRAINTS.items():
        value = getattr(column, name)
        if value is not None:
            constraints[theirs] = _said(value, kind)
    if column.among is not None:
        constraints["enum"] = list(column.among)
    for name, usual in _NOT_HELD.items():
        if getattr(column, name) != usual:
            left.append(f"{name} {getattr(column, name)} of {column.name}")
    return {**told, "constraints": constraints} if constraints else told


def _said(value: Any, kind: str) -> Any:
    if isinstance(value, date) and kind == "datetime" and not isinstance(value, datetime):
        return f"{value.isoformat()}T00:00:00"
    return value.isoformat() if isinstance(value, date) else value


def from_frictionless(source: str | bytes | Mapping[str, Any]) -> Exchanged[TableSchema]:
    """The schema that a Frictionless Table Schema says, given as JSON or as what that is of, and what was passed over.

    Raises ``SchemaUnreadable`` where it is none.
    """
    told = source if isinstance(source, Mapping) else loaded(source)
    fields = told.get("fields")
    if not isinstance(fields, list) or not all(
        isinstance(each, dict) and _is_text(each.get("name")) for each in fields
    ):
        raise SchemaUnreadable("it has no list of fields with names, and is no Frictionless Table Schema")
    left: list[str] = []
    try:
        columns = tuple(_column(each, left) for each in fields)
        rules = tuple(_rules(told))
        match = told.get("fieldsMatch", "exact")
        match = match[0] if isinstance(match, list) and match else match
        keys = [rule.columns for rule in rules if isinstance(rule, Key)]
        primary = tuple(_names(told.get("primaryKey", [])))
        if primary:
            if primary not in keys:
                rules = (Key(primary), *rules)
            columns = tuple(_complete(each) if each.name in primary else each for each in columns)
        if match not in ("exact", "equal", "superset"):
            left.append(f"fieldsMatch {match}")
        made = TableSchema(
            str(told.get("name", "table")),
            columns,
            rules,
            extra=match not in ("exact", "equal"),
            ordered="fieldsMatch" in told and match == "exact",
            missing=tuple(map(str, told.get("missingValues", [""]))),
            version=str(told.get("version", "1")),
            about=str(told.get("description", "")),
        )
    except (InvalidChoice, TypeError, KeyError, AttributeError, ValueError) as error:
        raise SchemaUnreadable(f"it is no Frictionless Table Schema: {error}") from error
    known = {"fields", "name", "description", "missingValues", "primaryKey", "uniqueKeys", "foreignKeys", "fieldsMatch",
             "version", "$schema", "profile", "title"}  # fmt: skip
    left += [f"the property {name}" for name in told if name not in known]
    return Exchanged(made, tuple(left))


def _is_text(given: object) -> bool:
    return isinstance(given, str)


def _complete(column: Column) -> Column:
    return replace(column, nullable=False)


def _column(told: Mapping[str, Any], left: list[str]) -> Column:
    name, kind = told["name"], told.get("type", "string" if "format" in told else "any")
    given = kind
    if kind not in _PLAIN:
        kind = "integer" if kind == "year" else "any"
        left.append(f"that {name} is of the type {given}")
    if told.get("format", "default") not in ("default", "any"):
        left.append(f"the format {told['format']} of {name}")
    constraints = told.get("constraints") or {}
    found: dict[str, Any] = {}
    for mine, theirs in _CONSTRAINTS.items():
        if constraints.get(theirs) is not None:
            found[mine] = (
                _read(constraints[theirs], kind) if mine in ("least", "most", "above", "below") else constraints[theirs]
            )
    values = constraints.get("enum")
    known = {*_CONSTRAINTS.values(), "required", "unique", "enum"}
    left += [f"the constraint {each} of {name}" for each in constraints if each not in known]
    left += [
        f"the property {each} of {name}"
        for each in told
        if each not in ("name", "type", "format", "description", "title", "unit", "constraints")
    ]
    return Column(
        name,
        kind,
        nullable=constraints.get("required") is not True,
        unique=constraints.get("unique") is True,
        among=None if values is None else tuple(values),
        unit=told.get("unit", ""),
        about=told.get("description", ""),
        **found,
    )


def _read(value: Any, kind: str) -> Bound:
    """An end of a range, which the specification allows to be text as well."""
    if kind == "date":
        return date.fromisoformat(value)
    if kind == "datetime":
        return datetime.fromisoformat(value)
    if isinstance(value, str):
        return int(value) if kind == "integer" else float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{value!r} is no end of a range")
    return value


def _names(given: object) -> list[str]:
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list) or not all(map(_is_text, names)):
        raise ValueError(f"{given!r} is no list of fields")
    return names


def _rules(told: Mapping[str, Any]) -> list[Rule]:
    rules: list[Rule] = [Key(tuple(_names(each))) for each in told.get("uniqueKeys") or ()]
    for each in told.get("foreignKeys") or ():
        reference = each["reference"]
        to = tuple(_names(reference["fields"]))
        rules.append(Reference(tuple(_names(each["fields"])), str(reference.get("resource", "")), to))
    return rules
