"""Let every call to the storage fail in every way, and kill processes at any moment; prove that nothing suffers.

::

    python -m benchmarks.crash                              # every verb, every kind of fault, 200 kills: half an hour
    python -m benchmarks.crash --verbs backup --faults crash --kills 0
    python -m benchmarks.crash --verbs '' --kills 40 --url s3://
    python -m benchmarks.crash --seeds 100000               # storms of many at once, each by its seed: hours
    python -m benchmarks.crash --seeds 1 --first 4711       # one of them again
    python -m benchmarks.crash --seeds 10000 --first 100000 # storms in which people also record what they do
    python -m benchmarks.crash --cases all [--crashes]      # small casts in every order
    python -m benchmarks.crash --writers 8 --rounds 50 [--url s3://]   # a crowd of real processes

The last four are done alone, and are explained in ``crowds.py``.

The promise: *whatever dies, on whatever storage, what was committed is there and whole, and nothing half done is ever
seen.*  After every fault and every kill the archive is opened anew and verified, every snapshot in it is restored and
compared with what it was made of, bytes and metadata, what was recorded of how things came about is held against what
has to be there and against itself, and the work that was interrupted is done again.  The exit status is 1 when the
promise was broken.  Each part of what was run in full goes to a section of its own in ``RESULTS.md``.

It uses the tests' own tools (such as ``tests/lake/crashes``), so it needs the packages of the extra ``test``.
"""

from __future__ import annotations

import argparse
import datetime
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

# As a plain script the interpreter sees this folder, not the one above it, by whose name it is imported.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import crowds, report, results
from holotype.catalog import HolotypeError
from tests.catalog.faults import CHANGES, FAULTS
from tests.lake.crashes.everywhere import applies, calls, strangers, with_fault
from tests.lake.crashes.killing import Killer
from tests.lake.crashes.laboratory import Laboratory
from tests.lake.crashes.promise import Broken
from tests.lake.crashes.verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from tests.catalog.faults import Fault
    from tests.lake.crashes.killing import Killed
    from tests.lake.crashes.verbs import Verb

__all__ = ["Kills", "Tally", "main"]

TOP = Path(__file__).resolve().parent.parent
# Fewer seeds say too little to be kept.
_MANY = 10_000


@dataclass(frozen=True)
class Tally:
    """What became of one verb with one kind of fault, over all the places where it can happen.

    ``outcomes``: how often it went ``through`` all the same, the caller was ``told``, or the process ``died``.
    ``broken``: every broken promise, in words.
    """

    verb: str
    fault: str
    outcomes: Mapping[str, int]
    broken: tuple[str, ...] = ()

    @property
    def places(self) -> int:
        """At how many calls it was tried."""
        return sum(self.outcomes.values()) + len(self.broken)


@dataclass(frozen=True)
class Kills:
    """What became of killing processes that use one archive."""

    storage: str
    deaths: tuple[Killed, ...]
    broken: tuple[str, ...]


def fail_everywhere(verbs: Sequence[Verb], faults: Sequence[Fault], work: Path) -> list[Tally]:
    """Let each of these verbs meet each of these faults at each call that can fail so."""
    tallies: list[Tally] = []
    with strangers():
        laboratory = Laboratory.build(work / "laboratory")
        scratch = work / "scratch"
        scratch.mkdir()
        for verb in verbs:
            every = calls(laboratory, verb, scratch)
            for fault in faults:
                outcomes: Counter[str] = Counter()
                broken: list[str] = []
                for place, call in enumerate(every, 1):
                    if not applies(fault, call):
                        continue
                    thorough = call.partition(" ")[0] in CHANGES
                    try:
                        outcomes[with_fault(laboratory, verb, fault, place, scratch, thorough=thorough)] += 1
                    except Exception as error:  # noqa: BLE001 - whatever it is, the promise was broken, and the rest is tried
                        broken.append(f"{verb.name}, {fault.name} at call {place}, {call}: {error!r}")
                tallies.append(Tally(verb.name, fault.name, outcomes, tuple(broken)))
                show(tallies[-1])
    return tallies


def show(tally: Tally) -> None:
    """Print one row."""
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(tally.outcomes.items()))
    print(f"{tally.fault:28} {tally.verb:28} {tally.places:4} places: {outcomes}", flush=True)
    for problem in tally.broken:
        print(f"    BROKEN: {problem}", flush=True)


