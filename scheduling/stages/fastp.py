"""fastp: reads trimmed of adapters and bad ends (Chen et al., doi:10.1093/bioinformatics/bty560)."""

from __future__ import annotations

from dataclasses import replace

from holotype.validators import Threshold

from ..declaring.environments import Environment, Tool
from ..declaring.parameters import Parameter
from ..declaring.policies import Failure, Rule, StopSample, When
from ..declaring.ports import Input, Output
from ..declaring.resources import Resources
from ..declaring.stages import Stage
from .usual import THREADS, malformed, usual, watched

__all__ = ["FASTP", "TRIM"]

FASTP = Tool("fastp", ">=0.20, <2", says=r"fastp v?(\d\S*)")

# Lanes are put one after the other, files of first mates and those of second ones.  Of reads that are malformed, and
# of a file that has fewer, 0.23 speaks only where it reports, leaves out the rest, and ends well.
_TRIM = r"""
set -- {reads}
if [ $# -gt 2 ] || {{ [ $# -eq 2 ] && ! {paired}; }}; then
    first=() second=()
    while [ $# -gt 0 ]; do
        first+=("$1")
        shift
        if {paired}; then
            if [ $# -eq 0 ]; then
                echo 'a file of reads has no other with their mates' >&2
                exit 64
            fi
            second+=("$1")
            shift
        fi
    done
    gzip -dcf -- "${{first[@]}}" | gzip -1 > lanes_1.fastq.gz
    set -- lanes_1.fastq.gz
    if {paired}; then
        gzip -dcf -- "${{second[@]}}" | gzip -1 > lanes_2.fastq.gz
        set -- "$@" lanes_2.fastq.gz
    fi
fi
if [ $# -eq 2 ]; then
    set -- --in1 "$1" --in2 "$2" --out2 {reverse} --detect_adapter_for_pe
else
    set -- --in1 "$1"
fi
fastp "$@" --out1 {forward} --json {figures} --html {page} --thread {cpus} \
    --qualified_quality_phred {quality} --unqualified_percent_limit {unqualified} --length_required {length}
rm -f lanes_1.fastq.gz lanes_2.fastq.gz
"""

TRIM = Stage(
    name="fastp",
    about="Trims reads of adapters, and leaves out those that are bad or too short.",
    command=watched(_TRIM, "^ERROR|different read numbers", "reads are malformed, or those of one file have no mates"),
    inputs={
        "reads": Input("fastq", many=True, about="One file, or pairs of files, each with that of the mates after it.")
    },
    outputs={
        "forward": Output("{sample}_R1.trimmed.fastq.gz", "fastq", about="First mates, or all."),
        "reverse": Output("{sample}_R2.trimmed.fastq.gz", "fastq", optional=True, about="Second mates."),
        "figures": Output("{sample}.fastp.json", "json"),
        "page": Output("{sample}.fastp.html"),
    },
    parameters={
        "paired": Parameter(kind="bool", default=True, about="Whether two files are mates, rather than two lanes."),
        "quality": Parameter(kind="int", default=15, minimum=0, maximum=93, about="Of a good base at least, Phred."),
        "unqualified": Parameter(
            kind="int",
            default=40,
            minimum=0,
            maximum=100,
            unit="%",
            about="Of a read at most, bases that are not good.",
        ),
        "length": Parameter(kind="int", default=15, minimum=0, unit="bp", about="The shortest read that is kept."),
        "threads": replace(THREADS, maximum=16),
    },
    # A gigabyte of it is for finding reads that are there twice.
    resources=Resources(
        cpus="threads",
        memory="1280*MiB + threads*256*MiB",
        disk="3*size.reads + 16*MiB",
        time="h + size.reads / (500*kB)",
    ),
    environment=Environment(tools=(FASTP,)),
    errors=usual(
        *malformed(
            r"different length|unexpected end of file|not in gzip format|igzip|has no other|should start with",
            "the reads are broken",
        ),
        Rule(When(Failure.EXIT, codes=255, says="ERROR"), StopSample("the reads are broken")),
        Rule(When(Failure.INVALID, metrics="file.empty"), StopSample("no good reads are left")),
        Rule(When(Failure.QUALITY), StopSample("the reads that are left are bad")),
    ),
    # Instruments promise Q30 of 70 % of bases and more: below this even Q20 is not reached.
    thresholds=(Threshold("fastq.reads", least=1), Threshold("fastq.q20", least=0.7)),
)
