"""The Markdown table of the backup benchmark, with each figure beside the most it may be."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from benchmarks.results import Absolute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.results import CorpusRun, Results, Sample

__all__ = ["JOBS", "PEAK_LIMIT", "render", "write_section"]

JOBS = {
    "first": "first backup",
    "unchanged": "nothing changed",
    "edits": "after edits",
    "restore": "restore",
    "one": "restore one small file",
    "verify": "full verify",
}
"""The jobs in the order in which they run, and what the table calls them."""

LIMITS = {
    ("A", "first"): 0.55,
    ("B", "first"): 0.33,
    ("A", "unchanged"): 0.6,
    ("A", "edits"): 0.6,
    ("B", "edits"): 0.6,
    ("A", "restore"): 0.8,
    ("B", "restore"): 0.7,
    ("A", "verify"): 1.0,
    ("B", "verify"): 0.8,
    ("A", "one"): 1.2,
}
"""The most time a job may take, as a ratio to restic's in the same run."""

SIZE_LIMITS = {"A": 1.0, "B": 0.92}
"""The most the repository may hold, as a ratio to restic's."""

PEAK_LIMIT = 400
"""The most memory any job may need, in MiB."""

CORPORA = {
    "A": "100,000 files of 1–20 KiB in 1,000 folders: tables, JSON, random bytes",
    "B": "four files of 1 GiB: random bytes, float32 signal, sequencer reads, int16 image stack",
}

MEASURE = """\
Each job is one process that starts from nothing, imports included; the page cache is warm, and writing has settled
before each job begins. All tools run within one run, in an order that turns from run to run. A figure is the median
of the runs; a ratio is the median over the runs of holotype's time by restic's in the same run. Memory is that of the
largest process. Making the empty repository is not timed. Everything restored was compared with its source, byte for
byte."""


def render(results: Results) -> str:
    """The whole section, from the results alone."""
    parts = ["# Backup, restore and verify, beside restic and borg", MEASURE]
    verdicts: list[str] = []
    for name in sorted(results.corpora):
        parts += _corpus(results.corpora[name], verdicts)
    rows = [*_peaks(results), *(row for name in sorted(results.absolute) for row in results.absolute[name])]
    if rows:
        parts += ["## Absolute figures", "\n".join(_absolute(rows, verdicts))]
    if any(run.scale == 1 for run in results.corpora.values()) or results.absolute:
        missed = [f"- {verdict}" for verdict in verdicts]
        nothing = "Nothing that was measured above, and has a limit, misses it."
        parts += ["## What is missed", "\n".join(missed) if missed else nothing]
    return "\n\n".join(parts) + "\n"


def write_section(section: str, path: Path, *, of: str = "backup") -> None:
    """Put the section of one benchmark into the file in place of the one that was there; other sections stay."""
    begin, end = f"<!-- {of}: begin -->", f"<!-- {of}: end -->"
    text = path.read_text("utf-8") if path.exists() else f"{begin}\n{end}\n"
    if begin not in text:
        text = f"{text.rstrip()}\n\n{begin}\n{end}\n"
    before, rest = text.split(begin, 1)
    path.write_text(f"{before}{begin}\n{section}{end}{rest.split(end, 1)[1]}", "utf-8")


