"""Records become rows and come back; what is said once is written once; what cannot be true is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from holotype.catalog import Catalog, Conflict, MemoryStore, ProvenanceRefused, provenance
from holotype.catalog.provenance.model import ELEMENTS, PROV, TERMS, Document, Literal, Record
from holotype.catalog.provenance.rows import element_of, element_rows, relation_of, relation_rows
from holotype.catalog.provenance.times import contradictions

from ...effort import share
from .documents import documents

if TYPE_CHECKING:
    from holotype.catalog import Entry, State
    from holotype.catalog.provenance.recording import Recorded

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DAY = timedelta(days=1)
_unique = count()


def keep(catalog: Catalog, *records: Record) -> Entry | None:
    """Record and commit; what was committed, if there was anything."""
    return commit(catalog, said(catalog, *records), view=catalog.state)


def said(catalog: Catalog, *records: Record) -> Recorded:
    """Record, without committing it."""
    return provenance.record(catalog, Document(records), recorded=NOW, author="ada")


def commit(catalog: Catalog, said: Recorded, *, view: State) -> Entry | None:
    """Commit what was recorded with a look at ``view``, if there is anything."""
    if not said.segments:
        return None
    return catalog.commit(add=said.segments, operation="provenance", view=view, check=said.check)


def empty() -> Catalog:
    """A catalog in memory with the tables of provenance."""
    return Catalog.create(MemoryStore(f"provenance {next(_unique)}"), tables=provenance.PROV_TABLES)


@given(documents())
@settings(max_examples=share(50), deadline=None)
def test_every_record_comes_back_from_its_row(document: Document) -> None:
    said = list(document)
    elements = [each for each in said if each[1].term in ELEMENTS]
    relations = [each for each in said if each[1].term not in ELEMENTS]
    rows = element_rows(elements, recorded=NOW, author="ada").to_pylist()
    assert [(row["bundle"], element_of(row)) for row in rows] == elements
    rows = relation_rows(relations, recorded=NOW, author="ada").to_pylist()
    assert [(row["bundle"], relation_of(row)) for row in rows] == relations


def test_what_is_said_of_something_is_found_again_with_its_attributes_and_times() -> None:
    catalog = empty()
    plot = Record("activity", "ex:plot", (NOW, NOW + DAY), ((PROV + "label", Literal("plot")),))
    made = Record("wasGeneratedBy", "ex:g", ("ex:figure", "ex:plot", NOW), ((PROV + "role", Literal("output")),))
    keep(catalog, plot, made)
    assert set(provenance.statements(catalog, ["ex:plot", "ex:figure"]).records) == {plot, made}
    row = catalog.read("prov_relations").to_pylist()[0]
    assert (row["role"], row["time"], row["author"]) == ("output", NOW, "ada")


def test_an_environment_that_many_used_is_written_once() -> None:
    catalog = empty()
    environment, package = "urn:holotype:environment:1", "pkg:pypi/numpy@2.2.0"
    shared = [
        Record("entity", environment),
        Record("entity", package),
        Record("hadMember", None, (environment, package)),
    ]
    for number in range(3):
        keep(catalog, *shared, Record("used", None, (f"urn:holotype:activity:{number}", environment)))
    assert catalog.read("prov_elements").num_rows == 2
    terms = catalog.read("prov_relations")["term"].to_pylist()
    assert sorted(terms) == ["hadMember", "used", "used", "used"]


def test_nothing_new_is_no_commit() -> None:
    catalog = empty()
    assert keep(catalog, Record("entity", "pkg:pypi/numpy@2.2.0")) is not None
    assert keep(catalog, Record("entity", "pkg:pypi/numpy@2.2.0")) is None


def test_what_breaks_a_constraint_with_what_was_said_before_is_refused_and_leaves_nothing() -> None:
    catalog = empty()
    keep(catalog, Record("wasDerivedFrom", None, ("ex:b", "ex:a")), Record("wasDerivedFrom", None, ("ex:c", "ex:b")))
    version = catalog.state.version
    with pytest.raises(ProvenanceRefused) as caught:
        keep(catalog, Record("wasDerivedFrom", None, ("ex:a", "ex:c")))
    assert caught.value.about["constraints"]
    assert "ex:a" in caught.value.message
    assert catalog.state.version == version


MADE = "ex:made"


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        # Both say of something for the first time what it is called.
        (Record("used", None, ("ex:one", MADE)), Record("used", None, ("ex:other", MADE))),
        (Record("wasGeneratedBy", None, (MADE, "ex:one")), Record("wasGeneratedBy", None, (MADE, "ex:other"))),
        # One speaks of what was known, the other says more of it.
        (
            Record("wasInvalidatedBy", None, ("ex:known", "ex:one", NOW)),
            Record("wasGeneratedBy", None, ("ex:known", "ex:other", NOW + DAY)),
        ),
        # Together they lead in a circle, though they speak of different things.
        (Record("wasDerivedFrom", None, ("ex:c", "ex:b")), Record("wasDerivedFrom", None, ("ex:a", "ex:d"))),
    ],
)
def test_what_others_said_of_the_same_meanwhile_is_looked_at_again(mine: Record, theirs: Record) -> None:
    catalog = empty()
    keep(catalog, Record("entity", "ex:known"), Record("wasDerivedFrom", None, ("ex:b", "ex:a")))
    keep(catalog, Record("wasDerivedFrom", None, ("ex:d", "ex:c")))
    view = catalog.state
    first = said(catalog, mine)
    keep(catalog, theirs)
    with pytest.raises(Conflict) as caught:
        commit(catalog, first, view=view)
    assert "said" in caught.value.about


def test_what_others_said_of_other_things_or_merged_meanwhile_is_no_hindrance() -> None:
    catalog = empty()
    script, environment = "urn:holotype:file:code:00:run.py", "urn:holotype:environment:1"
    known = [Record("entity", script), Record("entity", environment)]
    keep(catalog, *known)
    keep(catalog, Record("used", None, ("urn:holotype:activity:0", script)))
    view = catalog.state
    first = said(
        catalog, *known, *(Record("used", None, ("urn:holotype:activity:1", each)) for each in (script, environment))
    )
    keep(catalog, Record("used", None, ("urn:holotype:activity:2", script)), Record("entity", "ex:other"))
    assert catalog.compact() is not None
    assert commit(catalog, first, view=view) is not None


def test_what_was_an_activity_is_used_as_no_entity_later() -> None:
    catalog = empty()
    keep(catalog, Record("activity", "ex:plot", (NOW, NOW + DAY)))
    for wrong in (Record("used", None, ("ex:other", "ex:plot")), Record("entity", "ex:plot")):
        with pytest.raises(ProvenanceRefused) as caught:
            keep(catalog, wrong)
        assert "entity-activity-disjoint" in str(caught.value.about["constraints"])


def test_what_our_own_identifiers_say_is_held_against_what_others_say() -> None:
    catalog = empty()
    activity = provenance.activity_id(b"0" * 16)
    file = provenance.file_id("run42", "a.csv", b"1" * 32)
    keep(catalog, Record("activity", activity, (NOW, NOW + DAY)), Record("entity", file))
    for wrong in (
        Record("entity", activity),
        Record("used", None, ("ex:other", activity)),
        Record("wasDerivedFrom", None, ("ex:paper", activity)),
        Record("activity", file),
        Record("wasInformedBy", None, ("ex:other", file)),
    ):
        with pytest.raises(ProvenanceRefused) as caught:
            keep(catalog, wrong)
        assert "entity-activity-disjoint" in str(caught.value.about["constraints"])
    keep(catalog, Record("used", None, ("ex:other", file)), Record("wasInformedBy", None, ("ex:other", activity)))


@pytest.mark.parametrize(
    ("constraint", "records"),
    [
        ("start-precedes-end", [Record("activity", "ex:a", (NOW + DAY, NOW))]),
        (
            "usage-within-activity",
            [Record("activity", "ex:a", (NOW, NOW + DAY)), Record("used", None, ("ex:a", "ex:e", NOW - DAY))],
        ),
        (
            "generation-within-activity",
            [
                Record("activity", "ex:a", (NOW, NOW + DAY)),
                Record("wasGeneratedBy", None, ("ex:e", "ex:a", NOW + 2 * DAY)),
            ],
        ),
        (
            "generation-precedes-usage",
            [Record("wasGeneratedBy", None, ("ex:e", "ex:a", NOW)), Record("used", None, ("ex:b", "ex:e", NOW - DAY))],
        ),
        (
            "usage-precedes-invalidation",
            [
                Record("wasInvalidatedBy", None, ("ex:e", "ex:a", NOW)),
                Record("used", None, ("ex:b", "ex:e", NOW + DAY)),
            ],
        ),
        (
            "generation-precedes-invalidation",
            [
                Record("wasInvalidatedBy", None, ("ex:e", "ex:a", NOW)),
                Record("wasGeneratedBy", None, ("ex:e", "ex:b", NOW + DAY)),
            ],
        ),
    ],
)
def test_times_that_contradict_the_order_are_named(constraint: str, records: list[Record]) -> None:
    (found,) = contradictions(Document(tuple(records)))
    assert found.constraint == constraint
    assert set(found.records) <= set(records)
    assert not contradictions(Document(tuple(records[:-1])))


def test_times_that_cannot_be_compared_contradict_nothing() -> None:
    plain = NOW.replace(tzinfo=None)
    assert contradictions(Document((Record("activity", "ex:a", (NOW + DAY, plain)),))) == ()


def test_every_term_that_relates_things_is_kept() -> None:
    catalog = empty()
    for name, term in TERMS.items():
        if name in ELEMENTS or name in ("specializationOf", "mentionOf"):
            continue
        ids = [f"ex:{name}:{argument.name}" for argument in term.arguments if argument.refers in ELEMENTS]
        arguments = tuple(
            f"ex:{name}:{argument.name}" if argument.refers in (*ELEMENTS, "influence") else None
            for argument in term.arguments
        )
        keep(catalog, Record(name, None, arguments))
        assert all(provenance.Graph(catalog).known(ids)) if ids else True
