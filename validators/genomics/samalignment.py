"""Optional fields that tell an alignment a second time, held against it: MD, NM and SA (SAMtags, 1.1).

MD and CIGAR are taken apart for all records of a block at once.  What ambiguity codes count as is told differently by
different tools, so they are never what makes the difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .samcodes import TAG_CHIMERIC, TAG_MD, TAG_MD_BASES, TAG_NM_MD
from .samcolumns import tell

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..found import Found
    from .samcolumns import Records, Tags
    from .samheader import Header

__all__ = ["judge_chimeric", "judge_mismatches"]

_NEWLINE = 10
# Numbers of more digits are longer than any reference.
_DIGITS = 10
_ALIGNED, _OF_THE_READ = np.zeros(256, np.bool_), np.zeros(256, np.bool_)
_ALIGNED[list(b"M=X")] = True
_OF_THE_READ[list(b"MIS=X")] = True
_PLAIN_LETTER = np.zeros(256, np.bool_)
_PLAIN_LETTER[list(b"ACGT")] = True
_PLAIN = b"ACGTacgt="


def judge_mismatches(
    tags: Tags, chosen: npt.NDArray[np.int64], records: Records, differences: npt.NDArray[np.int64], found: Found
) -> None:
    """Hold ``chosen`` fields MD, which have their form, against CIGAR and bases, and ``differences``, which is NM or -1
    for each record, against both.
    """
    fit = _told_as_it_is(tags, records)[tags.record[chosen]]
    whole = len(chosen) == len(tags.where("MD", "Z")) and bool(fit.all())
    chosen = chosen if whole else chosen[fit]
    if not len(chosen):
        return
    of = tags.record[chosen]
    told = _read(np.frombuffer(tags.texts("MD") if whole else tags.joined(chosen), np.uint8), len(chosen))
    layout = _Layout.of(records)
    aligned, deleted = layout.aligned[of], layout.deleted[of]
    wrong = told.known & ((told.aligned != aligned) | (told.deleted != deleted))
    if wrong.any():
        seen, expected = (np.full(len(records), "", object) for _ in "12")
        for words, one, other in ((seen, told.aligned, told.deleted), (expected, aligned, deleted)):
            words[of[wrong]] = [f"{a}, {d} deleted" for a, d in zip(one[wrong], other[wrong], strict=True)]
        what = "MD is of other lengths than the CIGAR"
        tell(found, TAG_MD, of[wrong], records, what, column="MD", seen=seen, expected=expected)
    elsewhere = _deleted_elsewhere(told, of, told.known & ~wrong, records, layout)
    what = "MD deletes bases elsewhere than the CIGAR"
    tell(found, TAG_MD, of[elsewhere], records, what, column="MD")
    wrong[elsewhere] = True
    fine = told.known & ~wrong & (records.bases[of] > 0) & (records.read_span[of] == records.bases[of])
    _bases(told, of, fine, records, layout, found)
    _counts(told, of, fine, differences, records, found)


def _told_as_it_is(tags: Tags, records: Records) -> npt.NDArray[np.bool_]:
    """Which records are mapped, with a CIGAR that is the alignment: none that stands for a longer one in CG, and none
    against a reference with padding, of which MD has nothing.
    """
    fit = records.mapped & (records.operations > 0)
    fit[tags.record[tags.where("CG", "B")]] = False
    if (padding := records.operation == ord("P")).any():
        fit[records.operation_record[padding]] = False
    return fit


@dataclass(frozen=True, eq=False)
class _Told:
    """What values of MD tell.

    For each value: ``aligned`` and ``deleted`` bases, how many of the former are ``mismatches``, and whether its
    numbers are ``known``.  For each mismatch: the ``value`` it is of, its ``letter``, and its ``place``, from 0, among
    the aligned bases.  For each deleted base: the value that is ``gone_of``, and how many aligned ones ``gone_after``.
    """

    known: npt.NDArray[np.bool_]
    aligned: npt.NDArray[np.int64]
    deleted: npt.NDArray[np.int64]
    mismatches: npt.NDArray[np.int64]
    value: npt.NDArray[np.int64]
    letter: npt.NDArray[np.uint8]
    place: npt.NDArray[np.int64]
    gone_of: npt.NDArray[np.int64]
    gone_after: npt.NDArray[np.int64]


def _read(text: npt.NDArray[np.uint8], count: int) -> _Told:
    """Take apart ``count`` values that have their form, a newline behind each."""
    others = np.flatnonzero((text < ord("0")) | (text > ord("9")))  # what is no digit
    size = np.diff(others, prepend=-1) - 1
    number = np.zeros(len(others), np.int64)
    # From the last digit on; what has less of them ends earlier.
    there, weight = np.flatnonzero(size), 1
    for digit in range(1, 1 + min(_DIGITS, int(size.max(initial=0)))):
        number[there] += weight * (text[others[there] - digit].astype(np.int64) - ord("0"))
        there, weight = there[size[there] > digit], 10 * weight
    mark = text[others]
    ends = mark == _NEWLINE
    letter = (mark >= ord("A")) & (mark <= ord("Z"))
    # A letter with no digit before it goes on what a caret has begun.
    gone = np.flatnonzero(letter & (size == 0))
    mismatch = np.flatnonzero(letter & (size > 0))
    so_far = number
    so_far[mismatch] += 1
    np.cumsum(so_far, out=so_far)
    value, last = np.cumsum(ends), np.flatnonzero(ends)
    before_each = np.append(0, so_far[last])
    known = np.ones(count, np.bool_)
    if int(size.max(initial=0)) > _DIGITS:
        known[(value - ends)[size > _DIGITS]] = False
    of, gone_of = value[mismatch], value[gone]
    return _Told(
        known, np.diff(before_each), np.bincount(gone_of, minlength=count), np.bincount(of, minlength=count), of,
        mark[mismatch], so_far[mismatch] - before_each[of] - 1, gone_of, so_far[gone] - before_each[gone_of],
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Layout:
    """How long CIGARs are, in kinds of operations that MD speaks of: the ``aligned`` ones and the ``deletions`` of each
    record; all that is aligned up to each operation, and before each record.
    """

    aligned: npt.NDArray[np.int64]
    deleted: npt.NDArray[np.int64]
    deletions: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    before: npt.NDArray[np.int64]

    @classmethod
    def of(cls, records: Records) -> _Layout:
        """That of a block."""
        end, edges = _so_far(records, _ALIGNED)
        deletions = np.flatnonzero(records.operation == ord("D"))
        deleted = np.zeros(len(records), np.int64)
        np.add.at(deleted, records.operation_record[deletions], records.amount[deletions])
        return cls(np.diff(edges), deleted, deletions, end, edges[:-1])


def _so_far(records: Records, kinds: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """How long operations of some kinds are together: all up to each operation, and all before each record and behind
    the last.
    """
    end = np.cumsum(records.amount * kinds[records.operation])
    return end, np.append(0, end)[np.append(0, np.cumsum(records.operations))]


def _deleted_elsewhere(
    told: _Told, of: npt.NDArray[np.int64], fine: npt.NDArray[np.bool_], records: Records, layout: _Layout
) -> npt.NDArray[np.int64]:
    """Those of the ``fine`` values, which delete as many bases as the CIGAR, that delete them at other places."""
    mine = fine[told.gone_of]
    if not mine.any() or (of[1:] == of[:-1]).any():  # that it is there twice is told
        return np.empty(0, np.int64)
    those = np.zeros(len(records), np.bool_)
    those[of[fine]] = True
    deletions = layout.deletions[those[records.operation_record[layout.deletions]]]
    theirs = layout.end[deletions] - layout.before[records.operation_record[deletions]]
    other = told.gone_after[mine] != np.repeat(theirs, records.amount[deletions])
    return np.unique(told.gone_of[mine][other]) if other.any() else np.empty(0, np.int64)


def _bases(
    told: _Told,
    of: npt.NDArray[np.int64],
    fine: npt.NDArray[np.bool_],
    records: Records,
    layout: _Layout,
    found: Found,
) -> None:
    """A base that differs from the reference's is another one."""
    chosen = fine[told.value] & _PLAIN_LETTER[told.letter]
    if not chosen.any():
        return
    record = of[told.value[chosen]]
    seen = records.base(record, _in_the_read(records, layout, record, told.place[chosen]))
    same = (seen & 0xDF) == told.letter[chosen]
    if same.any():
        what = "MD tells of a mismatch where the base is the reference's"
        tell(found, TAG_MD_BASES, np.unique(record[same]), records, what, column="MD")


