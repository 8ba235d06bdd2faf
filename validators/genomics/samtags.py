"""The optional fields of alignments: what holds for all of them, and for those that are predefined (SAMtags)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from .samalignment import judge_chimeric, judge_mismatches
from .samcodes import (
    TAG_CONTENT,
    TAG_DIFFERS,
    TAG_DUPLICATE,
    TAG_GROUP,
    TAG_GROUP_ABSENT,
    TAG_LENGTH,
    TAG_LENGTH_ADVISED,
    TAG_MODIFIED,
    TAG_NM,
    TAG_PROGRAM,
    TAG_TYPE,
)
from .samcolumns import tag_number, tell
from .samlines import CIGAR, NAME

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy.typing as npt

    from ..findings import Code
    from ..found import Found
    from .samcolumns import Records, Tags
    from .samheader import Header

__all__ = ["STANDARD", "judge_tags"]

STANDARD = {
    tag: kind
    for kind, tags in {
        "i": "AM AS CM CP FI H0 H1 H2 HI IH MN MQ NH NM OP PQ SM TC UQ",
        "Z": "BC BQ BZ CB CC CO CQ CR CS CT CY E2 FS LB MC MD MI MM OA OC OQ OX PG PT PU Q2 QT QX R2 RG RX SA U2",
        "B": "CG FZ ML",
        "A": "TS",
    }.items()
    for tag in tags.split()
}
"""The predefined tags, and their types."""

_ELEMENT = {"CG": b"I", "FZ": b"S", "ML": b"C"}
_PLACE = rb"[0-9]++,[+-],(?:\*|" + CIGAR + rb"),[0-9]++,"
_KEYS = rb"[^;|\n]++(?:;[^;|\n]++)*+"
_CONTENT = {
    "MD": rb"[0-9]++(?:(?:[A-Z]|\^[A-Z]++)[0-9]++)*+",
    "MC": rb"\*|" + CIGAR,
    "SA": rb"(?:" + NAME.replace(b",", b"") + rb"," + _PLACE + rb"[0-9]++;)++",
    "OA": rb"(?:" + NAME + rb"," + _PLACE + rb"[0-9]*+;)++",
    "MM": rb"(?:[ACGTUN][-+](?:[a-zACGTUN]++|[0-9]++)[.?]?(?:,[0-9]++)*+;)*+",
    "OC": rb"\*|" + CIGAR,
    "CT": rb"[-+.?];" + _KEYS,
    "PT": rb"[0-9]++;[0-9]++;[-+.?];" + _KEYS + rb"(?:\|[0-9]++;[0-9]++;[-+.?];" + _KEYS + rb")*+",
    "R2": rb"\*|[A-Za-z=.]++",
    "E2": rb"\*|[A-Za-z=.]++",
    "OQ": rb"[!-~]++",
    "Q2": rb"[!-~]++",
    "U2": rb"[!-~]++",
}
_ONE = {tag: re.compile(pattern) for tag, pattern in _CONTENT.items()}
_MANY = {tag: re.compile(rb"(?:(?:" + pattern + rb")\n)*+") for tag, pattern in _CONTENT.items()}
# One of each pair has bases, the other their qualities.
_BARCODES = (("BC", "QT", TAG_LENGTH_ADVISED), ("OX", "BZ", TAG_LENGTH_ADVISED), ("CR", "CY", TAG_LENGTH),
             ("RX", "QX", TAG_LENGTH), ("CS", "CQ", TAG_LENGTH), ("R2", "Q2", TAG_LENGTH))  # fmt: skip
_AS_THE_READ = ("BQ", "E2", "U2")


def _types() -> npt.NDArray[np.uint8]:
    table = np.zeros(1 << 16, np.uint8)
    for tag, kind in STANDARD.items():
        table[tag_number(tag)] = ord(kind)
    return table


_TYPES = _types()


def judge_tags(tags: Tags, records: Records, header: Header, found: Found) -> npt.NDArray[np.int64]:
    """Hold fields against the rules; returns the number that NM has in each record, -1 where there is none."""
    if not len(tags.tag):
        return np.full(len(records), -1, np.int64)
    _twice(tags, records, found)
    _standard(tags, records, found)
    present = set(tags.present.tolist())

    def there(tag: str) -> bool:
        return tag_number(tag) in present

    odd = {tag: _content(tag, tags, records, found) for tag in _CONTENT if there(tag)}
    _groups(tags, records, header, found, there)
    for bases, qualities, code in _BARCODES:
        if there(bases) and there(qualities):
            _lengths(bases, qualities, code, tags, records, found)
    for tag in filter(there, _AS_THE_READ):
        chosen = tags.where(tag, "Z")
        of = tags.record[chosen]
        bases_of = records.bases[of]
        wrong = (bases_of > 0) & (tags.end[chosen] - tags.start[chosen] != bases_of)
        tell(found, TAG_LENGTH, of[wrong], records, f"{tag} is not as long as the sequence", column=tag)
    if there("MM") or there("MN"):
        _modifications(tags, records, found)
    if there("SA"):
        judge_chimeric(tags, records, header, found)
    differences = _differences(tags, records, found)
    if there("MD"):
        formed = np.setdiff1d(tags.where("MD", "Z"), odd["MD"]) if odd["MD"] else tags.where("MD", "Z")
        judge_mismatches(tags, formed, records, differences, found)
    return differences


def _twice(tags: Tags, records: Records, found: Found) -> None:
    place = np.zeros(1 << 16, np.int64)
    place[tags.present] = np.arange(len(tags.present))
    width = len(tags.present)
    times = np.bincount(tags.record * width + place[tags.tag], minlength=width * len(records))
    again = np.flatnonzero(times > 1)
    if len(again):
        twice: list[Any] = [""] * len(records)
        for key in again.tolist():
            number = int(tags.present[key % width])
            twice[key // width] = chr(number >> 8) + chr(number & 0xFF)
        those = np.unique(again // width)
        tell(found, TAG_DUPLICATE, those, records, "a tag stands twice", column="TAG", seen=np.array(twice, object))


def _standard(tags: Tags, records: Records, found: Found) -> None:
    expected = _TYPES[tags.tag]
    for index in np.flatnonzero((expected != 0) & (expected != tags.kind)).tolist():
        if not found.room(TAG_TYPE):
            found.count(TAG_TYPE, 1)
            continue
        _tell_one(found, TAG_TYPE, tags, records, index, "it is predefined with another type", chr(expected[index]))
    for tag, element in _ELEMENT.items():
        for index in tags.where(tag, "B").tolist():
            start = int(tags.start[index])
            if tags.data[start : start + 1] != element:
                message = "it is predefined with other elements"
                _tell_one(found, TAG_TYPE, tags, records, index, message, f"B:{element.decode()}")


def _tell_one(
    found: Found, code: Code, tags: Tags, records: Records, index: int, message: str, expected: str | None
) -> None:
    number = int(tags.tag[index])
    name = chr(number >> 8) + chr(number & 0xFF)
    value = b"" if tags.binary and tags.kind[index] not in b"ZHA" else tags.values(np.array([index]))[0][:100]
    found.add(
        code, f"{name}: {message}", column=name, seen=f"{name}:{chr(tags.kind[index])}:{value.decode('latin-1')}",
        expected=expected, **records.place(int(tags.record[index])),
    )  # fmt: skip


def _content(tag: str, tags: Tags, records: Records, found: Found) -> list[int]:
    """Hold a tag's values against the form it has; returns the numbers of fields that have another."""
    chosen, joined = tags.where(tag, "Z"), tags.texts(tag)
    match = _MANY[tag].match(joined)
    if match is not None and match.end() == len(joined):
        return []
    one, odd = _ONE[tag], list[int]()
    for index, value in zip(chosen.tolist(), tags.values(chosen), strict=True):
        if not one.fullmatch(value):
            _tell_one(found, TAG_CONTENT, tags, records, index, "it has not the form that is defined", None)
            odd.append(index)
    return odd


