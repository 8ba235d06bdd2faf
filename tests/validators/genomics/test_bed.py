"""BED of every width, and bedGraph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from holotype.validators import validate

from ..format_contract import FormatContract, errors_of

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.validators import Report

GENES = (
    b"# genes\nbrowser position chr1:1-5000\ntrack name=genes\n"
    b"chr1\t1000\t5000\tone\t960\t+\t1000\t5000\t255,0,0\t2\t567,488,\t0,3512,\n"
    b"chr1\t2000\t6000\ttwo\t900\t-\t2000\t6000\t0\t2\t433,399\t0,3601\n"
)
BED6 = b"chr1\t10\t20\ta\t0\t+\nchr1\t15\t30\tb\t1000\t-\nchr2\t0\t5\tc\t5\t.\n"


def look(tmp_path: Path, data: bytes, name: str = "intervals.bed", **options: Any) -> Report:
    """What is found in a file of this content."""
    path = tmp_path / name
    path.write_bytes(data)
    return validate(path, **options)


class TestBed12(FormatContract):
    format = "bed"

    def make(self, folder: Path) -> Path:
        path = folder / "genes.bed"
        path.write_bytes(GENES)
        return path

    def test_a_file_that_was_cut_off_is_noticed_wherever_that_was(self, file: Path) -> None:
        # A first line alone may as well have fewer columns; from the second on all of them count.
        data = file.read_bytes()
        second = data.index(b"chr1\t2000")
        for size in range(second + 1, len(data) - 1):
            file.write_bytes(data[:size])
            assert not validate(file).ok, size


class TestBedGraph(FormatContract):
    format = "bedgraph"

    def make(self, folder: Path) -> Path:
        path = folder / "coverage.bedgraph"
        path.write_bytes(b"track type=bedGraph name=x\nchr1\t0\t10\t1.5\nchr1\t10\t20\t-2e3\n")
        return path

    def test_a_file_that_was_cut_off_is_noticed_wherever_that_was(self, file: Path) -> None:
        data = file.read_bytes()
        begins = data.index(b"chr1\t0") + 1
        values = {data.index(b"1.5") + 1, data.index(b"1.5") + 3, data.index(b"1.5") + 4, data.index(b"1.5") + 2}
        values |= {data.index(b"-2e3") + 2, len(data) - 1}
        for size in sorted({*range(begins, len(data))} - values):
            file.write_bytes(data[:size])
            assert not validate(file).ok, size


@pytest.mark.parametrize(
    "data",
    [
        b"chr1\t0\t10\nchr1\t10\t10\n",
        b"chr1\t0\t10\tname with spaces\nchr2\t3\t4\tb\n",
        BED6,
        b"HLA-A*01:01:01:01\t0\t10\nGL000194.1\t0\t1\n",
        b"chr1\t0\t10\ta\t5\t+\t0\t10\t0\n",
        b"chr1\t9\t20\tpeak\t1000\t.\t182.4\t-1\t5.0\t50\n",  # a narrow peak of ENCODE
        b"\n#c\nchr1\t0\t10\n\n",
        b"track name=a\nchr1\t0\t9\ntrack type=bedGraph\nchr1\t0\t10\t0.5\nchr2\t0\t10\t-1\n",
        b"",
    ],
)
def test_what_the_format_allows_passes(tmp_path: Path, data: bytes) -> None:
    assert look(tmp_path, data).findings.to_pylist() == []


@pytest.mark.parametrize(
    ("data", "code", "line", "column"),
    [
        pytest.param(b"chr1\t0\t10\nchr1\t5\n", "bed.columns", 2, None, id="too-few-columns"),
        pytest.param(b"chr1\t0\t10\nchr1\t5\t6\tx\n", "bed.columns", 2, None, id="more-than-the-others"),
        pytest.param(b"\t0\t10\n", "bed.chrom", 1, "chrom", id="no-chromosome"),
        pytest.param(b"chr 1\t0\t10\n", "bed.chrom", 1, "chrom", id="a-space-in-its-name"),
        pytest.param(b"chr1\t0\t10\nchr1\tx\t10\n", "bed.number", 2, "chromStart", id="no-number"),
        pytest.param(b"chr1\t-1\t10\n", "bed.number", 1, "chromStart", id="below-zero"),
        pytest.param(b"chr1\t0\t1e3\n", "bed.number", 1, "chromEnd", id="with-an-exponent"),
        pytest.param(b"chr1\t0\t" + b"9" * 40 + b"\n", "bed.number", 1, "chromEnd", id="beyond-all-numbers"),
        pytest.param(b"chr1\t11\t10\n", "bed.interval", 1, "chromEnd", id="end-before-start"),
        pytest.param(b"chr1\t1\t10\t\n", "bed.name", 1, "name", id="no-name"),
        pytest.param(BED6.replace(b"1000", b"1001"), "bed.score", 2, "score", id="score-too-high"),
        pytest.param(BED6.replace(b"1000", b"0.5"), "bed.score", 2, "score", id="score-no-whole-number"),
        pytest.param(BED6.replace(b"-", b"*"), "bed.strand", 2, "strand", id="strand"),
        pytest.param(b"c\t5\t10\ta\t5\t+\t4\t10\t0\n", "bed.thick", 1, "thickStart", id="thick-before"),
        pytest.param(b"c\t5\t10\ta\t5\t+\t5\t11\t0\n", "bed.thick", 1, "thickStart", id="thick-beyond"),
        pytest.param(b"c\t5\t10\ta\t5\t+\t9\t8\t0\n", "bed.thick", 1, "thickStart", id="thick-turned-round"),
        pytest.param(GENES.replace(b"255,0,0", b"256,0,0"), "bed.color", 4, "itemRgb", id="too-bright"),
        pytest.param(GENES.replace(b"255,0,0", b"red"), "bed.color", 4, "itemRgb", id="colour-in-words"),
        pytest.param(GENES.replace(b"\t2\t567", b"\t3\t567"), "bed.blocks", 4, "blockCount", id="count-of-blocks"),
        pytest.param(GENES.replace(b"\t2\t567", b"\t0\t567"), "bed.blocks", 4, "blockCount", id="no-blocks"),
        pytest.param(GENES.replace(b"567,488", b"567,487"), "bed.blocks", 4, "blockCount", id="blocks-too-short"),
        pytest.param(GENES.replace(b"0,3512", b"1,3512"), "bed.blocks", 4, "blockCount", id="blocks-begin-late"),
        pytest.param(GENES.replace(b"567,488", b"3567,488"), "bed.blocks", 4, "blockCount", id="blocks-overlap"),
        pytest.param(GENES.replace(b"567,488", b"567,x"), "bed.blocks", 4, "blockCount", id="blocks-no-numbers"),
        pytest.param(b"chr1\t0\t10\ta\0b\n", "bed.control", 1, None, id="nul"),
        pytest.param(b"track type=bedGraph\nchr1\t0\t10\tx\n", "bed.graph.value", 2, "value", id="no-value"),
        pytest.param(b"track type=bedGraph\nchr1\t0\t10\n", "bed.columns", 2, None, id="graph-without-values"),
    ],
)
def test_each_way_to_break_a_line_is_told_with_its_place(
    tmp_path: Path, data: bytes, code: str, line: int, column: str | None
) -> None:
    report = look(tmp_path, data)
    (finding,) = report.findings.to_pylist()
    assert (finding["code"], finding["line"], finding["column"]) == (code, line, column)
    assert not report.ok


@pytest.mark.parametrize(
    ("data", "code", "severity"),
    [
        (b"chr1 0 10 a\nchr1 5  7 b\n", "bed.spaces", "warning"),
        (b"chr1\t0\t10\r\nchr1\t5\t9\r\n", "bed.line.crlf", "warning"),
        (b"chr1\t0\t10\nchr1\t5\t9", "bed.line.unterminated", "warning"),
        (b"chr1\t9\t10\nchr1\t5\t9\n", "bed.unsorted", "note"),
        (b"chr1\t1\t2\nchr2\t1\t2\nchr1\t5\t9\n", "bed.unsorted", "note"),
        (b"track type=wiggle_0\nchr1\t1\t2\t5\n", "bed.track", "warning"),
        (b"track type=bedGraph\nchr1\t1\t5\t5\nchr1\t3\t7\t5\n", "bed.graph.overlap", "warning"),
    ],
)
def test_what_is_odd_though_readable_is_no_error(tmp_path: Path, data: bytes, code: str, severity: str) -> None:
    (finding,) = look(tmp_path, data).findings.to_pylist()
    assert (finding["code"], finding["severity"]) == (code, severity)


def test_many_lines_are_looked_at_and_every_wrong_one_is_counted(tmp_path: Path) -> None:
    lines = [b"chr%d\t%d\t%d\tn%d\t%d\t+" % (at // 10_000, at, at + 5, at, at % 1000) for at in range(100_000)]
    for wrong in range(500, 100_000, 500):
        lines[wrong] = lines[wrong].replace(b"+", b"?")
    report = look(tmp_path, b"\n".join(lines) + b"\n")
    assert dict(report.counts) == {"bed.strand": 199}
    assert [row["line"] for row in report.findings.to_pylist()] == [501 + 500 * at for at in range(100)]
    assert (report.metric("bed.intervals"), report.metric("bed.bases")) == (100_000, 500_000)


def test_all_that_is_wrong_with_a_line_is_told(tmp_path: Path) -> None:
    data = b"\t9\t3\t\t2000\t*\t1\t2\tblue\n"
    expected = {"bed.chrom", "bed.interval", "bed.name", "bed.score", "bed.strand", "bed.thick", "bed.color"}
    assert errors_of(look(tmp_path, data)) == expected
