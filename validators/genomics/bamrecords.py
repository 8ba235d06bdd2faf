"""The records of a block of BAM as columns, and what is asked of them beyond what SAM asks (SAM 1.6, 4.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..findings import Code, Severity
from .bamlayout import FIXED
from .samcodes import CIGAR, QNAME, QUAL
from .samcolumns import Records, cut, tell

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..found import Found
    from .bamlayout import Block
    from .samheader import Header

__all__ = ["BIN_CODES", "bins_of", "read_block"]

ERROR, WARNING, SOURCE = Severity.ERROR, Severity.WARNING, "SAM 1.6, 4.2"

LAYOUT = Code("bam.record.layout", ERROR, "Name, CIGAR, sequence and qualities fit into the record.", SOURCE)
NAME_END = Code("bam.qname.end", ERROR, "A name ends with a zero, and has none within.", SOURCE)
REFERENCE = Code("bam.refid", ERROR, "A reference's number is -1 or one of the header's.", SOURCE)
POSITION = Code("bam.pos", ERROR, "A position, from 0, is -1 or more.", SOURCE)
TEMPLATE = Code("bam.tlen", ERROR, "The template's length is above -2147483648.", "SAM 1.6, 1.4")
BIN = Code("bam.bin", WARNING, "The bin is the smallest that holds the alignment.", "SAM 1.6, 4.2.1")

BIN_CODES = (LAYOUT, NAME_END, REFERENCE, POSITION, TEMPLATE, BIN)
"""The rules of records in BAM alone."""


_LETTERS = np.frombuffer(b"MIDNSHP=X???????", np.uint8)
# Beyond this the bins of BAI have no numbers; indexes of such references are CSI, and nobody reads this one.
_BINNED = 1 << 29
_IN_NAMES = bytes(each for each in range(ord("!"), ord("~") + 1) if each != ord("@"))
_WORST = 93


def read_block(
    block: Block, header: Header, found: Found
) -> tuple[Records, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The records, and where the optional fields of each begin and end; those that hold less than they say are told of
    and left out.
    """
    raw = np.frombuffer(block.data, np.uint8)
    starts, sizes = block.starts, block.sizes
    fixed = _fixed(raw, starts)
    name, operations, bases = (fixed[each].astype(np.int64) for each in ("name", "operations", "bases"))
    needed = FIXED.itemsize + name + 4 * operations + (bases + 1) // 2 + bases
    fits = (needed <= sizes) & (name > 0)
    if not fits.all():
        _unfit(block, fits, needed, found)
        starts, sizes, fixed, needed = starts[fits], sizes[fits], fixed[fits], needed[fits]
        name, operations, bases = name[fits], operations[fits], bases[fits]
    begin = starts + 4 + FIXED.itemsize
    operation, amount = _cigars(raw, begin + name, operations)
    fields = starts + 4 + needed
    qualified, odd = _qualities(raw, fields - bases, bases)
    records = Records(
        data=block.data,
        line=None,
        offset=block.offset + starts,
        name_start=begin,
        name_end=begin + name - 1,
        flag=fixed["flag"].astype(np.int64),
        reference=fixed["reference"].astype(np.int64),
        position=fixed["position"].astype(np.int64) + 1,
        mapq=fixed["mapq"].astype(np.int64),
        next_reference=fixed["next_reference"].astype(np.int64),
        next_position=fixed["next_position"].astype(np.int64) + 1,
        template=fixed["template"].astype(np.int64),
        operation=operation,
        amount=amount,
        operations=operations,
        bases=bases,
        quality_start=fields - bases,
        qualified=qualified,
        quality_zero=0,
        same_next=None,
    )
    tell(found, QUAL, odd, records, "a quality is above 93", column="QUAL", expected="0 to 93, or 255 for all")
    _names(records, raw, found)
    records = _numbers(records, header, found)
    _bins(records, fixed["bin"].astype(np.int64), found)
    return records, fields, starts + 4 + sizes


def _fixed(raw: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.void]:
    places = (starts + 4)[:, None] + np.arange(FIXED.itemsize)
    fixed: npt.NDArray[np.void] = raw[places].view(FIXED).ravel()
    return fixed


