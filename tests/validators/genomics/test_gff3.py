"""GFF3: columns, attributes, and what is a part of what."""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.validators import Limits, validate

from ..format_contract import FormatContract, errors_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from holotype.validators import Report

# The gene of the specification, in short.
GENE = b"""##gff-version 3.1.26
##sequence-region ctg123 1 149723
# a comment
ctg123\t.\tgene\t1000\t9000\t.\t+\t.\tID=gene00001;Name=EDEN
ctg123\t.\tmRNA\t1050\t9000\t.\t+\t.\tID=mRNA00001;Parent=gene00001;Name=EDEN.1
ctg123\t.\texon\t1300\t1500\t.\t+\t.\tID=exon00001;Parent=mRNA00001
ctg123\t.\tCDS\t1201\t1500\t0.5\t+\t0\tID=cds00001;Parent=mRNA00001;Note=a%2Cb
ctg123\t.\tCDS\t3000\t3902\t.\t+\t2\tID=cds00001;Parent=mRNA00001
###
ctg123\test\tEST_match\t1050\t1500\t.\t+\t.\tID=Match1;Target=agt830.5 1 451 +;Gap=M451
##FASTA
>ctg123
cttctgggcgtacccgattctcggagaacttgccgcaccattccgccttg
"""


def look(tmp_path: Path, data: bytes, **options: Any) -> Report:
    """What is found in a file of this content."""
    path = tmp_path / "genes.gff3"
    path.write_bytes(data)
    return validate(path, **options)


def features(*lines: str) -> bytes:
    """A file of features with single spaces for tabs between the columns."""
    return ("##gff-version 3\n" + "".join("\t".join(line.split(" ", 8)) + "\n" for line in lines)).encode()


class TestGff3(FormatContract):
    format = "gff3"

    def make(self, folder: Path) -> Path:
        path = folder / "genes.gff3"
        path.write_bytes(GENE)
        return path

    def stays_valid(self, data: bytes, size: int) -> bool:
        # Attributes, comments and letters may end anywhere; that the last line has no end is a warning.
        last = data[:size].rsplit(b"\n", 1)[-1]
        if last.startswith(b">"):
            return False
        return size > data.index(b">") or last.startswith(b"#") or not last or last.count(b"\t") == 8


