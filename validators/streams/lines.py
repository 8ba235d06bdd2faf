"""Text a block of whole lines at a time, with where each begins, so that a rule is held against all of them at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .codes import LINE_TOO_LONG

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    from ..found import Found
    from ..limits import Limits

__all__ = ["Lines", "lines_of"]

_NEWLINE = 10


@dataclass(frozen=True, eq=False)
class Lines:
    r"""Whole lines, one after the other.

    ``data``: their bytes, newlines included.  ``starts`` and ``ends``: where each begins and ends in ``data``, without
    its newline (a ``\r`` before it belongs to the line).  ``first``: the number of the first line, from 1.  ``offset``:
    where ``data`` begins in the file.  ``terminated``: whether the last line has a newline; only the last block's may
    lack one.
    """

    data: bytes
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    first: int
    offset: int
    terminated: bool

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> bytes:
        return self.data[self.starts[index] : self.ends[index]]

    @property
    def array(self) -> npt.NDArray[np.uint8]:
        """``data`` as numbers, not copied."""
        return np.frombuffer(self.data, np.uint8)

    def number(self, index: int) -> int:
        """The number of a line in the file, from 1."""
        return self.first + index

    def place(self, index: int) -> int:
        """Where a line begins in the file, in bytes."""
        return self.offset + int(self.starts[index])


def lines_of(blocks: Iterable[bytes], found: Found, *, limits: Limits) -> Iterator[Lines]:
    """The lines in some blocks of bytes.  A line longer than the limit is told of, and left out with all after it."""
    number, offset = 1, 0
    parts: list[bytes] = []
    size = 0
    for block in blocks:
        cut = block.rfind(b"\n") + 1
        if not cut:
            parts.append(block)
            size += len(block)
            if size > limits.line:
                _too_long(found, number, offset, limits)
                return
            continue
        data = b"".join([*parts, block[:cut]]) if parts else block[:cut]
        lines = _cut(data, number, offset, terminated=True)
        if len(lines) and int((lines.ends - lines.starts).max()) > limits.line:
            _too_long(found, number, offset, limits)
            return
        yield lines
        number, offset, rest = number + len(lines), offset + len(data), block[cut:]
        parts, size = ([rest], len(rest)) if rest else ([], 0)
    if size > limits.line:
        _too_long(found, number, offset, limits)
    elif parts:
        yield _cut(b"".join(parts), number, offset, terminated=False)


def _too_long(found: Found, number: int, offset: int, limits: Limits) -> None:
    found.add(
        LINE_TOO_LONG,
        f"a line at or after this one is longer than {limits.line:,} bytes, and nothing from there on is looked at",
        line=number,
        offset=offset,
    )
    found.partly()


def _cut(data: bytes, first: int, offset: int, *, terminated: bool) -> Lines:
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == _NEWLINE)
    if not terminated:
        ends = np.append(ends, len(data))
    starts = np.empty_like(ends)
    starts[:1] = 0
    starts[1:] = ends[:-1] + 1
    return Lines(data, starts, ends, first, offset, terminated)
