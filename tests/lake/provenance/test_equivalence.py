"""Two files mean the same when they differ only in what their format writes of its own accord."""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from holotype.lake.provenance.equivalence import equivalent

if TYPE_CHECKING:
    from pathlib import Path


def array(values: list[float], kind: str = "f8") -> bytes:
    sink = io.BytesIO()
    np.save(sink, np.array(values, kind))
    return sink.getvalue()


def table(values: list[int], compression: str) -> bytes:
    sink = io.BytesIO()
    pl.DataFrame({"x": values}).write_parquet(sink, compression="zstd" if compression == "zstd" else "uncompressed")
    return sink.getvalue()


CASES = {
    "compressed at another time": (
        "a.gz",
        gzip.compress(b"x" * 100, mtime=1),
        gzip.compress(b"x" * 100, mtime=2),
        True,
    ),
    "other content compressed": ("a.gz", gzip.compress(b"x" * 100), gzip.compress(b"y" * 100), False),
    "compressed, in another layout": (
        "a.json.gz",
        gzip.compress(b'{"a": 1}'),
        gzip.compress(b'{ "a": 1 }'),
        True,
    ),
    "rounded numbers": ("a.npy", array([1.0, 2.0]), array([1.0, 2.0 + 1e-12]), True),
    "other numbers": ("a.npy", array([1.0, 2.0]), array([1.0, 2.1]), False),
    "numbers of another kind": ("a.npy", array([1.0]), array([1], "i8"), False),
    "values in another layout": ("a.json", b'{"a": [1, 2.5]}', b'{\n "a": [1, 2.5]}', True),
    "other values": ("a.json", b'{"a": 1}', b'{"a": 2}', False),
    "cells with other line ends": ("a.csv", b"x,y\n1.0,a\n", b"x,y\r\n1,a\r\n", True),
    "other cells": ("a.csv", b"x,y\n1.0,a\n", b"x,y\n1.0,b\n", False),
    "cells between tabs": ("a.tsv", b"x\ty\n1\t2\n", b"x\ty\n1.0\t2.0\n", True),
    "columns compressed otherwise": ("a.parquet", table([1, 2], "zstd"), table([1, 2], "none"), True),
    "other columns": ("a.parquet", table([1, 2], "zstd"), table([1, 3], "zstd"), False),
    "other line ends": ("a.txt", b"one\ntwo\n", b"one\r\ntwo\r\n", True),
    "other bytes": ("a.bin", b"\xff\xfe\x00", b"\xff\xfe\x01", False),
    "not what its name says": ("a.npy", b"not an array", b"neither", False),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_format_writes_of_its_own_accord_does_not_count(case: str, tmp_path: Path) -> None:
    name, one, other, same = CASES[case]
    path = tmp_path / name
    path.write_bytes(one)
    assert equivalent(str(path), io.BytesIO(other), name=name) is same
