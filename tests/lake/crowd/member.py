"""One of many processes that use an archive at once: it keeps folders, and records what it did to them, collects,
compacts or reads.

::

    python member.py '{"url": …, "options": {…}, "folder": …, "rounds": 3, "roles": ["writer", …]}' 4

It says ``ready``, waits for a line, and prints a line of JSON for each thing it did.  A writer leaves every folder that
it kept where it is, and a file ``over-<number>`` when it is done; the others go on until all writers are.
"""

from __future__ import annotations

import json
import random
import sys
import time
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holotype import lake
from holotype.catalog import Conflict, DatasetNotFound, ObjectMissing, SnapshotNotFound

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds, and more for each round, after which somebody must have died: eight share a processor with a server.
_LONGEST, _ROUND = 300, 60
# Seconds: who finds nothing to do is not to take the processor from those who have.
_PAUSE = 0.05
# Writers of even numbers share a dataset.
SHARED = "shared"


def make_folder(folder: Path, number: int, step: int) -> Path:
    """Make the folder that a writer keeps in a round: files that all have, that it had before, and new ones."""
    made = folder / f"{number}.{step}"
    made.mkdir()
    for name, seed, size in (("all", 0, 9000), ("own", number + 1, 4000), ("new", (number + 1) * 1000 + step, 3000)):
        (made / name).write_bytes(random.Random(seed).randbytes(size))
    (made / "text").write_bytes(b"%d of %d\n" % (step, number) * 50)
    return made


def say(**line: object) -> None:
    """Print what was done."""
    print(json.dumps(line), flush=True)  # noqa: T201 - it is what the one who started this listens to


def write(archive: lake.Archive, folder: Path, number: int, rounds: int) -> None:
    """Keep so many folders, record what was done to each, and forget one of them."""
    dataset = f"own-{number}" if number % 2 else SHARED
    for step in range(rounds):
        made = archive.backup(make_folder(folder, number, step), dataset=dataset, message=f"{number}.{step}")
        say(kept=made.name, digest=made.id, folder=made.message)
        # All who share a dataset say that they made the same bytes at the same path.
        source = folder / made.message
        with archive.activity(made.message, dataset=dataset, source=source, listen=False) as activity:
            activity.used(source / "new")
            activity.generated(source / "all")
        say(recorded=activity.id, dataset=dataset, folder=made.message)
        if step and number % 4 == 1:
            archive.forget(f"{dataset}@{step}")
            say(forgot=f"{dataset}@{step}")


def read(archive: lake.Archive) -> None:
    """Look at some snapshot whole: it is there, or it was forgotten since it was listed."""
    names = [f"{dataset}@{number}" for dataset, number in archive.snapshots().select("dataset", "number").iter_rows()]
    if not names:
        return
    name = random.choice(names)
    try:
        with archive.open(name, "new") as file:
            if len(file.read()) != 3000:
                raise AssertionError(f"{name} has half a file")
        if archive.files(name).height != 5 or not archive.verify(name).ok:
            raise AssertionError(f"{name} is not what was kept")
    except (SnapshotNotFound, DatasetNotFound, ObjectMissing):
        archive.snapshots()
        if name in {f"{row[0]}@{row[1]}" for row in archive.snapshots().select("dataset", "number").iter_rows()}:
            raise


OTHERS: dict[str, Callable[[lake.Archive], object]] = {
    "collector": lambda archive: archive.collect(dead_after=timedelta(hours=1), repack_below=0.9),
    "compactor": lambda archive: archive.compact(),
    "reader": read,
}
"""What those do who are no writers, over and over."""


def main(told: str, me: str) -> None:
    """Be one of them."""
    given: dict[str, Any] = json.loads(told)
    number, roles, folder = int(me), given["roles"], Path(given["folder"])
    role = roles[number]
    archive = lake.open(given["url"], storage_options=given["options"], author=f"{role} {number}")
    # They would ask one repository, which takes longer than all the rest.
    activities: Any = import_module("holotype.lake.activity")
    activities.git_state = lambda folder: None
    print("ready", flush=True)  # noqa: T201 - as above
    sys.stdin.readline()
    if role == "writer":
        try:
            write(archive, folder, number, given["rounds"])
        finally:
            (folder / f"over-{number}").touch()
        return
    deadline, times = time.monotonic() + _LONGEST + _ROUND * given["rounds"], 0
    while len([*folder.glob("over-*")]) < roles.count("writer"):
        if time.monotonic() > deadline:
            raise TimeoutError("a writer never ended")
        try:
            OTHERS[role](archive)
        except Conflict:  # others were faster, again and again
            continue
        times += 1
        time.sleep(_PAUSE)
    say(times=times)


if __name__ == "__main__":
    main(*sys.argv[1:])
