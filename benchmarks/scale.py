"""How large an archive may become: a million files, the records of ten terabytes, one file of 20 GiB, 10,000 commits.

::

    python -m benchmarks.scale                        # all of it: half an hour and 45 GB of disk
    python -m benchmarks.scale --parts records --scale 0.01

At full size each part that was measured goes into ``scale.json``, and the tables of all into ``RESULTS.md``.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

# As a plain script the interpreter sees this folder, not the one above it, by whose name it is imported.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import absolute, corpora, processors, report, results, trees
from benchmarks.measure import Command, run

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Job", "main"]

TOP = Path(__file__).resolve().parent.parent
HOW = """\
Every job is a process of its own. Seconds are of the work, without the interpreter's start; memory is the whole
process's at its highest, in MiB. Each job is done at a tenth, three tenths and the whole of its size, so that the table
shows what grows with an archive."""
STEPS = (0.1, 0.3, 1.0)
PEAK_LIMIT = 800
"""The most memory any job may need, in MiB."""
RESCAN_LIMIT = 60_000
"""How many unchanged files a backup has to look at in a second, at least."""


@dataclass(frozen=True)
class Job:
    """What one process did and took."""

    what: str
    size: int
    seconds: float
    """Of the work, without the start of the interpreter."""
    peak: int
    """Bytes."""
    said: dict[str, Any]


@dataclass(frozen=True)
class Part:
    """One part of the benchmark, as last measured.

    ``unit``: of the jobs' sizes.  ``said``: what else is to be known, in a sentence.
    """

    title: str
    unit: str
    when: str
    jobs: list[Job]
    said: str = ""

    def render(self) -> str:
        """The jobs as rows, their sizes as columns."""
        sizes = sorted({job.size for job in self.jobs})
        lines = [
            f"| job | {' | '.join(f'{size:,} {self.unit}: s, MiB' for size in sizes)} |",
            "|---" * (len(sizes) + 1) + "|",
        ]
        for what in dict.fromkeys(job.what for job in self.jobs):
            by_size = {j.size: f"{j.seconds:.2f}, {j.peak / 2**20:.0f}" for j in self.jobs if j.what == what}
            lines.append(f"| {what} | {' | '.join(by_size.get(size, '') for size in sizes)} |")
        table = "\n".join(lines)
        return "\n\n".join([f"## {self.title}", self.when, table, *([self.said] if self.said else [])])


class Bench:
    """Runs jobs and keeps what they took."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.jobs: list[Job] = []

    def run(self, what: str, size: int, job: str, *arguments: object, **environment: str) -> Job:
        """One job; ``what`` is how the table calls it."""
        done = self.prepare(job, *arguments, **environment)
        done = replace(done, what=what, size=size)
        if done.said.get("ok") is False:
            raise RuntimeError(f"{what} at {size:,}: not ok")
        print(f"{what:44} {size:>14,}  {done.seconds:8.2f} s  {done.peak / 2**20:5.0f} MiB  {done.said}", flush=True)
        self.jobs.append(done)
        return done

    def prepare(self, job: str, *arguments: object, **environment: str) -> Job:
        """A job that no table shows."""
        words = (sys.executable, "-m", "benchmarks.scalejob", job, *map(str, arguments))
        used = run(Command(words, TOP, environment))
        said = json.loads(used.output.splitlines()[-1])
        return Job("", 0, said.pop("seconds"), used.peak, said)


def files(bench: Bench, scale: float) -> str:
    """Small files on a disk."""
    source, archive, target = (bench.work / name for name in ("source", "archive", "target"))
    for step in STEPS:
        count = max(1000, round(absolute.MILLION * scale * step))
        trees.remove(source, archive, target)
        absolute.tiny_files(source, count)
        bench.prepare("create", archive)
        trees.settle()
        bench.run("first backup", count, "backup", archive, source)
        bench.run("nothing changed", count, "backup", archive, source)
        bench.run("restore of a tenth", count, "restore", archive, target, "*0/*")
        bench.run("full verify", count, "verify", archive)
    trees.remove(source, archive, target)
    again = max((job for job in bench.jobs if job.what == "nothing changed"), key=lambda job: job.size)
    rate = again.said["files"] / again.seconds
    return f"Unchanged files are looked at {rate:,.0f} a second; at least {RESCAN_LIMIT:,} are wanted."


