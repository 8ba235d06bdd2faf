"""Some rows of a table at a time, and bytes that come in blocks as a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    import numpy.typing as npt
    import polars as pl

__all__ = ["Blocks", "Piece", "frame_of"]


@dataclass(frozen=True, eq=False)
class Piece:
    """Some rows.

    ``first``: the row of the table that the first one is.  ``rows``: which row each is, where some between them could
    not be read; those are ``skipped``.  ``mixed``: columns whose values are of several types, with what these are; the
    values are given as text.
    """

    frame: pl.DataFrame
    first: int
    rows: npt.NDArray[np.int64] | None = None
    skipped: int = 0
    mixed: Mapping[str, str] = field(default_factory=dict[str, str])

    def row(self, index: int) -> int:
        """The row of the table that a row of the piece is, from 0."""
        return self.first + index if self.rows is None else int(self.rows[index])

    @property
    def after(self) -> int:
        """The row of the table that follows the piece."""
        return self.first + self.frame.height + self.skipped


def frame_of(series: list[pl.Series], height: int) -> pl.DataFrame:
    """Columns as a frame, which has its rows even when it has no columns."""
    import polars as pl

    if not series:
        return pl.DataFrame({"": [None] * height}).select()
    # Of a list of columns one without a name would be given one.
    return pl.DataFrame({each.name: each for each in series})


class Blocks:
    """Blocks of bytes as a file that is read from beginning to end."""

    closed = False

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._rest = blocks, b""

    def read(self, size: int) -> bytes:
        """So many bytes, fewer at the end."""
        parts, have = [self._rest], len(self._rest)
        while have < size and (block := next(self._blocks, None)) is not None:
            parts.append(block)
            have += len(block)
        data = b"".join(parts)
        self._rest = data[size:]
        return data[:size]

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is not."""
        return False

    def close(self) -> None:
        """Nothing is held."""
