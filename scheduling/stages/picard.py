"""Picard (broadinstitute.github.io/picard).

Conda and containers call its command ``picard``; Debian calls it ``PicardCommandLine``, which takes words apart at
blanks.  So nothing that has a name from outside is handed to it: files are linked and moved in the task's own folder.
"""

from __future__ import annotations

import shlex

from ..declaring.environments import Environment, Tool
from ..declaring.parameters import Parameter
from ..declaring.policies import Failure, Rule, StopSample, When
from ..declaring.ports import Input, Output
from ..declaring.resources import Resources
from ..declaring.stages import Stage
from .samtools import FEW_DUPLICATES
from .usual import REFERENCE, malformed, usual

__all__ = ["CREATE_SEQUENCE_DICTIONARY", "MARK_DUPLICATES", "create_sequence_dictionary", "mark_duplicates"]

_SAYS = r"Version:\s*(\d+(?:\.\d+)+)"
# Java needs memory beside its heap; so it gets three quarters of what the task has.
_HEAP = 'memory={memory:MiB}\nheap="-Xmx$(( memory * 3 / 4 ))m"\n'

_MARK = r"""
ln -sf -- {bam} marking.bam
PROGRAM "$heap" MarkDuplicates --INPUT marking.bam --OUTPUT marked.bam --METRICS_FILE marked.txt --CREATE_INDEX true \
    --OPTICAL_DUPLICATE_PIXEL_DISTANCE {optical} --VALIDATION_STRINGENCY {strictness} --TMP_DIR . >&2
mv -- marked.bam {marked}
mv -- marked.bai {marked}.bai
mv -- marked.txt {metrics}
"""
_DICTIONARY = r"""
gzip -dcf < {reference} > listing.fa
PROGRAM "$heap" CreateSequenceDictionary --REFERENCE listing.fa --OUTPUT listing.dict --URI file:reference.fa >&2
mv -- listing.dict {dictionary}
rm -- listing.fa
"""


def mark_duplicates(program: str = "picard") -> Stage:
    """Marks the reads that are copies of others; ``program``: what Picard is called."""
    return Stage(
        name="picard_mark_duplicates",
        about="Marks the reads that are copies of others.",
        command=_command(_MARK, program),
        inputs={"bam": Input("bam", about="Sorted by places.")},
        outputs={
            "marked": Output("{sample}.marked.bam", "bam", beside=".bai"),
            "metrics": Output("{sample}.duplicates.txt", "text"),
        },
        parameters={
            "optical": Parameter(
                kind="int",
                default=100,
                minimum=0,
                unit="px",
                about="How far apart on the flow cell copies lie at most; 2500 for a patterned one.",
            ),
            "strictness": Parameter(
                default="STRICT",
                choices=("STRICT", "LENIENT", "SILENT"),
                about="What is done about an alignment that is not as the specification has it.",
            ),
        },
        # The ends of reads whose mates have not come yet lie in memory, and then on disk.
        resources=Resources(
            memory="1536*MiB + min(8*GiB, 8*size.bam)", disk="3*size.bam", time="2*h + size.bam / (500*kB)"
        ),
        environment=_environment(program, "MarkDuplicates"),
        errors=usual(
            *malformed(
                r"SAMFormatException|SAM validation error|FileTruncated|RuntimeEOF|Premature end",
                "the alignments are broken",
            ),
            Rule(
                When(Failure.EXIT, says="not coordinate sorted|added out of order"),
                StopSample("the alignments are not sorted"),
            ),
            Rule(When(Failure.QUALITY), StopSample("nearly all of the reads are copies of others")),
        ),
        thresholds=FEW_DUPLICATES,
    )


def create_sequence_dictionary(program: str = "picard") -> Stage:
    """Lists a reference's sequences with their lengths and MD5; ``program``: what Picard is called."""
    return Stage(
        name="picard_create_sequence_dictionary",
        about="Lists a reference's sequences with their lengths and MD5.",
        command=_command(_DICTIONARY, program),
        inputs={"reference": Input("fasta", about="Plain or packed.")},
        outputs={"dictionary": Output("reference.dict", "sam")},
        resources=Resources(memory="2 GiB", disk="2*size.reference", time="h + size.reference / MB"),
        environment=_environment(program, "CreateSequenceDictionary"),
        errors=usual(last=REFERENCE),
    )


def _command(template: str, program: str) -> str:
    return _HEAP + template.strip().replace("PROGRAM", shlex.quote(program).replace("{", "{{").replace("}", "}}"))


def _environment(program: str, part: str) -> Environment:
    # None of its options tells its version: only its parts do.
    return Environment(tools=(Tool(program, ">=2.20", asks=(part, "--version"), says=_SAYS),))


MARK_DUPLICATES = mark_duplicates()
CREATE_SEQUENCE_DICTIONARY = create_sequence_dictionary()
