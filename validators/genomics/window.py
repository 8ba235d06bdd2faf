"""A window on the lines of a file, which moves on, and grows where what begins in it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

    import numpy.typing as npt

    from ..streams.lines import Lines

    Numbers = npt.NDArray[np.int64]

__all__ = ["Window"]

_RETURN = 13


class Window:
    r"""Lines of a file from one on, ``at``, as far as they were read.

    ``starts``, ``ends`` and ``lengths`` are without line ends, of which a ``\r`` is one; ``heads`` has the first byte
    of each line, 0 of a blank one.  Where a method takes a line it is counted from ``at``, and the window has it.
    """

    def __init__(self, blocks: Iterable[Lines]) -> None:
        self._blocks = iter(blocks)
        self.at = 0
        self.offset = 0
        self.terminated = True
        self.returns = 0
        self.first_return = self.first_return_offset = 0
        self._first = 1
        self._split: list[bytes] | None = None
        self._set(b"", np.zeros(0, np.int64), np.zeros(0, np.int64), carriage=False)

    @property
    def left(self) -> int:
        """Lines from here on, as far as they were read."""
        return len(self.starts) - self.at

    @property
    def held(self) -> int:
        """Bytes from here on, as far as they were read."""
        return len(self.data) - (int(self.starts[self.at]) if self.left else len(self.data))

    @property
    def count(self) -> int:
        """The number of the last line that was read."""
        return self._first + len(self.starts) - 1

    def has(self, line: int) -> bool:
        """Whether there is such a line; reads on for it."""
        while line >= self.left:
            if not self.more():
                return False
        return True

    def more(self) -> bool:
        """Read on; whether there was more.  What lies before here is let go."""
        block = next(self._blocks, None)
        if block is None:
            return False
        carriage = b"\r" in block.data
        ends = self._without_returns(block) if carriage else block.ends
        carriage = carriage or self._carriage
        self.terminated = block.terminated
        if not self.left:
            self.offset, self._first, self.at = block.offset, block.first, 0
            self._set(block.data, block.starts, ends, carriage=carriage)
            return True
        cut = int(self.starts[self.at])
        rest = self.data[cut:]
        self.offset += cut
        self._first += self.at
        starts = np.concatenate([self.starts[self.at :] - cut, block.starts + len(rest)])
        ends = np.concatenate([self.ends[self.at :] - cut, ends + len(rest)])
        self.at = 0
        self._set(rest + block.data, starts, ends, carriage=carriage)
        return True

    def _without_returns(self, block: Lines) -> Numbers:
        before = block.ends - 1
        there = (before >= block.starts) & (block.array[np.maximum(before, 0)] == _RETURN)
        if not self.returns and there.any():
            index = int(there.argmax())
            self.first_return, self.first_return_offset = block.number(index), block.place(index)
        self.returns += int(there.sum())
        ends: Numbers = block.ends - there
        return ends

    def _set(self, data: bytes, starts: Numbers, ends: Numbers, *, carriage: bool) -> None:
        self.data, self.starts, self.ends = data, starts, ends
        self.lengths = ends - starts
        self._carriage, self._split = carriage, None
        self._reaches: Numbers | None = None
        if len(starts):
            array = np.frombuffer(data, np.uint8)
            self.heads = array[np.minimum(starts, len(array) - 1)] if len(array) else np.zeros(len(starts), np.uint8)
            if not self.lengths.all():
                self.heads = np.where(self.lengths > 0, self.heads, np.uint8(0))
        else:
            self.heads = np.zeros(0, np.uint8)
        self._marks: bytes | None = None

    def move(self, lines: int) -> None:
        """Move on."""
        self.at += lines

    def head(self, line: int) -> int:
        """The first byte of a line, 0 of a blank one."""
        return int(self.heads[self.at + line])

    def blank(self, line: int) -> bool:
        """Whether a line has nothing in it."""
        return not self.lengths[self.at + line]

    def line(self, line: int) -> bytes:
        """A line."""
        return self.data[self.starts[self.at + line] : self.ends[self.at + line]]

    def joined(self, first: int, end: int) -> bytes:
        """Some lines as one, the last not among them."""
        if end - first == 1:
            return self.line(first)
        return b"".join([self.line(each) for each in range(first, min(end, self.left))])

    def number(self, index: int) -> int:
        """The number in the file of a line that is counted from the window's beginning."""
        return self._first + index

    def place(self, line: int) -> int:
        """Where a line begins in the file."""
        return self.offset + int(self.starts[self.at + line])

    def size(self, first: int, end: int) -> int:
        """The bytes of some lines, without line ends."""
        reaches = self._sums()
        return int(reaches[min(self.at + end, len(self.starts))] - reaches[self.at + first])

    def reaching(self, first: int, size: int) -> int | None:
        """The line before which the lines from ``first`` on have as many bytes as asked, or more; ``None`` where the
        window has fewer.
        """
        reaches = self._sums()
        if self.at + first >= len(reaches):
            return None
        index = int(np.searchsorted(reaches, reaches[self.at + first] + size))
        return index - self.at if index < len(reaches) else None

    def search(self, heads: re.Pattern[bytes], first: int) -> int | None:
        """The next line, as far as they were read, with such a first byte."""
        if self._marks is None:
            self._marks = self.heads.tobytes()
        hit = heads.search(self._marks, self.at + first)
        return None if hit is None else hit.start() - self.at

    def _sums(self) -> Numbers:
        if self._reaches is None:
            self._reaches = np.concatenate([[0], np.cumsum(self.lengths)])
        return self._reaches

    def texts(self, first: int, count: int, *, every: int, skip: int = 0) -> list[bytes]:
        """Each so manieth line, without its first ``skip`` bytes; ``first`` is counted from the window's beginning."""
        if not self._carriage:
            if self._split is None:
                self._split = self.data.split(b"\n")
            found = self._split[first : first + count : every]
            return [each[skip:] for each in found] if skip else found
        chosen = slice(first, first + count, every)
        data = self.data
        places = zip((self.starts[chosen] + skip).tolist(), self.ends[chosen].tolist(), strict=True)
        return [data[start:end] for start, end in places]
