"""Two people's reads, simulated, through the germline pipeline into an archive: what the tour shows of workflows."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.genomes import Variant, a_genome, accuracy, variants_in, variants_of, write_genome, write_reads
from holotype.scheduling import Sample, Scheduler, Site, audit_export, check_audit
from holotype.scheduling.stages.germline import germline

if TYPE_CHECKING:
    from holotype import lake
    from holotype.scheduling import Run

__all__ = ["PROGRAMS", "Laboratory", "Told", "call_variants", "lacking", "simulate"]

PROGRAMS = ("bwa", "samtools", "bcftools", "fastp", "fastqc")
RUN, READS = "germline", "reads"


@dataclass(frozen=True)
class Laboratory:
    """``variants``: of each sample, those that are known."""

    folder: Path
    reference: Path
    samples: tuple[Sample, ...]
    variants: dict[str, list[Variant]]


@dataclass(frozen=True)
class Told:
    """What came of it.  ``found``: of each sample, the share of the known variants that was.  ``share``: what keeping
    records took, of what the tasks took.  ``reached``: the files of reads that a sample's variants go back to.
    """

    state: str
    tasks: int
    found: dict[str, float]
    share: float
    bottleneck: str
    rows: int
    reached: tuple[str, ...]
    audited: int
    sound: bool


def lacking() -> list[str]:
    """The programs that are not here."""
    return [each for each in PROGRAMS if shutil.which(each) is None]


def simulate(folder: Path) -> Laboratory:
    """Make a small genome, and reads of two people; the same each time."""
    folder.mkdir()
    genome = a_genome()
    variants = {name: variants_of(genome, number) for number, name in enumerate(("mother", "child"), 1)}
    samples = tuple(
        Sample(name, {"reads": write_reads(folder, name, genome, known)}) for name, known in variants.items()
    )
    return Laboratory(folder, write_genome(folder / "genome.fa", genome), samples, variants)


def call_variants(laboratory: Laboratory, archive: lake.Archive, work: Path) -> Told:
    """Have the reads in the archive, run the pipeline, and ask the archive for what came of it."""
    archive.backup(laboratory.folder, dataset=READS, message="as they were sequenced")
    site = Site(work / "site", memory=8 << 30)
    with Scheduler(site, archive=archive) as scheduler:
        run = scheduler.start(
            germline(), laboratory.samples, shared={"reference": laboratory.reference}, name=RUN, project="tour"
        )
        scheduler.work()
        found = {name: _found(run, name, known) for name, known in laboratory.variants.items()}
        first = run.analyse().bottleneck
        state = run.outcome().state
    export = audit_export(archive, RUN, to=work / "audit")
    audited = check_audit(export.path)
    (rows,) = archive.sql("SELECT count(*) FROM attempts WHERE failure IS NULL").fetchall()
    return Told(
        state=state,
        tasks=run.tasks().height,
        found=found,
        share=run.overhead().share,
        bottleneck="nothing" if first is None else first.name,
        rows=rows[0],
        reached=_reached(archive, run),
        audited=export.files,
        sound=audited.ok,
    )


def _found(run: Run, sample: str, known: list[Variant]) -> float:
    paths = run.outputs("variants", sample)
    return accuracy(variants_in(Path(paths[0]), only="PASS"), known)[0] if paths else 0.0


def _reached(archive: lake.Archive, run: Run) -> tuple[str, ...]:
    """The reads that the variants of the first sample go back to, by what the archive has of them."""
    (path,) = run.outputs("variants", "mother")
    within = Path(path).relative_to(run.folder()).as_posix()
    upstream = archive.provenance.upstream(f"runs/{RUN}@latest/{within}")
    files = upstream.filter(dataset=READS)["path"].to_list()
    return tuple(sorted(each for each in files if each is not None and each.endswith(".fastq")))