def records(bench: Bench, scale: float) -> str:
    """The catalog of an archive of ten terabytes, and a thousand real files beside it."""
    source, archive = bench.work / "source", bench.work / "archive"
    for step in STEPS:
        count = max(10_000, round(10_000_000 * scale * step))
        trees.remove(source, archive)
        corpora.corpus_a(source, files=1_000)
        bench.prepare("create", archive)
        bench.run("first snapshot of so many files", count, "first", archive, count)
        bench.run("second, 1,000 files changed", count, "second", archive, count)
        bench.run("open", count, "opened", archive)
        bench.run("SQL: count and sum up all files", count, "sums", archive)
        bench.run("SQL: one path", count, "one_path", archive)
        bench.run("list a folder", count, "one_folder", archive)
        bench.run("diff of both snapshots", count, "difference", archive)
        new = bench.run("back up 1,000 real files beside them", count, "backup", archive, source)
        again = bench.run("the same files as another dataset", count, "backup", archive, source, "again")
        if not new.said["new"] or again.said["new"]:
            raise RuntimeError("what was stored was not known again")
        bench.run("usage", count, "usage", archive)
        bench.run("collect, dry run", count, "garbage", archive)
    trees.remove(source, archive)
    return ""


def stream(bench: Bench, scale: float) -> str:
    """One large file without holes: a third each of numbers, letters and random bytes."""
    source, archive, target = (bench.work / name for name in ("stream", "archive", "copy"))
    for step in STEPS:
        size = max(1 << 20, round(20 * 2**30 * scale * step))
        trees.remove(source, archive, target)
        source.mkdir()
        bench.prepare("stream", source / "stream.bin", size)
        bench.prepare("create", archive)
        trees.settle()
        bench.run("first backup", size >> 20, "backup", archive, source)
        bench.run("nothing changed", size >> 20, "backup", archive, source)
        bench.run("full verify", size >> 20, "verify", archive)
        bench.run("read as one file", size >> 20, "read", archive, "stream.bin")
        trees.remove(source)
        trees.settle()
        bench.run("copy to another folder, and compare", size >> 20, "copy", archive, target)
    rates = [job.said["rate"] / 1e6 for job in bench.jobs if "rate" in job.said]
    trees.remove(archive, target)
    shown = ", ".join(f"{rate:,.0f}" for rate in rates)
    return f"The copies went at {shown} MB/s of stored bytes (at least 100)."


def commits(bench: Bench, scale: float) -> str:
    """An archive of very many commits: how long opening takes, and how many requests it is on S3."""
    archive = bench.work / "archive"
    count = max(100, round(10_000 * scale))
    bench.prepare("create", archive)
    bench.run("making the commits", count, "commits", archive, count)
    took = [bench.run("open", count, "opened", archive).seconds for _ in range(5)]
    with bucket() as place:
        requests = place.requests_to_open(archive)
    trees.remove(archive)
    return (
        f"{count:,} commits open in {sorted(took)[2]:.2f} s (at most 1 s) on a local disk, and on S3 with "
        f"{requests[0]} requests without a tip, {requests[1]} with one (at most 40)."
    )


def storage(bench: Bench, scale: float) -> str:
    """The same large files to a local disk and to S3 on this machine, in turns: with all its processors for both, and
    with one for us and another for the server, as if that were elsewhere."""
    source = corpora.ensure(bench.work.parent / "corpora", "B", scale=scale)
    some = processors.allowed()
    ratios: dict[str, list[float]] = {}
    servers: list[float] = []
    for turn in range(1, 4):
        for shared in (True, False) if len(some) > 1 else (True,):
            ours, theirs = ((), ()) if shared else (some[:1], some[1:2])
            with processors.confined(theirs), bucket() as place, processors.confined(ours):
                took: list[float] = []
                for where, url, options in (
                    ("local disk", str(bench.work / "archive"), "{}"),
                    ("S3", f"{place.url}/{turn}", json.dumps(place.options)),
                ):
                    bench.prepare("create", url, SCALE_STORAGE_OPTIONS=options)
                    trees.warm(source)
                    trees.settle()
                    before = place.worked()
                    what = f"first backup of corpus B, {where}{'' if shared else ', on one processor'}"
                    took.append(bench.run(what, turn, "backup", url, source, SCALE_STORAGE_OPTIONS=options).seconds)
                servers.append(place.worked() - before)
                ratios.setdefault("together" if shared else "apart", []).append(took[1] / took[0])
            trees.remove(bench.work / "archive")
    middle = {name: sorted(each)[1] for name, each in ratios.items()}
    said = (
        f"S3 takes {middle['together']:.2f} times as long (at most 1.5) where its server shares the processors, of "
        f"which it needs {sorted(servers)[len(servers) // 2]:.0f} s for itself"
    )
    return said + (f"; {middle['apart']:.2f} times where it has one of its own." if "apart" in middle else ".")


