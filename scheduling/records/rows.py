"""Rows of the tables, from columns of plain values: times are seconds since 1970, and any text can be kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from holotype.catalog import column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from holotype.catalog import Table

__all__ = ["columns_of", "said", "table_of"]


def said(value: Any) -> str:
    """A value as JSON, as journals have it."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def columns_of(rows: Sequence[tuple[Any, ...]], table: Table) -> dict[str, Sequence[Any]]:
    """Rows of a table, each with its values in the order of the table's columns, turned into its columns."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(table.columns)
    return {each.name: values for each, values in zip(table.columns, columns, strict=True)}


def table_of(table: Table, columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    """Rows in a table's schema.

    A path of a file system that is not UTF-8 is kept with what cannot be written as text shown as ``\\udc80``.
    """
    arrays = [_array(columns[each.name], each.type) for each in table.columns]
    return pa.Table.from_arrays(arrays, schema=table.schema)


def _array(values: Sequence[Any], type: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(type):
        return column([None if each is None else round(each * 1e6) for each in values], pa.int64()).cast(type)
    try:
        return column(values, type)
    except UnicodeEncodeError:
        return column([_writable(each) for each in values], type)


def _writable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value if value is None else [_writable(each) for each in value]
