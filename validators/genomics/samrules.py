"""What is asked of alignments whatever they are read from (SAM 1.6, 1.4 and 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .samcodes import (
    CIGAR_ADJACENT,
    CIGAR_CLIP,
    CIGAR_LENGTH,
    CIGAR_ZERO,
    FLAG_MAPPED,
    FLAG_RESERVED,
    FLAG_UNMAPPED,
    FLAG_UNPAIRED,
    MATE,
    NEXT_BEYOND,
    NEXT_SAME,
    POS_BEYOND,
    RNAME_UNKNOWN,
    RNEXT_UNKNOWN,
)
from .samcolumns import tell

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..found import Found
    from .samcolumns import Records
    from .samheader import Header

__all__ = ["judge_records"]

_H, _S = ord("H"), ord("S")


def judge_records(records: Records, header: Header, found: Found) -> None:
    """Hold records against the rules that are about one record or two side by side."""
    if not len(records):
        return
    _flags(records, found)
    _references(records, header, found)
    _cigars(records, found)
    _mates(records, found)


def _flags(records: Records, found: Found) -> None:
    flag, unmapped = records.flag, ~records.mapped
    tell(found, FLAG_RESERVED, flag >= 0x1000, records, "bits are set that mean nothing", column="FLAG", seen=flag)
    alone = ((flag & 0x1) == 0) & ((flag & 0xEA) != 0)
    tell(
        found,
        FLAG_UNPAIRED,
        alone,
        records,
        "bits tell of a next segment, and 0x1 is not set",
        column="FLAG",
        seen=flag,
    )
    odd = unmapped & (((flag & 0x902) != 0) | (records.operations > 0))
    tell(found, FLAG_UNMAPPED, odd, records, "it is unmapped, and says how it is mapped", column="FLAG", seen=flag)
    nowhere = (records.reference == -1) | (records.position == 0) | (records.operations == 0)
    what = "it is mapped, and says not where or how"
    tell(found, FLAG_MAPPED, records.mapped & nowhere, records, what, column="FLAG", seen=flag)


def _references(records: Records, header: Header, found: Found) -> None:
    if len(header.lengths):
        tell(found, RNAME_UNKNOWN, records.reference == -2, records, "no @SQ line has this reference", column="RNAME")
        missing = records.next_reference == -2
        tell(found, RNEXT_UNKNOWN, missing, records, "no @SQ line has the next reference", column="RNEXT")
        # One more, for those that have no reference: it is as long as can be.
        lengths = np.append(header.lengths, (1 << 62, 1 << 62))
        circular = np.append(header.circular, (True, True))
        length = lengths[records.reference]
        last = records.position + np.maximum(records.reference_span - 1, 0)
        beyond = records.mapped & (records.position > 0) & (last > length) & ~circular[records.reference]
        tell(
            found, POS_BEYOND, beyond, records, "it ends beyond its reference", column="POS", seen=last, expected=length
        )
        next_length = lengths[records.next_reference]
        tell(
            found, NEXT_BEYOND, records.next_position > next_length, records,
            "the next segment is beyond its reference", column="PNEXT", seen=records.next_position,
            expected=next_length,
        )  # fmt: skip
    if records.same_next is not None:
        tell(found, NEXT_SAME, records.same_next, records, "it is the same reference", column="RNEXT", expected="=")


def _cigars(records: Records, found: Found) -> None:
    operation, record = records.operation, records.operation_record
    there = (records.operations > 0) & (records.bases > 0)
    # Nothing can be assumed of the CIGAR of what is unmapped.
    wrong = there & records.mapped & (records.read_span != records.bases)
    tell(
        found, CIGAR_LENGTH, wrong, records, "the CIGAR is not as long as the sequence", column="CIGAR",
        seen=records.read_span, expected=records.bases,
    )  # fmt: skip
    if not len(operation):
        return
    tell(found, CIGAR_ZERO, np.unique(record[records.amount == 0]), records, "an operation has no length",
         column="CIGAR")  # fmt: skip
    same = (operation[1:] == operation[:-1]) & (record[1:] == record[:-1])
    tell(found, CIGAR_ADJACENT, np.unique(record[1:][same]), records, "an operation follows one of its kind",
         column="CIGAR")  # fmt: skip
    clips = np.unique(record[_inner_clips(operation, record)])
    tell(found, CIGAR_CLIP, clips, records, "it is clipped elsewhere than at its ends", column="CIGAR")


def _inner_clips(operation: npt.NDArray[np.uint8], record: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which operations are clips where none may be: a hard one that is neither the first nor the last, a soft one that
    has something else than hard ones on both sides.
    """
    hard, soft = operation == _H, operation == _S
    if not (hard.any() or soft.any()):
        return np.zeros(len(operation), np.bool_)
    first = np.append(True, record[1:] != record[:-1])
    last = np.append(first[1:], True)
    outside = _all_so_far(hard, first) | _all_so_far(hard[::-1], last[::-1])[::-1]
    found: npt.NDArray[np.bool_] = (hard & ~(first | last)) | (soft & ~outside)
    return found


def _all_so_far(those: npt.NDArray[np.bool_], first: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether all before, of the same record, are so."""
    place = np.arange(len(those))
    begin = np.maximum.accumulate(np.where(first, place, 0))
    other = np.maximum.accumulate(np.where(those, -1, place))
    found: npt.NDArray[np.bool_] = np.append(-1, other[:-1]) < begin
    return found


def _mates(records: Records, found: Found) -> None:
    """Two records side by side that are the first and the last segment of one template."""
    if len(records) < 2:
        return
    flag = records.flag
    primary = (flag & 0x901) == 0x1
    lengths = records.name_end - records.name_start
    ends = flag & 0xC0
    pairs = np.flatnonzero(
        primary[:-1] & primary[1:] & (ends[:-1] + ends[1:] == 0xC0) & (ends[:-1] != 0) & (ends[1:] != 0)
        & (lengths[:-1] == lengths[1:])
    )  # fmt: skip
    data, start, end = records.data, records.name_start, records.name_end
    same = [
        index for index in pairs.tolist()
        if data[start[index] : end[index]] == data[start[index + 1] : end[index + 1]] != b"*"
    ]  # fmt: skip
    if not same:
        return
    here = np.array(same, np.int64)
    for one, other in ((here, here + 1), (here + 1, here)):
        told = ((flag[one] & 0x8) != 0) != ((flag[other] & 0x4) != 0)
        told |= ((flag[one] & 0x20) != 0) != ((flag[other] & 0x10) != 0)
        known = (records.next_reference[one] >= 0) & (records.next_position[one] > 0)
        told |= known & (
            (records.next_reference[one] != records.reference[other])
            | (records.next_position[one] != records.position[other])
        )
        tell(found, MATE, one[told], records, "what it says of its mate is not so", column="PNEXT")
