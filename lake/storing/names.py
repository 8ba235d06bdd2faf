"""What the one file is called that a dataframe or an array becomes."""

from __future__ import annotations

__all__ = ["ARRAY_NAME", "TABLE_NAME"]

TABLE_NAME = "table.parquet"
ARRAY_NAME = "array.npy"