class Bucket:
    """A bucket of a real server on this machine."""

    def __init__(self, url: str, options: dict[str, Any], server: int) -> None:
        self.url, self.options, self._server = url, options, server

    def worked(self) -> float:
        """Seconds of processors that the server took so far."""
        return processors.worked(self._server)

    def requests_to_open(self, archive: Path) -> tuple[int, int]:
        """How many requests opening a copy of a local archive takes: as it is, and after one more commit."""
        from holotype import lake
        from holotype.catalog import S3Store, open_store
        from tests.catalog.proxies import Proxy

        store, local = S3Store(f"{self.url}/copy", storage_options=self.options), open_store(str(archive))
        for info in local.list(""):
            store.put(info.key, [local.get(info.key)])
        proxy = Proxy(int(self.options["endpoint_url"].rpartition(":")[2]))
        try:
            through = {**self.options, "endpoint_url": proxy.url}
            lake.open(store.url, storage_options=through)
            without = len(proxy.requests)
            lake.open(store.url, storage_options=self.options).annotate("scale", {"reading": -1})
            proxy.requests.clear()
            lake.open(store.url, storage_options=through)
            return without, len(proxy.requests)
        finally:
            proxy.close()


@contextmanager
def bucket() -> Iterator[Bucket]:
    """A new server with an empty bucket."""
    # They need packages that nothing else here does.
    from tests.catalog.buckets import Buckets
    from tests.catalog.servers import SeaweedFS

    server = SeaweedFS(volumes=4, megabytes=2048)
    server.start()
    try:
        buckets = Buckets(server)
        yield Bucket(f"s3://{buckets.shared}", buckets.options(), server.pid)
    finally:
        server.stop()


def conclusions(parts: dict[str, Part]) -> str:
    """What the figures say of the limits, and of archives that were not made."""
    highest = max((job for part in parts.values() for job in part.jobs), key=lambda job: job.peak)
    lines = [f"- Memory: {highest.peak / 2**20:.0f} MiB at most ({highest.what}); {PEAK_LIMIT} MiB are allowed."]
    if "files" in parts and "stream" in parts:
        small, large = (
            max((job for job in parts[name].jobs if job.what == "first backup"), key=lambda job: job.size)
            for name in ("files", "stream")
        )
        rate, each = large.said["bytes"] / large.seconds, small.seconds / small.said["files"]
        for terabytes, allowed in ((1, " (4 h allowed)"), (10, "")):
            hours = (terabytes * 1e12 / rate + terabytes * 1e6 * each) / 3600
            lines.append(
                f"- First backup of {terabytes} TB in {terabytes} million files, at {rate / 1e6:.0f} MB/s and "
                f"{each * 1e6:.0f} µs a file as measured: {hours:.1f} h{allowed}."
            )
    return "## What follows\n\n" + "\n".join(lines)


PARTS = {
    "files": ("Small files", "files", files),
    "records": ("Records of files that are not there", "files", records),
    "stream": ("One file without holes", "MiB", stream),
    "commits": ("Commits", "commits", commits),
    "storage": ("Local disk and S3", "turn", storage),
}


def main(arguments: list[str] | None = None) -> int:
    """Measure what the command line asks for; returns the exit status."""
    given = _arguments(arguments)
    given.workdir.mkdir(parents=True, exist_ok=True)
    output = given.output or (TOP / "benchmarks" if given.scale == 1 else None)
    kept = output / "scale.json" if output is not None else None
    parts = load(kept) if kept is not None else {}
    for name in given.parts.split(","):
        title, unit, measure = PARTS[name]
        with tempfile.TemporaryDirectory(prefix="scale-", dir=given.workdir) as folder:
            bench = Bench(Path(folder))
            said = measure(bench, given.scale)
        machine, day = results.this_machine(), datetime.datetime.now(datetime.UTC).date().isoformat()
        when = f"{day}; {machine.cores} cores of {machine.processor}, {machine.memory_gib} GiB, {machine.system}."
        parts[name] = Part(title, unit, when, bench.jobs, said)
        if kept is not None:
            kept.write_text(json.dumps({n: asdict(part) for n, part in parts.items()}, indent=1) + "\n", "utf-8")
    shown = [parts[name].render() for name in PARTS if name in parts]
    section = "\n\n".join(["# Scale", HOW, *shown, conclusions(parts)]) + "\n"
    print(f"\n{section}")
    if output is not None:
        report.write_section(section, output / "RESULTS.md", of="scale")
    return 0


def load(path: Path) -> dict[str, Part]:
    """The parts that were measured before."""
    if not path.exists():
        return {}
    read: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8"))
    return {name: Part(jobs=[Job(**job) for job in part.pop("jobs")], **part) for name, part in read.items()}


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how large an archive may become.")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"which of {', '.join(PARTS)}, with commas between")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is a million files, 10 million records, 20 GiB")
    parser.add_argument(
        "--workdir",
        type=Path,
        default=Path(tempfile.gettempdir()) / "holotype-benchmarks",
        help="where to work, on the disk that is to be measured",
    )
    parser.add_argument("--output", type=Path, help="where RESULTS.md is (default: beside this file, at full size)")
    given = parser.parse_args(arguments)
    if set(given.parts.split(",")) - set(PARTS) or not 0 < given.scale <= 1:
        parser.error(f"parts are {', '.join(PARTS)}, and 0 < scale ≤ 1")
    return given


if __name__ == "__main__":
    sys.exit(main())
