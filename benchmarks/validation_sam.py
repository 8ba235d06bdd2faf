"""What validating alignments costs: megabytes a second of SAM, BAM and CRAM, on one core.

    python benchmarks/validation_sam.py [READS]

Makes reads of 100 to 150 bases in pairs, with the optional fields that aligners write, as SAM; ``samtools``, where it
is installed, makes BAM and CRAM of it, and is measured beside: ``stats`` for figures, ``quickcheck`` for what is often
asked of a file before it is used.  Seconds are of the processor, so that other work on the machine counts little; the
best of three.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks.measure import Command, run
from holotype.validators import validate

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["made", "main", "measured"]

SEED = 20_260_101
ROUNDS = 3
REFERENCES = (("chr1", 2_000_000), ("chr2", 900_000), ("chrM", 16_569))
MEGABYTE = 1_000_000


def main(reads: int = 300_000) -> None:
    """Measure everything on so many reads."""
    with tempfile.TemporaryDirectory() as folder:
        text = made(Path(folder) / "reads.sam", reads)
        files = [text, *converted(text)]
        inside = text.stat().st_size
        print(f"{reads:,} reads, {inside / MEGABYTE:.0f} MB of SAM")
        for file in files:
            seconds = measured(partial(validate, file))
            report = validate(file)
            size = unpacked(file)
            tell(f"validate {file.name}", seconds, size)
            assert report.ok, report
            header = measured(partial(validate, file, cost="header"))
            print(f"  its header alone: {header * 1000:.1f} ms")
        if len(files) > 1:
            for arguments in (("quickcheck",), ("stats",)):
                command = Command(("samtools", *arguments, str(files[1])), Path(folder))
                tell(
                    f"samtools {arguments[0]} reads.bam",
                    min(run(command).cpu for _ in range(ROUNDS)),
                    unpacked(files[1]),
                )


def tell(what: str, seconds: float, size: int) -> None:
    """Print one figure."""
    print(f"{what}: {seconds:.2f} s, {size / seconds / MEGABYTE:,.0f} MB/s of {size / MEGABYTE:.0f} MB unpacked")


def measured(work: Callable[[], object]) -> float:
    """The least processor time of some rounds, in seconds."""
    taken: list[float] = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


def unpacked(file: Path) -> int:
    """The bytes of a file that are looked at: of BGZF those inside, of CRAM those that lie there."""
    data = file.read_bytes()
    if not data.startswith(b"\x1f\x8b"):
        return len(data)
    size = at = 0
    while at < len(data):
        packed = int.from_bytes(data[at + 16 : at + 18], "little") + 1
        size += int.from_bytes(data[at + packed - 4 : at + packed], "little")
        at += packed
    return size


def converted(text: Path) -> list[Path]:
    """The same as BAM and as CRAM, if there is samtools."""
    if shutil.which("samtools") is None:
        return []
    found: list[Path] = []
    for ending, options in (("bam", ("--bam",)), ("cram", ("--cram", "--output-fmt-option", "no_ref=1"))):
        path = text.with_suffix(f".{ending}")
        subprocess.run(["samtools", "view", *options, "--no-PG", "--output", path, text], check=True)
        found.append(path)
    return found


def made(path: Path, reads: int, *, seed: int = SEED) -> Path:
    """A valid file of about so many reads, sorted by their places."""
    chance = random.Random(seed)
    lines: list[tuple[int, int, str]] = []
    for number in range(reads // 2):
        lines += pair(chance, number)
    lines.sort(key=lambda line: line[:2])
    head = ["@HD\tVN:1.6\tSO:coordinate", *(f"@SQ\tSN:{name}\tLN:{size}" for name, size in REFERENCES)]
    head += ["@RG\tID:lane1\tSM:liver\tPL:ILLUMINA", "@PG\tID:align\tPN:align"]
    with open(path, "w", encoding="ascii", newline="\n") as file:
        file.writelines(f"{line}\n" for line in head)
        file.writelines(f"{line}\n" for _, _, line in lines)
    return path


def pair(chance: random.Random, number: int) -> list[tuple[int, int, str]]:
    """Two reads of one template, with what sorts them."""
    reference = chance.randrange(len(REFERENCES))
    name, length = REFERENCES[reference]
    size = chance.choice((100, 125, 150))
    template = max(size, round(chance.gauss(350, 60)))
    first = chance.randint(1, length - template - 100)
    last = first + template - size
    read = f"A00123:45:HXXXX:{number % 4}:{1000 + number % 600}:{chance.randint(1000, 32000)}:{number}"
    duplicate = 0x400 if chance.random() < 0.08 else 0
    found: list[tuple[int, int, str]] = []
    for flag, here, there, span in ((99, first, last, template), (147, last, first, -template)):
        # With what MD has of it, up to a mismatch six bases before the end.
        cigar, changed, same = chance.choice(
            (
                (f"{size}M", 0, f"{size - 6}"),
                (f"{size}M", 0, f"{size - 6}"),
                (f"5S{size - 5}M", 0, f"{size - 11}"),
                (f"40M2D{size - 40}M", 2, f"40^AC{size - 46}"),
                (f"40M3I{size - 43}M", 3, f"{size - 9}"),
            )
        )
        bases = "".join(chance.choices("ACGT", k=size))
        qualities = "".join(chance.choices("#,:FFFFF", k=size))
        other = "C" if bases[-6] == "A" else "A"
        tags = f"NM:i:{changed + 1}\tMD:Z:{same}{other}5\tMC:Z:{size}M\tAS:i:{size - 5}\tXS:i:20\tRG:Z:lane1\tMQ:i:60"
        fields = (read, flag | duplicate, name, here, 60, cigar, "=", there, span, bases, qualities, tags)
        found.append((reference, here, "\t".join(map(str, fields))))
    return found


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
