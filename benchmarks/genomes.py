"""A small genome, people with variants of it that are known, and reads of them."""

from __future__ import annotations

import gzip
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Variant", "a_genome", "accuracy", "variants_in", "variants_of", "write_genome", "write_reads"]

LENGTHS = {"chr1": 24_000, "chr2": 12_000}
_APART = 160
_READ, _INSERT, _SPREAD = 100, 320, 30
_WRONG = 0.001
_OTHER = str.maketrans("ACGT", "TGCA")


@dataclass(frozen=True, order=True)
class Variant:
    """A change, leftmost and shortest, as VCF writes it; ``both``: on both copies of the chromosome."""

    chromosome: str
    position: int
    reference: str
    other: str
    both: bool


def a_genome(seed: int = 7) -> dict[str, str]:
    """Letters of chromosomes, by their names."""
    chance = random.Random(seed)
    return {name: "".join(chance.choices("ACGT", k=length)) for name, length in LENGTHS.items()}


def write_genome(path: Path, genome: dict[str, str]) -> Path:
    """Write it as FASTA."""
    lines = (
        f">{name}\n" + "".join(f"{bases[start : start + 60]}\n" for start in range(0, len(bases), 60))
        for name, bases in genome.items()
    )
    path.write_text("".join(lines))
    return path


def variants_of(genome: dict[str, str], seed: int) -> list[Variant]:
    """Variants of one person, of a genome."""
    chance = random.Random(seed)
    found = []
    for name, bases in genome.items():
        for place in range(400, len(bases) - 400, _APART):
            both = chance.random() < 0.4
            kind = chance.random()
            anchor = bases[place]
            if kind < 0.8:
                found.append(Variant(name, place + 1, anchor, chance.choice("ACGT".replace(anchor, "")), both))
            elif kind < 0.9:
                lost = bases[place + 1 : place + chance.randint(2, 4)]
                if lost[-1] != anchor:  # else it could be written further to the left
                    found.append(Variant(name, place + 1, anchor + lost, anchor, both))
            else:
                more = "".join(chance.choices("ACGT", k=chance.randint(1, 3)))
                if more[-1] != anchor:
                    found.append(Variant(name, place + 1, anchor, anchor + more, both))
    return found


def _copy(bases: str, variants: list[Variant]) -> str:
    parts, end = [], 0
    for each in variants:
        parts += [bases[end : each.position - 1], each.other]
        end = each.position - 1 + len(each.reference)
    return "".join([*parts, bases[end:]])


def write_reads(
    folder: Path, name: str, genome: dict[str, str], variants: list[Variant], *, depth: float = 40, seed: int = 1
) -> tuple[Path, Path]:
    """Pairs of reads of a person, each tenth of whom is there twice; the files of first and of second mates."""
    chance = random.Random(seed)
    texts: tuple[list[str], list[str]] = ([], [])
    for chromosome, bases in genome.items():
        own = [each for each in variants if each.chromosome == chromosome]
        copies = (_copy(bases, own), _copy(bases, [each for each in own if each.both]))
        for _ in range(int(len(bases) * depth / (2 * _READ))):
            copy = chance.choice(copies)
            size = max(_READ, int(chance.gauss(_INSERT, _SPREAD)))
            start = chance.randrange(len(copy) - size)
            fragment = copy[start : start + size]
            if chance.random() < 0.5:
                fragment = fragment[::-1].translate(_OTHER)
            for _ in range(1 + (chance.random() < 0.1)):
                _pair(texts, name, fragment, chance)
    paths = folder / f"{name}_R1.fastq", folder / f"{name}_R2.fastq"
    for path, text in zip(paths, texts, strict=True):
        path.write_text("".join(text))
    return paths


def _pair(texts: tuple[list[str], list[str]], name: str, fragment: str, chance: random.Random) -> None:
    number = len(texts[0])
    for end, (text, bases) in enumerate(zip(texts, (fragment, fragment[::-1].translate(_OTHER)), strict=True), 1):
        letters = list(bases[:_READ])
        for place in range(_READ):
            if chance.random() < _WRONG:
                letters[place] = chance.choice("ACGT")
        text.append(f"@{name}.{number} {end}:N:0\n{''.join(letters)}\n+\n{'I' * 60}{'F' * 40}\n")


def variants_in(path: Path, *, only: str = "") -> set[tuple[str, int, str, str]]:
    """What a VCF tells of, those whose FILTER it is if that is said."""
    lines = (line.split("\t") for line in gzip.decompress(path.read_bytes()).decode().splitlines() if line[0] != "#")
    return {(line[0], int(line[1]), line[3], line[4]) for line in lines if only in ("", line[6])}


def accuracy(found: set[tuple[str, int, str, str]], variants: list[Variant]) -> tuple[float, float]:
    """The part of the known that was found, and of what was found that is known."""
    known = {(each.chromosome, each.position, each.reference, each.other) for each in variants}
    return len(found & known) / len(known), len(found & known) / len(found)