def _groups(tags: Tags, records: Records, header: Header, found: Found, there: Any) -> None:
    if not header.has_groups:
        if there("RG"):
            of = tags.record[tags.where("RG", "Z")]
            tell(found, TAG_GROUP_ABSENT, of, records, "there is no @RG line for the read group", column="RG")
    else:
        for tag, known in (("RG", header.groups), ("LB", header.libraries), ("PU", header.units)):
            if there(tag):
                _named(tag, known, TAG_GROUP, "no @RG line has this value", tags, records, found)
    if header.programs and there("PG"):
        _named("PG", header.programs, TAG_PROGRAM, "no @PG line has this ID", tags, records, found)


def _named(
    tag: str, known: Collection[bytes], code: Code, message: str, tags: Tags, records: Records, found: Found
) -> None:
    chosen = tags.where(tag, "Z")
    if set(tags.joined(chosen).split(b"\n")[:-1]) <= set(known):
        return
    for index, value in zip(chosen.tolist(), tags.values(chosen), strict=True):
        if value not in known:
            _tell_one(found, code, tags, records, index, message, None)


def _length_of(tag: str, tags: Tags, count: int) -> npt.NDArray[np.int64]:
    lengths = np.full(count, -1, np.int64)
    chosen = tags.where(tag, "Z")
    lengths[tags.record[chosen]] = tags.end[chosen] - tags.start[chosen]
    return lengths


