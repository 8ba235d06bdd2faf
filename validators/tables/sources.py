"""Tables as they are read: any dataframe, or a file of CSV, TSV, Parquet or Arrow, some rows at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..check import Cost
from ..errors import InvalidChoice, TableUnreadable
from ..streams.packed import unpacked
from .delimitedsource import opened
from .foreign import piece_of, series_of
from .pieces import Blocks, Piece, frame_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import polars as pl

    from ..found import Found
    from ..subjects import Subject

__all__ = ["FORMATS_OF_TABLES", "Source", "open_table"]

FORMATS_OF_TABLES = ("csv", "tsv", "parquet", "arrow", "arrows")
"""The formats of files that are read as tables."""

# Rows read at a time: columns of numbers then stay in a processor's cache from one rule to the next.
_ROWS = 1 << 17


@dataclass(frozen=True, eq=False)
class Source:
    """A table.  ``names``: of its columns, as they stand.  ``units``: those that it gives itself.  ``text``: whether
    its values are text that has to be read; ``loose``: whether its types cannot tell days from times nor, with nulls,
    whole numbers from others, as those of pandas.  ``pieces``: begins reading, each time it is called, of the columns
    that are named, and raises ``TableUnreadable`` where that cannot go on.
    """

    names: tuple[str, ...]
    units: Mapping[str, str]
    text: bool
    pieces: Callable[[Sequence[str]], Iterator[Piece]]
    loose: bool = False


def open_table(subject: Subject, found: Found) -> Source:
    """The table that is looked at.  What is wrong with a file's packing is told to ``found``.

    Raises ``TableUnreadable`` for what is no table, or none that can be read.
    """
    if subject.table is not None:
        return _frame(subject.table)
    if subject.format in ("csv", "tsv"):
        names, pieces = opened(subject, found)
        return Source(names, {}, True, pieces)
    if subject.format in ("parquet", "arrow", "arrows"):
        return _binary(subject, found)
    raise TableUnreadable(
        f"it is of the format {subject.format}; tables are dataframes, and files of {', '.join(FORMATS_OF_TABLES)}"
    )


def _frame(table: Any) -> Source:
    import polars as pl

    if isinstance(table, pl.LazyFrame):
        table = table.collect()
    if isinstance(table, pl.DataFrame):
        frame = table
        return Source(tuple(frame.columns), {}, False, lambda wanted: _of_polars(frame.select(wanted)))
    if isinstance(table, pa.RecordBatch):
        table = pa.Table.from_batches([table])
    if isinstance(table, pa.Table):
        return Source(
            tuple(table.column_names),
            _units(table.schema),
            False,
            lambda wanted: _of_arrow((table.slice(at, _ROWS) for at in range(0, table.num_rows, _ROWS)), wanted),
        )
    if hasattr(table, "iloc"):
        return Source(tuple(map(str, table.columns)), {}, False, lambda wanted: _of_pandas(table, wanted), True)
    raise InvalidChoice(f"{type(table).__name__} is no dataframe of polars, pandas or pyarrow")


def _of_polars(frame: pl.DataFrame) -> Iterator[Piece]:
    for at in range(0, frame.height, _ROWS):
        yield Piece(frame.slice(at, _ROWS), at)


def _of_pandas(table: Any, wanted: Sequence[str]) -> Iterator[Piece]:
    places = {str(name): place for place, name in reversed(list(enumerate(table.columns)))}
    for at in range(0, len(table), _ROWS):
        rows = table.iloc[at : at + _ROWS]
        yield piece_of([(name, rows.iloc[:, places[name]]) for name in wanted], at, height=len(rows))


def _of_arrow(tables: Iterator[Any], wanted: Sequence[str]) -> Iterator[Piece]:
    first = 0
    for table in tables:
        # Of columns that have one name the first is meant.
        columns = [(name, table.column(table.schema.get_all_field_indices(name)[0])) for name in wanted]
        yield Piece(frame_of([series_of(name, values) for name, values in columns], table.num_rows), first)
        first += table.num_rows


def _units(schema: pa.Schema) -> Mapping[str, str]:
    """The units that an Arrow schema gives in its fields' metadata, as ``unit`` or ``units``."""
    found: dict[str, str] = {}
    for column in schema:
        told = column.metadata or {}
        unit = told.get(b"unit", told.get(b"units"))
        if unit:
            found[column.name] = unit.decode("utf-8", "replace")
    return found


def _binary(subject: Subject, found: Found) -> Source:
    schema = next(_tables(subject, found, None))
    assert isinstance(schema, pa.Schema)

    def read(wanted: Sequence[str]) -> Iterator[Piece]:
        tables = _tables(subject, found, list(wanted))
        next(tables)  # the schema, which is known
        return _of_arrow(tables, wanted)

    return Source(tuple(schema.names), _units(schema), False, read)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]


def _tables(subject: Subject, found: Found, wanted: list[str] | None) -> Iterator[Any]:
    """The schema, and then some rows at a time, no more of them than are looked at where a sample is asked for."""
    left = math.inf if subject.cost is Cost.FULL else subject.limits.sample
    reader = _arrow if subject.format != "parquet" else _parquet
    try:
        parts = reader(subject, found, wanted)
        yield next(parts)
        for table in parts:
            yield table
            left -= table.nbytes
            if left < 0:
                found.partly()
                return
    except (pa.ArrowException, OSError, ValueError, EOFError) as error:
        raise TableUnreadable(f"it cannot be read as {subject.format}: {_first_line(error)}") from error


def _parquet(subject: Subject, found: Found, wanted: list[str] | None) -> Iterator[Any]:
    import pyarrow.parquet as pq

    if subject.packing is not None:
        raise TableUnreadable(f"a Parquet file packed in {subject.packing} cannot be read in place; unpack it")
    with subject.open() as file:
        source = pq.ParquetFile(pa.PythonFile(file, mode="r"), pre_buffer=False, page_checksum_verification=True)
        yield source.schema_arrow
        if wanted is None:
            return
        for batch in source.iter_batches(batch_size=_ROWS, columns=wanted, use_threads=False):
            yield pa.Table.from_batches([batch])


def _arrow(subject: Subject, found: Found, wanted: list[str] | None) -> Iterator[Any]:
    with subject.open() as file:
        if subject.packing is not None:
            if subject.format == "arrow":
                raise TableUnreadable(f"an Arrow file packed in {subject.packing} cannot be read in place; unpack it")
            blocks = unpacked(file, subject.packing, found, limits=subject.limits)
            stream = pa.PythonFile(Blocks(blocks), mode="r")
        else:
            stream = pa.PythonFile(file, mode="r")
        if subject.format == "arrow":
            whole = pa.ipc.open_file(stream)
            yield whole.schema
            batches: Iterator[Any] = (whole.get_batch(number) for number in range(whole.num_record_batches))
        else:
            reader = pa.ipc.open_stream(stream)
            yield reader.schema
            batches = iter(reader)
        for batch in batches if wanted is not None else ():
            batch.validate(full=True)  # what a hostile file says of its offsets has to be looked at first
            table = pa.Table.from_batches([batch])
            for at in range(0, table.num_rows, _ROWS):
                yield table.slice(at, _ROWS)
