"""Indexes by coordinates: BAI (SAM 1.6, 5.2), TBI (tabix) and CSI (CSI 1), which are bins of chunks of a BGZF file.

::

    BAI   magic,                                          references, each of bins and intervals, count
    TBI   magic, references, columns, names,              references, each of bins and intervals, count
    CSI   magic, shape of the bins, extra,                references, each of bins, count

What is extra in the CSI of a text that tabix has indexed are the columns and the names as TBI has them; that of BAM and
BCF has nothing.  Which rule is broken by what is wrong depends on who asks, and is handed in.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..findings import Code
    from ..found import Found
    from ..limits import Limits
    from .bamlayout import Stream

__all__ = ["Columns", "Index", "Reader", "Rules", "speaks_of_columns"]

_COLUMNS = struct.Struct("<7i")
_PAIR = struct.Struct("<Ii")
_TRIPLE = struct.Struct("<IQi")
_MOST_INTERVALS = 1 << 17
# The bins of BAI and TBI, which are of five levels below the one that is everything.
_BINS = 37449


@dataclass(frozen=True)
class Rules:
    """Which rule is broken by what is wrong; ``None`` for what is not asked."""

    magic: Code
    truncated: Code
    shape: Code
    count: Code
    bin: Code
    chunk: Code
    order: Code
    linear: Code
    trailing: Code
    columns: Code | None = None
    names: Code | None = None
    summary: Code | None = None


@dataclass(frozen=True)
class Columns:
    """What an index says of a text: the number of the column with the names of sequences, from 1, the character that
    comments begin with, and the names.
    """

    sequence: int
    comment: bytes
    names: tuple[bytes, ...]


@dataclass
class Index:
    """What an index says: how many references there are, what it says of columns if it does, where in the file the
    first record of each reference is, where it points to at all (virtual offsets, each once), and how many records it
    says are mapped, placed but not mapped, and not placed, where it says so.
    """

    references: int = 0
    columns: Columns | None = None
    first: list[int | None] = field(default_factory=list)
    places: npt.NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    mapped: int | None = None
    unmapped: int | None = None
    unplaced: int | None = None


def speaks_of_columns(stream: Stream) -> bool:
    """Whether it is the index of a text, by its beginning, which stays ahead."""
    if not stream.has(16):
        return stream.has(4) and stream.data[stream.at : stream.at + 4] == b"TBI\x01"
    magic, extra = struct.unpack_from("<4s8xi", stream.data, stream.at)
    return magic == b"TBI\x01" or (magic == b"CSI\x01" and extra >= _COLUMNS.size and stream.has(16 + extra))


class _Told(Exception):
    """What cannot be read on was told."""


class Reader:
    """Reads one index, and holds it against its rules."""

    def __init__(self, stream: Stream, rules: Rules, found: Found, limits: Limits) -> None:
        self._stream, self._rules, self._found, self._limits = stream, rules, found, limits
        self._index = Index()
        self._places: list[npt.NDArray[np.uint64]] = []
        self._held = 0
        self._linear = True
        self._bins = _BINS

    def read(self) -> Index | None:
        """All of it; ``None`` where it cannot be read to its end."""
        try:
            return self._read()
        except _Told:
            return None
        except EOFError:
            if self._found.complete:
                what = f"it ends within what it says it has, at reference {len(self._index.first):,}"
                self._found.add(self._rules.truncated, what, offset=self._stream.place)
            return None

    def _read(self) -> Index:
        magic = self._take(4) if self._stream.has(4) else b""
        if magic not in (b"BAI\x01", b"CSI\x01", b"TBI\x01"):
            self._found.add(self._rules.magic, "it does not begin as an index does", offset=0, seen=magic.hex(" "))
            raise _Told
        index, columns = self._index, b""
        if magic[0] == ord("C"):
            columns = self._shape()
        index.references = self._count((1 << 31) - 1, "references")
        if magic[0] == ord("T"):
            columns = self._take(_COLUMNS.size)
            columns += self._take(_COLUMNS.unpack(columns)[-1])
        if columns and self._rules.columns is not None:
            self._columns(columns, self._rules.columns)
        for number in range(index.references):
            self._reference(number)
        if self._stream.has(8):
            index.unplaced = int(struct.unpack("<Q", self._take(8))[0])
        if self._stream.has(1) and self._found.complete:
            self._found.add(self._rules.trailing, "something follows its end", offset=self._stream.place)
        self._gather()
        index.places = self._places[0] if self._places else index.places
        return index

    def _take(self, size: int) -> bytes:
        if size < 0 or size > self._limits.memory or not self._stream.has(size):
            raise EOFError
        return self._stream.take(size)

    def _count(self, most: int, what: str) -> int:
        place = self._stream.place
        count = int(struct.unpack("<i", self._take(4))[0])
        if not 0 <= count <= most:
            said = f"it says an impossible number of {what}"
            self._found.add(self._rules.count, said, offset=place, seen=count, expected=most)
            raise _Told
        return count

    def _shape(self) -> bytes:
        """What a CSI says of its bins; what is extra."""
        self._linear = False
        shift, depth, extra = struct.unpack("<iii", self._take(12))
        if not (0 < shift < 48 and 0 <= depth <= 9) or extra < 0:
            seen = f"{shift}, {depth}, {extra}"
            self._found.add(self._rules.shape, "its bins cannot be", offset=4, seen=seen, expected="as 14, 5, 0")
            raise _Told
        self._bins = ((1 << 3 * (depth + 1)) - 1) // 7
        return self._take(extra)

    def _columns(self, data: bytes, rule: Code) -> None:
        found, names = self._found, self._rules.names or rule
        if len(data) < _COLUMNS.size:
            found.add(rule, "what it says of columns and names is cut off", offset=16, seen=len(data))
            return
        kind, sequence, begin, end, comment, skipped, size = _COLUMNS.unpack_from(data)
        if kind & 0xFFFF > 2 or sequence < 1 or begin < 1 or end < 0 or skipped < 0:
            seen = f"{kind}, {sequence}, {begin}, {end}, {skipped}"
            found.add(rule, "its format or its columns cannot be", offset=8, seen=seen)
        text = data[_COLUMNS.size :]
        if not 0 <= size <= len(text):
            found.add(rule, "what it says of columns and names is cut off", offset=16, seen=size, expected=len(text))
            return
        told = text[:size].split(b"\0")[:-1]
        if size and not text[:size].endswith(b"\0"):
            found.add(names, "the names do not end with a zero", seen=text[:size][-20:])
        if len(told) != self._index.references:
            what = "there are more or fewer names than sequences"
            found.add(names, what, seen=len(told), expected=self._index.references)
        if len(set(told)) < len(told) or b"" in told:
            found.add(names, "a name is empty, or there twice")
        self._index.columns = Columns(sequence, bytes([comment & 0xFF]), tuple(told))

    def _which(self, number: int) -> dict[str, Any]:
        """The place of a reference, for a finding."""
        names = self._index.columns.names if self._index.columns is not None else ()
        return {"record": names[number].decode("utf-8", "replace")} if number < len(names) else {"row": number}

    def _reference(self, number: int) -> None:
        seen: set[int] = set()
        least, most = 1 << 64, 0
        summary: npt.NDArray[np.uint64] | None = None
        # One bin more than there are is for counts, and its number is one behind the next.
        for _ in range(self._count(self._bins + 2, "bins")):
            place = self._stream.place
            if self._linear:
                bin, count = _PAIR.unpack(self._take(_PAIR.size))
            else:
                bin, _, count = _TRIPLE.unpack(self._take(_TRIPLE.size))
            if not 0 <= count <= self._limits.memory // 16:
                self._found.add(self._rules.count, "it says an impossible number of chunks", offset=place, seen=count)
                raise _Told
            chunks = np.frombuffer(self._take(16 * count), "<u8").reshape(-1, 2)
            if bin in seen or bin > self._bins + 1 or bin == self._bins:
                what = "the bin is there twice" if bin in seen else "there is no such bin"
                self._found.add(self._rules.bin, what, offset=place, seen=bin, expected=f"below {self._bins}",
                                **self._which(number))  # fmt: skip
            seen.add(bin)
            if bin == self._bins + 1:
                summary = chunks
                self._counts(chunks, place, number)
                continue
            self._chunks(chunks, place, number)
            if count:
                least, most = min(least, int(chunks[:, 0].min())), max(most, int(chunks[:, 1].max()))
        if self._linear:
            self._intervals(number)
        self._index.first.append(least if least < 1 << 64 else None)
        outside = summary is not None and len(summary) == 2 and not (summary[0, 0] <= least and most <= summary[0, 1])
        if outside and most and self._rules.summary is not None:
            what = "chunks lie outside what the reference has"
            self._found.add(self._rules.summary, what, **self._which(number))

    def _counts(self, chunks: npt.NDArray[np.uint64], place: int, number: int) -> None:
        if len(chunks) == 2:
            self._keep(chunks[:1].ravel())
            self._index.mapped = (self._index.mapped or 0) + int(chunks[1, 0])
            self._index.unmapped = (self._index.unmapped or 0) + int(chunks[1, 1])
        elif self._rules.summary is not None:
            what = "the bin with the counts has not two chunks"
            self._found.add(self._rules.summary, what, offset=place, seen=len(chunks), expected=2,
                            **self._which(number))  # fmt: skip

    def _chunks(self, chunks: npt.NDArray[np.uint64], place: int, number: int) -> None:
        if (chunks[:, 0] > chunks[:, 1]).any():
            self._found.add(self._rules.chunk, "a chunk ends before it begins", offset=place, **self._which(number))
        elif (chunks[1:, 0] < chunks[:-1, 1]).any():
            what = "chunks are not in order, or overlap"
            self._found.add(self._rules.order, what, offset=place, **self._which(number))
        self._keep(chunks.ravel())

    def _intervals(self, number: int) -> None:
        place = self._stream.place
        intervals = np.frombuffer(self._take(8 * self._count(_MOST_INTERVALS, "intervals")), "<u8")
        # Until the first record there is nowhere to point to.
        there = intervals[intervals > 0]
        if (there[1:] < there[:-1]).any():
            what = "an interval begins before the one before it"
            self._found.add(self._rules.linear, what, offset=place, **self._which(number))
        self._keep(there)

    def _keep(self, places: npt.NDArray[np.uint64]) -> None:
        self._places.append(places)
        self._held += len(places)
        if self._held * 8 > self._limits.memory // 4:
            self._gather()

    def _gather(self) -> None:
        if self._places:
            self._places = [np.unique(np.concatenate(self._places)).astype(np.uint64)]
            self._held = len(self._places[0])
