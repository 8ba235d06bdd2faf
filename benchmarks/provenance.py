"""How fast the graph of provenance answers: a million activities on disk, beside what people would use instead.

::

    python -m benchmarks.provenance                   # all of it: a quarter of an hour and 3 GB of disk
    python -m benchmarks.provenance --scale 0.01

At full size what was measured goes into ``provenance.json``, and its tables into ``RESULTS.md``.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

# As a plain script the interpreter sees this folder, not the one above it, by whose name it is imported.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import report, results, trees
from benchmarks.measure import Command, run

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Measured", "main"]

TOP = Path(__file__).resolve().parent.parent
MILLION = 1_000_000
STEPS = (0.1, 0.3, 1.0)
COLD, TURNS = 5, 100
HOW = """\
A made-up graph: activities that used files and made files, all by one script, each for one of twenty people, every
file linked to its content; `benchmarks/provgraph.py` says it exactly. A tenth of the activities stand in one row, and
another tenth makes the results of one input. Every question is answered with names and links, from segments on a local
disk. Times are medians, as the clock on the wall goes, while other programs ran; beside them in brackets the
processor's time. "New process" begins where the archive is opened, not where Python starts, and hashes every segment
that it looks into; for "nothing cached" the kernel was asked to drop the archive's files first. Memory is what the
process had for itself beyond what it had before, at the highest."""
WARM = {
    "back": ("10 steps back from one file", 0.020),
    "forth": ("10 steps forth from one file", 0.020),
    "chain": ("row of 50 activities, whole", 0.010),
    "script": ("what the script came from that all ran", None),
    "impact": ("all that one input reaches: a tenth of all activities", 2.0),
    "row": ("row of a tenth of all activities, whole", None),
}
"""What is asked in a process that has asked before, and the most seconds it may take at full size."""
PEERS = {"DuckDB, recursive query": "duckdb", "NumPy, sorted arrays": "numpy", "rustworkx": "rustworkx"}
"""What people use instead, and the package it needs."""


@dataclass(frozen=True)
class Measured:
    """All that was measured at one size; each job's answer as it printed it."""

    activities: int
    built: dict[str, Any]
    cold: list[dict[str, Any]]
    uncached: list[dict[str, Any]]
    warm: dict[str, Any]
    memory: dict[str, dict[str, Any]]
    written: dict[str, int]
    peers: dict[str, dict[str, Any]]


def measure(activities: int, work: Path, *, peers: bool) -> Measured:
    """Build a graph of this size and ask it everything."""
    archive, edges = work / "archive", work / "edges.npz"
    trees.remove(archive)
    built = job("build", archive, edges, activities)
    trees.settle()
    job("cold", archive, activities, 0)  # compiled modules and cached files are there from now on
    cold = [job("cold", archive, activities, n) for n in range(COLD)]
    uncached: list[dict[str, Any]] = []
    for n in range(COLD):
        drop(archive)
        uncached.append(job("cold", archive, activities, n))
    warm = job("warm", archive, activities)
    memory = {what: job("memory", archive, activities, what) for what in ("back", "chain", "impact")}
    found: dict[str, dict[str, Any]] = {}
    for name, package in PEERS.items() if peers else ():
        if find_spec(package) is None:
            print(f"{name}: not installed", flush=True)
            continue
        with tempfile.TemporaryDirectory(dir=work) as folder:
            found[name] = job("peer", name, edges, activities, folder)
        if found[name]["first"] != warm["first"]:
            raise RuntimeError(f"{name} comes to {found[name]['first']} elements, not to {warm['first']}")
    written = job("add", archive, TURNS)
    trees.remove(archive)
    return Measured(activities, built, cold, uncached, warm, memory, written, found)


def job(name: str, *arguments: object) -> dict[str, Any]:
    """One job in a process of its own."""
    words = (sys.executable, "-m", "benchmarks.provenancejob", name, *map(str, arguments))
    said: dict[str, Any] = json.loads(run(Command(words, TOP)).output.splitlines()[-1])
    print(name, *arguments[2 if name == "peer" else 1 :], said, flush=True)
    return said


def drop(archive: Path) -> None:
    """Have the kernel drop an archive's files from its cache."""
    for path in archive.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
                with suppress(AttributeError):  # Linux has it
                    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)


