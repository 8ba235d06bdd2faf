"""Samtools: alignments sorted, indexed, marked and counted (Danecek et al., doi:10.1093/gigascience/giab008)."""

from __future__ import annotations

from holotype.validators import Threshold

from ..declaring.environments import Environment, Tool
from ..declaring.parameters import Parameter
from ..declaring.policies import Failure, Rule, StopSample, When
from ..declaring.ports import Input, Output
from ..declaring.resources import Resources
from ..declaring.stages import Stage
from .usual import CUT_OFF, REFERENCE, THREADS, malformed, usual, watched

__all__ = [
    "COVERAGE",
    "DICT",
    "FAIDX",
    "FEW_DUPLICATES",
    "FLAGSTAT",
    "INDEX",
    "MARK_DUPLICATES",
    "SAMTOOLS",
    "SORT",
    "STATS",
]

# From 1.13 on flagstat writes JSON.
SAMTOOLS = Tool("samtools", ">=1.13, <2", says=r"samtools (\d\S*)")

FEW_DUPLICATES = (Threshold("sam.duplicate_rate", most=0.8),)
"""What alignments have to be whose duplicates are marked: else next to nothing was in the tube."""

_ALIGNED = ("bam", "cram", "sam")
_ENVIRONMENT = Environment(tools=(SAMTOOLS,))
_BROKEN = malformed(
    r"[Tt]runcated file|EOF marker is absent|[Ee]rror (parsing|reading)|[Ff]ailed to read|[Ff]ail to read"
    r"|invalid BAM|[Cc]orrupt|not in a recognised format",
    "the alignments are broken",
)
_ERRORS = usual(*_BROKEN)


def _reading(command: str) -> str:
    return watched(command, CUT_OFF, "the alignments are cut off")


SORT = Stage(
    name="samtools_sort",
    about="Sorts alignments by their places, and indexes them.",
    command=_reading(
        "samtools sort -@ {cpus} -m 512M -T sorting --write-index -o {sorted}'##idx##'{sorted}.bai {alignments}"
    ),
    inputs={"alignments": Input(_ALIGNED)},
    outputs={"sorted": Output("{sample}.sorted.bam", "bam", beside=".bai")},
    parameters={"threads": THREADS},
    resources=Resources(
        cpus="threads",
        memory="256*MiB + min(threads*768*MiB, 16*size.alignments)",
        disk="3*size.alignments",
        time="h + size.alignments / (500*kB)",
    ),
    environment=_ENVIRONMENT,
    errors=_ERRORS,
)

INDEX = Stage(
    name="samtools_index",
    about="Indexes alignments that are sorted; the index is a file by itself.",
    command=_reading("samtools index -@ {cpus} -b {bam} {index}"),
    inputs={"bam": Input("bam")},
    outputs={"index": Output("{sample}.bam.bai", "bai")},
    parameters={"threads": THREADS},
    resources=Resources(cpus="threads", memory="512 MiB", time="h + size.bam / (5*MB)"),
    environment=_ENVIRONMENT,
    errors=usual(
        Rule(
            When(Failure.EXIT, says="NO_COOR reads not in a single block|Unsorted positions"),
            StopSample("the alignments are not sorted"),
        ),
        *_BROKEN,
    ),
)

FAIDX = Stage(
    name="samtools_faidx",
    about="Indexes a reference, so that any part of it can be read.",
    command="gzip -dcf < {reference} > {indexed} && samtools faidx {indexed}",
    inputs={"reference": Input("fasta", about="Plain or packed.")},
    outputs={"indexed": Output("reference.fa", "fasta", beside=".fai", about="The reference, with its index.")},
    resources=Resources(memory="512 MiB", disk="2*size.reference", time="h + size.reference / MB"),
    environment=_ENVIRONMENT,
    errors=usual(last=REFERENCE),
)

DICT = Stage(
    name="samtools_dict",
    about="Lists a reference's sequences with their lengths and MD5, as Picard and GATK ask for.",
    command="samtools dict -u file:reference.fa -o {dictionary} {reference}",
    inputs={"reference": Input("fasta")},
    outputs={"dictionary": Output("reference.dict", "sam")},
    resources=Resources(memory="1 GiB", time="h + size.reference / MB"),
    environment=_ENVIRONMENT,
    errors=usual(last=REFERENCE),
)

FLAGSTAT = Stage(
    name="samtools_flagstat",
    about="Counts alignments by their flags: how many are mapped, paired, duplicates.",
    command=_reading("samtools flagstat -@ {cpus} -O json {bam} > {counts}"),
    inputs={"bam": Input(_ALIGNED)},
    outputs={"counts": Output("{sample}.flagstat.json", "json")},
    parameters={"threads": THREADS},
    resources=Resources(cpus="threads", memory="256 MiB", time="h + size.bam / (5*MB)"),
    environment=_ENVIRONMENT,
    errors=_ERRORS,
)

COVERAGE = Stage(
    name="samtools_coverage",
    about="How deep, and how much of, each of the reference's sequences is covered.",
    command=_reading("samtools coverage -o {coverage} {bam}"),
    inputs={"bam": Input(("bam", "cram"), beside=".bai")},
    outputs={"coverage": Output("{sample}.coverage.txt", "text")},
    resources=Resources(memory="512 MiB", time="h + size.bam / MB"),
    environment=_ENVIRONMENT,
    errors=_ERRORS,
)

STATS = Stage(
    name="samtools_stats",
    about="All sorts of figures: lengths, qualities, insert sizes, coverage, errors.",
    command=_reading("samtools stats -@ {cpus} {reference:-r} {bam} > {stats}"),
    inputs={"bam": Input(_ALIGNED), "reference": Input("fasta", optional=True, about="For errors by cycle and GC.")},
    outputs={"stats": Output("{sample}.stats.txt", "text")},
    parameters={"threads": THREADS},
    resources=Resources(cpus="threads", memory="GiB + size.reference", time="h + size.bam / MB"),
    environment=_ENVIRONMENT,
    errors=_ERRORS,
)

# Names together, mates filled in, sorted, marked: nothing but the sorting is ever on disk.
_MARK = r"""
samtools collate -@ {cpus} -O -u {bam} collating |
    samtools fixmate -@ {cpus} -m -u - - |
    samtools sort -@ {cpus} -m 512M -T sorting -u - |
    samtools markdup -@ {cpus} -T marking -f {metrics} -d {optical} --write-index - {marked}'##idx##'{marked}.bai
"""

MARK_DUPLICATES = Stage(
    name="samtools_markdup",
    about="Marks the reads that are copies of others.",
    command=_reading(_MARK),
    inputs={"bam": Input("bam")},
    outputs={
        "marked": Output("{sample}.marked.bam", "bam", beside=".bai"),
        "metrics": Output("{sample}.duplicates.txt", "text"),
    },
    parameters={
        "optical": Parameter(
            kind="int", default=100, minimum=0, unit="px", about="How far apart on the flow cell copies lie at most."
        ),
        "threads": THREADS,
    },
    resources=Resources(
        cpus="threads",
        memory="512*MiB + min(2*GiB + threads*768*MiB, 24*size.bam)",
        disk="5*size.bam",
        time="2*h + size.bam / (200*kB)",
    ),
    environment=_ENVIRONMENT,
    errors=usual(*_BROKEN, Rule(When(Failure.QUALITY), StopSample("nearly all of the reads are copies of others"))),
    thresholds=FEW_DUPLICATES,
)
