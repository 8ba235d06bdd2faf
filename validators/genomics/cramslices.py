"""Slices of CRAM: what their headers say, and whether it is so (CRAM 3.1, 8.4 and 8.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..findings import Code, Severity
from .cramblocks import COMPRESSION_HEADER, CORE, EXTERNAL, SLICE_HEADER
from .cramlayout import Cursor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..found import Found
    from .cramlayout import Block, Container
    from .samheader import Header

__all__ = ["SLICE_CODES", "judge_slices"]

ERROR, SOURCE = Severity.ERROR, "CRAM 3.1, 8.5"

FIRST = Code(
    "cram.compression", ERROR, "A container's first block is the compression header, not twice.", "CRAM 3.1, 7"
)
LANDMARK = Code("cram.landmarks", ERROR, "Landmarks are where slices begin, one for each.", "CRAM 3.1, 7")
SLICE = Code("cram.slice", ERROR, "A slice's header is not packed, and goes on to its end.", SOURCE)
REFERENCE = Code("cram.slice.reference", ERROR, "A slice's reference is its container's, and in the header.", SOURCE)
RANGE = Code("cram.slice.range", ERROR, "A slice lies within its reference, and within its container.", SOURCE)
BLOCKS = Code("cram.slice.blocks", ERROR, "A slice has one core block and the external blocks that it names.", SOURCE)
RECORDS = Code("cram.slice.records", ERROR, "Slices have as many records as their container.", SOURCE)

SLICE_CODES = (FIRST, LANDMARK, SLICE, REFERENCE, RANGE, BLOCKS, RECORDS)
"""The rules of slices."""


@dataclass(frozen=True)
class _Slice:
    reference: int
    start: int
    span: int
    records: int
    blocks: int
    numbers: tuple[int, ...]
    embedded: int


def judge_slices(container: Container, blocks: Sequence[Block], major: int, header: Header, found: Found) -> None:
    """Hold a container's slices against what it says, what the file's header says, and the blocks that there are."""
    place = container.offset + container.head
    if not blocks or blocks[0].kind != COMPRESSION_HEADER or any(each.kind == 1 for each in blocks[1:]):
        what = "the compression header is not the first block and the only one of its kind"
        found.add(FIRST, what, offset=container.offset)
    begins = [index for index, block in enumerate(blocks) if block.kind == SLICE_HEADER]
    at = tuple(blocks[index].at for index in begins)
    if at != container.landmarks:
        found.add(
            LANDMARK, "slices begin elsewhere", offset=container.offset, seen=container.landmarks[:10],
            expected=at[:10],
        )  # fmt: skip
    records = 0
    for index, end in zip(begins, [*begins[1:], len(blocks)], strict=False):
        offset = place + blocks[index].at
        told = _read(blocks[index], major) if blocks[index].checked else None
        if told is None:
            found.add(SLICE, "its header cannot be read", offset=offset)
            return
        records += told.records
        _judge(told, blocks[index + 1 : end], container, header, offset, found)
    if records != container.records:
        found.add(
            RECORDS, "its slices have another number of records", offset=container.offset, seen=records,
            expected=container.records,
        )  # fmt: skip


def _read(block: Block, major: int) -> _Slice | None:
    if block.method != 0:
        return None
    cursor = Cursor(block.data)
    try:
        reference, start, span, records = (cursor.itf8() for _ in range(4))
        if major >= 3:
            cursor.ltf8()
        else:
            cursor.itf8()
        count, numbers, embedded = cursor.itf8(), cursor.array(), cursor.itf8()
        cursor.take(16)
    except EOFError:
        return None
    return _Slice(reference, start, span, records, count, tuple(numbers), embedded)


def _judge(
    told: _Slice, blocks: Sequence[Block], container: Container, header: Header, offset: int, found: Found
) -> None:
    if told.reference != container.reference or not -2 <= told.reference < len(header.lengths):
        found.add(
            REFERENCE, "its reference is not its container's, or there is none", offset=offset, seen=told.reference,
            expected=container.reference,
        )  # fmt: skip
    elif told.reference >= 0:
        _ranges(told, container, header, offset, found)
    numbers = [block.number for block in blocks if block.kind == EXTERNAL]
    cores = [index for index, block in enumerate(blocks) if block.kind == CORE]
    named = set(told.numbers)
    fits = cores == [0] and len(blocks) == told.blocks and len(set(numbers)) == len(numbers)
    if not fits or not set(numbers) <= named or not named <= {*numbers, 0}:
        found.add(
            BLOCKS, "it has other blocks than it names", offset=offset, seen=numbers[:50], expected=told.numbers[:50]
        )
    if told.embedded not in (-1, 0) and told.embedded not in numbers:
        found.add(BLOCKS, "the block with its reference is missing", offset=offset, seen=told.embedded)


def _ranges(told: _Slice, container: Container, header: Header, offset: int, found: Found) -> None:
    length = int(header.lengths[told.reference])
    last = told.start + told.span - 1
    circular = bool(header.circular[told.reference])
    if told.start < 0 or told.span < 0 or (last > length and not circular):
        found.add(
            RANGE, "it goes beyond its reference", offset=offset, seen=f"{told.start}-{last}", expected=f"1-{length}"
        )
    elif told.start < container.start or last > container.start + container.span - 1:
        found.add(
            RANGE, "it goes beyond its container", offset=offset, seen=f"{told.start}-{last}",
            expected=f"{container.start}-{container.start + container.span - 1}",
        )  # fmt: skip
