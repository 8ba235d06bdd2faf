"""Records that follow: what runs owe to an archive is kept when they are over, and again until the archive has it.

Work never waits for an archive, and no run fails for one.  That a run owes something lies beside it in a file from when
it begins until it is kept; so whoever works at the site next, after whatever had happened, finds it there::

    runs/<run>/owed     {"archive": "5d41402a…"}
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from holotype.catalog import AccessError, ArchiveReadOnly, Conflict, HolotypeError, InvalidOption, TransientError

from ..running.durable import settle, settle_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from holotype.lake import Archive

    from ..running.run import Run
    from .keeping import Archived

__all__ = ["PAUSES", "Following", "refuse_read_only"]

# Seconds until it is tried again, longer each time; and how many of these are waited for when there is nothing else to
# do.
PAUSES, _WAITED = (1.0, 5.0, 30.0, 120.0, 600.0), 2
# Seconds in which an archive has to say that it cannot be written to; longer nothing waits for it.
_ANSWERS = 10.0
_SCHEMA = {"run": pl.String(), "archive": pl.String(), "tries": pl.Int64(), "why": pl.String()}


@dataclass
class _Owed:
    """What a run owes: to which archive, how often that was tried in vain, when it may be tried again, and why not."""

    archive: Archive
    tries: int = 0
    since: float = 0.0
    why: str = ""
    given_up: bool = False
    again: bool = False
    promised: Future[Archived] | None = None


class Following:
    """What the runs of a site owe.  It belongs to one thread; what takes long is done by another.

    ``site``: its folder.  ``archive``: who all of it is owed to, where nobody says otherwise.  ``pauses``: seconds
    until it is tried again, the last of them from then on.
    """

    def __init__(
        self,
        site: Path,
        archive: Archive | None = None,
        *,
        clock: Callable[[], float] = time.time,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        self._site, self._archive, self._clock = site, archive, clock
        self._pauses = pauses
        self._whose: dict[str, Archive] = {}
        self._owed: dict[str, _Owed] = {}
        self._left: dict[str, _Owed] = {}  # by runs that are not in hand
        self._pool: ThreadPoolExecutor | None = None
        self._written: set[Archive] = set()

    def check(self, archive: Archive | None = None) -> None:
        """Find out whether what a run will owe to ``archive``, by default to the one that all do, could be kept there.

        One that cannot be reached, or does not answer in time, may be back when the run is over.  Raises
        ``ArchiveReadOnly`` or ``StorageDenied`` where it cannot be written to.
        """
        archive = archive or self._archive
        if archive is None or archive in self._written:
            return
        refuse_read_only(archive)
        pool = ThreadPoolExecutor(1, "holotype-archive")
        try:
            pool.submit(archive.try_writing).result(timeout=_ANSWERS)
        except AccessError as error:
            raise type(error)(f"the archive could not keep what is made: {error}", **error.about) from error
        except (HolotypeError, OSError):
            return
        finally:
            pool.shutdown(wait=False)
        self._written.add(archive)

    def owe(self, run: Run, archive: Archive | None = None) -> None:
        """From now on the run owes its records to ``archive``, by default to the one that all do; if there is one."""
        archive = archive or self._whose.get(run.name) or self._archive
        if archive is None:
            return
        self._whose[run.name] = archive
        marker = run.folders.whole / "owed"
        new = marker.with_suffix(".new")
        new.write_text(json.dumps({"archive": archive.id}), encoding="utf-8")
        settle(new)
        new.replace(marker)
        settle_folder(marker.parent)
        if (owed := self._owed.setdefault(run.name, _Owed(archive))).promised is not None:
            owed.again = True

    def take_up(self, run: Run) -> None:
        """A run is gone on with: whether it owes something to the archive is seen by its journal, and by what lies
        beside it: something may have happened since it was told of.
        """
        if self._archive is None:
            return
        self._left.pop(run.name, None)
        if run.progress.archived != self._archive.id or _to_whom(run.folders.whole / "owed") == self._archive.id:
            self.owe(run)

    def leave(self, run: Run) -> None:
        """A run is in hand no more: what is being told of it is told, and what it owes then is left beside it."""
        owed = self._owed.get(run.name)
        if owed is not None and owed.promised is not None:
            wait((owed.promised,))
            self._settled(run, owed)
        owed = self._owed.pop(run.name, None)
        self._whose.pop(run.name, None)
        if owed is not None:
            self._left[run.name] = _Owed(owed.archive, owed.tries, why=owed.why, given_up=bool(owed.tries))

    def begin(self, runs: Iterable[str]) -> None:
        """Somebody works at the site: what was given up is tried anew, and so is what runs owe that nobody has in hand,
        of which ``runs`` are not.
        """
        # Of what nobody has in hand that which could be told: the others are not over, as a rule.
        for owed in (*self._owed.values(), *(each for each in self._left.values() if each.tries)):
            owed.tries, owed.since, owed.given_up = 0, 0.0, False
        if self._archive is None:
            return
        in_hand = {*runs}
        for marker in sorted(self._site.glob("runs/*/owed")):
            name = marker.parent.name
            if name not in in_hand and name not in self._left and _to_whom(marker) == self._archive.id:
                self._left[name] = _Owed(self._archive)

    def look(self, runs: Mapping[str, Run]) -> bool:
        """Have kept what can be; whether anything has happened."""
        moved = False
        for name, owed in list(self._owed.items()):
            run = runs.get(name)
            if run is not None and run.progress.over:
                moved |= self._settled(run, owed) if owed.promised is not None else self._tried(run, owed)
        for name, owed in list(self._left.items()):
            if owed.promised is None and not owed.given_up:
                owed.promised = self._pooled().submit(_keep_left, self._site / "runs" / name, owed.archive)
                moved = True
            elif owed.promised is not None and owed.promised.done():
                self._settled_left(name, owed)
                moved = True
        return moved

    def pause(self, runs: Mapping[str, Run]) -> float | None:
        """Seconds until there is something to see; nothing where nothing is waited for."""
        over = [owed for name, owed in self._owed.items() if name in runs and runs[name].progress.over]
        if any(owed.promised is not None for owed in (*over, *self._left.values())):
            return 0.0
        waits = [owed.since for owed in over if not owed.given_up and owed.tries <= _WAITED]
        return max(0.0, min(waits) - self._clock()) if waits else None

    def owed(self) -> pl.DataFrame:
        """What is owed: ``run``, ``archive`` (its id), ``tries`` in vain, and ``why`` the last one was."""
        rows = [
            {"run": name, "archive": owed.archive.id, "tries": owed.tries, "why": owed.why}
            for name, owed in sorted({**self._left, **self._owed}.items())
        ]
        return pl.DataFrame(rows, schema=_SCHEMA)

    def close(self, runs: Mapping[str, Run]) -> None:
        """Leave it, when what is under way is done."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
        for name, owed in list(self._owed.items()):
            if owed.promised is not None and not owed.promised.cancelled() and name in runs:
                self._settled(runs[name], owed)

    def _pooled(self) -> ThreadPoolExecutor:
        self._pool = self._pool or ThreadPoolExecutor(1, "holotype-archive")
        return self._pool

    def _tried(self, run: Run, owed: _Owed) -> bool:
        if owed.given_up or owed.since > self._clock():
            return False
        run.measure(self._clock())
        run.write()
        owed.promised = self._pooled().submit(_keep, run, owed.archive)
        return True

    def _settled(self, run: Run, owed: _Owed) -> bool:
        """Take note of what came of it, once that is known."""
        assert owed.promised is not None
        if not owed.promised.done():
            return False
        promised, owed.promised = owed.promised, None
        try:
            found = promised.result()
        except (HolotypeError, OSError) as error:
            self._failed(run, owed, error)
            return True
        from .keeping import archived_event

        run.say([archived_event(found, owed.archive, self._clock())])
        run.costs.add(found.seconds)
        run.write()
        if owed.again:  # something has happened since
            owed.again = False
            return True
        _forget(run.folders.whole)
        del self._owed[run.name]
        return True

    def _failed(self, run: Run, owed: _Owed, error: HolotypeError | OSError) -> None:
        why = str(error)
        if why != owed.why:
            event = {"what": "unarchived", "time": self._clock(), "archive": owed.archive.id, "why": why}
            run.say([event])
            run.write()
        owed.why, owed.tries = why, owed.tries + 1
        owed.since = self._clock() + self._pauses[min(owed.tries, len(self._pauses)) - 1]
        # What would be refused again is not asked for again.
        owed.given_up = not isinstance(error, TransientError | OSError)

    def _settled_left(self, name: str, owed: _Owed) -> None:
        assert owed.promised is not None
        promised, owed.promised = owed.promised, None
        owed.given_up = True
        try:
            promised.result()
        except Conflict:
            del self._left[name]  # it is in somebody's hands, who sees to it
        except InvalidOption as error:
            owed.why = str(error)  # it is not over, as a rule
        except (HolotypeError, OSError) as error:
            owed.why, owed.tries = str(error), owed.tries + 1
        else:
            del self._left[name]


def refuse_read_only(archive: Archive | None) -> None:
    """Raise ``ArchiveReadOnly`` where an archive was opened so: it could keep nothing of any run."""
    if archive is not None and archive.read_only:
        what = "was opened for reading only, and keeps nothing of a run: open it without read_only="
        raise ArchiveReadOnly(f"the archive at {archive.url} {what}", url=archive.url)


def _keep(run: Run, archive: Archive) -> Archived:
    # Who has no archive has no use for what this takes to import.
    from .facts import run_facts
    from .keeping import keep_run

    return keep_run(run_facts(run.folder(), workflow=run.order.workflow), archive)


def _keep_left(folder: Path, archive: Archive) -> Archived:
    from .keeping import archive_run

    found = archive_run(folder, archive)
    _forget(folder)
    return found


def _to_whom(marker: Path) -> str | None:
    """The id of the archive that something is owed to; nothing where the file is gone, or cut off."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads(marker.read_text(encoding="utf-8"))["archive"])
    return None


def _forget(folder: Path) -> None:
    (folder / "owed").unlink(missing_ok=True)
