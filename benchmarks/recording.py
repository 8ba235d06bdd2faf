"""What it costs to have work recorded, as a share of the work::

    python -m benchmarks.recording                # five minutes
    python -m benchmarks.recording --turns 1 --seconds 0.1

Each kind of work is done with and without being recorded, in turns, and the medians are compared.
"""

from __future__ import annotations

import argparse
import datetime
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

# As a plain script the interpreter sees this folder, not the one above it, by whose name it is imported.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import report, results
from holotype import lake

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["main"]

TOP = Path(__file__).resolve().parent.parent
# Reads a file, works for so many seconds of the clock, writes a file.
WORK = """
import sys, time
until = time.perf_counter() + float(sys.argv[1])
data = open("in.bin", "rb").read()
while time.perf_counter() < until: sum(data[:1000])
open("out.bin", "wb").write(data[::-1])
"""
IMPORTS = f"import numpy, pandas\n{WORK}"
HOW = """\
A command (`archive.run`, watched by strace where there is one) and a block of Python (`archive.activity`, heard) that
read 1 MB, work, and write 1 MB, beside the same unrecorded, in turns; seconds of the clock on the wall, medians. What
is recorded is committed before the call returns. Asked for is a share below 1 % for work of a second or more: it is
missed, but for plain commands of five seconds and more."""


def main(arguments: list[str] | None = None) -> int:
    """Measure what the command line asks for; returns the exit status."""
    parser = argparse.ArgumentParser(description="Measure what it costs to have work recorded.")
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--seconds", type=float, nargs="+", default=[1.0, 5.0], help="how long the work takes")
    parser.add_argument("--output", type=Path, default=TOP / "benchmarks", help="where RESULTS.md is")
    given = parser.parse_args(arguments)
    lines = ["| work | alone | recorded | costs | share |", "|---|---|---|---|---|"]
    for seconds in given.seconds:
        with tempfile.TemporaryDirectory(prefix="holotype-recording-") as folder:
            for name, alone, recorded in kinds(Path(folder), seconds):
                recorded()  # what is found out once per process is not any one step's
                one, other = in_turns(alone, recorded, given.turns)
                share = f"{100 * (other - one) / one:.1f} %"
                lines.append(f"| {name}, {seconds:g} s | {one:.3f} s | {other:.3f} s | {other - one:.3f} s | {share} |")
    machine, day = results.this_machine(), datetime.datetime.now(datetime.UTC).date().isoformat()
    when = f"{day}; {given.turns} turns; {machine.cores} cores of {machine.processor}, {machine.system}."
    section = "\n\n".join(["# What recording costs", HOW, when, "\n".join(lines)]) + "\n"
    print(f"\n{section}")
    report.write_section(section, given.output / "RESULTS.md", of="recording")
    return 0


def kinds(folder: Path, seconds: float) -> list[tuple[str, Callable[[], object], Callable[[], object]]]:
    """Each kind of work: its name, and how it is done without and with being recorded."""
    archive, data = lake.create(folder / "archive"), folder / "data"
    data.mkdir()
    (data / "in.bin").write_bytes(os.urandom(1_000_000))
    archive.backup(data, dataset="work")
    plain, heavy = ([sys.executable, "-c", code, str(seconds)] for code in (WORK, IMPORTS))

    def block() -> None:
        until = time.perf_counter() + seconds
        content = (data / "in.bin").read_bytes()
        while time.perf_counter() < until:
            sum(content[:1000])
        (data / "out.bin").write_bytes(content[::-1])

    def heard() -> None:
        with archive.activity("block", dataset="work"):
            block()

    return [
        ("a command", lambda: subprocess.run(plain, cwd=data, check=True), lambda: archive.run(plain, dataset="work")),
        (
            "a command that imports pandas",
            lambda: subprocess.run(heavy, cwd=data, check=True),
            lambda: archive.run(heavy, dataset="work"),
        ),
        ("a block of Python", block, heard),
    ]


def in_turns(one: Callable[[], object], other: Callable[[], object], turns: int) -> tuple[float, float]:
    """The median seconds of both."""
    took: tuple[list[float], list[float]] = ([], [])
    for _ in range(turns):
        for job, times in ((one, took[0]), (other, took[1])):
            began = time.perf_counter()
            job()
            times.append(time.perf_counter() - began)
    return median(took[0]), median(took[1])


if __name__ == "__main__":
    sys.exit(main())
