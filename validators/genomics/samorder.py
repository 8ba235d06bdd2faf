"""Whether alignments are in the order that their header says (SAM 1.6, 1.3: @HD SO and SS), or in groups (GO).

Where a file is said to be sorted, what is said of groups is left over from before; that both are said is told of the
header.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from .once import Once
from .samcodes import ORDER, ORDER_GROUPS, ORDER_NAMES
from .samcolumns import tell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..found import Found
    from ..limits import Limits
    from .samcolumns import Records
    from .samheader import Header

__all__ = ["Order"]

_DIGITS = re.compile(rb"([0-9]+)")


class Order:
    """What was last, from block to block."""

    def __init__(self, header: Header, limits: Limits) -> None:
        self._order, self._references = header.order, len(header.lengths)
        self._grouping = header.grouping if header.order not in ("coordinate", "queryname") else ""
        self._groups, self._group = Once(limits), b""
        self._count = 0
        self._last = (-1, -1)
        self._name: bytes | None = None
        # Which orders of names the records so far may be in.
        self._fitting = {"lexicographical", "natural"}
        if header.order == "queryname" and header.suborder.startswith("queryname:"):
            told = header.suborder.split(":")[1]
            self._fitting &= {told} if told in self._fitting else self._fitting

    def judge(self, records: Records, found: Found) -> None:
        """Hold one more block against it."""
        if not len(records):
            return
        if self._order == "coordinate":
            self._coordinates(records, found)
        elif self._order == "queryname" and self._fitting:
            self._names(records, found)
        elif self._grouping in ("query", "reference"):
            self._grouped(records, found)

    def _grouped(self, records: Records, found: Found) -> None:
        """A group that begins has not been there before."""
        query = self._grouping == "query"
        wrong: list[int] = []
        for index, group in _names_begin(records) if query else _places_begin(records):
            if group in (self._group, b"*"):  # it goes on from the block before, or is not known
                continue
            self._group = group
            if self._groups.before(group, self._count + index + 1) is not None:
                wrong.append(index)
        self._count += len(records)
        what = "others of its name" if query else "others of its place"
        tell(found, ORDER_GROUPS, np.array(wrong, np.int64), records, f"{what} stand before, apart from it",
             column="QNAME" if query else "POS")  # fmt: skip

    def _coordinates(self, records: Records, found: Found) -> None:
        # Of a reference that the header has not nobody knows where it belongs.
        known = np.flatnonzero(records.reference != -2)
        if not len(known):
            return
        reference = np.where(records.reference < 0, self._references, records.reference)[known]
        position = np.where(records.reference < 0, 0, records.position)[known]
        before_reference = np.append(self._last[0], reference[:-1])
        before = np.append(self._last[1], position[:-1])
        wrong = (reference < before_reference) | ((reference == before_reference) & (position < before))
        tell(
            found, ORDER, known[wrong], records, "it comes before the record that stands before it", column="POS",
            seen=records.position,
        )  # fmt: skip
        self._last = (int(reference[-1]), int(position[-1]))

    def _names(self, records: Records, found: Found) -> None:
        for index in range(len(records)):
            name, before = records.name(index), self._name
            self._name = name
            if before is None or name == before:
                continue
            if name < before:
                self._fitting.discard("lexicographical")
            if "natural" in self._fitting and _natural(name) < _natural(before):
                self._fitting.discard("natural")
            if not self._fitting:
                found.add(
                    ORDER_NAMES, "here the names are in no order that is known", column="QNAME",
                    seen=name, expected=f"behind {before.decode('ascii', 'replace')}", **records.place(index),
                )  # fmt: skip
                return


def _names_begin(records: Records) -> Iterator[tuple[int, bytes]]:
    """The records whose name is another than that of the one before, and their names."""
    data, last = records.data, b""
    for index, (start, end) in enumerate(zip(records.name_start.tolist(), records.name_end.tolist(), strict=True)):
        name = data[start:end]
        if name != last:
            yield index, name
            last = name


def _places_begin(records: Records) -> Iterator[tuple[int, bytes]]:
    """The records that are at another place than the one before, and those places; without one they are left out."""
    reference, position = records.reference, records.position
    other = np.append(True, (reference[1:] != reference[:-1]) | (position[1:] != position[:-1]))
    for index in np.flatnonzero(other & (reference >= 0) & (position > 0)).tolist():
        yield index, b"%d %d" % (reference[index], position[index])


def _natural(name: bytes) -> list[tuple[int, int, bytes]]:
    """What sorts names as people do: numbers in them by their value, more zeros first."""
    return [
        (ord("0"), int(part), bytes(255 - min(len(part), 255) for _ in "1")) if part.isdigit() else (part[0], 0, part)
        for part in _DIGITS.split(name)
        if part
    ]