def render(found: list[Measured]) -> Iterator[str]:
    """The tables."""
    full = found[-1].activities == MILLION
    yield "| question | " + " | ".join(f"{m.activities:,} activities" for m in found) + " | at most | held |"
    yield "|---" * (len(found) + 3) + "|"
    middles: list[tuple[str, list[float], float]] = [
        ("10 steps back, new process", [median(c["seconds"] for c in m.cold) for m in found], 0.5),
        ("10 steps back, new process, nothing cached", [median(c["seconds"] for c in m.uncached) for m in found], 0.5),
    ]
    for what, seconds, most in middles:
        yield row(what, [_time(each) for each in seconds], seconds[-1], most if full else None)
    for key, (what, limit) in WARM.items():
        shown = [
            f"{_time(m.warm[key]['seconds'])} ({_time(m.warm[key]['cpu'])}) for {m.warm[key]['nodes']:,.0f} elements"
            for m in found
        ]
        yield row(what, shown, found[-1].warm[key]["seconds"], limit if full else None)
    for key, what in (
        ("back", "memory for 10 steps back, new process"),
        ("chain", "memory for the row of 50"),
        ("impact", "memory for all that one input reaches"),
    ):
        cells = [f"{m.memory[key]['memory']:.0f} MiB for {m.memory[key]['nodes']:,} elements" for m in found]
        yield f"| {what} | {' | '.join(cells)} | | |"
    for key, what in (
        ("one", "bytes that one link more writes"),
        ("thousand", "bytes that 1,000 links more write"),
        ("merging", "the same on average, with the merging of segments"),
    ):
        yield f"| {what} | {' | '.join(f'{m.written[key] / 1000:,.0f} kB' for m in found)} | | |"
    cells = [f"{m.built['links']:,} links of {m.built['elements']:,} in {m.built['megabytes']:.0f} MB" for m in found]
    yield f"| the graph on disk | {' | '.join(cells)} | | |"


def row(what: str, cells: list[str], seconds: float, limit: float | None) -> str:
    """A line of the table, and whether the largest size held its limit."""
    held = "" if limit is None else "yes" if seconds <= limit else "**missed**"
    return f"| {what} | {' | '.join(cells)} | {'' if limit is None else _time(limit)} | {held} |"


def beside(measured: Measured) -> Iterator[str]:
    """What others take for the same at the largest size."""
    yield f"Beside what people would use instead, {measured.activities:,} activities. These are given numbers for"
    yield "identifiers, and say only how many elements they came to, without names, links and crossing to copies.\n"
    yield "| | to load or build first | memory for it | 10 steps back | row of 50 | all that one input reaches |"
    yield "|---|---|---|---|---|---|"
    warm = measured.warm
    ours = [_time(warm[key]["seconds"]) for key in ("back", "chain", "impact")]
    opening = _time(median(each["seconds"] for each in measured.cold))
    yield f"| holotype, from disk | {opening}, with the first answer | as above | {' | '.join(ours)} |"
    for name, found in measured.peers.items():
        theirs = [_time(found[key]) for key in ("back", "chain", "impact")]
        yield f"| {name} | {_time(found['building'])} | {found['memory']:,.0f} MiB | {' | '.join(theirs)} |"


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{1000 * seconds:.1f} ms"


def main(arguments: list[str] | None = None) -> int:
    """Measure what the command line asks for; returns the exit status."""
    given = _arguments(arguments)
    given.workdir.mkdir(parents=True, exist_ok=True)
    sizes = [max(5_000, round(MILLION * given.scale * step)) for step in STEPS]
    with tempfile.TemporaryDirectory(prefix="provenance-", dir=given.workdir) as folder:
        found = [measure(size, Path(folder), peers=size == sizes[-1]) for size in dict.fromkeys(sizes)]
    machine, day = results.this_machine(), datetime.datetime.now(datetime.UTC).date().isoformat()
    when = f"{day}; {machine.cores} cores of {machine.processor}, {machine.memory_gib} GiB, {machine.system}."
    parts = ["# The graph of provenance", HOW, when, "\n".join(render(found)), "\n".join(beside(found[-1]))]
    section = "\n\n".join(parts) + "\n"
    print(f"\n{section}")
    output = given.output or (TOP / "benchmarks" if given.scale == 1 else None)
    if output is not None:
        kept = {"when": when, "measured": [asdict(each) for each in found]}
        (output / "provenance.json").write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
        report.write_section(section, output / "RESULTS.md", of="provenance")
    return 0


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how fast the graph of provenance answers.")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is a million activities")
    parser.add_argument(
        "--workdir",
        type=Path,
        default=Path(tempfile.gettempdir()) / "holotype-benchmarks",
        help="where to work, on the disk that is to be measured",
    )
    parser.add_argument("--output", type=Path, help="where RESULTS.md is (default: beside this file, at full size)")
    given = parser.parse_args(arguments)
    if not 0 < given.scale <= 1:
        parser.error("0 < scale ≤ 1")
    return given


if __name__ == "__main__":
    sys.exit(main())
