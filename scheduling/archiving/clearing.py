"""A run that is over, cleared from the site: what it made goes, what is known of it stays.

::

    order, journal                    stay
    results of steps between, work    go
    results that count, logs          go as well, where an archive has them
"""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from holotype.catalog import InvalidOption, SnapshotNotFound, StorageFailed

from ..checking.order import this_operator
from ..running.journal import read_events
from ..running.run import Run
from .facts import run_facts
from .keeping import note, path_in, taken_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from holotype.lake import Archive

    from ..running.journal import Event
    from ..workflow import Workflow
    from .facts import RunFacts

__all__ = ["clear_run"]


def clear_run(
    run: Run | str | os.PathLike[str],
    archive: Archive | None = None,
    *,
    workflow: Workflow | None = None,
    clock: Callable[[], float] = time.time,
) -> int:
    """Take away what a run that is over, or the one in this folder, keeps at its site; returns the bytes given back.

    Its tasks' results go, but for those of the steps that make the workflow's outputs; where ``archive`` has these, and
    what the tasks have printed, they go too.  What is known of it stays, and is asked for as before.  What other runs
    took from it they have themselves; what would have been taken from it next is made again.  Broken off, it is gone on
    with by calling it again.  ``workflow``: it itself, where no document can hold it.

    Raises ``InvalidOption`` where there is no such run, where it is not over, where another run of the site that is not
    over was given what would go, or where the archive has not all that it made; ``Conflict`` when somebody has it in
    hand, ``StorageFailed`` where something cannot be taken away, what ``run_facts`` raises, and what the archive does.
    """
    if isinstance(run, Run):
        run.write()
        facts = run_facts(run.folder(), workflow=workflow or run.order.workflow)
        run.say([_cleared(facts, archive, clock())])
        run.write()
        return _take_away(facts, everything=archive is not None)
    with taken_up(run) as folder:
        facts = run_facts(folder, workflow=workflow)
        note(folder, _cleared(facts, archive, clock()))
        return _take_away(facts, everything=archive is not None)


def _cleared(facts: RunFacts, archive: Archive | None, now: float) -> Event:
    """What the run's journal says of it, when it may be done."""
    if not facts.over:
        raise InvalidOption(f"{facts.name} is not over: what it made is still needed", option="run")
    gone = [*_between(facts), *(_counting(facts) if archive is not None else ())]
    for other in sorted(facts.folder.parent.glob("*/order.json")):
        if (path := _given(other, gone)) is not None and not _is_over(other.with_name("journal")):
            what = f"{other.parent.name} was given {path}, and is not over"
            raise InvalidOption(f"{facts.name} is not cleared: {what}", option="run")
    event: Event = {"what": "cleared", "time": now, "by": this_operator()}
    return event if archive is None else event | {"archive": archive.id, "snapshot": _held(facts, archive)}


def _given(order: Path, folders: Sequence[Path]) -> str | None:
    """A file in one of these folders that was given to a run as an input."""
    said = json.loads(order.read_text(encoding="utf-8"))
    every = [paths for sample in said["samples"] for paths in sample["files"].values()]
    for path in (path for paths in (*every, *said["shared"].values()) for path in paths):
        if any(Path(os.path.realpath(path)).is_relative_to(folder) for folder in folders):
            return str(path)
    return None


def _is_over(journal: Path) -> bool:
    """Whether a run is, as far as it has said so itself: what it says last when it is left is what it has cost."""
    if not journal.exists():
        return False
    said = [event.get("over", False) for event in read_events(journal) if event["what"] in ("measured", "resumed")]
    return bool(said and said[-1])


def _held(facts: RunFacts, archive: Archive) -> str:
    """The snapshot that has all of its results that count, as they were made, and what was printed."""
    snapshot = facts.progress.snapshot
    if snapshot is None or facts.progress.archived != archive.id or (facts.folder / "owed").exists():
        raise InvalidOption(f"the archive was not told of {facts.name} yet: keep it there first", option="archive")
    try:
        files = archive.files(snapshot).filter(kind="file").select("path", "sha256", "size")
    except SnapshotNotFound as error:
        raise InvalidOption(f"the archive has {snapshot} no more: {error}", option="archive") from error
    made = pl.DataFrame(facts.tables["task_files"]).filter(direction="made").select("path", "digest").rows()
    digests = {path_in(path, facts.folder): digest for path, digest in made}
    held = {path: (digest, size) for path, digest, size in files.rows()}
    for path in _files(facts, _counting(facts)):
        # Of what was printed nobody has a digest; it only ever grows.
        here = digests.get(path) or (facts.folder / path).lstat().st_size
        if here not in held.get(path, ()):
            raise InvalidOption(f"{snapshot} has not {path} as it was made: keep the run anew", option="archive")
    return snapshot


def _between(facts: RunFacts) -> Iterator[Path]:
    """The folders of what tasks have made for one another, or have left behind."""
    yield facts.folder / "work"
    yield from (each for each in _results(facts.folder) if each.name not in facts.last)


def _counting(facts: RunFacts) -> Iterator[Path]:
    """The folders of what counts, and of what was printed."""
    yield facts.folder / "logs"
    yield from (each for each in _results(facts.folder) if each.name in facts.last)


def _results(folder: Path) -> list[Path]:
    return sorted((*folder.glob("results/run/*"), *folder.glob("results/samples/*/*")))


def _files(facts: RunFacts, folders: Iterable[Path]) -> Iterator[str]:
    for folder in folders:
        for where, _, names in os.walk(folder):
            yield from (os.path.relpath(os.path.join(where, name), facts.folder).replace(os.sep, "/") for name in names)


def _take_away(facts: RunFacts, *, everything: bool) -> int:
    """The bytes that nothing else has."""
    given_back = 0
    for folder in (*_between(facts), *(_counting(facts) if everything else ())):
        for path in _files(facts, (folder,)):
            found = (facts.folder / path).lstat()
            given_back += found.st_size if found.st_nlink == 1 else 0
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            continue
        except OSError as error:
            what = f"{error.filename or folder} cannot be taken away: {error.strerror or error}"
            raise StorageFailed(what, path=folder) from error
    return given_back
