"""Sequences of a FASTA file, measured a block of lines at a time: what an index has to say of each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..streams.lines import Lines

    Numbers = npt.NDArray[np.int64]

__all__ = ["Block", "Entry", "Walker"]

_RETURN, _HEADER, _COMMENT = 13, ord(">"), ord(";")


@dataclass(frozen=True, slots=True)
class Entry:
    """One sequence: its name and the line of its header; its letters, where the first of them is, and how many letters
    and bytes its lines have: what ``faidx`` calls LENGTH, OFFSET, LINEBASES and LINEWIDTH.

    ``title``: the whole header without ``>``.  ``uneven``: the first line that makes it impossible to index.
    """

    name: bytes
    line: int
    at: int
    offset: int
    title: bytes = b""
    length: int = 0
    line_bases: int = 0
    line_width: int = 0
    uneven: int | None = None


@dataclass(frozen=True, eq=False)
class Block:
    """What a block of lines is: where each ends without its line end, and which are headers, or neither."""

    lines: Lines
    ends: Numbers
    headers: npt.NDArray[np.bool_]
    blank: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, lines: Lines) -> Block:
        """Of these lines."""
        ends, array = lines.ends, lines.array
        if b"\r" in lines.data:
            before = np.maximum(ends - 1, 0)
            ends = ends - ((ends > lines.starts) & (array[before] == _RETURN))
        if not len(array):
            nothing = np.zeros(len(lines), bool)
            return cls(lines, ends, nothing, ~nothing)
        heads = array[np.minimum(lines.starts, len(array) - 1)]
        blank = ends == lines.starts
        return cls(lines, ends, ((heads == _HEADER) | (heads == _COMMENT)) & ~blank, blank)

    def sequences(self) -> bytes:
        """All that is no header, line ends included."""
        places = np.flatnonzero(self.headers)
        if not len(places):
            return self.lines.data
        data, parts, at = self.lines.data, list[bytes](), 0
        starts, ends = self.lines.starts[places].tolist(), self.lines.ends[places].tolist()
        for start, end in zip(starts, ends, strict=True):
            parts.append(data[at:start])
            at = end
        parts.append(data[at:])
        return b"".join(parts)


class Walker:
    """Walks through the blocks of a file."""

    def __init__(self) -> None:
        self._open: Entry | None = None
        self._last = 0

    def take(self, block: Block) -> list[Entry]:
        """The sequences that end in a block, since another one begins."""
        lines = block.lines
        lengths = block.ends - lines.starts
        sums = np.concatenate([[0], np.cumsum(lengths)])
        done: list[Entry] = []
        at = 0
        for place in [*np.flatnonzero(block.headers).tolist(), len(lines)]:
            if self._open is not None and place > at:
                self._open = self._with(self._open, block, lengths, int(sums[place] - sums[at]), at, place)
            if place == len(lines):
                break
            if lines.data[lines.starts[place]] == _HEADER:
                if self._open is not None:
                    done.append(self._open)
                title = lines.data[lines.starts[place] + 1 : block.ends[place]]
                name = (title.split(None, 1) or [b""])[0] if title[:1].strip() else b""
                after = lines.offset + int(lines.ends[place]) + 1
                self._open = Entry(name, lines.number(place), lines.place(place), after, title)
            at = place + 1
        return done

    def finish(self) -> Entry | None:
        """The last sequence."""
        return self._open

    def _with(self, entry: Entry, block: Block, lengths: Numbers, more: int, first: int, end: int) -> Entry:
        """A sequence with some more lines."""
        here = lengths[first:end]
        fresh = not entry.line_bases
        if fresh:
            first_width = int(block.lines.ends[first] - block.lines.starts[first]) + 1
            entry = replace(entry, line_bases=int(here[0]), line_width=first_width)
        uneven = entry.uneven
        if uneven is None:
            wrong = here > entry.line_bases
            wrong[1:] |= here[:-1] != entry.line_bases
            # Blank lines after the last line of a sequence are no harm.
            wrong &= here > 0
            if not fresh and self._last != entry.line_bases:
                wrong[0] = here[0] > 0
            if wrong.any():
                uneven = block.lines.number(first + int(wrong.argmax()))
        self._last = int(here[-1])
        return replace(entry, length=entry.length + more, uneven=uneven)
