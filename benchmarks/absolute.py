"""The figures of the backup benchmark that are not compared with another tool: import time, the memory of all processes
together, and an archive of a million files in which one changes."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import trees
from benchmarks.measure import Command, memory_together, run
from benchmarks.results import Absolute
from benchmarks.tools import Holotype

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MILLION", "import_time", "memory_with_helpers", "one_of_a_million", "tiny_files"]

IMPORT_LIMIT = 0.2
MEMORY_LIMIT = 400
COMMIT_LIMIT_SECONDS = 2.0
COMMIT_LIMIT_MB = 1.0
MILLION = 1_000_000
PER_FOLDER = 1_000

IMPORT = "import time; begin = time.perf_counter(); import holotype.lake; print(time.perf_counter() - begin)"


def import_time(work: Path) -> list[Absolute]:
    """How long `import holotype.lake` takes in a fresh interpreter, the middle of seven."""
    command = Command((sys.executable, "-c", IMPORT), work)
    run(command)  # compiles what was never imported before
    usages = [run(command) for _ in range(7)]
    statement = median(float(usage.output) for usage in usages)
    whole = median(usage.wall for usage in usages)
    note = f"{whole:.2f} s with the interpreter's own start and end"
    return [Absolute("`import holotype.lake`", statement, "s", IMPORT_LIMIT, note)]


def memory_with_helpers(work: Path, source: Path, *, limit: float | None = MEMORY_LIMIT) -> list[Absolute]:
    """The memory of a first backup of many small files and of the helpers that read for it, all together."""
    tool = Holotype(work)
    trees.remove(tool.repository)
    try:
        run(tool.create())
        most = memory_together(tool.backup(source, label="first"))
    finally:
        trees.remove(tool.repository)
    what = "first backup of corpus A and its helpers together: memory"
    return [Absolute(what, most / 2**20, "MiB", limit, "what they share is counted once")]


def one_of_a_million(work: Path, *, files: int = MILLION) -> list[Absolute]:
    """Back up a million tiny files, change one, and back up again; then the same with a small dataset beside them.

    The second backup looks at every file, as it must: what that alone takes is measured as well.
    """
    many, few = work / "million", work / "thousand"
    tool = Holotype(work)
    beside = replace(tool, dataset="beside")
    trees.remove(many, few, tool.repository)
    try:
        tiny_files(many, files)
        tiny_files(few, PER_FOLDER)
        trees.age()
        run(tool.create())
        first = run(tool.backup(many, label="first"))
        run(beside.backup(few, label="first"))

        unchanged = run(tool.backup(many, label="unchanged")).wall
        changed = _change_one_and_back_up(tool, many, number=files // 3)
        small = _change_one_and_back_up(beside, few, number=PER_FOLDER // 3)
        begin = time.perf_counter()
        trees.size(many)
        looking = time.perf_counter() - begin
    finally:
        trees.remove(many, few, tool.repository)

    words = f"one changed file of {files:,}"
    where = f"of 1,000 in another dataset beside the {files:,}"
    full = files == MILLION  # the limits are for the full number
    seconds, megabytes = (COMMIT_LIMIT_SECONDS, COMMIT_LIMIT_MB) if full else (None, None)
    looked = f"whole process; looking at every file in plain Python alone takes {looking:.2f} s"
    began = f"their first backup: {first.wall:.1f} s, {first.peak / 2**20:.0f} MiB"
    beyond = f"when nothing had changed the backup took {unchanged:.2f} s"
    return [
        Absolute(f"{words}: seconds", changed[0], "s", seconds, looked),
        Absolute(f"{words}: seconds beyond looking at the others", changed[0] - unchanged, "s", seconds, beyond),
        Absolute(f"{words}: new objects", changed[1] / 1e6, "MB", megabytes, began),
        Absolute(f"one changed file {where}: seconds", small[0], "s", seconds, "whole process"),
        Absolute(f"one changed file {where}: new objects", small[1] / 1e6, "MB", megabytes),
    ]


def tiny_files(root: Path, files: int) -> None:
    """Write so many files of a few bytes, a thousand in a folder."""
    root.mkdir()
    for number in range(files):
        folder = f"{root}/{number // PER_FOLDER:04d}"
        if number % PER_FOLDER == 0:
            os.mkdir(folder)
        with open(f"{folder}/{number:07d}.txt", "xb", buffering=0) as file:
            file.write(b"%d\n" % number)


def _change_one_and_back_up(tool: Holotype, source: Path, *, number: int) -> tuple[float, int]:
    """Seconds that the backup took, and bytes of the objects that are new in the archive after it."""
    (source / f"{number // PER_FOLDER:04d}" / f"{number:07d}.txt").write_text("changed\n")
    before = trees.contents(tool.repository)
    trees.settle()
    usage = run(tool.backup(source, label="second"))
    after = trees.contents(tool.repository)
    new = [
        found for path, found in after.items() if path not in before or found.st_mtime_ns != before[path].st_mtime_ns
    ]
    return usage.wall, sum(found.st_size for found in new)
