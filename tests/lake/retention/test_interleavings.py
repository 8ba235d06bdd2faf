"""Whatever the order in which people write, forget, recover and collect, and whoever dies: what is live is there."""

from __future__ import annotations

import os
import random
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import Conflict, ObjectMissing, SnapshotNotFound
from holotype.lake.collect import collect
from holotype.lake.context import Context
from holotype.lake.executing import Inline
from holotype.lake.forget import forget
from holotype.lake.records.snapshots import snapshots
from holotype.lake.schema import TABLES
from holotype.lake.sync import sync
from holotype.lake.trash import recover

from ...effort import share
from ..making import Clock, contents, keep, new_archive
from .interleaving import Died, QuickCatalog, Scheduler, SharedStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..making import Check

# What may end an actor besides its own success: it lost, or looked at what was gone meanwhile.
LOST = (Conflict, ObjectMissing, SnapshotNotFound)
CLOCK = Clock()


@cache
def beginning(kind: str) -> dict[str, bytes]:
    """An archive with a snapshot of two files, whose chunks lie apart or together.

    Or of its two snapshots the first is forgotten, and half of the pack with it.
    """
    store = SharedStore()
    new_archive(store, clock=CLOCK)
    archive = Context(store, QuickCatalog.open(store, tables=TABLES, clock=CLOCK), "ada", CLOCK)
    files = {"a": [b"chunk a" * 9], "b": [b"chunk b" * 9]}
    keep(archive, "cells", files, chunks_to_a_pack=1 if kind == "apart" else 2)
    if kind == "half forgotten":
        keep(archive, "cells", {"a": files["a"]})
        forget(archive, snapshots=["cells@1"])
    return store.objects


@cache
def elsewhere() -> Context:
    """Another archive, whose snapshot shares a chunk with that one."""
    store = SharedStore()
    new_archive(store, clock=CLOCK)
    archive = Context(store, QuickCatalog.open(store, tables=TABLES, clock=CLOCK), "eve", CLOCK)
    keep(archive, "brought", {"x": [b"chunk a" * 9], "y": [b"chunk d" * 9]}, chunks_to_a_pack=1)
    return archive


@dataclass
class Play:
    """One interleaving: its store, what went on, and the check that every writer's commit gets."""

    store: SharedStore
    scheduler: Scheduler
    writers: dict[str, Any]
    collectors: dict[str, Any]

    def context(self, author: str) -> Context:
        return Context(self.store, QuickCatalog.open(self.store, tables=TABLES, clock=CLOCK), author, CLOCK)

    def writes(self, author: str, dataset: str, files: dict[str, list[bytes]]) -> Callable[[], object]:
        return lambda: keep(self.context(author), dataset, files, chunks_to_a_pack=1, looks=3, **self.writers)

    def forgets(self) -> None:
        forget(self.context("forgetter"), snapshots=["cells@1"])

    def recovers(self) -> None:
        recover(self.context("recoverer"), "cells@1")

    def collects(self) -> None:
        collect(self.context("collector"), **self.collectors)

    def brings(self) -> None:
        sync(elsewhere(), self.context("bringer"), executor=Inline())

    def lost(self) -> list[str]:
        """What a live snapshot needs and nobody finds."""
        self.store.give_way = lambda call: None
        found = self.context("reader")
        missing = []
        for row in snapshots(found).to_pylist():
            try:
                contents(found, row["snapshot"])
            except (ObjectMissing, KeyError) as error:
                missing.append(f"{row['dataset']}@{row['number']}: {error!r}")
        return missing


