"""Holding the lines of a block against a pattern, all at once.

Polars keeps what it has worked out of a pattern from one block to the next, and takes text.  What is no ASCII may be no
text, and goes to RE2, byte for byte.  Both take time that grows with the bytes alone.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..streams.lines import Lines

__all__ = ["Records"]


class Records:
    """The lines of a block, newlines included, as others look for text in them; nothing is copied."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._ascii = lines.data.isascii()

    def _as(self, kind: pa.DataType) -> pa.Array:
        lines = self._lines
        offsets = np.concatenate([lines.starts, [len(lines.data)]]).astype(np.int32)
        return pa.Array.from_buffers(kind, len(lines), [None, pa.py_buffer(offsets), pa.py_buffer(lines.data)])

    @cached_property
    def _texts(self) -> pl.Series:
        return pl.Series(self._as(pa.string()))

    @cached_property
    def _bytes(self) -> pa.Array:
        return self._as(pa.binary())

    def mention(self, text: str) -> bool:
        """Whether some text stands in any of them."""
        if self._ascii:
            return bool(self._texts.str.contains(text, literal=True).any())
        return text.encode() in self._lines.data

    def matching(self, rows: npt.NDArray[np.int64], pattern: str) -> npt.NDArray[np.bool_] | None:
        """Which of some lines match; ``None`` where the pattern is more than can be taken."""
        if self._ascii:
            texts = self._texts if len(rows) == len(self._texts) else self._texts.gather(rows)
            try:
                return texts.str.contains(pattern).to_numpy()
            except pl.exceptions.ComputeError:
                pass  # it may be too large for the one, and not for the other
        every = self._bytes
        try:
            found = pc.match_substring_regex(every if len(rows) == len(every) else every.take(pa.array(rows)), pattern)
        except pa.ArrowInvalid:
            return None
        return np.asarray(found)
