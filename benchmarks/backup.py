"""Measure backup, restore and verify beside restic and borg, and write the tables.

::

    python -m benchmarks.backup                       # everything, at full size: about half an hour
    python -m benchmarks.backup --corpus A --runs 1
    python -m benchmarks.backup --scale 0.01          # a smoke test: prints its table, and writes none

The results of a full-size run go to `results.json` beside this file and to a section of `RESULTS.md`, made from it; a
corpus that was not measured again keeps its figures there.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

# As a plain script the interpreter sees this folder, not the one above it, by whose name it is imported.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import absolute, report, results, trees
from benchmarks.measure import Command, run
from benchmarks.tools import TOOLS, Holotype, MissingTool, Tool

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["WrongRestore", "main", "measure_corpus"]

TOP = Path(__file__).resolve().parent.parent


# What begins the names of folders that stay until the last run is over: where very many files were deleted a short
# while ago, ext4 makes new ones several times as slowly, whoever makes them.
_SOURCE, _RESTORED = "source-", "restored-"


class WrongRestore(RuntimeError):
    """What a tool restored is not what it was given: its figures are worth nothing."""


def measure_corpus(
    corpus: str, tools: Sequence[Tool], *, work: Path, cache: Path, runs: int, scale: float
) -> results.CorpusRun:
    """Run every job of every tool on one corpus, `runs` times.

    Raises:
        WrongRestore: what a tool restored is not what it was given.
        CommandFailed: a tool ended with an error.
    """
    versions = {tool.name: tool.version() for tool in tools}
    original = _corpora(work, "make", corpus, str(cache), scale=scale)
    samples: list[results.Sample] = []
    _clear(work)
    try:
        for number in range(runs):
            turn = number % len(tools)
            samples += _one_run(
                corpus, [*tools[turn:], *tools[:turn]], Path(original), work=work, number=number, scale=scale
            )
    finally:
        _clear(work)
    return results.CorpusRun(
        corpus=corpus,
        scale=scale,
        runs=runs,
        day=datetime.datetime.now(datetime.UTC).date().isoformat(),
        machine=results.this_machine(),
        versions=versions,
        how={tool.name: tool.how for tool in tools},
        samples=samples,
    )


def _one_run(
    corpus: str, tools: Sequence[Tool], original: Path, *, work: Path, number: int, scale: float
) -> list[results.Sample]:
    """Every job once, each by all the tools before the next, so that the tools' times are as alike as can be."""
    source = work / f"{_SOURCE}{number}"
    samples: list[results.Sample] = []

    def measured(job: str, tool: Tool, command: Command, *, warm: Path) -> None:
        trees.warm(warm)
        trees.settle()
        usage = run(command)
        stored = trees.size(tool.repository)
        samples.append(results.Sample(number, job, tool.name, usage.wall, usage.cpu, usage.peak, stored))
        print(
            f"{corpus} run {number + 1}: {report.JOBS[job]:22} {tool.name:8} {usage.wall:7.2f} s, "
            f"{usage.cpu:7.2f} s CPU, {usage.peak / 2**20:5.0f} MiB, {stored / 1e6:8.1f} MB stored",
            flush=True,
        )

    try:
        trees.remove(source, *(tool.repository for tool in tools))
        trees.copy(original, source)
        trees.age()
        for tool in tools:
            run(tool.create())
        for job in ("first", "unchanged"):
            for tool in tools:
                measured(job, tool, tool.backup(source, label=job), warm=source)
        _corpora(work, "edit", corpus, str(source), scale=scale)
        for tool in tools:
            measured("edits", tool, tool.backup(source, label="edits"), warm=source)
        for tool in tools:
            target = _target(work, number, "all", tool)
            measured("restore", tool, tool.restore(source, target, label="edits"), warm=tool.repository)
            wrong = trees.difference(source, tool.restored(source, target))
            if wrong is not None:
                raise WrongRestore(f"{tool.name} did not restore what it was given: {wrong}")
            if corpus == "B":  # a few large files, which leave no trace
                trees.remove(target)
        if corpus == "A":
            names = sorted(trees.contents(source))
            path = names[len(names) // 3]
            for tool in tools:
                target = _target(work, number, "one", tool)
                measured("one", tool, tool.restore_one(source, target, label="edits", path=path), warm=tool.repository)
                if (tool.restored(source, target) / path).read_bytes() != (source / path).read_bytes():
                    raise WrongRestore(f"{tool.name} did not restore {path} as it was")
        for tool in tools:
            measured("verify", tool, tool.verify(), warm=tool.repository)
    finally:
        trees.remove(*(tool.repository for tool in tools))
        if corpus == "B":
            trees.remove(source)
    return samples


def _clear(work: Path) -> None:
    trees.remove(*work.glob(f"{_SOURCE}*"), *work.glob(f"{_RESTORED}*"))


def _target(work: Path, number: int, what: str, tool: Tool) -> Path:
    """An empty folder to restore to."""
    target = work / f"{_RESTORED}{number}-{what}-{tool.name}"
    target.mkdir()
    return target


def _corpora(work: Path, action: str, corpus: str, folder: str, *, scale: float) -> str:
    """Make or edit a corpus in a process of its own, which may need memory; returns what it printed."""
    program = (sys.executable, str(TOP / "benchmarks" / "corpora.py"), action, corpus, folder, "--scale", str(scale))
    return run(Command(program, work)).output.strip()


def main(arguments: list[str] | None = None) -> int:
    """Measure what the command line asks for; returns the exit status."""
    given = _arguments(arguments)
    given.workdir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=given.workdir) as folder:
        work = Path(folder)
        tools = [TOOLS[name](work) for name in given.tools.split(",")]
        try:
            for tool in tools:
                tool.version()
        except MissingTool as problem:
            print(problem, file=sys.stderr)
            return 2
        measured = results.Results()
        ours = any(isinstance(tool, Holotype) for tool in tools)
        if ours:
            measured = measured.updated(results.Results(absolute={"import": absolute.import_time(work)}))
        for corpus in given.corpus:
            cache = given.cache or given.workdir / "corpora"
            one = measure_corpus(corpus, tools, work=work, cache=cache, runs=given.runs, scale=given.scale)
            measured = measured.updated(results.Results(corpora={corpus: one}))
        if "A" in given.corpus and ours:
            source = Path(_corpora(work, "make", "A", str(given.cache or given.workdir / "corpora"), scale=given.scale))
            rows = absolute.memory_with_helpers(work, source, limit=absolute.MEMORY_LIMIT if given.scale == 1 else None)
            measured = measured.updated(results.Results(absolute={"together": rows}))
        if given.million and ours:
            rows = absolute.one_of_a_million(work, files=max(2_000, round(absolute.MILLION * given.scale)))
            measured = measured.updated(results.Results(absolute={"million": rows}))
    print(report.render(measured))
    output = given.output or (TOP / "benchmarks" if given.scale == 1 else None)
    if output is not None:
        kept = results.load(output / "results.json").updated(measured)
        results.save(kept, output / "results.json")
        report.write_section(report.render(kept), output / "RESULTS.md")
    return 0


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure backup, restore and verify beside restic and borg.")
    parser.add_argument("--corpus", choices=["A", "B", "AB", ""], default="AB", help="which corpora; '' for none")
    parser.add_argument("--runs", type=int, default=3, help="how often everything is done (default: 3)")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is 100,000 files, and four of 1 GiB")
    parser.add_argument("--tools", default=",".join(TOOLS), help="which programs, with commas between them")
    parser.add_argument("--million", action="store_true", help="also one changed file in an archive of a million")
    parser.add_argument(
        "--workdir",
        type=Path,
        default=Path(tempfile.gettempdir()) / "holotype-benchmarks",
        help="where to work: 30 GB at full size, on the disk that is to be measured",
    )
    parser.add_argument("--cache", type=Path, help="where corpora are kept between runs (default: in the workdir)")
    parser.add_argument("--output", type=Path, help="where results.json and RESULTS.md go (default: beside this file)")
    given = parser.parse_args(arguments)
    unknown = set(given.tools.split(",")) - set(TOOLS)
    if unknown or given.runs < 1 or not 0 < given.scale <= 1:
        parser.error(f"unknown tools: {', '.join(sorted(unknown))}" if unknown else "runs ≥ 1 and 0 < scale ≤ 1")
    return given


if __name__ == "__main__":
    sys.exit(main())