def kill_again_and_again(url: str, options: Mapping[str, Any], work: Path, *, kills: int, seed: int) -> Kills:
    """Kill so many processes, one after the other; stops at the first broken promise, for the archive is not what it
    was."""
    deaths: list[Killed] = []
    broken: list[str] = []
    # On a network everything takes longer, and a life is to reach every verb.
    killer = Killer(url, work, seed=seed, options=options, longest=4 if "://" in url else 1.2)
    try:
        for number in range(kills):
            deaths.append(killer.kill())
            if (number + 1) % 10 == 0:
                print(f"{number + 1} kills, {sum(death.committed for death in deaths)} snapshots committed", flush=True)
        killer.finish()
    except (Broken, HolotypeError) as error:
        broken.append(f"kill {len(deaths) + 1}, seed {seed}: {error!r}")
        print(f"    BROKEN: {broken[0]}", flush=True)
    return Kills(url.partition(":")[0] if "://" in url else "local", tuple(deaths), tuple(broken))


@contextmanager
def storage(url: str | None, work: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where the archive to be killed at lies, and what is needed to open it: a folder, or a bucket of a real server."""
    if url is None:
        yield str(work / "archive"), {}
        return
    # They need packages that nothing else here does.
    from tests.catalog.buckets import Buckets
    from tests.catalog.servers import SeaweedFS

    server = SeaweedFS()
    server.start()
    try:
        buckets = Buckets(server)
        yield f"s3://{buckets.shared}/{url.removeprefix('s3://') or 'archive'}", buckets.options()
    finally:
        server.stop()


HOW = """\
Every call that a verb makes to the storage fails once in every way. Afterwards the archive is opened anew and verified
in full, its snapshots are restored and compared with what they were made of (after a failed read, those that are new),
its provenance has all that it had, is valid and agrees with the graph that it makes, the verb is done again, and two
collections have to take away what the first try left. A cell is the number of calls: at how many the verb went through
all the same / the caller was told / the process died. A call is left out where that would be another of these
faults."""

KILLING = """\
A process records activities, backs up, forgets and collects in a loop, and is killed (SIGKILL) after a random time; on
a local disk every third has helpers that read for it. After each kill the archive is opened and verified in full, and
every snapshot in it is restored and compared; what the process had said it committed or recorded has to be there, and
every activity whole. The next process goes on with the same archive, and at the end a collection has to take away all
that the dead left."""


def render_faults(tallies: Sequence[Tally], seconds: float) -> str:
    """The section on faults."""
    faults = list(dict.fromkeys(tally.fault for tally in tallies))
    verbs = list(dict.fromkeys(tally.verb for tally in tallies))
    by_pair = {(tally.verb, tally.fault): tally for tally in tallies}
    lines = [f"| verb | {' | '.join(faults)} |", "|---" * (len(faults) + 1) + "|"]
    for verb in verbs:
        lines.append(f"| {verb} | {' | '.join(_cell(by_pair[verb, fault]) for fault in faults)} |")
    problems = [problem for tally in tallies for problem in tally.broken]
    parts = ["# A fault at every call", HOW, _when(seconds), "\n".join(lines)]
    places = sum(tally.places for tally in tallies)
    parts.append(f"{places:,} faults; promises broken: {len(problems)}.")
    return "\n\n".join([*parts, *(["\n".join(f"- {problem}" for problem in problems)] if problems else [])]) + "\n"


def _cell(tally: Tally) -> str:
    if not tally.places:
        return ""
    counts = " / ".join(str(tally.outcomes.get(outcome, 0)) for outcome in ("through", "told", "died"))
    return f"{counts}, **{len(tally.broken)} broken**" if tally.broken else counts


def render_kills(kills: Kills, seconds: float) -> str:
    """The section on kills."""
    where = "a local disk" if kills.storage == "local" else f"{kills.storage}, a real server on this machine"
    committed = sum(death.committed for death in kills.deaths)
    recorded = sum(death.recorded for death in kills.deaths)
    last = Counter(death.over for death in kills.deaths)
    over = ", ".join(f"{what!r} {count}" for what, count in sorted(last.items()))
    done = f"{committed} snapshots committed, {recorded} activities recorded"
    figures = f"{len(kills.deaths)} kills, {done}; promises broken: {len(kills.broken)}."
    said = f"{figures} What the processes said last: {over}."
    problems = [f"- {problem}" for problem in kills.broken]
    return "\n\n".join([f"# Processes killed at any moment: {where}", KILLING, _when(seconds), said, *problems]) + "\n"


def _when(seconds: float) -> str:
    machine, day = results.this_machine(), datetime.datetime.now(datetime.UTC).date().isoformat()
    return f"{day}, {seconds / 60:.0f} minutes; {machine.cores} cores, {machine.system}, Python {machine.python}."


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks for; returns the exit status, which is 1 when a promise was broken."""
    given = _arguments(arguments)
    # Storage that fails is what this is about: being told of each time would hide what is found.
    logging.disable(logging.WARNING)
    broken = False
    with tempfile.TemporaryDirectory(prefix="holotype-crash-") as folder:
        work = Path(folder)
        if given.seeds or given.cases or given.writers:
            return int(many_at_once(given, work))
        verbs = [verb for verb in VERBS if given.verbs and given.verbs in verb.name] if given.verbs != "all" else VERBS
        faults = [fault for fault in FAULTS if given.faults in ("all", "") or given.faults in fault.name]
        if verbs:
            begin = time.perf_counter()
            tallies = fail_everywhere(verbs, faults, work)
            broken |= any(tally.broken for tally in tallies)
            section = render_faults(tallies, time.perf_counter() - begin)
            _keep(section, "crash, faults", given.output if given.verbs == given.faults == "all" else None)
        if given.kills:
            begin = time.perf_counter()
            with storage(given.url, work) as (url, options):
                kills = kill_again_and_again(url, options, work, kills=given.kills, seed=given.seed)
            broken |= bool(kills.broken)
            section = render_kills(kills, time.perf_counter() - begin)
            _keep(section, f"crash, kills, {kills.storage}", given.output)
    return int(broken)


def many_at_once(given: argparse.Namespace, work: Path) -> bool:
    """Do what was asked for of ``crowds``; whether a promise was broken."""
    broken, begin = False, time.perf_counter()

    def when() -> str:
        return _when(time.perf_counter() - begin)

    if given.seeds:
        storms = crowds.storm(given.first, given.seeds, work, processes=given.processes)
        broken |= bool(storms.broken)
        _keep(crowds.render_storms(storms, when()), "crash, storms", given.output if given.seeds >= _MANY else None)
    if given.cases:
        found = crowds.explore_cases(given.cases, work, most=given.most, crashes=given.crashes)
        broken |= any(one.broken for one in found)
        whole = given.cases == "all" and given.most is None
        name = "crash, casts that die" if given.crashes else "crash, casts"
        _keep(crowds.render_cases(found, when()), name, given.output if whole else None)
    if given.writers:
        with storage(given.url, work) as (url, options):
            crowd = crowds.let_loose(url, options, work, writers=given.writers, rounds=given.rounds)
        broken |= isinstance(crowd, str)
        where = "a local disk" if given.url is None else "S3, a real server on this machine"
        _keep(crowds.render_crowd(crowd, where, when()), f"crash, crowd, {where.partition(',')[0]}", given.output)
    return broken


def _keep(section: str, of: str, output: Path | None) -> None:
    print(f"\n{section}")
    if output is not None:
        report.write_section(section, output / "RESULTS.md", of=of)


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Let every call to the storage fail, and kill processes.")
    parser.add_argument("--verbs", default="all", help="only verbs with this in their name; '' for none")
    parser.add_argument("--faults", default="all", help="only kinds of faults with this in their name")
    parser.add_argument("--kills", type=int, default=200, help="how many processes to kill (default: 200)")
    parser.add_argument("--url", help="kill processes that use s3://: a server is started for it (default: a folder)")
    parser.add_argument("--seed", type=int, default=1, help="decides when processes die")
    parser.add_argument("--output", type=Path, default=TOP / "benchmarks", help="where RESULTS.md is")
    parser.add_argument("--seeds", type=int, default=0, help="play so many storms")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="on so many processes")
    parser.add_argument("--cases", default="", help="play casts with this in their name, or all, in every order")
    parser.add_argument("--most", type=int, help="interleavings of a cast at most (default: all)")
    parser.add_argument("--crashes", action="store_true", help="let the first of a cast die at each of its calls")
    parser.add_argument("--writers", type=int, default=0, help="let so many processes write at once")
    parser.add_argument("--rounds", type=int, default=50, help="folders that each of them keeps (default: 50)")
    given = parser.parse_args(arguments)
    if given.url is not None and not given.url.startswith("s3://"):
        parser.error("there is a server for s3:// only")
    return given


if __name__ == "__main__":
    sys.exit(main())