@pytest.mark.parametrize(
    "data",
    [
        b"##gff-version 3\n",
        features("chr1 . region 1 100 . . . ID=chr1;Is_circular=true", "chr1 . gene 90 110 . ? . ID=g"),
        features("chr1 a%20b gene 1 1 1e-5 - . ID=a;Alias=b,c;custom=1;Dbxref=EMBL:AA81,NCBI:9;"),
        features("chr1 . exon 1 5 . - . Parent=b", "chr1 . mRNA 1 5 . - . ID=b"),  # the part before the whole
        features("chr1 . gene 1 5 . - . .") + b"\n\n# end\n",
        features("chr1 . gene 1 5 . - . ID=g%3D1", "chr1 . exon 1 5 . - . Parent=g%3D1"),
        b"##gff-version 3\n##sequence-region c 1 9\nc\t.\tregion\t1\t9\t.\t.\t.\tIs_circular=true\n"
        b"c\t.\tgene\t8\t12\t.\t+\t.\tID=g\n",
        "##gff-version 3\nchr1\t.\tgene\t1\t5\t.\t-\t.\tName=größe\n".encode(),
    ],
)
def test_what_the_format_allows_passes(tmp_path: Path, data: bytes) -> None:
    assert look(tmp_path, data).findings.to_pylist() == []


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        pytest.param(b"##gff-version 3.1.26\n", b"", "gff3.version", 1, id="no-version"),
        pytest.param(b"3.1.26", b"2", "gff3.version", 1, id="another-version"),
        pytest.param(b"1 149723", b"149723", "gff3.directive", 2, id="region-without-end"),
        pytest.param(b"1 149723", b"149723 1", "gff3.directive", 2, id="region-turned-round"),
        pytest.param(b"ctg123\t.\tgene", b"ctg123\tgene", "gff3.columns", 4, id="a-column-missing"),
        pytest.param(b"ctg123\t.\tgene", b"ctg 123\t.\tgene", "gff3.seqid", 4, id="a-space-in-the-sequence"),
        pytest.param(b"ctg123\t.\tgene", b"ctg123\t\tgene", "gff3.column.empty", 4, id="no-source"),
        pytest.param(b"ctg123\t.\tgene", b"ctg123\t.\t", "gff3.column.empty", 4, id="no-type"),
        pytest.param(b"1000\t9000", b"0\t9000", "gff3.coordinates", 4, id="from-zero"),
        pytest.param(b"1000\t9000", b"9001\t9000", "gff3.coordinates", 4, id="end-before-start"),
        pytest.param(b"1000\t9000", b".\t9000", "gff3.coordinates", 4, id="no-start"),
        pytest.param(b"1000\t9000", b"1000\t149724", "gff3.region", 4, id="beyond-its-sequence"),
        pytest.param(b"0.5", b"high", "gff3.score", 7, id="score"),
        pytest.param(b"9000\t.\t+\t.\tID=gene", b"9000\t.\t*\t.\tID=gene", "gff3.strand", 4, id="strand"),
        pytest.param(b"+\t0\tID=cds", b"+\t3\tID=cds", "gff3.phase", 7, id="phase-of-three"),
        pytest.param(b"+\t0\tID=cds", b"+\t.\tID=cds", "gff3.phase", 7, id="coding-without-phase"),
        pytest.param(b"Name=EDEN\n", b"EDEN\n", "gff3.attributes", 4, id="no-tag"),
        pytest.param(b"Name=EDEN\n", b"Name=EDEN;Name=E\n", "gff3.attribute.twice", 4, id="a-tag-twice"),
        pytest.param(b"agt830.5 1 451 +", b"agt830.5", "gff3.attribute.value", 10, id="target"),
        pytest.param(b"Gap=M451", b"Gap=X1", "gff3.attribute.value", 10, id="gap"),
        pytest.param(b"Name=EDEN\n", b"Is_circular=yes\n", "gff3.attribute.value", 4, id="circular"),
        pytest.param(b"ID=Match1", b"ID=gene00001", "gff3.id.unique", 10, id="an-id-twice"),
        pytest.param(b"ID=exon00001;Parent=mRNA00001", b"Parent=mRNA2", "gff3.parent.missing", 6, id="no-parent"),
        pytest.param(b"ID=exon00001", b"Derives_from=x", "gff3.derived.missing", 6, id="derived-from-nothing"),
        pytest.param(b"Name=EDEN\n", b"Parent=mRNA00001\n", "gff3.parent.cycle", 4, id="a-circle"),
        pytest.param(b"ctg123\n", b"ctg123\nACGT 1\n", "gff3.fasta", 13, id="no-letters-in-the-sequence"),
        pytest.param(b">ctg123\n", b"", "gff3.fasta", 12, id="sequence-without-header"),
        pytest.param(b"a comment", b"a \0 comment", "gff3.control", 3, id="nul"),
        pytest.param(b"EDEN.1", b"\xff", "gff3.control", 5, id="no-utf-8"),
    ],
)
def test_each_way_to_break_a_file_is_told_with_its_line(
    tmp_path: Path, old: bytes, new: bytes, code: str, line: int
) -> None:
    assert old in GENE
    report = look(tmp_path, GENE.replace(old, new, 1))
    errors = [(row["code"], row["line"]) for row in report.findings.to_pylist() if row["severity"] == "error"]
    # Of a line that cannot be read the ID is not known, and what is a part of it has no whole.
    unread = code in ("gff3.columns", "gff3.attributes")
    assert errors == ([(code, line), ("gff3.parent.missing", 5)] if unread else [(code, line)])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (features("chr1 . gene 1 5 . - . Note=a=b"), "gff3.escaping"),
        (features("chr1 . gene 1 5 . - . Note=100%"), "gff3.escaping"),
        (features("chr1 . gene 1 5 . - . Colour=red", "chr1 . gene 1 5 . - . Colour=blue"), "gff3.attribute.reserved"),
        (features("chr1 . gene 1 5 . - . Note="), "gff3.attribute.empty"),
        (features("chr1 . gene 1 5 . - . ID=a").replace(b"\n", b"\r\n"), "gff3.line.crlf"),
        (features("chr1 . gene 1 5 . - . ID=a")[:-1], "gff3.line.unterminated"),
    ],
)
def test_what_is_odd_though_readable_is_a_warning(tmp_path: Path, data: bytes, code: str) -> None:
    (finding,) = look(tmp_path, data).findings.to_pylist()
    assert (finding["code"], finding["severity"]) == (code, "warning")


