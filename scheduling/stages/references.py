"""References: everything that stages look for beside one, made at once."""

from __future__ import annotations

from ..declaring.environments import Environment
from ..declaring.ports import Input, Output
from ..declaring.resources import Resources
from ..declaring.stages import Stage
from . import bwa
from .samtools import SAMTOOLS
from .usual import REFERENCE, usual

__all__ = ["BESIDE", "PREPARE"]

BESIDE = (".fai", "^.dict", *bwa.ENDINGS)
"""The endings of Samtools' index, of the dictionary that GATK and Picard ask for, and of BWA's index."""

# Its own place would be in the dictionary, and make the same reference another one in every run.
_PREPARE = r"""
indexed={indexed}
gzip -dcf < {reference} > "$indexed"
samtools faidx "$indexed"
samtools dict -u file:reference.fa -o "${{indexed%.fa}}.dict" "$indexed"
bwa index "$indexed"
"""

PREPARE = Stage(
    name="prepare_reference",
    about="Unpacks a reference, and makes all indexes of it.",
    command=_PREPARE,
    inputs={"reference": Input("fasta", about="Plain or packed.")},
    outputs={"indexed": Output("reference.fa", "fasta", beside=BESIDE)},
    resources=Resources(
        memory="512*MiB + 6*size.reference", disk="6*size.reference", time="h + size.reference/(50*kB)"
    ),
    environment=Environment(tools=(SAMTOOLS, bwa.BWA)),
    errors=usual(last=REFERENCE),
)
