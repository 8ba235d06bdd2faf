"""The germline pipeline: from reads to variants that are filtered, and a report.

::

    reads ─┬─ FastQC
           └─ fastp ─ bwa mem ─ mark duplicates ─┬─ call ─ normalize ─ filter ─ count ─┐
                                                 └─ count, cover ──────────────────────┴─ summarise ═ report
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..declaring.policies import Failure, Instead, Rule, When
from ..declaring.ports import Input
from ..declaring.problems import refuse
from ..declaring.steps import Per, Setting, Step
from ..workflow import Workflow
from . import bcftools, bwa, fastp, fastqc, freebayes, gatk, picard, samtools
from .references import BESIDE, PREPARE
from .summaries import REPORT, SUMMARISE
from .usual import THREADS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..declaring.stages import Stage

__all__ = ["germline"]

_CALLERS: Mapping[str, Stage] = {
    "bcftools": bcftools.CALL,
    "freebayes": freebayes.CALL,
    "gatk": gatk.HAPLOTYPE_CALLER,
}
_THREADS = {"threads": Setting("threads")}


def germline(
    *,
    caller: str = "bcftools",
    otherwise: str | None = None,
    duplicates: str = "samtools",
    picard_program: str = "picard",
    indexed: bool = False,
    recalibrate: bool = False,
) -> Workflow:
    """The workflow.

    It takes of each sample ``reads``: a FASTQ file, or pairs of them, each with that of the mates after it; and of all
    ``reference``, a FASTA file, and ``regions``, a BED file of where to look.

    ``caller``: ``bcftools``, ``freebayes`` or ``gatk``; ``otherwise``: that of them by which a sample is called where
    the first fails, which is a lower grade.  ``duplicates``: marked by ``samtools``, or by ``picard``, and by Samtools
    where Picard fails; ``picard_program``: what Picard is called here, ``PicardCommandLine`` on Debian.  ``indexed``:
    whether the reference has its indexes beside it (``references.BESIDE``); else they are made, once in a run.
    ``recalibrate``: whether GATK sets qualities of bases right; then all have ``known`` variants in common, VCF files
    with their indexes.  Raises ``WorkflowInvalid`` for a choice that there is not.
    """
    _hold(caller, otherwise, duplicates)
    inputs = {
        "reads": Input("fastq", many=True, about="One file, or pairs, each file with that of the mates after it."),
        "reference": Input("fasta", shared=True, beside=BESIDE if indexed else ()),
        "regions": Input("bed", optional=True, shared=True, about="Where to look; by default everywhere."),
    }
    if recalibrate:
        inputs["known"] = Input("vcf", many=True, shared=True, beside=".tbi", about="Variants that are known.")
    reference = "reference" if indexed else "index.indexed"
    steps = {} if indexed else {"index": Step(PREPARE, {"reference": "reference"})}
    steps |= _alignment(reference, duplicates, picard_program)
    bam = "duplicates.marked"
    if recalibrate:
        steps |= _recalibration(bam, reference)
        bam = "recalibrate.recalibrated"
    steps |= _calling(bam, reference, caller, otherwise)
    steps |= _figures(bam, reference)
    return Workflow(
        name="germline",
        about="Variants of each sample, from its reads.",
        inputs=inputs,
        parameters={
            "threads": replace(THREADS, maximum=16),
            "platform": bwa.READ_GROUP["platform"],
            "library": bwa.READ_GROUP["library"],
            "unit": bwa.READ_GROUP["unit"],
            "quality": bcftools.FILTER.parameters["quality"],
            "depth": bcftools.FILTER.parameters["depth"],
        },
        steps=steps,
        outputs={
            "quality_pages": "quality.pages",
            "trimming": "trim.figures",
            "alignments": bam,
            "duplicates": "duplicates.metrics",
            "variants": "filter.filtered",
            "summaries": "summarise.summary",
            "figures": "report.figures",
            "page": "report.page",
        },
    )


def _hold(caller: str, otherwise: str | None, duplicates: str) -> None:
    """Raises ``WorkflowInvalid`` for what cannot be chosen."""
    wrong = [
        f"{name} is called by one of {', '.join(_CALLERS)}, not by {given!r}"
        for name, given in (("caller: it", caller), ("otherwise: it", otherwise))
        if given is not None and given not in _CALLERS
    ]
    if otherwise == caller:
        wrong.append(f"otherwise: {caller} is what failed then")
    if duplicates not in ("samtools", "picard"):
        wrong.append(f"duplicates: they are marked by samtools or picard, not by {duplicates!r}")
    if wrong:
        refuse("the workflow germline", wrong)


def _alignment(reference: str, duplicates: str, picard_program: str) -> dict[str, Step]:
    group = {name: Setting(name) for name in bwa.READ_GROUP}
    marking = samtools.MARK_DUPLICATES
    values: dict[str, Any] = dict(_THREADS)
    if duplicates == "picard":
        marking, values = _or_else(picard.mark_duplicates(picard_program), marking), {}
    return {
        "quality": Step(fastqc.FASTQC, {"reads": "reads"}, parameters=_THREADS),
        "trim": Step(fastp.TRIM, {"reads": "reads"}, parameters=_THREADS),
        "align": Step(
            bwa.MEM, {"reads": ("trim.forward", "trim.reverse"), "reference": reference}, parameters=group | _THREADS
        ),
        "duplicates": Step(marking, {"bam": "align.bam"}, parameters=values),
    }


def _recalibration(bam: str, reference: str) -> dict[str, Step]:
    given = {"bam": bam, "reference": reference}
    return {
        "learn": Step(gatk.BASE_RECALIBRATOR, {**given, "known": "known", "regions": "regions"}),
        "recalibrate": Step(gatk.APPLY_BQSR, {**given, "table": "learn.table"}),
    }


def _calling(bam: str, reference: str, caller: str, otherwise: str | None) -> dict[str, Step]:
    stage = _CALLERS[caller]
    if otherwise is not None:
        stage = _or_else(stage, _CALLERS[otherwise])
    threads = _THREADS if "threads" in stage.parameters else {}
    limits = {"quality": Setting("quality"), "depth": Setting("depth")}
    return {
        "call": Step(stage, {"bam": bam, "reference": reference, "regions": "regions"}, parameters=threads),
        "normalize": Step(bcftools.NORM, {"vcf": "call.vcf", "reference": reference}, parameters=_THREADS),
        "filter": Step(bcftools.FILTER, {"vcf": "normalize.normalized"}, parameters=_THREADS | limits),
    }


def _figures(bam: str, reference: str) -> dict[str, Step]:
    passed = {"vcf": "filter.filtered", "reference": reference}
    return {
        "flags": Step(samtools.FLAGSTAT, {"bam": bam}, parameters=_THREADS),
        "cover": Step(samtools.COVERAGE, {"bam": bam}),
        "count": Step(bcftools.STATS, passed, parameters={"only": "PASS", **_THREADS}),
        "summarise": Step(
            SUMMARISE,
            {
                "trimmed": "trim.figures",
                "counts": "flags.counts",
                "coverage": "cover.coverage",
                "variants": "count.stats",
            },
        ),
        "report": Step(REPORT, {"summaries": "summarise.summary"}, per=Per.RUN),
    }


def _or_else(stage: Stage, other: Stage) -> Stage:
    """A stage that is done by another one where it fails, and nothing else helps."""
    failures = (Failure.EXIT, Failure.SIGNAL, Failure.TIME, Failure.MISSING, Failure.INVALID)
    return replace(stage, errors=(*stage.errors, Rule(When(failures), Instead(other))))
