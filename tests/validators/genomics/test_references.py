"""References: all files of an analysis speak of the same sequences, or it is said which do not."""

from __future__ import annotations

import gzip
import hashlib
import struct
from typing import TYPE_CHECKING, Any

import pytest

from holotype.validators import Limits, validate_folder

from .blocked import bgzip

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO = "ACGTN" * 4, "acgtacgt"
M5 = [hashlib.md5(letters.upper().encode(), usedforsecurity=False).hexdigest() for letters in (ONE, TWO)]
FASTA = f">chr1 first\n{ONE[:10]}\n{ONE[10:]}\n>chr2\n{TWO}\n"
HEADER = f"@HD\tVN:1.6\n@SQ\tSN:chr1\tLN:20\tM5:{M5[0]}\n@SQ\tSN:chr2\tLN:8\tM5:{M5[1]}\n"
VCF = (
    "##fileformat=VCFv4.3\n##contig=<ID=chr1,length=20>\n##contig=<ID=chr2,length=8>\n"
    '##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth">\n'
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nchr1\t5\t.\tN\tA\t.\t.\tDP=1\nchr2\t8\t.\tT\tA\t.\t.\tDP=1\n"
)
BED = "chr1\t0\t20\nchr2\t1\t8\n"
GFF3 = "##gff-version 3\nchr1\t.\tgene\t1\t20\t.\t+\t.\tID=g\n"
GTF = 'chr2\t.\texon\t1\t8\t.\t+\t.\tgene_id "g"; transcript_id "t";\n'
FAI = "chr1\t20\t12\t10\t11\nchr2\t8\t40\t8\t9\n"


def bam(header: str, references: list[tuple[str, int]]) -> bytes:
    """A BAM file without alignments, packed in blocks."""
    text = header.encode()
    data = b"BAM\x01" + struct.pack("<i", len(text)) + text + struct.pack("<i", len(references))
    for name, length in references:
        data += struct.pack("<i", len(name) + 1) + name.encode() + b"\0" + struct.pack("<i", length)
    return bgzip(data)


WHOLE: dict[str, str | bytes] = {
    "genome.fa": FASTA,
    "genome.fa.fai": FAI,
    "genome.dict": HEADER,
    "a.sam": HEADER,
    "a.bam": bam(HEADER, [("chr1", 20), ("chr2", 8)]),
    "a.vcf": VCF,
    "targets.bed": BED,
    "genes.gff3": GFF3,
    "genes.gtf": GTF,
}