def _unfit(block: Block, fits: npt.NDArray[np.bool_], needed: npt.NDArray[np.int64], found: Found) -> None:
    for index in np.flatnonzero(~fits).tolist():
        if found.room(LAYOUT):
            found.add(
                LAYOUT, "its parts are longer than it is, or it has no name", offset=block.offset + block.starts[index],
                seen=int(needed[index]), expected=f"{int(block.sizes[index])} or fewer",
            )  # fmt: skip
        else:
            found.count(LAYOUT, 1)


def _cigars(
    raw: npt.NDArray[np.uint8], begin: npt.NDArray[np.int64], operations: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    packed = cut(raw, begin, 4 * operations).view("<u4")
    return _LETTERS[packed & 15], (packed >> 4).astype(np.int64)


def _qualities(
    raw: npt.NDArray[np.uint8], begin: npt.NDArray[np.int64], bases: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which records have qualities, and which of them one that is none."""
    known = bases > 0
    odd = np.zeros(len(begin), np.bool_)
    there = np.flatnonzero(known)
    # Of those that begin as if there were none, whether that is so to their end.
    for index in there[raw[begin[there]] == 255].tolist():
        known[index] = not (raw[begin[index] : begin[index] + bases[index]] == 255).all()
    there = np.flatnonzero(known)
    if len(there):
        # From the beginning of each to its end, and from there to the next.
        edges = np.column_stack([begin[there], begin[there] + bases[there]]).ravel()
        edges = edges[:-1] if edges[-1] == len(raw) else edges
        odd[there] = np.maximum.reduceat(raw, edges)[::2] > _WORST
    return known, odd


def _names(records: Records, raw: npt.NDArray[np.uint8], found: Found) -> None:
    size = records.name_end - records.name_start
    unended = raw[records.name_end] != 0
    tell(found, NAME_END, unended, records, "the name does not end with a zero", column="QNAME")
    wrong = size == 0
    text = cut(raw, records.name_start, size).tobytes()
    if text.translate(None, _IN_NAMES):
        bad = ~np.isin(np.frombuffer(text, np.uint8), np.frombuffer(_IN_NAMES, np.uint8))
        wrong[np.repeat(np.arange(len(records), dtype=np.int64), size)[bad]] = True
    tell(found, QNAME, wrong, records, "the name is empty, or has what no name has", column="QNAME")
    unknown = records.operation == ord("?")
    if unknown.any():
        those = np.unique(records.operation_record[unknown])
        tell(found, CIGAR, those, records, "there is no such operation", column="CIGAR", expected="MIDNSHP=X")


def _numbers(records: Records, header: Header, found: Found) -> Records:
    """The records, with -2 for references that there are not."""
    count = len(header.lengths)
    columns = {"reference": records.reference, "next_reference": records.next_reference}
    for name, number in columns.items():
        wrong = (number < -1) | (number >= count)
        if wrong.any():
            tell(
                found, REFERENCE, wrong, records, "there is no such reference", column=name, seen=number,
                expected=f"-1 to {count - 1}",
            )  # fmt: skip
            columns[name] = np.where(wrong, -2, number)
    for name, number in (("POS", records.position), ("PNEXT", records.next_position)):
        tell(found, POSITION, number < 0, records, "the position is negative", column=name, seen=number)
    tell(found, TEMPLATE, records.template == -(1 << 31), records, "the length cannot be", column="TLEN")
    return replace(records, reference=columns["reference"], next_reference=columns["next_reference"])


def bins_of(begin: npt.NDArray[np.int64], end: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The smallest bin of BAI that holds what is from ``begin`` to before ``end``, from 0 (SAM 1.6, 5.3)."""
    last = end - 1
    found = np.zeros(len(begin), np.int64)
    for shift, first in ((26, 1), (23, 9), (20, 73), (17, 585), (14, 4681)):
        fits = (begin >> shift) == (last >> shift)
        found[fits] = first + (begin[fits] >> shift)
    return found


def _bins(records: Records, told: npt.NDArray[np.int64], found: Found) -> None:
    begin = records.position - 1
    span = np.where(records.mapped, records.reference_span, 0)
    end = begin + np.maximum(span, 1)
    # Until 2021 what takes nothing of the reference had no length, rather than 1.
    older = bins_of(begin, begin + span)
    right = bins_of(begin, end)
    known = (begin >= -1) & (end <= _BINNED)
    wrong = known & (told != right) & (told != older)
    tell(found, BIN, wrong, records, "it is in another bin", column="BIN", seen=told, expected=right)
