"""Alignments as columns, many at once: what SAM and BAM are both read into, so that a rule is written once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..lazily import once

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..findings import Code
    from ..found import Found

__all__ = ["OPERATIONS", "Records", "Tags", "cut", "ragged", "tag_number", "tell"]


OPERATIONS = b"MIDNSHPX="
"""The operations of a CIGAR in the order of BAM's numbers, but for = and X."""


_BASES = np.frombuffer(b"=ACMGRSVTWYHKDBN", np.uint8)


def tag_number(tag: str) -> int:
    """A tag's two characters as one number."""
    return ord(tag[0]) << 8 | ord(tag[1])


# A mask costs something for each byte that there is, places much more for each that is wanted.
_FEW = 24


def cut(
    raw: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint8]:
    """Runs of bytes, which are in order and apart, one after the other."""
    if int(sizes.sum()) * _FEW < len(raw):
        return raw[ragged(starts, sizes)]
    lengths = np.empty(2 * len(starts) + 1, np.int64)
    lengths[1::2] = sizes
    lengths[0:-1:2] = starts
    lengths[2:-1:2] -= (starts + sizes)[:-1]
    lengths[-1] = len(raw) - int((starts + sizes)[-1]) if len(starts) else len(raw)
    inside = np.zeros(len(lengths), np.bool_)
    inside[1::2] = True
    return raw[np.repeat(inside, lengths)]


