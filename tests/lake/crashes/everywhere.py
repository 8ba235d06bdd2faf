"""A verb with a fault at any of its calls to the storage, and what is proven afterwards."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Literal

import pytest

from holotype.catalog import ArchiveExists, ArchiveNotFound, HolotypeError
from holotype.lake.records.index import Known
from holotype.lake.retention.sweep import pack_of

from ...catalog.faults import Crash, Fault
from ..making import Clock
from ..retention.interleaving import SharedStore
from ..surroundings import plain_surroundings
from .laboratory import Bench, create, open_archive
from .promise import Broken, check_history, check_snapshots

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from holotype.lake import Archive
    from holotype.lake.context import Context

    from .laboratory import Laboratory
    from .verbs import Verb

    # It went through all the same, the caller was told, or the process died.
    Outcome = Literal["through", "told", "died"]

__all__ = ["applies", "calls", "strangers", "with_fault"]

# Longer than after which a writer of another machine is taken for dead.
_HANG = 25


@contextmanager
def strangers() -> Iterator[None]:
    """Whoever opens a session does it on a machine of its own, so that nobody sees that this process lives on.

    Nor do workers keep what they know of an archive: copies of one archive part here, which share its id.  Activities
    take place in surroundings that are always the same.
    """
    machines = (f"node{n}" for n in count())
    with plain_surroundings(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("holotype.lake.retention.sessions.machine_here", lambda: next(machines))
        patch.setattr("holotype.lake.storing.deputies._stored", _nothing_kept)
        yield


def _nothing_kept(context: Context, place: object, version: int) -> Known:
    del place, version
    return Known(context.catalog, state=context.catalog.state)


def applies(fault: Fault, call: str) -> bool:
    """Whether a call can fail in this way, and not only as in another."""
    return call.partition(" ")[0] in fault.begins


def calls(laboratory: Laboratory, verb: Verb, scratch: Path) -> list[str]:
    """The calls that a verb makes when nothing fails; raises ``Broken`` when it does not even work then."""
    tried = _Try(laboratory, verb, Fault("none"), scratch, thorough=True)
    if tried.run(0) != "through":
        raise Broken(f"{verb.name} fails where nothing does")
    tried.check("through")
    return list(tried.faulty.calls)


def with_fault(
    laboratory: Laboratory, verb: Verb, fault: Fault, place: int, scratch: Path, *, thorough: bool = True
) -> Outcome:
    """Do it with the fault at the call number ``place``, and prove the promise; raises ``Broken``.

    ``thorough``: restore every snapshot each time, not only those that are new.
    """
    tried = _Try(laboratory, verb, fault, scratch, thorough=thorough)
    outcome = tried.run(place)
    tried.check(outcome)
    return outcome


class _Try:
    """One verb, one fault, one copy of the archive."""

    def __init__(self, laboratory: Laboratory, verb: Verb, fault: Fault, scratch: Path, *, thorough: bool) -> None:
        self._laboratory, self._verb, self._scratch = laboratory, verb, scratch
        self._thorough = thorough
        self._restored: set[str] = set() if thorough else {*laboratory.committed.values()}
        self._told = laboratory.told
        self._clock = Clock(laboratory.at)
        self._inner = SharedStore({} if verb.empty else laboratory.objects)
        self._inner.written = laboratory.at
        self.faulty = fault.store(self._inner, wait=lambda: self._clock.later(hours=_HANG))

    def run(self, place: int) -> Outcome:
        """Do it, the fault at this call."""
        bench = Bench(self._laboratory, self.faulty, self._clock, self._scratch)
        if self._verb.opened:
            _ = bench.archive
        self.faulty.arm(place)
        try:
            given = self._verb.act(bench)
        except Crash:
            return "died"
        except HolotypeError:
            return "told"
        except Broken:
            raise
        except Exception as error:
            raise Broken(f"an error of something else comes through: {error!r}") from error
        return "told" if given is False else "through"

    def check(self, outcome: Outcome) -> None:
        """Prove that all is there, that the work can be done again, and that nothing of the first try stays."""
        if self._verb.empty:
            self._check_creation(outcome)
            return
        if outcome == "through" and not self._verb.done(self._anew()):
            raise Broken("it was confirmed, and is not there")
        if self._inner.objects == self._laboratory.objects:
            return  # nothing has happened: all that is proven of the archive was proven before
        self._snapshots()
        self._verb.act(self._anew())
        if not self._verb.done(self._anew()):
            raise Broken("it was done again, and is not there")
        self._tidy_up()
        self._snapshots()

    def _check_creation(self, outcome: Outcome) -> None:
        try:
            archive = open_archive(self._inner, self._clock)
        except ArchiveNotFound:
            if outcome == "through":
                raise Broken("it was confirmed, and is not there") from None
            archive = create(self._inner, self._clock)
        archive.backup(self._laboratory.folder / "new", dataset="new", workers=0)
        check_snapshots(
            archive, must={}, may=lambda name: name == "new@1", tree=self._laboratory.tree, scratch=self._scratch
        )
        with pytest.raises(ArchiveExists):
            create(self._inner, self._clock)

    def _anew(self) -> Bench:
        """As a process that begins now sees it."""
        return Bench(self._laboratory, self._inner, self._clock, self._scratch)

    def _snapshots(self) -> None:
        changes, committed = self._verb.changes, self._laboratory.committed
        found = check_snapshots(
            self._anew().archive,
            must={name: digest for name, digest in committed.items() if name not in changes},
            may=lambda name: name in changes,
            tree=self._laboratory.tree,
            scratch=self._scratch,
            restored=self._restored,
        )
        if not self._thorough:
            self._restored |= {*found.values()}
        # What was recorded once, by a try that failed as well, has to stay.
        self._told = check_history(self._anew().archive, must=self._told)

    def _tidy_up(self) -> None:
        """Collect until what the dead left behind is old enough to go."""
        archive = self._anew().archive
        for _ in range(2):
            self._clock.later(days=3)
            archive.collect()
        stored = {pack_of(info.key) for info in self._inner.list("packs/")}
        if stored != (named := _packs(archive)):
            raise Broken(f"packs stay that nobody needs, or are gone: {stored ^ named}")


def _packs(archive: Archive) -> set[str]:
    return set(archive.read("packs")["pack"].to_pylist())
