"""BWA: short reads onto a reference (Li, arXiv:1303.3997)."""

from __future__ import annotations

from holotype.validators import Threshold

from ..declaring.environments import Environment, Tool
from ..declaring.parameters import Parameter
from ..declaring.policies import Failure, Rule, StopRun, StopSample, When
from ..declaring.ports import Input, Output
from ..declaring.resources import Resources
from ..declaring.stages import Stage
from .samtools import SAMTOOLS
from .usual import REFERENCE, THREADS, malformed, usual, watched

__all__ = ["BWA", "ENDINGS", "INDEX", "LEAST_MAPPED", "MEM", "READ_GROUP"]

BWA = Tool("bwa", ">=0.7.15, <0.8", asks=(), says=r"Version:\s*(\d\S*)")
"""Asked for nothing it tells its version, and fails."""
ENDINGS = (".amb", ".ann", ".bwt", ".pac", ".sa")
"""Of the files that its index is."""

READ_GROUP = {
    "library": Parameter(default="1", about="Of which of the sample's libraries the reads are; duplicates are of one."),
    "unit": Parameter(default="1", about="The flow cell and lane, or another name for what was sequenced together."),
    "platform": Parameter(
        default="ILLUMINA",
        choices=("ILLUMINA", "ELEMENT", "DNBSEQ", "ULTIMA", "IONTORRENT", "ONT", "PACBIO", "SINGULAR"),
        about="What sequenced it, as the SAM specification names it.",
    ),
}
"""The parameters of the read group that aligners write; its sample is the task's."""

LEAST_MAPPED = (
    Threshold("sam.reads", least=1),
    # Contamination leaves a part of the reads; of another species, or with adapters only, next to none are mapped.
    Threshold("sam.mapping_rate", least=0.5),
)
"""What alignments have to be."""

INDEX = Stage(
    name="bwa_index",
    about="Indexes a reference.",
    command="gzip -dcf < {reference} > {indexed} && bwa index {indexed}",
    inputs={"reference": Input("fasta", about="Plain or packed.")},
    outputs={"indexed": Output("reference.fa", "fasta", beside=ENDINGS, about="The reference, with its index.")},
    # What sorts the suffixes holds five bytes for each base and some more; the index is twice the sequence.
    resources=Resources(
        memory="512*MiB + 6*size.reference", disk="6*size.reference", time="h + size.reference/(50*kB)"
    ),
    environment=Environment(tools=(BWA,)),
    errors=usual(last=REFERENCE),
)

# The tab within the read group is written as two characters, which BWA asks for; %-encoding leaves no backslash that
# it could take for another.  It goes on when one of two files ends early, and says so only where it reports.
_MEM = r"""
set -- {reads}
if [ $# -gt 2 ]; then
    echo "these are $# files of reads: bwa mem takes one, or two of pairs" >&2
    exit 64
fi
bwa mem -t {cpus} -K {batch} -k {seed} -Y \
    -R '@RG\tID:'{sample:%}.{unit:%}'\tSM:'{sample:%}'\tLB:'{sample:%}.{library:%}'\tPL:'{platform}'\tPU:'{unit:%} \
    {reference} "$@" |
    samtools sort -@ {cpus} -m 512M -T sorting --write-index -o {bam}'##idx##'{bam}.bai -
"""

MEM = Stage(
    name="bwa_mem",
    about="Aligns reads, or pairs of them, and sorts the alignments by their places.",
    command=watched(_MEM, "file has fewer sequences", "one of the two files has fewer reads than the other"),
    inputs={
        "reads": Input("fastq", many=True, about="One file, or two of pairs."),
        "reference": Input("fasta", beside=ENDINGS),
    },
    outputs={"bam": Output("{sample}.bam", "bam", beside=".bai")},
    parameters={
        **READ_GROUP,
        "seed": Parameter(kind="int", default=19, minimum=1, unit="bp", about="The shortest match that is begun with."),
        "batch": Parameter(
            kind="int",
            default=100_000_000,
            minimum=10_000,
            unit="bp",
            about="Bases that are taken at a time: said, so that what comes out does not depend on the processors.",
        ),
        "threads": THREADS,
    },
    # The index lies in memory, and of the reads a batch, at most with what is made of it; sorting has its own.
    resources=Resources(
        cpus="threads",
        memory="512*MiB + 2*size.reference + min(12*batch, 16*size.reads) + min(threads*512*MiB, 16*size.reads)",
        disk="4*size.reads + 64*MiB",
        time="2*h + size.reads / (10*kB) / threads",
    ),
    environment=Environment(tools=(BWA, SAMTOOLS)),
    errors=usual(
        Rule(When(Failure.EXIT, says="fail to locate the index files"), StopRun("the reference has no index of BWA's")),
        Rule(When(Failure.EXIT, says="RG:ID is longer than"), StopSample("the sample's name is too long for BWA")),
        *malformed(r"paired reads have different names|\[gzclose\]", "the reads are broken"),
        Rule(When(Failure.QUALITY), StopSample("few of the reads are of this genome")),
    ),
    thresholds=LEAST_MAPPED,
)
