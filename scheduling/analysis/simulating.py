"""A run done again on paper: the same tasks, each as long as it took, begun as soon as there is room.

Whatever is ready is begun in the order in which it was begun, as far as it fits, which is what a scheduler does (list
scheduling; R. L. Graham, 1966: it is never more than twice as long as the best there is for tasks of one processor).
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..declaring.frozen import nothing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .measured import Attempt, Measured, Task

__all__ = ["Piece", "Work", "simulated", "works_of"]


@dataclass(frozen=True)
class Piece:
    """An attempt: after ``lead`` seconds for which it has nothing, as its inputs are read, and a ``pause`` where it is
    done again, it has what it ``needs`` for ``seconds``, of which its process runs for ``running``.
    """

    seconds: float
    needs: Mapping[str, float] = field(default_factory=nothing)
    lead: float = 0.0
    pause: float = 0.0
    running: float = 0.0


@dataclass(frozen=True)
class Work:
    """A task: its pieces one after the other, when those that it ``takes`` from are over; ``after`` them it takes so
    many seconds until it is over itself.  ``order``: the least is begun first.
    """

    name: str
    node: str
    takes: tuple[str, ...]
    pieces: tuple[Piece, ...]
    order: float = 0.0
    after: float = 0.0


def works_of(run: Measured) -> list[Work]:
    """What a run has done."""
    return [_work(task) for task in run.tasks.values()]


def simulated(works: Iterable[Work], has: Mapping[str, float]) -> float:
    """Seconds until all of it is over, with so much of each resource.

    Who needs more of one than there is has all of it, and so has what is not named.
    """
    return _Simulation({work.name: work for work in works}, has).run()


def _work(task: Task) -> Work:
    pieces = tuple(_piece(each) for each in task.attempts)
    last = task.attempts[-1].settled if task.attempts else task.ready
    return Work(
        name=task.name,
        node=task.node,
        takes=task.takes,
        pieces=pieces,
        order=task.attempts[0].submitted if task.attempts else task.ready,
        after=max(0.0, task.ended - last),
    )


def _piece(attempt: Attempt) -> Piece:
    lead, pause = attempt.waited.get("inputs", 0.0), attempt.waited.get("pause", 0.0)
    return Piece(attempt.held, attempt.needs, lead, pause, attempt.wall)


Key = tuple[tuple[str, float], ...]


class _Simulation:
    def __init__(self, works: dict[str, Work], has: Mapping[str, float]) -> None:
        self._works, self._has = works, has
        self._left = dict(has)
        self._missing: dict[str, int] = {}
        self._takers: defaultdict[str, list[str]] = defaultdict(list)
        for work in works.values():
            takes = {each for each in work.takes if each in works}
            self._missing[work.name] = len(takes)
            for each in takes:
                self._takers[each].append(work.name)
        # What happens when: a piece is ready, or over and gives back what it had, or a task is over.
        self._events: list[tuple[float, int, str, int]] = []
        self._queues: defaultdict[Key, list[tuple[float, str, int]]] = defaultdict(list)

    def run(self) -> float:
        for name, missing in self._missing.items():
            if not missing:
                self._come(name, 0, 0.0)
        now = end = 0.0
        while self._events:
            now = self._events[0][0]
            while self._events and self._events[0][0] <= now:
                _, what, name, number = heapq.heappop(self._events)
                if what == _OVER:
                    end = max(end, now)
                    self._over(name, now)
                elif what == _ENDED:
                    self._give(self._key(name, number), 1)
                    self._come(name, number + 1, now)
                else:
                    heapq.heappush(self._queues[self._key(name, number)], (self._works[name].order, name, number))
            self._begin(now)
        return end

    def _key(self, name: str, number: int) -> Key:
        """What a piece needs, in an order, and no more than there is."""
        needs, has = self._works[name].pieces[number].needs, self._has
        return tuple((each, min(amount, has[each])) for each, amount in sorted(needs.items()) if each in has and amount)

    def _come(self, name: str, number: int, now: float) -> None:
        """A task comes to its next piece, or to its end."""
        work = self._works[name]
        if number < len(work.pieces):
            piece = work.pieces[number]
            heapq.heappush(self._events, (now + piece.pause + piece.lead, _READY, name, number))
        else:
            heapq.heappush(self._events, (now + work.after, _OVER, name, number))

    def _over(self, name: str, now: float) -> None:
        for taker in self._takers[name]:
            self._missing[taker] -= 1
            if not self._missing[taker]:
                self._come(taker, 0, now)

    def _begin(self, now: float) -> None:
        """Begin what fits, in order: of those that need the same, none fits when the first does not."""
        heads = [(queue[0], key) for key, queue in self._queues.items() if queue]
        heapq.heapify(heads)
        while heads:
            (_, name, number), key = heapq.heappop(heads)
            if any(self._left[each] < amount for each, amount in key):
                continue
            queue = self._queues[key]
            heapq.heappop(queue)
            self._give(key, -1)
            heapq.heappush(self._events, (now + self._works[name].pieces[number].seconds, _ENDED, name, number))
            if queue:
                heapq.heappush(heads, (queue[0], key))

    def _give(self, key: Key, sign: int) -> None:
        for each, amount in key:
            self._left[each] += sign * amount


_OVER, _ENDED, _READY = range(3)
