"""minimap2: reads of any length onto a reference (Li, doi:10.1093/bioinformatics/bty191)."""

from __future__ import annotations

from ..declaring.environments import Environment, Tool
from ..declaring.parameters import Parameter
from ..declaring.policies import Failure, Rule, StopSample, When
from ..declaring.ports import Input, Output
from ..declaring.resources import Resources
from ..declaring.stages import Stage
from .bwa import LEAST_MAPPED, READ_GROUP
from .samtools import SAMTOOLS
from .usual import THREADS, malformed, usual, watched

__all__ = ["ALIGN", "MINIMAP2"]

MINIMAP2 = Tool("minimap2", ">=2.17, <3", asks="--version")

# It goes on with what is left when a file is cut off, or one of two ends early, and says so only where it reports.
_ALIGN = r"""
set -- {reads}
for each; do
    case $each in *.gz) gzip -t -- "$each" ;; esac
done
minimap2 -a -x {preset} -t {cpus} -Y \
    -R '@RG\tID:'{sample:%}.{unit:%}'\tSM:'{sample:%}'\tLB:'{sample:%}.{library:%}'\tPL:'{platform}'\tPU:'{unit:%} \
    {reference} "$@" |
    samtools sort -@ {cpus} -m 512M -T sorting --write-index -o {bam}'##idx##'{bam}.bai -
"""

ALIGN = Stage(
    name="minimap2",
    about="Aligns reads, short ones or long ones, and sorts the alignments by their places.",
    command=watched(_ALIGN, "different number of records", "one of the two files has fewer reads than the other"),
    inputs={
        "reads": Input("fastq", many=True, about="Of short reads one file, or two of pairs; of long ones any number."),
        "reference": Input("fasta"),
    },
    outputs={"bam": Output("{sample}.bam", "bam", beside=".bai")},
    parameters={
        **READ_GROUP,
        "preset": Parameter(
            default="sr",
            choices=("sr", "map-ont", "map-hifi", "map-pb", "asm5", "asm10", "asm20", "splice", "splice:hq"),
            about="What is aligned: short reads, of Nanopore, of PacBio, assemblies, or RNA.",
        ),
        "threads": THREADS,
    },
    # Eight bytes for each minimizer of both strands; of the reads 500 million bases at a time.
    resources=Resources(
        cpus="threads",
        memory="GiB + 5*size.reference + min(6*GiB, 16*size.reads) + min(threads*512*MiB, 16*size.reads)",
        disk="4*size.reads + 64*MiB",
        time="2*h + size.reads / (20*kB) / threads",
    ),
    environment=Environment(tools=(MINIMAP2, SAMTOOLS)),
    errors=usual(
        *malformed(r"no more than two query files|unexpected end of file|not in gzip format", "the reads are broken"),
        Rule(When(Failure.QUALITY), StopSample("few of the reads are of this genome")),
    ),
    thresholds=LEAST_MAPPED,
)
