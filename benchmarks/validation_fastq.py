"""What it costs to validate reads: megabytes of text a second on one core, and how long a pair of files takes.

``python benchmarks/validation_fastq.py [FOLDER]`` makes reads as a sequencer of Illumina writes them (names, indexes,
150 letters, four qualities), looks at them in several ways, and prints a line for each.  Seconds are of the processor,
so that what else the machine does counts little; ``wall`` is what a clock says.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from holotype.validators import validate, validate_folder

__all__ = ["Measured", "make_reads", "measure", "measure_pair"]

_LETTERS, _QUALITIES = b"ACGT", b"FFFFFFFFFFFF:,#"
_TOGETHER = 20_000


@dataclass(frozen=True)
class Measured:
    """What one look at a file, or at a pair, cost."""

    what: str
    size: int
    """Bytes of text, unpacked."""

    cpu: float
    wall: float

    @property
    def rate(self) -> float:
        """Megabytes of text for each second of the processor."""
        return self.size / 1e6 / self.cpu

    def __str__(self) -> str:
        return (
            f"{self.what:44} {self.size / 1e6:8.0f} MB {self.rate:8.0f} MB/s {self.cpu:7.2f} s {self.wall:7.2f} s wall"
        )


def make_reads(path: Path, *, count: int, length: int = 150, mate: int = 1, seed: int = 1, wrap: int = 0) -> int:
    """Write so many reads, gzipped where the name says so, with lines of ``wrap`` letters where that is given; the
    bytes of text there are.
    """
    chance = np.random.default_rng([seed, mate])
    size = 0
    with gzip.open(path, "wb", compresslevel=4) if path.suffix == ".gz" else path.open("wb") as file:
        for start in range(0, count, _TOGETHER):
            many = min(_TOGETHER, count - start)
            letters = np.frombuffer(_LETTERS, np.uint8)[chance.integers(0, len(_LETTERS), (many, length))]
            qualities = np.frombuffer(_QUALITIES, np.uint8)[chance.integers(0, len(_QUALITIES), (many, length))]
            records = [
                b"@A00123:45:HXXYYDSXX:1:1101:%d:%d %d:N:0:ACGTACGT+TTGCATGC\n%b\n+\n%b\n"
                % (1000 + number // 1000, 1000 + number % 1000, mate, _lines(one, wrap), _lines(other, wrap))
                for number, one, other in zip(range(start, start + many), letters, qualities, strict=True)
            ]
            size += file.write(b"".join(records))
    return size


def _lines(row: np.ndarray[tuple[int], np.dtype[np.uint8]], wrap: int) -> bytes:
    text = row.tobytes()
    return b"\n".join(text[at : at + wrap] for at in range(0, len(text), wrap)) if wrap else text


def measure(path: Path, size: int, *, checks: list[str], what: str, cost: str = "full") -> Measured:
    """Look at one file by some checks."""
    wall, cpu = time.perf_counter(), time.process_time()
    report = validate(path, checks=checks, cost=cost)
    measured = Measured(what, size, time.process_time() - cpu, time.perf_counter() - wall)
    assert report.ok, str(report)
    return measured


def measure_pair(folder: Path, size: int, *, cost: str) -> Measured:
    """Look at all files of a folder by all checks, as whoever starts a pipeline does."""
    wall, cpu = time.perf_counter(), time.process_time()
    report = validate_folder(folder, cost=cost)
    measured = Measured(f"a pair, all checks, {cost}", size, time.process_time() - cpu, time.perf_counter() - wall)
    assert report.ok, str(report)
    return measured


def main(folder: Path, *, reads: int = 1_000_000) -> None:
    """Measure, and print."""
    pair, wrapped, packed = folder / "pair", folder / "wrapped.fastq", folder / "reads.fastq.gz"
    pair.mkdir()
    files = [pair / "sample_R1.fastq", pair / "sample_R2.fastq"]
    sizes = [make_reads(path, count=reads, mate=mate) for mate, path in enumerate(files, 1)]
    wrapped_size = make_reads(wrapped, count=reads // 10, length=600, wrap=80)
    packed_size = make_reads(packed, count=reads // 4)
    validate(files[0], cost="header")  # what is loaded once is not the files'
    for path, size, text in (
        (files[0], sizes[0], "plain"),
        (packed, packed_size, "gzip"),
        (wrapped, wrapped_size, "wrapped lines"),
    ):
        print(measure(path, size, checks=["fastq.records"], what=f"{text}: validation"))
        print(measure(path, size, checks=["fastq.metrics"], what=f"{text}: figures"))
    for cost in ("header", "sample", "full"):
        print(measure_pair(pair, sum(sizes), cost=cost))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as made:
            main(Path(made))
