"""Small VCF files, made of a header and records, for the tests of this folder."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from holotype.validators import validate

if TYPE_CHECKING:
    from pathlib import Path

    from holotype.validators import Report

__all__ = ["HEADER", "at", "codes", "look", "record", "text", "write"]

HEADER = """\
##contig=<ID=1,length=100000>
##contig=<ID=2,length=200000>
##ALT=<ID=DEL,Description="Deletion">
##FILTER=<ID=q10,Description="Quality below 10">
##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth">
##INFO=<ID=AF,Number=A,Type=Float,Description="Frequency">
##INFO=<ID=DB,Number=0,Type=Flag,Description="In dbSNP">
##INFO=<ID=END,Number=1,Type=Integer,Description="End">
##INFO=<ID=NOTE,Number=.,Type=String,Description="What \\"was\\" seen">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">
##FORMAT=<ID=PL,Number=G,Type=Integer,Description="Likelihoods">
"""
_COLUMNS = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")


def record(**fields: str) -> str:
    """A record that is sound but for what is given: ``chrom``, ``pos`` and so on, and ``format`` and ``samples``."""
    fixed = {
        "chrom": "1",
        "pos": "100",
        "id": ".",
        "ref": "A",
        "alt": "G",
        "qual": "50",
        "filter": "PASS",
        "info": "DP=7",
    }
    assert set(fields) <= {*fixed, "format", "samples"}
    values = [fields.get(name, usual) for name, usual in fixed.items()]
    samples = fields.get("samples", "0/1:7:10,0,90 0/0:9:0,27,255").split(" ")
    return "\t".join([*values, fields.get("format", "GT:DP:PL"), *samples])


def text(*records: str, version: str = "4.3", header: str = HEADER, samples: str = "A B") -> str:
    """A whole file."""
    names = "\t".join([*_COLUMNS, "FORMAT", *samples.split(" ")])
    return f"##fileformat=VCFv{version}\n{header}{names}\n" + "".join(f"{each}\n" for each in records)


def look(content: str | bytes, **options: Any) -> Report:
    """What is found in it."""
    data = content.encode() if isinstance(content, str) else content
    return validate(io.BytesIO(data), name="made.vcf", format="vcf", **options)


def codes(report: Report) -> list[str]:
    """The codes of all findings."""
    return [row["code"] for row in report.findings.to_pylist()]


def at(report: Report, code: str) -> dict[str, Any]:
    """The only finding, which has this code."""
    (found,) = report.findings.to_pylist()
    assert found["code"] == code, found
    return dict(found)


def write(path: Path, *records: str, **options: str) -> Path:
    """A whole file at a path."""
    path.write_text(text(*records, **options), encoding="utf-8", newline="\n")
    return path