def ragged(starts: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The numbers ``starts[i] … starts[i] + counts[i] - 1`` of every ``i``, one after the other."""
    total = int(counts.sum())
    shift = np.repeat(starts - (np.cumsum(counts) - counts), counts)
    shift += np.arange(total, dtype=np.int64)
    return shift


@dataclass(frozen=True, eq=False)
class Tags:
    """Optional fields of many records.

    They are in the order in which they lie.  ``record``: the number of the record that each is of.  ``tag``: see
    ``tag_number``.  ``kind``: its type's letter as in SAM.  ``start`` and ``end``: where its value lies in ``data``; of
    an array, its element type comes first.  ``binary``: whether numbers are as in BAM, of the type ``stored``.
    """

    data: bytes
    record: npt.NDArray[np.int64]
    tag: npt.NDArray[np.int64]
    kind: npt.NDArray[np.uint8]
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    stored: npt.NDArray[np.uint8]
    binary: bool

    def values(self, chosen: npt.NDArray[np.int64]) -> list[bytes]:
        """The values of some as they lie."""
        data = self.data
        return [
            data[start:end] for start, end in zip(self.start[chosen].tolist(), self.end[chosen].tolist(), strict=True)
        ]

    def joined(self, chosen: npt.NDArray[np.int64]) -> bytes:
        """The values of some strings, a newline behind each."""
        size = self.end[chosen] - self.start[chosen] + 1  # whatever ends a value stands behind it
        text = cut(np.frombuffer(self.data, np.uint8), self.start[chosen], size)
        text[np.cumsum(size) - 1] = 10
        return text.tobytes()

    @once
    def _both(self) -> npt.NDArray[np.int32]:
        return (self.tag << 8 | self.kind).astype(np.int32)

    @once
    def present(self) -> npt.NDArray[np.int64]:
        """The tags that there are."""
        return np.flatnonzero(np.bincount(self.tag, minlength=1 << 16))

    def where(self, tag: str, kind: str) -> npt.NDArray[np.int64]:
        """The fields with this tag and this type."""
        number = tag_number(tag) << 8 | ord(kind)
        if number not in self._found:
            self._found[number] = np.flatnonzero(self._both == number)
        return self._found[number]

    def texts(self, tag: str) -> bytes:
        """The values of all strings with this tag, a newline behind each."""
        if tag not in self._joined:
            self._joined[tag] = self.joined(self.where(tag, "Z"))
        return self._joined[tag]

    @once
    def _found(self) -> dict[int, npt.NDArray[np.int64]]:
        return {}

    @once
    def _joined(self) -> dict[str, bytes]:
        return {}

    def numbers(self, chosen: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The values of some integers; of text that is too long for one, 0."""
        if not len(chosen):
            return np.empty(0, np.int64)
        if not self.binary:
            return np.array([int(each) if len(each) < 18 else 0 for each in self.values(chosen)], np.int64)
        found = np.zeros(len(chosen), np.int64)
        raw = np.frombuffer(self.data, np.uint8)
        for letter, (size, kind) in _STORED.items():
            those = np.flatnonzero(self.stored[chosen] == ord(letter))
            if len(those):
                places = self.start[chosen[those]][:, None] + np.arange(size)
                found[those] = raw[places].view(kind).ravel()
        return found


_STORED = {"c": (1, "<i1"), "C": (1, "<u1"), "s": (2, "<i2"), "S": (2, "<u2"), "i": (4, "<i4"), "I": (4, "<u4")}


@dataclass(frozen=True, eq=False)
class Records:
    """Alignments of one block.

    ``data``: the bytes they are in.  ``line``: their numbers from 1, ``None`` in BAM; ``offset``: where each begins in
    the file; ``name_start`` and ``name_end``: their names in ``data``.  ``reference`` and ``next_reference``: numbers
    of the header's, -1 for none, -2 for one that it has not; ``position`` and ``next_position`` from 1, 0 for none.
    ``operation``: letters of CIGARs one after the other, ``amount`` their lengths, ``operations`` how many each record
    has.  ``bases``: the length of the sequence, 0 for none.  ``quality_start``: where the qualities begin in ``data``;
    ``qualified``: whether there are any; ``quality_zero``: the byte that is the quality 0.  ``same_next``: where SAM
    spells the next reference though it is the same, ``None`` in BAM.
    """

    data: bytes
    line: npt.NDArray[np.int64] | None
    offset: npt.NDArray[np.int64]
    name_start: npt.NDArray[np.int64]
    name_end: npt.NDArray[np.int64]
    flag: npt.NDArray[np.int64]
    reference: npt.NDArray[np.int64]
    position: npt.NDArray[np.int64]
    mapq: npt.NDArray[np.int64]
    next_reference: npt.NDArray[np.int64]
    next_position: npt.NDArray[np.int64]
    template: npt.NDArray[np.int64]
    operation: npt.NDArray[np.uint8]
    amount: npt.NDArray[np.int64]
    operations: npt.NDArray[np.int64]
    bases: npt.NDArray[np.int64]
    quality_start: npt.NDArray[np.int64]
    qualified: npt.NDArray[np.bool_]
    quality_zero: int
    same_next: npt.NDArray[np.bool_] | None

    def __len__(self) -> int:
        return len(self.flag)

    @once
    def operation_record(self) -> npt.NDArray[np.int64]:
        """The record that each operation is of."""
        return np.repeat(np.arange(len(self), dtype=np.int64), self.operations)

    def summed(self, letters: bytes) -> npt.NDArray[np.int64]:
        """How long the operations with these letters are together, for each record."""
        amounts = np.where(_chosen(letters)[self.operation], self.amount, 0)
        return np.bincount(self.operation_record, weights=amounts, minlength=len(self)).astype(np.int64)

    @once
    def read_span(self) -> npt.NDArray[np.int64]:
        """What the CIGAR takes of the sequence."""
        return self.summed(b"MIS=X")

    @once
    def gaps(self) -> npt.NDArray[np.int64]:
        """What is inserted and deleted."""
        return self.summed(b"ID")

    @once
    def reference_span(self) -> npt.NDArray[np.int64]:
        """What the CIGAR takes of the reference."""
        return self.summed(b"MDN=X")

    def quality(self, chosen: npt.NDArray[np.bool_]) -> int:
        """The sum of all qualities of the chosen records that have some."""
        those = np.flatnonzero(chosen & self.qualified)
        raw = np.frombuffer(self.data, np.uint8)
        size = self.bases[those]
        qualities = cut(raw, self.quality_start[those], size)
        return int(qualities.sum(dtype=np.int64)) - self.quality_zero * int(size.sum())

    def base(self, record: npt.NDArray[np.int64], place: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """The letters of the sequences of some records, which have one, each at its place from 0."""
        raw = np.frombuffer(self.data, np.uint8)
        if self.line is not None:  # a tab stands between sequence and qualities
            found: npt.NDArray[np.uint8] = raw[self.quality_start[record] - 1 - self.bases[record] + place]
            return found
        pair = raw[self.quality_start[record] - (self.bases[record] + 1) // 2 + place // 2]
        found = _BASES[np.where(place % 2, pair & 15, pair >> 4)]
        return found

    def sequence(self, record: int) -> bytes:
        """The sequence of a record that has one."""
        size = int(self.bases[record])
        if self.line is None:
            return self.base(np.full(size, record), np.arange(size)).tobytes()
        end = int(self.quality_start[record]) - 1
        return self.data[end - size : end]

    @once
    def mapped(self) -> npt.NDArray[np.bool_]:
        """Whether a record says that it is mapped."""
        mapped: npt.NDArray[np.bool_] = (self.flag & 0x4) == 0
        return mapped

    def name(self, index: int) -> bytes:
        """A record's name."""
        return self.data[self.name_start[index] : self.name_end[index]]

    def place(self, index: int) -> dict[str, Any]:
        """Where a record is, for a finding."""
        where: dict[str, Any] = {
            "offset": int(self.offset[index]),
            "record": self.name(index)[:254].decode("ascii", "backslashreplace"),
        }
        return where if self.line is None else {**where, "line": int(self.line[index])}


def _chosen(letters: bytes) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[list(letters)] = True
    return table


def tell(
    found: Found,
    code: Code,
    wrong: npt.NDArray[np.bool_] | npt.NDArray[np.int64],
    records: Records,
    message: str,
    *,
    column: str,
    seen: npt.NDArray[Any] | None = None,
    expected: npt.NDArray[Any] | str | None = None,
) -> None:
    """Tell of records: those that ``wrong`` is true for, or whose numbers it has."""
    if not wrong.size or (wrong.dtype == np.bool_ and not wrong.any()):
        return
    those = np.flatnonzero(wrong) if wrong.dtype == np.bool_ else wrong
    kept = those[: found.room(code)].tolist()
    for index in kept:
        found.add(
            code,
            message,
            column=column,
            seen=None if seen is None else seen[index],
            expected=expected if expected is None or isinstance(expected, str) else expected[index],
            **records.place(index),
        )
    if len(those) > len(kept):
        found.count(code, len(those) - len(kept))
