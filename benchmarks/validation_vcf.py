"""How fast a VCF file is looked at: the data are made here, and the figure is megabytes of text a second."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks.speeds import megabytes_a_second

__all__ = ["make"]

_HEADER = """##fileformat=VCFv4.2
##FILTER=<ID=LowQual,Description="Low quality">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Depths of alleles">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Quality of the genotype">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=PL,Number=G,Type=Integer,Description="Likelihoods">
##INFO=<ID=AC,Number=A,Type=Integer,Description="Alleles counted">
##INFO=<ID=AF,Number=A,Type=Float,Description="Frequency">
##INFO=<ID=AN,Number=1,Type=Integer,Description="Alleles in all">
##INFO=<ID=DB,Number=0,Type=Flag,Description="In dbSNP">
##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth">
##INFO=<ID=FS,Number=1,Type=Float,Description="Strand bias">
##INFO=<ID=MQ,Number=1,Type=Float,Description="Mapping quality">
##INFO=<ID=QD,Number=1,Type=Float,Description="Quality by depth">
##contig=<ID=chr1,length=248956422>
##contig=<ID=chr2,length=242193529>
"""


def make(path: Path, *, samples: int, size: int, plain: bool = False) -> None:
    """Write a VCF file of about ``size`` bytes, as a caller of germline variants would: one record in ten has several
    alleles, or an insertion or a deletion.  ``plain``: genotypes and nothing else of the samples.
    """
    chance = random.Random(samples)
    names = [f"S{number}" for number in range(samples)]
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", *(["FORMAT", *names] if names else [])]
    written, position = 0, 10_000
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.write(_HEADER + "\t".join(columns) + "\n")
        pool: list[str] = []
        while written < size:
            if len(pool) < 20_000:
                pool.append(_record(chance, samples, plain=plain))
                record = pool[-1]
            else:
                record = chance.choice(pool)
            position += chance.randint(1, 40)
            contig = "chr1" if written < size // 2 else "chr2"
            line = f"{contig}\t{position}\t{record}\n"
            written += file.write(line)
            position = position if position < 240_000_000 else 240_000_000


def _record(chance: random.Random, samples: int, *, plain: bool) -> str:
    ref = chance.choice("ACGT")
    alts = [chance.choice([base for base in "ACGT" if base != ref])]
    if chance.random() < 0.1:
        alts = chance.choice([[ref + "AT"], [*alts, ref + "T"]])
    number = len(alts)
    counts = ",".join(str(chance.randint(1, 9)) for _ in alts)
    shares = ",".join(f"{chance.random():.3f}" for _ in alts)
    known = "DB;" if chance.random() < 0.5 else ""
    info = f"AC={counts};AF={shares};AN={2 * samples};{known}DP={chance.randint(5, 900)};FS={chance.random():.3f}"
    info += f";MQ=60.00;QD={chance.random() * 30:.2f}"
    name = f"rs{chance.randint(1, 10**9)}" if chance.random() < 0.5 else "."
    fixed = f"{name}\t{ref}\t{','.join(alts)}\t{chance.random() * 3000:.2f}\tPASS\t{info}"
    if not samples:
        return fixed
    return "\t".join(
        [fixed, "GT" if plain else "GT:AD:DP:GQ:PL", *(_sample(chance, number, plain=plain) for _ in range(samples))]
    )


def _sample(chance: random.Random, alts: int, *, plain: bool) -> str:
    one, other = sorted(chance.choices(range(alts + 1), [8, *[2] * alts], k=2))
    if plain:
        return f"{one}|{other}"
    if chance.random() < 0.02:
        return "./.:.:.:.:."
    depths = [chance.randint(0, 40) for _ in range(alts + 1)]
    likelihoods = [chance.randint(0, 900) for _ in range((alts + 1) * (alts + 2) // 2)]
    values = [f"{one}/{other}", ",".join(map(str, depths)), str(sum(depths)), str(chance.randint(0, 99))]
    return ":".join([*values, ",".join(map(str, likelihoods))])


def main() -> None:
    """Print the figures."""
    size = int(sys.argv[1]) << 20 if len(sys.argv) > 1 else 64 << 20
    with TemporaryDirectory() as folder:
        for samples, plain in ((0, False), (1, False), (10, False), (100, False), (100, True)):
            path = Path(folder) / "made.vcf"
            make(path, samples=samples, size=size, plain=plain)
            print(f"{samples:4} samples{', genotypes only' if plain else '':16} {megabytes_a_second(path):7.0f} MB/s")


if __name__ == "__main__":
    main()