def _in_the_read(
    records: Records, layout: _Layout, record: npt.NDArray[np.int64], place: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Where in the read the aligned base is that is the ``place``-th of its record."""
    read_end, read_edges = _so_far(records, _OF_THE_READ)
    wanted = layout.before[record] + place
    operation = np.searchsorted(layout.end, wanted, side="right")
    back = layout.end[operation] - wanted
    found: npt.NDArray[np.int64] = read_end[operation] - back - read_edges[record]
    return found


def _counts(
    told: _Told,
    of: npt.NDArray[np.int64],
    fine: npt.NDArray[np.bool_],
    differences: npt.NDArray[np.int64],
    records: Records,
    found: Found,
) -> None:
    """NM is what MD and CIGAR tell of, but for what ambiguity codes may count as."""
    gaps = records.gaps[of]
    said, expected = differences[of], told.mismatches + gaps
    doubtful = np.flatnonzero(fine & (said >= gaps) & (said != expected))
    if not len(doubtful):
        return
    codes = np.bincount(told.value[~_PLAIN_LETTER[told.letter]], minlength=len(of))
    wrong: list[int] = []
    for each in doubtful.tolist():
        unsure = int(codes[each]) + len(records.sequence(of[each]).translate(None, _PLAIN))
        if abs(int(said[each] - expected[each])) > unsure:
            wrong.append(each)
    if wrong:
        needed = np.zeros(len(records), np.int64)
        needed[of] = expected
        what = "NM is not the mismatches of MD with what is inserted and deleted"
        tell(found, TAG_NM_MD, of[wrong], records, what, column="NM", seen=differences, expected=needed)


def judge_chimeric(tags: Tags, records: Records, header: Header, found: Found) -> None:
    """The other alignments of SA lie where the header has a reference, and their qualities are some."""
    chosen = tags.where("SA", "Z")
    for record, value in zip(tags.record[chosen].tolist(), tags.values(chosen), strict=True):
        for other in value.split(b";")[:-1]:
            parts = other.split(b",")
            if len(parts) == 6 and (why := _implausible(parts, header)) is not None:
                tell(found, TAG_CHIMERIC, np.array([record]), records, why, column="SA",
                     expected=None, seen=_one(record, other, len(records)))  # fmt: skip
                break


def _one(index: int, value: bytes, count: int) -> npt.NDArray[np.object_]:
    seen = np.full(count, None, object)
    seen[index] = value
    return seen


def _implausible(parts: list[bytes], header: Header) -> str | None:
    name, place, _, _, quality, _ = parts
    if not (place.isdigit() and quality.isdigit()):
        return None  # that it has another form is told elsewhere
    if len(quality) > 9 or int(quality) > 255:
        return "SA has a mapping quality above 255"
    position = int(place) if len(place) < 18 else 1 << 60
    if position < 1:
        return "SA has a position below 1"
    if not len(header.lengths):
        return None
    number = header.names.get(name)
    if number is None:
        return "SA has a reference that no @SQ line has"
    return "SA has a position beyond its reference" if position > header.lengths[number] else None
