"""Many at once upon one archive: storms that a seed decides, small casts in every order, crowds of real processes.

What ``crash.py`` does when it is told ``--seeds``, ``--cases`` or ``--writers``; the tools are the tests' own
(``tests/lake/simulation``, ``tests/lake/crowd``).
"""

from __future__ import annotations

import os
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING

from holotype.catalog import HolotypeError
from tests.lake.crashes.promise import Broken
from tests.lake.crowd.crowd import meet
from tests.lake.simulation.cases import CASES, calls_of, explored
from tests.lake.simulation.storms import play
from tests.lake.simulation.world import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from tests.lake.crowd.crowd import Crowd

__all__ = [
    "Explorations",
    "Storms",
    "explore_cases",
    "let_loose",
    "render_cases",
    "render_crowd",
    "render_storms",
    "storm",
]

# Seeds that a process plays before it tells: often enough to see that it goes on.
_AT_ONCE = 100


@dataclass
class Storms:
    """What became of some seeds: calls and deaths in all, how often each fate was met, and every seed that is wrong."""

    seeds: int = 0
    calls: int = 0
    deaths: int = 0
    fates: Counter[str] = field(default_factory=Counter[str])
    broken: list[str] = field(default_factory=list[str])

    def add(self, other: Storms) -> None:
        """Count others in."""
        self.seeds += other.seeds
        self.calls += other.calls
        self.deaths += other.deaths
        self.fates += other.fates
        self.broken += other.broken


def _played(stage: Stage, work: Path, seeds: range) -> Storms:
    found = Storms()
    scratch = work / f"scratch-{os.getpid()}"
    scratch.mkdir(exist_ok=True)
    for seed in seeds:
        played = play(stage, seed, scratch)
        found.seeds += 1
        found.calls += len(played.trace)
        found.deaths += played.deaths
        found.fates.update(step.fate for step in played.trace if step.fate)
        if played.broken:
            found.broken.append(f"seed {seed} ({', '.join(played.cast)}): {played.broken[0]}")
    return found


def storm(first: int, count: int, work: Path, *, processes: int) -> Storms:
    """Play so many seeds from the first on; ``work``: an empty folder."""
    found, stage = Storms(), Stage.build(work / "stage")
    batches = [range(seed, min(seed + _AT_ONCE, first + count)) for seed in range(first, first + count, _AT_ONCE)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for batch in pool.map(partial(_played, stage, work), batches):
            found.add(batch)
            print(f"{found.seeds} seeds, {found.calls} calls, {len(found.broken)} broken", flush=True)
            for problem in batch.broken:
                seed = problem.split()[1]
                print(
                    f"    BROKEN: {problem}\n    again: python -m benchmarks.crash --seeds 1 --first {seed}", flush=True
                )
    return found


@dataclass(frozen=True)
class Explorations:
    """What became of a cast: interleavings played, of them redundant ones, whether that were all, and what is wrong."""

    case: str
    runs: int
    redundant: int
    complete: bool
    broken: tuple[str, ...]
    seconds: float


def explore_cases(wanted: str, work: Path, *, most: int | None, crashes: bool) -> list[Explorations]:
    """Play every interleaving of the casts with this in their name; with ``crashes`` also those in which the first of
    them dies, at each of its calls."""
    stage, found = Stage.build(work / "stage"), list[Explorations]()
    scratch = work / "scratch"
    scratch.mkdir()
    for case, cast in CASES.items():
        if wanted != "all" and wanted not in case:
            continue
        name, deeds = next(iter(cast.items()))
        ways: list[Mapping[str, int] | None] = [None]
        if crashes:
            ways += [{name: calls} for calls in range(1, calls_of(stage, deeds, scratch))]
        began = time.perf_counter()
        results = [explored(stage, case, scratch, calls=calls, most=most) for calls in ways]
        found.append(
            Explorations(
                f"{case}, {name} dies" if crashes else case,
                sum(one.runs for one in results),
                sum(one.redundant for one in results),
                all(one.complete for one in results),
                tuple(one.broken[0] for one in results if one.broken),
                time.perf_counter() - began,
            )
        )
        print(found[-1], flush=True)
    return found


def let_loose(url: str, options: Mapping[str, Any], work: Path, *, writers: int, rounds: int) -> Crowd | str:
    """Let a crowd use an archive; what it did, or what is wrong."""
    folder = work / "crowd"
    folder.mkdir()
    try:
        return meet(url, folder, options=options, writers=writers, rounds=rounds)
    except (Broken, AssertionError, HolotypeError) as error:
        return f"{error!r}"


STORMS = """\
The library's own code runs on a storage in memory whose every call is a scheduling point. A seed decides who is there
(two to six who keep, forget, recover, collect, compact and read, with clocks that disagree; from seed 100,000 on also
some who record what they do, often the same, and who ask), whose call is next, which
calls get no answer or arrive late, and who dies. A witness that reads log and tables by itself looks after every commit
and at every deletion whether all is there. At the end the archive is verified in full, and what was left collected."""

CASTS = """\
Every interleaving of a few who keep, forget, recover, collect, compact, read and record, but for those that differ only
in the order of calls that do not conflict (dynamic partial-order reduction): calls about other keys, or that only
read."""


def render_storms(storms: Storms, when: str) -> str:
    """The section on storms."""
    fates = ", ".join(f"{count:,} {fate}" for fate, count in sorted(storms.fates.items()))
    said = f"{storms.seeds:,} seeds, {storms.calls:,} calls, {storms.deaths:,} deaths; calls that met a fate: {fates}."
    said += f" Promises broken: {len(storms.broken)}."
    return "\n\n".join(["# Storms", STORMS, when, said, *(f"- {problem}" for problem in storms.broken)]) + "\n"


def render_cases(found: Sequence[Explorations], when: str) -> str:
    """The section on small casts."""
    lines = ["| cast | interleavings | all | promises broken | minutes |", "|---|---|---|---|---|"]
    for one in found:
        complete = "yes" if one.complete else "no"
        lines.append(f"| {one.case} | {one.runs:,} | {complete} | {len(one.broken)} | {one.seconds / 60:.1f} |")
    return "\n\n".join(["# Small casts in every order", CASTS, when, "\n".join(lines)]) + "\n"


def render_crowd(crowd: Crowd | str, storage: str, when: str) -> str:
    """The section on a crowd."""
    head = f"# A crowd of processes: {storage}"
    if isinstance(crowd, str):
        return f"{head}\n\n{when}\n\nA promise was broken: {crowd}\n"
    commits = ", ".join(f"{count} {operation}" for operation, count in sorted(crowd.commits.items()))
    times = ", ".join(f"{role} {count}" for role, count in sorted(crowd.times.items()))
    said = (
        f"{crowd.writers} processes kept {crowd.kept} folders at once, and recorded {crowd.recorded} activities;"
        f" commits: {commits}; beside them: {times} times."
    )
    return f"{head}\n\n{when}\n\n{said} All verified, restored and compared; every commit and activity accounted for.\n"
