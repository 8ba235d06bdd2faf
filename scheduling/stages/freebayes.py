"""freebayes: variants by haplotypes (Garrison and Marth, arXiv:1207.3907)."""

from __future__ import annotations

from ..declaring.environments import Environment, Tool
from ..declaring.parameters import Parameter
from ..declaring.policies import Failure, Rule, StopSample, When
from ..declaring.ports import Input, Output
from ..declaring.resources import Resources
from ..declaring.stages import Stage
from .bcftools import BCFTOOLS, DOWNSAMPLED, PART, PART_OF_READS, REGIONS, regions_of
from .samtools import SAMTOOLS
from .usual import CUT_OFF, malformed, usual, watched

__all__ = ["CALL", "FREEBAYES"]

FREEBAYES = Tool("freebayes", ">=1.3, <2", says=r"version:\s*v?(\d\S*)")

# It declares GQ, which it does not write unless it is asked to, otherwise than the VCF specification.
_CALL = (
    PART_OF_READS
    + regions_of("-t")
    + r"""
freebayes -f {reference} -p {ploidy} -m {mapping} -q {base} -F {fraction} -C {count} {depth:-g} "$@" "$bam" |
    sed '/^##FORMAT=<ID=GQ,/s/Type=Float/Type=Integer/' |
    bcftools view -Oz -o {vcf} -
bcftools index -t -f {vcf}
"""
)

CALL = Stage(
    name="freebayes",
    about="Calls variants of one sample.",
    command=watched(_CALL, f"{CUT_OFF}|Could not SetRegion", "the alignments are cut off, or have no index"),
    inputs={
        "bam": Input("bam", beside=".bai"),
        "reference": Input("fasta", beside=".fai"),
        "regions": REGIONS,
    },
    outputs={"vcf": Output("{sample}.vcf.gz", "vcf", beside=".tbi")},
    parameters={
        "ploidy": Parameter(kind="int", default=2, minimum=1, about="Copies of each chromosome."),
        "mapping": Parameter(kind="int", default=1, minimum=0, maximum=255, about="The least mapping quality, Phred."),
        "base": Parameter(kind="int", default=0, minimum=0, maximum=93, about="The least quality of a base, Phred."),
        "fraction": Parameter(
            kind="float", default=0.05, minimum=0, maximum=1, about="The least part of reads that show a variant."
        ),
        "count": Parameter(kind="int", default=2, minimum=1, about="The fewest reads that show a variant."),
        "depth": Parameter(
            kind="int", default=None, minimum=1, about="Places with more reads are left out: they take very long."
        ),
        "part": PART,
    },
    # It takes one processor; where reads pile up it takes memory for all their haplotypes.
    resources=Resources(memory="4*GiB", disk="2*size.bam", time="12*h + size.bam / (10*kB)"),
    environment=Environment(tools=(FREEBAYES, BCFTOOLS, SAMTOOLS)),
    errors=usual(
        Rule(
            When(Failure.EXIT, says="multiple samples|could not find SM"),
            StopSample("the read groups do not say which sample it is"),
        ),
        Rule(
            When(Failure.EXIT, says="unable to find FASTA index entry|std::out_of_range"),
            StopSample("it is of another reference"),
        ),
        DOWNSAMPLED,
        *malformed("[Tt]runcated|[Cc]orrupt|[Cc]ould not read|[Ff]ailed to read", "the alignments are broken"),
    ),
)
