"""What must be one and the same: the keys and uniqueness constraints, 22 to 29, and PROV-LINKS' unique-mention.

Each of them says that facts which agree in some places (its key) agree in some others.  Facts are looked up by their
keys; where two agree, the symbols in the other places are made the same, which may make keys agree that did not before,
and so on until nothing more is found.  Two constants that would have to be the same are a violation.  Attributes of
what is merged are put together, which no constraint can forbid, so there is nothing to be done about them here.

Every fact is looked up again only when a symbol of its key has found a larger class, so this takes time in proportion
to the facts, times a logarithm at the worst.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..model import ELEMENTS, TERMS
from .violation import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .facts import Fact, Instance

__all__ = ["APART", "Merged"]

# 53, impossible-property-overlap: no identifier names relations of two of these kinds.
APART = frozenset(
    {
        "used",
        "wasGeneratedBy",
        "wasInvalidatedBy",
        "wasStartedBy",
        "wasEndedBy",
        "wasInformedBy",
        "wasAttributedTo",
        "wasAssociatedWith",
        "actedOnBehalfOf",
    }
)

# 24 to 27: what happens once for what these arguments say.
_ONCE = {
    "wasGeneratedBy": ("unique-generation", ("entity", "activity")),
    "wasInvalidatedBy": ("unique-invalidation", ("entity", "activity")),
    "wasStartedBy": ("unique-wasStartedBy", ("activity", "starter")),
    "wasEndedBy": ("unique-wasEndedBy", ("activity", "ender")),
}
# 28 and 29: an activity that is told begins and ends when it is started and ended.
_TIMES = {
    "wasStartedBy": ("unique-startTime", "startTime"),
    "wasEndedBy": ("unique-endTime", "endTime"),
}
_NAMED = frozenset(constraint for constraint, _ in _ONCE.values())


@dataclass(frozen=True, slots=True)
class _View:
    """One fact as one constraint sees it: facts with the same key under one rule have the same values."""

    constraint: str
    rule: str
    fact: Fact
    key: tuple[int, ...]
    values: tuple[int, ...]
    names: tuple[str, ...]


class Merged:
    """An instance in which all is merged that must be the same, in its own symbols.

    ``violations``: what keeps facts from being merged.
    """

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.symbols = instance.symbols
        self.violations: list[Violation] = []
        self._reasons: list[tuple[_View, _View]] = []
        views = list(_views(instance))
        keyed: defaultdict[int, list[int]] = defaultdict(list)  # the views that have a symbol in their key
        for place, view in enumerate(views):
            for symbol in set(view.key):
                keyed[symbol].append(place)
        seen: dict[tuple[str, tuple[int, ...]], int] = {}
        apart: set[tuple[int, int]] = set()
        waiting = deque(range(len(views)))
        while waiting:
            place = waiting.popleft()
            view = views[place]
            first = seen.setdefault((view.rule, tuple(map(self.symbols.root, view.key))), place)
            if first == place or (first, place) in apart:
                continue
            clashes = self._clashes(views[first], view)
            if clashes:
                apart.add((first, place))
                self.violations.append(self._violation(views[first], view, clashes))
            else:
                for symbol in self._unite(views[first], view):
                    waiting.extend(keyed.get(symbol, ()))

    def _clashes(self, one: _View, other: _View) -> list[tuple[str, int, int]]:
        """The values of two facts that cannot be the same, with their names."""
        return [
            (name, a, b)
            for name, a, b in zip(one.names, one.values, other.values, strict=True)
            if self.symbols.clash(a, b)
        ]

    def _unite(self, one: _View, other: _View) -> list[int]:
        """Make the values of two facts the same; the symbols whose class has another root now."""
        moved: list[int] = []
        reason = len(self._reasons)
        self._reasons.append((one, other))
        for a, b in zip(one.values, other.values, strict=True):
            moved += self.symbols.unite(a, b, reason)
        return moved

    def explain(self, *pairs: tuple[int, int]) -> set[int]:
        """The places of the records for which each two symbols are the same."""
        found: set[int] = set()
        passed: set[int] = set()
        pending = [pair for pair in pairs if pair[0] != pair[1]]
        while pending:
            for reason in self.symbols.reasons(*pending.pop()):
                if reason not in passed:
                    passed.add(reason)
                    one, other = self._reasons[reason]
                    found |= {one.fact.record, other.fact.record}
                    pending += [pair for pair in zip(one.key, other.key, strict=True) if pair[0] != pair[1]]
        return found

    def _violation(self, one: _View, other: _View, clashes: list[tuple[str, int, int]]) -> Violation:
        pairs = [pair for pair in zip(one.key, other.key, strict=True) if pair[0] != pair[1]]
        # Two that have each their own identifier, or none, are one by a constraint that says more than that of keys.
        constraint = next(
            (
                self._reasons[reason][0].constraint
                for pair in pairs
                for reason in self.symbols.reasons(*pair)
                if one.constraint == "key-properties" and self._reasons[reason][0].constraint in _NAMED
            ),
            one.constraint,
        )
        speaker = self.instance.speaker
        differences: list[str] = []
        for name, a, b in clashes:
            first, second = self.symbols.known(a), self.symbols.known(b)
            if first is not None and second is not None:
                pairs += [(a, first), (b, second)]
                values = [speaker.constant(self.symbols.value(each)) for each in (first, second)]
                differences.append(f"the {name} would be both {values[0]} and {values[1]}")
        places = sorted({one.fact.record, other.fact.record} | self.explain(*pairs))
        records = tuple(self.instance.records[place] for place in places)
        message = f"{speaker.statements(records)} cannot all hold: {', and '.join(differences)} ({constraint})"
        return Violation(constraint, records, message)


def _views(instance: Instance) -> Iterator[_View]:
    """Every fact as each constraint sees it."""
    for fact in instance.facts:
        if fact.term == "activity":
            yield _keyed("key-object", fact, (fact.id,), _names(fact))  # 22
        if _is_identified(fact):
            yield _keyed("key-properties", fact, (fact.id,), _names(fact))  # 23
        if fact.term in _ONCE:
            constraint, names = _ONCE[fact.term]
            key = tuple(fact[name] for name in names)
            yield _View(constraint, constraint, fact, key, (fact.id,), ("identifier",))  # 24 to 27
        if fact.term == "mentionOf":
            yield _keyed("unique-mention", fact, fact.arguments[:1], _names(fact)[1:])
    yield from _times(instance)  # last, so that what is the same by its key is not called so by its time
    yield from _influences(instance)


def _times(instance: Instance) -> Iterator[_View]:
    """28, unique-startTime, and 29, unique-endTime: events of an activity that is told have the times it has."""
    told: dict[int, Fact] = {}
    for activity in instance.told["activity"]:
        told.setdefault(activity.id, activity)  # what else is told of it agrees with this, or breaks 22
    for term, (constraint, name) in _TIMES.items():
        for activity in told.values():
            yield _View(constraint, constraint, activity, (activity.id,), (activity[name],), (name,))
        for event in instance.told[term]:
            if event["activity"] in told:
                yield _View(constraint, constraint, event, (event["activity"],), (event["time"],), (name,))


def _keyed(constraint: str, fact: Fact, key: tuple[int, ...], names: tuple[str, ...]) -> _View:
    """A view of a fact that only facts of the same term share."""
    return _View(constraint, f"{constraint} {fact.term}", fact, key, tuple(fact[name] for name in names), names)


def _influences(instance: Instance) -> Iterator[_View]:
    """Relations as influences (15, influence-inference), which have keys as well (23).

    An influence has its relation's identifier, so what it adds is that relations of different kinds and one identifier
    have the same influencee and influencer.  Kinds that ``APART`` keeps from having one are reported there instead.
    """
    kinds: defaultdict[int, dict[str, Fact]] = defaultdict(dict)
    for fact in filter(_is_identified, instance.facts):
        kinds[fact.id].setdefault(fact.term, fact)
    for id, facts in kinds.items():
        apart = [fact for term, fact in facts.items() if term in APART]
        others = [fact for term, fact in facts.items() if term not in APART]
        for fact in (*apart[:1], *others) if len(facts) > 1 else ():
            names = ("influencee", "influencer")
            yield _View("key-properties", "influence-inference", fact, (id,), fact.arguments[:2], names)


def _is_identified(fact: Fact) -> bool:
    return fact.term not in ELEMENTS and TERMS[fact.term].identified


def _names(fact: Fact) -> tuple[str, ...]:
    return tuple(argument.name for argument in TERMS[fact.term].arguments)
