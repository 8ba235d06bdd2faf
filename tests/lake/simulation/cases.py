"""Small casts, whose interleavings are all played (see ``exploring``)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from .exploring import Choices, explore
from .people import Person, collects, compacts, forgets, keeps, looks, reads, recovers
from .scheduler import FINE, Scheduler
from .storms import conditions
from .tellers import tells
from .world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from .exploring import Explored
    from .people import Deed
    from .scheduler import Call, Chooser, Fate, Step
    from .world import Stage

__all__ = ["CASES", "TELLING", "OnePause", "calls_of", "explored", "play_case"]

_AT_ONCE = timedelta(0)
# A collector's clock is ahead of the others': whoever wrote anything before is taken for dead.
_AHEAD = {"collector": 1.0, "second collector": 2.0}

CASES: Mapping[str, Mapping[str, Sequence[Deed]]] = {
    "two writers of one dataset": {"ann": [keeps("cells", 14)], "ben": [keeps("cells", 9)]},
    "two writers of two datasets": {"ann": [keeps("cells", 14)], "ben": [keeps("genes", 34)]},
    "writer, forgetter": {"writer": [keeps("cells", 14)], "forgetter": [forgets("cells@2")]},
    "writer, compactor": {"writer": [keeps("cells", 9)], "compactor": [compacts()]},
    "collector, recoverer": {"collector": [collects(_AT_ONCE)], "recoverer": [recovers("genes@2")]},
    "collector, forgetter": {"collector": [collects(_AT_ONCE)], "forgetter": [forgets("genes@1")]},
    "collector, reader": {"collector": [collects(_AT_ONCE)], "reader": [looks(), reads("cells@2", ["03"])]},
    "two collectors": {"collector": [collects(_AT_ONCE)], "second collector": [collects(_AT_ONCE)]},
    "collector, forgetter, recoverer": {
        "collector": [collects(_AT_ONCE)],
        "forgetter": [forgets("cells@2")],
        "recoverer": [recovers("genes@2")],
    },
    "writer, collector": {"writer": [keeps("new", 29)], "collector": [collects(_AT_ONCE)]},
    "writer of new chunks, collector": {"writer": [keeps("new", 34)], "collector": [collects(_AT_ONCE)]},
    "writer of nothing known, collector": {"writer": [keeps("new", 60)], "collector": [collects(_AT_ONCE)]},
    "writer, forgetter, collector": {
        "writer": [keeps("cells", 14)],
        "forgetter": [forgets("cells@2")],
        "collector": [collects(_AT_ONCE)],
    },
    "two writers, collector": {
        "ann": [keeps("new", 29)],
        "ben": [keeps("cells", 9)],
        "collector": [collects(_AT_ONCE)],
    },
}
"""Who is there, and what each does."""

_MAKES = tells("cells", 34, ["03"], ["07"])
TELLING: Mapping[str, Mapping[str, Sequence[Deed]]] = {
    "two tellers of one file": {"ann": [_MAKES], "ben": [_MAKES]},
    "two tellers of what is known": {
        "ann": [tells("cells", 1, ["05"], ["09"])],
        "ben": [tells("cells", 1, ["09"], ["05"])],
    },
    "two tellers, compactor": {"ann": [_MAKES], "ben": [_MAKES], "compactor": [compacts()]},
    "teller, writer": {"teller": [_MAKES], "writer": [keeps("new", 34)]},
    "teller, collector": {"teller": [_MAKES], "collector": [collects(_AT_ONCE)]},
    "three tellers of one file": {"ann": [_MAKES], "ben": [_MAKES], "col": [_MAKES]},
}
"""The same of casts in which activities are recorded, in an archive that knows some already."""
CASES = {**CASES, **TELLING}


class OnePause:
    """Somebody makes so many calls, then all others do what they came for, then the first goes on."""

    def __init__(self, name: str, calls: int) -> None:
        self._name, self._left = name, calls

    def choose(self, waiting: Mapping[str, Call]) -> str:
        others = [name for name in waiting if name != self._name]
        if self._name in waiting and (self._left > 0 or not others):
            self._left -= 1
            return self._name
        return others[0]

    def fate(self, actor: str, call: Call) -> Fate:
        del actor, call
        return FINE


def play_case(
    stage: Stage, cast: Mapping[str, Sequence[Deed]], choices: Chooser, scratch: Path
) -> tuple[Sequence[Step], Sequence[str]]:
    """One interleaving: what was done, and what is wrong."""
    with conditions():
        scheduler = Scheduler(choices)
        world = World(stage, scheduler, names="case", patient=False, compact_above=None)
        people = {
            name: Person(name, world, world.clock(hours=_AHEAD.get(name, 0)), deeds, scratch, hasty=True)
            for name, deeds in cast.items()
        }
        for person in people.values():
            person.open_before()
        scheduler.run(people)
        return scheduler.trace, world.witness.broken


def calls_of(stage: Stage, deeds: Sequence[Deed], scratch: Path) -> int:
    """How many calls somebody makes who is alone."""
    trace, _ = play_case(stage, {"alone": deeds}, Choices([], {}), scratch)
    return len(trace)


def explored(
    stage: Stage,
    case: str,
    scratch: Path,
    *,
    calls: Mapping[str, int] | None = None,
    most: int | None = None,
    enough: Callable[[], bool] = lambda: False,
) -> Explored:
    """Every interleaving of a case; the options are those of ``explore``."""
    cast = CASES[case]
    stage = stage.telling if case in TELLING else stage
    return explore(lambda choices: play_case(stage, cast, choices, scratch), calls=calls, most=most, enough=enough)
