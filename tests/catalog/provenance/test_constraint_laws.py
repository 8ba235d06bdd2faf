"""Whatever is told, the check and the letter of PROV-CONSTRAINTS agree on whether it can be true."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from holotype.catalog.provenance.checking import check
from holotype.catalog.provenance.model import ELEMENTS, PROV, TERMS, Document, Name, Record

from ...effort import share
from .chase import valid

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

EX = "http://example.org/"
KINDS = {
    "entity": ["e1", "e2", "e3"],
    "activity": ["a1", "a2"],
    "agent": ["ag1", "e1", "a1"],
    "influence": ["e1", "a1", "ag1"],
    "bundle": ["b1", "b2"],
}
EVENTS = {"wasGeneratedBy": ["g1", "g2"], "used": ["u1", "u2"], "generation": ["g1", "g2"], "usage": ["u1", "u2"]}
TIMES = [datetime(2024, 5, 1, hour, tzinfo=UTC) for hour in (10, 11)]
# All that can lead from a generation to an earlier one.
ORDERED = (
    "wasGeneratedBy",
    "used",
    "wasStartedBy",
    "wasDerivedFrom",
    "wasDerivedFrom",
    "specializationOf",
    "wasAttributedTo",
)
EMPTY = ((PROV + "type", Name(PROV + "EmptyCollection")),)


def names(choices: list[str], *, odd: bool) -> SearchStrategy[str]:
    """Names of a kind; ``odd``: or of any other, as few statements have."""
    others = ["e1", "a1", "g1", "r1"]
    return st.sampled_from(choices + (others if odd else [])).map(EX.__add__)


@st.composite
def statements(draw: st.DrawFn, terms: tuple[str, ...] = tuple(TERMS), *, odd: bool = False) -> Record:
    """A statement that may well contradict another one."""
    term = TERMS[draw(st.sampled_from(terms))]
    arguments: list[str | datetime | None] = []
    for argument in term.arguments:
        if not argument.required and draw(st.integers(0, 2)) == 0:
            arguments.append(None)
        elif argument.refers == "time":
            arguments.append(draw(st.sampled_from(TIMES)))
        else:
            choices = EVENTS[argument.name] if argument.refers == "event" else KINDS[argument.refers]
            arguments.append(draw(names(choices, odd=odd)))
    if term.name in ELEMENTS:
        empty = term.name == "entity" and draw(st.integers(0, 5)) == 0
        return Record(term.name, draw(names(KINDS[term.name], odd=odd)), tuple(arguments), EMPTY if empty else ())
    id = draw(st.none() | names(EVENTS.get(term.name, [term.name]), odd=odd)) if term.identified else None
    return Record(term.name, id, tuple(arguments))


def hold_against_the_letter(told: list[Record]) -> None:
    violations = check(Document(tuple(told)))
    event("valid" if not violations else violations[0].constraint)
    assert valid(told) == (not violations), violations


@given(st.booleans().flatmap(lambda odd: st.lists(statements(odd=odd), min_size=1, max_size=6)))
@settings(max_examples=share(250), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_check_agrees_with_the_letter_of_the_constraints(told: list[Record]) -> None:
    hold_against_the_letter(told)


@given(st.lists(statements(ORDERED), min_size=2, max_size=8))
@settings(max_examples=share(250), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_check_agrees_with_the_letter_on_what_came_first(told: list[Record]) -> None:
    hold_against_the_letter(told)
