"""Samtools and Picard, as they are: what is done with alignments."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from holotype.scheduling import Stage, StopRun, StopSample
from holotype.scheduling.stages import picard, samtools

from .doing import do, wrong

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Person

NEEDS = ("bwa", "samtools", "PicardCommandLine", "gzip")

PICARD = picard.mark_duplicates("PicardCommandLine")


def view(*arguments: object) -> list[str]:
    done = subprocess.run(["samtools", "view", *map(str, arguments)], capture_output=True, check=True, text=True)
    return done.stdout.splitlines()


@pytest.fixture
def cut(aligned: Path, tmp_path: Path) -> Path:
    """Alignments that end too early."""
    path = tmp_path / "cut.bam"
    path.write_bytes(aligned.read_bytes()[: aligned.stat().st_size // 2])
    return path


def test_samtools_sorts(aligned: Path, tmp_path: Path) -> None:
    shuffled = tmp_path / "names.bam"
    subprocess.run(["samtools", "sort", "-n", "-o", str(shuffled), str(aligned)], check=True, capture_output=True)
    done = do(samtools.SORT, tmp_path / "x", {"alignments": shuffled}, threads=3)
    assert done.sound, (done.said, wrong(done))
    assert len(view(done.one("sorted"))) == len(view(aligned))
    assert view(done.one("sorted"), "chr2:100-200")


def test_samtools_indexes(aligned: Path, person: Person, tmp_path: Path) -> None:
    done = do(samtools.INDEX, tmp_path / "x", {"bam": aligned})
    assert done.sound, (done.said, wrong(done))
    reference = do(samtools.FAIDX, tmp_path / "y", {"reference": person.fasta})
    assert reference.sound, (reference.said, wrong(reference))
    (tmp_path / "not.fa").write_text("no reference\n")
    broken = do(samtools.FAIDX, tmp_path / "z", {"reference": tmp_path / "not.fa"})
    assert broken.action(samtools.FAIDX) == StopRun("the reference cannot be indexed")


def test_samtools_counts(aligned: Path, person: Person, tmp_path: Path) -> None:
    flags = do(samtools.FLAGSTAT, tmp_path / "f", {"bam": aligned})
    assert flags.sound, (flags.said, wrong(flags))
    reads = sum(path.read_bytes().count(b"\n") for path in person.reads) // 4
    assert json.loads(flags.one("counts").read_bytes())["QC-passed reads"]["primary"] == reads
    stats = do(samtools.STATS, tmp_path / "s", {"bam": aligned, "reference": person.reference})
    assert stats.sound, (stats.said, wrong(stats))
    assert f"raw total sequences:\t{reads}\t" in stats.one("stats").read_text()
    covered = do(samtools.COVERAGE, tmp_path / "c", {"bam": aligned})
    assert covered.sound, (covered.said, wrong(covered))
    assert [line.split("\t")[0] for line in covered.one("coverage").read_text().splitlines()[1:]] == ["chr1", "chr2"]


@pytest.mark.parametrize("stage", [samtools.MARK_DUPLICATES, PICARD], ids=lambda stage: stage.name)
def test_duplicates_are_marked_and_none_is_lost(stage: Stage, aligned: Path, tmp_path: Path) -> None:
    folder = tmp_path / "with a blank"
    folder.mkdir()
    done = do(stage, folder, {"bam": aligned}, sample="it's a 'name' * \\t")
    assert done.sound, (done.said, wrong(done))
    marked = done.one("marked")
    assert done.report is not None
    metrics = {row["name"]: row["value"] for row in done.report.metrics.to_pylist() if not row["of"]}
    assert 0.08 < metrics["sam.duplicate_rate"] < 0.12
    assert len(view(marked)) == len(view(aligned))
    assert view(marked, "chr2:100-200")


@pytest.mark.parametrize(
    "stage", [samtools.SORT, samtools.MARK_DUPLICATES, samtools.INDEX], ids=lambda stage: stage.name
)
def test_alignments_that_are_cut_off_stop_their_sample(stage: Stage, cut: Path, tmp_path: Path) -> None:
    (name,) = stage.inputs
    done = do(stage, tmp_path / "x", {name: cut})
    assert done.status != 0
    assert done.action(stage) == StopSample("the alignments are broken"), done.said


def test_alignments_that_are_cut_off_stop_their_sample_at_picard(cut: Path, tmp_path: Path) -> None:
    done = do(PICARD, tmp_path / "x", {"bam": cut})
    assert done.status != 0
    assert done.action(PICARD) == StopSample("the alignments are broken"), done.said


@pytest.mark.parametrize("stage", [samtools.INDEX, PICARD], ids=lambda stage: stage.name)
def test_alignments_that_are_not_sorted_stop_their_sample(stage: Stage, aligned: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.bam"
    subprocess.run(["samtools", "sort", "-n", "-o", str(names), str(aligned)], check=True, capture_output=True)
    done = do(stage, tmp_path / "x", {"bam": names})
    assert done.action(stage) == StopSample("the alignments are not sorted"), done.said


def test_samtools_and_picard_list_the_same_sequences(person: Person, tmp_path: Path) -> None:
    lists: list[set[str]] = []
    for stage in (samtools.DICT, picard.create_sequence_dictionary("PicardCommandLine")):
        done = do(stage, tmp_path / stage.name, {"reference": person.fasta})
        assert done.sound, (done.said, wrong(done))
        lines = done.one("dictionary").read_text().splitlines()
        lists.append({"\t".join(sorted(line.split("\t"))) for line in lines if line.startswith("@SQ")})
    assert lists[0] == lists[1]
    assert len(lists[0]) == 2


def test_what_picard_is_called_can_be_said() -> None:
    assert picard.MARK_DUPLICATES.environment.tools[0].name == "picard"
    assert PICARD.environment.tools[0].name == "PicardCommandLine"
    with pytest.raises(ValueError, match="is no program"):
        picard.mark_duplicates("java -jar picard.jar")
