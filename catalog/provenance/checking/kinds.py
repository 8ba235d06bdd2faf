"""What things are, and what cannot be: the typing constraint, 50, and the impossibility constraints, 51 to 56.

Who plays which part in a statement is in ``TERMS``, so that is the typing constraint: what was used is an
entity.  Agents may be entities or activities besides; an entity is no activity.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from ..model import ELEMENTS, PROV, TERMS, Name
from .graphs import Graph
from .merging import APART
from .violation import Violation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Set

    from .facts import Fact, Instance
    from .merging import Merged

__all__ = ["impossible", "specializations"]

_EMPTY = Name(PROV + "EmptyCollection")


def impossible(merged: Merged) -> Iterator[Violation]:
    """Every violation of constraints 51 to 56, in this order."""
    yield from _derivations(merged.instance)
    yield from _specializations(merged)
    yield from _overlaps(merged)
    yield from _disjoint(merged)
    yield from _members(merged)


def specializations(instance: Instance) -> list[Fact]:
    """What specializes what: it is told, or it mentions it (PROV-LINKS' mention-specialization-inference)."""
    return instance.told["specializationOf"] + instance.told["mentionOf"]


def _derivations(instance: Instance) -> Iterator[Violation]:
    """51, impossible-unspecified-derivation-generation-use."""
    absent = instance.symbols.absent
    for fact in instance.told["wasDerivedFrom"]:
        told = [name for name in ("generation", "usage") if not absent(fact[name])]
        if absent(fact["activity"]) and told:
            record = instance.records[fact.record]
            yield Violation(
                "impossible-unspecified-derivation-generation-use",
                (record,),
                f"{instance.speaker.statement(record)} tells its {' and its '.join(told)}, but no activity",
            )


def _specializations(merged: Merged) -> Iterator[Violation]:
    """52, impossible-specialization-reflexive.

    Specialization is transitive (19, specialization-transitive), so something specializes itself where a cycle of them
    leads back to it.
    """
    instance, root = merged.instance, merged.symbols.root
    graph: Graph[Fact] = Graph()
    for fact in specializations(instance):
        graph.add(root(fact.arguments[0]), root(fact.arguments[1]), fact)
    for cycle in graph.cycles(lambda _: True):
        joints = [(one.arguments[1], other.arguments[0]) for one, other in pairwise([*cycle, cycle[0]])]
        name = _name(merged, cycle[0].arguments[0])
        yield _violation(
            merged, "impossible-specialization-reflexive", cycle, joints, f"make {name} a specialization of itself"
        )


def _overlaps(merged: Merged) -> Iterator[Violation]:
    """53, impossible-property-overlap, and 54, impossible-object-property-overlap."""
    instance, root = merged.instance, merged.symbols.root
    objects: dict[int, Fact] = {}
    relations: defaultdict[int, dict[str, Fact]] = defaultdict(dict)
    for fact in instance.facts:
        if fact.term in ELEMENTS:
            objects.setdefault(root(fact.id), fact)
        elif TERMS[fact.term].identified:
            relations[root(fact.id)].setdefault(fact.term, fact)
    entities = {place: fact for place, fact in objects.items() if fact.term == "entity"}
    special = _passed_on(merged, entities, relations.keys() - objects.keys())
    for place, facts in relations.items():
        problem = f"cannot share the identifier {_name(merged, place)}"
        apart = [fact for term, fact in facts.items() if term in APART]
        if len(apart) > 1:
            joints = [(one.id, other.id) for one, other in pairwise(apart)]
            yield _violation(merged, "impossible-property-overlap", apart, joints, problem)
        if place in objects or place in special:
            one = next(iter(facts.values()))
            by = [objects[place]] if place in objects else special[place]
            joints = [(one.id, by[-1].id if place in objects else by[-1].arguments[0])]
            yield _violation(merged, "impossible-object-property-overlap", [one, *by], joints, problem)


def _disjoint(merged: Merged) -> Iterator[Violation]:
    """55, entity-activity-disjoint, of what the typing constraint (50) tells."""
    root = merged.symbols.root
    typed: dict[str, dict[int, tuple[int, Fact]]] = {"entity": {}, "activity": {}}
    for symbol, kind, fact in _typed(merged.instance):
        typed[kind].setdefault(root(symbol), (symbol, fact))
    for place, (symbol, fact) in typed["entity"].items():
        if place in typed["activity"]:
            other, by = typed["activity"][place]
            problem = f"make {_name(merged, symbol)} both an entity and an activity"
            yield _violation(merged, "entity-activity-disjoint", [fact, by], [(symbol, other)], problem)


def _typed(instance: Instance) -> Iterator[tuple[int, str, Fact]]:
    """50, typing: what facts say is an entity or an activity.

    What is inferred from facts is typed as they are, so those that were told are enough: of 5 to 21, inferences of
    alternates (12, 16, 17, 18, 20) tell no more than that their entities are entities.
    """
    for term, facts in instance.told.items():
        if term in ("entity", "activity"):
            yield from ((fact.id, term, fact) for fact in facts)
        for place, argument in enumerate(TERMS[term].arguments):
            if argument.refers in ("entity", "activity"):
                for fact in facts:
                    if not instance.symbols.absent(fact.arguments[place]):
                        yield fact.arguments[place], argument.refers, fact


def _members(merged: Merged) -> Iterator[Violation]:
    """56, membership-empty-collection."""
    instance, root = merged.instance, merged.symbols.root
    empty: dict[int, Fact] = {}
    for fact in instance.told["entity"]:
        if _EMPTY in instance.records[fact.record].values(PROV + "type"):
            empty.setdefault(root(fact.id), fact)
    memberships = instance.told["hadMember"]
    special = _passed_on(merged, empty, {root(fact["collection"]) for fact in memberships} - empty.keys())
    for fact in memberships:
        place = root(fact["collection"])
        if place in empty or place in special:
            by = [empty[place]] if place in empty else special[place]
            problem = f"give a member to {_name(merged, place)}, which is an empty collection"
            yield _violation(merged, "membership-empty-collection", [fact, *by], [], problem)


def _passed_on(merged: Merged, told: dict[int, Fact], wanted: Set[int]) -> dict[int, list[Fact]]:
    """Which of the entities wanted specialize one that is told, and so are what it is (21,
    specialization-attributes-inference): each with the facts that make it so, those nearest to it last."""
    if not told or not wanted:
        return {}
    root = merged.symbols.root
    graph: Graph[Fact] = Graph()
    for fact in specializations(merged.instance):
        graph.add(root(fact.arguments[1]), root(fact.arguments[0]), fact)
    ways = graph.ways(told, wanted)
    return {place: [told[root(way[0].arguments[1])], *way] for place, way in ways.items()}


def _violation(
    merged: Merged, constraint: str, facts: Iterable[Fact], joints: Iterable[tuple[int, int]], problem: str
) -> Violation:
    """A violation by facts, and by those for which the symbols in each joint are the same."""
    instance = merged.instance
    places = sorted({fact.record for fact in facts} | merged.explain(*joints))
    records = tuple(instance.records[place] for place in places)
    return Violation(constraint, records, f"{instance.speaker.statements(records)} {problem} ({constraint})")


def _name(merged: Merged, symbol: int) -> str:
    """How something is called in a message."""
    constant = merged.symbols.known(symbol)
    return "something" if constant is None else merged.instance.speaker.constant(merged.symbols.value(constant))
