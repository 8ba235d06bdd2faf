"""The graph of provenance: what an element came from, what came of it, and how two of them hang together.

It is walked where it lies on disk, a step at a time for all elements that were come to, so that a walk needs memory and
time for what it finds, not for what there is.  ``walking`` knows where a step leads.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ..columns import column, numbers, plain
from ..errors import EntryNotFound, InvalidOption
from ..lookup import distinct, firsts
from .hashing import content_of, key
from .linking import graph_rows
from .links import ACROSS, PAST, PLACES, Links, Wanted
from .meeting import meeting
from .model import ELEMENTS, TERMS
from .names import Names
from .walking import Future, Past

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    import numpy.typing as npt

    from ..lookup import Keys
    from ..reading import Reading
    from ..state import State
    from .links import Senses
    from .model import Record
    from .walking import Step

__all__ = ["Graph", "Walk"]

_TERMS = column(list(TERMS), pa.string())
# From so many elements on NumPy is faster than Python.
_FEW = 24
# Links that few elements at a time lead along are put into an array when there are this many.
_KEPT = 1 << 14


@dataclass(frozen=True, eq=False)
class Walk:
    """What a walk came to.

    ``nodes``: the elements in the order in which they were come to: ``key``, ``id``, ``term`` (entity, activity or
    agent), ``depth`` (how many links lead there).  ``links``: the links it went along, each once: ``node`` and
    ``other`` (keys), ``term``, ``past`` (whether ``other`` is what ``node`` came from).  ``complete``: whether it ended
    by itself, not at a depth or a limit.
    """

    nodes: pa.Table
    links: pa.Table
    complete: bool

    def named(self) -> pa.Table:
        """The links with identifiers in place of keys: ``node``, ``term``, ``other``, ``past``."""
        order = np.argsort(plain(self.nodes["key"]))
        keys = plain(self.nodes["key"])[order]
        ends = {
            name: self.nodes["id"].take(numbers(order[np.searchsorted(keys, plain(self.links[name]))]))
            for name in ("node", "other")
        }
        return pa.table(
            {"node": ends["node"], "term": self.links["term"], "other": ends["other"], "past": self.links["past"]}
        )


class Graph:
    """The graph in one state of a catalog, by default the newest it has seen.  It may be shared between threads.

    All of its methods raise ``ObjectMissing``, ``ObjectDamaged``, or what the store raises.
    """

    def __init__(self, catalog: Reading, *, state: State | None = None) -> None:
        self._state = state or catalog.state
        self._links = Links(catalog, self._state)
        self._names = Names(catalog, self._state)

    @property
    def state(self) -> State:
        """The state that this is the graph in."""
        return self._state

    def beside(self, records: Iterable[Record]) -> Graph:
        """The same graph with what ``records`` say, too, though no table has it."""
        names, links = graph_rows(records)
        found = copy(self)
        found._names, found._links = self._names.beside(names), self._links.beside(links)
        return found

    def walk(
        self,
        start: Sequence[str],
        *,
        past: bool,
        depth: int | None = None,
        terms: Collection[str] | None = None,
        limit: int | None = None,
        across: bool = True,
    ) -> Walk:
        """All that the elements ``start`` came from, with ``past``, or else all that came of them.

        ``depth``: how many links away at most.  ``terms``: follow only relations of these terms.  ``limit``: how many
        elements at most.  ``across``: whether files with the same bytes are one where that helps (see ``walking``).

        Raises ``EntryNotFound`` for a start that the graph has not, with the names that are most like it, and
        ``InvalidOption`` for a term that PROV has not, or less than nothing.
        """
        unknown = [term for term in terms or () if term not in TERMS or term in ELEMENTS]
        if unknown:
            raise InvalidOption(f"PROV has no relation {', '.join(map(repr, unknown))}", terms=tuple(unknown))
        if (depth or 0) < 0 or (limit or 0) < 0:
            raise InvalidOption(f"a walk cannot be of {depth} links or {limit} elements", depth=depth, limit=limit)
        first = [self._key(id) for id in dict.fromkeys(start)]
        step: Step
        if past:
            contents = [each for each, id in zip(first, dict.fromkeys(start), strict=True) if content_of(id)]
            step = Past(self._links, terms, across=across, contents=contents)
        else:
            step = Future(self._links, terms, across=across)
        return self._report(_walk(step, first, depth, limit))

    def path(self, a: str, b: str) -> tuple[str, ...]:
        """The elements on a shortest way from ``a`` to ``b`` that leads all through the past, or all through the
        future; both ends included, empty when there is none.  Files with the same bytes are one.

        Raises ``EntryNotFound`` as ``walk`` does.
        """
        first, last = self._key(a), self._key(b)
        found = meeting(self._links, first, last, past=True) or meeting(self._links, first, last, past=False)
        return tuple(self.ids(found))

    def neighbours(self, id: str, term: str, *, past: bool) -> list[str]:
        """The elements that a relation of one ``term`` leads to from ``id``, one step into the past or the future."""
        wanted = Wanted(PLACES[term] | (PAST if past else 0) | across for across in (0, ACROSS))
        return self.ids(distinct(self._links.many(np.array([key(id)], np.uint64), wanted)[1]))

    def ids(self, keys: Sequence[int] | Keys) -> list[str]:
        """The identifiers of elements, by their keys; raises ``ObjectDamaged`` for a key that is no element's."""
        given = np.array(keys, np.uint64)
        each = distinct(given)
        found: list[str] = self._names.of(each)[0].take(numbers(np.searchsorted(each, given))).to_pylist()
        return found

    def known(self, ids: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which of these elements the graph has; raises ``InvalidName`` for one whose key is another's."""
        return self._names.known(ids)

    def has(self, keys: Keys) -> npt.NDArray[np.bool_]:
        """Which of these keys are those of elements of the graph."""
        return self._names.has(keys)

    def nearest(self, id: str, *, most: int = 3) -> tuple[str, ...]:
        """The names of elements that are most like ``id``, the best first."""
        return self._names.nearest(id, most=most)

    def _key(self, id: str) -> int:
        found = key(id)
        if self._names.name(found) != id:
            near = self.nearest(id)
            hint = f"; most like it: {', '.join(near)}" if near else ""
            raise EntryNotFound(f"the records of provenance have no {id!r}{hint}", id=id, nearest=near)
        return found

    def _report(self, found: _Found) -> Walk:
        nodes = np.concatenate([np.asarray(level, np.uint64) for level in found.levels])
        depths = np.repeat(np.arange(len(found.levels), dtype=np.int32), [len(level) for level in found.levels])
        ids, terms = self._names.of(nodes)
        return Walk(
            pa.table({"key": numbers(nodes), "id": ids, "term": _worded(terms), "depth": numbers(depths)}),
            _links_table(nodes, found),
            found.complete,
        )


@dataclass
class _Found:
    """What a walk has come to so far: the keys of elements, a level at a time, and links."""

    levels: list[Sequence[int] | Keys]
    complete: bool = True

    def __post_init__(self) -> None:
        self._rows: list[tuple[int, int, int]] = []
        self._parts: list[tuple[Keys, Keys, Senses]] = []

    def keep(self, rows: list[tuple[int, int, int]]) -> None:
        """Keep a few links."""
        self._rows += rows
        if len(self._rows) >= _KEPT:
            self._put()

    def keep_many(self, part: tuple[Keys, Keys, Senses]) -> None:
        """Keep many links."""
        self._parts.append(part)

    def links(self) -> tuple[Keys, Keys, Senses]:
        """All links: node, other end, sense."""
        self._put()
        node, other, sense = (np.concatenate(each) for each in zip(*self._parts, strict=True))
        return node, other, sense

    def _put(self) -> None:
        node, other, sense = zip(*self._rows, strict=True) if self._rows else ((), (), ())
        self._parts.append((np.array(node, np.uint64), np.array(other, np.uint64), np.array(sense, np.uint8)))
        self._rows = []


def _walk(step: Step, start: list[int], depth: int | None, limit: int | None) -> _Found:
    found = _Found([start])
    seen = set(start)
    frontier: Sequence[int] = start
    while frontier or step.more:
        if depth is not None and len(found.levels) > depth:
            found.complete = False
            break
        rows = step.few(list(frontier)) if len(frontier) <= _FEW else None
        if rows is not None:
            found.keep(rows)
            frontier = sorted({other for _, other, _ in rows} - seen)
        else:
            part = step.many(np.sort(np.array(frontier, np.uint64)))
            found.keep_many(part)
            frontier = [each for each in distinct(part[1]).tolist() if each not in seen]
        room = None if limit is None else max(0, limit - len(seen))
        if room is not None and len(frontier) > room:
            found.complete = False
            frontier = frontier[:room]
        seen.update(frontier)
        found.levels.append(np.array(frontier, np.uint64) if len(frontier) > _FEW else frontier)
        if not found.complete:
            break
    return found


def _links_table(nodes: Keys, found: _Found) -> pa.Table:
    """The links between ``nodes``, each once, from the end that it was first come from."""
    node, other, sense = found.links()
    order = np.argsort(nodes)
    ordered = nodes[order]
    ends = [order[np.minimum(np.searchsorted(ordered, each), len(nodes) - 1)] for each in (node, other)]
    there = np.flatnonzero(nodes[ends[1]] == other)  # not what a limit has cut off
    node, other, sense = node[there], other[there], sense[there]
    places, past = (sense & np.uint8(PAST - 1)).view(np.int8), sense & np.uint8(PAST) != 0
    # A link is one number: where it leads from, where to, its term.  That there is room for two places in 58 bits is
    # no limit: half a billion elements would not fit into memory.
    one, another = (end[there].astype(np.uint64) for end in ends)
    early, late = np.where(past, another, one), np.where(past, one, another)
    link = (late * np.uint64(len(nodes)) + early) * np.uint64(PAST) + places.astype(np.uint64)
    first = np.sort(firsts(link))
    return pa.table(
        {
            "node": numbers(node[first]),
            "other": numbers(other[first]),
            "term": _worded(places[first]),
            "past": numbers(past[first]),
        }
    )


def _worded(places: npt.NDArray[np.int8]) -> pa.Array:
    """Terms by their places, as words."""
    return pa.DictionaryArray.from_arrays(numbers(places), _TERMS)
