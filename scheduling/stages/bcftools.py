"""bcftools: variants called, made comparable, filtered, counted (Danecek et al., doi:10.1093/gigascience/giab008)."""

from __future__ import annotations

from ..declaring.environments import Environment, Tool
from ..declaring.parameters import Parameter
from ..declaring.policies import Failure, Reduce, Rule, StopSample, When
from ..declaring.ports import Input, Output
from ..declaring.resources import Resources
from ..declaring.stages import Stage
from .samtools import SAMTOOLS
from .usual import CUT_OFF, THREADS, malformed, usual, watched

__all__ = [
    "BCFTOOLS",
    "CALL",
    "DOWNSAMPLED",
    "FILTER",
    "NORM",
    "PART",
    "PART_OF_READS",
    "REGIONS",
    "STATS",
    "regions_of",
]

BCFTOOLS = Tool("bcftools", ">=1.10, <2", says=r"bcftools (\d\S*)")

_VARIANTS = ("vcf", "bcf")
_ENVIRONMENT = Environment(tools=(BCFTOOLS,))
_BROKEN = malformed(
    r"[Tt]runcated|EOF marker is absent|[Ff]ailed to (read|open)|[Cc]ould not parse|not recognized|[Uu]nknown file type"
    r"|[Cc]orrupt|[Ii]nvalid file",
    "the variants are broken",
)
# Where the alignments are of another reference it says so, goes on, and calls nothing.
_OTHER = r"sequence .* (was )?not found|is outside of [0-9]+"
_OTHER_REFERENCE = (
    Rule(When(Failure.EXIT, says=f"[Rr]eference allele mismatch|{_OTHER}"), StopSample("it is of another reference")),
)


def _reading(command: str) -> str:
    return watched(command, CUT_OFF, "a file is cut off")


REGIONS = Input("bed", optional=True, about="Where to look; by default everywhere.")


def regions_of(flag: str) -> str:
    """The lines of a command that leave ``"$@"`` with the option for an input ``regions``, if there is one.

    By its name programs tell whether a file of regions counts from 0, as BED does: so it is given that name.
    """
    return f'set -- {{regions}}\nif [ $# -gt 0 ]; then gzip -dcf < "$1" > regions.bed; set -- {flag} regions.bed; fi\n'


PART = Parameter(
    kind="float", default=None, minimum=0.01, maximum=0.99, about="Look at this part of the reads, pairs kept together."
)

PART_OF_READS = """
bam={bam}
set -- {part:-s}
if [ $# -gt 0 ]; then samtools view -b "$@" -o part.bam "$bam"; samtools index part.bam; bam=part.bam; fi
"""
"""The lines of a command that leave ``"$bam"`` with an input ``bam``, or with that ``part`` of it."""

DOWNSAMPLED = Rule(When((Failure.MEMORY, Failure.TIME)), Reduce(parameters={"part": 0.5}, grade="downsampled"))
"""Where no more memory or time can be had it is done with half of the reads."""

_CALL = (
    PART_OF_READS
    + regions_of("-R")
    + r"""
bcftools mpileup --threads {cpus} -f {reference} -a FORMAT/AD,FORMAT/DP -q {mapping} -Q {base} -d {depth} "$@" \
    -Ou "$bam" | bcftools call --threads {cpus} -m -v --ploidy {ploidy} -Oz -o {vcf}
bcftools index -t -f {vcf}
"""
)

CALL = Stage(
    name="bcftools_call",
    about="Calls variants of one sample.",
    command=watched(_CALL, f"{CUT_OFF}|{_OTHER}", "a file is cut off, or of another reference"),
    inputs={
        "bam": Input("bam", beside=".bai"),
        "reference": Input("fasta", beside=".fai"),
        "regions": REGIONS,
    },
    outputs={"vcf": Output("{sample}.vcf.gz", "vcf", beside=".tbi")},
    parameters={
        "mapping": Parameter(kind="int", default=20, minimum=0, maximum=255, about="The least mapping quality, Phred."),
        "base": Parameter(kind="int", default=13, minimum=0, maximum=93, about="The least quality of a base, Phred."),
        "depth": Parameter(kind="int", default=1000, minimum=1, about="Reads that are looked at in one place."),
        "ploidy": Parameter(kind="int", default=2, minimum=1, maximum=2, about="Copies of each chromosome."),
        "part": PART,
        "threads": THREADS,
    },
    resources=Resources(
        cpus="threads", memory="GiB + depth*100*kB", disk="2*size.bam", time="4*h + size.bam / (50*kB)"
    ),
    environment=Environment(tools=(BCFTOOLS, SAMTOOLS)),
    errors=usual(
        *_OTHER_REFERENCE,
        Rule(When(Failure.EXIT, says="[Ff]ail(ed)? to load index"), StopSample("no index")),
        DOWNSAMPLED,
        *_BROKEN,
    ),
)

NORM = Stage(
    name="bcftools_norm",
    about="Writes each variant in the one way that is leftmost and shortest, one to a line.",
    command=_reading(
        "bcftools norm --threads {cpus} -f {reference} -m -any -c e -Oz -o {normalized} {vcf}\n"
        "bcftools index -t -f {normalized}"
    ),
    inputs={"vcf": Input(_VARIANTS), "reference": Input("fasta", beside=".fai")},
    outputs={"normalized": Output("{sample}.normalized.vcf.gz", "vcf", beside=".tbi")},
    parameters={"threads": THREADS},
    resources=Resources(cpus="threads", memory="GiB", disk="2*size.vcf", time="h + size.vcf / (500*kB)"),
    environment=_ENVIRONMENT,
    errors=usual(*_OTHER_REFERENCE, *_BROKEN),
)

FILTER = Stage(
    name="bcftools_filter",
    about="Marks variants that little speaks for, in their FILTER column; none is left out.",
    command=_reading(
        "bcftools filter --threads {cpus} -s {mark} -m + -e 'QUAL<'{quality}' || INFO/DP<'{depth} -Oz "
        "-o {filtered} {vcf}\nbcftools index -t -f {filtered}"
    ),
    inputs={"vcf": Input(_VARIANTS)},
    outputs={"filtered": Output("{sample}.filtered.vcf.gz", "vcf", beside=".tbi")},
    parameters={
        "quality": Parameter(kind="float", default=20.0, minimum=0, about="The least quality, Phred."),
        "depth": Parameter(kind="int", default=5, minimum=0, about="The fewest reads."),
        "mark": Parameter(default="weak", about="What the others are marked with."),
        "threads": THREADS,
    },
    resources=Resources(cpus="threads", memory="512 MiB", disk="2*size.vcf", time="h + size.vcf / (500*kB)"),
    environment=_ENVIRONMENT,
    errors=usual(*_BROKEN),
)

STATS = Stage(
    name="bcftools_stats",
    about="Counts variants: of each kind, of each sample, by quality and depth.",
    command=_reading("bcftools stats --threads {cpus} -s - {only:-f} {reference:-F} {vcf} > {stats}"),
    inputs={"vcf": Input(_VARIANTS), "reference": Input("fasta", optional=True, beside=".fai")},
    outputs={"stats": Output("{sample}.variants.txt", "text")},
    parameters={
        "only": Parameter(default=None, about="Only variants whose FILTER is one of these, with commas between."),
        "threads": THREADS,
    },
    resources=Resources(cpus="threads", memory="GiB", time="h + size.vcf / (500*kB)"),
    environment=_ENVIRONMENT,
    errors=usual(*_BROKEN),
)
