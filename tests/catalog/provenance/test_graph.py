"""Where a result comes from and what a fault reaches: walks along chains, fans, diamonds, cycles and shared things."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from holotype.catalog import Catalog, EntryNotFound, InvalidName, InvalidOption, LocalStore, ObjectDamaged, numbers
from holotype.catalog.provenance.graph import Graph
from holotype.catalog.provenance.hashing import keys
from holotype.catalog.provenance.linking import EMPTY, links_of, names_of
from holotype.catalog.provenance.model import TERMS, Record
from holotype.catalog.provenance.tables import PROV_TABLES

from ..samples import flip
from .graphs import bytes_of, catalog_of, graph_of, ids, keep, new_catalog

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

RAW, CLEAN, FIGURE = "ex:raw", "ex:clean", "ex:figure"
PIPELINE = [
    ("ex:wash", RAW, "used"),
    (CLEAN, "ex:wash", "wasGeneratedBy"),
    ("ex:plot", CLEAN, "used"),
    (FIGURE, "ex:plot", "wasGeneratedBy"),
    ("ex:wash", "ex:ada", "wasAssociatedWith"),
    ("ex:plot", "ex:ada", "wasAssociatedWith"),
    ("ex:wash", "ex:script", "plan"),
    ("ex:plot", "ex:script", "plan"),
]


def test_a_result_is_traced_to_what_it_came_from() -> None:
    graph = graph_of(PIPELINE)
    walk = graph.walk([FIGURE], past=True)
    found = pl.DataFrame(walk.nodes).select("id", pl.col("term").cast(pl.String), "depth").rows()
    assert found[0] == (FIGURE, "entity", 0)
    assert sorted(found[1:]) == [
        ("ex:ada", "agent", 2),
        ("ex:clean", "entity", 2),
        ("ex:plot", "activity", 1),
        ("ex:raw", "entity", 4),
        ("ex:script", "entity", 2),
        ("ex:wash", "activity", 3),
    ]
    assert [depth for _, _, depth in found] == [0, 1, 2, 2, 2, 3, 4]
    assert walk.complete


def test_the_links_of_a_walk_are_those_that_were_said() -> None:
    walk = graph_of(PIPELINE).walk([FIGURE], past=True)
    said = [
        (later, "wasAssociatedWith" if term == "plan" else term, earlier, True) for later, earlier, term in PIPELINE
    ]
    assert sorted(pl.DataFrame(walk.named()).with_columns(pl.col("term").cast(pl.String)).rows()) == sorted(said)
    assert walk.links.schema.names == ["node", "other", "term", "past"]
    assert keys([FIGURE])[0] in walk.links["node"].to_pylist()


def test_an_input_is_traced_to_what_came_of_it() -> None:
    graph = graph_of(PIPELINE)
    assert ids(graph, RAW, past=False) == [RAW, "ex:wash", CLEAN, "ex:plot", FIGURE]
    assert set(ids(graph, "ex:script", past=False)) == {"ex:script", "ex:wash", CLEAN, "ex:plot", FIGURE}
    assert graph.walk([RAW], past=False).links["past"].to_pylist() == [False] * 4


def test_a_walk_ends_at_a_depth_at_a_limit_or_at_terms() -> None:
    graph = graph_of(PIPELINE)
    assert ids(graph, RAW, past=False, depth=0) == [RAW]
    assert ids(graph, RAW, past=False, depth=2) == [RAW, "ex:wash", CLEAN]
    assert not graph.walk([RAW], past=False, depth=2).complete
    cut = graph.walk([FIGURE], past=True, limit=3)
    assert (cut.nodes.num_rows, cut.complete) == (3, False)
    assert cut.links.num_rows == 2
    whole = graph.walk([FIGURE], past=True, limit=7)
    assert (whole.nodes.num_rows, whole.complete) == (7, True)
    only = graph.walk([FIGURE], past=True, terms={"wasGeneratedBy", "used"})
    assert only.nodes["id"].to_pylist() == [FIGURE, "ex:plot", CLEAN, "ex:wash", RAW]
    with pytest.raises(InvalidOption, match="of -1 links"):
        graph.walk([FIGURE], past=True, depth=-1)
    with pytest.raises(InvalidOption, match="'wasMadeBy'"):
        graph.walk([FIGURE], past=True, terms={"wasMadeBy"})


def test_a_walk_may_begin_at_many() -> None:
    graph = graph_of(PIPELINE)
    walk = graph.walk([FIGURE, RAW, FIGURE], past=True)
    assert walk.nodes["id"].to_pylist()[:2] == [FIGURE, RAW]
    assert walk.nodes["depth"].to_pylist()[:2] == [0, 0]
    assert walk.nodes.num_rows == 7
    assert graph.walk([], past=True).nodes.num_rows == graph.walk([], past=True).links.num_rows == 0


def test_an_unknown_element_is_refused_with_the_nearest_names() -> None:
    graph = graph_of(PIPELINE)
    with pytest.raises(EntryNotFound, match="no 'ex:figrue'; most like it: ex:figure") as caught:
        graph.walk(["ex:figrue"], past=True)
    assert caught.value.nearest == ("ex:figure",)
    with pytest.raises(EntryNotFound, match=r"no 'nothing of the kind'$"):
        graph.path(FIGURE, "nothing of the kind")
    assert graph.nearest("figure") == (FIGURE,)
    assert Graph(new_catalog()).nearest("ex:a") == ()


def test_the_nearest_names_are_found_among_many() -> None:
    catalog = new_catalog()
    chance = random.Random(1)
    many = [f"urn:holotype:file:run:{chance.getrandbits(256):064x}:reads/{n:05}.fastq" for n in range(5000)]
    keep(catalog, [Record("entity", id) for id in many])
    graph = Graph(catalog)
    slip = many[4321][:40] + "x" + many[4321][41:]
    assert graph.nearest(slip)[0] == many[4321]
    assert graph.nearest("reads/01234.fastq")[0] == many[1234]


def test_a_cycle_is_walked_once() -> None:
    links = [("ex:a", "ex:b", "wasDerivedFrom"), ("ex:b", "ex:c", "wasDerivedFrom"), ("ex:c", "ex:a", "wasDerivedFrom")]
    graph = graph_of([*links, ("ex:a", "ex:a", "wasInfluencedBy")])
    for past in (True, False):
        assert set(ids(graph, "ex:a", past=past)) == {"ex:a", "ex:b", "ex:c"}
        assert graph.walk(["ex:a"], past=past).links.num_rows == 4
    assert graph.path("ex:a", "ex:c") == ("ex:a", "ex:b", "ex:c")


def chain(count: int) -> tuple[pa.Table, pa.Table]:
    """The names and links of so many activities, each of which used what the one before it made."""
    called = [f"ex:{kind}{n}" for n in range(count) for kind in ("file", "step")] + [f"ex:file{count}"]
    own = keys(called)
    terms = np.tile(np.array([list(TERMS).index(t) for t in ("used", "wasGeneratedBy")], np.int8), count)
    links = links_of(own[1:], own[:-1], terms, np.zeros(2 * count, np.bool_))
    return names_of(called, ["entity", "activity"] * count + ["entity"]), links


def test_a_chain_of_twenty_thousand_steps_is_walked_without_recursion() -> None:
    catalog = new_catalog()
    names, links = chain(20_000)
    catalog.commit(add=[catalog.write("prov_names", names), catalog.write("prov_links", links)], operation="test")
    graph = Graph(catalog)
    walk = graph.walk(["ex:file20000"], past=True)
    assert walk.nodes["depth"].to_pylist() == list(range(40_001))
    assert walk.nodes["id"][-1].as_py() == "ex:file0"
    assert walk.links.num_rows == 40_000
    assert len(graph.path("ex:file1000", "ex:file0")) == 2001
    assert graph.path("ex:file0", "ex:file100") == tuple(walk.nodes["id"].to_pylist()[-1:-202:-1])


def test_a_wide_fan_is_walked_whole() -> None:
    steps = [f"ex:step{n}" for n in range(3000)]
    made = [f"ex:made{n}" for n in range(3000)]
    links = [(step, RAW, "used") for step in steps]
    links += [(one, step, "wasGeneratedBy") for one, step in zip(made, steps, strict=True)]
    links += [("ex:all", one, "used") for one in made]
    graph = graph_of(links, commits=3)
    walk = graph.walk([RAW], past=False)
    assert set(walk.nodes["id"].to_pylist()) == {RAW, *steps, *made, "ex:all"}
    assert walk.links.num_rows == 9000
    assert set(ids(graph, "ex:all", past=True)) == set(walk.nodes["id"].to_pylist())


def test_what_all_have_shared_does_not_lead_from_one_to_the_others() -> None:
    links = [(f"ex:step{n}", "ex:script", "plan") for n in range(500)]
    links += [(f"ex:step{n}", "ex:ada", "wasAssociatedWith") for n in range(500)]
    links += [(f"ex:made{n}", f"ex:step{n}", "wasGeneratedBy") for n in range(500)]
    links += [("ex:script", "ex:earlier", "wasDerivedFrom"), ("ex:ada", "ex:boss", "actedOnBehalfOf")]
    graph = graph_of(links, commits=2)
    assert set(ids(graph, "ex:made7", past=True)) == {
        *("ex:made7", "ex:step7", "ex:script", "ex:ada", "ex:earlier", "ex:boss")
    }
    assert len(ids(graph, "ex:script", past=False)) == 1001
    assert graph.path("ex:made7", "ex:earlier") == ("ex:made7", "ex:step7", "ex:script", "ex:earlier")
    assert graph.path("ex:made7", "ex:made8") == ()


def specialized(file: str, content: str) -> tuple[str, str, str]:
    return file, bytes_of(content) if content else EMPTY, "specializationOf"


COPIES = [
    ("ex:step", "ex:raw", "used"),
    ("ex:made", "ex:step", "wasGeneratedBy"),
    specialized("ex:made", "same"),
    specialized("ex:copy", "same"),
    ("ex:other", "ex:copy", "used"),
]


def test_a_copy_is_traced_to_what_made_the_bytes() -> None:
    graph = graph_of(COPIES)
    assert ids(graph, "ex:copy", past=True)[:2] == ["ex:copy", bytes_of("same")]
    assert set(ids(graph, "ex:other", past=True)) == {
        *("ex:other", "ex:copy", bytes_of("same"), "ex:made", "ex:step", "ex:raw")
    }
    # What says itself where it came from is asked, and not its copies.
    assert set(ids(graph, "ex:made", past=True)) == {"ex:made", bytes_of("same"), "ex:step", "ex:raw"}
    plain = graph.walk(["ex:copy"], past=True, across=False)
    assert plain.nodes["id"].to_pylist() == ["ex:copy", bytes_of("same")]


def test_a_fault_reaches_what_was_made_from_copies() -> None:
    graph = graph_of(COPIES)
    assert ids(graph, "ex:raw", past=False) == [
        *("ex:raw", "ex:step", "ex:made", bytes_of("same"), "ex:copy", "ex:other")
    ]
    assert graph.walk(["ex:raw"], past=False, across=False).nodes.num_rows == 3
    assert graph.path("ex:other", "ex:raw") == tuple(reversed(ids(graph, "ex:raw", past=False)))
    assert graph.path("ex:raw", "ex:other") == tuple(ids(graph, "ex:raw", past=False))
    assert set(ids(graph, bytes_of("same"), past=True)) >= {"ex:made", "ex:copy", "ex:raw"}


def test_empty_files_have_nothing_in_common() -> None:
    links = [
        *(("ex:made", "ex:step", "wasGeneratedBy"), specialized("ex:made", ""), specialized("ex:copy", "")),
        ("ex:other", "ex:copy", "used"),
    ]
    graph = graph_of(links)
    assert ids(graph, "ex:step", past=False) == ["ex:step", "ex:made"]
    assert ids(graph, "ex:other", past=True) == ["ex:other", "ex:copy", EMPTY]


@pytest.mark.parametrize("few", [0, 100])
def test_alternates_are_the_same_from_either_end(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holotype.catalog.provenance.graph._FEW", few)
    links = [
        *(("ex:made", "ex:step", "wasGeneratedBy"), ("ex:made", "ex:copy", "alternateOf")),
        *(("ex:use", "ex:copy", "used"), ("ex:other", "ex:made", "used")),
        *(("ex:twin", "ex:made", "alternateOf"), ("ex:twin", "ex:origin", "wasDerivedFrom")),
    ]
    graph = graph_of(links)
    assert set(ids(graph, "ex:step", past=False)) == {
        *("ex:step", "ex:made", "ex:copy", "ex:use", "ex:other", "ex:twin")
    }
    assert set(ids(graph, "ex:use", past=True)) == {"ex:use", "ex:copy", "ex:made", "ex:step"}
    assert set(ids(graph, "ex:copy", past=False)) == {"ex:copy", "ex:use", "ex:made", "ex:other", "ex:twin"}
    # What says itself where it came from is asked, and not those that say they are the same.
    assert set(ids(graph, "ex:made", past=True)) == {"ex:made", "ex:step", "ex:copy"}


def test_the_graph_is_the_same_after_merging_and_old_states_stay_as_they_were() -> None:
    catalog = catalog_of(PIPELINE, commits=4)
    before = catalog.state
    old = Graph(catalog)
    keep(catalog, [Record("used", None, ("ex:print", FIGURE))])
    assert catalog.compact() is not None
    assert len(catalog.state.segments("prov_links")) == 1
    assert ids(Graph(catalog), RAW, past=False)[-1] == "ex:print"
    assert ids(old, RAW, past=False)[-1] == FIGURE
    assert ids(Graph(catalog, state=before), RAW, past=False)[-1] == FIGURE


def test_which_elements_are_known() -> None:
    graph = graph_of(PIPELINE)
    assert graph.known([RAW, "ex:new", FIGURE, RAW]).tolist() == [True, False, True, True]
    assert graph.known([]).tolist() == []
    assert Graph(new_catalog()).known([RAW]).tolist() == [False]
    assert graph.ids(keys([FIGURE, RAW, FIGURE])) == [FIGURE, RAW, FIGURE]
    with pytest.raises(ObjectDamaged, match="has links and no name"):
        graph.ids([1])


def test_two_elements_with_one_key_are_not_taken_for_one_another() -> None:
    catalog = new_catalog()
    names = names_of(["ex:other"], ["entity"]).set_column(0, "key", numbers(keys([RAW]))).cast(names_of([], []).schema)
    catalog.commit(add=[catalog.write("prov_names", names)], operation="test")
    with pytest.raises(InvalidName, match="'ex:raw' has the key of 'ex:other'"):
        Graph(catalog).known([RAW])
    with pytest.raises(EntryNotFound):
        Graph(catalog).walk([RAW], past=True)


def test_a_flipped_bit_is_damage_and_never_another_history(tmp_path: Path) -> None:
    for table, held in (("prov_links", True), ("prov_names", True), ("prov_links", False), ("prov_names", False)):
        store = LocalStore(tmp_path / f"{table}{held}", durable=False)
        catalog = Catalog.create(store, tables=PROV_TABLES)
        names, links = chain(100 if held else 10_000)
        catalog.commit(add=[catalog.write("prov_names", names), catalog.write("prov_links", links)], operation="test")
        graph = Graph(catalog)
        assert graph.walk(["ex:file7"], past=True).nodes.num_rows == 15
        segment = catalog.state.segments(table)[0]
        assert (segment.bytes < 256 << 10) == held
        flip(store, segment.key)
        again = Graph(Catalog.open(store, tables=PROV_TABLES))
        with pytest.raises(ObjectDamaged, match=segment.name):
            again.walk(["ex:file7"], past=True)


def test_a_graph_may_be_shared_between_threads(tmp_path: Path) -> None:
    catalog = Catalog.create(LocalStore(tmp_path, durable=False), tables=PROV_TABLES, compact_above=None)
    names, links = chain(20_000)
    for part in range(4):
        rows = [table.slice(part * len(table) // 4, len(table) // 4 + 1) for table in (names, links)]
        parts = [catalog.write(name, each) for name, each in zip(("prov_names", "prov_links"), rows, strict=True)]
        catalog.commit(add=parts, operation="test")
    graph = Graph(catalog)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: ids(graph, f"ex:file{n}", past=True, depth=20), range(10, 20_000, 500)))
    assert [each[-1] for each in found] == [f"ex:file{n - 10}" for n in range(10, 20_000, 500)]
