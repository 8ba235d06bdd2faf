"""Deflate, in each of its wrappings, as ``bz2`` and ``lzma`` unpack theirs: never more at a time than is asked for."""

from __future__ import annotations

import zlib
from typing import Any

__all__ = ["Inflate"]


class Inflate:
    """One stream.  ``bits``: as zlib has them: 31 of gzip, -15 of deflate without a header."""

    def __init__(self, bits: int) -> None:
        self._stream: Any = zlib.decompressobj(bits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        """Whether its end has been seen."""
        return bool(self._stream.eof)

    @property
    def unused_data(self) -> bytes:
        """What was given beyond its end."""
        return bytes(self._stream.unused_data)

    def decompress(self, data: bytes, size: int) -> bytes:
        """What ``data`` add, no more than ``size`` bytes of it.  Raises ``zlib.error`` if it is none."""
        block: bytes = self._stream.decompress(self._stream.unconsumed_tail or data, size)
        self.needs_input = not self._stream.unconsumed_tail and len(block) < size
        return block
