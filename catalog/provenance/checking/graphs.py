"""Ways and cycles in directed graphs whose edges carry labels: without recursion, in time that grows with the edges."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Graph"]

Label = TypeVar("Label")
Node = TypeVar("Node", bound=Hashable)

# A shortest cycle is sought through this many edges of a component, and through fewer where that would look at more
# edges than this: through all of them, a large component would take the square of its size.
_TRIES = 64
_LOOKED_AT = 500_000


class Graph(Generic[Label]):
    """A graph whose nodes are known by any hashable value, and whose edges carry labels."""

    def __init__(self) -> None:
        self._places: dict[Hashable, int] = {}
        self._labels: list[Label] = []
        self._targets: list[int] = []
        self._sources: list[int] = []
        self._leaving: list[list[int]] = []

    def _node(self, node: Hashable) -> int:
        place = self._places.setdefault(node, len(self._leaving))
        if place == len(self._leaving):
            self._leaving.append([])
        return place

    def add(self, source: Hashable, target: Hashable, label: Label) -> None:
        """Add an edge."""
        start = self._node(source)
        self._leaving[start].append(len(self._labels))
        self._sources.append(start)
        self._targets.append(self._node(target))
        self._labels.append(label)

    def ways(self, starts: Iterable[Node], goals: Iterable[Node]) -> dict[Node, list[Label]]:
        """The goals that any start leads to over at least one edge, each with the labels of a shortest way there."""
        first = {self._places[start] for start in starts if start in self._places}
        entered: dict[int, int | None] = dict.fromkeys(first)
        self._spread(deque(first), entered, lambda _: True, None)
        found = {goal: self._way(self._places[goal], entered) for goal in goals if self._places.get(goal) in entered}
        return {goal: way for goal, way in found.items() if way}

    def _way(self, place: int, entered: dict[int, int | None]) -> list[Label]:
        found: list[Label] = []
        edge = entered[place]
        while edge is not None:
            found.append(self._labels[edge])
            edge = entered[self._sources[edge]]
        return found[::-1]

    def _spread(
        self, waiting: deque[int], entered: dict[int, int | None], inside: Callable[[int], bool], goal: int | None
    ) -> None:
        """Search breadth first, noting by which edge each place was entered, up to the goal."""
        while waiting and goal not in entered:
            for edge in self._leaving[waiting.popleft()]:
                target = self._targets[edge]
                if target not in entered and inside(target):
                    entered[target] = edge
                    waiting.append(target)

    def cycles(self, matters: Callable[[Label], bool]) -> Iterator[list[Label]]:
        """For each part of the graph that leads back to itself over an edge that matters, a shortest such cycle."""
        component = self._components()
        edges: dict[int, list[int]] = {}
        for edge, (source, target) in enumerate(zip(self._sources, self._targets, strict=True)):
            if component[source] == component[target] and matters(self._labels[edge]):
                edges.setdefault(component[source], []).append(edge)
        tries = max(1, min(_TRIES, _LOOKED_AT // max(1, len(self._labels))))
        for number, through in edges.items():
            best: list[Label] | None = None
            for edge in through[:tries]:
                source, target = self._sources[edge], self._targets[edge]
                entered: dict[int, int | None] = {target: None}
                self._spread(deque([target]), entered, partial(_within, component, number), source)
                way = self._way(source, entered)
                if best is None or len(way) + 1 < len(best):
                    best = [self._labels[edge], *way]
            if best is not None:
                yield best

    def _components(self) -> list[int]:
        """The number of each place's strongly connected component (Tarjan's algorithm, with a stack of its own)."""
        size = len(self._leaving)
        order, low, component = [-1] * size, [0] * size, [-1] * size
        open_, met, numbers = list[int](), 0, 0
        for root in range(size):
            if order[root] >= 0:
                continue
            stack = [(root, 0)]
            while stack:
                place, next_edge = stack.pop()
                if next_edge == 0:
                    order[place] = low[place] = met
                    met += 1
                    open_.append(place)
                for at in range(next_edge, len(self._leaving[place])):
                    target = self._targets[self._leaving[place][at]]
                    if order[target] < 0:
                        stack += [(place, at + 1), (target, 0)]
                        break
                    if component[target] < 0:
                        low[place] = min(low[place], order[target])
                else:
                    if low[place] == order[place]:
                        while component[place] < 0:
                            component[open_.pop()] = numbers
                        numbers += 1
                    if stack:
                        above = stack[-1][0]
                        low[above] = min(low[above], low[place])
        return component


def _within(component: list[int], number: int, place: int) -> bool:
    return component[place] == number
