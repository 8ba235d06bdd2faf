"""Indexes by coordinates: TBI (tabix) and CSI, held against their specifications, and read for what belongs to them."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..check import Check, Cost
from ..findings import Code, Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from ..found import Found
    from ..subjects import Subject

__all__ = ["CHECKS", "INDEX_CODES", "Index", "Indexed", "read_index"]

_ERROR = Severity.ERROR
CUT = Code("tabix.cut", _ERROR, "An index ends after what it says it has.", "CSI 1; tabix")
HEADER = Code("tabix.header", _ERROR, "An index says of which format and columns it is.", "tabix")
BGZF = Code("tabix.bgzf", _ERROR, "An index is packed by bgzip.", "CSI 1; tabix")
NAMES = Code("tabix.names", _ERROR, "There is a name for each sequence, and no two are the same.", "tabix")
BIN = Code("tabix.bin", _ERROR, "A bin is one that there can be, and there once.", "SAM 1.6, 5.1.1; CSI 1")
CHUNK = Code("tabix.chunk", _ERROR, "Chunks begin before they end, and follow one another.", "SAM 1.6, 5.1.1; CSI 1")
LINEAR = Code("tabix.linear", _ERROR, "Offsets of the linear index never decrease.", "SAM 1.6, 5.1.3")
TRAILING = Code("tabix.trailing", _ERROR, "Nothing follows the number of what has no coordinates.", "CSI 1; tabix")

INDEX_CODES = (CUT, BGZF, HEADER, NAMES, BIN, CHUNK, LINEAR, TRAILING)
# A depth at which the number of bins still fits into the 32 bits that a bin has.
_DEEPEST = 9


@dataclass
class Indexed:
    """What an index says: the names of sequences (none in a CSI of a BAM or BCF file), where each one's first record
    is, and all virtual offsets in the order in which they were read.
    """

    names: list[bytes] = field(default_factory=list)
    first: list[int | None] = field(default_factory=list)
    offsets: npt.NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    sequences: int = 0


class _End(Exception):
    """There is no more where there should be."""


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def take(self, size: int) -> bytes:
        if size < 0 or self.place + size > len(self.data):
            raise _End
        self.place += size
        return self.data[self.place - size : self.place]

    def integers(self, count: int) -> tuple[int, ...]:
        return struct.unpack(f"<{count}i", self.take(4 * count))

    def offsets(self, count: int) -> npt.NDArray[np.uint64]:
        return np.frombuffer(self.take(8 * count if count >= 0 else -1), "<u8")


def read_index(data: bytes, add: Callable[..., None]) -> Indexed:
    """What an unpacked index says; what is wrong is told to ``add``, which is ``Found.add``."""
    reader, found = _Reader(data), Indexed()
    try:
        if reader.take(4) == b"CSI\x01":
            _csi(reader, found, add)
        else:
            _tbi(reader, found, add)
    except _End:
        add(CUT, f"the index ends before what it says it has, at sequence {len(found.first)}", offset=reader.place)
        return found
    left = len(data) - reader.place
    if left not in (0, 8):
        add(TRAILING, f"{left:,} bytes follow", offset=reader.place)
    return found


def _tbi(reader: _Reader, found: Indexed, add: Callable[..., None]) -> None:
    (found.sequences,) = reader.integers(1)
    _columns(reader, found, add)
    _sequences(reader, found, 37449, csi=False, add=add)


def _csi(reader: _Reader, found: Indexed, add: Callable[..., None]) -> None:
    shift, depth, size = reader.integers(3)
    if not (0 < shift < 32 and 0 < depth <= _DEEPEST):
        add(HEADER, "there are no bins of this size or depth", offset=4, seen=f"{shift}, {depth}")
        raise _End
    extra = _Reader(reader.take(size))
    (found.sequences,) = reader.integers(1)
    if size:
        try:
            _columns(extra, found, add)
        except _End:
            add(HEADER, "what it says of columns and names is cut off", offset=16, seen=size)
    _sequences(reader, found, ((1 << 3 * (depth + 1)) - 1) // 7, csi=True, add=add)


def _columns(reader: _Reader, found: Indexed, add: Callable[..., None]) -> None:
    kind, sequence, begin, end, _meta, skipped, size = reader.integers(7)
    if kind & 0xFFFF > 2 or sequence < 1 or begin < 1 or end < 0 or skipped < 0:
        add(
            HEADER,
            "its format or its columns cannot be",
            offset=8,
            seen=f"{kind}, {sequence}, {begin}, {end}, {skipped}",
        )
    names = reader.take(size)
    found.names = names.split(b"\0")[:-1]
    if size and not names.endswith(b"\0"):
        add(NAMES, "the names do not end with a zero", seen=names[-20:])
    if len(found.names) != found.sequences:
        add(NAMES, "there are more or fewer names than sequences", seen=len(found.names), expected=found.sequences)
    if len(set(found.names)) < len(found.names) or b"" in found.names:
        add(NAMES, "a name is empty, or there twice")


def _sequences(reader: _Reader, found: Indexed, bins: int, *, csi: bool, add: Callable[..., None]) -> None:
    every: list[npt.NDArray[np.uint64]] = []
    if found.sequences < 0:
        raise _End
    for number in range(found.sequences):
        name = found.names[number].decode("utf-8", "replace") if number < len(found.names) else str(number)
        first: int | None = None
        once: set[int] = set()
        (count,) = reader.integers(1)
        if count < 0:
            raise _End
        for _ in range(count):
            at = reader.place
            (place,) = struct.unpack("<I", reader.take(4))
            if csi:
                reader.take(8)
            (chunks,) = reader.integers(1)
            pairs = reader.offsets(2 * chunks if chunks >= 0 else -1).reshape(-1, 2)
            if place in once or (place >= bins and place != bins + 1):
                add(BIN, "there is no such bin, or it was there before", offset=at, record=name, seen=place)
            once.add(place)
            if place == bins + 1:
                continue  # not a bin, but how many records there are
            _chunks(pairs, at, name, add)
            every.append(pairs.ravel())
            if len(pairs):
                lowest = int(pairs[:, 0].min())
                first = lowest if first is None else min(first, lowest)
        if not csi:
            every.append(_linear(reader, name, add))
        found.first.append(first)
    found.offsets = np.concatenate(every) if every else found.offsets


def _chunks(pairs: npt.NDArray[np.uint64], at: int, name: str, add: Callable[..., None]) -> None:
    if (pairs[:, 0] > pairs[:, 1]).any() or (pairs[1:, 0] < pairs[:-1, 1]).any():
        add(CHUNK, "a chunk ends before it begins, or begins within the one before", offset=at, record=name)


def _linear(reader: _Reader, name: str, add: Callable[..., None]) -> npt.NDArray[np.uint64]:
    at = reader.place
    (count,) = reader.integers(1)
    offsets = reader.offsets(count)
    used = offsets[offsets > 0]
    if (used[1:] < used[:-1]).any():
        add(LINEAR, "offsets of the linear index decrease", offset=at, record=name)
    return used


class Index(Check):
    """Is it an index by coordinates?"""

    name, version, formats = "tabix", "1", frozenset({"tbi"})
    cost = Cost.HEADER
    codes = INDEX_CODES

    def look(self, subject: Subject, found: Found) -> None:
        """Look at all of it: an index is small."""
        if subject.packing != "bgzip":
            found.add(BGZF, "it is not", seen=subject.packing, expected="bgzip")
        data = unpacked_index(subject, found)
        if data is not None and found.complete:
            read_index(data, found.add)


def unpacked_index(subject: Subject, found: Found) -> bytes | None:
    """All bytes of an index, ``None`` for one that is larger than is looked at."""
    parts: list[bytes] = []
    size = 0
    for block in subject.blocks(found):
        parts.append(block)
        size += len(block)
        if size > subject.limits.memory:
            found.partly()
            return None
    return b"".join(parts)


CHECKS = (Index,)
