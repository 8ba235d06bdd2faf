"""NumPy's files: ``.npy``, and the members of an ``.npz`` that are stored without compression.

The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions 1 to 3; an ``.npz`` is a
ZIP archive of them.
"""

from __future__ import annotations

import ast
import io
import math
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from .base import HEAD, Layout
from .typed import region_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .base import Region, Source

__all__ = ["npy", "npz"]

_MAGIC = b"\x93NUMPY"
# Longer headers exist, for tables of thousands of columns; they are parsed as Python, which must stay harmless.
_LONGEST_HEADER = 10_000
_MEMBERS = 4096


def npy(source: Source) -> Layout | None:
    """An array saved with ``numpy.save``; not one of Python objects."""
    return _array(source.head, 0, source.size, source.target)


def npz(source: Source) -> Layout | None:
    """Arrays saved with ``numpy.savez``; compressed members are bytes like any other."""
    head = source.head
    if not head.startswith(b"PK\3\4") or not head[30 : 30 + int.from_bytes(head[26:28], "little")].endswith(b".npy"):
        return None
    try:
        with zipfile.ZipFile(_Reader(source.read, source.size)) as archive:
            members = archive.infolist()[:_MEMBERS]
    except (zipfile.BadZipFile, NotImplementedError):
        return None
    regions: list[Region] = []
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1 or member.file_size < source.target:
            continue
        local = source.read(member.header_offset, 30)
        if len(local) < 30 or not local.startswith(b"PK\3\4"):
            return None
        begin = member.header_offset + 30 + sum(int.from_bytes(local[at : at + 2], "little") for at in (26, 28))
        end = begin + member.file_size
        if end > source.size:
            return None
        layout = _array(source.read(begin, HEAD), begin, end, source.target)
        regions += layout.regions if layout else ()
    return Layout("npz", tuple(regions))


def _array(head: bytes, begin: int, end: int, target: int) -> Layout | None:
    """The array in a ``.npy`` that lies from ``begin`` to ``end`` and starts with ``head``."""
    if not head.startswith(_MAGIC) or len(head) < 12 or head[6] not in (1, 2, 3):
        return None
    width = 2 if head[6] == 1 else 4
    length = int.from_bytes(head[8 : 8 + width], "little")
    text = head[8 + width : 8 + width + length]
    if len(text) < length or length > _LONGEST_HEADER:
        return None
    try:
        header = ast.literal_eval(text.decode("utf-8" if head[6] == 3 else "latin-1").strip())
        descr, fortran, shape = header["descr"], header["fortran_order"], header["shape"]
        dtype: np.dtype[Any] = np.lib.format.descr_to_dtype(descr)
    except (ValueError, SyntaxError, TypeError, KeyError, IndexError, AttributeError, MemoryError, RecursionError):
        return None
    numbers = isinstance(shape, tuple) and all(type(extent) is int and extent >= 0 for extent in shape)
    if dtype.hasobject or not numbers or type(fortran) is not bool or dtype.itemsize == 0:
        return None
    offset = begin + 8 + width + length
    if offset + math.prod(shape) * dtype.itemsize > end:
        return None
    element = dtype.str if dtype.names is None and dtype.subdtype is None else f"|V{dtype.itemsize}"
    region = region_of(offset, shape, element, target=target, fortran_order=fortran)
    return Layout(
        "npy",
        (region,) if region else (),
        dtype=element if dtype.names is None else None,
        shape=shape,
        data_offset=offset,
        fortran_order=fortran,
    )


class _Reader(io.RawIOBase):
    """A file to ``zipfile``, made of reads."""

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self._read, self._size, self._at = read, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, origin + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        size = max(0, self._size - self._at) if size < 0 else size
        data = self._read(self._at, size) if size else b""
        self._at += len(data)
        return data
