"""Formats as CWL names them: by the ontology EDAM, version 1.25."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EDAM", "format_named", "format_uri"]

EDAM = "http://edamontology.org/"
_FORMATS = {
    "2bit": 3009,
    "bai": 3327,
    "bam": 2572,
    "bcf": 3020,
    "bed": 3003,
    "bedgraph": 3583,
    "bigbed": 3004,
    "bigwig": 3006,
    "cram": 3462,
    "csv": 3752,
    "dicom": 3548,
    "fasta": 1929,
    "fastq": 1930,
    "gff3": 1975,
    "gtf": 2306,
    "hdf5": 3590,
    "jpeg": 3579,
    "json": 3464,
    "pdf": 3508,
    "png": 3603,
    "sam": 2573,
    "text": 2330,
    "tiff": 3591,
    "tsv": 3475,
    "vcf": 3016,
}
# Kinds of FASTQ, which are validated as what they are.
_NUMBERS = {number: name for name, number in _FORMATS.items()} | {1931: "fastq", 1932: "fastq"}


def format_named(uri: str, namespaces: Mapping[str, str]) -> str | None:
    """The format that is meant, ``None`` for one that has no name here."""
    prefix, _, rest = uri.partition(":")
    whole = namespaces[prefix] + rest if prefix in namespaces else uri
    for begin in (EDAM, EDAM.replace("http:", "https:"), "edam:"):
        number = whole.removeprefix(f"{begin}format_")
        if number != whole and number.isdecimal():
            return _NUMBERS.get(int(number))
    return None


def format_uri(name: str) -> str | None:
    """How it is named there, ``None`` for one that EDAM has no single name for."""
    return f"{EDAM}format_{_FORMATS[name]}" if name in _FORMATS else None
