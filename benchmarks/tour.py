"""The whole journey once, on a real folder::

    python benchmarks/tour.py [FOLDER]

Back up, change, back up again, compare, query, read in place, trace a result and a fault, hold a table to what is
declared, damage, verify, restore, call variants by a pipeline where its programs are, move to another archive. Without
FOLDER it takes this checkout and data as instruments write them. FOLDER is only read: everything happens to a copy, in
a temporary folder that is removed at the end.
"""

from __future__ import annotations

import argparse
import shutil
import stat
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

# As a plain script the interpreter sees this folder, not the one above it, by whose name it is imported.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import corpora, germline, trees
from holotype import lake
from holotype.validators import Column, TableSchema

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["main"]

TOP = Path(__file__).resolve().parent.parent

DATASET = "tour"
TABLE = "measurements.csv"
"""The file that the tour adds to the folder, and later reads in place."""

NOT_DATA = {".git", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".uv", "__pycache__", "node_modules"}


class Failed(Exception):
    """Something on the way was not as it must be."""


def main(arguments: list[str] | None = None) -> int:
    """Run the tour; returns the exit status, which is 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description="The whole journey once, on a copy of a real folder.")
    parser.add_argument("folder", nargs="?", type=Path, help="what to take (default: this checkout and generated data)")
    folder: Path | None = parser.parse_args(arguments).folder
    if folder is not None and not folder.is_dir():
        parser.error(f"{folder} is not a folder")
    if find_spec("pandas") is None:
        parser.error("it reads a table with pandas, which is not installed: pip install 'holotype[tour]'")
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="holotype-tour-") as work:
        try:
            tour(folder, Path(work))
        except Failed as problem:
            print(f"\nThis must not happen: {problem}.", file=sys.stderr)
            return 1
    print(f"\nAll as promised, in {time.perf_counter() - begin:.1f} s. Nothing is left behind.")
    return 0


def tour(folder: Path | None, work: Path) -> None:
    """Every step in order, below the folder `work`."""
    source, target = work / "data", work / "restored"
    take_a_copy(folder, source)
    archive = create(work / "archive")
    back_up(archive, source, message="as it came")
    changed = change(source)
    back_up(archive, source, message="a day later")
    compare(archive, changed)
    query(archive)
    read_in_place(archive, source, work / "archive")
    trace(archive, source, work / "again")
    hold(archive, work / "samples")
    damage_and_find(archive, work / "archive")
    restore(archive, source, target)
    call(archive, work)
    move(archive, source, work / "elsewhere")


def take_a_copy(folder: Path | None, source: Path) -> None:
    """Copy the folder; without one, the checkout, with instrument data beside it."""
    with step(f"Take a copy of {folder or 'this checkout, and generate instrument data'}"):
        try:
            shutil.copytree(folder or TOP, source, symlinks=True, ignore=_not_data)
        except shutil.Error as problems:  # the rest is copied all the same
            say(f"{len(problems.args[0])} could not be read and are left out, such as {problems.args[0][0][0]}")
        if folder is None:
            corpora.corpus_b(source / "instruments", size=8 << 20)
            corpora.corpus_a(source / "loggers", files=400)
        found = trees.contents(source)
        say(f"{len(found):,} files, {_size(sum(each.st_size for each in found.values()))}")


def create(place: Path) -> lake.Archive:
    """Make an empty archive."""
    with step("Create an archive"):
        return lake.create(str(place), name="The tour")


def back_up(archive: lake.Archive, source: Path, *, message: str) -> None:
    """Store the folder as it is now."""
    with step(f"Back it up, {message}"):
        snapshot = archive.backup(source, dataset=DATASET, message=message)
        new = f"{_size(snapshot.new_bytes)} of them new"
        say(f"{snapshot.name}: {snapshot.files:,} files, {_size(snapshot.bytes)}, {new}")


def change(source: Path) -> dict[str, str]:
    """Add a table, change the largest file in its middle, delete one, and move one; returns what was done, by path."""
    with step("Change the copy as a day's work would"):
        files = [name for name, found in sorted(trees.contents(source).items()) if stat.S_ISREG(found.st_mode)]
        seconds = range(1_000)
        lines = "\n".join(f"{1_700_000_000 + second},{20 + second % 7 / 10:.1f},S{second % 3}" for second in seconds)
        (source / TABLE).write_text(f"time_s,temperature_C,site\n{lines}\n")
        done = {TABLE: "added"}
        if len(files) >= 3:  # fewer leave nothing to choose from
            grown = max(files, key=lambda name: (source / name).stat().st_size)
            gone, moved = [name for name in files if name != grown][:2]
            _insert_in_the_middle(source / grown, b"one more measurement\n")
            (source / gone).unlink()
            (source / moved).rename(source / f"{moved}.moved")
            done |= {grown: "changed", gone: "deleted", moved: "moved"}
        for name, what in done.items():
            say(f"{what}: {name}")
        return done


def compare(archive: lake.Archive, changed: dict[str, str]) -> None:
    """Ask what differs between the two snapshots, and check that it is what was done."""
    with step("Ask what changed"):
        difference = archive.diff(f"{DATASET}@1", f"{DATASET}@2")
        say(f"{difference.select('path', 'change', 'size_before', 'size_after', 'moved_from')}")
        named = {*difference["path"].to_list(), *difference["moved_from"].to_list()}
        missing = [name for name in changed if name not in named]
        if missing:
            raise Failed(f"the diff does not name {missing[0]}")


def query(archive: lake.Archive) -> None:
    """Look into the catalog with SQL."""
    with step("Ask with SQL which snapshots there are"):
        question = "SELECT * FROM snapshots ORDER BY 1"
        say(f"{question}\n{archive.sql(question)}")
    with step("Ask which files are the largest"):
        say(f"{archive.files(f'{DATASET}@2').sort('size', descending=True).head(5)}")


def read_in_place(archive: lake.Archive, source: Path, place: Path) -> None:
    """Read an archived table with pandas by its address, without restoring it."""
    import pandas  # of the extra that the start has checked for

    address = f"holotype://{DATASET}@2/{TABLE}::{place.as_uri()}"
    with step("Read a table in place with pandas"):
        frame = pandas.read_csv(address)
        say(f"{frame.groupby('site')['temperature_C'].describe()}")
        if not frame.equals(pandas.read_csv(source / TABLE)):
            raise Failed("the table read in place is not the one that was stored")
    with step("Open a file of the first snapshot, as it was"):
        files = archive.files(f"{DATASET}@1")
        name = files.filter((files["kind"] == "file") & (files["size"] > 0))["path"][0]
        with archive.open(f"{DATASET}@1", name) as file:
            say(f"{name} begins with {file.read(40)!r}")


def trace(archive: lake.Archive, source: Path, place: Path) -> None:
    """Make a result of the table, follow it back to its raw data, and a fault in those to the result."""
    with step("Make a result in two steps, and follow it back"):
        first = "import sys; rows = open(sys.argv[1]).readlines(); open(sys.argv[2], 'w').writelines(rows[:9])"
        command = [sys.executable, "-c", first, TABLE, "first-rows.csv"]
        ran = archive.run(command, name="take the first rows", dataset=DATASET, inputs=[TABLE])
        if not ran.ok:
            raise Failed(f"a command that only reads and writes failed: {ran.stderr.decode(errors='replace')}")
        with archive.activity("count", parameters={"what": "rows"}, dataset=DATASET):
            count = len((source / "first-rows.csv").read_text().splitlines())
            (source / "count.txt").write_text(f"{count}\n")
        archive.backup(source, dataset=DATASET, message="with a result")
        steps = archive.provenance.explain(f"{DATASET}/count.txt")["name"].to_list()
        came_from = archive.provenance.upstream(f"{DATASET}/count.txt")["path"].to_list()
        say(f"count.txt came of {TABLE}, by: {', '.join(steps)}")
        if steps != ["take the first rows", "count"] or TABLE not in came_from:
            raise Failed(f"the steps to count.txt are {steps}, and it came from {came_from}")
    with step("Find what a fault in the raw data reaches, and do it again"):
        reached = archive.provenance.impact(f"{DATASET}/{TABLE}")
        files = [path for path in reached["path"].to_list() if path is not None]
        say(f"a fault in {TABLE} reaches {', '.join(files[1:])}")
        if not {"first-rows.csv", "count.txt"} <= set(files):
            raise Failed(f"a fault in {TABLE} is said to reach {files} only")
        again = archive.provenance.reproduce(f"{DATASET}/first-rows.csv", to=place)
        say(f"done again, first-rows.csv is {again.verdict}")
        if again.verdict != "exact":
            raise Failed(f"done again, the rows are {again.verdict}: {again.steps['why'].to_list()}")
    for name in ("first-rows.csv", "count.txt"):
        (source / name).unlink()
    archive.backup(source, dataset=DATASET, message="without it")


def hold(archive: lake.Archive, folder: Path) -> None:
    """Declare what a table has to be, and keep one that is not."""
    with step("Declare what a table has to be, and keep one that is not"):
        folder.mkdir()
        (folder / "samples.csv").write_text("id,mass\ns1,2.5\ns2,3.0\n")
        archive.backup(folder, dataset="samples")
        schema = TableSchema("samples", (Column("id", "string", unique=True), Column("mass", "number", least=0)))
        archive.declare_schema("samples", schema, files="*.csv")
        (folder / "samples.csv").write_text("id,mass\ns1,2.5\ns1,-3.0\n")
        archive.backup(folder, dataset="samples")
        found = archive.report("samples@2").findings.to_pylist()
        for each in found:
            say(f"samples.csv: {each['message']}")
        if not {"mass", "id"} <= {each["column"] for each in found}:
            raise Failed(f"of a table with two faults {len(found)} were found")
        latest = archive.snapshot("samples@latest").name
        say(f"it is kept as samples@2, in quarantine; the latest is {latest}")
        if latest != "samples@1":
            raise Failed(f"the latest is {latest}, which is unsound")


def call(archive: lake.Archive, work: Path) -> None:
    """Run a pipeline into the archive, and follow its variants back to the reads."""
    if lacking := germline.lacking():
        with step("Call no variants"):
            say(f"there is no {', no '.join(lacking)} here")
        return
    with step("Simulate the reads of two people, call their variants, and ask the archive where those came from"):
        told = germline.call_variants(germline.simulate(work / "reads"), archive, work)
        found = ", ".join(f"{100 * share:.0f} % of those of the {name}" for name, share in told.found.items())
        say(f"{told.tasks} tasks, {told.state}: {found} are found; what took longest is {told.bottleneck}")
        say(f"keeping records took {100 * told.share:.1f} % of what the tasks took; {told.rows} attempts are in SQL")
        say(f"the mother's go back to {', '.join(told.reached)}")
        say(f"a regulator gets {told.audited} files, signed off by their digests")
        if told.state != "done" or min(told.found.values()) < 0.9 or not told.rows:
            raise Failed(f"the pipeline came to {told}")
        if told.reached != ("mother_R1.fastq", "mother_R2.fastq") or not told.sound:
            raise Failed(f"the variants go back to {told.reached}, and the export is sound: {told.sound}")


def damage_and_find(archive: lake.Archive, place: Path) -> None:
    """Break one byte of the largest pack, have it found and its files named, and mend it."""
    with step("Verify every byte"):
        report = archive.verify(full=True)
        if not report.ok:
            raise Failed(f"a sound archive is called damaged: {report.damage}")
    packs = trees.contents(place / "packs")
    pack = place / "packs" / max(packs, key=lambda name: packs[name].st_size)
    at = pack.stat().st_size // 2
    with step("Break one byte in a pack, and verify again"):
        flip(pack, at)
        report = archive.verify(full=True)
        if report.ok:
            raise Failed(f"byte {at} of {pack.name} is wrong and verify did not see it")
        say(f"{report.damage}")
        if not set(report.damage["path"]) & set(archive.files(f"{DATASET}@2")["path"]):
            raise Failed("the damage is found, and the files it touches are not named")
    with step("Put the byte back, and verify once more"):
        flip(pack, at)
        if not archive.verify(full=True).ok:
            raise Failed("the archive is sound again and is still called damaged")


def restore(archive: lake.Archive, source: Path, target: Path) -> None:
    """Restore the newest snapshot and compare it with what was backed up."""
    with step("Restore it"):
        archive.restore(f"{DATASET}@latest", str(target))
    with step("Compare it with the source, byte for byte"):
        wrong = trees.difference(source, target)
        if wrong is not None:
            raise Failed(f"what was restored is not what was stored: {wrong}")
        say(f"the same: {len(trees.contents(target)):,} files")


def move(archive: lake.Archive, source: Path, place: Path) -> None:
    """Copy the archive, work on at the other place, and bring back what was done there."""
    with step("Copy the archive to another place"):
        moved = archive.copy(str(place))
        say(f"{', '.join(moved.snapshots)}: {moved.packs:,} packs, {_size(moved.bytes)}")
    with step("Compare both, every byte"):
        _same(archive, lake.open(str(place)), full=True)
    with step("Change the folder, back it up there, and bring that back"):
        elsewhere = lake.open(str(place))
        (source / "elsewhere.txt").write_text("written at the other place\n")
        elsewhere.backup(source, dataset=DATASET, message="at the other place")
        moved = elsewhere.sync(archive)
        say(f"{', '.join(moved.snapshots)}: {moved.packs:,} packs, {moved.bytes:,} bytes")
        _same(archive, elsewhere, full=False)


def _same(archive: lake.Archive, other: lake.Archive, *, full: bool) -> None:
    found = archive.compare(other, full=full)
    if not found.equal:
        raise Failed(f"two archives should hold the same and differ: {found.differences}")
    say(f"the same: {found.snapshots} snapshots")


def flip(file: Path, at: int) -> None:
    """Invert the bits of one byte; done twice, the file is as it was."""
    mode = file.stat().st_mode
    file.chmod(0o600)  # objects of an archive may be read-only
    with file.open("r+b") as opened:
        opened.seek(at)
        byte = opened.read(1)[0]
        opened.seek(at)
        opened.write(bytes([byte ^ 0xFF]))
    file.chmod(mode)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is done, and afterwards how long it took."""
    print(f"\n{what}.", flush=True)
    begin = time.perf_counter()
    yield
    print(f"    {time.perf_counter() - begin:.2f} s", flush=True)


def say(text: str) -> None:
    """Print what a step has to show, indented."""
    for line in text.splitlines():
        print(f"    {line}")


def _not_data(folder: str, names: list[str]) -> set[str]:
    """What of a folder is not taken along: version control, caches, virtual environments, pipes and devices."""
    left_out = {name for name in names if name in NOT_DATA or name.endswith(".egg-info")}
    for name in set(names) - left_out:
        path = Path(folder, name)
        if not (path.is_file() or path.is_dir() or path.is_symlink()) or (path / "pyvenv.cfg").exists():
            left_out.add(name)
    return left_out


def _insert_in_the_middle(file: Path, text: bytes) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2] + text + content[len(content) // 2 :])


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


if __name__ == "__main__":
    sys.exit(main())
