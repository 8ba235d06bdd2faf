"""BAM: its layout, its fields' types, and the rules that it shares with SAM."""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING

import pytest

from holotype.validators import Limits, validate

from ..format_contract import FormatContract, errors_of
from .alignments import HEAD, RECORDS, bam, bgzf, encoded, header_of, record, same_inside

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.validators import Report


class TestBam(FormatContract):
    format = "bam"
    packing = "bgzip"

    def make(self, folder: Path) -> Path:
        path = folder / "reads.bam"
        path.write_bytes(bam(*RECORDS))
        return path

    def unprotected(self, data: bytes) -> set[int]:
        return same_inside(data)


def look(folder: Path, *records: bytes, head: bytes | None = None, limits: Limits | None = None) -> Report:
    """What is found in a file of these records."""
    path = folder / "one.bam"
    path.write_bytes(bgzf((header_of(HEAD) if head is None else head) + b"".join(records)))
    return validate(path, limits=limits)


def changed(line: str, at: int, form: str, value: int) -> bytes:
    """A record in which the number at a place, from behind its size, is another."""
    data = bytearray(encoded(line))
    struct.pack_into(form, data, at + 4, value)
    return bytes(data)


FIRST = len(header_of(HEAD))
NAME, OPERATIONS, BASES = 8, 12, 16


@pytest.mark.parametrize(
    ("at", "form", "value", "code"),
    [
        (0, "<i", 2, "bam.refid"), (0, "<i", -2, "bam.refid"), (20, "<i", 7, "bam.refid"), (4, "<i", -2, "bam.pos"),
        (24, "<i", -2, "bam.pos"), (NAME, "<B", 0, "bam.record.layout"), (NAME, "<B", 250, "bam.record.layout"),
        (OPERATIONS, "<H", 9000, "bam.record.layout"), (BASES, "<I", 0xFFFFFFFF, "bam.record.layout"),
        (28, "<i", -(1 << 31), "bam.tlen"), (36, "<B", 1, "bam.qname.end"), (32, "<B", 1, "sam.qname"),
        (32, "<B", ord("@"), "sam.qname"), (37, "<I", 10 << 4 | 9, "sam.cigar"), (37, "<I", 9 << 4, "sam.cigar.length"),
        (46, "<B", 94, "sam.qual"),
    ],
)  # fmt: skip
def test_each_part_of_a_record_is_held_against_its_rule(
    tmp_path: Path, at: int, form: str, value: int, code: str
) -> None:
    report = look(tmp_path, changed(record(), at, form, value), encoded(record(pos=1001)))
    assert code in errors_of(report)
    first = next(row for row in report.findings.to_pylist() if row["code"] == code)
    assert first["offset"] == FIRST
    assert "check.crashed" not in report.counts


def test_a_wrong_bin_is_a_warning_and_what_was_right_until_2021_is_right(tmp_path: Path) -> None:
    assert look(tmp_path, encoded(record(), bin=4682)).counts == {"bam.bin": 1}
    at_a_border = record(pos=16385, cigar="10I")
    assert not look(tmp_path, encoded(at_a_border)).counts
    assert not look(tmp_path, encoded(at_a_border, bin=585)).counts


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        (b"XXi\x01\x00\x00", "bam.tag.layout"), (b"XXq\x01", "bam.tag.layout"), (b"XXZabc", "bam.tag.layout"),
        (b"X", "bam.tag.layout"), (b"XXBc\xff\xff\xff\xff", "bam.tag.layout"),
        (b"XXBA\x01\x00\x00\x00!", "bam.tag.layout"),
        (b"XXBc", "bam.tag.layout"), (b"1XA!", "sam.tag"), (b"XXA\x01", "sam.tag"), (b"XXZ\x80\0", "sam.tag"),
        (b"XXH1\0", "sam.tag"), (b"XXc\x01XXc\x01", "sam.tag.duplicate"), (b"MDZx\0", "sam.tag.content"),
        (b"RGZno\0", "sam.tag.group"),
    ],
)  # fmt: skip
def test_each_optional_field_ends_where_its_record_does_and_is_of_its_type(
    tmp_path: Path, tags: bytes, code: str
) -> None:
    whole = encoded(record())
    longer = struct.pack("<I", len(whole) - 4 + len(tags)) + whole[4:] + tags
    report = look(tmp_path, longer, encoded(record(pos=1001)))
    assert errors_of(report) == {code}
    assert report.findings.to_pylist()[0]["record"] == "read"


