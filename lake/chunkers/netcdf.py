"""NetCDF classic (NetCDF-3): the variables of climate and ocean models.

The header lists dimensions, attributes and variables with where each begins; numbers are big-endian.  A variable
without the record dimension is one run of numbers; so is the only variable with it.  Several of those are interleaved
record by record, and stay bytes.  NetCDF-4 files are HDF5.
https://docs.unidata.ucar.edu/netcdf-c/current/file_format_specifications.html (CDF-1, CDF-2 and CDF-5).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from .base import Layout
from .typed import region_of

if TYPE_CHECKING:
    from .base import Source

__all__ = ["netcdf"]

# nc_type: byte, char, short, int, float, double, and CDF-5's ubyte, ushort, uint, int64, uint64.
_TYPES = ("", "|i1", "|S1", ">i2", ">i4", ">f4", ">f8", "|u1", ">u2", ">u4", ">i8", ">u8")
_DIMENSION, _VARIABLE, _ATTRIBUTE = 10, 11, 12
# A model with thousands of attributes fits; a header that is longer is garbage.
_LONGEST_HEADER = 4 << 20


class _Variable(NamedTuple):
    begin: int
    dtype: str
    shape: tuple[int, ...]
    record: bool


def netcdf(source: Source) -> Layout | None:
    """Variables of NetCDF classic files."""
    head = source.head
    if head[:3] != b"CDF" or head[3:4] not in (b"\1", b"\2", b"\5"):
        return None
    try:
        variables = _Header(head, head[3]).variables()
    except EOFError:
        head = source.read(0, min(source.size, _LONGEST_HEADER))
        try:
            variables = _Header(head, head[3]).variables()
        except EOFError:
            return None
    records = [variable for variable in variables if variable.record]
    whole = [variable for variable in variables if not variable.record] + (records if len(records) == 1 else [])
    regions = []
    for variable in sorted(whole):
        if variable.begin + math.prod(variable.shape) * int(variable.dtype[2:]) > source.size:
            return None
        if region := region_of(variable.begin, variable.shape, variable.dtype, target=source.target):
            regions.append(region)
    if len(variables) != 1 or not whole:
        return Layout("netcdf", tuple(regions))
    only = whole[0]
    return Layout("netcdf", tuple(regions), dtype=only.dtype, shape=only.shape, data_offset=only.begin)


class _Header:
    """Reads a header from its bytes; ``EOFError`` where they end, ``ValueError`` where they make no sense."""

    def __init__(self, data: bytes, version: int) -> None:
        self._data, self._at = data, 4
        # Counts are 8 bytes in CDF-5; offsets are in CDF-2 as well.
        self._count, self._offset = (8 if version == 5 else 4), (4 if version == 1 else 8)

    def variables(self) -> list[_Variable]:
        """All variables, in the order of the header."""
        records = self._number(self._count)
        if records == (1 << 8 * self._count) - 1:
            raise ValueError("the file is still being written")
        extents = [self._dimension() for _ in self._items(_DIMENSION)]
        self._attributes()
        return [self._variable(extents, records) for _ in self._items(_VARIABLE)]

    def _dimension(self) -> int:
        self._name()
        return self._number(self._count)

    def _variable(self, extents: list[int], records: int) -> _Variable:
        self._name()
        axes = [self._number(self._count) for _ in range(self._number(self._count))]
        self._attributes()
        dtype = self._type()
        self._number(self._count)  # its size, which is wrong for large variables
        begin = self._number(self._offset)
        if any(axis >= len(extents) for axis in axes):
            raise ValueError("a variable has a dimension that is not there")
        shape = tuple(extents[axis] for axis in axes)
        record = bool(shape) and shape[0] == 0  # the record dimension is written with length 0
        return _Variable(begin, dtype, (records, *shape[1:]) if record else shape, record)

    def _attributes(self) -> None:
        for _ in self._items(_ATTRIBUTE):
            self._name()
            itemsize = int(self._type()[2:])
            self._skip(self._number(self._count) * itemsize)

    def _items(self, tag: int) -> range:
        found, count = self._number(4), self._number(self._count)
        if found not in (tag, 0) or (found == 0 and count):
            raise ValueError("a list has the wrong tag")
        if count > len(self._data):
            raise EOFError
        return range(count)

    def _type(self) -> str:
        kind = self._number(4)
        if not 1 <= kind < len(_TYPES):
            raise ValueError("no such type")
        return _TYPES[kind]

    def _name(self) -> None:
        self._skip(self._number(self._count))

    def _skip(self, length: int) -> None:
        self._at += -(-length // 4) * 4

    def _number(self, width: int) -> int:
        data = self._data[self._at : self._at + width]
        if len(data) < width:
            raise EOFError
        self._at += width
        return int.from_bytes(data, "big")
