"""Packs: the storage objects that hold chunks, written and read."""

from __future__ import annotations

from .base import Pack, PackObject, PackWriter, put
from .codecs import FILTERS, TypedCodec, decode
from .parquet import ParquetPackWriter
from .reading import PackCheck, PackReader
from .zarr import ZarrPackWriter

__all__ = [
    "FILTERS",
    "Pack",
    "PackCheck",
    "PackObject",
    "PackReader",
    "PackWriter",
    "ParquetPackWriter",
    "TypedCodec",
    "ZarrPackWriter",
    "decode",
    "put",
]
