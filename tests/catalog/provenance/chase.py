"""Validity by the letter of PROV-CONSTRAINTS: statements are added and merged until there is nothing left to do.

It is slow, looks at all pairs, and shares nothing with the library but the records, so that the two can be held against
each other on small instances.  Like the library it takes it that what is used as an entity, a thing, was generated.
"""

from __future__ import annotations

from itertools import count, product
from typing import TYPE_CHECKING

from holotype.catalog.provenance.model import PROV, TERMS, Name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from holotype.catalog.provenance.model import Record

# A symbol: a constant, ``None`` for the placeholder, or a number for what has no name.
Symbol = str | int | None | tuple[str, "datetime"]
Statement = tuple[str, Symbol, tuple[Symbol, ...]]

EXPANDED = {
    "activity": (0, 1),
    "wasGeneratedBy": (1, 2),
    "used": (1, 2),
    "wasStartedBy": (1, 2, 3),
    "wasEndedBy": (1, 2, 3),
    "wasInvalidatedBy": (1, 2),
    "wasAssociatedWith": (1,),
    "actedOnBehalfOf": (1,),
}
EVENTS = ("used", "wasGeneratedBy", "wasInvalidatedBy", "wasStartedBy", "wasEndedBy")
APART = (*EVENTS, "wasInformedBy", "wasAttributedTo", "wasAssociatedWith", "actedOnBehalfOf")
ONCE = {"wasGeneratedBy": (0, 1), "wasInvalidatedBy": (0, 1), "wasStartedBy": (0, 2), "wasEndedBy": (0, 2)}
WITHOUT = ("specializationOf", "alternateOf", "hadMember", "mentionOf")


class Impossible(Exception):
    """Two constants would have to be the same."""


