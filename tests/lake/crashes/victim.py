"""A process to be killed: it changes a folder, records what it did to it, backs it up, forgets and collects, over and
over, until it dies.

::

    python victim.py '{"url": …, "options": {…}, "folder": …, "journal": …, "seed": 7, "helped": false}'

It says in its journal, a line of JSON each, flushed to the disk before it goes on, what it is about to do and what was
done.  A snapshot's message is the step that its folder was made in, and a step's folder is the same wherever and
whenever it is made (``make_folder``): so whoever reads the journal knows what has to be there.
"""

from __future__ import annotations

import json
import os
import random
import sys
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holotype.lake import Archive

__all__ = ["CHUNKING", "DATASETS", "make_folder"]

DATASETS = ("cells", "genes")
CHUNKING = {"min": 512, "average": 1024, "max": 4096}
"""So that small files have many chunks."""

# Snapshots of each dataset that are kept: forgetting and collecting are to have something to do.
_KEPT = 2


def make_folder(folder: Path, step: int) -> None:
    """Make the folder of a step, or make that of an earlier one into it: bytes, times and modes follow from its number.

    Each file changes at every tenth step, one after the other; what does not change is not touched, so that a backup
    has files to pass over.
    """
    for number in range(10):
        version = (step + number) // 10
        noise, time = random.Random(version * 100 + number), version * 10**9
        path = folder / f"d{number % 3}" / f"{number}.dat"
        if path.exists() and path.stat().st_mtime_ns == time:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(noise.randbytes(noise.choice([0, 90, 700, 9000, 40_000])))
        path.chmod(noise.choice([0o600, 0o644, 0o755]))
        # Last: a file that was left half written has another time, and is written again.
        os.utime(path, ns=(time, time))
    link, other = folder / "link", folder / "d2" / "another name"
    link.unlink(missing_ok=True)
    link.symlink_to(f"d0/{step % 10}.dat")
    if not other.exists():
        other.hardlink_to(folder / "d1" / "1.dat")
    for path in (link, *(folder / f"d{number}" for number in range(3)), folder):
        os.utime(path, ns=(step * 10**9, step * 10**9), follow_symlinks=False)


class Journal:
    """What is about to be done, and what was done."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def say(self, **line: object) -> None:
        """Write a line, and return when nothing can undo it."""
        os.write(self._fd, json.dumps(line).encode() + b"\n")
        os.fsync(self._fd)


def _tell_of_activity(archive: Archive, folder: Path, step: int, log: Journal, chance: random.Random) -> None:
    """Record an activity that used a file of a step's folder and made another, often as one before did."""
    used, made = (f"d{number % 3}/{number}.dat" for number in chance.sample(range(10), 2))
    # Listening would be to this process's own journal as well.
    activity = archive.activity(f"step {step}", dataset=folder.name, source=folder, listen=False)
    log.say(event="records", activity=activity.id, used=used, made=made)
    with activity:
        log.say(event="works", activity=activity.id)
        activity.used(folder / used)
        activity.generated(folder / made)
    log.say(event="recorded", activity=activity.id)


def _warm_up() -> None:
    """Record something elsewhere: what is found out once in a life would be most of a short one."""
    from holotype import lake

    activities: Any = import_module("holotype.lake.activity")
    # Asking git takes longer than all the rest.
    activities.git_state = lambda folder: None
    with lake.create("memory://warming-up").activity("warm up", listen=False):
        pass


def _tell_of_helpers(log: Journal) -> None:
    """Say so whenever a helper is there."""
    helpers: Any = import_module("holotype.lake.storing.helpers")
    start = helpers.Helpers._helper

    def starting(self: object) -> Any:
        helper = start(self)
        if helper is not None:
            log.say(event="is helped")
        return helper

    helpers.Helpers._helper = starting


def main(url: str, options: dict[str, Any], folder: str, journal: str, seed: int, *, helped: bool = False) -> None:
    """Work until killed."""
    from holotype import lake  # whoever wants only the folders need not load it

    if helped:
        assisted: Any = import_module("holotype.lake.storing.assisted")
        assisted.MANY = assisted.ENOUGH = 1
    log, chance = Journal(Path(journal)), random.Random(seed)
    _tell_of_helpers(log)
    _warm_up()
    archive = lake.open(url, storage_options=options)
    log.say(event="ready", process=os.getpid())
    step = seed * 1000
    while True:
        step += 1
        dataset = chance.choice(DATASETS)
        make_folder(Path(folder) / dataset, step)
        if chance.random() < 0.6:
            _tell_of_activity(archive, Path(folder) / dataset, step, log, chance)
        log.say(event="backs up", dataset=dataset, step=step)
        made = archive.backup(Path(folder) / dataset, dataset=dataset, message=str(step))
        log.say(event="committed", snapshot=made.name, digest=made.id)
        if chance.random() < 0.5:
            numbers = archive.snapshots(dataset)["number"].to_list()
            names = [f"{dataset}@{number}" for number in sorted(numbers)[:-_KEPT]]
            if names:
                log.say(event="forgets", snapshots=names)
                archive.forget(*names)
                log.say(event="forgot", snapshots=names)
        if chance.random() < 0.4:
            log.say(event="collects")
            # Whoever died before this one is known to be dead, so what it left is taken away at once.
            archive.collect(repack_below=chance.choice([0, 0.5, 1]), dead_after=timedelta(0))
            log.say(event="collected")


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