def _corpus(run: CorpusRun, verdicts: list[str]) -> Iterator[str]:
    full = run.scale == 1
    yield f"## Corpus {run.corpus}: {CORPORA[run.corpus]}"
    tools = ", ".join(f"{tool} {version}" for tool, version in run.versions.items())
    machine = run.machine
    yield (
        f"{run.day}, {'one run' if run.runs == 1 else f'{run.runs} runs'}"
        + ("" if full else f", scaled down to {run.scale:g} of its size, where the limits say nothing")
        + f"; {tools}; {machine.cores} cores of {machine.processor}, {machine.memory_gib} GiB, {machine.system}, "
        + f"Python {machine.python}."
    )
    names = list(run.versions)
    heads = [f"{name}: wall s, CPU s, MiB" for name in names]
    lines = [f"| job | {' | '.join(heads)} | ratio to restic | at most | held |", "|---" * (len(names) + 4) + "|"]
    for job, words in JOBS.items():
        if not any(sample.job == job for sample in run.samples):
            continue
        cells = [_usage_cell([s for s in run.samples if s.job == job and s.tool == name]) for name in names]
        ratio = _ratio(run, job, lambda sample: sample.wall)
        limit = LIMITS.get((run.corpus, job))
        held = _held(f"corpus {run.corpus}, {words}", ratio, limit, verdicts) if full else ""
        lines.append(f"| {words} | {' | '.join(cells)} | {_number(ratio)} | {_number(limit)} | {held} |")
        if job == "first" and full:
            _beside_borg(run, words, verdicts)
    for job, words in (("first", "repository, MB"), ("edits", "repository after edits, MB")):
        sizes = [_middle(run, job, name, lambda sample: sample.stored) for name in names]
        ratio = _ratio(run, job, lambda sample: float(sample.stored))
        limit = SIZE_LIMITS.get(run.corpus) if job == "first" else None
        held = _held(f"corpus {run.corpus}, repository size", ratio, limit, verdicts) if full else ""
        cells = [f"{value / 1e6:,.0f}" if value is not None else "" for value in sizes]
        lines.append(f"| {words} | {' | '.join(cells)} | {_number(ratio)} | {_number(limit)} | {held} |")
    yield "\n".join(lines)
    yield "\n".join(f"- {tool}: {how}." for tool, how in run.how.items())


def _usage_cell(samples: list[Sample]) -> str:
    if not samples:
        return ""
    wall, cpu = median(sample.wall for sample in samples), median(sample.cpu for sample in samples)
    return f"{wall:.2f}, {cpu:.2f}, {max(sample.peak for sample in samples) / 2**20:.0f}"


def _middle(run: CorpusRun, job: str, tool: str, value: Callable[[Sample], float]) -> float | None:
    values = [value(sample) for sample in run.samples if sample.job == job and sample.tool == tool]
    return median(values) if values else None


def _ratio(run: CorpusRun, job: str, value: Callable[[Sample], float]) -> float | None:
    """The median, over the runs, of holotype's value by restic's."""
    by_run = {(s.run, s.tool): value(s) for s in run.samples if s.job == job}
    pairs = [(number, by_run.get((number, "restic"))) for (number, tool) in by_run if tool == "holotype"]
    ratios = [by_run[number, "holotype"] / other for number, other in pairs if other]
    return median(ratios) if ratios else None


def _beside_borg(run: CorpusRun, words: str, verdicts: list[str]) -> None:
    ours, borgs = (_middle(run, "first", tool, lambda sample: sample.wall) for tool in ("holotype", "borg"))
    if ours is not None and borgs is not None and ours >= borgs:
        verdicts.append(f"corpus {run.corpus}, {words}: {ours:.2f} s is not faster than borg's {borgs:.2f} s")


def _held(what: str, value: float | None, limit: float | None, verdicts: list[str]) -> str:
    if value is None or limit is None:
        return ""
    if value <= limit:
        return "yes"
    verdicts.append(f"{what}: {_number(value)} where at most {_number(limit)} is wanted")
    return "**missed**"


def _peaks(results: Results) -> Iterator[Absolute]:
    """The highest memory of any of this library's jobs, for each corpus."""
    for name, run in sorted(results.corpora.items()):
        peaks = [(sample.peak, sample.job) for sample in run.samples if sample.tool == "holotype"]
        if peaks:
            peak, job = max(peaks)
            limit = PEAK_LIMIT if run.scale == 1 else None
            yield Absolute(f"peak memory, corpus {name}", peak / 2**20, "MiB", limit, f"in: {JOBS[job]}")


def _absolute(rows: list[Absolute], verdicts: list[str]) -> Iterator[str]:
    yield "| figure | measured | at most | held | |"
    yield "|---|---|---|---|---|"
    for row in rows:
        held = _held(row.what, row.value, row.limit, verdicts)
        limit = "" if row.limit is None else f"{row.limit:g} {row.unit}"
        yield f"| {row.what} | {_number(row.value)} {row.unit} | {limit} | {held} | {row.note} |"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
