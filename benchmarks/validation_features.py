"""How fast features of a genome are looked at: megabytes of GFF3 and GTF a second, on one core.

    python benchmarks/validation_features.py [MEGABYTES]

Genes with transcripts, exons and coding parts are made as Ensembl, GENCODE and NCBI write them.  Seconds are of the
processor, so that other work on the machine counts little; the best of three.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks.speeds import megabytes_a_second

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["STYLES", "make"]

_LENGTH = 10**12

STYLES = {
    "ensembl.gff3": "GFF3 with ### after each gene",
    "plain.gff3": "GFF3 without",
    "ncbi.gff3": "GFF3 with Dbxref on each line",
    "gencode.gtf": "GTF",
}
"""The files that are made, and what each is."""


def make(path: Path, *, size: int, style: str) -> None:
    """Write a file of at least ``size`` bytes in one of the ``STYLES``."""
    chance = random.Random(size)
    genes = _gtf(chance) if style.endswith(".gtf") else _gff3(chance, style)
    written = 0
    with path.open("w", encoding="ascii", newline="\n") as file:
        if style.endswith(".gff3"):
            file.write(f"##gff-version 3\n##sequence-region chr1 1 {_LENGTH}\n")
        while written < size:
            written += file.write(next(genes))


def _genes(chance: random.Random) -> Iterator[tuple[int, str, list[tuple[int, int]]]]:
    """Genes: their number, strand, and where their exons are."""
    place = number = 0
    while True:
        number += 1
        place += chance.randint(100, 900)
        exons = [(place + 300 * each, place + 300 * each + 150) for each in range(chance.randint(2, 12))]
        yield number, chance.choice("+-"), exons


def _gff3(chance: random.Random, style: str) -> Iterator[str]:
    for number, strand, exons in _genes(chance):
        where = f"{exons[0][0]}\t{exons[-1][1]}\t.\t{strand}\t."
        more = f";Dbxref=GeneID:{number},Genbank:NM_{number}.1" if style == "ncbi.gff3" else ""
        gene = f"gene:ENSG{number:011d}"
        lines = [
            f"chr1\thavana\tgene\t{where}\tID={gene};Name=G{number};biotype=protein_coding;"
            f"description=a gene of many [Source:HGNC Symbol];gene_id=ENSG{number:011d};version=5{more}"
        ]
        for each in range(chance.randint(1, 3)):
            name = f"ENST{number:09d}{each:02d}"
            lines.append(
                f"chr1\thavana\tmRNA\t{where}\tID=transcript:{name};Parent={gene};Name=G{number}-{each};"
                f"biotype=protein_coding;tag=basic;transcript_id={name};version=1{more}"
            )
            for place, (start, end) in enumerate(exons, 1):
                exon = f"ENSE{number:08d}{place:03d}"
                lines += [
                    f"chr1\thavana\texon\t{start}\t{end}\t.\t{strand}\t.\tParent=transcript:{name};Name={exon};"
                    f"constitutive=1;ensembl_end_phase=-1;ensembl_phase=-1;exon_id={exon};rank={place};version=1{more}",
                    f"chr1\thavana\tCDS\t{start}\t{end}\t.\t{strand}\t0\tID=CDS:{name};Parent=transcript:{name};"
                    f"protein_id=ENSP{number:09d}{each:02d}{more}",
                ]
        yield "\n".join([*lines, "###\n" if style == "ensembl.gff3" else ""])


def _gtf(chance: random.Random) -> Iterator[str]:
    for number, strand, exons in _genes(chance):
        where = f"{exons[0][0]}\t{exons[-1][1]}\t.\t{strand}\t."
        gene = f'gene_id "ENSG{number:011d}"; gene_type "protein_coding"; gene_name "G{number}";'
        lines = [f"chr1\tHAVANA\tgene\t{where}\t{gene} level 2;"]
        for each in range(chance.randint(1, 3)):
            both = f'{gene} transcript_id "ENST{number:09d}{each:02d}"; transcript_type "protein_coding";'
            lines.append(f'chr1\tHAVANA\ttranscript\t{where}\t{both} level 2; tag "basic";')
            for place, (start, end) in enumerate(exons, 1):
                told = f'{both} exon_number {place}; exon_id "ENSE{number:08d}{place:03d}"; level 2; tag "basic";'
                lines += [
                    f"chr1\tHAVANA\texon\t{start}\t{end}\t.\t{strand}\t.\t{told}",
                    f"chr1\tHAVANA\tCDS\t{start}\t{end}\t.\t{strand}\t0\t{told}",
                ]
        yield "\n".join([*lines, ""])


def main(megabytes: float = 32) -> None:
    """Print the figures."""
    with TemporaryDirectory() as folder:
        for style, what in STYLES.items():
            path = Path(folder) / style
            make(path, size=int(megabytes * 1e6), style=style)
            print(f"{what:<40}{megabytes_a_second(path):7.0f} MB/s")


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]))
