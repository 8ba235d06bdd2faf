"""How surely damage is noticed: corruptions of what is stored, each by its seed, and as many sound reads::

    python -m benchmarks.detection                      # 3,000,000 of each: an hour on two processors
    python -m benchmarks.detection --trials 100000 --processes 1
    python -m benchmarks.detection --trials 1 --first 4711

Without a miss in 3,000,000 trials the share that is noticed is above 99.9999 % with a confidence of 95 % (the rule of
three: at most 3 in so many).  It uses the tests' own tools, so it needs the packages of the extra ``test``.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

# As a plain script the interpreter sees this folder, not the one above it, by whose name it is imported.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import report, results
from tests.lake.validation.corrupting import KINDS, Outcomes, Specimen, seeds_of

__all__ = ["main"]

TOP = Path(__file__).resolve().parent.parent
HOW = """\
An archive of noise, text, zeros, small files and numbers, in packs of both kinds. In each trial one object is damaged
where one chunk lies, in one of six ways, and the chunk is read, or in every hundredth trial the whole file that it is
in. Beside it the same is read undamaged. "Right all the same" are corruptions of bits that say nothing, such as the
padding of a compressed block: the bytes that came out were compared with what went in."""


def main(arguments: list[str] | None = None) -> int:
    """Measure what the command line asks for; the exit status is 1 when anything was missed or accused."""
    parser = argparse.ArgumentParser(description="How surely damage is noticed.")
    parser.add_argument("--trials", type=int, default=3_000_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--output", type=Path, default=TOP / "benchmarks", help="where RESULTS.md is")
    given = parser.parse_args(arguments)
    began = time.monotonic()
    found = Outcomes()
    parts = max(1, min(given.trials, given.trials // 5000))
    with ProcessPoolExecutor(given.processes) as pool:
        for number, part in enumerate(pool.map(play, seeds_of(given.first, given.trials, parts)), 1):
            found.add(part)
            if number % 20 == 0:
                print(f"{found.trials:,} trials, {len(found.missed)} missed, {len(found.accused)} accused", flush=True)
    section = rendered(found, time.monotonic() - began)
    print(f"\n{section}")
    if given.trials >= 100_000:
        report.write_section(section, given.output / "RESULTS.md", of="detection")
    return 1 if found.missed or found.accused else 0


def play(seeds: range) -> Outcomes:
    """Trials in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="holotype-detection-") as folder:
        return Specimen(Path(folder)).play(seeds)


def rendered(found: Outcomes, seconds: float) -> str:
    """The section of RESULTS.md."""
    machine, day = results.this_machine(), datetime.datetime.now(datetime.UTC).date().isoformat()
    lines = ["| corruption | refused | right all the same |", "|---|---|---|"]
    lines += [f"| {kind} | {found.refused[kind]:,} | {found.right[kind]:,} |" for kind in KINDS]
    sure = "" if found.missed else f" Noticed: more than {100 * (1 - 3 / found.trials):.5f} %, with 95 % confidence."
    end = (
        f"{found.trials:,} corruptions, missed: {len(found.missed)}; {found.clean:,} sound reads, accused:"
        f" {len(found.accused)}.{sure}"
    )
    when = f"{day}, {seconds / 60:.0f} minutes; {machine.cores} cores, {machine.system}."
    return "\n\n".join(["# How surely damage is noticed", HOW, when, "\n".join(lines), end]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
