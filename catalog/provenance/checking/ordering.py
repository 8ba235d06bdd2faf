"""What happened before what: the event ordering constraints, 30 to 49.

An instance is invalid where an event would strictly precede itself: where what precedes what leads in a cycle, and one
step of it is strict.  Only derivations are strict: what is derived is generated after what it is derived from.

All generations of one entity are at once (39), and so are its invalidations (40) and the starts (31) and ends (32) of
an activity.  So each entity has one *moment* of generation that every constraint speaks of, with its generation events
before and behind it, and there are as many steps as statements, not as pairs of them.  The moment is there whether an
event is told or not: every entity was generated and will be invalidated (7, entity-generation-invalidation-inference),
every activity has begun and will end (8, activity-start-end-inference); what statements treat as an entity (50) is one
here, whether it was declared or not.

What the other inferences add is in these steps already.  That ``b`` was informed by ``a`` is a usage of something that
``a`` generated (5), and the other way round (6): each gives that ``a`` began before ``b`` ended, as 33, 34, 35 and 37
do together.  An attribution has an activity (13) of which nothing more is known.  Specialization is transitive (19), as
``precedes`` is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from .graphs import Graph
from .kinds import specializations
from .violation import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .facts import Fact, Instance
    from .merging import Merged

__all__ = ["misordered"]

# ``event`` and its identifier; ``generation`` or ``invalidation`` and an entity; ``start`` or ``end`` and an activity.
_Moment = tuple[str, int]


@dataclass(frozen=True, slots=True)
class _Step:
    """That one moment precedes another, by which constraint, and which facts say so."""

    constraint: str
    before: _Moment
    after: _Moment
    fact: Fact | None = None
    strict: bool = False


def misordered(merged: Merged) -> Iterator[Violation]:
    """A violation for each set of events that would all strictly precede themselves, by a shortest cycle among them.

    It has the name of the constraint that is strict; its message has the others as well.
    """
    if not merged.instance.told["wasDerivedFrom"]:
        return  # nothing is strict
    root = merged.symbols.root
    graph: Graph[_Step] = Graph()
    known: set[_Moment] = set()
    for step in _steps(merged.instance):
        before, after = ((kind, root(symbol)) for kind, symbol in (step.before, step.after))
        graph.add(before, after, step)
        known |= {before, after}
    for kind, symbol in known:
        if kind in ("start", "end"):
            first, last = ("start", symbol), ("end", symbol)
            graph.add(first, last, _Step("start-precedes-end", first, last))  # 30
        elif kind in ("generation", "invalidation"):
            first, last = ("generation", symbol), ("invalidation", symbol)
            graph.add(first, last, _Step("generation-precedes-invalidation", first, last))  # 36
    for cycle in graph.cycles(lambda step: step.strict):
        yield _violation(merged, cycle)


def _violation(merged: Merged, cycle: list[_Step]) -> Violation:
    instance = merged.instance
    turns = [*pairwise(cycle), (cycle[-1], cycle[0])]
    joints = [(one.after[1], other.before[1]) for one, other in turns]
    places = sorted({step.fact.record for step in cycle if step.fact is not None} | merged.explain(*joints))
    records = tuple(instance.records[place] for place in places)
    strict = next(step.constraint for step in cycle if step.strict)
    # An event that passes on to what its moment precedes is no matter of two events being at once.
    others = dict.fromkeys(
        one.constraint
        for one, other in turns
        if not one.strict and (one.constraint not in _AT_ONCE or one.constraint == other.constraint)
    )
    by = ", ".join([strict, *others])
    message = f"{instance.speaker.statements(records)} make something happen before itself ({by})"
    return Violation(strict, records, message)


_AT_ONCE = {
    "start-start-ordering": ("wasStartedBy", "activity", "start"),  # 31
    "end-end-ordering": ("wasEndedBy", "activity", "end"),  # 32
    "generation-generation-ordering": ("wasGeneratedBy", "entity", "generation"),  # 39
    "invalidation-invalidation-ordering": ("wasInvalidatedBy", "entity", "invalidation"),  # 40
}


def _steps(instance: Instance) -> Iterator[_Step]:
    """All steps that facts make."""
    every, told = instance.every, instance.told
    for constraint, (term, argument, kind) in _AT_ONCE.items():
        for fact in every[term]:
            moment: _Moment = (kind, fact[argument])
            yield _Step(constraint, _event(fact), moment, fact)
            yield _Step(constraint, moment, _event(fact), fact)
    for term, constraint in (("used", "usage-within-activity"), ("wasGeneratedBy", "generation-within-activity")):
        for fact in every[term]:  # 33, 34
            yield _Step(constraint, ("start", fact["activity"]), _event(fact), fact)
            yield _Step(constraint, _event(fact), ("end", fact["activity"]), fact)
    for fact in told["wasInformedBy"]:
        yield _Step("wasInformedBy-ordering", ("start", fact["informant"]), ("end", fact["informed"]), fact)  # 35
    for fact in every["used"]:
        yield _Step("generation-precedes-usage", ("generation", fact["entity"]), _event(fact), fact)  # 37
        yield _Step("usage-precedes-invalidation", _event(fact), ("invalidation", fact["entity"]), fact)  # 38
    for term in ("wasStartedBy", "wasEndedBy"):
        for fact in every[term]:  # 43, 44
            yield _Step(f"{term}-ordering", ("generation", fact["trigger"]), _event(fact), fact)
            yield _Step(f"{term}-ordering", _event(fact), ("invalidation", fact["trigger"]), fact)
    yield from _between_entities(instance)
    yield from _of_agents(instance)


def _between_entities(instance: Instance) -> Iterator[_Step]:
    absent = instance.symbols.absent
    for fact in instance.told["wasDerivedFrom"]:
        later, earlier, activity, generation, usage = fact.arguments
        if not any(map(absent, (activity, generation, usage))):
            constraint = "derivation-usage-generation-ordering"
            yield _Step(constraint, ("event", usage), ("event", generation), fact)  # 41
        constraint = "derivation-generation-generation-ordering"
        yield _Step(constraint, ("generation", earlier), ("generation", later), fact, strict=True)  # 42
    for fact in specializations(instance):
        specific, general = fact.arguments[:2]
        constraint = "specialization-generation-ordering"
        yield _Step(constraint, ("generation", general), ("generation", specific), fact)  # 45
        constraint = "specialization-invalidation-ordering"
        yield _Step(constraint, ("invalidation", specific), ("invalidation", general), fact)  # 46


def _of_agents(instance: Instance) -> Iterator[_Step]:
    """An agent may be an entity or an activity: each has the moments of both; those that it has not lead nowhere."""
    associations = [(fact["activity"], fact["agent"], fact) for fact in instance.told["wasAssociatedWith"]]
    for fact in instance.told["actedOnBehalfOf"]:
        if not instance.symbols.absent(fact["activity"]):  # 14, delegation-inference
            associations += [(fact["activity"], fact[name], fact) for name in ("delegate", "responsible")]
    for activity, agent, fact in associations:
        constraint = "wasAssociatedWith-ordering"  # 47
        yield _Step(constraint, ("start", activity), ("invalidation", agent), fact)
        yield _Step(constraint, ("generation", agent), ("end", activity), fact)
        yield _Step(constraint, ("start", activity), ("end", agent), fact)
        yield _Step(constraint, ("start", agent), ("end", activity), fact)
    for fact in instance.told["wasAttributedTo"]:
        constraint = "wasAttributedTo-ordering"  # 48
        yield _Step(constraint, ("generation", fact["agent"]), ("generation", fact["entity"]), fact)
        yield _Step(constraint, ("start", fact["agent"]), ("generation", fact["entity"]), fact)
    for fact in instance.told["actedOnBehalfOf"]:
        constraint = "actedOnBehalfOf-ordering"  # 49
        yield _Step(constraint, ("generation", fact["responsible"]), ("invalidation", fact["delegate"]), fact)
        yield _Step(constraint, ("start", fact["responsible"]), ("end", fact["delegate"]), fact)


def _event(fact: Fact) -> _Moment:
    return "event", fact.id