def test_what_comes_after_all_was_said_to_be_there_is_late(tmp_path: Path) -> None:
    data = features("c . exon 1 5 . - . Parent=m") + b"###\nc\t.\tmRNA\t1\t5\t.\t-\t.\tID=m\n"
    (finding,) = look(tmp_path, data).findings.to_pylist()
    assert (finding["code"], finding["line"], finding["record"]) == ("gff3.parent.late", 2, "m")


def test_circles_of_any_length_are_found_and_told_once(tmp_path: Path) -> None:
    lines = [f"c . region 1 5 . - . ID=f{at};Parent=f{(at + 1) % 5000}" for at in range(5000)]
    report = look(tmp_path, features(*lines, "c . region 1 5 . - . ID=own;Parent=own"))
    assert dict(report.counts) == {"gff3.parent.cycle": 2}


def test_of_more_ids_than_memory_allows_the_first_are_looked_at_and_that_is_told(tmp_path: Path) -> None:
    lines = [f"c . gene 1 5 . - . ID=f{at}" for at in range(5000)]
    report = look(tmp_path, features(*lines, "c . exon 1 5 . - . Parent=f9"), limits=Limits(memory=600_000))
    assert report.ok
    assert not report.complete


def test_a_sample_that_ends_before_a_parent_is_no_error(tmp_path: Path) -> None:
    lines = [f"c . exon 1 5 . - . Parent=m{at}" for at in range(1000)]
    lines += [f"c . mRNA 1 5 . - . ID=m{at}" for at in range(1000)]
    report = look(tmp_path, features(*lines), cost="sample", limits=Limits(sample=8000))
    assert report.findings.to_pylist() == []
    assert errors_of(look(tmp_path, features(*lines[:1000]))) == {"gff3.parent.missing"}


OWN = {"gff3.attributes", "gff3.attribute.twice", "gff3.attribute.value", "gff3.attribute.empty", "gff3.escaping"}
PIECES = (
    *("ID=a", "Parent=b", "Name=x", "note=1", "Dbxref=A:1", "Dbxref=1", "Gap=M8", "Gap=8", "Target=e 1 2", "=", "=1"),
    *("tag", " tag=1", "é=1", "x=a=b", "x=%2C", "x=%zz", "x=", "ID=", "Is_circular=true", "t" * 70 + "=1", ""),
)


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=5).map(";".join), min_size=1, max_size=8))
def test_attributes_are_judged_alike_alone_and_among_others(texts: list[str]) -> None:
    lines = [f"chr1\t.\tgene\t1\t9\t.\t+\t.\t{text}\n" for text in texts]

    def told(chosen: list[str], line: int) -> list[tuple[str, str | None]]:
        data = "".join(["##gff-version 3\n", *chosen]).encode()
        findings = validate(io.BytesIO(data), name="x.gff3", format="gff3").findings.to_pylist()
        return sorted((each["code"], each["seen"]) for each in findings if each["line"] == line and each["code"] in OWN)

    for number, line in enumerate(lines):
        assert told(lines, number + 2) == told([line], 2)


OLD = b'##gff-version 2\nchr1\thand\texon\t1\t9\t.\t+\t.\tSequence "A" ; Note "of old"\n'


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_features_of_an_older_version_are_another_format_and_told_as_that(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / ("old.gff" if pack is bytes else "old.gff.gz")
    path.write_bytes(pack(OLD))
    report = validate(path, checks=["gff3.features"])
    (row,) = report.findings.to_pylist()
    assert (row["code"], row["severity"], row["line"]) == ("gff3.version.older", "warning", 1)
    assert "GFF2" in row["message"]
    assert report.ok
    assert not report.complete, "nobody looked into it"


def test_what_is_called_gff3_and_says_that_it_is_older_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "old.gff3"
    path.write_bytes(OLD)
    assert "gff3.version" in validate(path, checks=["gff3.features"]).codes
