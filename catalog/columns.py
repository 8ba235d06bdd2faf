"""Python values as Arrow columns, without Arrow's own conversion.

``pyarrow.array``, ``pyarrow.scalar`` and ``to_numpy`` import pandas wherever it is installed, to recognise its kinds
of missing values; that takes longer than backing up an unchanged folder, and half as much memory as a whole backup
needs otherwise.  What is written and looked up here are plain values of a few types, so they are laid out as Arrow's
columnar format says (https://arrow.apache.org/docs/format/Columnar.html) with NumPy.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import chain
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

__all__ = ["column", "dicts", "numbers", "plain", "repeated", "row_table", "scalar", "whole"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def column(values: Sequence[Any], type: pa.DataType) -> pa.Array:
    """The values, ``None`` where one is missing, as an Arrow array of ``type``.

    Types: integers, floats, booleans, timestamps in microseconds, (large) strings and binaries, fixed-size binaries,
    and lists and structs of these.  Raises ``ValueError``, ``TypeError`` or ``OverflowError`` for values that are not
    of the type.
    """
    missing = np.fromiter((value is None for value in values), np.bool_, len(values))
    absent = int(missing.sum())
    if absent == len(values):
        return pa.nulls(len(values), type)
    valid = pa.py_buffer(np.packbits(~missing, bitorder="little")) if absent else None
    buffers, children = _layout(values, type)
    return pa.Array.from_buffers(type, len(values), [valid, *buffers], null_count=absent, children=children)


def _layout(values: Sequence[Any], type: pa.DataType) -> tuple[list[pa.Buffer], list[pa.Array] | None]:
    """The buffers behind the validity bitmap, and the child arrays."""
    kinds = pa.types
    if kinds.is_boolean(type):
        bits = np.fromiter((_flag(value) for value in values), np.bool_, len(values))
        return [pa.py_buffer(np.packbits(bits, bitorder="little"))], None
    if kinds.is_timestamp(type):
        return [pa.py_buffer(np.fromiter(map(_microseconds, values), np.int64, len(values)))], None
    if kinds.is_integer(type) or kinds.is_floating(type):
        filled = (0 if value is None else value for value in values)
        # NumPy would cut off a float without a word.
        exact = map(index, filled) if kinds.is_integer(type) else filled
        return [pa.py_buffer(np.fromiter(exact, _numpy_type(type), len(values)))], None
    if kinds.is_fixed_size_binary(type):
        width = type.byte_width
        if wrong := next((value for value in values if value is not None and len(value) != width), None):
            raise ValueError(f"{wrong!r} is not {width} bytes long")
        return [pa.py_buffer(b"".join([b"\0" * width if value is None else value for value in values]))], None
    if kinds.is_struct(type):
        fields = [type.field(i) for i in range(type.num_fields)]
        return [], [
            column([None if value is None else value[field.name] for value in values], field.type) for field in fields
        ]
    if kinds.is_list(type):
        inside = list(chain.from_iterable(value for value in values if value))
        return [_offsets([0 if value is None else len(value) for value in values], np.int32)], [
            column(inside, type.value_type)
        ]
    wide = kinds.is_large_string(type) or kinds.is_large_binary(type)
    if kinds.is_string(type) or kinds.is_large_string(type):
        values = [None if value is None else str.encode(value) for value in values]
    elif not kinds.is_binary(type) and not wide:
        raise TypeError(f"columns of {type} are not made here")
    lengths = [0 if value is None else len(value) for value in values]
    return [
        _offsets(lengths, np.int64 if wide else np.int32),
        pa.py_buffer(b"".join([value for value in values if value])),
    ], None


def _flag(value: object) -> bool:
    if value is None or isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise TypeError(f"{value!r} is neither true nor false")


def _offsets(lengths: Sequence[int], kind: type[np.integer[Any]]) -> pa.Buffer:
    ends = np.cumsum(np.fromiter(chain((0,), lengths), np.int64, len(lengths) + 1))
    if ends[-1] > np.iinfo(kind).max:
        raise OverflowError(f"{ends[-1]} bytes or items are more than one column of this type can hold")
    return pa.py_buffer(ends.astype(kind))


def _microseconds(value: datetime | None) -> int:
    return 0 if value is None else (value - _EPOCH) // _MICROSECOND


def numbers(values: npt.NDArray[Any]) -> pa.Array:
    """A NumPy array of integers, floats or booleans as an Arrow array; integers and floats share its memory."""
    if values.dtype == np.bool_:
        return pa.Array.from_buffers(
            pa.bool_(), len(values), [None, pa.py_buffer(np.packbits(values, bitorder="little"))]
        )
    whole = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(whole.dtype), len(whole), [None, pa.py_buffer(whole)])


def whole(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column as one array."""
    if isinstance(values, pa.Array):
        return values
    if not values.num_chunks:
        return pa.nulls(0, values.type)
    return values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()


def dicts(table: pa.Table) -> list[dict[str, Any]]:
    """A table's rows as mappings from column names to plain Python values; times are datetimes in UTC."""
    names = table.column_names
    return [dict(zip(names, row, strict=True)) for row in zip(*map(_python, table.columns), strict=True)]


def _python(values: pa.ChunkedArray) -> list[Any]:
    if not pa.types.is_timestamp(values.type):
        found: list[Any] = values.to_pylist()
        return found
    valid = plain(values.is_valid()).tolist()
    times = plain(values.cast(pa.int64()).fill_null(scalar(0))).tolist()
    return [_EPOCH + at * _MICROSECOND if there else None for at, there in zip(times, valid, strict=True)]


def plain(values: pa.Array | pa.ChunkedArray) -> npt.NDArray[Any]:
    """A column of integers, floats, times or booleans as a NumPy array, sharing memory where it can; times as integers.

    Raises ``ValueError`` when a value is missing: fill it first.
    """
    values = whole(values)
    if values.null_count:
        raise ValueError(f"{values.null_count} values are missing")
    if not len(values):
        return np.empty(0, np.bool_ if pa.types.is_boolean(values.type) else _numpy_type(values.type))
    data = values.buffers()[1]
    if pa.types.is_boolean(values.type):
        bits = np.unpackbits(np.frombuffer(data, np.uint8), count=values.offset + len(values), bitorder="little")
        return bits[values.offset :].view(np.bool_)
    kind = _numpy_type(values.type)
    return np.frombuffer(data, kind, len(values), values.offset * kind.itemsize)


def _numpy_type(type: pa.DataType) -> np.dtype[Any]:
    if pa.types.is_temporal(type):
        return np.dtype(f"i{type.bit_width // 8}")
    kind = "f" if pa.types.is_floating(type) else "i" if pa.types.is_signed_integer(type) else "u"
    return np.dtype(f"{kind}{type.bit_width // 8}")


def scalar(value: Any, type: pa.DataType | None = None) -> pa.Scalar[Any]:
    """One value as an Arrow scalar; the type of a string, bytes, a boolean or an integer need not be said."""
    if type is None:
        type = {str: pa.string(), bytes: pa.binary(), bool: pa.bool_(), int: pa.int64()}[value.__class__]
    return column([value], type)[0]


def repeated(value: Any, count: int, type: pa.DataType | None = None) -> pa.Array:
    """An array of one value, ``count`` times."""
    return pa.repeat(scalar(value, type), count)


def row_table(rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows given as mappings from column names; what a row does not name is missing."""
    rows = list(rows)
    arrays = [column([row.get(field.name) for row in rows], field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)
