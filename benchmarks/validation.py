"""What validating costs, format by format, on one processor; each part is a script of its own::

    python -m benchmarks.validation                     # twenty minutes
    python -m benchmarks.validation --parts tables arrays
    python benchmarks/validation_vcf.py                 # one part alone

Data are made, looked at by all checks that are for them, and the best of a few rounds counts, in seconds of the
processor, so that other work on the machine counts little.
"""

from __future__ import annotations

import argparse
import datetime
import os
import subprocess
import sys
from pathlib import Path

# As a plain script the interpreter sees this folder, not the one above it, by whose name it is imported.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import report, results

__all__ = ["main"]

TOP = Path(__file__).resolve().parent.parent
PARTS = {
    "fastq": "Reads: 150 MB/s of text are asked for",
    "vcf": "Variants: 150 MB/s of text are asked for",
    "features": "Features: 60 MB/s of text are asked for",
    "sam": "Alignments",
    "tables": "Tables: 100 million cells/s through ten rules, and 150 MB/s of CSV, are asked for",
    "arrays": "Arrays and columns: 400 MB/s of npy, HDF5 and Parquet are asked for",
    "memory": "Memory: as much for a large file as for a small one is asked for",
}
HOW = """\
Made-up data, each looked at by all checks that are for it, every rule applied; processor's seconds, the best of a few
rounds. Where what was asked for is not reached it says so below."""


def main(arguments: list[str] | None = None) -> int:
    """Measure what the command line asks for; returns the exit status."""
    parser = argparse.ArgumentParser(description="Measure what validating costs.")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--missed", default="", help="what to say of what is not reached")
    parser.add_argument("--output", type=Path, default=TOP / "benchmarks", help="where RESULTS.md is")
    given = parser.parse_args(arguments)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    told = [f"## {PARTS[part]}\n\n{measured(part)}" for part in given.parts]
    machine, day = results.this_machine(), datetime.datetime.now(datetime.UTC).date().isoformat()
    when = f"{day}; {machine.cores} cores of {machine.processor}, {machine.system}, {load:.0f} other processes at work."
    section = "\n\n".join(["# What validating costs", HOW, when, *told, *([given.missed] if given.missed else [])])
    print(section)
    if set(given.parts) == set(PARTS):
        report.write_section(section + "\n", given.output / "RESULTS.md", of="validation")
    return 0


def measured(part: str) -> str:
    """What a part prints, as text that stays as it is."""
    run = subprocess.run(
        [sys.executable, str(TOP / "benchmarks" / f"validation_{part}.py")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(TOP)},
    )
    return "\n".join(f"    {line}".rstrip() for line in run.stdout.splitlines())


if __name__ == "__main__":
    sys.exit(main())
