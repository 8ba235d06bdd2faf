"""Runs that a seed decides: who is there, who does what, in which order, which calls fail, and who dies.

``play(stage, seed)`` is always the same run for the same seed.
"""

from __future__ import annotations

import logging
import random
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import pytest

from holotype.catalog import Entry
from holotype.catalog.provenance.checking import check
from holotype.catalog.segments import decode
from holotype.lake.executing import Inline
from holotype.lake.retention.sweep import pack_of

from ...catalog.faults import CHANGES, Crash
from ..crashes.everywhere import strangers
from ..recorded import said_in
from .people import Person, collects, compacts, forgets, keeps, looks, reads, recovers, restores, verifies
from .scheduler import FATES, FINE, Scheduler
from .tellers import asks, tells
from .world import FOLDERS, World

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa
    from typing_extensions import Buffer

    from .people import Deed
    from .scheduler import Call, Fate, Step
    from .world import Stage

__all__ = ["TELLING", "Played", "conditions", "play", "settle"]

TELLING = 100_000
"""From this seed on there are also people who record what they do, and who ask what was recorded."""

# Weighted: what builds on what goes away has to meet often.
_DATASETS = {"cells": 3, "genes": 2, "new": 1}
_NAMES = {"cells@1": 1, "cells@2": 4, "genes@1": 3, "genes@2": 1, "cells@3": 1, "genes@3": 1, "new@1": 1}
# Minutes between two looks at a clock: some work for hours.
_STEPS = (1e-6, 1, 15)
_HOURS_OFF = (0, 0, -30, -0.5, 0.5, 5, 40)


@dataclass(frozen=True)
class Played:
    """A run: what was done, what is wrong (nothing, if all is well), and what each actor was."""

    seed: int
    trace: tuple[Step, ...] = field(repr=False)
    broken: tuple[str, ...]
    cast: tuple[str, ...]
    deaths: int


