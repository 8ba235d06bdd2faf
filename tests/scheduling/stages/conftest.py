"""What most stages are done on: a genome with its indexes, a person's reads of it, and their alignments, made once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from benchmarks.genomes import Variant, a_genome, variants_of, write_genome, write_reads

from .doing import do, wrong

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Person:
    """``reference``: with its indexes beside it; ``reads``: files of first and of second mates."""

    genome: dict[str, str]
    variants: list[Variant]
    fasta: Path
    reference: Path
    reads: list[Path]


@pytest.fixture(scope="session")
def person(tmp_path_factory: pytest.TempPathFactory) -> Person:
    from holotype.scheduling.stages.references import PREPARE

    folder = tmp_path_factory.mktemp("person")
    genome = a_genome()
    variants = variants_of(genome, 11)
    fasta = write_genome(folder / "genome.fa", genome)
    done = do(PREPARE, folder / "index", {"reference": fasta})
    assert done.sound, done.said
    return Person(genome, variants, fasta, done.one("indexed"), [*write_reads(folder, "liver", genome, variants)])


@pytest.fixture(scope="session")
def aligned(person: Person, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Alignments, sorted and indexed."""
    from holotype.scheduling.stages.bwa import MEM

    folder = tmp_path_factory.mktemp("aligned") / "mem"
    done = do(MEM, folder, {"reads": [*person.reads], "reference": person.reference})
    assert done.sound, (done.said, wrong(done))
    return done.one("bam")