def test_every_type_of_number_is_understood(tmp_path: Path) -> None:
    tags = b"XaA!XbcaXcCaXdsabXeSabXfiabcdXgIabcdXhfabcdXiZ\0XjH0F\0XkBC\x02\0\0\0abXlBf\x01\0\0\0abcdNMC\x03"
    whole = encoded(record())
    report = look(tmp_path, struct.pack("<I", len(whole) - 4 + len(tags)) + whole[4:] + tags)
    assert not report.counts
    assert report.metric("sam.bases.mismatched") == 3


def test_references_are_those_of_the_header_lines(tmp_path: Path) -> None:
    for references in ([("chr1", 100_000)], [("chr1", 99_999), ("chr2", 5000)], [("chr2", 5000), ("chr1", 100_000)]):
        report = look(tmp_path, head=header_of(HEAD, references=references))
        assert errors_of(report) == {"bam.header.references"}
    assert not look(tmp_path, head=header_of(("@HD\tVN:1.6",), references=[("a", 5)])).counts
    assert errors_of(look(tmp_path, head=header_of((), references=[("a b", 5)]))) == {"bam.header.reference"}


def test_a_header_that_says_more_than_there_is_costs_nothing(tmp_path: Path) -> None:
    for head in (
        b"BAM\1" + struct.pack("<I", 0xFFFFFFFF), b"BAM\1" + struct.pack("<I", 5000) + b"@CO\tx\n",
        b"BAM\1\0\0\0\0" + struct.pack("<I", 0x7FFFFFFF), b"BAM\1\0\0\0\0\1\0\0\0\xff\xff\xff\x7f", b"BAM\1\0\0\0\0\1",
    ):  # fmt: skip
        assert errors_of(look(tmp_path, head=head)) == {"bam.header.truncated"}


def test_a_record_of_no_possible_size_ends_the_reading(tmp_path: Path) -> None:
    report = look(tmp_path, encoded(record()), struct.pack("<I", 3) + bytes(50))
    assert errors_of(report) == {"bam.record.size"}
    assert not report.complete
    big = look(tmp_path, struct.pack("<I", 1 << 30) + bytes(50), limits=Limits(memory=1 << 20))
    assert errors_of(big) == {"bam.record.size"}


def test_a_record_that_is_cut_off_is_told_of_even_between_whole_blocks(tmp_path: Path) -> None:
    report = look(tmp_path, encoded(record()), encoded(record())[:-3])
    assert errors_of(report) == {"bam.record.truncated"}


def test_rules_hold_across_blocks(tmp_path: Path) -> None:
    records = [encoded(record(qname=f"r{number}", pos=number + 1)) for number in range(30_000)]
    report = look(tmp_path, *records, encoded(record(pos=5)))
    assert report.counts == {"sam.order.coordinate": 1}
    assert report.metric("sam.records") == 30_001


def test_a_sample_of_a_large_file_is_no_cut_file(tmp_path: Path) -> None:
    path = tmp_path / "large.bam"
    path.write_bytes(bam(*(record(qname=f"r{number}", pos=number + 1) for number in range(30_000))))
    report = validate(path, cost="sample", limits=Limits(sample=1 << 20))
    assert report.ok
    assert not report.complete
    assert report.metric("sam.records") is None


def test_bam_that_is_packed_otherwise_is_none(tmp_path: Path) -> None:
    path = tmp_path / "plain.bam"
    content = header_of(HEAD) + encoded(record())
    for data in (content, gzip.compress(content)):
        path.write_bytes(data)
        assert errors_of(validate(path)) == {"bam.bgzf"}
