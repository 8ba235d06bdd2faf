"""Which array a file holds, how it divides into runs of bytes, and what Zarr calls its elements.

The headers: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions 1 to 3, and those that
``chunkers`` recognises.
"""

from __future__ import annotations

import ast
import math
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from holotype.catalog import InvalidOption

from ..chunkers import recognise

if TYPE_CHECKING:
    from .content import Content

__all__ = ["Form", "Grid", "block_of", "data_type", "form_of", "grid_of", "lacking", "zarr_dtype"]

# Where a file was not cut at blocks of numbers, Zarr's chunks are about this many bytes, as the archive's are.
_CHUNK = 1 << 20
_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 1 << 20
_PLAIN = frozenset("biufc")


@dataclass(frozen=True)
class Form:
    """An array in a file: ``dtype`` and ``shape`` of its elements, which begin at ``offset``; ``fortran``: first axis
    fastest.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int
    fortran: bool = False


@dataclass(frozen=True)
class Grid:
    """An array divided into runs of its file: ``shape`` and ``chunk`` have the slowest axis first."""

    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    itemsize: int
    fortran: bool

    @property
    def chunk_bytes(self) -> int:
        """The size of a whole chunk."""
        return math.prod(self.chunk) * self.itemsize

    def run(self, key: str) -> tuple[int, int] | None:
        """Where in the array's bytes the chunk of this key lies: offset and length; ``None`` for a key that is none."""
        head, *rest = key.split("/")
        if head != "c" or len(rest) != len(self.shape) or not all(part.isdecimal() for part in rest):
            return None
        index = [int(part) for part in rest]
        first = [
            number * step for number, step in zip(reversed(index) if self.fortran else index, self.chunk, strict=True)
        ]
        if any(start >= extent for start, extent in zip(first, self.shape, strict=True)):
            return None
        start, length = 0, self.itemsize
        for at, extent, step in zip(first, self.shape, self.chunk, strict=True):
            start = start * extent + at
            length *= min(step, extent - at)
        return start * self.itemsize, length


def grid_of(form: Form, block: int) -> Grid:
    """Chunks of at most about ``block`` bytes, each one run: single steps on the slow axes, all of the fast ones."""
    shape = form.shape[::-1] if form.fortran else form.shape
    inner, axis = form.dtype.itemsize, len(shape)
    while axis > 0 and inner * max(shape[axis - 1], 1) <= block:
        axis -= 1
        inner *= max(shape[axis], 1)
    chunk = [1] * axis + [max(extent, 1) for extent in shape[axis:]]
    if axis:
        chunk[axis - 1] = min(max(1, block // inner), shape[axis - 1])
    return Grid(shape, tuple(chunk), form.dtype.itemsize, form.fortran)


def form_of(content: Content, row: dict[str, Any]) -> Form:
    """The array in a file; raises ``InvalidOption`` when there is not just one."""
    if content.read_at(0, len(_MAGIC)) == _MAGIC:
        return _npy(content)
    name = row["path"]
    layout = recognise(posixpath.basename(name).encode(), content.size, content.read_at)
    if layout is not None and layout.dtype is not None and layout.shape is not None and layout.data_offset is not None:
        return Form(np.dtype(layout.dtype), layout.shape, layout.data_offset, layout.fortran_order)
    if row["dtype"] is not None:
        dtype, offset = np.dtype(row["dtype"]), row["data_offset"] or 0
        shape = tuple(row["shape"] or ((content.size - offset) // dtype.itemsize,))
        if offset + math.prod(shape) * dtype.itemsize <= content.size:
            return Form(dtype, shape, offset)
    raise InvalidOption(
        f"{name} is not a file with one array in it, as far as is known; open it and read it as what it is", path=name
    )


def _npy(content: Content) -> Form:
    """What the header of a ``.npy`` says (numpy.lib.format, versions 1 to 3)."""
    head = content.read_at(0, 12)
    width = 2 if head[6] == 1 else 4
    length = int.from_bytes(head[8 : 8 + width], "little")
    offset = 8 + width + length
    try:
        if head[6] not in (1, 2, 3) or length > _LONGEST_HEADER:
            raise ValueError(f"version {head[6]}, a header of {length} bytes")
        text = content.read_at(8 + width, length).decode("utf-8" if head[6] == 3 else "latin-1")
        header = ast.literal_eval(text.strip())
        dtype: np.dtype[Any] = np.lib.format.descr_to_dtype(header["descr"])
        shape, fortran = tuple(header["shape"]), bool(header["fortran_order"])
        whole = dtype.hasobject or offset + math.prod(shape) * dtype.itemsize <= content.size
    except (ValueError, SyntaxError, TypeError, KeyError, IndexError, MemoryError, RecursionError) as error:
        raise InvalidOption(
            f"{content.name} begins as a .npy, but its header is not one: {error}", path=content.name
        ) from error
    if not whole:
        raise InvalidOption(f"{content.name} ends before its array of {shape} × {dtype} does", path=content.name)
    return Form(dtype, shape, offset, fortran)


def block_of(content: Content, offset: int) -> int:
    """The length of the blocks that the array was cut into, or a usual one."""
    first = int(np.searchsorted(content.starts, offset))
    lengths = content.lengths[first : first + 2].tolist()
    cut = (
        first < len(content.starts)
        and content.starts[first] == offset
        and len(lengths) == 2
        and lengths[0] == lengths[1]
    )
    return int(lengths[0]) if cut else _CHUNK


def zarr_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type that Zarr shows: records packed and in this machine's byte order, as its own are."""
    if dtype.names is None:
        return dtype
    return np.dtype([(name, zarr_dtype(dtype[name]).newbyteorder("<")) for name in dtype.names])


def lacking(dtype: np.dtype[Any]) -> list[str]:
    """What of a type Zarr does not have, in words."""
    if dtype.hasobject:
        return ["Python objects"]
    if dtype.subdtype is not None:
        return ["arrays inside of records"]
    if dtype.names is not None:
        return [problem for name in dtype.names for problem in lacking(dtype[name])]
    wide = dtype.kind in "fc" and dtype.itemsize > (8 if dtype.kind == "f" else 16)
    return [f"type {dtype}"] if wide or dtype.kind not in "biufcmMSUV" or not dtype.itemsize else []


def data_type(dtype: np.dtype[Any]) -> Any:
    """A type as ``zarr.json`` names it."""
    if dtype.names is not None:
        return {
            "name": "structured",
            "configuration": {"fields": [[name, data_type(dtype[name])] for name in dtype.names]},
        }
    if dtype.kind in _PLAIN:
        return dtype.name
    if dtype.kind in "mM":
        unit, scale = np.datetime_data(dtype)
        name = "numpy.datetime64" if dtype.kind == "M" else "numpy.timedelta64"
        return {"name": name, "configuration": {"unit": unit, "scale_factor": scale}}
    name = {"S": "null_terminated_bytes", "U": "fixed_length_utf32", "V": "raw_bytes"}[dtype.kind]
    return {"name": name, "configuration": {"length_bytes": dtype.itemsize}}
