"""Whichever call of a copy fails, at whichever end and in whatever way: done again, it is the whole archive.

Each call fails once, each in another way than its neighbours; of those that only read, every so many.
"""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

import pytest

from holotype.catalog import ArchiveNotFound, HolotypeError
from holotype.lake.executing import Inline

from ...catalog.faults import FAULTS, Crash, Fault
from ...effort import every
from ..making import Clock
from ..retention.interleaving import SharedStore
from .everywhere import applies
from .laboratory import open_archive
from .promise import check_history, live

if TYPE_CHECKING:
    from ...catalog.faults import FaultyStore
    from .laboratory import Laboratory

STRIDE, READING = every(1), every(6)


class Trial:
    """One copy, from and to stores in memory, of which one fails at a call."""

    def __init__(self, laboratory: Laboratory, end: str, fault: Fault) -> None:
        self.clock = Clock(laboratory.at)
        self.here, self.there = SharedStore(laboratory.objects), SharedStore()
        self.here.written = self.there.written = laboratory.at
        self._failing = fault.store(
            self.there if end == "target" else self.here, wait=lambda: self.clock.later(hours=25)
        )
        self._ends = (self.here, self._failing) if end == "target" else (self._failing, self.there)
        self.healthy = open_archive(self.here, self.clock)
        self.told = laboratory.told

    def run(self, place: int) -> FaultyStore:
        """Copy, with the fault at this call."""
        source, target = self._ends
        archive = open_archive(source, self.clock)
        self._failing.arm(place)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("holotype.lake.copying.open_store", lambda *_, **__: target)
            try:
                archive.copy("elsewhere", executor=Inline())
            except (Crash, HolotypeError):
                self.through = False
            else:
                self.through = True
        return self._failing

    def check(self) -> None:
        """Nothing half-done is seen; done again it is all there, and nothing else stays."""
        snapshots = live(self.healthy)
        try:
            begun = open_archive(self.there, self.clock)
        except ArchiveNotFound:
            assert not self.through
        else:
            assert begun.verify(workers=1).ok
            assert dict(live(begun)) in ({}, snapshots)
            assert live(begun) or not self.through
            assert check_history(begun, must=frozenset()) == (self.told if live(begun) else frozenset())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("holotype.lake.copying.open_store", lambda *_, **__: self.there)
            self.healthy.copy("elsewhere", executor=Inline())
        copy = open_archive(self.there, self.clock)
        check_history(copy, must=self.told)
        assert self.healthy.compare(copy, full=True, workers=1).equal
        for _ in range(2):
            self.clock.later(days=3)
            copy.collect()
        assert self.healthy.compare(copy, full=True, workers=1).equal
        named = {row["object"] for row in copy.read("packs").to_pylist()}
        assert named == {info.key for info in self.there.list("packs/") if not info.key.endswith("zarr.json")}


@pytest.mark.parametrize("end", ["target", "source"])
def test_done_again_it_is_the_whole_archive(laboratory: Laboratory, end: str) -> None:
    whole = Trial(laboratory, end, Fault("none"))
    there_are = list(whole.run(0).calls)
    assert whole.through
    whole.check()
    faults = cycle(FAULTS)
    for place, call in enumerate(there_are, 1):
        if place % (READING if call.startswith(("get", "size", "exists")) else STRIDE):
            continue
        # What is half of what a probe wrote says that the storage creates nothing exclusively: that is no failure.
        fault = next(each for each in faults if applies(each, call) and not (each.cut and "probes/" in call))
        trial = Trial(laboratory, end, fault)
        try:
            trial.run(place)
            trial.check()
        except BaseException as error:
            error.add_note(f"{fault.name} at call {place}, {call}")
            raise
