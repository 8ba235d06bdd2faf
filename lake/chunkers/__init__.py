"""Chunkers: where a file is cut, and what is known of its content."""

from __future__ import annotations

from .base import Chunker, Layout, Region
from .fastcdc import FastCDC
from .parquet import PageCuts, is_parquet
from .recognise import layout_of, recognise
from .trial import compressible
from .typed import FixedBlocks

__all__ = [
    "Chunker",
    "FastCDC",
    "FixedBlocks",
    "Layout",
    "PageCuts",
    "Region",
    "compressible",
    "is_parquet",
    "layout_of",
    "recognise",
]