def told(folder: Path, files: dict[str, str | bytes], **options: Any) -> list[dict[str, Any]]:
    """What is found about references in a folder with these files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    rows: list[dict[str, Any]] = validate_folder(folder, **options).findings.to_pylist()
    return [row for row in rows if row["check"] == "reference.consistent"]


@pytest.mark.parametrize("cost", ["header", "sample", "full"])
def test_files_of_one_reference_pass(tmp_path: Path, cost: str) -> None:
    assert told(tmp_path, WHOLE, cost=cost) == []


@pytest.mark.parametrize(
    ("changed", "code", "member", "record"),
    [
        ({"a.sam": HEADER.replace("LN:20", "LN:21")}, "reference.length", "a.sam", "chr1"),
        ({"a.bam": bam(HEADER, [("chr1", 20), ("chr2", 9)])}, "reference.length", "a.bam", "chr2"),
        ({"a.vcf": VCF.replace("length=8", "length=80")}, "reference.length", "a.vcf", "chr2"),
        ({"a.sam": HEADER.replace(M5[0], M5[1])}, "reference.m5", "a.sam", "chr1"),
        ({"genome.fa": FASTA.replace("N", "A")}, "reference.m5", "genome.fa", "chr1"),
        ({"targets.bed": BED.replace("20", "21")}, "reference.beyond", "targets.bed", "chr1"),
        ({"genes.gff3": GFF3.replace("20", "21")}, "reference.beyond", "genes.gff3", "chr1"),
        ({"genes.gtf": GTF.replace("\t8\t", "\t9\t")}, "reference.beyond", "genes.gtf", "chr2"),
        ({"a.vcf": VCF.replace("chr2\t8", "chr2\t9")}, "reference.beyond", "a.vcf", "chr2"),
        ({"targets.bed": BED.replace("chr", "")}, "reference.names", "targets.bed", "1"),
        ({"genes.gtf": GTF.replace("chr", "Chr")}, "reference.names", "genes.gtf", "Chr2"),
        ({"targets.bed": BED + "chrX\t0\t5\n"}, "reference.missing", "targets.bed", "chrX"),
        ({"targets.bed": "plasmid\t0\t5\n"}, "reference.none", "targets.bed", "plasmid"),
        ({"a.sam": "".join(HEADER.splitlines(keepends=True)[::2]) + HEADER.splitlines(keepends=True)[1]},
         "reference.order", "a.sam", "chr2"),
    ],
)  # fmt: skip
def test_the_file_that_disagrees_is_named_with_the_one_it_disagrees_with(
    tmp_path: Path, changed: dict[str, str | bytes], code: str, member: str, record: str
) -> None:
    (finding,) = told(tmp_path, {**WHOLE, **changed})
    assert (finding["code"], finding["member"], finding["record"]) == (code, member, record)
    assert "genome.dict" in finding["message"]


def test_names_with_and_without_chr_are_said_to_be_the_same_sequence(tmp_path: Path) -> None:
    (finding,) = told(tmp_path, {"genome.fa": FASTA, "targets.bed": BED.replace("chr", "")})
    assert (finding["code"], finding["seen"], finding["expected"]) == ("reference.names", "1", "chr1")
    assert "genome.fa" in finding["message"]


def test_where_an_interval_lies_beyond_its_sequence_the_line_is_told(tmp_path: Path) -> None:
    (finding,) = told(tmp_path, {"genome.fa": FASTA, "targets.bed": BED + "chr1\t3\t99\nchr1\t5\t9\n"})
    assert (finding["line"], finding["seen"], finding["expected"]) == (3, "99", "up to 20")


def test_references_in_several_folders_are_of_several_analyses(tmp_path: Path) -> None:
    other = FASTA.replace("acgtacgt", "acgt")
    files: dict[str, str | bytes] = {
        "human/genome.fa": FASTA, "human/a.sam": HEADER, "mouse/genome.fa": other, "mouse/b.bed": "chr2\t0\t4\n",
    }  # fmt: skip
    assert told(tmp_path, files) == []
    assert [row["member"] for row in told(tmp_path, {"mouse/b.bed": "chr2\t0\t8\n"})] == ["mouse/b.bed"]


def test_with_one_reference_all_folders_are_of_one_analysis(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"reference/genome.fa": FASTA, "aligned/a.sam": HEADER.replace("LN:8", "LN:7")}
    (finding,) = told(tmp_path, files)
    assert (finding["code"], finding["member"]) == ("reference.length", "reference/genome.fa") or (
        finding["code"], finding["member"]) == ("reference.length", "aligned/a.sam")  # fmt: skip


def test_sequences_that_are_no_reference_are_left_alone(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"genome.fa": FASTA, "primers.fa": ">left\nACGT\n>right\nTTTT\n", "a.bed": BED}
    assert told(tmp_path, files) == []


def test_assemblies_side_by_side_may_call_different_sequences_by_one_name(tmp_path: Path) -> None:
    one, other = (f">contig_1\n{'ACGT' * size}\n>contig_2\nACGT\n" for size in (5, 7))
    assert told(tmp_path, {"a.contigs.fasta": one, "b.contigs.fasta": other, "b.contigs.dict": ""}) == []
    alignments = "@HD\tVN:1.6\n@SQ\tSN:contig_1\tLN:28\n@SQ\tSN:contig_2\tLN:4\n"
    assert told(tmp_path, {"b.sam": alignments}) == []
    (finding,) = told(tmp_path, {"c.sam": alignments.replace("28", "29")})
    assert (finding["code"], finding["member"]) == ("reference.length", "c.sam")


def test_of_two_genomes_in_a_folder_a_file_is_held_against_the_one_it_agrees_with(tmp_path: Path) -> None:
    longer = FASTA.replace("acgtacgt", "acgtacgtacgt")
    files: dict[str, str | bytes] = {
        "hg19.fa": FASTA, "hg38.fa": longer, "hg38.fa.fai": FAI.replace("8\t40\t8\t9", "12\t40\t12\t13"),
        "a.bed": "chr2\t0\t12\n", "a.vcf": VCF.replace("length=8", "length=12"),
        "a.sam": "@HD\tVN:1.6\n@SQ\tSN:chr1\tLN:20\n@SQ\tSN:chr2\tLN:12\n", "b.sam": HEADER,
    }  # fmt: skip
    assert told(tmp_path, files) == []


def test_each_of_several_alignments_to_another_genome_is_told_of(tmp_path: Path) -> None:
    other = HEADER.replace("LN:20", "LN:21").replace(f"\tM5:{M5[0]}", "")
    findings = told(tmp_path, {"genome.fa": FASTA, "a.sam": other, "b.sam": other, "c.sam": other})
    assert [row["member"] for row in findings] == ["a.sam", "b.sam", "c.sam"]
    assert all("genome.fa" in row["message"] for row in findings)


def test_headers_that_lie_about_their_size_bring_nothing_down(tmp_path: Path) -> None:
    for number in (-1, 1 << 30):
        data = b"BAM\x01" + struct.pack("<i", number) + b"x" * 100
        (tmp_path / "a.bam").write_bytes(gzip.compress(data))
        assert told(tmp_path, {"genome.fa": FASTA, "b.bed": BED}, limits=Limits(memory=1 << 20)) == []
    report = validate_folder(tmp_path)
    assert "check.crashed" not in report.codes
