"""Every interleaving that matters of a few actors, each once: dynamic partial-order reduction with sleep sets.

Two calls *conflict* when they are about the same key, or one lists a folder that the other's key lies in, and one of
them changed something.  Runs that differ only in the order of calls that do not conflict end alike, so one of them is
enough.  A run is played to its end; wherever two of its calls conflict, and nothing between them forces their order,
another run is begun that takes them the other way round (source sets, Abdulla et al., "Optimal dynamic partial order
reduction", 2014).  Each run starts from the beginning, for real code cannot be wound back.

What that assumes: an actor does the same when it sees the same (its clock and its randomness are its own), and shares
nothing with others but the storage.  A crash is a run in which an actor makes so many calls and no more; cases are
explored for each such number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...catalog.faults import CHANGES
from .scheduler import FATES, FINE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from .scheduler import Call, Fate, Step

__all__ = ["Explored", "Choices", "explore"]

_DIES = next(fate for fate in FATES if fate.name == "dies before")


def conflict(one: Call, other: Call) -> bool:
    """Whether the order of two calls may matter."""
    if one.kind not in CHANGES and other.kind not in CHANGES:
        return False
    if one.kind == "list":
        return other.key.startswith(one.key) and other.kind in CHANGES
    if other.kind == "list":
        return one.key.startswith(other.key) and one.kind in CHANGES
    return one.key == other.key


@dataclass
class _Node:
    """A place where somebody was chosen: who waited for what, who was chosen already, who need not be."""

    waiting: dict[str, Call]
    sleep: dict[str, Call]
    wanted: set[str]
    done: set[str] = field(default_factory=set)
    chosen: str = ""


class Choices:
    """A chooser that follows the nodes of an earlier run, and then lets each actor go on as long as it can.

    ``calls``: how many calls an actor makes before it dies.
    """

    def __init__(self, nodes: list[_Node], calls: Mapping[str, int]) -> None:
        self._nodes, self._left = nodes, dict(calls)
        self._at = 0
        self._last = ""
        self.redundant = False

    def choose(self, waiting: Mapping[str, Call]) -> str:
        if self._at == len(self._nodes):
            self._nodes.append(self._next(dict(waiting)))
        node = self._nodes[self._at]
        if node.waiting != waiting:
            raise AssertionError(f"the same choices led elsewhere: {node.waiting} before, {waiting} now")
        self._at += 1
        self._last = node.chosen
        return node.chosen

    def _next(self, waiting: dict[str, Call]) -> _Node:
        before = self._nodes[-1] if self._nodes else None
        sleep: dict[str, Call] = {}
        if before is not None:
            taken = before.waiting[before.chosen]
            asleep = before.sleep | {name: before.waiting[name] for name in before.done if name != before.chosen}
            sleep = {name: call for name, call in asleep.items() if name in waiting and not conflict(call, taken)}
        awake = [name for name in waiting if name not in sleep]
        self.redundant |= not awake
        chosen = self._last if self._last in awake else (awake or list(waiting))[0]
        return _Node(waiting, sleep, {chosen}, chosen=chosen)

    def fate(self, actor: str, call: Call) -> Fate:
        del call
        left = self._left.get(actor)
        if self.redundant:  # the rest need not be played
            return _DIES
        if left is None:
            return FINE
        self._left[actor] = left - 1
        return FINE if left > 0 else _DIES


@dataclass(frozen=True)
class Explored:
    """``runs``: how many were played, of them ``redundant`` ones that were like others after all.  ``complete``:
    whether that were all.  ``broken``: what is wrong, with the choices that lead there.
    """

    runs: int
    redundant: int
    complete: bool
    broken: tuple[str, ...]


def explore(
    play: Callable[[Choices], tuple[Sequence[Step], Sequence[str]]],
    *,
    calls: Mapping[str, int] | None = None,
    most: int | None = None,
    enough: Callable[[], bool] = lambda: False,
) -> Explored:
    """Play every interleaving that matters; ``play`` gives what was done and what is wrong.

    ``calls``: see ``Choices``.  ``most``: runs at most.  ``enough``: whether to stop.  The first that is wrong is the
    last.
    """
    nodes: list[_Node] = []
    runs = redundant = 0
    while True:
        choices = Choices(nodes, calls or {})
        trace, broken = play(choices)
        runs += 1
        redundant += choices.redundant
        if broken:
            return Explored(runs, redundant, complete=False, broken=(*broken, *map(str, trace)))
        if not choices.redundant:
            _add_races(nodes)
        if not _back(nodes):
            return Explored(runs, redundant, complete=True, broken=())
        if (most is not None and runs >= most) or enough():
            return Explored(runs, redundant, complete=False, broken=())


def _back(nodes: list[_Node]) -> bool:
    """Go back to the last place where somebody else is to be tried, and choose him."""
    while nodes:
        node = nodes[-1]
        node.done.add(node.chosen)
        rest = node.wanted - node.done - node.sleep.keys()
        if rest:
            node.chosen = min(rest)
            return True
        nodes.pop()
    return False


def _add_races(nodes: list[_Node]) -> None:
    """For each two calls that could have come in the other order, want it so."""
    chosen = [node.chosen for node in nodes]
    calls = [node.waiting[node.chosen] for node in nodes]
    before = _orders(chosen, calls)
    for late in range(len(nodes)):
        for early in _racing(late, chosen, calls, before):
            # Those that would run instead of ``early``: all that does not come of it, and then ``late``.
            rest = [at for at in range(early + 1, late) if not before[at] >> early & 1] + [late]
            inside = sum(1 << at for at in rest)
            first = {chosen[at] for at in rest if not before[at] & inside}
            if not first & nodes[early].wanted:
                nodes[early].wanted.add(chosen[late] if chosen[late] in first else min(first))


def _orders(chosen: Sequence[str], calls: Sequence[Call]) -> list[int]:
    """For each call the set of those that had to come before it, as bits."""
    before: list[int] = []
    last: dict[str, int] = {}
    for at, (actor, call) in enumerate(zip(chosen, calls, strict=True)):
        found = 0
        for earlier in range(at - 1, -1, -1):
            if found >> earlier & 1:
                continue
            if last.get(actor) == earlier or conflict(call, calls[earlier]):
                found |= before[earlier] | 1 << earlier
        before.append(found)
        last[actor] = at
    return before


def _racing(late: int, chosen: Sequence[str], calls: Sequence[Call], before: Sequence[int]) -> Iterator[int]:
    """Calls of others that conflict with ``late``, with nothing in between that orders the two."""
    for early in range(late):
        if chosen[early] == chosen[late] or not conflict(calls[early], calls[late]):
            continue
        between = (at for at in range(early + 1, late) if before[late] >> at & 1)
        if not any(before[at] >> early & 1 for at in between):
            yield early
