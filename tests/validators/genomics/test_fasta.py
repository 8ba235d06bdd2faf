"""FASTA and its index: what is one, and whether the one is of the other."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from holotype.validators import Limits, validate, validate_folder

from ..format_contract import FormatContract, errors_of

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.validators import Report

GENOME = b">chr1 the first\nACGTACGTAC\nGTACGTACGT\nACG\n>chr2\nNNNNNacgtr\nACGT\n>chr3\nACGTACGTAC\n"
INDEX = b"chr1\t23\t16\t10\t11\nchr2\t14\t48\t10\t11\nchr3\t10\t70\t10\t11\n"
PROTEINS = b">sp|P1|ONE_HUMAN One\nMKVLEFIPQZ\nWY*\n>sp|P2|TWO_HUMAN\nMSELFIPQWW\n"


def look(tmp_path: Path, data: bytes, name: str = "genome.fa", **options: Any) -> Report:
    """What is found in a file of this content."""
    path = tmp_path / name
    path.write_bytes(data)
    return validate(path, **options)


def only(report: Report) -> dict[str, Any]:
    """The one finding there is."""
    (finding,) = report.findings.to_pylist()
    assert isinstance(finding, dict)
    return finding


class TestFasta(FormatContract):
    format = "fasta"

    def make(self, folder: Path) -> Path:
        path = folder / "genome.fa"
        path.write_bytes(GENOME)
        return path

    def stays_valid(self, data: bytes, size: int) -> bool:
        # Only another digest can tell that letters at the end are missing.
        lines = data[:size].removesuffix(b"\n").split(b"\n")
        return not lines[-1].startswith(b">")


class TestProteins(TestFasta):
    def make(self, folder: Path) -> Path:
        path = folder / "proteins.faa"
        path.write_bytes(PROTEINS)
        return path


class TestIndex(FormatContract):
    format = "fai"

    def make(self, folder: Path) -> Path:
        path = folder / "genome.fa.fai"
        path.write_bytes(INDEX)
        return path

    def stays_valid(self, data: bytes, size: int) -> bool:
        fields = data[:size].removesuffix(b"\n").rsplit(b"\n", 1)[-1].split(b"\t")
        return len(fields) == 5 and fields[4] in (b"11", b"12")


@pytest.mark.parametrize(
    ("data", "code", "line", "severity"),
    [
        pytest.param(b"ACGT\n>a\nACGT\n", "fasta.header.missing", 1, "error", id="text-before"),
        pytest.param(b">\nACGT\n", "fasta.name.missing", 1, "error", id="no-name"),
        pytest.param(b"> a\nACGT\n", "fasta.name.missing", 1, "error", id="a-space-before-the-name"),
        pytest.param(b">a x\nA\n>b\nA\n>a y\nA\n", "fasta.name.duplicate", 5, "error", id="a-name-twice"),
        pytest.param(b">a\x01b\nACGT\n", "fasta.name.control", 1, "error", id="control-character"),
        pytest.param(b">a\n>b\nACGT\n", "fasta.sequence.empty", 1, "error", id="no-letters"),
        pytest.param(b">b\nACGT\n>a\n", "fasta.sequence.empty", 3, "error", id="no-letters-at-the-end"),
        pytest.param(b">a\nACGT\nAC1T\n", "fasta.sequence.alphabet", 3, "error", id="digit"),
        pytest.param(b">a\nACGT\nAC T\n", "fasta.sequence.alphabet", 3, "error", id="space"),
        pytest.param(b">a\nACGT\nAC>b\n", "fasta.sequence.alphabet", 3, "error", id="lost-newline"),
        pytest.param(b">a\nACGT\nA\0GT\n", "fasta.sequence.alphabet", 3, "error", id="nul"),
        pytest.param(b">a\nACGTACGT\nACGTACGTAC\n", "fasta.line.uneven", 3, "warning", id="longer-line"),
        pytest.param(b">a\nACGTA\nACG\nACGTA\n", "fasta.line.uneven", 4, "warning", id="shorter-line-within"),
        pytest.param(b">a\nACGT\n\n>b\nACGT\n", "fasta.line.blank", 3, "warning", id="blank-line"),
        pytest.param(b">a\nACGT\n>b\nAC", "fasta.line.unterminated", 4, "warning", id="no-newline"),
        pytest.param(b">a\nACGTACGTACGTLCGT\n", "fasta.sequence.nucleotide", 2, "warning", id="not-of-iupac"),
        pytest.param(b">a\r\nACGT\r\n", "fasta.line.crlf", 1, "warning", id="windows"),
    ],
)
def test_each_way_to_break_a_file_is_told_with_its_line(
    tmp_path: Path, data: bytes, code: str, line: int, severity: str
) -> None:
    finding = only(look(tmp_path, data))
    assert (finding["code"], finding["line"], finding["severity"]) == (code, line, severity)


def test_the_kind_of_sequences_is_guessed_and_figures_are_told(tmp_path: Path) -> None:
    report = look(tmp_path, GENOME)
    assert report.metric("fasta.kind", of="nucleotide") == 1
    assert (report.metric("fasta.sequences"), report.metric("fasta.letters")) == (3, 47)
    assert (report.metric("fasta.length.least"), report.metric("fasta.length.most")) == (10, 23)
    assert report.metric("fasta.n") == pytest.approx(5 / 47)
    assert look(tmp_path, PROTEINS, "proteins.faa").metric("fasta.kind", of="protein") == 1


def test_sequences_that_go_on_over_many_blocks_are_looked_at_as_one(tmp_path: Path) -> None:
    line = b"ACGT" * 15 + b"\n"
    data = b">big\n" + line * 60_000 + b"AC\n>small\nACGT\n"
    report = look(tmp_path, data)
    assert report.findings.to_pylist() == []
    assert report.metric("fasta.length.most") == 3_600_002
    broken = data.replace(b"AC\n>small", b"AC\n" + line + b">small")
    finding = only(look(tmp_path, broken))
    assert (finding["code"], finding["line"]) == ("fasta.line.uneven", 60_003)


def test_more_names_than_memory_allows_are_compared_in_part(tmp_path: Path) -> None:
    data = b"".join(b">s%d\nA\n" % number for number in range(20_000))
    report = look(tmp_path, data + data, limits=Limits(memory=1 << 20))
    assert 0 < report.counts["fasta.name.duplicate"] < 20_000


def index_findings(folder: Path, genome: bytes, index: bytes, **options: Any) -> list[dict[str, Any]]:
    """What is found about an index and its file."""
    (folder / "genome.fa").write_bytes(genome)
    (folder / "genome.fa.fai").write_bytes(index)
    rows: list[dict[str, Any]] = validate_folder(folder, **options).findings.to_pylist()
    return [row for row in rows if row["check"] == "fai.fasta"]


def test_an_index_of_its_file_passes(tmp_path: Path) -> None:
    assert index_findings(tmp_path, GENOME, INDEX) == []
    assert index_findings(tmp_path, GENOME.removesuffix(b"\n"), INDEX) == []
    windows = INDEX.replace(b"\t11\n", b"\t12\n").replace(b"\t16\t", b"\t17\t")
    windows = windows.replace(b"\t48\t", b"\t53\t").replace(b"\t70\t", b"\t78\t")
    assert index_findings(tmp_path, GENOME.replace(b"\n", b"\r\n"), windows) == []


@pytest.mark.parametrize(
    ("genome", "index", "code", "line"),
    [
        (GENOME, INDEX.replace(b"chr2\t14", b"chr2\t15"), "fai.length", 2),
        (GENOME, INDEX.replace(b"\t48\t", b"\t49\t"), "fai.offset", 2),
        (GENOME, INDEX.replace(b"chr1\t23\t16\t10\t11", b"chr1\t23\t16\t10\t12"), "fai.offset", 1),
        (GENOME, INDEX.replace(b"chr2", b"chrX"), "fai.names", 2),
        (GENOME, INDEX[: INDEX.index(b"chr3")], "fai.names", None),
        (GENOME[: GENOME.index(b">chr3")], INDEX, "fai.names", 3),
        (GENOME.replace(b"ACG\n>", b"ACGT\n>"), INDEX, "fai.length", 1),
        (GENOME.replace(b"the first", b"1st"), INDEX, "fai.offset", 1),
    ],
)
def test_an_index_of_another_file_is_told_with_its_line(
    tmp_path: Path, genome: bytes, index: bytes, code: str, line: int | None
) -> None:
    found = index_findings(tmp_path, genome, index)
    assert (found[0]["code"], found[0]["member"], found[0]["line"]) == (code, "genome.fa.fai", line)


def test_an_index_that_is_older_than_its_file_is_a_warning(tmp_path: Path) -> None:
    index_findings(tmp_path, GENOME, INDEX)
    os.utime(tmp_path / "genome.fa.fai", (1, 1))
    (finding,) = validate_folder(tmp_path).findings.to_pylist()
    assert (finding["code"], finding["severity"]) == ("fai.older", "warning")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"chr1\t10\t6\t10\n", "fai.columns"),
        (b"chr1\tten\t6\t10\t11\n", "fai.columns"),
        (b"chr1\t10\t6\t10\t11\nchr1\t10\t30\t10\t11\n", "fai.name.duplicate"),
        (b"chr1\t10\t6\t10\t10\n", "fai.layout"),
    ],
)
def test_what_is_no_index_is_told(tmp_path: Path, data: bytes, code: str) -> None:
    assert errors_of(look(tmp_path, data, "genome.fa.fai")) == {code}
