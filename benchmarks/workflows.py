"""What running workflows costs: by the task, by the pipeline, and beside Snakemake on the same graph::

    python -m benchmarks.workflows                         # ten minutes
    python -m benchmarks.workflows --tasks 200 --pipelines 5 --known 1000 --without-peer

Tasks are processes that do nothing, so what is measured is what they cost.  Snakemake is asked for where it is on PATH.
"""

from __future__ import annotations

import argparse
import datetime
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

# As a plain script the interpreter sees this folder, not the one above it, by whose name it is imported.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import report, results
from benchmarks.journals import pretend
from holotype.scheduling import (
    Input,
    Output,
    Parameter,
    Records,
    Resources,
    Sample,
    Scheduler,
    Setting,
    Site,
    Stage,
    Step,
    Workflow,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["main"]

# Of each task in a journal; those that come between two questions, and questions of each kind.
_EVENTS, _NEWS, _ASKED = 3, 1000, 10
_GROUPED = "SELECT node, state, count(*) FROM tasks GROUP BY ALL"
_JOINED = (
    "SELECT node, count(*), avg(wall), max(attempts.memory) FROM attempts JOIN tasks USING (run, task) "
    "WHERE state = 'done' GROUP BY node"
)
TOP = Path(__file__).resolve().parent.parent
HOW = """\
Each task is a shell that writes a file. "A graph of two levels": so many tasks that need nothing of each other, each
with its own output, and one that takes all; by holotype with everything on record and every output hashed, though not
validated, and durable before the next begins; by Snakemake, the same commands in a Snakefile. What is written is taken
away at the end of all: for minutes ext4 passes over what was deleted, one by one, whenever it makes a file. Beside
seconds of the clock on the wall the processors' seconds, with all processes there were. "Pipelines at once": each ten
steps one after the other, each of which sleeps; the bound is what the sleeping alone takes, given the processors that
there are. "The state of so many tasks": the journal of a run, seven tenths of which had happened when it was first
followed; then a thousand events more came before each question, and "with news" is the time from asking to having all
rows of the answer, of many the one in the middle and the longest."""


@dataclass(frozen=True)
class _Took:
    """Seconds on the wall and of processors, and the most memory of the process that schedules, in MiB."""

    wall: float
    processors: float
    memory: float


def main(arguments: list[str] | None = None) -> int:
    """Measure what the command line asks for; returns the exit status."""
    parser = argparse.ArgumentParser(description="Measure what running workflows costs.")
    parser.add_argument("--tasks", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--pipelines", type=int, default=50)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each step of a pipeline sleeps")
    parser.add_argument("--at-once", type=int, default=8, help="tasks that there are processors for")
    parser.add_argument(
        "--known", type=int, nargs="+", default=[10_000, 100_000], help="tasks whose state is asked for"
    )
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--output", type=Path, default=TOP / "benchmarks", help="where RESULTS.md is")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="holotype-workflows-") as folder:
        given.folder = folder
        lines = [*_of_graphs(given), "", *_of_pipelines(given), "", *_of_states(given)]
    machine, day = results.this_machine(), datetime.datetime.now(datetime.UTC).date().isoformat()
    when = f"{day}; {machine.cores} cores of {machine.processor}, {machine.system}, Python {machine.python}."
    section = "\n\n".join(["# What running workflows costs", HOW, when, "\n".join(lines)]) + "\n"
    print(f"\n{section}")
    report.write_section(section, given.output / "RESULTS.md", of="workflows")
    return 0


def _of_graphs(given: argparse.Namespace) -> list[str]:
    lines = [
        "| a graph of two levels | seconds | processors' seconds | by the task | memory |",
        "|---|---|---|---|---|",
    ]
    peer = None if given.without_peer else shutil.which("snakemake")
    for tasks in given.tasks:
        took = _measured([given.folder, "holotype", str(tasks), str(given.at_once)])
        lines.append(_line(f"holotype, {tasks:,} tasks", took, tasks))
        if peer is not None and tasks <= 1000:
            version = subprocess.run([peer, "--version"], capture_output=True, text=True, check=True).stdout.strip()
            other = _measured([given.folder, "snakemake", str(tasks), str(given.at_once)])
            lines.append(_line(f"Snakemake {version}, {tasks:,} tasks", other, tasks))
            lines.append(f"| holotype's share of that | {took.wall / other.wall:.2f} | "
                         f"{took.processors / other.processors:.2f} | | |")  # fmt: skip
    return lines


def _line(name: str, took: _Took, tasks: int) -> str:
    each = f"{1000 * took.wall / tasks:.1f} ms, {1000 * took.processors / tasks:.1f} ms of processors"
    return f"| {name} | {took.wall:.1f} | {took.processors:.1f} | {each} | {took.memory:.0f} MiB |"


def _of_pipelines(given: argparse.Namespace) -> list[str]:
    pipelines = (given.pipelines, given.steps, given.seconds, given.pipelines)
    took = _measured([given.folder, "pipelines", *map(str, pipelines)])
    bound = given.steps * given.seconds
    return [
        "| pipelines at once | seconds | bound | beyond it | memory |",
        "|---|---|---|---|---|",
        f"| {given.pipelines} of {given.steps} steps of {given.seconds:g} s | {took.wall:.2f} | {bound:.2f} | "
        f"{100 * (took.wall / bound - 1):.1f} % | {took.memory:.0f} MiB |",
    ]


def _of_states(given: argparse.Namespace) -> list[str]:
    lines = [
        "| the state of so many tasks | first followed | asked again | with news | a join with news | memory |",
        "|---|---|---|---|---|---|",
    ]
    for tasks in given.known:
        *seconds, memory = _told([given.folder, "state", str(tasks)])
        first, again, grouped, longest, joined, slowest = seconds
        lines.append(
            f"| {tasks:,} | {first:.1f} s | {1000 * again:.0f} ms | {1000 * grouped:.0f} ms, at most "
            f"{1000 * longest:.0f} ms | {1000 * joined:.0f} ms, at most {1000 * slowest:.0f} ms | {memory:.0f} MiB |"
        )
    return lines


def _measured(work: Sequence[str]) -> _Took:
    """A process of its own does it, so that nothing of one counts for the next."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall, memory = _told(work)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processors = (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
    return _Took(wall, processors, memory)


def _told(work: Sequence[str]) -> list[float]:
    program = "import sys; from benchmarks import workflows; workflows.job(*sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", program, *work], cwd=TOP, capture_output=True, text=True, check=True)
    return [*map(float, done.stdout.split())]


def job(within: str, what: str, *given: str) -> None:
    """Do one in a folder of its own, and tell the seconds that it took, and the memory that it had in MiB."""
    wall: float | str = ""
    folder = Path(tempfile.mkdtemp(dir=within))
    match what:
        case "state":
            wall = " ".join(map(str, _state(folder, int(given[0]))))
        case "pretend":
            pretend(Path(given[0]), int(given[1]), events=int(given[2]))
        case "holotype":
            wall = _by_holotype(folder, int(given[0]), int(given[1]))
        case "snakemake":
            wall = _by_snakemake(folder, int(given[0]), int(given[1]))
        case _:
            wall = _pipelines(folder, int(given[0]), int(given[1]), float(given[2]), int(given[3]))
    usage = resource.RUSAGE_CHILDREN if what == "snakemake" else resource.RUSAGE_SELF
    print(wall, resource.getrusage(usage).ru_maxrss / 1024)


def _by_holotype(folder: Path, tasks: int, at_once: int) -> float:
    none = Resources(memory=0)
    write = Stage(
        name="write",
        command="echo {n} > {out}",
        outputs={"out": Output("out.txt", checked=False)},
        parameters={"n": Parameter(kind="int")},
        resources=none,
    )
    join = Stage(
        name="join",
        command="cat {parts} > {out}",
        inputs={"parts": Input(many=True)},
        outputs={"out": Output("all.txt", checked=False)},
        resources=none,
    )
    workflow = Workflow(
        name="wide",
        parameters={"numbers": Parameter(kind="int", many=True)},
        steps={
            "write": Step(write, parameters={"n": Setting("numbers")}, scatter="n"),
            "join": Step(join, {"parts": "write.out"}),
        },
        outputs={"all": "join.out"},
    )
    began = time.perf_counter()
    with Scheduler(Site(folder, cpus=at_once, memory=1 << 40)) as scheduler:
        run = scheduler.start(workflow, [Sample("one")], parameters={"numbers": list(range(tasks))}, check=False)
        scheduler.work()
        if run.outcome().state != "done":
            raise RuntimeError(f"it came to {run.outcome()}")
    return time.perf_counter() - began


def _by_snakemake(folder: Path, tasks: int, at_once: int) -> float:
    (folder / "Snakefile").write_text(
        f"""
rule all:
    input: "all.txt"
rule join:
    input: expand("out/{{n}}.txt", n=range({tasks}))
    output: "all.txt"
    shell: "cat {{input}} > {{output}}"
rule write:
    output: "out/{{n}}.txt"
    shell: "echo {{wildcards.n}} > {{output}}"
""",
        encoding="utf-8",
    )
    began = time.perf_counter()
    subprocess.run(
        ["snakemake", "--cores", str(at_once), "--quiet", "all"],
        cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache")},
    )  # fmt: skip
    return time.perf_counter() - began


def _pipelines(folder: Path, pipelines: int, steps: int, seconds: float, at_once: int) -> float:
    texts = [Stage(
        name=f"step{n}", command=f"sleep {seconds}; cp {{text}} {{out}}", inputs={"text": Input()},
        outputs={"out": Output("out.txt", checked=False)}, resources=Resources(memory=0),
    ) for n in range(steps)]  # fmt: skip
    workflow = Workflow(
        name="chain",
        inputs={"text": Input()},
        steps={stage.name: Step(stage, {"text": f"step{n - 1}.out" if n else "text"}) for n, stage in enumerate(texts)},
        outputs={"out": f"step{steps - 1}.out"},
    )
    with Scheduler(Site(folder / "site", cpus=at_once, memory=1 << 40)) as scheduler:
        runs = []
        for number in range(pipelines):
            (folder / f"{number}.txt").write_text(f"{number}\n", encoding="utf-8")
            sample = Sample("one", {"text": folder / f"{number}.txt"})
            runs.append(scheduler.start(workflow, [sample], name=f"run{number}", check=False))
        began = time.perf_counter()
        scheduler.work()
        wall = time.perf_counter() - began
        if {run.outcome().state for run in runs} != {"done"}:
            raise RuntimeError(f"they came to {[run.outcome() for run in runs]}")
    return wall


def _state(folder: Path, tasks: int) -> list[float]:
    """Seconds: until a journal was followed, of a question then, and of two kinds when something has happened."""
    # Another process writes it, as another one has a run in hand, and its memory does not count.
    _told([str(folder), "pretend", str(folder), str(tasks), str(int(0.7 * _EVENTS * tasks))])
    run = folder / "runs" / "run"
    with Records(folder) as records, (run / "rest").open("rb") as rest, (run / "journal").open("ab") as journal:
        first, again = (_seconds(partial(_answer, records, _GROUPED)) for _ in range(2))
        took: dict[str, list[float]] = {_GROUPED: [], _JOINED: []}
        for query in [*took] * _ASKED:
            journal.write(b"".join(islice(rest, _NEWS)))
            journal.flush()
            took[query].append(_seconds(partial(_answer, records, query)))
    return [first, again, *(each for taken in took.values() for each in (statistics.median(taken), max(taken)))]


def _answer(records: Records, query: str) -> list[tuple[object, ...]]:
    return records.sql(query).fetchall()


def _seconds(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
