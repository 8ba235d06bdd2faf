"""GATK 4: base qualities recalibrated, variants called, genotyped and filtered (gatk.broadinstitute.org).

Its arguments are those of 4.0 and later.  It ends with 1 for arguments that are wrong, 2 for data that is, and 3 for
what it did not expect.
"""

from __future__ import annotations

from ..declaring.environments import Environment, Tool
from ..declaring.parameters import Parameter
from ..declaring.policies import Failure, Rule, StopRun, StopSample, When
from ..declaring.ports import Input, Output
from ..declaring.resources import Resources
from ..declaring.stages import Stage
from .bcftools import REGIONS, regions_of
from .usual import THREADS, usual

__all__ = ["APPLY_BQSR", "BASE_RECALIBRATOR", "GATK", "GENOTYPE_GVCFS", "HAPLOTYPE_CALLER", "VARIANT_FILTRATION"]

GATK = Tool("gatk", ">=4.1, <5", says=r"\(GATK\)\s+v?(\d\S*)")

_ENVIRONMENT = Environment(tools=(GATK,))
_REFERENCE = Input("fasta", beside=(".fai", "^.dict"))
_BAM = Input("bam", beside=".bai")
# Java needs memory beside its heap; so it gets three quarters of what the task has.
_HEAP = 'memory={memory:MiB}\nheap="-Xmx$(( memory * 3 / 4 ))m"\n'
_ERRORS = usual(
    Rule(
        When(Failure.EXIT, codes=2, says="Fasta (dict|index) file|index file .*for reference"),
        StopRun("the reference has no index, or no dictionary"),
    ),
    Rule(
        When(Failure.EXIT, codes=2, says="incompatible contigs|No overlapping contigs|dictionary"),
        StopSample("it is of another reference"),
    ),
    Rule(When(Failure.EXIT, codes=2), StopSample("GATK says that the data is wrong")),
    Rule(
        When(Failure.EXIT, codes=1, says=r"not a recognized option|Argument .* was missing|Illegal argument"),
        StopRun("GATK does not take these arguments"),
    ),
)

BASE_RECALIBRATOR = Stage(
    name="gatk_base_recalibrator",
    about="Learns how far qualities of bases are off, from places that are not known to vary.",
    command=_HEAP
    + regions_of("-L")
    + 'gatk --java-options "$heap" BaseRecalibrator -R {reference} -I {bam} {known:--known-sites} "$@" -O {table}',
    inputs={
        "bam": _BAM,
        "reference": _REFERENCE,
        "known": Input("vcf", many=True, beside=".tbi", about="Variants that are known."),
        "regions": REGIONS,
    },
    outputs={"table": Output("{sample}.recalibration.txt", "text")},
    resources=Resources(memory="4 GiB", time="4*h + size.bam / (200*kB)"),
    environment=_ENVIRONMENT,
    errors=_ERRORS,
)

APPLY_BQSR = Stage(
    name="gatk_apply_bqsr",
    about="Sets the qualities of bases right.",
    command=_HEAP + 'gatk --java-options "$heap" ApplyBQSR -R {reference} -I {bam} --bqsr-recal-file {table} '
    "-O recalibrated.bam\nmv -- recalibrated.bam {recalibrated}\nmv -- recalibrated.bai {recalibrated}.bai",
    inputs={"bam": _BAM, "reference": _REFERENCE, "table": Input("text")},
    outputs={"recalibrated": Output("{sample}.recalibrated.bam", "bam", beside=".bai")},
    resources=Resources(memory="4 GiB", disk="2*size.bam", time="4*h + size.bam / (200*kB)"),
    environment=_ENVIRONMENT,
    errors=_ERRORS,
)

HAPLOTYPE_CALLER = Stage(
    name="gatk_haplotype_caller",
    about="Calls variants of one sample by assembling what its reads could come from.",
    command=_HEAP
    + regions_of("-L")
    + 'gatk --java-options "$heap" HaplotypeCaller -R {reference} -I {bam} -O {vcf} -ERC {confidence} '
    '--sample-ploidy {ploidy} --native-pair-hmm-threads {cpus} {known:--dbsnp} "$@"',
    inputs={
        "bam": _BAM,
        "reference": _REFERENCE,
        "known": Input("vcf", optional=True, beside=".tbi", about="Variants whose names are written down."),
        "regions": REGIONS,
    },
    outputs={"vcf": Output("{sample}.vcf.gz", "vcf", beside=".tbi")},
    parameters={
        "confidence": Parameter(
            default="NONE", choices=("NONE", "GVCF", "BP_RESOLUTION"), about="Whether places without variants are told."
        ),
        "ploidy": Parameter(kind="int", default=2, minimum=1, about="Copies of each chromosome."),
        "threads": THREADS,
    },
    resources=Resources(cpus="threads", memory="6 GiB", disk="size.bam", time="12*h + size.bam / (10*kB)"),
    environment=_ENVIRONMENT,
    errors=_ERRORS,
)

GENOTYPE_GVCFS = Stage(
    name="gatk_genotype_gvcfs",
    about="Makes variants of what was called with confidences.",
    command=_HEAP + 'gatk --java-options "$heap" GenotypeGVCFs -R {reference} -V {gvcf} -O {vcf}',
    inputs={"gvcf": Input("vcf", beside=".tbi"), "reference": _REFERENCE},
    outputs={"vcf": Output("{sample}.genotyped.vcf.gz", "vcf", beside=".tbi")},
    resources=Resources(memory="4 GiB", disk="size.gvcf", time="4*h + size.gvcf / (100*kB)"),
    environment=_ENVIRONMENT,
    errors=_ERRORS,
)

# To GATK a number without a point is a whole one, and nothing else is compared with it.
_FILTER = r"""
confidence=$(LC_ALL=C printf %.4f {confidence}) strand=$(LC_ALL=C printf %.4f {strand})
mapping=$(LC_ALL=C printf %.4f {mapping})
gatk --java-options "$heap" VariantFiltration -R {reference} -V {vcf} -O {filtered} \
    --filter-name QD --filter-expression "QD < $confidence" --filter-name FS --filter-expression "FS > $strand" \
    --filter-name MQ --filter-expression "MQ < $mapping"
"""

VARIANT_FILTRATION = Stage(
    name="gatk_variant_filtration",
    about="Marks variants that little speaks for, by GATK's own figures; none is left out.",
    command=_HEAP + _FILTER,
    inputs={"vcf": Input("vcf", beside=".tbi"), "reference": _REFERENCE},
    outputs={"filtered": Output("{sample}.filtered.vcf.gz", "vcf", beside=".tbi")},
    parameters={
        "confidence": Parameter(kind="float", default=2.0, minimum=0, about="The least quality for each read, QD."),
        "strand": Parameter(kind="float", default=60.0, minimum=0, about="The most that strands differ, FS, Phred."),
        "mapping": Parameter(kind="float", default=40.0, minimum=0, about="The least mapping quality, MQ."),
    },
    resources=Resources(memory="4 GiB", disk="size.vcf", time="2*h + size.vcf / (500*kB)"),
    environment=_ENVIRONMENT,
    errors=_ERRORS,
)