class Chase:
    """One instance on its way to its normal form."""

    def __init__(self, records: list[Record]) -> None:
        self.fresh = count()
        self.all: set[Statement] = set()
        self.empty: set[Symbol] = set()
        for record in records:
            values: list[Symbol] = []
            expanded = EXPANDED.get(record.term, ())
            if record.term == "wasDerivedFrom" and record.arguments[2] is not None:
                expanded = (3, 4)
            for place, value in enumerate(record.arguments):
                if value is None:
                    values.append(next(self.fresh) if place in expanded else None)
                else:
                    values.append(value if isinstance(value, str) else ("time", value))
            named = record.id is not None or record.term in WITHOUT
            self.all.add((record.term, record.id if named else next(self.fresh), tuple(values)))
            if record.term == "entity" and Name(PROV + "EmptyCollection") in record.values(PROV + "type"):
                self.empty.add(record.id)

    def of(self, term: str) -> list[tuple[Symbol, tuple[Symbol, ...]]]:
        return [(id, values) for kind, id, values in self.all if kind == term]

    def run(self) -> None:
        while self.merge() or self.infer():
            pass

    def merge(self) -> bool:
        """Find two symbols that must be the same, and make them so everywhere."""
        for one, other in self.same():
            if one == other:
                continue
            if isinstance(one, int) or isinstance(other, int):
                self.replace(*((one, other) if isinstance(one, int) else (other, one)))
                return True
            raise Impossible(f"{one!r} and {other!r}")
        return False

    def replace(self, old: Symbol, new: Symbol) -> None:
        """Put one symbol in the place of another everywhere."""
        self.all = {
            (term, new if id == old else id, tuple(new if value == old else value for value in values))
            for term, id, values in self.all
        }

    def same(self) -> Iterator[tuple[Symbol, Symbol]]:
        for term in TERMS:
            for (id1, values1), (id2, values2) in product(self.of(term), repeat=2):
                if term in WITHOUT:
                    if term == "mentionOf" and values1[0] == values2[0]:
                        yield from zip(values1, values2, strict=True)
                    continue
                if id1 == id2:  # 22, 23
                    yield from zip(values1, values2, strict=True)
                if term in ONCE and all(values1[place] == values2[place] for place in ONCE[term]):  # 24 to 27
                    yield id1, id2
        for place, term in enumerate(("wasStartedBy", "wasEndedBy")):  # 28, 29
            for (activity, times), (_, values) in product(self.of("activity"), self.of(term)):
                if values[0] == activity:
                    yield times[place], values[3]

    def infer(self) -> bool:
        """Add what one inference gives that is not there in some form."""
        for wanted in self.inferred():
            unknown = {symbol: next(self.fresh) for symbol in (-1, -2, -3, -4, -5, -6)}
            new = {
                (
                    term,
                    unknown.get(id, id) if isinstance(id, int) else id,
                    tuple(unknown.get(v, v) if isinstance(v, int) else v for v in values),
                )
                for term, id, values in wanted
            }
            self.all |= new
            return True
        return False

    def there(self, term: str, id: Symbol, *values: Symbol) -> bool:
        """Whether there is such a statement; negative numbers may be anything."""
        return any(
            all(
                wanted == found or (isinstance(wanted, int) and wanted < 0)
                for wanted, found in zip((id, *values), (has, *others), strict=True)
            )
            for has, others in self.of(term)
        )

    def missing(self, *statement: Symbol) -> Iterator[list[Statement]]:
        term, id, *values = statement
        if not self.there(str(term), id, *values):
            yield [(str(term), id, tuple(values))]

    def inferred(self) -> Iterator[list[Statement]]:
        generated, used = self.of("wasGeneratedBy"), self.of("used")
        for _, (later, earlier) in self.of("wasInformedBy"):  # 5
            if not any(
                g[1] == earlier and u[0] == later and g[0] == u[1] for (_, g), (_, u) in product(generated, used)
            ):
                yield [("wasGeneratedBy", -1, (-2, earlier, -3)), ("used", -4, (later, -2, -5))]
        for (_, g), (_, u) in product(generated, used):  # 6
            if g[0] == u[1]:
                yield from self.missing("wasInformedBy", -1, u[0], g[1])
        for entity, _ in (*self.of("entity"), *self.of("thing")):  # 7, 16
            yield from self.missing("wasGeneratedBy", -1, entity, -2, -3)
            yield from self.missing("wasInvalidatedBy", -1, entity, -2, -3)
            yield from self.missing("alternateOf", None, entity, entity)
        for activity, (start, end) in self.of("activity"):  # 8
            yield from self.missing("wasStartedBy", -1, activity, -2, -3, start)
            yield from self.missing("wasEndedBy", -1, activity, -2, -3, end)
        for term in ("wasStartedBy", "wasEndedBy"):  # 9, 10
            for _, (_, trigger, by, _) in self.of(term):
                yield from self.missing("wasGeneratedBy", -1, trigger, by, -2)
        for _, (later, earlier, activity, generation, usage) in self.of("wasDerivedFrom"):  # 11
            if None not in (activity, generation, usage):
                yield from self.missing("used", usage, activity, earlier, -1)
                yield from self.missing("wasGeneratedBy", generation, later, activity, -1)
        for _, (entity, agent) in self.of("wasAttributedTo"):  # 13
            if not any(
                g[0] == entity and a[0] == g[1] and a[1] == agent
                for (_, g), (_, a) in product(generated, self.of("wasAssociatedWith"))
            ):
                yield [("wasGeneratedBy", -1, (entity, -2, -3)), ("wasAssociatedWith", -4, (-2, agent, -5))]
        for _, (delegate, responsible, activity) in self.of("actedOnBehalfOf"):  # 14
            if activity is not None:
                yield from self.missing("wasAssociatedWith", -1, activity, delegate, -2)
                yield from self.missing("wasAssociatedWith", -1, activity, responsible, -2)
        for term in (*APART, "wasDerivedFrom"):  # 15
            for id, values in self.of(term):
                yield from self.missing("wasInfluencedBy", id, *values[:2])
        alternates = self.of("alternateOf")
        for _, (one, other) in alternates:  # 18
            yield from self.missing("alternateOf", None, other, one)
        for (_, first), (_, second) in product(alternates, repeat=2):  # 17
            if first[1] == second[0]:
                yield from self.missing("alternateOf", None, first[0], second[1])
        for _, values in self.of("mentionOf"):
            yield from self.missing("specializationOf", None, *values[:2])
        special = self.of("specializationOf")
        for (_, first), (_, second) in product(special, repeat=2):  # 19
            if first[1] == second[0]:
                yield from self.missing("specializationOf", None, first[0], second[1])
        for _, (specific, general) in special:  # 20, 21
            yield from self.missing("alternateOf", None, specific, general)
            if self.there("entity", general):
                yield from self.missing("entity", specific)
            if general in self.empty:
                self.empty.add(specific)
        for symbol, kind in self.typed():
            if kind == "entity":
                yield from self.missing("thing", symbol)

    def typed(self) -> Iterator[tuple[Symbol, str]]:  # 50
        for term, id, values in self.all:
            if term in ("entity", "activity"):
                yield id, term
            for argument, value in zip(TERMS[term].arguments if term in TERMS else (), values, strict=True):
                if value is not None and argument.refers in ("entity", "activity"):
                    yield value, argument.refers

    def impossible(self) -> bool:
        derived = self.of("wasDerivedFrom")
        kinds: dict[Symbol, set[str]] = {}
        for term, id, _ in self.all:
            if term not in (*WITHOUT, "thing"):
                kinds.setdefault(id, set()).add(term)
        types = set(self.typed())
        return (
            any(a is None and (g, u) != (None, None) for _, (_, _, a, g, u) in derived)  # 51
            or any(one == other for _, (one, other) in self.of("specializationOf"))  # 52
            or any(len(found & {*APART}) > 1 for found in kinds.values())  # 53
            or any(
                found & {"entity", "activity", "agent"} and len(found - {"entity", "activity", "agent"}) > 0
                for found in kinds.values()
            )  # 54
            or any((symbol, "activity") in types for symbol, kind in types if kind == "entity")  # 55
            or any(collection in self.empty for _, (collection, _) in self.of("hadMember"))  # 56
        )

    def before(self) -> Iterator[tuple[Symbol, Symbol, bool]]:
        """What precedes what; ``True`` where it is strict."""

        def pairs(
            one: str, place1: int, other: str, place2: int, *both: Symbol
        ) -> Iterator[tuple[Symbol, Symbol, bool]]:
            """Each two events that say the same in these places, or that say ``both``, one each."""
            for (id1, values1), (id2, values2) in product(self.of(one), self.of(other)):
                said = (values1[place1], values2[place2])
                if said == both if both else said[0] == said[1]:
                    yield id1, id2, False

        start, end, gen, inv = "wasStartedBy", "wasEndedBy", "wasGeneratedBy", "wasInvalidatedBy"
        yield from pairs(start, 0, end, 0)  # 30
        yield from pairs(start, 0, start, 0)  # 31
        yield from pairs(end, 0, end, 0)  # 32
        yield from pairs(start, 0, "used", 0)  # 33
        yield from pairs("used", 0, end, 0)
        yield from pairs(start, 0, gen, 1)  # 34
        yield from pairs(gen, 1, end, 0)
        yield from pairs(gen, 0, inv, 0)  # 36
        yield from pairs(gen, 0, "used", 1)  # 37
        yield from pairs("used", 1, inv, 0)  # 38
        yield from pairs(gen, 0, gen, 0)  # 39
        yield from pairs(inv, 0, inv, 0)  # 40
        for event in (start, end):  # 43, 44
            yield from pairs(gen, 0, event, 1)
            yield from pairs(event, 1, inv, 0)
        for _, (later, earlier) in self.of("wasInformedBy"):  # 35
            yield from pairs(start, 0, end, 0, earlier, later)
        for _, (later, earlier, activity, generation, usage) in self.of("wasDerivedFrom"):
            if None not in (activity, generation, usage):
                yield usage, generation, False  # 41
            for one, other, _ in pairs(gen, 0, gen, 0, earlier, later):
                yield one, other, True  # 42
        for _, (specific, general) in self.of("specializationOf"):
            yield from pairs(gen, 0, gen, 0, general, specific)  # 45
            yield from pairs(inv, 0, inv, 0, specific, general)  # 46
        for _, (activity, agent, _) in self.of("wasAssociatedWith"):  # 47
            for one, place, other, there, first, second in (
                (start, 0, inv, 0, activity, agent),
                (gen, 0, end, 0, agent, activity),
                (start, 0, end, 0, activity, agent),
                (start, 0, end, 0, agent, activity),
            ):
                yield from pairs(one, place, other, there, first, second)
        for _, (entity, agent) in self.of("wasAttributedTo"):  # 48
            for one in (gen, start):
                yield from pairs(one, 0, gen, 0, agent, entity)
        for _, (delegate, responsible, _) in self.of("actedOnBehalfOf"):  # 49
            for one, other in ((gen, inv), (start, end)):
                yield from pairs(one, 0, other, 0, responsible, delegate)

    def misordered(self) -> bool:
        after: dict[Symbol, set[Symbol]] = {}
        strict: set[tuple[Symbol, Symbol]] = set()
        for one, other, is_strict in self.before():
            after.setdefault(one, set()).add(other)
            if is_strict:
                strict.add((one, other))
        for one, other in strict:
            seen, waiting = {other}, [other]
            while waiting:
                new = after.get(waiting.pop(), set()) - seen
                seen |= new
                waiting += new
            if one in seen:
                return True
        return False


def valid(records: list[Record]) -> bool:
    """Whether an instance is valid."""
    chase = Chase(records)
    try:
        chase.run()
    except Impossible:
        return False
    return not chase.impossible() and not chase.misordered()
