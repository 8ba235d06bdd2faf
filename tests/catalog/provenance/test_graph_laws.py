"""A walk comes to what looking at every link in every step would come to, however the links lie on the disk."""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.catalog.provenance.graph import Graph
from holotype.catalog.provenance.linking import EMPTY
from holotype.catalog.provenance.model import ELEMENTS, TERMS

from ...effort import share
from .graphs import bytes_of, catalog_of, graph_of, model, record, reverse

if TYPE_CHECKING:
    from holotype.catalog.provenance.graph import Walk

# Keys, by which everything is sorted, have nothing to do with these names.
PLAIN = [f"ex:{letter}" for letter in "abcdefgh"]
FILES = PLAIN[:4]
CONTENTS = [bytes_of("one"), bytes_of("two"), EMPTY]
RELATIONS = [name for name in TERMS if name not in ELEMENTS]

links_between = st.tuples(st.sampled_from(PLAIN), st.sampled_from(PLAIN), st.sampled_from(RELATIONS))
links_to_content = st.tuples(st.sampled_from(FILES), st.sampled_from(CONTENTS), st.just("specializationOf"))
uses_of_content = st.tuples(st.sampled_from(PLAIN), st.sampled_from(CONTENTS), st.just("used"))
origins = st.tuples(st.sampled_from(FILES), st.sampled_from(PLAIN[4:]), st.just("wasGeneratedBy"))
twins = st.tuples(st.sampled_from(FILES), st.sampled_from(FILES), st.just("alternateOf"))
uses = st.tuples(st.sampled_from(PLAIN[4:]), st.sampled_from(FILES), st.just("used"))
graphs = st.lists(
    st.one_of(links_between, links_to_content, links_to_content, uses_of_content, origins, twins, uses),
    min_size=1,
    max_size=30,
)


@settings(max_examples=share(80), deadline=None)
@given(links=graphs, start=st.sampled_from(PLAIN), beside=st.integers(0, 30), past=st.booleans())
def test_what_stands_beside_a_graph_is_walked_as_if_it_were_in_it(
    *, links: list[tuple[str, str, str]], start: str, beside: int, past: bool
) -> None:
    whole = graph_of(links)
    parted = graph_of(links[beside:]).beside(map(record, links[:beside]))
    assert parted.known([start]).tolist() == whole.known([start]).tolist()
    if not whole.known([start])[0]:
        return
    one, other = (graph.walk([start], past=past) for graph in (whole, parted))
    assert one.nodes["id"].to_pylist() == other.nodes["id"].to_pylist()
    assert sorted(one.named().to_pylist(), key=str) == sorted(other.named().to_pylist(), key=str)
    for end in PLAIN:
        if whole.known([end])[0]:
            assert len(whole.path(start, end)) == len(parted.path(start, end))


@settings(max_examples=share(80), deadline=None)
@given(
    links=graphs,
    depth=st.one_of(st.none(), st.integers(0, 5)),
    terms=st.one_of(st.none(), st.none(), st.sets(st.sampled_from(RELATIONS), min_size=3)),
    commits=st.integers(1, 3),
    few=st.sampled_from([0, 1000]),
    many=st.sampled_from([1, 1000]),
    held=st.sampled_from([0, 1 << 20]),
)
def test_a_walk_is_what_looking_at_every_link_comes_to(
    *,
    links: list[tuple[str, str, str]],
    depth: int | None,
    terms: set[str] | None,
    commits: int,
    few: int,
    many: int,
    held: int,
) -> None:
    catalog = catalog_of(links, commits=commits)
    said = {(later, term, earlier) for later, earlier, term in links}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("holotype.catalog.provenance.graph._FEW", few)
        patch.setattr("holotype.catalog.provenance.links._MANY", many)
        patch.setattr("holotype.catalog.lookup.HELD", held)
        graph = Graph(catalog)
        for start, past, across in product(ends(links), (True, False), (True, False)):
            walk = graph.walk([start], past=past, depth=depth, terms=terms, across=across)
            found = dict(zip(walk.nodes["id"].to_pylist(), walk.nodes["depth"].to_pylist(), strict=True))
            assert found == model(links, start, past=past, depth=depth, terms=terms, across=across)
            gone = said_by(walk)
            assert len(gone) == len(set(gone))
            assert said.issuperset(gone)
            if depth is None and terms is None and past:  # all that was said of what was come to
                assert {link for link in said if link[0] in found}.issubset(gone)


@settings(max_examples=share(60), deadline=None)
@given(links=graphs, many=st.sampled_from([1, 1000]), held=st.sampled_from([0, 1 << 20]))
def test_a_path_is_a_shortest_one(*, links: list[tuple[str, str, str]], many: int, held: int) -> None:
    there = {(one, other) for one, other, _ in (*links, *reverse(links))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("holotype.catalog.provenance.links._MANY", many)
        patch.setattr("holotype.catalog.lookup.HELD", held)
        graph = graph_of(links, commits=2)
        future = {each: model(links, each, past=False) for each in ends(links)}
        for a, b in product(future, future):
            path = graph.path(a, b)
            # A way through the past is a way through the future from its other end.
            steps = future[b].get(a, future[a].get(b))
            assert len(path) == (0 if steps is None else steps + 1)
            assert not path or (path[0], path[-1]) == (a, b)
            assert all(pair in there for pair in pairwise(path))


def ends(links: list[tuple[str, str, str]]) -> list[str]:
    """What the links are between."""
    return sorted({end for later, earlier, _ in links for end in (later, earlier)})


def said_by(walk: Walk) -> list[tuple[str, str, str]]:
    """The links of a walk as they were said: what came later, the relation, what was there before."""
    return [
        (row["node"], row["term"], row["other"]) if row["past"] else (row["other"], row["term"], row["node"])
        for row in walk.named().to_pylist()
    ]
