"""Whatever people call a table, as a stream of Arrow tables."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import InvalidOption

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Incoming", "incoming"]

# How polars marks the fields of its Categorical, which has no order of its own; an Enum has, and keeps it.
_CATEGORIES = b"_PL_CATEGORICAL"  # with a number behind it in newer versions
# Rows of a lazy frame computed at a time.
_ROWS = 1 << 17


class Incoming:
    """A table on its way in: its schema, its rows as tables of any size (to be read once), and what it was."""

    def __init__(self, schema: pa.Schema, tables: Iterator[pa.Table], what: str) -> None:
        self.schema, self.tables, self.what = schema, tables, what


def incoming(frame: Any) -> Incoming:
    """The rows of a pandas or polars frame (eager or lazy), an Arrow table, batch or reader, or of anything that
    exports an Arrow stream.

    A pandas index is kept, as pandas itself keeps it in Parquet.  A lazy frame is computed a batch at a time.
    Raises ``InvalidOption`` for what is not a table, or holds values that no column type fits.
    """
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    try:
        if pandas is not None and isinstance(frame, pandas.DataFrame):
            found = _of_table(pa.Table.from_pandas(frame), "a pandas.DataFrame")
        elif polars is not None and isinstance(frame, polars.LazyFrame | polars.DataFrame):
            found = _of_polars(frame, polars)
        elif isinstance(frame, pa.Table):
            found = _of_table(frame, "a pyarrow.Table")
        elif isinstance(frame, pa.RecordBatch):
            found = _of_table(pa.Table.from_batches([frame]), "a pyarrow.RecordBatch")
        elif isinstance(frame, pa.RecordBatchReader) or hasattr(frame, "__arrow_c_stream__"):
            reader = pa.RecordBatchReader.from_stream(frame)
            tables = (pa.Table.from_batches([batch]) for batch in reader)
            found = Incoming(
                reader.schema, tables, f"a {type(frame).__module__.partition('.')[0]}.{type(frame).__name__}"
            )
        else:
            raise InvalidOption(
                f"a {type(frame).__name__} is not a table: give a pandas or polars frame, or anything of Arrow",
                option="frame",
            )
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise InvalidOption(f"the table cannot be kept as Arrow columns: {error}", option="frame") from error
    names = found.schema.names
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidOption(
            f"the table has several columns named {', '.join(map(repr, twice))}: rename them", columns=tuple(twice)
        )
    return _storable(found)


def _of_table(table: pa.Table, what: str) -> Incoming:
    return Incoming(table.schema, iter([table]), what)


def _of_polars(frame: Any, polars: Any) -> Incoming:
    # Newer levels have types that not every reader of Parquet knows.
    level = polars.CompatLevel.oldest()
    if isinstance(frame, polars.DataFrame):
        return _of_table(frame.to_arrow(compat_level=level), "a polars.DataFrame")
    schema = frame.collect_schema().to_frame().to_arrow(compat_level=level).schema
    batches = frame.collect_batches(chunk_size=_ROWS, maintain_order=True)
    return Incoming(schema, (batch.to_arrow(compat_level=level) for batch in batches), "a polars.LazyFrame")


def _storable(found: Incoming) -> Incoming:
    """The same rows in types that Parquet has."""
    schema = pa.schema([_plain(field) for field in found.schema], metadata=found.schema.metadata)
    return Incoming(schema, (_recast(table, schema) for table in found.tables), found.what)


def _plain(field: pa.Field) -> pa.Field:
    """A view or a run-length encoding is a way to hold values, not a kind of them."""
    kind = field.type
    if pa.types.is_run_end_encoded(kind):
        kind = kind.value_type
    if pa.types.is_string_view(kind):
        kind = pa.large_string()
    elif pa.types.is_binary_view(kind):
        kind = pa.large_binary()
    return field.with_type(kind)


def _recast(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = []
    for column, field in zip(table.columns, schema, strict=True):
        if pa.types.is_run_end_encoded(column.type):
            decoded = [pc.run_end_decode(chunk) for chunk in column.chunks]
            column = pa.chunked_array(decoded, column.type.value_type)
        if pa.types.is_dictionary(field.type) and any(key.startswith(_CATEGORIES) for key in field.metadata or ()):
            column = _in_order(column, field.type)
        columns.append(column if column.type == field.type else column.cast(field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def _in_order(column: pa.ChunkedArray, kind: pa.DictionaryType) -> pa.ChunkedArray:
    """Categories in the order they are met: polars numbers them by all it has seen since it was started."""
    values = column.cast(kind.value_type)
    return values.dictionary_encode().cast(kind)
