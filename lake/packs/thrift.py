"""Thrift's compact protocol, as far as writing Parquet's page headers and footer needs it.

A value is its wire type with its encoded bytes; ``struct`` and ``items`` combine values.  Numbers are zigzag varints:
seven bits a byte, least significant first.
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Value = tuple[int, bytes]

__all__ = ["i32", "i64", "items", "struct", "text"]

_I32, _I64, _BINARY, _LIST, _STRUCT = 5, 6, 8, 9, 12


def i32(number: int) -> Value:
    """A 32-bit number."""
    return _I32, _varint((number << 1) ^ (number >> 31))


def i64(number: int) -> Value:
    """A 64-bit number."""
    return _I64, _varint((number << 1) ^ (number >> 63))


def text(string: str) -> Value:
    """A string."""
    data = string.encode()
    return _BINARY, _varint(len(data)) + data


def items(values: Sequence[Value]) -> Value:
    """A list of values of one type, not empty."""
    kind, count = values[0][0], len(values)
    header = bytes([count << 4 | kind]) if count < 15 else bytes([0xF0 | kind]) + _varint(count)
    return _LIST, header + b"".join(data for _, data in values)


def struct(fields: Mapping[int, Value]) -> Value:
    """A struct of values by field number, ascending, each at most 15 above the one before."""
    parts, last = [], 0
    for number, (kind, data) in fields.items():
        parts += [bytes([(number - last) << 4 | kind]), data]
        last = number
    return _STRUCT, b"".join(parts) + b"\0"


def _varint(number: int) -> bytes:
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data.append(number)
    return bytes(data)
