"""Whether two files mean the same though their bytes differ: what a format writes of its own accord does not count::

.gz, .bgz          what was compressed; the time and the name in the header do not count
.npy, .npz         the same numbers up to rounding (relative 1e-9)
.json              the same values, in any layout
.csv, .tsv         the same cells, numbers up to rounding
.parquet           the same columns and rows
text               the same lines, whatever ends them
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["equivalent"]

_CLOSE = 1e-9
# Larger files are compared byte for byte only: what they mean is not worth holding them in memory twice.
_LARGEST = 1 << 30


def equivalent(path: str, recorded: BinaryIO, *, name: str) -> bool:
    """Whether the file at ``path`` means the same as ``recorded``, judged by what ``name`` ends with.

    A file that is not what its name says means the same as no other.
    """
    with open(path, "rb") as file:
        found, expected = file.read(_LARGEST + 1), recorded.read(_LARGEST + 1)
    if max(len(found), len(expected)) > _LARGEST:
        return False
    try:
        return _same(found, expected, name.lower())
    except (ValueError, TypeError, EOFError, OSError, zlib.error, pa.ArrowException, csv.Error):
        return False


def _same(a: bytes, b: bytes, name: str) -> bool:
    for ending in (".gz", ".bgz"):
        if name.endswith(ending):
            one, other = gzip.decompress(a), gzip.decompress(b)
            return one == other or _same(one, other, name.removesuffix(ending))
    for endings, means in _FORMATS.items():
        if name.endswith(endings):
            return _alike(means(a), means(b))
    return a.decode().splitlines() == b.decode().splitlines()


def _numbers(data: bytes) -> Any:
    loaded = np.load(io.BytesIO(data), allow_pickle=False)
    return {key: loaded[key] for key in loaded.files} if hasattr(loaded, "files") else loaded


def _cells(data: bytes) -> Any:
    text = data.decode()
    dialect = "excel-tab" if "\t" in text.partition("\n")[0] else "excel"
    return [[_number(cell) for cell in row] for row in csv.reader(io.StringIO(text), dialect)]


def _number(cell: str) -> Any:
    try:
        return float(cell)
    except ValueError:
        return cell


def _table(data: bytes) -> Any:
    table = pq.read_table(pa.BufferReader(data))
    return {name: table[name].to_pylist() for name in table.column_names}


_FORMATS: dict[tuple[str, ...], Callable[[bytes], Any]] = {
    (".npy", ".npz"): _numbers,
    (".json",): json.loads,
    (".csv", ".tsv", ".tab"): _cells,
    (".parquet",): _table,
}


def _alike(a: Any, b: Any) -> bool:
    """Equal, numbers up to rounding."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        if a.shape != b.shape or a.dtype.kind != b.dtype.kind:
            return False
        near = a.dtype.kind in "fc"
        return bool(np.allclose(a, b, rtol=_CLOSE, atol=0, equal_nan=True) if near else np.array_equal(a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_alike(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_alike(one, other) for one, other in zip(a, b, strict=True))
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=_CLOSE) or (math.isnan(a) and math.isnan(b))
    return bool(a == b)