class Storm:
    """Decides by chance.

    Either whoever ran last goes on with the probability ``_patience``, or the one goes on who comes first in an order
    that changes a few times only: that finds what needs somebody to stand still for long, in few runs.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"storm {seed}")
        self._patience = self._random.choice((0.5, 0.8, 0.93, None, None))
        self._changes = {self._random.randrange(200) for _ in range(self._random.randrange(1, 6))}
        self._order: dict[str, float] = {}
        self._fault = self._random.choice((0.0, 0.0, 0.01, 0.03))
        self._deadly = self._random.choice((0.0, 0.0, 0.005))
        self._last = ""
        self._steps = 0

    def choose(self, waiting: Mapping[str, Call]) -> str:
        self._steps += 1
        if self._patience is None:
            for name in waiting:
                self._order.setdefault(name, self._random.random())
            if self._steps in self._changes and self._last in self._order:
                self._order[self._last] -= 1
            self._last = max(waiting, key=lambda name: self._order[name])
        elif self._last not in waiting or self._random.random() >= self._patience:
            self._last = self._random.choice(list(waiting))
        return self._last

    def fate(self, actor: str, call: Call) -> Fate:
        if not self._fault and not self._deadly:
            return FINE
        changes = call.kind in CHANGES
        # There are ten times as many calls that only read, and less can go wrong with them.
        chance = self._random.random() / (5 if changes else 1)
        if chance >= self._fault + self._deadly:
            return FINE
        told = "error" if chance < self._fault else "dies"
        return self._random.choice([f for f in FATES if f.told == told and (changes or f.done == "never")])


_remembered = lru_cache(maxsize=4096)(decode)


def _decoded(data: Buffer, columns: tuple[str, ...] | None) -> pa.Table:
    return _remembered(bytes(data), columns)


_entry = staticmethod(lru_cache(maxsize=1024)(Entry.decode))


@contextmanager
def conditions(*, checkpoint_every: int = 32, checkpoint_bytes: int = 1 << 30) -> Iterator[None]:
    """What runs have in common: each actor is on a machine of its own, and nobody tells of what fails.

    ``checkpoint_every``: commits between checkpoints of the log.  ``checkpoint_bytes``: after so many a backup commits
    what it has stored.
    """
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with strangers(), pytest.MonkeyPatch.context() as patch:
            # What depends on bytes alone is the same in every run, and need not be worked out anew each time.
            patch.setattr("holotype.catalog.segments.decode", _decoded)
            patch.setattr("holotype.catalog.log.Entry.decode", _entry)
            patch.setattr("holotype.catalog.catalog.CHECKPOINT_EVERY", checkpoint_every)
            patch.setattr("holotype.lake.storing.ledger.CHECKPOINT_BYTES", checkpoint_bytes)
            yield
    finally:
        logging.disable(disabled)


def play(stage: Stage, seed: int, scratch: Path) -> Played:
    """Let people loose upon the archive; then see that all is well, and that a collection takes away what they left."""
    chance = random.Random(f"cast {seed}")
    with conditions(checkpoint_every=chance.choice((4, 32)), checkpoint_bytes=chance.choice((1, 1 << 30))):
        scheduler = Scheduler(Storm(seed))
        world = World(
            stage.telling if seed >= TELLING else stage,
            scheduler,
            names=f"names {seed}",
            patient=chance.random() < 0.5,
            distant=random.Random(f"place {seed}").random() < 0.5,
            compact_above=chance.choice((2, 64, None)),
        )
        people = _people(world, chance, scratch)
        if seed >= TELLING:
            people += _tellers(world, random.Random(f"provenance {seed}"), scratch, hasty=people[0].hasty)
        scheduler.run({person.name: person for person in people})
        _judge(world, scheduler)
        settle(world, scratch)
        deaths = sum(isinstance(error, Crash) for error in scheduler.errors.values())
        return Played(
            seed,
            tuple(scheduler.trace),
            tuple(world.witness.broken),
            tuple(person.name for person in people),
            deaths,
        )


def _people(world: World, chance: random.Random, scratch: Path) -> list[Person]:
    """Two to six of them, a collector always among them."""
    patient = chance.random() < 0.4
    dead_after = timedelta(days=1) if patient else timedelta(minutes=chance.choice((0, 20)))
    roles = ["collector", *(_weighted(chance, _ROLES) for _ in range(chance.choice((1, 2, 2, 2, 3, 5))))]
    people = []
    for number, role in enumerate(roles):
        deeds = [_deed(role, chance, dead_after) for _ in range(chance.choice((1, 1, 2)))]
        clock = world.clock()
        if not patient:
            clock = world.clock(minutes=chance.choice(_STEPS), hours=chance.choice(_HOURS_OFF))
        people.append(Person(f"{role} {number}", world, clock, deeds, scratch, hasty=not patient))
    return people


def _tellers(world: World, chance: random.Random, scratch: Path, *, hasty: bool) -> list[Person]:
    """One to five more, most of whom record what they do; often they do the same."""
    people = []
    for number in range(chance.choice((1, 2, 2, 3, 3, 5))):
        role = "asker" if number and chance.random() < 0.3 else "teller"
        deeds = [_telling(role, chance) for _ in range(chance.choice((1, 1, 2, 3)))]
        clock = (
            world.clock() if not hasty else world.clock(minutes=chance.choice(_STEPS), hours=chance.choice(_HOURS_OFF))
        )
        people.append(Person(f"{role} {number}", world, clock, deeds, scratch, hasty=hasty))
    return people


def _telling(role: str, chance: random.Random) -> Deed:
    dataset, folder = _weighted(chance, _DATASETS), chance.choice((1, 2, 14))
    if role == "asker":
        return asks(dataset, folder, chance.choice(_TOLD))
    used = chance.sample(_TOLD, chance.choice((0, 1, 1, 2)))
    return tells(dataset, folder, used, chance.sample(_TOLD, chance.choice((0, 1, 1, 2))))


# The files that people tell of, few enough for them to meet.
_TOLD = ("03", "05", "07", "09")
_ROLES = {"writer": 6, "forgetter": 3, "recoverer": 2, "collector": 2, "compactor": 1, "reader": 2}


def _weighted(chance: random.Random, weights: Mapping[str, int]) -> str:
    return chance.choices(list(weights), weights=list(weights.values()))[0]


def _deed(role: str, chance: random.Random, dead_after: timedelta) -> Deed:
    name = _weighted(chance, _NAMES)
    match role:
        case "writer":
            return keeps(_weighted(chance, _DATASETS), chance.choice(FOLDERS))
        case "forgetter":
            return forgets(*sorted({_weighted(chance, _NAMES) for _ in range(chance.choice((1, 1, 2)))}))
        case "recoverer":
            return recovers(chance.choice(("cells@1", "genes@2", name)))
        case "collector":
            return collects(dead_after, repack_below=chance.choice((0, 0.5, 1)))
        case "compactor":
            return compacts()
        case _:
            paths = [f"{chance.randrange(20):02}" for _ in range(2)]
            ways = (looks(), reads(name, paths), restores(name), verifies(full=True), verifies(full=False))
            return chance.choices(ways, weights=(3, 4, 2, 1, 1))[0]


def _judge(world: World, scheduler: Scheduler) -> None:
    """What has to hold when everybody has ended."""
    broken = world.witness.broken
    for name, error in scheduler.errors.items():
        if not isinstance(error, Crash):
            broken.append(f"{name} ended with {error!r}")
    for entry in world.confirmed:
        if world.witness.write_ids.get(entry.write_id) != entry.version:
            broken.append(f"version {entry.version} was confirmed, and is another commit's")


def settle(world: World, scratch: Path) -> None:
    """Open the archive as one who comes later: all is sound, and collecting takes away what nobody needs."""
    witness = world.witness
    if witness.broken:
        return
    late = world.clock(days=30)
    last = Person("last", world, late, (), scratch)
    archive = world.archive(last.name, late)
    before = dict(witness.moments[-1].live)
    for _ in range(2):
        late.later(days=3)
        archive.collect(repack_below=0)
    document = archive.provenance.document()
    if not witness.histories[-1] <= said_in(document):  # what is known of snapshots is beside it
        last.complain("a document has not all that was recorded")
    if wrong := check(document):
        last.complain(f"what was recorded cannot be true: {[each.message for each in wrong]}")
    report = archive.verify(executor=Inline())
    if not report.ok:
        last.complain(f"verify found damage: {report.findings}")
    rows = archive.snapshots().select("dataset", "number", "snapshot").iter_rows()
    found = {f"{dataset}@{number}": digest for dataset, number, digest in rows}
    if found != before:
        last.complain(f"{sorted(before)} were live, and {sorted(found)} are listed")
    stored = {key for key in world.storage.objects if key.startswith(("packs/", "tables/"))}
    packs = set(archive.read("packs")["pack"].to_pylist())
    tables = {key for key in stored if key.startswith("tables/")}
    if lying := {key for key in stored - tables if pack_of(key) not in packs} | (tables - witness.segments()):
        last.complain(f"nobody needs what still lies there: {sorted(lying)}")
