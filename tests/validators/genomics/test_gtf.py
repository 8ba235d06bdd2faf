"""GTF: columns, attributes, genes and transcripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from holotype.validators import Limits, validate

from ..format_contract import FormatContract

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.validators import Report

GENE = b"""#!genome-build GRCh38
1\thavana\tgene\t11869\t14409\t.\t+\t.\tgene_id "ENSG1"; gene_version "5"; gene_name "DDX; 11L1";
1\thavana\ttranscript\t11869\t14409\t.\t+\t.\tgene_id "ENSG1"; transcript_id "ENST1"; tag "basic"; tag "CCDS";
1\thavana\tCDS\t11869\t12227\t.\t+\t0\tgene_id "ENSG1"; transcript_id "ENST1"; exon_number 1;
"""


def look(tmp_path: Path, data: bytes, **options: Any) -> Report:
    """What is found in a file of this content."""
    path = tmp_path / "genes.gtf"
    path.write_bytes(data)
    return validate(path, **options)


class TestGtf(FormatContract):
    format = "gtf"

    def make(self, folder: Path) -> Path:
        path = folder / "genes.gtf"
        path.write_bytes(GENE)
        return path

    def stays_valid(self, data: bytes, size: int) -> bool:
        last = data[:size].rsplit(b"\n", 1)[-1]
        return last.startswith(b"#") or not last or last.endswith((b'"', b";", b"; ", b"_number 1"))


def test_what_the_format_allows_passes(tmp_path: Path) -> None:
    inter = b'1\ta\tinter\t1\t5\t.\t+\t.\tgene_id ""; transcript_id "";\n'
    bare = b"1\ta\texon\t1\t5\t7.5\t-\t.\tgene_id g1; transcript_id t1 # a comment\n"
    for data in (GENE, inter, bare, GENE + b"\n"):
        assert look(tmp_path, data).findings.to_pylist() == []


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        pytest.param(b"1\thavana\tgene", b"1\tgene", "gtf.columns", 2, id="a-column-missing"),
        pytest.param(b"11869\t14409", b"0\t14409", "gtf.coordinates", 2, id="from-zero"),
        pytest.param(b"11869\t14409", b"14410\t14409", "gtf.coordinates", 2, id="end-before-start"),
        pytest.param(b".\t+\t.\tgene_id", b"x\t+\t.\tgene_id", "gtf.score", 2, id="score"),
        pytest.param(b".\t+\t.\tgene_id", b".\t?\t.\tgene_id", "gtf.strand", 2, id="strand"),
        pytest.param(b"+\t0\t", b"+\t3\t", "gtf.frame", 4, id="frame-of-three"),
        pytest.param(b"+\t0\t", b"+\t.\t", "gtf.frame", 4, id="coding-without-frame"),
        pytest.param(b'gene_id "ENSG1"; gene_version', b"gene_version", "gtf.gene_id", 2, id="no-gene"),
        pytest.param(b'transcript_id "ENST1"; tag', b"tag", "gtf.transcript_id", 3, id="no-transcript"),
        pytest.param(b'transcript_id "ENST1"; tag', b'transcript_id ""; tag', "gtf.transcript_id", 3, id="none-named"),
        pytest.param(b'"ENSG1"; gene_version', b'"ENSG1; gene_version', "gtf.attributes", 2, id="quote-without-end"),
        pytest.param(b'"ENSG1"; gene_version', b'"ENSG1" gene_version', "gtf.attributes", 2, id="no-semicolon"),
        pytest.param(b"gene_id ", b"gene_id=", "gtf.attributes", 2, id="as-in-gff3"),
        pytest.param(b"1\thavana\tgene", b"1 2\thavana\tgene", "gtf.seqid", 2, id="a-space-in-the-sequence"),
        pytest.param(b"havana", b"hav\0ana", "gtf.control", 2, id="nul"),
    ],
)
def test_each_way_to_break_a_file_is_told_with_its_line(
    tmp_path: Path, old: bytes, new: bytes, code: str, line: int
) -> None:
    assert old in GENE
    report = look(tmp_path, GENE.replace(old, new, 1))
    (finding,) = report.findings.to_pylist()
    assert (finding["code"], finding["line"], finding["severity"]) == (code, line, "error")


def test_a_transcript_that_changes_its_gene_or_its_place_is_told_once(tmp_path: Path) -> None:
    exon = b'%b\ta\texon\t1\t5\t.\t%b\t.\tgene_id "%b"; transcript_id "t";\n'
    for other in ((b"2", b"+", b"g"), (b"1", b"-", b"g"), (b"1", b"+", b"h")):
        report = look(tmp_path, exon % (b"1", b"+", b"g") + exon % other * 3)
        (finding,) = report.findings.to_pylist()
        assert (finding["code"], finding["line"], finding["record"]) == ("gtf.transcript", 2, "t")


def test_of_more_transcripts_than_memory_allows_the_first_are_compared(tmp_path: Path) -> None:
    exon = b'1\ta\texon\t1\t5\t.\t+\t.\tgene_id "g"; transcript_id "t%d";\n'
    report = look(tmp_path, b"".join(exon % at for at in range(3000)), limits=Limits(memory=500_000))
    assert report.ok
    assert not report.complete
    assert report.metric("gtf.features") == 3000
