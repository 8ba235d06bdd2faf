"""Alignments as text: what the specification allows passes, and what it does not is told with its place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from holotype.validators import validate

from ..format_contract import FormatContract, errors_of
from .alignments import HEAD, RECORDS, record, sam

if TYPE_CHECKING:
    from holotype.validators import Report

# Files whose folders say whether they are valid, beside the checkout where there are any.
CORPUS = Path(__file__).parents[3].parent / "shared" / "corpora" / "sam"
# It is in the folder of what must fail, and the specification has the value that it has, as the default.
ALLOWED = {"hdr.HD3.sam"}


class TestSam(FormatContract):
    format = "sam"

    def make(self, folder: Path) -> Path:
        path = folder / "reads.sam"
        path.write_bytes(sam(*RECORDS))
        return path

    def stays_valid(self, data: bytes, size: int) -> bool:
        # Text that ends with a line is whole; and so may be a line of it, of which a warning says that it has no end.
        last = data[:size].rpartition(b"\n")[2]
        return not last or last.count(b"\t") >= 10 or last.startswith(b"@")


def look(path: Path, *records: str, head: tuple[str, ...] = HEAD) -> Report:
    """What is found in a file of these records."""
    path = path / "one.sam"
    path.write_bytes(sam(*records, head=head))
    return validate(path, format="sam")


def only(report: Report) -> tuple[str, int | None, str | None]:
    """The code, line and column of what is found, which is one thing."""
    (row,) = report.findings.to_pylist()
    return row["code"], row["line"], row["column"]


LINE = len(HEAD) + 1
TAGGED = {"NM:i:": "NM", "Z:Z:x": "Z:", "ZZZ:Z:x": "ZZ", "XX:z:x": "XX", "XX:A: ": "XX", "XX:A:ab": "XX",
          "XX:f:nan": "XX", "XX:f:1.": "XX", "XX:H:123": "XX", "XX:H:ab": "XX", "XX:i:1.5": "XX", "XX:B:x,1": "XX",
          "XX:B:c,": "XX", "XX:Z:é": "XX", "1X:i:1": "1X"}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("qname", "", "sam.qname"), ("qname", "a b", "sam.qname"), ("qname", "x@", "sam.qname"),
        ("qname", "x" * 255, "sam.qname"), ("flag", -1, "sam.flag"), ("flag", 65536, "sam.flag"),
        ("flag", "0x4", "sam.flag"), ("rname", "a,b", "sam.rname"), ("rname", "=", "sam.rname"),
        ("rname", "chr3", "sam.rname.unknown"), ("pos", "01", "sam.pos"), ("pos", 2147483648, "sam.pos"),
        ("pos", -1, "sam.pos"), ("mapq", 256, "sam.mapq"), ("mapq", "*", "sam.mapq"), ("cigar", "10", "sam.cigar"),
        ("cigar", "10Y", "sam.cigar"), ("cigar", "", "sam.cigar"), ("cigar", "5M1H5M", "sam.cigar.clip"),
        ("cigar", "4M2S4M", "sam.cigar.clip"), ("cigar", "2S3H8M", "sam.cigar.clip"),
        ("cigar", "9M", "sam.cigar.length"), ("cigar", "10M5D1I", "sam.cigar.length"), ("rnext", "(x)", "sam.rnext"),
        ("rnext", "chr3", "sam.rnext.unknown"), ("pnext", "1e3", "sam.pnext"), ("tlen", "1.5", "sam.tlen"),
        ("tlen", -2147483648, "sam.tlen"), ("tlen", "", "sam.tlen"), ("seq", "ACG-ACGTAC", "sam.seq"),
        ("seq", "", "sam.seq"), ("qual", "IIIIIIIII ", "sam.qual"), ("qual", "", "sam.qual"),
        ("qual", "III", "sam.qual.length"), ("seq", "*", "sam.qual.length"),
    ],
)  # fmt: skip
def test_each_column_is_what_it_has_to_be(tmp_path: Path, field: str, value: object, code: str) -> None:
    report = look(tmp_path, record(**{field: value}), record(pos=2000))
    assert errors_of(report) == {code}
    column = "QUAL" if code == "sam.qual.length" else field.upper()
    assert only(report) == (code, LINE, column)


@pytest.mark.parametrize("field", TAGGED)
def test_each_optional_field_is_what_its_type_asks(tmp_path: Path, field: str) -> None:
    report = look(tmp_path, record(tags=field))
    assert errors_of(report) == {"sam.tag"}
    assert report.findings.to_pylist()[0]["column"] == TAGGED[field].encode().decode("ascii", "backslashreplace")


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ("XX:i:1\tXY:i:2\tXX:i:3", "sam.tag.duplicate"), ("XX:i:4294967296", "sam.tag.range"),
        ("XX:i:-2147483649", "sam.tag.range"), ("XX:B:c,1,128", "sam.tag.array"), ("XX:B:C,-1", "sam.tag.array"),
        ("XX:B:i,1.5", "sam.tag.array"), ("MD:Z:5AC", "sam.tag.content"), ("MD:Z:", "sam.tag.content"),
        ("MC:Z:10Q", "sam.tag.content"), ("SA:Z:chr1,1,+,10M,60", "sam.tag.content"),
        ("OA:Z:chr1,1,*,10M,60,;", "sam.tag.content"), ("MM:Z:Q+m,1;", "sam.tag.content"),
        ("RG:Z:other", "sam.tag.group"), ("LB:Z:other", "sam.tag.group"), ("CR:Z:ACGT\tCY:Z:III", "sam.tag.length"),
        ("BQ:Z:@@@", "sam.tag.length"), ("MM:Z:C+m,1;\tML:B:C,1,2", "sam.tag.modifications"),
        ("MM:Z:C+m,5,9;", "sam.tag.modifications"),
    ],
)  # fmt: skip
def test_predefined_fields_are_as_they_are_defined(tmp_path: Path, tags: str, code: str) -> None:
    report = look(tmp_path, record(), record(pos=1001, tags=tags))
    assert errors_of(report) == {code}
    assert only(report)[1] == LINE + 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"flag": 0x2}, "sam.flag.unpaired"), ({"flag": 0x1000}, "sam.flag.reserved"),
        ({"flag": 0x4}, "sam.flag.unmapped"), ({"cigar": "*"}, "sam.flag.mapped"),
        ({"cigar": "0S10M"}, "sam.cigar.zero"), ({"cigar": "5M5M"}, "sam.cigar.adjacent"),
        ({"pos": 99_992}, "sam.pos.beyond"), ({"rnext": "chr1", "pnext": 5}, "sam.rnext.same"),
        ({"rnext": "chr2", "pnext": 5001}, "sam.pnext.beyond"), ({"tags": "H0:H:AB"}, "sam.tag.type"),
        ({"tags": "PG:Z:none"}, "sam.tag.program"), ({"tags": "BC:Z:ACGT\tQT:Z:I"}, "sam.tag.length.barcode"),
        ({"tags": "MN:i:5"}, "sam.tag.mn"), ({"cigar": "5M3D5M", "tags": "NM:i:2"}, "sam.tag.nm"),
    ],
)  # fmt: skip
def test_what_is_allowed_but_odd_is_a_warning(tmp_path: Path, fields: dict[str, object], code: str) -> None:
    report = look(tmp_path, record(**fields))
    assert report.ok
    assert only(report)[0] == code


def test_a_circular_reference_may_be_gone_around(tmp_path: Path) -> None:
    assert not look(tmp_path, record(rname="chr2", pos=4995)).counts


def test_a_record_needs_eleven_columns_and_all_that_is_wrong_with_a_line_is_told(tmp_path: Path) -> None:
    report = look(tmp_path, record(), "read\tx\tchr1\ty", "", record(pos=1001))
    assert [(row["code"], row["line"]) for row in report.findings.to_pylist()] == [
        ("sam.record.columns", LINE + 1), ("sam.flag", LINE + 1), ("sam.pos", LINE + 1),
        ("sam.record.columns", LINE + 2), ("sam.qname", LINE + 2),
    ]  # fmt: skip


def test_records_are_in_the_order_that_the_header_says(tmp_path: Path) -> None:
    assert only(look(tmp_path, record(pos=9), record(pos=8))) == ("sam.order.coordinate", LINE + 1, "POS")
    assert "sam.order.coordinate" in look(tmp_path, record(rname="chr2"), record()).counts
    assert "sam.order.coordinate" in look(tmp_path, RECORDS[-1], record()).counts
    head = ("@HD\tVN:1.6\tSO:queryname", *HEAD[1:])
    names = ("a10", "a2", "a1")
    assert look(tmp_path, *(record(qname=name) for name in ("a1", "a10", "a2")), head=head).ok
    assert not look(tmp_path, *(record(qname=name) for name in ("a1", "a2", "a2", "a10")), head=head).counts
    assert only(look(tmp_path, *(record(qname=name) for name in names), head=head))[0] == "sam.order.queryname"
    said = ("@HD\tVN:1.6\tSO:queryname\tSS:queryname:lexicographical", *HEAD[1:])
    assert look(tmp_path, record(qname="a2"), record(qname="a10"), head=said).counts == {"sam.order.queryname": 1}


def test_mates_side_by_side_say_of_each_other_what_is_so(tmp_path: Path) -> None:
    first = record(flag=99, rnext="=", pnext=1100, tlen=110)
    assert not look(tmp_path, first, record(flag=147, pos=1100, rnext="=", pnext=1000, tlen=-110)).counts
    assert look(tmp_path, first, record(flag=147, pos=1101, rnext="=", pnext=1000)).counts == {"sam.mate": 1}
    assert look(tmp_path, first, record(flag=131, pos=1100, rnext="=", pnext=1000)).counts == {"sam.mate": 1}


def test_a_file_without_a_header_and_an_empty_one_are_valid(tmp_path: Path) -> None:
    assert not look(tmp_path, record(), head=()).counts
    assert not look(tmp_path, head=()).counts
    assert look(tmp_path, record(tags="RG:Z:g1"), head=()).counts == {"sam.tag.group.absent": 1}


def test_a_line_without_an_end_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "cut.sam"
    path.write_bytes(sam(*RECORDS)[:-1])
    report = validate(path)
    assert report.ok
    assert report.counts == {"sam.line.unfinished": 1}


def test_windows_line_ends_are_wrong(tmp_path: Path) -> None:
    path = tmp_path / "windows.sam"
    path.write_bytes(sam(record()).replace(b"\n", b"\r\n"))
    assert {"sam.header.text", "sam.qual"} <= errors_of(validate(path))


def test_a_million_bad_records_are_counted_and_a_few_kept(tmp_path: Path) -> None:
    report = look(tmp_path, *[record(flag=2)] * 5000, *[record(cigar="9M")] * 3000)
    assert report.counts == {"sam.flag.unpaired": 5000, "sam.cigar.length": 3000}
    assert len(report.findings) == 200


def test_every_file_of_a_corpus_is_judged_as_its_folder_says() -> None:
    good = [path.name for path in sorted(CORPUS.glob("passed/*.sam")) if not validate(path, format="sam").ok]
    bad = {path.name for path in sorted(CORPUS.glob("failed/*.sam")) if validate(path, format="sam").ok}
    assert good == []
    assert bad <= ALLOWED
