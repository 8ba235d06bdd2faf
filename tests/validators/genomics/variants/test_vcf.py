"""Variants in text: whole files pass, and each rule of the specification is held against records."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import ClassVar

import pytest

from holotype.validators import Limits, validate

from ...format_contract import FormatContract, errors_of
from .vcfs import HEADER, at, codes, look, record, text, write

# Files whose folder says whether they are sound, beside the checkout where there are any.
_CORPUS = Path(__file__).parents[4].parent / "shared" / "corpora" / "vcf"


class TestVcfFiles(FormatContract):
    """What holds for files of every format."""

    format: ClassVar[str] = "vcf"

    def make(self, folder: Path) -> Path:
        header = "##contig=<ID=1,length=9000>\n" + HEADER.split("\n", 2)[2]
        return write(folder / "made.vcf", record(), record(pos="120", alt="G,T", info="AF=0.5,0.1;DB",
                     samples="1/2:7:1,2,3,4,5,6 ./."), header=header)  # fmt: skip

    def stays_valid(self, data: bytes, size: int) -> bool:
        return data[:size].endswith(b"\n") and b"\n#CHROM" in data[:size]


@pytest.mark.parametrize("version", ["4.1", "4.2", "4.3", "4.4", "4.5"])
def test_records_of_every_kind_pass_in_every_version(version: str) -> None:
    records = [
        record(pos="0", alt=".", info=".", samples="0/0:7:0 .:.:."),
        record(pos="100", id="rs1;rs2", filter="q10", info="DP=5;AF=0.25;DB", qual="1e3"),
        record(pos="110", ref="ACT", alt="A", info="END=112", format="GT", samples="0|1 1"),
        record(pos="200", ref="N", alt="<DEL>", info="END=300", samples="./1:.:. 0/1"),
        record(pos="210", alt="*,T", samples="1/2:3:1,2,3,4,5,6 0/0/2:1:1,2,3,4,5,6,7,8,9,10"),
        record(pos="220", alt="A[2:500["),
        record(pos="230", alt="]2:500]CA,T.", format="DP:PL", samples="1:1,2,3,4,5,6 .:."),
        record(pos="240", qual=".", filter=".", info="NOTE=a,b,c:d"),
        record(chrom="2", pos="1", info="AF=.;DP=.", format="GT:DP", samples="0/1:. 1|1"),
    ]
    report = look(text(*records, version=version))
    assert report.findings.to_pylist() == []


def test_what_packed_it_and_how_its_lines_end_makes_no_difference() -> None:
    plain = text(record(), record(pos="101"))
    assert codes(look(plain.replace("\n", "\r\n"))) == []
    assert codes(look(gzip.compress(plain.encode()))) == []


@pytest.mark.parametrize(
    ("fields", "code", "column"),
    [
        ({"chrom": "1,2"}, "vcf.chrom.name", "CHROM"),
        ({"pos": "-1"}, "vcf.pos.value", "POS"),
        ({"pos": "1e3"}, "vcf.pos.value", "POS"),
        ({"pos": "100002"}, "vcf.pos.beyond", "POS"),
        ({"id": "rs1;"}, "vcf.id.value", "ID"),
        ({"id": "rs1;rs1"}, "vcf.id.value", "ID"),
        ({"id": "my id"}, "vcf.id.value", "ID"),
        ({"ref": "R"}, "vcf.ref.bases", "REF"),
        ({"ref": "."}, "vcf.ref.bases", "REF"),
        ({"alt": "R"}, "vcf.alt.allele", "ALT"),
        ({"alt": "[2:1["}, "vcf.alt.allele", "ALT"),
        ({"alt": "C[2:x["}, "vcf.alt.allele", "ALT"),
        ({"alt": "<DE L>"}, "vcf.alt.allele", "ALT"),
        ({"alt": "a"}, "vcf.alt.same", "ALT"),
        ({"qual": "high"}, "vcf.qual.value", "QUAL"),
        ({"qual": "-3"}, "vcf.qual.value", "QUAL"),
        ({"filter": "q10;PASS;0"}, "vcf.filter.value", "FILTER"),
        ({"filter": "q10;q10"}, "vcf.filter.value", "FILTER"),
        ({"info": "DP=7;"}, "vcf.info.syntax", "INFO"),
        ({"info": "D P=7"}, "vcf.info.syntax", "INFO"),
        ({"info": "DP=7;DP=8"}, "vcf.info.duplicate", "INFO"),
        ({"info": "DP=7.5"}, "vcf.info.type", "INFO"),
        ({"info": "DP=-7"}, "vcf.info.type", "INFO"),
        ({"info": "DP=3000000000"}, "vcf.info.type", "INFO"),
        ({"info": "AF=1."}, "vcf.info.type", "INFO"),
        ({"info": "DP=7,8"}, "vcf.info.number", "INFO"),
        ({"info": "AF=0.5,0.5"}, "vcf.info.number", "INFO"),
        ({"info": "DP"}, "vcf.info.flag", "INFO"),
        ({"info": "DP="}, "vcf.info.flag", "INFO"),
        ({"info": "DB=yes"}, "vcf.info.flag", "INFO"),
        ({"info": "END=99"}, "vcf.info.end", "INFO"),
        ({"info": "END=100002"}, "vcf.pos.beyond", "INFO"),
        ({"info": ""}, "vcf.record.empty", "INFO"),
        ({"format": "DP:GT", "samples": "7:0/1 9:0/0"}, "vcf.format.keys", "FORMAT"),
        ({"format": "GT:DP:DP"}, "vcf.format.keys", "FORMAT"),
        ({"format": "GT::PL"}, "vcf.format.keys", "FORMAT"),
        ({"samples": "0/2:7:10,0,90 0/0"}, "vcf.sample.gt", "A"),
        ({"samples": "0/1 0-1"}, "vcf.sample.gt", "B"),
        ({"samples": "0/1 0//1"}, "vcf.sample.gt", "B"),
        ({"samples": "0/1 0/1:1:1,2,3:4"}, "vcf.sample.fields", "B"),
        ({"samples": "0/1 0/1:x"}, "vcf.sample.type", "B"),
        ({"samples": "0/1 0/1:-1"}, "vcf.sample.type", "B"),
        ({"samples": "0/1 0/1:1:1,2"}, "vcf.sample.number", "B"),
        ({"samples": "0/1 1:1:1,2,3"}, "vcf.sample.number", "B"),
        ({"samples": "0/1 0/0/1:1:1,2,3"}, "vcf.sample.number", "B"),
        ({"samples": "0/1 0/1::1,2,3"}, "vcf.record.empty", "B"),
    ],
)
def test_what_is_wrong_with_a_record_is_told_with_its_line_and_column(
    fields: dict[str, str], code: str, column: str
) -> None:
    # After enough sound ones the record is met by a pattern that others have taught.
    sound = [record(pos=str(place)) for place in range(1, 60)]
    report = look(text(*sound, record(**fields)))
    found = at(report, code)
    assert (found["line"], found["column"], found["severity"]) == (74, column, "error")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"chrom": "3"}, "vcf.chrom.undeclared"),
        ({"alt": "<DUP>"}, "vcf.alt.undeclared"),
        ({"filter": "s50"}, "vcf.filter.undeclared"),
        ({"info": "MINE=7"}, "vcf.info.undeclared"),
        ({"format": "GT:MINE", "samples": "0/1:a 0/0:b"}, "vcf.format.undeclared"),
        ({"info": "NOTE=a=b"}, "vcf.info.characters"),
        ({"info": "NOTE=50%"}, "vcf.text.percent"),
    ],
)
def test_what_a_file_uses_and_does_not_declare_is_told_once(fields: dict[str, str], code: str) -> None:
    report = look(text(record(pos="1"), *(record(pos=str(place), **fields) for place in range(2, 40))))
    if code == "vcf.chrom.undeclared":
        report = look(text(*(record(pos=str(place), **fields) for place in range(2, 40))))
    found = at(report, code)
    assert (report.ok, found["severity"]) == (True, "warning")
    assert report.counts == {code: 1}


def test_rules_that_a_version_does_not_have_are_not_held_against_it() -> None:
    for version, ok in (("4.1", True), ("4.2", True), ("4.3", False), ("4.5", False)):
        assert look(text(record(info="AF=1."), version=version)).ok == ok
        assert look(text(record(info="DP=1;DP=2"), version=version)).ok == ok
    for version, ok in (("4.2", False), ("4.3", True)):
        assert look(text(record(info="NOTE=two words"), version=version)).ok == ok
        assert look(text(record(chrom="HLA:1"), version=version, header="")).ok == ok
        assert look(text(record(format="GT:my_key", samples="0/1:1 0/1:1"), version=version)).ok == ok
    for version, ok in (("4.3", False), ("4.4", True)):
        assert look(text(record(samples="|0/1 /0/0"), version=version)).ok == ok


def test_lines_that_are_no_records_are_told() -> None:
    lines = text(record(pos="1"), "", "1\t2\t.", "##late=1", record(pos="3"))
    report = look(lines)
    found = {row["code"]: row["line"] for row in report.findings.to_pylist()}
    assert found == {"vcf.text.blank": 16, "vcf.record.columns": 17, "vcf.record.header": 18}


def test_records_are_in_order_and_contigs_in_one_piece() -> None:
    places = [("1", "5"), ("1", "9"), ("1", "8"), ("2", "1"), ("1", "10"), ("2", "2")]
    report = look(text(*(record(chrom=chrom, pos=pos) for chrom, pos in places)))
    found = [(row["code"], row["line"]) for row in report.findings.to_pylist()]
    assert sorted(found) == [
        ("vcf.chrom.contiguous", 19),
        ("vcf.chrom.contiguous", 20),
        ("vcf.pos.sorted", 17),
    ]


@pytest.mark.parametrize(
    "records",
    [
        [record(), record()],
        [record(ref="TAT", alt="TGT", pos="99"), record()],
        [record(ref="GA", alt="GGA,GG", pos="99"), record()],
        [
            record(ref="CATTTTTTTT", alt="C", pos="99"),
            record(pos="101", ref="T", alt="C"),
            record(pos="101", ref="T", alt="C"),
        ],
    ],
)
def test_a_change_that_is_told_twice_is_noticed_however_it_is_written(records: list[str]) -> None:
    bare = [each.replace(":DP:PL", "").replace(":7:10,0,90", "").replace(":9:0,27,255", "") for each in records]
    assert at(look(text(*bare)), "vcf.record.duplicate")["line"] == 14 + len(bare)
    symbols = [record(alt="<DEL>"), record(alt="<DEL>"), record(alt="."), record(alt=".")]
    assert "vcf.record.duplicate" not in codes(look(text(*symbols)))


def test_control_characters_and_what_is_no_utf8_are_told_with_their_place() -> None:
    report = look(text(record(), record(pos="101", info="NOTE=a\0b")))
    assert at(report, "vcf.text.control")["line"] == 16
    data = text(record(), record(pos="101", info="NOTE=é")).encode()
    assert look(data).ok
    assert at(look(data.replace("é".encode(), b"\xe9")), "vcf.text.encoding")["line"] == 16
    assert errors_of(look(text(record(info="NOTE=a\rb")))) == {"vcf.text.control"}


def test_the_last_line_ends_with_a_separator() -> None:
    whole = text(record())
    assert at(look(whole[:-1]), "vcf.text.newline")["severity"] == "error"
    assert look(text(record(), version="4.2")[:-1]).ok


def test_local_alleles_and_modified_bases_are_counted_as_4_5_says() -> None:
    fields = (("LAA", ".", "Integer"), ("LAD", "LR", "Integer"), ("LPL", "LG", "Integer"), ("M5mC", "M", "Float"))
    header = "".join(f'##FORMAT=<ID={name},Number={n},Type={kind},Description="d">\n' for name, n, kind in fields)
    header += HEADER + '##ALT=<ID=*,Description="any">\n'
    sound = record(alt="C,T,<*>", format="GT:LAA:LAD:LPL", samples="1/3:1,3:20,30,10:90,80,0,100,110,120 0/0::30:0")
    bases = record(
        pos="200", ref="C", alt="A,T,G,ACG", format="GT:M5mC", samples="/3|1/0|4|0/0/3/1:0.25,0.1,0.5,0.6,. 0/1:1"
    )
    assert codes(look(text(sound, bases, version="4.5", header=header))) == []
    wrong = sound.replace("20,30,10", "20,30"), bases.replace("0.5,0.6,.", "0.5,0.6")
    report = look(text(*wrong, version="4.5", header=header))
    assert codes(report) == ["vcf.sample.number"] * 2
    late = record(format="GT:LAD:LAA", samples="0/1:1,2:1 0/1:1,2:1")
    assert at(look(text(late, version="4.5", header=header)), "vcf.format.keys")


def test_every_wrong_record_is_counted_though_only_some_are_kept() -> None:
    report = look(text(*(record(pos=str(place), qual="x") for place in range(1, 500))), limits=Limits(each=10))
    assert report.counts == {"vcf.qual.value": 499}
    assert report.findings.num_rows == 10


def test_a_line_of_many_megabytes_is_looked_at_to_its_end() -> None:
    samples = 300_000
    names = "\t".join(f"s{number}" for number in range(samples))
    good = record(samples="") + "\t".join(["0/1:12:0,30,400"] * samples)
    content = text(good, samples="x").replace("\tx\n", f"\t{names}\n")
    assert look(content).ok
    report = look(content.removesuffix("\n") + ":5\n")
    assert at(report, "vcf.sample.fields")["column"] == f"s{samples - 1}"


def test_every_file_of_a_corpus_is_judged_as_its_folder_says() -> None:
    paths = sorted(_CORPUS.glob("*/*/*.vcf"))
    wrong = [path.parts[-3:] for path in paths if validate(path).ok != (path.parent.name == "passed")]
    assert not wrong