def _lengths(bases: str, qualities: str, code: Code, tags: Tags, records: Records, found: Found) -> None:
    one, other = (_length_of(tag, tags, len(records)) for tag in (bases, qualities))
    wrong = (one >= 0) & (other >= 0) & (one != other)
    what = f"{bases} and {qualities} are not of one length"
    tell(found, code, wrong, records, what, column=qualities, seen=other, expected=one)


def _modifications(tags: Tags, records: Records, found: Found) -> None:
    """What MM counts, ML has, and MN says."""
    size = np.full(len(records), -1, np.int64)
    chosen = tags.where("MN", "i")
    size[tags.record[chosen]] = tags.numbers(chosen)
    wrong = (size >= 0) & (records.bases > 0) & (size != records.bases)
    tell(found, TAG_DIFFERS, wrong, records, "MN is another length than the sequence's", column="MN", seen=size,
         expected=records.bases)  # fmt: skip
    arrays = tags.where("ML", "B")
    have = dict(zip(tags.record[arrays].tolist(), _counts(tags, arrays), strict=True))
    chosen = tags.where("MM", "Z")
    for index, value in zip(chosen.tolist(), tags.values(chosen), strict=True):
        record = int(tags.record[index])
        if not _ONE["MM"].fullmatch(value):
            continue  # it is told of as such
        needed, beyond = _counted(value, int(records.bases[record]) if not wrong[record] else 0)
        if record in have and have[record] != needed:
            message = f"ML has {have[record]} numbers for {needed} modifications"
            _tell_one(found, TAG_MODIFIED, tags, records, index, message, str(needed))
        if beyond and not (records.operation[records.operation_record == record] == ord("H")).any():
            _tell_one(found, TAG_MODIFIED, tags, records, index, "a modification is beyond the end of the read", None)


def _counts(tags: Tags, arrays: npt.NDArray[np.int64]) -> list[int]:
    if tags.binary:
        return [int.from_bytes(value[1:5], "little") for value in tags.values(arrays)]
    return [value.count(b",") for value in tags.values(arrays)]


def _counted(value: bytes, bases: int) -> tuple[int, bool]:
    """How many probabilities belong to a value of MM, and whether it goes beyond a read of so many bases."""
    needed, beyond = 0, False
    for part in value.split(b";")[:-1]:
        head, *skips = part.split(b",")
        code = head[2:].rstrip(b".?")
        needed += len(skips) * (1 if code.isdigit() else len(code))
        beyond |= bool(skips) and 0 < bases < sum(map(int, skips)) + len(skips)
    return needed, beyond


def _differences(tags: Tags, records: Records, found: Found) -> npt.NDArray[np.int64]:
    told = np.full(len(records), -1, np.int64)
    chosen = tags.where("NM", "i")
    if len(chosen):
        told[tags.record[chosen]] = tags.numbers(chosen)
        least = records.gaps
        wrong = (told >= 0) & (told < least) & records.mapped
        tell(found, TAG_NM, wrong, records, "NM is less than what is inserted and deleted", column="NM", seen=told,
             expected=least)  # fmt: skip
    return told
