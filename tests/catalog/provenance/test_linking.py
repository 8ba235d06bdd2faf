"""Which links and names the records of PROV make."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from holotype.catalog.provenance.hashing import content_id, key
from holotype.catalog.provenance.linking import EMPTY, graph_rows
from holotype.catalog.provenance.model import ELEMENTS, TERMS, Record
from holotype.catalog.provenance.tables import PROV_LINKS, PROV_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

PLACES = list(TERMS)


def named(*records: Record) -> dict[str, str]:
    """What each element is taken for."""
    names, _ = graph_rows(records)
    assert names["key"].to_pylist() == [key(id) for id in names["id"].to_pylist()]
    terms = [PLACES[place] for place in names["term"].to_pylist()]
    return dict(zip(names["id"].to_pylist(), terms, strict=True))


def linked(*records: Record) -> list[tuple[str, str, str, bool]]:
    """The links to the past; each has to be there from its other end as well."""
    names, links = graph_rows(records)
    ids = dict(zip(names["key"].to_pylist(), names["id"].to_pylist(), strict=True))
    rows = [
        (ids[row["node"]], ids[row["other"]], PLACES[row["term"]], row["past"], row["across"])
        for row in links.to_pylist()
    ]
    there = [(node, other, term, across) for node, other, term, past, across in rows if past]
    back = [(other, node, term, across) for node, other, term, past, across in rows if not past]
    assert sorted(there) == sorted(back)
    return there


def test_a_link_leads_from_the_first_argument_to_each_that_lies_in_its_past() -> None:
    at = datetime(2026, 5, 4, tzinfo=UTC)
    assert linked(Record("used", "ex:usage", ("ex:step", "ex:raw", at))) == [("ex:step", "ex:raw", "used", False)]
    assert linked(Record("wasAssociatedWith", None, ("ex:step", "ex:ada", "ex:script"))) == [
        ("ex:step", "ex:ada", "wasAssociatedWith", False),
        ("ex:step", "ex:script", "wasAssociatedWith", False),
    ]
    # What is derived came from the activity as well, but its generation and usage are no elements.
    assert linked(Record("wasDerivedFrom", None, ("ex:b", "ex:a", "ex:step", "ex:gen", "ex:use"))) == [
        ("ex:b", "ex:a", "wasDerivedFrom", False),
        ("ex:b", "ex:step", "wasDerivedFrom", False),
    ]
    assert linked(Record("used", None, ("ex:step", None, at))) == []


def test_every_relation_that_has_a_past_makes_links() -> None:
    for term in TERMS.values():
        if term.name in ELEMENTS:
            continue
        arguments = [None if each.refers == "time" else f"ex:{each.name}" for each in term.arguments]
        expected = [(arguments[0], f"ex:{each.name}", term.name, False) for each in term.arguments if each.past]
        assert linked(Record(term.name, None, tuple(arguments))) == expected
        assert expected


def test_only_a_file_and_its_content_are_joined_and_never_an_empty_one() -> None:
    content = content_id(b"7" * 32)
    assert linked(
        Record("specializationOf", None, ("ex:file", content)),
        Record("specializationOf", None, ("ex:file", "ex:other")),
        Record("specializationOf", None, ("ex:file", EMPTY)),
        Record("used", None, ("ex:step", content)),
    ) == [
        ("ex:file", content, "specializationOf", True),
        ("ex:file", "ex:other", "specializationOf", False),
        ("ex:file", EMPTY, "specializationOf", False),
        ("ex:step", content, "used", False),
    ]


def test_an_element_is_what_it_is_said_to_be_or_what_a_relation_takes_it_for() -> None:
    found = named(
        Record("wasInfluencedBy", None, ("ex:who", "ex:what")),
        Record("used", None, ("ex:step", "ex:raw")),
        Record("actedOnBehalfOf", None, ("ex:ada", "ex:lab", "ex:step")),
        Record("agent", "ex:who"),
        Record("entity", "ex:alone"),
    )
    assert found == {
        **{"ex:who": "agent", "ex:what": "entity", "ex:step": "activity", "ex:raw": "entity"},
        **{"ex:ada": "agent", "ex:lab": "agent", "ex:alone": "entity"},
    }


def test_what_is_said_twice_is_linked_and_named_once() -> None:
    use = Record("used", None, ("ex:step", "ex:raw"))
    names, links = graph_rows([use, use, Record("entity", "ex:raw"), Record("entity", "ex:raw")])
    assert (len(names), len(links)) == (2, 2)


def test_what_is_known_is_not_named_again() -> None:
    def known(ids: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return np.array([id == "ex:raw" for id in ids])

    names, links = graph_rows([Record("used", None, ("ex:step", "ex:raw"))], known=known)
    assert names["id"].to_pylist() == ["ex:step"]
    assert len(links) == 2


def test_nothing_said_makes_no_rows() -> None:
    names, links = graph_rows([])
    assert (names.schema, links.schema) == (PROV_NAMES.schema, PROV_LINKS.schema)
    assert len(names) == len(links) == 0