def play(seed: int, *, only: tuple[str, ...] = (), **writers: Any) -> Play:
    """Let writers, a forgetter, a recoverer and collectors loose upon the archive of ``beginning``, or ``only`` some
    of them."""
    chance = random.Random(seed)
    scheduler = Scheduler(seed, patience=chance.choice([0.5, 0.8, 0.93]), deadly=chance.choice([0, 0, 0.02]))
    store = SharedStore(beginning(chance.choice(["apart", "together", "half forgotten"])))
    # What nobody names yet is taken for abandoned or is not; what was moved goes at once or stays for readers.
    store.written += timedelta(days=chance.choice([-9, 9, 9, 9]))
    repacking = {"repack_below": chance.choice([0, 1]), "dead_after": timedelta(days=chance.choice([0, 1]))}
    now = Play(store, scheduler, writers, repacking)
    store.give_way = scheduler.give_way
    a, b, c = ([f"chunk {name}".encode() * 9] for name in "abc")
    everybody: dict[str, Callable[[], object]] = {
        "writer of cells": now.writes("ann", "cells", chance.choice([{"a": a, "b": b, "c": c}, {"a": a, "c": c}])),
        "writer of others": now.writes("ben", "others", chance.choice([{"x": a}, {"x": c}, {"x": a, "y": b}])),
        "forgetter": now.forgets,
        "recoverer": now.recovers,
        "second collector": now.collects,
    }
    # Few actors meet in more ways than many do in as many seeds.
    names = only or chance.sample(sorted(everybody), chance.choice([1, 2, 2, 3, 5]))
    everybody["bringer"] = now.brings  # who is asked for by name
    scheduler.run({"collector": now.collects, **{name: everybody[name] for name in names}})
    return now


@contextmanager
def guessing(seed: int) -> Iterator[None]:
    """Who is dead is anybody's guess."""
    chance = random.Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("holotype.lake.retention.garbage.taken_for_dead", lambda row, **about: chance.random() < 0.5)
        yield


def first_loss(seeds: range, **writers: Any) -> tuple[int, list[str]] | None:
    """The first seed in which something is lost, with what."""
    for seed in seeds:
        with guessing(seed):
            end = play(seed, **writers)
            odd = {name: error for name, error in end.scheduler.errors.items() if not isinstance(error, (*LOST, Died))}
            assert not odd, (seed, odd)
            if lost := end.lost():
                return seed, [*end.scheduler.steps, *lost]
            collect(end.context("last"), **end.collectors)
            if lost := end.lost():
                return seed, [*end.scheduler.steps, "a last collection", *lost]
    return None


def no_check(*asked: object, **more: object) -> Check:
    """The check of a writer, or of a collector, that does not look again before it commits."""
    return lambda since, present: None


# More seeds: HOLOTYPE_SEEDS=20000 pytest tests/lake/retention/test_interleavings.py
SEEDS = int(os.environ.get("HOLOTYPE_SEEDS", share(200)))


def test_nothing_live_is_ever_lost() -> None:
    assert first_loss(range(SEEDS)) is None


# Each flaw is found within a few hundred seeds; the search begins where it takes least time.


def test_it_would_be_lost_if_writers_did_not_look_again() -> None:
    assert first_loss(range(25, 1000), check=no_check)


def test_it_would_be_lost_if_collectors_did_not_look_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holotype.lake.collect._collector_check", no_check)
    assert first_loss(range(45, 2000), only=("writer of others", "forgetter"))


def test_it_would_be_lost_if_collectors_did_not_look_again_before_they_repack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holotype.lake.retention.repack._check", no_check)
    assert first_loss(range(40, 1000))


def test_it_would_be_lost_if_writers_forgot_what_they_built_upon() -> None:
    assert first_loss(range(125, 3000), only=("writer of cells", "forgetter"), parents_checked=False)


def test_it_would_be_lost_if_writers_went_on_in_an_aborted_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holotype.lake.retention.sessions._refuse_if_aborted", lambda *asked: None)
    assert first_loss(range(25, 1000))


def test_nothing_is_lost_that_is_brought_from_another_archive() -> None:
    for only in (("bringer", "forgetter"), ("bringer", "second collector", "forgetter", "recoverer")):
        assert first_loss(range(SEEDS // 4), only=only) is None


def test_it_would_be_lost_if_those_who_bring_it_did_not_look_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holotype.lake.sync.writer_check", no_check)
    assert first_loss(range(2000), only=("bringer", "forgetter")) is not None
